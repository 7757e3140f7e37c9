# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mender's update module, called as Mender calls it, and its artifacts. The Mender client itself runs
where it is installed (Debian: mender-client, mender-artifact)."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

from smptest import Sim, environment, main, program, sim_image, smpctl  # noqa: E402

SHIPPED = pathlib.Path(__file__).resolve().parent.parent.parent / "integrations" / "mender"


class Mender(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="smp-mender-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.env = dict(environment(), SMPCTL=shutil.which(program("smpctl")),
                        XDG_STATE_HOME=self.dir + "/state")

    def board(self, *options):
        link = tempfile.mktemp(dir=self.dir)  # what is done to a bare pty is not kept
        board = self.enterContext(Sim("--link", link, *options))
        board.target = "serial:" + link
        return board

    def payload(self, board, *files, options=""):
        """The folder that Mender hands to the module."""
        tree = tempfile.mkdtemp(dir=self.dir)
        os.makedirs(tree + "/files")
        pathlib.Path(tree, "files", "smp-board").write_text(board.target + "\n", encoding="ascii")
        if options:
            pathlib.Path(tree, "files", "smp-options").write_text(options, encoding="ascii")
        for file in files:
            shutil.copy(file, tree + "/files")
        return tree

    def image(self, version="1.1.0"):
        return sim_image(version, os.path.join(self.dir, f"app-{version}.bin"), 20000)

    def module(self, state, tree, code=0):
        run = subprocess.run([SHIPPED / "smp", state, tree], env=self.env, capture_output=True,
                             text=True, check=False)
        self.assertEqual(run.returncode, code, run.stdout + run.stderr)
        return run.stdout.strip()

    def runs(self, board):
        images = smpctl("--json", "-c", board.target, "image", "list").json[0]["images"]
        return [(image["version"], image.get("confirmed", False)) for image in images
                if image.get("active")] + [image["version"] for image in images if image.get("pending")]

    def test_update(self):
        board = self.board()
        tree = self.payload(board, self.image())
        for state in ("Download", "ProvidePayloadFileSizes", "SomethingNew"):
            self.assertEqual(self.module(state, tree), "")
        self.module("ArtifactInstall", tree)
        self.assertEqual(self.runs(board), [("1.0.0", True), "1.1.0"])
        self.assertEqual(self.module("NeedsArtifactReboot", tree), "Yes")
        self.assertEqual(self.module("SupportsRollback", tree), "Yes")
        self.module("ArtifactVerifyReboot", tree, code=1)
        self.module("ArtifactReboot", tree)
        self.module("ArtifactVerifyReboot", tree)
        self.assertEqual(self.runs(board), [("1.1.0", False)])
        self.module("ArtifactCommit", tree)
        self.assertEqual(self.runs(board), [("1.1.0", True)])
        self.module("Cleanup", tree)

    def test_up_to_date(self):
        board = self.board()
        tree = self.payload(board, self.image())
        self.assertEqual(smpctl("-c", board.target, "update", self.image()).code, 0)
        self.module("ArtifactInstall", tree)
        self.assertEqual(self.module("NeedsArtifactReboot", tree), "No")
        self.module("ArtifactCommit", tree)
        self.assertEqual(self.runs(board), [("1.1.0", True)])

    def test_rollback(self):
        """before the restart, after it, and twice"""
        board = self.board()
        tree = self.payload(board, self.image())
        self.module("ArtifactInstall", tree)
        for _ in range(2):
            self.module("ArtifactRollback", tree)
            self.module("ArtifactVerifyRollbackReboot", tree)
            self.assertEqual(self.runs(board), [("1.0.0", True)])
        self.module("ArtifactInstall", tree)
        self.module("ArtifactReboot", tree)
        self.module("ArtifactVerifyRollbackReboot", tree, code=1)
        self.module("ArtifactRollback", tree)
        self.module("ArtifactVerifyRollbackReboot", tree)
        self.assertEqual(self.runs(board), [("1.0.0", True)])

    def test_trial_lost(self):
        """a board that went back by itself is not committed"""
        board = self.board()
        tree = self.payload(board, self.image())
        self.module("ArtifactInstall", tree)
        self.module("ArtifactReboot", tree)
        self.assertEqual(smpctl("-c", board.target, "reset").code, 0)
        end = time.monotonic() + 30
        while self.runs(board) != [("1.0.0", True)]:  # the old program answers for a while
            self.assertLess(time.monotonic(), end)
        self.module("ArtifactVerifyReboot", tree, code=1)
        self.module("ArtifactCommit", tree, code=1)
        self.assertEqual(self.runs(board), [("1.0.0", True)])

    def test_no_way_back(self):
        board = self.board("--board", "overwrite")
        tree = self.payload(board, self.image())
        self.module("ArtifactInstall", tree, code=7)
        self.assertEqual(self.runs(board), [("1.0.0", True)])
        tree = self.payload(board, self.image(), options="--allow-no-revert\n")
        self.module("ArtifactInstall", tree)
        self.assertEqual(self.module("SupportsRollback", tree), "No")
        self.module("ArtifactReboot", tree)
        self.module("ArtifactVerifyReboot", tree)
        self.module("ArtifactCommit", tree)
        self.assertEqual(self.runs(board), [("1.1.0", True)])

    def test_options(self):
        """an artifact brings no other options than those that are meant"""
        board = self.board()
        for option in ("--health=touch /tmp/x", "--allow-x;y", "-c", "--json", "--allow-x=1"):
            self.module("ArtifactInstall", self.payload(board, self.image(), options=option + "\n"),
                        code=2)

    def test_away(self):
        tree = self.payload(self.board(), self.image())
        pathlib.Path(tree, "files", "smp-board").write_text("/dev/none\n", encoding="ascii")
        for state in ("ArtifactInstall", "ArtifactReboot", "ArtifactVerifyReboot", "ArtifactCommit",
                      "ArtifactRollback", "ArtifactVerifyRollbackReboot"):
            with self.subTest(state):
                run = subprocess.run([SHIPPED / "smp", state, tree], env=self.env, check=False,
                                     capture_output=True, text=True)
                self.assertNotEqual(run.returncode, 0)
                self.assertIn("none", run.stderr)

    def artifact(self, board, *more):
        path = os.path.join(self.dir, "pump.mender")
        subprocess.run([SHIPPED / "smp-artifact-gen", "-n", "pump-1.1", "-t", "gateway", "-b",
                        board.target, "-o", path, *more, self.image()], env=self.env, check=True,
                       capture_output=True)
        return path

    @unittest.skipUnless(shutil.which("mender-artifact"), "no mender-artifact")
    def test_artifact(self):
        path = self.artifact(self.board(), "-x", "--allow-downgrade")
        text = subprocess.run(["mender-artifact", "read", path], capture_output=True, text=True,
                              check=True).stdout
        for line in ("Name: pump-1.1", "Compatible devices: '[gateway]'", "Type:   smp",
                     "name:     app-1.1.0.bin", "name:     smp-board", "name:     smp-options"):
            self.assertIn(line, text)

    def test_artifact_refused(self):
        """what no board would take is not packed"""
        bad = pathlib.Path(self.dir, "bad.bin")
        bad.write_bytes(b"nothing" * 100)
        gen, good = SHIPPED / "smp-artifact-gen", self.image()
        common = [gen, "-n", "x", "-t", "y", "-o", self.dir + "/x.mender"]
        for code, args in ((3, [*common, "-b", "z", bad]), (2, [*common, "-b", "z"]),
                           (2, [*common, good]), (2, [*common, "-b", "z", "-x", "--health=x", good])):
            run = subprocess.run(args, env=self.env, capture_output=True, text=True, check=False)
            self.assertEqual(run.returncode, code, run.stderr)
            self.assertFalse(os.path.exists(self.dir + "/x.mender"))

    @unittest.skipUnless(shutil.which("mender") and shutil.which("mender-artifact"), "no mender")
    @unittest.skipUnless(os.geteuid() == 0, "Mender looks for modules in /usr/share: needs root")
    def test_client(self):
        """the Mender client installs, rolls back, installs again and commits"""
        module = pathlib.Path("/usr/share/mender/modules/v3/smp")
        self.assertFalse(module.exists(), "is the module installed?")
        module.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SHIPPED / "smp", module)
        self.addCleanup(module.unlink)
        board, data = self.board(), pathlib.Path(self.dir, "data")
        path = self.artifact(board)
        data.mkdir()
        (data / "device_type").write_text("device_type=gateway\n", encoding="ascii")
        # What was installed by whoever made the gateway's system.
        name = pathlib.Path("/etc/mender/artifact_info")
        if not name.exists():
            name.parent.mkdir(exist_ok=True)
            name.write_text("artifact_name=first\n", encoding="ascii")
            self.addCleanup(name.unlink)
        config = pathlib.Path(self.dir, "mender.conf")
        config.write_text('{"ServerURL": "https://localhost"}', encoding="ascii")

        def mender(*args):
            run = subprocess.run(["mender", "--no-syslog", "--config", config, "--data", data, *args],
                                 env=self.env, capture_output=True, text=True, check=False)
            self.assertEqual(run.returncode, 0, run.stderr)

        mender("install", path)
        self.assertEqual(self.runs(board), [("1.0.0", True), "1.1.0"])
        mender("rollback")
        self.assertEqual(self.runs(board), [("1.0.0", True)])
        mender("install", path)
        (tree,) = data.glob("modules/v3/payloads/*/tree")
        self.module("ArtifactReboot", str(tree))
        mender("commit")
        self.assertEqual(self.runs(board), [("1.1.0", True)])


if __name__ == "__main__":
    main()
