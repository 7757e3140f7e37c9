/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "groups/group.h"

#include <smp/error.h>
#include <smp/shell.h>

enum {
	EXECUTE = 0,
};

static GByteArray *execute_request(const char *const *arguments)
{
	GByteArray *request = smp_packet_new(SMP_OP_WRITE, SMP_GROUP_SHELL, EXECUTE);

	smp_cbor_put_map(request, 1);
	smp_cbor_put_text(request, "argv");
	smp_cbor_put_array(request, g_strv_length((char **)arguments));
	for (; *arguments; arguments++)
		smp_cbor_put_text(request, *arguments);
	return request;
}

char *smp_shell_execute(SmpSession *session, const char *const *arguments, guint timeout_ms,
			gint64 *status, GError **error)
{
	SmpCbor body;
	const char *doing = "execute the command";
	g_autoptr(SmpResponse) response =
		smp_group_call(session, execute_request(arguments), timeout_ms, SMP_REPEAT_NEVER,
			       doing, &body, error);

	if (!response)
		return NULL;
	*status = 0;
	if (!smp_cbor_get_int(&body, "ret", status))
		smp_cbor_get_int(&body, "rc", status); /* before Zephyr 3.2 */
	char *output = smp_cbor_get_text(&body, "o");
	if (!output)
		smp_group_missing(error, doing, "o");
	return output;
}
