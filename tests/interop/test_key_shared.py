# SPDX-License-Identifier: Apache-2.0
"""Key_Shared subscriptions, with the official client: each key to one consumer, in order, whoever comes and goes."""
import collections
import json
import urllib.request

import pulsar
import pytest
from pulsar import ConsumerType, InitialPosition

from broker_process import SERVICE_URL, Broker

RECEIVE_MS = 20_000


def subscribe(client, topic, name=None, **options):
    return client.subscribe(topic, "s", consumer_type=ConsumerType.KeyShared, consumer_name=name,
                            initial_position=InitialPosition.Earliest, **options)


def send(producer, keys, first=0):
    for i, key in enumerate(keys, first):
        producer.send(str(i).encode(), partition_key=key)


def receive(consumer, count):
    return [consumer.receive(RECEIVE_MS) for _ in range(count)]


def receive_all(consumers, count):
    """All `count`, from whichever consumer has them: a list for each."""
    got = [[] for _ in consumers]
    for _ in range(RECEIVE_MS // 50):
        for consumer, messages in zip(consumers, got):
            try:
                while sum(map(len, got)) < count:
                    messages.append(consumer.receive(50))
            except pulsar.Timeout:
                pass
        if sum(map(len, got)) == count:
            return got
    raise AssertionError(f"{sum(map(len, got))} of {count} came")


def expect_in_order(messages):
    last = collections.defaultdict(lambda: -1)
    for message in messages:
        n = int(message.data())
        assert n > last[message.partition_key()]
        last[message.partition_key()] = n


def key_of_range(low):
    """A key whose hash is in the lower half, or not: murmur3, as everybody has it."""
    for i in range(1000):
        key = f"k{i}"
        if ((murmur3(key.encode()) & 0x7fffffff) % 65536 < 32768) == low:
            return key
    raise AssertionError


def murmur3(data):
    h = 0
    whole = len(data) & ~3

    def mix(k):
        k = k * 0xcc9e2d51 & 0xffffffff
        k = (k << 15 | k >> 17) & 0xffffffff
        return k * 0x1b873593 & 0xffffffff

    for i in range(0, whole, 4):
        h ^= mix(int.from_bytes(data[i:i + 4], "little"))
        h = (h << 13 | h >> 19) & 0xffffffff
        h = (h * 5 + 0xe6546b64) & 0xffffffff
    if data[whole:]:
        h ^= mix(int.from_bytes(data[whole:], "little"))
    h ^= len(data)
    h = (h ^ h >> 16) * 0x85ebca6b & 0xffffffff
    h = (h ^ h >> 13) * 0xc2b2ae35 & 0xffffffff
    return h ^ h >> 16


def sticky(*ranges):
    return pulsar.ConsumerKeySharedPolicy(key_shared_mode=pulsar.KeySharedMode.Sticky, sticky_ranges=list(ranges))


def test_each_key_goes_to_one_consumer_in_order(client, topic):
    consumers = [subscribe(client, topic, f"c{i}") for i in range(3)]
    producer = client.create_producer(topic)
    send(producer, [f"key-{i % 30}" for i in range(300)])
    got = receive_all(consumers, 300)
    owners = collections.defaultdict(set)
    for i, messages in enumerate(got):
        expect_in_order(messages)
        for message in messages:
            owners[message.partition_key()].add(i)
    assert len(owners) == 30
    assert all(len(o) == 1 for o in owners.values())
    assert all(messages for messages in got)


def test_batches_by_key_keep_keys_apart(client, topic):
    consumers = [subscribe(client, topic, f"c{i}") for i in range(2)]
    producer = client.create_producer(topic, batching_enabled=True, batching_max_publish_delay_ms=50,
                                      batching_type=pulsar.BatchingType.KeyBased)
    for i in range(200):
        producer.send_async(str(i).encode(), lambda result, message_id: None, partition_key=f"key-{i % 10}")
    producer.flush()
    got = receive_all(consumers, 200)
    keys = [{message.partition_key() for message in messages} for messages in got]
    assert not keys[0] & keys[1]
    for messages in got:
        expect_in_order(messages)


def test_a_consumer_that_joins_gets_nothing_of_a_key_before_it_is_acknowledged(client, topic):
    first = subscribe(client, topic, "first")
    producer = client.create_producer(topic)
    keys = [f"key-{i}" for i in range(20)]
    send(producer, keys)
    held = receive(first, 20)
    second = subscribe(client, topic, "second")
    send(producer, keys, 20)
    for message in held:
        first.acknowledge(message)
    got = receive_all([first, second], 20)
    assert got[1], "the second consumer has keys of its own"
    assert len({m.partition_key() for m in got[0]} | {m.partition_key() for m in got[1]}) == 20


def consumers_of(broker, topic):
    """The statistics of the subscription's consumers, by name."""
    path = "/admin/v2/persistent/" + topic.removeprefix("persistent://") + "/stats"
    with urllib.request.urlopen(broker.http_url + path, timeout=20) as answer:
        subscription = json.load(answer)["subscriptions"]["s"]
    return {c["consumerName"]: c for c in subscription["consumers"]}


def test_the_statistics_say_whose_keys_drain_and_what_is_in_the_way(broker, client, topic, only_geminga):
    first = subscribe(client, topic, "first")
    producer = client.create_producer(topic)
    keys = [f"key-{i}" for i in range(40)]
    send(producer, keys)
    held = receive(first, 40)
    second = subscribe(client, topic, "second")
    send(producer, keys, 40)
    stats = consumers_of(broker, topic)
    moved = stats["first"]["drainingHashesCount"]
    assert 0 < moved < 40
    assert stats["first"]["drainingHashesUnackedMessages"] == moved == len(stats["first"]["drainingHashes"])
    assert stats["first"]["keyHashRanges"] and stats["second"]["keyHashRanges"]
    assert stats["first"]["keyHashRangeArrays"][0][0] > 0
    assert stats["second"]["blockedBy"].startswith("its keys drain, hash ")
    assert stats["second"]["blockedByConsumer"] == "first"
    assert stats["second"]["blockedForMs"] >= 0
    for message in held:
        first.acknowledge(message)
    got = receive_all([first, second], 40)
    assert len(got[1]) == moved
    stats = consumers_of(broker, topic)
    assert stats["first"]["drainingHashesCount"] == 0
    assert stats["first"]["drainingHashesClearedTotal"] == moved
    assert "blockedBy" not in stats["second"]


def test_what_a_consumer_leaves_comes_to_another_in_order(client, topic):
    first = subscribe(client, topic, "first")
    producer = client.create_producer(topic)
    send(producer, ["key"] * 10)
    receive(first, 10)
    second = subscribe(client, topic, "second")
    send(producer, ["key"] * 5, 10)
    first.close()
    got = receive(second, 15)
    assert [int(m.data()) for m in got] == list(range(15))


def test_sticky_ranges(client, topic):
    low = subscribe(client, topic, "low", key_shared_policy=sticky((0, 32767)))
    high = subscribe(client, topic, "high", key_shared_policy=sticky((32768, 65535)))
    producer = client.create_producer(topic)
    keys = [key_of_range(True), key_of_range(False)]
    send(producer, keys * 5)
    assert [m.partition_key() for m in receive(low, 5)] == keys[:1] * 5
    assert [m.partition_key() for m in receive(high, 5)] == keys[1:] * 5


def test_ranges_that_conflict_are_refused(client, topic):
    subscribe(client, topic, "one", key_shared_policy=sticky((0, 100)))
    with pytest.raises(pulsar.ConsumerAssignError):
        subscribe(client, topic, "two", key_shared_policy=sticky((100, 200)))


def test_consumers_that_disagree_are_refused(client, topic):
    subscribe(client, topic, "one")
    with pytest.raises(pulsar.ConsumerBusy):
        subscribe(client, topic, "two", key_shared_policy=sticky((0, 65535)))
    with pytest.raises(pulsar.ConsumerBusy):
        subscribe(client, topic, "two", key_shared_policy=pulsar.ConsumerKeySharedPolicy(
            allow_out_of_order_delivery=True))
    with pytest.raises(pulsar.ConsumerBusy):
        client.subscribe(topic, "s", consumer_type=ConsumerType.Shared)


def test_ordering_keys_go_before_partition_keys(client, topic):
    consumers = [subscribe(client, topic, f"c{i}") for i in range(2)]
    producer = client.create_producer(topic)
    for i in range(40):
        producer.send(str(i).encode(), partition_key=f"p{i}", ordering_key="one")
    got = receive_all(consumers, 40)
    assert not got[0] or not got[1]


def test_a_negative_acknowledgement_comes_before_what_is_newer_of_its_key(client, topic):
    consumer = subscribe(client, topic, "c", receiver_queue_size=1, negative_ack_redelivery_delay_ms=100)
    producer = client.create_producer(topic)
    send(producer, ["key"] * 2)
    first = consumer.receive(RECEIVE_MS)
    consumer.negative_acknowledge(first)
    seen = []
    while len(seen) < 2:
        message = consumer.receive(RECEIVE_MS)
        consumer.acknowledge(message)
        seen.append(int(message.data()))
    assert sorted(seen) == [0, 1]


@pytest.fixture
def start(tmp_path, monkeypatch, connect):
    """A client of a broker of the test's own, with these settings."""
    if SERVICE_URL:
        pytest.skip("the broker is not ours to configure")
    started = []

    def one(**settings):
        for name, value in settings.items():
            monkeypatch.setenv("GEMINGA_" + name, value)
        started.append(Broker(tmp_path))
        return started[-1], connect(started[-1].url)

    yield one
    for broker in started:
        broker.stop()


def test_ranges_are_halved_when_the_operator_says_so(start, topic):
    broker, client = start(KEY_SHARED_CONSISTENT_HASHING="false")
    consumers = [subscribe(client, topic, f"c{i}") for i in range(3)]
    ranges = {name: c["keyHashRanges"] for name, c in consumers_of(broker, topic).items()}
    assert ranges == {"c0": ["[32769, 65536]"], "c1": ["[16385, 32768]"], "c2": ["[0, 16384]"]}
    producer = client.create_producer(topic)
    send(producer, [f"key-{i % 30}" for i in range(120)])
    for messages in receive_all(consumers, 120):
        expect_in_order(messages)


def test_types_of_subscriptions_that_are_not_allowed_are_refused(start, topic):
    _, client = start(SUBSCRIPTION_TYPES="Exclusive,Shared")
    with pytest.raises(pulsar.NotAllowedError):
        subscribe(client, topic)
    client.subscribe(topic, "s", consumer_type=ConsumerType.Shared)
