# SPDX-License-Identifier: Apache-2.0
"""What a message costs as other things become many: topics, subscriptions, consumers, backlog, unacknowledged messages.

    bench/growth.py PROGRAM [--most 100000] [--only topics ...] [--messages 50000] [--simulated BUILD] [--plots DIRECTORY]

Each grows by powers of ten, on a fresh broker; then the same number of messages goes through it, and the processor time of all the
broker's threads is divided by it (schedstat, nanoseconds).  With --simulated, instructions of each message as well, by
tools/instructions, for those that it has a scenario for.  With --plots, lines on logarithmic axes: what does not depend is flat.
"""
import argparse
import os
import subprocess
import sys
import tempfile

import plot
import speaking
from figures import Broker
from footprint import SOLE, names, settled
from speaking import MESSAGE, Peer, ack, delivered, flow, message

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAYLOAD = b"x" * 1000
MANY = {"GEMINGA_MAX_UNACKED_MESSAGES_PER_CONSUMER": "0", "GEMINGA_MAX_UNACKED_MESSAGES_PER_SUBSCRIPTION": "0"}


def used_us(broker):
    base = f"/proc/{broker.process.pid}/task"
    return sum(int(open(f"{base}/{task}/schedstat").read().split()[0]) for task in os.listdir(base)) / 1000


def counted(broker, count, work):
    """Microseconds of the broker's processor for each of `count` messages; the best of three, for others work beside it."""
    best = None
    for _ in range(3):
        before = used_us(broker)
        work()
        each = (used_us(broker) - before) / count
        best = each if best is None else min(best, each)
    return best


class Sequence:
    """SENDs of one producer, each with the next number."""

    def __init__(self, producers=1):
        self.next, self.producers = 0, producers

    def take(self, count):
        self.next += count
        return [message(i % self.producers, i, PAYLOAD) for i in range(self.next - count, self.next)]


def by_parts(count):
    return range(0, count, 5000)


def topics(broker, n, count):
    """A message to one of n topics in turn."""
    peer, sequence = Peer(broker.port), Sequence(n)
    peer.produce(names("t", n))
    peer.publish(sequence.take(n))
    settled(broker)

    def work():
        for _ in by_parts(count):
            peer.publish(sequence.take(5000))

    return counted(broker, count, work)


def taken(peer, until):
    """Waits for so many deliveries in all."""
    peer.wait(MESSAGE, until)


def acknowledging(peer, every, cumulative):
    """Each delivery, or every so many, is acknowledged; permits are renewed likewise."""
    seen = [0]

    def on_message(frame):
        seen[0] += 1
        if seen[0] % every == 0:
            consumer, id_, _ = delivered(frame)
            peer.send(ack(consumer, id_, cumulative), flow(consumer, every))

    peer.on_message = on_message


def subscriptions(broker, n, count):
    """A delivery, of a topic whose n subscriptions each get every message."""
    sender, receiver, sequence = Peer(broker.port), Peer(broker.port), Sequence()
    sender.produce(["t"])
    receiver.subscribe(["t"] * n, names("s", n))
    receiver.send(*[flow(i, 1000000) for i in range(n)])
    settled(broker)
    messages = max(1, count // n)

    def work():
        for first in range(0, messages, 200):
            part = min(200, messages - first)
            goal = receiver.counts[MESSAGE] + part * n
            sender.publish(sequence.take(part))
            taken(receiver, goal)

    return counted(broker, messages * n, work)


def pass_through(sender, receiver, sequence, count):
    def work():
        for _ in range(0, count, 500):
            goal = receiver.counts[MESSAGE] + 500
            sender.publish(sequence.take(500))
            taken(receiver, goal)

    return work


def consumers(broker, n, count, kind=speaking.SHARED):
    """A message published, delivered to one of n consumers and acknowledged."""
    sender, receiver, sequence = Peer(broker.port), Peer(broker.port), Sequence()
    sender.produce(["t"])
    receiver.subscribe(["t"] * n, ["s"] * n, kind)
    receiver.send(*[flow(i, 1000) for i in range(n)])
    acknowledging(receiver, 1, False)
    settled(broker)
    return counted(broker, count, pass_through(sender, receiver, sequence, count))


def backlog(broker, n, count):
    """A message published, delivered and acknowledged, while another subscription has n messages before it."""
    sender, receiver, sequence = Peer(broker.port), Peer(broker.port), Sequence()
    receiver.subscribe(["t"], ["behind"])
    sender.produce(["t"])
    for first in range(0, n, 5000):
        sender.publish(sequence.take(min(5000, n - first)))
    receiver = Peer(broker.port)
    receiver.subscribe(["t"], ["s"])
    receiver.send(flow(0, 1000))
    acknowledging(receiver, 100, True)
    taken(receiver, n // 100 * 100)
    receiver.send(flow(0, 1000000))
    taken(receiver, n)
    settled(broker)
    return counted(broker, count, pass_through(sender, receiver, sequence, count))


def unacknowledged(broker, n, count):
    """A message published, delivered and acknowledged, while every other of n before it was delivered and never is."""
    sender, receiver, sequence = Peer(broker.port), Peer(broker.port), Sequence()
    sender.produce(["t"])
    receiver.subscribe(["t"], ["s"], speaking.SHARED)
    receiver.send(flow(0, 2 * n + 1000000))
    seen = [0]

    def every_other(frame):
        seen[0] += 1
        if seen[0] % 2 == 0 or seen[0] > 2 * n:
            consumer, id_, _ = delivered(frame)
            receiver.send(ack(consumer, id_, False))

    receiver.on_message = every_other
    for first in range(0, 2 * n, 5000):
        sender.publish(sequence.take(min(5000, 2 * n - first)))
    taken(receiver, 2 * n)
    settled(broker)
    return counted(broker, count, pass_through(sender, receiver, sequence, count))


# What grows; where it ends; the scenario of tools/instructions that it is, and where that ends.
GROWTHS = {"topics": (topics, 100000, "publish_many_topics", 10000), "subscriptions": (subscriptions, 10000, None, 0),
           "consumers": (consumers, 100000, "dispatch_shared", 1000), "backlog": (backlog, 1000000, None, 0),
           "unacknowledged": (unacknowledged, 100000, None, 0)}


def instructions(build, scenario, size):
    messages = min(50000, max(5000, 20 * size))  # what each is told once is divided by these
    done = subprocess.run([os.path.join(HERE, "tools", "instructions"), "--build", build, "--scale", scenario, str(size), str(messages)],
                          capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return float(done.stdout)


def powers(most):
    size = 1
    while size <= most:
        yield size
        size *= 10


def one(args, name):
    run, most, scenario, simulated_most = GROWTHS[name]
    times, counts = [], []
    print(f"\n{name}: {run.__doc__}\n{'':>12}{'us':>8}{'instructions' if args.simulated and scenario else '':>16}")
    for size in powers(min(most, args.most)):
        with tempfile.TemporaryDirectory(dir=args.data) as data:
            broker = Broker(args.program, data, {**SOLE, **MANY})
            times.append((size, run(broker, size, args.messages)))
            broker.stop()
        count = ""
        if args.simulated and scenario and size <= simulated_most:
            counts.append((size, instructions(args.simulated, scenario, size)))
            count = f"{counts[-1][1]:,.0f}"
        print(f"{size:>12,}{times[-1][1]:>8.2f}{count:>16}", flush=True)
    return times, counts


def main():
    options = argparse.ArgumentParser()
    options.add_argument("program")
    options.add_argument("--most", type=int, default=100000)
    options.add_argument("--only", nargs="+", choices=GROWTHS, default=list(GROWTHS))
    options.add_argument("--messages", type=int, default=50000)
    options.add_argument("--simulated", metavar="BUILD", help="a build directory: instructions, too")
    options.add_argument("--plots", metavar="DIRECTORY")
    options.add_argument("--data", help="where data directories are made (the default: the temporary directory)")
    args = options.parse_args()
    every = {name: one(args, name) for name in args.only}
    if args.plots:
        plot.lines(os.path.join(args.plots, "growth-time.svg"), {name: times for name, (times, _) in every.items()},
                   title="Processor time of the broker for each message", x="of what grows", y="microseconds")
        simulated = {GROWTHS[name][2]: counts for name, (_, counts) in every.items() if counts}
        if simulated:
            plot.lines(os.path.join(args.plots, "growth-instructions.svg"), simulated,
                       title="Instructions of the broker for each message", x="of what grows", y="instructions")
    print(f"growth: {', '.join(args.only)}, each by powers of ten on fresh brokers that are gone")


if __name__ == "__main__":
    main()
