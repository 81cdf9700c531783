/* SPDX-License-Identifier: Apache-2.0
 *
 * approvals_writer.h - puts signed decisions on the approvals topic; what any replica does, whether it leads or not.
 *
 * A client and a producer of its own, made when the first decision comes and again when they broke.  Thread-safe: who
 * comes while another waits for the broker waits, too.  May call: base/, the client library.
 */
#ifndef SERVICES_NOTARY_APPROVALS_WRITER_H
#define SERVICES_NOTARY_APPROVALS_WRITER_H

#include "base/log.h"
#include "services/notary/settings.h"

struct approvals_writer;

/* Talks to nobody yet.  `settings` and `log` outlive it.  ERR_NOMEM. */
MUST_USE enum err approvals_writer_new(struct approvals_writer **out, const struct notary_settings *settings,
                                       struct log *log);

/* Publishes a statement under its event's id and waits for the receipt.  ERR_AGAIN: the broker cannot be reached, or
 * did not answer in time: nobody knows whether it is there, and writing it again does no harm; ERR_DENIED: the broker
 * refuses it.  `why` is a sentence. */
MUST_USE enum err approvals_write(struct approvals_writer *w, const char *event_id, struct bytes statement, char *why,
                                  size_t why_size);

void approvals_writer_free(struct approvals_writer *w); /* NULL is fine */

#endif
