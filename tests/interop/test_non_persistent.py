# SPDX-License-Identifier: Apache-2.0
"""Non-persistent topics with the official client: passed on to who is there, and kept by nobody."""
import urllib.request

import pulsar
import pytest
from pulsar import ConsumerType, MessageId

from rest import path_of, request
from test_python_client import RECEIVE_MS, assert_quiet, numbers


@pytest.fixture
def passing(topic):
    return topic.replace("persistent://", "non-persistent://")


def consumed(consumer, count):
    return [consumer.receive(RECEIVE_MS) for _ in range(count)]


@pytest.mark.parametrize("batching", [False, True], ids=["single", "batched"])
@pytest.mark.parametrize("kind", [ConsumerType.Exclusive, ConsumerType.Failover, ConsumerType.Shared],
                         ids=lambda kind: kind.name)
def test_messages_reach_the_consumer_that_is_there(client, passing, kind, batching):
    consumer = client.subscribe(passing, "s", consumer_type=kind, receiver_queue_size=1000)
    producer = client.create_producer(passing, batching_enabled=batching)
    for i in range(100):
        producer.send_async(str(i).encode(), None)
    producer.flush()
    assert numbers(consumed(consumer, 100)) == list(range(100))


def test_receipts_and_messages_have_the_id_0_0(client, passing):
    consumer = client.subscribe(passing, "s")
    producer = client.create_producer(passing)
    sent = producer.send(b"x")
    assert (sent.ledger_id(), sent.entry_id()) == (0, 0)
    message = consumer.receive(RECEIVE_MS)
    assert (message.message_id().ledger_id(), message.message_id().entry_id()) == (0, 0)
    consumer.acknowledge(message)


def test_what_is_sent_while_nobody_is_there_is_gone(client, passing):
    producer = client.create_producer(passing)
    producer.send(b"1")
    consumer = client.subscribe(passing, "s", initial_position=pulsar.InitialPosition.Earliest)
    producer.send(b"2")
    assert numbers(consumed(consumer, 1)) == [2]
    consumer.close()
    producer.send(b"3")
    consumer = client.subscribe(passing, "s")
    producer.send(b"4")
    assert numbers(consumed(consumer, 1)) == [4]
    assert_quiet(consumer)


def test_nothing_is_sent_again(client, passing):
    consumer = client.subscribe(passing, "s", consumer_type=ConsumerType.Shared,
                                negative_ack_redelivery_delay_ms=100)
    producer = client.create_producer(passing)
    producer.send(b"1")
    consumer.negative_acknowledge(consumer.receive(RECEIVE_MS))
    consumer.redeliver_unacknowledged_messages()
    assert_quiet(consumer)


def test_a_reader_gets_what_comes(client, passing):
    reader = client.create_reader(passing, MessageId.earliest)
    client.create_producer(passing).send(b"7")
    assert int(reader.read_next(RECEIVE_MS).data()) == 7


def test_the_topic_is_listed_has_figures_and_can_be_deleted(broker, client, passing, only_geminga):
    consumer = client.subscribe(passing, "s")
    producer = client.create_producer(passing)
    producer.send(b"1")
    assert numbers(consumed(consumer, 1)) == [1]
    assert passing in request(broker, "GET", "/admin/v2/non-persistent/public/default")[1]
    assert passing not in request(broker, "GET", "/admin/v2/persistent/public/default")[1]
    assert passing in request(broker, "GET", "/admin/v2/namespaces/public/default/topics?mode=ALL")[1]
    assert passing not in request(broker, "GET", "/admin/v2/namespaces/public/default/topics")[1]

    status, stats = request(broker, "GET", path_of(passing) + "/stats")
    assert status == 200
    assert stats["msgInCounter"] == 1 and stats["msgDropRate"] == 0 and stats["storageSize"] == 0
    assert stats["publishers"][0]["msgDropRate"] == 0
    assert stats["subscriptions"]["s"]["msgDropRate"] == 0 and stats["subscriptions"]["s"]["msgBacklog"] == 0
    assert request(broker, "GET", path_of(passing) + "/subscriptions") == (200, ["s"])

    assert request(broker, "DELETE", path_of(passing))[0] == 412
    producer.close()
    consumer.close()
    assert request(broker, "DELETE", path_of(passing))[0] == 204
    assert passing not in request(broker, "GET", "/admin/v2/non-persistent/public/default")[1]


def test_clients_come_back_after_an_unload(broker, client, passing, only_geminga):
    consumer = client.subscribe(passing, "s")
    producer = client.create_producer(passing)
    assert request(broker, "PUT", path_of(passing) + "/unload")[0] == 204
    # The consumer comes back by itself, at a time that nobody tells: the first message that reaches it ends the test.
    for i in range(RECEIVE_MS // 100):
        producer.send(str(i).encode())
        try:
            assert int(consumer.receive(100).data()) <= i
            return
        except pulsar.Timeout:
            pass
    pytest.fail("the consumer did not come back")


def test_partitions_pass_messages_on(broker, client, passing, only_geminga):
    asked = urllib.request.Request(broker.http_url + path_of(passing) + "/partitions", method="PUT", data=b"3",
                                   headers={"Content-Type": "application/json"})
    assert urllib.request.urlopen(asked, timeout=30).status == 204
    consumer = client.subscribe(passing, "s", consumer_type=ConsumerType.Shared)
    producer = client.create_producer(passing, message_routing_mode=pulsar.PartitionsRoutingMode.RoundRobinDistribution,
                                      batching_enabled=False)
    for i in range(30):
        producer.send(str(i).encode())
    got = consumed(consumer, 30)
    assert sorted(numbers(got)) == list(range(30))
    assert {message.partition_key() for message in got} == {""}
    assert len({message.topic_name() for message in got}) == 3


@pytest.mark.parametrize("batching", [False, True], ids=["single", "batched"])
def test_a_key_stays_with_one_consumer(client, passing, batching):
    consumers = [client.subscribe(passing, "s", consumer_type=ConsumerType.KeyShared) for _ in range(2)]
    producer = client.create_producer(
        passing, batching_enabled=batching,
        batching_type=pulsar.BatchingType.KeyBased if batching else pulsar.BatchingType.Default)
    for i in range(100):
        producer.send_async(str(i).encode(), None, partition_key="k%d" % (i % 20))
    producer.flush()
    keys = [set(), set()]
    left = 100
    while left:
        for consumer, mine in zip(consumers, keys):
            try:
                message = consumer.receive(50)
            except pulsar.Timeout:
                continue
            mine.add(message.partition_key())
            left -= 1
    assert not keys[0] & keys[1]
    assert len(keys[0] | keys[1]) == 20


def test_http_lookup_finds_it(broker, client, passing, only_geminga):
    status, found = request(broker, "GET", "/lookup/v2/topic/" + passing.replace("://", "/"))
    assert status == 200 and found["brokerUrl"].startswith("pulsar://")
