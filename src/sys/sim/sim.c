/* SPDX-License-Identifier: Apache-2.0
 *
 * sim.c - the clock, the hosts, and which event comes next.
 *
 * A step collects what may happen now from all hosts and lets the seed choose; each choice is as likely as any other.
 */
#include "sys/sim/sim_world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define START_NS     (1000 * NS_PER_MS)
#define EVENT_NS_MAX (20 * NS_PER_US)

void *sim_alloc(size_t len)
{
    void *at = calloc(1, len);

    assert(at);
    return at;
}

static uint64_t pick(struct random *r, const uint64_t *choices, size_t count)
{
    return choices[random_below(r, count)];
}

static struct manners draw_manners(struct random *r)
{
    static const uint64_t latency_us[] = {20, 500, 20000};
    static const uint64_t work_us[] = {10, 300, 10000};
    static const uint64_t window[] = {700, 4096, 65536, 65536};
    static const uint64_t split[] = {0, 1, 4};
    struct manners m;

    m.latency_us_max = pick(r, latency_us, 3); /* one by one: in an initializer the order would be the compiler's */
    m.work_us_max = pick(r, work_us, 3);
    m.window_bytes = pick(r, window, 4);
    m.split_in_eight = (uint32_t)pick(r, split, 3);
    m.ring = false;
    return m;
}

struct sim *sim_new(uint64_t seed)
{
    struct sim *s = sim_alloc(sizeof *s);

    random_init(&s->random, seed);
    s->manners = draw_manners(&s->random);
    s->manners.ring = seed % 2 == 0; /* not drawn: with and without it a seed is the same world otherwise */
    s->now_ns = START_NS;
    s->trace = seed;
    list_init(&s->hosts);
    return s;
}

void sim_calm(struct sim *s)
{
    assert(list_empty(&s->hosts));
    const bool ring = s->manners.ring;
    s->manners = (struct manners){.latency_us_max = 20, .work_us_max = 10, .window_bytes = 256 * 1024, .ring = ring};
}

void sim_rings(struct sim *s, bool are)
{
    assert(list_empty(&s->hosts));
    s->manners.ring = are;
}

void sim_slow(struct sim *s, uint64_t ms)
{
    s->slow_us = ms * 1000;
}

void sim_free(struct sim *s)
{
    if (!s)
        return;
    assert(list_empty(&s->hosts));
    free(s->events);
    free(s);
}

struct random *sim_random(struct sim *s)
{
    return &s->random;
}

uint64_t sim_ordinal(struct sim *s)
{
    return ++s->ordinals;
}

uint64_t sim_soon(struct sim *s, uint64_t us_max)
{
    return s->now_ns + random_below(&s->random, us_max * NS_PER_US + 1);
}

uint64_t sim_work_time(struct sim *s)
{
    return sim_soon(s, s->slow_us ? s->slow_us : s->manners.work_us_max);
}

bool sim_chance(struct sim *s, uint32_t of_eight)
{
    return random_below(&s->random, 8) < of_eight;
}

void sim_offer(struct sim *s, uint64_t when, enum event_kind kind, uint64_t source, void *subject)
{
    if (when > s->now_ns) {
        s->next_ns = when < s->next_ns ? when : s->next_ns;
        return;
    }
    if (s->event_count == s->event_capacity) {
        s->event_capacity = s->event_capacity ? 2 * s->event_capacity : 64;
        s->events = realloc(s->events, s->event_capacity * sizeof *s->events);
        assert(s->events);
    }
    s->events[s->event_count++] = (struct event){.kind = kind, .source = source, .subject = subject};
}

static void collect(struct sim *s)
{
    s->event_count = 0;
    s->next_ns = SIM_NEVER;
    list_each (node, &s->hosts) {
        struct sim_host *h = container_of(node, struct sim_host, node);
        if (!h->dead) {
            sim_loop_offer(h);
            sim_net_offer(h);
            sim_ring_offer(h);
        }
    }
}

/* FNV-1a over what identifies the event. */
static void trace(struct sim *s, const struct event *e)
{
    s->trace = (s->trace ^ e->kind) * 0x100000001b3;
    s->trace = (s->trace ^ e->source) * 0x100000001b3;
    s->trace = (s->trace ^ s->now_ns) * 0x100000001b3;
}

bool sim_step(struct sim *s)
{
    struct event e;

    collect(s);
    if (s->event_count == 0) {
        if (s->next_ns == SIM_NEVER)
            return false;
        s->now_ns = s->next_ns;
        collect(s);
    }
    assert(s->event_count > 0);

    e = s->events[random_below(&s->random, s->event_count)];
    s->steps++;
    trace(s, &e);
    const bool crosses = s->cross && e.kind != EVENT_RING_WRITE; /* which is the simulator's own */
    if (crosses)
        s->cross(true);
    if (e.kind <= EVENT_JOB_DONE)
        sim_loop_run(&e);
    else if (e.kind >= EVENT_RING_WRITE)
        sim_ring_run(&e);
    else
        sim_net_run(&e);
    if (crosses)
        s->cross(false);
    s->now_ns += random_below(&s->random, EVENT_NS_MAX);
    return true;
}

uint64_t sim_steps(const struct sim *s)
{
    return s->steps;
}

uint64_t sim_trace(const struct sim *s)
{
    return s->trace;
}

uint64_t sim_now_ns(const struct sim *s)
{
    return s->now_ns;
}

uint64_t sim_next_ns(struct sim *s)
{
    collect(s);
    return s->event_count > 0 ? s->now_ns : s->next_ns;
}

void sim_border(struct sim *s, void (*cross)(bool inside))
{
    s->cross = cross;
}

void sim_wall_jump(struct sim *s, int64_t delta_ms)
{
    s->wall_offset_ms += delta_ms;
}

struct sim_host *sim_host_find(struct sim *s, const char *name)
{
    list_each (node, &s->hosts) {
        struct sim_host *h = container_of(node, struct sim_host, node);
        if (!h->dead && strcmp(h->name, name) == 0)
            return h;
    }
    return NULL;
}

struct sim_host *sim_host_new(struct sim *s, const char *name, struct sim_disk *disk)
{
    struct sim_host *h = sim_alloc(sizeof *h);

    assert(strlen(name) < sizeof h->name);
    assert(!sim_host_find(s, name));
    snprintf(h->name, sizeof h->name, "%s", name);
    h->sim = s;
    h->ordinal = sim_ordinal(s);
    sim_loop_init(h);
    sim_net_init(h);
    sim_ring_init(h);
    h->sys = (struct sys){.loop = &h->loop, .net = &h->net, .disk = disk ? sim_disk_get(disk) : NULL};
    h->sys.ring = disk && s->manners.ring ? &h->ring : NULL;
    list_push_back(&s->hosts, &h->node);
    return h;
}

struct sys *sim_host_sys(struct sim_host *h)
{
    return &h->sys;
}

void sim_host_crash(struct sim_host *h)
{
    if (h->dead)
        return;
    h->dead = true;
    sim_loop_crash(h);
    sim_net_crash(h);
    sim_ring_crash(h);
}

void sim_host_free(struct sim_host *h)
{
    if (!h)
        return;
    sim_host_crash(h);
    sim_net_deinit(h);
    sim_loop_deinit(h);
    list_remove(&h->node);
    free(h);
}
