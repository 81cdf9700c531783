/* SPDX-License-Identifier: Apache-2.0
 *
 * foreign_keys.h - keys and flags of other software whose configuration we read as it is.
 *
 * Pulsar's broker.conf has hundreds of keys about things that are not here.  Those that change nothing are passed over,
 * and counted, so that they can be named in one line; those that would (security, limits) are passed over only with
 * the values that ask for nothing.  What is in neither list is somebody's mistake, and stays unknown.
 *
 * Pure.  May call: base/.
 */
#ifndef BASE_FOREIGN_KEYS_H
#define BASE_FOREIGN_KEYS_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

/* One that may not be ignored. */
struct foreign_key {
    const char *name;
    const char *harmless; /* with these values, parted by "|", it asks for nothing; without a value it never does */
    const char *why;      /* what there is instead: the end of "`name` cannot be `value`: ..." */
};

/* Some that may, for one reason. */
struct foreign_group {
    const char *about;
    const char *const *names; /* ends with NULL; "bookkeeper_*" is all that begin so */
};

/* A flag of the other software's program. */
struct foreign_flag {
    const char *spellings; /* "-nfw|--no-functions-worker" */
    bool takes_value;
    const char *why; /* it is refused, and this is the end of "`flag` cannot be: ..."; NULL: it is passed over */
};

struct foreign_keys {
    const struct foreign_key *keys;
    size_t key_count;
    const struct foreign_group *groups;
    size_t group_count;
    const struct foreign_flag *flags;
    size_t flag_count;
};

/* OK: `name` is one of them, and may be passed over; ERR_INVALID: not with this value, and `message`, which begins with
 * the origin, says why; ERR_NOT_FOUND: it is none of them.  Only with `harmless` keys is a value looked at. */
MUST_USE enum err foreign_key_check(const struct foreign_keys *f, const char *name, const char *value,
                                    const char *origin, char *message, size_t message_size);
/* True: it is one of those that may not be ignored. */
bool foreign_key_matters(const struct foreign_keys *f, const char *name);

/* The flag that `word` is, alone or with "=value"; NULL: none. */
const struct foreign_flag *foreign_flag_find(const struct foreign_keys *f, const char *word);

/* Writes at most `max` names to `names`, for a search of the nearest; returns how many. */
size_t foreign_key_names(const struct foreign_keys *f, const char **names, size_t max);

/* ---- what was passed over ---- */

/* Names, each once, in the order in which they came. */
struct passed_over {
    char **names;
    size_t count;
};

MUST_USE enum err passed_over_add(struct passed_over *p, const char *name);
void passed_over_deinit(struct passed_over *p);

struct text;
/* "312 settings of Pulsar's that have no meaning here: a, b, c, ... (`how` tells all)": at most `most` names; nothing
 * when there are none. */
void passed_over_tell(const struct passed_over *p, size_t most, const char *how, struct text *out);

#endif
