/* SPDX-License-Identifier: Apache-2.0
 *
 * registry_tiles.c - the thread that writes DIR/log.
 *
 * One round is one snapshot of the registry: whole tiles that were not there, the partial ones at the right edge, all
 * synced, with their directories; then the checkpoint.  Then partial tiles that have become whole are removed.
 */
#include "services/notary/registry/registry_tiles.h"
#include "services/notary/registry/registry_private.h"
#include "sys/deadline.h"
#include "sys/disk_posix.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PACE_MS 1000

struct registry_tiles {
    /* The thread's. */
    struct tile_files files;
    struct registry_db db;
    struct registry_owner owner;
    struct db_tree tree; /* of the snapshot */
    struct text bytes;   /* of the file at hand */
    char directory[64];  /* synced last */
    char why[600];       /* files.message */
    uint64_t published;  /* the size of the checkpoint on the disk */
    struct log *log;
    pthread_t thread;

    /* Under the lock. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool dirty, stop;
    enum err refused;
    char message[600];
};

/* ---- files ---- */

/* Makes the directories above a path. */
static enum err make_directories(struct registry_tiles *t, const char *path)
{
    char part[TILE_PATH_SIZE];
    enum err err;

    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        if ((err = t->files.disk->ops->mkdir(t->files.disk, part)) != OK)
            return err;
    }
    return OK;
}

static enum err write_file(struct registry_tiles *t, const char *path)
{
    struct disk *disk = t->files.disk;
    struct bytes bytes = bytes_of(t->bytes.data, t->bytes.len);
    struct file *file;
    enum err err = disk_open(disk, path, DISK_WRITE | DISK_CREATE, &file);

    if (err == ERR_NOT_FOUND && (err = make_directories(t, path)) == OK)
        err = disk_open(disk, path, DISK_WRITE | DISK_CREATE, &file);
    if (err != OK)
        return err;
    if ((err = file_truncate(file, 0)) == OK)
        err = file_write(file, 0, &bytes, 1);
    if (err == OK)
        file_advise(file, 0, bytes.len, FILE_WRITTEN);
    file_close(file);
    return err;
}

/* The names above a path, unless its directory was the last. */
static enum err sync_directories(struct registry_tiles *t, const char *path)
{
    char part[TILE_PATH_SIZE];
    char *slash;
    enum err err;

    snprintf(part, sizeof part, "%s", path);
    if ((slash = strrchr(part, '/')))
        *slash = '\0';
    if (strcmp(part, t->directory) == 0)
        return OK;
    snprintf(t->directory, sizeof t->directory, "%s", part);
    for (; slash; slash = strrchr(part, '/')) {
        if ((err = t->files.disk->ops->sync_dir(t->files.disk, part)) != OK)
            return err;
        if ((slash = strrchr(part, '/')))
            *slash = '\0';
    }
    return t->files.disk->ops->sync_dir(t->files.disk, ".");
}

static enum err sync_file(struct registry_tiles *t, const char *path)
{
    struct file *file;
    enum err err = disk_open(t->files.disk, path, DISK_WRITE, &file);

    if (err != OK)
        return err;
    err = file_sync(file);
    file_close(file);
    return err == OK ? sync_directories(t, path) : err;
}

/* ---- what is in them ---- */

static enum err fill_hashes(struct registry_tiles *t, unsigned level, uint64_t first, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct digest hash;
        enum err err = t->tree.source.node(&t->tree.source, 8 * level, first + i, &hash);
        if (err != OK)
            return err;
        text_add_bytes(&t->bytes, bytes_of(hash.bytes, DIGEST_LEN));
    }
    return OK;
}

static enum err fill_entries(struct registry_tiles *t, uint64_t first, unsigned count, size_t ends[TILE_LEAVES])
{
    sqlite3_stmt *s = registry_db_use(&t->db, ENTRIES_FROM);
    struct cell c[COLUMNS_MAX];
    unsigned n = 0;
    enum err err;

    registry_db_bind(s, 1, cell_number(first));
    registry_db_bind(s, 2, cell_number(count));
    while ((err = registry_db_step(&t->db, s)) == OK) {
        if ((err = registry_row_read(&t->db, s, TABLE_ENTRY, c, NULL)) != OK)
            break;
        tile_entry_add(&t->bytes, c[ENTRY_LEAF].bytes);
        ends[n++] = t->bytes.len;
    }
    sqlite3_reset(s);
    if (err == ERR_NOT_FOUND)
        err = n == count ? OK : registry_db_fail(&t->db, ERR_CORRUPT, "entry %" PRIu64 " is missing", first + n);
    return err;
}

/* Writes a tile of the log of `size` entries.  What the checkpoint that was found covers, and the registry had not at
 * that time, is compared. */
static enum err write_tile(struct registry_tiles *t, unsigned level, uint64_t number, unsigned width)
{
    uint64_t first = number * TILE_LEAVES;
    size_t ends[TILE_LEAVES];
    char path[TILE_PATH_SIZE];
    enum err err;

    t->bytes.len = 0;
    err = level == TILE_ENTRIES ? fill_entries(t, first, width, ends) : fill_hashes(t, level, first, width);
    if (err == OK && text_failed(&t->bytes))
        err = ERR_NOMEM;
    if (err == OK)
        err = tile_files_check(&t->files, &(struct tile_content){.level = level,
                                                                 .number = number,
                                                                 .count = width,
                                                                 .bytes = bytes_of(t->bytes.data, t->bytes.len),
                                                                 .ends = level == TILE_ENTRIES ? ends : NULL});
    if (err != OK)
        return err;
    tile_path(level, number, width, path);
    return tile_files_has(&t->files, path, bytes_of(t->bytes.data, t->bytes.len)) ? OK : write_file(t, path);
}

static enum err sync_tile(struct registry_tiles *t, unsigned level, uint64_t number, unsigned width)
{
    char path[TILE_PATH_SIZE];

    tile_path(level, number, width, path);
    return sync_file(t, path);
}

/* Each tile of the log of `size` entries that it had not, or not so wide, with `from`. */
static enum err each_tile(struct registry_tiles *t, uint64_t from, uint64_t size,
                          enum err (*visit)(struct registry_tiles *t, unsigned level, uint64_t number, unsigned width))
{
    for (unsigned level = 0; level <= TILE_ENTRIES; level++) {
        uint64_t count = tile_count(level, size), number = tile_count(level, from) / TILE_LEAVES;
        enum err err;
        for (; number < count / TILE_LEAVES; number++)
            if ((err = visit(t, level, number, TILE_LEAVES)) != OK)
                return err;
        if (count % TILE_LEAVES != 0 && (err = visit(t, level, number, (unsigned)(count % TILE_LEAVES))) != OK)
            return err;
    }
    return OK;
}

/* ---- the checkpoint ---- */

static enum err write_checkpoint(struct registry_tiles *t, struct bytes note)
{
    struct disk *disk = t->files.disk;
    enum err err;

    t->bytes.len = 0;
    text_add_bytes(&t->bytes, note);
    if ((err = write_file(t, "checkpoint.new")) != OK || (err = sync_file(t, "checkpoint.new")) != OK ||
        (err = disk->ops->rename(disk, "checkpoint.new", "checkpoint")) != OK)
        return err;
    return disk->ops->sync_dir(disk, ".");
}

/* What was partial and is whole now; nobody needs it, so failing to is nothing. */
static void remove_partial(struct registry_tiles *t, uint64_t from, uint64_t size)
{
    for (unsigned level = 0; level <= TILE_ENTRIES; level++) {
        uint64_t number = tile_count(level, from) / TILE_LEAVES;
        char path[TILE_PATH_SIZE], whole[sizeof t->files.directory + TILE_PATH_SIZE];
        if (tile_count(level, from) % TILE_LEAVES == 0 || tile_count(level, size) / TILE_LEAVES == number)
            continue;
        for (unsigned width = 1; width < TILE_LEAVES; width++) {
            tile_path(level, number, width, path);
            (void)!t->files.disk->ops->unlink(t->files.disk, path);
        }
        *strrchr(path, '/') = '\0';
        snprintf(whole, sizeof whole, "%s/%s", t->files.directory, path);
        (void)remove(whole);
    }
}

/* ---- a round ---- */

/* The checkpoint that was found is about the entries that the registry has come to have. */
static enum err compare_root(struct registry_tiles *t)
{
    struct digest root;
    enum err err = merkle_root(&t->tree.source, t->files.found.size, &root);

    return err == OK ? tile_files_check_root(&t->files, &root) : err;
}

static enum err write_log(struct registry_tiles *t, uint64_t size, struct bytes note)
{
    uint64_t from = t->files.from;
    enum err err;

    if (t->files.found.size > 0 && (err = compare_root(t)) != OK)
        return err;
    t->directory[0] = '\0';
    if ((err = each_tile(t, from, size, write_tile)) != OK || (err = each_tile(t, from, size, sync_tile)) != OK ||
        (err = write_checkpoint(t, note)) != OK)
        return err;
    remove_partial(t, t->published, size);
    t->published = t->files.from = size;
    t->files.found.size = 0; /* all of that was compared */
    return OK;
}

static enum err round_of(struct registry_tiles *t)
{
    sqlite3_stmt *s;
    struct cell c[COLUMNS_MAX];
    uint64_t size;
    enum err err = registry_db_do(&t->db, BEGIN_READ);

    if (err != OK)
        return err;
    s = registry_db_use(&t->db, CHECKPOINT_LAST);
    if ((err = registry_db_step(&t->db, s)) != OK)
        return err == ERR_NOT_FOUND ? OK : err; /* an empty log has no files */
    if ((err = registry_row_read(&t->db, s, TABLE_CHECKPOINT, c, NULL)) != OK)
        return err;
    size = (uint64_t)c[CHECKPOINT_ID].number;
    if (size < t->published || (size == t->published && t->files.from >= size))
        return OK; /* the files are ahead, or all there */
    db_tree_init(&t->tree, &t->db, size);
    return write_log(t, size, c[CHECKPOINT_NOTE].bytes);
}

static void one_round(struct registry_tiles *t)
{
    enum err err;

    t->why[0] = '\0';
    t->db.failure[0] = '\0';
    err = round_of(t);
    registry_db_rollback(&t->db);
    if (err == OK)
        return;
    if (!t->why[0])
        snprintf(t->why, sizeof t->why, REGISTRY_LOG_DIRECTORY "/: %s",
                 t->db.failure[0] ? t->db.failure : err_text(err));
    pthread_mutex_lock(&t->lock);
    if (err == ERR_CORRUPT) {
        t->refused = err;
        snprintf(t->message, sizeof t->message, "%s", t->why);
    } else {
        t->dirty = true; /* again in the next round */
    }
    pthread_mutex_unlock(&t->lock);
    log_warn(t->log, "notary", "the log's files could not be written%s: %s", err == ERR_CORRUPT ? "" : " now", t->why);
}

/* ---- the thread ---- */

/* Lets others collect for a while; returns at once when it is to end. */
static void pace(struct registry_tiles *t)
{
    const struct timespec until = deadline_time(PACE_MS);

    while (!t->stop && pthread_cond_timedwait(&t->changed, &t->lock, &until) == 0)
        ;
}

static void *run(void *ctx)
{
    struct registry_tiles *t = ctx;
    bool last = false;

    pthread_mutex_lock(&t->lock);
    while (!last && t->refused == OK) {
        while (!t->dirty && !t->stop)
            pthread_cond_wait(&t->changed, &t->lock);
        last = t->stop;
        if (t->dirty) {
            t->dirty = false;
            pthread_mutex_unlock(&t->lock);
            one_round(t);
            pthread_mutex_lock(&t->lock);
            pace(t);
        }
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

static void release(struct registry_tiles *t)
{
    tile_files_close(&t->files);
    registry_db_close(&t->db);
    text_deinit(&t->bytes);
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

static struct registry_tiles *registry_tiles_new(struct log *log)
{
    struct registry_tiles *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    deadline_cond_init(&t->changed);
    pthread_mutex_init(&t->lock, NULL);
    text_init(&t->bytes, TILE_BUNDLE_MAX);
    t->log = log;
    t->dirty = true; /* something may be missing */
    return t;
}

enum err registry_tiles_start(struct registry_tiles **out, const struct tile_files *files, const char *database,
                              struct log *log)
{
    struct registry_tiles *t = registry_tiles_new(log);
    enum err err;

    if (!t)
        return ERR_NOMEM;
    t->files = *files;
    t->owner = *files->owner;
    t->files.owner = &t->owner;
    t->files.message = t->why;
    t->files.message_size = sizeof t->why;
    t->published = files->found.size;
    if ((err = registry_db_open(&t->db, database, true)) == OK && pthread_create(&t->thread, NULL, run, t) != 0)
        err = ERR_NOMEM;
    if (err != OK) {
        t->files = (struct tile_files){0}; /* still the caller's */
        release(t);
        return err;
    }
    *out = t;
    return OK;
}

void registry_tiles_wake(struct registry_tiles *t)
{
    pthread_mutex_lock(&t->lock);
    t->dirty = true;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

enum err registry_tiles_state(struct registry_tiles *t, char *message, size_t message_size)
{
    enum err err;

    pthread_mutex_lock(&t->lock);
    if ((err = t->refused) != OK)
        snprintf(message, message_size, "%s", t->message);
    pthread_mutex_unlock(&t->lock);
    return err;
}

void registry_tiles_stop(struct registry_tiles *t)
{
    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    t->stop = true;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
    release(t);
}
