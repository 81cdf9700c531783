# SPDX-License-Identifier: Apache-2.0
"""One busy topic through the broker over loopback: published, consumed and trimmed, next to what the disk can do.

    bench/busy_topic.py PROGRAM LOAD [--bytes 6GB] [--data DIRECTORY] [--messages 100] [--size 1024] [--ledger 512MiB]

LOAD is build/stream_load.  Goes in rounds: after each the raw loop runs, writes of the size that the broker's syncs had,
each followed by fdatasync, over an old file of a journal file's size; a disk's speed changes from minute to minute, so only
the ratio of neighbours is worth keeping.  Prints the share of a core that each thread of the broker took, the most that
lay on the disk at any time, and the bytes written for each byte published: the kernel's count, and the broker's own by
cause.  At last one message after the other to another topic, alternating with a raw append and fdatasync: quiet, and
beside the same load.

Ledgers roll by size alone (managedLedgerMinLedgerRolloverTimeMinutes=0): Pulsar's ten minutes would keep all of it.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request

from figures import Broker, publish_and_append

TICK = os.sysconf("SC_CLK_TCK")
UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
RAW_FILE = 64 << 20
RAW_SECONDS = 3
LONE = 200


def size_of(text):
    number, unit = re.fullmatch(r"([0-9.e]+)\s*([A-Za-z]*)", text).groups()
    return int(float(number) * UNITS[unit])


# ---- what the kernel and the broker count ----


def on_disk(directory):
    """Bytes of blocks, not lengths: what the file system gave."""
    total = 0
    for path, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.stat(os.path.join(path, name)).st_blocks * 512
            except FileNotFoundError:
                pass
    return total


def written(pid):
    for line in open(f"/proc/{pid}/io"):
        if line.startswith("write_bytes:"):
            return int(line.split()[1])


def thread_seconds(pid):
    times = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        name = open(f"/proc/{pid}/task/{task}/comm").read().strip()
        fields = open(f"/proc/{pid}/task/{task}/stat").read().rsplit(")", 1)[1].split()
        times[f"{name} ({'core' if int(task) == pid else task})"] = (int(fields[11]) + int(fields[12])) / TICK
    return times


def metrics(broker):
    """By name, those by cause by the cause."""
    values = {}
    with urllib.request.urlopen(broker.ready["http_url"] + "/metrics") as page:
        for line in page.read().decode().splitlines():
            match = re.fullmatch(r"(geminga_store_\w+)\{([^}]*)\} (\S+)", line)
            if not match:
                continue
            cause = re.search(r'cause="(\w+)"', match[2])
            values[cause[1] if cause else match[1][len("geminga_store_"):]] = float(match[3])
    return values


class Watch(threading.Thread):
    def __init__(self, directory):
        super().__init__(daemon=True)
        self.directory, self.most, self.over = directory, 0, threading.Event()

    def run(self):
        while not self.over.wait(0.2):
            self.most = max(self.most, on_disk(self.directory))


# ---- the raw disk ----


def raw_rate(path, size, seconds=RAW_SECONDS):
    """Bytes per second of one write and one fdatasync, again and again, over bytes that were written before."""
    block = os.urandom(size)
    raw = os.open(path, os.O_CREAT | os.O_RDWR)
    at = 0
    while at + size <= RAW_FILE or at == 0:
        at += os.pwrite(raw, block, at)
    os.fsync(raw)
    done, at, began = 0, 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        at = at if at + size <= RAW_FILE else 0
        at += os.pwrite(raw, block, at)
        os.fdatasync(raw)
        done += size
    rate = done / (time.perf_counter() - began)
    os.close(raw)
    os.unlink(path)
    return rate


# ---- the load ----


def start_load(args, broker, entries):
    return subprocess.Popen([args.load, str(broker.port), "persistent://public/default/busy", str(entries),
                             str(args.messages), str(args.size), str(args.window)], stdout=subprocess.PIPE)


def finish_load(broker, load):
    said = load.communicate()[0]
    if load.returncode != 0:
        broker.stop()
        raise SystemExit("the load gave up")
    return json.loads(said)


def one_round(args, broker, raw_path, entries):
    """(bytes per second, of the raw disk, bytes per sync)"""
    before = metrics(broker)
    said = finish_load(broker, start_load(args, broker, entries))
    after = metrics(broker)
    moved = {name: after[name] - before.get(name, 0) for name in after}
    per_sync = int(moved["journal_bytes_total"] / max(moved["syncs_total"], 1))
    rate = said["bytes"] / said["seconds"]
    raw = raw_rate(raw_path, per_sync)
    print(f"  broker {rate / 1e6:6.1f} MB/s each way, {per_sync >> 10:5d} KiB per sync; raw {raw / 1e6:6.1f} MB/s: "
          f"{rate / raw:4.2f}", flush=True)
    return rate, raw, per_sync


# ---- a lone publish ----


def lone_publishes(broker, raw_path, name):
    published, appended = publish_and_append(broker.port, raw_path, LONE, 0.005)  # pauses, so as not to fall into step with the load
    one, other = statistics.median(published) / 1e3, statistics.median(appended) / 1e3
    print(f"  one 1 KB publish, {name:<16} {one:6.2f} ms; raw append and fdatasync {other:6.2f} ms: {one / other:4.2f} x",
          flush=True)


def beside_load(args, broker, raw_path):
    load = start_load(args, broker, int(1e12))
    time.sleep(0.5)
    lone_publishes(broker, raw_path, "beside the load")
    load.terminate()
    load.wait()


# ---- all ----


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("load")
    parser.add_argument("--bytes", type=size_of, default=size_of("6GB"))
    parser.add_argument("--data", help="where the data directory is made (the default: the temporary directory)")
    parser.add_argument("--messages", type=int, default=100)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--window", type=int, default=64)
    parser.add_argument("--ledger", default="512MiB", help="the size at which a ledger is closed")
    parser.add_argument("--rounds", type=int, default=6)
    return parser.parse_args()


def run(args, data, raw_path):
    broker = Broker(args.program, data, {"GEMINGA_LEDGER_MIN_ROLLOVER": "0", "GEMINGA_LEDGER_MAX_SIZE": args.ledger})
    pid = broker.process.pid
    watch = Watch(data)
    watch.start()
    entries = max(1, int(args.bytes / args.rounds / (args.messages * args.size)))
    busy, before, bytes_before, counted = 0, thread_seconds(pid), written(pid), metrics(broker)
    rounds = []
    for _ in range(args.rounds):
        rounds.append(one_round(args, broker, raw_path, entries))
    shares = {name: seconds - before.get(name, 0) for name, seconds in thread_seconds(pid).items()}
    published = args.rounds * entries * args.messages * args.size
    busy = sum(published / args.rounds / rate for rate, _, _ in rounds)
    report(args, broker, watch, rounds, shares, published, busy, written(pid) - bytes_before, counted)
    lone_publishes(broker, raw_path, "quiet")
    beside_load(args, broker, raw_path)
    watch.over.set()
    watch.join()
    broker.stop()


def report(args, broker, watch, rounds, shares, published, busy, bytes_written, counted):
    after = metrics(broker)
    causes = {name: (after[name] - counted[name]) / published for name in
              ("journal", "zeros", "checkpoint", "compaction", "index")}
    ratio = statistics.median(rate / raw for rate, raw, _ in rounds)
    print(f"{published / 1e9:.1f} GB of {args.size} B messages in batches of {args.messages}, published, consumed, trimmed:")
    print(f"  {published / busy / 1e6:.0f} MB/s each way; {ratio:.2f} of the raw limit (median of {args.rounds} rounds)")
    for name, seconds in sorted(shares.items(), key=lambda item: -item[1]):
        if seconds >= busy / 100:
            print(f"  {name:<28} {100 * seconds / busy:5.1f} % of a core")
    print(f"  on the disk at most {watch.most / 1e9:.2f} GB; written {bytes_written / published:.3f} bytes for each byte "
          f"published, by the kernel's count;")
    print(f"  {sum(causes.values()):.3f} by the broker's: " +
          ", ".join(f"{name} {share:.3f}" for name, share in causes.items()) +
          f"; {after['adopted_bytes_total'] / published:.3f} stayed where it was written")
    print(f"  memory at most {broker.status('VmHWM') / 1024:.0f} MiB", flush=True)


def main():
    args = arguments()
    with tempfile.TemporaryDirectory(dir=args.data) as home:
        data = os.path.join(home, "data")
        os.mkdir(data)
        run(args, data, os.path.join(home, "raw"))


if __name__ == "__main__":
    main()
