# SPDX-License-Identifier: LGPL-2.1-or-later
"""Updates that are stopped and gone on with, what the journal keeps, and trials that a person ends."""

import json
import os
import re
import signal
import unittest

from common import PATIENCE, TestCase
from safety import Safety


class StopAndGoOn(Safety):
    def test_each_step(self):
        for step, listed in (
            ("upload", [("1.0.0", True)]),
            ("test", [("1.0.0", True), ("1.1.0", False)]),
            ("reset", [("1.0.0", True), ("1.1.0", False)]),
            ("confirm", [("1.1.0", True), ("1.0.0", False)]),
        ):
            with self.subTest(step):
                board = self.board()
                status, out, _ = self.smpctl(board, "update", "--stop-before", step, self.file)
                self.assertEqual(status, 0, out)
                self.assertIn(f"stopped before the step “{step}”, as asked", out)
                self.assertIn("`smpctl resume` goes on", out)
                images = self.json("-c", board.target, "image", "list")[0]["images"]
                self.assertEqual([(slot["version"], slot.get("active", False)) for slot in images],
                                 listed)
                self.assertIn("updated: image 0 runs 1.1.0, confirmed",
                              self.good("-c", board.target, "resume"))
                self.assertEqual(self.runs(board), ("1.1.0", True))
                status, _, err = self.smpctl(board, "resume")
                self.assertEqual(status, 1)
                self.assertIn("no update of", err)

    def test_json(self):
        board = self.board()
        end = self.json("-c", board.target, "update", "--stop-before", "reset", self.file)[-1]
        self.assertEqual((end["result"], end["exit"]), ("uploaded", 0))
        self.assertIn("“reset”", end["message"])
        end = self.json("-c", board.target, "resume")[-1]
        self.assertEqual((end["result"], end["sent"]), ("updated", 0))
        error = self.json("-c", board.target, "resume", status=1)[-1]["error"]
        self.assertEqual(error["class"], "failed")

    def test_unknown_step(self):
        for step in ("undo", "reboot", ""):
            status, _, err = self.run_smpctl("-c", "/dev/null", "update", "--stop-before", step, self.file)
            self.assertEqual(status, 2)
            self.assertIn("--stop-before takes upload, test, reset or confirm", err)

    def test_what_was_refused_is_over(self):
        old, _ = self.make_image("old.bin", "0.9.0")
        board = self.board()
        self.assertEqual(self.smpctl(board, "update", "--stop-before", "reset", old)[0], 7)
        self.assertEqual(self.smpctl(board, "resume")[0], 1)

    def test_policy_is_kept(self):
        """resume does what was asked for, with what was allowed, wherever it is run."""
        old, _ = self.make_image("old.bin", "0.9.0")
        board = self.board()
        os.mkdir(self.path("elsewhere"))
        self.good("-c", board.target, "update", "--stop-before", "upload", "--allow-downgrade",
                  "--test-only", "old.bin")
        command = self.start("-c", board.target, "resume")
        out, err = command.communicate(timeout=PATIENCE)
        self.assertTrue(out.startswith("on trial: image 0 runs 0.9.0"), out + err)

    def test_file_changed(self):
        board = self.board()
        self.good("-c", board.target, "update", "--stop-before", "test", self.file)
        self.make_image("app.bin", "1.3.0")
        status, _, err = self.smpctl(board, "resume")
        self.assertEqual(status, 1)
        self.assertIn("the files have changed", err)
        os.unlink(self.file)
        self.assertEqual(self.smpctl(board, "resume")[0], 3)
        self.assertEqual(self.runs(board), ("1.0.0", True))

    def test_other_update_instead(self):
        other, _ = self.make_image("other.bin", "1.2.0")
        board = self.board()
        self.good("-c", board.target, "update", "--stop-before", "test", self.file)
        status, _, err = self.smpctl(board, "update", other)
        self.assertEqual(status, 0, err)
        self.assertIn("another update of this board was interrupted and is given up", err)
        self.assertEqual(self.runs(board), ("1.2.0", True))
        self.assertEqual(self.smpctl(board, "resume")[0], 1)
        self.assertNotIn("given up", self.smpctl(board, "update", other)[2])

    def test_nothing_to_resume(self):
        for target in (self.board().target, TestCase.board(self).target):
            status, _, err = self.run_smpctl("-c", target, "resume")
            self.assertEqual(status, 1)
            self.assertIn("was interrupted", err)

    def test_ensure(self):
        board = self.board()
        self.assertIn("updated", self.good("-c", board.target, "ensure", self.file))
        before = self.list(board)
        for _ in range(2):
            out = self.good("-c", board.target, "ensure", self.file)
            self.assertTrue(out.startswith("up to date: "), out)
        end = self.json("-c", board.target, "ensure", self.file)[-1]
        self.assertEqual((end["result"], end["sent"]), ("up-to-date", 0))
        self.assertEqual(self.list(board), before)


class Trial(Safety):
    """confirm and rollback."""

    def try_it(self, board):
        self.good("-c", board.target, "update", "--test-only", self.file)

    def test_confirm(self):
        end = self.agree(self.board, ["confirm"], 0, "updated", self.try_it)
        self.assertNotIn("was", end)
        for args in ((), (self.hash,)):
            board = self.board()
            self.try_it(board)
            self.good("-c", board.target, "confirm", *args)
            self.assertEqual(self.runs(board), ("1.1.0", True))
            self.good("-c", board.target, "reset")
            self.wait_for(lambda: self.smpctl(board, "-t", "1", "echo", "x")[0] == 0)
            self.assertEqual(self.runs(board), ("1.1.0", True))

    def test_nothing_to_confirm(self):
        self.agree(self.board, ["confirm"], 0, "up-to-date")

    def test_confirm_what_does_not_run(self):
        board = self.board()
        self.good("-c", board.target, "image", "upload", self.file)
        before = self.list(board)
        for hash_text in (self.hash, "11" * 32):
            status, out, err = self.smpctl(board, "confirm", hash_text)
            self.assertEqual((status, out), (7, ""))
            self.assertIn("does not run", err)
            self.assertIn("`smpctl image confirm`", err)
            error = self.json("-c", board.target, "confirm", hash_text, status=7)[-1]["error"]
            self.assertEqual(error["class"], "refused")
        status, _, err = self.smpctl(board, "confirm", "xyz")
        self.assertEqual(status, 2)
        self.assertIn("“xyz” is no image hash", err)
        self.assertEqual(self.list(board), before)

    def test_rollback(self):
        end = self.agree(self.board, ["rollback"], 0, "rolled-back", self.try_it)
        self.assertEqual((end["message"], end["was"]), ("image 0 runs 1.0.0, confirmed", "1.1.0"))

    def test_rollback_of_what_was_confirmed(self):
        board = self.board("--mode", "swap-scratch")
        self.good("-c", board.target, "update", self.file)
        out = self.good("-c", board.target, "rollback")
        self.assertTrue(out.startswith("rolled back: image 0 runs 1.0.0, confirmed (was 1.1.0)"), out)
        self.assertEqual(self.runs(board), ("1.0.0", True))

    def test_rollback_is_resumed(self):
        """One that was interrupted after its reset is not itself rolled back."""
        for command in ("rollback", "resume"):
            with self.subTest(command):
                board = self.board("--mode", "swap-scratch")
                self.good("-c", board.target, "update", self.file)
                process = self.start("-c", board.target, "--json", "rollback")
                for line in process.stdout:
                    event = json.loads(line)
                    if event.get("step") == "reset" and event.get("waiting"):
                        break
                process.kill()
                process.communicate()
                out = self.good("-c", board.target, command)
                self.assertTrue(out.startswith("rolled back: image 0 runs 1.0.0"), out)
                self.assertEqual(self.runs(board), ("1.0.0", True))

    def test_nothing_to_roll_back_to(self):
        board = self.board()
        before = self.list(board)
        status, out, err = self.smpctl(board, "rollback")
        self.assertEqual((status, out), (7, ""))
        self.assertIn("holds no other image", err)
        self.assertIn("--allow-downgrade", err)
        self.assertEqual(self.list(board), before)

    def test_new_image_is_no_way_back(self):
        """What waits for its first start is not what ran before."""
        board = self.board()
        self.good("-c", board.target, "update", "--stop-before", "reset", self.file)
        before = self.list(board)
        status, out, err = self.smpctl(board, "rollback")
        self.assertEqual((status, out), (7, ""))
        self.assertIn("1.1.0 has not run yet", err)
        self.assertEqual(self.list(board), before)
        self.good("-c", board.target, "image", "erase")
        self.good("-c", board.target, "reset")
        self.assertEqual(self.runs(board), ("1.0.0", True))

    def test_no_way_back(self):
        """Direct XIP starts the highest version: the old one is there and cannot be had."""
        board = self.board("--board", "directxip")
        self.good("-c", board.target, "update", self.file)
        status, out, _ = self.smpctl(board, "rollback")
        self.assertEqual(self.runs(board), ("1.1.0", True))
        self.assertEqual(status, 9, out)
        self.assertIn("failed intact: image 0 runs 1.1.0 as before", out)

    def test_three_images(self):
        files = [self.file] + [f"{n}:" + self.make_image(f"{n}.bin", "1.1.0", "--image", str(n))[0]
                               for n in (1, 2)]
        board = self.board("--board", "threeimage")
        self.good("-c", board.target, "update", "--test-only", *files)
        self.good("-c", board.target, "rollback")
        self.assertEqual([self.runs(board, n) for n in range(3)], [("1.0.0", True)] * 3)
        self.good("-c", board.target, "update", "--test-only", *files)
        self.good("-c", board.target, "confirm")
        self.assertEqual([self.runs(board, n) for n in range(3)], [("1.1.0", True)] * 3)

    def test_nrf5340(self):
        net, _ = self.make_image("net.bin", "1.1.0", "--image", "1")
        board = self.board("--board", "nrf5340")
        out = self.good("-c", board.target, "update", "--allow-no-revert", self.file, "1:" + net)
        self.assertIn("image 0 runs 1.1.0", out)
        self.assertIn("Image 1 was handed to another core, which does not tell what it runs.", out)
        self.assertIn("up to date", self.good("-c", board.target, "confirm"))
        self.assertEqual(self.smpctl(board, "rollback")[0], 7)


class Journal(Safety):
    def test_one_at_a_time(self):
        """A port is taken itself, and nothing overrides that; over UDP it is the journal."""
        other, _ = self.make_image("other.bin", "1.2.0")
        for options, refused, sentence in (
                (("--baud", "230400"), 4, r"is held by smpctl \(pid \d+\)"),
                (("--udp", "0", "--process-time", "10"), 7,
                 r"another update of this board is going on \(process \d+ has locked ")):
            with self.subTest(options):
                board = TestCase.board(self, *options)
                first = self.begin_update(board)
                for status, args in ((refused, ["update", other]),
                                     (refused, ["update", "--dry-run", other]),
                                     (refused, ["image", "upload", other]),
                                     (4, ["rollback"]), (4, ["resume"])):
                    got, out, err = self.run_smpctl("-c", board.target, *args)
                    self.assertEqual((got, out), (status, ""), err)
                    self.assertRegex(err, sentence)
                    self.assertEqual("`--allow-concurrent` does it all the same" in err,
                                     status == 7, err)
                    error = self.json("-c", board.target, *args, status=status)[-1]["error"]
                    self.assertEqual(error["class"], "refused" if status == 7 else "connection")
                    self.assertRegex(error["message"], sentence)
                self.finish(first)

    def begin_update(self, board):
        first = self.start("-c", board.target, "update", self.file)
        self.addCleanup(first.communicate)
        for line in first.stderr:
            if "10 %" in line:
                break
        return first

    def finish(self, first):
        out, err = first.communicate(timeout=PATIENCE)
        self.assertEqual(first.returncode, 0, out + err)

    def test_concurrent(self):
        """The lock's own option overrides it, and no other does."""
        board = TestCase.board(self, "--udp", "0", "--process-time", "10")
        others = [f"--allow-{name}" for name in re.findall(
            r"--allow-([a-z-]+)", self.good("update", "--help")) if name != "concurrent"]
        first = self.begin_update(board)
        # Stopped, so that the two do not disturb each other.
        first.send_signal(signal.SIGSTOP)
        self.addCleanup(first.send_signal, signal.SIGCONT)
        args = ["update", "--dry-run", self.file]
        self.assertEqual(self.run_smpctl("-c", board.target, *others, *args)[0], 7)
        status, out, err = self.run_smpctl("-c", board.target, "--allow-concurrent", *args)
        self.assertEqual(status, 0, err)
        self.assertIn("note: another update of this board is going on", err)
        status, out, err = self.run_smpctl("-c", board.target, "update", "--allow-concurrent",
                                           self.file)
        self.assertEqual(status, 0, err)
        self.assertIn("updated: image 0 runs 1.1.0", out)
        # The first one looks, finds its work done, and says so.
        first.send_signal(signal.SIGCONT)
        self.finish(first)
        self.assertEqual(self.runs(board), ("1.1.0", True))

    def test_concurrent_upload(self):
        board = TestCase.board(self, "--udp", "0", "--process-time", "10")
        first = self.begin_update(board)
        first.send_signal(signal.SIGSTOP)
        self.addCleanup(first.send_signal, signal.SIGCONT)
        for option in "--allow-concurrent", "--force":
            self.assertEqual(self.good("-c", board.target, "image", "upload", option, self.file),
                             "Done\n")
        first.send_signal(signal.SIGCONT)
        self.finish(first)

    def test_cannot_be_written(self):
        """Without its journal nothing is begun; looking at the board needs none."""
        board = self.board()
        before = self.list(board)
        self.environment["XDG_STATE_HOME"] = self.write("file", b"")
        for command in (["update", self.file], ["confirm"], ["resume"]):
            status, out, err = self.smpctl(board, *command)
            self.assertEqual((status, out), (1, ""))
            self.assertRegex(err, r"cannot make .*/file/smpctl/jobs: Not a directory; .*XDG_STATE_HOME")
        error = self.json("-c", board.target, "update", self.file, status=1)[-1]["error"]
        self.assertEqual(error["class"], "failed")
        self.assertIn("1. upload", self.good("-c", board.target, "update", "--dry-run", self.file))
        self.assertEqual(self.list(board), before)

    def test_lost_meanwhile(self):
        """Where it cannot be written any more, the next step is not begun, and no lie is told."""
        board = self.board("--baud", "460800")
        process = self.start("-c", board.target, "--json", "update", self.file)
        for line in process.stdout:
            event = json.loads(line)
            if event.get("offset", 0) > 5000:
                break
        os.rename(os.path.dirname(self.journal(board)), self.path("gone"))
        out, err = process.communicate(timeout=PATIENCE)
        end = json.loads(out.splitlines()[-1])
        self.assertEqual((process.returncode, end["result"]), (9, "failed-intact"))
        self.assertIn("cannot write", end["message"])
        self.assertIn("The board runs 1.0.0 as before", end["detail"])
        self.assertEqual(self.runs(board), ("1.0.0", True))
        self.assertIn("updated", self.good("-c", board.target, "update", self.file))

    def test_lost_on_trial(self):
        board = self.board()
        command = f"mv {os.path.dirname(self.journal(board))} gone"
        status, out, err = self.smpctl(board, "update", "--health", command, self.file)
        self.assertEqual(status, 10, err)
        self.assertTrue(out.startswith("needs attention: cannot write "), out)
        self.assertIn("The board runs 1.1.0 on trial: its next reset undoes it", out)
        self.assertEqual(self.runs(board), ("1.1.0", False))

    def test_corrupt(self):
        for number, garbage in enumerate((b"garbage", b"[job]\n\xff" * 50, b"", b"[job]\nimages=\n",
                                          b"[job]\nimages=x\narguments=;;;\n[attempt]\nresets=-7\n")):
            with self.subTest(garbage[:20]):
                board = self.board()
                self.good("-c", board.target, "update", "--stop-before", "test", self.file)
                with open(self.journal(board), "wb") as file:
                    file.write(garbage)
                status, _, err = self.smpctl(board, "resume")
                self.assertEqual(status, 1, err)
                if number < 2:
                    self.assertIn("it is kept as", err)
                    with open(self.journal(board) + ".bad", "rb") as file:
                        self.assertEqual(file.read(), garbage)
                    self.assertNotIn("Message", err)
                with open(self.journal(board), "wb") as file:
                    file.write(garbage)
                end = self.json("-c", board.target, "update", self.file)[-1]
                self.assertEqual(end["result"], "updated")

    def test_not_for_boards_of_one_command(self):
        """sim:swap is another board each time: what an earlier one was given says nothing of it."""
        self.good("-c", "sim:swap", "update", "--stop-before", "confirm", self.file)
        self.assertIn("updated", self.good("-c", "sim:swap", "update", self.file))
        self.assertEqual(self.run_smpctl("-c", "sim:swap", "resume")[0], 1)

    def test_not_for_ptys(self):
        """The next program behind /dev/pts/N is another board."""
        board = TestCase.board(self, "--pty", "--time-scale", "20")
        self.good("-c", board.target, "update", "--stop-before", "test", self.file)
        self.assertFalse(os.path.exists(os.path.join(self.directory, ".local/state/smpctl/jobs")))
        self.assertEqual(self.run_smpctl("-c", board.target, "resume")[0], 1)
        self.assertIn("updated", self.good("-c", board.target, "update", self.file))

    def test_private(self):
        board = self.board()
        self.good("-c", board.target, "update", self.file)
        self.assertEqual(os.stat(self.journal(board)).st_mode & 0o777, 0o600)
        self.assertEqual(os.stat(os.path.dirname(self.journal(board))).st_mode & 0o777, 0o700)


if __name__ == "__main__":
    unittest.main()
