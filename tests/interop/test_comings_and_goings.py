# SPDX-License-Identifier: Apache-2.0
"""Consumers of a shared subscription that come and go as they please, politely or not, lose nothing together.

In bytes, from one seed (SEED): they take a few permits, acknowledge some, give some back, and leave by closing, by
hanging up or by a reset.  In the end every message with a receipt was acknowledged or is still given, and what was
answered as acknowledged is not.
"""
import os
import random
import threading

import pytest

import wire
from wire import Connection, SHARED, message_id

SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
MESSAGES = 3000
WINDOW = 100
VISITORS = 6


class Visitor(threading.Thread):
    def __init__(self, port, topic, seed, over):
        super().__init__()
        self.port, self.topic, self.over = port, topic, over
        self.rng = random.Random(seed)
        self.asked, self.answered = set(), set()
        self.failure = None

    def run(self):
        try:
            while not self.over.is_set():
                self.visit()
        except Exception as e:  # told to the test
            self.failure = e

    def visit(self):
        connection = Connection(self.port)
        connection.handshake()
        connection.subscribe(self.topic, kind=SHARED)
        connection.socket.settimeout(0.05)
        asked = {}
        permits = self.rng.randrange(1, 60)
        connection.flow(permits)
        try:
            for number in range(self.rng.randrange(1, 80)):
                self.step(connection, number, asked)
        except TimeoutError:  # nothing to do: somebody else has it all
            pass
        self.leave(connection)

    def step(self, connection, number, asked):
        kind, fields, _ = connection.read()
        if kind == wire.ACK_RESPONSE:
            self.answered |= asked.pop(fields[6][0])
            return
        assert kind == wire.MESSAGE
        at = wire.parse(fields[2][0])
        position = at[1][0], at[2][0]
        choice = self.rng.random()
        if choice < 0.6:
            asked[number] = {position}
            self.asked.add(position)
            connection.ack(position, request_id=number)
        elif choice < 0.7:
            self.asked.add(position)
            connection.ack(position)
        elif choice < 0.8:
            connection.send(wire.REDELIVER, (1, 1), (2, message_id(*position)))
        elif choice < 0.85:
            connection.send(wire.REDELIVER, (1, 1))
        if self.rng.random() < 0.3:
            connection.flow(self.rng.randrange(1, 10))

    def leave(self, connection):
        choice = self.rng.random()
        if choice < 0.3:
            connection.send(wire.CLOSE_CONSUMER, (1, 1), (2, 999))
        if choice < 0.7:
            connection.close()
        else:
            connection.reset()


def publish(port, topic):
    """All messages, some of them batches, with a window of them under way; their positions."""
    connection = Connection(port)
    connection.handshake()
    connection.producer(topic)
    positions = []
    for i in range(MESSAGES):
        if i >= WINDOW:
            positions.append(connection.receipt(i - WINDOW))
        messages = 1 + i % 7
        connection.publish(i, messages=messages, meta=wire.metadata("p", i, (11, messages)), checksum=False)
    positions += [connection.receipt(i) for i in range(MESSAGES - WINDOW, MESSAGES)]
    connection.close()
    return set(positions)


@pytest.mark.parametrize("run", range(2))
def test_nothing_is_lost_among_consumers_that_come_and_go(broker, topic, run):
    print(f"SEED={SEED}")
    over = threading.Event()
    first = Connection(broker.port)
    first.handshake()
    first.subscribe(topic, kind=SHARED)
    visitors = [Visitor(broker.port, topic, SEED + run * 100 + i, over) for i in range(VISITORS)]
    for visitor in visitors:
        visitor.start()
    positions = publish(broker.port, topic)
    over.set()
    for visitor in visitors:
        visitor.join()
        assert visitor.failure is None
    answered = set().union(*(visitor.answered for visitor in visitors))
    assert len(positions) == MESSAGES and answered <= positions

    asked = set().union(*(visitor.asked for visitor in visitors))

    # What nobody tried to acknowledge must come to the one that stayed; what else comes was not answered.
    first.flow(1 << 20)
    left = set()
    while not positions - asked <= left:
        left.add(first.next_message()[0])
    first.socket.settimeout(wire.QUIET_SECONDS)
    try:
        while True:
            left.add(first.next_message()[0])
    except TimeoutError:
        first.socket.settimeout(wire.ANSWER_SECONDS)
    assert not left & answered
    for position in left:
        first.ack(position)
    first.ack(min(positions), request_id=1)
    first.expect(wire.ACK_RESPONSE)
    first.close()
    last = Connection(broker.port)
    last.handshake()
    last.subscribe(topic, kind=SHARED)
    last.flow(1 << 20)
    last.expect_quiet()
    producer = Connection(broker.port)
    producer.handshake()
    producer.producer(topic)
    producer.publish(0)
    assert last.next_message()[0] == producer.receipt()
