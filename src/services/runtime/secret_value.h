/* SPDX-License-Identifier: Apache-2.0
 *
 * secret_value.h - what an option that is a secret means now: its text, or what file:///PATH or env:NAME has.
 *
 * Read each time that it is needed, so that a file may be replaced while the service runs.  Any thread.  May call:
 * base/, security/.
 */
#ifndef SERVICES_RUNTIME_SECRET_VALUE_H
#define SERVICES_RUNTIME_SECRET_VALUE_H

#include "base/err.h"

/* *out is the caller's to secret_free().  Otherwise *why says what is wrong with the file or the variable, without the
 * secret. */
MUST_USE enum err secret_value(const char *setting, char **out, const char **why);

#endif
