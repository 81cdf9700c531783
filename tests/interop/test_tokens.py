# SPDX-License-Identifier: Apache-2.0
"""`geminga tokens`: keys and tokens that others take, and the other way round; what is refused."""
import base64
import json
import os
import stat
import subprocess
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from broker_process import PROGRAM, SERVICE_URL

pytestmark = pytest.mark.skipif(bool(SERVICE_URL), reason="about our program")

SECRETS = {"HS256": 32, "HS384": 48, "HS512": 64}
PAIRS = ["RS256", "PS256", "ES256", "ES384", "ES512"]  # larger RSA keys take their time

# The fixtures of Pulsar's Go client: made by Pulsar's tool.
GO_SECRET = base64.b64encode(bytes.fromhex("113d5afffd6b03d881484b58e710c7773ce3fd48e89bdfbe5688607d0d68a17f")).decode()
GO_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0b2tlbi1wcmluY2lwYWwifQ.tSfgR8l7dKC6LoWCxQgNkuSB8our7xV_nAM7wpgCbG4"


def run(*words, **options):
    return subprocess.run([PROGRAM, "tokens", *words], capture_output=True, timeout=60,
                          **{"stdin": subprocess.DEVNULL, **options})


def done(*words, **options):
    it = run(*words, **options)
    assert it.returncode == 0, it
    return it.stdout.decode().strip()


def failed(*words, code, **options):
    it = run(*words, **options)
    assert it.returncode == code, it
    assert it.stdout == b""
    return it.stderr.decode()


def secret(tmp_path, algorithm="HS256"):
    path = tmp_path / f"{algorithm}.key"
    done("create-secret-key", "-a", algorithm, "--output", str(path))
    return path


def pair(tmp_path, algorithm):
    private, public = tmp_path / "private.key", tmp_path / "public.key"
    done("create-key-pair", "-a", algorithm, "--output-private-key", str(private), "--output-public-key", str(public))
    return private, public


# ---- keys ----

@pytest.mark.parametrize("algorithm, size", SECRETS.items())
def test_a_secret_is_as_long_as_its_algorithm_wants(tmp_path, algorithm, size):
    path = secret(tmp_path, algorithm)
    assert path.stat().st_size == size
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(run("create-secret-key", "-a", algorithm).stdout) == size
    assert len(base64.b64decode(done("create-secret-key", "-b", "-a", algorithm))) == size
    path = tmp_path / "in.base64"
    done("create-secret-key", "-b", "-o", str(path))
    assert len(base64.b64decode(path.read_bytes(), validate=True)) == 32  # and no line's end


@pytest.mark.parametrize("algorithm", PAIRS)
def test_a_pair_is_in_the_formats_of_java(tmp_path, algorithm):
    private, public = pair(tmp_path, algorithm)
    ours = serialization.load_der_private_key(private.read_bytes(), None)
    spki = ours.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert public.read_bytes() == spki
    assert stat.S_IMODE(private.stat().st_mode) == 0o600


def test_a_key_that_is_there_is_not_overwritten(tmp_path):
    path = secret(tmp_path)
    before = path.read_bytes()
    assert "is there already, and is not overwritten" in failed("create-secret-key", "-o", str(path), code=1)
    assert path.read_bytes() == before


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    assert "is there already" in failed("create-secret-key", "-o", str(tmp_path / "link"), code=1)
    assert not (tmp_path / "target").exists()


def test_of_a_pair_both_are_made_or_none(tmp_path):
    private, public = tmp_path / "private.key", tmp_path / "public.key"
    public.write_bytes(b"mine")
    failed("create-key-pair", "--output-private-key", str(private), "--output-public-key", str(public), code=1)
    assert not private.exists()
    assert public.read_bytes() == b"mine"


# ---- tokens that others verify, and others' that we do ----

@pytest.mark.parametrize("algorithm", SECRETS)
def test_a_token_with_a_secret_is_one_for_others(tmp_path, algorithm):
    path = secret(tmp_path, algorithm)
    token = done("create", "--secret-key", f"file://{path}", "--subject", "me", "-hs", "kid=1", "--headers", "x=y")
    assert jwt.decode(token, path.read_bytes(), algorithms=[algorithm]) == {"sub": "me"}
    assert jwt.get_unverified_header(token) == {"kid": "1", "x": "y", "alg": algorithm}
    theirs = jwt.encode({"sub": "you", "n": 7, "aud": ["a", "b"]}, path.read_bytes(), algorithm)
    assert done("validate", "-sk", f"file:{path}", theirs) == "{sub=you, n=7, aud=[a, b]}"


@pytest.mark.parametrize("algorithm", PAIRS)
def test_a_token_with_a_pair_is_one_for_others(tmp_path, algorithm):
    private, public = pair(tmp_path, algorithm)
    ours = serialization.load_der_private_key(private.read_bytes(), None)
    token = done("create", "--private-key", f"file://{private}", "-s", "me", "-a", algorithm)
    assert jwt.decode(token, ours.public_key(), algorithms=[algorithm]) == {"sub": "me"}
    theirs = jwt.encode({"sub": "you"}, ours, algorithm)
    for key in f"file://{public}", f"data:;base64,{base64.b64encode(public.read_bytes()).decode()}":
        assert done("validate", "-pk", key, theirs) == "{sub=you}"
    assert done("validate", "-pk", f"file://{public}", "-a", algorithm, theirs) == "{sub=you}"


def test_by_default_a_key_signs_as_its_size_is_meant_for(tmp_path):
    private, _ = pair(tmp_path, "PS256")
    assert jwt.get_unverified_header(done("create", "-pk", f"file://{private}", "-s", "x")) == {"alg": "RS256"}


def test_tokens_of_pulsars_tool_are_the_same_to_the_letter():
    assert done("create", "-sk", GO_SECRET, "-s", "token-principal") == GO_TOKEN
    assert done("validate", "-sk", f"data:;base64,{GO_SECRET}", GO_TOKEN) == "{sub=token-principal}"


# ---- where a token comes from ----

def test_show_tells_header_and_payload_from_wherever_the_token_is(tmp_path):
    wanted = '{"alg":"HS256"}\n---\n{"sub":"token-principal"}'
    (tmp_path / "token.txt").write_text(GO_TOKEN + "\n")
    assert done("show", GO_TOKEN) == wanted
    assert done("show", "-f", str(tmp_path / "token.txt")) == wanted
    assert done("show", env={**os.environ, "TOKEN": GO_TOKEN}) == wanted
    with open(tmp_path / "token.txt", "rb") as file:
        assert done("show", "-i", stdin=file) == wanted


# ---- when it ends ----

def test_it_ends_in_time(tmp_path):
    path = secret(tmp_path)
    before = int(time.time())
    claims = jwt.decode(done("create", "-sk", f"file://{path}", "-s", "me", "-e", "3d"), path.read_bytes(), ["HS256"])
    assert before + 3 * 86400 <= claims["exp"] <= int(time.time()) + 3 * 86400
    ended = done("create", "-sk", f"file://{path}", "-s", "me", "-e", "-1s")
    assert "this token is not valid: it has expired" in failed("validate", "-sk", f"file://{path}", ended, code=1)


# ---- what is refused ----

def none_token():
    parts = [base64.urlsafe_b64encode(json.dumps(x).encode()).rstrip(b"=").decode() for x in ({"alg": "none"}, {"sub": "x"})]
    return ".".join(parts) + "."


@pytest.mark.parametrize("token, why", [
    (GO_TOKEN[:-2] + "AA", "its signature does not hold"),
    (GO_TOKEN.replace(".eyJ", ".eyK"), "its signature does not hold"),
    (none_token(), "its algorithm is none that is accepted"),
    (jwt.encode({"sub": "x"}, "x" * 64, "HS512"), "its algorithm is not one for this key"),
    ("no token", "it is not three parts with dots between"),
])
def test_a_token_that_is_not_to_be_believed(token, why):
    assert f"this token is not valid: {why}" in failed("validate", "-sk", GO_SECRET, token, code=1)


def test_a_token_that_a_public_key_signed_as_a_secret(tmp_path):
    import hashlib
    import hmac
    _, public = pair(tmp_path, "RS256")
    head = GO_TOKEN.rsplit(".", 1)[0]
    code = base64.urlsafe_b64encode(hmac.new(public.read_bytes(), head.encode(), hashlib.sha256).digest())
    assert "its algorithm is not one for this key" in \
        failed("validate", "-pk", f"file://{public}", head + "." + code.rstrip(b"=").decode(), code=1)


@pytest.mark.parametrize("words, why", [
    (["create", "-s", "me"], "give --secret-key or --private-key"),
    (["create", "-s", "me", "-sk", "a", "-pk", "b"], "give one of --secret-key and --private-key"),
    (["create", "-sk", GO_SECRET], "give --subject"),
    (["create", "-sk", GO_SECRET, "-s", "me", "-e", "5x"], "--expiry-time expects a time such as 1h, 3d or 10y, not `5x`"),
    (["create", "-sk", GO_SECRET, "-s", "me", "-a", "HS512"], "HS512 is not for this key"),
    (["create", "-sk", GO_SECRET, "-s", "me", "-a", "RS256"], "RS256 is not for this key"),
    (["create", "-sk", GO_SECRET, "-s", "me", "-hs", "alg=none"], "--headers: `alg` is not for you to say"),
    (["create", "-sk", GO_SECRET, "-s", "me", "-hs", "alone"], "--headers expects NAME=VALUE"),
    (["create", "-sk", "secret.key", "-s", "me"], "--secret-key expects file:PATH, data:;base64,TEXT, or base64"),
    (["validate", GO_TOKEN], "give --secret-key or --public-key"),
    (["validate", "-sk", GO_SECRET], "which token?"),
    (["validate", "-sk", GO_SECRET, "a", "b"], "what is `b`?"),
    (["show"], "which token?"),
    (["create-secret-key", "-a", "RS256"], "RS256 has no secret: `geminga tokens create-key-pair` makes its keys"),
    (["create-key-pair", "-a", "RS256"], "give --output-private-key and --output-public-key"),
    (["create-key-pair", "-a", "HS256", "--output-private-key", "a", "--output-public-key", "b"], "HS256 has no pair"),
])
def test_a_wrong_request_is_refused(words, why, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "TOKEN"}
    assert why in failed(*words, code=2, cwd=tmp_path, env=environment)
    assert list(tmp_path.iterdir()) == []


def test_a_short_secret_and_an_absent_file_are_told(tmp_path):
    assert "a secret has at least 32 bytes" in failed("create", "-sk", "AQID", "-s", "me", code=1)
    assert "cannot read /nowhere" in failed("create", "-sk", "file:///nowhere", "-s", "me", code=1)
    assert "PKCS8 in DER is expected" in failed("create", "-pk", GO_SECRET, "-s", "me", code=1)


def test_a_secret_is_not_told_in_a_refusal():
    it = run("create", "-sk", GO_SECRET + "!", "-s", "me")
    assert it.returncode == 2
    assert GO_SECRET.encode() not in it.stderr
