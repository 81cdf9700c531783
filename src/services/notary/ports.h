/* SPDX-License-Identifier: Apache-2.0
 *
 * ports.h - what the notary needs of the outside world: somebody who signs, and a clock.
 *
 * Signers: key_file.h (embedded; also the log's own key), signers/ (files, PKCS #11, Vault).  The
 * transparency log is in the journal and the registry (book.h).  The bus is the consumer runtime
 * (services/runtime/handler.h).  A signer that is not `instant` is called on a lane
 * (services/runtime/lanes.h), from several threads at once; everything else is on the notary's thread.
 */
#ifndef SERVICES_NOTARY_PORTS_H
#define SERVICES_NOTARY_PORTS_H

#include "base/err.h"
#include "base/text.h"
#include "services/notary/documents/merkle.h"
#include "services/notary/documents/public_key.h"

struct signer;

/* A signature and whose it is: keys rotate, so the two come together. */
struct signed_by {
    struct public_key key;
    struct signature signature;
};

/* Thread-safe.  `why` is a sentence for people, without secrets.  ERR_AGAIN, ERR_TIMEOUT, ERR_IO: later it may work;
 * ERR_DENIED, ERR_INVALID, ERR_UNSUPPORTED: it will not get better by itself; ERR_CORRUPT: what came back is no
 * signature of the message by the key that it should be of. */
struct signer_ops {
    const char *name; /* "file", "pkcs11", "vault" */
    bool instant;     /* takes microseconds: may be called on the notary's thread */
    enum err (*sign)(struct signer *signer, struct bytes message, struct signed_by *out, int64_t timeout_ms, char *why,
                     size_t why_size);
    /* At the start: is it there, and does its key fit?  OK: `why` says which public key it signs with. */
    enum err (*check)(struct signer *signer, char *why, size_t why_size);
    /* The key, where it never changes (a file's); NULL otherwise.  Valid as long as the signer. */
    const struct public_key *(*key)(struct signer *signer);
    void (*close)(struct signer *signer); /* no call is under way */
};

/* Embedded at the start of an implementation. */
struct signer {
    const struct signer_ops *ops;
};

/* The wall clock. */
struct wall_clock {
    int64_t (*now_ms)(void *ctx);
    void *ctx;
};

/* The key of a signer that has always the same (the log's). */
static inline const struct public_key *signer_key(struct signer *s)
{
    return s->ops->key(s);
}

static inline MUST_USE enum err signer_sign(struct signer *s, struct bytes message, struct signed_by *out,
                                            int64_t timeout_ms, char *why, size_t why_size)
{
    return s->ops->sign(s, message, out, timeout_ms, why, why_size);
}

/* With the log's own key: instant, and always the same key. */
static inline MUST_USE enum err signer_sign_now(struct signer *s, struct bytes message, struct signature *out)
{
    struct signed_by by;
    char why[200];
    enum err err = s->ops->sign(s, message, &by, 0, why, sizeof why);

    if (err == OK)
        *out = by.signature;
    return err;
}

static inline MUST_USE enum err signer_check(struct signer *s, char *why, size_t why_size)
{
    return s->ops->check(s, why, why_size);
}

static inline void signer_close(struct signer *s)
{
    if (s)
        s->ops->close(s);
}

#endif
