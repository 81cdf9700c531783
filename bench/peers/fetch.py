# SPDX-License-Identifier: Apache-2.0
"""The peers' programs, fetched once into a cache: jars by Maven, Go programs by `go install`.

Recipes are bench/peers/recipes; what they fetch lies in GEMINGA_PEERS, or ~/.cache/geminga/peers.  A thing that is there
is not asked for again, unless its recipe has changed; one that cannot be had is a Missing, which names it, and its system is
skipped.
"""
import filecmp
import os
import shutil
import subprocess

RECIPES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recipes")
NATS_SERVER = "github.com/nats-io/nats-server/v2@v2.15.2"  # Debian's 2.9 does not know `sync_interval: always`
# Some poms name repositories of their own: only Maven's own is asked.
SETTINGS = """<settings><mirrors><mirror>
  <id>nowhere</id><mirrorOf>*,!central</mirrorOf><url>http://127.0.0.1:9/</url>
</mirror></mirrors></settings>
"""


class Missing(Exception):
    """What a system needs and this machine does not have."""


def cache():
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.environ.get("GEMINGA_PEERS") or os.path.join(home, "geminga", "peers")


def program(name):
    found = shutil.which(name)
    if not found:
        raise Missing(f"no program {name}")
    return found


def run(command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode != 0:
        raise Missing(f"{os.path.basename(command[0])} failed: {done.stdout.strip()[-300:]}")


def jars(name):
    """The directory of all jars of recipes/NAME-pom.xml."""
    program("java")
    place, recipe = os.path.join(cache(), name), os.path.join(RECIPES, name + "-pom.xml")
    made_by = os.path.join(place, "pom.xml")
    if not os.path.exists(made_by) or not filecmp.cmp(made_by, recipe, shallow=False):
        print(f"fetching {name} into {place}", flush=True)
        partial = place + ".partial"
        shutil.rmtree(partial, ignore_errors=True)
        os.makedirs(partial)
        settings = os.path.join(cache(), "settings.xml")
        with open(settings, "w") as file:
            file.write(SETTINGS)
        run([program("mvn"), "-q", "-B", "-gs", settings, "-f", recipe, "dependency:copy-dependencies", "-DincludeScope=runtime",
             "-DoutputDirectory=" + partial])
        shutil.copyfile(recipe, os.path.join(partial, "pom.xml"))
        shutil.rmtree(place, ignore_errors=True)
        os.rename(partial, place)
    return place


def nats_server():
    """(program, whether it knows sync_interval)"""
    made = os.path.join(cache(), "nats-server-" + NATS_SERVER.split("@")[1], "nats-server")
    if not os.path.exists(made) and shutil.which("go"):
        print(f"building {NATS_SERVER} into {os.path.dirname(made)}", flush=True)
        run(["go", "install", NATS_SERVER], env={**os.environ, "GOBIN": os.path.dirname(made), "GOFLAGS": "-p=2"})
    if os.path.exists(made):
        return made, True
    return program("nats-server"), False


def nats_load():
    made = os.path.join(cache(), "bin", "natsload")
    source = os.path.join(RECIPES, "natsload")
    newest = max(os.path.getmtime(os.path.join(source, name)) for name in os.listdir(source))
    if not os.path.exists(made) or os.path.getmtime(made) < newest:
        run([program("go"), "build", "-o", made, "."], cwd=source)
    return made
