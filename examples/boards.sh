#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What runs on the boards that smpd looks after, with nothing but busctl. With --wait it waits until
# no board has a job, as a script does that runs before a backup. (busctl cannot pass open files, so
# to begin an update takes another program: update.py, or smpctl update --daemon.)
set -eu

devices() {
	busctl tree --list org.smpd1 | grep ^/org/smpd1/device/ || true
}

# get DEVICE PROPERTY...: without the type in front
get() {
	busctl get-property org.smpd1 "$1" org.smpd1.Device "${@:2}" | cut -d' ' -f2- | tr -d '"'
}

for device in $(devices); do
	busctl call org.smpd1 "$device" org.smpd1.Device Refresh 'a{sv}' 0 2>/dev/null || true
	runs=$(busctl --json=short get-property org.smpd1 "$device" org.smpd1.Device Images |
		grep -o '{[^]]*"active":{"type":"b","data":true}[^]]*' |
		sed -n 's/.*"version":{"type":"s","data":"\([^"]*\)".*/\1/p') || true
	echo "$(get "$device" Name): runs ${runs:-nothing known}, policy: $(get "$device" Policy)"
done

[ "${1:-}" = --wait ] || exit 0
for device in $(devices); do
	until [ "$(get "$device" Job)" = / ]; do
		sleep 1
	done
done
