# SPDX-License-Identifier: Apache-2.0
"""Workflows that stay open, end to end: approvals by the command line, batches, timeouts, cancellation, kill -9 between.

What each record does in each state is workflow_test.c's; every document at which the notary may die is
notary_workflows_test.c's.  Here are real processes, a real broker and the official client.
"""
import json

import pytest

from notary_process import Channel, Notary, minimal_event, run_notary, verify

APPROVERS = ["lead@example.com", "architect@example.com"]


@pytest.fixture
def notary(broker, tmp_path):
    """Each approver has a key of his own; decisions go straight to the approvals topic."""
    one = Notary(broker.url, tmp_path / "notary")
    one.approvers = tmp_path / "approvers.toml"
    lines = []
    for name in APPROVERS + ["operator@example.com"]:
        made = run_notary("approver-key", name, "--out", tmp_path / f"{name}.key")
        assert made.returncode == 0, made.stderr
        lines.append(made.stdout)
    one.approvers.write_text("\n".join(lines))
    one.environment["GEMINGA_NOTARY_APPROVERS_FILE"] = str(one.approvers)
    one.keys = tmp_path
    yield one.start()
    one.kill()


@pytest.fixture
def channel(client, notary):
    return Channel(client, notary)


def approval(**config):
    return minimal_event(workflow_config={"workflow_type": "approval_sign", "approvers": APPROVERS, **config})


def decide(notary, verb, event, approver, comment="as agreed"):
    done = run_notary(verb, event["event_id"], "--as", approver, "--approver-key", notary.keys / f"{approver}.key",
                      "--event", write(notary, event), "--comment", comment, "--service-url", notary.url, "--wait", 0,
                      env=notary.environment)
    assert done.returncode == 0, done.stderr + done.stdout


def write(notary, event):
    path = notary.directory / f"{event['event_id']}.json"
    path.write_text(json.dumps(event))
    return path


def status(channel, event, wanted):
    """The statuses of the event up to one with this word."""
    seen = []
    while not seen or seen[-1]["status"] != wanted:
        one = channel.next_json("status")
        if one["event_id"] == event["event_id"]:
            seen.append(one)
    return seen


def test_an_approval_is_collected_and_its_receipt_verifies(notary, channel, tmp_path):
    event = approval(timeout=3600)
    channel.send(event)
    pending = status(channel, event, "pending_approval")[-1]
    assert pending["message"] == "Waiting for approvals from 2 approvers"
    progress = pending["progress"]
    assert progress["current_step"] == "collecting_approvals" and progress["percentage"] == 50
    assert progress["total_steps"] == 4 and progress["completed_steps"] == 2 and 3500 < progress["eta_seconds"] <= 3600
    decide(notary, "approve", event, APPROVERS[0])
    notary.kill()  # what was decided is in the journal
    notary.start()
    decide(notary, "approve", event, APPROVERS[1])
    data = channel.next("results")
    result = json.loads(data)
    assert result["success"] is True and result["workflow_type"] == "approval_sign"
    assert result["metadata"]["approvers_count"] == 2
    assert [d["approver"] for d in result["evidence"]["decisions"]] == APPROVERS
    assert verify(tmp_path, data, event, "--public-key", notary.data / "notary.pub", "--approvers", notary.approvers)
    status(channel, event, "completed")


def test_one_rejection_too_many_ends_it_with_a_reason(notary, channel):
    event = approval()
    channel.send(event)
    status(channel, event, "pending_approval")
    decide(notary, "reject", event, APPROVERS[0], "not like this")
    result = channel.next_json("results")
    assert result["success"] is False and result["receipt"] is None
    assert result["error"] == f"Rejected: rejected by {APPROVERS[0]}: not like this"
    status(channel, event, "rejected")


def test_nobody_decides_and_it_expires(notary, channel):
    event = approval(timeout=1)
    channel.send(event)
    result = channel.next_json("results")
    assert result["success"] is False and result["error"].startswith("Expired")
    status(channel, event, "expired")


def test_a_quorum_is_enough(notary, channel):
    event = approval(quorum=1)
    channel.send(event)
    status(channel, event, "pending_approval")
    decide(notary, "approve", event, APPROVERS[1])
    assert channel.next_json("results")["success"] is True


def test_a_batch_is_one_log_entry_and_every_receipt_verifies(notary, channel, tmp_path):
    events = [minimal_event(workflow_config={"workflow_type": "batch"}) for _ in range(50)]
    for event in events:
        channel.send(event)
    by_event = channel.results(len(events))
    assert {len(data) for data in by_event.values()} == {1}
    results = {event_id: data.pop() for event_id, data in by_event.items()}
    receipts = [json.loads(data)["receipt"] for data in results.values()]
    entries = {receipt["log_index"] for receipt in receipts}
    assert len(entries) < 10  # batches, not single entries; how many depends on when the events came
    for event in events[::10]:
        assert verify(tmp_path, results[event["event_id"]], event, "--public-key", notary.data / "notary.pub")


def test_what_has_piled_up_is_worked_on_by_its_priority(notary, channel):
    notary.stop()
    priorities = ["low", "critical", "normal", "high"] * 10
    events = [minimal_event(priority=priority) for priority in priorities]
    for event in events:
        channel.send(event)
    notary.environment["PULSAR_BATCH_RECEIVE_MAX_MESSAGES"] = str(len(events))  # a round begins when all of them are there
    notary.environment["PULSAR_BATCH_RECEIVE_MAX_WAIT_TIME"] = "10s"
    notary.start()
    results = {key: json.loads(data.pop()) for key, data in channel.results(len(events)).items()}
    logged = sorted(events, key=lambda event: results[event["event_id"]]["receipt"]["log_index"])
    ranks = ["critical", "high", "normal", "low"]
    assert logged == sorted(events, key=lambda event: ranks.index(event["priority"]))  # and in one of them as they came


def test_approvals_that_nobody_decides_hold_up_no_other_source(notary, channel):
    notary.stop()
    notary.environment.update(GEMINGA_NOTARY_WORKFLOWS_MAX_OPEN="4", GEMINGA_NOTARY_WORKFLOWS_MAX_APPROVALS_PER_SOURCE="2",
                              GEMINGA_NOTARY_BATCH_MAX_WAIT="50ms")
    notary.start()
    flood = [{**approval(), "source": "flood"} for _ in range(5)]
    for event in flood:
        channel.send(event)
    for event in flood[2:]:
        error = channel.next_json("errors")
        assert error["event_id"] == event["event_id"] and error["error_type"] == "quota", error
        assert 'source "flood"' in error["message"] and "max_approvals_per_source" in error["message"]
    patient = {**approval(), "source": "calm"}
    channel.send(patient)
    status(channel, patient, "pending_approval")
    batch = [minimal_event(workflow_config={"workflow_type": "batch"}) for _ in range(6)]  # one place is left for them
    for event in batch:
        channel.send(event)
    assert set(channel.results(6)) == {event["event_id"] for event in batch}
    decide(notary, "cancel", flood[0], APPROVERS[0])
    channel.next("results")
    channel.send(flood[2])
    status(channel, flood[2], "pending_approval")


def test_a_notary_that_dies_with_workflows_open_goes_on_with_all_of_them(notary, channel):
    events = [approval(quorum=1) for _ in range(20)]
    for event in events:
        channel.send(event)
    for event in events[:10]:
        decide_when_open(notary, channel, event)
    notary.kill()
    for event in events[10:]:
        decide(notary, "approve", event, APPROVERS[1])
    notary.start()
    by_event = channel.results(len(events))
    assert {len(data) for data in by_event.values()} == {1}  # however often it was published: the same bytes


def decide_when_open(notary, channel, event):
    status(channel, event, "pending_approval")
    decide(notary, "approve", event, APPROVERS[0])
