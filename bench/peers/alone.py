# SPDX-License-Identifier: Apache-2.0
"""What this machine does without a broker: the disk alone, and the loopback and the disk one behind the other.

The second (bench/loopback_disk.c, built with the rest) is what no broker here can be beyond: with a checksum on each side,
as Pulsar's protocol wants one, and without.
"""
import json
import os
import subprocess
import time

import busy_topic
import figures

LARGE = 4 << 20
SECONDS = 2
ECHO_SECONDS = 4
STREAMS = {  # keys of Run.raw
    "large": "write and fdatasync, 4 MiB at once",
    "as ours": "write and fdatasync, {size} KiB at once, as Geminga's syncs had",
    "loopback": "1 MiB pieces over loopback TCP, each written past the page cache and synced, two at a time",
    "checked": "the same, with a CRC32C on each side",
}


def loopback_disk(program, verb, path, seconds, *words):
    """What it says; None where it cannot be run, or ends badly."""
    built = os.path.join(os.path.dirname(os.path.abspath(program)), "loopback_disk")
    try:
        said = subprocess.run([built, verb, path, str(seconds), *words], stdout=subprocess.PIPE, timeout=60 + seconds, check=True).stdout
        return json.loads(said)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def streams(run, turn, path, before, say):
    """As much as it can, in syncs of several sizes; `before` are the metrics of ours from before the case that fills the disk."""
    after = busy_topic.metrics(turn.server)
    moved = {name: after[name] - before.get(name, 0) for name in ("journal_bytes_total", "syncs_total")}
    size = max(4096, int(moved["journal_bytes_total"] / max(moved["syncs_total"], 1)) & ~511)
    run.synced_bytes.append(size)
    rates = {name: busy_topic.raw_rate(path, bytes_each, SECONDS) for name, bytes_each in (("large", LARGE), ("as ours", size))}
    for name, words in (("loopback", ()), ("checked", ("crc",))):
        said = loopback_disk(turn.program, "stream", path, SECONDS, *words)
        if said:
            rates[name] = said["bytes_each_second"]
        else:
            say(f"  left out: {STREAMS[name]}: loopback_disk failed")
    for name, rate in rates.items():
        run.add("raw", name, rate)
        say(f"  {STREAMS[name].format(size=size >> 10)}: {rate / 1e6:,.0f} MB/s")


def paced_syncs(path):
    """Appends of a page, each synced, 1,000 a second: what a receipt waits for at least; late ones count from when they were due."""
    raw = figures.raw_file(path)
    page, took, due = figures.raw_page(), [], time.perf_counter()
    while len(took) < 1000 * SECONDS:
        time.sleep(max(0.0, due - time.perf_counter()))
        figures.raw_append(raw, page, len(took))
        took.append((time.perf_counter() - due) * 1e3)
        due += 0.001
    os.close(raw)
    os.unlink(path)
    took.sort()
    return {name: took[int(part * (len(took) - 1))] for name, part in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))}


def one_by_one(run, program, path, say):
    """1,000 of 1 KB a second: synced, and also sent and answered over the loopback."""
    run.paced.append(paced_syncs(path))
    said = loopback_disk(program, "echo", path, ECHO_SECONDS)
    run.echoed += [said] if said else []
    for name, took in (("the disk", run.paced[-1]), ("loopback and disk", said)):
        quantiles = " ".join(f"{quantile} {ms:.3f}" for quantile, ms in took.items()) if took else "left out: loopback_disk failed"
        say(f"  {name} alone, 1,000 of 1 KB a second: {quantiles}")
