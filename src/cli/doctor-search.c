/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A port or host that does not answer as it was asked: other framings, rates, ports. In less than
 * 20 s in all, for a person waits. */

#include "doctor.h"

#include <stdio.h>
#include <string.h>

/* One request has 40 bytes in both directions: 50 ms at 9600 baud. */
#define TRY_MS 400
#define UDP_MS 1000

/* So much legible text proves a rate. */
#define PROOF 16

/* Those that boards and adapters are set to, the likeliest first. */
static const guint rates[] = {115200, 1000000, 921600, 57600, 230400, 460800, 38400, 19200, 9600};

/* What the line was given as, and what became of the search. */
typedef struct {
	SmpctlDoctor *doctor;
	const char *scheme; /* of console frames where it is a USB address */
	guint baud;
	guint legible;	/* a rate at which text comes; 0 for none */
	gboolean stuck; /* the board does not take what is sent */
} Search;

static guint baud_of(const char *target)
{
	const char *option = strpbrk(target, "?&");
	guint baud = 115200;

	for (; option; option = strpbrk(option + 1, "&")) {
		if (sscanf(option + 1, "baud=%u", &baud) == 1)
			return baud;
	}
	return 115200;
}

static const char *scheme_of(const char *target)
{
	static const char *const schemes[] = {"raw", "cobs", "shell"};

	for (guint i = 0; i < G_N_ELEMENTS(schemes); i++) {
		if (g_str_has_prefix(target, schemes[i]) && target[strlen(schemes[i])] == ':')
			return schemes[i];
	}
	return "serial";
}

static const char *framing_name(const char *scheme)
{
	if (g_str_equal(scheme, "raw"))
		return "raw SMP";
	if (g_str_equal(scheme, "cobs"))
		return "COBS frames";
	return g_str_equal(scheme, "shell") ? "SMP inside a Zephyr shell" : "console frames";
}

/* Raw servers drop what they took for half a packet after 3 s of silence; a shell half a marker
 * when it gets the other half. */
static gboolean needs_recovery(const char *scheme)
{
	return g_str_equal(scheme, "raw") || g_str_equal(scheme, "shell");
}

static gboolean is_legible(const SmpctlHeard *heard)
{
	return heard->bytes >= PROOF && heard->odd * 10 < heard->bytes;
}

static gboolean ask(Search *search, const char *scheme, guint baud, gboolean *answered,
		    GError **error)
{
	SmpLink *link = search->doctor->cli->link;

	return smp_link_retune(link, scheme, baud, error) &&
	       (!needs_recovery(scheme) || smp_link_recover(link, error)) &&
	       smpctl_doctor_is_there(search->doctor, TRY_MS, answered, error);
}

/* Returns: whether it answers. A line that cannot be set so does not, and one that went away will
 * say so the next time; but to wait each time until it takes nothing is too long. */
static gboolean try(Search *search, const char *scheme, guint baud)
{
	Smpctl *cli = search->doctor->cli;
	g_autofree char *what = g_strdup_printf("trying %s at %u baud", framing_name(scheme), baud);
	g_autoptr(GError) failed = NULL;
	gboolean answered = FALSE;

	if (search->stuck)
		return FALSE;
	smpctl_doctor_doing(search->doctor, "search", what);
	cli->heard.bytes = cli->heard.odd = 0;
	if (!ask(search, scheme, baud, &answered, &failed))
		search->stuck = g_error_matches(failed, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT);
	if (is_legible(&cli->heard) && !search->legible)
		search->legible = baud;
	return answered;
}

static gboolean try_other(Search *search, const char *scheme)
{
	return !g_str_equal(scheme, search->scheme) && try(search, scheme, search->baud);
}

static gboolean try_rates(Search *search)
{
	for (guint i = 0; i < G_N_ELEMENTS(rates) && !search->legible; i++) {
		if (rates[i] != search->baud && try(search, "serial", rates[i]))
			return TRUE;
	}
	return search->legible && search->legible != search->baud &&
	       try(search, "shell", search->legible);
}

static gboolean try_framings(Search *search)
{
	return try_other(search, "serial") || try_other(search, "raw") || try_other(search, "cobs");
}

/* Text that can be read proves the rate, and that nothing binary is spoken there: raw SMP shares
 * its port with nothing. */
static gboolean look_around(Search *search, const SmpctlHeard *heard)
{
	gboolean noise = heard->odd * 5 > heard->bytes;

	if (heard->bytes > 0 && !noise)
		return try_other(search, "shell") || try_other(search, "serial");
	if (noise)
		return try_rates(search) || try_framings(search);
	if (try_framings(search))
		return TRUE;
	return search->legible == search->baud ? try_other(search, "shell") : try_rates(search);
}

static void tell_found(Search *search)
{
	SmpctlDoctor *doctor = search->doctor;
	const char *target = smp_link_get_target(doctor->cli->link);
	const char *scheme = scheme_of(target);
	guint baud = baud_of(target);
	gboolean rate = baud != search->baud;
	g_autofree char *text =
		rate ? g_strdup_printf("wrong baud rate: it answers at %u baud, not %u%s", baud,
				       search->baud,
				       g_str_equal(scheme, "shell") ? ", inside a shell" : "")
		     : g_strdup_printf("wrong framing: it answers %s, not %s", framing_name(scheme),
				       framing_name(search->scheme));
	g_autofree char *hint = g_strdup_printf("Use -c '%s'.", target);
	g_autoptr(JsonBuilder) json = smpctl_json_begin();
	const SmpctlCheck check = {
		.name = "search",
		.finding = SMPCTL_CHECK_PROBLEM,
		.text = text,
		.hint = hint,
		.cause = rate ? "baud" : "framing",
		.status = SMPCTL_EXIT_TIMEOUT,
		.json = json,
	};

	smpctl_json_text(json, "use", target);
	smpctl_doctor_tell(doctor, &check);
}

static void tell_legible(Search *search)
{
	g_autofree char *text = g_strdup_printf("wrong baud rate: text can be read at %u baud, but "
						"nothing answers SMP there",
						search->legible);
	const SmpctlCheck check = {
		.name = "search",
		.finding = SMPCTL_CHECK_PROBLEM,
		.text = text,
		.hint = "The firmware has no SMP on this port, or it is still starting.",
		.cause = "baud",
		.status = SMPCTL_EXIT_TIMEOUT,
	};

	smpctl_doctor_tell(search->doctor, &check);
}

/* A board may have several ports, of which one has SMP. */
static char *sibling_text(SmpLink *link)
{
	g_autoptr(SmpPort) port = smp_link_get_port(link);
	g_autoptr(GPtrArray) ports = port ? smp_ports_list(NULL) : NULL;
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; ports && i < ports->len; i++) {
		const SmpPort *other = g_ptr_array_index(ports, i);

		if (g_strcmp0(other->usb_port, port->usb_port) == 0 &&
		    !g_str_equal(other->device, port->device))
			g_string_append_printf(text, "%s%s", text->len ? ", " : "", other->device);
	}
	if (text->len) {
		g_string_prepend(text, "The same device has another port: ");
		g_string_append(text, ".\n");
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}

static void tell_nothing(Search *search, const SmpctlHeard *heard)
{
	gboolean noise = heard->odd * 5 > heard->bytes;
	gboolean text = heard->bytes > 0 && !noise;
	g_autofree char *siblings = sibling_text(search->doctor->cli->link);
	g_autofree char *hint = g_strconcat(
		siblings,
		text ? "The port carries a console without SMP. Another port of the board may have "
		       "it, or the firmware needs\n"
		       "CONFIG_MCUMGR_TRANSPORT_UART=y and zephyr,uart-mcumgr in its devicetree, "
		       "or "
		       "CONFIG_MCUMGR_TRANSPORT_SHELL=y."
		     : "Is it this port, is the board powered, are RX and TX crossed, is it held "
		       "in "
		       "reset?\n"
		       "Reset it while `smpctl -v -t 60 echo x` runs to see whether anything comes "
		       "at all.",
		NULL);
	const SmpctlCheck check = {
		.name = "search",
		.finding = SMPCTL_CHECK_PROBLEM,
		.text = search->stuck ? "the board does not take what is sent: it may hang"
			: noise ? "only noise comes: no answer in other framings and at other rates"
			: text	? "only console text comes: no answer inside a shell either"
				: "nothing comes: no answer in other framings and at other rates",
		.hint = hint,
		.cause = noise	? "noise"
			 : text ? "text"
				: "silence",
		.status = SMPCTL_EXIT_TIMEOUT,
	};

	smpctl_doctor_tell(search->doctor, &check);
}

static gboolean search_serial(SmpctlDoctor *doctor)
{
	const SmpctlHeard heard = doctor->cli->heard;
	Search search = {
		.doctor = doctor,
		.scheme = scheme_of(doctor->given),
		.baud = baud_of(doctor->given),
	};

	gboolean found = look_around(&search, &heard);
	if (g_cancellable_is_cancelled(doctor->cli->cancellable))
		return FALSE;
	if (found)
		tell_found(&search);
	else if (search.legible && search.legible != search.baud)
		tell_legible(&search);
	else
		tell_nothing(&search, &heard);
	return found;
}

/* "udp:HOST" of "udp:HOST:PORT"; NULL where it names no port of its own. */
static char *default_port(const char *target)
{
	const char *bracket = strchr(target, ']');
	const char *colon = strchr(bracket ? bracket : target + strlen("udp:"), ':');

	return colon ? g_strndup(target, (gsize)(colon - target)) : NULL;
}

static gboolean search_udp(SmpctlDoctor *doctor)
{
	Smpctl *cli = doctor->cli;
	g_autofree char *target = default_port(doctor->given);
	SmpLink *link = target ? smp_link_new(target, NULL) : NULL;
	gboolean answered = FALSE;

	if (!link)
		return FALSE;
	smpctl_doctor_doing(doctor, "search", "trying port 1337");
	smp_link_set_cancellable(link, cli->cancellable);
	g_clear_pointer(&cli->session, smp_session_free);
	smp_link_free(cli->link);
	cli->link = link;
	if (!smp_link_open(link, NULL) ||
	    !smpctl_doctor_is_there(doctor, UDP_MS, &answered, NULL) || !answered)
		return FALSE;
	g_autofree char *hint = g_strdup_printf("Use -c %s.", target);
	g_autoptr(JsonBuilder) json = smpctl_json_begin();
	const SmpctlCheck check = {
		.name = "search",
		.finding = SMPCTL_CHECK_PROBLEM,
		.text = "wrong port: SMP answers on port 1337 of this host",
		.hint = hint,
		.cause = "port",
		.status = doctor->status,
		.json = json,
	};
	smpctl_json_text(json, "use", target);
	smpctl_doctor_tell(doctor, &check);
	return TRUE;
}

gboolean smpctl_doctor_search(SmpctlDoctor *doctor)
{
	if (!doctor->symptom || g_cancellable_is_cancelled(doctor->cli->cancellable))
		return FALSE;
	if (g_str_has_prefix(doctor->given, "udp:"))
		return search_udp(doctor);
	if (g_str_has_prefix(doctor->given, "ble:") || g_str_has_prefix(doctor->given, "sim:"))
		return FALSE;
	return search_serial(doctor);
}
