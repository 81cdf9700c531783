/* SPDX-License-Identifier: Apache-2.0
 *
 * recovery_directory.c - step 1: whose directory it is, and which format; and what small files say of an earlier life.
 */
#include "store/recovery_private.h"

#include "base/log.h"
#include "store/backup.h"
#include "store/damage.h"
#include "store/format.h"
#include "sys/disk.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- lock and format ---- */

enum err recovery_take_lock(struct recovery *r)
{
    struct disk *disk = r->s->sys.disk;
    const char *holder = r->s->options.holder ? r->s->options.holder : "geminga";
    char other[128] = "";
    enum err err = disk->ops->lock(disk, STORE_LOCK_PATH, holder, other, sizeof other);

    if (err == ERR_BUSY)
        return recovery_refuse(r, err, "the data directory is in use by %s", other[0] ? other : "another process");
    if (err != OK)
        return recovery_refuse(r, err, "the data directory cannot be locked: %s", err_text(err));
    return OK;
}

static void name_found(void *ctx, const char *name)
{
    *(bool *)ctx = true;
    (void)name;
}

/* A directory whose making was cut off: it holds a lock, and perhaps an empty format file. */
static bool is_fresh(struct disk *disk)
{
    bool found = false;

    if (disk->ops->list(disk, JOURNAL_DIR, name_found, &found) == OK && found)
        return false;
    return true;
}

/* Every name is synced, too: a process killed before it did that leaves files that are there to see and gone after a
 * power cut, and what is found is used again. */
static enum err make_directories(struct disk *disk)
{
    enum err err;

    if ((err = disk->ops->mkdir(disk, JOURNAL_DIR)) != OK || (err = disk->ops->mkdir(disk, SEGMENT_DIR)) != OK)
        return err;
    if ((err = disk->ops->sync_dir(disk, JOURNAL_DIR)) != OK || (err = disk->ops->sync_dir(disk, SEGMENT_DIR)) != OK)
        return err;
    return disk->ops->sync_dir(disk, ".");
}

enum err recovery_check_format(struct recovery *r)
{
    struct disk *disk = r->s->sys.disk;
    enum err err;

    err = format_read(disk, &r->format);
    if (err == ERR_CORRUPT && r->look) {
        recovery_tell_found(
            r, &(struct damage){
                   .file = FORMAT_PATH, .offset = 0, .first = -1, .what = "does not say which format the data has"});
        return OK;
    }
    if (err == ERR_CORRUPT || (err == OK && r->format == 0 && !is_fresh(disk)))
        return recovery_refuse(r, ERR_CORRUPT, "the file \"%s\" does not say which format the data has", FORMAT_PATH);
    if (err != OK)
        return recovery_refuse(r, err, "the file \"%s\" cannot be read: %s", FORMAT_PATH, err_text(err));
    if (r->format > FORMAT_NOW)
        return recovery_refuse(r, ERR_VERSION,
                               "the data directory has format %u, this program knows formats up to %u; "
                               "nothing was changed",
                               r->format, FORMAT_NOW);
    if (r->look)
        return r->format > 0 ? OK : recovery_refuse(r, ERR_NOT_FOUND, "the directory holds no data of a broker");
    if (r->format == 0 && (err = format_write(disk, FORMAT_NOW)) != OK)
        return recovery_refuse(r, err, "the data directory cannot be written: %s", err_text(err));
    if ((err = make_directories(disk)) != OK)
        return recovery_refuse(r, err, "the data directory cannot be prepared: %s", err_text(err));
    return OK;
}

/* What was there has been read without complaint; what is written from here on, an older program may not know. */
enum err recovery_raise_format(struct recovery *r)
{
    enum err err;

    if (r->format == 0 || r->format == FORMAT_NOW)
        return OK;
    if ((err = format_write(r->s->sys.disk, FORMAT_NOW)) != OK)
        return recovery_refuse(r, err, "the data directory has format %u and cannot be told that it becomes %u: %s",
                               r->format, FORMAT_NOW, err_text(err));
    log_info(r->s->log, "store", "the data directory had format %u; it has format %u now", r->format, FORMAT_NOW);
    return OK;
}

/* ---- what an earlier life left ---- */

/* Lives that went on from the same backup give no id twice. */
enum err recovery_load_restored(struct recovery *r)
{
    uint64_t first;
    const enum err err = backup_first_id(r->s->sys.disk, &first);

    if (err == OK && first > r->s->next_id)
        r->s->next_id = first;
    if (err == ERR_CORRUPT && r->look) {
        recovery_tell_found(r, &(struct damage){.file = RESTORED_PATH,
                                                .offset = DAMAGE_NOWHERE,
                                                .first = -1,
                                                .what = "does not match its checksum"});
        return OK;
    }
    if (err != OK)
        return recovery_refuse(
            r, err, "the file \"%s\", which says from where on ids are given since a restore, is damaged: %s",
            RESTORED_PATH, err_text(err));
    return OK;
}

/* What was given up before, for the figures: no more than that hangs on it. */
enum err recovery_load_lost(struct recovery *r)
{
    unsigned bad_line;
    char what[80];
    enum err err = lost_read(&r->s->lost, r->s->sys.disk, &bad_line);

    if (err != OK)
        return recovery_refuse(r, err, "the file \"%s\" cannot be read: %s", LOST_PATH, err_text(err));
    if (bad_line == 0)
        return OK;
    snprintf(what, sizeof what, "line %u does not match its checksum", bad_line);
    if (r->look)
        recovery_tell_found(r,
                            &(struct damage){.file = LOST_PATH, .offset = DAMAGE_NOWHERE, .first = -1, .what = what});
    else
        log_error(r->s->log, "store", "%s: %s; ledgers that miss entries are not all counted", LOST_PATH, what);
    return OK;
}
