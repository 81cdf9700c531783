/* SPDX-License-Identifier: Apache-2.0
 *
 * id_window.h - which events a topic has already: told by the events' own ids, whoever sends them.
 *
 * Embedded in the topic; on where the policy names a time.  An event's id is the property event_id_property of the
 * entry's metadata (of a batch: of the batch itself, whose single messages are not opened).  The window holds the ids
 * of the entries that were stored within that time, by the broker's wall clock, and of these the last ids_max.  A
 * message with one of them is a duplicate, and ends as deduplication.h's do: stored no second time, answered when all
 * before it is decided.  Of a message in chunks the last one counts.  Without an id (or with one that is longer than
 * EVENT_ID_MAX) it is stored, and counted.  Markers and copies from other clusters are none of its business.
 *
 * Nothing is written for it: the window is what the entries say.  They are kept for as long as it is long (trim.c), and
 * read when the first producer comes to a topic that was loaded anew; producers wait for that.  A change of the policy
 * is the same: producers are sent away, and come back to a window that was read.  So it is exact over crashes.
 *
 * Ids are kept whole: a false duplicate is a lost message.  Bound: all windows together hold event_id_bytes_max (a part
 * of memory_limit); beyond it the id that is in memory for the longest goes, of whatever topic, and is counted.
 *
 * Invariants: an id is in the map; once its entry is stored it is in the topic's list and in the broker's, too, the
 * oldest first in both.  While the policy is on and there is a producer, all is read.
 */
#ifndef BROKER_ID_WINDOW_H
#define BROKER_ID_WINDOW_H

#include "broker/deduplication.h"

#define EVENT_ID_MAX 1024 /* bytes */

enum id_window_state { ID_WINDOW_OFF, ID_WINDOW_READING, ID_WINDOW_ON };

struct id_window {
    int64_t window_ms; /* by the policies; 0: there is none */
    uint64_t ids_max;  /* by the policies; 0: no limit but the bytes */
    enum id_window_state state;
    struct map ids;                  /* struct event_id by its bytes */
    struct list stored;              /* struct event_id */
    uint64_t count;                  /* of them */
    uint64_t duplicates, without_id; /* messages, since the topic was loaded */
    uint64_t evicted;                /* ids that went too early, for the bytes */
    struct log_reading reading;      /* READING: of what the log holds */
};

struct event_id {
    struct list node;    /* id_window.stored, when it is */
    struct list of_all;  /* broker->event_ids, likewise */
    struct topic *topic; /* that it belongs to */
    int64_t ms;          /* of its entry: broker_ms */
    bool stored;
    uint16_t len;
    uint8_t bytes[];
};

void id_window_init(struct topic *t);
void id_window_deinit(struct topic *t);

/* The policies have changed, or the topic was loaded; `p` holds for it. */
void id_window_policy(struct topic *t, const struct policies *p);
/* The topic is being closed: those that wait go on. */
void id_window_release(struct topic *t);
/* From time to time: what is too old leaves memory. */
void id_window_maintain(struct topic *t);

/* What a producer's opening waits for, as deduplication_ask. */
enum deduplication_step id_window_ask(struct topic *t, struct producer_open *open);

/* MESSAGE_FRESH: *id (NULL: it has none) is for _appended and _ended. */
MUST_USE enum err id_window_look(struct topic *t, const struct publish *m, enum deduplication_verdict *verdict,
                                 struct event_id **id);
/* `id` may be NULL in both: its entry has this time; it is stored, or never will be, and then it is forgotten. */
void id_window_appended(struct event_id *id, int64_t broker_ms);
void id_window_ended(struct event_id *id, bool stored);

/* How far back it reaches now. */
int64_t id_window_span_ms(const struct topic *t);

/* Asserts the invariants. */
void id_window_check(const struct topic *t);

#endif
