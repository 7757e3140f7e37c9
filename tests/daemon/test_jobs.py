# SPDX-License-Identifier: LGPL-2.1-or-later
"""Jobs: how they run, what they tell, how they end."""

import time

import common
from common import DEVICE, JOB, device_path, eventually, strings, text
from gi.repository import Gio, GLib

SLOW = ("--baud", "57600")


class Jobs(common.TestCase):
    def test_update(self):
        """an update returns its job at once and ends well"""
        self.boards("a", udp=False)
        start = time.monotonic()
        job = self.user.update("a", self.image("new.bin", "1.1.0"))
        self.assertLess(time.monotonic() - start, 5)
        self.assertEqual(self.user.get(device_path("a"), DEVICE, "Job"), job)
        end = self.user.wait(job)
        self.assertEqual((end["Result"], end["Error"], end["State"]), ("updated", "", "done"))
        self.assertEqual((end["Kind"], end["DeviceName"]), ("update", "a"))
        self.assertEqual(end["Version"], "1.1.0")
        self.assertEqual(end["Fraction"], 1)
        self.assertFalse(end["Cancellable"])
        self.assertGreaterEqual(end["Ended"], end["Started"])
        self.assertEqual(self.running("a"), ("1.1.0", True))
        self.assertEqual(self.user.get(device_path("a"), DEVICE, "Job"), "/")

    def test_facts(self):
        """a device tells what is on the board"""
        board, = self.boards("a")
        self.user.device("a", "Refresh")
        facts = self.user.properties(device_path("a"), DEVICE)
        self.assertEqual(facts["Name"], "a")
        self.assertEqual(facts["Target"], board.target)
        self.assertEqual(facts["Transport"], "udp")
        self.assertEqual(facts["Identity"], board.target)
        self.assertEqual(facts["Bootloader"], "MCUboot")
        self.assertEqual(facts["Mode"], "swap using offset")
        self.assertAlmostEqual(facts["Seen"], time.time(), delta=30)
        self.assertEqual((facts["Problem"], facts["Policy"], facts["Wanted"]), ("", "none", ""))
        image, = facts["Images"]
        self.assertEqual((image["image"], image["slot"], image["version"]), (0, 0, "1.0.0"))
        self.assertTrue(image["active"] and image["confirmed"] and image["bootable"])
        self.assertEqual(len(image["hash"]), 64)

    def test_progress(self):
        """progress is told at most every 200 ms, and only rises"""
        self.boards("a", udp=False, options=SLOW)
        changes = []
        self.user.connection.signal_subscribe(
            None, "org.freedesktop.DBus.Properties", "PropertiesChanged", None, JOB, 0,
            lambda *args: changes.append((time.monotonic(), args[5].unpack()[1])))
        ended = []
        self.user.connection.signal_subscribe(
            None, JOB, "Completed", None, None, 0, lambda *args: ended.append(args[5].unpack()))
        job = self.user.update("a", self.image("new.bin", "1.1.0"))
        context = GLib.MainContext.default()
        deadline = time.monotonic() + common.PATIENCE
        while not ended and time.monotonic() < deadline:
            context.iteration(True) if context.pending() else time.sleep(0.005)
        self.assertEqual(ended, [("updated", self.user.get(job, JOB, "Message"))])
        moved = [(t, c) for t, c in changes if "BytesDone" in c and "State" not in c]
        self.assertGreater(len(moved), 3)
        # Single ones come late on a busy machine, and then two close together.
        self.assertLessEqual(len(moved), (moved[-1][0] - moved[0][0]) / 0.2 + 2)
        fractions = [c["Fraction"] for _, c in changes if "Fraction" in c]
        self.assertEqual(fractions, sorted(fractions))
        self.assertTrue(any(c.get("Rate", 0) > 1000 for _, c in changes))
        self.assertTrue(any(c.get("TimeLeft", -1) > 0 for _, c in changes))
        steps = [c["Step"] for _, c in changes if "Step" in c]
        self.assertEqual(steps[0], "upload")
        self.assertIn("reset", steps)
        self.assertTrue(changes[-1][1]["State"] == "done")

    def test_ensure(self):
        """ensure ends at once where the board runs it"""
        self.boards("a")
        new = self.image("new.bin", "1.1.0")
        first = self.user.wait(self.user.update("a", new, method="Ensure"))
        self.assertEqual((first["Result"], first["Kind"]), ("updated", "ensure"))
        again = self.user.wait(self.user.update("a", new, method="Ensure"))
        self.assertEqual(again["Result"], "up-to-date")

    def test_refused(self):
        """an interlock refuses; allowed by name it does not"""
        self.boards("a")
        old = self.image("old.bin", "0.9.0")
        end = self.user.wait(self.user.update("a", old))
        self.assertEqual(end["Result"], "refused")
        self.assertIn("--allow-downgrade", end["Message"] + end["Detail"])
        end = self.user.wait(self.user.update("a", old, options={"allow": strings(["downgrade"])}))
        self.assertEqual(end["Result"], "updated")

    def test_trial(self):
        """an image left on trial is confirmed, or rolled back, through its job"""
        self.boards("a", "b")
        new = self.image("new.bin", "1.1.0")
        options = {"mode": text("test-only")}
        one, two = (self.user.update(name, new, options=options) for name in "ab")
        self.assertEqual(self.user.wait(one)["Result"], "on-trial")
        self.assertEqual(self.user.wait(two)["Result"], "on-trial")
        self.assertEqual(self.running("a"), ("1.1.0", False))
        self.user.job(one, "Confirm")
        self.assertEqual(self.user.get(one, JOB, "Result"), "updated")
        self.assertEqual(self.running("a"), ("1.1.0", True))
        back = self.user.job(two, "Rollback")
        end = self.user.wait(back)
        self.assertEqual((end["Result"], end["Kind"]), ("rolled-back", "rollback"))
        self.assertEqual(self.running("b"), ("1.0.0", True))
        self.refused("Refused", self.user.job, back, "Confirm")
        self.refused("Refused", self.user.job, two, "Confirm")

    def test_device_trial(self):
        """the same by the device"""
        self.boards("a", options=("--mode", "swap-scratch"))
        options = {"mode": text("test-only")}
        new = self.image("new.bin", "1.1.0")
        self.user.wait(self.user.update("a", new, options=options))
        self.user.device("a", "Confirm")
        self.assertEqual(self.running("a"), ("1.1.0", True))
        end = self.user.wait(self.user.device("a", "Rollback",
                                              {"image": GLib.Variant("u", 0)}))
        self.assertEqual(end["Result"], "rolled-back", end)
        self.assertEqual(self.running("a"), ("1.0.0", True))
        end = self.user.wait(self.user.device("a", "Rollback", {"image": GLib.Variant("u", 3)}))
        self.assertEqual(end["Result"], "refused")

    def test_reset(self):
        """reset undoes a trial"""
        self.boards("a")
        self.user.wait(self.user.update("a", self.image("new.bin", "1.1.0"),
                                        options={"mode": text("test-only")}))
        self.user.device("a", "Reset", {"force": GLib.Variant("b", True)})
        eventually(lambda: self.look("a") == ("1.0.0", True))

    def look(self, name):
        try:
            return self.running(name)
        except common.Failed:
            return None

    def test_stop_before(self):
        """stopped before the reset, and gone on with"""
        self.boards("a")
        new = self.image("new.bin", "1.1.0")
        end = self.user.wait(self.user.update("a", new, options={"stop-before": text("reset")}))
        self.assertEqual(end["Result"], "uploaded")
        self.assertEqual(self.running("a"), ("1.0.0", True))
        end = self.user.wait(self.user.update("a", new))
        self.assertEqual(end["Result"], "updated")

    def test_cancel(self):
        """a job is cancelled while it uploads; the board is as before"""
        self.boards("a", udp=False, options=SLOW)
        job = self.user.update("a", self.image("new.bin", "1.1.0"))
        eventually(lambda: self.user.get(job, JOB, "BytesDone") > 5000)
        self.user.job(job)
        end = self.user.wait(job, 20)
        self.assertEqual(end["Result"], "cancelled")
        self.assertIn("cancelled by", end["Message"])
        self.assertIn("1.0.0", end["Detail"])
        self.assertEqual(self.running("a"), ("1.0.0", True))
        self.refused("NotFound", self.user.job, job)

    def test_cancel_in_reset(self):
        """a reset is not left half done"""
        self.boards("a", options=("--boot-time", "3000"))
        job = self.user.update("a", self.image("new.bin", "1.1.0"))
        self.user.wait_step(job, "reset")
        self.user.job(job)
        end = self.user.wait(job)
        self.assertEqual(end["Result"], "cancelled")
        self.assertEqual(self.running("a"), ("1.1.0", False))

    def test_busy(self):
        """one thing at a time is done with a board"""
        self.boards("a", udp=False, options=SLOW)
        new = self.image("new.bin", "1.1.0")
        job = self.user.update("a", new)
        self.assertIn(job, self.refused("Busy", self.user.update, "a", new))
        self.refused("Busy", self.user.device, "a", "Reset")
        self.refused("Busy", self.user.device, "a", "Refresh")
        self.refused("Busy", self.user.device, "a", "Rollback")
        self.refused("Busy", self.user.job, job, "Confirm")
        self.refused("Busy", self.user.job, job, "Rollback")
        self.user.job(job)
        self.user.wait(job)

    def test_away(self):
        """a board that is not there is an error"""
        board, = self.boards("a")
        board.stop()
        end = self.user.wait(self.user.update("a", self.image("new.bin", "1.1.0")))
        self.assertEqual(end["Result"], "error")
        self.assertIn(end["Error"].removeprefix(common.ERROR), ("Timeout", "Link"))
        name = self.assertRaises(common.Failed, self.user.device, "a", "Refresh")
        self.assertFalse(self.user.get(device_path("a"), DEVICE, "Present"))
        self.assertNotEqual(self.user.get(device_path("a"), DEVICE, "Problem"), "")

    def test_images(self):
        """two images by their numbers"""
        self.boards("a", options=("--board", "threeimage"))
        files = [self.image(f"{n}.bin", "2.0.0", "--image", str(n)) for n in (0, 1)]
        end = self.user.wait(self.user.update(
            "a", *files, options={"images": GLib.Variant("au", [0, 1]),
                                  "names": strings(["app", "net/../core"])}))
        self.assertEqual(end["Result"], "updated", end)
        self.assertEqual(end["Files"], ["0-app", "1-core"])
        self.assertEqual(end["Version"], "0: 2.0.0, 1: 2.0.0")

    def test_bootloader(self):
        """a package's bootloader, only where that is asked for"""
        self.boards("a", options=("--board", "nsib"))
        package = self.bootloaders()
        update = lambda **options: self.user.update("a", package, options={
            "mode": text("confirm"), **options})
        self.assertIn('"bootloader"', self.refused("File", update))
        self.refused("InvalidArgs", update, bootloader=text("s2"))
        end = self.user.wait(update(bootloader=text("auto")))
        self.assertEqual(end["Result"], "updated", end)
        self.assertIn("the bootloader runs 2.0.0", end["Message"])
        self.assertEqual(self.running("a"), ("1.0.0", True))
        self.refused("File", self.user.update, "a", self.image("new.bin", "1.1.0"),
                     options={"bootloader": text("auto")})

    def test_call(self):
        """a raw command: echo"""
        self.boards("a")
        echo = b"\xa1\x61d\x65hello"
        answer = self.user.call(device_path("a"), DEVICE, "Call",
                                GLib.Variant("(yqyaya{sv})", (2, 0, 0, echo,
                                                              {"timeout": GLib.Variant("u", 3000)})))
        self.assertIn(b"\x61r\x65hello", bytes(answer))
        for bad in ((1, 0, 0, b"", {}), (3, 0, 0, b"", {}), (2, 0, 0, bytes(70000), {}),
                    (2, 0, 0, b"", {"timeout": GLib.Variant("u", 10 ** 9)})):
            self.refused("InvalidArgs", self.user.call, device_path("a"), DEVICE, "Call",
                         GLib.Variant("(yqyaya{sv})", bad))
        self.refused("Device", self.user.call, device_path("a"), DEVICE, "Call",
                     GLib.Variant("(yqyaya{sv})", (0, 9999, 0, b"\xa0", {})))

    def test_parallel(self):
        """40 boards on UDP at once"""
        names = [f"board-{n}" for n in range(40)]
        self.boards(*names)
        new = self.image("new.bin", "1.1.0")
        jobs = [self.user.update(name, new) for name in names]
        states = [self.user.get(job, JOB, "State") for job in jobs]
        self.assertLessEqual(states.count("running"), 16)
        ends = [self.user.wait(job)["Result"] for job in jobs]
        self.assertEqual(ends, ["updated"] * 40)
        self.assertEqual([self.running(name) for name in names], [("1.1.0", True)] * 40)

    def test_health(self):
        """a health check that fails brings the old image back"""
        self.boards("a", "b", extra="health-check=test \"$SMPD_DEVICE $SMPCTL_VERSION\" = 'a 1.1.0'")
        new = self.image("new.bin", "1.1.0")
        one, two = self.user.update("a", new), self.user.update("b", new)
        self.assertEqual(self.user.wait(one)["Result"], "updated")
        self.assertEqual(self.user.wait(two)["Result"], "rolled-back")
        self.assertEqual(self.running("b"), ("1.0.0", True))

    def test_health_timeout(self):
        """a health check that hangs is a bad one"""
        self.boards("a", extra="health-check=sleep 1000\nhealth-timeout=1s")
        end = self.user.wait(self.user.update("a", self.image("new.bin", "1.1.0")))
        self.assertEqual(end["Result"], "rolled-back")

    def test_log(self):
        """what happened is in the log"""
        self.boards("a")
        self.user.wait(self.user.update("a", self.image("new.bin", "1.1.0")))
        self.assertIn("a: update to 1.1.0 begins, for ", self.daemon.log)
        self.assertIn("a: updated: image 0 runs 1.1.0, confirmed", self.daemon.log)


common.main()
