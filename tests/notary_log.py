# SPDX-License-Identifier: Apache-2.0
"""A transparency log as its receipts tell it, checked without our program: RFC 6962, Ed25519, canonical JSON.

Receipts in, one log out: every entry is there once, at its place; every signed checkpoint is of the tree of the first
entries, so that all of them are consistent with one another; every inclusion proof leads to its checkpoint's root.
"""
import base64
import hashlib
import json

from cryptography.hazmat.primitives.serialization import load_der_public_key

COVERED = ("evidence_package_hash", "integrated_time", "public_key_b64", "rekor_log_id", "rekor_server_url",
           "signature_b64")


def canonical(value):
    """RFC 8785 for values without odd numbers and names beyond ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def evidence_of(event):
    """What is signed about an event of the workflow simple_sign."""
    return canonical({"event": event, "format": "geminga/notary/evidence/v1"})


def leaf_of(result):
    """The log entry that a NotaryResult of simple_sign is about."""
    receipt = result["receipt"]
    rest = canonical({name: value for name, value in result.items() if name != "receipt"})
    return canonical({"event_id": result["event_id"], "receipt": {name: receipt[name] for name in COVERED},
                      "result_hash": "sha256:" + sha256(rest).hex()})


def root_of_proof(leaf_hash, index, size, hashes):
    """RFC 9162, section 2.1.3.2."""
    node, last, value = index, size - 1, leaf_hash
    for sibling in hashes:
        assert last > 0
        if node & 1 or node == last:
            value = sha256(b"\x01", sibling, value)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            value = sha256(b"\x01", value, sibling)
        node, last = node >> 1, last >> 1
    assert last == 0
    return value


class Tree:
    """Grows by leaves; has the root of each size that it went through."""

    def __init__(self):
        self.size = 0
        self.perfect = []  # hashes of the perfect subtrees, largest first: one for each bit of the size

    def add(self, leaf):
        value, size = sha256(b"\x00", leaf), self.size
        while size & 1:
            value, size = sha256(b"\x01", self.perfect.pop(), value), size >> 1
        self.perfect.append(value)
        self.size += 1

    def root(self):
        value = self.perfect[-1]
        for left in reversed(self.perfect[:-1]):
            value = sha256(b"\x01", left, value)
        return value


class Checkpoint:
    def __init__(self, note, key):
        """Read, and its signature checked."""
        text, signatures = note.split("\n\n")
        self.origin, size, root = text.split("\n")
        self.size, self.root = int(size), base64.b64decode(root)
        key.verify(base64.b64decode(signatures.split()[-1])[4:], text.encode() + b"\n")


def check_log(results, events, signatures=True):
    """`results`: the bytes of one NotaryResult for each event, all of simple_sign and of one log; `events`: by id.

    Asserts all that is said above.  Returns the number of entries and of checkpoints.
    """
    by_index = sorted((json.loads(data) for data in results), key=lambda r: r["receipt"]["log_index"])
    assert [r["receipt"]["log_index"] for r in by_index] == list(range(len(by_index))), "an index twice, or left out"
    assert len({r["event_id"] for r in by_index}) == len(by_index)
    assert len({r["receipt"]["rekor_log_id"] for r in by_index}) == 1, "more than one log"
    key = load_der_public_key(base64.b64decode(by_index[0]["receipt"]["public_key_b64"]))
    leaves = [leaf_of(result) for result in by_index]
    checkpoints = {}
    for index, result in enumerate(by_index):
        check_receipt(result, events[result["event_id"]], leaves[index], key, checkpoints, signatures)
    check_roots(leaves, checkpoints)
    return len(leaves), len(checkpoints)


def check_receipt(result, event, leaf, key, checkpoints, signatures):
    receipt = result["receipt"]
    proof = receipt["inclusion_proof"]
    note = proof["checkpoint"]
    evidence = evidence_of(event)
    assert receipt["evidence_package_hash"] == "sha256:" + sha256(evidence).hex()
    assert json.loads(leaf)["result_hash"] == proof["result_hash"]
    if signatures:
        key.verify(base64.b64decode(receipt["signature_b64"]), evidence)
    if note not in checkpoints:
        checkpoints[note] = Checkpoint(note, key)
    checkpoint = checkpoints[note]
    assert checkpoint.origin == f"{receipt['rekor_server_url']}/{receipt['rekor_log_id']}"
    assert receipt["log_index"] < checkpoint.size
    assert checkpoint.root == root_of_proof(sha256(b"\x00", leaf), receipt["log_index"], checkpoint.size,
                                            [bytes.fromhex(h) for h in proof["hashes"]])


def check_roots(leaves, checkpoints):
    """Each checkpoint is of a beginning of the one log: what consistency proofs prove, by computing it."""
    roots = {}
    for checkpoint in checkpoints.values():
        assert roots.setdefault(checkpoint.size, checkpoint.root) == checkpoint.root, "two roots of one size"
    tree = Tree()
    for leaf in leaves:
        tree.add(leaf)
        if tree.size in roots:
            assert tree.root() == roots.pop(tree.size), f"the checkpoint of {tree.size} entries is not of this log"
    assert not roots, "a checkpoint of more entries than there are"
