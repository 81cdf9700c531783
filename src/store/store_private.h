/* SPDX-License-Identifier: Apache-2.0
 *
 * store_private.h - struct store, for the files of this room that it is composed of.
 *
 * Who changes what: store.c the calls of store.h; cursor.c the cursors; checkpoint*.c dirty marks and extents;
 * unlinking.c, full_disk.c, online_backup.c and reader.c each its own; recovery*.c all of it, before the loop runs.
 */
#ifndef STORE_STORE_PRIVATE_H
#define STORE_STORE_PRIVATE_H

#include "store/ack_set.h"
#include "store/catalog_tables.h"
#include "store/checkpoint.h"
#include "store/cursor.h"
#include "store/cursor_record.h"
#include "store/cursor_row.h"
#include "store/full_disk.h"
#include "store/journal.h"
#include "store/ledger.h"
#include "store/lost.h"
#include "store/online_backup.h"
#include "store/partial_acks.h"
#include "store/reader.h"
#include "store/redeliveries.h"
#include "store/store.h"
#include "store/unlinking.h"

#define CHECKPOINT_DIRT                                                                                                \
    (32u * 1024) /* changed rows, cursors, ledgers (which count for two): the core copies them in one turn */
#define CHECKPOINT_ENTRIES    (128u * 1024) /* unmoved entries that start a checkpoint: they cost memory */
#define CURSOR_CHANGES_MAX    4096u         /* of one cursor that wait for a batch; more make a record at once */
#define UNTRIMMED_CHECKPOINTS 8u            /* appends are refused when the journal is so many checkpoints ahead */

struct cursor {
    struct store *store;
    uint64_t id; /* 0: volatile */
    uint64_t topic;
    struct topic_chain *chain; /* NULL: the topic was removed */
    struct list chain_node;
    struct ack_set set;
    struct redeliveries redelivered; /* of unacknowledged entries */
    struct partial_acks *partial;    /* likewise; NULL: none */
    /* Durable ones: changes since the last record of it, and since the last checkpoint. */
    struct list unrecorded_node;
    struct record_run *runs;
    struct cursor_mark *marks; /* unacknowledged entries of which something changed: filled in when it is recorded */
    uint32_t run_count, run_capacity, mark_count, mark_capacity;
    bool unrecorded;
    bool dirty;
    struct list dirty_node;
};

struct store {
    /* Set at opening. */
    struct store_options options; /* defaults filled in */
    struct sys sys;
    struct log *log;
    struct executor *journal_workers[JOURNAL_FLIGHTS], *background, *readers[READER_WORKERS];

    struct catalog_tables *tables;
    struct catalog_index *index; /* the background worker's, and so is */
    struct index_copy index_copy;
    struct journal *journal;
    struct ledgers ledgers;
    struct reader reader;
    struct checkpoint checkpoint;

    struct map cursors; /* durable ones, by id */
    struct list unrecorded_cursors, dirty_cursors;
    size_t dirtied_cursors;    /* since the last checkpoint took them; those removed since count, too */
    uint64_t *removed_cursors; /* since the last checkpoint took them */
    size_t removed_count, removed_capacity;

    struct unlinking unlinking;

    struct full_disk full_disk;
    struct online_backup backup;

    uint64_t next_id, next_segment;
    struct task tell_room;
    void (*on_room)(void *ctx);
    void *on_room_ctx;
    bool had_no_room;
    bool dead; /* on_fatal was called */

    /* Closing. */
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
    struct store_op stopped;
    struct work last_mark; /* index transaction that says: nothing in the journal is needed */

    struct lost lost; /* what was given up, ever */
    uint64_t appended_entries, appended_bytes;
    uint64_t recovered_entries, recovery_ms;
};

struct recovery_look;
/* A store for the tools: see recovery_look.  No worker, no journal: of the calls of store.h only those that read the
 * catalog and the chains, and store_free. */
MUST_USE enum err store_look(struct store **out, const struct store_options *options, const struct sys *sys,
                             struct recovery_look *look, char *message, size_t message_size);

/* The end: tells on_fatal, once. */
void store_die(struct store *s, enum err err, const char *what);

/* A checkpoint came to its end, or is put off. */
void store_checkpoint_stopped(struct store *s);

/* A backup no longer bars one: the one that was asked for meanwhile begins. */
void store_checkpoint_allowed(struct store *s);
/* What it kept from being unlinked is. */
void store_backup_ended(struct store *s);

/* Checkpoints do not fall so far behind that appends are refused. */
bool store_keeps_up(const struct store *s);
/* Calls on_room, soon. */
void store_tell_room(struct store *s);

/* Of a topic in the catalog; else empty.  Borrowed until the next change of the catalog. */
struct bytes store_topic_name(const struct store *s, uint64_t topic);
/* A topic, or a subscription (which may have some of its own). */
bool store_owns_ledgers(const struct store *s, uint64_t id);

/* A record of `len` bytes in the journal; without memory the store dies, and the answer is NULL. */
uint8_t *store_record(struct store *s, size_t len);

/* What replay and the calls share.  They change memory only. */
void store_forget_topic(struct store *s, uint64_t topic, struct file_numbers *files);
void store_forget_ledger(struct store *s, struct ledger *l, struct file_numbers *files);
struct forget { /* context of store_row_removed */
    struct store *store;
    struct file_numbers files;
};
void store_row_removed(void *ctx, enum catalog_table table, const struct catalog_row *row);
/* cursor.c, for store.c, the checkpoint and recovery. */
void cursors_record(struct store *s); /* all unrecorded changes become records */
MUST_USE enum err cursor_load(struct store *s, const struct catalog_row *row);
MUST_USE enum err cursor_replay(struct store *s, const struct record *r);
void cursor_remove(struct cursor *c); /* its subscription's row is gone */
void cursors_drop_ledger(struct topic_chain *chain, const struct ledger_info *gone);
void cursors_forget_chain(
    struct topic_chain *chain); /* the topic is gone: durable ones are removed, volatile ones orphaned */
/* At the cut of a checkpoint.  ERR_NOMEM: nothing is held. */
MUST_USE enum err cursor_take(struct cursor *c, struct cursor_row *row);

#endif
