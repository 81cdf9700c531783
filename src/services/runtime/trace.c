/* SPDX-License-Identifier: Apache-2.0
 *
 * trace.c - spans into OTLP's JSON, behind one lock.
 *
 * A span is encoded on the caller's stack's behalf before the lock is taken; what waits is one text, so that taking it
 * is an exchange of pointers.
 */
#include "services/runtime/trace.h"

#include <assert.h>
#include <inttypes.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define ID_TEXT_MAX 1024 /* of what an id is hashed from: event ids and trace ids have 256 bytes at most */

struct tracer {
    struct tracer_options options; /* set at creation */
    pthread_mutex_t lock;          /* of what follows */
    struct text waiting;           /* encoded spans with commas between them */
    size_t count;                  /* of them */
    uint64_t sent, dropped;
};

/* ---- ids ---- */

static bool is_id(const char *text, size_t digits)
{
    size_t zeros = strspn(text, "0");

    return strlen(text) == digits && strspn(text, "0123456789abcdefABCDEF") == digits && zeros < digits;
}

static void copy_lower(const char *text, char *to, size_t digits)
{
    for (size_t i = 0; i < digits; i++)
        to[i] = (char)(text[i] >= 'A' && text[i] <= 'F' ? text[i] - 'A' + 'a' : text[i]);
    to[digits] = '\0';
}

/* The first `digits` of the SHA-256 of the text. */
static void hash_id(const char *text, char *to, size_t digits)
{
    uint8_t hash[SHA256_DIGEST_LENGTH];

    SHA256((const uint8_t *)text, strlen(text), hash);
    for (size_t i = 0; i < digits / 2; i++)
        snprintf(to + 2 * i, 3, "%02x", hash[i]);
}

void trace_id_of(const struct span *span, char to[TRACE_ID_SIZE])
{
    const char *text = span->trace_id && *span->trace_id ? span->trace_id : span->event_id;

    if (is_id(text, TRACE_ID_SIZE - 1))
        copy_lower(text, to, TRACE_ID_SIZE - 1);
    else
        hash_id(text, to, TRACE_ID_SIZE - 1);
}

static bool is_root(const struct span *span)
{
    return strcmp(span->name, SPAN_ROOT) == 0;
}

static void root_id_of(const struct span *span, char to[SPAN_ID_SIZE])
{
    char trace_id[TRACE_ID_SIZE], text[ID_TEXT_MAX];

    trace_id_of(span, trace_id);
    snprintf(text, sizeof text, "%s/%s", trace_id, span->event_id);
    hash_id(text, to, SPAN_ID_SIZE - 1);
}

void span_id_of(const struct span *span, char to[SPAN_ID_SIZE])
{
    char root[SPAN_ID_SIZE], text[ID_TEXT_MAX];

    root_id_of(span, root);
    snprintf(text, sizeof text, "%s/%s/%" PRId64, root, span->name, span->begin_ns);
    if (is_root(span))
        memcpy(to, root, SPAN_ID_SIZE);
    else
        hash_id(text, to, SPAN_ID_SIZE - 1);
}

/* The parent's id: false when there is none. */
static bool parent_id_of(const struct span *span, char to[SPAN_ID_SIZE])
{
    if (!is_root(span))
        root_id_of(span, to);
    else if (!span->span_id || !*span->span_id)
        return false;
    else if (is_id(span->span_id, SPAN_ID_SIZE - 1))
        copy_lower(span->span_id, to, SPAN_ID_SIZE - 1);
    else
        hash_id(span->span_id, to, SPAN_ID_SIZE - 1);
    return true;
}

/* ---- encoding ---- */

static void write_attribute(struct text *out, bool *first, const char *key, const char *value)
{
    if (!value || !*value)
        return;
    text_printf(out, "%s{\"key\":\"%s\",\"value\":{\"stringValue\":", *first ? "" : ",", key);
    text_add_json(out, bytes_of_text(value));
    text_add(out, "}}");
    *first = false;
}

static void write_attributes(struct text *out, const struct span *span)
{
    bool first = true;

    text_add(out, ",\"attributes\":[");
    write_attribute(out, &first, "geminga.event_id", span->event_id);
    write_attribute(out, &first, "geminga.workflow_id", span->workflow_id);
    if (is_root(span) && span->trace_id && !is_id(span->trace_id, TRACE_ID_SIZE - 1))
        write_attribute(out, &first, "geminga.event.trace_id", span->trace_id);
    if (is_root(span) && span->span_id && !is_id(span->span_id, SPAN_ID_SIZE - 1))
        write_attribute(out, &first, "geminga.event.span_id", span->span_id);
    for (size_t i = 0; i < SPAN_ATTRIBUTES_MAX; i++)
        write_attribute(out, &first, span->attributes[i].key, span->attributes[i].value);
    text_add(out, "]");
}

static void write_status(struct text *out, const char *error)
{
    if (!error)
        return;
    text_add(out, ",\"status\":{\"code\":2,\"message\":");
    text_add_json(out, bytes_of_text(error));
    text_add(out, "}");
}

static void write_span(struct text *out, const struct span *span)
{
    char trace_id[TRACE_ID_SIZE], id[SPAN_ID_SIZE], parent[SPAN_ID_SIZE];
    int64_t end_ns = span->end_ns > span->begin_ns ? span->end_ns : span->begin_ns;

    trace_id_of(span, trace_id);
    span_id_of(span, id);
    text_printf(out, "{\"traceId\":\"%s\",\"spanId\":\"%s\"", trace_id, id);
    if (parent_id_of(span, parent))
        text_printf(out, ",\"parentSpanId\":\"%s\"", parent);
    text_printf(
        out, ",\"name\":\"%s\",\"kind\":%d,\"startTimeUnixNano\":\"%" PRId64 "\",\"endTimeUnixNano\":\"%" PRId64 "\"",
        span->name, span->kind ? (int)span->kind : SPAN_INTERNAL, span->begin_ns, end_ns);
    write_attributes(out, span);
    write_status(out, span->error);
    text_add(out, "}");
}

/* ---- what waits ---- */

enum err tracer_new(struct tracer **out, const struct tracer_options *options)
{
    struct tracer *t = calloc(1, sizeof *t);

    if (!t)
        return ERR_NOMEM;
    t->options = *options;
    if (!t->options.bytes_max)
        t->options.bytes_max = TRACE_BYTES_MAX;
    pthread_mutex_init(&t->lock, NULL);
    text_init(&t->waiting, t->options.bytes_max);
    *out = t;
    return OK;
}

void tracer_free(struct tracer *t)
{
    if (!t)
        return;
    text_deinit(&t->waiting);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

int64_t trace_now_ns(const struct tracer *t)
{
    return t ? t->options.now_ns(t->options.ctx) : 0;
}

/* Under the lock.  Room is asked for first: a text that has failed once takes nothing any more. */
static bool keep(struct tracer *t, const struct text *encoded)
{
    if (text_failed(encoded) || t->waiting.len + encoded->len + 2 > t->options.bytes_max)
        return false;
    size_t before = t->waiting.len;
    if (t->count > 0)
        text_add(&t->waiting, ",");
    text_add_bytes(&t->waiting, bytes_of(encoded->data, encoded->len));
    if (!text_failed(&t->waiting)) {
        t->count++;
        return true;
    }
    t->waiting.failed = false; /* memory was short: back to what was whole */
    t->waiting.len = before;
    return false;
}

void trace_span(struct tracer *t, const struct span *span)
{
    struct text encoded;

    if (!t || !span->event_id || !*span->event_id)
        return;
    text_init(&encoded, SPAN_BYTES_MAX);
    write_span(&encoded, span);
    pthread_mutex_lock(&t->lock);
    if (!keep(t, &encoded))
        t->dropped++;
    pthread_mutex_unlock(&t->lock);
    text_deinit(&encoded);
}

size_t trace_take(struct tracer *t, struct text *out)
{
    size_t count;

    pthread_mutex_lock(&t->lock);
    *out = t->waiting;
    count = t->count;
    text_init(&t->waiting, t->options.bytes_max);
    t->count = 0;
    pthread_mutex_unlock(&t->lock);
    return count;
}

size_t trace_waiting(struct tracer *t)
{
    size_t bytes;

    pthread_mutex_lock(&t->lock);
    bytes = t->waiting.len;
    pthread_mutex_unlock(&t->lock);
    return bytes;
}

/* ---- counts ---- */

void trace_sent(struct tracer *t, size_t spans)
{
    pthread_mutex_lock(&t->lock);
    t->sent += spans;
    pthread_mutex_unlock(&t->lock);
}

void trace_lost(struct tracer *t, size_t spans)
{
    pthread_mutex_lock(&t->lock);
    t->dropped += spans;
    pthread_mutex_unlock(&t->lock);
}

void trace_metrics(struct tracer *t, struct text *out)
{
    uint64_t sent, dropped;

    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    sent = t->sent;
    dropped = t->dropped;
    pthread_mutex_unlock(&t->lock);
    text_printf(
        out,
        "# HELP geminga_trace_spans_sent_total Spans that the collector took.\n"
        "# TYPE geminga_trace_spans_sent_total counter\ngeminga_trace_spans_sent_total %" PRIu64 "\n"
        "# HELP geminga_trace_spans_dropped_total Spans that were not sent: too many at once, or no collector.\n"
        "# TYPE geminga_trace_spans_dropped_total counter\ngeminga_trace_spans_dropped_total %" PRIu64 "\n",
        sent, dropped);
}
