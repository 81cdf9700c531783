/* SPDX-License-Identifier: Apache-2.0
 *
 * discovery.c - attempts, delays, a deadline.
 */
#include "client/discovery.h"

#include <geminga/client.h>

static void on_again(struct timer *timer)
{
    struct client_discovery *d = container_of(timer, struct client_discovery, again);

    if (loop_now_ns(d->core->sys->loop) >= d->deadline_ns)
        d->done(d, d->failed, 0);
    else
        client_partitions_start(&d->ask);
}

/* An unknown partition count is no reason to give up, but what cannot change is. */
static bool worth_another(pulsar_result why)
{
    return geminga_result_retryable(why);
}

static void on_partitions(struct client_partitions *p, pulsar_result result, uint32_t count)
{
    struct client_discovery *d = container_of(p, struct client_discovery, ask);
    uint64_t now = loop_now_ns(d->core->sys->loop), next;

    if (result == pulsar_result_Ok || !worth_another(result) || p->waiter.hopeless) {
        d->done(d, result, count);
        return;
    }
    d->failed = result;
    next = now + client_backoff_next(&d->backoff, &d->core->random) * NS_PER_MS;
    timer_start_at(&d->again, next < d->deadline_ns ? next : d->deadline_ns);
}

static void on_refused(struct timer *timer)
{
    struct client_discovery *d = container_of(timer, struct client_discovery, again);

    d->done(d, d->failed, 0);
}

void client_discovery_start(struct client_discovery *d, struct client_core *core, const char *topic,
                            void (*done)(struct client_discovery *d, pulsar_result result, uint32_t count))
{
    *d = (struct client_discovery){.core = core, .done = done};
    d->deadline_ns = loop_now_ns(core->sys->loop) + client_core_timeout_ns(core);
    d->failed = client_core_refusal(core);
    if (d->failed == pulsar_result_Ok && core->lookups >= core->config->lookups_max)
        d->failed = pulsar_result_TooManyLookupRequestException;
    timer_init(&d->again, core->sys->loop, d->failed == pulsar_result_Ok ? on_again : on_refused);
    client_partitions_init(&d->ask, core, topic, on_partitions);
    if (d->failed == pulsar_result_Ok)
        client_partitions_start(&d->ask);
    else
        timer_start_ms(&d->again, 0);
}

void client_discovery_cancel(struct client_discovery *d)
{
    client_partitions_cancel(&d->ask);
    timer_stop(&d->again);
}
