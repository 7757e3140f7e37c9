# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the Python tests share: unittest cases as TAP, running smpctl, a simulated board, a record of
what was run and said."""
import argparse
import atexit
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import unittest


def program(name):
    """The program NAME: its path in the environment variable NAME, or the one that is installed."""
    return os.environ.get(name.upper(), name)


# ------------------------------------------------------------------------------------ the record
def for_others(path, folder):
    """A copy of a program of the build, for users who may not look into its folder. Returns its path."""
    build = os.path.dirname(os.path.dirname(os.path.dirname(path)))
    copy = os.path.join(folder, os.path.relpath(path, build))
    if not os.path.exists(copy):
        os.makedirs(os.path.dirname(copy))
        shutil.copy(path, copy)
        shutil.copy(os.path.join(build, "libsmp.so.0"), folder)
    return copy


class Record:
    """Commands and what they said, for a person to read."""

    def __init__(self):
        self.names = {}  # text that differs from run to run -> what stands for it
        self.lines = []
        self.begin("")

    def begin(self, title):
        self.title, self.start = title, len(self.lines)
        self.names.clear()
        if title:
            self.lines += ["", f"## {title}"]

    def add(self, text):
        for long, short in sorted(self.names.items(), key=lambda name: -len(name[0])):
            text = text.replace(long, short)
        self.lines.append(text)

    def note(self, text):
        self.add(f"# {text}")

    def command(self, args):
        words = (arg if len(arg) <= 80 else f"{arg[:20]}… ({len(arg)} characters)" for arg in args)
        self.add("$ smpctl " + " ".join(f"'{word}'" if not word or " " in word else word
                                        for word in words))

    def output(self, text):
        for line in text.splitlines():
            if '"event":"progress"' in line:
                # One stands for many.
                if not self.lines[-1].startswith('{"event":"progress"'):
                    self.add(line)
                continue
            if line.strip():
                most = 700 if line.startswith("{") else 160
                self.add(line if len(line) <= most else f"{line[:80]} … ({len(line)} characters)")

    def current(self):
        return self.lines[self.start:]


record = Record()


# ------------------------------------------------------------------------------------ smpctl
class Result:
    def __init__(self, code, out, err, seconds):
        self.code, self.out, self.err, self.seconds = code, out, err, seconds

    @property
    def json(self):
        """The objects that --json printed."""
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]

    @property
    def requests(self):
        """Bytes of each packet that --trace shows as sent."""
        return [len(match.split()) for match in re.findall(r"^> .*\n((?: [0-9a-f]{2})+)$",
                                                           self.err.replace("\n  ", "\n "), re.M)]


def smpctl(*args, timeout=60):
    args = [str(arg) for arg in args]
    record.command(args)
    start = time.monotonic()
    try:
        run = subprocess.run([program("smpctl"), *args], stdin=subprocess.DEVNULL, timeout=timeout,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
                             check=False)
    except subprocess.TimeoutExpired as ended:
        record.output((ended.stderr or b"").decode(errors="replace"))
        record.output((ended.stdout or b"").decode(errors="replace"))
        record.note(f"did not end within {timeout} s")
        raise AssertionError("smpctl does not end") from None
    result = Result(run.returncode, run.stdout.decode(errors="replace"),
                    run.stderr.decode(errors="replace"), time.monotonic() - start)
    record.output(result.err)
    record.output(result.out)
    if result.code:
        record.note(f"exit status {result.code}")
    return result


home = tempfile.mkdtemp(prefix="smp-test-home-")
atexit.register(shutil.rmtree, home, ignore_errors=True)


def environment():
    """No profiles of the person who runs the tests, no connection of theirs."""
    env = dict(os.environ, LC_ALL="C.UTF-8", HOME=home)
    for name in ("SMPCTL_CONN", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        env.pop(name, None)
    return env


class Running:
    """smpctl --json in the background, to do something to it or to the board meanwhile."""

    def __init__(self, *args):
        self.args = [str(arg) for arg in args]
        record.command(self.args)
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen([program("smpctl"), *self.args], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=self.errors,
                                        env=environment())
        self.text = b""

    def read(self, deadline):
        """The next object."""
        while True:
            line, newline, rest = self.text.partition(b"\n")
            if newline:
                self.text = rest
                record.output(line.decode())
                return json.loads(line)
            if not select.select([self.process.stdout], [], [], deadline - time.monotonic())[0]:
                raise AssertionError("smpctl says nothing more")
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                raise AssertionError("smpctl ended early")
            self.text += more

    def wait_for(self, wanted, seconds=60):
        """The first object of which wanted(object) is true."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.read(deadline)
            if wanted(found):
                return found

    def upload_at(self, fraction):
        return self.wait_for(lambda o: o.get("event") == "progress"
                             and o.get("offset", 0) >= fraction * o.get("size", 1e9))

    def kill(self):
        self.process.kill()
        record.note("smpctl was killed with SIGKILL here")
        self.close()

    def interrupt(self):
        record.note("Ctrl-C (SIGINT) here")
        self.process.send_signal(signal.SIGINT)

    def stop(self):
        """Stands still until go_on()."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def finish(self, seconds=120):
        """Waits for its end. Returns a Result with what was not read yet."""
        try:
            out, _ = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("smpctl does not end") from None
        self.errors.seek(0)
        result = Result(self.process.returncode, (self.text + out).decode(errors="replace"),
                        self.errors.read().decode(errors="replace"), 0)
        record.output(result.err)
        record.output(result.out)
        if result.code:
            record.note(f"exit status {result.code}")
        self.errors.close()
        return result

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()


# ------------------------------------------------------------------------------------ smpsim
class Sim:
    """A simulated board: Sim("--baud", 115200). Its target is in .target."""

    def __init__(self, *args, settle=0.0):
        self.process = subprocess.Popen(
            [program("smpsim"), "--exit-with-stdin", *map(str, args)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"smpsim did not start: {args}")
        kind, _, self.address = line.strip().partition("=")
        self.target = ("udp:" if kind == "UDP" else "serial:") + self.address
        time.sleep(settle)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


def sim_image(version, path, size=None, *options):
    """An image for simulated boards."""
    text = version if size is None else f"{version},{size}"
    subprocess.run([program("smpsim"), "--make-image", text, *options, path], check=True,
                   stdout=subprocess.DEVNULL)
    return path


# ------------------------------------------------------------------------------------ TAP
class TapResult(unittest.TestResult):
    def __init__(self, cases):
        super().__init__()
        self.numbers = {id(case): number for number, case in enumerate(cases, 1)}
        self.told = set()

    def line(self, ok, test, more=""):
        doc = (test.shortDescription() or test.id().split(".")[-1]).replace("#", "")
        print(f"{'ok' if ok else 'not ok'} {self.numbers[id(test)]} {doc}{more}", flush=True)

    def startTest(self, test):
        super().startTest(test)
        self.start = time.monotonic()
        record.begin(test.shortDescription() or test.id())

    def bad(self, test, error):
        self.line(False, test)
        for line in "".join(traceback.format_exception(*error)).splitlines() + record.current():
            print(f"# {line}")
        sys.stdout.flush()

    def addSuccess(self, test):
        self.line(True, test)
        print(f"# {time.monotonic() - self.start:.1f} s", flush=True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line(True, test, f" # SKIP {reason}")

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.bad(test, error)

    def addError(self, test, error):
        super().addError(test, error)
        self.bad(test, error)

    def addSubTest(self, test, subtest, error):
        """One line for the test, though several of its parts fail."""
        super().addSubTest(test, subtest, error)
        if error and id(test) not in self.told:
            self.told.add(id(test))
            self.bad(test, error)


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def skip_all(reason):
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


def main(prepare=None):
    """Runs the cases of the program as TAP. prepare() may call skip_all()."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--record", metavar="FILE", help="write what was run and said to FILE")
    parser.add_argument("names", nargs="*", help="only tests whose name contains one of these")
    args = parser.parse_args()
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    cases = [case for case in flatten(suite)
             if not args.names or any(name in case.id() for name in args.names)]
    if prepare:
        prepare()
    print(f"1..{len(cases)}", flush=True)
    result = TapResult(cases)
    unittest.TestSuite(cases).run(result)
    if args.record:
        with open(args.record, "w", encoding="utf-8") as file:
            file.write("\n".join(record.lines).lstrip() + "\n")
    sys.exit(0 if result.wasSuccessful() else 1)
