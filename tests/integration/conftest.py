# SPDX-License-Identifier: Apache-2.0
"""For tests that need other systems: which of them were not there is the run's last line."""
import contextlib

import pytest

from backend import Backend


@pytest.fixture(scope="session")
def start(tmp_path_factory):
    """start(recipe, **environment) gives a Backend that lives as long as the run; those started last end first."""
    with contextlib.ExitStack() as running:
        def one(recipe, ready=None, **environment):
            it = Backend(recipe, tmp_path_factory.mktemp(recipe), ready, **environment)
            running.callback(it.stop)
            return it
        yield one


def pytest_terminal_summary(terminalreporter):
    missing = sorted({str(report.longrepr[2]).removeprefix("Skipped: not installed: ")
                      for report in terminalreporter.stats.get("skipped", []) if "not installed: " in str(report.longrepr)})
    terminalreporter.write_line("not installed, and so not tested with: " + ", ".join(missing) if missing
                                else "tested with every system that there is a recipe for")
