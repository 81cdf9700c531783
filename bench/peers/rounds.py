# SPDX-License-Identifier: Apache-2.0
"""The run: rounds of turns.  A turn is one system that is brought up alone, measured in its cases, and stopped.

All that is measured is kept in a Run, as lists in the order of the rounds: the medians of the reports are of these.
A turn is begun only when what it took before still fits into the time that is left, so that a round may be cut short.
"""
import dataclasses
import os
import shutil
import subprocess
import tempfile
import time

import busy_topic

from . import alone, cases, loads, lone
from .fetch import Missing

WARM_S = 30  # of load before the first case, for systems that compile while they run


@dataclasses.dataclass
class Run:
    samples: dict = dataclasses.field(default_factory=dict)  # (case, system) -> [Sample]
    starts: dict = dataclasses.field(default_factory=dict)   # system -> [seconds]
    memory: dict = dataclasses.field(default_factory=dict)   # system -> [(KiB when ready, the most)]
    raw: dict = dataclasses.field(default_factory=dict)      # a key of alone.STREAMS -> [bytes a second]
    paced: list = dataclasses.field(default_factory=list)    # of lone syncs, 1,000 a second: {quantile: milliseconds}
    echoed: list = dataclasses.field(default_factory=list)   # the same with the loopback before and behind it
    synced_bytes: list = dataclasses.field(default_factory=list)
    lone: list = dataclasses.field(default_factory=list)     # [lone.Lone]
    missed: dict = dataclasses.field(default_factory=dict)   # system or "case, system" -> why
    took_s: float = 0

    def add(self, table, key, value):
        getattr(self, table).setdefault(key, []).append(value)


def weight(todo):
    """Of cases: what one takes, in those of our own load."""
    return sum(3 if case.official else 1 for case in todo)


class Runner:
    def __init__(self, systems, wanted, options, run):
        self.systems, self.wanted, self.options, self.run = systems, wanted, options, run
        self.took = {}       # system -> seconds for a case
        self.absent = set()  # systems that this machine cannot have; one that failed is tried again in the next round
        self.ends = time.monotonic() + 60 * options.minutes

    def say(self, text):
        print(text, flush=True)

    def cases_of(self, system, number):
        return [case for case in self.wanted if system.key in case.systems and number < case.rounds]

    def whole(self, first):
        """All rounds, or as many as fit."""
        for number in range(first, self.options.rounds):
            for system in self.systems:
                todo = self.cases_of(system, number)
                left = self.ends - time.monotonic()
                if system.key in self.absent or not todo:
                    continue
                if left < self.took.get(system.key, 0) * weight(todo):
                    self.say(f"round {number + 1}: no time left for {system.title}")
                    continue
                began = time.monotonic()
                self.turn(system, todo, number)
                self.took[system.key] = (time.monotonic() - began) / weight(todo)

    def turn(self, system, todo, number):
        directory = tempfile.mkdtemp(prefix="geminga-peers-", dir=self.options.data)
        server = None
        try:
            system.prepare()
            server = system.start(directory)
            self.say(f"round {number + 1}: {system.title}: ready in {server.ready_s:.2f} s")
            self.run.add("starts", system.key, server.ready_s)
            before = shutil.disk_usage(directory).free
            self.measure(cases.Turn(system, server, self.options.program, self.options.seconds), todo, directory)
            self.run.add("memory", system.key, (server.memory_ready_kb, server.memory_kb("VmHWM")))
            self.say(f"  {(before - shutil.disk_usage(directory).free) / 1e9:.1f} GB more on the disk at the turn's end")
        except (Missing, RuntimeError, OSError, subprocess.SubprocessError, loads.Failed) as error:
            if isinstance(error, Missing):
                self.absent.add(system.key)
            self.run.missed[system.key] = str(error)
            self.say(f"skipped {system.title}: {error}")
        finally:
            if server:
                server.stop()
            shutil.rmtree(directory, ignore_errors=True)

    def measure(self, turn, todo, directory):
        ours = turn.system.key == "geminga"
        if turn.system.key.startswith("pulsar"):
            self.warm(turn)
        if ours:
            self.run.lone += lone.measure(turn.server, directory, self.say)
        raw = os.path.join(directory, "raw")
        for case in todo:
            before = busy_topic.metrics(turn.server) if ours and case.key == "p1k" else None
            self.one(turn, case)
            if before is not None:
                alone.streams(self.run, turn, raw, before, self.say)
            if ours and case.key == "lat1k":
                alone.one_by_one(self.run, turn.program, raw, self.say)
            turn.tidy()

    def warm(self, turn):
        for words in (["-s", 1024], ["-s", 1024, "-db", "-o", 1000]):
            turn.perf().run("produce", turn.topic(), *words, "-r", cases.MAXIMUM, "-time", WARM_S // 2)
            turn.tidy()

    def one(self, turn, case):
        try:
            sample = case.run(turn)
        except (loads.Failed, OSError) as error:
            self.run.missed[f"{case.title}, {turn.system.title}"] = str(error)
            self.say(f"  {case.title:<32} failed: {error}")
            return
        self.run.add("samples", (case.key, turn.system.key), sample)
        latency = " ".join(f"{name} {sample.latency[name]:g}" for name in ("p50", "p99", "p99.9") if name in sample.latency)
        self.say(f"  {case.title:<32} {sample.rate:>11,.0f}/s  {sample.cpu:>7.2f} s/M  load {sample.load_cpu:>6.2f} s/M  "
                 f"others {100 * sample.others:3.0f} %  {latency}")
