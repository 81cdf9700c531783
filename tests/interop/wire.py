# SPDX-License-Identifier: Apache-2.0
"""Just enough of Pulsar's binary protocol, by hand: frames and protobuf fields written from the specification.

It shares nothing with the program, so that two mirrored mistakes cannot agree.  A message is built from
(field number, value) pairs and parsed into {field number: [values]}; field numbers are those of PulsarApi.proto.
"""
import itertools
import socket
import struct
import time

# BaseCommand.Type; the field that holds the body has the same number.
CONNECT, CONNECTED, SUBSCRIBE, PRODUCER, SEND, SEND_RECEIPT, SEND_ERROR, MESSAGE, ACK, FLOW, UNSUBSCRIBE, SUCCESS, \
    ERROR, CLOSE_PRODUCER, CLOSE_CONSUMER, PRODUCER_SUCCESS, PING, PONG, REDELIVER, PARTITIONED_METADATA, \
    PARTITIONED_METADATA_RESPONSE, LOOKUP, LOOKUP_RESPONSE, CONSUMER_STATS, CONSUMER_STATS_RESPONSE, \
    REACHED_END_OF_TOPIC, SEEK, GET_LAST_MESSAGE_ID, GET_LAST_MESSAGE_ID_RESPONSE = range(2, 31)
ACK_RESPONSE = 38

# ServerError
METADATA_ERROR, PERSISTENCE_ERROR = 1, 2
CONSUMER_BUSY, CHECKSUM_ERROR, TOPIC_NOT_FOUND, INVALID_TOPIC_NAME = 5, 9, 11, 17

EXCLUSIVE, SHARED = 0, 1
LATEST, EARLIEST = 0, 1
INDIVIDUAL, CUMULATIVE = 0, 1
MAX_MESSAGE_SIZE = 5 * 1024 * 1024
FRAME_MAX = MAX_MESSAGE_SIZE + 10 * 1024

ANSWER_SECONDS = 20
QUIET_SECONDS = 0.3


# ---- protobuf ----

def varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def message(*fields):
    out = b""
    for number, value in fields:
        if value is None:
            continue
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            value = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(value)) + value
    return out


def parse(data):
    fields = {}
    at = 0

    def number():
        nonlocal at
        n = shift = 0
        while True:
            byte = data[at]
            at += 1
            n |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return n

    while at < len(data):
        tag = number()
        if tag & 7 == 0:
            value = number()
        else:
            assert tag & 7 == 2, f"wire type {tag & 7}"
            size = number()
            assert at + size <= len(data)
            value, at = data[at:at + size], at + size
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def signed(n):
    return n - (1 << 64) if n >= 1 << 63 else n


# ---- frames ----

def command(kind, *fields):
    return message((1, kind), (kind, message(*fields)))


def frame(cmd, entry=b""):
    return struct.pack(">II", 4 + len(cmd) + len(entry), len(cmd)) + cmd + entry


def table():
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        yield n


CRC32C_TABLE = list(table())


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC32C_TABLE[(crc ^ byte) & 0xff]
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283  # RFC 3720


def metadata(producer_name="p", sequence_id=0, *fields):
    return message((1, producer_name), (2, sequence_id), (3, int(time.time() * 1000)), *fields)


def entry(payload, meta=None, checksum=True, wrong_by=0):
    """Metadata and payload, behind magic and checksum."""
    meta = metadata() if meta is None else meta
    body = struct.pack(">I", len(meta)) + meta + payload
    if not checksum:
        return body
    return struct.pack(">HI", 0x0E01, crc32c(body) ^ wrong_by) + body


def message_id(ledger, entry_id, batch_index=None):
    return message((1, ledger), (2, entry_id), (4, batch_index))


class Closed(Exception):
    pass


class Connection:
    """One TCP connection; each answer is (kind, fields of its body, entry bytes)."""

    def __init__(self, port, host="127.0.0.1"):
        self.socket = socket.create_connection((host, port), timeout=ANSWER_SECONDS)
        self.received = b""
        self.request_ids = itertools.count(1)

    def close(self):
        self.socket.close()

    def reset(self):
        """Ends as a peer that crashed: RST, no FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def write(self, data):
        """May fail as the peer closes meanwhile: reading tells."""
        try:
            self.socket.sendall(data)
        except (ConnectionError, BrokenPipeError):
            pass

    def send(self, kind, *fields, entry=b""):
        self.write(frame(command(kind, *fields), entry))

    def _fill(self, size):
        while len(self.received) < size:
            try:
                more = self.socket.recv(1 << 20)
            except ConnectionError:
                more = b""
            if not more:
                raise Closed
            self.received += more

    def read(self):
        """The next command but PING, which is answered."""
        while True:
            self._fill(8)
            total, size = struct.unpack(">II", self.received[:8])
            self._fill(4 + total)
            whole, self.received = self.received[8:4 + total], self.received[4 + total:]
            base = parse(whole[:size])
            kind = base[1][0]
            if kind == PING:
                self.send(PONG)
                continue
            return kind, parse(base[kind][0]) if kind in base else {}, whole[size:]

    def expect(self, kind):
        got, fields, rest = self.read()
        assert got == kind, f"command {got} {fields} where {kind} was due"
        return fields if kind != MESSAGE else (fields, rest)

    def request(self, kind, *fields, id_field=2, answer=None):
        """Sends a command with a fresh request id; the answer's kind and body."""
        request_id = next(self.request_ids)
        self.send(kind, (id_field, request_id), *fields)
        got, body, _ = self.read()
        if answer is not None:
            assert got == answer, f"command {got} {body} where {answer} was due"
            return body
        return got, body

    def expect_closed(self):
        """The peer closes, whatever it says before that."""
        try:
            while True:
                self.read()
        except Closed:
            pass

    def expect_quiet(self):
        self.socket.settimeout(QUIET_SECONDS)
        try:
            got = self.read()
        except TimeoutError:
            return
        finally:
            self.socket.settimeout(ANSWER_SECONDS)
        raise AssertionError(f"{got} came where nothing was due")

    def expect_alive(self):
        self.send(PING)
        self.expect(PONG)

    # ---- what most tests need ----

    def handshake(self, version=19):
        self.send(CONNECT, (1, "wire test"), (4, version))
        return self.expect(CONNECTED)

    def producer(self, topic, producer_id=1, name=None):
        return self.request(PRODUCER, (1, topic), (2, producer_id), (4, name), id_field=3, answer=PRODUCER_SUCCESS)

    def subscribe(self, topic, consumer_id=1, kind=EXCLUSIVE, name="s", position=EARLIEST):
        return self.request(SUBSCRIBE, (1, topic), (2, name), (3, kind), (4, consumer_id), (13, position), id_field=5,
                            answer=SUCCESS)

    def publish(self, sequence_id, payload=b"payload", producer_id=1, messages=None, **options):
        self.send(SEND, (1, producer_id), (2, sequence_id), (3, messages), entry=entry(payload, **options))

    def receipt(self, sequence_id=None):
        """(ledger, entry) of the next receipt."""
        fields = self.expect(SEND_RECEIPT)
        if sequence_id is not None:
            assert fields[2] == [sequence_id]
        at = parse(fields[3][0])
        return at[1][0], at[2][0]

    def flow(self, permits, consumer_id=1):
        self.send(FLOW, (1, consumer_id), (2, permits))

    def ack(self, *positions, kind=INDIVIDUAL, consumer_id=1, request_id=None):
        self.send(ACK, (1, consumer_id), (2, kind), *[(3, message_id(*p)) for p in positions], (8, request_id))

    def next_message(self):
        """((ledger, entry), redelivery count, entry bytes) of the next MESSAGE."""
        fields, rest = self.expect(MESSAGE)
        at = parse(fields[2][0])
        return (at[1][0], at[2][0]), fields.get(3, [0])[0], rest
