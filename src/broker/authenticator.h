/* SPDX-License-Identifier: Apache-2.0
 *
 * authenticator.h - checks credentials off the core thread, and keeps the keys fresh.
 *
 * Owns the current struct authentication, three workers, and the checks under way:
 *
 *     "authentication"  tokens and certificates: some 20,000 a second
 *     "passwords"       passwords, which are slow on purpose; only when there are any
 *     "keys"            reads the key files again and again; only when there are any
 *
 * A flood of bad credentials costs others a bounded time and the process a bounded amount of memory: what waits is
 * limited in number and bytes, passwords also by the host that they come from, and what does not fit is refused at once
 * (ERR_BUSY: come back).  A password that was right is remembered, by a keyed hash, until the file changes: who is
 * known does not wait behind a flood, and a request over HTTP does not cost what it takes to hash a password.
 *
 * A key file that has changed and cannot be used leaves the keys that were there, and one line in the log.
 *
 * Core thread; NULL everywhere means that authentication is off.  May call: base/, sys/, security/.
 */
#ifndef BROKER_AUTHENTICATOR_H
#define BROKER_AUTHENTICATOR_H

#include "security/authentication.h"
#include "sys/loop.h"

struct authenticator;
struct log;

struct authenticator_options {
    const char *providers;      /* names with commas, see provider_find */
    const char *anonymous_role; /* or NULL, as all texts here */
    const char *proxy_roles;    /* with commas */
    bool authenticate_original; /* what a proxy says of the client behind it is checked, not believed */
    uint32_t refresh_check_s;   /* 60: how often a connection's credentials are looked at whether they have expired */

    /* As Pulsar writes keys down: file:PATH, data:;base64,DIGITS, DIGITS, and PATH when there is such a file. */
    const char *token_secret_key, *token_public_key, *basic_conf;
    const char *token_public_algorithm; /* NULL: RS256 */
    const char *token_claim, *audience_claim, *audience;
    int64_t skew_s;

    uint32_t reload_ms; /* 60,000: how often key files are read again; 0: never */
    /* Reads a whole file into malloc'd memory; on a worker, but at the start.  ERR_NOT_FOUND, ERR_DENIED, ERR_TOO_LARGE
     * (more than `max` bytes), ERR_IO. */
    enum err (*read)(void *ctx, const char *path, size_t max, struct bytes *out);
    void *read_ctx;
    struct log *log;
};

void authenticator_options_init(struct authenticator_options *o);

/* The texts of `options` live as long as the authenticator.  ERR_INVALID: what is asked for cannot work; `message` is
 * the whole sentence for the user, without any key. */
MUST_USE enum err authenticator_new(struct authenticator **out, const struct authenticator_options *options,
                                    struct loop *loop, char *message, size_t message_size);
/* Checks under way are let go of: their done is not called.  This done is, from the loop, when the workers have
 * finished.  Whoever asks afterwards is told ERR_CLOSED. */
void authenticator_stop(struct authenticator *a, void (*done)(void *ctx), void *ctx);
/* After stop; or without it, as a crash.  NULL is fine. */
void authenticator_free(struct authenticator *a);

struct authenticator_job;

/* One check, embedded by its owner, zeroed but for `done`. */
struct authentication_op {
    /* OK: `identity` is the callee's to keep.  ERR_DENIED: see the verdict.  ERR_BUSY: too much is under way, another
     * time may be better; ERR_CLOSED: it is stopping; ERR_NOMEM. */
    void (*done)(struct authentication_op *op, enum err err);
    struct identity identity;
    struct verdict verdict;

    struct authenticator_job *job; /* private, as the rest */
    struct task task;
    enum err err;
};

/* Copies the credentials.  `peer` ("127.0.0.1:41234") is for the log and the limits; may be NULL.  done is called once,
 * later, on the loop. */
void authenticator_check(struct authenticator *a, struct authentication_op *op, const struct credentials *c,
                         const char *peer);
/* One that is not under way is fine: done will not be called, the op's memory is free. */
void authentication_op_cancel(struct authentication_op *op);

/* Reads the key files now; false: there are none. */
bool authenticator_renew(struct authenticator *a);

/* The current providers and keys, until the next turn of the loop. */
const struct authentication *authenticator_peek(const struct authenticator *a);
bool authenticator_is_proxy(const struct authenticator *a, const char *role);
bool authenticator_checks_original(const struct authenticator *a);
uint32_t authenticator_refresh_check_s(const struct authenticator *a);

struct authenticator_stats {
    uint64_t successes[PROVIDERS + 1]; /* the last: the anonymous role */
    uint64_t failures[PROVIDERS + 1][REFUSED_KINDS];
    uint64_t busy;         /* refused because too much was under way */
    uint64_t key_failures; /* times that key files were read again and could not be used */
    bool provided[PROVIDERS];
    size_t waiting;
};
/* Zeros for NULL. */
void authenticator_stats_get(const struct authenticator *a, struct authenticator_stats *out);

#endif
