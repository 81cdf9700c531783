/* SPDX-License-Identifier: Apache-2.0
 *
 * records.h - what the broker keeps in the values of its catalog rows.
 *
 * Integers are little endian; the first byte of each is its version: what is drawn with 3 is
 * written so when something is set that version 1 cannot say.
 *
 *     tenant              1 version 1 | rest: the admin interface's settings, opaque
 *     namespace           1 version 3 | policies | rest: the same
 *     topic               1 version 4 | 8 created, wall ms | 8 epoch of exclusive producers | 1 flags | policies |
 *                         properties | more
 *     partitioned topic   1 version 4 | 8 created, wall ms | 4 partitions | policies | properties | more
 *     subscription        1 version 3 | 8 created, wall ms | 1 flags | with flag 4: 8 left, wall ms |
 *                         properties
 *     schema              1 version 1 | 8 made, wall ms | 1 type, signed | 1 flags | 2 length of the user's name | it |
 *                         properties | rest: the schema's data.  The row's parent is a namespace; its name is that of
 *                         the topic in it, without its partition, then a zero byte, then 8 version, big endian
 *     broker ("boot")     1 version 1 | 8 how often the broker was started
 *
 *     policies            1 how many | each: 1 number (enum policy) | 1 length of its value, 8 | 8 value, signed
 *     properties          2 how many | each: 2 length of its key | key | 2 length of its value | value
 *     more                policies, those for all clusters | 4 length of what follows | each: 2 length of a
 *                         subscription's name | name | policies, its own | rest: the admin interface's settings, opaque
 *
 * Flags: of a topic 1, terminated; of a subscription 1, replicated, 2, a consumer is connected, 4, a time
 * follows; of a schema 1, those before it were deleted, and it is none itself.  The other versions:
 *
 *     version 1           a topic without flags, policies and properties; a namespace without policies; a subscription
 *                         without flags and properties
 *     version 2           (read, not written) a topic with policies, without flags and properties; a namespace as in
 * version 3.  Retention is one policy there: number 1, length 12, 4 minutes | 8 MB; number 2 has length 4.
 *     version 3           a topic without more, a partitioned one too
 *
 * A decoder refuses a greater version, or a policy that it does not know (ERR_VERSION), and shorter values
 * (ERR_CORRUPT).
 */
#ifndef BROKER_RECORDS_H
#define BROKER_RECORDS_H

#include "base/bytes.h"
#include "base/err.h"
#include "broker/policies.h"
#include "broker/properties.h"

#define RECORD_VERSION     1
#define POLICIES_BYTES_MAX (1 + 10 * POLICY_COUNT)
#define MORE_BYTES_MAX     (POLICIES_BYTES_MAX + 4 + SUBSCRIPTION_POLICIES_BYTES_MAX + TOPIC_SETTINGS_BYTES_MAX)
/* of all but tenants and namespaces */
#define RECORD_MAX (24 + POLICIES_BYTES_MAX + PROPERTIES_BYTES_MAX + MORE_BYTES_MAX)

/* The number of bytes; `to` holds POLICIES_BYTES_MAX. */
size_t policies_encode(const struct policies *p, uint8_t *to);
/* Of the beginning of *from, which moves behind them. */
MUST_USE enum err policies_decode(struct policies *p, struct bytes *from);

struct namespace_record {
    struct policies policies;
    struct bytes settings; /* borrowed from the value */
};
/* `to` holds 1 + POLICIES_BYTES_MAX + settings.len. */
struct bytes namespace_record_encode(const struct namespace_record *r, uint8_t *to);
MUST_USE enum err namespace_record_decode(struct namespace_record *r, struct bytes value);

/* What few topics have. */
struct record_more {
    struct policies everywhere; /* for all clusters: those that are the topic's own go over them */
    struct bytes subscriptions; /* policies of single ones, as drawn above; borrowed from the value, as the next */
    struct bytes settings;
};

/* Goes through policies of subscriptions: `at` is 0 first, then the walk's.  False: no more. */
struct subscription_policies {
    struct bytes name;
    struct policies policies;
};
bool subscription_policies_next(struct bytes encoded, size_t *at, struct subscription_policies *out);
/* *encoded, which lies in `to` (of SUBSCRIPTION_POLICIES_BYTES_MAX), has these for it; none are set: it has none.
 * ERR_TOO_LARGE: then nothing changes. */
MUST_USE enum err subscription_policies_put(struct bytes *encoded, uint8_t *to, const struct subscription_policies *s);

struct topic_record {
    int64_t created_ms;
    uint64_t epoch;
    bool terminated; /* takes no more messages */
    struct policies policies;
    struct bytes properties; /* encoded (properties.h), and borrowed from the value; empty: none */
    struct record_more more;
};
/* The bytes of all these lie in `to`, of RECORD_MAX. */
struct bytes topic_record_encode(const struct topic_record *r, uint8_t *to);
MUST_USE enum err topic_record_decode(struct topic_record *r, struct bytes value);

struct partitioned_record {
    int64_t created_ms;
    uint32_t partitions;
    struct policies policies; /* of all partitions: theirs are not looked at */
    struct bytes properties;  /* as above, and the next */
    struct record_more more;
};
struct bytes partitioned_record_encode(const struct partitioned_record *r, uint8_t *to);
MUST_USE enum err partitioned_record_decode(struct partitioned_record *r, struct bytes value);

struct subscription_record {
    int64_t created_ms;
    bool replicated;         /* the client asks for it to be kept in step in other clusters; kept and shown */
    bool connected;          /* a consumer is; where such things are noted (lapse.h), as the next */
    int64_t left_ms;         /* the last consumer did; 0: not known */
    struct bytes properties; /* as above */
};
struct bytes subscription_record_encode(const struct subscription_record *r, uint8_t *to);
MUST_USE enum err subscription_record_decode(struct subscription_record *r, struct bytes value);

#define SCHEMA_USER_MAX 1000

struct schema_record {
    int64_t created_ms;
    int type;                /* enum schema_type */
    bool deleted;            /* all before it were; it has no data */
    struct bytes user;       /* who made it; borrowed from the value, as the next */
    struct bytes properties; /* encoded */
    struct bytes data;
};
/* How many bytes it takes; and these, in `to`. */
size_t schema_record_size(const struct schema_record *r);
struct bytes schema_record_encode(const struct schema_record *r, uint8_t *to);
MUST_USE enum err schema_record_decode(struct schema_record *r, struct bytes value);

struct boot_record {
    uint64_t boots;
};
struct bytes boot_record_encode(const struct boot_record *r, uint8_t *to);
MUST_USE enum err boot_record_decode(struct boot_record *r, struct bytes value);

#endif
