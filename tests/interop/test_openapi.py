# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document: valid to a reader that is not ours, and true of the broker that gives it."""
import json
import urllib.error
import urllib.request

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

pytestmark = pytest.mark.usefixtures("only_geminga")

SECONDS = 30


@pytest.fixture(scope="module")
def document(broker):
    with urllib.request.urlopen(broker.http_url + "/admin/v2/openapi.json", timeout=SECONDS) as answer:
        assert answer.headers["content-type"] == "application/json"
        return json.loads(answer.read())


def test_a_validator_finds_nothing_wrong_with_it(document):
    assert [error.message for error in OpenAPIV30SpecValidator(document).iter_errors()] == []


def allowed(broker, path):
    asked = urllib.request.Request(broker.http_url + path, method="OPTIONS")
    try:
        with urllib.request.urlopen(asked, timeout=SECONDS) as answer:
            return {method.strip().lower() for method in answer.headers["allow"].split(",")}
    except urllib.error.HTTPError as refused:
        return {refused.code}


def test_what_it_names_is_there(broker, document):
    """OPTIONS of each path answers with the methods that the document has."""
    values = {"domain": "persistent", "tenant": "public", "namespace": "default", "bundle": "0x00000000_0xffffffff"}
    for path, methods in document["paths"].items():
        for part in methods["get" if "get" in methods else next(iter(methods))]["parameters"]:
            if part["in"] == "path":
                path = path.replace("{%s}" % part["name"], values.get(part["name"], "1"))
        assert set(methods) <= allowed(broker, path), path


def test_status_html_is_there_while_its_file_is(broker, tmp_path):
    from broker_process import Broker
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(broker.http_url + "/status.html", timeout=SECONDS)
    assert refused.value.code == 404
    (tmp_path / "broker.conf").write_text(f"statusFilePath={tmp_path}/in-use\n")
    own = Broker(tmp_path, options=["--config", str(tmp_path / "broker.conf")])
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(own.http_url + "/status.html", timeout=SECONDS)
    (tmp_path / "in-use").write_text("")
    with urllib.request.urlopen(own.http_url + "/status.html", timeout=SECONDS) as answer:
        assert answer.read() == b"OK"
    own.stop()
