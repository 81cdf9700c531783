/* SPDX-License-Identifier: Apache-2.0
 *
 * message.c - the members of the seed's interface, in canonical JSON like everything that the notary writes.
 */
#include "services/notary/documents/message.h"

#include "base/timestamp.h"
#include "services/notary/documents/canonical.h"
#include <stdio.h>

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* Takes `json`, which may be NULL: an allocation failed. */
static enum err write_and_free(json_t *json, struct text *out)
{
    enum err err = json ? canonical_json(json, out) : ERR_NOMEM;

    json_decref(json);
    return err;
}

enum err message_status(const struct status_facts *facts, struct text *out)
{
    char timestamp[TIMESTAMP_SIZE];
    json_t *progress =
        json_pack("{s:s, s:i, s:i, s:i, s:I}", "current_step", facts->current_step, "total_steps", facts->total_steps,
                  "completed_steps", facts->completed_steps, "percentage",
                  100 * facts->completed_steps / facts->total_steps, "eta_seconds", (json_int_t)facts->eta_seconds);

    timestamp_format(facts->now_ms, timestamp);
    return write_and_free(json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:s?}", "event_id", facts->event_id, "workflow_id",
                                    facts->workflow_id, "status", facts->status, "timestamp", timestamp, "message",
                                    facts->message, "progress", progress, "trace_id", facts->trace_id),
                          out);
}

static json_t *error_details(const struct error_facts *facts)
{
    json_t *details = json_object(), *list = facts->faults ? json_copy(facts->faults->list) : NULL;
    char more[80];

    if (list && facts->faults->count > FAULTS_MAX) {
        snprintf(more, sizeof more, "and %zu faults more", facts->faults->count - FAULTS_MAX);
        json_array_append_new(list, json_string(more));
    }
    if (list)
        json_object_set_new(details, "validation_errors", list);
    if (facts->message_id)
        json_object_set_new(details, "message_id", json_string(facts->message_id));
    return details;
}

enum err message_error(const struct error_facts *facts, struct text *out)
{
    char timestamp[TIMESTAMP_SIZE];

    timestamp_format(facts->now_ms, timestamp);
    return write_and_free(json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:n, s:i, s:s?}", "event_id",
                                    or_empty(facts->event_id), "workflow_id", or_empty(facts->workflow_id), "timestamp",
                                    timestamp, "error_type", facts->error_type, "message", facts->message, "details",
                                    error_details(facts), "stack_trace", "retry_count", (int)facts->retry_count,
                                    "trace_id", facts->trace_id),
                          out);
}
