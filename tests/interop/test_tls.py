# SPDX-License-Identifier: Apache-2.0
"""TLS of the binary protocol: with the official client, and with Python's own ssl, byte by byte where that matters."""
import json
import os
import signal
import socket
import ssl
import subprocess
import urllib.request

import pulsar
import pytest

import certificates
from broker_process import DIES_WITH_PARENT, PROGRAM, SERVICE_URL, Broker, eventually
from certificates import HERE, Authority
from conftest import new_client
from wire import CONNECT, CONNECTED, LOOKUP, LOOKUP_RESPONSE, Closed, Connection, command, frame

pytestmark = pytest.mark.skipif(bool(SERVICE_URL), reason="the broker is not ours to configure")

PERSISTENT = "persistent://public/default/"


class TlsConnection(Connection):
    """As the plain one, after a handshake."""

    def __init__(self, port, context, host="localhost"):
        super().__init__(port)
        self.socket = context.wrap_socket(self.socket, server_hostname=host)


def trusting(certs, issued=None, host=True):
    context = ssl.create_default_context(cafile=certs.trust)
    context.check_hostname = host
    if issued:
        context.load_cert_chain(issued.certificate, issued.key)
    return context


def options_of(certs, *more):
    return ["--tls-port", "0", "--tls-certificate-file", certs.broker.certificate, "--tls-key-file", certs.broker.key,
            *more]


@pytest.fixture(scope="module")
def certs(tmp_path_factory):
    return certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def tls_broker(certs, tmp_path_factory):
    """With both ports; clients may show a certificate."""
    it = Broker(tmp_path_factory.mktemp("broker"), options=options_of(certs, "--tls-trust-file", certs.trust))
    yield it
    it.stop()


@pytest.fixture
def start(certs, tmp_path):
    started = []

    def one(*more, port=0, with_certs=None):
        directory = tmp_path / str(len(started))
        directory.mkdir()
        started.append(Broker(directory, port=port, options=options_of(with_certs or certs, *more)))
        return started[-1]

    yield one
    for broker in started:
        broker.stop()


@pytest.fixture
def config(tmp_path):
    """Flags for a file with Pulsar's own keys."""

    def one(**keys):
        path = tmp_path / "more.conf"
        path.write_text("".join(f"{key}={value}\n" for key, value in keys.items()))
        return ["--config", str(path)]

    return one


@pytest.fixture
def tls_client(certs, connect):
    """A client of the official library's, over TLS."""

    def one(broker, **options):
        options.setdefault("tls_trust_certs_file_path", certs.trust)
        options.setdefault("tls_validate_hostname", True)
        return connect(broker.tls_url, **options)

    return one


def metric(broker, name):
    with urllib.request.urlopen(f"{broker.http_url}/metrics") as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(name):
                return float(line.rsplit(" ", 1)[1])
    return None


# ---- it works ----

def test_messages_go_over_tls(tls_broker, tls_client, topic):
    client = tls_client(tls_broker)
    consumer = client.subscribe(topic, "s")
    producer = client.create_producer(topic)
    for i in range(1000):
        producer.send_async(b"%d" % i, lambda *_: None)
    producer.flush()
    for i in range(1000):
        message = consumer.receive(20000)
        assert message.data() == b"%d" % i
        consumer.acknowledge(message)


def test_large_messages_go_over_tls(tls_broker, tls_client, topic):
    client = tls_client(tls_broker)
    consumer = client.subscribe(topic, "s")
    producer = client.create_producer(topic, batching_enabled=False)
    payloads = [os.urandom(size) for size in (1, 16383, 16384, 16385, 1 << 20, 5 * (1 << 20) - 10000)]
    for payload in payloads:
        producer.send(payload)
    for payload in payloads:
        assert consumer.receive(30000).data() == payload


def test_a_client_with_a_certificate_is_let_in(certs, tls_broker, tls_client, topic):
    client = tls_client(tls_broker, authentication=pulsar.AuthenticationTLS(certs.client.certificate, certs.client.key))
    client.create_producer(topic).send(b"hello")


def test_both_ports_serve_the_same_topics(tls_broker, tls_client, connect, topic):
    consumer = connect(tls_broker.url).subscribe(topic, "s")
    tls_client(tls_broker).create_producer(topic).send(b"from afar")
    assert consumer.receive(20000).data() == b"from afar"


def test_many_connections_at_once(certs, tls_broker):
    context = trusting(certs)
    connections = [TlsConnection(tls_broker.tls_port, context) for _ in range(200)]
    for connection in connections:
        connection.handshake()
    for connection in connections:
        connection.expect_alive()
        connection.close()


def test_a_connection_that_sends_byte_by_byte_is_understood(certs, tls_broker):
    connection = TlsConnection(tls_broker.tls_port, trusting(certs))
    for byte in frame(command(CONNECT, (1, "slow"), (4, 19))):
        connection.socket.sendall(bytes([byte]))
    connection.expect(CONNECTED)
    connection.close()


# ---- protocols ----

@pytest.mark.parametrize("version, name", [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")])
def test_tls_1_2_and_1_3_are_spoken(certs, tls_broker, version, name):
    context = trusting(certs)
    context.minimum_version = context.maximum_version = version
    connection = TlsConnection(tls_broker.tls_port, context)
    assert connection.socket.version() == name
    assert connection.socket.compression() is None
    connection.handshake()
    connection.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_older_protocols_are_refused(certs, tls_broker, version):
    context = trusting(certs)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with pytest.raises(ssl.SSLError, match="protocol version|PROTOCOL_VERSION"):
        TlsConnection(tls_broker.tls_port, context)


def test_ciphers_without_forward_secrecy_are_refused(certs, tls_broker):
    context = trusting(certs)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-GCM-SHA256:AES256-SHA")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        TlsConnection(tls_broker.tls_port, context)


def test_protocols_and_ciphers_can_be_narrowed(certs, start, config):
    broker = start(*config(tlsProtocols="TLSv1.3", tlsCiphers="TLS_AES_256_GCM_SHA384"))
    connection = TlsConnection(broker.tls_port, trusting(certs))
    assert connection.socket.cipher()[0] == "TLS_AES_256_GCM_SHA384"
    connection.close()
    context = trusting(certs)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        TlsConnection(broker.tls_port, context)


def test_no_session_is_resumed(certs, tls_broker):
    for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
        context = trusting(certs)
        context.minimum_version = context.maximum_version = version
        connection = TlsConnection(tls_broker.tls_port, context)
        connection.handshake()
        session = connection.socket.session
        assert session is None or not session.has_ticket
        connection.close()
        raw = socket.create_connection(("127.0.0.1", tls_broker.tls_port))
        with context.wrap_socket(raw, server_hostname="localhost", session=session) as again:
            assert not again.session_reused


# ---- who the broker is ----

def refused_by_client(url, **options):
    client = new_client(url, operation_timeout_seconds=5, **options)
    try:
        with pytest.raises(pulsar.exceptions.PulsarException):
            client.create_producer(PERSISTENT + "never")
    finally:
        client.close()


def test_a_client_that_trusts_somebody_else_does_not_connect(tmp_path, tls_broker):
    stranger = Authority(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        TlsConnection(tls_broker.tls_port, ssl.create_default_context(cafile=stranger.file))
    refused_by_client(tls_broker.tls_url, tls_trust_certs_file_path=stranger.file)


def test_a_certificate_of_another_host_is_noticed(certs, start):
    elsewhere = certs._replace(broker=certs.authority.issue("elsewhere", "elsewhere.example",
                                                            hosts=["elsewhere.example"]))
    broker = start(with_certs=elsewhere)
    with pytest.raises(ssl.SSLCertVerificationError, match="ostname mismatch|doesn't match"):
        TlsConnection(broker.tls_port, trusting(certs))
    TlsConnection(broker.tls_port, trusting(certs, host=False)).handshake()
    refused_by_client(broker.tls_url, tls_trust_certs_file_path=certs.trust, tls_validate_hostname=True)


def test_an_expired_certificate_is_noticed(certs, start):
    expired = certs._replace(broker=certs.authority.issue("expired", "localhost", hosts=HERE, days=(-10, -1)))
    broker = start(with_certs=expired)
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        TlsConnection(broker.tls_port, trusting(certs))
    refused_by_client(broker.tls_url, tls_trust_certs_file_path=certs.trust)
    assert metric(broker, "geminga_tls_handshakes_failed_total") >= 1


# ---- who the client is ----

def test_a_required_certificate_lets_in_who_has_it(certs, start, tls_client, topic):
    broker = start("--tls-trust-file", certs.trust, "--tls-require-client-certificate")
    tls_client(broker, authentication=pulsar.AuthenticationTLS(certs.client.certificate, certs.client.key)) \
        .create_producer(topic).send(b"hello")
    for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
        context = trusting(certs, certs.client)
        context.minimum_version = context.maximum_version = version
        TlsConnection(broker.tls_port, context).handshake()


def expect_no_entry(port, context):
    """With TLS 1.3 a client hears of it with its first read."""
    with pytest.raises((ssl.SSLError, ConnectionError, Closed)):
        TlsConnection(port, context).handshake()


def test_a_required_certificate_keeps_out_who_has_none(certs, start, tmp_path):
    broker = start("--tls-trust-file", certs.trust, "--tls-require-client-certificate")
    for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
        context = trusting(certs)
        context.minimum_version = context.maximum_version = version
        expect_no_entry(broker.tls_port, context)
    refused_by_client(broker.tls_url, tls_trust_certs_file_path=certs.trust)
    eventually(lambda: metric(broker, "geminga_tls_handshakes_failed_total") >= 3)
    assert "peer did not return a certificate" in broker.log_tail()


def test_a_strangers_certificate_keeps_out_even_if_none_is_required(certs, tls_broker, tmp_path):
    stranger = Authority(tmp_path).issue("client", "admin")
    expect_no_entry(tls_broker.tls_port, trusting(certs, stranger))


def test_an_expired_certificate_of_a_client_keeps_out(certs, tls_broker):
    expired = certs.authority.issue("expired-client", "admin", days=(-10, -1))
    expect_no_entry(tls_broker.tls_port, trusting(certs, expired))


def test_an_insecure_broker_lets_strangers_in(certs, start, config, tmp_path):
    broker = start(*config(tlsAllowInsecureConnection="true"), "--tls-trust-file", certs.trust)
    stranger = Authority(tmp_path / "stranger").issue("client", "admin")
    TlsConnection(broker.tls_port, trusting(certs, stranger)).handshake()


# ---- what is no TLS ----

def test_plain_bytes_on_the_port_with_tls_are_refused(tls_broker, connect):
    before = metric(tls_broker, "geminga_tls_handshakes_failed_total")
    connection = Connection(tls_broker.tls_port)
    with pytest.raises(Closed):
        connection.handshake()
    eventually(lambda: metric(tls_broker, "geminga_tls_handshakes_failed_total") > before)


def test_tls_on_the_plain_port_is_refused(certs, tls_broker):
    with pytest.raises((ssl.SSLError, ConnectionError)):
        TlsConnection(tls_broker.port, trusting(certs))
    Connection(tls_broker.port).handshake()


def test_half_open_connections_keep_nobody_out(certs, tls_broker):
    silent = [socket.create_connection(("127.0.0.1", tls_broker.tls_port)) for _ in range(100)]
    begun = [socket.create_connection(("127.0.0.1", tls_broker.tls_port)) for _ in range(100)]
    for it in begun:
        it.sendall(b"\x16\x03\x01\x02\x00\x01")
    eventually(lambda: metric(tls_broker, "geminga_tls_handshakes_in_progress") >= 200)
    TlsConnection(tls_broker.tls_port, trusting(certs)).handshake()
    for it in silent + begun:
        it.close()
    eventually(lambda: metric(tls_broker, "geminga_tls_handshakes_in_progress") == 0)


def test_a_flood_of_half_open_connections_drops_the_oldest(certs, start):
    broker = start("--max-connections", "20")
    silent = [socket.create_connection(("127.0.0.1", broker.tls_port)) for _ in range(30)]
    eventually(lambda: metric(broker, "geminga_tls_handshakes_dropped_total") >= 10)
    TlsConnection(broker.tls_port, trusting(certs)).handshake()
    assert silent[0].recv(1) == b""
    for it in silent:
        it.close()


# ---- certificates are renewed ----

def serial(port):
    return ssl.get_server_certificate(("127.0.0.1", port))


def test_a_new_certificate_is_taken_while_the_broker_runs(tmp_path, start):
    own = certificates.make(tmp_path / "own")
    broker = start(with_certs=own)
    before = serial(broker.tls_port)
    old = TlsConnection(broker.tls_port, trusting(own))
    old.handshake()
    expires = metric(broker, "geminga_tls_certificate_expires_seconds")
    own.authority.issue("broker", "localhost", hosts=HERE, days=(-1, 300))
    broker.process.send_signal(signal.SIGHUP)
    eventually(lambda: serial(broker.tls_port) != before)
    assert metric(broker, "geminga_tls_certificate_expires_seconds") > expires + 200 * 86400
    old.expect_alive()
    TlsConnection(broker.tls_port, trusting(own)).handshake()


def test_a_broken_certificate_leaves_the_old_one(tmp_path, start):
    own = certificates.make(tmp_path / "own")
    broker = start(with_certs=own)
    before = serial(broker.tls_port)
    certificates.replace(own.broker.certificate, b"nothing of the kind")
    for _ in range(2):
        broker.process.send_signal(signal.SIGHUP)
    eventually(lambda: metric(broker, "geminga_tls_renewal_failures_total") == 1)
    assert serial(broker.tls_port) == before
    assert broker.log.read_text().count("not certificates in PEM") == 1
    own.authority.issue("broker", "localhost", hosts=HERE)
    broker.process.send_signal(signal.SIGHUP)
    eventually(lambda: serial(broker.tls_port) != before)


def test_files_are_looked_at_without_being_asked(tmp_path, start, config):
    own = certificates.make(tmp_path / "own")
    broker = start(*config(tlsCertRefreshCheckDurationSec="0"), with_certs=own)
    before = serial(broker.tls_port)
    own.authority.issue("broker", "localhost", hosts=HERE)
    eventually(lambda: serial(broker.tls_port) != before)


# ---- addresses, configuration ----

def lookup(connection, name, listener=None):
    return connection.request(LOOKUP, (1, name), (3, 0), (7, listener), id_field=2, answer=LOOKUP_RESPONSE)


def looked_up(broker, name, query=""):
    path = name.replace("://", "/")
    with urllib.request.urlopen(f"{broker.http_url}/lookup/v2/topic/{path}{query}") as answer:
        return json.load(answer)


def test_lookups_tell_both_addresses(tls_broker, topic):
    connection = Connection(tls_broker.port)
    connection.handshake()
    answer = lookup(connection, topic)
    assert answer[1] == [tls_broker.url.encode()]
    assert answer[2] == [tls_broker.tls_url.encode()]
    answer = looked_up(tls_broker, topic)
    assert answer["brokerUrl"] == tls_broker.url
    assert answer["brokerUrlTls"] == answer["brokerUrlSsl"] == tls_broker.tls_url


def test_without_a_plain_port_all_is_with_tls(certs, start, tls_client, topic):
    broker = start(port=-1)
    assert broker.port is None
    assert broker.url == broker.tls_url == f"pulsar+ssl://localhost:{broker.tls_port}"
    connection = TlsConnection(broker.tls_port, trusting(certs))
    connection.handshake()
    answer = lookup(connection, topic)
    assert 1 not in answer and answer[2] == [broker.tls_url.encode()]
    assert looked_up(broker, topic)["brokerUrlTls"] == broker.tls_url
    tls_client(broker).create_producer(topic).send(b"hello")


def test_pulsars_own_keys_say_the_same(certs, tmp_path, connect, topic):
    (tmp_path / "broker.conf").write_text(f"""
brokerServicePort=
brokerServicePortTls=0
webServicePort=0
tlsEnabled=true
tlsCertificateFilePath={certs.broker.certificate}
tlsKeyFilePath={certs.broker.key}
tlsTrustCertsFilePath={certs.trust}
tlsRequireTrustedClientCertOnConnect=true
tlsAllowInsecureConnection=false
tlsProtocols=TLSv1.3,TLSv1.2
tlsCiphers=
tlsCertRefreshCheckDurationSec=300
""")
    command = [*DIES_WITH_PARENT, PROGRAM, "standalone", "--config", str(tmp_path / "broker.conf"), "--data",
               str(tmp_path / "data"), "-o", "json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        ready = json.loads(process.stdout.readline())
        assert "port" not in ready
        client = connect(ready["service_url_tls"], tls_trust_certs_file_path=certs.trust,
                         authentication=pulsar.AuthenticationTLS(certs.client.certificate, certs.client.key))
        client.create_producer(topic).send(b"hello")
    finally:
        process.terminate()
        assert process.wait(60) == 0
        process.stdout.close()


def test_listeners_may_have_addresses_with_tls(certs, start, topic):
    broker = start("--advertised-listeners", "in:pulsar://in:1,in:pulsar+ssl://in:2,out:pulsar+ssl://out:3")
    connection = Connection(broker.port)
    connection.handshake()
    answer = lookup(connection, topic)
    assert (answer[1], answer[2]) == ([b"pulsar://in:1"], [b"pulsar+ssl://in:2"])
    answer = lookup(connection, topic, "out")
    assert 1 not in answer and answer[2] == [b"pulsar+ssl://out:3"]
    assert looked_up(broker, topic, "?listenerName=out")["brokerUrlTls"] == "pulsar+ssl://out:3"


def refusal(tmp_path, *options):
    it = subprocess.run([PROGRAM, "standalone", "--port", "0", "--http-port", "0", "--data", str(tmp_path / "data"),
                         *options], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert it.returncode != 0
    return it.stderr


def test_a_start_that_cannot_be_secure_is_refused(certs, config, tmp_path):
    assert "a certificate and its key are wanted" in refusal(tmp_path, "--tls-port", "0")
    options = ["--tls-port", "0", "--tls-certificate-file", certs.broker.certificate, "--tls-key-file"]
    assert f"{certs.client.key} is not the key of the certificate" in refusal(tmp_path, *options, certs.client.key)
    encrypted = certs.authority.issue("encrypted", "localhost", password=b"secret")
    assert f"{encrypted.key}: the key is encrypted" in refusal(tmp_path, *options, encrypted.key)
    assert "absent.pem: cannot open the key" in refusal(tmp_path, *options, str(tmp_path / "absent.pem"))
    assert "no file of those that are trusted" in refusal(tmp_path, *options, certs.broker.key,
                                                          "--tls-require-client-certificate")
    assert "not `TLSv1.1`" in refusal(tmp_path, *options, certs.broker.key,
                                      *config(tlsProtocols="TLSv1.1"))
    assert "both -1" in refusal(tmp_path, "--port", "-1")
    assert "there is no port for TLS" in refusal(tmp_path, *config(tlsEnabled="true"))


def test_a_key_that_everybody_reads_is_warned_of(tmp_path, start):
    own = certificates.make(tmp_path / "own")
    os.chmod(own.broker.key, 0o644)
    assert "can be read by everybody" in start(with_certs=own).log_tail()


def test_without_tls_there_is_none(broker):
    assert "tls_port" not in broker.ready
    assert metric(broker, "geminga_tls") is None
