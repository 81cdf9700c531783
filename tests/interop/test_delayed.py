# SPDX-License-Identifier: Apache-2.0
"""Messages with a time of delivery, by the official client: never early, at once when due, others not held up; also after
the broker was killed.  The broker's clock is the test's."""
import time
from datetime import timedelta

import pulsar
import pytest
from pulsar import ConsumerType, InitialPosition

from rest import get, path_of

RECEIVE_MS = 30_000
SOON_MS = 1500
LATE_MS = 1000  # what a loaded machine may add


def now_ms():
    return time.time() * 1000


def subscribe(client, topic, kind=ConsumerType.Shared):
    return client.subscribe(topic, "s", consumer_type=kind, initial_position=InitialPosition.Earliest)


def receive(consumer):
    """The next message's bytes, and when it came."""
    message = consumer.receive(RECEIVE_MS)
    consumer.acknowledge(message)
    return message.data(), now_ms()


def test_a_message_waits_for_its_time_and_others_do_not_wait_for_it(client, topic):
    consumer = subscribe(client, topic)
    producer = client.create_producer(topic)
    due = int(now_ms()) + SOON_MS
    producer.send(b"at", deliver_at=due)
    producer.send(b"after", deliver_after=timedelta(milliseconds=SOON_MS + 300))
    producer.send(b"now")
    assert receive(consumer)[0] == b"now"
    data, came = receive(consumer)
    assert data == b"at"
    assert due <= came < due + LATE_MS
    data, came = receive(consumer)
    assert data == b"after"
    assert came >= due + 300


def test_one_consumer_alone_gets_it_at_once(client, topic):
    consumer = subscribe(client, topic, ConsumerType.Exclusive)
    client.create_producer(topic).send(b"x", deliver_at=int(now_ms()) + 3_600_000)
    assert receive(consumer)[0] == b"x"


def test_it_waits_through_a_kill_of_the_broker(own_broker, connect, topic):
    client = connect(own_broker.url)
    consumer = subscribe(client, topic)
    producer = client.create_producer(topic)
    due = int(now_ms()) + 4000
    for i in range(100):
        producer.send_async(b"later", None, deliver_at=due)
    producer.send(b"now")
    assert receive(consumer)[0] == b"now"
    client.shutdown()
    own_broker.kill()
    own_broker.start(own_broker.port)
    consumer = subscribe(connect(own_broker.url), topic)
    for _ in range(100):
        data, came = receive(consumer)
        if data == b"now":  # its acknowledgement did not reach the disk
            data, came = receive(consumer)
        assert data == b"later"
        assert came >= due


def test_stats_tell_what_waits(client, broker, topic, only_geminga):
    consumer = subscribe(client, topic)
    producer = client.create_producer(topic)
    for _ in range(5):
        producer.send(b"later", deliver_after=timedelta(hours=1))
    producer.send(b"now")
    assert receive(consumer)[0] == b"now"
    with pytest.raises(pulsar.Timeout):
        consumer.receive(100)
    s = get(broker, path_of(topic) + "/stats")["subscriptions"]["s"]
    assert s["msgDelayed"] == 5
    assert s["msgBacklogNoDelayed"] <= 1
    assert s["blockedBy"] == "all that is left is delayed"
    assert s["consumers"][0]["blockedBy"] == "all that is left is delayed"
