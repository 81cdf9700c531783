# SPDX-License-Identifier: Apache-2.0
"""`geminga admin schemas test-compatibility`: the broker's judgement of schemas in files, without a broker."""
import json
import subprocess

import pytest

from broker_process import PROGRAM

NAME = {"name": "name", "type": "string"}
AGE = {"name": "age", "type": "int"}


def record(*fields):
    return {"type": "record", "name": "User", "fields": list(fields)}


def uploaded(schema, kind="AVRO", **properties):
    return {"type": kind, "schema": json.dumps(schema) if schema != "" else "", "properties": properties}


@pytest.fixture
def ask(tmp_path):
    """ask(new, *existing, **options): the exit status and what was said."""
    def put(name, content):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    def one(new, *existing, **options):
        command = [PROGRAM, "admin", "schemas", "test-compatibility", put("new.avsc", new)]
        for i, schema in enumerate(existing):
            command += ["--existing", put(f"old{i}.avsc", schema)]
        for option, value in options.items():
            command += [f"--{option}", value]
        it = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        return it.returncode, it.stdout, it.stderr

    return one


def test_a_schema_that_may_follow_is_said_to_and_the_status_is_zero(ask):
    status, out, _ = ask(record(NAME, {**AGE, "default": 0}), record(NAME), strategy="FULL")
    assert status == 0 and out.startswith("Compatible:")


def test_one_that_may_not_is_told_by_field_rule_and_both_files(ask):
    status, out, _ = ask(record(NAME, AGE), record(NAME), strategy="BACKWARD")
    assert status == 1
    for part in ['"age"', "READER_FIELD_MISSING_DEFAULT_VALUE", "version 0", "the new schema", "new.avsc", "old0.avsc"]:
        assert part in out


def test_only_transitive_strategies_look_at_older_files(ask):
    files = [record(NAME), record(NAME, {**AGE, "default": 0}), record(NAME, AGE)]
    assert ask(record(NAME, {**AGE, "doc": "years"}), *files, strategy="BACKWARD")[0] == 0
    status, out, _ = ask(record(NAME, {**AGE, "doc": "years"}), *files, strategy="BACKWARD_TRANSITIVE")
    assert status == 1 and "old0.avsc" in out


def test_files_of_pulsar_admin_say_their_type(ask):
    assert ask(uploaded(record(NAME), "JSON"), uploaded(record(NAME, AGE), "JSON"), strategy="BACKWARD")[0] == 0
    status, out, _ = ask(uploaded(record(NAME), "JSON"), uploaded(record(NAME), "AVRO"))
    assert status == 1 and "JSON" in out and "AVRO" in out
    pair = {"key.schema.type": "STRING", "value.schema.type": "AVRO"}
    status, out, _ = ask(uploaded({"key": "", "value": record(NAME, AGE)}, "KEY_VALUE", **pair),
                         uploaded({"key": "", "value": record(NAME)}, "KEY_VALUE", **pair))
    assert status == 1 and '"value.age"' in out


def test_what_is_no_schema_or_no_file_is_said(ask):
    status, out, errors = ask({"type": "record"}, record(NAME))
    assert status == 1 and out == "" and "new.avsc" in errors
    assert ask(record(NAME), record(NAME), strategy="SIDEWARD")[0] != 0
    status, _, errors = ask(record(NAME), existing="/nowhere")
    assert status != 0 and "/nowhere" in errors
