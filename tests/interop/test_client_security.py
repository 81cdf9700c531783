# SPDX-License-Identifier: Apache-2.0
"""Our own clients (the C library, `geminga client`, `geminga admin`) with brokers that want to know who comes, over TLS."""
import os
import socketserver
import subprocess
import threading
from pathlib import Path

import pytest

import certificates
from broker_process import PROGRAM, SERVICE_URL, Broker
from certificates import Authority

pytestmark = pytest.mark.skipif(bool(SERVICE_URL), reason="the broker is not ours to configure")

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
    return ["--tls-port", "0", "--tls-certificate-file", certs.broker.certificate, "--tls-key-file", certs.broker.key]


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
