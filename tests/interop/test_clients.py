#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients of other people update simulated boards: what they find, they would find on a real one."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

from smptest import Sim, environment, main, program, record, sim_image, smpctl  # noqa: E402

FLAGS = {"active": "A", "confirmed": "C", "pending": "P", "permanent": "M"}


class Client:
    """One client, one board."""

    name = None

    def __init__(self, where):
        self.where = where

    def run(self, *args):
        record.note(" ".join([self.name, *args]))
        run = subprocess.run([program(self.name), *self.where, *args], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
                             text=True, env=dict(environment(), COLUMNS="200"), check=False)
        record.output(run.stdout)
        if run.returncode:
            raise AssertionError(f"{self.name} {args} ended with {run.returncode}: {run.stdout}")
        return run.stdout

    def slots_after_reset(self):
        """As soon as the board answers again."""
        for _ in range(20):
            try:
                return self.slots()
            except (AssertionError, subprocess.TimeoutExpired):
                time.sleep(1)
        return self.slots()


class Smpmgr(Client):
    name = "smpmgr"

    @classmethod
    def on(cls, sim, udp):
        return cls(["--ip", sim.address.rpartition(":")[0]] if udp else ["--port", sim.address])

    def echo(self, text):
        return re.search(r"r='(.*)'", self.run("os", "echo", text)).group(1)

    def slots(self):
        states = self.run("image", "state-read").split("ImageState(")[1:]
        return {int(re.search(r"slot=(\d+)", state).group(1)):
                (re.search(r"version='(.*?)'", state).group(1),
                 "".join(letter for flag, letter in FLAGS.items() if f"{flag}=True" in state))
                for state in states}

    def upload(self, path):
        self.run("image", "upload", path)

    def test(self, image_hash):
        self.run("image", "state-write", image_hash)

    def confirm(self):
        self.run("image", "state-write", "--confirm")

    def reset(self):
        self.run("os", "reset")

    def send_file(self, path, name):
        self.run("file", "upload", path, name)

    def fetch_file(self, name, path):
        self.run("file", "download", name, path)

    def file_size(self, name):
        return int(self.run("file", "read-size", name).split()[-1])

    def file_hash(self, name):
        text = self.run("file", "get-hash", name)
        return re.search(r"type='(\w+)'", text).group(1), re.search(r"output=(\d+)", text).group(1)

    def statistics(self):
        return re.findall(r"│ (\w+) +│", self.run("statistics", "list"))

    def counters(self, group):
        return re.findall(r"'(\w+)': \d+", self.run("statistics", "get", group))

    def shell(self, *words):
        return self.run("shell", " ".join(words)).split("OK\n")[-1].strip()

    def groups(self):
        return sorted(int(n) for n in re.findall(r"<GroupId\.\w+: (\d+)>",
                                                 self.run("enum", "get-supported-groups")))


class Mcumgrctl(Client):
    name = "mcumgrctl"

    @classmethod
    def on(cls, sim, udp):
        return cls(["--udp" if udp else "--serial", sim.address])

    def echo(self, text):
        return self.run("os", "echo", text).strip()

    def slots(self):
        return {image["slot"]: (image["version"],
                                "".join(letter for flag, letter in FLAGS.items() if image[flag]))
                for image in json.loads(self.run("--json", "image", "get-state"))}

    def upload(self, path):
        self.run("-q", "image", "upload", path)

    def test(self, image_hash):
        self.run("image", "set-state", "--hash", image_hash)

    def confirm(self):
        self.run("image", "set-state", "--confirm")

    def reset(self):
        self.run("os", "system-reset")

    def send_file(self, path, name):
        self.run("-q", "fs", "upload", path, name)

    def fetch_file(self, name, path):
        self.run("-q", "fs", "download", name, path)

    def file_size(self, name):
        return json.loads(self.run("--json", "fs", "status", name))["length"]

    def file_hash(self, name):
        found = json.loads(self.run("--json", "fs", "checksum", name, "sha256"))
        return found["type"], found["checksum"]

    def statistics(self):
        return json.loads(self.run("--json", "stats", "list-groups"))

    def counters(self, group):
        return list(json.loads(self.run("--json", "stats", "get", group))[group])

    def shell(self, *words):
        return self.run("shell", *words).strip()

    def groups(self):
        return sorted(json.loads(self.run("--json", "enum", "list-groups")))


def image_hash(path):
    """What the TLVs of a simulated image say its hash is."""
    run = subprocess.run([program("smpctl"), "--json", "image", "inspect", path], check=True,
                         stdout=subprocess.PIPE, text=True, env=environment())
    return json.loads(run.stdout)["hash"]


class Case(unittest.TestCase):
    def board(self, kind, udp, *options):
        """Returns a board and the client, if it is there."""
        if not shutil.which(program(kind.name)):
            self.skipTest(f"no {kind.name} ({kind.name.upper()} or PATH)")
        # smpmgr knows port 1337 only.
        address = f"127.{os.getpid() >> 8 & 255}.{os.getpid() & 255}.3:1337"
        board = Sim(*options, *(("--udp", address) if udp else ()))
        self.addCleanup(board.__exit__)
        return board, kind.on(board, udp)

    def folder(self):
        folder = tempfile.mkdtemp(prefix="smp-interop-")
        self.addCleanup(shutil.rmtree, folder)
        return folder


class Clients(Case):
    def walk(self, kind, udp, *options):
        _, client = self.board(kind, udp, *options)
        path = sim_image("1.1.0", os.path.join(self.folder(), "app.bin"), 30000)
        self.assertEqual(client.echo("hello"), "hello")
        self.assertEqual(client.slots(), {0: ("1.0.0", "AC")})
        client.upload(path)
        self.assertEqual(client.slots()[1], ("1.1.0", ""))
        client.test(image_hash(path))
        self.assertEqual(client.slots()[1], ("1.1.0", "P"))
        client.reset()
        time.sleep(1)
        self.assertEqual(client.slots_after_reset(), {0: ("1.1.0", "A"), 1: ("1.0.0", "C")})
        client.confirm()
        self.assertEqual(client.slots()[0], ("1.1.0", "AC"))

    def test_smpmgr_pty(self):
        """smpmgr updates a board on a pty"""
        self.walk(Smpmgr, False)

    def test_smpmgr_log(self):
        """smpmgr updates a board that writes log text around its answers"""
        self.walk(Smpmgr, False, "--log")

    def test_smpmgr_udp(self):
        """smpmgr updates a board over UDP"""
        self.walk(Smpmgr, True)

    def test_mcumgrctl_pty(self):
        """mcumgrctl updates a board on a pty"""
        self.walk(Mcumgrctl, False)

    def test_mcumgrctl_udp(self):
        """mcumgrctl updates a board over UDP"""
        self.walk(Mcumgrctl, True)


class Data(Case):
    """What boards have besides images: a client and smpctl, each reads what the other one wrote."""

    def walk(self, kind, udp):
        board, client = self.board(kind, udp, "--board", "full")
        folder = pathlib.Path(self.folder())
        data = bytes(range(251)) * 20
        (folder / "file").write_bytes(data)
        client.send_file(str(folder / "file"), "/lfs1/theirs")
        self.ours(board, "fs", "upload", folder / "file", "/lfs1/ours")
        for name in ("/lfs1/theirs", "/lfs1/ours"):
            self.assertEqual(client.file_size(name), len(data))
            self.assertIn(client.file_hash(name), (("crc32", str(zlib.crc32(data))),
                                                   ("sha256", hashlib.sha256(data).hexdigest())))
            client.fetch_file(name, str(folder / "back"))
            self.assertEqual((folder / "back").read_bytes(), data)
            self.ours(board, "fs", "download", name, folder / "back")
            self.assertEqual((folder / "back").read_bytes(), data)
        groups = json.loads(self.ours(board, "--json", "stat", "list"))["groups"]
        self.assertEqual(client.statistics(), groups)
        for group in ("smp_svr_stats", "flash_sim_thresholds"):
            fields = json.loads(self.ours(board, "--json", "stat", group))["fields"]
            self.assertEqual(sorted(client.counters(group)), sorted(fields))
        self.assertEqual(client.shell("kernel", "version"), "Zephyr version 4.4.0")
        listed = json.loads(self.ours(board, "--json", "group", "list"))["groups"]
        self.assertEqual(client.groups(), sorted(group["group"] for group in listed))
        return board, client

    def ours(self, board, *args):
        done = smpctl("-c", board.target, *args)
        self.assertEqual(done.code, 0, done.err)
        return done.out

    def test_smpmgr_pty(self):
        """smpmgr: files, statistics, shell and groups on a pty"""
        self.walk(Smpmgr, False)

    def test_smpmgr_udp(self):
        """smpmgr: files, statistics, shell and groups over UDP"""
        self.walk(Smpmgr, True)

    def test_mcumgrctl_pty(self):
        """mcumgrctl: files, statistics, shell, groups and settings on a pty"""
        board, client = self.walk(Mcumgrctl, False)
        self.assertEqual(json.loads(client.run("--json", "settings", "read", "app/interval")),
                         list((1000).to_bytes(4, "little")))
        client.run("settings", "write", "app/note", "68690a")
        self.assertEqual(self.ours(board, "settings", "read", "app/note", "--as", "hex"), "68690a\n")
        self.ours(board, "settings", "write", "app/note", "00ff", "--as", "hex")
        self.assertEqual(json.loads(client.run("--json", "settings", "read", "app/note")), [0, 255])
        client.run("settings", "save")
        client.run("settings", "delete", "app/note")
        client.run("zephyr", "erase-storage")

    def test_mcumgrctl_udp(self):
        """mcumgrctl: files, statistics, shell and groups over UDP"""
        self.walk(Mcumgrctl, True)


if __name__ == "__main__":
    main()
