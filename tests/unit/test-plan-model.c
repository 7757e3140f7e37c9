/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The planner against a model of the bootloader that its actions are applied to: it always ends,
 * and what it says at the end is true of the model. */

#include "plan-players.h"

#include <smp/error.h>
#include <string.h>

#define MAX_STEPS 32

typedef struct {
	BootModel model;
	BootModel before;
	SmpBundle *bundle;
	SmpPolicy policy;
	SmpAttempt attempt;
	SmpAttemptItem items[2];
	gboolean accepted[2], answers, healthy; /* of what is uploaded */
	guint actions;
	gboolean denied; /* the board refused an action */
	gboolean dead;	 /* and does not answer any more */
	SmpPlanStep step;
} Job;

static gboolean runs_new(const BootModel *model, guint image)
{
	SmpHash hash = hash_of(NEW, image);
	return smp_hash_equal(&boot_model_running(model, image)->hash, &hash);
}

static gboolean all_run_new(const Job *job, const BootModel *model)
{
	for (guint i = 0; i < job->bundle->items->len; i++) {
		if (!runs_new(model, i))
			return FALSE;
	}
	return !model->in_recovery;
}

/* What ran, or what a running trial would have fallen back to. */
static gboolean runs_as_before(const Job *job, const BootModel *model)
{
	for (guint i = 0; i < job->bundle->items->len; i++) {
		const BootModel *b = &job->before;
		const SmpHash *hash = &boot_model_running(model, i)->hash;
		const SmpHash *fallback = &b->slots[i][1 - b->active[i]].hash;
		if (!smp_hash_equal(hash, &boot_model_running(b, i)->hash) &&
		    !(b->trial[i] && smp_hash_equal(hash, fallback)))
			return FALSE;
	}
	return TRUE;
}

/* Whether it has an older version started that was not on its way before. */
static gboolean downgraded(const Job *job)
{
	gboolean older = versions[NEW].minor < versions[OLD].minor;

	/* What was on trial, or about to be, may be tried again. */
	return older && !job->before.trial[0] &&
	       !job->before.slots[0][1 - job->before.active[0]].pending &&
	       !(job->policy.allow & SMP_INTERLOCK_DOWNGRADE) && !job->before.in_recovery &&
	       job->items[0].uploads + job->items[0].marks > 0;
}

/* How the board would be after one more reset. */
static BootModel after_reset(const Job *job)
{
	BootModel later = job->model;

	later.unmet = FALSE;
	boot_model_boot(&later);
	return later;
}

static void note(Job *job, int code)
{
	SmpAttemptItem *item = &job->items[job->step.item];

	if (code == 0)
		item->marks++;
	else if (code == SMP_IMAGE_RC_IMAGE_CONFIRMATION_DENIED &&
		 job->step.action == SMP_ACTION_MAKE_PENDING)
		job->attempt.confirm_denied = TRUE;
	else
		job->denied = TRUE;
}

/* What the runner does (src/update/runner.c), with the model for a board. */
static void perform(Job *job)
{
	guint image = job->step.item;
	SmpHash hash = hash_of(NEW, image);
	BootSlot content = content_of(NEW, image);

	job->actions++;
	content.accepted = job->accepted[image];
	content.answers = job->answers;
	switch (job->step.action) {
	case SMP_ACTION_UPLOAD:
		job->items[image].uploads++;
		job->denied |= boot_model_upload(&job->model, image, &content) != 0;
		break;
	case SMP_ACTION_TEST:
		note(job, boot_model_mark(&job->model, &hash, FALSE));
		break;
	case SMP_ACTION_MAKE_PENDING:
		note(job, boot_model_mark(&job->model, &hash, TRUE));
		break;
	case SMP_ACTION_CONFIRM:
		job->items[image].confirms++;
		job->denied |= boot_model_mark(&job->model, image ? &hash : NULL, TRUE) != 0;
		break;
	case SMP_ACTION_ERASE:
		job->denied |= boot_model_erase(&job->model, image) != 0;
		break;
	case SMP_ACTION_ENTER_RECOVERY:
		job->attempt.recoveries++;
		boot_model_enter_recovery(&job->model);
		break;
	case SMP_ACTION_CHECK_HEALTH:
		job->attempt.health = job->healthy ? SMP_HEALTH_GOOD : SMP_HEALTH_BAD;
		break;
	case SMP_ACTION_RESET:
		job->attempt.resets++;
		job->dead = !boot_model_reset(&job->model);
		break;
	case SMP_ACTION_UNDO:
		job->attempt.undos++;
		job->dead = !boot_model_reset(&job->model);
		break;
	default:
		g_assert_not_reached();
	}
}

/* What the runner notes at each look. */
static void look(Job *job, gboolean first)
{
	for (guint i = 0; i < job->bundle->items->len; i++) {
		if (job->model.in_recovery || !runs_new(&job->model, i))
			continue;
		job->items[i].ran = TRUE;
		job->items[i].ran_before |= first && !job->model.trial[i];
	}
}

static gboolean can_revert(const BootModel *model)
{
	return model->marks && !model->in_recovery &&
	       model->mode != SMP_BOOTLOADER_MODE_OVERWRITE_ONLY;
}

static gboolean is_xip(const BootModel *model)
{
	return model->mode == SMP_BOOTLOADER_MODE_DIRECT_XIP_REVERT ||
	       model->mode == SMP_BOOTLOADER_MODE_RAM_LOAD;
}

static gboolean wants_trial(const Job *job)
{
	return job->policy.mode == SMP_UPDATE_TEST_AND_CONFIRM ||
	       job->policy.mode == SMP_UPDATE_TEST_ONLY;
}

/* A trial that is to be kept must not be undone by our own reset; and nothing is started that could
 * not be undone unless that is allowed. */
static void check_reset(const Job *job)
{
	const BootModel *m = &job->model;

	for (guint i = 0; i < job->bundle->items->len; i++) {
		g_assert_false(!m->in_recovery && m->trial[i] && runs_new(m, i));
	}
	if (wants_trial(job) && !(job->policy.allow & SMP_INTERLOCK_NO_REVERT) && m->tells_mode)
		g_assert_true(can_revert(m));
	g_assert_cmpint(job->policy.mode, !=, SMP_UPDATE_UPLOAD_ONLY);
}

static void check_rolled_back(const Job *job, const BootModel *later)
{
	gboolean started = FALSE;

	g_assert_true(runs_as_before(job, &job->model));
	g_assert_true(runs_as_before(job, later));
	g_assert_cmpuint(job->attempt.resets, >, 0);
	for (guint i = 0; i < job->bundle->items->len; i++)
		started |= job->model.swapped[i] || job->before.trial[i];
	/* Where the undone image is erased it cannot be known, and where the mode is not told it
	 * cannot be known that it would be. */
	if (strstr(job->step.reason, "is gone") || (!job->model.tells_mode && is_xip(&job->model)))
		return;
	gboolean said = strstr(job->step.reason, "was started and undone") != NULL;
	g_assert_true(!said || started);
	if (job->bundle->items->len == 1)
		g_assert_true(said == started);
}

/* Whether what the planner says at the end is so. */
static void check_end(const Job *job)
{
	BootModel later = after_reset(job);
	g_assert_false(downgraded(job));
	gboolean changed = memcmp(&job->before, &job->model, sizeof job->model) != 0;

	switch (job->step.end) {
	case SMP_END_UPDATED:
	case SMP_END_UP_TO_DATE:
		g_assert_true(all_run_new(job, &job->model));
		g_assert_true(all_run_new(job, &later));
		g_assert_true((job->step.end == SMP_END_UPDATED) == (job->actions > 0));
		g_assert_cmpint(job->actions > 0, ==, changed);
		break;
	case SMP_END_ON_TRIAL:
		g_assert_true(all_run_new(job, &job->model));
		g_assert_false(all_run_new(job, &later));
		break;
	case SMP_END_UPLOADED:
		g_assert_cmpint(job->policy.mode, ==, SMP_UPDATE_UPLOAD_ONLY);
		g_assert_cmpuint(job->attempt.resets, ==, 0);
		break;
	case SMP_END_ROLLED_BACK:
		check_rolled_back(job, &later);
		break;
	case SMP_END_REFUSED:
		g_assert_cmpuint(job->actions, ==, 0);
		g_assert_false(changed);
		break;
	case SMP_END_FAILED_INTACT:
		g_assert_true(runs_as_before(job, &job->model));
		/* Something held it back. */
		g_assert_true(job->model.unmet || !job->model.marks);
		break;
	case SMP_END_NEEDS_ATTENTION:
		g_assert_false(all_run_new(job, &job->model) && all_run_new(job, &later));
		g_assert_true(
			job->model.in_recovery || !runs_as_before(job, &job->model) ||
			memcmp(job->before.trial, job->model.trial, sizeof job->model.trial) != 0);
		break;
	default:
		g_assert_not_reached();
	}
}

static void describe_model(const Job *job, const BootModel *m, const char *when)
{
	for (guint i = 0; i < m->images; i++) {
		for (guint s = 0; s < 2; s++) {
			const BootSlot *slot = &m->slots[i][s];
			if (slot->present)
				g_test_message("%s %u/%u player %d%s%s%s%s%s%s", when, i, s,
					       slot->hash.data[0] & 15,
					       s == m->active[i] ? " active" : "",
					       m->trial[i] ? " (trial)" : "",
					       slot->pending ? " pending" : "",
					       slot->permanent ? " permanent" : "",
					       slot->accepted ? "" : " bad",
					       slot->answers ? "" : " silent");
		}
	}
	if (m == &job->before)
		g_test_message("mode %d told %d marks %d denied %d recovery %d unmet %d; policy %d "
			       "allow %d %d",
			       m->mode, m->tells_mode, m->marks, m->confirm_denied, m->in_recovery,
			       m->unmet, job->policy.mode,
			       (job->policy.allow & SMP_INTERLOCK_DOWNGRADE),
			       (job->policy.allow & SMP_INTERLOCK_NO_REVERT));
}

static void tell(const Job *job, GString *log)
{
	if (job->step.action == SMP_ACTION_END)
		g_string_append_printf(log, "→ %s: %s", smp_end_name(job->step.end),
				       job->step.reason);
	else
		g_string_append_printf(log, "→ %s %u ", smp_action_name(job->step.action),
				       job->step.item);
}

static gboolean verbose;

/* Runs it to its end. Returns it. */
static SmpEnd run_job(Job *job)
{
	g_autoptr(GString) log = g_string_new(NULL);

	job->attempt.items = job->items;
	job->before = job->model;
	for (guint i = 0; i < MAX_STEPS; i++) {
		g_autoptr(SmpBoard) board = boot_model_board(&job->model);
		look(job, i == 0);
		smp_plan_step_clear(&job->step);
		smp_plan_next(board, job->bundle, &job->policy, &job->attempt, &job->step);
		tell(job, log);
		if (verbose) {
			describe_model(job, i ? &job->model : &job->before, i ? "then" : "first");
			g_test_message("%s", log->str);
		}
		check_step(&job->step, board, job->bundle);
		if (job->step.action == SMP_ACTION_END) {
			check_end(job);
			return job->step.end;
		}
		if (job->step.action == SMP_ACTION_RESET)
			check_reset(job);
		perform(job);
		/* Nothing is asked that the board has to refuse. */
		g_assert_false(job->denied);
		if (job->dead) {
			g_assert_true(!can_revert(&job->before) ||
				      (job->policy.allow & SMP_INTERLOCK_NO_REVERT) ||
				      job->policy.mode == SMP_UPDATE_CONFIRM ||
				      !boot_model_running(&job->before, 0)->answers);
			return SMP_END_NEEDS_ATTENTION;
		}
	}
	g_test_message("%s", log->str);
	g_assert_not_reached();
}

/* What is in the slots of an image at first. */
enum {
	EMPTY,
	OTHER_THIRD,
	OTHER_NEW,
	NEW_PENDING,
	NEW_PERMANENT,
	THIRD_PENDING,
	THIRD_PERMANENT,
	RUNS_NEW,
	TRIES_NEW,
	TRIES_THIRD,
	N_STATES,
};

static void set_state(Job *job, guint image, guint state)
{
	BootModel *m = &job->model;
	BootSlot *slots = m->slots[image];
	guint other = state == EMPTY || state == RUNS_NEW ? N_PLAYERS
		      : state == OTHER_THIRD || state == THIRD_PENDING || state == THIRD_PERMANENT
			      ? THIRD
		      : state == TRIES_NEW || state == TRIES_THIRD ? OLD
								   : NEW;
	guint active = state == RUNS_NEW || state == TRIES_NEW ? NEW
		       : state == TRIES_THIRD		       ? THIRD
							       : OLD;

	slots[0] = content_of(active, image);
	slots[1] = other < N_PLAYERS ? content_of(other, image) : (BootSlot){0};
	if (other == NEW) {
		slots[1].accepted = job->accepted[image];
		slots[1].answers = job->answers;
	}
	slots[1].permanent = state == NEW_PERMANENT || state == THIRD_PERMANENT;
	slots[1].pending = slots[1].permanent || state == NEW_PENDING || state == THIRD_PENDING;
	m->trial[image] = state == TRIES_NEW || state == TRIES_THIRD;
}

/* Whether a bootloader of this kind can be in such a state. */
static gboolean exists(const BootModel *m, guint state)
{
	if (m->in_recovery)
		return state == EMPTY || state == OTHER_THIRD || state == RUNS_NEW;
	if (!m->marks)
		return state < NEW_PENDING || state == RUNS_NEW;
	return can_revert(m) || (state != TRIES_NEW && state != TRIES_THIRD);
}

/* The kinds of board. */
static void set_board(BootModel *m, guint kind)
{
	static const SmpBootloaderMode modes[] = {
		SMP_BOOTLOADER_MODE_SWAP_MOVE,	SMP_BOOTLOADER_MODE_OVERWRITE_ONLY,
		SMP_BOOTLOADER_MODE_DIRECT_XIP, SMP_BOOTLOADER_MODE_DIRECT_XIP_REVERT,
		SMP_BOOTLOADER_MODE_RAM_LOAD,	SMP_BOOTLOADER_MODE_RAM_LOAD,
		SMP_BOOTLOADER_MODE_SWAP_MOVE,
	};
	m->mode = modes[kind];
	m->marks = kind != 2 && kind != 4;
	m->in_recovery = kind == 6;
}

#define N_KINDS 7

static guint ends[8];

static void run_variant(guint images, guint kind, guint state, guint traits)
{
	Job job = {.bundle = NULL};
	BootSlot running[2] = {content_of(OLD, 0), content_of(OLD, 1)};
	versions[NEW].minor = traits >> 8 & 1 ? 1 : 3;
	boot_model_init(&job.model, images, running);
	set_board(&job.model, kind);
	job.model.tells_mode = traits & 1;
	job.model.confirm_denied = traits >> 1 & 1;
	job.model.shows_next = traits >> 1 & 1;
	job.policy.allow = traits >> 2 & 1 ? ~0u : 0;
	job.policy.stop_before = SMP_ACTION_END;
	job.policy.mode = (SmpUpdateMode)(traits >> 3 & 3);
	job.accepted[0] = TRUE;
	job.accepted[1] = traits >> 5 & 1;
	if (images == 1)
		job.accepted[0] = traits >> 5 & 1;
	job.answers = traits >> 6 & 1;
	job.model.unmet = traits >> 7 & 1;
	job.bundle = make_bundle(images, &versions[NEW]);
	gboolean possible = TRUE;
	for (guint i = 0; i < images; i++) {
		guint s = i ? state / N_STATES : state % N_STATES;
		possible &= exists(&job.model, s);
		set_state(&job, i, s);
	}
	/* What runs has to be a board that can be talked to. */
	if (possible && boot_model_answers(&job.model))
		ends[run_job(&job)]++;
	versions[NEW].minor = 3;
	smp_plan_step_clear(&job.step);
	smp_bundle_free(job.bundle);
}

static void count_ends(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(ends); i++)
		g_test_message("%6u %s", ends[i], smp_end_name((SmpEnd)i));
	memset(ends, 0, sizeof ends);
}

static void test_model_one(void)
{
	for (guint kind = 0; kind < N_KINDS; kind++) {
		for (guint state = 0; state < N_STATES; state++) {
			for (guint traits = 0; traits < 512; traits++)
				run_variant(1, kind, state, traits);
		}
	}
	for (guint i = 0; i < G_N_ELEMENTS(ends); i++)
		g_assert_cmpuint(ends[i], >, 0);
	count_ends();
}

/* All of them; every so-manieth where it takes long, as under valgrind. */
static void test_model_two(void)
{
	const char *text = g_getenv("SMP_SWEEP_EVERY");
	guint every = text ? (guint)g_ascii_strtoull(text, NULL, 10) : 1, n = 0;

	for (guint kind = 0; kind < N_KINDS; kind++) {
		for (guint state = 0; state < N_STATES * N_STATES; state++) {
			for (guint traits = 0; traits < 512; traits++) {
				if (n++ % MAX(every, 1) == 0)
					run_variant(2, kind, state, traits);
			}
		}
	}
	count_ends();
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	verbose = g_getenv("VERBOSE_PLAN") != NULL;
	g_test_add_func("/plan/model/one", test_model_one);
	g_test_add_func("/plan/model/two", test_model_two);
	return g_test_run();
}
