# SPDX-License-Identifier: Apache-2.0
"""A whole notary whose edges are fakes: what a filter, an artifact, a custom handler and a notification make of an event.

What each edge does by itself is in test_notary_edges.py.
"""
import hashlib
import json
import re
import urllib.request
import uuid

import pulsar
import pytest

from broker_process import eventually
from edge_fakes import NOTARY, FakeMail, Server
from notary_process import Channel, minimal_event, verify

CONTENT = b"a model " * 10_000
HASH = hashlib.sha256(CONTENT).hexdigest()


def event_with(artifact, **changes):
    return minimal_event(artifacts=[{"name": "m.pkl", **artifact}], **changes)


def waits_for_approval(notifications):
    return minimal_event(workflow_config={"workflow_type": "approval_sign", "approvers": ["ann@example.com"],
                                          "notifications": notifications})


@pytest.fixture
def begin(make_notary, client):
    """begin(**settings): a notary with them (without their common beginning), and the channel to it."""
    def one(**settings):
        notary = make_notary(**{f"{NOTARY}{name}": value for name, value in settings.items()}).start()
        return notary, Channel(client, notary)
    return one


@pytest.fixture
def server():
    it = Server()
    yield it
    it.close()


def result_of(channel, event):
    result = channel.next_json("results")
    assert result["event_id"] == event["event_id"]
    return result


def test_an_event_that_the_filter_passes_over_is_answered_as_configured(begin):
    _, channel = begin(FILTER_SOURCES="production-*", FILTER_MINIMUM_PRIORITY="high", FILTER_ANSWER="skipped",
                       FILTER_TYPES="ai.model.deployment", FILTER_EXPRESSION="event.metadata.model_accuracy >= 0.9")
    wanted = minimal_event(source="production-1", priority="critical", metadata={"model_accuracy": 0.95})
    for unwanted, says in (({"source": "staging"}, "source"), ({"priority": "normal"}, "priority"),
                           ({"metadata": {"model_accuracy": 0.5}}, "expression"), ({"event_type": {"training": {}}}, "type")):
        event = {**wanted, "event_id": str(uuid.uuid4()), **unwanted}
        channel.send(event)
        status = channel.next_json("status")
        assert (status["event_id"], status["status"]) == (event["event_id"], "skipped")
        assert says in status["message"]
    channel.send(wanted)
    assert result_of(channel, wanted)["success"]
    channel.nothing_more("results")
    channel.nothing_more("errors")


def test_an_artifact_is_fetched_before_anything_is_signed(begin, tmp_path):
    (tmp_path / "m.pkl").write_bytes(CONTENT)
    notary, channel = begin(ARTIFACTS_SCHEMES="file", ARTIFACTS_ROOTS=str(tmp_path))
    right, wrong = (event_with({"uri": f"file://{tmp_path}/m.pkl", "hash_sha256": digest}) for digest in (HASH, "0" * 64))
    channel.send(right)
    result = result_of(channel, right)
    assert result["success"]
    [found] = result["evidence"]["findings"]["artifacts"]["found"]
    assert (found["sha256"], found["bytes"]) == (HASH, len(CONTENT))
    assert verify(tmp_path, result, right, "--public-key", notary.data / "notary.pub")
    found["bytes"] += 1
    assert not verify(tmp_path, result, right, "--public-key", notary.data / "notary.pub")
    channel.send(wrong)
    result = result_of(channel, wrong)
    assert not result["success"] and result["receipt"] is None
    assert HASH in result["error"] and "0" * 64 in result["error"]


def test_an_artifact_that_comes_later_is_tried_again(begin, server):
    server.answer = lambda *_: (200, {}, CONTENT) if len(server.requests) > 2 else (404, {}, b"")
    _, channel = begin(ARTIFACTS_SCHEMES="http", ARTIFACTS_HOSTS="127.0.0.1")
    event = event_with({"uri": f"{server.url}/m.pkl", "hash_sha256": HASH},
                       workflow_config={"workflow_type": "simple_sign",
                                        "retry_config": {"max_retries": 5, "initial_delay": 0.05, "backoff_multiplier": 1}})
    other = minimal_event()
    channel.send(event)
    channel.send(other)
    assert {channel.next_json("results")["event_id"] for _ in range(2)} == {event["event_id"], other["event_id"]}
    assert len(server.requests) == 3


def handler(name, script, more=""):
    return f"[[handler]]\nname = '{name}'\nkind = 'command'\ncommand = ['/bin/sh', '-c', '''{script}''']\n{more}\n"


def test_a_handler_decides_and_its_verdict_is_in_the_result(begin, tmp_path):
    (tmp_path / "handlers.toml").write_text(
        handler("friday", "cat >/dev/null; echo '{\"verdict\":\"reject\",\"reason\":\"not on a friday\"}'",
                "filter = \"event.source == 'late'\"") +
        handler("other", "cat >/dev/null; echo '{\"verdict\":\"ignore\",\"reason\":\"not ours\"}'",
                "filter = \"event.source == 'foreign'\"") +
        handler("all", "cat >/dev/null; echo '{\"verdict\":\"accept\",\"metadata\":{\"seen\":true}}'"))
    _, channel = begin(HANDLERS_FILE=str(tmp_path / "handlers.toml"))
    for source, success, says in (("github-actions", True, None), ("late", False, "not on a friday"),
                                  ("foreign", False, "not ours")):
        event = minimal_event(source=source)
        channel.send(event)
        result = result_of(channel, event)
        assert result["success"] == success, result
        assert says is None or says in result["error"]


def metrics_of(notary):
    [port] = re.findall(r"http[^\n]*:(\d+)", notary.log.read_text())[-1:]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        return answer.read().decode()


def test_a_handler_that_hangs_or_crashes_holds_up_nobody(begin, tmp_path):
    (tmp_path / "handlers.toml").write_text(
        handler("hangs", "sleep 1000", "filter = \"event.source == 'hang'\"\ntimeout = '200ms'\nretries = 0") +
        handler("crashes", "kill -SEGV $$", "filter = \"event.source == 'crash'\"\nretries = 0"))
    notary, channel = begin(HANDLERS_FILE=str(tmp_path / "handlers.toml"), HTTP_ENABLED="true", HTTP_PORT="0")
    config = {"workflow_type": "simple_sign", "retry_config": {"max_retries": 1, "initial_delay": 0.05}}
    bad = [minimal_event(source=source, workflow_config=config) for source in ("hang", "crash")]
    good = [minimal_event() for _ in range(20)]
    for event in bad + good:
        channel.send(event)
    assert set(channel.results(20)) == {event["event_id"] for event in good}
    errors = [channel.next_json("errors") for _ in range(2)]
    by_event = {error["event_id"]: error for error in errors}
    assert set(by_event) == {event["event_id"] for event in bad}
    assert all(error["error_type"] == "processing" for error in errors)
    assert "does not answer in time" in json.dumps(by_event[bad[0]["event_id"]])
    assert "signal 11" in json.dumps(by_event[bad[1]["event_id"]])
    metrics = metrics_of(notary)
    assert 'geminga_notary_handler_answers_total{handler="hangs",outcome="timeout"} 2' in metrics
    assert 'geminga_notary_handler_answers_total{handler="crashes",outcome="died"} 2' in metrics


def test_people_are_told_where_to_decide(begin, server):
    mail = FakeMail()
    _, channel = begin(NOTICES_SLACK_URLS=f"#ml-deployments={server.url}/slack", NOTICES_SMTP_URL=mail.url,
                       NOTICES_MAIL_FROM="notary@company.com", NOTICES_MAIL_DOMAINS="company.com",
                       NOTICES_WEBHOOKS=f"audit={server.url}/audit", HTTP_PUBLIC_URL="https://notary.example.com")
    event = waits_for_approval({
        "enabled": True, "events": ["approval_required"],
        "channels": [{"slack": "#ml-deployments"}, {"email": ["devops@company.com"]}, {"webhook": "audit"}, {"slack": "#unknown"}]})
    channel.send(event)
    while (status := channel.next_json("status"))["status"] != "pending_approval":
        pass
    link = f"https://notary.example.com/v1/workflows/{status['workflow_id']}"
    eventually(lambda: len(server.requests) == 2 and len(mail.messages) == 1)
    bodies = {path: json.loads(body) for _, path, _, body in server.requests}
    assert link in bodies["/slack"]["text"] and "ann@example.com" in bodies["/slack"]["text"]
    assert bodies["/audit"]["event"] == "approval_required" and bodies["/audit"]["link"] == link
    assert link.encode() in mail.messages[0][2]
    mail.close()


def test_a_notification_goes_to_the_configured_topic(begin, client):
    name = f"persistent://public/default/notices-{uuid.uuid4().hex[:8]}"
    _, channel = begin(NOTICES_TOPIC=name)
    reader = client.create_reader(name, pulsar.MessageId.earliest)
    event = minimal_event(workflow_config={"workflow_type": "simple_sign", "notifications": {
        "enabled": True, "channels": [{"topic": name}], "events": ["workflow_completed"]}})
    channel.send(event)
    notice = json.loads(reader.read_next(30000).data())
    assert (notice["event"], notice["event_id"]) == ("workflow_completed", event["event_id"])
    assert result_of(channel, event)["success"]


def test_a_channel_that_is_down_holds_up_no_workflow(begin, server):
    server.mode = "down"
    _, channel = begin(NOTICES_SLACK_URL=server.url)
    event = minimal_event(workflow_config={"workflow_type": "simple_sign", "notifications": {
        "enabled": True, "channels": [{"slack": "#x"}], "events": ["workflow_started", "workflow_completed"]}})
    channel.send(event)
    assert result_of(channel, event)["success"]


@pytest.mark.parametrize("settings, says", [({"FILTER_EXPRESSION": "event.a ="}, "notary.filter: the expression, at 9"),
                                            ({"ARTIFACTS_SCHEMES": "ftp"}, "notary.artifacts.schemes"),
                                            ({"NOTICES_SLACK_URL": "SECRET"}, "notary.notices.slack_url"),
                                            ({"HANDLERS_FILE": "/nowhere/handlers.toml"}, "/nowhere/handlers.toml")])
def test_a_setting_that_makes_no_sense_ends_the_start(make_notary, settings, says):
    notary = make_notary(**{f"{NOTARY}{name}": value for name, value in settings.items()})
    notary.start(ready=False)
    assert notary.wait() != 0
    assert says in notary.log.read_text() and "SECRET" not in notary.log.read_text()
