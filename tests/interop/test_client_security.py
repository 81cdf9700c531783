# SPDX-License-Identifier: Apache-2.0
"""Our own clients (the C library, `geminga client`, `geminga admin`) with brokers that want to know who comes, over TLS."""
import json
import os
import socketserver
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import jwt
import pulsar
import pytest

import certificates
from broker_process import DIES_WITH_PARENT, PROGRAM, SERVICE_URL, Broker, eventually
from certificates import Authority
from notary_process import Channel, Notary, run_notary, sample_event, verify

pytestmark = pytest.mark.skipif(bool(SERVICE_URL), reason="the broker is not ours to configure")

SECRET = bytes(range(32))
HTPASSWD = "alice:$apr1$abcdefgh$paCto.rW8wn6thJ8b0QQY.\n"  # secret1
PROVIDERS = "AuthenticationProviderToken,AuthenticationProviderBasic,AuthenticationProviderTls"
E2E = Path(PROGRAM).parent / "tests" / "interop" / "client_e2e"


def geminga(*words, **environment):
    return subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, env={**os.environ, **{k: str(v) for k, v in environment.items()}})


def sends(url, topic, *flags, **environment):
    """What `geminga client produce` says: nothing but success, or why not."""
    it = geminga("client", "produce", topic, "-m", "x", "--url", url, *flags, **environment)
    assert it.returncode in (0, 1), it
    return "sent" if it.returncode == 0 else it.stderr


def options_of(certs):
    return ["--tls-port", "0", "--https-port", "0", "--tls-certificate-file", certs.broker.certificate, "--tls-key-file", certs.broker.key]


@pytest.fixture(scope="module")
def certs(tmp_path_factory):
    return certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """An authority that nobody here trusts, and those it speaks for."""
    return certificates.make(tmp_path_factory.mktemp("stranger"))


@pytest.fixture(scope="module")
def tls_broker(certs, tmp_path_factory):
    """With and without TLS; it asks for no certificate."""
    it = Broker(tmp_path_factory.mktemp("broker"), options=options_of(certs))
    yield it
    it.stop()


@pytest.fixture(scope="module")
def mtls_broker(certs, tmp_path_factory):
    """With TLS alone, for those who have a certificate."""
    it = Broker(tmp_path_factory.mktemp("mtls"), port=-1,
                options=[*options_of(certs), "--tls-trust-file", certs.trust, "--tls-require-client-certificate"])
    yield it
    it.stop()


def stats_of(broker, topic):
    request = urllib.request.Request(f"{broker.http_url}/admin/v2/persistent/{topic.split('://')[1]}/stats",
                                     headers={"Authorization": f"Bearer {token()}"})
    try:
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError:
        return {}


def token(role="ann", key=SECRET, **claims):
    return jwt.encode({"sub": role, **claims}, key, algorithm="HS256")


def authentication(directory):
    """Flags: tokens, passwords and certificates, and nobody else."""
    (directory / "secret.key").write_bytes(SECRET)
    (directory / "passwords").write_text(HTPASSWD)
    conf = directory / "authentication.conf"
    conf.write_text(f"authenticationEnabled=true\nauthenticationProviders={PROVIDERS}\nbasicAuthConf={directory}/passwords\n"
                    f"tokenSecretKey=file://{directory}/secret.key\nauthenticationRefreshCheckSeconds=1\n")
    return ["--config", str(conf)]


@pytest.fixture(scope="module")
def secured(certs, tmp_path_factory):
    """Who comes must say who it is, with TLS or without."""
    directory = tmp_path_factory.mktemp("secured")
    it = Broker(directory, options=[*options_of(certs), "--tls-trust-file", certs.trust, *authentication(directory)])
    yield it
    it.stop()


# ---- TLS: whom we trust ----

def test_every_end_to_end_test_of_the_c_client_passes_over_tls(tls_broker, certs):
    it = subprocess.run([E2E, tls_broker.tls_url], env={**os.environ, "E2E_TRUST": certs.trust}, text=True,
                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=280)
    assert it.returncode == 0, it.stdout


def test_messages_come_and_go_over_tls_by_every_spelling_of_the_settings(tls_broker, certs, topic, tmp_path):
    conf = tmp_path / "client.conf"
    conf.write_text(f"brokerServiceUrl={tls_broker.tls_url}\ntlsTrustCertsFilePath={certs.trust}\n"
                    "tlsEnableHostnameVerification=true\ntlsAllowInsecureConnection=false\n")
    for i, flags in enumerate((("--url", tls_broker.tls_url, "--tlsTrustCertsFilePath", certs.trust),
                               ("--url", tls_broker.tls_url, "--tls-trust-cert-path", certs.trust),
                               ("--config", conf))):
        it = geminga("client", "produce", topic, "-m", f"message-{i}", *flags)
        assert it.returncode == 0, it
    it = geminga("client", "consume", topic, "-s", "s", "-p", "Earliest", "-n", "3", PULSAR_SERVICE_URL=tls_broker.tls_url,
                 PULSAR_TLS_TRUST_CERTS_PATH=certs.trust)
    assert it.returncode == 0, it
    assert [f"content:message-{i}" in it.stdout for i in range(3)] == [True] * 3


def test_a_certificate_of_an_authority_that_is_not_trusted_is_refused_at_once(tls_broker, stranger, topic):
    said = sends(tls_broker.tls_url, topic, "--tls-trust-cert-path", stranger.trust)
    assert "ConnectError" in said and "certificate verify failed" in said
    assert said.count("certificate verify failed") == 1  # it was not tried again
    assert "ConnectError" in sends(tls_broker.tls_url, topic)  # nor does the system trust it


def test_whoever_asks_for_it_may_trust_anybody(tls_broker, stranger, topic):
    assert sends(tls_broker.tls_url, topic, "--tls-allow-insecure", "--tls-trust-cert-path", stranger.trust) == "sent"


def test_a_certificate_of_another_host_is_refused_unless_that_is_not_looked_at(tmp_path, topic):
    authority = Authority(tmp_path / "certificates")
    elsewhere = authority.issue("elsewhere", "elsewhere.example.org", hosts=["elsewhere.example.org"])
    broker = Broker(tmp_path, options=["--tls-port", "0", "--tls-certificate-file", elsewhere.certificate,
                                       "--tls-key-file", elsewhere.key])
    try:
        trust = ("--tls-trust-cert-path", authority.file)
        assert "ConnectError" in sends(broker.tls_url, topic, *trust)
        assert sends(broker.tls_url, topic, *trust, "--tls-enable-hostname-verification=false") == "sent"
    finally:
        broker.stop()


def test_files_that_are_not_there_are_told_by_their_name(tls_broker, topic, tmp_path):
    said = sends(tls_broker.tls_url, topic, "--tls-trust-cert-path", tmp_path / "nothing.pem")
    assert "ConnectError" in said and "nothing.pem" in said


def test_who_speaks_no_tls_is_not_spoken_to_without_it(certs, topic):
    heard = []

    class Plain(socketserver.BaseRequestHandler):
        def handle(self):
            heard.append(self.request.recv(4096))
            self.request.sendall(b"we do not do this here\r\n")

    with socketserver.TCPServer(("127.0.0.1", 0), Plain) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        said = sends(f"pulsar+ssl://127.0.0.1:{server.server_address[1]}", topic, "--tls-trust-cert-path", certs.trust,
                     "--auth-plugin", "token", "--auth-params", "token:never-in-the-clear")
        server.shutdown()
        thread.join()
    assert "ConnectError" in said and len(heard) == 1
    assert b"never-in-the-clear" not in heard[0]


# ---- TLS: who we are ----

def test_a_certificate_gets_in_where_one_is_wanted(mtls_broker, certs, topic):
    trust = ("--tls-trust-cert-path", certs.trust)
    params = f"tlsCertFile:{certs.client.certificate},tlsKeyFile:{certs.client.key}"
    assert sends(mtls_broker.tls_url, topic, *trust, "--auth-plugin", "tls", "--auth-params", params) == "sent"
    assert sends(mtls_broker.tls_url, topic, *trust, "--auth-plugin",
                 "org.apache.pulsar.client.impl.auth.AuthenticationTls", "--auth-params", params) == "sent"
    assert sends(mtls_broker.tls_url, topic, *trust, PULSAR_TLS_CERT_PATH=certs.client.certificate,
                 PULSAR_TLS_KEY_PATH=certs.client.key) == "sent"
    assert sends(mtls_broker.tls_url, topic, *trust, PULSAR_AUTH_METHOD="tls",
                 PULSAR_TLS_CERT_PATH=certs.client.certificate, PULSAR_TLS_KEY_PATH=certs.client.key) == "sent"


def test_without_a_certificate_or_with_a_strangers_nobody_gets_in(mtls_broker, certs, stranger, topic):
    trust = ("--tls-trust-cert-path", certs.trust)
    assert "ConnectError" in sends(mtls_broker.tls_url, topic, *trust)
    assert "ConnectError" in sends(mtls_broker.tls_url, topic, *trust, PULSAR_TLS_CERT_PATH=stranger.client.certificate,
                                   PULSAR_TLS_KEY_PATH=stranger.client.key)


def test_a_certificate_and_anothers_key_are_refused_before_anybody_is_asked(mtls_broker, certs, topic):
    said = sends(mtls_broker.tls_url, topic, "--tls-trust-cert-path", certs.trust,
                 PULSAR_TLS_CERT_PATH=certs.client.certificate, PULSAR_TLS_KEY_PATH=certs.broker.key)
    assert "ConnectError" in said and certs.broker.key in said
    said = sends(mtls_broker.tls_url, topic, PULSAR_TLS_CERT_PATH=certs.client.certificate)
    assert "go together" in said


# ---- who we are ----

def test_every_end_to_end_test_of_the_c_client_passes_with_a_token_over_tls(secured, certs, tmp_path):
    (tmp_path / "token").write_text(token() + "\n")
    it = subprocess.run([E2E, secured.tls_url], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=280,
                        env={**os.environ, "E2E_TRUST": certs.trust, "E2E_AUTH_PLUGIN": "token",
                             "E2E_AUTH_PARAMS": f"file://{tmp_path}/token"})
    assert it.returncode == 0, it.stdout


def test_a_token_gets_in_by_every_way_to_give_it(secured, topic, tmp_path):
    (tmp_path / "token").write_text(token())
    (tmp_path / "client.conf").write_text(f"authPlugin=org.apache.pulsar.client.impl.auth.AuthenticationToken\n"
                                          f"authParams=file://{tmp_path}/token\n")
    assert sends(secured.url, topic, "--auth-plugin", "token", "--auth-params", f"token:{token()}") == "sent"
    assert sends(secured.url, topic, "--auth-plugin", "token", "--auth-params", f"file:{tmp_path}/token") == "sent"
    assert sends(secured.url, topic, "--auth-plugin", "token", "--auth-params", "env:MINE", MINE=token()) == "sent"
    assert sends(secured.url, topic, "--config", tmp_path / "client.conf") == "sent"
    assert sends(secured.url, topic, PULSAR_AUTH_PLUGIN="token", PULSAR_AUTH_PARAMS=token()) == "sent"
    assert sends(secured.url, topic, PULSAR_AUTH_METHOD="jwt", PULSAR_AUTH_TOKEN=token()) == "sent"
    assert sends(secured.url, topic, PULSAR_AUTH_METHOD="token", PULSAR_AUTH_TOKEN=f"file://{tmp_path}/token") == "sent"


def test_a_password_gets_in_by_every_way_to_give_it(secured, topic):
    for plugin in "basic", "org.apache.pulsar.client.impl.auth.AuthenticationBasic":
        for params in ('{"userId":"alice","password":"secret1"}', '{"username":"alice","password":"secret1"}',
                       "userId:alice,password:secret1", "alice:secret1"):
            assert sends(secured.url, topic, "--auth-plugin", plugin, "--auth-params", params) == "sent"
    assert sends(secured.url, topic, PULSAR_AUTH_METHOD="basic", PULSAR_AUTH_PARAMS="alice:secret1") == "sent"


def test_a_certificate_says_who_we_are(secured, certs, topic):
    trust = ("--tls-trust-cert-path", certs.trust, "--auth-plugin", "tls", "--auth-params")
    mine = f"tlsCertFile:{certs.client.certificate},tlsKeyFile:{certs.client.key}"
    assert sends(secured.tls_url, topic, *trust, mine) == "sent"
    assert "AuthenticationError" in sends(secured.url, topic, *trust, mine)  # without TLS there is no certificate


def test_who_is_not_believed_is_told_at_once(secured, topic):
    shown = {"expired": token(exp=1), "of another": token(key=bytes(32)), "cut": token()[:-3],
             "unsigned": jwt.encode({"sub": "ann"}, None, algorithm="none")}
    for text in shown.values():
        said = sends(secured.url, topic, "--auth-plugin", "token", "--auth-params", f"token:{text}")
        assert "AuthenticationError" in said and text not in said
    for pair in "alice:secret2", "bob:secret1":
        said = sends(secured.url, topic, "--auth-plugin", "basic", "--auth-params", pair)
        assert "AuthenticationError" in said and pair.split(":")[1] not in said
    assert "AuthenticationError" in sends(secured.url, topic)


def test_what_is_not_built_is_refused_before_anybody_is_asked(topic):
    for plugin in "athenz", "org.apache.pulsar.client.impl.auth.oauth2.AuthenticationOAuth2", "/usr/lib/plugin.so":
        it = geminga("client", "produce", topic, "-m", "x", "--url", "pulsar://127.0.0.1:1", "--auth-plugin", plugin,
                     "--auth-params", "hush")
        assert it.returncode == 1 and "token, basic, tls" in it.stderr and "hush" not in it.stderr


def test_a_file_that_is_not_there_is_told_and_nothing_is_sent(secured, topic):
    said = sends(secured.url, topic, "--auth-plugin", "token", "--auth-params", "file:///nowhere/token")
    assert "ErrorGettingAuthenticationData" in said and "file cannot be read" in said


def consumer_with(broker, topic, subscription, file, log, count):
    with open(log, "wb") as errors:
        return subprocess.Popen([*DIES_WITH_PARENT, PROGRAM, "client", "consume", topic, "-s", subscription, "-n", str(count),
                                 "--url", broker.url, "--auth-plugin", "token", "--auth-params", f"file://{file}"],
                                stdout=subprocess.PIPE, stderr=errors, text=True)


def next_content(consumer):
    return next(line for line in consumer.stdout if "content:" in line)


def consumers(broker, topic, subscription):
    return stats_of(broker, topic).get("subscriptions", {}).get(subscription, {}).get("consumers", [])


def test_a_token_that_ends_is_replaced_by_a_fresh_one_on_the_same_connection(secured, connect, topic, tmp_path):
    """Two consumers' tokens end at the same moment; one's file was replaced before that, and the other one is put out."""
    mine, others = tmp_path / "token", tmp_path / "other"
    for file in mine, others:
        certificates.replace(file, token(exp=int(time.time()) + 6).encode())
    consumer = consumer_with(secured, topic, "mine", mine, tmp_path / "log", 2)
    other = consumer_with(secured, topic, "other", others, tmp_path / "other.log", 1)
    producer = connect(secured.url, authentication=pulsar.AuthenticationToken(token("bob"))).create_producer(topic)
    eventually(lambda: consumers(secured, topic, "mine") and consumers(secured, topic, "other"))
    before = consumers(secured, topic, "mine")[0]["connectedSince"]
    certificates.replace(mine, token().encode())
    # Its fifth attempt to come back is more than a second after the first: all have been asked by then.
    eventually(lambda: (tmp_path / "other.log").read_text().count("refused the connection") >= 5)
    producer.send(b"after")
    assert "after" in next_content(consumer)
    assert [one["connectedSince"] for one in consumers(secured, topic, "mine")] == [before]
    assert "refused" not in (tmp_path / "log").read_text()

    certificates.replace(others, token().encode())  # it has gone on trying, and gets in again
    assert "after" in next_content(other)
    assert other.wait(60) == 0
    assert "eyJ" not in (tmp_path / "other.log").read_text()
    consumer.terminate()
    consumer.wait(60)


# ---- geminga admin ----

def admin(url, *words, **environment):
    return geminga("admin", "--admin-url", url, *words, **environment)


def test_the_admin_shows_a_token_a_password_or_a_certificate(secured, certs):
    trust = ("--tls-trust-cert-path", certs.trust)
    pair = f"tlsCertFile:{certs.client.certificate},tlsKeyFile:{certs.client.key}"
    for proof in (("token", f"token:{token()}"), ("basic", "alice:secret1"), ("tls", pair)):
        it = admin(secured.ready["https_url"], *trust, "--auth-plugin", proof[0], "--auth-params", proof[1], "clusters", "list")
        assert it.returncode == 0 and "standalone" in it.stdout, it
    it = admin(secured.ready["https_url"], "clusters", "list", PULSAR_AUTH_METHOD="jwt", PULSAR_AUTH_TOKEN=token(),
               PULSAR_TLS_TRUST_CERTS_PATH=certs.trust, PULSAR_TLS_ENABLED="true")
    assert it.returncode == 0, it


def test_the_admin_is_told_when_it_is_not_believed_and_when_it_does_not_believe(secured, certs, stranger):
    it = admin(secured.http_url, "--auth-plugin", "token", "--auth-params", f"token:{token(key=bytes(32))}", "clusters", "list")
    assert it.returncode == 1 and "Authentication required" in it.stderr, it
    assert admin(secured.http_url, "clusters", "list").returncode == 1
    it = admin(secured.ready["https_url"], "--tls-trust-cert-path", stranger.trust, "--auth-plugin", "token", "--auth-params",
               f"token:{token()}", "clusters", "list")
    assert it.returncode == 1 and "not trusted" in it.stderr, it
    it = admin(secured.http_url, "clusters", "list", PULSAR_TLS_ENABLED="true", PULSAR_AUTH_METHOD="jwt",
               PULSAR_AUTH_TOKEN=token())
    assert it.returncode == 1 and "without TLS" in it.stderr, it


# ---- the notary ----

def secured_notary(broker, directory, certs, **environment):
    return Notary(broker.url, directory, **{"PULSAR_AUTH_METHOD": "jwt", "PULSAR_TLS_TRUST_CERTS_PATH": certs.trust, **environment})


def test_the_notary_signs_for_a_broker_that_asks_who_comes(secured, certs, connect, tmp_path):
    (tmp_path / "token").write_text(token("notary"))
    notary = secured_notary(secured, tmp_path / "notary", certs, PULSAR_SERVICE_URL=secured.tls_url,
                            PULSAR_AUTH_TOKEN=f"file://{tmp_path}/token").start()
    try:
        channel = Channel(connect(secured.url, authentication=pulsar.AuthenticationToken(token("ci"))), notary)
        event = sample_event()
        channel.send(event)
        data = channel.next("results")
        assert json.loads(data)["success"] and verify(tmp_path, data, event)
        done = run_notary("demo", env=notary.environment)
        assert done.returncode == 0 and "verified" in done.stdout, done
    finally:
        notary.stop()
    assert "connected to pulsar+ssl://" in notary.log.read_text()
    assert token("notary") not in notary.log.read_text()


def test_a_notary_that_is_not_believed_ends_and_says_so(secured, certs, tmp_path):
    for i, wrong in enumerate(({"PULSAR_AUTH_TOKEN": token(key=bytes(32))}, {"PULSAR_AUTH_TOKEN": "file:///nowhere"},
                               {"PULSAR_AUTH_METHOD": "none"}, {"PULSAR_AUTH_METHOD": "basic", "PULSAR_AUTH_PARAMS": "alice:no"})):
        notary = secured_notary(secured, tmp_path / f"n{i}", certs, **wrong).start(ready=False)
        assert notary.wait() == 1
        said = notary.log.read_text()
        assert "AuthenticationError" in said or "ErrorGettingAuthenticationData" in said, said
        assert "alice:no" not in said and "eyJ" not in said


def test_up_wants_a_proof_for_its_notary_and_the_notary_uses_it(certs, tmp_path):
    words = ["up", "--port", "0", "--http-port", "0", "--data", str(tmp_path / "data"), "-o", "json", *options_of(certs),
             *authentication(tmp_path)]
    it = geminga(*words)
    assert it.returncode == 2 and "PULSAR_AUTH_TOKEN" in it.stderr
    environment = {**os.environ, "PULSAR_AUTH_METHOD": "jwt", "PULSAR_AUTH_TOKEN": token("notary"),
                   "PULSAR_TLS_ENABLED": "true", "PULSAR_TLS_TRUST_CERTS_PATH": certs.trust}
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen([*DIES_WITH_PARENT, PROGRAM, *words], stdout=subprocess.PIPE, stderr=log, text=True,
                                   env=environment)
    ready = json.loads(process.stdout.readline())
    demo = run_notary("demo", "--service-url", ready["service_url_tls"], env=environment)
    process.terminate()
    assert process.wait(60) == 0, (tmp_path / "log").read_text()
    assert demo.returncode == 0 and "verified" in demo.stdout, demo
    assert "connected as role notary" in (tmp_path / "log").read_text()
    assert token("notary") not in (tmp_path / "log").read_text()
