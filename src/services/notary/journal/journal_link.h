/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_link.h - the journal's topic through the client library: a reader, and the exclusive producer once it is
 * ours.
 *
 * Knows no documents.  All calls of the client library are asynchronous, with one answer of each kind under way at
 * most; the journal's thread waits here for whichever comes first, and for nothing else, so that it can be stopped at
 * once.
 *
 * Belongs to the journal's thread, but for what says otherwise.  May call: base/, services/runtime/bus.h, the client
 * library.
 */
#ifndef SERVICES_NOTARY_JOURNAL_LINK_H
#define SERVICES_NOTARY_JOURNAL_LINK_H

#include "base/log.h"
#include "services/runtime/settings.h"
#include "sys/loop.h"
#include <pthread.h>
#include <pulsar/c/client.h>

enum journal_news {
    NEWS_MESSAGE,  /* journal_link_take */
    NEWS_PRODUCER, /* the exclusive producer is ours, or its result is why not */
    NEWS_SENT,     /* the message has its receipt, or its result is why not */
    NEWS_BROKEN,   /* reading failed */
    NEWS_LATE,     /* none of these in time */
    NEWS_STOP,     /* journal_link_stop, and the producer is not ours: who leads finishes what it does */
};

/* An asynchronous call.  Under the link's lock. */
struct journal_reply {
    struct journal_link *link;
    bool asked, given;
    pulsar_result result;
    void *value; /* ours once given */
};

/* Embedded; private to journal_link.c. */
struct journal_link {
    /* Set at creation. */
    const struct pulsar_settings *settings;
    const char *topic, *keep, *name; /* name: the producer's and the reader's */
    struct loop *clocks;
    struct log *log;
    /* Shared, under the lock.  The journal's thread alone changes the pointers. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
    pulsar_client_t *client;
    pulsar_reader_t *reader;
    pulsar_producer_t *producer;
    struct journal_reply opened, kept, message, elected, sent;
};

/* The texts are borrowed for the link's life. */
void journal_link_init(struct journal_link *l, const struct pulsar_settings *settings, const char *topic,
                       const char *keep, const char *name, struct loop *clocks, struct log *log);
void journal_link_deinit(struct journal_link *l); /* closed */

/* Connects: a reader that goes on behind `from` (NULL: at the beginning), and the subscription that keeps the topic.
 * Then, or after a failure, journal_link_close. */
pulsar_result journal_link_open(struct journal_link *l, const pulsar_message_id_t *from);
/* Leaves the topic to whoever waits for it, and drops what is under way. */
void journal_link_close(struct journal_link *l);

/* Whether there is more to read; asks the broker.  Only before the first journal_link_wait. */
pulsar_result journal_link_has_more(struct journal_link *l, bool *more);

/* Asks for the exclusive producer, which may take for ever; sends, once it is ours.  Then wait. */
void journal_link_elect(struct journal_link *l);
void journal_link_send(struct journal_link *l, struct bytes body);

/* Waits for news, at most that long (negative: as long as it takes); messages come first.  *result is the news's. */
enum journal_news journal_link_wait(struct journal_link *l, int64_t timeout_ms, pulsar_result *result);
/* The message of NEWS_MESSAGE; the caller's to free. */
pulsar_message_t *journal_link_take(struct journal_link *l);

/* Waits that long, or until the stop. */
void journal_link_pause(struct journal_link *l, int64_t ms);

/* From any thread. */
void journal_link_stop(struct journal_link *l);
bool journal_link_is_stopping(struct journal_link *l);
bool journal_link_is_connected(struct journal_link *l); /* the reader, and the producer once it is ours */

#endif
