/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_conn.c - a connection with TLS: records in, records out, the end.
 *
 * In: bytes of the connection below come into the net's scratch and are lent to the channel, which gives plain bytes
 * straight into our user's memory.  When he wants no more, what the channel has not used up is kept, and the one below
 * is not read before that is gone.
 *
 * Out: writes are queued; at the end of the turn they are put into records together, whatever their parts, and go down
 * as flights.  At most about FLIGHTS_MAX bytes of records are under way below: what is beyond stays plain, in its
 * owner's memory.  A write is told when the flight with its last byte went out.
 */
#include "sys/tls_net_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLIGHT_PLAIN (4 * (size_t)TLS_RECORD_MAX)
#define FLIGHTS_MAX  (256u * 1024)
#define DRAIN_MS     5000 /* for a peer that does not read what is queued for it */

/* Records on their way out. */
struct flight {
    struct conn_write write;
    struct list node; /* of the connection's flights */
    struct tls_conn *conn;
    uint8_t *bytes;
    size_t len;
    size_t plain; /* bytes of the writes that are in it */
};

static size_t write_len(const struct conn_write *w)
{
    size_t len = 0;

    for (uint32_t i = 0; i < w->count; i++)
        len += w->parts[i].len;
    return len;
}

/* ---- the end ---- */

static void writes_drop(struct tls_conn *c)
{
    struct list *node;

    while ((node = list_pop_front(&c->writes))) {
        struct conn_write *w = container_of(node, struct conn_write, node);
        w->done(w, ERR_CLOSED);
    }
}

static void flight_free(struct flight *f)
{
    list_remove(&f->node);
    free(f->bytes);
    free(f);
}

void tls_conn_unqueue(struct tls_conn *c)
{
    list_remove(&c->queued);
    c->net->greeted_count -= c->is_greeted;
    c->is_greeted = false;
}

void tls_conn_free(struct tls_conn *c)
{
    list_each_safe (node, &c->flights)
        flight_free(container_of(node, struct flight, node));
    timer_stop(&c->patience);
    task_cancel(&c->resume);
    task_cancel(&c->flush);
    list_remove(&c->node);
    tls_conn_unqueue(c);
    if (c->counted)
        c->net->counts.in_progress--;
    tls_channel_free(c->channel);
    tls_context_unref(c->context);
    free(c->kept);
    free(c->host);
    free(c);
}

void tls_conn_told_and_freed(struct tls_conn *c)
{
    struct conn_handler *handler = c->conn.handler;
    struct connector *connector = c->connector;
    const enum err why = c->why;

    writes_drop(c);
    if (handler)
        handler->on_closed(handler, why);
    tls_conn_free(c);
    if (connector)
        connector->done(connector, why == OK ? ERR_CANCELLED : why, NULL);
}

static void below_closed(struct conn_handler *h, enum err why)
{
    struct tls_conn *c = container_of(h, struct tls_conn, below_handler);

    assert(list_empty(&c->flights));
    if (!c->decided) {
        if (c->state == TLS_SHAKING)
            tls_handshake_broken(c);
        c->why = why == ERR_CLOSED ? ERR_IO : why; /* without close_notify: somebody may have cut it */
    }
    c->state = TLS_CLOSING;
    c->decided = c->gone = true;
    timer_stop(&c->patience); /* a worker may have the channel for longer */
    if (!c->working)
        tls_conn_told_and_freed(c);
}

/* What happens next is the end; true: so it was already. */
static bool closing(struct tls_conn *c, enum err why)
{
    if (c->state == TLS_CLOSING)
        return true;
    c->state = TLS_CLOSING;
    c->decided = true;
    c->why = why;
    c->reading = false;
    timer_stop(&c->patience);
    tls_conn_unqueue(c);
    return false;
}

void tls_conn_end(struct tls_conn *c, enum err why)
{
    (void)closing(c, why);
    if (!c->gone)
        conn_close(c->below); /* also one that was about to end politely */
}

void tls_conn_end_politely(struct tls_conn *c, enum err why)
{
    assert(!c->working);
    if (closing(c, why))
        return;
    if (c->channel)
        tls_conn_send(c, 0);
    conn_close_after_writes(c->below);
}

void tls_conn_close(struct conn *conn)
{
    tls_conn_end(tls_conn_of(conn), OK);
}

static void on_patience_lost(struct timer *timer)
{
    tls_conn_end(container_of(timer, struct tls_conn, patience), OK);
}

/* ---- in ---- */

/* What the channel has not used up stays with us, instead of what stayed before. */
static enum err keep_unread(struct tls_conn *c)
{
    const struct bytes unread = tls_channel_unread(c->channel);
    uint8_t *kept = NULL;

    if (unread.len > 0) {
        if (!(kept = malloc(unread.len)))
            return ERR_NOMEM;
        memcpy(kept, unread.data, unread.len);
    }
    free(c->kept);
    c->kept = kept;
    c->kept_len = unread.len;
    tls_channel_feed(c->channel, bytes_of(kept, unread.len));
    return OK;
}

static void broken(struct tls_conn *c, enum err err)
{
    if (err == ERR_CLOSED) {
        tls_conn_end(c, ERR_CLOSED);
        return;
    }
    tls_failure_log(c, "the connection with", tls_channel_reason(c->channel));
    tls_conn_end_politely(c, err);
}

/* Gives our user what there is, as long as he wants it.  When there is nothing he is not asked for a buffer: he would
 * keep it until more comes. */
static void deliver(struct tls_conn *c)
{
    while (c->state == TLS_OPEN && c->reading && !tls_channel_spent(c->channel)) {
        struct conn_handler *handler = c->conn.handler;
        uint8_t *to = NULL;
        size_t len = 0, got = 0;
        handler->on_buffer(handler, &to, &len);
        assert(len > 0);
        const enum err err = tls_channel_read(c->channel, to, len, &got);
        if (err == OK) {
            handler->on_read(handler, got);
            continue;
        }
        if (err != ERR_AGAIN)
            broken(c, err);
        break;
    }
    if (c->state != TLS_OPEN)
        return;
    if (tls_channel_pending(c->channel) > 0)
        tls_conn_send(c, 0); /* answers of TLS's own */
    if (keep_unread(c) != OK)
        tls_conn_end(c, ERR_NOMEM);
    else if (c->reading && c->kept_len == 0)
        conn_read_start(c->below);
    else
        conn_read_stop(c->below);
}

static void on_resume(struct task *task)
{
    deliver(container_of(task, struct tls_conn, resume));
}

static void below_buffer(struct conn_handler *h, uint8_t **data, size_t *len)
{
    struct tls_conn *c = container_of(h, struct tls_conn, below_handler);

    *data = c->net->scratch;
    *len = c->state == TLS_SHAKING ? HELLO_BYTES : SCRATCH_BYTES;
}

static void below_read(struct conn_handler *h, size_t len)
{
    struct tls_conn *c = container_of(h, struct tls_conn, below_handler);

    if (c->state == TLS_SHAKING) {
        tls_handshake_received(c, len);
    } else if (c->state == TLS_OPEN) {
        assert(c->kept_len == 0);
        tls_channel_feed(c->channel, bytes_of(c->net->scratch, len));
        deliver(c);
    }
}

/* What was kept, and what the channel has, goes first: from the loop, as everything that is read. */
void tls_conn_read_start(struct conn *conn)
{
    struct tls_conn *c = tls_conn_of(conn);

    if (c->state != TLS_OPEN || c->reading)
        return;
    c->reading = true;
    loop_defer(c->net->loop, &c->resume);
}

void tls_conn_read_stop(struct conn *conn)
{
    struct tls_conn *c = tls_conn_of(conn);

    if (c->state != TLS_OPEN)
        return;
    c->reading = false;
    conn_read_stop(c->below);
}

/* ---- out ---- */

/* The next plain bytes that are in no record, in one piece; none: that was all. */
static struct bytes plain_peek(struct tls_conn *c)
{
    while (c->next != &c->writes) {
        const struct conn_write *w = container_of(c->next, struct conn_write, node);
        if (c->next_part == w->count) {
            c->next = c->next->next;
            c->next_part = 0;
        } else if (c->next_at == w->parts[c->next_part].len) {
            c->next_part++;
            c->next_at = 0;
        } else {
            const struct bytes part = w->parts[c->next_part];
            return bytes_of(part.data + c->next_at, part.len - c->next_at);
        }
    }
    return bytes_of(NULL, 0);
}

/* The bytes of the next record: as they lie where that fills it, gathered otherwise. */
static struct bytes record_gather(struct tls_conn *c)
{
    size_t len = 0;

    for (struct bytes part; len < TLS_RECORD_MAX && (part = plain_peek(c)).len > 0;) {
        const size_t room = TLS_RECORD_MAX - len, take = part.len < room ? part.len : room;
        c->next_at += take;
        c->plain -= take;
        if (take == TLS_RECORD_MAX)
            return bytes_of(part.data, take);
        memcpy(c->net->gather + len, part.data, take);
        len += take;
    }
    return bytes_of(c->net->gather, len);
}

/* `len` more bytes of the writes went out: whoever is complete by that is told. */
static void plain_sent(struct tls_conn *c, size_t len)
{
    struct list complete;
    struct list *node;

    list_init(&complete);
    (void)plain_peek(c); /* `next` is beyond what is in records */
    c->first_done += len;
    while (!list_empty(&c->writes) && c->writes.next != c->next) {
        const size_t first = write_len(container_of(c->writes.next, struct conn_write, node));
        if (c->first_done < first)
            break;
        c->first_done -= first;
        list_push_back(&complete, list_pop_front(&c->writes));
    }
    while ((node = list_pop_front(&complete))) {
        struct conn_write *w = container_of(node, struct conn_write, node);
        w->done(w, OK);
    }
}

static void flush(struct tls_conn *c);

static void flight_done(struct conn_write *w, enum err err)
{
    struct flight *f = container_of(w, struct flight, write);
    struct tls_conn *c = f->conn;
    const size_t plain = f->plain;

    c->in_flight -= f->len;
    flight_free(f);
    if (err != OK)
        return; /* the end of the connection tells */
    plain_sent(c, plain);
    flush(c);
}

void tls_conn_send(struct tls_conn *c, size_t plain)
{
    size_t len;
    uint8_t *bytes = tls_channel_take(c->channel, &len);
    struct flight *f = bytes ? malloc(sizeof *f) : NULL;

    if (!bytes)
        return;
    if (!f) {
        free(bytes);
        tls_conn_end(c, ERR_NOMEM);
        return;
    }
    *f = (struct flight){.conn = c, .bytes = bytes, .len = len, .plain = plain};
    f->write.parts[0] = bytes_of(bytes, len);
    f->write.count = 1;
    f->write.done = flight_done;
    c->in_flight += len;
    list_push_back(&c->flights, &f->node);
    conn_write(c->below, &f->write);
}

/* One flight's worth of what is queued goes into records. */
static enum err records_fill(struct tls_conn *c, size_t *filled)
{
    enum err err = OK;

    tls_channel_reserve(c->channel, c->plain < FLIGHT_PLAIN ? c->plain : FLIGHT_PLAIN);
    while (*filled < FLIGHT_PLAIN && err == OK) {
        const struct bytes record = record_gather(c);
        if (record.len == 0)
            break;
        err = tls_channel_write(c->channel, record);
        *filled += record.len;
    }
    return err;
}

/* All is in records: the peer hears that there is no more. */
static void finish(struct tls_conn *c)
{
    c->finished = true;
    tls_channel_finish(c->channel);
    tls_conn_send(c, 0);
    if (c->state == TLS_DRAINING)
        conn_close_after_writes(c->below);
}

/* Its state may change with every `done`. */
static void flush(struct tls_conn *c)
{
    while ((c->state == TLS_OPEN || c->state == TLS_DRAINING) && c->plain > 0 && c->in_flight < FLIGHTS_MAX) {
        size_t filled = 0;
        if (records_fill(c, &filled) != OK) {
            tls_conn_end(c, ERR_IO);
            return;
        }
        tls_conn_send(c, filled);
    }
    if (c->plain == 0 && c->in_flight == 0) /* those without a byte are in no flight */
        plain_sent(c, 0);
    if (c->state == TLS_DRAINING && c->plain == 0 && !c->finished)
        finish(c);
}

static void on_flush(struct task *task)
{
    flush(container_of(task, struct tls_conn, flush));
}

void tls_conn_write(struct conn *conn, struct conn_write *w)
{
    struct tls_conn *c = tls_conn_of(conn);

    assert(w->count <= NET_WRITE_PARTS_MAX);
    list_push_back(&c->writes, &w->node);
    if (c->next == &c->writes) {
        c->next = &w->node;
        c->next_part = 0;
        c->next_at = 0;
    }
    c->plain += write_len(w);
    if (c->state != TLS_CLOSING)
        loop_defer(c->net->loop, &c->flush);
}

size_t tls_conn_write_queued(struct conn *conn)
{
    const struct tls_conn *c = tls_conn_of(conn);

    return c->plain + (c->gone ? 0 : conn_write_queued(c->below));
}

void tls_conn_close_after_writes(struct conn *conn)
{
    struct tls_conn *c = tls_conn_of(conn);

    if (c->state != TLS_OPEN)
        return;
    conn_read_stop(c->below);
    c->state = TLS_DRAINING;
    c->reading = false;
    timer_init(&c->patience, c->net->loop, on_patience_lost);
    timer_start_ms(&c->patience, DRAIN_MS);
    loop_defer(c->net->loop, &c->flush);
}

/* ---- who is there ---- */

void tls_conn_peer(struct conn *conn, char *to, size_t size)
{
    conn_peer(tls_conn_of(conn)->below, to, size);
}

const char *tls_conn_certificate_name(struct conn *conn)
{
    return tls_channel_certificate_name(tls_conn_of(conn)->channel);
}

/* ---- the beginning ---- */

enum err tls_conn_new(struct tls_conn **out, struct tls_net *n, struct tls_context *context)
{
    struct tls_conn *c = calloc(1, sizeof *c);

    if (!c)
        return ERR_NOMEM;
    c->conn.net = &n->net;
    c->net = n;
    c->context = tls_context_ref(context);
    c->state = TLS_CONNECTING;
    c->below_handler =
        (struct conn_handler){.on_buffer = below_buffer, .on_read = below_read, .on_closed = below_closed};
    list_init(&c->queued);
    list_init(&c->writes);
    list_init(&c->flights);
    c->next = &c->writes;
    c->resume.run = on_resume;
    c->flush.run = on_flush;
    timer_init(&c->patience, n->loop, NULL);
    list_push_back(&n->conns, &c->node);
    *out = c;
    return OK;
}
