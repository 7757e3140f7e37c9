# SPDX-License-Identifier: LGPL-2.1-or-later
"""The manual pages have what --help has, and nothing else."""

import pathlib
import re
import shutil
import subprocess
import unittest

from common import PATIENCE, SMPSIM, TestCase

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "smpctl.1.rst"
ARGUMENTS = ("all", "save", "last", "assert", "wdog")
HIDDEN = ("version", "taskstat", "mpstat", "datetime", "res", "interactive")


class Manual(TestCase):
    def setUp(self):
        super().setUp()
        # What stands in literals are examples and other programs.
        self.text = re.sub(r"``[^`]*``", "", PAGE.read_text(encoding="utf-8"))
        self.commands, self.options = self.text.split("\nCOMMANDS\n")[1].split("\nOPTIONS\n")
        self.options = self.options.split("\nEXIT STATUS\n")[0]

    def names(self):
        """All commands."""
        cli = DOCS.parent / "src/cli"
        table = "".join((cli / name).read_text(encoding="utf-8")
                        for name in sorted(path.name for path in cli.glob("commands*.c")))
        return sorted(re.findall(r'^\t\t\.name = "([^"]+)",$', table, re.M))

    def test_names(self):
        """The short help leads to every command."""
        text = self.good("--help")
        for name in set(self.names()) - set(HIDDEN) - {"ensure"}:
            with self.subTest(name):
                self.assertRegex(text, rf"\b{name.split()[0]}\b")
                self.assertIn(f"Usage:\n  smpctl [OPTION…] {name}", self.good(*name.split(), "--help"))

    def section(self, command):
        """What the page says of a command: its heading and all that is indented below."""
        match = re.search(rf"^(?=\*\*)[^\n]*\*\*{command}\*\*[^\n]*\n(?:(?: [^\n]*)?\n)*",
                          self.commands, re.M)
        self.assertIsNotNone(match, f"{command} is not in {PAGE.name}")
        return match[0]

    def help_options(self, *command):
        """(options of the command, options of every command), as ("-n", "--image")."""
        own, every = self.good(*command, "--help").split("Options of every command:")
        return [{(short or None, long) for short, long in
                 re.findall(r"^  (?:(-\w), )?(--[a-z-]+)", part, re.M)} for part in (own, every)]

    @staticmethod
    def page_options(text):
        return {(short or None, long) for short, long in
                re.findall(r"^(?:    )?(?:\*{0,2}(-\w)\*{0,2}, )?\*{0,2}(--[a-z-]+)", text, re.M)}

    def test_commands(self):
        names = self.names()
        self.assertGreaterEqual(len(names), 50)
        for name in names:
            with self.subTest(name):
                self.section(name)
        headings = [name for line in re.findall(r"^\*\*[^\n]+", self.commands, re.M)
                    for name in re.findall(r"\*\*([a-z_ ]+)\*\*", line)]
        self.assertEqual(sorted(set(headings) - set(names) - {"now", "type", "connstring", *ARGUMENTS}), [])

    def test_options_of_commands(self):
        for name in self.names():
            with self.subTest(name):
                self.assertEqual(self.page_options(self.section(name)),
                                 self.help_options(*name.split())[0])

    def test_options_of_every_command(self):
        self.assertEqual(self.page_options(self.options), self.help_options("status")[1])

    def test_exit_statuses(self):
        """Those of cli.h and no others."""
        header = (DOCS.parent / "src/cli/cli.h").read_text(encoding="utf-8")
        values = {int(n) for n in re.findall(r"SMPCTL_EXIT_\w+ = (\d+)", header)}
        table = self.text.split("\nEXIT STATUS\n")[1].split("\nFILES\n")[0]
        self.assertEqual({int(n) for n in re.findall(r"^(\d+)$", table, re.M)}, values)


class Simulator(TestCase):
    def setUp(self):
        super().setUp()
        self.help = self.good("--help-all", program=SMPSIM)
        self.text = (DOCS / "smpsim.1.rst").read_text(encoding="utf-8")

    def listed(self, heading):
        """What stands below a heading at the end of the help."""
        return self.help.split(f"\n{heading}:\n")[1].split("\n\n")[0]

    def test_options(self):
        helped = set(re.findall(r"^  (?:-\w, )?(--[a-z0-9-]+)", self.help, re.M))
        groups = {option for option in helped if option.startswith("--help-")} - {"--help-all"}
        self.assertGreaterEqual(len(helped), 50)
        self.assertEqual(set(re.findall(r"\*\*(--[a-z0-9-]+)\*\*", self.text)), helped - groups)

    def test_boards(self):
        boards = re.findall(r"^  (\w+) ", self.listed("Boards"), re.M)
        self.assertGreaterEqual(len(boards), 11)
        section = self.text.split("\nBOARDS\n")[1].split("\nEXAMPLES\n")[0]
        headings = re.findall(r"^\*\*([^*]+)\*\*$", section, re.M)
        self.assertEqual(sorted(", ".join(headings).split(", ")), sorted(boards))

    def test_faults(self):
        faults = self.listed("Faults").replace("\n", " ").split(",")
        self.assertGreaterEqual(len(faults), 12)
        self.assertEqual(re.findall(r"^    \*\*([^*]+)\*\*$", self.text, re.M),
                         [fault.strip() for fault in faults])


RST2MAN = shutil.which("rst2man") or shutil.which("rst2man.py")


class Typeset(unittest.TestCase):
    @unittest.skipUnless(RST2MAN and shutil.which("groff"), "no rst2man or no groff")
    def test_warnings(self):
        """man(1) has nothing to say against them."""
        for page in DOCS.glob("*.rst"):
            with self.subTest(page.name):
                source = subprocess.run([RST2MAN, "--strict", page], capture_output=True, check=True,
                                        timeout=PATIENCE).stdout
                done = subprocess.run(["groff", "-K", "utf8", "-t", "-man", "-T", "utf8", "-ww"],
                                      input=source, capture_output=True, check=True, timeout=PATIENCE)
                self.assertEqual(done.stderr.decode(), "")


if __name__ == "__main__":
    unittest.main()
