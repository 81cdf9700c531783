# SPDX-License-Identifier: Apache-2.0
"""What the broker allows consumers, seen by the official client: how many there may be, how fast they are served, how often
they may come; and what it tells of them over HTTP."""
import time

import pulsar
import pytest

from broker_process import Broker
from rest import request

RECEIVE_MS = 30_000


@pytest.fixture
def broker_with(tmp_path):
    """broker_with(key=value, ...) starts a broker with these keys of broker.conf."""
    started = []

    def one(**keys):
        conf = tmp_path / "broker.conf"
        conf.write_text("".join(f"{key}={value}\n" for key, value in keys.items()))
        started.append(Broker(tmp_path, options=["--config", str(conf)]))
        return started[-1]

    yield one
    for broker in started:
        broker.kill()


def shared(client, topic, name="work"):
    return client.subscribe(topic, name, consumer_type=pulsar.ConsumerType.Shared,
                            initial_position=pulsar.InitialPosition.Earliest)


def publish(client, topic, count):
    producer = client.create_producer(topic, batching_enabled=False)
    for n in range(count):
        producer.send(b"%d" % n)
    producer.close()


def subscription_stats(broker, topic, name="work"):
    status, stats = request(broker, "GET", "/admin/v2/" + topic.replace("://", "/") + "/stats")
    assert status == 200
    return stats["subscriptions"][name]


def test_a_consumer_beyond_the_limit_of_its_subscription_is_busy(broker_with, connect, topic):
    client = connect(broker_with(maxConsumersPerSubscription=1).url)
    shared(client, topic)
    with pytest.raises(pulsar.ConsumerBusy):
        shared(client, topic)
    shared(client, topic, "other")


def test_a_consumer_beyond_the_limit_of_its_topic_is_busy(broker_with, connect, topic):
    client = connect(broker_with(maxConsumersPerTopic=1).url)
    first = shared(client, topic)
    with pytest.raises(pulsar.ConsumerBusy):
        shared(client, topic, "other")
    first.close()
    shared(client, topic, "other")


def test_a_subscription_beyond_the_limit_is_not_allowed(broker_with, connect, topic):
    client = connect(broker_with(maxSubscriptionsPerTopic=1).url)
    shared(client, topic)
    with pytest.raises(pulsar.NotAllowedError):
        shared(client, topic, "other")


@pytest.mark.parametrize("per", ["Topic", "Subscription"])
def test_no_more_is_sent_than_the_dispatch_rate_allows(broker_with, connect, topic, per):
    broker = broker_with(**{f"dispatchThrottlingRatePer{per}InMsg": 10})
    client = connect(broker.url)
    consumer = shared(client, topic)
    publish(client, topic, 25)
    before = time.monotonic()
    consumer.receive(RECEIVE_MS)
    blocked = subscription_stats(broker, topic)["blockedBy"]
    for _ in range(24):
        consumer.acknowledge(consumer.receive(RECEIVE_MS))
    assert time.monotonic() - before >= 0.4  # of 25 at most 20 come in the first second, however long the sending took
    assert blocked is None or "DispatchRate" in blocked or "dispatchRate" in blocked


def test_a_connection_that_is_lost_counts_as_a_delivery_when_it_shall(broker_with, connect, topic):
    broker = broker_with(**{"broker.count_lost_consumers": "true"})
    client, other = connect(broker.url), connect(broker.url)
    first = shared(client, topic)
    publish(other, topic, 1)
    assert first.receive(RECEIVE_MS).redelivery_count() == 0
    client.shutdown()  # without a word
    assert shared(other, topic).receive(RECEIVE_MS).redelivery_count() == 1
