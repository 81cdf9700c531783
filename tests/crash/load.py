# SPDX-License-Identifier: Apache-2.0
"""Load from real clients, and what it was promised: the judge of every test that lets a broker die.

Three topics are published to by the official client (single messages, batches, messages of 100 KB); a consumer in bytes
acknowledges some of each one by one and asks for an answer; subscriptions are made and removed over HTTP.  What was
answered before the broker died is a promise:
 1. every message with a receipt is there, once, in the order in which its producer sent it;
 2. nothing that was answered as acknowledged comes again, and everything that nobody acknowledged does;
 3. subscriptions that were made are there, those that were removed are not.
"""
import copy
import http.client
import itertools
import json
import random
import sys
import threading
from pathlib import Path

import pulsar
from pulsar import MessageId

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "interop"))
import wire  # noqa: E402
from broker_process import eventually  # noqa: E402

KINDS = {
    "single": dict(batching_enabled=False),
    "batched": dict(batching_enabled=True, batching_max_publish_delay_ms=1),
    "large": dict(batching_enabled=False),
}
SIZES = {"single": 100, "batched": 100, "large": 100_000}
SHARES = {"single": 0.5, "batched": 0.48, "large": 0.02}
PENDING_MAX = 500
SLACK = {"single": 300, "batched": 300, "large": 30}  # publishes that may be under way when the broker dies
END = -1


class Topics:
    """Three topics, and all that was promised about them so far."""

    def __init__(self, name):
        self.name = name
        self.next = dict.fromkeys(KINDS, 0)
        self.receipts = {kind: [] for kind in KINDS}
        self.asked = {kind: set() for kind in KINDS}
        self.answered = {kind: set() for kind in KINDS}
        self.made, self.unmaking, self.unmade = set(), set(), set()

    def topic(self, kind):
        return f"persistent://public/default/{self.name}-{kind}"

    def path(self, kind, rest=""):
        return f"/admin/v2/persistent/public/default/{self.name}-{kind}{rest}"

    def promised(self):
        """A copy, as of now: what is answered later is no promise of this moment.  Answers first: what is asked
        while this copies may be done or not."""
        now = Topics(self.name)
        now.receipts = {kind: list(self.receipts[kind]) for kind in KINDS}
        now.answered = {kind: set(self.answered[kind]) for kind in KINDS}
        now.made, now.unmade = set(self.made), set(self.unmade)
        now.asked, now.unmaking, now.next = self.asked, self.unmaking, self.next
        return now

    def total(self):
        return sum(len(receipts) for receipts in self.receipts.values())

    def settled(self):
        """The same with sets of its own, for a world that goes on from that moment."""
        return copy.deepcopy(self)


def ask(broker, method, path):
    connection = http.client.HTTPConnection("127.0.0.1", broker.http_port, timeout=60)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class Actor(threading.Thread):
    """A thread whose failure is the test's: told when it is joined."""

    def __init__(self):
        super().__init__(daemon=True)
        self.failure = None

    def run(self):
        try:
            self.act()
        except (wire.Closed, OSError, http.client.HTTPException, pulsar.PulsarException):
            pass  # the broker is gone
        except BaseException as failure:
            self.failure = failure

    def finish(self):
        self.join(60)
        assert not self.is_alive()
        if self.failure:
            raise self.failure


class Publisher(Actor):
    """Publishes numbers to one topic, as many as it is allowed to, until the broker is gone."""

    def __init__(self, client, topics, kind):
        super().__init__()
        self.topics, self.kind = topics, kind
        self.producer = client.create_producer(topics.topic(kind), producer_name=kind, send_timeout_millis=0,
                                               max_pending_messages=2 * PENDING_MAX, **KINDS[kind])
        self.room = threading.Semaphore(PENDING_MAX)
        self.allowed = threading.Semaphore(0)
        self.filling = bytes(SIZES[kind])
        self.stopped = False

    def act(self):
        while not self.stopped:
            if self.allowed.acquire(timeout=0.1) and self.room.acquire(timeout=60):
                self.send(self.topics.next[self.kind])
                self.topics.next[self.kind] += 1

    def send(self, number):
        def sent(result, _):
            if result == pulsar.Result.Ok and not self.stopped:
                self.topics.receipts[self.kind].append(number)
            self.room.release()
        self.producer.send_async(b"%d " % number + self.filling, sent)


class Acknowledger(Actor):
    """Acknowledges some of what it gets, asking for an answer; keeps the positions asked about and answered."""

    def __init__(self, broker, topics, kind, rng):
        super().__init__()
        self.connection = wire.Connection(broker.port)
        self.connection.handshake()
        self.connection.subscribe(topics.topic(kind), kind=wire.SHARED, name="acks")
        self.rng = random.Random(rng.random())
        self.asked, self.answered = topics.asked[kind], topics.answered[kind]
        self.numbers = itertools.count(1)
        self.requests = {}

    def act(self):
        self.connection.flow(1000)
        try:
            while self.step():
                pass
        finally:
            self.connection.close()

    def step(self):
        kind, fields, _ = self.connection.read()
        if kind == wire.ACK_RESPONSE:
            assert 4 not in fields  # no error
            self.answered.add(self.requests.pop(fields[6][0]))
        elif kind == wire.MESSAGE:
            at = wire.parse(fields[2][0])
            self.connection.flow(1)
            if self.rng.random() < 0.7:
                self.acknowledge((at[1][0], at[2][0]))
        else:
            assert kind == wire.CLOSE_CONSUMER  # it stops in order
            return False
        return True

    def acknowledge(self, position):
        request = next(self.numbers)
        self.requests[request] = position
        self.asked.add(position)
        self.connection.ack(position, request_id=request)


class Maker(Actor):
    """Makes and removes subscriptions, each name once."""

    def __init__(self, broker, topics, rng):
        super().__init__()
        self.broker, self.topics = broker, topics
        self.rng = random.Random(rng.random())
        self.stopped = threading.Event()

    def act(self):
        while not self.stopped.wait(0.01) and self.step():
            pass

    def step(self):
        t = self.topics
        if len(t.made - t.unmaking) < 5 or self.rng.random() < 0.5:
            name = f"made-{self.rng.getrandbits(60)}"
            return self.ask("PUT", name, t.made)
        name = self.rng.choice(sorted(t.made - t.unmaking))
        t.unmaking.add(name)
        return self.ask("DELETE", name, t.unmade)

    def ask(self, method, name, done):
        status, said = ask(self.broker, method, self.topics.path("single", f"/subscription/{name}"))
        if status == 503:
            return False  # it stops in order
        assert status == 204, said
        done.add(name)
        return True


class Load:
    """All of it, against one life of a broker."""

    def __init__(self, broker, topics, connect, rng):
        self.topics = topics
        self.client = connect(broker.url)
        self.ackers = [Acknowledger(broker, topics, kind, rng) for kind in KINDS]
        self.publishers = [Publisher(self.client, topics, kind) for kind in KINDS]
        self.maker = Maker(broker, topics, rng)
        for thread in self.threads():
            thread.start()

    def threads(self):
        return [*self.ackers, *self.publishers, self.maker]

    def publish(self, count):
        """Allows so many publishes and some more, and returns when so many got their receipts."""
        wanted = self.topics.total() + count
        for publisher in self.publishers:
            publisher.allowed.release(int(count * SHARES[publisher.kind]) + SLACK[publisher.kind])
        eventually(lambda: self.topics.total() >= wanted, 120)

    def end(self):
        """After the broker's death.  The client waits ten seconds for an answer that will not come: not us."""
        self.maker.stopped.set()
        for publisher in self.publishers:
            publisher.stopped = True
        closing = threading.Thread(target=self.client.close, daemon=True)
        closing.start()
        for thread in self.threads():
            thread.finish()


def prepare(broker, topics, connect):
    """Acknowledges nothing with a subscription of its own: so that no ledger is trimmed."""
    client = connect(broker.url)
    for kind in KINDS:
        client.subscribe(topics.topic(kind), "keep").close()
    client.close()


def drop(broker, topics):
    """All three deleted, to make room."""
    for kind in KINDS:
        status, said = ask(broker, "DELETE", topics.path(kind, "?force=true"))
        assert status in (204, 404), said


def entries_of(client, topic):
    """{position: [numbers]} of all that is in the topic, in order."""
    reader = client.create_reader(topic, MessageId.earliest)
    entries = {}
    while reader.has_message_available():
        message = reader.read_next(30_000)
        at = MessageId.wrap(message.message_id())
        entries.setdefault((at.ledger_id(), at.entry_id()), []).append(int(message.data().split(b" ")[0]))
    reader.close()
    return entries


def redelivered(client, port, topic):
    """Positions that the subscription still gives: all that comes before a last message, published for this."""
    producer = client.create_producer(topic)
    last = MessageId.wrap(producer.send(b"%d " % END))
    producer.close()
    connection = wire.Connection(port)
    connection.handshake()
    connection.subscribe(topic, kind=wire.SHARED, name="acks")
    connection.flow(1 << 30)
    positions = []
    while not positions or positions[-1] < (last.ledger_id(), last.entry_id()):
        positions.append(connection.next_message()[0])
    connection.close()
    return set(positions[:-1])


def check(broker, topics, connect):
    client = connect(broker.url)
    for kind in KINDS:
        check_topic(broker, client, topics, kind)
    status, names = ask(broker, "GET", topics.path("single", "/subscriptions"))
    assert status == 200, names
    names = set(json.loads(names))
    lost = topics.made - topics.unmaking - names
    assert not lost, f"subscriptions that were made are lost: {sorted(lost)[:5]}"
    back = topics.unmade & names
    assert not back, f"subscriptions that were removed are back: {sorted(back)[:5]}"
    client.close()


def check_topic(broker, client, topics, kind):
    topic = topics.topic(kind)
    answered, asked = topics.answered[kind], topics.asked[kind]
    entries = entries_of(client, topic)
    numbers = [number for entry in entries.values() for number in entry if number != END]
    assert numbers == sorted(set(numbers)), f"{kind}: twice, or out of order"
    lost = set(topics.receipts[kind]) - set(numbers)
    assert not lost, f"{kind}: {len(lost)} messages with a receipt are lost, as {sorted(lost)[:5]}"
    again = redelivered(client, broker.port, topic)
    forgotten = again & answered
    assert not forgotten, f"{kind}: {len(forgotten)} acks are forgotten, as {min(forgotten)}"
    gone = set(entries) - again - asked
    assert not gone, f"{kind}: {len(gone)} messages that nobody acknowledged do not come, as {min(gone)}"
