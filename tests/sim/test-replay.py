#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sends what was recorded from real servers to smpsim and compares the answers: header, kind of
answer (code, or data), keys and types. Hashes are those of other images and are exchanged for ours.

Left out, and counted: facts of other firmware."""

import json
import os
import sys
import time

import smp

DATA = os.path.join(os.environ.get("SMP_TEST_DATA", "tests/data"), "transcripts")
QUICK = ("--reset-time", "20", "--boot-time", "20")


def records(name):
    with open(os.path.join(DATA, name)) as file:
        return [json.loads(line) for line in file]


def shape(value):
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def digest(data):
    """What of an answer has to agree. The order of keys does, too."""
    if data is None:
        return "silence"
    header = smp.Header(data)
    head = (header.op, header.version, header.group, header.command, header.sequence)
    try:
        body = smp.loads(data[8:])
    except ValueError as error:
        return head, "not CBOR: %s" % error
    if isinstance(body, dict) and "err" in body:
        return head, "err %s/%s" % (body["err"].get("group"), body["err"].get("rc"))
    if isinstance(body, dict) and body.get("rc"):
        return head, "rc %s" % body["rc"], body.get("rsn")
    off = body.get("off") if header.group == 1 else None
    return head, json.dumps(shape(body)), off


def differs_in_coding(wanted, got):
    """The same values in other bytes: definite lengths, wider integers."""
    try:
        return bool(wanted and got) and wanted != got and wanted[:2] + wanted[4:8] == \
            got[:2] + got[4:8] and smp.loads(wanted[8:]) == smp.loads(got[8:])
    except ValueError:
        return False


def unhex(text):
    return bytes.fromhex(text) if text else None


def active_hash(answer):
    for image in smp.loads(answer[8:])["images"]:
        if image.get("active"):
            return image["hash"]
    return None


class Replay:
    def __init__(self, tap, name, board, skip):
        self.tap, self.name, self.board, self.skip = tap, name, board, skip
        self.hashes = {}

    def left_out(self, request, what):
        for text, reason in self.skip.items():
            if text in what:
                return reason
        return None

    def exchange(self, request, wanted):
        for theirs, ours in self.hashes.items():
            request = request.replace(theirs, ours)
        self.board.link.send(request)
        return self.board.link.receive(1.0 if wanted else 0.15)

    def learn_hash(self, wanted, got):
        """The image that runs there stands for the one that runs here."""
        if wanted and got and wanted[4:6] == b"\0\1" and b"active" in wanted and b"active" in got:
            self.hashes[active_hash(wanted)] = active_hash(got)

    def run(self):
        same, whole, out = 0, 0, {}
        for record in records(self.name):
            request, wanted = unhex(record["request_hex"]), unhex(record["response_hex"])
            if not request:
                continue
            whole += 1
            reason = self.left_out(request, record["what"])
            if reason:
                out[reason] = out.get(reason, 0) + 1
                continue
            got = self.exchange(request, wanted)
            self.learn_hash(wanted, got)
            good = digest(wanted) == digest(got) and not differs_in_coding(wanted, got)
            # Where it was not counted, it is the number of requests in the packet.
            more = len(request) >= 16 + smp.Header(request).length if len(request) >= 8 else 0
            for _ in range(record.get("answers", 1 + more) - 1):
                good = self.board.link.receive(1.0) is not None and good
            good = self.board.link.receive(0.0) is None and good
            same += good
            if not good:
                self.tap.check(False, "%s: %s" % (self.name, record["what"]),
                               "recorded %s\nanswered %s" % (digest(wanted), digest(got)))
        self.tap.check(same > 0, "%s: %d of %d as recorded" % (self.name, same, whole))
        for reason, count in sorted(out.items()):
            self.tap.note("%s: %d left out: %s" % (self.name, count, reason))


THREADS = {"taskstat": "threads of other firmware"}
OTHER_GROUPS = {"stat list": "statistics of other firmware",
                "flash_sim": "statistics of other firmware",
                "enum ": "groups of other firmware"}
# What is not as in Mynewt's recording. Entries of the log come with time.
MYNEWT = {"taskstat": "tasks of other firmware",
          "image list": "a board without an image",
          "confirm": "a board without an image",
          "core": "core dumps are not built in there",
          "run list": "tests of other firmware",
          "log show [v2]": "log entries of later",
          "log show all [v2]": "log entries of later",
          "log show from index [v2]": "log entries of later",
          "log show last [v2]": "log entries of later",
          "log show no arguments [v2]": "log entries of later",
          "first chunk, other sha": "the server died of it"}
STORAGE = {"after storage erase": "files that lie in the storage partition"}


def replay_packets(tap):
    cases = [
        ("qemu_cortex_m0.serial.jsonl", ["--board", "m0"], {}),
        ("qemu_cortex_m0.serial_buf256.jsonl", ["--board", "m0", "--buf-size", "256"],
         {}),
        ("mps2_an385.serial_recovery.jsonl", ["--board", "mps2"], THREADS),
        ("mps2_an385.serial_recovery_buf1024.jsonl", ["--board", "mps2", "--buf-size", "1024"],
         THREADS),
        ("native_sim.serial.jsonl", ["--board", "native"], THREADS),
        ("native_sim.serial_fs.jsonl", ["--board", "native", "--buf-size", "1024"],
         THREADS | OTHER_GROUPS),
        ("fs.dup.jsonl", ["--board", "native"], {}),
        ("fs.paths.jsonl", ["--board", "native", "--udp", "0"], {}),
        ("mynewt.slinky.jsonl", ["--board", "mynewt"], MYNEWT),
        ("native_sim.serial_noparams.jsonl", ["--board", "m0", "--no-params"], THREADS),
        ("native_sim.serial_buf256.jsonl", ["--board", "m0", "--buf-size", "256"], THREADS),
        ("native_sim.serial_buf400.jsonl", ["--board", "m0", "--buf-size", "400"], THREADS),
        ("native_sim.serial_buf512.jsonl", ["--board", "m0", "--buf-size", "512"], THREADS),
        ("native_sim.serial_buf2048.jsonl", ["--board", "m0", "--buf-size", "2048"], THREADS),
        ("native_sim.udp.jsonl", ["--board", "native", "--udp", "0"], THREADS),
        ("udp.extra.jsonl", ["--board", "native", "--udp", "0"], STORAGE),
    ]
    for name, options, skip in cases:
        with smp.Board(*options, *QUICK) as board:
            Replay(tap, name, board, skip).run()


# How the pieces of a frame were sent, where that matters.
PACED = {
    "byte by byte": (1, 0.001),
    "odd places": (7, 0.015),
    "marker split": (1, 0.005),
    "short lines": (None, 0.02),
    "very short lines": (None, 0.02),
}


def send_wire(link, what, wire):
    for text, (size, pause) in PACED.items():
        if text in what:
            pieces = ([wire[i:i + size] for i in range(0, len(wire), size)] if size
                      else wire.splitlines(True))
            for piece in pieces:
                link.write(piece)
                time.sleep(pause)
            return
    if "1 s pause" in what:
        first, rest = wire.split(b"\n", 1)
        link.write(first + b"\n")
        time.sleep(1)
        wire = rest
    link.write(wire)


def collect(link, wanted):
    """All answers: those that are wanted, however busy the machine is, and what comes beyond them,
    which comes within milliseconds."""
    got = []
    while True:
        answer = link.receive(5 if len(got) < wanted else 0.06)
        if answer is None:
            return got
        got.append(answer)


def settle(board, recovery):
    """A newline ends what was not ended; then the server has to be there."""
    board.link.write(b"\n")
    return board.call(smp.READ, 0, 6) is not None if recovery else \
        board.call(smp.WRITE, 0, 0, {"d": "up"}) == {"r": "up"}


def replay_frames(tap, name, options, recovery=False):
    same = loose = 0
    with smp.Board(*options, *QUICK) as board:
        for record in records(name):
            wire = unhex(record["on_wire_request_hex"])
            if record.get("answers") is None or not wire:
                continue
            send_wire(board.link, record["what"], wire)
            any_number = "six packets" in record["what"]
            got = collect(board.link, 0 if any_number else record["answers"])
            wanted = unhex(record["response_hex"])
            if any_number:
                # It depends on how long a line took out of the pool took, there and here.
                good = len(got) <= 6
                loose += 1
            else:
                good = len(got) == record["answers"] and \
                    digest(got[0] if got else None) == digest(wanted)
            good = settle(board, recovery) and good
            same += good
            if not good:
                tap.check(False, "%s: %s" % (name, record["what"]),
                          "recorded %s %s\nanswered %s" %
                          (record["answers"], digest(wanted), [digest(g) for g in got]))
    tap.check(same > 0, "%s: %d as recorded" % (name, same))
    tap.note("%s: %d of these compared loosely: timing" % (name, loose))


def main():
    tap = smp.Tap()
    replay_packets(tap)
    # There the work queue takes out one line while a burst comes in.
    replay_frames(tap, "native_sim.serial.framing.jsonl", ["--board", "m0", "--rx-lines", "3"])
    replay_frames(tap, "native_sim.serial_line512.framing.jsonl",
                  ["--board", "m0", "--buf-size", "2048", "--rx-line-size", "512"])
    replay_frames(tap, "mps2_an385.serial_recovery.recovery.framing.jsonl",
                  ["--board", "mps2", "--start-in-recovery", "--rx-lines", "2"], recovery=True)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
