#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How smpd does with many boards: 200 on UDP and 32 on ptys are updated at once by one daemon. It prints
memory and processor time for each board, how long calls about another board take meanwhile, and what the
daemon does in a minute in which nothing is to be done.

The boards take their time for each request, so that the simulators leave something of the processor."""

import argparse
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import time
import types

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "daemon"))

import common
from common import DEVICE, JOB, connect, device_path
from gi.repository import GLib

TICK = os.sysconf("SC_CLK_TCK")


class Process:
    """What the kernel knows of a process."""

    def __init__(self, pid):
        self.folder = f"/proc/{pid}"

    def status(self, name, folder=None):
        with open(f"{folder or self.folder}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith(name + ":"):
                    return int(line.split()[1])
        return 0

    def seconds(self):
        with open(f"{self.folder}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def threads(self):
        return [f"{self.folder}/task/{task}" for task in os.listdir(f"{self.folder}/task")]

    def wakeups(self):
        return {thread: self.status("voluntary_ctxt_switches", thread) for thread in self.threads()}


class Meter:
    """Calls about one board, from a program of its own, until it is told to stop."""

    def __init__(self, address, name):
        self.times = {}
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--meter", address, name], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.times = json.loads(self.process.communicate("")[0])

    @staticmethod
    def run(address, name):
        connection = types.SimpleNamespace(connect=lambda uid: connect(address, uid))
        client = common.Client(connection, common.NOBODY)
        calls = {
            "Get": lambda: client.get(device_path(name), DEVICE, "Images"),
            "GetAll": lambda: client.properties(device_path(name), DEVICE),
            "Refresh": lambda: client.device(name, "Refresh"),
        }
        times = {call: [] for call in calls}
        while not select.select([sys.stdin], [], [], 0)[0]:
            for call, function in calls.items():
                times[call].append(Bench.call(function))
                time.sleep(0.02)
        json.dump(times, sys.stdout)


class Bench:
    def __init__(self, args):
        self.args = args
        self.directory = tempfile.mkdtemp(prefix="smpd-bench-")
        self.state, self.config = self.path("state"), self.path("config")
        os.makedirs(self.path("config", "targets.d"))
        self.bus = common.Bus()
        self.bus.start_polkit()
        self.bus.allow("inspect", "update", "control")
        self.boards, self.daemon = {}, None

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def start(self, names, main=""):
        with open(self.path("config", "targets.d", "boards.conf"), "w", encoding="ascii") as file:
            for name in names:
                file.write(f"[target {name}]\nuri={self.boards[name].target}\npoll=0\n")
        with open(self.path("config", "smpd.conf"), "w", encoding="ascii") as file:
            file.write(main)
        self.daemon = common.Daemon(self)
        self.process = Process(self.daemon.process.pid)
        self.client = common.Client(self.bus, common.NOBODY)

    def find_all(self, names):
        start = time.monotonic()
        common.eventually(lambda: all(
            values[DEVICE]["Present"] for path, values in self.client.objects().items()
            if DEVICE in values), 300, 0.2)
        return time.monotonic() - start

    # ---- nothing to do

    def idle(self, title):
        # GLib's pools let go of threads that had nothing to do for 15 s.
        time.sleep(20)
        before, seconds = self.process.wakeups(), self.process.seconds()
        time.sleep(self.args.idle)
        after = self.process.wakeups()
        woken = sum(count - before.get(thread, 0) for thread, count in after.items())
        print(f"{title:34}  {self.process.status('VmRSS'):8} KiB resident  {len(after):4} threads  "
              f"{woken:4} wake-ups, {self.process.seconds() - seconds:.2f} s in {self.args.idle} s",
              flush=True)

    # ---- all at once

    def image(self):
        path = self.path("new.bin")
        subprocess.run([common.SMPSIM, "--make-image", f"1.1.0,{self.args.size}", path], check=True,
                       stdout=subprocess.DEVNULL)
        return path

    @staticmethod
    def call(function, *args):
        """How long it takes, in ms."""
        start = time.monotonic()
        function(*args)
        return 1000 * (time.monotonic() - start)

    def ends(self):
        return [values[JOB]["Result"] for values in self.client.objects().values() if JOB in values]

    def update_all(self, names, image):
        """Returns how long each call took, in ms, and how many threads there were."""
        ended, context, threads = [], GLib.MainContext.default(), 0
        subscription = self.client.connection.signal_subscribe(
            common.NAME, JOB, "Completed", None, None, 0, lambda *args: ended.append(args[2]))
        calls = [self.call(self.client.update, name, image) for name in names]
        while len(ended) < len(names):
            GLib.timeout_add(500, lambda: False)
            context.iteration(True)
            threads = max(threads, self.process.status("Threads"))
        self.client.connection.signal_unsubscribe(subscription)
        return calls, threads

    def row(self, title, times):
        times = sorted(times)
        at = lambda share: times[min(len(times) - 1, int(share * len(times)))]
        print(f"{title:34}  {len(times):6}  {at(0.5):8.1f}  {at(0.95):8.1f}  {at(0.99):8.1f}  "
              f"{times[-1]:8.1f}", flush=True)

    def all_at_once(self):
        args = self.args
        names = [f"udp-{n}" for n in range(args.udp)] + [f"pty-{n}" for n in range(args.pty)]
        pace = ("--process-time", str(args.process_time), "--image-size", str(args.size))
        for name in names:
            self.boards[name] = common.Board(self.directory, *pace, udp=name.startswith("udp"))
        self.boards["other"] = common.Board(self.directory, udp=True)
        everybody = names + ["other"]
        self.start(everybody, f"[daemon]\nmax-parallel={len(names)}\nkeep-jobs=1000\n")
        print(f"{len(names)} boards, {args.udp} on UDP and {args.pty} on ptys, {args.process_time} ms a "
              f"request, images of {os.path.getsize(self.image())} bytes; found in "
              f"{self.find_all(everybody):.1f} s")
        rss = self.process.status("VmRSS")
        begun, cpu = time.monotonic(), self.process.seconds()
        with Meter(self.bus.address, "other") as meter:
            calls, threads = self.update_all(names, self.image())
            took = time.monotonic() - begun
        ends = self.ends()
        good = ends.count("updated")
        cpu = self.process.seconds() - cpu
        peak = self.process.status("VmHWM")
        print(f"updated: {good} of {len(names)} in {took:.1f} s"
              + ("" if good == len(names) else f"; others: {set(ends) - {'updated'}}"))
        print(f"memory: {rss} KiB before, {peak} KiB at most, {(peak - rss) / len(names):.0f} KiB a "
              f"board; {threads} threads at most")
        print(f"processor: {1000 * cpu / len(names):.0f} ms a board, {100 * cpu / took:.0f} % of one")
        print(f"\n{'ms':34}  {'calls':>6}  {'p50':>8}  {'p95':>8}  {'p99':>8}  {'max':>8}")
        for call, times in meter.times.items():
            self.row(call + " of another board", times)
        self.row("Update, one after the other", calls)
        self.row("GetManagedObjects, afterwards",
                 [self.call(self.client.objects) for _ in range(20)])
        print(flush=True)
        return good == len(names)

    def run(self):
        print(f"load of the machine when it began: {os.getloadavg()[0]:.1f} on {os.cpu_count()} "
              "processors")
        self.start([])
        self.idle("idle, no board")
        self.daemon.stop()
        good = self.all_at_once()
        self.idle("idle, all boards and jobs")
        self.daemon.stop()
        return good

    def clear(self):
        if self.daemon and self.daemon.process.poll() is None:
            self.daemon.kill()
        for board in self.boards.values():
            board.stop()
        self.bus.stop()
        shutil.rmtree(self.directory)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--udp", type=int, default=200, help="boards on UDP (200)")
    parser.add_argument("--pty", type=int, default=32, help="boards on ptys (32)")
    parser.add_argument("--size", type=int, default=16000, help="payload of the image (16000)")
    parser.add_argument("--process-time", type=int, default=200, help="ms a request (200)")
    parser.add_argument("--idle", type=int, default=60, help="seconds of doing nothing (60)")
    parser.add_argument("--meter", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.meter:
        return Meter.run(*args.meter)
    bench = Bench(args)
    try:
        return 0 if bench.run() else 1
    finally:
        bench.clear()


if __name__ == "__main__":
    sys.exit(main())
