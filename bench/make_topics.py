# SPDX-License-Identifier: Apache-2.0
"""How fast topics are made: by producers that come, over HTTP, and as the partitions of one; with clients that watch.

    bench/make_topics.py PROGRAM [--topics 20000] [--watches 10] [--data DIRECTORY]

Each topic is durable when its producer has its success, or HTTP its answer.  One more connection sends pings, whose
slowest answer tells how long the broker's core did not come round.  Needs nothing but Python, as figures.py.
"""
import argparse
import http.client
import os
import socket
import tempfile
import threading
import time

from figures import CONNECT, Broker, answer, command, number, text
from topics import Lone, producer, say

AT_A_TIME = 500
HTTP_CLIENTS = 8
NAMESPACE = "/admin/v2/persistent/public/default"


def connect(port):
    peer = socket.create_connection(("127.0.0.1", port))
    peer.sendall(CONNECT)
    answer(peer, 3)
    return peer


def watch(peer, id_):
    peer.sendall(command(64, 64, number(1, id_) + number(2, id_) + text(3, "public/default") +
                         text(4, "public/default/.*")))
    answer(peer, 65)


def by_producers(port, count):
    peer = connect(port)
    for first in range(0, count, AT_A_TIME):
        ids = range(first, min(count, first + AT_A_TIME))
        peer.sendall(b"".join(producer(i, i) for i in ids))
        for _ in ids:
            answer(peer, 17)
    peer.close()


def put(port, paths):
    client = http.client.HTTPConnection("127.0.0.1", port)
    for path, body in paths:
        client.request("PUT", path, body)
        it = client.getresponse()
        it.read()
        assert it.status == 204, it.status


def by_http(port, count):
    paths = [(f"{NAMESPACE}/http-{i}", "") for i in range(count)]
    clients = [threading.Thread(target=put, args=(port, paths[i::HTTP_CLIENTS])) for i in range(HTTP_CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()


def listed(port):
    client = http.client.HTTPConnection("127.0.0.1", port)
    client.request("GET", NAMESPACE)
    it = client.getresponse()
    assert it.getheader("transfer-encoding") == "chunked"
    return it.read().count(b"persistent://")


def timed(lone, what, count, run):
    began = time.perf_counter()
    run()
    say(what, count / (time.perf_counter() - began), "/s", lone.told())


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("program")
    arguments.add_argument("--topics", type=int, default=20000)
    arguments.add_argument("--watches", type=int, default=10)
    arguments.add_argument("--data")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=given.data) as directory:
        broker = Broker(os.path.abspath(given.program), directory)
        lone = Lone(broker.port)
        count, web = given.topics, broker.ready["http_port"]
        timed(lone, "topics made by producers", count, lambda: by_producers(broker.port, count))
        watcher = connect(broker.port)
        for id_ in range(given.watches):
            watch(watcher, id_)
        timed(lone, "topics made over HTTP, watched", count // 4, lambda: by_http(web, count // 4))
        timed(lone, "partitions of one topic, watched", count,
              lambda: put(web, [(f"{NAMESPACE}/parted/partitions", str(count))]))
        timed(lone, "names listed over HTTP", listed(web), lambda: listed(web))
        lone.end()
        broker.stop()


if __name__ == "__main__":
    main()
