/* SPDX-License-Identifier: Apache-2.0
 *
 * records.c - see records.h.
 */
#include "broker/records.h"

static enum err check(struct bytes value, size_t len)
{
    if (value.len < 1)
        return ERR_CORRUPT;
    if (value.data[0] > RECORD_VERSION)
        return ERR_VERSION;
    return value.data[0] == RECORD_VERSION && value.len >= len ? OK : ERR_CORRUPT;
}

struct bytes topic_record_encode(const struct topic_record *r, uint8_t *to)
{
    to[0] = RECORD_VERSION;
    le64_put(to + 1, (uint64_t)r->created_ms);
    le64_put(to + 9, r->epoch);
    return bytes_of(to, 17);
}

enum err topic_record_decode(struct topic_record *r, struct bytes value)
{
    enum err err = check(value, 17);
    if (err != OK)
        return err;
    r->created_ms = (int64_t)le64_get(value.data + 1);
    r->epoch = le64_get(value.data + 9);
    return OK;
}

struct bytes subscription_record_encode(const struct subscription_record *r, uint8_t *to)
{
    to[0] = RECORD_VERSION;
    le64_put(to + 1, (uint64_t)r->created_ms);
    return bytes_of(to, 9);
}

enum err subscription_record_decode(struct subscription_record *r, struct bytes value)
{
    enum err err = check(value, 9);
    if (err != OK)
        return err;
    r->created_ms = (int64_t)le64_get(value.data + 1);
    return OK;
}

struct bytes boot_record_encode(const struct boot_record *r, uint8_t *to)
{
    to[0] = RECORD_VERSION;
    le64_put(to + 1, r->boots);
    return bytes_of(to, 9);
}

enum err boot_record_decode(struct boot_record *r, struct bytes value)
{
    enum err err = check(value, 9);
    if (err != OK)
        return err;
    r->boots = le64_get(value.data + 1);
    return OK;
}
