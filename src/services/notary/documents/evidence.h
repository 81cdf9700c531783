/* SPDX-License-Identifier: Apache-2.0
 *
 * evidence.h - the evidence package: the bytes that a receipt's hash and signature are about.
 *
 *     {"event":EVENT,"format":"geminga/notary/evidence/v1"}
 *
 * in canonical JSON (canonical.h), where EVENT is the whole event as it came, members that we do not know included.
 * A pure function of the event, so that whoever has the event can make the bytes, and its hash, again.
 *
 * Where people or activities had a say, it is version 2:
 *
 *     {"decisions":[..],"event":EVENT,"findings":{..},"format":"geminga/notary/evidence/v2","quorum":N}
 *
 * All of it but the event is the NotaryResult's member "evidence", so that event and result make the bytes again.  A
 * decision is {"approver","at_ms","comment","decision","method","statement"}, the statement a JWS (decision.h).  The
 * hash of version 1 is the event's identity in either case ("event_hash").
 */
#ifndef SERVICES_NOTARY_EVIDENCE_H
#define SERVICES_NOTARY_EVIDENCE_H

#include "base/err.h"
#include "base/text.h"
#include "services/notary/documents/event.h"

/* Canonical text may be longer than its source: 1e20 becomes 21 digits. */
#define EVIDENCE_BYTES_MAX (8u * EVENT_BYTES_MAX)

/* Appends the package of a valid event.  `out` was made with a limit of EVIDENCE_BYTES_MAX or more.  ERR_NOMEM. */
MUST_USE enum err evidence_build(const struct event *event, struct text *out);

/* Version 2, of an event and a NotaryResult's "evidence" (an object; its "event" would be replaced). */
#define EVIDENCE_FORMAT_2 "geminga/notary/evidence/v2"
MUST_USE enum err evidence_build_with(const struct event *event, const json_t *evidence, struct text *out);

#endif
