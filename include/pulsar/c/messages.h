/* SPDX-License-Identifier: Apache-2.0
 *
 * messages.h - what one batch receive gives.
 */
#ifndef PULSAR_C_MESSAGES_H
#define PULSAR_C_MESSAGES_H

#include <pulsar/c/message.h>
#include <pulsar/defines.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _pulsar_messages pulsar_messages_t;

PULSAR_PUBLIC size_t pulsar_messages_size(pulsar_messages_t *msgs);

/* Owned by `msgs`: do not free it.  NULL beyond the end. */
PULSAR_PUBLIC pulsar_message_t *pulsar_messages_get(pulsar_messages_t *msgs, size_t index);

/* With all its messages. */
PULSAR_PUBLIC void pulsar_messages_free(pulsar_messages_t *msgs);

#ifdef __cplusplus
}
#endif

#endif
