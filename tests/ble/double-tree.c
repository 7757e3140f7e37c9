/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The objects of the double, and the signals that tell of them. */

#include "double-private.h"

static void emit(BluezDouble *bluez, const char *path, const char *interface, const char *signal,
		 GVariant *args)
{
	g_dbus_connection_emit_signal(bluez->bus, NULL, path, interface, signal, args, NULL);
}

static GVariant *properties_of(GHashTable *properties)
{
	GVariantBuilder builder;
	GHashTableIter iter;
	gpointer name = NULL, value = NULL;

	g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
	g_hash_table_iter_init(&iter, properties);
	while (g_hash_table_iter_next(&iter, &name, &value))
		g_variant_builder_add(&builder, "{sv}", name, value);
	return g_variant_builder_end(&builder);
}

static GVariant *interfaces_of(GHashTable *object)
{
	GVariantBuilder builder;
	GHashTableIter iter;
	gpointer name = NULL, properties = NULL;

	g_variant_builder_init(&builder, G_VARIANT_TYPE("a{sa{sv}}"));
	g_hash_table_iter_init(&iter, object);
	while (g_hash_table_iter_next(&iter, &name, &properties))
		g_variant_builder_add(&builder, "{s@a{sv}}", name, properties_of(properties));
	return g_variant_builder_end(&builder);
}

GVariant *double_objects(BluezDouble *bluez)
{
	GVariantBuilder builder;
	GHashTableIter iter;
	gpointer path = NULL, object = NULL;

	g_variant_builder_init(&builder, G_VARIANT_TYPE("a{oa{sa{sv}}}"));
	g_hash_table_iter_init(&iter, bluez->objects);
	while (g_hash_table_iter_next(&iter, &path, &object))
		g_variant_builder_add(&builder, "{o@a{sa{sv}}}", path, interfaces_of(object));
	return g_variant_new("(@a{oa{sa{sv}}})", g_variant_builder_end(&builder));
}

gboolean double_has(BluezDouble *bluez, const char *path)
{
	return g_hash_table_contains(bluez->objects, path);
}

void double_add(BluezDouble *bluez, const char *path, const char *interface, GVariant *properties)
{
	g_autoptr(GVariant) taken = g_variant_ref_sink(properties);
	GHashTable *object = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
						   (GDestroyNotify)g_hash_table_unref);
	GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
						  (GDestroyNotify)g_variant_unref);
	GVariantIter iter;
	char *name = NULL;
	GVariant *value = NULL;

	g_variant_iter_init(&iter, taken);
	while (g_variant_iter_next(&iter, "{sv}", &name, &value))
		g_hash_table_insert(table, name, value);
	g_hash_table_insert(object, g_strdup(interface), table);
	g_hash_table_replace(bluez->objects, g_strdup(path), object);
	emit(bluez, "/", "org.freedesktop.DBus.ObjectManager", "InterfacesAdded",
	     g_variant_new("(o@a{sa{sv}})", path, interfaces_of(object)));
}

void double_remove(BluezDouble *bluez, const char *path)
{
	GHashTable *object = g_hash_table_lookup(bluez->objects, path);
	GVariantBuilder names;
	GHashTableIter iter;
	gpointer name = NULL;

	if (!object)
		return;
	g_variant_builder_init(&names, G_VARIANT_TYPE_STRING_ARRAY);
	g_hash_table_iter_init(&iter, object);
	while (g_hash_table_iter_next(&iter, &name, NULL))
		g_variant_builder_add(&names, "s", name);
	emit(bluez, "/", "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved",
	     g_variant_new("(oas)", path, &names));
	g_hash_table_remove(bluez->objects, path);
}

GVariant *double_properties(BluezDouble *bluez, const char *path, const char *interface)
{
	GHashTable *object = g_hash_table_lookup(bluez->objects, path);
	GHashTable *properties = object ? g_hash_table_lookup(object, interface) : NULL;

	return properties ? properties_of(properties) : g_variant_new_parsed("@a{sv} {}");
}

void double_set_silently(BluezDouble *bluez, const char *path, const char *interface,
			 const char *property, GVariant *value)
{
	GHashTable *object = g_hash_table_lookup(bluez->objects, path);

	g_hash_table_replace(g_hash_table_lookup(object, interface), g_strdup(property),
			     g_variant_ref_sink(value));
}

void double_set(BluezDouble *bluez, const char *path, const char *interface, const char *property,
		GVariant *value)
{
	GHashTable *object = g_hash_table_lookup(bluez->objects, path);
	GHashTable *properties = object ? g_hash_table_lookup(object, interface) : NULL;
	GVariantBuilder changed, invalidated;

	if (!properties) {
		if (value)
			g_variant_unref(g_variant_ref_sink(value));
		return;
	}
	g_variant_builder_init(&changed, G_VARIANT_TYPE_VARDICT);
	g_variant_builder_init(&invalidated, G_VARIANT_TYPE_STRING_ARRAY);
	if (value) {
		g_hash_table_replace(properties, g_strdup(property), g_variant_ref_sink(value));
		g_variant_builder_add(&changed, "{sv}", property, value);
	} else {
		g_hash_table_remove(properties, property);
		g_variant_builder_add(&invalidated, "s", property);
	}
	emit(bluez, path, "org.freedesktop.DBus.Properties", "PropertiesChanged",
	     g_variant_new("(sa{sv}as)", interface, &changed, &invalidated));
}
