/* SPDX-License-Identifier: Apache-2.0
 *
 * listeners.h - the names under which clients in different networks reach the same broker.
 *
 * Read from advertisedListeners: "internal:pulsar://10.0.0.1:6650,internal:pulsar+ssl://10.0.0.1:6651,...": a name has
 * one address, or one of each kind.
 * Pure.  May call: base/.
 */
#ifndef SESSION_LISTENERS_H
#define SESSION_LISTENERS_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

#define LISTENERS_MAX 16

struct listener_addresses {
    char name[64];
    char url[256], tls_url[256]; /* "pulsar://host:port", "pulsar+ssl://host:port"; one of them may be empty */
};

struct listeners {
    size_t count;
    struct listener_addresses at[LISTENERS_MAX];
};

/* ERR_INVALID: `message` says what is wrong. */
MUST_USE enum err listeners_parse(struct listeners *l, const char *text, char *message, size_t message_size);

bool listeners_known(const struct listeners *l, const char *name);
/* NULL: there is none of this name, or it has no address of this kind. */
const char *listeners_find(const struct listeners *l, const char *name, bool tls);

#endif
