/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Do requests of all sizes arrive, and how fast can this board be? */

#include "doctor.h"

#include <stdio.h>
#include <string.h>

#define OS_ECHO 0

/* Of each size. */
#define PROBES 3

/* A small answer takes no longer on any link, and a byte there and back no longer where there is no
 * baud rate. */
#define SMALL_MS 1000
#define BYTE_MS	 1

/* Of a byte there and back, in base64. */
#define LINE_BITS 30

/* What an answer is longer than its text, with room for a longer head: header, map, key, text. */
#define ECHO_OVERHEAD 16

/* What came of PROBES requests of one size. @last: the last one was answered. */
typedef struct {
	guint answered;
	gboolean last;
	gint64 fastest;
} Probes;

/* Bits per second of a line that has them; 0 for a link that has not. USB has them only where a
 * UART is behind it, which nobody can see. */
static guint line_baud(SmpLink *link)
{
	g_autofree char *kind = smp_link_describe(link);
	g_autoptr(SmpPort) port = smp_link_get_port(link);
	const char *number = strstr(kind, "serial ");
	guint baud = 0;

	if (port && g_strcmp0(port->driver, "cdc_acm") == 0)
		return 0;
	return number && sscanf(number, "serial %u", &baud) == 1 ? baud : 0;
}

static guint time_of(SmpLink *link, guint size)
{
	guint baud = line_baud(link);

	return baud ? size * LINE_BITS * 1000 / baud : size * BYTE_MS;
}

static gboolean echo(SmpctlDoctor *doctor, gsize size, Probes *probes, GError **error)
{
	Smpctl *cli = doctor->cli;
	g_autofree char *text = g_strnfill(size, 'a');
	g_autofree char *json = g_strdup_printf("{\"d\":\"%s\"}", text);
	guint timeout_ms = SMALL_MS + time_of(cli->link, (guint)size);

	*probes = (Probes){.fastest = G_MAXINT64};
	for (guint i = 0; i < PROBES; i++) {
		gint64 sent = smp_link_now(cli->link);

		if (!smpctl_doctor_ask(cli->session, SMP_OP_WRITE, SMP_GROUP_OS, OS_ECHO, json,
				       timeout_ms, &probes->last, error))
			return FALSE;
		probes->answered += probes->last;
		if (probes->last)
			probes->fastest = MIN(probes->fastest, smp_link_now(cli->link) - sent);
		else if (!smp_link_recover(cli->link, error))
			return FALSE;
	}
	return TRUE;
}

/* What the user asks for instead of what the board takes; 0 for nothing. */
static gsize asked_mtu(Smpctl *cli)
{
	return cli->options->mtu ? (gsize)cli->options->mtu : smp_link_get_mtu(cli->link);
}

/* Why packets may be lost, by what they go over. */
static const char *loss_hint(Smpctl *cli)
{
	const char *target = smp_link_get_target(cli->link);

	if (asked_mtu(cli))
		return "Probably that is more than board or network take: leave out mtu= and "
		       "--mtu-ovrd, or ask for less.";
	if (g_str_has_prefix(target, "udp:"))
		return "The network loses packets, or those of this size: try ?mtu=512.";
	if (g_str_has_prefix(target, "ble:"))
		return "The radio link is bad, or the board takes less than it says: try ?mtu=128.";
	return "The board drops lines that come at once, or bytes without flow control. With "
	       "?pace=20 there is a pause between\n"
	       "lines; in the firmware CONFIG_UART_MCUMGR_RX_BUF_COUNT=8 keeps them.";
}

static void tell_packets(SmpctlDoctor *doctor, gsize size, const Probes *small, const Probes *large)
{
	gboolean lost = small->answered + large->answered < 2 * PROBES;
	gboolean useless = large->answered == 0;
	g_autofree char *text =
		lost ? g_strdup_printf("requests get lost: %u of %d of %" G_GSIZE_FORMAT
				       " bytes were answered, %u of %d small ones",
				       large->answered, PROBES, size, small->answered, PROBES)
		     : g_strdup_printf("all answered: %" G_GSIZE_FORMAT
				       " bytes in %.1f ms, small ones in %.1f ms",
				       size, (double)large->fastest / 1000,
				       (double)small->fastest / 1000);
	const SmpctlCheck check = {
		.name = "packets",
		.finding = useless ? SMPCTL_CHECK_PROBLEM
			   : lost  ? SMPCTL_CHECK_NOTE
				   : SMPCTL_CHECK_OK,
		.text = text,
		.hint = lost ? loss_hint(doctor->cli) : NULL,
		.cause = useless ? "packets" : NULL,
		.status = SMPCTL_EXIT_TIMEOUT,
	};

	smpctl_doctor_tell(doctor, &check);
}

/* MCUboot's recovery has no echo to try that with. */
static gboolean check_packets(SmpctlDoctor *doctor, gsize max_packet, gint64 *round_trip,
			      GError **error)
{
	Probes small, large;

	smpctl_doctor_doing(doctor, "packets", "sending small and large requests");
	if (!echo(doctor, 8, &small, error) ||
	    !echo(doctor, max_packet - MIN(max_packet - 8, ECHO_OVERHEAD), &large, error))
		return FALSE;
	*round_trip = small.answered ? small.fastest : 0;
	tell_packets(doctor, max_packet, &small, &large);
	return TRUE;
}

/* Bytes on the line of a packet; console frames have base64, length, CRC, and lines. */
static double on_line(gsize packet, gboolean console)
{
	gsize characters = (packet + 4 + 2) / 3 * 4;

	return console ? (double)(characters + (characters + 123) / 124 * 3) : (double)packet;
}

/* "at 115200 baud 6.9 of 8.2 kB/s": of an upload, with a request after the other where the board
 * has no buffers for more. */
static char *rate_text(SmpLink *link, const SmpParams *params, gsize max_packet, gint64 round_trip)
{
	guint baud = line_baud(link);
	const char *target = smp_link_get_target(link);
	gboolean console = !g_str_has_prefix(target, "raw:") && !g_str_has_prefix(target, "cobs:");
	gsize chunk = smpctl_chunk_size(max_packet);

	if (!baud || !chunk)
		return g_strdup("");
	double bytes = baud / 10.0;
	double seconds = on_line(max_packet, console) / bytes;
	double best = bytes * (console ? 0.75 * 124 / 127 : 1);

	if (params->buf_count <= 2)
		seconds += (double)round_trip / G_USEC_PER_SEC;
	g_autofree char *now = smpctl_rate_text((double)chunk / seconds);
	g_autofree char *most = smpctl_rate_text(best);
	return g_strdup_printf("; at %u baud an upload gets %s of %s at most", baud, now, most);
}

static void tell_buffers(SmpctlDoctor *doctor, const SmpBoard *board, gsize max_packet,
			 gint64 round_trip)
{
	const SmpUploadResult full = {.chunk = smpctl_chunk_size(max_packet)};
	SmpLink *link = doctor->cli->link;
	g_autofree char *why = board->recovery ? NULL : smp_upload_explain(&board->params, &full);
	g_autofree char *params = smpctl_params_text(&board->params);
	g_autofree char *rate = rate_text(link, &board->params, max_packet, round_trip);
	g_autofree char *text = g_strdup_printf(
		"%s%s", board->params.buf_size ? params : "buffers of unknown size", rate);
	g_autoptr(JsonBuilder) json = smpctl_json_begin();
	const SmpctlCheck check = {
		.name = "speed",
		.finding = why ? SMPCTL_CHECK_NOTE : SMPCTL_CHECK_OK,
		.text = text,
		.hint = why,
		.json = json,
	};

	smpctl_json_params(json, &board->params);
	smpctl_json_int(json, "max_packet", (gint64)max_packet);
	smpctl_doctor_tell(doctor, &check);
}

static void check_mtu(SmpctlDoctor *doctor, const SmpBoard *board, gsize max_packet)
{
	gsize mtu = asked_mtu(doctor->cli);
	gboolean small = max_packet == mtu && board->params.buf_size > mtu + mtu / 8;
	g_autofree char *text = g_strdup_printf("requests are kept to %" G_GSIZE_FORMAT
						" bytes, as asked for; the board takes %u",
						mtu, board->params.buf_size);
	const SmpctlCheck check = {
		.name = "mtu",
		.finding = SMPCTL_CHECK_NOTE,
		.text = text,
		.hint = "Uploads are slower than they could be: leave out mtu= and --mtu-ovrd.",
	};

	if (mtu && small)
		smpctl_doctor_tell(doctor, &check);
}

void smpctl_doctor_speed(SmpctlDoctor *doctor, const SmpBoard *board)
{
	g_autoptr(GError) failed = NULL;
	gint64 round_trip = 0;
	gsize max_packet = 0;

	if (!smp_session_get_max_packet(doctor->cli->session, &max_packet, &failed) ||
	    (!board->recovery && !check_packets(doctor, max_packet, &round_trip, &failed))) {
		smpctl_doctor_tell_error(doctor, "packets", failed, NULL, NULL);
		return;
	}
	check_mtu(doctor, board, max_packet);
	tell_buffers(doctor, board, max_packet, round_trip);
}
