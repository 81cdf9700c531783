# SPDX-License-Identifier: Apache-2.0
"""Topic compaction with the official client: readers, consumers and table views of the compacted view."""
import os
import random

import pytest
from pulsar import CompressionType, ConsumerType, InitialPosition, MessageId

from broker_process import Broker, eventually
from rest import path_of, request
from test_python_client import RECEIVE_MS, assert_quiet

SEED = int(os.environ.get("SEED", "1"))

pytestmark = pytest.mark.usefixtures("only_geminga")


def status_of(broker, topic):
    status, body = request(broker, "GET", path_of(topic) + "/compaction")
    assert status == 200
    return body


def compact(broker, topic):
    assert request(broker, "PUT", path_of(topic) + "/compaction")[0] == 204
    eventually(lambda: status_of(broker, topic)["status"] != "RUNNING")
    assert status_of(broker, topic) == {"status": "SUCCESS", "lastError": ""}


def send(producer, pairs):
    return [producer.send(value.encode(), partition_key=key) for key, value in pairs]


def read(client, topic, **options):
    """All that a reader of the compacted view gets: [(key, value)] to the end."""
    reader = client.create_reader(topic, MessageId.earliest, is_read_compacted=True, **options)
    got = []
    while reader.has_message_available():
        message = reader.read_next(RECEIVE_MS)
        got.append((message.partition_key(), message.data().decode()))
    reader.close()
    return got


def test_a_reader_sees_the_newest_message_of_each_key_and_what_came_after(broker, client, topic):
    producer = client.create_producer(topic, batching_enabled=False)
    assert status_of(broker, topic) == {"status": "NOT_RUN", "lastError": ""}
    send(producer, [("a", "1"), ("b", "2"), ("a", "3"), ("c", "4"), ("b", "")])
    compact(broker, topic)
    assert read(client, topic) == [("a", "3"), ("c", "4")]
    send(producer, [("a", "5"), ("a", "6")])
    assert read(client, topic) == [("a", "3"), ("c", "4"), ("a", "5"), ("a", "6")]
    compact(broker, topic)
    assert read(client, topic) == [("c", "4"), ("a", "6")]


def test_ids_are_those_that_the_messages_had(broker, client, topic):
    producer = client.create_producer(topic, batching_enabled=False)
    ids = send(producer, [("a", "1"), ("b", "2"), ("a", "3")])
    compact(broker, topic)
    reader = client.create_reader(topic, MessageId.earliest, is_read_compacted=True)
    got = [reader.read_next(RECEIVE_MS).message_id() for _ in range(2)]
    assert [(i.ledger_id(), i.entry_id()) for i in got] == [(i.ledger_id(), i.entry_id()) for i in ids[1:]]


def test_a_topic_whose_messages_are_all_removed_is_empty(broker, client, topic):
    producer = client.create_producer(topic, batching_enabled=False)
    send(producer, [("a", "1"), ("a", "")])
    compact(broker, topic)
    assert read(client, topic) == []


@pytest.mark.parametrize("kind", [ConsumerType.Exclusive, ConsumerType.Failover], ids=lambda kind: kind.name)
def test_a_consumer_reads_the_view_and_goes_on_in_the_log(broker, client, topic, kind):
    producer = client.create_producer(topic, batching_enabled=False)
    send(producer, [("k%d" % (i % 5), str(i)) for i in range(50)])
    compact(broker, topic)
    consumer = client.subscribe(topic, "s", consumer_type=kind, initial_position=InitialPosition.Earliest,
                                is_read_compacted=True)
    send(producer, [("k0", "new")])
    got = []
    for _ in range(6):
        message = consumer.receive(RECEIVE_MS)
        consumer.acknowledge(message)
        got.append(message.data().decode())
    assert got == ["45", "46", "47", "48", "49", "new"]
    assert_quiet(consumer)
    eventually(lambda: backlog(broker, topic, "s") == 0)


def backlog(broker, topic, subscription):
    return request(broker, "GET", path_of(topic) + "/stats")[1]["subscriptions"][subscription]["msgBacklog"]


def test_others_read_the_whole_log(broker, client, topic):
    consumer = client.subscribe(topic, "s")
    producer = client.create_producer(topic, batching_enabled=False)
    send(producer, [("a", "1"), ("a", "2")])
    compact(broker, topic)
    assert [consumer.receive(RECEIVE_MS).data() for _ in range(2)] == [b"1", b"2"]


@pytest.mark.parametrize("compression", [CompressionType.NONE, CompressionType.LZ4, CompressionType.ZLib,
                                         CompressionType.ZSTD, CompressionType.SNAPPY], ids=lambda c: c.name)
def test_batches_lose_what_is_outdated(broker, client, topic, compression):
    """Of a batch of which some messages are left, the official C++ and Python clients hand out the places of the
    others as messages without key and value, from any broker."""
    producer = client.create_producer(topic, batching_enabled=True, batching_max_publish_delay_ms=100,
                                      compression_type=compression)
    for i in range(30):
        producer.send_async(("value %d" % i).encode(), None, partition_key="k%d" % (i % 10))
    producer.flush()
    compact(broker, topic)
    got = [pair for pair in read(client, topic) if pair != ("", "")]
    assert sorted(got) == sorted(("k%d" % (i % 10), "value %d" % i) for i in range(20, 30))


def test_a_table_view_holds_what_a_map_holds(broker, client, topic):
    chance = random.Random(SEED)
    producer = client.create_producer(topic, batching_enabled=False)
    expected = {}
    for round_ in range(3):
        for i in range(100):
            key, value = "k%d" % chance.randrange(20), "" if chance.random() < 0.2 else "%d/%d" % (round_, i)
            producer.send(value.encode(), partition_key=key)
            if value:
                expected[key] = value.encode()
            else:
                expected.pop(key, None)
        compact(broker, topic)
        view = client.create_table_view(topic)
        assert {key: value for key, value in dict_of(view).items()} == expected
        view.close()


def dict_of(view):
    found = {}
    view.for_each(lambda key, value: found.__setitem__(key, value))
    return found


def test_the_view_stays_when_the_log_is_gone_and_after_a_restart(own_broker, connect, topic):
    client = connect(own_broker.url)
    producer = client.create_producer(topic, batching_enabled=False)
    send(producer, [("k%d" % (i % 7), str(i)) for i in range(70)])
    compact(own_broker, topic)
    producer.close()
    expected = [("k%d" % i, str(63 + i)) for i in range(7)]
    assert read(client, topic) == expected
    assert request(own_broker, "PUT", path_of(topic) + "/unload")[0] == 204  # closes the ledger
    assert request(own_broker, "POST", path_of(topic) + "/trim")[0] == 204
    eventually(lambda: request(own_broker, "GET", path_of(topic) + "/internalStats")[1]["numberOfEntries"] == 0)
    assert read(client, topic) == expected
    own_broker.restart()
    assert read(connect(own_broker.url), topic) == expected


def test_figures_tell_of_the_compaction(broker, client, topic):
    producer = client.create_producer(topic, batching_enabled=False)
    assert request(broker, "GET", path_of(topic) + "/internalStats")[1]["compactedLedger"]["ledgerId"] == -1
    send(producer, [("a", "1"), ("a", "2"), ("b", "3"), ("b", "")])
    compact(broker, topic)
    figures = request(broker, "GET", path_of(topic) + "/stats")[1]["compaction"]
    assert figures["lastCompactionRemovedEventCount"] == 3
    assert figures["lastCompactionSucceedTimestamp"] > 0 and figures["lastCompactionFailedTimestamp"] == 0
    ledger = request(broker, "GET", path_of(topic) + "/internalStats")[1]["compactedLedger"]
    assert ledger["ledgerId"] > 0 and ledger["entries"] == 1


def test_beyond_its_threshold_a_topic_compacts_itself(tmp_path, connect, topic):
    settings = tmp_path / "broker.toml"
    settings.write_text('[broker]\ncompaction_check_interval = "50ms"\n')
    own = Broker(tmp_path, options=["--config", str(settings)])
    try:
        client = connect(own.url)
        producer = client.create_producer(topic, batching_enabled=False)
        send(producer, [("k%d" % (i % 3), str(i)) for i in range(30)])
        assert request(own, "POST", path_of(topic) + "/compactionThreshold", 100)[0] == 204
        eventually(lambda: status_of(own, topic)["status"] == "SUCCESS")
        assert read(client, topic) == [("k0", "27"), ("k1", "28"), ("k2", "29")]
    finally:
        own.kill()


def test_all_partitions_are_compacted(broker, client, topic):
    assert request(broker, "PUT", path_of(topic) + "/partitions", 3)[0] == 204
    producer = client.create_producer(topic, batching_enabled=False)
    send(producer, [("k%d" % (i % 9), str(i)) for i in range(45)])
    assert request(broker, "PUT", path_of(topic) + "/compaction")[0] == 204
    parts = ["%s-partition-%d" % (topic, i) for i in range(3)]
    for part in parts:
        eventually(lambda: status_of(broker, part)["status"] == "SUCCESS")
    assert sorted(sum((read(client, part) for part in parts), [])) == [("k%d" % i, str(36 + i)) for i in range(9)]


def test_a_topic_that_keeps_nothing_is_not_compacted(broker, client, topic):
    passing = topic.replace("persistent://", "non-persistent://")
    client.create_producer(passing)
    assert request(broker, "PUT", path_of(passing) + "/compaction")[0] in (405, 501)
    assert request(broker, "PUT", path_of(topic) + "/compaction")[0] == 404
