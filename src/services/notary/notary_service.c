/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_service.c - opening in order, leading and standing by in turn, closing in reverse.
 *
 *     notary_journal_lead (standing by, until this replica leads) -> runtime_run -> fenced: again; stopped, or an
 * error: the end
 */
#include "services/notary/notary_service.h"

#include "services/notary/anchors/anchoring_handler.h"
#include "services/notary/data_dir.h"
#include "services/notary/journal/book_journal.h"
#include "services/notary/leading_handler.h"
#include "services/notary/notary.h"
#include "services/notary/notary_parts.h"
#include "services/runtime/lanes.h"
#include "services/runtime/runtime.h"
#include "services/runtime/trace_export.h"
#include "sys/uv_sys.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define TOPIC_MAX     2048
#define TOPICS        (NOTARY_OUTPUTS + NOTARY_INPUTS + 1)
#define INPUT_TOPIC   NOTARY_OUTPUTS /* the first of them */
#define JOURNAL_TOPIC (NOTARY_OUTPUTS + NOTARY_INPUTS)
#define WRITER_SIZE   256
#define FULL_PAUSE_MS 10000 /* until a full disk is tried again */

struct notary_service {
    /* Set at the start. */
    const struct notary_settings *settings;
    struct log *log;
    notary_ended ended;
    void *ctx;
    struct data_dir *data; /* the registry in it is the thread's once that runs */
    struct signer *signer; /* may be the log's key */
    struct text topics[TOPICS];
    char writer[WRITER_SIZE]; /* our name in the journal */
    struct notary_journal *journal;
    struct book_journal book;
    struct notary_parts parts;
    struct notary *notary;               /* the thread's */
    struct anchoring_handler *anchoring; /* around the notary's; NULL: no anchors */
    struct leading_handler leading;      /* around that */
    struct counters counters;
    struct trace_export *traces; /* NULL: tracing is off */
    struct runtime *runtime;
    struct uv_thread *thread;
    uint64_t start_ns;
    /* Of who asks for metrics. */
    pthread_mutex_t view_lock;
    struct registry_view *view; /* opened when it is first wanted */
};

static struct sys *sys_of(const struct notary_service *s)
{
    return data_dir_sys(s->data);
}

static int64_t wall_ms(void *ctx)
{
    return loop_wall_ms(ctx);
}

/* ---- opening ---- */

static enum err open_signer(struct notary_service *s, char *message, size_t size)
{
    struct signer *log_key = data_dir_log_key(s->data);
    char why[400];
    enum err err = signer_open(&s->signer, &s->settings->signer, log_key, message, size);

    if (err != OK || s->signer == log_key)
        return err;
    err = signer_check(s->signer, why, sizeof why);
    if (err == OK)
        log_info(s->log, "signer", "%s", why);
    else if (err == ERR_INVALID || err == ERR_UNSUPPORTED || err == ERR_DENIED)
        snprintf(message, size, "cannot sign: %s", why);
    else
        log_warn(s->log, "signer", "cannot sign yet: %s; it is tried again for each event", why);
    return err == ERR_INVALID || err == ERR_UNSUPPORTED || err == ERR_DENIED ? err : OK;
}

static enum err make_notary(struct notary_service *s)
{
    struct notary_options options = {.book = &s->book.book,
                                     .log_key = data_dir_log_key(s->data),
                                     .signer = s->signer,
                                     .log_url = s->settings->own.log_url,
                                     .clock = {wall_ms, sys_of(s)->loop},
                                     .log = s->log,
                                     .tracer = trace_export_tracer(s->traces)};
    struct loop *loop = sys_of(s)->loop;

    loop->ops->entropy(loop, (uint8_t *)&options.seed, sizeof options.seed);
    book_journal_init(&s->book, data_dir_registry(s->data));
    notary_parts_use(&s->parts, s->settings, &options);
    return notary_new(&s->notary, &options);
}

static void wake_runtime(void *ctx)
{
    struct notary_service *s = ctx;

    runtime_wake(s->runtime);
}

static enum err open_parts(struct notary_service *s, char *message, size_t size)
{
    struct loop *loop = sys_of(s)->loop;
    uint64_t seed;

    loop->ops->entropy(loop, (uint8_t *)&seed, sizeof seed);
    return notary_parts_open(&s->parts, s->settings, s->log, wake_runtime, s, seed, message, size);
}

/* Before the runtime, which calls it; it wakes the runtime only when that has called it. */
static enum err make_anchoring(struct notary_service *s, char *message, size_t size)
{
    const struct anchoring_handler_options options = {.inner = notary_handler(s->notary),
                                                      .book = &s->book.book,
                                                      .settings = &s->settings->anchors,
                                                      .log_key = data_dir_log_key(s->data),
                                                      .clocks = sys_of(s)->loop,
                                                      .log = s->log,
                                                      .wake = wake_runtime,
                                                      .ctx = s};

    return anchoring_handler_new(&s->anchoring, &options, message, size);
}

static enum err name_topics(struct notary_service *s)
{
    const struct pulsar_settings *p = &s->settings->pulsar;
    const char *names[TOPICS] = {[NOTARY_RESULTS] = p->results_topic,
                                 [NOTARY_STATUS] = p->status_topic,
                                 [NOTARY_ERRORS] = p->errors_topic,
                                 [NOTARY_NOTICES] = s->settings->notices.topic,
                                 [INPUT_TOPIC + NOTARY_EVENTS] = p->events_topic,
                                 [INPUT_TOPIC + NOTARY_APPROVALS] = s->settings->approvals.topic,
                                 [JOURNAL_TOPIC] = s->settings->own.journal_topic};

    for (size_t i = 0; i < TOPICS; i++) {
        text_init(&s->topics[i], TOPIC_MAX);
        if (names[i] && *names[i])
            pulsar_topic_name(p, names[i], &s->topics[i]);
        if (text_failed(&s->topics[i]))
            return ERR_TOO_LARGE;
    }
    return OK;
}

static enum err make_journal(struct notary_service *s)
{
    struct registry_place place = registry_place(data_dir_registry(s->data));
    struct notary_journal_options options = {.settings = &s->settings->pulsar,
                                             .topic = s->topics[JOURNAL_TOPIC].data,
                                             .writer = s->writer,
                                             .clocks = sys_of(s)->loop,
                                             .log = s->log,
                                             .apply = book_journal_apply,
                                             .ctx = &s->book,
                                             .sequence = place.sequence,
                                             .term = place.term,
                                             .previous = place.previous,
                                             .from = place.from};
    struct loop *loop = sys_of(s)->loop;
    uint32_t suffix;
    enum err err;

    loop->ops->entropy(loop, &suffix, sizeof suffix);
    snprintf(s->writer, sizeof s->writer, "%.200s-%08x", s->settings->pulsar.consumer_name, suffix);
    if ((err = notary_journal_new(&s->journal, &options)) == OK)
        s->book.journal = s->journal;
    return err;
}

static enum err make_runtime(struct notary_service *s)
{
    struct runtime_options options = {.service = "notary",
                                      .settings = &s->settings->pulsar,
                                      .input_count = NOTARY_INPUTS,
                                      .output_count = NOTARY_OUTPUTS,
                                      .handler = &s->leading.handler,
                                      .counters = &s->counters,
                                      .clocks = sys_of(s)->loop,
                                      .log = s->log};

    leading_handler_init(&s->leading, s->anchoring ? anchoring_handler_get(s->anchoring) : notary_handler(s->notary),
                         s->journal, sys_of(s)->loop);
    for (size_t i = 0; i < NOTARY_OUTPUTS; i++)
        options.outputs[i] = s->topics[i].data;
    for (size_t i = 0; i < NOTARY_INPUTS; i++)
        options.inputs[i] = s->topics[INPUT_TOPIC + i].data;
    if (!options.outputs[NOTARY_NOTICES]) /* the last one: nobody asked for it */
        options.output_count = NOTARY_NOTICES;
    return runtime_new(&s->runtime, &options);
}

/* ---- running ---- */

/* While this replica leads: until the stop (OK), ERR_FENCED, or an error with its sentence. */
static enum err work(struct notary_service *s, char *message, size_t size)
{
    enum err err = notary_lead(s->notary);

    message[0] = '\0';
    if (s->anchoring)
        anchoring_handler_lead(s->anchoring);
    if (err == OK)
        err = runtime_run(s->runtime, message, size);
    if (err != OK && s->book.why[0])
        snprintf(message, size, "%s", s->book.why);
    else if (err != OK && !message[0])
        snprintf(message, size, "the notary cannot go on: %s", err_text(err));
    return err;
}

/* One turn of standing by and leading.  OK: the stop. */
static enum err take_turn(struct notary_service *s, char *message, size_t size)
{
    enum err err = notary_journal_lead(s->journal, message, size);

    if (err == ERR_CANCELLED)
        return OK;
    if (err == OK)
        return work(s, message, size);
    if (!message[0])
        snprintf(message, size, "%s", s->book.why[0] ? s->book.why : err_text(err));
    return err;
}

/* Events wait while the disk is full or memory is short, and while somebody else leads. */
static enum err serve(struct notary_service *s, char *message, size_t size)
{
    for (;;) {
        enum err err = take_turn(s, message, size);
        if (err == ERR_NOSPACE || err == ERR_NOMEM) {
            log_error(s->log, "notary", "%s; trying again in %d s", message, FULL_PAUSE_MS / 1000);
            notary_journal_pause(s->journal, FULL_PAUSE_MS);
        } else if (err != ERR_FENCED) {
            return err;
        }
    }
}

static void run(void *ctx)
{
    struct notary_service *s = ctx;
    struct notary_counts counts;
    char message[1200] = "";
    enum err err = serve(s, message, sizeof message);

    notary_journal_close(s->journal);
    counts = notary_counts(s->notary);
    if (err == OK)
        log_info(s->log, "notary", "stopped: %" PRIu64 " notarized, %" PRIu64 " notarized before, %" PRIu64 " refused",
                 counts.notarized, counts.repeated, counts.refused);
    else
        log_error(s->log, "notary", "%s", message);
    if (s->ended)
        s->ended(s->ctx, err, message);
}

/* `message` stays as it is where the error's name says it all. */
static enum err make_parts(struct notary_service *s, char *message, size_t size)
{
    enum err err;

    if ((err = trace_export_start(&s->traces, &s->settings->pulsar, sys_of(s)->loop, s->log)) != OK ||
        (err = name_topics(s)) != OK || (err = open_parts(s, message, size)) != OK || (err = make_notary(s)) != OK ||
        (err = make_anchoring(s, message, size)) != OK || (err = make_journal(s)) != OK ||
        (err = make_runtime(s)) != OK)
        return err;
    return uv_thread_run(&s->thread, "notary", run, s);
}

static enum err open_all(struct notary_service *s, char *message, size_t size)
{
    enum err err;

    if ((err = notary_settings_check(s->settings, message, size)) != OK ||
        (err = data_dir_open(&s->data, &s->settings->own, s->log, message, size)) != OK ||
        (err = open_signer(s, message, size)) != OK)
        return err;
    s->start_ns = loop_now_ns(sys_of(s)->loop);
    message[0] = '\0';
    if ((err = make_parts(s, message, size)) != OK && !message[0])
        snprintf(message, size, "cannot start the notary: %s", err_text(err));
    return err;
}

enum err notary_start(struct notary_service **out, const struct notary_settings *settings, struct log *log,
                      notary_ended ended, void *ctx, char *message, size_t message_size)
{
    struct notary_service *s = calloc(1, sizeof *s);
    enum err err;

    if (!s) {
        snprintf(message, message_size, "cannot start the notary: %s", err_text(ERR_NOMEM));
        return ERR_NOMEM;
    }
    s->settings = settings;
    s->log = log;
    s->ended = ended;
    s->ctx = ctx;
    counters_init(&s->counters, "notary");
    pthread_mutex_init(&s->view_lock, NULL);
    if ((err = open_all(s, message, message_size)) != OK) {
        notary_finish(s);
        return err;
    }
    *out = s;
    return OK;
}

void notary_stop(struct notary_service *s)
{
    notary_journal_stop(s->journal);
    runtime_stop(s->runtime);
}

void notary_finish(struct notary_service *s)
{
    if (!s)
        return;
    uv_thread_finish(s->thread);
    notary_journal_free(s->journal);
    anchoring_handler_free(s->anchoring); /* its threads may wake the runtime until then */
    notary_parts_stop(&s->parts);
    runtime_free(s->runtime);
    notary_free(s->notary);
    notary_parts_close(&s->parts);
    trace_export_stop(s->traces);
    for (size_t i = 0; i < TOPICS; i++)
        text_deinit(&s->topics[i]);
    counters_deinit(&s->counters);
    registry_view_close(s->view);
    pthread_mutex_destroy(&s->view_lock);
    signer_close(s->signer);
    data_dir_close(s->data);
    free(s);
}

/* ---- being asked ---- */

struct signer *notary_log_key(struct notary_service *s)
{
    return data_dir_log_key(s->data);
}

struct approvers_source *notary_approvers(struct notary_service *s)
{
    return s->parts.approvers;
}

struct loop *notary_clocks(struct notary_service *s)
{
    return sys_of(s)->loop;
}

bool notary_is_ready(struct notary_service *s)
{
    struct notary_journal_status status = notary_journal_status(s->journal);

    return status.ready && (!status.leading || runtime_is_ready(s->runtime));
}

static void write_gauge(struct text *out, const char *name, const char *help, uint64_t value)
{
    text_printf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %" PRIu64 "\n", name, help, name, name, value);
}

static void write_notices(const struct notary *n, struct text *out)
{
    const struct notice_counts counts = notary_notice_counts(n);

    text_printf(
        out,
        "# HELP geminga_notary_notices_total What became of notices; of a process that was killed nobody knows.\n"
        "# TYPE geminga_notary_notices_total counter\n"
        "geminga_notary_notices_total{outcome=\"sent\"} %" PRIu64 "\n"
        "geminga_notary_notices_total{outcome=\"failed\"} %" PRIu64 "\n"
        "geminga_notary_notices_total{outcome=\"forgotten\"} %" PRIu64 "\n",
        counts.sent, counts.failed, counts.forgotten);
}

/* What the registry holds; without it, when it cannot be read now. */
static void registry_metrics(struct notary_service *s, struct text *out)
{
    enum err err = OK;

    pthread_mutex_lock(&s->view_lock);
    if (!s->view)
        err = registry_view_open(&s->view, s->settings->own.data_dir);
    if (err == OK)
        err = registry_view_metrics(s->view, out);
    pthread_mutex_unlock(&s->view_lock);
    if (err != OK)
        log_warn(s->log, "notary", "metrics without the registry's: %s", err_text(err));
}

void notary_metrics(struct notary_service *s, struct text *out)
{
    const struct notary_journal_status status = notary_journal_status(s->journal);

    counters_write(&s->counters, out);
    trace_metrics(trace_export_tracer(s->traces), out);
    anchoring_handler_metrics(s->anchoring, out);
    handlers_metrics(s->parts.handlers, out);
    write_notices(s->notary, out);
    write_gauge(out, "geminga_notary_leading", "1 while this replica leads, 0 while it stands by.", status.leading);
    write_gauge(out, "geminga_notary_ready", "1 while it leads or stands by, with all of the journal read.",
                notary_is_ready(s));
    write_gauge(out, "geminga_notary_journal_term", "The term that the journal is in.", status.term);
    write_gauge(out, "geminga_notary_journal_document",
                "The last document of the journal that was applied here; a replica's lag is what others have more.",
                status.sequence);
    text_add(out, "# HELP geminga_notary_lane_jobs Calls of other systems, by the system's lane and where they stand.\n"
                  "# TYPE geminga_notary_lane_jobs gauge\n");
    lanes_metrics(s->parts.lanes, "geminga_notary_lane_jobs", out);
    registry_metrics(s, out);
}

void notary_health(struct notary_service *s, struct text *out)
{
    struct notary_journal_status status = notary_journal_status(s->journal);
    bool ready = notary_is_ready(s);

    text_printf(out, "{\"status\":\"%s\",\"service\":\"notary\",\"pulsar_broker\":\"%s\",\"role\":\"%s\",\"replica\":",
                ready ? "healthy" : "unhealthy", ready ? "healthy" : "unhealthy",
                status.leading ? "leader" : "standby");
    text_add_json(out, bytes_of_text(s->writer));
    text_add(out, ",\"leader\":");
    text_add_json(out, bytes_of_text(status.leader));
    text_printf(out, ",\"term\":%" PRIu64 ",\"document\":%" PRIu64 ",\"uptime_seconds\":%" PRIu64 "}", status.term,
                status.sequence, (loop_now_ns(sys_of(s)->loop) - s->start_ns) / 1000000000);
}
