# SPDX-License-Identifier: Apache-2.0
"""Other logs and an authority for time stamps, as small servers that can also be slow, broken, or lying.

FakeRekor speaks both versions of Rekor's interface over one tree with a key of its own; `openssl ts` is the authority.
What they answer is as the real ones do, which tests/integration/test_rekor.py has beside it.
"""
import base64
import hashlib
import http.server
import json
import subprocess
import threading

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

ENTRIES_V1, ENTRIES_V2 = "/api/v1/log/entries", "/api/v2/log/entries"


def sha256(data):
    return hashlib.sha256(data).digest()


def b64(data):
    return base64.b64encode(data).decode()


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class Tree:
    """RFC 6962, the slow way."""

    def __init__(self):
        self.leaves = []

    def root(self, begin=0, end=None):
        end = len(self.leaves) if end is None else end
        if end - begin == 1:
            return self.leaves[begin]
        middle = begin + (1 << (end - begin - 1).bit_length() - 1)
        return sha256(b"\1" + self.root(begin, middle) + self.root(middle, end))

    def path(self, index, begin=0, end=None):
        end = len(self.leaves) if end is None else end
        if end - begin == 1:
            return []
        middle = begin + (1 << (end - begin - 1).bit_length() - 1)
        if index < middle:
            return [*self.path(index, begin, middle), self.root(middle, end)]
        return [*self.path(index, middle, end), self.root(begin, middle)]


class Server:
    """A server on a thread of its own; `mode` is what it does next."""

    def __init__(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.do_POST()

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                outer.requests.append((self.path, body))
                if outer.mode == "silent":
                    outer.released.wait(60)
                    self.close_connection = True
                    return
                status, headers, answer = outer.answer(self.path, body) if outer.mode != "down" else (503, {}, b"no\n")
                self.send_response(status)
                for name, value in {"content-length": str(len(answer)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.mode, self.requests, self.released = "honest", [], threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


class FakeRekor(Server):
    """mode: honest, or which lie: proof, entry, checkpoint, timestamp, nonsense, html; down, silent."""

    def __init__(self):
        super().__init__()
        self.key_v1, self.key_v2 = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
        self.other = ec.generate_private_key(ec.SECP256R1())
        self.tree, self.bodies = Tree(), []
        for filler in range(5):  # so that proofs have hashes
            self.append(canonical({"filler": filler}))

    def append(self, body):
        self.bodies.append(body)
        self.tree.leaves.append(sha256(b"\0" + body))

    def spki(self, version):
        key = self.key_v1 if version == 1 else self.key_v2
        return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    def pem(self, version):
        key = self.key_v1 if version == 1 else self.key_v2
        return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def sign(self, version, message):
        if version == 2:
            return self.key_v2.sign(message)
        return self.key_v1.sign(message, ec.ECDSA(hashes.SHA256()))

    def checkpoint(self, version):
        text = f"fake rekor - 1\n{len(self.bodies)}\n{b64(self.tree.root())}\n"
        signed = text.replace("fake", "else") if self.mode == "checkpoint" else text
        return f"{text}\n— fake {b64(b'abcd' + self.sign(version, signed.encode()))}\n"

    def proof(self, index):
        path = self.tree.path(index)
        return [sha256(hash) for hash in path] if self.mode == "proof" else path

    # ---- version 1 ----

    def entry_v1(self, index):
        body = self.bodies[0] if self.mode == "entry" else self.bodies[index]
        promise = {"body": b64(body), "integratedTime": 1700000000, "logID": sha256(self.spki(1)).hex(), "logIndex": index + 1000}
        signed = {**promise, "integratedTime": 1} if self.mode == "timestamp" else promise
        proof = {"logIndex": index, "treeSize": len(self.bodies), "rootHash": self.tree.root().hex(),
                 "hashes": [hash.hex() for hash in self.proof(index)], "checkpoint": self.checkpoint(1)}
        return canonical({"00" * 8 + self.tree.leaves[index].hex():
                          {**promise, "verification": {"inclusionProof": proof,
                                                       "signedEntryTimestamp": b64(self.sign(1, canonical(signed)))}}})

    def post_v1(self, request):
        spec = request["spec"]
        if request["kind"] == "dsse":
            envelope = json.loads(spec["proposedContent"]["envelope"])
            spec = {"envelopeHash": {"algorithm": "sha256", "value": sha256(spec["proposedContent"]["envelope"].encode()).hex()},
                    "payloadHash": {"algorithm": "sha256", "value": sha256(base64.b64decode(envelope["payload"])).hex()},
                    "signatures": [{"signature": envelope["signatures"][0]["sig"],
                                    "verifier": spec["proposedContent"]["verifiers"][0]}]}
        body = canonical({**request, "spec": spec})
        if body in self.bodies:
            return 409, {}, b'{"code":409}'
        self.append(body)
        return 201, {}, self.entry_v1(len(self.bodies) - 1)

    # ---- version 2 ----

    def entry_v2(self, index):
        body = self.bodies[0] if self.mode == "entry" else self.bodies[index]
        proof = {"logIndex": str(index), "treeSize": str(len(self.bodies)), "rootHash": b64(self.tree.root()),
                 "hashes": [b64(hash) for hash in self.proof(index)], "checkpoint": {"envelope": self.checkpoint(2)}}
        return canonical({"logIndex": str(index), "inclusionProof": proof, "canonicalizedBody": b64(body)})

    def post_v2(self, request):
        if "dsseRequestV002" in request:
            dsse = request["dsseRequestV002"]
            kind, spec = "dsse", {"dsseV002": {
                "payloadHash": {"algorithm": "SHA2_256", "digest": b64(sha256(base64.b64decode(dsse["envelope"]["payload"])))},
                "signatures": [{"content": dsse["envelope"]["signatures"][0]["sig"], "verifier": dsse["verifiers"][0]}]}}
        else:
            hashed = request["hashedRekordRequestV002"]
            kind, spec = "hashedrekord", {"hashedRekordV002": {
                "data": {"algorithm": "SHA2_256", "digest": hashed["digest"]}, "signature": hashed["signature"]}}
        body = canonical({"apiVersion": "0.0.2", "kind": kind, "spec": spec})
        if body in self.bodies:
            return 409, {"x-log-index": str(self.bodies.index(body))}, b'{"code":6}'
        self.append(body)
        return 201, {}, self.entry_v2(len(self.bodies) - 1)

    def tile(self, path):
        """C2SP tlog-tiles, of a tree of less than 65,536 entries."""
        level, *number = path.removeprefix("/api/v2/tile/").split("/", 1)
        number, _, width = number[0].partition(".p/")
        at, width = int(number.replace("x", "").replace("/", "")), int(width or 256)
        span = 256 ** int(level)
        return b"".join(self.tree.root(i * span, (i + 1) * span) for i in range(at * 256, at * 256 + width))

    def answer(self, path, body):
        if self.mode == "nonsense":
            return 201, {}, b'{"x":{"body":3,"verification":[]},"inclusionProof":{"logIndex":"-1"}}'
        if self.mode == "html":
            return 200, {}, b"<html>a proxy's page</html>"
        if path == "/api/v1/log/publicKey":
            return 200, {}, self.pem(1)
        if path == ENTRIES_V1:
            return self.post_v1(json.loads(body))
        if path.startswith(ENTRIES_V1):
            leaf = bytes.fromhex(path.rpartition("/")[2])
            return (200, {}, self.entry_v1(self.tree.leaves.index(leaf))) if leaf in self.tree.leaves else (404, {}, b"{}")
        if path == ENTRIES_V2:
            return self.post_v2(json.loads(body))
        if path == "/api/v2/checkpoint":
            return 200, {}, self.checkpoint(2).encode()
        if path.startswith("/api/v2/tile/"):
            return 200, {}, self.tile(path)
        return 404, {}, b"{}"


AUTHORITY = """
[req]
distinguished_name=dn
[dn]
[root]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign
[stamping]
basicConstraints=CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=critical,timeStamping
[web]
basicConstraints=CA:FALSE
extendedKeyUsage=serverAuth
[authority]
serial=serial
signer_cert=NAME.pem
certs=root.pem
signer_key=NAME.key
signer_digest=sha256
default_policy=1.2.3.4.1
digests=DIGESTS
ess_cert_id_alg=sha256
"""


class FakeAuthority(Server):
    """mode: honest; another (a stamp over something else), replayed (the answer to an earlier request), refusing, down, silent."""

    def __init__(self, directory):
        super().__init__()
        self.directory, self.earlier = directory, None
        (directory / "serial").write_text("01")
        self.config("stamping")
        self.make("root", ["-x509", "-days", "3650", "-extensions", "root"])
        self.make("other", ["-x509", "-days", "3650", "-extensions", "root"])
        self.make("stamping", [])
        self.run("x509", "-req", "-in", "stamping.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-days", "3650",
                 "-extfile", "config", "-extensions", "stamping", "-out", "stamping.pem")

    def config(self, name, digests="sha256"):
        (self.directory / "config").write_text(AUTHORITY.replace("NAME", name).replace("DIGESTS", digests))

    def run(self, *arguments):
        return subprocess.run(["openssl", *arguments], cwd=self.directory, check=True, capture_output=True).stdout

    def make(self, name, how):
        self.run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key")
        self.run("req", "-new", "-key", f"{name}.key", "-subj", f"/CN=Test {name}", "-config", "config", *how,
                 "-out", f"{name}.pem" if how else f"{name}.csr")

    def stamp(self, request):
        (self.directory / "request").write_bytes(request)
        return self.run("ts", "-reply", "-config", "config", "-section", "authority", "-queryfile", "request")

    def answer(self, path, body):
        if self.mode == "replayed":
            return 200, {}, self.earlier
        if self.mode == "another":
            at = body.index(b"\x04\x20") + 2
            body = body[:at] + sha256(b"something else") + body[at + 32:]
        self.config("stamping", "sha512" if self.mode == "refusing" else "sha256")
        self.earlier = self.stamp(body)
        return 200, {"content-type": "application/timestamp-reply"}, self.earlier
