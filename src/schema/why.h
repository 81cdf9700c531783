/* SPDX-License-Identifier: Apache-2.0
 *
 * why.h - writing down why a schema is refused, and where in it.
 *
 * Used by the judges of this room only; schema.h has the struct.  A place is a chain of names on the stack of whoever
 * walks a schema: nothing is allocated, and it is written out only when something is refused.
 */
#ifndef SCHEMA_WHY_H
#define SCHEMA_WHY_H

#include "schema/schema.h"

/* NULL: the schema as a whole.  `name` is a field's, or one of these. */
struct place {
    const struct place *up;
    const char *name;
};
#define PLACE_ITEMS  "[]"
#define PLACE_VALUES "{}"

/* "order.lines[].price", the front left out ("...") where it does not fit.  Returns `to`. */
char *place_text(const struct place *at, char *to, size_t size);

/* All of *why anew, without a version.  Texts beyond their bounds are cut between UTF-8 sequences. */
void why_set(struct schema_why *why, const struct place *at, const char *rule, const char *format, ...)
    PRINTF_LIKE(4, 5);
/* Makes `text` fit to be shown: what the bound cut in the middle goes, what is not UTF-8 or is a control character
 * becomes '?'. */
void why_clean(char *text);

#endif
