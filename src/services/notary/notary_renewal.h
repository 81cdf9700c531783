/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_renewal.h - a notary that goes by its files as they are: the HTTP port's certificate, key and authorities, and
 * the approvers file with the keys that it names.
 *
 * Looks at them every second, and when asked (SIGHUP), on a thread of its own, so that a disk which hangs holds up
 * nobody.  Approvers that have changed count when two looks have found the same, or when somebody asked: half of a file
 * that is being written may be a good one, in which who has a key has none.  Files that have changed count from the
 * next connection, and from the next decision, on; files that are no good are named in the log, once for each fault,
 * and what was read before stays in use. May call: base/, sys/, security/tls.h, notary_rest.h, approvers_source.h.
 */
#ifndef SERVICES_NOTARY_NOTARY_RENEWAL_H
#define SERVICES_NOTARY_NOTARY_RENEWAL_H

#include "services/notary/rest/notary_rest.h"

struct notary_renewal;

/* Begins.  *out is NULL, and all is well, where there are no such files.  All that is given outlives it; `rest` is NULL
 * where nobody serves HTTP.  An error has its sentence in `message`. */
MUST_USE enum err notary_renewal_start(struct notary_renewal **out, const struct notary_settings *settings,
                                       struct notary_service *service, struct notary_rest *rest, struct log *log,
                                       char *message, size_t message_size);

/* Looks now; from any thread.  False: there are no such files (`r` is NULL). */
bool notary_renewal_ask(struct notary_renewal *r);

/* Before notary_rest_stop.  NULL is fine. */
void notary_renewal_stop(struct notary_renewal *r);

#endif
