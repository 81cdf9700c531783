# SPDX-License-Identifier: Apache-2.0
"""Events that come twice, by their own ids, with the official Python client: docs/deduplication.md."""
import hashlib
import os

import pulsar
import pytest

from broker_process import Broker
from rest import path_of, request
from test_producers import messages_of

RECEIVE_MS = 20_000


@pytest.fixture
def windowed(tmp_path, monkeypatch):
    monkeypatch.setenv("GEMINGA_DEDUPLICATION_WINDOW_SECONDS", "600")
    if os.environ.get("SERVICE_URL"):
        pytest.skip("the broker is not ours to start")
    it = Broker(tmp_path)
    yield it
    it.stop()


def ask(broker, method, path, body=None):
    status, answer = request(broker, method, path, body)
    assert status in (200, 204), answer
    return answer


def send(producer, event, **more):
    return producer.send(event.encode(), properties={"event_id": event}, **more)


def test_an_event_is_stored_once_whoever_sends_it_and_after_a_kill(windowed, connect, topic):
    client = connect(windowed.url)
    for _ in range(2):
        producer = client.create_producer(topic, batching_enabled=False)
        for event in ("c", "a", "b", "a"):
            send(producer, event)
        producer.close()
    assert messages_of(client, topic, 3) == [b"c", b"a", b"b"]
    windowed.kill()
    windowed.start()
    client = connect(windowed.url)
    producer = client.create_producer(topic, batching_enabled=False)
    for event in ("b", "d", "c"):
        send(producer, event)
    assert messages_of(client, topic, 4) == [b"c", b"a", b"b", b"d"]


def test_a_duplicate_is_told_by_its_message_id_and_counted(windowed, connect, topic):
    client = connect(windowed.url)
    producer = client.create_producer(topic, batching_enabled=False)
    assert send(producer, "a").entry_id() >= 0
    assert send(producer, "a").entry_id() == -1
    producer.send(b"without")
    stats = ask(windowed, "GET", path_of(producer.topic()) + "/stats")
    assert stats["duplicateMessages"] == 1
    window = stats["deduplicationWindow"]
    assert (window["windowSeconds"], window["ids"], window["evictedIds"]) == (600, 1, 0)
    assert window["messagesWithoutId"] == 1
    metrics = ask(windowed, "GET", "/metrics/")
    assert "geminga_broker_event_ids_evicted_total" in metrics


def test_the_window_is_a_policy_of_a_topic_and_producers_live_through_its_change(own_broker, connect, topic):
    client = connect(own_broker.url)
    producer = client.create_producer(topic, batching_enabled=False)
    path = path_of(producer.topic()) + "/deduplicationWindow"
    send(producer, "a")
    send(producer, "a")
    assert request(own_broker, "POST", path, {"windowSeconds": -1})[0] == 412
    ask(own_broker, "POST", path, {"windowSeconds": 60, "maxIds": 2})
    assert ask(own_broker, "GET", path) == {"windowSeconds": 60, "maxIds": 2}
    for event in ("a", "b", "c", "b", "a"):  # what was there before is known; of more than two the last are
        send(producer, event)
    ask(own_broker, "DELETE", path)
    send(producer, "a")
    assert messages_of(client, topic, 6) == [b"a", b"a", b"b", b"c", b"a", b"a"]


def test_of_hashed_sequence_ids_new_events_are_lost_and_with_ids_they_are_not(own_broker, connect, topic):
    """Why there is a window: the trap of docs/deduplication.md."""
    client = connect(own_broker.url)
    events = ["event-%d" % n for n in range(200)]
    hashed = {event: int.from_bytes(hashlib.sha256(event.encode()).digest()[:6], "big") for event in events}
    maxima = [event for n, event in enumerate(events) if hashed[event] > max([0] + [hashed[e] for e in events[:n]])]
    ask(own_broker, "POST", "/admin/v2/namespaces/public/default/deduplication", True)
    producer = client.create_producer(topic + "-hashed", batching_enabled=False)
    for event in events:
        send(producer, event, sequence_id=hashed[event])
    assert messages_of(client, topic + "-hashed", len(maxima)) == [event.encode() for event in maxima]
    ask(own_broker, "DELETE", "/admin/v2/namespaces/public/default/deduplication")
    ask(own_broker, "POST", "/admin/v2/namespaces/public/default/deduplicationWindow", {"windowSeconds": 600})
    producer = client.create_producer(topic, batching_enabled=False)
    for event in events + events:
        send(producer, event, sequence_id=hashed[event])
    assert messages_of(client, topic, len(events)) == [event.encode() for event in events]
