# SPDX-License-Identifier: Apache-2.0
"""Entries to other logs and to an authority for time stamps: honest ones, broken ones, and those that lie.

The servers are fakes (anchor_fakes.py); the real ones are in tests/integration/test_rekor.py.
"""
import base64
import json
import subprocess

import pulsar
import pytest

from anchor_entries import Submission, refusal_entry, signed_entry
from anchor_fakes import FakeAuthority, FakeRekor
from broker_process import PROGRAM, eventually
from notary_process import Channel, minimal_event, run_notary

PREFIX = "GEMINGA_NOTARY_ANCHORS_"
ENTRIES = {"signed with P-256": signed_entry, "without a signature": refusal_entry}


@pytest.fixture
def rekor():
    it = FakeRekor()
    yield it
    it.close()


@pytest.fixture
def authority(tmp_path):
    it = FakeAuthority(tmp_path)
    yield it
    it.close()


@pytest.fixture
def submit(request, tmp_path):
    """submit(server, version, entry): to a fake Rekor whose key is known; or to an authority."""
    def to(server, version, entry, **more):
        if version == "rfc3161":
            return Submission(entry, tmp_path, **{f"{PREFIX}RFC3161_URL": server.url,
                                                  f"{PREFIX}RFC3161_TRUST_CERTS": str(tmp_path / "root.pem"), **more})
        (tmp_path / "key.pem").write_bytes(server.pem(version))
        url = "REKOR_SERVER_URL" if version == 1 else f"{PREFIX}REKOR_V2_URL"
        return Submission(entry, tmp_path, **{url: server.url, f"{PREFIX}REKOR_V{version}_PUBLIC_KEY": str(tmp_path / "key.pem"),
                                              **more})
    return to


@pytest.mark.parametrize("kind", ENTRIES)
@pytest.mark.parametrize("version", [1, 2])
def test_an_entry_gets_a_receipt_and_the_same_one_when_it_comes_again(rekor, submit, version, kind):
    entry = ENTRIES[kind]("e-1")
    first, again = submit(rekor, version, entry), submit(rekor, version, entry)
    assert first.verified == again.verified == ["verified", "not verified"], first.said + again.said
    assert first.receipt["index"] == again.receipt["index"] == 5
    assert first.receipt["body_b64"] == again.receipt["body_b64"]
    assert len(rekor.bodies) == 6


def test_an_old_entry_is_proven_out_of_many_tiles(rekor, submit):
    entry = refusal_entry("e-old")
    assert submit(rekor, 2, entry).ok
    for filler in range(700):
        rekor.append(b"%d" % filler)
    again = submit(rekor, 2, entry)
    assert again.verified == ["verified", "not verified"], again.said
    assert again.receipt["index"] == 5
    assert len([path for path, _ in rekor.requests if "/tile/" in path]) <= 4


LIES = {"proof": "inclusion proof", "entry": "is not", "checkpoint": "checkpoint is not signed", "timestamp": "timestamp",
        "nonsense": "not what an entry looks like", "html": ""}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("version", [1, 2])
def test_a_log_that_lies_is_not_believed(rekor, submit, version, lie):
    if (version, lie) == (2, "timestamp"):
        return  # it signs none
    rekor.mode = lie
    it = submit(rekor, version, signed_entry("e-2"))
    assert not it.ok
    assert LIES[lie] in it.said
    rekor.mode = "honest"
    assert submit(rekor, version, signed_entry("e-3")).ok


@pytest.mark.parametrize("version", [1, 2])
def test_a_log_with_another_key_is_not_believed(rekor, submit, version, tmp_path):
    other = FakeRekor()
    other.close()
    (tmp_path / "other.pem").write_bytes(other.pem(version))
    it = submit(rekor, version, signed_entry("e-4"), **{f"{PREFIX}REKOR_V{version}_PUBLIC_KEY": str(tmp_path / "other.pem")})
    assert not it.ok
    assert "not signed by that key" in it.said


@pytest.mark.parametrize("version", [1, 2, "rfc3161"])
def test_who_is_down_or_silent_is_given_up_at_the_deadline_to_be_tried_again(rekor, authority, submit, version):
    server = authority if version == "rfc3161" else rekor
    server.mode = "down"
    it = submit(server, version, signed_entry("e-5"))
    assert "not now" in it.said and "503" in it.said
    server.mode = "silent"
    it = submit(server, version, signed_entry("e-5"), **{f"{PREFIX}TIMEOUT": "150ms"})
    assert "timed out" in it.said


@pytest.mark.parametrize("version", [1, 2])
def test_an_answer_that_was_lost_is_found_the_next_time(rekor, submit, version):
    entry = signed_entry("e-6")
    rekor.mode = "html"  # it took the entry, and somebody between us answered otherwise
    answer, rekor.answer = rekor.answer, lambda path, body: (answer(path, body), (502, {}, b""))[1]
    rekor.mode = "honest"
    assert not submit(rekor, version, entry).ok
    rekor.answer = answer
    size = len(rekor.bodies)
    it = submit(rekor, version, entry)
    assert it.verified == ["verified", "not verified"], it.said
    assert len(rekor.bodies) == size


def test_a_time_stamp_holds_for_openssl_too(authority, submit, tmp_path):
    entry = refusal_entry("e-7")
    it = submit(authority, "rfc3161", entry)
    assert it.verified == ["verified", "not verified"], it.said

    (tmp_path / "answer.tsr").write_bytes(base64.b64decode(it.receipt["response_b64"]))
    done = subprocess.run(["openssl", "ts", "-verify", "-in", "answer.tsr", "-data", "entry.json", "-CAfile", "root.pem"],
                          cwd=tmp_path, capture_output=True, text=True)
    assert "Verification: OK" in done.stdout + done.stderr


@pytest.mark.parametrize("mode, why", [("another", "imprint"), ("replayed", "nonce"), ("refusing", "refuses")])
def test_an_authority_that_lies_or_refuses_is_not_believed(authority, submit, mode, why):
    entry = refusal_entry("e-8")
    assert submit(authority, "rfc3161", entry).ok
    authority.mode = mode
    it = submit(authority, "rfc3161", entry)
    assert not it.ok
    assert why in it.said


def test_an_authority_that_leads_to_another_certificate_is_not_believed(authority, submit, tmp_path):
    it = submit(authority, "rfc3161", refusal_entry("e-9"), **{f"{PREFIX}RFC3161_TRUST_CERTS": str(tmp_path / "other.pem")})
    assert not it.ok
    assert "certificate" in it.said


@pytest.mark.parametrize("variables, why", [
    ({"REKOR_SERVER_URL": "ftp://x"}, "notary.anchors.rekor_v1_url must begin with http"),
    ({f"{PREFIX}REKOR_V2_URL": "http://x"}, "notary.anchors.rekor_v2_public_key is required"),
    ({f"{PREFIX}RFC3161_URL": "http://x", f"{PREFIX}RFC3161_TRUST_CERTS": "/nowhere"}, "/nowhere cannot be read"),
])
def test_settings_that_make_no_sense_are_refused(tmp_path, variables, why):
    assert why in Submission(refusal_entry("e"), tmp_path, **variables).said


def test_a_receipt_is_verified_offline_by_the_verb(rekor, authority, submit, tmp_path):
    entry = signed_entry("e-10")
    receipts = [submit(rekor, 1, entry).receipt, submit(rekor, 2, entry).receipt, submit(authority, "rfc3161", entry).receipt]
    log_key = tmp_path / "log.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", "log.key"], cwd=tmp_path, check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", "log.key", "-pubout", "-out", log_key], cwd=tmp_path, check=True)
    for version in (1, 2):
        (tmp_path / f"{version}.pem").write_bytes(rekor.pem(version))
    document = tmp_path / "anchors.json"
    document.write_text(json.dumps({"anchors": [{"anchor": receipt["anchor"], "receipt": receipt} for receipt in receipts]}))

    def verify(**trust):
        flags = [part for name, path in trust.items() for part in (f"--{name.replace('_', '-')}", str(tmp_path / path))]
        return subprocess.run([PROGRAM, "notary", "verify-anchor", str(document), "--leaf", str(tmp_path / "entry.json"), *flags],
                              capture_output=True, text=True)

    everybody = {"log_key": "log.pem", "rekor_v1_key": "1.pem", "rekor_v2_key": "2.pem", "tsa_certs": "root.pem"}
    done = verify(**everybody)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line for line in done.stdout.splitlines() if line.endswith("verified")] == [
        "rekor-v1: verified", "rekor-v2: verified", "rfc3161: verified"]
    assert verify(**{**everybody, "rekor_v1_key": "2.pem"}).returncode == 1
    assert verify(**{**everybody, "tsa_certs": "other.pem"}).returncode == 1
    (tmp_path / "entry.json").write_bytes(signed_entry("e-10"))
    assert verify(**everybody).stdout.count("REFUSED") == 3
    document.write_text(json.dumps({"anchor": "rekor-v2: verified\nrekor-v1"}))  # makes no lines of its own
    done = verify(**everybody)
    assert done.returncode == 1 and "verified" not in done.stdout and done.stdout.endswith("?: REFUSED\n")


# ---- through the notary ----

def anchored(client, notary, count):
    """The journal until it has so many `anchored` records: these, and the entries, by their number in the log."""
    reader = client.create_reader(notary.topics["journal"], pulsar.MessageId.earliest)
    receipts, leaves = [], []
    while len(receipts) < count:
        for record in json.loads(reader.read_next(60_000).data()).get("records", []):
            if record["kind"] == "closed":
                leaves.append(record["leaf"].encode())
            if record["kind"] == "anchored":
                receipts.append(record)
    reader.close()
    return receipts, leaves


@pytest.fixture
def anchors_of(tmp_path):
    """The environment of a notary with all three."""
    def of(rekor, authority):
        for version in (1, 2):
            (tmp_path / f"{version}.pem").write_bytes(rekor.pem(version))
        return {"REKOR_SERVER_URL": rekor.url, f"{PREFIX}REKOR_V1_PUBLIC_KEY": str(tmp_path / "1.pem"),
                f"{PREFIX}REKOR_V2_URL": rekor.url, f"{PREFIX}REKOR_V2_PUBLIC_KEY": str(tmp_path / "2.pem"),
                f"{PREFIX}RFC3161_URL": authority.url, f"{PREFIX}RFC3161_TRUST_CERTS": str(tmp_path / "root.pem"),
                f"{PREFIX}RETRY_DELAY": "50ms", f"{PREFIX}RETRY_DELAY_MAX": "200ms"}
    return of


def test_every_notarized_event_is_anchored_everywhere_and_the_receipts_verify(make_notary, client, rekor, authority, anchors_of,
                                                                               tmp_path):
    notary = make_notary(**anchors_of(rekor, authority)).start()
    channel = Channel(client, notary)
    for _ in range(4):
        channel.send(minimal_event())
    channel.results(4)
    receipts, leaves = anchored(client, notary, 12)
    assert sorted((it["anchor"], it["index"]) for it in receipts) == [
        (name, index) for name in ("rekor-v1", "rekor-v2", "rfc3161") for index in range(4)]
    for number, leaf in enumerate(leaves):
        (tmp_path / "leaf.json").write_bytes(leaf)
        (tmp_path / "anchors.json").write_text(json.dumps([it for it in receipts if it["index"] == number]))
        done = run_notary("verify-anchor", tmp_path / "anchors.json", "--leaf", tmp_path / "leaf.json", "--log-key",
                          notary.data / "notary.pub", "--rekor-v1-key", tmp_path / "1.pem", "--rekor-v2-key", tmp_path / "2.pem",
                          "--tsa-certs", tmp_path / "root.pem")
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count(": verified") == 3
    notary.stop()


def test_anchors_that_are_down_hold_up_no_receipt_and_get_all_later_even_after_a_kill(make_notary, client, rekor, authority,
                                                                                    anchors_of):
    rekor.mode, authority.mode = "down", "silent"
    notary = make_notary(**anchors_of(rekor, authority)).start()
    channel = Channel(client, notary)
    for _ in range(20):
        channel.send(minimal_event())
    assert len(channel.results(20)) == 20
    notary.kill()
    rekor.mode = authority.mode = "honest"
    authority.released.set()
    notary.start()
    receipts, _ = anchored(client, notary, 60)
    assert len({(it["anchor"], it["index"]) for it in receipts}) == 60
    notary.stop()


def test_a_log_that_lies_is_told_of_in_the_notarys_log_and_asked_again(make_notary, client, rekor, authority, anchors_of):
    rekor.mode = "proof"
    notary = make_notary(**anchors_of(rekor, authority)).start()
    channel = Channel(client, notary)
    channel.send(minimal_event())
    channel.results(1)
    eventually(lambda: "proves nothing" in notary.log.read_text())
    rekor.mode = "honest"
    receipts, _ = anchored(client, notary, 3)
    assert {it["anchor"] for it in receipts} == {"rekor-v1", "rekor-v2", "rfc3161"}
    assert len(rekor.bodies) == 5 + 2
    notary.stop()
