/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "protocol/crc16.h"

guint16 smp_crc16(guint16 crc, const guint8 *data, gsize size)
{
	for (gsize i = 0; i < size; i++) {
		crc = (guint16)(crc << 8 | crc >> 8) ^ data[i];
		crc ^= (crc & 0xff) >> 4;
		crc ^= (guint16)(crc << 12);
		crc ^= (guint16)((crc & 0xff) << 5);
	}
	return crc;
}
