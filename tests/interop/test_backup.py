# SPDX-License-Identifier: Apache-2.0
"""A backup, and the broker that is started on what was restored from it: by the official client and the program's own
verbs."""
import subprocess

import pulsar
import pytest

from broker_process import PROGRAM, Broker

RECEIVE_MS = 30_000


def store(*arguments):
    """`geminga store ...`: its exit status and all that it says."""
    done = subprocess.run([PROGRAM, "store", *map(str, arguments)], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def must(*arguments):
    status, said = store(*arguments)
    assert status == 0, said
    return said


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
