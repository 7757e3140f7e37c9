#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The program: how it starts and stops, its link, its state file, what it says of mistakes."""

import os
import signal
import subprocess
import sys
import tempfile
import time

import smp

QUICK = ("--reset-time", "20", "--boot-time", "20")


def run(*arguments):
    return subprocess.run([smp.SMPSIM, *arguments], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=20)


def check_words(tap, arguments, status, words):
    result = run(*arguments)
    tap.check(result.returncode == status and words in result.stderr and
              result.stderr.startswith("smpsim: ") and result.stderr.count("\n") == 1,
              "mistake: " + " ".join(arguments),
              "%d %s" % (result.returncode, result.stderr))


def test_words(tap, folder):
    state = os.path.join(folder, "never")
    tap.check(run("--version").stdout.startswith("smpsim "), "--version")
    text = run("--help").stdout
    tap.check("threeimage" in text and "lose-reply" in text and "--make-image 1.1.0" in text,
              "--help: boards, faults, examples", text)
    for arguments, words in [
            (["--board", "nosuch"], "nosuch"),
            (["--fault", "explode=1"], "cut-link"),
            (["--mode", "nosuch"], "--mode does not take 'nosuch'"),
            (["--framing", "nosuch"], "console, raw, cobs and shell"),
            (["--slot-size", "1000"], "erase blocks"),
            (["--erase-time", "-1"], "--erase-time"),
            (["--time-scale", "0"], "--time-scale"),
            (["--image-version", "x"], "version"),
            (["word"], "options only"),
            (["--make-image", "1.0.0"], "name of one file"),
            (["--make-image", "x", "/tmp/never"], "VERSION"),
            (["--make-image", "1.x", "/tmp/never"], "VERSION"),
            (["--make-image", "1.0.0,0", "/tmp/never"], "size in bytes"),
            (["--make-image", "1.0.0", "--depends", "x", "/tmp/never"], "IMAGE:VERSION"),
            (["--make-image", "1.0.0", "--image", "4", "/tmp/never"], "--image"),
            (["--udp", "nowhere:x"], "PORT"),
            (["--udp", "x"], "PORT"),
            (["--udp", "99999"], "PORT"),
            (["--udp", "nowhere:1"], "no address"),
            (["--baud", "-5"], "--baud"),
            (["--latency", "-1"], "--latency"),
            (["--time-scale", "nan"], "--time-scale"),
            (["--bad-image", "x"], "--bad-image"),
            (["--state", state, "--image-version", "x"], "version"),
            (["--ble", "--security", "nosuch"],
             "none, encrypt, authenticate or compare"),
            (["--ble", "--mtu", "22"], "23 to 517"),
            (["--ble", "--reassembly", "maybe"], "on or off")]:
        check_words(tap, arguments, 2, words)
    tap.check(not os.path.exists(state), "mistakes leave no state file")
    with smp.Board("--udp", "0") as board:
        for arguments, words in [
                (["--udp", "192.0.2.1:1"], "cannot listen"),
                (["--udp", board.where], "cannot listen on " + board.where),
                (["--make-image", "1.0.0", "/nonexistent/file"], "/nonexistent/file"),
                (["--state", "/nonexistent/file"], "/nonexistent/file"),
                (["--link", "/nonexistent/link"], "/nonexistent/link")]:
            check_words(tap, arguments, 1, words)


def test_link(tap, folder):
    link = os.path.join(folder, "board")
    with smp.Board("--link", link) as board:
        tap.equal(os.path.realpath(link), board.where, "the link leads to the pty")
        tap.equal(board.stop(), 0, "the end of standard input ends it")
    tap.check(not os.path.lexists(link), "the link is gone with it")
    for number in (signal.SIGTERM, signal.SIGINT):
        board = smp.Board("--link", link)
        board.process.send_signal(number)
        tap.equal(board.process.wait(5), 0, "%s ends it" % number.name)
        board.stop()
        tap.check(not os.path.lexists(link), "%s: the link is gone" % number.name)
    with smp.Board("--link", link) as board:
        board.kill()
        with smp.Board("--link", link) as second:
            tap.equal(os.path.realpath(link), second.where, "an old link is replaced")
    with open(link, "w") as file:
        file.write("mine")
    tap.check(run("--link", link).returncode == 1 and open(link).read() == "mine",
              "a file is not")


def test_hangup(tap, folder):
    link = os.path.join(folder, "usb")
    with smp.Board("--link", link, "--hangup", *QUICK, "--boot-time", "200") as board:
        board.call(smp.WRITE, 0, 5)
        time.sleep(0.1)
        tap.check(not os.path.lexists(link), "hang-up: the port goes with the reset")
        try:
            gone = os.read(board.link.fd, 1) == b""
        except OSError:
            gone = True
        tap.check(gone, "hang-up: who has it open is told")
        time.sleep(0.3)
        board.link.close()
        board.link = smp.Serial(link)
        tap.check(board.call(smp.READ, 0, 6), "hang-up: it is back under the same name")


def test_state(tap, folder):
    path = os.path.join(folder, "flash")
    data, image_hash = smp.make_image("1.1.0", folder)
    with smp.Board("--state", path, *QUICK) as board:
        board.upload(data)
        board.mark(image_hash)
    with smp.Board("--state", path, *QUICK) as board:
        board.wait()
        tap.equal(board.images()[0, 0], ("1.1.0", "A"), "state: what was pending is started")
    tap.check("another kind" in run("--state", path, "--mode", "overwrite").stderr,
              "state: of another board, refused")
    tap.check("not the state" in run("--state", path, "--slot-size", "64K").stderr,
              "state: of another size, refused")


def setting(board, name):
    return board.call(smp.READ, 3, 0, {"name": name}).get("val")


def test_settings(tap, folder):
    """What was saved outlives reset and restart, what was not is lost with a reset."""
    for kind, name, value, other, first in [("mynewt", "id/serial", "abc", "xyz", ""),
                                            ("full", "app/note", b"abc", b"xyz", b"")]:
        path = os.path.join(folder, "settings-" + kind)
        options = ("--board", kind, "--state", path, *QUICK)
        with smp.Board(*options) as board:
            board.call(smp.WRITE, 3, 0, {"name": name, "val": other})
            tap.equal(setting(board, name), other, "settings: %s: written" % name)
            board.reset()
            tap.equal(setting(board, name), first, "settings: %s: lost unless saved" % name)
            board.call(smp.WRITE, 3, 0, {"name": name, "val": value})
            board.call(smp.WRITE, 3, 0 if kind == "mynewt" else 3,
                       {"save": True} if kind == "mynewt" else {})
            board.call(smp.WRITE, 3, 0, {"name": name, "val": other})
            board.reset()
            tap.equal(setting(board, name), value, "settings: %s: saved, after a reset" % name)
        with smp.Board(*options) as board:
            tap.equal(setting(board, name), value, "settings: %s: after a restart" % name)


def counter(board, name):
    fields = board.call(smp.READ, 2, 0, {"name": name})["fields"]
    return fields.get("flash_write_calls", next(iter(fields.values())))


def wait_for(board, name, least):
    end = time.monotonic() + 10
    while counter(board, name) < least and time.monotonic() < end:
        time.sleep(0.05)
    return counter(board, name)


def test_statistics(tap, folder):
    """Counters go on in the next smpsim, even after a kill; a reset ends them as on a board."""
    for kind, name in [("full", "smp_svr_stats"), ("mynewt", "gpio_toggle")]:
        options = ("--board", kind, "--state", os.path.join(folder, "counters-" + kind), *QUICK)
        with smp.Board(*options) as board:
            before = wait_for(board, name, 3)
            board.kill()
        with smp.Board(*options) as board:
            after = counter(board, name)
            tap.check(before <= after < before + 20, "statistics: %s: go on after a kill" % name,
                      (before, after))
            time.sleep(1.1)
        with smp.Board(*options) as board:
            tap.check(counter(board, name) > after, "statistics: %s: and after the end" % name)
            board.reset()
            tap.check(counter(board, name) < before, "statistics: %s: a reset ends them" % name)
            board.kill()
        with smp.Board(*options) as board:
            tap.check(counter(board, name) < before, "statistics: %s: for good" % name)
    options = ("--board", "full", "--state", os.path.join(folder, "counters-flash"),
               "--buf-size", "4096", *QUICK)
    with smp.Board(*options) as board:
        board.upload(smp.make_image("1.1.0", folder)[0])
        before = counter(board, "flash_sim_stats")
    with smp.Board(*options) as board:
        tap.equal(counter(board, "flash_sim_stats"), before, "statistics: flash, go on")
        board.reset()
        tap.equal(counter(board, "flash_sim_stats"), 0, "statistics: flash, a reset ends them")


def test_killed(tap, folder):
    """kill -9 while the bootloader swaps: it goes on where it was."""
    path = os.path.join(folder, "killed")
    data, image_hash = smp.make_image("1.1.0", folder)
    options = ("--state", path, "--erase-time", "40", "--reset-time", "10", "--boot-time", "10")
    with smp.Board(*options) as board:
        board.upload(data)
        board.mark(image_hash)
        board.call(smp.WRITE, 0, 5)
        time.sleep(0.1)
        board.kill()
    for i in range(3):
        board = smp.Board(*options)
        time.sleep(0.03)
        board.kill()
    with smp.Board(*options) as board:
        tap.check(board.wait(), "killed: comes back")
        tap.equal(board.images(), {(0, 0): ("1.1.0", "A"), (0, 1): ("1.0.0", "C")},
                  "killed: the swap was finished")


def test_udp(tap):
    with smp.Board("--udp", "0") as board:
        tap.equal(board.where.rsplit(":", 1)[0], "127.0.0.1", "UDP: only this machine")
        tap.equal(board.call(smp.READ, 0, 6), {"buf_size": 2048, "buf_count": 2}, "UDP: buffers")
        other = smp.Udp(board.where)
        other.send(smp.packet(smp.WRITE, 0, 0, {"d": "other"}, 7))
        tap.check(smp.loads(other.receive(1)[8:]) == {"r": "other"}, "UDP: two clients")
        other.close()
    process = subprocess.Popen([smp.SMPSIM, "--udp", "0", "--pty", "--exit-with-stdin"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    where = dict(process.stdout.readline().strip().split("=") for _ in range(2))
    serial, udp = smp.Serial(where["PTY"]), smp.Udp(where["UDP"])
    udp.send(smp.packet(smp.WRITE, 0, 0, {"d": "u"}, 1))
    tap.equal(smp.loads(udp.receive(1)[8:]), {"r": "u"}, "pty and UDP: UDP")
    serial.send(smp.packet(smp.WRITE, 0, 0, {"d": "s"}, 1))
    tap.equal(smp.loads(serial.receive(1)[8:]), {"r": "s"}, "pty and UDP: pty")
    process.stdin.close()
    process.stdout.close()
    tap.equal(process.wait(5), 0, "pty and UDP: ends")


def test_time_scale(tap):
    with smp.Board("--time-scale", "100") as board:
        # One of many is enough, as the machine may be busy; without the option none is.
        for _ in range(100):
            board.call(smp.WRITE, 0, 5)
            start = time.monotonic()
            time.sleep(0.004)
            board.wait()
            took = time.monotonic() - start
            if took < 0.2:
                break
        tap.check(took < 0.2, "time scale: a quick reset", took)


def main():
    tap = smp.Tap()
    with tempfile.TemporaryDirectory() as folder:
        test_words(tap, folder)
        test_link(tap, folder)
        test_hangup(tap, folder)
        test_state(tap, folder)
        test_settings(tap, folder)
        test_statistics(tap, folder)
        test_killed(tap, folder)
        test_udp(tap)
        test_time_scale(tap)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
