# SPDX-License-Identifier: Apache-2.0
"""What of an answer is compared: its shape.

Times become T and addresses H, always.  Of a measured answer numbers become N, texts of JSON S, and the elements of a list the
set of their shapes.  Lines of text are a set: neither broker promises an order.  Of an error the first lines count, not the
trace below, nor the usage.
"""
import json
import re

ERR_LINES = 4
OUT_LINES = 60
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+(Z|[+-][0-9]{2}:?[0-9]{2})?")
ADDRESS = re.compile(r"\b(localhost|127\.0\.0\.1|[a-z][\w-]*-[\w-]+):[0-9]{4,5}\b")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+(E-?[0-9]+)?)?")
SET = re.compile(r"\[([\w:/.-]+(?:, [\w:/.-]+)+)\]")
SERVLET = re.compile(r"(ServletContainer)-[0-9a-f]+")
TRACE = re.compile(r"^\s+at |^\s*\.\.\. [0-9]+ more|^Caused by: ")


def _sorted_set(found):
    """What Java prints of a set: in no order."""
    return "[" + ", ".join(sorted(found[1].split(", "))) + "]"


def _text(text):
    return SET.sub(_sorted_set, ADDRESS.sub("H", TIME.sub("T", text)))


def _measured(value):
    if isinstance(value, dict):
        return {_text(key): _measured(inner) for key, inner in sorted(value.items())}
    if isinstance(value, list):
        shapes = {json.dumps(_measured(inner)) for inner in value}
        return [json.loads(shape) for shape in sorted(shapes)]
    if isinstance(value, bool) or value is None:
        return "B" if value is not None else None
    return "N" if isinstance(value, (int, float)) else "S"


def _exact(value):
    if isinstance(value, dict) and "completedExceptionally" in value:
        return "a future that the tool prints, done or not"
    if isinstance(value, dict):
        return {_text(key): _exact(inner) for key, inner in sorted(value.items())}
    if isinstance(value, list):
        inner = [_exact(one) for one in value]
        return sorted(inner) if all(isinstance(one, str) for one in inner) else inner
    return _text(value) if isinstance(value, str) else value


def _bounded(lines, most):
    return lines if len(lines) <= most else [*lines[:most], "..."]


def out_shape(text, measured):
    """Of standard output."""
    try:
        value = json.loads(text)
    except ValueError:
        lines = sorted({NUMBER.sub("N", _text(line)) if measured else _text(line) for line in text.splitlines()})
        return "".join(f"{line.rstrip()}\n" for line in _bounded([line for line in lines if line.strip()], OUT_LINES))
    return json.dumps(_measured(value) if measured else _exact(value), indent=1) + "\n"


def err_shape(text):
    """Of standard error."""
    lines = [line.rstrip() for line in SERVLET.sub(r"\1", _text(text)).splitlines() if line.strip() and not TRACE.match(line)]
    usage = next((i for i, line in enumerate(lines) if line.startswith("Usage:")), len(lines))
    return "".join(f"{line}\n" for line in _bounded(lines[:usage], ERR_LINES))
