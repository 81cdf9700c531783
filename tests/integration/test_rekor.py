# SPDX-License-Identifier: Apache-2.0
"""Entries to the real Rekor, version 1 (on Trillian and MariaDB) and on tiles (version 2).

The same tests as with the fakes of tests/interop/anchor_fakes.py: so these fakes are known to behave as the real ones.
"""
import functools
import glob
import http.server
import json
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pulsar
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "interop"))
from anchor_entries import Submission, refusal_entry, signed_entry  # noqa: E402
from backend import accepts, free_ports, need  # noqa: E402
from notary_process import Channel, minimal_event  # noqa: E402

PREFIX = "GEMINGA_NOTARY_ANCHORS_"
SCHEMA = "pkg/mod/github.com/google/trillian@*/storage/mysql/schema/storage.sql"


@pytest.fixture(scope="session")
def rekor_tiles(start):
    """The environment that leads to it; its tiles are served by whoever can serve files."""
    need("posix", "openssl")
    port, grpc, metrics = free_ports(3)
    it = start("rekor_tiles", PORT=port, GRPC_PORT=grpc, METRICS_PORT=metrics)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(it.directory / "log"))
    tiles = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=tiles.serve_forever, daemon=True).start()
    yield {f"{PREFIX}REKOR_V2_URL": f"http://127.0.0.1:{port}", f"{PREFIX}REKOR_V2_PUBLIC_KEY": str(it.directory / "public.pem"),
           f"{PREFIX}REKOR_V2_TILES_URL": f"http://127.0.0.1:{tiles.server_port}"}
    tiles.shutdown()


def load_schema(port):
    """Trillian's tables, from its own file: of the module's source, where its programs were built."""
    go = subprocess.run(["go", "env", "GOPATH"], capture_output=True, text=True).stdout.strip() if need("go") is None else ""
    found = sorted(glob.glob(f"{go}/{SCHEMA}"))
    if not found:
        pytest.skip("not installed: Trillian's schema")
    with open(found[-1], encoding="utf-8") as schema:
        subprocess.run(["mariadb", "-h", "127.0.0.1", "-P", str(port), "-utest", "-ptest", "test"], stdin=schema, check=True)


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


@pytest.fixture(scope="session")
def rekor(start, tmp_path_factory):
    need("mariadbd", "mariadb", "trillian_log_server", "trillian_log_signer", "rekor-server")
    database, server, server_http, signer, signer_http, port = free_ports(6)
    start("mariadb", ready=lambda: accepts(database) and subprocess.run(
        ["mariadb", "-h", "127.0.0.1", "-P", str(database), "-utest", "-ptest", "test", "-e", "select 1"],
        capture_output=True).returncode == 0, PORT=database)
    load_schema(database)
    start("trillian_log_server", PORT=server, HTTP_PORT=server_http, DATABASE_PORT=database)
    start("trillian_log_signer", PORT=signer, HTTP_PORT=signer_http, DATABASE_PORT=database)
    url = f"http://127.0.0.1:{port}"
    start("rekor", ready=lambda: answers(f"{url}/api/v1/log"), PORT=port, TRILLIAN_PORT=server, DATABASE_PORT=database)
    key = tmp_path_factory.mktemp("rekor") / "key.pem"
    with urllib.request.urlopen(f"{url}/api/v1/log/publicKey") as answer:
        key.write_bytes(answer.read())
    return {"REKOR_SERVER_URL": url, f"{PREFIX}REKOR_V1_PUBLIC_KEY": str(key)}


@pytest.fixture(params=["rekor", "rekor_tiles"])
def log(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("entry_of", [signed_entry, refusal_entry])
def test_an_entry_gets_a_receipt_and_the_same_one_when_it_comes_again(log, tmp_path, entry_of):
    entry = entry_of(str(uuid.uuid4()))
    first, again = Submission(entry, tmp_path, **log), Submission(entry, tmp_path, **log)
    assert first.verified == again.verified == ["verified", "not verified"], first.said + again.said
    assert first.receipt["index"] == again.receipt["index"]
    assert first.receipt["body_b64"] == again.receipt["body_b64"]


def test_many_at_a_time_get_a_place_each(log, tmp_path):
    def one(number):
        (tmp_path / str(number)).mkdir()
        return Submission(signed_entry(str(uuid.uuid4())), tmp_path / str(number), **log)

    with ThreadPoolExecutor(8) as pool:
        submissions = list(pool.map(one, range(16)))
    assert all(it.verified == ["verified", "not verified"] for it in submissions), submissions[0].said
    assert len({it.receipt["index"] for it in submissions}) == 16


def test_the_log_with_another_key_is_not_believed(log, tmp_path):
    subprocess.run("openssl genpkey -algorithm ed25519 | openssl pkey -pubout -out other.pem", shell=True, cwd=tmp_path, check=True)
    key = next(name for name in log if name.endswith("_PUBLIC_KEY"))
    it = Submission(signed_entry(str(uuid.uuid4())), tmp_path, **{**log, key: str(tmp_path / "other.pem")})
    assert not it.ok
    assert "not signed by that key" in it.said


def test_the_notarys_entries_get_into_both_logs(rekor, rekor_tiles, make_notary, client):
    """Prints how fast: a figure to be read beside what the notary itself does, and beside what else ran."""
    count = 60
    notary = make_notary(**rekor, **rekor_tiles, **{f"{PREFIX}PARALLEL": "16"}).start()
    channel = Channel(client, notary)
    events = [minimal_event() for _ in range(count)]
    began = time.monotonic()
    for event in events:
        channel.send(event)
    channel.results(count)
    published = time.monotonic() - began
    reader = client.create_reader(notary.topics["journal"], pulsar.MessageId.earliest)
    receipts, last = {}, {}
    while len(receipts) < 2 * count:
        for record in json.loads(reader.read_next(60_000).data()).get("records", []):
            if record["kind"] == "anchored":
                receipts[record["anchor"], record["index"]] = record["receipt"]
                last[record["anchor"]] = time.monotonic() - began
    assert {index for name, index in receipts if name == "rekor-v1"} == set(range(count))
    assert {index for name, index in receipts if name == "rekor-v2"} == set(range(count))
    print(f"\n{count} events: results {count / published:.0f}/s, "
          + ", ".join(f"{name} {count / seconds:.1f}/s" for name, seconds in sorted(last.items())))
    notary.stop()
