/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <string.h>

/* Little-endian numbers at any address. */

static inline guint16 smp_le16(const guint8 *data)
{
	guint16 value;

	memcpy(&value, data, sizeof value);
	return GUINT16_FROM_LE(value);
}

static inline guint32 smp_le32(const guint8 *data)
{
	guint32 value;

	memcpy(&value, data, sizeof value);
	return GUINT32_FROM_LE(value);
}
