# SPDX-License-Identifier: Apache-2.0
"""Avro's resolution: what we say of a pair of schemas, against what fastavro reads.

Schemas and their evolutions are made at random, and for each writer's schema data in which every symbol of an enum, every
branch of a union and every container with something in it occurs.  Where we say that the reader reads it, fastavro reads
all of that; where we say that it does not, fastavro fails on some of it.  It differs where it is known to: see KNOWN;
and it asks for the names of records everywhere, where Pulsar asks only in unions, and takes a reader's empty union for no
reader at all, so neither is made here; nor is a record taken out of a union that has another, for then Pulsar (and we) may
choose that by its structure."""
import io
import json
import os
import random
import subprocess
from pathlib import Path

import fastavro
import pytest

import broker_process

PROGRAM = Path(broker_process.PROGRAM).parent / "tests" / "interop" / "schema_verdict"
PAIRS = int(os.environ.get("SCHEMA_PAIRS", "5000"))
SEED = int(os.environ.get("SEED", "6"))
PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]
SAMPLES = {"null": None, "boolean": True, "int": 7, "long": 8, "float": 0.5, "double": 0.25, "bytes": b"b", "string": "s"}
DEFAULTS = {**SAMPLES, "bytes": "b"}
# What we refuse although fastavro reads it: it takes any default as it is, and compares neither decimals nor two fields
# that an alias leads to.
KNOWN = {"INVALID_DEFAULT_VALUE", "DECIMAL_MISMATCH", "AMBIGUOUS_ALIAS"}


class Maker:
    def __init__(self, rng):
        self.rng = rng
        self.names = 0

    def name(self, prefix):
        self.names += 1
        return f"{prefix}{self.names}"

    def type(self, depth=3, in_union=False):
        kinds = ["primitive"] * 3 + ["enum", "fixed"]
        if depth > 0:
            kinds += ["record", "record", "array", "map"] + ([] if in_union else ["union", "union"])
        return getattr(self, self.rng.choice(kinds))(depth)

    def primitive(self, depth):
        return self.rng.choice(PRIMITIVES)

    def enum(self, depth):
        made = {"type": "enum", "name": self.name("E"), "symbols": self.rng.sample("ABCD", self.rng.randint(1, 3))}
        if self.rng.random() < 0.3:
            made["default"] = made["symbols"][0]
        return made

    def fixed(self, depth):
        return {"type": "fixed", "name": self.name("F"), "size": self.rng.randint(1, 3)}

    def array(self, depth):
        return {"type": "array", "items": self.type(depth - 1)}

    def map(self, depth):
        return {"type": "map", "values": self.type(depth - 1)}

    def union(self, depth):
        branches = {}
        for _ in range(self.rng.randint(1, 4)):
            one = self.type(depth - 1, in_union=True)
            branches.setdefault(kind_of(one) if isinstance(one, str) or kind_of(one) in ("array", "map") else one["name"], one)
        return list(branches.values())

    def field(self, depth):
        made = {"name": self.name("f"), "type": self.type(depth - 1)}
        if self.rng.random() < 0.3:
            made["default"] = default_of(made["type"])
        return made

    def record(self, depth):
        return {"type": "record", "name": self.name("R"), "fields": [self.field(depth) for _ in range(self.rng.randint(0, 4))]}

    def evolved(self, schema):
        """Another schema, a few changes away."""
        if isinstance(schema, list):
            return self.evolved_union(schema)
        chance = self.rng.random()
        if chance < 0.04:
            other = self.type(1)
            return {**other, "name": schema["name"]} if kind_of(other) == kind_of(schema) == "record" else other
        if chance < 0.08:
            return ["null", schema] if kind_of(schema) != "null" else schema
        if isinstance(schema, str):
            return self.rng.choice(PRIMITIVES) if chance < 0.25 else schema
        return getattr(self, "evolved_" + schema["type"])(dict(schema))

    def evolved_union(self, union):
        branches = [b if kind_of(b) in PRIMITIVES else self.evolved_in_place(b) for b in union]
        records = [b for b in branches if kind_of(b) == "record"]
        gone = self.rng.choice(branches)
        if len(branches) > 1 and (len(records) < 2 or gone not in records) and self.rng.random() < 0.2:
            branches.remove(gone)
        more = self.rng.choice(PRIMITIVES)
        if self.rng.random() < 0.3 and more not in branches:
            branches.insert(self.rng.randint(0, len(branches)), more)
        return branches[0] if len(branches) == 1 and self.rng.random() < 0.3 else branches

    def evolved_in_place(self, schema):
        """Of the same kind."""
        return getattr(self, "evolved_" + schema["type"])(dict(schema))

    def evolved_enum(self, enum):
        chance = self.rng.random()
        if chance < 0.2:
            enum["symbols"] = self.rng.sample("ABCDE", self.rng.randint(1, 4))
            enum.pop("default", None)
        if self.rng.random() < 0.2:
            enum["default"] = enum["symbols"][-1]
        return self.renamed(enum)

    def evolved_fixed(self, fixed):
        if self.rng.random() < 0.15:
            fixed["size"] += 1
        return self.renamed(fixed)

    def renamed(self, named):
        if self.rng.random() < 0.1:
            old, named["name"] = named["name"], self.name("N")
            if self.rng.random() < 0.6:
                named["aliases"] = [old]
        return named

    def evolved_array(self, array):
        return {**array, "items": self.evolved(array["items"])}

    def evolved_map(self, a_map):
        return {**a_map, "values": self.evolved(a_map["values"])}

    def evolved_field(self, field):
        made = {"name": field["name"], "type": self.evolved(field["type"])}
        if self.rng.random() < 0.1:
            made["name"] = self.name("g")
            if self.rng.random() < 0.7:
                made["aliases"] = [field["name"]]
        if self.rng.random() < 0.3:
            made["default"] = default_of(made["type"])
        return made

    def evolved_record(self, record):
        fields = [self.evolved_field(f) for f in record["fields"] if self.rng.random() < 0.9]
        if self.rng.random() < 0.15:
            fields.append(self.field(1))
        self.rng.shuffle(fields)
        return {**record, "fields": fields}


def kind_of(schema):
    return "union" if isinstance(schema, list) else schema if isinstance(schema, str) else schema["type"]


def default_of(schema):
    kind = kind_of(schema)
    if kind == "union":
        return default_of(schema[0])
    if kind == "record":
        return {f["name"]: default_of(f["type"]) for f in schema["fields"]}
    if kind == "enum":
        return schema["symbols"][0]
    return {"array": [], "map": {}}.get(kind, "x" * schema["size"] if kind == "fixed" else DEFAULTS.get(kind))


def data_of(schema):
    """Enough of it that each symbol, each branch and each container's inside occurs."""
    kind = kind_of(schema)
    if kind == "union":
        return [tagged(branch, datum) for branch in schema for datum in data_of(branch)]
    if kind == "enum":
        return schema["symbols"]
    if kind == "fixed":
        return [b"x" * schema["size"]]
    if kind == "array":
        return [list(data_of(schema["items"]))]
    if kind == "map":
        return [{str(i): d for i, d in enumerate(data_of(schema["values"]))}]
    if kind == "record":
        columns = {f["name"]: data_of(f["type"]) for f in schema["fields"]}
        rows = max([len(c) for c in columns.values()], default=1)
        return [{name: c[min(i, len(c) - 1)] for name, c in columns.items()} for i in range(rows)]
    return [SAMPLES[kind]]


def tagged(branch, datum):
    """So that the writer takes just this branch."""
    return (branch["name"] if kind_of(branch) in ("record", "enum", "fixed") else kind_of(branch), datum)


def is_read_by_fastavro(writer, reader):
    for datum in data_of(writer):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, fastavro.parse_schema(writer), datum)
        try:
            fastavro.schemaless_reader(io.BytesIO(out.getvalue()), fastavro.parse_schema(writer),
                                       fastavro.parse_schema(reader))
        except Exception as refused:  # of many kinds: SchemaResolutionError, KeyError, ValueError
            return False, f"{type(refused).__name__}: {refused}"
    return True, ""


def pairs():
    rng = random.Random(SEED)
    for _ in range(PAIRS):
        maker = Maker(rng)
        writer = maker.record(3) if rng.random() < 0.7 else maker.type(3)
        yield maker.evolved(writer), writer


def test_what_we_say_reads_is_what_fastavro_reads():
    made = list(pairs())
    said = subprocess.run([PROGRAM], input="".join(json.dumps(s) + "\n" for pair in made for s in pair), text=True,
                          stdout=subprocess.PIPE, timeout=120, check=True).stdout.splitlines()
    assert len(said) == len(made)
    wrong, reading = [], 0
    for (reader, writer), verdict in zip(made, said):
        does, reason = is_read_by_fastavro(writer, reader)
        reading += does
        if does != (verdict == "reads") and verdict not in KNOWN:
            wrong.append(f"reader {json.dumps(reader)}\nwriter {json.dumps(writer)}\nwe say: {verdict}; fastavro: {reason or 'reads'}")
    assert not wrong, f"seed {SEED}: {len(wrong)} of {len(made)}\n" + "\n\n".join(wrong[:5])
    assert PAIRS < 500 or 0.2 < reading / len(made) < 0.9  # both outcomes are tested


@pytest.mark.parametrize("initial", ["absent", "given"])
def test_a_symbol_that_the_reader_does_not_know_needs_a_default_symbol(initial):
    writer = {"type": "enum", "name": "E", "symbols": ["A", "B"]}
    reader = {"type": "enum", "name": "E", "symbols": ["A"], **({"default": "A"} if initial == "given" else {})}
    said = subprocess.run([PROGRAM], input=f"{json.dumps(reader)}\n{json.dumps(writer)}\n", text=True, check=True,
                          stdout=subprocess.PIPE, timeout=60).stdout.strip()
    assert (said == "reads") == is_read_by_fastavro(writer, reader)[0] == (initial == "given")
