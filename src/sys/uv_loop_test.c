/* SPDX-License-Identifier: Apache-2.0
 *
 * uv_loop_test.c - timers, tasks, posts and executors of the real loop.
 */
#include "base/base_test.h"
#include "sys/loop.h"
#include "sys/uv_sys.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct fixture {
    struct uv_sys *uv;
    struct loop *loop;
    char order[64]; /* what happened, a letter each */
};

static struct fixture fixture_open(void)
{
    struct fixture f = {0};

    assert_int_equal(uv_sys_new(&f.uv, NULL), OK);
    f.loop = uv_sys_get(f.uv)->loop;
    return f;
}

static void note(struct fixture *f, char letter)
{
    size_t len = strlen(f->order);

    assert_true(len + 1 < sizeof f->order);
    f->order[len] = letter;
}

/* ---- timers ---- */

struct lettered_timer {
    struct timer timer;
    struct fixture *f;
    char letter;
    bool last;
};

static void on_lettered(struct timer *timer)
{
    struct lettered_timer *t = container_of(timer, struct lettered_timer, timer);

    note(t->f, t->letter);
    if (t->last)
        uv_sys_stop(t->f->uv);
}

#define TRIES 50

struct punctual {
    struct timer timer;
    struct fixture *f;
    uint64_t deadline_ns, late_least_ns;
    int left;
};

static void punctual_start(struct punctual *p)
{
    p->deadline_ns = loop_now_ns(p->f->loop) + NS_PER_MS * 3 / 10;
    timer_start_at(&p->timer, p->deadline_ns);
}

static void on_punctual(struct timer *timer)
{
    struct punctual *p = container_of(timer, struct punctual, timer);
    const uint64_t now_ns = loop_now_ns(p->f->loop);

    assert_true(now_ns >= p->deadline_ns);
    if (now_ns - p->deadline_ns < p->late_least_ns)
        p->late_least_ns = now_ns - p->deadline_ns;
    if (--p->left > 0)
        punctual_start(p);
    else
        uv_sys_stop(p->f->uv);
}

/* The least of many: a busy machine makes some of them late. */
static void a_near_deadline_is_met_by_less_than_a_millisecond(void **state)
{
    struct fixture f = fixture_open();
    struct punctual p = {.f = &f, .late_least_ns = UINT64_MAX, .left = TRIES};

    (void)state;
    timer_init(&p.timer, f.loop, on_punctual);
    punctual_start(&p);
    uv_sys_run(f.uv);
    assert_true(p.late_least_ns < NS_PER_MS / 2);
    uv_sys_free(f.uv);
}

static void timers_fire_by_deadline_and_then_by_start(void **state)
{
    struct fixture f = fixture_open();
    struct lettered_timer t[5];
    uint64_t now = loop_now_ns(f.loop);

    (void)state;
    for (int i = 0; i < 5; i++) {
        t[i] = (struct lettered_timer){.f = &f, .letter = (char)('a' + i), .last = i == 0};
        timer_init(&t[i].timer, f.loop, on_lettered);
    }
    timer_start_at(&t[0].timer, now + 9 * NS_PER_MS);
    timer_start_at(&t[1].timer, now + 2 * NS_PER_MS);
    timer_start_at(&t[2].timer, now + 1 * NS_PER_MS);
    timer_start_at(&t[3].timer, now + 2 * NS_PER_MS);
    timer_start_at(&t[4].timer, now + 3 * NS_PER_MS);
    timer_stop(&t[4].timer);
    assert_false(timer_running(&t[4].timer));
    uv_sys_run(f.uv);
    assert_string_equal(f.order, "cbda");
    assert_true(loop_now_ns(f.loop) >= now + 9 * NS_PER_MS);
    uv_sys_free(f.uv);
}

static void a_timer_started_again_fires_once_at_its_new_deadline(void **state)
{
    struct fixture f = fixture_open();
    struct lettered_timer a = {.f = &f, .letter = 'a', .last = true}, b = {.f = &f, .letter = 'b'};
    uint64_t now = loop_now_ns(f.loop);

    (void)state;
    timer_init(&a.timer, f.loop, on_lettered);
    timer_init(&b.timer, f.loop, on_lettered);
    timer_start_at(&a.timer, now + 1);
    timer_start_at(&b.timer, now + 2 * NS_PER_MS);
    timer_start_at(&a.timer, now + 4 * NS_PER_MS);
    uv_sys_run(f.uv);
    assert_string_equal(f.order, "ba");
    uv_sys_free(f.uv);
}

static void a_stopped_loop_fires_no_timer(void **state)
{
    struct fixture f = fixture_open();
    struct lettered_timer a = {.f = &f, .letter = 'a'};

    (void)state;
    timer_init(&a.timer, f.loop, on_lettered);
    timer_start_ms(&a.timer, 3600 * 1000);
    uv_sys_stop(f.uv);
    uv_sys_run(f.uv);
    assert_string_equal(f.order, "");
    assert_true(timer_running(&a.timer));
    timer_stop(&a.timer);
    uv_sys_free(f.uv);
}

static uint64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static long switches(void)
{
    struct rusage usage;

    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nvcsw;
}

static void a_loop_that_waits_sleeps(void **state)
{
    struct fixture f = fixture_open();
    struct lettered_timer a = {.f = &f, .letter = 'a', .last = true};
    long before = switches();
    uint64_t cpu = cpu_ns();

    (void)state;
    timer_init(&a.timer, f.loop, on_lettered);
    timer_start_ms(&a.timer, 60);
    uv_sys_run(f.uv);
    assert_true(switches() - before <= 5); /* a spinning or ticking loop has many */
    assert_true(cpu_ns() - cpu < 30 * NS_PER_MS);
    uv_sys_free(f.uv);
}

/* ---- tasks ---- */

struct lettered_task {
    struct task task;
    struct fixture *f;
    char letter;
    struct lettered_task *defers; /* when it runs */
    bool last;
};

static void on_task(struct task *task)
{
    struct lettered_task *t = container_of(task, struct lettered_task, task);

    note(t->f, t->letter);
    if (t->defers)
        loop_defer(t->f->loop, &t->defers->task);
    if (t->last)
        uv_sys_stop(t->f->uv);
}

static void deferred_tasks_run_once_in_order(void **state)
{
    struct fixture f = fixture_open();
    struct lettered_task c = {.task.run = on_task, .f = &f, .letter = 'c', .last = true};
    struct lettered_task a = {.task.run = on_task, .f = &f, .letter = 'a', .defers = &c};
    struct lettered_task b = {.task.run = on_task, .f = &f, .letter = 'b'};

    (void)state;
    loop_defer(f.loop, &a.task);
    loop_defer(f.loop, &b.task);
    loop_defer(f.loop, &a.task);
    uv_sys_run(f.uv);
    assert_string_equal(f.order, "abc");
    uv_sys_free(f.uv);
}

/* Until the timer has fired. */
static void run_again(struct task *task)
{
    struct lettered_task *t = container_of(task, struct lettered_task, task);

    if (t->f->order[0] == '\0')
        loop_defer(t->f->loop, task);
}

static void a_task_that_defers_itself_lets_timers_fire(void **state)
{
    struct fixture f = fixture_open();
    struct lettered_timer end = {.f = &f, .letter = 'e', .last = true};
    struct lettered_task again = {.task.run = run_again, .f = &f};

    (void)state;
    timer_init(&end.timer, f.loop, on_lettered);
    timer_start_ms(&end.timer, 2);
    loop_defer(f.loop, &again.task);
    uv_sys_run(f.uv);
    assert_string_equal(f.order, "e");
    uv_sys_free(f.uv);
}

/* ---- posts ---- */

#define POSTERS       4
#define POSTS_OF_EACH 1000

struct poster {
    struct fixture *f;
    struct uv_thread *thread;
    struct counted_task {
        struct task task;
        struct poster *owner;
        int number;
    } tasks[POSTS_OF_EACH];
    int next;
    int *total;
};

static void on_counted(struct task *task)
{
    struct counted_task *t = container_of(task, struct counted_task, task);

    assert_int_equal(t->number, t->owner->next); /* each thread's posts keep their order */
    t->owner->next++;
    if (++*t->owner->total == POSTERS * POSTS_OF_EACH)
        uv_sys_stop(t->owner->f->uv);
}

static void post_all(void *ctx)
{
    struct poster *p = ctx;

    for (int i = 0; i < POSTS_OF_EACH; i++) {
        p->tasks[i] = (struct counted_task){.task.run = on_counted, .owner = p, .number = i};
        if (!loop_post(p->f->loop, &p->tasks[i].task))
            abort();
    }
}

static void posts_from_threads_all_run_in_the_order_of_each(void **state)
{
    struct fixture f = fixture_open();
    struct poster *posters = calloc(POSTERS, sizeof *posters);
    int total = 0;

    (void)state;
    for (int i = 0; i < POSTERS; i++) {
        posters[i].f = &f;
        posters[i].total = &total;
        assert_int_equal(uv_thread_run(&posters[i].thread, "poster", post_all, &posters[i]), OK);
    }
    uv_sys_run(f.uv);
    for (int i = 0; i < POSTERS; i++)
        uv_thread_finish(posters[i].thread);
    assert_int_equal(total, POSTERS * POSTS_OF_EACH);
    free(posters);
    uv_sys_free(f.uv);
}

static void a_post_to_a_stopped_loop_is_refused(void **state)
{
    struct fixture f = fixture_open();
    struct lettered_task before = {.task.run = on_task, .f = &f, .letter = 'b'};
    struct lettered_task after = {.task.run = on_task, .f = &f, .letter = 'a'};

    (void)state;
    assert_true(loop_post(f.loop, &before.task));
    uv_sys_stop(f.uv);
    assert_false(loop_post(f.loop, &after.task));
    uv_sys_run(f.uv);
    assert_string_equal(f.order, "b");
    uv_sys_free(f.uv);
}

/* ---- executors ---- */

struct job {
    struct work work;
    struct fixture *f;
    struct executor *executor;
    char letter;
    pthread_mutex_t *gate; /* held by the test: the job waits for it */
    pthread_t ran_on;
    bool last;
};

static void job_run(struct work *work)
{
    struct job *j = container_of(work, struct job, work);

    if (j->gate) {
        pthread_mutex_lock(j->gate);
        pthread_mutex_unlock(j->gate);
    }
    j->ran_on = pthread_self();
}

static void job_done(struct work *work)
{
    struct job *j = container_of(work, struct job, work);

    assert_false(pthread_equal(j->ran_on, pthread_self()));
    note(j->f, j->letter);
    if (j->last) {
        executor_free(j->executor);
        uv_sys_stop(j->f->uv);
    }
}

static struct job job_of(struct fixture *f, struct executor *executor, char letter)
{
    return (struct job){.work = {.run = job_run, .done = job_done}, .f = f, .executor = executor, .letter = letter};
}

static void jobs_are_done_in_order_on_the_loop(void **state)
{
    struct fixture f = fixture_open();
    struct executor *executor;
    struct job jobs[26];

    (void)state;
    assert_int_equal(executor_new(f.loop, "worker", 26, &executor), OK);
    for (int i = 0; i < 26; i++) {
        jobs[i] = job_of(&f, executor, (char)('a' + i));
        jobs[i].last = i == 25;
        assert_int_equal(executor_submit(executor, &jobs[i].work), OK);
    }
    uv_sys_run(f.uv);
    assert_string_equal(f.order, "abcdefghijklmnopqrstuvwxyz");
    uv_sys_free(f.uv);
}

static void a_job_beyond_the_bound_is_refused(void **state)
{
    struct fixture f = fixture_open();
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    struct executor *executor;
    struct job jobs[4]; /* one may run already, two wait */
    int taken = 0;

    (void)state;
    assert_int_equal(executor_new(f.loop, "worker", 2, &executor), OK);
    pthread_mutex_lock(&gate);
    for (int i = 0; i < 4; i++) {
        jobs[i] = job_of(&f, executor, 'x');
        jobs[i].gate = &gate;
        enum err err = executor_submit(executor, &jobs[i].work);
        assert_true(err == OK || (err == ERR_FULL && i >= 2));
        if (err != OK)
            break;
        taken++;
    }
    assert_in_range(taken, 2, 3);
    pthread_mutex_unlock(&gate);
    uv_sys_stop(f.uv);
    uv_sys_run(f.uv); /* and a stopped loop waits for the jobs that it took */
    assert_int_equal(strlen(f.order), taken);
    executor_free(executor);
    uv_sys_free(f.uv);
}

/* ---- the rest ---- */

static void entropy_differs(void **state)
{
    struct fixture f = fixture_open();
    uint8_t a[32] = {0}, b[32] = {0};

    (void)state;
    f.loop->ops->entropy(f.loop, a, sizeof a);
    f.loop->ops->entropy(f.loop, b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    uv_sys_free(f.uv);
}

static void on_signal(void *ctx, int number)
{
    struct fixture *f = ctx;

    note(f, number == SIGTERM ? 'T' : 'I');
    uv_sys_stop(f->uv);
}

static void a_sigterm_reaches_the_loop(void **state)
{
    struct fixture f = fixture_open();

    (void)state;
    assert_int_equal(uv_sys_on_signal(f.uv, on_signal, &f), OK);
    kill(getpid(), SIGTERM);
    uv_sys_run(f.uv);
    assert_string_equal(f.order, "T");
    uv_sys_free(f.uv);
}

static void *event_set(void *event)
{
    uv_event_set(event);
    return NULL;
}

static void who_waits_for_an_event_goes_on_when_it_was_brought_about_and_not_before(void **state)
{
    struct uv_event *event;
    pthread_t other;

    assert_int_equal(uv_event_new(&event), OK);
    assert_false(uv_event_wait(event, 0));
    assert_int_equal(pthread_create(&other, NULL, event_set, event), 0);
    assert_true(uv_event_wait(event, 60000));
    assert_true(uv_event_wait(event, 0)); /* it stays */
    assert_int_equal(pthread_join(other, NULL), 0);
    uv_event_free(event);
    uv_event_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_near_deadline_is_met_by_less_than_a_millisecond),
        cmocka_unit_test(timers_fire_by_deadline_and_then_by_start),
        cmocka_unit_test(a_timer_started_again_fires_once_at_its_new_deadline),
        cmocka_unit_test(a_stopped_loop_fires_no_timer),
        cmocka_unit_test(a_loop_that_waits_sleeps),
        cmocka_unit_test(deferred_tasks_run_once_in_order),
        cmocka_unit_test(a_task_that_defers_itself_lets_timers_fire),
        cmocka_unit_test(posts_from_threads_all_run_in_the_order_of_each),
        cmocka_unit_test(a_post_to_a_stopped_loop_is_refused),
        cmocka_unit_test(jobs_are_done_in_order_on_the_loop),
        cmocka_unit_test(a_job_beyond_the_bound_is_refused),
        cmocka_unit_test(entropy_differs),
        cmocka_unit_test(a_sigterm_reaches_the_loop),
        cmocka_unit_test(who_waits_for_an_event_goes_on_when_it_was_brought_about_and_not_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
