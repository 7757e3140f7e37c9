# SPDX-License-Identifier: LGPL-2.1-or-later
"""Updates from packages and with keys: what is taken, and the interlocks of slot, board and key."""

import json
import os
import unittest
import zipfile

import test_inspect
from mcuboot import mcuboot_image
from safety import Safety

ROM_FIXED = 0x100
# Slots of the simulated board.
SLOT_SIZE = 472 * 1024


class Packages(Safety):
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


class Bootloader(Packages):
    """MCUboot itself, in two variants below Nordic's immutable bootloader."""
    ADDRESSES = (0x9000, 0x15000)

    def bootloaders(self, version, *more, slots=(0, 1)):
        variants = ((self.write(f"s{slot}.bin", mcuboot_image(
            version, reset=self.ADDRESSES[slot] + 0x41)), {"type": "mcuboot"}) for slot in slots)
        return self.package("dfu_mcuboot.zip", *variants, *more)

    def b0_slot(self, board):
        return self.json("-c", board.target, "status")[0].get("b0_slot")

    def update(self, board, *args):
        return self.smpctl(board, "update", "--confirm", *args)

    def test_auto(self):
        """The variant that does not run, whichever that is, and the application stays."""
        board = self.board("--board", "nsib")
        self.assertIn("; s0 of s0 and s1\n", self.good("-c", board.target, "status"))
        for number, slot in enumerate((1, 0, 1)):
            package = self.bootloaders((2, number, 0))
            plan = self.json("-c", board.target, "update", "--confirm", "--dry-run",
                             "--bootloader=auto", package)
            self.assertEqual([step["step"] for step in plan],
                             ["upload", "make-pending", "reset", "end"])
            self.assertIn(f"variant s{slot} of the bootloader", plan[0]["reason"])
            status, out, err = self.update(board, "--bootloader=auto", package)
            self.assertEqual(status, 0, out + err)
            self.assertRegex(out, rf"\Aupdated: the bootloader runs 2\.{number}\.0, in .+\n"
                                  rf"  The board starts variant s{slot} of its bootloader now\.\n")
            self.assertEqual((self.b0_slot(board), self.runs(board)), (slot, ("1.0.0", True)))
        # An application is updated as before, and its version has nothing to do with it.
        self.assertIn("(was 1.0.0)", self.good("-c", board.target, "update", self.file))

    def test_not_asked_for(self):
        board = self.board("--board", "nsib")
        status, out, err = self.update(board, self.bootloaders((2, 0, 0)))
        self.assertEqual((status, out), (3, ""))
        self.assertIn("`--bootloader=auto` installs the variant that does not run", err)
        both = self.bootloaders((2, 0, 0), (self.file, {"type": "application"}))
        self.good("-c", board.target, "update", both)
        self.assertEqual((self.runs(board), self.b0_slot(board)), (("1.1.0", True), 0))
        self.assertEqual(self.update(board, "--bootloader=auto", both)[0], 0)
        self.assertEqual((self.runs(board), self.b0_slot(board)), (("1.1.0", True), 1))

    def test_no_trial(self):
        board = self.board("--board", "nsib")
        package = self.bootloaders((2, 0, 0))
        for args in ([], ["--test-only"]):
            status, out, _ = self.smpctl(board, "update", *args, "--bootloader=auto", package)
            self.assertEqual(status, 7)
            self.assertIn("a bootloader cannot be tried", out)
        self.assertEqual(
            self.assert_interlock("no-revert", board, "--bootloader=auto", package), 0)
        self.assertEqual(self.b0_slot(board), 1)

    def test_wrong_variant(self):
        board = self.board("--board", "nsib")
        package = self.bootloaders((2, 0, 0))
        self.assertEqual(self.assert_interlock("wrong-slot", board, "--confirm",
                                               "--bootloader=s0", package), 8)
        out = self.update(board, "--allow-wrong-slot", "--bootloader=s0", package)[1]
        self.assertIn("rolled back: the bootloader did not take s0.bin over\n", out)
        self.assertEqual((self.b0_slot(board), self.runs(board)), (0, ("1.0.0", True)))

    def test_older(self):
        board = self.board("--board", "nsib")
        self.assertEqual(self.update(board, "--bootloader=auto", self.bootloaders((2, 0, 0)))[0], 0)
        status, out, _ = self.update(board, "--bootloader=auto", self.bootloaders((1, 9, 0)))
        self.assertEqual(status, 8, out)
        self.assertIn("Probably the new one is older", out)
        self.assertEqual(self.b0_slot(board), 1)

    def test_untold(self):
        """A person picks, and is not told more than is known."""
        board = self.board("--board", "nsib", "--b0-untold")
        package = self.bootloaders((2, 0, 0))
        before = self.list(board)
        status, out, _ = self.update(board, "--bootloader=auto", package)
        self.assertEqual(status, 7)
        self.assertIn("does not tell which variant of its bootloader runs", out)
        self.assertIn("`--bootloader=s0` or `--bootloader=s1` picks one", out)
        self.assertEqual(self.list(board), before)
        for variant in "s1", "s0":
            status, out, err = self.update(board, "--bootloader", variant, package)
            self.assertEqual(status, 0, out + err)
            self.assertIn("updated: the bootloader was handed 2.0.0", out)
            self.assertIn("does not tell which variant runs now", out)

    def test_without(self):
        board = self.board("--board", "nsib")
        package = self.package("app.zip", (self.file, {}))
        for variant, file, sentence in (
                ("auto", package, "no bootloader;"), ("s1", package, "no bootloader s1;"),
                ("s1", self.bootloaders((2, 0, 0), slots=(0,)), "no bootloader s1;")):
            status, out, err = self.update(board, "--bootloader=" + variant, file)
            self.assertEqual((status, out), (3, ""))
            self.assertIn(sentence, err)
        status, _, err = self.update(board, "--bootloader=s2", package)
        self.assertEqual(status, 2, err)

    def test_recovery(self):
        package = self.bootloaders((2, 0, 0))
        for options, args in (["--start-in-recovery"], []), ([], ["--via-recovery"]):
            board = self.board("--board", "nsib", "--recovery", *options)
            status, out, _ = self.update(board, *args, "--bootloader=s1", "--allow-no-revert",
                                         package)
            self.assertEqual(status, 7)
            self.assertIn("would write it over the application", out)

    def test_resumed(self):
        for step in "upload", "reset":
            board = self.board("--board", "nsib")
            self.good("-c", board.target, "update", "--confirm", "--bootloader=auto",
                      "--stop-before", step, self.bootloaders((2, 0, 0)))
            out = self.good("-c", board.target, "resume")
            self.assertIn("updated: the bootloader runs 2.0.0", out)
            self.assertEqual(self.b0_slot(board), 1)

    def test_lost_answers(self):
        """Wherever it is cut off, a second run ends it."""
        for request in range(8, 30, 3):
            with self.subTest(request):
                board = self.board("--board", "nsib", "--fault", f"reset-at={request}")
                status, out, err = self.update(board, "--bootloader=auto",
                                               self.bootloaders((2, 0, 0)))
                self.assertEqual(status, 0, out + err)
                self.assertEqual((self.b0_slot(board), self.runs(board)), (1, ("1.0.0", True)))


if __name__ == "__main__":
    unittest.main()
