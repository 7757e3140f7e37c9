/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A core dump of Mynewt, which becomes an ELF file. */

#include "../../src/cli/core-elf.h"
#include "tests/fuzz/fuzz.h"

#include <elf.h>
#include <smp/smp.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GByteArray) hash = NULL;
	g_autoptr(GByteArray) file = smpctl_core_to_elf(data, size, &hash, &error);
	Elf32_Ehdr header;

	if (!file) {
		g_assert_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE);
		g_assert_null(hash);
		return 0;
	}
	g_assert_no_error(error);
	g_assert_nonnull(hash);
	memcpy(&header, file->data, sizeof header);
	for (guint i = 0; i < GUINT16_FROM_LE(header.e_phnum); i++) {
		Elf32_Phdr program;
		memcpy(&program, file->data + sizeof header + i * sizeof program, sizeof program);
		g_assert_true(GUINT32_FROM_LE(program.p_offset) +
				      (guint64)GUINT32_FROM_LE(program.p_filesz) <=
			      file->len);
	}
	return 0;
}
