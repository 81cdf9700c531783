# SPDX-License-Identifier: Apache-2.0
"""Partitioned topics, as the official Python client and an administrator see them."""
import os
import re
import subprocess
from pathlib import Path

import pulsar
import pytest
from pulsar import ConsumerType, InitialPosition

import broker_process
from broker_process import Broker, eventually
from rest import path_of, request

PROGRAM = Path(broker_process.PROGRAM).parent / "tests" / "interop" / "client_e2e"
RECEIVE_MS = 20_000


def make_partitioned(broker, topic, partitions):
    assert request(broker, "PUT", path_of(topic) + "/partitions", partitions) == (204, "")


def receive(consumer, count):
    messages = []
    for _ in range(count):
        messages.append(consumer.receive(RECEIVE_MS))
        consumer.acknowledge(messages[-1])
    return messages


def test_a_partitioned_topic_carries_every_message_once(broker, client, topic):
    make_partitioned(broker, topic, 4)
    assert client.get_topic_partitions(topic) == [f"{topic}-partition-{i}" for i in range(4)]
    consumer = client.subscribe(topic, "s", initial_position=InitialPosition.Earliest)
    producer = client.create_producer(topic, message_routing_mode=pulsar.PartitionsRoutingMode.RoundRobinDistribution,
                                      batching_enabled=False)
    for i in range(100):
        producer.send(str(i).encode())
    messages = receive(consumer, 100)
    assert sorted(int(m.data()) for m in messages) == list(range(100))
    assert {m.message_id().partition() for m in messages} == {0, 1, 2, 3}
    by_partition = {}
    for m in messages:
        by_partition.setdefault(m.message_id().partition(), []).append(int(m.data()))
    assert all(numbers == sorted(numbers) for numbers in by_partition.values())


def test_messages_of_one_key_stay_in_one_partition(broker, client, topic):
    make_partitioned(broker, topic, 3)
    consumer = client.subscribe(topic, "s", consumer_type=ConsumerType.Failover,
                                initial_position=InitialPosition.Earliest)
    producer = client.create_producer(topic, batching_enabled=False)
    for i in range(60):
        producer.send(str(i).encode(), partition_key=str(i % 6))
    partitions = {}
    for m in receive(consumer, 60):
        partitions.setdefault(m.partition_key(), set()).add(m.message_id().partition())
    assert all(len(of_key) == 1 for of_key in partitions.values())


def test_what_comes_to_a_new_partition_before_a_consumer_knows_it_is_not_missed(broker, client, connect, topic):
    make_partitioned(broker, topic, 1)
    consumer = client.subscribe(topic, "s")
    assert request(broker, "POST", path_of(topic) + "/partitions", 3) == (204, "")
    producer = connect(broker.url).create_producer(
        topic, message_routing_mode=pulsar.PartitionsRoutingMode.RoundRobinDistribution, batching_enabled=False)
    for i in range(30):
        producer.send(str(i).encode())
    consumer.close()
    consumer = client.subscribe(topic, "s")  # at the latest message, were it not there already
    assert sorted(int(m.data()) for m in receive(consumer, 30)) == list(range(30))


def test_deleting_needs_force_while_it_is_used(broker, client, topic):
    make_partitioned(broker, topic, 2)
    producer = client.create_producer(topic)
    producer.send(b"x")
    status, body = request(broker, "DELETE", path_of(topic) + "/partitions")
    assert status == 412 and "connected" in body["reason"]
    producer.close()
    assert request(broker, "DELETE", path_of(topic) + "/partitions?force=true") == (204, "")
    assert request(broker, "GET", path_of(topic) + "/partitions")[0] == 404


def test_the_metadata_form_with_properties(broker, topic):
    assert request(broker, "PUT", path_of(topic) + "/partitions",
                   {"partitions": 2, "deleted": False, "properties": {"owner": "me"}},
                   "application/vnd.partitioned-topic-metadata+json") == (204, "")
    status, body = request(broker, "GET", path_of(topic) + "/partitions")
    assert (status, body["partitions"], body["properties"]) == (200, 2, {"owner": "me"})


def test_a_broker_may_make_partitioned_topics_by_themselves(tmp_path, connect, topic, only_geminga):
    config = tmp_path / "broker.conf"
    config.write_text("allowAutoTopicCreationType=partitioned\ndefaultNumPartitions=3\n")
    own = Broker(tmp_path, options=["--config", str(config)])
    try:
        client = connect(own.url)
        producer = client.create_producer(topic)
        producer.send(b"x")
        assert client.get_topic_partitions(topic) == [f"{topic}-partition-{i}" for i in range(3)]
        client.shutdown()
        own.stop()
        own.start(own.port, own.http_port)
        assert request(own, "GET", path_of(topic) + "/partitions")[1]["partitions"] == 3
    finally:
        own.kill()


def test_our_c_client_knows_partitions(broker, topic):
    make_partitioned(broker, topic, 3)
    done = subprocess.run([PROGRAM, broker.url, "*partitioned*"], env={**os.environ, "E2E_PARTITIONED": topic},
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=200)
    assert done.returncode == 0 and "SKIPPED" not in done.stdout, done.stdout


def test_a_terminated_topic_refuses_producers_and_can_be_read_to_its_end(broker, client, topic):
    producer = client.create_producer(topic, batching_enabled=False)
    ids = [producer.send(str(i).encode()) for i in range(5)]
    status, last = request(broker, "POST", path_of(topic) + "/terminate")
    assert status == 200
    assert (last["ledgerId"], last["entryId"]) == (ids[-1].ledger_id(), ids[-1].entry_id())
    with pytest.raises(pulsar.TopicTerminated):
        client.create_producer(topic)
    with pytest.raises(pulsar.PulsarException):
        producer.send(b"too late")
    reader = client.create_reader(topic, pulsar.MessageId.earliest)
    assert [int(reader.read_next(RECEIVE_MS).data()) for _ in range(5)] == list(range(5))
    assert not reader.has_message_available()
    consumer = client.subscribe(topic, "s", initial_position=InitialPosition.Earliest)
    assert [int(m.data()) for m in receive(consumer, 5)] == list(range(5))
    assert request(broker, "GET", path_of(topic) + "/internalStats")[1]["state"] == "Terminated"


def test_all_partitions_are_terminated_by_the_name_of_the_whole(broker, client, topic):
    make_partitioned(broker, topic, 2)
    assert request(broker, "POST", path_of(topic) + "/terminate")[0] == 405
    status, last = request(broker, "POST", path_of(topic) + "/terminate/partitions")
    assert status == 200 and sorted(last) == ["0", "1"]
    with pytest.raises(pulsar.TopicTerminated):
        client.create_producer(topic)
    assert request(broker, "POST", path_of(topic + "-single") + "/terminate/partitions")[0] == 404


def test_a_pattern_consumer_gets_the_messages_of_all_topics_that_match(broker, client, topic):
    """Those that come later it would find after a minute, whatever it is told: its setting of the period is not heeded."""
    prefix = topic.rsplit("-", 1)[1]
    names = [f"persistent://public/default/{prefix}-{n}" for n in ("one", "two", "parted")]
    make_partitioned(broker, names[2], 2)
    producers = [client.create_producer(name, batching_enabled=False) for name in names]
    other = client.create_producer(f"persistent://public/default/other-{prefix}")
    consumer = client.subscribe(re.compile(f"persistent://public/default/{prefix}-.*"), "s",
                                initial_position=InitialPosition.Earliest)
    other.send(b"not matched")
    for producer in producers:
        for i in range(4):
            producer.send(str(i).encode())
    got = [m.topic_name().split("-partition-")[0] for m in receive(consumer, 12)]
    assert sorted(got) == sorted(4 * names)


def test_the_figures_of_the_partitions_add_up(broker, client, topic):
    make_partitioned(broker, topic, 3)
    consumer = client.subscribe(topic, "s", initial_position=InitialPosition.Earliest)
    producer = client.create_producer(topic, message_routing_mode=pulsar.PartitionsRoutingMode.RoundRobinDistribution,
                                      batching_enabled=False)
    for i in range(30):
        producer.send(str(i).encode())
    status, stats = request(broker, "GET", path_of(topic) + "/partitioned-stats")
    assert status == 200
    assert stats["msgInCounter"] == 30 and stats["metadata"]["partitions"] == 3
    assert sum(one["msgInCounter"] for one in stats["partitions"].values()) == 30
    assert stats["subscriptions"]["s"]["msgBacklog"] == 30
    assert len(stats["publishers"]) == 1 and len(stats["subscriptions"]["s"]["consumers"]) == 1
    receive(consumer, 30)


def test_an_inactive_topic_is_deleted_as_its_policy_says(tmp_path, connect, topic, only_geminga):
    config = tmp_path / "broker.conf"
    config.write_text("brokerDeleteInactiveTopicsMaxInactiveDurationSeconds=1\n"
                      "brokerDeleteInactivePartitionedTopicMetadataEnabled=true\n")
    own = Broker(tmp_path, options=["--config", str(config)])
    try:
        make_partitioned(own, topic, 2)
        kept = topic + "-kept"
        assert request(own, "PUT", path_of(kept)) == (204, "")
        assert request(own, "POST", path_of(kept) + "/inactiveTopicPolicies", {
            "inactiveTopicDeleteMode": "delete_when_no_subscriptions", "maxInactiveDurationSeconds": 1,
            "deleteWhileInactive": False})[0] == 204
        client = connect(own.url)
        for name in (topic, kept):
            client.create_producer(name).close()
        eventually(lambda: request(own, "GET", path_of(topic) + "/partitions")[0] == 404)
        assert request(own, "GET", path_of(kept) + "/stats")[0] == 200
    finally:
        own.kill()
