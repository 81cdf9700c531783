# SPDX-License-Identifier: Apache-2.0
"""What the notary's profiles cost and bring; and what it keeps up in little: a quarter of a core and 256 MiB.

    bench/notary.py PROGRAM [--events 20000] [--size 200] [--rounds 5] [--only NAME ...]

Each round works off the same number of events under each profile in turn, against one broker beside it: events wait in the
topic already, and the time is from a tenth of them to the last one acknowledged.  A machine's speed changes from minute to
minute, so only the ratios within a round are worth keeping.  `small` runs under the default settings, in a control group of
its own with the limits of the Kubernetes manifest's request (as root; control groups of version 1, or skipped).
"""
import argparse
import contextlib
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from pathlib import Path

from figures import CONNECT, Broker, answer, command, number, send, text

ROOT = Path(__file__).resolve().parent.parent
PROFILES = {"default": "pulsar.toml", "low-memory": "notary-low-memory.toml", "high-throughput": "notary-high-throughput.toml",
            "small": "pulsar.toml"}
LIMITS = {"memory": {"memory.limit_in_bytes": 256 << 20}, "cpu": {"cpu.cfs_period_us": 100000, "cpu.cfs_quota_us": 25000}}
HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def event(size):
    return json.dumps({
        "event_id": str(uuid.uuid4()), "source": "bench", "actor": {"actor_type": "ci_system", "id": "bench"},
        "event_type": {"model_deployment": {"model_id": "acme/model", "version": "3f2a", "environment": "production"}},
        "artifacts": [{"name": "model.pkl", "hash_sha256": HASH}], "metadata": {"deployment_id": "d", "note": "x" * size},
        "workflow_config": {"workflow_type": "simple_sign"}}).encode()


def publish(port, topic, count, size):
    """So many events, many on their way at a time."""
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.sendall(CONNECT)
        answer(peer, 3)
        peer.sendall(command(5, 5, text(1, topic) + number(2, 1) + number(3, 1)))
        answer(peer, 17)
        for first in range(0, count, 100):
            numbers = range(first, min(count, first + 100))
            peer.sendall(b"".join(send(i, event(size)) for i in numbers))
            for _ in numbers:
                answer(peer, 7)


@contextlib.contextmanager
def control_group(limits):
    """The directories of a group with these limits; None: there are no such groups here."""
    own = dict(line.rstrip("\n").split(":", 2)[1:] for line in open("/proc/self/cgroup"))
    made = []
    try:
        for controller, values in limits.items():
            path = Path("/sys/fs/cgroup") / controller / own[controller].lstrip("/") / f"geminga-bench-{os.getpid()}"
            path.mkdir()
            made.append(path)
            for name, value in values.items():
                (path / name).write_text(str(value))
        yield made
    except (OSError, KeyError) as why:
        print(f"no control group: {why}", file=sys.stderr)
        yield None
    finally:
        for path in made:
            path.rmdir()


class Notary:
    def __init__(self, program, directory, profile, space, url, groups=()):
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PULSAR_", "GEMINGA_"))}
        environment |= {f"PULSAR_{name.upper()}_TOPIC": f"{space}-{name}" for name in ("events", "results", "status", "errors")}
        environment |= {"PULSAR_SERVICE_URL": url, "PULSAR_DEAD_LETTER_TOPIC": f"{space}-dlq",
                        "GEMINGA_NOTARY_JOURNAL_TOPIC": f"{space}-journal", "GEMINGA_NOTARY_APPROVALS_TOPIC": f"{space}-approvals",
                        "GEMINGA_NOTARY_DATA": f"{directory}/data", "GEMINGA_NOTARY_HTTP_ENABLED": "true",
                        "GEMINGA_NOTARY_HTTP_PORT": "0"}
        self.log = Path(directory) / "log"
        words = [program, "notary", "--config", str(ROOT / "config" / PROFILES[profile])]
        if groups:  # the shell enters them and becomes the notary
            entering = "".join(f"echo $$ > {path}/cgroup.procs && " for path in groups)
            words = ["sh", "-c", entering + 'exec "$@"', "sh", *words]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(words, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def processed(self):
        if self.process.poll() is not None:
            raise SystemExit(f"the notary ended:\n{self.log.read_text()[-2000:]}")
        port = re.search(r"on 127\.0\.0\.1:(\d+)", self.log.read_text())
        if not port:
            return 0
        with urllib.request.urlopen(f"http://127.0.0.1:{port[1]}/metrics", timeout=60) as answer_:
            return int(re.search(rb"^pulsar_messages_processed_total\{[^}]*\} (\d+)", answer_.read(), re.M)[1])

    def work_off(self, count):
        """Events per second, from a tenth of them to the last."""
        while (first := self.processed()) < count // 10:
            time.sleep(0.005)
        began = time.perf_counter()
        while (now := self.processed()) < count:
            time.sleep(0.02)
        return (now - first) / (time.perf_counter() - began)

    def peak_mib(self):
        return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())[1]) / 1024

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


def measure(program, broker, profile, count, size, groups=()):
    space = f"persistent://public/default/bench-{uuid.uuid4().hex[:8]}"
    publish(broker.port, f"{space}-events", count, size)
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as directory:
        notary = Notary(program, directory, profile, space, broker.ready["service_url"], groups)
        try:
            return notary.work_off(count), notary.peak_mib()
        finally:
            notary.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--events", type=int, default=20000)
    parser.add_argument("--size", type=int, default=200, help="bytes of text in each event, besides 400 that it has")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", choices=PROFILES, default=list(PROFILES))
    options = parser.parse_args()
    figures = {name: [] for name in options.only}
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as data:
        broker = Broker(options.program, data)
        try:
            for _ in range(options.rounds):
                for name in options.only:
                    with control_group(LIMITS if name == "small" else {}) as groups:
                        if groups is not None:
                            figures[name].append(measure(options.program, broker, name, options.events, options.size, groups))
        finally:
            broker.stop()
    base = figures.get("default")
    print(f"{'profile':<18} {'events/s':>10} {'of default':>11} {'peak MiB':>9} {'of default':>11}   "
          f"(medians of {options.rounds} rounds, {options.events} events each)")
    for name, measured in figures.items():
        if not measured:
            continue
        rates, peaks = zip(*measured)
        ratios = [statistics.median(mine[i] / other[i] for mine, other in zip(measured, base)) if base else 1 for i in (0, 1)]
        print(f"{name:<18} {statistics.median(rates):>10.0f} {ratios[0]:>11.2f} {statistics.median(peaks):>9.1f} {ratios[1]:>11.2f}")
    print(f"worked off {options.events * sum(map(len, figures.values()))} events under {len(figures)} profiles")


if __name__ == "__main__":
    main()
