# SPDX-License-Identifier: Apache-2.0
"""The official Python client, unmodified, as a user would use it."""
import os
import threading
import time

import pulsar
import pytest
from pulsar import CompressionType, ConsumerType, InitialPosition, MessageId

from broker_process import eventually

MESSAGES = int(os.environ.get("MESSAGES", "20000"))
MAX_MESSAGE_SIZE = 5 * 1024 * 1024
RECEIVE_MS = 20_000  # how long what must come may take
QUIET_MS = 300  # how long we watch that nothing comes


def publish(client, topic, count, first=0, **options):
    """Publishes "0", "1", ... and returns the message ids, in order."""
    ids = [None] * count
    producer = client.create_producer(topic, block_if_queue_full=True, **options)
    for i in range(count):
        def sent(result, message_id, i=i):
            assert result == pulsar.Result.Ok
            ids[i] = MessageId.wrap(message_id)
        producer.send_async(str(first + i).encode(), sent)
    producer.flush()
    producer.close()
    assert all(i is not None for i in ids)
    return ids


def receive(consumer, count, acknowledge=True):
    """The next `count` messages."""
    messages = []
    for _ in range(count):
        message = consumer.receive(RECEIVE_MS)
        if acknowledge:
            consumer.acknowledge(message)
        messages.append(message)
    return messages


def numbers(messages):
    return [int(message.data()) for message in messages]


def assert_quiet(consumer):
    with pytest.raises(pulsar.Timeout):
        consumer.receive(QUIET_MS)


def subscribe(client, topic, name="s", **options):
    options.setdefault("initial_position", InitialPosition.Earliest)
    return client.subscribe(topic, name, **options)


def subscribe_shared(client, topic, name="s", **options):
    return subscribe(client, topic, name, consumer_type=ConsumerType.Shared, **options)


# ---- publishing and consuming ----


@pytest.mark.parametrize("batching", [False, True], ids=["single", "batched"])
def test_what_is_published_is_consumed_in_order(client, topic, batching):
    consumer = subscribe(client, topic)
    publish(client, topic, 1000, batching_enabled=batching)
    assert numbers(receive(consumer, 1000)) == list(range(1000))
    assert_quiet(consumer)


@pytest.mark.parametrize("batching", [False, True], ids=["single", "batched"])
def test_messages_shared_by_three_consumers_arrive_exactly_once(client, topic, batching):
    consumers = [subscribe_shared(client, topic, receiver_queue_size=200) for _ in range(3)]
    got = [[], [], []]
    left = threading.Semaphore(0)
    failures = []

    def consume(consumer, mine):
        try:
            while True:
                message = consumer.receive()
                consumer.acknowledge(message)
                mine.append(int(message.data()[:12]))
                left.release()
        except pulsar.AlreadyClosed:
            pass
        except Exception as e:
            failures.append(e)

    threads = [threading.Thread(target=consume, args=pair) for pair in zip(consumers, got)]
    for thread in threads:
        thread.start()
    producer = client.create_producer(topic, batching_enabled=batching, block_if_queue_full=True)
    results = []
    for i in range(MESSAGES):
        producer.send_async(b"%012d" % i + bytes(1012), lambda result, _: results.append(result))
    producer.flush()
    assert results == [pulsar.Result.Ok] * MESSAGES
    for _ in range(MESSAGES):
        assert left.acquire(timeout=60), f"{sum(map(len, got))} of {MESSAGES} came"
    assert not left.acquire(timeout=QUIET_MS / 1000), "more came than was published"
    for consumer in consumers:
        consumer.close()
    for thread in threads:
        thread.join()
    assert not failures
    assert sorted(got[0] + got[1] + got[2]) == list(range(MESSAGES))
    assert all(got), "one of the consumers got nothing"


def test_each_subscription_gets_every_message(client, topic):
    consumers = [subscribe(client, topic, f"s{i}") for i in range(5)]
    publish(client, topic, 50)
    for consumer in consumers:
        assert numbers(receive(consumer, 50)) == list(range(50))


def test_a_new_subscription_starts_at_the_end_unless_told_otherwise(client, topic):
    publish(client, topic, 3)
    latest = client.subscribe(topic, "latest")
    earliest = subscribe(client, topic, "earliest")
    publish(client, topic, 2, first=3)
    assert numbers(receive(latest, 2)) == [3, 4]
    assert numbers(receive(earliest, 5)) == [0, 1, 2, 3, 4]


def test_message_ids_grow_and_receipts_name_the_message_received(client, topic):
    consumer = subscribe(client, topic)
    ids = publish(client, topic, 20)
    got = [MessageId.wrap(message.message_id()) for message in receive(consumer, 20)]
    assert [(i.ledger_id(), i.entry_id()) for i in ids] == [(i.ledger_id(), i.entry_id()) for i in got]
    assert all(a < b for a, b in zip(got, got[1:]))


@pytest.mark.parametrize("batching", [False, True], ids=["single", "batched"])
@pytest.mark.parametrize("kind", ["NONE", "LZ4", "ZLib", "ZSTD", "SNAPPY"])
def test_every_compression_passes_through(client, topic, kind, batching):
    consumer = subscribe(client, topic)
    producer = client.create_producer(topic, compression_type=getattr(CompressionType, kind), batching_enabled=batching)
    payloads = [bytes([i]) * (i * 100) for i in range(1, 21)]
    for payload in payloads:
        producer.send_async(payload, lambda result, _: None)
    producer.flush()
    assert [message.data() for message in receive(consumer, 20)] == payloads


@pytest.mark.parametrize("batching", [False, True], ids=["single", "batched"])
def test_properties_keys_and_times_arrive_as_sent(client, topic, batching):
    consumer = subscribe(client, topic)
    before = int(time.time() * 1000)
    producer = client.create_producer(topic, producer_name="the-name", batching_enabled=batching)
    producer.send(b"payload", properties={"a": "1", "empty": "", "ümlaut": "käse"}, partition_key="the key",
                  ordering_key="order", event_timestamp=123456789, sequence_id=77)
    message = receive(consumer, 1)[0]
    assert message.data() == b"payload"
    assert message.properties() == {"a": "1", "empty": "", "ümlaut": "käse"}
    assert message.partition_key() == "the key"
    assert message.ordering_key() == "order"
    assert message.event_timestamp() == 123456789
    assert before - 1000 <= message.publish_timestamp() <= int(time.time() * 1000) + 1000
    assert message.producer_name() == "the-name"
    assert message.redelivery_count() == 0
    assert message.topic_name() == topic


def test_an_empty_payload_is_a_message(client, topic):
    consumer = subscribe(client, topic)
    client.create_producer(topic).send(b"")
    assert receive(consumer, 1)[0].data() == b""


def test_the_largest_message_passes_and_a_larger_one_is_refused(client, topic):
    consumer = subscribe(client, topic)
    producer = client.create_producer(topic)
    payload = os.urandom(MAX_MESSAGE_SIZE - 100)  # the client counts its metadata as well
    producer.send(payload)
    assert receive(consumer, 1)[0].data() == payload
    with pytest.raises(pulsar.MessageTooBig):
        producer.send(bytes(MAX_MESSAGE_SIZE))
    producer.send(b"and on")
    assert receive(consumer, 1)[0].data() == b"and on"


def test_a_message_in_chunks_is_put_together_again(client, topic):
    consumer = subscribe(client, topic)
    producer = client.create_producer(topic, chunking_enabled=True)
    payload = os.urandom(2 * MAX_MESSAGE_SIZE + 12345)
    producer.send(payload)
    assert receive(consumer, 1)[0].data() == payload


def test_a_listener_and_a_batch_receive_get_messages(client, topic):
    got = []
    consumer = subscribe(client, topic, "listening",
                         message_listener=lambda consumer, message: (got.append(int(message.data())),
                                                                     consumer.acknowledge(message)))
    batches = subscribe(client, topic, "batches",
                        batch_receive_policy=pulsar.ConsumerBatchReceivePolicy(10, -1, RECEIVE_MS))
    publish(client, topic, 30)
    eventually(lambda: len(got) == 30)
    assert got == list(range(30))
    assert numbers(batches.batch_receive()) == list(range(10))
    consumer.close()


def test_one_consumer_of_many_topics_gets_them_all(client, topic):
    topics = [f"{topic}-{i}" for i in range(5)]
    consumer = subscribe(client, topics)
    for i, one in enumerate(topics):
        publish(client, one, 10, first=i * 10)
    assert sorted(numbers(receive(consumer, 50))) == list(range(50))


@pytest.mark.parametrize("size", [0, 1, 2])
def test_a_small_receiver_queue_is_enough(client, topic, size):
    consumer = subscribe(client, topic, receiver_queue_size=size)
    publish(client, topic, 20)
    for i in range(20):
        message = consumer.receive(RECEIVE_MS) if size > 0 else consumer.receive()  # no timeout without a queue
        assert message.data() == str(i).encode()
        consumer.acknowledge(message)


# ---- acknowledging, redelivery ----


@pytest.mark.parametrize("batching", [False, True], ids=["single", "batched"])
def test_what_was_acknowledged_does_not_come_again(client, topic, batching):
    consumer = subscribe(client, topic)
    publish(client, topic, 30, batching_enabled=batching)
    for i, message in enumerate(receive(consumer, 30, acknowledge=False)):
        if batching or i % 3:
            consumer.acknowledge(message)
    consumer.close()
    consumer = subscribe(client, topic)
    if not batching:
        assert numbers(receive(consumer, 10)) == list(range(0, 30, 3))
    assert_quiet(consumer)


@pytest.mark.parametrize("batching", [False, True], ids=["single", "batched"])
def test_a_cumulative_ack_covers_all_before(client, topic, batching):
    consumer = subscribe(client, topic)
    publish(client, topic, 10, batching_enabled=batching, batching_max_messages=5)
    messages = receive(consumer, 10, acknowledge=False)
    consumer.acknowledge_cumulative(messages[4])
    consumer.close()
    consumer = subscribe(client, topic)
    assert numbers(receive(consumer, 5)) == [5, 6, 7, 8, 9]


def test_a_negative_ack_brings_the_message_again_and_counts(client, topic):
    consumer = subscribe_shared(client, topic, negative_ack_redelivery_delay_ms=100)
    publish(client, topic, 3)
    counts = []
    while len(counts) < 4:
        message = consumer.receive(RECEIVE_MS)
        if message.data() == b"1" and len(counts) < 3:
            counts.append(message.redelivery_count())
            consumer.negative_acknowledge(message)
        else:
            counts += [message.redelivery_count()] if message.data() == b"1" else []
            consumer.acknowledge(message)
    assert counts == [0, 1, 2, 3]


def test_an_ack_timeout_brings_the_message_again(client, topic):
    consumer = subscribe_shared(client, topic, unacked_messages_timeout_ms=10_000)  # the client's least
    publish(client, topic, 2)
    receive(consumer, 1)
    missed = receive(consumer, 1, acknowledge=False)[0]
    again = consumer.receive(60_000)
    assert again.data() == missed.data()
    assert again.redelivery_count() == 1
    consumer.acknowledge(again)


def test_redeliver_all_starts_again_at_what_is_not_acknowledged(client, topic):
    consumer = subscribe(client, topic)
    publish(client, topic, 10)
    messages = receive(consumer, 10, acknowledge=False)
    consumer.acknowledge(messages[0])
    consumer.acknowledge(messages[5])
    consumer.redeliver_unacknowledged_messages()
    again = receive(consumer, 8)
    assert numbers(again) == [1, 2, 3, 4, 6, 7, 8, 9]
    assert {message.redelivery_count() for message in again} == {0}  # exclusive: not counted


def test_what_a_leaving_consumer_did_not_acknowledge_goes_to_the_others(client, topic):
    leaving = subscribe_shared(client, topic)
    publish(client, topic, 10)
    receive(leaving, 10, acknowledge=False)
    staying = subscribe_shared(client, topic)
    leaving.close()
    again = receive(staying, 10)
    assert sorted(numbers(again)) == list(range(10))
    assert {message.redelivery_count() for message in again} == {0}


def test_a_message_that_fails_too_often_goes_to_the_dead_letter_topic(client, topic):
    dead = f"{topic}-dead"
    morgue = subscribe(client, dead, "morgue")
    policy = pulsar.ConsumerDeadLetterPolicy(2, dead, "initial")
    consumer = subscribe_shared(client, topic, negative_ack_redelivery_delay_ms=100, dead_letter_policy=policy)
    publish(client, topic, 3)
    seen = []
    for _ in range(2 + 3):  # two good ones, and the bad one three times
        message = consumer.receive(RECEIVE_MS)
        seen.append(message.data())
        if message.data() == b"1":
            consumer.negative_acknowledge(message)
        else:
            consumer.acknowledge(message)
    assert seen.count(b"1") == 3
    assert receive(morgue, 1)[0].data() == b"1"
    assert receive(subscribe(client, dead, "initial"), 1)[0].data() == b"1"
    consumer.close()
    assert_quiet(subscribe_shared(client, topic))


# ---- subscriptions ----


def test_a_second_exclusive_consumer_is_refused_until_the_first_leaves(client, connect, broker, topic):
    first = subscribe(client, topic)
    with pytest.raises(pulsar.ConsumerBusy):
        subscribe(client, topic)
    with pytest.raises(pulsar.ConsumerBusy):
        subscribe(connect(broker.url), topic)
    with pytest.raises(pulsar.ConsumerBusy):
        subscribe_shared(client, topic)
    first.close()
    subscribe_shared(client, topic).close()
    subscribe(client, topic).close()


def test_a_second_exclusive_consumer_is_taken_when_the_first_connection_is_gone(client, connect, broker, topic):
    gone = connect(broker.url)
    subscribe(gone, topic)
    gone.shutdown()
    subscribe(client, topic)


def test_of_two_failover_consumers_one_is_served_and_the_other_takes_over(client, connect, broker, topic):
    consumers = {}
    for i in range(2):
        consumers[i] = subscribe(connect(broker.url), topic, consumer_type=ConsumerType.Failover, consumer_name=str(i))
    publish(client, topic, 10)
    got = {i: [] for i in consumers}

    def all_came():
        for i, consumer in consumers.items():
            try:
                got[i].append(consumer.receive(50))
            except pulsar.Timeout:
                pass
        return sum(map(len, got.values())) == 10

    eventually(all_came)
    active, other = (0, 1) if got[0] else (1, 0)
    assert numbers(got[active]) == list(range(10)) and not got[other]
    for message in got[active][:4]:
        consumers[active].acknowledge(message)
    consumers[active].close()
    assert numbers(receive(consumers[other], 6)) == list(range(4, 10))


def test_unsubscribing_forgets_the_subscription(client, topic):
    consumer = subscribe(client, topic)
    publish(client, topic, 3)
    receive(consumer, 1)
    consumer.unsubscribe()
    consumer = client.subscribe(topic, "s")
    publish(client, topic, 1, first=9)
    assert numbers(receive(consumer, 1)) == [9]


def test_a_shared_subscription_with_two_consumers_cannot_be_unsubscribed(client, topic):
    one = subscribe_shared(client, topic)
    two = subscribe_shared(client, topic)
    with pytest.raises(pulsar.PulsarException):
        one.unsubscribe()
    two.close()


# ---- seek, readers, last message id ----


def wait_for_next_millisecond():
    now = int(time.time() * 1000)
    eventually(lambda: int(time.time() * 1000) > now + 1)


def test_seek_by_message_id(client, topic):
    consumer = subscribe(client, topic, start_message_id_inclusive=True)
    ids = publish(client, topic, 10)
    receive(consumer, 10)
    consumer.seek(ids[4])
    assert numbers(receive(consumer, 6)) == [4, 5, 6, 7, 8, 9]
    consumer.seek(MessageId.earliest)
    assert numbers(receive(consumer, 10)) == list(range(10))
    consumer.seek(MessageId.latest)
    assert_quiet(consumer)
    publish(client, topic, 1, first=10)
    assert numbers(receive(consumer, 1)) == [10]


def test_seek_into_a_batch(client, topic):
    consumer = subscribe(client, topic, start_message_id_inclusive=True)
    ids = publish(client, topic, 10, batching_enabled=True, batching_max_publish_delay_ms=1000)
    assert len({i.entry_id() for i in ids}) < 10
    receive(consumer, 10)
    consumer.seek(ids[7])
    assert numbers(receive(consumer, 3)) == [7, 8, 9]


def test_seek_by_time(client, topic):
    consumer = subscribe(client, topic)
    publish(client, topic, 5)
    wait_for_next_millisecond()
    publish(client, topic, 5, first=5)
    times = [message.publish_timestamp() for message in receive(consumer, 10)]
    assert times[4] < times[5]
    consumer.seek(times[5])
    assert numbers(receive(consumer, 5)) == [5, 6, 7, 8, 9]
    consumer.seek(times[0] - 1000)
    assert numbers(receive(consumer, 10)) == list(range(10))
    consumer.seek(times[9] + 3_600_000)
    assert_quiet(consumer)


def read(reader, count):
    return [int(reader.read_next(RECEIVE_MS).data()) for _ in range(count)]


def test_a_reader_starts_where_it_is_told(client, topic):
    ids = publish(client, topic, 10)
    earliest = client.create_reader(topic, MessageId.earliest)
    latest = client.create_reader(topic, MessageId.latest)
    after = client.create_reader(topic, ids[3])
    at = client.create_reader(topic, ids[3], start_message_id_inclusive=True)
    assert read(earliest, 10) == list(range(10))
    assert read(after, 6) == [4, 5, 6, 7, 8, 9]
    assert read(at, 7) == [3, 4, 5, 6, 7, 8, 9]
    publish(client, topic, 1, first=10)
    for reader in (earliest, latest, after, at):
        assert read(reader, 1) == [10]


def test_a_reader_starts_inside_a_batch(client, topic):
    ids = publish(client, topic, 10, batching_enabled=True, batching_max_publish_delay_ms=1000)
    after = client.create_reader(topic, ids[3])
    at = client.create_reader(topic, ids[3], start_message_id_inclusive=True)
    assert read(after, 6) == [4, 5, 6, 7, 8, 9]
    assert read(at, 7) == [3, 4, 5, 6, 7, 8, 9]


def test_a_reader_seeks(client, topic):
    ids = publish(client, topic, 10)
    reader = client.create_reader(topic, MessageId.earliest, start_message_id_inclusive=True)
    assert read(reader, 10) == list(range(10))
    reader.seek(ids[6])
    assert read(reader, 4) == [6, 7, 8, 9]


def test_a_reader_knows_whether_there_is_more(client, topic):
    reader = client.create_reader(topic, MessageId.earliest)
    assert not reader.has_message_available()
    publish(client, topic, 3)
    for i in range(3):
        assert reader.has_message_available()
        assert read(reader, 1) == [i]
    assert not reader.has_message_available()


def test_a_reader_at_the_latest_message_has_nothing_until_more_comes(client, topic):
    publish(client, topic, 3)
    reader = client.create_reader(topic, MessageId.latest)
    assert not reader.has_message_available()
    publish(client, topic, 1, first=3)
    eventually(reader.has_message_available)
    assert read(reader, 1) == [3]


@pytest.mark.parametrize("batching", [False, True], ids=["single", "batched"])
def test_the_last_message_id_is_that_of_the_last_message(client, topic, batching):
    consumer = subscribe(client, topic)
    empty = MessageId.wrap(consumer.get_last_message_id())
    assert (empty.ledger_id(), empty.entry_id()) == (-1, -1)
    ids = publish(client, topic, 7, batching_enabled=batching, batching_max_publish_delay_ms=1000)
    last = MessageId.wrap(consumer.get_last_message_id())
    assert (last.ledger_id(), last.entry_id()) == (ids[-1].ledger_id(), ids[-1].entry_id())
    assert last.batch_index() == (6 if batching else -1)


# ---- producers and names ----


def test_producers_without_a_name_get_different_ones(client, connect, broker, topic):
    names = {client.create_producer(topic).producer_name() for _ in range(5)}
    names.add(connect(broker.url).create_producer(topic).producer_name())
    assert len(names) == 6
    assert "" not in names


def test_a_producer_name_belongs_to_one_producer(client, connect, broker, topic):
    first = client.create_producer(topic, producer_name="p")
    with pytest.raises(pulsar.ProducerBusy):
        client.create_producer(topic, producer_name="p")
    with pytest.raises(pulsar.ProducerBusy):
        connect(broker.url).create_producer(topic, producer_name="p")
    first.send(b"still here")
    first.close()
    client.create_producer(topic, producer_name="p").send(b"now me")


def test_sequence_ids_go_on_from_the_initial_one(client, topic):
    producer = client.create_producer(topic, initial_sequence_id=41)
    assert producer.last_sequence_id() == 41
    producer.send(b"a")
    assert producer.last_sequence_id() == 42
    assert client.create_producer(topic).last_sequence_id() == -1


@pytest.mark.parametrize("name", ["persistent://public/default", "public/x", "persistent://public//x", "nonsense://a/b/c",
                                  "a/b/c/d", "persistent://"])
def test_a_name_that_is_none_is_refused(client, name):
    with pytest.raises((pulsar.InvalidTopicName, pulsar.LookupError, pulsar.PulsarException)):
        client.create_producer(name)


@pytest.mark.parametrize("name", ["persistent://public/nowhere/x", "persistent://nobody/default/x"])
def test_a_topic_of_a_namespace_that_is_not_there_is_refused(client, name):
    with pytest.raises(pulsar.TopicNotFound):
        client.create_producer(name)
    with pytest.raises(pulsar.TopicNotFound):
        client.subscribe(name, "s")


def test_names_may_be_short_or_hold_what_they_like(client, topic):
    short = topic.rsplit("/", 1)[1]
    odd = f"{topic} with spaces, ünïcode & 100%25"
    consumer = subscribe(client, short)
    publish(client, topic, 1)
    assert receive(consumer, 1)[0].topic_name() == topic
    consumer = subscribe(client, odd, "a subscription: ünïcode/%2F")
    publish(client, odd, 1)
    assert numbers(receive(consumer, 1)) == [0]


def test_a_topic_has_no_partitions_unless_made_with_them(client, topic):
    assert client.get_topic_partitions(topic) == [topic]


def test_a_hundred_topics_and_producers_on_one_connection(client, topic):
    names = [f"{topic}-{i}" for i in range(100)]
    consumers = [subscribe(client, name) for name in names]
    producers = [client.create_producer(name) for name in names]
    for i, producer in enumerate(producers):
        producer.send_async(str(i).encode(), lambda result, _: None)
    for producer in producers:
        producer.flush()
    for i, consumer in enumerate(consumers):
        assert numbers(receive(consumer, 1)) == [i]


# ---- a broker that goes and comes back ----


def test_the_backlog_is_there_after_a_restart(own_broker, connect, topic):
    client = connect(own_broker.url)
    consumer = subscribe(client, topic)
    publish(client, topic, 10)
    messages = receive(consumer, 10, acknowledge=False)
    for i in (0, 1, 2, 5, 9):
        consumer.acknowledge(messages[i])
    client.close()
    own_broker.restart()
    consumer = subscribe(connect(own_broker.url), topic)
    assert numbers(receive(consumer, 5)) == [3, 4, 6, 7, 8]
    assert_quiet(consumer)


def receive_through(consumer, wanted):
    """Receives until all of `wanted` came, in order.  The client sends its acks a little later, so those of its last
    moments before a restart may be lost, and older messages come again."""
    got = []
    while got != wanted:
        number = int(receive(consumer, 1)[0].data())
        got += [number] if number >= wanted[0] else []
        assert got == wanted[:len(got)]


def test_clients_go_on_after_a_restart(own_broker, connect, topic):
    client = connect(own_broker.url)
    consumer = subscribe(client, topic)
    reader = client.create_reader(topic, MessageId.earliest)
    producer = client.create_producer(topic)
    for i in range(3):
        for k in range(10):
            producer.send(str(i * 10 + k).encode())
        sent = list(range(i * 10, i * 10 + 10))
        receive_through(consumer, sent)
        assert read(reader, 10) == sent
        own_broker.restart()
    producer.send(b"30")
    receive_through(consumer, [30])
    last = MessageId.wrap(consumer.get_last_message_id())
    assert last.entry_id() == 0  # a new ledger after each restart


def test_the_last_message_id_skips_the_empty_ledger_after_a_restart(own_broker, connect, topic):
    client = connect(own_broker.url)
    ids = publish(client, topic, 3)
    client.close()
    own_broker.restart()
    client = connect(own_broker.url)
    consumer = subscribe(client, topic)
    client.create_producer(topic)
    last = MessageId.wrap(consumer.get_last_message_id())
    assert (last.ledger_id(), last.entry_id()) == (ids[2].ledger_id(), ids[2].entry_id())
    assert numbers(receive(consumer, 3)) == [0, 1, 2]


def test_a_second_broker_on_the_same_data_names_the_first(own_broker):
    from broker_process import Broker
    with pytest.raises(AssertionError, match=str(own_broker.process.pid)):
        Broker(own_broker.directory)
