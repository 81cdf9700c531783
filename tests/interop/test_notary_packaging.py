# SPDX-License-Identifier: Apache-2.0
"""packaging/: what the manifests would run is run, as processes, with exactly their commands and variables.

What a container would change is changed here and nothing else: the names of hosts, the ports (the kernel's), and the paths of
volumes and secrets.  And each manifest is held to the keys that its format has.
"""
import json
import os
import re
import shlex
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pulsar
import pytest
import yaml

from broker_process import DIES_WITH_PARENT, PROGRAM, eventually
from notary_port import SECRET, token
from notary_process import minimal_event, verify

ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
PREFIX = "persistent://afdp/default/"
CLEAN = {name: value for name, value in os.environ.items()
         if not name.startswith(("PULSAR_", "GEMINGA_", "GITHUB_", "OTEL_", "RUST_LOG", "TRACEPARENT"))}


def no_duplicates(loader, node, deep=False):
    keys = [loader.construct_object(key, deep) for key, _ in node.value]
    assert len(set(map(str, keys))) == len(keys), f"a key is there twice: {keys}"
    return yaml.SafeLoader.construct_mapping(loader, node, deep)


class Strict(yaml.SafeLoader):
    """YAML in which a key may be there once."""


Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, no_duplicates)


def read(path):
    return [document for document in yaml.load_all((PACKAGING / path).read_text(), Strict) if document]


def only(mapping, *allowed, required=()):
    """The keys of a manifest's object are those of its format."""
    assert set(mapping) <= set(allowed), set(mapping) - set(allowed)
    assert set(required) <= set(mapping), set(required) - set(mapping)


def public_half(key):
    return subprocess.run(["openssl", "pkey", "-in", key, "-pubout"], check=True, capture_output=True).stdout


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "notary.key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", path], check=True)
    path.with_name("http.key").write_bytes(SECRET)
    return path


class Replica:
    """One container, as a process."""

    def __init__(self, directory, command, environment, key, broker):
        directory.mkdir()
        self.data = directory / "data"
        self.log = directory / "log"
        self.command = [str(Path(PROGRAM).with_name(command[0])), *command[1:]]
        self.environment = {**CLEAN, **{name: self._here(name, value, key, broker) for name, value in environment.items()},
                            "GEMINGA_NOTARY_DATA": str(self.data), "GEMINGA_NOTARY_HTTP_PORT": "0"}
        self.process = None

    @staticmethod
    def _here(name, value, key, broker):
        if name == "PULSAR_SERVICE_URL":
            assert re.fullmatch(r"pulsar://[a-z-]+:6650", value)
            return broker.url
        return {"GEMINGA_NOTARY_LOG_KEY_FILE": str(key), "GEMINGA_NOTARY_HTTP_BIND": "127.0.0.1",
                "GEMINGA_NOTARY_HTTP_TOKEN_SECRET_KEY": f"file://{key.with_name('http.key')}"}.get(name, value)

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*DIES_WITH_PARENT, *self.command], env=self.environment, cwd=self.log.parent,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def probe(self, path, **headers):
        found = re.search(r"on 127\.0\.0\.1:(\d+)", self.log.read_text())
        assert self.process.poll() is None, self.log.read_text()
        if not found:
            return None
        try:
            request = urllib.request.Request(f"http://127.0.0.1:{found[1]}{path}", headers=headers)
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            return refused.code

    def end(self, how=signal.SIGTERM, seconds=60):
        self.process.send_signal(how)
        return self.process.wait(seconds)


@pytest.fixture
def replicas(tmp_path, key, afdp_broker):
    """replicas([(name, command, environment)]) starts them and waits until each is ready, as the probe asks."""
    all_of_them = []

    def start(described, ready="/ready"):
        for name, command, environment in described:
            all_of_them.append(Replica(tmp_path / name, command, environment, key, afdp_broker).start())
        for one in all_of_them:
            eventually(lambda: one.probe(ready) == 200)
        return all_of_them

    yield start
    for one in all_of_them:
        one.process.kill()
        one.process.wait()


@pytest.fixture
def afdp_broker(tmp_path, monkeypatch, only_geminga):
    """The broker of the compose file: its command and its variables, but for the address that it is known by."""
    from broker_process import Broker
    service = read("container/compose.yaml")[0]["services"]["pulsar"]
    assert service["command"] == ["geminga", "standalone"]
    for line in service["environment"]:
        name, _, value = line.partition("=")
        if name != "GEMINGA_ADVERTISED_ADDRESS":
            monkeypatch.setenv(name, value)
    it = Broker(tmp_path)
    yield it
    it.kill()


@pytest.fixture
def exchange(afdp_broker, connect):
    """exchange(events): sends them, and gives the distinct results of each by its id."""
    client = connect(afdp_broker.url)
    reader = client.create_reader(PREFIX + "afdp.notary.results", pulsar.MessageId.earliest)
    producer = client.create_producer(PREFIX + "afdp.pipeline.events", block_if_queue_full=True)
    results = {}

    def send(events):
        for event in events:
            producer.send_async(json.dumps(event).encode(), lambda *_: None)
        producer.flush()
        while not {event["event_id"] for event in events} <= results.keys():
            data = reader.read_next(120_000).data()
            results.setdefault(json.loads(data)["event_id"], set()).add(data)
        while reader.has_message_available():
            data = reader.read_next(10_000).data()
            results.setdefault(json.loads(data)["event_id"], set()).add(data)
        return results

    return send


# ---- the compose file ----

def compose_notaries():
    services = read("container/compose.yaml")[0]["services"]
    return [(name, service["command"], dict(line.split("=", 1) for line in service["environment"]))
            for name, service in services.items() if name.startswith("notary")]


def test_the_compose_file_is_one():
    (compose,) = read("container/compose.yaml")
    only(compose, "services", "volumes", "secrets", required=("services", "volumes", "secrets"))
    for name, service in compose["services"].items():
        only(service, "image", "command", "environment", "ports", "volumes", "secrets", "depends_on", "healthcheck",
             "pids_limit", "stop_grace_period", "restart", required=("image", "command", "environment", "volumes"))
        for mount in service["volumes"]:
            volume, _, path = mount.partition(":")
            assert volume in compose["volumes"] and path.startswith("/"), (name, mount)
        for secret in service.get("secrets", []):
            only(secret, "source", "mode", "uid", required=("source",))
            assert secret["source"] in compose["secrets"]
        for other, condition in service.get("depends_on", {}).items():
            assert other in compose["services"] and "healthcheck" in compose["services"][other]
            assert condition == {"condition": "service_healthy"}
        assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in service.get("ports", [])), "for everybody"
    volumes = [mount for service in compose["services"].values() for mount in service["volumes"]]
    assert len(set(volumes)) == len(volumes), "two services with one directory"


def test_the_compose_files_healthcheck_is_a_command_that_works(afdp_broker):
    test = read("container/compose.yaml")[0]["services"]["pulsar"]["healthcheck"]["test"]
    assert test[0] == "CMD"
    done = subprocess.run([PROGRAM, "admin", "--admin-url", afdp_broker.http_url, *test[3:]], env=CLEAN, capture_output=True,
                          text=True, timeout=60)
    assert test[1:3] == ["geminga", "admin"] and done.returncode == 0, done.stderr


def secret_files():
    """Where each manifest puts its secrets: the names of variables that say so, and the paths."""
    (compose,) = read("container/compose.yaml")
    for name, service in compose["services"].items():
        if name.startswith("notary"):
            yield dict(line.split("=", 1) for line in service["environment"]), \
                {f"/run/secrets/{secret['source']}" for secret in service["secrets"]}
    for _, _, environment in kubernetes_replicas():
        yield environment, {"/etc/notary/notary.key", "/etc/notary/http.key"}


def test_no_manifest_opens_the_port_to_others_without_a_key_of_tokens():
    described = list(secret_files())
    assert len(described) == 5
    for environment, secrets in described:
        key = environment["GEMINGA_NOTARY_HTTP_TOKEN_SECRET_KEY"]
        assert environment["GEMINGA_NOTARY_HTTP_BIND"] != "0.0.0.0" or key.startswith("file:///")
        assert {key.removeprefix("file://"), environment["GEMINGA_NOTARY_LOG_KEY_FILE"]} == secrets


def test_a_notary_of_the_compose_file_shows_workflows_to_whom_it_knows(replicas):
    (one,) = replicas(compose_notaries()[:1])
    assert one.probe("/v1/workflows") == 401
    assert one.probe("/v1/workflows", Authorization=f"Bearer {token('ann@example.com')}") == 200
    assert one.probe("/v1/log") == 200


def test_the_two_notaries_of_the_compose_file_give_each_event_one_receipt(replicas, exchange, key, tmp_path):
    described = compose_notaries()
    assert [environment["PULSAR_CONSUMER_NAME"] for _, _, environment in described] == \
        ["afdp-notary-consumer-1", "afdp-notary-consumer-2"]
    first, second = replicas(described)
    assert first.probe("/health/pulsar") == second.probe("/health/pulsar") == 200
    events = [minimal_event() for _ in range(40)]
    exchange(events[:20])
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    results = exchange(events[20:])
    assert all(len(results[event["event_id"]]) == 1 for event in events)
    indexes = [json.loads(data)["receipt"]["log_index"] for datas in results.values() for data in datas]
    assert sorted(indexes) == list(range(40))  # one log
    trusted = tmp_path / "notary.pub"
    trusted.write_bytes(public_half(key))
    assert verify(tmp_path, *results[events[0]["event_id"]], events[0], "--public-key", trusted)
    assert verify(tmp_path, *results[events[39]["event_id"]], events[39], "--public-key", trusted)
    assert second.end() == 0


# ---- Kubernetes ----

POD = {"terminationGracePeriodSeconds", "automountServiceAccountToken", "securityContext", "topologySpreadConstraints",
       "containers", "volumes"}
CONTAINER = {"name", "image", "command", "env", "ports", "startupProbe", "readinessProbe", "livenessProbe", "resources",
             "securityContext", "volumeMounts"}
PROBE = {"httpGet", "periodSeconds", "timeoutSeconds", "failureThreshold"}


def kubernetes():
    return {document["kind"]: document for document in read("kubernetes/notary.yaml")}


def kubernetes_replicas():
    deployment = kubernetes()["Deployment"]["spec"]
    container = deployment["template"]["spec"]["containers"][0]
    for i in range(deployment["replicas"]):
        name = f"afdp-notary-pulsar-{i}"
        fields = {"metadata.name": name}
        yield name, container["command"], {
            entry["name"]: entry["value"] if "value" in entry else fields[entry["valueFrom"]["fieldRef"]["fieldPath"]]
            for entry in container["env"]}


def test_the_kubernetes_manifests_are_ones():
    documents = kubernetes()
    assert {kind: document["apiVersion"] for kind, document in documents.items()} == \
        {"Service": "v1", "PodDisruptionBudget": "policy/v1", "Deployment": "apps/v1"}
    for document in documents.values():
        only(document, "apiVersion", "kind", "metadata", "spec")
        only(document["metadata"], "name", "labels", required=("name",))
    deployment = documents["Deployment"]["spec"]
    only(deployment, "replicas", "strategy", "selector", "template")
    labels = deployment["selector"]["matchLabels"]
    only(deployment["template"], "metadata", "spec")
    only(deployment["template"]["metadata"], "labels", "annotations")
    assert deployment["template"]["metadata"]["labels"] == labels
    assert documents["Service"]["spec"]["selector"] == labels
    assert documents["PodDisruptionBudget"]["spec"] == {"minAvailable": 2, "selector": {"matchLabels": labels}}
    pod = deployment["template"]["spec"]
    only(pod, *POD, required=POD)
    (container,) = pod["containers"]
    only(container, *CONTAINER, required=CONTAINER)
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    for entry in container["env"]:
        only(entry, "name", "value", "valueFrom", required=("name",))
        assert ("value" in entry) != ("valueFrom" in entry) and isinstance(entry.get("value", ""), str), entry
    for mount in container["volumeMounts"]:
        only(mount, "name", "mountPath", "readOnly", required=("name", "mountPath"))


def test_the_deployment_is_the_documents():
    deployment = kubernetes()["Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert deployment["metadata"]["name"] == "afdp-notary-pulsar" and deployment["spec"]["replicas"] == 3
    assert container["command"] == ["afdp-notary-pulsar"]
    assert {"name": "PULSAR_SERVICE_URL", "value": "pulsar://pulsar-broker:6650"} in container["env"]
    assert {"name": "PULSAR_SUBSCRIPTION", "value": "afdp-notary-k8s"} in container["env"]
    assert container["resources"] == {"requests": {"memory": "256Mi", "cpu": "250m"}, "limits": {"memory": "512Mi", "cpu": "500m"}}


def test_the_probes_ask_what_is_served():
    (container,) = kubernetes()["Deployment"]["spec"]["template"]["spec"]["containers"]
    (port,) = container["ports"]
    paths = {}
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        only(container[name], *PROBE, required=("httpGet",))
        assert container[name]["httpGet"]["port"] == port["name"]
        paths[name] = container[name]["httpGet"]["path"]
    assert paths == {"startupProbe": "/ready", "readinessProbe": "/ready", "livenessProbe": "/health/pulsar"}


def test_three_replicas_of_the_deployment_survive_a_rolling_restart(replicas, exchange):
    described = list(kubernetes_replicas())
    pods = replicas(described)
    assert len(pods) == 3
    grace = kubernetes()["Deployment"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    events = [minimal_event() for _ in range(60)]
    for i, pod in enumerate(pods):
        for path in ("/ready", "/health/pulsar"):
            assert pod.probe(path) == 200
        exchange(events[20 * i:20 * i + 10])
        assert pod.end(signal.SIGTERM, grace) == 0
        results = exchange(events[20 * i + 10:20 * i + 20]) if i < 2 else exchange([])
        if i == 2:
            pod.start()
            results = exchange(events[50:])
    assert all(len(results[event["event_id"]]) == 1 for event in events)
    indexes = [json.loads(data)["receipt"]["log_index"] for datas in results.values() for data in datas]
    assert sorted(indexes) == list(range(60))


# ---- the pipeline's step ----

def test_the_pipelines_step_is_one_line_and_works(replicas, afdp_broker, tmp_path):
    (workflow,) = read("github/deploy.yml")
    replicas(compose_notaries()[:1])
    only(workflow, "name", True, "jobs")  # YAML 1.1 reads the key `on` as true
    (job,) = workflow["jobs"].values()
    only(job, "runs-on", "container", "env", "steps")
    (step,) = [step for step in job["steps"] if "run" in step]
    assert "\n" not in step["run"]
    words = shlex.split(step["run"])
    assert words[:3] == ["geminga", "notary", "send"]
    (tmp_path / "model.pkl").write_bytes(b"weights")
    environment = {**CLEAN, "PULSAR_SERVICE_URL": afdp_broker.url, "GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "acme/m",
                   "GITHUB_SHA": "3f2a", "PULSAR_AUTH_METHOD": step["env"]["PULSAR_AUTH_METHOD"], "PULSAR_AUTH_TOKEN": "a.b.c"}
    done = subprocess.run([PROGRAM, *words[1:]], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    kept = tmp_path / words[words.index("--save") + 1]
    event = json.loads((kept / "event.json").read_text())
    assert event["event_type"]["model_deployment"] == {"model_id": "acme/m", "version": "3f2a", "environment": "production"}
    assert event["source"] == "github-actions"
    assert verify(tmp_path, (kept / "result.json").read_bytes(), event)


# ---- the unit ----

def test_the_unit_starts_the_notary_with_what_systemd_hands_it(afdp_broker, tmp_path):
    unit = (Path(PROGRAM).parent / "geminga-notary.service").read_text()
    (command,) = re.findall(r"^ExecStart=(.*)$", unit, re.M)
    handed = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials"), "STATE_DIRECTORY": str(tmp_path / "state")}
    for path in handed.values():
        os.mkdir(path)
    for name, source in re.findall(r"^LoadCredential=([^:]+):(.*)$", unit, re.M):
        assert source == f"/etc/geminga/{name}"
        (tmp_path / "credentials" / name).write_text((ROOT / "config" / name).read_text())
    for name, value in handed.items():
        command = command.replace(f"${{{name}}}", value)
    program, *words = shlex.split(command)
    assert Path(program).name == "afdp-notary-pulsar"
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen([*DIES_WITH_PARENT, Path(PROGRAM).with_name(Path(program).name), *words],
                                   env={**CLEAN, "PULSAR_SERVICE_URL": afdp_broker.url}, cwd="/", stdout=log, stderr=log,
                                   stdin=subprocess.DEVNULL)
    try:
        eventually(lambda: "connected to pulsar://" in (tmp_path / "log").read_text())
        assert (tmp_path / "state" / "notary.key").exists()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


# ---- the image ----

def test_the_image_has_both_names_and_what_the_program_is_linked_with():
    text = re.sub(r"\\\n", " ", (PACKAGING / "container" / "Containerfile").read_text())
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert {word for word, _ in lines} <= {"FROM", "WORKDIR", "COPY", "RUN", "USER", "ENV", "EXPOSE", "STOPSIGNAL", "CMD"}
    assert json.loads([rest for word, rest in lines if word == "CMD"][-1]) == ["geminga", "standalone"]
    assert "ln -s geminga /image/usr/local/bin/afdp-notary-pulsar" in text
    linked = subprocess.run(["ldd", PROGRAM], capture_output=True, text=True, check=True).stdout
    libraries = {re.match(r"lib([a-zA-Z-]+)", name)[1].replace("-", "") for name in re.findall(r"^\s*(lib[^.]+)", linked, re.M)}
    installed = text[text.rindex("FROM"):]
    for library in libraries - {"c", "m", "dl", "pthread", "crypt", "gcc_s", "gcc", "stdc++", "stdc", "rt", "resolv", "cap", "asan", "ubsan"}:
        named = {"crypto": "ssl", "z": "zlib", "protobufc": "protobuf-c", "pcre": "pcre2"}.get(library, library)
        assert named in installed, library
    assert "libcurl4" in installed  # loaded when it is needed


def test_a_replica_fits_in_the_deployments_limits(replicas, exchange):
    """Half of what is requested is enough for a replica that works, and for those that stand by."""
    (container,) = kubernetes()["Deployment"]["spec"]["template"]["spec"]["containers"]
    requested_kib = int(container["resources"]["requests"]["memory"].removesuffix("Mi")) * 1024
    pods = replicas(list(kubernetes_replicas()))
    exchange([minimal_event(metadata={"note": "x" * 2000}) for _ in range(3000)])
    for pod in pods:
        status = Path(f"/proc/{pod.process.pid}/status").read_text()
        assert int(re.search(r"VmHWM:\s+(\d+)", status)[1]) < requested_kib / 2
