#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A flame graph of what perf has sampled, as an SVG file: who calls is above who is called, as wide as its share.

    perf record -e cpu-clock -F 4000 -g -p PID -o perf.data
    perf script -i perf.data -F comm,ip,sym | bench/flame.py "publish, 1 KB in batches" > docs/plots/flame.svg

The first row is the threads; "core" is the one that has the program's name.  Frames without a name (libuv's, which keeps no
frame pointers) are left out, and so is what is narrower than 0.4 % or deeper than 18.  A frame's whole name and share are its tooltip.
"""
import html
import sys
import zlib

WIDTH, ROW, LEAST, DEPTH, LETTER = 1200, 17, 0.004, 18, 6.6
THREADS = ("journal", "reader", "background", "admin")


class Frame:
    def __init__(self):
        self.samples = 0
        self.called = {}

    def add(self, names):
        self.samples += 1
        if names:
            self.called.setdefault(names[0], Frame()).add(names[1:])

    def depth(self, least):
        return 1 + max((f.depth(least) for f in self.called.values() if f.samples >= least), default=0)


def stacks(text):
    """The names of each sample's frames, its thread first."""
    for sample in text.split("\n\n"):
        lines = [line for line in sample.split("\n") if line.strip()]
        if len(lines) < 2:
            continue
        comm = lines[0].strip()
        names = [line.split(None, 1)[1] for line in lines[1:] if len(line.split(None, 1)) == 2]
        yield [comm if comm.startswith(THREADS) else "core"] + [n for n in reversed(names) if n != "[unknown]" and not n.startswith("0x")]


def colour(name, kernel):
    shade = zlib.crc32(name.encode()) % 40
    return f"rgb({150 + shade},{185 + shade},225)" if kernel else f"rgb(245,{170 + shade},{90 + shade})"


def draw(out, name, frame, x, row, kernel, total):
    width = WIDTH * frame.samples / total
    if frame.samples < LEAST * total or row > DEPTH:
        return
    kernel = kernel or name.startswith(("entry_SYSCALL", "asm_", "ret_from_fork"))
    label = html.escape(name)
    out.append(f'<g><title>{label} {100 * frame.samples / total:.1f} %</title><rect x="{x:.1f}" y="{row * ROW}" '
               f'width="{max(width - 0.5, 0.5):.1f}" height="{ROW - 1}" fill="{colour(name, kernel)}"/>')
    letters = int((width - 4) / LETTER)
    if letters >= 3:
        shown = name if len(name) <= letters else name[:letters - 1] + "…"
        out.append(f'<text x="{x + 2:.1f}" y="{row * ROW + 12}">{html.escape(shown)}</text>')
    out.append("</g>")
    for called, f in sorted(frame.called.items()):
        draw(out, called, f, x, row + 1, kernel, total)
        x += WIDTH * f.samples / total


def main():
    root = Frame()
    for names in stacks(sys.stdin.read()):
        root.add(names)
    total = root.samples
    title = html.escape(sys.argv[1] if len(sys.argv) > 1 else "")
    height = min(root.depth(LEAST * total) + 1, DEPTH + 1) * ROW
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="monospace" font-size="11">',
           f'<rect width="{WIDTH}" height="{height}" fill="white"/><text x="2" y="12">{title}: {total} samples; orange is '
           'the program, blue the kernel</text>']
    x = 0.0
    for name, frame in sorted(root.called.items(), key=lambda item: -item[1].samples):
        draw(out, name, frame, x, 1, False, total)
        x += WIDTH * frame.samples / total
    print("\n".join(out + ["</svg>"]))


if __name__ == "__main__":
    main()
