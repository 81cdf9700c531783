# SPDX-License-Identifier: Apache-2.0
"""The verbs that ask a notary's port, before a port that lies: what is signed is what was shown, and nothing that it says
gets to the terminal as anything but text."""
import json
import os
import pty
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from broker_process import PROGRAM
from notary_port import Approver, approval_event, event_hash
from notary_process import run_notary

ANN = "ann@example.com"
NASTY = "\x1b]0;owned\x07\x1b[2Jall is well\nok       quorum\x9b31m\u202e"
SHOWN = r"\x1b]0;owned\x07\x1b[2Jall is well\x0aok       quorum\u009b31m\u202e"


class LyingPort(ThreadingHTTPServer):
    """Answers every GET with `workflow` and takes what is posted."""

    def __init__(self):
        self.workflow, self.posted, self.status = {}, [], 200

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer(self.server.workflow)

            def do_POST(self):
                self.server.posted.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.answer({"status": "pending_approval"})

            def answer(self, body):
                data = json.dumps(body).encode()
                self.send_response(self.server.status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


@pytest.fixture
def port():
    it = LyingPort()
    yield it
    it.shutdown()
    it.server_close()


@pytest.fixture
def ann(tmp_path):
    return Approver(tmp_path, ANN)


def approve(port, ann, name, *more, **options):
    return run_notary("approve", name, "--url", port.url, "--approver-key", ann.key, "--as", ANN, *more, **options)


def workflow_of(seen, **changes):
    return {"event_id": seen["event_id"], "event_hash": event_hash(seen), "event": seen, "open": True,
            "status": "pending_approval", **changes}


def test_the_event_that_is_signed_is_shown(port, ann):
    event = approval_event(ANN, metadata={"note": "seen"})
    port.workflow = workflow_of(event)
    done = approve(port, ann, event["event_id"])
    assert done.returncode == 0, done.stderr
    assert '"note": "seen"' in done.stderr and f"approve of {event_hash(event)}, as {ANN}" in done.stderr
    assert len(port.posted) == 1


@pytest.mark.parametrize("lie", ["another hash", "no hash", "no event", "another event", "no event at all"])
def test_a_port_that_shows_one_event_and_names_another_gets_no_signature(port, ann, lie):
    event, other = approval_event(ANN), approval_event(ANN)
    port.workflow = {"another hash": workflow_of(event, event_hash=event_hash({**event, "source": "evil"})),
                     "no hash": workflow_of(event, event_hash=None),
                     "no event": workflow_of(event, event=None),
                     "another event": workflow_of(event, event=other, event_hash=event_hash(other)),
                     "no event at all": workflow_of(event, event={"event_id": event["event_id"]})}[lie]
    done = approve(port, ann, event["event_id"])
    assert done.returncode == 1 and port.posted == []
    assert {"another hash": "nothing was signed", "no hash": "nothing was signed", "no event": "--event FILE",
            "another event": "is another event", "no event at all": "no event of a pipeline"}[lie] in done.stderr, done.stderr


def at_a_terminal(answer, *command):
    """The exit status and all that a terminal would have got."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(PROGRAM, [PROGRAM, *map(str, command)])
    said = b""
    while b"[y/N]" not in said:
        said += os.read(terminal, 10000)
    os.write(terminal, answer)
    try:
        while more := os.read(terminal, 10000):
            said += more
    except OSError:  # the other end is closed
        pass
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(terminal)
    return status, said.decode()


def test_at_a_terminal_it_asks_first(port, ann):
    event = approval_event(ANN)
    port.workflow = workflow_of(event)
    command = ("notary", "approve", event["event_id"], "--url", port.url, "--approver-key", ann.key, "--as", ANN)
    status, said = at_a_terminal(b"n\n", *command)
    assert status == 1 and "not signed" in said and port.posted == []
    assert at_a_terminal(b"y\n", *command)[0] == 0 and len(port.posted) == 1


def harmless(text):
    return not any(ord(c) < 0x20 and c != "\n" or 0x7f <= ord(c) < 0xa0 or c == "\u202e" for c in text)


@pytest.mark.parametrize("verb", ["list", "show", "approve"])
def test_nothing_that_others_wrote_commands_the_terminal(port, ann, verb):
    event = approval_event(ANN, metadata={"note": NASTY, "\x9b\u202e": 1})
    step = {"kind": "decision", "approver": NASTY, "verdict": "approve", "comment": NASTY, "at_ms": 0}
    one = workflow_of(event, workflow_type=NASTY, approvers=[NASTY], steps=[step], workflow_id=NASTY)
    port.workflow = {"workflows": [one], "next": NASTY} if verb == "list" else one
    done = approve(port, ann, event["event_id"]) if verb == "approve" else \
        run_notary(verb, *([event["event_id"]] if verb == "show" else []), "--url", port.url)
    assert done.returncode == 0, done.stderr
    assert harmless(done.stdout + done.stderr), done.stdout + done.stderr
    assert verb == "approve" or SHOWN in done.stdout
    if verb != "approve":  # and what machines read is as it came
        asked = run_notary(verb, *([event["event_id"]] if verb == "show" else []), "--url", port.url, "-o", "json")
        assert json.loads(asked.stdout) == port.workflow


def test_a_complaint_is_one_harmless_line(port):
    port.status, port.workflow = 403, {"reason": NASTY, "outcome": NASTY}
    done = run_notary("show", "x", "--url", port.url)
    assert done.returncode == 1 and SHOWN in done.stderr
    assert harmless(done.stderr) and done.stderr.count("\n") == 1
