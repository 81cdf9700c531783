# SPDX-License-Identifier: Apache-2.0
"""Requests to a broker's HTTP side, as tests ask them."""
import json
import urllib.error
import urllib.request

SECONDS = 30


def request(broker, method, path, body=None, kind="application/json"):
    """Status and body of one request: decoded where the answer says that it is JSON, else its text."""
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(broker.http_url + path, data=data, method=method, headers={"Content-Type": kind})
    try:
        answer = urllib.request.urlopen(asked, timeout=SECONDS)
    except urllib.error.HTTPError as refused:
        answer = refused
    with answer:
        content = answer.read()
        is_json = (answer.headers.get("content-type") or "") == "application/json"
        return answer.status, json.loads(content) if is_json and content else content.decode()


def get(broker, path):
    status, body = request(broker, "GET", path)
    assert status == 200, body
    return body


def path_of(topic):
    return "/admin/v2/" + topic.replace("://", "/")
