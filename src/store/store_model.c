/* SPDX-License-Identifier: Apache-2.0
 *
 * store_model.c - see store_model.h: the world, the operations, reading.  store_model_verify.c holds what must be true.
 */
#include "store/store_model_private.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#define STEPS_MAX 10000000u

struct reading {
    struct store_read read;
    struct list node;
    struct model *model;
    struct model_append *expected; /* the first entry of it */
    bool done;
    enum err err;
};

/* A count, and parts, that a barrier will prove, unless a reset forgets them first. */
struct model_counted {
    struct model_append *append;
    uint32_t redelivered, parts, resets;
};

struct barrier {
    struct store_op op;
    struct list node;
    struct model *model;
    uint64_t life;
    uint64_t versions[MODEL_TOPICS];
    bool removed[MODEL_TOPICS], unsubscribed[MODEL_TOPICS];
    size_t acked_count, counted_count;
    struct model_append **acked;
    struct model_counted *counted;
};

/* Before and after a call of the store's. */
static void enter(const struct model *m)
{
    if (m->hooks)
        m->hooks->cross(true);
}

static void leave(const struct model *m)
{
    if (m->hooks)
        m->hooks->cross(false);
}

/* True when the call did what it shall; else it must have failed whole, and may. */
static bool went_well(const struct model *m, enum err err)
{
    if (err == OK)
        return true;
    assert(m->memory_may_fail && (err == ERR_NOMEM || (err == ERR_CLOSED && m->fatals > 0)));
    return false;
}

static void barrier_free(struct barrier *b)
{
    free(b->acked);
    free(b->counted);
    free(b);
}

/* Those that died with their store. */
static void forget_operations(struct model *m)
{
    struct list *node;

    while ((node = list_pop_front(&m->barriers)))
        barrier_free(container_of(node, struct barrier, node));
    while ((node = list_pop_front(&m->readings)))
        free(container_of(node, struct reading, node));
}

/* ---- a world ---- */

static void on_fatal(void *ctx, enum err err, const char *what)
{
    struct model *m = ctx;

    (void)err;
    (void)what;
    m->fatals++;
}

void model_init(struct model *m, uint64_t seed)
{
    *m = (struct model){.namespace_ = 1};
    random_init(&m->random, seed);
    m->sim = sim_new(seed);
    m->disk = sim_disk_new(sim_random(m->sim));
    m->host = sim_host_new(m->sim, "broker", m->disk);
    m->appends_end = &m->appends;
    list_init(&m->barriers);
    list_init(&m->readings);
    m->options = (struct store_options){
        .journal_file_bytes = 256 * 1024,
        .checkpoint_bytes = 32 * 1024,
        .own_segment_bytes = 8 * 1024,
        .compaction_bytes = 24 * 1024,
        .compaction_dead_bytes = 2 * 1024,
        .compaction_quiet_ms = 1,
        .compaction_fan = 3,
        .tail_cache_bytes = 16 * 1024,
        .holder = "model",
        .log = getenv("STORE_LOG") ? &m->log : NULL,
        .on_fatal = on_fatal,
        .ctx = m,
    };
}

static void new_host(struct model *m)
{
    m->host = sim_host_new(m->sim, "broker", m->disk);
    if (m->hooks)
        m->hooks->host(sim_host_sys(m->host));
}

void model_hook(struct model *m, const struct model_hooks *hooks)
{
    m->hooks = hooks;
    sim_border(m->sim, hooks->cross);
    hooks->host(sim_host_sys(m->host));
}

/* SQLite's own randomness (the salts of its log) comes from one generator of the process. */
static void seed_sqlite(struct model *m)
{
    const int seed = (int)(random_next(&m->random) & 0x3fffffff) + 1;

    sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, seed, NULL);
}

void model_deinit(struct model *m)
{
    sim_host_crash(m->host);
    store_free(m->store);
    forget_operations(m);
    sim_host_free(m->host);
    sim_disk_free(m->disk);
    sim_free(m->sim);
    while (m->appends) {
        struct model_append *a = m->appends;
        m->appends = a->next;
        free(a);
    }
}

enum err model_open(struct model *m)
{
    m->life++;
    m->closed = false;
    m->fatals = 0;
    m->unsynced = m->unsynced || m->options.durability == DURABILITY_OS;
    seed_sqlite(m);
    enter(m);
    enum err err = store_open(&m->store, &m->options, sim_host_sys(m->host), m->message, sizeof m->message);
    leave(m);
    if (err != OK)
        m->store = NULL;
    for (unsigned i = 0; i < MODEL_TOPICS; i++) {
        struct model_topic *t = &m->topics[i];
        t->ledger = 0;
        t->cursor = err == OK && t->subscription ? cursor_find(m->store, t->subscription) : NULL;
    }
    return err;
}

/* The life of the store ends. */
static void free_store(struct model *m)
{
    m->compactions += m->store ? m->store->checkpoint.compactions : 0;
    m->adopted_bytes += m->store ? m->store->checkpoint.adopted_bytes : 0;
    store_free(m->store);
    m->store = NULL;
}

/* All that has been promised so far is kept whatever happens. */
void model_note_durable(struct model *m)
{
    m->unsynced = m->store && m->options.durability == DURABILITY_OS;
    for (unsigned i = 0; i < MODEL_TOPICS; i++) {
        struct model_topic *t = &m->topics[i];
        t->durable_version = t->safe_version;
        t->durable = t->safe;
        t->durable_removed = t->safe_removed;
        t->durable_unsubscribed = t->safe_unsubscribed;
    }
    for (struct model_append *a = m->appends; a; a = a->next) {
        a->durable = a->done;
        a->ack_durable = a->ack_safe;
        a->redelivered_durable = a->redelivered_safe;
        a->parts_durable = a->parts_safe;
    }
}

void model_note_backup(struct model *m)
{
    model_note_durable(m);
    m->unsynced = true;
}

static void take_back_promises(struct model *m)
{
    for (unsigned i = 0; i < MODEL_TOPICS; i++) {
        struct model_topic *t = &m->topics[i];
        t->safe_version = t->durable_version;
        t->safe = t->durable;
        t->safe_removed = t->durable_removed;
        t->safe_unsubscribed = t->durable_unsubscribed;
    }
    for (struct model_append *a = m->appends; a; a = a->next) {
        a->done = a->durable;
        a->ack_safe = a->ack_safe && a->ack_durable;
        if (a->redelivered_safe > a->redelivered_durable)
            a->redelivered_safe = a->redelivered_durable;
        a->parts_safe &= a->parts_durable;
    }
}

void model_crash(struct model *m, enum model_end end)
{
    if (end == MODEL_POWER && m->unsynced)
        take_back_promises(m);
    sim_host_crash(m->host);
    if (end == MODEL_POWER)
        sim_disk_crash(m->disk);
    else
        sim_disk_kill(m->disk);
    free_store(m);
    forget_operations(m);
    sim_host_free(m->host);
    sim_disk_restart(m->disk);
    new_host(m);
}

bool model_dead(const struct model *m)
{
    return m->fatals > 0 || sim_disk_crashed(m->disk);
}

void model_steps(struct model *m, unsigned n)
{
    while (n-- > 0 && !model_dead(m) && sim_step(m->sim))
        ;
}

void model_settle(struct model *m)
{
    unsigned steps = 0;

    while (!model_dead(m) && sim_step(m->sim))
        assert(++steps < STEPS_MAX); /* something ticks for ever */
}

void model_run_ms(struct model *m, uint64_t ms)
{
    const uint64_t end = sim_now_ns(m->sim) + ms * NS_PER_MS;

    while (!model_dead(m) && sim_next_ns(m->sim) < end && sim_step(m->sim))
        ;
}

static void on_closed(void *ctx)
{
    ((struct model *)ctx)->closed = true;
}

bool model_close(struct model *m)
{
    enter(m);
    store_close(m->store, on_closed, m);
    leave(m);
    model_settle(m);
    if (!m->closed)
        return false;
    for (unsigned i = 0; i < MODEL_TOPICS; i++) {
        m->topics[i].safe_version = m->topics[i].version;
        m->topics[i].safe_removed = m->topics[i].removed;
        m->topics[i].safe_unsubscribed = m->topics[i].unsubscribed;
    }
    for (struct model_append *a = m->appends; a; a = a->next) {
        a->ack_safe = a->ack_safe || a->acked;
        a->redelivered_safe = a->redelivered;
        a->parts_safe = a->parts;
    }
    model_note_durable(m);
    free_store(m);
    sim_host_free(m->host);
    sim_disk_kill(m->disk);
    sim_disk_restart(m->disk);
    new_host(m);
    return true;
}

/* ---- operations ---- */

static struct bytes row_name(char *to, size_t size, unsigned topic)
{
    snprintf(to, size, "persistent://public/default/topic-%u", topic);
    return bytes_of_text(to);
}

void model_put(struct model *m, unsigned topic)
{
    struct model_topic *t = &m->topics[topic];
    char name[64];
    uint8_t value[8];

    if (model_dead(m))
        return;
    if (t->version + 1 >= sizeof t->asked / sizeof t->asked[0] || (t->version > 0 && !t->cursor))
        return;
    t->asked[t->version + 1] = m->append_count;
    le64_put(value, t->version + 1);
    const struct catalog_row row = {.id = t->id,
                                    .parent = m->namespace_,
                                    .name = row_name(name, sizeof name, topic),
                                    .value = bytes_of(value, sizeof value)};
    enter(m);
    enum err err = catalog_put(m->store, CATALOG_TOPIC, &row);
    leave(m);
    if (went_well(m, err))
        t->version++;
}

static void create_cursor(struct model *m, struct model_topic *t)
{
    struct cursor *cursor;

    if (!t->subscription) {
        const struct catalog_row row = {
            .id = store_id_new(m->store), .parent = t->id, .name = bytes_of_text("s"), .value = bytes_of(NULL, 0)};
        enter(m);
        enum err err = catalog_put(m->store, CATALOG_SUBSCRIPTION, &row);
        leave(m);
        if (!went_well(m, err))
            return;
        t->subscription = row.id;
    }
    enter(m);
    enum err err = cursor_create(m->store, t->subscription, t->id, POSITION_EARLIEST, 0, &cursor);
    leave(m);
    if (went_well(m, err))
        t->cursor = cursor;
}

void model_create_topics(struct model *m)
{
    for (unsigned i = 0; i < MODEL_TOPICS && !model_dead(m); i++) {
        struct model_topic *t = &m->topics[i];
        if (t->cursor || t->removed || t->unsubscribed)
            continue;
        if (t->version == 0) {
            t->id = store_id_new(m->store);
            model_put(m, i);
        }
        if (t->version > 0 && !model_dead(m))
            create_cursor(m, t);
    }
}

struct pattern model_pattern_of(uint64_t sequence)
{
    struct pattern p = {.sequence = sequence};

    random_init(&p.random, sequence);
    return p;
}

/* The byte at `i`; in order, from 0. */
uint8_t model_pattern_next(struct pattern *p, size_t i)
{
    const uint8_t drawn = (uint8_t)random_next(&p->random);

    return (uint8_t)(i < 8 ? p->sequence >> (8 * i) : drawn);
}

static void fill(uint8_t *to, size_t len, uint64_t sequence)
{
    struct pattern p = model_pattern_of(sequence);

    for (size_t i = 0; i < len; i++)
        to[i] = model_pattern_next(&p, i);
}

static void append_done(struct append *append, enum err err)
{
    struct model_append *a = container_of(append, struct model_append, append);

    assert(!a->done && !a->failed && a->life == a->model->life);
    a->done = err == OK;
    a->failed = err != OK && !a->deleted; /* what was deleted under way may come back with its ledger */
}

static bool ledger_ready(struct model *m, struct model_topic *t)
{
    uint64_t id;

    if (t->ledger)
        return true;
    enter(m);
    enum err err = ledger_create(m->store, t->id, &id);
    leave(m);
    t->ledger = err == OK ? id : 0;
    return went_well(m, err) && !model_dead(m);
}

void model_append(struct model *m, unsigned topic, size_t len)
{
    struct model_topic *t = &m->topics[topic];
    struct entry_header header = {.messages = 1 + (uint32_t)(m->append_count % 3),
                                  .publish_ms = (int64_t)m->append_count};
    struct buffer *buffer;
    struct model_append *a;

    if (!t->cursor || model_dead(m) || !ledger_ready(m, t))
        return;
    assert(len >= 8);
    a = calloc(1, sizeof *a);
    buffer = buffer_new(len * (m->append_count % 5 == 0 ? 4 : 1), NULL);
    assert(a && buffer);
    *a = (struct model_append){.append.done = append_done,
                               .model = m,
                               .sequence = m->append_count + 1,
                               .topic = topic,
                               .life = m->life,
                               .may_fail = m->writes_may_fail};
    fill(buffer->data, len, a->sequence);
    struct slice bytes = slice_of(buffer, 0, len);
    enter(m);
    enum err err = ledger_append(m->store, t->ledger, &header, bytes, &a->append);
    leave(m);
    slice_unref(&bytes);
    buffer_unref(buffer);
    if (err != OK) {
        free(a);
        if (err == ERR_FENCED)
            model_roll(m, topic);
        return;
    }
    a->position = a->append.position;
    *m->appends_end = a;
    m->appends_end = &a->next;
    m->append_count++;
}

static struct model_append *nth_unacked(struct model *m, unsigned topic, unsigned nth)
{
    for (struct model_append *a = m->appends; a; a = a->next) {
        if (a->topic == topic && a->done && !a->acked && !a->deleted && nth-- == 0)
            return a;
    }
    return NULL;
}

void model_ack(struct model *m, unsigned topic, unsigned nth)
{
    struct model_topic *t = &m->topics[topic];
    struct model_append *a = t->cursor ? nth_unacked(m, topic, nth) : NULL;
    bool changed;

    if (!a || model_dead(m))
        return;
    enter(m);
    enum err err = cursor_ack(t->cursor, a->position, model_messages(a), &changed);
    leave(m);
    if (!went_well(m, err))
        return;
    assert(changed);
    assert(cursor_redeliveries(t->cursor, a->position) == 0);
    a->acked = true;
    a->redelivered = 0;
}

static void expect_left(const struct cursor *c, const struct model_append *a)
{
    uint64_t left[CURSOR_LEFT_WORDS];
    const uint32_t words = cursor_left(c, a->position, left);

    assert(words == (a->parts && !a->acked ? 1 : 0));
    assert(words == 0 || left[0] == (model_all_parts(a) & ~a->parts));
}

void model_ack_part(struct model *m, unsigned topic, unsigned nth, unsigned message)
{
    struct model_topic *t = &m->topics[topic];
    struct model_append *a = t->cursor ? nth_unacked(m, topic, nth) : NULL;
    uint32_t acked;

    if (!a || model_dead(m))
        return;
    const uint32_t part = 1u << message % model_messages(a);
    const uint64_t left = model_all_parts(a) & ~part; /* of this client: another one has acknowledged others */
    enter(m);
    enum err err = cursor_ack_partial(t->cursor, a->position, model_messages(a), &left, 1, &acked);
    leave(m);
    if (!went_well(m, err))
        return;
    assert(acked == (a->parts & part ? 0 : 1));
    a->parts |= part;
    a->parts_max |= part;
    if (a->parts == model_all_parts(a)) {
        a->acked = true;
        a->redelivered = 0;
    }
    assert(cursor_acked(t->cursor, a->position) == a->acked);
    expect_left(t->cursor, a);
}

void model_redeliver(struct model *m, unsigned topic, unsigned nth)
{
    struct model_topic *t = &m->topics[topic];
    struct model_append *a = t->cursor ? nth_unacked(m, topic, nth) : NULL;

    if (!a || model_dead(m))
        return;
    enter(m);
    enum err err = cursor_redelivered(t->cursor, a->position);
    leave(m);
    if (!went_well(m, err))
        return;
    a->redelivered++;
    if (a->redelivered > a->redelivered_max)
        a->redelivered_max = a->redelivered;
    assert(cursor_redeliveries(t->cursor, a->position) == a->redelivered);
}

void model_ack_cumulative(struct model *m, unsigned topic, unsigned nth)
{
    struct model_topic *t = &m->topics[topic];
    struct model_append *upto = t->cursor ? nth_unacked(m, topic, nth) : NULL;

    if (!upto || model_dead(m))
        return;
    enter(m);
    enum err err = cursor_ack_cumulative(t->cursor, upto->position, NEXT_MESSAGE_UNKNOWN, NULL);
    leave(m);
    if (!went_well(m, err))
        return;
    for (struct model_append *a = m->appends; a; a = a->next) {
        if (a->topic != topic || !a->done || position_before(upto->position, a->position))
            continue;
        a->acked = true;
        a->redelivered = 0;
    }
}

void model_roll(struct model *m, unsigned topic)
{
    struct model_topic *t = &m->topics[topic];

    if (t->ledger && !model_dead(m)) {
        enter(m);
        ledger_close(m->store, t->ledger);
        leave(m);
    }
    t->ledger = 0;
}

void model_trim(struct model *m, unsigned topic)
{
    struct model_topic *t = &m->topics[topic];
    size_t count;
    const struct ledger_info *chain = store_chain(m->store, t->id, &count);

    if (count < 2 || chain[0].open || model_dead(m))
        return;
    const uint64_t id = chain[0].id;
    for (struct model_append *a = m->appends; a; a = a->next) {
        if (a->topic != topic || (uint64_t)a->position.ledger != id)
            continue;
        a->deleted = a->acked = true;
        a->redelivered = 0;
    }
    enter(m);
    ledger_delete(m->store, id);
    leave(m);
}

static void barrier_done(struct store_op *op, enum err err)
{
    struct barrier *b = container_of(op, struct barrier, op);

    assert(err == OK && b->life == b->model->life);
    for (unsigned i = 0; i < MODEL_TOPICS; i++) {
        struct model_topic *t = &b->model->topics[i];
        t->safe_version = b->versions[i];
        t->safe = t->safe || b->versions[i] > 0;
        t->safe_removed = t->safe_removed || b->removed[i];
        t->safe_unsubscribed = t->safe_unsubscribed || b->unsubscribed[i];
    }
    for (size_t i = 0; i < b->acked_count; i++)
        b->acked[i]->ack_safe = b->acked[i]->acked; /* a reset may have come since */
    for (size_t i = 0; i < b->counted_count; i++) {
        const struct model_counted *c = &b->counted[i];
        if (c->append->resets == c->resets) {
            c->append->redelivered_safe = c->redelivered;
            c->append->parts_safe |= c->parts;
        }
    }
    list_remove(&b->node);
    barrier_free(b);
}

void model_barrier(struct model *m)
{
    struct barrier *b;

    if (model_dead(m))
        return;
    b = calloc(1, sizeof *b);
    assert(b);
    b->acked = calloc(m->append_count + 1, sizeof b->acked[0]);
    b->counted = calloc(m->append_count + 1, sizeof b->counted[0]);
    assert(b->acked && b->counted);
    b->op.done = barrier_done;
    b->model = m;
    b->life = m->life;
    for (unsigned i = 0; i < MODEL_TOPICS; i++) {
        b->versions[i] = m->topics[i].version;
        b->removed[i] = m->topics[i].removed;
        b->unsubscribed[i] = m->topics[i].unsubscribed;
    }
    for (struct model_append *a = m->appends; a; a = a->next) {
        if (a->acked)
            b->acked[b->acked_count++] = a;
        else if (a->redelivered > 0 || a->parts > 0)
            b->counted[b->counted_count++] = (struct model_counted){a, a->redelivered, a->parts, a->resets};
    }
    list_push_back(&m->barriers, &b->node);
    enter(m);
    store_barrier(m->store, &b->op);
    leave(m);
}

void model_reset(struct model *m, unsigned topic, unsigned nth)
{
    struct model_topic *t = &m->topics[topic];
    struct model_append *to = NULL;

    for (struct model_append *a = m->appends; a && !to; a = a->next) {
        if (a->topic == topic && a->done && !a->deleted && nth-- == 0)
            to = a;
    }
    if (!to || !t->cursor || model_dead(m))
        return;
    enter(m);
    enum err err = cursor_reset(t->cursor, to->position, NEXT_MESSAGE_UNKNOWN);
    leave(m);
    if (!went_well(m, err))
        return;
    cursor_check(t->cursor);
    for (struct model_append *a = m->appends; a; a = a->next) {
        if (a->topic != topic || !a->done || a->deleted)
            continue;
        const bool before = position_before(a->position, to->position);
        a->maybe_acked = a->maybe_acked || a->acked;
        a->acked = before;
        a->ack_safe = a->ack_safe && before;
        a->ack_durable = a->ack_durable && before; /* the reset may be the last that a power cut leaves */
        a->redelivered = a->redelivered_safe = a->redelivered_durable = 0;
        a->parts = a->parts_safe = a->parts_durable = 0;
        a->resets++;
    }
}

void model_remove(struct model *m, unsigned topic)
{
    struct model_topic *t = &m->topics[topic];

    if (!t->cursor || model_dead(m))
        return;
    enter(m);
    enum err err = catalog_remove(m->store, CATALOG_TOPIC, t->id);
    leave(m);
    if (!went_well(m, err))
        return;
    for (struct model_append *a = m->appends; a; a = a->next) {
        if (a->topic == topic)
            a->deleted = true;
    }
    t->removed = true;
    t->cursor = NULL;
    t->ledger = 0;
    assert(!cursor_find(m->store, t->subscription));
}

void model_unsubscribe(struct model *m, unsigned topic)
{
    struct model_topic *t = &m->topics[topic];

    if (!t->cursor || model_dead(m))
        return;
    enter(m);
    enum err err = catalog_remove(m->store, CATALOG_SUBSCRIPTION, t->subscription);
    leave(m);
    if (!went_well(m, err))
        return;
    t->unsubscribed = true;
    t->cursor = NULL;
    assert(!cursor_find(m->store, t->subscription));
}

void model_random_step(struct model *m)
{
    struct random *r = &m->random;
    const unsigned topic = (unsigned)random_below(r, MODEL_TOPICS);

    if (model_dead(m))
        return;
    switch (random_below(r, 21)) {
    case 0:
        model_put(m, topic);
        break;
    case 16:
        model_start_read(m, topic, (unsigned)random_below(r, 40));
        break;
    case 17:
        if (random_below(r, 12) == 0)
            model_remove(m, topic);
        else if (random_below(r, 3) == 0)
            model_reset(m, topic, (unsigned)random_below(r, 30));
        break;
    case 18:
        model_redeliver(m, topic, (unsigned)random_below(r, 6));
        break;
    case 20:
        model_ack_part(m, topic, (unsigned)random_below(r, 6), (unsigned)random_below(r, 3));
        break;
    case 1:
        model_barrier(m);
        break;
    case 2:
        model_roll(m, topic);
        break;
    case 3:
        model_trim(m, topic);
        break;
    case 4:
    case 5:
        model_ack(m, topic, (unsigned)random_below(r, 4));
        break;
    case 6:
        model_ack_cumulative(m, topic, (unsigned)random_below(r, 6));
        break;
    case 7:
        model_append(m, topic, 8 + random_below(r, 12000));
        break;
    case 8:
    case 9:
    case 10:
    case 11:
        model_append(m, topic, 8 + random_below(r, 600));
        break;
    default:
        model_steps(m, (unsigned)random_below(r, 30));
        break;
    }
}

/* ---- reading ---- */

static void read_done(struct store_read *r, enum err err)
{
    struct reading *reading = container_of(r, struct reading, read);

    reading->done = true;
    reading->err = err;
}

enum err model_read(struct model *m, struct position p, struct entry *out)
{
    struct reading *r = calloc(1, sizeof *r);
    enum err err;

    assert(r);
    r->read.done = read_done;
    r->read.from = p;
    r->read.max = 1 + random_below(&m->random, 5);
    r->read.bytes_max = 4096;
    enter(m);
    ledger_read(m->store, &r->read);
    leave(m);
    assert(!r->done); /* rule 4 */
    while (!r->done && sim_step(m->sim))
        ;
    assert(r->done);
    err = r->err;
    if (err == OK) {
        assert(r->read.count >= 1);
        *out = r->read.entries[0];
        for (size_t i = 1; i < r->read.count; i++)
            entry_unref(&r->read.entries[i]);
    }
    free(r);
    return err;
}

static void started_read_done(struct store_read *read, enum err err)
{
    struct reading *r = container_of(read, struct reading, read);

    assert(err == OK || (err == ERR_NOT_FOUND && r->expected->deleted) ||
           (err == ERR_IO && sim_disk_crashed(r->model->disk)) || (err != ERR_CORRUPT && r->model->reads_may_fail) ||
           (err == ERR_NOMEM && r->model->memory_may_fail));
    if (err == OK)
        model_check_bytes(&read->entries[0], r->expected);
    for (size_t i = 0; err == OK && i < read->count; i++) {
        assert(read->entries[i].position.entry == read->from.entry + (int64_t)i);
        entry_unref(&read->entries[i]);
    }
    r->model->reads_done++;
    list_remove(&r->node);
    free(r);
}

void model_start_read(struct model *m, unsigned topic, unsigned nth)
{
    struct reading *r;

    for (struct model_append *a = m->appends; a && !model_dead(m); a = a->next) {
        if (a->topic != topic || !a->done || a->deleted || nth-- > 0)
            continue;
        r = calloc(1, sizeof *r);
        assert(r);
        r->model = m;
        r->expected = a;
        r->read = (struct store_read){.done = started_read_done, .from = a->position, .max = 20, .bytes_max = 20000};
        list_push_back(&m->readings, &r->node);
        enter(m);
        ledger_read(m->store, &r->read);
        leave(m);
        return;
    }
}
