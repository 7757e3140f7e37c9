/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs a fuzz target without libFuzzer: over each file of its corpus and a number of mutations of
 * them, the same ones each time. Usage: fuzz-NAME CORPUS [MUTATIONS]. An input that the target dies
 * of is left behind in fuzz-NAME.input. */

#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MUTATIONS 20000
#define MAX_SIZE  4096
#define SEED	  0x534d50

static int input_file;

/* Writes the input down first: nothing can be done once the target has crashed. */
static void run(const guint8 *data, gsize size)
{
	/* A block of its own of exactly this size: reading beyond it shows. */
	g_autofree guint8 *exact = size > 0 ? g_memdup2(data, size) : g_malloc(1);

	if (pwrite(input_file, data, size, 0) != (ssize_t)size ||
	    ftruncate(input_file, (off_t)size) != 0)
		g_error("cannot write the input: %s", g_strerror(errno));
	LLVMFuzzerTestOneInput(exact, size);
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *load_corpus(const char *folder)
{
	GPtrArray *corpus = g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref);
	g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) error = NULL;
	g_autoptr(GDir) dir = g_dir_open(folder, 0, &error);
	const char *name;

	if (!dir)
		g_error("%s", error->message);
	while ((name = g_dir_read_name(dir)))
		g_ptr_array_add(paths, g_build_filename(folder, name, NULL));
	/* The order of a folder is not the same everywhere. */
	g_ptr_array_sort(paths, compare_names);
	for (guint i = 0; i < paths->len; i++) {
		char *data;
		gsize size;
		if (!g_file_get_contents(paths->pdata[i], &data, &size, &error))
			g_error("%s", error->message);
		g_ptr_array_add(corpus, g_byte_array_new_take((guint8 *)data, size));
	}
	if (corpus->len == 0)
		g_error("no inputs in %s", folder);
	return corpus;
}

/* A piece of another input over, or into, this one. */
static void mix_in(GByteArray *input, const GByteArray *other, GRand *rand)
{
	if (other->len == 0)
		return;
	guint from = (guint)g_rand_int_range(rand, 0, (gint32)other->len);
	guint size = (guint)g_rand_int_range(rand, 1, (gint32)MIN(other->len - from, 256) + 1);
	guint at = (guint)g_rand_int_range(rand, 0, (gint32)input->len + 1);

	if (g_rand_boolean(rand)) {
		g_byte_array_set_size(input, MAX(input->len, at + size));
	} else {
		guint behind = input->len - at;
		g_byte_array_set_size(input, input->len + size);
		memmove(input->data + at + size, input->data + at, behind);
	}
	memcpy(input->data + at, other->data + from, size);
}

static void mutate_byte(guint8 *byte, GRand *rand)
{
	static const guint8 edges[] = {0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff};

	switch (g_rand_int_range(rand, 0, 4)) {
	case 0:
		*byte ^= (guint8)(1 << g_rand_int_range(rand, 0, 8));
		break;
	case 1:
		*byte = (guint8)(*byte + g_rand_int_range(rand, -2, 3));
		break;
	case 2:
		*byte = edges[g_rand_int_range(rand, 0, G_N_ELEMENTS(edges))];
		break;
	default:
		*byte = (guint8)g_rand_int(rand);
		break;
	}
}

static void mutate(GByteArray *input, const GByteArray *other, GRand *rand)
{
	gint32 kind = g_rand_int_range(rand, 0, 10);

	if (input->len == 0 || kind == 0) {
		mix_in(input, other, rand);
	} else if (kind == 1) {
		g_byte_array_set_size(input, (guint)g_rand_int_range(rand, 0, (gint32)input->len));
	} else if (kind == 2) {
		guint at = (guint)g_rand_int_range(rand, 0, (gint32)input->len);
		guint most = MIN(input->len - at, 16);
		guint size = (guint)g_rand_int_range(rand, 1, (gint32)most + 1);
		g_byte_array_remove_range(input, at, size);
	} else {
		mutate_byte(&input->data[g_rand_int_range(rand, 0, (gint32)input->len)], rand);
	}
}

static const GByteArray *choose(const GPtrArray *corpus, GRand *rand)
{
	return corpus->pdata[g_rand_int_range(rand, 0, (gint32)corpus->len)];
}

static void run_mutations(const GPtrArray *corpus, guint count)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(SEED);

	for (guint i = 0; i < count; i++) {
		const GByteArray *seed = choose(corpus, rand);
		g_autoptr(GByteArray) input = g_byte_array_new();
		g_byte_array_append(input, seed->data, MIN(seed->len, MAX_SIZE));
		for (gint32 left = g_rand_int_range(rand, 1, 6); left > 0; left--)
			mutate(input, choose(corpus, rand), rand);
		run(input->data, input->len);
	}
}

int main(int argc, char **argv)
{
	if (argc < 2)
		g_error("usage: %s CORPUS [MUTATIONS]", argv[0]);
	guint mutations = argc > 2 ? (guint)strtoul(argv[2], NULL, 10) : MUTATIONS;
	g_autofree char *name = g_path_get_basename(argv[0]);
	g_autofree char *input_path = g_strconcat(name, ".input", NULL);
	g_autoptr(GPtrArray) corpus = load_corpus(argv[1]);

	input_file = g_open(input_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (input_file < 0)
		g_error("cannot create %s: %s", input_path, g_strerror(errno));
	for (guint i = 0; i < corpus->len; i++) {
		const GByteArray *input = corpus->pdata[i];
		run(input->data, input->len);
	}
	run_mutations(corpus, mutations);
	close(input_file);
	g_remove(input_path);
	g_print("%s: %u inputs, %u mutations\n", name, corpus->len, mutations);
	return 0;
}
