/* SPDX-License-Identifier: Apache-2.0
 *
 * entry_fuzz.c - any bytes as an entry: its parts, its checksum, its metadata by scan and by protobuf-c.
 */
#include "fuzz.h"

#include "wire/entry_view.h"
#include "wire/same_test.h"

enum { ARENA = 1 << 20 };

static void check_metadata(struct bytes bytes)
{
    struct metadata ours;
    Wire__MessageMetadata *theirs;
    struct arena arena;
    enum err scanned = metadata_scan(bytes, &ours);

    arena_init(&arena, ARENA);
    if (metadata_decode(bytes, &arena, &theirs) == OK) {
        int32_t messages = theirs->num_messages_in_batch;
        HOLDS(scanned == OK || messages < 1 || messages > BATCH_MESSAGES_MAX);
        HOLDS(scanned != OK || same_metadata(&ours, theirs));
    }
    arena_deinit(&arena);
}

static bool inside(struct bytes part, const uint8_t *data, size_t size)
{
    return part.len == 0 || (part.data >= data && part.data + part.len <= data + size);
}

static void check_head(const struct entry_view *v)
{
    uint8_t head[ENTRY_HEAD_SIZE];

    entry_head_encode(head, v->metadata_bytes, v->payload);
    if (v->has_checksum)
        HOLDS((entry_view_verify(v) == OK) == (memcmp(head, v->entry.data, sizeof head) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct entry_view v;

    if (entry_view_decode(bytes_of(data, size), &v) == OK) {
        HOLDS(inside(v.entry, data, size) && inside(v.metadata_bytes, data, size) && inside(v.payload, data, size));
        HOLDS(v.payload.len + v.metadata_bytes.len + 4 == v.covered.len);
        check_head(&v);
        check_metadata(v.metadata_bytes);
    }
    check_metadata(bytes_of(data, size));
    return 0;
}
