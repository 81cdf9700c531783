# SPDX-License-Identifier: Apache-2.0
"""kill -9 under load: what was promised before is kept after.

Each round: the official client publishes with and without batches, a consumer in bytes acknowledges one by one and asks
for an answer to each; at some moment the broker is killed and started again on its data.  Then, per topic
 1. every message that got a receipt is there, once, in the order in which its producer sent it;
 2. nothing that was answered as acknowledged comes again, and everything else does.

ROUNDS (3) and SEED (printed) from the environment.
"""
import os
import random
import sys
import threading
from pathlib import Path

import pulsar
import pytest
from pulsar import MessageId

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "interop"))
import wire  # noqa: E402
from broker_process import eventually  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "3"))
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
TOPICS = {
    "single": dict(batching_enabled=False),
    "batched": dict(batching_enabled=True, batching_max_publish_delay_ms=1),
    "large": dict(batching_enabled=False),
}
SIZES = {"single": 100, "batched": 100, "large": 100_000}
PENDING_MAX = 500
END = -1


def name_of(kind):
    return f"persistent://public/default/crash-{kind}"


class Load(threading.Thread):
    """Publishes numbers to one topic until the broker is gone; keeps those that got a receipt."""

    def __init__(self, client, kind, first):
        super().__init__()
        self.producer = client.create_producer(name_of(kind), producer_name=kind, send_timeout_millis=0,
                                               max_pending_messages=2 * PENDING_MAX, **TOPICS[kind])
        self.room = threading.Semaphore(PENDING_MAX)
        self.filling = bytes(SIZES[kind])
        self.next = first
        self.receipts = []
        self.stopped = False

    def run(self):
        try:
            while not self.stopped:
                if self.room.acquire(timeout=0.1):
                    self.send(self.next)
                    self.next += 1
        except pulsar.PulsarException:
            pass

    def send(self, number):
        def sent(result, _):
            if result == pulsar.Result.Ok:
                self.receipts.append(number)
            self.room.release()
        self.producer.send_async(b"%d " % number + self.filling, sent)


class Acknowledger(threading.Thread):
    """Acknowledges some of what it gets, asking for an answer; keeps the positions asked about and answered."""

    def __init__(self, port, kind, rng):
        super().__init__()
        self.connection = wire.Connection(port)
        self.connection.handshake()
        self.connection.subscribe(name_of(kind), kind=wire.SHARED, name="acks")
        self.rng = random.Random(rng.random())
        self.asked, self.answered = set(), set()

    def run(self):
        by_request = {}
        self.connection.flow(1000)
        try:
            while True:
                kind, fields, _ = self.connection.read()
                if kind == wire.ACK_RESPONSE:
                    assert 4 not in fields  # no error
                    self.answered.add(by_request.pop(fields[6][0]))
                    continue
                assert kind == wire.MESSAGE
                at = wire.parse(fields[2][0])
                position = at[1][0], at[2][0]
                self.connection.flow(1)
                if self.rng.random() < 0.7:
                    request = len(self.asked)
                    by_request[request] = position
                    self.asked.add(position)
                    self.connection.ack(position, request_id=request)
        except wire.Closed:
            self.connection.close()


def entries_of(client, kind):
    """{position: [numbers]} of all that is in the topic, in order."""
    reader = client.create_reader(name_of(kind), MessageId.earliest)
    entries = {}
    while reader.has_message_available():
        message = reader.read_next(30_000)
        at = MessageId.wrap(message.message_id())
        entries.setdefault((at.ledger_id(), at.entry_id()), []).append(int(message.data().split(b" ")[0]))
    reader.close()
    return entries


def redelivered(client, port, kind):
    """Positions that the subscription still gives: all that comes before a last message, published for this."""
    producer = client.create_producer(name_of(kind))
    last = MessageId.wrap(producer.send(b"%d " % END))
    producer.close()
    connection = wire.Connection(port)
    connection.handshake()
    connection.subscribe(name_of(kind), kind=wire.SHARED, name="acks")
    connection.flow(1 << 30)
    positions = []
    while not positions or positions[-1] < (last.ledger_id(), last.entry_id()):
        positions.append(connection.next_message()[0])
    connection.close()
    return set(positions[:-1])


@pytest.mark.parametrize("rounds", [ROUNDS])
def test_what_was_promised_survives_kill_9(own_broker, connect, rounds):
    print(f"SEED={SEED}")
    rng = random.Random(SEED)
    promised = {kind: [] for kind in TOPICS}
    asked = {kind: set() for kind in TOPICS}
    answered = {kind: set() for kind in TOPICS}
    first = {kind: 0 for kind in TOPICS}
    keeping = connect(own_broker.url)
    for kind in TOPICS:  # acknowledges nothing: so that no ledger is trimmed
        keeping.subscribe(name_of(kind), "keep")
    keeping.close()

    for number in range(rounds):
        client = connect(own_broker.url)
        ackers = {kind: Acknowledger(own_broker.port, kind, rng) for kind in TOPICS}
        loads = {kind: Load(client, kind, first[kind]) for kind in TOPICS}
        for thread in [*ackers.values(), *loads.values()]:
            thread.start()
        target = rng.choice([1, 10, 100, 1000, 3000])
        eventually(lambda: sum(len(load.receipts) for load in loads.values()) >= target, 120)
        own_broker.kill()
        for load in loads.values():
            load.stopped = True
        client.shutdown()
        for thread in [*ackers.values(), *loads.values()]:
            thread.join(60)
            assert not thread.is_alive()

        own_broker.start(own_broker.port, own_broker.http_port)
        reading = connect(own_broker.url)
        for kind in TOPICS:
            promised[kind] += loads[kind].receipts
            asked[kind] |= ackers[kind].asked
            answered[kind] |= ackers[kind].answered
            first[kind] = loads[kind].next + 1
            check(own_broker.port, reading, kind, promised[kind], asked[kind], answered[kind])
        reading.close()
        print(f"round {number}: {[len(promised[kind]) for kind in TOPICS]} receipts, "
              f"{[len(answered[kind]) for kind in TOPICS]} acks, kept")
    own_broker.restart()
    reading = connect(own_broker.url)
    for kind in TOPICS:
        check(own_broker.port, reading, kind, promised[kind], asked[kind], answered[kind])


def check(port, client, kind, promised, asked, answered):
    entries = entries_of(client, kind)
    numbers = [number for entry in entries.values() for number in entry if number != END]
    assert numbers == sorted(set(numbers)), f"{kind}: twice, or out of order"
    lost = set(promised) - set(numbers)
    assert not lost, f"{kind}: {len(lost)} messages with a receipt are lost, as {sorted(lost)[:5]}"
    again = redelivered(client, port, kind)
    assert not again & answered, f"{kind}: {len(again & answered)} acks are forgotten, as {min(again & answered)}"
    gone = set(entries) - again - asked
    assert not gone, f"{kind}: {len(gone)} messages that nobody acknowledged do not come, as {min(gone)}"
