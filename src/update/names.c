/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Actions, modes and ends by name: for JSON, files, D-Bus and options. */

#include <smp/plan.h>

static const char *const action_names[] = {
	[SMP_ACTION_ENTER_RECOVERY] = "enter-recovery",
	[SMP_ACTION_ERASE] = "erase",
	[SMP_ACTION_UPLOAD] = "upload",
	[SMP_ACTION_TEST] = "test",
	[SMP_ACTION_MAKE_PENDING] = "make-pending",
	[SMP_ACTION_RESET] = "reset",
	[SMP_ACTION_CHECK_HEALTH] = "check-health",
	[SMP_ACTION_CONFIRM] = "confirm",
	[SMP_ACTION_UNDO] = "undo",
	[SMP_ACTION_END] = "end",
};

const char *smp_action_name(SmpAction action)
{
	return action_names[action];
}

/* Returns: which of @names @text is; -1 for none */
static int find_name(const char *const *names, gsize count, const char *text)
{
	for (gsize i = 0; i < count; i++) {
		if (g_str_equal(text, names[i]))
			return (int)i;
	}
	return -1;
}

gboolean smp_action_parse(const char *text, SmpAction *action)
{
	int found = find_name(action_names, G_N_ELEMENTS(action_names), text);

	if (found >= 0)
		*action = (SmpAction)found;
	return found >= 0;
}

gboolean smp_action_parse_stop(const char *text, SmpAction *action)
{
	SmpAction found;

	if (!smp_action_parse(text, &found) ||
	    (found != SMP_ACTION_UPLOAD && found != SMP_ACTION_TEST && found != SMP_ACTION_RESET &&
	     found != SMP_ACTION_CONFIRM))
		return FALSE;
	*action = found;
	return TRUE;
}

static const char *const mode_names[] = {
	[SMP_UPDATE_TEST_AND_CONFIRM] = "test-and-confirm",
	[SMP_UPDATE_CONFIRM] = "confirm",
	[SMP_UPDATE_TEST_ONLY] = "test-only",
	[SMP_UPDATE_UPLOAD_ONLY] = "upload-only",
};

const char *smp_update_mode_name(SmpUpdateMode mode)
{
	return mode_names[mode];
}

gboolean smp_update_mode_parse(const char *text, SmpUpdateMode *mode)
{
	int found = find_name(mode_names, G_N_ELEMENTS(mode_names), text);

	if (found >= 0)
		*mode = (SmpUpdateMode)found;
	return found >= 0;
}

static const char *const end_names[] = {
	[SMP_END_UPDATED] = "updated",
	[SMP_END_ON_TRIAL] = "on-trial",
	[SMP_END_UPLOADED] = "uploaded",
	[SMP_END_UP_TO_DATE] = "up-to-date",
	[SMP_END_ROLLED_BACK] = "rolled-back",
	[SMP_END_REFUSED] = "refused",
	[SMP_END_FAILED_INTACT] = "failed-intact",
	[SMP_END_NEEDS_ATTENTION] = "needs-attention",
};

const char *smp_end_name(SmpEnd end)
{
	return end_names[end];
}

gboolean smp_end_parse(const char *text, SmpEnd *end)
{
	int found = find_name(end_names, G_N_ELEMENTS(end_names), text);

	if (found >= 0)
		*end = (SmpEnd)found;
	return found >= 0;
}
