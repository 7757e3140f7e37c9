/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/create.h"
#include "daemon/error.h"
#include "daemon/job.h"
#include "daemon/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

typedef struct {
	SmpdDevice *device;
	SmpdOrder *order;
	GUnixFDList *fds;
	char **names;
	char *file;
	SmpdCreated done;
	gpointer data;
	GError *error;
} Creation;

static void creation_free(Creation *creation)
{
	smpd_device_unref(creation->device);
	smpd_order_free(creation->order);
	g_clear_object(&creation->fds);
	g_strfreev(creation->names);
	g_free(creation->file);
	g_clear_error(&creation->error);
	g_free(creation);
}

/* May ask a server of the network: not for the main thread. */
static char *user_name(guint32 uid)
{
	char buffer[4096];
	struct passwd entry, *found = NULL;

	if (getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found) == 0 && found)
		return g_strdup(found->pw_name);
	return g_strdup_printf("%u", uid);
}

static gboolean open_file(Creation *creation)
{
	int fd = open(creation->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		g_set_error(&creation->error, SMPD_ERROR, SMPD_ERROR_FILE, "cannot open %s: %s",
			    creation->file, g_strerror(errno));
		return FALSE;
	}
	creation->fds = g_unix_fd_list_new_from_array(&fd, 1);
	creation->names = g_strsplit(creation->file, "\n", 1);
	return TRUE;
}

/* In a thread. */
static void create(gpointer data)
{
	Creation *creation = data;
	SmpdOrder *order = creation->order;

	if (!order->started_by)
		order->started_by = user_name(order->uid);
	if (creation->file && !open_file(creation))
		return;
	if (!smpd_store_add(creation->device->daemon->store, order, creation->fds, creation->names,
			    &creation->error))
		g_debug("%s: %s", order->device, creation->error->message);
}

static void created(gpointer data)
{
	Creation *creation = data;
	SmpdDevice *device = creation->device;
	SmpdJob *job = NULL;

	device->reserved = FALSE;
	if (!creation->error) {
		job = smpd_job_new(device->daemon, g_steal_pointer(&creation->order));
		smpd_device_set_job(device, job);
	}
	creation->done(job, creation->error, creation->data);
	if (job)
		smpd_device_next(device);
	creation_free(creation);
}

void smpd_job_create(SmpdDevice *device, SmpdOrder *order, GUnixFDList *fds, char **names,
		     char *file, SmpdCreated done, gpointer data)
{
	Creation *creation = g_new0(Creation, 1);

	*creation = (Creation){
		.device = smpd_device_ref(device),
		.order = order,
		.fds = fds,
		.names = names,
		.file = file,
		.done = done,
		.data = data,
	};
	order->id = smpd_store_next_id(device->daemon->store);
	device->reserved = TRUE;
	smpd_task_run(device->daemon, SMPD_TASK_DISK, create, created, creation);
}
