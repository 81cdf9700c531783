/* SPDX-License-Identifier: Apache-2.0
 *
 * routing.c - hashes of keys, and turns.
 */
#include "client/routing.h"

#include "base/checksum.h"
#include <assert.h>

/* One code point of UTF-8, or a byte that is none; *at moves on. */
static uint32_t code_point(struct bytes b, size_t *at)
{
    uint8_t first = b.data[(*at)++];
    uint32_t code = first;
    unsigned more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;

    if (more == 0 || *at + more > b.len)
        return code;
    code = first & (0x3fu >> more);
    while (more-- > 0)
        code = code << 6 | (b.data[(*at)++] & 0x3fu);
    return code;
}

/* java.lang.String.hashCode: over UTF-16, so that a key lands where a Java producer puts it. */
static uint32_t java_hash(struct bytes key)
{
    uint32_t hash = 0;

    for (size_t at = 0; at < key.len;) {
        uint32_t code = code_point(key, &at);

        if (code < 0x10000) {
            hash = hash * 31 + code;
            continue;
        }
        hash = hash * 31 + (0xd800 + ((code - 0x10000) >> 10));
        hash = hash * 31 + (0xdc00 + ((code - 0x10000) & 0x3ff));
    }
    return hash;
}

uint32_t client_routing_hash(pulsar_hashing_scheme scheme, struct bytes key)
{
    uint32_t hash = scheme == pulsar_JavaStringHash ? java_hash(key) : murmur3_32(key, 0);

    return hash & 0x7fffffff;
}

void client_routing_init(struct client_routing *r, const struct _pulsar_producer_configuration *config,
                         uint32_t partitions, uint32_t start)
{
    assert(partitions > 0);
    *r = (struct client_routing){.mode = config->routing,
                                 .hashing = config->hashing,
                                 .partitions = partitions,
                                 .batching = config->batching,
                                 .batch_messages = config->batch_messages_max,
                                 .batch_ms = (uint32_t)config->batch_delay_ms,
                                 .current = start % partitions};
}

static bool turn_over(const struct client_routing *r, uint64_t now_ms)
{
    if (!r->batching)
        return r->used > 0;
    return (r->batch_messages > 0 && r->used >= r->batch_messages) || now_ms - r->since_ms >= r->batch_ms;
}

uint32_t client_routing_choose(struct client_routing *r, const char *key, uint64_t now_ms)
{
    if (r->partitions == 1)
        return 0;
    if (key)
        return client_routing_hash(r->hashing, bytes_of_text(key)) % r->partitions;
    if (r->mode == pulsar_UseSinglePartition)
        return r->current;
    if (r->used > 0 && turn_over(r, now_ms)) {
        r->current = (r->current + 1) % r->partitions;
        r->used = 0;
    }
    if (r->used++ == 0)
        r->since_ms = now_ms;
    return r->current;
}
