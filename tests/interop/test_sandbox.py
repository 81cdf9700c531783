# SPDX-License-Identifier: Apache-2.0
"""The broker's process as the kernel knows it, and connections that say nothing: what both may not do to others."""
import os
import socket
from pathlib import Path

import pulsar
import pytest

from broker_process import SERVICE_URL, Broker, eventually
from conftest import new_client
from wire import Closed, Connection

pytestmark = pytest.mark.skipif(bool(SERVICE_URL), reason="the broker is not ours to configure")

TOPIC = "persistent://public/default/t"


@pytest.fixture
def start(tmp_path):
    """Broker(options), with an environment of its own."""
    running = []

    def one(*options, **environment):
        before = dict(os.environ)
        os.environ.update(environment)
        try:
            running.append(Broker(tmp_path, options=options))
        finally:
            os.environ.clear()
            os.environ.update(before)
        return running[-1]

    yield one
    for broker in running:
        broker.stop()


def kernel_says(broker, name):
    """Of each thread."""
    threads = Path(f"/proc/{broker.process.pid}/task").iterdir()
    lines = [line for thread in threads for line in (thread / "status").read_text().splitlines()]
    return {line.split(":")[1].strip() for line in lines if line.startswith(name + ":")}


def publish_and_receive(broker):
    client = new_client(broker.url)
    try:
        consumer = client.subscribe(TOPIC, "s")
        client.create_producer(TOPIC).send(b"hello")
        message = consumer.receive(30_000)
        consumer.acknowledge(message)
        assert message.data() == b"hello"
    finally:
        client.close()


def test_every_thread_is_in_the_sandbox_and_serves(start):
    broker = start()
    publish_and_receive(broker)
    assert kernel_says(broker, "NoNewPrivs") == {"1"}
    if "no sandbox" in broker.log_tail():
        pytest.skip("this build has none")
    assert kernel_says(broker, "Seccomp") == {"2"}


def test_the_sandbox_can_be_left_out_and_privileges_are_not_gained_all_the_same(start):
    broker = start("--sandbox", "off")
    publish_and_receive(broker)
    assert kernel_says(broker, "Seccomp") == {"0"}
    assert kernel_says(broker, "NoNewPrivs") == {"1"}


def half_open(broker, count):
    return [socket.create_connection(("localhost", broker.port)) for _ in range(count)]


def is_closed(connection):
    connection.settimeout(30)
    return connection.recv(1000) == b""


def test_connections_that_say_nothing_make_place_for_clients(start):
    broker = start("--max-connections", "20")
    silent = half_open(broker, 20)
    publish_and_receive(broker)
    assert is_closed(silent[0])  # the first of them; the last ones are still there
    silent[-1].settimeout(0)
    with pytest.raises(BlockingIOError):
        silent[-1].recv(1)


def test_more_connections_from_one_address_are_told_and_closed(start):
    broker = start(GEMINGA_MAX_CONNECTIONS_PER_ADDRESS="3")
    first = half_open(broker, 3)
    late = socket.create_connection(("localhost", broker.port))
    late.settimeout(30)
    said = b""
    while more := late.recv(1000):
        said += more
    assert b"Reached the maximum number of connections on address" in said
    for connection in first:
        connection.close()
    eventually(lambda: lets_in(broker))
    publish_and_receive(broker)


def lets_in(broker):
    it = Connection(broker.port)
    try:
        it.handshake()
        return True
    except (AssertionError, Closed, OSError):
        return False
    finally:
        it.close()
