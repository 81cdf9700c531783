/* SPDX-License-Identifier: Apache-2.0
 *
 * backup.c - see backup.h.
 */
#include "store/backup.h"

#include "base/checksum.h"
#include "store/catalog_index.h"
#include "store/format.h"
#include "store/journal_file.h"
#include "store/lost.h"
#include "store/segment.h"
#include "store/small_file.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define CHUNK        (1024u * 1024)
#define STEP         8u                   /* chunks */
#define LIST_MAX     (256u * 1024 * 1024) /* of the file "backup": millions of files */
#define RESTORED_MAX 96                   /* bytes of the file "restored" */
#define FIRST_LINE   "geminga backup 1 "
#define END_LINE     "\nend "

const char *const backup_own_files[] = {
    FORMAT_PATH, CATALOG_PATH, CATALOG_PATH "-wal", CATALOG_PATH "-journal", LOST_PATH, RESTORED_PATH, NULL};

static const char *const folders[] = {JOURNAL_DIR, SEGMENT_DIR};
#define FOLDERS (sizeof folders / sizeof folders[0])

static enum err failed(struct backup_copier *c, const char *path, const char *what, enum err err)
{
    snprintf(c->message, sizeof c->message, "%s %s: %s", path, what, err_text(err));
    return err;
}

/* ---- begin and end ---- */

static void anything(void *ctx, const char *name)
{
    *(bool *)ctx = true;
    (void)name;
}

static enum err check_empty(struct backup_copier *c)
{
    bool found = false;
    const enum err err = c->to->ops->list(c->to, ".", anything, &found);

    if (err != OK)
        return failed(c, "the directory to write to", "cannot be read", err);
    if (!found)
        return OK;
    snprintf(c->message, sizeof c->message, "the directory to write to is not empty");
    return ERR_EXISTS;
}

static enum err make_folders(struct backup_copier *c)
{
    enum err err = OK;

    for (size_t i = 0; i < FOLDERS && err == OK; i++) {
        if ((err = c->to->ops->mkdir(c->to, folders[i])) != OK)
            (void)failed(c, folders[i], "cannot be made", err);
    }
    return err;
}

enum err backup_copier_init(struct backup_copier *c, struct disk *from, struct disk *to, int64_t wall_ms)
{
    enum err err;

    *c = (struct backup_copier){.from = from, .to = to};
    text_init(&c->lines, LIST_MAX);
    text_printf(&c->lines, FIRST_LINE "%" PRId64 "\n", wall_ms);
    if ((err = check_empty(c)) != OK)
        return err;
    if (!(c->memory = malloc(CHUNK + DISK_ALIGN)))
        return failed(c, "a buffer", "cannot be had", ERR_NOMEM);
    c->chunk = disk_align(c->memory);
    return make_folders(c);
}

static void close_files(struct backup_copier *c)
{
    file_close(c->in);
    file_close(c->out);
    c->in = c->out = NULL;
}

void backup_copier_deinit(struct backup_copier *c)
{
    close_files(c);
    text_deinit(&c->lines);
    free(c->memory);
    c->memory = c->chunk = NULL;
}

static enum err sync_names(struct backup_copier *c)
{
    enum err err = OK;

    for (size_t i = 0; i < FOLDERS && err == OK; i++)
        err = c->to->ops->sync_dir(c->to, folders[i]);
    return err == OK ? c->to->ops->sync_dir(c->to, ".") : err;
}

enum err backup_finish(struct backup_copier *c)
{
    const uint32_t crc = crc32c(0, bytes_of(c->lines.data, c->lines.len));
    enum err err;

    assert(!c->in);
    text_printf(&c->lines, "end %" PRIu64 " %08" PRIx32 "\n", c->report.files, crc);
    if (text_failed(&c->lines))
        return failed(c, "the list of files", "has no room", ERR_NOMEM);
    if ((err = sync_names(c)) != OK ||
        (err = small_file_write(c->to, BACKUP_PATH, bytes_of(c->lines.data, c->lines.len))) != OK ||
        (err = c->to->ops->sync_dir(c->to, ".")) != OK)
        return failed(c, BACKUP_PATH, "cannot be written", err);
    return OK;
}

/* ---- one file ---- */

enum err backup_file_begin(struct backup_copier *c, const char *path, uint64_t limit)
{
    enum err err;

    assert(!c->in);
    snprintf(c->path, sizeof c->path, "%s", path);
    c->at = 0;
    c->limit = limit;
    c->crc = 0;
    if ((err = disk_open(c->from, path, DISK_READ | DISK_DIRECT, &c->in)) != OK)
        return failed(c, path, "cannot be read", err);
    if ((err = disk_open(c->to, path, DISK_WRITE | DISK_CREATE | DISK_EXCLUSIVE | DISK_DIRECT, &c->out)) != OK) {
        close_files(c);
        return failed(c, path, "cannot be made", err);
    }
    return OK;
}

/* *more: neither the file's end nor the limit was reached. */
static enum err copy_chunk(struct backup_copier *c, bool *more)
{
    const uint64_t left = c->limit - c->at;
    const size_t want = left < CHUNK ? (size_t)left : CHUNK;
    size_t got = 0;
    enum err err;

    if (want > 0 && (err = file_read(c->in, c->at, c->chunk, want, &got)) != OK)
        return failed(c, c->path, "cannot be read", err);
    const struct bytes part = bytes_of(c->chunk, got);
    c->crc = crc32c(c->crc, part);
    if (got > 0 && (err = file_write(c->out, c->at, &part, 1)) != OK)
        return failed(c, c->path, "cannot be written", err);
    c->at += got;
    *more = got == CHUNK;
    return OK;
}

static void file_done(struct backup_copier *c)
{
    close_files(c);
    c->report.files++;
    text_printf(&c->lines, "%s %" PRIu64 " %08" PRIx32 "\n", c->path, c->at, c->crc);
}

enum err backup_file_step(struct backup_copier *c, bool *done)
{
    const uint64_t before = c->at;
    bool more = true;
    enum err err = OK;

    for (unsigned i = 0; i < STEP && more && err == OK; i++)
        err = copy_chunk(c, &more);
    if (err == OK && (err = file_sync(c->out)) != OK)
        (void)failed(c, c->path, "cannot be synced", err);
    if (err != OK) {
        close_files(c);
        return err;
    }
    c->report.bytes += c->at - before;
    if (!more)
        file_done(c);
    *done = !more;
    return OK;
}

enum err backup_file(struct backup_copier *c, const char *path, uint64_t limit)
{
    bool done = false;
    enum err err = backup_file_begin(c, path, limit);

    while (err == OK && !done)
        err = backup_file_step(c, &done);
    return err;
}

/* ---- all files ---- */

struct folder_names {
    char **list;
    size_t count, capacity;
    enum err err;
};

static void name_found(void *ctx, const char *name)
{
    struct folder_names *n = ctx;

    if (n->err != OK)
        return;
    if (n->count == n->capacity) {
        const size_t wanted = n->capacity ? n->capacity * 2 : 64;
        char **grown = realloc(n->list, wanted * sizeof *grown);
        if (!grown) {
            n->err = ERR_NOMEM;
            return;
        }
        n->list = grown;
        n->capacity = wanted;
    }
    if (!(n->list[n->count] = strdup(name)))
        n->err = ERR_NOMEM;
    else
        n->count++;
}

static void names_free(struct folder_names *n)
{
    for (size_t i = 0; i < n->count; i++)
        free(n->list[i]);
    free(n->list);
}

static int by_text(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static enum err copy_folder(struct backup_copier *c, const char *folder)
{
    struct folder_names names = {0};
    char path[BACKUP_TEXT_MAX];
    enum err err = c->from->ops->list(c->from, folder, name_found, &names);

    if (err == OK)
        err = names.err;
    if (err != OK)
        (void)failed(c, folder, "cannot be listed", err);
    if (names.count > 1)
        qsort(names.list, names.count, sizeof *names.list, by_text);
    for (size_t i = 0; i < names.count && err == OK; i++) {
        snprintf(path, sizeof path, "%s/%.250s", folder, names.list[i]);
        err = backup_file(c, path, UINT64_MAX);
    }
    names_free(&names);
    return err;
}

static enum err copy_own(struct backup_copier *c)
{
    enum err err = OK;

    for (size_t i = 0; backup_own_files[i] && err == OK; i++) {
        err = backup_file(c, backup_own_files[i], UINT64_MAX);
        if (err == ERR_NOT_FOUND)
            err = OK;
    }
    return err;
}

/* The caller's results. */
static enum err hand_over(struct backup_copier *c, enum err err, struct backup_report *report, char *message,
                          size_t message_size)
{
    *report = c->report;
    if (err != OK)
        snprintf(message, message_size, "%s", c->message);
    backup_copier_deinit(c);
    return err;
}

enum err backup_copy(struct disk *from, struct disk *to, int64_t wall_ms, struct backup_report *report, char *message,
                     size_t message_size)
{
    struct backup_copier c;
    enum err err = backup_copier_init(&c, from, to, wall_ms);

    if (err == OK)
        err = copy_own(&c);
    for (size_t i = 0; i < FOLDERS && err == OK; i++)
        err = copy_folder(&c, folders[i]);
    if (err == OK)
        err = backup_finish(&c);
    return hand_over(&c, err, report, message, message_size);
}

/* ---- a restore ---- */

/* The list, without its last line, NUL-terminated. */
struct manifest {
    char *text;
    int64_t made_ms;
    uint64_t files; /* promised by the last line */
};

static bool manifest_parse(struct manifest *m)
{
    char *end = strstr(m->text, END_LINE);
    uint32_t crc;

    if (!end || sscanf(end, END_LINE "%" SCNu64 " %" SCNx32, &m->files, &crc) != 2 ||
        crc != crc32c(0, bytes_of(m->text, (size_t)(end + 1 - m->text))) ||
        sscanf(m->text, FIRST_LINE "%" SCNd64, &m->made_ms) != 1)
        return false;
    end[1] = '\0';
    return true;
}

static enum err manifest_read(struct backup_copier *c, struct manifest *m)
{
    size_t len = 0;
    const enum err err = small_file_read(c->from, BACKUP_PATH, LIST_MAX, &m->text, &len);

    if (err == ERR_NOT_FOUND)
        return failed(c, "the file \"" BACKUP_PATH "\"", "is missing: the directory holds no whole backup", err);
    if (err != OK)
        return failed(c, BACKUP_PATH, "cannot be read", err);
    return manifest_parse(m) ? OK : failed(c, BACKUP_PATH, "does not match its checksum", ERR_CORRUPT);
}

/* What a backup can hold, and nothing else: the list may come from anywhere. */
static bool is_file_of_backup(const char *path)
{
    for (size_t i = 0; backup_own_files[i]; i++) {
        if (strcmp(path, backup_own_files[i]) == 0)
            return true;
    }
    for (size_t i = 0; i < FOLDERS; i++) {
        const size_t len = strlen(folders[i]);
        if (strncmp(path, folders[i], len) == 0 && path[len] == '/')
            return path[len + 1] && path[len + 1] != '.' && !strchr(path + len + 1, '/');
    }
    return false;
}

static enum err restore_file(struct backup_copier *c, const char *line)
{
    uint64_t size;
    uint32_t crc;
    char path[BACKUP_TEXT_MAX];
    enum err err;

    if (sscanf(line, "%299s %" SCNu64 " %" SCNx32, path, &size, &crc) != 3 || !is_file_of_backup(path))
        return failed(c, BACKUP_PATH, "names what cannot be a file of a backup", ERR_CORRUPT);
    if ((err = backup_file(c, path, UINT64_MAX)) != OK)
        return err;
    if (size == c->at && crc == c->crc)
        return OK;
    snprintf(c->message, sizeof c->message,
             "%s of the backup is damaged: it does not match the length and the checksum that it was written with",
             path);
    return ERR_CORRUPT;
}

/* Behind all that lives which went on from the same backup may have given. */
static enum err write_restored(struct backup_copier *c, int64_t wall_ms)
{
    char text[RESTORED_MAX];
    int len = snprintf(text, sizeof text, "geminga restored %" PRIu64, (uint64_t)(wall_ms / 1000) << 20);

    len += snprintf(text + len, sizeof text - (size_t)len, " %08" PRIx32 "\n", crc32c(0, bytes_of(text, (size_t)len)));
    const enum err err = small_file_write(c->to, RESTORED_PATH, bytes_of(text, (size_t)len));
    return err == OK ? OK : failed(c, RESTORED_PATH, "cannot be written", err);
}

static enum err restore_files(struct backup_copier *c, struct manifest *m)
{
    char *rest = strchr(m->text, '\n');
    enum err err = OK;

    for (char *line; err == OK && (line = strsep(&rest, "\n"));) {
        if (*line)
            err = restore_file(c, line);
    }
    if (err == OK && c->report.files != m->files)
        err = failed(c, BACKUP_PATH, "promises another number of files", ERR_CORRUPT);
    return err;
}

static enum err restore(struct backup_copier *c, struct manifest *m, int64_t wall_ms)
{
    enum err err;

    if ((err = manifest_read(c, m)) != OK)
        return err;
    if (wall_ms < m->made_ms) {
        snprintf(c->message, sizeof c->message,
                 "the clock of this machine stands before the time of the backup: ids could be given twice");
        return ERR_INVALID;
    }
    if ((err = restore_files(c, m)) != OK || (err = write_restored(c, wall_ms)) != OK)
        return err;
    return (err = sync_names(c)) == OK ? OK : failed(c, "the directory", "cannot be synced", err);
}

enum err backup_restore(struct disk *from, struct disk *to, int64_t wall_ms, struct backup_report *report,
                        char *message, size_t message_size)
{
    struct backup_copier c;
    struct manifest m = {0};
    enum err err = backup_copier_init(&c, from, to, wall_ms);

    if (err == OK)
        err = restore(&c, &m, wall_ms);
    free(m.text);
    return hand_over(&c, err, report, message, message_size);
}

static bool restored_parse(const char *text, uint64_t *first)
{
    const char *last = strrchr(text, ' ');
    uint32_t crc;

    return last && sscanf(text, "geminga restored %" SCNu64 " %" SCNx32, first, &crc) == 2 && *first <= INT64_MAX &&
           crc == crc32c(0, bytes_of(text, (size_t)(last - text)));
}

enum err backup_first_id(struct disk *disk, uint64_t *id)
{
    uint64_t first = 0;
    char *text = NULL;
    size_t len;
    enum err err = small_file_read(disk, RESTORED_PATH, RESTORED_MAX, &text, &len);

    if (err == ERR_TOO_LARGE || (err == OK && !restored_parse(text, &first)))
        err = ERR_CORRUPT;
    free(text);
    if (err != OK && err != ERR_NOT_FOUND)
        return err;
    *id = first;
    return OK;
}
