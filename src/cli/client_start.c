/* SPDX-License-Identifier: Apache-2.0
 *
 * client_start.c - where a reader begins, as a word of the command line says it.
 */
#include "cli/client.h"

#include <inttypes.h>
#include <stdio.h>

/* A field of protobuf: a varint of tag and value. */
static size_t varint_put(uint8_t *to, uint64_t value)
{
    size_t len = 0;

    for (; value >= 0x80; value >>= 7)
        to[len++] = (uint8_t)(value | 0x80);
    to[len++] = (uint8_t)value;
    return len;
}

/* The public API makes ids out of bytes only: a MessageIdData of ledger (1) and entry (2). */
static pulsar_message_id_t *id_make(uint64_t ledger, int64_t entry)
{
    uint8_t bytes[24];
    size_t len = 0;

    bytes[len++] = 1 << 3;
    len += varint_put(bytes + len, ledger);
    bytes[len++] = 2 << 3;
    len += varint_put(bytes + len, (uint64_t)entry); /* -1 is 2^64 - 1, as the protocol has it */
    return pulsar_message_id_deserialize(bytes, (uint32_t)len);
}

/* NULL: no id. */
static pulsar_message_id_t *id_parse(const char *text, bool inclusive)
{
    uint64_t ledger, entry;
    char more;

    if (sscanf(text, "%19" SCNu64 ":%19" SCNu64 "%c", &ledger, &entry, &more) != 2 || strchr(text, '-'))
        return NULL;
    return id_make(ledger, (int64_t)entry - (inclusive ? 1 : 0));
}

const pulsar_message_id_t *client_start(const char *text, bool inclusive, pulsar_message_id_t **owned)
{
    *owned = NULL;
    if (strcmp(text, "latest") == 0)
        return pulsar_message_id_latest();
    if (strcmp(text, "earliest") == 0)
        return pulsar_message_id_earliest();
    return *owned = id_parse(text, inclusive);
}
