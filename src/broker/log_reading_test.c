/* SPDX-License-Identifier: Apache-2.0
 *
 * log_reading_test.c - logs with holes, and what is told of duplicates behind them: log_reading.h in use.
 */
#include "base/base_test.h"
#include "broker/core.h"
#include "broker/fixture.h"
#include "broker/sent.h"

#include <stdio.h>
#include <string.h>

#define TOPIC "persistent://public/default/t"

/* The producers whose entries lie one behind the other. */
static const char *const names[] = {"before-it", "damaged", "behind-it", "at-the-end"};
enum { BEFORE, DAMAGED, BEHIND, END, NAMES };

/* The log has an entry of each; nothing of the broker is in memory. */
static int set_up(void **state)
{
    struct fixture *f = fixture_new(31);

    policies_put(&f->world.options.policies, POLICY_DEDUPLICATION, 1);
    policies_put(&f->world.options.policies, POLICY_DEDUPLICATION_WINDOW_S, 600);
    fixture_open(f);
    for (unsigned i = 0; i < NAMES; i++) {
        const struct sent m = {.name = names[i], .event = names[i], .first = 7};
        assert_int_equal(peer_produce(&f->a, i, TOPIC, names[i]).err, OK);
        peer_send(&f->a, i, &m);
        expect_stored(&f->a);
    }
    world_kill_and_open(&f->world);
    fixture_peers(f);
    *state = f;
    return 0;
}

/* ---- damage ---- */

struct wanted {
    struct disk *disk;
    const char *directory, *text;
    unsigned found;
};

/* Changes a byte of each place in the file that holds the text. */
static void damage_file(void *ctx, const char *name)
{
    struct wanted *s = ctx;
    char path[200];
    struct file *file;
    uint64_t size;
    size_t got;

    (void)snprintf(path, sizeof path, "%s/%s", s->directory, name);
    assert_int_equal(disk_open(s->disk, path, DISK_READ | DISK_WRITE, &file), OK);
    assert_int_equal(file_size(file, &size), OK);
    uint8_t *bytes = test_malloc((size_t)size);
    assert_int_equal(file_read(file, 0, bytes, (size_t)size, &got), OK);
    for (uint8_t *at = bytes; (at = memmem(at, got - (size_t)(at - bytes), s->text, strlen(s->text))); at++) {
        const struct bytes part = bytes_of_text("X");
        assert_int_equal(file_write(file, (uint64_t)(at - bytes), &part, 1), OK);
        s->found++;
    }
    test_free(bytes);
    file_close(file);
}

static void damage_entry_with(struct fixture *f, const char *text)
{
    static const char *const directories[] = {"journal", "segments"};
    struct wanted s = {.disk = sim_disk_get(f->world.disk), .text = text};

    for (unsigned i = 0; i < 2; i++) {
        s.directory = directories[i];
        assert_int_equal(s.disk->ops->list(s.disk, s.directory, damage_file, &s), OK);
    }
    assert_true(s.found > 0);
}

static int64_t last_known(struct fixture *f, unsigned who)
{
    const struct refusal why = peer_produce(&f->a, who, TOPIC, names[who]);

    assert_int_equal(why.err, OK);
    return producer_last_sequence_id(f->a.producers[who]);
}

/* ---- what is read ---- */

static void a_damaged_entry_is_passed_over_alone(void **state)
{
    struct fixture *f = *state;

    damage_entry_with(f, names[DAMAGED]);
    for (unsigned i = 0; i < NAMES; i++) {
        const struct sent same = {.name = names[i], .first = 8, .event = names[i]};
        assert_int_equal(last_known(f, i), i == DAMAGED ? -1 : 7);
        peer_send(&f->a, i, &same);
        if (i == DAMAGED)
            expect_stored(&f->a);
        else
            expect_duplicate(&f->a);
    }
    const struct log_reading *r = &world_topic(&f->world, TOPIC)->deduplication.reading;
    assert_int_equal(r->passed_over, 1);
    assert_int_equal(r->hole.entry, DAMAGED);
    assert_int_equal(world_topic(&f->world, TOPIC)->ids.reading.passed_over, 1);
}

static void damage_at_the_start_and_at_the_end_is_passed_over(void **state)
{
    struct fixture *f = *state;

    damage_entry_with(f, names[BEFORE]);
    damage_entry_with(f, names[END]);
    for (unsigned i = 0; i < NAMES; i++)
        assert_int_equal(last_known(f, i), i == BEFORE || i == END ? -1 : 7);
}

static void a_read_that_fails_once_makes_nobody_unknown(void **state)
{
    struct fixture *f = *state;

    sim_disk_fail(f->world.disk, SIM_DISK_OP_READ, 1, ERR_IO);
    for (unsigned i = 0; i < NAMES; i++)
        assert_int_equal(last_known(f, i), 7);
    assert_int_equal(world_topic(&f->world, TOPIC)->deduplication.reading.passed_over, 0);
}

static void what_fails_with_damage_is_read_again_one_by_one(void **state)
{
    struct fixture *f = *state;

    sim_disk_fail(f->world.disk, SIM_DISK_OP_READ, 1, ERR_CORRUPT);
    for (unsigned i = 0; i < NAMES; i++)
        assert_int_equal(last_known(f, i), 7);
    assert_int_equal(world_topic(&f->world, TOPIC)->deduplication.reading.passed_over, 0);
}

static void count_complaint(void *ctx, const char *text, size_t len)
{
    *(unsigned *)ctx += strstr(text, "producers are refused") != NULL;
}

static void while_the_disk_cannot_read_producers_are_refused_and_it_is_logged_once(void **state)
{
    struct fixture *f = *state;

    unsigned complaints = 0;
    struct log log = {.level = LOG_ERROR, .line = count_complaint, .ctx = &complaints};

    assert_int_equal(peer_subscribe(&f->b, 1, &(struct subscribe){.topic = TOPIC, .subscription = "s"}).err, OK);
    f->world.broker->log = &log;
    sim_disk_fail_from(f->world.disk, SIM_DISK_OP_READ, 1, ERR_IO);
    for (unsigned tries = 0; tries < 3; tries++)
        assert_int_equal(peer_produce(&f->a, 0, TOPIC, names[0]).err, ERR_AGAIN);
    assert_int_equal(complaints, 1);
    sim_disk_fail(f->world.disk, SIM_DISK_OP_READ, 0, OK);
    for (unsigned i = 0; i < NAMES; i++)
        assert_int_equal(last_known(f, i), 7);
    f->world.broker->log = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_damaged_entry_is_passed_over_alone, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(damage_at_the_start_and_at_the_end_is_passed_over, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_read_that_fails_once_makes_nobody_unknown, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(what_fails_with_damage_is_read_again_one_by_one, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(while_the_disk_cannot_read_producers_are_refused_and_it_is_logged_once, set_up,
                                        fixture_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
