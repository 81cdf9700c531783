# SPDX-License-Identifier: Apache-2.0
"""The figures of the README: start to first receipt, idle cost, one lone publish beside a raw append and sync.

    bench/figures.py PROGRAM [--runs 20] [--idle 30]

Needs nothing but Python: the few frames it sends are encoded here.  Every figure is a median of its runs, smallest and
largest beside it; the raw append runs interleaved with the publishes, on the same file system.
"""
import argparse
import json
import mmap
import os
import socket
import statistics
import struct
import subprocess
import tempfile
import time

PAGE = 4096
RAW_PAGES = 2048


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def text(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def command(kind, field, body, entry=b""):
    base = number(1, kind) + text(field, body)
    return struct.pack(">II", 4 + len(base) + len(entry), len(base)) + base + entry


CONNECT = command(2, 2, text(1, "figures") + number(4, 21))
TOPIC = "persistent://public/default/figures"
PRODUCER = command(5, 5, text(1, TOPIC) + number(2, 1) + number(3, 1))


def send(sequence, payload):
    metadata = text(1, "p") + number(2, sequence) + number(3, int(time.time() * 1000))
    entry = struct.pack(">I", len(metadata)) + metadata + payload  # the checksum is optional, and left out
    return command(6, 6, number(1, 1) + number(2, sequence), entry)


def read_exact(peer, count):
    data = b""
    while len(data) < count:
        piece = peer.recv(count - len(data))
        if not piece:
            raise SystemExit("the broker closed the connection")
        data += piece
    return data


def answer(peer, kind):
    """Reads frames up to one of the wanted kind (the command's first field is its type)."""
    while True:
        (size,) = struct.unpack(">I", read_exact(peer, 4))
        frame = read_exact(peer, size)
        if frame[4] == 8 and frame[5] == kind:
            return frame


def producer(port):
    peer = socket.create_connection(("127.0.0.1", port))
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.sendall(CONNECT)
    answer(peer, 3)
    peer.sendall(PRODUCER)
    answer(peer, 17)
    return peer


class Broker:
    def __init__(self, program, data, environment=None):
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            [program, "standalone", "--data", data, "--port", "0", "--http-port", "0", "-o", "json"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, **(environment or {})})
        self.ready = json.loads(self.process.stdout.readline())
        self.ready_ms = (time.perf_counter() - self.began) * 1000
        self.port = int(self.ready["service_url"].rsplit(":", 1)[1])

    def stop(self):
        self.process.terminate()
        self.process.wait(30)

    def cpu_seconds(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def status(self, name):
        total = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            for line in open(f"/proc/{self.process.pid}/task/{task}/status"):
                if line.startswith(name + ":"):
                    value = int(line.split()[1])
                    total = value if name.startswith("Vm") else total + value
        return total


def row(name, values, unit, digits=1):
    values = sorted(values)
    print(f"{name:<46} {statistics.median(values):>9.{digits}f} {unit:<4} "
          f"({values[0]:.{digits}f} to {values[-1]:.{digits}f}, {len(values)} runs)")


def starts(program, runs):
    fresh, again, ready = [], [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as data:
            for times in (fresh, again):
                broker = Broker(program, data)
                peer = producer(broker.port)
                peer.sendall(send(0, b"x" * 1024))
                answer(peer, 7)
                times.append((time.perf_counter() - broker.began) * 1000)
                ready.append(broker.ready_ms)
                peer.close()
                broker.stop()
    row("start to ready line", ready, "ms")
    row("start to first receipt, empty directory", fresh, "ms")
    row("start to first receipt, with data", again, "ms")


def idle(program, seconds):
    with tempfile.TemporaryDirectory() as data:
        broker = Broker(program, data)
        peer = producer(broker.port)
        peer.sendall(send(0, b"x" * 1024))
        answer(peer, 7)
        peer.close()
        time.sleep(3)  # the seal, and whatever else follows the last write
        cpu, switches = broker.cpu_seconds(), broker.status("voluntary_ctxt_switches")
        time.sleep(seconds)
        used = broker.cpu_seconds() - cpu
        wakes = (broker.status("voluntary_ctxt_switches") - switches) / seconds
        print(f"{'idle: resident memory':<46} {broker.status('VmRSS') / 1024:>9.1f} MiB")
        print(f"{'idle: share of a core':<46} {100 * used / seconds:>9.2f} %    (over {seconds} s)")
        print(f"{'idle: wake-ups':<46} {wakes:>9.2f} /s")
        broker.stop()


def raw_file(path):
    """A file to append to beside the broker: zero-written, as the journal's files are, and written past the page cache."""
    raw = os.open(path, os.O_CREAT | os.O_RDWR)
    os.pwrite(raw, bytes(RAW_PAGES * PAGE), 0)
    os.fsync(raw)
    os.close(raw)
    return os.open(path, os.O_RDWR | os.O_DIRECT)


def raw_page():
    return mmap.mmap(-1, PAGE)  # aligned


def raw_append(raw, page, number):
    """What the broker's disk has to do for a lone publish of 1 KB."""
    os.pwrite(raw, page, number % RAW_PAGES * PAGE)
    os.fdatasync(raw)


def publish_and_append(port, path, count, pause_s=0):
    """(microseconds of lone publishes of 1 KB to their receipts, and of raw writes of a page, which is what the broker
    makes of one, and syncs, in turns with them)"""
    peer = producer(port)
    raw = raw_file(path)
    page = raw_page()
    published, appended = [], []
    for i in range(count):
        began = time.perf_counter()
        peer.sendall(send(i, b"x" * 1024))
        answer(peer, 7)
        published.append((time.perf_counter() - began) * 1e6)
        began = time.perf_counter()
        raw_append(raw, page, i)
        appended.append((time.perf_counter() - began) * 1e6)
        time.sleep(pause_s)
    os.close(raw)
    os.unlink(path)
    peer.close()
    return published, appended


def lone_publishes(program, count):
    with tempfile.TemporaryDirectory() as data:
        broker = Broker(program, data)
        published, appended = publish_and_append(broker.port, os.path.join(data, "raw"), count)
        broker.stop()
    row("one 1 KB publish to its receipt", published, "us", 0)
    row("raw append and fdatasync, interleaved", appended, "us", 0)
    print(f"{'ratio of the medians':<46} {statistics.median(published) / statistics.median(appended):>9.2f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--idle", type=int, default=30)
    args = parser.parse_args()
    print(f"program: {os.path.getsize(os.path.realpath(args.program)) / 1e6:.1f} MB, "
          f"{os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}")
    starts(args.program, args.runs)
    idle(args.program, args.idle)
    lone_publishes(args.program, 1000)
    print(f"bench: {args.runs} starts each way, {args.idle} s idle, 1000 publishes")


if __name__ == "__main__":
    main()
