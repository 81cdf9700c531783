# SPDX-License-Identifier: Apache-2.0
"""Traces as a real OpenTelemetry collector takes them: its own decoder says what it understood."""
import re

import pytest

from backend import free_ports, need
from broker_process import eventually
from notary_process import Channel, sample_event

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


@pytest.fixture(scope="session")
def collector(start):
    need("otelcol")
    (port,) = free_ports(1)
    return start("otelcol", PORT=port)


def spans_of(log, event_id):
    """Its report of each span of the event, by name."""
    spans = {}
    for part in log.read_text().split("\nSpan #")[1:]:
        if f"geminga.event_id: Str({event_id})" in part:
            spans[re.search(r"Name\s+: (\S+)", part)[1]] = part
    return spans


def field(span, name):
    return re.search(rf"^ +{name}\s*: ?(\S*)", span, re.M)[1]


@pytest.mark.parametrize("variable, path", [("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
                                            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "/v1/traces"),
                                            ("OTEL_EXPORTER_JAEGER_ENDPOINT", "/api/traces")])
def test_a_real_collector_takes_the_spans_of_an_event(make_notary, client, collector, variable, path):
    notary = make_notary(PULSAR_TRACING_ENABLED="true",
                         **{variable: f"http://127.0.0.1:{collector.environment['PORT']}{path}"}).start()
    channel = Channel(client, notary)
    event = sample_event(trace_id=TRACE, span_id=SPAN, workflow_config={"workflow_type": "simple_sign"})
    channel.send(event)
    channel.next("results")
    spans = eventually(lambda: (lambda found: found if "notarize" in found else None)(
        spans_of(collector.log, event["event_id"])))
    assert set(spans) == {"notarize", "receive", "validate", "sign", "journal", "publish"}
    root = spans.pop("notarize")
    assert field(root, "Trace ID") == TRACE and field(root, "Parent ID") == SPAN
    assert field(root, "Kind") == "Consumer" and field(root, "Status code") == "Unset"
    assert {field(span, "Parent ID") for span in spans.values()} == {field(root, "ID")}
    assert "service.name: Str(afdp-notary-pulsar)" in collector.log.read_text()
