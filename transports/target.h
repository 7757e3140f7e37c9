/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How people and the Go tool write where a board is. */

#include <smp/link.h>

G_BEGIN_DECLS

/* The default port of Zephyr's UDP transport (CONFIG_MCUMGR_TRANSPORT_UDP_PORT). */
#define SMP_UDP_PORT 1337

/* The smallest packet size that may be asked for: an upload's first request needs about this. */
#define SMP_MIN_MTU 64
#define SMP_MAX_MTU 65535

/**
 * SmpTarget: a target taken apart.
 * @scheme: "serial" for a plain path
 * @address: what stands between the colon and the options
 * @options: char* to char*; "" for a key without a value
 */
typedef struct {
	char *scheme;
	char *address;
	GHashTable *options;
} SmpTarget;

void smp_target_free(SmpTarget *target);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpTarget, smp_target_free)

/* Knows the grammar, not the schemes. Sets %SMP_LINK_ERROR_ADDRESS. */
SmpTarget *smp_target_parse(const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same from the Go tool's connection type and string. */
SmpTarget *smp_target_parse_connstring(const char *type, const char *connstring,
				       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Returns: (transfer full): the shortest way to write it */
char *smp_target_format(const char *scheme, const char *address, GHashTable *options);

/* Returns: (transfer full): a Bluetooth name as it stands in a target: `?`, `*` and `%` have a
 * meaning there, and are written %3F, %2A, %25 */
char *smp_target_escape_name(const char *name);

/**
 * smp_host_port_parse:
 * @text: `host`, `host:port`, `[v6]`, `[v6%scope]:port`. An IPv6 address needs its brackets:
 *   `::1:1337` could be read in two ways
 */
gboolean smp_host_port_parse(const char *text, char **host, guint16 *port,
			     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Reads `mtu`; 0 where it is not among the options. */
gboolean smp_target_get_mtu(GHashTable *options, gsize *mtu,
			    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Reads a number within @min and @max; leaves @value alone where @key is absent. */
gboolean smp_target_get_number(GHashTable *options, const char *key, guint64 min, guint64 max,
			       guint64 *value, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Refuses options that are not in the list of @known ones. */
gboolean smp_target_check_options(GHashTable *options, const char *const *known,
				  GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
