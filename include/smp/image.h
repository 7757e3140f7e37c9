/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/session.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/* The image group (1). Facts: Zephyr smp_group_1.rst and grp/img_mgmt, MCUboot boot_serial.c. */

/**
 * SmpHash: the hash of an image as MCUboot stores it.
 * @size: 32, 48 or 64 bytes; 0 where the server gave none
 */
typedef struct {
	guint8 data[64];
	guint size;
} SmpHash;

/* Equal and not empty. */
gboolean smp_hash_equal(const SmpHash *a, const SmpHash *b);
/* Returns: (transfer full): lower-case hex, whole */
char *smp_hash_to_string(const SmpHash *hash);
/* Accepts hex of 32, 48 or 64 bytes. */
gboolean smp_hash_parse(const char *text, SmpHash *hash, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void smp_hash_set(SmpHash *hash, const guint8 *data, gsize size);

/**
 * SmpImageSlot: one image that the server listed.
 * @image: number of the image pair, 0 where the server has one only
 * @slot: 0 primary, 1 secondary
 * @version: as the server wrote it, "<???>" included
 * @has_flags: whether the server sent any flag; MCUboot recovery does not
 */
typedef struct {
	guint image;
	guint slot;
	char *version;
	SmpHash hash;
	gboolean has_flags;
	gboolean bootable;
	gboolean pending;
	gboolean confirmed;
	gboolean active;
	gboolean permanent;
} SmpImageSlot;

/**
 * SmpImageState: the image list.
 * @slots: (element-type SmpImageSlot): in the server's order
 * @split_status: of Mynewt; -1 where the server left it out
 */
typedef struct {
	GPtrArray *slots;
	int split_status;
} SmpImageState;

/* Returns: (transfer full) */
SmpImageState *smp_image_state_copy(const SmpImageState *state);
void smp_image_state_free(SmpImageState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpImageState, smp_image_state_free)

/* Returns: (transfer none) (nullable): of the image pair @image the one in a slot, the active one,
 * or the one with a hash; as long as @state lives */
const SmpImageSlot *smp_image_state_find(const SmpImageState *state, guint image, guint slot);
const SmpImageSlot *smp_image_state_find_active(const SmpImageState *state, guint image);
const SmpImageSlot *smp_image_state_find_hash(const SmpImageState *state, guint image,
					      const SmpHash *hash);

/* Returns: (transfer full): the list; %NULL with an error of smp_session_call(), as for all
 * requests below */
SmpImageState *smp_image_list(SmpSession *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_image_set_state:
 * @hash: (nullable): which image; %NULL with @confirm for the running one
 * @confirm: make it permanent; FALSE: mark it for one trial boot
 *
 * Returns: (transfer full): the list after it
 */
SmpImageState *smp_image_set_state(SmpSession *session, const SmpHash *hash, gboolean confirm,
				   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_image_can_mark:
 * @supported: (out): whether the server knows test and confirm at all
 *
 * Asks with a request that names no image, which every application server refuses without doing
 * anything (INVALID_HASH); one built for direct XIP, RAM load or a firmware updater does not have
 * the command. Not for MCUboot's recovery, where a hash may be left out.
 */
gboolean smp_image_can_mark(SmpSession *session, gboolean *supported,
			    GError **error) G_GNUC_WARN_UNUSED_RESULT;

#define SMP_SLOT_DEFAULT -1

/**
 * smp_image_erase:
 * @slot: absolute slot number (image * 2 + slot), or %SMP_SLOT_DEFAULT for the one not running
 * @timeout_ms: 0 for 120 s or the session's, whichever is longer: the answer comes when the slot is
 * erased
 */
gboolean smp_image_erase(SmpSession *session, int slot, guint timeout_ms,
			 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * SmpSlotInfo: what the server tells of a slot (Zephyr smp_group_1.rst, slot info).
 * @size: bytes; 0 where the slot cannot be opened, then @rc tells why (a negative errno)
 * @upload_image_id: what to give as `image` in an upload to this slot; -1 where not said
 */
typedef struct {
	guint image;
	guint slot;
	guint64 size;
	gint64 rc;
	gint64 upload_image_id;
	guint64 max_image_size; /* of the image pair; 0 where not said */
} SmpSlotInfo;

/* Returns: (transfer full) (element-type SmpSlotInfo): all slots of all images */
GPtrArray *smp_image_slot_info(SmpSession *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * SmpImageUpload: what an image upload request carries besides offset and data.
 * @image: image number; sent only when not 0, then in every request (MCUboot up to 1.10 needs it)
 * @length: bytes of the whole file
 * @sha: (nullable): SHA-256 of the whole file, 32 bytes; lets the server resume
 * @upgrade: the server shall refuse what is not newer
 */
typedef struct {
	guint image;
	guint64 length;
	const guint8 *sha;
	gboolean upgrade;
} SmpImageUpload;

/* Makes @packet the request for @size bytes at @offset. */
void smp_image_upload_encode(const SmpImageUpload *upload, GByteArray *packet, guint64 offset,
			     const guint8 *data, gsize size);

/**
 * smp_image_upload_decode:
 * @offset: (out): where the server is: the next byte it wants
 * @match: (out): after the last byte: 1 its check agrees, 0 it does not, -1 not said
 */
gboolean smp_image_upload_decode(const SmpResponse *response, guint64 *offset, int *match,
				 GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
#pragma GCC visibility pop
