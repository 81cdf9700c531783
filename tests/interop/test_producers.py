# SPDX-License-Identifier: Apache-2.0
"""Producers, with the official Python client: access modes."""
import threading

import pulsar
import pytest
from pulsar import ProducerAccessMode

CREATED_SECONDS = 20


def test_an_exclusive_producer_is_alone(client, topic):
    producer = client.create_producer(topic, access_mode=ProducerAccessMode.Exclusive)
    with pytest.raises(pulsar.ProducerFenced):
        client.create_producer(topic, access_mode=ProducerAccessMode.Exclusive)
    with pytest.raises(pulsar.ProducerBusy):
        client.create_producer(topic)
    producer.send(b"alone")
    producer.close()
    client.create_producer(topic).close()


def test_a_waiting_producer_comes_when_the_other_goes(client, topic):
    holder = client.create_producer(topic, access_mode=ProducerAccessMode.Exclusive)
    ready = threading.Event()
    made = []

    def wait():
        made.append(client.create_producer(topic, access_mode=ProducerAccessMode.WaitForExclusive))
        ready.set()

    thread = threading.Thread(target=wait)
    thread.start()
    holder.send(b"first")
    assert not ready.is_set()
    holder.close()
    assert ready.wait(CREATED_SECONDS)
    thread.join()
    made[0].send(b"second")


def test_a_fencing_producer_takes_over(client, topic):
    holder = client.create_producer(topic, access_mode=ProducerAccessMode.Exclusive)
    holder.send(b"first")
    successor = client.create_producer(topic, access_mode=ProducerAccessMode.ExclusiveWithFencing)
    successor.send(b"second")
    with pytest.raises(pulsar.PulsarException):
        holder.send(b"too late")
    successor.send(b"third")
