/* SPDX-License-Identifier: Apache-2.0
 *
 * perf.c - see perf.h: the verb, the options, topics and clients.
 */
#include "cli/perf.h"
#include "sys/uv_sys.h"

#include <stdio.h>
#include <stdlib.h>

#define GUARD_LOOK_MS 50
#define PATIENCE_MS   1000 /* after a signal, with a broker that does not answer */

#define AT(type, member) .offset = offsetof(struct type, member)

static const struct option rows[] = {
    {.key = "perf.topics",
     .flag = "-t|--num-topics|--num-topic",
     .type = OPTION_INTEGER,
     .fallback = "1",
     .min = 1,
     .max = PERF_TOPICS_MAX,
     AT(perf_config, topics),
     .text = "How many topics; with one name, its numbers are put behind it: NAME-0, NAME-1, and so on."},
    {.key = "perf.connections",
     .flag = "-c|--max-connections",
     .type = OPTION_INTEGER,
     .fallback = "1",
     .min = 1,
     .max = PERF_CONNECTIONS_MAX,
     AT(perf_config, connections),
     .text = "Connections to each broker."},
    {.key = "perf.duration",
     .flag = "-time|--test-duration",
     .type = OPTION_INTEGER,
     .fallback = "0",
     .max = INT32_MAX,
     AT(perf_config, duration_s),
     .text = "Seconds; 0: until Ctrl-C, or all messages are through."},
    {.key = "perf.interval",
     .flag = "-i|--stats-interval-seconds",
     .type = OPTION_INTEGER,
     .fallback = "10",
     .max = 86400,
     AT(perf_config, interval_s),
     .text = "Seconds from line to line; 0: 10."},
    {.key = "perf.histogram_file",
     .flag = "--histogram-file",
     .type = OPTION_TEXT,
     AT(perf_config, histogram_file),
     .text = "Where to write the latencies of each interval, as an HDR histogram log."},
};

const struct option_table perf_table = OPTION_TABLE(rows);

static const struct verb *const perf_verbs[] = {
    &perf_produce_verb, &perf_consume_verb,     &perf_read_verb,          &perf_socket_verb,
    &perf_monitor_verb, &perf_transaction_verb, &perf_monitor_short_verb, NULL};

const struct verb perf_verb = {
    .name = "perf",
    .text = "Measures how fast messages come and go.",
    .example = "  geminga perf produce my-topic -r 10000 -s 1024 -time 30\n"
               "  geminga perf consume my-topic -time 30\n",
    .verbs = perf_verbs,
};

/* ---- topics ---- */

/* `number` SIZE_MAX: the name as it is. */
static bool topic_add(struct perf_topics *t, const char *name, size_t number)
{
    const size_t size = strlen(name) + 24;
    char *topic = malloc(size);

    if (!topic)
        return false;
    if (number == SIZE_MAX)
        (void)snprintf(topic, size, "%s", name);
    else
        (void)snprintf(topic, size, "%s-%zu", name, number);
    t->names[t->count++] = topic;
    return true;
}

int perf_topics_gather(struct perf_topics *t, const struct invocation *inv, const struct perf_config *config)
{
    const size_t wanted = (size_t)config->topics;
    bool good;

    *t = (struct perf_topics){0};
    if (inv->argc == 0)
        return cli_usage_error(inv, "which topic?");
    if (inv->argc > 1 && wanted > 1 && wanted != (size_t)inv->argc)
        return cli_usage_error(inv, "--num-topics is for one name, or says how many there are: %d", inv->argc);
    const bool numbered = inv->argc == 1 && wanted > 1;
    const size_t count = numbered ? wanted : (size_t)inv->argc;
    good = (t->names = calloc(count, sizeof *t->names)) != NULL;
    for (size_t i = 0; good && i < count; i++)
        good = numbered ? topic_add(t, inv->argv[0], i) : topic_add(t, inv->argv[i], SIZE_MAX);
    if (!good)
        cli_error(inv, "no memory");
    return good ? CLI_OK : CLI_FAILED;
}

/* Every name of one word. */
static bool names_add(struct perf_topics *t, const char *word)
{
    for (const char *at = word; *at; at += strspn(at, ",")) {
        const int len = (int)strcspn(at, ",");
        char **names = realloc(t->names, (t->count + 1) * sizeof *names);
        if (!names)
            return false;
        t->names = names;
        if (asprintf(&t->names[t->count], "%.*s", len, at) < 0)
            return false;
        t->count++;
        at += len;
    }
    return true;
}

/* The one name becomes as many. */
static bool names_number(struct perf_topics *t, size_t count)
{
    struct perf_topics numbered = {.names = calloc(count, sizeof *numbered.names)};
    bool good = numbered.names != NULL;

    for (size_t i = 0; good && i < count; i++)
        good = topic_add(&numbered, t->names[0], i);
    perf_topics_free(t);
    *t = numbered;
    return good;
}

int perf_names_gather(struct perf_topics *t, const struct invocation *inv, char *const *words, const char *fallback,
                      int64_t numbered, const char *flag)
{
    bool good = true;

    *t = (struct perf_topics){0};
    for (char *const *word = words; good && word && *word; word++)
        good = names_add(t, *word);
    if (good && t->count == 0)
        good = names_add(t, fallback);
    if (good && t->count > 1 && numbered > 1 && t->count != (size_t)numbered)
        return cli_usage_error(inv, "%s is for one name, or says how many there are: %zu", flag, t->count);
    if (good && t->count == 1 && numbered > 1)
        good = names_number(t, (size_t)numbered);
    if (!good)
        cli_error(inv, "no memory");
    return good ? CLI_OK : CLI_FAILED;
}

void perf_topics_free(struct perf_topics *t)
{
    for (size_t i = 0; i < t->count; i++)
        free(t->names[i]);
    free(t->names);
}

/* ---- clients ---- */

int perf_clients_open(struct perf_clients *c, const struct invocation *inv, const struct perf_config *config,
                      const struct client_config *client)
{
    const size_t wanted = (size_t)config->connections;

    *c = (struct perf_clients){.at = calloc(wanted, sizeof *c->at)};
    if (!c->at)
        cli_error(inv, "no memory");
    while (c->at && c->count < wanted) {
        if (!(c->at[c->count] = client_open(inv, client)))
            return CLI_FAILED;
        c->count++;
    }
    return c->at ? CLI_OK : CLI_FAILED;
}

/* Frees clients that others may be waiting in: what they wait for ends with an error. */
static void guard_run(void *ctx)
{
    struct perf_clients *c = ctx;
    uint64_t answered;

    while (!client_interrupted()) {
        if (uv_event_wait(c->closed, GUARD_LOOK_MS))
            return;
    }
    do {
        answered = atomic_load(&c->meter->messages);
        if (uv_event_wait(c->closed, PATIENCE_MS))
            return;
    } while (atomic_load(&c->meter->messages) != answered);
    for (size_t i = 0; i < c->count; i++) {
        pulsar_client_free(c->at[i]);
        c->at[i] = NULL;
    }
}

int perf_clients_signals(struct perf_clients *c, const struct invocation *inv, const struct perf_meter *meter)
{
    c->meter = meter;
    client_signals();
    if (uv_event_new(&c->closed) == OK && uv_thread_run(&c->guard, "guard", guard_run, c) == OK)
        return CLI_OK;
    return client_failed(inv, "cannot start a thread", pulsar_result_UnknownError);
}

void perf_clients_close(struct perf_clients *c)
{
    if (c->guard) {
        uv_event_set(c->closed);
        uv_thread_finish(c->guard);
    }
    uv_event_free(c->closed);
    for (size_t i = 0; i < c->count; i++)
        client_shut(c->at[i]);
    free(c->at);
}
