/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How a serial link finds, opens and sets its port, and finds it again. */

#include "link-helpers.h"
#include "pty-peer.h"

#include <asm/termbits.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <grp.h>
#include <signal.h>
#include <smp/ports.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void assert_open_fails(const char *path, int code, const char *message)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(SmpLink) link = smp_link_new(path, &error);

	g_assert_no_error(error);
	g_assert_false(smp_link_open(link, &error));
	g_assert_error(error, SMP_LINK_ERROR, code);
	if (!strstr(error->message, message))
		g_error("\"%s\" is not in \"%s\"", message, error->message);
}

/* Another process with the port; @ready is written to when it has it. */
static pid_t hold_port(const char *path)
{
	int ready[2];
	char byte = 0;

	g_assert_cmpint(pipe(ready), ==, 0);
	pid_t pid = fork();
	if (pid == 0) {
		int fd = open(path, O_RDWR | O_NOCTTY);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "minicom");
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 && write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
	close(ready[0]);
	return pid;
}

static void test_busy(void)
{
	g_autoptr(PtyPeer) peer = pty_peer_new(SMP_FRAMING_CONSOLE);
	pid_t pid = hold_port(pty_peer_path(peer));
	g_autofree char *holder =
		g_strdup_printf("%s is held by minicom (pid %d)", pty_peer_path(peer), (int)pid);

	assert_open_fails(pty_peer_path(peer), SMP_LINK_ERROR_BUSY, holder);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);

	g_autoptr(SmpLink) link = new_link("serial", pty_peer_path(peer), "");
	open_link(link);
	exchange(link, 5, 1);
}

static void test_not_found(void)
{
	assert_open_fails("/dev/ttyNONE7", SMP_LINK_ERROR_NOT_FOUND,
			  "/dev/ttyNONE7 does not exist; `smpctl discover`");
	assert_open_fails("/dev/null", SMP_LINK_ERROR_ADDRESS, "/dev/null is not a serial port");
	assert_open_fails("/dev", SMP_LINK_ERROR_ADDRESS, "/dev is not a serial port");
	assert_open_fails("usb:ffff:fffe", SMP_LINK_ERROR_NOT_FOUND,
			  "no serial port is usb:ffff:fffe");
}

/* Root may open everything: it tries as nobody, and can give the port to dialout as udev does. */
static void test_permission(void)
{
	g_autoptr(PtyPeer) peer = pty_peer_new(SMP_FRAMING_CONSOLE);
	const struct group *dialout = getgrnam("dialout");
	const char *path = pty_peer_path(peer);
	gboolean root = geteuid() == 0;

	g_assert_cmpint(g_chmod(path, 0), ==, 0);
	if (root)
		g_assert_cmpint(seteuid(65534), ==, 0);
	assert_open_fails(path, SMP_LINK_ERROR_PERMISSION, "it is for its owner only");
	if (root)
		g_assert_cmpint(seteuid(0), ==, 0);
	if (!root || !dialout)
		return;
	g_assert_cmpint(chown(path, 0, dialout->gr_gid), ==, 0);
	g_assert_cmpint(g_chmod(path, 0660), ==, 0);
	g_assert_cmpint(seteuid(65534), ==, 0);
	assert_open_fails(path, SMP_LINK_ERROR_PERMISSION,
			  "Join it with `sudo usermod -aG dialout");
	g_assert_cmpint(seteuid(0), ==, 0);
}

static struct termios2 settings_of(const char *path)
{
	struct termios2 tio;
	int fd = open(path, O_RDWR | O_NOCTTY);

	g_assert_cmpint(ioctl(fd, TCGETS2, &tio), ==, 0);
	close(fd);
	return tio;
}

static void retune(SmpLink *link, const char *scheme, guint baud)
{
	g_autoptr(GError) error = NULL;
	gboolean done = smp_link_retune(link, scheme, baud, &error);

	g_assert_no_error(error);
	g_assert_true(done);
}

/* Closed, the port is as it was before it was opened. */
static void test_retune(void)
{
	g_autoptr(PtyPeer) peer = pty_peer_new(SMP_FRAMING_CONSOLE);
	const char *path = pty_peer_path(peer);
	struct termios2 before = settings_of(path);
	g_autoptr(SmpLink) link = new_link("raw", path, "?mtu=200");
	g_autoptr(GError) error = NULL;
	g_autofree char *found = g_strdup_printf("serial:%s?baud=250000&mtu=200", path);
	g_autofree char *shell = g_strdup_printf("shell:%s?mtu=200", path);

	g_assert_false(smp_link_retune(link, "serial", 250000, &error));
	g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED);
	open_link(link);
	retune(link, "shell", 115200);
	g_assert_cmpstr(smp_link_get_target(link), ==, shell);
	retune(link, "serial", 250000);
	g_assert_cmpstr(smp_link_get_target(link), ==, found);
	g_assert_cmpuint(settings_of(path).c_ospeed, ==, 250000);
	exchange(link, 5, 1);
	smp_link_close(link);
	before.c_cflag &= ~(tcflag_t)HUPCL;
	struct termios2 after = settings_of(path);
	g_assert_cmpmem(&after, sizeof(after), &before, sizeof(before));
	g_assert_null(smp_link_get_port(link));
}

static void test_retune_not(void)
{
	g_autoptr(PtyPeer) peer = pty_peer_new(SMP_FRAMING_CONSOLE);
	g_autoptr(SmpLink) link = new_link("serial", pty_peer_path(peer), "?flow=xon-xoff");
	g_autoptr(SmpLink) udp = new_link("udp", "127.0.0.1", "");
	g_autoptr(GError) error = NULL;

	open_link(link);
	open_link(udp);
	g_assert_false(smp_link_retune(link, "raw", 115200, &error));
	g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_UNSUPPORTED);
	g_clear_error(&error);
	g_assert_false(smp_link_retune(udp, "raw", 115200, &error));
	g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_UNSUPPORTED);
	g_assert_null(smp_link_get_port(udp));
	exchange(link, 5, 1);
}

static void test_settings(void)
{
	g_autoptr(PtyPeer) peer = pty_peer_new(SMP_FRAMING_CONSOLE);
	g_autoptr(SmpLink) link =
		new_link("serial", pty_peer_path(peer), "?baud=123456&flow=rts-cts");
	struct termios2 tio;

	open_link(link);
	int fd = open(pty_peer_path(peer), O_RDWR | O_NOCTTY);
	g_assert_cmpint(ioctl(fd, TCGETS2, &tio), ==, 0);
	close(fd);
	g_assert_cmpuint(tio.c_ospeed, ==, 123456);
	g_assert_cmpuint(tio.c_ispeed, ==, 123456);
	g_assert_cmpuint(tio.c_cflag & CRTSCTS, ==, CRTSCTS);
	g_assert_cmpuint(tio.c_cflag & HUPCL, ==, 0);
	g_assert_cmpuint(tio.c_cflag & CSIZE, ==, CS8);
	g_assert_cmpuint(tio.c_iflag & (ICRNL | IXON | ISTRIP), ==, 0);
	g_assert_cmpuint(tio.c_lflag & (ICANON | ECHO | ISIG), ==, 0);
	g_assert_cmpuint(tio.c_oflag & OPOST, ==, 0);
	exchange(link, 300, 1);
}

/* Ptys have no modem lines: being asked for them is an error, not being asked is none. */
static void test_no_modem_lines(void)
{
	g_autoptr(PtyPeer) peer = pty_peer_new(SMP_FRAMING_CONSOLE);
	static const char *const options[] = {"?dtr=on", "?rts=off", "?low-latency=on"};

	for (guint i = 0; i < G_N_ELEMENTS(options); i++) {
		g_autofree char *target = g_strconcat(pty_peer_path(peer), options[i], NULL);

		assert_open_fails(target, SMP_LINK_ERROR_UNSUPPORTED, pty_peer_path(peer));
	}
}

/* What was in the line before is not for us. */
static void test_stale_input(void)
{
	g_autoptr(PtyPeer) peer = pty_peer_new(SMP_FRAMING_RAW);
	g_autoptr(SmpLink) link = new_link("raw", pty_peer_path(peer), "");
	g_autoptr(GByteArray) old = make_packet(10, 9);

	pty_peer_write(peer, old->data, old->len);
	pty_peer_write(peer, "\n", 1);
	g_usleep(20000);
	open_link(link);
	exchange(link, 3, 1);
}

static void reopen(SmpLink *link, gint64 time)
{
	g_autoptr(GError) error = NULL;
	gboolean open = smp_link_reopen(link, smp_link_now(link) + time, &error);

	g_assert_no_error(error);
	g_assert_true(open);
}

static void test_reopen_same(void)
{
	g_autoptr(PtyPeer) peer = pty_peer_new(SMP_FRAMING_CONSOLE);
	g_autoptr(SmpLink) link = new_link("serial", pty_peer_path(peer), "");

	open_link(link);
	gint64 start = smp_link_now(link);
	reopen(link, 5000 * MSEC);
	g_assert_cmpint(smp_link_now(link) - start, <, 2000 * MSEC);
	exchange(link, 5, 1);
}

typedef struct {
	char *link;
	PtyPeer *peer;
} Comeback;

static void point_to(const char *link, PtyPeer *peer)
{
	g_unlink(link);
	g_assert_cmpint(symlink(pty_peer_path(peer), link), ==, 0);
}

static gpointer come_back(gpointer data)
{
	Comeback *comeback = data;

	g_usleep(250000);
	point_to(comeback->link, comeback->peer);
	return NULL;
}

/* The board is gone, its name points nowhere, then comes back on another tty. */
static void test_reopen_elsewhere(void)
{
	g_autofree char *folder = g_dir_make_tmp("smp-serial-XXXXXX", NULL);
	g_autofree char *name = g_build_filename(folder, "board", NULL);
	g_autofree char *identity = g_strdup_printf("tty:%s", name);
	PtyPeer *before = pty_peer_new(SMP_FRAMING_CONSOLE);
	g_autoptr(PtyPeer) after = pty_peer_new(SMP_FRAMING_CONSOLE);
	Comeback comeback = {name, after};

	point_to(name, before);
	g_autoptr(SmpLink) link = new_link("serial", name, "");
	open_link(link);
	exchange(link, 5, 1);
	/* At once, for another program may get the number of its pty. */
	g_unlink(name);
	pty_peer_free(before);
	GThread *thread = g_thread_new("comeback", come_back, &comeback);
	reopen(link, 5000 * MSEC);
	exchange(link, 5, 2);
	g_autofree char *told = smp_link_identity(link);
	g_assert_cmpstr(told, ==, identity);
	g_thread_join(thread);
	g_unlink(name);
	g_rmdir(folder);
}

static void assert_reopen_fails(SmpLink *link, int code, const char *message)
{
	g_autoptr(GError) error = NULL;
	gint64 start = smp_link_now(link);

	g_assert_false(smp_link_reopen(link, start + 250 * MSEC, &error));
	g_assert_error(error, SMP_LINK_ERROR, code);
	g_assert_nonnull(strstr(error->message, "did not come back in time: "));
	g_assert_nonnull(strstr(error->message, message));
	g_assert_cmpint(smp_link_now(link) - start, >=, 250 * MSEC);
}

static void test_reopen_never(void)
{
	g_autofree char *folder = g_dir_make_tmp("smp-serial-XXXXXX", NULL);
	g_autofree char *name = g_build_filename(folder, "board", NULL);
	g_autoptr(PtyPeer) peer = pty_peer_new(SMP_FRAMING_CONSOLE);
	g_autoptr(SmpLink) link = new_link("serial", name, "");

	point_to(name, peer);
	open_link(link);
	smp_link_close(link);
	pid_t pid = hold_port(pty_peer_path(peer));
	assert_reopen_fails(link, SMP_LINK_ERROR_BUSY, "held by minicom");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	g_unlink(name);
	assert_reopen_fails(link, SMP_LINK_ERROR_TIMEOUT, "does not exist");
	g_rmdir(folder);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/serial-open/stale-input", test_stale_input);
	g_test_add_func("/serial-open/busy", test_busy);
	g_test_add_func("/serial-open/not-found", test_not_found);
	g_test_add_func("/serial-open/permission", test_permission);
	g_test_add_func("/serial-open/settings", test_settings);
	g_test_add_func("/serial-open/retune", test_retune);
	g_test_add_func("/serial-open/retune-not", test_retune_not);
	g_test_add_func("/serial-open/no-modem-lines", test_no_modem_lines);
	g_test_add_func("/serial-open/reopen-same", test_reopen_same);
	g_test_add_func("/serial-open/reopen-elsewhere", test_reopen_elsewhere);
	g_test_add_func("/serial-open/reopen-never", test_reopen_never);
	return g_test_run();
}
