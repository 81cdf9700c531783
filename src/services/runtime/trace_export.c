/* SPDX-License-Identifier: Apache-2.0
 *
 * trace_export.c - one thread: look, wait, post, wait longer.
 *
 * The body of a request is one resource (the service) with one scope (this program) and the spans as the tracer has
 * encoded them.  A batch that is tried again is the same bytes.
 */
#include "services/runtime/trace_export.h"

#include "services/runtime/http.h"
#include "sys/deadline.h"
#include "sys/uv_sys.h"
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS         200
#define GATHER_MS       1000
#define ENOUGH_BYTES    (256u << 10)
#define CALL_TIMEOUT_MS 5000
#define LAST_TIMEOUT_MS 2000
#define ATTEMPTS        5
#define RETRY_MS_MIN    500
#define ANSWER_MAX      (64u << 10)
#define HEADERS_MAX     16
#define HEADER_MAX      4096
#define BODY_EXTRA      2048 /* around the spans */

struct trace_export {
    /* Set at the start. */
    struct tracer *tracer;
    const struct pulsar_settings *settings;
    struct loop *clocks;
    int64_t wall_offset_ns; /* of the wall clock from the monotonic one, when it began */
    char instance[300];     /* tells replicas apart */
    struct log *log;
    struct text url;
    struct text headers[HEADERS_MAX + 1];
    const char *header_list[HEADERS_MAX + 2];
    struct uv_thread *thread;
    /* The thread's. */
    struct log_rate complaints;
    /* Under the lock. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
};

/* ---- headers ---- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Appends with %XX decoded; control characters, which could end a header, are left out. */
static void add_decoded(struct text *to, const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = value[i];
        if (c == '%' && i + 2 < len && hex_digit(value[i + 1]) >= 0 && hex_digit(value[i + 2]) >= 0) {
            c = (char)(hex_digit(value[i + 1]) * 16 + hex_digit(value[i + 2]));
            i += 2;
        }
        if ((unsigned char)c >= 0x20 && c != 0x7f)
            text_add_bytes(to, bytes_of(&c, 1));
    }
}

/* "name=value,name=value" as header lines, behind the one that says what we send. */
static void make_headers(struct trace_export *e)
{
    const char *at = e->settings->tracing_headers ? e->settings->tracing_headers : "";
    size_t count = 0;

    text_init(&e->headers[count], HEADER_MAX);
    text_add(&e->headers[count++], "Content-Type: application/json");
    while (*at && count <= HEADERS_MAX) {
        at += strspn(at, " ,");
        size_t len = strcspn(at, ",");
        const char *equals = memchr(at, '=', len);
        if (equals && equals > at) {
            struct text *line = &e->headers[count++];
            text_init(line, HEADER_MAX);
            add_decoded(line, at, (size_t)(equals - at));
            text_add(line, ": ");
            add_decoded(line, equals + 1, len - (size_t)(equals - at) - 1);
        }
        at += len;
    }
    for (size_t i = 0; i < count; i++)
        e->header_list[i] = e->headers[i].data;
}

static bool headers_are_whole(const struct trace_export *e)
{
    for (size_t i = 0; i <= HEADERS_MAX; i++)
        if (text_failed(&e->headers[i]))
            return false;
    return !text_failed(&e->url);
}

/* ---- waiting ---- */

static int64_t now_ms(const struct trace_export *e)
{
    return (int64_t)(loop_now_ns(e->clocks) / NS_PER_MS); /* the monotonic clock, as the condition's */
}

/* That long, or until it is to stop: then false. */
static bool pause_ms(struct trace_export *e, int64_t ms)
{
    int64_t until_ms = now_ms(e) + ms;
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000};
    bool stopping;

    pthread_mutex_lock(&e->lock);
    while (!e->stopping && pthread_cond_timedwait(&e->changed, &e->lock, &until) != ETIMEDOUT)
        ;
    stopping = e->stopping;
    pthread_mutex_unlock(&e->lock);
    return !stopping;
}

static bool is_stopping(struct trace_export *e)
{
    bool stopping;

    pthread_mutex_lock(&e->lock);
    stopping = e->stopping;
    pthread_mutex_unlock(&e->lock);
    return stopping;
}

/* ---- sending ---- */

static void add_attribute(struct text *body, const char *key, const char *value)
{
    text_printf(body, "{\"key\":\"%s\",\"value\":{\"stringValue\":", key);
    text_add_json(body, bytes_of_text(value));
    text_add(body, "}}");
}

static void make_body(const struct trace_export *e, const struct text *spans, struct text *body)
{
    text_init(body, spans->len + BODY_EXTRA);
    text_add(body, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[");
    add_attribute(body, "service.name", e->settings->tracing_service_name);
    text_add(body, ",");
    add_attribute(body, "service.instance.id", e->instance);
    text_add(body, "]},\"scopeSpans\":[{\"scope\":{\"name\":\"geminga.notary\"},\"spans\":[");
    text_add_bytes(body, bytes_of(spans->data, spans->len));
    text_add(body, "]}]}]}");
}

static bool is_worth_retrying(enum err err, long status)
{
    if (err != OK)
        return err == ERR_IO || err == ERR_TIMEOUT;
    return status == 429 || status == 502 || status == 503 || status == 504;
}

/* How many of them the collector says that it did not want. */
static size_t rejected_of(const struct text *answer)
{
    json_t *json = json_loadb(answer->data ? answer->data : "", answer->len, 0, NULL);
    const json_t *n = json_object_get(json_object_get(json, "partialSuccess"), "rejectedSpans");
    long long count = json_is_string(n) ? strtoll(json_string_value(n), NULL, 10) : json_integer_value(n);

    json_decref(json);
    return count > 0 ? (size_t)count : 0;
}

enum sending { SENT, AGAIN, GIVEN_UP };

static enum sending post(struct trace_export *e, const struct text *body, size_t count, int64_t timeout_ms, char *why,
                         size_t why_size)
{
    struct http_call call = {.url = e->url.data,
                             .headers = e->header_list,
                             .body = bytes_of(body->data, body->len),
                             .timeout_ms = timeout_ms,
                             .answer_max = ANSWER_MAX,
                             .trust_certs = e->settings->tracing_trust_certs};
    struct http_reply reply;
    enum err err = http_perform(&call, &reply, why, why_size);
    enum sending sending = is_worth_retrying(err, reply.status) ? AGAIN : GIVEN_UP;

    if (err == OK && reply.status / 100 == 2) {
        size_t rejected = rejected_of(&reply.body);
        rejected = rejected < count ? rejected : count;
        trace_sent(e->tracer, count - rejected);
        trace_lost(e->tracer, rejected);
        sending = SENT;
    } else if (err == OK) {
        snprintf(why, why_size, "%s answered %ld", e->url.data, reply.status);
    }
    http_reply_deinit(&reply);
    return sending;
}

static void give_up(struct trace_export *e, size_t count, const char *why)
{
    uint64_t quiet;

    trace_lost(e->tracer, count);
    if (log_rate_allow(&e->complaints, now_ms(e), 60000, &quiet))
        log_warn(e->log, "trace", "%zu spans are given up: %s (said at most once a minute)", count, why);
}

/* Posts a batch until it is taken, given up, or there is to be an end. */
static void send_batch(struct trace_export *e, const struct text *spans, size_t count)
{
    struct text body;
    char why[400] = "no memory";
    enum sending sending = AGAIN;
    int64_t delay_ms = RETRY_MS_MIN;

    make_body(e, spans, &body);
    for (int attempt = 1; !text_failed(&body) && attempt <= ATTEMPTS && sending == AGAIN; attempt++) {
        bool last = is_stopping(e);
        sending = post(e, &body, count, last ? LAST_TIMEOUT_MS : CALL_TIMEOUT_MS, why, sizeof why);
        if (last)
            break;
        if (sending == AGAIN && attempt < ATTEMPTS)
            (void)!pause_ms(e, delay_ms);
        delay_ms *= 2;
    }
    if (sending != SENT)
        give_up(e, count, why);
    text_deinit(&body);
}

static void send_what_waits(struct trace_export *e)
{
    struct text spans;
    size_t count = trace_take(e->tracer, &spans);

    if (count > 0)
        send_batch(e, &spans, count);
    text_deinit(&spans);
}

static void run(void *ctx)
{
    struct trace_export *e = ctx;
    int64_t gathered_ms = 0;

    while (pause_ms(e, LOOK_MS)) {
        size_t waiting = trace_waiting(e->tracer);
        gathered_ms = waiting > 0 ? gathered_ms + LOOK_MS : 0;
        if (waiting < ENOUGH_BYTES && gathered_ms < GATHER_MS)
            continue;
        send_what_waits(e);
        gathered_ms = 0;
    }
    send_what_waits(e);
}

/* ---- beginning and end ---- */

static void init_lock(struct trace_export *e)
{
    pthread_mutex_init(&e->lock, NULL);
    deadline_cond_init(&e->changed);
}

/* The wall clock, finer than milliseconds. */
static int64_t wall_ns(void *ctx)
{
    const struct trace_export *e = ctx;

    return e->wall_offset_ns + (int64_t)loop_now_ns(e->clocks);
}

static void name_instance(struct trace_export *e)
{
    char host[200] = "";

    (void)gethostname(host, sizeof host - 1);
    snprintf(e->instance, sizeof e->instance, "%.60s@%s:%d", e->settings->consumer_name, host, (int)getpid());
}

static enum err open_all(struct trace_export *e)
{
    const struct tracer_options options = {.now_ns = wall_ns, .ctx = e};
    enum err err = tracer_new(&e->tracer, &options);

    e->wall_offset_ns = loop_wall_ms(e->clocks) * (int64_t)NS_PER_MS - (int64_t)loop_now_ns(e->clocks);
    name_instance(e);
    text_init(&e->url, 2048);
    pulsar_tracing_url(e->settings, &e->url);
    make_headers(e);
    if (err == OK && !headers_are_whole(e))
        err = ERR_TOO_LARGE;
    return err == OK ? uv_thread_run(&e->thread, "traces", run, e) : err;
}

enum err trace_export_start(struct trace_export **out, const struct pulsar_settings *settings, struct loop *clocks,
                            struct log *log)
{
    struct trace_export *e;
    enum err err;

    *out = NULL;
    if (!settings->tracing_enabled)
        return OK;
    if (!(e = calloc(1, sizeof *e)))
        return ERR_NOMEM;
    e->settings = settings;
    e->clocks = clocks;
    e->log = log;
    init_lock(e);
    if ((err = open_all(e)) != OK) {
        trace_export_stop(e);
        return err;
    }
    log_info(log, "trace", "sending spans to %s", e->url.data);
    *out = e;
    return OK;
}

struct tracer *trace_export_tracer(struct trace_export *e)
{
    return e ? e->tracer : NULL;
}

void trace_export_stop(struct trace_export *e)
{
    if (!e)
        return;
    pthread_mutex_lock(&e->lock);
    e->stopping = true;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
    uv_thread_finish(e->thread);
    tracer_free(e->tracer);
    for (size_t i = 0; i <= HEADERS_MAX; i++)
        text_deinit(&e->headers[i]);
    text_deinit(&e->url);
    pthread_cond_destroy(&e->changed);
    pthread_mutex_destroy(&e->lock);
    free(e);
}
