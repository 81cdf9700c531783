# SPDX-License-Identifier: Apache-2.0
"""Workflows that a real Temporal runs: decided, expired, cancelled, lost, down, killed.

What Temporal says of a workflow is asked by its own HTTP interface, which no code of ours is behind.
"""
import base64
import json
import socket
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request

import pytest

from backend import free_ports, need
from broker_process import eventually
from certificates import make as make_certificates
from notary_port import Port, approval_event, port_settings
from notary_process import Channel, Notary, minimal_event, verify


class Temporal:
    def __init__(self, backend, port, http_port):
        self.backend, self.address, self.url = backend, f"127.0.0.1:{port}", f"http://127.0.0.1:{http_port}"

    def call(self, path, body=None):
        """Payloads as they are: Temporal's short form of them has no empty arrays."""
        request = urllib.request.Request(f"{self.url}/api/v1/namespaces/default/{path}",
                                         headers={"Accept": "application/json+no-payload-shorthand"},
                                         data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"{}")

    def state(self, workflow_id):
        """"RUNNING", "COMPLETED", ...; None: there is no such workflow."""
        try:
            shown = self.call(f"workflows/{workflow_id}")
        except urllib.error.HTTPError as e:
            assert e.code == 404, e.read()
            return None
        return shown["workflowExecutionInfo"]["status"].removeprefix("WORKFLOW_EXECUTION_STATUS_")

    def history(self, workflow_id):
        return self.call(f"workflows/{workflow_id}/history")["history"]["events"]

    def types(self, workflow_id):
        return [e["eventType"].removeprefix("EVENT_TYPE_") for e in self.history(workflow_id)]

    def result(self, workflow_id):
        [end] = [e for e in self.history(workflow_id) if e["eventType"] == "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED"]
        return content(end["workflowExecutionCompletedEventAttributes"]["result"])

    def query(self, workflow_id, name="status"):
        answer = self.call(f"workflows/{workflow_id}/query/{name}", {"query": {"queryType": name}})
        return content(answer["queryResult"])


def content(payloads):
    """The JSON of a single payload."""
    [payload] = payloads["payloads"]
    return json.loads(base64.b64decode(payload["data"]))


@pytest.fixture(scope="module")
def temporal(start):
    need("temporal")
    port, http_port, metrics_port = free_ports(3)

    def ready():
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{http_port}/api/v1/namespaces/default", timeout=5)
            return True
        except OSError:
            return False

    return Temporal(start("temporal", ready, PORT=port, HTTP_PORT=http_port, METRICS_PORT=metrics_port), port, http_port)


def settings(temporal, directory, **more):
    ours = {"GEMINGA_NOTARY_WORKFLOW_ENGINE": "temporal", "TEMPORAL_ADDRESS": temporal.address,
            "GEMINGA_NOTARY_TEMPORAL_TASK_QUEUE": f"notary-{directory.name}"}
    return port_settings(directory, **ours | more)


@pytest.fixture
def make(broker, temporal, tmp_path):
    notaries = []

    def one(name="notary", space=None, key=None, ready=True, **options):
        notaries.append(Notary(broker.url, tmp_path / name, space, key, **settings(temporal, tmp_path, **options)))
        return notaries[-1].start(ready)

    yield one
    for notary in notaries:
        notary.kill()


def opened(channel, port, temporal, event):
    """The id of the event's workflow, once Temporal runs it."""
    channel.send(event)
    eventually(lambda: port.show(event["event_id"])[0] == 200)
    workflow_id = port.show(event["event_id"])[1]["workflow_id"]
    eventually(lambda: temporal.state(workflow_id) == "RUNNING")
    return workflow_id


def decide(notary, name, event, decision, **body):
    status, answer = Port(notary, name).decide(event["event_id"], decision, wait=0, **body)
    assert status in (200, 202), answer


def test_approvals_become_signals_and_the_quorum_a_receipt(make, client, temporal, tmp_path):
    notary = make()
    channel, port = Channel(client, notary), Port(notary, "ann")
    event = approval_event("ann", "bob", "cid", quorum=2)
    workflow_id = opened(channel, port, temporal, event)
    eventually(lambda: "TIMER_STARTED" in temporal.types(workflow_id))
    asked = temporal.query(workflow_id)
    assert (asked["state"], asked["approvals"], asked["quorum"], asked["outcome"]) == ("collecting_approvals", 0, 2, None)
    decide(notary, "ann", event, "approve")
    eventually(lambda: temporal.query(workflow_id)["approvals"] == 1)
    decide(notary, "bob", event, "approve")
    result = channel.next("results")
    assert json.loads(result)["success"] is True
    assert verify(tmp_path, result, event, "--public-key", notary.data / "notary.pub")
    eventually(lambda: temporal.state(workflow_id) == "COMPLETED")
    assert temporal.result(workflow_id) == json.loads(result)
    done = temporal.query(workflow_id)
    assert done["state"] == "completed" and done["decisions"] == {"ann": "approve", "bob": "approve"}
    types = temporal.types(workflow_id)
    assert types.count("WORKFLOW_EXECUTION_SIGNALED") == 2 and types.count("ACTIVITY_TASK_SCHEDULED") == 1


def test_a_rejection_is_in_the_log_and_temporal_has_it(make, client, temporal):
    notary = make()
    channel, port = Channel(client, notary), Port(notary, "ann")
    event = approval_event("ann", "bob")
    workflow_id = opened(channel, port, temporal, event)
    decide(notary, "bob", event, "reject", comment="no")
    result = json.loads(channel.next("results"))
    assert result["success"] is False and result["error"].startswith("Rejected")
    eventually(lambda: temporal.state(workflow_id) == "COMPLETED")
    assert temporal.result(workflow_id) == result and temporal.query(workflow_id)["outcome"] == "rejected"


def test_temporals_timer_is_the_deadline(make, client, temporal):
    notary = make()
    channel, port = Channel(client, notary), Port(notary, "ann")
    event = approval_event("ann", timeout=3)
    workflow_id = opened(channel, port, temporal, event)
    result = json.loads(channel.next("results"))
    assert result["success"] is False and result["error"].startswith("Expired")
    assert "TIMER_FIRED" in temporal.types(workflow_id)
    eventually(lambda: temporal.state(workflow_id) == "COMPLETED")


def test_who_cancels_in_temporal_cancels(make, client, temporal):
    notary = make()
    channel, port = Channel(client, notary), Port(notary, "ann")
    event = approval_event("ann")
    workflow_id = opened(channel, port, temporal, event)
    temporal.call(f"workflows/{workflow_id}/cancel", {"reason": "a mistake"})
    result = json.loads(channel.next("results"))
    assert result["success"] is False and "cancelled by Temporal: a mistake" in result["error"]
    eventually(lambda: temporal.state(workflow_id) == "COMPLETED")


def test_who_cancels_here_cancels_there(make, client, temporal):
    notary = make()
    channel, port = Channel(client, notary), Port(notary, "ann")
    event = approval_event("ann", "bob")
    workflow_id = opened(channel, port, temporal, event)
    decide(notary, "ann", event, "cancel")
    assert "Cancelled" in json.loads(channel.next("results"))["error"]
    eventually(lambda: temporal.state(workflow_id) == "COMPLETED")
    assert temporal.query(workflow_id)["outcome"] == "cancelled"


def test_a_forged_signal_notarizes_nothing(make, client, temporal):
    """Temporal's word is not enough: the journal has no decision."""
    notary = make()
    channel, port = Channel(client, notary), Port(notary, "ann")
    event = approval_event("ann")
    workflow_id = opened(channel, port, temporal, event)
    forged = {"decisions": [{"approver": "ann", "verdict": "approve"}], "ended": None}
    temporal.call(f"workflows/{workflow_id}/signal/state", {"input": {"payloads": [forged]}})
    eventually(lambda: "the journal does not say" in json.dumps(temporal.call(f"workflows/{workflow_id}")))
    channel.nothing_more("results")
    assert port.show(event["event_id"])[1]["open"] is True
    decide(notary, "ann", event, "reject")
    result = json.loads(channel.next("results"))
    assert result["success"] is False and result["error"].startswith("Rejected")
    eventually(lambda: temporal.state(workflow_id) == "COMPLETED")
    assert temporal.result(workflow_id) == result


def test_what_was_terminated_in_temporal_begins_anew(make, client, temporal):
    notary = make()
    channel, port = Channel(client, notary), Port(notary, "ann")
    event = approval_event("ann", "bob")
    workflow_id = opened(channel, port, temporal, event)
    temporal.call(f"workflows/{workflow_id}/terminate", {"reason": "the tests"})
    eventually(lambda: temporal.state(workflow_id) == "TERMINATED")
    decide(notary, "ann", event, "approve")
    decide(notary, "bob", event, "approve")
    assert json.loads(channel.next("results"))["success"] is True
    eventually(lambda: temporal.state(workflow_id) == "COMPLETED")


def test_a_notary_that_was_killed_goes_on(make, client, temporal):
    notary = make()
    channel, port = Channel(client, notary), Port(notary, "ann")
    events = [approval_event("ann", "bob") for _ in range(5)]
    ids = [opened(channel, port, temporal, event) for event in events]
    for event in events:
        decide(notary, "ann", event, "approve")
    notary.kill()
    notary.start()
    for event in events:
        decide(notary, "bob", event, "approve")
    notary.kill()
    notary.start()
    results = channel.results(len(events))
    assert all(len(of_one) == 1 for of_one in results.values())
    for workflow_id in ids:
        eventually(lambda: temporal.state(workflow_id) == "COMPLETED")


def test_batches_and_what_ends_at_once(make, client, temporal):
    notary = make()
    channel = Channel(client, notary)
    events = [minimal_event(workflow_config={"workflow_type": kind}) for kind in ("batch", "simple_sign", "batch")]
    for event in events:
        channel.send(event)
    results = channel.results(3)
    by_event = {event_id: json.loads(*of_one) for event_id, of_one in results.items()}
    assert all(result["success"] for result in by_event.values())
    assert temporal.state(by_event[events[1]["event_id"]]["workflow_id"]) is None
    eventually(lambda: temporal.state(by_event[events[0]["event_id"]]["workflow_id"]) == "COMPLETED")


def test_the_other_replica_goes_on(make, client, temporal):
    first = make("first")
    channel, port = Channel(client, first), Port(first, "ann")
    event = approval_event("ann", "bob")
    workflow_id = opened(channel, port, temporal, event)
    decide(first, "ann", event, "approve")
    second = make("second", space=first.space, key=first.data / "notary.key", ready="standby")
    first.kill()
    decide(second, "bob", event, "approve")
    assert json.loads(channel.next("results", 60))["success"] is True
    eventually(lambda: temporal.state(workflow_id) == "COMPLETED", 60)


def test_the_notary_ends_in_order_while_it_waits_for_work(make, client, temporal):
    notary = make(GEMINGA_NOTARY_TEMPORAL_POLL="10m")
    channel, port = Channel(client, notary), Port(notary, "ann")
    opened(channel, port, temporal, approval_event("ann"))
    notary.stop()


def test_a_namespace_that_is_not_there_is_said(make, client, temporal):
    notary = make(TEMPORAL_NAMESPACE="nowhere")
    channel, port = Channel(client, notary), Port(notary, "ann")
    event = approval_event("ann")
    channel.send(event)
    eventually(lambda: "nowhere" in json.dumps(port.show(event["event_id"])[1]))
    assert port.show(event["event_id"])[1]["open"] is True


def test_another_query_is_refused(make, client, temporal):
    notary = make()
    channel, port = Channel(client, notary), Port(notary, "ann")
    workflow_id = opened(channel, port, temporal, approval_event("ann"))
    with pytest.raises(urllib.error.HTTPError) as refused:
        temporal.query(workflow_id, "another")
    assert 'the query is \\"status\\"' in refused.value.read().decode()


class TlsFront:
    """What stands before a Temporal that is spoken to by TLS: it wants our certificate, and passes all on."""

    def __init__(self, certs, target):
        self.target, self.seen = target, 0
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certs.trust)
        self.context.load_cert_chain(certs.broker.certificate, certs.broker.key)
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.set_alpn_protocols(["h2"])
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            plain, _ = self.listener.accept()
            threading.Thread(target=self.one, args=(plain,), daemon=True).start()

    def one(self, plain):
        with self.context.wrap_socket(plain, server_side=True) as client, socket.create_connection(self.target) as server:
            self.seen += 1
            threading.Thread(target=pump, args=(server, client), daemon=True).start()
            pump(client, server)


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def test_by_tls_with_a_certificate(make, client, temporal, tmp_path):
    certs = make_certificates(tmp_path / "certificates")
    host, port = temporal.address.split(":")
    front = TlsFront(certs, (host, int(port)))
    notary = make(TEMPORAL_ADDRESS=f"localhost:{front.port}", TEMPORAL_TLS="true",
                  TEMPORAL_TLS_SERVER_CA_CERT_PATH=certs.trust, TEMPORAL_TLS_CLIENT_CERT_PATH=certs.broker.certificate,
                  TEMPORAL_TLS_CLIENT_KEY_PATH=certs.broker.key)
    channel = Channel(client, notary)
    event = approval_event("ann")
    workflow_id = opened(channel, Port(notary, "ann"), temporal, event)
    decide(notary, "ann", event, "approve")
    assert json.loads(channel.next("results"))["success"] is True
    eventually(lambda: temporal.state(workflow_id) == "COMPLETED")
    assert 0 < front.seen <= 6, "connections are used again"


def test_while_temporal_is_down_the_others_go_on(make, client, temporal):
    """Last, for it stops the server that all share; its data are kept."""
    notary = make()
    channel, port = Channel(client, notary), Port(notary, "ann")
    known = approval_event("ann")
    workflow_id = opened(channel, port, temporal, known)
    temporal.backend.stop()
    decide(notary, "ann", known, "approve")
    late = approval_event("ann")
    channel.send(late)
    eventually(lambda: "Waits for the workflow engine" in json.dumps(port.show(known["event_id"])[1]))
    simple = minimal_event()
    channel.send(simple)
    assert json.loads(channel.next("results"))["event_id"] == simple["event_id"]
    temporal.backend.start()
    assert json.loads(channel.next("results", 120))["event_id"] == known["event_id"]
    decide(notary, "ann", late, "approve")
    assert json.loads(channel.next("results", 120))["event_id"] == late["event_id"]
    eventually(lambda: temporal.state(workflow_id) == "COMPLETED")
