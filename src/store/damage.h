/* SPDX-License-Identifier: Apache-2.0
 *
 * damage.h - what is found wrong on the disk, as whoever looks is told.
 *
 * A struct damage lives for the call that tells it.  Whoever tells fills what is known; damage_text makes the sentence
 * that logs, refusals and the tools print, so that they all name a thing in the same words.  May call: base/.
 */
#ifndef STORE_DAMAGE_H
#define STORE_DAMAGE_H

#include "base/bytes.h"

#define DAMAGE_NOWHERE   UINT64_MAX /* of an offset: the file as a whole */
#define DAMAGE_TEXT_SIZE 512

struct damage {
    const char *file;    /* its path in the data directory */
    uint64_t offset;     /* or DAMAGE_NOWHERE */
    uint64_t topic;      /* 0: of no topic, or of one that is not known */
    struct bytes name;   /* the topic's; empty when it is not known */
    uint64_t ledger;     /* 0: none */
    int64_t first, last; /* entries of the ledger; first -1: none */
    const char *what;    /* "does not match its checksum" */
};

struct damage_sink {
    void (*found)(struct damage_sink *sink, const struct damage *d);
    uint64_t count;
};

void damage_tell(struct damage_sink *sink, const struct damage *d);

/* "segments/0000000000000003.segment, offset 812: entry 17 of ledger 12 of persistent://a/b/c: what". */
void damage_text(const struct damage *d, char to[DAMAGE_TEXT_SIZE]);

#endif
