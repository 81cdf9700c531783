# SPDX-License-Identifier: Apache-2.0
"""Our C client through its public headers (client_e2e.c), against our broker; or, with SERVICE_URL, against any."""
import os
import random
import subprocess
import time
from pathlib import Path

import broker_process

PROGRAM = Path(broker_process.PROGRAM).parent / "tests" / "interop" / "client_e2e"
OUTAGE_MESSAGES = 20000
OUTAGES = 3


def run(url, *arguments, **environment):
    return subprocess.run([PROGRAM, url, *arguments], env={**os.environ, **environment}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=240)


def test_every_end_to_end_test_of_the_c_client_passes(broker):
    it = run(broker.url)
    assert it.returncode == 0, it.stdout


def test_a_broker_that_is_killed_and_started_again_loses_and_reorders_nothing_of_the_c_clients(own_broker):
    rng = random.Random(7)
    program = subprocess.Popen([PROGRAM, own_broker.url, "--outage", str(OUTAGE_MESSAGES)], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        program.stdout.readline()  # it has begun
        for _ in range(OUTAGES):
            time.sleep(rng.uniform(0.1, 0.5))  # any moment will do; the outcome does not depend on it
            own_broker.kill()
            own_broker.start(own_broker.port, own_broker.http_port)
        said, _ = program.communicate(timeout=180)
    finally:
        program.kill()
    assert program.returncode == 0, said
    assert "lost 0, out of order 0" in said
