/* SPDX-License-Identifier: Apache-2.0
 *
 * anchoring.c - one line for each anchor, with a slot for each submission under way.
 *
 *     FREE -> RUNNING (on the lane) -> RETURNED (in the next round: a record, or left for later) -> FREE
 *
 * A round asks for what is next before it hands records out: as long as a receipt is in its slot, its entry is known to
 * be taken care of, and when the slot is free the record is written.
 */
#include "services/notary/anchors/anchoring.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

#define LEAF_MAX (1u << 20)

enum slot_state { SLOT_FREE, SLOT_RUNNING, SLOT_RETURNED };

struct slot {
    struct job job;
    struct line *line;
    enum slot_state state;
    uint64_t index;
    struct text leaf, receipt;
    enum err err;
    char why[400];
};

struct aside {
    uint64_t index;
    int64_t until_ms;
};

struct line {
    struct anchoring *owner;
    struct anchor *anchor;
    unsigned lane;
    struct slot slots[ANCHORING_PARALLEL_MAX];
    int64_t pause_until_ms, delay_ms; /* delay_ms 0: the last submission succeeded */
    struct aside aside[ANCHORING_ASIDE_MAX];
    size_t aside_count;
    atomic_uint_fast64_t receipts, failures; /* since the start; read by others */
};

struct anchoring {
    struct book *book;
    struct lanes *lanes;
    const struct anchor_settings *settings;
    struct log *log;
    struct line lines[ANCHORS_MAX];
    size_t count;
};

static void run(struct job *job)
{
    struct slot *s = container_of(job, struct slot, job);
    const struct anchor_entry entry = {s->index, bytes_of(s->leaf.data, s->leaf.len)};

    s->err = anchor_submit(s->line->anchor, &entry, s->line->owner->settings->timeout_ms, &s->receipt, s->why,
                           sizeof s->why);
}

static void done(struct job *job)
{
    struct slot *s = container_of(job, struct slot, job);

    assert(s->state == SLOT_RUNNING);
    s->state = SLOT_RETURNED;
}

static void slot_clear(struct slot *s)
{
    text_deinit(&s->leaf);
    text_deinit(&s->receipt);
    s->why[0] = '\0';
    s->state = SLOT_FREE;
}

static void slot_init(struct slot *s, struct line *line)
{
    s->line = line;
    s->job = (struct job){.run = run, .done = done};
    text_init(&s->leaf, LEAF_MAX);
    text_init(&s->receipt, ANCHOR_RECEIPT_MAX);
}

enum err anchoring_new(struct anchoring **out, const struct anchoring_options *options)
{
    struct anchoring *a = calloc(1, sizeof *a);
    unsigned parallel = (unsigned)options->settings->parallel;
    enum err err = OK;

    assert(options->count <= ANCHORS_MAX);
    assert(parallel > 0 && parallel <= ANCHORING_PARALLEL_MAX);
    if (!a)
        return ERR_NOMEM;
    a->book = options->book;
    a->lanes = options->lanes;
    a->settings = options->settings;
    a->log = options->log;
    for (; a->count < options->count && err == OK; a->count++) {
        struct line *l = &a->lines[a->count];

        l->owner = a;
        l->anchor = options->anchors[a->count];
        for (unsigned i = 0; i < parallel; i++)
            slot_init(&l->slots[i], l);
        err = lanes_add(a->lanes, anchor_name(l->anchor), parallel, parallel, &l->lane);
    }
    if (err != OK) {
        free(a);
        return err;
    }
    *out = a;
    return OK;
}

/* ---- what came back ---- */

static void pause_line(struct line *l, int64_t now_ms, int64_t delay_ms)
{
    l->delay_ms = delay_ms;
    l->pause_until_ms = now_ms + delay_ms;
}

static void put_aside(struct line *l, const struct slot *s, int64_t now_ms)
{
    const struct anchor_settings *settings = l->owner->settings;

    log_warn(l->owner->log, "anchors", "%s does not take entry %" PRIu64 ": %s; it is tried again later",
             anchor_name(l->anchor), s->index, s->why);
    if (l->aside_count == ANCHORING_ASIDE_MAX)
        pause_line(l, now_ms, settings->retry_max_ms);
    else
        l->aside[l->aside_count++] = (struct aside){s->index, now_ms + settings->retry_max_ms};
}

/* The anchor is not there, or is not what it should be: for all entries alike. */
static void back_off(struct line *l, const struct slot *s, int64_t now_ms)
{
    const struct anchor_settings *settings = l->owner->settings;
    int64_t delay_ms = l->delay_ms ? 2 * l->delay_ms : settings->retry_ms;

    if (now_ms < l->pause_until_ms)
        return; /* one of several that were under way together: it has been counted */
    if (delay_ms > settings->retry_max_ms || s->err == ERR_DENIED || s->err == ERR_UNSUPPORTED)
        delay_ms = settings->retry_max_ms;
    log_warn(l->owner->log, "anchors", "%s: %s; entries wait, and it is tried again in %" PRId64 " ms",
             anchor_name(l->anchor), s->why, delay_ms);
    pause_line(l, now_ms, delay_ms);
}

static void take_failure(struct line *l, struct slot *s, int64_t now_ms)
{
    atomic_fetch_add(&l->failures, 1);
    if (s->err == ERR_NOT_ALLOWED || s->err == ERR_INVALID || s->err == ERR_TOO_LARGE)
        put_aside(l, s, now_ms);
    else
        back_off(l, s, now_ms);
    slot_clear(s);
}

static enum err take_receipt(struct line *l, struct slot *s, json_t *records)
{
    json_t *receipt = json_loadb(s->receipt.data, s->receipt.len, 0, NULL);
    json_t *record = receipt ? json_pack("{s:s, s:I, s:s, s:O}", "kind", "anchored", "index", (json_int_t)s->index,
                                         "anchor", anchor_name(l->anchor), "receipt", receipt)
                             : NULL;

    json_decref(receipt);
    if (!record || json_array_append_new(records, record) != 0)
        return ERR_NOMEM;
    if (l->delay_ms > 0)
        log_info(l->owner->log, "anchors", "%s takes entries again", anchor_name(l->anchor));
    l->delay_ms = l->pause_until_ms = 0;
    atomic_fetch_add(&l->receipts, 1);
    slot_clear(s);
    return OK;
}

/* `bytes` counts what this round hands out. */
static enum err take_returned(struct line *l, int64_t now_ms, json_t *records, size_t *bytes)
{
    enum err err = OK;

    for (size_t i = 0; i < ANCHORING_PARALLEL_MAX && err == OK; i++) {
        struct slot *s = &l->slots[i];

        if (s->state != SLOT_RETURNED)
            continue;
        if (s->err != OK) {
            take_failure(l, s, now_ms);
        } else if (*bytes < ANCHORING_BYTES_MAX) {
            *bytes += s->receipt.len;
            err = take_receipt(l, s, records);
        }
    }
    return err;
}

/* ---- what is next ---- */

static struct slot *free_slot(struct line *l)
{
    for (size_t i = 0; i < (size_t)l->owner->settings->parallel; i++)
        if (l->slots[i].state == SLOT_FREE)
            return &l->slots[i];
    return NULL;
}

static bool is_taken_care_of(const struct line *l, uint64_t index)
{
    for (size_t i = 0; i < ANCHORING_PARALLEL_MAX; i++)
        if (l->slots[i].state != SLOT_FREE && l->slots[i].index == index)
            return true;
    for (size_t i = 0; i < l->aside_count; i++)
        if (l->aside[i].index == index)
            return true;
    return false;
}

static void take_back_aside(struct line *l, int64_t now_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < l->aside_count; i++)
        if (l->aside[i].until_ms > now_ms)
            l->aside[kept++] = l->aside[i];
    l->aside_count = kept;
}

static enum err start(struct line *l, struct slot *s, uint64_t index)
{
    struct text event_id;
    enum err err;

    text_init(&event_id, 4096);
    s->index = index;
    err = l->owner->book->ops->entry(l->owner->book, index, &s->leaf, &event_id);
    text_deinit(&event_id);
    if (err == OK)
        err = lanes_submit(l->owner->lanes, l->lane, &s->job);
    if (err == OK)
        s->state = SLOT_RUNNING;
    else
        slot_clear(s);
    return err == ERR_BUSY || err == ERR_CLOSED ? OK : err;
}

/* Enough indexes that one is left for each slot, whatever is under way or put aside. */
#define WANTED_MAX (2 * ANCHORING_PARALLEL_MAX + ANCHORING_ASIDE_MAX)

static enum err start_next(struct line *l, int64_t now_ms)
{
    uint64_t indexes[WANTED_MAX];
    struct slot *s;
    size_t count;
    enum err err;

    take_back_aside(l, now_ms);
    if (now_ms < l->pause_until_ms || !free_slot(l))
        return OK;
    err = l->owner->book->ops->unanchored(l->owner->book, anchor_name(l->anchor), indexes,
                                          2 * (size_t)l->owner->settings->parallel + l->aside_count, &count);
    for (size_t i = 0; err == OK && i < count && (s = free_slot(l)) != NULL; i++) {
        if (is_taken_care_of(l, indexes[i]))
            continue;
        err = start(l, s, indexes[i]);
        if (l->delay_ms > 0)
            break; /* one, to find out whether it is there again */
    }
    return err;
}

static int64_t wait_until(const struct line *l, int64_t now_ms)
{
    int64_t at = INT64_MAX;

    if (l->pause_until_ms > now_ms)
        at = l->pause_until_ms;
    for (size_t i = 0; i < l->aside_count; i++)
        if (l->aside[i].until_ms < at)
            at = l->aside[i].until_ms;
    for (size_t i = 0; i < ANCHORING_PARALLEL_MAX; i++)
        if (l->slots[i].state == SLOT_RETURNED)
            at = now_ms; /* it did not fit into this round */
    return at;
}

static enum err line_round(struct line *l, int64_t now_ms, json_t *records, size_t *bytes)
{
    enum err err = start_next(l, now_ms);

    return err == OK ? take_returned(l, now_ms, records, bytes) : err;
}

enum err anchoring_round(struct anchoring *a, int64_t now_ms, json_t *records, int64_t *next_ms)
{
    size_t bytes = 0;
    enum err err = OK;

    *next_ms = INT64_MAX;
    for (size_t i = 0; i < a->count && err == OK; i++) {
        struct line *l = &a->lines[i];
        size_t before = json_array_size(records);
        int64_t at;

        err = line_round(l, now_ms, records, &bytes);
        at = json_array_size(records) > before ? now_ms : wait_until(l, now_ms); /* slots are free: go on */
        *next_ms = at < *next_ms ? at : *next_ms;
    }
    return err;
}

void anchoring_forget(struct anchoring *a)
{
    for (size_t i = 0; i < a->count; i++)
        for (size_t s = 0; s < ANCHORING_PARALLEL_MAX; s++)
            if (a->lines[i].slots[s].state == SLOT_RETURNED)
                slot_clear(&a->lines[i].slots[s]);
}

static void write_counter(struct anchoring *a, const char *name, const char *help, uint64_t (*value)(struct line *line),
                          struct text *out)
{
    text_printf(out, "# HELP %s %s\n# TYPE %s counter\n", name, help, name);
    for (size_t i = 0; i < a->count; i++)
        text_printf(out, "%s{anchor=\"%s\"} %" PRIu64 "\n", name, anchor_name(a->lines[i].anchor), value(&a->lines[i]));
}

static uint64_t receipts_of(struct line *l)
{
    return atomic_load(&l->receipts);
}

static uint64_t failures_of(struct line *l)
{
    return atomic_load(&l->failures);
}

void anchoring_metrics(struct anchoring *a, struct text *out)
{
    write_counter(a, "geminga_notary_anchor_receipts_total",
                  "Entries that another log or a time stamp has a receipt of.", receipts_of, out);
    write_counter(a, "geminga_notary_anchor_failures_total", "Submissions that failed; they are tried again.",
                  failures_of, out);
}

void anchoring_free(struct anchoring *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->count; i++) {
        for (size_t s = 0; s < ANCHORING_PARALLEL_MAX; s++)
            slot_clear(&a->lines[i].slots[s]);
        anchor_close(a->lines[i].anchor);
    }
    free(a);
}
