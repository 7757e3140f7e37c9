/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The kernel's own termios2 takes any baud rate; its header cannot stand next to <termios.h>, hence
 * a file of its own. */

#include "transports/link.h"
#include "transports/serial-port.h"

#include <asm/termbits.h>
#include <errno.h>
#include <linux/serial.h>
#include <string.h>
#include <sys/ioctl.h>

/* Receivers take about 5 % in all (10 bits a byte); both sides may be off. */
#define MAX_BAUD_ERROR_PERCENT 3

static void set_speed(struct termios2 *tio, guint baud)
{
	tio->c_cflag &= ~(tcflag_t)(CBAUD | CBAUD << IBSHIFT);
	tio->c_cflag |= BOTHER | BOTHER << IBSHIFT;
	tio->c_ispeed = baud;
	tio->c_ospeed = baud;
}

static gboolean check_speed(int fd, const char *path, guint baud, GError **error)
{
	struct termios2 tio;

	if (ioctl(fd, TCGETS2, &tio) < 0)
		return smp_link_error_errno(error, errno, "cannot read the settings of %s", path);
	guint off = tio.c_ospeed > baud ? tio.c_ospeed - baud : baud - tio.c_ospeed;
	if ((guint64)off * 100 <= (guint64)baud * MAX_BAUD_ERROR_PERCENT)
		return TRUE;
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_UNSUPPORTED,
		    "%s cannot do %u baud; the nearest it has is %u", path, baud, tio.c_ospeed);
	return FALSE;
}

gboolean smp_serial_port_set_baud(int fd, const char *path, guint baud, GError **error)
{
	struct termios2 tio;

	if (ioctl(fd, TCGETS2, &tio) < 0)
		return smp_link_error_errno(error, errno, "cannot read the settings of %s", path);
	set_speed(&tio, baud);
	if (ioctl(fd, TCSETS2, &tio) < 0)
		return smp_link_error_errno(error, errno, "cannot set %s to %u baud", path, baud);
	(void)ioctl(fd, TCFLSH, TCIFLUSH);
	return check_speed(fd, path, baud, error);
}

/* HUPCL is cleared: the end of a program must not reset a board that has DTR on its reset line. */
static gboolean set_mode(int fd, const char *path, const SmpSerialConfig *config,
			 SmpSerialBefore *before, GError **error)
{
	struct termios2 tio;

	G_STATIC_ASSERT(sizeof(tio) == sizeof(before->settings));

	if (ioctl(fd, TCGETS2, &tio) < 0)
		return smp_link_error_errno(error, errno, "cannot read the settings of %s", path);
	memcpy(before->settings, &tio, sizeof(tio));
	tio.c_iflag = IGNBRK;
	tio.c_oflag = 0;
	tio.c_lflag = 0;
	tio.c_cflag &= ~(tcflag_t)(CSIZE | CSTOPB | PARENB | HUPCL | CRTSCTS);
	tio.c_cflag |= CS8 | CREAD | CLOCAL;
	tio.c_cc[VMIN] = 1;
	tio.c_cc[VTIME] = 0;
	if (config->flow == SMP_FLOW_RTS_CTS)
		tio.c_cflag |= CRTSCTS;
	if (config->flow == SMP_FLOW_XON_XOFF)
		tio.c_iflag |= IXON | IXOFF;
	set_speed(&tio, config->baud);
	if (ioctl(fd, TCSETS2, &tio) < 0)
		return smp_link_error_errno(error, errno, "cannot set %s to %u baud", path,
					    config->baud);
	return check_speed(fd, path, config->baud, error);
}

static gboolean set_line(int fd, const char *path, const char *name, int bit, SmpSwitch state,
			 GError **error)
{
	if (state == SMP_SWITCH_KEEP)
		return TRUE;
	if (ioctl(fd, state == SMP_SWITCH_ON ? TIOCMBIS : TIOCMBIC, &bit) == 0)
		return TRUE;
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_UNSUPPORTED, "cannot set %s of %s: %s",
		    name, path, g_strerror(errno));
	return FALSE;
}

/* @was: what it was, where that was something else */
static gboolean switch_latency(int fd, gboolean low, SmpSwitch *was)
{
	struct serial_struct serial;

	*was = SMP_SWITCH_KEEP;
	if (ioctl(fd, TIOCGSERIAL, &serial) < 0)
		return FALSE;
	gboolean was_low = (serial.flags & ASYNC_LOW_LATENCY) != 0;
	if (was_low == low)
		return TRUE;
	serial.flags ^= ASYNC_LOW_LATENCY;
	if (ioctl(fd, TIOCSSERIAL, &serial) < 0)
		return FALSE;
	*was = was_low ? SMP_SWITCH_ON : SMP_SWITCH_OFF;
	return TRUE;
}

/* FTDI adapters hold input back for 16 ms without it. */
static gboolean set_low_latency(int fd, const char *path, SmpSwitch state, SmpSwitch *was,
				GError **error)
{
	if (switch_latency(fd, state != SMP_SWITCH_OFF, was) || state == SMP_SWITCH_KEEP)
		return TRUE;
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_UNSUPPORTED,
		    "the driver of %s has no low-latency setting: %s", path, g_strerror(errno));
	return FALSE;
}

/* HUPCL stays off: see set_mode(). */
void smp_serial_port_restore(int fd, const SmpSerialBefore *before)
{
	struct termios2 tio;
	SmpSwitch now;

	if (before->latency != SMP_SWITCH_KEEP)
		(void)switch_latency(fd, before->latency == SMP_SWITCH_ON, &now);
	if (!before->restore)
		return;
	memcpy(&tio, before->settings, sizeof(tio));
	tio.c_cflag &= ~(tcflag_t)HUPCL;
	(void)ioctl(fd, TCSETS2, &tio);
}

gboolean smp_serial_port_configure(int fd, const char *path, const SmpSerialConfig *config,
				   SmpSerialBefore *before, GError **error)
{
	*before = (SmpSerialBefore){.latency = SMP_SWITCH_KEEP};
	return set_mode(fd, path, config, before, error) &&
	       set_line(fd, path, "DTR", TIOCM_DTR, config->dtr, error) &&
	       set_line(fd, path, "RTS", TIOCM_RTS, config->rts, error) &&
	       set_low_latency(fd, path, config->low_latency, &before->latency, error);
}
