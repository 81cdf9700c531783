# SPDX-License-Identifier: Apache-2.0
"""A bit of the data flips while the broker is down: it is named, what is wrong is never served, everything else is, and
`--give-up` goes on without what is lost.  By the official client and the program's own tools."""
import json
import re
import subprocess

import pulsar
import pytest

from broker_process import PROGRAM, SERVICE_URL, eventually
from conftest import new_client
from test_metrics import samples

pytestmark = pytest.mark.skipif(bool(SERVICE_URL), reason="about our data")

RECEIVE_MS = 30_000
MARK = b"a message whose bytes are easy to find: %04d"


def beside(topic):
    """Another one, whose name does not begin as this one's."""
    return topic.replace("default/", "default/beside-")


def store(*words):
    return subprocess.run([PROGRAM, "store", *words], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


def fill(broker, *topics):
    """Ten messages in each topic, and a subscription that has none of them."""
    client = new_client(broker.url)
    for topic in topics:
        client.subscribe(topic, "s").close()
        producer = client.create_producer(topic, batching_enabled=False)
        for i in range(10):
            producer.send(MARK % i + topic.encode())
    client.close()


def flip(path, what):
    """One bit in the middle of `what`, wherever that is in the file; returns how often it was there."""
    data = bytearray(path.read_bytes())
    places = [m.start() for m in re.finditer(re.escape(what), data)]
    for at in places:
        data[at + len(what) // 2] ^= 4
    path.write_bytes(data)
    return len(places)


def flip_somewhere(broker, folder, what):
    assert sum(flip(path, what) for path in sorted((broker.data / folder).iterdir())) == 1


def receive(connect, broker, topic, count):
    """The numbers of the messages that come: whatever comes is what was sent."""
    consumer = connect(broker.url).subscribe(topic, "s")
    numbers = []
    for _ in range(count):
        message = consumer.receive(RECEIVE_MS)
        number = int(message.data()[len(MARK) - 4:][:4])
        assert message.data() == MARK % number + topic.encode()
        numbers.append(number)
    with pytest.raises(pulsar.Timeout):
        consumer.receive(200)
    consumer.close()
    return numbers


def sample(broker, name):
    return samples(broker)[name + '{cluster="standalone"}']


def test_a_flipped_bit_in_a_segment_is_named_and_only_its_entry_is_lost(own_broker, connect, topic):
    fill(own_broker, topic, beside(topic))
    own_broker.stop()
    flip_somewhere(own_broker, "segments", MARK % 4 + topic.encode())

    verified = store("verify", "--data", str(own_broker.data), "--json")
    assert verified.returncode == 1
    damage = json.loads(verified.stdout.splitlines()[0])
    assert damage["topic"] == topic and damage["first"] == damage["last"] == 4
    assert damage["file"].startswith("segments/") and damage["offset"] > 0

    own_broker.start()  # what is in segments is looked at when it is read
    assert receive(connect, own_broker, beside(topic), 10) == list(range(10))
    assert receive(connect, own_broker, topic, 4) == [0, 1, 2, 3]
    eventually(lambda: sample(own_broker, "geminga_store_corrupt_reads_total") > 0)
    assert f"entry 4 of ledger {damage['ledger']}" in own_broker.log_tail()
    own_broker.stop()

    own_broker.options = ["--give-up", f"ledger:{damage['ledger']}"]
    own_broker.start()
    assert sample(own_broker, "geminga_store_quarantined_ledgers") == 1
    assert sample(own_broker, "geminga_store_quarantined_entries") == 1
    assert receive(connect, own_broker, topic, 9) == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    own_broker.stop()
    assert store("verify", "--data", str(own_broker.data)).returncode == 0


def test_a_flipped_bit_in_the_journal_refuses_the_start_and_says_what_goes_on(own_broker, connect, topic):
    fill(own_broker, topic, beside(topic))
    own_broker.kill()  # all is in the journal
    flip_somewhere(own_broker, "journal", MARK % 4 + topic.encode())

    with pytest.raises(AssertionError, match="the broker ended with 1"):
        own_broker.start()
    option = re.search(r"start with --give-up (batch:\d+)", own_broker.log_tail()).group(1)
    assert re.search(r"journal/[0-9a-f]{8}.journal|journal file", own_broker.log_tail())
    assert topic in own_broker.log_tail()

    own_broker.options = ["--give-up", option]
    own_broker.start()
    assert sample(own_broker, "geminga_store_quarantined_entries") == 1
    assert receive(connect, own_broker, beside(topic), 10) == list(range(10))
    assert receive(connect, own_broker, topic, 9) == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    own_broker.options = []
    own_broker.restart()  # nothing is asked for any more
    assert sample(own_broker, "geminga_store_quarantined_entries") == 1


def test_a_choice_that_means_nothing_is_refused(tmp_path):
    it = subprocess.run([PROGRAM, "standalone", "--data", str(tmp_path / "data"), "--give-up", "everything"],
                        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert it.returncode == 2 and not (tmp_path / "data").exists()
    assert "everything" in it.stderr and "ledger:N" in it.stderr
