/* SPDX-License-Identifier: Apache-2.0
 *
 * handler_pool.c - seats for processes: taken under a lock, used without it.
 */
#include "services/notary/handlers/handler_pool.h"

#include "sys/child.h"
#include "sys/deadline.h"
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ENVIRONMENT_MAX 64
#define GRACE_MS        1000 /* for a shared object's close() */
#define ORPHAN_MS       1000 /* that a command may live longer than its answer may take */

struct seat {
    struct child *child; /* NULL: none is running */
    int64_t events;      /* that it has answered */
    bool taken;
};

struct handler_pool {
    /* Set at the start. */
    const struct handler_spec *spec;
    const char **argv;
    char *environment[ENVIRONMENT_MAX + 1];
    /* Under the lock; a seat that is taken is the taker's. */
    pthread_mutex_t lock;
    pthread_cond_t given;
    struct seat seats[HANDLER_PROCESSES_MAX];
    uint64_t started;
};

/* ---- what it is started with ---- */

static bool add_variable(struct handler_pool *p, size_t *count, const char *name)
{
    const char *value = getenv(name);

    if (!value || *count == ENVIRONMENT_MAX)
        return true;
    return asprintf(&p->environment[*count], "%s=%s", name, value) >= 0 && ++*count;
}

static bool make_environment(struct handler_pool *p)
{
    char *const *names = p->spec->environment;
    size_t count = 0;

    if (!add_variable(p, &count, "PATH") || !add_variable(p, &count, "LANG"))
        return false;
    for (size_t i = 0; names && names[i]; i++)
        if (!add_variable(p, &count, names[i]))
            return false;
    return true;
}

static size_t words_in(char *const *list)
{
    size_t count = 0;

    while (list && list[count])
        count++;
    return count;
}

/* What it is started as, and behind it the words of its entry. */
static bool make_arguments(struct handler_pool *p, const char *program)
{
    const struct handler_spec *spec = p->spec;
    const char *const host[] = {program, "notary", "handler-host", spec->path, spec->config, spec->sandbox};
    const bool hosted = spec->kind == HANDLER_SHARED_OBJECT;
    const size_t first = hosted ? sizeof host / sizeof *host : 0;
    char *const *words = hosted ? spec->readable : spec->command;
    const size_t count = words_in(words);

    if (!(p->argv = calloc(first + count + 1, sizeof *p->argv)))
        return false;
    memcpy(p->argv, host, first * sizeof *host);
    for (size_t i = 0; i < count; i++)
        p->argv[first + i] = words[i];
    return true;
}

static void init_waiting(struct handler_pool *p)
{
    pthread_mutex_init(&p->lock, NULL);
    deadline_cond_init(&p->given);
}

enum err handler_pool_new(struct handler_pool **out, const struct handler_spec *spec, const char *program)
{
    struct handler_pool *p = calloc(1, sizeof *p);

    if (!p)
        return ERR_NOMEM;
    p->spec = spec;
    init_waiting(p);
    if (!make_environment(p) || !make_arguments(p, program)) {
        handler_pool_free(p);
        return ERR_NOMEM;
    }
    *out = p;
    return OK;
}

void handler_pool_free(struct handler_pool *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < HANDLER_PROCESSES_MAX; i++) {
        assert(!p->seats[i].taken);
        child_end(p->seats[i].child, NULL);
    }
    for (size_t i = 0; i < ENVIRONMENT_MAX; i++)
        free(p->environment[i]);
    free(p->argv);
    pthread_cond_destroy(&p->given);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* ---- seats ---- */

/* One that is free, with a process in it if there is such a one. */
static struct seat *find_free(struct handler_pool *p)
{
    struct seat *empty = NULL;

    for (int64_t i = 0; i < p->spec->processes; i++) {
        struct seat *seat = &p->seats[i];
        if (!seat->taken && seat->child)
            return seat;
        if (!seat->taken && !empty)
            empty = seat;
    }
    return empty;
}

static struct seat *seat_take(struct handler_pool *p, const struct deadline *deadline)
{
    struct timespec until = {.tv_sec = deadline->at_ms / 1000, .tv_nsec = deadline->at_ms % 1000 * 1000000};
    struct seat *seat;

    pthread_mutex_lock(&p->lock);
    while (!(seat = find_free(p)) && pthread_cond_timedwait(&p->given, &p->lock, &until) == 0)
        ;
    if (seat)
        seat->taken = true;
    pthread_mutex_unlock(&p->lock);
    return seat;
}

static void seat_give(struct handler_pool *p, struct seat *seat)
{
    pthread_mutex_lock(&p->lock);
    seat->taken = false;
    pthread_cond_signal(&p->given);
    pthread_mutex_unlock(&p->lock);
}

static void count_start(struct handler_pool *p, struct seat *seat)
{
    pthread_mutex_lock(&p->lock);
    p->started++;
    seat->events = 0;
    pthread_mutex_unlock(&p->lock);
}

/* ---- asking ---- */

static enum err start(struct handler_pool *p, struct seat *seat, char *why, size_t why_size)
{
    const struct handler_spec *spec = p->spec;
    const struct child_options options = {
        .argv = p->argv,
        .environment = (const char *const *)p->environment,
        .memory_max = (uint64_t)spec->memory_max,
        .processor_seconds_max = (uint64_t)(spec->cpu_ms + 999) / 1000,
        .life_ms = spec->kind == HANDLER_COMMAND && spec->events_per_process == 1 ? spec->timeout_ms + ORPHAN_MS : 0,
    };
    char problem[300];
    enum err err = child_start(&seat->child, &options, problem, sizeof problem);

    if (err == OK)
        count_start(p, seat);
    else
        (void)snprintf(why, why_size, "cannot be started: %s", problem);
    return err;
}

static void explain_end(const struct handler_pool *p, const struct child_end *how, char *why, size_t why_size)
{
    const char *name = how->by_signal ? strsignal(how->number) : NULL;
    char limit[40] = "";

    if (p->spec->memory_max > 0)
        (void)snprintf(limit, sizeof limit, " of %llu", (unsigned long long)p->spec->memory_max >> 20);
    (void)snprintf(why, why_size, "ended without an answer, by %s %d%s%s%s, after %llu%s MiB of memory%s%s",
                   how->by_signal ? "signal" : "exit status", how->number, name ? " (" : "", name ? name : "",
                   name ? ")" : "", (unsigned long long)how->memory_peak >> 20, limit, how->said[0] ? ": " : "",
                   how->said);
}

/* A process that failed: ends it and says how.  The error as handler_pool_ask has it. */
static enum err give_up(struct handler_pool *p, struct seat *seat, enum err err, char *why, size_t why_size)
{
    struct child_end how;

    child_end(seat->child, &how);
    seat->child = NULL;
    switch (err) {
    case ERR_TIMEOUT:
        (void)snprintf(why, why_size, "does not answer in time, and was ended%s%s", how.said[0] ? ": " : "", how.said);
        return err;
    case ERR_TOO_LARGE:
        (void)snprintf(why, why_size, "answers without end, and was ended");
        return ERR_PROTOCOL;
    case ERR_PROTOCOL:
        (void)snprintf(why, why_size, "says more than one line, or speaks unasked, and was ended");
        return err;
    case ERR_CLOSED:
        explain_end(p, &how, why, why_size);
        return ERR_IO;
    default:
        (void)snprintf(why, why_size, "cannot be asked: %s", err_text(err));
        return err;
    }
}

static enum err ask(struct handler_pool *p, struct seat *seat, struct bytes line, struct text *answer,
                    const struct deadline *deadline, char *why, size_t why_size)
{
    bool last = seat->events + 1 >= p->spec->events_per_process;
    bool closes = last && p->spec->kind == HANDLER_COMMAND; /* a host goes when its input does, asked or not */
    enum err err = child_ask(seat->child, line, closes, answer, deadline);

    if (err != OK)
        return give_up(p, seat, err, why, why_size);
    seat->events++;
    if (!last)
        return OK;
    if (!closes)
        child_let_go(seat->child, GRACE_MS);
    child_end(seat->child, NULL);
    seat->child = NULL;
    return OK;
}

enum err handler_pool_ask(struct handler_pool *p, struct bytes line, struct text *answer,
                          const struct deadline *deadline, char *why, size_t why_size)
{
    struct seat *seat = seat_take(p, deadline);
    enum err err = OK;

    if (!seat) {
        (void)snprintf(why, why_size, "is busy with other events");
        return ERR_AGAIN;
    }
    if (!seat->child)
        err = start(p, seat, why, why_size);
    if (err == OK)
        err = ask(p, seat, line, answer, deadline, why, why_size);
    seat_give(p, seat);
    return err;
}

void handler_pool_stats(struct handler_pool *p, struct handler_pool_stats *out)
{
    *out = (struct handler_pool_stats){0};
    pthread_mutex_lock(&p->lock);
    out->started = p->started;
    for (size_t i = 0; i < HANDLER_PROCESSES_MAX; i++)
        out->running += p->seats[i].taken || p->seats[i].child;
    pthread_mutex_unlock(&p->lock);
}
