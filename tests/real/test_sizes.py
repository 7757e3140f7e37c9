#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The largest packet of servers with buffers of every size, over every kind of line. A server says
nothing at all to a packet that is one byte too large, so this is worth a test for each."""
from lab import Case, prepare
from smptest import main

HEAD = 8 + len(b"\xa1\x61d")  # SMP header, {"d":


def text_of(request_size):
    """Text whose echo request has that many bytes."""
    for head in (1, 2, 3):
        length = request_size - HEAD - head
        if length < (24, 256, 65536)[head - 1]:
            return "".join(chr(ord("a") + i % 26) for i in range(length))
    raise ValueError(request_size)


class SizeCase(Case):
    def echo(self, largest, target=None, answer_fits=True):
        """Echoes of a few sizes up to exactly the largest packet, and one that is not sent."""
        target = target or self.board.target
        for size in sorted({13, min(92, largest - 1), largest // 2, largest - 1}):
            text = text_of(size)
            run = self.ctl("--trace", "-c", target, "echo", text)
            self.assertEqual(run.out, text + "\n")
            # No repetition: the first was answered.
            self.assertEqual(run.requests.count(size), 1)
        text = text_of(largest)
        run = self.ctl("--trace", "-c", target, "echo", text, code=0 if answer_fits else 6)
        self.assertEqual(run.requests.count(largest), 1)
        self.assertIn(text if answer_fits else "EMSGSIZE", run.out + run.err)
        if largest > 92:
            run = self.ctl("--trace", "-c", target, "echo", text_of(largest + 1), code=1)
            self.assertIn(f"larger than the {largest} bytes", run.err)
            self.assertLess(max(run.requests), 40)

    def check(self, server, buf_size, buf_count, largest, *options):
        self.board = self.start(server, *options)
        params = self.ctl("--json", "os", "params").json[0]
        self.assertEqual((params.get("buf_size"), params.get("buf_count"), params["max_packet"]),
                         (buf_size, buf_count, largest))
        # The answer is one byte longer, and has the buffer for itself but on a raw line.
        self.echo(largest, answer_fits=largest < buf_size)


class Sizes(SizeCase):
    pass


def add(name, doc, *args):
    def test(self):
        self.check(*args)

    test.__doc__ = doc
    setattr(Sizes, f"test_{name}", test)


# Length and CRC share the server's buffer with the packet on a console line.
for n in (96, 256, 400, 512, 1024, 2048):
    add(f"buf{n}", f"buffers of {n} bytes: a packet of {n - 4}", f"native_sim.serial_buf{n}", n, 4,
        n - 4)
add("line512", "a server with lines of 512 bytes", "native_sim.serial_line512", 2048, 4, 2044,
    "--pace", "11520")
add("bigrx", "a server with many receive buffers", "native_sim.serial_bigrx", 384, 4, 380)
add("paced", "a server with two receive buffers, on a slow line", "native_sim.serial", 384, 4, 380)
add("m0", "QEMU's Cortex-M0", "qemu_cortex_m0.serial", 384, 4, 380)
add("m0_256", "QEMU's Cortex-M0 with buffers of 256", "qemu_cortex_m0.serial_buf256", 256, 4, 252)
add("m0_512", "QEMU's Cortex-M0 with buffers of 512", "qemu_cortex_m0.serial_buf512", 512, 4, 508)
add("mps2_2048", "QEMU's MPS2 with buffers of 2048", "mps2_an385.serial_recovery_buf2048", 2048, 4,
    2044)
add("raw", "raw serial: a packet of the whole buffer", "native_sim.serial_raw", 384, 4, 384)


class Others(SizeCase):
    def test_noparams(self):
        """a server without the parameters command: packets stay small"""
        self.board = self.start("native_sim.serial_noparams")
        text = self.ctl("os", "params").out
        self.assertIn("not told", text)
        self.assertEqual(self.ctl("echo", "hello").out, "hello\n")

    def test_direct(self):
        """a server with two receive buffers, bytes as fast as they go: what is dropped is repeated"""
        self.board = self.start("native_sim.serial", "--direct")
        for length in (10, 80, 150):
            self.assertEqual(self.ctl("echo", "x" * length).out, "x" * length + "\n")

    def test_shell(self):
        """SMP inside a shell, between prompts and echoed text"""
        self.board = self.start("native_sim.shell")
        target = "shell:" + self.board.facts["TTY"]
        self.assertEqual(self.ctl("-c", target, "--json", "os", "params").json[0]["max_packet"],
                         380)
        self.echo(380, target)

    def test_shell_direct(self):
        """SMP inside a shell, bytes as fast as they go"""
        self.board = self.start("native_sim.shell", "--direct")
        target = "shell:" + self.board.facts["TTY"]
        for length in (10, 80):
            run = self.ctl("-c", target, "echo", "x" * length)
            self.assertEqual(run.out, "x" * length + "\n")


if __name__ == "__main__":
    main(prepare)
