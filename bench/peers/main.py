# SPDX-License-Identifier: Apache-2.0
"""Measures the broker beside Apache Pulsar, Kafka and JetStream, each brought up alone, in turns: bench/README.md tells how.

The command line of bench/compare.py, and what it leaves: lines, tables, docs/, a file of all samples.
"""
import argparse
import dataclasses
import json
import os
import platform
import shutil
import signal
import statistics
import sys
import tempfile
import time

from . import plots, report
from .cases import CASES, Sample
from .lone import Lone
from .rounds import Run, Runner
from .systems import everybody

ROOM_BYTES = 15 << 30  # that a whole run may want


def check(parser, options):
    """What would be found out after half an hour only."""
    if not os.access(options.program, os.X_OK):
        parser.error(f"{options.program} is no program: build it first (make)")
    if options.data and not os.path.isdir(options.data):
        parser.error(f"{options.data} is no directory (--data, BENCH_DIR)")
    if options.first_round > 1 and not (options.samples and os.path.exists(options.samples)):
        parser.error("--first-round goes on after what an earlier run left in --samples: there is no such file")
    if options.docs:
        try:
            with open(os.path.join(options.docs, "performance.md")) as file:
                report.between_markers(file.read(), "")
        except (OSError, ValueError) as error:
            parser.error(f"--docs {options.docs}: performance.md cannot be written: {error}")


def arguments():
    names, keys = [case.key for case in CASES], [one.key for one in everybody("")]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="build/geminga, which is also the load")
    parser.add_argument("--seconds", type=float, default=4, help="of a case")
    parser.add_argument("--rounds", type=int, default=3, help="at most")
    parser.add_argument("--minutes", type=float, default=30, help="no turn is begun that would not end by then")
    parser.add_argument("--only", nargs="+", choices=names, metavar="CASE", help="of: " + " ".join(names))
    parser.add_argument("--systems", nargs="+", choices=keys, metavar="SYSTEM", help="instead of all, of: " + " ".join(keys))
    parser.add_argument("--data", default=os.environ.get("BENCH_DIR"), help="where the directories are made: the disk")
    parser.add_argument("--docs", metavar="DIRECTORY", help="writes performance-peers.md, its plots and the goals there")
    parser.add_argument("--samples", metavar="FILE", help="writes all that was measured as JSON")
    parser.add_argument("--first-round", type=int, default=1, help="goes on with this one, after what an earlier run left in --samples; behind the last one it only writes")
    options = parser.parse_args()
    check(parser, options)
    return options


def about(run, options):
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), platform.machine())
    others = [one.others for found in run.samples.values() for one in found] or [0]
    others = others * 2 if len(others) < 2 else others
    return (f"{time.strftime('%d %B %Y')}, {os.cpu_count()} cores ({model}), Linux {platform.release()}; broker and load share them. "
            f"Medians of up to {options.rounds} rounds, {options.seconds:g} s a case, the systems brought up one at a time and in turns; "
            f"smallest and largest in brackets. What neither broker nor load used of a core: {statistics.median(others):.2f} in the median sample, "
            f"{statistics.quantiles(others, n=10)[-1]:.2f} in one of ten. It took {run.took_s / 60:.0f} minutes.")


def write_docs(run, options, systems, said):
    drawn = plots.draw(run, CASES, options.docs)
    with open(os.path.join(options.docs, "performance-peers.md"), "w") as file:
        file.write(report.markdown(run, CASES, systems, said, drawn))
    path = os.path.join(options.docs, "performance.md")
    with open(path) as file:
        document = file.read()
    with open(path, "w") as file:
        file.write(report.between_markers(document, report.table(*report.goal_rows(run))))
    return len(drawn)


def write_samples(run, path):
    samples = {f"{case} {system}": [dataclasses.asdict(one) for one in found] for (case, system), found in run.samples.items()}
    rest = {name: getattr(run, name) for name in ("starts", "memory", "raw", "paced", "echoed", "synced_bytes", "missed", "took_s")}
    with open(path, "w") as file:
        json.dump({"samples": samples, "lone": [dataclasses.asdict(one) for one in run.lone], **rest}, file, indent=1)


def read_samples(path):
    with open(path) as file:
        left = json.load(file)
    run = Run(lone=[Lone(**one) for one in left.pop("lone")])
    for name, found in left.pop("samples").items():
        run.samples[tuple(name.split())] = [Sample(**one) for one in found]
    for name, found in left.items():
        setattr(run, name, found)
    return run


def main():
    options, began = arguments(), time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server that is up is stopped
    free = shutil.disk_usage(options.data or tempfile.gettempdir()).free
    if free < ROOM_BYTES:
        print(f"note: only {free / 1e9:.0f} GB are free in {options.data or tempfile.gettempdir()}: a whole run may want "
              f"{ROOM_BYTES / 1e9:.0f} (--data, BENCH_DIR)", flush=True)
    systems = [one for one in everybody(options.program) if not options.systems or one.key in options.systems]
    wanted = [case for case in CASES if not options.only or case.key in options.only]
    run = read_samples(options.samples) if options.first_round > 1 else Run()
    try:
        Runner(systems, wanted, options, run).whole(options.first_round - 1)
    finally:
        run.took_s += time.monotonic() - began
        if options.samples:
            write_samples(run, options.samples)
    print(report.terminal(run, CASES, systems))
    said = about(run, options)
    drawn = write_docs(run, options, systems, said) if options.docs else 0
    left_out = "".join(f"; left out: {name} ({why.splitlines()[-1] if why else 'no reason told'})" for name, why in run.missed.items())
    print(f"bench: {sum(map(len, run.samples.values()))} samples of {len({case for case, _ in run.samples})} cases, {drawn} plots, "
          f"{(time.monotonic() - began) / 60:.1f} minutes{left_out}")
    return 0
