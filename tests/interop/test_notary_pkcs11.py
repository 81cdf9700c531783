# SPDX-License-Identifier: Apache-2.0
"""A notary whose evidence is signed by a key that never leaves its PKCS #11 token: SoftHSM, set up by its own tool."""
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from notary_process import Channel, Notary, minimal_event, run_notary, verify

MODULES = [Path(p) for p in ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm.so")]


@pytest.fixture
def token(tmp_path):
    """The settings of a signer with a token, its key of P-256."""
    module = next((str(m) for m in MODULES if m.exists()), None)
    if not module or not shutil.which("softhsm2-util"):
        pytest.skip("not installed: softhsm2")
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path}/tokens\nlog.level = ERROR\n")
    (tmp_path / "pin").write_text("4711\n")
    settings = {"SOFTHSM2_CONF": str(tmp_path / "softhsm2.conf"), "GEMINGA_NOTARY_SIGNER_KIND": "pkcs11",
                "GEMINGA_NOTARY_PKCS11_MODULE": module, "GEMINGA_NOTARY_PKCS11_TOKEN": "notary",
                "GEMINGA_NOTARY_PKCS11_KEY": "signer", "GEMINGA_NOTARY_PKCS11_PIN": f"file://{tmp_path}/pin"}

    def run(*command):
        subprocess.run(command, check=True, capture_output=True, cwd=tmp_path, env={**os.environ, **settings})

    run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "key.pem")
    run("openssl", "pkey", "-in", "key.pem", "-pubout", "-out", "key.pub")
    run("softhsm2-util", "--init-token", "--free", "--label", "notary", "--so-pin", "08154711", "--pin", "4711")
    run("softhsm2-util", "--import", "key.pem", "--token", "notary", "--label", "signer", "--id", "a1", "--pin", "4711")
    (tmp_path / "key.pem").unlink()
    return settings


def test_an_event_is_signed_by_the_token(token, broker, client, tmp_path):
    notary = Notary(broker.url, tmp_path / "notary", **token).start()
    try:
        channel = Channel(client, notary)
        event = minimal_event()
        channel.send(event)
        result = json.loads(channel.next("results"))
        assert result["success"] is True
        environment = notary.environment
        assert run_notary("key", env=environment).stdout == (tmp_path / "key.pub").read_text()
        assert verify(tmp_path, result, event, "--public-key", tmp_path / "key.pub", "--public-key", notary.data / "notary.pub")
        assert not verify(tmp_path, result, event, "--public-key", notary.data / "notary.pub")
    finally:
        notary.kill()


def test_a_wrong_pin_ends_the_start_and_is_not_printed(token, broker, tmp_path):
    (tmp_path / "pin").write_text("9999\n")
    notary = Notary(broker.url, tmp_path / "notary", **token).start(ready=False)
    assert notary.wait() == 1
    assert "the PIN is wrong" in notary.log.read_text() and "9999" not in notary.log.read_text()
