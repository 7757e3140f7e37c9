#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Power cuts of the gateway: the machine is killed in the middle of updates by smpd, again and again, and started
with the disk that it had. Two boards have power of their own and live on the host, one on UDP and one behind
a USB serial adapter.

On the host this cuts; in the machine it runs smpd and tells what it sees, a JSON object a line."""
import configparser
import contextlib
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import machine
import smptest
from boards import Adapter

STATE = pathlib.Path("/persist/smpd")
CONFIG = pathlib.Path("/persist/etc")
LOG = pathlib.Path("/run/smpd.log")
USB = "/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_FT0001-if00-port0"
BOOT = ("--boot-time", "1500", "--erase-time", "5")
SIZE = 40000  # of an image
PATIENCE = 300
NAMES = ("net", "usb")


# ------------------------------------------------------------------------------------ in the machine
def tell(event, **more):
    print(json.dumps({"event": event, **more}), flush=True)


def read_job(folder):
    """A job as it is on disk; what is not as it must be raises."""
    keys = configparser.RawConfigParser(strict=True)
    keys.read_string((folder / "job").read_text(encoding="utf-8"))
    job = dict(keys["job"])
    if "result" not in job:
        names, sums = (job[key].rstrip(";").split(";") for key in ("files", "sums"))
        found = [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names]
        if not names or found != sums:
            raise ValueError(f"{folder}: {names} are not what the order says")
    return {key: job.get(key) for key in ("device", "version", "started", "result")}


def read_store():
    """All jobs that are on disk, before smpd has seen them."""
    folders = sorted(STATE.glob("jobs/*"))
    return {folder.name: read_job(folder) for folder in folders if folder.name[0] != "."}


def start_smpd(port):
    shutil.copy(machine.SOURCE / "systemd/org.smpd1.conf", "/etc/dbus-1/system.d")
    subprocess.run(["busctl", "--quiet", "call", "org.freedesktop.DBus", "/",
                    "org.freedesktop.DBus", "ReloadConfig"], check=True)
    (CONFIG / "targets.d").mkdir(parents=True, exist_ok=True)
    (CONFIG / "targets.d/boards.conf").write_text(
        f"[target net]\nudp=10.0.2.2:{port}\n[target usb]\nuri=serial:{USB}\n", encoding="utf-8")
    with open(LOG, "wb") as log:
        return subprocess.Popen([os.environ["SMPD"], "--state-dir", STATE, "--config-dir", CONFIG],
                                stdout=log, stderr=log)


class Watch:
    """What becomes of jobs."""

    def __init__(self, port):
        from smpdclient import Client, connect

        class Bus:
            @staticmethod
            def connect(uid):
                return connect("unix:path=/run/dbus/system_bus_socket", uid)

        self.client = Client(Bus())
        self.targets = {"net": f"udp:10.0.2.2:{port}", "usb": f"serial:{USB}"}

    def jobs(self):
        """Their properties by number."""
        return {path.rpartition("/")[2]: interfaces["org.smpd1.Job"]
                for path, interfaces in self.client.objects().items() if "/job/" in path}

    def see_through(self, numbers):
        """Until all of them have ended; then each end, and what runs on the board, asked without smpd."""
        shown = {}
        while True:
            jobs = {number: job for number, job in self.jobs().items() if number in numbers}
            for number, job in jobs.items():
                now = (job["State"], job["Step"], round(job["Fraction"], 2))
                if shown.get(number) != now:
                    shown[number] = now
                    tell("progress", job=number, board=job["DeviceName"], state=now[0],
                         step=now[1], fraction=now[2])
            if all(job["State"] == "done" for job in jobs.values()):
                break
            time.sleep(0.05)
        for number, job in jobs.items():
            tell("end", job=number, board=job["DeviceName"], version=job["Version"],
                 result=job["Result"], message=job["Message"], runs=self.look(job["DeviceName"]))

    def look(self, name):
        said = smptest.smpctl("-c", self.targets[name], "--json", "--trace", "image", "list")
        return running(said.json[-1]["images"]) if said.code == 0 else said.out + said.err

    def update(self, image):
        tell("begin")
        numbers = []
        for name in NAMES:
            numbers.append(self.client.update(name, image).rpartition("/")[2])
            tell("job", job=numbers[-1], board=name)
        self.see_through(numbers)


def running(images):
    active, = [image for image in images if image.get("active")]
    return [active["version"], active["confirmed"]]


def in_machine(port, image=None):
    """One life of the gateway: what was begun before is seen through, then an update begins."""
    before = read_store()
    tell("store", jobs=before)
    start_smpd(port)
    for _ in range(600):
        if subprocess.run(["busctl", "--quiet", "status", "org.smpd1"], check=False,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
            break
        time.sleep(0.1)
    watch = Watch(port)
    tell("up", jobs=sorted(watch.jobs()), aside=[path.name for path in STATE.glob("jobs/.*")],
         log=LOG.read_text(encoding="utf-8"))
    watch.see_through([number for number, job in before.items() if not job["result"]])
    if image:
        watch.update(image)
    tell("idle")
    time.sleep(PATIENCE)  # for the cut


# ------------------------------------------------------------------------------------ on the host
class Life:
    """The machine from a start to a cut; .events are what it told."""

    def __init__(self, gateway, *image):
        self.pid = gateway.folder / "pid"
        self.errors = gateway.folder / "errors"
        self.events = []
        vm = machine.Machine(net=True, usb=[(gateway.usb.serial, gateway.usb.socket)],
                             disk=gateway.folder / "disk", pid=self.pid, share=[gateway.folder])
        with open(self.errors, "wb") as errors:
            self.script = vm.start(sys.executable, __file__, gateway.port, *image,
                                   stdout=subprocess.PIPE, stderr=errors, text=True)

    def next(self):
        line = self.script.stdout.readline()
        while line and not line.startswith("{"):
            line = self.script.stdout.readline()
        if not line:
            raise AssertionError(f"the machine ended by itself after {self.events[-3:]}:\n"
                                 + self.errors.read_text(encoding="utf-8"))
        self.events.append(json.loads(line))
        return self.events[-1]

    def wait_for(self, wanted):
        """Until wanted(event), or there is nothing more to come."""
        while True:
            event = self.next()
            if wanted(event) or event["event"] == "idle":
                return event

    def cut(self):
        """What it told up to then is read to its end."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(self.pid.read_text()), signal.SIGKILL)
        for line in self.script.stdout:
            if line.startswith("{") and line.endswith("}\n"):
                self.events.append(json.loads(line))
        self.script.wait()
        self.script.stdout.close()

    def told(self, event):
        return [told for told in self.events if told["event"] == event]


class Gateway:
    """The boards and the disk, which stay."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def __enter__(self):
        self.net = smptest.Sim("--udp", "0", "--process-time", "100", *BOOT)
        self.port = self.net.address.rpartition(":")[2]
        self.usb = Adapter(str(self.folder / "usb"), "FT0001", "--baud", "115200", *BOOT)
        self.usb.__enter__()
        return self

    def __exit__(self, *_):
        self.usb.__exit__()
        self.net.__exit__()

    def look(self):
        """What the boards say while the gateway has no power: each slot."""
        seen = {}
        for name, target in (("net", self.net.target), ("usb", f"serial:{self.usb.board.link}")):
            said = smptest.smpctl("-c", target, "--json", "image", "list")
            seen[name] = " ".join(
                image["version"] + "".join(f"+{flag}" for flag in ("active", "confirmed", "pending")
                                           if image.get(flag))
                for image in said.json[-1]["images"]) if said.code == 0 else said.out + said.err
        return seen


def choose(dice):
    """A moment: what to wait for, and how long then. Anywhere in the update of one of the boards; half
    of them not in the upload, which is most of it."""
    board, delay = dice.choice(NAMES), round(dice.uniform(0, 1.5), 2)
    kind = dice.choice(("call", "fraction", "fraction", "fraction", "test", "reset", "reset",
                        "confirm"))
    if kind == "call":
        return "call", lambda event: event["event"] in ("up", "begin"), delay / 3
    if kind == "fraction":
        at = round(dice.random(), 2)
        return f"{board} {at:.0%}", lambda event: event.get("board") == board and \
            event.get("fraction", 0) >= at, delay / 5
    return f"{board} {kind}", lambda event: event.get("board") == board and \
        event.get("step") == kind, delay


class Power(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="smp-vm-power-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.seed = int(os.environ.get("SMP_POWER_SEED", time.time()))
        print(f"# SMP_POWER_SEED={self.seed}", flush=True)

    def check(self, life, promised):
        """Nothing that was promised is missing, nothing is damaged, and each end is the truth."""
        store, = life.told("store")
        self.assertLessEqual(promised, store["jobs"].keys())
        for up in life.told("up"):
            self.assertEqual(set(up["jobs"]), store["jobs"].keys())
            self.assertEqual(up["aside"], [])
            self.assertNotIn("cannot", up["log"])
        for end in life.told("end"):
            self.assertEqual(end["result"], "updated", end)
            self.assertEqual(end["runs"], [end["version"], True], end)
        return promised | {job["job"] for job in life.told("job")}

    def one(self, gateway, number, dice, promised):
        """A life of the gateway and its end."""
        name, moment, delay = choose(dice)
        # Also while it goes on with what the last cut left.
        recovering = dice.random() < 0.3
        image = smptest.sim_image(f"1.{number}.0", str(gateway.folder / f"{number}.bin"), SIZE)
        life = Life(gateway, image)
        try:
            if not recovering:
                life.wait_for(lambda event: event["event"] == "begin")
            if recovering or not moment(life.events[-1]):
                life.wait_for(moment)
            time.sleep(delay)
        finally:
            life.cut()
        store = life.told("store")[0]["jobs"]
        undone = [f"{key}:{job['device']}" for key, job in store.items() if not job["result"]]
        last = {event["board"]: f"{event['step'] or event['state']} {event['fraction']:.0%}"
                for event in life.told("progress")}
        ends = [f"{end['job']}:{end['result']}" for end in life.told("end")]
        print(f"# cut {number} ({name} +{delay:.2f} s{', going on' if recovering else ''}): "
              f"found undone {undone}, ended {ends}, at the cut {last}, "
              f"boards then {gateway.look()}", flush=True)
        return self.check(life, promised)

    def test_cuts(self):
        """power cuts at random moments: every job is there after them, ends, and tells the truth"""
        dice = random.Random(self.seed)
        cuts = int(os.environ.get("SMP_POWER_CUTS", "2"))
        with Gateway(self.dir) as gateway:
            promised = set()
            for number in range(1, cuts + 1):
                promised = self.one(gateway, number, dice, promised)
            life = Life(gateway)
            try:
                life.wait_for(lambda event: event["event"] == "idle")
            finally:
                life.cut()
            self.assertEqual(self.check(life, promised), promised)
            print(f"# {len(promised)} jobs, boards at the end {gateway.look()}")


if __name__ == "__main__":
    if machine.inside():
        try:
            in_machine(*sys.argv[1:])
        except Exception:
            print(*smptest.record.lines[-40:], LOG.read_text(encoding="utf-8"), sep="\n",
                  file=sys.stderr)
            raise
        sys.exit()
    if machine.missing():
        smptest.skip_all(machine.missing())
    machine.Machine().build()
    smptest.main()
