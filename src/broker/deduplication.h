/* SPDX-License-Identifier: Apache-2.0
 *
 * deduplication.h - which messages of each producer a topic has already: told by their sequence ids.
 *
 * Embedded in the topic; on where the policy says so, never in system topics and where nothing is kept.  For each
 * producer, by the name in the messages' metadata, the highest sequence id that was pushed into the journal and the
 * highest that is stored.  A message that does not come behind the former is a duplicate: it is not stored, and is
 * answered when all that came before it is decided; so a duplicate never gets a receipt for a message that is not
 * durable, and nobody has to be told that it is not known.  When an append fails, pushed falls back to stored.
 *
 * It is exact over crashes: what is stored is what the entries in the journal say, and they are its truth.  The state
 * is written down (a snapshot) every so many entries, when the topic has been quiet for a while, and when it leaves
 * memory; when the topic is used by a producer again, the entries after the snapshot are read.  A cursor holds them:
 * the snapshot is the value of a row of the subscription's table with the name "pulsar.dedup", as in Pulsar, which is
 * shown as a subscription nowhere.
 *
 *     value of the row    1 version: 3 | 8 ledger, 8 entry: all up to there is in it | 4 how many | each:
 *                         8 highest sequence id | 2 length of its name | name
 *
 * Integers are little endian.  Bounds: so many producers as the broker's option says, and 1 MiB of snapshot; beyond
 * them the one that was silent for the longest is forgotten, never one that is connected: more of these are refused.
 * One that is not connected is forgotten after a time, which begins anew when the topic is loaded: a clock that jumps
 * makes nothing forgotten.  Chunks of a message share its sequence id: the last one counts.
 * Markers and copies from other clusters are none of its business.
 */
#ifndef BROKER_DEDUPLICATION_H
#define BROKER_DEDUPLICATION_H

#include "base/list.h"
#include "base/map.h"
#include "broker/log_reading.h"
#include "broker/refusal.h"
#include "store/store.h"

struct cursor;
struct producer;
struct producer_open;
struct publish;
struct policies;
struct topic;

enum deduplication_state { DEDUPLICATION_OFF, DEDUPLICATION_READING, DEDUPLICATION_ON };

struct deduplication {
    bool wanted;          /* by the policies */
    uint64_t entries_max; /* between two snapshots, by the policies */
    enum deduplication_state state;
    uint64_t row; /* 0: none; else there is a cursor with this id */
    struct cursor *cursor;
    struct map sequences;       /* struct sequence by name */
    struct list recent;         /* the same, the one that was silent for the longest first */
    size_t bytes;               /* of a snapshot of them */
    size_t connected_bytes;     /* of one of the connected producers, if each had a sequence */
    uint64_t fresh;             /* entries since the last snapshot */
    uint64_t snapshot_ns;       /* when it was */
    uint64_t duplicates;        /* messages that were not stored again, since the topic was loaded */
    struct log_reading reading; /* READING: of what came after the snapshot */
};

/* One producer's. */
struct sequence {
    struct list node;       /* deduplication.recent */
    int64_t pushed, stored; /* SEQUENCE_NONE: nothing */
    uint64_t seen_ns;       /* when it was connected, or sent something, last */
    size_t pending;         /* publishes under way that refer to it */
    size_t name_len;
    char name[];
};
#define SEQUENCE_NONE INT64_MIN

#define DEDUPLICATION_ROW "pulsar.dedup"

void deduplication_init(struct topic *t);
void deduplication_deinit(struct topic *t);

/* The policies have changed, or the topic was loaded; `p` holds for it: switches it on or off. */
void deduplication_policy(struct topic *t, const struct policies *p);
/* The topic is being closed: those that wait go on. */
void deduplication_release(struct topic *t);
/* It leaves memory in order, nothing is under way: a snapshot, if there is something new. */
void deduplication_leave(struct topic *t);
/* From time to time: a snapshot, if something new is old enough. */
void deduplication_maintain(struct topic *t, uint64_t now_ns);
/* An append failed. */
void deduplication_reset(struct topic *t);

enum deduplication_step { DEDUPLICATION_READY, DEDUPLICATION_LATER, DEDUPLICATION_REFUSED };
/* What a producer's opening waits for: that all is read.  LATER: the step comes again; REFUSED: the refusal is set. */
enum deduplication_step deduplication_ask(struct topic *t, struct producer_open *open);
/* The highest sequence id that is stored under this name; -1: none is known. */
int64_t deduplication_last(const struct topic *t, struct bytes name);
/* Publishes are under way under this name: how they end decides which is the highest. */
bool deduplication_undecided(const struct topic *t, struct bytes name);
/* A producer is connected; it was. */
void deduplication_came(struct topic *t, struct bytes name);
void deduplication_went(struct topic *t, struct bytes name);

/* A message that says that another producer sent it: its sequence ids would make that one's messages duplicates. */
bool deduplication_of_another(const struct topic *t, const struct producer *p, const struct publish *m);

/* What a message is: */
enum deduplication_verdict {
    MESSAGE_FRESH,    /* to be stored; *sequence (NULL: not of interest) is for _pushed and _stored */
    MESSAGE_DUPLICATE /* not to be stored */
};
MUST_USE enum err deduplication_look(struct topic *t, const struct publish *m, enum deduplication_verdict *verdict,
                                     struct sequence **sequence);
/* It went into the journal, up to this sequence id; that ended, and all before it has.  `s` may be NULL. */
void deduplication_pushed(struct sequence *s, int64_t last);
void deduplication_ended(struct topic *t, struct sequence *s, int64_t last, bool stored);

/* Asserts the invariants. */
void deduplication_check(const struct topic *t);

#endif
