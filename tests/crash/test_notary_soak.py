# SPDX-License-Identifier: Apache-2.0
"""Three replicas of one notary under load, for long: random kill -9, orderly ends, SIGSTOP, cut connections, in one run.

EVENTS (3000) are sent as fast as they are taken; SEED (printed) says what is done when.  In the end every event has one
receipt (the same bytes, however often it was published), the log has every entry once, and every signed checkpoint that
any receipt holds is of the one log: computed by notary_log.py, not by our program.  The last line says what was done.

SERVICE_URL names a broker that runs already, Apache Pulsar for one; without it, one of ours is started.  Connections are
cut with `ss -K`, as root, where the kernel has that.
"""
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pulsar
import pytest

from broker_process import SERVICE_URL, Broker, RunningBroker
from conftest import new_client
from notary_log import check_log
from notary_process import Channel, minimal_event
from notary_replicas import Replicas

EVENTS = int(os.environ.get("EVENTS", "3000"))
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
SECONDS = 120 + EVENTS // 20  # how long the last result may take
AHEAD = 1000  # events sent and not yet answered, at most
EACH = 200  # events to one fault


def connections(process):
    """The local addresses of a process's connections."""
    listed = subprocess.run(["ss", "-tnpH"], capture_output=True, text=True, check=True).stdout
    return [line.split()[3] for line in listed.splitlines() if f"pid={process.pid}," in line]


def cut(process):
    """All its connections end, in the middle of whatever they carry; nobody says goodbye."""
    for address in connections(process):
        subprocess.run(["ss", "-K", "src", address], capture_output=True)


def can_cut():
    """Whether this kernel lets us."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as one:
        other, _ = server.accept()
        subprocess.run(["ss", "-K", "src", "%s:%d" % one.getsockname()], capture_output=True)
        try:
            one.settimeout(1)
            return one.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True
        finally:
            other.close()


def end(replica):
    """In order; or at once, where it has not begun to listen for signals: it still checks its registry."""
    replica.process.send_signal(signal.SIGTERM)
    code = replica.wait()
    assert code in (0, -signal.SIGTERM), f"SIGTERM ended a replica with {code}:\n{replica.log.read_text()[-4000:]}"


class Faults:
    """What is done to the replicas, one thing after the other."""

    def __init__(self, replicas, rng):
        self.replicas, self.rng = replicas, rng
        self.done = {"kill -9": 0, "ended in order": 0, "stopped and continued": 0}
        if shutil.which("ss") and can_cut():
            self.done["connections cut"] = 0
        self.ends = threading.Event()  # set when the load is done

    def run(self):
        """On the thread that starts processes for good: they die with it."""
        while not self.ends.wait(self.rng.uniform(0, 0.8)):
            self._one()

    def _one(self):
        one = self.rng.choice(self.replicas.all)
        what = self.rng.choices(list(self.done), weights=[10, 2, 3, 8][:len(self.done)])[0]
        if what == "kill -9":
            one.kill()
            one.start(ready=False)
        elif what == "ended in order":
            end(one)
            one.start(ready=False)
        elif what == "stopped and continued":
            one.process.send_signal(signal.SIGSTOP)
            self.ends.wait(self.rng.uniform(0.1, 5))  # longer than the broker waits, or not
            one.process.send_signal(signal.SIGCONT)
        else:
            cut(one.process)
        self.done[what] += 1
        ended = [f"with {r.process.returncode}:\n{r.log.read_text()[-2000:]}" for r in self.replicas
                 if r.process.poll() is not None]
        assert not ended, f"a replica ended by itself, {ended[0]}"

    def count(self):
        return sum(self.done.values())


class Load:
    """Sends, and keeps the first result of each event; a second one with other bytes is told."""

    def __init__(self, client, notary):
        self.events, self.results, self.doubled, self.copies = {}, {}, [], 0
        self.failure = None
        self.channel = Channel(client, notary)

    def start(self, count, faults):
        threading.Thread(target=self._run, args=(count, faults), daemon=True).start()

    def _run(self, count, faults):
        try:
            self.run(count, faults)
            self.read_until(count)
        except BaseException as error:  # the test's to raise
            self.failure = error
        faults.ends.set()

    def run(self, count, faults):
        """As fast as the notary answers, and no faster than there are faults."""
        for _ in range(count):
            while faults.count() < len(self.events) // EACH:
                self.take_some(0.05)
            event = minimal_event()
            self.events[event["event_id"]] = event
            self.channel.producer.send_async(json.dumps(event).encode(), lambda result, message_id: None)
            if len(self.events) - len(self.results) >= AHEAD:
                self.read_until(len(self.events) - AHEAD // 2)
        self.channel.producer.flush()

    def read_until(self, count):
        while len(self.results) < count:
            self.take(self.channel.next("results", SECONDS))

    def take(self, data):
        event_id = json.loads(data)["event_id"]
        self.copies += 1
        if self.results.setdefault(event_id, data) != data:
            self.doubled.append((self.results[event_id], data))

    def take_some(self, seconds):
        """What there is, until nothing comes for so long."""
        try:
            while True:
                self.take(self.channel.next("results", seconds))
        except pulsar.Timeout:
            pass


@pytest.fixture
def soak_broker(tmp_path):
    it = RunningBroker(SERVICE_URL) if SERVICE_URL else Broker(
        tmp_path, options=["--keep-alive-interval-seconds", "1"])
    yield it
    it.stop()


@pytest.mark.timeout_seconds(600 + EVENTS // 5)
def test_whatever_is_done_to_three_replicas_each_event_has_one_receipt(soak_broker, tmp_path):
    print(f"SEED={SEED}", flush=True)
    rng = random.Random(SEED)
    replicas = Replicas(soak_broker.url, tmp_path, PULSAR_KEEP_ALIVE_INTERVAL="2s",
                        PULSAR_BATCH_RECEIVE_MAX_MESSAGES="50")
    client = new_client(soak_broker.url)
    begin = time.monotonic()
    try:
        replicas.start()
        load = Load(client, replicas[0])
        faults = Faults(replicas, rng)
        load.start(EVENTS, faults)
        faults.run()
        if load.failure:
            raise load.failure
        replicas.ready(120)
        load.take_some(3)  # what is still published again
        assert not load.doubled, f"two receipts: {load.doubled[0]}"
        load.channel.nothing_more("errors")
        entries, checkpoints = check_log(load.results.values(), load.events)
        terms = max(int(term) for one in replicas for term in re.findall(r"journal: term (\d+) of", one.log.read_text()))
        replicas.stop()
    finally:
        replicas.kill()
        client.shutdown()
    did = ", ".join(f"{count} times {what}" for what, count in faults.done.items())
    print(f"notary soak: {entries} events, one receipt each ({load.copies - entries} published again, the same bytes), "
          f"{checkpoints} checkpoints of one log, {terms} leaders one after the other, "
          f"{time.monotonic() - begin:.0f} s; {did}", flush=True)
