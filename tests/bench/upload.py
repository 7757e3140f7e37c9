#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How fast smpctl uploads, as a share of what the line carries, next to other clients; its memory; how
long one echo takes. Needs smpctl and smpsim (SMPCTL, SMPSIM or PATH); has more to tell with the lab's
real servers (SMP_LAB) and with the clients smpmgr and mcumgrctl (SMPMGR, MCUMGRCTL or PATH).

A figure is the best of --repeat runs, each against a fresh server. `command` is from the start of the
program to its end, `upload` what smpctl measured of the transfer alone."""
import argparse
import heapq
import json
import os
import pathlib
import select
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lib"), str(HERE.parent / "real")]

import lab  # noqa: E402
from smptest import Sim, environment, program, sim_image  # noqa: E402

TIMEOUT = 300


# ------------------------------------------------------------------------------------ the line
def head(value):
    """Bytes of a CBOR head."""
    return 1 if value < 24 else 2 if value < 256 else 3 if value < 65536 else 5


def limit(baud, buf_size, size):
    """Payload bytes a second of a console line that is never idle: requests with the largest packet
    that the buffer takes, at an offset in the middle of the image."""
    packet = buf_size - 4
    room = packet - 8 - len(b"\xa2\x63off\x64data") - head(size // 2)
    payload = room - head(room)
    coded = 4 * -(-(packet + 4) // 3)  # with length and CRC, in base64
    return baud / 10 * payload / (coded + 3 * -(-coded // 124))


class UdpDelay(threading.Thread):
    """Datagrams to a server arrive late, and so do its answers: half a round trip each."""

    def __init__(self, server, round_trip):
        super().__init__(daemon=True)
        host, _, port = server.rpartition(":")
        self.half = round_trip / 2
        self.client = None
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # smpmgr knows port 1337 only.
        address = f"127.{os.getpid() >> 8 & 255}.{os.getpid() & 255}.2"
        self.front.bind((address, 1337))
        self.back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.back.connect((host, int(port)))
        self.address = f"{address}:1337"
        self.ending = False
        self.start()

    def run(self):
        late, number = [], 0
        while not self.ending:
            now = time.monotonic()
            while late and late[0][0] <= now:
                _, _, sock, data = heapq.heappop(late)
                if sock is self.back:
                    sock.send(data)
                else:
                    sock.sendto(data, self.client)
            wait = min(late[0][0] - now, 0.1) if late else 0.1
            for sock in select.select([self.front, self.back], [], [], wait)[0]:
                data, sender = sock.recvfrom(65536)
                if sock is self.front:
                    self.client = sender
                number += 1
                other = self.back if sock is self.front else self.front
                heapq.heappush(late, (time.monotonic() + self.half, number, other, data))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ending = True
        self.join()
        self.front.close()
        self.back.close()


class Relay:
    """A UART between a client and a server's tty: the lab's uart_relay.py."""

    def __init__(self, tty, link, baud, latency):
        self.process = subprocess.Popen([lab.PYTHON, lab.LAB / "uart_relay.py", tty, link,
                                         str(baud), str(latency)])
        self.address = link
        end = time.monotonic() + 10
        while not os.path.islink(link):
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError("the relay does not start")
            time.sleep(0.01)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


# ------------------------------------------------------------------------------------ the clients
class Client:
    """Runs one upload; address is a tty or HOST:PORT."""

    def __init__(self, name):
        self.name = name
        self.path = program(name)

    def found(self):
        return shutil.which(self.path) is not None

    def upload(self, address, baud, image, options):
        raise NotImplementedError

    def run(self, args):
        start = time.monotonic()
        run = subprocess.run([self.path, *map(str, args)], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT,
                             env=environment(), check=False)
        seconds = time.monotonic() - start
        if run.returncode:
            raise RuntimeError((run.stderr or run.stdout).decode(errors="replace").strip()[-300:])
        return seconds, run.stdout.decode(errors="replace")


class Smpctl(Client):
    def target(self, address, baud):
        return f"serial:{address}?baud={baud}" if baud else f"udp:{address}"

    def upload(self, address, baud, image, options):
        seconds, out = self.run(["-c", self.target(address, baud), "--json", "image", "upload",
                                 *options, image])
        end = json.loads(out.splitlines()[-1])
        return {"command": seconds, "upload": end["duration"], "window": end["window"],
                "lost": end["lost"]}

    def echo(self, address):
        return self.run(["-c", self.target(address, 115200), "echo", "hello"])[0]


class Smpmgr(Client):
    def where(self, address, baud):
        if baud:
            return ["--port", address, "--baudrate", baud]
        return ["--ip", address.rpartition(":")[0]]

    def upload(self, address, baud, image, options):
        return {"command": self.run([*self.where(address, baud), "image", "upload", image])[0]}

    def echo(self, address):
        return self.run([*self.where(address, 115200), "os", "echo", "hello"])[0]


class Mcumgrctl(Client):
    def where(self, address, baud):
        return ["--serial", address, "--baud", baud] if baud else ["--udp", address]

    def upload(self, address, baud, image, options):
        return {"command": self.run([*self.where(address, baud), "-q", "image", "upload",
                                     image])[0]}

    def echo(self, address):
        return self.run([*self.where(address, 115200), "os", "echo", "hello"])[0]


# ------------------------------------------------------------------------------------ the rows
class Bench:
    def __init__(self, args):
        self.args = args
        self.smpctl = Smpctl("smpctl")
        self.peers = [peer for peer in (Smpmgr("smpmgr"), Mcumgrctl("mcumgrctl"))
                      if not args.no_peers and peer.found()]
        self.dir = tempfile.mkdtemp(prefix="smp-bench-")

    def best(self, client, serve, baud, image, options=()):
        """The fastest of some uploads: what client.upload() tells, or {"error"}."""
        best = {"error": "not run"}
        for _ in range(self.args.repeat):
            with serve() as address:
                try:
                    result = client.upload(address, baud, image, options)
                except (RuntimeError, subprocess.TimeoutExpired) as error:
                    result = {"error": str(error)}
            if "error" in best or result.get("command", 1e9) < best["command"]:
                if "command" in result or "error" in best:
                    best = result
        if "error" in best:
            print(f"# {client.name}: {best['error']}", file=sys.stderr)
        return best

    def row(self, title, serve, baud, image, top=None, peers=True, options=()):
        """One line of a table; top is the limit in bytes a second."""
        size = os.path.getsize(image)
        share = (lambda rate: f"{100 * rate / top:4.0f} %") if top else (lambda rate: "      ")
        own = self.best(self.smpctl, serve, baud, image, options)
        cells = [f"{title:34}", f"{top:8.0f}" if top else " " * 8]
        if "error" in own:
            cells.append("   failed" + " " * 39)
        else:
            command, upload = size / own["command"], size / own["upload"]
            cells += [f"{command:8.0f} {share(command)}", f"{upload:8.0f} {share(upload)}",
                      f"{own['window']:3} {own['lost']:4}"]
        for peer in self.peers if peers else ():
            other = self.best(peer, serve, baud, image)
            cells.append("  failed       " if "error" in other else
                         f"{size / other['command']:8.0f} {share(size / other['command'])}")
        print("  ".join(cells), flush=True)

    def heading(self, title, peers=True):
        print(f"\n{title}\n{'':34}  {'limit':>8}  {'smpctl':>8} {'':6}  {'upload':>8} {'':6}  "
              "win lost" + "".join(f"  {peer.name:>15}" for peer in self.peers if peers),
              flush=True)

    # -------------------------------------------------------------------- serial, a real server
    def real(self):
        missing = lab.missing() or (None if lab.imgtool() else "no imgtool (IMGTOOL or PATH)")
        if missing:
            print(f"\nReal server: skipped: {missing}")
            return
        name = "qemu_cortex_m0.serial"
        image = os.path.join(self.dir, "m0.bin")
        subprocess.run([lab.PYTHON, lab.LAB / "mkimage.py", name, "1.2.3", image], check=True,
                       env=dict(os.environ, SMP_FIXTURES=str(lab.FIXTURES), IMGTOOL=lab.imgtool()),
                       stdout=subprocess.DEVNULL)
        size = os.path.getsize(image)
        self.heading(f"Zephyr 4.4 with MCUboot in QEMU (buffers 384 × 4), {size} bytes, B/s and "
                     "share of the limit")
        for baud in (115200, 921600):
            for latency in (0, 2, 16):
                self.row(f"{baud} baud, {latency} ms latency",
                         lambda b=baud, l=latency: self.serve_real(name, b, l), baud, image,
                         limit(baud, 384, size))

    class serve_real:
        """A fresh server behind a relay."""

        def __init__(self, name, baud, latency):
            self.server, self.baud, self.latency = lab.Server(name, "--direct"), baud, latency

        def __enter__(self):
            self.server.start()
            self.relay = Relay(self.server.facts["TTY"], self.server.run + "/uart", self.baud,
                               self.latency)
            return self.relay.address

        def __exit__(self, *args):
            self.relay.__exit__(*args)
            self.server.__exit__(*args)

    # -------------------------------------------------------------------- serial, simulated
    class serve_sim:
        def __init__(self, *options, delay=None, state=None):
            self.options, self.delay = options, delay
            if state:
                shutil.copy(state, state + ".copy")
                self.options += ("--state", state + ".copy")

        def __enter__(self):
            self.sim = Sim(*self.options)
            if self.delay is None:
                return self.sim.address
            self.relay = UdpDelay(self.sim.address, self.delay)
            return self.relay.address

        def __exit__(self, *args):
            if self.delay is not None:
                self.relay.__exit__(*args)
            self.sim.__exit__(*args)

    def used_flash(self):
        """A board's flash with an older image in slot 1, that has to be erased."""
        state = os.path.join(self.dir, "flash")
        old = sim_image("0.9.0", os.path.join(self.dir, "old.bin"), 120000)
        with Sim("--state", state, "--time-scale", 1000) as board:
            self.smpctl.run(["-c", board.target, "-q", "image", "upload", old])
        return state

    def sim(self):
        image = sim_image("1.1.0", os.path.join(self.dir, "sim.bin"), 49000)
        size = os.path.getsize(image)
        state = self.used_flash()
        slow = ("--progressive-erase", "--erase-time", 85)
        for how, options in (("nothing to erase", None),
                             ("each 4 KiB are erased as they come, 85 ms; it listens", slow),
                             ("the same, and it is deaf meanwhile", (*slow, "--deaf"))):
            self.heading(f"Simulated board, {size} bytes; {how}", peers=False)
            for baud, latency, buf_size in ((115200, 0, 384), (115200, 0, 2048), (921600, 16, 384),
                                            (921600, 16, 2048)):
                def serve(b=baud, l=latency, s=buf_size, options=options):
                    return self.serve_sim(*(options or ()), "--baud", b, "--latency", l,
                                          "--buf-size", s, "--buf-count", 4,
                                          state=state if options else None)
                title = f"{baud} baud, {latency} ms, {buf_size} × 4"
                top = limit(baud, buf_size, size)
                self.row(title, serve, baud, image, top, peers=False)
                self.row(title + ", -w 1", serve, baud, image, top, peers=False,
                         options=("-w", "1"))

    # -------------------------------------------------------------------- UDP
    def udp(self):
        image = sim_image("1.1.0", os.path.join(self.dir, "udp.bin"), 250000)
        self.heading(f"Simulated board over UDP, {os.path.getsize(image)} bytes, B/s")
        for delay in (0, 5, 20):
            for count in (2, 4, 8):
                self.row(f"round trip {delay} ms, 2048 × {count}",
                         lambda d=delay, c=count: self.serve_sim("--udp", 0, "--buf-count", c,
                                                                 delay=d / 1000),
                         0, image)

    # -------------------------------------------------------------------- memory
    def peak(self, *args):
        """The largest resident set of smpctl, in KiB: sampled, as what the kernel keeps of a child
        counts the program that started it."""
        process = subprocess.Popen([self.smpctl.path, *map(str, args)], env=environment(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        peak = 0
        while process.poll() is None:
            try:
                with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
                    for line in file:
                        if line.startswith("VmHWM:"):
                            peak = max(peak, int(line.split()[1]))
            except OSError:
                pass
            time.sleep(0.001)
        return peak, process.returncode

    def memory(self):
        print("\nPeak memory of smpctl")
        with Sim("--fault", "die=1") as board:
            idle, _ = self.peak("-c", board.target, "-t", 1, "echo", "x")
        print(f"{'waits for an answer':34}  {idle:8} KiB")
        for text, payload in (("100 KiB", 100 << 10), ("16 MiB", 16 << 20)):
            image = sim_image("1.1.0", os.path.join(self.dir, "memory.bin"), payload,
                              "--slot-size", "17M")
            with Sim("--slot-size", "17M", "--buf-size", 2048, "--write-time", 0, "--erase-time",
                     0) as board:
                peak, code = self.peak("-c", board.target, "-q", "image", "upload", image)
            print(f"{'image upload, ' + text:34}  {peak:8} KiB  {peak - idle:+8} KiB"
                  + (f"  failed: exit status {code}" if code else ""), flush=True)

    # -------------------------------------------------------------------- echo
    def echo(self):
        print("\necho, from the start of the program to its end, median of 50")
        with Sim() as board:
            for client in (self.smpctl, *self.peers):
                try:
                    times = [client.echo(board.address) for _ in range(50)]
                except RuntimeError as error:
                    print(f"{client.name:34}  failed: {error}")
                    continue
                print(f"{client.name:34}  {1000 * statistics.median(times):8.1f} ms", flush=True)


SECTIONS = ("real", "sim", "udp", "memory", "echo")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3, help="runs of each row (3)")
    parser.add_argument("--no-peers", action="store_true", help="smpctl alone")
    parser.add_argument("sections", nargs="*", metavar="SECTION",
                        help=f"only these of {', '.join(SECTIONS)}")
    args = parser.parse_args()
    if set(args.sections) - set(SECTIONS):
        parser.error(f"there are {', '.join(SECTIONS)}")
    bench = Bench(args)
    print(f"best of {args.repeat} runs; load of the machine when it began: "
          f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    try:
        for section in args.sections or SECTIONS:
            getattr(bench, section)()
    finally:
        shutil.rmtree(bench.dir, ignore_errors=True)


if __name__ == "__main__":
    main()
