/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A simulated board for as long as the link lives: smpsim, and a serial link to its pty. */

#include "transports/link.h"

#include "config.h"
#include "transports/target.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_TIME (10 * G_USEC_PER_SEC)
#define END_TIME   (2 * G_USEC_PER_SEC)
#define READY	   "PTY="

typedef struct {
	SmpLink link;
	GStrv arguments;
	GPid pid;
	int input;  /* its end is the end of smpsim, should we crash */
	int output; /* where it said that it is ready */
	SmpLink *serial;
} SimLink;

static char *beside_program(const char *relative)
{
	g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *folder = program ? g_path_get_dirname(program) : NULL;
	g_autofree char *path = folder ? g_build_filename(folder, relative, NULL) : NULL;

	return path && g_file_test(path, G_FILE_TEST_IS_EXECUTABLE) ? g_steal_pointer(&path) : NULL;
}

/* The one that belongs to this program, installed or in its build tree, before any other. */
static char *find_smpsim(void)
{
	const char *named = g_getenv("SMPSIM");
	char *found = named ? g_strdup(named) : beside_program("smpsim");

	if (!found)
		found = beside_program("../sim/smpsim");
	if (!found)
		found = g_find_program_in_path("smpsim");
	return found ? found : g_strdup(SMPSIM_PATH);
}

static gboolean spawn(SimLink *sim, GError **error)
{
	g_autoptr(GError) cause = NULL;

	g_free(sim->arguments[0]);
	sim->arguments[0] = find_smpsim();
	if (g_spawn_async_with_pipes(NULL, sim->arguments, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL,
				     NULL, &sim->pid, &sim->input, &sim->output, NULL, &cause))
		return TRUE;
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND,
		    "cannot start a simulated board: %s; $SMPSIM can name the program",
		    cause->message);
	return FALSE;
}

/* Reads up to the line that names the pty. What it says on stderr goes to the user. */
static char *read_pty(SimLink *sim, GError **error)
{
	gint64 deadline = smp_link_now(&sim->link) + START_TIME;
	g_autoptr(GString) text = g_string_new(NULL);
	char *line = NULL;

	while (!(line = strstr(text->str, READY)) || !strchr(line, '\n')) {
		char buffer[256];

		if (!smp_link_poll(&sim->link, sim->output, POLLIN, deadline, error))
			return NULL;
		ssize_t n = read(sim->output, buffer, sizeof(buffer));
		if (n <= 0) {
			g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND,
				    "%s ended before its board was ready", sim->arguments[0]);
			return NULL;
		}
		g_string_append_len(text, buffer, n);
	}
	line += strlen(READY);
	return g_strndup(line, strcspn(line, "\n"));
}

static void end_child(SimLink *sim)
{
	gint64 deadline = g_get_monotonic_time() + END_TIME;

	if (sim->pid == 0)
		return;
	close(sim->input);
	close(sim->output);
	kill(sim->pid, SIGTERM);
	while (waitpid(sim->pid, NULL, WNOHANG) == 0) {
		if (g_get_monotonic_time() > deadline)
			kill(sim->pid, SIGKILL);
		g_usleep(2000);
	}
	sim->pid = 0;
}

static void on_text(const char *text, gsize length, gpointer user_data)
{
	smp_link_text(user_data, text, length);
}

/* The serial link, stopped by what stops this one. */
static SmpLink *inner(SmpLink *link)
{
	SimLink *sim = (SimLink *)link;

	smp_link_set_cancellable(sim->serial, link->cancellable);
	return sim->serial;
}

static gboolean start(SimLink *sim, GError **error)
{
	if (!spawn(sim, error))
		return FALSE;
	g_autofree char *pty = read_pty(sim, error);
	sim->serial = pty ? smp_link_new(pty, error) : NULL;
	if (!sim->serial) {
		end_child(sim);
		return FALSE;
	}
	smp_link_set_text_func(sim->serial, on_text, sim);
	return TRUE;
}

/* The board keeps running while the link is closed. */
static gboolean sim_open(SmpLink *link, GError **error)
{
	SimLink *sim = (SimLink *)link;

	return (sim->serial || start(sim, error)) && smp_link_open(inner(link), error);
}

static void sim_close(SmpLink *link)
{
	smp_link_close(inner(link));
}

static gboolean sim_reopen(SmpLink *link, gint64 deadline, GError **error)
{
	SimLink *sim = (SimLink *)link;

	return (sim->serial || start(sim, error)) && smp_link_reopen(inner(link), deadline, error);
}

static gboolean sim_send(SmpLink *link, const guint8 *packet, gsize size, gint64 deadline,
			 GError **error)
{
	return smp_link_send(inner(link), packet, size, deadline, error);
}

static gboolean sim_receive(SmpLink *link, GByteArray *packet, gint64 deadline, GError **error)
{
	return smp_link_receive(inner(link), packet, deadline, error);
}

static gboolean sim_recover(SmpLink *link, GError **error)
{
	return smp_link_recover(inner(link), error);
}

static gboolean sim_resync(SmpLink *link, GError **error)
{
	return smp_link_resync(inner(link), error);
}

static gsize sim_max_packet(SmpLink *link, gsize buf_size)
{
	SimLink *sim = (SimLink *)link;

	return sim->serial ? smp_link_max_packet(sim->serial, buf_size) : buf_size;
}

static guint sim_max_outstanding(SmpLink *link, guint buf_count)
{
	return smp_link_buffers_outstanding(buf_count);
}

static char *sim_describe(SmpLink *link)
{
	return g_strdup("simulated board");
}

static char *sim_identity(SmpLink *link)
{
	return g_strdup(link->target);
}

static gboolean sim_be_console(SmpLink *link, GError **error)
{
	SimLink *sim = (SimLink *)link;

	return (sim->serial || start(sim, error)) &&
	       sim->serial->klass->be_console(sim->serial, error);
}

static void sim_get_tty(SmpLink *link, SmpTty *tty)
{
	SimLink *sim = (SimLink *)link;

	sim->serial->klass->get_tty(sim->serial, tty);
}

static void sim_free(SmpLink *link)
{
	SimLink *sim = (SimLink *)link;

	smp_link_free(sim->serial);
	end_child(sim);
	g_strfreev(sim->arguments);
}

static const SmpLinkClass sim_class = {
	.open = sim_open,
	.close = sim_close,
	.reopen = sim_reopen,
	.send = sim_send,
	.receive = sim_receive,
	.recover = sim_recover,
	.resync = sim_resync,
	.max_packet = sim_max_packet,
	.max_outstanding = sim_max_outstanding,
	.describe = sim_describe,
	.identity = sim_identity,
	.be_console = sim_be_console,
	.get_tty = sim_get_tty,
	.free = sim_free,
};

/* `?key=value` is smpsim's `--key=value`; it knows which there are. */
static GStrv make_arguments(const char *board, GHashTable *options)
{
	g_autoptr(GPtrArray) arguments = g_ptr_array_new();
	GHashTableIter iter;
	gpointer key = NULL, value = NULL;

	g_ptr_array_add(arguments, g_strdup("smpsim"));
	g_ptr_array_add(arguments, g_strdup("--pty"));
	g_ptr_array_add(arguments, g_strdup("--exit-with-stdin"));
	g_ptr_array_add(arguments, g_strdup_printf("--board=%s", board));
	g_hash_table_iter_init(&iter, options);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		const char *equals = ((const char *)value)[0] != '\0' ? "=" : "";

		g_ptr_array_add(arguments,
				g_strdup_printf("--%s%s%s", (char *)key, equals, (char *)value));
	}
	g_ptr_array_add(arguments, NULL);
	return (GStrv)g_ptr_array_steal(arguments, NULL);
}

SmpLink *smp_sim_link_new(const char *scheme, const char *address, GHashTable *options,
			  GError **error)
{
	SimLink *sim = g_new0(SimLink, 1);
	g_autofree char *target = smp_target_format(scheme, address, options);

	smp_link_init(&sim->link, &sim_class, target);
	sim->arguments = make_arguments(address, options);
	return &sim->link;
}
