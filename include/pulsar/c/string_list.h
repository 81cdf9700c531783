/* SPDX-License-Identifier: Apache-2.0
 *
 * string_list.h - a list of texts.  One thread at a time.
 */
#ifndef PULSAR_C_STRING_LIST_H
#define PULSAR_C_STRING_LIST_H

#include <pulsar/defines.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _pulsar_string_list pulsar_string_list_t;

PULSAR_PUBLIC pulsar_string_list_t *pulsar_string_list_create(void);
PULSAR_PUBLIC void pulsar_string_list_free(pulsar_string_list_t *list);

PULSAR_PUBLIC int pulsar_string_list_size(pulsar_string_list_t *list);

/* Copies `item`. */
PULSAR_PUBLIC void pulsar_string_list_append(pulsar_string_list_t *list, const char *item);

/* Valid until the list is freed; NULL beyond the end. */
PULSAR_PUBLIC const char *pulsar_string_list_get(pulsar_string_list_t *list, int index);

#ifdef __cplusplus
}
#endif

#endif
