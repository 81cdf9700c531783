# SPDX-License-Identifier: Apache-2.0
"""Runs the official pulsar-admin and pulsar-client against Geminga, and compares the answers with those of Apache Pulsar.

What is run, and in which order, is in commands/*.txt; what Apache Pulsar 4.0.8 answered is in answers/*.txt, recorded by --record;
what differs, and why, is in differences.txt:

    = a reason
    PARTS COMMAND             PARTS of: exit, out, err; joined by commas

A difference that is not listed is a fault, and one that is listed and is none is a fault as well.
"""
import argparse
import difflib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

from script import HERE, Answer, read_answers, read_commands, write_answers
from shape import err_shape, out_shape

sys.path.insert(0, str(HERE.parent.parent))
from broker_process import DIES_WITH_PARENT, Broker  # noqa: E402
from security_files import SecurityFiles  # noqa: E402

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "geminga" / "pulsar-tools-4.0.8"
LOGS = Path(os.environ.get("CONFORMANCE_LOGS") or HERE.parents[2] / "build" / "conformance") / "pulsar-admin"
SETTLES_SECONDS = 0.5
HEAD = "# What Apache Pulsar 4.0.8 answered: recorded by tools/conformance-admin --record, not written by hand.\n"


def java_tools():
    """The class path of the official tools and of the driver, which is compiled here."""
    if not (CACHE / "lib").exists():
        print(f"== pulsar-admin: fetched by Maven into {CACHE}, once", flush=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mvn", "--quiet", "--batch-mode", "--file", str(HERE / "pom.xml"),
                        "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={CACHE}/lib.partial"],
                       check=True, stdin=subprocess.DEVNULL)
        (CACHE / "lib.partial").rename(CACHE / "lib")
    classes = LOGS / "classes"
    subprocess.run(["javac", "-Xlint:all,-processing,-classfile", "-Werror", "-d", str(classes), "-cp", f"{CACHE}/lib/*",
                    *map(str, HERE.glob("*.java"))], check=True, stdin=subprocess.DEVNULL)
    return f"{classes}:{CACHE}/lib/*"


class Tools:
    """The driver, in a process, against one broker."""

    def __init__(self, class_path, http_url, service_url, patient, client_conf=None):
        self.patient = patient
        self.log = open(LOGS / f"commands-{'pulsar' if patient else 'geminga'}.log", "w")
        self.variables = {"FILES": str(HERE / "files"), "HTTP_ADDRESS": urllib.parse.urlsplit(http_url).netloc}
        command = [*DIES_WITH_PARENT, "java", "-Xmx512m", "-XX:+UseSerialGC", "-cp", class_path,
                   "org.apache.pulsar.admin.cli.Driver", http_url, service_url, *([client_conf] if client_conf else [])]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def run(self, command):
        if command.settles and self.patient:
            time.sleep(SETTLES_SECONDS)
        began = time.monotonic()
        self.process.stdin.write(json.dumps(command.words(self.variables)) + "\n")
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the driver ended at: {command.text}")
        said = json.loads(line)
        print(f"{time.monotonic() - began:6.2f} s  {said['exit']}  {command.text}", file=self.log, flush=True)
        for name, pattern in command.keeps:
            found = re.search(pattern, said["out"])
            self.variables[name] = found[1] if found else "0"
        for name, value in self.variables.items():
            if name in ("FILES", "HTTP_ADDRESS"):
                said["out"], said["err"] = said["out"].replace(value, "$" + name), said["err"].replace(value, "$" + name)
        return Answer(said["exit"], out_shape(said["out"], command.measured), err_shape(said["err"]))

    def answers(self, commands):
        return {command.text: self.run(command) for command in commands}

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.log.close()


def chosen_files(only):
    return [path for path in sorted((HERE / "commands").glob("*.txt")) if not only or any(word in path.name for word in only)]


def answers_of(class_path, http_url, service_url, files, patient=False, client_conf=None):
    """All answers of one broker: file's name -> command -> answer."""
    tools = Tools(class_path, http_url, service_url, patient, client_conf)
    try:
        return {path.name: tools.answers(read_commands(path)) for path in files}
    finally:
        tools.close()


def secured(directory):
    """A broker that asks for credentials, and what a client.conf says to come to it: a super user's token, over TLS."""
    security = SecurityFiles(Path(directory) / "files")
    conf = security.write_conf((HERE / "broker.conf").read_text(), port_tls=0, http_port_tls=0, anonymous=None)
    client_conf = Path(directory) / "client.conf"
    client_conf.write_text("authPlugin=org.apache.pulsar.client.impl.auth.AuthenticationToken\n"
                           f"authParams=file://{security.tokens}/admin-token\n"
                           f"tlsTrustCertsFilePath={security.certs}/cacert.pem\ntlsEnableHostnameVerification=true\n")
    broker = Broker(directory, options=["--config", str(conf)])
    return broker, broker.ready["https_url"], broker.ready["service_url_tls"], str(client_conf)


def answers_of_geminga(class_path, files, secure):
    with tempfile.TemporaryDirectory(prefix="geminga-admin-") as directory:
        if secure:
            broker, http_url, url, client_conf = secured(directory)
        else:
            broker = Broker(directory, options=["--config", str(HERE / "broker.conf")])
            http_url, url, client_conf = broker.http_url, broker.url, None
        try:
            return answers_of(class_path, http_url, url, files, client_conf=client_conf)
        finally:
            (LOGS / "broker.log").write_text(broker.log.read_text(errors="replace"))
            broker.stop()


def read_differences():
    """file: command -> (parts, reason)"""
    listed, reason = {}, None
    for line in (HERE / "differences.txt").read_text().splitlines():
        if line.startswith("= "):
            reason = line[2:]
        elif line and not line.startswith("#"):
            parts, _, command = line.partition(" ")
            listed[command] = (parts.split(","), reason)
    return listed


def told(command, expected, got):
    lines = difflib.unified_diff(expected.text("").splitlines(), got.text("").splitlines(), "Apache Pulsar", "Geminga", "", "", 2,
                                 lineterm="")
    return "\n".join([command, *(f"    {line}" for line in lines)])


def compare(expected, got, listed):
    """(number of commands, number that are the same, reason -> number that differ, faults)"""
    commands, same, reasons, faults, found = 0, 0, {}, [], set()
    for name, answers in got.items():
        for command, answer in answers.items():
            commands += 1
            if command not in expected.get(name, {}):
                faults.append(f"{command}: there is no recorded answer")
                continue
            key = f"{name.removesuffix('.txt')}: {command}"
            differs = expected[name][command].differs(answer)
            parts, reason = listed.get(key, ([], None))
            found.add(key)
            if not differs:
                same += 1
            else:
                reasons[reason] = reasons.get(reason, 0) + 1
            if set(differs) - set(parts):
                faults.append(f"{','.join(differs)} {told(key, expected[name][command], answer)}")
            elif set(parts) - set(differs):
                faults.append(f"{key}: listed, but {','.join(p for p in parts if p not in differs)} no longer differs")
    files = {name.removesuffix(".txt") for name in got}
    faults += [f"{key}: listed, but there is no such command" for key in listed
               if key not in found and key.partition(":")[0] in files]
    return commands, same, reasons, faults


def main():
    parser = argparse.ArgumentParser(prog="tools/conformance-admin", description=__doc__.split("\n")[0])
    parser.add_argument("--only", action="append", metavar="WORD", help="the files of commands with this in their names; again")
    parser.add_argument("--record", action="store_true",
                        help="write answers/ from the Apache Pulsar that PULSAR_HTTP_URL and PULSAR_SERVICE_URL name, just started")
    parser.add_argument("--live", action="store_true", help="compare with that Apache Pulsar instead of answers/")
    parser.add_argument("--secure", action="store_true",
                        help="with authentication, authorization and TLS on: a super user's token has the same answers")
    options = parser.parse_args()
    started = time.monotonic()
    LOGS.mkdir(parents=True, exist_ok=True)
    class_path = java_tools()
    files = chosen_files(options.only)
    expected = {path.name: read_answers(HERE / "answers" / path.name) for path in files}
    if options.record or options.live:
        expected = answers_of(class_path, os.environ["PULSAR_HTTP_URL"], os.environ["PULSAR_SERVICE_URL"], files, patient=True)
    if options.record:
        (HERE / "answers").mkdir(exist_ok=True)
        for name, answers in expected.items():
            write_answers(HERE / "answers" / name, answers, HEAD)
        print(f"recorded {sum(map(len, expected.values()))} answers ({time.monotonic() - started:.0f} s)")
        return
    commands, same, reasons, faults = compare(expected, answers_of_geminga(class_path, files, options.secure), read_differences())
    for fault in faults:
        print(f"FAULT {fault}")
    for reason, count in sorted(reasons.items(), key=lambda item: -item[1]):
        print(f"  {count} differ: {reason or 'NOT LISTED'}")
    print(f"conformance: pulsar-admin{' with security on' if options.secure else ''} {same} of {commands} commands the same, {commands - same} differ, {len(faults)} faults "
          f"({time.monotonic() - started:.0f} s, logs in {LOGS})")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
