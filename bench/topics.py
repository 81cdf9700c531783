# SPDX-License-Identifier: Apache-2.0
"""Many topics through the broker: each published to once; then what they cost, and what stands still meanwhile.

    bench/topics.py PROGRAM [--topics 100000] [--idle 150] [--quiet 20] [--data DIRECTORY]

Needs nothing but Python, as figures.py.  Two more connections go on all the time: one sends pings, whose slowest answer
tells how long the broker's core did not come round, and one publishes a message after the other, whose slowest receipt
has the disk's delay in it as well.
"""
import argparse
import multiprocessing
import os
import tempfile
import time
import urllib.request

import figures
from figures import CONNECT, Broker, answer, command, number, send, text


def topic(n):
    return f"persistent://public/default/topic-{n:07}"


def producer(n, id_):
    return command(5, 5, text(1, topic(n)) + number(2, id_) + number(3, id_))


def send_to(id_, payload):
    metadata = text(1, "p") + number(2, 0) + number(3, int(time.time() * 1000))
    entry = len(metadata).to_bytes(4, "big") + metadata + payload
    return command(6, 6, number(1, id_) + number(2, 0), entry)


def close_producer(id_):
    return command(15, 15, number(1, id_) + number(2, id_))


def publish_once(peer, first, count):
    """One message to each topic: the steps of `count` topics are under way at a time."""
    ids = range(2, 2 + count)
    peer.sendall(b"".join(producer(first + i, id_) for i, id_ in enumerate(ids)))
    for _ in ids:
        answer(peer, 17)
    peer.sendall(b"".join(send_to(id_, b"x" * 100) for id_ in ids))
    for _ in ids:
        answer(peer, 7)
    peer.sendall(b"".join(close_producer(id_) for id_ in ids))
    for _ in ids:
        answer(peer, 13)


PING = command(18, 18, b"")


def lone_publishes(port, slowest, going):
    peer = figures.producer(port)
    sequence = 0
    while going.value:
        began = time.perf_counter()
        peer.sendall(send(sequence, b"x" * 100))
        answer(peer, 7)
        slowest.value = max(slowest.value, time.perf_counter() - began)
        sequence += 1
        time.sleep(0.002)


def lone_pings(port, slowest, going):
    peer = figures.producer(port)
    while going.value:
        began = time.perf_counter()
        peer.sendall(PING)
        answer(peer, 19)
        slowest.value = max(slowest.value, time.perf_counter() - began)
        time.sleep(0.001)


class Lone:
    """Processes that ping, and publish one message after the other; the slowest of each since the last look."""

    def __init__(self, port):
        self.going = multiprocessing.Value("b", 1)
        self.slowest = [multiprocessing.Value("d", 0.0) for _ in range(2)]
        self.processes = [multiprocessing.Process(target=run, args=(port, slowest, self.going))
                          for run, slowest in zip((lone_pings, lone_publishes), self.slowest)]
        for process in self.processes:
            process.start()

    def told(self):
        ping, publish = (slowest.value * 1000 for slowest in self.slowest)
        for slowest in self.slowest:
            slowest.value = 0.0
        return f"slowest ping {ping:.1f} ms, lone publish {publish:.1f} ms"

    def end(self):
        self.going.value = 0
        for process in self.processes:
            process.join()


def say(what, value, unit, more=""):
    print(f"{what:<46} {value:>9.1f} {unit:<4} {more}", flush=True)


def cost(broker, what):
    resident = broker.status("VmRSS")
    files = len(os.listdir(f"/proc/{broker.process.pid}/fd"))
    say(f"{what}: resident memory", resident / 1024, "MiB", f"({files} files open)")
    return resident


def loaded(broker):
    with urllib.request.urlopen(broker.ready["http_url"] + "/metrics") as r:
        for line in r.read().decode().splitlines():
            if line.startswith("geminga_broker_topics_loaded"):
                return int(float(line.rsplit(" ", 1)[1]))


def fetch(broker, lone, what, path):
    lone.told()
    before = broker.status("VmRSS")
    began = time.perf_counter()
    with urllib.request.urlopen(broker.ready["http_url"] + path) as r:
        size = len(r.read())
    ms = (time.perf_counter() - began) * 1000
    say(what, ms, "ms", f"({size / 1e6:.1f} MB; memory +{(broker.status('VmRSS') - before) / 1024:.1f} MiB; {lone.told()})")


def fill(broker, topics):
    lone, peer = Lone(broker.port), figures.producer(broker.port)
    began = time.perf_counter()
    for first in range(0, topics, 500):
        publish_once(peer, first, min(500, topics - first))
    seconds = time.perf_counter() - began
    say("created and published to", seconds, "s", f"({topics / seconds:.0f} topics/s; {lone.told()})")
    peer.close()
    return lone


def quiet(broker, seconds):
    """Nobody is connected: what the broker does for the topics that are there."""
    time.sleep(3)  # the seal, and whatever else follows the last write
    cpu, switches = broker.cpu_seconds(), broker.status("voluntary_ctxt_switches")
    time.sleep(seconds)
    wakes = broker.status("voluntary_ctxt_switches") - switches
    say(f"{seconds} s without clients: share of a core", 100 * (broker.cpu_seconds() - cpu) / seconds, "%",
        f"({wakes} wake-ups)")


def stop(broker):
    began = time.perf_counter()
    broker.process.terminate()
    broker.process.wait(120)
    say("orderly stop", (time.perf_counter() - began) * 1000, "ms")


def kill(broker):
    broker.process.kill()
    broker.process.wait()


def start(program, data, what):
    """To the receipt of a message for the first topic."""
    broker = Broker(program, data)
    peer = figures.producer(broker.port)
    publish_once(peer, 0, 1)
    ms = (time.perf_counter() - broker.began) * 1000
    peer.close()
    say(what, ms, "ms", f"(ready line after {broker.ready_ms:.1f} ms)")
    return broker


def life(program, data, args):
    broker = Broker(program, data)
    empty = cost(broker, "empty")
    lone = fill(broker, args.topics)
    resident = cost(broker, f"{args.topics} topics, just used")
    fetch(broker, lone, "all names over HTTP", "/admin/v2/persistent/public/default")
    fetch(broker, lone, "metrics", "/metrics")
    if args.idle:
        lone.told()
        time.sleep(args.idle)
        say(f"idle for {args.idle} s: still loaded", loaded(broker), "", f"({lone.told()})")
        resident = cost(broker, "unloaded")
    lone.end()
    say("of that, each topic", (resident - empty) * 1024 / args.topics, "B")
    if args.quiet:
        quiet(broker, args.quiet)
    stop(broker)
    for _ in range(3):
        broker = start(program, data, "start to first receipt, after a stop")
        stop(broker)
    broker = start(program, data, "start to first receipt, after a stop")
    resident = cost(broker, "started")
    say("of that, each topic", (resident - empty) * 1024 / args.topics, "B")
    fill(broker, args.topics).end()
    kill(broker)
    stop(start(program, data, "start to first receipt, killed after all that"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--topics", type=int, default=100000)
    parser.add_argument("--idle", type=int, default=150)
    parser.add_argument("--quiet", type=int, default=20)
    parser.add_argument("--data", help="where the data directory is made (the default: the temporary directory)")
    args = parser.parse_args()
    os.environ.update(GEMINGA_DELETE_INACTIVE_TOPICS="false", GEMINGA_LOG_LEVEL="warn")
    with tempfile.TemporaryDirectory(dir=args.data) as data:
        life(args.program, data, args)
    print(f"topics: {args.topics} topics, each published to twice, stopped five times, killed once")


if __name__ == "__main__":
    main()
