/* SPDX-License-Identifier: Apache-2.0
 *
 * message_router.h - the caller's own choice of a partition.
 */
#ifndef PULSAR_C_MESSAGE_ROUTER_H
#define PULSAR_C_MESSAGE_ROUTER_H

#include <pulsar/c/message.h>
#include <pulsar/defines.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _pulsar_topic_metadata pulsar_topic_metadata_t;

/* The partition for `msg`, from 0; one that does not exist fails the send with pulsar_result_UnknownError.  Called on
 * the thread that sends; both arguments are valid during the call. */
typedef int (*pulsar_message_router)(pulsar_message_t *msg, pulsar_topic_metadata_t *topicMetadata, void *ctx);

PULSAR_PUBLIC int pulsar_topic_metadata_get_num_partitions(pulsar_topic_metadata_t *topicMetadata);

#ifdef __cplusplus
}
#endif

#endif
