/* SPDX-License-Identifier: Apache-2.0
 *
 * policy_log.h - a namespace's topic __change_events: each change of what is set for a topic, for clients that read it.
 *
 * The catalog is the truth, this its projection: an event is appended after the row that it tells of, and one that the
 * topic does not take (a full disk, a write that fails) is missing until the next change of the same topic.  What an
 * event says is made above (policy_observer); its key is the topic's name, no value is the end of what was set, and
 * compaction keeps the newest of each.  Only the broker writes there: clients are refused.
 *
 * The topic comes to be with the first event.  What compaction has not read of it stays.  Core thread.
 */
#ifndef BROKER_POLICY_LOG_H
#define BROKER_POLICY_LOG_H

#include "broker/broker.h"

#define POLICY_LOG_LOCAL            "__change_events"
#define POLICY_LOG_COMPACTION_BYTES (64 * 1024) /* unless the namespace's policy says otherwise */

struct policy_change {
    const struct topic_name *topic; /* the whole, if it has partitions */
    bool own, everywhere;           /* which of them may be others now; both: settings, which say themselves whose */
    bool gone;                      /* nothing is set any more: or the topic is deleted */
    struct bytes settings_before;   /* topic_settings, before */
};

/* Is told in the midst of each change, and calls nothing of the broker but topic_set_of and policy_log_write. */
struct policy_observer {
    struct list node; /* the broker's */
    void (*changed)(struct policy_observer *o, const struct policy_change *change);
};
void policies_observe(struct broker *b, struct policy_observer *o);

struct policy_event_bytes {
    struct bytes key;
    struct bytes value;       /* empty: none */
    const char *schema;       /* AVRO, of the values; the same for all */
    const char *replicate_to; /* NULL: wherever the namespace is */
};
/* Behind all that was changed before.  An end is written only where there is a log. */
void policy_log_write(struct broker *b, const struct topic_name *topic, const struct policy_event_bytes *event);

/* Of the namespace that `topic` is in.  ERR_TOO_LARGE: it has no room for the name. */
MUST_USE enum err policy_log_name(struct topic_name *out, const struct topic_name *topic);
/* Is it one? */
bool topic_is_policy_log(const struct topic_name *name);

/* ---- for policies.c and who removes topics ---- */

void policy_change_tell(struct broker *b, const struct policy_change *change);

/* What is set by a row that will be removed; and, when it is, that it is gone. */
struct policies_end {
    bool own, everywhere;
};
struct policies_end policies_end_of(enum catalog_table table, struct bytes value);
void policies_end_tell(struct broker *b, const struct topic_name *topic, struct policies_end end);

#endif
