/* SPDX-License-Identifier: Apache-2.0
 *
 * recovery.c - see recovery.h: the order of the steps.
 */
#include "store/recovery_private.h"

#include "base/log.h"
#include "store/damage.h"
#include "sys/loop.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- what the steps share ---- */

enum err recovery_refuse(struct recovery *r, enum err err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(r->message, r->message_size, format, args);
    va_end(args);
    return err;
}

/* Fills in which topic the ledger belongs to, and its name. */
void recovery_tell_found(struct recovery *r, struct damage *d)
{
    const struct ledger *l = d->ledger > 0 ? ledgers_find(&r->s->ledgers, d->ledger) : NULL;

    if (l && l->chain)
        d->topic = l->chain->topic;
    if (d->topic > 0)
        d->name = store_topic_name(r->s, d->topic);
    damage_tell(r->look->sink, d);
}

void recovery_saw_id(struct store *s, uint64_t id)
{
    if (id >= s->next_id)
        s->next_id = id + 1;
}

static void close_open_ledgers(struct store *s)
{
    const int64_t now = loop_wall_ms(s->sys.loop);
    struct ledger *l;
    size_t at = 0;

    while ((l = map_next(&s->ledgers.by_id, &at))) {
        const struct ledger_info *info = ledger_info(l);
        if (info->closed_ms == 0)
            ledger_set_closed(&s->ledgers, l, now > info->created_ms ? now : info->created_ms);
    }
}

/* ---- all steps ---- */

static void tell(const struct recovery *r)
{
    const struct store *s = r->s;

    if (r->replay.batches > 0)
        log_info(s->log, "store", "recovered %" PRIu64 " journal batches with %" PRIu64 " entries in %" PRIu64 " ms%s",
                 r->replay.batches, s->recovered_entries, s->recovery_ms,
                 r->replay.torn ? "; the last write was cut off" : "");
}

enum err recovery_run(struct store *s, struct journal_start *start, char *message, size_t message_size)
{
    struct recovery r = {.s = s, .message = message, .message_size = message_size, .forget = {.store = s}};
    struct segment_names names = {0};
    const uint64_t begin = loop_now_ns(s->sys.loop);
    enum err err;

    if ((err = give_ups_parse(&r.give_ups, s->options.give_up, message, message_size)) != OK)
        return err;
    if ((err = recovery_take_lock(&r)) != OK || (err = recovery_check_format(&r)) != OK ||
        (err = recovery_load_lost(&r)) != OK || (err = recovery_load_restored(&r)) != OK ||
        (err = recovery_load_index(&r)) != OK)
        goto out;
    if ((err = recovery_replay_journal(&r)) != OK)
        goto out;
    recovery_pass_lost_ids(&r);
    close_open_ledgers(s);
    if (r.gaps)
        recovery_drop_orphans(&r);
    if ((err = recovery_find_segments(&r, &names)) != OK || (err = recovery_raise_format(&r)) != OK ||
        (err = recovery_give_up(&r)) != OK || (err = recovery_write_again(&r)) != OK)
        goto out;
    recovery_remove_orphans(s, &names);
    s->recovery_ms = (loop_now_ns(s->sys.loop) - begin) / NS_PER_MS;
    tell(&r);
    err = recovery_fill_start(&r, start);
out:
    free(r.replay.files);
    free(r.replay.kept);
    free(r.forget.files.list);
    free(names.found.list);
    return err;
}

enum err recovery_look(struct store *s, struct recovery_look *look, char *message, size_t message_size)
{
    struct recovery r = {
        .s = s, .message = message, .message_size = message_size, .forget = {.store = s}, .look = look};
    struct segment_names names = {0};
    enum err err;

    if ((err = recovery_take_lock(&r)) != OK || (err = recovery_check_format(&r)) != OK ||
        (err = recovery_load_lost(&r)) != OK || (err = recovery_load_restored(&r)) != OK ||
        (err = recovery_look_at_index(&r)) != OK || (err = recovery_replay_journal(&r)) != OK ||
        (err = recovery_find_segments(&r, &names)) != OK)
        goto out;
    look->format = r.format;
    look->last_batch = r.replay.last_batch;
    look->batches = r.replay.batches;
    look->torn = r.replay.torn;
    look->journal_files = r.replay.files;
    look->journal_file_count = r.replay.file_count;
    look->segments = names.found;
    r.replay.files = NULL;
    names.found = (struct file_numbers){0};
out:
    free(r.replay.files);
    free(r.replay.kept);
    free(r.forget.files.list);
    free(names.found.list);
    return err;
}

void recovery_look_deinit(struct recovery_look *look)
{
    free(look->journal_files);
    free(look->segments.list);
}
