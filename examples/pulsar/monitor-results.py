#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints what the notary publishes, results, status updates and errors, until Ctrl-C.

    python examples/pulsar/monitor-results.py [SERVICE_URL] [--count N] [--from-earliest]

With --count it ends after N results or errors.  Needs the official client: pip install pulsar-client.  Works alike
with Geminga and Apache Pulsar.
"""
import argparse
import json
import os
import queue
import sys

import pulsar

NAMESPACE = "persistent://afdp/default/"
TOPICS = {
    "result": os.environ.get("PULSAR_RESULTS_TOPIC", NAMESPACE + "afdp.notary.results"),
    "status": os.environ.get("PULSAR_STATUS_TOPIC", NAMESPACE + "afdp.notary.status"),
    "error": os.environ.get("PULSAR_ERRORS_TOPIC", NAMESPACE + "afdp.notary.errors"),
}


def arguments():
    parser = argparse.ArgumentParser(description="Prints what the notary publishes.")
    parser.add_argument("url", nargs="?", default=os.environ.get("PULSAR_SERVICE_URL", "pulsar://localhost:6650"))
    parser.add_argument("--count", type=int, default=0, help="end after so many results or errors")
    parser.add_argument("--from-earliest", action="store_true", help="begin with what is there already")
    return parser.parse_args()


def describe(kind, message):
    if kind == "status":
        return f"{message['status']} ({message['progress']['percentage']} %): {message['message']}"
    if kind == "error":
        faults = message["details"].get("validation_errors", [])
        return "\n  ".join([f"{message['error_type']}: {message['message']}", *faults])
    if not message["success"]:  # rejected, expired or cancelled; there is no receipt
        return f"refused: {message['error']}"
    receipt = message["receipt"]
    return f"log entry {receipt['log_index']}, {receipt['evidence_package_hash']}"


def main():
    options = arguments()
    arrived = queue.Queue()
    start = pulsar.MessageId.earliest if options.from_earliest else pulsar.MessageId.latest
    client = pulsar.Client(options.url, logger=pulsar.ConsoleLogger(pulsar.LoggerLevel.Error))
    try:
        for kind, topic in TOPICS.items():
            client.create_reader(topic, start, reader_listener=lambda _, message, kind=kind: arrived.put((kind, message)))
        print(f"watching {options.url}; Ctrl-C ends", flush=True)
        left = options.count or sys.maxsize
        while left > 0:
            kind, message = arrived.get()
            content = json.loads(message.data())
            print(f"{kind:6} {content['event_id']} {describe(kind, content)}", flush=True)
            left -= kind != "status"
    except pulsar.PulsarException as error:
        sys.exit(f"cannot read from {options.url}: {error}")
    except KeyboardInterrupt:
        pass
    finally:
        client.shutdown()


if __name__ == "__main__":
    main()
