# SPDX-License-Identifier: Apache-2.0
"""Fixtures of all tests that drive the program: a broker, clients of it, a topic of one's own."""
import faulthandler
import os
import re
import uuid

import pulsar
import pytest

from broker_process import SERVICE_URL, Broker, RunningBroker
from notary_process import Notary

TEST_SECONDS = int(os.environ.get("TEST_SECONDS", "300"))


@pytest.fixture(autouse=True)
def bounded(request):
    """A test that hangs ends the run, and says where it hung.  The mark timeout_seconds allows more, or less."""
    mark = request.node.get_closest_marker("timeout_seconds")
    faulthandler.dump_traceback_later(mark.args[0] if mark else TEST_SECONDS, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


# What takes longest, first.  The rest comes as pytest finds it.
LONGEST_FILES = ("test_full_disk.py", "test_notary_replicas.py", "test_client_security.py", "test_notary_document.py", "test_http_hardening.py",
                 "test_notary_soak.py", "test_c_client.py", "test_power_cut.py", "test_openapi.py", "test_python_client.py",
                 "test_notary_log.py", "test_metrics.py", "test_backup.py")


def pytest_collection_modifyitems(items):
    """Several files run at a time (tools/interop): a long one that began last would be waited for by all of them."""
    rank = {name: i for i, name in enumerate(LONGEST_FILES)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


def new_client(url, **options):
    options.setdefault("operation_timeout_seconds", 30)
    return pulsar.Client(url, logger=pulsar.ConsoleLogger(pulsar.LoggerLevel.Error), **options)


@pytest.fixture(scope="session")
def broker(tmp_path_factory):
    """The broker that all tests share; it must survive all of them and end in order."""
    it = RunningBroker(SERVICE_URL) if SERVICE_URL else Broker(tmp_path_factory.mktemp("broker"))
    yield it
    it.stop()


@pytest.fixture
def own_broker(tmp_path):
    """A broker of the test's own, which it may restart or kill."""
    if SERVICE_URL:
        pytest.skip("the broker is not ours to restart")
    it = Broker(tmp_path)
    yield it
    it.kill()


@pytest.fixture
def connect():
    """connect(url) gives clients that are closed at the end of the test."""
    clients = []

    def one(url, **options):
        clients.append(new_client(url, **options))
        return clients[-1]

    yield one
    for client in clients:
        client.shutdown()


@pytest.fixture
def client(broker, connect):
    return connect(broker.url)


@pytest.fixture
def topic(request):
    name = re.sub(r"[^a-zA-Z0-9_]+", "-", request.node.name)[:80]
    return f"persistent://public/default/{name}-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def only_geminga():
    """For behaviour that differs from Apache Pulsar on purpose."""
    if SERVICE_URL:
        pytest.skip("about our broker only")


@pytest.fixture
def make_notary(broker, tmp_path):
    """make_notary(name, **environment) gives notaries, not started, that end with the test."""
    notaries = []

    def make(name="notary", **options):
        notaries.append(Notary(options.pop("url", broker.url), tmp_path / name, **options))
        return notaries[-1]

    yield make
    for one in notaries:
        one.kill()
