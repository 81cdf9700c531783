/* SPDX-License-Identifier: Apache-2.0
 *
 * handlers.c - the handlers of the file in its order: filter, question, answer, retries; and what is counted of it.
 */
#include "services/notary/handlers/handlers.h"

#include "base/secret.h"
#include "services/notary/documents/canonical.h"
#include "services/notary/filters/filter.h"
#include "services/notary/handlers/handler_answer.h"
#include "services/notary/handlers/handler_file.h"
#include "services/notary/handlers/handler_pool.h"
#include "services/runtime/http.h"
#include "services/runtime/secret_source.h"
#include "sys/deadline.h"
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX    (256u << 10)
#define OWN_PROGRAM "/proc/self/exe"
#define HEADER_MAX  8192

/* How an answer is counted. */
enum outcome { ACCEPTED, IGNORED, REJECTED, TIMED_OUT, DIED, NONSENSE, UNAVAILABLE, OUTCOMES };

static const char *const outcome_names[OUTCOMES] = {"accept", "ignore",   "reject",     "timeout",
                                                    "died",   "nonsense", "unavailable"};

struct handler {
    const struct handler_spec *spec;
    struct filter *filter;
    struct handler_pool *pool; /* NULL: over HTTP */
    _Atomic uint64_t outcomes[OUTCOMES];
};

struct handlers {
    struct log *log;
    struct handler_file file;
    struct handler list[HANDLERS_MAX];
};

/* One event's way through them. */
struct asking {
    struct handlers *handlers;
    const json_t *event;
    struct bytes line; /* the event without line ends */
    const struct deadline *deadline;
    struct text *finding;
    char *why;
    size_t why_size;
};

/* ---- the file ---- */

static enum err read_whole(const char *path, struct text *to, char *why, size_t why_size)
{
    char chunk[4096];
    size_t n;
    FILE *f = fopen(path, "re");
    enum err err = OK;

    if (!f) {
        (void)snprintf(why, why_size, "cannot read %s: %s", path, strerror(errno));
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    }
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        text_add_bytes(to, bytes_of(chunk, n));
    if (ferror(f) || text_failed(to)) {
        (void)snprintf(why, why_size, "cannot read %s: it is larger than %u bytes, or damaged", path, FILE_MAX);
        err = ERR_INVALID;
    }
    fclose(f);
    return err;
}

static enum err make_filter(struct handler *h, const char *file, char *why, size_t why_size)
{
    const struct handler_spec *s = h->spec;
    const struct filter_rules rules = {s->types, s->sources, s->minimum_priority, s->filter};
    char problem[400];
    enum err err = filter_new(&h->filter, &rules, problem, sizeof problem);

    if (err != OK)
        (void)snprintf(why, why_size, "%s: handler %s: %s", file, s->name, problem);
    return err;
}

static enum err make_all(struct handlers *h, const char *file, const char *program, char *why, size_t why_size)
{
    enum err err = OK;

    for (size_t i = 0; i < h->file.count && err == OK; i++) {
        struct handler *handler = &h->list[i];
        handler->spec = &h->file.specs[i];
        if ((err = make_filter(handler, file, why, why_size)) == OK && handler->spec->kind != HANDLER_HTTP)
            err = handler_pool_new(&handler->pool, handler->spec, program);
    }
    return err;
}

static enum err read_file(struct handlers *h, const char *path, const char *program, char *why, size_t why_size)
{
    struct text text;
    enum err err;

    text_init(&text, FILE_MAX);
    if ((err = read_whole(path, &text, why, why_size)) == OK &&
        (err = handler_file_read(&h->file, path, bytes_of(text.data, text.len), why, why_size)) == OK)
        err = make_all(h, path, program, why, why_size);
    if (text.data)
        secret_wipe(text.data, text.len); /* there may be a token in it */
    text_deinit(&text);
    return err;
}

enum err handlers_new(struct handlers **out, const struct handlers_settings *s, const char *program, struct log *log,
                      char *why, size_t why_size)
{
    struct handlers *h = calloc(1, sizeof *h);
    enum err err = h ? OK : ERR_NOMEM;

    (void)snprintf(why, why_size, "%s", err_text(ERR_NOMEM));
    if (h && s->file && *s->file)
        err = read_file(h, s->file, program ? program : OWN_PROGRAM, why, why_size);
    if (err != OK) {
        handlers_free(h);
        return err;
    }
    h->log = log;
    *out = h;
    return OK;
}

void handlers_free(struct handlers *h)
{
    if (!h)
        return;
    for (size_t i = 0; i < h->file.count; i++) {
        handler_pool_free(h->list[i].pool);
        filter_free(h->list[i].filter);
    }
    handler_file_deinit(&h->file);
    free(h);
}

bool handlers_wanted(const struct handlers *h, const json_t *event)
{
    for (size_t i = 0; h && i < h->file.count; i++)
        if (filter_accepts_json(h->list[i].filter, event))
            return true;
    return false;
}

/* ---- over HTTP ---- */

static enum err judge_status(long status, char *why, size_t why_size)
{
    if (status == 200)
        return OK;
    (void)snprintf(why, why_size, "answers with HTTP status %ld", status);
    return status == 401 || status == 403 || status == 404 ? ERR_DENIED : ERR_AGAIN;
}

static enum err read_token(const struct handler_spec *spec, char header[HEADER_MAX], char *why, size_t why_size)
{
    char problem[200], *token;
    int len;

    if (!spec->token)
        return OK;
    if (secret_source_read(spec->token, "its token", &token, problem, sizeof problem) != OK) {
        (void)snprintf(why, why_size, "cannot be asked: %s", problem);
        return ERR_AGAIN;
    }
    len = snprintf(header, HEADER_MAX, "Authorization: Bearer %s", token);
    secret_free(token);
    if (len < HEADER_MAX)
        return OK;
    (void)snprintf(why, why_size, "cannot be asked: its token is too long");
    return ERR_INVALID;
}

static enum err post(const struct handler_spec *spec, struct bytes line, const char *authorization, int64_t timeout_ms,
                     struct text *answer, char *why, size_t why_size)
{
    const char *headers[] = {"Content-Type: application/json", "Accept: application/json",
                             authorization[0] ? authorization : NULL, NULL};
    const struct http_call call = {.url = spec->url,
                                   .headers = headers,
                                   .body = line,
                                   .timeout_ms = timeout_ms,
                                   .answer_max = HANDLER_ANSWER_MAX,
                                   .trust_certs = spec->trust_certs};
    struct http_reply reply;
    char problem[300];
    enum err err = http_perform(&call, &reply, problem, sizeof problem);

    if (err != OK)
        (void)snprintf(why, why_size, "cannot be asked: %s", problem);
    else if ((err = judge_status(reply.status, why, why_size)) == OK)
        text_add_bytes(answer, bytes_of(reply.body.data, reply.body.len));
    http_reply_deinit(&reply);
    return err == ERR_TOO_LARGE ? ERR_PROTOCOL : err;
}

static enum err ask_http(const struct handler_spec *spec, struct bytes line, struct text *answer,
                         const struct deadline *deadline, char *why, size_t why_size)
{
    char header[HEADER_MAX] = "";
    int64_t left = deadline_left(deadline);
    enum err err = read_token(spec, header, why, why_size);

    if (err == OK)
        err = post(spec, line, header, left > 0 ? left : 1, answer, why, why_size);
    secret_wipe(header, sizeof header);
    return err;
}

/* ---- asking ---- */

static enum outcome outcome_of(enum err err, enum handler_verdict verdict)
{
    switch (err) {
    case OK:
        return verdict == HANDLER_ACCEPT ? ACCEPTED : verdict == HANDLER_IGNORE ? IGNORED : REJECTED;
    case ERR_TIMEOUT:
        return TIMED_OUT;
    case ERR_IO:
        return DIED;
    case ERR_PROTOCOL:
        return NONSENSE;
    default:
        return UNAVAILABLE;
    }
}

/* The nearer of the handler's time and what the caller has left. */
static struct deadline deadline_of(const struct asking *a, const struct handler *h)
{
    struct deadline own = deadline_in(h->spec->timeout_ms);

    return own.at_ms < a->deadline->at_ms ? own : *a->deadline;
}

static enum err ask_once(const struct asking *a, struct handler *h, struct handler_answer *answer, char *why,
                         size_t why_size)
{
    struct deadline deadline = deadline_of(a, h);
    struct text text;
    enum err err;

    text_init(&text, HANDLER_ANSWER_MAX);
    err = h->pool ? handler_pool_ask(h->pool, a->line, &text, &deadline, why, why_size)
                  : ask_http(h->spec, a->line, &text, &deadline, why, why_size);
    if (err == OK)
        err = handler_answer_parse(answer, bytes_of(text.data, text.len), why, why_size);
    atomic_fetch_add_explicit(&h->outcomes[outcome_of(err, answer->verdict)], 1, memory_order_relaxed);
    text_deinit(&text);
    return err;
}

static bool may_help(enum err err)
{
    return err == ERR_TIMEOUT || err == ERR_IO || err == ERR_PROTOCOL || err == ERR_AGAIN || err == ERR_NOMEM;
}

static enum err ask_with_retries(const struct asking *a, struct handler *h, struct handler_answer *answer)
{
    char problem[500] = "";
    enum err err = OK;

    for (int64_t i = 0; i <= h->spec->retries; i++) {
        err = ask_once(a, h, answer, problem, sizeof problem);
        if (err == OK || !may_help(err) || deadline_left(a->deadline) == 0)
            break;
        log_warn(a->handlers->log, "handlers", "handler %s %s", h->spec->name, problem);
    }
    if (err != OK)
        (void)snprintf(a->why, a->why_size, "handler %s %s", h->spec->name, problem);
    return err;
}

static enum err ask_one(const struct asking *a, struct handler *h, enum handler_verdict *verdict)
{
    struct handler_answer answer = {0};
    enum err err = ask_with_retries(a, h, &answer);

    if (err != OK)
        return err;
    *verdict = answer.verdict;
    if (answer.verdict != HANDLER_ACCEPT)
        (void)snprintf(a->why, a->why_size, "handler %s: %s", h->spec->name,
                       answer.reason[0] ? answer.reason : "no reason given");
    if (a->finding->len > 1)
        text_add(a->finding, ",");
    err = handler_answer_write(&answer, h->spec->name, a->finding);
    handler_answer_deinit(&answer);
    return err;
}

static enum err ask_all(const struct asking *a, enum handler_verdict *verdict)
{
    struct handlers *h = a->handlers;
    enum err err = OK;

    *verdict = HANDLER_ACCEPT;
    text_add(a->finding, "[");
    for (size_t i = 0; i < h->file.count && err == OK && *verdict == HANDLER_ACCEPT; i++)
        if (filter_accepts_json(h->list[i].filter, a->event))
            err = ask_one(a, &h->list[i], verdict);
    text_add(a->finding, "]");
    return err == OK && text_failed(a->finding) ? ERR_NOMEM : err;
}

/* A line end in valid JSON is white space: what is in texts is escaped. */
static char *one_line(struct bytes event)
{
    char *line = malloc(event.len + 1);

    for (size_t i = 0; line && i < event.len; i++)
        line[i] = (char)(event.data[i] == '\n' || event.data[i] == '\r' ? ' ' : event.data[i]);
    return line;
}

enum err handlers_run(struct handlers *h, struct bytes event, struct text *finding, enum handler_verdict *verdict,
                      int64_t timeout_ms, char *why, size_t why_size)
{
    struct deadline deadline = deadline_in(timeout_ms);
    json_t *json = json_loadb((const char *)event.data, event.len, JSON_REJECT_DUPLICATES, NULL);
    char *line = one_line(event);
    struct asking a = {.handlers = h,
                       .event = json,
                       .line = bytes_of(line, event.len),
                       .deadline = &deadline,
                       .finding = finding,
                       .why = why,
                       .why_size = why_size};
    enum err err;

    (void)snprintf(why, why_size, "there is no memory for the event");
    err = json && line ? ask_all(&a, verdict) : ERR_NOMEM;
    json_decref(json);
    free(line);
    return err;
}

/* ---- what is counted ---- */

static void write_processes(struct handlers *h, struct text *out)
{
    struct handler_pool_stats stats;

    text_add(out, "# HELP geminga_notary_handler_processes Processes of a handler that are running.\n"
                  "# TYPE geminga_notary_handler_processes gauge\n");
    for (size_t i = 0; i < h->file.count; i++)
        if (h->list[i].pool) {
            handler_pool_stats(h->list[i].pool, &stats);
            text_printf(out, "geminga_notary_handler_processes{handler=\"%s\"} %u\n", h->list[i].spec->name,
                        stats.running);
        }
    text_add(out, "# HELP geminga_notary_handler_starts_total Processes of a handler that were started.\n"
                  "# TYPE geminga_notary_handler_starts_total counter\n");
    for (size_t i = 0; i < h->file.count; i++)
        if (h->list[i].pool) {
            handler_pool_stats(h->list[i].pool, &stats);
            text_printf(out, "geminga_notary_handler_starts_total{handler=\"%s\"} %" PRIu64 "\n", h->list[i].spec->name,
                        stats.started);
        }
}

void handlers_metrics(struct handlers *h, struct text *out)
{
    if (!h || h->file.count == 0)
        return;
    text_add(out, "# HELP geminga_notary_handler_answers_total What came of asking a handler.\n"
                  "# TYPE geminga_notary_handler_answers_total counter\n");
    for (size_t i = 0; i < h->file.count; i++)
        for (size_t o = 0; o < OUTCOMES; o++)
            text_printf(out, "geminga_notary_handler_answers_total{handler=\"%s\",outcome=\"%s\"} %" PRIu64 "\n",
                        h->list[i].spec->name, outcome_names[o], h->list[i].outcomes[o]);
    write_processes(h, out);
}
