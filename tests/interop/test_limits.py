# SPDX-License-Identifier: Apache-2.0
"""Bounds that the operator sets: keep-alive, message size, connections, listeners.  In bytes, on brokers of their own."""
import struct
import time

import pulsar
import pytest

import wire
from broker_process import SERVICE_URL, Broker
from wire import Connection, command, frame

pytestmark = pytest.mark.skipif(bool(SERVICE_URL), reason="the broker is not ours to configure")


@pytest.fixture
def start(tmp_path):
    started = []

    def one(*options):
        started.append(Broker(tmp_path, options=options))
        return started[-1]

    yield one
    for broker in started:
        broker.stop()


def read_raw(connection):
    """The next command, a PING too, unanswered."""
    connection._fill(8)
    total, size = struct.unpack(">II", connection.received[:8])
    connection._fill(4 + total)
    whole, connection.received = connection.received[8:4 + total], connection.received[4 + total:]
    return wire.parse(whole[:size])[1][0]


def test_a_silent_connection_is_asked_and_then_closed_and_one_that_answers_lives(start):
    broker = start("--keep-alive-interval-seconds", "1")
    silent, answering = Connection(broker.port), Connection(broker.port)
    silent.handshake()
    answering.handshake()
    assert read_raw(silent) == wire.PING
    answering.send(wire.PING)
    with pytest.raises(wire.Closed):
        read_raw(silent)
    for _ in range(3):  # its own pings, answered
        assert read_raw(answering) in (wire.PONG, wire.PING)
        answering.send(wire.PONG)
    answering.expect_alive()
    silent.close()
    answering.close()


def test_a_connection_that_does_not_shake_hands_is_closed(start):
    broker = start("--keep-alive-interval-seconds", "1")
    connection = Connection(broker.port)
    began = time.monotonic()
    connection.expect_closed()
    assert time.monotonic() - began >= 0.9
    connection.close()


def test_a_smaller_message_size_is_told_and_kept(start, connect, topic):
    limit = 64 * 1024
    broker = start("--max-message-size", "64KiB")
    connection = Connection(broker.port)
    assert connection.handshake()[3] == [limit]
    connection.producer(topic)
    connection.publish(1, bytes(limit), checksum=False)
    connection.receipt(1)
    connection.write(struct.pack(">II", limit + 10 * 1024 + 1, 16))
    connection.expect_closed()
    connection.close()
    producer = connect(broker.url).create_producer(topic)
    producer.send(bytes(limit - 100))
    with pytest.raises(pulsar.MessageTooBig):
        producer.send(bytes(limit))


def test_connections_beyond_the_number_allowed_are_closed(start):
    broker = start("--max-connections", "3")
    allowed = [Connection(broker.port) for _ in range(3)]
    for connection in allowed:
        connection.handshake()
    one_more = Connection(broker.port)
    one_more.write(frame(command(wire.CONNECT, (1, "one more"), (4, 19))))
    assert one_more.expect(wire.ERROR)[3] == [b"Reached the maximum number of connections"]
    one_more.expect_closed()
    one_more.close()
    for connection in allowed:
        connection.expect_alive()
    allowed.pop().close()

    def room():
        connection = Connection(broker.port)
        try:
            connection.send(wire.CONNECT, (1, "again"), (4, 19))
            return connection.read()[0] == wire.CONNECTED
        except wire.Closed:
            return False
        finally:
            connection.close()

    deadline = time.monotonic() + 30
    while not room():
        assert time.monotonic() < deadline
    for connection in allowed:
        connection.close()


def test_a_lookup_names_the_listener_that_was_asked_for(start, topic):
    broker = start("--advertised-listeners", "inside:pulsar://10.0.0.1:6650,outside:pulsar://bus.example.org:16650")
    connection = Connection(broker.port)
    connection.handshake()

    def url(listener):
        return connection.request(wire.LOOKUP, (1, topic), (7, listener), answer=wire.LOOKUP_RESPONSE)

    assert url("inside")[1] == [b"pulsar://10.0.0.1:6650"]
    assert url("outside")[1] == [b"pulsar://bus.example.org:16650"]
    assert url(None)[1] == [b"pulsar://10.0.0.1:6650"]
    assert url("nowhere")[3] == [2]  # failed
    connection.close()
