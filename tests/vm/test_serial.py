#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real USB serial ports, udev and drivers: how boards are found, lost and found again."""
import contextlib
import fcntl
import os
import pathlib
import shutil
import subprocess
import tempfile
import termios
import time

import machine
from boards import SLOW, Adapter, Case, wait_until
from smptest import program, record

# As USB: the port goes away with the board.
USB = ("--hangup", "--boot-time", "300")

ADAPTER = "/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_{}-if00-port0"
TRACING = pathlib.Path("/sys/kernel/tracing")


@contextlib.contextmanager
def adapters(options):
    """The host's part: two boards behind adapters, one of which goes away when it resets."""
    with tempfile.TemporaryDirectory(prefix="smp-vm-") as folder, \
            Adapter(folder + "/1", "FT0001", *SLOW, *USB) as one, \
            Adapter(folder + "/2", "FT0002") as two:
        options["usb"] = [(one.serial, one.socket), (two.serial, two.socket)]
        yield


class Wire:
    """What goes over USB's control pipe to the boards: pairs of request and value."""

    def __enter__(self):
        if not (TRACING / "trace").exists():
            subprocess.run(["mount", "-t", "tracefs", "tracefs", TRACING], check=True)
        # The arguments of usb_control_msg() in the registers of the System V ABI.
        (TRACING / "kprobe_events").write_text(
            "p:smp usb_control_msg request=%dx:u8 type=%cx:u8 value=%r8:u16\n")
        self.enable = TRACING / "events/kprobes/smp/enable"
        self.enable.write_text("1")
        return self

    def __exit__(self, *_):
        self.enable.write_text("0")
        (TRACING / "kprobe_events").write_text("")

    def take(self, request):
        """The values sent with this request since the last call."""
        values = []
        for line in (TRACING / "trace").read_text().splitlines():
            if "usb_control_msg" in line:
                fields = dict(field.split("=") for field in line.split() if "=" in field)
                if int(fields["request"]) == request and not int(fields["type"]) & 0x80:
                    values.append(int(fields["value"]))
        (TRACING / "trace").write_text("")
        return values


class SerialCase(Case):
    def answers(self, target):
        self.assertIn("hello", self.ctl("-c", target, "echo", "hello").out)

    def ports(self):
        return {port["target"]: port for port in self.ctl("--json", "discover").json[-1]["ports"]}

    def hold(self, path, name="ModemManager", exclusive=False):
        """Another program of root's has the port open. Returns its Popen."""
        copy = os.path.join(self.dir, name)
        if not os.path.exists(copy):
            shutil.copy("/bin/sleep", copy)
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        if exclusive:
            fcntl.ioctl(fd, termios.TIOCEXCL)
        holder = subprocess.Popen([copy, "600"], stdin=fd)
        os.close(fd)
        self.addCleanup(self.end, holder)
        record.note(f"a program named {name} opened {path}")
        return holder

    @staticmethod
    def end(process):
        process.kill()
        process.wait()

    @contextlib.contextmanager
    def as_tester(self, groups=""):
        """smpctl is run by an ordinary user. Programs are copied: the checkout may not be his to read."""
        here = pathlib.Path(self.dir)
        shutil.copy(program("smpctl"), here / "smpctl")
        for library in subprocess.run(["ldd", program("smpctl")], check=True, text=True,
                                      stdout=subprocess.PIPE).stdout.split():
            if library.endswith("/libsmp.so.0"):
                shutil.copy(library, here)
        state = here / "tester"
        state.mkdir()
        os.chown(state, 1000, 1000)
        groups = f"--groups={groups}" if groups else "--clear-groups"
        script = here / "as-tester"
        script.write_text(f"#!/bin/sh\nexec setpriv --reuid=tester --regid=tester {groups} "
                          f"env HOME={state} LD_LIBRARY_PATH={here} {here}/smpctl \"$@\"\n")
        script.chmod(0o755)
        record.note(f"as the user tester, {groups}")
        was, os.environ["SMPCTL"] = os.environ["SMPCTL"], str(script)
        try:
            yield
        finally:
            os.environ["SMPCTL"] = was


class Found(SerialCase):
    def test_discover(self):
        """discover shows what udev knows of a board"""
        gadget = self.gadget("SN0001")
        gadget.plug()
        gadget.wait()
        port = self.ports()["/dev/ttyACM0"]
        self.assertEqual({key: port[key] for key in ("by_id", "vendor", "product", "vendor_id",
                                                     "product_id", "serial", "interface", "driver",
                                                     "accessible")},
                         {"by_id": gadget.name(), "vendor": "Zephyr", "product": "USB board",
                          "vendor_id": "2fe3", "product_id": "0100", "serial": "SN0001",
                          "interface": "00", "driver": "cdc_acm", "accessible": True})
        out = self.ctl("discover").out
        self.assertRegex(out, r"/dev/ttyACM0 +Zephyr USB board \(2fe3:0100, SN0001\) +free\n")
        self.assertRegex(out, r"/dev/ttyUSB0 +QEMU QEMU USB SERIAL \(0403:6001, FT000[12]\) +free\n")

    def test_probe(self):
        """discover --probe asks the boards, also where nobody reads what it sends"""
        self.acm()
        silent = self.gadget("SN0002")
        silent.plug()
        silent.wait()
        run = self.ctl("--json", "discover", "--probe", timeout=50)
        ports = {port.get("serial"): port for port in run.json[-1]["ports"]}
        self.assertIs(ports["SN0001"]["smp"], True)
        self.assertEqual(ports["SN0001"]["buf_size"], 384)
        self.assertIs(ports["FT0001"]["smp"], True)
        self.assertIs(ports["SN0002"]["smp"], False)
        self.assertEqual(ports["SN0002"]["failure"], "no SMP answer at 115200 baud")

    def test_targets(self):
        """a board has many names: path, by-id, by-path, usb: with serial number and interface"""
        gadget, _ = self.acm()
        by_path = [path for path in pathlib.Path("/dev/serial/by-path").iterdir()
                   if path.resolve().name == "ttyACM0"]
        self.assertTrue(by_path)
        for target in ("/dev/ttyACM0", gadget.name(), by_path[0], "usb:2fe3:0100",
                       "usb:2FE3:0100:SN0001", "usb:2fe3:0100:SN0001:00", "usb:2fe3:0100::00"):
            with self.subTest(target):
                self.answers(target)

    def test_same_product(self):
        """two boards of one product: the serial number tells them apart, without it both are named"""
        self.acm("SN0001", "--image-version", "1.0.1")
        self.acm("SN0002", "--image-version", "1.0.2")
        self.says("usb:2fe3:0100 matches 2 ports: /dev/ttyACM0 (usb:2fe3:0100:SN0001:00), /dev/ttyACM1 "
                  "(usb:2fe3:0100:SN0002:00)", "-c", "usb:2fe3:0100", "echo", "hello")
        for serial, version in (("SN0001", "1.0.1"), ("SN0002", "1.0.2")):
            images = self.ctl("-c", f"usb:2fe3:0100:{serial}", "--json", "image", "list").json[-1]
            self.assertEqual(images["images"][0]["version"], version)

    def test_absent(self):
        """a serial number, an interface or a name that is not there"""
        self.acm()
        for target in ("usb:2fe3:0100:SN0009", "usb:2fe3:0100::02", "usb:1234:5678"):
            self.says(f"no serial port is {target}", "-c", target, "echo", "hello")
        self.says("/dev/ttyACM7 does not exist", "-c", "/dev/ttyACM7", "echo", "hello")

    def test_functions(self):
        """two ports of one device are told apart by their interfaces"""
        gadget = self.gadget("SN0001", functions=2)
        self.board(gadget, function=1)
        for target in ("usb:2fe3:0100:SN0001:02", "usb:2fe3:0100::02", gadget.name(1)):
            self.answers(target)
        self.says("matches 2 ports: /dev/ttyACM0 (usb:2fe3:0100:SN0001:00), /dev/ttyACM1 "
                  "(usb:2fe3:0100:SN0001:02)", "-c", "usb:2fe3:0100:SN0001", "echo", "hello")
        self.assertRegex(self.ctl("discover").out, r"\(2fe3:0100, SN0001, interface 02\)")


class Lost(SerialCase):
    def test_other_name(self):
        """an update by an ordinary user: the board resets and comes back by another name"""
        gadget, _ = self.acm("SN0001", *SLOW, *USB)
        image = self.image()
        with self.as_tester("dialout"):
            run = self.begin("-c", "/dev/ttyACM0", "update", image)
            run.upload_at(0.1)
            self.hold("/dev/ttyACM0")
            self.updated(run)
            self.assertEqual(os.path.realpath(gadget.name()), "/dev/ttyACM1")
            images = self.ctl("-c", "usb:2fe3:0100", "--json", "image", "list").json[-1]["images"]
        self.assertEqual((images[0]["version"], images[0]["confirmed"]), ("1.1.0", True))

    def test_stands_still(self):
        """a board that reads nothing for a while in the middle of an upload: it goes on"""
        _, board = self.acm("SN0001", *SLOW)
        image = self.image()
        run = self.begin("-c", "/dev/ttyACM0", "-t", 2, "update", image)
        run.upload_at(0.3)
        with board.still:
            time.sleep(3)
        self.assertLess(self.updated(run)["sent"], os.path.getsize(image) * 1.3)

    def test_answers_of_before(self):
        """smpctl killed in an upload: the next one is not misled by what the board still sends"""
        self.acm("SN0001", *SLOW)
        run = self.begin("-c", "/dev/ttyACM0", "update", self.image())
        run.upload_at(0.3)
        run.kill()
        self.answers("/dev/ttyACM0")
        self.updated(self.begin("-c", "/dev/ttyACM0", "resume"))

    def test_no_serial_number(self):
        """an update of a board without a serial number: it is the one at the same USB port"""
        self.acm("SN0001")
        gadget = self.gadget("")
        self.board(gadget, *SLOW, *USB)
        port = next(port for port in self.ports().values() if port.get("vendor_id") == "2fe3"
                    and "serial" not in port)
        run = self.begin("-c", port["target"], "update", self.image())
        run.upload_at(0.1)
        self.hold(port["target"])
        self.updated(run)

    def test_other_usb_port(self):
        """an update that is cut off, of a board that is then plugged in elsewhere: resume finds it"""
        gadget, board = self.acm("SN0001", *SLOW)
        run = self.begin("-c", "/dev/ttyACM0", "update", self.image())
        run.upload_at(0.3)
        run.kill()
        board.pull()
        wait_until(lambda: not os.path.exists(gadget.name()), "unplugged")
        other = self.gadget("SN0002")
        other.plug()
        other.wait()
        board.put_back()
        gadget.wait()
        self.assertEqual(os.path.realpath(gadget.name()), "/dev/ttyACM1")
        self.updated(self.begin("-c", gadget.name(), "resume"))

    def test_adapter(self):
        """an update over an FTDI adapter that goes away and comes back"""
        target = ADAPTER.format("FT0001")
        self.updated(self.begin("-c", target, "update", self.image()))
        self.assertEqual(self.ports()[os.path.realpath(target)]["driver"], "ftdi_sio")
        images = self.ctl("-c", target, "--json", "image", "list").json[-1]["images"]
        self.assertEqual(images[0]["version"], "1.1.0")

    def test_pulled(self):
        """the cable pulled in the middle of an upload and put back: it goes on"""
        gadget, board = self.acm("SN0001", *SLOW)
        image = self.image()
        run = self.begin("-c", "usb:2fe3:0100", "update", image)
        run.upload_at(0.3)
        board.pull()
        wait_until(lambda: not os.path.exists(gadget.name()), "unplugged")
        time.sleep(1)
        board.put_back()
        self.assertLess(self.updated(run)["sent"], os.path.getsize(image) * 1.3)


class Shared(SerialCase):
    def test_console(self):
        """an ordinary user's console, and an update through it: the board comes back by another name"""
        self.acm("SN0001", *SLOW, *USB)
        image = self.image()
        with self.as_tester("dialout"):
            console = self.begin("console", "/dev/ttyACM0")
            wait_until(lambda: os.path.exists("/tmp/smp-console-1000/smp-console-166:0"), "its socket")
            self.answers("usb:2fe3:0100")
            run = self.begin("-c", "/dev/ttyACM0", "update", image)
            run.upload_at(0.1)
            self.hold("/dev/ttyACM0")
            self.updated(run)
            for state in ("lost", "back"):
                self.assertEqual(console.wait_for(lambda o: o["event"] == "port")["state"], state)
            self.assertEqual(os.listdir("/tmp/smp-console-1000"), ["smp-console-166:1"])
            status = self.ctl("-c", "usb:2fe3:0100", "--json", "status").json[-1]
            self.assertIn("shared by a console", status["link"])
        self.answers("usb:2fe3:0100")
        console.interrupt()
        self.assertEqual(console.finish().code, 0)
        self.assertNotIn("shared", self.ctl("-c", "usb:2fe3:0100", "status").out)

    def test_held(self):
        """a port that another program has open: its name and number"""
        gadget, _ = self.acm()
        holder = self.hold("/dev/ttyACM0")
        for target in ("/dev/ttyACM0", gadget.name(), "usb:2fe3:0100"):
            self.says(f"/dev/ttyACM0 is held by ModemManager (pid {holder.pid})".replace(
                "/dev/ttyACM0", target if target.startswith("/") else "/dev/ttyACM0"),
                "-c", target, "echo", "hello")
        self.assertIn(f"held by ModemManager (pid {holder.pid})", self.ctl("discover").out)
        port = self.ports()["/dev/ttyACM0"]
        self.assertEqual((port["holder"], port["holder_pid"]), ("ModemManager", holder.pid))
        self.end(holder)
        self.answers("/dev/ttyACM0")

    def test_held_by_root(self):
        """a port that root's program keeps for itself, seen by another user"""
        self.acm()
        self.hold("/dev/ttyACM0", exclusive=True)
        with self.as_tester("dialout"):
            self.says("/dev/ttyACM0 is held by another user's program; `sudo fuser -v /dev/ttyACM0` names "
                      "it", "-c", "/dev/ttyACM0", "echo", "hello")

    def test_two_at_once(self):
        """smpctl itself is named to a second smpctl"""
        self.acm("SN0001", *SLOW)
        run = self.begin("-c", "/dev/ttyACM0", "update", "--upload-only", self.image())
        run.upload_at(0.1)
        self.says(f"/dev/ttyACM0 is held by smpctl (pid {run.process.pid})",
                  "-c", "/dev/ttyACM0", "echo", "hello")
        self.assertEqual(run.finish().code, 0)

    def test_permission(self):
        """a user who is not in the group of the port is told its name and how to join it"""
        self.acm()
        with self.as_tester():
            self.says("you may not open /dev/ttyACM0: it is for the group dialout. Join it with `sudo "
                      "usermod -aG dialout tester` and log in again", "-c", "/dev/ttyACM0", "echo", "hello")
            self.assertIs(self.ports()["/dev/ttyACM0"]["accessible"], False)
            self.assertIn("no permission (join the group dialout)", self.ctl("discover").out)


class Lines(SerialCase):
    def test_acm_lines(self):
        """DTR and RTS of a CDC ACM board: never lowered, unless asked for"""
        self.acm("SN0001", *SLOW)
        path = "/dev/ttyACM0"
        with Wire() as wire:
            # SET_CONTROL_LINE_STATE: 1 is DTR, 2 is RTS. The kernel raises both when it opens a port.
            self.answers(path)
            self.answers(path)
            self.assertEqual(set(wire.take(0x22)), {3})
            for options, lines in (("?dtr=off", 2), ("?rts=off", 1), ("?dtr=off&rts=off", 0), ("", 3)):
                self.answers(f"serial:{path}{options}")
                self.assertEqual(wire.take(0x22)[-1], lines, options)

    def test_adapter_lines(self):
        """DTR and RTS of an FTDI adapter: never lowered, unless asked for"""
        path = ADAPTER.format("FT0002")
        with Wire() as wire:
            # SET_MODEM_CTRL: the upper byte says which lines are set, the lower one to what.
            self.answers(path)
            self.answers(path)
            values = wire.take(1)
            self.assertTrue(values)
            self.assertEqual([value for value in values if value & ~value >> 8 & 3], [])
            self.assertEqual([value for value in values if value >> 8 & ~value & 3], [])
            self.answers(f"serial:{path}?dtr=off&rts=off")
            self.assertEqual(wire.take(1)[-1] & 3, 0)

    def test_latency(self):
        """an FTDI adapter hands on at once what it gets while it is open, and later as before"""
        path = ADAPTER.format("FT0001")
        timer = pathlib.Path("/sys/class/tty") / os.path.basename(os.path.realpath(path)) / \
            "device/latency_timer"
        timer.write_text("16")  # as real ones have it; QEMU's begins with 0
        for version, options, while_open in (("1.2.0", "", "1"), ("1.3.0", "?low-latency=on", "1"),
                                             ("1.4.0", "?low-latency=off", "16")):
            run = self.begin("-c", f"serial:{path}{options}", "image", "upload", self.image(version))
            run.upload_at(0.1)
            self.assertEqual(timer.read_text().strip(), while_open, options)
            self.assertEqual(run.finish().code, 0)
            self.assertEqual(timer.read_text().strip(), "16", options)

    def test_nobody_reads(self):
        """a board that has stopped to read: the command ends when it has no answer"""
        gadget = self.gadget("SN0001")
        gadget.plug()
        gadget.wait()
        run = self.ctl("-c", "usb:2fe3:0100", "-t", 1, "echo", "hello", code=5)
        self.assertLess(run.seconds, 20)  # the kernel's own time is 30 s


class Doctor(SerialCase):
    def doctor(self, target, code):
        """Returns its checks by name."""
        run = self.ctl("--json", "doctor", target, code=code)
        *checks, verdict = run.json
        self.assertEqual(verdict["exit"], code)
        self.assertLess(run.seconds, 30)
        return {check["check"]: check for check in checks}

    @staticmethod
    def settings(path):
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            return termios.tcgetattr(fd)
        finally:
            os.close(fd)

    def test_works(self):
        """doctor names what is plugged in; USB has no baud rate, an adapter has"""
        self.acm()
        checks = self.doctor("/dev/ttyACM0", 0)
        self.assertEqual(checks["port"]["text"],
                         "/dev/ttyACM0: Zephyr USB board (2fe3:0100, SN0001), serial 115200")
        self.assertNotIn("baud", checks["speed"]["text"])
        self.assertIn("115200 baud", self.doctor(ADAPTER.format("FT0002"), 0)["speed"]["text"])
        self.doctor("usb:2fe3:0100", 0)

    def test_modem_manager(self):
        """a port that ModemManager holds, seen by root and by another user: how to keep it away"""
        self.acm()
        self.hold("/dev/ttyACM0", exclusive=True)
        rule = 'ATTRS{idVendor}=="2fe3", ATTRS{idProduct}=="0100", ENV{ID_MM_DEVICE_IGNORE}="1"'
        port = self.doctor("/dev/ttyACM0", 4)["port"]
        self.assertEqual(port["cause"], "held")
        self.assertIn(rule, port["hint"])
        self.assertRegex(port["hint"], "mmcli --inhibit-device=/sys/devices/.*/usb[0-9]+/[0-9.-]+`")
        with self.as_tester("dialout"):
            port = self.doctor("/dev/ttyACM0", 4)["port"]
            self.assertIn("another user's program", port["text"])
            self.assertIn(rule, port["hint"])

    def test_permission(self):
        """a user who may not"""
        self.acm()
        with self.as_tester():
            port = self.doctor("/dev/ttyACM0", 4)["port"]
            self.assertEqual(port["cause"], "permission")
            self.assertIn("usermod -aG dialout tester", port["text"])

    def test_other_port(self):
        """the wrong one of two ports of a board: its lines are set once, its settings are kept"""
        gadget = self.gadget("SN0001", functions=2)
        self.board(gadget, function=1)
        # It takes what comes and says nothing.
        self.addCleanup(os.close, gadget.open(0))
        before = self.settings("/dev/ttyACM0")
        with Wire() as wire:
            search = self.doctor("serial:/dev/ttyACM0?dtr=off&rts=off", 5)["search"]
            lines = wire.take(0x22)
        self.assertIn("/dev/ttyACM1", search["hint"])
        self.assertLessEqual(len(lines), 3, lines)
        self.assertEqual(lines[-1], 0)
        after = self.settings("/dev/ttyACM0")
        after[2] |= before[2] & termios.HUPCL
        self.assertEqual(after, before)

    def test_nobody_reads(self):
        """a board that takes nothing"""
        gadget = self.gadget("SN0001")
        gadget.plug()
        gadget.wait()
        self.assertIn("does not take", self.doctor("/dev/ttyACM0", 5)["search"]["text"])

    def test_adapter_lines(self):
        """framings are tried on an FTDI adapter without a move of DTR and RTS"""
        path = ADAPTER.format("FT0001")
        with Wire() as wire:
            checks = self.doctor(f"raw:{path}", 5)
            values = wire.take(1)
        self.assertEqual(checks["search"]["use"], path)
        self.assertEqual([value for value in values if value & ~value >> 8 & 3], [])
        self.assertLessEqual(len(values), 2, values)


if __name__ == "__main__":
    machine.main(adapters)
