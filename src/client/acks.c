/* SPDX-License-Identifier: Apache-2.0
 *
 * acks.c - a growing array of entries, and the furthest cumulative one.
 */
#include "client/acks.h"

#include <assert.h>
#include <stdlib.h>

#define ACKS_PER_COMMAND 1000u

void client_acks_init(struct client_acks *a, long max)
{
    *a = (struct client_acks){.max = max > 0 && max < CLIENT_ACKS_MAX ? (size_t)max : CLIENT_ACKS_MAX};
}

void client_acks_deinit(struct client_acks *a)
{
    free(a->ids);
    a->ids = NULL;
    a->count = a->capacity = 0;
}

enum err client_acks_add(struct client_acks *a, int64_t ledger, int64_t entry)
{
    Wire__MessageIdData *id;

    if (a->count == a->capacity) {
        size_t capacity = a->capacity ? a->capacity * 2 : 16;
        Wire__MessageIdData *ids = realloc(a->ids, capacity * sizeof *ids);

        if (!ids)
            return ERR_NOMEM;
        a->ids = ids;
        a->capacity = capacity;
    }
    id = &a->ids[a->count++];
    wire__message_id_data__init(id);
    id->ledger_id = (uint64_t)ledger;
    id->entry_id = (uint64_t)entry;
    return a->count >= a->max ? ERR_FULL : OK;
}

void client_acks_add_cumulative(struct client_acks *a, int64_t ledger, int64_t entry)
{
    struct _pulsar_message_id id = CLIENT_MESSAGE_ID_NONE;

    id.ledger = ledger;
    id.entry = entry;
    if (a->has_cumulative && client_message_id_compare(&id, &a->cumulative) <= 0)
        return;
    a->has_cumulative = true;
    a->cumulative = id;
}

static void cumulative_send(struct client_acks *a, uint64_t consumer_id,
                            void (*send)(void *ctx, const Wire__CommandAck *ack), void *ctx)
{
    Wire__MessageIdData id = WIRE__MESSAGE_ID_DATA__INIT, *list[] = {&id};
    Wire__CommandAck ack = WIRE__COMMAND_ACK__INIT;

    if (!a->has_cumulative)
        return;
    a->has_cumulative = false;
    id.ledger_id = (uint64_t)a->cumulative.ledger;
    id.entry_id = (uint64_t)a->cumulative.entry;
    ack.consumer_id = consumer_id;
    ack.ack_type = WIRE__COMMAND_ACK__ACK_TYPE__Cumulative;
    ack.n_message_id = 1;
    ack.message_id = list;
    send(ctx, &ack);
}

void client_acks_send(struct client_acks *a, uint64_t consumer_id, void (*send)(void *ctx, const Wire__CommandAck *ack),
                      void *ctx)
{
    Wire__MessageIdData *list[ACKS_PER_COMMAND];
    Wire__CommandAck ack = WIRE__COMMAND_ACK__INIT;

    cumulative_send(a, consumer_id, send, ctx);
    ack.consumer_id = consumer_id;
    ack.ack_type = WIRE__COMMAND_ACK__ACK_TYPE__Individual;
    ack.message_id = list;
    for (size_t at = 0; at < a->count; at += ack.n_message_id) {
        ack.n_message_id = a->count - at < ACKS_PER_COMMAND ? a->count - at : ACKS_PER_COMMAND;
        for (size_t i = 0; i < ack.n_message_id; i++)
            list[i] = &a->ids[at + i];
        send(ctx, &ack);
    }
    a->count = 0;
}
