#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Updates that are interrupted: smpctl is killed, the board stands still, is reset, loses power."""
import os
import signal
import time

from lab import Case, prepare
from smptest import Running, main


class Interrupted(Case):
    server = "qemu_cortex_m0.serial"
    # A line of 230400 baud: time enough to do something in the middle.
    options = ("--pace", "23040")

    def setUp(self):
        super().setUp()
        self.path, _ = self.image("1.2.3")
        self.size = os.path.getsize(self.path)

    def begin(self, *command):
        run = Running("-c", self.board.target, "--json", *(command or ("update", self.path)))
        self.addCleanup(run.close)
        return run

    def again(self):
        """The same update once more. Returns the object that tells its end."""
        end = self.ctl("--json", "update", self.path, timeout=120).json[-1]
        self.assertEqual(end["result"], "updated")
        self.assertEqual(self.slots()[0], ("1.2.3", "AC"))
        return end

    def finish(self, run):
        result = run.finish()
        self.assertEqual(result.code, 0, result.out + result.err)
        self.assertEqual(result.json[-1]["result"], "updated")
        self.assertEqual(self.slots()[0], ("1.2.3", "AC"))
        return result.json[-1]

    def test_killed_in_upload(self):
        """smpctl killed in the middle of the upload: the next run goes on from there"""
        run = self.begin()
        run.upload_at(0.4)
        run.kill()
        self.assertLess(self.again()["sent"], self.size * 0.7)

    def test_killed_twice(self):
        """killed in the upload, killed after the mark: the third run ends it"""
        run = self.begin()
        run.upload_at(0.3)
        run.kill()
        run = self.begin()
        run.wait_for(lambda o: o.get("step") == "test" and o.get("state") == "done")
        run.kill()
        self.assertEqual(self.again()["sent"], 0)

    def test_killed_while_it_swaps(self):
        """killed after the reset was sent: the next run finds the trial and confirms it"""
        run = self.begin()
        run.wait_for(lambda o: o.get("step") == "reset" and o.get("waiting"))
        run.kill()
        self.assertEqual(self.again()["sent"], 0)

    def test_ctrl_c(self):
        """Ctrl-C in the upload: it says how the board stands; the next run goes on"""
        run = self.begin()
        run.upload_at(0.4)
        run.interrupt()
        result = run.finish(10)
        self.assertEqual(result.code, 130)
        self.assertEqual(result.json[-1]["error"]["class"], "interrupted")
        self.assertRegex(result.json[-1]["error"]["hint"], r"runs 0\.0\.0 as before; \d+ % of 1\.2\.3")
        self.assertLess(self.again()["sent"], self.size * 0.7)

    def test_upload_killed(self):
        """image upload, killed, goes on"""
        run = self.begin("image", "upload", self.path)
        run.upload_at(0.5)
        run.kill()
        end = self.ctl("--json", "image", "upload", self.path).json[-1]
        self.assertGreater(end["resumed_at"], self.size * 0.4)
        self.assertEqual(self.slots()[1], ("1.2.3", ""))

    def test_board_stands_still(self):
        """the board stands still for 4 s: the upload waits and goes on"""
        run = self.begin()
        run.upload_at(0.3)
        self.board.pause(4)
        # Copies of what was not answered, no more.
        self.assertLess(self.finish(run)["sent"], self.size * 1.2)

    def test_board_is_reset(self):
        """the board is reset in the middle of the upload: it begins again and ends well"""
        run = self.begin()
        run.upload_at(0.5)
        # QEMU's UART is deaf for good after bytes that came before the board had it on again.
        run.stop()
        time.sleep(0.5)
        self.board.reset()
        time.sleep(1)
        run.go_on()
        self.assertGreater(self.finish(run)["sent"], self.size * 1.3)

    def test_board_loses_power(self):
        """the board loses power and its port goes away for 2 s: the update ends well"""
        run = self.begin()
        run.upload_at(0.5)
        self.board.power_cycle(2)
        self.finish(run)

    def test_board_is_gone(self):
        """a board that was switched off: an error in no time"""
        self.board.stop()
        run = self.ctl("echo", "x", code=4)
        self.assertLess(run.seconds, 1)

    def test_silence(self):
        """a board that does not answer: what the cause may be, after the time that was asked for"""
        pid = int(self.board.facts["SERVER_PID"])
        os.kill(pid, signal.SIGSTOP)
        try:
            run = self.ctl("-t", 2, "echo", "x", code=5)
        finally:
            os.kill(pid, signal.SIGCONT)
        self.assertIn("no answer within 2 s", run.err)
        self.assertIn("wrong port", run.err)
        self.assertTrue(1.9 < run.seconds < 3, run.seconds)


if __name__ == "__main__":
    main(prepare)
