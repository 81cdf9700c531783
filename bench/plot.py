"""Plots of what the benches measured: lines and bars as SVG, by gnuplot (Debian's gnuplot-nox).

    plot.lines("docs/plots/topics.svg", {"publish": [(1, 900), (10, 910)]}, title="...", x="topics", y="instructions")
    plot.bars("docs/plots/peers.svg", ["1 KB", "100 B"], {"Geminga": [5, 1], "other": [70, None]}, title="...", y="us")

A series is a list of (x, y), or of (x, y, low, high) to have its spread drawn; None is a gap.  Text is plain: no markup.
The same rows give the same file, byte for byte, so that a plot changes in the repository when its figures do.
"""
import os
import subprocess

COLOURS = ["#1b6ca8", "#d1495b", "#3c8d5a", "#e0912f", "#7a4fa3", "#5b5b5b"]


def quoted(text):
    return "'" + str(text).replace("'", "''") + "'"


def block(rows):
    """A table as gnuplot's here-document wants it: a missing value is a question mark."""
    return "".join(" ".join("?" if cell is None else f"{cell:.10g}" for cell in row) + "\n" for row in rows)


def write(path, title, x, y, series, commands, log):
    head = [f"set terminal svg size 760,420 noenhanced font 'sans-serif,13' background 'white' name {quoted(name_of(path))}",
            "set output", "set datafile missing '?'", "set border 3", "set tics nomirror out", "set grid y lc '#dddddd' lt 1",
            "set key outside right top reverse Left samplen 2", f"set title {quoted(title)}", f"set xlabel {quoted(x)}",
            f"set ylabel {quoted(y)}"]
    head += [f"set logscale {log}"] if log else []
    head += [f"set format {axis} '%.0s%c'" for axis in "xy"]  # 10k, 1M
    if "y" not in log:
        head.append("set yrange [0:*]")
    tables = [f"$t{i} << EOD\n{block(rows)}EOD" for i, rows in enumerate(series)]
    script = "\n".join(head + tables + commands) + "\n"
    done = subprocess.run(["gnuplot"], input=script, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
    if done.returncode != 0 or not done.stdout:
        raise RuntimeError(f"gnuplot: {done.stderr.strip()}")
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w") as out:
        out.write("\n".join(line.rstrip() for line in done.stdout.splitlines()) + "\n")


def name_of(path):
    return os.path.splitext(os.path.basename(path))[0].replace("-", "_")


def lines(path, series, *, title, x, y, log="xy"):
    """One line a series.  `log`: which axes are logarithmic, of "xy"."""
    parts = []
    for i, (name, rows) in enumerate(series.items()):
        style = f"lc rgb '{COLOURS[i % len(COLOURS)]}' lw 2 pt 7 ps 0.5"
        parts.append(f"$t{i} using 1:2 with linespoints {style} title {quoted(name)}")
        if any(len(row) > 2 for row in rows):
            parts.append(f"$t{i} using 1:2:3:4 with yerrorbars {style} notitle")
    write(path, title, x, y, list(series.values()), ["plot " + ", \\\n".join(parts)], log)


def bars(path, groups, series, *, title, y, x="", log=""):
    """A group of bars for each of `groups`, a bar in it for each series, with its value above it."""
    names, values = list(series), list(series.values())
    rows = [[column[i] for column in values] for i in range(len(groups))]
    some = [value for row in rows for value in row if value is not None]
    width = 0.8 / max(1, len(names))
    # Room above for the figures; and on a logarithmic axis for the smallest bar to be one.
    commands = [f"set yrange [{min(some) / 2 if log else 0:g}:{max(some) * (1.5 if log else 1.08):g}]",
                "set style fill solid 1 noborder", f"set boxwidth {width:.4f}", f"set xrange [-0.6:{len(groups) - 0.4:g}]",
                "unset format x", "set xtics rotate by 0 (" + ", ".join(f"{quoted(g)} {i}" for i, g in enumerate(groups)) + ")"]
    parts = []
    for i, name in enumerate(names):
        at = f"($0+{(i - (len(names) - 1) / 2) * width:.4f})"
        parts.append(f"$t0 using {at}:{i + 1} with boxes lc rgb '{COLOURS[i % len(COLOURS)]}' title {quoted(name)}")
        parts.append(f"$t0 using {at}:{i + 1}:(sprintf('%.3g', column({i + 1}))) with labels offset 0,0.5 font ',10' notitle")
    write(path, title, x, y, [rows], commands + ["plot " + ", \\\n".join(parts)], log)
