/* SPDX-License-Identifier: Apache-2.0
 *
 * full_disk.c - see full_disk.h.
 */
#include "store/full_disk.h"

#include "base/log.h"
#include "store/store_private.h"

#include <inttypes.h>

static void look_run(struct work *work)
{
    struct full_disk *f = container_of(work, struct full_disk, work);

    f->err = f->disk->ops->free_bytes(f->disk, &f->free_bytes);
}

/* What must be done first is begun here. */
static bool is_over(struct store *s)
{
    const struct full_disk *f = &s->full_disk;
    const bool has_room = f->err == OK && f->free_bytes >= FULL_DISK_ROOM(s->options.journal_file_bytes);
    const bool hastened = has_room && checkpoint_hasten(s);

    if (journal_starved(s->journal) || !store_keeps_up(s))
        return false;
    return (has_room && !hastened) || loop_now_ns(s->sys.loop) >= f->since_ns + FULL_DISK_TRY_MS * NS_PER_MS;
}

static void look_done(struct work *work)
{
    struct full_disk *f = container_of(work, struct full_disk, work);
    struct store *s = container_of(f, struct store, full_disk);

    f->working = false;
    if (s->dead || s->closing || !f->full)
        return;
    full_disk_looked(s, f->err == OK ? f->free_bytes : UINT64_MAX);
    if (is_over(s)) {
        f->full = false;
        journal_yield(s->journal, false);
        log_info(s->log, "store", "there is room on the disk again: publishes are taken");
        store_tell_room(s);
        return;
    }
    timer_start_ms(&f->look, FULL_DISK_LOOK_MS);
}

static void look_fire(struct timer *timer)
{
    struct full_disk *f = container_of(timer, struct full_disk, look);
    struct store *s = container_of(f, struct store, full_disk);

    if (s->dead || s->closing)
        return;
    f->working = executor_submit(s->background, &f->work) == OK;
    if (!f->working)
        timer_start_ms(&f->look, FULL_DISK_LOOK_MS);
}

void full_disk_looked(struct store *s, uint64_t free_bytes)
{
    struct full_disk *f = &s->full_disk;
    const bool nearly = free_bytes < FULL_DISK_NEAR(s->options.journal_file_bytes);

    f->last_free = free_bytes;
    if (nearly && !f->nearly && !f->full)
        log_warn(s->log, "store", "the disk is nearly full: %" PRIu64 " bytes are free", free_bytes);
    f->nearly = nearly;
}

static bool is_stuck(const struct store *s)
{
    return s->checkpoint.state == CHECKPOINT_RETRY && !store_keeps_up(s);
}

void full_disk_if_stuck(struct store *s)
{
    if (is_stuck(s) && !s->dead)
        full_disk_found(s);
}

static void tell_found(struct store *s)
{
    if (is_stuck(s) && s->checkpoint.err != ERR_NOSPACE)
        log_error(s->log, "store",
                  "checkpoints fail (%s) and are far behind: publishes are refused until one succeeds; "
                  "acknowledgements and deletions go on",
                  err_text(s->checkpoint.err == OK ? ERR_NOMEM : s->checkpoint.err));
    else
        log_error(s->log, "store",
                  "the disk is full: publishes are refused until %" PRIu64
                  " bytes are free; acknowledgements and deletions go on",
                  FULL_DISK_ROOM(s->options.journal_file_bytes));
}

void full_disk_found(struct store *s)
{
    struct full_disk *f = &s->full_disk;

    f->since_ns = loop_now_ns(s->sys.loop);
    if (f->full || s->closing)
        return;
    f->full = true;
    tell_found(s);
    journal_yield(s->journal, true);
    if (!f->working)
        timer_start_ms(&f->look, FULL_DISK_LOOK_MS);
    store_tell_room(s); /* nobody shall wait for what may take long */
}

void full_disk_rest(struct store *s)
{
    timer_stop(&s->full_disk.look);
}

void full_disk_init(struct store *s)
{
    struct full_disk *f = &s->full_disk;

    f->disk = s->sys.disk;
    f->last_free = UINT64_MAX;
    f->work = (struct work){.run = look_run, .done = look_done};
    timer_init(&f->look, s->sys.loop, look_fire);
}

void full_disk_deinit(struct store *s)
{
    if (s->full_disk.disk)
        timer_stop(&s->full_disk.look);
}
