#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients of other people update simulated boards: what they find, they would find on a real one."""
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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

from smptest import Sim, environment, main, program, record, sim_image  # noqa: E402

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


def image_hash(path):
    """What the TLVs of a simulated image say its hash is."""
    run = subprocess.run([program("smpctl"), "--json", "image", "inspect", path], check=True,
                         stdout=subprocess.PIPE, text=True, env=environment())
    return json.loads(run.stdout)["hash"]


class Clients(unittest.TestCase):
    def walk(self, kind, udp, *options):
        if not shutil.which(program(kind.name)):
            self.skipTest(f"no {kind.name} ({kind.name.upper()} or PATH)")
        folder = tempfile.mkdtemp(prefix="smp-interop-")
        self.addCleanup(shutil.rmtree, folder)
        path = sim_image("1.1.0", os.path.join(folder, "app.bin"), 30000)
        # smpmgr knows port 1337 only.
        address = f"127.{os.getpid() >> 8 & 255}.{os.getpid() & 255}.3:1337"
        with Sim(*options, *(("--udp", address) if udp else ())) as board:
            client = kind.on(board, udp)
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


if __name__ == "__main__":
    main()
