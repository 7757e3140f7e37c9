# SPDX-License-Identifier: LGPL-2.1-or-later
"""Jobs outlive the daemon: kill -9, stop, boards that go away, disks that are full or damaged."""

import fcntl
import os
import shutil
import subprocess
import time

import common
from common import DEVICE, JOB, device_path, eventually, strings, text
from gi.repository import GLib

SLOW = ("--baud", "57600")


class Survive(common.TestCase):
    def again(self, job, *states):
        """A new daemon, which has the job."""
        self.daemon.kill()
        self.start()
        self.assertIn(self.user.get(job, JOB, "State"), states or ("interrupted", "running"))

    def kill_at(self, when):
        """Kills the daemon when when(job) is true, and sees the job through."""
        self.boards("a", udp=False, options=SLOW + ("--boot-time", "1500"))
        job = self.user.update("a", self.image("new.bin", "1.1.0"))
        eventually(lambda: when(job))
        self.again(job, "interrupted", "running", "waiting", "done")
        end = self.user.wait(job)
        self.assertEqual(end["Result"], "updated", end)
        self.assertEqual(self.running("a"), ("1.1.0", True))
        return end

    def test_kill_first(self):
        """killed right after the call returned"""
        self.kill_at(lambda job: True)

    def test_kill_upload(self):
        """killed in the upload: it goes on where it was"""
        end = self.kill_at(lambda job: self.user.get(job, JOB, "BytesDone") > 25000)
        self.assertIn("goes on", self.daemon.log)

    def test_kill_reset(self):
        """killed while the board restarts"""
        self.kill_at(lambda job: self.user.get(job, JOB, "Step") == "reset")

    def test_kill_end(self):
        """killed when it has ended: it stays ended"""
        self.kill_at(lambda job: self.user.get(job, JOB, "State") == "done")

    def test_kill_often(self):
        """killed every second until it is through"""
        self.boards("a", udp=False, options=SLOW)
        job = self.user.update("a", self.image("new.bin", "1.1.0"))
        for _ in range(8):
            time.sleep(1)
            self.again(job, "interrupted", "running", "waiting", "done")
        self.assertEqual(self.user.wait(job)["Result"], "updated")
        self.assertEqual(self.running("a"), ("1.1.0", True))

    def test_kill_rollback(self):
        """a rollback that was killed does not go back and forth"""
        self.boards("a", udp=False, options=("--mode", "swap-scratch", "--boot-time", "1500"))
        self.user.wait(self.user.update("a", self.image("new.bin", "1.1.0")))
        job = self.user.device("a", "Rollback")
        eventually(lambda: self.user.get(job, JOB, "Step") == "reset")
        self.again(job)
        self.assertEqual(self.user.wait(job)["Result"], "rolled-back")
        self.assertEqual(self.running("a"), ("1.0.0", True))

    def test_stop(self):
        """stopped, the job is interrupted at once and goes on at the next start"""
        self.boards("a", udp=False, options=SLOW)
        job = self.user.update("a", self.image("new.bin", "1.1.0"))
        eventually(lambda: self.user.get(job, JOB, "BytesDone") > 10000)
        start = time.monotonic()
        self.assertEqual(self.daemon.stop(), 0)
        self.assertLess(time.monotonic() - start, 10)
        self.start()
        self.assertEqual(self.user.wait(job)["Result"], "updated")

    def test_stop_in_reset(self):
        """stopped while the board restarts, the step is finished first"""
        self.boards("a", udp=False, options=("--boot-time", "3000"))
        job = self.user.update("a", self.image("new.bin", "1.1.0"))
        eventually(lambda: self.user.get(job, JOB, "Step") == "reset")
        self.assertEqual(self.daemon.stop(), 0)
        self.assertIn("the board is back", self.debug_log())
        self.start()
        self.assertEqual(self.user.wait(job)["Result"], "updated")

    def debug_log(self):
        return self.daemon.log

    def start(self, **env):
        return super().start(G_MESSAGES_DEBUG="all", **env)

    def test_waiting(self):
        """jobs that wait survive too, and their order"""
        board = [self.board(*SLOW, udp=False) for _ in range(3)]
        self.configure("".join(f"[target b{i}]\nuri={b.target}\n" for i, b in enumerate(board)),
                       "[daemon]\nmax-parallel=1\n")
        self.start()
        new = self.image("new.bin", "1.1.0")
        for i in range(3):
            eventually(lambda: self.user.get(device_path(f"b{i}"), DEVICE, "Images"))
        jobs = [self.user.update(f"b{i}", new) for i in range(3)]
        eventually(lambda: self.user.get(jobs[0], JOB, "BytesDone") > 5000)
        self.assertEqual([self.user.get(job, JOB, "State") for job in jobs],
                         ["running", "waiting", "waiting"])
        self.daemon.kill()
        self.start()
        self.user.job(jobs[2])
        self.assertEqual(self.user.wait(jobs[2])["Result"], "cancelled")
        ends = [self.user.wait(job) for job in jobs[:2]]
        self.assertEqual([end["Result"] for end in ends], ["updated"] * 2)
        self.assertLessEqual(ends[0]["Ended"], ends[1]["Started"])

    def test_away(self):
        """a board that goes away for long interrupts its job; back again it goes on"""
        flash = self.path("flash")
        port = self.path("port")
        board = self.board(*SLOW, "--link", port, "--state", flash)
        self.configure(f"[target a]\nuri=serial:{port}\n")
        self.start()
        job = self.user.update("a", self.image("new.bin", "1.1.0"))
        eventually(lambda: self.user.get(job, JOB, "BytesDone") > 10000)
        board.stop()
        self.daemon.kill()
        self.start()
        eventually(lambda: self.user.get(job, JOB, "State") == "interrupted")
        self.assertEqual(self.user.get(job, JOB, "Result"), "")
        time.sleep(1)
        self.assertEqual(self.user.get(job, JOB, "State"), "interrupted")
        self.board(*SLOW, "--link", port, "--state", flash)
        end = self.user.wait(job)
        self.assertEqual(end["Result"], "updated", end)

    def test_late(self):
        """a port that somebody else holds when it is first looked at: looked at again"""
        board = self.board()
        self.configure(f"[target a]\nuri=serial:{board.where}\n")
        port = os.open(board.where, os.O_RDWR | os.O_NOCTTY)
        fcntl.flock(port, fcntl.LOCK_EX)
        self.start()
        eventually(lambda: " is held by " in self.user.get(device_path("a"), DEVICE, "Problem"))
        self.assertFalse(self.user.get(device_path("a"), DEVICE, "Images"))
        os.close(port)
        eventually(lambda: self.user.get(device_path("a"), DEVICE, "Images"))
        self.assertEqual(self.user.get(device_path("a"), DEVICE, "Problem"), "")

    def test_cancel_interrupted(self):
        """an interrupted job can be given up, also without its device"""
        board, = self.boards("a", udp=False, options=SLOW)
        job = self.user.update("a", self.image("new.bin", "1.1.0"))
        eventually(lambda: self.user.get(job, JOB, "BytesDone") > 10000)
        self.daemon.kill()
        board.stop()
        self.configure("")
        self.start()
        self.assertEqual(self.user.get(job, JOB, "State"), "interrupted")
        self.user.job(job)
        self.assertEqual(self.user.wait(job)["Result"], "cancelled")

    def test_kept(self):
        """a bounded number of finished jobs stays, over restarts"""
        self.boards("a")
        self.configure({}, "[daemon]\nkeep-jobs=3\n")
        self.user.manager("Reload")
        new = self.image("new.bin", "1.1.0")
        jobs = []
        for _ in range(5):
            jobs.append(self.user.update("a", new))
            last = self.user.wait(jobs[-1])
        self.assertEqual(self.jobs(), set(jobs[2:]))
        eventually(lambda: sorted(os.listdir(self.path("state", "jobs"))) == ["3", "4", "5"])
        for job in ("3", "4", "5"):
            self.assertEqual(os.listdir(self.path("state", "jobs", job)), ["job"])
        self.daemon.stop()
        self.start()
        self.assertEqual(self.jobs(), set(jobs[2:]))
        self.assertEqual(self.user.properties(jobs[-1], JOB)["Result"], last["Result"])
        self.assertEqual(self.user.properties(jobs[-1], JOB)["Ended"], last["Ended"])
        self.assertEqual(self.user.update("a", new), "/org/smpd1/job/6")

    def jobs(self):
        return {path for path in self.user.objects() if "/job/" in path}

    def test_damaged(self):
        """damaged jobs are put aside and told of; the others stay"""
        self.boards("a")
        new = self.image("new.bin", "1.1.0")
        for _ in range(3):
            self.user.wait(self.user.update("a", new))
        self.daemon.stop()
        with open(self.path("state", "jobs", "1", "job"), "wb") as file:
            file.write(b"\0garbage\xff")
        with open(self.path("state", "jobs", "2", "job"), "r+b") as file:
            file.truncate(40)
        os.makedirs(self.path("state", "jobs", ".new-7"))
        os.makedirs(self.path("state", "jobs", "9"))
        self.start()
        self.assertEqual(self.jobs(), {"/org/smpd1/job/3"})
        for job in ("1", "2", "9"):
            self.assertIn(f"job {job} cannot be read", self.daemon.log)
            self.assertTrue(os.path.exists(self.path("state", "jobs", ".bad-" + job)))
        self.assertFalse(os.path.exists(self.path("state", "jobs", ".new-7")))
        self.assertEqual(self.user.update("a", new), "/org/smpd1/job/10")

    def test_changed_file(self):
        """a file that was changed on disk is not installed"""
        self.boards("a", udp=False, options=SLOW)
        job = self.user.update("a", self.image("new.bin", "1.1.0"))
        eventually(lambda: self.user.get(job, JOB, "BytesDone") > 10000)
        self.daemon.kill()
        with open(self.path("state", "jobs", "1", "0-new.bin"), "r+b") as file:
            file.seek(5000)
            file.write(b"changed")
        self.start()
        end = self.user.wait(job)
        self.assertEqual((end["Result"], end["Error"]), ("error", common.ERROR + "File"))
        self.assertEqual(self.running("a"), ("1.0.0", True))

    def test_corrupt_journal(self):
        """a damaged journal of the board is put aside, and the job still tells the truth"""
        self.boards("a", udp=False, options=SLOW)
        job = self.user.update("a", self.image("new.bin", "1.1.0"))
        eventually(lambda: self.user.get(job, JOB, "BytesDone") > 10000)
        self.daemon.kill()
        for name in os.listdir(self.path("state", "boards")):
            if name.endswith(".job"):
                with open(self.path("state", "boards", name), "wb") as file:
                    file.write(b"[job\nnonsense")
        self.start()
        self.assertEqual(self.user.wait(job)["Result"], "updated")

    def test_unwritable(self):
        """a state folder that cannot be written: an error, nothing begun, nothing lost"""
        self.boards("a")
        new = self.image("new.bin", "1.1.0")
        first = self.user.update("a", new)
        self.user.wait(first)
        jobs = self.path("state", "jobs")
        os.rename(jobs, jobs + ".away")
        open(jobs, "wb").close()
        older = self.image("x.bin", "1.2.0")
        self.assertIn("jobs", self.refused("Failed", self.user.update, "a", older))
        self.assertEqual(self.running("a"), ("1.1.0", True))
        os.unlink(jobs)
        os.rename(jobs + ".away", jobs)
        self.assertEqual(self.user.wait(self.user.update("a", older))["Result"], "updated")
        self.assertEqual(self.user.get(first, JOB, "Result"), "updated")

    def test_full(self):
        """a full disk"""
        os.makedirs(self.state)
        mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", self.state]
        if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
            self.skipTest("cannot mount a small disk")
        self.addCleanup(subprocess.run, ["umount", "-l", self.state], check=False)
        self.boards("a")
        self.assertEqual(self.user.wait(self.user.update("a", self.image("a.bin", "1.1.0")))
                         ["Result"], "updated")
        big = self.image("big.bin", "1.2.0,300000")
        self.refused("NoSpace", self.user.update, "a", big)
        self.assertEqual(os.listdir(self.path("state", "jobs")), ["1"])
        with open(self.path("state", "fill"), "wb") as file:
            try:
                file.write(bytes(1000000))
                file.flush()
            except OSError:
                pass
        self.refused("NoSpace", self.user.update, "a", self.image("c.bin", "1.3.0"))
        self.assertEqual(self.running("a"), ("1.1.0", True))
        os.unlink(self.path("state", "fill"))
        self.assertEqual(self.user.wait(self.user.update("a", self.image("c.bin", "1.3.0")))
                         ["Result"], "updated")


common.main()
