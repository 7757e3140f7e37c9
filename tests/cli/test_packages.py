# SPDX-License-Identifier: LGPL-2.1-or-later
"""Updates from packages and with keys: what is taken, and the interlocks of slot, board and key."""

import json
import os
import unittest
import zipfile

import test_inspect
import test_safety
from test_safety import mcuboot_image

ROM_FIXED = 0x100
# Slots of the simulated board.
SLOT_SIZE = 472 * 1024


class Packages(test_safety.Safety):
    def package(self, name, *files, **manifest):
        """Of (path, facts of the manifest)."""
        with zipfile.ZipFile(self.path(name), "w") as archive:
            for path, _ in files:
                archive.write(path, os.path.basename(path))
            archive.writestr("manifest.json", json.dumps({
                "format-version": 1, **manifest,
                "files": [{"file": os.path.basename(path), **facts} for path, facts in files]}))
        return self.path(name)

    def variant(self, slot, version=(1, 1, 0), load=None, reset=None):
        """An image that is linked for a slot."""
        at = slot * SLOT_SIZE
        return self.write(f"slot{slot}.bin", mcuboot_image(
            version, flags=ROM_FIXED, load=at if load is None else load,
            reset=(at if reset is None else reset) + 0x41))


class Updates(Packages):
    def test_two_images(self):
        net, _ = self.make_image("second.bin", "1.1.0", "--image", "1")
        package = self.package("dfu_application.zip", (net, {"image_index": "1"}),
                               (self.file, {"image_index": "0"}))
        board = self.board("--board", "threeimage")
        out = self.good("-c", board.target, "update", package)
        self.assertIn("updated: image 0 runs 1.1.0; image 1 runs 1.1.0, confirmed", out)
        self.assertIn("up to date", self.good("-c", board.target, "update", self.file, "1:" + net))

    def test_with_a_file(self):
        net, _ = self.make_image("second.bin", "1.1.0", "--image", "1")
        package = self.package("app.zip", (self.file, {}))
        board = self.board("--board", "threeimage")
        out = self.good("-c", board.target, "update", package, "1:" + net)
        self.assertIn("updated: image 0 runs 1.1.0; image 1 runs 1.1.0", out)
        status, out, err = self.smpctl(board, "update", package, self.file)
        self.assertEqual((status, out), (3, ""))
        self.assertIn("are both for image 0", err)

    def test_variants(self):
        """The one for the free slot is taken, back and forth."""
        board = self.board("--board", "directxip")
        for number in range(2):
            package = self.package("dfu_application.zip",
                                   *((self.variant(slot, (1, 1 + number, 0)),
                                      {"image_index": "0", "slot": str(slot)}) for slot in (0, 1)))
            self.assertIn("updated", self.good("-c", board.target, "update", package))
            active, = [slot["slot"] for slot in
                       self.json("-c", board.target, "image", "list")[0]["images"]
                       if slot["active"]]
            self.assertEqual(active, 1 - number)
            self.assertEqual(self.runs(board), (f"1.{1 + number}.0", True))


class WrongSlot(Packages):
    def test_package(self):
        package = self.package("slot0.zip", (self.variant(0), {"slot": "0"}))
        board = self.board("--board", "directxip")
        # The board itself looks at the address, too.
        self.assertEqual(self.assert_interlock("wrong-slot", board, package), 9)
        out = self.smpctl(board, "update", package)[1]
        self.assertIn("slot0.bin was linked for slot 0 and slot 1 is the free one", out)

    def test_linked_elsewhere(self):
        board = self.board("--board", "directxip")
        path = self.variant(1, reset=0)
        self.assertEqual(self.assert_interlock("wrong-slot", board, path), 0)
        path = self.variant(1, (1, 2, 0), load=0x1000000)
        self.assertIn("which is not in it", self.smpctl(board, "update", path)[1])

    def test_twins(self):
        twin = self.variant(0)
        other = self.write("slot1.bin", mcuboot_image((1, 1, 1), flags=ROM_FIXED, reset=0x41))
        package = self.package("twins.zip", (twin, {"slot": "0"}), (other, {"slot": "1"}))
        board = self.board("--board", "directxip")
        self.assertEqual(self.assert_interlock("wrong-slot", board, package), 9)

    def test_package_contradicts(self):
        package = self.package("lie.zip", (self.variant(1), {"slot": "1", "load_address": 512}))
        board = self.board("--board", "directxip")
        self.assertEqual(self.assert_interlock("wrong-slot", board, package), 0)

    def test_a_file_alone(self):
        """Nobody but the board knows whether it is for the free slot: the plan says so."""
        for slot, status in ((0, 9), (1, 0)):
            board = self.board("--board", "directxip")
            path = self.variant(slot)
            plan = self.good("-c", board.target, "update", "--dry-run", path)
            self.assertRegex(plan, rf"it runs at 0x{slot * SLOT_SIZE:08x} only, and whether that "
                                   r"is slot 1 the board does not tell")
            got, out, err = self.smpctl(board, "update", path)
            self.assertEqual(got, status, out + err)
            if status:
                self.assertRegex(out, r"\Afailed intact: .*INVALID_FLASH_ADDRESS")
                self.assertEqual(self.runs(board), ("1.0.0", True))
        self.assertNotIn("does not tell", self.good("-c", self.board().target, "update",
                                                    "--dry-run", path))


class WrongBoard(Packages):
    """nrf5340 is the simulated board that says what it is."""

    def test_board(self):
        for name in ("nrf52840dk/nrf52840", "nrf52840dk_nrf52840", "nrf5340dk_extra/nrf5340"):
            with self.subTest(name):
                package = self.package("other.zip", (self.file, {"board": name}))
                board = self.board("--board", "nrf5340")
                args = ("--allow-no-revert", package)
                if name == "nrf5340dk_extra/nrf5340":
                    # Older packages join board and SoC so: it cannot be told from another board.
                    self.good("-c", board.target, "update", *args)
                    continue
                self.assertEqual(self.assert_interlock("wrong-board", board, *args), 0)

    def test_soc(self):
        package = self.package("other.zip", (self.file, {"soc": "nRF52840_QIAA"}))
        board = self.board("--board", "nrf5340")
        self.assertEqual(
            self.assert_interlock("wrong-board", board, "--allow-no-revert", package), 0)
        self.assertIn("was built for nRF52840_QIAA and the board is nrf5340dk/nrf5340/cpuapp",
                      self.smpctl(self.board("--board", "nrf5340"), "update", package)[1])

    def test_right(self):
        for facts in ({"board": "nrf5340dk/nrf5340/cpuapp"}, {"board": "nrf5340dk_nrf5340_cpuapp"},
                      {"soc": "nrf5340"}, {"soc": "nRF5340_CPUAPP_QKAA"}):
            with self.subTest(facts):
                package = self.package("right.zip", (self.file, facts))
                self.good("-c", self.board("--board", "nrf5340").target, "update",
                          "--allow-no-revert", package)


class Keys(Packages):
    def setUp(self):
        super().setUp()
        self.signed = "1:" + self.write("net.bin", test_inspect.signed_image())
        self.key = self.write("key.pem", test_inspect.KEY.encode())
        self.other = self.write("other.pem", test_inspect.OTHER_KEY.encode())

    def net_board(self):
        """For the only image here that is signed."""
        return self.board("--board", "nrf5340")

    def refused(self, problem, file, *keys):
        board = self.net_board()
        args = ["--allow-no-revert", *(f"--key={key}" for key in keys), file]
        self.assertEqual(self.assert_interlock("unsigned", board, *args), 0)
        out = self.smpctl(self.net_board(), "update", *args)[1]
        self.assertRegex(out, rf"none of the given keys signed .+ \(signature: {problem}")

    def test_unsigned(self):
        self.refused("missing", self.file, self.key)

    def test_wrong_key(self):
        self.refused("by another key", self.signed, self.other)

    def test_forged(self):
        data = bytearray(self.read("net.bin"))
        data[-1] ^= 1
        self.refused("bad", "1:" + self.write("forged.bin", data), self.key)

    def test_good(self):
        os.mkdir(self.path("keys"))
        os.rename(self.key, self.path("keys/key.pem"))
        os.symlink(self.other, self.path("keys/other.pem"))
        for keys in (["--key", self.path("keys")],
                     ["-k", self.other, "-k", self.path("keys/key.pem")],
                     ["-k", "keyhash:" + test_inspect.KEY_HASH]):
            with self.subTest(keys):
                self.good("-c", self.net_board().target, "update", "--allow-no-revert", *keys,
                          self.signed)

    def test_no_key(self):
        os.mkdir(self.path("empty"))
        for key in (self.path("empty"), self.path("none.pem"), self.file):
            status, out, err = self.smpctl(self.net_board(), "update", "--key", key, self.signed)
            self.assertEqual((status, out), (3, ""))
            self.assertIn(key, err)

    def test_in_a_package(self):
        """Each image has to be signed."""
        package = self.package("dfu_application.zip", (self.file, {"image_index": "0"}),
                               (self.path("net.bin"), {"image_index": "1"}))
        self.refused("missing", package, self.key)


if __name__ == "__main__":
    unittest.main()
