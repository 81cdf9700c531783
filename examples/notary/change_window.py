#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A handler of the notary as a command: outside of the change window nothing goes to production.

One event is a line of JSON on standard input, the answer is a line of JSON on standard output.  With
`events_per_process` above 1 in the handlers file the same process is given one line after the other.
"""
import argparse
import datetime
import json
import sys


def decide(event, now, first, last):
    if first <= now.hour < last or event.get("priority") == "critical":
        return {"verdict": "accept", "metadata": {"hour": now.hour}}
    return {"verdict": "reject", "reason": f"{now:%H:%M} UTC is outside of the change window, {first} to {last} o'clock"}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--from", dest="first", type=int, default=0)
    arguments.add_argument("--to", dest="last", type=int, default=24)
    options = arguments.parse_args()
    for line in sys.stdin:
        now = datetime.datetime.now(datetime.timezone.utc)
        print(json.dumps(decide(json.loads(line), now, options.first, options.last)), flush=True)


if __name__ == "__main__":
    main()
