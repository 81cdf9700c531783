# SPDX-License-Identifier: Apache-2.0
"""Ten thousand connections with a consumer each, all of one shared subscription; and what a kill does to them.

    bench/crowd.py PROGRAM LOAD [--clients 10000] [--messages 200000] [--size 100] [--data DIRECTORY]

LOAD is build/crowd.  Subscribes all of them, publishes the messages, each of which somebody acknowledges; then the
broker is ended by SIGKILL and started again on the same port, and all clients come back by themselves, each after a
pause that doubles.  Told: how long each takes, who got the least and the most of the messages, and the broker's memory.
"""
import argparse
import json
import os
import signal
import subprocess
import tempfile

from figures import Broker


ROOM = {**os.environ, "GEMINGA_MAX_CONNECTIONS": "0"}


class AtPort(Broker):
    """A broker at the port of an earlier one."""

    def __init__(self, program, data, port):
        self.process = subprocess.Popen(
            [program, "standalone", "--data", data, "--port", str(port), "--http-port", "0", "-o", "json"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ROOM)
        self.ready = json.loads(self.process.stdout.readline())
        self.port = port


def main():
    options = argparse.ArgumentParser()
    options.add_argument("program")
    options.add_argument("load")
    options.add_argument("--clients", type=int, default=10000)
    options.add_argument("--messages", type=int, default=200000)
    options.add_argument("--size", type=int, default=100)
    options.add_argument("--data")
    args = options.parse_args()
    with tempfile.TemporaryDirectory(dir=args.data) as data:
        broker = Broker(args.program, data, ROOM)
        load = subprocess.Popen([args.load, str(broker.port), "persistent://public/default/crowd", str(args.clients),
                                 str(args.messages), str(args.size)], stdout=subprocess.PIPE, text=True)
        came = json.loads(load.stdout.readline())
        print(f"{came['clients']} clients connected and subscribed in {came['subscribed_s']:.2f} s: "
              f"{came['clients_per_s']:.0f}/s", flush=True)
        fed = json.loads(load.stdout.readline())
        print(f"{fed['messages']} messages of {args.size} bytes published, delivered and acknowledged: {fed['per_s']:.0f}/s; "
              f"of one client {fed['least_of_a_client']} to {fed['most']}; "
              f"the broker's memory {broker.status('VmHWM') / 1024:.0f} MiB at most", flush=True)
        assert load.stdout.readline() == "ready\n"
        broker.process.send_signal(signal.SIGKILL)
        broker.process.wait()
        broker = AtPort(args.program, data, broker.port)
        back = json.loads(load.stdout.readline())
        print(f"after kill -9 all are back {back['back_s']:.2f} s after the first lost its connection, "
              f"{back['since_the_first_could_connect_s']:.2f} s after the first could connect again")
        load.wait()
        broker.stop()
    print(f"crowd: {args.clients} clients, {args.messages} messages, one kill")


if __name__ == "__main__":
    main()
