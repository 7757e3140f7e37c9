/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "typed.h"

#include <smp/bridge.h>

static char *status(SmpSession *session, GError **error)
{
	SmpBridgeStatus s;

	if (!smp_bridge_status(session, &s, error))
		return NULL;
	return g_strdup_printf("%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
			       "%s to %" G_GINT64_FORMAT,
			       s.active, s.supported, s.bridged ? " bridged" : "", s.transport);
}

static char *list(SmpSession *session, GError **error)
{
	g_autoptr(GPtrArray) transports = smp_bridge_list(session, error);
	GString *text = g_string_new(NULL);

	for (guint i = 0; transports && i < transports->len; i++) {
		const SmpBridgeTransport *t = transports->pdata[i];
		const char *known = smp_transport_name(t->id);
		g_assert_true(g_utf8_validate(t->name, -1, NULL));
		g_string_append_printf(text, "%u %s “%s”\n", t->id, known ? known : "-", t->name);
	}
	return g_string_free(text, !transports);
}

static char *modes(SmpSession *session, GError **error)
{
	g_autoptr(GPtrArray) found = smp_bridge_modes(session, SMP_TRANSPORT_BLUETOOTH, error);
	GString *text = g_string_new(NULL);

	for (guint i = 0; found && i < found->len; i++) {
		const SmpBridgeMode *m = found->pdata[i];
		g_assert_true(g_utf8_validate(m->description, -1, NULL));
		g_string_append_printf(text, "%u “%s”%s%s\n", m->id, m->description,
				       m->incoming ? " in" : "", m->outgoing ? " out" : "");
	}
	return g_string_free(text, !found);
}

static char *config(SmpSession *session, GError **error)
{
	g_autoptr(GPtrArray) found = smp_bridge_config(session, SMP_TRANSPORT_BLUETOOTH, 1, error);
	GString *text = g_string_new(NULL);

	for (guint i = 0; found && i < found->len; i++) {
		const SmpBridgeConfig *c = found->pdata[i];
		g_assert_true(g_utf8_validate(c->name, -1, NULL));
		g_string_append_printf(text, "%s %" G_GUINT64_FORMAT "%s\n", c->name, c->type,
				       c->required ? " required" : "");
	}
	return g_string_free(text, !found);
}

static SmpBridgeValue *value_new(const char *name, SmpBridgeType type)
{
	SmpBridgeValue *value = g_new0(SmpBridgeValue, 1);

	value->name = g_strdup(name);
	value->type = type;
	return value;
}

/* One of each type. */
static gboolean connect_with_values(SmpSession *session, GError **error)
{
	g_autoptr(GPtrArray) values =
		g_ptr_array_new_with_free_func((GDestroyNotify)smp_bridge_value_free);
	SmpBridgeValue *value;

	g_ptr_array_add(values, value = value_new("u", SMP_BRIDGE_UINT));
	value->uint = G_MAXUINT64;
	g_ptr_array_add(values, value = value_new("i", SMP_BRIDGE_INT));
	value->integer = -5;
	g_ptr_array_add(values, value = value_new("b", SMP_BRIDGE_BOOL));
	value->boolean = TRUE;
	g_ptr_array_add(values, value = value_new("t", SMP_BRIDGE_TEXT));
	value->text = g_strdup("aä");
	g_ptr_array_add(values, value = value_new("y", SMP_BRIDGE_BYTES));
	value->bytes = g_bytes_new("\0\377", 2);
	return smp_bridge_connect(session, 64, 1, values, error);
}

char *typed_bridge(TypedCall which, SmpSession *session, GError **error)
{
	gboolean done;

	switch (which) {
	case TYPED_BRIDGE_STATUS:
		return status(session, error);
	case TYPED_BRIDGE_LIST:
		return list(session, error);
	case TYPED_BRIDGE_MODES:
		return modes(session, error);
	case TYPED_BRIDGE_CONFIG:
		return config(session, error);
	case TYPED_BRIDGE_CONNECT:
		done = smp_bridge_connect(session, SMP_TRANSPORT_RAW_SERIAL, -1, NULL, error);
		break;
	case TYPED_BRIDGE_CONNECT_VALUES:
		done = connect_with_values(session, error);
		break;
	case TYPED_BRIDGE_DISCONNECT:
		done = smp_bridge_disconnect(session, SMP_BRIDGE_OWN, error);
		break;
	case TYPED_BRIDGE_DISCONNECT_ONE:
		done = smp_bridge_disconnect(session, SMP_TRANSPORT_USER, error);
		break;
	case TYPED_BRIDGE_DISCONNECT_ALL:
		done = smp_bridge_disconnect(session, SMP_BRIDGE_ALL, error);
		break;
	default:
		g_assert_not_reached();
	}
	return done ? g_strdup("done") : NULL;
}
