# SPDX-License-Identifier: Apache-2.0
"""Many topics, each with a subscription that is behind, and /metrics: what a scrape takes, and what it costs who publishes.

    bench/metrics.py PROGRAM [--topics 100000] [--rounds 5] [--seconds 5] [--data DIRECTORY]

One producer publishes a message, waits for its receipt, rests a millisecond, and so on.  It does so in rounds: with nothing else going on,
with scrapes one behind the other (curl, which reads as fast as it can), and with compressed ones.  Figures are of all rounds of a kind
together: of the publishes the median and the 99th of a hundred, of the scrapes the median, the least and the most.  A Prometheus server
asks every 15 s or more: what is measured here is the time while it does.
"""
import argparse
import multiprocessing
import os
import statistics
import subprocess
import tempfile
import time

import figures
from figures import Broker, answer, command, number, send, text
from topics import producer, publish_once, say, topic

AT_A_TIME = 500
KINDS = {"quiet": None, "plain": [], "gzip": ["-H", "Accept-Encoding: gzip"]}


def subscribe(n, id_):
    return command(4, 4, text(1, topic(n)) + text(2, "s") + number(3, 1) + number(4, id_) + number(5, id_)
                   + number(13, 1))  # from the earliest on


def subscribe_once(peer, first, count):
    ids = range(2, 2 + count)
    peer.sendall(b"".join(subscribe(first + i, id_) for i, id_ in enumerate(ids)))
    for _ in ids:
        answer(peer, 13)
    peer.sendall(b"".join(command(16, 16, number(1, id_) + number(2, id_)) for id_ in ids))
    for _ in ids:
        answer(peer, 13)


def fill(port, topics):
    peer = figures.producer(port)
    for first in range(0, topics, AT_A_TIME):
        count = min(AT_A_TIME, topics - first)
        publish_once(peer, first, count)
        subscribe_once(peer, first, count)
    peer.close()


def publishes(port, seconds, results):
    """Milliseconds of each."""
    peer, took, sequence = figures.producer(port), [], 0
    end = time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        peer.sendall(send(sequence, b"x" * 100))
        answer(peer, 7)
        took.append((time.perf_counter() - began) * 1000)
        sequence += 1
        time.sleep(0.001)
    results.put(took)
    peer.close()


def scrape(url, headers):
    """Seconds, and bytes."""
    said = subprocess.run(["curl", "-s", "-f", "-o", "/dev/null", "-w", "%{time_total} %{size_download}", *headers, url],
                          check=True, capture_output=True, text=True).stdout.split()
    return float(said[0]), int(float(said[1]))


def one_round(broker, seconds, headers):
    results, scrapes = multiprocessing.Queue(), []
    process = multiprocessing.Process(target=publishes, args=(broker.port, seconds, results))
    process.start()
    while headers is not None and results.empty():
        scrapes.append(scrape(broker.ready["http_url"] + "/metrics", headers))
    took = results.get()
    process.join()
    return took, scrapes


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--topics", type=int, default=100000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--data", default=os.environ.get("BENCH_DIR"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.data) as directory:
        broker = Broker(arguments.program, directory)
        began = time.perf_counter()
        fill(broker.port, arguments.topics)
        say("topics made, published to and subscribed to", time.perf_counter() - began, "s", f"({arguments.topics})")
        resident = broker.status("VmRSS")
        took, scrapes = {kind: [] for kind in KINDS}, {kind: [] for kind in KINDS}
        for _ in range(arguments.rounds):
            for kind, headers in KINDS.items():
                more, scraped = one_round(broker, arguments.seconds, headers)
                took[kind] += more
                scrapes[kind] += scraped
        for kind in ("plain", "gzip"):
            times, sizes = [s for s, _ in scrapes[kind]], [size for _, size in scrapes[kind]]
            say(f"a scrape, {kind}", statistics.median(times), "s",
                f"({min(times):.2f} to {max(times):.2f}, {len(times)} of them; {sizes[-1] / 1e6:.1f} MB)")
        say("resident memory before", resident / 1024, "MiB")
        say("... the most since the start", broker.status("VmHWM") / 1024, "MiB")
        for kind in KINDS:
            say(f"a lone publish, scrapes: {kind}", statistics.median(took[kind]), "ms",
                f"99 of 100 below {percentile(took[kind], 0.99):.2f} ms, slowest {max(took[kind]):.2f} ({len(took[kind])})")
        broker.stop()
    print(f"{arguments.topics} topics were scraped {sum(len(s) for s in scrapes.values())} times, while a producer "
          f"published {sum(len(t) for t in took.values())} messages one by one.")


if __name__ == "__main__":
    main()
