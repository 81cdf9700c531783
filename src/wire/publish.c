/* SPDX-License-Identifier: Apache-2.0
 *
 * publish.c - see publish.h.
 *
 * Encoded, a command is `type` (08 06 for SEND), then its body under the same number (32, length, fields in ascending
 * order): the bytes that protobuf's own encoders make.
 */
#include "wire/publish.h"

#include "wire/fields.h"
#include "wire/message_id_fields.h"

#include <assert.h>

enum { SEND_TYPE = WIRE__BASE_COMMAND__TYPE__SEND, RECEIPT_TYPE = WIRE__BASE_COMMAND__TYPE__SEND_RECEIPT };

static bool send_field(struct send *s, const struct field *f)
{
    switch (f->number) {
    case 1:
        return field_u64(f, &s->producer_id);
    case 2:
        return field_u64(f, &s->sequence_id);
    case 3:
        return field_i32(f, &s->messages);
    case 4:
        return field_u64(f, &s->transaction_least);
    case 5:
        return field_u64(f, &s->transaction_most);
    case 6:
        return field_u64(f, &s->highest_sequence_id);
    case 7:
        return field_bool(f, &s->is_chunk);
    case 8:
        return field_bool(f, &s->is_marker);
    default:
        return true;
    }
}

enum err send_decode(struct bytes command, struct send *out)
{
    struct send send = {.messages = 1};
    struct bytes body;
    struct field f;
    uint32_t seen = 0;
    enum err err;

    if ((err = fields_body(command, SEND_TYPE, &body)) != OK)
        return err;
    struct fields walk = fields_of(body);
    while (fields_next(&walk, &f)) {
        if (!send_field(&send, &f))
            return ERR_PROTOCOL;
        seen |= field_bit(&f);
    }
    if (walk.broken || !fields_seen(seen, 1, 2))
        return ERR_PROTOCOL;
    send.in_transaction = fields_seen(seen, 4, 5);
    *out = send;
    return OK;
}

static uint8_t *send_put(uint8_t *p, const struct send *s)
{
    p = field_put_varint(p, 1, s->producer_id);
    p = field_put_varint(p, 2, s->sequence_id);
    if (s->messages != 1)
        p = field_put_varint(p, 3, (uint64_t)(int64_t)s->messages);
    if (s->in_transaction) {
        p = field_put_varint(p, 4, s->transaction_least);
        p = field_put_varint(p, 5, s->transaction_most);
    }
    if (s->highest_sequence_id != 0)
        p = field_put_varint(p, 6, s->highest_sequence_id);
    if (s->is_chunk)
        p = field_put_varint(p, 7, 1);
    if (s->is_marker)
        p = field_put_varint(p, 8, 1);
    return p;
}

size_t send_head_encode(uint8_t out[SEND_HEAD_MAX], const struct send *send, struct bytes metadata,
                        struct bytes payload)
{
    uint8_t *command = out + FRAME_HEAD_SIZE;
    uint8_t *end = send_put(command_open_short(command, SEND_TYPE), send);
    size_t command_len = command_close_short(command, end);

    frame_head_encode(out, command_len, ENTRY_HEAD_SIZE + metadata.len + payload.len);
    entry_head_encode(end, metadata, payload);
    assert(end + ENTRY_HEAD_SIZE <= out + SEND_HEAD_MAX);
    return FRAME_HEAD_SIZE + command_len + ENTRY_HEAD_SIZE;
}

size_t send_receipt_encode(uint8_t out[SEND_RECEIPT_MAX], const struct send_receipt *receipt)
{
    uint8_t *command = out + FRAME_HEAD_SIZE;
    uint8_t *p = command_open_short(command, RECEIPT_TYPE);

    p = field_put_varint(p, 1, receipt->producer_id);
    p = field_put_varint(p, 2, receipt->sequence_id);
    p = message_id_put(p, 3, &receipt->id);
    if (receipt->highest_sequence_id != 0)
        p = field_put_varint(p, 4, receipt->highest_sequence_id);
    assert(p <= out + SEND_RECEIPT_MAX);

    size_t command_len = command_close_short(command, p);
    frame_head_encode(out, command_len, 0);
    return FRAME_HEAD_SIZE + command_len;
}

static bool receipt_field(struct send_receipt *r, const struct field *f)
{
    switch (f->number) {
    case 1:
        return field_u64(f, &r->producer_id);
    case 2:
        return field_u64(f, &r->sequence_id);
    case 3:
        return message_id_get(f, &r->id);
    case 4:
        return field_u64(f, &r->highest_sequence_id);
    default:
        return true;
    }
}

enum err send_receipt_decode(struct bytes command, struct send_receipt *out)
{
    struct send_receipt receipt = {0};
    struct bytes body;
    struct field f;
    uint32_t seen = 0;
    enum err err;

    if ((err = fields_body(command, RECEIPT_TYPE, &body)) != OK)
        return err;
    struct fields walk = fields_of(body);
    while (fields_next(&walk, &f)) {
        if (!receipt_field(&receipt, &f) || (f.number == 3 && fields_seen(seen, 3, 3)))
            return ERR_PROTOCOL;
        seen |= field_bit(&f);
    }
    if (walk.broken || !fields_seen(seen, 1, 3))
        return ERR_PROTOCOL;
    *out = receipt;
    return OK;
}
