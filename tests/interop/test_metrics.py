# SPDX-License-Identifier: Apache-2.0
"""/metrics, as Prometheus' own tools read it: promtool, and a server that scrapes it and evaluates a rule."""
import json
import re
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request

import pytest

from broker_process import DIES_WITH_PARENT, Broker, eventually

pytestmark = pytest.mark.usefixtures("only_geminga")

SECONDS = 30
SERVER_SECONDS = 90  # a Prometheus that starts on a busy machine, and then what it looks at once a second

CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [rules.yml]
scrape_configs:
  - job_name: broker
    static_configs: [{{targets: ["localhost:{port}"]}}]
"""
RULES = """
groups:
  - name: backlog
    rules:
      - alert: Backlog
        expr: sum by (topic, subscription) (pulsar_subscription_back_log) > 9
"""


def text_of(broker):
    with urllib.request.urlopen(broker.http_url + "/metrics/", timeout=SECONDS) as answer:
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        return answer.read().decode()


def put(broker, path, body=b""):
    asked = urllib.request.Request(broker.http_url + path, data=body, method="PUT",
                                   headers={"Content-Type": "application/json"})
    urllib.request.urlopen(asked, timeout=SECONDS).close()


def samples(broker):
    """{"name{labels}": value} of /metrics, each line checked."""
    found = {}
    for line in text_of(broker).splitlines():
        if line.startswith("#"):
            assert re.fullmatch(r"# (TYPE [a-zA-Z_:]\w* (gauge|counter|summary)|HELP [a-zA-Z_:]\w* .+)", line), line
            continue
        match = re.fullmatch(r'([a-zA-Z_:]\w*(?:\{(?:\w+="(?:[^"\\\n]|\\.)*",?)*\})?) (\S+)', line)
        assert match, line
        assert match[1] not in found, "twice: " + line
        found[match[1]] = float(match[2])
    return found


def labels_of(topic):
    return f'cluster="standalone",namespace="public/default",topic="{topic}"'


def test_what_goes_through_is_counted(broker, client, topic):
    client.subscribe(topic, 's "quoted"')
    producer = client.create_producer(topic)
    for _ in range(5):
        producer.send(b"x")
    found = samples(broker)
    labels = labels_of(topic)
    assert found[f"pulsar_producers_count{{{labels}}}"] == 1
    assert found[f"pulsar_in_messages_total{{{labels}}}"] == 5
    assert found[f'pulsar_subscription_back_log{{{labels},subscription="s \\"quoted\\""}}'] == 5
    assert found['geminga_store_appended_entries_total{cluster="standalone"}'] >= 5
    assert found['process_resident_memory_bytes{cluster="standalone"}'] > 0
    assert any(name.startswith("pulsar_version_info{") for name in found)


def test_consumers_producers_and_partitions_are_shown_as_the_options_say(tmp_path, connect):
    (tmp_path / "broker.conf").write_text("exposeConsumerLevelMetricsInPrometheus=true\n"
                                          "exposeProducerLevelMetricsInPrometheus=true\n"
                                          "splitTopicAndPartitionLabelInPrometheus=true\n")
    options = ["--config", str(tmp_path / "broker.conf")]
    broker = Broker(tmp_path, options=options)
    put(broker, "/admin/v2/persistent/public/default/t/partitions", b"2")
    client = connect(broker.url)
    client.subscribe("t-partition-1", "s", consumer_name="c")
    client.create_producer("t-partition-1", producer_name="p")
    found = samples(broker)
    labels = labels_of("persistent://public/default/t") + ',partition="1"'
    assert found[f"pulsar_producers_count{{{labels}}}"] == 1
    assert any(name.startswith(f'pulsar_producer_msg_rate_in{{{labels},producer_name="p",producer_id="')
               for name in found)
    assert any(name.startswith(f'pulsar_consumer_available_permits{{{labels},subscription="s",consumer_name="c",')
               for name in found)
    client.close()
    broker.stop()


def test_only_namespaces_have_series_when_topics_shall_have_none(tmp_path, connect, topic):
    (tmp_path / "broker.conf").write_text("exposeTopicLevelMetricsInPrometheus=false\n")
    broker = Broker(tmp_path, options=["--config", str(tmp_path / "broker.conf")])
    client = connect(broker.url)
    client.subscribe(topic, "s")
    client.create_producer(topic).send(b"x")
    found = samples(broker)
    assert not any(",topic=" in name for name in found)
    namespace = 'cluster="standalone",namespace="public/default"'
    assert found[f"pulsar_in_messages_total{{{namespace}}}"] == 1
    assert found[f'pulsar_msg_backlog{{{namespace},remote_cluster="local"}}'] == 1
    client.close()
    broker.stop()


def test_promtool_reads_it_and_finds_no_fault_but_with_pulsars_names(broker, client, topic):
    if not shutil.which("promtool"):
        pytest.skip("there is no promtool here")
    client.subscribe(topic, "s \"\\ \u00e4")
    client.create_producer(topic).send(b"x")
    ran = subprocess.run(["promtool", "check", "metrics"], input=text_of(broker).encode(), capture_output=True,
                         timeout=SECONDS)
    said = ran.stderr.decode().splitlines()
    assert ran.returncode in (0, 3), said  # 3: it would have given other names; 1: it could not read them
    assert [line for line in said if not line.startswith("pulsar_")] == []
    assert [line for line in said if "help" in line] == []


class Prometheus:
    def __init__(self, directory, http_port):
        self.directory = directory
        (directory / "prometheus.yml").write_text(CONFIG.format(port=http_port))
        (directory / "rules.yml").write_text(RULES)
        with socket.create_server(("127.0.0.1", 0)) as unused:
            self.address = "127.0.0.1:%d" % unused.getsockname()[1]
        with open(directory / "prometheus.log", "wb") as log:
            self.process = subprocess.Popen(
                [*DIES_WITH_PARENT, "prometheus", "--config.file", "prometheus.yml", "--storage.tsdb.path", "data",
                 "--web.listen-address", self.address], cwd=directory, stdout=log, stderr=log)

    def ask(self, path, **parameters):
        query = urllib.parse.urlencode(parameters, doseq=True)
        try:
            with urllib.request.urlopen(f"http://{self.address}/api/v1/{path}?{query}", timeout=SECONDS) as answer:
                return json.loads(answer.read())["data"]
        except OSError:  # it does not listen yet
            assert self.process.poll() is None, (self.directory / "prometheus.log").read_text()
            return None

    def firing(self):
        """(topic, subscription) of each alert, once it is up."""
        said = eventually(lambda: self.ask("alerts"), SERVER_SECONDS)
        return {(a["labels"]["topic"], a["labels"]["subscription"]) for a in said["alerts"] if a["state"] == "firing"}

    def values(self, label, series):
        return self.ask(f"label/{label}/values", **{"match[]": series}) or []

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def prometheus(broker, tmp_path):
    if not shutil.which("prometheus"):
        pytest.skip("there is no Prometheus here")
    it = Prometheus(tmp_path, broker.http_port)
    yield it
    it.stop()


def test_a_prometheus_server_raises_an_alert_on_a_backlog_and_takes_it_back(broker, client, topic, prometheus):
    consumer = client.subscribe(topic, "late")
    producer = client.create_producer(topic)
    for i in range(10):
        last = producer.send(b"x")
    eventually(lambda: (topic, "late") in prometheus.firing(), SERVER_SECONDS)

    # What the variables of Pulsar's dashboards ask for.
    assert prometheus.values("cluster", "pulsar_producers_count") == ["standalone"]
    assert "public/default" in prometheus.values("namespace", 'pulsar_producers_count{cluster="standalone"}')
    assert topic in prometheus.values("topic", 'pulsar_producers_count{cluster="standalone",namespace="public/default"}')
    assert prometheus.values("version", "pulsar_version_info") != []

    # Out of memory it is still behind.
    consumer.close()
    producer.close()
    put(broker, "/admin/v2/persistent/" + topic.removeprefix("persistent://") + "/unload")
    scraped = "timestamp(pulsar_subscription_back_log{topic=\"%s\"})" % topic

    def scraped_at():
        found = prometheus.ask("query", query=scraped)["result"]  # nothing: the last scrape took too long
        return found and found[0]["value"][1]

    before = eventually(scraped_at, SERVER_SECONDS)
    eventually(lambda: (scraped_at() or before) > before, SERVER_SECONDS)
    eventually(lambda: (topic, "late") in prometheus.firing(), SERVER_SECONDS)

    consumer = client.subscribe(topic, "late")
    consumer.acknowledge_cumulative(last)
    eventually(lambda: (topic, "late") not in prometheus.firing(), SERVER_SECONDS)
