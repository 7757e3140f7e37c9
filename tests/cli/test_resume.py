# SPDX-License-Identifier: LGPL-2.1-or-later
"""Updates that are cut off anywhere: smpctl killed, the board without power, reset, or gone."""

import json
import os
import random
import time
import unittest

from common import PATIENCE, TestCase

# Another one finds other moments: SMPCTL_TEST_SEED=7.
SEED = int(os.environ.get("SMPCTL_TEST_SEED", "1"))
IMAGE_BYTES = 24000


class CutOff(TestCase):
    """A board that keeps its flash, and ways to end everything at once."""

    def setUp(self):
        super().setUp()
        self.file, self.hash = self.make_image("app.bin", f"1.1.0,{IMAGE_BYTES}")
        self.random = random.Random(f"{SEED} {self.id()}")
        self.target = self.path("board")
        self.now = None

    def power_on(self, *options):
        """A board whose upload takes a while, and whose flash outlives it."""
        self.now = super().board("--link", self.target, "--state", self.path("flash"),
                                 "--baud", "460800", "--boot-time", "50", *options)

    def power_off(self):
        """As a power cut: at any moment, in the middle of whatever it does."""
        self.now.process.kill()
        self.now.process.wait(PATIENCE)
        if os.path.islink(self.target):
            os.unlink(self.target)

    def begin(self, *command):
        return self.start("-c", self.target, "--json", *(command or ("update", self.file)))

    def kill(self, process):
        """Returns the steps that it said were done."""
        process.kill()
        out, _ = process.communicate(timeout=PATIENCE)
        lines = [line for line in out.splitlines() if line.endswith("}")]
        return [event["step"] for event in map(json.loads, lines) if event.get("state") == "done"]

    def again(self):
        """The same command, or resume where a job is left."""
        if self.random.random() < 0.5:
            status, out, err = self.run_smpctl("-c", self.target, "resume")
            if status != 1:
                return status, out, err
            self.assertIn("was interrupted", err)
        return self.run_smpctl("-c", self.target, "update", self.file)

    def active(self):
        for slot in self.json("-c", self.target, "image", "list")[0]["images"]:
            if slot.get("active"):
                return slot["version"], slot.get("confirmed", False)
        return None

    def assert_updated(self, result):
        status, out, err = result
        self.assertEqual(status, 0, out + err)
        self.assertRegex(out, r"\A(updated: image 0 runs 1\.1\.0, confirmed"
                              r"|up to date: image 0 runs 1\.1\.0 already, confirmed)")
        self.assertEqual(self.active(), ("1.1.0", True))


class Interrupted(CutOff):
    def await_step(self, process):
        """Reads until a step is done."""
        for line in process.stdout:
            if json.loads(line).get("state") == "done":
                return
        self.fail("it ended without a step")

    def test_killed_once(self):
        """smpctl is killed at a moment of chance, in the upload or later; the next run ends well."""
        early = 0
        for number in range(8):
            with self.subTest(number):
                self.target = self.path(f"board{number}")
                self.power_on()
                process = self.begin()
                if number % 2:
                    self.await_step(process)
                time.sleep(self.random.uniform(0.02, 0.6))
                done = self.kill(process)
                early += number % 2 == 0 and not done
                self.assert_updated(self.again())
                self.power_off()
                os.unlink(self.path("flash"))
        self.assertGreater(early, 0)

    def test_killed_fifty_times(self):
        """Fifty times while one update runs, and on until it has ended. It never goes back."""
        self.file, self.hash = self.make_image("large.bin", "1.1.0,400000")
        self.power_on()
        kills, seen = 0, []
        while not seen or seen[-1] != ("1.1.0", True):
            self.assertLess(kills, 800, "it gets nowhere")
            process = self.begin(*(("resume",) if kills and self.random.random() < 0.5 else ()))
            # A busy machine needs longer for the same: it gets twice as long after each hundred.
            time.sleep(self.random.uniform(0.01, 0.25 * 2 ** (kills // 100)))
            # What has ended by itself was not killed.
            kills += process.poll() is None
            self.kill(process)
            seen.append(self.active())
        self.assertGreaterEqual(kills, 50)
        order = [("1.0.0", True), ("1.1.0", False), ("1.1.0", True)]
        self.assertEqual(seen, sorted(seen, key=order.index))
        self.assert_updated(self.again())

    def test_power_cuts(self):
        """The board loses power at a moment of chance: smpctl goes on by itself, or the next run."""
        for number in range(4):
            with self.subTest(number):
                self.target = self.path(f"board{number}")
                self.power_on()
                process = self.begin()
                time.sleep(self.random.uniform(0.05, 1.8))
                self.power_off()
                self.power_on()
                out, err = process.communicate(timeout=PATIENCE)
                self.assertIn(process.returncode, (0, 8, 9, 10), out + err)
                end = json.loads(out.splitlines()[-1])
                if process.returncode == 8:
                    # It cut a trial short: MCUboot undid it, and that was told.
                    self.assertEqual(end["result"], "rolled-back")
                    self.assertEqual(self.active(), ("1.0.0", True))
                elif process.returncode == 0:
                    self.assertEqual(self.active(), ("1.1.0", True))
                result = self.again()
                # An earlier run may not have seen that the trial was undone.
                self.assert_updated(self.again() if result[0] == 8 else result)
                self.power_off()
                os.unlink(self.path("flash"))

    def test_both_killed(self):
        """smpctl and the board at once, again and again."""
        for _ in range(8):
            self.power_on()
            process = self.begin()
            time.sleep(self.random.uniform(0.05, 0.9))
            self.power_off()
            self.kill(process)
        self.power_on()
        result = self.again()
        self.assert_updated(self.again() if result[0] == 8 else result)

    def test_board_resets(self):
        """The board resets in the middle of the upload, once and again."""
        self.power_on("--fault", "reset-at=25", "--fault", "reset-at=60")
        self.assert_updated(self.run_smpctl("-c", self.target, "update", self.file))

    def test_trial_cut_short(self):
        """Killed while the new image is on trial; the board resets; the next run says so."""
        self.power_on()
        process = self.begin("update", "--health", "touch begun; exec sleep 60 >&- 2>&-", self.file)
        self.wait_for(lambda: os.path.exists(self.path("begun")))
        self.kill(process)
        self.good("-c", self.target, "reset")
        self.wait_for(lambda: self.run_smpctl("-c", self.target, "-t", "1", "echo", "x")[0] == 0)
        self.wait_for(lambda: self.active() == ("1.0.0", True))
        status, out, err = self.run_smpctl("-c", self.target, "resume")
        self.assertEqual(status, 8, out + err)
        self.assertIn("rolled back: image 0 runs 1.0.0 again", out)
        self.assert_updated(self.run_smpctl("-c", self.target, "update", self.file))

    def test_board_comes_back(self):
        """Gone for a second in the upload: nobody has to do anything."""
        self.power_on()
        process = self.begin()
        for line in process.stdout:
            if json.loads(line).get("offset", 0) > IMAGE_BYTES / 3:
                break
        self.power_off()
        time.sleep(1)
        self.power_on()
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 0, out + err)
        self.assertEqual(self.active(), ("1.1.0", True))

    def test_resumed_in_a_restart(self):
        """Nobody listens yet where the board was: resume waits, a new update does not."""
        options = ("--state", self.path("flash"), "--erase-time", "20")
        board = self.board("--udp", "0", *options)
        self.target = board.target
        process = self.begin()
        for line in process.stdout:
            if json.loads(line).get("offset", 0) > IMAGE_BYTES / 3:
                break
        self.kill(process)
        board.stop()
        resumed = self.begin("resume")
        time.sleep(1)
        self.assertIsNone(resumed.poll())
        port = self.target.rpartition(":")[2]
        back = self.board("--udp", port, *options)
        self.assertEqual(back.target, self.target)
        out, err = resumed.communicate(timeout=PATIENCE)
        self.assertEqual(resumed.returncode, 0, out + err)
        back.stop()
        start = time.monotonic()
        self.assertEqual(self.run_smpctl("-c", self.target, "update", self.file)[0], 4)
        self.assertLess(time.monotonic() - start, 5)

    def test_mode_survives(self):
        """A job of another kind is resumed as what it was."""
        for mode, status, result in (("--test-only", 0, "on-trial"), ("--confirm", 0, "updated"),
                                     ("--upload-only", 0, "uploaded")):
            with self.subTest(mode):
                self.target = self.path("board" + mode)
                self.power_on()
                process = self.begin("update", mode, self.file)
                for line in process.stdout:
                    if json.loads(line).get("offset", 0) > IMAGE_BYTES / 3:
                        break
                self.kill(process)
                end = self.json("-c", self.target, "resume", status=status)[-1]
                self.assertEqual(end["result"], result)
                self.power_off()
                os.unlink(self.path("flash"))


class Away(CutOff):
    """Takes as long as a board is waited for."""

    def test_board_is_away(self):
        """Gone in the upload for longer than it is waited for: told; back: it goes on."""
        self.power_on()
        process = self.begin("-t", "0.5", "update", self.file)
        for line in process.stdout:
            if json.loads(line).get("offset", 0) > IMAGE_BYTES / 3:
                break
        os.unlink(self.target)
        os.kill(self.now.process.pid, 19)
        start = time.monotonic()
        out, err = process.communicate(timeout=PATIENCE)
        self.assertLess(time.monotonic() - start, 80, "it is waited for once")
        end = json.loads(out.splitlines()[-1])
        self.assertEqual((process.returncode, end["result"]), (9, "failed-intact"), out + err)
        self.assertRegex(end["detail"], r"runs 1\.0\.0 as before; [1-9]\d* % of 1\.1\.0")
        self.assertEqual(self.run_smpctl("-c", self.target, "resume")[0], 4)
        os.kill(self.now.process.pid, 18)
        os.symlink(self.now.where, self.target)
        end = self.json("-c", self.target, "resume")[-1]
        self.assertEqual(end["result"], "updated")
        self.assertLess(end["sent"], IMAGE_BYTES * 0.8)
        self.assertEqual(self.active(), ("1.1.0", True))



if __name__ == "__main__":
    unittest.main()
