# SPDX-License-Identifier: Apache-2.0
"""approval_sign end to end: decisions by token, certificate, own key and topic; quorum, rejection, expiry, cancelling,
retrying; and what is no decision changes nothing."""
import base64
import hashlib
import json
import time

import pytest

from broker_process import eventually
from certificates import make
from notary_port import (Approver, Port, approval_event, event_hash, port_settings, token, workflow_path)
from notary_process import Channel, Notary, run_notary, verify
from notary_replicas import make_key

ANN, BEN, CIA, OPS = "ann@example.com", "ben@example.com", "cia@example.com", "ops@example.com"


class Scene:
    """A notary, who may decide, and the topics."""

    def __init__(self, client, notary, approvers=()):
        self.client, self.notary = client, notary
        self.channel = Channel(client, notary)
        self.approvals = notary.topics["approvals"]
        self.keys = {approver.name: approver for approver in approvers}

    def port(self, name=None, **options):
        return Port(self.notary, name, **options)

    def send(self, event, reader=ANN):
        """Until the notary shows that it waits for approvals."""
        self.channel.send(event)
        self.port(reader).until(event["event_id"], "pending_approval")
        return event["event_id"]

    def write(self, statement):
        """Past the port, by any producer."""
        producer = self.client.create_producer(self.approvals)
        producer.send(statement.encode())
        producer.close()

    def result(self):
        return json.loads(self.channel.next("results"))


@pytest.fixture
def scene(broker, client, tmp_path):
    """Ann, Ben and Cia have keys, Ops is an operator."""
    scenes = []

    def make_scene(certs=None, by_key_only=(), **more):
        people = [Approver(tmp_path, name, operator=name == OPS, **({"methods": None} if name in by_key_only else {}))
                  for name in (ANN, BEN, CIA, OPS)]
        (tmp_path / "approvers.toml").write_text("".join(one.lines for one in people))
        settings = port_settings(tmp_path, certs=certs, GEMINGA_NOTARY_APPROVERS_FILE=str(tmp_path / "approvers.toml"), **more)
        notary = Notary(broker.url, tmp_path / "notary", **settings)
        scenes.append(Scene(client, notary.start(), people))
        return scenes[-1]

    yield make_scene
    for one in scenes:
        one.notary.stop()


def decisions_of(workflow):
    return [(step["approver"], step["verdict"], step["method"]) for step in workflow["steps"] if step["kind"] == "decision"]


def statement_of(workflow, name):
    return next(step["statement"] for step in workflow["steps"]
                if step["kind"] == "decision" and step["approver"] == name)


def claims_of(statement):
    middle = statement.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))


def test_all_approve_by_token_and_the_result_verifies(scene, tmp_path):
    it = scene()
    event = approval_event(ANN, BEN)
    name = it.send(event)
    assert [w["event_id"] for w in it.port(ANN).get("/v1/workflows?status=open")[1]["workflows"]] == [name]
    status, workflow = it.port(ANN).decide(name, "approve", comment="tests are green")
    assert status == 200 and workflow["open"] and workflow["approvals"] == 1 and workflow["quorum"] == 2
    assert decisions_of(workflow) == [(ANN, "approve", "token")]
    claims = claims_of(statement_of(workflow, ANN))
    assert claims["comment"] == "tests are green" and claims["event_hash"] == event_hash(event)
    assert claims["subject"] == ANN and claims["method"] == "token"
    status, workflow = it.port(BEN).decide(name, "approve")
    assert status == 200
    data = it.channel.next("results")
    result = json.loads(data)
    assert result["success"] is True and result["workflow_type"] == "approval_sign"
    assert result["metadata"]["approvers_count"] == 2
    workflow = it.port(ANN).until(name, "notarized")
    assert workflow["result"] == result and not workflow["open"]
    key = it.port().ask("GET", "/v1/log/key")[2]
    (tmp_path / "log.pub").write_bytes(key)
    assert verify(tmp_path, data, event, "--public-key", tmp_path / "log.pub")
    assert not verify(tmp_path, data, {**event, "source": "elsewhere"})


def test_a_certificate_decides(scene, tmp_path):
    certs = make(tmp_path / "certs", role=ANN)
    it = scene(certs=certs, tokens=False)
    event = approval_event(ANN)
    it.channel.send(event)
    port = it.port(certs=certs, issued=certs.client)
    port.until(event["event_id"], "pending_approval")
    assert it.port(certs=certs).decide(event["event_id"], "approve")[0] == 401
    other = certs.authority.issue("other", "dan@example.com")
    assert it.port(certs=certs, issued=other).decide(event["event_id"], "approve")[0] == 403
    assert port.decide(event["event_id"], "approve")[0] == 200
    workflow = port.until(event["event_id"], "notarized")
    assert decisions_of(workflow) == [(ANN, "approve", "mtls")]


def test_an_own_key_decides_by_topic_and_by_port(scene):
    it = scene()
    event = approval_event(ANN, BEN)
    name = it.send(event)
    it.write(it.keys[ANN].statement(event, "approve", comment="by topic"))
    eventually(lambda: it.port(ANN).show(name)[1]["approvals"] == 1)
    statement = it.keys[BEN].statement(event, "approve")  # shows nothing else: the signature is enough
    status, _, body = it.port().ask("POST", workflow_path(name) + "/approve?wait=20", statement.encode(),
                                    **{"Content-Type": "application/jose"})
    assert status == 200, body
    workflow = it.port(ANN).until(name, "notarized")
    assert decisions_of(workflow) == [(ANN, "approve", "key"), (BEN, "approve", "key")]


def test_who_shows_a_copied_statement_reads_no_workflow(scene):
    it = scene()
    event = approval_event(ANN, BEN, event_id="a secret/model?")
    name = it.send(event)
    statement = it.keys[ANN].statement(event, "approve")
    brief = {"event_id": name, "decision": "approve", "approver": ANN, "look_at": workflow_path(name)}
    status, first = it.port().decide(name, "approve", statement=statement)
    assert status == 200 and first == {**brief, "state": "counted", "status": "pending_approval"}
    status, again = it.port().decide(name, "approve", statement=statement)  # anybody who has read the topic has it
    assert status == 200 and again == first
    status, shown = it.port(CIA).decide(name, "approve", statement=statement)  # who is known may read it
    assert status == 200 and shown["event"] == event
    assert it.port().show(name)[0] == 401


def test_a_comment_that_no_statement_may_have_is_refused_at_once(scene):
    it = scene()
    name = it.send(approval_event(ANN))
    status, body = it.port(ANN).decide(name, "approve", comment="all \x1b[2J well")
    assert status == 400 and "control characters" in body["reason"]
    assert it.port(ANN).decide(name, "approve", comment="two\n\tlines")[0] == 200


def test_decisions_by_own_keys_are_verified_with_the_approvers_file(scene, tmp_path):
    one = scene()
    event = approval_event(ANN, BEN)
    one.send(event)
    for name in (ANN, BEN):
        one.write(one.keys[name].statement(event, "approve"))
    data = one.channel.next("results")
    (tmp_path / "log.pub").write_text(run_notary("key", "--log", env=one.notary.environment).stdout)
    trust = ["--public-key", tmp_path / "log.pub", "--approvers", tmp_path / "approvers.toml"]
    assert verify(tmp_path, data, event, *trust)
    stranger = Approver(tmp_path, BEN)
    (tmp_path / "approvers.toml").write_text(one.keys[ANN].lines + stranger.lines)
    assert not verify(tmp_path, data, event, *trust)


def test_the_verbs_decide(scene, tmp_path):
    it = scene()
    event = approval_event(ANN, BEN, CIA)
    name = it.send(event)
    (tmp_path / "event.json").write_text(json.dumps(event))
    done = it.port(ANN).cli("approve", name, "--comment", "fine", "--wait", "20")
    assert done.returncode == 0, done.stderr
    done = it.port(ANN).cli("approve", name, "--approver-key", it.keys[BEN].key, "--as", BEN, "--event", tmp_path / "event.json")
    assert done.returncode == 0, done.stderr
    done = run_notary("approve", name, "--approver-key", it.keys[CIA].key, "--as", CIA, "--event", tmp_path / "event.json",
                      "--service-url", it.notary.url, env=it.notary.environment)
    assert done.returncode == 0, done.stderr
    workflow = it.port(ANN).until(name, "notarized")
    assert [(who, how) for who, _, how in decisions_of(workflow)] == [(ANN, "token"), (BEN, "key"), (CIA, "key")]
    shown = it.port(ANN).cli("show", name)
    assert "approvals     3/3 of " in shown.stdout
    late = it.port(ANN).cli("reject", name)
    assert late.returncode == 1 and "notarized" in late.stderr
    exported = it.port(ANN).cli("export", name, "--to", tmp_path / "out")
    assert exported.returncode == 0, exported.stderr
    verified = run_notary("verify", tmp_path / "out" / "result.json", "--event", tmp_path / "out" / "event.json",
                          "--public-key", tmp_path / "out" / "notary.pub")
    assert verified.returncode == 0, verified.stdout


def test_two_of_three_are_enough(scene):
    it = scene()
    name = it.send(approval_event(ANN, BEN, CIA, quorum=2))
    assert it.port(CIA).decide(name, "reject", comment="too early")[0] == 200
    assert it.port(ANN).decide(name, "approve")[0] == 200
    assert it.port(BEN).decide(name, "approve")[0] == 200
    workflow = it.port(ANN).until(name, "notarized")
    assert {who: verdict for who, verdict, _ in decisions_of(workflow)} == {ANN: "approve", BEN: "approve", CIA: "reject"}


def test_it_is_rejected_once_the_quorum_cannot_be_reached(scene, tmp_path):
    it = scene()
    event = approval_event(ANN, BEN, CIA, quorum=2)
    name = it.send(event)
    assert it.port(ANN).decide(name, "reject", comment="no model card")[0] == 200
    assert it.port(ANN).show(name)[1]["open"]
    assert it.port(BEN).decide(name, "reject")[0] == 200
    workflow = it.port(ANN).until(name, "rejected")
    result = it.result()
    assert result["success"] is False and result["receipt"] is None and result["error"]
    assert workflow["result"] == result
    status, body = it.port(CIA).decide(name, "approve")
    assert status == 409 and body["outcome"] == "rejected"
    assert it.port().get("/v1/log")[1]["size"] == 1  # the refusal is in the log, too


def test_it_expires(scene):
    it = scene()
    event = approval_event(ANN, timeout=1)
    it.channel.send(event)
    it.port(ANN).until(event["event_id"], "expired")
    result = it.result()
    assert result["success"] is False and result["receipt"] is None
    status, body = it.port(ANN).decide(event["event_id"], "approve")
    assert status == 409 and body["outcome"] == "expired"


def test_it_is_cancelled_by_an_approver_or_an_operator(scene):
    it = scene()
    for who in (ANN, OPS):
        name = it.send(approval_event(ANN, BEN))
        assert it.port("eve@example.com").decide(name, "cancel")[0] == 403
        assert it.port(who).decide(name, "cancel", comment="superseded")[0] == 200
        it.port(ANN).until(name, "cancelled")
        assert it.result()["success"] is False


def test_an_operator_does_not_approve_for_others(scene):
    it = scene()
    name = it.send(approval_event(ANN))
    assert it.port(OPS).decide(name, "approve")[0] == 403
    assert it.port(ANN).show(name)[1]["approvals"] == 0


def test_what_failed_is_tried_again(scene, tmp_path):
    it = scene(GEMINGA_NOTARY_ARTIFACTS_SCHEMES="file", GEMINGA_NOTARY_ARTIFACTS_ROOTS=str(tmp_path))
    content = b"a model"
    artifact = {"name": "m", "uri": f"file://{tmp_path}/model.bin", "hash_sha256": hashlib.sha256(content).hexdigest()}
    event = approval_event(ANN, artifacts=[artifact])
    event["workflow_config"]["retry_config"] = {"max_retries": 0, "initial_delay": 1}
    it.channel.send(event)
    name = event["event_id"]
    it.port(ANN).until(name, "failed")
    assert it.port("eve@example.com").decide(name, "retry")[0] == 403
    (tmp_path / "model.bin").write_bytes(content)
    assert it.port(ANN).decide(name, "retry")[0] == 200
    it.port(ANN).until(name, "pending_approval")
    assert it.port(ANN).decide(name, "approve")[0] == 200
    it.port(ANN).until(name, "notarized")


def test_a_retry_that_is_sent_again_retries_nothing(scene, tmp_path):
    it = scene(GEMINGA_NOTARY_ARTIFACTS_SCHEMES="file", GEMINGA_NOTARY_ARTIFACTS_ROOTS=str(tmp_path))
    artifact = {"name": "m", "uri": f"file://{tmp_path}/model.bin", "hash_sha256": hashlib.sha256(b"a model").hexdigest()}
    event = approval_event(ANN, artifacts=[artifact])
    event["workflow_config"]["retry_config"] = {"max_retries": 0, "initial_delay": 0}
    it.channel.send(event)
    name = event["event_id"]
    it.port(ANN).until(name, "failed")
    retry = it.keys[ANN].statement(event, "retry")
    it.write(retry)
    attempts = lambda: sum(step["kind"] == "attempt" for step in it.port(ANN).show(name)[1]["steps"])
    eventually(lambda: attempts() == 2)
    (tmp_path / "model.bin").write_bytes(b"a model")  # what is tried now succeeds
    it.write(retry)
    barrier(it)
    workflow = it.port(ANN).show(name)[1]
    assert workflow["status"] == "failed" and attempts() == 2
    assert it.port(ANN).decide(name, "retry")[0] == 200
    it.port(ANN).until(name, "pending_approval")


def test_who_has_a_key_is_not_spoken_for_by_token_or_certificate(scene, tmp_path):
    certs = make(tmp_path / "certs", role=ANN)
    it = scene(certs=certs, by_key_only=(ANN, OPS))
    event = approval_event(ANN)
    it.channel.send(event)
    name = event["event_id"]
    by_token, by_certificate = it.port(ANN, certs=certs), it.port(certs=certs, issued=certs.client)
    by_token.until(name, "pending_approval")
    for port in (by_token, by_certificate, it.port(OPS, certs=certs)):
        for decision in ("approve", "cancel"):
            status, body = port.decide(name, decision)
            assert status == 403 and "methods" in body["reason"]
    assert by_token.show(name)[1]["steps"][-1]["kind"] != "decision"
    assert it.port(certs=certs).decide(name, "approve", statement=it.keys[ANN].statement(event, "approve"))[0] == 200
    assert decisions_of(by_token.until(name, "notarized")) == [(ANN, "approve", "key")]


def test_a_token_decides_that_expires_soon(scene):
    it = scene()
    name = it.send(approval_event(ANN))
    for exp in (None, int(time.time()) + 25 * 3600):
        status, body = it.port(bearer=token(ANN, exp=exp)).decide(name, "approve")
        assert status == 403 and ("must expire" in body["reason"]) == (exp is None), body
        assert it.port(bearer=token(ANN, exp=exp)).show(name)[0] == 200  # to read, it is as good as any
    assert it.port(bearer=token(ANN, exp=int(time.time()) - 3600)).decide(name, "approve")[0] == 401
    assert it.port(ANN).show(name)[1]["approvals"] == 0
    assert it.port(bearer=token(ANN, exp=int(time.time()) + 23 * 3600)).decide(name, "approve")[0] == 200


def test_tokens_need_not_expire_where_the_operator_says_so(scene):
    it = scene(GEMINGA_NOTARY_APPROVALS_TOKEN_LIFETIME_MAX="0")
    name = it.send(approval_event(ANN))
    assert it.port(bearer=token(ANN, exp=None)).decide(name, "approve")[0] == 200


def test_strangers_decide_nothing(scene, tmp_path):
    it = scene()
    event = approval_event(ANN)
    name = it.send(event)
    eve = Approver(tmp_path, "eve@example.com")
    assert it.port().decide(name, "approve")[0] == 401
    assert it.port(bearer=token(ANN, key=b"not the key that the notary knows..")).decide(name, "approve")[0] == 401
    assert it.port("eve@example.com").decide(name, "approve")[0] == 403
    in_the_name_of_ann = eve.statement(event, "approve", approver=ANN)
    for statement in (eve.statement(event, "approve"), in_the_name_of_ann,
                      it.keys[BEN].statement(event, "approve"), it.keys[OPS].statement(event, "approve")):
        assert it.port().decide(name, "approve", statement=statement)[0] == 403
        it.write(statement)
    # Method token is the notary's to say, with the log's key.
    forged = it.keys[ANN].statement(event, "approve", method="token", subject=ANN)
    assert it.port().decide(name, "approve", statement=forged)[0] == 403
    it.write(forged)
    it.write("no.statement.atall")
    it.write("{}")
    barrier(it)
    assert it.port(ANN).show(name)[1]["approvals"] == 0 and it.port(ANN).show(name)[1]["open"]
    # Nor do they learn what there is, or what became of it.
    assert it.port(ANN).decide(name, "reject")[0] == 200
    it.port(ANN).until(name, "rejected")
    for asked in (name, "none"):
        assert it.port().decide(asked, "approve")[0] == 401
        assert it.port().decide(asked, "approve", statement=in_the_name_of_ann)[0] == 403


def barrier(it):
    """What was written to the approvals topic before has been judged: a decision behind it has."""
    other = approval_event(ANN)
    it.send(other)
    it.write(it.keys[ANN].statement(other, "reject"))
    it.port(ANN).until(other["event_id"], "rejected")


def test_a_decision_about_other_content_does_not_count(scene):
    it = scene()
    event = approval_event(ANN)
    name = it.send(event)
    other = {**event, "source": "the content that ann saw"}
    statement = it.keys[ANN].statement(other, "approve")
    status, body = it.port().decide(name, "approve", statement=statement)
    assert status == 409 and "other content" in body["reason"]
    it.write(statement)
    barrier(it)
    assert it.port(ANN).show(name)[1]["approvals"] == 0


def test_a_statement_says_what_it_says_wherever_it_is_sent(scene):
    it = scene()
    event = approval_event(ANN)
    name = it.send(event)
    reject = it.keys[ANN].statement(event, "reject")
    assert it.port().decide(name, "approve", statement=reject)[0] == 400
    assert it.port(ANN).show(name)[1]["approvals"] == 0
    another = approval_event(ANN)
    it.send(another)
    assert it.port().decide(another["event_id"], "reject", statement=reject)[0] == 400


def test_an_old_statement_does_nothing_more(scene):
    it = scene()
    event = approval_event(ANN, BEN)
    name = it.send(event)
    statement = it.keys[ANN].statement(event, "approve")
    for _ in range(3):
        it.write(statement)
    barrier(it)
    workflow = it.port(ANN).show(name)[1]
    assert workflow["approvals"] == 1 and len(decisions_of(workflow)) == 1
    assert it.port(BEN).decide(name, "approve")[0] == 200
    closed = it.port(ANN).until(name, "notarized")
    it.write(statement)
    barrier(it)
    assert it.port(ANN).show(name)[1]["result"] == closed["result"]


def test_decisions_survive_a_kill(scene):
    it = scene()
    event = approval_event(ANN, BEN)
    name = it.send(event)
    assert it.port(ANN).decide(name, "approve")[0] == 200
    it.notary.kill()
    it.notary.start()
    it.write(it.keys[BEN].statement(event, "approve"))
    workflow = it.port(ANN).until(name, "notarized")
    assert [who for who, _, _ in decisions_of(workflow)] == [ANN, BEN]


def test_a_replica_that_stands_by_takes_decisions(broker, client, tmp_path):
    (tmp_path / "token").mkdir()
    settings = port_settings(tmp_path / "token")
    key = make_key(tmp_path / "log.key")
    leader = Notary(broker.url, tmp_path / "one", key=key, **settings)
    standby = Notary(broker.url, tmp_path / "two", space=leader.space, key=key, **settings)
    leader.start()
    standby.start(ready="standby")
    try:
        channel, event = Channel(client, leader), approval_event(ANN)
        channel.send(event)
        port = Port(standby, ANN)
        port.until(event["event_id"], "pending_approval")
        assert port.get("/health/pulsar")[1]["role"] == "standby"
        assert port.decide(event["event_id"], "approve")[0] == 200
        workflow = port.until(event["event_id"], "notarized")
        assert workflow["result"] == json.loads(channel.next("results"))
    finally:
        standby.stop()
        leader.stop()


def test_what_is_asked_wrongly_is_told(scene):
    it = scene()
    name = it.send(approval_event(ANN))
    port = it.port(ANN)
    assert port.decide("none", "approve")[0] == 404
    assert port.decide(name, "approve", comment="x" * 2001)[0] == 400
    assert port.decide(name, "approve", statement="x", comment="y")[0] == 400
    assert port.decide(name, "approve", word="y")[0] == 400
    assert port.decide(name, "approve", wait=31)[0] == 400
    assert port.ask("POST", workflow_path(name) + "/approve", b"[1]")[0] in (400, 403)
    assert port.ask("POST", workflow_path(name) + "/bless", {})[0] in (404, 405)
    assert port.show(name)[1]["approvals"] == 0


def test_the_first_decision_of_somebody_counts(scene):
    it = scene()
    event = approval_event(ANN, BEN)
    name = it.send(event)
    assert it.port(ANN).decide(name, "approve")[0] == 200
    status, workflow = it.port(ANN).decide(name, "approve")
    assert status == 200 and len(decisions_of(workflow)) == 1
    status, body = it.port(ANN).decide(name, "reject")
    assert status == 409 and "first decision counts" in body["reason"]
    it.write(it.keys[ANN].statement(event, "reject"))
    barrier(it)
    assert decisions_of(it.port(ANN).show(name)[1]) == [(ANN, "approve", "token")]
    assert it.port(ANN).decide(name, "retry")[0] == 409  # nothing has failed


def test_without_waiting_it_is_told_where_to_look(scene):
    it = scene()
    name = it.send(approval_event(ANN))
    status, body = it.port(ANN).decide(name, "approve", wait=0)
    assert status == 202 and body["look_at"] == f"/v1/workflows/{name}" and body["approver"] == ANN
    it.port(ANN).until(name, "notarized")


def test_on_another_address_nobody_decides_without_credentials(broker, client, tmp_path):
    settings = port_settings(tmp_path, tokens=False, GEMINGA_NOTARY_HTTP_BIND="0.0.0.0")
    notary = Notary(broker.url, tmp_path / "notary", **settings).start()
    try:
        status, body = Port(notary).decide("x", "approve")
        assert status == 403 and "token_public_key" in body["reason"]
        assert "decisions are not taken" in notary.log.read_text()
        assert Port(notary).get("/v1/log")[0] == 200
    finally:
        notary.kill()
