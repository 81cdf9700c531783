/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_loop_test.c - time, timers, tasks and workers under a seed; the death of a host.
 */
#include "base/base_test.h"

#include "sys/sim/sim.h"

#define SEEDS 50

struct world {
    struct sim *sim;
    struct sim_host *host;
    struct loop *loop;
};

static struct world world_new(uint64_t seed)
{
    struct world w = {.sim = sim_new(seed)};

    w.host = sim_host_new(w.sim, "host", NULL);
    w.loop = sim_host_sys(w.host)->loop;
    return w;
}

static void world_free(struct world *w)
{
    sim_host_free(w->host);
    sim_free(w->sim);
}

struct note {
    struct timer timer;
    struct task task;
    struct work work;
    int id;
    int *order, *count;
    bool ran;
};

static void note_down(struct note *n)
{
    n->order[(*n->count)++] = n->id;
}

static void note_fire(struct timer *t)
{
    struct note *n = container_of(t, struct note, timer);

    assert_false(timer_running(t));
    note_down(n);
}

static void note_task(struct task *t)
{
    note_down(container_of(t, struct note, task));
}

static void note_run(struct work *w)
{
    container_of(w, struct note, work)->ran = true;
}

static void note_done(struct work *w)
{
    assert_true(container_of(w, struct note, work)->ran);
    note_down(container_of(w, struct note, work));
}

static void notes_init(struct note *notes, int n, struct loop *loop, int *order, int *count)
{
    *count = 0;
    for (int i = 0; i < n; i++) {
        notes[i] = (struct note){.id = i, .order = order, .count = count};
        timer_init(&notes[i].timer, loop, note_fire);
        notes[i].task.run = note_task;
        notes[i].work = (struct work){.run = note_run, .done = note_done};
    }
}

static void timers_fire_by_deadline_and_equal_ones_in_the_order_of_their_starts(void **state)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world w = world_new(seed);
        struct note notes[4];
        int order[4], count;
        uint64_t now = loop_now_ns(w.loop);

        notes_init(notes, 4, w.loop, order, &count);
        timer_start_at(&notes[0].timer, now + 5000000);
        timer_start_at(&notes[1].timer, now + 1000000);
        timer_start_at(&notes[2].timer, now + 5000000);
        timer_start_at(&notes[3].timer, now + 2000000);
        timer_start_at(&notes[0].timer, now + 5000000); /* restarted: now after 2 */
        timer_stop(&notes[3].timer);
        timer_stop(&notes[3].timer);
        while (sim_step(w.sim))
            ;
        assert_int_equal(count, 3);
        assert_int_equal(order[0], 1);
        assert_int_equal(order[1], 2);
        assert_int_equal(order[2], 0);
        assert_true(loop_now_ns(w.loop) >= now + 5000000);
        world_free(&w);
    }
}

static void the_clock_jumps_to_the_next_timer_when_nothing_is_ready(void **state)
{
    struct world w = world_new(1);
    struct note note;
    int order[1], count;
    uint64_t deadline = loop_now_ns(w.loop) + 3600000000000;

    notes_init(&note, 1, w.loop, order, &count);
    timer_start_at(&note.timer, deadline);
    assert_int_equal(sim_next_ns(w.sim), deadline);
    assert_true(sim_step(w.sim));
    assert_int_equal(count, 1);
    assert_false(sim_step(w.sim));
    assert_true(sim_next_ns(w.sim) == UINT64_MAX);
    world_free(&w);
}

static void tasks_run_in_order_and_a_queued_one_is_not_queued_twice(void **state)
{
    struct world w = world_new(2);
    struct note notes[3];
    int order[3], count;

    notes_init(notes, 3, w.loop, order, &count);
    loop_defer(w.loop, &notes[2].task);
    assert_true(loop_post(w.loop, &notes[0].task));
    loop_defer(w.loop, &notes[2].task);
    loop_defer(w.loop, &notes[1].task);
    assert_int_equal(count, 0);
    while (sim_step(w.sim))
        ;
    assert_int_equal(count, 3);
    assert_int_equal(order[0], 2);
    assert_int_equal(order[1], 0);
    assert_int_equal(order[2], 1);
    world_free(&w);
}

static void jobs_of_one_worker_keep_their_order_and_its_bound(void **state)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world w = world_new(seed);
        struct executor *executor;
        struct note notes[4];
        int order[4], count;

        notes_init(notes, 4, w.loop, order, &count);
        assert_int_equal(executor_new(w.loop, "worker", 3, &executor), OK);
        for (int i = 0; i < 3; i++)
            assert_int_equal(executor_submit(executor, &notes[i].work), OK);
        assert_int_equal(executor_submit(executor, &notes[3].work), ERR_FULL);
        while (sim_step(w.sim))
            ;
        assert_int_equal(count, 3);
        for (int i = 0; i < 3; i++)
            assert_int_equal(order[i], i);
        executor_free(executor);
        world_free(&w);
    }
}

static void between_two_workers_either_may_be_first(void **state)
{
    int first[2] = {0};

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world w = world_new(seed);
        struct executor *executor[2];
        struct note notes[2];
        int order[2], count;

        notes_init(notes, 2, w.loop, order, &count);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(executor_new(w.loop, "worker", 1, &executor[i]), OK);
            assert_int_equal(executor_submit(executor[i], &notes[i].work), OK);
        }
        while (sim_step(w.sim))
            ;
        first[order[0]]++;
        executor_free(executor[0]);
        executor_free(executor[1]);
        world_free(&w);
    }
    assert_true(first[0] > 5 && first[1] > 5);
}

static void the_same_seed_gives_the_same_run(void **state)
{
    uint64_t trace[3];
    const uint64_t seeds[3] = {7, 7, 8};

    for (int run = 0; run < 3; run++) {
        struct world w = world_new(seeds[run]);
        struct executor *executor;
        struct note notes[20];
        int order[60], count;

        notes_init(notes, 20, w.loop, order, &count);
        assert_int_equal(executor_new(w.loop, "worker", 20, &executor), OK);
        for (int i = 0; i < 20; i++) {
            timer_start_ms(&notes[i].timer, (uint64_t)i);
            loop_defer(w.loop, &notes[i].task);
            assert_int_equal(executor_submit(executor, &notes[i].work), OK);
        }
        while (sim_step(w.sim))
            ;
        trace[run] = sim_trace(w.sim);
        executor_free(executor);
        world_free(&w);
    }
    assert_true(trace[0] == trace[1]);
    assert_true(trace[0] != trace[2]);
}

static void after_a_crash_nothing_runs_and_every_call_is_harmless(void **state)
{
    struct world w = world_new(3);
    struct executor *executor, *other;
    struct note notes[2];
    int order[2], count;

    notes_init(notes, 2, w.loop, order, &count);
    assert_int_equal(executor_new(w.loop, "worker", 3, &executor), OK);
    assert_int_equal(executor_submit(executor, &notes[0].work), OK);
    timer_start_ms(&notes[0].timer, 1);
    loop_defer(w.loop, &notes[0].task);
    sim_host_crash(w.host);
    assert_false(timer_running(&notes[0].timer));
    timer_stop(&notes[0].timer);
    timer_start_ms(&notes[1].timer, 1);
    loop_defer(w.loop, &notes[1].task);
    assert_false(loop_post(w.loop, &notes[1].task));
    assert_int_equal(executor_submit(executor, &notes[1].work), ERR_CLOSED);
    assert_int_equal(executor_new(w.loop, "other", 3, &other), ERR_CLOSED);
    executor_free(executor);
    assert_false(sim_step(w.sim));
    assert_int_equal(count, 0);
    world_free(&w);
}

static void the_wall_clock_jumps_and_the_monotonic_one_does_not(void **state)
{
    struct world w = world_new(4);
    int64_t wall = loop_wall_ms(w.loop);
    uint64_t now = loop_now_ns(w.loop);

    sim_wall_jump(w.sim, -5000);
    assert_int_equal(loop_wall_ms(w.loop), wall - 5000);
    assert_int_equal(loop_now_ns(w.loop), now);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_by_deadline_and_equal_ones_in_the_order_of_their_starts),
        cmocka_unit_test(the_clock_jumps_to_the_next_timer_when_nothing_is_ready),
        cmocka_unit_test(tasks_run_in_order_and_a_queued_one_is_not_queued_twice),
        cmocka_unit_test(jobs_of_one_worker_keep_their_order_and_its_bound),
        cmocka_unit_test(between_two_workers_either_may_be_first),
        cmocka_unit_test(the_same_seed_gives_the_same_run),
        cmocka_unit_test(after_a_crash_nothing_runs_and_every_call_is_harmless),
        cmocka_unit_test(the_wall_clock_jumps_and_the_monotonic_one_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
