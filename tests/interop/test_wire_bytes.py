# SPDX-License-Identifier: Apache-2.0
"""The protocol in bytes: what a client may send, right and wrong, and what it then sees.

Nearly all of these pass against Apache Pulsar as well (SERVICE_URL); those that do not say why.
"""
import os
import random
import socket
import struct

import pytest

import wire
from wire import Connection, EXCLUSIVE, SHARED, command, entry, frame, message, message_id, metadata, parse

VERSION = 21  # the protocol's
SEED = int(os.environ.get("SEED", "20261121"))


@pytest.fixture
def open_connection(broker):
    connections = []

    def one():
        connections.append(Connection(broker.port))
        return connections[-1]

    yield one
    for connection in connections:
        connection.close()


@pytest.fixture
def connection(open_connection):
    """One that has shaken hands."""
    it = open_connection()
    it.handshake()
    return it


@pytest.fixture
def bystander(open_connection, topic):
    """A producer on another connection, which must not feel what the test does; checked at the end."""
    it = open_connection()
    it.handshake()
    it.producer(topic + "-bystander")
    yield it
    it.publish(1)
    it.receipt(1)


# ---- the handshake ----


@pytest.mark.parametrize("theirs, ours", [(10, 10), (19, 19), (21, 21), (99, VERSION)])
def test_the_handshake_agrees_on_the_lower_version(open_connection, theirs, ours):
    connected = open_connection().handshake(theirs)
    assert connected[2] == [ours]
    assert connected[3] == [wire.MAX_MESSAGE_SIZE]
    assert connected[1][0]


def test_a_handshake_in_single_bytes(open_connection):
    connection = open_connection()
    connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in frame(command(wire.CONNECT, (1, "slow"), (4, 19))):
        connection.write(bytes([byte]))
    connection.expect(wire.CONNECTED)


def test_many_commands_in_one_write(open_connection):
    connection = open_connection()
    connection.write(frame(command(wire.CONNECT, (1, "fast"), (4, 19))) + frame(command(wire.PING)) * 100)
    connection.expect(wire.CONNECTED)
    for _ in range(100):
        connection.expect(wire.PONG)


@pytest.mark.parametrize("kind, fields", [
    (wire.LOOKUP, [(1, "persistent://public/default/x"), (2, 1)]),
    (wire.PARTITIONED_METADATA, [(1, "persistent://public/default/x"), (2, 1)]),
    (wire.PRODUCER, [(1, "persistent://public/default/x"), (2, 1), (3, 1)]),
    (wire.SUBSCRIBE, [(1, "persistent://public/default/x"), (2, "s"), (3, EXCLUSIVE), (4, 1), (5, 1)]),
    (wire.SEND, [(1, 1), (2, 1)]),
    (wire.ACK, [(1, 1), (2, wire.INDIVIDUAL), (3, message_id(1, 1))]),
    (wire.FLOW, [(1, 1), (2, 1)]),
    (wire.UNSUBSCRIBE, [(1, 1), (2, 1)]),
    (wire.SEEK, [(1, 1), (2, 1)]),
    (wire.CLOSE_PRODUCER, [(1, 1), (2, 1)]),
    (wire.CLOSE_CONSUMER, [(1, 1), (2, 1)]),
    (wire.GET_LAST_MESSAGE_ID, [(1, 1), (2, 1)]),
], ids=lambda value: str(value) if isinstance(value, int) else "")
def test_a_command_before_connect_closes_the_connection(open_connection, bystander, kind, fields):
    connection = open_connection()
    connection.send(kind, *fields, entry=entry(b"x") if kind == wire.SEND else b"")
    connection.expect_closed()


def test_a_second_connect_closes_the_connection(connection, bystander):
    connection.send(wire.CONNECT, (1, "again"), (4, 19))
    connection.expect_closed()


# ---- frames that are none ----


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\xff" * 64,
    struct.pack(">II", 0x7FFFFFFF, 16) + bytes(64),
    struct.pack(">II", wire.FRAME_MAX + 1, 16) + bytes(64),
    struct.pack(">II", 16, 0xFFFFFFFF) + bytes(16),
    struct.pack(">II", 16, 13) + bytes(16),
    frame(b"\xff" * 20),
    frame(b"\x08"),
    frame(message((1, wire.PRODUCER))),
    frame(message((1, wire.PRODUCER), (wire.PRODUCER, b"\xff\xff\xff"))),
    frame(message((1, wire.PRODUCER), (wire.PRODUCER, message((1, "topic without ids"))))),
    frame(message((1, wire.PRODUCER), (wire.SUBSCRIBE, message((1, "t"))))),
    frame(message((wire.PING, b""))),
], ids=["http", "ones", "2 GiB", "over the limit", "huge command", "command over frame", "no protobuf", "cut varint",
        "no body", "no protobuf in the body", "fields missing", "body of another command", "no type"])
@pytest.mark.parametrize("ready", [False, True], ids=["first", "after connect"])
def test_what_is_no_command_closes_the_connection(open_connection, bystander, data, ready):
    connection = open_connection()
    if ready:
        connection.handshake()
    connection.write(data)
    connection.expect_closed()


def test_a_frame_cut_off_by_the_end_of_the_connection_has_no_effect(open_connection, bystander, topic):
    connection = open_connection()
    connection.handshake()
    connection.producer(topic)
    whole = frame(command(wire.SEND, (1, 1), (2, 1)), entry(b"never"))
    connection.write(whole[:-1])
    connection.socket.shutdown(socket.SHUT_WR)
    connection.expect_closed()
    reader = open_connection()
    reader.handshake()
    reader.subscribe(topic)
    reader.flow(10)
    reader.expect_quiet()


def test_random_bytes_harm_nobody_else(open_connection, bystander):
    print(f"SEED={SEED}")
    rng = random.Random(SEED)
    for _ in range(100):
        connection = open_connection()
        if rng.random() < 0.7:
            connection.handshake()
        data = bytearray(rng.randbytes(rng.randrange(1, 200)))
        if rng.random() < 0.8:  # inside a frame that holds
            data = bytearray(frame(bytes(data)))
        connection.write(data)
        connection.socket.shutdown(socket.SHUT_WR)
        connection.expect_closed()
    bystander.expect_alive()


def test_commands_with_random_changes_harm_nobody_else(open_connection, bystander, topic):
    print(f"SEED={SEED}")
    rng = random.Random(SEED)
    good = [
        frame(command(wire.PRODUCER, (1, topic), (2, 1), (3, 1))),
        frame(command(wire.SEND, (1, 1), (2, 1)), entry(b"payload")),
        frame(command(wire.SUBSCRIBE, (1, topic), (2, "s"), (3, SHARED), (4, 1), (5, 2))),
        frame(command(wire.FLOW, (1, 1), (2, 10))),
        frame(command(wire.ACK, (1, 1), (2, wire.INDIVIDUAL), (3, message_id(1, 0)), (8, 7))),
        frame(command(wire.REDELIVER, (1, 1), (2, message_id(1, 0)))),
        frame(command(wire.SEEK, (1, 1), (2, 3), (3, message_id(0, 0)))),
        frame(command(wire.GET_LAST_MESSAGE_ID, (1, 1), (2, 4))),
        frame(command(wire.LOOKUP, (1, topic), (2, 5))),
        frame(command(wire.CLOSE_CONSUMER, (1, 1), (2, 6))),
        frame(command(wire.CLOSE_PRODUCER, (1, 1), (2, 7))),
    ]
    for _ in range(200):
        connection = open_connection()
        connection.handshake()
        data = bytearray(b"".join(good))
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        connection.write(data)
        connection.socket.shutdown(socket.SHUT_WR)
        connection.expect_closed()
    bystander.expect_alive()


def test_unknown_fields_are_survived(connection, topic):
    connection.write(frame(message((1, wire.PING), (wire.PING, message((1000, 7), (1001, "text"))), (1002, b"more"))))
    connection.expect(wire.PONG)


def test_an_unknown_command_is_survived(only_geminga, connection):
    connection.write(frame(message((1, 200), (200, b""))))  # Pulsar closes the connection
    connection.expect_alive()


# ---- ids that are not there ----


def test_a_publish_of_an_unknown_producer_closes_the_connection(connection, bystander):
    connection.publish(1, producer_id=42)
    connection.expect_closed()


def test_acks_permits_and_redeliveries_of_unknown_consumers_are_ignored(connection):
    connection.ack((1, 1), consumer_id=42)
    connection.flow(10, consumer_id=42)
    connection.send(wire.REDELIVER, (1, 42), (2, message_id(1, 1)))
    connection.expect_alive()


@pytest.mark.parametrize("kind, fields", [
    (wire.UNSUBSCRIBE, []),
    (wire.SEEK, [(3, message_id(1, 1))]),
    (wire.GET_LAST_MESSAGE_ID, []),
], ids=["unsubscribe", "seek", "last message id"])
def test_requests_about_unknown_consumers_are_refused(connection, kind, fields):
    error = connection.request(kind, (1, 42), *fields, answer=wire.ERROR)
    assert error[2] == [wire.METADATA_ERROR]
    connection.expect_alive()


@pytest.mark.parametrize("kind", [wire.CLOSE_PRODUCER, wire.CLOSE_CONSUMER])
def test_closing_what_is_unknown_succeeds(connection, kind):
    assert connection.request(kind, (1, 42), answer=wire.SUCCESS)[1] == [1]


def test_a_message_id_that_is_none_is_ignored_in_acks(connection, topic):
    connection.producer(topic)
    connection.publish(1)
    at = connection.receipt()
    connection.subscribe(topic)
    huge = (1 << 63) + 5
    connection.ack((huge, huge), (at[0], huge), (at[0] + 1000, 0), (0, 0))
    connection.send(wire.REDELIVER, (1, 1), (2, message_id(huge, huge)))
    connection.flow(1)
    assert connection.next_message()[0] == at
    connection.expect_alive()


# ---- names ----


@pytest.mark.parametrize("name", ["", "/", "persistent://public/default", "bad://public/default/x", "a/b", "a/b/c/d/e", b"\xff", b"cut \xe2\x82"])
def test_a_topic_name_that_is_none_is_refused(connection, name):
    lookup = connection.request(wire.LOOKUP, (1, name), answer=wire.LOOKUP_RESPONSE)
    assert lookup[3] == [2] and lookup[6] == [wire.INVALID_TOPIC_NAME]
    partitions = connection.request(wire.PARTITIONED_METADATA, (1, name), answer=wire.PARTITIONED_METADATA_RESPONSE)
    assert partitions[3] == [1] and partitions[4] == [wire.INVALID_TOPIC_NAME]
    producer = connection.request(wire.PRODUCER, (1, name), (2, 1), id_field=3, answer=wire.ERROR)
    assert producer[2] == [wire.INVALID_TOPIC_NAME]
    consumer = connection.request(wire.SUBSCRIBE, (1, name), (2, "s"), (3, 0), (4, 1), id_field=5, answer=wire.ERROR)
    assert consumer[2] == [wire.INVALID_TOPIC_NAME]
    connection.expect_alive()


def test_a_namespace_that_is_not_there_is_topic_not_found(connection):
    name = "persistent://public/nowhere/x"
    lookup = connection.request(wire.LOOKUP, (1, name), answer=wire.LOOKUP_RESPONSE)
    assert lookup[3] == [2] and lookup[6] == [wire.TOPIC_NOT_FOUND]


def test_a_lookup_names_this_broker(connection, broker, topic):
    lookup = connection.request(wire.LOOKUP, (1, topic), answer=wire.LOOKUP_RESPONSE)
    assert lookup[3] == [1] and lookup[5] == [1]  # connect; authoritative
    assert lookup[1][0].decode().endswith(f":{broker.port}")


def test_a_topic_that_is_not_there_has_no_partitions(connection, topic):
    answer = connection.request(wire.PARTITIONED_METADATA, (1, topic), answer=wire.PARTITIONED_METADATA_RESPONSE)
    assert answer[3] == [0] and answer.get(1, [0]) == [0]


# ---- publishing ----


def test_receipts_come_in_the_order_of_the_publishes(connection, topic):
    assert connection.producer(topic)[3] == [(1 << 64) - 1]  # last_sequence_id -1
    for i in range(200):
        connection.publish(i)
    positions = [connection.receipt(i) for i in range(200)]
    assert positions == [(positions[0][0], i) for i in range(200)]


def test_an_entry_without_a_checksum_is_taken(connection, topic):
    connection.producer(topic)
    connection.publish(1, checksum=False)
    connection.receipt(1)


def test_a_wrong_checksum_fails_that_message_only(connection, bystander, topic):
    connection.producer(topic)
    connection.publish(1)
    connection.publish(2, wrong_by=1)
    connection.publish(3)
    connection.receipt(1)
    kinds = {}
    for _ in range(2):
        kind, fields, _ = connection.read()
        kinds[kind] = fields
    assert kinds[wire.SEND_ERROR][2] == [2] and kinds[wire.SEND_ERROR][3] == [wire.CHECKSUM_ERROR]
    assert kinds[wire.SEND_RECEIPT][2] == [3]


@pytest.mark.parametrize("bad", [
    b"",
    b"\x00",
    struct.pack(">I", 1000) + b"short",
    struct.pack(">I", 0xFFFFFFFF),
    struct.pack(">HI", 0x0E01, 0),
    entry(b"x", meta=b"\xff\xff\xff\xff"),
    entry(b"x", meta=message((1, "name only"))),
    entry(b"x", meta=b""),
], ids=["nothing", "one byte", "metadata cut", "metadata huge", "checksum only", "metadata no protobuf",
        "metadata incomplete", "metadata empty"])
def test_an_entry_that_is_none_is_refused_or_the_connection_closed(only_geminga, connection, bystander, topic, bad):
    # Pulsar stores most of these, and every consumer chokes on them.
    connection.producer(topic)
    connection.send(wire.SEND, (1, 1), (2, 1), entry=bad)
    try:
        kind, fields, _ = connection.read()
        assert kind == wire.SEND_ERROR
    except wire.Closed:
        pass
    bystander.expect_alive()


def test_the_largest_frame_is_taken(connection, topic):
    connection.producer(topic)
    meta = metadata()
    for payload in (wire.MAX_MESSAGE_SIZE - len(meta), wire.MAX_MESSAGE_SIZE):
        connection.publish(1, bytes(payload), meta=meta, checksum=False)
        connection.receipt(1)


def test_messages_of_a_batch_are_one_entry(connection, topic):
    connection.producer(topic)
    connection.publish(0, b"opaque to the broker", messages=10, meta=metadata("p", 0, (11, 10)))
    connection.publish(10, b"single")
    first, second = connection.receipt(0), connection.receipt(10)
    assert second == (first[0], first[1] + 1)


def test_creating_a_producer_twice_succeeds_twice(connection, topic):
    first, second = connection.producer(topic), connection.producer(topic)
    assert first[2] == second[2]


def test_a_crashed_connection_frees_its_producer_name(open_connection, connection, topic):
    gone = open_connection()
    gone.handshake()
    gone.producer(topic, name="mine")
    gone.reset()
    assert connection.producer(topic, name="mine")[2] == [b"mine"]


# ---- consuming ----


def test_a_message_arrives_byte_for_byte_as_it_was_sent(connection, topic):
    connection.producer(topic)
    sent = entry(b"the payload", meta=metadata("name", 7, (6, "key"), (1000, "a field of the future")))
    connection.send(wire.SEND, (1, 1), (2, 7), entry=sent)
    at = connection.receipt(7)
    connection.subscribe(topic)
    connection.flow(1)
    assert connection.next_message() == (at, 0, sent)


def test_nothing_is_sent_without_permits(connection, topic):
    connection.producer(topic)
    connection.subscribe(topic)
    for i in range(3):
        connection.publish(i)
        connection.receipt(i)
    connection.expect_quiet()
    connection.flow(2)
    first, second = connection.next_message(), connection.next_message()
    assert (first[0][1], second[0][1]) == (0, 1)
    connection.expect_quiet()
    connection.flow(1)
    assert connection.next_message()[0][1] == 2


def test_a_batch_is_sent_whole_and_overdraws_the_permits(connection, topic):
    connection.producer(topic)
    connection.subscribe(topic)
    for i in range(3):
        connection.publish(i, messages=10, meta=metadata("p", i, (11, 10)))
        connection.receipt(i)
    connection.flow(1)
    assert connection.next_message()[0][1] == 0  # nine overdrawn
    connection.flow(9)
    connection.expect_quiet()
    connection.flow(1)
    assert connection.next_message()[0][1] == 1
    connection.expect_quiet()


def publish_some(connection, topic, count):
    connection.producer(topic, producer_id=9)
    for i in range(count):
        connection.publish(i, producer_id=9)
    return [connection.receipt(i) for i in range(count)]


def test_acks_with_a_request_id_are_answered_and_others_are_not(connection, topic):
    at = publish_some(connection, topic, 3)
    connection.subscribe(topic)
    connection.flow(10)
    assert [connection.next_message()[0] for _ in range(3)] == at
    connection.ack(at[0])
    connection.ack(at[1], request_id=77)
    answer = connection.expect(wire.ACK_RESPONSE)
    assert answer[1] == [1] and answer[6] == [77] and 4 not in answer
    connection.expect_quiet()


def test_what_was_acknowledged_stays_so(open_connection, connection, topic):
    at = publish_some(connection, topic, 10)
    connection.subscribe(topic)
    connection.flow(100)
    assert [connection.next_message()[0] for _ in range(10)] == at
    connection.ack(at[2], kind=wire.CUMULATIVE)
    connection.ack(at[4], at[5], at[8], request_id=1)
    connection.expect(wire.ACK_RESPONSE)
    connection.reset()
    again = open_connection()
    again.handshake()
    again.subscribe(topic)
    again.flow(100)
    assert [again.next_message()[0] for _ in range(4)] == [at[3], at[6], at[7], at[9]]
    again.expect_quiet()


def test_redelivery_counts_what_the_client_asked_for(connection, topic):
    at = publish_some(connection, topic, 3)
    connection.subscribe(topic, kind=SHARED)
    connection.flow(100)
    for position in at:
        assert connection.next_message()[:2] == (position, 0)
    for count in (1, 2):
        connection.send(wire.REDELIVER, (1, 1), (2, message_id(*at[1])))
        assert connection.next_message()[:2] == (at[1], count)
    connection.ack(at[1], request_id=1)
    connection.expect(wire.ACK_RESPONSE)
    connection.send(wire.REDELIVER, (1, 1))  # all that is not acknowledged
    again = sorted(connection.next_message()[:2] for _ in range(2))
    assert [position for position, _ in again] == [at[0], at[2]]
    connection.expect_quiet()


def test_redelivering_what_was_acknowledged_brings_nothing(connection, topic):
    at = publish_some(connection, topic, 2)
    connection.subscribe(topic, kind=SHARED)
    connection.flow(100)
    for position in at:
        assert connection.next_message()[0] == position
    connection.ack(*at, request_id=1)
    connection.expect(wire.ACK_RESPONSE)
    connection.send(wire.REDELIVER, (1, 1), (2, message_id(*at[0])), (2, message_id(*at[1])))
    connection.expect_quiet()


def test_seek_closes_the_consumer_and_starts_at_the_message(connection, topic):
    at = publish_some(connection, topic, 5)
    connection.subscribe(topic)
    connection.flow(100)
    for position in at:
        assert connection.next_message()[0] == position
    connection.send(wire.SEEK, (1, 1), (2, 50), (3, message_id(*at[2])))
    kinds = [connection.read()[:2] for _ in range(2)]
    assert sorted(kind for kind, _ in kinds) == [wire.SUCCESS, wire.CLOSE_CONSUMER]
    connection.subscribe(topic, consumer_id=2)
    connection.flow(100, consumer_id=2)
    assert [connection.next_message()[0] for _ in range(3)] == at[2:]


def test_the_last_message_id_comes_with_the_mark_delete_position(connection, topic):
    at = publish_some(connection, topic, 4)
    connection.subscribe(topic)
    connection.flow(100)
    for position in at:
        assert connection.next_message()[0] == position
    connection.ack(at[1], kind=wire.CUMULATIVE, request_id=1)
    connection.expect(wire.ACK_RESPONSE)
    answer = connection.request(wire.GET_LAST_MESSAGE_ID, (1, 1), answer=wire.GET_LAST_MESSAGE_ID_RESPONSE)
    last, mark_delete = parse(answer[1][0]), parse(answer[3][0])
    assert (last[1][0], last[2][0]) == at[3]
    assert (mark_delete[1][0], mark_delete[2][0]) == at[1]


def test_a_second_exclusive_consumer_on_one_connection_is_busy(connection, topic):
    connection.subscribe(topic)
    error = connection.request(wire.SUBSCRIBE, (1, topic), (2, "s"), (3, EXCLUSIVE), (4, 2), id_field=5,
                               answer=wire.ERROR)
    assert error[2] == [wire.CONSUMER_BUSY]


def test_subscribing_twice_with_one_id_succeeds_twice(connection, topic):
    connection.subscribe(topic)
    connection.subscribe(topic)


def test_a_consumer_may_be_closed_and_made_again_at_once(connection, topic):
    at = publish_some(connection, topic, 3)
    for consumer_id in range(1, 6):
        connection.subscribe(topic, consumer_id=consumer_id)
        connection.flow(1, consumer_id=consumer_id)
        assert connection.next_message()[0] == at[0]
        connection.request(wire.CLOSE_CONSUMER, (1, consumer_id), answer=wire.SUCCESS)


def test_a_client_that_does_not_read_stops_nobody(open_connection, connection, bystander, topic):
    at = publish_some(connection, topic, 1)
    deaf = open_connection()
    deaf.handshake()
    deaf.subscribe(topic, name="deaf", kind=SHARED)
    deaf.flow(1 << 20)
    for i in range(1, 60):
        connection.publish(i, bytes(1 << 20), producer_id=9, checksum=False)
        connection.receipt(i)
    connection.subscribe(topic, name="hearing")
    connection.flow(1)
    assert connection.next_message()[0] == at[0]


@pytest.mark.parametrize("permits", [0, (1 << 32) - 1])
def test_permits_beyond_reason_are_ignored_or_close_the_connection(connection, bystander, topic, permits):
    connection.subscribe(topic)
    connection.flow(permits)
    connection.flow(permits)
    try:
        connection.expect_alive()
    except wire.Closed:
        pass
