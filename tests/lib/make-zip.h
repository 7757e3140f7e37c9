/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* A ZIP archive in memory. */
typedef struct MakeZip MakeZip;

/* @options: (nullable): of libarchive's ZIP writer: "compression=store", "encryption=traditional"
 * (the password is "secret") */
MakeZip *make_zip_new(const char *options);
/* A @name that ends in a slash makes a directory. */
void make_zip_add(MakeZip *zip, const char *name, const void *data, gsize size);
/* Returns: (transfer full): the archive; frees @zip */
GBytes *make_zip_finish(MakeZip *zip);
