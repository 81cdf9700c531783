/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_handshake.c - a connection until it is open.
 *
 *     accepted --> silent --(a first record is whole)--> ready --> working (an executor) --> open
 *     connected -----------------------------------------> ^          |
 *                                         (something came) |          | (more is wanted)
 *                                                          '-greeted<-'
 *
 * While a worker has the channel the connection below is not read.  Until the first record is whole, and begins as TLS
 * does, there is no channel: who connects and says nothing, or something else, costs no more than his bytes.
 */
#include "sys/tls_net_private.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define JOBS_AT_ONCE     4     /* of an executor; others wait in `ready` */
#define COMPLAIN_MS      10000 /* about peers */
#define RECORD_HEAD      5
#define RECORD_HANDSHAKE 0x16
#define HELLO_RECORD_MAX (16 * 1024)

void tls_failure_log(struct tls_conn *c, const char *what, const char *reason)
{
    struct tls_net *n = c->net;
    uint64_t quiet = 0;
    char peer[64];

    conn_peer(c->below, peer, sizeof peer);
    if (c->host)
        log_warn(n->log, "tls", "%s %s (%s) failed: %s", what, c->host, peer, reason);
    else if (log_rate_allow(&n->failures, (int64_t)(loop_now_ns(n->loop) / NS_PER_MS), COMPLAIN_MS, &quiet))
        log_warn(n->log, "tls", "%s %s failed: %s; %" PRIu64 " more since the last such line", what, peer, reason,
                 quiet);
}

/* Who waits for the connection waits no more. */
static void attempt_tell(struct tls_conn *c, enum err err)
{
    struct connector *connector = c->connector;

    c->connector = NULL;
    if (connector)
        connector->done(connector, err, NULL);
}

static void failed(struct tls_conn *c, enum err err, const char *reason)
{
    c->net->counts.failed++;
    tls_failure_log(c, "the handshake with", reason);
    tls_conn_end_politely(c, err);
    attempt_tell(c, err);
}

void tls_handshake_broken(struct tls_conn *c)
{
    c->net->counts.failed++;
}

/* ---- it is open ---- */

static void counted_out(struct tls_conn *c)
{
    if (c->counted)
        c->net->counts.in_progress--;
    c->counted = false;
}

static void opened(struct tls_conn *c)
{
    struct tls_listener *l = c->listener;
    struct connector *connector = c->connector;

    c->net->counts.done++;
    counted_out(c);
    timer_stop(&c->patience);
    c->state = TLS_OPEN;
    c->listener = NULL;
    c->connector = NULL;
    if (connector) {
        c->conn.handler = connector->handler;
        connector->done(connector, OK, &c->conn);
        return;
    }
    c->conn.handler = l->on_accept(l->ctx, &c->conn);
    if (!c->conn.handler)
        tls_conn_end(c, OK);
}

/* ---- the worker's part ---- */

static void work_run(struct work *work)
{
    struct tls_conn *c = container_of(work, struct tls_conn, work);

    c->worked = OK;
    if (!c->channel)
        c->worked = tls_channel_new(&c->channel, c->context, c->host);
    if (c->worked != OK)
        return;
    tls_channel_feed(c->channel, bytes_of(c->kept, c->kept_len));
    c->worked = tls_channel_handshake(c->channel);
}

static void work_done(struct work *work);

/* The executor that has the least to do, if it has room. */
static bool executor_choose(const struct tls_net *n, unsigned *out)
{
    *out = 0;
    for (unsigned i = 1; i < n->options.threads; i++) {
        if (n->jobs[i] < n->jobs[*out])
            *out = i;
    }
    return n->jobs[*out] < JOBS_AT_ONCE;
}

static void ready_start(struct tls_net *n)
{
    unsigned executor;

    while (!list_empty(&n->ready) && executor_choose(n, &executor)) {
        struct tls_conn *c = container_of(list_pop_front(&n->ready), struct tls_conn, queued);
        c->executor = executor;
        c->work.run = work_run;
        c->work.done = work_done;
        if (executor_submit(n->executors[executor], &c->work) != OK) { /* a loop that has ended */
            tls_conn_end(c, ERR_CLOSED);
            continue;
        }
        c->working = true;
        n->jobs[executor]++;
    }
}

static void ready_add(struct tls_conn *c)
{
    conn_read_stop(c->below);
    tls_conn_unqueue(c);
    list_push_back(&c->net->ready, &c->queued);
    ready_start(c->net);
}

static void greeted_add(struct tls_conn *c)
{
    struct tls_net *n = c->net;

    if (n->greeted_count >= n->options.greeted_max) {
        n->counts.dropped++;
        tls_conn_end(container_of(n->greeted.next, struct tls_conn, queued), ERR_TIMEOUT);
    }
    list_push_back(&n->greeted, &c->queued);
    c->is_greeted = true;
    n->greeted_count++;
}

/* More is wanted of the peer. */
static void wait_for_peer(struct tls_conn *c)
{
    free(c->kept);
    c->kept = NULL;
    c->kept_len = 0;
    if (c->listener)
        greeted_add(c);
    conn_read_start(c->below);
}

static void work_judge(struct tls_conn *c)
{
    if (c->channel)
        tls_conn_send(c, 0);
    if (c->state == TLS_CLOSING) /* no memory to send with */
        attempt_tell(c, ERR_NOMEM);
    else if (c->worked == ERR_AGAIN)
        wait_for_peer(c);
    else if (c->worked == OK)
        opened(c);
    else
        failed(c, c->worked, c->channel ? tls_channel_reason(c->channel) : err_text(c->worked));
}

static void work_done(struct work *work)
{
    struct tls_conn *c = container_of(work, struct tls_conn, work);
    struct tls_net *n = c->net;

    c->working = false;
    n->jobs[c->executor]--;
    if (c->channel) {
        tls_context_unref(c->context);
        c->context = NULL;
    }
    if (c->gone)
        tls_conn_told_and_freed(c);
    else if (c->state == TLS_SHAKING)
        work_judge(c);
    ready_start(n);
}

/* ---- bytes ---- */

/* Whether there is something to work on; false: not yet.  *none: it cannot become TLS. */
static bool first_record_whole(const struct tls_conn *c, bool *none)
{
    *none = c->kept[0] != RECORD_HANDSHAKE;
    if (*none || c->kept_len < RECORD_HEAD)
        return false;
    const size_t len = be16_get(c->kept + 3);
    return len > HELLO_RECORD_MAX || c->kept_len >= RECORD_HEAD + len;
}

void tls_handshake_received(struct tls_conn *c, size_t len)
{
    struct tls_net *n = c->net;
    uint8_t *kept = realloc(c->kept, c->kept_len + len);
    bool none = false;

    assert(!c->working);
    if (!kept) {
        failed(c, ERR_NOMEM, err_text(ERR_NOMEM));
        return;
    }
    memcpy(kept + c->kept_len, n->scratch, len);
    c->kept = kept;
    c->kept_len += len;
    if (c->channel || first_record_whole(c, &none)) {
        ready_add(c);
    } else if (none) {
        failed(c, ERR_PROTOCOL, "the peer speaks no TLS");
        tls_conn_end(c, ERR_PROTOCOL); /* there is nothing to say to it */
    } else {                           /* heard of last: it is the last to go */
        tls_conn_unqueue(c);
        list_push_back(&n->silent, &c->queued);
    }
}

/* ---- the beginning ---- */

static void on_deadline(struct timer *timer)
{
    struct tls_conn *c = container_of(timer, struct tls_conn, patience);

    assert(c->state == TLS_SHAKING);
    c->net->counts.timed_out++;
    tls_failure_log(c, "the handshake with", "it took too long");
    tls_conn_end(c, ERR_TIMEOUT);
    attempt_tell(c, ERR_TIMEOUT);
}

void tls_handshake_begin(struct tls_conn *c, uint64_t deadline_ns)
{
    c->state = TLS_SHAKING;
    c->counted = true;
    c->net->counts.in_progress++;
    timer_init(&c->patience, c->net->loop, on_deadline);
    timer_start_at(&c->patience, deadline_ns);
    if (c->listener) {
        list_push_back(&c->net->silent, &c->queued);
        conn_read_start(c->below);
    } else {
        ready_add(c);
    }
}
