/* SPDX-License-Identifier: Apache-2.0
 *
 * log_file_private.h - what log_file.c and log_recovery.c share.
 */
#ifndef SERVICES_NOTARY_LOG_FILE_PRIVATE_H
#define SERVICES_NOTARY_LOG_FILE_PRIVATE_H

#include "base/map.h"
#include "services/notary/log_file.h"
#include "services/notary/log_reader.h"
#include "services/notary/log_tree.h"

struct log_file {
    struct transparency_log port;
    /* Set at opening. */
    struct disk *disk;
    struct file *file;
    struct signer *signer;
    struct log *log;
    char *url;
    struct text origin;
    uint8_t seed[16];
    bool (*record_holds)(struct bytes key, struct bytes leaf, struct bytes rest);
    /* The file. */
    uint64_t end;   /* where the next record goes */
    uint64_t batch; /* the last one; 0: none yet */
    bool sealed;    /* the last record is a seal */
    bool failed;    /* a sync failed, or what was written could not be cut: nothing is appended any more */
    struct log_reader reader;
    /* Derived from it. */
    struct log_tree tree;
    struct map index; /* log_file_hash of the key, or the next free number -> offset of the entry's record */
};

extern const struct transparency_log_ops log_file_ops;

uint64_t log_file_hash(const struct log_file *l, struct bytes key);
MUST_USE enum err log_file_index(struct log_file *l, uint64_t hash, uint64_t offset);
MUST_USE enum err log_file_read_tile(void *ctx, uint64_t offset, uint64_t first_index,
                                     struct digest leaves[LOG_TILE_LEAVES]);
void log_file_seal(struct log_file *l);
void log_file_free(struct log_file *l);

#endif
