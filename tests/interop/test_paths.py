# SPDX-License-Identifier: Apache-2.0
"""Names are not paths: whatever tenants, topics, subscriptions and the rest are called, no file outside the data
directory comes of it, none inside has such a name, and no answer holds what is in a file."""
import http.client
import json
from pathlib import Path
from urllib.parse import quote

import pytest

from broker_process import SERVICE_URL, Broker, eventually
from rest import get
from wire import ERROR, PRODUCER, PRODUCER_SUCCESS, SUBSCRIBE, SUCCESS, Closed, Connection

pytestmark = pytest.mark.skipif(bool(SERVICE_URL), reason="the broker's files are not ours to look at")

MARK = "geminga-escaped"
SECRET = "what nobody outside shall read"
UP = "../" * 12

NAMES = [
    "../" + MARK,
    UP + "tmp/" + MARK,
    "a/../../" + MARK,
    "..%2f" + MARK,
    "..%2f..%2f" + MARK,
    "..\\" + MARK,
    "/tmp/" + MARK,
    "//tmp/" + MARK,
    "file:///tmp/" + MARK,
    "..",
    ".",
    "./" + MARK,
    MARK + "\0.txt",
    "../secret",
]

CLUSTER = {"serviceUrl": "http://localhost:1", "brokerClientTrustCertsFilePath": "../secret",
           "authenticationPlugin": "token", "authenticationParameters": "file:../secret"}
SCHEMA = {"type": "STRING", "schema": "", "properties": {"file": "../secret"}}

ROUTES = [
    ("PUT", "/admin/v2/tenants/{}", {"allowedClusters": ["standalone"]}),
    ("PUT", "/admin/v2/namespaces/{}/ns", None),
    ("PUT", "/admin/v2/namespaces/public/{}", None),
    ("PUT", "/admin/v2/persistent/public/default/{}", None),
    ("PUT", "/admin/v2/persistent/public/default/{}/partitions", 1),
    ("PUT", "/admin/v2/persistent/public/default/t/subscription/{}", None),
    ("PUT", "/admin/v2/clusters/{}", CLUSTER),
    ("PUT", "/admin/v2/resourcegroups/{}", {}),
    ("POST", "/admin/v2/schemas/public/default/{}/schema", SCHEMA),
    ("POST", "/admin/v2/brokers/configuration/statusFilePath/{}", None),
    ("GET", "/admin/v2/persistent/public/default/{}/stats", None),
    ("GET", "/ws/v2/producer/persistent/public/default/{}", None),
    ("GET", "/admin/v2/{}", None),
    ("GET", "/{}", None),
]


@pytest.fixture
def broker(tmp_path):
    """Some directories below what is looked at; its own log is beside its data."""
    home = tmp_path / "one" / "two"
    home.mkdir(parents=True)
    (home / "secret").write_text(SECRET)
    it = Broker(home)
    yield it
    it.kill()


def found(root):
    return {str(path.relative_to(root)) for path in root.rglob("*")}


def outside(broker, root):
    own = str(broker.data.relative_to(root)) + "/"
    return {name for name in found(root) if not name.startswith(own)}


def check_files(broker, root, before):
    """Nothing is new but in the data directory, and that has no such names."""
    assert outside(broker, root) == before
    assert not [name for name in found(broker.data) if MARK in name or "secret" in name]
    for place in ("/", "/tmp", Path.cwd()):
        assert not list(Path(place).glob(f"*{MARK}*"))


def ask(broker, method, path, body):
    """As it is written: nothing here makes another path of it."""
    connection = http.client.HTTPConnection("127.0.0.1", broker.http_port, timeout=30)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        content = b"" if body is None else json.dumps(body).encode()
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(len(content)))
        connection.endheaders(content)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except (http.client.HTTPException, ConnectionError):  # not even an answer: the path was no HTTP
        return 400, ""
    finally:
        connection.close()


def written(name):
    """As a URL may have it: as it is, quoted once, and quoted twice."""
    once = quote(name, safe="")
    return [name.replace("\0", "%00"), once, quote(once, safe="")]


@pytest.mark.parametrize("method, route, body", ROUTES)
def test_names_in_urls(broker, tmp_path, method, route, body):
    before = outside(broker, tmp_path)
    for name in NAMES:
        for path in written(name):
            status, text = ask(broker, method, route.format(path), body)
            assert status not in (500, 503), (path, text)
            assert SECRET not in text and "root:" not in text
    assert ask(broker, "GET", "/admin/v2/clusters", None)[0] == 200
    check_files(broker, tmp_path, before)
    broker.restart()  # what waited is written, and read again
    check_files(broker, tmp_path, before)


def attempt(connection, kind, *fields, id_field, answer):
    got, _ = connection.request(kind, *fields, id_field=id_field)
    assert got in (answer, ERROR)
    return got == answer


def test_names_on_the_wire(broker, tmp_path):
    before = outside(broker, tmp_path)
    made = 0
    for i, name in enumerate(NAMES):
        for before_it in ("", "persistent://", "persistent://public/", "persistent://public/default/"):
            topic = before_it + name
            connection = Connection(broker.port)
            connection.handshake()
            try:
                if attempt(connection, PRODUCER, (1, topic), (2, 1), (4, name), id_field=3, answer=PRODUCER_SUCCESS):
                    connection.publish(0)
                    connection.receipt(0)
                    made += 1
                attempt(connection, SUBSCRIBE, (1, topic), (2, name), (3, 0), (4, 1), (13, 1), id_field=5,
                        answer=SUCCESS)
                attempt(connection, SUBSCRIBE, (1, f"t{i}"), (2, name), (3, 0), (4, 2), (13, 1), id_field=5,
                        answer=SUCCESS)
            except Closed:
                pass
            connection.close()
    assert made > 0  # some are names of topics, and nothing but names
    check_files(broker, tmp_path, before)
    broker.restart()
    check_files(broker, tmp_path, before)


def test_a_backup_goes_nowhere_that_a_request_names(broker, tmp_path):
    before = outside(broker, tmp_path)
    for asked in ("", "?directory=/tmp/" + MARK, "?backup-to=../" + MARK, "/..%2f" + MARK):
        ask(broker, "PUT", "/admin/v2/brokers/backup" + asked, {"directory": "/tmp/" + MARK})
        eventually(lambda: get(broker, "/admin/v2/brokers/backup")["state"] != "running")
    (broker.data / "backup-to").write_text("../" + MARK)
    ask(broker, "PUT", "/admin/v2/brokers/backup", None)
    eventually(lambda: "names no absolute path" in (get(broker, "/admin/v2/brokers/backup").get("failure") or ""))
    check_files(broker, tmp_path, before)
