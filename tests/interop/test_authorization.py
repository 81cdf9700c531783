# SPDX-License-Identifier: Apache-2.0
"""Who may what: roles by their tokens, with the official client and over HTTP; and what becomes of what is open."""
import base64
import itertools
import json
import urllib.error
import urllib.request
from contextlib import closing

import jwt
import pulsar
import pytest

from broker_process import SERVICE_URL, Broker, eventually
from conftest import new_client
from wire import CLOSE_CONSUMER, CLOSE_PRODUCER, CONNECT, CONNECTED, ERROR, PRODUCER, PRODUCER_SUCCESS, SHARED, \
    SUBSCRIBE, SUCCESS, Connection

pytestmark = pytest.mark.skipif(bool(SERVICE_URL), reason="the broker is not ours to configure")

SECRET = bytes(range(32))
AUTHORIZATION_ERROR = 4
numbers = itertools.count(1)


def token(role):
    return jwt.encode({"sub": role}, SECRET, algorithm="HS256")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    directory = tmp_path_factory.mktemp("guarded")
    conf = directory / "broker.conf"
    conf.write_text("authenticationEnabled=true\nauthorizationEnabled=true\nsuperUserRoles=root,other-root\n"
                    "authenticationProviders=org.apache.pulsar.broker.authentication.AuthenticationProviderToken\n"
                    f"tokenSecretKey=data:;base64,{base64.b64encode(SECRET).decode()}\n"
                    "proxyRoles=gate\nauthorizationAllowWildcardsMatching=true\n")
    it = Broker(directory, options=["-c", str(conf)])
    yield it
    it.stop()


def ask(broker, role, method, path, body=None):
    """The status, and the body or the reason."""
    request = urllib.request.Request(broker.http_url + path, method=method, data=None if body is None else
                                     json.dumps(body).encode(), headers={"Content-Type": "application/json"})
    if role:
        request.add_header("Authorization", f"Bearer {token(role)}")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        said = refusal.read().decode()
        return refusal.code, json.loads(said)["reason"] if said.startswith("{") else said


def done(broker, role, method, path, body=None):
    status, said = ask(broker, role, method, path, body)
    assert status in (200, 204), (status, said)
    return json.loads(said) if said else None


@pytest.fixture
def place(guarded):
    """A namespace of its own, in a tenant with an admin: "t7/n"."""
    tenant = f"t{next(numbers)}"
    done(guarded, "root", "PUT", f"/admin/v2/tenants/{tenant}", {"adminRoles": ["boss"], "allowedClusters": ["standalone"]})
    done(guarded, "boss", "PUT", f"/admin/v2/namespaces/{tenant}/n")
    return f"{tenant}/n"


@pytest.fixture
def enter(guarded):
    clients = []

    def one(role):
        clients.append(new_client(guarded.url, authentication=pulsar.AuthenticationToken(token(role)),
                                  operation_timeout_seconds=5))
        return clients[-1]

    yield one
    for client in clients:
        client.close()


def grant(broker, place, role, *actions):
    done(broker, "boss", "POST", f"/admin/v2/namespaces/{place}/permissions/{role}", list(actions))


def topics(broker, place):
    return done(broker, "root", "GET", f"/admin/v2/persistent/{place}")


def connect(broker, role, original=None):
    it = Connection(broker.port)
    it.send(CONNECT, (1, "wire test"), (4, 19), (5, "token"), (3, token(role)), (7, original))
    it.expect(CONNECTED)
    return it


# ---- namespaces and topics ----

def test_a_stranger_may_nothing_and_makes_nothing(guarded, place, enter):
    client = enter("stranger")
    for attempt in (lambda: client.create_producer(f"persistent://{place}/x"),
                    lambda: client.subscribe(f"persistent://{place}/x", "s"),
                    lambda: client.get_topic_partitions(f"persistent://{place}/x")):
        with pytest.raises(pulsar.AuthorizationError):
            attempt()
    assert topics(guarded, place) == []
    assert ask(guarded, "stranger", "GET", f"/admin/v2/namespaces/{place}/topics")[0] == 403
    assert ask(guarded, "stranger", "PUT", f"/admin/v2/persistent/{place}/x")[0] == 403
    assert ask(guarded, "stranger", "GET", f"/admin/v2/persistent/{place}/x/stats")[0] == 401
    assert ask(guarded, "stranger", "GET", "/admin/v2/tenants") == \
        (401, "Unauthorized to validateBothTenantOperationAndSuperUser for originalPrincipal [null] and clientAppId "
              "[stranger] about operation [LIST_TENANTS] on tenant []")
    assert ask(guarded, None, "GET", "/admin/v2/tenants")[0] == 401
    assert topics(guarded, place) == []


def test_who_may_produce_may_not_consume_and_the_other_way_round(guarded, place, enter):
    grant(guarded, place, "writer", "produce")
    grant(guarded, place, "reader", "consume")
    topic = f"persistent://{place}/x"
    consumer = enter("reader").subscribe(topic, "s")
    with pytest.raises(pulsar.AuthorizationError):
        enter("writer").subscribe(topic, "s2")
    with pytest.raises(pulsar.AuthorizationError):
        enter("reader").create_producer(topic)
    enter("writer").create_producer(topic).send(b"hello")
    assert consumer.receive(10000).data() == b"hello"
    assert enter("writer").get_topic_partitions(topic) == [topic]  # a lookup: either will do
    assert list(done(guarded, "reader", "GET", f"/admin/v2/persistent/{place}/x/subscriptions")) == ["s"]
    assert ask(guarded, "writer", "GET", f"/admin/v2/persistent/{place}/x/subscriptions")[0] == 401


def test_a_grant_on_a_partitioned_topic_is_one_on_its_partitions_and_on_no_other(guarded, place, enter):
    done(guarded, "boss", "PUT", f"/admin/v2/persistent/{place}/parts/partitions", 3)
    done(guarded, "boss", "PUT", f"/admin/v2/persistent/{place}/other")
    done(guarded, "boss", "POST", f"/admin/v2/persistent/{place}/parts/permissions/app", ["produce", "consume"])
    client = enter("app")
    consumer = client.subscribe(f"persistent://{place}/parts", "s")
    client.create_producer(f"persistent://{place}/parts").send(b"x")
    assert consumer.receive(10000).data() == b"x"
    assert done(guarded, "boss", "GET", f"/admin/v2/persistent/{place}/parts-partition-1/permissions")["app"] == \
        ["produce", "consume"]
    with pytest.raises(pulsar.AuthorizationError):
        client.create_producer(f"persistent://{place}/other")
    assert ask(guarded, "app", "GET", f"/admin/v2/namespaces/{place}/topics")[0] == 403  # that is the namespace's


def test_grants_on_a_topic_go_with_it(guarded, place, enter):
    done(guarded, "boss", "PUT", f"/admin/v2/persistent/{place}/x")
    done(guarded, "boss", "POST", f"/admin/v2/persistent/{place}/x/permissions/app", ["produce"])
    client = enter("app")
    client.create_producer(f"persistent://{place}/x").close()
    done(guarded, "boss", "DELETE", f"/admin/v2/persistent/{place}/x?force=true")
    with pytest.raises(pulsar.AuthorizationError):
        client.create_producer(f"persistent://{place}/x")
    assert topics(guarded, place) == []
    policies = done(guarded, "boss", "GET", f"/admin/v2/namespaces/{place}")
    assert policies["auth_policies"]["destination_auth"] == {}


def test_wildcards(guarded, place, enter):
    grant(guarded, place, "team.*", "produce")
    enter("team.one").create_producer(f"persistent://{place}/x").close()
    with pytest.raises(pulsar.AuthorizationError):
        enter("teams").create_producer(f"persistent://{place}/x")


# ---- subscriptions ----

def test_a_subscription_can_be_for_named_roles(guarded, place, enter):
    grant(guarded, place, "a", "consume")
    grant(guarded, place, "b", "consume")
    done(guarded, "boss", "POST", f"/admin/v2/namespaces/{place}/permissions/subscription/s", ["a"])
    enter("a").subscribe(f"persistent://{place}/x", "s").close()
    with pytest.raises(pulsar.AuthorizationError):
        enter("b").subscribe(f"persistent://{place}/x", "s")
    enter("b").subscribe(f"persistent://{place}/x", "free").close()
    path = f"/admin/v2/persistent/{place}/x/subscription/s"
    assert ask(guarded, "b", "DELETE", path)[0] == 401
    done(guarded, "a", "DELETE", path)


def test_in_prefix_mode_a_subscription_begins_with_the_roles_name(guarded, place, enter):
    grant(guarded, place, "app", "consume")
    done(guarded, "boss", "POST", f"/admin/v2/namespaces/{place}/subscriptionAuthMode", "Prefix")
    with pytest.raises(pulsar.AuthorizationError):
        enter("app").subscribe(f"persistent://{place}/x", "mine")
    enter("app").subscribe(f"persistent://{place}/x", "app-mine").close()
    enter("boss").subscribe(f"persistent://{place}/x", "whatever").close()


# ---- who administrates ----

def test_a_tenants_admin_may_all_in_it_and_nothing_beside_it(guarded, place, enter):
    client = enter("boss")
    consumer = client.subscribe(f"persistent://{place}/x", "s")
    client.create_producer(f"persistent://{place}/x").send(b"x")
    consumer.receive(10000)
    assert ask(guarded, "boss", "GET", "/admin/v2/brokers/configuration/runtime") == \
        (401, "This operation requires super-user access")
    assert ask(guarded, "boss", "PUT", "/admin/v2/tenants/another", {"adminRoles": [], "allowedClusters": ["standalone"]})[0] == 401
    assert ask(guarded, "boss", "GET", "/admin/v2/namespaces/public")[0] == 401
    with pytest.raises(pulsar.AuthorizationError):
        client.create_producer("persistent://public/default/x")
    assert client.get_topic_partitions(f"persistent://{place}/x")
    assert enter("root").create_producer("persistent://public/default/x")


def test_nobody_but_super_users_writes_what_the_broker_writes(guarded, place, enter):
    grant(guarded, place, "app", "produce")
    for role in ("app", "boss"):
        with pytest.raises(pulsar.AuthorizationError):
            enter(role).create_producer(f"persistent://{place}/__transaction_buffer_snapshot")


def test_super_users_can_be_changed_while_it_runs(guarded, place, enter):
    path = "/admin/v2/brokers/configuration/superUserRoles"
    assert ask(guarded, "late-root", "GET", "/admin/v2/tenants")[0] == 401
    done(guarded, "root", "POST", path + "/root,late-root")
    assert "public" in done(guarded, "late-root", "GET", "/admin/v2/tenants")
    assert ask(guarded, "other-root", "GET", "/admin/v2/tenants")[0] == 401
    done(guarded, "root", "DELETE", path)
    assert ask(guarded, "late-root", "GET", "/admin/v2/tenants")[0] == 401
    assert "public" in done(guarded, "other-root", "GET", "/admin/v2/tenants")


# ---- proxies, and rights that are lost: byte by byte ----

def produce(connection, topic, producer=1):
    connection.send(PRODUCER, (1, topic), (2, producer), (3, 1000 + producer))


def test_a_proxy_may_what_it_and_its_client_may(guarded, place):
    topic = f"persistent://{place}/x"
    grant(guarded, place, "app", "produce")
    with closing(connect(guarded, "gate", original="app")) as proxied:
        produce(proxied, topic)
        assert proxied.expect(ERROR)[2] == [AUTHORIZATION_ERROR]
    grant(guarded, place, "gate", "produce")
    with closing(connect(guarded, "gate", original="app")) as proxied:
        produce(proxied, topic)
        proxied.expect(PRODUCER_SUCCESS)
    with closing(connect(guarded, "gate", original="stranger")) as proxied:
        produce(proxied, topic)
        answer = proxied.expect(ERROR)
        assert answer[2] == [AUTHORIZATION_ERROR] and answer[3] == [b"Client is not authorized to Produce"]


def test_a_right_that_is_lost_closes_the_producer_and_the_consumer(guarded, place):
    topic = f"persistent://{place}/x"
    grant(guarded, place, "app", "produce", "consume")
    with closing(connect(guarded, "app")) as it:
        produce(it, topic)
        it.expect(PRODUCER_SUCCESS)
        it.send(SUBSCRIBE, (1, topic), (2, "s"), (3, SHARED), (4, 1), (5, 2))
        it.expect(SUCCESS)
        grant(guarded, place, "app", "consume")
        it.expect(CLOSE_PRODUCER)
        done(guarded, "boss", "DELETE", f"/admin/v2/namespaces/{place}/permissions/app")
        it.expect(CLOSE_CONSUMER)
        produce(it, topic, 2)
        assert it.expect(ERROR)[2] == [AUTHORIZATION_ERROR]


def test_an_official_client_that_lost_its_right_stays_out(guarded, place, enter):
    topic = f"persistent://{place}/x"
    grant(guarded, place, "app", "produce", "consume")
    client = enter("app")
    producer, consumer = client.create_producer(topic), client.subscribe(topic, "s")
    producer.send(b"x")
    assert consumer.receive(10000).data() == b"x"
    done(guarded, "boss", "DELETE", f"/admin/v2/namespaces/{place}/permissions/app")

    def nobody_is_there():
        stats = done(guarded, "boss", "GET", f"/admin/v2/persistent/{place}/x/stats")
        return not stats["publishers"] and not stats["subscriptions"]["s"]["consumers"]

    eventually(nobody_is_there)
    with pytest.raises(pulsar.AuthorizationError):
        client.create_producer(topic)
