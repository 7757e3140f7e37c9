# SPDX-License-Identifier: LGPL-2.1-or-later
"""Files on the board: there and back, under faults, and as the Go tool prints them."""

import hashlib
import os
import random
import signal
import subprocess
import threading
import unittest
import zlib

from common import PATIENCE, SMPCTL, TestCase

PATH = "/lfs1/a"
DATA = random.Random(8).randbytes(9000)


class FileTest(TestCase):
    def setUp(self):
        super().setUp()
        self.source = self.write("a.bin", DATA)

    def connect(self, *options, buf_size=384):
        board = self.board("--pty", "--board", "full", "--buf-size", str(buf_size), *options)
        self.environment["SMPCTL_CONN"] = board.target
        return board

    def faulty(self, fault):
        self.connect("--fault", fault)

    def end(self, *args, status=0):
        return self.json(*args, status=status)[-1]

    def content(self, path=PATH):
        """What the board has, through a plain download."""
        return subprocess.run([SMPCTL, "-q", "fs", "download", path, "-"], check=True,
                              capture_output=True, env=self.environment, timeout=PATIENCE).stdout

    def files(self):
        return sorted(os.listdir(self.directory))


class There(FileTest):
    def test_upload(self):
        self.connect()
        status, out, err = self.run_smpctl("fs", "upload", self.source, PATH)
        self.assertEqual((status, out), (0, "Done\n"))
        self.assertRegex(err, r"^upload +10 % ")
        self.assertEqual(self.content(), DATA)
        self.assertEqual(self.good("-q", "fs", "upload", self.source, PATH), "")
        end = self.end("fs", "upload", self.source, PATH)
        self.assertEqual(
            {key: end[key] for key in ("event", "result", "file", "path", "size",
                                       "resumed_at", "verified")},
            {"event": "end", "result": "uploaded", "file": self.source, "path": PATH, "size": 9000,
             "resumed_at": 0, "verified": True})
        # More where a busy machine was late with an answer.
        self.assertGreaterEqual(end["sent"], 9000)
        self.assertGreater(end["window"], 1)

    def test_shorter_replaces_longer(self):
        self.connect()
        self.good("fs", "upload", self.source, PATH)
        self.good("fs", "upload", self.write("b.bin", DATA[:100]), PATH)
        self.assertEqual(self.content(), DATA[:100])

    def test_sizes(self):
        self.connect()
        for size in (0, 1, 22, 343, 344, 345, 700):
            with self.subTest(size):
                self.good("fs", "upload", self.write("b.bin", DATA[:size]), f"/lfs1/{size}")
                self.assertEqual(self.content(f"/lfs1/{size}"), DATA[:size])

    def test_from_standard_input(self):
        self.connect()
        done = subprocess.run([SMPCTL, "fs", "upload", "-", PATH], input=DATA, env=self.environment,
                              capture_output=True, timeout=PATIENCE, check=True)
        self.assertEqual(done.stdout, b"Done\n")
        self.assertEqual(self.content(), DATA)

    def test_from_a_pipe(self):
        self.connect()
        os.mkfifo(self.path("pipe"))
        process = self.start("-q", "fs", "upload", "pipe", PATH)
        self.write("pipe", DATA)
        self.assertEqual(process.communicate(timeout=PATIENCE), ("", ""))
        self.assertEqual((process.returncode, self.content()), (0, DATA))

    def test_large(self):
        """Not a byte less than the file has, wherever the board gives up."""
        self.connect(buf_size=2048)
        os.truncate(self.write("big.bin", b""), 70 * 1024 * 1024)
        events = self.json("fs", "upload", "big.bin", PATH, status=6)
        self.assertEqual(events[0]["size"], 70 * 1024 * 1024)

    def test_resume(self):
        self.connect()
        self.good("fs", "upload", self.write("b.bin", DATA[:5000]), PATH)
        end = self.end("fs", "upload", "--resume", self.source, PATH)
        self.assertEqual(end["resumed_at"], 5000)
        self.assertIn(end["sent"], range(4000, 9000))
        self.assertEqual(self.content(), DATA)
        self.assertEqual(self.end("fs", "upload", "--resume", self.source, PATH)["sent"], 0)
        # Other, longer and absent files are no beginning of this one.
        self.good("fs", "upload", self.write("b.bin", b"x" + DATA[:5000]), PATH)
        self.assertEqual(self.end("fs", "upload", "--resume", self.source, PATH)["resumed_at"], 0)
        self.good("fs", "upload", self.write("b.bin", DATA + b"x"), PATH)
        self.assertEqual(self.end("fs", "upload", "--resume", self.source, PATH)["resumed_at"], 0)
        self.assertEqual(self.content(), DATA)
        self.good("fs", "upload", "--resume", self.source, "/lfs1/new")
        self.assertEqual(self.content("/lfs1/new"), DATA)

    def test_full(self):
        self.connect(buf_size=2048)
        path = self.write("big.bin", bytes(600 * 1024))
        status, out, err = self.run_smpctl("-q", "fs", "upload", path, PATH)
        self.assertEqual((status, out), (6, ""))
        self.assertIn("FILE_WRITE_FAILED", err)
        self.assertIn("The file system may be full.", err)
        self.assertIn("What /lfs1/a held before on the board is lost.", err)

    def test_mistakes(self):
        self.connect()
        for args, status, text in (
            (("upload", self.source, "/nowhere/a"), 6, "MOUNT_POINT_NOT_FOUND"),
            (("upload", self.source, "/lfs1/" + "x" * 60), 6, "EINVAL"),
            (("upload", "none.bin", PATH), 3, "cannot read none.bin: No such file"),
            (("upload", ".", PATH), 3, "cannot read .: "),
            (("upload", self.source), 2, "Usage:"),
            (("upload", "-w", "-1", self.source, PATH), 2, "must not be negative"),
            (("download", "/lfs1/none", "b"), 6, "FILE_NOT_FOUND"),
            (("download", "/lfs1", "b"), 6, "FILE_IS_DIRECTORY"),
            (("download", PATH, "-", "--resume"), 2, "--resume needs a file"),
            (("status", "/lfs1/none"), 6, "FILE_NOT_FOUND"),
            (("hash", "/lfs1/none"), 6, "FILE_NOT_FOUND"),
            (("hash", PATH, "--offset", "-1"), 2, "must not be negative"),
        ):
            with self.subTest(args):
                got, out, err = self.run_smpctl("fs", *args)
                self.assertEqual((got, out), (status, ""), err)
                self.assertIn(text, err)
        self.assertEqual(self.files(), ["a.bin"])


class AndBack(FileTest):
    def setUp(self):
        super().setUp()
        self.connect()
        self.good("-q", "fs", "upload", self.source, PATH)

    def test_download(self):
        status, out, err = self.run_smpctl("fs", "download", PATH, "b.bin")
        self.assertEqual((status, out), (0, "Done\n"))
        self.assertRegex(err, r"^download +10 % ")
        self.assertEqual(self.read("b.bin"), DATA)
        end = self.end("fs", "download", PATH, "b.bin")
        self.assertEqual((end["result"], end["size"], end["sent"], end["verified"]),
                         ("downloaded", 9000, 9000, True))
        self.assertEqual(self.files(), ["a.bin", "b.bin"])

    def test_no_half_file_takes_the_place(self):
        self.write("b.bin", b"old")
        self.assertEqual(self.run_smpctl("fs", "download", "/lfs1/none", "b.bin")[0], 6)
        self.assertEqual((self.read("b.bin"), self.files()), (b"old", ["a.bin", "b.bin"]))
        self.assertEqual(self.run_smpctl("fs", "download", PATH, "nowhere/b.bin")[0], 1)

    def test_empty(self):
        self.good("fs", "upload", self.write("e", b""), "/lfs1/e")
        self.good("fs", "download", "/lfs1/e", "b.bin")
        self.assertEqual(self.read("b.bin"), b"")
        self.assertEqual(self.run_smpctl("fs", "download", "/lfs1/e", "-"), (0, "", ""))

    def test_resume(self):
        self.write("b.bin.part", DATA[:4000])
        end = self.end("fs", "download", "--resume", PATH, "b.bin")
        self.assertEqual((end["resumed_at"], end["sent"]), (4000, 5000))
        self.assertEqual(self.read("b.bin"), DATA)
        for part in (b"x" + DATA[:4000], DATA + b"x", b""):
            self.write("b.bin.part", part)
            self.assertEqual(self.end("fs", "download", "--resume", PATH, "b.bin")["sent"], 9000)
            self.assertEqual(self.read("b.bin"), DATA)

    def test_links(self):
        """What a link leads to is written, there or not yet; the link stays."""
        os.mkdir(self.path("sub"))
        self.write("old.bin", b"old")
        for link, to, name in (("abs", self.path("old.bin"), "old.bin"), ("rel", "old.bin", "old.bin"),
                               ("new", "sub/next", "sub/new.bin"), ("sub/next", "new.bin", "sub/new.bin")):
            os.symlink(to, self.path(link))
        for link, name in ("abs", "old.bin"), ("rel", "old.bin"), ("new", "sub/new.bin"):
            with self.subTest(link):
                self.good("fs", "download", PATH, link)
                self.assertTrue(os.path.islink(self.path(link)))
                self.assertEqual(self.read(name), DATA)
                os.unlink(self.path(name))
        self.write("sub/new.bin.part", DATA[:4000])
        self.assertEqual(self.end("fs", "download", "--resume", PATH, "new")["resumed_at"], 4000)
        self.assertEqual(self.files(), ["a.bin", "abs", "new", "rel", "sub"])
        self.assertEqual(sorted(os.listdir(self.path("sub"))), ["new.bin", "next"])

    def test_pipe(self):
        """A pipe is written, by its name and as of `>(…)`."""
        os.mkfifo(self.path("pipe"))
        process = self.start("-q", "fs", "download", PATH, "pipe")
        self.assertEqual(self.read("pipe"), DATA)
        self.assertEqual(process.communicate(timeout=PATIENCE), ("", ""))
        self.assertEqual((process.returncode, self.files()), (0, ["a.bin", "pipe"]))
        ours, theirs = os.pipe()
        process = self.start("-q", "fs", "download", PATH, f"/dev/fd/{theirs}", pass_fds=[theirs])
        os.close(theirs)
        with open(ours, "rb") as pipe:
            self.assertEqual(pipe.read(), DATA)
        self.assertEqual(process.communicate(timeout=PATIENCE), ("", ""))
        self.assertEqual(process.returncode, 0)
        status, _, err = self.run_smpctl("fs", "download", PATH, "pipe", "--resume")
        self.assertEqual(status, 2)
        self.assertIn("--resume needs a file, and pipe is none", err)

    def test_standard_output_by_its_name(self):
        """Through a link of ours, so that nothing in /dev is at risk."""
        os.symlink("/proc/self/fd/1", self.path("out"))
        os.symlink(SMPCTL, self.path("mcumgr"))
        for program in SMPCTL, self.path("mcumgr"):
            done = subprocess.run([program, "fs", "download", PATH, "out"], capture_output=True,
                                  env=self.environment, timeout=PATIENCE, cwd=self.directory, check=True)
            self.assertEqual(done.stdout, DATA)
        self.write("log", b"before")
        with open(self.path("log"), "ab") as log:
            subprocess.run([SMPCTL, "-q", "fs", "download", PATH, "out"], stdout=log, check=True,
                           env=self.environment, timeout=PATIENCE, cwd=self.directory)
        self.assertEqual(self.read("log"), b"before" + DATA)
        self.assertEqual(self.end("fs", "download", PATH, "out", status=2)["error"]["class"], "usage")

    def test_file_without_a_name(self):
        with open(self.path("gone"), "w+b") as file:
            os.unlink(self.path("gone"))
            file.write(DATA + b"more")
            file.flush()
            process = self.start("-q", "fs", "download", PATH, f"/dev/fd/{file.fileno()}",
                                 pass_fds=[file.fileno()])
            self.assertEqual(process.communicate(timeout=PATIENCE), ("", ""))
            file.seek(0)
            self.assertEqual(file.read(), DATA)
        self.assertEqual(self.files(), ["a.bin"])

    def test_no_place(self):
        """It is found before the board is."""
        os.mkdir(self.path("d"))
        os.symlink("d", self.path("to-d"))
        os.symlink("loop", self.path("loop"))
        self.environment["SMPCTL_CONN"] = self.path("no-board")
        for target, why in (("d", "Is a directory"), ("to-d", "Is a directory"), (".", "Is a directory"),
                            ("loop", "Too many levels"), ("a.bin/b", "Not a directory"), ("", "No such")):
            with self.subTest(target):
                status, _, err = self.run_smpctl("fs", "download", PATH, target)
                self.assertEqual(status, 1)
                self.assertIn(f"cannot write {target}: {why}", err)
                self.assertNotIn("--resume", err)
        self.assertEqual((self.files(), os.listdir(self.path("d"))), (["a.bin", "d", "loop", "to-d"], []))

    def test_json_needs_a_file(self):
        error = self.end("fs", "download", PATH, "-", status=2)["error"]
        self.assertEqual(error["class"], "usage")

    def test_status_hash_types_close(self):
        crc, sha = f"{zlib.crc32(DATA):08x}", hashlib.sha256(DATA).hexdigest()
        self.assertEqual(self.good("fs", "status", PATH), "9000\n")
        self.assertEqual(self.end("fs", "status", PATH), {"path": PATH, "size": 9000})
        self.assertEqual(self.good("fs", "hash", PATH), f"{crc}  {PATH}\n")
        self.assertEqual(self.good("fs", "hash", "--type", "sha256", PATH), f"{sha}  {PATH}\n")
        self.assertEqual(
            self.end("fs", "hash", PATH, "--type=sha256", "--offset=10", "--length=100"),
            {"path": PATH, "type": "sha256", "offset": 10, "length": 100,
             "hash": hashlib.sha256(DATA[10:110]).hexdigest()})
        self.assertIn("CHECKSUM_HASH_NOT_FOUND", self.run_smpctl("fs", "hash", PATH, "--type=md5")[2])
        self.assertIn("OFFSET_LARGER", self.run_smpctl("fs", "hash", PATH, "--offset=9000")[2])
        self.assertEqual(self.good("fs", "types"), "crc32    4 bytes\nsha256   32 bytes\n")
        self.assertEqual(self.end("fs", "types")["types"][0],
                         {"name": "crc32", "format": "number", "size": 4})
        self.assertEqual(self.good("fs", "close"), "Done\n")
        self.assertEqual(self.end("fs", "close"), {"closed": True})

    def test_go_tool(self):
        os.symlink(SMPCTL, self.path("mcumgr"))
        mcumgr = self.path("mcumgr")
        status, out, err = self.run_smpctl("fs", "upload", self.source, PATH, program=mcumgr)
        offsets = [int(line) for line in out.splitlines()[:-1]]
        self.assertEqual((status, err, out.splitlines()[-1]), (0, "", "Done"))
        self.assertEqual((offsets, offsets[-1]), (sorted(set(offsets)), 9000))
        status, out, err = self.run_smpctl("fs", "download", PATH, "b.bin", program=mcumgr)
        offsets = list(range(0, 9000, 340))
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(out, "".join(f"{offset}\n" for offset in offsets) + "Done\n")
        self.assertEqual(self.read("b.bin"), DATA)


class Compared(FileTest):
    """What a board says of the hash of a file of 100 bytes."""

    def get(self, answer, *args, status=0):
        """Returns what came and what was said."""
        self.environment["SMPCTL_CONN"] = self.puppet(
            {(8, 0): {"data": DATA[:100], "off": 0, "len": 100}, (8, 2): answer})
        process = subprocess.run([SMPCTL, "fs", "download", PATH, *args], capture_output=True,
                                 env=self.environment, timeout=PATIENCE, cwd=self.directory,
                                 check=False)
        self.assertEqual(process.returncode, status, process.stderr)
        return process.stdout, process.stderr.decode()

    @staticmethod
    def sha(data):
        return {"type": "sha256", "len": len(data), "output": hashlib.sha256(data).digest()}

    @staticmethod
    def crc_only(request):
        if b"sha256" in request:
            return {"err": {"group": 8, "rc": 13}}
        return {"type": "crc32", "len": 100, "output": zlib.crc32(DATA[:100])}

    def test_good(self):
        for answer in self.sha(DATA[:100]), self.crc_only:
            self.assertNotIn("verified", self.get(answer, "b.bin")[1])
            self.assertEqual(self.read("b.bin"), DATA[:100])
        out, err = self.get(self.sha(DATA[:100]), "-")
        self.assertEqual(out, DATA[:100])
        self.assertNotIn("verified", err)

    def test_bad(self):
        for target in "b.bin", "-":
            for data in DATA[1:101], DATA[:101]:
                _, err = self.get(self.sha(data), target, status=1)
                self.assertIn(f"what came of {PATH} is not what the board has", err)
                self.get(self.sha(data), target, "--no-verify")
        os.unlink(self.path("b.bin"))
        self.assertEqual(self.files(), ["a.bin"])

    def test_not_compared(self):
        for target in "b.bin", "-":
            self.assertIn("not verified: the board has no hashes (CONFIG_MCUMGR_GRP_FS_CHECKSUM_HASH)",
                          self.get({"rc": 8}, target)[1])
            self.assertNotIn("verified", self.get({"rc": 8}, target, "--no-verify")[1])
        self.assertIn("not verified: what goes to no file is compared by SHA-256 only",
                      self.get(self.crc_only, "-")[1])


class Left(FileTest):
    """What is said of a transfer that failed."""

    RESUME = "\n  The same command with --resume goes on from there."

    def silence(self, _):
        """Instead of an answer: nobody waits for one."""
        self.started.wait(PATIENCE)
        self.process.send_signal(signal.SIGINT)

    def failed(self, answers, *args, status):
        self.environment["SMPCTL_CONN"] = self.puppet(answers)
        self.started = threading.Event()
        self.process = self.start("-q", "fs", *args)
        self.started.set()
        out, err = self.process.communicate(timeout=PATIENCE)
        self.assertEqual((self.process.returncode, out), (status, ""), err)
        return err

    def test_upload_is_something_else(self):
        err = self.failed({(8, 0): {"off": 10}, (8, 4): {}, (8, 2): Compared.sha(DATA[1:11])},
                          "upload", self.write("b.bin", DATA[:10]), PATH, status=1)
        self.assertIn("what the board has of /lfs1/a now is something else; upload it again", err)
        self.assertIn("What /lfs1/a held before on the board is lost.", err)
        self.assertNotIn("--resume", err)

    def test_upload_without_an_answer(self):
        lost = "What /lfs1/a held before on the board may be lost."
        for answer, status, said in (self.silence, 130, True), ({"err": {"group": 8, "rc": 10}}, 6, True), (
                {"err": {"group": 8, "rc": 14}}, 6, False):
            with self.subTest(answer):
                err = self.failed({(8, 0): answer, (8, 4): {}}, "upload", self.source, PATH,
                                  status=status)
                self.assertEqual(lost in err, said, err)
        # Nothing was sent.
        self.assertNotIn("lost", self.failed({(8, 4): self.silence}, "upload", self.source, PATH, status=130))

    def test_upload_resumed_without_an_answer(self):
        err = self.failed({(8, 0): self.silence, (8, 1): {"len": 500}, (8, 2): Compared.sha(DATA[:500]),
                           (8, 4): {}}, "upload", "--resume", self.source, PATH, status=130)
        self.assertIn("500 of 9000 bytes are in /lfs1/a on the board", err)

    def test_download_resumed_without_an_answer(self):
        self.write("b.bin.part", DATA[:500])
        for answers in {(8, 2): Compared.sha(DATA[:500])}, {(8, 2): self.silence}:
            err = self.failed(answers | {(8, 1): self.silence}, "download", "--resume", PATH, "b.bin",
                              status=130)
            self.assertIn("  500 bytes are in b.bin.part." + self.RESUME, err)

    def test_download_not_compared(self):
        data = {"data": DATA[:100], "off": 0, "len": 100}
        err = self.failed({(8, 0): data, (8, 2): self.silence}, "download", PATH, "b.bin", status=130)
        self.assertIn("100 of 100 bytes are in b.bin.part." + self.RESUME, err)
        err = self.failed({(8, 0): data, (8, 2): {"rc": 1}}, "download", PATH, "b.bin", status=6)
        self.assertIn("100 of 100 bytes are in b.bin.part.\n", err)
        self.assertNotIn("--resume", err)
        err = self.failed({(8, 0): data, (8, 2): Compared.sha(DATA)}, "download", PATH, "b.bin",
                          status=1)
        self.assertNotIn("b.bin.part", err)
        self.assertEqual(self.files(), ["a.bin"])

    def test_download_without_its_name(self):
        def in_the_way(_):
            os.mkdir(self.path("b.bin"))
            return Compared.sha(DATA[:100])

        data = {"data": DATA[:100], "off": 0, "len": 100}
        err = self.failed({(8, 0): data, (8, 2): in_the_way}, "download", PATH, "b.bin", status=1)
        self.assertIn("cannot write b.bin: Is a directory", err)
        self.assertIn("100 of 100 bytes are in b.bin.part." + self.RESUME, err)


class Faults(FileTest):
    """Whatever is lost, cut or said twice: the file is whole, and never has a part twice."""

    def test_upload(self):
        # Requests: 1 parameters, 2 close, 3 first chunk, 4… more chunks.
        for fault in ("lose-request=1", "lose-reply=2", "lose-request=3", "lose-reply=3",
                      "lose-reply=4", "lose-request=5", "lose-reply=6", "duplicate-reply=3",
                      "duplicate-reply=5", "corrupt-reply=4", "reset-at=6", "power-cut-at=6:300",
                      "stall=3:2000", "cut-link=7:700", "answer=5:2", "answer=6:10"):
            with self.subTest(fault):
                self.faulty(fault)
                end = self.end("fs", "upload", self.source, PATH)
                self.assertEqual((end["result"], end["verified"]), ("uploaded", True))
                self.assertEqual(self.content(), DATA)

    def test_upload_to_a_file_that_is_there(self):
        """A board that was reset in the middle has what it had before."""
        for fault in ("lose-reply=4", "reset-at=8", "lose-request=8"):
            with self.subTest(fault):
                self.connect("--state", self.path("state-" + fault))
                self.good("fs", "upload", self.write("old.bin", b"o" * 9000), PATH)
                self.connect("--state", self.path("state-" + fault), "--fault", fault)
                status = self.run_smpctl("-q", "fs", "upload", self.source, PATH)[0]
                if status:
                    self.assertIn(status, (1, 6))
                    self.good("-q", "fs", "upload", self.source, PATH)
                self.assertEqual(self.content(), DATA)

    def test_random_loss(self):
        for seed in "1", "2", "3":
            with self.subTest(seed):
                self.connect("--loss", "0.06", "--seed", seed)
                self.good("-q", "fs", "upload", self.source, PATH)
                self.good("-q", "fs", "download", PATH, "b.bin")
                self.assertEqual(self.read("b.bin"), DATA)

    def test_download(self):
        # Requests: 1 first chunk, 2… more.
        for number in (1, 2, 5):
            for fault in ("lose-request", "lose-reply", "duplicate-reply", "corrupt-reply", "reset-at"):
                with self.subTest(f"{fault}={number}"):
                    state = ("--state", self.path("state"))
                    self.connect(*state).process.stdin.flush()
                    self.good("-q", "fs", "upload", self.source, PATH)
                    self.connect(*state, "--fault", f"{fault}={number}")
                    self.good("-q", "fs", "download", PATH, "b.bin")
                    self.assertEqual(self.read("b.bin"), DATA)

    def test_lies(self):
        """An answer that cannot be true is not believed."""
        for args in (("upload", self.source, PATH), ("upload", self.source, PATH, "-w", "1")):
            self.faulty("lie-offset=5:100")
            self.assertTrue(self.end("fs", *args)["verified"])
            self.assertEqual(self.content(), DATA)
        state = ("--state", self.path("state"))
        self.connect(*state)
        self.good("-q", "fs", "upload", self.source, PATH)
        self.connect(*state, "--fault", "lie-offset=4:7")
        status, _, err = self.run_smpctl("-q", "fs", "download", PATH, "b.bin")
        self.assertEqual(status, 1)
        self.assertIn("was asked for offset 680 and answers with 687", err)
        self.assertFalse(os.path.exists(self.path("b.bin")))
        self.good("-q", "fs", "download", "--resume", PATH, "b.bin")
        self.assertEqual(self.read("b.bin"), DATA)

    def test_port_goes_away(self):
        link = self.path("port")
        for fault in ("reset-at=3", "reset-at=12"):
            with self.subTest(fault):
                state = ("--state", self.path("state"), "--link", link, "--hangup",
                         "--time-scale", "5")
                board = self.connect(*state, "--fault", fault)
                end = self.end("-c", link, "fs", "upload", self.source, PATH)
                self.assertTrue(end["verified"])
                self.good("-c", link, "-q", "fs", "download", PATH, "b.bin")
                self.assertEqual(self.read("b.bin"), DATA)
                board.process.stdin.close()
                board.process.wait(PATIENCE)
                board = self.connect(*state, "--fault", fault)
                self.good("-c", link, "-q", "fs", "download", PATH, "c.bin")
                self.assertEqual(self.read("c.bin"), DATA)
                board.process.stdin.close()
                board.process.wait(PATIENCE)

    def test_board_dies(self):
        self.faulty("die=9")
        status, out, err = self.run_smpctl("-q", "-t", "2", "fs", "upload", self.source, PATH)
        self.assertEqual((status, out), (5, ""))
        self.assertRegex(err, r"\d+ of 9000 bytes are in /lfs1/a on the board; what it held before is "
                              r"lost\.\n  The same command with --resume goes on from there\.")


class Cut(FileTest):
    """The end of smpctl in the middle."""

    def half(self, *args):
        """Starts it on a slow line and stops it when something was told of it."""
        self.connect("--baud", "20000")
        process = self.start(*args)
        process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, out), (130, ""))
        return err

    def test_upload(self):
        err = self.half("fs", "upload", self.source, PATH)
        self.assertIn("interrupted", err)
        self.assertIn("--resume goes on from there", err)
        end = self.end("fs", "upload", "--resume", self.source, PATH)
        self.assertGreater(end["resumed_at"], 0)
        self.assertGreaterEqual(end["sent"], 9000 - end["resumed_at"])
        self.assertTrue(end["verified"])

    def test_download(self):
        self.connect("--state", self.path("state"))
        self.good("-q", "fs", "upload", self.source, PATH)
        self.connect("--state", self.path("state"), "--baud", "20000")
        process = self.start("fs", "download", PATH, "b.bin")
        process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130)
        self.assertIn("bytes are in b.bin.part", err)
        self.assertFalse(os.path.exists(self.path("b.bin")))
        end = self.end("fs", "download", "--resume", PATH, "b.bin")
        self.assertGreater(end["resumed_at"], 0)
        self.assertEqual(self.read("b.bin"), DATA)
        self.assertFalse(os.path.exists(self.path("b.bin.part")))


class Kept(FileTest):
    def test_state(self):
        """smpsim keeps files and saved settings with --state."""
        state = ("--state", self.path("state"))
        board = self.connect(*state)
        self.good("-q", "fs", "upload", self.source, PATH)
        self.good("settings", "write", "app/note", "kept")
        self.good("settings", "save")
        board.process.stdin.close()
        board.process.wait(PATIENCE)
        self.connect(*state)
        self.assertEqual(self.content(), DATA)
        self.assertEqual(self.good("settings", "read", "app/note"), "kept\n")


if __name__ == "__main__":
    unittest.main()
