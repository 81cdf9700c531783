# SPDX-License-Identifier: Apache-2.0
"""Files that are changed while the notary runs: certificates and approvers, at once by SIGHUP, or within a second."""
import os
import signal
import socket
import ssl

import pytest

from broker_process import SERVICE_URL, eventually
from certificates import make
from notary_port import Approver, Port, approval_event, port_settings
from notary_process import Channel, Notary, Up

ANN = "ann@example.com"


@pytest.fixture(params=["alone", "up"])
def serve(request, broker, tmp_path):
    """serve(**settings): a notary beside a broker, or in one process with it."""
    if SERVICE_URL and request.param == "up":
        pytest.skip("about our broker only")
    running = []

    def start(**settings):
        kind = Notary if request.param == "alone" else Up
        running.append(kind(broker.url, tmp_path / "notary", **settings).start())
        return running[-1]

    yield start
    for one in running:
        one.stop()


def hang_up(notary):
    notary.process.send_signal(signal.SIGHUP)


def certificate_of(port, trust):
    host, number = port.url.removeprefix("https://").split(":")
    with socket.create_connection((host, int(number))) as plain:
        with ssl.create_default_context(cafile=trust).wrap_socket(plain, server_hostname=host) as connection:
            return connection.getpeercert()["serialNumber"]


def test_certificates_and_approvers_are_read_again_and_what_is_no_good_is_not(serve, connect, tmp_path):
    certs, ann, approvers = make(tmp_path / "certs", role="dan@example.com"), Approver(tmp_path, ANN, methods=None), tmp_path / "a.toml"
    approvers.write_text("[approver.ops]\noperator = true\n")
    notary = serve(**port_settings(tmp_path, certs=certs, GEMINGA_NOTARY_APPROVERS_FILE=str(approvers)))
    channel, event = Channel(connect(notary.url), notary), approval_event(ANN)
    channel.send(event)
    port = Port(notary, ANN, certs=certs)
    port.until(event["event_id"], "pending_approval")
    signed = lambda: port.decide(event["event_id"], "approve", statement=ann.statement(event, "approve"))
    assert signed()[0] == 403
    first = certificate_of(port, certs.trust)

    # What is no good is said, once, and all goes on.
    approvers.write_text("[approver.ops]\noperator = 1\n")
    key = open(certs.broker.key).read()
    with open(certs.broker.key, "w") as file:
        file.write("no key\n")
    hang_up(notary)
    said = lambda text: notary.log.read_text().count(text)
    eventually(lambda: said("operator is true or false; going on with what was read before"))
    eventually(lambda: said("tls: ") and said("going on with what was read before") >= 2)
    hang_up(notary)
    assert certificate_of(port, certs.trust) == first and signed()[0] == 403

    # What is good counts.
    approvers.write_text(ann.lines)
    newer = certs.authority.issue("newer", "localhost")
    for ours, theirs in ((certs.broker.key, newer.key), (certs.broker.certificate, newer.certificate)):
        os.replace(theirs, ours)
    hang_up(notary)
    eventually(lambda: said("has changed, and was read again"))
    eventually(lambda: certificate_of(port, certs.trust) != first)
    assert said("operator is true or false") == 1
    assert signed()[0] == 200 and key


@pytest.mark.parametrize("serve", ["alone"], indirect=True)
def test_a_change_is_noticed_without_a_signal(serve, connect, tmp_path):
    ann, approvers = Approver(tmp_path, ANN, methods=None), tmp_path / "a.toml"
    approvers.write_text(ann.lines)
    notary = serve(**port_settings(tmp_path, GEMINGA_NOTARY_APPROVERS_FILE=str(approvers)))
    channel, event = Channel(connect(notary.url), notary), approval_event(ANN)
    channel.send(event)
    port = Port(notary, ANN)
    port.until(event["event_id"], "pending_approval")
    assert port.decide(event["event_id"], "approve")[0] == 403  # she has a key
    approvers.write_text(ann.lines + 'methods = ["key", "token"]\n')
    eventually(lambda: "has changed, and was read again" in notary.log.read_text())
    assert port.decide(event["event_id"], "approve")[0] == 200
