/* SPDX-License-Identifier: Apache-2.0
 *
 * registry_tiles.h - DIR/log: the log as files (tiles.h), written behind the registry and compared with it.
 *
 * What is not covered by the file `checkpoint` is unfinished, and written over.  What it covers is there for good: a
 * file that is missing is written again, one that says anything else than the registry is refused.  The checkpoint may
 * be ahead of the registry, which was lost or lost its last documents with the power: then the files are compared when
 * the registry gets there.
 *
 * A thread of its own writes, at most once a second and once at the end: files, then their syncs, then the checkpoint,
 * renamed into its place.  It reads the registry through a connection of its own.  May call: base/, sys/disk.h, SQLite.
 */
#ifndef SERVICES_NOTARY_REGISTRY_TILES_H
#define SERVICES_NOTARY_REGISTRY_TILES_H

#include "base/log.h"
#include "services/notary/documents/checkpoint.h"
#include "services/notary/registry/registry_db.h"
#include "services/notary/registry/tiles.h"
#include "sys/disk.h"

#define REGISTRY_LOG_DIRECTORY "log"

/* The files. */
struct tile_files {
    struct disk *disk;
    char directory[4200];
    const struct registry_owner *owner;
    struct checkpoint found; /* at the opening; size 0: none */
    uint64_t from;           /* everything that the log of so many entries has is there */
    struct text read;        /* the last file read */
    char *message;           /* what is wrong with a file, for ERR_CORRUPT */
    size_t message_size;
};

/* Reads the checkpoint.  ERR_CORRUPT, said: it is not one of this log, or the key did not sign it. */
MUST_USE enum err tile_files_open(struct tile_files *f, const char *directory, const struct registry_owner *owner,
                                  char *message, size_t message_size);
void tile_files_close(struct tile_files *f);

/* A tile as the registry has it: `count` hashes or entries, of which entry i ends at ends[i]. */
struct tile_content {
    unsigned level;
    uint64_t number;
    size_t count;
    struct bytes bytes;
    const size_t *ends;
};

/* Compares all files of this tile that are covered; says ERR_CORRUPT, naming the first bad entry.  Notes what is
 * missing. */
MUST_USE enum err tile_files_check(struct tile_files *f, const struct tile_content *tile);
/* Whether a file is there and says this. */
bool tile_files_has(struct tile_files *f, const char *path, struct bytes bytes);
/* The root of the first f->found.size entries. */
MUST_USE enum err tile_files_check_root(struct tile_files *f, const struct digest *root);

/* ---- writing ---- */

struct registry_tiles;

/* `files` (copied, taken on success) were compared as far as the registry goes.  `database`: the path of the registry.
 */
MUST_USE enum err registry_tiles_start(struct registry_tiles **out, const struct tile_files *files,
                                       const char *database, struct log *log);
/* The log has grown. */
void registry_tiles_wake(struct registry_tiles *t);
/* OK, or what was found wrong with a file; the sentence into `message`. */
MUST_USE enum err registry_tiles_state(struct registry_tiles *t, char *message, size_t message_size);
/* Writes what is left, and ends.  NULL is fine. */
void registry_tiles_stop(struct registry_tiles *t);

#endif
