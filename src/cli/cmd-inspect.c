/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* image inspect: what a firmware file is. */

#include "cli.h"

#include <stdio.h>

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

		json_builder_begin_object(json);
		smpctl_json_int(json, "type", tlv->type);
		smpctl_json_text(json, "name", smp_tlv_name(tlv->type));
		smpctl_json_bool(json, "protected", tlv->is_protected);
		smpctl_json_int(json, "size", tlv->size);
		smpctl_json_hex(json, "data", tlv->data, tlv->size);
		json_builder_end_object(json);
	}
	json_builder_end_array(json);
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

static void print_json(const SmpFirmware *firmware)
{
	g_autoptr(JsonBuilder) json = smpctl_json_begin();

	smpctl_firmware_json(json, firmware);
	smpctl_json_int(json, "header_size", firmware->header_size);
	smpctl_json_int(json, "image_size", firmware->image_size);
	smpctl_json_int(json, "load_address", firmware->load_addr);
	if (firmware->from_hex)
		smpctl_json_int(json, "hex_address", firmware->hex_address);
	smpctl_json_bool(json, "encrypted", smp_firmware_is_encrypted(firmware));
	smpctl_json_bool(json, "padded", firmware->padded);
	smpctl_json_bool(json, "confirmed_trailer", firmware->confirmed_trailer);
	add_flags(json, firmware);
	add_tlvs(json, firmware);
	smpctl_json_print(json);
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

		printf("%-11s 0x%02x %s, %u bytes%s\n", i ? "" : "TLVs:", tlv->type,
		       name ? name : "unknown", tlv->size, tlv->is_protected ? ", protected" : "");
	}
}

static void print_firmware(const SmpFirmware *firmware)
{
	g_autofree char *version = smp_version_to_string(&firmware->version);
	g_autofree char *hash = smp_hash_to_string(&firmware->hash);

	printf("file:       %s%s\n", firmware->name, firmware->from_hex ? " (Intel HEX)" : "");
	printf("version:    %s\n", version);
	printf("size:       %" G_GSIZE_FORMAT " bytes (header %u, image %u)\n",
	       g_bytes_get_size(firmware->bytes), firmware->header_size, firmware->image_size);
	printf("hash:       %s\n", hash);
	printf("            %s\n", firmware->hash_checked ? "checked: the file is whole"
							  : "not checked: the image is encrypted");
	printf("signature:  %s%s\n", smp_firmware_signature_name(firmware),
	       g_str_equal(smp_firmware_signature_name(firmware), "none") ? "" : ", not verified");
	if (firmware->load_addr)
		printf("load:       0x%08x\n", firmware->load_addr);
	print_flags(firmware);
	if (firmware->padded)
		printf("padded:     yes (imgtool sign --pad%s): for a programmer, not for upload\n",
		       firmware->confirmed_trailer ? " --confirm" : "");
	print_tlvs(firmware);
}

gboolean smpctl_cmd_image_inspect(Smpctl *cli, char **args, GError **error)
{
	g_autoptr(SmpFirmware) firmware = smp_firmware_load(args[0], error);

	if (!firmware)
		return FALSE;
	if (cli->options->json)
		print_json(firmware);
	else
		print_firmware(firmware);
	return TRUE;
}
