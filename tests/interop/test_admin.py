# SPDX-License-Identifier: Apache-2.0
"""The HTTP side of a running broker: admin, lookup, metrics, health; and the official client that looks up over HTTP."""
import concurrent.futures
import http.client
import json
import re
import socket
import urllib.parse

import pulsar
import pytest

from rest import get, path_of, request

pytestmark = pytest.mark.usefixtures("only_geminga")

SECONDS = 30


def test_a_broker_that_serves_is_healthy(broker):
    assert get(broker, "/admin/v2/brokers/health") == "ok"
    assert get(broker, "/admin/v2/brokers/ready") == "ok"
    assert get(broker, "/health/pulsar")["pulsar_broker"] == "healthy"
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", get(broker, "/admin/v2/brokers/version"))
    assert get(broker, "/admin/v2/clusters") == ["standalone"]


def test_tenants_and_namespaces_are_made_as_the_client_suites_make_them(broker):
    assert request(broker, "PUT", "/admin/v2/tenants/acme",
                   {"adminRoles": ["boss"], "allowedClusters": ["standalone"]})[0] == 204
    assert "acme" in get(broker, "/admin/v2/tenants")
    assert get(broker, "/admin/v2/tenants/acme")["adminRoles"] == ["boss"]
    policies = {"auth_policies": {"namespace_auth": {"anonymous": ["produce", "consume"]}},
                "replication_clusters": ["standalone"]}
    assert request(broker, "PUT", "/admin/v2/namespaces/acme/one", policies)[0] == 204
    assert request(broker, "PUT", "/admin/v2/namespaces/acme/one", policies)[0] == 409
    assert get(broker, "/admin/v2/namespaces/acme") == ["acme/one"]
    assert get(broker, "/admin/v2/namespaces/acme/one")["replication_clusters"] == ["standalone"]
    assert request(broker, "DELETE", "/admin/v2/tenants/acme")[0] == 409
    assert request(broker, "DELETE", "/admin/v2/namespaces/acme/one")[0] == 204
    assert request(broker, "DELETE", "/admin/v2/tenants/acme")[0] == 204


def test_what_was_made_over_http_is_there_after_a_restart(own_broker):
    assert request(own_broker, "PUT", "/admin/v2/tenants/acme", {"allowedClusters": ["standalone"]})[0] == 204
    assert request(own_broker, "PUT", "/admin/v2/namespaces/acme/one")[0] == 204
    assert request(own_broker, "PUT", "/admin/v2/persistent/acme/one/x")[0] == 204
    own_broker.kill()
    own_broker.start(own_broker.port, own_broker.http_port)
    assert get(own_broker, "/admin/v2/persistent/acme/one") == ["persistent://acme/one/x"]


def test_a_topic_is_made_seen_and_deleted(broker, topic):
    assert request(broker, "PUT", path_of(topic))[0] == 204
    assert request(broker, "PUT", path_of(topic))[0] == 409
    assert topic in get(broker, "/admin/v2/persistent/public/default")
    assert topic in get(broker, "/admin/v2/namespaces/public/default/topics?mode=ALL")
    assert get(broker, path_of(topic) + "/partitions") == {"partitions": 0, "deleted": False}
    assert request(broker, "DELETE", path_of(topic))[0] == 204
    assert request(broker, "GET", path_of(topic) + "/stats")[0] == 404


def test_stats_say_what_clients_do(broker, client, topic):
    consumer = client.subscribe(topic, "sub one", consumer_name="reader")
    producer = client.create_producer(topic, producer_name="writer")
    for i in range(10):
        producer.send(b"x" * 100)
    consumer.acknowledge_cumulative([consumer.receive(SECONDS * 1000) for _ in range(10)][3])
    stats = get(broker, path_of(topic) + "/stats")
    assert stats["msgInCounter"] == 10
    assert stats["storageSize"] > 1000
    [publisher] = stats["publishers"]
    assert publisher["producerName"] == "writer" and publisher["clientVersion"]
    subscription = stats["subscriptions"]["sub one"]
    assert subscription["type"] == "Exclusive" and subscription["durable"] and subscription["isDurable"]
    assert subscription["consumers"][0]["consumerName"] == "reader"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", subscription["consumers"][0]["connectedSince"])
    assert get(broker, path_of(topic) + "/subscriptions") == ["sub one"]
    status, body = request(broker, "DELETE", path_of(topic))
    assert status == 412 and body["reason"]
    assert request(broker, "DELETE", path_of(topic) + "?force=true")[0] == 204


def test_a_name_with_blanks_and_percents_is_one_name(broker, client):
    name = "persistent://public/default/50% of it é"
    client.create_producer(name).close()
    quoted = "/admin/v2/persistent/public/default/" + urllib.parse.quote("50% of it é", safe="")
    assert get(broker, quoted + "/subscriptions") == []
    assert name in get(broker, "/admin/v2/persistent/public/default")


def test_lookup_tells_where_the_topic_is(broker, topic):
    found = get(broker, "/lookup/v2/topic/" + topic.replace("://", "/"))
    assert found["brokerUrl"] == found["nativeUrl"] == broker.url
    assert found["httpUrl"] == broker.http_url
    assert found["brokerUrlSsl"] == ""
    assert request(broker, "GET", "/lookup/v2/topic/persistent/no/where/x")[0] == 404


def test_the_official_client_can_look_up_over_http(broker, connect, topic):
    client = connect(broker.http_url)
    consumer = client.subscribe(topic, "s")
    client.create_producer(topic).send(b"over http")
    assert consumer.receive(SECONDS * 1000).data() == b"over http"


def test_the_official_client_finds_topics_by_pattern_over_http(broker, connect, topic):
    client = connect(broker.http_url)
    client.create_producer(topic + "-a").close()
    consumer = client.subscribe(re.compile(re.escape(topic) + "-.*"), "s",
                                initial_position=pulsar.InitialPosition.Earliest)
    client.create_producer(topic + "-a").send(b"found")
    assert consumer.receive(SECONDS * 1000).data() == b"found"


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/", 404),
    ("GET", "/admin/v2/nothing", 404),
    ("GET", "/admin/v2/persistent/public/default/x/nothing", 404),
    ("POST", "/admin/v2/clusters", 405),
    ("PUT", "/admin/v2/persistent/public/default/x/partitions", 412),
    ("POST", "/admin/v2/persistent/public/default/x/subscriptions", 405),
    ("GET", "/admin/v2/tenants/nobody", 404),
    ("GET", "/admin/v2/namespaces/nobody", 404),
    ("GET", "/admin/v2/persistent/public/nowhere", 404),
    ("GET", "/admin/v2/persistent/public/default/nothing/stats", 404),
    ("PUT", "/admin/v2/persistent/public/nowhere/x", 404),
    ("PUT", "/admin/v2/tenants/not%20a%20name", 412),
])
def test_what_cannot_be_is_refused_with_a_reason(broker, method, path, status):
    got, body = request(broker, method, path)
    assert got == status
    assert list(body) == ["reason"] and body["reason"]


def test_a_body_that_is_no_json_or_too_large_is_refused(broker):
    connection = http.client.HTTPConnection("localhost", broker.http_port, timeout=SECONDS)
    connection.request("PUT", "/admin/v2/tenants/x", b"{")
    answer = connection.getresponse()
    assert answer.status == 400 and "not JSON" in json.loads(answer.read())["reason"]
    connection.putrequest("PUT", "/admin/v2/tenants/x")
    connection.putheader("Content-Length", str(1 << 30))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_many_connections_at_once_are_all_answered(broker):
    idle = [socket.create_connection(("localhost", broker.http_port)) for _ in range(40)]
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        assert set(pool.map(lambda _: get(broker, "/admin/v2/brokers/health"), range(200))) == {"ok"}
    for one in idle:
        one.close()


def test_an_orderly_stop_does_not_wait_for_http_connections(own_broker):
    connection = socket.create_connection(("localhost", own_broker.http_port))
    connection.sendall(b"GET /metrics HTTP/1.1\r\n")
    assert get(own_broker, "/admin/v2/brokers/ready") == "ok"
    own_broker.stop()
    connection.close()
