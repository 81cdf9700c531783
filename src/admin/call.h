/* SPDX-License-Identifier: Apache-2.0
 *
 * call.h - a call (http/call.h) as the broker's handlers see it: a refusal of the broker's is an answer, too.
 *
 * May call: http/call.h, broker/refusal.h.
 */
#ifndef ADMIN_CALL_H
#define ADMIN_CALL_H

#include "broker/refusal.h"
#include "http/call.h"

/* Finishes it with the status and the sentence of a refusal. */
void call_refused(struct call *call, const struct refusal *why);

/* The HTTP status of a refusal: one table for all routes. */
int status_of(const struct refusal *why);

#endif
