# SPDX-License-Identifier: Apache-2.0
"""The audit log: what administrators do is in a file before they are answered, and in a topic for who may read it."""
import json
import os
import stat
import subprocess
import urllib.request

import pulsar
import pytest

from broker_process import PROGRAM, Broker, eventually
from rest import request

TOPIC = "persistent://pulsar/system/audit"


def ask(broker, method, path, body=None):
    """The status."""
    return request(broker, method, path, body)[0]


def tenant_make(broker, name):
    return ask(broker, "PUT", f"/admin/v2/tenants/{name}", {"allowedClusters": ["standalone"]})


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def audited(tmp_path, request):  # pytest's request
    """A broker with an audit log; a test may ask for more options: the mark `audit`."""
    mark = request.node.get_closest_marker("audit")
    config = tmp_path / "audit.toml"
    config.write_text("[audit]\nenabled = true\n" + (mark.args[0] if mark else ""))
    it = Broker(tmp_path, options=["--config", str(config)])
    it.audit_file = it.data / "audit" / "audit.log"
    yield it
    it.kill()


def test_what_was_answered_is_in_the_file_after_a_kill(audited):
    for i in range(20):
        assert tenant_make(audited, f"t{i}") == 204
    audited.kill()
    said = lines(audited.audit_file)
    assert [line["action"] for line in said] == [f"PUT /admin/v2/tenants/t{i}" for i in range(20)]
    assert all(line["status"] == 204 and line["outcome"] == "done" and line["via"] == "http" for line in said)


def test_the_next_start_goes_on_with_the_file(audited):
    assert tenant_make(audited, "first") == 204
    audited.restart()
    assert tenant_make(audited, "second") == 204
    assert [line["action"][-6:] for line in lines(audited.audit_file)] == ["/first", "second"]


def test_what_failed_is_there_with_its_reason_and_what_is_read_is_not(audited):
    assert ask(audited, "GET", "/admin/v2/tenants/nobody") == 404
    assert ask(audited, "DELETE", "/admin/v2/tenants/nobody") == 404
    line, = lines(audited.audit_file)
    assert (line["outcome"], line["reason"]) == ("failed", "Tenant doesn't exist")


def test_only_its_owner_reads_the_file(audited):
    tenant_make(audited, "t")
    assert stat.S_IMODE(os.stat(audited.audit_file).st_mode) == 0o600


def test_no_secret_is_written(audited):
    assert ask(audited, "PUT", "/admin/v2/clusters/east?token=s3cret",
               {"serviceUrl": "http://east:8080", "authenticationParameters": "token:s3cret"}) == 200
    assert ask(audited, "GET", "/admin/v2/clusters/east") == 200
    text = audited.audit_file.read_text()
    assert "PUT /admin/v2/clusters/east" in text and "s3cret" not in text
    assert "s3cret" not in audited.log_tail()


@pytest.mark.audit('file_max_size = "4KiB"\nfiles_kept = 2\n')
def test_files_are_set_aside_and_the_oldest_removed(audited):
    for i in range(100):
        assert tenant_make(audited, f"t{i}") == 204
    names = sorted(p.name for p in audited.audit_file.parent.iterdir())
    assert names == ["audit.log", "audit.log.1", "audit.log.2"]
    kept = [line["action"] for name in reversed(names) for line in lines(audited.audit_file.with_name(name))]
    assert kept == [f"PUT /admin/v2/tenants/t{i}" for i in range(100)][-len(kept):]


@pytest.mark.audit(f'topic = "{TOPIC}"\n')
def test_the_topic_has_the_same_lines_and_clients_cannot_write_there(audited, connect):
    client = connect(audited.url)
    reader = client.create_reader(TOPIC, pulsar.MessageId.earliest)
    tenant_make(audited, "t")
    message = reader.read_next(30_000)
    assert json.loads(message.data()) == lines(audited.audit_file)[0]
    with pytest.raises(pulsar.PulsarException):
        client.create_producer(TOPIC)


def test_a_directory_that_cannot_be_is_told(tmp_path):
    with pytest.raises(AssertionError) as told:
        Broker(tmp_path, options=["--audit", "--config", str(write(tmp_path / "c.toml",
                                                                   '[audit]\nfile = "/proc/nothing/audit.log"\n'))])
    assert "the audit log's directory, /proc/nothing/, cannot be used" in str(told.value)


def write(path, text):
    path.write_text(text)
    return path


def test_metrics_tell_of_it(audited):
    tenant_make(audited, "t")
    with urllib.request.urlopen(audited.http_url + "/metrics") as answer:
        text = answer.read().decode()
    assert 'geminga_audit_events_total{cluster="standalone"} 1\n' in text
    assert 'geminga_audit_failing{cluster="standalone"} 0\n' in text


def test_a_file_that_cannot_be_written_holds_nobody_up(audited):
    audited.audit_file.mkdir()  # nothing can be opened there
    assert tenant_make(audited, "t") == 204
    assert "cannot be written" in audited.log_tail()
    audited.audit_file.rmdir()
    eventually(lambda: audited.audit_file.exists() and lines(audited.audit_file))
    assert lines(audited.audit_file)[0]["action"] == "PUT /admin/v2/tenants/t"


def test_the_topic_is_not_in_everybodys_namespace(tmp_path):
    for name in "mine", "public/default/mine", "persistent://public/default/mine":
        config = tmp_path / "geminga.toml"
        config.write_text(f'data = "{tmp_path}/data"\n[audit]\nenabled = true\ntopic = "{name}"\n')
        it = subprocess.run([PROGRAM, "standalone", "--config", str(config), "--port", "0", "--http-port", "0"],
                            capture_output=True, text=True, timeout=60)
        assert it.returncode == 1 and "for super users alone" in it.stderr
