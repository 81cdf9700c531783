/* SPDX-License-Identifier: Apache-2.0
 *
 * lanes_test.c - real threads, no sleeps: a job that shall wait waits for an event that the test sets.
 */
#include "base/base_test.h"
#include "base/text.h"
#include "services/runtime/lanes.h"
#include "sys/uv_sys.h"

#include <stdatomic.h>
#include <stdlib.h>

#define FOREVER_MS 60000

struct fixture {
    struct lanes *lanes;
    struct uv_event *woken; /* by the next wake; replaced by each wait */
    atomic_uint wakes;
};

struct work {
    struct job job;
    struct uv_event *begun, *may_end; /* NULL: it does not wait */
    unsigned *order, *next;           /* of `done` */
    unsigned number;
    bool ran, done;
};

static void wake(void *ctx)
{
    atomic_fetch_add(&((struct fixture *)ctx)->wakes, 1);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    assert_int_equal(lanes_new(&f->lanes, wake, f), OK);
    *state = f;
    return 0;
}

static void forbid_dropping(struct job *job)
{
    fail_msg("a job was dropped");
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    lanes_free(f->lanes, forbid_dropping);
    free(f);
    return 0;
}

static void run(struct job *job)
{
    struct work *w = container_of(job, struct work, job);

    if (w->begun)
        uv_event_set(w->begun);
    if (w->may_end)
        assert_true(uv_event_wait(w->may_end, FOREVER_MS));
    w->ran = true;
}

static void done(struct job *job)
{
    struct work *w = container_of(job, struct work, job);

    assert_true(w->ran);
    w->done = true;
    if (w->order)
        w->order[(*w->next)++] = w->number;
}

static struct work quick(void)
{
    return (struct work){.job = {.run = run, .done = done}};
}

static struct work held(void)
{
    struct work w = quick();

    assert_int_equal(uv_event_new(&w.begun), OK);
    assert_int_equal(uv_event_new(&w.may_end), OK);
    return w;
}

static void forget(struct work *w)
{
    uv_event_free(w->begun);
    uv_event_free(w->may_end);
}

/* Collects until that many are done; the threads need no more than to be scheduled. */
static void collect(struct lanes *l, size_t count)
{
    while (count > 0) {
        size_t n = lanes_collect(l);

        assert_true(n <= count);
        count -= n;
    }
}

static unsigned lane(struct lanes *l, unsigned threads, size_t queue_max)
{
    unsigned number;

    assert_int_equal(lanes_add(l, "test", threads, queue_max, &number), OK);
    return number;
}

static void a_job_runs_elsewhere_and_is_done_where_it_is_collected(void **state)
{
    struct fixture *f = *state;
    struct work w = quick();

    assert_int_equal(lanes_submit(f->lanes, lane(f->lanes, 1, 1), &w.job), OK);
    collect(f->lanes, 1);
    assert_true(w.done);
    assert_true(atomic_load(&f->wakes) <= 1);
}

static void a_lane_that_is_held_up_holds_up_no_other(void **state)
{
    struct fixture *f = *state;
    struct work slow = held(), other = quick();

    assert_int_equal(lanes_submit(f->lanes, lane(f->lanes, 1, 1), &slow.job), OK);
    assert_true(uv_event_wait(slow.begun, FOREVER_MS));
    assert_int_equal(lanes_submit(f->lanes, lane(f->lanes, 1, 1), &other.job), OK);
    collect(f->lanes, 1);
    assert_true(other.done);
    assert_false(slow.done);

    uv_event_set(slow.may_end);
    collect(f->lanes, 1);
    assert_true(slow.done);
    forget(&slow);
}

static void a_lane_of_two_threads_runs_two_jobs_at_a_time_and_no_third(void **state)
{
    struct fixture *f = *state;
    struct work a = held(), b = held(), c = held();
    unsigned number = lane(f->lanes, 2, 4);

    assert_int_equal(lanes_submit(f->lanes, number, &a.job), OK);
    assert_int_equal(lanes_submit(f->lanes, number, &b.job), OK);
    assert_int_equal(lanes_submit(f->lanes, number, &c.job), OK);
    assert_true(uv_event_wait(a.begun, FOREVER_MS));
    assert_true(uv_event_wait(b.begun, FOREVER_MS));
    assert_false(uv_event_wait(c.begun, 0));

    uv_event_set(a.may_end);
    assert_true(uv_event_wait(c.begun, FOREVER_MS));
    uv_event_set(b.may_end);
    uv_event_set(c.may_end);
    collect(f->lanes, 3);
    forget(&a);
    forget(&b);
    forget(&c);
}

static void a_full_queue_refuses_the_next_job(void **state)
{
    struct fixture *f = *state;
    struct work first = held(), second = quick(), third = quick();
    unsigned number = lane(f->lanes, 1, 1);

    assert_int_equal(lanes_submit(f->lanes, number, &first.job), OK);
    assert_true(uv_event_wait(first.begun, FOREVER_MS)); /* so it waits in the queue no more */
    assert_int_equal(lanes_submit(f->lanes, number, &second.job), OK);
    assert_int_equal(lanes_submit(f->lanes, number, &third.job), ERR_BUSY);

    uv_event_set(first.may_end);
    collect(f->lanes, 2);
    assert_false(third.ran);
    forget(&first);
}

static void metrics_tell_what_waits_and_what_runs_in_each_lane(void **state)
{
    struct fixture *f = *state;
    struct work first = quick(), second = quick();
    struct text out;
    unsigned lane;

    assert_int_equal(uv_event_new(&first.begun), OK);
    assert_int_equal(uv_event_new(&first.may_end), OK);
    assert_int_equal(lanes_add(f->lanes, "vault", 1, 2, &lane), OK);
    assert_int_equal(lanes_submit(f->lanes, lane, &first.job), OK);
    assert_true(uv_event_wait(first.begun, FOREVER_MS));
    assert_int_equal(lanes_submit(f->lanes, lane, &second.job), OK);
    text_init(&out, 1000);
    lanes_metrics(f->lanes, "jobs", &out);
    assert_string_equal(out.data,
                        "jobs{lane=\"vault\",state=\"waiting\"} 1\njobs{lane=\"vault\",state=\"running\"} 1\n");
    text_deinit(&out);
    uv_event_set(first.may_end);
    collect(f->lanes, 2);
    forget(&first);
    forget(&second);
}

static void jobs_of_one_thread_are_done_in_the_order_in_which_they_came(void **state)
{
    struct fixture *f = *state;
    unsigned number = lane(f->lanes, 1, 100), order[100], next = 0;
    struct work works[100];

    for (unsigned i = 0; i < 100; i++) {
        works[i] = quick();
        works[i].number = i;
        works[i].order = order;
        works[i].next = &next;
        assert_int_equal(lanes_submit(f->lanes, number, &works[i].job), OK);
    }
    collect(f->lanes, 100);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(order[i], i);
}

static void the_owner_is_woken_for_what_there_is_to_collect(void **state)
{
    struct fixture *f = *state;
    struct work w = quick();

    assert_int_equal(lanes_submit(f->lanes, lane(f->lanes, 1, 1), &w.job), OK);
    while (atomic_load(&f->wakes) == 0)
        ;
    assert_int_equal(lanes_collect(f->lanes), 1);
}

static unsigned dropped_count;

static void count_dropped(struct job *job)
{
    dropped_count++;
}

static void release(struct job *job)
{
    struct work *w = container_of(job, struct work, job);

    uv_event_set(w->begun);
    (void)uv_event_wait(w->may_end, 50); /* lanes_free waits for it meanwhile */
    w->ran = true;
}

static void freeing_waits_for_what_runs_and_drops_what_has_not_begun(void **state)
{
    struct work running = held(), waiting = quick();
    struct lanes *l;
    unsigned number;

    assert_int_equal(lanes_new(&l, wake, *state), OK);
    number = lane(l, 1, 1);
    running.job.run = release;
    assert_int_equal(lanes_submit(l, number, &running.job), OK);
    assert_true(uv_event_wait(running.begun, FOREVER_MS));
    assert_int_equal(lanes_submit(l, number, &waiting.job), OK);
    dropped_count = 0;
    lanes_free(l, count_dropped);
    assert_true(running.done);
    assert_false(waiting.ran);
    assert_int_equal(dropped_count, 1);
    forget(&running);
}

static void there_are_so_many_lanes_and_no_more(void **state)
{
    struct fixture *f = *state;
    unsigned number;

    for (unsigned i = 0; i < LANES_MAX; i++)
        (void)lane(f->lanes, 1, 1);
    assert_int_equal(lanes_add(f->lanes, "test", 1, 1, &number), ERR_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_job_runs_elsewhere_and_is_done_where_it_is_collected, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lane_that_is_held_up_holds_up_no_other, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lane_of_two_threads_runs_two_jobs_at_a_time_and_no_third, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_queue_refuses_the_next_job, setup, teardown),
        cmocka_unit_test_setup_teardown(metrics_tell_what_waits_and_what_runs_in_each_lane, setup, teardown),
        cmocka_unit_test_setup_teardown(jobs_of_one_thread_are_done_in_the_order_in_which_they_came, setup, teardown),
        cmocka_unit_test_setup_teardown(the_owner_is_woken_for_what_there_is_to_collect, setup, teardown),
        cmocka_unit_test_setup_teardown(freeing_waits_for_what_runs_and_drops_what_has_not_begun, setup, teardown),
        cmocka_unit_test_setup_teardown(there_are_so_many_lanes_and_no_more, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
