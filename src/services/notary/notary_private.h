/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_private.h - the notary's state, for the files that make it up:
 *
 *   notary.c            rounds, leading, and what has been published
 *   notary_events.c     events in
 *   notary_decisions.c  decisions in
 *   notary_steps.c      open workflows: what each does next
 *   notary_close.c      how workflows end: entries of the log, results
 *   notary_batch.c      many under one signature
 *   notary_calls.c      activities on their lanes
 *   notary_notices.c    telling people
 *   notary_conduct.c    another system that runs the workflows
 */
#ifndef SERVICES_NOTARY_NOTARY_PRIVATE_H
#define SERVICES_NOTARY_NOTARY_PRIVATE_H

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "services/notary/conductor.h"
#include "services/notary/documents/event.h"
#include "services/notary/documents/message.h"
#include "services/notary/documents/receipt.h"
#include "services/notary/draft.h"
#include "services/notary/notary.h"
#include "services/notary/shares.h"
#include "services/notary/trails.h"
#include "services/notary/workflow.h"

#define OPEN_BYTES_MAX      (64u << 20) /* of open workflows, above which no more are opened */
#define OPEN_MAX_DEFAULT    10000
#define SHARE_MAX_DEFAULT   1000
#define TAKEN_UP_MAX        (1u << 24) /* workflows that the book may have open, whatever their bound was */
#define BATCH_MAX_DEFAULT   1000
#define BATCH_WAIT_DEFAULT  1000
#define CALL_MS_DEFAULT     30000
#define FINDING_BYTES_MAX   (256u << 10)
#define NOT_IN_HEAP         SIZE_MAX
#define PUBLISH_AGAIN_MAX   200 /* results a round, after a takeover */
#define PUBLISH_AGAIN_BYTES (8u << 20)
#define PUBLISH_AGAIN_MS    500  /* after publishing failed, which may take no time at all */
#define PUBLISHED_MS        5000 /* a `published` record at the latest after this */
#define BUSY_MS             200  /* a lane's queue is full: look again after this */
#define NOTICES_MAX         1000 /* that wait for their channel */
#define TELL_AGAIN_MAX      1000 /* workflows a round that are taken up after a takeover */

/* Of a workflow that a conductor runs, too (conductor.h). */
struct conducted {
    bool released, expired; /* the conductor found its end; and that it is its timeout */
    bool telling;           /* a call is under way */
    unsigned told;          /* which state of it; 0: none */
    unsigned failures;      /* since it was last told */
    int64_t again_ms;       /* not before this */
    int64_t check_ms;       /* waits for the conductor's word: asks again at this; 0: it does not wait */
    struct text token;      /* of the task that is to be answered */
};

/* A workflow that is under way; and, for the rest of its last round, one that has just been closed. */
struct open_workflow {
    struct workflow *workflow;
    struct digest *leaves; /* of a member of a batch whose event was at hand: batch_leaves; NULL: not known yet */
    struct share *share;   /* of an approval: its source's; else NULL */
    uint64_t serial;       /* a call says whose it is by this */
    int64_t due_ms;        /* when it is looked at again, while heap_at is not NOT_IN_HEAP */
    size_t heap_at;
    struct list node;              /* in notary.collecting, or notary.closing */
    bool collecting;               /* in notary.collecting */
    bool running;                  /* a call for it is under way */
    bool taken_up;                 /* came with a takeover, and nobody has been told since */
    enum workflow_outcome outcome; /* of a closing one */
    struct conducted conducted;
};

struct notary {
    struct handler handler; /* first: the runtime is given its address */
    struct notary_options options;
    struct draft draft;
    struct trails trails;
    uint64_t term, serials; /* how often it began to lead; calls of earlier terms count for nothing */
    struct map open;        /* by event id */
    struct heap due;
    size_t open_bytes;    /* of these, by workflow_bytes */
    struct shares shares; /* of those that wait for people */
    struct list collecting;
    size_t collecting_count, batch_limit;
    int64_t collecting_since_ms, batch_busy_ms;
    bool batch_running;
    struct list notices_later; /* failed ones, until their next attempt */
    size_t notices_waiting;    /* these, and those on their lane */
    _Atomic uint64_t notices_sent, notices_failed, notices_forgotten;
    struct {
        bool running;
        unsigned failures;
        int64_t again_ms;
    } polls[2]; /* of the conductor: for its own work, and for tasks */

    /* Of this round. */
    struct map round; /* event ids whose result the book gets in this round */
    struct list closing;
    struct outcome *own;
    bool unsaid;       /* a result that the book got has not been put into the round's publications */
    bool held;         /* a delivery was put off */
    bool has_room;     /* ... and there is room for it by now: the next round need not wait */
    enum err call_err; /* the first error of a call's `done` */
    int64_t seen_ms;   /* the clock, when it began */

    /* What has been published: results up to `confirmed` for sure; from `again` to `again_end` are to be published
     * once more. */
    uint64_t confirmed, recorded, again, again_end, round_end;
    int64_t recorded_ms, again_ms; /* again_ms: not before this */
    struct notary_counts counts;
};

/* Where one delivery stands. */
enum stage {
    STAGE_ANSWERED, /* its outcome is written */
    STAGE_NEW,      /* its workflow begins and ends in this round */
    STAGE_KNOWN,    /* in the book, before this round or by something earlier in it */
};

struct item {
    enum stage stage;
    const struct delivery *delivery;
    struct outcome *outcome;
    struct event event;
    char workflow_id[WORKFLOW_ID_SIZE]; /* "" when the event has no id */
    struct digest evidence;             /* of version 1 */
    struct bytes package;               /* these bytes; while it is examined */
};

int64_t notary_now_ms(const struct notary *n);
/* Folds a record of this workflow, which is open or has just been closed. */
MUST_USE enum err notary_fold(struct notary *n, struct open_workflow *o, const json_t *record);
/* Has this round write a document, which ends it when another leads by now: for answers that say that something is not
 * there, which a leader that was replaced and has not heard of it may not give. */
MUST_USE enum err notary_prove(struct notary *n);
/* Adds a record of this workflow to the draft, and folds it.  ERR_TOO_LARGE: it cannot be written; nothing was done. */
MUST_USE enum err notary_record(struct notary *n, struct open_workflow *o, json_t *record);

/* ---- notary_events.c ---- */

/* Errors of the book end the round; others are the item's own affair. */
MUST_USE enum err notary_examine(struct notary *n, struct item *item);
/* After the document is written. */
MUST_USE enum err notary_answer(struct notary *n, struct item *item);
void notary_retry(struct item *item, const char *why);
/* It is looked at again in a later round. */
void notary_hold(struct notary *n, struct item *item);
struct trail notary_trail(const struct item *item);
void notary_answer_error(struct notary *n, struct item *item, const char *type, const char *message,
                         const struct faults *faults);

/* ---- notary_decisions.c ---- */

MUST_USE enum err notary_decide(struct notary *n, struct item *item);

/* ---- notary_steps.c ---- */

/* Opens a workflow of the item's event, and does what can be done at once.  ERR_FULL: there are too many;
 * ERR_TOO_LARGE: the event cannot be written. */
MUST_USE enum err notary_open(struct notary *n, struct item *item);
MUST_USE enum err notary_take_up(struct notary *n, const json_t *records);
/* Does what is next. */
MUST_USE enum err notary_advance(struct notary *n, struct open_workflow *o);
/* After a record that may have changed its state: tells people, and goes on. */
MUST_USE enum err notary_changed(struct notary *n, struct open_workflow *o, enum workflow_state before);
/* All whose time has come. */
MUST_USE enum err notary_timers(struct notary *n);
/* Publishes where it stands; `message` goes over the workflow's own words. */
MUST_USE enum err notary_say_status(struct notary *n, struct open_workflow *o, struct outcome *outcome,
                                    const char *message);
/* The same, and keeps it in the book. */
MUST_USE enum err notary_note_status(struct notary *n, struct open_workflow *o, struct outcome *outcome);
/* What an attempt came to that did not succeed. */
MUST_USE enum err notary_attempt_failed(struct notary *n, struct open_workflow *o, enum activity activity, enum err why,
                                        const char *sentence);
/* The clock was set back: what waits for a time is looked at anew. */
void notary_look_anew(struct notary *n);
void notary_schedule(struct notary *n, struct open_workflow *o, int64_t at_ms); /* < 0: never */
void notary_forget(struct notary *n, struct open_workflow *o);
void notary_free_workflow(struct open_workflow *o); /* forgotten before */
void notary_forget_all(struct notary *n);

/* ---- notary_close.c ---- */

/* What is signed for this workflow: a reference to the "evidence" of its result, NULL for version 1; its bytes. */
MUST_USE enum err notary_package(const struct workflow *w, json_t **package, struct text *bytes);
MUST_USE enum err notary_close_notarized(struct notary *n, struct open_workflow *o, const json_t *package,
                                         const struct digest *evidence, const struct signed_by *by);
MUST_USE enum err notary_close_refused(struct notary *n, struct open_workflow *o, enum workflow_outcome outcome,
                                       const char *why);
/* A workflow that begins and ends in this round, its evidence package signed here and now: the record. */
MUST_USE enum err notary_compose_now(struct notary *n, struct item *item, struct bytes evidence, json_t **record);
/* The facts that depend on the workflow alone; `metadata` is the caller's to drop. */
void notary_facts(const struct notary *n, const struct workflow *w, json_t **metadata, struct receipt_facts *facts);
/* It ends with this round: from the open ones to `closing`. */
MUST_USE enum err notary_close(struct notary *n, struct open_workflow *o, enum workflow_outcome outcome);
/* After the document is written: results, statuses and notices of what was closed. */
MUST_USE enum err notary_say_closed(struct notary *n);
MUST_USE enum err notary_add_result(struct notary *n, struct outcome *outcome, const char *event_id,
                                    const struct registry_result *known);
/* The NotaryResult; `out` is initialized here. */
MUST_USE enum err notary_write_result(const struct notary *n, const struct registry_result *known, struct text *out);

/* ---- notary_batch.c ---- */

MUST_USE enum err notary_collect(struct notary *n, struct open_workflow *o);
void notary_uncollect(struct notary *n, struct open_workflow *o);
/* Signs a batch if there is one to be signed. */
MUST_USE enum err notary_batch(struct notary *n);
int64_t notary_batch_due_ms(const struct notary *n); /* -1: none */
/* The clock was set back: those that are there begin to wait now. */
void notary_batch_wait_anew(struct notary *n);

/* ---- notary_calls.c ---- */

/* Has the activity done on its lane.  ERR_BUSY: not now. */
MUST_USE enum err notary_call(struct notary *n, struct open_workflow *o, enum activity activity);
/* ERR_BUSY: not now. */
MUST_USE enum err notary_submit(struct notary *n, enum notary_lane lane, struct job *job);

/* What it came to cannot be written: it failed. */
struct notary_call;
void notary_call_too_large(struct notary_call *call);

/* ---- notary_notices.c ---- */

/* Tells those whom the event wants told; a crash may lose a notice, or repeat it. */
MUST_USE enum err notary_notice(struct notary *n, const struct workflow *w, enum notice_kind kind, const char *reason);
/* Those notices whose next attempt is due. */
MUST_USE enum err notary_notices(struct notary *n);
int64_t notary_notices_due_ms(const struct notary *n); /* -1: none */
/* The clock was set back: none waits for what was later. */
void notary_notices_hurry(struct notary *n);
void notary_notices_forget(struct notary *n);

/* ---- notary_conduct.c ---- */

/* Tells the conductor where the workflow stands, if it does not know. */
MUST_USE enum err notary_conduct(struct notary *n, struct open_workflow *o);
/* Whether this is for the conductor to say, who has not said it. */
bool notary_conducted(const struct notary *n, const struct open_workflow *o, const struct workflow_next *next);
/* Waits for its word. */
void notary_conduct_wait(struct notary *n, struct open_workflow *o);
/* Once the workflow's next time is known: not later than the conductor is to be told. */
void notary_conduct_schedule(struct notary *n, struct open_workflow *o);
/* The time that the workflow goes by. */
int64_t notary_conduct_now_ms(const struct notary *n, const struct open_workflow *o);
/* It was closed, and the document is written: the conductor gets the result. */
MUST_USE enum err notary_conduct_closed(struct notary *n, struct open_workflow *o, const struct registry_result *known);
/* Asks the conductor for work. */
MUST_USE enum err notary_conduct_poll(struct notary *n);
int64_t notary_conduct_due_ms(const struct notary *n); /* -1: none */

/* Embedded first in each kind of call. */
struct notary_call {
    struct job job;
    struct notary *notary;
    uint64_t term;
    void (*drop)(struct notary_call *call); /* frees it */
    char why[400];
    enum err err;
};

#endif
