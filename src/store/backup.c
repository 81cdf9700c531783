/* SPDX-License-Identifier: Apache-2.0
 *
 * backup.c - see backup.h.
 */
#include "store/backup.h"

#include "base/checksum.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define CHUNK      (1024u * 1024)
#define LIST_MAX   (256u * 1024 * 1024) /* of the file "backup": two million files */
#define FIRST_LINE "geminga backup 1\n"
#define PATH_SIZE  300

static const char *const folders[] = {"", "journal", "segments"};
#define FOLDERS (sizeof folders / sizeof folders[0])

struct names {
    char **list;
    size_t count, capacity;
    enum err err;
};

struct copying {
    struct disk *from, *to;
    struct backup_report *report;
    struct text lines; /* of the file "backup" */
    uint8_t *chunk;
    char *message;
    size_t message_size;
};

/* ---- names ---- */

static void name_found(void *ctx, const char *name)
{
    struct names *n = ctx;

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

static void names_free(struct names *n)
{
    for (size_t i = 0; i < n->count; i++)
        free(n->list[i]);
    free(n->list);
}

static int by_text(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static enum err names_of(struct disk *disk, const char *folder, struct names *n)
{
    enum err err = disk->ops->list(disk, *folder ? folder : ".", name_found, n);

    if (err == OK)
        err = n->err;
    if (err == OK && n->count > 1)
        qsort(n->list, n->count, sizeof *n->list, by_text);
    return err;
}

static void anything(void *ctx, const char *name)
{
    *(bool *)ctx = true;
    (void)name;
}

bool backup_is_empty(struct disk *disk)
{
    bool found = false;

    return disk->ops->list(disk, ".", anything, &found) == OK && !found;
}

/* ---- one file ---- */

static enum err failed(struct copying *c, const char *what, const char *path, enum err err)
{
    snprintf(c->message, c->message_size, "%s %s: %s", path, what, err_text(err));
    return err;
}

static enum err copy_bytes(struct copying *c, struct file *from, struct file *to, uint64_t *size, uint32_t *crc)
{
    size_t got = CHUNK;
    enum err err;

    *size = 0;
    *crc = 0;
    while (got == CHUNK) {
        if ((err = file_read(from, *size, c->chunk, CHUNK, &got)) != OK)
            return err;
        const struct bytes part = bytes_of(c->chunk, got);
        *crc = crc32c(*crc, part);
        if (got > 0 && (err = file_write(to, *size, &part, 1)) != OK)
            return err;
        *size += got;
    }
    return file_sync(to);
}

static enum err copy_file(struct copying *c, const char *path, uint64_t *size, uint32_t *crc)
{
    struct file *from = NULL, *to = NULL;
    enum err err = disk_open(c->from, path, DISK_READ | DISK_DIRECT, &from);

    if (err != OK)
        return failed(c, "cannot be read", path, err);
    if ((err = disk_open(c->to, path, DISK_WRITE | DISK_CREATE | DISK_EXCLUSIVE, &to)) == OK)
        err = copy_bytes(c, from, to, size, crc);
    file_close(from);
    file_close(to);
    if (err != OK)
        return failed(c, "cannot be copied", path, err);
    c->report->files++;
    c->report->bytes += *size;
    return OK;
}

static enum err sync_names(struct copying *c)
{
    enum err err = OK;

    for (size_t i = 0; i < FOLDERS && err == OK; i++)
        err = c->to->ops->sync_dir(c->to, *folders[i] ? folders[i] : ".");
    return err;
}

static enum err make_folders(struct copying *c)
{
    enum err err = OK;

    for (size_t i = 1; i < FOLDERS && err == OK; i++)
        err = c->to->ops->mkdir(c->to, folders[i]);
    return err == OK ? OK : failed(c, "cannot be made", folders[1], err);
}

static enum err write_text(struct disk *disk, const char *path, struct bytes text)
{
    struct file *f = NULL;
    enum err err = disk_open(disk, path, DISK_WRITE | DISK_CREATE, &f);

    if (err == OK && (err = file_truncate(f, 0)) == OK && (err = file_write(f, 0, &text, 1)) == OK)
        err = file_sync(f);
    file_close(f);
    return err;
}

/* ---- a backup ---- */

/* What is the directory's own: a lock is not data, and folders are walked by themselves. */
static bool is_ours(const char *name)
{
    static const char *const files[] = {"format",           "catalog.db", "catalog.db-wal",
                                        "catalog.snapshot", "given-up",   RESTORED_PATH};

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (strcmp(name, files[i]) == 0)
            return true;
    }
    return false;
}

static enum err copy_folder(struct copying *c, const char *folder)
{
    struct names names = {0};
    char path[PATH_SIZE];
    enum err err = names_of(c->from, folder, &names);

    if (err != OK)
        (void)failed(c, "cannot be listed", *folder ? folder : "the directory", err);
    for (size_t i = 0; i < names.count && err == OK; i++) {
        uint64_t size;
        uint32_t crc;
        if (!*folder && !is_ours(names.list[i]))
            continue;
        snprintf(path, sizeof path, "%s%s%.200s", folder, *folder ? "/" : "", names.list[i]);
        if ((err = copy_file(c, path, &size, &crc)) == OK)
            text_printf(&c->lines, "%s %" PRIu64 " %08" PRIx32 "\n", path, size, crc);
    }
    names_free(&names);
    return err;
}

static enum err write_list(struct copying *c)
{
    const uint32_t crc = crc32c(0, bytes_of(c->lines.data, c->lines.len));
    enum err err;

    text_printf(&c->lines, "end %" PRIu64 " %08" PRIx32 "\n", c->report->files, crc);
    if (text_failed(&c->lines))
        return failed(c, "has no room", "the list of files", ERR_NOMEM);
    if ((err = sync_names(c)) != OK ||
        (err = write_text(c->to, BACKUP_PATH, bytes_of(c->lines.data, c->lines.len))) != OK ||
        (err = c->to->ops->sync_dir(c->to, ".")) != OK)
        return failed(c, "cannot be written", BACKUP_PATH, err);
    return OK;
}

static enum err begin(struct copying *c)
{
    *c->report = (struct backup_report){0};
    text_init(&c->lines, LIST_MAX);
    if (!backup_is_empty(c->to)) {
        snprintf(c->message, c->message_size, "the directory to write to is not empty");
        return ERR_EXISTS;
    }
    if (!(c->chunk = malloc(CHUNK)))
        return failed(c, "cannot be had", "memory", ERR_NOMEM);
    return make_folders(c);
}

enum err backup_copy(struct disk *from, struct disk *to, struct backup_report *report, char *message,
                     size_t message_size)
{
    struct copying c = {.from = from, .to = to, .report = report, .message = message, .message_size = message_size};
    enum err err = begin(&c);

    text_add(&c.lines, FIRST_LINE);
    for (size_t i = 0; i < FOLDERS && err == OK; i++)
        err = copy_folder(&c, folders[i]);
    if (err == OK)
        err = write_list(&c);
    text_deinit(&c.lines);
    free(c.chunk);
    return err;
}

/* ---- a restore ---- */

/* The file "backup" as a text, to be freed, without its last line; *files: how many it promises. */
static enum err read_list(struct copying *c, char **out, uint64_t *files)
{
    struct file *f = NULL;
    char *text = NULL;
    uint64_t size = 0;
    uint32_t crc;
    size_t got = 0;
    enum err err = disk_open(c->from, BACKUP_PATH, DISK_READ, &f);

    if (err == OK && (err = file_size(f, &size)) == OK && size > LIST_MAX)
        err = ERR_CORRUPT;
    if (err == OK && !(text = malloc((size_t)size + 1)))
        err = ERR_NOMEM;
    if (err == OK)
        err = file_read(f, 0, text, (size_t)size, &got);
    file_close(f);
    if (err == OK) {
        text[got] = '\0';
        char *end = strstr(text, "\nend ");
        if (strncmp(text, FIRST_LINE, strlen(FIRST_LINE)) != 0 || !end ||
            sscanf(end, "\nend %" SCNu64 " %" SCNx32, files, &crc) != 2 ||
            crc != crc32c(0, bytes_of(text, (size_t)(end + 1 - text))))
            err = ERR_CORRUPT;
        else
            end[1] = '\0';
    }
    if (err != OK) {
        free(text);
        return err == ERR_NOT_FOUND ? failed(c, "is missing: the directory holds no whole backup", BACKUP_PATH, err)
                                    : failed(c, "does not hold", BACKUP_PATH, err);
    }
    *out = text;
    return OK;
}

static enum err restore_file(struct copying *c, const char *line)
{
    uint64_t size, size_found;
    uint32_t crc, crc_found;
    char path[PATH_SIZE];
    enum err err;

    if (sscanf(line, "%299s %" SCNu64 " %" SCNx32, path, &size, &crc) != 3 || path[0] == '/' || strstr(path, ".."))
        return failed(c, "does not hold", BACKUP_PATH, ERR_CORRUPT);
    if ((err = copy_file(c, path, &size_found, &crc_found)) != OK)
        return err;
    if (size != size_found || crc != crc_found) {
        snprintf(c->message, c->message_size,
                 "%s of the backup is damaged: it does not match the length and the checksum that it was written with",
                 path);
        return ERR_CORRUPT;
    }
    return OK;
}

static enum err write_restored(struct copying *c, int64_t wall_ms)
{
    char text[96];
    const uint64_t id = (uint64_t)(wall_ms > 0 ? wall_ms / 1000 : 0) << 20;
    int len = snprintf(text, sizeof text, "geminga restored %" PRIu64, id);

    len += snprintf(text + len, sizeof text - (size_t)len, " %08" PRIx32 "\n", crc32c(0, bytes_of(text, (size_t)len)));
    const enum err err = write_text(c->to, RESTORED_PATH, bytes_of(text, (size_t)len));
    return err == OK ? OK : failed(c, "cannot be written", RESTORED_PATH, err);
}

static enum err restore_all(struct copying *c, char *list, uint64_t files, int64_t wall_ms)
{
    char *rest = list + strlen(FIRST_LINE);
    enum err err = OK;

    for (char *line; err == OK && (line = strsep(&rest, "\n"));) {
        if (*line)
            err = restore_file(c, line);
    }
    if (err == OK && c->report->files != files)
        err = failed(c, "does not hold", BACKUP_PATH, ERR_CORRUPT);
    if (err == OK && (err = write_restored(c, wall_ms)) == OK && (err = sync_names(c)) != OK)
        (void)failed(c, "cannot be synced", "the directory", err);
    return err;
}

enum err backup_restore(struct disk *from, struct disk *to, int64_t wall_ms, struct backup_report *report,
                        char *message, size_t message_size)
{
    struct copying c = {.from = from, .to = to, .report = report, .message = message, .message_size = message_size};
    char *list = NULL;
    uint64_t files;
    enum err err = begin(&c);

    if (err == OK && (err = read_list(&c, &list, &files)) == OK)
        err = restore_all(&c, list, files, wall_ms);
    text_deinit(&c.lines);
    free(list);
    free(c.chunk);
    return err;
}

enum err backup_first_id(struct disk *disk, uint64_t *id)
{
    char text[96] = "";
    struct file *f = NULL;
    uint64_t first;
    uint32_t crc;
    size_t got = 0;
    enum err err = disk_open(disk, RESTORED_PATH, DISK_READ, &f);

    *id = 0;
    if (err == ERR_NOT_FOUND)
        return OK;
    if (err == OK)
        err = file_read(f, 0, text, sizeof text - 1, &got);
    file_close(f);
    if (err != OK)
        return err;
    text[got] = '\0';
    char *last = strrchr(text, ' ');
    if (!last || sscanf(text, "geminga restored %" SCNu64 " %" SCNx32, &first, &crc) != 2 || first > INT64_MAX ||
        crc != crc32c(0, bytes_of(text, (size_t)(last - text))))
        return ERR_CORRUPT;
    *id = first;
    return OK;
}
