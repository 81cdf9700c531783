/* SPDX-License-Identifier: Apache-2.0
 *
 * store_golden.h - for tests: a golden directory, from the machine's disk to a simulated one, and once in its life the
 * other way.
 */
#ifndef STORE_STORE_GOLDEN_H
#define STORE_STORE_GOLDEN_H

#include "sys/disk.h"

/* All of it is synced. */
void golden_load(struct disk *disk, const char *golden);
/* `golden` is made. */
void golden_dump(struct disk *disk, const char *golden);

#endif
