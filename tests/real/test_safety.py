#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What keeps an update from doing harm, with real bootloaders: trials that are undone, health checks,
images that MCUboot does not accept, updates that are cut off, serial recovery from the application."""
import os
import random
import signal
import time

from lab import Case, prepare
from smptest import Running, main, record

OLD, NEW = "0.0.0", "1.2.3"


class Board(Case):
    def setUp(self):
        super().setUp()
        self.path, self.hash = self.image(NEW)

    def begin(self, *command):
        run = Running("-c", self.board.target, "--json", *command)
        self.addCleanup(run.close)
        return run

    def end(self, *command, code=0):
        return self.ctl("--json", *command, code=code, timeout=120).json[-1]


class Trial(Board):
    """MCUboot that swaps."""
    server = "qemu_cortex_m0.serial"

    def test_undone_by_reset(self):
        """a trial is undone by the next reset"""
        self.ctl("update", "--test-only", self.path)
        self.assertEqual(self.slots()[0], (NEW, "A"))
        self.restart()
        self.assertEqual(self.slots()[0], (OLD, "AC"))

    def test_rollback(self):
        """rollback takes a trial back, and says so"""
        self.ctl("update", "--test-only", self.path)
        end = self.end("rollback")
        self.assertEqual((end["result"], end["message"], end["was"]),
                         ("rolled-back", f"image 0 runs {OLD}, confirmed", NEW))
        self.assertEqual(self.slots()[0], (OLD, "AC"))

    def test_rollback_of_confirmed(self):
        """rollback after the update was confirmed: where the board still lists the old image"""
        self.ctl("update", self.path)
        there = 1 in self.slots()
        run = self.ctl("rollback", code=0 if there else 7)
        self.assertEqual(self.slots()[0], (OLD, "AC") if there else (NEW, "AC"))
        self.assertIn("rolled back" if there else "holds no other image", run.out + run.err)

    def test_confirm(self):
        """confirm keeps a trial; again there is nothing to do; another hash is refused"""
        old_hash = self.ctl("--json", "image", "list").json[0]["images"][0]["hash"]
        self.ctl("update", "--test-only", self.path)
        self.assertIn("does not run", self.ctl("confirm", old_hash, code=7).err)
        self.assertEqual(self.slots()[0], (NEW, "A"))
        self.assertIn("updated", self.ctl("confirm", self.hash).out)
        self.assertIn("up to date", self.ctl("confirm").out)
        self.restart()
        self.assertEqual(self.slots()[0], (NEW, "AC"))

    def test_health(self):
        """a health check that talks to the new image itself: good, and it stays"""
        record.names[os.environ["SMPCTL"]] = "smpctl"
        self.ctl("update", "--health", f"{os.environ['SMPCTL']} echo well && test $SMPCTL_VERSION = {NEW}",
                 self.path)
        self.assertEqual(self.slots()[0], (NEW, "AC"))

    def test_ill(self):
        """a health check that fails: the old image is brought back"""
        run = self.ctl("update", "--health", "exit 3", self.path, code=8)
        self.assertIn("the check ended with 3", run.err)
        self.assertIn(f"rolled back: image 0 runs {OLD} again", run.out)
        self.assertIn("failed its health check", run.out)
        self.assertEqual(self.slots()[0], (OLD, "AC"))

    def test_dry_run(self):
        """a dry run changes nothing, and what it says is what is done then"""
        plan = self.ctl("--json", "update", "--dry-run", self.path).json
        self.assertEqual(self.slots(), {0: (OLD, "AC")})
        events = self.ctl("--json", "update", self.path).json
        self.assertEqual([o["step"] for o in events if o.get("state") == "done"],
                         [o["step"] for o in plan[:-1]])
        self.assertEqual(events[-1]["message"], plan[-1]["reason"])

    def test_stops(self):
        """--stop-before each step, and resume"""
        for step, running in (("upload", (OLD, "AC")), ("test", (OLD, "AC")), ("reset", (OLD, "AC")),
                              ("confirm", (NEW, "A"))):
            self.ctl("update", "--stop-before", step, self.path)
            self.assertEqual(self.slots()[0], running)
        self.assertIn(f"updated: image 0 runs {NEW}", self.ctl("resume").out)
        self.assertEqual(self.slots()[0], (NEW, "AC"))
        self.ctl("resume", code=1)

    def test_not_accepted(self):
        """a payload byte is wrong: MCUboot does not start it; then update of the same file"""
        data = bytearray(open(self.path, "rb").read())
        data[20000] ^= 0x55
        broken = os.path.join(self.dir, "broken.bin")
        with open(broken, "wb") as file:
            file.write(data)
        self.ctl("image", "upload", "--force", broken)
        self.ctl("image", "test", self.hash)
        self.restart()
        self.assertEqual(self.slots(), {0: (OLD, "AC")})
        # The file's own hash tells before the board could.
        self.assertIn("damaged", self.ctl("update", broken, code=3).err)
        self.ctl("image", "upload", "--force", broken)
        run = self.ctl("update", self.path, code=8)
        self.assertIn(f"rolled back: image 0 runs {OLD} as before", run.out)
        self.assertIn("did not accept", run.out)
        self.assertIn("updated", self.ctl("update", self.path).out)


class CutOff(Board):
    server = "qemu_cortex_m0.serial"
    options = ("--pace", "46080")

    def test_resume(self):
        """killed in the upload, killed after the mark, then resume"""
        run = self.begin("update", self.path)
        run.upload_at(0.4)
        run.kill()
        run = self.begin("resume")
        run.wait_for(lambda o: o.get("step") == "test" and o.get("state") == "done")
        run.kill()
        end = self.end("resume")
        self.assertEqual((end["result"], end["sent"]), ("updated", 0))
        self.assertEqual(self.slots()[0], (NEW, "AC"))

    def test_trial_cut_short(self):
        """killed during the health check, the board is reset: the next run tells of it"""
        run = self.begin("update", "--health", "exec sleep 60 >&- 2>&-", self.path)
        run.wait_for(lambda o: o.get("step") == "check-health")
        run.kill()
        self.assertEqual(self.slots()[0], (NEW, "A"))
        self.restart()
        end = self.end("resume", code=8)
        self.assertEqual(end["result"], "rolled-back")
        self.assertEqual(self.slots()[0], (OLD, "AC"))
        self.assertEqual(self.end("update", self.path)["result"], "updated")

    def test_ctrl_c_in_health_check(self):
        """Ctrl-C in the health check: on trial, and nothing kept"""
        run = self.begin("update", "--health", "exec sleep 60 >&- 2>&-", self.path)
        run.wait_for(lambda o: o.get("step") == "check-health")
        time.sleep(0.2)
        run.process.send_signal(signal.SIGINT)
        result = run.finish(20)
        self.assertEqual(result.code, 130)
        self.assertIn("on trial", result.json[-1]["error"]["hint"])
        self.ctl("rollback")
        self.assertEqual(self.slots()[0], (OLD, "AC"))


class Fifty(Board):
    server = "qemu_cortex_m0.serial"
    # 115200 baud: the upload alone takes longer than fifty short runs.
    options = ("--pace", "11520")

    def test_fifty(self):
        """killed fifty times while one update runs, and on until it has ended"""
        chance = random.Random(1)
        kills, seen = 0, []
        while not seen or seen[-1] != (NEW, "AC"):
            self.assertLess(kills, 300, "it gets nowhere")
            resumes = kills > 0 and chance.random() < 0.5
            run = self.begin(*(("resume",) if resumes else ("update", self.path)))
            time.sleep(chance.uniform(0.02, 0.25))
            # What has ended by itself was not killed.
            kills += run.process.poll() is None
            run.kill()
            seen.append(self.slots()[0])
        record.note(f"killed {kills} times while it ran")
        self.assertGreaterEqual(kills, 50)
        order = [(OLD, "AC"), (NEW, "A"), (NEW, "AC")]
        self.assertEqual(seen, sorted(seen, key=order.index))
        # A job that was killed after its last step is ended by the next run.
        end = self.end("update", self.path)
        self.assertIn(end["result"], ("updated", "up-to-date"))
        self.assertEqual(end["sent"], 0)


class ViaRecovery(Board):
    """An application that enters MCUboot's serial recovery by boot mode; RAM load without revert."""
    server = "mps2_an385.serial_recovery"

    def running(self):
        return [slot for slot in self.slots().values() if "A" in slot[1]]

    def test_via_recovery(self):
        """--via-recovery: into recovery, uploaded there, back in the new application"""
        events = self.ctl("--json", "update", "--via-recovery", self.path, timeout=120).json
        self.assertEqual([o["step"] for o in events if o.get("state") == "done"],
                         ["enter-recovery", "upload", "reset"])
        self.assertEqual((events[-1]["result"], events[-1]["was"]), ("updated", OLD))
        self.assertEqual(self.running(), [(NEW, "AC")])
        self.assertEqual(self.end("update", "--via-recovery", self.path)["result"], "up-to-date")

    def test_killed(self):
        """--via-recovery: killed in the upload, resume ends it"""
        run = self.begin("update", "--via-recovery", self.path)
        run.upload_at(0.3)
        run.kill()
        self.assertEqual(self.end("resume")["result"], "updated")
        self.assertEqual(self.running(), [(NEW, "AC")])

    def test_ram_load(self):
        """RAM load: refused, then with --allow-no-revert; then rollback, which it cannot do"""
        self.assertIn("--allow-no-revert", self.ctl("update", self.path, code=7).out)
        self.assertEqual(self.slots(), {0: (OLD, "AC")})
        self.ctl("update", "--allow-no-revert", self.path, timeout=120)
        self.assertEqual(self.running(), [(NEW, "AC")])
        run = self.ctl("rollback", code=9)
        self.assertIn("failed intact", run.out)
        self.assertEqual(self.running(), [(NEW, "AC")])

    def test_health(self):
        """RAM load: a health check that fails where nothing can be undone needs attention"""
        run = self.ctl("update", "--allow-no-revert", "--health", "false", self.path, code=10,
                       timeout=120)
        self.assertIn("failed its health check", run.out)


class ViaRecoveryRaw(ViaRecovery):
    """The same with raw framing."""
    server = "mps2_an385.serial_recovery_raw"


for name in [name for name in dir(ViaRecovery) if name.startswith("test_")]:
    def test(self, inherited=getattr(ViaRecovery, name)):
        inherited(self)

    test.__doc__ = "raw: " + getattr(ViaRecovery, name).__doc__
    setattr(ViaRecoveryRaw, name, test)

if __name__ == "__main__":
    main(prepare)
