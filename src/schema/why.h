/* SPDX-License-Identifier: Apache-2.0
 *
 * why.h - writing down why a schema is refused.
 *
 * Used by the judges of this room only; schema.h has the struct.
 */
#ifndef SCHEMA_WHY_H
#define SCHEMA_WHY_H

#include "schema/schema.h"

/* All of *why anew: no path, no version.  Texts beyond their bounds are cut between UTF-8 sequences. */
void why_set(struct schema_why *why, const char *rule, const char *format, ...) PRINTF_LIKE(3, 4);
/* Cuts `text`, which is NUL-terminated and may be cut in the middle of a sequence, back to whole sequences, and puts
 * U+FFFD's stand-in '?' for what is not UTF-8 or is a control character. */
void why_clean(char *text);

#endif
