# SPDX-License-Identifier: Apache-2.0
"""Retention and message TTL, as an administrator sets them over HTTP and the official client sees them: what everybody
has read goes, what somebody has not stays, what is too old counts as read.  Intervals are options, nothing sleeps."""
import pulsar
import pytest

from broker_process import SERVICE_URL, Broker, eventually
from rest import get, path_of, request
from test_metrics import samples

pytestmark = pytest.mark.skipif(bool(SERVICE_URL), reason="the broker is not ours to configure")

NAMESPACE = "/admin/v2/namespaces/public/default"
RECEIVE_MS = 30_000

# Pulsar's own keys in Pulsar's own units, but for the last: there a fraction of a minute cannot be said.
CONF = """
managedLedgerMaxEntriesPerLedger=10
managedLedgerMinLedgerRolloverTimeMinutes=0
managedLedgerInactiveLedgerRolloverTimeSeconds=1
retentionCheckIntervalInSeconds=1
messageExpiryCheckIntervalInMinutes=200ms
"""


@pytest.fixture
def broker(tmp_path):
    conf = tmp_path / "broker.conf"
    conf.write_text(CONF)
    one = Broker(tmp_path, options=["--config", str(conf)])
    yield one
    one.stop()


def post(broker, path, body=None):
    status, answer = request(broker, "POST", path, body)
    assert status == 204, answer


def delete(broker, path):
    status, answer = request(broker, "DELETE", path)
    assert status == 204, answer


def stats(broker, topic):
    return get(broker, path_of(topic) + "/stats")


def entries(broker, topic):
    """In all ledgers: what is kept."""
    return get(broker, path_of(topic) + "/internalStats")["numberOfEntries"]


def publish(client, topic, count, size=100):
    producer = client.create_producer(topic, batching_enabled=False)
    for i in range(count):
        producer.send(i.to_bytes(4, "big") + bytes(size))
    producer.close()


def read_all(consumer, count):
    for i in range(count):
        message = consumer.receive(RECEIVE_MS)
        assert int.from_bytes(message.data()[:4], "big") == i
    consumer.acknowledge_cumulative(message)


def test_what_everybody_has_read_goes_with_its_last_ledger_and_the_topic_goes_on(broker, connect, topic):
    client = connect(broker.url)
    consumer = client.subscribe(topic, "s")
    publish(client, topic, 95)
    assert entries(broker, topic) == 95
    assert stats(broker, topic)["subscriptions"]["s"]["msgBacklogMessages"] == 95
    read_all(consumer, 95)
    eventually(lambda: entries(broker, topic) == 0)
    now = stats(broker, topic)
    assert now["storageSize"] == 0 and now["backlogSize"] == 0
    assert now["subscriptions"]["s"]["msgBacklog"] == now["subscriptions"]["s"]["msgBacklogMessages"] == 0
    figures = samples(broker)
    assert figures['geminga_broker_ledgers_deleted_total{cluster="standalone"}'] >= 10
    assert figures['geminga_store_disk_bytes{cluster="standalone"}'] > 0

    publish(client, topic, 3)
    read_all(consumer, 3)


def test_retention_keeps_what_was_read_until_it_is_taken_away(broker, connect, topic):
    post(broker, NAMESPACE + "/retention", {"retentionTimeInMinutes": -1, "retentionSizeInMB": -1})
    client = connect(broker.url)
    consumer = client.subscribe(topic, "s")
    publish(client, topic, 50)
    read_all(consumer, 50)
    eventually(lambda: stats(broker, topic)["subscriptions"]["s"]["msgBacklog"] == 0)
    post(broker, path_of(topic) + "/trim")
    client.close()
    broker.restart()
    assert get(broker, NAMESPACE + "/retention") == {"retentionTimeInMinutes": -1, "retentionSizeInMB": -1}
    assert entries(broker, topic) == 50

    reader = connect(broker.url).create_reader(topic, pulsar.MessageId.earliest)
    for i in range(50):
        assert int.from_bytes(reader.read_next(RECEIVE_MS).data()[:4], "big") == i
    delete(broker, NAMESPACE + "/retention")
    eventually(lambda: entries(broker, topic) == 0)


def test_a_topics_retention_goes_over_its_namespaces(broker, connect, topic):
    client = connect(broker.url)
    consumer = client.subscribe(topic, "s")
    other = client.subscribe(topic + "-other", "s")
    post(broker, path_of(topic) + "/retention", {"retentionTimeInMinutes": 60, "retentionSizeInMB": -1})
    for name, by in ((topic, consumer), (topic + "-other", other)):
        publish(client, name, 30)
        read_all(by, 30)
    eventually(lambda: entries(broker, topic + "-other") == 0)
    assert entries(broker, topic) == 30
    assert get(broker, path_of(topic) + "/retention?applied=true")["retentionTimeInMinutes"] == 60


def test_a_slow_subscription_holds_what_it_has_not_read(broker, connect, topic):
    client = connect(broker.url)
    slow, fast = client.subscribe(topic, "slow"), client.subscribe(topic, "fast")
    publish(client, topic, 60)
    read_all(fast, 60)
    read_all(slow, 25)
    eventually(lambda: entries(broker, topic) == 40)  # the ledger in which it stands, and those after it
    for i in range(25, 60):
        assert int.from_bytes(slow.receive(RECEIVE_MS).data()[:4], "big") == i


def test_messages_expire_for_those_who_have_not_read_them(broker, connect, topic):
    client = connect(broker.url)
    client.subscribe(topic, "never").close()
    publish(client, topic, 30)
    assert stats(broker, topic)["subscriptions"]["never"]["msgBacklog"] == 30
    post(broker, NAMESPACE + "/messageTTL", 1)
    eventually(lambda: stats(broker, topic)["subscriptions"]["never"]["msgBacklog"] == 0)
    assert stats(broker, topic)["subscriptions"]["never"]["totalMsgExpired"] == 30
    eventually(lambda: entries(broker, topic) == 0)
    delete(broker, NAMESPACE + "/messageTTL")
    publish(client, topic, 1)
    consumer = client.subscribe(topic, "never")
    read_all(consumer, 1)


def test_backlogs_in_messages_are_exact_for_batches_that_left_memory(broker, connect, topic):
    client = connect(broker.url)
    consumer = client.subscribe(topic, "s")
    producer = client.create_producer(topic, batching_enabled=True, batching_max_messages=7,
                                      batching_max_publish_delay_ms=60_000, max_pending_messages=100)
    for i in range(70):
        producer.send_async(i.to_bytes(4, "big"), lambda result, _: None)
    producer.flush()
    consumer.close()
    broker.restart()  # nothing is in memory now
    consumer = client.subscribe(topic, "s")
    for i in range(35):
        message = consumer.receive(RECEIVE_MS)
    consumer.acknowledge_cumulative(message)
    eventually(lambda: stats(broker, topic)["subscriptions"]["s"]["msgBacklog"] == 5)
    assert stats(broker, topic)["subscriptions"]["s"]["msgBacklogMessages"] == 35


def test_a_reader_in_the_middle_of_what_may_go_is_not_overtaken(broker, connect, topic):
    client = connect(broker.url)
    reader = client.create_reader(topic, pulsar.MessageId.earliest, receiver_queue_size=1)
    publish(client, topic, 50)
    for i in range(25):
        assert int.from_bytes(reader.read_next(RECEIVE_MS).data()[:4], "big") == i
    eventually(lambda: entries(broker, topic) <= 30)  # what lies behind it went
    for i in range(25, 50):
        assert int.from_bytes(reader.read_next(RECEIVE_MS).data()[:4], "big") == i
    eventually(lambda: entries(broker, topic) == 0)
