/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Errors as callers see them: org.smpd1.Error.*. */

#include <gio/gio.h>

G_BEGIN_DECLS

typedef enum {
	SMPD_ERROR_FAILED,
	SMPD_ERROR_INVALID_ARGS,
	SMPD_ERROR_NOT_AUTHORIZED,
	SMPD_ERROR_NOT_FOUND,
	SMPD_ERROR_EXISTS,
	SMPD_ERROR_BUSY,
	SMPD_ERROR_REFUSED,
	SMPD_ERROR_FILE,
	SMPD_ERROR_LINK,
	SMPD_ERROR_TIMEOUT,
	SMPD_ERROR_DEVICE,
	SMPD_ERROR_NO_SPACE,
	SMPD_ERROR_CANCELLED,
} SmpdError;

#define SMPD_ERROR smpd_error_quark()
GQuark smpd_error_quark(void);

/* Returns: (transfer full): any error as one of ours, the message kept */
GError *smpd_error_translate(const GError *error);

/* "org.smpd1.Error.Link" */
char *smpd_error_name(const GError *error);

G_END_DECLS
