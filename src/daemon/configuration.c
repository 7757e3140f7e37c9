/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/configuration.h"
#include "daemon/rules.h"
#include "daemon/section.h"

#define DEFAULT_MAX_PARALLEL 16
#define DEFAULT_PER_BUS	     10000
#define DEFAULT_KEEP_JOBS    100

typedef struct {
	GPtrArray *sections;
	SmpdConfiguration *configuration;
} Loader;

static SmpdTarget *target_alloc(const char *name)
{
	SmpdTarget *target = g_new0(SmpdTarget, 1);

	target->name = g_strdup(name);
	target->poll = G_MAXUINT;
	smpd_rules_init(&target->rules);
	g_ref_count_init(&target->references);
	return target;
}

SmpdTarget *smpd_target_new(const char *name, const char *uri)
{
	SmpdTarget *target = target_alloc(name);

	target->target = g_strdup(uri);
	target->fingerprint = g_strdup(uri);
	target->poll = 0;
	return target;
}

SmpdTarget *smpd_target_of_kind(const SmpdTarget *kind, const char *name, const char *uri)
{
	SmpdTarget *target = smpd_target_new(name, uri);
	const SmpdRules *rules = &kind->rules;

	target->group = g_strdup(kind->group);
	target->group_parallel = kind->group_parallel;
	target->poll = kind->poll;
	g_free(target->fingerprint);
	target->fingerprint = g_strdup_printf("%s\n%s", uri, kind->fingerprint);
	smpd_rules_clear(&target->rules);
	target->rules = *rules;
	target->rules.firmware = g_strdup(rules->firmware);
	target->rules.health_check = g_strdup(rules->health_check);
	target->rules.windows = rules->windows ? g_array_ref(rules->windows) : NULL;
	target->rules.keys = g_strdupv(rules->keys);
	return target;
}

SmpdTarget *smpd_target_ref(SmpdTarget *target)
{
	g_ref_count_inc(&target->references);
	return target;
}

void smpd_target_unref(SmpdTarget *target)
{
	if (!g_ref_count_dec(&target->references))
		return;
	g_free(target->name);
	g_free(target->target);
	g_free(target->vendor);
	g_free(target->product);
	g_free(target->serial);
	g_free(target->interface);
	g_free(target->group);
	g_free(target->fingerprint);
	smpd_rules_clear(&target->rules);
	g_free(target);
}

void smpd_configuration_free(SmpdConfiguration *configuration)
{
	g_ptr_array_unref(configuration->targets);
	g_clear_pointer(&configuration->marked, smpd_target_unref);
	g_ptr_array_unref(configuration->errors);
	g_free(configuration);
}

static const SmpdKey *find_key(const SmpdKey *keys, const char *name)
{
	for (; keys->name; keys++) {
		if (g_str_equal(keys->name, name))
			return keys;
	}
	return NULL;
}

/* @section: (nullable): Returns: whether all of its values of these keys could be taken */
static gboolean apply(const SmpdSection *section, const SmpdKey *keys, gpointer record,
		      GPtrArray *errors)
{
	gboolean good = TRUE;

	for (; section && keys->name; keys++) {
		const SmpdValue *value = g_hash_table_lookup(section->values, keys->name);
		g_autoptr(GError) error = NULL;

		if (value && !keys->set(record, value->text, &error)) {
			good = FALSE;
			smpd_complain(errors, value->where, "%s: %s", keys->name, error->message);
		}
	}
	return good;
}

static const SmpdKey *const target_tables[] = {smpd_target_keys, smpd_rule_keys, NULL};
static const SmpdKey *const daemon_tables[] = {smpd_daemon_keys, NULL};
static const SmpdKey *const rule_tables[] = {smpd_rule_keys, NULL};

/* A misspelt key is an error: the board would run under other rules than were meant. */
static void check_keys(SmpdSection *section, const SmpdKey *const *tables, GPtrArray *errors)
{
	GHashTableIter iter;
	gpointer name, value;

	g_hash_table_iter_init(&iter, section->values);
	while (g_hash_table_iter_next(&iter, &name, &value)) {
		gboolean known = FALSE;
		for (const SmpdKey *const *table = tables; *table && !known; table++)
			known = find_key(*table, name) != NULL;
		/* A group is nothing of a group's. */
		if (known &&
		    !(g_str_equal(section->kind, "group") && find_key(smpd_target_keys, name) &&
		      !g_str_equal(name, "max-parallel") && !g_str_equal(name, "poll")))
			continue;
		section->broken = TRUE;
		smpd_complain(errors, ((SmpdValue *)value)->where, "[%s] has no key %s",
			      section->kind, (char *)name);
	}
}

static void check_section(Loader *loader, SmpdSection *section)
{
	gboolean named =
		g_str_equal(section->kind, "target") || g_str_equal(section->kind, "group");
	GPtrArray *errors = loader->configuration->errors;
	g_autoptr(GError) error = NULL;

	if (named) {
		if (!smpd_name_check(section->name ? section->name : "", &error)) {
			section->broken = TRUE;
			smpd_complain(errors, section->where, "%s", error->message);
		}
		check_keys(section, target_tables, errors);
	} else if (g_str_equal(section->kind, "policy")) {
		check_keys(section, rule_tables, errors);
	} else if (g_str_equal(section->kind, "daemon")) {
		check_keys(section, daemon_tables, errors);
	} else {
		section->broken = TRUE;
		smpd_complain(errors, section->where,
			      "[%s] is none of [daemon], [policy], [group NAME], [target NAME]",
			      section->kind);
	}
}

static SmpdSection *find_section(const Loader *loader, const char *kind, const char *name)
{
	for (guint i = 0; i < loader->sections->len; i++) {
		SmpdSection *section = g_ptr_array_index(loader->sections, i);
		if (g_str_equal(section->kind, kind) && (!name || !g_strcmp0(section->name, name)))
			return section;
	}
	return NULL;
}

static void check_twins(Loader *loader, const SmpdSection *section)
{
	SmpdSection *first = find_section(loader, section->kind, section->name);

	if (first == section)
		return;
	/* Which of them was meant? */
	first->broken = TRUE;
	smpd_complain(loader->configuration->errors, section->where, "[%s%s%s] is at %s already",
		      section->kind, section->name ? " " : "", section->name ? section->name : "",
		      first->where);
}

/* Everything that a board's rules come from, as text. */
static void append_values(GString *text, const SmpdSection *section)
{
	g_autoptr(GList) keys = NULL;

	if (!section)
		return;
	keys = g_list_sort(g_hash_table_get_keys(section->values), (GCompareFunc)g_strcmp0);
	for (GList *key = keys; key; key = key->next) {
		const SmpdValue *value = g_hash_table_lookup(section->values, key->data);
		g_string_append_printf(text, "%s=%s\n", (char *)key->data, value->text);
	}
	g_string_append(text, "--\n");
}

static gboolean is_usable(const SmpdSection *section, const SmpdSection *user, GPtrArray *errors)
{
	if (!section || !section->broken)
		return TRUE;
	smpd_complain(errors, user->where, "%s is not served: [%s] at %s has errors",
		      user->name ? user->name : user->kind, section->kind, section->where);
	return FALSE;
}

static gboolean is_served(const Loader *loader, const SmpdSection *own, const SmpdSection *policy,
			  const SmpdSection *group, const SmpdTarget *target)
{
	GPtrArray *errors = loader->configuration->errors;

	if (target->group && !group) {
		smpd_complain(errors, own->where, "there is no [group %s]", target->group);
		return FALSE;
	}
	return is_usable(policy, own, errors) && is_usable(group, own, errors) && !own->broken;
}

static void load_target(Loader *loader, SmpdSection *own)
{
	GPtrArray *errors = loader->configuration->errors;
	g_autoptr(SmpdTarget) target = target_alloc(own->name);
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	gboolean good = apply(own, smpd_target_keys, target, errors);
	const SmpdSection *policy = find_section(loader, "policy", NULL);
	const SmpdSection *group =
		target->group ? find_section(loader, "group", target->group) : NULL;

	if (!is_served(loader, own, policy, group, target))
		return;
	/* What comes later wins; errors of the others were told where they are. */
	g_autoptr(GPtrArray) told = g_ptr_array_new_with_free_func(g_free);
	good &= apply(policy, smpd_rule_keys, &target->rules, told);
	good &= apply(group, smpd_rule_keys, &target->rules, told);
	good &= apply(group, smpd_target_keys, target, told);
	good &= apply(own, smpd_target_keys, target, told);
	good &= apply(own, smpd_rule_keys, &target->rules, errors);
	if (!good)
		return;
	if (!smpd_target_complete(target, &error)) {
		smpd_complain(errors, own->where, "%s", error->message);
		return;
	}
	append_values(text, policy);
	append_values(text, group);
	append_values(text, own);
	target->fingerprint = g_string_free(g_steal_pointer(&text), FALSE);
	g_ptr_array_add(loader->configuration->targets, g_steal_pointer(&target));
}

/* Groups and [policy] are looked at by themselves, too: nobody may use them yet. */
static void check_rules(Loader *loader, SmpdSection *section)
{
	g_autoptr(SmpdTarget) target = target_alloc("");

	if (!apply(section, smpd_rule_keys, &target->rules, loader->configuration->errors))
		section->broken = TRUE;
	if (!apply(section, smpd_target_keys, target, loader->configuration->errors))
		section->broken = TRUE;
}

/* Ports that are marked have the rules of [policy], as far as there are some that can be used. */
static SmpdTarget *load_marked(Loader *loader)
{
	SmpdTarget *target = target_alloc("marked");
	const SmpdSection *policy = find_section(loader, "policy", NULL);
	g_autoptr(GPtrArray) told = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GString) text = g_string_new(NULL);

	target->poll = 0;
	if (policy && policy->broken) {
		smpd_target_unref(target);
		return NULL;
	}
	(void)apply(policy, smpd_rule_keys, &target->rules, told);
	append_values(text, policy);
	target->fingerprint = g_string_free(g_steal_pointer(&text), FALSE);
	return target;
}

static void interpret(Loader *loader)
{
	SmpdConfiguration *configuration = loader->configuration;

	for (guint i = 0; i < loader->sections->len; i++) {
		SmpdSection *section = g_ptr_array_index(loader->sections, i);
		check_section(loader, section);
		check_twins(loader, section);
		if (g_str_equal(section->kind, "policy") || g_str_equal(section->kind, "group"))
			check_rules(loader, section);
	}
	(void)apply(find_section(loader, "daemon", NULL), smpd_daemon_keys, configuration,
		    configuration->errors);
	configuration->marked = load_marked(loader);
	for (guint i = 0; i < loader->sections->len; i++) {
		SmpdSection *section = g_ptr_array_index(loader->sections, i);
		if (g_str_equal(section->kind, "target") && section->name &&
		    find_section(loader, "target", section->name) == section)
			load_target(loader, section);
	}
}

static int compare_names(gconstpointer a, gconstpointer b)
{
	return g_strcmp0(*(const char *const *)a, *(const char *const *)b);
}

static void read_folder(Loader *loader, const char *path)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) error = NULL;
	g_autoptr(GDir) dir = g_dir_open(path, 0, &error);
	const char *name;

	if (!dir) {
		if (!g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
			smpd_complain(loader->configuration->errors, path, "cannot be read: %s",
				      error->message);
		return;
	}
	while ((name = g_dir_read_name(dir))) {
		if (g_str_has_suffix(name, ".conf") && name[0] != '.')
			g_ptr_array_add(names, g_build_filename(path, name, NULL));
	}
	g_ptr_array_sort(names, compare_names);
	for (guint i = 0; i < names->len; i++)
		smpd_sections_read(g_ptr_array_index(names, i), loader->sections,
				   loader->configuration->errors);
}

SmpdConfiguration *smpd_configuration_load(const char *folder)
{
	g_autofree char *file = g_build_filename(folder, "smpd.conf", NULL);
	g_autofree char *targets = g_build_filename(folder, "targets.d", NULL);
	SmpdConfiguration *configuration = g_new0(SmpdConfiguration, 1);
	Loader loader = {.configuration = configuration};

	configuration->targets = g_ptr_array_new_with_free_func((GDestroyNotify)smpd_target_unref);
	configuration->errors = g_ptr_array_new_with_free_func(g_free);
	configuration->max_parallel = DEFAULT_MAX_PARALLEL;
	configuration->per_bus = DEFAULT_PER_BUS;
	configuration->keep_jobs = DEFAULT_KEEP_JOBS;
	loader.sections = g_ptr_array_new_with_free_func((GDestroyNotify)smpd_section_free);
	smpd_sections_read(file, loader.sections, configuration->errors);
	read_folder(&loader, targets);
	interpret(&loader);
	g_ptr_array_unref(loader.sections);
	return configuration;
}
