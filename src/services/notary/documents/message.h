/* SPDX-License-Identifier: Apache-2.0
 *
 * message.h - NotaryStatus and NotaryError as JSON.  (NotaryResult: receipt.h.)
 *
 * An id that is not known, because the event has none or is not JSON, is an empty text: the members keep their
 * types.  Pure; may call: base/, jansson's values.
 */
#ifndef SERVICES_NOTARY_MESSAGE_H
#define SERVICES_NOTARY_MESSAGE_H

#include "base/err.h"
#include "base/text.h"
#include "services/notary/documents/faults.h"
#include <stdint.h>

#define MESSAGE_BYTES_MAX (256u << 10) /* FAULTS_MAX sentences and what is around them */

struct status_facts {
    const char *event_id, *workflow_id;
    const char *trace_id; /* may be NULL */
    const char *status;   /* "in_progress", "completed" */
    const char *message;
    const char *current_step;
    int total_steps, completed_steps;
    int64_t eta_seconds;
    int64_t now_ms;
};
MUST_USE enum err message_status(const struct status_facts *facts, struct text *out);

struct error_facts {
    const char *event_id, *workflow_id, *trace_id; /* each may be NULL */
    const char *error_type;                        /* "validation", "unsupported", "conflict", "processing" */
    const char *message;
    const struct faults *faults; /* details.validation_errors; may be NULL */
    const char *message_id;      /* of the event on its topic: details.message_id; may be NULL */
    uint32_t retry_count;
    int64_t now_ms;
};
MUST_USE enum err message_error(const struct error_facts *facts, struct text *out);

#endif
