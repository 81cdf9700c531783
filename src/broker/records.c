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

/* ---- policies ---- */

enum { KIND_RETENTION = 1, KIND_TTL = 2, RETENTION_BYTES = 12, TTL_BYTES = 4 };

static uint8_t *policy_begin(uint8_t *to, uint8_t kind, uint8_t len)
{
    to[0] = kind;
    to[1] = len;
    return to + 2;
}

size_t policies_encode(const struct policies *p, uint8_t *to)
{
    uint8_t *at = to + 1;

    to[0] = 0;
    if (p->set & POLICY_RETENTION) {
        at = policy_begin(at, KIND_RETENTION, RETENTION_BYTES);
        le32_put(at, (uint32_t)p->retention_minutes);
        le64_put(at + 4, (uint64_t)p->retention_mb);
        at += RETENTION_BYTES;
        to[0]++;
    }
    if (p->set & POLICY_TTL) {
        at = policy_begin(at, KIND_TTL, TTL_BYTES);
        le32_put(at, p->ttl_s);
        at += TTL_BYTES;
        to[0]++;
    }
    return (size_t)(at - to);
}

static enum err policy_decode(struct policies *p, uint8_t kind, struct bytes value)
{
    if (kind == KIND_RETENTION && value.len == RETENTION_BYTES) {
        p->set |= POLICY_RETENTION;
        p->retention_minutes = (int32_t)le32_get(value.data);
        p->retention_mb = (int64_t)le64_get(value.data + 4);
        return p->retention_minutes >= -1 && p->retention_mb >= -1 ? OK : ERR_CORRUPT;
    }
    if (kind == KIND_TTL && value.len == TTL_BYTES) {
        p->set |= POLICY_TTL;
        p->ttl_s = le32_get(value.data);
        return OK;
    }
    return kind == KIND_RETENTION || kind == KIND_TTL ? ERR_CORRUPT : ERR_VERSION;
}

static struct bytes skip(struct bytes from, size_t len)
{
    return bytes_of(from.data + len, from.len - len);
}

enum err policies_decode(struct policies *p, struct bytes *from)
{
    struct bytes rest = *from;
    enum err err;

    *p = (struct policies){0};
    if (rest.len < 1)
        return ERR_CORRUPT;
    unsigned count = rest.data[0];
    rest = skip(rest, 1);
    while (count-- > 0) {
        if (rest.len < 2 || rest.len - 2 < rest.data[1])
            return ERR_CORRUPT;
        const struct bytes value = bytes_of(rest.data + 2, rest.data[1]);
        if ((err = policy_decode(p, rest.data[0], value)) != OK)
            return err;
        rest = skip(rest, 2 + value.len);
    }
    *from = rest;
    return OK;
}

/* ---- rows ---- */

struct bytes topic_record_encode(const struct topic_record *r, uint8_t *to)
{
    size_t len = 17;

    to[0] = r->policies.set ? RECORD_VERSION_POLICIES : RECORD_VERSION;
    le64_put(to + 1, (uint64_t)r->created_ms);
    le64_put(to + 9, r->epoch);
    if (r->policies.set)
        len += policies_encode(&r->policies, to + len);
    return bytes_of(to, len);
}

enum err topic_record_decode(struct topic_record *r, struct bytes value)
{
    const bool with_policies = value.len > 0 && value.data[0] == RECORD_VERSION_POLICIES;
    enum err err = !with_policies ? check(value, 17) : value.len >= 17 ? OK : ERR_CORRUPT;

    if (err != OK)
        return err;
    *r = (struct topic_record){.created_ms = (int64_t)le64_get(value.data + 1), .epoch = le64_get(value.data + 9)};
    if (!with_policies)
        return OK;
    value = skip(value, 17);
    return policies_decode(&r->policies, &value);
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
