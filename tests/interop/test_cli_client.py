# SPDX-License-Identifier: Apache-2.0
"""`geminga client produce | consume | read`, against our broker and by the official client's eyes; `geminga up`."""
import datetime
import io
import json
import re
import signal
import subprocess
import time
from pathlib import Path

import fastavro
import pulsar
import pulsar.schema
import pytest

from broker_process import DIES_WITH_PARENT, PROGRAM, SERVICE_URL, Broker, eventually

ALL = pulsar.InitialPosition.Earliest


def run(*words, broker, expect=0, timeout=60):
    it = subprocess.run([PROGRAM, "client", *words, "--url", broker.url], capture_output=True, text=True,
                        timeout=timeout, stdin=subprocess.DEVNULL)
    assert it.returncode == expect, it
    return it.stdout if expect == 0 else it.stderr


def contents(printed):
    return re.findall(r"content:(.*)", printed)


def refused(*words):
    it = subprocess.run([PROGRAM, "client", *words], capture_output=True, text=True, timeout=60)
    assert it.returncode == 2
    assert it.stdout == ""
    return it.stderr


# ---- produce ----

def test_messages_are_sent_with_key_and_properties(broker, client, topic):
    consumer = client.subscribe(topic, "s", initial_position=ALL)
    run("produce", topic, "-m", "a,b", "-k", "key", "-p", "x=1,y=2", broker=broker)
    for content in b"a", b"b":
        message = consumer.receive(10000)
        assert message.data() == content
        assert message.partition_key() == "key"
        assert message.properties() == {"x": "1", "y": "2"}


def test_another_separator_is_taken(broker, client, topic):
    consumer = client.subscribe(topic, "s", initial_position=ALL)
    run("produce", topic, "-m", "a,b;c", "-s", ";", broker=broker)
    assert [consumer.receive(10000).data() for _ in range(2)] == [b"a,b", b"c"]


def test_files_are_messages(broker, client, topic, tmp_path):
    consumer = client.subscribe(topic, "s", initial_position=ALL)
    (tmp_path / "one").write_bytes(bytes(range(256)))
    (tmp_path / "two").write_bytes(b"")
    run("produce", topic, "-f", f"{tmp_path}/one,{tmp_path}/two", "-db", broker=broker)
    assert [consumer.receive(10000).data() for _ in range(2)] == [bytes(range(256)), b""]


def test_messages_files_and_properties_may_be_given_again_and_again(broker, client, topic, tmp_path):
    consumer = client.subscribe(topic, "s", initial_position=ALL)
    (tmp_path / "one").write_bytes(b"1")
    (tmp_path / "two").write_bytes(b"2")
    run("produce", topic, "-m", "a", "-m", "b,c", "-f", f"{tmp_path}/one", "-f", f"{tmp_path}/two", "-p", "x=1", "-p", "y=2",
        broker=broker)
    messages = [consumer.receive(10000) for _ in range(5)]
    assert [message.data() for message in messages] == [b"a", b"b", b"c", b"1", b"2"]
    assert messages[0].properties() == {"x": "1", "y": "2"}


def test_the_flags_of_the_client_may_come_before_the_verb(broker, client, topic):
    consumer = client.subscribe(topic, "s", initial_position=ALL)
    for words in ["--url", broker.url, "-ml", "32M"], [f"--url={broker.url}"]:
        subprocess.run([PROGRAM, "client", *words, "produce", topic, "-m", "x"], check=True, timeout=60)
        assert consumer.receive(10000).data() == b"x"


def test_a_client_conf_of_pulsars_is_taken(broker, client, topic, tmp_path):
    consumer = client.subscribe(topic, "s", initial_position=ALL)
    (tmp_path / "client.conf").write_text(
        f"webServiceUrl=http://localhost:8080/\nbrokerServiceUrl={broker.url}\nauthPlugin=\nauthParams=\n"
        "tlsAllowInsecureConnection=false\ntlsEnableHostnameVerification=false\ntlsTrustCertsFilePath=\n"
        "tlsCertificateFilePath=\ntlsKeyFilePath=\nuseKeyStoreTls=false\ntlsTrustStoreType=JKS\ntlsKeyStoreType=JKS\n"
        "webserviceTlsProvider=\n")
    subprocess.run([PROGRAM, "client", "produce", topic, "-m", "x", "--config", "client.conf"], check=True, timeout=60,
                   cwd=tmp_path)
    assert consumer.receive(10000).data() == b"x"


@pytest.mark.parametrize("words, why", [
    (["produce", "t", "-m", "x", "-c"], "`-c` cannot be: the client library does not split messages"),
    (["produce", "t", "-m", "x", "-ekn", "k", "-ekv", "v"], "`-ekn` cannot be: the client library does not encrypt"),
    (["produce", "t", "-m", "x", "-kvet", "inline"], "the client library has no schemas of keys and values"),
    (["produce", "t", "-m", "x", "--proxy-url=pulsar://p:1"], "the client library speaks to brokers only"),
    (["produce", "t", "-m", "x", "-vs", "protobuf"], "--value-schema expects bytes, string, json:DEFINITION or avro:DEFINITION"),
    (["produce", "t", "-m", "x", "-vs", "avro:{"], "--value-schema: "),
    (["consume", "t", "-s", "s", "--regex"], "the client library subscribes to topics by their names"),
    (["consume", "t", "-s", "s", "-ekv", "v"], "the client library does not decrypt"),
    (["consume", "t", "-s", "s", "-rs"], "does not ask for the replication of subscriptions"),
    (["consume", "t", "-s", "s", "-st", "auto_consume"], "schemas are not decoded"),
    (["consume", "t", "-s", "s", "--since", "soon"], "--since expects a time such as 30s, 5m or 1h, not `soon`"),
    (["consume", "t", "-s", "s", "--since", "1h", "-stp", "1"], "give one of --seek-time, --since and --start-timestamp"),
    (["read", "t", "--seek-time", "noon"], "--seek-time expects 2026-01-31T12:00:00Z, or milliseconds since 1970, not `noon`"),
    (["read", "t", "-ekv", "v"], "the client library does not decrypt"),
    (["read", "t", "--regex"], "there is no option `--regex`"),
])
def test_what_the_client_library_cannot_do_is_refused(words, why):
    assert why in refused(*words)


# ---- produce, with a schema ----

class Numbered(pulsar.schema.Record):
    i = pulsar.schema.Integer()


RECORD = """{"type":"record","name":"R","namespace":"n","fields":[
    {"name":"i","type":"int"},{"name":"l","type":"long"},{"name":"s","type":"string"},{"name":"b","type":"bytes"},
    {"name":"o","type":["null","string"],"default":null},{"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]}},
    {"name":"f","type":{"type":"fixed","name":"F","size":2}},{"name":"a","type":{"type":"array","items":"int"}},
    {"name":"m","type":{"type":"map","values":"boolean"}},{"name":"d","type":"double"},{"name":"r","type":["null","n.R"]}]}"""


def record(**changes):
    return json.dumps({"i": -1, "l": 1 << 40, "s": "ä", "b": "\u00ff\u0000", "o": {"string": "x"}, "e": "B", "f": "\u0001\u0002",
                       "a": [1, -64, 64], "m": {"t": True}, "d": 0.5, "r": None, **changes})


def test_records_are_sent_in_avro(broker, client, topic):
    consumer = client.subscribe(topic, "s", initial_position=ALL)
    run("produce", topic, "-s", ";;", "-m", record(r={"n.R": json.loads(record(i=2))}), "-vs", f"avro:{RECORD}", broker=broker)
    message = consumer.receive(10000)
    read = fastavro.schemaless_reader(io.BytesIO(message.data()), fastavro.parse_schema(json.loads(RECORD)))
    assert (read["i"], read["l"], read["s"], read["b"], read["o"], read["e"]) == (-1, 1 << 40, "ä", b"\xff\0", "x", "B")
    assert (read["f"], read["a"], read["m"], read["d"], read["r"]["i"]) == (b"\1\2", [1, -64, 64], {"t": True}, 0.5, 2)


def test_records_in_json_and_strings_are_what_consumers_with_that_schema_get(broker, client, topic):
    definition = {"type": "record", "name": "R", "fields": [{"name": "i", "type": "int"}]}
    run("produce", topic, "-s", ";;", "-m", '{"i":7}', "-vs", f"json:{json.dumps(definition)}", broker=broker)
    reader = client.create_reader(topic, pulsar.MessageId.earliest, schema=pulsar.schema.JsonSchema(Numbered))
    assert reader.read_next(10000).value().i == 7
    strings = topic + "-strings"
    run("produce", strings, "-m", "hello", "-vs", "string", broker=broker)
    reader = client.create_reader(strings, pulsar.MessageId.earliest, schema=pulsar.schema.StringSchema())
    assert reader.read_next(10000).value() == "hello"


def test_a_schema_that_does_not_fit_is_refused_by_the_broker(broker, topic):
    one, other = ({"type": "record", "name": "R", "fields": [{"name": "i", "type": kind}]} for kind in ("int", "string"))
    run("produce", topic, "-s", ";;", "-m", '{"i":7}', "-vs", f"avro:{json.dumps(one)}", broker=broker)
    assert "IncompatibleSchema" in \
        run("produce", topic, "-s", ";;", "-m", '{"i":"7"}', "-vs", f"avro:{json.dumps(other)}", broker=broker, expect=1)


def test_what_is_not_of_its_schema_is_told_before_anything_is_sent(broker, topic):
    for value, why in [(record(i=1 << 31), "i: expected an int"), (record(o="x"), "o: expected null or {"),
                       (record(e="C"), "e: expected one of the enum's symbols"), (record(x=1), "x: expected no such field"),
                       (record(b="\u0100"), "b: expected a text of characters up to U+00FF"), ("{", "is not JSON"),
                       (record(f="\u0001"), "f: expected such a text of its size"),
                       (record(r={"n.R": {"i": 1}}), "r.l: expected a value")]:
        told = run("produce", topic, "-s", ";;", "-m", f"{record()};;{value}", "-vs", f"avro:{RECORD}", broker=broker, expect=1)
        assert "message 2 is not" in told and why in told


def test_many_are_sent_in_order(broker, client, topic):
    consumer = client.subscribe(topic, "s", initial_position=ALL)
    run("produce", topic, "-m", "a,b,c", "-n", "1000", broker=broker)
    assert [consumer.receive(10000).data() for _ in range(3000)] == [b"a", b"b", b"c"] * 1000


@pytest.mark.parametrize("words, wanted", [
    (["produce", "-m", "x"], "which topic?"),
    (["produce", "t"], "what to send?"),
    (["produce", "t", "u", "-m", "x"], "one topic, please, not also `u`"),
    (["produce", "t", "-m", "x", "--nmu-produce=2"], "there is no option `--nmu-produce`; did you mean `--num-produce`?"),
    (["produce", "t", "-m", "x", "-r", "fast"], "--rate expects messages a second, not `fast`"),
    (["produce", "t", "-m", "x", "-p", "novalue"], "--properties expects k1=v1,k2=v2, not `novalue`"),
    (["consume", "t"], "which subscription?"),
    (["consume", "t", "-s", "s", "-t", "Alone"], "expects one of Exclusive, Shared, Failover, Key_Shared, not `Alone`"),
    (["read", "t", "-m", "first"], "--start-message-id expects latest, earliest or LEDGER:ENTRY, not `first`"),
    (["prodcue", "t"], "there is no verb `prodcue`; did you mean `produce`?"),
    ([], "which verb?"),
])
def test_a_wrong_request_is_refused(broker, words, wanted):
    url = ["--url", broker.url] if words else []
    it = subprocess.run([PROGRAM, "client", *words, *url], capture_output=True, text=True, timeout=60)
    assert it.returncode == 2
    assert wanted in it.stderr


def test_an_absent_file_is_told(broker, topic):
    assert "cannot read /nowhere" in run("produce", topic, "-f", "/nowhere", broker=broker, expect=1)


def test_a_refusal_of_the_broker_is_told(broker):
    assert "cannot produce to this topic" in \
        run("produce", "persistent://nobody/nowhere/t", "-m", "x", broker=broker, expect=1)


# ---- consume ----

def test_messages_are_printed_as_pulsar_client_does(broker, client, topic):
    client.create_producer(topic).send(b"hello", properties={"k": "v"}, event_timestamp=7)
    printed = run("consume", topic, "-s", "s", "-p", "Earliest", broker=broker)
    assert re.fullmatch(r"----- got message -----\n"
                        r"publishTime:\[\d+\], eventTime:\[7\], key:\[null\], properties:\[k=v\], content:hello\n", printed)


def test_what_was_printed_is_acknowledged(broker, client, topic):
    producer = client.create_producer(topic)
    for content in b"a", b"b", b"c":
        producer.send(content)
    assert contents(run("consume", topic, "-s", "s", "-p", "Earliest", "-n", "2", broker=broker)) == ["a", "b"]
    assert contents(run("consume", topic, "-s", "s", "-n", "1", broker=broker)) == ["c"]


def test_contents_in_hexadecimal(broker, client, topic):
    client.create_producer(topic).send(b"\x00hexadecimal\xff 16")
    printed = run("consume", topic, "-s", "s", "-p", "Earliest", "--hex", broker=broker)
    assert "content:00000000 00 68 65 78 61 64 65 63 69 6D 61 6C FF 20 31 36 .hexadecimal. 16\n" in printed


def test_metadata_is_printed_when_asked_for(broker, client, topic):
    client.create_producer(topic, producer_name="me").send(b"x")
    printed = run("consume", topic, "-s", "s", "-p", "Earliest", "-mp", broker=broker)
    assert re.search(r"content:x, message-id:\(\d+,0,.*\), producer-name:me, redelivery-count:0\n", printed)


def test_contents_can_be_hidden(broker, client, topic):
    producer = client.create_producer(topic)
    for _ in range(1000):
        producer.send_async(b"x", None)
    producer.flush()
    assert run("consume", topic, "-s", "s", "-p", "Earliest", "-n", "1000", "--hide-content", broker=broker) == \
        "Received 1000 messages\n"


def published(client, topic, contents_):
    """Their times of publishing, each later than the one before."""
    producer, reader, times = client.create_producer(topic), client.create_reader(topic, pulsar.MessageId.earliest), []
    for content in contents_:
        eventually(lambda: not times or int(time.time() * 1000) > times[-1])
        producer.send(content)
        times.append(reader.read_next(10000).publish_timestamp())
    return times


def test_consuming_begins_and_ends_at_a_time(broker, client, topic):
    times = published(client, topic, [b"a", b"b", b"c", b"d"])
    printed = run("consume", topic, "-s", "s", "-p", "Earliest", "-n", "0", "-stp", str(times[1]), "-etp", str(times[2]),
                  broker=broker)
    assert contents(printed) == ["b", "c"]
    assert contents(run("consume", topic, "-s", "s", broker=broker)) == ["d"]  # it was not acknowledged


def test_consuming_and_reading_begin_at_a_time_told_in_either_way(broker, client, topic):
    times = published(client, topic, [b"a", b"b", b"c"])
    day = datetime.datetime.fromtimestamp(times[2] / 1000, datetime.timezone.utc).isoformat(timespec="milliseconds")
    assert contents(run("consume", topic, "-s", "s", "--seek-time", str(times[1]), "-n", "2", broker=broker)) == ["b", "c"]
    assert contents(run("read", topic, "--seek-time", day, broker=broker)) == ["c"]
    assert contents(run("read", topic, "--since", "1h", "-n", "3", broker=broker)) == ["a", "b", "c"]
    assert contents(run("consume", topic, "-s", "t", "--since", "1h", "-n", "3", broker=broker)) == ["a", "b", "c"]


def test_flags_for_chunks_and_decryption_are_taken_when_there_is_neither(broker, client, topic):
    client.create_producer(topic).send(b"x")
    flags = ["-ac", "-mc", "5", "-ca", "FAIL", "-pm", "true", "-st", "bytes"]
    assert contents(run("consume", topic, "-s", "s", "-p", "Earliest", *flags, broker=broker)) == ["x"]
    assert contents(run("read", topic, "-m", "earliest", *flags, broker=broker)) == ["x"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_an_endless_consumer_in_order(broker, client, topic, number):
    producer = client.create_producer(topic)
    producer.send(b"a")
    process = subprocess.Popen([*DIES_WITH_PARENT, PROGRAM, "client", "consume", topic, "-s", "s", "-p",
                                "Earliest", "-n", "0", "--url", broker.url], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "----- got message -----\n"
    process.stdout.readline()
    process.send_signal(number)
    assert process.wait(60) == 0
    producer.send(b"b")
    assert contents(run("consume", topic, "-s", "s", broker=broker)) == ["b"]  # "a" was acknowledged


# ---- read ----

def test_reading_starts_where_it_is_told(broker, client, topic):
    producer = client.create_producer(topic)
    ids = [producer.send(str(i).encode()) for i in range(4)]
    second = f"{ids[1].ledger_id()}:{ids[1].entry_id()}"
    first = f"{ids[0].ledger_id()}:{ids[0].entry_id()}"
    assert contents(run("read", topic, "-m", "earliest", "-n", "4", broker=broker)) == ["0", "1", "2", "3"]
    assert contents(run("read", topic, "-m", second, "-n", "2", broker=broker)) == ["2", "3"]
    assert contents(run("read", topic, "-m", second, "-i", "-n", "3", broker=broker)) == ["1", "2", "3"]
    assert contents(run("read", topic, "-m", first, "-i", "-n", "4", broker=broker)) == ["0", "1", "2", "3"]


# ---- up ----

@pytest.mark.skipif(bool(SERVICE_URL), reason="about our program")
def test_up_runs_a_broker_and_a_notary(tmp_path):
    command = [*DIES_WITH_PARENT, PROGRAM, "up", "--port", "0", "--http-port", "0", "--data",
               str(tmp_path / "data"), "-o", "json"]
    for _ in range(2):  # and again over the data of the first time
        with open(tmp_path / "log", "ab") as log:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        ready = json.loads(process.stdout.readline())
        demo = subprocess.run([PROGRAM, "notary", "demo", "--service-url", ready["service_url"]], capture_output=True,
                              text=True, timeout=60)
        process.terminate()
        assert process.wait(60) == 0, (tmp_path / "log").read_text()
        assert demo.returncode == 0, demo
        assert "verified" in demo.stdout
        assert (tmp_path / "data" / "notary").is_dir()


@pytest.mark.skipif(bool(SERVICE_URL), reason="about our program")
def test_a_standalone_broker_serves_what_up_has_stored(tmp_path):
    process = subprocess.Popen([*DIES_WITH_PARENT, PROGRAM, "up", "--port", "0", "--http-port", "0", "--data",
                                str(tmp_path / "data"), "-o", "json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    ready = json.loads(process.stdout.readline())
    subprocess.run([PROGRAM, "client", "produce", "t", "-m", "kept", "--url", ready["service_url"]], check=True, timeout=60)
    process.terminate()
    assert process.wait(60) == 0
    broker = Broker(tmp_path)
    assert contents(run("read", "t", "-m", "earliest", broker=broker)) == ["kept"]
    broker.stop()


@pytest.mark.skipif(bool(SERVICE_URL), reason="about our program")
def test_up_refuses_one_wrong_key_of_either(tmp_path):
    (tmp_path / "g.toml").write_text("[broker]\nport = 0\n[notary]\ndata_dri = 'x'\n")
    it = subprocess.run([PROGRAM, "up", "--config", "g.toml"], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert it.returncode == 2
    assert "g.toml:4: unknown key `notary.data_dri`; did you mean `notary.data_dir`?" in it.stderr


@pytest.mark.skipif(bool(SERVICE_URL), reason="about our program")
def test_the_example_file_is_good(tmp_path):
    example = Path(__file__).resolve().parents[2] / "config" / "geminga.toml"
    process = subprocess.Popen([*DIES_WITH_PARENT, PROGRAM, "up", "--config", str(example), "--port", "0", "--http-port", "0", "-o", "json",
                                "--data", str(tmp_path / "d")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               text=True)
    assert json.loads(process.stdout.readline())["data"] == str(tmp_path / "d")
    process.terminate()
    assert process.wait(60) == 0
