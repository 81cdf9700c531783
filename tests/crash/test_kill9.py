# SPDX-License-Identifier: Apache-2.0
"""kill -9 under load, again and again on the same data: what was promised before is kept after (load.py says what).

Some rounds kill the broker once more while it starts, some end it in order.  ROUNDS (3) and SEED (printed) from the
environment.
"""
import os
import random

import pytest

import load
from conftest import new_client

ROUNDS = int(os.environ.get("ROUNDS", "3"))
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
EPOCH = 20  # rounds with the same topics; then they are deleted, and others come


def end(broker, rng):
    if rng.random() < 0.1:
        broker.stop()
    else:
        broker.kill()


def begin(broker, rng):
    while rng.random() < 0.25:
        broker.start_and_kill(rng.random() * 0.05)
    broker.start()  # on other ports: the dead client does not come back


@pytest.mark.timeout_seconds(3600 + 60 * ROUNDS)
def test_what_was_promised_survives_kill_9(own_broker):
    print(f"SEED={SEED}")
    rng = random.Random(SEED)
    receipts = acks = 0
    topics = None
    for number in range(ROUNDS):
        if number % EPOCH == 0:
            if topics:
                load.drop(own_broker, topics)
            topics = load.Topics(f"crash-{number}")
            load.prepare(own_broker, topics, new_client)
        before = topics.total()
        running = load.Load(own_broker, topics, new_client, rng)
        running.publish(rng.choice([1, 10, 100, 1000, 2000]))
        end(own_broker, rng)
        running.end()
        begin(own_broker, rng)
        load.check(own_broker, topics, new_client)
        receipts += topics.total() - before
        if number % EPOCH == EPOCH - 1 or number == ROUNDS - 1:
            acks += sum(len(answered) for answered in topics.answered.values())
            print(f"round {number + 1}: {receipts} receipts, {acks} answered acknowledgements, all kept", flush=True)
    own_broker.restart()
    load.check(own_broker, topics, new_client)
    print(f"crash: {ROUNDS} rounds of kill -9, {receipts} receipts and {acks} answered acknowledgements, none lost")
