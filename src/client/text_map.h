/* SPDX-License-Identifier: Apache-2.0
 *
 * text_map.h - the string map and list of the public API, as they are inside.
 *
 * A map is kept sorted by key, so that what is sent does not depend on the order of puts.  May call: base/.
 */
#ifndef CLIENT_TEXT_MAP_H
#define CLIENT_TEXT_MAP_H

#include "base/bytes.h"
#include "base/err.h"
#include "pulsar.pb-c.h"
#include <pulsar/c/string_list.h>
#include <pulsar/c/string_map.h>

#define CLIENT_STRINGS_MAX 100000 /* pairs or items; beyond it a put is refused */

struct client_pair {
    char *key, *value;
};

/* Embedded; all zero is empty. */
struct _pulsar_string_map {
    struct client_pair *pairs;
    int count, capacity;
};

struct _pulsar_string_list {
    char **items;
    int count, capacity;
};

void client_map_deinit(struct _pulsar_string_map *map);
/* ERR_NOMEM, ERR_TOO_LARGE: nothing changed. */
MUST_USE enum err client_map_put(struct _pulsar_string_map *map, struct bytes key, struct bytes value);
MUST_USE enum err client_map_copy(struct _pulsar_string_map *to, const struct _pulsar_string_map *from);
/* NULL when absent. */
const char *client_map_find(const struct _pulsar_string_map *map, const char *key);

/* The map as a repeated KeyValue that borrows it: *out is to be freed with free(), NULL for an empty map. */
MUST_USE enum err client_map_wire(const struct _pulsar_string_map *map, Wire__KeyValue ***out);

/* strdup that takes NULL, and replaces *to.  False: memory is short, *to unchanged. */
bool client_text_set(char **to, const char *text);

#endif
