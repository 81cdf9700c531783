# SPDX-License-Identifier: Apache-2.0
"""The commands of pulsar-admin that are run (commands/*.txt), in their order, and the answers that are kept of them (answers/*.txt).

A line of commands/*.txt is a command as a shell's words, without the tool's name; one that begins with `client` is one of
pulsar-client.  Beside commands there are

    # ...                     a comment
    let NAME words            $NAME stands for them below, in this file
    keep NAME pattern         $NAME stands for what the pattern's group finds in what the last command printed
    hold TOPIC SUBSCRIPTION   a producer and a consumer are connected, until
    release
    cycle GROUP SUBJECT POLICY FLAGS...
                              GROUP get-POLICY SUBJECT, set-POLICY SUBJECT FLAGS, get, remove, get

and before a command

    %     what it prints is measured: only names and types are compared, not values
    ~     on Apache Pulsar it may take a moment until it tells what the last command changed

Some variables depend on the broker, and are not replaced in what is kept: $FILES (this folder's files/), $HTTP_ADDRESS, and
those of `keep`.
"""
import re
import shlex
from pathlib import Path

HERE = Path(__file__).resolve().parent


class Command:
    """One command; `text`, which names it, is unique in its file."""

    def __init__(self, text, measured=False, settles=False):
        self.text = text
        self.measured = measured
        self.settles = settles
        self.keeps = []

    def words(self, variables):
        text = re.sub(r"\$([A-Z_]+)", lambda found: variables.get(found[1], "0"), self.text)
        words = shlex.split(re.sub(r" #[0-9]+$", "", text))
        return words if words[0] in ("client", "hold", "release") else ["admin", *words]


def _cycle(words):
    group, subject, policy, flags = re.fullmatch(r"(\S+) (\S+) (\S+) ?(.*)", words).groups()
    settles = group != "namespaces"
    get = f"{group} get-{policy} {subject}"
    return [Command(get), Command(f"{group} set-{policy} {subject} {flags}".rstrip()), Command(get, settles=settles),
            Command(f"{group} remove-{policy} {subject}"), Command(get, settles=settles)]


def _named_apart(commands):
    """A command that comes again is told from the first by a number."""
    seen = {}
    for command in commands:
        seen[command.text] = seen.get(command.text, 0) + 1
        if seen[command.text] > 1:
            command.text += f" #{seen[command.text]}"
    return commands


def read_commands(path):
    commands, lets = [], {}
    for line in path.read_text().splitlines():
        line = re.sub(r"\$([A-Z_]+)", lambda found: lets.get(found[1], found[0]), line.strip())
        verb, _, rest = line.partition(" ")
        if not line or verb == "#":
            continue
        if verb == "let":
            name, _, value = rest.partition(" ")
            lets[name] = value
        elif verb == "keep":
            name, _, pattern = rest.partition(" ")
            commands[-1].keeps.append((name, pattern))
        elif verb == "cycle":
            commands += _cycle(rest)
        else:
            commands.append(Command(rest if verb in "%~" else line, measured=verb == "%", settles=verb == "~"))
    return _named_apart(commands)


class Answer:
    """What one command came to: exit status, and the shapes of standard output and standard error."""

    PARTS = ("exit", "out", "err")

    def __init__(self, exit=0, out="", err=""):
        self.exit = exit
        self.out = out
        self.err = err

    def differs(self, other):
        return [part for part in self.PARTS if getattr(self, part) != getattr(other, part)]

    def text(self, indent="  "):
        lines = [f"exit {self.exit}"] if self.exit else []
        lines += [f"> {line}" for line in self.out.splitlines()] + [f"! {line}" for line in self.err.splitlines()]
        return "".join(f"{indent}{line}\n" for line in lines)


def write_answers(path, answers, head):
    path.write_text(head + "".join(f"$ {text}\n{answer.text()}" for text, answer in answers.items()))


def read_answers(path):
    answers = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        if line.startswith("$ "):
            answer = answers[line[2:]] = Answer()
        elif line.startswith("  exit "):
            answer.exit = int(line[7:])
        elif line.startswith("  > "):
            answer.out += line[4:] + "\n"
        elif line.startswith("  ! "):
            answer.err += line[4:] + "\n"
    return answers
