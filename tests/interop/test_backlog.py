# SPDX-License-Identifier: Apache-2.0
"""What a backlog may be, and what becomes of those that nobody reads: quotas by size and by age with the three policies,
expiry of messages by an administrator.  As an administrator sets it over HTTP and the official client sees it; intervals
are options, nothing sleeps."""
import pulsar
import pytest
from pulsar import InitialPosition

from broker_process import SERVICE_URL, Broker, eventually
from rest import get, path_of, request

pytestmark = pytest.mark.skipif(bool(SERVICE_URL), reason="the broker is not ours to configure")

NAMESPACE = "/admin/v2/namespaces/public/default"
RECEIVE_MS = 30_000
ENTRY = 1000

CONF = """
backlogQuotaCheckIntervalInSeconds=200ms
managedLedgerMaxEntriesPerLedger=10
managedLedgerMinLedgerRolloverTimeMinutes=0
"""


@pytest.fixture
def broker(tmp_path):
    conf = tmp_path / "broker.conf"
    conf.write_text(CONF)
    one = Broker(tmp_path, options=["--config", str(conf)])
    yield one
    one.stop()


def ask(broker, method, path, body=None):
    status, answer = request(broker, method, path, body)
    assert status == 204, answer


def subscribe(client, topic, name="s"):
    return client.subscribe(topic, name, initial_position=InitialPosition.Earliest)


def publish(client, topic, count):
    producer = client.create_producer(topic, batching_enabled=False)
    for i in range(count):
        producer.send(i.to_bytes(4, "big") + bytes(ENTRY))
    return producer


def stats(broker, topic):
    return get(broker, path_of(topic) + "/stats")


def backlog(broker, topic, name="s"):
    return stats(broker, topic)["subscriptions"][name]["msgBacklog"]


def set_size(broker, entries, policy):
    ask(broker, "POST", NAMESPACE + "/backlogQuota?backlogQuotaType=destination_storage",
        {"limitSize": entries * ENTRY, "limitTime": -1, "policy": policy})


def test_the_older_shape_of_a_quota_is_understood(broker):
    ask(broker, "POST", NAMESPACE + "/backlogQuota", {"limit": "10240", "policy": "producer_request_hold"})
    assert get(broker, NAMESPACE + "/backlogQuotaMap")["destination_storage"]["limitSize"] == 10240


def test_over_the_quota_producers_fail_until_somebody_reads(broker, connect, topic):
    set_size(broker, 10, "producer_exception")
    client = connect(broker.url, operation_timeout_seconds=5)
    consumer = subscribe(client, topic)
    publish(client, topic, 20).close()
    with pytest.raises(pulsar.PulsarException) as refused:
        client.create_producer(topic)
    assert "QuotaExceeded" in str(refused.value)
    assert stats(broker, topic)["backlogQuotaLimitSize"] == 10 * ENTRY
    for _ in range(20):
        consumer.acknowledge(consumer.receive(RECEIVE_MS))
    assert eventually(lambda: backlog(broker, topic) == 0)
    publish(client, topic, 5).close()


def test_a_producer_that_is_held_goes_on_by_itself(broker, connect, topic):
    set_size(broker, 10, "producer_request_hold")
    client = connect(broker.url)
    consumer = subscribe(client, topic)
    producer = publish(client, topic, 10)
    assert eventually(lambda: stats(broker, topic)["publishers"] == [])
    producer.send_async(b"later", None)
    for _ in range(10):
        consumer.acknowledge(consumer.receive(RECEIVE_MS))
    assert consumer.receive(RECEIVE_MS).data() == b"later"


def test_eviction_skips_what_is_too_much(broker, connect, topic):
    set_size(broker, 20, "consumer_backlog_eviction")
    client = connect(broker.url)
    subscribe(client, topic).close()
    publish(client, topic, 60).close()
    assert eventually(lambda: backlog(broker, topic) <= 20)
    first = subscribe(client, topic).receive(RECEIVE_MS)
    assert 40 <= int.from_bytes(first.data()[:4], "big") <= 46


def test_what_is_too_old_is_skipped(broker, connect, topic):
    client = connect(broker.url)
    subscribe(client, topic).close()
    publish(client, topic, 5).close()
    ask(broker, "POST", path_of(topic) + "/backlogQuota?backlogQuotaType=message_age",
        {"limitSize": -1, "limitTime": 1, "policy": "consumer_backlog_eviction"})
    assert eventually(lambda: backlog(broker, topic) == 0)


def test_an_administrator_lets_messages_expire(broker, connect, topic):
    client = connect(broker.url)
    subscribe(client, topic).close()
    subscribe(client, topic, "t").close()
    publish(client, topic, 5).close()
    path = path_of(topic)
    ask(broker, "POST", path + "/subscription/s/expireMessages/3600")
    assert backlog(broker, topic) == 5  # none is so old
    assert eventually(lambda: request(broker, "POST", path + "/subscription/s/expireMessages/0")[0] == 409)
    assert backlog(broker, topic) == 0
    assert backlog(broker, topic, "t") == 5
    ledgers = get(broker, path + "/internalStats")["ledgers"]
    ask(broker, "POST", path + "/subscription/t/expireMessages", {"ledgerId": ledgers[0]["ledgerId"], "entryId": 1})
    assert backlog(broker, topic, "t") == 3
    ask(broker, "POST", path + "/all_subscription/expireMessages/0")
    assert eventually(lambda: backlog(broker, topic, "t") == 0)
    assert request(broker, "POST", path + "/subscription/nobody/expireMessages/1")[0] == 404
