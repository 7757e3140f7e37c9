/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* All names that others know: on the bus, on disk, in the journal. */

#define SMPD_BUS_NAME	 "org.smpd1"
#define SMPD_ROOT	 "/org/smpd1"
#define SMPD_DEVICE_PATH SMPD_ROOT "/device/"
#define SMPD_JOB_PATH	 SMPD_ROOT "/job/"
#define SMPD_ERROR_NAME	 "org.smpd1.Error."

/* What names of devices and files consist of. */
#define SMPD_NAME_CHARACTERS                                                                       \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"                                     \
	"0123456789_.-"

/* polkit's actions (systemd/org.smpd1.policy). */
#define SMPD_ACTION_INSPECT	  "org.smpd1.inspect"
#define SMPD_ACTION_UPDATE	  "org.smpd1.update"
#define SMPD_ACTION_UPDATE_UNSAFE "org.smpd1.update-unsafe"
#define SMPD_ACTION_CONTROL	  "org.smpd1.control"
#define SMPD_ACTION_RAW		  "org.smpd1.raw"

/* How jobs end, besides the library's ends (smp_end_name()). */
#define SMPD_RESULT_CANCELLED "cancelled"
#define SMPD_RESULT_ERROR     "error"

/* Kinds of job. */
#define SMPD_KIND_UPDATE   "update"
#define SMPD_KIND_ENSURE   "ensure"
#define SMPD_KIND_ROLLBACK "rollback"

/* Who began it, where nobody did. */
#define SMPD_STARTED_BY_POLICY "policy"

/* Fields of the log. */
#define SMPD_FIELD_DEVICE "SMPD_DEVICE"
#define SMPD_FIELD_JOB	  "SMPD_JOB"

/* Message ids; what they mean is in systemd/smpd.catalog. */
#define SMPD_MESSAGE_JOB_STARTED     "6216a26ad0464a67b144050d6982557b"
#define SMPD_MESSAGE_JOB_RESUMED     "b8017987b86d4437b2737ec638ef202d"
#define SMPD_MESSAGE_IMAGE_UPLOADED  "b7c8212674e54fb19f11427c4932f316"
#define SMPD_MESSAGE_BOARD_BACK	     "27ba9ab570c44edc82e7e4a1752b54f1"
#define SMPD_MESSAGE_CONFIRMED	     "db5162d396dd41c29f7110424bfed77d"
#define SMPD_MESSAGE_ROLLED_BACK     "e0d68f98f8bb43d0b1d2b5af60f60e98"
#define SMPD_MESSAGE_FAILED	     "a4bb35a06e5b4d06a67d092680f866b4"
#define SMPD_MESSAGE_NEEDS_ATTENTION "923cab235cc044649866887fa463f3d3"
#define SMPD_MESSAGE_ENDED	     "9e9dc2638c104ecbb816d901835e6863"
#define SMPD_MESSAGE_INTERRUPTED     "f15b6c4bf3024bac9a83408d4cce4360"
#define SMPD_MESSAGE_HELD	     "bd10144f65484ce3b97ebbe705775fd5"
#define SMPD_MESSAGE_CONFIGURATION   "858bab5b4af54ae8b22853917453b282"

/* udev: a port with this property is served without a target of its own (ENV{ID_SMP}="1"). */
#define SMPD_UDEV_MARK "ID_SMP"
