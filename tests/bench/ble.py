#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How fast smpctl uploads over Bluetooth LE, beside a plain loop that hands the same requests to BlueZ
(AcquireWrite, AcquireNotify) and reads the answers. By hand, in the machine of tests/vm with smpsim as
the board (SMPCTL, SMPSIM). With BOARD=ADDRESS, and inside a machine, against the board of that address;
with SMPMGR=PATH smpmgr too. The board gets an image for it (--image), or one of smpsim's.

Bytes of the image a second, in the upload alone; "command" is from the start of the program to its end."""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "vm"), str(HERE.parent / "lib"), str(HERE.parent / "sim")]

import machine  # noqa: E402
import smp  # noqa: E402
from smptest import environment, program, sim_image  # noqa: E402

if machine.inside():
    import ble_sim
    import central

PATIENCE = 6


def requests(image, most):
    """Upload requests of at most so many bytes, and the bytes of the image in each."""
    at = 0
    while at < len(image):
        body = {"off": at} if at else {"off": 0, "len": len(image)}
        room = most - len(smp.packet(smp.WRITE, 1, 1, {**body, "data": b""})) - 2
        data = image[at:at + room]
        at += len(data)
        yield smp.packet(smp.WRITE, 1, 1, {**body, "data": data}, at // room & 255), len(data)


class Bench:
    def __init__(self, args, address):
        self.args, self.address = args, address
        self.image = pathlib.Path(args.image).read_bytes()
        self.target = f"ble:{address}?keep=yes"
        self.link = central.Central()

    def connect(self):
        self.link.device = next(path for path, device in central.objects("org.bluez.Device1").items()
                                if path.startswith(self.link.adapter)
                                and device["Address"] == self.address)
        self.link.connect()
        self.link.subscribe()

    def answer(self):
        data = self.link.receive(PATIENCE)
        body = smp.loads(data[8:]) if data else None
        if not body or body.get("rc") or "off" not in body:
            raise RuntimeError(f"the plain loop got {body}")
        return body["off"]

    def plain(self, window):
        """The first request erases and counts for none, as in smpctl's own figure it does."""
        self.connect()
        try:
            wanted = list(requests(self.image, self.args.buf_size))
            self.link.send(wanted[0][0])
            self.answer()
            start, sent, size = time.monotonic(), 1, 0
            for number in range(1, len(wanted)):
                while sent < min(number + window, len(wanted)):
                    self.link.send(wanted[sent][0])
                    sent += 1
                self.answer()
                size += wanted[number][1]
            return size / (time.monotonic() - start)
        finally:
            self.link.close()
            time.sleep(0.5)

    def run(self, *command):
        start = time.monotonic()
        run = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, env=environment(), text=True, timeout=300,
                             check=False)
        if run.returncode:
            raise RuntimeError(run.stdout[-600:])
        return run.stdout, time.monotonic() - start

    def smpctl(self, *options):
        out, seconds = self.run(program("smpctl"), "--json", "-c", self.target, "image", "upload",
                                *options, self.args.image)
        end = json.loads(out.splitlines()[-1])
        first = next((json.loads(line) for line in out.splitlines() if '"offset"' in line), {})
        print(f"#   window {end['window']}, chunks of {end['chunk']}, lost {end['lost']}, "
              f"command {seconds:.1f} s, first {first.get('elapsed', 0)}", flush=True)
        return len(self.image) / end["duration"]

    def smpmgr(self):
        subprocess.run(["bluetoothctl", "disconnect", self.address], stdout=subprocess.DEVNULL,
                       check=False)
        time.sleep(3)
        out, seconds = self.run(os.environ["SMPMGR"], "--ble", self.address, "--timeout", "10",
                                "image", "upload", self.args.image)
        said = re.findall(r"([\d.]+) *([kM]?)B/s", out)
        print(f"#   its own figure {''.join(said[-1]) if said else '?'}, command {seconds:.1f} s",
              flush=True)
        if not said:
            return len(self.image) / seconds
        return float(said[-1][0]) * {"": 1, "k": 1e3, "M": 1e6}[said[-1][1]]

    def erase(self):
        self.run(program("smpctl"), "-c", self.target, "image", "erase")

    def rows(self):
        rows = {"plain loop, 1 request at a time": lambda: self.plain(1),
                "smpctl -w 1": lambda: self.smpctl("-w", "1"),
                "plain loop, 3 requests": lambda: self.plain(3),
                "smpctl": self.smpctl}
        if "SMPMGR" in os.environ:
            rows["smpmgr"] = self.smpmgr
        rates = {name: [] for name in rows}
        for turn in range(self.args.repeat):
            # Each comes first once: what a machine does beside this would else hit always the same.
            first = turn % len(rows)
            for name, row in [*rows.items()][first:] + [*rows.items()][:first]:
                self.erase()
                try:
                    rates[name].append(row())
                    print(f"# {name}: {rates[name][-1]:.0f}", flush=True)
                except RuntimeError as error:
                    print(f"# {name}: {error}", flush=True)
        best = statistics.median(rates["plain loop, 1 request at a time"] or [0])
        for name, found in rates.items():
            middle = statistics.median(found or [0])
            print(f"{name:34} {middle:8.0f} B/s  {100 * middle / (best or 1):4.0f} %   "
                  f"{', '.join(f'{rate:.0f}' for rate in sorted(found))}", flush=True)


def bench(args):
    if "BOARD" in os.environ:
        Bench(args, os.environ["BOARD"]).rows()
        return
    ble_sim.setUpModule()
    args.image = args.image or sim_image("1.1.0", "/tmp/bench.bin", 240000)
    with ble_sim.Sim("--write-time", "0", "--buf-size", str(args.buf_size), "--buf-count",
                     "4") as board:
        Bench(args, board.address).rows()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3, help="runs of each row (3)")
    parser.add_argument("--buf-size", type=int, default=2475, help="of the board (2475)")
    parser.add_argument("--image", help="what is uploaded")
    args = parser.parse_args()
    if machine.inside():
        bench(args)
        return
    if machine.missing():
        sys.exit(machine.missing())
    print(f"load when it began: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors", flush=True)
    sys.exit(machine.run(pathlib.Path(__file__).absolute(), {}))


if __name__ == "__main__":
    main()
