# SPDX-License-Identifier: LGPL-2.1-or-later
"""The examples that are shipped, run as they stand, against smpd on a bus of its own."""
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "daemon"), str(HERE.parent / "lib")]

import common  # noqa: E402

EXAMPLES = HERE.parent.parent / "examples"


class Examples(common.TestCase):
    def run_example(self, *command):
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60,
                              env=dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=self.bus.address))

    def test_update(self):
        """an update, the same once more, one that is refused, and a board that is not there"""
        update = (sys.executable, EXAMPLES / "update.py")
        self.boards("pump")
        for said in ("updated: ", "up-to-date: "):
            run = self.run_example(*update, "pump", self.image("app.bin", "1.1.0"))
            self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
            self.assertIn(said, run.stdout.splitlines()[-1])
            self.assertEqual(self.running("pump"), ("1.1.0", True))
        run = self.run_example(*update, "pump", self.image("old.bin", "0.9.0"))
        self.assertEqual(run.returncode, 1, run.stdout + run.stderr)
        self.assertIn("refused: ", run.stdout.splitlines()[-1])
        run = self.run_example(*update, "other", self.image("app.bin", "1.1.0"))
        self.assertEqual(run.returncode, 1)
        self.assertIn("smpd serves no device other", run.stderr)

    @unittest.skipUnless(shutil.which("busctl"), "no busctl")
    def test_boards(self):
        self.boards("meter", "pump")
        job = self.user.update("pump", self.image("app.bin", "1.1.0"))
        run = self.run_example(EXAMPLES / "boards.sh", "--wait")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(self.user.get(job, common.JOB, "State"), "done")
        run = self.run_example(EXAMPLES / "boards.sh")
        self.assertEqual(run.stdout.splitlines(), ["meter: runs 1.0.0, policy: none",
                                                   "pump: runs 1.1.0, policy: none"])


if __name__ == "__main__":
    common.main()
