/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* image inspect: what a firmware file or a package is. */

#include "cli.h"

#include <stdio.h>

static char **key_arguments;

const GOptionEntry smpctl_inspect_options[] = {
	{"key", 'k', 0, G_OPTION_ARG_FILENAME_ARRAY, &key_arguments,
	 "verify the signature with this key; may be given several times",
	 "PEM|DIRECTORY|keyhash:HEX"},
	{NULL},
};

static const struct {
	guint32 flag;
	const char *name;
} flags[] = {
	{SMP_IMAGE_FLAG_PIC, "position-independent"},
	{SMP_IMAGE_FLAG_ENCRYPTED_AES128, "encrypted-aes128"},
	{SMP_IMAGE_FLAG_ENCRYPTED_AES256, "encrypted-aes256"},
	{SMP_IMAGE_FLAG_NON_BOOTABLE, "non-bootable"},
	{SMP_IMAGE_FLAG_RAM_LOAD, "ram-load"},
	{SMP_IMAGE_FLAG_ROM_FIXED, "rom-fixed"},
	{SMP_IMAGE_FLAG_COMPRESSED_LZMA1, "compressed-lzma1"},
	{SMP_IMAGE_FLAG_COMPRESSED_LZMA2, "compressed-lzma2"},
	{SMP_IMAGE_FLAG_COMPRESSED_ARM_THUMB, "compressed-arm-thumb"},
};

static const char *const results[] = {
	[SMP_SIGNATURE_UNCHECKED] = "unchecked", [SMP_SIGNATURE_NONE] = "none",
	[SMP_SIGNATURE_GOOD] = "good",		 [SMP_SIGNATURE_NAMED] = "named",
	[SMP_SIGNATURE_OTHER_KEY] = "other-key", [SMP_SIGNATURE_BAD] = "bad",
};

typedef struct {
	const char *title; /* with --json, the key */
	GPtrArray *items;
	SmpVerdict *verdicts;
} Part;

static void add_flags(JsonBuilder *json, const SmpFirmware *firmware)
{
	json_builder_set_member_name(json, "flags");
	json_builder_begin_array(json);
	for (guint i = 0; i < G_N_ELEMENTS(flags); i++) {
		if (firmware->flags & flags[i].flag)
			json_builder_add_string_value(json, flags[i].name);
	}
	json_builder_end_array(json);
}

static void add_tlvs(JsonBuilder *json, const SmpFirmware *firmware)
{
	json_builder_set_member_name(json, "tlvs");
	json_builder_begin_array(json);
	for (guint i = 0; i < firmware->tlvs->len; i++) {
		const SmpTlv *tlv = &g_array_index(firmware->tlvs, SmpTlv, i);
		g_autofree char *text = smp_tlv_to_string(tlv);

		json_builder_begin_object(json);
		smpctl_json_int(json, "type", tlv->type);
		smpctl_json_text(json, "name", smp_tlv_name(tlv->type));
		smpctl_json_bool(json, "protected", tlv->is_protected);
		smpctl_json_int(json, "size", tlv->size);
		smpctl_json_hex(json, "data", tlv->data, tlv->size);
		smpctl_json_text(json, "text", text);
		json_builder_end_object(json);
	}
	json_builder_end_array(json);
}

static void add_verdict(JsonBuilder *json, const SmpVerdict *verdict)
{
	json_builder_set_member_name(json, "verdict");
	json_builder_begin_object(json);
	smpctl_json_text(json, "result", results[verdict->signature]);
	smpctl_json_text(json, "key", verdict->key);
	smpctl_json_hex(json, "key_hash", verdict->key_hash.data, verdict->key_hash.size);
	smpctl_json_bool(json, "payload_checked", verdict->payload_checked);
	json_builder_end_object(json);
}

static void add_vectors(JsonBuilder *json, const SmpFirmware *firmware)
{
	guint32 stack, reset;

	if (!smp_firmware_vectors(firmware, &stack, &reset))
		return;
	smpctl_json_int(json, "initial_stack", stack);
	smpctl_json_int(json, "reset_vector", reset);
}

void smpctl_firmware_json(JsonBuilder *json, const SmpFirmware *firmware)
{
	g_autofree char *version = smp_version_to_string(&firmware->version);

	smpctl_json_text(json, "file", firmware->name);
	smpctl_json_text(json, "version", version);
	smpctl_json_int(json, "size", (gint64)g_bytes_get_size(firmware->bytes));
	smpctl_json_hex(json, "hash", firmware->hash.data, firmware->hash.size);
	smpctl_json_bool(json, "hash_checked", firmware->hash_checked);
	smpctl_json_hex(json, "sha256", firmware->sha, sizeof(firmware->sha));
	smpctl_json_text(json, "signature", smp_firmware_signature_name(firmware));
}

static void add_details(JsonBuilder *json, const SmpBundleItem *item, const SmpVerdict *verdict)
{
	const SmpFirmware *firmware = item->firmware;

	smpctl_firmware_json(json, firmware);
	add_verdict(json, verdict);
	smpctl_json_int(json, "header_size", firmware->header_size);
	smpctl_json_int(json, "image_size", firmware->image_size);
	smpctl_json_int(json, "load_address", firmware->load_addr);
	if (firmware->from_hex)
		smpctl_json_int(json, "hex_address", firmware->hex_address);
	add_vectors(json, firmware);
	smpctl_json_bool(json, "network_core", item->network_core);
	smpctl_json_bool(json, "encrypted", smp_firmware_is_encrypted(firmware));
	smpctl_json_bool(json, "padded", firmware->padded);
	smpctl_json_bool(json, "confirmed_trailer", firmware->confirmed_trailer);
	add_flags(json, firmware);
	add_tlvs(json, firmware);
}

static void add_manifest(JsonBuilder *json, const SmpBundleItem *item)
{
	json_builder_set_member_name(json, "manifest");
	json_builder_begin_object(json);
	smpctl_json_text(json, "type", item->type);
	smpctl_json_text(json, "version", item->package_version);
	smpctl_json_text(json, "board", item->board);
	smpctl_json_text(json, "soc", item->soc);
	smpctl_json_count(json, "load_address", item->load_address);
	json_builder_end_object(json);
}

static void add_part(JsonBuilder *json, const Part *part)
{
	json_builder_set_member_name(json, part->title);
	json_builder_begin_array(json);
	for (guint i = 0; i < part->items->len; i++) {
		const SmpBundleItem *item = g_ptr_array_index(part->items, i);

		json_builder_begin_object(json);
		smpctl_json_int(json, "image", item->image);
		smpctl_json_count(json, "slot", item->slot);
		add_manifest(json, item);
		add_details(json, item, &part->verdicts[i]);
		json_builder_end_object(json);
	}
	json_builder_end_array(json);
}

/* Of updates of the bootloader alone nothing is planned. */
static gboolean wants_board(Smpctl *cli, const SmpBundle *bundle)
{
	return bundle->items->len > 0 && smpctl_has_target(cli->options);
}

static gboolean print_json(Smpctl *cli, const SmpBundle *bundle, const Part parts[2],
			   GError **error)
{
	g_autoptr(JsonBuilder) json = smpctl_json_begin();
	const Part *first = &parts[parts[0].items->len == 0];
	const SmpBundleItem *item = g_ptr_array_index(first->items, 0);

	if (item->package) {
		smpctl_json_text(json, "package", item->package);
		smpctl_json_text(json, "name", bundle->name);
		if (bundle->time)
			smpctl_json_int(json, "time", bundle->time);
		smpctl_json_text(json, "zephyr_revision", bundle->zephyr_revision);
		smpctl_json_text(json, "nrf_revision", bundle->nrf_revision);
		add_part(json, &parts[0]);
		add_part(json, &parts[1]);
	} else {
		add_details(json, item, first->verdicts);
	}
	gboolean done = !wants_board(cli, bundle) || smpctl_inspect_board(cli, bundle, json, error);
	smpctl_json_print(json);
	return done;
}

static void print_flags(const SmpFirmware *firmware)
{
	const char *separator = "";

	if (firmware->flags == 0)
		return;
	printf("flags:      ");
	for (guint i = 0; i < G_N_ELEMENTS(flags); i++) {
		if (!(firmware->flags & flags[i].flag))
			continue;
		printf("%s%s", separator, flags[i].name);
		separator = ", ";
	}
	printf(" (0x%x)\n", firmware->flags);
}

static void print_tlvs(const SmpFirmware *firmware)
{
	for (guint i = 0; i < firmware->tlvs->len; i++) {
		const SmpTlv *tlv = &g_array_index(firmware->tlvs, SmpTlv, i);
		const char *name = smp_tlv_name(tlv->type);
		g_autofree char *text = smp_tlv_to_string(tlv);

		printf("%-11s 0x%02x %s, %u bytes%s%s%s\n", i ? "" : "TLVs:", tlv->type,
		       name ? name : "unknown", tlv->size, tlv->is_protected ? ", protected" : "",
		       text ? ": " : "", text ? text : "");
	}
}

static void print_signature(const SmpFirmware *firmware, const SmpVerdict *verdict)
{
	g_autofree char *text = smp_verdict_to_string(verdict);
	g_autofree char *hash = smp_hash_to_string(&verdict->key_hash);

	if (verdict->signature == SMP_SIGNATURE_NONE)
		puts("signature:  none");
	else
		printf("signature:  %s, %s%s\n", smp_firmware_signature_name(firmware), text,
		       verdict->signature == SMP_SIGNATURE_UNCHECKED && !key_arguments
			       ? " (no --key)"
			       : "");
	if (*hash)
		printf("key hash:   %s\n", hash);
}

static void print_vectors(const SmpBundleItem *item)
{
	guint32 stack, reset;

	if (smp_firmware_vectors(item->firmware, &stack, &reset))
		printf("runs at:    0x%08x (reset vector), stack 0x%08x\n", reset, stack);
	if (item->network_core)
		puts("core:       network core of an nRF5340");
}

static void print_hashes(const SmpFirmware *firmware)
{
	g_autofree char *sha = smp_hex_format(firmware->sha, sizeof firmware->sha);
	g_autofree char *hash = smp_hash_to_string(&firmware->hash);

	printf("hash:       %s\n", hash);
	printf("            %s\n", firmware->hash_checked ? "checked: the file is whole"
							  : "not checked: the image is encrypted");
	printf("sha256:     %s (of the file)\n", sha);
}

static void print_item(const SmpBundleItem *item, const SmpVerdict *verdict)
{
	const SmpFirmware *firmware = item->firmware;
	g_autofree char *version = smp_version_to_string(&firmware->version);

	printf("file:       %s", firmware->name);
	if (firmware->from_hex)
		printf(" (Intel HEX from 0x%08x)", firmware->hex_address);
	printf("\nversion:    %s\n", version);
	printf("size:       %" G_GSIZE_FORMAT " bytes (header %u, image %u)\n",
	       g_bytes_get_size(firmware->bytes), firmware->header_size, firmware->image_size);
	print_hashes(firmware);
	print_signature(firmware, verdict);
	if (firmware->load_addr)
		printf("load:       0x%08x\n", firmware->load_addr);
	print_vectors(item);
	print_flags(firmware);
	if (firmware->padded)
		printf("padded:     yes (imgtool sign --pad%s): for a programmer, not for upload\n",
		       firmware->confirmed_trailer ? " --confirm" : "");
	print_tlvs(firmware);
}

static void print_fact(const char *name, const char *value, const char **separator)
{
	if (!value)
		return;
	printf("%s%s %s", *separator, name, value);
	*separator = ", ";
}

/* What the manifest says of an item. */
static void print_manifest(const SmpBundleItem *item, gboolean is_bootloader)
{
	g_autofree char *address = item->load_address < 0
					   ? NULL
					   : g_strdup_printf("0x%08x", (guint32)item->load_address);
	const char *separator = "";

	printf("\nimage:      %u", item->image);
	if (is_bootloader)
		printf(", MCUboot itself, variant s%d", item->slot);
	else if (item->slot >= 0)
		printf(", only for slot %d", item->slot);
	printf("\nmanifest:   ");
	print_fact("type", item->type, &separator);
	print_fact("version", item->package_version, &separator);
	print_fact("board", item->board, &separator);
	print_fact("soc", item->soc, &separator);
	print_fact("load address", address, &separator);
	puts(*separator ? "" : "nothing");
}

static void print_package(const SmpBundle *bundle, const char *package)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(bundle->time);
	g_autofree char *text = time ? g_date_time_format(time, "%Y-%m-%d %H:%M UTC") : NULL;
	const char *separator = "";

	printf("package:    %s\n", package);
	if (bundle->name)
		printf("name:       %s\n", bundle->name);
	if (bundle->time && text)
		printf("built:      %s\n", text);
	if (!bundle->zephyr_revision && !bundle->nrf_revision)
		return;
	printf("from:       ");
	print_fact("Zephyr", bundle->zephyr_revision, &separator);
	print_fact("nRF Connect SDK", bundle->nrf_revision, &separator);
	putchar('\n');
}

static gboolean print_text(Smpctl *cli, const SmpBundle *bundle, const Part parts[2],
			   GError **error)
{
	gboolean first = TRUE;

	for (guint i = 0; i < 2; i++) {
		for (guint k = 0; k < parts[i].items->len; k++) {
			const SmpBundleItem *item = g_ptr_array_index(parts[i].items, k);

			if (item->package && first)
				print_package(bundle, item->package);
			if (item->package)
				print_manifest(item, i == 1);
			print_item(item, &parts[i].verdicts[k]);
			first = FALSE;
		}
	}
	fflush(stdout);
	return !wants_board(cli, bundle) || smpctl_inspect_board(cli, bundle, NULL, error);
}

/* FALSE where keys were given and an image is by none of them, which the item is told, too; @error
 * tells the first. */
static gboolean verify_part(Part *part, const SmpKeySet *keys, GError **error)
{
	gboolean good = TRUE, has_keys = smp_key_set_size(keys) > 0;

	part->verdicts = g_new0(SmpVerdict, part->items->len);
	for (guint i = 0; i < part->items->len; i++) {
		SmpBundleItem *item = g_ptr_array_index(part->items, i);
		gboolean verified = smp_firmware_verify(item->firmware, keys, &part->verdicts[i],
							good && has_keys ? error : NULL);

		if (verified || !has_keys)
			continue;
		item->signature_problem = smp_verdict_to_string(&part->verdicts[i]);
		good = FALSE;
	}
	return good;
}

static void part_clear(Part *part)
{
	for (guint i = 0; i < part->items->len; i++)
		smp_verdict_clear(&part->verdicts[i]);
	g_free(part->verdicts);
}

static SmpKeySet *read_keys(GError **error)
{
	g_autoptr(SmpKeySet) keys = smp_key_set_new();

	for (char **key = key_arguments; key && *key; key++) {
		if (!smp_key_set_add(keys, *key, error))
			return NULL;
	}
	return g_steal_pointer(&keys);
}

gboolean smpctl_cmd_image_inspect(Smpctl *cli, char **args, GError **error)
{
	g_autoptr(SmpBundle) bundle = smp_bundle_new();
	g_autoptr(SmpKeySet) keys = read_keys(error);

	if (!keys || !smp_bundle_add(bundle, args[0], 0, error))
		return FALSE;
	Part parts[] = {{"images", bundle->items, NULL},
			{"bootloaders", bundle->bootloaders, NULL}};
	gboolean good = verify_part(&parts[0], keys, error);
	good = verify_part(&parts[1], keys, good ? error : NULL) && good;
	/* A signature that is not good is told before a board that is not there. */
	GError **rest = good ? error : NULL;
	gboolean done = cli->options->json ? print_json(cli, bundle, parts, rest)
					   : print_text(cli, bundle, parts, rest);
	part_clear(&parts[0]);
	part_clear(&parts[1]);
	return good && done;
}
