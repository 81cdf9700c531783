# SPDX-License-Identifier: Apache-2.0
"""Who is measured: each system with every message on the disk before its receipt, and with its weaker default.

A System makes its configuration in an empty directory, starts one server there and says when it is ready: when it
answers the first request that an application would make.  What it needs is fetched before (`prepare`); a system that
cannot be had raises Missing there.
"""
import json
import os
import socket
import subprocess
import urllib.error
import urllib.request

from . import fetch
from .server import Server


def free_ports(count):
    """Ports that nobody has just now; given away together, so that they differ."""
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def answer(url, data=None, method=None):
    """The body, or None when nobody answers, or not with success."""
    headers = {} if data is None else {"Content-Type": "application/json"}
    try:
        request = urllib.request.Request(url, data=data, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as page:
            return page.read()
    except (OSError, urllib.error.URLError):
        return None


def connects(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


class System:
    protocol = "pulsar"

    def __init__(self, key, title, synced):
        self.key, self.title, self.synced = key, title, synced

    def prepare(self):
        """Fetches what is missing; raises Missing."""

    def start(self, directory):
        """A Server with .port, and .http where there is one."""
        raise NotImplementedError


class Geminga(System):
    def __init__(self, key, title, synced, program):
        super().__init__(key, title, synced)
        self.program = os.path.abspath(program)

    def start(self, directory):
        server = Server([self.program, "standalone", "--data", os.path.join(directory, "data"), "--port", "0",
                         "--http-port", "0", "--log-level", "error", "-o", "json",
                         "--durability", "sync" if self.synced else "os"],
                        directory, self.said_ready, {"GEMINGA_MAX_CONNECTIONS": "0"})
        server.ready, server.port, server.http = self.said, self.said["port"], self.said["http_port"]
        return server

    def said_ready(self, server):
        with open(server.log) as log:
            line = log.readline()
        if line.endswith("\n"):
            self.said = json.loads(line)
        return line.endswith("\n")


PULSAR_FLAGS = """-Xms2g -Xmx2g -XX:MaxDirectMemorySize=4g -XX:+UseG1GC -XX:MaxGCPauseMillis=10 -XX:+ParallelRefProcEnabled
    -XX:+UnlockExperimentalVMOptions -XX:+DoEscapeAnalysis -XX:ParallelGCThreads=32 -XX:ConcGCThreads=32
    -XX:G1NewSizePercent=50 -XX:+DisableExplicitGC -Dbench.level=warn -Dlog4j.shutdownHookEnabled=false
    -Dlog4j2.is.webapp=false -Djute.maxbuffer=10485760 -Djava.net.preferIPv4Stack=true
    -Dio.netty.tryReflectionSetAccessible=true -Dio.netty.recycler.maxCapacityPerThread=4096
    -Dpulsar.allocator.exit_on_oom=true
    -Dbookkeeper.metadata.bookie.drivers=org.apache.pulsar.metadata.bookkeeper.PulsarMetadataBookieDriver
    -Dbookkeeper.metadata.client.drivers=org.apache.pulsar.metadata.bookkeeper.PulsarMetadataClientDriver""".split()
OPEN_MODULES = [word for module in (
    "java.base/java.io", "java.base/java.lang", "java.base/java.nio", "java.base/java.util.zip",
    "java.base/jdk.internal.misc", "java.base/jdk.internal.platform", "java.base/sun.net",
    "java.management/sun.management", "jdk.management/com.sun.management.internal")
    for word in ("--add-opens", module + "=ALL-UNNAMED")]


class Pulsar(System):
    """The official standalone: broker, bookie and RocksDB's metadata in one process, with the launcher's JVM flags."""

    def prepare(self):
        self.jars = fetch.jars("pulsar")

    def start(self, directory):
        port, http, bookie = free_ports(3)
        with open(os.path.join(fetch.RECIPES, "standalone.conf")) as file:
            text = file.read().replace("{port}", str(port)).replace("{http}", str(http))
        with open(os.path.join(directory, "standalone.conf"), "w") as file:
            file.write(text.replace("{sync}", "true" if self.synced else "false"))
        logging = "-Dlog4j2.configurationFile=" + os.path.join(fetch.RECIPES, "log4j2.xml")
        command = ["java", "-cp", self.jars + "/*", *PULSAR_FLAGS, *OPEN_MODULES, logging,
                   "org.apache.pulsar.PulsarStandaloneStarter", "--config", "standalone.conf", "--advertised-address", "127.0.0.1",
                   "--no-functions-worker", "--no-stream-storage", "--metadata-dir", "metadata",
                   "--bookkeeper-dir", "bookkeeper", "--bookkeeper-port", str(bookie)]
        admin = f"http://127.0.0.1:{http}/admin/v2"
        # Health is there before the namespace that clients use.
        server = Server(command, directory, lambda _: connects(http) and answer(admin + "/brokers/health") == b"ok" and
                        answer(admin + "/namespaces/public/default") is not None)
        server.port, server.http = port, http
        return server


class Kafka(System):
    """One process, broker and controller; `synced`: a flush after each batch that a producer sent."""
    protocol = "kafka"

    def prepare(self):
        self.jars = fetch.jars("kafka")

    def start(self, directory):
        port, controller = free_ports(2)
        lines = ["process.roles=broker,controller", "node.id=1", f"controller.quorum.voters=1@127.0.0.1:{controller}",
                 f"listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
                 f"advertised.listeners=PLAINTEXT://127.0.0.1:{port}", "controller.listener.names=CONTROLLER",
                 "inter.broker.listener.name=PLAINTEXT", "log.dirs=" + os.path.join(directory, "log"),
                 "offsets.topic.replication.factor=1", "transaction.state.log.replication.factor=1",
                 "transaction.state.log.min.isr=1", "share.coordinator.state.topic.replication.factor=1",
                 "share.coordinator.state.topic.min.isr=1", "group.initial.rebalance.delay.ms=0"]
        if self.synced:
            lines.append("log.flush.interval.messages=1")
        with open(os.path.join(directory, "server.properties"), "w") as file:
            file.write("\n".join(lines) + "\n")
        java = ["java", "-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-cp", self.jars + "/*"]
        subprocess.run([*java, "kafka.tools.StorageTool", "format", "-t", "R2VtaW5nYUJlbmNoUGVlcg", "-c",
                        "server.properties"], cwd=directory, check=True, stdout=subprocess.DEVNULL)
        server = Server([*java, "kafka.Kafka", "server.properties"], directory, lambda _: connects(port))
        server.port, server.http = port, None
        return server


class JetStream(System):
    """`synced`: sync_interval always; else the server's own two minutes."""
    protocol = "nats"

    def prepare(self):
        self.program, knows_sync = fetch.nats_server()
        if self.synced and not knows_sync:
            raise fetch.Missing("this nats-server has no sync_interval: it wants Go, to build a newer one")
        fetch.nats_load()

    def start(self, directory):
        port, monitor = free_ports(2)
        sync = ', sync_interval: "always"' if self.synced else ""
        with open(os.path.join(directory, "nats.conf"), "w") as file:
            file.write(f'listen: "127.0.0.1:{port}"\nhttp: "127.0.0.1:{monitor}"\n'
                       f'jetstream {{ store_dir: "{directory}/store"{sync} }}\n')
        server = Server([self.program, "-c", "nats.conf"], directory,
                        lambda _: connects(monitor) and answer(f"http://127.0.0.1:{monitor}/healthz") is not None)
        server.port, server.http = port, monitor
        return server


def everybody(program):
    """In the order of a round: a synced system next to the one that it is compared with."""
    return [
        Geminga("geminga", "Geminga", True, program),
        Pulsar("pulsar", "Pulsar, synced", True),
        Geminga("geminga-os", "Geminga, durability os", False, program),
        Pulsar("pulsar-unsynced", "Pulsar, as it comes (unsynced)", False),
        Kafka("kafka", "Kafka, a flush each batch", True),
        Kafka("kafka-unsynced", "Kafka, as it comes (unsynced)", False),
        JetStream("jetstream", "JetStream, sync_interval always", True),
        JetStream("jetstream-unsynced", "JetStream, as it comes (unsynced)", False),
    ]
