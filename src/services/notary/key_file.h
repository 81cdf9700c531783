/* SPDX-License-Identifier: Apache-2.0
 *
 * key_file.h - the log's own key, and the embedded signer: an Ed25519 key in a file of the notary's data directory.
 *
 * PEM of PKCS #8 (RFC 8410), readable by its owner only, as `openssl genpkey -algorithm ed25519` writes it; the public
 * key beside it, for those who verify.  May call: base/, sys/disk.h, libcrypto.
 */
#ifndef SERVICES_NOTARY_KEY_FILE_H
#define SERVICES_NOTARY_KEY_FILE_H

#include "services/notary/ports.h"
#include "sys/disk.h"

#define KEY_FILE_PRIVATE "notary.key"
#define KEY_FILE_PUBLIC  "notary.pub"

struct key_file;

/* Opens the key.  ERR_NOT_FOUND: there is none; ERR_INVALID: the file is not such a key; ERR_IO, ERR_NOMEM, ... */
MUST_USE enum err key_file_open(struct key_file **out, struct disk *disk);

/* The same of a key that is kept elsewhere (PEM): the directory gets its public half only. */
MUST_USE enum err key_file_adopt(struct key_file **out, struct disk *disk, struct bytes pem);

/* Makes a key of `seed` (32 bytes from a good source), durable when it returns OK.  ERR_EXISTS: there is one. */
#define KEY_FILE_SEED_LEN 32
MUST_USE enum err key_file_create(struct key_file **out, struct disk *disk, const uint8_t seed[KEY_FILE_SEED_LEN]);

/* The log's own key: instant, its key never changes.  Valid until key_file_close; signer_close does nothing to it. */
struct signer *key_file_signer(struct key_file *k);
void key_file_close(struct key_file *k); /* NULL is fine */

#endif
