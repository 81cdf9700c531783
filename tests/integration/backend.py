# SPDX-License-Identifier: Apache-2.0
"""Other systems as processes: started by a recipe of backends/, on ports that the kernel chooses, ended by their pid.

A program that is not installed skips the test, by its name.  Programs are found by PATH; GEMINGA_BACKENDS names a directory
that is looked into first.
"""
import contextlib
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from broker_process import DIES_WITH_PARENT

RECIPES = Path(__file__).resolve().parent / "backends"
START_SECONDS = 120
PATH = os.pathsep.join(p for p in (os.environ.get("GEMINGA_BACKENDS"), os.environ["PATH"], "/usr/sbin") if p)


def need(*programs):
    for program in programs:
        if not shutil.which(program, path=PATH):
            pytest.skip(f"not installed: {program}")


def free_ports(count):
    """Ports that nobody has at this moment: all are held until the last is known, so that they differ."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


def accepts(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class Backend:
    """One process of a recipe.  `ready` is asked until it is true; by default, whether PORT accepts."""

    def __init__(self, recipe, directory, ready=None, **environment):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log = self.directory / f"{recipe}.log"
        self.recipe = recipe
        self.environment = {**os.environ, "PATH": PATH, "DIR": str(self.directory),
                            **{name: str(value) for name, value in environment.items()}}
        self.ready = ready or (lambda: accepts(int(self.environment["PORT"])))
        self.process = None
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*DIES_WITH_PARENT, "sh", str(RECIPES / f"{self.recipe}.sh")],
                                            env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while not self.ready():
            assert self.process.poll() is None, f"{self.recipe} ended:\n{self.log.read_text()[-2000:]}"
            assert time.monotonic() < deadline, f"{self.recipe} is not ready:\n{self.log.read_text()[-2000:]}"
            time.sleep(0.05)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
