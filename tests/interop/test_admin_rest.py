# SPDX-License-Identifier: Apache-2.0
"""Clusters, tenants, namespaces and what hangs from them over HTTP, where the way through HTTP itself matters: names
with slashes and spaces, empty answers, long walks, and what is there after a kill."""
import urllib.parse

import pytest

from test_admin import get, request

pytestmark = pytest.mark.usefixtures("only_geminga")

LOCAL = {"allowedClusters": ["standalone"]}
NAMESPACES = "/admin/v2/namespaces"


def ok(broker, method, path, body=None, status=204):
    got, answer = request(broker, method, path, body)
    assert got == status, answer
    return answer


def test_a_cluster_is_made_with_200_and_an_empty_answer(broker):
    assert ok(broker, "PUT", "/admin/v2/clusters/east", {"serviceUrl": "http://east:8080"}, 200) == ""
    assert get(broker, "/admin/v2/clusters/east")["serviceUrl"] == "http://east:8080"
    own = get(broker, "/admin/v2/clusters/standalone")
    assert own["serviceUrl"] == broker.http_url
    assert own["brokerServiceUrl"].startswith("pulsar://")
    ok(broker, "DELETE", "/admin/v2/clusters/east")
    assert "east" not in get(broker, "/admin/v2/clusters")


def test_names_with_spaces_and_slashes_arrive_as_they_are(broker):
    ok(broker, "PUT", NAMESPACES + "/public/default/property/a%20key/a%2Bvalue")
    assert get(broker, NAMESPACES + "/public/default/properties") == {"a key": "a+value"}
    ok(broker, "DELETE", NAMESPACES + "/public/default/properties")
    role = urllib.parse.quote("CN=a, O=b", safe="")
    ok(broker, "POST", f"{NAMESPACES}/public/default/permissions/{role}", ["produce"])
    assert get(broker, NAMESPACES + "/public/default/permissions") == {"CN=a, O=b": ["produce"]}
    ok(broker, "DELETE", f"{NAMESPACES}/public/default/permissions/{role}")


@pytest.fixture
def forceful_broker(monkeypatch, own_broker):
    """One that deletes namespaces and tenants with all that is in them."""
    monkeypatch.setenv("GEMINGA_FORCE_DELETE_NAMESPACE_ALLOWED", "true")
    monkeypatch.setenv("GEMINGA_FORCE_DELETE_TENANT_ALLOWED", "true")
    own_broker.stop()
    own_broker.start(own_broker.port, own_broker.http_port)
    return own_broker


def test_a_namespace_of_many_topics_is_unloaded_emptied_and_deleted(forceful_broker):
    own_broker = forceful_broker
    ok(own_broker, "PUT", "/admin/v2/tenants/acme", LOCAL)
    ok(own_broker, "PUT", NAMESPACES + "/acme/many")
    ok(own_broker, "PUT", "/admin/v2/persistent/acme/many/p/partitions", 300)
    for n in range(20):
        ok(own_broker, "PUT", f"/admin/v2/persistent/acme/many/x{n}")
    assert len(get(own_broker, NAMESPACES + "/acme/many/topics")) == 320
    ok(own_broker, "POST", NAMESPACES + "/acme/many/clearBacklog")
    ok(own_broker, "PUT", NAMESPACES + "/acme/many/unload")
    assert request(own_broker, "DELETE", NAMESPACES + "/acme/many")[0] == 409
    ok(own_broker, "DELETE", NAMESPACES + "/acme/many?force=true")
    ok(own_broker, "PUT", NAMESPACES + "/acme/few")
    ok(own_broker, "PUT", "/admin/v2/persistent/acme/few/x")
    ok(own_broker, "DELETE", "/admin/v2/tenants/acme?force=true")
    own_broker.kill()
    own_broker.start(own_broker.port, own_broker.http_port)
    assert get(own_broker, "/admin/v2/tenants") == ["public", "pulsar"]


def test_policies_that_are_kept_are_there_after_a_kill(own_broker):
    ok(own_broker, "PUT", "/admin/v2/clusters/east", {"serviceUrl": "http://east:8080"}, 200)
    ok(own_broker, "POST", "/admin/v2/tenants/public", {"allowedClusters": ["standalone", "east"]})
    ok(own_broker, "POST", NAMESPACES + "/public/default/replication", ["standalone", "east"])
    ok(own_broker, "POST", NAMESPACES + "/public/default/antiAffinity", "group")
    own_broker.kill()
    own_broker.start(own_broker.port, own_broker.http_port)
    assert get(own_broker, NAMESPACES + "/public/default")["replication_clusters"] == ["standalone", "east"]
    found = get(own_broker, NAMESPACES + "/standalone/antiAffinity/group?tenant=public")
    assert found == ["public/default"]


@pytest.mark.parametrize("method, path, status, reason", [
    ("GET", "/admin/v2/clusters/moon", 404, "Cluster does not exist"),
    ("PUT", "/admin/v2/tenants/x", 412, "Clusters can not be empty"),
    ("DELETE", "/admin/v2/tenants/nobody", 404, "Tenant doesn't exist"),
    ("DELETE", "/admin/v2/tenants/public?force=true", 405, "Broker doesn't allow forced deletion of tenants"),
    ("DELETE", NAMESPACES + "/public/default?force=true", 405, "Broker doesn't allow forced deletion of namespaces"),
    ("PUT", NAMESPACES + "/public/default/0x00000000_0x00000001/unload", 412, "Invalid upper boundary for bundle"),
    ("GET", "/admin/v3/sinks/public/default/s/status", 409,
     "Pulsar Function Worker is not enabled, probably functionsWorkerEnabled is set to false"),
])
def test_what_cannot_be_is_refused_in_pulsars_words(broker, method, path, status, reason):
    assert request(broker, method, path) == (status, {"reason": reason})


def test_an_option_is_changed_while_the_broker_runs_and_stays_so(own_broker, connect):
    brokers = "/admin/v2/brokers"
    assert "allowAutoSubscriptionCreation" in get(own_broker, brokers + "/configuration")
    ok(own_broker, "POST", brokers + "/configuration/maxTopicsPerNamespace/1", status=200)
    ok(own_broker, "PUT", "/admin/v2/persistent/public/default/one")
    assert request(own_broker, "PUT", "/admin/v2/persistent/public/default/two")[0] == 412
    assert get(own_broker, brokers + "/configuration/runtime")["maxTopicsPerNamespace"] == "1"
    own_broker.kill()
    own_broker.start(own_broker.port, own_broker.http_port)
    assert request(own_broker, "PUT", "/admin/v2/persistent/public/default/two")[0] == 412
    assert get(own_broker, brokers + "/configuration/values") == {"maxTopicsPerNamespace": "1"}
    ok(own_broker, "DELETE", brokers + "/configuration/maxTopicsPerNamespace")
    ok(own_broker, "PUT", "/admin/v2/persistent/public/default/two")
    ok(own_broker, "POST", brokers + "/configuration/maxTopicsPerNamespace/-1", status=412)
    ok(own_broker, "POST", brokers + "/configuration/brokerServicePort/1", status=412)


def test_the_broker_ends_when_a_request_asks_for_it(own_broker):
    ok(own_broker, "POST", "/admin/v2/brokers/shutdown?forcedTerminateTopic=true")
    assert own_broker.process.wait(60) == 0
    own_broker.start(own_broker.port, own_broker.http_port)
    assert get(own_broker, "/admin/v2/brokers/ready") == "ok"


def test_figures_of_many_topics_come_by_bundle(broker, client):
    for n in range(30):
        producer = client.create_producer(f"many-figures-{n}", batching_enabled=False)
        producer.send(b"x")
    namespace = get(broker, "/admin/v2/broker-stats/topics")["public/default"]
    topics = {name for bundle in namespace.values() for name in bundle.get("persistent", {})}
    assert {f"persistent://public/default/many-figures-{n}" for n in range(30)} <= topics
