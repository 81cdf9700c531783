/* SPDX-License-Identifier: Apache-2.0
 *
 * conductor.h - another system that runs the notary's workflows: what the notary tells it, and what it gives back.
 *
 * The journal is the truth of what was decided.  The conductor is told how each open workflow began and where it
 * stands, keeps its deadline, and when it finds that the workflow has come to its end, hands out the task to notarize
 * it; until then the notary does not end it.  All calls are repeated after a crash or a takeover, so all are
 * idempotent.
 *
 * They block, and are made on lanes, several at a time.  ERR_AGAIN, ERR_TIMEOUT, ERR_IO: later it may work.  `why` is a
 * sentence for people, without secrets.  Pure; may call: base/.
 */
#ifndef SERVICES_NOTARY_CONDUCTOR_H
#define SERVICES_NOTARY_CONDUCTOR_H

#include "base/err.h"
#include "base/text.h"
#include "services/notary/documents/event.h"
#include "services/notary/workflow.h"

struct conductor;

/* One open workflow, as it is now. */
struct conductor_telling {
    char workflow_id[64];
    struct text input; /* how it began: the same each time.  JSON, temporal/temporal_workflow.h has its members */
    struct text state; /* decisions, and how it is to end; JSON; empty: nothing yet */
    unsigned version;  /* of `state`: grows with it, and the same for each who has the same records */
};

/* The conductor found the workflow's end: the notary is to bring it about. */
struct conductor_task {
    char event_id[EVENT_ID_MAX + 1];
    enum workflow_outcome outcome; /* what the conductor thinks that it is */
    char why[512];
    struct text token; /* the conductor's own name of the task; empty: there was no task */
};

/* What became of it. */
struct conductor_answer {
    struct text token;
    struct text result; /* the NotaryResult; empty: there is none, because of `why` */
    bool hopeless;      /* without a result: asking again will not help */
    char why[200];
};

struct conductor_ops {
    const char *name; /* "Temporal" */
    /* Starts it unless it is under way, and says where it stands. */
    enum err (*tell)(struct conductor *c, const struct conductor_telling *t, char *why, size_t why_size);
    /* Waits for something to happen in any workflow, and runs that workflow's code. */
    enum err (*work)(struct conductor *c, char *why, size_t why_size);
    /* Waits for a task; none came: OK, and the token is empty.  ERR_CORRUPT: one that makes no sense; it was refused.
     */
    enum err (*take)(struct conductor *c, struct conductor_task *out, char *why, size_t why_size);
    /* ERR_NOT_FOUND: it was given to somebody else meanwhile, or is done. */
    enum err (*answer)(struct conductor *c, const struct conductor_answer *a, char *why, size_t why_size);
    /* From any thread: calls that wait come back soon. */
    void (*stop)(struct conductor *c);
    void (*close)(struct conductor *c); /* no call is under way */
};

/* Embedded at the start of an implementation. */
struct conductor {
    const struct conductor_ops *ops;
};

#endif
