/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "world.h"

#include "protocol/cbor.h"
#include "sim/group-image.h"
#include "update/journal-private.h"

#include <glib/gstdio.h>
#include <string.h>

#define NEW_SIZE 1500
#define REST	 (90 * G_TIME_SPAN_SECOND)

const char *fault_name(FaultKind kind)
{
	static const char *const names[] = {
		[FAULT_LOSE_REQUEST] = "lose-request",
		[FAULT_LOSE_REPLY] = "lose-reply",
		[FAULT_CUT_SHORT] = "cut-short",
		[FAULT_CUT] = "cut",
		[FAULT_CUT_LONG] = "cut-long",
		[FAULT_RESET] = "reset",
		[FAULT_POWER_CUT] = "power-cut",
		[FAULT_POWER_CUT_AT_WRITE] = "power-cut-at-write",
		[FAULT_KILL_BEFORE] = "kill-before",
		[FAULT_KILL_AFTER] = "kill-after",
		[FAULT_KILL_BEFORE_WRITE] = "kill-before-write",
		[FAULT_KILL_AFTER_WRITE] = "kill-after-write",
		[FAULT_FAIL_WRITE] = "fail-write",
		[FAULT_NONE] = "none",
	};
	return names[kind];
}

void outcome_clear(Outcome *outcome)
{
	smp_update_result_free(outcome->result);
	g_clear_error(&outcome->error);
	g_free(outcome->state);
	*outcome = (Outcome){0};
}

/* What the board is given as its own faults; the client's are the world's. */
static void add_fault(SimConfig *config, const Fault *fault)
{
	static const struct {
		gboolean any;
		SimFaultKind kind;
		gint64 value;
	} kinds[N_FAULTS] = {
		[FAULT_LOSE_REQUEST] = {TRUE, SIM_FAULT_LOSE_REQUEST, 0},
		[FAULT_LOSE_REPLY] = {TRUE, SIM_FAULT_LOSE_REPLY, 0},
		[FAULT_CUT_SHORT] = {TRUE, SIM_FAULT_CUT_LINK, 100},
		[FAULT_CUT] = {TRUE, SIM_FAULT_CUT_LINK, 20 * 1000},
		[FAULT_CUT_LONG] = {TRUE, SIM_FAULT_CUT_LINK, 600 * 1000},
		[FAULT_RESET] = {TRUE, SIM_FAULT_RESET_AT, 0},
		[FAULT_POWER_CUT] = {TRUE, SIM_FAULT_POWER_CUT_AT, 500},
		[FAULT_POWER_CUT_AT_WRITE] = {TRUE, SIM_FAULT_POWER_CUT_AT_WRITE, 500},
	};

	if (fault->kind < N_FAULTS && kinds[fault->kind].any)
		config->faults[config->n_faults++] = (SimFault){
			.kind = kinds[fault->kind].kind,
			.at = fault->at,
			.value = kinds[fault->kind].value,
		};
}

static guint64 fault_at(const World *world, FaultKind kind)
{
	for (guint i = 0; i < G_N_ELEMENTS(world->faults); i++) {
		if (world->faults[i].kind == kind)
			return world->faults[i].at;
	}
	return 0;
}

static GByteArray *make_new(guint image)
{
	SimVersion version = {1, 1, 0, 0};
	return sim_image_make(&version, NEW_SIZE, 100 + image, NULL, 0);
}

void world_kill(World *world, FaultKind kind, guint64 at)
{
	world->faults[0] = (Fault){kind, world->writes + at};
	world->peer.kill_before = kind == FAULT_KILL_BEFORE ? world->peer.requests + at : 0;
	world->peer.kill_after = kind == FAULT_KILL_AFTER ? world->peer.requests + at : 0;
}

static char *image_path(const World *world, guint image)
{
	g_autofree char *name = g_strdup_printf("image-%u.bin", image);
	return g_build_filename(world->folder, name, NULL);
}

static void make_file(World *world, guint image)
{
	g_autoptr(GByteArray) bytes = make_new(image);
	g_autofree char *path = image_path(world, image);
	g_autoptr(GError) error = NULL;

	smp_hash_set(&world->new[image], bytes->data + bytes->len - 32, 32);
	if (!g_file_test(path, G_FILE_TEST_EXISTS) &&
	    !g_file_set_contents(path, (const char *)bytes->data, bytes->len, &error))
		g_error("%s", error->message);
}

static const SmpHash no_hash;

/* What runs of an image; a network core's own flash, or the active slot. */
static SmpHash running_hash(SimBoard *board, guint image)
{
	SmpHash hash = no_hash;
	SimImage found;
	gboolean good;

	if (image == (guint)board->config.net_core)
		good = sim_image_check(sim_flash_data(board->flash, sim_net_core_area(board)),
				       board->config.slot_size, &found);
	else
		good = sim_slot_check(board, image, board->active[image], &found);
	if (good)
		smp_hash_set(&hash, found.hash, SIM_IMAGE_HASH_SIZE);
	return hash;
}

/* Runs before the board's own requests are looked at: a confirmation without a hash keeps what
 * runs, one with a hash installs it. */
static void watch(const guint8 *packet, gsize size, gpointer user_data)
{
	World *world = user_data;
	SmpHeader header;
	SmpCbor map;
	SmpHash hash = no_hash;
	const guint8 *data;
	gsize length;

	smp_header_read(packet, &header);
	if (header.op != SMP_OP_WRITE || header.group != SMP_GROUP_IMAGE || header.command != 0 ||
	    !smp_cbor_check(packet + SMP_HEADER_SIZE, size - SMP_HEADER_SIZE, &map) ||
	    !smp_cbor_get_bool(&map, "confirm") || world->lie)
		return;
	if (smp_cbor_get_bytes(&map, "hash", &data, &length))
		smp_hash_set(&hash, data, length);
	for (guint i = 0; i < world->scenario->images; i++) {
		SmpHash runs = running_hash(world->peer.board, i);
		gboolean meant = hash.size ? smp_hash_equal(&hash, &world->new[i]) : i == 0;
		if (!meant || world->scenario->policy.mode == SMP_UPDATE_CONFIRM)
			continue;
		if (!smp_hash_equal(&runs, &world->new[i]) || world->scenario->unwell)
			world->lie = g_strdup_printf(
				"a confirmation of image %u was sent while it runs %s", i,
				world->scenario->unwell ? "unwell" : "another");
	}
}

void world_init(World *world, const Scenario *scenario, const char *folder, const Fault *faults,
		guint n_faults)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *journal = g_build_filename(folder, "board.job", NULL);

	*world = (World){.scenario = scenario,
			 .folder = g_strdup(folder),
			 .faults = {{FAULT_NONE, 0}, {FAULT_NONE, 0}}};
	(void)g_remove(journal);
	scenario_config(scenario, &world->config);
	for (guint i = 0; i < n_faults; i++) {
		world->faults[i] = faults[i];
		add_fault(&world->config, &faults[i]);
	}
	SimBoard *board = sim_board_new(&world->config, NULL, 0, &error);
	g_assert_no_error(error);
	sim_peer_init(&world->peer, board, scenario->vanishes);
	world->peer.kill_before = fault_at(world, FAULT_KILL_BEFORE);
	world->peer.kill_after = fault_at(world, FAULT_KILL_AFTER);
	world->peer.watch = watch;
	world->peer.watch_data = world;
	for (guint i = 0; i < scenario->images; i++) {
		world->old[i] = running_hash(board, i);
		make_file(world, i);
	}
}

void world_clear(World *world)
{
	sim_peer_clear(&world->peer);
	g_clear_pointer(&world->folder, g_free);
	g_clear_pointer(&world->lie, g_free);
}

/* A killed process writes nothing, neither does one on a full disk. */
static gboolean on_write(gboolean written, gpointer user_data, GError **error)
{
	World *world = user_data;

	world->writes += !written;
	if (world->writes == fault_at(world, FAULT_FAIL_WRITE) && !written) {
		g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_STATE,
			    "cannot write the journal: no space left on device");
		return FALSE;
	}
	if (world->writes ==
	    fault_at(world, written ? FAULT_KILL_AFTER_WRITE : FAULT_KILL_BEFORE_WRITE))
		sim_peer_kill(&world->peer);
	if (!world->peer.killed)
		return TRUE;
	g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "killed");
	return FALSE;
}

static gboolean check_health(gpointer user_data, GError **error)
{
	World *world = user_data;

	if (world->scenario->unwell)
		g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED, "unwell");
	return !world->scenario->unwell;
}

static SmpBundle *load_bundle(World *world)
{
	SmpBundle *bundle = smp_bundle_new();

	for (guint i = 0; i < world->scenario->images; i++) {
		g_autoptr(GError) error = NULL;
		g_autofree char *path = image_path(world, i);
		if (!smp_bundle_add(bundle, path, i, &error))
			g_error("%s", error->message);
		SmpBundleItem *item = g_ptr_array_index(bundle->items, i);
		item->network_core = (int)i == world->config.net_core;
	}
	return bundle;
}

static void trace(SmpTraceKind kind, const guint8 *packet, gsize size, const char *note,
		  gpointer user_data)
{
	static const char *const kinds[] = {"->", "<-", "x-"};
	World *world = user_data;
	g_autoptr(GString) hex = g_string_new(NULL);

	for (gsize i = 0; i < MIN(size, 60); i++)
		g_string_append_printf(hex, "%02x", packet[i]);
	g_printerr("# %8.3f %" G_GUINT64_FORMAT " %s %s %s\n",
		   (double)smp_link_now(world->peer.link) / G_TIME_SPAN_SECOND,
		   sim_board_requests(world->peer.board), kinds[kind], hex->str, note ? note : "");
}

static void tell(const SmpUpdateEvent *event, gpointer user_data)
{
	if (event->kind == SMP_UPDATE_EVENT_STEP)
		g_printerr("# step %s: %s\n", smp_action_name(event->step->action),
			   event->step->reason);
}

static void run_update(World *world, SmpJournal *journal, Outcome *outcome)
{
	g_autoptr(SmpSession) session = smp_session_new(world->peer.link);
	g_autoptr(SmpBundle) bundle = load_bundle(world);
	const SmpPolicy *policy = &world->scenario->policy;

	smp_journal_set_hook(journal, on_write, world);
	if (!smp_journal_begin(journal, bundle, policy, NULL, &outcome->error))
		return;
	g_autoptr(SmpUpdate) update = smp_update_new(session, bundle, policy);
	smp_update_set_journal(update, journal);
	smp_update_set_health_func(update, check_health, world);
	if (g_getenv("SMP_SWEEP_TRACE")) {
		smp_session_set_trace(session, trace, world);
		smp_update_set_event_func(update, tell, world);
	}
	outcome->result = smp_update_run(update, &outcome->error);
	outcome->state = smp_update_state(update);
}

static Truth look(World *world, gint64 now)
{
	SimBoard *board = world->peer.board;
	Truth truth = {sim_board_state(board, now), TRUE, TRUE, FALSE, TRUE, TRUE};
	gboolean any_new = FALSE;

	for (guint i = 0; i < world->scenario->images; i++) {
		SmpHash runs = running_hash(board, i);
		gboolean new = smp_hash_equal(&runs, &world->new[i]);
		gboolean net_core = (int)i == world->config.net_core;
		SimImage other;
		gboolean stored = !net_core &&
				  sim_slot_read(board, i, 1 - board->active[i], &other) &&
				  memcmp(other.hash, world->new[i].data, SIM_IMAGE_HASH_SIZE) == 0;
		truth.old &= smp_hash_equal(&runs, &world->old[i]);
		truth.new &= new;
		any_new |= new;
		truth.stored &= new || stored;
		truth.confirmed &= net_core || sim_slot_flags(board, i, board->active[i]).confirmed;
	}
	truth.mixed = any_new && !truth.new;
	return truth;
}

void world_look(World *world, Truth *truth)
{
	sim_peer_settle(&world->peer, REST);
	*truth = look(world, world->peer.now);
}

void world_run(World *world, Outcome *outcome)
{
	SmpLink *link = sim_peer_connect(&world->peer);
	gint64 start = smp_link_now(link);
	g_autoptr(SmpJournal) journal = smp_journal_open(world->folder, "board", &outcome->error);

	g_assert_no_error(outcome->error);
	outcome->flash_before = sim_board_flash_operations(world->peer.board);
	outcome->busy = sim_board_busy_until(world->peer.board) > start;
	run_update(world, journal, outcome);
	outcome->killed = world->peer.killed;
	outcome->flash_after = sim_board_flash_operations(world->peer.board);
	outcome->duration = smp_link_now(link) - start;
	outcome->truth = look(world, smp_link_now(link));
	sim_peer_disconnect(&world->peer);
	world->peer.kill_before = world->peer.kill_after = 0;
}

char *outcome_text(const Outcome *outcome)
{
	if (outcome->result)
		return g_strdup_printf("%s: %s%s%s", smp_end_name(outcome->result->end),
				       outcome->result->message,
				       outcome->result->detail ? " | " : "",
				       outcome->result->detail ? outcome->result->detail : "");
	return g_strdup_printf("%s: %s | %s", outcome->killed ? "killed" : "error",
			       outcome->error ? outcome->error->message : "?",
			       outcome->state ? outcome->state : "");
}

/* Where a board starts again by itself, what was said of it is about how it comes back. */
static gboolean end_is_true(World *world, SmpEnd end, const Truth *truth)
{
	gboolean kept = truth->confirmed || !scenario_reverts(world->scenario);

	switch (end) {
	case SMP_END_UPDATED:
	case SMP_END_UP_TO_DATE:
		return truth->new &&kept;
	case SMP_END_ON_TRIAL:
		return truth->new && !truth->confirmed;
	case SMP_END_UPLOADED:
		return truth->stored;
	case SMP_END_ROLLED_BACK:
	case SMP_END_FAILED_INTACT:
		return truth->old && truth->confirmed;
	case SMP_END_REFUSED:
		return FALSE;
	case SMP_END_NEEDS_ATTENTION:
		return TRUE;
	}
	return FALSE;
}

static gboolean restarts(const World *world)
{
	return fault_at(world, FAULT_RESET) || fault_at(world, FAULT_POWER_CUT) ||
	       fault_at(world, FAULT_POWER_CUT_AT_WRITE);
}

/* What sentences say about the board, as far as they are of fixed form. */
static const char *false_sentence(World *world, const Outcome *outcome, const Truth *truth)
{
	g_autofree char *text = outcome->result ? g_strconcat(outcome->result->message, " ",
							      outcome->result->detail, NULL)
						: g_strdup(outcome->state ? outcome->state : "");
	gboolean answers = truth->state == SIM_STATE_APP;

	if (strstr(text, "Nothing was changed") && !outcome->busy && !restarts(world) &&
	    outcome->flash_before != outcome->flash_after)
		return "says that nothing was changed";
	if (answers && strstr(text, "runs " OLD_VERSION) && truth->new)
		return "says that the old image runs";
	if (answers && strstr(text, "runs " NEW_VERSION) && truth->old)
		return "says that the new image runs";
	if (answers && strstr(text, "on trial:") && truth->confirmed)
		return "says that it is on trial";
	if (strstr(text, "was not reset") && truth->new)
		return "says that the board was not reset";
	if (answers && strstr(text, "no other image that it could start") && truth->confirmed &&
	    (truth->new || truth->old))
		return "says that it cannot start";
	return NULL;
}

char *world_check(World *world, const Outcome *outcome)
{
	Truth truth = outcome->truth;

	if (world->lie)
		return g_strdup(world->lie);
	if (outcome->duration > 300 * G_TIME_SPAN_SECOND)
		return g_strdup_printf("took %.0f s",
				       (double)outcome->duration / G_TIME_SPAN_SECOND);
	if (truth.state != SIM_STATE_APP && truth.state != SIM_STATE_RECOVERY)
		world_look(world, &truth);
	if (truth.state == SIM_STATE_BRICKED)
		return g_strdup("the board is bricked");
	if (outcome->killed)
		return NULL;
	if (outcome->result && !end_is_true(world, outcome->result->end, &truth))
		return g_strdup("the end is not true");
	return g_strdup(false_sentence(world, outcome, &truth));
}

gboolean world_at_goal(World *world, const Outcome *outcome)
{
	static const SmpEnd ends[] = {
		[GOAL_UPDATED] = SMP_END_UPDATED,	[GOAL_ON_TRIAL] = SMP_END_ON_TRIAL,
		[GOAL_UPLOADED] = SMP_END_UPLOADED,	[GOAL_ROLLED_BACK] = SMP_END_ROLLED_BACK,
		[GOAL_STUCK] = SMP_END_NEEDS_ATTENTION,
	};
	Goal goal = world->scenario->goal;

	if (!outcome->result)
		return FALSE;
	if (goal == GOAL_UPDATED && outcome->result->end == SMP_END_UP_TO_DATE)
		return TRUE;
	return outcome->result->end == ends[goal] &&
	       (goal != GOAL_STUCK || strstr(outcome->result->message, "failed its health check"));
}
