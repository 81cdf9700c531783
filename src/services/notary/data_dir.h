/* SPDX-License-Identifier: Apache-2.0
 *
 * data_dir.h - a replica's data directory: its lock, the log's key, the registry.
 *
 * Opened in that order, closed in reverse.  The key is the log's, the same for all replicas; the registry is this
 * replica's, and made again from the journal when it is lost.  Belongs to one thread.  May call: base/, sys/, the core,
 * key_file.h, registry.h.
 */
#ifndef SERVICES_NOTARY_DATA_DIR_H
#define SERVICES_NOTARY_DATA_DIR_H

#include "base/log.h"
#include "services/notary/ports.h"
#include "services/notary/registry/registry.h"
#include "services/notary/settings.h"
#include "sys/sys.h"

struct data_dir;

/* `message` is the sentence for the user.  ERR_BUSY: another notary has the directory; ERR_CORRUPT, ERR_INVALID,
 * ERR_VERSION: key or registry are not what they should be.  `settings` and `log` outlive it. */
MUST_USE enum err data_dir_open(struct data_dir **out, const struct notary_own_settings *settings, struct log *log,
                                char *message, size_t message_size);
void data_dir_close(struct data_dir *d); /* NULL is fine */

/* Valid as long as it is open. */
struct sys *data_dir_sys(struct data_dir *d); /* its clocks are for any thread; its loop does not run */
struct signer *data_dir_log_key(struct data_dir *d);
struct registry *data_dir_registry(struct data_dir *d);

#endif
