/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint.h - what a log says of itself at one moment, signed: C2SP's tlog-checkpoint, a signed note.
 *
 *     ORIGIN \n  SIZE \n  base64(ROOT) \n  \n  — ORIGIN base64(KEYID || SIGNATURE) \n
 *
 * Origin names the log and is the key's name as well.  The signature is over the first three lines, the key id is
 * the first 4 bytes of SHA-256(ORIGIN \n 0x01 raw-key).  One spelling only: reading refuses what sealing would
 * not write, so that no bit of a checkpoint can be flipped unseen.  Pure; may call: base/, libcrypto.
 */
#ifndef SERVICES_NOTARY_CHECKPOINT_H
#define SERVICES_NOTARY_CHECKPOINT_H

#include "base/err.h"
#include "base/text.h"
#include "services/notary/documents/merkle.h"
#include "services/notary/documents/public_key.h"

#define CHECKPOINT_ORIGIN_MAX 512
#define CHECKPOINT_BYTES_MAX  2048

struct checkpoint {
    uint64_t size;
    struct digest root;
};

/* True for what may be an origin: 1 to CHECKPOINT_ORIGIN_MAX bytes of printable ASCII without space or '+'. */
bool checkpoint_origin_is_valid(struct bytes origin);

/* Appends what is signed. */
void checkpoint_body(const struct checkpoint *c, const char *origin, struct text *out);

/* Appends the whole note: the body again, an empty line, the signature's line.  The log's key is Ed25519 (asserted). */
void checkpoint_seal(const struct checkpoint *c, const char *origin, const struct public_key *key,
                     const struct signature *signature, struct text *out);

/* Reads a note of this origin and key, whose signature is not checked yet.  ERR_INVALID: it is none, or the
 * key is no Ed25519 key; ERR_NOMEM. */
MUST_USE enum err checkpoint_read(struct checkpoint *out, struct signature *signature, struct bytes note,
                                  const char *origin, const struct public_key *key);

/* Whether the signature is the key's. */
bool checkpoint_is_signed(const struct checkpoint *c, const char *origin, const struct public_key *key,
                          const struct signature *signature);

#endif
