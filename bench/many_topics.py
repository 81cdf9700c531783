# SPDX-License-Identifier: Apache-2.0
"""Many active topics through the broker beside one: the same messages, the same number under way.

    bench/many_topics.py PROGRAM [--topics 10000] [--messages 300000] [--size 1024] [--window 1000] [--rounds 5]

Each round runs two brokers in turn, each on a fresh directory: all messages to one topic, and the same round-robin to
TOPICS of them, every message an entry of its own.  The frames are encoded ahead, so the load is the same for both.
"written" is what the broker had written to the disk by the kernel's count, for each byte published: when the last
receipt came, and after it has been stopped, with all of it where it rests.  Only the ratios are worth keeping.
"""
import argparse
import os
import socket
import statistics
import tempfile
import time

from busy_topic import written
from figures import CONNECT, Broker, answer, command
from topics import producer, send_to

CREATED_AT_A_TIME = 1000
PONG = command(19, 19, b"")


def connect(port):
    peer = socket.create_connection(("127.0.0.1", port))
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.sendall(CONNECT)
    answer(peer, 3)
    return peer


def create_producers(peer, count):
    for first in range(1, count + 1, CREATED_AT_A_TIME):
        ids = range(first, min(first + CREATED_AT_A_TIME, count + 1))
        peer.sendall(b"".join(producer(id_, id_) for id_ in ids))
        for _ in ids:
            answer(peer, 17)


class Receipts:
    """Counts them; the broker's pings are answered, and anything else is the end."""

    def __init__(self, peer):
        self.peer, self.rest, self.count = peer, b"", 0

    def take(self):
        data = self.rest + self.peer.recv(1 << 18)
        if len(data) == len(self.rest):
            raise SystemExit("the broker closed the connection")
        at = 0
        while at + 4 <= len(data):
            end = at + 4 + int.from_bytes(data[at:at + 4], "big")
            if end > len(data):
                break
            kind = data[at + 9]
            if kind == 7:
                self.count += 1
            elif kind == 18:
                self.peer.sendall(PONG)
            else:
                raise SystemExit(f"command {kind} instead of a receipt")
            at = end
        self.rest = data[at:]


def publish(peer, frames, total, window):
    """`frames` one after the other, again and again; seconds."""
    ends = [0]
    for frame in frames:
        ends.append(ends[-1] + len(frame))
    every = memoryview(b"".join(frames))
    receipts, sent = Receipts(peer), 0
    began = time.perf_counter()
    while receipts.count < total:
        at = sent % len(frames)
        n = min(window - (sent - receipts.count), total - sent, len(frames) - at)
        if n > 0:
            peer.sendall(every[ends[at]:ends[at + n]])
            sent += n
        else:
            receipts.take()
    return time.perf_counter() - began


def run(args, topics):
    with tempfile.TemporaryDirectory(dir=args.data) as data:
        broker = Broker(args.program, data)
        peer = connect(broker.port)
        create_producers(peer, topics)
        frames = [send_to(1 + i % topics, os.urandom(args.size)) for i in range(max(topics, args.window))]
        publish(peer, frames, len(frames), args.window)  # so that each has a ledger
        cpu, before = broker.cpu_seconds(), written(broker.process.pid)
        seconds = publish(peer, frames, args.messages, args.window)
        cpu = broker.cpu_seconds() - cpu
        at_once = written(broker.process.pid) - before
        peer.close()
        broker.process.terminate()
        at_rest = at_once
        while broker.process.poll() is None:
            try:
                at_rest = (written(broker.process.pid) or at_rest + before) - before
            except OSError:
                break
            time.sleep(0.01)
        broker.process.wait()
    published = args.messages * args.size
    rate = args.messages / seconds
    print(f"{topics:>6} topic{'s' if topics > 1 else ' '}: {rate:>8.0f} messages/s, {1e6 * cpu / args.messages:.1f} us of cpu "
          f"each; written {at_once / published:.2f} bytes for each, {at_rest / published:.2f} with the stop", flush=True)
    return rate


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--topics", type=int, default=10000)
    parser.add_argument("--messages", type=int, default=300000)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--window", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", help="where the data directories are made (the default: the temporary directory)")
    args = parser.parse_args()
    ratios = []
    for i in range(args.rounds):
        rates = {topics: run(args, topics) for topics in ((1, args.topics) if i % 2 == 0 else (args.topics, 1))}
        ratios.append(100 * rates[args.topics] / rates[1])
    print(f"bench: {args.topics} topics are {statistics.median(ratios):.0f} % as fast as one "
          f"({min(ratios):.0f} to {max(ratios):.0f}, {args.rounds} rounds)")


if __name__ == "__main__":
    main()
