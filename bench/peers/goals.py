# SPDX-License-Identifier: Apache-2.0
"""What was to be reached: each goal as a row, its figure a ratio of medians of one run, met or not.

A goal whose cases were not measured says so; none is met by absence.
"""
import dataclasses
import statistics


@dataclasses.dataclass
class Goal:
    text: str
    measured: str
    met: object  # True, False; None: not measured


class Medians:
    """Of a Run."""

    def __init__(self, run):
        self.run = run

    def of(self, case, system, field):
        """A field of Sample, or a name among its latencies; None: not measured."""
        values = [sample.latency.get(field) if field not in vars(sample) else getattr(sample, field)
                  for sample in self.run.samples.get((case, system), [])]
        values = [value for value in values if value is not None]
        return statistics.median(values) if values else None

    def ratio(self, case, system, other, field, other_case=None):
        one, two = self.of(case, system, field), self.of(other_case or case, other, field)
        return None if one is None or not two else one / two

    def start_s(self, system):
        found = self.run.starts.get(system)
        return statistics.median(found) if found else None

    def memory_mb(self, system, after):
        found = self.run.memory.get(system)
        return statistics.median(pair[after] for pair in found) / 1024 if found else None

    def raw(self, name):
        found = self.run.raw.get(name)
        return statistics.median(found) if found else None


def at_most(text, value, limit, form="{:.3f}"):
    if value is None:
        return Goal(text, "not measured", None)
    return Goal(text, form.format(value), value <= limit)


def at_least(text, value, limit, form="{:.1f} x"):
    if value is None:
        return Goal(text, "not measured", None)
    return Goal(text, form.format(value), value >= limit)


def beside(goal, words):
    """A missed goal tells how near to this machine's own limit its figure is."""
    return dataclasses.replace(goal, measured=f"{goal.measured}; {words}") if goal.met is False and words else goal


def quantile_of(found, quantile):
    """The median of what alone.py measured one by one."""
    values = [one[quantile] for one in found if quantile in one]
    return statistics.median(values) if values else None


def of_the_machine(m, case):
    """What a rate is of loopback and disk one behind the other."""
    rate, limit = m.of(case, "geminga", "rate"), m.raw("checked")
    return f"{rate * 1024 / limit:.2f} of what loopback and disk do alone" if rate and limit else None


def over_the_floor(m, case, quantile):
    took, floor = m.of(case, "geminga", quantile), quantile_of(m.run.echoed, quantile)
    return f"{took:.1f} ms, loopback and disk alone {floor:.1f} ms" if took and floor else None


def times(value):
    """A part as one in so many, which is how people say it."""
    return "not measured" if value is None else f"1/{1 / value:.1f}" if value else "0"


def part(text, value, limit):
    return Goal(text, times(value), None if value is None else value <= limit)


# "all it can" would charge what is published beyond what the consumer takes to what it takes.
DISPATCHED = (("tail80", "published and dispatched, 80 % of what a consumer takes"), ("shared", "dispatched to 100 consumers, Shared"),
              ("keyshared", "dispatched to 100 consumers, Key_Shared"), ("drain", "a backlog drained"))


def processor(m):
    for case, name in (("p1k", "1 KB batched"), ("n1k", "1 KB unbatched"), ("p100", "100 B batched"), *DISPATCHED):
        yield part(f"broker's processor time of a message, {name}: at most 1/10 of Pulsar's",
                   m.ratio(case, "geminga", "pulsar", "cpu"), 1 / 10)


def throughput(m):
    yield beside(at_least("unbatched 1 KB, our load on both: at least 5 x Pulsar", m.ratio("n1k", "geminga", "pulsar", "rate"), 5),
                 of_the_machine(m, "n1k"))
    rate = m.of("p1k", "geminga", "rate")
    for name, text in (("large", "4 MiB a sync"), ("as ours", "as large syncs as ours")):
        raw = m.raw(name)
        yield beside(at_least(f"batched 1 KB: at least 0.8 of the raw disk, {text}", rate * 1024 / raw if rate and raw else None,
                              0.8, "{:.2f}"), of_the_machine(m, "p1k"))
    yield at_least("batched 1 KB, our load on both: ahead of Pulsar", m.ratio("p1k", "geminga", "pulsar", "rate"), 1)
    yield at_least("batched 1 KB, pulsar-perf on both: ahead of Pulsar", m.ratio("op1k", "geminga", "pulsar", "rate"), 1)
    for case, load in (("p100", "our load"), ("op100", "pulsar-perf")):
        share, client = m.of(case, "geminga", "share"), m.of(case, "geminga", "load_share")
        yield Goal(f"100 B batched, {load}: bound by the client, the broker under 0.25 of a core",
                   "not measured" if share is None else f"{share:.2f} of a core, the load {client:.2f}",
                   None if share is None else share < 0.25 and client > share)


def latency(m):
    for case, name in (("lat1k", "1,000/s, our load"), ("lat10k", "10,000/s, our load"), ("olat1k", "1,000/s, pulsar-perf"),
                       ("olat10k", "10,000/s, pulsar-perf")):
        for quantile, limit in (("p99", 2), ("p99.9", 5)):
            goal = part(f"send to receipt at {name}, {quantile}: at most 1/{limit} of Pulsar's",
                        m.ratio(case, "geminga", "pulsar", quantile), 1 / limit)
            yield beside(goal, over_the_floor(m, case, quantile)) if case.endswith("lat1k") else goal
    found = [one.own for one in m.run.lone]
    yield at_most("a lone publish inside the broker, beside its write and sync: at most 50 us",
                  statistics.median(found) if found else None, 50, "{:.0f} us")


def others(m):
    for peer, name in (("kafka", "Kafka, a flush each batch"), ("jetstream", "JetStream, sync_interval always")):
        case = "small" if peer == "kafka" else "n1k"
        what = "batches of 16 KB on both" if peer == "kafka" else "each message by itself on both"
        yield at_least(f"{name}; {what}: at least 5 x", m.ratio(case, "geminga", peer, "rate"), 5)
        if peer == "jetstream":
            yield at_least(f"{name}, which has no batches; ours in batches of 16 KB: at least 5 x",
                           m.ratio("small", "geminga", peer, "rate", "n1k"), 5)
    for peer, name in (("kafka-unsynced", "Kafka as it comes, unsynced"), ("jetstream-unsynced", "JetStream as it comes, unsynced")):
        case = "small" if peer.startswith("kafka") else "n1k"
        what = "batches of 16 KB on both" if peer.startswith("kafka") else "each message by itself on both"
        yield at_least(f"{name}, ours synced; {what}: not slower", m.ratio(case, "geminga", peer, "rate"), 1)


def footprint(m):
    for after, limit, text in ((0, 50, "memory when ready"), (1, 20, "memory under the same load, at most")):
        ours, theirs = m.memory_mb("geminga", after), m.memory_mb("pulsar", after)
        yield part(f"{text}: at most 1/{limit} of Pulsar's", ours / theirs if ours and theirs else None, 1 / limit)
    ours, theirs = m.start_s("geminga"), m.start_s("pulsar")
    yield at_least("start to the first request that is answered: 100 x sooner", theirs / ours if ours and theirs else None, 100,
                   "{:.0f} x")


def goals(run):
    m = Medians(run)
    return [goal for group in (processor, throughput, latency, others, footprint) for goal in group(m)]
