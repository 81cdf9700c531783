# SPDX-License-Identifier: Apache-2.0
"""Producers, with the official Python client: access modes, deduplication, rates and limits."""
import os
import threading
import time
import urllib.request

import pulsar
import pytest
from pulsar import ProducerAccessMode

from broker_process import Broker

RECEIVE_MS = 20_000
CREATED_SECONDS = 20


def test_an_exclusive_producer_is_alone(client, topic):
    producer = client.create_producer(topic, access_mode=ProducerAccessMode.Exclusive)
    with pytest.raises(pulsar.ProducerFenced):
        client.create_producer(topic, access_mode=ProducerAccessMode.Exclusive)
    with pytest.raises(pulsar.ProducerBusy):
        client.create_producer(topic)
    producer.send(b"alone")
    producer.close()
    client.create_producer(topic).close()


def test_a_waiting_producer_comes_when_the_other_goes(client, topic):
    holder = client.create_producer(topic, access_mode=ProducerAccessMode.Exclusive)
    ready = threading.Event()
    made = []

    def wait():
        made.append(client.create_producer(topic, access_mode=ProducerAccessMode.WaitForExclusive))
        ready.set()

    thread = threading.Thread(target=wait)
    thread.start()
    holder.send(b"first")
    assert not ready.is_set()
    holder.close()
    assert ready.wait(CREATED_SECONDS)
    thread.join()
    made[0].send(b"second")


def test_a_fencing_producer_takes_over(client, topic):
    holder = client.create_producer(topic, access_mode=ProducerAccessMode.Exclusive)
    holder.send(b"first")
    successor = client.create_producer(topic, access_mode=ProducerAccessMode.ExclusiveWithFencing)
    successor.send(b"second")
    with pytest.raises(pulsar.PulsarException):
        holder.send(b"too late")
    successor.send(b"third")


# ---- deduplication ----

def messages_of(client, topic, count):
    reader = client.create_reader(topic, pulsar.MessageId.earliest)
    out = [reader.read_next(RECEIVE_MS).data() for _ in range(count)]
    assert not reader.has_message_available()
    reader.close()
    return out


@pytest.fixture
def deduplicating(tmp_path, monkeypatch):
    monkeypatch.setenv("GEMINGA_DEDUPLICATION", "true")
    if os.environ.get("SERVICE_URL"):
        pytest.skip("the broker is not ours to start")
    it = Broker(tmp_path)
    yield it
    it.stop()


def test_what_is_sent_twice_is_stored_once(deduplicating, connect, topic):
    client = connect(deduplicating.url)
    producer = client.create_producer(topic, producer_name="p", batching_enabled=False)
    for sequence in (1, 2, 2, 1, 3):
        producer.send(str(sequence).encode(), sequence_id=sequence)
    assert messages_of(client, topic, 3) == [b"1", b"2", b"3"]


def test_the_last_sequence_id_is_known_after_a_kill(deduplicating, connect, topic):
    client = connect(deduplicating.url)
    producer = client.create_producer(topic, producer_name="p", batching_enabled=False)
    assert producer.last_sequence_id() == -1
    for sequence in range(10, 20):
        producer.send(str(sequence).encode(), sequence_id=sequence)
    deduplicating.kill()
    deduplicating.start()
    client = connect(deduplicating.url)
    producer = client.create_producer(topic, producer_name="p", batching_enabled=False)
    assert producer.last_sequence_id() == 19
    for sequence in (18, 19, 20):
        producer.send(str(sequence).encode(), sequence_id=sequence)
    assert messages_of(client, topic, 11) == [str(n).encode() for n in range(10, 21)]


def test_a_batch_that_comes_again_is_stored_once(deduplicating, connect, topic):
    client = connect(deduplicating.url)
    for _ in range(2):
        producer = client.create_producer(topic, producer_name="p", batching_enabled=True,
                                          batching_max_publish_delay_ms=1000)
        for sequence in range(1, 6):  # 0 counts as not given
            producer.send_async(str(sequence).encode(), lambda result, _: None, sequence_id=sequence)
        producer.flush()
        producer.close()
    assert messages_of(client, topic, 5) == [str(n).encode() for n in range(1, 6)]


# ---- rates, limits ----

def set_policy(broker, path, body):
    request = urllib.request.Request(broker.http_url + "/admin/v2" + path, data=body.encode(), method="POST",
                                     headers={"Content-Type": "application/json"})
    urllib.request.urlopen(request).read()


def test_a_producer_beyond_the_publish_rate_is_slowed_and_loses_nothing(own_broker, connect, topic):
    client = connect(own_broker.url)
    set_policy(own_broker, "/namespaces/public/default/publishRate",
               '{"publishThrottlingRateInMsg": 100, "publishThrottlingRateInByte": -1}')
    producer = client.create_producer(topic, batching_enabled=False)
    begin = time.monotonic()
    results = []
    for n in range(250):
        producer.send_async(b"%d" % n, lambda result, _: results.append(result))
    producer.flush()
    assert time.monotonic() - begin > 1.2  # 100 at once, the rest at their pace
    assert results == [pulsar.Result.Ok] * 250
    producer.close()
    assert messages_of(client, topic, 250) == [b"%d" % n for n in range(250)]


def test_limits_of_a_topic(own_broker, connect, topic):
    client = connect(own_broker.url)
    set_policy(own_broker, "/namespaces/public/default/maxProducersPerTopic", "1")
    set_policy(own_broker, "/namespaces/public/default/maxSubscriptionsPerTopic", "1")
    producer = client.create_producer(topic)
    with pytest.raises(pulsar.ProducerBusy):
        client.create_producer(topic)
    client.subscribe(topic, "s")
    with pytest.raises(pulsar.NotAllowedError):
        client.subscribe(topic, "another")
    producer.send(b"as ever")


def test_where_encryption_is_required_a_plain_producer_is_refused(own_broker, connect, topic):
    client = connect(own_broker.url, operation_timeout_seconds=2)  # it tries again until then
    set_policy(own_broker, "/namespaces/public/default/encryptionRequired", "true")
    with pytest.raises(pulsar.PulsarException):
        client.create_producer(topic)


# ---- chunks ----

@pytest.mark.parametrize("kind", [pulsar.ConsumerType.Shared, pulsar.ConsumerType.KeyShared])
def test_messages_in_chunks_reach_one_consumer_whole(client, topic, kind):
    consumers = [client.subscribe(topic, "s", consumer_type=kind) for _ in range(3)]
    producer = client.create_producer(topic, chunking_enabled=True, batching_enabled=False)
    sent = [bytes([n]) * (11 * 1024 * 1024 + n) for n in range(4)]
    for n, data in enumerate(sent):
        producer.send(data)
        producer.send(b"small %d" % n)
    received = []
    deadline = time.monotonic() + 60
    while len(received) < 8 and time.monotonic() < deadline:
        for consumer in consumers:
            try:
                message = consumer.receive(100)
            except pulsar.Timeout:
                continue
            consumer.acknowledge(message)
            received.append(message.data())
    assert sorted(received) == sorted(sent + [b"small %d" % n for n in range(4)])
