# SPDX-License-Identifier: Apache-2.0
"""The notary's settings as its document has them: the whole file, every variable over it, levels of the log, its names."""
import contextlib
import json
import os
import re
import socket
import subprocess
import urllib.request
from pathlib import Path

import pytest

from broker_process import DIES_WITH_PARENT, PROGRAM, eventually
from notary_process import Channel, Notary, minimal_event, run_notary, verify
from rest import request

NAME = Path(PROGRAM).with_name("afdp-notary-pulsar")
DATA = Path(__file__).resolve().parent / "data"

# "Complete Configuration Example" of the notary's document, byte for byte.
WHOLE_FILE = (DATA / "notary-document.toml").read_text()
METRICS = ("pulsar_messages_received_total", "pulsar_messages_processed_total", "pulsar_processing_duration_seconds_bucket",
           "pulsar_errors_total", "pulsar_messages_sent_total", "pulsar_send_duration_seconds_bucket",
           "pulsar_send_errors_total")


def http_port(notary):
    found = re.search(r"on 127\.0\.0\.1:(\d+)", notary.log.read_text())
    return int(found[1]) if found else None


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        return answer.status, answer.read().decode()


@pytest.fixture
def documented_broker(own_broker):
    """With the tenant and the namespace of the document."""
    for path, body in (("tenants/afdp", {"allowedClusters": ["standalone"]}), ("namespaces/afdp/default", {})):
        status, answer = request(own_broker, "PUT", f"/admin/v2/{path}", body)
        assert status == 204, answer
    return own_broker


def documented_environment(**variables):
    return {**{name: value for name, value in os.environ.items() if not name.startswith(("PULSAR_", "GEMINGA_NOTARY"))},
            **variables}


def test_the_documents_complete_file_runs_as_it_stands(documented_broker, connect, tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "pulsar.toml").write_text(WHOLE_FILE)
    environment = documented_environment(PULSAR_SERVICE_URL=documented_broker.url)  # the file says port 6650
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen([*DIES_WITH_PARENT, NAME], cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log)
    try:
        eventually(lambda: "connected to pulsar://" in (tmp_path / "log").read_text())
        done = subprocess.run([PROGRAM, "notary", "send", "--model", "m", "--version", "1", "--artifact",
                               f"m=sha256:{'ab' * 32}", "--wait"], cwd=tmp_path, env=environment, capture_output=True,
                              text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def test_under_its_own_name_the_program_is_the_notary():
    done = subprocess.run([NAME, "--help"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0
    assert done.stdout == run_notary("--help").stdout
    assert subprocess.run([NAME, "verfy"], capture_output=True, text=True, timeout=30).returncode == 2


def test_variables_on_the_command_line_go_over_everything(make_notary, client):
    notary = make_notary(PULSAR_CONSUMER_NAME="afdp-notary-consumer-7", PULSAR_COMPRESSION="Zstd")
    config = notary.directory / "pulsar.toml"
    config.write_text('[pulsar]\nservice_url = "pulsar://127.0.0.1:1"\n[pulsar.consumer]\nname = "another"\n')
    done = run_notary("config", "--config", config, env=notary.environment)
    assert f'pulsar.service_url = "{notary.url}"  # PULSAR_SERVICE_URL\n' in done.stdout
    assert 'pulsar.consumer.name = "afdp-notary-consumer-7"  # PULSAR_CONSUMER_NAME\n' in done.stdout
    assert 'pulsar.producer.compression = "Zstd"  # PULSAR_COMPRESSION\n' in done.stdout
    notary.start()
    channel = Channel(client, notary)
    channel.send(minimal_event())
    assert channel.next_json("results")["success"] is True


def test_the_configuration_is_shown_with_who_says_so_and_without_secrets(tmp_path):
    config = tmp_path / "pulsar.toml"
    config.write_text('[pulsar.consumer]\nreceive_queue_size = 7\n[pulsar.auth]\nmethod = "jwt"\ntoken = "eyJ.secret"\n')
    environment = documented_environment()
    done = run_notary("config", "--config", config, "--subscription", "s", env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"pulsar.consumer.receive_queue_size = 7  # {config}:2\n" in done.stdout
    assert 'pulsar.consumer.subscription = "s"  # --subscription\n' in done.stdout
    assert "pulsar.auth.token" in done.stdout and "eyJ" not in done.stdout and "***" in done.stdout
    assert "pulsar.producer.name" not in done.stdout  # a default
    whole = run_notary("config", "--effective", "-o", "json", "--config", config, env=environment, cwd=tmp_path)
    shown = json.loads(whole.stdout)
    assert shown["pulsar.producer.name"] == {"value": "afdp-notary-producer", "origin": "default"}
    assert shown["pulsar.consumer.receive_queue_size"]["value"] == 7


def test_what_a_notary_would_refuse_is_told_by_config_and_at_the_start(tmp_path):
    environment = documented_environment(PULSAR_TRACING_ENABLED="true", OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    for arguments in (("config",), ()):
        done = run_notary(*arguments, env=environment, cwd=tmp_path)
        assert done.returncode == 1
        assert "OTEL_EXPORTER_OTLP_PROTOCOL" in done.stderr
    assert not (tmp_path / "data").exists()
    done = run_notary("config", env=documented_environment(GEMINGA_NOTARY_LOG_LEVEL="loud"), cwd=tmp_path)
    assert done.returncode == 1 and "neither a level" in done.stderr


def test_modules_have_levels_of_their_own(make_notary):
    quiet = make_notary("quiet").start()
    loud = make_notary("loud", RUST_LOG="afdp_notary::pulsar=debug,pulsar=debug").start()
    of_ours = make_notary("ours", GEMINGA_NOTARY_LOG_LEVEL="info,pulsar=debug").start()
    for notary in (quiet, loud, of_ours):
        notary.stop()
    assert " debug " not in quiet.log.read_text()
    assert " debug pulsar: " in loud.log.read_text()
    assert " debug pulsar: " in of_ours.log.read_text() and " info notary: " in of_ours.log.read_text()


def test_lines_of_the_log_can_be_json(make_notary):
    notary = make_notary(GEMINGA_NOTARY_LOG_FORMAT="json").start()
    notary.stop()
    for line in notary.log.read_text().splitlines():
        assert set(json.loads(line)) == {"time", "level", "component", "message"}


def test_replicas_can_have_the_logs_key_from_a_file(make_notary, client, tmp_path):
    key = tmp_path / "shared.key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    public = subprocess.run(["openssl", "pkey", "-in", key, "-pubout"], check=True, capture_output=True).stdout
    notary = make_notary(GEMINGA_NOTARY_LOG_KEY_FILE=str(key)).start()
    assert (notary.data / "notary.pub").read_bytes() == public
    assert not (notary.data / "notary.key").exists()
    channel = Channel(client, notary)
    event = minimal_event()
    channel.send(event)
    assert verify(tmp_path, channel.next("results"), event, "--public-key", notary.data / "notary.pub")
    key.write_text("no key")
    wrong = make_notary("wrong", GEMINGA_NOTARY_LOG_KEY_FILE=str(key)).start(ready=False)
    assert wrong.wait() == 1
    assert "shared.key is not an Ed25519 private key" in wrong.log.read_text()


def test_the_documents_metrics_are_there_by_name_and_count(make_notary, client):
    notary = make_notary(GEMINGA_NOTARY_HTTP_ENABLED="true", GEMINGA_NOTARY_HTTP_PORT="0").start()
    eventually(lambda: http_port(notary))
    channel = Channel(client, notary)
    for _ in range(3):
        channel.send(minimal_event())
        channel.next("results")
    channel.send(b"not JSON")
    channel.next("errors")

    def value(text, name, label=""):
        return sum(float(line.split()[-1]) for line in text.splitlines() if re.match(rf"{name}(\{{[^}}]*{label}|\s)", line))

    def counted():
        text = get(http_port(notary), "/metrics")[1]
        return text if value(text, "pulsar_messages_processed_total") == 4 else None

    text = eventually(counted)
    for name in METRICS:
        assert re.search(rf"^{name}\{{", text, re.M), name
    assert value(text, "pulsar_messages_received_total") == 4
    assert value(text, "pulsar_errors_total", 'kind="refused"') == 1
    assert value(text, "pulsar_messages_sent_total") >= 3 + 1 + 3
    assert value(text, "pulsar_send_errors_total") == 0
    gauges = {"geminga_notary_leading": 1, "geminga_notary_ready": 1, "geminga_notary_journal_term": 1,
              "geminga_notary_journal_document": 3, "geminga_notary_open_workflows": 0, "geminga_notary_open_approvals": 0,
              "geminga_notary_log_entries": 3, "geminga_notary_results": 3, "geminga_notary_anchor_receipts": 0}
    for name, expected in gauges.items():
        assert value(text, name) >= expected if "document" in name else value(text, name) == expected, name
    assert value(text, "geminga_notary_workflows", 'status="notarized"') == 3
    assert re.search(r'^geminga_notary_lane_jobs\{lane="[a-z-]+",state="waiting"\} 0$', text, re.M)
    for name in set(re.findall(r"^([a-z_]+?)(?:_bucket|_sum|_count)?[ {]", text, re.M)):
        assert re.search(rf"^# TYPE {name} (counter|gauge|histogram)$", text, re.M), name
    status, health = get(http_port(notary), "/health/pulsar")
    assert status == 200 and json.loads(health)["pulsar_broker"] == "healthy"


def test_a_connection_that_does_not_come_about_is_given_up_after_connection_timeout(make_notary):
    with contextlib.ExitStack() as opened:
        full = opened.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)  # who comes when it is full hears nothing
        for _ in range(4):
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        notary = make_notary(url=f"pulsar://127.0.0.1:{full.getsockname()[1]}", PULSAR_CONNECTION_TIMEOUT="100ms")
        notary.start(ready=False)
        eventually(lambda: notary.log.read_text().count("cannot connect to pulsar://") >= 2)
        notary.stop()
    assert "timed out" in notary.log.read_text() or "timeout" in notary.log.read_text()


def test_a_notary_beside_its_broker_leaves_it_before_the_broker_ends(tmp_path):
    """Otherwise it would wait, until its operations time out, for a broker that waits for it."""
    process = subprocess.Popen([*DIES_WITH_PARENT, PROGRAM, "up", "--port", "0", "--http-port", "0", "--data", tmp_path / "data",
                                "-o", "json"], env=documented_environment(), cwd=tmp_path, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=open(tmp_path / "log", "wb"))
    try:
        assert json.loads(process.stdout.readline())
        eventually(lambda: "leading in term 1" in (tmp_path / "log").read_text())
        eventually(lambda: "notary: connected to pulsar://" in (tmp_path / "log").read_text())
        process.terminate()
        assert process.wait(25) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
