/* SPDX-License-Identifier: Apache-2.0
 *
 * secret_source.h - where a secret is: in the setting itself, in a file, or in the environment.
 *
 *     file:///PATH   the file's text, read again each time, so that it may be replaced while we run
 *     env:NAME       the variable's
 *     anything else  is the secret
 *
 * White space around it does not belong to it.  Any thread.  May call: base/, the kernel (files, environment).
 */
#ifndef SERVICES_RUNTIME_SECRET_SOURCE_H
#define SERVICES_RUNTIME_SECRET_SOURCE_H

#include "base/err.h"
#include <stddef.h>

#define SECRET_SOURCE_MAX (64u * 1024) /* bytes */

/* *out is the caller's to secret_free.  ERR_NOT_FOUND: no such file or variable, or it is empty; ERR_IO; ERR_TOO_LARGE;
 * ERR_NOMEM: `why` is a sentence without the secret, about `what` ("the token of Vault"). */
MUST_USE enum err secret_source_read(const char *source, const char *what, char **out, char *why, size_t why_size);

#endif
