# SPDX-License-Identifier: Apache-2.0
"""The tables, as text for a terminal and as Markdown for docs/: pure functions of a Run."""
import statistics

from .alone import STREAMS
from .goals import Medians, goals, quantile_of

GOALS_BEGIN = "<!-- make bench writes from here -->"
GOALS_END = "<!-- to here -->"
PAIRS = (("geminga", "pulsar"), ("geminga-os", "pulsar-unsynced"))


def number(value, digits=2):
    """Three figures of it, without an exponent; a dash for what was not measured."""
    if value is None:
        return "-"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.{max(0, digits if value < 10 else digits - 1)}f}"


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|" + " --- |" * len(head),
                      *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def text_table(head, rows):
    """The same with columns that stand below each other."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                               for i, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in [head, *rows]) + "\n"


def spread(run, case, system, field):
    """The median, smallest and largest in brackets."""
    values = [getattr(sample, field) for sample in run.samples.get((case, system), [])]
    if not values:
        return "-"
    median = number(Medians(run).of(case, system, field))
    return median if len(values) == 1 else f"{median} ({number(min(values))} to {number(max(values))})"


def ratio(m, case, ours, theirs, field):
    found = m.ratio(case, ours, theirs, field)
    return "-" if found is None else f"{found:.1f} x" if found >= 1 else f"1/{1 / found:.1f}" if found else "0"


# ---- the tables ----


def goal_rows(run, all_of=True):
    words = {True: "yes", False: "**no**", None: "not measured"}
    return ["goal", "measured", "met"], [[goal.text, goal.measured, words[goal.met]] for goal in goals(run)
                                         if all_of or goal.met is not None]


def rate_rows(run, cases, ours, theirs):
    """Cases that both have had: rates and processor times."""
    m = Medians(run)
    head = ["", "messages/s", "Pulsar's", "ratio", "s of processor for a million", "Pulsar's", "ratio", "the load's",
            "share of a core: broker, load"]
    rows = []
    for case in cases:
        if (case.key, ours) not in run.samples or (case.key, theirs) not in run.samples:
            continue
        shares = f"{number(m.of(case.key, ours, 'share'))}, {number(m.of(case.key, ours, 'load_share'))}"
        rows.append([case.title, spread(run, case.key, ours, "rate"), spread(run, case.key, theirs, "rate"),
                     ratio(m, case.key, ours, theirs, "rate"), number(m.of(case.key, ours, "cpu")),
                     number(m.of(case.key, theirs, "cpu")), ratio(m, case.key, ours, theirs, "cpu"),
                     number(m.of(case.key, ours, "load_cpu")), shares])
    return head, rows


LATENCIES = ("p50", "p99", "p99.9", "p99.99")


def latency_rows(run, cases):
    m = Medians(run)
    head = ["", "messages/s", *LATENCIES]
    rows = []
    for case in cases:
        if not (getattr(case, "rate", 10**7) < 10**7 or getattr(case, "part", 0)):
            continue
        for system, name in (("geminga", "Geminga"), ("pulsar", "Pulsar"), ("geminga-os", "Geminga, os"),
                             ("pulsar-unsynced", "Pulsar, unsynced")):
            if (case.key, system) in run.samples:
                rows.append([f"{case.title}: {name}", number(m.of(case.key, system, "rate")),
                             *(number(m.of(case.key, system, quantile)) for quantile in LATENCIES)])
    for title, found in (("the disk alone: each written and synced", run.paced),
                         ("loopback and disk alone: each sent, written, synced and answered", run.echoed)):
        if rows and found:
            rows.append([f"1,000/s of 1 KB, {title}", "1,000", *(number(quantile_of(found, quantile)) for quantile in LATENCIES)])
    return head, rows


def other_rows(run, systems):
    m = Medians(run)
    head = ["", "messages/s", "Geminga synced beside it", "s of processor for a million", "p50 ms", "p99 ms"]
    rows = []
    for case, name in (("small", "batches of 16 KB"), ("n1k", "each by itself")):
        for system in systems:
            if (case, system.key) not in run.samples or system.key.startswith(("pulsar", "geminga-")):
                continue
            rows.append([f"{system.title}, {name}", spread(run, case, system.key, "rate"),
                         "" if system.key == "geminga" else ratio(m, case, "geminga", system.key, "rate"),
                         number(m.of(case, system.key, "cpu")), number(m.of(case, system.key, "p50")),
                         number(m.of(case, system.key, "p99"))])
    return head, rows


def system_rows(run, systems):
    m = Medians(run)
    head = ["", "ready after", "memory then", "memory at most", "turns"]
    rows = []
    for system in systems:
        if system.key in run.memory:
            rows.append([system.title, number(m.start_s(system.key), 3) + " s",
                         number(m.memory_mb(system.key, 0), 1) + " MiB", number(m.memory_mb(system.key, 1), 1) + " MiB",
                         str(len(run.memory[system.key]))])
    return head, rows


def disk_rows(run):
    m = Medians(run)
    size = sorted(run.synced_bytes)[len(run.synced_bytes) // 2] if run.synced_bytes else 0
    rate = m.of("p1k", "geminga", "rate")
    head = ["", "MB/s", "Geminga's 1 KB batched, of it"]
    rows = []
    for name, title in STREAMS.items():
        raw = m.raw(name)
        if raw:
            rows.append([title.format(size=size >> 10), number(raw / 1e6), number(rate * 1024 / raw) if rate else "-"])
    return head, rows


def sections(run, cases, systems):
    """(title, prose, head, rows) of each table, in order."""
    found = [
        ("Both with every receipt behind a sync",
         "Messages a second and processor time; a ratio of rates above 1 and one of times below are ours to have. The last "
         "two columns are Geminga's: the processor time of the load itself for a million messages, and what of a core broker "
         "and load used, which says who is at its limit.", *rate_rows(run, cases, "geminga", "pulsar")),
        ("Both with their weaker promise", "Geminga with `durability` os, Pulsar as its standalone comes, without `journalSyncData`.",
         *rate_rows(run, cases, "geminga-os", "pulsar-unsynced")),
        ("Pulsar without syncs beside Geminga with them", "", *rate_rows(run, cases, "geminga", "pulsar-unsynced")),
        ("Latencies", "Milliseconds. Publishing: from the call that sends to its receipt, both batched for 1 ms. What is alone is not batched, "
         "and the least that any broker takes here. Tailing: from publish "
         "time to the consumer, in whole milliseconds; parts are of each system's own maximum.", *latency_rows(run, cases)),
        ("Kafka and JetStream", "1 KB, one producer. Kafka by its own `kafka-producer-perf-test`, JetStream by nats.go "
         "(`bench/peers/recipes/natsload`) with 1,000 messages under way, Geminga by `geminga perf produce`.",
         *other_rows(run, systems)),
        ("Start and memory", "Until the first request is answered; resident memory then, and at most in all cases of a turn.",
         *system_rows(run, systems)),
        ("The disk alone, and behind the loopback", "In the same turns, behind the first case. The last row is what no broker of this "
         "protocol can be beyond on this machine: nothing is made, parsed or answered there.", *disk_rows(run))]
    return [section for section in found if section[3]]


def markdown(run, cases, systems, about, plots):
    lines = ["# Beside Pulsar, Kafka and JetStream", "",
             "Written by `make bench` ([how](../bench/README.md)). " + about, ""]
    lines += [f"![{title}]({name})\n" for name, title in plots]
    for title, prose, head, rows in sections(run, cases, systems):
        lines += [f"## {title}", "", *([prose, ""] if prose else []), table(head, rows)]
    return "\n".join(lines)


def terminal(run, cases, systems):
    lines = []
    for title, _, head, rows in sections(run, cases, systems) + [("Goals", "", *goal_rows(run, False))]:
        lines += [title, text_table(head, rows)]
    return "\n".join(lines)


def between_markers(document, generated):
    """The document with what stands between the two markers replaced."""
    head, found, rest = document.partition(GOALS_BEGIN)
    _, ends, tail = rest.partition(GOALS_END)
    if not found or not ends:
        raise ValueError("the document has no markers")
    return head + GOALS_BEGIN + "\n" + generated.strip() + "\n" + GOALS_END + tail
