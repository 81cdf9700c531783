/* SPDX-License-Identifier: Apache-2.0
 *
 * unpack_fuzz.c - what a broker sends a consumer, taken apart into messages: two bytes for how the client asked, two
 * for the length of the metadata, metadata, payload.  The checksum is made right, so that what lies behind it is tried.
 */
#include "fuzz.h"

#include "client/unpack.h"
#include "wire/entry_view.h"

#include <string.h>

enum { ARENA = 1 << 20, LEAST = 4 };

static void look_at(const struct client_unpacked *out)
{
    uint32_t count = 0;

    list_each (node, &out->bodies) {
        const struct client_body *b = container_of(node, struct client_body, node);
        HOLDS(b->len <= CLIENT_UNCOMPRESSED_MAX);
        HOLDS(b->len == 0 || (b->data >= b->content->data && b->data + b->len <= b->content->data + b->content->len));
        count++;
    }
    HOLDS(count == out->count && out->count <= out->messages);
}

static void unpacked_free(struct client_unpacked *out)
{
    struct list *node;

    while ((node = list_pop_front(&out->bodies)))
        client_body_unref(container_of(node, struct client_body, node));
}

static void unpack(uint8_t how, uint8_t acked, struct bytes entry)
{
    const uint64_t word = 0x0101010101010101u * acked;
    const struct _pulsar_message_id start = {.ledger = 1, .entry = 2, .batch_index = how >> 4};
    const struct client_unpack asked = {
        .topic = "persistent://t/n/x", .partition = -1, .start = how & 1 ? &start : NULL, .start_inclusive = how & 2};
    struct message_command message = {.id = {.ledger = 1, .entry = 2, .batch_index = -1, .partition = -1}};
    struct client_unpacked out;
    struct arena arena;

    if (how & 4) {
        message.id.ack_set = &word;
        message.id.ack_set_words = 1;
    }
    arena_init(&arena, ARENA);
    if (client_unpack(&asked, &message, entry, &arena, &out) == OK)
        look_at(&out);
    else
        HOLDS(list_empty(&out.bodies));
    unpacked_free(&out);
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < LEAST)
        return 0;
    const size_t rest = size - LEAST, wanted = (size_t)data[2] << 8 | data[3];
    const struct bytes metadata = bytes_of(data + LEAST, wanted < rest ? wanted : rest);
    const struct bytes payload = bytes_of(metadata.data + metadata.len, rest - metadata.len);
    uint8_t *entry = malloc(ENTRY_HEAD_SIZE + rest);

    HOLDS(entry != NULL);
    entry_head_encode(entry, metadata, payload);
    memcpy(entry + ENTRY_HEAD_SIZE, data + LEAST, rest);
    unpack(data[0], data[1], bytes_of(entry, ENTRY_HEAD_SIZE + rest));
    free(entry);
    return 0;
}
