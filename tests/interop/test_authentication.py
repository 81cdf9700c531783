# SPDX-License-Identifier: Apache-2.0
"""Who is let in: tokens, passwords, certificates, with the official client; challenges and proxies byte by byte."""
import base64
import hashlib
import hmac
import json
import re
import subprocess
import time
import urllib.request

import jwt
import pulsar
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

import certificates
from broker_process import DIES_WITH_PARENT, PROGRAM, SERVICE_URL, Broker, eventually
from conftest import new_client
from wire import CONNECT, CONNECTED, ERROR, PRODUCER, PRODUCER_SUCCESS, Connection, message, parse

pytestmark = pytest.mark.skipif(bool(SERVICE_URL), reason="the broker is not ours to configure")

AUTH_CHALLENGE, AUTH_RESPONSE = 36, 37
AUTHENTICATION_ERROR, AUTHORIZATION_ERROR = 3, 4
REQUEST_OF_CONNECT = (1 << 64) - 1
SECRET = bytes(range(32))
OTHER_SECRET = bytes(range(1, 33))
PROVIDERS = "org.apache.pulsar.broker.authentication.AuthenticationProvider"
HTPASSWD = "alice:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/\nbob:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n"
TOPIC = "persistent://public/default/"
NOW = int(time.time())


def token(role="reader", key=SECRET, algorithm="HS256", **claims):
    return jwt.encode({"sub": role, **claims}, key, algorithm=algorithm)


def data_url(key):
    return "data:;base64," + base64.b64encode(key).decode()


def configuration(directory, name="broker", **settings):
    path = directory / f"{name}.conf"
    path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    return path


def with_tokens(**more):
    return {"authenticationEnabled": "true", "authenticationProviders": PROVIDERS + "Token", **more}


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    """Tokens and passwords, nobody else; everything is logged, and what clients showed must not be in it."""
    directory = tmp_path_factory.mktemp("secured")
    (directory / "secret.key").write_bytes(SECRET)
    (directory / "passwords").write_text(HTPASSWD)
    conf = configuration(directory, authenticationEnabled="true",
                         authenticationProviders=f"{PROVIDERS}Token,{PROVIDERS}Basic",
                         tokenSecretKey=f"file://{directory}/secret.key", basicAuthConf=directory / "passwords",
                         authenticationRefreshCheckSeconds="1", proxyRoles="gate")
    it = Broker(directory, options=["-c", str(conf), "--log-level", "debug"])
    it.shown = []
    yield it
    it.stop()
    log = it.log.read_text()
    assert "refused, method" in log and "connected as role reader" in log
    for secret in ["secret1", *it.shown]:
        assert secret not in log
        signature = secret.rpartition(".")[2]
        assert not signature or signature not in log


@pytest.fixture
def start(tmp_path):
    brokers = []

    def one(*options, **settings):
        conf = configuration(tmp_path, **settings)
        brokers.append(Broker(tmp_path, options=["-c", str(conf), *options]))
        return brokers[-1]

    yield one
    for broker in brokers:
        broker.stop()


def works(broker, authentication=None, url=None, **options):
    """Sends a message, and gets it."""
    topic = f"{TOPIC}t{time.time_ns()}"
    client = new_client(url or broker.url, authentication=authentication, **options)
    try:
        consumer = client.subscribe(topic, "s")
        client.create_producer(topic).send(b"hello")
        assert consumer.receive(30000).data() == b"hello"
    finally:
        client.close()


def refused(broker, authentication=None, url=None, **options):
    """The client tries again until its time is up: it hangs up on an ERROR before CONNECTED, whatever that says."""
    before = failures(broker)
    client = new_client(url or broker.url, authentication=authentication, operation_timeout_seconds=1, **options)
    try:
        with pytest.raises((pulsar.Timeout, pulsar.AuthenticationError)):
            client.create_producer(f"{TOPIC}refused")
    finally:
        client.close()
    assert failures(broker) > before


def failures(broker):
    """How many were refused, those included that were not logged."""
    return sum(1 + int(more) for more in re.findall(r"refused, method .*\((\d+) more were not logged",
                                                    broker.log.read_text()))


def shown(broker, secret):
    broker.shown.append(secret)
    return secret


# ---- tokens ----

def test_a_token_is_let_in(secured):
    works(secured, pulsar.AuthenticationToken(shown(secured, token())))
    works(secured, pulsar.AuthenticationToken(lambda: token(exp=NOW + 3600)))


@pytest.mark.parametrize("make", [
    lambda: token(exp=NOW - 60),
    lambda: token(nbf=NOW + 3600),
    lambda: token(key=OTHER_SECRET),
    lambda: token()[:-6] + "AAAAAA",
    lambda: token().split(".")[0] + "." + base64.urlsafe_b64encode(b'{"sub":"admin"}').decode().rstrip("=") + "." +
        token().split(".")[2],
    lambda: jwt.encode({"sub": "reader"}, None, algorithm="none"),
    lambda: jwt.encode({"sub": "reader"}, None, algorithm="none") + "AAAA",
    lambda: jwt.encode({}, SECRET, algorithm="HS256"),
    lambda: jwt.encode({"sub": ""}, SECRET, algorithm="HS256"),
    lambda: "nonsense",
    lambda: "x" * 30000,
], ids=["expired", "not yet", "other key", "other signature", "other payload", "alg none", "alg none, signed",
        "no role", "empty role", "nonsense", "long nonsense"])
def test_a_token_that_is_not_to_be_believed_is_refused(secured, make):
    refused(secured, pulsar.AuthenticationToken(shown(secured, make())))


def public_key(private):
    return private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("form", ["file", "data"])
@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_tokens_of_a_key_pair(start, tmp_path, algorithm, form):
    make = (lambda: rsa.generate_private_key(65537, 2048)) if algorithm == "RS256" else \
        (lambda: ec.generate_private_key(ec.SECP256R1()))
    private, other = make(), make()
    (tmp_path / "public.key").write_bytes(public_key(private))
    key = f"file://{tmp_path}/public.key" if form == "file" else data_url(public_key(private))
    broker = start(**with_tokens(tokenPublicKey=key, tokenPublicAlg=algorithm))
    works(broker, pulsar.AuthenticationToken(token(key=private, algorithm=algorithm)))
    refused(broker, pulsar.AuthenticationToken(token(key=other, algorithm=algorithm)))
    # The public key is known to everybody: it is no secret to sign with.
    public = base64.urlsafe_b64encode(b'{"alg":"HS256"}').rstrip(b"=") + b"." + \
        base64.urlsafe_b64encode(b'{"sub":"reader"}').rstrip(b"=")
    signature = base64.urlsafe_b64encode(hmac.digest(public_key(private), public, hashlib.sha256)).rstrip(b"=")
    refused(broker, pulsar.AuthenticationToken((public + b"." + signature).decode()))


def test_a_secret_in_the_configuration_itself_other_claims_and_the_audience(start):
    broker = start(**with_tokens(tokenSecretKey=data_url(SECRET), tokenAuthClaim="role", tokenAudienceClaim="aud",
                                 tokenAudience="here", tokenAllowedClockSkewSeconds="600"))
    works(broker, pulsar.AuthenticationToken(jwt.encode({"role": "writer", "aud": ["there", "here"], "exp": NOW - 60},
                                                        SECRET)))
    assert "connected as role writer" in broker.log.read_text()
    for claims in {"role": "writer", "aud": "there"}, {"role": "writer"}, {"sub": "writer", "aud": "here"}, \
            {"role": "writer", "aud": "here", "exp": NOW - 6000}:
        refused(broker, pulsar.AuthenticationToken(jwt.encode(claims, SECRET)))


# ---- passwords, certificates, nothing ----

@pytest.mark.parametrize("name", ["alice", "bob"])
def test_a_password(secured, name):
    works(secured, pulsar.AuthenticationBasic(name, "secret"))
    refused(secured, pulsar.AuthenticationBasic(name, shown(secured, "secret1")))
    refused(secured, pulsar.AuthenticationBasic("nobody", "secret"))


def test_nothing(secured, start):
    refused(secured)
    broker = start(**with_tokens(tokenSecretKey=data_url(SECRET), anonymousUserRole="anonymous"))
    works(broker)
    assert "connected as role anonymous" in broker.log.read_text()
    refused(broker, pulsar.AuthenticationToken("nonsense"))


def test_the_name_in_a_certificate(start, tmp_path):
    certs = certificates.make(tmp_path / "certificates")
    broker = start("--tls-port", "0", "--tls-certificate-file", certs.broker.certificate, "--tls-key-file",
                   certs.broker.key, "--tls-trust-file", certs.trust, authenticationEnabled="true",
                   authenticationProviders="tls")
    url = f"pulsar+ssl://localhost:{broker.ready['tls_port']}"
    works(broker, pulsar.AuthenticationTLS(certs.client.certificate, certs.client.key), url,
          tls_trust_certs_file_path=certs.trust)
    assert re.search(r"connected as role \S+, by tls", broker.log.read_text())
    refused(broker, None, url, tls_trust_certs_file_path=certs.trust)
    refused(broker)


# ---- byte by byte ----

def connect(broker, method=None, data=None, refreshes=False, original=None, original_data=None, original_method=None,
            proxy_version=None):
    it = Connection(broker.port)
    it.send(CONNECT, (1, "wire test"), (4, 19), (5, method), (3, data), (7, original), (8, original_data),
            (9, original_method), (10, message((1, 1)) if refreshes else None), (11, proxy_version))
    return it


def expect_refused(it, code=AUTHENTICATION_ERROR, text=b"Failed to authenticate"):
    fields = it.expect(ERROR)
    assert fields == {1: [REQUEST_OF_CONNECT], 2: [code], 3: [text]}
    it.expect_closed()


def test_a_refusal_says_that_it_is_one_and_no_more(secured):
    connect(secured, "token", token()).expect(CONNECTED)
    expect_refused(connect(secured, "token", "nonsense"))
    expect_refused(connect(secured, "basic", "alice:no"))
    expect_refused(connect(secured, "basic", "nobody:no"))
    expect_refused(connect(secured, "none"))
    expect_refused(connect(secured))


def test_commands_behind_connect_wait_until_it_is_answered(secured):
    it = connect(secured, "basic", "bob:secret")
    it.send(PRODUCER, (1, TOPIC + "pipelined"), (2, 1), (3, 7))
    it.expect(CONNECTED)
    it.expect(PRODUCER_SUCCESS)


def answer(it, data, method="token"):
    it.send(AUTH_RESPONSE, (2, message((1, method), (2, data))))


@pytest.fixture
def lenient(start):
    """It lets in whose token ended within an hour, and asks for another at its next look: however slow the machine is."""
    return start(**with_tokens(tokenSecretKey=data_url(SECRET), tokenAllowedClockSkewSeconds="3600",
                               authenticationRefreshCheckSeconds="1"))


def test_credentials_that_end_are_asked_for_again(lenient):
    it = connect(lenient, "token", token(exp=int(time.time()) - 1), refreshes=True)
    it.expect(CONNECTED)
    challenge = it.expect(AUTH_CHALLENGE)
    assert parse(challenge[2][0]) == {1: [b"token"], 2: [b"PulsarAuthRefresh"]}
    answer(it, token(exp=int(time.time()) - 1))
    it.expect(AUTH_CHALLENGE)
    answer(it, token())
    it.expect_alive()


def test_who_has_no_others_is_let_go(lenient):
    it = connect(lenient, "token", token(exp=int(time.time()) - 1), refreshes=True)
    it.expect(CONNECTED)
    it.expect(AUTH_CHALLENGE)
    it.expect_closed()
    it = connect(lenient, "token", token(exp=int(time.time()) - 1))
    it.expect(CONNECTED)
    it.expect_closed()


def test_others_must_be_good_and_of_the_same_role(secured):
    it = connect(secured, "token", token(), refreshes=True)
    it.expect(CONNECTED)
    answer(it, token())
    it.expect_alive()
    answer(it, token("admin"))
    it.expect_closed()
    it = connect(secured, "token", token())
    it.expect(CONNECTED)
    answer(it, "nonsense")
    expect_refused(it)


def test_a_client_goes_on_when_its_token_is_refreshed(secured):
    topic = f"{TOPIC}refreshed{time.time_ns()}"
    given = []

    def supply():
        given.append(token(exp=int(time.time()) + 2))
        return given[-1]

    client = new_client(secured.url, authentication=pulsar.AuthenticationToken(supply))
    producer = client.create_producer(topic)
    before = len(given)
    eventually(lambda: producer.send(b"x") and len(given) > before)
    client.close()
    secured.shown.extend(given)


def test_a_proxy_says_for_whom_it_speaks(start):
    broker = start(**with_tokens(tokenSecretKey=data_url(SECRET), proxyRoles="gate,door", authorizationEnabled="true",
                                 superUserRoles="admin"))
    gate, reader = token("gate"), token("reader")
    connect(broker, "token", gate, original="reader", proxy_version="4.0").expect(CONNECTED)
    connect(broker, "token", reader).expect(CONNECTED)
    for bad in connect(broker, "token", gate), connect(broker, "token", gate, original="door"), \
            connect(broker, "token", reader, original="admin"):
        expect_refused(bad, AUTHORIZATION_ERROR, b"Invalid roles.")
    expect_refused(connect(broker, "token", reader, proxy_version="4.0"), AUTHORIZATION_ERROR,
                   b"Must not set proxyVersion without connecting as a ProxyRole.")


def test_a_client_behind_a_proxy_shows_who_it_is(start):
    broker = start(**with_tokens(tokenSecretKey=data_url(SECRET), proxyRoles="gate",
                                 authenticateOriginalAuthData="true"))
    gate = token("gate")
    connect(broker, "token", gate, original="x", original_data=token("reader"), original_method="token") \
        .expect(CONNECTED)
    assert "connected as role gate, for reader" in broker.log.read_text()
    expect_refused(connect(broker, "token", gate, original="x", original_data="nonsense", original_method="token"))
    expect_refused(connect(broker, "token", gate, original="x"))


# ---- figures ----

def test_the_role_of_a_consumer_is_in_its_topics_statistics(start):
    broker = start(**with_tokens(tokenSecretKey=data_url(SECRET)))
    topic = f"{TOPIC}roles"
    client = new_client(broker.url, authentication=pulsar.AuthenticationToken(token()))
    client.subscribe(topic, "s")
    request = urllib.request.Request(f"{broker.http_url}/admin/v2/{topic.replace('://', '/')}/stats",
                                     headers={"Authorization": f"Bearer {token('admin')}"})
    with urllib.request.urlopen(request) as answer:
        [consumer] = json.load(answer)["subscriptions"]["s"]["consumers"]
    assert consumer["appId"] == "reader"
    client.close()


def test_good_and_bad_credentials_are_counted(start):
    broker = start(**with_tokens(tokenSecretKey=data_url(SECRET), anonymousUserRole="anonymous"))
    connect(broker, "token", token()).expect(CONNECTED)
    connect(broker).expect(CONNECTED)
    for bad in "", "nonsense", token(exp=NOW - 60), token(key=OTHER_SECRET):
        expect_refused(connect(broker, "token", bad))
    with urllib.request.urlopen(broker.http_url + "/metrics") as answer:
        metrics = answer.read().decode()
    of_token = 'provider_name="AuthenticationProviderToken",auth_method="token"'
    for name, labels, value in [("success", of_token, 1), ("failures", of_token + ',reason="INVALID_TOKEN"', 3),
                                ("failures", of_token + ',reason="INVALID_AUTH_DATA"', 1)]:
        assert re.search(f"^pulsar_authentication_{name}_total{{cluster=\"standalone\",{labels}}} {value}$", metrics, re.M)
    assert re.search(r"^pulsar_expired_token_total\{.*\} 1$", metrics, re.M)
    assert re.search(r"^geminga_authentication_anonymous_total\{.*\} 1$", metrics, re.M)
    assert "AuthenticationProviderBasic" not in metrics


# ---- keys that change ----

def test_a_key_file_that_changes_is_used_and_a_broken_one_is_not(start, tmp_path):
    key, passwords = tmp_path / "secret.key", tmp_path / "passwords"
    key.write_bytes(SECRET)
    passwords.write_text(HTPASSWD)
    broker = start(authenticationEnabled="true", authenticationProviders="token,basic", tokenSecretKey=f"file:{key}",
                   basicAuthConf=f"file://{passwords}", authenticationReload="100")
    connect(broker, "token", token()).expect(CONNECTED)
    connect(broker, "basic", "alice:secret").expect(CONNECTED)
    key.write_bytes(b"short")
    eventually(lambda: "a secret has at least 32 bytes; the keys that were there stay in use" in broker.log.read_text())
    connect(broker, "token", token()).expect(CONNECTED)
    passwords.write_text(HTPASSWD.replace("alice:", "carol:"))
    key.write_bytes(OTHER_SECRET)
    eventually(lambda: "the new ones are in use" in broker.log.read_text())
    connect(broker, "token", token(key=OTHER_SECRET)).expect(CONNECTED)
    expect_refused(connect(broker, "token", token()))
    expect_refused(connect(broker, "basic", "alice:secret"))
    connect(broker, "basic", "carol:secret").expect(CONNECTED)
    assert broker.log.read_text().count("at least 32 bytes") == 1


# ---- what cannot work is refused at the start ----

EC_KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize("settings, why", [
    ({}, "authenticationProviders names nobody"),
    ({"authenticationProviders": "org.example.Mine"}, "authenticationProviders: `org.example.Mine` is none of"),
    ({"authenticationProviders": PROVIDERS + "Sasl"}, "is none of AuthenticationProviderToken"),
    ({"authenticationProviders": "token"}, "tokenSecretKey or tokenPublicKey"),
    ({"authenticationProviders": "basic"}, "basicAuthConf"),
    ({"authenticationProviders": "token", "tokenSecretKey": "file:///nowhere/key"},
     "tokenSecretKey: the file /nowhere/key cannot be read"),
    ({"authenticationProviders": "token", "tokenSecretKey": "data:;base64,c2hvcnRzZWNyZXQ="}, "at least 32 bytes"),
    ({"authenticationProviders": "token", "tokenSecretKey": "%%hush%%"}, "neither file:PATH"),
    ({"authenticationProviders": "token", "tokenPublicKey": data_url(SECRET)}, "not a public key in DER"),
    ({"authenticationProviders": "token", "tokenPublicKey": data_url(public_key(EC_KEY))},
     "it is a key on an elliptic curve, and tokenPublicAlg says RS256"),
    ({"authenticationProviders": "token", "tokenPublicKey": data_url(b"-----BEGIN PUBLIC KEY-----\n")},
     "it is PEM, and should be DER"),
    ({"authenticationProviders": "token", "tokenPublicKey": data_url(EC_KEY.private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))}, "it is the private key, which is not for the broker"),
    ({"authenticationProviders": "token", "tokenPublicKey": data_url(public_key(ed25519.Ed25519PrivateKey.generate()))},
     "it is an Ed25519 key, and tokenPublicAlg says RS256"),
    ({"authenticationProviders": "token", "tokenPublicKey": data_url(public_key(ed448.Ed448PrivateKey.generate()))},
     "a key of this kind or size signs no tokens"),
    ({"authenticationProviders": "token", "tokenPublicAlg": "XX1", "tokenSecretKey": data_url(SECRET)},
     "tokenPublicAlg: `XX1` is no algorithm"),
    ({"authenticationProviders": "token", "tokenSecretKey": data_url(SECRET), "tokenAudienceClaim": "aud"},
     "tokenAudience does not say"),
    ({"authenticationProviders": "basic", "basicAuthConf": "data:;base64,dTpodXNo"}, "basicAuthConf: line 1 has a password"),
    ({"authenticationProviders": "token", "tokenSecretKey": data_url(SECRET), "tokenSettingPrefix": "my"},
     "`tokenSettingPrefix` cannot be `my`"),
])
def test_what_cannot_work_is_refused_at_the_start(tmp_path, settings, why):
    conf = configuration(tmp_path, authenticationEnabled="true", **settings)
    it = subprocess.run([*DIES_WITH_PARENT, PROGRAM, "standalone", "--port", "0", "--http-port", "0", "--data",
                         str(tmp_path / "data"), "-c", str(conf)], capture_output=True, text=True, timeout=60)
    assert it.returncode != 0
    assert why in it.stderr
    for value in "tokenSecretKey", "basicAuthConf":
        secret = settings.get(value, "")
        assert secret == "" or secret.startswith("file:") or secret not in it.stderr
    assert "hush" not in it.stderr and "aHVzaA" not in it.stderr


def test_without_authentication_nobody_is_asked(start):
    broker = start(authenticationEnabled="false", authenticationProviders=PROVIDERS + "Token")
    works(broker)
    works(broker, pulsar.AuthenticationToken("whatever"))
    assert "whoever reaches this machine may do everything" in broker.log.read_text()
