/* SPDX-License-Identifier: Apache-2.0
 *
 * temporal.h - a conductor (conductor.h): Temporal, by its frontend's gRPC interface; our process is its worker.
 *
 * The workflow's code is temporal_workflow.h; each task of it brings the whole history, so no state is kept between
 * tasks, and any replica may run any of them.  A workflow's id is the notary's.  May call: base/, services/runtime.
 */
#ifndef SERVICES_NOTARY_TEMPORAL_TEMPORAL_H
#define SERVICES_NOTARY_TEMPORAL_TEMPORAL_H

#include "base/options.h"
#include "services/notary/conductor.h"

struct temporal_settings {
    char *address, *namespace_name, *task_queue;
    bool tls;
    char *trust_certs, *certificate, *key;
    char *api_key;
    int64_t timeout_ms, poll_ms;
};
extern const struct option_table temporal_options;

/* ERR_INVALID: the settings make no sense, `why` says which. */
MUST_USE enum err temporal_settings_check(const struct temporal_settings *s, char *why, size_t why_size);

/* The settings are borrowed.  `seed` is random: requests of two processes are not taken for repetitions. */
MUST_USE enum err temporal_new(struct conductor **out, const struct temporal_settings *settings, uint64_t seed,
                               char *why, size_t why_size);

#endif
