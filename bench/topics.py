# SPDX-License-Identifier: Apache-2.0
"""Many topics through the broker: each published to once; then what they cost, and what stands still meanwhile.

    bench/topics.py PROGRAM [--topics 100000] [--idle 150]

Needs nothing but Python, as figures.py.  A second connection publishes one message after the other all the time: its
slowest receipt tells how long the broker's core did not come round.
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


class Lone:
    """A process that publishes one message after the other; `slowest_ms` since the last look."""

    def __init__(self, port):
        self.slowest = multiprocessing.Value("d", 0.0)
        self.going = multiprocessing.Value("b", 1)
        self.process = multiprocessing.Process(target=lone_publishes, args=(port, self.slowest, self.going))
        self.process.start()

    def slowest_ms(self):
        slowest, self.slowest.value = self.slowest.value, 0.0
        return slowest * 1000

    def end(self):
        self.going.value = 0
        self.process.join()


def say(what, value, unit, more=""):
    print(f"{what:<46} {value:>9.1f} {unit:<4} {more}", flush=True)


def cost(broker, topics, what):
    resident = broker.status("VmRSS")
    files = len(os.listdir(f"/proc/{broker.process.pid}/fd"))
    say(f"{what}: resident memory", resident / 1024, "MiB", f"({files} files open)")
    return resident


def loaded(broker):
    with urllib.request.urlopen(broker.ready["http_url"] + "/metrics") as r:
        for line in r.read().decode().splitlines():
            if line.startswith("pulsar_broker_topics_count"):
                return int(float(line.rsplit(" ", 1)[1]))


def listing(broker, lone, topics):
    lone.slowest_ms()
    began = time.perf_counter()
    with urllib.request.urlopen(broker.ready["http_url"] + "/admin/v2/persistent/public/default") as r:
        size = len(r.read())
    ms = (time.perf_counter() - began) * 1000
    say("all names over HTTP", ms, "ms", f"({size / 1e6:.1f} MB; slowest lone publish {lone.slowest_ms():.1f} ms)")
    began = time.perf_counter()
    with urllib.request.urlopen(broker.ready["http_url"] + "/metrics") as r:
        size = len(r.read())
    ms = (time.perf_counter() - began) * 1000
    say("metrics", ms, "ms", f"({size / 1e6:.1f} MB; slowest lone publish {lone.slowest_ms():.1f} ms)")


def fill(broker, topics):
    lone, peer = Lone(broker.port), figures.producer(broker.port)
    began = time.perf_counter()
    for first in range(0, topics, 500):
        publish_once(peer, first, min(500, topics - first))
    seconds = time.perf_counter() - began
    say("created and published to", seconds, "s", f"({topics / seconds:.0f} topics/s; slowest lone publish "
                                                   f"{lone.slowest_ms():.1f} ms)")
    peer.close()
    return lone


def stop(broker):
    began = time.perf_counter()
    broker.process.terminate()
    broker.process.wait(120)
    say("orderly stop", (time.perf_counter() - began) * 1000, "ms")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--topics", type=int, default=100000)
    parser.add_argument("--idle", type=int, default=150)
    args = parser.parse_args()
    os.environ.update(GEMINGA_DELETE_INACTIVE_TOPICS="false", GEMINGA_LOG_LEVEL="warn")
    with tempfile.TemporaryDirectory() as data:
        broker = Broker(args.program, data)
        empty = cost(broker, args.topics, "empty")
        lone = fill(broker, args.topics)
        resident = cost(broker, args.topics, f"{args.topics} topics, just used")
        listing(broker, lone, args.topics)
        if args.idle:
            lone.slowest_ms()
            time.sleep(args.idle)
            say(f"idle for {args.idle} s: still loaded", loaded(broker), "", f"(slowest lone publish {lone.slowest_ms():.1f} ms)")
            resident = cost(broker, args.topics, "unloaded")
        lone.end()
        say("of that, each topic", (resident - empty) * 1024 / args.topics, "B")
        stop(broker)
        for _ in range(3):
            broker = Broker(args.program, data)
            say("start to ready line", broker.ready_ms, "ms")
            stop(broker)
        broker = Broker(args.program, data)
        resident = cost(broker, args.topics, "started")
        say("of that, each topic", (resident - empty) * 1024 / args.topics, "B")
        broker.process.kill()
        broker.process.wait()
        broker = Broker(args.program, data)
        lone = fill(broker, args.topics)
        lone.end()
        broker.process.kill()
        broker.process.wait()
        broker = Broker(args.program, data)
        say("start to ready line, killed after all that", broker.ready_ms, "ms")
        stop(broker)
    print(f"topics: {args.topics} topics, each published to twice")


if __name__ == "__main__":
    main()
