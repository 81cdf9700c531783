/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_link.c - asynchronous calls to answers that one thread waits for.
 */
#include "services/notary/journal/journal_link.h"

#include "services/runtime/bus.h"
#include "sys/deadline.h"
#include <assert.h>
#include <errno.h>
#include <geminga/client.h>
#include <time.h>

#define QUEUE 4 /* messages read ahead; each may have megabytes */

void journal_link_init(struct journal_link *l, const struct pulsar_settings *settings, const char *topic,
                       const char *keep, const char *name, struct loop *clocks, struct log *log)
{

    *l = (struct journal_link){
        .settings = settings, .topic = topic, .keep = keep, .name = name, .clocks = clocks, .log = log};
    pthread_mutex_init(&l->lock, NULL);
    deadline_cond_init(&l->changed);
}

void journal_link_deinit(struct journal_link *l)
{
    assert(!l->client);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
}

/* ---- replies ---- */

static struct journal_reply *reply_ask(struct journal_link *l, struct journal_reply *reply)
{
    assert(!reply->asked);
    pthread_mutex_lock(&l->lock);
    *reply = (struct journal_reply){.link = l, .asked = true};
    pthread_mutex_unlock(&l->lock);
    return reply;
}

/* On the client's thread. */
static void reply_give(void *ctx, pulsar_result result, void *value)
{
    struct journal_reply *reply = ctx;
    struct journal_link *l = reply->link;

    pthread_mutex_lock(&l->lock);
    reply->given = true;
    reply->result = result;
    reply->value = value;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

/* Under the lock, after it was given. */
static pulsar_result reply_take(struct journal_reply *reply, void **value)
{
    pulsar_result result = reply->result;

    assert(reply->given);
    *value = reply->value;
    *reply = (struct journal_reply){0};
    return result;
}

static void on_reader(pulsar_result result, pulsar_reader_t *reader, void *ctx)
{
    reply_give(ctx, result, reader);
}

static void on_kept(pulsar_result result, pulsar_consumer_t *consumer, void *ctx)
{
    reply_give(ctx, result, consumer);
}

static void on_message(pulsar_result result, pulsar_message_t *message, void *ctx)
{
    reply_give(ctx, result, message);
}

static void on_elected(pulsar_result result, pulsar_producer_t *producer, void *ctx)
{
    reply_give(ctx, result, producer);
}

static void on_sent(pulsar_result result, pulsar_message_id_t *id, void *ctx)
{
    if (id)
        pulsar_message_id_free(id);
    reply_give(ctx, result, NULL);
}

/* ---- waiting ---- */

static struct timespec deadline_of(const struct journal_link *l, int64_t ms)
{
    uint64_t ns = loop_now_ns(l->clocks) + (uint64_t)(ms < 0 ? 0 : ms) * NS_PER_MS; /* the condition's clock */

    return (struct timespec){.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
}

/* Waits for a change, under the lock.  False: the time is up. */
static bool wait_change(struct journal_link *l, bool for_ever, const struct timespec *until)
{
    if (for_ever)
        return pthread_cond_wait(&l->changed, &l->lock) == 0;
    return pthread_cond_timedwait(&l->changed, &l->lock, until) != ETIMEDOUT;
}

/* Waits for one reply, or the stop. */
static pulsar_result reply_wait(struct journal_link *l, struct journal_reply *reply, void **value)
{
    pulsar_result result = pulsar_result_AlreadyClosed;

    pthread_mutex_lock(&l->lock);
    while (!reply->given && !l->stopping)
        wait_change(l, true, NULL);
    if (reply->given)
        result = reply_take(reply, value);
    pthread_mutex_unlock(&l->lock);
    return result;
}

/* Under the lock: what there is to tell. */
static bool find_news(struct journal_link *l, enum journal_news *news, pulsar_result *result)
{
    void *value = NULL;

    if (l->message.given) {
        *news = l->message.result == pulsar_result_Ok ? NEWS_MESSAGE : NEWS_BROKEN;
        *result = l->message.result;
        if (*news == NEWS_BROKEN)
            (void)reply_take(&l->message, &value);
        return true;
    }
    if (l->elected.given) {
        *news = NEWS_PRODUCER;
        *result = reply_take(&l->elected, &value);
        l->producer = value;
        return true;
    }
    if (l->sent.given) {
        *news = NEWS_SENT;
        *result = reply_take(&l->sent, &value);
        return true;
    }
    *news = NEWS_STOP;
    *result = pulsar_result_Interrupted;
    return l->stopping && !l->producer;
}

enum journal_news journal_link_wait(struct journal_link *l, int64_t timeout_ms, pulsar_result *result)
{
    struct timespec until = deadline_of(l, timeout_ms);
    enum journal_news news = NEWS_LATE;
    bool found;

    if (!l->message.asked)
        geminga_reader_read_next_async(l->reader, on_message, reply_ask(l, &l->message));
    pthread_mutex_lock(&l->lock);
    while (!(found = find_news(l, &news, result)) && wait_change(l, timeout_ms < 0, &until))
        ;
    pthread_mutex_unlock(&l->lock);
    return found ? news : NEWS_LATE;
}

pulsar_message_t *journal_link_take(struct journal_link *l)
{
    void *message;

    pthread_mutex_lock(&l->lock);
    (void)reply_take(&l->message, &message);
    pthread_mutex_unlock(&l->lock);
    return message;
}

void journal_link_pause(struct journal_link *l, int64_t ms)
{
    struct timespec until = deadline_of(l, ms);

    pthread_mutex_lock(&l->lock);
    while (!l->stopping && wait_change(l, false, &until))
        ;
    pthread_mutex_unlock(&l->lock);
}

/* ---- connecting ---- */

static pulsar_result open_reader(struct journal_link *l, const pulsar_message_id_t *from)
{
    pulsar_reader_configuration_t *conf = pulsar_reader_configuration_create();
    pulsar_result result;
    void *reader = NULL;

    if (!conf)
        return pulsar_result_MemoryBufferIsFull;
    pulsar_reader_configuration_set_receiver_queue_size(conf, QUEUE);
    pulsar_reader_configuration_set_reader_name(conf, l->name);
    pulsar_client_create_reader_async(l->client, l->topic, from ? from : pulsar_message_id_earliest(), conf, on_reader,
                                      reply_ask(l, &l->opened));
    pulsar_reader_configuration_free(conf);
    result = reply_wait(l, &l->opened, &reader);
    pthread_mutex_lock(&l->lock);
    l->reader = reader;
    pthread_mutex_unlock(&l->lock);
    return result;
}

/* Nobody consumes from it: it is there so that the broker keeps what it has not acknowledged, which is all. */
static pulsar_result keep_topic(struct journal_link *l)
{
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_result result;
    void *consumer = NULL;

    if (!conf)
        return pulsar_result_MemoryBufferIsFull;
    pulsar_consumer_set_consumer_name(conf, l->name);
    pulsar_consumer_configuration_set_consumer_type(conf, pulsar_ConsumerShared); /* several replicas at once */
    pulsar_consumer_configuration_set_receiver_queue_size(conf, 1);
    pulsar_consumer_set_subscription_initial_position(conf, initial_position_earliest);
    pulsar_client_subscribe_async(l->client, l->topic, l->keep, conf, on_kept, reply_ask(l, &l->kept));
    pulsar_consumer_configuration_free(conf);
    if ((result = reply_wait(l, &l->kept, &consumer)) == pulsar_result_Ok) {
        pulsar_consumer_close(consumer);
        pulsar_consumer_free(consumer);
    }
    return result;
}

pulsar_result journal_link_open(struct journal_link *l, const pulsar_message_id_t *from)
{
    pulsar_client_t *client = bus_client_new(l->settings, l->log, l->settings->operation_timeout_ms);
    bool stopping;
    pulsar_result result;

    if (!client)
        return pulsar_result_InvalidConfiguration;
    pthread_mutex_lock(&l->lock);
    l->client = client;
    stopping = l->stopping;
    pthread_mutex_unlock(&l->lock);
    if (stopping)
        return pulsar_result_Interrupted;
    result = open_reader(l, from);
    return result == pulsar_result_Ok ? keep_topic(l) : result;
}

pulsar_result journal_link_has_more(struct journal_link *l, bool *more)
{
    int available = 0;
    pulsar_result result = pulsar_reader_has_message_available(l->reader, &available);

    *more = available;
    return result;
}

/* ---- producing ---- */

void journal_link_elect(struct journal_link *l)
{
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    struct journal_reply *reply = reply_ask(l, &l->elected);

    if (!conf) {
        reply_give(reply, pulsar_result_MemoryBufferIsFull, NULL);
        return;
    }
    pulsar_producer_configuration_set_producer_name(conf, l->name);
    pulsar_producer_configuration_set_access_mode(conf, pulsar_ProducerAccessModeWaitForExclusive);
    pulsar_producer_configuration_set_send_timeout(conf, (int)l->settings->send_timeout_ms);
    pulsar_producer_configuration_set_compression_type(conf, bus_compression(l->settings));
    pulsar_producer_configuration_set_batching_enabled(conf, false);
    pulsar_client_create_producer_async(l->client, l->topic, conf, on_elected, reply);
    pulsar_producer_configuration_free(conf);
}

void journal_link_send(struct journal_link *l, struct bytes body)
{
    pulsar_message_t *message = pulsar_message_create();
    struct journal_reply *reply = reply_ask(l, &l->sent);

    if (!message) {
        reply_give(reply, pulsar_result_MemoryBufferIsFull, NULL);
        return;
    }
    pulsar_message_set_content(message, body.data, body.len);
    pulsar_producer_send_async(l->producer, message, on_sent, reply);
    pulsar_message_free(message);
}

/* ---- ending ---- */

static void close_producer(pulsar_producer_t *producer)
{
    if (!producer)
        return;
    pulsar_producer_close(producer);
    pulsar_producer_free(producer);
}

static void close_reader(pulsar_reader_t *reader)
{
    if (!reader)
        return;
    pulsar_reader_close(reader);
    pulsar_reader_free(reader);
}

/* What came too late for anybody to take it.  Nothing comes any more. */
static void drop_replies(struct journal_link *l)
{
    if (l->elected.value)
        pulsar_producer_free(l->elected.value);
    if (l->opened.value)
        pulsar_reader_free(l->opened.value);
    if (l->kept.value)
        pulsar_consumer_free(l->kept.value);
    if (l->message.value)
        pulsar_message_free(l->message.value);
    l->opened = l->kept = l->message = l->elected = l->sent = (struct journal_reply){0};
}

void journal_link_close(struct journal_link *l)
{
    pulsar_client_t *client = l->client;
    pulsar_reader_t *reader = l->reader;
    pulsar_producer_t *producer = l->producer;

    pthread_mutex_lock(&l->lock);
    l->client = NULL;
    l->reader = NULL;
    l->producer = NULL;
    pthread_mutex_unlock(&l->lock);
    if (!client)
        return;
    close_producer(producer);
    close_reader(reader);
    pulsar_client_close(client);
    drop_replies(l);
    pulsar_client_free(client);
}

static void on_interrupted(pulsar_result result, void *ctx)
{
}

/* Who leads has its append under way finished; who does not is interrupted in whatever it waits for. */
void journal_link_stop(struct journal_link *l)
{
    pthread_mutex_lock(&l->lock);
    l->stopping = true;
    if (l->client && !l->producer)
        pulsar_client_close_async(l->client, on_interrupted, NULL);
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

bool journal_link_is_stopping(struct journal_link *l)
{
    bool stopping;

    pthread_mutex_lock(&l->lock);
    stopping = l->stopping;
    pthread_mutex_unlock(&l->lock);
    return stopping;
}

bool journal_link_is_connected(struct journal_link *l)
{
    bool connected;

    pthread_mutex_lock(&l->lock);
    connected = l->reader && pulsar_reader_is_connected(l->reader) &&
                (!l->producer || pulsar_producer_is_connected(l->producer));
    pthread_mutex_unlock(&l->lock);
    return connected;
}
