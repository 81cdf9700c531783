/* SPDX-License-Identifier: Apache-2.0
 *
 * handler_answer.h - what a custom handler says: bytes in; a verdict, or what is wrong with them, out.  Pure.
 *
 * {"verdict": "accept" | "reject" | "ignore", "reason": text, "metadata": object}, the last two optional; members
 * besides are left out.
 * {"failed": text} says that it could not decide.  May call: base/, canonical.h.
 */
#ifndef SERVICES_NOTARY_HANDLERS_HANDLER_ANSWER_H
#define SERVICES_NOTARY_HANDLERS_HANDLER_ANSWER_H

#include "services/notary/handlers/handlers.h"

#define HANDLER_ANSWER_MAX (64u << 10)
#define HANDLER_REASON_MAX 1000 /* bytes */

struct handler_answer {
    enum handler_verdict verdict;
    char reason[HANDLER_REASON_MAX + 1]; /* control characters as blanks; may be empty */
    json_t *metadata;                    /* an object, owned */
};

/* ERR_PROTOCOL: nonsense; ERR_IO: it failed; ERR_NOMEM.  `why` is the end of a sentence about the handler: "answers no
 * JSON object".  handler_answer_deinit after OK. */
MUST_USE enum err handler_answer_parse(struct handler_answer *out, struct bytes text, char *why, size_t why_size);
void handler_answer_deinit(struct handler_answer *a);

/* Appends {"handler", "metadata", "reason", "verdict"}, canonical. */
MUST_USE enum err handler_answer_write(const struct handler_answer *a, const char *handler, struct text *to);

#endif
