# SPDX-License-Identifier: Apache-2.0
"""Entries of the notary's log, and the tool that submits one to the anchors that its environment names."""
import hashlib
import json
import os
import subprocess
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from anchor_fakes import b64, canonical
from broker_process import PROGRAM

TOOL = Path(PROGRAM).resolve().parent / "tests" / "interop" / "anchor_submit"


def refusal_entry(event_id):
    """An entry without a signature, as of a workflow that was rejected."""
    return canonical({"event_id": event_id, "outcome": "rejected"})


def signed_entry(event_id):
    """An entry whose evidence is signed with ECDSA P-256."""
    key = ec.generate_private_key(ec.SECP256R1())
    evidence = canonical({"event": event_id})
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return canonical({"event_id": event_id, "result_hash": "sha256:0", "receipt": {
        "evidence_package_hash": "sha256:" + hashlib.sha256(evidence).hexdigest(), "public_key_b64": b64(spki),
        "signature_b64": b64(key.sign(evidence, ec.ECDSA(hashes.SHA256())))}})


class Submission:
    """What the tool said of the one anchor that it was given."""

    def __init__(self, entry, directory, **environment):
        path = Path(directory) / "entry.json"
        path.write_bytes(entry)
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("REKOR_", "GEMINGA_NOTARY_"))}
        done = subprocess.run([TOOL, path], env={**clean, **environment}, capture_output=True, text=True, timeout=120)
        assert done.returncode in (0, 1), done.stderr
        self.said = done.stdout
        self.anchor, _, rest = done.stdout.partition(" ")
        self.ok = rest.startswith("ok ")
        self.receipt = json.loads(rest.removeprefix("ok ").partition("\n")[0]) if self.ok else None
        # the receipt with its own entry, and with another in its place
        self.verified = [line for line in done.stdout.splitlines() if line in ("verified", "not verified")]
