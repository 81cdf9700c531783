#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A handler of the notary over HTTP: an event is POSTed, the answer is the body.  Serves on the loopback port given."""
import http.server
import json
import sys


class Decide(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = event["source"] in ("ci-cd-pipeline", "github-actions")
        answer = {"verdict": "accept" if known else "ignore", "reason": "" if known else "not one of our pipelines"}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Decide).serve_forever()
