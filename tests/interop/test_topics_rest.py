# SPDX-License-Identifier: Apache-2.0
"""Topics over HTTP against a running broker with the official client beside: statistics, places and messages,
truncation, permissions, policies; and __change_events, read with fastavro by the schema that Apache Pulsar registers
(data/pulsar_event.avsc)."""
import base64
import io
import json
import pathlib
import urllib.error
import urllib.request

import fastavro
import pulsar
import pytest

from broker_process import eventually
from test_admin import SECONDS, get, path_of, request

pytestmark = pytest.mark.usefixtures("only_geminga")

SCHEMA = json.loads((pathlib.Path(__file__).parent / "data" / "pulsar_event.avsc").read_text())
EVENTS = "persistent://public/default/__change_events"
RECEIVE_MS = 30_000


def look_at(broker, path):
    """A message that is looked at: its headers and its payload."""
    with urllib.request.urlopen(broker.http_url + path, timeout=SECONDS) as answer:
        return dict(answer.headers), answer.read()


def header(headers, name):
    return next((value for key, value in headers.items() if key.lower() == name.lower()), None)


def test_statistics_follow_what_a_client_does(broker, client, topic):
    consumer = client.subscribe(topic, "s", consumer_type=pulsar.ConsumerType.Shared, consumer_name="c",
                                properties={"a": "b"})
    producer = client.create_producer(topic, producer_name="p")
    ids = [producer.send(b"%d" % i) for i in range(5)]
    messages = [consumer.receive(RECEIVE_MS) for _ in ids]
    consumer.acknowledge(messages[1])
    consumer.acknowledge(messages[3])
    path = path_of(topic)
    eventually(lambda: get(broker, path + "/stats")["subscriptions"]["s"]["msgBacklog"] == 3)
    stats = get(broker, path + "/stats?getEarliestTimeInBacklog=true&subscriptionBacklogSize=true")
    s = stats["subscriptions"]["s"]
    assert (stats["msgInCounter"], s["msgOutCounter"], s["unackedMessages"]) == (5, 5, 3)
    assert s["earliestMsgPublishTimeInBacklog"] == messages[0].publish_timestamp()
    assert s["nonContiguousDeletedMessagesRanges"] == 2
    assert s["consumers"][0]["consumerName"] == "c" and s["consumers"][0]["avgMessagesPerEntry"] == 1
    assert stats["msgRateIn"] > 0 and stats["averageMsgSize"] > 0
    internal = get(broker, path + "/internalStats?metadata=true")
    ledger = messages[0].message_id().ledger_id()
    assert internal["cursors"]["s"]["individuallyDeletedMessages"] == (
        f"[({ledger}:0..{ledger}:1],({ledger}:2..{ledger}:3]]")
    assert internal["ledgers"][-1]["metadata"].startswith("LedgerMetadata{")


def test_places_in_a_topic_are_those_that_the_client_knows(broker, client, topic):
    producer = client.create_producer(topic)
    ids = [producer.send(b"%d" % i) for i in range(4)]
    path = path_of(topic)
    last = get(broker, path + "/lastMessageId")
    assert (last["ledgerId"], last["entryId"]) == (ids[3].ledger_id(), ids[3].entry_id())
    second = get(broker, path + "/getMessageIdByIndex?index=1")
    assert (second["ledgerId"], second["entryId"]) == (ids[1].ledger_id(), ids[1].entry_id())
    place = {"ledgerId": ids[1].ledger_id(), "entryId": ids[1].entry_id(), "partitionIndex": -1}
    behind = request(broker, "PUT", path + "/backlogSize", place)[1]
    everything = request(broker, "PUT", path + "/backlogSize", place | {"entryId": -1})[1]
    assert everything == 2 * behind > 0
    assert request(broker, "PUT", path + "/subscription/s",
                   {"ledgerId": -1, "entryId": -1, "partitionIndex": -1})[0] == 204
    analysis = request(broker, "POST", path + "/subscription/s/analyzeBacklog")[1]
    assert (analysis["entries"], analysis["messages"], analysis["aborted"]) == (4, 4, False)


def test_a_message_that_is_looked_at_has_all_its_headers(broker, client, topic):
    producer = client.create_producer(topic, producer_name="p", schema=pulsar.schema.StringSchema())
    producer.send("hello", partition_key="k", ordering_key="o", properties={"a": "b"}, event_timestamp=1603045262772)
    headers, body = look_at(broker, path_of(topic) + "/examinemessage?initialPosition=earliest&messagePosition=1")
    assert body == b"hello"
    assert header(headers, "X-Pulsar-producer-name") == "p"
    assert header(headers, "X-Pulsar-partition-key") == "k"
    assert base64.b64decode(header(headers, "X-Pulsar-Base64-ordering-key")) == b"o"
    assert header(headers, "X-Pulsar-Base64-schema-version") == "AAAAAAAAAAA="
    assert json.loads(header(headers, "X-Pulsar-PROPERTY")) == {"a": "b"}
    assert header(headers, "X-Pulsar-event-time").startswith("2020-10-18T18:21:02.772")


def test_a_truncated_topic_gives_only_what_comes_after(broker, client, topic):
    consumer = client.subscribe(topic, "s")
    producer = client.create_producer(topic)
    for i in range(3):
        producer.send(b"old")
    path = path_of(topic)
    assert request(broker, "DELETE", path + "/truncate")[0] == 204
    assert get(broker, path + "/stats")["storageSize"] == 0
    producer.send(b"new")
    while (message := consumer.receive(RECEIVE_MS)).data() != b"new":  # what was on its way is not taken back
        consumer.acknowledge(message)
    client.create_reader(topic, pulsar.MessageId.earliest).read_next(RECEIVE_MS).data() == b"new"


def test_permissions_and_replicated_subscriptions_are_kept_and_shown(broker, client, topic):
    path = path_of(topic)
    client.subscribe(topic, "s").close()
    assert request(broker, "POST", path + "/permissions/me", ["produce"])[0] == 204
    assert get(broker, path + "/permissions") == {"me": ["produce"]}
    assert request(broker, "DELETE", path + "/permissions/me")[0] == 204
    assert get(broker, path + "/permissions") == {}
    status = path + "/subscription/s/replicatedSubscriptionStatus"
    assert request(broker, "POST", status, True)[0] == 204
    assert get(broker, status) == {topic: True}


def events_of(client, key):
    """The values under this key, decoded; None: the end of what was set.  All events that there are, are read."""
    reader = client.create_reader(EVENTS, pulsar.MessageId.earliest)
    found = []
    while reader.has_message_available():
        message = reader.read_next(RECEIVE_MS)
        if message.partition_key() == key:
            data = message.data()
            found.append(fastavro.schemaless_reader(io.BytesIO(data), SCHEMA) if data else None)
    reader.close()
    return found


def set_everything(broker, path):
    rate = {"dispatchThrottlingRateInMsg": 5, "dispatchThrottlingRateInByte": 6, "relativeToPublishRate": True,
            "ratePeriodInSecond": 2}
    for name, value in {
        "maxProducers": 15, "maxConsumers": 16, "maxConsumersPerSubscription": 17, "maxSubscriptionsPerTopic": 18,
        "maxUnackedMessagesOnConsumer": 19, "maxUnackedMessagesOnSubscription": 20, "maxMessageSize": 1000000,
        "deduplicationEnabled": True, "deduplicationSnapshotInterval": 77, "compactionThreshold": 4096,
        "delayedDelivery": {"active": True, "tickTime": 1234, "maxDeliveryDelayInMillis": 99},
        "dispatchRate": rate, "subscriptionDispatchRate": rate, "replicatorDispatchRate": rate,
        "s1/dispatchRate": rate,
        "subscribeRate": {"subscribeThrottlingRatePerConsumer": 11, "ratePeriodInSecond": 12},
        "publishRate": {"publishThrottlingRateInMsg": 13, "publishThrottlingRateInByte": 14},
        "retention": {"retentionTimeInMinutes": 10, "retentionSizeInMB": 100},
        "backlogQuota": {"limitSize": 1000, "policy": "producer_exception"},
        "persistence": {"bookkeeperEnsemble": 1, "bookkeeperWriteQuorum": 1, "bookkeeperAckQuorum": 1,
                        "managedLedgerMaxMarkDeleteRate": 2.5},
        "inactiveTopicPolicies": {"inactiveTopicDeleteMode": "delete_when_subscriptions_caught_up",
                                  "maxInactiveDurationSeconds": 21, "deleteWhileInactive": True},
        "subscriptionTypesEnabled": ["Shared", "Failover"],
        "autoSubscriptionCreation": {"allowAutoSubscriptionCreation": False},
        "replication": ["standalone"], "dispatcherPauseOnAckStatePersistent": None,
        "offloadPolicies": {"managedLedgerOffloadDriver": "aws-s3", "managedLedgerOffloadBucket": "b",
                            "managedLedgerOffloadMaxThreads": 2, "offloadersDirectory": "./offloaders"},
        "schemaValidationEnforced": True,
    }.items():
        status, answer = request(broker, "POST", f"{path}/{name}", value)
        assert status == 204, (name, answer)
    assert request(broker, "POST", path + "/messageTTL?messageTTL=60")[0] == 204
    assert request(broker, "PUT", path + "/schemaCompatibilityStrategy", "FULL")[0] == 204
    return rate


def test_every_policy_is_in_the_events_as_pulsar_writes_it(broker, client, topic):
    path = path_of(topic)
    assert request(broker, "PUT", path)[0] == 204
    rate = set_everything(broker, path)
    event = events_of(client, topic)[-1]
    told = event["topicPoliciesEvent"]
    assert (event["actionType"], event["eventType"], event["replicateTo"]) == ("UPDATE", "TOPIC_POLICY", ["standalone"])
    assert (told["domain"], told["tenant"], told["namespace"]) == ("persistent", "public", "default")
    policies = {name: value for name, value in told["policies"].items() if value is not None}
    offload = {name: value for name, value in policies.pop("offloadPolicies").items() if value is not None}
    assert offload.items() >= {"managedLedgerOffloadDriver": "aws-s3", "managedLedgerOffloadBucket": "b",
                               "managedLedgerOffloadMaxThreads": 2, "offloadersDirectory": "./offloaders"}.items()
    assert policies == {
        "autoSubscriptionCreationOverride": {"allowAutoSubscriptionCreation": False},
        "backLogQuotaMap": {"destination_storage": {"limit": 1000, "limitSize": 1000, "limitTime": 0,
                                                    "policy": "producer_exception"}},
        "compactionThreshold": 4096, "deduplicationEnabled": True, "deduplicationSnapshotIntervalSeconds": 77,
        "delayedDeliveryEnabled": True, "delayedDeliveryMaxDelayInMillis": 99, "delayedDeliveryTickTimeMillis": 1234,
        "dispatchRate": rate, "dispatcherPauseOnAckStatePersistentEnabled": True,
        "inactiveTopicPolicies": {"deleteWhileInactive": True, "maxInactiveDurationSeconds": 21,
                                  "inactiveTopicDeleteMode": "delete_when_subscriptions_caught_up"},
        "isGlobal": False, "maxConsumerPerTopic": 16, "maxConsumersPerSubscription": 17, "maxMessageSize": 1000000,
        "maxProducerPerTopic": 15, "maxSubscriptionsPerTopic": 18, "maxUnackedMessagesOnConsumer": 19,
        "maxUnackedMessagesOnSubscription": 20, "messageTTLInSeconds": 60,
        "persistence": {"bookkeeperAckQuorum": 1, "bookkeeperEnsemble": 1, "bookkeeperWriteQuorum": 1,
                        "managedLedgerMaxMarkDeleteRate": 2.5, "managedLedgerStorageClassName": None},
        "publishRate": {"publishThrottlingRateInByte": 14, "publishThrottlingRateInMsg": 13},
        "replicationClusters": ["standalone"], "replicatorDispatchRate": rate,
        "retentionPolicies": {"retentionSizeInMB": 100, "retentionTimeInMinutes": 10},
        "schemaCompatibilityStrategy": "FULL", "schemaValidationEnforced": True,
        "subscribeRate": {"ratePeriodInSecond": 12, "subscribeThrottlingRatePerConsumer": 11},
        "subscriptionDispatchRate": rate, "subscriptionPolicies": {"s1": {"dispatchRate": rate}},
        "subscriptionTypesEnabled": ["Shared", "Failover"],
    }


def test_the_schema_of_events_is_the_one_that_pulsar_registers(broker, topic):
    path = path_of(topic)
    assert request(broker, "PUT", path)[0] == 204
    assert request(broker, "POST", path + "/maxProducers", 1)[0] == 204
    registered = get(broker, "/admin/v2/schemas/public/default/__change_events/schema")
    assert registered["type"] == "AVRO" and registered["version"] == 0
    assert json.loads(registered["data"]) == SCHEMA


def test_what_ends_is_an_event_without_a_value_and_global_policies_have_their_own_key(broker, client, topic):
    path = path_of(topic)
    assert request(broker, "PUT", path)[0] == 204
    assert request(broker, "POST", path + "/maxProducers", 1)[0] == 204
    assert request(broker, "POST", path + "/maxProducers?isGlobal=true", 2)[0] == 204
    assert request(broker, "DELETE", path)[0] == 204
    own, everywhere = events_of(client, topic), events_of(client, "__G__" + topic)
    assert [e and e["topicPoliciesEvent"]["policies"]["maxProducerPerTopic"] for e in own] == [1, None]
    assert [e and e["topicPoliciesEvent"]["policies"]["maxProducerPerTopic"] for e in everywhere] == [2, None]
    assert everywhere[0]["replicateTo"] is None


def test_events_outlive_a_kill_and_clients_may_not_write_them(own_broker, connect):
    path = "/admin/v2/persistent/public/default/kept"
    assert request(own_broker, "PUT", path)[0] == 204
    assert request(own_broker, "POST", path + "/maxProducers", 7)[0] == 204
    own_broker.kill()
    own_broker.restart()
    client = connect(own_broker.url)
    assert len(events_of(client, "persistent://public/default/kept")) == 1
    assert get(own_broker, path + "/maxProducers") == 7
    with pytest.raises(pulsar.NotAllowedError if hasattr(pulsar, "NotAllowedError") else Exception):
        client.create_producer(EVENTS)


def test_a_policy_of_one_subscription_holds_for_it_alone(broker, client, topic):
    path = path_of(topic)
    producer = client.create_producer(topic)
    slow, fast = client.subscribe(topic, "slow"), client.subscribe(topic, "fast")
    assert request(broker, "POST", path + "/slow/dispatchRate", {"dispatchThrottlingRateInMsg": 1,
                                                                "ratePeriodInSecond": 1000})[0] == 204
    for i in range(5):
        producer.send(b"%d" % i)
    for _ in range(5):
        fast.receive(RECEIVE_MS)  # whoever it does not hold for has all
    slow.receive(RECEIVE_MS)
    assert get(broker, path + "/stats")["subscriptions"]["slow"]["msgOutCounter"] == 1
    assert request(broker, "DELETE", path + "/slow/dispatchRate")[0] == 204
    for _ in range(4):
        slow.receive(RECEIVE_MS)
