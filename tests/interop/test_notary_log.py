# SPDX-License-Identifier: Apache-2.0
"""The transparency log of a notary, by others: Go's golang.org/x/mod reads the files in log/ and checks all of it (tlog),
`geminga notary log` looks at a data directory, with and without a notary running, and hands in it are found.
"""
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from broker_process import eventually
from notary_process import Channel, Notary, minimal_event, run_notary

TLOG = Path(__file__).resolve().parent.parent / "tlog"


@pytest.fixture(scope="session")
def tlog(tmp_path_factory):
    """The independent program, built; skipped, by name, where there is no Go or its module cannot be had."""
    if not shutil.which("go"):
        pytest.skip("tlog: Go is not installed")
    program = tmp_path_factory.mktemp("tlog") / "tlog"
    built = subprocess.run(["go", "build", "-o", program, "."], cwd=TLOG, capture_output=True, text=True,
                           env={**os.environ, "GOFLAGS": "-mod=readonly"})
    if built.returncode != 0 and "golang.org/x/mod" in built.stderr:
        pytest.skip(f"tlog: golang.org/x/mod cannot be had: {built.stderr[-300:]}")
    assert built.returncode == 0, built.stderr
    return program


@pytest.fixture
def notary(broker, tmp_path):
    one = Notary(broker.url, tmp_path / "notary")
    yield one.start()
    one.kill()


@pytest.fixture
def channel(client, notary):
    return Channel(client, notary)


def notarize(channel, count):
    """Events through the notary, ten at a time so that there are many checkpoints; their results."""
    results = []
    for begin in range(0, count, 10):
        events = [minimal_event() for _ in range(min(10, count - begin))]
        for event in events:
            channel.producer.send_async(json.dumps(event).encode(), None)
        channel.producer.flush()
        results += [channel.next_json("results") for _ in events]
    return results


def log_of(notary, *arguments):
    return run_notary("log", *arguments, "--data", notary.data)


def test_go_finds_every_entry_in_the_tiles_and_every_checkpoint_consistent(channel, notary, tlog, tmp_path):
    results = notarize(channel, 300)
    notary.stop()
    checkpoints = sorted({r["receipt"]["inclusion_proof"]["checkpoint"] for r in results})
    kept = tmp_path / "checkpoints.json"
    kept.write_text(json.dumps(checkpoints))
    done = subprocess.run([tlog, notary.data / "log", notary.data / "notary.pub", kept], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "checkpoint: 300 entries" in done.stdout and done.stdout.endswith("verified\n")
    assert f"consistency: {len(checkpoints)} checkpoints" in done.stdout and len(checkpoints) >= 10
    bundle = notary.data / "log" / "tile" / "entries" / "000"
    bundle.write_bytes(bundle.read_bytes().replace(b"integrated_time", b"integrated_tame", 1))
    done = subprocess.run([tlog, notary.data / "log", notary.data / "notary.pub"], capture_output=True, text=True)
    assert done.returncode == 1 and "entry 0" in done.stderr


def test_the_log_is_shown_and_verified_while_the_notary_runs(channel, notary):
    results = notarize(channel, 25)
    shown = json.loads(log_of(notary, "show", "-o", "json").stdout)
    assert shown["size"] == 25 and shown["checkpoint"] == results[-1]["receipt"]["inclusion_proof"]["checkpoint"]
    done = log_of(notary, "verify", "--public-key", notary.data / "notary.pub")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"25 entries, root {shown['root']}\nverified")
    notarize(channel, 1)
    assert log_of(notary, "verify").stdout.startswith("26 entries")


def test_an_entry_is_the_leaf_that_was_proved(channel, notary):
    for result in notarize(channel, 12):
        index, proof = result["receipt"]["log_index"], result["receipt"]["inclusion_proof"]
        entry = json.loads(log_of(notary, "entry", index).stdout)
        assert entry["event_ids"] == [result["event_id"]]
        assert entry["inclusion"] == {"checkpoint": proof["checkpoint"], "hashes": proof["hashes"]}
        leaf = log_of(notary, "entry", index, "--leaf").stdout.encode()
        assert hashlib.sha256(b"\x00" + leaf).hexdigest() == entry["leaf_hash"]
    done = log_of(notary, "entry", 12)
    assert done.returncode == 1 and "the log has no entry 12" in done.stderr


def test_a_checkpoint_that_somebody_kept_proves_that_the_log_goes_on_from_it(channel, notary, tmp_path):
    kept = tmp_path / "checkpoint"
    kept.write_text(notarize(channel, 3)[-1]["receipt"]["inclusion_proof"]["checkpoint"])
    notarize(channel, 4)
    done = log_of(notary, "consistency", "--checkpoint", kept)
    assert done.returncode == 0 and done.stdout == "ok: the log of 7 entries goes on from the checkpoint of 3\n"
    proof = json.loads(log_of(notary, "consistency", 3).stdout)
    assert (proof["from"], proof["to"]) == (3, 7)
    assert log_of(notary, "consistency", 8).returncode == 1
    kept.write_text(kept.read_text().replace("\n3\n", "\n4\n"))
    done = log_of(notary, "consistency", "--checkpoint", kept)
    assert done.returncode == 1 and "not a checkpoint that this log's key signed" in done.stderr


def test_the_files_follow_the_log_while_the_notary_runs(channel, notary):
    checkpoint = notary.data / "log" / "checkpoint"
    wanted = notarize(channel, 5)[-1]["receipt"]["inclusion_proof"]["checkpoint"]
    eventually(lambda: checkpoint.exists() and checkpoint.read_text() == wanted)


def test_a_changed_row_is_refused_with_the_entry_named(channel, notary):
    notarize(channel, 20)
    notary.stop()
    database = sqlite3.connect(notary.data / "registry.db")
    database.execute("UPDATE entry SET leaf = replace(leaf, 'integrated_time', 'integrated_tame') WHERE id = 7")
    database.commit()
    database.close()
    done = log_of(notary, "verify")
    assert done.returncode == 1 and "entry 7 was changed" in done.stderr and "REFUSED" in done.stdout
    notary.start(ready=False)
    assert notary.wait() == 1
    assert "entry 7 was changed" in notary.log.read_text()


def test_a_lost_registry_is_made_again_from_the_journal(channel, notary):
    notarize(channel, 20)
    notary.stop()
    before = {path: path.read_bytes() for path in (notary.data / "log").rglob("*") if path.is_file()}
    (notary.data / "registry.db").unlink()
    notary.start()
    assert log_of(notary, "verify").stdout.startswith("20 entries")
    notary.stop()
    assert {path: path.read_bytes() for path in (notary.data / "log").rglob("*") if path.is_file()} == before


def test_a_directory_without_a_log_is_told(tmp_path):
    done = run_notary("log", "--data", tmp_path)
    assert done.returncode == 1 and "has no log" in done.stderr
