/* SPDX-License-Identifier: Apache-2.0
 *
 * audit.c - see audit.h.
 *
 *     audit_note -> `filling` -> (a turn of the loop later) `writing` -> topic, worker -> file -> who waits
 *
 * Two texts of whole lines take turns: one is filled while the other is written.  No timer stands in the way: what was
 * noted goes as soon as the worker has nothing to do.  `writing` is kept until the file has it.
 *
 * Invariant: events are numbered as they are noted; those up to `written` are durable (or nobody keeps them), those up
 * to `taken` are in `writing`, and those up to `noted` in `filling`.
 */
#include "broker/audit.h"

#include "base/log.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "broker/core.h"
#include "broker/publish.h"
#include "wire/command.h"
#include "wire/entry_view.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RETRY_MS       1000
#define SAY_MS         1000 /* how often, at most, a line says what was dropped */
#define WINDOW_MS      1000 /* in which refusals are counted */
#define ROLE_MAX       300
#define REASON_MAX     500
#define LINE_BYTES_MAX (16 * 1024) /* with all that JSON makes of it */
#define BUFFER_RETAIN  (64 * 1024)

struct audit {
    /* Set at creation. */
    struct audit_file file;
    struct topic_name topic;
    bool has_file, has_topic;
    struct log *log;
    struct loop *loop;
    struct broker *broker;
    struct executor *executor;

    struct text filling, writing;
    uint64_t noted, taken, written;
    struct list waits; /* struct audit_wait, in order */
    struct task turn;
    struct timer retry, say;
    bool under_way;               /* the worker has `writing` */
    uint64_t unsaid;              /* dropped, and no line says so yet */
    uint64_t window_ns, refusals; /* since then */

    struct work work;
    enum err result; /* the worker's */
    struct sink sink;
    bool topic_failing;
    struct audit_stats stats;

    bool stopping;
    void (*stopped)(void *ctx); /* NULL once it was called */
    void *stopped_ctx;
    char name[AUDIT_FILE_NAME_MAX + 1];
};

/* ---- a line ---- */

static struct bytes shortened(const char *text, size_t max)
{
    const struct bytes b = bytes_of_text(text);

    return bytes_of(b.data, b.len < max ? b.len : max);
}

static void add_member(struct text *line, const char *name, const char *value, size_t max)
{
    text_printf(line, ",\"%s\":", name);
    if (value)
        text_add_json(line, shortened(value, max));
    else
        text_add(line, "null");
}

/* Behind a question mark: how long a parameter is, and whether it is a credential. */
static size_t parameter_len(struct bytes query, bool *secret)
{
    static const char token[] = "token=";
    const uint8_t *end = memchr(query.data, '&', query.len);

    *secret = query.len >= sizeof token - 1 && strncasecmp((const char *)query.data, token, sizeof token - 1) == 0;
    return end ? (size_t)(end - query.data) : query.len;
}

/* The action without what is secret; into `to`, which has room for all of it. */
static struct bytes without_secrets(struct bytes action, uint8_t to[AUDIT_ACTION_MAX])
{
    const uint8_t *mark;
    size_t len, at;

    action.len = action.len < AUDIT_ACTION_MAX ? action.len : AUDIT_ACTION_MAX;
    mark = action.len > 0 ? memchr(action.data, '?', action.len) : NULL;
    len = at = mark ? (size_t)(mark - action.data) + 1 : action.len;
    if (len > 0)
        memcpy(to, action.data, len);
    while (at < action.len) {
        bool secret;
        const size_t n = parameter_len(bytes_of(action.data + at, action.len - at), &secret);
        const size_t kept = secret ? sizeof "token=" - 1 : n, separator = at + n < action.len;
        memcpy(to + len, action.data + at, kept);
        len += kept;
        memcpy(to + len, "&", separator);
        len += separator;
        at += n + separator;
    }
    return bytes_of(to, len);
}

static void add_time(struct text *line, int64_t wall_ms)
{
    char time[TIMESTAMP_SIZE];

    wall_ms = wall_ms > TIMESTAMP_MS_MAX ? TIMESTAMP_MS_MAX : wall_ms;
    timestamp_format(wall_ms < 0 ? 0 : wall_ms, time);
    text_printf(line, "{\"time\":\"%s\"", time);
}

static bool is_refusal(const struct audit_event *e)
{
    return e->refusal && (e->status == 0 || e->status == 401 || e->status == 403);
}

static void write_line(struct text *line, const struct audit_event *e, int64_t wall_ms)
{
    uint8_t action[AUDIT_ACTION_MAX];

    add_time(line, wall_ms);
    add_member(line, "role", e->who.role, ROLE_MAX);
    add_member(line, "originalRole", e->who.original, ROLE_MAX);
    add_member(line, "peer", e->peer, ROLE_MAX);
    add_member(line, "via", e->via, ROLE_MAX);
    text_add(line, ",\"action\":");
    text_add_json(line, without_secrets(e->action, action));
    if (e->status != 0)
        text_printf(line, ",\"status\":%d", e->status);
    add_member(line, "outcome", !e->refusal ? "done" : is_refusal(e) ? "refused" : "failed", ROLE_MAX);
    add_member(line, "reason", e->refusal, REASON_MAX);
    text_add(line, "}\n");
}

/* ---- the queue ---- */

/* True: it is behind the others. */
static bool enqueue(struct audit *a, const struct text *line)
{
    struct text *to = &a->filling;
    const size_t before = to->len;

    if (text_failed(line) || before + line->len > AUDIT_QUEUE_BYTES)
        return false;
    text_add_bytes(to, bytes_of(line->data, line->len));
    if (!text_failed(to))
        return true;
    to->failed = false; /* memory is short: what is there stays whole */
    to->len = before;
    return false;
}

/* A line says what was dropped; later, when there is no room for it. */
static void say_dropped(struct audit *a)
{
    struct text line;

    text_init(&line, LINE_BYTES_MAX);
    add_time(&line, loop_wall_ms(a->loop));
    text_printf(&line,
                ",\"role\":null,\"originalRole\":null,\"peer\":null,\"via\":\"broker\",\"action\":\"AUDIT\","
                "\"outcome\":\"failed\",\"reason\":\"events were dropped\",\"dropped\":%llu}\n",
                (unsigned long long)a->unsaid);
    if (enqueue(a, &line)) {
        a->noted++;
        a->unsaid = 0;
        loop_defer(a->loop, &a->turn);
    } else {
        timer_start_ms(&a->say, SAY_MS);
    }
    text_deinit(&line);
}

static void on_say(struct timer *timer)
{
    say_dropped(container_of(timer, struct audit, say));
}

static void drop(struct audit *a)
{
    a->stats.dropped++;
    if (a->unsaid++ == 0)
        timer_start_ms(&a->say, SAY_MS);
}

/* True when more were refused in this second than are written down. */
static bool too_many_refusals(struct audit *a)
{
    const uint64_t now_ns = loop_now_ns(a->loop);

    if (a->window_ns == 0 || now_ns - a->window_ns >= WINDOW_MS * NS_PER_MS) {
        a->window_ns = now_ns;
        a->refusals = 0;
    }
    return a->refusals++ >= AUDIT_REFUSALS_PER_SECOND;
}

void audit_note(struct audit *a, const struct audit_event *e)
{
    struct text line;

    if (!a || a->stopping)
        return;
    a->stats.events++;
    if (is_refusal(e) && too_many_refusals(a)) {
        drop(a);
        return;
    }
    text_init(&line, LINE_BYTES_MAX);
    write_line(&line, e, loop_wall_ms(a->loop));
    if (enqueue(a, &line)) {
        a->noted++;
        loop_defer(a->loop, &a->turn);
    } else {
        drop(a);
    }
    text_deinit(&line);
}

void audit_when_written(struct audit *a, struct audit_wait *w)
{
    w->until = a->noted;
    list_push_back(&a->waits, &w->node);
    loop_defer(a->loop, &a->turn);
}

/* ---- the topic ---- */

static void topic_failed(struct audit *a, const char *why)
{
    a->stats.topic_failures++;
    if (!a->topic_failing && !a->broker->stopping)
        log_warn(a->log, "broker", "the audit topic %s takes no events: %s", a->topic.text, why);
    a->topic_failing = true;
}

static void published(struct sink *sink, const struct published *p)
{
    struct audit *a = container_of(sink, struct audit, sink);

    if (p->err != OK)
        topic_failed(a, err_text(p->err));
    else
        a->topic_failing = false;
}

/* It has no producers and no consumers: nothing else is ever called. */
static const struct sink_ops sink_ops = {.published = published};

static enum err entry_make(struct slice *out, const struct topic *t, int64_t publish_ms, struct bytes value)
{
    Wire__MessageMetadata m = WIRE__MESSAGE_METADATA__INIT;
    uint8_t entry[ENTRY_HEAD_SIZE + 200 + LINE_BYTES_MAX], *metadata = entry + ENTRY_HEAD_SIZE;

    m.producer_name = wire_text("audit");
    m.sequence_id = t->next_message;
    m.publish_time = (uint64_t)publish_ms;
    m.has_uncompressed_size = true;
    m.uncompressed_size = (uint32_t)value.len;
    const size_t len = wire__message_metadata__get_packed_size(&m);
    assert(len <= 200);
    assert(value.len <= LINE_BYTES_MAX);
    wire__message_metadata__pack(&m, metadata);
    entry_head_encode(entry, bytes_of(metadata, len), value);
    memcpy(metadata + len, value.data, value.len);
    return slice_copy(out, bytes_of(entry, ENTRY_HEAD_SIZE + len + value.len), NULL);
}

static enum err publish_line(struct audit *a, struct topic *t, struct bytes line)
{
    const int64_t now_ms = loop_wall_ms(a->loop);
    struct slice entry;
    enum err err = entry_make(&entry, t, now_ms, line);

    if (err != OK)
        return err;
    const struct publish m = {.messages = 1, .publish_ms = now_ms, .bytes = entry};
    topic_publish(t, &a->sink, NULL, &m);
    slice_unref(&entry);
    return OK;
}

static void publish_lines(struct audit *a)
{
    const char *line = a->writing.data, *end;
    struct refusal why;
    struct topic *t;

    if (a->broker->stopping)
        return;
    if (topic_obtain(a->broker, &a->topic, true, &t, &why) != OK) {
        topic_failed(a, why.text);
        return;
    }
    for (; (end = strchr(line, '\n')); line = end + 1) {
        const enum err err = publish_line(a, t, bytes_of(line, (size_t)(end - line)));
        if (err != OK)
            topic_failed(a, err_text(err));
    }
}

/* ---- the file ---- */

/* Those who wait for nothing more; all of them when the file takes nothing. */
static void waits_release(struct audit *a, bool all)
{
    struct list ready;

    list_init(&ready);
    while (!list_empty(&a->waits)) {
        struct audit_wait *w = container_of(a->waits.next, struct audit_wait, node);
        if (!all && w->until > a->written)
            break;
        list_remove(&w->node);
        list_push_back(&ready, &w->node);
    }
    for (struct list *node; (node = list_pop_front(&ready));) {
        struct audit_wait *w = container_of(node, struct audit_wait, node);
        w->done(w);
    }
}

static void batch_end(struct audit *a)
{
    a->stats.bytes_written += a->has_file ? a->writing.len : 0;
    a->written = a->taken;
    if (a->writing.capacity > BUFFER_RETAIN)
        text_deinit(&a->writing);
    a->writing.len = 0;
    waits_release(a, false);
}

static void on_written(struct audit *a)
{
    if (a->stats.failing)
        log_info(a->log, "broker", "the audit log %s is written again", a->name);
    a->stats.failing = false;
    batch_end(a);
    loop_defer(a->loop, &a->turn);
}

static void on_failed(struct audit *a)
{
    a->stats.write_failures++;
    if (!a->stats.failing)
        log_error(
            a->log, "broker",
            "the audit log %s cannot be written (%s): it is tried again each second, and events beyond %d KiB are lost",
            a->name, err_text(a->result), AUDIT_QUEUE_BYTES / 1024);
    a->stats.failing = true;
    if (a->stopping)
        batch_end(a); /* there is no later */
    else
        timer_start_ms(&a->retry, RETRY_MS);
    waits_release(a, true);
    loop_defer(a->loop, &a->turn);
}

/* On the worker. */
static void work_run(struct work *work)
{
    struct audit *a = container_of(work, struct audit, work);

    a->result = audit_file_append(&a->file, bytes_of(a->writing.data, a->writing.len));
}

static void work_done(struct work *work)
{
    struct audit *a = container_of(work, struct audit, work);

    a->under_way = false;
    if (a->result == OK)
        on_written(a);
    else
        on_failed(a);
}

static void write_file(struct audit *a)
{
    if (!a->has_file) {
        batch_end(a);
        return;
    }
    a->work = (struct work){.run = work_run, .done = work_done};
    const enum err err = executor_submit(a->executor, &a->work);
    assert(err == OK || err == ERR_CLOSED); /* one job at a time; or the host is gone */
    a->under_way = true;
}

static void buffers_swap(struct audit *a)
{
    const struct text empty = a->writing;

    assert(empty.len == 0);
    a->writing = a->filling;
    a->filling = empty;
    a->taken = a->noted;
}

static void stop_end(struct audit *a)
{
    void (*stopped)(void *ctx) = a->stopped;

    a->stopped = NULL;
    if (stopped)
        stopped(a->stopped_ctx);
}

/* Takes what is there, unless something is under way already. */
static void on_turn(struct task *task)
{
    struct audit *a = container_of(task, struct audit, turn);

    waits_release(a, a->stats.failing);
    if (a->under_way || timer_running(&a->retry))
        return;
    if (a->writing.len == 0 && a->filling.len > 0) {
        buffers_swap(a);
        if (a->has_topic)
            publish_lines(a);
    }
    if (a->writing.len > 0)
        write_file(a);
    else if (a->stopping)
        stop_end(a);
}

static void on_retry(struct timer *timer)
{
    struct audit *a = container_of(timer, struct audit, retry);

    loop_defer(a->loop, &a->turn);
}

/* ---- its life ---- */

static enum err parts_init(struct audit *a, const struct audit_options *o)
{
    enum err err;

    if (o->topic) {
        if ((err = topic_name_parse(&a->topic, bytes_of_text(o->topic))) != OK)
            return ERR_INVALID;
        a->has_topic = true;
    }
    if (!o->file.disk)
        return OK;
    assert(strlen(o->file.name) <= AUDIT_FILE_NAME_MAX);
    (void)snprintf(a->name, sizeof a->name, "%s", o->file.name);
    a->file = o->file;
    a->file.name = a->name;
    a->has_file = true;
    return executor_new(a->loop, "audit", 1, &a->executor);
}

enum err audit_new(struct audit **out, const struct audit_options *options, struct loop *loop, struct broker *broker)
{
    struct audit *a = calloc(1, sizeof *a);

    if (!a)
        return ERR_NOMEM;
    a->log = options->log;
    a->loop = loop;
    a->broker = broker;
    a->turn.run = on_turn;
    a->sink = (struct sink){.ops = &sink_ops, .peer = "-", .client_version = "-"};
    text_init(&a->filling, AUDIT_QUEUE_BYTES);
    text_init(&a->writing, AUDIT_QUEUE_BYTES);
    list_init(&a->waits);
    timer_init(&a->retry, loop, on_retry);
    timer_init(&a->say, loop, on_say);
    const enum err err = parts_init(a, options);
    if (err != OK) {
        audit_free(a);
        return err;
    }
    *out = a;
    return OK;
}

void audit_stop(struct audit *a, void (*done)(void *ctx), void *ctx)
{
    assert(!a->stopping);
    timer_stop(&a->say);
    if (a->unsaid > 0)
        say_dropped(a);
    timer_stop(&a->say); /* there was no room for it */
    timer_stop(&a->retry);
    a->stopping = true;
    a->stopped = done;
    a->stopped_ctx = ctx;
    loop_defer(a->loop, &a->turn);
}

void audit_free(struct audit *a)
{
    if (!a)
        return;
    timer_stop(&a->retry);
    timer_stop(&a->say);
    task_cancel(&a->turn);
    executor_free(a->executor);
    text_deinit(&a->filling);
    text_deinit(&a->writing);
    free(a);
}

void audit_stats_get(const struct audit *a, struct audit_stats *out)
{
    *out = (struct audit_stats){0};
    if (!a)
        return;
    *out = a->stats;
    out->waiting_bytes = a->filling.len + a->writing.len;
}
