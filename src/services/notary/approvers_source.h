/* SPDX-License-Identifier: Apache-2.0
 *
 * approvers_source.h - the approvers that count now, for the threads that judge decisions, while the file may be read
 * again.
 *
 * Holds one list, which who judges borrows by a reference of his own: a decision is judged by one list from its
 * beginning to its end.  Locks; any thread.  May call: base/, approvers.h.
 */
#ifndef SERVICES_NOTARY_APPROVERS_SOURCE_H
#define SERVICES_NOTARY_APPROVERS_SOURCE_H

#include "services/notary/approvers.h"

struct approvers_source;

/* Takes `first` over on OK; NULL: there is no file.  ERR_NOMEM. */
MUST_USE enum err approvers_source_new(struct approvers_source **out, struct approvers *first);
void approvers_source_free(struct approvers_source *s); /* NULL is fine */

/* One's own reference, for approvers_free; NULL: there are none.  `s` may be NULL. */
struct approvers *approvers_source_take(struct approvers_source *s);
/* True: they are others than those before, and are taken over; the lists that were taken stay what they are. */
MUST_USE bool approvers_source_give(struct approvers_source *s, struct approvers *newer);

#endif
