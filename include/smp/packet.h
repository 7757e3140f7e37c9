/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

#define SMP_HEADER_SIZE 8

typedef enum {
	SMP_OP_READ = 0,
	SMP_OP_READ_RESPONSE = 1,
	SMP_OP_WRITE = 2,
	SMP_OP_WRITE_RESPONSE = 3,
} SmpOp;

/* Group numbers (Zephyr mgmt_defines.h). */
enum {
	SMP_GROUP_OS = 0,
	SMP_GROUP_IMAGE = 1,
	SMP_GROUP_STAT = 2,
	SMP_GROUP_SETTINGS = 3,
	SMP_GROUP_LOG = 4,
	SMP_GROUP_CRASH = 5,
	SMP_GROUP_SPLIT = 6,
	SMP_GROUP_RUN = 7,
	SMP_GROUP_FS = 8,
	SMP_GROUP_SHELL = 9,
	SMP_GROUP_ENUM = 10,
	SMP_GROUP_BRIDGE = 11,
	SMP_GROUP_ZEPHYR_BASIC = 63,
	SMP_GROUP_PERUSER = 64,
};

/* Versions as the header's field has them. */
enum {
	SMP_VERSION_1 = 0,
	SMP_VERSION_2 = 1,
};

/**
 * SmpHeader: the eight bytes before the payload (Zephyr smp_protocol.rst).
 * @version: 0 for SMP version 1, 1 for version 2
 * @op: an #SmpOp
 * @flags: none is defined
 * @length: bytes of the payload
 * @group: group number
 * @sequence: copied by the server into its answer
 * @command: command within the group
 */
typedef struct {
	guint8 version;
	guint8 op;
	guint8 flags;
	guint16 length;
	guint16 group;
	guint8 sequence;
	guint8 command;
} SmpHeader;

/* Reads the first %SMP_HEADER_SIZE bytes of @data. */
void smp_header_read(const guint8 *data, SmpHeader *header);
/* Writes as many to @data. */
void smp_header_write(const SmpHeader *header, guint8 *data);

/**
 * smp_packet_new:
 *
 * A request to which CBOR is appended: the header's place with @op, @group and @command in it.
 * Version, sequence number and length are filled in when it is sent.
 *
 * Returns: (transfer full): a new packet
 */
GByteArray *smp_packet_new(SmpOp op, guint16 group, guint8 command);

/* Makes @packet an empty one for the same purpose, keeping its memory. */
void smp_packet_reset(GByteArray *packet, SmpOp op, guint16 group, guint8 command);

/**
 * smp_packet_to_string:
 * @packet: a packet, perhaps a damaged one
 *
 * Returns: (transfer full): header and payload in one line for a person: "write os/0, v2, sequence
 *   7, 17 bytes: {"d": "hello"}"; long byte strings are cut
 */
char *smp_packet_to_string(const guint8 *packet, gsize size);

G_END_DECLS
#pragma GCC visibility pop
