# SPDX-License-Identifier: Apache-2.0
"""What the tab key gives: the words of `geminga completions words`, and the scripts of the three shells."""
import os
import shutil
import subprocess
import urllib.request

import pytest

from broker_process import PROGRAM, SERVICE_URL, Broker

pytestmark = pytest.mark.skipif(bool(SERVICE_URL), reason="about our program")

NOBODY = "http://127.0.0.1:9"  # discard: nobody answers there


def words(*line, url=NOBODY):
    it = subprocess.run([PROGRAM, "completions", "words", "--", *line], capture_output=True, text=True, timeout=60,
                        env={**os.environ, "PULSAR_ADMIN_URL": url})
    assert it.returncode == 0 and it.stderr == ""
    return [candidate.split("\t")[0] for candidate in it.stdout.splitlines()]


def script(shell):
    return subprocess.run([PROGRAM, "completions", shell], capture_output=True, text=True, timeout=60, check=True).stdout


# ---- the words ----

def test_verbs_and_what_they_do():
    it = subprocess.run([PROGRAM, "completions", "words", "--", "vers"], capture_output=True, text=True, timeout=60)
    assert it.stdout == "version\tPrints the version.\n"
    assert words("client", "") == ["produce", "consume", "read"]
    assert words("client", "--url", "x", "pro") == ["produce"]
    assert words("help", "client", "re") == ["read"]
    assert words("nothing", "") == []


def test_flags_and_their_values():
    assert words("client", "produce", "t", "--num") == ["--num-produce"]
    assert words("client", "--mem") == ["--memory-limit"]
    assert words("client", "consume", "t", "-t", "S") == ["Shared"]
    assert words("client", "consume", "t", "--subscription-type=S") == ["--subscription-type=Shared"]
    assert {"--port", "-a", "--advertised-address", "--config", "--help"} <= set(words("standalone", "-"))
    assert words("standalone", "--data", "") == []  # a file: for the shell
    assert words("standalone", "-c", "-") == []


def test_groups_commands_and_options_of_admin():
    assert words("admin", "top") == ["topics", "topicPolicies"]
    assert words("admin", "--admin-url", "http://x", "ten") == ["tenants"]
    assert words("admin", "--adm") == ["--admin-url"]
    assert words("admin", "tenants", "") == ["list", "get", "create", "update", "delete"]
    assert words("admin", "topics", "peek") == ["peek-messages"]
    assert {"-s", "--subscription", "-n", "--count", "-o", "--output"} <= set(words("admin", "topics", "peek-messages", "t", "-"))
    assert words("admin", "topics", "stats", "t", "-o", "") == ["json", "table"]
    assert words("admin", "topics", "list", "-td", "non") == ["non_persistent"]
    assert words("admin", "topics", "no-such", "") == []


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    broker = Broker(tmp_path_factory.mktemp("broker"))

    def http(path, body=""):
        request = urllib.request.Request(broker.http_url + path, method="PUT", data=body.encode(),
                                         headers={"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=60).read()

    for topic in "orders", "orders-late", "other":
        http(f"/admin/v2/persistent/public/default/{topic}")
    http("/admin/v2/persistent/public/default/parts/partitions", "3")
    http("/admin/v2/tenants/acme", '{"allowedClusters":["standalone"]}')
    http("/admin/v2/namespaces/acme/one")
    http("/admin/v2/persistent/acme/one/inner")
    yield broker
    broker.stop()


def test_names_of_topics(broker):
    url = broker.http_url
    assert words("client", "produce", "ord", url=url) == ["orders", "orders-late"]
    assert words("client", "produce", "", url=url) == ["parts", "orders", "orders-late", "other"]
    assert words("client", "produce", "pa", url=url) == ["parts"]
    assert words("client", "produce", "pe", url=url) == ["persistent://"]
    assert words("client", "produce", "orders", "", url=url) == []


def test_topics_of_other_namespaces_step_by_step(broker):
    url = broker.http_url
    assert words("client", "read", "persistent://a", url=url) == ["persistent://acme/"]
    assert words("client", "read", "persistent://acme/", url=url) == ["persistent://acme/one/"]
    assert words("client", "read", "persistent://acme/one/", url=url) == ["persistent://acme/one/inner"]
    assert words("client", "read", "acme/one/i", url=url) == ["acme/one/inner"]


def test_what_commands_of_admin_are_about(broker):
    url = broker.http_url
    assert words("admin", "topics", "stats", "ord", url=url) == ["orders", "orders-late"]
    assert words("admin", "--admin-url", url, "topics", "stats", "acme/one/") == ["acme/one/inner"]
    assert words("admin", "namespaces", "policies", "ac", url=url) == ["acme/"]
    assert words("admin", "namespaces", "policies", "acme/", url=url) == ["acme/one"]
    assert words("admin", "tenants", "get", "ac", url=url) == ["acme"]
    assert words("admin", "topics", "peek-messages", "-n", "5", "oth", url=url) == ["other"]
    assert words("admin", "topics", "peek-messages", "-n", "5", "orders", "", url=url) == []


def test_verbs_of_the_notary_and_their_flags():
    assert words("notary", "appro") == ["approve", "approver-key"]
    assert words("notary", "approve", "x", "--app") == ["--approver-key"]
    assert words("notary", "list", "--st") == ["--status"]


def test_without_a_broker_there_are_no_names():
    assert words("client", "produce", "ord") == []
    assert words("client", "produce", "persistent://a") == []


# ---- the scripts ----

def bash(line, url=NOBODY):
    """The candidates that bash would show with the cursor at the end of the line."""
    text = script("bash").replace("complete -o", ": complete -o")
    program = text + f"""
COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}
_geminga
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    it = subprocess.run(["bash", "-c", program], capture_output=True, text=True, timeout=60,
                        env={**os.environ, "PULSAR_ADMIN_URL": url})
    assert it.returncode == 0 and it.stderr == "", it
    return it.stdout.split()


def test_bash_completes(broker):
    assert bash(f"{PROGRAM} toke") == ["tokens"]
    assert bash(f"{PROGRAM} tokens create-s") == ["create-secret-key"]
    assert bash(f"{PROGRAM} client ") == ["produce", "consume", "read"]
    assert bash(f"{PROGRAM} client consume t -t=x --subscription-position=E") == ["Earliest"]  # behind the "="
    assert bash(f"{PROGRAM} client produce persistent://acme/one/", broker.http_url) == ["//acme/one/inner"]  # behind the ":"


def test_bash_takes_the_script_and_knows_what_to_do_with_it():
    it = subprocess.run(["bash", "-c", 'source /dev/stdin; complete -p geminga'], input=script("bash"), capture_output=True,
                        text=True, timeout=60)
    assert it.stdout == "complete -o bashdefault -o default -F _geminga geminga\n"


@pytest.mark.skipif(not shutil.which("zsh"), reason="there is no zsh")
def test_zsh_completes(tmp_path):
    (tmp_path / "_geminga").write_text(script("zsh"))
    subprocess.run(["zsh", "-n", tmp_path / "_geminga"], check=True, timeout=60)
    program = f"""
compdef() {{ : }}
source {tmp_path}/_geminga
_describe() {{ print -l -- "${{(@P)2}}" }}
_files() {{ print files }}
words=({PROGRAM} client ""); CURRENT=3; _geminga
words=({PROGRAM} standalone --data ""); CURRENT=4; _geminga
"""
    it = subprocess.run(["zsh", "-f", "-c", program], capture_output=True, text=True, timeout=60)
    assert it.stdout == ("produce:Sends messages to a topic.\n"
                         "consume:Receives, prints and acknowledges messages of a subscription.\n"
                         "read:Reads and prints messages of a topic, and leaves no trace.\nfiles\n"), it


@pytest.mark.skipif(not shutil.which("fish"), reason="there is no fish")
def test_fish_completes(tmp_path):
    (tmp_path / "geminga.fish").write_text(script("fish"))
    subprocess.run(["fish", "-n", tmp_path / "geminga.fish"], check=True, timeout=60)
    it = subprocess.run(["fish", "--no-config", "-c", f"source {tmp_path}/geminga.fish; complete -C'geminga client r'"],
                        capture_output=True, text=True, timeout=60,
                        env={**os.environ, "PATH": f"{os.path.dirname(PROGRAM)}:{os.environ['PATH']}", "HOME": str(tmp_path)})
    assert it.stdout == "read\tReads and prints messages of a topic, and leaves no trace.\n", it
