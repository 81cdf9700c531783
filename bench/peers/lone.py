# SPDX-License-Identifier: Apache-2.0
"""A lone publish inside the broker, seen from outside: from the frame's read to the receipt's write, beside its disk.

The kernel's tracepoints of system calls (perf record, as root) say when the broker's thread came back from reading the
frame, when the journal's thread began to write and when its sync came back, and when the receipt's write returned.
What is between the read's return and the receipt's written, without the write and the sync, is the broker's own: its
work, and two wake-ups of a thread by another.  The publishes come one after the other, with a pause between.
"""
import dataclasses
import os
import re
import shutil
import statistics
import subprocess
import time

from figures import publish_and_append

COUNT = 300
PAUSE_S = 0.003
READS = ("read", "readv", "recvfrom", "recvmsg")
WRITES = ("write", "writev", "sendto", "sendmsg")
DISK = ("pwrite64", "pwritev", "pwritev2", "fdatasync")


@dataclasses.dataclass
class Lone:
    """Microseconds."""
    whole: float    # at the client, send to receipt
    inside: float   # frame read to receipt written
    disk: float     # of it: the write and the sync
    own: float      # of it: the rest, what the goal is about
    raw: float      # the same write and sync by a program that does nothing else


def record(server, path):
    events = [f"syscalls:sys_{side}_{name}" for name in READS + WRITES + DISK for side in ("enter", "exit")]
    return subprocess.Popen(["perf", "record", "-q", "-e", ",".join(events), "-p", str(server.pid), "-o", path],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


LINE = re.compile(r"\s*(\d+)\s+([0-9.]+):\s+syscalls:sys_(enter|exit)_(\w+):(.*)")


def events(text):
    """(thread, microseconds, side, name, result of an exit or None)"""
    for line in text.splitlines():
        match = LINE.match(line)
        if match:
            result = int(match[5].strip(), 0) if match[3] == "exit" else None
            yield int(match[1]), float(match[2]) * 1e6, match[3], match[4], result


def inside(found):
    """[(whole, disk)] of each publish: a read of a frame, then the disk, then the first write of at least a receipt."""
    frame = disk_began = disk_ended = None
    spans = []
    for _, at, side, name, result in found:
        if name in READS and side == "exit" and result and result > 1000:
            frame, disk_began, disk_ended = at, None, None
        elif frame and name in DISK:
            if side == "enter" and disk_began is None:
                disk_began = at
            elif side == "exit":
                disk_ended = at
        elif disk_ended and name in WRITES and side == "exit" and result and result > 12:
            spans.append((at - frame, disk_ended - disk_began))
            frame = disk_began = disk_ended = None
    return spans


def measure(server, directory, say):
    """[Lone] of medians, or [] where there is no perf, or no right to it."""
    if not shutil.which("perf") or os.geteuid() != 0:
        say("  a lone publish's inside is left out: it wants perf, and root")
        return []
    path = os.path.join(directory, "perf.data")
    recorder = record(server, path)
    time.sleep(1)  # until it looks
    whole, raw = publish_and_append(server.port, os.path.join(directory, "raw"), COUNT, PAUSE_S)
    recorder.terminate()
    recorder.wait()
    text = subprocess.run(["perf", "script", "-i", path, "-F", "tid,time,event,trace"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True).stdout
    spans = inside(events(text))
    if len(spans) < COUNT // 2:
        say(f"  a lone publish's inside is left out: perf saw {len(spans)} of {COUNT}")
        return []
    found = Lone(statistics.median(whole), statistics.median(all_of for all_of, _ in spans),
                 statistics.median(disk for _, disk in spans), statistics.median(all_of - disk for all_of, disk in spans),
                 statistics.median(raw))
    say(f"  a lone publish: {found.whole:.0f} us at the client; {found.inside:.0f} inside, of it the disk {found.disk:.0f}; "
        f"own {found.own:.0f}; raw write and sync {found.raw:.0f}")
    return [found]
