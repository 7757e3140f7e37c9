/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Boards that want to be paired with, and BlueZ's habit of never answering about it. */

#include "ble-test.h"

typedef struct {
	guint asked;
	guint32 passkey;
	gboolean reject;
	const char *board; /* NULL for "Sensor 12" */
} Person;

static gboolean on_question(SmpPairingQuestion question, const char *board, guint32 *passkey,
			    gpointer user_data)
{
	Person *person = user_data;

	g_assert_cmpint(question, ==, SMP_PAIRING_ENTER);
	g_assert_cmpstr(board, ==, person->board ? person->board : "Sensor 12");
	person->asked++;
	*passkey = person->passkey;
	return !person->reject;
}

static SmpLink *link_new(const char *target, SmpPairingAbility ability, Person *person)
{
	g_autoptr(GError) error = NULL;
	SmpLink *link = smp_link_new(target, &error);

	g_assert_no_error(error);
	smp_link_set_pairing_func(link, ability, on_question, person);
	return link;
}

static DoubleBoard secured(DoubleSecurity security)
{
	DoubleBoard board = ble_test_board;

	board.security = security;
	board.display = security == DOUBLE_AUTHENTICATE;
	board.passkey = 123456;
	return board;
}

static void check_open(SmpLink *link)
{
	g_autoptr(GError) error = NULL;

	if (!smp_link_open(link, &error))
		g_error("%s", error->message);
	g_autoptr(SmpSession) session = ble_test_session(link);
	ble_test_echo(session, 5);
	smp_link_close(link);
}

static void check_refused(SmpLink *link, int code, const char *part)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(smp_link_open(link, &error));
	g_assert_error(error, SMP_LINK_ERROR, code);
	if (!strstr(error->message, part))
		g_error("\"%s\" is not in \"%s\"", part, error->message);
}

/* Pairs once, where the board wants it, and never again. */
static void check_pairs(DoubleSecurity security, const char *target, SmpPairingAbility ability,
			guint asked, const char *capability)
{
	DoubleBoard board = secured(security);
	Person person = {.passkey = 123456};
	DoubleCounts counts;
	g_autoptr(BluezDouble) bluez = ble_test_start(&board);
	g_autoptr(SmpLink) link = link_new(target, ability, &person);

	check_open(link);
	check_open(link);
	bluez_double_get_counts(bluez, &counts);
	g_assert_cmpuint(counts.pairs, ==, 1);
	g_assert_cmpuint(counts.agents, ==, 0);
	g_assert_cmpuint(person.asked, ==, asked);
	g_assert_cmpstr(counts.capability, ==, capability);
}

static void test_just_works(void)
{
	check_pairs(DOUBLE_ENCRYPT, "ble:C0:11:22:33:44:55", SMP_PAIRING_NOTHING, 0,
		    "NoInputNoOutput");
	check_pairs(DOUBLE_ENCRYPT, "ble:C0:11:22:33:44:55?pair=yes", SMP_PAIRING_KEYBOARD_DISPLAY,
		    0, "KeyboardDisplay");
	check_pairs(DOUBLE_OPEN, "ble:C0:11:22:33:44:55?pair=yes", SMP_PAIRING_NOTHING, 0,
		    "NoInputNoOutput");
}

static void test_passkey(void)
{
	check_pairs(DOUBLE_AUTHENTICATE, "ble:C0:11:22:33:44:55", SMP_PAIRING_KEYBOARD, 1,
		    "KeyboardOnly");
	check_pairs(DOUBLE_AUTHENTICATE, "ble:C0:11:22:33:44:55?pair=yes",
		    SMP_PAIRING_KEYBOARD_DISPLAY, 1, "KeyboardDisplay");
}

/* The person reads whose passkey is wanted. */
static void test_strange_name(void)
{
	DoubleBoard board = secured(DOUBLE_AUTHENTICATE);
	Person person = {.passkey = 123456, .board = "a?b"};

	board.name = "a\033b";
	g_autoptr(BluezDouble) bluez G_GNUC_UNUSED = ble_test_start(&board);
	g_autoptr(SmpLink) link = link_new("ble:", SMP_PAIRING_KEYBOARD, &person);

	check_open(link);
	g_assert_cmpuint(person.asked, ==, 1);
}

static void test_wrong_passkey(void)
{
	DoubleBoard board = secured(DOUBLE_AUTHENTICATE);
	Person person = {.passkey = 654321};
	g_autoptr(BluezDouble) bluez G_GNUC_UNUSED = ble_test_start(&board);
	g_autoptr(SmpLink) link = link_new("ble:C0:11:22:33:44:55", SMP_PAIRING_KEYBOARD, &person);

	check_refused(link, SMP_LINK_ERROR_PERMISSION, "passkey was wrong");
	person.reject = TRUE;
	check_refused(link, SMP_LINK_ERROR_PERMISSION, "pairing failed");
	/* And then the right one. */
	person = (Person){.passkey = 123456};
	check_open(link);
}

/* Nobody there who could read the passkey: pairing "just works" and does not help. What it left
 * behind is not in the way of a better one. */
static void check_nobody(gboolean cuts, const char *target)
{
	DoubleBoard board = secured(DOUBLE_AUTHENTICATE);
	Person person = {.passkey = 123456};
	DoubleCounts counts;

	board.cuts = cuts;
	g_autoptr(BluezDouble) bluez = ble_test_start(&board);
	g_autoptr(SmpLink) link = link_new(target, SMP_PAIRING_NOTHING, NULL);

	check_refused(link, SMP_LINK_ERROR_PERMISSION, "wants one with a passkey");
	bluez_double_get_counts(bluez, &counts);
	g_assert_cmpuint(counts.removes, ==, counts.pairs);
	g_autoptr(SmpLink) able = link_new("ble:C0:11:22:33:44:55", SMP_PAIRING_KEYBOARD, &person);
	check_open(able);
}

static void test_nobody(void)
{
	check_nobody(FALSE, "ble:C0:11:22:33:44:55");
	check_nobody(FALSE, "ble:C0:11:22:33:44:55?pair=yes");
}

/* The board ends the connection as it refuses. */
static void test_nobody_cut(void)
{
	check_nobody(TRUE, "ble:C0:11:22:33:44:55");
	check_nobody(TRUE, "ble:C0:11:22:33:44:55?pair=yes");
}

static void test_never(void)
{
	DoubleBoard board = secured(DOUBLE_ENCRYPT);
	DoubleCounts counts;
	g_autoptr(BluezDouble) bluez = ble_test_start(&board);

	ble_test_fails("ble:C0:11:22:33:44:55?pair=no", SMP_LINK_ERROR_PERMISSION, "encrypted");
	bluez_double_get_counts(bluez, &counts);
	g_assert_cmpuint(counts.pairs, ==, 0);
}

/* A refusal that is never answered: the device is removed while it is connected, paired and
 * tried once more. */
static void test_hang(void)
{
	DoubleBoard board = secured(DOUBLE_ENCRYPT);
	DoubleCounts counts;
	g_autoptr(BluezDouble) bluez = ble_test_start(&board);
	g_autoptr(SmpLink) link = link_new("ble:C0:11:22:33:44:55", SMP_PAIRING_NOTHING, NULL);

	bluez_double_add_rule(bluez, &(DoubleRule){.method = "StartNotify", .times = 1});
	check_open(link);
	bluez_double_get_counts(bluez, &counts);
	g_assert_cmpuint(counts.removes, ==, 1);
	g_assert_cmpuint(counts.pairs, ==, 1);
}

/* A bond that does not help is the user's to give up. */
static void test_hang_paired(void)
{
	DoubleBoard board = secured(DOUBLE_AUTHENTICATE);
	DoubleCounts counts;

	board.paired = board.known = TRUE;
	g_autoptr(BluezDouble) bluez = ble_test_start(&board);
	bluez_double_add_rule(bluez, &(DoubleRule){.method = "StartNotify"});
	ble_test_fails("ble:C0:11:22:33:44:55", SMP_LINK_ERROR_PERMISSION, "does not let us in");
	bluez_double_get_counts(bluez, &counts);
	g_assert_cmpuint(counts.removes, ==, 0);
	g_assert_cmpuint(counts.pairs, ==, 0);
}

static void test_pair_and_forget(void)
{
	DoubleBoard board = secured(DOUBLE_AUTHENTICATE);
	Person person = {.passkey = 123456};
	g_autoptr(BluezDouble) bluez G_GNUC_UNUSED = ble_test_start(&board);
	g_autoptr(SmpLink) link = link_new("ble:Sensor 12", SMP_PAIRING_KEYBOARD, &person);
	g_autoptr(SmpLink) other = link_new("udp:192.0.2.7", SMP_PAIRING_KEYBOARD, &person);
	g_autoptr(GError) error = NULL;
	gboolean was_paired = TRUE;

	g_assert_true(smp_ble_pair(link, &was_paired, &error));
	g_assert_false(was_paired);
	g_assert_true(smp_ble_pair(link, &was_paired, &error));
	g_assert_true(was_paired);
	g_assert_cmpuint(person.asked, ==, 1);
	g_assert_true(smp_ble_forget(link, &error));
	g_assert_no_error(error);
	g_assert_false(smp_ble_forget(link, &error));
	g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND);
	g_clear_error(&error);
	g_assert_false(smp_ble_pair(other, &was_paired, &error));
	g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_ADDRESS);
}

static void check_pair(SmpLink *link, gboolean expected)
{
	g_autoptr(GError) error = NULL;
	gboolean was_paired = !expected;

	if (!smp_ble_pair(link, &was_paired, &error))
		g_error("%s", error->message);
	g_assert_cmpint(was_paired, ==, expected);
}

/* A bond that the board does not take is no bond: "ble pair" makes another one. */
static void test_pair_anew(gconstpointer data)
{
	DoubleBoard board = secured(DOUBLE_AUTHENTICATE);
	Person person = {.passkey = 123456};
	DoubleCounts counts;

	board.cuts = GPOINTER_TO_INT(data);
	board.paired = board.known = board.weak = TRUE;
	g_autoptr(BluezDouble) bluez = ble_test_start(&board);
	g_autoptr(SmpLink) link = link_new("ble:Sensor 12", SMP_PAIRING_KEYBOARD, &person);

	check_pair(link, FALSE);
	check_pair(link, TRUE);
	check_open(link);
	bluez_double_get_counts(bluez, &counts);
	g_assert_cmpuint(counts.removes, ==, 1);
	g_assert_cmpuint(counts.pairs, ==, 1);
	g_assert_cmpuint(counts.crashes, ==, 0);
}

/* A board that asks for security at once is paired with, not connected to before. */
static void test_demands(void)
{
	DoubleBoard board = secured(DOUBLE_AUTHENTICATE);
	Person person = {.passkey = 123456};

	board.demands = TRUE;
	g_autoptr(BluezDouble) bluez G_GNUC_UNUSED = ble_test_start(&board);
	g_autoptr(SmpLink) hasty =
		link_new("ble:C0:11:22:33:44:55?connect-timeout=3", SMP_PAIRING_KEYBOARD, &person);
	g_autoptr(SmpLink) link = link_new("ble:C0:11:22:33:44:55", SMP_PAIRING_KEYBOARD, &person);

	check_refused(hasty, SMP_LINK_ERROR_CLOSED, "or want a pairing: `smpctl ble pair BOARD`");
	check_pair(link, FALSE);
	check_open(link);
}

/* Without a person it is told, and nothing is said to be good. */
static void test_pair_useless(void)
{
	DoubleBoard board = secured(DOUBLE_AUTHENTICATE);
	DoubleCounts counts;
	g_autoptr(BluezDouble) bluez = ble_test_start(&board);
	g_autoptr(SmpLink) link = link_new("ble:Sensor 12", SMP_PAIRING_NOTHING, NULL);
	g_autoptr(GError) error = NULL;
	gboolean was_paired = TRUE;

	g_assert_false(smp_ble_pair(link, &was_paired, &error));
	g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_PERMISSION);
	g_assert_nonnull(strstr(error->message, "wants one with a passkey"));
	g_assert_false(was_paired);
	bluez_double_get_counts(bluez, &counts);
	g_assert_cmpuint(counts.removes, ==, 1);
}

/* Pairing fails, as @board and @rule have it; @removes: the bond is given up for it. */
static void check_useless(const DoubleBoard *board, const DoubleRule *rule, int code, guint removes)
{
	DoubleCounts counts;
	g_autoptr(BluezDouble) bluez = ble_test_start(board);
	g_autoptr(SmpLink) link = link_new("ble:Sensor 12", SMP_PAIRING_NOTHING, NULL);
	g_autoptr(GError) error = NULL;
	gboolean was_paired = FALSE;

	if (rule)
		bluez_double_add_rule(bluez, rule);
	g_assert_false(smp_ble_pair(link, &was_paired, &error));
	g_assert_error(error, SMP_LINK_ERROR, code);
	bluez_double_get_counts(bluez, &counts);
	g_assert_cmpuint(counts.pairs, ==, board->paired ? 0 : 1);
	g_assert_cmpuint(counts.removes, ==, removes);
}

/* No bond stays behind with what is no board with SMP, or does not take it; with one that could not
 * be reached now, and one of before, it does. */
static void test_useless_bond(void)
{
	static const DoubleRule refused = {"Connect", "org.bluez.Error.AuthenticationFailed"};
	static const DoubleRule unable = {"StartNotify", "org.bluez.Error.NotSupported"};
	static const DoubleRule full = {"Connect", "org.bluez.Error.Failed",
					"le-connection-concurrent-connection-limit"};
	DoubleBoard board = ble_test_board;

	check_useless(&board, &refused, SMP_LINK_ERROR_PERMISSION, 1);
	check_useless(&board, &unable, SMP_LINK_ERROR_UNSUPPORTED, 1);
	check_useless(&board, &full, SMP_LINK_ERROR_BUSY, 0);
	board.no_service = TRUE;
	check_useless(&board, NULL, SMP_LINK_ERROR_UNSUPPORTED, 1);
	board.paired = board.known = TRUE;
	check_useless(&board, NULL, SMP_LINK_ERROR_UNSUPPORTED, 0);
}

/* Two of a name: it is said which. */
static void test_forget_twins(void)
{
	DoubleBoard twins[] = {ble_test_board, ble_test_board};
	SimConfig config = ble_test_config();

	twins[1].address = "C0:11:22:33:44:56";
	twins[0].known = twins[1].known = TRUE;
	g_autoptr(BluezDouble) bluez G_GNUC_UNUSED =
		bluez_double_new(ble_test_bus(), &config, twins, 2);
	g_autoptr(SmpLink) link = link_new("ble:Sensor 12", SMP_PAIRING_NOTHING, NULL);
	g_autoptr(GError) error = NULL;

	g_assert_false(smp_ble_forget(link, &error));
	g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_AMBIGUOUS);
	g_assert_cmpstr(error->message, ==,
			"several boards match: ble:C0:11:22:33:44:55 (Sensor 12), "
			"ble:C0:11:22:33:44:56 (Sensor 12); name one by its address");
}

/* A board that ends the connection while the question is not answered is forgotten only when it is
 * connected again. */
static void test_hang_cut(void)
{
	DoubleBoard board = secured(DOUBLE_AUTHENTICATE);
	DoubleCounts counts;
	g_autoptr(BluezDouble) bluez = ble_test_start(&board);
	g_autoptr(SmpLink) link =
		link_new("ble:C0:11:22:33:44:55?pair=yes", SMP_PAIRING_NOTHING, NULL);

	bluez_double_add_rule(bluez, &(DoubleRule){.method = "StartNotify", .cuts = TRUE});
	check_refused(link, SMP_LINK_ERROR_PERMISSION, "wants one with a passkey");
	bluez_double_get_counts(bluez, &counts);
	g_assert_cmpuint(counts.removes, ==, 1);
	g_assert_cmpuint(counts.crashes, ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ble/pair/just-works", test_just_works);
	g_test_add_func("/ble/pair/passkey", test_passkey);
	g_test_add_func("/ble/pair/strange-name", test_strange_name);
	g_test_add_func("/ble/pair/useless-bond", test_useless_bond);
	g_test_add_func("/ble/pair/forget-twins", test_forget_twins);
	g_test_add_func("/ble/pair/wrong-passkey", test_wrong_passkey);
	g_test_add_func("/ble/pair/nobody", test_nobody);
	g_test_add_func("/ble/pair/nobody-cut", test_nobody_cut);
	g_test_add_func("/ble/pair/never", test_never);
	g_test_add_func("/ble/pair/hang", test_hang);
	g_test_add_func("/ble/pair/hang-paired", test_hang_paired);
	g_test_add_func("/ble/pair/hang-cut", test_hang_cut);
	g_test_add_func("/ble/pair/pair-and-forget", test_pair_and_forget);
	g_test_add_data_func("/ble/pair/pair-anew", GINT_TO_POINTER(FALSE), test_pair_anew);
	g_test_add_data_func("/ble/pair/pair-anew-cut", GINT_TO_POINTER(TRUE), test_pair_anew);
	g_test_add_func("/ble/pair/demands", test_demands);
	g_test_add_func("/ble/pair/pair-useless", test_pair_useless);
	return ble_test_run();
}
