/* SPDX-License-Identifier: Apache-2.0
 *
 * key_hash.h - the hash of an entry's key, for Key_Shared subscriptions: as Pulsar 4.0 has it.
 *
 * The key is the entry's: a batch has one, its producer's business.  It is the ordering key, else the partition key
 * (decoded when it is marked as base64), else, so that entries without a key are spread evenly, the producer's name and
 * the sequence id; of what is no entry, and of a key that is wrongly marked, one constant.  Pure.  May call: base/,
 * wire/.
 */
#ifndef BROKER_KEY_HASH_H
#define BROKER_KEY_HASH_H

#include "base/bytes.h"

/* 31 bits.  key_ranges_fold makes them one of the 65,535 that keys are known by. */
uint32_t key_hash_of(struct bytes key);
/* That of the key of an entry as its producer sent it. */
uint32_t key_hash_of_entry(struct bytes entry);

#endif
