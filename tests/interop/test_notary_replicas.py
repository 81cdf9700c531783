# SPDX-License-Identifier: Apache-2.0
"""Replicas of one notary: one leads, and whatever is done to it, each event has one receipt, in one log.

The log is checked with notary_log.py, not with our program.  SERVICE_URL may name any broker for most of them.
"""
import json
import os
import shutil
import signal
import subprocess
import uuid

import pulsar
import pytest

import broker_process
from broker_process import Broker, eventually
from notary_log import check_log
from notary_process import Channel, Notary, minimal_event
from notary_replicas import Replicas, health, make_key, role, send_events

EVENTS = 400


@pytest.fixture
def replicas(broker, tmp_path):
    made = []

    def make(count=3, url=broker.url, **environment):
        made.append(Replicas(url, tmp_path, count, **environment))
        return made[-1]

    yield make
    for one in made:
        one.kill()


def expect_one_receipt_each(channel, events, seconds=120):
    results = channel.results(len(events), seconds)
    assert set(results) == set(events)
    doubled = {event_id: len(texts) for event_id, texts in results.items() if len(texts) != 1}
    assert not doubled, f"more than one receipt: {doubled}"
    check_log([next(iter(texts)) for texts in results.values()], events)
    channel.nothing_more("errors")


def next_result(reader):
    return reader.read_next(60000)


def test_one_leads_and_the_others_say_that_they_stand_by(client, replicas):
    three = replicas().start()
    three.ready()
    said = [health(one) for one in three]
    assert [s["role"] for s in said] == ["leader", "standby", "standby"]
    assert {s["leader"] for s in said} == {said[0]["replica"]} and {s["term"] for s in said} == {1}
    channel = Channel(client, three[0])
    events = send_events(channel, 50)
    expect_one_receipt_each(channel, events)
    eventually(lambda: len({health(one)["document"] for one in three}) == 1)  # the others have read it all
    three.stop()


def test_kill_9_of_the_leader_gives_every_event_one_receipt(client, replicas):
    three = replicas(PULSAR_BATCH_RECEIVE_MAX_MESSAGES="7").start()
    channel = Channel(client, three[0])
    watch = client.create_reader(three[0].topics["results"], pulsar.MessageId.earliest)
    events = send_events(channel, EVENTS)
    for _ in range(5):
        next_result(watch)  # in the middle of it
        leader = three.leader()
        leader.kill()
        leader.start(ready=False)
    expect_one_receipt_each(channel, events)
    three.ready()
    three.stop()


def test_a_rolling_restart_loses_and_doubles_nothing(client, replicas):
    three = replicas(PULSAR_BATCH_RECEIVE_MAX_MESSAGES="7").start()
    channel = Channel(client, three[0])
    events = {}
    for one in [*three, *three]:
        events |= send_events(channel, 60)
        one.stop()  # in order, whether it leads or not
        one.start(ready=False)
        three.ready()
    events |= send_events(channel, 60)
    expect_one_receipt_each(channel, events)
    three.stop()


def test_a_standby_with_an_empty_directory_takes_over_the_same_log(client, replicas):
    two = replicas(2)
    two[0].start()
    channel = Channel(client, two[0])
    events = send_events(channel, 100)
    first = channel.results(len(events))
    two[1].start(ready="standby")
    two[0].kill()
    two.leader()
    shutil.rmtree(two[0].data)  # and the other one comes back with nothing
    two[0].start(ready="standby")
    two[1].stop()
    two.leader()
    later = send_events(channel, 20)
    results = {event_id: set(texts) for event_id, texts in first.items()}
    while not set(later) <= set(results):
        data = channel.next("results")
        results.setdefault(json.loads(data)["event_id"], set()).add(data)  # some again, perhaps: the same bytes
    assert all(len(texts) == 1 for texts in results.values())
    check_log([next(iter(texts)) for texts in results.values()], events | later)
    two.stop()


@pytest.fixture
def quick_broker(tmp_path):
    """One that finds a silent connection after two seconds."""
    if broker_process.SERVICE_URL:
        pytest.skip("the broker's keep-alive interval is not ours")
    it = Broker(tmp_path, options=["--keep-alive-interval-seconds", "1"])
    yield it
    it.kill()


def test_a_leader_that_was_stopped_and_goes_on_is_fenced(quick_broker, connect, replicas):
    """SIGSTOP: the broker drops its connections after a while, another leads; SIGCONT: the old one must not notarize."""
    three = replicas(url=quick_broker.url, PULSAR_BATCH_RECEIVE_MAX_MESSAGES="3").start()
    client = connect(quick_broker.url)
    channel = Channel(client, three[0])
    watch = client.create_reader(three[0].topics["results"], pulsar.MessageId.earliest)
    events = send_events(channel, EVENTS)
    next_result(watch)
    old = three[0]
    old.process.send_signal(signal.SIGSTOP)
    eventually(lambda: any(role(one)[0] == "leader" for one in three.all[1:]), 60)
    events |= send_events(channel, 100)
    old.process.send_signal(signal.SIGCONT)
    events |= send_events(channel, 100)
    expect_one_receipt_each(channel, events)
    eventually(lambda: role(old) == ("standby", "healthy"), 60)
    assert "not leading any more" in old.log.read_text()
    three.stop()


def test_a_leader_without_work_finds_that_it_was_replaced(quick_broker, connect, replicas):
    two = replicas(2, url=quick_broker.url).start()
    two[0].process.send_signal(signal.SIGSTOP)
    eventually(lambda: role(two[1]) == ("leader", "healthy"), 60)
    two[0].process.send_signal(signal.SIGCONT)
    eventually(lambda: role(two[0]) == ("standby", "healthy"), 60)
    two.stop()


class Namespace:
    """A network of a process's own, with one cable to here that can be cut."""

    def __init__(self):
        mark = uuid.uuid4().hex[:6]
        self.name, self.cable, self.far = f"jr{mark}", f"jrh{mark}", f"jrn{mark}"
        net = f"10.{int(mark[:2], 16)}.{int(mark[2:4], 16)}"
        self.here, self.there = f"{net}.1", f"{net}.2"
        run = self.run
        run("ip", "netns", "add", self.name)
        run("ip", "link", "add", self.cable, "type", "veth", "peer", "name", self.far)
        run("ip", "link", "set", self.far, "netns", self.name)
        run("ip", "address", "add", f"{self.here}/24", "dev", self.cable)
        run("ip", "link", "set", self.cable, "up")
        run(*self.inside, "ip", "address", "add", f"{self.there}/24", "dev", self.far)
        run(*self.inside, "ip", "link", "set", self.far, "up")
        run(*self.inside, "ip", "link", "set", "lo", "up")

    @property
    def inside(self):
        return ["ip", "netns", "exec", self.name]

    @staticmethod
    def run(*command):
        subprocess.run(command, check=True, capture_output=True)

    def cut(self):
        self.run("ip", "link", "set", self.cable, "down")

    def mend(self):
        self.run("ip", "link", "set", self.cable, "up")

    def remove(self):
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True)


@pytest.fixture
def namespace():
    if os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("needs root and iproute2")
    try:
        it = Namespace()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"network namespaces are not allowed here: {error}")
    yield it
    it.remove()


def test_a_leader_behind_a_cut_cable_is_replaced_and_fenced(tmp_path, namespace, connect, replicas):
    if broker_process.SERVICE_URL:
        pytest.skip("the broker's keep-alive interval and address are not ours")
    broker = Broker(tmp_path, options=["--keep-alive-interval-seconds", "1", "--advertised-address", namespace.here])
    url = f"pulsar://{namespace.here}:{broker.port}"
    two = replicas(2, url=url, PULSAR_BATCH_RECEIVE_MAX_MESSAGES="3", PULSAR_KEEP_ALIVE_INTERVAL="1s")
    try:
        two[0].start(before=namespace.inside)
        two[1].start(ready="standby")
        client = connect(url)
        channel = Channel(client, two[0])
        watch = client.create_reader(two[0].topics["results"], pulsar.MessageId.earliest)
        events = send_events(channel, EVENTS)
        next_result(watch)
        namespace.cut()
        eventually(lambda: role(two[1]) == ("leader", "healthy"), 60)
        events |= send_events(channel, 100)
        namespace.mend()
        expect_one_receipt_each(channel, events)
        eventually(lambda: "not leading any more" in two[0].log.read_text(), 90)
        two[1].stop()
        eventually(lambda: two[0].log.read_text().count("journal: leading in term") == 2, 90)
        later = send_events(channel, 20)
        assert set(channel.results(len(later))) == set(later)
        two.stop()
    finally:
        two.kill()
        broker.kill()


def test_a_replica_with_another_key_is_refused(client, replicas, tmp_path):
    one = replicas(1).start()
    channel = Channel(client, one[0])
    channel.send(minimal_event())
    channel.next("results")
    stranger = Notary(one[0].url, tmp_path / "stranger", space=one[0].space, key=make_key(tmp_path / "other.key"))
    stranger.start(ready=False)
    assert stranger.wait(60) == 1
    said = stranger.log.read_text()
    assert "this is no checkpoint of the log" in said and "All replicas need the same key" in said, said
    one.stop()


def test_a_journal_that_somebody_wrote_to_is_refused_and_the_message_named(client, replicas):
    one = replicas(1).start()
    one.stop()
    producer = client.create_producer(one[0].topics["journal"])
    producer.send(json.dumps({"format": "geminga/notary/journal/v1", "term": 9, "writer": "me", "begins": True}).encode())
    producer.close()
    one[0].start(ready=False)
    assert one[0].wait(60) == 1
    assert "is not what its notaries wrote: message (" in one[0].log.read_text()
