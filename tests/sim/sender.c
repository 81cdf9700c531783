/* SPDX-License-Identifier: Apache-2.0
 *
 * sender.c - a producer of a simulated client: its messages go out in order, and again until they have a
 * receipt.
 */
#include "client_private.h"

#include "wire/publish.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define AGAIN_MS_MAX    300
#define UNRECEIPTED_MAX 200 /* a real client's queue is bounded, too */
#define DELAY_MS_MAX    20000

static void sender_name(const struct sender *p, char to[32])
{
    snprintf(to, 32, "p%u", p->producer);
}

static struct model_topic *model_of(const struct sender *p)
{
    return &p->client->model->topics[p->topic];
}

/* Each takes over from whoever was there, at times only where nobody is; in the end, only who has something to say. */
static Wire__ProducerAccessMode some_access(struct client *c)
{
    static const Wire__ProducerAccessMode modes[] = {
        WIRE__PRODUCER_ACCESS_MODE__ExclusiveWithFencing,
        WIRE__PRODUCER_ACCESS_MODE__ExclusiveWithFencing,
        WIRE__PRODUCER_ACCESS_MODE__Exclusive,
        WIRE__PRODUCER_ACCESS_MODE__WaitForExclusive,
    };

    return c->quiet ? modes[0] : modes[client_dice(c, 4)];
}

static bool sender_rests(const struct sender *p)
{
    const struct model_producer *m = &model_of(p)->producers[p->producer];

    return model_of(p)->guarded && p->client->quiet && m->receipted == m->sent;
}

void sender_open(struct sender *p)
{
    Wire__CommandProducer body = WIRE__COMMAND_PRODUCER__INIT;
    char name[32];

    sender_name(p, name);
    if (sender_rests(p))
        return;
    p->state = OPENING;
    p->request = client_request(p->client);
    body.topic = wire_text(client_topic(p->client, p->topic));
    body.producer_id = p->id;
    body.request_id = p->request;
    body.producer_name = name;
    body.has_producer_access_mode = model_of(p)->guarded;
    if (model_of(p)->guarded)
        body.producer_access_mode = some_access(p->client);
    client_send(p->client, WIRE__BASE_COMMAND__TYPE__PRODUCER, &body);
}

void sender_again(struct timer *t)
{
    struct sender *p = container_of(t, struct sender, again);

    if (p->client->state == READY && p->state == SHUT)
        sender_open(p);
}

void sender_lost(struct sender *p)
{
    p->state = SHUT;
    timer_start_ms(&p->again, client_dice(p->client, AGAIN_MS_MAX));
}

/* Sends one message, the same bytes each time. */
static void message_send(struct sender *p, uint64_t sequence)
{
    Wire__MessageMetadata metadata = WIRE__MESSAGE_METADATA__INIT;
    uint8_t payload[PAYLOAD_MAX], packed[128], head[SEND_HEAD_MAX];
    size_t payload_len = model_payload(p->topic, p->producer, sequence, payload), packed_len, head_len;
    uint32_t messages = model_messages(p->topic, p->producer, sequence);
    struct send send = {.producer_id = p->id, .sequence_id = sequence, .messages = (int32_t)messages};
    struct out_frame *f;
    char name[32], key[16];

    sender_name(p, name);
    snprintf(key, sizeof key, "k%u", model_key(p->topic, p->producer, sequence));
    if (p->client->model->keys)
        metadata.partition_key = key;
    metadata.producer_name = name;
    metadata.sequence_id = sequence;
    metadata.publish_time = 1767225600000 + sequence;
    metadata.deliver_at_time = model_of(p)->producers[p->producer].messages[sequence].deliver_ms;
    metadata.has_deliver_at_time = metadata.deliver_at_time != 0;
    metadata.has_num_messages_in_batch = messages > 1;
    metadata.num_messages_in_batch = (int32_t)messages;
    packed_len = wire__message_metadata__pack(&metadata, packed);
    assert(packed_len <= sizeof packed);
    head_len = send_head_encode(head, &send, bytes_of(packed, packed_len), bytes_of(payload, payload_len));
    f = out_frame_new(head_len + packed_len + payload_len);
    memcpy(f->data, head, head_len);
    memcpy(f->data + head_len, packed, packed_len);
    memcpy(f->data + head_len + packed_len, payload, payload_len);
    model_sending(p->client->model, p->topic, p->producer, sequence);
    client_send_frame(p->client, f);
}

/* All that this connection has not sent yet: first what has no receipt from an earlier one. */
static void sender_flush(struct sender *p)
{
    const struct model_producer *m = &p->client->model->topics[p->topic].producers[p->producer];

    if (p->state != OPENED)
        return;
    for (; p->next < m->sent; p->next++)
        message_send(p, p->next);
}

/* When the next message is to be delivered; 0: at once. */
static int64_t some_time(const struct sender *p)
{
    struct client *c = p->client;

    if (c->habits.delayed_in_eight == 0 || model_of(p)->fleeting || client_dice(c, 8) >= c->habits.delayed_in_eight)
        return 0;
    return loop_wall_ms(sim_host_sys(c->host)->loop) + (int64_t)client_dice(c, client_dice(c, 2) ? 100 : DELAY_MS_MAX);
}

void sender_publish(struct sender *p, uint64_t count)
{
    const struct model_producer *m = &p->client->model->topics[p->topic].producers[p->producer];

    if (m->sent - m->receipted > UNRECEIPTED_MAX)
        return;
    for (; count > 0; count--)
        model_sent(p->client->model, p->topic, p->producer, some_time(p));
    sender_flush(p);
}

struct sender *sender_find(struct client *c, uint64_t id)
{
    for (unsigned i = 0; i < CLIENT_PRODUCERS; i++)
        if (c->producers[i].used && c->producers[i].id == id)
            return &c->producers[i];
    return NULL;
}

void sender_opened(struct sender *p, const Wire__CommandProducerSuccess *success)
{
    p->state = OPENED;
    p->epoch = success->topic_epoch;
    if (model_of(p)->guarded)
        model_reign_begins(p->client->model, p->topic, p->epoch);
    p->next = p->client->model->topics[p->topic].producers[p->producer].receipted;
    sender_flush(p);
}

void sender_on_receipt(struct client *c, struct bytes command)
{
    struct send_receipt receipt;
    struct sender *p;

    if (send_receipt_decode(command, &receipt) != OK)
        model_violation(c->model, "client %u: a receipt that does not decode", c->index);
    p = sender_find(c, receipt.producer_id);
    if (!p || p->state != OPENED)
        return; /* of one that was closed meanwhile: as good as lost */
    model_receipt(c->model, p->topic, p->producer, receipt.sequence_id,
                  (struct position){receipt.id.ledger, receipt.id.entry});
    if (model_of(p)->guarded)
        model_reigns(c->model, p->topic, p->epoch, (struct position){receipt.id.ledger, receipt.id.entry});
}

void sender_on_send_error(struct client *c, const Wire__CommandSendError *body)
{
    struct sender *p = sender_find(c, body->producer_id);

    if (body->error != WIRE__SERVER_ERROR__PersistenceError &&
        !(body->error == WIRE__SERVER_ERROR__TopicTerminatedError && (!p || model_of(p)->ending)))
        model_violation(c->model, "client %u: a send was refused with %d: %s", c->index, body->error, body->message);
    if (p && p->state == OPENED)
        client_hang_up(c); /* as the official ones do */
}

void sender_close(struct sender *p)
{
    Wire__CommandCloseProducer body = WIRE__COMMAND_CLOSE_PRODUCER__INIT;

    if (p->state != OPENED)
        return;
    body.producer_id = p->id;
    body.request_id = client_request(p->client);
    client_send(p->client, WIRE__BASE_COMMAND__TYPE__CLOSE_PRODUCER, &body);
    p->id = client_request(p->client); /* so that receipts still under way are known for what they are */
    sender_lost(p);
}
