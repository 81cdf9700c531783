# SPDX-License-Identifier: Apache-2.0
"""The plots, SVG by gnuplot: bars of rates and processor times, and latencies by quantile."""
import os
import shutil
import subprocess

from .goals import Medians

COLOURS = {"geminga": "#0b6e4f", "pulsar": "#c8553d", "kafka": "#6b6f75", "kafka-unsynced": "#b5b8bd", "jetstream": "#34629a",
           "jetstream-unsynced": "#9bb8d9"}
HEAD = """set terminal svg size 900,{height} font 'sans,13' background '#ffffff'
set output '{name}'
set grid ytics lc '#dddddd'
set border 3
set tics nomirror
set key top right
"""


def quote(text):
    return "'" + text.replace("'", "''") + "'"


def bars(name, title, labels, series):
    """series: [(title, colour, [value or None])]; on a logarithmic axis, for they differ by hundreds."""
    script = [HEAD.format(name=name, height=420), f"set title {quote(title)}", "set logscale y", "set style data histograms",
              "set style fill solid", "set boxwidth 0.9", "set xtics rotate by -25", "set rmargin 8", "$d << END"]
    script += [" ".join([f'"{label}"', *("NaN" if values[i] is None else f"{values[i]:.6g}" for _, _, values in series)])
               for i, label in enumerate(labels)]
    script += ["END", "plot " + ", ".join(f"$d using {i + 2}:xtic(1) title {quote(legend)} lc rgb '{colour}'"
                                          for i, (legend, colour, _) in enumerate(series))]
    return "\n".join(script)


def lines(name, title, labels, series):
    """series: [(title, colour, dash, [value or None])]"""
    script = [HEAD.format(name=name, height=420), f"set title {quote(title)}", "set logscale y", "set ylabel 'ms'", "set key top left",
              "$d << END"]
    script += [" ".join([f'"{label}"', *("NaN" if values[i] is None else f"{values[i]:.6g}" for *_, values in series)])
               for i, label in enumerate(labels)]
    script += ["END", "plot " + ", ".join(
        f"$d using 0:{i + 2}:xtic(1) with linespoints lw 2 pt 7 ps 0.6 dt {dash} lc rgb '{colour}' title {quote(legend)}"
        for i, (legend, colour, dash, _) in enumerate(series))]
    return "\n".join(script)


def pair(m, cases, field):
    return [(legend, COLOURS[system], [m.of(case.key, system, field) for case in cases])
            for system, legend in (("geminga", "Geminga"), ("pulsar", "Apache Pulsar"))]


def latency_series(m):
    quantiles = ("p50", "p95", "p99", "p99.9", "p99.99")
    return quantiles, [(f"{legend}, {rate}", COLOURS[system], dash, [m.of(case, system, quantile) for quantile in quantiles])
                       for system, legend in (("geminga", "Geminga"), ("pulsar", "Apache Pulsar"))
                       for case, rate, dash in (("lat1k", "1,000/s", 2), ("lat10k", "10,000/s", 1))]


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
        title = "Seconds of the broker's processor for a million messages"
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
