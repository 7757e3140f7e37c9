/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The interlock of the addresses: images that run where they are (ROM_FIXED), alone and as variants
 * of a package. */

#include "plan-players.h"

#include "firmware/package.h"
#include "tests/lib/make-image.h"

#include <string.h>

#define SLOT_0 0x0000c000
#define SLOT_1 0x00084000

/* A variant as its package and its header describe it. */
typedef struct {
	int slot;
	gint64 package_address;
	guint32 load_addr;
	guint32 reset;
	guint32 flags;
} Variant;

typedef struct {
	const char *name;
	Variant variants[2]; /* a second one with a slot */
	SmpBootloaderMode mode;
	const char *refusal; /* NULL: not refused */
	const char *doubt;   /* NULL: none */
} Case;

#define FIXED SMP_IMAGE_FLAG_ROM_FIXED
#define XIP   SMP_BOOTLOADER_MODE_DIRECT_XIP_REVERT

/* clang-format off */
static const Case cases[] = {
	{"good", {{0, SLOT_0, SLOT_0, SLOT_0 + 0x41, FIXED}, {1, SLOT_1, SLOT_1, SLOT_1 + 0x41, FIXED}},
	 XIP, NULL, NULL},
	/* The application's own address, behind the header. */
	{"behind-header", {{0, SLOT_0 + 32, SLOT_0, SLOT_0 + 0x41, FIXED},
			   {1, SLOT_1 + 32, SLOT_1, SLOT_1 + 0x41, FIXED}}, XIP, NULL, NULL},
	{"no-address", {{0, -1, SLOT_0, SLOT_0 + 0x41, FIXED}, {1, -1, SLOT_1, SLOT_1 + 0x41, FIXED}},
	 XIP, NULL, NULL},
	{"no-vectors", {{0, -1, SLOT_0, 0, FIXED}, {1, -1, SLOT_1, 0, FIXED}}, XIP, NULL, NULL},
	{"not-fixed", {{0, SLOT_0, 0, SLOT_0 + 0x41, 0}, {1, SLOT_1, 0, SLOT_0 + 0x41, 0}}, XIP, NULL,
	 NULL},
	{"linked-elsewhere", {{0, -1, SLOT_0, SLOT_0 + 0x41, FIXED}, {1, -1, SLOT_1, SLOT_0 + 0x41, FIXED}},
	 XIP, "image1.bin says that it runs at 0x00084000 and its program starts at 0x0000c040", NULL},
	{"behind-its-end", {{1, -1, SLOT_1, SLOT_1 + 4096 + 33, FIXED}}, XIP, "starts at 0x00085020", NULL},
	{"last-word", {{1, -1, SLOT_1, SLOT_1 + 4096 + 31, FIXED}}, XIP, NULL, NULL},
	{"package-says-else", {{0, SLOT_0, SLOT_0, 0, FIXED}, {1, SLOT_0, SLOT_1, 0, FIXED}}, XIP,
	 "image1.bin says that it runs at 0x00084000 and its package says 0x0000c000", NULL},
	{"twins", {{0, -1, SLOT_0, 0, FIXED}, {1, -1, SLOT_0, 0, FIXED}}, XIP,
	 "image1.bin is for slot 1 and runs at 0x0000c000, as image0.bin does, which is for slot 0", NULL},
	{"alone", {{-1, -1, SLOT_0, SLOT_0 + 0x41, FIXED}}, XIP, NULL,
	 "it runs at 0x0000c000 only, and whether that is slot 1 the board does not tell"},
	{"alone-unknown-mode", {{-1, -1, SLOT_0, 0, FIXED}}, SMP_BOOTLOADER_MODE_UNKNOWN, NULL,
	 "whether that is slot 1 the board does not tell"},
	{"alone-linked-elsewhere", {{-1, -1, SLOT_1, SLOT_0 + 0x41, FIXED}}, XIP,
	 "image0.bin says that it runs at", NULL},
	{"alone-swaps", {{-1, -1, SLOT_0, SLOT_0 + 0x41, FIXED}}, SMP_BOOTLOADER_MODE_SWAP_OFFSET, NULL, NULL},
	{"address-space-end", {{-1, -1, 0xfffffff0, 0, FIXED}}, XIP, NULL, "it runs at 0xfffffff0 only"},
};
/* clang-format on */

static void add_variant(SmpBundle *bundle, const Variant *variant)
{
	guint n = bundle->items->len;
	g_autofree char *name = g_strdup_printf("image%u.bin", n);
	g_autoptr(GBytes) bytes = make_image(&(MakeImage){
		.version = versions[NEW],
		.flags = variant->flags,
		.load_addr = variant->load_addr,
		.payload_size = 4096,
		.seed = (guint8)n,
		.stack = variant->reset ? 0x20001000 : 0,
		.reset = variant->reset,
	});
	SmpFirmware *firmware = smp_firmware_parse(name, bytes, NULL);

	g_assert_nonnull(firmware);
	SmpBundleItem *item = smp_bundle_item_new(firmware, 0);
	item->slot = variant->slot;
	item->load_address = variant->package_address;
	g_ptr_array_add(bundle->items, item);
}

static void plan(const SmpBundle *bundle, SmpBootloaderMode mode, guint allow, SmpPlanStep *step)
{
	SmpImageSlot running = {.version = (char *)"1.2.0",
				.hash = hash_of(OLD, 0),
				.has_flags = TRUE,
				.active = TRUE,
				.confirmed = TRUE};
	g_autoptr(GPtrArray) slots = g_ptr_array_new();
	SmpImageState state = {.slots = slots};
	const SmpBoard board = {.mode = mode, .images = &state};
	const SmpPolicy policy = {.allow = allow, .stop_before = SMP_ACTION_END};
	SmpAttemptItem items[2] = {0};
	const SmpAttempt attempt = {.items = items};

	g_ptr_array_add(slots, &running);
	smp_plan_next(&board, bundle, &policy, &attempt, step);
	check_step(step, &board, bundle);
}

static void assert_uploads(const SmpPlanStep *step, const char *doubt)
{
	g_assert_cmpint(step->action, ==, SMP_ACTION_UPLOAD);
	if (doubt)
		g_assert_nonnull(strstr(step->reason, doubt));
	else
		g_assert_null(strstr(step->reason, "does not tell"));
}

static void test_case(gconstpointer data)
{
	const Case *c = data;
	g_autoptr(SmpBundle) bundle = smp_bundle_new();
	g_auto(SmpPlanStep) step = {0}, allowed = {0}, other = {0};

	add_variant(bundle, &c->variants[0]);
	if (c->variants[1].slot > 0)
		add_variant(bundle, &c->variants[1]);
	plan(bundle, c->mode, 0, &step);
	if (!c->refusal) {
		assert_uploads(&step, c->doubt);
		return;
	}
	g_assert_cmpint(step.end, ==, SMP_END_REFUSED);
	g_assert_cmpint(step.interlock, ==, SMP_INTERLOCK_WRONG_SLOT);
	g_assert_nonnull(strstr(step.reason, c->refusal));
	plan(bundle, c->mode, SMP_INTERLOCK_WRONG_SLOT, &allowed);
	g_assert_cmpint(allowed.action, ==, SMP_ACTION_UPLOAD);
	plan(bundle, c->mode, ~(guint)SMP_INTERLOCK_WRONG_SLOT, &other);
	g_assert_cmpint(other.end, ==, SMP_END_REFUSED);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *path = g_strconcat("/interlock/address/", cases[i].name, NULL);
		g_test_add_data_func(path, &cases[i], test_case);
	}
	return g_test_run();
}
