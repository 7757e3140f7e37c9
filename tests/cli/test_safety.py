# SPDX-License-Identifier: LGPL-2.1-or-later
"""What keeps an update from doing harm: interlocks, health checks, recovery, dry runs."""

import json
import os
import re
import signal
import struct
import time
import unittest

from common import PATIENCE
from mcuboot import NON_BOOTABLE, PAD_MAGIC, TLV_SECURITY_COUNTER, mcuboot_image
from safety import Safety


class Interlocks(Safety):
    # Those of packages and keys are in test_packages.py: wrong-slot, unsigned, wrong-board;
    # concurrent is the journal's.
    def test_all_are_known(self):
        self.assertEqual(sorted(self.names), sorted((
            "downgrade", "no-revert", "padded", "not-bootable", "too-large", "wrong-slot",
            "network-core", "pending", "unsigned", "wrong-board", "unmet-dependency",
            "concurrent")))

    def test_downgrade(self):
        old, _ = self.make_image("old.bin", "0.9.0")
        board = self.board()
        self.assertEqual(self.assert_interlock("downgrade", board, old), 0)
        self.assertEqual(self.runs(board), ("0.9.0", True))

    def test_security_counter(self):
        def counted(version, counter):
            return self.write(f"counter{counter}.bin", mcuboot_image(
                version, protected=[(TLV_SECURITY_COUNTER, struct.pack("<I", counter))]))

        board = self.board()
        self.good("-c", board.target, "update", counted((2, 0, 0), 7))
        newer = counted((2, 1, 0), 6)
        self.assertEqual(self.assert_interlock("downgrade", board, newer), 0)
        self.assertIn("counter 6", self.smpctl(board, "update", counted((2, 2, 0), 6))[1])

    def test_no_revert(self):
        for kind in ("overwrite", "recovery", "ramload", "nrf5340"):
            with self.subTest(kind):
                board = self.board("--board", kind)
                self.assertEqual(self.assert_interlock("no-revert", board, self.file), 0)
                self.assertEqual(self.runs(board)[0], "1.1.0")

    def test_padded(self):
        image = mcuboot_image((1, 1, 0))
        path = self.write("padded.bin", image + b"\xff" * 4096 + PAD_MAGIC)
        self.assert_interlock("padded", self.board(), path)

    def test_not_bootable(self):
        path = self.write("library.bin", mcuboot_image((1, 1, 0), flags=NON_BOOTABLE))
        self.assert_interlock("not-bootable", self.board(), path)

    def test_too_large(self):
        large, _ = self.make_image("large.bin", "1.1.0,90000")
        board = self.board("--slot-size", "65536")
        self.assertEqual(self.assert_interlock("too-large", board, large), 9)
        self.assertEqual(self.runs(board), ("1.0.0", True))

    def test_pending(self):
        other, _ = self.make_image("other.bin", "1.2.0")
        board = self.board()
        self.good("-c", board.target, "image", "upload", self.file)
        self.good("-c", board.target, "image", "test", self.hash)
        self.assertEqual(self.assert_interlock("pending", board, other), 0)
        self.assertEqual(self.runs(board), ("1.2.0", True))

    def test_network_core(self):
        path = self.write("net.bin", mcuboot_image((1, 1, 0), reset=0x01001001))
        board = self.board("--board", "nrf5340", "--mode", "swap-move")
        self.assert_interlock("network-core", board, "1:" + path)
        # A bootloader that overwrites is what such images are made for.
        board = self.board("--board", "nrf5340")
        out = self.good("-c", board.target, "update", "--allow-no-revert", self.file, "1:" + path)
        self.assertIn("another core", out)

    def test_dependency(self):
        needy, _ = self.make_image("needy.bin", "1.1.0", "--depends", "1:1.1.0")
        second, _ = self.make_image("second.bin", "1.1.0", "--image", "1")
        board = self.board("--board", "threeimage")
        self.assertEqual(self.assert_interlock("unmet-dependency", board, needy), 9)
        board = self.board("--board", "threeimage")
        self.good("-c", board.target, "update", needy, "1:" + second)
        self.assertEqual((self.runs(board), self.runs(board, 1)), (("1.1.0", True),) * 2)

    def test_nothing_overrides(self):
        other, _ = self.make_image("other.bin", "1.2.0")
        every = [f"--allow-{name}" for name in self.names]
        board = self.board()
        self.good("-c", board.target, "update", "--test-only", self.file)
        for args, sentence in (
            ((other,), r"runs 1\.1\.0 on trial and takes no other image"),
            (("1:" + other,), r"for image 1 and the board has no image 1"),
        ):
            with self.subTest(sentence):
                before = self.list(board)
                status, out, _ = self.smpctl(board, "update", *every, *args)
                self.assertEqual(status, 7, out)
                self.assertRegex(out, sentence)
                self.assertNotIn("--allow", out)
                self.assertEqual(self.list(board), before)


class Ends(Safety):
    """Each way an update can end, as text, as JSON and as exit status."""

    def test_updated(self):
        end = self.agree(self.board, ["update", self.file], 0, "updated")
        self.assertEqual(end["was"], "1.0.0")

    def test_on_trial(self):
        end = self.agree(self.board, ["update", "--test-only", self.file], 0, "on-trial")
        self.assertIn("smpctl confirm", end["detail"])

    def test_uploaded(self):
        self.agree(self.board, ["update", "--upload-only", self.file], 0, "uploaded")

    def test_confirmed_at_once(self):
        self.agree(self.board, ["update", "--confirm", self.file], 0, "updated")

    def test_up_to_date(self):
        def install(board):
            self.good("-c", board.target, "update", self.file)

        self.agree(self.board, ["update", self.file], 0, "up-to-date", install)
        self.agree(self.board, ["ensure", self.file], 0, "up-to-date", install)

    def test_crashed(self):
        end = self.agree(lambda: self.board("--bad-image", "1.1.0"), ["update", self.file], 8,
                         "rolled-back")
        self.assertIn("1.1.0 was started and undone", end["message"])
        self.assertIn("did not answer SMP. Probably it crashed", end["detail"])

    def test_not_accepted(self):
        """What lies in the slot has the right hash in its TLVs and a byte that is wrong."""
        def damage(board):
            data = bytearray(self.read("app.bin"))
            data[20000] ^= 0x55
            self.good("-c", board.target, "image", "upload", "--force",
                      self.write("damaged.bin", data))

        end = self.agree(self.board, ["update", self.file], 8, "rolled-back", damage)
        self.assertIn("the bootloader did not accept 1.1.0", end["message"])
        self.assertIn("signed with another key", end["detail"])
        self.assertIn("damaged in its slot", end["detail"])
        board = self.board()
        damage(board)
        self.assertEqual(self.smpctl(board, "update", self.file)[0], 8)
        # The bad copy is gone, so it is sent whole.
        self.assertIn("updated", self.good("-c", board.target, "update", self.file))

    def test_dependency_unmet(self):
        needy, _ = self.make_image("needy.bin", "1.1.0", "--depends", "1:9.0.0")
        end = self.agree(lambda: self.board("--board", "threeimage"),
                         ["update", "--allow-unmet-dependency", needy], 9, "failed-intact")
        self.assertIn("still pending", end["message"])
        self.assertIn("depends on", end["detail"])

    def test_not_back(self):
        """A board that never comes back after the reset is one to look at."""
        board = self.board("--baud", "460800")
        process = self.start("-c", board.target, "--json", "update", self.file)
        for line in process.stdout:
            event = json.loads(line)
            if event.get("step") == "reset" and event.get("state") == "begin":
                break
        time.sleep(0.5)
        os.unlink(board.where)
        board.process.kill()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, err), (130, ""))
        hint = json.loads(out.splitlines()[-1])["error"]["hint"]
        self.assertIn("has not been seen since", hint)
        self.assertIn("do not cut its power", hint)


class Health(Safety):
    def update(self, board, command, *args):
        return self.smpctl(board, "update", "--health", command, *args, self.file)

    def test_environment(self):
        board = self.board()
        status, _, err = self.update(
            board, f'test "$SMPCTL_CONN" = {board.target} && test "$SMPCTL_VERSION" = 1.1.0')
        self.assertEqual(status, 0, err)
        self.assertRegex(err, r"(?m)^health   good, after ")

    def test_port_is_free(self):
        board = self.board()
        status, _, err = self.update(board, f'{os.environ["SMPCTL"]} echo "I am well" >heard')
        self.assertEqual(status, 0, err)
        self.assertEqual(self.read("heard"), b"I am well\n")

    def test_bad(self):
        for command, reason in (
            ("exit 3", "the check ended with 3"),
            ("/no/such/command", "the check ended with 127"),
            ("kill -9 $$", "signal 9 ended the check"),
        ):
            with self.subTest(command):
                board = self.board()
                status, out, err = self.update(board, command)
                self.assertEqual(status, 8, err)
                self.assertIn("rolled back: image 0 runs 1.0.0 again", out)
                self.assertIn("It failed its health check", out)
                self.assertRegex(err, rf"(?m)^health   {re.escape(reason)}, after ")
                self.assertEqual(self.runs(board), ("1.0.0", True))
        end = self.agree(self.board, ["update", "--health", "exit 1", self.file], 8, "rolled-back")
        self.assertIn("health check", end["detail"])

    def test_events(self):
        board = self.board()
        objects = self.json("-c", board.target, "update", "--health", "echo noise; exit 2",
                            self.file, status=8)
        done = [o for o in objects if o.get("step") == "check-health" and o["state"] == "done"]
        self.assertEqual([(o["health"], o["message"]) for o in done],
                         [("bad", "the check ended with 2")])
        self.assertEqual([o["step"] for o in objects if o.get("state") == "done"],
                         ["upload", "test", "reset", "check-health", "undo"])

    def test_interrupted(self):
        board = self.board()
        process = self.start("-c", board.target, "update", "--health",
                             "touch begun; exec sleep 60 >&- 2>&-", self.file)
        self.wait_for(lambda: os.path.exists(self.path("begun")))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, out), (130, ""))
        self.assertIn("The board ran 1.1.0 on trial when it was last seen", err)
        self.assertEqual(self.runs(board), ("1.1.0", False))
        # The check is made again before anything is kept.
        self.write("begun", b"")
        self.good("-c", board.target, "rollback")
        self.assertEqual(self.runs(board), ("1.0.0", True))

    def test_resumed(self):
        board = self.board()
        process = self.start("-c", board.target, "update", "--health",
                             "test -e begun && exit 5; touch begun; exec sleep 60 >&- 2>&-",
                             self.file)
        self.wait_for(lambda: os.path.exists(self.path("begun")))
        process.kill()
        process.communicate()
        status, out, err = self.smpctl(board, "resume")
        self.assertEqual(status, 8, out + err)
        self.assertIn("the check ended with 5", err)
        self.assertEqual(self.runs(board), ("1.0.0", True))

    def test_without_trial(self):
        board = self.board("--board", "overwrite")
        status, out, _ = self.update(board, "exit 1", "--allow-no-revert")
        self.assertEqual(status, 10, out)
        self.assertIn("needs attention: image 0 runs 1.1.0 and failed its health check", out)

    def test_with_test_only(self):
        board = self.board()
        self.assertEqual(self.update(board, "true", "--test-only")[0], 0)
        self.assertEqual(self.runs(board), ("1.1.0", False))
        status, _, err = self.update(board, "true", "--upload-only")
        self.assertEqual(status, 2)
        self.assertIn("--upload-only starts none", err)


class DryRun(Safety):
    def test_text(self):
        board = self.board()
        before = self.list(board)
        out = self.good("-c", board.target, "update", "--dry-run", self.file)
        self.assertEqual(out, """\
 1. upload         image 0 is to become 1.1.0 and the board does not have it
 2. test           image 0 is in its slot and the next reset is to try it
 3. reset          the bootloader installs at a reset
 4. confirm        image 0 runs and is to stay
image 0 runs 1.1.0, confirmed
""")
        self.assertEqual(self.list(board), before)
        self.assertFalse(os.path.exists(self.journal(board)))

    def test_tells_what_happens(self):
        """The plan's steps are those that an update takes then."""
        second, _ = self.make_image("second.bin", "2.0.0", "--image", "1")
        for kind, args in (
            ("swap", [self.file]),
            ("swap", ["--test-only", self.file]),
            ("swap", ["--confirm", self.file]),
            ("swap", ["--upload-only", self.file]),
            ("swap", ["--health", "true", self.file]),
            ("swap", ["--stop-before", "reset", self.file]),
            ("overwrite", ["--allow-no-revert", self.file]),
            ("directxip", [self.file]),
            ("ramload", ["--allow-no-revert", self.file]),
            ("ramload", ["--via-recovery", self.file]),
            ("recovery", ["--allow-no-revert", self.file]),
            ("threeimage", [self.file, "1:" + second]),
            ("nrf5340", ["--allow-no-revert", self.file, "1:" + second]),
            ("old", [self.file]),
        ):
            with self.subTest(board=kind, args=args):
                board = self.board("--board", kind)
                before = self.list(board)
                plan = self.json("-c", board.target, "update", "--dry-run", *args)
                self.assertTrue(all(step["event"] == "plan" and step["reason"] for step in plan))
                self.assertEqual(self.list(board), before)
                events = self.json("-c", board.target, "update", *args)
                done = [(o["step"], o.get("image")) for o in events if o.get("state") == "done"]
                self.assertEqual(done, [(o["step"], o.get("image")) for o in plan[:-1]])
                self.assertEqual((events[-1]["result"], events[-1]["message"]),
                                 (plan[-1]["result"], plan[-1]["reason"]))


class Recovery(Safety):
    def test_in_recovery(self):
        board = self.board("--board", "recovery")
        self.good("-c", board.target, "update", "--allow-no-revert", self.file)
        self.assertEqual(self.runs(board), ("1.1.0", True))

    def test_via_recovery(self):
        for options in (["--recovery"], ["--board", "ramload"], ["--board", "overwrite", "--recovery"]):
            with self.subTest(options):
                board = self.board(*options)
                events = self.json("-c", board.target, "update", "--via-recovery", self.file)
                self.assertEqual([o["step"] for o in events if o.get("state") == "done"],
                                 ["enter-recovery", "upload", "reset"])
                self.assertEqual(events[-1]["was"], "1.0.0")
                uploads = [o["fraction"] for o in events if o.get("step") == "upload"]
                self.assertEqual(uploads[0], 0)
                self.assertEqual(sorted(uploads), uploads)
                self.assertEqual(self.runs(board)[0], "1.1.0")

    def test_no_recovery(self):
        end = self.agree(self.board, ["update", "--via-recovery", self.file], 9, "failed-intact")
        self.assertIn("CONFIG_BOOT_SERIAL_BOOT_MODE", end["detail"])

    def test_interrupted(self):
        board = self.board("--recovery", "--baud", "460800")
        process = self.start("-c", board.target, "--json", "update", "--via-recovery", self.file)
        for line in process.stdout:
            event = json.loads(line)
            if event.get("offset", 0) > 10000:
                break
        process.kill()
        process.communicate()
        self.assertIn("updated", self.good("-c", board.target, "resume"))
        self.assertEqual(self.runs(board), ("1.1.0", True))


if __name__ == "__main__":
    unittest.main()
