/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "typed.h"

#include "wire.h"

#include <smp/image.h>
#include <smp/os.h>

typedef struct {
	GByteArray *payload;
	GByteArray *request;
	guint seconds;
} Board;

static void receive(gpointer peer, SmpLink *link, const guint8 *packet, gsize size, gint64 now)
{
	Board *board = peer;

	if (board->request) {
		g_byte_array_set_size(board->request, 0);
		g_byte_array_append(board->request, packet, (guint)size);
	}
	wire_answer(link, packet, board->payload, now + 1000 + board->seconds * G_TIME_SPAN_SECOND);
}

static const SmpTestPeer peer = {.receive = receive};

static char *ok(gboolean done)
{
	return done ? g_strdup("done") : NULL;
}

static char *params(SmpSession *session, GError **error)
{
	SmpParams p;

	if (!smp_session_get_params(session, &p, error))
		return NULL;
	return g_strdup_printf("size %u count %u", p.buf_size, p.buf_count);
}

static char *mode(SmpSession *session, GError **error)
{
	SmpBootloaderMode m;
	gboolean no_downgrade;

	if (!smp_os_bootloader_mode(session, &m, &no_downgrade, error))
		return NULL;
	g_assert_nonnull(smp_bootloader_mode_name(m));
	return g_strdup_printf("mode %d no-downgrade %d", m, no_downgrade);
}

static char *b0_slot(SmpSession *session, GError **error)
{
	int slot;

	return smp_os_b0_slot(session, &slot, error) ? g_strdup_printf("b0 slot %d", slot) : NULL;
}

static char *tasks(SmpSession *session, GError **error)
{
	g_autoptr(GPtrArray) list = smp_os_task_statistics(session, error);
	GString *text = g_string_new(NULL);

	for (guint i = 0; list && i < list->len; i++) {
		const SmpTask *t = list->pdata[i];
		g_assert_true(g_utf8_validate(t->name, -1, NULL));
		g_string_append_printf(
			text,
			"%s prio %" G_GINT64_FORMAT " tid %" G_GINT64_FORMAT
			" state %" G_GINT64_FORMAT " stkuse %" G_GINT64_FORMAT
			" stksiz %" G_GINT64_FORMAT " cswcnt %" G_GINT64_FORMAT
			" runtime %" G_GINT64_FORMAT " last_checkin %" G_GINT64_FORMAT
			" next_checkin %" G_GINT64_FORMAT "\n",
			t->name, t->priority, t->id, t->state, t->stack_used, t->stack_size,
			t->context_switches, t->runtime, t->last_checkin, t->next_checkin);
	}
	return g_string_free(text, !list);
}

static char *pools(SmpSession *session, GError **error)
{
	g_autoptr(GPtrArray) list = smp_os_memory_pools(session, error);
	GString *text = g_string_new(NULL);

	for (guint i = 0; list && i < list->len; i++) {
		const SmpMemoryPool *p = list->pdata[i];
		g_assert_true(g_utf8_validate(p->name, -1, NULL));
		g_string_append_printf(text,
				       "%s blksiz %" G_GINT64_FORMAT " nblks %" G_GINT64_FORMAT
				       " nfree %" G_GINT64_FORMAT " min %" G_GINT64_FORMAT "\n",
				       p->name, p->block_size, p->blocks, p->free, p->min_free);
	}
	return g_string_free(text, !list);
}

static char *describe_state(SmpImageState *state)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < state->slots->len; i++) {
		const SmpImageSlot *s = state->slots->pdata[i];
		g_autofree char *hash = smp_hash_to_string(&s->hash);
		g_assert_true(g_utf8_validate(s->version, -1, NULL));
		g_assert_cmpuint(s->hash.size, <=, 64);
		g_string_append_printf(text, "%u/%u %s [%s]%s%s%s%s%s%s\n", s->image, s->slot,
				       s->version, hash, s->has_flags ? " flags" : "",
				       s->bootable ? " bootable" : "", s->pending ? " pending" : "",
				       s->confirmed ? " confirmed" : "", s->active ? " active" : "",
				       s->permanent ? " permanent" : "");
	}
	g_string_append_printf(text, "split %d", state->split_status);
	smp_image_state_free(state);
	return g_string_free(text, FALSE);
}

static char *slots(SmpSession *session, GError **error)
{
	g_autoptr(GPtrArray) list = smp_image_slot_info(session, error);
	GString *text = g_string_new(NULL);

	for (guint i = 0; list && i < list->len; i++) {
		const SmpSlotInfo *s = list->pdata[i];
		g_string_append_printf(text,
				       "%u/%u size %" G_GUINT64_FORMAT " rc %" G_GINT64_FORMAT
				       " upload %" G_GINT64_FORMAT " max %" G_GUINT64_FORMAT "\n",
				       s->image, s->slot, s->size, s->rc, s->upload_image_id,
				       s->max_image_size);
	}
	return g_string_free(text, !list);
}

static char *upload(SmpSession *session, GError **error)
{
	const SmpImageUpload what = {.length = 100};
	g_autoptr(GByteArray) request = g_byte_array_new();
	guint64 offset;
	int match;

	smp_image_upload_encode(&what, request, 0, (const guint8 *)"image", 5);
	g_autoptr(SmpResponse) response =
		smp_session_call(session, request, 0, SMP_REPEAT_SAFE, error);
	if (!response || !smp_image_upload_decode(response, &offset, &match, error))
		return NULL;
	g_assert_cmpint(match, >=, -1);
	g_assert_cmpint(match, <=, 1);
	return g_strdup_printf("off %" G_GUINT64_FORMAT " match %d", offset, match);
}

static char *can_mark(SmpSession *session, GError **error)
{
	gboolean supported;

	if (!smp_image_can_mark(session, &supported, error))
		return NULL;
	return g_strdup(supported ? "marks" : "no marks");
}

static char *state_call(TypedCall which, SmpSession *session, GError **error)
{
	SmpHash hash = {.size = 32};
	SmpImageState *state;

	for (guint i = 0; i < hash.size; i++)
		hash.data[i] = (guint8)i;
	if (which == TYPED_LIST)
		state = smp_image_list(session, error);
	else
		state = smp_image_set_state(session, which == TYPED_CONFIRM ? NULL : &hash,
					    which != TYPED_TEST, error);
	return state ? describe_state(state) : NULL;
}

static char *run(TypedCall which, SmpSession *session, GError **error)
{
	switch (which) {
	case TYPED_PARAMS:
		return params(session, error);
	case TYPED_ECHO:
		return smp_os_echo(session, "hello", error);
	case TYPED_RESET:
		return ok(smp_os_reset(session, FALSE, SMP_BOOT_MODE_KEEP, error));
	case TYPED_RESET_FORCE:
		return ok(smp_os_reset(session, TRUE, SMP_BOOT_MODE_NORMAL, error));
	case TYPED_RESET_BOOTLOADER:
		return ok(smp_os_reset(session, FALSE, SMP_BOOT_MODE_BOOTLOADER, error));
	case TYPED_INFO:
		return smp_os_info(session, "a", error);
	case TYPED_BOOTLOADER:
		return smp_os_bootloader_name(session, error);
	case TYPED_B0_SLOT:
		return b0_slot(session, error);
	case TYPED_MODE:
		return mode(session, error);
	case TYPED_TASKS:
		return tasks(session, error);
	case TYPED_POOLS:
		return pools(session, error);
	case TYPED_DATETIME:
		return smp_os_datetime_get(session, error);
	case TYPED_DATETIME_SET:
		return ok(smp_os_datetime_set(session, "2026-11-21T09:43:00", error));
	case TYPED_LIST:
	case TYPED_TEST:
	case TYPED_MAKE_PENDING:
	case TYPED_CONFIRM:
		return state_call(which, session, error);
	case TYPED_ERASE:
		return ok(smp_image_erase(session, SMP_SLOT_DEFAULT, 0, error));
	case TYPED_ERASE_SLOT:
		return ok(smp_image_erase(session, 3, 0, error));
	case TYPED_SLOTS:
		return slots(session, error);
	case TYPED_UPLOAD:
		return upload(session, error);
	case TYPED_CAN_MARK:
		return can_mark(session, error);
	default:
		return typed_more(which, session, error);
	}
}

static char *call(TypedCall which, const Board *board, const guint8 *payload, gsize size,
		  GError **error)
{
	Board copy = *board;
	SmpLink *link = smp_test_link_new(&peer, &copy);

	copy.payload = g_byte_array_new_take(g_memdup2(payload, size), size);
	g_assert_true(smp_link_open(link, NULL));
	SmpSession *session = smp_session_new(link);
	if (copy.seconds)
		smp_session_set_timeout(session, (copy.seconds + 1) * 1000);
	char *text = run(which, session, error);
	smp_session_free(session);
	smp_link_free(link);
	g_byte_array_unref(copy.payload);
	return text;
}

char *typed_call(TypedCall which, const guint8 *payload, gsize size, GByteArray *request,
		 GError **error)
{
	return call(which, &(Board){.request = request}, payload, size, error);
}

char *typed_call_slow(TypedCall which, const guint8 *payload, gsize size, guint seconds,
		      GError **error)
{
	return call(which, &(Board){.seconds = seconds}, payload, size, error);
}
