/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sim/image.h"
#include "sim/options.h"

#include <gio/gio.h>

static gboolean bad(GError **error, const char *text, const char *form)
{
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "'%s' is not %s", text, form);
	return FALSE;
}

static gboolean parse_what(SimOptions *options, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(options->make_image, ",", 2);

	options->make_size = options->config.image_size;
	if (!parts[0] || !sim_version_parse(parts[0], &options->make_version))
		return bad(error, options->make_image,
			   "VERSION[,BYTES], such as 1.2.3 or 1.2.3+4,65536");
	if (parts[1] &&
	    !g_ascii_string_to_unsigned(parts[1], 10, 1, 64 << 20, &options->make_size, NULL))
		return bad(error, parts[1], "a size in bytes of at most 64 MiB");
	return TRUE;
}

static gboolean parse_depends(SimOptions *options, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(options->depends, ":", 2);

	if (g_strv_length(parts) == 2 &&
	    g_ascii_string_to_unsigned(parts[0], 10, 0, SIM_MAX_IMAGES - 1, &options->depends_on,
				       NULL) &&
	    sim_version_parse(parts[1], &options->depends_version))
		return TRUE;
	return bad(error, options->depends, "IMAGE:VERSION, such as 1:2.0.0");
}

gboolean sim_make_image_parse(SimOptions *options, GError **error)
{
	return parse_what(options, error) && (!options->depends || parse_depends(options, error));
}

gboolean sim_make_image(const SimOptions *options, GError **error)
{
	SimImage image;

	g_autoptr(GByteArray) bytes = sim_image_make(
		&options->make_version, options->make_size, 2 * options->image,
		options->depends ? &options->depends_version : NULL, (guint)options->depends_on);
	if (!g_file_set_contents(options->output, (const char *)bytes->data, bytes->len, error) ||
	    !sim_image_check(bytes->data, bytes->len, &image))
		return FALSE;
	g_autofree char *text = sim_version_text(&options->make_version);
	g_print("%s: MCUboot image %s, %u bytes, hash ", options->output, text, bytes->len);
	for (guint i = 0; i < SIM_IMAGE_HASH_SIZE; i++)
		g_print("%02x", image.hash[i]);
	g_print("\n");
	return TRUE;
}
