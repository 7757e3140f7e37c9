/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/lib/make-zip.h"

#include <archive.h>
#include <archive_entry.h>

struct MakeZip {
	struct archive *archive;
	GByteArray *out;
};

static la_ssize_t append(struct archive *archive, void *data, const void *bytes, size_t size)
{
	g_byte_array_append(data, bytes, (guint)size);
	return (la_ssize_t)size;
}

MakeZip *make_zip_new(const char *options)
{
	MakeZip *zip = g_new(MakeZip, 1);

	zip->archive = archive_write_new();
	zip->out = g_byte_array_new();
	g_assert_cmpint(archive_write_set_format_zip(zip->archive), ==, ARCHIVE_OK);
	g_assert_cmpint(archive_write_set_options(zip->archive, options), ==, ARCHIVE_OK);
	g_assert_cmpint(archive_write_set_passphrase(zip->archive, "secret"), ==, ARCHIVE_OK);
	g_assert_cmpint(archive_write_set_bytes_in_last_block(zip->archive, 1), ==, ARCHIVE_OK);
	g_assert_cmpint(archive_write_open(zip->archive, zip->out, NULL, append, NULL), ==,
			ARCHIVE_OK);
	return zip;
}

void make_zip_add(MakeZip *zip, const char *name, const void *data, gsize size)
{
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_pathname(entry, name);
	archive_entry_set_size(entry, (la_int64_t)size);
	archive_entry_set_filetype(entry, g_str_has_suffix(name, "/") ? AE_IFDIR : AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_mtime(entry, 1700000000, 0);
	g_assert_cmpint(archive_write_header(zip->archive, entry), ==, ARCHIVE_OK);
	if (size > 0)
		g_assert_cmpint(archive_write_data(zip->archive, data, size), ==, (la_ssize_t)size);
	archive_entry_free(entry);
}

GBytes *make_zip_finish(MakeZip *zip)
{
	g_assert_cmpint(archive_write_close(zip->archive), ==, ARCHIVE_OK);
	archive_write_free(zip->archive);
	GBytes *bytes = g_byte_array_free_to_bytes(zip->out);
	g_free(zip);
	return bytes;
}
