/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The image group: Zephyr smp_group_1.rst, grp/img_mgmt; MCUboot boot/boot_serial. */

#include "groups/image.h"
#include "groups/group.h"

#include <smp/hex.h>
#include <smp/image.h>
#include <string.h>

enum {
	STATE = 0,
	UPLOAD = 1,
	ERASE = 5,
	SLOT_INFO = 6,
};

/* Recovery validates every image, its signature too, before it answers. */
#define LIST_TIMEOUT_MS	 15000
#define STATE_TIMEOUT_MS 10000
#define ERASE_TIMEOUT_MS 120000

gboolean smp_hash_equal(const SmpHash *a, const SmpHash *b)
{
	return a->size > 0 && a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

char *smp_hash_to_string(const SmpHash *hash)
{
	return smp_hex_format(hash->data, hash->size);
}

void smp_hash_set(SmpHash *hash, const guint8 *data, gsize size)
{
	hash->size = (guint)MIN(size, sizeof hash->data);
	memcpy(hash->data, data, hash->size);
}

gboolean smp_hash_parse(const char *text, SmpHash *hash, GError **error)
{
	g_autoptr(GBytes) bytes = smp_hex_parse(text);
	gsize size = bytes ? g_bytes_get_size(bytes) : 0;

	if (size != 32 && size != 48 && size != 64) {
		g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_STATE,
			    "“%s” is no image hash: 64, 96 or 128 hexadecimal digits, as the "
			    "image list shows them",
			    text);
		return FALSE;
	}
	smp_hash_set(hash, g_bytes_get_data(bytes, NULL), size);
	return TRUE;
}

static void slot_free(gpointer data)
{
	g_free(((SmpImageSlot *)data)->version);
	g_free(data);
}

SmpImageState *smp_image_state_copy(const SmpImageState *state)
{
	SmpImageState *copy = g_memdup2(state, sizeof *state);

	copy->slots = g_ptr_array_new_with_free_func(slot_free);
	for (guint i = 0; i < state->slots->len; i++) {
		SmpImageSlot *slot = g_memdup2(g_ptr_array_index(state->slots, i), sizeof *slot);
		slot->version = g_strdup(slot->version);
		g_ptr_array_add(copy->slots, slot);
	}
	return copy;
}

void smp_image_state_free(SmpImageState *state)
{
	if (!state)
		return;
	g_ptr_array_unref(state->slots);
	g_free(state);
}

static const SmpImageSlot *find(const SmpImageState *state,
				gboolean (*matches)(const SmpImageSlot *, guint, gconstpointer),
				guint image, gconstpointer data)
{
	for (guint i = 0; i < state->slots->len; i++) {
		const SmpImageSlot *slot = g_ptr_array_index(state->slots, i);
		if (matches(slot, image, data))
			return slot;
	}
	return NULL;
}

static gboolean is_slot(const SmpImageSlot *slot, guint image, gconstpointer data)
{
	return slot->image == image && slot->slot == *(const guint *)data;
}

static gboolean is_active(const SmpImageSlot *slot, guint image, gconstpointer data)
{
	return slot->image == image && slot->active;
}

static gboolean has_hash(const SmpImageSlot *slot, guint image, gconstpointer data)
{
	return slot->image == image && smp_hash_equal(&slot->hash, data);
}

const SmpImageSlot *smp_image_state_find(const SmpImageState *state, guint image, guint slot)
{
	return find(state, is_slot, image, &slot);
}

const SmpImageSlot *smp_image_state_find_active(const SmpImageState *state, guint image)
{
	return find(state, is_active, image, NULL);
}

const SmpImageSlot *smp_image_state_find_hash(const SmpImageState *state, guint image,
					      const SmpHash *hash)
{
	return find(state, has_hash, image, hash);
}

static gboolean read_flag(const SmpCbor *map, const char *key, SmpImageSlot *slot)
{
	SmpCbor value;

	if (smp_cbor_get(map, key, &value))
		slot->has_flags = TRUE;
	return smp_cbor_get_bool(map, key);
}

static gpointer read_slot(const SmpCbor *map)
{
	guint64 number;
	const guint8 *hash;
	gsize size;
	SmpImageSlot *slot = g_new0(SmpImageSlot, 1);

	if (smp_cbor_get_uint(map, "image", &number))
		slot->image = (guint)MIN(number, G_MAXUINT8);
	if (smp_cbor_get_uint(map, "slot", &number))
		slot->slot = (guint)MIN(number, G_MAXUINT8);
	slot->version = smp_cbor_get_text(map, "version");
	if (!slot->version)
		slot->version = g_strdup("");
	if (smp_cbor_get_bytes(map, "hash", &hash, &size))
		smp_hash_set(&slot->hash, hash, size);
	slot->bootable = read_flag(map, "bootable", slot);
	slot->pending = read_flag(map, "pending", slot);
	slot->confirmed = read_flag(map, "confirmed", slot);
	slot->active = read_flag(map, "active", slot);
	slot->permanent = read_flag(map, "permanent", slot);
	return slot;
}

static SmpImageState *read_state(const SmpCbor *body, const char *doing, GError **error)
{
	gint64 split;
	GPtrArray *slots = smp_group_get_list(body, "images", doing, read_slot, slot_free, error);

	if (!slots)
		return NULL;
	SmpImageState *state = g_new0(SmpImageState, 1);
	state->slots = slots;
	state->split_status = smp_cbor_get_int(body, "splitStatus", &split) ? (int)split : -1;
	return state;
}

SmpImageState *smp_image_list_within(SmpSession *session, guint timeout_ms, GError **error)
{
	SmpCbor body;
	const char *doing = "read the image list";
	g_autoptr(SmpResponse) response = smp_group_call(
		session, smp_group_empty_request(SMP_OP_READ, SMP_GROUP_IMAGE, STATE), timeout_ms,
		SMP_REPEAT_SAFE, doing, &body, error);

	return response ? read_state(&body, doing, error) : NULL;
}

SmpImageState *smp_image_list(SmpSession *session, GError **error)
{
	guint timeout_ms =
		smp_group_unless_given(session, smp_group_at_least(session, LIST_TIMEOUT_MS));

	return smp_image_list_within(session, timeout_ms, error);
}

static SmpImageState *set_state(SmpSession *session, const SmpHash *hash, gboolean confirm,
				SmpRepeat repeat, GError **error)
{
	SmpCbor body;
	const char *doing = confirm ? "confirm the image" : "mark the image for a test";
	GByteArray *request = smp_packet_new(SMP_OP_WRITE, SMP_GROUP_IMAGE, STATE);

	smp_cbor_put_map(request, hash ? 2 : 1);
	smp_cbor_put_text(request, "confirm");
	smp_cbor_put_bool(request, confirm);
	if (hash) {
		smp_cbor_put_text(request, "hash");
		smp_cbor_put_bytes(request, hash->data, hash->size);
	}
	g_autoptr(SmpResponse) response =
		smp_group_call(session, request, smp_group_at_least(session, STATE_TIMEOUT_MS),
			       repeat, doing, &body, error);
	return response ? read_state(&body, doing, error) : NULL;
}

SmpImageState *smp_image_set_state(SmpSession *session, const SmpHash *hash, gboolean confirm,
				   GError **error)
{
	return set_state(session, hash, confirm, SMP_REPEAT_SAFE, error);
}

SmpImageState *smp_image_set_state_once(SmpSession *session, const SmpHash *hash, gboolean confirm,
					GError **error)
{
	return set_state(session, hash, confirm, SMP_REPEAT_NEVER, error);
}

gboolean smp_image_can_mark(SmpSession *session, gboolean *supported, GError **error)
{
	g_autoptr(GError) local = NULL;
	SmpCbor body;

	smp_response_free(smp_group_call(
		session, smp_group_empty_request(SMP_OP_WRITE, SMP_GROUP_IMAGE, STATE), 0,
		SMP_REPEAT_SAFE, "ask for test and confirm", &body, &local));
	if (local && !g_error_matches(local, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_DEVICE)) {
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	*supported = !smp_error_is_unsupported(local);
	return TRUE;
}

gboolean smp_image_erase(SmpSession *session, int slot, guint timeout_ms, GError **error)
{
	SmpCbor body;
	GByteArray *request = smp_packet_new(SMP_OP_WRITE, SMP_GROUP_IMAGE, ERASE);

	smp_cbor_put_map(request, slot == SMP_SLOT_DEFAULT ? 0 : 1);
	if (slot != SMP_SLOT_DEFAULT) {
		smp_cbor_put_text(request, "slot");
		smp_cbor_put_uint(request, (guint64)slot);
	}
	/* A slot that is empty already is no error (Zephyr img_mgmt.c). */
	if (!timeout_ms)
		timeout_ms = smp_group_at_least(session, ERASE_TIMEOUT_MS);
	g_autoptr(SmpResponse) response = smp_group_call(
		session, request, timeout_ms, SMP_REPEAT_SELDOM, "erase the slot", &body, error);
	return response != NULL;
}

static SmpSlotInfo *read_slot_info(const SmpCbor *map, guint image, guint64 max_image_size)
{
	guint64 slot = 0;
	SmpSlotInfo *info = g_new0(SmpSlotInfo, 1);

	smp_cbor_get_uint(map, "slot", &slot);
	info->image = image;
	info->slot = (guint)MIN(slot, G_MAXUINT8);
	smp_cbor_get_uint(map, "size", &info->size);
	smp_cbor_get_int(map, "rc", &info->rc);
	if (!smp_cbor_get_int(map, "upload_image_id", &info->upload_image_id))
		info->upload_image_id = -1;
	info->max_image_size = max_image_size;
	return info;
}

static void read_image_slots(const SmpCbor *map, GPtrArray *infos)
{
	guint64 image = 0, max_image_size = 0;
	SmpCbor entry;
	SmpCborIter iter;

	smp_cbor_get_uint(map, "image", &image);
	smp_cbor_get_uint(map, "max_image_size", &max_image_size);
	if (!smp_group_get_items(map, "slots", FALSE, &iter, "", NULL))
		return;
	while (smp_cbor_iter_next(&iter, NULL, &entry)) {
		if (smp_cbor_type(&entry) == SMP_CBOR_MAP)
			g_ptr_array_add(infos, read_slot_info(&entry, (guint)MIN(image, G_MAXUINT8),
							      max_image_size));
	}
}

GPtrArray *smp_image_slot_info(SmpSession *session, GError **error)
{
	SmpCbor body, entry;
	SmpCborIter iter;
	const char *doing = "read the slot information";
	g_autoptr(SmpResponse) response =
		smp_group_ask(session, SMP_GROUP_IMAGE, SLOT_INFO, doing, &body, error);

	if (!response || !smp_group_get_items(&body, "images", FALSE, &iter, doing, error))
		return NULL;
	GPtrArray *infos = g_ptr_array_new_with_free_func(g_free);
	while (smp_cbor_iter_next(&iter, NULL, &entry))
		read_image_slots(&entry, infos);
	return infos;
}

void smp_image_upload_encode(const SmpImageUpload *upload, GByteArray *packet, guint64 offset,
			     const guint8 *data, gsize size)
{
	gboolean first = offset == 0;
	gsize pairs = 2 + (upload->image ? 1 : 0);

	if (first)
		pairs += 1 + (upload->sha ? 1 : 0) + (upload->upgrade ? 1 : 0);
	smp_packet_reset(packet, SMP_OP_WRITE, SMP_GROUP_IMAGE, UPLOAD);
	smp_cbor_put_map(packet, pairs);
	if (upload->image) {
		smp_cbor_put_text(packet, "image");
		smp_cbor_put_uint(packet, upload->image);
	}
	if (first) {
		smp_cbor_put_text(packet, "len");
		smp_cbor_put_uint(packet, upload->length);
	}
	smp_cbor_put_text(packet, "off");
	smp_cbor_put_uint(packet, offset);
	if (first && upload->sha) {
		smp_cbor_put_text(packet, "sha");
		smp_cbor_put_bytes(packet, upload->sha, 32);
	}
	if (first && upload->upgrade) {
		smp_cbor_put_text(packet, "upgrade");
		smp_cbor_put_bool(packet, TRUE);
	}
	smp_cbor_put_text(packet, "data");
	smp_cbor_put_bytes(packet, data, size);
}

gboolean smp_image_upload_decode(const SmpResponse *response, guint64 *offset, int *match,
				 GError **error)
{
	SmpCbor body = smp_response_body(response);
	SmpCbor value;
	gboolean agrees;

	*match = -1;
	if (!smp_cbor_get_uint(&body, "off", offset)) {
		smp_group_missing(error, "upload the image", "off");
		return FALSE;
	}
	if (smp_cbor_get(&body, "match", &value) && smp_cbor_bool(&value, &agrees))
		*match = agrees;
	return TRUE;
}
