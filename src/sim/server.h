/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The application's SMP server. A command group is a table: to add one, write group-NAME.c, declare
 * its table here, name it in server.c and list its number in the boards of config.c. */

#include "sim/internal.h"

G_BEGIN_DECLS

/* SMP-level codes (Zephyr mgmt_defines.h). */
enum {
	SIM_OK = 0,
	SIM_EUNKNOWN = 1,
	SIM_ENOMEM = 2,
	SIM_EINVAL = 3,
	SIM_ENOENT = 5,
	SIM_EBADSTATE = 6,
	SIM_EMSGSIZE = 7,
	SIM_ENOTSUP = 8,
	SIM_ECORRUPT = 9,
	SIM_EBUSY = 10,
	SIM_TOO_OLD = 12,
	SIM_TOO_NEW = 13,
	SIM_BRIDGE_UNAVAILABLE = 14,
};

/**
 * SimRequest: one request in the hands of its handler.
 * @body: what follows the header, up to the end of the packet: Zephyr's decoder does not stop where
 *   the header says the payload ends
 * @out: the answer's map, begun and without its end; what is in it is dropped with an error
 * @group_rc: an error of the group, set by sim_group_error()
 * @group_length: what it tells as `len` beside that; -1 for nothing
 * @reason: (nullable): text of a v1 error
 */
typedef struct {
	SimBoard *board;
	const SmpHeader *header;
	const guint8 *body;
	gsize body_size;
	GByteArray *out;
	int group_rc;
	gint64 group_length;
	const char *reason;
} SimRequest;

/* Returns an SMP-level code, or sim_group_error(). */
typedef int (*SimHandler)(SimRequest *request);

typedef struct {
	SimHandler read, write;
} SimCommand;

typedef struct {
	guint16 id;
	const char *name;
	const SimCommand *commands;
	guint n_commands;
	int (*translate)(int group_rc);		    /* to the code that v1 requests get */
	guint (*handlers)(const SimConfig *config); /* NULL: all of them are built in */
} SimGroup;

extern const SimGroup sim_group_os;
extern const SimGroup sim_group_image;
extern const SimGroup sim_group_stat;
extern const SimGroup sim_group_enum;
extern const SimGroup sim_group_settings;
extern const SimGroup sim_group_fs;
extern const SimGroup sim_group_shell;
extern const SimGroup sim_group_basic;
extern const SimGroup sim_group_bridge;

/* Those of Mynewt; in their place where the numbers are the same. */
extern const SimGroup sim_mynewt_os;
extern const SimGroup sim_mynewt_image;
extern const SimGroup sim_mynewt_stat;
extern const SimGroup sim_mynewt_config;
extern const SimGroup sim_mynewt_log;
extern const SimGroup sim_mynewt_crash;
extern const SimGroup sim_mynewt_run;

/* Returns: (nullable): the group if this board has it */
const SimGroup *sim_server_group(const SimBoard *board, guint16 id);

int sim_group_error(SimRequest *request, int group_rc);

/* Whether Mynewt answers at all: not what is no CBOR. */
gboolean sim_mynewt_accepts(const guint8 *body, gsize size);

typedef enum {
	SIM_FIELD_UINT, /* 32 bits, as size_t on the boards */
	SIM_FIELD_INT,
	SIM_FIELD_BOOL,
	SIM_FIELD_TEXT,
	SIM_FIELD_BYTES,
	SIM_FIELD_ARRAY,
} SimFieldType;

typedef struct {
	const char *key;
	SimFieldType type;
	gboolean found;
	guint64 uint;
	gint64 integer;
	gboolean boolean;
	const guint8 *data; /* text and bytes */
	gsize size;
	SmpCbor item;
} SimField;

/**
 * sim_request_decode:
 *
 * Reads the request's map as Zephyr's zcbor_map_decode_bulk() does: unknown keys are skipped, a
 * known one with another type, twice, or a key that is no text is an error.
 *
 * Returns: FALSE where the handler has to answer %SIM_EINVAL
 */
gboolean sim_request_decode(const SimRequest *request, SimField *fields,
			    guint n_fields) G_GNUC_WARN_UNUSED_RESULT;
gboolean sim_decode_map(const guint8 *data, gsize size, SimField *fields,
			guint n_fields) G_GNUC_WARN_UNUSED_RESULT;

/* A pair of the answer's map. */
void sim_put_uint(GByteArray *out, const char *key, guint64 value);
void sim_put_int(GByteArray *out, const char *key, gint64 value);
void sim_put_bool(GByteArray *out, const char *key, gboolean value);
void sim_put_text(GByteArray *out, const char *key, const char *value);
void sim_put_bytes(GByteArray *out, const char *key, const void *data, gsize size);

/* A packet that answers @request: its header, @out as the payload. */
GByteArray *sim_answer_new(const SmpHeader *request, guint8 version, const GByteArray *out);

G_END_DECLS
