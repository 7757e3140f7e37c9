# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small SMP client and CBOR codec for the tests of smpsim, apart from the library on purpose."""

import base64
import binascii
import hashlib
import os
import select
import socket
import struct
import subprocess
import sys
import termios
import time
import tty

SMPSIM = os.environ.get("SMPSIM", "smpsim")
READ, WRITE = 0, 2


# CBOR

def _head(major, value):
    if value < 24:
        return bytes([major << 5 | value])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 1 << 8 * size:
            return bytes([major << 5 | info]) + value.to_bytes(size, "big")
    raise ValueError(value)


def dumps(value):
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        data = value.encode()
        return _head(3, len(data)) + data
    if isinstance(value, (list, tuple)):
        return _head(4, len(value)) + b"".join(map(dumps, value))
    if isinstance(value, dict):
        return _head(5, len(value)) + b"".join(dumps(k) + dumps(v) for k, v in value.items())
    raise TypeError(value)


def _load_chunks(data, at, major):
    """A string in pieces."""
    whole = b"" if major == 2 else ""
    while data[at] != 0xff:
        piece, at = _load(data, at)
        whole += piece
    return whole, at + 1


def _load(data, at):
    """One item and where the next begins. Text that is no UTF-8 stays as surrogates."""
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if data[at - 1] == 0xff:
        return StopIteration, at
    if info < 24:
        value = info
    elif info < 28:
        size = 1 << info - 24
        value, at = int.from_bytes(data[at:at + size], "big"), at + size
    elif info == 31 and major in (4, 5):
        value = None
    elif info == 31 and major in (2, 3):
        return _load_chunks(data, at, major)
    else:
        raise ValueError("CBOR byte %02x" % data[at - 1])
    if major == 0:
        return value, at
    if major == 1:
        return -1 - value, at
    if major in (2, 3):
        raw = data[at:at + value]
        if len(raw) != value:
            raise ValueError("cut short")
        return (raw if major == 2 else raw.decode(errors="surrogateescape")), at + value
    if major in (4, 5):
        items = []
        while value is None or len(items) < value * (major - 3):
            item, at = _load(data, at)
            if item is StopIteration:
                break
            items.append(item)
        return (items if major == 4 else dict(zip(items[::2], items[1::2]))), at
    return {20: False, 21: True, 22: None}[info], at


def loads(data):
    try:
        return _load(data, 0)[0]
    except (IndexError, KeyError) as error:
        raise ValueError("not CBOR: %r" % error) from error


# Packets and frames

def packet(op, group, command, body, sequence=0, version=1):
    data = body if isinstance(body, bytes) else dumps(body)
    return struct.pack(">BBHHBB", version << 3 | op, 0, len(data), group, sequence, command) + data


class Header:
    def __init__(self, data):
        first, self.flags, self.length, self.group, self.sequence, self.command = \
            struct.unpack(">BBHHBB", data[:8])
        self.op, self.version = first & 7, first >> 3 & 3


def crc16(data):
    return binascii.crc_hqx(data, 0)


def frame(data):
    whole = struct.pack(">H", len(data) + 2) + data + struct.pack(">H", crc16(data))
    lines = [base64.b64encode(whole[i:i + 93]) + b"\n" for i in range(0, len(whole), 93)]
    return b"\x06\x09" + b"\x04\x14".join(lines)


class Deframer:
    """Packets out of console bytes; markers count anywhere in a line."""

    def __init__(self):
        self.bytes, self.frame, self.text = b"", b"", b""

    def feed(self, data):
        packets = []
        self.bytes += data
        while b"\n" in self.bytes:
            line, self.bytes = self.bytes.split(b"\n", 1)
            found = self._line(line)
            if found is not None:
                packets.append(found)
        return packets

    def _line(self, line):
        for marker in (b"\x06\x09", b"\x04\x14"):
            if marker in line:
                before, part = line.split(marker, 1)
                self.text += before
                break
        else:
            self.text += line + b"\n"
            return None
        try:
            decoded = base64.b64decode(part, validate=True)
        except binascii.Error:
            self.frame = b""
            return None
        self.frame = (b"" if marker == b"\x06\x09" else self.frame) + decoded
        length = int.from_bytes(self.frame[:2], "big")
        body = self.frame[2:]
        if len(body) < length or length < 2:
            return None
        self.frame = b""
        return body[:-2] if len(body) == length and crc16(body) == 0 else None


# Links

class Serial:
    def __init__(self, path, framing="console"):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.fd, termios.TCSANOW)
        termios.tcflush(self.fd, termios.TCIOFLUSH)
        self.framing, self.deframer, self.waiting, self.raw = framing, Deframer(), [], b""

    def close(self):
        os.close(self.fd)

    def write(self, data):
        while data:
            select.select([], [self.fd], [], 5)
            data = data[os.write(self.fd, data):]

    def send(self, data):
        self.write(frame(data) if self.framing == "console" else data)

    def _feed(self, data):
        if self.framing == "console":
            return self.deframer.feed(data)
        self.raw += data
        packets = []
        while len(self.raw) >= 8 and len(self.raw) >= 8 + int.from_bytes(self.raw[2:4], "big"):
            size = 8 + int.from_bytes(self.raw[2:4], "big")
            packets.append(self.raw[:size])
            self.raw = self.raw[size:]
        return packets

    def receive(self, timeout):
        end = time.monotonic() + timeout
        while not self.waiting:
            left = end - time.monotonic()
            if left < 0 or not select.select([self.fd], [], [], left)[0]:
                return None
            self.waiting = self._feed(os.read(self.fd, 4096))
        return self.waiting.pop(0)


class Udp:
    def __init__(self, where):
        host, port = where.rsplit(":", 1)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((host, int(port)))

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.send(data)

    def receive(self, timeout):
        if timeout < 0 or not select.select([self.socket], [], [], timeout)[0]:
            return None
        return self.socket.recv(65536)


class Board:
    """A running smpsim and a link to it."""

    def __init__(self, *options, framing="console"):
        self.process = subprocess.Popen([SMPSIM, "--exit-with-stdin", *options],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().strip()
        self.kind, self.where = line.split("=", 1) if "=" in line else ("", "")
        if not self.where:
            raise RuntimeError("smpsim did not start: exit %s" % self.process.wait())
        self.link = Udp(self.where) if self.kind == "UDP" else Serial(self.where, framing)
        self.sequence = 0

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()

    def stop(self):
        """At the end, or earlier. Returns its exit status."""
        if self.link:
            self.link.close()
            self.link = None
            self.process.stdin.close()
            self.process.stdout.close()
        return self.process.wait(60)

    def kill(self):
        self.process.kill()
        self.stop()

    def call(self, op, group, command, body=None, timeout=2.0, version=1):
        """The answer's map, None without an answer."""
        self.sequence = self.sequence + 1 & 255
        self.link.send(packet(op, group, command, body or {}, self.sequence, version))
        end = time.monotonic() + timeout
        while True:
            answer = self.link.receive(end - time.monotonic())
            if answer is None:
                return None
            if Header(answer).sequence == self.sequence:
                return loads(answer[8:])

    def images(self):
        flags = ("pending", "confirmed", "active", "permanent")
        return {(i.get("image", 0), i["slot"]):
                (i["version"], "".join(f[0].upper() for f in flags if i.get(f)))
                for i in self.call(READ, 1, 0)["images"]}

    def upload(self, data, image=None, chunk=256, timeout=30, sha=True):
        """None, or the answer that was not an offset."""
        offset, stuck = 0, 0
        while offset < len(data):
            body = {"off": offset, "data": data[offset:offset + chunk]}
            if offset == 0:
                body["len"] = len(data)
                if sha:
                    body["sha"] = hashlib.sha256(data).digest()
                if image is not None:
                    body["image"] = image
            answer = self.call(WRITE, 1, 1, body, timeout)
            if not answer or "off" not in answer:
                return answer or {}
            stuck = stuck + 1 if answer["off"] == offset else 0
            assert stuck < 3, "no progress at %d" % offset
            offset = answer["off"]
        return None

    def mark(self, image_hash=None, confirm=False):
        body = {"confirm": confirm}
        if image_hash:
            body["hash"] = image_hash
        return self.call(WRITE, 1, 0, body)

    def wait(self, timeout=60):
        """Until something answers that was reset."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if self.call(READ, 1, 0, timeout=0.1) is not None:
                return True
        return False

    def reset(self, wait=0.1, **body):
        """Resets and waits; the old application answers for a while, the boards of these tests for
        20 ms."""
        answer = self.call(WRITE, 0, 5, body)
        time.sleep(wait)
        assert self.wait(), "the board is not back"
        return answer


def make_image(version, folder, *options, size=None):
    """Bytes and image hash of an image that smpsim makes."""
    path = os.path.join(folder, "image-%s.bin" % version)
    what = version if size is None else "%s,%d" % (version, size)
    subprocess.run([SMPSIM, "--make-image", what, path, *options], check=True,
                   stdout=subprocess.DEVNULL)
    with open(path, "rb") as file:
        data = file.read()
    # The last TLV is the hash.
    return data, data[-32:]


class Tap:
    """Results as meson reads them."""

    def __init__(self):
        self.count = self.failed = 0

    def check(self, good, what, detail=""):
        self.count += 1
        self.failed += not good
        print("%sok %d - %s" % ("" if good else "not ", self.count, what.replace("#", "")))
        if not good and detail:
            print("".join("# %s\n" % line for line in str(detail).splitlines()), end="")
        sys.stdout.flush()
        return good

    def equal(self, got, wanted, what):
        return self.check(got == wanted, what, "wanted %r\ngot    %r" % (wanted, got))

    def note(self, text):
        print("# %s" % text)

    def end(self):
        print("1..%d" % self.count)
        return 1 if self.failed else 0
