# SPDX-License-Identifier: Apache-2.0
"""The plots, SVG by gnuplot: bars of rates and processor times, and latencies by quantile."""
import math
import os
import shutil
import subprocess

from .goals import Medians

COLOURS = {"geminga": "#0b6e4f", "pulsar": "#c8553d"}
HEAD = """set terminal svg size 900,{height} noenhanced font 'sans,13' background '#ffffff'
set output '{name}'
set title '{title}'
set border 3
set tics nomirror
set key outside bottom center horizontal
"""
ROW = 30  # pixels, of a case with its bars


def quote(text):
    return "'" + text.replace("'", "''") + "'"


def bars(name, title, labels, series):
    """series: [(title, colour, [value or None])]; lying, on a logarithmic axis, for they differ by hundreds."""
    known = [value for *_, values in series for value in values if value]
    least = 10 ** math.floor(math.log10(min(known)))
    script = [HEAD.format(name=name, title=title, height=110 + ROW * len(labels)), "set logscale x", "set format x '%.0s %c'",
              f"set xrange [{least:g}:{2 * max(known):g}]", f"set yrange [{len(labels) - 0.5}:-0.5]", "set grid xtics lc '#dddddd'",
              "set style fill solid noborder", "$d << END"]
    script += [" ".join([f'"{label}"', *(f"{values[i] or least:.6g}" for *_, values in series)]) for i, label in enumerate(labels)]
    height = 0.8 / len(series)
    script += ["END", "plot " + ", ".join(
        f"$d using {i + 2}:0:({least:g}):{i + 2}:($0-0.4+{i * height:.3f}):($0-0.4+{(i + 1) * height:.3f}):ytic(1) "
        f"with boxxyerror lc rgb '{colour}' title {quote(legend)}" for i, (legend, colour, _) in enumerate(series))]
    return "\n".join(script)


def lines(name, title, labels, series):
    """series: [(title, colour, [value or None])]"""
    script = [HEAD.format(name=name, title=title, height=420), "set logscale y", "set ylabel 'ms'", "set grid ytics lc '#dddddd'",
              f"set xrange [-0.2:{len(labels) - 0.8}]", "$d << END"]
    script += [" ".join([f'"{label}"', *("NaN" if values[i] is None else f"{values[i]:.6g}" for *_, values in series)])
               for i, label in enumerate(labels)]
    script += ["END", "plot " + ", ".join(
        f"$d using 0:{i + 2}:xtic(1) with linespoints lw 2 pt 7 ps 0.5 lc rgb '{colour}' title {quote(legend)}"
        for i, (legend, colour, _) in enumerate(series))]
    return "\n".join(script)


def pair(m, cases, field):
    return [(legend, COLOURS[system], [m.of(case.key, system, field) for case in cases])
            for system, legend in (("geminga", "Geminga"), ("pulsar", "Apache Pulsar"))]


def latency_series(m):
    quantiles = ("p50", "p95", "p99", "p99.9", "p99.99")
    four = (("geminga", "lat1k", "Geminga, 1,000/s", "#7fc8ab"), ("geminga", "lat10k", "Geminga, 10,000/s", COLOURS["geminga"]),
            ("pulsar", "lat1k", "Apache Pulsar, 1,000/s", "#ecb6a6"), ("pulsar", "lat10k", "Apache Pulsar, 10,000/s", COLOURS["pulsar"]))
    return quantiles, [(legend, colour, [m.of(case, system, quantile) for quantile in quantiles])
                       for system, case, legend, colour in four]


def scripts(run, cases):
    """{name of the file: (title, gnuplot script)}"""
    m = Medians(run)
    both = [case for case in cases if (case.key, "geminga") in run.samples and (case.key, "pulsar") in run.samples]
    fast = [case for case in both if getattr(case, "rate", 0) in (0, 10**7) and not getattr(case, "part", 0)]
    found = {}
    if fast:
        labels = [case.title for case in fast]
        title = "Messages a second, every receipt behind a sync"
        found["peers-rates.svg"] = (title, bars("peers-rates.svg", title, labels, pair(m, fast, "rate")))
        title = "Processor seconds of the broker for a million messages"
        found["peers-processor.svg"] = (title, bars("peers-processor.svg", title, labels, pair(m, fast, "cpu")))
    if ("lat10k", "geminga") in run.samples:
        title = "From the call that sends to the receipt, 1 KB"
        found["peers-latency.svg"] = (title, lines("peers-latency.svg", title, *latency_series(m)))
    return found


def draw(run, cases, directory):
    """[(file, title)] of those that were written; none without gnuplot."""
    if not shutil.which("gnuplot"):
        return []
    drawn = []
    for name, (title, script) in scripts(run, cases).items():
        subprocess.run(["gnuplot"], input=script, text=True, check=True, cwd=os.path.abspath(directory))
        drawn.append((name, title))
    return drawn
