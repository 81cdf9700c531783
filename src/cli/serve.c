/* SPDX-License-Identifier: Apache-2.0
 *
 * serve.c - a broker as a process.
 *
 *     options -> world -> node -> (companion) -> ready line -> ... a signal -> (companion ends) -> node stops -> exit
 *
 * Standard output has one line, the ready line; a second signal ends the process at once, which recovery copes with.
 */
#include "cli/serve.h"

#include "base/list.h"
#include "base/option_value.h"
#include "base/text.h"
#include "broker/subscription.h"
#include "cli/address.h"
#include "cli/node.h"
#include "cli/serve_audit.h"
#include "cli/serve_authentication.h"
#include "schema/schema.h"
#include "security/tls.h"
#include "services/websocket/websocket.h"
#include "store/give_up.h"
#include "sys/disk_posix.h"
#include "sys/process.h"
#include "sys/sandbox.h"
#include "sys/uv_sys.h"
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_SIZE      600
#define URL_MAX           300
#define READY_MAX         (16u * 1024)
#define LEDGERS_FREED_MAX 10000u
#define SHUTDOWN_MS       100 /* between the answer to who asked for the end, and its beginning */
#define PASSED_OVER_NAMED 8   /* in the line about them */
#define TLS_THREADS_MAX   4

struct serving {
    const struct invocation *inv;
    const struct broker_config *config;
    struct options *options; /* of the configuration */
    char **at_start;         /* what those were that were changed, by their number; NULL: none was */
    struct admin_configuration admin_configuration;
    struct timer shutdown; /* a request asked for the end */
    struct log *log;
    struct uv_sys *uv;
    struct node *node;
    struct tls_settings tls;     /* of the broker's ports */
    struct disk *audit_disk;     /* where the audit log is; or NULL */
    struct websocket *websocket; /* or NULL */
    struct pulsar_access websocket_access;
    struct companion *companion; /* or NULL */
    struct task companion_ended;
    char http_url[URL_MAX], https_url[URL_MAX];
    bool stopping; /* a signal came, or what is beside the broker ended */
    bool failed;
    bool signalled;
    int64_t started_ms;
};

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t log_wall_ms(void *ctx)
{
    return clock_ms(CLOCK_REALTIME);
}

void serve_log_init(struct log *log, const struct broker_config *config)
{
    static const char *const names[] = {
        [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};

    *log = (struct log){.level = LOG_INFO, .wall_ms = log_wall_ms};
    for (enum log_level level = LOG_DEBUG; level <= LOG_ERROR; level++) {
        if (strcmp(config->log_level, names[level]) == 0)
            log->level = level;
    }
}

void serve_log_passed_over(struct log *log, const struct options *options)
{
    struct text line;

    text_init(&line, READY_MAX);
    passed_over_tell(&options->passed, PASSED_OVER_NAMED, "`geminga config keys` tells all", &line);
    if (line.len > 0)
        log_info(log, "cli", "%s", line.data);
    text_deinit(&line);
}

/* ---- options ---- */

static const char *host_of(const struct broker_config *c)
{
    if (c->advertised_address && *c->advertised_address)
        return c->advertised_address;
    return strcmp(c->bind_address, "0.0.0.0") == 0 || strcmp(c->bind_address, "::") == 0 ? "localhost"
                                                                                         : c->bind_address;
}

static const char *given(const char *text)
{
    return text_given(text) ? text : NULL;
}

/* One of the choices that the option has. */
static enum schema_strategy strategy_of(const char *name)
{
    enum schema_strategy strategy = SCHEMA_UNDEFINED;

    (void)schema_strategy_of_name(&strategy, bytes_of_text(name));
    return strategy;
}

static void on_fatal(void *ctx, enum err err, const char *what)
{
    struct serving *s = ctx;

    log_error(s->log, "cli", "cannot go on: %s: %s; ending, for recovery to decide at the next start", what,
              err_text(err));
    _exit(CLI_FAILED);
}

/* For backups; on a worker. */
static enum err directory_open(void *ctx, const char *path, struct disk **out)
{
    return disk_posix_new(out, path);
}

/* Those policies that have an option: its place in the values is the policy's. */
static void policies_fill(struct policies *p, const struct broker_config *c)
{
    const size_t numbers = offsetof(struct broker_config, policies),
                 flags = offsetof(struct broker_config, policy_flags);

    for (size_t i = 0; i < broker_option_table.count; i++) {
        const size_t at = broker_option_table.rows[i].offset;
        if (at - numbers < sizeof c->policies)
            policies_put(p, (enum policy)((at - numbers) / sizeof c->policies[0]),
                         *(const int64_t *)((const char *)c + at));
        else if (at - flags < sizeof c->policy_flags)
            policies_put(p, (enum policy)(at - flags), c->policy_flags[at - flags]);
    }
}

static void dispatch_options_fill(struct broker_options *o, const struct broker_config *c)
{
    int64_t types;

    if (subscription_types_parse(c->subscription_types, &types) == OK) /* subscription_types_check has seen to it */
        policies_put(&o->policies, POLICY_SUBSCRIPTION_TYPES, types);
    o->failover_delay_ms = (uint32_t)c->failover_delay_ms;
    o->keys_on_ring = c->keys_on_ring;
    o->key_ring_points = (uint32_t)c->key_ring_points;
    o->keys_ahead_per_consumer = (uint32_t)c->keys_ahead_per_consumer;
    o->keys_ahead_per_subscription = (uint32_t)c->keys_ahead_per_subscription;
}

static void quota_fill(struct broker_options *o, const struct broker_config *c)
{
    enum quota_action action = QUOTA_REQUEST_HOLD;

    if (strcmp(c->quota_policy, "producer_exception") == 0)
        action = QUOTA_EXCEPTION;
    else if (strcmp(c->quota_policy, "consumer_backlog_eviction") == 0)
        action = QUOTA_EVICTION;
    policies_put(&o->policies, POLICY_QUOTA_BYTES_ACTION, action);
    policies_put(&o->policies, POLICY_QUOTA_AGE_ACTION, action);
    if (c->quota_gb > 0)
        policies_put(&o->policies, POLICY_QUOTA_BYTES, c->quota_gb << 30);
    o->quota_check_ms = c->quota_check ? (uint64_t)c->quota_check_ms : 0;
}

static void broker_options_fill(struct broker_options *o, const struct broker_config *c)
{
    o->cluster = c->cluster_name;
    o->non_persistent_topics = c->non_persistent_topics;
    o->topic_policies = c->system_topics && c->topic_policies;
    o->delete_inactive_topics = c->delete_inactive_topics;
    o->delete_inactive_partitioned = c->delete_inactive_partitioned;
    o->ledger_entries_max = (uint64_t)c->ledger_entries_max;
    o->ledger_bytes_max = (uint64_t)c->ledger_bytes_max;
    o->ledger_age_min_ms = (uint64_t)c->ledger_age_min_ms;
    o->ledger_age_max_ms = (uint64_t)c->ledger_age_max_ms;
    o->ledger_idle_ms = (uint64_t)c->ledger_idle_ms;
    o->retention_check_ms = (uint64_t)c->retention_check_ms;
    o->reader_hold_ms = (uint64_t)c->reader_hold_ms;
    o->batch_index_acks = c->batch_index_acks;
    o->count_lost_consumers = c->count_lost_consumers;
    o->dispatch_rate_counts_messages = c->dispatch_rate_counts_messages;
    o->expiry_check_ms = (uint64_t)c->expiry_check_ms;
    o->partitions_max = (uint32_t)c->partitions_max;
    o->namespace_bundles = (uint32_t)c->namespace_bundles;
    o->force_delete_namespace = c->force_delete_namespace;
    o->force_delete_tenant = c->force_delete_tenant;
    o->tenants_max = (uint32_t)c->tenants_max;
    o->namespaces_per_tenant_max = (uint32_t)c->namespaces_per_tenant_max;
    o->same_address_producers_max = (uint32_t)c->same_address_producers_max;
    o->same_address_consumers_max = (uint32_t)c->same_address_consumers_max;
    o->publish_messages_max = (uint64_t)c->publish_messages_max;
    o->publish_bytes_max = (uint64_t)c->publish_bytes_max;
    o->deduplication_producers_max = (uint32_t)c->deduplication_producers_max;
    o->deduplication_inactive_ms = (uint64_t)c->deduplication_inactive_ms;
    o->deduplication_snapshot_ms = (uint64_t)c->deduplication_snapshot_ms;
    o->event_id_property = c->event_id_property;
    o->compaction_check_ms = (uint64_t)c->compaction_check_ms;
    o->compaction_keeps_null_keys = c->compaction_keeps_null_keys;
    policies_fill(&o->policies, c);
    dispatch_options_fill(o, c);
    if (c->policies[POLICY_INACTIVE_S] == 0)
        policies_put(&o->policies, POLICY_INACTIVE_S, c->inactive_check_s);
    policies_put(&o->policies, POLICY_DISPATCH_RATE_RELATIVE, c->dispatch_rate_relative);
    policies_put(&o->policies, POLICY_SUBSCRIPTION_RATE_RELATIVE, c->dispatch_rate_relative);
    policies_put(&o->policies, POLICY_INACTIVE_MODE,
                 strcmp(c->inactive_mode, "delete_when_no_subscriptions") == 0 ? INACTIVE_NO_SUBSCRIPTIONS
                                                                               : INACTIVE_CAUGHT_UP);
    policies_put(&o->policies, POLICY_TOPIC_CREATION_TYPE,
                 strcmp(c->topic_creation_type, "partitioned") == 0 ? CREATE_PARTITIONED : CREATE_SINGLE);
    policies_put(&o->policies, POLICY_SCHEMA_STRATEGY, strategy_of(c->schema_strategy));
    policies_put(&o->policies, POLICY_SCHEMA_STRATEGY_OF_SYSTEM, strategy_of(c->system_schema_strategy));
    quota_fill(o, c);
}

/* ---- options that are changed while it runs ---- */

/* The policies that hold by default, and what concerns new topics and deletions: broker_change_options takes them. */
static bool is_dynamic(const struct option *option)
{
    static const size_t others[] = {
        offsetof(struct broker_config, super_users),
        offsetof(struct broker_config, quota_gb),
        offsetof(struct broker_config, quota_policy),
        offsetof(struct broker_config, inactive_mode),
        offsetof(struct broker_config, topic_creation_type),
        offsetof(struct broker_config, delete_inactive_topics),
        offsetof(struct broker_config, delete_inactive_partitioned),
        offsetof(struct broker_config, partitions_max),
        offsetof(struct broker_config, namespace_bundles),
        offsetof(struct broker_config, force_delete_namespace),
        offsetof(struct broker_config, force_delete_tenant),
    };
    const struct broker_config *c = NULL;

    if (option->offset - offsetof(struct broker_config, policies) < sizeof c->policies ||
        option->offset - offsetof(struct broker_config, policy_flags) < sizeof c->policy_flags)
        return true;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (option->offset == others[i])
            return true;
    }
    return false;
}

/* What the option is now, as it would be given; the caller's. */
static char *option_text(const struct option *option, const void *values)
{
    struct text text;

    text_init(&text, MESSAGE_SIZE);
    option_value_write(option, values, &text);
    if (text.len > 1 && text.data[0] == '"') { /* none of these has a quote within */
        memmove(text.data, text.data + 1, text.len - 2);
        text.data[text.len - 2] = '\0';
    }
    return text_failed(&text) ? NULL : text_take(&text);
}

static enum err option_change(void *ctx, struct broker *broker, const struct option *option, const char *value,
                              char *message, size_t message_size)
{
    struct serving *s = ctx;
    const size_t i = (size_t)(option - s->options->table);
    struct broker_options broker_now;
    enum err err;

    (void)snprintf(message, message_size, "out of memory");
    if (!s->at_start && !(s->at_start = calloc(s->options->count, sizeof *s->at_start)))
        return ERR_NOMEM;
    if (!value && !s->at_start[i])
        return OK;
    if (!s->at_start[i] && !(s->at_start[i] = option_text(option, s->options->values)))
        return ERR_NOMEM;
    err = options_set(s->options, option->key, value ? value : s->at_start[i], "a request", message, message_size);
    if (err != OK)
        return err;
    broker_options_init(&broker_now);
    broker_options_fill(&broker_now, s->config);
    broker_change_options(broker, &broker_now);
    if (s->node && (err = node_set_super_users(s->node, s->config->super_users)) != OK)
        return err;
    log_info(s->log, "cli", "the option %s was changed by a request", option->key);
    return OK;
}

static void at_start_free(struct serving *s)
{
    for (size_t i = 0; s->at_start && i < s->options->count; i++)
        free(s->at_start[i]);
    free(s->at_start);
}

/* Clients are asked for certificates when there is somebody to trust. */
static void tls_settings_fill(struct tls_settings *t, const struct broker_config *c)
{
    *t = (struct tls_settings){.side = TLS_SERVER,
                               .certificate_file = c->tls_certificate,
                               .key_file = c->tls_key,
                               .trust_file = c->tls_trust,
                               .protocols = c->tls_protocols,
                               .ciphers = c->tls_ciphers,
                               .allow_insecure = c->tls_allow_insecure};
    if (c->tls_require_client_certificate)
        t->client_certificates = TLS_CERTIFICATE_REQUIRED;
    else if (given(c->tls_trust))
        t->client_certificates = TLS_CERTIFICATE_OPTIONAL;
}

/* Half of the processors, so that a storm of handshakes leaves the other half to work. */
static uint32_t tls_threads(void)
{
    const long half = sysconf(_SC_NPROCESSORS_ONLN) / 2;

    return half < 1 ? 1 : half > TLS_THREADS_MAX ? TLS_THREADS_MAX : (uint32_t)half;
}

static void server_options_fill(struct server_options *o, const struct broker_config *c, const struct tls_settings *tls)
{
    o->bind = c->bind_address;
    o->plain = c->port >= 0;
    o->port = o->plain ? (uint16_t)c->port : 0;
    o->tls = c->tls_port >= 0 ? tls : NULL;
    o->tls_port = o->tls ? (uint16_t)c->tls_port : 0;
    o->tls_check_ms = c->tls_check_s > 0 ? (uint32_t)c->tls_check_s * 1000 : 1000;
    o->tls_threads = tls_threads();
    o->advertised_address = given(c->advertised_address);
    o->advertised_listeners = given(c->advertised_listeners);
    o->internal_listener = given(c->internal_listener);
    o->version = GEMINGA_VERSION;
    o->pending_sends_max = (uint32_t)c->pending_sends_max;
    o->probe_ms = (uint32_t)c->probe_ms;
    o->message_bytes_max = (uint32_t)c->max_message_size;
    o->connections_max = c->connections_max > 0 ? (uint32_t)c->connections_max : UINT32_MAX;
    o->connections_per_address_max = (uint32_t)c->connections_per_address_max;
    o->keep_alive_ms = (uint32_t)c->keep_alive_s * 1000;
    o->non_persistent_pending_max = (uint32_t)c->non_persistent_pending_max;
}

static enum durability durability_of(const struct broker_config *c)
{
    return strcmp(c->durability, "os") == 0 || !c->journal_sync_data ? DURABILITY_OS : DURABILITY_SYNC;
}

/* The parts of memory_limit (docs/architecture.md).  What is left is for what is counted by number, not by bytes. */
static void memory_divide(struct node_options *o, const struct broker_config *c)
{
    const size_t eighth = (size_t)c->memory_limit / 8, message = (size_t)c->max_message_size;

    o->server.receive_bytes_max = 2 * eighth > 2 * message ? 2 * eighth : 2 * message;
    o->server.outputs_bytes_max = eighth;
    o->store.journal_pending_bytes = eighth;
    o->store.tail_cache_bytes = 2 * eighth;
    o->store.cold_read_bytes = eighth;
    o->broker.delayed_bytes_max = eighth / 2;
    o->broker.compaction_keys_bytes = eighth / 4;
    o->broker.event_id_bytes_max = eighth / 8;
    o->broker.schema_bytes_max = 2 * eighth; /* beside the parts, as all of the catalog is */
}

static void on_shutdown(struct timer *timer);

/* A request asked for the end: its answer goes first. */
static void shutdown_soon(void *ctx)
{
    struct serving *s = ctx;
    const struct sys *sys = uv_sys_get(s->uv);

    if (s->stopping || timer_running(&s->shutdown))
        return;
    log_info(s->log, "cli", "a request asked for the end: stopping");
    timer_init(&s->shutdown, sys->loop, on_shutdown);
    timer_start_ms(&s->shutdown, SHUTDOWN_MS);
}

/* 0: it is no number that can be. */
static uint32_t requests_per_s(const struct broker_config *c)
{
    char *end;
    const double number = strtod(c->http_requests_per_s, &end);

    return end != c->http_requests_per_s && *end == '\0' && number >= 1 && number <= 1000000 ? (uint32_t)number : 0;
}

static void node_options_fill(struct node_options *o, struct serving *s, const char *holder)
{
    const struct broker_config *c = s->config;

    node_options_init(o);
    o->store.durability = durability_of(c);
    o->store.give_up = given(c->give_up);
    o->store.holder = holder;
    o->store.on_fatal = on_fatal;
    o->store.directory_open = directory_open;
    o->store.directory_close = disk_posix_free;
    o->store.ctx = s;
    broker_options_fill(&o->broker, c);
    tls_settings_fill(&s->tls, c);
    server_options_fill(&o->server, c, &s->tls);
    memory_divide(o, c);
    o->admin.bind = c->bind_address;
    o->admin.tls_only = c->http_port < 0;
    o->admin.port = o->admin.tls_only ? 0 : (uint16_t)c->http_port;
    o->admin.tls = c->https_port >= 0 ? &s->tls : NULL;
    o->admin.tls_port = o->admin.tls ? (uint16_t)c->https_port : 0;
    o->admin.tls_check_ms = o->server.tls_check_ms;
    o->admin.connections_per_address_max = (uint32_t)c->http_connections_per_address_max;
    o->admin.requests_per_s = c->http_requests_limited ? requests_per_s(c) : 0;
    o->admin.head_bytes_max = (uint32_t)c->http_head_bytes_max;
    o->admin.trusted_sites = given(c->http_trusted_sites);
    o->admin.authenticate_metrics = c->authenticate_metrics;
    o->admin.advertised_address = given(c->advertised_address);
    o->admin.version = GEMINGA_VERSION;
    o->admin.status_file = given(c->status_file);
    o->admin.connections_max = (uint32_t)c->http_connections_max;
    o->admin.metrics = (struct metrics_options){.topics = c->metrics_of_topics,
                                                .consumers = c->metrics_of_consumers,
                                                .producers = c->metrics_of_producers,
                                                .split_partitions = c->metrics_split_partitions,
                                                .rows_max = (size_t)c->metrics_rows_max};
    o->admin.sockets = s->websocket ? websocket_service(s->websocket) : NULL;
    s->admin_configuration = (struct admin_configuration){
        .options = s->options, .is_dynamic = is_dynamic, .change = option_change, .ctx = s};
    o->admin.configuration = &s->admin_configuration;
    o->admin.shutdown = shutdown_soon;
    o->admin.shutdown_ctx = s;
    o->namespace_ = s->companion ? s->companion->namespace_ : NULL;
    o->namespaces = given(c->bootstrap_namespaces);
    o->store.log = o->broker.log = o->server.log = o->admin.log = s->log;
    serve_authentication_fill(o, c);
    o->authorization_enabled = c->authorization;
    o->authorization = (struct authorization_options){
        .super_users = c->super_users, .wildcards = c->authorization_wildcards, .log = s->log};
}

/* ---- the end ---- */

static void on_node_stopped(void *ctx)
{
    struct serving *s = ctx;

    uv_sys_stop(s->uv);
}

static void node_end(struct serving *s)
{
    node_stop(s->node, on_node_stopped, s);
}

static void on_companion_ended(struct task *task)
{
    struct serving *s = container_of(task, struct serving, companion_ended);

    if (!s->companion) /* part of it began, and ended with its start, which failed */
        return;
    s->companion->finish(s->companion);
    if (!s->stopping) { /* nobody asked for its end: it said why */
        s->stopping = true;
        s->failed = true;
    }
    s->companion = NULL;
    node_end(s);
}

/* On any thread. */
static void companion_has_ended(void *ctx)
{
    struct serving *s = ctx;
    bool posted = loop_post(uv_sys_get(s->uv)->loop, &s->companion_ended);

    (void)posted; /* the loop runs until the node has stopped, which is after this */
}

/* In order; what has begun already is not begun again. */
static void begin_end(struct serving *s)
{
    if (s->stopping)
        return;
    s->stopping = true;
    if (s->companion)
        s->companion->stop(s->companion); /* and when it has ended, the node */
    else
        node_end(s);
}

/* False: there are no files to look at again. */
static bool renew(struct serving *s)
{
    const bool of_node = node_renew(s->node), of_companion = s->companion && s->companion->renew(s->companion);

    return of_node || of_companion;
}

static void on_signal(void *ctx, int number)
{
    struct serving *s = ctx;

    if (number == SIGHUP && !s->stopping && renew(s)) {
        log_info(s->log, "cli", "signal %d: looking at the files of certificates and keys", number);
        return;
    }
    if (s->signalled) {
        log_warn(s->log, "cli", "signal %d again: ending at once", number);
        _exit(128 + number);
    }
    s->signalled = true;
    if (!s->stopping)
        log_info(s->log, "cli", "signal %d: stopping", number);
    begin_end(s);
}

static void on_shutdown(struct timer *timer)
{
    begin_end(container_of(timer, struct serving, shutdown));
}

/* ---- the beginning ---- */

static void ready_add_web(struct text *out, const char *port_key, const char *url_key, uint16_t port, const char *url)
{
    if (port == 0)
        return;
    text_printf(out, ",\"%s\":%u,\"%s\":", port_key, port, url_key);
    text_add_json(out, bytes_of_text(url));
}

static void ready_print(const struct serving *s)
{
    char data[PATH_MAX];
    struct text out;
    int64_t ms = clock_ms(CLOCK_MONOTONIC) - s->started_ms;
    const bool weak = durability_of(s->config) == DURABILITY_OS;
    const char *durability = weak ? "os" : "sync";

    if (!realpath(s->config->data, data))
        (void)snprintf(data, sizeof data, "%s", s->config->data);
    text_init(&out, READY_MAX);
    if (strcmp(s->config->output, "json") == 0) {
        text_add(&out, "{\"service_url\":");
        text_add_json(&out, bytes_of_text(node_url(s->node)));
        if (node_tls_port(s->node) > 0) {
            text_printf(&out, ",\"tls_port\":%u,\"service_url_tls\":", node_tls_port(s->node));
            text_add_json(&out, bytes_of_text(node_tls_url(s->node)));
        }
        ready_add_web(&out, "http_port", "http_url", node_http_port(s->node), s->http_url);
        ready_add_web(&out, "https_port", "https_url", node_https_port(s->node), s->https_url);
        if (node_port(s->node) > 0)
            text_printf(&out, ",\"port\":%u", node_port(s->node));
        text_printf(&out, ",\"pid\":%d,\"data\":", (int)getpid());
        text_add_json(&out, bytes_of_text(data));
        text_printf(&out, ",\"durability\":\"%s\",\"ms\":%" PRId64 "}\n", durability, ms);
    } else {
        const bool both = node_port(s->node) > 0 && node_tls_port(s->node) > 0;
        const bool both_web = s->http_url[0] && s->https_url[0];
        text_printf(&out, "Geminga %s serves %s%s%s and %s%s%s (data in %s%s, process %d, ready in %" PRId64 " ms)\n",
                    GEMINGA_VERSION, node_url(s->node), both ? ", " : "", both ? node_tls_url(s->node) : "",
                    s->http_url, both_web ? ", " : "", s->https_url, data,
                    weak ? ", DURABILITY os: a power cut may take back the last seconds" : "", (int)getpid(), ms);
    }
    if (!text_failed(&out))
        (void)fputs(out.data, stdout);
    (void)fflush(stdout);
    text_deinit(&out);
}

static enum err companion_start(struct serving *s, char *message, size_t message_size)
{
    if (!s->companion)
        return OK;
    enum err err = s->companion->start(s->companion, node_url(s->node), node_tls_url(s->node), companion_has_ended, s,
                                       message, message_size);
    if (err != OK)
        s->companion = NULL;
    return err;
}

static void openness_tell(const struct serving *s)
{
    if (!s->config->authentication && address_is_reachable(s->config->bind_address))
        log_warn(
            s->log, "cli",
            "whoever reaches this machine may do everything: authentication is off (`geminga init --secure DIR` makes "
            "a configuration with it; --bind-address 127.0.0.1 keeps others out)");
}

/* Empty: nobody listens there. */
static void url_write(const struct serving *s, const char *scheme, uint16_t port, char url[URL_MAX])
{
    if (port > 0)
        (void)snprintf(url, URL_MAX, "%s://%s:%u", scheme, host_of(s->config), port);
}

/* Keys will be in memory. */
static void memory_hide(const struct broker_config *c)
{
    if ((c->authentication || c->tls_port >= 0 || c->https_port >= 0) && !c->core_dumps)
        sandbox_hide_memory();
}

/* All that is listened on is open; files and threads may come and go. */
static void sandbox_begin(const struct serving *s)
{
    if (strcmp(s->config->sandbox, "on") == 0 && sandbox_enter() != OK)
        log_info(s->log, "cli", "no sandbox: this build, or this kernel, has none");
}

/* The node runs: what is beside it, and the loop. */
static int node_serve(struct serving *s)
{
    char message[MESSAGE_SIZE] = "";
    enum err err = uv_sys_on_signal(s->uv, on_signal, s);

    /* With TLS alone it is ourselves whom it trusts, by whatever name. */
    s->websocket_access = (struct pulsar_access){
        .service_url = node_url(s->node), .trust_certs = s->config->tls_certificate, .any_host = true};
    if (s->websocket)
        websocket_start(s->websocket, &s->websocket_access, s->config->authentication);
    url_write(s, "http", node_http_port(s->node), s->http_url);
    url_write(s, "https", node_https_port(s->node), s->https_url);
    if (err != OK)
        (void)snprintf(message, sizeof message, "cannot listen to signals: %s", err_text(err));
    else
        err = companion_start(s, message, sizeof message);
    if (err == OK) {
        openness_tell(s);
        sandbox_begin(s);
        ready_print(s);
    } else {
        cli_error(s->inv, "%s", message);
        s->stopping = true;
        s->failed = true;
        node_end(s);
    }
    uv_sys_run(s->uv);
    return s->failed ? CLI_FAILED : CLI_OK;
}

/* Before the sandbox, in which none could be made; and for durability mode "os" there is nothing to sync at once. */
static void ring_open(const struct serving *s)
{
    if (durability_of(s->config) == DURABILITY_OS)
        return;
    if (uv_sys_open_ring(s->uv) == OK)
        log_debug(s->log, "cli", "small batches of the journal go to the disk by io_uring");
    else
        log_info(s->log, "cli", "no io_uring for this process: threads write the journal's small batches, too");
}

static int give_up_check(const struct invocation *inv, const struct broker_config *config)
{
    char message[MESSAGE_SIZE];
    struct give_ups unused;

    if (give_ups_parse(&unused, config->give_up, message, sizeof message) != OK)
        return cli_usage_error(inv, "--give-up: %s", message);
    return CLI_OK;
}

static int ports_check(const struct invocation *inv, const struct broker_config *config)
{
    if (config->port < 0 && config->tls_port < 0)
        return cli_usage_error(inv, "broker.port and broker.tls_port are both -1: clients could not connect");
    if (config->http_port < 0 && config->https_port < 0)
        return cli_usage_error(inv, "broker.http_port and broker.https_port are both -1: nobody could administer it");
    if (config->http_requests_limited && requests_per_s(config) == 0)
        return cli_usage_error(inv, "http_requests_max_per_second expects a number from 1 to 1000000, not `%s`",
                               config->http_requests_per_s);
    if ((config->tls_port >= 0 || config->https_port >= 0) &&
        (!given(config->tls_certificate) || !given(config->tls_key)))
        return cli_usage_error(inv, "TLS: a certificate and its key are wanted: tlsCertificateFilePath and "
                                    "tlsKeyFilePath (`geminga init --secure DIR` makes them)");
    if (config->tls_enabled && config->tls_port < 0 && config->https_port < 0)
        return cli_usage_error(inv, "tlsEnabled=true, and there is no port for TLS: brokerServicePortTls=6651");
    return CLI_OK;
}

static int subscription_types_check(const struct invocation *inv, const struct broker_config *config)
{
    int64_t unused;

    if (subscription_types_parse(config->subscription_types, &unused) != OK)
        return cli_usage_error(inv,
                               "subscription_types expects some of Exclusive, Shared, Failover, Key_Shared with commas "
                               "between them, not `%s`",
                               config->subscription_types);
    return CLI_OK;
}

/* As Pulsar's brokers refuse to start. */
static int authorization_check_config(const struct invocation *inv, const struct broker_config *config)
{
    if (!config->authorization || config->authentication)
        return CLI_OK;
    return cli_usage_error(inv, "authorizationEnabled wants authenticationEnabled: who is nobody has no rights");
}

/* Everything is durable and closed: the rest is memory.  Giving back a million ledgers' one by one, in the order of a
 * hash, takes the allocator a minute; the kernel takes it in one go. */
static void leave_if_large(const struct serving *s, int status)
{
    struct store_stats stats;

    store_stats(node_store(s->node), &stats);
    if (stats.ledgers <= LEDGERS_FREED_MAX)
        return;
    (void)fflush(NULL);
    _exit(status);
}

/* A broker in a small container is not killed for what nobody has said. */
static int memory_fit(struct serving *s)
{
    const int64_t before = s->config->memory_limit;

    if (broker_config_fit(s->options, process_memory_limit()) != OK) {
        cli_error(s->inv, "no memory");
        return CLI_FAILED;
    }
    if (s->config->memory_limit != before)
        log_info(s->log, "cli", "memory_limit is %" PRId64 " MiB: half of what the control group may have",
                 s->config->memory_limit >> 20);
    return CLI_OK;
}

int serve(const struct invocation *inv, struct options *options_now, const struct broker_config *config,
          struct log *log, struct companion *companion)
{
    struct serving s = {.inv = inv, .options = options_now, .config = config, .log = log, .companion = companion};
    char message[MESSAGE_SIZE] = "", holder[64];
    struct node_options options;
    int status = give_up_check(inv, config);

    if (status == CLI_OK)
        status = subscription_types_check(inv, config);
    if (status == CLI_OK)
        status = ports_check(inv, config);
    if (status == CLI_OK)
        status = authorization_check_config(inv, config);
    if (status == CLI_OK)
        status = memory_fit(&s);
    if (status != CLI_OK)
        return status;
    memory_hide(config);
    s.started_ms = clock_ms(CLOCK_MONOTONIC);
    s.companion_ended.run = on_companion_ended;
    (void)snprintf(holder, sizeof holder, "geminga, process %d", (int)getpid());
    enum err err = uv_sys_new(&s.uv, config->data);
    if (err != OK) {
        cli_error(inv, "cannot use %s as data directory: %s", config->data, err_text(err));
        return CLI_FAILED;
    }
    ring_open(&s);
    if (config->websocket && websocket_new(&s.websocket, log) != OK) {
        cli_error(inv, "no memory");
        uv_sys_free(s.uv);
        return CLI_FAILED;
    }
    node_options_fill(&options, &s, holder);
    status = CLI_FAILED;
    if (serve_audit_open(&s.audit_disk, &options, config, message, sizeof message) == OK &&
        node_start(&s.node, &options, uv_sys_get(s.uv), message, sizeof message) == OK &&
        node_set_super_users(s.node, config->super_users) == OK) { /* as they were set by requests in earlier lives */
        status = node_serve(&s);
        leave_if_large(&s, status);
    } else {
        cli_error(inv, "%s%s", message[0] ? message : err_text(ERR_NOMEM),
                  strstr(message, "is taken")
                      ? " (--port N, --tls-port N, --http-port N, --https-port N; 0: the kernel chooses)"
                      : "");
    }
    websocket_close(s.websocket);
    node_free(s.node);
    websocket_free(s.websocket);
    disk_posix_free(s.audit_disk);
    uv_sys_free(s.uv);
    at_start_free(&s);
    return status;
}
