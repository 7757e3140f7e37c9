# SPDX-License-Identifier: LGPL-2.1-or-later
"""What keeps an update from doing harm: interlocks, trials, health checks, dry runs, the journal."""

import hashlib
import json
import os
import re
import signal
import struct
import time
import unittest

from common import PATIENCE, TestCase

# MCUboot's boot/bootutil/include/bootutil/image.h.
NON_BOOTABLE = 0x10
TLV_SHA256, TLV_SECURITY_COUNTER = 0x10, 0x50
# The end of what `imgtool sign --pad` writes, for a flash that writes 8 bytes or fewer.
PAD_MAGIC = bytes.fromhex("77c295f360d2ef7f3552500f2cb67980")


def tlv_area(magic, entries):
    body = b"".join(struct.pack("<HH", kind, len(data)) + data for kind, data in entries)
    return struct.pack("<HH", magic, 4 + len(body)) + body


def mcuboot_image(version, flags=0, protected=(), reset=0x1001, load=0):
    """An image that no tool here makes otherwise; reset is where its reset handler is, load where it
    says that it runs."""
    # A Cortex-M's vector table: the words 8 to 10 are reserved.
    payload = struct.pack("<2I6I3I", 0x20001000, reset, *[reset] * 6, 0, 0, 0) + bytes(range(256)) * 40
    guard = tlv_area(0x6908, protected) if protected else b""
    head = struct.pack("<IIHHIIBBHII", 0x96F3B83D, load, 32, len(guard), len(payload), flags,
                       *version, 0, 0)
    body = head + payload + guard
    return body + tlv_area(0x6907, [(TLV_SHA256, hashlib.sha256(body).digest())])


class Safety(TestCase):
    """Boards have a name that stays, so that their updates are journalled."""

    def setUp(self):
        super().setUp()
        self.file, self.hash = self.make_image("app.bin", "1.1.0")

    def board(self, *options):
        link = self.path(f"board{len(os.listdir(self.directory))}")
        board = super().board("--link", link, "--time-scale", "20", *options)
        board.where = link
        return board

    def smpctl(self, board, *args):
        return self.run_smpctl("-c", board.target, *args)

    def list(self, board):
        return self.good("-c", board.target, "image", "list")

    def runs(self, board, image=0):
        """Version of what runs, and whether it is confirmed."""
        for slot in self.json("-c", board.target, "image", "list")[0]["images"]:
            if slot["image"] == image and slot.get("active"):
                return slot["version"], slot.get("confirmed", False)
        return None

    def journal(self, board):
        """Path of the board's journal."""
        name = "tty:" + board.target.replace("/", "%2F") + ".job"
        return os.path.join(self.directory, ".local/state/smpctl/jobs", name)

    def assert_interlock(self, name, board, *args):
        before = self.list(board)
        status, out, _ = self.smpctl(board, "update", *args)
        self.assertEqual(status, 7, out)
        self.assertRegex(out, rf"\Arefused: .+\n  .+ `--allow-{name}` does it all the same\.\n\Z")
        end = self.json("-c", board.target, "update", *args, status=7)[-1]
        self.assertEqual((end["result"], end["exit"], end["sent"]), ("refused", 7, 0))
        self.assertIn(end["message"], out)
        self.assertIn(end["detail"], out)
        plan = self.json("-c", board.target, "update", "--dry-run", *args, status=7)
        self.assertEqual([(step["step"], step["result"]) for step in plan], [("end", "refused")])
        self.assertEqual((plan[0]["reason"], plan[0]["detail"]), (end["message"], end["detail"]))
        self.assertEqual(self.list(board), before)
        # Each forbids one thing; none of the others lets it pass.
        others = [f"--allow-{other}" for other in self.names if other != name]
        self.assertEqual(self.smpctl(board, "update", *others, *args)[0], 7)
        self.assertEqual(self.list(board), before)
        status, out, err = self.smpctl(board, "update", f"--allow-{name}", *args)
        self.assertNotEqual(status, 7, out)
        self.assertIn(out.split(":")[0],
                      ("updated", "rolled back", "failed intact", "needs attention"), out + err)
        return status

    @property
    def names(self):
        text = self.good("update", "--help")
        return re.findall(r"--allow-([a-z-]+)", text)

    def agree(self, make_board, args, status, result, prepare=lambda board: None):
        """Text, exit status and --json say the same. Returns the end's object."""
        board = make_board()
        prepare(board)
        got, out, err = self.smpctl(board, *args)
        self.assertEqual(got, status, out + err)
        board = make_board()
        prepare(board)
        end = self.json("-c", board.target, *args, status=status)[-1]
        self.assertEqual((end["event"], end["result"], end["exit"]), ("end", result, status))
        lines = out.splitlines()
        self.assertTrue(lines[0].startswith(f"{result.replace('-', ' ')}: {end['message']}"), out)
        self.assertEqual(" ".join(line.strip() for line in lines[1:]), end.get("detail", ""))
        return end


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
