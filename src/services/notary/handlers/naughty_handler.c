/* SPDX-License-Identifier: Apache-2.0
 *
 * naughty_handler.c - a shared object for the tests, which does what the event's `source` tells it to.
 */
#include <geminga/notary_handler.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int events;
static int forked_early; /* by the constructor: -1 when it may not */
static const char *peeked_at;

__attribute__((constructor)) static void begin(void)
{
    if ((forked_early = fork()) == 0)
        _exit(0);
}

static void *open_handler(const char *config, char *why, size_t why_size)
{
    peeked_at = config;
    if (strcmp(config, "refuse") != 0)
        return &events;
    snprintf(why, why_size, "the licence has run out");
    return NULL;
}

static void eat(void)
{
    for (;;) {
        char *more = malloc(1 << 20);
        if (!more)
            abort();
        memset(more, 1, 1 << 20);
    }
}

static void start_a_program(char *answer, size_t size)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    snprintf(answer, size, "{\"verdict\":\"accept\",\"reason\":\"%s\"}", pid < 0 ? "forbidden" : "started");
}

static void peek(char *answer, size_t size)
{
    FILE *file = fopen(peeked_at, "r");

    snprintf(answer, size, "{\"verdict\":\"accept\",\"reason\":\"%s\"}", file ? "read" : strerror(errno));
    if (file)
        fclose(file);
}

static int handle(void *handler, const char *event, size_t event_len, char *answer, size_t answer_size)
{
    events++;
    if (strstr(event, "\"hang\""))
        for (;;)
            sleep(1);
    if (strstr(event, "\"crash\"")) {
        signal(SIGSEGV, SIG_DFL); /* past a sanitizer, which would turn it into an exit */
        raise(SIGSEGV);
    }
    if (strstr(event, "\"eat\""))
        eat();
    if (strstr(event, "\"leave\"")) {
        fprintf(stderr, "I am\nleaving");
        exit(7);
    }
    if (strstr(event, "\"fail\""))
        return -5;
    if (strstr(event, "\"start\"")) {
        start_a_program(answer, answer_size);
        return 0;
    }
    if (strstr(event, "\"early\"")) {
        snprintf(answer, answer_size, "{\"verdict\":\"accept\",\"reason\":\"%s\"}",
                 forked_early < 0 ? "forbidden" : "started");
        return 0;
    }
    if (strstr(event, "\"peek\"")) {
        peek(answer, answer_size);
        return 0;
    }
    if (strstr(event, "\"long\"")) {
        memset(answer, 'x', answer_size);
        return 0;
    }
    if (strstr(event, "\"lie\"")) {
        snprintf(answer, answer_size, "{\"verdict\":\"perhaps\"}");
        return 0;
    }
    printf("this goes to standard error\n");
    snprintf(answer, answer_size, "{\"verdict\":\"%s\",\n\"reason\":\"event %d\"}",
             strstr(event, "\"reject\"") ? "reject" : "accept", events);
    return 0;
}

static void close_handler(void *handler)
{
    if (getenv("NAUGHTY_CLOSE"))
        for (;;)
            sleep(1);
}

const struct geminga_notary_handler *geminga_notary_handler(void)
{
    static const struct geminga_notary_handler self = {GEMINGA_NOTARY_HANDLER_VERSION, open_handler, handle,
                                                       close_handler};

    return &self;
}
