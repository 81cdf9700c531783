# SPDX-License-Identifier: Apache-2.0
"""Signing with a real Vault's transit engine: both kinds of keys, rotation, policies, AppRole, a seal.

What a Vault cannot be asked to do (lie, hang) is in tests/interop/test_notary_vault.py.
"""
import json
import os
import subprocess
import urllib.error
import urllib.request

import pytest

from backend import free_ports, need
from broker_process import PROGRAM
from notary_process import Channel, sample_event, verify


class Vault:
    def __init__(self, url):
        self.url = url

    def call(self, path, body=None, token="root", method=None):
        request = urllib.request.Request(f"{self.url}/v1/{path}", headers={"X-Vault-Token": token},
                                         data=None if body is None else json.dumps(body).encode(), method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"{}")

    def public_key(self, name, version=1):
        return self.call(f"transit/keys/{name}")["data"]["keys"][str(version)]["public_key"]


@pytest.fixture(scope="session")
def vault(start):
    need("vault")
    (port,) = free_ports(1)

    def ready():
        try:
            return json.loads(urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/sys/health", timeout=5).read())["initialized"]
        except (OSError, ValueError):
            return False

    start("vault", ready, PORT=port)
    it = Vault(f"http://127.0.0.1:{port}")
    it.call("sys/mounts/transit", {"type": "transit"})
    for kind in ("ed25519", "ecdsa-p256", "rsa-2048"):
        it.call(f"transit/keys/{kind}", {"type": kind})
    it.call("sys/policies/acl/notary", {"policy": 'path "transit/sign/ed25519" { capabilities = ["update"] }\n'
                                                  'path "transit/keys/ed25519" { capabilities = ["read"] }'}, method="PUT")
    return it


def settings(vault, name, **more):
    return {"GEMINGA_NOTARY_SIGNER_KIND": "vault", "VAULT_ADDR": vault.url, "VAULT_TOKEN": "root",
            "GEMINGA_NOTARY_VAULT_KEY": name, **more}


def key(cwd, variables):
    return subprocess.run([PROGRAM, "notary", "key"], env={**os.environ, **variables}, cwd=cwd, capture_output=True, text=True,
                          timeout=60)


@pytest.mark.parametrize("name", ["ed25519", "ecdsa-p256"])
def test_a_real_vault_signs_an_event(vault, make_notary, client, tmp_path, name):
    notary = make_notary(**settings(vault, name)).start()
    channel = Channel(client, notary)
    event = sample_event(workflow_config={"workflow_type": "simple_sign"})
    channel.send(event)
    result = json.loads(channel.next("results"))
    assert result["success"] is True
    (tmp_path / "signer.pub").write_text(key(tmp_path, settings(vault, name)).stdout)
    assert "log_public_key_b64" in result["receipt"]["inclusion_proof"]
    assert verify(tmp_path, result, event, "--public-key", tmp_path / "signer.pub", "--public-key", notary.data / "notary.pub")
    assert not verify(tmp_path, result, event, "--public-key", notary.data / "notary.pub")
    if name == "ecdsa-p256":
        assert (tmp_path / "signer.pub").read_text() == vault.public_key(name)


def test_a_rotated_key_signs_with_its_new_version(vault, tmp_path):
    vault.call("transit/keys/turning", {"type": "ecdsa-p256"})
    assert key(tmp_path, settings(vault, "turning")).stdout == vault.public_key("turning")
    vault.call("transit/keys/turning/rotate", {})
    done = key(tmp_path, settings(vault, "turning"))
    assert done.stdout == vault.public_key("turning", 2)
    assert "version 2" in done.stderr


def test_what_vault_refuses_is_said(vault, tmp_path):
    done = key(tmp_path, settings(vault, "nobody"))
    assert done.returncode == 1 and "has nothing at transit/keys/nobody" in done.stderr
    done = key(tmp_path, settings(vault, "ed25519", GEMINGA_NOTARY_VAULT_MOUNT="elsewhere"))
    assert done.returncode == 1 and ("has nothing at" in done.stderr or "denies" in done.stderr)
    done = key(tmp_path, settings(vault, "rsa-2048"))
    assert done.returncode == 1 and "ed25519 and ecdsa-p256 sign evidence" in done.stderr
    done = key(tmp_path, settings(vault, "ed25519", VAULT_TOKEN="wrong"))
    assert done.returncode == 1 and "denies" in done.stderr


def test_a_policy_lets_the_notary_sign_with_its_key_and_no_other(vault, tmp_path):
    token = vault.call("auth/token/create", {"policies": ["notary"]})["auth"]["client_token"]
    (tmp_path / "token").write_text(token)
    file = {"VAULT_TOKEN": f"file://{tmp_path}/token"}
    assert key(tmp_path, settings(vault, "ed25519", **file)).returncode == 0
    done = key(tmp_path, settings(vault, "ecdsa-p256", **file))
    assert done.returncode == 1 and "denies" in done.stderr and token not in done.stderr


def test_an_approle_logs_in(vault, tmp_path):
    try:
        vault.call("sys/auth/approle", {"type": "approle"})
    except urllib.error.HTTPError as e:
        if e.code != 400 or "already in use" not in (why := e.read().decode()):
            pytest.skip(f"not installed: AppRole in this Vault ({why.strip()})")
    vault.call("auth/approle/role/notary", {"token_policies": ["notary"]})
    role = vault.call("auth/approle/role/notary/role-id")["data"]["role_id"]
    secret = vault.call("auth/approle/role/notary/secret-id", {})["data"]["secret_id"]
    login = {"GEMINGA_NOTARY_VAULT_AUTH": "approle", "GEMINGA_NOTARY_VAULT_ROLE": role, "GEMINGA_NOTARY_VAULT_SECRET": secret}
    done = key(tmp_path, settings(vault, "ed25519", VAULT_TOKEN="", **login))
    assert done.returncode == 0, done.stderr
    done = key(tmp_path, settings(vault, "ed25519", VAULT_TOKEN="", **{**login, "GEMINGA_NOTARY_VAULT_SECRET": "wrong"}))
    assert done.returncode == 1 and "may be later" not in done.stderr
