# SPDX-License-Identifier: Apache-2.0
"""`geminga notary send`: the one line of a pipeline, against a notary and without one."""
import hashlib
import json
import os
import subprocess

import pytest

from broker_process import PROGRAM
from notary_process import Channel, minimal_event, verify

PIPELINE = {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "acme/fraud-model", "GITHUB_SHA": "3f2a9c", "GITHUB_RUN_ID": "4711",
            "GITHUB_ACTOR": "octocat"}


@pytest.fixture
def send(broker, tmp_path):
    """send(notary, arguments, variables): what the verb did, in a clean environment."""
    def run(notary, *arguments, **variables):
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "TRACEPARENT"))}
        if notary:
            environment.update({name: value for name, value in notary.environment.items() if name.startswith("PULSAR_")})
        return subprocess.run([PROGRAM, "notary", "send", *map(str, arguments)], env={**environment, **variables},
                              capture_output=True, text=True, timeout=120, cwd=tmp_path)

    return run


def test_a_pipeline_sends_one_line_and_gets_a_receipt_that_verifies(make_notary, send, tmp_path):
    notary = make_notary().start()
    artifact = tmp_path / "model.pkl"
    artifact.write_bytes(os.urandom(300_000))
    done = send(notary, "--environment", "staging", "--artifact", artifact, "--wait", "--save", "kept", **PIPELINE)
    assert done.returncode == 0, done.stderr
    assert "notarized: log entry 0" in done.stderr
    event = json.loads((tmp_path / "kept" / "event.json").read_text())
    assert event["event_type"] == {"model_deployment": {"model_id": "acme/fraud-model", "version": "3f2a9c",
                                                        "environment": "staging"}}
    assert event["source"] == "github-actions" and event["actor"] == {"actor_type": "ci_system", "id": "octocat"}
    assert event["artifacts"] == [{"name": "model.pkl", "hash_sha256": hashlib.sha256(artifact.read_bytes()).hexdigest()}]
    assert event["metadata"] == {"pipeline_run_id": "4711"}
    result = (tmp_path / "kept" / "result.json").read_bytes()
    assert done.stdout.encode() == result + b"\n"
    assert json.loads(result)["event_id"] == event["event_id"]
    assert verify(tmp_path, result, event, "--public-key", notary.data / "notary.pub")


def test_without_waiting_the_id_is_printed_and_the_same_id_is_notarized_once(make_notary, send, client):
    notary = make_notary().start()
    channel = Channel(client, notary)
    words = ("--id", "release-42", "--model", "m", "--version", "1", "--actor", "ci", "--artifact", f"m=sha256:{'ab' * 32}")
    assert send(notary, *words).stdout == "release-42\n"
    first = channel.next("results")
    done = send(notary, *words, "--wait")  # sent at another time, so it is another event
    assert done.returncode == 1
    assert json.loads(done.stdout)["error_type"] == "conflict"
    assert "not notarized: The event id was" in done.stderr
    assert json.loads(first)["success"] is True


def test_events_of_a_batch_share_an_entry_and_each_receipt_verifies(make_notary, client, tmp_path):
    notary = make_notary().start()
    channel = Channel(client, notary)
    events = [minimal_event(workflow_config={"workflow_type": "batch"}) for _ in range(7)]
    for event in events:
        channel.send(event)
    results = channel.results(7)
    receipts = {name: json.loads(one)["receipt"] for name, (one,) in results.items()}
    batches = {}
    for name, receipt in receipts.items():
        batches.setdefault(receipt["log_index"], []).append(receipt["batch"])
    for members in batches.values():  # one, unless the machine was slow to take them all
        assert len({member["root"] for member in members}) == 1
        assert len({member["index"] for member in members}) == len(members)
    for event in events:
        (data,) = results[event["event_id"]]
        assert verify(tmp_path, data, event, "--public-key", notary.data / "notary.pub")
        assert not verify(tmp_path, data, {**event, "source": "elsewhere"})


def test_a_file_is_sent_as_it_is(make_notary, send, client, tmp_path):
    notary = make_notary().start()
    event = {"event_id": "from-a-file", "event_type": {"model_deployment": {"model_id": "m", "version": "1",
                                                                            "environment": "p"}},
             "source": "s", "actor": {"actor_type": "a", "id": "b"},
             "artifacts": [{"name": "x", "hash_sha256": "cd" * 32}], "workflow_config": {"workflow_type": "simple_sign"}}
    (tmp_path / "event.json").write_text(json.dumps(event, indent=4))
    done = send(notary, "--event", "event.json", "--wait")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["event_id"] == "from-a-file"
    assert verify(tmp_path, done.stdout.strip().encode(), event)


def test_every_fault_of_an_event_is_said_before_anything_is_sent(send):
    done = send(None, "--artifact", "x=sha256:abc", PULSAR_SERVICE_URL="pulsar://127.0.0.1:1")
    assert done.returncode == 1
    for path in ("event_type.model_deployment.model_id", "event_type.model_deployment.version", "artifact[0].hash_sha256"):
        assert path in done.stderr
    assert done.stdout == ""


def test_the_event_is_composed_of_every_flag(send):
    done = send(None, "--print", "--model", "m", "--version", "2", "--strategy", "blue_green", "--previous-version", "1",
                "--source", "jenkins", "--actor", "jenkins-1", "--actor-type", "robot", "--metadata", "ticket=OPS-1",
                "--metadata", "note=a=b", "--workflow", "approval_sign", "--approver", "a@x.org", "--approver", "b@x.org",
                "--quorum", "1", "--expires", "90m", "--priority", "high", "--id", "one",
                "--artifact", f"weights=sha256:{'0a' * 32},uri=s3://bucket/weights",
                TRACEPARENT="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    assert done.returncode == 0, done.stderr
    event = json.loads(done.stdout)
    assert event.pop("timestamp")
    assert event == {
        "event_id": "one",
        "event_type": {"model_deployment": {"model_id": "m", "version": "2", "environment": "production",
                                            "strategy": "blue_green", "previous_version": "1"}},
        "source": "jenkins", "actor": {"actor_type": "robot", "id": "jenkins-1"},
        "artifacts": [{"name": "weights", "uri": "s3://bucket/weights", "hash_sha256": "0a" * 32}],
        "metadata": {"ticket": "OPS-1", "note": "a=b"},
        "workflow_config": {"workflow_type": "approval_sign", "approvers": ["a@x.org", "b@x.org"], "quorum": 1,
                            "timeout": 5400},
        "priority": "high", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7"}


@pytest.mark.parametrize("words, said", [(("--artifact",), "--artifact"), (("more",), "what is more?"),
                                         (("--workflow", "sign"), "simple_sign"), (("--modle", "m"), "--modle")])
def test_what_is_asked_wrongly_is_told(send, words, said):
    done = send(None, *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_an_artifact_that_cannot_be_read_is_named(send):
    done = send(None, "--model", "m", "--version", "1", "--artifact", "no/such/file")
    assert done.returncode == 1
    assert "no/such/file" in done.stderr and done.stdout == ""


def test_no_answer_in_time_is_a_failure(make_notary, send):
    notary = make_notary()  # not started
    done = send(notary, "--model", "m", "--version", "1", "--artifact", f"m=sha256:{'ab' * 32}", "--id", "nobody-there",
                "--wait", "--wait-time", "100ms")
    assert done.returncode == 1
    assert "no answer to event nobody-there" in done.stderr
