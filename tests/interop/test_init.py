# SPDX-License-Identifier: Apache-2.0
"""geminga init: from an empty directory to a broker that lets in whom it knows, with our tools and the official client."""
import json
import os
import socket
import ssl
import stat
import subprocess
import tomllib
import urllib.error
import urllib.request

import pulsar
import pytest

from broker_process import PROGRAM, SERVICE_URL, Broker

pytestmark = pytest.mark.skipif(bool(SERVICE_URL), reason="about our program only")

SECRETS = ["private/ca.key.pem", "private/token.key", "tls/server.key.pem", "tls/admin.key.pem", "tokens/admin.jwt",
           "tokens/app.jwt"]
TOPIC = "persistent://public/default/hello"


def run(*words, status=0, **options):
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def files(place):
    return {str(p.relative_to(place)): p.read_bytes() for p in place.rglob("*") if p.is_file()}


class SecureBroker(Broker):
    """On the ports that its configuration has, for those are what its clients' files say."""

    def _spawn(self, port, http_port):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", PROGRAM, "standalone", "--config",
                                             str(self.place / "geminga.toml"), "-o", "json"],
                                            stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL)

    def start(self, port=0, http_port=0):
        self._spawn(0, 0)
        self.ready = json.loads(self._ready_line())
        self.port = self.http_port = 0

    def __init__(self, directory, place):
        self.place = place
        super().__init__(directory, data=place / "data")


@pytest.fixture
def secure(tmp_path):
    place = tmp_path / "my-broker"
    run("init", "--secure", "--port", free_port(), "--http-port", free_port(), place)
    it = SecureBroker(tmp_path, place)
    yield it
    it.kill()


def settings(place):
    """Of geminga.toml, and of a client's file."""
    client = dict(line.split("=", 1) for line in (place / "client.conf").read_text().splitlines())
    return tomllib.loads((place / "geminga.toml").read_text()), client


# ---- files ----

def test_a_plain_one_is_for_this_machine_only(tmp_path):
    place = tmp_path / "plain"
    said = run("init", place)
    assert "whoever reaches its ports may do everything" in said
    broker, client = settings(place)
    assert broker["broker"]["bind_address"] == "127.0.0.1"
    assert client["brokerServiceUrl"] == "pulsar://localhost:6650"


def test_all_is_for_its_owner_alone_and_no_secret_is_printed(tmp_path):
    place = tmp_path / "my-broker"
    said = run("init", "--secure", place, umask=0)
    for path in [place, *place.rglob("*")]:
        mode = stat.S_IMODE(os.stat(path).st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
    assert len(said.splitlines()) == 5
    for name in SECRETS:
        secret = (place / name).read_bytes()
        for part in [line for line in secret.splitlines() if len(line) > 20 and b"-----" not in line]:
            assert part.decode("latin-1") not in said, name


def test_the_configuration_is_taken_as_it_is(tmp_path):
    place = tmp_path / "my-broker"
    run("init", "--secure", "--host", "bus.example.org", place)
    shown = json.loads(run("config", "show", "-c", place / "geminga.toml", "-o", "json"))["settings"]
    assert shown["broker.port"]["value"] == -1 and shown["authentication.enabled"]["value"] is True
    assert shown["broker.advertised_address"]["value"] == "bus.example.org"
    assert settings(place)[1]["brokerServiceUrl"] == "pulsar+ssl://bus.example.org:6651"


def test_nothing_is_written_over(tmp_path):
    place = tmp_path / "my-broker"
    run("init", "--secure", place)
    before = files(place)
    said = run("init", "--secure", place, status=1)
    assert "nothing is written over" in said
    assert files(place) == before


def test_two_have_nothing_in_common(tmp_path):
    run("init", "--secure", tmp_path / "a")
    run("init", "--secure", tmp_path / "b")
    for name in SECRETS:
        assert (tmp_path / "a" / name).read_bytes() != (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("words,told", [
    ([], "which directory?"),
    (["a", "b"], "one directory, please"),
    (["--host", "a b", "x"], "`a b` is neither a name nor an address"),
    ([*[f"--host=bus{n}.example.org" for n in range(40)], "x"], "--host can be said"),
    (["--expiry-time", "soon", "x"], "--expiry-time expects a time"),
    (["--expiry-time", "11y", "x"], "at most 10 years"),
    (["--role", "admin", "x"], "--role is a name of its own"),
    (["--renew-certificate", "--secure", "x"], "stands without --secure"),
])
def test_what_makes_no_sense_is_refused(words, told, tmp_path):
    assert told in run("init", *words, status=2, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_tokens_are_good_and_say_who(tmp_path):
    place = tmp_path / "my-broker"
    run("init", "--secure", "--role", "loader", place)
    key = f"file:{place}/tokens/public.key"
    assert "sub=admin" in run("tokens", "validate", "-pk", key, "-f", place / "tokens/admin.jwt")
    assert "sub=loader" in run("tokens", "validate", "-pk", key, "-f", place / "tokens/app.jwt")
    another = run("tokens", "create", "--private-key", f"file:{place}/private/token.key", "--subject", "third").strip()
    assert "sub=third" in run("tokens", "validate", "-pk", key, another)


# ---- a broker of it ----

def test_from_nothing_to_a_message_with_our_own_tools(secure):
    place = secure.place
    refused = run("client", "--config", place / "app.conf", "produce", "hello", "-m", "x", status=1)
    assert "AuthorizationError" in refused and "grant-permission" in refused
    run("admin", "--config", place / "client.conf", "namespaces", "grant-permission", "public/default", "--role", "app",
        "--actions", "produce,consume")
    run("client", "--config", place / "app.conf", "produce", "hello", "-m", "hello world")
    assert "content:hello world" in run("client", "--config", place / "app.conf", "consume", "hello", "-s", "s", "-p",
                                        "Earliest", "-n", "1")
    said = run("admin", "--config", place / "client.conf", "doctor", "--strict")
    assert "ok    nothing in its configuration is open that should not be" in said and "0 warnings" in said


def official(place, token, seconds=10):
    client = settings(place)[1]
    return pulsar.Client(client["brokerServiceUrl"], tls_trust_certs_file_path=str(place / "tls/ca.pem"),
                         tls_validate_hostname=True, operation_timeout_seconds=seconds,
                         authentication=token and pulsar.AuthenticationToken(token),
                         logger=pulsar.ConsoleLogger(pulsar.LoggerLevel.Error))


def test_the_official_client_is_let_in_with_a_token_and_not_without(secure):
    place = secure.place
    run("admin", "--config", place / "client.conf", "namespaces", "grant-permission", "public/default", "--role", "app",
        "--actions", "produce,consume")
    client = official(place, (place / "tokens/app.jwt").read_text())
    consumer = client.subscribe(TOPIC, "s")
    client.create_producer(TOPIC).send(b"hello")
    assert consumer.receive(10_000).data() == b"hello"
    client.close()
    for stranger in [None, "abc", (place / "tokens/app.jwt").read_text()[:-4] + "AAAA"]:
        client = official(place, stranger, seconds=1)
        with pytest.raises(pulsar.PulsarException):
            client.create_producer(TOPIC)
        client.close()


def test_an_administrator_may_show_a_certificate_instead(secure):
    place = secure.place
    said = run("admin", "--config", place / "client.conf", "--auth-plugin", "tls", "--auth-params",
               f"tlsCertFile:{place}/tls/admin.pem,tlsKeyFile:{place}/tls/admin.key.pem", "tenants", "list")
    assert "public" in said


def ask(place, path, token=None):
    context = ssl.create_default_context(cafile=str(place / "tls/ca.pem"))
    request = urllib.request.Request(settings(place)[1]["webServiceUrl"] + path)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code


def test_what_was_refused_and_done_is_in_the_audit_log(secure):
    place = secure.place
    run("admin", "--config", place / "client.conf", "tenants", "create", "acme")
    assert ask(place, "/admin/v2/tenants") == 401
    assert ask(place, "/admin/v2/tenants", (place / "tokens/app.jwt").read_text()) in (401, 403)
    assert ask(place, "/metrics") == 401
    run("client", "--config", place / "app.conf", "produce", "hello", "-m", "x", status=1)
    secure.stop()
    said = [json.loads(line) for line in (place / "data/audit/audit.log").read_text().splitlines()]
    done = [(line["role"], line["action"], line["outcome"]) for line in said]
    assert ("admin", "PUT /admin/v2/tenants/acme", "done") in done
    assert (None, "GET /admin/v2/tenants", "refused") in done
    assert ("app", "GET /admin/v2/tenants", "refused") in done
    assert any(line["via"] == "binary" and line["role"] == "app" and line["outcome"] == "refused" for line in said)
    assert all(line["peer"].startswith("127.0.0.1:") or line["peer"].startswith("[::1]") for line in said)
    token = (place / "tokens/app.jwt").read_text()
    assert token not in json.dumps(said) and token not in secure.log_tail()


def test_only_super_users_read_the_audit_topic(secure):
    place = secure.place
    secure.stop()
    with open(place / "geminga.toml", "a") as file:  # its last section is the audit log's
        file.write('topic = "persistent://pulsar/system/audit"\n')
    secure.start()
    run("admin", "--config", place / "client.conf", "namespaces", "grant-permission", "pulsar/system", "--role", "app",
        "--actions", "produce,consume")
    app = official(place, (place / "tokens/app.jwt").read_text(), seconds=1)
    with pytest.raises(pulsar.PulsarException):
        app.subscribe("persistent://pulsar/system/audit", "s")
    app.close()
    admin = official(place, (place / "tokens/admin.jwt").read_text())
    reader = admin.create_reader("persistent://pulsar/system/audit", pulsar.MessageId.earliest)
    run("admin", "--config", place / "client.conf", "tenants", "create", "acme")
    seen = []
    while not seen or seen[-1]["action"] != "PUT /admin/v2/tenants/acme":
        seen.append(json.loads(reader.read_next(10_000).data()))
    assert any(line["role"] == "app" and line["outcome"] == "refused" for line in seen)
    with pytest.raises(pulsar.PulsarException):
        admin.create_producer("persistent://pulsar/system/audit")
    admin.close()


def test_secrets_are_not_shown_by_the_broker(secure):
    place = secure.place
    token = (place / "tokens/admin.jwt").read_text()
    shown = run("admin", "--config", place / "client.conf", "brokers", "get-runtime-config")
    assert token not in shown and "PRIVATE" not in shown


def test_certificates_are_renewed_and_the_broker_takes_them(secure):
    place = secure.place
    before = (place / "tls/server.pem").read_bytes()
    key = (place / "tls/server.key.pem").read_bytes()
    run("init", "--renew-certificate", place)
    assert (place / "tls/server.pem").read_bytes() != before and (place / "tls/server.key.pem").read_bytes() == key
    secure.restart()
    assert ask(place, "/admin/v2/tenants", (place / "tokens/admin.jwt").read_text()) == 200


def test_without_its_private_part_nothing_is_renewed(secure):
    (secure.place / "private").rename(secure.place.parent / "elsewhere")
    said = run("init", "--renew-certificate", secure.place, status=1)
    assert "bring the directory `private` back" in said
