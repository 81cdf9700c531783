# SPDX-License-Identifier: Apache-2.0
"""A notary as a process, on topics of its own, and the events and answers that go through it.

PULSAR_* variables configure it, as its document says; GEMINGA names the program.  The broker may be any Pulsar.
"""
import json
import os
import re
import signal
import subprocess
import time
import uuid
from pathlib import Path

import pulsar

from broker_process import PROGRAM, DIES_WITH_PARENT, eventually

TOPICS = ("events", "results", "status", "errors", "dlq", "journal", "approvals")
OUTPUTS = TOPICS[1:5]
HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
SAMPLE = Path(__file__).resolve().parent.parent / "examples" / "pulsar" / "sample-event.json"


def sample_event(**changes):
    """The interface's sample under a fresh id."""
    return {**json.loads(SAMPLE.read_text()), "event_id": f"deploy-{uuid.uuid4()}", **changes}


def minimal_event(**changes):
    """What a CI step sends: no timestamp, artifact uri, trace or priority."""
    return {"event_id": str(uuid.uuid4()),
            "event_type": {"model_deployment": {"model_id": "acme/model", "version": "3f2a", "environment": "production"}},
            "source": "github-actions",
            "actor": {"actor_type": "ci_system", "id": "github-actions"},
            "artifacts": [{"name": "model.pkl", "hash_sha256": HASH}],
            "workflow_config": {"workflow_type": "simple_sign"},
            **changes}


class Notary:
    def __init__(self, url, directory, space=None, key=None, **environment):
        """`space` names the topics of another notary, whose replica this one is; it needs that one's `key`: a file."""
        self.url = url
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.space = space or f"public/default/notary-{uuid.uuid4().hex[:8]}"
        self.topics = {name: f"persistent://{self.space}-{name}" for name in TOPICS}
        self.log = self.directory / "notary.log"
        self.data = self.directory / "data"
        self.environment = {**os.environ, **{f"PULSAR_{name.upper()}_TOPIC": self.topics[name] for name in TOPICS[:4]},
                            "PULSAR_SERVICE_URL": url, "PULSAR_DEAD_LETTER_TOPIC": self.topics["dlq"],
                            "GEMINGA_NOTARY_JOURNAL_TOPIC": self.topics["journal"],
                            "GEMINGA_NOTARY_APPROVALS_TOPIC": self.topics["approvals"],
                            "PULSAR_BATCH_RECEIVE_MAX_WAIT_TIME": "10ms", "GEMINGA_NOTARY_DATA": str(self.data),
                            **({"GEMINGA_NOTARY_LOG_KEY_FILE": str(key)} if key else {}),
                            **environment}
        self.process = None

    def start(self, ready=True, before=()):
        """`ready`: until it leads and is subscribed, or ("standby") follows and waits to lead; False: nothing."""
        position = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*DIES_WITH_PARENT, *before, PROGRAM, "notary"],
                                            env=self.environment, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, cwd=self.directory)
        if ready:
            eventually(lambda: self._is_ready(position, ready))
        return self

    def _is_ready(self, position, how):
        text = self.log.read_text()[position:]
        assert self.process.poll() is None, text
        if how == "standby":
            return "; waiting to lead" in text
        return re.search(r"connected to pulsar(\+ssl)?://", text) and "subscription" in text

    def wait(self, seconds=30):
        code = self.process.wait(seconds)
        self.process = None
        return code

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        assert self.wait() == 0, self.log.read_text()[-4000:]

    def kill(self):
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        self.process = None


class Up(Notary):
    """A notary in one process with a broker of its own: `geminga up`, in its sandbox."""

    def __init__(self, url, directory, **environment):
        super().__init__(None, directory, **{**environment, "PULSAR_SERVICE_URL": ""})
        del self.environment["PULSAR_SERVICE_URL"]

    def start(self, ready=True):
        answer = self.directory / "ready.json"
        command = [PROGRAM, "up", "--port", "0", "--http-port", "0", "--data", self.directory / "broker", "-o", "json"]
        with open(self.log, "ab") as log, open(answer, "wb") as out:
            self.process = subprocess.Popen([*DIES_WITH_PARENT, *command], env=self.environment, stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=log, cwd=self.directory)
        if ready:
            eventually(lambda: self._is_ready(0, ready) and answer.read_bytes().endswith(b"\n"))
            self.url = json.loads(answer.read_text())["service_url"]
        return self


class Channel:
    """The other side of a notary: sends events, reads what comes of them."""

    def __init__(self, client, notary):
        self.producer = client.create_producer(notary.topics["events"], block_if_queue_full=True)
        self.readers = {name: client.create_reader(notary.topics[name], pulsar.MessageId.earliest) for name in OUTPUTS}

    def send(self, event):
        self.producer.send(event if isinstance(event, bytes) else json.dumps(event).encode())

    def next(self, name, seconds=30):
        """The next message of an output: its bytes."""
        return self.readers[name].read_next(int(seconds * 1000)).data()

    def next_json(self, name, seconds=30):
        return json.loads(self.next(name, seconds))

    def nothing_more(self, name):
        assert not self.readers[name].has_message_available()

    def results(self, count, seconds=120):
        """Results until there are `count` events among them: event id -> the set of its results' bytes."""
        by_event = {}
        deadline = time.monotonic() + seconds
        while len(by_event) < count:
            data = self.next("results", max(0.001, deadline - time.monotonic()))
            by_event.setdefault(json.loads(data)["event_id"], set()).add(data)
        while self.readers["results"].has_message_available():
            data = self.next("results")
            by_event.setdefault(json.loads(data)["event_id"], set()).add(data)
        return by_event


def run_notary(*arguments, **options):
    """`geminga notary ARGUMENTS`, finished."""
    return subprocess.run([PROGRAM, "notary", *map(str, arguments)], capture_output=True, text=True, timeout=120, **options)


def verify(directory, document, event, *arguments):
    """Whether `geminga notary verify` accepts; the texts may be bytes or JSON."""
    paths = []
    for name, content in (("document", document), ("event", event)):
        path = Path(directory) / f"{name}.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        paths.append(path)
    done = run_notary("verify", paths[0], "--event", paths[1], *arguments)
    assert done.returncode in (0, 1), done.stderr
    assert (done.returncode == 0) == done.stdout.endswith("\nverified\n"), done.stdout
    return done.returncode == 0
