# SPDX-License-Identifier: Apache-2.0
"""Who is let in and who is not, with the official Python client: tokens, passwords, TLS and client certificates.

With SERVICE_URL, SERVICE_URL_TLS, HTTP_URL, HTTP_URL_TLS and SECURITY_FILES (a directory that security_files.py made, whose
broker.conf the broker there has, without its anonymousUserRole and with authenticationRefreshCheckSeconds=1) these judge
Apache Pulsar.
"""
import base64
import json
import os
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import uuid

import jwt
import pulsar
import pytest

from broker_process import DIES_WITH_PARENT, SERVICE_URL, Broker, eventually
from security_files import SecurityFiles

NAMESPACE = "private/auth"
ROLE = "token-principal"  # may produce and consume in NAMESPACE
STRANGER = "nobody-in-particular"  # may do nothing
# What this client raises when it does not believe the broker, and when the broker says that it may not.
DISBELIEVING = pulsar.ConnectError
FORBIDDEN = pulsar.AuthorizationError
# When it is not believed it connects anew until its operation timeout, whatever the broker says: that is in its log only, when
# the broker's answer to CONNECT is a refusal, and when TLS ends without an answer.  A process has one log, so this is another.
REFUSED = "Handling incoming command: ERROR"
CUT = "Connection disconnected"
LET_IN = "Handling incoming command: CONNECTED"
ATTEMPT = """
import json, sys, pulsar
it = json.loads(sys.argv[1])
kinds = {"token": pulsar.AuthenticationToken, "basic": pulsar.AuthenticationBasic, "tls": pulsar.AuthenticationTLS}
options = {"authentication": kinds[it["credentials"][0]](*it["credentials"][1:])} if it["credentials"] else {}
client = pulsar.Client(it["url"], logger=pulsar.ConsoleLogger(pulsar.LoggerLevel.Debug),
                       tls_trust_certs_file_path=it["trust"], **options)
client.create_producer(it["topic"])
"""


class Secure:
    """A broker with everything on, and the files to come to it."""

    def __init__(self, files, url, url_tls, http_url, http_url_tls):
        self.files = files
        self.url, self.url_tls, self.http_url, self.http_url_tls = url, url_tls, http_url, http_url_tls
        self.trust = str(files.certs / "cacert.pem")
        self.admin_token = files.token("admin")

    def rest(self, method, path, body=None, headers=(), certificate=None, url=None):
        """Status and body."""
        request = urllib.request.Request((url or self.http_url) + "/admin/v2/" + path, method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json", **dict(headers)})
        context = ssl.create_default_context(cafile=self.trust)
        if certificate:
            context.load_cert_chain(*self.files.certificate(certificate))
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
        try:
            with opener.open(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    def as_admin(self, method, path, body=None):
        return self.rest(method, path, body, bearer(self.admin_token))


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def password(user, word):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{word}".encode()).decode()}


def running():
    variables = ("SERVICE_URL", "SERVICE_URL_TLS", "HTTP_URL", "HTTP_URL_TLS")
    return Secure(SecurityFiles(os.environ["SECURITY_FILES"], make=False), *(os.environ[name] for name in variables))


def started(directory):
    files = SecurityFiles(directory / "files")
    conf = files.write_conf("authenticationRefreshCheckSeconds=1\n", port_tls=0, http_port_tls=0, anonymous=None)
    broker = Broker(directory, options=["--config", str(conf)])
    return broker, Secure(files, broker.url, broker.ready["service_url_tls"], broker.http_url, broker.ready["https_url"])


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    if SERVICE_URL and "SECURITY_FILES" not in os.environ:
        pytest.skip("that broker has no authentication")
    broker, it = (None, running()) if SERVICE_URL else started(tmp_path_factory.mktemp("secure"))
    clusters = json.loads(it.as_admin("GET", "clusters")[1])
    for path, body in [("tenants/private", {"adminRoles": ["private-admin"], "allowedClusters": clusters}),
                       (f"namespaces/{NAMESPACE}", None)]:
        assert it.as_admin("PUT", path, body)[0] in (204, 409)
    assert it.as_admin("POST", f"namespaces/{NAMESPACE}/permissions/{ROLE}", ["produce", "consume"])[0] == 204
    yield it
    if broker:
        broker.stop()


@pytest.fixture
def topic():
    return f"persistent://{NAMESPACE}/t-{uuid.uuid4().hex[:12]}"


def connect_tls(connect, secure, url=None, trust="cacert", **options):
    return connect(url or secure.url_tls, tls_trust_certs_file_path=str(secure.files.certs / f"{trust}.pem"), **options)


def works(client, topic):
    """A message there and back."""
    consumer = client.subscribe(topic, "s", initial_position=pulsar.InitialPosition.Earliest)
    client.create_producer(topic).send(b"in")
    message = consumer.receive(30000)
    assert message.data() == b"in"
    consumer.acknowledge(message)
    consumer.close()


def is_forbidden(client, topic):
    with pytest.raises(FORBIDDEN):
        client.create_producer(topic)
    with pytest.raises(FORBIDDEN):
        client.subscribe(topic, "s")
    with pytest.raises(FORBIDDEN):
        client.create_reader(topic, pulsar.MessageId.earliest)


def is_not_let_in(secure, topic, *credentials, url=None, sign=REFUSED):
    asked = {"url": url or secure.url, "topic": topic, "trust": secure.trust, "credentials": credentials}
    process = subprocess.Popen([*DIES_WITH_PARENT, sys.executable, "-c", ATTEMPT, json.dumps(asked)], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = []
    for line in process.stdout:
        said.append(line)
        if sum(sign in line for line in said) > 1:
            break
    process.kill()
    process.wait()
    process.stdout.close()
    assert sum(sign in line for line in said) > 1, "".join(said)
    assert not any(LET_IN in line for line in said), "".join(said)


def does_not_believe(client, topic):
    with pytest.raises(DISBELIEVING):
        client.create_producer(topic)


# ---- tokens ----

def plugin(parameters):
    return pulsar.Authentication("org.apache.pulsar.client.impl.auth.AuthenticationToken", parameters)


def token_file(secure, tmp_path, token):
    path = tmp_path / "token"
    path.write_text(token)
    return path


@pytest.mark.parametrize("way", ["text", "supplier", "parameters", "file"])
def test_a_token_is_believed(secure, connect, topic, tmp_path, way):
    token = secure.files.token(ROLE)
    works(connect(secure.url, authentication={
        "text": lambda: pulsar.AuthenticationToken(token),
        "supplier": lambda: pulsar.AuthenticationToken(lambda: token),
        "parameters": lambda: plugin(f"token:{token}"),
        "file": lambda: plugin(f"file://{token_file(secure, tmp_path, token)}"),
    }[way]()), topic)


def changed(token):
    """Its claims are another's, its signature is not."""
    head, _, signature = token.split(".")
    claims = base64.urlsafe_b64encode(b'{"sub":"admin"}').rstrip(b"=").decode()
    return ".".join((head, claims, signature))


BAD_TOKENS = {
    "of another secret": lambda s: jwt.encode({"sub": "admin"}, b"x" * 32, "HS256"),
    "changed": lambda s: changed(s.files.token(ROLE)),
    "not signed": lambda s: jwt.encode({"sub": "admin"}, None, "none"),
    "with its signature cut off": lambda s: s.files.token("admin").rsplit(".", 1)[0] + ".",
    "expired": lambda s: s.files.token("admin", -10),
    "not valid yet": lambda s: s.files.token("admin", nbf=4102444800),
    "no token": lambda s: "let me in",
    "empty": lambda s: "",
}


@pytest.mark.parametrize("kind", BAD_TOKENS)
def test_a_token_that_is_not_to_be_believed_is_refused(secure, topic, kind):
    token = BAD_TOKENS[kind](secure)
    is_not_let_in(secure, topic, "token", token)
    assert secure.rest("GET", "clusters/standalone", headers=bearer(token))[0] == 401


def test_a_token_of_nobody_in_particular_opens_nothing(secure, connect, topic):
    is_forbidden(connect(secure.url, authentication=pulsar.AuthenticationToken(secure.files.token(STRANGER))), topic)


def test_a_permission_is_for_its_namespace_only(secure, connect):
    is_forbidden(connect(secure.url, authentication=pulsar.AuthenticationToken(secure.files.token(ROLE))),
                 "persistent://public/default/elsewhere")


def test_a_super_user_may_do_everything(secure, connect, topic):
    works(connect(secure.url, authentication=pulsar.AuthenticationToken(secure.admin_token)), topic)


def test_who_says_nothing_is_not_let_in(secure, topic):
    is_not_let_in(secure, topic)
    is_not_let_in(secure, topic, url=secure.url_tls)


# ---- passwords ----

def test_a_password_is_believed(secure, connect, topic):
    works(connect(secure.url, authentication=pulsar.AuthenticationBasic("admin", "123456")), topic)


def test_a_password_in_bcrypt_is_believed(secure, connect, topic, only_geminga):
    is_forbidden(connect(secure.url, authentication=pulsar.AuthenticationBasic("user", "secret")), topic)
    is_not_let_in(secure, topic, "basic", "user", "Secret")


@pytest.mark.parametrize("user, word", [("admin", "1234567"), ("admin", ""), ("nobody", "123456"), ("", "123456")])
def test_a_wrong_password_is_refused(secure, topic, user, word):
    is_not_let_in(secure, topic, "basic", user, word)
    assert secure.rest("GET", "clusters/standalone", headers=password(user, word))[0] == 401


# ---- TLS ----

def test_tls_carries_a_token(secure, connect, topic):
    works(connect_tls(connect, secure, tls_validate_hostname=True,
                      authentication=pulsar.AuthenticationToken(secure.files.token(ROLE))), topic)


def test_tls_carries_a_password(secure, connect, topic):
    works(connect_tls(connect, secure, authentication=pulsar.AuthenticationBasic("admin", "123456")), topic)


def test_a_broker_whom_nobody_vouches_for_is_not_told_the_token(secure, connect, topic):
    token = pulsar.AuthenticationToken(secure.files.token(ROLE))
    does_not_believe(connect_tls(connect, secure, trust="othercacert", authentication=token), topic)


def test_who_wants_no_proof_of_the_broker_gets_none(secure, connect, topic):
    works(connect_tls(connect, secure, trust="othercacert", tls_allow_insecure_connection=True,
                      authentication=pulsar.AuthenticationToken(secure.files.token(ROLE))), topic)


def test_a_broker_of_another_name_is_refused_if_names_are_looked_at(secure, connect, topic):
    token = pulsar.AuthenticationToken(secure.files.token(ROLE))
    url = secure.url_tls.replace("localhost", "127.0.0.1")
    assert "127.0.0.1" in url
    does_not_believe(connect_tls(connect, secure, url, tls_validate_hostname=True, authentication=token), topic)
    works(connect_tls(connect, secure, url, tls_validate_hostname=False, authentication=token), topic)


def test_a_client_without_tls_finds_none_on_the_port_of_tls(secure, topic):
    url = secure.url_tls.replace("pulsar+ssl", "pulsar")
    is_not_let_in(secure, topic, "token", secure.files.token(ROLE), url=url, sign=CUT)


# ---- client certificates ----

def test_a_certificate_is_believed(secure, connect, topic):
    works(connect_tls(connect, secure, authentication=pulsar.AuthenticationTLS(*secure.files.certificate("client"))), topic)


def test_the_name_in_a_certificate_is_a_role_as_any(secure, connect, topic):
    is_forbidden(connect_tls(connect, secure, authentication=pulsar.AuthenticationTLS(*secure.files.certificate("user"))),
                 topic)


@pytest.mark.parametrize("name", ["stranger", "expired"])
def test_a_certificate_that_nobody_vouches_for_is_refused(secure, topic, name):
    is_not_let_in(secure, topic, "tls", *secure.files.certificate(name), url=secure.url_tls, sign=CUT)


def test_a_claim_to_have_a_certificate_is_none_without_tls(secure, topic):
    is_not_let_in(secure, topic, "tls", *secure.files.certificate("client"))


# ---- credentials that end while they are used ----

class Supply:
    """Tokens that expire in two seconds, as long as there are any."""

    def __init__(self, secure):
        self.secure = secure
        self.asked = 0
        self.ended = threading.Event()
        self.last = None

    def __call__(self):
        self.asked += 1
        if not self.ended.is_set():
            self.last = self.secure.files.token(ROLE, 2)
        return self.last


def publishers(secure, topic):
    status, body = secure.as_admin("GET", topic.replace("://", "/") + "/stats")
    return json.loads(body)["publishers"] if status == 200 else []


def test_a_connection_outlives_its_token_by_the_next_one(secure, connect, topic):
    supply = Supply(secure)
    producer = connect(secure.url, authentication=pulsar.AuthenticationToken(supply)).create_producer(topic)
    before = publishers(secure, topic)[0]
    asked = supply.asked
    eventually(lambda: supply.asked > asked + 1)  # and each was believed: one that is not ends the connection
    producer.send(b"still here")
    after = publishers(secure, topic)[0]
    assert (after["address"], after["connectedSince"]) == (before["address"], before["connectedSince"])


def test_a_connection_whose_token_is_not_renewed_ends(secure, connect, topic):
    supply = Supply(secure)
    client = connect(secure.url, authentication=pulsar.AuthenticationToken(supply))
    client.create_producer(topic)
    assert publishers(secure, topic)
    supply.ended.set()
    eventually(lambda: not publishers(secure, topic))  # and the client, which comes back, is not let in
    is_not_let_in(secure, topic, "token", supply())


# ---- HTTP ----

def test_lookups_over_http_carry_the_credentials(secure, connect, topic):
    works(connect(secure.http_url, authentication=pulsar.AuthenticationToken(secure.files.token(ROLE))), topic)


def test_lookups_over_https_carry_the_credentials(secure, connect, topic):
    works(connect_tls(connect, secure, secure.http_url_tls,
                      authentication=pulsar.AuthenticationToken(secure.files.token(ROLE))), topic)
    works(connect_tls(connect, secure, secure.http_url_tls,
                      authentication=pulsar.AuthenticationTLS(*secure.files.certificate("client"))), topic)


@pytest.mark.parametrize("token", [lambda s: "x", lambda s: s.files.token(STRANGER)], ids=["not believed", "forbidden"])
def test_lookups_over_http_are_refused_as_well(secure, connect, topic, token):
    with pytest.raises(pulsar.ConnectError):
        connect(secure.http_url, authentication=pulsar.AuthenticationToken(token(secure))).create_producer(topic)


# Pulsar says 401 as well to somebody who is known, but may not: about topics, tenants, and what is for super users.
@pytest.mark.parametrize("headers, certificate, status", [
    ({}, None, 401),
    (lambda s: bearer(s.admin_token), None, 200),
    (lambda s: bearer(s.files.token(STRANGER)), None, 401),
    (lambda s: bearer(s.files.token("private-admin")), None, 200),
    (lambda s: password("admin", "123456"), None, 200),
    ({}, "client", 200),
    ({}, "user", 401),
])
def test_rest_lets_in_whom_it_may(secure, headers, certificate, status):
    headers = headers(secure) if callable(headers) else headers
    answer = secure.rest("GET", "namespaces/private", headers=headers, certificate=certificate, url=secure.http_url_tls)
    assert answer[0] == status, answer


@pytest.mark.parametrize("role, method, path, status", [
    (STRANGER, "GET", "clusters", 200),
    (STRANGER, "GET", "clusters/standalone", 401),
    (STRANGER, "GET", "tenants", 401),
    (STRANGER, "GET", "brokers/configuration", 401),
    (STRANGER, "GET", f"namespaces/{NAMESPACE}", 403),
    (STRANGER, "GET", f"persistent/{NAMESPACE}", 403),
    (STRANGER, "GET", f"persistent/{NAMESPACE}/x/stats", 401),
    (STRANGER, "PUT", f"persistent/{NAMESPACE}/y", 403),
    (ROLE, "GET", f"namespaces/{NAMESPACE}/topics", 200),
    (ROLE, "GET", f"namespaces/{NAMESPACE}/permissions", 403),
    (ROLE, "GET", f"persistent/{NAMESPACE}/x/stats", 200),
    (ROLE, "GET", f"persistent/{NAMESPACE}/x/partitions", 200),
    (ROLE, "PUT", f"persistent/{NAMESPACE}/y", 403),
    (ROLE, "GET", "namespaces/private", 401),
    ("private-admin", "GET", "tenants/private", 200),
    ("private-admin", "GET", f"namespaces/{NAMESPACE}/permissions", 200),
    ("private-admin", "GET", "tenants", 401),
    ("private-admin", "GET", "brokers/standalone", 401),
])
def test_rest_refuses_as_pulsar_does(secure, role, method, path, status):
    assert secure.as_admin("PUT", f"persistent/{NAMESPACE}/x")[0] in (204, 409)
    answer = secure.rest(method, path, headers=bearer(secure.files.token(role)))
    assert answer[0] == status, answer


@pytest.mark.parametrize("name", ["stranger", "expired"])
def test_https_refuses_a_certificate_that_nobody_vouches_for(secure, name):
    with pytest.raises((urllib.error.URLError, ssl.SSLError, ConnectionError)):
        secure.rest("GET", "clusters", headers=bearer(secure.admin_token), certificate=name, url=secure.http_url_tls)
