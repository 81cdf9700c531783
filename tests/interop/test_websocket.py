# SPDX-License-Identifier: Apache-2.0
"""Pulsar's WebSocket interface: producers, consumers and readers in JSON, with an ordinary WebSocket client."""
import base64
import json
import re
import subprocess
import types
import urllib.error
import urllib.request

import pulsar
import pytest
import websocket
from pulsar import InitialPosition

from broker_process import DIES_WITH_PARENT, PROGRAM, SERVICE_URL, Broker, eventually
from rest import request

pytestmark = pytest.mark.skipif(bool(SERVICE_URL), reason="about our program")

SECONDS = 20
T = "persistent/public/default/"
FULL = "persistent://public/default/"


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    b = Broker(tmp_path_factory.mktemp("data"))
    yield b
    b.stop()


@pytest.fixture
def proxy(broker):
    """`geminga websocket` in front of it: an address, and nothing else of the broker's."""
    process = subprocess.Popen([*DIES_WITH_PARENT, PROGRAM, "websocket", "--service-url", broker.url, "--http-port", "0"],
                               stdout=subprocess.PIPE, text=True)
    port = re.search(r"on port (\d+)", process.stdout.readline()).group(1)
    yield types.SimpleNamespace(http_url=f"http://127.0.0.1:{port}")
    process.terminate()
    assert process.wait(SECONDS) == 0


@pytest.fixture
def client(broker):
    c = pulsar.Client(broker.url)
    yield c
    c.close()


def open_(broker, path):
    return websocket.create_connection(f"ws{broker.http_url[4:]}/ws/v2/{path}", timeout=SECONDS)


def consume(broker, topic, subscription, query=""):
    """A consumer that has its subscription: the connection is made before that is, and who publishes meanwhile is missed."""
    ws = open_(broker, f"consumer/{T}{topic}/{subscription}?{query}")

    def subscribed():
        status, body = request(broker, "GET", f"/admin/v2/{T}{topic}/subscriptions")
        return status == 200 and subscription in body

    eventually(subscribed)
    return ws


def b64(text):
    return base64.b64encode(text.encode()).decode()


def tell(ws, **message):
    ws.send(json.dumps(message))


def hear(ws):
    return json.loads(ws.recv())


def send(ws, text, **more):
    tell(ws, payload=b64(text), **more)
    return hear(ws)


def payload(message):
    return base64.b64decode(message["payload"]).decode()


def test_what_a_producer_sends_arrives_with_all_that_was_said_of_it(broker, client):
    consumer = client.subscribe(FULL + "sent", "s", initial_position=InitialPosition.Earliest)
    ws = open_(broker, f"producer/{T}sent?producerName=web&sendTimeoutMillis=10000&compressionType=LZ4")
    answer = send(ws, "hello", key="k", properties={"a": "b"}, context="7", eventTime="2016-08-30T16:45:57.785Z")
    assert answer["result"] == "ok" and answer["context"] == "7"
    message = consumer.receive(SECONDS * 1000)
    assert message.data() == b"hello" and message.partition_key() == "k" and message.properties() == {"a": "b"}
    assert message.event_timestamp() == 1472575557785
    assert message.producer_name() == "web"
    assert base64.b64decode(answer["messageId"]) == message.message_id().serialize()
    ws.close()


def test_each_message_has_its_answer_in_order(broker):
    ws = open_(broker, f"producer/{T}order?batchingEnabled=true&batchingMaxPublishDelay=1")
    for i in range(500):
        tell(ws, payload=b64(str(i)), context=str(i))
    assert [hear(ws)["context"] for _ in range(500)] == [str(i) for i in range(500)]
    ws.close()


@pytest.mark.parametrize("text, error", [("{", 3), ("[]", 3), ('{"payload":"%%"}', 7), ('{"context":"x"}', 7),
                                         ('{"payload":"YQ==","eventTime":"yesterday"}', 7)])
def test_a_message_that_cannot_be_sent_is_answered_with_the_reason(broker, text, error):
    ws = open_(broker, f"producer/{T}wrong")
    ws.send(text)
    answer = hear(ws)
    assert answer["result"] == f"send-error:{error}" and answer["errorMsg"]
    assert send(ws, "fine")["result"] == "ok"  # and the next is sent
    ws.close()


def test_a_consumer_gets_what_is_published_and_acknowledges_it(broker, client):
    ws = consume(broker, "read", "sub", "subscriptionType=Shared&consumerName=web")
    producer = client.create_producer(FULL + "read")
    for i in range(5):
        producer.send(f"m{i}".encode(), partition_key="k", properties={"n": str(i)})
    got = [hear(ws) for _ in range(5)]
    assert [payload(m) for m in got] == [f"m{i}" for i in range(5)]
    assert got[3]["key"] == "k" and got[3]["properties"] == {"n": "3"} and got[3]["redeliveryCount"] == 0
    assert got[3]["publishTime"].endswith("Z")
    for m in got[:4]:
        tell(ws, messageId=m["messageId"])
    tell(ws, type="isEndOfTopic")
    assert hear(ws) == {"endOfTopic": False}  # all that was before it has been taken
    ws.close()
    again = consume(broker, "read", "sub", "subscriptionType=Shared")
    assert payload(hear(again)) == "m4"
    again.close()


def test_no_more_is_sent_ahead_of_acknowledgements_than_the_queue_says(broker, client):
    ws = consume(broker, "ahead", "sub", "receiverQueueSize=2&subscriptionType=Shared")
    producer = client.create_producer(FULL + "ahead")
    for i in range(4):
        producer.send(str(i).encode())
    first, second = hear(ws), hear(ws)
    tell(ws, type="isEndOfTopic")
    assert "endOfTopic" in hear(ws)  # and no third message before it
    tell(ws, messageId=first["messageId"])
    assert payload(hear(ws)) == "2"
    tell(ws, type="negativeAcknowledge", messageId=second["messageId"])
    assert payload(hear(ws)) == "3"
    ws.close()


def test_in_pull_mode_nothing_comes_that_was_not_asked_for(broker, client):
    ws = consume(broker, "pull", "sub", "pullMode=true")
    producer = client.create_producer(FULL + "pull")
    for i in range(3):
        producer.send(str(i).encode())
    tell(ws, type="isEndOfTopic")
    assert "endOfTopic" in hear(ws)
    tell(ws, type="permit", permitMessages=2)
    assert [payload(hear(ws)) for _ in range(2)] == ["0", "1"]
    tell(ws, type="isEndOfTopic")
    assert "endOfTopic" in hear(ws)
    ws.close()


def test_what_was_refused_comes_again_counted_and_goes_to_the_dead_letters(broker, client):
    dead = client.subscribe(FULL + "grave", "s", initial_position=InitialPosition.Earliest)
    ws = consume(broker, "dying", "sub", "subscriptionType=Shared&negativeAckRedeliveryDelay=100"
                                     f"&maxRedeliverCount=1&deadLetterTopic={FULL}grave")
    client.create_producer(FULL + "dying").send(b"poison")
    for count in range(2):
        message = hear(ws)
        assert message["redeliveryCount"] == count
        tell(ws, type="negativeAcknowledge", messageId=message["messageId"])
    assert dead.receive(SECONDS * 1000).data() == b"poison"
    ws.close()


def test_a_reader_begins_where_it_is_told(broker, client):
    producer = client.create_producer(FULL + "seen")
    ids = [producer.send(str(i).encode()) for i in range(4)]
    ws = open_(broker, f"reader/{T}seen?messageId=earliest&readerName=web")
    assert [payload(hear(ws)) for _ in range(4)] == ["0", "1", "2", "3"]
    ws.close()
    after = base64.b64encode(ids[1].serialize()).decode().replace("+", "%2B").replace("=", "%3D").replace("/", "%2F")
    ws = open_(broker, f"reader/{T}seen?messageId={after}")
    assert payload(hear(ws)) == "2"
    ws.close()


def test_the_end_of_a_topic_is_told(broker, client):
    client.create_producer(FULL + "ending").send(b"last")
    ws = open_(broker, f"reader/{T}ending?messageId=earliest")
    tell(ws, messageId=hear(ws)["messageId"])
    urllib.request.urlopen(urllib.request.Request(f"{broker.http_url}/admin/v2/{T}ending/terminate", method="POST"))

    def told():
        tell(ws, type="isEndOfTopic")
        return hear(ws)["endOfTopic"]

    eventually(told)
    ws.close()


def test_unsubscribing_deletes_the_subscription(broker):
    ws = open_(broker, f"consumer/{T}left/sub")
    tell(ws, type="unsubscribe")
    with pytest.raises(websocket.WebSocketConnectionClosedException):
        while ws.recv():
            pass
        raise websocket.WebSocketConnectionClosedException
    with urllib.request.urlopen(f"{broker.http_url}/admin/v2/{T}left/subscriptions") as answer:
        assert json.load(answer) == []


@pytest.mark.parametrize("path, status", [
    ("producer/persistent/public/default", 400), ("consumer/persistent/public/default/x", 400),
    ("consumer/persistent/public/default/x/s?subscriptionType=Some", 400),
    ("consumer/persistent/public/default/x/s?receiverQueueSize=many", 400),
    ("producer/strange/public/default/x", 400), ("somebody/persistent/public/default/x", 400),
    ("producer/persistent/public/default/x?encryptionKeys=a", 400)])
def test_what_cannot_be_is_refused_before_the_upgrade(broker, path, status):
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        open_(broker, path)
    assert refused.value.status_code == status
    assert json.loads(refused.value.resp_body)["reason"]


def test_without_an_upgrade_the_answer_says_so(broker):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{broker.http_url}/ws/v2/producer/{T}x")
    assert refused.value.code == 426


@pytest.mark.parametrize("path, code", [("producer/persistent/public/nowhere/x", 4001),
                                        ("consumer/persistent/public/nowhere/x/s", 4002)])
def test_what_the_broker_refuses_closes_the_connection_with_the_reason(broker, path, code):
    ws = open_(broker, path)
    opcode, data = ws.recv_data()
    assert opcode == websocket.ABNF.OPCODE_CLOSE
    assert int.from_bytes(data[:2], "big") == code
    assert b"Failed to" in data[2:]


def test_what_is_no_command_closes_the_connection(broker):
    ws = open_(broker, f"consumer/{T}garbled/s")
    ws.send("???")
    opcode, data = ws.recv_data()
    assert opcode == websocket.ABNF.OPCODE_CLOSE and int.from_bytes(data[:2], "big") == 4003


def test_a_large_message_goes_both_ways(broker):
    text = "x" * 700_000
    reader = consume(broker, "large", "s")
    producer = open_(broker, f"producer/{T}large")
    assert send(producer, text)["result"] == "ok"
    assert payload(hear(reader)) == text
    producer.close()
    reader.close()


def test_a_peer_that_does_not_read_is_not_read_and_costs_others_nothing(broker):
    silent = consume(broker, "silent", "s", "subscriptionType=Shared")
    producer = open_(broker, f"producer/{T}silent")
    for i in range(50):
        assert send(producer, "y" * 500_000)["result"] == "ok"
    assert len(payload(hear(silent))) == 500_000  # it was still there
    producer.close()
    silent.close()


def test_beside_a_broker_the_service_alone_does_the_same(proxy):
    producer = open_(proxy, f"producer/{T}through")
    assert send(producer, "through")["result"] == "ok"
    reader = open_(proxy, f"reader/{T}through?messageId=earliest")
    assert payload(hear(reader)) == "through"  # both are still connected when it ends
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{proxy.http_url}/admin/v2/clusters")
    assert refused.value.code == 404
