/* SPDX-License-Identifier: Apache-2.0
 *
 * authenticator.c - see authenticator.h.
 *
 * A check's way:  op -> job -> lane's queue -> (a worker: run) -> (the loop: done) -> op's done.
 *
 * A lane gives its worker one job at a time, so that those that wait can be counted, refused and let go of here.  A job
 * has a copy of the credentials, which is wiped with it, and a reference to the struct authentication of the moment it
 * came.  An op that is cancelled leaves its job without one.
 *
 * Invariant: job->op->job == job for every job that has an op; lane->count and lane->bytes are those of the jobs that
 * wait or run.
 */
#include "broker/authenticator.h"

#include "base/commas.h"
#include "base/log.h"
#include "base/map.h"
#include "broker/authentication_keys.h"

#include <assert.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define MESSAGE_SIZE      600
#define COMMON_NAME_MAX   1024 /* of a certificate's common name: X.509 has 64 characters */
#define QUICK_WAITING_MAX 4096
#define QUICK_BYTES_MAX   (16u << 20)
#define SLOW_WAITING_MAX  64 /* of a password each, some 50 ms */
#define SLOW_OF_HOST_MAX  8
#define REMEMBERED_MAX    1024
#define FINGERPRINT       32
#define FAILURES_LOG_MS   1000 /* one line about failures in so long */

struct authenticator_job {
    struct work work;
    struct list node; /* of its lane, while it waits */
    struct authenticator *authenticator;
    struct lane *lane;
    struct authentication_op *op; /* NULL: nobody wants to know any more */
    struct authentication *with;
    int64_t now_s;
    struct credentials credentials; /* whose texts are in `copy` */
    char peer[64];
    uint8_t fingerprint[FINGERPRINT];
    /* What the worker found. */
    enum err err;
    struct identity identity;
    struct verdict verdict;

    size_t copy_size;
    uint8_t copy[];
};

struct lane {
    struct executor *executor;
    struct list waiting;
    struct authenticator_job *running;
    size_t count, bytes;
};

/* A password that was right. */
struct remembered {
    struct list node; /* the latest one last */
    uint8_t fingerprint[FINGERPRINT];
    char role[];
};

struct reading {
    struct work work;
    bool running, again;       /* again: somebody asks while it runs */
    struct executor *executor; /* NULL: there are no files */
    struct timer timer;
    /* What the worker found: `next` when it is something else than before. */
    struct authentication *next;
    uint8_t digest[KEY_DIGEST];
    enum err err;
    char message[MESSAGE_SIZE];
    char told[MESSAGE_SIZE]; /* the last message that was logged; empty: all was well since */
};

struct authenticator {
    struct authenticator_options options;
    struct loop *loop;
    struct log *log;
    struct authentication *current;
    struct lane quick, slow;
    struct reading reading;

    uint8_t secrets[2][FINGERPRINT]; /* of the fingerprints, of the binary protocol and of HTTP */
    struct map known;                /* struct remembered by fingerprint */
    struct list known_by_age;

    struct log_rate failures;
    struct authenticator_stats stats;
    struct task stopped;
    void (*stop_done)(void *ctx);
    void *stop_ctx;
    bool stopping;
};

void authenticator_options_init(struct authenticator_options *o)
{
    *o = (struct authenticator_options){.refresh_check_s = 60, .reload_ms = 60000};
}

/* ---- passwords that were right ---- */

static bool fingerprint_fill(const struct authenticator *a, const struct credentials *c, uint8_t out[FINGERPRINT])
{
    size_t len;

    return EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, a->secrets[c->http], FINGERPRINT, c->data.data, c->data.len,
                     out, FINGERPRINT, &len) != NULL;
}

static void forget(struct authenticator *a, struct remembered *r)
{
    (void)map_remove(&a->known, bytes_of(r->fingerprint, FINGERPRINT));
    list_remove(&r->node);
    OPENSSL_cleanse(r->fingerprint, FINGERPRINT);
    free(r);
}

static void forget_all(struct authenticator *a)
{
    list_each_safe (node, &a->known_by_age)
        forget(a, container_of(node, struct remembered, node));
}

/* What the job found, if it is a password; without memory for it the next time takes as long. */
static void remember(struct authenticator *a, const struct authenticator_job *job)
{
    const size_t size = strlen(job->identity.role) + 1;
    const struct bytes key = bytes_of(job->fingerprint, FINGERPRINT);

    if (job->with != a->current || job->identity.method != provider_method(PROVIDER_BASIC) || map_find(&a->known, key))
        return;
    if (map_count(&a->known) >= REMEMBERED_MAX)
        forget(a, container_of(a->known_by_age.next, struct remembered, node));
    struct remembered *r = malloc(sizeof *r + size);
    if (!r)
        return;
    memcpy(r->fingerprint, job->fingerprint, FINGERPRINT);
    memcpy(r->role, job->identity.role, size);
    if (map_put(&a->known, bytes_of(r->fingerprint, FINGERPRINT), r) == OK)
        list_push_back(&a->known_by_age, &r->node);
    else
        free(r);
}

/* True: it is known, and *out says who it is, or nobody for want of memory. */
static bool recognise(struct authenticator *a, const struct credentials *c, const uint8_t fingerprint[FINGERPRINT],
                      struct identity *out)
{
    /* A certificate beside it may be what counts. */
    struct remembered *r =
        c->certificate_name && c->http && !c->method ? NULL : map_find(&a->known, bytes_of(fingerprint, FINGERPRINT));

    if (!r)
        return false;
    list_remove(&r->node);
    list_push_back(&a->known_by_age, &r->node);
    *out = (struct identity){.role = strdup(r->role), .method = provider_method(PROVIDER_BASIC)};
    return true;
}

/* ---- what became of a check ---- */

static size_t lanes_waiting(const struct authenticator *a)
{
    return a->quick.count + a->slow.count;
}

static void succeeded(struct authenticator *a, const struct identity *identity)
{
    enum provider provider = PROVIDERS;

    (void)provider_find(&provider, bytes_of_text(identity->method)); /* "anonymous" is none */
    a->stats.successes[provider]++;
}

static void failed(struct authenticator *a, const struct verdict *verdict, const char *method, const char *peer)
{
    const int64_t now_ms = (int64_t)(loop_now_ns(a->loop) / NS_PER_MS);
    uint64_t quiet;

    a->stats.failures[verdict->provider][verdict->refused]++;
    if (log_rate_allow(&a->failures, now_ms, FAILURES_LOG_MS, &quiet))
        log_warn(a->log, "authentication", "%s: refused, method \"%.32s\": %s (%" PRIu64 " more were not logged)",
                 peer && *peer ? peer : "a peer", method ? method : "", verdict->why, quiet);
}

static void op_run(struct task *task)
{
    struct authentication_op *op = container_of(task, struct authentication_op, task);
    op->done(op, op->err);
}

/* Without a worker, but not before the caller has gone on. */
static void op_answer(struct authenticator *a, struct authentication_op *op, enum err err)
{
    op->err = err;
    op->task = (struct task){.run = op_run};
    loop_defer(a->loop, &op->task);
}

/* ---- jobs ---- */

static void job_free(struct authenticator_job *job)
{
    if (job->op)
        job->op->job = NULL;
    identity_deinit(&job->identity);
    authentication_unref(job->with);
    OPENSSL_cleanse(job->copy, job->copy_size);
    free(job);
}

static char *text_copy(struct authenticator_job *job, size_t *at, const char *text, size_t len)
{
    char *to = (char *)job->copy + *at;

    memcpy(to, text, len + 1);
    *at += len + 1;
    return to;
}

/* NULL: no memory. */
static struct authenticator_job *job_new(struct authenticator *a, const struct credentials *c, const char *peer)
{
    const size_t method = c->method ? strlen(c->method) : 0,
                 name = c->certificate_name ? strlen(c->certificate_name) : 0;
    const size_t size = c->data.len + method + 1 + name + 1;
    struct authenticator_job *job = calloc(1, sizeof *job + size);
    size_t at = c->data.len;

    if (!job)
        return NULL;
    job->copy_size = size;
    if (c->data.len > 0)
        memcpy(job->copy, c->data.data, c->data.len);
    job->credentials = (struct credentials){
        .data = bytes_of(job->copy, c->data.len),
        .method = c->method ? text_copy(job, &at, c->method, method) : NULL,
        .certificate_name = c->certificate_name ? text_copy(job, &at, c->certificate_name, name) : NULL,
        .http = c->http,
    };
    job->authenticator = a;
    job->with = authentication_ref(a->current);
    job->now_s = loop_wall_ms(a->loop) / 1000;
    (void)snprintf(job->peer, sizeof job->peer, "%s", peer ? peer : "");
    return job;
}

/* ---- lanes ---- */

static void lane_next(struct lane *lane);

static void job_run(struct work *work)
{
    struct authenticator_job *job = container_of(work, struct authenticator_job, work);

    job->err = authentication_check(job->with, &job->credentials, job->now_s, &job->identity, &job->verdict);
}

static void stopped_maybe(struct authenticator *a)
{
    if (a->stopping && !a->quick.running && !a->slow.running && !a->reading.running)
        loop_defer(a->loop, &a->stopped);
}

static void job_leave(struct authenticator_job *job)
{
    job->lane->count--;
    job->lane->bytes -= job->copy_size;
}

static void job_done(struct work *work)
{
    struct authenticator_job *job = container_of(work, struct authenticator_job, work);
    struct authenticator *a = job->authenticator;
    struct lane *lane = job->lane;
    struct authentication_op *op = job->op;
    const enum err err = job->err;

    lane->running = NULL;
    job_leave(job);
    if (err == OK) {
        succeeded(a, &job->identity);
        if (lane == &a->slow)
            remember(a, job);
    } else if (err == ERR_DENIED) {
        failed(a, &job->verdict, job->credentials.method, job->peer);
    }
    if (op) {
        op->identity = job->identity;
        op->verdict = job->verdict;
        job->identity = (struct identity){0};
    }
    job_free(job);
    lane_next(lane);
    stopped_maybe(a);
    if (op)
        op->done(op, err);
}

static void lane_next(struct lane *lane)
{
    struct list *node;

    if (lane->running || !(node = list_pop_front(&lane->waiting)))
        return;
    lane->running = container_of(node, struct authenticator_job, node);
    lane->running->work = (struct work){.run = job_run, .done = job_done};
    enum err err = executor_submit(lane->executor, &lane->running->work);
    assert(err == OK || err == ERR_CLOSED); /* there is room for one; closed: the machine of a simulation is gone */
}

/* A host's addresses differ in their ports. */
static bool same_host(const char *a, const char *b)
{
    const char *end_a = strrchr(a, ':'), *end_b = strrchr(b, ':');

    return end_a && end_b && end_a - a == end_b - b && strncmp(a, b, (size_t)(end_a - a)) == 0;
}

static size_t waiting_of_host(const struct lane *lane, const char *peer)
{
    size_t count = lane->running && same_host(lane->running->peer, peer);

    list_each (node, &lane->waiting)
        count += same_host(container_of(node, struct authenticator_job, node)->peer, peer);
    return count;
}

static bool lane_has_room(const struct authenticator *a, const struct lane *lane, const char *peer, size_t bytes)
{
    if (lane == &a->quick)
        return lane->count < QUICK_WAITING_MAX && lane->bytes + bytes <= QUICK_BYTES_MAX;
    return lane->count < SLOW_WAITING_MAX && (!peer || waiting_of_host(lane, peer) < SLOW_OF_HOST_MAX);
}

/* ---- checks ---- */

/* Texts that are longer than any that means something mean nothing. */
static struct credentials bounded(const struct credentials *c)
{
    struct credentials b = *c;

    if (b.method && strlen(b.method) > CREDENTIALS_METHOD_MAX)
        b.method = "";
    if (b.certificate_name && strlen(b.certificate_name) > COMMON_NAME_MAX)
        b.certificate_name = NULL;
    return b;
}

static void job_start(struct authenticator *a, struct lane *lane, struct authentication_op *op,
                      struct authenticator_job *job)
{
    job->lane = lane;
    job->op = op;
    op->job = job;
    lane->count++;
    lane->bytes += job->copy_size;
    list_push_back(&lane->waiting, &job->node);
    lane_next(lane);
}

void authenticator_check(struct authenticator *a, struct authentication_op *op, const struct credentials *credentials,
                         const char *peer)
{
    const struct credentials c = bounded(credentials);
    uint8_t fingerprint[FINGERPRINT] = {0};
    const bool slow = authentication_is_slow(a->current, &c);
    struct lane *lane = slow ? &a->slow : &a->quick;

    assert(!op->job);
    if (a->stopping) {
        op_answer(a, op, ERR_CLOSED);
        return;
    }
    if (c.data.len > CREDENTIALS_DATA_MAX) { /* which nobody looks at: this takes no time */
        enum err err = authentication_check(a->current, &c, 0, &op->identity, &op->verdict);
        failed(a, &op->verdict, c.method, peer);
        op_answer(a, op, err);
        return;
    }
    if (slow && !fingerprint_fill(a, &c, fingerprint)) {
        op_answer(a, op, ERR_NOMEM);
    } else if (slow && recognise(a, &c, fingerprint, &op->identity)) {
        a->stats.successes[PROVIDER_BASIC]++;
        op_answer(a, op, op->identity.role ? OK : ERR_NOMEM);
    } else if (!lane_has_room(a, lane, peer, c.data.len)) {
        a->stats.busy++;
        op_answer(a, op, ERR_BUSY);
    } else {
        struct authenticator_job *job = job_new(a, &c, peer);
        if (!job) {
            op_answer(a, op, ERR_NOMEM);
            return;
        }
        memcpy(job->fingerprint, fingerprint, sizeof fingerprint);
        job_start(a, lane, op, job);
    }
}

void authentication_op_cancel(struct authentication_op *op)
{
    struct authenticator_job *job = op->job;

    if (op->task.queued) { /* it would have been answered */
        task_cancel(&op->task);
        identity_deinit(&op->identity);
    }
    if (!job)
        return;
    op->job = NULL;
    job->op = NULL;
    if (job->lane->running == job)
        return;
    list_remove(&job->node);
    job_leave(job);
    job_free(job);
}

/* ---- reading keys again ---- */

static void keys_read(struct work *work)
{
    struct reading *r = container_of(work, struct reading, work);
    struct authenticator *a = container_of(r, struct authenticator, reading);
    struct key_material material;

    r->next = NULL;
    r->err = key_material_read(&a->options, &material, r->message, sizeof r->message);
    if (r->err != OK)
        return;
    if (memcmp(material.digest, r->digest, KEY_DIGEST) != 0) {
        r->err = key_material_use(&a->options, &material, &r->next, r->message, sizeof r->message);
        if (r->err == OK)
            memcpy(r->digest, material.digest, KEY_DIGEST);
    }
    key_material_deinit(&material);
}

static void keys_tell(struct authenticator *a, struct reading *r)
{
    if (strcmp(r->message, r->told) == 0)
        return;
    log_error(a->log, "authentication", "%s; the keys that were there stay in use", r->message);
    (void)snprintf(r->told, sizeof r->told, "%s", r->message);
}

static void keys_read_later(struct authenticator *a, struct reading *r);

static void keys_done(struct work *work)
{
    struct reading *r = container_of(work, struct reading, work);
    struct authenticator *a = container_of(r, struct authenticator, reading);

    r->running = false;
    if (r->err != OK)
        keys_tell(a, r);
    else
        r->told[0] = '\0';
    a->stats.key_failures += r->err != OK;
    if (r->next) {
        log_info(a->log, "authentication", "keys have changed: the new ones are in use");
        authentication_unref(a->current);
        a->current = r->next;
        r->next = NULL;
        forget_all(a);
    }
    if (a->stopping)
        stopped_maybe(a);
    else
        keys_read_later(a, r);
}

static void keys_read_begin(struct reading *r)
{
    r->again = false;
    r->work = (struct work){.run = keys_read, .done = keys_done};
    if (executor_submit(r->executor, &r->work) == OK)
        r->running = true;
}

static void keys_due(struct timer *timer)
{
    keys_read_begin(container_of(timer, struct reading, timer));
}

static void keys_read_later(struct authenticator *a, struct reading *r)
{
    if (r->again)
        keys_read_begin(r);
    else if (a->options.reload_ms > 0)
        timer_start_ms(&r->timer, a->options.reload_ms);
}

bool authenticator_renew(struct authenticator *a)
{
    struct reading *r = &a->reading;

    if (!r->executor || a->stopping)
        return false;
    timer_stop(&r->timer);
    if (r->running)
        r->again = true;
    else
        keys_read_begin(r);
    return true;
}

/* ---- life ---- */

static void stopped(struct task *task)
{
    struct authenticator *a = container_of(task, struct authenticator, stopped);
    a->stop_done(a->stop_ctx);
}

static void lane_init(struct lane *lane)
{
    list_init(&lane->waiting);
}

static enum err workers_start(struct authenticator *a, bool from_files)
{
    enum err err = executor_new(a->loop, "authentication", 1, &a->quick.executor);

    if (err == OK && authentication_provides(a->current, provider_method(PROVIDER_BASIC)))
        err = executor_new(a->loop, "passwords", 1, &a->slow.executor);
    if (err != OK || !from_files)
        return err;
    err = executor_new(a->loop, "keys", 1, &a->reading.executor);
    if (err == OK)
        keys_read_later(a, &a->reading);
    return err;
}

static enum err keys_start(struct authenticator *a, char *message, size_t message_size)
{
    struct key_material material;
    enum err err = key_material_read(&a->options, &material, message, message_size);

    if (err != OK)
        return err;
    const bool from_files = material.from_files;
    memcpy(a->reading.digest, material.digest, KEY_DIGEST);
    err = key_material_use(&a->options, &material, &a->current, message, message_size);
    key_material_deinit(&material);
    if (err != OK)
        return err;
    if ((err = workers_start(a, from_files)) != OK)
        (void)snprintf(message, message_size, "authentication cannot begin: %s", err_text(err));
    return err;
}

enum err authenticator_new(struct authenticator **out, const struct authenticator_options *options, struct loop *loop,
                           char *message, size_t message_size)
{
    struct authenticator *a = calloc(1, sizeof *a);

    if (!a) {
        (void)snprintf(message, message_size, "%s", err_text(ERR_NOMEM));
        return ERR_NOMEM;
    }
    a->options = *options;
    a->loop = loop;
    a->log = options->log;
    a->stopped.run = stopped;
    lane_init(&a->quick);
    lane_init(&a->slow);
    list_init(&a->known_by_age);
    loop->ops->entropy(loop, a->secrets, sizeof a->secrets);
    uint64_t seed;
    loop->ops->entropy(loop, &seed, sizeof seed);
    map_init(&a->known, seed);
    timer_init(&a->reading.timer, loop, keys_due);
    enum err err = keys_start(a, message, message_size);
    if (err != OK) {
        authenticator_free(a);
        return err;
    }
    *out = a;
    return OK;
}

static void lane_drop(struct lane *lane)
{
    struct list *node;

    if (lane->running && lane->running->op) {
        lane->running->op->job = NULL;
        lane->running->op = NULL;
    }
    while ((node = list_pop_front(&lane->waiting))) {
        struct authenticator_job *job = container_of(node, struct authenticator_job, node);
        job_leave(job);
        job_free(job);
    }
}

void authenticator_stop(struct authenticator *a, void (*done)(void *ctx), void *ctx)
{
    assert(!a->stopping);
    a->stopping = true;
    a->stop_done = done;
    a->stop_ctx = ctx;
    timer_stop(&a->reading.timer);
    lane_drop(&a->quick);
    lane_drop(&a->slow);
    stopped_maybe(a);
}

static void lane_free(struct lane *lane)
{
    lane_drop(lane);
    if (lane->running) /* a crash: it will never be done */
        job_free(lane->running);
    executor_free(lane->executor);
}

void authenticator_free(struct authenticator *a)
{
    if (!a)
        return;
    timer_stop(&a->reading.timer);
    task_cancel(&a->stopped);
    lane_free(&a->quick);
    lane_free(&a->slow);
    executor_free(a->reading.executor);
    authentication_unref(a->reading.next);
    authentication_unref(a->current);
    forget_all(a);
    map_deinit(&a->known);
    OPENSSL_cleanse(a->secrets, sizeof a->secrets);
    free(a);
}

/* ---- what others ask ---- */

const struct authentication *authenticator_peek(const struct authenticator *a)
{
    return a->current;
}

bool authenticator_is_proxy(const struct authenticator *a, const char *role)
{
    const char *rest = a->options.proxy_roles;
    struct bytes name;

    while (commas_next(&rest, &name)) {
        if (bytes_equal(name, bytes_of_text(role)))
            return true;
    }
    return false;
}

bool authenticator_checks_original(const struct authenticator *a)
{
    return a->options.authenticate_original;
}

uint32_t authenticator_refresh_check_s(const struct authenticator *a)
{
    return a->options.refresh_check_s;
}

void authenticator_stats_get(const struct authenticator *a, struct authenticator_stats *out)
{
    *out = a ? a->stats : (struct authenticator_stats){0};
    if (!a)
        return;
    out->waiting = lanes_waiting(a);
    for (enum provider p = 0; p < PROVIDERS; p++)
        out->provided[p] = authentication_provides(a->current, provider_method(p));
}
