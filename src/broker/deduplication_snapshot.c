/* SPDX-License-Identifier: Apache-2.0
 *
 * deduplication_snapshot.c - see deduplication_snapshot.h.
 */
#include "broker/deduplication_snapshot.h"

#include "broker/core.h"
#include "broker/sequences.h"
#include "broker/topic.h"

#include <stdlib.h>
#include <string.h>

enum { SNAPSHOT_VERSION = 3, SNAPSHOT_HEAD = 1 + 8 + 8 + 4 };

static void snapshot_encode(const struct topic *t, uint8_t *to)
{
    const struct deduplication *d = &t->deduplication;
    uint8_t *at = to + SNAPSHOT_HEAD;
    uint32_t count = 0;

    list_each (node, &d->recent) {
        const struct sequence *s = container_of(node, struct sequence, node);
        if (s->stored == SEQUENCE_NONE)
            continue;
        le64_put(at, (uint64_t)s->stored);
        le16_put(at + 8, (uint16_t)s->name_len);
        memcpy(at + SEQUENCE_HEAD, s->name, s->name_len);
        at += sequence_size(s->name_len);
        count++;
    }
    to[0] = SNAPSHOT_VERSION;
    le64_put(to + 1, (uint64_t)t->readable_end.ledger);
    le64_put(to + 9, (uint64_t)t->readable_end.entry);
    le32_put(to + 17, count);
}

static size_t snapshot_size(const struct deduplication *d)
{
    size_t size = d->bytes;

    list_each (node, &d->recent) {
        const struct sequence *s = container_of(node, struct sequence, node);
        size -= s->stored == SEQUENCE_NONE ? sequence_size(s->name_len) : 0;
    }
    return size;
}

enum err deduplication_snapshot_put(struct topic *t, uint64_t id)
{
    const size_t size = snapshot_size(&t->deduplication);
    uint8_t *value = malloc(SNAPSHOT_HEAD + size);

    if (!value)
        return ERR_NOMEM;
    snapshot_encode(t, value);
    const struct catalog_row row = {
        .id = id,
        .parent = t->id,
        .name = bytes_of_text(DEDUPLICATION_ROW),
        .value = bytes_of(value, SNAPSHOT_HEAD + size),
    };
    enum err err = catalog_put(t->broker->store, CATALOG_SUBSCRIPTION, &row);
    free(value);
    return err;
}

enum err deduplication_snapshot_decode(struct topic *t, struct bytes value, struct position *upto)
{
    struct sequence *s;
    enum err err;

    if (value.len < SNAPSHOT_HEAD)
        return ERR_CORRUPT;
    if (value.data[0] > SNAPSHOT_VERSION)
        return ERR_VERSION;
    *upto = (struct position){(int64_t)le64_get(value.data + 1), (int64_t)le64_get(value.data + 9)};
    uint32_t count = le32_get(value.data + 17);
    for (size_t at = SNAPSHOT_HEAD; count > 0; count--) {
        if (value.len - at < SEQUENCE_HEAD || value.len - at - SEQUENCE_HEAD < le16_get(value.data + at + 8))
            return ERR_CORRUPT;
        const size_t len = le16_get(value.data + at + 8);
        if ((err = sequence_obtain(t, bytes_of(value.data + at + SEQUENCE_HEAD, len), &s)) != OK)
            return err;
        if (s)
            s->pushed = s->stored = (int64_t)le64_get(value.data + at);
        at += SEQUENCE_HEAD + len;
    }
    return OK;
}
