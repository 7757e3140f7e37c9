# SPDX-License-Identifier: LGPL-2.1-or-later
"""The kill sweep: each kind of update is done once while kill-at.c counts what smpd writes, to the board
and into its state folder, then again with kill -9 at each of these places, at every third of them twice.
Started anew, smpd ends the job: the board is updated or as it was, the job says which, no image is sent
twice, there is one job, and nothing is left behind.

SMP_SWEEP_EVERY=N takes every N-th place, 50 if not given. SMP_SWEEP_CASE=swap:33 plays one case."""

import concurrent.futures
import os
import queue
import shutil
import subprocess
import tempfile
import time

import common
from common import DEVICE, JOB, device_path, eventually, strings, text

EVERY = int(os.environ.get("SMP_SWEEP_EVERY", "50"))
ONE = os.environ.get("SMP_SWEEP_CASE", "").split(":")

# A small image in many requests, on a board that is quick.
PAYLOAD = 4000
BUFFER = 512
BOARD = ("--framing", "raw", "--time-scale", "10", "--buf-size", str(BUFFER))
# Requests that were in flight are sent again.
IN_FLIGHT = 4
# Most of an update is waiting for the board, so some are done at once, each on a bus of its own.
WORKERS = 4

OLD, NEW = "1.0.0", "1.1.0"


class Kind:
    """A kind of update: how the board is, how the update is begun, how it ends."""

    def __init__(self, *board, rules="", options=None, images=(0,), result="updated",
                 runs=(NEW, True), sent=True, policy=False, before=None, begin=None):
        self.board, self.rules, self.options = board, rules, options or {}
        self.images, self.result, self.runs = images, result, runs
        self.sent, self.policy, self.before, self.begin = sent, policy, before, begin

    def start(self, play):
        """Begins it; a call that fails as the daemon is killed is for the test to make again."""
        if self.begin:
            return self.begin(play)
        return play.client.update("a", *play.files, options=dict(self.options))


def rollback(play):
    return play.client.device("a", "Rollback")


NO_REVERT = {"allow": strings(["no-revert"])}
TWO = {"images": common.GLib.Variant("au", [0, 1])}

KINDS = {
    "swap": Kind(),
    "overwrite": Kind("--mode", "overwrite", options=NO_REVERT),
    "two": Kind("--images", "2", "--confirm-any-image", options=TWO, images=(0, 1)),
    "rollback": Kind("--mode", "swap-scratch", before=NEW, begin=rollback, result="rolled-back",
                     runs=(OLD, True), sent=False),
    "policy": Kind(policy=True),
    "trial": Kind(options={"mode": text("test-only")}, result="on-trial", runs=(NEW, False)),
    "unwell": Kind(rules="health-check=false\n", result="rolled-back", runs=(OLD, True)),
    "refused": Kind(before="2.0.0", result="refused", runs=("2.0.0", True), sent=False),
}


class Play:
    """One update of one board, with or without a kill."""

    def __init__(self, sweep, kind, at, client):
        self.sweep, self.kind, self.at = sweep, kind, at
        self.bus, self.client, self.kills = client.bus, client, 0
        self.directory = tempfile.mkdtemp(prefix="play-", dir=sweep.directory)
        self.state, self.config = self.path("state"), self.path("config")
        self.files = [sweep.images[number] for number in kind.images]
        os.makedirs(self.path("config", "targets.d"))
        if kind.before:
            shutil.copy(sweep.flash(kind), self.path("flash"))
        self.board = common.Board(self.directory, *BOARD, *kind.board, "--state", self.path("flash"))
        with open(self.path("config", "targets.d", "a.conf"), "w", encoding="utf-8") as file:
            file.write(f"[target a]\nuri=raw:{os.path.realpath(self.board.where)}\n{kind.rules}")
            if kind.policy:
                file.write(f"firmware={self.files[0]}\n")
        self.daemon = None

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def start(self, at, log):
        # A sanitizer would have itself loaded first.
        asan = ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0")))
        self.daemon = common.Daemon(self, LD_PRELOAD=os.environ["KILL_AT_MODULE"],
                                    ASAN_OPTIONS=asan,
                                    KILL_STATE=self.state, KILL_ARMED=self.path("armed"),
                                    KILL_AT=str(at), KILL_LOG=self.path(log))

    def dead(self):
        return self.daemon.process.poll() is not None

    def ask(self, function):
        """What it returns; None where the daemon is killed meanwhile."""
        try:
            return function()
        except common.Failed:
            if not self.is_dying():
                raise
            return None

    def is_dying(self):
        """The bus may know it before we do."""
        try:
            self.daemon.process.wait(1)
        except subprocess.TimeoutExpired:
            return False
        return True

    def jobs(self):
        return {path: values[JOB] for path, values in self.client.objects().items()
                if JOB in values}

    def is_done(self):
        jobs = self.jobs()
        return bool(jobs) and all(job["State"] == "done" for job in jobs.values())

    def until_end(self):
        """Returns False where the daemon was killed before."""
        eventually(lambda: self.dead() or self.ask(self.is_done), 60)
        return not self.dead()

    def begin(self):
        if not self.kind.policy:
            eventually(lambda: self.client.get(device_path("a"), DEVICE, "Present"))
            open(self.path("armed"), "wb").close()
            self.ask(lambda: self.kind.start(self))

    def killed(self):
        """Whether it was killed at all; what follows the end of the job counts, too."""
        if self.until_end():
            deadline = time.monotonic() + 0.3
            while time.monotonic() < deadline and not self.dead():
                time.sleep(0.02)
        return self.dead()

    def is_ready(self):
        return self.jobs() or self.client.get(device_path("a"), DEVICE, "Present")

    def go_on(self, at):
        self.start(at, "after")
        if not self.kind.policy:
            eventually(lambda: self.dead() or self.ask(self.is_ready))
            self.ask(lambda: self.jobs() or self.kind.start(self))
        return self.until_end()

    def play(self):
        """Returns how many places there were."""
        if self.kind.policy:
            open(self.path("armed"), "wb").close()
        self.start(self.at, "before")
        self.begin()
        if self.at:
            self.kills += self.killed()
            if self.at % 3 == 0:
                self.daemon.kill()
                self.go_on(1 + self.at % 50)
            self.daemon.kill()
            self.sweep.assertTrue(self.go_on(0))
        else:
            self.sweep.assertTrue(self.until_end())
        self.check()
        return self.places()

    # ---- what must be so

    def operations(self, log):
        try:
            with open(self.path(log), encoding="utf-8", errors="replace") as file:
                return [line.split() for line in file]
        except FileNotFoundError:
            return []

    def sent(self):
        """Bytes of images that were sent, in all."""
        total = 0
        for log in ("before", "after"):
            for operation in self.operations(log):
                packet = bytes.fromhex(operation[2]) if operation[1] == "send" else b""
                # Operation write, group image, command upload.
                if packet[:1] and packet[0] & 7 == 2 and packet[4:6] == b"\0\1" and packet[7] == 1:
                    total += data_length(packet)
        return total

    def places(self):
        """How many there were. Looks at the board after the last change do not count."""
        return max((int(number) for number, what, *_ in self.operations("before")
                    if what not in ("send", "sent")), default=0)

    def check(self):
        equal = self.sweep.assertEqual
        jobs = list(self.jobs().values())
        equal(len(jobs), 1, jobs)
        job, = jobs
        equal((job["Result"], job["Error"]), (self.kind.result, ""), job)
        runs = self.running()
        equal(runs, [self.kind.runs] * len(self.kind.images), job)
        for word in (OLD, NEW):
            if f"runs {word}" in job["Message"]:
                equal(word, runs[0][0], job)
        size = sum(os.path.getsize(file) for file in self.files) if self.kind.sent else 0
        sent = self.sent()
        self.sweep.assertGreaterEqual(sent, size)
        self.sweep.assertLessEqual(sent, size + IN_FLIGHT * BUFFER if size else 0, job)
        if self.kind.policy:
            eventually(lambda: self.client.get(device_path("a"), DEVICE, "Policy") == "satisfied")
            equal(len(self.jobs()), 1)
        equal(self.daemon.stop(), 0, self.daemon.log)
        self.check_folder()

    def running(self):
        eventually(lambda: self.client.get(device_path("a"), DEVICE, "Job") == "/")
        self.client.device("a", "Refresh")
        return [(image["version"], image["confirmed"])
                for image in self.client.get(device_path("a"), DEVICE, "Images")
                if image.get("active")]

    def check_folder(self):
        """Nothing is left that nobody needs."""
        left = [name for _, _, names in os.walk(self.state) for name in names
                if not (name == "job" or name.endswith((".job", ".lock", ".record")))]
        self.sweep.assertEqual(left, [])
        self.sweep.assertEqual(len(os.listdir(self.path("state", "jobs"))), 1)

    def story(self):
        """What was written and what was said."""
        for log in ("before", "after"):
            for operation in self.operations(log):
                yield " ".join(["  " + log, *(word[:100] for word in operation)])
        yield self.daemon.log if self.daemon else ""

    def clear(self):
        if self.daemon and not self.dead():
            self.daemon.kill()
        self.board.stop()
        shutil.rmtree(self.directory)


def data_length(packet):
    """How many bytes an upload request carries: CBOR, "data" and a byte string."""
    at = packet.find(b"\x64data")
    if at < 0:
        return 0
    kind, at = packet[at + 5], at + 6
    extra = {0x58: 1, 0x59: 2}.get(kind, 0)
    return int.from_bytes(packet[at:at + extra], "big") if extra else kind & 31


class Sweep(common.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.buses = [cls.bus]
        for _ in range(WORKERS - 1):
            cls.buses.append(common.Bus())
            cls.buses[-1].start_polkit()

    @classmethod
    def tearDownClass(cls):
        for bus in cls.buses:
            bus.stop()

    def setUp(self):
        super().setUp()
        self.clients = queue.SimpleQueue()
        for bus in self.buses:
            bus.allow("update", "update-unsafe", "inspect")
            client = common.Client(bus, common.NOBODY)
            client.bus = bus
            self.clients.put(client)
        self.images = [self.image(f"new{n}.bin", f"{NEW},{PAYLOAD}", "--image", str(n))
                       for n in range(2)]

    def flash(self, kind):
        """Of a board that was updated to an image before."""
        path = self.path("flash-" + kind.before)
        if not os.path.exists(path):
            file = self.image("before.bin", f"{kind.before},{PAYLOAD}")
            play = Play(self, Kind(*kind.board, runs=(kind.before, True)), 0, self.clients.get())
            play.files = [file]
            try:
                play.play()
                shutil.copy(play.path("flash"), path)
            finally:
                play.clear()
                self.clients.put(play.client)
        return path

    def play(self, name, at):
        """Returns how many places there were, and how often it was killed."""
        client = self.clients.get()
        play = Play(self, KINDS[name], at, client)
        try:
            return play.play(), play.kills
        except Exception as error:
            raise AssertionError("\n".join([f"{name}:{at}: {error}", *play.story()])) from error
        finally:
            play.clear()
            self.clients.put(client)

    def places(self, name):
        """Those that are to be played, and how many there are."""
        every = self.play(name, 0)[0]
        self.assertGreater(every, 20)
        first = 1 + list(KINDS).index(name) * 7 % min(EVERY, every)
        return [int(ONE[1])] if ONE[0] else range(first, every + 1, EVERY), every

    def sweep(self, name):
        if ONE[0] and ONE[0] != name:
            self.skipTest("another case is asked for")
        places, every = self.places(name)
        start, failures, kills = time.monotonic(), 0, 0
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            for future in [pool.submit(self.play, name, at) for at in places]:
                try:
                    kills += future.result()[1]
                except AssertionError as failure:
                    print("# " + str(failure).replace("\n", "\n# "))
                    failures += 1
        print(f"# {name}: {len(places)} of {every} places, {kills} killed, {failures} failed, "
              f"{time.monotonic() - start:.0f} s", flush=True)
        self.assertEqual(failures, 0)
        # A board that answers late is asked more or less often.
        self.assertGreaterEqual(kills, 0.9 * len(places) - 1)


def add(name):
    def test(self):
        self.sweep(name)
    test.__doc__ = f"{name}: killed at each write"
    setattr(Sweep, "test_" + name, test)


for kind in KINDS:
    add(kind)

common.main()
