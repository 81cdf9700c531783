# SPDX-License-Identifier: Apache-2.0
"""What a collector of traces hears of an event's way, from its receipt to its result; and what it costs when it is away."""
import hashlib
import json
import re
import socket
import urllib.request

import pytest

from broker_process import eventually
from collector import Collector, attributes
from notary_process import Channel, minimal_event, run_notary, sample_event

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
STEPS = {"receive", "validate", "sign", "journal", "publish"}


@pytest.fixture
def collector():
    it = Collector()
    yield it
    it.close()
    assert it.faults == []


@pytest.fixture
def traced(make_notary, collector):
    def start(**variables):
        variables.setdefault("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        return make_notary(PULSAR_TRACING_ENABLED="true", GEMINGA_NOTARY_HTTP_ENABLED="true", GEMINGA_NOTARY_HTTP_PORT="0",
                           **variables).start()

    return start


def metric(notary, name):
    port = re.search(r"on 127\.0\.0\.1:(\d+)", notary.log.read_text())[1]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        found = re.search(rf"^{name} (\d+)$", answer.read().decode(), re.M)
    return int(found[1]) if found else None


def moments(span):
    return int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])


def test_an_events_trace_goes_on_from_receipt_to_result(client, traced, collector):
    notary = traced(OTEL_SERVICE_NAME="notary-of-test", OTEL_EXPORTER_OTLP_HEADERS="x-key=a%20b,x-other=c")
    channel = Channel(client, notary)
    event = sample_event(trace_id=TRACE, span_id=SPAN, workflow_config={"workflow_type": "simple_sign"})
    channel.send(event)
    result = channel.next_json("results")
    spans = eventually(lambda: (lambda found: found if "notarize" in found else None)(collector.of(event["event_id"])))
    assert set(spans) == STEPS | {"notarize"}
    root = spans.pop("notarize")
    assert root["parentSpanId"] == SPAN
    assert attributes(root)["geminga.outcome"] == "notarized"
    assert attributes(root)["geminga.workflow_id"] == result["workflow_id"]
    for span in spans.values():
        assert span["parentSpanId"] == root["spanId"]
        assert moments(root)[0] <= moments(span)[0] and moments(span)[1] <= moments(root)[1]
    assert {span["traceId"] for span in [root, *spans.values()]} == {TRACE}
    assert len({span["spanId"] for span in [root, *spans.values()]}) == len(spans) + 1
    order = [moments(spans[name])[0] for name in ("receive", "validate", "sign", "journal", "publish")]
    assert order == sorted(order)
    path, headers, resources = collector.requests[0]
    assert path == "/v1/traces" and headers["Content-Type"] == "application/json"
    assert headers["x-key"] == "a b" and headers["x-other"] == "c"
    assert resources[0]["service.name"] == "notary-of-test" and resources[0]["service.instance.id"]
    eventually(lambda: metric(notary, "geminga_trace_spans_sent_total") >= 6)
    assert metric(notary, "geminga_trace_spans_dropped_total") == 0


def test_a_workflow_that_waits_for_people_is_one_trace(client, traced, collector, tmp_path):
    ann = "ann@example.com"
    lines = run_notary("approver-key", ann, "--out", tmp_path / "ann.key").stdout
    (tmp_path / "approvers.toml").write_text(lines)
    notary = traced(GEMINGA_NOTARY_APPROVERS_FILE=str(tmp_path / "approvers.toml"))
    channel = Channel(client, notary)
    event = sample_event(trace_id=TRACE, span_id=SPAN, workflow_config={"workflow_type": "approval_sign", "approvers": [ann]})
    channel.send(event)
    while channel.next_json("status")["status"] != "pending_approval":
        pass
    (tmp_path / "event.json").write_text(json.dumps(event))
    done = run_notary("approve", event["event_id"], "--approver-key", tmp_path / "ann.key", "--as", ann, "--event",
                      tmp_path / "event.json", "--service-url", notary.url, env=notary.environment)
    assert done.returncode in (0, 3), done.stderr  # 3: written, and no port is asked whether it is shown
    assert channel.next_json("results")["success"] is True
    spans = eventually(lambda: (lambda found: found if "notarize" in found else None)(collector.of(event["event_id"])))
    assert set(spans) == {"receive", "validate", "approval", "sign", "publish", "notarize"}
    root, approval = spans["notarize"], spans["approval"]
    assert root["parentSpanId"] == SPAN and {span["traceId"] for span in spans.values()} == {TRACE}
    assert approval["parentSpanId"] == root["spanId"]
    assert moments(root)[0] <= moments(approval)[0] <= moments(approval)[1] <= moments(root)[1]


def test_ids_that_are_no_ids_are_hashed_and_kept(client, traced, collector):
    notary = traced()
    channel = Channel(client, notary)
    event = sample_event(trace_id="trace-uuid-456", span_id="span-uuid-789")
    bare = minimal_event()
    for one in (event, bare):
        channel.send(one)
    eventually(lambda: all("notarize" in collector.of(one["event_id"]) for one in (event, bare)))
    root = collector.of(event["event_id"])["notarize"]
    assert root["traceId"] == hashlib.sha256(b"trace-uuid-456").hexdigest()[:32]
    assert root["parentSpanId"] == hashlib.sha256(b"span-uuid-789").hexdigest()[:16]
    assert attributes(root)["geminga.event.trace_id"] == "trace-uuid-456"
    assert attributes(root)["geminga.event.span_id"] == "span-uuid-789"
    alone = collector.of(bare["event_id"])["notarize"]
    assert alone["traceId"] == hashlib.sha256(bare["event_id"].encode()).hexdigest()[:32]
    assert "parentSpanId" not in alone


def test_a_refused_event_has_a_trace_that_failed(client, traced, collector):
    notary = traced()
    channel = Channel(client, notary)
    event = minimal_event(artifacts=[], trace_id=TRACE)
    channel.send(event)
    channel.next("errors")
    spans = eventually(lambda: (lambda found: found if "notarize" in found else None)(collector.of(event["event_id"])))
    assert spans["notarize"]["status"]["code"] == 2 and "artifacts" in spans["notarize"]["status"]["message"]
    assert attributes(spans["notarize"])["geminga.outcome"] == "validation"
    assert spans["validate"]["status"]["code"] == 2
    assert "journal" not in spans


def test_a_jaeger_endpoint_of_old_is_mapped(client, traced, collector):
    port = collector.server.server_address[1]
    notary = traced(OTEL_EXPORTER_JAEGER_ENDPOINT=f"http://127.0.0.1:{port}/api/traces", OTEL_EXPORTER_OTLP_ENDPOINT="")
    channel = Channel(client, notary)
    channel.send(minimal_event())
    eventually(lambda: collector.spans)
    assert collector.requests[0][0] == "/v1/traces"


def test_a_busy_collector_is_tried_again_and_one_that_refuses_is_not(client, traced, collector):
    notary = traced()
    collector.statuses = [503, 429]
    channel = Channel(client, notary)
    first, second = minimal_event(), minimal_event()
    channel.send(first)
    eventually(lambda: "notarize" in collector.of(first["event_id"]))
    assert metric(notary, "geminga_trace_spans_dropped_total") == 0
    collector.statuses = [400]
    channel.send(second)
    eventually(lambda: (metric(notary, "geminga_trace_spans_dropped_total") or 0) > 0)
    assert collector.of(second["event_id"]) == {}
    assert "answered 400" in notary.log.read_text()


def test_a_collector_that_never_answers_holds_up_nobody(client, traced, collector):
    notary = traced()
    collector.release.clear()
    channel = Channel(client, notary)
    for _ in range(300):
        channel.send(minimal_event(trace_id=TRACE))
    assert len(channel.results(300)) == 300
    notary.stop()  # and it ends in order


def test_a_collector_that_is_away_holds_up_nobody_and_its_spans_are_counted(client, traced):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, and nobody listens
        notary = traced(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{nobody.getsockname()[1]}")
        channel = Channel(client, notary)
        channel.send(minimal_event())
        channel.next("results")
        notary.stop()
    assert "spans are given up" in notary.log.read_text()


def test_without_tracing_nothing_is_sent(client, make_notary, collector):
    notary = make_notary(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url).start()
    channel = Channel(client, notary)
    channel.send(minimal_event())
    channel.next("results")
    notary.stop()
    assert collector.requests == []


def test_what_waits_is_sent_at_the_end(client, traced, collector):
    notary = traced()
    channel = Channel(client, notary)
    event = minimal_event()
    channel.send(event)
    channel.next("results")
    notary.stop()
    assert "notarize" in collector.of(event["event_id"])
