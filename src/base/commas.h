/* SPDX-License-Identifier: Apache-2.0
 *
 * commas.h - the names in an option's text: "admin, ops team,app" is three.
 *
 * Blanks around a name are not of it, those within are: roles may have them.
 */
#ifndef BASE_COMMAS_H
#define BASE_COMMAS_H

#include "base/bytes.h"

/* The next name of `*rest`, which starts as the list, or NULL: none, and moves on behind it; false: there are no more.
 * Names are never empty: "a,,b" has two. */
static inline bool commas_next(const char **rest, struct bytes *name)
{
    const char *at = *rest;

    *name = bytes_of("", 0);
    if (!at)
        return false;
    at += strspn(at, ", \t");
    size_t len = strcspn(at, ",");
    *rest = at + len;
    while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
        len--;
    *name = bytes_of(at, len);
    return len > 0;
}

#endif
