# SPDX-License-Identifier: Apache-2.0
"""A process that is measured from outside: its processor seconds and memory by /proc, its end by its pid."""
import os
import signal
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system, of all its threads, those that have ended included."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory_kb(pid, name="VmRSS"):
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(name + ":"):
                return int(line.split()[1])
    return 0


def children_seconds():
    """Of the loads that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def machine_seconds():
    """Of all processors, what anybody used."""
    with open("/proc/stat") as file:
        fields = [int(word) for word in file.readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICK


class Server:
    """Started by its constructor; `ready_s` is the time until `is_ready` said so for the first time."""

    def __init__(self, command, directory, is_ready, environment=None, patience_s=180):
        self.log = os.path.join(directory, "server.log")
        began = time.perf_counter()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})})
        self.pid = self.process.pid
        try:
            while not is_ready(self):
                if self.process.poll() is not None:
                    raise RuntimeError(f"it ended with status {self.process.returncode}: {self.last_words()}")
                if time.perf_counter() - began > patience_s:
                    raise RuntimeError(f"it was not ready in {patience_s} s: {self.last_words()}")
                time.sleep(0.001)
        except BaseException:
            self.stop()
            raise
        self.ready_s = time.perf_counter() - began
        self.memory_ready_kb = memory_kb(self.pid)

    def last_words(self):
        with open(self.log, "rb") as log:
            log.seek(max(0, os.path.getsize(self.log) - 300))
            return log.read().decode(errors="replace").strip()

    def cpu(self):
        return cpu_seconds(self.pid)

    def memory_kb(self, name="VmRSS"):
        return memory_kb(self.pid, name)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
