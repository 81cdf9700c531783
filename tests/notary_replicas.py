# SPDX-License-Identifier: Apache-2.0
"""Several notaries that are replicas of one: the same topics, the same log's key, a directory each."""
import json
import subprocess
import urllib.error
import urllib.request
import uuid

from broker_process import eventually
from notary_process import Channel, Notary, minimal_event


def make_key(path):
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", path], check=True, capture_output=True)
    return path


class Replicas:
    def __init__(self, url, directory, count=3, **environment):
        self.key = make_key(directory / "log.key")
        self.all = []
        space = f"public/default/notary-{uuid.uuid4().hex[:8]}"
        for i in range(count):
            self.all.append(Notary(url, directory / f"replica-{i}", space=space, key=self.key,
                                   PULSAR_CONSUMER_NAME=f"replica-{i}", GEMINGA_NOTARY_HTTP_ENABLED="true",
                                   GEMINGA_NOTARY_HTTP_PORT="0", **environment))

    def __iter__(self):
        return iter(self.all)

    def __getitem__(self, i):
        return self.all[i]

    def start(self):
        """The first one leads, the others stand by."""
        self.all[0].start()
        for one in self.all[1:]:
            one.start(ready="standby")
        return self

    def leader(self, seconds=60):
        """The one that leads and is ready, once there is one."""
        return eventually(lambda: next((one for one in self.all if role(one) == ("leader", "healthy")), None), seconds)

    def ready(self, seconds=60):
        """Until one leads and all the others that run stand by."""
        running = [one for one in self.all if one.process]
        eventually(lambda: sorted(role(one) for one in running) ==
                   [("leader", "healthy")] + [("standby", "healthy")] * (len(running) - 1), seconds)

    def stop(self):
        for one in self.all:
            one.stop()

    def kill(self):
        for one in self.all:
            one.kill()


def health(notary):
    """What /health/pulsar of a running replica says; None: nothing, or not yet."""
    lines = [line for line in notary.log.read_text(errors="replace").splitlines() if "serving HTTP on " in line]
    if not notary.process or not lines:
        return None
    try:
        with urllib.request.urlopen(f"http://{lines[-1].split()[-1]}/health/pulsar", timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)
    except OSError:
        return None


def role(notary):
    said = health(notary)
    return (said["role"], said["status"]) if said else ("", "")


def send_events(channel, count):
    """Sent, and told to be stored: by id."""
    events = {event["event_id"]: event for event in (minimal_event() for _ in range(count))}
    for event in events.values():
        channel.producer.send_async(json.dumps(event).encode(), lambda result, message_id: None)
    channel.producer.flush()
    return events


__all__ = ["Channel", "Replicas", "health", "make_key", "role", "send_events"]
