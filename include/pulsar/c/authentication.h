/* SPDX-License-Identifier: Apache-2.0
 *
 * authentication.h - who we say we are when connecting.
 *
 * Built: no authentication (do not set one), and tokens.  The others can be made and set, and then the client's
 * operations fail with pulsar_result_OperationNotSupported, which is logged.
 */
#ifndef PULSAR_C_AUTHENTICATION_H
#define PULSAR_C_AUTHENTICATION_H

#include <pulsar/defines.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _pulsar_authentication pulsar_authentication_t;

/* Returns a token allocated with malloc, which the client frees; NULL: there is none.  Called for each new
 * connection and each challenge, on the client's thread: it should not wait. */
typedef char *(*token_supplier)(void *ctx);

/* Configurations copy what they need: free this whenever you like. */
PULSAR_PUBLIC pulsar_authentication_t *pulsar_authentication_token_create(const char *token);
PULSAR_PUBLIC pulsar_authentication_t *pulsar_authentication_token_create_with_supplier(token_supplier tokenSupplier,
                                                                                        void *ctx);
/* `dynamicLibPath` names a method or a plug-in; plug-ins are not loaded.  "token" with "token:..." or a bare
 * token is what pulsar_authentication_token_create makes. */
PULSAR_PUBLIC pulsar_authentication_t *pulsar_authentication_create(const char *dynamicLibPath,
                                                                    const char *authParamsString);

/* Not built: see above. */
PULSAR_PUBLIC pulsar_authentication_t *pulsar_authentication_tls_create(const char *certificatePath,
                                                                        const char *privateKeyPath);
PULSAR_PUBLIC pulsar_authentication_t *pulsar_authentication_athenz_create(const char *authParamsString);
PULSAR_PUBLIC pulsar_authentication_t *pulsar_authentication_oauth2_create(const char *authParamsString);
PULSAR_PUBLIC pulsar_authentication_t *pulsar_authentication_basic_create(const char *username, const char *password);

PULSAR_PUBLIC void pulsar_authentication_free(pulsar_authentication_t *authentication);

#ifdef __cplusplus
}
#endif

#endif
