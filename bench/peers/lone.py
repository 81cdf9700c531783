# SPDX-License-Identifier: Apache-2.0
"""A lone publish inside the broker, seen from outside: from the frame's read to the receipt's write, beside its disk.

The kernel's tracepoints (perf record, as root) say when the broker's thread came back from reading the frame, when
the write to the disk began and when it was synced, and when the receipt's write returned.  The disk's are system calls
where a thread writes and syncs, and where io_uring does: from the call that submits to the completion, which is put down
when the broker's thread has been woken by it, as a thread that waits for its sync is.  What is between the read's
return and the receipt's written, without those, is the broker's own; and so is what its write and sync take longer than
the same of a program that does nothing else, by the medians of both.  The publishes come one after the other, with a
pause between, and with that program's writes in turns.
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
SUBMIT = "io_uring_enter"
DISK = ("pwrite64", "pwritev", "pwritev2", "fdatasync", SUBMIT)
COMPLETION = "io_uring_complete"


@dataclasses.dataclass
class Lone:
    """Microseconds."""
    whole: float    # at the client, send to receipt
    inside: float   # frame read to receipt written
    disk: float     # of it: the write and the sync
    own: float      # the rest, and of `disk` what is beyond `raw`: what the goal is about
    raw: float      # the same write and sync by a program that does nothing else


def record(server, path):
    events = [f"syscalls:sys_{side}_{name}" for name in READS + WRITES + DISK for side in ("enter", "exit")]
    events.append(f"io_uring:{COMPLETION}")
    return subprocess.Popen(["perf", "record", "-q", "-e", ",".join(events), "-p", f"{server.pid},{os.getpid()}", "-o", path],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


LINE = re.compile(r"\s*(\d+)\s+([0-9.]+):\s+(?:syscalls:sys_(enter|exit)_|io_uring:)(\w+):(.*)")


def events(text):
    """(thread, microseconds, side, name, result of an exit or None)"""
    for line in text.splitlines():
        match = LINE.match(line)
        if match:
            result = int(match[5].strip(), 0) if match[3] == "exit" else None
            yield int(match[1]), float(match[2]) * 1e6, match[3] or "exit", match[4], result


def inside(found):
    """[(whole, disk)] of each publish: a read of a frame, then the disk, then the first write of at least a receipt."""
    frame = disk_began = disk_ended = None
    spans = []
    for _, at, side, name, result in found:
        if name in READS and side == "exit" and result and result > 1000:
            frame, disk_began, disk_ended = at, None, None
        elif frame and name in DISK + (COMPLETION,):
            if side == "enter" and disk_began is None:
                disk_began = at
            elif side == "exit" and name != SUBMIT:  # which returns long before the disk is done
                disk_ended = at
        elif disk_ended and name in WRITES and side == "exit" and result and result > 12:
            spans.append((at - frame, disk_ended - disk_began))
            frame = disk_began = disk_ended = None
    return spans


def appends(found):
    """[microseconds] of each write and sync of a program that does nothing else."""
    began, spans = None, []
    for _, at, side, name, _ in found:
        if name == "pwrite64" and side == "enter":
            began = at
        elif name == "fdatasync" and side == "exit" and began:
            spans.append(at - began)
            began = None
    return spans


def measure(server, directory, say):
    """[Lone] of medians, or [] where there is no perf, or no right to it."""
    if not shutil.which("perf") or os.geteuid() != 0:
        say("  a lone publish's inside is left out: it wants perf, and root")
        return []
    path = os.path.join(directory, "perf.data")
    recorder = record(server, path)
    time.sleep(1)  # until it looks
    whole, _ = publish_and_append(server.port, os.path.join(directory, "raw"), COUNT, PAUSE_S)
    recorder.terminate()
    recorder.wait()
    text = subprocess.run(["perf", "script", "-i", path, "-F", "tid,time,event,trace"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True).stdout
    found = list(events(text))
    spans = inside(one for one in found if one[0] != os.getpid())
    raw = appends(one for one in found if one[0] == os.getpid())
    if min(len(spans), len(raw)) < COUNT // 2:
        say(f"  a lone publish's inside is left out: perf saw {len(spans)} and {len(raw)} of {COUNT}")
        return []
    disk, alone = statistics.median(disk for _, disk in spans), statistics.median(raw)
    beside = statistics.median(all_of - disk for all_of, disk in spans)
    one = Lone(statistics.median(whole), statistics.median(all_of for all_of, _ in spans), disk,
               beside + max(0, disk - alone), alone)
    say(f"  a lone publish: {one.whole:.0f} us at the client; {one.inside:.0f} inside, of it the disk {one.disk:.0f}; "
        f"own {one.own:.0f}; raw write and sync {one.raw:.0f}")
    return [one]
