# SPDX-License-Identifier: Apache-2.0
"""`geminga perf`: the lines of pulsar-perf, the histogram file, what it sends and takes."""
import json
import os
import re
import signal
import socket
import subprocess
import threading

import pulsar
import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from broker_process import DIES_WITH_PARENT, PROGRAM, SERVICE_URL, Broker
from rest import request

NUMBER = r" *([\d.]+)"
LATENCY = "Latency: mean:" + NUMBER + " ms" + "".join(
    f" - {name}:{NUMBER}" for name in ("med", "95pct", "99pct", "99.9pct", "99.99pct"))
PRODUCED = re.compile(f"Throughput produced:{NUMBER} msg ---{NUMBER} msg/s ---{NUMBER} Mbit/s  --- failure{NUMBER} msg/s "
                      f"--- {LATENCY} - Max:{NUMBER}$")
RECEIVED = re.compile(f"Throughput received:{NUMBER} msg ---{NUMBER}  msg/s ---{NUMBER} Mbit/s  --- {LATENCY} - Max:{NUMBER}$")
SENT = re.compile(r"Aggregated throughput stats --- (\d+) records sent")
TAKEN = re.compile(r"Aggregated throughput stats --- (\d+) records received")
WHOLE = re.compile(f"Aggregated latency stats --- {LATENCY} - 99.999pct:{NUMBER} - Max:{NUMBER}$")


def run(verb, *words, broker, expect=0):
    it = subprocess.run([PROGRAM, "perf", verb, "-u", broker.url, *words], capture_output=True, text=True, timeout=120,
                        stdin=subprocess.DEVNULL)
    assert it.returncode == expect, it
    return it.stdout if expect == 0 else it.stderr


def count(pattern, printed):
    return int(pattern.search(printed).group(1))


def test_all_that_is_wanted_is_sent_and_the_end_says_so(broker, client, topic):
    consumer = client.subscribe(topic, "s", initial_position=pulsar.InitialPosition.Earliest)
    printed = run("produce", topic, "-m", "300", "-r", "3000", "-s", "50", "--warmup-time", "0", broker=broker)
    assert count(SENT, printed) == 300
    assert WHOLE.search(printed.splitlines()[-1])
    for _ in range(300):
        assert len(consumer.receive(10000).data()) == 50


def test_lines_come_every_interval(broker, topic):
    printed = run("produce", topic, "-r", "1000", "-time", "3", "-i", "1", broker=broker)
    lines = [PRODUCED.search(line) for line in printed.splitlines() if line.startswith("Throughput")]
    assert len(lines) >= 2 and all(lines)
    totals = [int(line.group(1)) for line in lines]
    assert totals == sorted(totals) and totals[-1] <= count(SENT, printed)


def test_a_number_of_topics_has_numbers_behind_the_name(broker, client, topic):
    run("produce", topic, "-t", "3", "-m", "30", "-r", "0", broker=broker)
    for i in range(3):
        reader = client.create_reader(f"{topic}-{i}", pulsar.MessageId.earliest)
        assert [len(reader.read_next(10000).data()) for _ in range(10)] == [1024] * 10


def test_threads_share_the_messages(broker, topic):
    printed = run("produce", topic, "-m", "7", "-r", "0", "-threads", "3", "-n", "2", "-db", broker=broker)
    assert count(SENT, printed) == 7


def test_keys_compression_and_names_are_as_asked_for(broker, client, topic):
    run("produce", topic, "-m", "20", "-r", "0", "-mk", "autoIncrement", "-z", "ZSTD", "-pn", "me", "-db", broker=broker)
    reader = client.create_reader(topic, pulsar.MessageId.earliest)
    messages = [reader.read_next(10000) for _ in range(20)]
    assert [m.partition_key() for m in messages] == [str(i) for i in range(20)]
    assert messages[0].producer_name() == "me-0"


def test_payloads_come_from_a_file(broker, client, topic, tmp_path):
    (tmp_path / "payloads").write_text("one\ntwo\n\nthree")
    run("produce", topic, "-m", "50", "-r", "0", "-f", str(tmp_path / "payloads"), broker=broker)
    reader = client.create_reader(topic, pulsar.MessageId.earliest)
    assert {reader.read_next(10000).data() for _ in range(50)} == {b"one", b"two", b"three"}


def test_all_is_consumed_and_acknowledged(broker, client, topic):
    client.subscribe(topic, "mine").close()
    run("produce", topic, "-m", "500", "-r", "0", broker=broker)
    printed = run("consume", topic, "-ss", "mine", "-m", "500", "-st", "Shared", "-n", "2", "-c", "2", broker=broker)
    assert count(TAKEN, printed) == 500
    assert "ack failed 0 msg" in printed
    path = f"/admin/v2/persistent/{topic.removeprefix('persistent://')}/stats"
    assert request(broker, "GET", path)[1]["subscriptions"]["mine"]["msgBacklog"] == 0


def test_consuming_prints_lines_and_ends_with_a_signal(broker, topic):
    it = subprocess.Popen([*DIES_WITH_PARENT, PROGRAM, "perf", "consume", "-u", broker.url, topic, "-i", "1"],
                          stdout=subprocess.PIPE, text=True)
    assert RECEIVED.search(it.stdout.readline())
    it.send_signal(signal.SIGINT)
    assert count(TAKEN, it.stdout.read()) == 0
    assert it.wait(60) == 0


def test_several_subscriptions_get_all(broker, topic):
    run("produce", topic, "-m", "10", "-r", "0", broker=broker)
    for names in (["-ss", "a,b"], ["-ss", "c", "-ns", "2"]):
        printed = run("consume", topic, *names, "-sp", "Earliest", "-m", "20", broker=broker)
        assert count(TAKEN, printed) == 20


def test_a_topic_is_read_from_its_beginning(broker, topic):
    run("produce", topic, "-m", "100", "-r", "0", broker=broker)
    assert count(TAKEN, run("read", topic, "-n", "100", broker=broker)) == 100


def test_the_histogram_file_is_read_by_others(broker, topic, tmp_path):
    log = tmp_path / "latencies.hlog"
    printed = run("produce", topic, "-m", "2500", "-r", "1000", "-i", "1", "--warmup-time", "0", "--histogram-file",
                  str(log), broker=broker)
    reader = HistogramLogReader(str(log), HdrHistogram(1, 3600000000, 3))
    whole = HdrHistogram(1, 3600000000, 3)
    parts = 0
    while (part := reader.get_next_interval_histogram()) is not None:
        whole.add(part)
        parts += 1
    assert parts >= 2
    assert whole.get_total_count() == 2500
    said = WHOLE.search(printed)
    assert abs(whole.get_value_at_percentile(50) / 1000 - float(said.group(2))) < 0.01 * float(said.group(2)) + 0.01


def test_payloads_are_made_of_patterns(broker, client, topic, tmp_path):
    (tmp_path / "payloads").write_text('{"by": "%p", "i": %i, "word": "%12s"}')
    run("produce", topic, "-m", "5", "-r", "0", "-f", str(tmp_path / "payloads"), "-fp", "-pn", "me", broker=broker)
    reader = client.create_reader(topic, pulsar.MessageId.earliest)
    messages = [json.loads(reader.read_next(10000).data()) for _ in range(5)]
    assert [m["i"] for m in messages] == list(range(5))
    assert {m["by"] for m in messages} == {"me-0"}
    assert all(re.fullmatch("[a-z]{12}", m["word"]) for m in messages)


def test_topics_are_made_with_partitions(broker, client, topic):
    for _ in range(2):  # those that are there are as they should be
        run("produce", topic, "-m", "6", "-r", "0", "-np", "3", "-au", broker.http_url, broker=broker)
    assert len(client.get_topic_partitions(topic)) == 3
    said = run("produce", topic, "-m", "6", "-np", "4", "-au", broker.http_url, broker=broker, expect=1)
    assert "with 3 partitions instead of 4" in said


class Relay:
    """A way to a broker that brings nothing back for a while, once so much has gone there."""

    def __init__(self, after, seconds):
        self.after, self.seconds = after, seconds
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"pulsar://127.0.0.1:{self.listener.getsockname()[1]}"
        self.gone = 0
        self.never = threading.Event()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.port))
            threading.Thread(target=self.there, args=(near, far), daemon=True).start()
            threading.Thread(target=self.back, args=(far, near), daemon=True).start()

    def there(self, near, far):
        while data := near.recv(65536):
            self.gone += len(data)
            far.sendall(data)
        far.shutdown(socket.SHUT_WR)

    def back(self, far, near):
        while data := far.recv(65536):
            if self.seconds and self.gone > self.after:
                self.never.wait(self.seconds)
                self.seconds = 0
            near.sendall(data)


def test_messages_that_a_stall_held_up_count_from_when_they_were_due(tmp_path):
    """One message may be under way: during the stall nothing is sent, and yet all that should have been are late."""
    relay = Relay(after=20 * 1024, seconds=0.3)
    broker = Broker(tmp_path, options=["--advertised-listeners", f"there:{relay.url}", "--durability", "os"])
    relay.port = broker.port
    log = tmp_path / "latencies.hlog"
    try:
        run("produce", "stalled", "--listener-name", "there", "-m", "400", "-r", "1000", "-o", "1", "-db", "--warmup-time",
            "0", "--histogram-file", str(log), broker=broker)
    finally:
        broker.kill()
        relay.listener.close()
    late = HdrHistogram(1, 3600000000, 3)
    reader = HistogramLogReader(str(log), HdrHistogram(1, 3600000000, 3))
    while (part := reader.get_next_interval_histogram()) is not None:
        late.add(part)
    assert late.get_total_count() == 400
    assert late.get_value_at_percentile(99) > 250_000  # the first of them, by the whole stall
    assert late.get_value_at_percentile(50) > 70_000  # 300 were due while it lasted, two thirds of them by more than a third of it


SOCKET = re.compile(f"Throughput produced:{NUMBER} msg ---{NUMBER}  msg/s ---{NUMBER} Mbit/s --- Latency: mean:{NUMBER} ms" +
                    "".join(f" - {name}:{NUMBER} ms" for name in ("med", "95pct", "99pct", "99.9pct", "99.99pct")) + "$")


def perf(*words, expect=0):
    it = subprocess.run([PROGRAM, "perf", *words], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    assert it.returncode == expect, it
    return it.stdout if expect == 0 else it.stderr


def test_messages_go_over_web_sockets(broker, client, topic):
    url = broker.http_url.replace("http", "ws", 1) + "/"
    printed = perf("websocket-producer", topic, "-u", url, "-m", "300", "-r", "3000", "-s", "50")
    assert count(SENT, printed) == 300
    assert WHOLE.search(printed.splitlines()[-1])
    reader = client.create_reader(topic, pulsar.MessageId.earliest)
    assert [len(reader.read_next(10000).data()) for _ in range(300)] == [50] * 300


def test_each_topic_has_a_web_socket(broker, client, topic):
    url = broker.http_url.replace("http", "ws", 1)
    assert count(SENT, perf("websocket-producer", topic, "-u", url, "-m", "30", "-r", "0", "-t", "3")) == 30
    for i in range(3):
        reader = client.create_reader(f"{topic}{i}", pulsar.MessageId.earliest)
        assert [len(reader.read_next(10000).data()) for _ in range(10)] == [1024] * 10


@pytest.mark.parametrize("words, about, code", [
    (["persistent://no/such/topic"], "ws://", 1),
    (["x", "-r", "fast"], "--rate expects", 2),
    (["x", "-cf", "file"], "that is --config", 2),
    ([], "which topic?", 2),
])
def test_what_it_cannot_over_web_sockets_is_said(broker, words, about, code):
    url = broker.http_url.replace("http", "ws", 1)
    assert about in perf("websocket-producer", *words, "-u", url, "-m", "1", expect=code)


def test_a_web_socket_that_nobody_answers_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert "ws://127.0.0.1" in perf("websocket-producer", "x", "-u", f"ws://127.0.0.1:{port}", "-m", "1", expect=1)


def test_brokers_are_monitored_over_http(broker, client, topic):
    producer = client.create_producer(topic)
    producer.send(b"x")
    printed = perf("monitor-brokers", "--connect-string", broker.http_url, "-n", "1").splitlines()
    assert printed[0].startswith("Gained broker: ")
    assert printed[2].startswith("Broker Data for ")
    assert printed[3] == "=" * 115 and all(len(line) == 115 for line in printed[4:15])
    assert printed[4] == ("||SYSTEM         |CPU %          |MEMORY %       |DIRECT %       |BW IN %        |BW OUT %       |MAX %"
                          "          ||")
    counts = [cell.strip() for cell in printed[7].strip("|").split("|")]
    assert int(counts[-6]) >= 1 and int(counts[-4]) >= 1  # topics, producers
    assert "Overall Broker Data:" in printed
    assert [cell.strip() for cell in printed[-2].strip("|").split("|")][0] == "TOTAL"
    assert "no-such" in perf("monitor", "--connect-string", "http://no-such.invalid:1", "-n", "1", expect=1)


ENDED = re.compile(r"--- (\d+) transaction end successfully --- 0 transaction end failed --- 0 message ack failed --- "
                   r"0 message send failed --- (\d+) message ack success --- (\d+) message send success")


@pytest.mark.skipif(SERVICE_URL is not None, reason="of a broker without transactions")
def test_a_broker_without_transactions_is_told_apart(broker, topic):
    said = run("transaction", "--topics-c", topic, "--topics-p", topic + "-to", "-ntxn", "1", broker=broker, expect=1)
    assert "the broker has no transactions" in said and "--txn-disable" in said


def test_tasks_are_transactions_without_one(broker, topic):
    run("produce", topic, "-m", "6", "-r", "0", "-db", broker=broker)
    printed = run("transaction", "--topics-c", topic, "--topics-p", f"{topic}-a,{topic}-b", "-ntxn", "2", "-nmc", "3",
                  "-nmp", "2", "--txn-disable", broker=broker)
    assert ("2 task executed" in printed and
            "0 message ack failed --- 0 message send failed --- 6 message ack success --- 8 message send success" in printed)
    assert count(TAKEN, run("read", topic + "-b", "-n", "4", broker=broker)) == 4


def test_a_thread_that_is_done_leaves_what_it_was_sent_ahead_to_the_others(broker, topic):
    """The ten messages are one batch: one of the threads has them all, and another one waits for its message."""
    run("produce", topic, "-m", "10", "-r", "0", "-b", "1000", broker=broker)
    printed = run("transaction", "--topics-c", topic, "--topics-p", topic + "-to", "-ntxn", "10", "-threads", "3",
                  "--txn-disable", broker=broker)
    assert "10 task executed" in printed


@pytest.mark.parametrize("gone", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize("words", [["produce", "t", "-r", "1000000", "-db"], ["produce", "t", "-r", "1000000"], ["consume", "t"],
                                   ["transaction", "--topics-c", "t", "--topics-p", "t", "--txn-disable", "-threads", "2"]])
def test_a_signal_ends_it_when_the_broker_is_gone(tmp_path, words, gone):
    broker = Broker(tmp_path)
    run("produce", "t", "-m", "100", "-r", "0", broker=broker)
    it = subprocess.Popen([*DIES_WITH_PARENT, PROGRAM, "perf", *words, "-u", broker.url, "-i", "1"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True)
    try:
        assert "Throughput" in it.stdout.readline()
        broker.process.send_signal(gone)
        it.send_signal(signal.SIGTERM)
        assert it.wait(20) >= 0, "it crashed"
    finally:
        it.kill()
        broker.kill()


@pytest.mark.skipif(os.environ.get("TXN") != "true", reason="needs a broker with transactions, named by SERVICE_URL")
def test_transactions_take_effect_as_a_whole_or_not_at_all(broker, topic):
    run("produce", topic, "-m", "20", "-r", "0", "-db", broker=broker)
    words = ["--topics-c", topic, "--topics-p", topic + "-to", "-np", "2", "-au", broker.http_url, "-nmc", "2", "-nmp", "3"]
    path = f"/admin/v2/persistent/{topic.removeprefix('persistent://')}/stats"
    for more, done, left in ((["-ntxn", "4"], ("4", "8", "12"), 12), (["-ntxn", "2", "-abort"], ("2", "4", "6"), 12)):
        assert ENDED.search(run("transaction", *words, *more, broker=broker)).groups() == done
        assert request(broker, "GET", path)[1]["subscriptions"]["sub"]["msgBacklog"] == left
    assert count(TAKEN, run("consume", topic + "-to", "-sp", "Earliest", "-time", "3", broker=broker)) == 12


@pytest.mark.parametrize("verb, words, about", [
    ("transaction", ["-rs"], "does not ask for the replication"),
    ("produce", ["-txn"], "geminga perf transaction"),
    ("produce", ["-k", "key"], "does not encrypt"),
    ("produce", ["-r", "fast"], "--rate expects"),
    ("produce", ["-dr", "5,1"], "--delay-range expects"),
    ("produce", ["-fc", "my.Formatter"], "there are no plug-ins"),
    ("read", ["-m", "there"], "--start-message-id expects"),
    ("consume", ["-ss", "a,b", "-ns", "3"], "how many there are: 2"),
])
def test_what_it_cannot_is_said(broker, topic, verb, words, about):
    assert about in run(verb, *([] if verb == "transaction" else [topic]), *words, broker=broker, expect=2)


def test_no_topic_is_asked_for(broker):
    assert "which topic?" in run("produce", broker=broker, expect=2)


def test_of_producers_that_are_made_at_the_same_time_one_that_cannot_be_is_told(broker, topic):
    assert "no-tenant/no-namespace/topic: TopicNotFound" in run(
        "produce", topic, "no-tenant/no-namespace/topic", "-n", "70", "-m", "1", broker=broker, expect=1)
