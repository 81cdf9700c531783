/* SPDX-License-Identifier: Apache-2.0
 *
 * client.c - a client's thread, its log, its memory; the topic's partitions.
 */
#include "client/discovery.h"
#include "client/handle.h"
#include "client/listeners.h"

#include <assert.h>
#include <geminga/client.h>
#include <pulsar/c/version.h>
#include <stdlib.h>

const char *geminga_version(void)
{
    return GEMINGA_VERSION;
}

const char *pulsar_version_str(void)
{
    return PULSAR_VERSION_STR;
}

int pulsar_version(void)
{
    return PULSAR_VERSION;
}

/* ---- the log ---- */

static int64_t log_wall_ms(void *ctx)
{
    struct _pulsar_client *c = ctx;

    return loop_wall_ms(uv_sys_get(c->uv)->loop);
}

static const struct {
    const char *word; /* as base/log writes it */
    pulsar_logger_level_t level;
} levels[] = {{"debug ", pulsar_DEBUG}, {"info ", pulsar_INFO}, {"warn ", pulsar_WARN}, {"error ", pulsar_ERROR}};

/* "warn client: text\n" for the user's logger: the level, and the text alone. */
static void log_line(void *ctx, const char *text, size_t len)
{
    const struct _pulsar_client *c = ctx;
    const pulsar_logger_t *logger = &c->config.logger;
    pulsar_logger_level_t level = pulsar_ERROR;
    char copy[2048];

    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        size_t n = strlen(levels[i].word);

        if (len <= n || memcmp(text, levels[i].word, n) != 0)
            continue;
        level = levels[i].level;
        text += n;
        len -= n;
        break;
    }
    if (c->config.has_log_level ? level < c->config.log_level : !logger->is_enabled(level, logger->ctx))
        return;
    if (len > 0 && text[len - 1] == '\n')
        len--;
    if (len >= sizeof copy)
        len = sizeof copy - 1;
    memcpy(copy, text, len);
    copy[len] = '\0';
    logger->log(level, __FILE__, __LINE__, copy, logger->ctx);
}

static void log_init(struct _pulsar_client *c)
{
    if (c->config.logger.log)
        c->log = (struct log){.level = LOG_DEBUG, .line = log_line, .ctx = c};
    else
        c->log = (struct log){.level = LOG_WARN, .wall_ms = log_wall_ms, .ctx = c};
}

bool client_refuse(struct _pulsar_client *c, const char *call)
{
    log_error(&c->log, "client", "%s was called in a callback or listener, where it would wait for itself", call);
    return true;
}

bool client_must_not_wait(struct _pulsar_client *c, const char *call)
{
    return client_on_loop(c) && client_refuse(c, call);
}

/* ---- life ---- */

struct _pulsar_client *client_ref(struct _pulsar_client *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void client_unref(struct _pulsar_client *c)
{
    if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    client_listeners_free(c->listeners);
    client_tls_deinit(&c->tls);
    uv_sys_free(c->uv);
    client_config_deinit(&c->config);
    pthread_mutex_destroy(&c->memory_lock);
    pthread_cond_destroy(&c->memory_freed);
    free(c);
}

/* What the thread needs to tell who it is. */
struct start {
    struct _pulsar_client *client;
    struct client_wait wait;
};

static void thread_run(void *ctx)
{
    struct start *start = ctx;
    struct _pulsar_client *c = start->client;

    c->loop_thread = pthread_self();
    client_wait_done(&start->wait, pulsar_result_Ok, NULL);
    uv_sys_run(c->uv);
}

static enum err thread_start(struct _pulsar_client *c)
{
    struct start start = {.client = c};
    enum err err;

    client_wait_init(&start.wait);
    err = uv_thread_run(&c->thread, "pulsar-client", thread_run, &start);
    if (err != OK)
        client_wait_done(&start.wait, pulsar_result_UnknownError, NULL);
    (void)client_wait_for(&start.wait, NULL);
    return err;
}

static struct net *tls_net_of(struct client_core *core, const char **why)
{
    struct _pulsar_client *c = container_of(core, struct _pulsar_client, core);

    return client_tls_net(&c->tls, core, why);
}

static struct _pulsar_client *client_alloc(const struct _pulsar_client_configuration *config)
{
    struct _pulsar_client_configuration defaults;
    struct _pulsar_client *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    client_config_init(&defaults);
    if (client_config_copy(&c->config, config ? config : &defaults) != OK) {
        free(c);
        return NULL;
    }
    if (c->config.operation_timeout_s <= 0)
        c->config.operation_timeout_s = 30;
    atomic_init(&c->refs, 1);
    atomic_init(&c->stopped, false);
    pthread_mutex_init(&c->memory_lock, NULL);
    pthread_cond_init(&c->memory_freed, NULL);
    list_init(&c->handles);
    list_init(&c->closers);
    log_init(c);
    return c;
}

pulsar_client_t *pulsar_client_create(const char *serviceUrl, const pulsar_client_configuration_t *clientConfiguration)
{
    struct _pulsar_client *c = client_alloc(clientConfiguration);

    if (!c)
        return NULL;
    if (uv_sys_new(&c->uv, NULL) != OK || client_listeners_new(&c->listeners) != OK)
        goto fail;
    if (client_core_init(&c->core, uv_sys_get(c->uv), &c->log, serviceUrl, &c->config) != OK)
        goto fail;
    c->core.tls_net = tls_net_of;
    if (thread_start(c) == OK)
        return c;
    client_core_deinit(&c->core);
fail:
    client_unref(c);
    return NULL;
}

void pulsar_client_free(pulsar_client_t *client)
{
    if (!client)
        return;
    if (client_ends_itself(client, "pulsar_client_free"))
        return; /* it leaks; ending our own thread would be worse */
    client_close_now(client);
    uv_sys_stop(client->uv);
    uv_thread_finish(client->thread);
    atomic_store(&client->stopped, true);
    client_core_deinit(&client->core);
    client_unref(client);
}

/* ---- partitions of a topic ---- */

struct partitions_op {
    struct task task;
    struct client_handle handle; /* so that closing the client ends it */
    struct client_discovery discovery;
    bool discovering;
    char *topic;
    pulsar_get_partitions_callback callback;
    void *ctx;
};

static void partitions_tell(struct partitions_op *op, pulsar_result result, pulsar_string_list_t *list)
{
    pulsar_get_partitions_callback callback = op->callback;

    op->callback = NULL;
    if (callback)
        callback(result, list, op->ctx);
    else
        pulsar_string_list_free(list);
}

static void partitions_close(struct client_handle *h, bool now)
{
    struct partitions_op *op = container_of(h, struct partitions_op, handle);

    if (op->discovering)
        client_discovery_cancel(&op->discovery);
    op->discovering = false;
    partitions_tell(op, pulsar_result_AlreadyClosed, NULL);
    client_handle_gone(h, pulsar_result_Ok);
}

static void partitions_free(struct client_handle *h)
{
    struct partitions_op *op = container_of(h, struct partitions_op, handle);

    free(op->topic);
    free(op);
}

static const struct client_handle_ops partitions_ops = {partitions_close, partitions_free};

static pulsar_string_list_t *partition_names(const char *topic, uint32_t count)
{
    pulsar_string_list_t *list = pulsar_string_list_create();
    char *name;

    if (list && count == 0)
        pulsar_string_list_append(list, topic);
    for (uint32_t i = 0; list && i < count; i++) {
        if (client_topic_partition(topic, i, &name) != OK)
            break;
        pulsar_string_list_append(list, name);
        free(name);
    }
    if (!list || pulsar_string_list_size(list) == (int)(count ? count : 1))
        return list;
    pulsar_string_list_free(list);
    return NULL;
}

static void on_partitions_found(struct client_discovery *d, pulsar_result result, uint32_t count)
{
    struct partitions_op *op = container_of(d, struct partitions_op, discovery);
    pulsar_string_list_t *list = result == pulsar_result_Ok ? partition_names(op->topic, count) : NULL;

    op->discovering = false;
    if (result == pulsar_result_Ok && !list)
        result = pulsar_result_MemoryBufferIsFull;
    partitions_tell(op, result, list);
    client_handle_gone(&op->handle, pulsar_result_Ok);
}

static void on_partitions_ask(struct task *task)
{
    struct partitions_op *op = container_of(task, struct partitions_op, task);

    if (client_handle_open(&op->handle)) {
        op->discovering = true;
        client_discovery_start(&op->discovery, &op->handle.client->core, op->topic, on_partitions_found);
    } else {
        partitions_tell(op, pulsar_result_AlreadyClosed, NULL);
    }
    client_handle_unref(&op->handle); /* the caller's */
}

void pulsar_client_get_topic_partitions_async(pulsar_client_t *client, const char *topic,
                                              pulsar_get_partitions_callback callback, void *ctx)
{
    struct partitions_op *op = calloc(1, sizeof *op);
    enum err err = op ? client_topic_complete(topic, &op->topic) : ERR_NOMEM;

    if (err != OK) {
        free(op);
        if (callback)
            callback(err == ERR_NOMEM ? pulsar_result_MemoryBufferIsFull : pulsar_result_InvalidTopicName, NULL, ctx);
        return;
    }
    op->callback = callback;
    op->ctx = ctx;
    client_handle_init(&op->handle, client, &partitions_ops);
    if (client_post(client, &op->task, on_partitions_ask))
        return;
    partitions_tell(op, pulsar_result_AlreadyClosed, NULL);
    client_handle_unref(&op->handle);
}

static void on_partitions_wait(pulsar_result result, pulsar_string_list_t *partitions, void *ctx)
{
    client_wait_done(ctx, result, partitions);
}

pulsar_result pulsar_client_get_topic_partitions(pulsar_client_t *client, const char *topic,
                                                 pulsar_string_list_t **partitions)
{
    struct client_wait wait;
    pulsar_result result;
    void *value;

    if (client_must_not_wait(client, "pulsar_client_get_topic_partitions"))
        return pulsar_result_InvalidConfiguration;
    client_wait_init(&wait);
    pulsar_client_get_topic_partitions_async(client, topic, on_partitions_wait, &wait);
    result = client_wait_for(&wait, &value);
    if (result == pulsar_result_Ok)
        *partitions = value;
    return result;
}
