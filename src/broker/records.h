/* SPDX-License-Identifier: Apache-2.0
 *
 * records.h - what the broker keeps in the values of its catalog rows.
 *
 * Integers are little endian; the first byte of each is its version: 1, or 2 where policies are set.
 *
 *     tenant, namespace   1 version | version 2: policies | rest: the admin interface's settings, opaque
 *     topic               1 version | 8 created, wall ms | 8 epoch of exclusive producers | version 2: policies
 *     subscription        1 version | 8 created, wall ms
 *     broker ("boot")     1 version | 8 how often the broker was started
 *
 *     policies            1 how many | each: 1 which | 1 length of its value | value
 *                           1 retention   4 minutes | 8 MB; each signed, -1: without limit
 *                           2 message TTL 4 seconds
 *
 * A decoder refuses a greater version, or a policy that it does not know (ERR_VERSION), and shorter values
 * (ERR_CORRUPT).
 */
#ifndef BROKER_RECORDS_H
#define BROKER_RECORDS_H

#include "base/bytes.h"
#include "base/err.h"

#define RECORD_VERSION          1
#define RECORD_VERSION_POLICIES 2
#define POLICIES_BYTES_MAX      21
#define RECORD_MAX              (17 + POLICIES_BYTES_MAX) /* of those with a fixed size */

/* What an administrator set for a topic, or a namespace; what is resolved for a topic has all bits set. */
enum { POLICY_RETENTION = 1, POLICY_TTL = 2, POLICY_ALL = 3 };
struct policies {
    unsigned set;              /* POLICY_... bits: which of the following mean something */
    int32_t retention_minutes; /* -1: without limit; 0 in either of both: nothing is kept */
    int64_t retention_mb;
    uint32_t ttl_s; /* 0: messages never expire */
};

/* The number of bytes; `to` holds POLICIES_BYTES_MAX. */
size_t policies_encode(const struct policies *p, uint8_t *to);
/* Of the beginning of *from, which moves behind them. */
MUST_USE enum err policies_decode(struct policies *p, struct bytes *from);

struct topic_record {
    int64_t created_ms;
    uint64_t epoch;
    struct policies policies;
};
/* The bytes lie in `to`, of RECORD_MAX. */
struct bytes topic_record_encode(const struct topic_record *r, uint8_t *to);
MUST_USE enum err topic_record_decode(struct topic_record *r, struct bytes value);

struct subscription_record {
    int64_t created_ms;
};
struct bytes subscription_record_encode(const struct subscription_record *r, uint8_t *to);
MUST_USE enum err subscription_record_decode(struct subscription_record *r, struct bytes value);

struct boot_record {
    uint64_t boots;
};
struct bytes boot_record_encode(const struct boot_record *r, uint8_t *to);
MUST_USE enum err boot_record_decode(struct boot_record *r, struct bytes value);

#endif
