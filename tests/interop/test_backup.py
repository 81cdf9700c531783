# SPDX-License-Identifier: Apache-2.0
"""A backup, and the broker that is started on what was restored from it: by the official client and the program's own
verbs."""
import json
import subprocess
import threading
import urllib.request

import pulsar
import pytest

from broker_process import PROGRAM, Broker, eventually

RECEIVE_MS = 30_000


def store(*arguments):
    """`geminga store ...`: its exit status and all that it says."""
    done = subprocess.run([PROGRAM, "store", *map(str, arguments)], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def must(*arguments):
    status, said = store(*arguments)
    assert status == 0, said
    return said


def get(broker, path):
    return urllib.request.urlopen(broker.http_url + path).read().decode()


def status_of(broker):
    return json.loads(get(broker, "/admin/v2/brokers/backup"))


def metric(broker, name):
    lines = [line for line in get(broker, "/metrics").splitlines() if line.startswith(name + "{")]
    return float(lines[0].rsplit(" ", 1)[1])


def publish(client, topic, start, count):
    """Their message ids, by what they say."""
    producer = client.create_producer(topic, block_if_queue_full=True)
    ids = {b"message %d" % n: producer.send(b"message %d" % n) for n in range(start, start + count)}
    producer.close()
    return ids


def read(client, topic, count):
    reader = client.create_reader(topic, pulsar.MessageId.earliest)
    found = {}
    for _ in range(count):
        message = reader.read_next(RECEIVE_MS)
        found[message.data()] = message.message_id()
    return found


@pytest.fixture
def restored(tmp_path):
    """restored(backup) restores it and starts a broker on that."""
    brokers = []

    def start(backup):
        place = tmp_path / f"restored-{len(brokers)}"
        place.mkdir()
        must("restore", backup, "--data", place / "data")
        brokers.append(Broker(place))
        return brokers[-1]

    yield start
    for broker in brokers:
        broker.kill()


def test_a_stopped_brokers_backup_is_restored_and_served(own_broker, connect, topic, tmp_path, restored):
    client = connect(own_broker.url)
    client.subscribe(topic, "keeps").close()
    before = publish(client, topic, 0, 200)
    own_broker.stop()
    assert "synced" in must("backup", "--data", own_broker.data, tmp_path / "backup")
    again = connect(restored(tmp_path / "backup").url)
    found = read(again, topic, 200)
    assert found == before
    later = publish(again, topic, 200, 10)
    # The original may have gone on meanwhile: ids that it could give are not given here.
    assert min(i.ledger_id() for i in later.values()) > max(i.ledger_id() for i in before.values()) + 1_000_000


class Publishing:
    """A thread that publishes as fast as receipts come, and notes what was acknowledged."""

    def __init__(self, client, topic):
        self.producer = client.create_producer(topic, block_if_queue_full=True, batching_enabled=True)
        self.acknowledged = 0
        self.failed = []
        self.stopping = False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def receipt(self, result, _id):
        if result == pulsar.Result.Ok:
            self.acknowledged += 1  # in order: the n-th receipt is of message n
        else:
            self.failed.append(result)

    def run(self):
        n = 0
        while not self.stopping:
            self.producer.send_async(b"busy %d " % n + b"x" * 2000, self.receipt)
            n += 1
        self.producer.flush()

    def stop(self):
        self.stopping = True
        self.thread.join()
        self.producer.close()


def test_a_running_brokers_backup_has_all_that_was_acknowledged_before_it_was_asked_for(own_broker, connect, topic,
                                                                                      tmp_path, restored):
    client = connect(own_broker.url)
    before = publish(client, topic, 0, 200)
    busy = Publishing(client, topic + "-busy")
    eventually(lambda: busy.acknowledged > 20_000)
    for n in range(2):
        acknowledged = busy.acknowledged
        said = must("backup", tmp_path / f"backup-{n}", "--data", own_broker.data, "--http-url", own_broker.http_url)
        assert "synced" in said
        assert busy.acknowledged > acknowledged  # publishing went on
    busy.stop()
    assert not busy.failed
    assert metric(own_broker, "geminga_store_backups_total") == 2
    assert metric(own_broker, "geminga_store_backup_running") == 0
    again = connect(restored(tmp_path / "backup-1").url)
    assert read(again, topic, 200) == before
    reader = again.create_reader(topic + "-busy", pulsar.MessageId.earliest)
    for n in range(acknowledged):
        assert reader.read_next(RECEIVE_MS).data().startswith(b"busy %d " % n)


def test_a_running_broker_refuses_a_backup_into_what_is_not_empty_or_is_not_asked_for(own_broker, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("something")
    url = ("--http-url", own_broker.http_url)
    status, said = store("backup", tmp_path / "full", "--data", own_broker.data, *url)
    assert status == 2 and "not empty" in said
    status, said = store("backup", tmp_path / "new", "--data", own_broker.data, "--http-url", "http://127.0.0.1:1")
    assert status == 2 and "no broker answers" in said
    assert not (own_broker.data / "backup-to").exists()
    # Who can reach the port and not the directory gets nothing written anywhere.
    request = urllib.request.Request(own_broker.http_url + "/admin/v2/brokers/backup", method="PUT")
    assert urllib.request.urlopen(request).status == 204
    last = eventually(lambda: (s := status_of(own_broker))["state"] != "running" and s)
    assert last["state"] == "failed" and "backup-to" in last["failure"]
    assert "synced" in must("backup", tmp_path / "new", "--data", own_broker.data, *url)


def test_what_is_there_is_not_overwritten_and_a_damaged_backup_is_not_put_in_place(own_broker, connect, topic,
                                                                                 tmp_path):
    publish(connect(own_broker.url), topic, 0, 10)
    own_broker.stop()
    backup, target = tmp_path / "backup", tmp_path / "target"
    must("backup", "--data", own_broker.data, backup)
    assert store("backup", "--data", own_broker.data, backup)[0] == 2
    assert store("restore", backup, "--data", own_broker.data)[0] == 2
    with open(backup / "catalog.db", "r+b") as file:
        file.seek(5000)
        byte = file.read(1)
        file.seek(5000)
        file.write(bytes([byte[0] ^ 1]))
    status, said = store("restore", backup, "--data", target)
    assert status == 2 and "catalog.db of the backup is damaged" in said
    assert not target.exists()
    own_broker.start()
