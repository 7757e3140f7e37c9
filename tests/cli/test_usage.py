# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line: help, mistakes, where options may stand."""

import unittest

from common import TestCase


class Usage(TestCase):
    def assert_usage(self, args, *sentences):
        status, out, err = self.run_smpctl(*args)
        self.assertEqual(status, 2, err)
        self.assertEqual(out, "")
        lines = err.splitlines()
        self.assertTrue(lines[0].startswith("smpctl: "), err)
        self.assertTrue(lines[-1].startswith("Usage: smpctl "), err)
        self.assertEqual(len(lines), 2, err)
        for sentence in sentences:
            self.assertIn(sentence, err)

    def test_help_fits_one_screen(self):
        lines = self.good("--help").splitlines()
        self.assertLessEqual(len(lines), 24)
        self.assertLessEqual(max(map(len, lines)), 80)
        for command in ("discover", "status", "update", "image upload FILE", "echo", "watch"):
            self.assertTrue(any(command in line for line in lines), command)

    def test_each_command_has_an_example(self):
        commands = []
        for family in ("image", "os", "conn", "ble", "device", "job"):
            for line in self.good(family, "--help").splitlines()[1:]:
                commands.append(line.split()[:2])
        commands += [[word] for word in ("discover", "status", "update", "echo", "reset")]
        self.assertGreaterEqual(len(commands), 20)
        for command in commands:
            with self.subTest(command):
                text = self.good(*command, "--help")
                self.assertIn("Example:\n  smpctl ", text)
                self.assertIn(" ".join(command), text.splitlines()[1])

    def test_help_word(self):
        self.assertEqual(self.good("help", "image", "upload"), self.good("image", "upload", "-h"))
        self.assertEqual(self.good("help"), self.good("--help"))

    def test_version(self):
        self.assertRegex(self.good("version"), r"^smpctl \d+\.\d+\.\d+\n$")
        self.assertEqual(self.good("version"), self.good("--version"))

    def test_no_command(self):
        self.assert_usage([], "no command given")

    def test_unknown_command(self):
        self.assert_usage(["frobnicate"], "unknown command “frobnicate”", "`smpctl --help`")

    def test_suggestions(self):
        for typed, meant in (
            (["image", "lst"], "image list"),
            (["imgae", "list"], "image list"),
            (["upload", "x"], "image upload"),
            (["udpate", "x"], "update"),
            (["stats"], "status"),
        ):
            with self.subTest(typed):
                self.assert_usage(typed, f"did you mean “{meant}”?")

    def test_incomplete_command(self):
        self.assert_usage(["image"], "image what?", "`smpctl image --help`")

    def test_missing_argument(self):
        self.assert_usage(["image", "upload"], "image upload needs FILE", "Usage: smpctl [OPTION…] image upload FILE")

    def test_surplus_argument(self):
        self.assert_usage(["-c", "sim:swap", "echo", "a", "b"], "echo does not take “b”")

    def test_unknown_option(self):
        self.assert_usage(["image", "list", "--frobnicate"], "Unknown option --frobnicate")

    def test_bad_values(self):
        self.assert_usage(["-t", "0", "image", "list"], "--timeout")
        self.assert_usage(["-t", "x", "image", "list"], "“x”")
        self.assert_usage(["-r", "0", "image", "list"], "--tries")
        self.assert_usage(["-m", "-1", "image", "list"], "--mtu-ovrd")
        self.assert_usage(["-l", "loud", "image", "list"], "unknown log level “loud”")
        self.assert_usage(["image", "upload", "-n", "-1", "x"], "must not be negative")
        self.assert_usage(["-c", "/nowhere", "image", "erase", "-s", "-2"], "must not be negative")
        self.assert_usage(["update", "--test-only", "--confirm", "x"], "only one of")
        self.assert_usage(["image", "test", "xyz"], "“xyz” is no image hash")

    def test_no_board(self):
        self.assert_usage(["image", "list"], "which board?", "-c", "SMPCTL_CONN")

    def test_unknown_board(self):
        self.assert_usage(["-c", "nowhere", "echo", "x"], "no connection profile “nowhere”")

    def test_options_anywhere(self):
        target = self.board("--udp", "0").target
        for args in (
            ["-c", target, "echo", "hello"],
            ["echo", "-c", target, "hello"],
            ["echo", "hello", "-c", target],
            [f"--conn={target}", "echo", "-t", "5", "hello", "-q"],
            ["-t5", "-r=2", "-linfo", "-i", "0", "-m", "300", "echo", "hello", f"-c{target}"],
            ["-c", target, "echo", "--", "hello"],
        ):
            with self.subTest(args):
                self.assertEqual(self.good(*args), "hello\n")
        self.assertEqual(self.good("-c", target, "echo", "--", "-t"), "-t\n")
        self.assertEqual(self.good("image", "-c", target, "list").split()[0], "Images:")

    def test_environment(self):
        self.environment["SMPCTL_CONN"] = self.board("--udp", "0").target
        self.assertEqual(self.good("echo", "hello"), "hello\n")
        status, _, _ = self.run_smpctl("-c", "udp:127.0.0.1:1", "-t", "0.2", "echo", "hello")
        self.assertNotEqual(status, 0)


if __name__ == "__main__":
    unittest.main()
