# SPDX-License-Identifier: Apache-2.0
"""The generators: each starts a program, waits for its end and reads its lines.

What they give back is a Load: messages a second from a time on when all was warm, the messages in all, and the
latencies in milliseconds by name.  `geminga perf` and pulsar-perf print the same lines, so the same reader serves both.
"""
import dataclasses
import itertools
import json
import os
import re
import signal
import subprocess
import tempfile
import threading

from . import fetch
from .systems import OPEN_MODULES

QUANTILES = {"mean": "mean", "med": "p50", "95pct": "p95", "99pct": "p99", "99.9pct": "p99.9", "99.99pct": "p99.99",
             "Max": "max"}


class Failed(Exception):
    """A load that ended otherwise than it should; what it said."""


@dataclasses.dataclass
class Load:
    rate: float
    messages: int
    latency: dict


# ---- the lines of pulsar-perf ----

INTERVAL = r"(?:produced|received|throughput): *(\d+) +msg --- *([0-9.]+) +msg/s"
OF_CLIENT = r"Publish throughput: *([0-9.]+) +msg/s"  # each second; pulsar-perf's own line comes every ten, whatever -i says


def read_latency(line):
    return {QUANTILES[name]: float(value)
            for name, value in re.findall(r"([\w.]+): *([0-9.]+)", line) if name in QUANTILES}


def sending(intervals):
    """Without those at the end in which nothing came any more, and the one before them, which is not whole: pulsar-perf goes on
    to print while it closes."""
    whole = list(intervals)
    while whole and whole[-1][1] == 0:
        whole.pop()
    return whole if len(whole) == len(intervals) else whole[:-1]


def interval_of(line, before):
    """(messages by then, messages a second in it), or None; `before`: messages until the interval before."""
    found = re.search(INTERVAL, line)
    return (int(found[1]), float(found[2])) if found else None


def interval_of_client(line, before):
    found = re.search(OF_CLIENT, line)
    return (before + float(found[1]), float(found[1])) if found else None


def read_perf(text, skip, interval=interval_of):
    """Rate: of the intervals behind the first `skip`; of all of it where there are none."""
    found = [one for one in (interval(line, 0) for line in text.splitlines()) if one]
    rates = [rate for _, rate in sending(found)]
    whole = re.search(r"Aggregated throughput stats --- *(\d+) records \w+ --- *([0-9.]+) msg/s", text)
    latency = re.search(r"Aggregated latency stats --- (.*)", text)
    if not whole:
        raise Failed(text.strip()[-300:] or "it said nothing")
    warm = rates[skip:]
    return Load(sum(warm) / len(warm) if warm else float(whole[2]), int(whole[1]),
                read_latency(latency[1]) if latency else {})


# ---- programs ----


def lines_of(process, patience_s):
    """Its lines as they come; one that does not end is ended."""
    over = threading.Timer(patience_s, process.kill)
    over.start()
    try:
        yield from process.stdout
        process.wait()
    finally:
        late = not over.is_alive()
        over.cancel()
        process.kill()  # which is of no consequence for one that has ended
    if late:
        raise Failed(f"it did not end in {patience_s:.0f} s")


def finish(process, patience_s):
    """What it said."""
    return "".join(lines_of(process, patience_s))


def begin(command):
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


class Perf:
    """`geminga perf` against a server of Pulsar's protocol."""
    skip = 1
    interval = 1
    interval_of = staticmethod(interval_of)

    def __init__(self, program, port):
        self.command, self.port = [os.path.abspath(program), "perf"], port

    def begin(self, verb, topic, *words):
        return begin([*self.command, verb, topic, "-u", f"pulsar://127.0.0.1:{self.port}", "-i", str(self.interval),
                      *[str(word) for word in words]])

    def run(self, verb, topic, *words, patience_s=150, mark=None):
        """`mark` is told of each interval's end: how many messages there were by then, how many a second in it, and whose
        processor time counts."""
        process, text, messages = self.begin(verb, topic, *words), [], 0
        for line in lines_of(process, patience_s):
            text.append(line)
            found = self.interval_of(line, messages)
            if found and mark:
                messages = found[0]
                mark(messages, found[1], process.pid)
        return read_perf("".join(text), self.skip, self.interval_of)


class PulsarPerf(Perf):
    """The official one; its first seconds are those of its own compiler."""
    interval_of = staticmethod(interval_of_client)

    def __init__(self, port, http, seconds):
        self.directory = tempfile.TemporaryDirectory()
        with open(os.path.join(self.directory.name, "client.conf"), "w") as file:
            file.write(f"webServiceUrl=http://127.0.0.1:{http}/\nbrokerServiceUrl=pulsar://127.0.0.1:{port}/\n")
        self.port, self.skip = port, max(1, int(seconds / 2))
        logging = "-Dlog4j2.configurationFile=" + os.path.join(fetch.RECIPES, "log4j2.xml")
        self.command = ["java", "-Xms1g", "-Xmx1g", "-XX:MaxDirectMemorySize=1g", "-cp", fetch.jars("pulsar") + "/*",
                        "-Djava.net.preferIPv4Stack=true", "-Dio.netty.tryReflectionSetAccessible=true",
                        "-Dio.netty.recycler.maxCapacityPerThread=4096", *OPEN_MODULES, logging,
                        "org.apache.pulsar.testclient.PulsarPerfTestTool", file.name]


def interrupt(process):
    process.send_signal(signal.SIGINT)


# ---- Kafka ----


KAFKA_INTERVALS = 3  # of five seconds, the tool's own; the first is that of its compiler


def read_kafka(lines):
    """Of the lines of its intervals."""
    found = [re.search(r"(\d+) records sent, ([0-9.]+) records/sec", line) for line in lines]
    if not found or not all(found):
        raise Failed("".join(lines).strip()[-300:] or "it said nothing")
    rates = [float(match[2]) for match in found]
    warm = rates[1:] or rates
    return Load(sum(warm) / len(warm), sum(int(match[1]) for match in found), {})


def kafka_produce(jars, port, topic, size, batch_bytes, mark):
    """kafka-producer-perf-test: one producer, all acknowledgements, a batch sent as soon as the one before allows it.

    It counts messages, not seconds: it is ended when it has said enough."""
    process = begin(["java", "-Xms512m", "-Xmx512m", "-cp", jars + "/*", "org.apache.kafka.tools.ProducerPerformance",
                     "--topic", topic, "--num-records", "1000000000", "--record-size", str(size), "--throughput", "-1",
                     "--producer-props", f"bootstrap.servers=127.0.0.1:{port}", "acks=all", f"batch.size={batch_bytes}"])
    lines, messages = [], 0
    try:
        for line in itertools.islice(process.stdout, KAFKA_INTERVALS):
            lines.append(line)
            messages += int(line.split()[0]) if line[:1].isdigit() else 0
            mark(messages, messages, process.pid)
    finally:
        process.kill()
        process.communicate()
    return read_kafka(lines)


# ---- JetStream ----


def nats_produce(port, size, window, seconds):
    said = finish(begin([fetch.nats_load(), "-url", f"nats://127.0.0.1:{port}", "-size", str(size), "-window", str(window),
                         "-seconds", str(seconds)]), 60 + seconds)
    try:
        load = json.loads(said)
    except ValueError:
        raise Failed(said.strip()[-300:]) from None
    return Load(load["counted"] / load["seconds"], load["messages"], load["latency_ms"])
