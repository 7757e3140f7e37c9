/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* update --daemon: smpd does it. It is given open files, and asks polkit about who calls. */

#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* ---- which device ---- */

static SmpctlBusDevice *only_device(GDBusObjectManager *objects, GError **error)
{
	g_autoptr(GPtrArray) devices = smpctl_daemon_devices(objects);

	if (devices->len == 1)
		return g_object_ref(g_ptr_array_index(devices, 0));
	smpctl_usage_error(error, "which board? Name it with -c; `smpctl device list` shows those "
				  "that smpd serves");
	return NULL;
}

static SmpctlBusDevice *find_served(Smpctl *cli, GDBusObjectManager *objects, GError **error)
{
	SmpLink *link = smpctl_link(cli, error);
	SmpctlBusDevice *device = link ? smpctl_daemon_find_link(objects, link) : NULL;

	if (link && !device)
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND,
			    "smpd does not serve %s; `smpctl device add NAME %s` lets it do so",
			    smp_link_get_target(link), smp_link_get_target(link));
	return device;
}

/* Its name in smpd, or whatever names a board. */
static SmpctlBusDevice *find_device(Smpctl *cli, GDBusObjectManager *objects, GError **error)
{
	const char *environment = g_getenv("SMPCTL_CONN");
	const char *name = cli->options->conn ? cli->options->conn : environment;
	g_autoptr(GError) unknown = NULL, no_target = NULL;
	SmpctlBusDevice *device;

	if (!smpctl_has_target(cli->options))
		return only_device(objects, error);
	device = name && *name ? smpctl_daemon_find_device(objects, name, &unknown) : NULL;
	if (!device)
		device = find_served(cli, objects, &no_target);
	if (device)
		return device;
	/* What is no target and no profile was meant as a name. */
	if (unknown && no_target->domain == SMPCTL_ERROR)
		g_propagate_error(error, g_steal_pointer(&unknown));
	else
		g_propagate_error(error, g_steal_pointer(&no_target));
	return NULL;
}

/* ---- what it is given ---- */

static gboolean add_file(GUnixFDList *files, const char *path, GError **error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE, "cannot open %s: %s",
			    path, g_strerror(errno));
		return FALSE;
	}
	gboolean added = g_unix_fd_list_append(files, fd, error) >= 0;
	close(fd);
	return added;
}

static GVariant *handles(guint count)
{
	GVariantBuilder builder;

	g_variant_builder_init(&builder, G_VARIANT_TYPE("ah"));
	for (guint i = 0; i < count; i++)
		g_variant_builder_add(&builder, "h", (gint32)i);
	return g_variant_new("(ah)", &builder);
}

static void add_allowed(GVariantDict *options, guint allow)
{
	g_autoptr(GStrvBuilder) names = g_strv_builder_new();

	for (guint bit = 1; bit < SMP_INTERLOCK_CONCURRENT; bit <<= 1) {
		if (allow & bit)
			g_strv_builder_add(names, smp_interlock_name((SmpInterlock)bit));
	}
	g_auto(GStrv) list = g_strv_builder_end(names);
	if (*list)
		g_variant_dict_insert(options, "allow", "^as", list);
}

static GVariant *make_options(const SmpctlHandOver *update, GVariant *images, GVariant *names)
{
	const SmpPolicy *policy = update->policy;
	GVariantDict options;

	g_variant_dict_init(&options, NULL);
	g_variant_dict_insert(&options, "mode", "s", smp_update_mode_name(policy->mode));
	g_variant_dict_insert_value(&options, "images", images);
	g_variant_dict_insert_value(&options, "names", names);
	add_allowed(&options, policy->allow);
	if (policy->via_recovery)
		g_variant_dict_insert(&options, "via-recovery", "b", TRUE);
	if (policy->stop_before != SMP_ACTION_END)
		g_variant_dict_insert(&options, "stop-before", "s",
				      smp_action_name(policy->stop_before));
	if (update->window)
		g_variant_dict_insert(&options, "window", "u", update->window);
	if (update->bootloader)
		g_variant_dict_insert(&options, "bootloader", "s", update->bootloader);
	return g_variant_dict_end(&options);
}

/* Returns: (transfer full) (nullable): the path of the job */
static char *hand_over(Smpctl *cli, SmpctlBusDevice *device, char **arguments,
		       const SmpctlHandOver *update, GError **error)
{
	g_autoptr(GUnixFDList) files = g_unix_fd_list_new();
	GVariantBuilder images, names;
	const char *method = g_str_equal(cli->command->name, "ensure") ? "Ensure" : "Update";
	const char *path;

	g_variant_builder_init(&images, G_VARIANT_TYPE("au"));
	g_variant_builder_init(&names, G_VARIANT_TYPE("as"));
	for (char **argument = arguments; *argument; argument++) {
		guint image = update->image;
		const char *file = smpctl_file_of(*argument, &image);
		g_autofree char *name = g_filename_display_basename(file);

		g_variant_builder_add(&images, "u", image);
		g_variant_builder_add(&names, "s", name);
		if (!add_file(files, file, error)) {
			g_variant_builder_clear(&images);
			g_variant_builder_clear(&names);
			return NULL;
		}
	}
	g_autoptr(GVariant) answer = smpctl_daemon_call(
		cli, device, method, handles(g_strv_length(arguments)),
		make_options(update, g_variant_builder_end(&images), g_variant_builder_end(&names)),
		files, error);
	if (!answer)
		return NULL;
	g_variant_get(answer, "(&o)", &path);
	return g_strdup(path);
}

static void tell_device(Smpctl *cli, SmpctlBusDevice *device, const char *path)
{
	g_autofree char *runs = smpctl_device_runs(device);

	smpctl_say(
		cli, "%-8s %s at %s%s%s", "board", smpctl_words(smpctl_bus_device_get_name(device)),
		smpctl_words(smpctl_bus_device_get_target(device)), *runs ? ", runs " : "", runs);
	smpctl_say(cli, "%-8s %s", "job", smpctl_path_id(path));
}

gboolean smpctl_update_by_daemon(Smpctl *cli, const SmpBundle *bundle, char **arguments,
				 const SmpctlHandOver *update, GError **error)
{
	g_autoptr(GDBusObjectManager) objects = smpctl_daemon_open(cli, error);
	g_autoptr(SmpctlBusDevice) device = objects ? find_device(cli, objects, error) : NULL;

	if (!device)
		return FALSE;
	g_autoptr(SmpImageState) state = smpctl_device_images(device);
	g_autofree char *was = smpctl_versions_before(state, bundle);
	const SmpctlFollow follow = {
		.began = g_get_monotonic_time(),
		.was = was,
		.trial_wanted = update->policy->mode == SMP_UPDATE_TEST_ONLY ||
				update->policy->stop_before != SMP_ACTION_END,
	};
	smpctl_tell_files(cli, bundle);
	g_autofree char *path = hand_over(cli, device, arguments, update, error);
	if (!path)
		return FALSE;
	if (update->detach) {
		smpctl_tell_job(cli, path);
		return TRUE;
	}
	tell_device(cli, device, path);
	return smpctl_follow_job(cli, objects, path, &follow, error);
}
