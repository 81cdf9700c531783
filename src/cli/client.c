/* SPDX-License-Identifier: Apache-2.0
 *
 * client.c - what the client's verbs share.
 */
#include "cli/client.h"

#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define AT(member) .offset = offsetof(struct client_config, member)

/* The flags of pulsar-client and of pulsar-perf, the keys of Pulsar's client.conf. */
static const struct option rows[] = {
    {.key = "client.url",
     .alias = "brokerServiceUrl",
     .env = "PULSAR_SERVICE_URL",
     .flag = "--url|-u|--service-url",
     .type = OPTION_TEXT,
     .fallback = "pulsar://localhost:6650",
     AT(url),
     .text = "Where the broker is."},
    {.key = "client.web_url",
     .alias = "webServiceUrl",
     .flag = "-au|--admin-url",
     .type = OPTION_TEXT,
     .fallback = "http://localhost:8080",
     AT(web_url),
     .text = "Where its HTTP is: for partitions that `perf` makes."},
    {.key = "client.listener_name",
     .alias = "listenerName",
     .flag = "--listener-name",
     .type = OPTION_TEXT,
     AT(listener_name),
     .text = "Which of the broker's advertised listeners to use."},
    ACCESS_ROWS(struct client_config, access),
    {.key = "client.memory_limit",
     .alias = "memoryLimit",
     .flag = "-ml|--memory-limit",
     .type = OPTION_BYTES,
     .fallback = "64MiB",
     .max = (int64_t)1 << 40,
     AT(memory_limit),
     .text = "Bytes of messages that wait for their receipts; 0: no limit."},
};

const struct option_table client_option_table = OPTION_TABLE(rows);

static const struct verb *const client_verbs[] = {&client_produce_verb, &client_consume_verb, &client_read_verb, NULL};

const struct verb client_verb = {
    .name = "client",
    .text = "Sends and receives messages.",
    .example = "  geminga client produce my-topic -m hello\n"
               "  geminga client consume my-topic -s my-subscription -p Earliest\n",
    .verbs = client_verbs,
    .leading = &client_option_table,
};

/* ---- messages ---- */

/* What to look at next. */
static const char *hint_of(pulsar_result result)
{
    switch (result) {
    case pulsar_result_ConnectError:
    case pulsar_result_Timeout:
        return " (is a broker running there? `geminga up` starts one; a port with TLS is pulsar+ssl://HOST:6651)";
    case pulsar_result_AuthenticationError:
        return " (who are you? --config client.conf says it, or --auth-plugin and --auth-params)";
    case pulsar_result_AuthorizationError:
        return " (an administrator grants it: `geminga admin namespaces grant-permission NAMESPACE --role ROLE "
               "--actions produce,consume`)";
    default:
        return "";
    }
}

int client_failed(const struct invocation *inv, const char *what, pulsar_result result)
{
    cli_error(inv, "%s: %s%s", what, pulsar_result_str(result), hint_of(result));
    return CLI_FAILED;
}

void client_progress(const char *format, ...)
{
    va_list args;

    if (!isatty(STDERR_FILENO))
        return;
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
}

/* The library's own warnings; its information is for programs. */
static bool log_wanted(pulsar_logger_level_t level, void *ctx)
{
    return level >= pulsar_WARN;
}

static void log_print(pulsar_logger_level_t level, const char *file, int line, const char *message, void *ctx)
{
    (void)fprintf(stderr, "%s: %s\n", level == pulsar_WARN ? "warning" : "error", message);
}

/* ---- the client ---- */

/* NULL, said. */
static pulsar_client_configuration_t *configuration_of(const struct invocation *inv, const struct client_config *config)
{
    pulsar_client_configuration_t *conf;
    struct pulsar_access access;
    char message[400];

    if (access_read(&config->access, &access, message, sizeof message) &&
        pulsar_access_configuration(&access, &conf, message, sizeof message) == OK)
        return conf;
    cli_error(inv, "%s", message);
    return NULL;
}

pulsar_client_t *client_open(const struct invocation *inv, const struct client_config *config)
{
    const pulsar_logger_t logger = {.is_enabled = log_wanted, .log = log_print};
    pulsar_client_configuration_t *conf = configuration_of(inv, config);
    char *url = pulsar_access_url(config->url, config->access.tls_enabled);
    pulsar_client_t *client = NULL;

    if (conf) {
        pulsar_client_configuration_set_logger_t(conf, logger);
        pulsar_client_configuration_set_memory_limit(conf, (unsigned long long)config->memory_limit);
        if (config->listener_name)
            pulsar_client_configuration_set_listener_name(conf, config->listener_name);
        if (!url || !(client = pulsar_client_create(url, conf)))
            cli_error(inv, "no memory");
        pulsar_client_configuration_free(conf);
    }
    free(url);
    return client;
}

void client_shut(pulsar_client_t *client)
{
    if (!client)
        return;
    (void)pulsar_client_close(client);
    pulsar_client_free(client);
}

const char *const client_subscription_types[] = {"Exclusive", "Shared", "Failover", "Key_Shared", NULL};
const char *const client_subscription_positions[] = {"Latest", "Earliest", NULL};

void client_subscription_set(pulsar_consumer_configuration_t *conf, const char *type, const char *position)
{
    static const pulsar_consumer_type types[] = {pulsar_ConsumerExclusive, pulsar_ConsumerShared,
                                                 pulsar_ConsumerFailover, pulsar_ConsumerKeyShared};
    size_t i = 0;

    while (strcmp(client_subscription_types[i], type) != 0)
        i++;
    pulsar_consumer_configuration_set_consumer_type(conf, types[i]);
    pulsar_consumer_set_subscription_initial_position(
        conf, strcmp(position, "Earliest") == 0 ? initial_position_earliest : initial_position_latest);
}

const char *client_topic(const struct invocation *inv)
{
    if (inv->argc == 1)
        return inv->argv[0];
    if (inv->argc == 0)
        (void)cli_usage_error(inv, "which topic?");
    else
        (void)cli_usage_error(inv, "one topic, please, not also `%s`", inv->argv[1]);
    return NULL;
}

/* ---- signals ---- */

static atomic_bool interrupted; /* by a signal handler, read by any thread */

static void on_signal(int number)
{
    interrupted = true;
}

void client_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND}; /* the second one kills */

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool client_interrupted(void)
{
    return interrupted;
}

/* ---- pace ---- */

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

bool pace_init(struct pace *p, const char *text)
{
    char *end;

    *p = (struct pace){.per_second = strtod(text, &end), .next_ns = (double)now_ns()};
    return end != text && *end == '\0' && p->per_second >= 0 && p->per_second <= 1e9;
}

int64_t pace_next(struct pace *p)
{
    const int64_t due_ns = (int64_t)p->next_ns;

    p->next_ns += 1e9 / p->per_second;
    return due_ns;
}

void pace_wait(struct pace *p)
{
    if (p->per_second <= 0)
        return;
    const int64_t wait = pace_next(p) - now_ns();
    if (wait > 0) {
        struct timespec time = {.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
        (void)nanosleep(&time, NULL); /* a signal ends it early: that is for the caller to see */
    }
}
