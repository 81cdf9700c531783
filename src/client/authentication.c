/* SPDX-License-Identifier: Apache-2.0
 *
 * authentication.c - makes the public authentication objects; connection.c uses them.
 */
#include "client/config.h"

#include <stdlib.h>

static pulsar_authentication_t *auth_new(enum client_auth_kind kind, const char *text)
{
    pulsar_authentication_t *auth = calloc(1, sizeof *auth);

    if (!auth)
        return NULL;
    auth->kind = kind;
    if (!client_text_set(&auth->token, text)) {
        free(auth);
        return NULL;
    }
    return auth;
}

pulsar_authentication_t *pulsar_authentication_token_create(const char *token)
{
    return auth_new(CLIENT_AUTH_TOKEN, token);
}

pulsar_authentication_t *pulsar_authentication_token_create_with_supplier(token_supplier tokenSupplier, void *ctx)
{
    pulsar_authentication_t *auth = auth_new(CLIENT_AUTH_SUPPLIER, NULL);

    if (auth) {
        auth->supplier = tokenSupplier;
        auth->ctx = ctx;
    }
    return auth;
}

pulsar_authentication_t *pulsar_authentication_create(const char *dynamicLibPath, const char *authParamsString)
{
    const char *token = authParamsString ? authParamsString : "";

    if (!dynamicLibPath || strcmp(dynamicLibPath, "token") != 0)
        return auth_new(CLIENT_AUTH_UNBUILT, "an authentication plug-in");
    if (strncmp(token, "file:", 5) == 0)
        return auth_new(CLIENT_AUTH_UNBUILT, "reading a token from a file (use a supplier)");
    if (strncmp(token, "token:", 6) == 0)
        token += 6;
    return auth_new(CLIENT_AUTH_TOKEN, token);
}

pulsar_authentication_t *pulsar_authentication_tls_create(const char *certificatePath, const char *privateKeyPath)
{
    return auth_new(CLIENT_AUTH_UNBUILT, "authentication by certificate");
}

pulsar_authentication_t *pulsar_authentication_athenz_create(const char *authParamsString)
{
    return auth_new(CLIENT_AUTH_UNBUILT, "authentication by Athenz");
}

pulsar_authentication_t *pulsar_authentication_oauth2_create(const char *authParamsString)
{
    return auth_new(CLIENT_AUTH_UNBUILT, "authentication by OAuth2");
}

pulsar_authentication_t *pulsar_authentication_basic_create(const char *username, const char *password)
{
    return auth_new(CLIENT_AUTH_UNBUILT, "authentication by password");
}

void pulsar_authentication_free(pulsar_authentication_t *authentication)
{
    if (authentication)
        free(authentication->token);
    free(authentication);
}
