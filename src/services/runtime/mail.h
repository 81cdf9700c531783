/* SPDX-License-Identifier: Apache-2.0
 *
 * mail.h - one message given to a mail server over SMTP; libcurl's, loaded when it is first needed.
 *
 * Blocks; any thread, several at a time; the deadline is the whole time's.  A password is never in `why`.  May call:
 * base/, security/.
 */
#ifndef SERVICES_RUNTIME_MAIL_H
#define SERVICES_RUNTIME_MAIL_H

#include "base/bytes.h"
#include "base/err.h"
#include <stdbool.h>

struct mail_call {
    const char *url;             /* "smtp://host:587" (port 25 without), "smtps://host:465"; a path is the EHLO name */
    bool without_tls;            /* smtp:// only: STARTTLS is not asked for.  Without this it is required */
    const char *user, *password; /* NULL: no login */
    const char *from;            /* "notary@example.org": addresses, no names */
    const char *const *recipients; /* ends with NULL; one at least */
    struct bytes message;          /* header lines, an empty line, text; lines end with CR LF */
    int64_t timeout_ms;
    const char *trust_certs;       /* a file; NULL: the system's */
    const char *certificate, *key; /* our own; files */
};

/* OK: the server has it for all recipients.  ERR_UNSUPPORTED: libcurl is not installed; ERR_INVALID: the call makes no
 * sense; ERR_DENIED: the login, TLS or its certificate; ERR_NOT_ALLOWED: the server refuses the sender, a recipient or
 * the message for good (5xx); ERR_AGAIN: it refuses for now (4xx); ERR_TIMEOUT, ERR_IO, ERR_NOMEM.  `why` is a sentence
 * for people. */
MUST_USE enum err mail_send(const struct mail_call *call, char *why, size_t why_size);

#endif
