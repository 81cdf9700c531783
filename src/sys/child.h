/* SPDX-License-Identifier: Apache-2.0
 *
 * child.h - a program of somebody else's, started within limits, that is given a line and answers with a line.
 *
 * It gets three pipes (standard input, output, error), the environment that is given and no more, no other file of
 * ours, a process group of its own; limits of memory, processor time, files, and of processes and threads (4,096 more
 * than there are on the machine, and 15/16 of what we may have; the kernel counts all of the user's, and does not hold
 * root to it).  A call has a deadline and a bound on the answer.  What it writes to standard error is read along, and
 * the end of it kept, for the message when it fails. Blocks; a child belongs to one thread at a time.  SIGPIPE must be
 * ignored by the process.
 *
 * A child whose answer was not OK is of no more use: child_end.
 */
#ifndef SYS_CHILD_H
#define SYS_CHILD_H

#include "base/text.h"
#include "sys/deadline.h"

#define CHILD_SAID_MAX 200 /* bytes kept of what it says on standard error */

struct child_options {
    const char *const *argv; /* ends with NULL; the program is argv[0], searched for in PATH unless it has a slash */
    const char *const *environment; /* "NAME=value", ends with NULL */
    uint64_t memory_max;            /* bytes of address space; 0: no limit */
    uint64_t processor_seconds_max; /* 0: no limit */
    int64_t life_ms;                /* it gets SIGALRM then, even if we are gone; 0: never */
};

struct child;

/* ERR_NOT_FOUND, ERR_DENIED: the program, or a sandbox that we are in; ERR_NOMEM, ERR_IO: the kernel has no process for
 * us.  `why` is a sentence. */
MUST_USE enum err child_start(struct child **out, const struct child_options *options, char *why, size_t why_size);

/* Writes `line` (which has no line end) and a line end, after it the end of the input if it is the `last`; then reads
 * one line, without its end, to *answer (initialized; its limit is the answer's).  The last line may lack its end.
 * ERR_TIMEOUT; ERR_TOO_LARGE: the answer; ERR_PROTOCOL: it says more than one line, or said something between two
 * questions; ERR_CLOSED: it ended, or closed its output; ERR_NOMEM. */
MUST_USE enum err child_ask(struct child *c, struct bytes line, bool last, struct text *answer,
                            const struct deadline *deadline);

/* How it ended. */
struct child_end {
    bool by_signal; /* `number` is the signal; otherwise the exit status */
    int number;
    uint64_t memory_peak;          /* bytes that were resident */
    char said[CHILD_SAID_MAX + 1]; /* the last of its standard error, control characters as blanks */
};

/* Tells it that nothing more comes and gives it that long to end by itself: before child_end, of a child that works. */
void child_let_go(struct child *c, int64_t grace_ms);

/* Ends it and all of its process group, if it is not over yet, and frees it.  `how` may be NULL; a child that was
 * still running was ended by SIGKILL.  NULL is fine. */
void child_end(struct child *c, struct child_end *how);

#endif
