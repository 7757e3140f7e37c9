/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/**
 * smp_crc16:
 * @crc: 0, or the result for the bytes before @data
 *
 * CRC-16/XMODEM: polynomial 0x1021, initial value 0, not reflected, no final xor. Run over data and
 * its own CRC (most significant byte first) it gives 0. (Zephyr serial_util.c, MCUboot
 * boot_serial.c)
 */
guint16 smp_crc16(guint16 crc, const guint8 *data, gsize size);
