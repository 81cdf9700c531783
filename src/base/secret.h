/* SPDX-License-Identifier: Apache-2.0
 *
 * secret.h - texts that must not be found in memory when nobody needs them any more.
 *
 * Whoever holds a password, a token or a key wipes it before the memory is given back; a compiler may not leave that out.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdlib.h>
#include <string.h>

/* For arrays and for what goes on living. */
static inline void secret_wipe(void *data, size_t len)
{
    explicit_bzero(data, len);
}

/* Wipes and frees.  NULL is fine. */
static inline void secret_free(char *text)
{
    if (text)
        secret_wipe(text, strlen(text));
    free(text);
}

#endif
