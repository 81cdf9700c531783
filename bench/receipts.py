# SPDX-License-Identifier: Apache-2.0
"""The notary: how many events a second become receipts, and how long a lone one takes; beside a Rekor that gets the same.

    bench/receipts.py PROGRAM [--events 20000] [--rate 200] [--seconds 10] [--rounds 3] [--rekor BINARY] [--rekor-entries 500]
                    [--url pulsar://...]

Needs the official Python client (tools/interop installs it into build/venv).  A broker and a notary are started, unless
--url names a broker, and in each round, for simple_sign and for batch,

    EVENTS are there when the notary is started again: from its first result to its last, and the CPU time of both for it;
    RATE events a second come for SECONDS: from the moment that an event was due to the arrival of its result;
    with --rekor (rekor-tiles' `posix`) REKOR-ENTRIES are submitted to that by 64 at a time, signed beforehand.

The event is the sample of examples/pulsar without its workflow, some 900 bytes.  Rounds are interleaved; medians.
"""
import argparse
import base64
import concurrent.futures
import hashlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0


def event(workflow):
    body = json.loads((ROOT / "examples" / "pulsar" / "sample-event.json").read_text())
    body["event_id"] = str(uuid.uuid4())
    body["workflow_config"] = {"workflow_type": workflow}
    return body


class Results:
    """Notes when each event's result came."""

    def __init__(self, client, topic):
        self.at = {}
        self.changed = threading.Condition()
        self.consumer = client.subscribe(topic, "bench", message_listener=self.on_message)

    def on_message(self, consumer, message):
        now = time.monotonic()
        event_id = message.partition_key()
        consumer.acknowledge(message)
        with self.changed:
            self.at.setdefault(event_id, now)
            self.changed.notify_all()

    def wait(self, ids, seconds=600):
        with self.changed:
            if not self.changed.wait_for(lambda: all(i in self.at for i in ids), seconds):
                raise SystemExit(f"{sum(i not in self.at for i in ids)} of {len(ids)} results did not come")
            return [self.at[i] for i in ids]


def publish(client, topic, events):
    producer = client.create_producer(topic, block_if_queue_full=True, batching_enabled=True, max_pending_messages=2000)
    for one in events:
        producer.send_async(json.dumps(one).encode(), lambda *_: None)
    producer.flush()
    producer.close()


def throughput(world, workflow, count):
    world.notary.stop()
    events = [event(workflow) for _ in range(count)]
    publish(world.client, world.events, events)
    broker_before = cpu_seconds(world.broker.process.pid) if world.broker else 0
    world.notary.start()
    at = world.results.wait([e["event_id"] for e in events])
    pid = world.notary.process.pid
    return {"rate": count / (max(at) - min(at)), "notary_cpu": cpu_seconds(pid) / count * 1e6,
            "broker_cpu": (cpu_seconds(world.broker.process.pid) - broker_before) / count * 1e6 if world.broker else 0,
            "memory": memory_mib(pid)}


def latencies(world, workflow, rate, seconds):
    producer = world.client.create_producer(world.events, batching_enabled=False)
    due, began = {}, time.monotonic()
    for i in range(rate * seconds):
        one = event(workflow)
        due[one["event_id"]] = moment = began + i / rate
        time.sleep(max(0, moment - time.monotonic()))
        producer.send_async(json.dumps(one).encode(), lambda *_: None)
    producer.flush()
    producer.close()
    at = world.results.wait(list(due))
    waits = sorted(1000 * (a - d) for a, d in zip(at, due.values()))
    return {"p50": waits[len(waits) // 2], "p99": waits[len(waits) * 99 // 100]}


# ---- Rekor ----


class Rekor:
    def __init__(self, binary, directory):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        directory = Path(directory)
        (directory / "log").mkdir(parents=True)
        key = directory / "key.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [binary, "serve", "--http-port", str(port), "--grpc-port", str(port + 1), "--http-metrics-port", str(port + 2),
             "--hostname", "rekor-local", "--storage-dir", directory / "log", "--signer-filepath", key,
             "--checkpoint-interval", "1s", "--batch-max-age", "200ms", "--persistent-antispam"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit("Rekor does not answer")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def rekor_entries(count):
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    entries = []
    for _ in range(count):
        data = json.dumps(event("simple_sign")).encode()
        entries.append(json.dumps({"hashedRekordRequestV002": {
            "digest": base64.b64encode(hashlib.sha256(data).digest()).decode(),
            "signature": {"content": base64.b64encode(key.sign(data, ec.ECDSA(hashes.SHA256()))).decode(),
                          "verifier": {"publicKey": {"rawBytes": base64.b64encode(public).decode()},
                                       "keyDetails": "PKIX_ECDSA_P256_SHA_256"}}}}).encode())
    return entries


def rekor_rate(rekor, count):
    entries = rekor_entries(count)
    waits = []

    def submit(body):
        began = time.monotonic()
        request = urllib.request.Request(rekor.url + "/api/v2/log/entries", body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=60).read()
        waits.append(1000 * (time.monotonic() - began))

    began = time.monotonic()
    before = cpu_seconds(rekor.process.pid)
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        list(pool.map(submit, entries))
    took = time.monotonic() - began
    waits.sort()
    return {"rate": count / took, "p50": waits[len(waits) // 2], "p99": waits[len(waits) * 99 // 100],
            "cpu": (cpu_seconds(rekor.process.pid) - before) / count * 1e6, "memory": memory_mib(rekor.process.pid)}


# ---- all of it ----


class World:
    def __init__(self, options, directory):
        os.environ["GEMINGA"] = str(Path(options.program).resolve())
        import pulsar
        from broker_process import Broker
        from notary_process import Notary
        directory = Path(directory)
        (directory / "broker").mkdir()
        self.broker = None if options.url else Broker(directory / "broker")
        url = options.url or self.broker.url
        self.notary = Notary(url, directory / "notary").start()
        self.client = pulsar.Client(url, logger=pulsar.ConsoleLogger(pulsar.LoggerLevel.Error))
        self.events = self.notary.topics["events"]
        self.results = Results(self.client, self.notary.topics["results"])
        self.rekor = Rekor(options.rekor, directory / "rekor") if options.rekor else None

    def close(self):
        self.client.close()
        self.notary.kill()
        if self.rekor:
            self.rekor.stop()
        if self.broker:
            self.broker.kill()


def median(rounds, key):
    return statistics.median(r[key] for r in rounds)


def report(workflow, backlog, lone):
    print(f"{workflow:12} {median(backlog, 'rate'):8.0f} events/s; CPU us an event: notary {median(backlog, 'notary_cpu'):.0f}, "
          f"broker {median(backlog, 'broker_cpu'):.0f}; notary at most {max(r['memory'] for r in backlog):.0f} MiB; "
          f"one at a time p50 {median(lone, 'p50'):.1f} ms, p99 {median(lone, 'p99'):.1f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--events", type=int, default=20000)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rekor")
    parser.add_argument("--rekor-entries", type=int, default=500)
    parser.add_argument("--url")
    parser.add_argument("--workflows", default="simple_sign,batch")
    options = parser.parse_args()
    workflows = options.workflows.split(",")
    backlog, lone, rekor = {w: [] for w in workflows}, {w: [] for w in workflows}, []
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as directory:
        world = World(options, directory)
        try:
            for _ in range(options.rounds):
                for workflow in workflows:
                    backlog[workflow].append(throughput(world, workflow, options.events))
                    lone[workflow].append(latencies(world, workflow, options.rate, options.seconds))
                if world.rekor:
                    rekor.append(rekor_rate(world.rekor, options.rekor_entries))
        finally:
            world.close()
    for workflow in workflows:
        report(workflow, backlog[workflow], lone[workflow])
    if rekor:
        print(f"{'Rekor v2':12} {median(rekor, 'rate'):8.0f} entries/s, 64 at a time; CPU us an entry: {median(rekor, 'cpu'):.0f}; "
              f"{max(r['memory'] for r in rekor):.0f} MiB; an answer p50 {median(rekor, 'p50'):.0f} ms, p99 {median(rekor, 'p99'):.0f} ms")
    print(f"{options.rounds} rounds of {options.events} events and {options.rate} a second for {options.seconds} s")


if __name__ == "__main__":
    main()
