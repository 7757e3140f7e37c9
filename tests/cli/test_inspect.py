# SPDX-License-Identifier: LGPL-2.1-or-later
"""image inspect: files, packages, signatures."""

import hashlib
import json
import struct
import unittest
import zipfile

from common import TestCase

# The key pair of RFC 8410, section 10.3, and its signature of the hash of the image below.
KEY = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
"""
KEY_HASH = "a1e9156054e04fac899ae9f275132cdc07a5dbc4ea2c2ad3a1ffc6e0d253681f"
SIGNATURE = bytes.fromhex(
    "377ea75ce7c82e1fd853485a0e90f5744f5c1379cde87b67c0931116889c605e"
    "df30c62b76d819380b89416a7f739b6900206406c77bd9bddfd698b098f5fa0a"
)
OTHER_KEY = KEY.replace("Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE", "A" * 42 + "E")


def signed_image(signature=SIGNATURE):
    """Version 1.2.3+4 for the network core of an nRF5340, needs image 1 at 1.0.0."""
    payload = struct.pack("<II", 0x21001000, 0x01008A01) + bytes(92)
    protected = struct.pack("<HHHHB3xBBHI", 0x6908, 20, 0x40, 12, 1, 1, 0, 0, 0)
    header = struct.pack("<IIHHIIBBHII", 0x96F3B83D, 0, 32, len(protected), len(payload), 0,
                         1, 2, 3, 4, 0)
    body = header + payload + protected
    tlvs = b"".join(
        struct.pack("<HH", kind, len(data)) + data
        for kind, data in ((0x10, hashlib.sha256(body).digest()), (0x01, bytes.fromhex(KEY_HASH)),
                           (0x24, signature))
    )
    return body + struct.pack("<HH", 0x6907, 4 + len(tlvs)) + tlvs


class Inspect(TestCase):
    def setUp(self):
        super().setUp()
        self.image = self.write("net.bin", signed_image())
        self.key = self.write("key.pem", KEY.encode())
        self.other = self.write("other.pem", OTHER_KEY.encode())

    def package(self, files, members, **manifest):
        path = self.path("dfu_application.zip")
        with zipfile.ZipFile(path, "w") as archive:
            for member in members:
                archive.write(self.path(member), member)
            archive.writestr("manifest.json", json.dumps({**manifest, "files": files}))
        return path

    def two_images(self):
        self.app, self.app_hash = self.make_image("app.bin", "2.0.0")
        return self.package(
            [
                {"type": "application", "board": "nrf5340dk/nrf5340/cpunet", "soc": "nrf5340",
                 "image_index": "1", "load_address": 16812032, "version": "1", "file": "net.bin"},
                {"type": "application", "board": "nrf5340dk/nrf5340/cpuapp", "soc": "nrf5340",
                 "image_index": "0", "version_MCUBOOT": "2.0.0", "file": "app.bin"},
            ],
            ["app.bin", "net.bin"],
            **{"format-version": 1, "time": 1700000000, "name": "demo",
               "firmware": {"zephyr": {"revision": "fa0b1fcd1b3c"},
                            "nrf": {"revision": "2d4b1ab2ba08"}}},
        )

    def test_text(self):
        text = self.good("image", "inspect", self.image)
        self.assertIn("file:       net.bin\nversion:    1.2.3+4\n", text)
        self.assertIn("signature:  Ed25519, not verified (no --key)\n", text)
        self.assertIn(f"key hash:   {KEY_HASH}\n", text)
        self.assertIn("runs at:    0x01008a01 (reset vector), stack 0x21001000\n", text)
        self.assertIn("core:       network core of an nRF5340\n", text)
        self.assertIn(
            "0x40 DEPENDENCY, 12 bytes, protected: needs image 1 at 1.0.0 or newer\n", text)

    def test_json(self):
        got, = self.json("image", "inspect", self.image)
        self.assertEqual((got["reset_vector"], got["initial_stack"]), (0x01008A01, 0x21001000))
        self.assertTrue(got["network_core"])
        self.assertEqual(got["verdict"], {"result": "unchecked", "key_hash": KEY_HASH,
                                          "payload_checked": True})
        self.assertEqual(got["tlvs"][0]["text"], "needs image 1 at 1.0.0 or newer")

    def test_good_key(self):
        for arguments in (["--key", self.key], ["-k", self.other, "-k", self.key],
                          ["--key=" + self.directory]):
            text = self.good("image", "inspect", self.image, *arguments)
            self.assertIn("signature:  Ed25519, good, by key.pem\n", text)
        got, = self.json("image", "inspect", self.image, "-k", self.key)
        self.assertEqual((got["verdict"]["result"], got["verdict"]["key"]), ("good", "key.pem"))

    def test_hash_of_key(self):
        text = self.good("image", "inspect", self.image, "-k", "keyhash:" + KEY_HASH)
        self.assertIn(f"names the key {KEY_HASH}; not verified", text)
        got, = self.json("image", "inspect", self.image, "-k", "keyhash:" + KEY_HASH)
        self.assertEqual(got["verdict"]["result"], "named")

    def assert_not_signed(self, path, result, *words):
        status, out, err = self.run_smpctl("image", "inspect", path, "-k", self.key)
        self.assertEqual(status, 3)
        self.assertIn("version:", out)
        for word in words:
            self.assertIn(word, err)
        got, error = self.json("image", "inspect", path, "-k", self.key, status=3)
        self.assertEqual((got["verdict"]["result"], error["error"]["class"]), (result, "file"))

    def test_bad(self):
        path = self.write("bad.bin", signed_image(bytes([SIGNATURE[0] ^ 1]) + SIGNATURE[1:]))
        self.assert_not_signed(path, "bad", "bad.bin: signature bad", "key.pem")

    def test_unsigned(self):
        path, _ = self.make_image("app.bin", "1.0.0")
        self.assert_not_signed(path, "none", "app.bin: signature missing")

    def test_other_key(self):
        status, _, err = self.run_smpctl("image", "inspect", self.image, "-k", self.other)
        self.assertEqual(status, 3)
        self.assertIn(f"net.bin: signature by another key, whose hash is {KEY_HASH}", err)

    def test_no_key(self):
        for key in (self.path("none.pem"), self.image, "keyhash:12"):
            status, out, err = self.run_smpctl("image", "inspect", self.image, "-k", key)
            self.assertEqual((status, out), (3, ""))
            self.assertIn(key, err)

    def test_package(self):
        text = self.good("image", "inspect", self.two_images())
        self.assertIn("package:    dfu_application.zip\nname:       demo\n"
                      "built:      2023-11-14 22:13 UTC\n"
                      "from:       Zephyr fa0b1fcd1b3c, nRF Connect SDK 2d4b1ab2ba08\n\n"
                      "image:      0\n", text)
        self.assertIn("manifest:   type application, version 1, board nrf5340dk/nrf5340/cpunet, "
                      "soc nrf5340, load address 0x01008800\nfile:       net.bin\n", text)

    def test_package_json(self):
        got, = self.json("image", "inspect", self.two_images())
        self.assertEqual((got["package"], got["name"], got["time"], got["bootloaders"]),
                         ("dfu_application.zip", "demo", 1700000000, []))
        self.assertEqual((got["zephyr_revision"], got["nrf_revision"]),
                         ("fa0b1fcd1b3c", "2d4b1ab2ba08"))
        app, net = got["images"]
        self.assertEqual((app["image"], app["hash"], app["network_core"]),
                         (0, self.app_hash, False))
        self.assertEqual((net["image"], net["network_core"]), (1, True))
        self.assertEqual(net["manifest"], {
            "type": "application", "version": "1", "board": "nrf5340dk/nrf5340/cpunet",
            "soc": "nrf5340", "load_address": 16812032})

    def test_package_signatures(self):
        # One of the two is signed.
        status, out, err = self.run_smpctl("image", "inspect", self.two_images(), "-k", self.key)
        self.assertEqual(status, 3)
        self.assertIn("good, by key.pem", out)
        self.assertIn("app.bin: signature missing", err)

    def test_variants(self):
        self.make_image("a.bin", "1.0.0")
        self.make_image("b.bin", "1.0.0")
        path = self.package([{"file": "a.bin", "slot": "0"}, {"file": "b.bin", "slot": "1"}],
                            ["a.bin", "b.bin"])
        text = self.good("image", "inspect", path)
        self.assertIn("image:      0, only for slot 1\nmanifest:   nothing\nfile:       b.bin\n",
                      text)
        path = self.package([{"file": "a.bin", "type": "mcuboot"},
                             {"file": "b.bin", "type": "mcuboot"}], ["a.bin", "b.bin"])
        text = self.good("image", "inspect", path)
        self.assertIn("image:      0, MCUboot itself, variant s1\nmanifest:   type mcuboot\n", text)
        got, = self.json("image", "inspect", path)
        self.assertEqual([item["slot"] for item in got["bootloaders"]], [0, 1])
        self.assertEqual(got["images"], [])

    def test_bad_package(self):
        path = self.package([{"file": "none.bin"}], [])
        status, out, err = self.run_smpctl("image", "inspect", path)
        self.assertEqual((status, out), (3, ""))
        self.assertIn("dfu_application.zip lists none.bin, which is not in it", err)

    def places(self, status, *args):
        """The board's part of the last object with something in it."""
        return self.json("image", "inspect", *args, status=status)[0]["board"]

    def test_board(self):
        app, _ = self.make_image("app.bin", "1.1.0")
        target = self.board("--time-scale", "20").target
        text = self.good("-c", target, "image", "inspect", app)
        self.assertTrue(text.endswith(
            f"\nboard:      {target}, swap using offset: an update can be undone\n"
            "goes:       app.bin to image 0, slot 1 of 472 KiB, fits\n"
            "in the way: nothing\n"
            "update:     upload → test → reset → confirm: image 0 runs 1.1.0, confirmed\n"), text)
        got = self.places(0, "-c", target, app)
        self.assertEqual((got["target"], got["mode_name"], got["can_revert"], got["obstacles"]),
                         (target, "swap using offset", True, []))
        self.assertEqual(got["places"], [{"file": "app.bin", "image": 0, "used": True, "slot": 1,
                                          "slot_size": 472 * 1024, "fits": True}])
        self.assertEqual([step["step"] for step in got["plan"]],
                         ["upload", "test", "reset", "confirm", "end"])
        # It was only asked, and says so again once it runs.
        self.assertEqual(len(self.json("-c", target, "image", "list")[0]["images"]), 1)
        self.good("-c", target, "update", app)
        self.assertIn("the board has it: runs\n", self.good("-c", target, "image", "inspect", app))
        self.assertEqual(self.places(0, "-c", target, app)["plan"][0]["result"], "up-to-date")

    def test_obstacles(self):
        """All of them, each in the words of `update --dry-run`."""
        old, _ = self.make_image("old.bin", "0.9.0,90000", "--depends", "0:2.0.0")
        target = self.board("--slot-size", "65536", "--mode", "overwrite").target
        text = self.good("-c", target, "image", "inspect", old)
        self.assertIn("overwrite only: an update cannot be undone\n"
                      "goes:       old.bin to image 0, slot 1 of 64 KiB, does not fit\n", text)
        self.assertIn("\notherwise:  upload → ", text)
        names = ["too-large", "downgrade", "unmet-dependency", "no-revert"]
        got = self.places(0, "-c", target, old)
        self.assertEqual([obstacle["interlock"] for obstacle in got["obstacles"]], names)
        self.assertFalse(got["places"][0]["fits"])
        for number, obstacle in enumerate(got["obstacles"]):
            self.assertIn(f"in the way: {obstacle['reason']}\n            {obstacle['detail']}\n",
                          text)
            allowed = [f"--allow-{name}" for name in names[:number]]
            step, = self.json("-c", target, "update", "--dry-run", *allowed, old, status=7)
            self.assertEqual((step["reason"], step["detail"]),
                             (obstacle["reason"], obstacle["detail"]))

    def test_board_and_package(self):
        target = self.board("--board", "nrf5340").target
        got = self.places(0, "-c", target, self.two_images())
        self.assertEqual([(place["file"], place["image"], place["slot"])
                          for place in got["places"]], [("app.bin", 0, 1), ("net.bin", 1, 1)])
        self.assertEqual([obstacle["interlock"] for obstacle in got["obstacles"]], ["no-revert"])
        package = self.package([{"file": "app.bin", "image_index": 3}], ["app.bin"])
        text = self.good("-c", target, "image", "inspect", package)
        self.assertIn("in the way: app.bin is for image 3 and the board has no image 3\n", text)
        self.assertNotIn("otherwise:", text)
        self.assertEqual(self.places(0, "-c", target, package)["plan"], [])

    def test_board_and_variants(self):
        self.make_image("a.bin", "1.1.0")
        self.make_image("b.bin", "1.1.0+1")
        package = self.package([{"file": "a.bin", "slot": "0"}, {"file": "b.bin", "slot": "1"}],
                               ["a.bin", "b.bin"])
        target = self.board("--board", "directxip").target
        text = self.good("-c", target, "image", "inspect", package)
        self.assertIn("goes:       a.bin to image 0, nowhere: the other variant is for the free "
                      "slot\ngoes:       b.bin to image 0, slot 1 of 472 KiB, fits\n", text)
        self.assertEqual([place["used"] for place in
                          self.places(0, "-c", target, package)["places"]], [False, True])

    def test_board_and_key(self):
        app, _ = self.make_image("app.bin", "1.1.0")
        target = self.board().target
        got = self.places(3, "-c", target, app, "-k", self.key)
        self.assertEqual([obstacle["interlock"] for obstacle in got["obstacles"]], ["unsigned"])

    def test_no_board(self):
        """The file is told all the same; a saved connection alone is not asked."""
        nowhere = self.path("nowhere")
        for args in (["-c", nowhere], ["--conntype", "serial", "--connstring", nowhere]):
            status, out, err = self.run_smpctl("image", "inspect", self.image, *args)
            self.assertEqual(status, 4)
            self.assertIn("version:    1.2.3+4\n", out)
            self.assertIn(nowhere, err)
            file, error = self.json("image", "inspect", self.image, *args, status=4)
            self.assertEqual((file["version"], "board" in file), ("1.2.3+4", False))
            self.assertEqual(error["error"]["class"], "connection")
        self.environment["SMPCTL_CONN"] = nowhere
        self.assertEqual(self.run_smpctl("image", "inspect", self.image)[0], 4)
        del self.environment["SMPCTL_CONN"]
        self.good("conn", "add", "only", "type=serial", "connstring=" + nowhere)
        self.assertNotIn("board:", self.good("image", "inspect", self.image))


if __name__ == "__main__":
    unittest.main()
