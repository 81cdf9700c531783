/* SPDX-License-Identifier: Apache-2.0
 *
 * registry_metrics.c - what the registry holds, as gauges; asked by who serves /metrics.
 *
 * Nothing of it reads the whole: the tables know how many rows they have, and of workflows only those are counted whose
 * status is another than "notarized".
 */
#include "services/notary/registry/registry_private.h"

#include <inttypes.h>
#include <sqlite3.h>

#define NAME "geminga_notary_"

static void write_head(struct text *out, const char *name, const char *help)
{
    text_printf(out, "# HELP " NAME "%s %s\n# TYPE " NAME "%s gauge\n", name, help, name);
}

static void write_gauge(struct text *out, const char *name, const char *help, uint64_t value)
{
    write_head(out, name, help);
    text_printf(out, NAME "%s %" PRIu64 "\n", name, value);
}

static void write_workflows(struct text *out, const char *status, bool open, uint64_t count)
{
    text_printf(out, NAME "workflows{status=\"%s\",open=\"%s\"} %" PRIu64 "\n", status, open ? "true" : "false", count);
}

/* Statuses are words of our own; the rest of all workflows is notarized.  `pending` is of those that wait for people.
 */
static enum err count_workflows(struct registry_db *d, uint64_t all, uint64_t *open, uint64_t *pending,
                                struct text *out)
{
    sqlite3_stmt *s = registry_db_use(d, WORKFLOWS_COUNTED);
    enum err err;

    *open = *pending = 0;
    write_head(out, "workflows", "Workflows by where they stand.");
    while ((err = registry_db_step(d, s)) == OK) {
        const char *status = (const char *)sqlite3_column_text(s, 0);
        const bool is_open = sqlite3_column_int(s, 1) != 0;
        const uint64_t count = (uint64_t)sqlite3_column_int64(s, 2);
        write_workflows(out, status ? status : "", is_open, count);
        all -= count;
        *open += is_open ? count : 0;
        *pending += is_open && status && strcmp(status, "pending_approval") == 0 ? count : 0;
    }
    write_workflows(out, "notarized", false, all);
    return err == ERR_NOT_FOUND ? OK : err;
}

enum err registry_view_metrics(struct registry_view *v, struct text *out)
{
    const struct registry_state *state;
    struct registry_db *d;
    uint64_t open, pending;
    enum err err = registry_view_begin(v, &d, &state);

    if (err == OK)
        err = count_workflows(d, state->sums[TABLE_WORKFLOW].rows, &open, &pending, out);
    if (err == OK) {
        write_gauge(out, "open_workflows", "Workflows that have not ended.", open);
        write_gauge(out, "open_approvals", "Workflows that wait for somebody to decide.", pending);
        write_gauge(out, "log_entries", "Entries of the transparency log.", state_size(state));
        write_gauge(out, "results", "Results made, of all events.", state_results(state));
        write_gauge(out, "results_published", "Results known to be on the results topic.", state->published);
        write_gauge(out, "anchor_receipts", "Receipts of other logs and time stamps.", state->sums[TABLE_ANCHOR].rows);
    }
    registry_db_rollback(d);
    return err;
}
