/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <smp/firmware.h>

static int compare_numbers(guint32 a, guint32 b)
{
	return (a > b) - (a < b);
}

int smp_version_compare(const SmpVersion *a, const SmpVersion *b, gboolean with_build)
{
	int order = compare_numbers(a->major, b->major);

	if (order == 0)
		order = compare_numbers(a->minor, b->minor);
	if (order == 0)
		order = compare_numbers(a->revision, b->revision);
	if (order == 0 && with_build)
		order = compare_numbers(a->build, b->build);
	return order;
}

char *smp_version_to_string(const SmpVersion *version)
{
	g_autofree char *base =
		g_strdup_printf("%u.%u.%u", version->major, version->minor, version->revision);

	return version->build ? g_strdup_printf("%s+%u", base, version->build)
			      : g_steal_pointer(&base);
}

/* Reads a decimal number up to @max and moves @text behind it. */
static gboolean take_number(const char **text, guint32 max, guint32 *number)
{
	guint64 value = 0;
	const char *p = *text;

	for (; g_ascii_isdigit(*p) && value <= max; p++)
		value = value * 10 + (guint64)g_ascii_digit_value(*p);
	if (p == *text || value > max)
		return FALSE;
	*text = p;
	*number = (guint32)value;
	return TRUE;
}

gboolean smp_version_parse(const char *text, SmpVersion *version)
{
	static const guint32 max[] = {G_MAXUINT8, G_MAXUINT8, G_MAXUINT16, G_MAXUINT32};
	guint32 parts[4] = {0};

	for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
		/* Servers put a dot before the build number, imgtool a plus. */
		if (i > 0 && *text != '.' && !(i == 3 && *text == '+'))
			return FALSE;
		text += i > 0;
		if (!take_number(&text, max[i], &parts[i]))
			return FALSE;
		if (i == 2 && *text == '\0')
			break;
	}
	if (*text != '\0')
		return FALSE;
	*version = (SmpVersion){(guint8)parts[0], (guint8)parts[1], (guint16)parts[2], parts[3]};
	return TRUE;
}
