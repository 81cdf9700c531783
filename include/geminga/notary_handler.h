/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_handler.h - what a shared object must have to be a handler of `geminga notary`.
 *
 * A handler is asked about each event before it is notarized, and accepts, rejects or ignores it.  It runs in a process
 * of its own, with the limits of memory and time that the notary's handlers file gives it; when it hangs, crashes or
 * answers nonsense that process is ended, another one is started, and nobody else has noticed.  So it need not fear
 * what it is given, and must keep nothing in memory that matters.
 *
 *     cc -shared -fPIC -o policy.so policy.c        (this header is all that it needs)
 *
 *     [[handler]]                                   # the file that notary.handlers.file names
 *     name = "policy"
 *     kind = "shared_object"
 *     path = "/usr/lib/geminga/policy.so"
 *     config = "whatever open() understands"
 *
 * A process asks one thing at a time, from one thread.  What is written to standard output goes to standard error,
 * whose end is shown in the message when the handler fails.  From its first constructor on it starts no programs, and
 * opens no files but the system's libraries and those that its entry lists as `readable`, unless that says `sandbox =
 * "calls"` (files are open) or `sandbox = false`.
 */
#ifndef GEMINGA_NOTARY_HANDLER_H
#define GEMINGA_NOTARY_HANDLER_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GEMINGA_NOTARY_HANDLER_VERSION 1

/* What is published here never changes its meaning; a later version has other members behind these. */
struct geminga_notary_handler {
    unsigned version; /* GEMINGA_NOTARY_HANDLER_VERSION */

    /* Called once, before the first event.  `config` is the text of the handlers file, "" when there is none.  Returns
     * what the other two are given (not NULL), or NULL with a sentence in `why`: the handler cannot work. */
    void *(*open)(const char *config, char *why, size_t why_size);

    /* `event` is the JSON of a valid PipelineEvent, NUL-terminated.  Writes to `answer`, NUL-terminated,
     *
     *     {"verdict": "accept" | "reject" | "ignore", "reason": "...", "metadata": {...}}
     *
     * where reason (at most 1,000 bytes) and metadata are optional, and become part of the evidence.  Returns 0; any
     * other number means that it could not decide, and may be asked again. */
    int (*handle)(void *handler, const char *event, size_t event_len, char *answer, size_t answer_size);

    /* Called when no more events come; not when the process is ended. */
    void (*close)(void *handler);
};

/* The one name that a shared object must have. */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const struct geminga_notary_handler *
geminga_notary_handler(void);

#ifdef __cplusplus
}
#endif

#endif
