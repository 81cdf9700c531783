# SPDX-License-Identifier: Apache-2.0
"""What is measured: a table of cases, and how each kind of case is run.

A case names the systems it is for, and in how many rounds at most it is taken (those that goals speak of in all).  Its
`run` gets a Turn, which is one system that is up, and gives back a Sample.
"""
import dataclasses
import itertools
import os
import shutil
import time

from . import loads
from .server import children_seconds, cpu_seconds, machine_seconds
from .systems import answer

KB = 1024
ALL_PULSARS = ("geminga", "pulsar", "geminga-os", "pulsar-unsynced")
SYNCED_PULSARS = ("geminga", "pulsar")
OTHERS = ("geminga", "kafka", "kafka-unsynced", "jetstream", "jetstream-unsynced")
MAXIMUM = 10_000_000   # messages a second, which is no limit
TAIL_LEAD_S = 1.5      # the producer runs before the consumer comes
DELETED_MAX = 100
SETTLED_BYTES = 16 << 20  # less than this becomes free in a look's time
SETTLE_LOOK_S = 0.3
SETTLE_MAX_S = 8
EARLIEST = b'{"ledgerId": -1, "entryId": -1, "partitionIndex": -1}'
numbers = itertools.count(1)


@dataclasses.dataclass
class Sample:
    rate: float                      # messages a second
    cpu: float                       # processor seconds of the server, for a million messages
    load_cpu: float                  # ... of the load
    share: float                     # of a core, that the server used
    load_share: float                # ... that the load used
    others: float                    # of the machine: what neither used
    latency: dict                    # milliseconds, by name
    size: int = 0


def settle(directory):
    """Until the space of what was deleted has come back, which takes the disk's time; a bookie's comes minutes later."""
    ends, before = time.monotonic() + SETTLE_MAX_S, 0
    while time.monotonic() < ends:
        free = shutil.disk_usage(directory).free
        if free - before < SETTLED_BYTES:
            return
        before = free
        time.sleep(SETTLE_LOOK_S)


@dataclasses.dataclass
class Turn:
    """One system that is up."""
    system: object
    server: object
    program: str
    seconds: float
    tail_max: float = 0  # messages a second that a consumer kept up with
    topics: list = dataclasses.field(default_factory=list)  # the admin URLs of those that the case made

    def perf(self):
        return loads.Perf(self.program, self.server.port)

    def topic(self, partitions=1, count=1):
        """A new one; of a load with `count` topics what their names begin with."""
        name = f"bench-{next(numbers)}"
        if partitions > 1:
            answer(f"{self.admin(name)}/partitions", str(partitions).encode(), "PUT")
        self.topics += [self.admin(name if count == 1 else f"{name}-{i}") + ("/partitions" if partitions > 1 else "")
                        for i in range(min(count, DELETED_MAX))]
        return name

    def tidy(self):
        """Deletes them: the disk has room for a case, not for all of a turn, and the next case is to be measured alone."""
        for url in self.topics if self.server.http and self.system.protocol == "pulsar" else []:
            answer(url + "?force=true", None, "DELETE")
        self.topics = []
        settle(os.path.dirname(self.server.log))

    def admin(self, topic):
        return f"http://127.0.0.1:{self.server.http}/admin/v2/persistent/public/default/{topic}"


class Clock:
    """Processor seconds: between the intervals' ends that a load told of, without the first ones, or of all of it."""

    def __init__(self, turn, beside=None):
        self.turn, self.beside, self.marks = turn, beside, []
        self.began = self.now(children_seconds())

    def now(self, load):
        client = load + (cpu_seconds(self.beside.pid) if self.beside else 0)
        return time.perf_counter(), self.turn.server.cpu(), client, machine_seconds()

    def mark(self, messages, rate, pid):
        self.marks.append((messages, rate, self.now(cpu_seconds(pid))))

    def sample(self, load, size, skip=1):
        messages, began, ended = load.messages, self.began, self.now(children_seconds())
        marks = loads.sending(self.marks)
        if len(marks) > skip:
            (before, _, began), (after, _, ended) = marks[skip - 1], marks[-1]
            messages = after - before
        wall, server, client, machine = (now - then for now, then in zip(ended, began))
        millions = max(messages, 1) / 1e6
        return Sample(load.rate, server / millions, client / millions, server / wall, client / wall,
                      max(0.0, machine - server - client) / wall, load.latency, size)


@dataclasses.dataclass
class Case:
    key: str
    title: str
    systems: tuple
    rounds: int = 100
    official: bool = False  # by pulsar-perf

    def run(self, turn):
        raise NotImplementedError


@dataclasses.dataclass
class Publish(Case):
    """As fast as receipts come, or at a rate."""
    size: int = KB
    batched: bool = True
    rate: int = MAXIMUM
    topics: int = 1
    partitions: int = 1
    producers: int = 1
    batch: tuple = ()  # messages, bytes

    def words(self):
        words = ["-s", self.size, "-r", self.rate, "-t", self.topics, "-n", self.producers]
        if not self.batched:
            # The window is of each producer; that of a topic alone is 1,000.
            words += ["-db", "-o", max(10, 1000 // (self.topics * self.producers))]
        if self.batch:
            words += ["-bm", self.batch[0], "-bb", self.batch[1]]
        if self.producers > 1:
            words += ["-c", min(10, self.producers)]
        return words

    def run(self, turn):
        if turn.system.protocol == "kafka":
            return self.run_kafka(turn)
        if turn.system.protocol == "nats":
            return self.run_nats(turn)
        # The official load needs time for its compiler.
        seconds = 3 * turn.seconds if self.official else turn.seconds
        perf = loads.PulsarPerf(turn.server.port, turn.server.http, seconds) if self.official else turn.perf()
        warm = seconds / 2 if self.official else 1
        topic, clock = turn.topic(self.partitions, self.topics), Clock(turn)
        load = perf.run("produce", topic, *self.words(), "-ml", "64M", "-time", int(seconds), "--warmup-time", warm,
                        mark=clock.mark)
        return clock.sample(load, self.size, perf.skip)

    def run_kafka(self, turn):
        clock = Clock(turn)
        load = loads.kafka_produce(turn.system.jars, turn.server.port, turn.topic(), self.size,
                                   self.batch[1] if self.batched else 0, clock.mark)
        return clock.sample(load, self.size)

    def run_nats(self, turn):
        clock = Clock(turn)
        load = loads.nats_produce(turn.server.port, self.size, 1000, turn.seconds)
        return clock.sample(load, self.size)


@dataclasses.dataclass
class Tail(Case):
    """Publish time to receipt at a consumer that comes to a running stream: all of what it can, a part of that, a rate."""
    part: float = 0  # of the maximum, which the case without part and rate told
    rate: int = 0

    def run(self, turn):
        wanted = self.rate or int(self.part * turn.tail_max) or MAXIMUM
        topic, perf = turn.topic(), turn.perf()
        producer = perf.begin("produce", topic, "-s", KB, "-r", wanted, "-time", int(turn.seconds + 2 * TAIL_LEAD_S + 1))
        try:
            time.sleep(TAIL_LEAD_S)
            clock = Clock(turn, producer)
            load = perf.run("consume", topic, "-ss", "s", "-sp", "Latest", "-time", int(turn.seconds),
                            mark=clock.mark)
            sample = clock.sample(load, KB)
        finally:
            loads.interrupt(producer)
            loads.finish(producer, 60)
        if wanted == MAXIMUM:
            turn.tail_max = load.rate
        return sample


@dataclasses.dataclass
class Drain(Case):
    """A backlog that was published before is consumed and acknowledged."""
    batched: bool = True
    consumers: int = 1
    kind: str = "Exclusive"
    keys: bool = False
    messages_each_second: int = 100_000  # of a turn

    def run(self, turn):
        topic, perf, messages = turn.topic(), turn.perf(), int(self.messages_each_second * turn.seconds)
        answer(turn.admin(topic), b"", "PUT")
        if answer(turn.admin(topic) + "/subscription/s", EARLIEST, "PUT") is None:
            raise loads.Failed("no subscription could be made")
        words = [] if self.batched else ["-db", "-o", 1000]
        words += ["-mk", "random"] if self.keys else []
        perf.run("produce", topic, "-s", KB, "-r", MAXIMUM, "-m", messages, *words)
        clock = Clock(turn)
        load = perf.run("consume", topic, "-ss", "s", "-st", self.kind, "-n", self.consumers, "-m", messages,
                        "-q", 1000 if self.consumers == 1 else 100, "-time", 60)
        if load.messages < messages:
            raise loads.Failed(f"{load.messages} of {messages} messages came")
        return clock.sample(load, KB)


CASES = [
    # Those of the goals, in all rounds.
    Publish("p1k", "1 KB batched", ALL_PULSARS),
    Publish("n1k", "1 KB unbatched", ALL_PULSARS + ("jetstream", "jetstream-unsynced"), batched=False),
    Publish("p100", "100 B batched", ALL_PULSARS, size=100),
    Publish("lat1k", "1,000/s of 1 KB", ALL_PULSARS, rate=1_000),
    Publish("lat10k", "10,000/s of 1 KB", ALL_PULSARS, rate=10_000),
    Publish("small", "1 KB in batches of 16 KB", ("geminga", "kafka", "kafka-unsynced"), batch=(16, 16 * KB)),
    Tail("tail", "tailing, all it can", SYNCED_PULSARS),
    Drain("drain", "a backlog drained", SYNCED_PULSARS),
    Publish("op1k", "pulsar-perf: 1 KB batched", SYNCED_PULSARS, official=True, rounds=2),
    Publish("on1k", "pulsar-perf: 1 KB unbatched", SYNCED_PULSARS, official=True, batched=False, rounds=2),
    Publish("op100", "pulsar-perf: 100 B batched", SYNCED_PULSARS, official=True, size=100, rounds=2),
    Publish("olat1k", "pulsar-perf: 1,000/s of 1 KB", SYNCED_PULSARS, official=True, rate=1_000, rounds=2),
    Publish("olat10k", "pulsar-perf: 10,000/s of 1 KB", SYNCED_PULSARS, official=True, rate=10_000, rounds=2),
    # The rest of the matrix.
    Tail("tail10", "tailing, 10 % of it", SYNCED_PULSARS, part=0.1),
    Tail("tail50", "tailing, 50 % of it", SYNCED_PULSARS, part=0.5),
    Tail("tail80", "tailing, 80 % of it", SYNCED_PULSARS, part=0.8),
    Tail("tail10k", "tailing, 10,000/s", SYNCED_PULSARS, rate=10_000),
    Publish("n100", "100 B unbatched", SYNCED_PULSARS, size=100, batched=False, rounds=2),
    Publish("p64k", "64 KB batched", SYNCED_PULSARS, size=64 * KB, rounds=2),
    Publish("n64k", "64 KB unbatched", SYNCED_PULSARS, size=64 * KB, batched=False, rounds=2),
    Publish("part16", "16 partitions, batched", SYNCED_PULSARS, partitions=16, rounds=2),
    Publish("npart16", "16 partitions, unbatched", SYNCED_PULSARS, partitions=16, batched=False, rounds=2),
    Publish("t100", "100 topics, batched", SYNCED_PULSARS, topics=100, rounds=2),
    Publish("nt100", "100 topics, unbatched", SYNCED_PULSARS, topics=100, batched=False, rounds=2),
    Publish("prod1000", "1,000 producers, batched", SYNCED_PULSARS, producers=1000, rounds=2),
    Publish("nprod1000", "1,000 producers, unbatched", SYNCED_PULSARS, producers=1000, batched=False, rounds=2),
    Drain("shared", "Shared, 100 consumers", SYNCED_PULSARS, rounds=2, batched=False, consumers=100, kind="Shared",
          messages_each_second=30_000),
    Drain("keyshared", "Key_Shared, 100 consumers", SYNCED_PULSARS, rounds=2, batched=False, consumers=100,
          kind="Key_Shared", keys=True, messages_each_second=30_000),
    Publish("nt10k", "10,000 topics, unbatched", SYNCED_PULSARS, topics=10_000, batched=False, rounds=1),
]
