#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Updates of a board with MCUboot that swaps images and can undo it."""
from lab import Case, prepare
from smptest import main

SWAP = "qemu_cortex_m0.serial"


class Look(Case):
    server = SWAP

    def test_echo(self):
        """the board says what it is told"""
        self.assertEqual(self.ctl("echo", "hello board").out, "hello board\n")
        self.assertEqual(self.ctl("--json", "echo", "").json, [{"text": ""}])

    def test_status(self):
        """status tells buffers, image and what a reset does"""
        text = self.ctl("status").out
        self.assertIn("buffers 384 B × 4", text)
        self.assertIn("qemu_cortex_m0", text)
        self.assertRegex(text, r"slot 0\s+0\.0\.0\s+[0-9a-f]{12}\s+active · confirmed")
        self.assertIn("104 KiB", text)
        self.assertRegex(text, r"Next reset\s+starts 0\.0\.0 again")

    def test_list(self):
        """image list and slots"""
        text = self.ctl("image", "list").out
        self.assertIn("image=0 slot=0\n    version: 0.0.0\n    bootable: true\n"
                      "    flags: active confirmed\n    hash: ", text)
        slots = self.ctl("--json", "image", "slots").json[0]["slots"]
        self.assertEqual([(slot["slot"], slot["size"]) for slot in slots],
                         [(0, 106496), (1, 106496)])


class Update(Case):
    server = SWAP

    def test_update(self):
        """update: uploaded, tried, confirmed; it stays"""
        path, image_hash = self.image("1.2.3")
        run = self.ctl("update", path)
        self.assertIn("updated: image 0 runs 1.2.3, confirmed (was 0.0.0), in ", run.out)
        for step in ("upload", "test", "reset", "confirm"):
            self.assertRegex(run.err, rf"(?m)^{step} ")
        self.assertEqual(self.slots()[0], ("1.2.3", "AC"))
        self.assertIn(image_hash, self.ctl("image", "list").out)
        self.restart()
        self.assertEqual(self.slots()[0], ("1.2.3", "AC"))

    def test_same_again(self):
        """the same image again is not sent"""
        path, _ = self.image("1.2.3")
        self.ctl("update", "-q", path)
        run = self.ctl("--trace", "update", path)
        self.assertIn("up to date", run.out)
        self.assertLess(max(run.requests), 40)
        self.assertEqual(self.ctl("--json", "image", "upload", path).json[-1]["result"], "present")

    def test_json(self):
        """update --json: each step begins and is done, progress rises, the end is last"""
        path, _ = self.image("1.2.3")
        events = self.ctl("--json", "update", path).json
        steps = [(e["step"], e["state"]) for e in events if e["event"] == "step"]
        self.assertEqual(steps, [(step, state) for step in ("upload", "test", "reset", "confirm")
                                 for state in ("begin", "done")])
        fractions = [e["fraction"] for e in events if "fraction" in e]
        self.assertEqual(fractions, sorted(fractions))
        self.assertEqual(events[-1]["event"], "end")
        self.assertEqual((events[-1]["result"], events[-1]["was"], events[-1]["exit"]),
                         ("updated", "0.0.0", 0))

    def test_trial_is_undone(self):
        """--test-only: the next reset brings the old image back"""
        path, _ = self.image("1.2.3")
        self.assertIn("on trial", self.ctl("update", "--test-only", path).out)
        self.assertEqual(self.slots(), {0: ("1.2.3", "A"), 1: ("0.0.0", "C")})
        self.assertRegex(self.ctl("status").out, r"Next reset .*0\.0\.0")
        self.restart()
        self.assertEqual(self.slots(), {0: ("0.0.0", "AC"), 1: ("1.2.3", "")})

    def test_trial_is_confirmed(self):
        """--test-only, then image confirm: it stays"""
        path, _ = self.image("1.2.3")
        self.ctl("update", "--test-only", path)
        self.ctl("image", "confirm")
        self.restart()
        self.assertEqual(self.slots()[0], ("1.2.3", "AC"))

    def test_trial_then_update(self):
        """update of the image that is on trial confirms it and sends nothing"""
        path, _ = self.image("1.2.3")
        self.ctl("update", "--test-only", path)
        end = self.ctl("--json", "update", path).json[-1]
        self.assertEqual((end["result"], end["sent"]), ("updated", 0))
        self.assertNotIn("was", end)
        self.assertEqual(self.slots()[0], ("1.2.3", "AC"))

    def test_confirm(self):
        """--confirm: for good at once"""
        path, _ = self.image("1.2.3")
        self.assertIn("updated", self.ctl("update", "--confirm", path).out)
        self.restart()
        self.assertEqual(self.slots()[0], ("1.2.3", "AC"))

    def test_by_hand(self):
        """image upload, test, reset, confirm, erase one by one"""
        path, image_hash = self.image("1.2.3")
        self.ctl("image", "upload", path)
        self.assertEqual(self.slots()[1], ("1.2.3", ""))
        self.assertIn("flags: pending", self.ctl("image", "test", image_hash).out)
        self.assertRegex(self.ctl("status").out, r"Next reset\s+tries 1\.2\.3")
        self.restart()
        self.assertEqual(self.slots()[0], ("1.2.3", "A"))
        self.ctl("image", "confirm")
        self.ctl("image", "erase")
        self.assertEqual(self.slots(), {0: ("1.2.3", "AC")})


class Refused(Case):
    server = SWAP

    def test_downgrade(self):
        """an older image is refused before anything is sent"""
        new, _ = self.image("2.0.0")
        old, _ = self.image("1.0.0")
        self.ctl("update", "-q", new)
        run = self.ctl("--trace", "update", old, code=7)
        self.assertIn("downgrade", run.out)
        self.assertIn("--allow-downgrade", run.out)
        self.assertLess(max(run.requests), 40)
        self.assertIn("updated", self.ctl("update", "--allow-downgrade", old).out)

    def damaged(self):
        """A payload byte changed, the hash in the TLVs as before."""
        path, image_hash = self.image("1.2.3")
        with open(path, "r+b") as file:
            file.seek(20000)
            byte = file.read(1)
            file.seek(20000)
            file.write(bytes([byte[0] ^ 0x55]))
        return path, image_hash

    def test_damaged_file(self):
        """a damaged file is refused, and never sent"""
        path, _ = self.damaged()
        self.assertIn("damaged", self.ctl("update", path, code=3).err)
        self.assertIn("damaged", self.ctl("image", "upload", path, code=3).err)
        self.assertEqual(self.slots(), {0: ("0.0.0", "AC")})

    def test_damaged_image_on_the_board(self):
        """MCUboot refuses an image that was damaged in the slot: the old one runs, and it is told"""
        good, _ = self.image("1.2.3")
        with open(good, "rb") as file:
            whole = file.read()
        bad, image_hash = self.damaged()
        self.ctl("image", "upload", "--force", bad)
        self.assertEqual(self.slots()[1], ("1.2.3", ""))
        self.ctl("image", "test", image_hash)
        self.restart()
        self.assertEqual(self.slots(), {0: ("0.0.0", "AC")})

        self.ctl("image", "upload", "--force", bad)
        with open(bad, "wb") as file:
            file.write(whole)
        # What lies in the slot has the hash of the file, so it is not sent; MCUboot sees the
        # difference.
        run = self.ctl("update", bad, code=8)
        self.assertIn("rolled back: image 0 runs 0.0.0", run.out)
        self.assertEqual(self.slots(), {0: ("0.0.0", "AC")})
        self.assertIn("updated", self.ctl("update", bad).out)

    def test_not_an_image(self):
        """a file that is no image"""
        run = self.ctl("update", __file__, code=3)
        self.assertIn("MCUboot", run.err)

    def test_unknown_hash(self):
        """the board's own error, by name"""
        run = self.ctl("image", "test", "11" * 32, code=6)
        self.assertIn("HASH_NOT_FOUND", run.err)

    def test_unsupported(self):
        """a command that the firmware lacks: which option it needs"""
        run = self.ctl("os", "datetime", code=6)
        self.assertIn("CONFIG_MCUMGR_GRP_OS_DATETIME", run.err)


if __name__ == "__main__":
    main(prepare)
