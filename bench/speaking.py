# SPDX-License-Identifier: Apache-2.0
"""One connection that speaks the wire, for benches that want many of something: producers, consumers, messages.

Commands go out many at a time, and their answers are counted.  Needs nothing but Python, as figures.py, whose coding it uses.
"""
import socket
import time
from collections import Counter

from figures import CONNECT, command, number, text

CONNECTED, SEND_RECEIPT, MESSAGE, SUCCESS, PRODUCER_SUCCESS, PING, ACK_RESPONSE = 3, 7, 9, 13, 17, 18, 38
PONG = command(19, 19, b"")
FINE = {CONNECTED, SEND_RECEIPT, MESSAGE, SUCCESS, PRODUCER_SUCCESS, ACK_RESPONSE}
EXCLUSIVE, SHARED, FAILOVER, KEY_SHARED = range(4)
AT_A_TIME = 500


def topic(name):
    return f"persistent://public/default/{name}"


def message(producer, sequence, payload, key=None):
    metadata = text(1, "p") + number(2, sequence) + number(3, int(time.time() * 1000)) + (text(6, key) if key else b"")
    return command(6, 6, number(1, producer) + number(2, sequence), len(metadata).to_bytes(4, "big") + metadata + payload)


def flow(consumer, permits):
    return command(11, 11, number(1, consumer) + number(2, permits))


def ack(consumer, id_, cumulative):
    """`id_` is a message's id as it came, still encoded."""
    return command(10, 10, number(1, consumer) + number(2, int(cumulative)) + text(3, id_))


def varint_at(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def delivered(frame):
    """The consumer, the encoded id and the payload's place of a MESSAGE frame (all of it but its first size)."""
    size = int.from_bytes(frame[:4], "big")
    at = 4 + 2  # behind the type
    _, at = varint_at(frame, at)  # the body's tag, then its length
    _, at = varint_at(frame, at)
    consumer, at = varint_at(frame, at + 1)
    length, at = varint_at(frame, at + 1)
    return consumer, frame[at:at + length], 4 + size


class Peer:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest, self.counts, self.on_message = b"", Counter(), None
        self.ask([CONNECT], CONNECTED)

    def close(self):
        self.socket.close()

    def send(self, *frames):
        self.socket.sendall(b"".join(frames))

    def take(self):
        """What one read brings: frames are counted by type, pings answered."""
        data = self.rest + self.socket.recv(1 << 18)
        if len(data) == len(self.rest):
            raise SystemExit("the broker closed the connection")
        at = 0
        while at + 10 <= len(data):
            end = at + 4 + int.from_bytes(data[at:at + 4], "big")
            if end > len(data):
                break
            kind = data[at + 9]
            if kind == PING:
                self.socket.sendall(PONG)
            elif kind not in FINE:
                raise SystemExit(f"the broker answered with command {kind}: {data[at:end]!r}")
            self.counts[kind] += 1
            if kind == MESSAGE and self.on_message:
                self.on_message(data[at + 4:end])
            at = end
        self.rest = data[at:]

    def wait(self, kind, count):
        while self.counts[kind] < count:
            self.take()

    def ask(self, frames, kind):
        """Sends them, some at a time, and waits for an answer of this kind to each."""
        for first in range(0, len(frames), AT_A_TIME):
            part = frames[first:first + AT_A_TIME]
            goal = self.counts[kind] + len(part)
            self.send(*part)
            self.wait(kind, goal)

    def produce(self, topics):
        """Producers 0, 1, ... of these topics."""
        self.ask([command(5, 5, text(1, topic(t)) + number(2, i) + number(3, i)) for i, t in enumerate(topics)], PRODUCER_SUCCESS)

    def close_producers(self, ids):
        self.ask([command(15, 15, number(1, i) + number(2, i)) for i in ids], SUCCESS)

    def subscribe(self, topics, subscriptions, kind=EXCLUSIVE):
        """Consumers 0, 1, ...: of each of these topics by the subscription beside it, from its beginning on."""
        self.ask([command(4, 4, text(1, topic(t)) + text(2, s) + number(3, kind) + number(4, i) + number(5, i) + number(13, 1))
                  for i, (t, s) in enumerate(zip(topics, subscriptions))], SUCCESS)

    def close_consumers(self, ids):
        self.ask([command(16, 16, number(1, i) + number(2, i)) for i in ids], SUCCESS)

    def publish(self, frames, window=1000):
        """These SENDs, so many under way; what to wait for is told by receipts."""
        sent, goal = 0, self.counts[SEND_RECEIPT] + len(frames)
        while self.counts[SEND_RECEIPT] < goal:
            free = window - (sent - (self.counts[SEND_RECEIPT] - goal + len(frames)))
            if sent < len(frames) and free > window // 4:
                self.send(*frames[sent:sent + free])
                sent = min(len(frames), sent + free)
            else:
                self.take()
