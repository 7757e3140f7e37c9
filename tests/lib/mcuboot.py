# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images for MCUboot, of any kind."""

import hashlib
import struct

# MCUboot's boot/bootutil/include/bootutil/image.h.
NON_BOOTABLE = 0x10
TLV_SHA256, TLV_SECURITY_COUNTER = 0x10, 0x50
# The end of what `imgtool sign --pad` writes, for a flash that writes 8 bytes or fewer.
PAD_MAGIC = bytes.fromhex("77c295f360d2ef7f3552500f2cb67980")


def tlv_area(magic, entries):
    body = b"".join(struct.pack("<HH", kind, len(data)) + data for kind, data in entries)
    return struct.pack("<HH", magic, 4 + len(body)) + body


def mcuboot_image(version, flags=0, protected=(), reset=0x1001, load=0):
    """An image that no tool here makes otherwise; reset is where its reset handler is, load where it
    says that it runs."""
    # A Cortex-M's vector table: the words 8 to 10 are reserved.
    payload = struct.pack("<2I6I3I", 0x20001000, reset, *[reset] * 6, 0, 0, 0) + bytes(range(256)) * 40
    guard = tlv_area(0x6908, protected) if protected else b""
    head = struct.pack("<IIHHIIBBHII", 0x96F3B83D, load, 32, len(guard), len(payload), flags,
                       *version, 0, 0)
    body = head + payload + guard
    return body + tlv_area(0x6907, [(TLV_SHA256, hashlib.sha256(body).digest())])
