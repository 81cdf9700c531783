# SPDX-License-Identifier: Apache-2.0
"""The notary's HTTP port: what it says of itself is true, what it shows, whom it lets in."""
import hashlib
import json
import re
import socket
import urllib.parse

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from broker_process import eventually
from certificates import make
from notary_port import Port, event_hash, port_settings, token, workflow_path
from notary_process import Channel, Notary, minimal_event, run_notary, verify


@pytest.fixture
def make_notary(broker, tmp_path):
    notaries = []

    def make(name="notary", **options):
        notaries.append(Notary(options.pop("url", broker.url), tmp_path / name, **options))
        return notaries[-1]

    yield make
    for one in notaries:
        one.stop()


@pytest.fixture
def served(make_notary, tmp_path):
    """One that can know nobody."""
    return make_notary(**port_settings(tmp_path, tokens=False)).start()


def notarized(client, notary, port, **changes):
    """An event that is, and its result's bytes."""
    channel = Channel(client, notary)
    event = minimal_event(**changes)
    channel.send(event)
    result = channel.next("results")
    eventually(lambda: port.show(event["event_id"])[0] == 200)
    return event, result


def test_the_document_is_valid_and_true(served):
    port = Port(served)
    status, document = port.get("/openapi.json")
    assert status == 200
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
    names = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(names) == len(set(names))
    for path, item in document["paths"].items():
        asked = re.sub(r"{[a-z_]+}", "1", path)
        status, headers, _ = port.ask("OPTIONS", asked)
        assert status == 204, path
        there = {method.lower() for method in headers["Allow"].split(", ")} - {"head"}
        assert set(item) <= there, path


def test_what_there_is_not_is_said(served):
    port = Port(served)
    for path in ("/", "/v1", "/v1/workflow", "/log", "/log/", "/nothing"):
        assert port.ask("GET", path)[0] == 404, path
    assert port.ask("DELETE", "/v1/workflows")[0] == 405
    assert port.get("/v1/workflows/none")[0] == 404
    assert port.get("/v1/workflows/none/receipt")[0] == 404
    assert port.get("/v1/workflows?limit=0")[0] == 400
    assert port.get("/v1/workflows?limit=x")[0] == 400
    assert port.get("/v1/workflows?after=none")[0] == 404
    assert port.get("/v1/log/entries/0")[0] == 404
    assert port.get("/v1/log/entries/x")[0] == 400
    assert port.get("/v1/log/consistency?from=2&to=1")[0] == 400


def test_a_workflow_is_listed_and_shown_with_its_receipt(client, served, tmp_path):
    port = Port(served)
    event, result = notarized(client, served, port, event_id="with/slash, blank and ü")
    status, listed = port.get("/v1/workflows")
    assert status == 200 and listed["next"] is None
    assert [(w["event_id"], w["status"], w["open"]) for w in listed["workflows"]] == [(event["event_id"], "notarized", False)]
    status, workflow = port.show(event["event_id"])
    assert workflow["event_hash"] == event_hash(event) and workflow["workflow_type"] == "simple_sign"
    assert workflow["result"] == json.loads(result)
    status, headers, receipt = port.ask("GET", workflow_path(event["event_id"]) + "/receipt")
    assert status == 200 and receipt == result
    assert headers["Content-Type"] == "application/json"
    _, _, key = port.ask("GET", "/v1/log/key")
    (tmp_path / "log.pub").write_bytes(key)
    assert verify(tmp_path, receipt, event, "--public-key", tmp_path / "log.pub")
    assert port.get(workflow_path(event["event_id"]) + "/artifacts/0")[0] == 404  # no batch


def test_a_list_goes_on_page_by_page(client, served):
    port = Port(served)
    channel = Channel(client, served)
    for i in range(7):
        channel.send(minimal_event(event_id=f"event {i}"))
        channel.next("results")
    eventually(lambda: len(port.get("/v1/workflows")[1]["workflows"]) == 7)
    seen, after = [], ""
    while after is not None:
        _, page = port.get("/v1/workflows?limit=3" + (f"&after={urllib.parse.quote(after)}" if after else ""))
        assert len(page["workflows"]) <= 3
        seen += [w["event_id"] for w in page["workflows"]]
        after = page["next"]
    assert seen == [f"event {i}" for i in reversed(range(7))]
    assert port.get("/v1/workflows?status=rejected")[1]["workflows"] == []
    assert len(port.get("/v1/workflows?status=notarized&type=simple_sign")[1]["workflows"]) == 7
    assert port.get("/v1/workflows?status=open")[1]["workflows"] == []


def test_the_log_can_be_read_and_checked(client, served):
    port = Port(served)
    for i in range(3):
        notarized(client, served, port)
    status, log = port.get("/v1/log")
    assert status == 200 and log["size"] == 3
    entry = port.get("/v1/log/entries/1")[1]
    assert entry["leaf_hash"].removeprefix("sha256:") == hashlib.sha256(b"\0" + entry["leaf"].encode()).hexdigest()
    assert port.get("/v1/log/entries/3")[0] == 404
    status, proof = port.get("/v1/log/consistency?from=1&to=3")
    assert status == 200 and proof["to_root"] == log["root"] and len(proof["hashes"]) > 0
    headers, checkpoint = eventually(lambda: checkpoint_of_size(port, 3))  # files are written behind, once a second
    assert headers["Content-Type"].startswith("text/plain") and checkpoint == log["checkpoint"].encode()
    status, headers, tile = port.ask("GET", "/log/tile/0/000.p/3")
    assert status == 200 and len(tile) == 3 * 32 and headers["Content-Type"] == "application/octet-stream"


def checkpoint_of_size(port, size):
    status, headers, checkpoint = port.ask("GET", "/log/checkpoint")
    return (headers, checkpoint) if status == 200 and checkpoint.split(b"\n")[1] == b"%d" % size else None


@pytest.mark.parametrize("path", ["../notary.key", "..%2Fnotary.key", "%2e%2e/notary.key", "tile/../../notary.key",
                                  "notary.key", ".", "tile", "tile/0", "tile//0", "/etc/passwd", "checkpoint/", "x", "000.p/"])
def test_nothing_but_the_log_can_be_had_under_its_path(served, path):
    port = Port(served)
    status, _, body = port.ask("GET", "/log/" + path)
    assert status == 404, body
    assert b"PRIVATE" not in body


def test_who_is_unknown_reads_no_workflows_where_somebody_can_be_known(client, make_notary, tmp_path):
    notary = make_notary(**port_settings(tmp_path)).start()
    stranger, ann = Port(notary), Port(notary, "ann")
    status, headers, _ = stranger.ask("GET", "/v1/workflows")
    assert status == 401 and headers["WWW-Authenticate"].startswith("Bearer")
    for bearer in ("x", token("ann", key=b"another key that has 32 bytes as well"), token("ann", exp=1)):
        assert Port(notary, bearer=bearer).ask("GET", "/v1/workflows")[0] == 401
    assert ann.get("/v1/workflows")[0] == 200
    for path in ("/health/pulsar", "/ready", "/metrics", "/openapi.json", "/v1/log", "/v1/log/key"):
        assert stranger.ask("GET", path)[0] == 200, path
    assert "securitySchemes" in stranger.get("/openapi.json")[1]["components"]


def test_a_certificate_says_who_asks(client, make_notary, tmp_path):
    certs = make(tmp_path / "certs", role="ann")
    notary = make_notary(**port_settings(tmp_path, tokens=False, certs=certs)).start()
    assert Port(notary, certs=certs, issued=certs.client).get("/v1/workflows")[0] == 200
    assert Port(notary, certs=certs).ask("GET", "/v1/workflows")[0] == 401
    assert Port(notary, certs=certs).ask("GET", "/health/pulsar")[0] == 200


def test_a_page_of_somebody_else_decides_nothing(client, make_notary, tmp_path):
    notary = make_notary(**port_settings(tmp_path, tokens=False)).start()
    port = Port(notary)
    status, _, _ = port.ask("POST", workflow_path("x") + "/approve", {}, Origin="http://evil.example")
    assert status == 403
    status, _, _ = port.ask("GET", "/v1/workflows", Host="evil.example")
    assert status == 403


@pytest.mark.parametrize("wrong", [
    {"GEMINGA_NOTARY_HTTP_TLS_CERT_PATH": "x"}, {"GEMINGA_NOTARY_HTTP_TLS_CLIENT_CA_PATH": "x"},
    {"GEMINGA_NOTARY_HTTP_TOKEN_AUDIENCE": "x"},
    {"GEMINGA_NOTARY_HTTP_TOKEN_SECRET_KEY": "file:///nowhere"},
    {"GEMINGA_NOTARY_HTTP_TOKEN_SECRET_KEY": "data:;base64,AAAA"},
    {"GEMINGA_NOTARY_APPROVERS_FILE": "/nowhere"}])
def test_settings_that_do_not_fit_end_it_at_once(make_notary, tmp_path, wrong):
    notary = make_notary(**port_settings(tmp_path, tokens=False), **wrong).start(ready=False)
    assert notary.wait() == 1
    assert "geminga notary: " in notary.log.read_text()


def test_a_port_that_is_taken_is_told(make_notary, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        notary = make_notary(**{**port_settings(tmp_path), "GEMINGA_NOTARY_HTTP_PORT": port}).start(ready=False)
        assert notary.wait() == 1
        assert port in notary.log.read_text() and "taken" in notary.log.read_text()


def test_without_a_port_the_verbs_say_what_to_do():
    done = run_notary("list", "--url", "http://127.0.0.1:1")
    assert done.returncode == 1 and "notary.http.enabled" in done.stderr
    assert run_notary("list", "word").returncode == 2
    assert run_notary("show").returncode == 2
    assert run_notary("approve", "x", "--approver-key", "k").returncode == 2
    assert run_notary("approve", "x", "--as", "ann").returncode == 2
    assert run_notary("reject", "x", "--wiat", "3").returncode == 2


def test_the_verbs_show_what_the_port_does(client, served, tmp_path):
    port = Port(served)
    event, result = notarized(client, served, port)
    listed = port.cli("list")
    assert listed.returncode == 0 and event["event_id"] in listed.stdout and "notarized" in listed.stdout
    assert json.loads(port.cli("list", "-o", "json").stdout)["workflows"][0]["event_id"] == event["event_id"]
    shown = port.cli("show", event["event_id"])
    assert shown.returncode == 0 and "log entry     0 of geminga:embedded" in shown.stdout
    assert json.loads(port.cli("show", event["event_id"], "-o", "json").stdout)["result"] == json.loads(result)
    exported = port.cli("export", event["event_id"], "--to", tmp_path / "out")
    assert exported.returncode == 0, exported.stderr
    assert (tmp_path / "out" / "result.json").read_bytes() == result
    assert verify(tmp_path, result, event, "--public-key", tmp_path / "out" / "notary.pub")
    assert port.cli("show", "none").returncode == 1


def root_of(leaf, index, size, hashes):
    """RFC 9162 section 2.1.3.2, by itself."""
    node, last, value = index, size - 1, hashlib.sha256(b"\0" + leaf).digest()
    for sibling in map(bytes.fromhex, hashes):
        assert last > 0
        if node & 1 or node == last:
            value = hashlib.sha256(b"\1" + sibling + value).digest()
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            value = hashlib.sha256(b"\1" + value + sibling).digest()
        node, last = node >> 1, last >> 1
    assert last == 0
    return "sha256:" + value.hex()


def test_an_artifact_of_a_batch_is_proven(client, make_notary, tmp_path):
    notary = make_notary(**port_settings(tmp_path, tokens=False), GEMINGA_NOTARY_BATCH_MAX_EVENTS="3",
                         GEMINGA_NOTARY_BATCH_MAX_WAIT="1h").start()
    port, channel = Port(notary), Channel(client, notary)
    artifacts = [{"name": f"part {i}", "hash_sha256": f"{i:064x}"} for i in range(3)]
    events = [minimal_event(workflow_config={"workflow_type": "batch"}, artifacts=artifacts[:i + 1]) for i in range(3)]
    for event in events:
        channel.send(event)
    results = channel.results(3)
    for event in events:
        name = event["event_id"]
        batch = json.loads(next(iter(results[name])))["receipt"]["batch"]
        port.until(name, "notarized")
        for n, artifact in enumerate(event["artifacts"]):
            status, proof = port.get(f"{workflow_path(name)}/artifacts/{n}")
            assert status == 200, proof
            leaf = json.dumps({"artifact": artifact, "event_id": name}, sort_keys=True, separators=(",", ":")).encode()
            assert root_of(leaf, proof["index"], proof["size"], proof["hashes"]) == batch["root"] == proof["root"]
        assert port.get(f"{workflow_path(name)}/artifacts/{len(event['artifacts'])}")[0] == 404
        assert port.get(f"{workflow_path(name)}/artifacts/x")[0] == 404
    done = port.cli("export", events[2]["event_id"], "--to", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out").glob("artifact-*.json"))) == 3
    assert verify(tmp_path, (tmp_path / "out" / "result.json").read_bytes(), events[2])
