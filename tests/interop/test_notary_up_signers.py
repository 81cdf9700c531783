# SPDX-License-Identifier: Apache-2.0
"""Each kind of signer under `geminga up`, in the sandbox that the whole process is in there: what signs is loaded, asked and
written to as beside a broker, at the first event as at later ones."""
import json
import socket
import subprocess
from pathlib import Path

import pytest

from broker_process import SERVICE_URL
from notary_process import Channel, Up, minimal_event, verify
from test_notary_pkcs11 import token  # noqa: F401: a fixture
from vault_fake import FakeVault

pytestmark = pytest.mark.skipif(bool(SERVICE_URL), reason="about our broker only")


@pytest.fixture
def up(tmp_path, connect):
    """up(public_key, **settings): two events, signed and verified with that key; and the process."""
    running = []

    def one(public_key, **settings):
        notary = Up(None, tmp_path / "up", **settings).start()
        running.append(notary)
        channel = Channel(connect(notary.url), notary)
        for _ in range(2):
            event = minimal_event()
            channel.send(event)
            result = json.loads(channel.next("results"))
            assert result["success"] is True, result
            assert verify(tmp_path, result, event, "--public-key", public_key, "--public-key", notary.data / "notary.pub")
        return notary

    yield one
    for notary in running:
        notary.stop()


def is_in_sandbox(notary):
    threads = Path(f"/proc/{notary.process.pid}/task").iterdir()
    return "no sandbox" in notary.log.read_text() or \
        all("Seccomp:\t2\n" in (thread / "status").read_text() for thread in threads)


def test_a_key_in_a_pkcs11_token_signs(token, up, tmp_path):  # noqa: F811
    assert is_in_sandbox(up(tmp_path / "key.pub", **token))


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa-p256"])
def test_a_key_in_vault_signs_and_its_token_is_read_again(kind, up, tmp_path):
    vault = FakeVault(kind)
    try:
        vault.tokens = {"s.secret"}
        (tmp_path / "token").write_text("s.secret\n")
        (tmp_path / "vault.pub").write_text(vault.public_pem())
        assert is_in_sandbox(up(tmp_path / "vault.pub", GEMINGA_NOTARY_SIGNER_KIND="vault", VAULT_ADDR=vault.url,
                                VAULT_TOKEN=f"file://{tmp_path}/token"))
    finally:
        vault.close()


def test_a_key_in_a_file_signs(up, tmp_path):
    key = tmp_path / "signer.key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key], check=True)
    subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", tmp_path / "signer.pub"], check=True)
    assert is_in_sandbox(up(tmp_path / "signer.pub", GEMINGA_NOTARY_SIGNER_KIND="file", GEMINGA_NOTARY_SIGNER_KEY_FILE=str(key)))


def test_a_port_that_is_taken_ends_it_with_a_complaint(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        notary = Up(None, tmp_path / "up", GEMINGA_NOTARY_HTTP_ENABLED="true",
                    GEMINGA_NOTARY_HTTP_PORT=str(taken.getsockname()[1])).start(ready=False)
        assert notary.wait() == 1
        assert "taken" in notary.log.read_text()
