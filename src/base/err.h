/* SPDX-License-Identifier: Apache-2.0
 *
 * err.h - what may go wrong in the world.
 *
 * Every function that can fail because of the world (peers, disks, memory) returns an enum err, and
 * writes its results on OK only.  What can go wrong because of us is an assert.  Knows nothing.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stddef.h>

#define MUST_USE          __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

enum err {
    OK = 0,
    ERR_NOMEM,       /* an allocation failed, or a budget is spent */
    ERR_IO,          /* a disk or socket operation failed */
    ERR_NOSPACE,     /* the disk is full */
    ERR_CORRUPT,     /* stored bytes are not what was written */
    ERR_PROTOCOL,    /* a peer broke the protocol */
    ERR_CHECKSUM,    /* a peer's bytes do not match their checksum */
    ERR_TOO_LARGE,   /* beyond a stated bound */
    ERR_INVALID,     /* an argument from outside makes no sense */
    ERR_UNSUPPORTED, /* understood, and not built */
    ERR_NOT_FOUND,   /* no such thing */
    ERR_EXISTS,      /* there is such a thing already */
    ERR_BUSY,        /* taken by somebody else */
    ERR_FENCED,      /* another owner took over */
    ERR_TERMINATED,  /* the topic takes no more messages */
    ERR_FULL,        /* a bounded queue is full */
    ERR_AGAIN,       /* not now; asking again may help */
    ERR_CLOSED,      /* the object was closed meanwhile, or the peer left */
    ERR_TIMEOUT,     /* the deadline passed */
    ERR_CANCELLED,   /* the caller withdrew the operation */
    ERR_DENIED,      /* not permitted */
    ERR_NOT_ALLOWED, /* understood, and against a rule or a setting */
    ERR_VERSION,     /* a format newer than this program */
};

/* A short lower-case English text, without a full stop: "the disk is full". */
const char *err_text(enum err err);

/* Says why in `why`, which the format is printed to, and returns `err`: return err_because(ERR_INVALID, why, size,
 * ...). */
PRINTF_LIKE(4, 5) enum err err_because(enum err err, char *why, size_t size, const char *format, ...);

#endif
