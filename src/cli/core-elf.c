/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A core dump of Mynewt as an ELF file that gdb loads, byte by byte as the Go tool makes it
 * (newtmgr/core/core_convert.go). The dump is a header, then memory, registers of an ARM core and
 * the hash of the image, each behind its type, length and address (Mynewt sys/coredump). */

#include "core-elf.h"

#include <elf.h>
#include <smp/smp.h>
#include <string.h>

#define MAGIC	    0x690c47c3u
#define HEADER_SIZE 8
#define NOTE_NAME   ".reg"
#define REGISTERS   18

enum {
	TLV_IMAGE = 1,
	TLV_MEMORY = 2,
	TLV_REGISTERS = 3,
};

/* What Linux calls elf_prstatus, on ARM. */
typedef struct {
	guint32 name_size;
	guint32 size;
	guint32 type;
	char name[8];
	guint32 unused[18];
	guint32 registers[REGISTERS];
	guint32 unused_too;
} Note;

/* All of it in memory: @programs are Elf32_Phdr whose offsets count from the first of @data. */
typedef struct {
	GArray *programs;
	GByteArray *data;
	GByteArray *hash;
} Core;

static guint32 read_u32(const guint8 *bytes)
{
	guint32 value;

	memcpy(&value, bytes, sizeof value);
	return GUINT32_FROM_LE(value);
}

static void add_program(Core *core, guint32 type, guint32 address, const void *data, guint32 size)
{
	static const guint8 padding[4];
	Elf32_Phdr program = {
		.p_type = type,
		.p_offset = core->data->len,
		.p_vaddr = address,
		.p_filesz = size,
		.p_memsz = type == PT_LOAD ? size : 0,
		.p_flags = type == PT_LOAD ? PF_R : 0,
		.p_align = 4,
	};

	g_array_append_val(core->programs, program);
	g_byte_array_append(core->data, data, size);
	g_byte_array_append(core->data, padding, (4 - size % 4) % 4);
}

static void add_registers(Core *core, const guint8 *bytes, guint32 size)
{
	Note note = {
		.name_size = GUINT32_TO_LE(sizeof NOTE_NAME),
		.size = GUINT32_TO_LE(sizeof note - offsetof(Note, unused)),
		.type = GUINT32_TO_LE(NT_PRSTATUS),
		.name = NOTE_NAME,
	};

	memcpy(note.registers, bytes, MIN(size, sizeof note.registers));
	add_program(core, PT_NOTE, 0, &note, sizeof note);
}

static gboolean add_part(Core *core, const guint8 *head, guint32 size, GError **error)
{
	const guint8 *bytes = head + HEADER_SIZE;

	switch (head[0]) {
	case TLV_MEMORY:
		add_program(core, PT_LOAD, read_u32(head + 4), bytes, size);
		return TRUE;
	case TLV_IMAGE:
		g_byte_array_set_size(core->hash, 0);
		g_byte_array_append(core->hash, bytes, size);
		return TRUE;
	case TLV_REGISTERS:
		add_registers(core, bytes, size - size % 4);
		return TRUE;
	default:
		g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE,
			    "the core dump has a part of unknown type %u", head[0]);
		return FALSE;
	}
}

static gboolean parse(Core *core, const guint8 *bytes, gsize size, GError **error)
{
	gsize at = HEADER_SIZE;

	if (size < HEADER_SIZE || read_u32(bytes) != MAGIC) {
		g_set_error_literal(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE,
				    "it is no core dump of Mynewt");
		return FALSE;
	}
	while (at < size) {
		gboolean whole = size - at >= HEADER_SIZE;
		guint length = whole ? bytes[at + 2] + 256u * bytes[at + 3] : 0;

		if (!whole || length > size - at - HEADER_SIZE) {
			g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE,
				    "the core dump ends within a part, at byte %" G_GSIZE_FORMAT,
				    size);
			return FALSE;
		}
		if (!add_part(core, bytes + at, length, error))
			return FALSE;
		at += HEADER_SIZE + length;
	}
	return TRUE;
}

static void append_programs(const Core *core, GByteArray *file)
{
	guint32 start = (guint32)(sizeof(Elf32_Ehdr) + core->programs->len * sizeof(Elf32_Phdr));

	for (guint i = 0; i < core->programs->len; i++) {
		const Elf32_Phdr *from = &g_array_index(core->programs, Elf32_Phdr, i);
		const Elf32_Phdr program = {
			.p_type = GUINT32_TO_LE(from->p_type),
			.p_offset = GUINT32_TO_LE(start + from->p_offset),
			.p_vaddr = GUINT32_TO_LE(from->p_vaddr),
			.p_filesz = GUINT32_TO_LE(from->p_filesz),
			.p_memsz = GUINT32_TO_LE(from->p_memsz),
			.p_flags = GUINT32_TO_LE(from->p_flags),
			.p_align = GUINT32_TO_LE(from->p_align),
		};
		g_byte_array_append(file, (const guint8 *)&program, sizeof program);
	}
}

static GByteArray *make_file(const Core *core)
{
	const Elf32_Ehdr header = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = GUINT16_TO_LE(ET_CORE),
		.e_machine = GUINT16_TO_LE(EM_ARM),
		.e_version = GUINT32_TO_LE(EV_CURRENT),
		.e_phoff = GUINT32_TO_LE(sizeof header),
		.e_ehsize = GUINT16_TO_LE(sizeof header),
		.e_phentsize = GUINT16_TO_LE(sizeof(Elf32_Phdr)),
		.e_phnum = GUINT16_TO_LE((guint16)core->programs->len),
		.e_shentsize = GUINT16_TO_LE(sizeof(Elf32_Shdr)),
	};
	GByteArray *file = g_byte_array_new();

	g_byte_array_append(file, (const guint8 *)&header, sizeof header);
	append_programs(core, file);
	g_byte_array_append(file, core->data->data, core->data->len);
	return file;
}

static gboolean check_count(const Core *core, GError **error)
{
	if (core->programs->len < PN_XNUM)
		return TRUE;
	g_set_error_literal(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE,
			    "the core dump has more parts than an ELF file");
	return FALSE;
}

GByteArray *smpctl_core_to_elf(const guint8 *dump, gsize size, GByteArray **hash, GError **error)
{
	Core core = {
		.programs = g_array_new(FALSE, FALSE, sizeof(Elf32_Phdr)),
		.data = g_byte_array_new(),
		.hash = g_byte_array_new(),
	};
	gboolean good = parse(&core, dump, size, error) && check_count(&core, error);
	GByteArray *file = good ? make_file(&core) : NULL;

	*hash = good ? g_byte_array_ref(core.hash) : NULL;
	g_array_unref(core.programs);
	g_byte_array_unref(core.data);
	g_byte_array_unref(core.hash);
	return file;
}
