# SPDX-License-Identifier: Apache-2.0
"""Runs the official Go and Rust suites against Geminga, and compares what came of it with the lists beside this file.

A list (go.txt, rust.txt) has a row per test, and what is expected of it:

    pass               it passes
    pass slow          it passes, and takes long: not in the share that CI runs
    needs SUBJECT      it needs something that is not built: it is run, and one that passes is told, so that the list shrinks
    skips itself       whatever the broker is

A test that should pass and does not is run once more when nothing else runs: these suites have tests that measure time.
A run fails if one fails twice, if a row is missing or too much, or if a broker does not end as it should.
"""
import argparse
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

from suites import HERE, SUITES, Unavailable

TEST_SECONDS = 240
SLOW_SECONDS = 12
LOGS = Path(os.environ.get("CONFORMANCE_LOGS") or HERE.parent.parent / "build" / "conformance")

# Loopback is up, and 192.0.2.0/24, which the clients' tests dial to reach nobody, is a silence.
NAMESPACE = "ip link set lo up && ip route add 192.0.2.0/24 dev lo && exec \"$@\""


def namespace_command():
    """What a command is run by in a network namespace of its own; Unavailable where that is not allowed."""
    command = ["unshare", "--net"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    command += ["sh", "-c", NAMESPACE, "sh"]
    tried = subprocess.run([*command, "true"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if tried.returncode != 0:
        raise Unavailable(f"a network namespace cannot be made here (root can): {tried.stderr.strip()}")
    return command


class Row:
    def __init__(self, test, expected):
        self.test = test
        self.expected = expected

    @property
    def passes(self):
        return self.expected.split()[0] == "pass"

    @property
    def slow(self):
        return self.expected == "pass slow"

    @property
    def subject(self):
        return self.expected.removeprefix("needs ")


def read_list(path):
    rows = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        expected = " ".join(words[1:])
        if expected not in ("pass", "pass slow", "skips itself") and not expected.startswith("needs "):
            raise SystemExit(f"{path.name}:{number}: {expected or 'nothing'} is not what can be expected of a test")
        rows[words[0]] = Row(words[0], expected)
    return rows


class Run:
    """Tests of one suite, by several workers."""

    def __init__(self, suite, jobs, logs):
        self.suite = suite
        self.jobs = jobs
        self.logs = logs
        self.isolated = namespace_command()
        self.results = {}
        self.faults = []
        self.lock = threading.Lock()

    def worker(self, number, tests):
        command = [*self.isolated, sys.executable, str(HERE / "worker.py"), self.suite.name, str(number), str(self.logs),
                   str(TEST_SECONDS)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        while not tests.empty():
            try:
                test = tests.get_nowait()
            except queue.Empty:
                break
            try:
                process.stdin.write(test + "\n")
                process.stdin.flush()
            except BrokenPipeError:
                pass
            line = process.stdout.readline()
            if not line:
                tests.put(test)
                break
            with self.lock:
                self.results[test] = json.loads(line)
                self.tell(self.results[test])
        process.stdin.close()
        if process.wait() != 0:
            self.faults.append(f"worker {number} ended with {process.returncode}")

    def tell(self, result):
        if result["outcome"] != "pass" or sys.stdout.isatty():
            print(f"  {result['outcome']:5} {result['test']} ({result['seconds']} s)", flush=True)

    def __call__(self, tests, jobs=None):
        waiting = queue.Queue()
        for test in tests:
            waiting.put(test)
        first = len(list(self.logs.glob("worker-*")))
        threads = [threading.Thread(target=self.worker, args=(first + i, waiting))
                   for i in range(min(jobs or self.jobs, len(tests)))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self.results


def shrink(path, passed):
    """Rewrites the rows of these tests: they pass."""
    lines = path.read_text().splitlines()
    for i, line in enumerate(lines):
        test = line.split()[0] if line.split() else ""
        if test in passed:
            expected = "pass slow" if passed[test]["seconds"] > SLOW_SECONDS else "pass"
            lines[i] = line[:line.index("needs ")] + expected
    path.write_text("\n".join(lines) + "\n")


def log_of(logs, test):
    """What a test said."""
    return logs / (test.replace("/", ".").replace("::", ".") + ".log")


def tail(path, lines=25):
    return "\n".join("    " + line[:300] for line in path.read_text(errors="replace").splitlines()[-lines:])


def judge(rows, results, again, logs):
    """What a run says of its suite: (a summary, the sentences that make it fail)."""
    faults = []
    for test, result in results.items():
        if rows[test].passes and result["outcome"] != "pass":
            faults.append(f"{test}: {result['outcome']} at both tries\n" +
                          tail(log_of(logs, test)))
    shrink = [t for t, r in results.items() if not rows[t].passes and r["outcome"] == "pass"]
    for test in shrink:
        print(f"the list can shrink: {test} passes, and {rows[test].expected}")
    passed = sum(r["outcome"] == "pass" for r in results.values())
    needs = {}
    for test, result in results.items():
        if rows[test].expected.startswith("needs ") and result["outcome"] != "pass":
            needs[rows[test].subject] = needs.get(rows[test].subject, 0) + 1
    said = f"{passed} of {len(results)} pass"
    if again:
        said += f" ({len(again)} of them at the second try)"
    if needs:
        said += f", {sum(needs.values())} need what is not built: " + ", ".join(
            f"{subject} {count}" for subject, count in sorted(needs.items(), key=lambda item: -item[1]))
    return said, faults


def run_suite(name, options):
    suite = SUITES[name]()
    started = time.monotonic()
    print(f"== {name}: fetched and compiled into {suite.root}, once", flush=True)
    suite.build()
    rows = read_list(HERE / f"{name}.txt")
    tests = suite.tests()
    faults = [f"{t}: not in {name}.txt" for t in tests if t not in rows and not options.only]
    faults += [f"{t}: in {name}.txt, but not in the suite" for t in rows if t not in tests]
    for test in tests:
        rows.setdefault(test, Row(test, "needs a row"))
    chosen = [t for t in tests if (rows[t].passes and not rows[t].slow) or not options.share]
    if options.only:
        chosen = [t for t in tests if any(word in t for word in options.only)]
    chosen.sort(key=lambda t: not rows[t].slow)  # the long ones first, so that no worker is left alone with them
    print(f"== {name}: {len(chosen)} tests, {options.jobs} at a time (ready after {time.monotonic() - started:.0f} s)",
          flush=True)
    logs = LOGS / name
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    run = Run(suite, options.jobs, logs)
    results = run(chosen) if chosen else {}
    doubtful = [t for t in chosen if rows[t].passes and results.get(t, {}).get("outcome") != "pass"]
    if doubtful and not options.once:
        print(f"== {name}: {len(doubtful)} once more, alone", flush=True)
        for test in doubtful:
            log_of(logs, test).rename(log_of(logs, test).with_suffix(".first.log"))
        results = run(doubtful, jobs=1)
    again = [t for t in doubtful if results.get(t, {}).get("outcome") == "pass"]
    for test in again:
        print(f"at the second try only: {test}")
    faults += [f"{t}: was not run" for t in chosen if t not in results]
    said, failed = judge(rows, results, again, logs)
    if options.shrink:
        shrink(HERE / f"{name}.txt", {t: r for t, r in results.items()
                                      if r["outcome"] == "pass" and rows[t].expected.startswith("needs ")})
    (logs / "results.json").write_text(json.dumps(results, indent=1))
    return f"{name} {said}", faults + run.faults + failed


def main():
    parser = argparse.ArgumentParser(prog="tools/conformance", description=__doc__.split("\n")[0])
    parser.add_argument("suites", nargs="*", choices=[*SUITES, []], help="all of them by default")
    parser.add_argument("--share", action="store_true", help="what passes and is not slow: CI's share")
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1), help="workers, each with a broker")
    parser.add_argument("--only", action="append", metavar="WORD", help="the tests with this in their names; again")
    parser.add_argument("--once", action="store_true", help="no second try")
    parser.add_argument("--shrink", action="store_true", help="rewrite the rows of what passes and was not expected to")
    options = parser.parse_args()
    started = time.monotonic()
    said, faults = [], []
    for name in options.suites or SUITES:
        try:
            sentence, wrong = run_suite(name, options)
        except Unavailable as why:
            sentence, wrong = f"{name} not run", [str(why)]
        said.append(sentence)
        faults += wrong
    for fault in faults:
        print(f"FAULT {fault}")
    print(f"conformance: {'; '.join(said)} ({time.monotonic() - started:.0f} s, logs in {LOGS})")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
