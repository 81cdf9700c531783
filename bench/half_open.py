# SPDX-License-Identifier: Apache-2.0
"""What peers that mean no good cost those who do: connections that say nothing, a byte a second, one that never reads.

    bench/half_open.py PROGRAM [--connections 5000] [--rounds 7] [--publishes 300] [--tls CERTIFICATE KEY]

Goes in rounds, each of them quiet at first and then beside the others:

    CONNECTIONS that were opened and say nothing; with --tls as many to the port with TLS, of which half began a
        handshake and left it there;
    a client that announces a message of 5 MiB and sends a byte of it a second;
    a consumer that grants 100,000 permits, subscribed to what is published, and never reads.

Measured is what one producer waits for the receipts of lone publishes, one after the other, of 1 KiB and of 64 KiB.  A
machine's speed changes from minute to minute, so only what the two halves of one round say of each other is worth keeping.
At last: the broker's memory, and how many connections it has.
"""
import argparse
import re
import resource
import socket
import statistics
import tempfile
import threading
import time
import urllib.request

from figures import CONNECT, Broker, answer, command, number, producer, send, text

TOPIC = "persistent://public/default/figures"
SIZES = (1024, 64 * 1024)


class TlsBroker(Broker):
    """The same with a port for TLS."""

    def __init__(self, program, data, certificate, key):
        super().__init__(program, data, {"GEMINGA_TLS_PORT": "0", "GEMINGA_TLS_CERTIFICATE_FILE": certificate,
                                         "GEMINGA_TLS_KEY_FILE": key})
        self.tls_port = self.ready["tls_port"]


# ---- the others ----


def crowd(port, count, opening=None):
    """Sockets that are connected; each second one has said the `opening`."""
    peers = []
    for i in range(count):
        peers.append(socket.create_connection(("127.0.0.1", port)))
        if opening and i % 2:
            peers[-1].sendall(opening)
    return peers


# A record of TLS that announces 512 bytes of a ClientHello, and has four of them.
HALF_A_HELLO = bytes.fromhex("16030102000100")


class Crawler(threading.Thread):
    """A message of 5 MiB, of which a byte comes a second."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.peer = producer(port)
        self.peer.sendall(send(0, b"x" * (5 << 20))[:100])
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(1):
            try:
                self.peer.sendall(b"x")
            except OSError:
                return

    def stop(self):
        self.ended.set()
        self.join()
        self.peer.close()


def deaf(port, name):
    """Takes all that it is given, and reads nothing."""
    peer = socket.create_connection(("127.0.0.1", port))
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.sendall(CONNECT)
    answer(peer, 3)
    peer.sendall(command(4, 4, text(1, TOPIC) + text(2, name) + number(3, 0) + number(4, 1) + number(5, 2)))
    answer(peer, 13)
    peer.sendall(command(11, 11, number(1, 1) + number(2, 100000)))
    return peer


# ---- what is measured ----


def publish(peer, sequence, size, count):
    payload, times = b"x" * size, []
    for i in range(count):
        began = time.perf_counter()
        peer.sendall(send(sequence + i, payload))
        answer(peer, 7)
        times.append((time.perf_counter() - began) * 1000)
    return times


def quantiles(times):
    times = sorted(times)
    return statistics.median(times), times[int(len(times) * 0.99)]


def resident_mib(broker, name):
    return broker.status(name) / 1024


def connections(broker):
    with urllib.request.urlopen(broker.ready["http_url"] + "/metrics") as page:
        return int(float(re.search(r"^pulsar_active_connections\S* (\S+)", page.read().decode(), re.M)[1]))


class Measure:
    def __init__(self, broker, publishes):
        self.peer, self.sequence, self.publishes = producer(broker.port), 0, publishes

    def take(self):
        """By size: p50 and p99."""
        found = {}
        for size in SIZES:
            found[size] = quantiles(publish(self.peer, self.sequence, size, self.publishes))
            self.sequence += self.publishes
        return found


def round_of(args, broker, measure, index):
    quiet, before = measure.take(), resident_mib(broker, "VmRSS")
    silent = crowd(broker.port, args.connections)
    if args.tls:
        silent += crowd(broker.tls_port, args.connections, HALF_A_HELLO)
    crawler, unread = Crawler(broker.port), deaf(broker.port, f"deaf-{index}")
    crawler.start()
    beside, many, during = measure.take(), connections(broker), resident_mib(broker, "VmRSS")
    crawler.stop()
    for peer in [*silent, unread]:
        peer.close()
    return quiet, beside, many, before, during


def told(name, pairs):
    """Medians of the rounds, and of their ratios."""
    ratios = sorted(b / a for a, b in pairs)
    print(f"{name:<28} quiet {statistics.median(a for a, _ in pairs):7.2f} ms, beside the others "
          f"{statistics.median(b for _, b in pairs):7.2f} ms: {statistics.median(ratios):.2f} x "
          f"({ratios[0]:.2f} to {ratios[-1]:.2f}, {len(ratios)} rounds)")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("program")
    options.add_argument("--connections", type=int, default=5000)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--publishes", type=int, default=300)
    options.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"))
    options.add_argument("--data")
    args = options.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(dir=args.data) as data:
        broker = TlsBroker(args.program, data, *args.tls) if args.tls else Broker(args.program, data)
        measure = Measure(broker, args.publishes)
        measure.take()
        rounds = [round_of(args, broker, measure, i) for i in range(args.rounds)]
        for size in SIZES:
            for at, what in enumerate(("p50", "p99")):
                told(f"{size // 1024} KiB, {what}", [(r[0][size][at], r[1][size][at]) for r in rounds])
        print(f"the broker's memory: {statistics.median(r[3] for r in rounds):.0f} MiB quiet, "
              f"{statistics.median(r[4] for r in rounds):.0f} MiB beside {max(r[2] for r in rounds)} connections, "
              f"{resident_mib(broker, 'VmHWM'):.0f} MiB at most")
        broker.stop()
    print(f"half_open: {args.rounds} rounds of {args.connections} connections{' to each port' if args.tls else ''}, "
          f"{len(SIZES) * args.publishes} publishes in each half")


if __name__ == "__main__":
    main()
