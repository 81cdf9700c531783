# SPDX-License-Identifier: Apache-2.0
"""The notary's edges with real systems: artifacts from MinIO, mail to aiosmtpd.

The same as with the fakes of tests/interop/edge_fakes.py: so these fakes are known to behave as the real ones.
"""
import datetime
import email
import email.policy
import hashlib
import importlib.util
import sys
import urllib.request
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "interop"))
from backend import free_ports, need  # noqa: E402
from edge_fakes import NOTARY, Answer, sign_v4  # noqa: E402

ACCESS, SECRET, REGION = "notary-access", "notary-secret-key", "us-east-1"
CONTENT = b"a model " * 1_000_000
HASH = hashlib.sha256(CONTENT).hexdigest()


def put(url, path, content):
    """A signed PUT, by the independent implementation of the fakes."""
    names = ["host", "x-amz-content-sha256", "x-amz-date"]
    when = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": url.removeprefix("http://"), "x-amz-date": when, "x-amz-content-sha256": hashlib.sha256(content).hexdigest()}
    scope = f"{when[:8]}/{REGION}/s3/aws4_request"
    signature = sign_v4(SECRET, "PUT", path, headers, names, scope, when)
    headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={ACCESS}/{scope},SignedHeaders={';'.join(names)},Signature={signature}"
    request = urllib.request.Request(url + path, content, headers, method="PUT")
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200


@pytest.fixture(scope="module")
def minio(start):
    need("minio")
    [port] = free_ports(1)
    start("minio", PORT=port, ACCESS=ACCESS, SECRET=SECRET)
    url = f"http://127.0.0.1:{port}"
    put(url, "/ml-models", b"")
    put(url, "/ml-models/models/fraud%20model%2Bv2%3D%C3%BC.pkl", CONTENT)
    return {"AWS_ENDPOINT_URL": url, "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET,
            f"{NOTARY}ARTIFACTS_SCHEMES": "s3"}


def event_of(uri, digest=HASH):
    return {"event_id": "e-1", "artifacts": [{"name": "m", "uri": uri, "hash_sha256": digest}]}


def test_an_object_of_minio_is_fetched_and_compared(minio, tmp_path):
    uri = "s3://ml-models/models/fraud model+v2=ü.pkl"
    it = Answer("artifacts", event_of(uri), tmp_path, **minio)
    assert it.ok, it.said
    assert it.found == [{"artifact": 0, "uri": uri, "bytes": len(CONTENT), "sha256": HASH}]
    it = Answer("artifacts", event_of(uri, "0" * 64), tmp_path, **minio)
    assert HASH in it.said and "0" * 64 in it.said


def test_minio_refuses_a_wrong_key_and_has_not_what_is_not_there(minio, tmp_path):
    it = Answer("artifacts", event_of("s3://ml-models/absent.pkl"), tmp_path, **minio)
    assert "404" in it.said
    it = Answer("artifacts", event_of("s3://ml-models/absent.pkl"), tmp_path, **{**minio, "AWS_SECRET_ACCESS_KEY": "wrong-secret"})
    assert "403" in it.said and "wrong-secret" not in it.said
    bound = {**minio, f"{NOTARY}ARTIFACTS_BYTES_MAX": "1MB"}
    it = Answer("artifacts", event_of("s3://ml-models/models/fraud model+v2=ü.pkl"), tmp_path, **bound)
    assert it.said.startswith("too large")


@pytest.fixture(scope="module")
def mail_server(start):
    if not importlib.util.find_spec("aiosmtpd"):
        pytest.skip("not installed: aiosmtpd")
    [port] = free_ports(1)
    it = start("aiosmtpd", PORT=port, PYTHON=sys.executable)
    return it.directory / "mail", {f"{NOTARY}NOTICES_SMTP_URL": f"plain://127.0.0.1:{port}",
                                   f"{NOTARY}NOTICES_MAIL_FROM": "notary@example.com", f"{NOTARY}NOTICES_MAIL_DOMAINS": "company.com"}


def test_a_notice_arrives_in_a_mailbox(mail_server, tmp_path):
    directory, options = mail_server
    notice = {"kind": "approval_required", "event_id": "deploy-1", "workflow_id": "wf-1", "title": "Freigabe nötig",
              "text": "Event deploy-1.\u2026", "link": "https://notary.example.com/v1/workflows/wf-1", "at_ms": 1705314600000,
              "channel": {"email": ["devops@company.com"]}}
    it = Answer("notice", notice, tmp_path, **options)
    assert it.ok, it.said
    [path] = (directory / "new").iterdir()
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert message["subject"] == "Freigabe nötig" and message["x-rcptto"] == "devops@company.com"
    assert notice["link"] in message.get_content() and "\u2026" in message.get_content()
