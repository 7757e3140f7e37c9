#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whole updates: the recorded stories of two real boards, and what each kind of bootloader does."""

import hashlib
import json
import os
import sys
import tempfile
import time

import smp

DATA = os.path.join(os.environ.get("SMP_TEST_DATA", "tests/data"), "transcripts")
QUICK = ("--reset-time", "20", "--boot-time", "20", "--process-time", "0")


class Images:
    """Images of smpsim by version, made when they are first wanted."""

    def __init__(self, folder):
        self.folder, self.made = folder, {}

    def __getitem__(self, version):
        if version not in self.made:
            self.made[version] = smp.make_image(version, self.folder)
        return self.made[version]

    def data(self, version):
        return self[version][0]

    def hash(self, version):
        return self[version][1]


def as_text(value):
    """With the order of the keys."""
    return json.dumps(value, default=bytes.hex)


class Story:
    """A recorded update. The recording has one chunk of each upload only; ours are whole, of images
    of the same versions. Lists are compared with their values."""

    def __init__(self, tap, board, images, uploads):
        self.tap, self.board, self.images, self.uploads = tap, board, images, uploads
        self.hashes = {}

    def map_hashes(self, wanted, got):
        for theirs, ours in zip(wanted["images"], got["images"]):
            if theirs["version"] == ours["version"]:
                self.hashes.setdefault(theirs["hash"], ours["hash"])

    def ours(self, value):
        """The recorded answer with our hashes."""
        if isinstance(value, dict):
            return {key: self.ours(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.ours(item) for item in value]
        return self.hashes.get(value, value) if isinstance(value, bytes) else value

    def prepare(self, what, sequence):
        for text, number, version, damage in self.uploads:
            if what.startswith(text) and number in (None, sequence):
                data = bytearray(self.images.data(version))
                if damage:
                    data[1000] ^= 1
                return self.board.upload(bytes(data)) is None
        return True

    def step(self, record):
        request = bytes.fromhex(record["request_hex"])
        wanted = bytes.fromhex(record["response_hex"])
        header = smp.Header(request)
        if record["what"].strip() == "upload chunk":
            return True
        for theirs, ours in self.hashes.items():
            request = request.replace(theirs, ours)
        prepared = self.prepare(record["what"].strip(), header.sequence)
        self.board.link.send(request)
        got = self.board.link.receive(2)
        body = got and smp.loads(got[8:])
        recorded = smp.loads(wanted[8:])
        if body and "images" in body and "images" in recorded and header.command == 0:
            self.map_hashes(recorded, body)
        if header.group == 0 and header.command == 5 and header.op == 2:
            time.sleep(0.1)
            self.board.wait()
        good = prepared and got is not None and got[:2] + got[4:8] == wanted[:2] + wanted[4:8] and \
            as_text(self.ours(recorded)) == as_text(body)
        return good or self.tap.check(False, record["what"], "recorded %r\nanswered %r" %
                                      (self.ours(recorded), body))

    def run(self, name):
        with open(os.path.join(DATA, name)) as file:
            steps = [self.step(json.loads(line)) for line in file]
        self.tap.check(all(steps), "%s: %d of %d steps as recorded" %
                       (name, sum(steps), len(steps)))


def test_recorded(tap, images):
    with smp.Board("--board", "m0", *QUICK) as board:
        Story(tap, board, images, [
            ("after upload of v1", None, "1.0.0", False),
            ("v2 uploaded", None, "2.3.4+5", False),
            ("test v1 (now older", None, "1.0.0", False),
            ("test v1", 244, "1.0.0", False),
            ("bad image (payload byte flipped)", None, "1.0.0", True),
        ]).run("qemu_cortex_m0.dfu.jsonl")
    with smp.Board("--board", "mps2", *QUICK) as board:
        Story(tap, board, images, [
            ("after upload of v1 (app mode)", None, "1.0.0", False),
            ("list after upload of v2, image not given", None, "2.3.4+5", False),
            ("list", 81, "2.3.4+5", False),
            ("repaired", None, "1.0.0", False),
        ]).run("mps2_an385.serial_recovery.dfu.jsonl")


def test_swap(tap, images, mode):
    """What real boards list after each step, with each of MCUboot's swap modes."""
    with smp.Board("--mode", mode, *QUICK) as board:
        tap.equal(board.images(), {(0, 0): ("1.0.0", "CA")}, mode + ": fresh")
        board.upload(images.data("1.1.0"))
        tap.equal(board.images()[0, 1], ("1.1.0", ""), mode + ": uploaded")
        board.mark(images.hash("1.1.0"))
        tap.equal(board.images(), {(0, 0): ("1.0.0", "CA"), (0, 1): ("1.1.0", "P")},
                  mode + ": test")
        tap.equal(board.mark(images.hash("1.1.0"), confirm=True), {"err": {"group": 1, "rc": 28}},
                  mode + ": a pending test does not become permanent")
        board.reset()
        trial = {(0, 0): ("1.1.0", "A"), (0, 1): ("1.0.0", "C")}
        tap.equal(board.images(), trial, mode + ": trial")
        board.reset()
        tap.equal(board.images(), {(0, 0): ("1.0.0", "CA"), (0, 1): ("1.1.0", "")},
                  mode + ": undone")
        board.mark(images.hash("1.1.0"))
        board.reset()
        tap.equal(board.images(), trial, mode + ": trial again")
        board.mark(confirm=True)
        board.reset()
        tap.equal(board.images()[0, 0], ("1.1.0", "CA"), mode + ": confirmed")
        board.upload(images.data("1.2.0"))
        board.mark(images.hash("1.2.0"), confirm=True)
        tap.equal(board.images()[0, 1], ("1.2.0", "PP"), mode + ": permanent")
        board.reset()
        board.reset()
        tap.equal(board.images()[0, 0], ("1.2.0", "CA"), mode + ": stays")


def test_overwrite(tap, images):
    with smp.Board("--board", "overwrite", *QUICK) as board:
        board.upload(images.data("1.1.0"))
        board.mark(images.hash("1.1.0"))
        board.reset()
        board.reset()
        tap.equal(board.images(), {(0, 0): ("1.1.0", "CA")}, "overwrite: no trial, no way back")


def test_direct_xip(tap, images):
    with smp.Board("--board", "directxip", *QUICK) as board:
        board.upload(images.data("1.1.0"))
        board.mark(images.hash("1.1.0"))
        board.reset()
        tap.equal(board.images(), {(0, 0): ("1.0.0", "C"), (0, 1): ("1.1.0", "A")},
                  "direct XIP: trial in the other slot")
        board.reset()
        tap.equal(board.images(), {(0, 0): ("1.0.0", "CA")}, "direct XIP: not confirmed, erased")
        board.upload(images.data("1.1.0"))
        board.mark(images.hash("1.1.0"))
        board.reset()
        board.mark(confirm=True)
        board.reset()
        tap.equal(board.images(), {(0, 0): ("1.0.0", ""), (0, 1): ("1.1.0", "CA")},
                  "direct XIP: confirmed")
        board.upload(images.data("1.2.0"))
        board.reset()
        tap.equal(board.images(), {(0, 1): ("1.1.0", "CA")}, "direct XIP: not selected, erased")
    with smp.Board("--mode", "directxip", *QUICK) as board:
        board.upload(images.data("1.1.0"))
        tap.equal(board.images()[0, 1], ("1.1.0", "PP"), "direct XIP: the newer one is next")
        tap.equal(board.mark(images.hash("1.1.0")), {"rc": 8}, "direct XIP: no test")
        board.reset()
        tap.equal(board.images()[0, 1], ("1.1.0", "CA"), "direct XIP: the newer one runs")
        board.upload(images.data("1.0.0"))
        board.reset()
        tap.equal(board.images()[0, 1], ("1.1.0", "CA"), "direct XIP: an older one does not")


def test_refused(tap, images):
    with smp.Board("--image-version", "2.0.0", "--no-downgrade", *QUICK) as board:
        tap.equal(board.call(smp.READ, 0, 8, {"query": "mode"}), {"mode": 9, "no-downgrade": True},
                  "bootloader: mode, no downgrade")
        board.upload(images.data("1.1.0"))
        board.mark(images.hash("1.1.0"))
        board.reset()
        tap.equal(board.images(), {(0, 0): ("2.0.0", "CA")}, "bootloader: downgrade refused")


def test_bad_image(tap, images):
    with smp.Board("--bad-image", "1.1.0", "--watchdog-time", "100", *QUICK) as board:
        board.upload(images.data("1.1.0"))
        board.mark(images.hash("1.1.0"))
        board.reset()
        tap.equal(board.images(), {(0, 0): ("1.0.0", "CA"), (0, 1): ("1.1.0", "")},
                  "bad image: its watchdog brings the old one back")


def test_three_images(tap, images, folder):
    needs, needs_hash = smp.make_image("1.5.0", folder, "--depends", "2:2.0.0")
    with smp.Board("--board", "threeimage", *QUICK) as board:
        board.upload(needs, image=0)
        board.upload(images.data("1.1.0"), image=1)
        board.mark(needs_hash)
        board.mark(images.hash("1.1.0"))
        board.reset()
        tap.equal({key: value for key, value in board.images().items() if key[1] == 0},
                  {(i, 0): ("1.0.0", "CA") for i in range(3)},
                  "three images: a dependency that is not met stops all of them")
        tap.equal(board.images()[0, 1], ("1.5.0", "P"), "three images: it stays pending")
        board.upload(images.data("2.0.0"), image=2)
        board.mark(images.hash("2.0.0"))
        board.reset()
        tap.equal([board.images()[i, 0] for i in range(3)],
                  [("1.5.0", "A"), ("1.1.0", "A"), ("2.0.0", "A")], "three images: trial of all")
        for image_hash in (needs_hash, images.hash("1.1.0"), images.hash("2.0.0")):
            board.mark(image_hash, confirm=True)
        board.reset()
        tap.equal([board.images()[i, 0] for i in range(3)],
                  [("1.5.0", "CA"), ("1.1.0", "CA"), ("2.0.0", "CA")],
                  "three images: all confirmed")
    with smp.Board("--images", "2", "--buf-size", "512", *QUICK) as board:
        board.upload(images.data("1.1.0"), image=1)
        board.mark(images.hash("1.1.0"))
        board.reset()
        tap.equal(board.mark(images.hash("1.1.0"), confirm=True), {"err": {"group": 1, "rc": 32}},
                  "two images: Zephyr's default does not confirm a trial of image 1")


def test_nrf5340(tap, images):
    with smp.Board("--board", "nrf5340", *QUICK) as board:
        tap.equal(board.images(), {(0, 0): ("1.0.0", "CA")}, "nRF5340: network core is not listed")
        board.upload(images.data("1.1.0"), image=1)
        board.mark(images.hash("1.1.0"), confirm=True)
        tap.equal(board.images()[1, 1], ("1.1.0", "PP"), "nRF5340: network core pending")
        board.reset()
        tap.equal(board.images(), {(0, 0): ("1.0.0", "CA")}, "nRF5340: installed, no read back")


def test_recovery(tap, images):
    with smp.Board("--board", "recovery", *QUICK) as board:
        listed = board.call(smp.READ, 1, 0)["images"]
        tap.equal([sorted(i) for i in listed], [["hash", "slot", "version"]],
                  "recovery: a list without flags")
        tap.equal(board.upload(images.data("1.1.0"), chunk=900, sha=False), None,
                  "recovery: upload in large packets")
        board.reset()
        tap.equal(board.images(), {(0, 0): ("1.1.0", "CA")}, "recovery: the new one runs")
        board.reset(boot_mode=1)
        tap.equal(board.call(smp.WRITE, 0, 0, {"d": "x"}), {"rc": 8}, "recovery: by boot mode")
        board.call(smp.WRITE, 1, 1, {"off": 0, "len": 5000, "data": b"junk" * 8})
        board.reset()
        tap.equal(board.call(smp.READ, 0, 6), {"buf_size": 1024, "buf_count": 1},
                  "recovery: a broken image does not start")
    with smp.Board("--board", "recovery", "--recovery-old", *QUICK) as board:
        tap.equal(board.call(smp.READ, 1, 0, timeout=0.2), None, "recovery 1.10: v2 is dropped")
        tap.check(board.call(smp.READ, 1, 0, version=0), "recovery 1.10: v1 is answered")


def test_old(tap, images):
    with smp.Board("--board", "old", *QUICK) as board:
        tap.equal(board.call(smp.WRITE, 0, 0, {"d": "x"}), {"r": "x", "rc": 0}, "old: rc 0")
        tap.equal(board.call(smp.READ, 0, 6), {"rc": 8}, "old: no parameters")
        tap.equal(board.mark(b"\xaa" * 32), {"rc": 1}, "old: errors of v1 for v2 requests")
        tap.equal(board.upload(images.data("1.1.0"), chunk=128), None, "old: upload")


def test_other_servers(tap):
    with smp.Board("--ret-errors") as board:
        tap.equal(board.mark(b"\xaa" * 32), {"ret": {"group": 1, "rc": 8}}, "Zephyr 3.4: ret")
    with smp.Board("--no-v1") as board:
        tap.equal(board.call(smp.READ, 0, 6, version=0), {"rc": 12}, "no v1: too old")
    with smp.Board("--frugal-list") as board:
        answer = board.call(smp.READ, 1, 0)
        tap.equal((sorted(answer), sorted(answer["images"][0])),
                  (["images"], ["active", "bootable", "confirmed", "hash", "slot", "version"]),
                  "frugal list")
    with smp.Board("--rtc", "--pools", "--reset-needs-force") as board:
        tap.equal(board.call(smp.READ, 0, 4), {"err": {"group": 0, "rc": 4}}, "clock: not set")
        tap.equal(board.call(smp.WRITE, 0, 4, {"datetime": "2026-02-30T00:00:00"}), {"rc": 3},
                  "clock: there is no such day")
        board.call(smp.WRITE, 0, 4, {"datetime": "2026-02-28T12:34:56"})
        tap.equal(board.call(smp.READ, 0, 4)["datetime"][:17], "2026-02-28T12:34:", "clock: set")
        tap.equal(sorted(board.call(smp.READ, 0, 3)["0"]), ["blksiz", "min", "nblks", "nfree"],
                  "pools")
        tap.equal(board.call(smp.WRITE, 0, 5), {"rc": 10}, "reset: busy without force")
        tap.equal(board.call(smp.WRITE, 0, 5, {"force": True}), {}, "reset: forced")


def test_image_check(tap, images):
    data = images.data("1.1.0")
    with smp.Board("--image-check", "--max-image-size", *QUICK) as board:
        tap.equal(board.call(smp.READ, 1, 6)["images"][0]["max_image_size"], 464 * 1024,
                  "slot info: largest image")
        board.upload(data)
        first = {"off": 0, "len": len(data), "sha": hashlib.sha256(data).digest(),
                 "data": data[:200]}
        tap.equal(board.call(smp.WRITE, 1, 1, first), {"off": len(data), "match": True},
                  "image check: it is there already")
        first["sha"] = bytes(32)
        board.call(smp.WRITE, 1, 1, first)
        answer = board.call(smp.WRITE, 1, 1, {"off": 200, "data": data[200:400]})
        for at in range(400, len(data), 200):
            answer = board.call(smp.WRITE, 1, 1, {"off": at, "data": data[at:at + 200]})
        tap.equal(answer, {"off": len(data), "match": False}, "image check: it is another")


def test_loader(tap, images):
    with smp.Board("--mode", "loader", *QUICK) as board:
        tap.equal(board.upload(images.data("1.1.0")), {"err": {"group": 1, "rc": 9}},
                  "loader: the application does not write the loader")
        board.reset(boot_mode=1)
        tap.equal(board.images(), {(0, 0): ("1.0.0", "C"), (0, 1): ("1.0.0", "CA")},
                  "loader: runs from slot 1")
        board.upload(images.data("1.1.0"))
        board.reset()
        tap.equal(board.images()[0, 0], ("1.1.0", "CA"), "loader: the new application runs")


def main():
    tap = smp.Tap()
    with tempfile.TemporaryDirectory() as folder:
        images = Images(folder)
        test_recorded(tap, images)
        for mode in ("swap-offset", "swap-move", "swap-scratch"):
            test_swap(tap, images, mode)
        test_overwrite(tap, images)
        test_direct_xip(tap, images)
        test_refused(tap, images)
        test_bad_image(tap, images)
        test_three_images(tap, images, folder)
        test_nrf5340(tap, images)
        test_recovery(tap, images)
        test_old(tap, images)
        test_loader(tap, images)
        test_other_servers(tap)
        test_image_check(tap, images)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
