/* SPDX-License-Identifier: Apache-2.0
 *
 * recovery_private.h - a recovery under way, for the files that are its steps.
 *
 * recovery.c has their order, and one file each: recovery_directory.c, recovery_index.c, recovery_replay.c,
 * recovery_files.c, recovery_give_up.c, recovery_rewrite.c.  A step returns OK, or an error and the sentence for the
 * user in r->message.
 */
#ifndef STORE_RECOVERY_PRIVATE_H
#define STORE_RECOVERY_PRIVATE_H

#include "store/give_up.h"
#include "store/journal_replay.h"
#include "store/recovery.h"
#include "store/store_private.h"

struct damage;

/* Segments on the disk. */
struct segment_names {
    struct file_numbers found;
    uint64_t next;
    enum err err;
};

struct recovery {
    struct store *s;
    char *message;
    size_t message_size;
    struct journal_replay replay;
    struct forget forget;
    unsigned format; /* as it was found; 0: a fresh directory */
    bool kept;       /* there was no room for the checkpoint: the journal goes on where it ends */
    bool gaps;       /* damage was passed over: records may be missing */
    struct give_ups give_ups;

    struct recovery_look *look; /* NULL: a start */
};

/* Writes the message; returns `err`. */
enum err recovery_refuse(struct recovery *r, enum err err, const char *format, ...) PRINTF_LIKE(3, 4);
/* For the tools: fills in which topic the ledger belongs to, and its name. */
void recovery_tell_found(struct recovery *r, struct damage *d);
/* It is not given again. */
void recovery_saw_id(struct store *s, uint64_t id);

/* ---- the steps ---- */

MUST_USE enum err recovery_take_lock(struct recovery *r);
MUST_USE enum err recovery_check_format(struct recovery *r);
MUST_USE enum err recovery_raise_format(struct recovery *r);
MUST_USE enum err recovery_load_lost(struct recovery *r);
MUST_USE enum err recovery_load_restored(struct recovery *r);

MUST_USE enum err recovery_load_index(struct recovery *r);
MUST_USE enum err recovery_look_at_index(struct recovery *r);

MUST_USE enum err recovery_replay_journal(struct recovery *r);
void recovery_pass_lost_ids(struct recovery *r);

MUST_USE enum err recovery_find_segments(struct recovery *r, struct segment_names *names);
void recovery_remove_orphans(struct store *s, const struct segment_names *names);
MUST_USE enum err recovery_fill_start(struct recovery *r, struct journal_start *start);

void recovery_drop_orphans(struct recovery *r);
MUST_USE enum err recovery_give_up(struct recovery *r);

MUST_USE enum err recovery_write_again(struct recovery *r);

#endif
