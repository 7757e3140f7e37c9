/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A method call on its way: what it wants, who may have it, and its answer. */

#include "daemon/daemon.h"
#include "daemon/error.h"

G_BEGIN_DECLS

typedef void (*SmpdCallFunc)(SmpdCall *call);

/**
 * SmpdCall:
 * @device, @job: (nullable): what it is about
 * @run: what to do once it is allowed; takes over the call
 * @uid: of the caller, when @run is called
 * @order, @fds, @names: of an update
 * @text: a name or a reason
 * @target: of a new device
 * @packet, @timeout, @repeat: of a raw command
 * @answer: of a raw command
 */
struct SmpdCall {
	SmpdDaemon *daemon;
	SmpdDevice *device;
	SmpdJob *job;
	GDBusMethodInvocation *invocation;
	SmpdCallFunc run;
	guint32 uid;
	SmpdOrder *order;
	GUnixFDList *fds;
	char **names;
	char *text;
	char *target;
	gboolean force;
	GByteArray *packet;
	guint32 timeout;
	gboolean repeat;
	GVariant *answer;
};

SmpdCall *smpd_call_new(SmpdDaemon *daemon, GDBusMethodInvocation *invocation, SmpdCallFunc run);
void smpd_call_free(SmpdCall *call);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpdCall, smpd_call_free)

/* Answers with an error, as one of ours, and frees the call. */
void smpd_call_fail(SmpdCall *call, const GError *error);
void smpd_call_refuse(SmpdCall *call, SmpdError code, const char *message);
/* Answers with nothing, or with @answer, and frees the call. */
void smpd_call_done(SmpdCall *call, GVariant *answer);

/* For calls that are refused before there is one of ours. */
void smpd_fail(GDBusMethodInvocation *invocation, const GError *error);

/* An option that a method knows: "b" to a gboolean, "u" to a guint32, "s" to a char *, "as" to a
 * char **, "au" to a GVariant *. */
typedef struct {
	const char *name;
	const char *type;
	gpointer where;
} SmpdOption;

/* @known: up to one without a name; NULL for none. Unknown options are errors. */
gboolean smpd_options_parse(GVariant *options, const SmpdOption *known,
			    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smpd_authorize:
 * @call: (transfer full)
 * @action: (nullable): polkit's; %NULL for what only root may do
 *
 * Calls call->run if the caller may do that, and answers with an error if not. Root may always.
 */
void smpd_authorize(SmpdCall *call, const char *action);

/* For a method whose only arguments are these options. @call: (transfer full). Returns: TRUE: the
 * call is answered, now or later */
gboolean smpd_call_begin(SmpdCall *call, GVariant *options, const SmpdOption *known,
			 const char *action);

G_END_DECLS
