# SPDX-License-Identifier: Apache-2.0
"""A fake of Vault's transit engine with the faults that a real one cannot be asked for: it lies, hangs, is sealed.

What it answers when it is well has the shape of a real Vault's answers (tests/integration/test_vault.py has the real one).
"""
import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
PEM = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def new_key(kind):
    return ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else ec.generate_private_key(ec.SECP256R1())


class FakeVault:
    """`fault` is asked with (path) before each answer: None, a status, or one of "hang", "late", "not json", "huge",
    "other message", "other key"."""

    def __init__(self, kind="ed25519", tokens=("root",)):
        self.kind, self.tokens = kind, set(tokens)
        self.versions = [new_key(kind)]
        self.fault = lambda path: None
        self.seen = []  # (path, headers, body)
        self.logins = {}  # role -> (secret or jwt, the token to give)
        self.released = threading.Event()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_GET(self):
                fake.handle(self, None)

            def do_POST(self):
                fake.handle(self, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def rotate(self):
        self.versions.append(new_key(self.kind))

    def public_pem(self, version=-1):
        return self.versions[version].public_key().public_bytes(*PEM).decode()

    def handle(self, request, body):
        path = request.path.removeprefix("/v1/")
        self.seen.append((path, dict(request.headers), body))
        fault = self.fault(path)
        if fault in ("hang", "late"):
            self.released.wait()
        if fault == "hang":
            request.close_connection = True
            return
        status, answer = (fault, {"errors": ["the fake's fault"]}) if isinstance(fault, int) else self.answer(
            path, request.headers, body, fault)
        data = {"not json": b"<html>", "huge": b"x" * (4 << 20)}.get(fault, json.dumps(answer).encode())
        request.send_response(status)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        try:
            request.wfile.write(data)
        except OSError:
            pass  # who asked has gone

    def answer(self, path, headers, body, fault):
        if path.startswith("auth/"):
            role, secret = body.get("role_id") or body.get("role"), body.get("secret_id") or body.get("jwt")
            if role not in self.logins or self.logins[role][0] != secret:
                return 400, {"errors": ["invalid role or secret ID"]}
            return 200, {"auth": {"client_token": self.logins[role][1], "lease_duration": 60, "renewable": True}}
        if headers.get("X-Vault-Token") not in self.tokens:
            return 403, {"errors": ["permission denied"]}
        if path == "transit/keys/notary":
            return 200, {"data": {"type": self.kind, "latest_version": len(self.versions), "keys": {
                str(i + 1): {"name": self.kind, "public_key": self.public(key)} for i, key in enumerate(self.versions)}}}
        if path == "transit/sign/notary":
            return 200, {"data": {"signature": self.sign(body, fault), "key_version": len(self.versions)}}
        return 404, {"errors": []}

    def public(self, key):
        if self.kind == "ed25519":
            return base64.b64encode(key.public_key().public_bytes(*RAW)).decode()
        return key.public_key().public_bytes(*PEM).decode()

    def sign(self, body, fault):
        data = base64.b64decode(body["input"])
        key = new_key(self.kind) if fault == "other key" else self.versions[-1]
        if fault == "other message":
            data = hashlib.sha256(data).digest()
        if self.kind == "ed25519":
            signature = key.sign(data)
        else:
            assert body["prehashed"] and body["hash_algorithm"] == "sha2-256" and body["marshaling_algorithm"] == "asn1"
            signature = key.sign(data, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
        return f"vault:v{len(self.versions)}:{base64.b64encode(signature).decode()}"
