# SPDX-License-Identifier: Apache-2.0
"""The program as a person meets it: help, refusals, the ready line, taken ports, locked data, signals."""
import json
import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from broker_process import DIES_WITH_PARENT, PROGRAM, Broker, SERVICE_URL

pytestmark = pytest.mark.skipif(bool(SERVICE_URL), reason="about our program")


def run(*words, env=None, **options):
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
                          env={**os.environ, **(env or {})}, **options)


def refused(*words, **options):
    """A wrong request: told on standard error, status 2, nothing on standard output."""
    it = run(*words, **options)
    assert it.returncode == 2, it
    assert it.stdout == ""
    return it.stderr


# ---- help ----

def verbs():
    lines = run("help").stdout.split("Verbs:\n")[1].split("\n\n")[0].splitlines()
    return [line.split()[0] for line in lines]


def test_the_example_file_has_every_option_that_has_no_flag_in_the_order_and_words_of_the_help():
    rows = re.findall(r"^  broker\.(\w+) .*\n        (.*)$", run("help", "standalone").stdout, re.M)
    said = [(key, re.sub(r"  Default: .*", "", text)) for key, text in rows]
    example = (Path(__file__).resolve().parents[2] / "config" / "geminga.toml").read_text()
    blocks = re.findall(r"^((?:# .*\n)+)(\w+) = ", example[example.index("[broker]"):example.index("[pulsar.")], re.M)
    keys = {key for key, _ in said}
    there = [(key, re.sub(r"\n# ", " ", comment.strip())[2:]) for comment, key in blocks if key in keys]
    assert len(said) > 50
    assert there == said


def test_help_lists_the_verbs():
    it = run("help")
    assert it.returncode == 0
    assert verbs() == ["up", "standalone", "init", "admin", "client", "perf", "notary", "store", "config", "tokens", "completions", "websocket", "version", "help"]
    assert run("--help").stdout == it.stdout


def test_every_verb_has_help_with_an_example():
    for verb in verbs():
        it = run("help", verb)
        assert it.returncode == 0
        assert f"usage: geminga {verb}" in it.stdout.lower()
        assert "example:\n  geminga" in it.stdout.lower()
        assert run(verb, "--help").stdout == it.stdout


def test_no_verb_is_answered_with_help():
    it = run()
    assert it.returncode == 2
    assert "Verbs:" in it.stderr


def test_version_tells_the_version():
    assert run("version").stdout.startswith("geminga 0.")
    assert run("--version").stdout == run("version").stdout


# ---- refusals ----

def test_an_unknown_verb_is_refused_with_the_nearest():
    assert "there is no verb `stnadalone`; did you mean `standalone`?" in refused("stnadalone")


def test_an_unknown_option_is_refused_with_the_nearest():
    assert "there is no option `--htp-port`; did you mean `--http-port`?" in refused("standalone", "--htp-port=1")


def test_a_word_too_many_is_refused():
    assert "what is `extra`?" in refused("standalone", "extra")


def test_a_value_out_of_bounds_is_refused():
    assert "--port: `broker.port` expects a whole number between -1 and 65535, not `65536`" in \
        refused("standalone", "--port", "65536")


def test_an_option_without_its_value_is_refused():
    assert "--port needs a value" in refused("standalone", "--port")


def test_a_wrong_file_is_told_with_its_line_and_the_nearest_key(tmp_path):
    (tmp_path / "g.toml").write_text("[broker]\nport = 0\nprot = 1\n")
    assert "g.toml:3: unknown key `broker.prot`; did you mean `broker.port`?" in \
        refused("standalone", "--config", "g.toml", cwd=tmp_path)
    (tmp_path / "b.conf").write_text("# Pulsar's\nbrokerServicePor=0\n")
    assert "b.conf:2: unknown key `brokerServicePor`; did you mean `brokerServicePort`?" in \
        refused("standalone", "--config", "b.conf", cwd=tmp_path)


def test_a_wrong_variable_is_named():
    assert "GEMINGA_PORT: `broker.port` expects" in refused("standalone", env={"GEMINGA_PORT": "x"})


def test_an_absent_file_is_told(tmp_path):
    it = run("standalone", "--config", "absent.toml", cwd=tmp_path)
    assert it.returncode == 1
    assert "cannot read absent.toml" in it.stderr


# ---- standalone ----

@pytest.fixture
def start(tmp_path):
    """start(*options) gives a running broker."""
    started = []

    def one(*options, **kinds):
        directory = tmp_path / str(len(started))
        directory.mkdir()
        started.append(Broker(directory, options=options, **kinds))
        return started[-1]

    yield one
    for broker in started:
        broker.kill()


def test_the_ready_line_tells_what_a_program_needs(start):
    broker = start()
    ready = broker.ready
    assert ready["port"] > 0
    assert ready["service_url"] == f"pulsar://localhost:{ready['port']}"
    assert ready["pid"] == broker.process.pid
    assert ready["data"] == os.path.realpath(broker.directory / "data")
    assert ready["ms"] >= 0
    assert ready["http_url"] == f"http://localhost:{ready['http_port']}"
    for port in ready["port"], ready["http_port"]:
        with socket.create_connection(("127.0.0.1", port)):
            pass


def test_the_ready_line_for_people_is_one_line(tmp_path):
    process = subprocess.Popen([*DIES_WITH_PARENT, PROGRAM, "standalone", "--port", "0", "--http-port", "0",
                                "--data", str(tmp_path / "d")],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert "serves pulsar://localhost:" in process.stdout.readline()
    process.terminate()
    assert process.stdout.read() == ""
    assert process.wait(60) == 0


def test_the_advertised_address_is_what_clients_are_told(start):
    broker = start("--advertised-address", "bus.example.org")
    assert broker.ready["service_url"] == f"pulsar://bus.example.org:{broker.ready['port']}"


def test_a_toml_file_an_environment_and_flags_are_applied_in_this_order(tmp_path):
    (tmp_path / "g.toml").write_text("data = 'from-file'\n[broker]\nport = 1\nhttp_port = 1\nadvertised_address = 'a'\n")
    process = subprocess.Popen([*DIES_WITH_PARENT, PROGRAM, "standalone", "--config", "g.toml", "--http-port=0", "-o", "json"], cwd=tmp_path,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               env={**os.environ, "PULSAR_PREFIX_brokerServicePort": "0", "GEMINGA_ADVERTISED_ADDRESS": "b"})
    ready = json.loads(process.stdout.readline())
    process.terminate()
    assert process.wait(60) == 0
    assert ready["service_url"] == f"pulsar://b:{ready['port']}"
    assert ready["port"] > 1
    assert ready["data"] == os.path.realpath(tmp_path / "from-file")


def test_pulsars_own_keys_are_taken(tmp_path):
    (tmp_path / "standalone.conf").write_text(
        "### Pulsar's\nbrokerServicePort=0\nwebServicePort=0\nadvertisedAddress=\nclusterName=mine\n"
        "keepAliveIntervalSeconds=60\nmaxMessageSize=5242880\nbindAddress=127.0.0.1\n")
    process = subprocess.Popen([*DIES_WITH_PARENT, PROGRAM, "standalone", "--config", "standalone.conf", "-o", "json", "--data", "d"],
                               cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    ready = json.loads(process.stdout.readline())
    process.terminate()
    assert process.wait(60) == 0
    assert ready["service_url"] == f"pulsar://127.0.0.1:{ready['port']}"


def test_a_taken_port_is_named(start, tmp_path):
    port = start().port
    it = run("standalone", "--port", str(port), "--http-port", "0", "--data", str(tmp_path / "other"))
    assert it.returncode == 1
    assert it.stdout == ""
    assert f"port {port}" in it.stderr and "taken" in it.stderr


def test_a_taken_http_port_is_named(start, tmp_path):
    port = start().http_port
    it = run("standalone", "--port", "0", "--http-port", str(port), "--data", str(tmp_path / "other"))
    assert it.returncode == 1
    assert it.stdout == ""
    assert f"port {port}" in it.stderr and "taken" in it.stderr


def test_a_locked_data_directory_names_its_holder(start):
    broker = start()
    it = run("standalone", "--port", "0", "--http-port", "0", "--data", str(broker.directory / "data"))
    assert it.returncode == 1
    assert it.stdout == ""
    assert f"process {broker.process.pid}" in it.stderr


def test_a_data_directory_that_cannot_be_is_told(tmp_path):
    (tmp_path / "plain").write_text("")
    it = run("standalone", "--port", "0", "--http-port", "0", "--data", str(tmp_path / "plain"))
    assert it.returncode == 1
    assert "plain" in it.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(start, number):
    broker = start()
    broker.process.send_signal(number)
    assert broker.process.wait(60) == 0
    broker.start()  # and the data directory is free again
