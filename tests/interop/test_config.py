# SPDX-License-Identifier: Apache-2.0
"""Pulsar's own configuration as it is: its files, its images' environment, its launcher's flags; `geminga config`."""
import json
import os
import subprocess
import urllib.request
from pathlib import Path

import pytest

from broker_process import PROGRAM, SERVICE_URL, Broker

pytestmark = pytest.mark.skipif(bool(SERVICE_URL), reason="about our program")

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"

# As the files that come with Pulsar write them: defaults that are empty, blanks, numbers with a point, long lists.
AS_SHIPPED = """
### --- General broker settings --- ###
metadataStoreUrl=
brokerServicePort=0
webServicePort=0
bindAddress=127.0.0.1
bindAddresses=
advertisedAddress=
haProxyProtocolEnabled=false
numIOThreads=
numOrderedExecutorThreads=8
maxConcurrentHttpRequests=1024
clusterName=standalone
zooKeeperSessionTimeoutMillis=-1
backlogQuotaCheckEnabled=true
backlogQuotaCheckIntervalInSeconds=60
backlogQuotaDefaultLimitGB=10
backlogQuotaDefaultLimitSecond=-1
ttlDurationDefaultInSeconds=0
brokerDeleteInactiveTopicsEnabled=true
brokerDeleteInactiveTopicsFrequencySeconds=90
brokerDeleteInactiveTopicsMaxInactiveDurationSeconds=
forceDeleteTenantAllowed=false
maxPendingPublishRequestsPerConnection=1000
messageExpiryCheckIntervalInMinutes=5
statusFilePath=/usr/local/apache/htdocs
maxUnackedMessagesPerSubscriptionOnBrokerBlocked=0.16
preciseDispatcherFlowControl=false
tlsEnabled=false
tlsCertificateFilePath=
authenticationEnabled=false
authenticationProviders=
authorizationEnabled=false
authorizationProvider=org.apache.pulsar.broker.authorization.PulsarAuthorizationProvider
tokenSecretKey=
httpMaxRequestHeaderSize = 8192
bookkeeperClientQuarantineRatio=1.0
managedLedgerDefaultEnsembleSize=1
managedLedgerDefaultMarkDeleteRateLimit=0.1
managedLedgerMaxEntriesPerLedger=50000
managedLedgerMaxSizePerLedgerMbytes=2048
loadManagerClassName=org.apache.pulsar.broker.loadbalance.NoopLoadManager
webSocketServiceEnabled=true
schemaCompatibilityStrategy=FULL
dbStorage_rocksDB_numLevels=-1
journalSyncData=false
transactionCoordinatorEnabled=false
subscriptionTypesEnabled=Exclusive,Shared,Failover,Key_Shared
"""


def run(*words, env=None, **options):
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
                          env={**os.environ, **(env or {})}, **options)


def done(*words, **options):
    it = run(*words, **options)
    assert it.returncode == 0, it
    return it.stdout


def refused(*words, **options):
    it = run(*words, **options)
    assert it.returncode == 2, it
    assert it.stdout == ""
    return it.stderr


def show(*words, **options):
    return json.loads(done("config", "show", "-o", "json", *words, **options))


def keys():
    return json.loads(done("config", "keys", "-o", "json"))


# ---- Pulsar's files ----

def test_a_file_with_every_key_of_pulsars_is_accepted(tmp_path):
    effective = show("--effective")["settings"]
    lines, passed = [], []
    for row in keys():
        if row["becomes"] == "obeyed":
            value = effective[row["option"]]["value"]
            lines.append(f"{row['key']}={'' if value is None else str(value).lower() if value in (True, False) else value}")
        elif row["becomes"] == "restricted":
            lines.append(f"{row['key']}={row['accepted'].split('|')[0]}")
        else:
            lines.append(f"{row['key'].replace('*', 'anything')}=1")
            passed.append(row["key"].replace("*", "anything"))
    (tmp_path / "broker.conf").write_text("\n".join(lines))
    assert len(lines) > 550
    assert show("-c", str(tmp_path / "broker.conf"))["passedOver"] == passed


def test_no_key_is_told_twice():
    names = [row["key"] for row in keys()]
    assert len(names) == len(set(names))


def test_a_broker_starts_from_it_and_names_what_it_passed_over_in_one_line(tmp_path):
    (tmp_path / "standalone.conf").write_text(AS_SHIPPED)
    broker = Broker(tmp_path, options=["-c", str(tmp_path / "standalone.conf"), "-nfw", "-nss", "-a", "localhost"])
    lines = [line for line in broker.log_tail().splitlines() if "passed over" in line]
    broker.stop()
    assert len(lines) == 1
    assert "settings of Pulsar's without a meaning here" in lines[0]
    assert "numOrderedExecutorThreads" in lines[0] and "geminga config keys" in lines[0]
    assert len(lines[0]) < 500


def test_what_it_says_is_obeyed(tmp_path):
    (tmp_path / "standalone.conf").write_text(AS_SHIPPED)
    settings = show("-c", "standalone.conf", cwd=tmp_path)["settings"]
    assert settings["broker.default_backlog_quota_gb"] == {"value": 10, "origin": "standalone.conf:17"}
    assert settings["broker.inactive_topics_check_seconds"]["value"] == 90
    assert settings["broker.journal_sync_data"]["value"] is False
    assert "broker.inactive_topics_max_seconds" not in settings  # empty: the default


@pytest.mark.parametrize("line, why", [
    ("tokenSettingPrefix=x", "there is one set of keys for tokens: `tokenSecretKey` and so on"),
    ("tlsEnabledWithKeyStore=true", "keys and certificates are files in PEM here"),
    ("transactionCoordinatorEnabled=true", "there are no transactions"),
    ("maxUnackedMessagesPerBroker=1000", "there is no such limit"),
    ("managedLedgerOffloadDriver=aws-s3", "there is no tiered storage"),
])
def test_what_would_matter_and_is_not_there_is_refused(tmp_path, line, why):
    key, value = line.split("=")
    (tmp_path / "b.conf").write_text(line + "\n")
    assert f"b.conf:1: `{key}` cannot be `{value}`: {why}" in refused("standalone", "-c", "b.conf", cwd=tmp_path)
    for name in key, f"PULSAR_PREFIX_{key}":
        assert f"{name}: `{key}` cannot be `{value}`: {why}" in refused("standalone", env={name: value})


def test_authorization_wants_authentication_and_pulsars_rules(tmp_path):
    (tmp_path / "b.conf").write_text("authorizationEnabled=true\n")
    assert "authorizationEnabled wants authenticationEnabled" in refused("standalone", "-c", "b.conf", cwd=tmp_path)
    (tmp_path / "b.conf").write_text("authorizationProvider=org.example.Mine\n")
    assert "PulsarAuthorizationProvider, not `org.example.Mine`" in refused("standalone", "-c", "b.conf", cwd=tmp_path)


def test_a_key_that_pulsar_does_not_have_is_refused_with_the_nearest(tmp_path):
    (tmp_path / "b.conf").write_text("authenticationEnable=true\n")
    assert "b.conf:1: unknown key `authenticationEnable`; did you mean `authenticationEnabled`?" in \
        refused("standalone", "-c", "b.conf", cwd=tmp_path)


# ---- the environment of Pulsar's images ----

def test_the_environment_of_pulsars_images_is_obeyed():
    settings = show(env={"PULSAR_PREFIX_clusterName": "one", "maxConsumersPerTopic": "7"})["settings"]
    assert settings["broker.cluster_name"] == {"value": "one", "origin": "PULSAR_PREFIX_clusterName"}
    assert settings["broker.max_consumers_per_topic"] == {"value": 7, "origin": "maxConsumersPerTopic"}


def test_what_of_it_nobody_knows_is_named(tmp_path):
    names = {"PULSAR_PREFIX_numIOThreads": "4", "PULSAR_PREFIX_quiteAnother": "x"}
    assert set(show(env=names)["passedOver"]) == set(names)


# ---- the flags of Pulsar's launcher ----

def test_flags_of_pulsars_launcher_are_taken():
    shown = show("-nfw", "--bookkeeper-port", "3181", "--metadata-dir=x", "--advertised-address", "h")
    assert shown["passedOver"] == ["-nfw", "--bookkeeper-port", "--metadata-dir"]
    assert shown["settings"]["broker.advertised_address"]["value"] == "h"


def test_flags_that_would_do_what_we_do_not_are_refused():
    assert "`--wipe-data` cannot be: nothing deletes data but `rm`" in refused("standalone", "--wipe-data")
    assert "`--no-broker` cannot be: there is nothing but the broker" in refused("standalone", "--no-broker")


# ---- config show ----

def test_each_value_has_its_origin(tmp_path):
    (tmp_path / "a.conf").write_text("clusterName=a\nmaxConsumersPerTopic=1\n")
    (tmp_path / "b.toml").write_text("[broker]\ncluster_name = 'b'\n")
    shown = done("config", "show", "--effective", "-c", "a.conf", "-c", "b.toml", "--port", "7", cwd=tmp_path,
                 env={"GEMINGA_HTTP_PORT": "8"})
    assert 'broker.cluster_name = "b"  # b.toml:2\n' in shown
    assert "broker.max_consumers_per_topic = 1  # a.conf:2\n" in shown
    assert "broker.http_port = 8  # GEMINGA_HTTP_PORT\n" in shown
    assert "broker.port = 7  # --port\n" in shown
    assert 'broker.bind_address = "0.0.0.0"  # default\n' in shown


def test_without_effective_only_what_was_set_is_shown():
    assert done("config", "show", "--port", "7") == "broker.port = 7  # --port\n"


def test_a_secret_is_masked():
    for output in "text", "json":
        shown = done("config", "show", "--effective", "-o", output, env={"PULSAR_AUTH_TOKEN": "hush-hush"})
        assert "***" in shown and "PULSAR_AUTH_TOKEN" in shown
        assert "hush" not in shown


def test_secrets_among_what_is_passed_over_are_not_shown(tmp_path):
    (tmp_path / "b.conf").write_text("brokerClientAuthenticationParameters=token:aHVzaA\n")
    it = run("config", "show", "-c", "b.conf", cwd=tmp_path)
    assert it.stdout == "# passed over: brokerClientAuthenticationParameters\n"
    assert "aHVz" not in it.stdout + it.stderr


def test_keys_of_tokens_and_passwords_are_masked(tmp_path):
    (tmp_path / "b.conf").write_text("tokenSecretKey=data:;base64,aHVzaA==\nbasicAuthConf=data:;base64,aHVzaA==\n")
    it = run("config", "show", "-c", "b.conf", cwd=tmp_path)
    assert it.stdout.count("***") == 2
    assert "aHVz" not in it.stdout + it.stderr


def test_the_document_is_what_the_tables_say():
    generated = done("config", "keys", "-o", "markdown")
    assert generated in DOCUMENT.read_text(), \
        "docs/configuration.md: everything from `## Options` on is to be what `geminga config keys -o markdown` prints"


# ---- what these keys do ----

def get(broker, path):
    with urllib.request.urlopen(broker.http_url + path, timeout=60) as answer:
        return json.load(answer)


def test_bootstrap_namespaces_are_made_at_the_start(tmp_path):
    (tmp_path / "b.conf").write_text("bootstrapNamespaces=one/first, one/second,two/third\n")
    broker = Broker(tmp_path, options=["-c", str(tmp_path / "b.conf")])
    assert get(broker, "/admin/v2/namespaces/one") == ["one/first", "one/second"]
    assert get(broker, "/admin/v2/namespaces/two") == ["two/third"]
    broker.stop()


def test_the_internal_listener_is_what_clients_are_told_that_name_none(tmp_path):
    (tmp_path / "b.conf").write_text("advertisedListeners=a:pulsar://a.example:1,b:pulsar://b.example:2\n"
                                     "internalListenerName=b\n")
    broker = Broker(tmp_path, options=["-c", str(tmp_path / "b.conf")])
    assert broker.ready["service_url"] == "pulsar://b.example:2"
    broker.stop()


def test_an_internal_listener_that_is_not_there_is_refused(tmp_path):
    it = run("standalone", "--port", "0", "--http-port", "0", "--data", str(tmp_path / "d"),
             env={"internalListenerName": "c"})
    assert it.returncode == 1
    assert "internalListenerName: `c` is none of advertisedListeners" in it.stderr
