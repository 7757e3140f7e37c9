# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of whole updates share: boards that are known again, and how an update ended."""

import os
import re

from common import TestCase


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
