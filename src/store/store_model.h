/* SPDX-License-Identifier: Apache-2.0
 *
 * store_model.h - for tests: a store on a simulated host and disk, and a model simple enough to be believed.
 *
 * The model is a list of appends, a list of versions of one catalog row per topic, the acknowledgements asked for, of
 * which entries which messages, and how often each entry was asked for again.
 * Whatever was told to be done must be there after a crash; what is there must have been asked for; and of two
 * changes the later is never there without the earlier.  In durability mode "os" a power cut takes back what was
 * promised since the last recovery, the rest stands.
 */
#ifndef STORE_STORE_MODEL_H
#define STORE_STORE_MODEL_H

#include "base/list.h"
#include "base/log.h"
#include "store/chain.h"
#include "store/cursor.h"
#include "store/store.h"
#include "sys/sim/sim.h"

#define MODEL_TOPICS 4

/* For tests that make allocations fail: what to call before and after every call of the store's, and when a host was
 * made. */
struct model_hooks {
    void (*cross)(bool inside);
    void (*host)(struct sys *sys);
};

struct model_append {
    struct append append;
    struct model *model;
    struct model_append *next;
    uint64_t sequence; /* of all appends; the entry's bytes are made from it */
    unsigned topic;
    struct position position;
    uint64_t life;     /* of the store that it was given to */
    bool done, failed; /* told OK; told an error */
    bool may_fail;     /* its write may fail without its being told any more */
    bool deleted;      /* its ledger's deletion was asked for */
    bool acked;        /* by the topic's cursor, asked for */
    bool ack_safe;     /* and told to be durable */
    bool durable;     /* done, and found after a recovery, or an orderly close came since: no power cut takes it back */
    bool ack_durable; /* likewise */
    bool maybe_acked; /* a reset took the acknowledgement back; it may not survive */
    bool given_up;    /* it was damaged, and may be lost: then a marker stands for it, or nothing */
    /* How often it was asked for again: as the cursor has it, told to be durable, beyond a power cut too, and at most.
     */
    uint32_t redelivered, redelivered_safe, redelivered_durable, redelivered_max;
    /* Which of its messages are acknowledged though it is not, as bits: in the same four ways. */
    uint32_t parts, parts_safe, parts_durable, parts_max;
    uint32_t resets; /* that forgot counts and parts */
};

struct model_topic {
    uint64_t id, subscription;
    struct cursor *cursor;
    uint64_t ledger;                /* open one, or 0 */
    uint64_t version, safe_version; /* of the topic's row: put; told to be durable */
    uint64_t asked[4096];           /* by version: appends asked for before it was put */
    bool safe;                      /* row and cursor of the topic are told to be durable */
    bool removed, safe_removed;
    bool unsubscribed, safe_unsubscribed; /* its subscription's row was removed; and told to be */
    uint64_t durable_version;             /* likewise, of the above */
    bool durable, durable_removed, durable_unsubscribed;
};

struct model {
    struct sim *sim;
    struct sim_disk *disk;
    struct sim_host *host;
    struct random random;
    struct store *store;
    struct store_options options;
    struct log log; /* to standard error when STORE_LOG is set */
    uint64_t life;
    bool unsynced; /* since the promises were last noted as durable a life was in durability mode "os" */
    unsigned fatals;
    bool closed;
    char message[400];
    struct model_append *appends, **appends_end; /* in the order in which they were asked for */
    uint64_t append_count;
    uint64_t namespace_; /* parent of the topics' rows; nothing hangs on it but what the tools list */
    struct model_topic topics[MODEL_TOPICS];
    struct list barriers, readings; /* under way */
    uint64_t reads_done;
    uint64_t compactions, adopted_bytes; /* in lives that are over */
    /* What the test has planned. */
    bool writes_may_fail, reads_may_fail, memory_may_fail;
    const struct model_hooks *hooks; /* may be NULL */
};

void model_init(struct model *m, uint64_t seed);
void model_deinit(struct model *m); /* crashes the host, frees all */

void model_hook(struct model *m, const struct model_hooks *hooks);

/* store_open on the host. */
MUST_USE enum err model_open(struct model *m);
/* The process ends: as by kill -9, or by a power cut.  With `m->store` NULL the disk goes alone. */
enum model_end { MODEL_KILL, MODEL_POWER };
void model_crash(struct model *m, enum model_end end);
/* store_close, run to its end; false when the disk failed meanwhile. */
bool model_close(struct model *m);

/* What is promised so far is kept by what follows; what is promised from here on, the next power cut may take back: as
 * when the store goes on from a backup begun now. */
void model_note_backup(struct model *m);

/* Runs until nothing can happen any more: an idle store has no timer. */
void model_settle(struct model *m);
void model_steps(struct model *m, unsigned n);
void model_run_ms(struct model *m, uint64_t ms); /* for so long, however little happens */
/* True once the store cannot go on: fatal, or the disk is dead. */
bool model_dead(const struct model *m);

/* Operations; each does nothing where it makes no sense. */
void model_create_topics(struct model *m);
void model_append(struct model *m, unsigned topic, size_t len);
void model_ack(struct model *m, unsigned topic, unsigned nth); /* the nth unacknowledged synced entry */
void model_ack_cumulative(struct model *m, unsigned topic, unsigned nth);
/* One message of the nth unacknowledged synced entry; with the last of them the entry is acknowledged. */
void model_ack_part(struct model *m, unsigned topic, unsigned nth, unsigned message);
/* The nth unacknowledged synced entry is asked for again. */
void model_redeliver(struct model *m, unsigned topic, unsigned nth);
void model_put(struct model *m, unsigned topic);  /* the next version of its row */
void model_roll(struct model *m, unsigned topic); /* closes the ledger */
void model_trim(struct model *m, unsigned topic); /* deletes its first ledger if that is closed and not the last */
void model_reset(struct model *m, unsigned topic, unsigned nth); /* the cursor goes to the nth entry of the topic */
void model_remove(struct model *m, unsigned topic);      /* row, subscription, cursor, ledgers; back in the next life */
void model_unsubscribe(struct model *m, unsigned topic); /* row and cursor; another one in the next life */
void model_barrier(struct model *m);
void model_start_read(struct model *m, unsigned topic, unsigned nth); /* checked when it is done */
void model_random_step(struct model *m);

/* After model_open: all promises, and nothing else. */
void model_verify(struct model *m);

/* After model_open without a fault: every file in the data directory is the store's. */
void model_check_files(struct model *m);

/* After damage: what is served is right. */
void model_verify_damaged(struct model *m);

/* Reads one entry, wherever it is; steps the simulation. */
enum err model_read(struct model *m, struct position p, struct entry *out);

#endif
