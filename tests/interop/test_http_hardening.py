# SPDX-License-Identifier: Apache-2.0
"""What peers of HTTP do wrong, or too slowly, or too often: each is told, and the others are served meanwhile."""
import gzip
import http.client
import json
import resource
import socket
import urllib.error
import urllib.request

import pytest

from broker_process import eventually

pytestmark = pytest.mark.usefixtures("only_geminga")

SECONDS = 30
SLOW = 1000
TENANT = "/admin/v2/tenants/nobody"
WHOLE = b'{"allowedClusters":["standalone"]}'


def dial(broker):
    return socket.create_connection(("localhost", broker.http_port), timeout=SECONDS)


def heard(connection):
    """All that comes until the peer ends it: status, headers, body."""
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer.status, answer.headers, answer.read()


def ask(broker, request):
    with dial(broker) as connection:
        connection.sendall(request)
        return heard(connection)


def reason(body):
    return json.loads(body)["reason"]


def assert_serves(broker, client, topic):
    """HTTP and the core do their work."""
    with urllib.request.urlopen(broker.http_url + "/admin/v2/brokers/health", timeout=SECONDS) as answer:
        assert answer.read() == b"ok"
    client.create_producer(topic).send(b"x")


@pytest.mark.parametrize("body", [b"{", b"[", b"nonsense", b"\xff\xfe", b'{"adminRoles":', b"{}{}"])
def test_a_body_that_is_no_json_is_refused_with_a_reason(broker, body):
    status, _, said = ask(broker, b"PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
                          % (TENANT.encode(), len(body), body))
    assert status in (400, 412) and reason(said)


@pytest.mark.parametrize("method, path, allowed", [
    ("POST", "/admin/v2/brokers/ready", "GET, HEAD"),
    ("PATCH", "/metrics", "GET, HEAD"),
    ("DELETE", "/admin/v2/persistent/public/default/x/unload", "PUT"),
])
def test_a_wrong_method_is_refused_with_those_that_are_right(broker, method, path, allowed):
    status, headers, said = ask(broker, f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
    assert status == 405 and headers["allow"] == allowed
    assert path in reason(said)
    status, headers, _ = ask(broker, f"OPTIONS {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert status == 204 and headers["allow"] == allowed


def test_a_hundred_megabytes_are_refused_before_they_come(broker, client, topic):
    head = f"PUT {TENANT} HTTP/1.1\r\nHost: x\r\nContent-Length: {100 << 20}\r\n\r\n".encode()
    status, headers, said = ask(broker, head)
    assert status == 413 and headers["connection"] == "close" and "1 MiB" in reason(said)
    with dial(broker) as connection:  # who sends all of it before it reads finds the refusal, too
        connection.sendall(head)
        for _ in range(100):
            connection.sendall(bytes(1 << 20))
        assert heard(connection)[0] == 413
    assert_serves(broker, client, topic)


def test_a_body_in_chunks_is_taken_up_to_the_same_bound(broker):
    head = f"PUT {TENANT}s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    assert ask(broker, head + b"4\r\n" + WHOLE[:4] + b"\r\n" + b"%x\r\n" % (len(WHOLE) - 4) + WHOLE[4:]
               + b"\r\n0\r\n\r\n")[0] == 204
    assert ask(broker, head.replace(b"PUT", b"DELETE"))[0] == 411
    with dial(broker) as connection:
        connection.sendall(head)
        for _ in range(17):
            connection.sendall(b"10000\r\n" + bytes(1 << 16) + b"\r\n")
        assert heard(connection)[0] == 413


def test_a_thousand_slow_peers_are_told_so_and_nobody_waits_for_them(broker, client, topic):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < SLOW + 500:
        if hard < SLOW + 500:
            pytest.skip("not so many file descriptors here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (SLOW + 500, hard))
    starts = {"head": b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ",
              "body": b"PUT /admin/v2/tenants/slow HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{",
              "chunks": b"PUT /admin/v2/tenants/slow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
              "silent": b""}
    slow = [(name, dial(broker)) for _ in range(SLOW // len(starts)) for name in starts]
    try:
        for name, connection in slow:
            connection.sendall(starts[name])
            connection.settimeout(2 * SECONDS)
        for _ in range(10):
            assert_serves(broker, client, topic)
        for name, connection in slow:
            status, headers, said = heard(connection)
            assert status == 408 and headers["connection"] == "close", name
            assert "in time" in reason(said)
    finally:
        for _, connection in slow:
            connection.close()
    assert_serves(broker, client, topic)


def test_peers_that_do_not_read_their_answers_hold_nobody_up(broker, client, topic):
    slow = [dial(broker) for _ in range(100)]
    for connection in slow:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
    for _ in range(10):
        assert_serves(broker, client, topic)
    for connection in slow:
        connection.close()

    def scraped():
        try:
            with urllib.request.urlopen(broker.http_url + "/metrics", timeout=SECONDS) as answer:
                return b"pulsar_version_info" in answer.read()
        except urllib.error.HTTPError as refused:  # as long as the broker has not seen that they are gone
            assert refused.status == 503
            return False
    eventually(scraped)


def test_metrics_are_compressed_for_who_takes_that(broker):
    status, headers, body = ask(broker, b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n")
    assert status == 200 and headers["content-encoding"] == "gzip"
    assert b"\npulsar_version_info{" in gzip.decompress(body)
    status, headers, plain = ask(broker, b"GET /metrics HTTP/1.0\r\n\r\n")
    assert status == 200 and "content-encoding" not in headers
    assert plain.endswith(b"\n") and len(plain) > 3 * len(body)


def test_a_head_has_no_body_and_old_and_new_peers_are_answered(broker):
    ready = b" /admin/v2/brokers/ready HTTP/1.1\r\nHost: x\r\n\r\n"
    with dial(broker) as connection:
        connection.sendall(b"HEAD" + ready + b"GET" + ready)
        answer = b""
        while answer.count(b"HTTP/1.1 200 OK") < 2 or not answer.endswith(b"\r\n\r\nok"):
            answer += connection.recv(4096)
    assert answer.count(b"\r\n\r\n") == 2
    assert ask(broker, b"GET /admin/v2/brokers/ready HTTP/1.0\r\n\r\n")[2] == b"ok"


def test_a_body_that_is_asked_about_first_is_welcome_or_not(broker):
    head = f"PUT {TENANT}w HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n".encode()
    with dial(broker) as connection:
        connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(WHOLE))
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(WHOLE)
        assert heard(connection)[0] == 204
    assert ask(broker, head + b"Content-Length: 2000000\r\n\r\n")[0] == 413


@pytest.mark.parametrize("head", [
    b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
    b"PUT / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    b"PUT / HTTP/1.1\r\nContent-Length: +3\r\n\r\nabc",
    b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
    b"HELLO\r\n\r\n",
    b"BREW /pot HTTP/1.1\r\n\r\n",
])
def test_what_could_be_understood_in_two_ways_is_not_understood(broker, head):
    assert ask(broker, head)[0] == 400


def test_requests_behind_one_another_never_stop_the_server(broker):
    """libwebsockets would spin for ever on the second of these bodies."""
    ready = b"GET /admin/v2/brokers/ready HTTP/1.1\r\nHost: x\r\n\r\n"
    put = b"PUT /admin/v2/tenants/never HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(WHOLE), WHOLE)
    with dial(broker) as connection:
        connection.sendall(ready + put + ready)
        while connection.recv(4096):
            pass
    assert ask(broker, b"GET /admin/v2/tenants/never HTTP/1.1\r\nHost: x\r\n\r\n")[0] == 404
