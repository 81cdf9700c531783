/* SPDX-License-Identifier: Apache-2.0
 *
 * uv_thread.c - threads of our own: named, and deaf to signals, which are the main loop's.
 */
#include "sys/uv_sys.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct uv_thread {
    pthread_t id;
    void (*run)(void *ctx);
    void *ctx;
    char name[16]; /* as long as the kernel keeps */
};

static void *thread_main(void *arg)
{
    struct uv_thread *t = arg;

    pthread_setname_np(pthread_self(), t->name);
    t->run(t->ctx);
    return NULL;
}

/* All but those that say "this instruction is wrong": sanitizers and crash reports want to see these. */
static void deaf_set(sigset_t *set)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};

    sigfillset(set);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigdelset(set, faults[i]);
}

enum err uv_thread_run(struct uv_thread **out, const char *name, void (*run)(void *ctx), void *ctx)
{
    struct uv_thread *t = calloc(1, sizeof *t);
    sigset_t deaf, before;

    if (!t)
        return ERR_NOMEM;
    t->run = run;
    t->ctx = ctx;
    (void)snprintf(t->name, sizeof t->name, "%s", name);
    deaf_set(&deaf);
    pthread_sigmask(SIG_SETMASK, &deaf, &before); /* a thread is born with its maker's mask */
    int result = pthread_create(&t->id, NULL, thread_main, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result != 0) {
        free(t);
        return ERR_NOMEM;
    }
    *out = t;
    return OK;
}

void uv_thread_finish(struct uv_thread *t)
{
    if (!t)
        return;
    pthread_join(t->id, NULL);
    free(t);
}
