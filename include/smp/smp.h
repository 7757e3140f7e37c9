/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/basic.h>
#include <smp/ble.h>
#include <smp/board.h>
#include <smp/bundle.h>
#include <smp/enumeration.h>
#include <smp/error.h>
#include <smp/firmware.h>
#include <smp/fs.h>
#include <smp/image.h>
#include <smp/journal.h>
#include <smp/key.h>
#include <smp/link.h>
#include <smp/mynewt.h>
#include <smp/os.h>
#include <smp/packet.h>
#include <smp/plan.h>
#include <smp/ports.h>
#include <smp/raw.h>
#include <smp/session.h>
#include <smp/settings.h>
#include <smp/shell.h>
#include <smp/stat.h>
#include <smp/trial.h>
#include <smp/update.h>
#include <smp/upload.h>
