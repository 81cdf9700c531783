/* SPDX-License-Identifier: Apache-2.0
 *
 * visible.h - what others wrote, as a terminal may be given it.
 *
 * An event's id, an approver's comment, a server's complaint may hold what moves the cursor, makes lines that look like
 * ours, or turns the direction of writing.  Shown instead is what it is: \x1b, \u202e; and of bytes that are no UTF-8
 * each, \xff.  JSON that machines read has JSON's own escapes and is none of this module's business.
 * Pure.  May call: base/, jansson.
 */
#ifndef SERVICES_NOTARY_VISIBLE_H
#define SERVICES_NOTARY_VISIBLE_H

#include "base/text.h"
#include <jansson.h>

/* Appends; line ends and tabs are shown as all else: who wants lines makes them. */
void visible_add(struct text *out, struct bytes text);

/* Every text in it, in place, for who prints some of them.  NULL is fine.  False: memory is short, and some are as
 * they were: print nothing of it. */
MUST_USE bool visible_json(json_t *json);

#endif
