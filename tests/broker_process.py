# SPDX-License-Identifier: Apache-2.0
"""A broker as a process: started on ports that the kernel chooses, waited for by its ready line, ended by its pid.

GEMINGA names the program (build/geminga otherwise).  SERVICE_URL names a broker that runs already: then nothing is
started, and the tests that need to start, stop or kill a broker are skipped.  So the same tests judge Apache Pulsar.
"""
import json
import os
import selectors
import signal
import subprocess
import time
from pathlib import Path

PROGRAM = os.environ.get("GEMINGA", str(Path(__file__).resolve().parent.parent / "build" / "geminga"))
SERVICE_URL = os.environ.get("SERVICE_URL")
START_SECONDS = 60
STOP_SECONDS = 60

# Before a command: a test run that is cut off leaves nothing behind.  (No preexec_fn: Python code in the child of a process
# with the client's threads may wait for ever for a lock that one of them held.)
DIES_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"]


class Broker:
    def __init__(self, directory, port=0, http_port=0, options=(), data=None):
        self.directory = Path(directory)
        self.data = Path(data) if data else self.directory / "data"
        self.log = self.directory / "broker.log"
        self.options = list(options)
        self.process = None
        self.start(port, http_port)

    def _spawn(self, port, http_port):
        command = [*DIES_WITH_PARENT, PROGRAM, "standalone", "--port", str(port), "--http-port", str(http_port),
                   "--data", str(self.data), "-o", "json", *self.options]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log,
                                            stdin=subprocess.DEVNULL)

    def start(self, port=0, http_port=0):
        self._spawn(port, http_port)
        ready = json.loads(self._ready_line())
        self.ready = ready
        self.url = ready["service_url"]
        self.port = ready.get("port")  # None: all is with TLS
        self.tls_port = ready.get("tls_port")
        self.tls_url = ready.get("service_url_tls")
        self.http_url = ready.get("http_url")  # None: all is with TLS
        self.http_port = ready.get("http_port")
        self.https_url = ready.get("https_url")
        self.https_port = ready.get("https_port")

    def start_and_kill(self, seconds):
        """Killed so soon that it may not be ready: the moment is all that matters, not whether it is."""
        self._spawn(0, 0)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        else:
            raise AssertionError(f"the broker ended by itself:\n{self.log_tail()}")
        self.kill()

    def _ready_line(self):
        """The first line of standard output, or an error with what the broker said instead."""
        line = b""
        deadline = time.monotonic() + START_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(max(0, deadline - time.monotonic())):
                    self.process.kill()
                    raise AssertionError(f"no ready line in {START_SECONDS} s; the log says:\n{self.log_tail()}")
                more = os.read(self.process.stdout.fileno(), 4096)
                if not more:
                    raise AssertionError(f"the broker ended with {self.process.wait()}:\n{self.log_tail()}")
                line += more
        return line

    def log_tail(self):
        return self.log.read_text(errors="replace")[-4000:]

    def stop(self):
        """An orderly end: it must come, and be a success."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"SIGTERM did not end the broker:\n{self.log_tail()}")
        self._forget()
        assert code == 0, f"the broker ended with {code}:\n{self.log_tail()}"

    def kill(self):
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        self._forget()

    def _forget(self):
        self.process.stdout.close()
        self.process = None

    def restart(self):
        """Stopped in order, started on the same ports."""
        self.stop()
        self.start(-1 if self.port is None else self.port, -1 if self.http_port is None else self.http_port)


class RunningBroker:
    """One that somebody else started (SERVICE_URL)."""

    def __init__(self, url):
        self.url = url
        self.port = int(url.rsplit(":", 1)[1])
        self.http_url = os.environ.get("HTTP_URL")

    def stop(self):
        pass


def eventually(condition, seconds=30):
    """Waits until condition() is true; returns what it gave."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.005)
