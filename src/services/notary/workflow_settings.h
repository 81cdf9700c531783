/* SPDX-License-Identifier: Apache-2.0
 *
 * workflow_settings.h - the options of workflows, notary.workflows.*, and of batches, notary.batch.*.
 *
 * Pure.  May call: base/.
 */
#ifndef SERVICES_NOTARY_WORKFLOW_SETTINGS_H
#define SERVICES_NOTARY_WORKFLOW_SETTINGS_H

#include "base/options.h"

struct workflow_settings {
    int64_t max_open, source_approvals_max, approval_timeout_ms, call_timeout_ms;
    int64_t batch_max_events, batch_max_wait_ms;
};
extern const struct option_table workflow_options;

#endif
