# SPDX-License-Identifier: Apache-2.0
"""The systems at the notary's edges as small servers: web hooks (Slack's among them), a store that checks signatures as S3 does,
a mail server; and the tool that asks one question of the notary's side.

The real ones are in tests/integration/test_edges.py.
"""
import hashlib
import hmac
import http.server
import json
import os
import socketserver
import subprocess
import threading
import urllib.parse
from pathlib import Path

from broker_process import PROGRAM

TOOL = Path(PROGRAM).resolve().parent / "tests" / "interop" / "notary_edge"
NOTARY = "GEMINGA_NOTARY_"


class Answer:
    """What the tool said: `ok`, the rest of its first line, and what was found out."""

    def __init__(self, command, document, directory, **environment):
        path = Path(directory) / f"{command}.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", NOTARY))}
        done = subprocess.run([TOOL, command, path], env={**clean, "GEMINGA": str(PROGRAM), **environment},
                              capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        self.said, _, found = done.stdout.partition("\n")
        self.ok = self.said.split()[0] == "ok"
        self.found = json.loads(found) if self.ok and found.strip() else None


class Server:
    """HTTP on a thread of its own: `answer(method, path, headers, body)` gives status, headers and body.

    `mode` is what it does instead: "down" (503), "silent" (nothing, until it is closed), "honest".
    """

    def __init__(self, answer=None):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                outer.requests.append((self.command, self.path, dict(self.headers), body))
                if outer.mode == "silent":
                    outer.released.wait(60)
                    self.close_connection = True
                    return
                status, headers, content = (503, {}, b"no") if outer.mode == "down" else \
                    outer.answer(self.command, self.path, self.headers, body)
                self.send_response(status)
                for name, value in {"content-length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.mode, self.requests, self.released = "honest", [], threading.Event()
        if answer:
            self.answer = answer
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, method, path, headers, body):
        return 200, {}, b"ok"

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


def sign_v4(secret, method, path, headers, names, scope, when):
    """AWS's signature, version 4, as its documentation has it."""
    def sign(key, text):
        return hmac.new(key, text.encode(), hashlib.sha256).digest()

    lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in names)
    canonical = "\n".join([method, path, "", lines, ";".join(names), headers["x-amz-content-sha256"]])
    text = "\n".join(["AWS4-HMAC-SHA256", when, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = sign(key, part)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


class FakeS3(Server):
    """Objects by "/BUCKET/KEY" (unescaped), for whoever signs with this pair of keys."""

    def __init__(self, access="notary", secret="hush", token=None):
        super().__init__()
        self.access, self.secret, self.token, self.objects = access, secret, token, {}

    def answer(self, method, path, headers, body):
        if not self.is_signed(method, path, headers):
            return 403, {}, b"<Error><Code>SignatureDoesNotMatch</Code></Error>"
        content = self.objects.get(urllib.parse.unquote(path))
        return (200, {}, content) if content is not None else (404, {}, b"<Error><Code>NoSuchKey</Code></Error>")

    def is_signed(self, method, path, headers):
        algorithm, _, rest = headers.get("authorization", "").partition(" ")
        if algorithm != "AWS4-HMAC-SHA256" or headers.get("x-amz-security-token") != self.token:
            return False
        parts = dict(part.strip().split("=", 1) for part in rest.split(","))
        access, _, scope = parts["Credential"].partition("/")
        names = parts["SignedHeaders"].split(";")
        expected = sign_v4(self.secret, method, path, headers, names, scope, headers["x-amz-date"])
        return access == self.access and (not self.token or "x-amz-security-token" in names) and expected == parts["Signature"]


class FakeMail:
    """An SMTP server without TLS.  `refuses` maps a command's beginning to the answer that it gets instead."""

    def __init__(self):
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                outer.serve(self.rfile, self.wfile)

        self.messages, self.refuses = [], {}
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"plain://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def serve(self, lines, out):
        def say(text):
            out.write(text.encode() + b"\r\n")

        sender, recipients = None, []
        say("220 fake")
        for raw in lines:
            line = raw.decode().rstrip("\r\n")
            refusal = next((text for start, text in self.refuses.items() if line.startswith(start)), None)
            if refusal:
                say(refusal)
            elif line.startswith("MAIL FROM:"):
                sender = line[10:].split()[0]
                say("250 ok")
            elif line.startswith("RCPT TO:"):
                recipients.append(line[8:])
                say("250 ok")
            elif line == "DATA":
                say("354 go on")
                content = b"".join(iter(lambda: next(lines), b".\r\n"))
                self.messages.append((sender, recipients, content))
                say("250 kept")
            elif line == "QUIT":
                say("221 bye")
                return
            else:
                say("250 fake")

    def close(self):
        self.server.shutdown()
        self.server.server_close()
