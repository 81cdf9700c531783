# SPDX-License-Identifier: Apache-2.0
"""A notary whose workflows Temporal shall run, and no Temporal: what waits says so, the rest goes on.

With a real one: tests/integration/test_temporal.py.
"""
import json
import socket

import pytest

from broker_process import eventually
from notary_port import Port, approval_event, port_settings
from notary_process import Channel, Notary, minimal_event, run_notary


@pytest.fixture
def nobody():
    """An address that nobody answers at: it is bound, and does not listen."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


def test_without_temporal_what_needs_it_waits_and_the_rest_goes_on(broker, client, tmp_path, nobody):
    notary = Notary(broker.url, tmp_path / "notary",
                    **port_settings(tmp_path, GEMINGA_NOTARY_WORKFLOW_ENGINE="temporal", TEMPORAL_ADDRESS=nobody)).start()
    channel, port = Channel(client, notary), Port(notary, "ann")
    event, simple = approval_event("ann"), minimal_event()
    channel.send(event)
    eventually(lambda: "Waits for the workflow engine" in json.dumps(port.show(event["event_id"])[1]))
    status, _ = port.decide(event["event_id"], "approve", wait=0)
    assert status in (200, 202)
    channel.send(simple)
    assert channel.next_json("results")["event_id"] == simple["event_id"]
    assert port.show(event["event_id"])[1]["open"] is True
    notary.stop()
    notary.environment["GEMINGA_NOTARY_WORKFLOW_ENGINE"] = "embedded"
    notary.start()  # whoever gives up Temporal loses nothing
    assert channel.next_json("results")["event_id"] == event["event_id"]
    notary.stop()


def test_settings_that_make_no_sense_are_refused(tmp_path):
    (tmp_path / "pulsar.toml").write_text('[notary.workflow]\nengine = "temporal"\n[notary.temporal]\naddress = "http://x:1"\n')
    done = run_notary("--config", tmp_path / "pulsar.toml", cwd=tmp_path)
    assert done.returncode != 0 and "notary.temporal.address must be HOST:PORT" in done.stderr
