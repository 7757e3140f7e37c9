# SPDX-License-Identifier: LGPL-2.1-or-later
"""Completion: what smpctl offers, and bash, zsh and fish with it. No device is opened."""

import json
import os
import pathlib
import pty
import re
import select
import shutil
import stat
import subprocess
import time
import unittest

from common import PATIENCE, SMPCTL, TestCase

FILES = pathlib.Path(__file__).resolve().parents[2] / "completion"


class Completion(TestCase):
    def lines(self, *words, **options):
        done = subprocess.run([SMPCTL, "__complete", *words], capture_output=True, text=True,
                              env=self.environment, cwd=self.directory, timeout=PATIENCE,
                              check=True, **options)
        self.assertEqual(done.stderr, "")
        return [line.split("\t", 1) for line in done.stdout.splitlines()]

    def complete(self, *words):
        return [name for name, _ in self.lines(*words)]


class Words(Completion):
    def test_every_command(self):
        """All words of the short help, and those of each family."""
        firsts = self.complete("")
        self.assertEqual(len(firsts), len(set(firsts)))
        for word in ("discover", "status", "image", "update", "conn", "device", "stat", "shell"):
            self.assertIn(word, firsts)
        for hidden in ("taskstat", "res", "interactive", "__complete"):
            self.assertNotIn(hidden, firsts)
        for family in firsts:
            seconds = [word for word, what in self.lines(family, "") if not word.startswith(":")]
            text = self.good(family, "--help")
            for second in re.findall(rf"^ +{family} ([a-z]+)", text, re.M):
                self.assertIn(second, seconds)
        self.assertEqual(self.complete("im"), ["image"])
        self.assertEqual(self.complete("image", "co"),
                         ["confirm", "corelist", "coredownload", "coreerase"])
        self.assertEqual(self.complete("frobnicate", ""), [])

    def test_every_option(self):
        """Those of the help of each command, and no others."""
        for first in self.complete(""):
            for name in [[first], *([first, second] for second in self.complete(first, ""))]:
                status, text, _ = self.run_smpctl(*name, "--help")
                if status or "Options of every command" not in text:
                    continue
                with self.subTest(name):
                    helped = re.findall(r"^  (?:-\w, )?(--[a-z-]+)", text, re.M)
                    self.assertEqual(sorted(self.complete(*name, "--")), sorted(helped))
                    self.assertGreater(len(helped), 10)

    def test_values(self):
        for words, wanted in ((["--conntype", ""], ["serial", "udp", "ble"]),
                              (["--conntype=u"], ["--conntype=udp"]),
                              (["-l", "d"], ["debug"]),
                              (["update", "--bootloader="],
                               ["--bootloader=auto", "--bootloader=s0", "--bootloader=s1"]),
                              (["update", "--stop-before", "re"], ["reset"]),
                              (["update", "--allow-downgrade", "--stop-before", "re"], ["reset"]),
                              (["settings", "read", "x", "--as", "h"], ["hex"]),
                              (["crash", "d"], ["div0"]), (["os", "datetime", ""], ["now"]),
                              (["conn", "add", "a", ""], ["type="]),
                              (["conn", "add", "a", "type=ble", ""], ["connstring="]),
                              (["log", "show", "a", "l"], ["last"]), (["config", ""], ["save"]),
                              (["image", "inspect", "-k", "key"], [":files", "keyhash:"]),
                              (["raw", "read", "s"], ["stat", "settings", "split", "shell"]),
                              (["raw", "write", "os", ""], []), (["stat", ""], ["list"]),
                              (["-t", ""], []), (["echo", ""], []), (["echo", "--", "-"], []),
                              (["fs", "upload", "a", ""], []), (["image", "list", ""], []),
                              (["help", "image", "li"], ["list"]), (["-c", "x", "ec"], ["echo"])):
            with self.subTest(words):
                self.assertEqual(self.complete(*words), wanted)

    def test_files(self):
        for words, prefix in ((["update", ""], ""), (["update", "a", "1:b"], "1:"),
                              (["image", "upload", "a"], ""), (["update", "--key=a"], "--key="),
                              (["fs", "upload", ""], ""), (["fs", "download", "a", ""], ""),
                              (["raw", "read", "os", "0", "@"], "@")):
            with self.subTest(words):
                self.assertEqual(self.lines(*words), [[":files", prefix]])

    def test_profiles(self):
        self.good("conn", "add", "esp", "type=serial", "connstring=/dev/ttyUSB7")
        self.good("conn", "add", "my board", "type=ble", "connstring=peer_name=x")
        self.assertEqual(self.lines("conn", "delete", "")[0], ["esp", "serial /dev/ttyUSB7"])
        self.assertEqual(self.complete("conn", "show", "my"), ["my board"])
        self.assertEqual(self.complete("-c", "e"), ["esp"])
        self.assertEqual(self.complete("--conn=e"), ["--conn=esp"])
        self.assertIn("ble:", self.complete("-c", ""))
        for words in (["doctor"], ["console"], ["ble", "pair"], ["ble", "forget"]):
            self.assertEqual(self.complete(*words, "e"), ["esp"])
            self.assertIn("ble:", self.complete(*words, ""))
        self.assertNotIn("esp", self.complete("device", "add", "x", ""))
        self.write(".mcumgr.cp.json", b"[")
        self.assertEqual(self.complete("conn", "show", ""), [])

    def test_ports(self):
        """those of `discover`, and stable names, which are in a /dev of our own here"""
        targets = [port["target"] for port in self.json("discover")[0]["ports"]]
        script = ("mount -t tmpfs none /dev && mkdir -p /dev/serial/by-id && "
                  "mkfifo /dev/serial/by-id/usb-X-if00 && "
                  f"exec {SMPCTL} __complete -c /dev/")
        done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True,
                              text=True, env=self.environment, timeout=PATIENCE, check=False)
        if done.returncode:
            self.skipTest(f"no /dev of our own: {done.stderr.strip()}")
        self.assertEqual([line.split("\t")[0] for line in done.stdout.splitlines()],
                         ["/dev/serial/by-id/usb-X-if00", *targets, ":files"])


class Hashes(Completion):
    def setUp(self):
        super().setUp()
        self.target = self.board("--pty").target
        self.good("-c", self.target, "image", "list")
        self.hash = self.json("-c", self.target, "image", "list")[0]["images"][0]["hash"]

    def cache(self):
        return pathlib.Path(self.directory, ".cache/smpctl/images")

    def test_offered(self):
        for words in (["-c", self.target, "image", "test", ""],
                      ["image", "confirm", "-c", self.target, self.hash[:5]],
                      [f"--conn={self.target}", "confirm", ""],
                      ["--conntype", "serial", "--connstring", self.target, "image", "test", ""]):
            with self.subTest(words):
                self.assertEqual(self.lines(*words),
                                 [[self.hash, "1.0.0 in slot 0 of image 0, runs"]])
        self.assertEqual(self.complete("image", "test", ""), [])
        self.assertEqual(self.complete("-c", "udp:192.0.2.1", "image", "test", ""), [])
        self.assertEqual(self.complete("-c", self.target, "image", "test", "zz"), [])
        self.environment["SMPCTL_CONN"] = self.target
        self.assertEqual(self.complete("image", "test", ""), [self.hash])

    def test_status_and_profile(self):
        self.cache().unlink()
        self.good("-c", self.target, "status")
        self.good("conn", "add", "a", "type=serial", f"connstring=dev={self.target}")
        self.assertEqual(self.complete("confirm", ""), [self.hash])

    def test_private_and_bounded(self):
        self.assertEqual(stat.S_IMODE(self.cache().stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(self.cache().parent.stat().st_mode), 0o700)
        self.assertNotIn(self.target, self.cache().read_text())
        written = self.cache().stat().st_mtime_ns
        self.good("-c", self.target, "image", "list")
        self.assertEqual(self.cache().stat().st_mtime_ns, written, "nothing new is not written")
        with self.cache().open("a") as file:
            file.writelines(f"[{n:064x}]\nimages=00 x;\n" for n in range(100))
        board = self.board("--udp", "0").target
        self.good("-c", board, "image", "list")
        self.assertEqual(self.cache().read_text().count("["), 32)
        self.assertEqual(self.complete("-c", board, "image", "test", ""), [self.hash])

    def test_damaged(self):
        self.cache().write_bytes(b"\0[[\xff")
        self.assertEqual(self.complete("-c", self.target, "image", "test", ""), [])
        self.good("-c", self.target, "image", "list")
        self.assertEqual(self.complete("-c", self.target, "image", "test", ""), [self.hash])
        shutil.rmtree(self.cache().parent)
        self.cache().parent.write_bytes(b"in the way")
        self.good("-c", self.target, "image", "list")

    def test_nothing_is_opened(self):
        """strace sees no device, no socket"""
        if not shutil.which("strace"):
            self.skipTest("no strace")
        self.good("conn", "add", "a", "type=serial", f"connstring=dev={self.target}")
        self.environment["ASAN_OPTIONS"] = "detect_leaks=0"
        for words in (["-c", self.target, "image", "test", ""], ["-c", "a", "confirm", ""],
                      ["-c", "ble:x", "image", "test", ""], ["-c", "usb:1915:520f", "confirm", ""],
                      ["-c", "sim:swap", "confirm", ""], ["-c", "/dev/"], ["device", "show", ""],
                      ["confirm", ""]):
            with self.subTest(words):
                trace = self.path("trace")
                done = subprocess.run(
                    ["strace", "-f", "-o", trace, "-e", "trace=open,openat,socket,execve", SMPCTL,
                     "__complete", *words], capture_output=True, text=True, env=self.environment,
                    timeout=PATIENCE, check=False)
                if "ptrace" in done.stderr:
                    self.skipTest(f"strace cannot trace here: {done.stderr.strip()}")
                text = pathlib.Path(trace).read_text()
                self.assertIn("+++ exited with 0 +++", text)
                self.assertEqual(text.count("execve("), 1)
                self.assertNotIn("socket(", text)
                opened = re.findall(r'open(?:at)?\((?:AT_FDCWD, )?"(/dev/[^"]*)", (\S+)',
                                    text)
                self.assertEqual([path for path, flags in opened if "O_DIRECTORY" not in flags and
                                  path not in ("/dev/null", "/dev/urandom")], [])


class Typed:
    """A shell in a terminal."""

    def __init__(self, *args, **options):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(options["cwd"])
            os.execvpe(args[0], args, options["env"])
        self.text = ""

    def type(self, text):
        self.text = ""
        os.write(self.fd, text.encode())

    def wait_for(self, wanted):
        deadline = time.monotonic() + 20
        while wanted not in self.plain():
            if not select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"no {wanted!r} in {self.plain()!r}")
            self.text += os.read(self.fd, 4096).decode(errors="replace")

    def plain(self):
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|[\x07\r]", "", self.text)

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


class Shells(Completion):
    def setUp(self):
        super().setUp()
        self.environment["PATH"] = os.path.dirname(SMPCTL) + ":" + self.environment["PATH"]
        self.environment["TERM"] = "dumb"
        self.write("app one.bin", b"")
        self.write("app.zip", b"")
        self.good("conn", "add", "esp", "type=serial", "connstring=/dev/ttyUSB7")
        self.good("conn", "add", "my board", "type=serial", "connstring=/dev/ttyUSB7")

    def shell(self, *args):
        if not shutil.which(args[0]):
            self.skipTest(f"no {args[0]}")
        shell = Typed(*args, env=self.environment, cwd=self.directory)
        self.addCleanup(shell.close)
        return shell

    def bash(self, line):
        """COMPREPLY for what is typed; bash itself cuts it into words."""
        script = f"""
            source {FILES / 'smpctl'}
            complete -p smpctl >&2
            COMP_LINE=$1 COMP_POINT=${{#1}}
            shift
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
            _smpctl
            printf '%s\\n' "${{COMPREPLY[@]}}" """
        # As readline does with the default COMP_WORDBREAKS.
        words = re.findall(r"[=:]+|[^\s=:]+", line)
        if line[-1] in " =:":
            words.append("")
        done = subprocess.run(["bash", "--norc", "-c", script, "bash", line, *words], check=True,
                              capture_output=True, text=True, env=self.environment,
                              cwd=self.directory, timeout=PATIENCE)
        self.assertEqual(done.stderr, "complete -F _smpctl smpctl\n")
        return done.stdout.split("\n")[:-1]

    def test_bash(self):
        for line, wanted in (("smpctl ima", ["image"]),
                             ("smpctl image inspect ap", ["app one.bin", "app.zip"]),
                             ("smpctl -c es", ["esp"]), ("smpctl -c my", ["my\\ board"]),
                             ("smpctl --conn=es", ["esp"]), ("smpctl --conntype ", ["serial", "udp", "ble"]),
                             ("smpctl --conn=usb", ["usb:"]), ("smpctl -c us", ["usb:"]),
                             ("smpctl update 1:app.", ["app.zip"]),
                             ("smpctl update --key=app.", ["app.zip"]),
                             ("smpctl conn add x ty", ["type="]), ("smpctl frob ", [""])):
            with self.subTest(line):
                # Files come as they lie in their folder.
                self.assertEqual(sorted(self.bash(line)), sorted(wanted))

    def test_bash_typed(self):
        shell = self.shell("bash", "--norc", "-i")
        shell.type(f"PS1='READY '; bind 'set bell-style none'; source {FILES / 'smpctl'}\n")
        shell.wait_for("\nREADY ")
        for typed, wanted in (("smpctl ima\t", "smpctl image "), ("lis\t", "list "),
                              ("--conntype=se\t", "--conntype=serial "), ("-c my\t", "my\\ board ")):
            shell.type(typed)
            shell.wait_for(wanted)

    def test_zsh_typed(self):
        os.mkdir(self.path("zsh"))
        shutil.copy(FILES / "_smpctl", self.path("zsh"))
        shell = self.shell("zsh", "-f", "-i")
        shell.type("PS1='READY '; unsetopt zle_bracketed_paste beep; fpath=(~/zsh $fpath); "
                   "autoload -Uz compinit; compinit -u -d ~/dump; echo LOAD''ED\n")
        shell.wait_for("LOADED\n")
        shell.wait_for("READY ")
        for typed, wanted in (("smpctl ima\t", "image "), ("lis\t", "list "),
                              ("--conntype=se\t", "serial"), (" -c my\t", "my\\ board "),
                              ("\x15smpctl -c us\t", "usb:"),
                              ("\x15smpctl image inspect app.\t", "app.zip"),
                              ("\x15smpctl update 1:app.\t", "1:app.zip")):
            shell.type(typed)
            shell.wait_for(wanted)

    def test_as_the_go_tool(self):
        """What the manual says to complete a link named mcumgr by, which is not completed before."""
        os.symlink(SMPCTL, self.path("mcumgr"))
        self.environment["PATH"] = self.directory + ":" + self.environment["PATH"]
        manual = FILES.parent.joinpath("docs", "smpctl.1.rst").read_text()
        lines = {line.split("#")[1].strip(): line.split("#")[0].strip()
                 for line in re.findall(r"^    .*mcumgr.*# (?:bash|zsh|fish)$", manual, re.M)}
        bash = lines["bash"].replace("/usr/share/bash-completion/completions", str(FILES))
        done = subprocess.run(
            ["bash", "--norc", "-c", f"""source {FILES / 'smpctl'}; complete -p mcumgr; {bash}
             COMP_LINE='mcumgr ima' COMP_POINT=10 COMP_WORDS=(mcumgr ima) COMP_CWORD=1
             $(complete -p mcumgr | cut -d' ' -f3); echo "${{COMPREPLY[@]}}" """],
            capture_output=True, text=True, env=self.environment, cwd=self.directory,
            timeout=PATIENCE, check=True)
        self.assertEqual(done.stdout, "image\n")
        self.assertIn("no completion specification", done.stderr)
        os.mkdir(self.path("zsh"))
        shutil.copy(FILES / "_smpctl", self.path("zsh"))
        if shutil.which("zsh"):
            shell = self.shell("zsh", "-f", "-i")
            shell.type("PS1='READY '; unsetopt zle_bracketed_paste beep; fpath=(~/zsh $fpath); "
                       f"autoload -Uz compinit; compinit -u -d ~/dump; {lines['zsh']}; echo LOAD''ED\n")
            shell.wait_for("LOADED\n")
            shell.wait_for("READY ")
            shell.type("mcumgr ima\t")
            shell.wait_for("image ")
        if shutil.which("fish"):
            done = subprocess.run(
                ["fish", "--no-config", "-c", f"source {FILES / 'smpctl.fish'}; complete -C 'mcumgr ima'; "
                 f"{lines['fish']}; complete -C 'mcumgr ima'"], capture_output=True, text=True,
                env=self.environment, cwd=self.directory, timeout=PATIENCE, check=True)
            self.assertEqual(done.stdout, "image\t…\n", done.stderr)

    def test_fish(self):
        if not shutil.which("fish"):
            self.skipTest("no fish")
        for line, wanted in (("smpctl ima", ["image"]), ("smpctl image inspect app.", ["app.zip"]),
                             ("smpctl -c es", ["esp"]), ("smpctl --conntype ", ["serial", "udp", "ble"]),
                             ("smpctl -c us", ["usb:"]), ("smpctl update 1:app.", ["1:app.zip"]),
                             ("smpctl conn show my", ["my board"]),
                             ("smpctl image upload --upg", ["--upgrade"])):
            with self.subTest(line):
                done = subprocess.run(
                    ["fish", "--no-config", "-c",
                     f"source {FILES / 'smpctl.fish'}; complete -C {json.dumps(line)}"],
                    capture_output=True, text=True, env=self.environment, cwd=self.directory,
                    timeout=PATIENCE, check=True)
                found = [text.split("\t")[0] for text in done.stdout.splitlines()]
                self.assertEqual(sorted(found), sorted(wanted), done.stderr)


if __name__ == "__main__":
    unittest.main()
