/* SPDX-License-Identifier: Apache-2.0
 *
 * records.c - see records.h.
 */
#include "broker/records.h"

#include <assert.h>

enum { VERSION_POLICIES = 2, VERSION_ALL = 3, VERSION_MORE = 4 };
enum { FLAG_TERMINATED = 1, FLAG_REPLICATED = 1, FLAG_CONNECTED = 2, FLAG_LEFT = 4, FLAG_DELETED = 1 };

static struct bytes skip(struct bytes from, size_t len)
{
    return len > 0 ? bytes_of(from.data + len, from.len - len) : from; /* which may be NULL */
}

static enum err check(struct bytes value, uint8_t version, size_t len)
{
    if (value.len < 1)
        return ERR_CORRUPT;
    if (value.data[0] > version)
        return ERR_VERSION;
    return value.data[0] > 0 && value.len >= len ? OK : ERR_CORRUPT;
}

/* ---- policies ---- */

#define POLICY_LEN           8
#define RETENTION_LEN_BEFORE 12 /* in version 2 */
#define TTL_LEN_BEFORE       4

size_t policies_encode(const struct policies *p, uint8_t *to)
{
    uint8_t *at = to + 1;

    to[0] = 0;
    for (unsigned which = 1; which < POLICY_END; which++) {
        if (!policies_has(p, which))
            continue;
        at[0] = (uint8_t)which;
        at[1] = POLICY_LEN;
        le64_put(at + 2, (uint64_t)p->value[which]);
        at += 2 + POLICY_LEN;
        to[0]++;
    }
    return (size_t)(at - to);
}

static enum err policy_decode(struct policies *p, uint8_t which, struct bytes value)
{
    if (which == 0 || which >= POLICY_END)
        return ERR_VERSION;
    if (value.len == POLICY_LEN) {
        policies_put(p, which, (int64_t)le64_get(value.data));
        return OK;
    }
    if (which == POLICY_RETENTION_MINUTES && value.len == RETENTION_LEN_BEFORE) {
        policies_put(p, POLICY_RETENTION_MINUTES, (int32_t)le32_get(value.data));
        policies_put(p, POLICY_RETENTION_MB, (int64_t)le64_get(value.data + 4));
        return OK;
    }
    if (which == POLICY_TTL_S && value.len == TTL_LEN_BEFORE) {
        policies_put(p, POLICY_TTL_S, le32_get(value.data));
        return OK;
    }
    return ERR_CORRUPT;
}

enum err policies_decode(struct policies *p, struct bytes *from)
{
    struct bytes rest = *from;
    struct refusal why;
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
    return policies_check(p, false, &why) == OK ? OK : ERR_CORRUPT;
}

/* ---- what several rows end with ---- */

static size_t properties_encode(struct bytes properties, uint8_t *to)
{
    assert(properties.len <= PROPERTIES_BYTES_MAX);
    if (properties.len == 0) {
        le16_put(to, 0);
        return 2;
    }
    memcpy(to, properties.data, properties.len);
    return properties.len;
}

/* ---- policies of subscriptions, and what else few topics have ---- */

static enum err subscription_policies_decode(struct subscription_policies *s, struct bytes *from)
{
    struct bytes rest = *from;
    enum err err;

    if (rest.len < 2 || rest.len - 2 < le16_get(rest.data))
        return ERR_CORRUPT;
    s->name = bytes_of(rest.data + 2, le16_get(rest.data));
    rest = skip(rest, 2 + s->name.len);
    if ((err = policies_decode(&s->policies, &rest)) == OK)
        *from = rest;
    return err;
}

bool subscription_policies_next(struct bytes encoded, size_t *at, struct subscription_policies *out)
{
    struct bytes rest = skip(encoded, *at);

    if (rest.len == 0 || subscription_policies_decode(out, &rest) != OK)
        return false;
    *at = encoded.len - rest.len;
    return true;
}

static size_t subscription_policies_encode(const struct subscription_policies *s, uint8_t *to)
{
    le16_put(to, (uint16_t)s->name.len);
    memcpy(to + 2, s->name.data, s->name.len);
    return 2 + s->name.len + policies_encode(&s->policies, to + 2 + s->name.len);
}

/* Where those of `name` begin and end; both at the end of all: there are none. */
static void subscription_policies_place(struct bytes encoded, struct bytes name, size_t *from, size_t *to)
{
    struct subscription_policies s;

    *from = *to = 0;
    while (subscription_policies_next(encoded, to, &s)) {
        if (bytes_equal(s.name, name))
            return;
        *from = *to;
    }
}

enum err subscription_policies_put(struct bytes *encoded, uint8_t *to, const struct subscription_policies *s)
{
    uint8_t own[2 + SUBSCRIPTION_NAME_MAX + POLICIES_BYTES_MAX];
    size_t from, end, len = 0;

    assert(s->name.len <= SUBSCRIPTION_NAME_MAX);
    subscription_policies_place(*encoded, s->name, &from, &end);
    if (s->policies.is_set)
        len = subscription_policies_encode(s, own);
    if (from + len + (encoded->len - end) > SUBSCRIPTION_POLICIES_BYTES_MAX)
        return ERR_TOO_LARGE;
    memmove(to + from + len, to + end, encoded->len - end);
    memcpy(to + from, own, len);
    *encoded = bytes_of(to, from + len + (encoded->len - end));
    return OK;
}

static size_t tail_encode(const struct policies *policies, struct bytes properties, uint8_t *to)
{
    const size_t len = policies_encode(policies, to);

    return len + properties_encode(properties, to + len);
}

/* *from moves behind both. */
static enum err tail_decode(struct policies *policies, struct bytes *properties, struct bytes *from)
{
    enum err err = policies_decode(policies, from);

    return err == OK ? properties_decode(properties, from) : err;
}

static bool more_is_set(const struct record_more *m)
{
    return m->everywhere.is_set || m->subscriptions.len || m->settings.len;
}

static size_t bytes_encode(struct bytes b, uint8_t *to)
{
    if (b.len)
        memcpy(to, b.data, b.len);
    return b.len;
}

static size_t more_encode(const struct record_more *m, uint8_t *to)
{
    size_t len = policies_encode(&m->everywhere, to);

    assert(m->subscriptions.len <= SUBSCRIPTION_POLICIES_BYTES_MAX);
    assert(m->settings.len <= TOPIC_SETTINGS_BYTES_MAX);
    le32_put(to + len, (uint32_t)m->subscriptions.len);
    len += 4;
    len += bytes_encode(m->subscriptions, to + len);
    return len + bytes_encode(m->settings, to + len);
}

static enum err more_decode(struct record_more *m, struct bytes from)
{
    struct subscription_policies s;
    size_t at = 0;
    enum err err;

    if ((err = policies_decode(&m->everywhere, &from)) != OK)
        return err;
    if (from.len < 4 || from.len - 4 < le32_get(from.data))
        return ERR_CORRUPT;
    m->subscriptions = bytes_of(from.data + 4, le32_get(from.data));
    m->settings = skip(from, 4 + m->subscriptions.len);
    while (subscription_policies_next(m->subscriptions, &at, &s))
        ;
    return at == m->subscriptions.len && at <= SUBSCRIPTION_POLICIES_BYTES_MAX &&
                   m->settings.len <= TOPIC_SETTINGS_BYTES_MAX
               ? OK
               : ERR_CORRUPT;
}

/* ---- rows ---- */

struct bytes namespace_record_encode(const struct namespace_record *r, uint8_t *to)
{
    size_t len = 1;

    to[0] = r->policies.is_set ? VERSION_ALL : RECORD_VERSION;
    if (r->policies.is_set)
        len += policies_encode(&r->policies, to + len);
    if (r->settings.len)
        memcpy(to + len, r->settings.data, r->settings.len);
    return bytes_of(to, len + r->settings.len);
}

enum err namespace_record_decode(struct namespace_record *r, struct bytes value)
{
    enum err err = check(value, VERSION_ALL, 1);

    if (err != OK)
        return err;
    *r = (struct namespace_record){.settings = skip(value, 1)};
    return value.data[0] == RECORD_VERSION ? OK : policies_decode(&r->policies, &r->settings);
}

struct bytes topic_record_encode(const struct topic_record *r, uint8_t *to)
{
    const bool more = more_is_set(&r->more);
    const bool all = more || r->terminated || r->policies.is_set || r->properties.len;

    to[0] = more ? VERSION_MORE : all ? VERSION_ALL : RECORD_VERSION;
    le64_put(to + 1, (uint64_t)r->created_ms);
    le64_put(to + 9, r->epoch);
    if (!all)
        return bytes_of(to, 17);
    to[17] = r->terminated ? FLAG_TERMINATED : 0;
    const size_t len = 18 + tail_encode(&r->policies, r->properties, to + 18);
    return bytes_of(to, more ? len + more_encode(&r->more, to + len) : len);
}

enum err topic_record_decode(struct topic_record *r, struct bytes value)
{
    enum err err = check(value, VERSION_MORE, 17);

    if (err != OK)
        return err;
    *r = (struct topic_record){.created_ms = (int64_t)le64_get(value.data + 1), .epoch = le64_get(value.data + 9)};
    const uint8_t version = value.data[0];
    value = skip(value, 17);
    if (version == RECORD_VERSION)
        return OK;
    if (version == VERSION_POLICIES)
        return policies_decode(&r->policies, &value);
    if (value.len < 1)
        return ERR_CORRUPT;
    r->terminated = value.data[0] & FLAG_TERMINATED;
    value = skip(value, 1);
    if ((err = tail_decode(&r->policies, &r->properties, &value)) != OK || version == VERSION_ALL)
        return err;
    return more_decode(&r->more, value);
}

struct bytes partitioned_record_encode(const struct partitioned_record *r, uint8_t *to)
{
    const bool more = more_is_set(&r->more);

    to[0] = more ? VERSION_MORE : VERSION_ALL;
    le64_put(to + 1, (uint64_t)r->created_ms);
    le32_put(to + 9, r->partitions);
    const size_t len = 13 + tail_encode(&r->policies, r->properties, to + 13);
    return bytes_of(to, more ? len + more_encode(&r->more, to + len) : len);
}

enum err partitioned_record_decode(struct partitioned_record *r, struct bytes value)
{
    enum err err = check(value, VERSION_MORE, 13);

    if (err != OK)
        return err;
    *r = (struct partitioned_record){.created_ms = (int64_t)le64_get(value.data + 1),
                                     .partitions = le32_get(value.data + 9)};
    const uint8_t version = value.data[0];
    if (version < VERSION_ALL)
        return ERR_CORRUPT;
    value = skip(value, 13);
    if ((err = tail_decode(&r->policies, &r->properties, &value)) != OK || version == VERSION_ALL)
        return err;
    return more_decode(&r->more, value);
}

struct bytes subscription_record_encode(const struct subscription_record *r, uint8_t *to)
{
    const uint8_t flags = (uint8_t)((r->replicated ? FLAG_REPLICATED : 0) | (r->connected ? FLAG_CONNECTED : 0) |
                                    (r->left_ms != 0 ? FLAG_LEFT : 0));
    const bool all = flags != 0 || r->properties.len;
    size_t len = 10;

    to[0] = all ? VERSION_ALL : RECORD_VERSION;
    le64_put(to + 1, (uint64_t)r->created_ms);
    if (!all)
        return bytes_of(to, 9);
    to[9] = flags;
    if (r->left_ms != 0) {
        le64_put(to + len, (uint64_t)r->left_ms);
        len += 8;
    }
    return bytes_of(to, len + properties_encode(r->properties, to + len));
}

enum err subscription_record_decode(struct subscription_record *r, struct bytes value)
{
    enum err err = check(value, VERSION_ALL, 9);

    if (err != OK)
        return err;
    *r = (struct subscription_record){.created_ms = (int64_t)le64_get(value.data + 1)};
    if (value.data[0] == RECORD_VERSION)
        return OK;
    if (value.data[0] != VERSION_ALL || value.len < 10)
        return ERR_CORRUPT;
    const uint8_t flags = value.data[9];
    r->replicated = flags & FLAG_REPLICATED;
    r->connected = flags & FLAG_CONNECTED;
    value = skip(value, 10);
    if (flags & FLAG_LEFT) {
        if (value.len < 8)
            return ERR_CORRUPT;
        r->left_ms = (int64_t)le64_get(value.data);
        value = skip(value, 8);
    }
    return properties_decode(&r->properties, &value);
}

#define SCHEMA_FIXED 13 /* of a schema, before the user's name */

size_t schema_record_size(const struct schema_record *r)
{
    return SCHEMA_FIXED + r->user.len + (r->properties.len ? r->properties.len : 2) + r->data.len;
}

struct bytes schema_record_encode(const struct schema_record *r, uint8_t *to)
{
    size_t len = SCHEMA_FIXED;

    assert(r->type >= INT8_MIN && r->type <= INT8_MAX);
    assert(r->user.len <= SCHEMA_USER_MAX);
    to[0] = RECORD_VERSION;
    le64_put(to + 1, (uint64_t)r->created_ms);
    to[9] = (uint8_t)(int8_t)r->type;
    to[10] = r->deleted ? FLAG_DELETED : 0;
    le16_put(to + 11, (uint16_t)r->user.len);
    len += bytes_encode(r->user, to + len);
    len += properties_encode(r->properties, to + len);
    len += bytes_encode(r->data, to + len);
    assert(len == schema_record_size(r));
    return bytes_of(to, len);
}

enum err schema_record_decode(struct schema_record *r, struct bytes value)
{
    enum err err = check(value, RECORD_VERSION, SCHEMA_FIXED);

    if (err != OK)
        return err;
    *r = (struct schema_record){
        .created_ms = (int64_t)le64_get(value.data + 1),
        .type = (int8_t)value.data[9],
        .deleted = value.data[10] & FLAG_DELETED,
    };
    const size_t user_len = le16_get(value.data + 11);
    value = skip(value, SCHEMA_FIXED);
    if (user_len > SCHEMA_USER_MAX || value.len < user_len)
        return ERR_CORRUPT;
    r->user = bytes_of(value.data, user_len);
    r->data = skip(value, user_len);
    return properties_decode(&r->properties, &r->data);
}

struct bytes boot_record_encode(const struct boot_record *r, uint8_t *to)
{
    to[0] = RECORD_VERSION;
    le64_put(to + 1, r->boots);
    return bytes_of(to, 9);
}

enum err boot_record_decode(struct boot_record *r, struct bytes value)
{
    enum err err = check(value, RECORD_VERSION, 9);
    if (err != OK)
        return err;
    r->boots = le64_get(value.data + 1);
    return OK;
}
