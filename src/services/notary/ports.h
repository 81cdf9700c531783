/* SPDX-License-Identifier: Apache-2.0
 *
 * ports.h - what the notary needs of the outside world: somebody who signs, a transparency log, a clock.
 *
 * Embedded adapters: key_file.h, log_file.h.  (A key service and a public log are others of the same shape.)  The
 * bus is the consumer runtime (services/runtime/handler.h).  All calls are on the notary's thread and may wait.
 */
#ifndef SERVICES_NOTARY_PORTS_H
#define SERVICES_NOTARY_PORTS_H

#include "base/err.h"
#include "base/text.h"
#include "services/notary/merkle.h"
#include "services/notary/public_key.h"

struct signer;

struct signer_ops {
    const struct public_key *(*key)(struct signer *signer); /* valid as long as the signer */
    enum err (*sign)(struct signer *signer, struct bytes message, struct signature *out);
};

/* Embedded at the start of an implementation. */
struct signer {
    const struct signer_ops *ops;
};

struct transparency_log;

/* What is appended.  The leaf is hashed into the tree; the key finds the entry again; the rest is kept beside it. */
struct log_record {
    struct bytes key, leaf, rest;
};

/* An entry with its proof: both as of the checkpoint that first covered it, so that they are the same for ever. */
struct log_entry {
    uint64_t index;
    struct text leaf, rest;
    struct text checkpoint; /* the signed note */
    struct merkle_proof proof;
};

struct transparency_log_ops {
    const char *(*url)(struct transparency_log *log);
    /* The entry of this key: ERR_NOT_FOUND, ERR_CORRUPT (the log is not what was written), ERR_IO, ERR_NOMEM.  After OK
     * log_entry_deinit. */
    enum err (*find)(struct transparency_log *log, struct bytes key, struct log_entry *out);
    /* All of the records, durable when it returns OK; no key is in the log yet (asserted).  ERR_IO: the log's state is
     * unknown and it takes no more: the process must stop.  Any other error: nothing was appended. */
    enum err (*append)(struct transparency_log *log, const struct log_record *records, size_t count);
};

struct transparency_log {
    const struct transparency_log_ops *ops;
};

/* The wall clock. */
struct wall_clock {
    int64_t (*now_ms)(void *ctx);
    void *ctx;
};

static inline const struct public_key *signer_key(struct signer *s)
{
    return s->ops->key(s);
}

static inline MUST_USE enum err signer_sign(struct signer *s, struct bytes message, struct signature *out)
{
    return s->ops->sign(s, message, out);
}

static inline const char *log_url(struct transparency_log *l)
{
    return l->ops->url(l);
}

static inline MUST_USE enum err log_find(struct transparency_log *l, struct bytes key, struct log_entry *out)
{
    return l->ops->find(l, key, out);
}

static inline MUST_USE enum err log_append(struct transparency_log *l, const struct log_record *records, size_t count)
{
    return l->ops->append(l, records, count);
}

static inline void log_entry_deinit(struct log_entry *e)
{
    text_deinit(&e->leaf);
    text_deinit(&e->rest);
    text_deinit(&e->checkpoint);
}

#endif
