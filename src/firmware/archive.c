/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A ZIP archive from anybody, read into memory. */

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>

#include "firmware/package.h"
#include "firmware/parse.h"
#include "firmware/spool.h"

typedef struct archive Archive;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Archive, archive_read_free)

typedef struct {
	const char *name;
	Archive *archive;
	GHashTable *members;
	gsize total;
	const void *data;
	gsize size;
} Reader;

static gboolean refuse_damaged(const Reader *reader, GError **error)
{
	const char *text = archive_error_string(reader->archive);
	/* Some end in a newline. */
	g_autofree char *reason = g_strchomp(g_strdup(text ? text : "it cannot be read"));

	return smp_file_fail(reader->name, error, SMP_UPDATE_ERROR_CORRUPT,
			     "is damaged or cut short: %s; build or copy it again", reason);
}

static gboolean refuse_size(const Reader *reader, GError **error)
{
	return smp_file_fail(
		reader->name, error, SMP_UPDATE_ERROR_CORRUPT,
		"unpacks to more than %d MiB, more than any board takes; is it the right file?",
		SMP_FILE_MAX_MIB);
}

static void *refuse_spool(const Reader *reader, GError **error)
{
	smp_file_fail(reader->name, error, SMP_UPDATE_ERROR_FILE, "cannot be unpacked in %s: %s",
		      g_get_tmp_dir(), g_strerror(errno));
	return NULL;
}

/* What is wrong with the name of a member, %NULL where nothing is. */
static const char *name_fault(const char *name)
{
	if (!name || !*name)
		return "a file without a name";
	if (!smp_is_printable(name))
		return "a file whose name is no text";
	if (strpbrk(name, "/\\"))
		return "a directory";
	if (g_str_equal(name, ".") || g_str_equal(name, ".."))
		return "a name that is a directory";
	return NULL;
}

/* Without the locale of a UTF-8 user libarchive converts no names that are not marked as UTF-8. */
static const char *member_name(struct archive_entry *entry)
{
	const char *name = archive_entry_pathname_utf8(entry);

	return name ? name : archive_entry_pathname(entry);
}

static gboolean check_entry(const Reader *reader, struct archive_entry *entry, GError **error)
{
	const char *name = member_name(entry);
	const char *fault = name_fault(name);
	const char *format = archive_format_name(reader->archive);

	if (!fault && archive_entry_filetype(entry) != AE_IFREG)
		fault = "a member that is no file";
	if (!fault && archive_entry_is_encrypted(entry))
		fault = "a file that needs a password";
	/* The methods that every ZIP program knows; others may take gigabytes. */
	if (!fault &&
	    !(format && (strstr(format, "(deflation)") || strstr(format, "(uncompressed)"))))
		fault = "a file packed in an unusual way";
	if (fault)
		return smp_file_fail(reader->name, error, SMP_UPDATE_ERROR_CORRUPT,
				     "contains %s: a package of the nRF Connect SDK has plain "
				     "files and a " SMP_PACKAGE_MANIFEST " only",
				     fault);
	if (g_hash_table_size(reader->members) >= SMP_PACKAGE_MAX_MEMBERS)
		return smp_file_fail(reader->name, error, SMP_UPDATE_ERROR_CORRUPT,
				     "contains more than %d files; is it the right file?",
				     SMP_PACKAGE_MAX_MEMBERS);
	if (g_hash_table_contains(reader->members, name))
		return smp_file_fail(reader->name, error, SMP_UPDATE_ERROR_CORRUPT,
				     "contains %s twice; build it again", name);
	return TRUE;
}

/* Reads the data of the member at hand, whatever its headers say of the size. */
static GBytes *read_data(Reader *reader, GError **error)
{
	g_auto(SmpSpool) data;
	guint8 chunk[16 * 1024];
	la_ssize_t n;

	smp_spool_init(&data);
	while ((n = archive_read_data(reader->archive, chunk, sizeof chunk)) > 0) {
		reader->total += (gsize)n;
		if (reader->total > SMP_FILE_MAX) {
			refuse_size(reader, error);
			return NULL;
		}
		if (!smp_spool_append(&data, chunk, (gsize)n))
			return refuse_spool(reader, error);
		if (data.size % SMP_SPOOL_PIECE < (gsize)n)
			smp_spool_rest(reader->data, reader->size);
	}
	if (n < 0) {
		refuse_damaged(reader, error);
		return NULL;
	}
	GBytes *bytes = smp_spool_finish(&data);
	return bytes ? bytes : refuse_spool(reader, error);
}

static gboolean read_member(Reader *reader, struct archive_entry *entry, GError **error)
{
	if (!check_entry(reader, entry, error))
		return FALSE;
	g_autofree char *name = g_strdup(member_name(entry));
	la_int64_t size = archive_entry_size(entry);
	if (size > (la_int64_t)(SMP_FILE_MAX - reader->total))
		return refuse_size(reader, error);
	g_autoptr(GBytes) data = read_data(reader, error);
	if (!data)
		return FALSE;
	if (size != (la_int64_t)g_bytes_get_size(data))
		return smp_file_fail(reader->name, error, SMP_UPDATE_ERROR_CORRUPT,
				     "is damaged: it says that %s has %" G_GINT64_FORMAT
				     " bytes, and it has %" G_GSIZE_FORMAT
				     "; build or copy it again",
				     name, (gint64)size, g_bytes_get_size(data));
	g_hash_table_insert(reader->members, g_steal_pointer(&name), g_steal_pointer(&data));
	return TRUE;
}

static gboolean read_members(Reader *reader, GError **error)
{
	struct archive_entry *entry;
	int result;

	/* A warning is about a name's character set; name_fault() looks at it. */
	while ((result = archive_read_next_header(reader->archive, &entry)) == ARCHIVE_OK ||
	       result == ARCHIVE_WARN)
		if (!read_member(reader, entry, error))
			return FALSE;
	return result == ARCHIVE_EOF || refuse_damaged(reader, error);
}

GHashTable *smp_archive_read(const char *name, GBytes *bytes, GError **error)
{
	g_autoptr(Archive) archive = archive_read_new();
	g_autoptr(GHashTable) members = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
							      (GDestroyNotify)g_bytes_unref);
	Reader reader = {.name = name, .archive = archive, .members = members};

	reader.data = g_bytes_get_data(bytes, &reader.size);

	/* By the archive's directory, as every other reader of packages does. */
	if (archive_read_support_format_zip_seekable(archive) != ARCHIVE_OK ||
	    archive_read_open_memory(archive, reader.data, reader.size) != ARCHIVE_OK) {
		refuse_damaged(&reader, error);
		return NULL;
	}
	return read_members(&reader, error) ? g_steal_pointer(&members) : NULL;
}
