# SPDX-License-Identifier: LGPL-2.1-or-later
"""Boards are kept at what the administrator wants, unattended."""

import os
import shutil
import subprocess
import time

import common
from common import DEVICE, JOB, MANAGER, ROOT, device_path, eventually, strings, text
from gi.repository import GLib


class Policy(common.TestCase):
    def policy(self, name="a"):
        return self.user.get(device_path(name), DEVICE, "Policy")

    def version(self, name="a"):
        for image in self.user.get(device_path(name), DEVICE, "Images"):
            if image["active"]:
                return image["version"]
        return None

    def jobs(self):
        """Properties of all jobs, oldest first."""
        found = [(int(path.split("/")[-1]), values[JOB])
                 for path, values in self.user.objects().items() if JOB in values]
        return [values for _, values in sorted(found, key=lambda item: item[0])]

    def wanted(self, name="fw.bin", version="1.1.0", *options):
        """A file that appears as a whole."""
        self.image("new", version, *options)
        os.rename(self.path("new"), self.path(name))
        return self.path(name)

    def satisfied(self, version, name="a"):
        eventually(lambda: self.policy(name) == "satisfied" and self.version(name) == version)

    def test_file(self):
        """a board gets the file, and the next one when the file changes"""
        self.boards("a", extra=f"firmware={self.wanted()}")
        self.satisfied("1.1.0")
        job, = self.jobs()
        self.assertEqual((job["StartedBy"], job["Kind"], job["Result"]),
                         ("policy", "ensure", "updated"))
        self.assertEqual(self.user.get(device_path("a"), DEVICE, "Wanted"), "1.1.0")
        self.wanted(version="1.2.0")
        self.satisfied("1.2.0")
        self.daemon.stop()
        self.start()
        self.satisfied("1.2.0")
        self.assertEqual(len(self.jobs()), 2)

    def test_slow_look(self):
        """a board that is looked at for longer than its poll interval is updated all the same"""
        self.boards("a", extra=f"firmware={self.wanted(version='1.1.0,4000')}\npoll=1s",
                    options=("--process-time", "300"))
        eventually(self.jobs, 30)

    def test_folder(self):
        """of a folder the newest; other files do not matter"""
        os.makedirs(self.path("fw"))
        self.wanted("fw/a.bin", "1.3.0")
        self.wanted("fw/b.bin", "1.10.0")
        self.wanted("fw/c.txt", "9.0.0")
        with open(self.path("fw", "d.bin"), "wb") as file:
            file.write(b"nonsense")
        self.boards("a", extra=f"firmware={self.path('fw')}")
        self.satisfied("1.10.0")
        self.wanted("fw/e.bin", "1.11.0")
        self.satisfied("1.11.0")

    def test_appears(self):
        """a file that comes later, and a board that does"""
        self.boards("a", extra=f"firmware={self.path('fw.bin')}")
        eventually(lambda: self.policy().startswith("problem: "))
        self.wanted()
        self.satisfied("1.1.0")

    def test_board_appears(self):
        """a board that comes later is found by polling"""
        board = self.board(udp=True)
        target = board.target
        board.stop()
        self.configure(f"[target a]\nuri={target}\nfirmware={self.wanted()}\npoll=1s\n")
        self.start()
        eventually(lambda: self.policy() == "away")
        port = target.split(":")[-1]
        late = common.subprocess.Popen([common.SMPSIM, "--exit-with-stdin", "--udp", port],
                                       stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.addCleanup(late.wait)
        self.addCleanup(late.stdin.close)
        self.satisfied("1.1.0")

    def test_rolled_back_twice(self):
        """an image that came back twice is held until Retry"""
        self.boards("a", options=("--bad-image", "1.1.0"),
                    extra=f"firmware={self.wanted()}\nbackoff=1s")
        eventually(lambda: self.policy().startswith("held: "))
        self.assertEqual([job["Result"] for job in self.jobs()], ["rolled-back"] * 2)
        self.daemon.stop()
        self.start()
        eventually(lambda: self.policy().startswith("held: "))
        self.assertEqual(len(self.jobs()), 2)
        self.user.device("a", "Retry")
        eventually(lambda: len(self.jobs()) == 3)
        self.wanted(version="1.2.0")
        self.satisfied("1.2.0")

    def test_retries(self):
        """failures are tried again later, and not for ever"""
        self.boards("a", extra=f"firmware={self.wanted()}\nbackoff=1s\nretries=1\n"
                    f"keys={self.path('missing.pem')}")
        eventually(lambda: self.policy().startswith("held: it failed 2 times"))
        self.assertEqual([job["Result"] for job in self.jobs()], ["error"] * 2)

    def test_refused(self):
        """what an interlock refuses is held at once; allowed by the rules it is done"""
        extra = f"firmware={self.wanted(version='0.9.0')}"
        board, = self.boards("a", extra=extra)
        eventually(lambda: self.policy().startswith("held: "))
        self.assertEqual([job["Result"] for job in self.jobs()], ["refused"])
        self.configure(f"[target a]\nuri={board.target}\n{extra}\nallow=downgrade\n")
        self.user.manager("Reload")
        self.user.device("a", "Retry")
        self.satisfied("0.9.0")

    def test_inhibited(self):
        """while somebody inhibits nothing begins"""
        self.boards("a", extra=f"firmware={self.path('fw.bin')}")
        _, fds = self.user.manager("Inhibit", "(sa{sv})", "test", {}, fds_back=True)
        self.wanted()
        eventually(lambda: self.policy() == "inhibited")
        self.assertEqual(self.jobs(), [])
        for fd in fds.steal_fds():
            os.close(fd)
        self.satisfied("1.1.0")

    def test_window(self):
        """outside its window a board waits"""
        now = time.gmtime()
        begin, end = (now.tm_hour + 2) % 24, (now.tm_hour + 3) % 24
        self.boards("a", extra=f"firmware={self.wanted()}\nwindow={begin:02}:00-{end:02}:00")
        eventually(lambda: self.policy().startswith("waits for its window at "))
        self.assertIn(f" {begin:02}:00:00", self.policy())
        self.assertEqual(self.jobs(), [])

    def test_user_rollback(self):
        """what a user rolled back is not done again"""
        self.boards("a", options=("--mode", "swap-scratch"), extra=f"firmware={self.wanted()}")
        self.satisfied("1.1.0")
        self.user.wait(self.user.device("a", "Rollback"))
        eventually(lambda: self.policy().startswith("held: ") and "rolled it back" in self.policy())
        self.assertEqual(self.running("a"), ("1.0.0", True))

    def test_rate(self):
        """as many updates in an hour as may begin"""
        boards = [self.board(udp=True) for _ in range(3)]
        self.configure("".join(f"[target b{i}]\nuri={b.target}\nfirmware={self.wanted()}\n"
                               for i, b in enumerate(boards)), "[daemon]\nrate=2\n")
        self.start()
        eventually(lambda: [self.policy(f"b{i}") for i in range(3)].count("satisfied") == 2)
        eventually(lambda: [self.policy(f"b{i}")[:6] for i in range(3)].count("waits:") == 1)
        self.assertEqual(len(self.jobs()), 2)

    def test_group(self):
        """a group has rules and a limit of its own"""
        boards = [self.board("--boot-time", "1000", udp=True) for _ in range(4)]
        self.configure(f"[group g]\nfirmware={self.wanted()}\nmax-parallel=1\n" +
                       "".join(f"[target b{i}]\nuri={b.target}\ngroup=g\n"
                               for i, b in enumerate(boards)))
        self.start()
        most = 0
        deadline = time.monotonic() + common.PATIENCE
        while [self.policy(f"b{i}") for i in range(4)] != ["satisfied"] * 4:
            most = max(most, [job["State"] for job in self.jobs()].count("running"))
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(most, 1)

    def test_survives(self):
        """killed in an update by policy, it goes on and counts once"""
        self.boards("a", udp=False, options=("--baud", "57600"),
                    extra=f"firmware={self.wanted()}")
        eventually(lambda: self.jobs() and self.jobs()[0]["BytesDone"] > 10000)
        self.daemon.kill()
        self.start()
        self.satisfied("1.1.0")
        self.assertEqual(len(self.jobs()), 1)

    def test_configuration(self):
        """an error costs only the boards it belongs to"""
        self.configure({
            "1.conf": "[target good]\nudp=127.0.0.1:1\n",
            "2.conf": "[target bad]\nudp=127.0.0.1:2\nretires=3\n",
            "3.conf": "garbage\n[target other]\nudp=127.0.0.1:3\n",
            "4.conf": "[target good]\nudp=127.0.0.1:4\n[target more]\ngroup=none\nudp=127.0.0.1:5\n",
            "5.conf": "\xff\xfe",
            "6.conf": "[target sim]\nuri=sim:swap\n[target half]\nusb-vendor=1915\n",
            "7.txt": "[target hidden]\nudp=127.0.0.1:7\n",
        })
        self.start()
        errors = self.user.get(ROOT, MANAGER, "ConfigurationErrors")
        places = sorted(e.split("targets.d/")[1].split(": ")[0] for e in errors)
        self.assertEqual(places, ["2.conf:3", "3.conf:1", "4.conf:1", "4.conf:3", "5.conf:1",
                                  "6.conf:2", "6.conf:3"], errors)
        self.assertEqual(set(self.user.objects()), {device_path("other")}, errors)


common.main()
