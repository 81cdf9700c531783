# SPDX-License-Identifier: Apache-2.0
"""A notary with its HTTP port, those who decide, and what they decide with."""
import base64
import hashlib
import hmac
import json
import re
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

from broker_process import eventually
from notary_process import minimal_event, run_notary

SECRET = b"a secret of the tests, of 32 bytes or more"
WAIT_SECONDS = 20


def port_settings(directory, tokens=True, certs=None, **more):
    """The environment of a notary that serves HTTP; with `certs` (certificates.make) HTTPS."""
    settings = {"GEMINGA_NOTARY_HTTP_ENABLED": "true", "GEMINGA_NOTARY_HTTP_PORT": "0", **more}
    if tokens:
        (directory / "token.secret").write_bytes(SECRET)
        settings["GEMINGA_NOTARY_HTTP_TOKEN_SECRET_KEY"] = f"file://{directory}/token.secret"
    if certs:
        settings |= {"GEMINGA_NOTARY_HTTP_TLS_CERT_PATH": certs.broker.certificate,
                     "GEMINGA_NOTARY_HTTP_TLS_KEY_PATH": certs.broker.key,
                     "GEMINGA_NOTARY_HTTP_TLS_CLIENT_CA_PATH": certs.trust}
    return settings


def token(name, key=SECRET, **claims):
    """Good for an hour unless `exp` says otherwise; None: for ever."""
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    payload = {claim: value for claim, value in {"sub": name, "exp": int(time.time()) + 3600, **claims}.items() if value is not None}
    text = b".".join(part(json.dumps(one).encode()) for one in ({"alg": "HS256"}, payload))
    return (text + b"." + part(hmac.digest(key, text, "sha256"))).decode()


class Port:
    """What one asks who is `name` by a token, or shows a certificate (certificates.Issued)."""

    def __init__(self, notary, name=None, certs=None, issued=None, bearer=None):
        self.url = eventually(lambda: served_url(notary))
        self.bearer = bearer or (token(name) if name else None)
        self.certs, self.issued = certs, issued

    def _context(self):
        if not self.certs:
            return None
        context = ssl.create_default_context(cafile=self.certs.trust)
        if self.issued:
            context.load_cert_chain(self.issued.certificate, self.issued.key)
        return context

    def ask(self, method, path, body=None, **headers):
        """(status, headers, bytes)"""
        if self.bearer:
            headers["Authorization"] = f"Bearer {self.bearer}"
        if isinstance(body, dict):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        request = urllib.request.Request(self.url + path, data=body, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60, context=self._context()) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers, refused.read()

    def get(self, path):
        """(status, JSON)"""
        status, _, body = self.ask("GET", path)
        return status, json.loads(body)

    def show(self, event_id):
        return self.get(workflow_path(event_id))

    def decide(self, event_id, decision, wait=WAIT_SECONDS, **body):
        """(status, JSON)"""
        status, _, answer = self.ask("POST", f"{workflow_path(event_id)}/{decision}?wait={wait}", body)
        return status, json.loads(answer)

    def until(self, event_id, status):
        """The workflow, once it has the status."""
        def there():
            code, workflow = self.show(event_id)
            return workflow if code == 200 and workflow["status"] == status else None

        return eventually(there)

    def cli(self, *arguments, **options):
        flags = ["--url", self.url] + (["--token", self.bearer] if self.bearer else [])
        if self.certs:
            flags += ["--ca-cert", self.certs.trust]
        if self.issued:
            flags += ["--cert", self.issued.certificate, "--key", self.issued.key]
        return run_notary(*arguments, *flags, **options)


def served_url(notary):
    found = re.findall(r"serving (HTTPS?) on [0-9.]+:(\d+)", notary.log.read_text())
    return f"{found[-1][0].lower()}://localhost:{found[-1][1]}" if found else None


def workflow_path(event_id):
    return "/v1/workflows/" + urllib.parse.quote(event_id, safe="")


def approval_event(*approvers, quorum=None, timeout=3600, **changes):
    config = {"workflow_type": "approval_sign", "approvers": list(approvers), "timeout": timeout}
    return minimal_event(**{"workflow_config": config | ({"quorum": quorum} if quorum else {}), **changes})


def event_hash(event):
    """Of the evidence package, version 1, for events without odd numbers and names beyond ASCII."""
    package = json.dumps({"event": event, "format": "geminga/notary/evidence/v1"}, sort_keys=True,
                         separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(package.encode()).hexdigest()


class Approver:
    """Somebody with a key of his own, made by `geminga notary approver-key`."""

    def __init__(self, directory, name, kind="ed25519", operator=False, methods=("key", "token", "tls")):
        """`methods` None: as the file has it without."""
        self.name = name
        self.key = directory / f"{uuid.uuid4().hex}.key"
        made = run_notary("approver-key", name, "--out", self.key, "--kind", kind, *(["--operator"] if operator else []))
        assert made.returncode == 0, made.stderr
        self.lines = made.stdout + (f"methods = {json.dumps(methods)}\n" if methods else "")

    def statement(self, event, decision, **claims):
        """A JWS by a library that is not ours."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519

        def part(value):
            return base64.urlsafe_b64encode(value).rstrip(b"=")

        key = serialization.load_pem_private_key(self.key.read_bytes(), None)
        assert isinstance(key, ed25519.Ed25519PrivateKey)
        header = {"alg": "EdDSA", "typ": "geminga-decision+jwt"}
        payload = {"event_id": event["event_id"], "event_hash": event_hash(event), "decision": decision,
                   "approver": self.name, "iat": int(time.time()), "method": "key", "jti": uuid.uuid4().hex, **claims}
        text = b".".join(part(json.dumps(one).encode()) for one in (header, payload))
        return (text + b"." + part(key.sign(text))).decode()
