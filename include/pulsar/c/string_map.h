/* SPDX-License-Identifier: Apache-2.0
 *
 * string_map.h - texts by name, ordered by name.  One thread at a time.
 */
#ifndef PULSAR_C_STRING_MAP_H
#define PULSAR_C_STRING_MAP_H

#include <pulsar/defines.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _pulsar_string_map pulsar_string_map_t;

PULSAR_PUBLIC pulsar_string_map_t *pulsar_string_map_create(void);
PULSAR_PUBLIC void pulsar_string_map_free(pulsar_string_map_t *map);

PULSAR_PUBLIC int pulsar_string_map_size(pulsar_string_map_t *map);

/* Copies both; a key that is there gets the new value. */
PULSAR_PUBLIC void pulsar_string_map_put(pulsar_string_map_t *map, const char *key, const char *value);

/* NULL when absent.  What these return is valid until the map is changed or freed. */
PULSAR_PUBLIC const char *pulsar_string_map_get(pulsar_string_map_t *map, const char *key);

/* The idx-th pair, from 0; NULL beyond the end. */
PULSAR_PUBLIC const char *pulsar_string_map_get_key(pulsar_string_map_t *map, int idx);
PULSAR_PUBLIC const char *pulsar_string_map_get_value(pulsar_string_map_t *map, int idx);

#ifdef __cplusplus
}
#endif

#endif
