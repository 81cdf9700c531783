# SPDX-License-Identifier: Apache-2.0
"""The notary's edges one by one: artifacts that are fetched, people who are told, custom handlers.

The servers are fakes (edge_fakes.py); the real ones are in tests/integration/test_edges.py.  How a notary goes on from
what comes of them is at the end, with a whole one.
"""
import email
import email.policy
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge_fakes import NOTARY, Answer, FakeMail, FakeS3, Server

ARTIFACTS, NOTICES = f"{NOTARY}ARTIFACTS_", f"{NOTARY}NOTICES_"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "notary"
INCLUDE = Path(__file__).resolve().parents[2] / "include"
CONTENT = b"a model of some size " * 5000
HASH = hashlib.sha256(CONTENT).hexdigest()


def event_of(*uris, digest=HASH, **more):
    return {"event_id": "e-1", "source": "ci-cd-pipeline", "event_type": {"model_deployment": {"environment": "production"}},
            "artifacts": [{"name": "m", "uri": uri, "hash_sha256": digest} for uri in uris], **more}


@pytest.fixture
def server(request):
    it = Server()
    yield it
    it.close()


@pytest.fixture
def store(server):
    server.answer = lambda *_: (200, {}, CONTENT)
    return server


@pytest.fixture
def mail():
    it = FakeMail()
    yield it
    it.close()


@pytest.fixture
def fetch(tmp_path):
    """fetch(event, schemes, **options): the answer to the question about its artifacts."""
    def one(event, schemes, **options):
        return Answer("artifacts", event, tmp_path, **{f"{ARTIFACTS}SCHEMES": schemes},
                      **{name if name.startswith("AWS_") else f"{ARTIFACTS}{name}": str(value) for name, value in options.items()})
    return one


# ---- artifacts ----

def test_a_file_below_a_root_is_hashed(fetch, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "a b.pkl").write_bytes(CONTENT)
    uri = f"file://{tmp_path}/models/a%20b.pkl"
    it = fetch(event_of(uri), "file", ROOTS=f"/nowhere, {tmp_path}/models/")
    assert it.found == [{"artifact": 0, "uri": uri, "bytes": len(CONTENT), "sha256": HASH}], it.said


def test_a_file_that_is_elsewhere_or_behind_a_link_is_not_read(fetch, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "secret").write_bytes(CONTENT)
    (tmp_path / "models" / "link").symlink_to("../secret")
    for path in ("secret", "models/../secret", "models/%2e%2e/secret", "models/link", "modelsX/secret"):
        it = fetch(event_of(f"file://{tmp_path}/{path}"), "file", ROOTS=f"{tmp_path}/models")
        assert not it.ok and it.said.startswith("permission denied"), it.said


def test_a_file_that_is_not_there_yet_may_come(fetch, tmp_path):
    it = fetch(event_of(f"file://{tmp_path}/m.pkl"), "file", ROOTS=tmp_path)
    assert "there is no such file" in it.said
    (tmp_path / "m.pkl").write_bytes(CONTENT)
    assert fetch(event_of(f"file://{tmp_path}/m.pkl"), "file", ROOTS=tmp_path).ok


def test_an_artifact_that_is_another_is_told_with_both_hashes(fetch, store):
    claimed = hashlib.sha256(b"another").hexdigest()
    it = fetch(event_of(f"{store.url}/m.pkl", digest=claimed), "http", HOSTS="127.0.0.1")
    assert not it.ok
    assert HASH in it.said and claimed in it.said and "artifact[0]" in it.said


def test_what_is_fetched_is_what_is_enabled(fetch, store):
    event = event_of("s3://bucket/key", f"{store.url}/m.pkl")
    assert fetch(event, "").found == []
    assert [found["artifact"] for found in fetch(event, "http", HOSTS="127.0.0.1").found] == [1]
    it = fetch(event, "http", HOSTS="127.0.0.1", REQUIRED="true")
    assert not it.ok and "artifact[0] (s3://bucket/key)" in it.said


def test_hexadecimal_digits_may_be_capitals(fetch, store):
    assert fetch(event_of(f"{store.url}/m.pkl", digest=HASH.upper()), "http", HOSTS="127.0.0.1").ok


@pytest.mark.parametrize("hosts", ["*", "*.0.0.1", "127.0.*"])
def test_a_private_address_is_connected_to_only_by_its_whole_name(fetch, store, hosts):
    for name in ("127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"):
        it = fetch(event_of(f"http://{name}:{store.port}/m.pkl"), "http", HOSTS=hosts)
        assert not it.ok, it.said
    assert store.requests == []


def test_a_host_that_is_not_listed_is_not_asked(fetch, store):
    it = fetch(event_of(f"{store.url}/m.pkl"), "http", HOSTS="models.example.com, *.example.org")
    assert "not among notary.artifacts.hosts" in it.said
    assert store.requests == []


def test_a_listed_host_behind_another_one_is_not_taken_for_it(fetch, store):
    """libcurl takes one slash for two, and would connect to the first of these hosts."""
    uri = f"http:/127.0.0.1:{store.port}/m.pkl?://models.example.com/"
    it = fetch(event_of(uri), "http", HOSTS="models.example.com")
    assert "must begin with" in it.said
    assert store.requests == []


def test_a_redirect_is_not_followed(fetch, server):
    server.answer = lambda *_: (302, {"location": "/elsewhere"}, b"")
    it = fetch(event_of(f"{server.url}/m.pkl"), "http", HOSTS="127.0.0.1")
    assert "redirects are not followed" in it.said
    assert len(server.requests) == 1


def test_an_artifact_that_is_too_large_or_too_slow_is_given_up(fetch, store):
    it = fetch(event_of(f"{store.url}/m.pkl"), "http", HOSTS="127.0.0.1", BYTES_MAX=len(CONTENT) - 1)
    assert not it.ok and it.said.startswith("too large")
    assert fetch(event_of(f"{store.url}/m.pkl"), "http", HOSTS="127.0.0.1", BYTES_MAX=len(CONTENT)).ok
    store.mode = "silent"
    it = fetch(event_of(f"{store.url}/m.pkl"), "http", HOSTS="127.0.0.1", TIMEOUT="300ms")
    assert it.said.startswith("timed out")


@pytest.mark.parametrize("status, says", [(404, "not now"), (503, "not now"), (429, "not now"), (403, "permission denied"),
                                          (410, "invalid argument")])
def test_a_refusal_is_one_for_now_or_for_good(fetch, server, status, says):
    server.answer = lambda *_: (status, {}, CONTENT)
    it = fetch(event_of(f"{server.url}/m.pkl"), "http", HOSTS="127.0.0.1")
    assert not it.ok and says in it.said and str(status) in it.said


@pytest.mark.parametrize("uri", ["http://user@127.0.0.1/x", "http://127.0.0.1\\@evil/x", "http:///x", "http://a b/", "http://[::1/x",
                                 "http://h:80x/", "ftp://x/y", "file://host/etc", "file:///a%zz", "file:///a%00b", "s3://ab/x",
                                 "s3://bucket", "s3://bucket/a/../b", "s3://bucket/./a", "s3://bu?ket/x"])
def test_a_uri_that_two_could_read_differently_is_refused(fetch, uri, tmp_path):
    it = fetch(event_of(uri), "file, http, https, s3", ROOTS=tmp_path, HOSTS="*", REQUIRED="true")
    assert not it.ok and "artifact[0]" in it.said
    assert "cannot connect" not in it.said.lower()


@pytest.mark.parametrize("token", [None, "session-token"])
def test_an_object_is_asked_for_with_a_signature(fetch, token):
    store = FakeS3(token=token)
    key = "models/fraud model+v2=ü.pkl"
    store.objects[f"/ml-models/{key}"] = CONTENT
    identity = {"AWS_ENDPOINT_URL": store.url + "/", "AWS_ACCESS_KEY_ID": "notary", "AWS_SECRET_ACCESS_KEY": "hush",
                **({"AWS_SESSION_TOKEN": token} if token else {})}
    try:
        it = fetch(event_of(f"s3://ml-models/{key}"), "s3", **identity)
        assert it.ok, (it.said, store.requests)
        it = fetch(event_of("s3://ml-models/absent"), "s3", **identity)
        assert "404" in it.said
        it = fetch(event_of(f"s3://ml-models/{key}"), "s3", **{**identity, "AWS_SECRET_ACCESS_KEY": "other"})
        assert "403" in it.said and "other" not in it.said
        it = fetch(event_of(f"s3://ml-models/{key}"), "s3", S3_BUCKETS="data-*, exact", **identity)
        assert "not among notary.artifacts.s3_buckets" in it.said
    finally:
        store.close()


@pytest.mark.parametrize("options, says", [
    ({f"{ARTIFACTS}SCHEMES": "gopher"}, "gopher"),
    ({f"{ARTIFACTS}SCHEMES": "file"}, "notary.artifacts.roots"),
    ({f"{ARTIFACTS}SCHEMES": "file", f"{ARTIFACTS}ROOTS": "models"}, "whole paths"),
    ({f"{ARTIFACTS}SCHEMES": "s3", "AWS_ENDPOINT_URL": "s3.example.com"}, "s3_endpoint"),
    ({f"{ARTIFACTS}SCHEMES": "s3", "AWS_ACCESS_KEY_ID": "x"}, "go together"),
])
def test_settings_of_artifacts_that_make_no_sense_are_refused(tmp_path, options, says):
    it = Answer("artifacts", event_of(), tmp_path, **options)
    assert not it.ok and says in it.said


# ---- notices ----

NOTICE = {"kind": "approval_required", "event_id": "deploy-1", "workflow_id": "wf-0123", "title": "Approval required: fraud 2.1",
          "text": "Event deploy-1 of ci. To decide: a@example.com.", "link": "https://notary.example.com/v1/workflows/wf-0123",
          "at_ms": 1705314600000}


@pytest.fixture
def tell(tmp_path):
    """tell(channel, **options): what came of sending the notice there."""
    def one(channel, notice=NOTICE, **options):
        return Answer("notice", {**notice, "channel": channel}, tmp_path,
                      **{f"{NOTICES}{name}": str(value) for name, value in options.items()})
    return one


def test_slack_is_told_by_the_web_hook_of_the_channel(tell, server):
    hooks = f"#other={server.url}/T/other, #ml-deployments={server.url}/T/ml"
    assert tell({"slack": "#ml-deployments"}, SLACK_URL=f"{server.url}/T/default", SLACK_URLS=hooks).ok
    assert tell({"slack": "#unknown"}, SLACK_URL=f"{server.url}/T/default", SLACK_URLS=hooks).ok
    assert tell({"slack": "other"}, SLACK_URLS=hooks).ok
    assert [path for _, path, _, _ in server.requests] == ["/T/ml", "/T/default", "/T/other"]
    text = json.loads(server.requests[0][3])["text"]
    assert text == f"*{NOTICE['title']}*\n{NOTICE['text']}\n{NOTICE['link']}"
    it = tell({"slack": "#unknown"}, SLACK_URLS=hooks)
    assert not it.ok and "no web hook is configured" in it.said


def test_an_event_cannot_mention_everybody(tell, server):
    assert tell({"slack": "#x"}, {**NOTICE, "title": "<!channel> & <http://evil|here>"}, SLACK_URL=server.url).ok
    assert "*&lt;!channel&gt; &amp; &lt;http://evil|here&gt;*" in json.loads(server.requests[0][3])["text"]


def test_a_web_hook_gets_signed_json_under_the_same_key_each_time(tell, server, tmp_path):
    (tmp_path / "key").write_text("a key\n".replace(" ", "-"))
    options = {"WEBHOOKS": f"audit={server.url}/audit", "WEBHOOK_SECRETS": f"audit=file://{tmp_path}/key"}
    for _ in range(2):
        assert tell({"webhook": "audit"}, **options).ok
    (_, path, headers, body), (_, _, again, same) = server.requests
    assert path == "/audit" and body == same
    assert headers["X-Geminga-Signature"] == "sha256=" + hmac.new(b"a-key", body, hashlib.sha256).hexdigest()
    assert headers["Idempotency-Key"] == again["Idempotency-Key"] == json.loads(body)["key"]
    assert headers["X-Geminga-Event"] == "approval_required"
    assert json.loads(body)["workflow_id"] == "wf-0123"
    assert "no web hook of this name" in tell({"webhook": "other"}, **options).said


def test_mail_goes_to_allowed_domains_and_nowhere_else(tell, mail):
    options = {"SMTP_URL": mail.url, "MAIL_FROM": "notary@example.com", "MAIL_DOMAINS": "company.com, Example.com"}
    it = tell({"email": ["devops@company.com", "a@EXAMPLE.com"]}, **options)
    assert it.ok, it.said
    sender, recipients, content = mail.messages[0]
    assert sender == "<notary@example.com>" and recipients == ["<devops@company.com>", "<a@EXAMPLE.com>"]
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert message["subject"] == NOTICE["title"]
    assert message["date"].datetime.isoformat() == "2024-01-15T10:30:00+00:00"
    assert NOTICE["text"] in message.get_content() and NOTICE["link"] in message.get_content()
    assert tell({"email": ["devops@company.com", "a@EXAMPLE.com"]}, **options).ok
    assert mail.messages[1][2] == content
    for bad, says in ((["x@evil.com"], "x@evil.com is not of a domain"), (["devops@company.com", "x@evil.com"], "x@evil.com"),
                      (["a@company.com\r\nRCPT TO:<x@evil.com>"], "no mail address"), ([], "1 to 50"), (7, "1 to 50")):
        it = tell({"email": bad}, **options)
        assert not it.ok and says in it.said, it.said
    assert len(mail.messages) == 2


def test_words_in_any_script_arrive_whole(tell, mail):
    title, text = "Freigabe nötig: 模型 " + "ä" * 100, "Überprüfung\u2026 " * 10
    assert tell({"email": "a@b.com"}, {**NOTICE, "title": title, "text": text}, SMTP_URL=mail.url, MAIL_FROM="n@b.com",
                MAIL_DOMAINS="b.com").ok
    content = mail.messages[0][2]
    assert content.isascii() and max(map(len, content.split(b"\r\n"))) <= 78
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert message["subject"] == title
    assert text.strip() in message.get_content()


def test_a_refusal_of_the_mail_server_is_one_for_now_or_for_good(tell, mail):
    options = {"SMTP_URL": mail.url, "MAIL_FROM": "n@b.com", "MAIL_DOMAINS": "b.com"}
    mail.refuses = {"RCPT TO": "451 later"}
    assert tell({"email": "a@b.com"}, **options).said.startswith("not now")
    mail.refuses = {"RCPT TO": "550 nobody here"}
    assert tell({"email": "a@b.com"}, **options).said.startswith("not allowed")


@pytest.mark.parametrize("status, says", [(500, "not now"), (429, "not now"), (404, "permission denied"), (302, "permission denied")])
def test_a_refusal_of_a_web_hook_is_one_for_now_or_for_good(tell, server, status, says):
    server.answer = lambda *_: (status, {}, b"")
    it = tell({"slack": "#x"}, SLACK_URL=f"{server.url}/services/SECRET")
    assert it.said.startswith(says) and str(status) in it.said
    assert "SECRET" not in it.said


def test_one_that_does_not_answer_is_given_up_and_its_url_not_told(tell, server):
    server.mode = "silent"
    it = tell({"slack": "#x"}, SLACK_URL=f"{server.url}/services/SECRET", TIMEOUT="300ms")
    assert it.said.startswith("timed out") and "SECRET" not in it.said
    it = tell({"slack": "#x"}, SLACK_URL="http://127.0.0.1:1/services/SECRET")
    assert not it.ok and "SECRET" not in it.said


@pytest.mark.parametrize("channel", [{"pager": "x"}, {"slack": 7}, {"slack": ""}, {"webhook": []}, {"topic": "x"}, {}, {"a": 1, "b": 2}])
def test_a_channel_that_nobody_knows_is_refused(tell, channel):
    assert not tell(channel).ok


@pytest.mark.parametrize("options, says", [
    ({"SLACK_URL": "hooks.slack.com/SECRET"}, "slack_url"), ({"SLACK_URLS": "#a"}, "slack_urls"),
    ({"WEBHOOKS": "a=SECRET"}, "webhooks"), ({"WEBHOOK_SECRETS": "a=SECRET"}, "webhook_secrets"),
    ({"SMTP_URL": "mail.example.com"}, "smtp_url"), ({"SMTP_URL": "smtp://m"}, "mail_from"),
    ({"SMTP_URL": "smtp://m", "MAIL_FROM": "a@b.c", "SMTP_USER": "u"}, "go together")])
def test_settings_of_notices_that_make_no_sense_are_refused(tell, options, says):
    it = tell({"slack": "#x"}, **options)
    assert not it.ok and says in it.said and "SECRET" not in it.said


# ---- handlers ----

@pytest.fixture
def ask(tmp_path):
    """ask(toml, event): the verdict, and what was found out."""
    def one(toml, event=None, **environment):
        (tmp_path / "handlers.toml").write_text(toml)
        return Answer("handlers", event or event_of(), tmp_path,
                      **{f"{NOTARY}HANDLERS_FILE": str(tmp_path / "handlers.toml"), **environment})
    return one


def test_the_example_of_a_shared_object_decides_in_a_process_of_its_own(ask, tmp_path):
    compiler = shutil.which("cc")
    if not compiler:
        pytest.skip("not installed: cc")
    subprocess.run([compiler, "-shared", "-fPIC", "-I", INCLUDE, "-o", tmp_path / "accuracy.so", EXAMPLES / "accuracy.c"], check=True)
    toml = f"[[handler]]\nname = 'accuracy'\nkind = 'shared_object'\npath = '{tmp_path}/accuracy.so'\nconfig = '0.9'\n" \
           + ("memory = '0'\nsandbox = false\n" if os.environ.get("GEMINGA_SANITIZED") else "memory = '256MB'\nsandbox = 'calls'\n")
    it = ask(toml, event_of(metadata={"model_accuracy": 0.94}))
    assert it.said == "ok accept", it.said
    assert it.found == [{"handler": "accuracy", "verdict": "accept", "reason": "", "metadata": {"accuracy": 0.94, "least": 0.9}}]
    it = ask(toml, event_of(metadata={"model_accuracy": 0.5}))
    assert it.said == "ok reject" and it.found[0]["reason"] == "the model is not accurate enough"


def test_the_example_of_a_command_decides(ask):
    def toml(first, last, more=""):
        return "[[handler]]\nname = 'window'\nkind = 'command'\n" \
               f"command = ['{sys.executable}', '{EXAMPLES}/change_window.py', '--from', '{first}', '--to', '{last}']\n{more}"
    assert ask(toml(0, 24)).said == "ok accept"
    it = ask(toml(0, 0))
    assert it.said == "ok reject" and "change window" in it.found[0]["reason"]
    assert ask(toml(0, 24, "events_per_process = 5\n")).said == "ok accept"


def test_a_handler_over_http_decides_and_is_told_who_asks(ask, server, tmp_path):
    (tmp_path / "token").write_text("hush\n")
    server.answer = lambda *_: (200, {}, b'{"verdict": "ignore", "reason": "not ours",\n "metadata": {"n": 1}}\n')
    toml = f"[[handler]]\nname = 'web'\nkind = 'http'\nurl = '{server.url}/decide'\ntoken = 'file://{tmp_path}/token'\nretries = 0\n"
    it = ask(toml)
    assert it.said == "ok ignore" and it.found[0]["metadata"] == {"n": 1}
    method, path, headers, body = server.requests[0]
    assert (method, path, headers["Authorization"]) == ("POST", "/decide", "Bearer hush")
    assert json.loads(body) == event_of()
    for answer, says in (((200, {}, b"<html>"), "answers no JSON object"), ((500, {}, b""), "HTTP status 500"),
                         ((200, {}, b'{"verdict":"accept","reason":"' + b"x" * 70000 + b'"}'), "handler web")):
        server.answer = lambda *_, answer=answer: answer
        it = ask(toml)
        assert not it.ok and says in it.said, it.said
        assert "hush" not in it.said
    server.mode = "silent"
    assert ask(toml + "timeout = '300ms'\n").said.startswith("timed out")
