/* SPDX-License-Identifier: Apache-2.0
 *
 * file_numbers.h - a list of files by their numbers: those to be unlinked, those found, those to be emptied.
 *
 * Segments by their number, journal files by theirs with FILE_IS_JOURNAL, where both are counted.  A zeroed one is
 * empty; its owner frees `list`.  May call: base/.
 */
#ifndef STORE_FILE_NUMBERS_H
#define STORE_FILE_NUMBERS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file_numbers {
    uint64_t *list;
    size_t count, capacity;
};

/* ERR_NOMEM may be ignored where the next start finds what was forgotten. */
enum err file_numbers_add(struct file_numbers *f, uint64_t number);
/* Ascending. */
void file_numbers_sort(struct file_numbers *f);
/* Of a sorted one. */
bool file_numbers_has(const struct file_numbers *f, uint64_t number);

#endif
