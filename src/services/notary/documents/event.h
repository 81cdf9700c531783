/* SPDX-License-Identifier: Apache-2.0
 *
 * event.h - a PipelineEvent: bytes in; the event, or everything that is wrong with it, out.
 *
 * The schema is a set of tables in event.c.  Members that it does not name are allowed and become part of the
 * evidence as they are; an optional member that is null counts as absent.  Pure; may call: base/, jansson's values.
 */
#ifndef SERVICES_NOTARY_EVENT_H
#define SERVICES_NOTARY_EVENT_H

#include "base/bytes.h"
#include "services/notary/documents/faults.h"

#define EVENT_BYTES_MAX     (1u << 20)
#define EVENT_DEPTH_MAX     32   /* objects and arrays inside one another */
#define EVENT_ID_MAX        256  /* bytes; of trace_id and span_id too */
#define EVENT_TEXT_MAX      4096 /* bytes of any other member that the schema names */
#define EVENT_ARTIFACTS_MAX 1000
#define EVENT_APPROVERS_MAX 32
#define EVENT_NUMBER_MAX    1000000000 /* of seconds, factors and retries: 31 years */

struct event {
    json_t *json; /* the whole event; NULL when it is not JSON */
    /* Borrowed from json; NULL when absent or of no use. */
    const char *event_id;
    const char *trace_id;
    const char *workflow_type;
    size_t artifacts;
    bool wants_notifications; /* workflow_config.notifications.enabled */
};

/* OK: a valid event, no faults.  ERR_INVALID: `faults` (initialized, empty) has at least one, and *out what could be
 * read all the same, so that an answer can name the event.  ERR_NOMEM.  event_deinit after every result. */
MUST_USE enum err event_parse(struct event *out, struct bytes payload, struct faults *faults);
void event_deinit(struct event *e);

#endif
