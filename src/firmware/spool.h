/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/**
 * SmpSpool: bytes that may become many. What goes beyond a megabyte is kept in a file without a
 * name and mapped, so that an upload needs little memory whatever the size of its image. Where no
 * such file can be had, all stays in memory.
 */
typedef struct {
	GByteArray *memory; /* until there is a file */
	int fd;		    /* -1 where there is none */
	gboolean failed;    /* to make one */
	gsize size;
} SmpSpool;

void smp_spool_init(SmpSpool *spool);
/* FALSE, with errno, where the file cannot be written. */
gboolean smp_spool_append(SmpSpool *spool, const void *data, gsize size) G_GNUC_WARN_UNUSED_RESULT;
/* Returns: (transfer full): all that was appended, and leaves @spool empty; %NULL with errno */
GBytes *smp_spool_finish(SmpSpool *spool) G_GNUC_WARN_UNUSED_RESULT;
void smp_spool_clear(SmpSpool *spool);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SmpSpool, smp_spool_clear)

/* Whoever reads much of it in turn calls smp_spool_rest() after each piece of about this size. */
#define SMP_SPOOL_PIECE ((gsize)1024 * 1024)

/* Lets these bytes leave the memory until they are read again, if they are mapped from a spool. */
void smp_spool_rest(const guint8 *data, gsize size);

/* Returns: (transfer full): the checksum of bytes that may be mapped from a spool */
GChecksum *smp_spool_checksum(GChecksumType type, const guint8 *data, gsize size);
