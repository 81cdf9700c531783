# SPDX-License-Identifier: Apache-2.0
"""HTTP and WebSockets: TLS, who somebody is, pages of others in a browser, and too many requests."""
import base64
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import time
import types
import urllib.error
import urllib.request

import jwt
import pytest
import websocket

import certificates
from broker_process import DIES_WITH_PARENT, PROGRAM, SERVICE_URL, Broker, eventually
from certificates import HERE, Authority

pytestmark = pytest.mark.skipif(bool(SERVICE_URL), reason="the broker is not ours to configure")

SECONDS = 30
SECRET = b"0123456789abcdef0123456789abcdef"
CLUSTERS = "/admin/v2/clusters"
TOPIC = "persistent/public/default/"
PASSWORDS = {"admin": "secret", "alice": "wonder"}


# ---- asking ----

def trusting(certs, issued=None):
    context = ssl.create_default_context(cafile=certs.trust)
    if issued:
        context.load_cert_chain(issued.certificate, issued.key)
    return context


def ask(broker, path=CLUSTERS, method="GET", body=None, headers=None, context=None):
    """Status, headers, body."""
    url = broker.https_url if context else broker.http_url
    request = urllib.request.Request(url + path, data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS, context=context) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def status(*words, **options):
    return ask(*words, **options)[0]


def raw(broker, request):
    """The answer to these bytes: status, headers, body."""
    with socket.create_connection(("127.0.0.1", broker.http_port), timeout=SECONDS) as connection:
        connection.sendall(request)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, answer.headers, answer.read()


# ---- what is shown ----

def token(role="admin", key=SECRET, **claims):
    return jwt.encode({"sub": role, **claims}, key, algorithm="HS256")


def bearer(*words, **claims):
    return {"Authorization": "Bearer " + token(*words, **claims)}


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def unsigned(role="admin"):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
    return f"{part({'alg': 'none'})}.{part({'sub': role})}."


def tampered():
    head, payload, signature = token("alice").split(".")
    return ".".join([head, token("admin").split(".")[1], signature])


def wrong_tokens():
    return {
        "expired": token(exp=int(time.time()) - 3600),
        "not yet": token(nbf=int(time.time()) + 3600),
        "tampered": tampered(),
        "of another key": token(key=b"x" * 32),
        "unsigned": unsigned(),
        "for nobody": token(aud="somebody-else"),
        "without an audience": jwt.encode({"sub": "admin"}, SECRET, algorithm="HS256"),
        "nonsense": "nonsense",
        "empty": "",
    }


# ---- brokers ----

@pytest.fixture(scope="module")
def certs(tmp_path_factory):
    return certificates.make(tmp_path_factory.mktemp("certificates"))


def tls_options(certs, *more):
    return ["--https-port", "0", "--tls-certificate-file", certs.broker.certificate, "--tls-key-file", certs.broker.key,
            *more]


def write_config(directory, **keys):
    path = directory / "more.conf"
    path.write_text("".join(f"{key}={value}\n" for key, value in keys.items()))
    return ["--config", str(path)]


def write_toml(directory, line):
    path = directory / "more.toml"
    path.write_text(f"[broker]\n{line}\n")
    return ["--config", str(path)]


def write_passwords(directory):
    path = directory / "htpasswd"
    lines = []
    for user, password in PASSWORDS.items():
        crypted = subprocess.run(["openssl", "passwd", "-apr1", password], capture_output=True, text=True, check=True)
        lines.append(f"{user}:{crypted.stdout.strip()}\n")
    path.write_text("".join(lines))
    return path


@pytest.fixture(scope="module")
def guarded(certs, tmp_path_factory):
    """Tokens (for the audience `bus`), passwords and certificates; HTTPS beside HTTP."""
    directory = tmp_path_factory.mktemp("guarded")
    secret = directory / "secret.key"
    secret.write_bytes(SECRET)
    config = write_config(
        directory, authenticationEnabled="true",
        authenticationProviders=",".join("org.apache.pulsar.broker.authentication.AuthenticationProvider" + name
                                         for name in ("Token", "Basic", "Tls")),
        tokenSecretKey=f"file://{secret}", tokenAudienceClaim="aud", tokenAudience="bus", proxyRoles="proxy",
        basicAuthConf=f"file://{write_passwords(directory)}", httpMaxRequestHeaderSize="32768")
    it = Broker(directory, options=[*tls_options(certs, "--tls-trust-file", certs.trust), *config])
    yield it
    it.stop()


@pytest.fixture(scope="module")
def open_broker(tmp_path_factory):
    it = Broker(tmp_path_factory.mktemp("open"))
    yield it
    it.stop()


@pytest.fixture
def start(tmp_path):
    started = []

    def one(*options, http_port=0, **keys):
        directory = tmp_path / str(len(started))
        directory.mkdir()
        config = write_config(directory, **keys) if keys else []
        started.append(Broker(directory, http_port=http_port, options=[*options, *config]))
        return started[-1]

    yield one
    for broker in started:
        broker.stop()


# ---- who it is ----

def test_a_good_token_a_good_password_and_a_good_certificate_are_let_in(guarded, certs):
    assert status(guarded, headers=bearer(aud="bus")) == 200
    assert status(guarded, headers=basic("admin", "secret")) == 200
    assert status(guarded, context=trusting(certs, certs.client)) == 200
    assert status(guarded, context=trusting(certs), headers=bearer(aud="bus")) == 200


@pytest.mark.parametrize("kind", wrong_tokens())
def test_a_token_that_is_not_to_be_believed_is_refused(guarded, kind):
    code, headers, body = ask(guarded, headers={"Authorization": "Bearer " + wrong_tokens()[kind]})
    assert code == 401 and json.loads(body) == {"reason": "Authentication required"}
    assert "Bearer" in headers["WWW-Authenticate"] and headers["Cache-Control"] == "no-store"


def test_nothing_a_wrong_password_and_a_strangers_certificate_are_refused(guarded, certs, tmp_path):
    assert status(guarded) == 401
    assert status(guarded, context=trusting(certs)) == 401
    assert status(guarded, headers=basic("admin", "wrong")) == 401
    assert status(guarded, headers=basic("nobody", "secret")) == 401
    assert status(guarded, headers={"Authorization": "Basic %%%"}) == 401
    assert status(guarded, headers={"Authorization": token(aud="bus")}) == 401
    stranger = Authority(tmp_path, common_name="Test authority").issue("stranger", "admin")
    with pytest.raises((urllib.error.URLError, ConnectionError, ssl.SSLError)):
        ask(guarded, context=trusting(certs, stranger))


def test_a_token_as_a_parameter_counts_for_nothing_outside_of_websockets(guarded):
    assert status(guarded, path=f"{CLUSTERS}?token={token(aud='bus')}") == 401


def test_the_method_that_is_named_decides_alone(guarded, certs):
    context = trusting(certs, certs.client)
    assert status(guarded, context=context, headers={"X-Pulsar-Auth-Method-Name": "tls"}) == 200
    assert status(guarded, context=context, headers={"X-Pulsar-Auth-Method-Name": "token"}) == 401
    assert status(guarded, context=context, headers={"X-Pulsar-Auth-Method-Name": "athenz"}) == 401


def test_a_proxy_says_for_whom_it_asks_and_nobody_else_may(guarded):
    assert status(guarded, headers={**bearer("proxy", aud="bus"), "X-Original-Principal": "alice"}) == 200
    assert status(guarded, headers=bearer("proxy", aud="bus")) == 401
    assert status(guarded, headers={**bearer("alice", aud="bus"), "X-Original-Principal": "bob"}) == 401


def test_a_long_token_is_taken_where_heads_may_be_long(guarded):
    assert status(guarded, headers=bearer(aud="bus", groups="g" * 12000)) == 200
    assert status(guarded, headers=bearer(aud="somebody-else", groups="g" * 12000)) == 401


def test_what_machines_look_at_is_open_and_metrics_too_if_nobody_says_otherwise(guarded, start, tmp_path):
    assert status(guarded, path="/metrics") == 200
    assert status(guarded, path="/health/pulsar") == 200
    assert status(guarded, path="/status.html") == 404  # there is no file
    assert status(guarded, path="/lookup/v2/topic/persistent/public/default/t") == 401
    secret = tmp_path / "secret.key"
    secret.write_bytes(SECRET)
    closed = start(authenticationEnabled="true", authenticationProviders="token", tokenSecretKey=f"file://{secret}",
                   authenticateMetricsEndpoint="true")
    assert status(closed, path="/metrics") == 401
    assert status(closed, path="/metrics", headers=bearer()) == 200


def test_credentials_are_in_no_log(guarded):
    shown = [token(aud="bus"), token(aud="bus", key=b"y" * 32), base64.b64encode(b"admin:secret").decode(),
             base64.b64encode(b"admin:sesame").decode()]
    for one in shown[:2]:
        ask(guarded, headers={"Authorization": f"Bearer {one}"})
        with pytest.raises((websocket.WebSocketException, OSError)):
            open_socket(guarded, f"producer/{TOPIC}x?token={one[:-3]}AAA").recv()
    for one in shown[2:]:
        ask(guarded, headers={"Authorization": f"Basic {one}"})
    log = guarded.log.read_text()
    assert not [one for one in shown if one in log or one.split(".")[-1] in log]
    assert "sesame" not in log


# ---- WebSockets ----

def open_socket(broker, path, header=None, context=None, **options):
    url = broker.https_url if context else broker.http_url
    sslopt = {"context": context} if context else None
    return websocket.create_connection(f"ws{url[4:]}/ws/v2/{path}", timeout=SECONDS, header=header or [],
                                       sslopt=sslopt, **options)


def lines(headers):
    return [f"{name}: {value}" for name, value in headers.items()]


def refused_socket(*words, **options):
    with pytest.raises(websocket.WebSocketBadStatusException) as it:
        open_socket(*words, **options)
    return it.value.status_code


def send(ws, text):
    ws.send(json.dumps({"payload": base64.b64encode(text.encode()).decode()}))
    return json.loads(ws.recv())["result"]


@pytest.mark.parametrize("shown", ["token", "parameter", "password", "https"])
def test_a_websocket_produces_for_who_shows_something_good(guarded, certs, shown):
    good = token("alice", aud="bus")
    path = f"producer/{TOPIC}ws-{shown}"
    if shown == "parameter":
        ws = open_socket(guarded, f"{path}?token={good}")
    elif shown == "password":
        ws = open_socket(guarded, path, header=lines(basic("alice", "wonder")))
    else:
        ws = open_socket(guarded, path, header=lines({"Authorization": f"Bearer {good}"}),
                         context=trusting(certs) if shown == "https" else None)
    assert send(ws, "hello") == "ok"
    ws.close()


def test_a_websocket_consumes_for_who_shows_something_good(guarded):
    consumer = open_socket(guarded, f"consumer/{TOPIC}ws-both/sub?token={token('bob', aud='bus')}")
    producer = open_socket(guarded, f"producer/{TOPIC}ws-both?token={token('alice', aud='bus')}")
    assert send(producer, "hello") == "ok"
    assert base64.b64decode(json.loads(consumer.recv())["payload"]) == b"hello"
    producer.close()
    consumer.close()


@pytest.mark.parametrize("kind", wrong_tokens())
def test_a_websocket_is_refused_before_the_upgrade(guarded, kind):
    wrong = wrong_tokens()[kind]
    assert refused_socket(guarded, f"producer/{TOPIC}x?token={wrong}") == 401
    assert refused_socket(guarded, f"consumer/{TOPIC}x/s", header=[f"Authorization: Bearer {wrong}"]) == 401


def test_a_websocket_of_nobody_is_refused(guarded, certs):
    assert refused_socket(guarded, f"producer/{TOPIC}x") == 401
    assert refused_socket(guarded, f"reader/{TOPIC}x", header=["Authorization: Digest x"]) == 401
    # A certificate cannot be passed on to the broker.
    assert refused_socket(guarded, f"producer/{TOPIC}x", context=trusting(certs, certs.client)) == 401


def test_a_wrong_password_closes_the_websocket(guarded):
    """It takes long to look at: the broker does so, after the upgrade."""
    ws = open_socket(guarded, f"producer/{TOPIC}x", header=lines(basic("alice", "wrong")))
    opcode, data = ws.recv_data()
    assert opcode == websocket.ABNF.OPCODE_CLOSE and int.from_bytes(data[:2], "big") == 4001


@pytest.fixture
def proxy(guarded):
    """`geminga websocket` in front of it, which shows nothing of its own."""
    process = subprocess.Popen([*DIES_WITH_PARENT, PROGRAM, "websocket", "--service-url", guarded.url, "--http-port", "0"],
                               stdout=subprocess.PIPE, text=True)
    port = re.search(r"on port (\d+)", process.stdout.readline()).group(1)
    yield types.SimpleNamespace(http_url=f"http://127.0.0.1:{port}")
    process.terminate()
    assert process.wait(SECONDS) == 0


def test_a_proxy_of_websockets_passes_on_what_is_shown(proxy):
    for good in ({"Authorization": "Bearer " + token("alice", aud="bus")}, basic("alice", "wonder")):
        ws = open_socket(proxy, f"producer/{TOPIC}proxied", header=lines(good))
        assert send(ws, "hello") == "ok"
        ws.close()
    for wrong in ({"Authorization": "Bearer " + tampered()}, basic("alice", "wrong"), {}):
        ws = open_socket(proxy, f"producer/{TOPIC}proxied", header=lines(wrong))
        opcode, data = ws.recv_data()  # the broker decides
        assert opcode == websocket.ABNF.OPCODE_CLOSE and int.from_bytes(data[:2], "big") == 4001
    assert refused_socket(proxy, f"producer/{TOPIC}proxied", header=["Authorization: Digest x"]) == 401


def test_a_role_that_may_not_has_no_websocket(start, tmp_path):
    secret = tmp_path / "secret.key"
    secret.write_bytes(SECRET)
    broker = start(authenticationEnabled="true", authenticationProviders="token", tokenSecretKey=f"file://{secret}",
                   authorizationEnabled="true", superUserRoles="admin")
    permissions = "/admin/v2/namespaces/public/default/permissions/alice"
    assert status(broker, path=permissions, method="POST", body=b'["produce"]', headers={
        **bearer("admin"), "Content-Type": "application/json"}) == 204
    producer = open_socket(broker, f"producer/{TOPIC}may?token={token('alice')}")
    assert send(producer, "hello") == "ok"
    producer.close()
    assert refused_socket(broker, f"consumer/{TOPIC}may/sub?token={token('alice')}") == 403
    assert refused_socket(broker, f"reader/{TOPIC}may?token={token('alice')}") == 403
    assert refused_socket(broker, f"producer/{TOPIC}may?token={token('bob')}") == 403
    consumer = open_socket(broker, f"consumer/{TOPIC}may/sub?token={token('admin')}")
    consumer.close()
    assert status(broker, path="/admin/v2/tenants", headers=bearer("alice")) in (401, 403)
    assert [status(broker, path=p) for p in ("/metrics", "/health/pulsar")] == [200, 200]  # open, as without


# ---- pages of others ----

def put_tenant(broker, name, **headers):
    return status(broker, path=f"/admin/v2/tenants/{name}", method="PUT", body=b'{"allowedClusters":["standalone"]}',
                  headers={"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}})


def test_a_page_of_another_site_changes_nothing(open_broker):
    own = open_broker.http_url
    assert put_tenant(open_broker, "a") == 204
    assert put_tenant(open_broker, "b", Origin=own, Sec_Fetch_Site="same-origin") == 204
    assert put_tenant(open_broker, "c", Origin="http://evil.example") == 403
    assert put_tenant(open_broker, "c", Origin="null") == 403
    assert put_tenant(open_broker, "c", Sec_Fetch_Site="cross-site") == 403
    assert put_tenant(open_broker, "c", Origin="http://localhost:1") == 403
    code, _, body = ask(open_broker, path="/admin/v2/tenants/a", method="DELETE", headers={"Origin": "http://evil.example"})
    assert code == 403 and "http_trusted_sites" in json.loads(body)["reason"]
    tenants = json.loads(ask(open_broker, path="/admin/v2/tenants")[2])
    assert "a" in tenants and "b" in tenants and "c" not in tenants


def test_a_page_of_another_site_opens_no_websocket(open_broker, guarded):
    assert refused_socket(open_broker, f"producer/{TOPIC}x", origin="http://evil.example") == 403
    open_socket(open_broker, f"producer/{TOPIC}x", origin=open_broker.http_url).close()
    # ... but with a token, which no browser adds by itself.
    open_socket(guarded, f"producer/{TOPIC}x?token={token(aud='bus')}", origin="http://app.example").close()
    assert refused_socket(guarded, f"producer/{TOPIC}x", origin="http://app.example",
                          header=lines(basic("alice", "wonder"))) == 403


@pytest.mark.parametrize("host, code", [(b"localhost:8080", 200), (b"127.0.0.1", 200), (b"pulsar:8080", 200),
                                        (b"evil.example:8080", 403), (b"127.0.0.1.evil.example", 403)])
def test_a_name_that_was_pointed_at_this_machine_is_not_ours(open_broker, host, code):
    assert raw(open_broker, b"GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"
               % (CLUSTERS.encode(), host))[0] == code


def test_sites_that_are_trusted_may(start, tmp_path):
    broker = start(*write_toml(tmp_path, 'http_trusted_sites = "console.example.com"'))
    assert put_tenant(broker, "a", Origin="https://console.example.com") == 204
    assert put_tenant(broker, "b", Origin="https://evil.example.com") == 403


def test_browsers_are_told_not_to_guess_and_not_to_keep(open_broker):
    _, headers, _ = ask(open_broker)
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Cache-Control"] == "no-store"


def test_trace_is_not_answered(open_broker):
    code, _, body = raw(open_broker, b"TRACE / HTTP/1.1\r\nHost: localhost\r\nX-Secret: x\r\n\r\n")
    assert code in (400, 405) and b"X-Secret" not in body


# ---- too much ----

def test_an_address_may_ask_so_often(start):
    broker = start(httpRequestsLimitEnabled="true", httpRequestsMaxPerSecond="5.0")
    codes = [status(broker, path="/metrics") for _ in range(30)]
    assert codes[:3] == [200] * 3 and 429 in codes
    eventually(lambda: status(broker, path="/metrics") == 200)


def test_an_address_has_so_many_connections(start, tmp_path):
    broker = start(*write_toml(tmp_path, "max_http_connections_per_address = 3"))
    held = [http.client.HTTPConnection("127.0.0.1", broker.http_port, timeout=SECONDS) for _ in range(3)]
    for connection in held:
        connection.request("GET", "/metrics")
        assert connection.getresponse().read()
    code, _, body = raw(broker, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert code == 503 and "address" in json.loads(body)["reason"]
    for connection in held:
        connection.close()
    eventually(lambda: status(broker, path="/metrics") == 200)


@pytest.mark.parametrize("value", ["0", "-1", "fast", "nan"])
def test_a_limit_that_is_none_is_told(tmp_path, value):
    config = write_config(tmp_path, httpRequestsLimitEnabled="true", httpRequestsMaxPerSecond=value)
    it = subprocess.run([PROGRAM, "standalone", "--data", str(tmp_path / "data"), *config], capture_output=True, text=True,
                        timeout=SECONDS)
    assert it.returncode == 2 and "http_requests_max_per_second" in it.stderr


# ---- TLS ----

def test_lookups_name_both_addresses(guarded):
    answer = json.loads(ask(guarded, path=f"/lookup/v2/topic/{TOPIC}t", headers=bearer(aud="bus"))[2])
    assert answer["httpUrl"] == guarded.http_url and answer["httpUrlTls"] == guarded.https_url


def test_https_alone(start, certs):
    broker = start(*tls_options(certs), http_port=-1)
    assert broker.http_url is None
    assert status(broker, context=trusting(certs)) == 200
    leader = json.loads(ask(broker, path="/admin/v2/brokers/leaderBroker", context=trusting(certs))[2])
    assert leader["serviceUrl"] == broker.https_url


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_nobody_speaks_what_is_older_than_tls_1_2(guarded, certs):
    for version, answered in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True),
                              (ssl.TLSVersion.TLSv1_3, True)):
        context = trusting(certs)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        try:
            assert status(guarded, context=context, path="/metrics") == 200
        except (urllib.error.URLError, OSError):
            assert not answered
        else:
            assert answered


def test_plain_http_at_the_port_of_https_is_told_so(guarded):
    with socket.create_connection(("127.0.0.1", guarded.https_port), timeout=SECONDS) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 400 and b"https" in answer.read()


def test_certificates_are_renewed_while_it_runs(start, tmp_path):
    certs = certificates.make(tmp_path / "own")
    broker = start(*tls_options(certs))

    def serial():
        with socket.create_connection(("127.0.0.1", broker.https_port), timeout=SECONDS) as plain:
            with trusting(certs).wrap_socket(plain, server_hostname="localhost") as tls:
                return tls.getpeercert()["serialNumber"]

    before = serial()
    certs.authority.issue("broker", "localhost", hosts=HERE)
    broker.process.send_signal(signal.SIGHUP)
    eventually(lambda: serial() != before)
    now = serial()
    os.truncate(certs.broker.key, 0)
    broker.process.send_signal(signal.SIGHUP)
    eventually(lambda: "key" in broker.log.read_text())
    assert serial() == now


def test_a_thousand_handshakes_that_do_not_go_on_keep_nobody_out(start, certs):
    broker = start(*tls_options(certs))
    context = trusting(certs)
    working = http.client.HTTPSConnection("localhost", broker.https_port, timeout=SECONDS, context=context)

    def works():
        working.request("GET", CLUSTERS)
        answer = working.getresponse()
        return answer.status == 200 and answer.read()

    assert works()
    half_open = []
    try:
        for i in range(1000):
            half_open.append(socket.create_connection(("127.0.0.1", broker.https_port), timeout=SECONDS))
            if i % 2:
                half_open[-1].sendall(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a handshake
            if i % 100 == 0:
                assert works() and status(broker, context=context) == 200
        assert works() and status(broker, context=context) == 200
    finally:
        for connection in half_open:
            connection.close()
        working.close()


def test_an_upgrade_that_is_refused_ends_its_connection(guarded):
    """At once: not as late as when more of a body may come, which is 10 s."""
    request = ("GET /ws/v2/producer/persistent/public/default/t HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
               "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
               "Authorization: Bearer none\r\n\r\n")
    with socket.create_connection(("127.0.0.1", guarded.http_port), timeout=9) as connection:
        connection.sendall(request.encode())
        answer = b""
        while part := connection.recv(4096):
            answer += part
    assert answer.startswith(b"HTTP/1.1 401 ")
