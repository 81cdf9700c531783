/* SPDX-License-Identifier: Apache-2.0
 *
 * model.h - what must be true of the broker: per topic a list of entries, per subscription what was acknowledged.
 *
 * It is told what clients sent and what they were told, and knows nothing of how the broker works.  Payloads are made
 * from the message's name (topic, producer, sequence), so whatever arrives can be judged by its bytes alone.
 *
 * For each subscription and entry there is one expectation:
 *     MUST      it must be delivered, sooner or later: nobody acknowledged it
 *     MAY       an acknowledgement, or a seek, was sent and not answered: both ways are right
 *     MUST_NOT  the acknowledgement was answered: whoever subscribes from now on must not see it
 * A delivery counts as evidence that the entry is durable, just as its receipt does.  Of an entry of several messages
 * single ones may be acknowledged: those that were not come, those that durably were do not.
 *
 * What was deleted, or whose subscription was, may come or not; a subscription that is made anew owes what was sent
 * from then on.  Of a non-persistent topic nothing must come, but nothing comes more often than it was sent.
 *
 * Whatever is found wrong goes to `violation`, which does not return.
 */
#ifndef TESTS_SIM_MODEL_H
#define TESTS_SIM_MODEL_H

#include "base/bytes.h"
#include "base/map.h"
#include "base/tree.h"
#include "store/position.h"
#include <stdint.h>

#define MODEL_TOPICS        4
#define MODEL_SUBSCRIPTIONS 5                   /* of one topic */
#define MODEL_READER        MODEL_SUBSCRIPTIONS /* instead of a subscription: a reading without one */
#define MODEL_PRODUCERS     12                  /* of one topic */
#define MODEL_KEYS          8                   /* of messages, where they have keys */
#define PAYLOAD_MAX         9000
#define PAYLOAD_MIN         16

enum expectation { MUST, MAY, MUST_NOT };

enum model_kind { MODEL_EXCLUSIVE, MODEL_SHARED, MODEL_FAILOVER, MODEL_KEY_SHARED };

struct model_entry {
    struct tree_node node;
    struct position position;
    unsigned producer;
    uint64_t sequence;
    bool receipted;
    bool doomed; /* seen before its topic's deletion was asked for */
    struct {
        enum expectation expect;
        uint64_t confirmed_step; /* MUST_NOT: when the answer came */
        uint64_t confirmed_to;   /* ... and to which incarnation of a consumer */
        uint32_t asked_again;    /* redeliveries of this entry that were sent */
        uint64_t holder;         /* Key_Shared: the incarnation that has it unacknowledged; 0: none that we know */
        /* Its messages, as bits: of which an acknowledgement was sent; was answered, the last at that step. */
        uint32_t parts_sent, parts_confirmed;
        uint64_t parts_step;
    } of[MODEL_SUBSCRIPTIONS];
};

struct model_message {
    int64_t deliver_ms;  /* not before, where it is read out of order; 0: at once */
    uint64_t first_step; /* when it was sent first */
    uint32_t sends;      /* so often, and so often it came, of a non-persistent topic */
    uint32_t came[MODEL_SUBSCRIPTIONS];
};

struct model_producer {
    uint64_t sent;      /* sequences [0, sent) were sent at least once */
    uint64_t receipted; /* [0, receipted) have their receipts */
    struct position last_receipt;
    struct model_message *messages; /* those that were sent */
    size_t capacity;
};

struct model_subscription {
    char name[32];
    enum model_kind kind;  /* all but those that share are read in order */
    uint64_t last_reading; /* its incarnation */
    uint64_t seeks;        /* sent so far; an answer to what was sent before one says nothing any more */
    struct position floor; /* the furthest cumulative acknowledgement or seek that was sent */
    uint32_t asked_all;    /* redeliveries of everything that were sent */
    uint32_t leaving;      /* UNSUBSCRIBEs without an answer: it may end at any time */
    uint64_t gone_step;    /* when it was known to be gone: SUBSCRIBEs of later make it again */
    uint64_t since_step;   /* it is there, for what was sent from then on; UINT64_MAX: it may be gone */
    struct {
        uint64_t holder; /* the incarnation that has entries of the key unacknowledged */
        uint64_t count;  /* ... so many */
    } of_key[MODEL_KEYS];
};

static inline bool model_shares(enum model_kind kind)
{
    return kind == MODEL_SHARED || kind == MODEL_KEY_SHARED;
}

/* The time of one exclusive producer. */
struct model_reign {
    uint64_t epoch;
    struct position first, last; /* of its receipts; POSITION_LATEST and _EARLIEST: none yet */
};

struct model_topic {
    char name[64];
    bool fleeting; /* it keeps nothing */
    bool guarded;  /* its producers are exclusive, one after the other */
    bool unsure;   /* its deletion was asked for, once at least: nobody seeks, or asks for the last message */
    bool deleting; /* ... and not answered */
    bool ending;   /* its termination was asked for */
    bool ended;    /* ... and answered: */
    struct position end;
    struct model_reign *reigns;
    size_t reign_count;
    struct tree entries; /* by position */
    struct map stored;   /* the same by message, where each is stored once */
    struct model_producer producers[MODEL_PRODUCERS];
    unsigned subscription_count;
    struct model_subscription subscriptions[MODEL_SUBSCRIPTIONS];
};

struct model {
    struct model_topic topics[MODEL_TOPICS];
    uint64_t step; /* the harness's clock, for "before" and "after" */
    bool keys;     /* messages have keys */
    bool once;     /* duplicates are recognized: each message is stored once, however often it is sent */
    bool steady;   /* ... and whoever holds one says so, or is gone at once: no other gets one of that key meanwhile */
    int64_t wall_ms;      /* the latest that was on the wall, before it was set back */
    uint32_t unacked_max; /* messages that keep a consumer that shares from getting more; 0: any number */
    bool parts;           /* single messages of an entry are acknowledged */
    bool trims;           /* what every subscription acknowledged may be deleted: a reader need not see it */
    bool verbose;         /* every event to standard error */
    uint64_t incarnations;
    uint64_t deliveries, receipts, confirmed_acks;
    /* A printf format; does not return. */
    void (*violation)(void *ctx, const char *text);
    void *ctx;
};

/* Reports; for the harness's own checks too. */
_Noreturn void model_violation(struct model *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One line, when verbose. */
void model_note(const struct model *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

void model_init(struct model *m);
void model_deinit(struct model *m);

/* The payload of a message: the same each time it is asked for.  Returns its length. */
size_t model_payload(unsigned topic, unsigned producer, uint64_t sequence, uint8_t to[PAYLOAD_MAX]);
/* How many messages the entry says it holds. */
uint32_t model_messages(unsigned topic, unsigned producer, uint64_t sequence);

/* Its key; a batch has one. */
unsigned model_key(unsigned topic, unsigned producer, uint64_t sequence);
/* The producer sends one more, for the first time. */
void model_sent(struct model *m, unsigned topic, unsigned producer, int64_t deliver_ms);

/* Once more, or for the first time: it is on its way. */
void model_sending(struct model *m, unsigned topic, unsigned producer, uint64_t sequence);

/* An exclusive producer is told its epoch; one of its receipts came. */
void model_reign_begins(struct model *m, unsigned topic, uint64_t epoch);
void model_reigns(struct model *m, unsigned topic, uint64_t epoch, struct position p);

/* A receipt came; POSITION_EARLIEST: it was stored before. */
void model_receipt(struct model *m, unsigned topic, unsigned producer, uint64_t sequence, struct position p);

/* What a producer is told of itself when it connects: -1, or the last of its messages that is stored. */
void model_last_sequence(struct model *m, unsigned topic, unsigned producer, int64_t last);
/* Where each message is stored once: every one that has a receipt was seen somewhere. */
bool model_all_found(const struct model *m, unsigned topic);

/* One reading of a subscription by one consumer, from SUBSCRIBE to its end; or a reader's, of everything from where it
 * begins. */
struct model_reading {
    unsigned topic, subscription;
    uint64_t incarnation;     /* unique */
    uint64_t subscribed_step; /* when SUBSCRIBE was sent */
    struct position last;     /* of an ordered subscription, or a reader */
    uint32_t rewinds;         /* redeliveries, and turns to be served: each may begin again at an earlier position */
    struct position of_key[MODEL_KEYS]; /* Key_Shared: the last of each key */
    bool shares;                        /* a reader with a subscription that shares: what is delayed comes later */
    bool asked_all;                     /* ... a redelivery of everything was sent: what was under way comes twice */
};
/* For a reader `last` is set afterwards: to the position before the first that it asks for. */
void model_reading_begin(struct model *m, struct model_reading *r, unsigned topic, unsigned subscription);

/* It is over: closed, or its connection is. */
void model_reading_end(struct model *m, const struct model_reading *r);

/* A message came.  `redelivered`, as it says: never more than it was asked for again, 0 where it is read in order.
 * `left`: which messages of the entry, as bits; 0: all. */
void model_delivery(struct model *m, struct model_reading *r, struct position p, uint32_t redelivered, uint32_t left,
                    struct bytes payload);

/* These are asked for again; none: all that the consumer holds. */
void model_redeliver_sent(struct model *m, struct model_reading *r, const struct position *p, size_t count);

void model_ack_sent(struct model *m, const struct model_reading *r, const struct position *p, size_t count,
                    bool cumulative);
/* The answer came; `seeks` is what the subscription's count was when the acknowledgement was sent. */
void model_ack_confirmed(struct model *m, const struct model_reading *r, const struct position *p, size_t count,
                         bool cumulative, uint64_t seeks);

/* Of one entry that came these messages only, as bits.  Cumulative: and all before it. */
void model_part_sent(struct model *m, const struct model_reading *r, struct position p, uint32_t parts,
                     bool cumulative);
void model_part_confirmed(struct model *m, const struct model_reading *r, struct position p, uint32_t parts,
                          bool cumulative, uint64_t seeks);
/* Nobody asked to acknowledge any message of it. */
bool model_untouched(const struct model *m, const struct model_reading *r, struct position p);
/* How many messages an entry that is known has. */
uint32_t model_messages_at(const struct model *m, unsigned topic, struct position p);

/* Its consumer ends the subscription, or tries to; whoever subscribes makes it again.  It is there: SUBSCRIBE
 * succeeded. */
void model_unsubscribe_sent(struct model *m, const struct model_reading *r);
void model_unsubscribe_answered(struct model *m, unsigned topic, unsigned subscription);
void model_subscribed(struct model *m, const struct model_reading *r);

/* The topic is deleted, by force; used again it is made again.  `well`: the answer says so; else nobody knows. */
void model_delete_sent(struct model *m, unsigned topic);
void model_delete_ended(struct model *m, unsigned topic, bool well);

/* It takes no more messages; `last`: what the answer says. */
void model_terminate_sent(struct model *m, unsigned topic);
void model_terminated(struct model *m, unsigned topic, struct position last);
/* A consumer was told that it is at the end. */
void model_end_told(struct model *m, const struct model_reading *r);

/* `to` is the first to be delivered. */
void model_seek_sent(struct model *m, const struct model_reading *r, struct position to);
void model_seek_confirmed(struct model *m, const struct model_reading *r, struct position to);

/* True when no entry MUST be delivered any more. */
bool model_drained(const struct model *m, unsigned topic, unsigned subscription);
/* How many entries the subscription's backlog has at least and at most, of those known. */
void model_backlog(const struct model *m, unsigned topic, unsigned subscription, uint64_t *least, uint64_t *most);
/* All that was sent has its receipt, where it can have one. */
bool model_receipted(const struct model *m, unsigned topic);
/* A known entry of the topic for a seek, `nth` of them by position; false: there is none. */
bool model_nth(const struct model *m, unsigned topic, size_t nth, struct position *out);

/* The last entry known to be readable; POSITION_EARLIEST when there is none. */
struct position model_last(const struct model *m, unsigned topic);
/* `last` is what the broker says of the topic, `least` what was known when it was asked. */
void model_last_id(struct model *m, unsigned topic, struct position last, struct position least);

/* A text for a failure: the first entry that MUST be delivered and was not. */
void model_describe(const struct model *m, unsigned topic, unsigned subscription, char *to, size_t size);

#endif
