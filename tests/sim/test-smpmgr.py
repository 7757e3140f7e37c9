#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Another person's client updates the simulated board: smpmgr, named by $SMPMGR or in $PATH."""

import os
import shutil
import subprocess
import sys
import tempfile

import smp

SMPMGR = os.environ.get("SMPMGR") or shutil.which("smpmgr")
QUICK = ("--reset-time", "50", "--boot-time", "50")


def smpmgr(board, *arguments):
    port = ["--ip", board.where.split(":")[0]] if board.kind == "UDP" else ["--port", board.where]
    return subprocess.run([SMPMGR, "--timeout", "5", *port, *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60)


def run(tap, board, what, *arguments):
    result = smpmgr(board, *arguments)
    tap.check(result.returncode == 0, "smpmgr %s" % what, result.stdout)
    return result.stdout


def test_board(tap, folder, *options):
    data, image_hash = smp.make_image("1.1.0", folder)
    path = os.path.join(folder, "image-1.1.0.bin")
    name = " ".join(options)
    with smp.Board(*options, *QUICK) as board:
        tap.check("hi there" in run(tap, board, name + ": echo", "os", "echo", "hi there"),
                  name + ": the echo comes back")
        run(tap, board, name + ": upload", "image", "upload", path)
        listed = run(tap, board, name + ": list", "image", "state-read")
        tap.check("1.1.0" in listed, name + ": smpmgr sees the new image", listed)
        run(tap, board, name + ": test", "image", "state-write", image_hash.hex())
        run(tap, board, name + ": reset", "os", "reset")
        board.wait()
        tap.equal(board.images()[0, 0], ("1.1.0", "A"), name + ": on trial")
        run(tap, board, name + ": confirm", "image", "state-write", "--confirm", image_hash.hex())
        tap.equal(board.images()[0, 0], ("1.1.0", "CA"), name + ": confirmed")


def main():
    if not SMPMGR:
        print("1..0 # SKIP smpmgr is not there: pip install smpmgr, or set SMPMGR")
        return 0
    tap = smp.Tap()
    with tempfile.TemporaryDirectory() as folder:
        test_board(tap, folder, "--board", "swap")
        test_board(tap, folder, "--board", "swap", "--log")
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
