# SPDX-License-Identifier: Apache-2.0
"""Power cuts under load, on a real file system: what was promised before is kept after (load.py says what).

The broker's data is on an ext4 in a file, and that file is on an XFS in a file, which can copy a file in one instant
(FICLONE).  The copy is the disk as a power cut leaves it: with what the kernel had written to the device by then, and
without what was only in its memory.  It is mounted (ext4 replays its own journal), a second broker starts on it, and
must keep every promise made before the copy.  Some rounds cut the second broker's power while it recovers; and now and
then the world goes on from the copy, so that recoveries stand on recoveries.

Needs root, loop devices and xfsprogs.  CUTS (3) and SEED (printed) from the environment.
"""
import fcntl
import os
import random
import shutil
import subprocess
from contextlib import contextmanager

import pytest

import load
from broker_process import Broker
from conftest import new_client

CUTS = int(os.environ.get("CUTS", "3"))
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
EPOCH = 10  # cuts with the same topics; then the world goes on from the last copy
DISK_BYTES = 2 << 30
SHELF_BYTES = 24 << 30  # sparse: room for copies that share what did not change
FICLONE = 0x40049409


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stdout}"


def make_image(path, size, *make):
    with open(path, "wb") as image:
        image.truncate(size)
    run(*make, path)


@contextmanager
def mounted(image, at):
    at.mkdir(exist_ok=True)
    run("mount", "-o", "loop", image, at)
    try:
        yield at
    finally:
        run("umount", at)


def may_mount(directory):
    (directory / "try").mkdir()
    mount = ["mount", "-o", "loop", directory / "shelf.img", directory / "try"]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        return False
    run("umount", directory / "try")
    return True


@pytest.fixture
def shelf(tmp_path):
    """Where images of disks lie, and can be copied in an instant."""
    for need, why in [(os.geteuid() == 0, "needs root to mount"), (shutil.which("mkfs.xfs"), "needs xfsprogs"),
                      (os.path.exists("/dev/loop-control"), "needs loop devices")]:
        if not need:
            pytest.skip(why)
    make_image(tmp_path / "shelf.img", SHELF_BYTES, "mkfs.xfs", "-q", "-m", "reflink=1")
    if not may_mount(tmp_path):
        pytest.skip("mounting is not allowed here, as in most containers")
    with mounted(tmp_path / "shelf.img", tmp_path / "shelf") as at:
        yield at


def copy_now(image, to):
    """The bytes of the image at one instant."""
    with open(image, "rb") as source, open(to, "wb") as target:
        fcntl.ioctl(target, FICLONE, source.fileno())


class Machine:
    """A disk, and a broker on it, with a load."""

    def __init__(self, shelf, logs, rng):
        self.shelf, self.logs, self.rng = shelf, logs, rng
        self.image = shelf / "disk.img"
        make_image(self.image, DISK_BYTES, "mkfs.ext4", "-q", "-E", "lazy_itable_init=0")
        self.epochs = 0
        self.topics = None

    @contextmanager
    def living(self):
        """An epoch: the broker on the disk, and load on topics that are new."""
        with mounted(self.image, self.logs / "disk") as disk:
            broker = Broker(self.logs, data=disk / "data")
            try:
                if self.topics:
                    load.drop(broker, self.topics)
                self.topics = load.Topics(f"cut-{self.epochs}")
                self.epochs += 1
                load.prepare(broker, self.topics, new_client)
                running = load.Load(broker, self.topics, new_client, self.rng)
                yield running
            finally:
                broker.kill()
            running.end()

    def cut(self):
        """What is promised, and then the disk as a power cut leaves it."""
        promised = self.topics.promised()
        copy_now(self.image, self.shelf / "cut.img")
        return promised

    def check(self, promised):
        """A broker on the copy keeps what was promised, even when its power is cut, too, while it recovers."""
        image = self.shelf / "cut.img"
        again = self.shelf / "again.img"
        with mounted(image, self.logs / "cut") as disk:
            broker = Broker(self.logs, data=disk / "data")
            copy_now(image, again)
            try:
                load.check(broker, promised, new_client)
            finally:
                broker.kill()
        if self.rng.random() < 0.3:
            os.replace(again, image)
            with mounted(image, self.logs / "cut") as disk:
                broker = Broker(self.logs, data=disk / "data")
                try:
                    load.check(broker, promised, new_client)
                finally:
                    broker.kill()

    def go_on_from_the_copy(self):
        os.replace(self.shelf / "cut.img", self.image)


@pytest.mark.timeout_seconds(3600 + 60 * CUTS)
def test_what_was_promised_survives_power_cuts(shelf, tmp_path):
    print(f"SEED={SEED}")
    rng = random.Random(SEED)
    machine = Machine(shelf, tmp_path, rng)
    cuts = receipts = acks = 0
    while cuts < CUTS:
        with machine.living() as running:
            for _ in range(min(EPOCH, CUTS - cuts)):
                running.publish(rng.choice([1, 10, 100, 1000, 2000]))
                promised = machine.cut()
                machine.check(promised)
                cuts += 1
        machine.go_on_from_the_copy()
        receipts += promised.total()
        acks += sum(len(answered) for answered in promised.answered.values())
        print(f"cut {cuts}: {receipts} receipts, {acks} answered acknowledgements, all kept", flush=True)
    print(f"power cut: {CUTS} cuts, {receipts} receipts and {acks} answered acknowledgements, none lost")
