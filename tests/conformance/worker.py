# SPDX-License-Identifier: Apache-2.0
"""One worker: a broker on the ports that the suites expect, and tests against it, one process each.

Runs in a network namespace of its own (conformance.py makes it), so that those ports are free, several workers run side
by side, and nothing leaves the machine.  Reads names of tests from standard input, and writes what came of each to standard
output, a line of JSON: test, outcome (pass, skip, fail, timeout, broker died), seconds.  What a test said is in
LOGS/<test>.log (of a first try that failed, <test>.first.log), what the broker said in LOGS/worker-<number>/broker.log.

The broker's data lie on the disk, as its users' do: some of these tests rely on a sync's taking longer than their own next
step, and fail on a file system in memory.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from string import Template

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from broker_process import DIES_WITH_PARENT, Broker  # noqa: E402
from suites import HERE, SUITES  # noqa: E402

# What the suites' own fixture does with pulsar-admin, and what it may answer here: created, or there already.
PRIVATE = [
    ("PUT", "tenants/private", {"adminRoles": [], "allowedClusters": ["standalone"]}),
    ("PUT", "namespaces/private/auth", None),
    ("POST", "namespaces/private/auth/permissions/token-principal", ["produce", "consume"]),
]
FIXTURE = {
    "go": [
        ("POST", "tenants/public", {"adminRoles": ["anonymous"], "allowedClusters": ["standalone"]}),
        ("POST", "namespaces/public/default/permissions/anonymous", ["produce", "consume"]),
        *PRIVATE,
    ],
    "rust": [],
    "rust-security": PRIVATE,
}


def call(http_url, method, path, body, token):
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(f"{http_url}/admin/v2/{path}", json.dumps(body).encode(), method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.status


class Worker:
    def __init__(self, suite, number, logs, seconds):
        self.suite = suite
        self.seconds = seconds
        self.logs = logs
        self.directory = logs / f"worker-{number}"
        self.copy = self.directory / "source"
        self.directory.mkdir(parents=True)
        shutil.copytree(suite.source, self.copy)
        self.files = suite.files(self.directory, self.copy)
        self.conf = self.directory / "broker.conf"
        self.conf.write_text(Template((HERE / f"{suite.name}.conf").read_text()).substitute(self.files.words))
        self.broker = None

    def start_broker(self):
        self.broker = Broker(self.directory, port=6650, http_port=8080,
                             options=["--config", str(self.conf)])
        for method, path, body in FIXTURE[self.suite.name]:
            try:
                call(self.broker.http_url, method, path, body, self.files.admin_token)
            except urllib.error.HTTPError as error:
                assert error.code == 409, f"{method} {path} answered {error.code}"

    def run(self, test):
        """(outcome, seconds)"""
        command, directory = self.suite.command(test, self.seconds, self.copy, self.files)
        log = self.logs / (test.replace("/", ".").replace("::", ".") + ".log")
        started = time.monotonic()
        with open(log, "wb") as output:
            process = subprocess.Popen(DIES_WITH_PARENT + command, cwd=directory, stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=subprocess.STDOUT, start_new_session=True)
            try:
                code = process.wait(self.seconds + 10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                code = None
        took = time.monotonic() - started
        if self.broker.process.poll() is not None:
            return "broker died", took
        if code is None:
            return "timeout", took
        return self.suite.outcome(test, code, log.read_text(errors="replace")), took

    def serve(self):
        """Until standard input ends."""
        try:
            self.serve_tests()
        finally:
            shutil.rmtree(self.copy)

    def serve_tests(self):
        self.start_broker()
        for line in sys.stdin:
            test = line.strip()
            outcome, took = self.run(test)
            print(json.dumps({"test": test, "outcome": outcome, "seconds": round(took, 1)}), flush=True)
            if outcome == "broker died":
                self.broker._forget()
                self.start_broker()
        self.broker.stop()


if __name__ == "__main__":
    name, number, logs, seconds = sys.argv[1:]
    Worker(SUITES[name](), int(number), Path(logs), int(seconds)).serve()
