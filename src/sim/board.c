/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The life of a board: power, resets, requests that wait for the server, answers that leave when
 * they are ready, and the faults that were asked for. */

#include "sim/fault.h"
#include "sim/files.h"
#include "sim/internal.h"
#include "sim/settings.h"
#include "sim/statistics.h"

#include <gio/gio.h>
#include <string.h>

typedef struct {
	guint64 number;
	guint origin;
	GBytes *packet;
} Request;

static void free_request(gpointer data)
{
	Request *request = data;

	g_bytes_unref(request->packet);
	g_free(request);
}

void sim_output_free(SimOutput *output)
{
	if (!output)
		return;
	g_byte_array_unref(output->bytes);
	g_free(output);
}

static void free_output(gpointer output)
{
	sim_output_free(output);
}

gint64 sim_board_time(const SimBoard *board)
{
	return sim_flash_done(board->flash);
}

/* Behind what leaves at the same time. */
static void put_output(SimBoard *board, SimOutput output)
{
	GList *at = board->outputs.tail;

	while (at && ((SimOutput *)at->data)->time > output.time)
		at = at->prev;
	if (at)
		g_queue_insert_after(&board->outputs, at, g_memdup2(&output, sizeof output));
	else
		g_queue_push_head(&board->outputs, g_memdup2(&output, sizeof output));
}

void sim_board_print(SimBoard *board, const char *format, ...)
{
	va_list arguments;

	if (!board->config.log)
		return;
	va_start(arguments, format);
	g_autofree char *text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	GByteArray *bytes = g_byte_array_new();
	g_byte_array_append(bytes, (const guint8 *)text, strlen(text));
	put_output(board, (SimOutput){sim_board_time(board), TRUE, FALSE, 0, bytes});
}

/* Nothing that was under way survives; what was sent before @now is on the wire already. */
static void forget(SimBoard *board, gint64 now)
{
	sim_flash_cut(board->flash, now);
	g_queue_clear_full(&board->requests, free_request);
	for (GList *i = board->outputs.head; i;) {
		GList *next = i->next;
		SimOutput *output = i->data;
		if (output->time > now) {
			sim_output_free(output);
			g_queue_delete_link(&board->outputs, i);
		}
		i = next;
	}
	board->busy_until = now;
	board->reset_at = board->watchdog_at = board->boot_done = -1;
	board->upload = (SimUpload){0};
	sim_files_idle(board, now);
	sim_files_forget(board);
	board->wants_reset = FALSE;
	board->lie = 0;
	board->link_losses++;
}

static void start_boot(SimBoard *board, gint64 now, gint64 boot_time)
{
	forget(board, now);
	board->state = SIM_STATE_BOOTING;
	sim_flash_start(board->flash, now + boot_time / 2);
	sim_boot(board);
	board->boot_done = sim_flash_done(board->flash) + boot_time - boot_time / 2;
}

static void restart(SimBoard *board, gint64 now)
{
	sim_statistics_lose(board);
	start_boot(board, now, board->config.boot_time);
}

static void finish_boot(SimBoard *board)
{
	gint64 now = board->boot_done;

	board->state = board->boots_to;
	board->boot_done = -1;
	board->busy_until = now;
	board->app_start = now;
	board->log_start = 0;
	board->bridged = FALSE;
	sim_settings_start(board);
	sim_statistics_start(board);
	board->watchdog_at =
		board->state == SIM_STATE_HUNG ? now + board->config.watchdog_time : -1;
}

static void power_off(SimBoard *board, gint64 now, gint64 duration)
{
	forget(board, now);
	sim_statistics_lose(board);
	board->state = SIM_STATE_OFF;
	board->clock_set = FALSE;
	board->wants_recovery = FALSE;
	board->power_at = now + duration;
}

static void power_on(SimBoard *board)
{
	gint64 now = board->power_at;

	board->power_at = -1;
	restart(board, now);
}

/* The first time nobody has to wait, unless there is something to finish in flash. */
void sim_board_switch_on(SimBoard *board, gint64 now)
{
	start_boot(board, now, 0);
	sim_board_advance(board, now);
}

void sim_board_free(SimBoard *board)
{
	if (!board)
		return;
	g_queue_clear_full(&board->requests, free_request);
	g_queue_clear_full(&board->outputs, free_output);
	g_clear_pointer(&board->rand, g_rand_free);
	g_clear_pointer(&board->flash, sim_flash_free);
	sim_files_forget(board);
	g_clear_pointer(&board->settings, g_hash_table_unref);
	g_clear_pointer(&board->storage, sim_storage_free);
	g_free(board);
}

static gboolean is_lost(SimBoard *board)
{
	return board->config.loss > 0 && g_rand_double(board->rand) < board->config.loss;
}

static void send_answer(SimBoard *board, const Request *request, gint64 time, GByteArray *answer)
{
	const SimConfig *config = &board->config;
	gboolean twice = sim_fault_find(config, SIM_FAULT_DUPLICATE_REPLY, request->number) != NULL;
	SimOutput output = {
		.time = time,
		.origin = request->origin,
		.damaged = sim_fault_find(config, SIM_FAULT_CORRUPT_REPLY, request->number) != NULL,
	};

	if (sim_fault_find(config, SIM_FAULT_LOSE_REPLY, request->number) || is_lost(board))
		return;
	for (int i = 0; i < 1 + twice; i++) {
		output.bytes = g_byte_array_ref(answer);
		put_output(board, output);
	}
}

/* Instead of the server, a fault answers {"rc": n}. */
static void answer_with(gint64 rc, const guint8 *packet, gsize size, GPtrArray *answers)
{
	SmpHeader header;
	GByteArray *answer = g_byte_array_new();

	if (size < SMP_HEADER_SIZE)
		return;
	smp_header_read(packet, &header);
	g_byte_array_set_size(answer, SMP_HEADER_SIZE);
	smp_cbor_put_map_begin(answer);
	smp_cbor_put_text(answer, "rc");
	smp_cbor_put_int(answer, rc);
	smp_cbor_put_end(answer);
	header.op = header.op == SMP_OP_READ ? SMP_OP_READ_RESPONSE : SMP_OP_WRITE_RESPONSE;
	header.length = (guint16)(answer->len - SMP_HEADER_SIZE);
	smp_header_write(&header, answer->data);
	g_ptr_array_add(answers, answer);
}

static void process(SimBoard *board, gint64 now)
{
	g_autoptr(GPtrArray) answers =
		g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref);
	Request *request = g_queue_pop_head(&board->requests);
	gsize size;
	const guint8 *packet = g_bytes_get_data(request->packet, &size);
	const SimFault *lie = sim_fault_find(&board->config, SIM_FAULT_LIE_OFFSET, request->number);
	const SimFault *stall = sim_fault_find(&board->config, SIM_FAULT_STALL, request->number);
	const SimFault *rc = sim_fault_find(&board->config, SIM_FAULT_ANSWER, request->number);

	board->lie = lie ? lie->value : 0;
	sim_flash_start(board->flash, now);
	if (rc)
		answer_with(rc->value, packet, size, answers);
	else if (board->state == SIM_STATE_RECOVERY)
		sim_recovery_receive(board, packet, size, answers);
	else
		sim_server_receive(board, packet, size, answers);
	gint64 done = sim_flash_done(board->flash) + board->config.process_time;
	if (stall)
		done += stall->value * 1000;
	for (guint i = 0; i < answers->len; i++)
		send_answer(board, request, done, answers->pdata[i]);
	board->busy_until = done;
	if (board->wants_reset && board->reset_at < 0)
		board->reset_at = done + board->config.reset_time;
	free_request(request);
}

static gint64 earlier(gint64 a, gint64 b)
{
	if (a < 0 || b < 0)
		return MAX(a, b);
	return MIN(a, b);
}

static gboolean answers(const SimBoard *board)
{
	return (board->state == SIM_STATE_APP || board->state == SIM_STATE_RECOVERY) &&
	       !board->dead;
}

/* When something changes by itself, outputs and flash left aside. */
static gint64 next_change(const SimBoard *board)
{
	gint64 next = sim_flash_cut_time(board->flash);

	next = earlier(next, board->power_at);
	next = earlier(next, board->reset_at);
	next = earlier(next, board->boot_done);
	next = earlier(next, board->watchdog_at);
	if (board->requests.length > 0)
		next = earlier(next, board->busy_until);
	return next;
}

static void change(SimBoard *board, gint64 now)
{
	if (now == sim_flash_cut_time(board->flash))
		power_off(board, now, sim_flash_cut_duration(board->flash) * 1000);
	else if (now == board->power_at)
		power_on(board);
	else if (now == board->reset_at || now == board->watchdog_at)
		restart(board, now);
	else if (now == board->boot_done)
		finish_boot(board);
	else
		process(board, now);
}

void sim_board_advance(SimBoard *board, gint64 now)
{
	gint64 next = next_change(board);

	while (next >= 0 && next <= now) {
		change(board, next);
		next = next_change(board);
	}
	sim_flash_settle(board->flash, now);
}

gint64 sim_board_next_event(SimBoard *board)
{
	const SimOutput *output = g_queue_peek_head(&board->outputs);

	return earlier(earlier(next_change(board), sim_flash_next(board->flash)),
		       output ? output->time : -1);
}

/* Faults that strike before the server sees the request. Returns: whether it is still there. */
static gboolean arrives(SimBoard *board, guint64 number, gint64 now)
{
	const SimConfig *config = &board->config;
	const SimFault *cut = sim_fault_find(config, SIM_FAULT_CUT_LINK, number);
	const SimFault *power = sim_fault_find(config, SIM_FAULT_POWER_CUT_AT, number);

	if (cut) {
		board->link_up_at = now + cut->value * 1000;
		board->link_losses++;
	}
	if (sim_fault_find(config, SIM_FAULT_DIE, number))
		board->dead = TRUE;
	if (power)
		power_off(board, now, power->value * 1000);
	else if (sim_fault_find(config, SIM_FAULT_RESET_AT, number))
		restart(board, now);
	return answers(board) && !cut && !sim_fault_find(config, SIM_FAULT_LOSE_REQUEST, number) &&
	       !is_lost(board);
}

/* Requests and answers share the buffers; the request that is being handled has two (Zephyr smp.c).
 * MCUboot has one, and no queue. */
static gboolean has_buffer(SimBoard *board, gint64 now)
{
	gboolean busy = board->busy_until > now;
	guint used = board->requests.length + 2 * busy;
	guint count = board->state == SIM_STATE_RECOVERY ? 2 : board->config.buf_count;

	if (used < count)
		return TRUE;
	if (board->config.crash_on_overrun && board->state == SIM_STATE_APP) {
		board->dead = TRUE;
		g_queue_clear_full(&board->requests, free_request);
	}
	return FALSE;
}

void sim_board_receive(SimBoard *board, const guint8 *packet, gsize size, guint origin, gint64 now)
{
	sim_board_advance(board, now);
	if (!sim_board_link_is_up(board, now) || !answers(board))
		return;
	guint64 number = ++board->n_requests;
	if (!arrives(board, number, now) || !has_buffer(board, now))
		return;
	Request request = {number, origin, g_bytes_new(packet, size)};
	board->busy_until = MAX(board->busy_until, now);
	g_queue_push_tail(&board->requests, g_memdup2(&request, sizeof request));
	sim_board_advance(board, now);
}

SimOutput *sim_board_take_output(SimBoard *board, gint64 now)
{
	sim_board_advance(board, now);
	while (board->outputs.head) {
		SimOutput *output = board->outputs.head->data;
		if (output->time > now)
			return NULL;
		g_queue_pop_head(&board->outputs);
		if (output->time >= board->link_up_at && (output->text || !board->dead))
			return output;
		sim_output_free(output);
	}
	return NULL;
}

gboolean sim_board_take_reply(SimBoard *board, gint64 now, GByteArray *reply)
{
	for (;;) {
		g_autoptr(SimOutput) output = sim_board_take_output(board, now);
		if (!output)
			return FALSE;
		if (output->text)
			continue;
		gsize end = reply->len + output->bytes->len;
		g_byte_array_append(reply, output->bytes->data, output->bytes->len);
		if (output->damaged)
			reply->data[end - 1] ^= 0x55;
		return TRUE;
	}
}

void sim_board_reset(SimBoard *board, gint64 now)
{
	sim_board_advance(board, now);
	if (board->state != SIM_STATE_OFF)
		restart(board, now);
}

void sim_board_keep_counters(SimBoard *board, gint64 now)
{
	sim_board_advance(board, now);
	sim_flash_start(board->flash, now);
	sim_statistics_keep(board);
}

SimState sim_board_state(SimBoard *board, gint64 now)
{
	sim_board_advance(board, now);
	return board->state;
}

gboolean sim_board_link_is_up(SimBoard *board, gint64 now)
{
	return now >= board->link_up_at;
}

gint64 sim_board_link_up_at(const SimBoard *board)
{
	return board->link_up_at;
}

guint sim_board_link_losses(const SimBoard *board)
{
	return board->link_losses;
}

gint64 sim_board_busy_until(SimBoard *board)
{
	return board->busy_until;
}

gboolean sim_board_is_deaf(SimBoard *board, gint64 now)
{
	return board->config.deaf && sim_flash_is_erasing(board->flash, now);
}

guint sim_board_buf_size(SimBoard *board)
{
	return board->state == SIM_STATE_RECOVERY ? board->config.recovery_buf_size
						  : board->config.buf_size;
}

const SimConfig *sim_board_config(const SimBoard *board)
{
	return &board->config;
}

char *sim_board_running_version(SimBoard *board, guint image)
{
	SimImage found;
	gsize area = image == (guint)board->config.net_core
			     ? sim_net_core_area(board)
			     : sim_slot_image_area(board, image, board->active[image]);

	if (!sim_image_read_header(sim_flash_data(board->flash, area), board->config.slot_size,
				   &found))
		return NULL;
	return sim_version_text(&found.version);
}

guint64 sim_board_requests(const SimBoard *board)
{
	return board->n_requests;
}

guint64 sim_board_flash_operations(const SimBoard *board)
{
	return sim_flash_operations(board->flash);
}
