/* SPDX-License-Identifier: Apache-2.0
 *
 * registry_tile_files.c - what DIR/log has, compared with what it must have.
 */
#include "services/notary/registry/registry_tiles.h"
#include "sys/disk_posix.h"

#include <inttypes.h>
#include <stdio.h>

#define refuse(f, ...)                                                                                                 \
    err_because(ERR_CORRUPT, (f)->message, (f)->message_size, REGISTRY_LOG_DIRECTORY "/" __VA_ARGS__)

/* The whole file into f->read.  ERR_NOT_FOUND. */
static enum err read_file(struct tile_files *f, const char *path)
{
    uint8_t chunk[16384];
    struct file *file;
    uint64_t at = 0;
    size_t got = sizeof chunk;
    enum err err = disk_open(f->disk, path, DISK_READ, &file);

    if (err != OK)
        return err;
    f->read.len = 0;
    for (; err == OK && got == sizeof chunk; at += got)
        if ((err = file_read(file, at, chunk, sizeof chunk, &got)) == OK)
            text_add_bytes(&f->read, bytes_of(chunk, got));
    file_close(file);
    if (err == OK && text_failed(&f->read)) { /* longer than any tile */
        text_deinit(&f->read);
        text_init(&f->read, TILE_BUNDLE_MAX + 1);
        return refuse(f, "%s was changed: it is too long", path);
    }
    return err;
}

static enum err read_checkpoint(struct tile_files *f)
{
    struct signature signature;
    enum err err = read_file(f, "checkpoint");

    if (err != OK)
        return err == ERR_NOT_FOUND ? OK : err;
    if (checkpoint_read(&f->found, &signature, bytes_of(f->read.data, f->read.len), f->owner->origin, &f->owner->key) !=
        OK)
        return refuse(f, "checkpoint was changed: it is no checkpoint of this log");
    if (!checkpoint_is_signed(&f->found, f->owner->origin, &f->owner->key, &signature))
        return refuse(f, "checkpoint was changed: it is not signed by the log's key");
    return OK;
}

enum err tile_files_open(struct tile_files *f, const char *directory, const struct registry_owner *owner, char *message,
                         size_t message_size)
{
    enum err err;

    memset(f, 0, sizeof *f);
    f->owner = owner;
    f->message = message;
    f->message_size = message_size;
    f->from = UINT64_MAX;
    text_init(&f->read, TILE_BUNDLE_MAX + 1);
    if ((size_t)snprintf(f->directory, sizeof f->directory, "%s/" REGISTRY_LOG_DIRECTORY, directory) >=
        sizeof f->directory)
        return ERR_INVALID;
    if ((err = disk_posix_new(&f->disk, f->directory)) == OK)
        err = read_checkpoint(f);
    if (err != OK)
        tile_files_close(f);
    return err;
}

void tile_files_close(struct tile_files *f)
{
    disk_posix_free(f->disk);
    f->disk = NULL;
    text_deinit(&f->read);
}

/* ---- comparing ---- */

/* The first of the tile's members that the file has otherwise. */
static size_t first_difference(const struct tile_content *tile, struct bytes file)
{
    size_t begin = 0, at = 0;

    for (; at < tile->count; at++) {
        size_t end = tile->ends ? tile->ends[at] : (at + 1) * DIGEST_LEN;
        if (file.len < end || memcmp(file.data + begin, tile->bytes.data + begin, end - begin) != 0)
            break;
        begin = end;
    }
    return at;
}

static enum err refuse_difference(struct tile_files *f, const struct tile_content *tile, const char *path)
{
    uint64_t at = tile->number * TILE_LEAVES + first_difference(tile, bytes_of(f->read.data, f->read.len));
    unsigned shift = tile->level == TILE_ENTRIES ? 0 : 8 * tile->level;

    if (shift == 0)
        return refuse(f, "%s was changed: entry %" PRIu64 " in it is not the one in the log", path, at);
    return refuse(f, "%s was changed: a hash in it is not that of the entries from %" PRIu64 " on", path, at << shift);
}

static void note_missing(struct tile_files *f, const struct tile_content *tile)
{
    uint64_t first = tile->number * TILE_LEAVES << (tile->level == TILE_ENTRIES ? 0 : 8 * tile->level);

    if (first < f->from)
        f->from = first;
}

/* One file, which has `width` members; the registry may have fewer of them, or more. */
static enum err check_file(struct tile_files *f, const struct tile_content *tile, unsigned width)
{
    size_t count = width < tile->count ? width : tile->count;
    size_t len = tile->ends ? tile->ends[count - 1] : count * DIGEST_LEN;
    struct tile_content part = *tile;
    char path[TILE_PATH_SIZE];
    enum err err;

    tile_path(tile->level, tile->number, width, path);
    if ((err = read_file(f, path)) == ERR_NOT_FOUND) {
        if (width == TILE_LEAVES)
            note_missing(f, tile);
        return OK;
    }
    if (err != OK)
        return err;
    if (count == width ? f->read.len == len : f->read.len >= len)
        if (memcmp(f->read.data, tile->bytes.data, len) == 0)
            return OK;
    part.count = count;
    return refuse_difference(f, &part, path);
}

enum err tile_files_check(struct tile_files *f, const struct tile_content *tile)
{
    uint64_t covered = tile_count(tile->level, f->found.size), first = tile->number * TILE_LEAVES;
    enum err err;

    if (first >= covered || tile->count == 0)
        return OK;
    if (covered - first >= TILE_LEAVES)
        return check_file(f, tile, TILE_LEAVES);
    note_missing(f, tile); /* it will be written with more */
    for (unsigned width = 1; width <= covered - first; width++)
        if ((err = check_file(f, tile, width)) != OK)
            return err;
    return OK;
}

bool tile_files_has(struct tile_files *f, const char *path, struct bytes bytes)
{
    return read_file(f, path) == OK && bytes_equal(bytes, bytes_of(f->read.data, f->read.len));
}

enum err tile_files_check_root(struct tile_files *f, const struct digest *root)
{
    if (digest_equal(root, &f->found.root))
        return OK;
    return refuse(f, "checkpoint has another root than the %" PRIu64 " entries that it is about", f->found.size);
}
