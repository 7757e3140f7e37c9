/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The OS group: Zephyr smp_group_0.rst, grp/os_mgmt/src/os_mgmt.c; Mynewt cmd/os_mgmt. */

#include "groups/group.h"

#include <smp/os.h>
#include <string.h>

enum {
	ECHO = 0,
	TASKSTAT = 2,
	MPSTAT = 3,
	DATETIME = 4,
	RESET = 5,
	INFO = 7,
	BOOTLOADER = 8,
};

/* A reset is answered at once, be it done or refused. */
#define RESET_TIMEOUT_MS 3000

char *smp_os_echo(SmpSession *session, const char *text, GError **error)
{
	SmpCbor body;
	GByteArray *request = smp_packet_new(SMP_OP_WRITE, SMP_GROUP_OS, ECHO);

	smp_cbor_put_map(request, 1);
	smp_cbor_put_text(request, "d");
	smp_cbor_put_text(request, text);
	g_autoptr(SmpResponse) response =
		smp_group_call(session, request, 0, SMP_REPEAT_SAFE, "echo", &body, error);
	if (!response)
		return NULL;
	char *echoed = smp_cbor_get_text(&body, "r");
	if (!echoed)
		smp_group_missing(error, "echo", "r");
	return echoed;
}

/* The restart itself breaks a connection. */
static gboolean was_reset(SmpSession *session, const GError *error)
{
	return g_error_matches(error, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED) &&
	       !smp_link_is_connectionless(smp_session_get_link(session));
}

gboolean smp_os_reset(SmpSession *session, gboolean force, SmpBootMode boot_mode, GError **error)
{
	g_autoptr(GError) local = NULL;
	SmpCbor body;
	GByteArray *request = smp_packet_new(SMP_OP_WRITE, SMP_GROUP_OS, RESET);

	smp_cbor_put_map(request, (force ? 1 : 0) + (boot_mode != SMP_BOOT_MODE_KEEP ? 1 : 0));
	if (force) {
		/* A bool, though the documentation says int: an int is ignored without a word. */
		smp_cbor_put_text(request, "force");
		smp_cbor_put_bool(request, TRUE);
	}
	if (boot_mode != SMP_BOOT_MODE_KEEP) {
		smp_cbor_put_text(request, "boot_mode");
		smp_cbor_put_uint(request, boot_mode);
	}
	/* Where only the answer was lost, a second one would undo the trial that the first began.
	 */
	g_autoptr(SmpResponse) response =
		smp_group_call(session, request, smp_group_unless_given(session, RESET_TIMEOUT_MS),
			       SMP_REPEAT_NEVER, "reset", &body, &local);
	if (!response && !was_reset(session, local)) {
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	return TRUE;
}

/* A read with at most one text parameter that is answered by one text. */
static char *read_text(SmpSession *session, guint8 command, const char *parameter,
		       const char *value, const char *key, const char *doing, GError **error)
{
	SmpCbor body;
	GByteArray *request = smp_packet_new(SMP_OP_READ, SMP_GROUP_OS, command);

	smp_cbor_put_map(request, parameter ? 1 : 0);
	if (parameter) {
		smp_cbor_put_text(request, parameter);
		smp_cbor_put_text(request, value);
	}
	g_autoptr(SmpResponse) response =
		smp_group_call(session, request, 0, SMP_REPEAT_SAFE, doing, &body, error);
	if (!response)
		return NULL;
	char *text = smp_cbor_get_text(&body, key);
	if (!text)
		smp_group_missing(error, doing, key);
	return text;
}

char *smp_os_info(SmpSession *session, const char *format, GError **error)
{
	return read_text(session, INFO, "format", format, "output",
			 "read the application information", error);
}

char *smp_os_bootloader_name(SmpSession *session, GError **error)
{
	return read_text(session, BOOTLOADER, NULL, NULL, "bootloader",
			 "read the bootloader information", error);
}

const char *smp_bootloader_mode_name(SmpBootloaderMode mode)
{
	static const char *const names[] = {
		[SMP_BOOTLOADER_MODE_SINGLE_SLOT] = "single slot",
		[SMP_BOOTLOADER_MODE_SWAP_SCRATCH] = "swap using scratch",
		[SMP_BOOTLOADER_MODE_OVERWRITE_ONLY] = "overwrite only",
		[SMP_BOOTLOADER_MODE_SWAP_MOVE] = "swap using move",
		[SMP_BOOTLOADER_MODE_DIRECT_XIP] = "direct XIP",
		[SMP_BOOTLOADER_MODE_DIRECT_XIP_REVERT] = "direct XIP with revert",
		[SMP_BOOTLOADER_MODE_RAM_LOAD] = "RAM load",
		[SMP_BOOTLOADER_MODE_FIRMWARE_LOADER] = "firmware loader",
		[SMP_BOOTLOADER_MODE_SINGLE_SLOT_RAM_LOAD] = "single slot RAM load",
		[SMP_BOOTLOADER_MODE_SWAP_OFFSET] = "swap using offset",
	};

	return mode >= 0 && (gsize)mode < G_N_ELEMENTS(names) ? names[mode] : "unknown";
}

/* An unknown query is group code 3, in several releases plain rc 3; a hook's "no value" is 6. */
static gboolean no_such_query(const GError *error)
{
	SmpDeviceError device;
	return smp_error_get_device(error, &device) &&
	       ((device.group == SMP_GROUP_OS && (device.rc == 3 || device.rc == 6)) ||
		(device.group == SMP_GROUP_NONE &&
		 (device.rc == SMP_RC_EINVAL || device.rc == SMP_RC_ENOENT)));
}

/* @response: (out) (nullable): %NULL where the server does not know the query */
static gboolean query_bootloader(SmpSession *session, const char *query, const char *doing,
				 SmpResponse **response, SmpCbor *body, GError **error)
{
	g_autoptr(GError) local = NULL;
	GByteArray *request = smp_packet_new(SMP_OP_READ, SMP_GROUP_OS, BOOTLOADER);

	smp_cbor_put_map(request, 1);
	smp_cbor_put_text(request, "query");
	smp_cbor_put_text(request, query);
	*response = smp_group_call(session, request, 0, SMP_REPEAT_SAFE, doing, body, &local);
	if (*response || no_such_query(local))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

gboolean smp_os_bootloader_mode(SmpSession *session, SmpBootloaderMode *mode,
				gboolean *no_downgrade, GError **error)
{
	g_autoptr(SmpResponse) response = NULL;
	SmpCbor body;
	gint64 number;

	*mode = SMP_BOOTLOADER_MODE_UNKNOWN;
	if (no_downgrade)
		*no_downgrade = FALSE;
	if (!query_bootloader(session, "mode", "read the bootloader's mode", &response, &body,
			      error))
		return FALSE;
	if (!response)
		return TRUE;
	if (smp_cbor_get_int(&body, "mode", &number) && number >= 0 && number <= G_MAXUINT8)
		*mode = (SmpBootloaderMode)number;
	if (no_downgrade)
		*no_downgrade = smp_cbor_get_bool(&body, "no-downgrade");
	return TRUE;
}

gboolean smp_os_b0_slot(SmpSession *session, int *slot, GError **error)
{
	g_autoptr(SmpResponse) response = NULL;
	SmpCbor body;
	gint64 number;

	*slot = -1;
	if (!query_bootloader(session, "active_b0_slot", "read which bootloader runs", &response,
			      &body, error))
		return FALSE;
	if (response && smp_cbor_get_int(&body, "active", &number) && (number == 0 || number == 1))
		*slot = (int)number;
	return TRUE;
}

static gint64 number_or_absent(const SmpCbor *map, const char *key)
{
	gint64 value = -1;
	smp_cbor_get_int(map, key, &value);
	return value;
}

static void task_free(gpointer data)
{
	g_free(((SmpTask *)data)->name);
	g_free(data);
}

static gpointer task_read(char *name, const SmpCbor *map)
{
	SmpTask *task = g_new0(SmpTask, 1);

	task->name = name;
	task->priority = number_or_absent(map, "prio");
	task->id = number_or_absent(map, "tid");
	task->state = number_or_absent(map, "state");
	task->stack_used = number_or_absent(map, "stkuse");
	task->stack_size = number_or_absent(map, "stksiz");
	task->context_switches = number_or_absent(map, "cswcnt");
	task->runtime = number_or_absent(map, "runtime");
	task->last_checkin = number_or_absent(map, "last_checkin");
	task->next_checkin = number_or_absent(map, "next_checkin");
	return task;
}

static void pool_free(gpointer data)
{
	g_free(((SmpMemoryPool *)data)->name);
	g_free(data);
}

static gpointer pool_read(char *name, const SmpCbor *map)
{
	SmpMemoryPool *pool = g_new0(SmpMemoryPool, 1);

	pool->name = name;
	pool->block_size = number_or_absent(map, "blksiz");
	pool->blocks = number_or_absent(map, "nblks");
	pool->free = number_or_absent(map, "nfree");
	pool->min_free = number_or_absent(map, "min");
	return pool;
}

/* Both structs begin with their name. */
static gint compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(**(char *const *const *)a, **(char *const *const *)b);
}

/* A map of maps, name → entry. What is no map is no entry: `rc` stands beside the pools. */
static GPtrArray *read_entries(const SmpCbor *map, gpointer (*read)(char *, const SmpCbor *),
			       GDestroyNotify entry_free)
{
	GPtrArray *entries = g_ptr_array_new_with_free_func(entry_free);
	SmpCborIter iter;
	SmpCbor key, value;

	if (smp_cbor_iter_init(&iter, map) && iter.map) {
		while (smp_cbor_iter_next(&iter, &key, &value)) {
			char *name = smp_cbor_dup_text(&key);
			if (name && smp_cbor_type(&value) == SMP_CBOR_MAP)
				g_ptr_array_add(entries, read(name, &value));
			else
				g_free(name);
		}
	}
	g_ptr_array_sort(entries, compare_names);
	return entries;
}

GPtrArray *smp_os_task_statistics(SmpSession *session, GError **error)
{
	SmpCbor body, tasks;
	const char *doing = "read the task statistics";
	g_autoptr(SmpResponse) response =
		smp_group_ask(session, SMP_GROUP_OS, TASKSTAT, doing, &body, error);

	if (!response)
		return NULL;
	if (!smp_cbor_get(&body, "tasks", &tasks) || smp_cbor_type(&tasks) != SMP_CBOR_MAP) {
		smp_group_missing(error, doing, "tasks");
		return NULL;
	}
	return read_entries(&tasks, task_read, task_free);
}

GPtrArray *smp_os_memory_pools(SmpSession *session, GError **error)
{
	SmpCbor body, pools;
	g_autoptr(SmpResponse) response =
		smp_group_ask(session, SMP_GROUP_OS, MPSTAT, "read the memory pools", &body, error);

	if (!response)
		return NULL;
	/* Mynewt puts them under "mpools", Zephyr at the top. */
	if (!smp_cbor_get(&body, "mpools", &pools))
		pools = body;
	return read_entries(&pools, pool_read, pool_free);
}

char *smp_os_datetime_get(SmpSession *session, GError **error)
{
	return read_text(session, DATETIME, NULL, NULL, "datetime", "read the board's clock",
			 error);
}

gboolean smp_os_datetime_set(SmpSession *session, const char *datetime, GError **error)
{
	SmpCbor body;
	GByteArray *request = smp_packet_new(SMP_OP_WRITE, SMP_GROUP_OS, DATETIME);

	smp_cbor_put_map(request, 1);
	smp_cbor_put_text(request, "datetime");
	smp_cbor_put_text(request, datetime);
	g_autoptr(SmpResponse) response = smp_group_call(session, request, 0, SMP_REPEAT_SAFE,
							 "set the board's clock", &body, error);
	return response != NULL;
}
