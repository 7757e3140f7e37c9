/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/error.h"
#include "daemon/names.h"

#include <smp/error.h>

static const GDBusErrorEntry entries[] = {
	{SMPD_ERROR_FAILED, SMPD_ERROR_NAME "Failed"},
	{SMPD_ERROR_INVALID_ARGS, SMPD_ERROR_NAME "InvalidArgs"},
	{SMPD_ERROR_NOT_AUTHORIZED, SMPD_ERROR_NAME "NotAuthorized"},
	{SMPD_ERROR_NOT_FOUND, SMPD_ERROR_NAME "NotFound"},
	{SMPD_ERROR_EXISTS, SMPD_ERROR_NAME "Exists"},
	{SMPD_ERROR_BUSY, SMPD_ERROR_NAME "Busy"},
	{SMPD_ERROR_REFUSED, SMPD_ERROR_NAME "Refused"},
	{SMPD_ERROR_FILE, SMPD_ERROR_NAME "File"},
	{SMPD_ERROR_LINK, SMPD_ERROR_NAME "Link"},
	{SMPD_ERROR_TIMEOUT, SMPD_ERROR_NAME "Timeout"},
	{SMPD_ERROR_DEVICE, SMPD_ERROR_NAME "Device"},
	{SMPD_ERROR_NO_SPACE, SMPD_ERROR_NAME "NoSpace"},
	{SMPD_ERROR_CANCELLED, SMPD_ERROR_NAME "Cancelled"},
};

GQuark smpd_error_quark(void)
{
	static gsize quark;

	g_dbus_error_register_error_domain("smpd-error-quark", &quark, entries,
					   G_N_ELEMENTS(entries));
	return (GQuark)quark;
}

static SmpdError link_code(int code)
{
	switch (code) {
	case SMP_LINK_ERROR_BUSY:
		return SMPD_ERROR_BUSY;
	case SMP_LINK_ERROR_TIMEOUT:
		return SMPD_ERROR_TIMEOUT;
	case SMP_LINK_ERROR_ADDRESS:
	case SMP_LINK_ERROR_UNSUPPORTED:
		return SMPD_ERROR_INVALID_ARGS;
	default:
		return SMPD_ERROR_LINK;
	}
}

static SmpdError update_code(int code)
{
	switch (code) {
	case SMP_UPDATE_ERROR_REFUSED:
		return SMPD_ERROR_REFUSED;
	case SMP_UPDATE_ERROR_STATE:
		return SMPD_ERROR_FAILED;
	default:
		return SMPD_ERROR_FILE;
	}
}

static SmpdError code_of(const GError *error)
{
	if (error->domain == SMPD_ERROR)
		return (SmpdError)error->code;
	if (error->domain == SMP_LINK_ERROR)
		return link_code(error->code);
	if (error->domain == SMP_UPDATE_ERROR)
		return update_code(error->code);
	if (error->domain == SMP_PROTOCOL_ERROR)
		return error->code == SMP_PROTOCOL_ERROR_TIMEOUT ? SMPD_ERROR_TIMEOUT
								 : SMPD_ERROR_DEVICE;
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return SMPD_ERROR_CANCELLED;
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE) ||
	    g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC))
		return SMPD_ERROR_NO_SPACE;
	return SMPD_ERROR_FAILED;
}

GError *smpd_error_translate(const GError *error)
{
	/* What was cut in the middle of a character cannot be sent. */
	g_autofree char *message = g_utf8_make_valid(error->message, -1);

	return g_error_new_literal(SMPD_ERROR, (int)code_of(error), message);
}

char *smpd_error_name(const GError *error)
{
	g_autoptr(GError) ours = smpd_error_translate(error);
	return g_dbus_error_encode_gerror(ours);
}
