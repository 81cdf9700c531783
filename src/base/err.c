/* SPDX-License-Identifier: Apache-2.0
 *
 * err.c - the texts of enum err, and sentences beside it.
 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

const char *err_text(enum err err)
{
    switch (err) {
    case OK:
        return "ok";
    case ERR_NOMEM:
        return "out of memory";
    case ERR_IO:
        return "input/output error";
    case ERR_NOSPACE:
        return "the disk is full";
    case ERR_CORRUPT:
        return "stored bytes are damaged";
    case ERR_PROTOCOL:
        return "the peer broke the protocol";
    case ERR_CHECKSUM:
        return "the checksum does not match";
    case ERR_TOO_LARGE:
        return "too large";
    case ERR_INVALID:
        return "invalid argument";
    case ERR_UNSUPPORTED:
        return "not supported";
    case ERR_NOT_FOUND:
        return "not found";
    case ERR_EXISTS:
        return "exists already";
    case ERR_BUSY:
        return "in use by another";
    case ERR_FENCED:
        return "fenced by another owner";
    case ERR_TERMINATED:
        return "the topic is terminated";
    case ERR_FULL:
        return "the queue is full";
    case ERR_AGAIN:
        return "not now, try again";
    case ERR_CLOSED:
        return "closed";
    case ERR_TIMEOUT:
        return "timed out";
    case ERR_CANCELLED:
        return "cancelled";
    case ERR_DENIED:
        return "permission denied";
    case ERR_NOT_ALLOWED:
        return "not allowed";
    case ERR_VERSION:
        return "a newer format than this program knows";
    }
    return "unknown error"; /* a number cast from outside */
}

enum err err_because(enum err err, char *why, size_t size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(why, size, format, args);
    va_end(args);
    return err;
}
