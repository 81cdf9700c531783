/* SPDX-License-Identifier: Apache-2.0
 *
 * client_private.h - what client.c, sender.c and receiver.c know of one another.
 */
#ifndef TESTS_SIM_CLIENT_PRIVATE_H
#define TESTS_SIM_CLIENT_PRIVATE_H

#include "client.h"
#include "wire/command.h"
#include "wire/frame.h"

struct out_frame {
    struct list node; /* the client's frames */
    struct conn_write write;
    size_t len;
    uint8_t data[];
};

/* ---- client.c ---- */

uint64_t client_dice(struct client *c, uint64_t sides);
const char *client_topic(const struct client *c, unsigned topic);
uint64_t client_request(struct client *c); /* a fresh id */
struct out_frame *out_frame_new(size_t len);
void client_send_frame(struct client *c, struct out_frame *f); /* takes it */
void client_send(struct client *c, Wire__BaseCommand__Type type, void *body);

/* ---- sender.c ---- */

struct sender *sender_find(struct client *c, uint64_t id); /* or NULL */
void sender_open(struct sender *p);
void sender_opened(struct sender *p, const Wire__CommandProducerSuccess *success);
void sender_lost(struct sender *p);  /* refused, or closed by the broker: opens again later */
void sender_close(struct sender *p); /* by the user; opens again later */
void sender_again(struct timer *t);
void sender_publish(struct sender *p, uint64_t count);
void sender_on_receipt(struct client *c, struct bytes command);
void sender_on_send_error(struct client *c, const Wire__CommandSendError *body);

/* ---- receiver.c ---- */

struct receiver *receiver_find(struct client *c, uint64_t id); /* or NULL */
bool receiver_is_ordered(const struct receiver *s);            /* exclusive or failover */
bool receiver_is_fleeting(const struct receiver *s);           /* of a topic that keeps nothing */
bool receiver_is_exclusive(const struct receiver *s);
void receiver_open(struct receiver *s);
void receiver_lost(struct receiver *s);
void receiver_close(struct receiver *s);
void receiver_cut(struct receiver *s); /* the connection is gone */
void receiver_again(struct timer *t);
void receiver_flow(struct receiver *s, uint32_t permits);
struct pending_ack *receiver_ack_slot(struct receiver *s); /* free, or NULL */
/* Some of what it holds, each on its own; up to one that it holds. */
void receiver_ack_some(struct receiver *s, size_t count, bool answer);
void receiver_ack_up_to(struct receiver *s, bool answer);
/* Some messages of an entry that it holds, and goes on to hold. */
void receiver_ack_part(struct receiver *s, bool answer);
void receiver_redeliver(struct receiver *s);
void receiver_seek(struct receiver *s);
void receiver_unsubscribe(struct receiver *s);
void receiver_on_unsubscribed(struct client *c, uint64_t request); /* or not */
void receiver_on_end(struct client *c, const Wire__CommandReachedEndOfTopic *body);
void receiver_ask_last_id(struct receiver *s);
void receiver_on_last_id(struct client *c, const Wire__CommandGetLastMessageIdResponse *body);
void receiver_on_active(struct client *c, const Wire__CommandActiveConsumerChange *body);
bool receiver_is_reader(const struct receiver *s);
void receiver_seek_ended(struct receiver *s, bool well);
void receiver_on_ack_response(struct client *c, const Wire__CommandAckResponse *body);
void receiver_on_message(struct client *c, const struct frame *frame, struct arena *arena);

#endif
