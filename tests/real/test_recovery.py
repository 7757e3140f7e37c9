#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A board whose MCUboot loads the newest image into RAM and has serial recovery."""
from lab import Case, prepare
from smptest import Running, main


class Console(Case):
    server = "mps2_an385.serial_recovery"

    def test_ram_load(self):
        """RAM load cannot undo an update: refused, then done with --allow-no-revert"""
        path, _ = self.image("1.2.3")
        run = self.ctl("update", path, code=7)
        self.assertIn("refused", run.out)
        self.assertIn("--allow-no-revert", run.out)
        self.assertNotIn("upload", run.err)
        end = self.ctl("--json", "update", "--allow-no-revert", path).json[-1]
        self.assertEqual(end["result"], "updated")
        self.assertEqual(self.slots()[1], ("1.2.3", "AC"))

    def test_reset(self):
        """the board is reset in the middle of the upload: it begins again and ends well"""
        path, _ = self.image("1.2.3")
        run = Running("-c", self.board.target, "--json", "update", "--allow-no-revert", path)
        self.addCleanup(run.close)
        run.upload_at(0.3)
        self.board.reset()
        result = run.finish()
        self.assertEqual(result.code, 0, result.out + result.err)
        self.assertEqual(self.slots()[1], ("1.2.3", "AC"))

    def recover(self):
        self.ctl("reset", "--bootloader")
        self.wait_until_back()
        self.assertIn("recovery", self.ctl("status").out)

    def test_recovery(self):
        """recovery: entered, seen, uploaded into, left"""
        path, image_hash = self.image("1.2.3")
        self.recover()
        run = self.ctl("image", "list")
        self.assertIn("version: 0.0.0", run.out)
        run = self.ctl("update", path, code=7)
        self.assertIn("--allow-no-revert", run.out)
        self.assertIn("updated: image 0 runs 1.2.3",
                      self.ctl("update", "--allow-no-revert", path, timeout=120).out)
        self.assertIn(image_hash, self.ctl("image", "list").out)
        self.assertEqual(self.slots()[0], ("1.2.3", "AC"))
        self.assertEqual(self.ctl("echo", "hello").out, "hello\n")

    def test_upload_by_hand(self):
        """recovery: image upload, reset"""
        path, image_hash = self.image("1.2.3")
        self.recover()
        self.ctl("image", "upload", path, timeout=120)
        self.assertIn(image_hash, self.ctl("image", "list").out)
        self.restart()
        self.assertEqual(self.slots()[0], ("1.2.3", "AC"))

    def test_left_alone(self):
        """recovery: a reset starts the application again"""
        self.recover()
        self.restart()
        self.assertEqual(self.slots(), {0: ("0.0.0", "AC")})

    def test_interrupted(self):
        """recovery: smpctl killed in the upload; the next run ends it"""
        path, _ = self.image("1.2.3")
        self.recover()
        run = Running("-c", self.board.target, "--json", "update", "--allow-no-revert", path)
        self.addCleanup(run.close)
        run.upload_at(0.3)
        run.kill()
        self.assertIn("updated: image 0 runs 1.2.3",
                      self.ctl("update", "--allow-no-revert", path, timeout=120).out)


class Raw(Console):
    """The same with raw framing, in the application and in recovery."""
    server = "mps2_an385.serial_recovery_raw"

    def setUp(self):
        super().setUp()
        self.assertTrue(self.board.target.startswith("raw:"))


for name in [name for name in dir(Console) if name.startswith("test_")]:
    def test(self, inherited=getattr(Console, name)):
        inherited(self)

    test.__doc__ = "raw: " + getattr(Console, name).__doc__
    setattr(Raw, name, test)

if __name__ == "__main__":
    main(prepare)
