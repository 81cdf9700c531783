/* SPDX-License-Identifier: Apache-2.0
 *
 * schemas_random_test.c - random lives of schemas: added by several at once, deleted, read, while the power is cut
 * again and again; held against a list of what was told.
 *
 *     SCHEMAS_SEEDS=1000 SCHEMAS_SEED=4711
 *
 * What was told stays: a version, that it says this and nothing else, and that those before a deletion are gone.  What
 * was under way when the power went may be there or not, and no number is told twice for different schemas.
 */
#include "base/base_test.h"
#include "base/random.h"
#include "broker/core.h"
#include "broker/fixture.h"
#include "broker/schemas.h"

#include <stdio.h>
#include <stdlib.h>

#define TOPICS  3
#define KINDS   12 /* different schemas */
#define AT_ONCE 4
#define STEPS   60
#define NUMBERS 400 /* versions of one topic in one life */

struct model_topic {
    int8_t said[NUMBERS]; /* which schema a version was told to be; -1: nothing was told */
    int64_t deleted;      /* the latest deletion that was told; -1: none */
    int64_t greatest;     /* number that was told */
};

struct life {
    struct world world;
    struct random random;
    struct model_topic topics[TOPICS];
};

struct asked {
    struct schema_op op;
    struct schema_record given;
    unsigned topic, kind;
    bool deletes, under_way;
};

static struct schema_record schema_of(unsigned kind, char text[100])
{
    (void)snprintf(text, 100, "{\"type\":\"record\",\"name\":\"R%u\",\"fields\":[]}", kind);
    return (struct schema_record){.type = SCHEMA_AVRO, .data = bytes_of_text(text)};
}

static struct topic_name topic_of(unsigned number)
{
    struct topic_name name;
    char text[100];

    (void)snprintf(text, sizeof text, "persistent://public/default/t%u", number);
    assert_int_equal(topic_name_parse(&name, bytes_of_text(text)), OK);
    return name;
}

/* ---- what is asked ---- */

static void answered(struct broker_op *op)
{
    container_of(op, struct asked, op.op)->under_way = false;
}

static void begin(struct life *l, struct asked *a, char text[100])
{
    a->topic = (unsigned)random_below(&l->random, TOPICS);
    a->kind = (unsigned)random_below(&l->random, KINDS);
    a->deletes = random_below(&l->random, 8) == 0;
    a->given = schema_of(a->kind, text);
    a->op = (struct schema_op){.op.done = answered, .topic = topic_of(a->topic), .given = &a->given};
    a->under_way = true;
    if (a->deletes)
        schema_delete(l->world.broker, &a->op);
    else
        schema_add(l->world.broker, &a->op);
}

static void note_number(struct model_topic *t, int64_t version)
{
    assert_true(version < NUMBERS);
    if (version > t->greatest)
        t->greatest = version;
}

/* It was told: that holds from now on. */
static void note(struct life *l, const struct asked *a)
{
    struct model_topic *t = &l->topics[a->topic];

    assert_int_equal(a->op.op.why.err, OK);
    if (a->deletes) {
        assert_true(t->said[a->op.version] < 0);
        note_number(t, a->op.version);
        if (a->op.version > t->deleted)
            t->deleted = a->op.version;
        return;
    }
    const int64_t version = a->op.choice.version;
    note_number(t, version);
    assert_true(t->said[version] < 0 || t->said[version] == (int8_t)a->kind);
    t->said[version] = (int8_t)a->kind;
}

/* ---- what must hold ---- */

static void check_topic(struct life *l, unsigned number)
{
    const struct model_topic *t = &l->topics[number];
    const struct topic_name name = topic_of(number);
    struct schema_row row;
    char text[100];
    bool seen[KINDS] = {false};

    for (int64_t version = 0; version <= t->greatest; version++) {
        const enum err err = schemas_version(l->world.broker, &name, version, &row);
        if (version <= t->deleted)
            assert_int_equal(err, ERR_NOT_FOUND);
        if (err != OK || t->said[version] < 0)
            continue;
        const struct schema_record wanted = schema_of((unsigned)t->said[version], text);
        assert_true(bytes_equal(row.record.data, wanted.data));
        assert_false(seen[t->said[version]]); /* the same is the same version */
        seen[t->said[version]] = true;
    }
}

/* Told, and not deleted, not even by somebody who was not answered: it is there. */
static void check_told(struct life *l, const struct asked *a, bool deleting)
{
    const struct topic_name name = topic_of(a->topic);
    struct schema_row row;

    if (!a->deletes && !deleting && a->op.choice.version > l->topics[a->topic].deleted)
        assert_int_equal(schemas_version(l->world.broker, &name, a->op.choice.version, &row), OK);
}

static void cut(struct life *l)
{
    if (random_below(&l->random, 2))
        world_cut_and_open(&l->world);
    else
        world_kill_and_open(&l->world);
}

/* Some at once; perhaps the power goes in between. */
static void step(struct life *l)
{
    const bool cuts = random_below(&l->random, 3) == 0;
    const unsigned count = 1 + (unsigned)random_below(&l->random, AT_ONCE);
    struct asked asked[AT_ONCE] = {0};
    char texts[AT_ONCE][100];
    bool deleting[TOPICS] = {false};

    for (unsigned i = 0; i < count; i++) {
        begin(l, &asked[i], texts[i]);
        deleting[asked[i].topic] = deleting[asked[i].topic] || asked[i].deletes;
    }
    for (uint64_t left = cuts ? random_below(&l->random, 60) : UINT64_MAX; left > 0; left--) {
        bool any = false;
        for (unsigned i = 0; i < count; i++)
            any = any || asked[i].under_way;
        if (!any)
            break;
        assert_true(sim_step(l->world.sim));
    }
    for (unsigned i = 0; i < count; i++) {
        if (!asked[i].under_way)
            note(l, &asked[i]);
    }
    if (cuts)
        cut(l);
    for (unsigned i = 0; i < count; i++) {
        if (!asked[i].under_way)
            check_told(l, &asked[i], deleting[asked[i].topic]);
    }
    for (unsigned i = 0; i < TOPICS; i++)
        check_topic(l, i);
}

static void live(uint64_t seed)
{
    struct life *l = test_calloc(1, sizeof *l);

    random_init(&l->random, seed);
    world_start(&l->world, seed);
    policies_put(&l->world.options.policies, POLICY_SCHEMA_STRATEGY, SCHEMA_ALWAYS_COMPATIBLE);
    world_open(&l->world);
    for (unsigned i = 0; i < TOPICS; i++) {
        memset(l->topics[i].said, -1, sizeof l->topics[i].said);
        l->topics[i].deleted = l->topics[i].greatest = -1;
    }
    for (unsigned i = 0; i < STEPS; i++)
        step(l);
    world_check(&l->world);
    world_end(&l->world);
    test_free(l);
}

static uint64_t setting(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : fallback;
}

static void what_was_told_of_schemas_stays_whatever_becomes_of_the_power(void **state)
{
    const uint64_t first = setting("SCHEMAS_SEED", 1), seeds = setting("SCHEMAS_SEEDS", 30);

    for (uint64_t seed = first; seed < first + seeds; seed++) {
        if (getenv("SCHEMAS_LOG"))
            print_message("seed %llu\n", (unsigned long long)seed);
        live(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_told_of_schemas_stays_whatever_becomes_of_the_power),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
