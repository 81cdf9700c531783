# SPDX-License-Identifier: Apache-2.0
"""A real file system that runs full under the official client: no storm, no deadlock, and service that resumes by itself.

The broker's data lies on a small ext4 of the test's own.  Needs root and loop devices.
"""
import os
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pulsar
import pytest
from pulsar import ConsumerType, InitialPosition

from broker_process import SERVICE_URL, Broker, eventually

pytestmark = pytest.mark.skipif(bool(SERVICE_URL), reason="the broker's disk is not ours to fill")

DISK_BYTES = 192 << 20
MESSAGE_BYTES = 256 << 10
RECEIVE_MS = 30_000
FULL_SECONDS = 12  # how long a full disk is watched
STORM_PER_SECOND = 2  # more connections or creations than that are one
PRODUCERS = 20
HELD_SECONDS = 5  # a creation is answered after so long while the disk stays full
FRAMES_EACH = 3  # that coming again costs: a lookup, a creation, what was asked for first


@pytest.fixture
def disk(tmp_path):
    for need, why in [(os.geteuid() == 0, "needs root to mount"), (shutil.which("mkfs.ext4"), "needs e2fsprogs"),
                      (os.path.exists("/dev/loop-control"), "needs loop devices")]:
        if not need:
            pytest.skip(why)
    image, at = tmp_path / "disk.img", tmp_path / "disk"
    at.mkdir()
    with open(image, "wb") as file:
        file.truncate(DISK_BYTES)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
    if subprocess.run(["mount", "-o", "loop", image, at], capture_output=True).returncode != 0:
        pytest.skip("mounting is not allowed here, as in most containers")
    yield at
    subprocess.run(["umount", at], check=True)


@pytest.fixture
def broker(tmp_path, disk):
    it = Broker(tmp_path, data=disk / "data")
    yield it
    it.kill()


def metric(broker, name):
    with urllib.request.urlopen(f"{broker.http_url}/metrics/") as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(name):
                return float(line.rsplit(" ", 1)[1])
    raise AssertionError(f"no metric {name}")


def full(broker):
    return metric(broker, "geminga_store_disk_full") == 1


class Publisher:
    """Sends numbered messages for as long as it may; those without a receipt are the client's to send again."""

    def __init__(self, client, topic):
        self.producer = client.create_producer(topic, send_timeout_millis=0, batching_enabled=False,
                                               max_pending_messages=20, block_if_queue_full=False)
        self.sent, self.receipts = 0, set()
        self.lock = threading.Lock()

    def send(self):
        """False when the client's queue is full."""
        number = self.sent

        def done(result, _):
            if result == pulsar.Result.Ok:
                with self.lock:
                    self.receipts.add(number)
            elif result == pulsar.Result.ProducerQueueIsFull:
                self.refused = True
            else:
                raise AssertionError(f"message {number}: {result}")
        self.refused = False
        self.producer.send_async(number.to_bytes(4, "big") + os.urandom(MESSAGE_BYTES), done)
        if not self.refused:
            self.sent += 1
        return not self.refused

    def fill(self, broker):
        def step():
            while self.send():
                pass
            return full(broker)
        eventually(step, 120)

    def settled(self):
        with self.lock:
            return len(self.receipts) == self.sent


def number_of(message):
    return int.from_bytes(message.data()[:4], "big")


def fill_up(disk):
    """Somebody else takes all the room that is left."""
    with open(disk / "filler", "ab", buffering=0) as filler:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    filler.write(bytes(size))
            except OSError:
                pass


def subscribe(client, topic):
    return client.subscribe(topic, "s", consumer_type=ConsumerType.Shared, receiver_queue_size=5,
                            initial_position=InitialPosition.Earliest)


@pytest.mark.timeout_seconds(400)
def test_acknowledgements_on_the_producers_connection_free_a_full_disk_and_nothing_storms(broker, connect, topic):
    client = connect(broker.url)
    consumer = subscribe(client, topic)
    publisher = Publisher(client, topic)
    publisher.fill(broker)

    began = time.monotonic()
    connections = metric(broker, "pulsar_connection_created_total_count")
    frames = metric(broker, "geminga_server_in_frames_total")
    received = [consumer.receive(RECEIVE_MS) for _ in range(3)]  # consumers are served
    eventually(lambda: time.monotonic() - began > FULL_SECONDS, 2 * FULL_SECONDS)
    assert full(broker)
    assert metric(broker, "pulsar_connection_created_total_count") - connections <= STORM_PER_SECOND * FULL_SECONDS
    assert metric(broker, "geminga_server_in_frames_total") - frames <= FRAMES_EACH * STORM_PER_SECOND * FULL_SECONDS

    numbers = set()
    while len(numbers) < publisher.sent:
        message = received.pop() if received else consumer.receive(RECEIVE_MS)
        numbers.add(number_of(message))
        consumer.acknowledge(message)
    eventually(publisher.settled)
    assert numbers == set(range(publisher.sent))
    assert not full(broker)
    while publisher.send():
        pass
    eventually(publisher.settled, 120)  # the client waits up to a minute before it comes again
    broker.stop()


@pytest.mark.timeout_seconds(400)
def test_of_many_producers_none_is_created_again_more_often_than_it_is_answered(broker, connect, topic, disk):
    client = connect(broker.url)
    publishers = [Publisher(client, f"{topic}-{i}") for i in range(PRODUCERS)]
    fill_up(disk)
    publishers[0].fill(broker)
    for publisher in publishers:
        publisher.send()
    time.sleep(1)  # all have been sent away, and come again
    connections = metric(broker, "pulsar_connection_created_total_count")
    frames = metric(broker, "geminga_server_in_frames_total")
    began = time.monotonic()
    eventually(lambda: time.monotonic() - began > FULL_SECONDS, 2 * FULL_SECONDS)
    assert full(broker)
    created = (metric(broker, "geminga_server_in_frames_total") - frames) / FRAMES_EACH
    print(f"{PRODUCERS} producers on a full disk: {created / FULL_SECONDS:.1f} creations a second")
    assert created <= PRODUCERS * (FULL_SECONDS / HELD_SECONDS + 1)
    assert metric(broker, "pulsar_connection_created_total_count") - connections <= STORM_PER_SECOND * FULL_SECONDS
    with pytest.raises(urllib.error.HTTPError) as unhealthy:
        urllib.request.urlopen(f"{broker.http_url}/health/pulsar")
    assert unhealthy.value.code == 503
    assert b'"disk":"full"' in unhealthy.value.read()
    (disk / "filler").unlink()
    eventually(lambda: all(publisher.settled() for publisher in publishers), 60)
    assert not full(broker)


@pytest.mark.timeout_seconds(400)
def test_what_others_took_of_the_disk_is_noticed_when_it_comes_back(broker, disk, connect, topic):
    client = connect(broker.url)
    publisher = Publisher(client, topic)
    for _ in range(10):
        publisher.send()
    eventually(publisher.settled)
    fill_up(disk)
    publisher.fill(broker)
    fill_up(disk)
    (disk / "filler").unlink()
    eventually(publisher.settled, 60)
    assert not full(broker)


@pytest.mark.timeout_seconds(400)
def test_a_broker_that_was_killed_on_a_full_disk_starts_there_and_serves(broker, disk, connect, topic):
    client = connect(broker.url)
    subscribe(client, topic).close()
    publisher = Publisher(client, topic)
    publisher.fill(broker)
    fill_up(disk)
    with publisher.lock:
        promised = set(publisher.receipts)
    broker.kill()
    client.shutdown()
    broker.start()
    client = connect(broker.url)
    consumer = subscribe(client, topic)
    numbers = set()
    while not promised <= numbers:
        message = consumer.receive(RECEIVE_MS)
        numbers.add(number_of(message))
        consumer.acknowledge(message)
    (disk / "filler").unlink()
    publisher = Publisher(client, topic)
    publisher.send()
    eventually(publisher.settled, 120)  # the client waits up to a minute before it comes again
    broker.stop()
