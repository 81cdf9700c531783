# SPDX-License-Identifier: Apache-2.0
"""An OpenTelemetry collector for tests: takes OTLP over HTTP as JSON, keeps the spans, and answers as it is told.

A stand-in that is strict about the format; the real one is in tests/integration.
"""
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ID = {"traceId": re.compile(r"[0-9a-f]{32}"), "spanId": re.compile(r"[0-9a-f]{16}"), "parentSpanId": re.compile(r"[0-9a-f]{16}")}


class Collector:
    def __init__(self):
        self.spans = []
        self.requests = []  # path, headers, resource attributes
        self.statuses = []  # what to answer next; then 200
        self.rejected = 0
        self.faults = []
        self.release = threading.Event()  # answers wait for it
        self.release.set()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()

    def of(self, event_id):
        """The spans of an event by name; a name may be there once only."""
        found = [span for span in self.spans if attributes(span).get("geminga.event_id") == event_id]
        assert len({span["name"] for span in found}) == len(found), [span["name"] for span in found]
        return {span["name"]: span for span in found}

    def _take(self, body):
        for resource in body["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    self._check(span)
                    self.spans.append(span)
            yield attributes(resource["resource"])

    def _check(self, span):
        for name, form in ID.items():
            if name in span or name != "parentSpanId":
                if not form.fullmatch(span.get(name, "")):
                    self.faults.append((name, span))
        if not 0 < int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"]):
            self.faults.append(("times", span))
        if not all(isinstance(span[name], str) for name in ("startTimeUnixNano", "endTimeUnixNano")):
            self.faults.append(("64-bit numbers are texts in OTLP's JSON", span))

    def _handler(self):
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.release.wait()
                status = collector.statuses.pop(0) if collector.statuses else 200
                if status == 200:
                    resources = list(collector._take(json.loads(body)))
                    collector.requests.append((self.path, dict(self.headers), resources))
                partial = {"rejectedSpans": str(collector.rejected)} if collector.rejected else {}
                answer = json.dumps({"partialSuccess": partial}).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        return Handler


def attributes(of):
    return {a["key"]: a["value"].get("stringValue") for a in of.get("attributes", [])}
