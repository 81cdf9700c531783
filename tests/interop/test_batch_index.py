# SPDX-License-Identifier: Apache-2.0
"""Single messages of a batch are acknowledged by the official client, where the broker allows it: what is acknowledged does
not come again, be it by a negative acknowledgement, another consumer, a seek, or the next start of the broker."""
import pulsar
import pytest

from broker_process import Broker

RECEIVE_MS = 30_000
BATCH = [b"message %d" % n for n in range(10)]


@pytest.fixture
def batch_broker(tmp_path):
    conf = tmp_path / "broker.conf"
    conf.write_text("acknowledgmentAtBatchIndexLevelEnabled=true\n")
    it = Broker(tmp_path, options=["--config", str(conf)])
    yield it
    it.kill()


def publish_batch(client, topic):
    """One entry: the batch is sent when it has ten messages."""
    producer = client.create_producer(topic, batching_enabled=True, batching_max_messages=len(BATCH),
                                      batching_max_publish_delay_ms=60_000)
    for data in BATCH:
        producer.send_async(data, None)
    producer.flush()
    producer.close()


def subscribe(client, topic, kind=pulsar.ConsumerType.Shared, **options):
    return client.subscribe(topic, "work", consumer_type=kind, initial_position=pulsar.InitialPosition.Earliest,
                            batch_index_ack_enabled=True, negative_ack_redelivery_delay_ms=100, **options)


def receive(consumer, count):
    return [consumer.receive(RECEIVE_MS) for _ in range(count)]


def nothing_more(client, consumer, topic):
    """A barrier: what is published now comes, and nothing before it."""
    producer = client.create_producer(topic, batching_enabled=False)
    producer.send(b"last")
    producer.close()
    message = consumer.receive(RECEIVE_MS)
    assert message.data() == b"last"
    consumer.acknowledge(message)


@pytest.mark.parametrize("end", ["close", "kill", "stop"])
def test_what_is_acknowledged_of_a_batch_does_not_come_again(batch_broker, connect, topic, end):
    client = connect(batch_broker.url)
    consumer = subscribe(client, topic)
    publish_batch(client, topic)
    for message in receive(consumer, 10):
        if int(message.data().split()[1]) % 3 == 0:
            consumer.acknowledge(message)
    consumer.close()
    if end != "close":
        client.create_producer("persistent://public/default/sync").send(b"x")  # what came before is durable by now
        batch_broker.kill() if end == "kill" else batch_broker.stop()
        client.shutdown()
        batch_broker.start(batch_broker.port)
        client = connect(batch_broker.url)
    consumer = subscribe(client, topic)
    left = receive(consumer, 6)
    assert [m.data() for m in left] == [d for n, d in enumerate(BATCH) if n % 3]
    for message in left:
        consumer.acknowledge(message)
    nothing_more(client, consumer, topic)


def test_a_negative_acknowledgement_brings_what_is_left_only(batch_broker, connect, topic):
    client = connect(batch_broker.url)
    consumer = subscribe(client, topic)
    publish_batch(client, topic)
    messages = receive(consumer, 10)
    for message in messages[:7]:
        consumer.acknowledge(message)
    for message in messages[7:]:
        consumer.negative_acknowledge(message)
    again = receive(consumer, 3)
    assert [m.data() for m in again] == BATCH[7:]
    assert all(m.redelivery_count() == 1 for m in again)
    for message in again:
        consumer.acknowledge(message)
    nothing_more(client, consumer, topic)


def test_a_cumulative_acknowledgement_inside_a_batch_leaves_what_follows(batch_broker, connect, topic):
    client = connect(batch_broker.url)
    consumer = subscribe(client, topic, pulsar.ConsumerType.Exclusive)
    publish_batch(client, topic)
    publish_batch(client, topic)
    messages = receive(consumer, 20)
    consumer.acknowledge_cumulative(messages[13])
    consumer.close()
    consumer = subscribe(client, topic, pulsar.ConsumerType.Exclusive)
    assert [m.data() for m in receive(consumer, 6)] == BATCH[4:]


def test_a_seek_goes_to_a_message_inside_a_batch(batch_broker, connect, topic):
    client = connect(batch_broker.url)
    consumer = subscribe(client, topic, pulsar.ConsumerType.Exclusive, start_message_id_inclusive=True)
    publish_batch(client, topic)
    messages = receive(consumer, 10)
    for message in messages:
        consumer.acknowledge(message)
    consumer.seek(messages[6].message_id())
    assert [m.data() for m in receive(consumer, 4)] == BATCH[6:]


def test_without_the_option_the_whole_batch_comes_again(own_broker, connect, topic):
    client = connect(own_broker.url)
    consumer = subscribe(client, topic)
    publish_batch(client, topic)
    for message in receive(consumer, 10)[:9]:
        consumer.acknowledge(message)
    consumer.close()
    consumer = subscribe(client, topic)
    assert [m.data() for m in receive(consumer, 10)] == BATCH
