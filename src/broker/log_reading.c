/* SPDX-License-Identifier: Apache-2.0
 *
 * log_reading.c - see log_reading.h.
 */
#include "broker/log_reading.h"

#include "broker/core.h"
#include "broker/names.h"
#include "broker/producer.h"
#include "broker/reads.h"
#include "broker/topic.h"

#include <assert.h>
#include <inttypes.h>

#define READ_BYTES (1024 * 1024) /* of one read */

static void read_more(struct log_reading *r);

/* ---- the end ---- */

static void report_hole(const struct log_reading *r)
{
    if (r->passed_over > 0)
        log_warn(r->topic->broker->log, "broker",
                 "%s: %" PRIu64 " entries are damaged, the first %" PRId64 ":%" PRId64 ": of %s theirs are not known",
                 r->topic->name.text, r->passed_over, r->hole.ledger, r->hole.entry, r->reader->what);
}

static void succeeded(struct log_reading *r)
{
    report_hole(r);
    r->complained = false;
    r->reader->ended(r->topic, OK);
    log_reading_release(r);
}

static void complain(struct log_reading *r, enum err err)
{
    const struct position at = topic_after(r->topic, r->upto);

    if (!r->complained)
        log_error(r->topic->broker->log, "broker",
                  "%s: %s cannot be read from entry %" PRId64 ":%" PRId64
                  " on: %s; producers are refused until they can",
                  r->topic->name.text, r->reader->what, at.ledger, at.entry, err_text(err));
    r->complained = true;
}

static void failed(struct log_reading *r, enum err err)
{
    struct list *node;

    complain(r, err);
    r->reader->ended(r->topic, err);
    while ((node = list_pop_front(&r->waiting))) {
        struct producer_open *open = container_of(node, struct producer_open, reading);
        (void)refuse(&open->op.why, ERR_AGAIN, ABOUT_TOPIC, "%s: %s cannot be read now: %s", r->topic->name.text,
                     r->reader->what, err_text(err));
        producer_open_give_up(open);
    }
}

/* ---- reads ---- */

static enum err apply(struct log_reading *r, const struct store_read *read)
{
    for (size_t i = 0; i < read->count; i++) {
        enum err err = r->reader->apply(r->topic, &read->entries[i]);
        if (err != OK)
            return err;
        r->upto = read->entries[i].position;
    }
    return OK;
}

static void pass_over(struct log_reading *r, struct position damaged)
{
    if (r->passed_over++ == 0)
        r->hole = damaged;
    r->upto = damaged;
    r->read_max = STORE_READ_MAX;
}

/* What to do about a read that brought nothing; an error: the reading cannot go on. */
static enum err look_at(struct log_reading *r, const struct store_read *read, enum err err)
{
    if (err == ERR_NOT_FOUND)
        r->upto = read->from; /* it was given up, or trimmed */
    else if ((err == ERR_CORRUPT || err == ERR_IO) && r->read_max > 1)
        r->read_max = 1; /* those before the damaged one can be read */
    else if (err == ERR_CORRUPT)
        pass_over(r, read->from);
    else
        return err;
    return OK;
}

static void read_done(struct store_read *read, enum err err)
{
    struct log_reading *r = broker_read_of(read)->owner;
    enum err result = OK;

    if (r) {
        r->read = NULL;
        result = err == OK ? apply(r, read) : look_at(r, read, err);
    }
    broker_read_free(broker_read_of(read), err);
    if (!r)
        return;
    if (result != OK)
        failed(r, result);
    else
        read_more(r);
}

static void read_more(struct log_reading *r)
{
    const struct position from = topic_after(r->topic, r->upto);
    struct broker *b = r->topic->broker;

    if (position_before(r->end, from)) {
        succeeded(r);
        return;
    }
    if (!(r->read = broker_read_new(b, r, read_done))) {
        failed(r, ERR_NOMEM);
        return;
    }
    r->read->read.from = from;
    r->read->read.max = r->read_max;
    r->read->read.bytes_max = READ_BYTES;
    ledger_read(b->store, &r->read->read);
}

static void drop_read(struct log_reading *r)
{
    if (r->read)
        r->read->owner = NULL;
    r->read = NULL;
}

/* ---- its life ---- */

void log_reading_init(struct log_reading *r, struct topic *t, const struct log_reader *reader)
{
    *r = (struct log_reading){.reader = reader, .topic = t};
    list_init(&r->waiting);
}

void log_reading_deinit(struct log_reading *r)
{
    drop_read(r);
}

void log_reading_start(struct log_reading *r, struct position upto, struct position end)
{
    assert(!r->read);
    r->upto = upto;
    r->end = end;
    r->read_max = STORE_READ_MAX;
    r->passed_over = 0;
    read_more(r);
}

void log_reading_wait(struct log_reading *r, struct producer_open *open)
{
    list_push_back(&r->waiting, &open->reading);
}

void log_reading_release(struct log_reading *r)
{
    struct list *node;

    while ((node = list_pop_front(&r->waiting)))
        op_resume(&container_of(node, struct producer_open, reading)->op);
}

void log_reading_stop(struct log_reading *r)
{
    drop_read(r);
    log_reading_release(r);
}
