/* SPDX-License-Identifier: Apache-2.0
 *
 * client_configuration.h - the options of a client.
 *
 * One thread at a time.  pulsar_client_create copies what it needs: free the configuration whenever you like.
 */
#ifndef PULSAR_C_CLIENT_CONFIGURATION_H
#define PULSAR_C_CLIENT_CONFIGURATION_H

#include <pulsar/defines.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { pulsar_DEBUG = 0, pulsar_INFO = 1, pulsar_WARN = 2, pulsar_ERROR = 3 } pulsar_logger_level_t;

/* One event.  Called from any thread, the client's own included, several at a time; `message` ends without a
 * newline and is valid during the call.  Must not call the client. */
typedef void (*pulsar_logger)(pulsar_logger_level_t level, const char *file, int line, const char *message, void *ctx);

typedef struct pulsar_logger_t {
    void *ctx;                                                  /* handed to both */
    bool (*is_enabled)(pulsar_logger_level_t level, void *ctx); /* NULL: info and above */
    pulsar_logger log;
} pulsar_logger_t;

typedef struct _pulsar_client_configuration pulsar_client_configuration_t;
typedef struct _pulsar_authentication pulsar_authentication_t;

PULSAR_PUBLIC pulsar_client_configuration_t *pulsar_client_configuration_create(void);
PULSAR_PUBLIC void pulsar_client_configuration_free(pulsar_client_configuration_t *conf);

PULSAR_PUBLIC void pulsar_client_configuration_set_auth(pulsar_client_configuration_t *conf,
                                                        pulsar_authentication_t *authentication);

/* Bytes of messages that all producers of the client may have pending together; 0, the default: no limit.  At the
 * limit a send fails with pulsar_result_MemoryBufferIsFull, or waits where the producer blocks when full. */
PULSAR_PUBLIC void pulsar_client_configuration_set_memory_limit(pulsar_client_configuration_t *conf,
                                                                unsigned long long memoryLimitBytes);
PULSAR_PUBLIC unsigned long long pulsar_client_configuration_get_memory_limit(pulsar_client_configuration_t *conf);

/* For creating, subscribing, seeking, closing, and a request to the broker; 30 by default. */
PULSAR_PUBLIC void pulsar_client_configuration_set_operation_timeout_seconds(pulsar_client_configuration_t *conf,
                                                                             int timeout);
PULSAR_PUBLIC int pulsar_client_configuration_get_operation_timeout_seconds(pulsar_client_configuration_t *conf);

/* Kept for programs that set them: a client has one thread for the network and, once something listens, one for
 * listeners. */
PULSAR_PUBLIC void pulsar_client_configuration_set_io_threads(pulsar_client_configuration_t *conf, int threads);
PULSAR_PUBLIC int pulsar_client_configuration_get_io_threads(pulsar_client_configuration_t *conf);
PULSAR_PUBLIC void pulsar_client_configuration_set_message_listener_threads(pulsar_client_configuration_t *conf,
                                                                            int threads);
PULSAR_PUBLIC int pulsar_client_configuration_get_message_listener_threads(pulsar_client_configuration_t *conf);

/* Lookups under way at once; beyond it they fail with pulsar_result_TooManyLookupRequestException.  50000. */
PULSAR_PUBLIC void pulsar_client_configuration_set_concurrent_lookup_request(pulsar_client_configuration_t *conf,
                                                                             int concurrentLookupRequest);
PULSAR_PUBLIC int pulsar_client_configuration_get_concurrent_lookup_request(pulsar_client_configuration_t *conf);

/* Without a logger, warnings and errors go to standard error.  With the first, info and above go to it. */
PULSAR_PUBLIC void pulsar_client_configuration_set_logger(pulsar_client_configuration_t *conf, pulsar_logger logger,
                                                          void *ctx);
PULSAR_PUBLIC void pulsar_client_configuration_set_logger_t(pulsar_client_configuration_t *conf,
                                                            pulsar_logger_t logger);
PULSAR_PUBLIC void pulsar_client_configuration_set_logger_and_level(pulsar_client_configuration_t *conf,
                                                                    pulsar_logger logger, pulsar_logger_level_t level,
                                                                    void *ctx);

/* ---- TLS: for addresses that begin with pulsar+ssl:// ----
 *
 * The address alone decides, as in the C++ client: `useTls` changes nothing, and is warned of where the address has no
 * TLS. With TLS the client goes nowhere without it, whatever brokers answer.  TLS 1.2 and 1.3.
 *
 * A certificate that is not trusted, or not that of the host, or ours that the broker does not take, and files that
 * cannot be used: creating and subscribing fail with pulsar_result_ConnectError at once, and the log says why.  All
 * files are PEM, and are looked at again for each new connection, so they may be replaced.
 */
PULSAR_PUBLIC void pulsar_client_configuration_set_use_tls(pulsar_client_configuration_t *conf, int useTls);
PULSAR_PUBLIC int pulsar_client_configuration_is_use_tls(pulsar_client_configuration_t *conf);
/* Whom to trust; without it, whom the system trusts. */
PULSAR_PUBLIC void pulsar_client_configuration_set_tls_trust_certs_file_path(pulsar_client_configuration_t *conf,
                                                                             const char *tlsTrustCertsFilePath);
PULSAR_PUBLIC const char *
pulsar_client_configuration_get_tls_trust_certs_file_path(pulsar_client_configuration_t *conf);
/* Any certificate will do, and any host: whoever is in between can read and change everything.  0 by default. */
PULSAR_PUBLIC void pulsar_client_configuration_set_tls_allow_insecure_connection(pulsar_client_configuration_t *conf,
                                                                                 int allowInsecure);
PULSAR_PUBLIC int pulsar_client_configuration_is_tls_allow_insecure_connection(pulsar_client_configuration_t *conf);
/* Our own certificate, shown when the broker asks for one; both or neither. */
PULSAR_PUBLIC void pulsar_client_configuration_set_tls_private_key_file_path(pulsar_client_configuration_t *conf,
                                                                             const char *private_key_file_path);
PULSAR_PUBLIC const char *
pulsar_client_configuration_get_tls_private_key_file_path(pulsar_client_configuration_t *conf);
PULSAR_PUBLIC void pulsar_client_configuration_set_tls_certificate_file_path(pulsar_client_configuration_t *conf,
                                                                             const char *certificateFilePath);
PULSAR_PUBLIC const char *
pulsar_client_configuration_get_tls_certificate_file_path(pulsar_client_configuration_t *conf);
/* The certificate must be that of the host in the address.  1 by default, as PIP-273 has it (in older
 * C++ clients: 0). */
PULSAR_PUBLIC void pulsar_client_configuration_set_validate_hostname(pulsar_client_configuration_t *conf,
                                                                     int validateHostName);
PULSAR_PUBLIC int pulsar_client_configuration_is_validate_hostname(pulsar_client_configuration_t *conf);

/* Kept; no statistics are written to the log. */
PULSAR_PUBLIC void pulsar_client_configuration_set_stats_interval_in_seconds(pulsar_client_configuration_t *conf,
                                                                             const unsigned int interval);
PULSAR_PUBLIC unsigned int
pulsar_client_configuration_get_stats_interval_in_seconds(pulsar_client_configuration_t *conf);

/* Which of the broker's advertised listeners lookups ask for; none by default. */
PULSAR_PUBLIC void pulsar_client_configuration_set_listener_name(pulsar_client_configuration_t *conf,
                                                                 const char *listenerName);
PULSAR_PUBLIC const char *pulsar_client_configuration_get_listener_name(pulsar_client_configuration_t *conf);

/* A ping is sent each interval, and a connection silent for two is closed; 30 by default. */
PULSAR_PUBLIC void pulsar_client_configuration_set_keep_alive_interval_in_seconds(pulsar_client_configuration_t *conf,
                                                                                  unsigned int interval);
PULSAR_PUBLIC unsigned int
pulsar_client_configuration_get_keep_alive_interval_in_seconds(pulsar_client_configuration_t *conf);

/* Kept; partitions added to a topic are seen by producers and consumers created after that. */
PULSAR_PUBLIC void pulsar_client_configuration_set_partitions_update_interval(pulsar_client_configuration_t *conf,
                                                                              const unsigned int intervalInSeconds);
PULSAR_PUBLIC unsigned int
pulsar_client_configuration_get_partitions_update_interval(pulsar_client_configuration_t *conf);

#ifdef __cplusplus
}
#endif

#endif
