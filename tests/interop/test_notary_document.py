# SPDX-License-Identifier: Apache-2.0
"""Commands and snippets of the notary's document, as they stand there; and what docs/ says about them."""
import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pulsar
import pytest

from broker_process import PROGRAM, eventually
from notary_process import Channel, minimal_event

ROOT = Path(__file__).resolve().parents[2]
EVENTS = "persistent://afdp/default/afdp.pipeline.events"
SUBSCRIPTION = "afdp-notary-subscription"
HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

# "Message Inspection", but for the address and the end.
INSPECT = """
import pulsar

client = pulsar.Client('pulsar://localhost:6650')
reader = client.create_reader('persistent://afdp/default/afdp.pipeline.events',
                             pulsar.MessageId.earliest)

while True:
    msg = reader.read_next()
    print(f"Message: {msg.data()}")
    print(f"Properties: {msg.properties()}")
"""

# "CI/CD Pipeline Integration", with what GitHub puts in.  (The client's send wants bytes: the document's text has none.)
PIPELINE = """
import pulsar, json, uuid
client = pulsar.Client('pulsar://pulsar:6650')
producer = client.create_producer('persistent://afdp/default/afdp.pipeline.events')
event = {
  'event_id': str(uuid.uuid4()),
  'event_type': {'model_deployment': {
    'model_id': 'acme/model',
    'version': '3f2a9c',
    'environment': 'production'
  }},
  'source': 'github-actions',
  'actor': {'actor_type': 'ci_system', 'id': 'github-actions'},
  'artifacts': [{'name': 'model.pkl', 'hash_sha256': '%s'}],
  'workflow_config': {'workflow_type': 'simple_sign'}
}
producer.send(json.dumps(event).encode())
client.close()
""" % HASH


@pytest.fixture
def platform(own_broker, monkeypatch):
    """A broker with the document's namespace."""
    for words in (("tenants", "create", "afdp"), ("namespaces", "create", "afdp/default")):
        admin(own_broker, *words)
    return own_broker


def admin(broker, *words, expect=0, **environment):
    done = subprocess.run([PROGRAM, "admin", "--admin-url", broker.http_url, *words], capture_output=True, text=True, timeout=60,
                          env={**os.environ, **environment}, stdin=subprocess.DEVNULL)
    assert done.returncode == expect, done
    return done.stdout if expect == 0 else done.stderr


def test_the_documents_commands_of_the_administrator_work(platform, connect):
    producer = connect(platform.url).create_producer(EVENTS)
    admin(platform, "topics", "create-subscription", "-s", SUBSCRIPTION, EVENTS)
    producer.send(b"{}")
    assert json.loads(admin(platform, "topics", "stats", EVENTS))["subscriptions"][SUBSCRIPTION]["msgBacklog"] == 1
    assert admin(platform, "topics", "subscriptions", EVENTS) == f"{SUBSCRIPTION}\n"
    reset = ("topics", "reset-cursor", "-s", SUBSCRIPTION, "-p", "latest")
    assert "PULSAR_EVENTS_TOPIC" in admin(platform, *reset, expect=1, PULSAR_EVENTS_TOPIC="")
    admin(platform, *reset, PULSAR_EVENTS_TOPIC="afdp.pipeline.events")
    assert json.loads(admin(platform, "topics", "stats", EVENTS))["subscriptions"][SUBSCRIPTION]["msgBacklog"] == 0
    admin(platform, *reset[:-1], "earliest", PULSAR_EVENTS_TOPIC=EVENTS)
    assert json.loads(admin(platform, "topics", "stats", EVENTS))["subscriptions"][SUBSCRIPTION]["msgBacklog"] == 1
    with urllib.request.urlopen(f"{platform.http_url}/admin/v2/clusters", timeout=30) as answer:
        assert json.loads(answer.read()) == ["standalone"]


def test_the_documents_reader_prints_what_is_in_the_topic(platform, connect):
    producer = connect(platform.url).create_producer(EVENTS)
    producer.send(b'{"event_id":"one"}', properties={"from": "a pipeline"})
    text = INSPECT.replace("pulsar://localhost:6650", platform.url)
    process = subprocess.Popen([sys.executable, "-u", "-c", text], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        lines = []
        while len(lines) < 2:  # the client's own lines are there, too
            line = process.stdout.readline()
            assert line
            lines += [line] if line.startswith(("Message:", "Properties:")) else []
        assert lines == ["Message: b'{\"event_id\":\"one\"}'\n", "Properties: {'from': 'a pipeline'}\n"]
    finally:
        process.kill()
        process.wait()


def test_the_documents_pipeline_step_gets_a_receipt(platform, connect, make_notary):
    topics = {f"PULSAR_{name.upper()}_TOPIC": f"persistent://afdp/default/{topic}" for name, topic in
              (("events", "afdp.pipeline.events"), ("results", "afdp.notary.results"), ("status", "afdp.notary.status"),
               ("errors", "afdp.notary.errors"))}
    make_notary(url=platform.url, **topics).start()
    reader = connect(platform.url).create_reader(topics["PULSAR_RESULTS_TOPIC"], pulsar.MessageId.earliest)
    subprocess.run([sys.executable, "-c", PIPELINE.replace("pulsar://pulsar:6650", platform.url)], check=True, timeout=60,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    result = json.loads(reader.read_next(30_000).data())
    assert result["success"] is True and result["workflow_type"] == "simple_sign"


def test_a_minimal_event_is_accepted(make_notary, client):
    notary = make_notary().start()
    channel = Channel(client, notary)
    event = minimal_event()
    assert not {"timestamp", "trace_id", "span_id", "priority", "metadata"} & event.keys()
    channel.send(event)
    result = channel.next_json("results")
    assert result["success"] is True and result["trace_id"] is None


def test_the_examples_tell_of_an_approval_and_of_a_refusal(make_notary, client):
    """The sender's --approver, and what the monitor prints of a result without a receipt."""
    notary = make_notary().start()
    examples = ROOT / "examples" / "pulsar"
    sent = subprocess.run([sys.executable, examples / "send-model-deployment-event.py", notary.url, "--approver", "ann@example.com"],
                          env=notary.environment, check=True, capture_output=True, text=True, timeout=60).stdout
    channel = Channel(client, notary)
    while channel.next_json("status")["status"] != "pending_approval":
        pass
    channel.send(minimal_event(workflow_config={"workflow_type": "approval_sign", "approvers": ["ben@example.com"], "timeout": 1}))
    monitor = subprocess.run([sys.executable, "-u", examples / "monitor-results.py", notary.url, "--count", "1", "--from-earliest"],
                             env=notary.environment, check=True, capture_output=True, text=True, timeout=120).stdout
    assert f"status {sent.split()[2]} pending_approval" in monitor
    assert "refused: " in monitor


# ---- what is in little ----

def peak_kib(notary):
    return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{notary.process.pid}/status").read_text())[1])


def test_the_low_memory_profile_needs_less_memory(make_notary, client):
    """1,500 events of 30 KB wait: what is asked for in advance is what fills the memory."""
    peaks = {}
    for profile in ("pulsar.toml", "notary-low-memory.toml"):
        notary = make_notary(profile)
        for name in ("PULSAR_BATCH_RECEIVE_MAX_WAIT_TIME",):
            notary.environment.pop(name)
        config = notary.directory / "config"
        config.mkdir()
        (config / "pulsar.toml").write_text((ROOT / "config" / profile).read_text())
        channel = Channel(client, notary)
        for _ in range(1500):
            channel.producer.send_async(json.dumps(minimal_event(metadata={"note": "x" * 30_000})).encode(), lambda *_: None)
        channel.producer.flush()
        notary.start()
        assert len(channel.results(1500)) == 1500
        peaks[profile] = peak_kib(notary)
        notary.stop()
    assert peaks["notary-low-memory.toml"] < 0.7 * peaks["pulsar.toml"], peaks


@pytest.mark.parametrize("profile", ["notary-low-memory.toml", "notary-high-throughput.toml"])
def test_a_profile_is_valid_and_says_what_differs(profile):
    done = subprocess.run([PROGRAM, "notary", "config", "--config", str(ROOT / "config" / profile)], capture_output=True, text=True,
                          timeout=30, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 0, done.stderr
    expected = {"notary-low-memory.toml": ("receive_queue_size = 100", "batch_receive.max_messages = 50"),
                "notary-high-throughput.toml": ("receive_queue_size = 5000", "batch_receive.max_messages = 1000",
                                                'max_wait_time = "50ms"', "batching.max_messages = 1000", "5MiB", '"5ms"')}
    for setting in expected[profile]:
        assert setting in done.stdout


# ---- docs/ ----

TEST = re.compile(r"`((?:tests|src)/[\w/.]+)::(\w+)`")
SEED_ROWS = [f"S0-{i:02}" for i in range(1, 43)]


def test_every_row_of_the_document_is_shown_by_tests_that_there_are():
    text = (ROOT / "docs" / "coverage.md").read_text()
    rows = dict(re.findall(r"^\| (S0-\d\d) \|(.*)\|$", text, re.M))
    assert list(rows) == SEED_ROWS
    for row, cells in rows.items():
        assert TEST.search(cells), f"{row} names no test"
    for path, name in TEST.findall(text):
        source = (ROOT / path).read_text()
        assert re.search(rf"(def |static void ){name}\(", source), f"{path} has no {name}"


def test_every_command_of_the_notarys_guide_is_known():
    text = (ROOT / "docs" / "notary.md").read_text()
    verbs = {line.split()[0] for line in subprocess.run([PROGRAM, "notary", "--help"], capture_output=True, text=True, timeout=30)
             .stdout.splitlines() if re.match(r"  [a-z-]+ +[A-Z]", line)}
    named = set(re.findall(r"geminga notary ([a-z][a-z-]+)", text))
    assert named <= verbs, named - verbs
    for group, command in set(re.findall(r"geminga admin ([a-z-]+) ([a-z-]+)", text)):
        done = subprocess.run([PROGRAM, "admin", group, command, "--help"], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, (group, command)
    helps = [subprocess.run([PROGRAM, "notary", *words, "--help"], capture_output=True, text=True, timeout=30).stdout
             for words in ((), *((verb,) for verb in verbs))]
    for flag in set(re.findall(r"geminga notary [^`\n]*?(--[a-z-]+)", text)):
        assert any(flag in one for one in helps), flag
