/* SPDX-License-Identifier: Apache-2.0
 *
 * log_file.h - the embedded transparency log: one append-only file, and what is needed of it in memory.
 *
 * The file (log_format.h) is the only truth; the tree and the index by key are made again at each start, when every
 * byte is read and every checkpoint's root recomputed.  A log that is not what was written is refused, with the first
 * bad entry named.  An append is durable before it returns.  Belongs to one thread; calls may wait.  May call: base/,
 * sys/disk.h, the core beside it.
 */
#ifndef SERVICES_NOTARY_LOG_FILE_H
#define SERVICES_NOTARY_LOG_FILE_H

#include "base/log.h"
#include "services/notary/ports.h"
#include "sys/disk.h"

#define LOG_FILE_PATH "transparency.log"

struct log_file;

struct log_file_options {
    struct disk *disk;
    struct signer *signer; /* of the checkpoints */
    const char *url;       /* how the log is called in receipts; with the log id it is the checkpoints' origin */
    uint8_t seed[16];      /* of the index: random, so that nobody can choose keys that collide */
    /* Whether a record holds together, beyond its checksum. */
    bool (*record_holds)(struct bytes key, struct bytes leaf, struct bytes rest);
    struct log *log;
};

/* Opens the log, or begins it where there is none.  `message` is the sentence for the user on ERR_CORRUPT (damage, or a
 * hand in the file), ERR_INVALID (another key or url than the log was begun with) and ERR_VERSION; other errors are the
 * disk's, and ERR_NOMEM. */
MUST_USE enum err log_file_open(struct log_file **out, const struct log_file_options *options, char *message,
                                size_t message_size);

/* Seals the log and syncs the seal; a failure of that loses nothing.  NULL is fine. */
void log_file_close(struct log_file *l);

struct transparency_log *log_file_port(struct log_file *l);
uint64_t log_file_size(const struct log_file *l); /* entries */
struct digest log_file_root(const struct log_file *l);

/* That the log of `old_size` entries is the beginning of today's; 0 < old_size <= log_file_size (asserted).  ERR_IO,
 * ERR_CORRUPT, ERR_NOMEM. */
MUST_USE enum err log_file_consistency(struct log_file *l, uint64_t old_size, struct merkle_proof *out);

/* True when there is a log on the disk; it is not looked into. */
bool log_file_exists(struct disk *disk);

#endif
