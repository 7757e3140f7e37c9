#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The serial line: speed, latency, framings, small receive buffers, log text."""

import os
import sys
import tempfile
import time

import smp

# Seconds that a busy machine may add.
BUSY = 0.05
# For what comes, however busy the machine is.
PATIENCE = 30

QUICK = ("--reset-time", "20", "--boot-time", "20")


def echo(board, size=5, timeout=2.0):
    return board.call(smp.WRITE, 0, 0, {"d": "x" * size}, timeout) == {"r": "x" * size}


def round_trip(board, size, wanted):
    """The shortest of at least ten, and of more where the machine is too busy for any to be quick:
    none may be quicker than the line, and one has to be nearly as quick."""
    shortest = float("inf")
    for i in range(300):
        start = time.monotonic()
        assert echo(board, size, PATIENCE)
        shortest = min(shortest, time.monotonic() - start)
        if i >= 9 and shortest < wanted + BUSY:
            break
    return shortest


def wire_size(payload):
    return len(smp.frame(b"x" * payload))


def test_speed(tap):
    for baud in (115200, 921600):
        with smp.Board("--baud", str(baud), "--process-time", "0") as board:
            for size in (5, 300):
                request = 8 + len(smp.dumps({"d": "x" * size}))
                wanted = 10 / baud * (wire_size(request) + wire_size(request + 1))
                took = round_trip(board, size, wanted)
                tap.check(wanted <= took < wanted + BUSY,
                          "%d baud: echo of %d takes its time" % (baud, size),
                          "wanted %.2f ms, took %.2f ms" % (1000 * wanted, 1000 * took))
    with smp.Board("--process-time", "0") as board:
        tap.check(round_trip(board, 300, 0) < BUSY, "no speed: as fast as it goes")
    with smp.Board("--baud", "115200") as board:
        start = os.times()
        time.sleep(0.3)
        for _ in range(20):
            echo(board, 300)
        with open("/proc/%d/stat" % board.process.pid) as file:
            ticks = sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))
        tap.check(ticks <= 0.3 * (os.times().elapsed - start.elapsed) * os.sysconf("SC_CLK_TCK"),
                  "waiting costs no processor time", "%d ticks" % ticks)


def test_latency(tap):
    with smp.Board("--latency", "16", "--process-time", "0") as board:
        took = round_trip(board, 5, 0.016)
        tap.check(0.016 <= took < 0.016 + BUSY, "latency: a short answer waits for the timer", took)
        # 128 bytes: two full USB packets go at once, what is left waits.
        took = round_trip(board, 100, 0.016)
        tap.check(0.016 <= took < 0.016 + BUSY, "latency: so does the end of a long one", took)


def test_framings(tap, folder):
    data, _ = smp.make_image("1.1.0", folder)
    with smp.Board("--framing", "raw", *QUICK, framing="raw") as board:
        tap.check(echo(board, 350), "raw: echo")
        tap.equal(board.upload(data), None, "raw: upload")
        # 384 bytes fit, with an answer that does not: {"rc": 7}.
        tap.equal(board.call(smp.WRITE, 0, 0, {"d": "x" * 370}), {"rc": 7}, "raw: largest packet")
        board.link.write(b"\x0a\x00")
        tap.equal(echo(board, timeout=0.2), False, "raw: half a packet takes the next one with it")
        time.sleep(3.1)
        tap.check(echo(board), "raw: forgotten after 3 s")
    with smp.Board("--framing", "cobs", framing="raw") as board:
        board.link.write(bytes.fromhex("020a010209010242"
                                       "0ca1616465" "68656c6c6f461900"))
        time.sleep(0.1)
        got = os.read(board.link.fd, 100)
        tap.equal(got.endswith(b"\0") and got.count(b"\0"), 1, "COBS: one frame comes back")
    with smp.Board("--framing", "shell", *QUICK) as board:
        tap.check(echo(board, 300), "shell: echo")
        board.link.write(b"kernel version\r")
        time.sleep(0.05)
        tap.check(echo(board), "shell: frames and commands")
        tap.check(b"uart:~$" in board.link.deframer.text and
                  b"kernel: command not found" in board.link.deframer.text, "shell: prompt",
                  board.link.deframer.text)
        board.link.write(b"x" + smp.frame(smp.packet(smp.WRITE, 0, 0, {"d": "x"})))
        tap.equal(board.link.receive(0.2), None, "shell: text before a frame takes it along")
        board.link.write(b"\x06")
        tap.equal(echo(board, timeout=0.2), False, "shell: half a marker wedges it")
        board.link.write(b"\x09\n")
        time.sleep(0.05)
        tap.check(echo(board), "shell: the other half frees it")


def test_receive_buffers(tap):
    with smp.Board("--rx-lines", "2") as board:
        tap.check(echo(board, 100), "two lines: two go in")
        tap.equal(echo(board, 300, 0.2), False, "two lines: a burst of five does not")
    with smp.Board("--rx-lines", "2", "--baud", "115200") as board:
        tap.check(echo(board, 300), "two lines: five at 115200 baud do")


def test_log(tap, folder):
    data, image_hash = smp.make_image("1.1.0", folder)
    with smp.Board("--log", *QUICK) as board:
        tap.equal(board.upload(data), None, "log: upload")
        board.mark(image_hash)
        board.reset()
        text = board.link.deframer.text
        tap.check(b"Booting MCUboot" in text and b"Swap type: test" in text and
                  b"Booting Zephyr" in text and b"<inf>" in text, "log: boot and log text", text)
    with smp.Board("--log-break", "50", "--seed", "3") as board:
        answered = sum(board.call(smp.WRITE, 0, 0, {"d": "x"}, timeout=0.3) is not None
                       for _ in range(40))
        tap.check(8 < answered < 32, "log inside frames: half of the answers are lost", answered)


def test_faults(tap):
    with smp.Board("--fault", "lose-request=1,lose-reply=3", "--fault", "corrupt-reply=5") as board:
        wanted = [False, True, False, True, False, True]
        got = [echo(board, timeout=PATIENCE if comes else 0.1) for comes in wanted]
        tap.equal(got, wanted, "faults strike where they should")


def test_deaf(tap, folder):
    data, _ = smp.make_image("1.1.0", folder)
    with smp.Board("--deaf", "--erase-time", "20") as board:
        board.upload(data)
        board.link.send(smp.packet(smp.WRITE, 1, 5, {}, 99))
        time.sleep(0.05)
        board.link.send(smp.packet(smp.WRITE, 0, 0, {"d": "x"}, 98))
        answer = board.link.receive(5)
        tap.check(answer and answer[6] == 99 and board.link.receive(0.1) is None,
                  "deaf: what comes while it erases is lost")


def main():
    tap = smp.Tap()
    with tempfile.TemporaryDirectory() as folder:
        test_speed(tap)
        test_latency(tap)
        test_framings(tap, folder)
        test_receive_buffers(tap)
        test_log(tap, folder)
        test_faults(tap)
        test_deaf(tap, folder)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
