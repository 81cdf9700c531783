/* SPDX-License-Identifier: Apache-2.0
 *
 * give_up.h - what the user says may be lost, so that a start goes on behind damage: the option's text, taken apart.
 *
 *     batch:17          what does not hold of journal batch 17; batch:17-20 of a range
 *     journal:3         the header of journal file 3, or the file where it is missing: its batches are believed by
 *                       their own checksums; of the entries that rest in it, those that cannot be read
 *     ledger:12         entries of ledger 12 that cannot be read; the ledger is read whole at this start
 *     segment:5         likewise of every ledger with entries in segment file 5, which may be missing
 *     index             catalog.db, of which there is a whole copy: nothing is lost
 *
 * Several are parted by commas.  A refusal prints the very text that goes on; a choice that meets no damage does
 * nothing.  Pure functions.  May call: base/.
 */
#ifndef STORE_GIVE_UP_H
#define STORE_GIVE_UP_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum give_up_kind { GIVE_UP_BATCH, GIVE_UP_JOURNAL, GIVE_UP_LEDGER, GIVE_UP_SEGMENT, GIVE_UP_INDEX };

#define GIVE_UPS_MAX 64u

struct give_ups {
    struct give_up {
        enum give_up_kind kind;
        uint64_t first, last;
    } list[GIVE_UPS_MAX];
    size_t count;
};

/* NULL and "" are none.  ERR_INVALID: `message` is the sentence for the user. */
MUST_USE enum err give_ups_parse(struct give_ups *to, const char *text, char *message, size_t message_size);
/* True when [first, last] may be lost. */
bool give_ups_cover(const struct give_ups *g, enum give_up_kind kind, uint64_t first, uint64_t last);

#endif
