/* SPDX-License-Identifier: Apache-2.0
 *
 * records.h - what the broker keeps in the values of its catalog rows.
 *
 * Integers are little endian; the first byte of each is its version, 1.
 *
 *     tenant, namespace   1 version | rest: the admin interface's settings, opaque
 *     topic               1 version | 8 created, wall ms | 8 epoch of exclusive producers
 *     subscription        1 version | 8 created, wall ms
 *     broker ("boot")     1 version | 8 how often the broker was started
 *
 * A decoder refuses a greater version (ERR_VERSION) and shorter values (ERR_CORRUPT).
 */
#ifndef BROKER_RECORDS_H
#define BROKER_RECORDS_H

#include "base/bytes.h"
#include "base/err.h"

#define RECORD_VERSION 1
#define RECORD_MAX     17 /* of those with a fixed size */

struct topic_record {
    int64_t created_ms;
    uint64_t epoch;
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
