/* SPDX-License-Identifier: Apache-2.0
 *
 * permits.h - flow control of one consumer.
 *
 * A consumer grants permits with FLOW; dispatch charges one per message.  Owns the count and nothing else: it knows no
 * consumer, frame or clock.  Core thread.  May call: base/.
 *
 * Invariant: available <= PERMITS_MAX.  An entry is dispatched whole, so the last one of a round may overdraw, and
 * available may fall below zero.
 */
#ifndef BROKER_PERMITS_H
#define BROKER_PERMITS_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

#define PERMITS_MAX (1 << 30)

struct permits {
    int32_t available; /* private to permits.c; here so that a consumer can embed it */
};

/* Adds what one FLOW grants; beyond PERMITS_MAX the count saturates.
 * `count` comes from the wire: zero is ERR_PROTOCOL and changes nothing. */
MUST_USE enum err permits_grant(struct permits *p, uint32_t count);

/* True while dispatch may send another entry. */
bool permits_open(const struct permits *p);

/* Charges an entry of `messages` messages.  Only while permits_open(). */
void permits_charge(struct permits *p, uint32_t messages);

#endif
