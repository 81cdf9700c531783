# SPDX-License-Identifier: Apache-2.0
"""How often a message was delivered is kept with its subscription: a dead letter topic is reached although the broker
was killed in between.  Two kinds of end are tried, by the official client, which counts nothing itself."""
import pulsar
import pytest

RECEIVE_MS = 30_000
MAX_REDELIVERIES = 4


def subscribe(client, topic):
    return client.subscribe(
        topic, "work", consumer_type=pulsar.ConsumerType.Shared, initial_position=pulsar.InitialPosition.Earliest,
        negative_ack_redelivery_delay_ms=50,
        dead_letter_policy=pulsar.ConsumerDeadLetterPolicy(MAX_REDELIVERIES, dead_letter_topic=topic + "-dead"))


def reject(consumer, counts):
    """The next delivery is noted, and not wanted."""
    message = consumer.receive(RECEIVE_MS)
    assert message.data() == b"poison"
    counts.append(message.redelivery_count())
    consumer.negative_acknowledge(message)


def hold(consumer):
    """The next delivery, which stays with the consumer when the broker ends: how often it came before."""
    message = consumer.receive(RECEIVE_MS)
    assert message.data() == b"poison"
    return message.redelivery_count()


def make_durable(client):
    """What was asked before a receipt came is on the disk with it."""
    client.create_producer("persistent://public/default/sync").send(b"x")


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_dead_letter_topic_is_reached_across_restarts_of_the_broker(own_broker, connect, topic, end):
    client = connect(own_broker.url)
    consumer = subscribe(client, topic)
    dead = client.subscribe(topic + "-dead", "look")
    client.create_producer(topic, batching_enabled=False).send(b"poison")
    counts = []
    for life in range(2):
        reject(consumer, counts)
        reject(consumer, counts)
        assert hold(consumer) == 2 * life + 2  # with the consumer when the broker ends: not counted
        make_durable(client)
        own_broker.kill() if end == "kill" else own_broker.stop()
        client.shutdown()
        own_broker.start(own_broker.port)
        client = connect(own_broker.url)
        dead = client.subscribe(topic + "-dead", "look")
        consumer = subscribe(client, topic)
    reject(consumer, counts)  # the last time
    assert counts == [0, 1, 2, 3, 4]
    letter = dead.receive(RECEIVE_MS)
    assert letter.data() == b"poison"
    with pytest.raises(pulsar.Timeout):
        consumer.receive(1000)


def test_an_acknowledgement_ends_the_count(own_broker, connect, topic):
    client = connect(own_broker.url)
    consumer = subscribe(client, topic)
    producer = client.create_producer(topic, batching_enabled=False)
    for _ in range(2):
        producer.send(b"poison")
    counts = []
    for _ in range(4):
        reject(consumer, counts)
    assert sorted(counts) == [0, 0, 1, 1]
    message = consumer.receive(RECEIVE_MS)
    assert message.redelivery_count() == 2
    consumer.acknowledge(message)
    other = consumer.receive(RECEIVE_MS)
    consumer.close()  # the client gathers acknowledgements for a while otherwise
    make_durable(client)
    own_broker.kill()
    client.shutdown()
    own_broker.start(own_broker.port)
    consumer = subscribe(connect(own_broker.url), topic)
    again = consumer.receive(RECEIVE_MS)
    assert again.message_id() == other.message_id() and again.redelivery_count() == 2
    consumer.acknowledge(again)
    with pytest.raises(pulsar.Timeout):
        consumer.receive(1000)
