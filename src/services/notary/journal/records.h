/* SPDX-License-Identifier: Apache-2.0
 *
 * records.h - what the journal's documents say: one record for each step of a workflow, and for each growth of the log.
 *
 * A record is a JSON object with "kind".  Times are milliseconds since 1970 by the leader's clock.  Members that are
 * not listed are allowed; `or null` members may also be absent.
 *
 *   opened      event_id, workflow_id, workflow_type, event (the whole event), event_hash ("sha256:HEX" of its evidence
 *               package, version 1: evidence.h), received_ms, deadline_ms or null, priority (0 low .. 4 critical),
 *               message_id; activities: an array of names.  A batch without activities is "in_progress" from here on,
 *               of others a `status` follows
 *   status      event_id, status, message or null, step or null, steps_done, steps_total, at_ms: where the workflow
 *               stands from here on
 *   finding     event_id, name, value: what an activity found out and the evidence shall say ("artifacts", "handlers")
 *   decision    event_id, approver, verdict ("approve", "reject"), comment or null, at_ms, method, statement (JWS:
 *               decision.h)
 *   attempt     event_id, activity, attempt (from 1), why, next_ms or null (null: the last one; the workflow has failed
 *               and waits for `retry` or `cancel`)
 *   command     event_id, command ("cancel", "retry"), by, comment or null, at_ms, method, statement or null.  A retry
 * that found nothing failed changes nothing; its statement is spent closed      leaf (text: the log entry's bytes, at
 * most RECORD_LEAF_MAX), outcome ("notarized", "rejected", "expired", "cancelled"), results: an array of {event_id,
 * event_hash, workflow_id, workflow_type, rest (text), path or null}; the entry's index is the log's size so far.  A
 * workflow that begins and ends in one document has this record only checkpoint  size, note (text): the last record of
 * a document with `closed` in it; covers all entries so far published   through: results are numbered from 1 in the
 * order of `closed`; all up to here have their receipts anchored    index, anchor (its name), receipt (object) notified
 * event_id, notice, channel, error or null
 *
 * Pure; may call: jansson's values.
 */
#ifndef SERVICES_NOTARY_RECORDS_H
#define SERVICES_NOTARY_RECORDS_H

#include "base/bytes.h"
#include <jansson.h>

#define RECORD_LEAF_MAX     65535u /* what an entry of a tile can be (C2SP tlog-tiles) */
#define RECORD_EVENT_ID_MAX 256u
#define RECORD_NAME_MAX     256u /* of a status, an approver, an anchor, ... */
#define RECORD_RESULTS_MAX  100000u

enum record_kind {
    RECORD_OPENED,
    RECORD_STATUS,
    RECORD_FINDING,
    RECORD_DECISION,
    RECORD_ATTEMPT,
    RECORD_COMMAND,
    RECORD_CLOSED,
    RECORD_CHECKPOINT,
    RECORD_PUBLISHED,
    RECORD_ANCHORED,
    RECORD_NOTIFIED,
    RECORD_KINDS, /* also: no such kind */
};

/* The kind, if the record has the members of that kind with their types; RECORD_KINDS otherwise. */
enum record_kind record_kind(const json_t *record);
const char *record_kind_name(enum record_kind kind);

/* How many bytes a JSON value is as compact JSON: what json_dumpb says, without writing it. */
size_t record_size(const json_t *value);

#endif
