/* SPDX-License-Identifier: Apache-2.0
 *
 * perf_socket.c - `geminga perf websocket-producer`: sends at a rate over the WebSocket interface, Geminga's or Apache
 * Pulsar's, and measures from when a message was due to its answer.
 *
 *     main thread    prints, ends it
 *     sockets        one connection for each topic: sends what is due, hears the answers
 *
 * Messages go to the topics in turn.  A connection has at most UNDER_WAY of them; then nothing is sent until an answer
 * comes, and what should have been sent meanwhile counts from when it was due.
 */
#include "base/base64.h"
#include "cli/admin_call.h"
#include "cli/perf.h"
#include "cli/perf_pattern.h"
#include "cli/perf_payload.h"
#include "cli/perf_rest.h"
#include "cli/pulsar_keys.h"
#include "cli/web_client.h"
#include "sys/uv_sys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NS_PER_US  1000
#define UNDER_WAY  1024
#define RATE_NONE  1e7   /* messages a second: from here on there is no pace, as for produce */
#define LOOK_US    20000 /* how long the end may wait for the thread to see it */
#define LINE_S     5
#define PATIENCE_S 10 /* for answers after the end */

struct socket_config {
    char *rate, *url;
    int64_t messages, topics, duration_s;
    struct access_config access;
};

#define AT(member) .offset = offsetof(struct socket_config, member)

static const struct option socket_rows[] = {
    {.key = "produce.rate",
     .flag = "-r|--rate",
     .type = OPTION_TEXT,
     .fallback = "100",
     AT(rate),
     .text = "Messages a second, to all topics together; 0: as fast as possible."},
    {.key = "client.web_socket_url",
     .alias = "webSocketServiceUrl",
     .flag = "-u|--proxy-url",
     .type = OPTION_TEXT,
     .fallback = "ws://localhost:8080/",
     AT(url),
     .text = "Where the WebSocket interface is."},
    {.key = "perf.topics",
     .flag = "-t|--num-topic",
     .type = OPTION_INTEGER,
     .fallback = "1",
     .min = 1,
     .max = 1000,
     AT(topics),
     .text = "How many topics; their numbers are put behind the name: NAME0, NAME1, and so on."},
    {.key = "produce.messages",
     .flag = "-m|--num-messages",
     .type = OPTION_INTEGER,
     .fallback = "0",
     .max = INT64_MAX,
     AT(messages),
     .text = "Messages in all; 0: without end."},
    {.key = "perf.duration",
     .flag = "-time|--test-duration",
     .type = OPTION_INTEGER,
     .fallback = "0",
     .max = INT32_MAX,
     AT(duration_s),
     .text = "Seconds; 0: until Ctrl-C, or all messages are through."},
    ACCESS_ROWS(struct socket_config, access),
};

/* A message under way; its number is its `context`. */
struct way {
    int64_t due_ns;
    size_t len;
    bool pending;
};

struct link {
    uint64_t due, sent,
        first; /* numbers: below `due` the time has come, below `sent` it was sent; `first` is pending */
    struct way ways[UNDER_WAY]; /* by number */
};

struct socketing {
    const struct invocation *inv;
    const struct socket_config *config;
    const struct perf_payload_config *payload;
    struct perf_meter meter;
    struct perf_payloads payloads;
    struct web_client *web;
    struct link *links;
    size_t count, open;
    struct pace pace;
    uint64_t quota, begun; /* messages */
    size_t turn;           /* of the links */
    struct random chance;
    struct text text;
    int64_t ended_ns; /* no more is sent from then on; 0: not yet */
    atomic_bool failed;
};

/* ---- on the thread of the sockets ---- */

static bool is_full(const struct link *l)
{
    return l->due - l->first == UNDER_WAY;
}

/* False: the next one is not due, or has to wait. */
static bool due_take(struct socketing *s, int64_t now_ns)
{
    struct link *l = &s->links[s->turn % s->count];

    if (s->begun == s->quota || is_full(l) || (s->pace.per_second > 0 && (int64_t)s->pace.next_ns > now_ns))
        return false;
    l->ways[l->due % UNDER_WAY] =
        (struct way){.due_ns = s->pace.per_second > 0 ? pace_next(&s->pace) : now_ns, .pending = true};
    l->due++;
    s->begun++;
    web_client_wake(s->web, s->turn++ % s->count);
    return true;
}

static bool all_answered(const struct socketing *s)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->links[i].first != s->links[i].sent)
            return false;
    }
    return true;
}

/* What is due but unsent when the end comes is not sent. */
static void end_check(struct socketing *s, int64_t now_ns)
{
    if (s->ended_ns == 0 && perf_stopped(&s->meter))
        s->ended_ns = now_ns;
    const bool through =
        s->begun == s->quota && (uint64_t)atomic_load(&s->meter.messages) + atomic_load(&s->meter.failures) == s->quota;
    const bool late = s->ended_ns > 0 && now_ns - s->ended_ns > PATIENCE_S * INT64_C(1000000000);
    if (through || late || atomic_load(&s->failed) || (s->ended_ns > 0 && all_answered(s))) {
        perf_stop(&s->meter);
        web_client_stop(s->web);
    }
}

static int64_t on_tick(void *ctx)
{
    struct socketing *s = ctx;
    const int64_t now_ns = perf_now_ns();

    end_check(s, now_ns);
    while (s->open == s->count && s->ended_ns == 0 && due_take(s, now_ns))
        ;
    const int64_t wait_us = ((int64_t)s->pace.next_ns - now_ns) / NS_PER_US;
    if (s->pace.per_second <= 0)
        return s->open == s->count ? 1000 : LOOK_US;
    return wait_us < 50 ? 50 : wait_us < LOOK_US ? wait_us : LOOK_US;
}

static void on_opened(void *ctx, size_t link)
{
    struct socketing *s = ctx;

    if (++s->open == s->count)
        s->pace.next_ns = (double)perf_now_ns(); /* it begins */
}

static struct bytes payload_next(struct socketing *s, size_t link, uint64_t number)
{
    const struct bytes payload = s->payloads.items[perf_payload_choose(&s->payloads, &s->chance)];
    char producer[32];

    if (!s->payload->patterns)
        return payload;
    (void)snprintf(producer, sizeof producer, "%zu", link);
    s->text.len = 0;
    perf_pattern_format(&s->text, payload, producer, number, perf_now_ns(), &s->chance);
    return bytes_of(s->text.data, s->text.len);
}

static bool on_next(void *ctx, size_t link, struct text *out)
{
    struct socketing *s = ctx;
    struct link *l = &s->links[link];

    if (l->sent == l->due || s->ended_ns > 0)
        return false;
    const struct bytes payload = payload_next(s, link, l->sent);
    text_add(out, "{\"payload\":\"");
    base64_encode(out, payload);
    text_printf(out, "\",\"context\":\"%" PRIu64 "\"}", l->sent);
    l->ways[l->sent++ % UNDER_WAY].len = payload.len;
    return true;
}

static void answered(struct socketing *s, struct link *l, uint64_t number, bool ok)
{
    struct way *way = &l->ways[number % UNDER_WAY];

    if (number < l->first || number >= l->sent || !way->pending)
        return; /* nobody asked */
    way->pending = false;
    while (l->first < l->sent && !l->ways[l->first % UNDER_WAY].pending)
        l->first++;
    if (!ok) {
        atomic_fetch_add(&s->meter.failures, 1);
        return;
    }
    histogram_record(s->meter.now, (uint64_t)(perf_now_ns() - way->due_ns) / NS_PER_US);
    atomic_fetch_add(&s->meter.bytes, way->len);
    atomic_fetch_add(&s->meter.messages, 1);
}

static void on_received(void *ctx, size_t link, struct bytes message)
{
    struct socketing *s = ctx;
    json_t *json = json_loadb((const char *)message.data, message.len, 0, NULL);
    const char *context = json_string_value(json_object_get(json, "context"));
    const char *result = json_string_value(json_object_get(json, "result"));
    const bool ok = result && strcmp(result, "ok") == 0;

    if (!ok && atomic_load(&s->meter.failures) == 0) {
        const char *why = json_string_value(json_object_get(json, "errorMsg"));
        cli_error(s->inv, "a message was not taken: %s", why ? why : result ? result : "no answer that is known");
    }
    if (context)
        answered(s, &s->links[link], strtoull(context, NULL, 10), ok);
    json_decref(json);
}

static void on_closed(void *ctx, size_t link, const char *why)
{
    struct socketing *s = ctx;

    if (!atomic_exchange(&s->failed, true))
        cli_error(s->inv, "%s: %s", s->config->url, why);
}

static void sockets_run(void *ctx)
{
    struct socketing *s = ctx;

    web_client_run(s->web);
    perf_stop(&s->meter);
}

/* ---- the whole ---- */

static int link_add(struct socketing *s, const char *name)
{
    char path[ADMIN_PATH_MAX], why[ADMIN_MESSAGE_MAX];
    struct admin_topic topic;

    if (admin_topic_read(&topic, name, why, sizeof why) != OK)
        return cli_usage_error(s->inv, "%s", why);
    (void)snprintf(path, sizeof path, "/ws/v2/producer/%s", topic.path);
    if (web_client_add(s->web, path) == OK)
        return CLI_OK;
    cli_error(s->inv, "no memory");
    return CLI_FAILED;
}

/* The name itself, or with numbers, as pulsar-perf has them: without a sign between. */
static int links_add(struct socketing *s, const char *topic)
{
    char name[1100];
    int status = CLI_OK;

    s->count = (size_t)s->config->topics;
    if (!(s->links = calloc(s->count, sizeof *s->links))) {
        cli_error(s->inv, "no memory");
        return CLI_FAILED;
    }
    for (size_t i = 0; i < s->count && status == CLI_OK; i++) {
        (void)snprintf(name, sizeof name, s->count > 1 ? "%.1000s%zu" : "%.1000s", topic, i);
        status = link_add(s, name);
    }
    return status;
}

static int sockets_open(struct socketing *s, const struct http_target *target)
{
    static const struct web_client_ops ops = {on_opened, on_received, on_next, on_closed, on_tick};
    const char *topic = client_topic(s->inv);
    char why[ADMIN_MESSAGE_MAX];

    if (!topic)
        return CLI_USAGE;
    if (!pace_init(&s->pace, s->config->rate))
        return cli_usage_error(s->inv, "--rate expects messages a second, not `%s`", s->config->rate);
    if (s->pace.per_second >= RATE_NONE)
        s->pace.per_second = 0;
    const enum err err = web_client_new(&s->web, target, &ops, s, why, sizeof why);
    if (err == ERR_INVALID)
        return cli_usage_error(s->inv, "%s", why);
    if (err == OK)
        return links_add(s, topic);
    cli_error(s->inv, "%s", why);
    return CLI_FAILED;
}

static int load_run(struct socketing *s, const struct perf_config *perf)
{
    struct uv_thread *thread;

    client_signals();
    perf_meter_begin(&s->meter, perf);
    if (uv_thread_run(&thread, "sockets", sockets_run, s) != OK)
        return client_failed(s->inv, "cannot start a thread", pulsar_result_UnknownError);
    perf_meter_watch(&s->meter, perf);
    uv_thread_finish(thread);
    perf_meter_finish(&s->meter);
    return atomic_load(&s->failed) || atomic_load(&s->meter.failures) > 0 ? CLI_FAILED : CLI_OK;
}

static int produce(struct socketing *s)
{
    const struct perf_config perf = {.duration_s = s->config->duration_s, .interval_s = LINE_S};
    struct perf_rest rest;
    int status = perf_meter_init(&s->meter, PERF_SOCKET, s->inv, &perf);

    s->quota = s->config->messages > 0 ? (uint64_t)s->config->messages : UINT64_MAX;
    random_init(&s->chance, 1);
    text_init(&s->text, PERF_PAYLOAD_MAX);
    if (status == CLI_OK)
        status = perf_payloads_gather(&s->payloads, s->inv, s->payload);
    if (status == CLI_OK && (status = perf_rest_open(&rest, s->inv, s->config->url, &s->config->access)) == CLI_OK) {
        status = sockets_open(s, &rest.target);
        if (status == CLI_OK)
            status = load_run(s, &perf);
        web_client_free(s->web);
        perf_rest_close(&rest);
    }
    free(s->links);
    perf_payloads_free(&s->payloads);
    text_deinit(&s->text);
    perf_meter_deinit(&s->meter);
    return status;
}

static int socket_run(struct invocation *inv)
{
    struct options sets[VERB_TABLES_MAX];
    struct socket_config config = {0};
    struct perf_payload_config payload = {0};
    void *const values[VERB_TABLES_MAX] = {&config, &payload};
    struct socketing s = {.inv = inv, .config = &config, .payload = &payload};
    int status = cli_configure(inv, sets, values);

    if (status == CLI_OK)
        status = produce(&s);
    cli_deconfigure(inv, sets);
    return status;
}

const struct verb perf_socket_verb = {
    .name = "websocket-producer",
    .on_topic = true,
    .arguments = "TOPIC",
    .text = "Sends messages over WebSockets at a rate, and tells how long their answers took.",
    .example = "  geminga perf websocket-producer my-topic -r 1000 -time 30\n",
    .tables = {VERB_TABLE(socket_rows), &perf_payload_table},
    .foreign = &pulsar_perf_socket_keys,
    .run = socket_run,
};
