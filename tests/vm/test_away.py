#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A cable that is pulled for good. Takes as long as a board is waited for."""
import os

import machine
from boards import SLOW, Case, wait_until


class Away(Case):
    def test_not_back(self):
        """the cable pulled for good: an end that says so; put back, the upload goes on from there"""
        gadget, board = self.acm("SN0001", *SLOW)
        image = self.image()
        run = self.begin("-c", "usb:2fe3:0100", "image", "upload", image)
        run.upload_at(0.3)
        board.pull()
        result = run.finish()
        self.assertEqual(result.code, 5, result.out + result.err)
        self.assertIn("usb:2fe3:0100 did not come back in time: it is not among the serial ports",
                      result.json[-1]["error"]["message"])
        self.says("no serial port is usb:2fe3:0100", "-c", "usb:2fe3:0100", "echo", "hello")
        board.put_back()
        wait_until(lambda: os.path.exists(gadget.name()), "plugged in")
        end = self.updated(self.begin("-c", "usb:2fe3:0100", "update", image))
        self.assertLess(end["sent"], os.path.getsize(image) * 0.75)


if __name__ == "__main__":
    machine.main()
