# SPDX-License-Identifier: LGPL-2.1-or-later
"""Statistics, settings, shell, groups, storage, bridges, raw commands: text, JSON, errors."""

import json
import os
import pty
import re
import select
import subprocess
import termios
import time
import unittest

from common import OnBoard, PATIENCE, SMPCTL, TestCase


class Statistics(OnBoard):
    def test_list(self):
        self.assertEqual(self.good("stat", "list"),
                         "stat groups:\n    flash_sim_stats\n    flash_sim_thresholds\n"
                         "    smp_svr_stats\n")
        self.assertEqual(self.one("stat", "list")["groups"][2], "smp_svr_stats")

    def test_one(self):
        self.assertEqual(self.good("stat", "flash_sim_thresholds"),
                         "stat group: flash_sim_thresholds\n         0 max_erase_calls\n"
                         "         0 max_len\n         0 max_write_calls\n")
        self.assertEqual(self.one("stat", "smp_svr_stats"),
                         {"group": "smp_svr_stats", "fields": {"ticks": 0}})
        self.refused("stat", "nope", code=("stat", "INVALID_STAT_NAME"), hint="stat list")

    def test_all_but_one_too_large(self):
        status, out, err = self.run_smpctl("stat")
        self.assertEqual(status, 6)
        self.assertIn("stat group: smp_svr_stats\n         0 ticks\n", out)
        self.assertIn("EMSGSIZE", err)
        first, second, third = self.json("stat", status=6)
        self.assertIn("EMSGSIZE", first["failure"])
        self.assertEqual((second["group"], third["group"]),
                         ("flash_sim_thresholds", "smp_svr_stats"))


class Settings(OnBoard):
    OPTIONS = ("--board", "full", "--time-scale", "20")

    def read(self, name, *options):
        return self.good("settings", "read", name, *options)

    def test_read(self):
        self.assertEqual(self.read("app/name"), "simulated board\n")
        self.assertEqual(self.read("app/name", "--as", "hex"), b"simulated board".hex() + "\n")
        self.assertEqual(self.read("app/name", "--max", "3"), "sim\n")
        self.assertEqual(self.read("app/interval"), "e8030000\n")
        self.assertEqual(self.read("app/interval", "--as=int"), "1000\n")
        self.assertEqual(self.one("settings", "read", "app/interval"),
                         {"name": "app/interval", "hex": "e8030000", "int": 1000, "cut": False})
        self.assertEqual(self.one("settings", "read", "app/serial"),
                         {"name": "app/serial", "hex": b"SIM-0001".hex(), "text": "SIM-0001",
                          "int": int.from_bytes(b"SIM-0001", "little"), "cut": False})

    def test_write(self):
        for value, options, shown in (
            ("hello", (), "hello"),
            ("", (), ""),
            ("00ff", ("--as", "hex"), "00ff"),
            ("-2", ("--as", "int", "--size", "2"), "feff"),
            ("0x10", ("--as", "int", "--size", "1"), "10"),
            ("010", ("--as", "int", "--size", "1"), "0a"),
            ("255", ("--as", "int", "--size", "1"), "ff"),
            ("-128", ("--as", "int", "--size", "1"), "80"),
            ("-1", ("--as", "int"), "ffffffff"),
            ("18446744073709551615", ("--as", "int", "--size", "8"), "ff" * 8),
            ("-9223372036854775808", ("--as", "int", "--size", "8"), "00" * 7 + "80"),
        ):
            with self.subTest(value):
                self.assertEqual(self.good("settings", "write", "app/note", *options, "--", value),
                                 "Done\n")
                self.assertEqual(self.read("app/note"), shown + "\n")
        self.assertEqual(self.one("settings", "write", "app/note", "x"), {"written": True})

    def test_long_value_is_cut(self):
        self.good("settings", "write", "app/note", "x" * 50)
        status, out, err = self.run_smpctl("settings", "read", "app/note")
        self.assertEqual((status, out), (0, "x" * 32 + "\n"))
        self.assertIn("CONFIG_MCUMGR_GRP_SETTINGS_VALUE_LEN", err)
        self.assertIs(self.one("settings", "read", "app/note")["cut"], True)

    def test_max_cuts(self):
        """What was asked for is no fault of the board's."""
        self.assertEqual(self.run_smpctl("settings", "read", "app/name", "--max", "4"),
                         (0, "simu\n", ""))
        self.assertEqual(self.one("settings", "read", "app/name", "--max", "4"),
                         {"name": "app/name", "hex": b"simu".hex(), "text": "simu",
                          "int": int.from_bytes(b"simu", "little"), "cut": True})
        self.assertIs(self.one("settings", "read", "app/name", "--max", "16")["cut"], False)

    def test_what_is_no_text(self):
        """It does not reach a terminal; elsewhere, what was asked for."""
        self.good("settings", "write", "app/note", "a\u009bb")
        self.assertEqual(self.read("app/note"), "a\u009bb".encode().hex() + "\n")
        self.assertNotIn("text", self.one("settings", "read", "app/note"))
        self.assertEqual(self.read("app/note", "--as", "text"), "a\u009bb\n")
        for value, shown in ("a\u009bb\x1b[2J", b"a?b?[2J\r\n"), ("", b"\r\n"), ("ä", "ä\r\n".encode()):
            self.good("settings", "write", "app/note", value)
            self.assertEqual(self.on_terminal("settings", "read", "app/note", "--as", "text"), shown)

    def on_terminal(self, *args):
        ours, theirs = pty.openpty()
        subprocess.run([SMPCTL, *args], stdout=theirs, env=self.environment, timeout=PATIENCE,
                       check=True)
        screen = os.read(ours, 4096)
        os.close(theirs)
        os.close(ours)
        return screen

    def reset(self):
        self.good("reset")
        self.wait_for(lambda: self.run_smpctl("-t", "1", "echo", "x")[0] == 0)

    def test_save(self):
        self.good("settings", "write", "app/note", "kept")
        self.assertEqual(self.good("settings", "save"), "Done\n")
        self.good("settings", "write", "app/note", "lost")
        self.assertEqual(self.good("settings", "commit"), "Done\n")
        self.assertEqual(self.read("app/note"), "lost\n")
        self.assertEqual(self.good("settings", "load"), "Done\n")
        self.assertEqual(self.read("app/note"), "kept\n")
        self.good("settings", "write", "app/note", "lost")
        self.reset()
        self.assertEqual(self.read("app/note"), "kept\n")
        self.assertEqual(self.good("settings", "delete", "app/note"), "Done\n")
        self.reset()
        self.assertEqual(self.read("app/note"), "\n")

    def test_save_some(self):
        self.good("settings", "write", "app/note", "a")
        self.good("settings", "write", "app/name", "b")
        self.good("settings", "save", "app/note")
        self.good("settings", "load")
        self.reset()
        self.assertEqual((self.read("app/note"), self.read("app/name")), ("a\n", "simulated board\n"))

    def test_storage_erase(self):
        self.good("settings", "write", "app/note", "kept")
        self.good("settings", "save")
        self.assertEqual(self.good("storage", "erase"), "Done\n")
        self.reset()
        self.assertEqual(self.read("app/note"), "\n")

    def test_orders_json(self):
        for order, key in (("delete", "deleted"), ("commit", "committed"), ("load", "loaded"),
                           ("save", "saved")):
            name = ["app/note"] if order == "delete" else []
            self.assertEqual(self.one("settings", order, *name), {key: True})
        self.assertEqual(self.one("storage", "erase"), {"erased": True})

    def test_config(self):
        """Mynewt's command, by which the Go tool reads Zephyr's bytes as they are."""
        for name, shown in ("app/name", b"simulated board"), ("app/interval", b"\xe8\x03\0\0"), ("app/note", b""):
            done = subprocess.run([SMPCTL, "config", name], capture_output=True, check=True,
                                  env=self.environment, timeout=PATIENCE)
            self.assertEqual(done.stdout, b"Value: " + shown + b"\n")
        self.assertEqual(self.one("config", "app/name"),
                         {"name": "app/name", "value": "simulated board"})
        self.assertEqual(self.one("config", "app/interval"),
                         {"name": "app/interval", "hex": "e8030000"})
        self.assertEqual(self.one("config", "app/note"), {"name": "app/note", "value": ""})
        self.good("settings", "write", "app/note", "a\x1b[2J")
        self.assertEqual(self.on_terminal("config", "app/note"), b"Value: a?[2J\r\n")

    def test_refused(self):
        self.refused("settings", "read", "foo/bar", code=("settings", "ROOT_KEY_NOT_FOUND"))
        self.refused("settings", "read", "app/bar", code=("settings", "KEY_NOT_FOUND"))
        self.refused("settings", "read", "a/" + "x" * 40, code=("settings", "KEY_TOO_LONG"))
        self.refused("settings", "read", "app/secret", code=("settings", "READ_NOT_SUPPORTED"))
        self.refused("settings", "write", "app/serial", "x",
                     code=("settings", "WRITE_NOT_SUPPORTED"))

    def test_usage(self):
        self.usage("settings", "read", "a", "--as", "float", text="--as takes text, hex or int")
        self.usage("settings", "write", "a", "abc", "--as", "hex", text="whole number of hex")
        self.usage("settings", "write", "a", "300", "--as", "int", "--size", "1",
                   text="no integer of 1 byte")
        for value, size in (("256", 1), ("-129", 1), ("0x100", 1), ("4294967296", 4),
                            ("18446744073709551616", 8), ("-9223372036854775809", 8), ("", 4),
                            ("-", 4), ("1x", 4), (" 1", 4)):
            self.usage("settings", "write", "--as", "int", "--size", str(size), "--", "a", value,
                       text=f"no integer of {size} byte")
        self.usage("settings", "write", "a", "1", "--as", "int", "--size", "3",
                   text="--size takes 1, 2, 4 or 8")
        self.usage("settings", "write", "a", text="Usage:")
        status, _, err = self.run_smpctl("settings", "read", "app/name", "--as", "int")
        self.assertEqual(status, 1)
        self.assertIn("15 bytes", err)


class Shell(OnBoard):
    def test_exec(self):
        self.assertRegex(self.good("shell", "exec", "kernel", "uptime"),
                         r"^status=0\n\nUptime: \d+ ms\n$")
        self.assertEqual(self.good("shell", "exec", "echo a  b"), "status=0\n\na  b\n")
        self.assertEqual(self.one("shell", "exec", "kernel", "version"),
                         {"status": 0, "output": "\r\nZephyr version 4.4.0\r\n"})

    def test_exec_fails(self):
        status, out, err = self.run_smpctl("shell", "exec", "nosuch")
        self.assertEqual((status, err), (6, ""))
        self.assertEqual(out, "status=-8\n\n\x1b[1;31mnosuch: command not found\n\x1b[m\n")
        self.assertEqual(self.one("shell", "exec", "nosuch", status=6)["status"], -8)
        self.refused("shell", "exec", "x" * 300, code=("shell", "COMMAND_TOO_LONG"))

    def test_script(self):
        status, out, err = self.feed("kernel version\n\nnosuch\n" + "x" * 300 + "\necho 1\nexit\necho 2\n",
                                     "shell")
        self.assertEqual(status, 6)
        self.assertIn("Zephyr version 4.4.0", out)
        self.assertIn("\n1\n", out)
        self.assertNotIn("\n2\n", out)
        self.assertIn("status -8\n", err)
        self.assertIn("COMMAND_TOO_LONG", err)
        for text, expected in (("echo 1\n", 0), ("nosuch\necho 1\n", 6),
                               ("x" * 300 + "\necho 1\n", 6)):
            self.assertEqual(self.feed(text, "shell")[0], expected)

    def test_script_json(self):
        status, out, err = self.feed("echo 1\nnosuch\n", "--json", "shell")
        self.assertEqual((status, err), (6, ""))
        self.assertEqual([line.partition(",")[0] for line in out.splitlines()],
                         ['{"status":0', '{"status":-8'])

    def test_script_survives(self):
        """No answer, a line too long for a packet, an error of the board."""
        for fault, line, text in (("lose-reply=2", "echo 2", "no answer within 1 s\n  The board answered before"),
                                  ("lose-reply=9", "x" * 5000, "is larger than the "),
                                  ("answer=2:8", "echo 2", "ENOTSUP")):
            with self.subTest(fault):
                self.environment["SMPCTL_CONN"] = self.board("--pty", *self.OPTIONS, "--fault", fault).target
                script = f"echo 1\n{line}\necho 3\n"
                status, out, err = self.feed(script, "-t", "1", "shell")
                self.assertEqual((status, out.split()), (6, ["1", "3"]), err)
                self.assertIn(text, err)
                self.environment["SMPCTL_CONN"] = self.board("--pty", *self.OPTIONS, "--fault", fault).target
                status, out, err = self.feed(script, "-t", "1", "--json", "shell")
                self.assertEqual((status, err), (6, ""))
                first, second, third = map(json.loads, out.splitlines())
                self.assertEqual((first["status"], third["output"].strip()), (0, "3"))
                self.assertIn(text.split("\n")[0], second["error"]["message"])

    def test_script_ends_with_the_link(self):
        board = self.board("--pty", *self.OPTIONS)
        process = subprocess.Popen([SMPCTL, "-c", board.target, "shell"], stdin=subprocess.PIPE, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment)
        process.stdin.write("echo 1\n")
        process.stdin.flush()
        while process.stdout.readline() != "1\n":
            self.assertIsNone(process.poll())
        board.stop()
        out, err = process.communicate("echo 2\necho 3\n", timeout=PATIENCE)
        self.assertEqual((process.returncode, out), (4, ""), err)
        self.assertEqual(err.count("smpctl:"), 1, err)

    def converse(self, *typed):
        """At a terminal. Returns exit status and what was on the screen; waits for the prompt."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen([SMPCTL, "shell"], stdin=theirs, stdout=theirs, stderr=theirs,
                                   env=dict(self.environment, TERM="xterm"))
        os.close(theirs)
        screen = b""
        for line in typed:
            screen += self.await_prompt(ours)
            os.write(ours, line)
        self.addCleanup(process.kill)
        status = process.wait(PATIENCE)
        os.close(ours)
        return status, screen

    def await_prompt(self, terminal):
        screen, deadline = b"", time.monotonic() + PATIENCE
        # The line is edited only after the prompt is there: before, keys mean something else.
        while not screen.endswith(b"board:~$ ") or termios.tcgetattr(terminal)[3] & termios.ICANON:
            self.assertLess(time.monotonic(), deadline, screen)
            if select.select([terminal], [], [], 0.02)[0]:
                screen += os.read(terminal, 4096)
        return screen

    @unittest.skipIf(os.environ.get("SMPCTL_EDIT") == "no", "built without libedit")
    def test_terminal(self):
        small = self.board("--pty", *self.OPTIONS, "--buf-size", "384")
        self.environment["SMPCTL_CONN"] = small.target
        # Ctrl-D, Ctrl-C, a word.
        for end in (b"\x04", b"\x03", b"exit\n"):
            with self.subTest(end):
                status, screen = self.converse(b"kernel version\n", b"nosuch\n", b"x" * 1000 + b"\n",
                                               b"echo still here\n", end)
                self.assertEqual(status, 0)
                self.assertIn(b"is larger than the ", screen)
                self.assertIn(b"\nstill here", screen)
                self.assertIn(b"Zephyr version 4.4.0", screen)
                self.assertIn(b"status -8", screen)

    def test_lost_answer_is_not_repeated(self):
        """A command of the shell may do anything: once."""
        board = self.board("--pty", "--board", "full", "--fault", "lose-reply=1")
        self.assertEqual(self.run_smpctl("-c", board.target, "-t", "1", "shell", "exec", "echo x")[0], 5)


class Groups(OnBoard):
    def test_list(self):
        lines = self.good("group", "list").splitlines()
        self.assertEqual(lines[0], "   10  enum          enum mgmt  (4 commands)")
        self.assertEqual([line.split()[1] for line in lines],
                         ["enum", "fs", "image", "os", "settings", "shell", "stat", "zephyr", "bridge"])
        self.assertEqual(self.one("group", "list")["groups"][1],
                         {"group": 8, "name": "fs", "title": "fs mgmt", "handlers": 5})
        self.assertEqual(self.good("group", "count"), "9\n")
        self.assertEqual(self.one("group", "count"), {"count": 9})

    def test_bare_list(self):
        """Details that do not fit an answer."""
        target = self.board("--pty", "--board", "full", "--buf-size", "128").target
        self.assertEqual(self.good("-c", target, "group", "list").splitlines()[0], "   10  enum        ")


class Bridge(OnBoard):
    def sent(self, *args):
        """The map of the last request."""
        _, _, err = self.run_smpctl("-l", "debug", *args)
        return re.findall(r"^> write bridge/\S+ .* bytes: (\{.*\})$", err, re.M)[-1]

    def test_status(self):
        self.assertEqual(self.good("bridge", "status"),
                         "bridges: 0 active, 1 possible\nthis link: not bridged\n")
        self.assertEqual(self.one("bridge", "status"),
                         {"supported": 1, "active": 0, "bridged": False})

    def test_list(self):
        self.assertEqual(self.good("bridge", "list"),
                         "0   serial     UART\n2   bluetooth  Bluetooth\n64  –          –\n")
        self.assertEqual(self.one("bridge", "list")["transports"],
                         [{"transport": 0, "name": "serial", "title": "UART"},
                          {"transport": 2, "name": "bluetooth", "title": "Bluetooth"},
                          {"transport": 64}])

    def test_modes(self):
        self.assertEqual(self.good("bridge", "modes", "bluetooth"),
                         "0  Bluetooth Low Energy  incoming, outgoing\n")
        self.assertEqual(self.one("bridge", "modes", "0x40")["modes"][1],
                         {"mode": 1, "description": "radio, encrypted", "incoming": False,
                          "outgoing": True})
        self.refused("bridge", "modes", "lorawan", code=("bridge", "INVALID_TRANSPORT"),
                     hint="See `bridge list`.")

    def test_config(self):
        self.assertEqual(self.good("bridge", "config", "64", "1"),
                         "power  int    optional\nkey    bytes  required\n")
        self.assertEqual(self.good("bridge", "config", "serial", "0"), "configs: none\n")
        self.assertEqual(self.one("bridge", "config", "2", "0")["configs"][1],
                         {"name": "address", "type": "text", "required": True})
        self.refused("bridge", "config", "64", "2", code=("bridge", "INVALID_MODE"),
                     hint="See `bridge modes`.")

    def test_connect(self):
        self.assertEqual(self.good("bridge", "connect", "64"), "Done\n")
        self.assertEqual(self.good("bridge", "status"),
                         "bridges: 1 active, 1 possible\nthis link: bridged to 64\n")
        for args in ("image", "list"), ("echo", "x"), ("group", "list"):
            self.refused(*args, code=("SMP", "BRIDGED_CONNECTION_UNAVAILABLE"),
                         hint="end the bridge with `bridge disconnect`")
        self.refused("bridge", "connect", "bluetooth", "address=x", "address_type=0",
                     code=("bridge", "TRANSPORT_INCOMING_TRANSPORT_ALREADY_BRIDGED"))
        self.assertEqual(self.good("bridge", "disconnect"), "Done\n")
        self.assertEqual(self.good("echo", "x"), "x\n")
        self.refused("bridge", "disconnect", code=("bridge", "NOT_BRIDGED"))

    def test_disconnect(self):
        connect = "connect", "bluetooth", "address=11:22:33:44:55:66", "address_type=1"
        for args in (), ("all",), ("bluetooth",), ("serial",), ("0",):
            with self.subTest(args):
                self.assertEqual(self.one("bridge", *connect), {"connected": True})
                self.assertEqual(self.one("bridge", "status"),
                                 {"supported": 1, "active": 1, "bridged": True, "transport": 2,
                                  "name": "bluetooth"})
                self.assertEqual(self.one("bridge", "disconnect", *args), {"disconnected": True})
                self.assertIs(self.one("bridge", "status")["bridged"], False)
        self.good("bridge", *connect)
        self.good("bridge", "disconnect", "64")
        self.assertIs(self.one("bridge", "status")["bridged"], True)
        self.refused("bridge", "disconnect", "7", code=("bridge", "INVALID_TRANSPORT"))

    def test_values(self):
        """In the types that the board asks for."""
        for args, request in (
            (("serial",), '{"transport": 0}'),
            (("bluetooth", "address=1", "address_type=0x10", "le_coded=true"),
             '{"transport": 2, "address": "1", "address_type": 16, "le_coded": true}'),
            (("64", "--mode", "1", "power=-5", "key=00ff"),
             '{"transport": 64, "mode": 1, "power": -5, "key": h\'00ff\'}'),
            (("64", "--mode=1", "power=5", "key=hex:12"),
             '{"transport": 64, "mode": 1, "power": 5, "key": h\'12\'}'),
        ):
            with self.subTest(args):
                self.assertEqual(self.sent("bridge", "connect", *args), request)
        self.assertEqual(self.sent("bridge", "disconnect"), "{}")
        self.assertEqual(self.sent("bridge", "disconnect", "all"), '{"all": true}')

    def test_guessed_values(self):
        """By their looks, where the board does not tell what it takes."""
        self.environment["SMPCTL_CONN"] = self.board("--pty", *self.OPTIONS, "--fault", "answer=1:8",
                                                     "--fault", "answer=3:8").target
        self.assertEqual(
            self.sent("bridge", "connect", "64", "a=5", "b=-5", "c=false", "d=hex:00ff", "e=00ff",
                      "f=", "g=x=y", "h=18446744073709551616"),
            '{"transport": 64, "a": 5, "b": -5, "c": false, "d": h\'00ff\', "e": "00ff", '
            '"f": "", "g": "x=y", "h": "18446744073709551616"}')
        self.usage("bridge", "connect", "64", "i=hex:0", text="takes a value of type bytes")

    def test_refused(self):
        self.refused("bridge", "connect", "bluetooth", code=("bridge", "CONNECT_MISSING_PARAMETER"),
                     hint="See `bridge config`.")
        self.refused("bridge", "connect", "serial", code=("bridge", "SAME_BRIDGE_DEVICE_DISALLOWED"))
        self.refused("bridge", "connect", "64", "--mode", "2", code=("bridge", "INVALID_MODE"))
        target = self.board("--pty", "--board", "swap").target
        for args in ("status",), ("list",), ("connect", "udp4", "address=x"), ("disconnect",):
            self.refused("-c", target, "bridge", *args, code=("SMP", "ENOTSUP"),
                         hint="CONFIG_MCUMGR_GRP_TRANSPORT=y")

    def test_lost_answer_is_not_repeated(self):
        """A second one would find the link bridged."""
        board = self.board("--pty", *self.OPTIONS, "--fault", "lose-reply=1")
        self.assertEqual(self.run_smpctl("-c", board.target, "-t", "1", "bridge", "disconnect")[0], 5)

    def test_usage(self):
        self.usage("bridge", "modes", "nosuch", text="“nosuch” is no transport: a number, or serial")
        self.usage("bridge", "modes", "4294967296", text="is no transport")
        self.usage("bridge", "config", "2", "-1", text="Usage:")
        self.usage("bridge", "config", "2", "x", text="“x” is no mode")
        self.usage("bridge", "connect", "2", "--mode", "x", text="“x” is no mode")
        self.usage("bridge", "connect", "2", "address", text="“address” is not KEY=VALUE")
        self.usage("bridge", "connect", "2", "=x", text="“=x” is not KEY=VALUE")
        self.usage("bridge", "connect", "2", "adress=x",
                   text="does not take “adress”; it takes address_type, address, le_coded")
        self.usage("bridge", "connect", "0", "a=x", text="it takes nothing")
        for value in "address_type=-1", "address_type=", "le_coded=1":
            self.usage("bridge", "connect", "2", value, text="takes a value of type")
        for value in "power=x", "key=0", "key=hex:zz":
            self.usage("bridge", "connect", "64", "--mode", "1", value, text="takes a value of type")
        self.usage("bridge", "disconnect", "nosuch", text="is no transport")
        self.usage("bridge", "connect", text="Usage:")


class Terminal(OnBoard):
    """What a board says does not command the terminal."""

    def test(self):
        bad, good = "\x1b[2J\u009b2J\x7fö", "?[2J?2J?ö"
        answers = {
            (2, 1): {"stat_list": [bad]},
            (2, 0): {"name": bad, "fields": {bad: 1}},
            (3, 0): {"val": bad},
            (4, 0): {"rc": 0, "next_index": 1, "logs": [{"name": bad, "type": 1, "entries": [
                {"level": 1, "ts": 0, "index": 0, "module": 1, "type": bad + "x",
                 "msg": bad.encode()},
                {"level": 1, "ts": 0, "index": 0, "module": 1, "type": "str",
                 "msg": bad.encode()}]}]},
            (4, 3): {"rc": 0, "module_map": {bad: 1}},
            (4, 4): {"rc": 0, "level_map": {bad: 1}},
            (4, 5): {"rc": 0, "log_list": [bad]},
            (8, 3): {"types": {bad: {"format": 0, "size": 4}}},
            (10, 3): {"groups": [{"group": 64, "name": bad, "handlers": 1}]},
        }
        self.environment["SMPCTL_CONN"] = self.puppet(answers)
        for args in (("stat",), ("stat", "list"), ("config", "a"), ("log", "list"), ("log", "levels"),
                     ("log", "modules"), ("log", "show", "a"), ("fs", "types"), ("group", "list")):
            with self.subTest(args):
                out = self.good(*args)
                self.assertIn(good, out)
                self.assertNotRegex(out, "[\x1b\x7f\u009b]")


class NotThere(TestCase):
    def test_hints(self):
        target = self.board("--pty", "--board", "old").target
        for args, hint in ((("settings", "read", "a"), "CONFIG_MCUMGR_GRP_SETTINGS=y"),
                           (("shell", "exec", "a"), "CONFIG_MCUMGR_GRP_SHELL=y"),
                           (("shell",), None),
                           (("fs", "status", "a"), "CONFIG_MCUMGR_GRP_FS_FILE_STATUS=y"),
                           (("fs", "hash", "a"), "CONFIG_MCUMGR_GRP_FS_CHECKSUM_HASH=y"),
                           (("group", "list"), "CONFIG_MCUMGR_GRP_ENUM=y"),
                           (("storage", "erase"), "CONFIG_MCUMGR_GRP_ZBASIC_STORAGE_ERASE=y"),
                           (("log", "list"), "Mynewt has this group"),
                           (("config", "a"), "CONFIG_MCUMGR_GRP_SETTINGS=y"),
                           (("run", "list"), "Mynewt has this group"),
                           (("crash", "div0"), "Mynewt has this group")):
            with self.subTest(args):
                status, out, err = self.run_smpctl("-c", target, *args)
                if hint:
                    self.assertEqual((status, out), (6, ""))
                    self.assertIn("ENOTSUP", err)
                    self.assertIn(hint, err)


class Raw(OnBoard):
    def test_read_and_write(self):
        self.assertEqual(self.good("raw", "read", "os", "6"), '{"buf_size":1024,"buf_count":4}\n')
        self.assertEqual(self.one("raw", "write", "0", "0", '{"d": "ä"}'), {"r": "ä"})
        self.assertEqual(self.one("raw", "read", "settings", "0", '{"name": "app/interval"}'),
                         {"val": {"$hex": "e8030000"}})
        self.assertEqual(
            self.one("raw", "write", "3", "0", '{"name": "app/note", "val": {"$hex": "0102"}}'), {})
        self.assertEqual(self.good("settings", "read", "app/note"), "0102\n")

    def test_file(self):
        path = self.write("request.cbor", bytes.fromhex("a1616462 6869".replace(" ", "")))
        self.assertEqual(self.one("raw", "write", "os", "0", "@" + path), {"r": "hi"})
        os.mkfifo(self.path("pipe"))
        process = self.start("raw", "write", "os", "0", "@pipe")
        self.write("pipe", bytes.fromhex("a161646179"))
        self.assertEqual(process.communicate(timeout=PATIENCE), ('{"r":"y"}\n', ""))
        self.assertEqual(self.run_smpctl("raw", "write", "os", "0", "@none")[0], 3)

    def test_refused(self):
        self.refused("raw", "read", "200", "1", code=("SMP", "ENOTSUP"),
                     hint="The group or the command is not built into the firmware.")
        self.refused("raw", "read", "fs", "1", '{"name": "/lfs1/none"}', code=("fs", "FILE_NOT_FOUND"))

    def test_usage(self):
        self.usage("raw", "read", "nogroup", "0", text="is no group")
        self.usage("raw", "read", "70000", "0", text="is no group")
        self.usage("raw", "read", "0", "256", text="is no command")
        self.usage("raw", "write", "0", "0", "{x}", text="this is no JSON for a request")
        self.usage("raw", "read", "0", "0", '{"d":}',
                   text="it is wrong: at or near line 1, character 6\n")
        self.usage("raw", "read", "0", text="Usage:")

    def test_sent_once(self):
        board = self.board("--pty", "--fault", "lose-reply=1")
        self.assertEqual(self.run_smpctl("-c", board.target, "-t", "1", "raw", "read", "0", "6")[0], 5)


if __name__ == "__main__":
    unittest.main()
