/* SPDX-License-Identifier: Apache-2.0
 *
 * batch_fuzz.c - any bytes as the payload of a batch; the first byte says how many messages it claims to have.
 */
#include "fuzz.h"

#include "wire/same_test.h"

enum { ARENA = 1 << 20 };

static void check_message(const struct batch_message *ours)
{
    Wire__SingleMessageMetadata *theirs;
    struct arena arena;

    arena_init(&arena, ARENA);
    if (batch_metadata_decode(ours->metadata, &arena, &theirs) == OK) {
        HOLDS(same_single(ours, theirs));
        size_t len = batch_message_len(theirs, ours->payload.len);
        uint8_t *out = malloc(len);
        struct batch_reader reader;
        struct batch_message again;
        HOLDS(out != NULL);
        HOLDS(batch_message_encode(out, len, theirs, ours->payload) == len);
        batch_reader_init(&reader, bytes_of(out, len), 1);
        HOLDS(batch_next(&reader, &again) == OK);
        HOLDS(bytes_equal(again.payload, ours->payload) && same_single(&again, theirs));
        free(out);
    }
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct batch_reader reader;
    struct batch_message m;

    if (size == 0)
        return 0;
    batch_reader_init(&reader, bytes_of(data + 1, size - 1), data[0]);
    while (!batch_reader_done(&reader) && batch_next(&reader, &m) == OK) {
        HOLDS(m.payload.data + m.payload.len <= data + size);
        HOLDS(m.index + 1 == reader.next);
        check_message(&m);
    }
    return 0;
}
