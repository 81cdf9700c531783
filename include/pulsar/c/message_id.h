/* SPDX-License-Identifier: Apache-2.0
 *
 * message_id.h - where a message is in its topic.  Immutable, so any thread may read one.
 */
#ifndef PULSAR_C_MESSAGE_ID_H
#define PULSAR_C_MESSAGE_ID_H

#include <pulsar/defines.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _pulsar_message_id pulsar_message_id_t;

/* Before the oldest message kept, and after the newest.  Static: freeing them does nothing. */
PULSAR_PUBLIC const pulsar_message_id_t *pulsar_message_id_earliest(void);
PULSAR_PUBLIC const pulsar_message_id_t *pulsar_message_id_latest(void);

/* Bytes (a MessageIdData of the protocol) allocated with malloc: the caller's to free(). */
PULSAR_PUBLIC void *pulsar_message_id_serialize(pulsar_message_id_t *messageId, int *len);

/* NULL when the bytes are none of ours.  An id read back no longer knows its batch: acknowledging it acknowledges
 * the whole batch that it is in. */
PULSAR_PUBLIC pulsar_message_id_t *pulsar_message_id_deserialize(const void *buffer, uint32_t len);

/* "(ledger,entry,partition,batch index)", the caller's to free(). */
PULSAR_PUBLIC char *pulsar_message_id_str(pulsar_message_id_t *messageId);

PULSAR_PUBLIC void pulsar_message_id_free(pulsar_message_id_t *messageId);

#ifdef __cplusplus
}
#endif

#endif
