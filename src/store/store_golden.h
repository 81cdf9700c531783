/* SPDX-License-Identifier: Apache-2.0
 *
 * store_golden.h - for tests: a golden directory, from the machine's disk to a simulated one, and once in its life the
 * other way.
 *
 *     TEST DIRECTORY            reads the golden directory
 *     TEST --write DIRECTORY    writes it: once, never again
 */
#ifndef STORE_STORE_GOLDEN_H
#define STORE_STORE_GOLDEN_H

#include "base/base_test.h"
#include "sys/disk.h"

/* All of it is synced. */
void golden_load(struct disk *disk);
/* The directory is made. */
void golden_dump(struct disk *disk);

/* The rest of main: runs the tests, or `write`; `name` is "golden directory of ...".  Returns the process's status. */
#define golden_main(argc, argv, name, write, tests)                                                                    \
    golden_run(argc, argv, name, write, tests, sizeof(tests) / sizeof(tests)[0])
int golden_run(int argc, char **argv, const char *name, void (*write)(void **state), const struct CMUnitTest *tests,
               size_t count);

#endif
