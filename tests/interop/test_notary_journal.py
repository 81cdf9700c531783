# SPDX-License-Identifier: Apache-2.0
"""The notary's journal alone: replicas that keep nothing else (journal_replica.c), killed, stopped, and continued.

What must hold, whatever is done to them: one document for each number, the same for all; and what an append said OK to is
there, once.  SERVICE_URL may name any broker.
"""
import re
import signal
import subprocess
import uuid
from pathlib import Path

import pulsar
import pytest

import broker_process
from broker_process import DIES_WITH_PARENT, Broker, eventually

PROGRAM = Path(broker_process.PROGRAM).parent / "tests" / "interop" / "journal_replica"


class Replica:
    def __init__(self, url, topic, name, count, directory, pause_ms=0):
        self.name = name
        self.path = Path(directory) / f"{name}.txt"
        with open(self.path, "wb") as out:
            self.process = subprocess.Popen([*DIES_WITH_PARENT, PROGRAM, url, topic, name, str(count), str(pause_ms)],
                                            stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

    def lines(self, word):
        """What follows the word in the lines that begin with it."""
        return [line[len(word) + 1:] for line in self.path.read_text(errors="replace").splitlines()
                if line.startswith(word + " ")]

    def says(self, word, count=1, seconds=60):
        return eventually(lambda: len(self.lines(word)) >= count, seconds)

    def applied(self):
        """The journal as it has read it: number -> text."""
        return {int(number): text for number, text in (line.split() for line in self.lines("applied"))}

    def signal(self, which):
        self.process.send_signal(which)

    def stop(self):
        self.signal(signal.SIGTERM)
        assert self.process.wait(30) == 0, self.path.read_text()
    
    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def replica(broker, topic, tmp_path):
    replicas = []

    def start(count, pause_ms=0, url=broker.url):
        replicas.append(Replica(url, topic, f"r{len(replicas)}", count, tmp_path, pause_ms))
        return replicas[-1]

    start.all = replicas
    yield start
    for one in replicas:
        one.kill()


def check(replicas, last):
    """All agree, as far as each has read; what was told to be written is there once; the last one has read all."""
    journal = last.applied()
    assert sorted(journal) == list(range(1, len(journal) + 1))
    texts = list(journal.values())
    assert len(set(texts)) == len(texts)
    for one in replicas:
        assert one.applied().items() <= journal.items()
        assert len(one.lines("applied")) == len(one.applied())
        assert set(one.lines("wrote")) <= set(texts)
        assert set(texts) & {t for t in texts if t.startswith(one.name + "-")} <= \
            set(one.lines("wrote")) | set(one.lines("unsure")) | {f"{one.name}-{len(one.lines('wrote')) + 1}"}
    return journal


def test_one_leads_and_the_others_follow(replica):
    first = replica(50)
    first.says("wrote", 50)
    second, third = replica(50), replica(50)
    for one in (second, third):
        one.says("applied", 50)
    assert not second.lines("leading") and not third.lines("leading")
    first.stop()
    eventually(lambda: second.lines("leading") or third.lines("leading"))
    leader, other = (second, third) if second.lines("leading") else (third, second)
    leader.says("wrote", 50)
    leader.stop()
    other.says("wrote", 50)
    assert len(check(replica.all, other)) == 150
    assert [one.lines("leading") for one in (first, leader, other)] == [["1"], ["2"], ["3"]]


def test_a_standby_stops_at_once(replica):
    first = replica(1)
    first.says("wrote")
    second = replica(1)
    second.says("applied")
    second.stop()
    first.stop()


def test_kill_9_of_leaders_loses_and_doubles_nothing(replica):
    last = replica(40, pause_ms=5)
    for _ in range(5):
        last.says("wrote", 5)
        standby = replica(40, pause_ms=5)
        last.says("wrote", 20)
        last.kill()
        standby.says("leading")
        last = standby
    last.says("wrote", 40)
    journal = check(replica.all, last)
    assert len(journal) >= 40 + 5 * 20


def test_a_stopped_leader_is_fenced_when_it_goes_on(tmp_path, topic):
    """SIGSTOP: the broker drops the connection after a while, the standby leads, the old leader is continued."""
    if broker_process.SERVICE_URL:
        pytest.skip("the broker's keep-alive interval is not ours")
    broker = Broker(tmp_path, options=["--keep-alive-interval-seconds", "1"])
    old = Replica(broker.url, topic, "old", 100000, tmp_path)
    old.says("leading")
    new = Replica(broker.url, topic, "new", 100, tmp_path)
    try:
        leader, standby = (old, new)
        old.says("wrote", 50)
        assert not new.lines("leading")
        leader.signal(signal.SIGSTOP)
        standby.says("wrote", 100)
        wrote = len(leader.lines("wrote"))
        leader.signal(signal.SIGCONT)
        eventually(lambda: "not leading any more" in leader.path.read_text(), 60)
        leader.says("applied", len(standby.applied()))
        standby.stop()
        leader.says("leading", 2)
        leader.says("wrote", wrote + 20)
        leader.stop()
        journal = check([old, new], old)
        assert len([text for text in journal.values() if text.startswith("new-")]) == 100
    finally:
        for one in (old, new):
            one.kill()
        broker.stop()


def test_a_broker_that_is_killed_and_started_again_loses_and_doubles_nothing(own_broker, tmp_path, topic):
    """Whoever comes back first leads; both have everything in the end."""
    both = [Replica(own_broker.url, topic, name, 200, tmp_path, pause_ms=2) for name in ("first", "second")]

    def wrote():
        return sum(len(one.lines("wrote")) for one in both)

    try:
        for _ in range(3):
            seen = wrote()
            eventually(lambda: wrote() > seen + 30 or wrote() > 190, 60)
            own_broker.kill()
            own_broker.start(own_broker.port, own_broker.http_port)
        eventually(lambda: both[0].applied() == both[1].applied() and wrote() > 190, 90)
        for one in both:
            one.stop()
        journal = check(both, max(both, key=lambda one: len(one.applied())))
        assert len(journal) >= wrote()
    finally:
        for one in both:
            one.kill()


def test_somebodys_hand_in_the_topic_ends_the_notaries_and_is_named(replica, client, topic):
    first = replica(10)
    first.says("wrote", 10)
    first.stop()
    producer = client.create_producer(topic)
    producer.send(b'{"format":"geminga/notary/journal/v1","term":1,"writer":"r0","sequence":99,"previous":"sha256:'
                  + b"0" * 64 + b'","records":[]}')
    producer.close()
    second = replica(10)
    assert second.process.wait(60) == 1
    assert len(second.applied()) == 10
    ended = second.lines("ended")[0]
    assert re.search(r"is not what its notaries wrote: message \(\d+,\d+,.*is number 99, and the one before it is 10", ended)


def test_nobody_else_can_write_while_a_notary_leads(replica, client, topic):
    first = replica(1)
    first.says("wrote")
    with pytest.raises(pulsar.ProducerBusy):
        client.create_producer(topic)
    first.stop()
