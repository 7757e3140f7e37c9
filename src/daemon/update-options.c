/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an update is given: files and options. Nothing of it is trusted. */

#include "daemon/update-options.h"
#include "daemon/call.h"

#include <gio/gunixfdlist.h>
#include <unistd.h>

#define MAX_FILES 16

typedef struct {
	char *mode;
	char **allow;
	GVariant *images;
	char **names;
	gboolean via_recovery;
	char *stop_before;
	char *bootloader;
	guint32 window;
} UpdateOptions;

static void update_options_clear(UpdateOptions *options)
{
	g_free(options->mode);
	g_strfreev(options->allow);
	g_clear_pointer(&options->images, g_variant_unref);
	g_strfreev(options->names);
	g_free(options->stop_before);
	g_free(options->bootloader);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(UpdateOptions, update_options_clear)

static gboolean parse_update(GVariant *variant, UpdateOptions *options, GError **error)
{
	const SmpdOption known[] = {
		{"mode", "s", &options->mode},
		{"allow", "as", &options->allow},
		{"images", "au", &options->images},
		{"names", "as", &options->names},
		{"via-recovery", "b", &options->via_recovery},
		{"stop-before", "s", &options->stop_before},
		{"bootloader", "s", &options->bootloader},
		{"window", "u", &options->window},
		{NULL},
	};

	return smpd_options_parse(variant, known, error);
}

static gboolean invalid(GError **error, const char *what, const char *value)
{
	g_autofree char *start = g_strndup(value, 64);
	g_autofree char *valid = g_utf8_make_valid(start, -1);

	g_set_error(error, SMPD_ERROR, SMPD_ERROR_INVALID_ARGS, "\"%s\" %s", valid, what);
	return FALSE;
}

static gboolean set_policy(SmpPolicy *policy, const UpdateOptions *options, GError **error)
{
	const char *unknown = NULL;

	if (options->mode && !smp_update_mode_parse(options->mode, &policy->mode))
		return invalid(error,
			       "is no mode: test-and-confirm, confirm, test-only, upload-only",
			       options->mode);
	if (options->allow &&
	    !smpd_allow_parse((const char *const *)options->allow, &policy->allow, &unknown))
		return invalid(error, "is nothing that could be allowed", unknown);
	if (options->stop_before &&
	    !smp_action_parse_stop(options->stop_before, &policy->stop_before))
		return invalid(error, "is no step to stop before: upload, test, reset, confirm",
			       options->stop_before);
	if (options->bootloader && !smp_bootloader_parse(options->bootloader, NULL))
		return invalid(error, "is no bootloader: auto, s0, s1", options->bootloader);
	policy->via_recovery = options->via_recovery;
	return TRUE;
}

static gboolean set_images(SmpdOrder *order, const UpdateOptions *options, guint files,
			   GError **error)
{
	gsize count = options->images ? g_variant_n_children(options->images) : 0;

	if (options->images && count != files) {
		g_set_error_literal(error, SMPD_ERROR, SMPD_ERROR_INVALID_ARGS,
				    "\"images\" has not one number for each file");
		return FALSE;
	}
	for (guint i = 0; i < files; i++) {
		guint32 image = 0;
		if (options->images)
			g_variant_get_child(options->images, i, "u", &image);
		if (image > 15) {
			g_set_error(error, SMPD_ERROR, SMPD_ERROR_INVALID_ARGS,
				    "there is no image number %u", image);
			return FALSE;
		}
		g_array_append_val(order->images, image);
	}
	return TRUE;
}

/* What the caller's own descriptor was opened as: only a name, nothing is opened by it. */
static char *name_of_fd(int fd)
{
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
	g_autofree char *file = g_file_read_link(path, NULL);
	g_autofree char *base = file ? g_path_get_basename(file) : g_strdup("file");

	return g_utf8_make_valid(base, -1);
}

static gboolean take_file(SmpdCall *call, GUnixFDList *fds, gint32 handle, GStrvBuilder *names,
			  GError **error)
{
	int fd = fds && handle >= 0 && handle < g_unix_fd_list_get_length(fds)
			 ? g_unix_fd_list_get(fds, handle, error)
			 : -1;

	if (fd < 0) {
		g_clear_error(error);
		g_set_error(error, SMPD_ERROR, SMPD_ERROR_INVALID_ARGS,
			    "there is no file with the handle %d", handle);
		return FALSE;
	}
	g_autofree char *name = name_of_fd(fd);
	int index = g_unix_fd_list_append(call->fds, fd, error);
	g_strv_builder_add(names, name);
	close(fd);
	return index >= 0;
}

static gboolean take_files(SmpdCall *call, GUnixFDList *fds, GVariant *handles,
			   UpdateOptions *options, GError **error)
{
	g_autoptr(GStrvBuilder) names = g_strv_builder_new();
	gsize count = g_variant_n_children(handles);
	const char *problem = NULL;

	if (count == 0 || count > MAX_FILES)
		problem = count ? "more than 16 files are given" : "no file is given";
	else if (options->names && g_strv_length(options->names) != count)
		problem = "\"names\" has not one name for each file";
	if (problem) {
		g_set_error_literal(error, SMPD_ERROR, SMPD_ERROR_INVALID_ARGS, problem);
		return FALSE;
	}
	call->fds = g_unix_fd_list_new();
	for (gsize i = 0; i < count; i++) {
		gint32 handle;
		g_variant_get_child(handles, i, "h", &handle);
		if (!take_file(call, fds, handle, names, error))
			return FALSE;
	}
	call->names = options->names ? g_steal_pointer(&options->names) : g_strv_builder_end(names);
	return TRUE;
}

gboolean smpd_update_parse(SmpdCall *call, GUnixFDList *fds, GVariant *files, GVariant *variant,
			   GError **error)
{
	g_auto(UpdateOptions) options = {0};

	if (!parse_update(variant, &options, error) ||
	    !set_policy(&call->order->policy, &options, error) ||
	    !take_files(call, fds, files, &options, error))
		return FALSE;
	call->order->window = MIN(options.window, 255);
	call->order->bootloader = g_steal_pointer(&options.bootloader);
	return set_images(call->order, &options, (guint)g_variant_n_children(files), error);
}
