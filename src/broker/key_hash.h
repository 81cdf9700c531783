/* SPDX-License-Identifier: Apache-2.0
 *
 * key_hash.h - which of 65,535 places an entry's key has, for Key_Shared subscriptions: as Pulsar 4.0 has it.
 *
 * The key is the entry's: a batch has one, its producer's business.  It is the ordering key, else the partition key
 * (decoded when it is marked as base64), else, so that entries without a key are spread evenly, the producer's name and
 * the sequence id; of what is no entry, and of a key that is wrongly marked, one constant.  Pure.  May call: base/,
 * wire/.
 */
#ifndef BROKER_KEY_HASH_H
#define BROKER_KEY_HASH_H

#include "base/bytes.h"

#define KEY_HASHES 65536 /* murmur3_32 modulo this; 0 means "not known", what would be 0 is 1 */

/* The place of a key. */
uint32_t key_hash_of(struct bytes key);
/* The place of an entry as its producer sent it. */
uint32_t key_hash_of_entry(struct bytes entry);

#endif
