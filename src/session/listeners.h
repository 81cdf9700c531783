/* SPDX-License-Identifier: Apache-2.0
 *
 * listeners.h - the names under which clients in different networks reach the same broker.
 *
 * Read from advertisedListeners: "internal:pulsar://10.0.0.1:6650,external:pulsar://bus.example.org:16650".
 * Pure.  May call: base/.
 */
#ifndef SESSION_LISTENERS_H
#define SESSION_LISTENERS_H

#include "base/err.h"
#include <stddef.h>

#define LISTENERS_MAX 16

struct listeners {
    size_t count;
    struct {
        char name[64];
        char url[256]; /* "pulsar://host:port" */
    } at[LISTENERS_MAX];
};

/* ERR_INVALID: `message` says what is wrong.  Listeners with TLS (pulsar+ssl) are passed over. */
MUST_USE enum err listeners_parse(struct listeners *l, const char *text, char *message, size_t message_size);

/* NULL: there is none of this name. */
const char *listeners_find(const struct listeners *l, const char *name);

#endif
