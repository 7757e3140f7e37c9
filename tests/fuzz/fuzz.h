/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What a target defines (LLVM libFuzzer). It returns 0; it says that something is wrong by dying.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
