/* SPDX-License-Identifier: Apache-2.0
 *
 * message.h - a message as users hold it.
 *
 *     pulsar_message_t --> client_body --> client_content
 *                          key, properties    payload bytes; for a received entry also what all its
 *                          id, times          messages have in common
 *
 * A handle points to a counted body, a body to counted content, so copying a message, sending it (the user may free the
 * handle at once) and unpacking a batch copy no payload; the bodies of received messages lie behind their content, in
 * the same memory, as far as they are no larger than the payload.  Both counts are atomic: bodies cross from the loop to the
 * users' threads and back.  A body with more than one reference is not changed: setters first make a copy
 * (client_message_own).
 */
#ifndef CLIENT_MESSAGE_H
#define CLIENT_MESSAGE_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/list.h"
#include "client/message_id.h"
#include "client/text_map.h"
#include <pulsar/c/message.h>
#include <pulsar/c/messages.h>
#include <stdatomic.h>

struct client_content {
    _Atomic uint32_t refs;
    /* Of a received entry; all borrowed from `data`, "" when there is none. */
    const char *topic, *producer_name, *replicated_from, *schema_version;
    size_t schema_version_len;
    uint64_t publish_time;
    uint32_t redelivery_count;
    struct client_body *room; /* for as many bodies of its messages as room_left says; the loop's */
    uint32_t room_left;
    size_t len;
    uint8_t data[];
};

/* One reference, texts "", `len` bytes of data unset; NULL when memory is short. */
struct client_content *client_content_new(size_t len);
struct client_content *client_content_ref(struct client_content *c);
void client_content_unref(struct client_content *c); /* NULL is fine */

struct client_body {
    _Atomic uint32_t refs;
    struct list node;               /* the receive queue's, until a user takes it */
    struct client_content *content; /* may be NULL; a reference, unless it is `home` */
    struct client_content *home;    /* whose memory the body lies in, a reference; NULL: its own */
    const uint8_t *data;            /* the payload: in content, or borrowed from the user */
    size_t len;
    char *key, *ordering_key; /* NULL: none */
    size_t ordering_key_len;
    char *schema_version; /* to be sent; NULL: none */
    struct _pulsar_string_map properties;
    char **replicate_to; /* names of clusters */
    size_t replicate_to_count;
    uint64_t event_time;
    int64_t sequence_id;   /* -1: the producer counts */
    int64_t deliver_at;    /* ms since the epoch; 0: at once */
    int64_t deliver_after; /* ms from the send; 0: at once */
    uint64_t transaction_most, transaction_least;
    bool null_value, key_is_base64, in_transaction;
    bool failed; /* memory was short in a setter: not fit to be sent */
    struct _pulsar_message_id id;
};

struct client_body *client_body_new(void); /* NULL when memory is short */
/* A message of a received entry, in the entry's memory while there is room. */
struct client_body *client_body_new_in(struct client_content *content);
struct client_body *client_body_ref(struct client_body *b);
void client_body_unref(struct client_body *b);
void client_bodies_unref(struct list *bodies); /* all of a list, which is empty then */

struct _pulsar_message {
    struct client_body *body;
};

/* Takes the body; NULL (and the body released) when memory is short. */
struct _pulsar_message *client_message_of(struct client_body *body);

/* The body, to be changed; NULL when memory is short. */
struct client_body *client_message_own(struct _pulsar_message *m);

/* About what a message occupies; what memory limits count. */
size_t client_body_size(const struct client_body *b);

struct _pulsar_messages {
    size_t count, capacity;
    struct _pulsar_message *items; /* bodies owned */
};

#endif
