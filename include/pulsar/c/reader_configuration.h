/* SPDX-License-Identifier: Apache-2.0
 *
 * reader_configuration.h - the options of a reader; as consumer_configuration.h.
 */
#ifndef PULSAR_C_READER_CONFIGURATION_H
#define PULSAR_C_READER_CONFIGURATION_H

#include <pulsar/c/consumer_configuration.h>
#include <pulsar/c/message.h>
#include <pulsar/c/reader.h>
#include <pulsar/defines.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _pulsar_reader_configuration pulsar_reader_configuration_t;

/* As pulsar_message_listener. */
typedef void (*pulsar_reader_listener)(pulsar_reader_t *reader, pulsar_message_t *msg, void *ctx);

PULSAR_PUBLIC pulsar_reader_configuration_t *pulsar_reader_configuration_create(void);
PULSAR_PUBLIC void pulsar_reader_configuration_free(pulsar_reader_configuration_t *configuration);

PULSAR_PUBLIC void pulsar_reader_configuration_set_reader_listener(pulsar_reader_configuration_t *configuration,
                                                                   pulsar_reader_listener listener, void *ctx);
PULSAR_PUBLIC int pulsar_reader_configuration_has_reader_listener(pulsar_reader_configuration_t *configuration);

PULSAR_PUBLIC void pulsar_reader_configuration_set_receiver_queue_size(pulsar_reader_configuration_t *configuration,
                                                                       int size);
PULSAR_PUBLIC int pulsar_reader_configuration_get_receiver_queue_size(pulsar_reader_configuration_t *configuration);

PULSAR_PUBLIC void pulsar_reader_configuration_set_reader_name(pulsar_reader_configuration_t *configuration,
                                                               const char *readerName);
PULSAR_PUBLIC const char *pulsar_reader_configuration_get_reader_name(pulsar_reader_configuration_t *configuration);

/* What the name of the reader's subscription begins with; "reader" by default. */
PULSAR_PUBLIC void
pulsar_reader_configuration_set_subscription_role_prefix(pulsar_reader_configuration_t *configuration,
                                                         const char *subscriptionRolePrefix);
PULSAR_PUBLIC const char *
pulsar_reader_configuration_get_subscription_role_prefix(pulsar_reader_configuration_t *configuration);

PULSAR_PUBLIC void pulsar_reader_configuration_set_read_compacted(pulsar_reader_configuration_t *configuration,
                                                                  int readCompacted);
PULSAR_PUBLIC int pulsar_reader_configuration_is_read_compacted(pulsar_reader_configuration_t *configuration);

/* Not built: creating a reader with a key reader fails with pulsar_result_OperationNotSupported. */
PULSAR_PUBLIC void
pulsar_reader_configuration_set_default_crypto_key_reader(pulsar_reader_configuration_t *configuration,
                                                          const char *public_key_path, const char *private_key_path);
PULSAR_PUBLIC pulsar_consumer_crypto_failure_action
pulsar_reader_configuration_get_crypto_failure_action(pulsar_reader_configuration_t *configuration);
PULSAR_PUBLIC void
pulsar_reader_configuration_set_crypto_failure_action(pulsar_reader_configuration_t *configuration,
                                                      pulsar_consumer_crypto_failure_action crypto_failure_action);

#ifdef __cplusplus
}
#endif

#endif
