# SPDX-License-Identifier: Apache-2.0
"""What the broker costs: the program's size, its start, memory of each thing that it holds, what it does while nothing happens, and
a stream of messages in a control group of 64 MB.

    bench/footprint.py PROGRAM [--only program start memory idle group] [--seconds 60] [--rate 10000] [--data DIRECTORY]

Memory is what the process has of its own (RssAnon), after so many of a thing less before, divided; each thing on a fresh
broker.  The stream is checked message by message: all of them, in order, once.
"""
import argparse
import contextlib
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import speaking
from figures import Broker, row, starts
from speaking import MESSAGE, SEND_RECEIPT, Peer, ack, delivered, flow, message

SOLE = {"GEMINGA_LOG_LEVEL": "warn", "GEMINGA_DELETE_INACTIVE_TOPICS": "false",
        "GEMINGA_MAX_CONNECTIONS_PER_ADDRESS": "0", "GEMINGA_MAX_CONNECTIONS": "20000"}


def own_bytes(broker):
    for line in open(f"/proc/{broker.process.pid}/status"):
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024


def settled(broker):
    """Own memory once the broker came to rest: it uses no processor for a while."""
    used, since = broker.cpu_seconds(), time.time()
    while time.time() - since < 1.5:
        time.sleep(0.1)
        now = broker.cpu_seconds()
        if now != used:
            used, since = now, time.time()
    return own_bytes(broker)


# ---- the program, its start ----

def program_size(program, _):
    with tempfile.NamedTemporaryFile() as stripped:
        subprocess.run(["strip", "-o", stripped.name, program], check=True)
        libraries = [line for line in subprocess.run(["ldd", program], capture_output=True, text=True).stdout.splitlines() if "=>" in line]
        print(f"{'the program, stripped':<46} {os.path.getsize(stripped.name) / 1e6:>9.1f} MB   ({len(libraries)} shared libraries)")


def start(program, _):
    starts(program, 10)


# ---- memory ----

def each(name, count, data, program, prepare, add):
    """`prepare(broker)` gives what `add` goes on with; memory of the things that `add` adds."""
    with tempfile.TemporaryDirectory(dir=data) as directory:
        broker = Broker(program, directory, SOLE)
        state = prepare(broker)
        before = settled(broker)
        kept = add(broker, state)
        after = settled(broker)
        print(f"{name:<46} {(after - before) / count:>9.0f} B    ({count:,}; {before / 2**20:.1f} to {after / 2**20:.1f} MiB)", flush=True)
        broker.stop()
        del kept


def names(prefix, count):
    return [f"{prefix}{i:06}" for i in range(count)]


def with_message(broker):
    peer = Peer(broker.port)
    peer.produce(["t"])
    peer.publish([message(0, 0, b"x" * 100)])
    return peer


def connections(broker, _):
    return [Peer(broker.port) for _ in range(5000)]


def connections_used(broker, _):
    """Each has published once, and rests."""
    peers = [Peer(broker.port) for _ in range(2000)]
    for peer in peers:
        peer.produce(["t"])
        peer.publish([message(0, 0, b"x" * 1000)])
    return peers


def producers(broker, peer):
    peer.produce(["t"] * 20000)


def topics(broker, peer):
    for first in range(0, 20000, 1000):
        peer.produce(names("t", 20000)[first:first + 1000])
        peer.publish([message(i, 0, b"x" * 100) for i in range(1000)])
        peer.close_producers(range(1000))


def topics_with_subscription(broker, peer):
    for first in range(0, 10000, 1000):
        part = names("t", 10000)[first:first + 1000]
        peer.produce(part)
        peer.publish([message(i, 0, b"x" * 100) for i in range(1000)])
        peer.subscribe(part, ["s"] * 1000)
        peer.close_producers(range(1000))
        peer.close_consumers(range(1000))


def subscriptions(broker, peer):
    for first in range(0, 10000, 1000):
        peer.subscribe(["t"] * 1000, names("s", 10000)[first:first + 1000])
        peer.close_consumers(range(1000))


def consumers(broker, peer):
    peer.subscribe(["t"] * 20000, ["s"] * 20000, speaking.SHARED)


def consumers_alone(broker, peer):
    peer.subscribe(["t"] * 10000, names("s", 10000))


def full_caches(broker):
    """The parts of memory that the messages themselves fill are full."""
    peer = Peer(broker.port)
    peer.subscribe(["t"], ["s"])
    peer.produce(["t"])
    backlog(broker, peer, 200000)
    return peer


def backlog(broker, peer, count=400000):
    frames = [message(0, i, b"x" * 400) for i in range(1000)]
    for _ in range(count // 1000):
        peer.publish(frames)


def unacknowledged(broker, peer):
    peer.send(*[flow(i, 40000) for i in range(1, 4)])  # a consumer may have 50,000
    peer.wait(MESSAGE, 160000)


def shared_and_published(broker):
    peer = Peer(broker.port)
    peer.subscribe(["t"] * 4, ["s"] * 4, speaking.SHARED)
    peer.produce(["t"])
    backlog(broker, peer, 200000)
    peer.send(flow(0, 40000))  # what reads of old messages may hold is full
    peer.wait(MESSAGE, 40000)
    return peer


def memory(program, args):
    with tempfile.TemporaryDirectory(dir=args.data) as directory:
        broker = Broker(program, directory, SOLE)
        own = settled(broker)
        print(f"{'after a start: own memory':<46} {own / 2**20:>9.1f} MiB  (resident, with what programs share: "
              f"{broker.status('VmRSS') / 1024:.1f})", flush=True)
        broker.stop()
    for name, count, prepare, add in [
            ("a connection that is idle", 5000, lambda b: None, connections),
            ("a connection that published, with its producer", 2000, with_message, connections_used),
            ("a producer", 20000, with_message, producers),
            ("a topic in memory, a message in it", 20000, with_message, topics),
            ("the same with a subscription", 10000, with_message, topics_with_subscription),
            ("a subscription of one topic", 10000, with_message, subscriptions),
            ("a subscription and its consumer", 10000, with_message, consumers_alone),
            ("a consumer of a shared subscription", 20000, with_message, consumers),
            ("a message in the backlog", 400000, full_caches, backlog),
            ("a message delivered and not acknowledged", 120000, shared_and_published, unacknowledged)]:
        each(name, count, args.data, program, prepare, add)


# ---- nothing happens ----

def quiet(broker, name, seconds):
    settled(broker)
    cpu, switches = broker.cpu_seconds(), broker.status("voluntary_ctxt_switches")
    time.sleep(seconds)
    print(f"{name:<46} {(broker.status('voluntary_ctxt_switches') - switches) / seconds:>9.2f} wake-ups/s, "
          f"{100 * (broker.cpu_seconds() - cpu) / seconds:.2f} % of a core ({seconds} s)", flush=True)


def idle(program, args):
    with tempfile.TemporaryDirectory(dir=args.data) as directory:
        broker = Broker(program, directory, SOLE)
        quiet(broker, "idle, nobody connected", 20)
        peer = with_message(broker)
        topics(broker, peer)
        quiet(broker, "idle, 20,000 topics in memory", 20)
        broker.stop()


# ---- a stream in a control group ----

@contextlib.contextmanager
def memory_group(limit):
    """A control group (of either version) with this limit: its directory; None: none can be made here."""
    own = dict(line.rstrip("\n").split(":", 2)[1:] for line in open("/proc/self/cgroup"))
    path = None
    try:
        if "memory" in own:
            path = Path("/sys/fs/cgroup/memory") / own["memory"].lstrip("/") / f"geminga-bench-{os.getpid()}"
            path.mkdir()
            (path / "memory.limit_in_bytes").write_text(str(limit))
        else:
            path = Path("/sys/fs/cgroup") / own[""].lstrip("/") / f"geminga-bench-{os.getpid()}"
            path.mkdir()
            (path / "memory.max").write_text(str(limit))
        yield path
    except (OSError, KeyError) as why:
        print(f"no control group: {why}", file=sys.stderr)
        yield None
    finally:
        if path and path.exists():
            path.rmdir()


def group_figure(path, *names_):
    for name in names_:
        if (path / name).exists():
            return int((path / name).read_text())


class InGroup(Broker):
    """The shell enters the group and becomes the broker."""

    def __init__(self, program, data, group):
        entering = Path(data) / "enter"
        entering.write_text(f'#!/bin/sh\necho $$ > {group}/cgroup.procs && exec {program} "$@"\n')
        entering.chmod(0o755)
        super().__init__(str(entering), f"{data}/data", {**SOLE, "GEMINGA_MEMORY_LIMIT": "32MiB"})


TOPICS = 10


def consume(port, count, told):
    """Each topic's messages must be 0, 1, 2, ...; acknowledged up to every hundredth."""
    peer, expected = Peer(port), [0] * TOPICS
    wrong = 0

    def on_message(frame):
        nonlocal wrong
        consumer, id_, _ = delivered(frame)
        if int.from_bytes(frame[-1000:-992], "big") != expected[consumer]:
            wrong += 1
        expected[consumer] += 1
        if expected[consumer] % 100 == 0:
            peer.send(ack(consumer, id_, True), flow(consumer, 100))

    peer.on_message = on_message
    peer.subscribe(names("t", TOPICS), ["s"] * TOPICS)
    peer.send(*[flow(i, 1000) for i in range(TOPICS)])
    told.put("ready")
    while sum(expected) < count:
        peer.take()
    told.put(wrong)


def publish_at(port, rate, seconds):
    """`rate` messages a second, a hundred of them each time; the seconds that it took."""
    peer, sequence = Peer(port), 0
    peer.produce(names("t", TOPICS))
    began = time.perf_counter()
    for step in range(rate * seconds // 100):
        late = began + step * 100 / rate - time.perf_counter()
        if late > 0:
            time.sleep(late)
        frames = [message(i, sequence + k, (sequence + k).to_bytes(8, "big") + bytes(992)) for k in range(100 // TOPICS) for i in range(TOPICS)]
        sequence += 100 // TOPICS
        peer.send(*frames)
        peer.wait(SEND_RECEIPT, (step - 19) * 100)  # at most 2,000 under way
    peer.wait(SEND_RECEIPT, rate * seconds)
    return time.perf_counter() - began


def group(program, args):
    limit = 64 * 2**20
    with memory_group(limit) as path, tempfile.TemporaryDirectory(dir=args.data) as directory:
        if not path:
            print("in 64 MB: left out")
            return
        broker = InGroup(os.path.abspath(program), directory, path)
        told, count = multiprocessing.Queue(), args.rate * args.seconds
        consumer = multiprocessing.Process(target=consume, args=(broker.port, count, told))
        consumer.start()
        assert told.get() == "ready"
        cpu = broker.cpu_seconds()
        took = publish_at(broker.port, args.rate, args.seconds)
        wrong = told.get(timeout=60)
        consumer.join()
        cpu = broker.cpu_seconds() - cpu
        peak = group_figure(path, "memory.max_usage_in_bytes", "memory.peak")
        print(f"in a group of 64 MiB, memory_limit 32 MiB: {count:,} messages of 1 KB to {TOPICS} topics and their consumers in {took:.1f} s: "
              f"{count / took:,.0f}/s; {wrong} lost, repeated or out of order")
        print(f"{'of the broker: most own memory':<46} {broker.status('VmHWM') / 1024:>9.1f} MiB  (resident, with what programs share; the group's "
              f"peak, with its files' pages: {peak / 2**20 if peak else 0:.0f})")
        print(f"{'of the broker: processor':<46} {1e6 * cpu / count:>9.2f} us each message, {100 * cpu / took:.0f} % of a core")
        broker.stop()
        if wrong:
            sys.exit(1)


PARTS = {"program": program_size, "start": start, "memory": memory, "idle": idle, "group": group}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("program")
    options.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--rate", type=int, default=10000)
    options.add_argument("--data", help="where data directories are made (the default: the temporary directory)")
    args = options.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for name in args.only:
        PARTS[name](args.program, args)
    print(f"footprint: {', '.join(args.only)}, each on fresh brokers that are gone")


if __name__ == "__main__":
    main()
