/* SPDX-License-Identifier: Apache-2.0
 *
 * delivery.c - see delivery.h.
 */
#include "wire/delivery.h"

#include "wire/fields.h"
#include "wire/message_id_fields.h"

#include <assert.h>

enum {
    MESSAGE_TYPE = WIRE__BASE_COMMAND__TYPE__MESSAGE,
    ACK_TYPE = WIRE__BASE_COMMAND__TYPE__ACK,
    FLOW_TYPE = WIRE__BASE_COMMAND__TYPE__FLOW,
    ID_ACK_SET = 5,      /* of MessageIdData */
    MESSAGE_ACK_SET = 4, /* of CommandMessage */
};

static size_t message_body_len(const struct message_command *m)
{
    size_t len = field_varint_len(m->consumer_id) + message_id_put_len(&m->id);

    if (m->redelivery_count > 0)
        len += field_varint_len(m->redelivery_count);
    for (uint32_t i = 0; i < m->id.ack_set_words; i++)
        len += field_varint_len(m->id.ack_set[i]);
    if (m->has_consumer_epoch)
        len += field_varint_len(m->consumer_epoch);
    return len;
}

static uint8_t *message_put(uint8_t *p, const struct message_command *m)
{
    p = field_put_varint(p, 1, m->consumer_id);
    p = message_id_put(p, 2, &m->id);
    if (m->redelivery_count > 0)
        p = field_put_varint(p, 3, m->redelivery_count);
    for (uint32_t i = 0; i < m->id.ack_set_words; i++)
        p = field_put_varint(p, MESSAGE_ACK_SET, m->id.ack_set[i]);
    if (m->has_consumer_epoch)
        p = field_put_varint(p, 5, m->consumer_epoch);
    return p;
}

size_t message_head_encode(uint8_t *out, size_t size, const struct message_command *message,
                           const struct broker_entry *broker_entry, size_t entry_len)
{
    size_t body = message_body_len(message);
    uint8_t *command = out + FRAME_HEAD_SIZE;
    uint8_t *p = command;
    size_t broker_len = 0;

    assert(MESSAGE_HEAD_MAX((size_t)message->id.ack_set_words) <= size);

    p = field_put_varint(p, 1, MESSAGE_TYPE);
    p = field_put_head(p, MESSAGE_TYPE, body);
    p = message_put(p, message);
    size_t command_len = (size_t)(p - command);
    if (broker_entry)
        broker_len = entry_broker_head_encode(p, broker_entry->timestamp_ms, broker_entry->index);
    frame_head_encode(out, command_len, broker_len + entry_len);

    assert(FRAME_HEAD_SIZE + command_len + broker_len <= size);
    return FRAME_HEAD_SIZE + command_len + broker_len;
}

static bool message_field(struct message_command *m, const struct field *f, uint32_t *words)
{
    uint32_t more = 0;

    switch (f->number) {
    case 1:
        return field_u64(f, &m->consumer_id);
    case 2:
        return message_id_get(f, &m->id);
    case 3:
        return field_u32(f, &m->redelivery_count);
    case MESSAGE_ACK_SET:
        if (!field_words(f, &more))
            return false;
        *words += more;
        return true;
    case 5:
        return field_u64(f, &m->consumer_epoch);
    default:
        return true;
    }
}

enum err message_decode(struct bytes command, struct arena *arena, struct message_command *out)
{
    struct message_command message = {0};
    struct bytes body;
    struct field f;
    uint32_t seen = 0, words = 0;
    enum err err;

    if ((err = fields_body(command, MESSAGE_TYPE, &body)) != OK)
        return err;
    struct fields walk = fields_of(body);
    while (fields_next(&walk, &f)) {
        if (!message_field(&message, &f, &words) || (f.number == 2 && fields_seen(seen, 2, 2)))
            return ERR_PROTOCOL;
        seen |= field_bit(&f);
    }
    if (walk.broken || !fields_seen(seen, 1, 2))
        return ERR_PROTOCOL;
    message.id.ack_set_words = words; /* the command's; brokers leave the id's own empty */
    if ((err = ack_set_get(body, MESSAGE_ACK_SET, words, arena, &message.id.ack_set)) != OK)
        return err;
    message.has_consumer_epoch = fields_seen(seen, 5, 5);
    *out = message;
    return OK;
}

struct ack_scan {
    struct ack ack;
    int32_t type, validation_error;
};

enum { ID_LEAST = 4 }; /* bytes of a MessageIdData: two fields that must be there */

/* Of the ids no more than how many there are: a client may send thousands in one command. */
static bool ack_field(struct ack_scan *s, const struct field *f)
{
    switch (f->number) {
    case 1:
        return field_u64(f, &s->ack.consumer_id);
    case 2:
        return field_i32(f, &s->type);
    case 3:
        s->ack.count++;
        return f->kind == FIELD_BYTES && f->bytes.len >= ID_LEAST;
    case 4:
        return field_i32(f, &s->validation_error);
    case 6:
        return field_u64(f, &s->ack.transaction_least);
    case 7:
        return field_u64(f, &s->ack.transaction_most);
    case 8:
        return field_u64(f, &s->ack.request_id);
    default:
        return true;
    }
}

/* The ids of a body whose fields ack_field has accepted. */
static enum err ack_ids_get(struct bytes body, uint32_t count, struct arena *arena, const struct message_id **out)
{
    struct fields walk = fields_of(body);
    struct field f;
    struct message_id *ids;
    uint32_t i = 0;

    if (count == 0) {
        *out = NULL;
        return OK;
    }
    if (!(ids = arena_alloc(arena, count * sizeof *ids)))
        return ERR_NOMEM;
    while (fields_next(&walk, &f)) {
        if (f.number != 3)
            continue;
        if (!message_id_get(&f, &ids[i]))
            return ERR_PROTOCOL;
        enum err err = ack_set_get(f.bytes, ID_ACK_SET, ids[i].ack_set_words, arena, &ids[i].ack_set);
        if (err != OK)
            return err;
        i++;
    }
    assert(i == count);
    *out = ids;
    return OK;
}

enum err ack_decode(struct bytes command, struct arena *arena, struct ack *out)
{
    struct ack_scan scan = {0};
    struct bytes body;
    struct field f;
    uint32_t seen = 0;
    enum err err;

    if ((err = fields_body(command, ACK_TYPE, &body)) != OK)
        return err;
    struct fields walk = fields_of(body);
    while (fields_next(&walk, &f)) {
        if (!ack_field(&scan, &f))
            return ERR_PROTOCOL;
        seen |= field_bit(&f);
    }
    if (walk.broken || !fields_seen(seen, 1, 2))
        return ERR_PROTOCOL;
    if (scan.type != WIRE__COMMAND_ACK__ACK_TYPE__Individual && scan.type != WIRE__COMMAND_ACK__ACK_TYPE__Cumulative)
        return ERR_PROTOCOL;
    if ((err = ack_ids_get(body, scan.ack.count, arena, &scan.ack.ids)) != OK)
        return err;
    scan.ack.is_cumulative = scan.type == WIRE__COMMAND_ACK__ACK_TYPE__Cumulative;
    scan.ack.has_validation_error = fields_seen(seen, 4, 4);
    scan.ack.validation_error = (Wire__CommandAck__ValidationError)scan.validation_error;
    scan.ack.in_transaction = fields_seen(seen, 6, 7);
    scan.ack.has_request_id = fields_seen(seen, 8, 8);
    *out = scan.ack;
    return OK;
}

static bool flow_field(struct flow *flow, const struct field *f)
{
    switch (f->number) {
    case 1:
        return field_u64(f, &flow->consumer_id);
    case 2:
        return field_u32(f, &flow->permits);
    default:
        return true;
    }
}

enum err flow_decode(struct bytes command, struct flow *out)
{
    struct flow flow = {0};
    struct bytes body;
    struct field f;
    uint32_t seen = 0;
    enum err err;

    if ((err = fields_body(command, FLOW_TYPE, &body)) != OK)
        return err;
    struct fields walk = fields_of(body);
    while (fields_next(&walk, &f)) {
        if (!flow_field(&flow, &f))
            return ERR_PROTOCOL;
        seen |= field_bit(&f);
    }
    if (walk.broken || !fields_seen(seen, 1, 2))
        return ERR_PROTOCOL;
    *out = flow;
    return OK;
}
