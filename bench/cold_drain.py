# SPDX-License-Identifier: Apache-2.0
"""A cold backlog drained through the broker over loopback, next to what the disk gives, and what it costs publishers.

    bench/cold_drain.py PROGRAM LOAD [--bytes 2e9] [--data DIRECTORY] [--rounds 5] [--memory-limit 256MiB]

LOAD is build/stream_load.  Publishes a backlog of one busy topic, then in rounds, with none of its files in the page cache
before each step: a raw read of the same files, in several ways; a drain from the first entry to the last by a new
subscription; publishes, one at a time and many at a time, to another topic, alone and beside such a drain.  Prints the
ratios, the share of a core that the broker's busiest thread took, and the most memory it held.
"""
import argparse
import json
import mmap
import os
import statistics
import subprocess
import tempfile
import threading
import time

from busy_topic import thread_seconds
from figures import Broker, answer, producer, send

WAYS = {"1 MiB": (1 << 20, 0), "4 MiB": (4 << 20, 0), "1 MiB past the page cache": (1 << 20, os.O_DIRECT),
        "4 MiB past the page cache": (4 << 20, os.O_DIRECT)}


def files_of(data):
    """Those that hold entries: a spare journal file is full of zeros, or of nothing."""
    found = []
    for kind in ("journal", "segments"):
        for name in sorted(os.listdir(os.path.join(data, kind))):
            path = os.path.join(data, kind, name)
            with open(path, "rb") as f:
                f.seek(65536)
                if any(f.read(65536)):
                    found.append(path)
    return found


def forget(files):
    for path in files:
        fd = os.open(path, os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def raw(files, block, flags):
    forget(files)
    memory, total, began = mmap.mmap(-1, block), 0, time.perf_counter()
    for path in files:
        fd = os.open(path, os.O_RDONLY | flags)
        while (got := os.readv(fd, [memory])) > 0:
            total += got
        os.close(fd)
    return total / 1e6 / (time.perf_counter() - began)


class Bench:
    def __init__(self, args, data):
        self.args, self.broker, self.drains = args, Broker(args.program, data), 0
        self.entries = int(args.bytes / 102400)
        self.load("cold", self.entries, "publish", "backlog")
        time.sleep(3)  # the checkpoint that moves the last of it
        self.files = files_of(data)
        self.lone = producer(self.broker.port)
        self.sequence = 0

    def start(self, topic, entries, which, subscription):
        return subprocess.Popen([self.args.load, str(self.broker.port), f"persistent://public/default/{topic}",
                                 str(entries), "100", "1024", "64", which, subscription], stdout=subprocess.PIPE)

    @staticmethod
    def end(load):
        said, _ = load.communicate()
        if load.returncode != 0:
            raise SystemExit("the load gave up")
        return json.loads(said)["mb_per_second"]

    def load(self, *what):
        return self.end(self.start(*what))

    def start_drain(self, subscription=None):
        forget(self.files)
        self.drains += 1
        return self.start("cold", self.entries, "drain", subscription or f"drain{self.drains}")

    def drain(self):
        """MB/s, and the share of a core of the busiest thread."""
        pid = self.broker.process.pid
        before, began = thread_seconds(pid), time.perf_counter()
        rate = self.end(self.start_drain())
        took = time.perf_counter() - began
        return rate, max(100 * (s - before.get(name, 0)) / took for name, s in thread_seconds(pid).items())

    def publish_one(self):
        began = time.perf_counter()
        self.lone.sendall(send(self.sequence, b"x" * 1024))
        answer(self.lone, 7)
        self.sequence += 1
        return (time.perf_counter() - began) * 1e6

    def publish_singly(self, beside):
        """Microseconds, sorted."""
        drain = self.start_drain() if beside else None
        times, until = [], time.perf_counter() + 2
        while drain.poll() is None if drain else time.perf_counter() < until:
            times.append(self.publish_one())
        if drain:
            self.end(drain)
        return sorted(times)

    def publish_many(self, beside):
        """MB/s of a fifth of the backlog to another topic; the drain goes on all the while."""
        over, drains = threading.Event(), []

        def drain_on():
            while not over.is_set():
                drains.append(self.end(self.start_drain()))
        thread = threading.Thread(target=drain_on)
        if beside:
            thread.start()
        rate = self.load("other", max(self.entries // 5, 1), "publish", "gone")
        over.set()
        if beside:
            thread.join()
        return rate

    def round(self):
        raws = {way: raw(self.files, *how) for way, how in WAYS.items()}
        drained, share = self.drain()
        alone, beside = self.publish_singly(False), self.publish_singly(True)
        many, many_beside = self.publish_many(False), self.publish_many(True)
        at = lambda times, part: times[int(len(times) * part)]
        result = {"raw": raws, "drain": drained, "share": share, "p50": at(beside, .5) / at(alone, .5),
                  "p99": at(beside, .99) / at(alone, .99), "many": many_beside / many}
        print("raw MB/s: " + ", ".join(f"{rate:.0f} ({way})" for way, rate in raws.items())
              + f"; drain {drained:.0f}, busiest thread {share:.0f} % of a core; lone publish {at(alone, .5):.0f} us, beside a "
              f"drain {at(beside, .5):.0f} us; many {many:.0f} MB/s, beside {many_beside:.0f}", flush=True)
        return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("load")
    parser.add_argument("--bytes", type=float, default=2e9)
    parser.add_argument("--data", help="where the data directory is made (the default: the temporary directory)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory-limit", default="256MiB")
    args = parser.parse_args()
    os.environ["GEMINGA_MEMORY_LIMIT"] = args.memory_limit
    with tempfile.TemporaryDirectory(dir=args.data) as data:
        bench = Bench(args, data)
        try:
            rounds = [bench.round() for _ in range(args.rounds)]
            memory = bench.broker.status("VmHWM") / 1024
        finally:
            bench.lone.close()
            bench.broker.stop()
    median = lambda what: statistics.median(what(r) for r in rounds)
    best = max(WAYS, key=lambda way: median(lambda r: r["raw"][way]))
    print(f"{args.bytes / 1e9:.1f} GB in {len(bench.files)} files, medians of {args.rounds} rounds: drain "
          f"{median(lambda r: r['drain'] / r['raw'][best]):.2f} x raw ({median(lambda r: r['raw'][best]):.0f} MB/s by {best}), "
          f"busiest thread {median(lambda r: r['share']):.0f} % of a core; beside a drain a lone publish takes "
          f"{median(lambda r: r['p50']):.2f} x at p50, {median(lambda r: r['p99']):.2f} x at p99, many publishes pass at "
          f"{median(lambda r: r['many']):.2f} x; memory at most {memory:.0f} MiB, memory_limit {args.memory_limit}")


if __name__ == "__main__":
    main()
