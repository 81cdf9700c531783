/* SPDX-License-Identifier: Apache-2.0
 *
 * message_id_fields.c - see message_id_fields.h.
 */
#include "wire/message_id_fields.h"

#include <assert.h>

enum { ENVELOPE_SHORT = 4, BODY_SHORT_MAX = 127, ACK_SET = 5 };

uint8_t *command_open_short(uint8_t *command, unsigned type)
{
    uint8_t *p = field_put_varint(command, 1, type);

    assert(type < 16); /* a tag of one byte */
    p = field_put_head(p, type, 0);
    assert(p == command + ENVELOPE_SHORT);
    return p;
}

size_t command_close_short(uint8_t *command, const uint8_t *end)
{
    size_t body = (size_t)(end - command) - ENVELOPE_SHORT;

    assert(body <= BODY_SHORT_MAX);
    command[ENVELOPE_SHORT - 1] = (uint8_t)body;
    return ENVELOPE_SHORT + body;
}

static size_t message_id_len(const struct message_id *id)
{
    size_t len = field_varint_len((uint64_t)id->ledger) + field_varint_len((uint64_t)id->entry);

    if (id->partition != -1)
        len += field_varint_len((uint64_t)(int64_t)id->partition);
    return len;
}

size_t message_id_put_len(const struct message_id *id)
{
    return 2 + message_id_len(id); /* tag and length have a byte each */
}

uint8_t *message_id_put(uint8_t *p, unsigned number, const struct message_id *id)
{
    p = field_put_head(p, number, message_id_len(id));
    p = field_put_varint(p, 1, (uint64_t)id->ledger);
    p = field_put_varint(p, 2, (uint64_t)id->entry);
    if (id->partition != -1)
        p = field_put_varint(p, 3, (uint64_t)(int64_t)id->partition);
    return p;
}

static bool id_field(struct message_id *id, const struct field *f)
{
    uint32_t words = 0;

    switch (f->number) {
    case 1:
        return field_i64(f, &id->ledger);
    case 2:
        return field_i64(f, &id->entry);
    case 3:
        return field_i32(f, &id->partition);
    case 4:
        return field_i32(f, &id->batch_index);
    case ACK_SET:
        if (!field_words(f, &words))
            return false;
        id->ack_set_words += words;
        return true;
    case 6:
        return field_i32(f, &id->batch_size);
    default:
        return true;
    }
}

bool message_id_get(const struct field *f, struct message_id *out)
{
    struct message_id id = MESSAGE_ID_OF(-1, -1);
    struct bytes bytes;
    struct field inner;
    uint32_t seen = 0;

    if (!field_bytes(f, &bytes))
        return false;
    struct fields walk = fields_of(bytes);
    while (fields_next(&walk, &inner)) {
        if (!id_field(&id, &inner))
            return false;
        seen |= field_bit(&inner);
    }
    if (walk.broken || !fields_seen(seen, 1, 2))
        return false;
    *out = id;
    return true;
}

bool field_words(const struct field *f, uint32_t *words)
{
    const uint8_t *at = f->bytes.data;
    const uint8_t *end = fields_of(f->bytes).end;
    uint64_t word;
    uint32_t count = 0;

    if (f->kind == FIELD_VARINT) {
        *words = 1;
        return true;
    }
    if (f->kind != FIELD_BYTES)
        return false;
    for (; at < end; count++)
        if (!varint_get(&at, end, &word))
            return false;
    *words = count;
    return true;
}

enum err ack_set_get(struct bytes message, uint32_t number, uint32_t words, struct arena *arena, const uint64_t **out)
{
    struct fields walk = fields_of(message);
    struct field f;
    uint32_t count = 0;
    uint64_t *set;

    if (words == 0) {
        *out = NULL;
        return OK;
    }
    if (!(set = arena_alloc(arena, words * sizeof *set)))
        return ERR_NOMEM;
    while (fields_next(&walk, &f)) {
        if (f.number != number)
            continue;
        if (f.kind == FIELD_VARINT)
            set[count++] = f.value;
        else
            for (const uint8_t *at = f.bytes.data, *end = fields_of(f.bytes).end; at < end;)
                if (varint_get(&at, end, &set[count]))
                    count++;
    }
    assert(count == words); /* counted by the same rules in the same bytes */
    *out = set;
    return OK;
}
