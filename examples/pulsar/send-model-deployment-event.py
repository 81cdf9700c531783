#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends one model deployment event to be notarized.

    python examples/pulsar/send-model-deployment-event.py [SERVICE_URL] [ARTIFACT_FILE ...] [--approver NAME ...]

With files, their hashes are what is notarized; without, the sample's.  With approvers the event waits until all of them
have approved (geminga notary approve).  Needs the official client: pip install pulsar-client.  Works alike with Geminga
and Apache Pulsar.
"""
import argparse
import datetime
import hashlib
import json
import os
import sys
import uuid
from pathlib import Path

import pulsar

EVENTS_TOPIC = os.environ.get("PULSAR_EVENTS_TOPIC", "persistent://afdp/default/afdp.pipeline.events")


def artifact(path):
    return {"name": Path(path).name, "uri": Path(path).resolve().as_uri(),
            "hash_sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest()}


def arguments():
    parser = argparse.ArgumentParser(description="Sends one model deployment event to be notarized.")
    parser.add_argument("words", nargs="*", metavar="SERVICE_URL | ARTIFACT_FILE")
    parser.add_argument("--approver", action="append", default=[], help="who must approve; again for each")
    return parser.parse_args()


def deployment_event(files, approvers):
    event = json.loads(Path(__file__).with_name("sample-event.json").read_text())
    event["event_id"] = f"deploy-{uuid.uuid4()}"
    event["trace_id"] = f"trace-{uuid.uuid4()}"
    event["timestamp"] = datetime.datetime.now(datetime.timezone.utc).isoformat()
    if files:
        event["artifacts"] = [artifact(path) for path in files]
    if approvers:
        event["workflow_config"] = {**event["workflow_config"], "workflow_type": "approval_sign", "approvers": approvers}
    return event


def main():
    options = arguments()
    files = list(options.words)
    url = os.environ.get("PULSAR_SERVICE_URL", "pulsar://localhost:6650")
    if files and "://" in files[0]:
        url = files.pop(0)
    event = deployment_event(files, options.approver)
    client = pulsar.Client(url, logger=pulsar.ConsoleLogger(pulsar.LoggerLevel.Error))
    try:
        producer = client.create_producer(EVENTS_TOPIC)
        message_id = producer.send(json.dumps(event).encode())
    except pulsar.PulsarException as error:
        sys.exit(f"cannot send to {EVENTS_TOPIC} at {url}: {error}")
    finally:
        client.shutdown()
    print(f"sent event {event['event_id']} as message {message_id}")


if __name__ == "__main__":
    main()
