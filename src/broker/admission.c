/* SPDX-License-Identifier: Apache-2.0
 *
 * admission.c - see admission.h.
 */
#include "broker/admission.h"

#include "broker/consumer.h"
#include "broker/core.h"
#include "broker/limiter.h"
#include "broker/policies.h"
#include "broker/producer.h"
#include "broker/subscription.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Without the port, which is another one each time. */
static int host_len(const char *peer)
{
    const char *colon = strrchr(peer, ':');

    return (int)(colon ? (size_t)(colon - peer) : strlen(peer));
}

static bool same_host(const struct sink *a, const struct sink *b)
{
    const int len = host_len(a->peer);

    return len == host_len(b->peer) && memcmp(a->peer, b->peer, (size_t)len) == 0;
}

static uint64_t limit_of(const struct topic *t, enum policy which)
{
    return topic_name_is_system(&t->name) ? 0 : (uint64_t)policy_of(t->broker, t->id, which);
}

static uint64_t consumers_of(const struct topic *t)
{
    const struct subscription *s;
    uint64_t count = 0;
    size_t at = 0;

    while ((s = map_next(&t->subscriptions, &at)))
        count += s->consumer_count;
    return count;
}

static uint64_t consumers_from(const struct topic *t, const struct sink *sink)
{
    const struct subscription *s;
    uint64_t count = 0;
    size_t at = 0;

    while ((s = map_next(&t->subscriptions, &at)))
        list_each (node, &s->consumers)
            count += same_host(consumer_at(node)->sink, sink);
    return count;
}

static uint64_t producers_from(const struct topic *t, const struct sink *sink)
{
    const struct producer *p;
    uint64_t count = 0;
    size_t at = 0;

    while ((p = map_next(&t->producers, &at)))
        count += same_host(p->sink, sink);
    return count;
}

enum err admission_of_producer(const struct topic *t, const struct sink *sink, struct refusal *why)
{
    const uint32_t most = t->broker->options.same_address_producers_max;

    if (most > 0 && !topic_name_is_system(&t->name) && producers_from(t, sink) >= most)
        return refuse(why, ERR_BUSY, ABOUT_PRODUCER, "Topic '%s' reached max same address producers limit",
                      t->name.text);
    return OK;
}

enum err admission_of_consumer(const struct subscription *s, const struct sink *sink, struct refusal *why)
{
    const uint32_t from_address = s->topic->broker->options.same_address_consumers_max;
    const uint64_t of_topic = limit_of(s->topic, POLICY_CONSUMERS_MAX);
    const uint64_t of_subscription = limit_of(s->topic, POLICY_CONSUMERS_PER_SUBSCRIPTION_MAX);

    if (of_topic > 0 && consumers_of(s->topic) >= of_topic)
        return refuse(why, ERR_BUSY, ABOUT_CONSUMER, "Topic reached max consumers limit");
    if (from_address > 0 && !topic_name_is_system(&s->topic->name) && consumers_from(s->topic, sink) >= from_address)
        return refuse(why, ERR_BUSY, ABOUT_CONSUMER, "Topic '%s' reached max same address consumers limit",
                      s->topic->name.text);
    if (of_subscription > 0 && s->consumer_count >= of_subscription)
        return refuse(why, ERR_BUSY, ABOUT_CONSUMER, "Subscription reached max consumers limit");
    return OK;
}

/* ---- how often somebody comes ---- */

struct comer {
    struct limiter limiter;
    char key[]; /* host, name and id */
};

void admission_forget(struct topic *t)
{
    struct comer *c;
    size_t at = 0;

    while ((c = map_next(&t->comers, &at)))
        free(c);
    map_deinit(&t->comers);
    map_init(&t->comers, t->broker->topics.seed);
}

/* Found or made; NULL: memory is short. */
static struct comer *comer_of(struct topic *t, const char *key)
{
    struct comer *c = map_find(&t->comers, bytes_of_text(key));
    const size_t size = strlen(key) + 1;

    if (c)
        return c;
    if (map_count(&t->comers) >= ADMISSION_KNOWN_MAX)
        admission_forget(t);
    if (!(c = calloc(1, sizeof *c + size)))
        return NULL;
    memcpy(c->key, key, size);
    if (map_put(&t->comers, bytes_of_text(c->key), c) == OK)
        return c;
    free(c);
    return NULL;
}

enum err admission_by_rate(struct topic *t, const struct sink *sink, uint64_t consumer_id, const char *name,
                           struct refusal *why)
{
    const int64_t rate = policy_of(t->broker, t->id, POLICY_SUBSCRIBE_RATE);
    const uint64_t now_ns = loop_now_ns(t->broker->loop);
    char key[SUBSCRIPTION_NAME_MAX + 200];
    struct limiter_rates rates;
    struct comer *c;

    if (rate <= 0) {
        if (map_count(&t->comers) > 0)
            admission_forget(t);
        return OK;
    }
    (void)snprintf(key, sizeof key, "%.*s %llu %s", host_len(sink->peer), sink->peer, (unsigned long long)consumer_id,
                   name ? name : "");
    if (!(c = comer_of(t, key)))
        return refuse(why, ERR_NOMEM, ABOUT_CONSUMER, "%s", err_text(ERR_NOMEM));
    rates = (struct limiter_rates){
        .messages = (uint64_t)rate,
        .period_ms = 1000 * (uint64_t)policy_of(t->broker, t->id, POLICY_SUBSCRIBE_RATE_PERIOD_S),
    };
    limiter_set(&c->limiter, &rates, now_ns);
    if (!limiter_open(&c->limiter, now_ns))
        return refuse(why, ERR_UNSUPPORTED, ABOUT_CONSUMER, "Subscribe limited by subscribe rate limit per consumer.");
    limiter_charge(&c->limiter, 1, 0, now_ns);
    return OK;
}
