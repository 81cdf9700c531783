/* SPDX-License-Identifier: Apache-2.0
 *
 * workflow_settings.c - the table.
 */
#include "services/notary/workflow_settings.h"

#define AT(member) .offset = offsetof(struct workflow_settings, member)

static const struct option rows[] = {
    {.group = "Workflows",
     .key = "notary.workflows.max_open",
     .env = "GEMINGA_NOTARY_WORKFLOWS_MAX_OPEN",
     .type = OPTION_INTEGER,
     .fallback = "10000",
     .min = 1,
     .max = 1000000,
     AT(max_open),
     .text = "How many workflows may be under way; events that would open more wait."},
    {.key = "notary.workflows.max_approvals_per_source",
     .env = "GEMINGA_NOTARY_WORKFLOWS_MAX_APPROVALS_PER_SOURCE",
     .type = OPTION_INTEGER,
     .fallback = "1000",
     .min = 1,
     .max = 1000000,
     AT(source_approvals_max),
     .text = "How many of them may be approvals of one source; events that would open more are refused."},
    {.key = "notary.workflows.approval_timeout",
     .env = "GEMINGA_NOTARY_WORKFLOWS_APPROVAL_TIMEOUT",
     .type = OPTION_DURATION,
     .fallback = "0s",
     .min = 0,
     .max = 366 * 24 * INT64_C(3600000),
     AT(approval_timeout_ms),
     .text = "When an approval expires whose event names no timeout; 0: never."},
    {.key = "notary.workflows.call_timeout",
     .env = "GEMINGA_NOTARY_WORKFLOWS_CALL_TIMEOUT",
     .type = OPTION_DURATION,
     .fallback = "30s",
     .min = 100,
     .max = 3600000,
     AT(call_timeout_ms),
     .text = "How long one call of a key service or of the handlers may take."},
    {.key = "notary.batch.max_events",
     .env = "GEMINGA_NOTARY_BATCH_MAX_EVENTS",
     .type = OPTION_INTEGER,
     .fallback = "1000",
     .min = 1,
     .max = 10000,
     AT(batch_max_events),
     .text = "The most events under one signature (workflow_type batch)."},
    {.key = "notary.batch.max_wait",
     .env = "GEMINGA_NOTARY_BATCH_MAX_WAIT",
     .type = OPTION_DURATION,
     .fallback = "1s",
     .min = 1,
     .max = 3600000,
     AT(batch_max_wait_ms),
     .text = "How long the first event of a batch waits for others."},
};

const struct option_table workflow_options = OPTION_TABLE(rows);
