# SPDX-License-Identifier: LGPL-2.1-or-later
"""The machine output of every command has the keys that docs/json.md names."""

import os
import unittest

from common import TestCase

FLAGS = {"bootable", "pending", "confirmed", "active", "permanent"}
IMAGE = {"image", "slot", "version", "hash"} | FLAGS
FIRMWARE = {"file", "version", "size", "hash", "hash_checked", "sha256", "signature"}


class Schemas(TestCase):
    def one(self, *args):
        objects = self.json(*args)
        self.assertEqual(len(objects), 1)
        return objects[0]

    def test_board_commands(self):
        self.environment["SMPCTL_CONN"] = self.board("--pty", "--rtc", "--pools").target
        self.assertEqual(self.one("echo", "ä\n\"x\""), {"text": "ä\n\"x\""})
        self.assertEqual(set(self.one("os", "info")), {"info"})
        self.assertEqual(
            self.one("os", "params"),
            {"buf_size": 384, "buf_count": 4, "max_packet": 380, "smp_version": 2},
        )
        self.assertEqual(
            self.one("os", "bootloader"),
            {"bootloader": "MCUboot", "mode": 9, "mode_name": "swap using offset"},
        )
        task = self.one("os", "tasks")["tasks"][0]
        self.assertLessEqual({"name", "priority", "id", "stack_size", "stack_used"}, set(task))
        self.assertEqual(self.one("os", "tasks"), self.one("taskstat"))
        pool = self.one("os", "pools")["pools"][0]
        self.assertLessEqual(set(pool), {"name", "block_size", "blocks", "free", "min_free"})
        self.assertEqual(self.one("os", "datetime", "2026-01-02T03:04:05"),
                         {"datetime": "2026-01-02T03:04:05"})
        self.assertTrue(self.one("datetime")["datetime"].startswith("2026-01-02T03:04:"))
        self.assertEqual(self.one("reset"), {"reset": True})

    def test_image_commands(self):
        self.environment["SMPCTL_CONN"] = self.board("--pty").target
        path, image_hash = self.make_image("app.bin", "1.1.0")
        end = self.json("image", "upload", path)[-1]
        self.assertEqual(
            set(end),
            FIRMWARE | {"event", "result", "sent", "resumed_at", "lost", "chunk", "window", "duration"},
        )
        self.assertEqual(end["result"], "uploaded")
        self.assertGreaterEqual(end["sent"], os.path.getsize(path))
        end = self.one("image", "upload", path)
        self.assertEqual(set(end), FIRMWARE | {"event", "result"})
        self.assertEqual(end["result"], "present")

        state = self.one("image", "list")
        self.assertEqual(set(state), {"images", "split_status"})
        self.assertEqual([set(image) for image in state["images"]], [IMAGE, IMAGE])
        self.assertEqual(state["images"][1]["hash"], image_hash)
        self.assertEqual(set(self.one("image", "confirm")), {"images", "split_status"})
        self.assertTrue(self.one("image", "test", image_hash)["images"][1]["pending"])

        slots = self.one("image", "slots")["slots"]
        self.assertEqual(slots[0], {"image": 0, "slot": 0, "size": 483328})
        self.assertEqual(slots[1]["upload_image_id"], 0)
        self.assertEqual(self.one("image", "erase"), {"erased": True})

    def test_recovery_tells_no_flags(self):
        target = self.board("--pty", "--board", "recovery").target
        state = self.one("-c", target, "image", "list")
        self.assertEqual(set(state), {"images"})
        self.assertEqual(set(state["images"][0]), IMAGE - FLAGS)

    def test_inspect(self):
        path, image_hash = self.make_image("app.bin", "1.1.0")
        got = self.one("image", "inspect", path)
        self.assertEqual(
            set(got),
            FIRMWARE | {"verdict", "header_size", "image_size", "load_address", "network_core",
                        "encrypted", "padded", "confirmed_trailer", "flags", "tlvs"},
        )
        self.assertEqual((got["hash"], got["hash_checked"], got["flags"]), (image_hash, True, []))
        self.assertEqual(set(got["tlvs"][0]),
                         {"type", "name", "protected", "size", "data", "text"})

    def test_status(self):
        target = self.board("--pty").target
        got = self.one("-c", target, "status")
        self.assertEqual(
            set(got),
            {"target", "link", "smp_version", "buf_size", "buf_count", "application", "platform",
             "bootloader", "mode", "mode_name", "recovery", "can_revert", "images", "split_status",
             "slots", "next_reset"},
        )
        self.assertEqual((got["target"], got["recovery"], got["can_revert"]), (target, False, True))
        got = self.one("-c", self.board("--pty", "--no-downgrade").target, "status")
        self.assertIs(got["no_downgrade"], True)
        got = self.one("-c", self.board("--pty", "--board", "old").target, "status")
        self.assertFalse({"buf_size", "buf_count", "bootloader", "mode", "slots"} & set(got))

    def test_connections(self):
        self.assertEqual(self.one("conn", "show"), {"connections": []})
        self.assertEqual(self.one("conn", "add", "a", "type=udp", "connstring=h:1"), {"added": "a"})
        self.assertEqual(
            self.one("conn", "show"),
            {"connections": [{"name": "a", "type": "udp", "connstring": "h:1"}]},
        )
        self.assertEqual(self.one("conn", "delete", "a"), {"deleted": "a"})

    def test_others(self):
        self.assertEqual(set(self.one("version")), {"version"})
        ports = self.one("discover")["ports"]
        for port in ports:
            self.assertLessEqual({"target", "accessible"}, set(port))

    def test_documented(self):
        """Each key that a command printed above stands in the documentation."""
        source = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "json.md")
        with open(source, encoding="utf-8") as file:
            text = file.read()
        keys = IMAGE | FIRMWARE | {"upload_image_id", "max_packet", "mode_name", "next_reset",
                                   "can_revert", "resumed_at", "stack_used", "min_free", "exit"}
        for key in keys:
            self.assertIn(f"`{key}`", text)


if __name__ == "__main__":
    unittest.main()
