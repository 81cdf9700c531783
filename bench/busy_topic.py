# SPDX-License-Identifier: Apache-2.0
"""One busy topic through the broker over loopback, published, consumed and trimmed.

    bench/busy_topic.py PROGRAM LOAD [--bytes 4e9] [--data DIRECTORY] [--messages 100] [--size 1024]

LOAD is build/stream_load.  Prints what passed in a second, which share of a core each thread of the broker took, the most
that lay on the disk at any time, and the bytes written to the disk for each byte published.
"""
import argparse
import json
import os
import subprocess
import tempfile
import threading
import time

from figures import Broker

TICK = os.sysconf("SC_CLK_TCK")


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


class Watch(threading.Thread):
    def __init__(self, directory):
        super().__init__(daemon=True)
        self.directory, self.most, self.over = directory, 0, threading.Event()

    def run(self):
        while not self.over.wait(0.5):
            self.most = max(self.most, on_disk(self.directory))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("load")
    parser.add_argument("--bytes", type=float, default=4e9)
    parser.add_argument("--data", help="where the data directory is made (the default: the temporary directory)")
    parser.add_argument("--messages", type=int, default=100)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--window", type=int, default=64)
    args = parser.parse_args()
    entries = int(args.bytes / (args.messages * args.size))
    with tempfile.TemporaryDirectory(dir=args.data) as data:
        broker = Broker(args.program, data)
        pid = broker.process.pid
        watch = Watch(data)
        watch.start()
        before, bytes_before, began = thread_seconds(pid), written(pid), time.time()
        load = subprocess.run([args.load, str(broker.port), "persistent://public/default/busy", str(entries),
                               str(args.messages), str(args.size), str(args.window)], stdout=subprocess.PIPE)
        if load.returncode != 0:
            broker.stop()
            raise SystemExit("the load gave up")
        said = json.loads(load.stdout)
        took = time.time() - began
        shares = {name: 100 * (seconds - before.get(name, 0)) / took for name, seconds in thread_seconds(pid).items()}
        bytes_written = written(pid) - bytes_before
        memory = broker.status("VmHWM") / 1024
        watch.over.set()
        watch.join()
        broker.stop()
    gb = said["bytes"] / 1e9
    print(f"{gb:.1f} GB of {args.size} B messages in batches of {args.messages}, published and consumed: "
          f"{said['mb_per_second']:.0f} MB/s each way")
    for name, share in sorted(shares.items(), key=lambda item: -item[1]):
        if share >= 1:
            print(f"  {name:<28} {share:5.1f} % of a core")
    print(f"  on the disk at most {watch.most / 1e9:.2f} GB; written to the disk {bytes_written / said['bytes']:.2f} bytes for "
          f"each byte published; memory at most {memory:.0f} MiB")


if __name__ == "__main__":
    main()
