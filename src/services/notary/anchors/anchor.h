/* SPDX-License-Identifier: Apache-2.0
 *
 * anchor.h - another log, or a time stamping authority, that is told of each entry of ours and answers with a receipt.
 *
 * So that the notary alone cannot deny, backdate or rewrite an entry.  Beside the embedded log and behind it: an event
 * waits for no anchor.  Which entries have no receipt yet is the registry's to know (registry_unanchored), durably; a
 * submission that is repeated gets the receipt of the first one where the other side can find it.
 *
 *   rekor-v1   Sigstore's Rekor: the entry's evidence hash with its signature (hashedrekord), where that is ECDSA's
 *   rekor-v2   Rekor on tiles: the same
 *   rfc3161    a time stamp over SHA-256 of the entry
 *
 * Rekor takes a hash with a signature of Ed25519 only in a variant that the notary does not make (Ed25519ph); of such
 * an entry, and of one that has no signature (a refusal), the whole entry is submitted instead, in a DSSE envelope that
 * the log key signs: its payload is the entry's bytes, its type ANCHOR_PAYLOAD_TYPE.
 *
 * A receipt is believed only after it was checked here as anchor_verify does, so one that is kept in an `anchored`
 * record can be checked by anybody, offline.  May call: base/, the core, services/runtime/http.h.
 */
#ifndef SERVICES_NOTARY_ANCHORS_ANCHOR_H
#define SERVICES_NOTARY_ANCHORS_ANCHOR_H

#include "base/options.h"
#include "services/notary/ports.h"
#include <jansson.h>

#define ANCHOR_PAYLOAD_TYPE "application/vnd.geminga.notary.entry.v1+json"
#define ANCHOR_RECEIPT_MAX  (64u << 10)
#define ANCHORS_MAX         3

/* An entry of our log. */
struct anchor_entry {
    uint64_t index;
    struct bytes leaf;
};

struct anchor;

/* Blocks, for at most `timeout_ms`; thread-safe, several at a time.  OK: `receipt` (made with a limit of at least
 * ANCHOR_RECEIPT_MAX) has the canonical JSON for the `anchored` record, also when the other side had the entry already.
 * ERR_TIMEOUT, ERR_IO, ERR_AGAIN: try again; ERR_CORRUPT: what it answered does not prove what it should, try again and
 * tell somebody; ERR_DENIED, ERR_INVALID, ERR_UNSUPPORTED, ERR_NOT_ALLOWED: it will not take this one.  `why` is a
 * sentence for people. */
struct anchor_ops {
    const char *name;
    enum err (*submit)(struct anchor *anchor, const struct anchor_entry *entry, int64_t timeout_ms,
                       struct text *receipt, char *why, size_t why_size);
    void (*close)(struct anchor *anchor); /* no call is under way */
};

/* Embedded at the start of an implementation. */
struct anchor {
    const struct anchor_ops *ops;
};

struct anchor_settings {
    char *rekor_v1_url, *rekor_v1_public_key;
    char *rekor_v2_url, *rekor_v2_public_key, *rekor_v2_tiles_url;
    char *rfc3161_url, *rfc3161_trust_certs;
    char *trust_certs;    /* of https:// */
    int64_t timeout_ms;   /* of one submission */
    int64_t parallel;     /* submissions at a time, of each anchor */
    int64_t retry_ms;     /* until the first retry; each further one waits twice as long, */
    int64_t retry_max_ms; /* at most this */
};

extern const struct option_table anchor_options;

/* Those that the settings name, in the order above; they stay what the caller keeps, as does `log_key`, which must be
 * instant.  Reads the keys and certificates that they name.  ERR_INVALID, ERR_NOT_FOUND, ERR_DENIED, ERR_IO: `why` says
 * which file or setting.  On an error there are none. */
MUST_USE enum err anchors_open(const struct anchor_settings *settings, struct signer *log_key,
                               struct anchor *anchors[ANCHORS_MAX], size_t *count, char *why, size_t why_size);

static inline MUST_USE enum err anchor_submit(struct anchor *a, const struct anchor_entry *entry, int64_t timeout_ms,
                                              struct text *receipt, char *why, size_t why_size)
{
    return a->ops->submit(a, entry, timeout_ms, receipt, why, why_size);
}

static inline const char *anchor_name(const struct anchor *a)
{
    return a->ops->name;
}

static inline void anchor_close(struct anchor *a)
{
    if (a)
        a->ops->close(a);
}

#endif
