# SPDX-License-Identifier: LGPL-2.1-or-later
"""smpd on a machine of its own, as `meson install` puts it there, started by the machine's own systemd, with
its own D-Bus, polkit and logind."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import machine
from boards import Case as BoardCase
from smptest import sim_image

if machine.inside():
    import smpdclient
    from smpdclient import DEVICE, JOB, Client, connect, device_path

BUS = "unix:path=/run/dbus/system_bus_socket"
STRANGER, KEEPER = 1000, 1001  # the machine has the first, who is nobody special; setUpModule() makes the other
STATE = pathlib.Path("/var/lib/smpd")
FIRMWARE = pathlib.Path("/srv/firmware")
SIZE = 12000  # of an image
PATIENCE = 60


def stage():
    return pathlib.Path(os.environ["SMP_STAGE"])


@contextlib.contextmanager
def installed(options):
    """On the host: the build is installed into a folder that the machine sees."""
    build = os.environ.get("SMP_BUILD", str(machine.SOURCE / "build"))
    with tempfile.TemporaryDirectory(prefix="smp-vm-installed-") as folder:
        subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet",
                        "--destdir", folder], check=True, stdout=subprocess.DEVNULL)
        os.environ["SMP_STAGE"] = folder
        options["share"] = (*options.get("share", ()), folder)
        yield


def run(*command, check=True):
    """What a command prints."""
    done = subprocess.run([str(word) for word in command], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}")
    return done.stdout


def config():
    """The configuration's folder: with another prefix than /usr it is below that."""
    found, = stage().glob("**/etc/smpd")
    return pathlib.Path("/", found.relative_to(stage()))


def setUpModule():
    """What a package does after it was unpacked."""
    if FIRMWARE.exists():
        return
    run("cp", "-r", f"{stage()}/.", "/")
    # These two look nowhere else.
    for name in ("dbus-1/system.d", "polkit-1/actions", "polkit-1/rules.d"):
        found, = stage().glob(f"**/share/{name}")
        shutil.copytree(found, f"/usr/share/{name}", dirs_exist_ok=True)
    run("ldconfig")
    run("systemd-sysusers")
    run("useradd", "--uid", KEEPER, "--groups", "smp", "keeper")
    run("journalctl", "--update-catalog")
    run("systemctl", "enable", "--quiet", "smpd.service")  # systemd reads all units anew for that
    run("udevadm", "control", "--reload")
    run("busctl", "call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "ReloadConfig")
    FIRMWARE.mkdir()


def unit(name):
    """A property of the unit."""
    return run("systemctl", "show", "--property", name, "--value", "smpd").strip()


def main_pid():
    return int(unit("MainPID"))


def eventually(what):
    """Asked seldom: the machine has one processor, and it is slow."""
    try:
        return smpdclient.eventually(what, PATIENCE, 0.2)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{run('journalctl', '-u', 'smpd', '-n', '20')}"
                             f"{run('busctl', 'tree', 'org.smpd1', check=False)}") from None


class System:
    """The machine's bus."""

    def connect(self, uid=None):
        return connect(BUS, uid)


class Case(BoardCase):
    """A test of the installed smpd, which has no jobs and no targets at first and is not running. self.root
    asks it as root, who may do all."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self.clean)
        self.root = Client(System(), 0)
        self.began = time.time()

    def clean(self):
        run("systemctl", "stop", "smpd")
        run("rm", "-rf", *(path for folder in (STATE, config() / "targets.d", FIRMWARE)
                           for path in folder.glob("*")))
        shutil.rmtree("/run/systemd/system/smpd.service.d", ignore_errors=True)

    def configure(self, text):
        (config() / "targets.d").mkdir(exist_ok=True)
        (config() / "targets.d/test.conf").write_text(text, encoding="utf-8")

    def firmware(self, version="1.1.0"):
        """A new image for the boards of the configuration; returns its path there."""
        return shutil.copy(self.image(version), FIRMWARE / "new.bin")

    def image(self, version="1.1.0"):
        return sim_image(version, os.path.join(self.dir, f"app-{version}.bin"), SIZE)

    def drop_in(self, text):
        folder = pathlib.Path("/run/systemd/system/smpd.service.d")
        folder.mkdir(parents=True)
        (folder / "test.conf").write_text(f"[Service]\n{text}\n", encoding="utf-8")
        run("systemctl", "daemon-reload")

    def of(self, name, key):
        return self.root.get(device_path(name), DEVICE, key)

    def await_job(self):
        """The first job."""
        jobs = eventually(lambda: [path for path in self.root.objects() if "/job/" in path])
        return jobs[0]

    def journal(self, *options, **fields):
        """Entries since this test began."""
        return run("journalctl", "--no-pager", f"--since=@{self.began:.6f}", *options,
                   *(f"{name}={value}" for name, value in fields.items()), check=False)

    def entries(self, job):
        """Those of a job, as dictionaries."""
        lines = self.journal("--output=json", SMPD_JOB=job.rpartition("/")[2])
        return [json.loads(line) for line in lines.splitlines()]

    def await_bytes(self, job, count):
        eventually(lambda: self.root.get(job, JOB, "BytesDone") > count)

    def assert_updated(self, job, name="pump", version="1.1.0"):
        eventually(lambda: self.root.get(job, JOB, "State") == "done")
        end = self.root.properties(job, JOB)
        self.assertEqual(end["Result"], "updated", end)
        self.root.device(name, "Refresh")
        active, = [image for image in self.of(name, "Images") if image.get("active")]
        self.assertEqual((active["version"], active["confirmed"]), (version, True))
        return end
