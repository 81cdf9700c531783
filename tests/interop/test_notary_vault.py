# SPDX-License-Identifier: Apache-2.0
"""Signing with a key in Vault: one that works, one that is down, slow or sealed, and one that lies.

`geminga notary key` logs in, has something signed and checks it, with no broker near.  The Vault is a fake
(vault_fake.py); a real one is in tests/integration/test_vault.py.
"""
import os
import subprocess

import pytest

from broker_process import PROGRAM
from vault_fake import FakeVault, new_key

KINDS = ["ed25519", "ecdsa-p256"]


@pytest.fixture(params=KINDS)
def vault(request):
    it = FakeVault(request.param)
    yield it
    it.close()


@pytest.fixture
def plain():
    it = FakeVault()
    yield it
    it.close()


def key(vault, cwd, token="root", **variables):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VAULT_")}
    environment |= {"GEMINGA_NOTARY_SIGNER_KIND": "vault", "VAULT_ADDR": vault.url, "VAULT_TOKEN": token,
                    "GEMINGA_NOTARY_SIGNER_TIMEOUT": "5s", **variables}
    return subprocess.run([PROGRAM, "notary", "key"], env=environment, cwd=cwd, capture_output=True, text=True, timeout=60)


def test_a_key_of_either_kind_signs_and_its_public_half_is_printed(vault, tmp_path):
    done = key(vault, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == vault.public_pem()
    assert "signs with Vault's key notary, version 1" in done.stderr


def test_a_rotated_key_signs_with_its_new_version(vault, tmp_path):
    assert key(vault, tmp_path).stdout == vault.public_pem(0)
    vault.rotate()
    done = key(vault, tmp_path)
    assert done.stdout == vault.public_pem(1) != vault.public_pem(0)
    assert "version 2" in done.stderr


def test_a_key_that_rotates_between_reading_it_and_signing_is_asked_for_again(vault, tmp_path):
    def rotate_at_first_signature(path):
        if path.startswith("transit/sign") and len(vault.versions) == 1:
            vault.rotate()

    vault.fault = rotate_at_first_signature
    done = key(vault, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == vault.public_pem(1)


@pytest.mark.parametrize("fault, said", [("other message", "is no signature by version 1 of its key notary"),
                                         ("other key", "is no signature by version 1 of its key notary")])
def test_a_vault_that_lies_is_found_out_and_nothing_is_signed(vault, tmp_path, fault, said):
    vault.fault = lambda path: fault if path.startswith("transit/sign") else None
    done = key(vault, tmp_path)
    assert done.returncode == 1 and done.stdout == ""
    assert said in done.stderr


def test_a_vault_that_was_replaced_with_its_key_is_found_out_by_the_trusted_keys(vault, tmp_path):
    (tmp_path / "trusted.pem").write_text(vault.public_pem())
    trusted = {"GEMINGA_NOTARY_SIGNER_TRUSTED_KEYS": str(tmp_path / "trusted.pem")}
    assert key(vault, tmp_path, **trusted).returncode == 0
    vault.versions = [new_key(vault.kind)]
    done = key(vault, tmp_path, **trusted)
    assert done.returncode == 1 and "not one of notary.signer.trusted_keys" in done.stderr


@pytest.mark.parametrize("status, said, later", [
    (400, "refuses", False), (403, "denies", False), (404, "has nothing at", False), (405, "refuses", False),
    (307, "standby", True), (412, "cannot answer now", True), (429, "too many requests", True),
    (473, "cannot answer now", True), (500, "cannot answer now", True), (502, "cannot answer now", True),
    (503, "sealed", True), (418, "status 418", True)])
def test_a_refusal_says_why_and_whether_it_may_be_better_later(plain, tmp_path, status, said, later):
    plain.fault = lambda path: status
    done = key(plain, tmp_path)
    assert done.returncode == 1 and said in done.stderr, done.stderr
    assert ("may be later" in done.stderr) == later


@pytest.mark.parametrize("fault", ["not json", "huge"])
def test_an_answer_that_is_none_is_refused(plain, tmp_path, fault):
    plain.fault = lambda path: fault
    done = key(plain, tmp_path)
    assert done.returncode == 1 and "may be later" in done.stderr


@pytest.mark.parametrize("where", ["transit/keys", "transit/sign"])
@pytest.mark.parametrize("fault", ["hang", "late"])
def test_an_answer_after_the_deadline_is_none(plain, tmp_path, where, fault):
    plain.fault = lambda path: fault if path.startswith(where) else None
    done = key(plain, tmp_path, GEMINGA_NOTARY_SIGNER_TIMEOUT="300ms")
    assert done.returncode == 1 and done.stdout == ""
    assert "may be later" in done.stderr


def test_nobody_there_is_said(plain, tmp_path):
    plain.close()
    done = key(plain, tmp_path)
    assert done.returncode == 1 and "may be later" in done.stderr


def test_a_token_file_is_read_and_the_token_never_printed(plain, tmp_path):
    plain.tokens = {"s.secret"}
    (tmp_path / "token").write_text("s.secret\n")
    assert key(plain, tmp_path, token=f"file://{tmp_path}/token").returncode == 0
    (tmp_path / "token").write_text("s.wrong-one\n")
    done = key(plain, tmp_path, token=f"file://{tmp_path}/token")
    assert done.returncode == 1 and "denies" in done.stderr and "s.wrong-one" not in done.stderr
    assert key(plain, tmp_path, token="env:MY_TOKEN", MY_TOKEN="s.secret").returncode == 0
    done = key(plain, tmp_path, token="file:///nowhere/token")
    assert done.returncode == 1 and "cannot read /nowhere/token" in done.stderr


def test_the_namespace_is_sent(plain, tmp_path):
    assert key(plain, tmp_path, VAULT_NAMESPACE="teams/ml").returncode == 0
    assert {headers.get("X-Vault-Namespace") for _, headers, _ in plain.seen} == {"teams/ml"}


@pytest.mark.parametrize("method, variable", [("approle", "GEMINGA_NOTARY_VAULT_SECRET"),
                                              ("kubernetes", "GEMINGA_NOTARY_VAULT_JWT")])
def test_a_login_gives_the_token_and_a_lapsed_one_is_replaced(plain, tmp_path, method, variable):
    (tmp_path / "proof").write_text("the proof\n")
    plain.tokens, plain.logins = {"of-the-login"}, {"notary": ("the proof", "of-the-login")}
    login = {"GEMINGA_NOTARY_VAULT_AUTH": method, "GEMINGA_NOTARY_VAULT_ROLE": "notary", variable: f"file://{tmp_path}/proof"}
    assert key(plain, tmp_path, **login).returncode == 0
    assert [path for path, _, _ in plain.seen].count(f"auth/{method}/login") == 1

    def lapse_at_first_signature(path):
        if path.startswith("transit/sign") and plain.logins["notary"][1] == "of-the-login":
            plain.tokens, plain.logins = {"a newer one"}, {"notary": ("the proof", "a newer one")}

    plain.fault = lapse_at_first_signature
    assert key(plain, tmp_path, **login).returncode == 0
    (tmp_path / "proof").write_text("another\n")
    done = key(plain, tmp_path, **login)
    assert done.returncode == 1 and "invalid role" in done.stderr and "may be later" not in done.stderr


@pytest.mark.parametrize("variables, said", [
    ({"VAULT_ADDR": "vault:8200"}, "must begin with https://"),
    ({"VAULT_TOKEN": ""}, "VAULT_TOKEN"),
    ({"GEMINGA_NOTARY_VAULT_KEY": "../sys/raw"}, "letters, digits"),
    ({"GEMINGA_NOTARY_VAULT_AUTH": "approle"}, "notary.signer.vault.role"),
    ({"GEMINGA_NOTARY_SIGNER_KIND": "file"}, "notary.signer.key_file"),
    ({"GEMINGA_NOTARY_SIGNER_KIND": "pkcs11"}, "notary.signer.pkcs11.module")])
def test_settings_that_make_no_sense_are_refused(plain, tmp_path, variables, said):
    done = key(plain, tmp_path, **variables)
    assert done.returncode == 1 and said in done.stderr
    assert plain.seen == []


def test_a_key_of_another_type_is_refused(plain, tmp_path):
    plain.kind = "rsa-2048"
    plain.public = lambda key: "x"
    done = key(plain, tmp_path)
    assert done.returncode == 1 and "type rsa-2048; ed25519 and ecdsa-p256 sign evidence" in done.stderr
