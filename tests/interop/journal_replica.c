/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_replica.c - a replica that has nothing but the journal (src/services/notary/journal/journal.h), for its
 * tests.
 *
 *     journal_replica URL TOPIC NAME COUNT [MS]
 *
 * Leads when it can, and then appends the documents "NAME-1" to "NAME-COUNT", one each MS milliseconds; what is not
 * known to be written is not appended again.  Until SIGTERM.  Its lines: "leading TERM", "wrote TEXT" (the append said
 * OK), "unsure TEXT", "applied NUMBER TEXT" for each document of the journal, "ended TEXT".  It keeps nothing: each
 * start reads the journal from its beginning.
 */
#include "services/notary/journal/journal.h"
#include "sys/uv_sys.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct replica {
    struct notary_journal *journal;
    struct loop *clocks;
    const char *name;
    unsigned written, count, pause_ms;
    _Atomic bool stopping;
};

static const char *text_of(const json_t *document)
{
    return json_string_value(json_object_get(json_array_get(json_object_get(document, "records"), 0), "text"));
}

static enum err apply(void *ctx, uint64_t sequence, const json_t *document, struct bytes body, const char *place)
{
    printf("applied %llu %s\n", (unsigned long long)sequence, text_of(document));
    return OK;
}

static void *stop_at_signal(void *ctx)
{
    struct replica *r = ctx;
    sigset_t set;
    int signal;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigwait(&set, &signal);
    atomic_store(&r->stopping, true);
    notary_journal_stop(r->journal);
    return NULL;
}

/* Writes all, then looks now and then whether it still leads; until that, or the stop. */
static enum err work(struct replica *r)
{
    enum err err = OK;
    char text[300];

    while (err == OK && r->written < r->count && !atomic_load(&r->stopping)) {
        snprintf(text, sizeof text, "%s-%u", r->name, ++r->written);
        err = notary_journal_append(r->journal, json_pack("[{s:s}]", "text", text));
        printf("%s %s\n", err == OK ? "wrote" : "unsure", text);
        usleep(r->pause_ms * 1000);
    }
    while (err == OK && !atomic_load(&r->stopping)) {
        err = notary_journal_check(r->journal);
        usleep(5000);
    }
    return err == OK ? ERR_CANCELLED : err;
}

static enum err lead(struct replica *r, char *message, size_t size)
{
    for (;;) {
        enum err err = notary_journal_lead(r->journal, message, size);
        if (err != OK)
            return err;
        printf("leading %llu\n", (unsigned long long)notary_journal_status(r->journal).term);
        err = work(r);
        if (err != ERR_FENCED)
            return err;
    }
}

/* The argument; the rest may be set as the notary has it. */
static const char *environment(const char *name, void *ctx)
{
    return strcmp(name, "PULSAR_SERVICE_URL") == 0 ? ((char **)ctx)[1] : getenv(name);
}

int main(int argc, char **argv)
{
    struct pulsar_settings settings = {0};
    struct options set = {0};
    struct log log = {.level = LOG_INFO};
    struct replica r = {0};
    struct uv_sys *sys;
    struct notary_journal_options options = {
        .settings = &settings, .log = &log, .apply = apply, .previous = "", .from = ""};
    char message[1000] = "";
    pthread_t thread;
    sigset_t mask;
    enum err err;

    if (argc < 5)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &mask, NULL);
    if (options_init(&set, pulsar_options.rows, pulsar_options.count, &settings) != OK ||
        options_env(&set, environment, argv, message, sizeof message) != OK || uv_sys_new(&sys, NULL) != OK)
        return 1;
    options.topic = argv[2];
    options.writer = r.name = argv[3];
    options.clocks = r.clocks = uv_sys_get(sys)->loop;
    r.count = (unsigned)atoi(argv[4]);
    r.pause_ms = argc > 5 ? (unsigned)atoi(argv[5]) : 0;
    options.ctx = &r;
    if (notary_journal_new(&r.journal, &options) != OK || pthread_create(&thread, NULL, stop_at_signal, &r) != 0)
        return 1;
    err = lead(&r, message, sizeof message);
    printf("ended %s%s%s\n", err_text(err), *message ? ": " : "", message);
    notary_journal_free(r.journal);
    uv_sys_free(sys);
    options_deinit(&set);
    return err == ERR_CANCELLED ? 0 : 1;
}
