# SPDX-License-Identifier: Apache-2.0
"""The notary through the official client: events in, receipts out, faults told, and kill -9 in between.

Each test has a notary on topics of its own, so SERVICE_URL may name any broker, Apache Pulsar included.
"""
import base64
import hashlib
import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import uuid

import pulsar
import pytest

from broker_process import DIES_WITH_PARENT, eventually
from notary_log import canonical, root_of_proof
from notary_process import SAMPLE, Channel, Notary, minimal_event, run_notary, sample_event, verify


@pytest.fixture
def make_notary(broker, tmp_path):
    notaries = []

    def make(name="notary", **options):
        notaries.append(Notary(options.pop("url", broker.url), tmp_path / name, **options))
        return notaries[-1]

    yield make
    for one in notaries:
        one.kill()


@pytest.fixture
def notary(make_notary):
    return make_notary().start()


@pytest.fixture
def channel(client, notary):
    return Channel(client, notary)


RESULT_MEMBERS = {"event_id", "workflow_id", "workflow_type", "timestamp", "success", "error", "receipt",
                  "processing_duration_ms", "trace_id", "metadata"}
RECEIPT_MEMBERS = {"evidence_package_hash", "rekor_log_id", "rekor_server_url", "signature_b64", "public_key_b64",
                   "integrated_time", "log_index"}


def test_the_sample_event_gets_a_receipt_that_verifies(channel, notary, tmp_path):
    event = sample_event()
    channel.send(event)
    data = channel.next("results")
    result = json.loads(data)
    assert set(result) == RESULT_MEMBERS
    assert set(result["receipt"]) == RECEIPT_MEMBERS | {"inclusion_proof"}
    assert result["event_id"] == event["event_id"] and result["trace_id"] == event["trace_id"]
    assert result["success"] is True and result["error"] is None and result["workflow_type"] == "simple_sign"
    assert result["receipt"]["evidence_package_hash"].startswith("sha256:")
    assert result["receipt"]["log_index"] == 0
    assert verify(tmp_path, data, event, "--public-key", notary.data / "notary.pub")
    assert verify(tmp_path, result["receipt"], event)  # the receipt alone
    statuses = [channel.next_json("status") for _ in range(2)]
    assert [s["status"] for s in statuses] == ["in_progress", "completed"]
    assert {s["workflow_id"] for s in statuses} == {result["workflow_id"]}
    assert statuses[1]["progress"]["percentage"] == 100
    channel.nothing_more("errors")


def test_a_flipped_bit_is_refused(channel, tmp_path):
    event = sample_event()
    channel.send(event)
    data = channel.next("results")
    for at in range(0, len(data), 97):  # all of them: receipt_test.c
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        assert not verify(tmp_path, bytes(changed), event)
    changed = {**event, "source": event["source"] + "!"}
    assert not verify(tmp_path, data, changed)


def test_a_receipt_can_be_checked_without_our_program(channel, tmp_path):
    events = [minimal_event() for _ in range(21)]
    for event in events:
        channel.send(event)
    for event_id, data in channel.results(len(events)).items():
        event = next(e for e in events if e["event_id"] == event_id)
        result = json.loads(data.pop())
        receipt = result["receipt"]
        proof = receipt["inclusion_proof"]
        evidence = canonical({"event": event, "format": "geminga/notary/evidence/v1"})
        assert receipt["evidence_package_hash"] == "sha256:" + hashlib.sha256(evidence).hexdigest()
        key = base64.b64decode(receipt["public_key_b64"])
        assert receipt["rekor_log_id"] == hashlib.sha256(key).hexdigest()
        rest = canonical({name: value for name, value in result.items() if name != "receipt"})
        assert proof["result_hash"] == "sha256:" + hashlib.sha256(rest).hexdigest()
        covered = {name: receipt[name] for name in RECEIPT_MEMBERS - {"log_index"}}
        leaf = canonical({"event_id": event_id, "receipt": covered, "result_hash": proof["result_hash"]})
        origin, size, root = proof["checkpoint"].split("\n")[:3]
        assert origin == f"{receipt['rekor_server_url']}/{receipt['rekor_log_id']}"
        found = root_of_proof(hashlib.sha256(b"\x00" + leaf).digest(), receipt["log_index"], int(size),
                                     [bytes.fromhex(h) for h in proof["hashes"]])
        assert base64.b64encode(found).decode() == root
    if shutil.which("openssl"):
        check_with_openssl(tmp_path, key, evidence, base64.b64decode(receipt["signature_b64"]))
        text, note = proof["checkpoint"].split("\n\n")
        check_with_openssl(tmp_path, key, text.encode() + b"\n", base64.b64decode(note.split()[-1])[4:])


def check_with_openssl(directory, key, message, signature):
    for name, content in (("key.der", key), ("message", message), ("signature", signature)):
        (directory / name).write_bytes(content)
    subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", directory / "key.der", "-rawin",
                    "-in", directory / "message", "-sigfile", directory / "signature"], check=True, capture_output=True)


def test_the_same_event_twice_gives_the_same_receipt(channel, notary):
    event = minimal_event()
    channel.send(event)
    channel.send(event)
    first = channel.next("results")
    assert channel.next("results") == first
    notary.stop()
    notary.start()
    channel.send(json.dumps(event, indent=4).encode())  # another spelling of the same
    assert channel.next("results") == first
    assert json.loads(first)["receipt"]["log_index"] == 0
    channel.send(minimal_event())
    assert channel.next_json("results")["receipt"]["log_index"] == 1


def test_the_same_id_with_other_content_is_a_conflict(channel):
    event = minimal_event()
    channel.send(event)
    channel.next("results")
    channel.send({**event, "source": "somebody-else"})
    error = channel.next_json("errors")
    assert error["error_type"] == "conflict" and error["event_id"] == event["event_id"]
    assert "log entry 0" in error["message"]
    channel.nothing_more("results")


def test_an_invalid_event_is_told_all_its_faults_at_once(channel):
    event = sample_event(artifacts=[{"name": "a"}, {"hash_sha256": "e3b0c442..."}], priority="urgent")
    event["metadata"]["deployment_id"] = 7
    del event["actor"]
    channel.send(event)
    error = channel.next_json("errors")
    assert set(error) == {"event_id", "workflow_id", "timestamp", "error_type", "message", "details", "stack_trace",
                          "retry_count", "trace_id"}
    assert error["error_type"] == "validation" and error["event_id"] == event["event_id"]
    assert error["stack_trace"] is None and error["retry_count"] == 0
    assert error["details"]["validation_errors"] == [
        "actor is required",
        'priority is invalid: "urgent" is not one of low, normal, medium, high, critical',
        "artifact[0].hash_sha256 is required",
        "artifact[1].name is required",
        "artifact[1].hash_sha256 is invalid: it must be 64 hexadecimal digits",
        "metadata.deployment_id is invalid: it must be text"]


@pytest.mark.parametrize("workflow", ["unheard_of"])
def test_a_workflow_that_is_not_built_is_refused(channel, workflow):
    channel.send(minimal_event(workflow_config={"workflow_type": workflow}))
    error = channel.next_json("errors")
    assert error["error_type"] == "unsupported"
    assert f'"{workflow}"; this notary supports simple_sign' in error["message"]


def test_garbage_is_answered_and_does_not_stand_in_the_way(channel, notary):
    garbage = [b"\x00", b"{", b"null", b"[]", b"{}", b"\xff" * 1000, b"[" * 100000, b'{"event_id": "' + b"x" * 300 + b'"}',
               b'{"a":' * 40 + b"1" + b"}" * 40, json.dumps(minimal_event(big="x" * 1100000)).encode()]
    for data in garbage:
        channel.send(data)
    event = minimal_event()
    channel.send(event)
    assert channel.next_json("results")["event_id"] == event["event_id"]
    errors = [channel.next_json("errors") for _ in garbage]
    assert {e["error_type"] for e in errors} == {"validation"}
    assert all(e["details"]["validation_errors"] and e["details"]["message_id"] for e in errors)
    channel.nothing_more("errors")
    notary.stop()


def test_an_event_sent_before_the_first_start_is_notarized(client, make_notary):
    notary = make_notary()
    channel = Channel(client, notary)
    event = minimal_event()
    channel.send(event)
    notary.start()
    assert channel.next_json("results")["event_id"] == event["event_id"]


def test_kill_9_under_load_gives_every_event_one_receipt(client, make_notary, tmp_path):
    notary = make_notary(PULSAR_BATCH_RECEIVE_MAX_MESSAGES="7").start()
    channel = Channel(client, notary)
    events = {e["event_id"]: e for e in (minimal_event() for _ in range(1000))}
    for event in events.values():
        channel.producer.send_async(json.dumps(event).encode(), lambda result, message_id: None)
    channel.producer.flush()
    watch = client.create_reader(notary.topics["results"], pulsar.MessageId.earliest)
    for kill in range(6):
        watch.read_next(60000)  # in the middle of it
        notary.kill()
        notary.start(ready=kill == 5)
    results = channel.results(len(events))
    assert set(results) == set(events)
    assert all(len(of_one_event) == 1 for of_one_event in results.values())  # repeated perhaps, but never another
    receipts = [json.loads(next(iter(data)))["receipt"] for data in results.values()]
    assert sorted(r["log_index"] for r in receipts) == list(range(len(events)))
    for event_id in list(events)[::100]:
        assert verify(tmp_path, next(iter(results[event_id])), events[event_id])
    channel.nothing_more("errors")
    notary.stop()


@pytest.fixture
def small_disk(tmp_path):
    at = tmp_path / "small"
    at.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", at], capture_output=True).returncode != 0:
        pytest.skip("mounting is not allowed here, as in most containers")
    yield at
    subprocess.run(["umount", "--lazy", at], check=True)


def test_while_the_disk_is_full_events_wait(client, make_notary, small_disk):
    """The notary's own; the broker's is another matter."""
    notary = make_notary(GEMINGA_NOTARY_DATA=str(small_disk / "data")).start()
    channel = Channel(client, notary)
    channel.send(minimal_event())
    channel.next("results")
    with open(small_disk / "filler", "wb", buffering=0) as filler:
        try:
            while filler.write(b"x" * 4096) == 4096:
                pass
        except OSError:
            pass
    events = {e["event_id"]: e for e in (minimal_event() for _ in range(300))}
    for event in events.values():
        channel.producer.send_async(json.dumps(event).encode(), lambda result, message_id: None)
    channel.producer.flush()
    eventually(lambda: "trying again in 10 s" in notary.log.read_text(), 60)
    (small_disk / "filler").unlink()
    results = channel.results(len(events))
    assert set(events) == set(results) and all(len(of_one_event) == 1 for of_one_event in results.values())
    channel.nothing_more("errors")
    notary.stop()


def test_a_second_notary_in_the_same_directory_is_refused(make_notary, notary):
    twin = make_notary("notary")
    twin.start(ready=False)
    assert twin.wait() == 1
    assert "is in use by geminga notary, process" in twin.log.read_text()


def test_a_changed_log_is_refused_with_the_entry_named(client, make_notary):
    notary = make_notary().start()
    channel = Channel(client, notary)
    events = [minimal_event() for _ in range(3)]
    for event in events:
        channel.send(event)
        channel.next("results")
    second = events[1]["event_id"].encode()
    notary.stop()
    log = notary.data / "registry.db"
    log.write_bytes(log.read_bytes().replace(second, b"x" + second[1:]))
    notary.start(ready=False)
    assert notary.wait() == 1
    assert "registry.db: result 2 was changed" in notary.log.read_text()


def test_a_missing_key_is_not_replaced(make_notary, client):
    notary = make_notary().start()
    notary.stop()
    (notary.data / "notary.key").unlink()
    notary.start(ready=False)
    assert notary.wait() == 1
    assert "restore the key" in notary.log.read_text()


def test_the_key_is_readable_by_its_owner_only(notary):
    assert (notary.data / "notary.key").stat().st_mode & 0o777 == 0o600


def test_a_missing_tenant_is_told_with_what_to_do(make_notary):
    notary = make_notary(space=f"nobody-{uuid.uuid4().hex[:8]}/default/x").start(ready=False)
    assert notary.wait(60) == 1
    assert "pulsar-admin tenants create" in notary.log.read_text()


def test_a_certificate_without_its_key_is_refused_at_the_start(make_notary):
    notary = make_notary(PULSAR_TLS_ENABLED="true", PULSAR_TLS_CERT_PATH="/nowhere/cert.pem").start(ready=False)
    assert notary.wait() == 1
    assert "PULSAR_TLS_KEY_PATH" in notary.log.read_text()


def test_without_a_broker_the_notary_waits_for_it_and_the_demo_says_so(make_notary):
    notary = make_notary(url="pulsar://127.0.0.1:1").start(ready=False)
    eventually(lambda: "cannot connect to pulsar://127.0.0.1:1" in notary.log.read_text())
    notary.stop()
    done = run_notary("demo", "--service-url", "pulsar://127.0.0.1:1")
    assert done.returncode == 1
    assert "is a broker running there?" in done.stderr


def test_the_demo_sends_an_event_and_verifies_its_receipt(notary, tmp_path):
    done = run_notary("demo", "--save", tmp_path, env=notary.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\nverified\n" in done.stdout
    assert verify(tmp_path, (tmp_path / "result.json").read_bytes(), (tmp_path / "event.json").read_bytes())


def test_a_broker_that_restarts_is_found_again(own_broker, connect, make_notary):
    notary = make_notary(url=own_broker.url).start()
    client = connect(own_broker.url)
    channel = Channel(client, notary)
    channel.send(minimal_event())
    channel.next("results")
    own_broker.restart()
    event = minimal_event()
    channel.send(event)
    assert channel.next_json("results", 60)["event_id"] == event["event_id"]
    notary.stop()


def test_health_and_metrics(client, make_notary):
    notary = make_notary(GEMINGA_NOTARY_HTTP_ENABLED="true", GEMINGA_NOTARY_HTTP_PORT="0").start()
    channel = Channel(client, notary)
    channel.send(minimal_event())
    channel.next("results")
    line = next(line for line in notary.log.read_text().splitlines() if "serving HTTP on " in line)
    base = "http://" + line.split()[-1]
    health = eventually(lambda: get_json(f"{base}/health/pulsar"))
    assert health["status"] == "healthy"
    metrics = eventually(lambda: metrics_with(base, 'pulsar_messages_processed_total{service="notary"} 1'))
    for name in ("pulsar_messages_received_total", "pulsar_processing_duration_seconds", "pulsar_errors_total",
                 "pulsar_messages_sent_total", "pulsar_send_duration_seconds", "pulsar_send_errors_total"):
        assert f"# TYPE {name} " in metrics
    notary.stop()


def get_json(url):
    """None while it answers that it is not healthy."""
    try:
        return json.load(urllib.request.urlopen(url, timeout=10))
    except urllib.error.HTTPError:
        return None


def metrics_with(base, line):
    text = urllib.request.urlopen(f"{base}/metrics", timeout=10).read().decode()
    return text if line in text.splitlines() else None


def test_the_examples_run_with_the_official_client(notary):
    run = [*DIES_WITH_PARENT, sys.executable, "-u"]
    examples = SAMPLE.parent
    with subprocess.Popen([*run, examples / "monitor-results.py", notary.url, "--count", "1", "--from-earliest"],
                          env=notary.environment, stdout=subprocess.PIPE, text=True) as monitor:
        sent = subprocess.run([*run, examples / "send-model-deployment-event.py", notary.url, __file__],
                              env=notary.environment, check=True, capture_output=True, text=True).stdout
        printed = monitor.communicate(timeout=60)[0]
    assert monitor.returncode == 0
    assert sent.split()[2] in printed and "log entry 0, sha256:" in printed
