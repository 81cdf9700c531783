# SPDX-License-Identifier: Apache-2.0
"""geminga admin apply, export, doctor: a whole set-up declared in files, made, written down and looked over."""
import json
import subprocess
import urllib.request
from pathlib import Path

import pytest

from broker_process import PROGRAM, SERVICE_URL, Broker

pytestmark = pytest.mark.skipif(bool(SERVICE_URL), reason="about our program")

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "backbone" / "backbone.toml"


@pytest.fixture
def broker(tmp_path):
    b = Broker(tmp_path)
    yield b
    b.stop()


def admin(broker, *words, status=0):
    it = subprocess.run([PROGRAM, "admin", "--admin-url", broker.http_url, *map(str, words)], capture_output=True,
                        text=True, timeout=60)
    assert it.returncode == status, it.stdout + it.stderr
    return it.stdout if status == 0 else it.stdout + it.stderr


def get(broker, path):
    with urllib.request.urlopen(f"{broker.http_url}/admin/v2/{path}") as answer:
        return json.load(answer)


def apply(broker, directory, text, *more, status=0, name="setup.toml"):
    (directory / name).write_text(text)
    return admin(broker, "apply", "-f", directory / name, *more, status=status)


def test_the_backbone_of_the_examples_is_there_after_one_apply_and_a_second_changes_nothing(broker):
    assert "of" in admin(broker, "apply", "-f", EXAMPLE)
    assert len(get(broker, "namespaces/hexabuilders")) == 6
    place = "hexabuilders/partner-management"
    assert get(broker, f"namespaces/{place}/retention") == {"retentionTimeInMinutes": 10080, "retentionSizeInMB": 1024}
    assert get(broker, f"namespaces/{place}/deduplication") is True
    assert get(broker, f"namespaces/{place}/schemaCompatibilityStrategy") == "FULL"
    assert get(broker, f"namespaces/{place}/schemaValidationEnforced") is True
    assert get(broker, f"namespaces/{place}/permissions") == {"partner-management": ["produce", "consume"]}
    assert get(broker, f"persistent/{place}/partner-registration/partitions")["partitions"] == 4
    schema = get(broker, f"schemas/{place}/partner-registration/schema")
    assert schema["type"] == "AVRO" and json.loads(schema["data"])["name"] == "PartnerRegistrationCompleted"
    assert admin(broker, "apply", "-f", EXAMPLE) == "Nothing to change.\n"


def test_a_dry_run_shows_what_would_change_and_changes_nothing(broker):
    shown = admin(broker, "apply", "-f", EXAMPLE, "--dry-run")
    assert "+ tenant hexabuilders\n" in shown
    assert "+ topic persistent://hexabuilders/onboarding/contract-signed, with 4 partitions\n" in shown
    assert "hexabuilders" not in get(broker, "tenants")


def test_only_what_differs_is_changed_and_what_is_not_declared_stays(broker, tmp_path):
    apply(broker, tmp_path, '[namespaces."public/default"]\nmessageTTL = 60\nmaxProducersPerTopic = 5\n'
                            '[topics."persistent://public/default/t"]\npartitions = 2\nmaxConsumers = 3\n')
    shown = apply(broker, tmp_path, '[namespaces."public/default"]\nmessageTTL = 90\n'
                                    '[topics."public/default/t"]\npartitions = 3\nmaxConsumers = 3\n')
    assert shown == ("~ namespace public/default: messageTTL: 60 -> 90\n"
                     "~ topic persistent://public/default/t: partitions: 2 -> 3\n2 of 2 changes made.\n")
    assert get(broker, "namespaces/public/default/maxProducersPerTopic") == 5


def test_everything_that_can_be_declared_is_made(broker, tmp_path):
    text = '''
[clusters.centre]
serviceUrl = "http://centre:8080"
brokerServiceUrl = "pulsar://centre:6650"
[tenants.acme]
adminRoles = ["ops"]
[namespaces."acme/orders"]
properties = {owner = "us"}
subscriptionTypesEnabled = ["Shared", "Failover"]
backlogQuota = {destination_storage = {limitSize = 1000000, limitTime = -1, policy = "producer_exception"}}
publishRate = {publishThrottlingRateInMsg = 100, publishThrottlingRateInByte = -1}
compactionThreshold = 1000
[topics."persistent://acme/orders/placed"]
messageTTL = 7
retention = {retentionTimeInMinutes = 5, retentionSizeInMB = 100}
properties = {a = "b"}
permissions = {web = ["produce"]}
subscriptions = {billing = "earliest", audit = "latest"}
schema = {type = "JSON", schema = '{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}'}
[topics."non-persistent://acme/orders/live"]
partitions = 2
'''
    apply(broker, tmp_path, text)
    assert get(broker, "clusters/centre")["brokerServiceUrl"] == "pulsar://centre:6650"
    topic = "persistent/acme/orders/placed"
    assert get(broker, f"{topic}/messageTTL") == 7
    assert get(broker, f"{topic}/permissions") == {"web": ["produce"]}
    assert sorted(get(broker, f"{topic}/subscriptions")) == ["audit", "billing"]
    assert get(broker, "non-persistent/acme/orders/live/partitions")["partitions"] == 2
    assert apply(broker, tmp_path, text) == "Nothing to change.\n"


def test_what_is_exported_makes_the_same_on_another_broker(broker, tmp_path):
    admin(broker, "apply", "-f", EXAMPLE)
    for name, more in ("all.toml", ()), ("all.json", ("-o", "json")):
        written = admin(broker, "export", *more)
        (tmp_path / name).write_text(written)
        assert admin(broker, "apply", "-f", tmp_path / name) == "Nothing to change.\n"
        (tmp_path / f"other-{name}").mkdir()
        other = Broker(tmp_path / f"other-{name}")
        admin(other, "apply", "-f", tmp_path / name)
        theirs = admin(other, "export", *more)
        other.stop()
        port = {str(broker.port): "", str(broker.http_port): "", str(other.port): "", str(other.http_port): ""}
        for number in port:
            written, theirs = written.replace(number, "PORT"), theirs.replace(number, "PORT")
        assert theirs == written


@pytest.mark.parametrize("text, words", [
    ("[tenants\n", "setup.toml:1:"), ("[people.a]\n", "no `people`"),
    ('[namespaces."public/default"]\nretain = 3\n', "no `retain`"), ("tenants = 3\n", "no `tenants`"),
    ("[topics]\nx = 3\n", "topics.x is not a table"),
    ('[namespaces.public]\nmessageTTL = 1\n', "not a namespace"),
    ('[topics."public/default/t"]\nschema = {file = "nowhere.avsc"}\n', "nowhere.avsc cannot be read")])
def test_a_file_that_makes_no_sense_is_refused_before_anything_is_done(broker, tmp_path, text, words):
    assert words in apply(broker, tmp_path, '[tenants.first]\nadminRoles = []\n' + text if "[tenants\n" != text else text,
                          status=1)
    assert "first" not in get(broker, "tenants")


def test_partitions_that_would_shrink_are_refused_before_anything_is_done(broker, tmp_path):
    apply(broker, tmp_path, '[topics."public/default/t"]\npartitions = 4\n')
    said = apply(broker, tmp_path, '[tenants.new]\nadminRoles = []\n[topics."public/default/t"]\npartitions = 2\n',
                 status=1)
    assert "has 4 partitions and cannot have 2" in said
    assert "new" not in get(broker, "tenants")


def test_what_the_broker_refuses_is_told_with_its_reason(broker, tmp_path):
    field = '{"name":"%s","type":"int"}'
    text = '''[topics."public/default/t"]
schema = {type = "AVRO", schema = '{"type":"record","name":"R","fields":[%s]}'}
'''
    apply(broker, tmp_path, text % (field % "a"))
    said = apply(broker, tmp_path, text % (field % "b"), status=1)
    assert "409" in said and "0 of 1 changes made." in said
    assert '"b"' in said or "`b`" in said or " b" in said  # the field is named


def test_the_doctor_finds_a_healthy_broker_so(broker):
    said = admin(broker, "doctor")
    assert "went through the broker and back" in said and "0 failures" in said
    found = json.loads(admin(broker, "doctor", "-o", "json"))
    assert all(f["finding"] != "FAIL" for f in found)


def test_the_doctor_tells_an_address_that_cannot_be_reached(tmp_path):
    broker = Broker(tmp_path, options=["--advertised-address", "no-such-host.invalid"])
    broker.http_url = f"http://127.0.0.1:{broker.http_port}"
    said = admin(broker, "doctor", status=1)
    assert "cannot be reached from here: set advertisedAddress" in said
    broker.stop()


def test_the_doctor_tells_that_nobody_is_there(broker):
    broker.stop()
    assert "FAIL" in admin(broker, "doctor", status=1)
