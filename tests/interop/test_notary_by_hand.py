# SPDX-License-Identifier: Apache-2.0
"""A receipt checked offline, in a network namespace with nothing in it: by `geminga notary verify`, and by openssl and
coreutils, with the very lines of docs/notary.md.
"""
import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from broker_process import PROGRAM
from notary_process import Channel, Notary, minimal_event, run_notary

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "notary.md"
ALONE = ["unshare", "--user", "--map-root-user", "--net"]


def recipe():
    by_hand = DOCUMENT.read_text().split("### By hand", 1)[1]
    return re.search(r"```sh\n(.*?)```", by_hand, re.S)[1]


def alone(*command, cwd):
    return subprocess.run([*ALONE, *map(str, command)], cwd=cwd, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module", autouse=True)
def tools():
    for program in ("openssl", "unshare", "basenc"):
        if not shutil.which(program):
            pytest.skip(f"not installed: {program}")
    if alone("true", cwd="/").returncode != 0:
        pytest.skip("this machine lets nobody make a network namespace")


KINDS = {"the log's key": ("log", "simple_sign"), "a key of P-256": ("file", "simple_sign"), "a batch": ("log", "batch")}


@pytest.fixture(params=KINDS)
def proven(request, broker, client, tmp_path):
    """A directory with result.json, event.json and the public keys in keys.pem; and the result."""
    signer, workflow = KINDS[request.param]
    options = {}
    if signer == "file":
        subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
                        tmp_path / "signer.key"], check=True, capture_output=True)
        options = {"GEMINGA_NOTARY_SIGNER_KIND": "file", "GEMINGA_NOTARY_SIGNER_KEY_FILE": str(tmp_path / "signer.key")}
    notary = Notary(broker.url, tmp_path / "notary", **options).start()
    try:
        channel = Channel(client, notary)
        events = [minimal_event(workflow_config={"workflow_type": workflow}) for _ in range(3)]
        for event in events:
            channel.send(event)
        results = [channel.next("results") for _ in events]
    finally:
        notary.kill()
    result = json.loads(results[-1])
    (event,) = [event for event in events if event["event_id"] == result["event_id"]]
    (tmp_path / "result.json").write_bytes(results[-1])
    (tmp_path / "event.json").write_text(json.dumps(event, indent=2))
    keys = [run_notary("key", *more, env={**os.environ, **notary.environment}).stdout for more in ([], ["--log"])]
    assert (keys[0] == keys[1]) == (not options)
    (tmp_path / "keys.pem").write_text("".join(keys))
    return tmp_path, result


def test_by_the_program(proven):
    directory, _ = proven
    done = alone(PROGRAM, "notary", "verify", "result.json", "--event", "event.json", "--public-key", "keys.pem", cwd=directory)
    assert done.returncode == 0 and done.stdout.endswith("\nverified\n"), done.stdout + done.stderr
    assert "given with --public-key" in done.stdout


def test_by_openssl_and_sha256sum_as_the_document_says(proven):
    directory, result = proven
    (directory / "pieces").mkdir()
    done = alone(PROGRAM, "notary", "verify", "result.json", "--event", "event.json", "--extract", "pieces", cwd=directory)
    assert done.returncode == 0, done.stdout + done.stderr
    done = alone("sh", "-eu", "-c", recipe(), cwd=directory)
    assert done.returncode == 0, done.stdout + done.stderr
    evidence, log_id, first, second, climbed, signed, *of_batch = done.stdout.splitlines()
    receipt = result["receipt"]
    if "batch" in receipt:
        assert json.loads((directory / "pieces" / "signed.json").read_text()) == {
            "format": "geminga/notary/batch/v1", "root": "sha256:" + of_batch[0], "size": receipt["batch"]["size"]}
    assert "sha256:" + evidence.split()[0] == receipt["evidence_package_hash"]
    assert log_id.split()[0] == receipt["rekor_log_id"]
    assert first == second == "Signature Verified Successfully"
    assert climbed == signed == receipt["inclusion_proof"]["checkpoint"].splitlines()[2]
    assert receipt["inclusion_proof"]["result_hash"] == "sha256:" + hashlib.sha256(json.dumps(
        {name: value for name, value in result.items() if name != "receipt"}, sort_keys=True, separators=(",", ":"),
        ensure_ascii=False).encode()).hexdigest()


@pytest.mark.parametrize("piece", ["evidence.json", "checkpoint.txt", "signature.bin", "leaf.json"])
def test_a_changed_piece_is_found_by_hand_too(proven, piece):
    directory, result = proven
    (directory / "pieces").mkdir()
    assert run_notary("verify", "result.json", "--event", "event.json", "--extract", "pieces", cwd=directory).returncode == 0
    data = bytearray((directory / "pieces" / piece).read_bytes())
    data[-5] ^= 1
    (directory / "pieces" / piece).write_bytes(data)
    if piece == "evidence.json" and "batch" not in result["receipt"]:
        (directory / "pieces" / "signed.json").write_bytes(data)
    done = alone("sh", "-eu", "-c", recipe(), cwd=directory)
    if piece == "leaf.json":  # nothing signs it but through the root
        climbed, signed = done.stdout.splitlines()[4:6]
        assert climbed != signed
    elif piece == "evidence.json" and "batch" in result["receipt"]:
        assert done.stdout.splitlines()[-1] not in (directory / "pieces" / "signed.json").read_text()
    else:
        assert done.returncode != 0
