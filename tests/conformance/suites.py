# SPDX-License-Identifier: Apache-2.0
"""The official suites, and ours with the Rust client: where they come from, how they are built, how one of their tests is run
and judged.

Each is fetched by its language's own package client, copied to a cache directory outside the checkout (tests write beside
themselves, and module caches are read-only), and compiled once.  A Suite's `programs` are then its test programs.
"""
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from security_files import HTPASSWD, SecurityFiles  # noqa: E402

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "geminga" / "conformance"


class Unavailable(Exception):
    """A sentence for the user: why a suite cannot be had here."""


def _run(command, cwd=None, env=None):
    """Its standard output; what it says on standard error goes to ours only if it fails."""
    try:
        done = subprocess.run(command, cwd=cwd, env={**os.environ, **(env or {})}, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except FileNotFoundError:
        raise Unavailable(f"{command[0]} is not installed") from None
    if done.returncode != 0:
        raise Unavailable(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return done.stdout


def _copied(source, target):
    """A writable copy, made whole or not at all."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(source, partial)
    for path in [partial, *partial.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)
    partial.rename(target)


class Files:
    """What a broker's configuration names, where one worker has it; see NAME.conf for the words."""

    def __init__(self, words, admin_token=None, tests_in=None):
        self.words = words
        self.admin_token = admin_token
        self.tests_in = tests_in  # where tests are run that read these files, and nothing else


class GoSuite:
    name = "go"
    module, version = "github.com/apache/pulsar-client-go", "v0.21.0"
    # What of the module's packages speaks to a broker; the tests of the others need none, and so judge none.
    packages = {"pulsar": "pulsar", "pulsaradmin": "pulsaradmin/pkg/admin"}

    def __init__(self):
        self.root = CACHE / f"go-{self.version}"
        self.source = self.root / "source"
        self.programs = {}

    def build(self):
        downloaded = json.loads(_run(["go", "mod", "download", "-json", f"{self.module}@{self.version}"], cwd="/"))
        _copied(Path(downloaded["Dir"]), self.source)
        for package, folder in self.packages.items():
            program = self.root / f"{package}.test"
            if not program.exists():
                _run(["go", "test", "-c", "-o", str(program), f"./{folder}"], cwd=self.source)
            self.programs[package] = program

    def tests(self):
        """Names of all tests, "package/TestName"."""
        names = []
        for package, program in self.programs.items():
            listed = _run([str(program), "-test.list", "."], cwd=self.source / self.packages[package])
            names += [f"{package}/{line}" for line in listed.split() if line.startswith("Test")]
        return names

    def files(self, directory, copy):
        """The suite has certificates and tokens, and a password that upstream writes into a file before it runs."""
        theirs = copy / "integration-tests"
        (directory / "htpasswd").write_text(HTPASSWD)
        return Files({"CERTS": theirs / "certs", "TOKENS": theirs / "tokens", "HTPASSWD": directory / "htpasswd"},
                     (theirs / "tokens" / "admin-token").read_text().strip())

    def command(self, test, seconds, copy, files):
        """How one test is run: a command and the directory to run it in; `copy` is the worker's own copy of the source."""
        package, name = test.split("/")
        command = [str(self.root / f"{package}.test"), "-test.v", "-test.count=1", f"-test.timeout={seconds}s", "-test.run",
                   f"^{name}$"]
        return command, copy / self.packages[package]

    def outcome(self, test, code, output):
        """pass, skip or fail: as the framework's own last lines say."""
        name = re.escape(test.split("/")[1])
        if code != 0 or not re.search(r"^PASS\s*\Z", output, re.M):
            return "fail"
        if re.search(rf"^--- SKIP: {name} ", output, re.M):
            return "skip"
        return "pass" if re.search(rf"^--- PASS: {name} ", output, re.M) else "fail"


class RustSuite:
    name = "rust"
    crate, version = "pulsar", "6.9.1"
    # Tests that believe that no producer's or consumer's id is 0, which is the first one's in a process: another test goes
    # before these in theirs. (That of the routing picks its first partition by chance, so alone it fails one time in three.)
    first = "producer::tests::key_bytes_round_trip"
    not_first = {"producer::tests::test_round_robin_routing_policy", "reader::tests::reader"}

    def __init__(self):
        self.root = CACHE / f"rust-{self.version}"
        self.source = self.root / "source"
        self.program = self.root / "pulsar.test"

    def fetch(self):
        if not self.source.exists():
            _run(["cargo", "info", f"{self.crate}@{self.version}"], cwd="/")
            home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
            unpacked = next(home.glob(f"registry/src/*/{self.crate}-{self.version}"), None)
            if unpacked is None:
                raise Unavailable(f"cargo did not unpack {self.crate} {self.version} below {home}")
            _copied(unpacked, self.source)
        (self.source / "rust-toolchain.toml").unlink(missing_ok=True)  # it would have rustup fetch another compiler

    def compile(self, *what):
        built = _run(["cargo", "test", "--locked", *what, "--features", "admin-api", "--no-run", "--message-format=json"],
                     cwd=self.source, env={"CARGO_TARGET_DIR": str(self.root / "target"), "CARGO_PROFILE_DEV_DEBUG": "0"})
        messages = [json.loads(line) for line in built.splitlines() if line.startswith("{")]
        programs = [m["executable"] for m in messages if m.get("executable") and m["profile"]["test"]]
        shutil.copy2(programs[0], self.program.with_suffix(".partial"))
        self.program.with_suffix(".partial").rename(self.program)

    def build(self):
        if not self.program.exists():
            self.fetch()
            self.compile("--lib")

    def files(self, directory, copy):
        return Files({})

    def tests(self):
        listed = _run([str(self.program), "--list", "--format", "terse"], cwd=self.source)
        return [line.removesuffix(": test") for line in listed.splitlines() if line.endswith(": test")]

    def command(self, test, seconds, copy, files):
        names = [self.first, test] if test in self.not_first else [test]
        return [str(self.program), "--exact", *names, "--test-threads=1", "--nocapture"], files.tests_in or copy

    def outcome(self, test, code, output):
        lines = [line for line in output.splitlines() if line.strip()]
        count = 2 if test in self.not_first else 1
        passed = code == 0 and lines and lines[-1].startswith(f"test result: ok. {count} passed; 0 failed")
        return "pass" if passed else "fail"


class RustSecuritySuite(RustSuite):
    """Ours, because the crate has no tests of security: compiled as one of its own, which its manifest is told."""
    name = "rust-security"
    ours = HERE / "rust" / "security.rs"

    def __init__(self):
        super().__init__()
        self.source = self.root / "source-security"
        self.program = self.root / "security.test"
        self.compiled = self.root / "security.rs"

    def build(self):
        ours = self.ours.read_text()
        if self.program.exists() and self.compiled.exists() and self.compiled.read_text() == ours:
            return
        self.fetch()
        manifest = self.source / "Cargo.toml"
        if "security.rs" not in manifest.read_text():
            manifest.write_text(manifest.read_text() + '\n[[test]]\nname = "security"\npath = "tests/security.rs"\n')
        (self.source / "tests").mkdir(exist_ok=True)
        (self.source / "tests" / "security.rs").write_text(ours)
        self.compile("--test", "security")
        self.compiled.write_text(ours)

    def files(self, directory, copy):
        made = SecurityFiles(directory / "files")
        return Files({"CERTS": made.certs, "TOKENS": made.tokens, "HTPASSWD": made.htpasswd}, made.token("admin"),
                     made.directory)


SUITES = {"go": GoSuite, "rust": RustSuite, "rust-security": RustSecuritySuite}
