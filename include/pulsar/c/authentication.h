/* SPDX-License-Identifier: Apache-2.0
 *
 * authentication.h - who we say we are when connecting.
 *
 * Built: tokens, names with passwords, certificates, and none at all (do not set one).  Athenz, OAuth 2.0 and plug-ins
 * can be made and set, and then the client's operations fail with pulsar_result_OperationNotSupported; parameters that
 * make no sense give pulsar_result_InvalidConfiguration.  geminga_authentication_refusal (geminga/client.h) tells
 * before that.
 *
 * Who is not believed: creating and subscribing fail with pulsar_result_AuthenticationError at once; what exists
 * already goes on trying, each time with what there is to show then.  With nothing to show (no file, no variable, a
 * supplier that gives NULL) it is pulsar_result_ErrorGettingAuthenticationData, and nothing is sent.
 *
 * Secrets are not logged, and wiped when they are freed or sent.  Without TLS everybody on the way can read them.
 */
#ifndef PULSAR_C_AUTHENTICATION_H
#define PULSAR_C_AUTHENTICATION_H

#include <pulsar/defines.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _pulsar_authentication pulsar_authentication_t;

/* Returns a token allocated with malloc, which the client wipes and frees; NULL: there is none.  Called for each new
 * connection, and each time that the broker asks for a fresh one, on the client's thread: it should not wait. */
typedef char *(*token_supplier)(void *ctx);

/* Configurations copy what they need: free this whenever you like.  Each may return NULL: no memory. */
PULSAR_PUBLIC pulsar_authentication_t *pulsar_authentication_token_create(const char *token);
PULSAR_PUBLIC pulsar_authentication_t *pulsar_authentication_token_create_with_supplier(token_supplier tokenSupplier,
                                                                                        void *ctx);

/* `dynamicLibPath` names the way, shortly or by the class of Pulsar's Java client, in any case; plug-ins are not
 * loaded.
 *
 *     token  org.apache.pulsar.client.impl.auth.AuthenticationToken
 *            "token:TEXT", "TEXT", "file:///PATH" or "file:PATH" (read again for each connection), "env:NAME",
 *            {"token": "TEXT"}
 *     basic  org.apache.pulsar.client.impl.auth.AuthenticationBasic
 *            {"username": "NAME", "password": "TEXT"} (or "userId"), "userId:NAME,password:TEXT", "NAME:TEXT"
 *     tls    org.apache.pulsar.client.impl.auth.AuthenticationTls
 *            "tlsCertFile:PATH,tlsKeyFile:PATH"
 */
PULSAR_PUBLIC pulsar_authentication_t *pulsar_authentication_create(const char *dynamicLibPath,
                                                                    const char *authParamsString);

/* PEM files: the certificate, with those that lead to its issuer behind it, and its key, without a password.  They are
 * shown in TLS's handshake, so the address must be pulsar+ssl://, and go over those that the client's configuration
 * names. */
PULSAR_PUBLIC pulsar_authentication_t *pulsar_authentication_tls_create(const char *certificatePath,
                                                                        const char *privateKeyPath);
PULSAR_PUBLIC pulsar_authentication_t *pulsar_authentication_basic_create(const char *username, const char *password);

/* Not built: see above. */
PULSAR_PUBLIC pulsar_authentication_t *pulsar_authentication_athenz_create(const char *authParamsString);
PULSAR_PUBLIC pulsar_authentication_t *pulsar_authentication_oauth2_create(const char *authParamsString);

PULSAR_PUBLIC void pulsar_authentication_free(pulsar_authentication_t *authentication);

#ifdef __cplusplus
}
#endif

#endif
