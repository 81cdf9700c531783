/* SPDX-License-Identifier: Apache-2.0
 *
 * recovery_rewrite.c - step 5: what was read back is written again, and synced.
 */
#include "store/recovery_private.h"

#include "base/log.h"
#include "store/journal_write.h"
#include "sys/disk.h"

#include <stdlib.h>

#define REWRITE_CHUNK (256u * 1024)

static bool anything_new(const struct recovery *r)
{
    const struct store *s = r->s;

    return r->replay.last_batch > r->replay.applied || !list_empty(&s->ledgers.dirty) || !list_empty(&s->dirty_cursors);
}

/* The same bytes, written over themselves: whether they had reached the disk or not, now they do. */
static enum err rewrite_in_place(struct disk *disk, const struct journal_kept *kept, uint8_t *chunk)
{
    char path[JOURNAL_PATH_SIZE];
    struct file *f = NULL;
    size_t got;
    enum err err;

    journal_path(path, kept->number);
    if ((err = disk_open(disk, path, DISK_READ | DISK_WRITE, &f)) != OK)
        return err;
    for (uint64_t at = 0; at < kept->end && err == OK; at += got) {
        const uint64_t left = kept->end - at;
        if ((err = file_read(f, at, chunk, left < REWRITE_CHUNK ? (size_t)left : REWRITE_CHUNK, &got)) != OK)
            break;
        const struct bytes part = bytes_of(chunk, got);
        err = got > 0 ? file_write(f, at, &part, 1) : ERR_CORRUPT;
    }
    if (err == OK && kept->size > kept->end) /* batches behind one that was lost */
        err = journal_write_zeros(f, kept->end, kept->size - kept->end);
    if (err == OK)
        err = file_sync(f);
    file_close(f);
    return err;
}

/* There is no room for segments: what was recovered stays in its journal files, and the checkpoint is tried again while
 * the broker serves, for deletions to make room. */
static enum err keep_in_journal(struct recovery *r)
{
    struct store *s = r->s;
    struct journal_replay *replay = &r->replay;
    uint8_t *chunk = malloc(REWRITE_CHUNK);
    enum err err = chunk ? OK : ERR_NOMEM;

    for (size_t i = 0; i < replay->kept_count && err == OK; i++)
        err = rewrite_in_place(s->sys.disk, &replay->kept[i], chunk);
    free(chunk);
    if (err == OK)
        err = s->sys.disk->ops->sync_dir(s->sys.disk, JOURNAL_DIR);
    if (err != OK)
        return recovery_refuse(r, err, "what was recovered cannot be written: %s", err_text(err));
    log_warn(s->log, "store", "the disk is full: what was recovered stays in the journal until there is room for it");
    r->kept = true;
    checkpoint_put_off(s);
    return OK;
}

enum err recovery_write_again(struct recovery *r)
{
    struct store *s = r->s;
    struct checkpoint *c = &s->checkpoint;
    enum err err;

    checkpoint_init(s);
    if (!anything_new(r))
        return OK;
    c->mark.batch = r->replay.last_batch;
    /* The file in which the journal goes on if this finds no space: what the index was told may turn out to be applied
     * after a crash, though it said that it was not. */
    c->mark.journal_file = r->replay.kept_count > 0 ? r->replay.kept[r->replay.kept_count - 1].header.generation
                                                    : r->replay.next_generation;
    if ((err = checkpoint_collect(s)) != OK || (err = checkpoint_list(s)) != OK)
        return err;
    checkpoint_run(c);
    if (c->err == ERR_NOSPACE && !r->gaps)
        return keep_in_journal(r);
    if (c->err != OK)
        return recovery_refuse(r, c->err, "what was recovered cannot be written: %s", c->failure);
    checkpoint_finish(s);
    return OK;
}
