# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a person is told to do where a board refuses: by the command, and by what the board is."""

import time
import unittest

from common import OnBoard, TestCase

LONG = "/lfs1/" + "x" * 85
RECOVERY = "is in MCUboot's serial recovery"


class Missing(TestCase):
    """A command that the board does not have."""

    def hint(self, target, *args):
        status, out, err = self.run_smpctl("-c", target, *args)
        self.assertEqual((status, out), (6, ""), err)
        error = self.json("-c", target, *args, status=6)[0]["error"]
        self.assertEqual((error["code"], error["rc"]), ("ENOTSUP", 8))
        text = "".join(line.removeprefix("  ") + " " for line in err.splitlines()[1:]).strip()
        self.assertEqual(error["hint"], text)
        return text

    def test_recovery(self):
        """It has no groups to enable, and its own way out."""
        for options in ((), ("--blank",)):
            target = self.board("--pty", "--board", "recovery", *options).target
            for args in (("settings", "read", "x"), ("os", "info"), ("fs", "status", "x"),
                         ("raw", "read", "64", "0"), ("log", "list"), ("image", "erase"),
                         ("echo", "hi")):
                with self.subTest([options, args]):
                    hint = self.hint(target, *args)
                    self.assertIn(RECOVERY, hint)
                    self.assertIn("`smpctl reset` starts the application", hint)
                    self.assertNotIn("CONFIG_", hint)

    def test_recovery_with_flags(self):
        """MCUboot that can mark images lists flags and has one buffer (boot_serial.c); so may an
        application, which knows its name."""
        answers = {(1, 0): {"images": [{"slot": 0, "version": "1.0.0", "hash": bytes(32),
                                        "active": 1}]},
                   (0, 6): {"buf_size": 1024, "buf_count": 1}}
        self.assertIn(RECOVERY, self.hint(self.puppet(answers), "settings", "read", "x"))
        answers[0, 7] = {"output": "Zephyr"}
        self.assertNotIn(RECOVERY, self.hint(self.puppet(answers), "settings", "read", "x"))

    def test_recovery_that_falls_silent(self):
        """The question is not worth a long wait."""
        target = self.puppet({(1, 0): None})
        began = time.monotonic()
        self.assertNotIn(RECOVERY, self.hint(target, "settings", "read", "x"))
        # Two times, text and JSON; an image list that is wanted has 15 s.
        self.assertLess(time.monotonic() - began, 14)

    def test_option_and_group(self):
        """A group that is not there answers as a command that is not there."""
        target = self.board("--pty").target
        for args, group, option in ((("fs", "status", "/x"), "FS", "FILE_STATUS"),
                                    (("fs", "hash", "/x"), "FS", "CHECKSUM_HASH"),
                                    (("fs", "types"), "FS", "CHECKSUM_HASH_SUPPORTED_CMD"),
                                    (("storage", "erase"), "ZBASIC", "STORAGE_ERASE"),
                                    (("os", "datetime"), "OS", "DATETIME")):
            with self.subTest(args):
                both = f"CONFIG_MCUMGR_GRP_{group}=y and CONFIG_MCUMGR_GRP_{group}_{option}=y"
                self.assertEqual(self.hint(target, *args),
                                 f"The firmware on the board needs {both} for this.")
        self.assertEqual(self.hint(target, "settings", "read", "x"),
                         "The firmware on the board needs CONFIG_MCUMGR_GRP_SETTINGS=y for this.")

    def test_mynewt_has_no_options(self):
        target = self.board("--pty", "--board", "mynewt").target
        for args in (("os", "info"), ("fs", "status", "/x"), ("image", "slots")):
            with self.subTest(args):
                hint = self.hint(target, *args)
                self.assertRegex(hint, "does not have this; Zephyr needs CONFIG_MCUMGR_GRP_")
                self.assertNotIn("The firmware on the board needs", hint)


class Zephyr(OnBoard):
    OPTIONS = ("--board", "full", "--rtc")

    def test_size_of_a_setting(self):
        """Zephyr says of a size what it says of a name."""
        for args in (("app/interval", "1", "--as", "int", "--size", "8"), ("app/name", "a" * 100)):
            self.refused("settings", "write", *args, code=("settings", "ROOT_KEY_NOT_FOUND"),
                         hint="also of a key that it has, where the value is longer or shorter")

    def test_path(self):
        file = self.write("f", b"x" * 10)
        for args in (("upload", file, LONG), ("download", LONG, "g"), ("status", LONG), ("hash", LONG)):
            with self.subTest(args[0]):
                status, _, err = self.run_smpctl("fs", *args)
                self.assertEqual(status, 6)
                self.assertIn("CONFIG_MCUMGR_GRP_FS_PATH_LEN", err)
        status, _, err = self.run_smpctl("fs", "upload", file, LONG * 40)
        self.assertEqual(status, 1)
        self.assertIn("the path is too long, or the board's buffers", err)

    def test_empty_names(self):
        """Nothing is sent; values may be empty."""
        file = self.write("f", b"x")
        for args, name in ((("settings", "read", ""), "NAME"), (("settings", "write", "", "x"), "NAME"),
                           (("settings", "delete", ""), "NAME"), (("settings", "save", ""), "NAME"),
                           (("stat", ""), "GROUP"), (("config", ""), "NAME"),
                           (("config", "", "x"), "NAME"), (("fs", "status", ""), "PATH"),
                           (("fs", "hash", ""), "PATH"), (("fs", "upload", file, ""), "DST"),
                           (("fs", "download", "", "g"), "SRC"), (("log", "show", ""), "NAME"),
                           (("run", "test", ""), "NAME")):
            with self.subTest(args):
                self.usage(*args, text=f"smpctl: {name} must not be empty\n")
        self.good("settings", "write", "app/note", "")
        self.assertEqual(self.good("echo", ""), "\n")

    def test_time(self):
        for text in ("2026-01-02T03:04:05", "2026-01-02 03:04:05", "2026/02/28t23:59:59Z",
                     "2026-01-02T03:04:05+01:00", "2026-01-02T03:04:05.123"):
            with self.subTest(text):
                self.assertEqual(self.good("os", "datetime", text), "Done\n")
        self.refused("os", "datetime", "2026-01-02T03:04:05.123456+01:00", code=("SMP", "EINVAL"),
                     hint="Zephyr no more than 6 characters")


class Mynewt(OnBoard):
    OPTIONS = ("--board", "mynewt")

    def test_names(self):
        for args, code, hint in ((("stat", "nope"), "ENOENT", "See `stat list`."),
                                 (("run", "test", "nope"), "ENOENT", "See `run list`."),
                                 (("log", "show", "nope"), "ENOENT", "See `log list`."),
                                 (("config", "nope"), "EINVAL", "Probably there is no such name"),
                                 (("settings", "read", "nope"), "EINVAL",
                                  "Probably there is no such name")):
            with self.subTest(args):
                self.refused(*args, code=("SMP", code), hint=hint)

    def test_time(self):
        for text in ("foo", "", "2026-13-02T00:00:00", "2026-02-29T00:00:00", "2026-01-02T24:00:00",
                     "2026-01-02", "2026-01-02T03:04", "20260102T030405", "2026-1-2T3:4:5",
                     "2026-01-02T03:04:5x", "12026-01-02T03:04:05"):
            with self.subTest(text):
                self.usage("os", "datetime", text, text=f"“{text}” is no time; it takes now or YYYY-")
                self.usage("datetime", text, text="is no time")
        for text in ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.123456+01:00"):
            self.assertEqual(self.good("os", "datetime", text), "Done\n")
        self.refused("os", "datetime", "2026-01-02T03:04:05+x", code=("SMP", "ECORRUPT"),
                     hint="Boards take YYYY-MM-DDThh:mm:ss")
        self.assertNotIn("mtu", self.run_smpctl("os", "datetime", "2026-01-02T03:04:05+x")[2])


if __name__ == "__main__":
    unittest.main()
