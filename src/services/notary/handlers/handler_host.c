/* SPDX-License-Identifier: Apache-2.0
 *
 * handler_host.c - the sandbox, dlopen in it, a loop over lines, and a thread that watches the other end of the input.
 */
#include "services/notary/handlers/handler_host.h"

#include "geminga/notary_handler.h"
#include "services/notary/documents/event.h"
#include "services/notary/handlers/handler_answer.h"
#include "sys/sandbox.h"
#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GRACE_MS 1000

enum { EXIT_UNUSABLE = 3 };

struct host {
    const struct geminga_notary_handler *handler;
    void *self;
    FILE *out;
};

static bool complain(const char *what, const char *more)
{
    (void)fprintf(stderr, "%s%s\n", what, more);
    return false;
}

/* Answers go where standard output went; what the handler prints goes to standard error. */
static bool move_output(struct host *h)
{
    int fd = dup(STDOUT_FILENO);

    if (fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0 || !(h->out = fdopen(fd, "w")))
        return complain("cannot move the standard output", "");
    return true;
}

static bool load(struct host *h, const char *path, const char *config)
{
    const struct geminga_notary_handler *(*find)(void);
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL), *symbol;
    char why[300] = "it does not say why";

    if (!object)
        return complain("cannot be loaded: ", dlerror());
    if (!(symbol = dlsym(object, "geminga_notary_handler")))
        return complain("is no handler: it has no geminga_notary_handler", "");
    memcpy(&find, &symbol, sizeof find); /* C has no cast between the two */
    if (!(h->handler = find()) || h->handler->version != GEMINGA_NOTARY_HANDLER_VERSION)
        return complain("is a handler of another version than this program", "");
    if (!(h->self = h->handler->open(config, why, sizeof why)))
        return complain("open() fails: ", why);
    return true;
}

static void *watch(void *ctx)
{
    struct pollfd input = {STDIN_FILENO, 0, 0};

    (void)ctx;
    while (!(input.revents & (POLLHUP | POLLERR)))
        (void)poll(&input, 1, -1);
    (void)poll(NULL, 0, GRACE_MS);
    _exit(0);
}

static bool start_watching(void)
{
    pthread_t thread;

    return pthread_create(&thread, NULL, watch, NULL) == 0 || complain("cannot watch the input", "");
}

/* One line, whatever the handler wrote. */
static bool say(struct host *h, char *answer)
{
    for (char *c = answer; *c; c++)
        if (*c == '\n' || *c == '\r')
            *c = ' ';
    return fprintf(h->out, "%s\n", answer) >= 0 && fflush(h->out) == 0;
}

static bool answer_one(struct host *h, const char *event, size_t len, char *answer)
{
    int status;

    answer[0] = '\0';
    status = h->handler->handle(h->self, event, len, answer, HANDLER_ANSWER_MAX);
    answer[HANDLER_ANSWER_MAX - 1] = '\0';
    if (status != 0)
        (void)snprintf(answer, HANDLER_ANSWER_MAX, "{\"failed\":\"handle() returns %d\"}", status);
    return say(h, answer);
}

static int serve(struct host *h)
{
    char *line = NULL, *answer = malloc(HANDLER_ANSWER_MAX);
    size_t size = 0;
    ssize_t len;
    bool goes_on = answer != NULL;

    while (goes_on && (len = getline(&line, &size, stdin)) > 0) {
        if (line[len - 1] == '\n')
            line[--len] = '\0';
        goes_on = len <= EVENT_BYTES_MAX && answer_one(h, line, (size_t)len, answer);
    }
    free(line);
    free(answer);
    h->handler->close(h->self);
    return 0;
}

/* ---- the sandbox ---- */

/* What the dynamic linker and the C library read, wherever there is such a thing. */
static const char *const system_files[] = {"/lib",           "/lib64",           "/usr/lib",   "/usr/lib64",
                                           "/usr/local/lib", "/etc/ld.so.cache", "/usr/share", "/etc/localtime",
                                           "/dev/null",      "/dev/urandom"};
#define SYSTEM_FILES (sizeof system_files / sizeof *system_files)

static bool limit_files(const char *object, char *const *readable, size_t count)
{
    const char **all = calloc(SYSTEM_FILES + count + 2, sizeof *all);
    bool done;

    if (!all)
        return complain("out of memory", "");
    memcpy(all, system_files, sizeof system_files);
    all[SYSTEM_FILES] = object;
    for (size_t i = 0; i < count; i++)
        all[SYSTEM_FILES + 1 + i] = readable[i];
    done = sandbox_limit_files(all) == OK;
    free(all);
    return done ||
           complain("cannot be kept from files: this kernel has no Landlock, or the build no sandbox; the entry's "
                    "sandbox = \"calls\" does without",
                    "");
}

/* This thread only, which is the only one. */
static bool enclose(const char *how, const char *object, char *const *readable, size_t count)
{
    if (strcmp(how, "false") == 0)
        return true;
    if (strcmp(how, "calls") != 0 && !limit_files(object, readable, count))
        return false;
    return sandbox_enter() == OK ||
           complain("cannot be enclosed: this build or this kernel has no sandbox; the entry's sandbox = false does "
                    "without",
                    "");
}

int handler_host_main(int argc, char **argv)
{
    struct host h = {0};

    if (argc < 3 || !move_output(&h) || !enclose(argv[2], argv[0], argv + 3, (size_t)argc - 3) || !start_watching() ||
        !load(&h, argv[0], argv[1]))
        return EXIT_UNUSABLE;
    return serve(&h);
}
