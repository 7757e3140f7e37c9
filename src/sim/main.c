/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* smpsim: a board on real time, on a pty, on UDP and on Bluetooth LE. */

#include "config.h"
#include "sim/options.h"
#include "sim/pty.h"
#include "sim/udp.h"

#include <glib/gstdio.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

typedef struct {
	const SimOptions *options;
	SimBoard *board;
	SimUart *uart;
	SimPty *pty;
	SimUdp *udp;
	SimBle *ble;
	gint64 start;
	int signals;
	gboolean blocked; /* the pty's buffer is full */
} Program;

enum { FD_SIGNAL, FD_STDIN, FD_PTY, FD_UDP, FD_BLE, N_FDS = FD_BLE + SIM_BLE_FDS };

static gint64 now(const Program *program)
{
	return g_get_monotonic_time() - program->start;
}

static gint64 earlier(gint64 a, gint64 b)
{
	return a < 0 || b < 0 ? MAX(a, b) : MIN(a, b);
}

static void announce(const Program *program)
{
	if (program->pty)
		printf("PTY=%s\n", program->pty->name);
	if (program->udp) {
		g_autofree char *name = sim_udp_name(program->udp);
		printf("UDP=%s\n", name);
	}
	fflush(stdout);
}

/* With --hangup the port is there only while something on the board runs. */
static gboolean follow_board(Program *program, gint64 time, GError **error)
{
	SimState state = sim_board_state(program->board, time);
	gboolean up = state != SIM_STATE_BOOTING && state != SIM_STATE_OFF;

	if (!program->pty || !program->options->hangup || up == (program->pty->master >= 0))
		return TRUE;
	if (!up) {
		sim_pty_hang_up(program->pty);
		return TRUE;
	}
	if (!sim_pty_open(program->pty, error))
		return FALSE;
	announce(program);
	return TRUE;
}

static void send_packet(Program *program, const SimOutput *output)
{
	if (output->origin >= SIM_BLE_ORIGIN)
		sim_ble_send(program->ble, output);
	else
		sim_udp_send(program->udp, output);
}

/* Moves bytes: client, line, board, line, client. */
static gboolean run_board(Program *program, GError **error)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	g_autoptr(GPtrArray) packets =
		g_ptr_array_new_with_free_func((GDestroyNotify)sim_output_free);
	gint64 time = now(program);

	if (program->pty)
		sim_lane_take(&program->pty->from_client, time, bytes);
	if (bytes->len > 0)
		sim_uart_feed(program->uart, bytes->data, bytes->len, time);
	g_byte_array_set_size(bytes, 0);
	sim_uart_take(program->uart, time, bytes, packets);
	for (guint i = 0; i < packets->len; i++)
		send_packet(program, packets->pdata[i]);
	if (program->pty) {
		sim_pty_write(program->pty, bytes, time);
		program->blocked = !sim_pty_flush(program->pty, time);
	}
	if (program->ble)
		sim_ble_follow_board(program->ble, time);
	return follow_board(program, time, error);
}

static gint64 next_event(const Program *program)
{
	gint64 next = sim_uart_next_event(program->uart);

	if (program->pty)
		next = earlier(next, sim_pty_next(program->pty));
	return program->ble ? earlier(next, sim_ble_next_event(program->ble, now(program))) : next;
}

/* Returns: how many of @fds belong to Bluetooth */
static guint wait(const Program *program, struct pollfd *fds)
{
	gint64 time = now(program), next = next_event(program);
	gint64 left = next < 0 ? -1 : MAX(next - time, 0);
	gint64 bus_left = -1;
	guint n = program->ble ? sim_ble_prepare(program->ble, &fds[FD_BLE], &bus_left) : 0;

	left = earlier(left, bus_left);
	struct timespec timeout = {.tv_sec = left / G_USEC_PER_SEC,
				   .tv_nsec = left % G_USEC_PER_SEC * 1000};
	fds[FD_SIGNAL] = (struct pollfd){.fd = program->signals, .events = POLLIN};
	fds[FD_STDIN] =
		(struct pollfd){.fd = program->options->exit_with_stdin ? 0 : -1, .events = POLLIN};
	fds[FD_PTY] = (struct pollfd){.fd = program->pty ? program->pty->master : -1};
	fds[FD_UDP] = (struct pollfd){
		.fd = program->udp ? g_socket_get_fd(program->udp->socket) : -1, .events = POLLIN};
	if (program->pty && sim_pty_wants_input(program->pty))
		fds[FD_PTY].events |= POLLIN;
	if (program->blocked)
		fds[FD_PTY].events |= POLLOUT;
	if (ppoll(fds, FD_BLE + n, left < 0 ? NULL : &timeout, NULL) < 0) {
		for (guint i = 0; i < FD_BLE + n; i++)
			fds[i].revents = 0;
	}
	return n;
}

static gboolean stdin_ended(const struct pollfd *fd)
{
	char buffer[256];

	return fd->revents && read(fd->fd, buffer, sizeof buffer) <= 0;
}

static gboolean run(Program *program, GError **error)
{
	struct pollfd fds[N_FDS];

	for (;;) {
		if (!run_board(program, error))
			return FALSE;
		guint n = wait(program, fds);
		if (fds[FD_SIGNAL].revents || stdin_ended(&fds[FD_STDIN]))
			return TRUE;
		if (fds[FD_PTY].revents & POLLIN)
			sim_pty_read(program->pty, now(program));
		if (fds[FD_UDP].revents)
			sim_udp_read(program->udp, program->board, now(program));
		if (program->ble &&
		    !sim_ble_dispatch(program->ble, &fds[FD_BLE], n, now(program), error))
			return FALSE;
	}
}

static int catch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void close_program(Program *program)
{
	g_clear_pointer(&program->pty, sim_pty_free);
	g_clear_pointer(&program->udp, sim_udp_free);
	g_clear_pointer(&program->ble, sim_ble_free);
	g_clear_pointer(&program->uart, sim_uart_free);
	if (program->board)
		sim_board_keep_counters(program->board, now(program));
	g_clear_pointer(&program->board, sim_board_free);
	g_close(program->signals, NULL);
}

static gboolean open_program(Program *program, GError **error)
{
	const SimOptions *options = program->options;

	program->signals = catch_signals();
	program->start = g_get_monotonic_time();
	program->board = sim_board_new(&options->config, options->state, 0, error);
	if (!program->board)
		return FALSE;
	program->uart = sim_uart_new(program->board, options->line);
	if (options->udp)
		program->udp = sim_udp_new(options->udp_address, error);
	if (options->udp && !program->udp)
		return FALSE;
	if (options->ble.adapter)
		program->ble = sim_ble_new(&options->ble, program->board, error);
	if (options->ble.adapter && !program->ble)
		return FALSE;
	if (options->pty)
		program->pty = sim_pty_new(options->link, options->baud, options->latency, error);
	if (program->pty)
		program->pty->only_baud = options->only_baud;
	return !options->pty || program->pty;
}

static int complain(const GError *error, int status)
{
	fprintf(stderr, "smpsim: %s\n", error->message);
	return status;
}

int main(int argc, char **argv)
{
	g_auto(SimOptions) options = {0};
	g_autoptr(GError) error = NULL;
	Program program = {.options = &options};

	setlocale(LC_ALL, "");
	if (!sim_options_parse(&options, &argc, &argv, &error))
		return complain(error, 2);
	if (options.version) {
		printf("smpsim %s\n", VERSION);
		return 0;
	}
	if (options.make_image)
		return sim_make_image(&options, &error) ? 0 : complain(error, 1);
	gboolean good = open_program(&program, &error);
	if (good) {
		announce(&program);
		good = run(&program, &error);
	}
	close_program(&program);
	return good ? 0 : complain(error, 1);
}
