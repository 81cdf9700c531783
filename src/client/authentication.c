/* SPDX-License-Identifier: Apache-2.0
 *
 * authentication.c - the public authentication objects, and the proofs of authentication.h.
 *
 * An object that cannot be used is made all the same, as the API has no other way to tell: what is done with it fails,
 * and geminga_authentication_refusal says why.
 */
#include "client/authentication.h"

#include "base/secret.h"
#include "wire/command.h"

#include <geminga/client.h>
#include <stdio.h>

#define WHY_MAX 400

/* ---- objects ---- */

static pulsar_authentication_t *object_new(void)
{
    return calloc(1, sizeof(struct _pulsar_authentication));
}

/* `err` is how reading the parameters went. */
static pulsar_authentication_t *object_judged(pulsar_authentication_t *auth, enum err err, const char *why)
{
    if (err == OK)
        return auth;
    auth->refused = err == ERR_UNSUPPORTED ? pulsar_result_OperationNotSupported : pulsar_result_InvalidConfiguration;
    if (err != ERR_NOMEM && (auth->why = strdup(why)))
        return auth;
    pulsar_authentication_free(auth);
    return NULL;
}

pulsar_authentication_t *pulsar_authentication_create(const char *dynamicLibPath, const char *authParamsString)
{
    pulsar_authentication_t *auth = object_new();
    char why[WHY_MAX] = "";
    enum err err;

    if (!auth)
        return NULL;
    err = auth_params_read(&auth->params, dynamicLibPath, authParamsString, why, sizeof why);
    return object_judged(auth, err, why);
}

pulsar_authentication_t *pulsar_authentication_token_create(const char *token)
{
    pulsar_authentication_t *auth = object_new();

    return auth ? object_judged(auth, auth_params_token(&auth->params, token ? token : ""), "the token is empty") : NULL;
}

pulsar_authentication_t *pulsar_authentication_token_create_with_supplier(token_supplier tokenSupplier, void *ctx)
{
    pulsar_authentication_t *auth = object_new();

    if (!auth)
        return NULL;
    auth->supplier = tokenSupplier;
    auth->ctx = ctx;
    return object_judged(auth, tokenSupplier ? OK : ERR_INVALID, "there is no supplier of tokens");
}

pulsar_authentication_t *pulsar_authentication_basic_create(const char *username, const char *password)
{
    pulsar_authentication_t *auth = object_new();
    enum err err;

    if (!auth)
        return NULL;
    err = auth_params_basic(&auth->params, username ? username : "", password ? password : "");
    return object_judged(auth, err, "a user's name is not empty, and has no colon in it");
}

pulsar_authentication_t *pulsar_authentication_tls_create(const char *certificatePath, const char *privateKeyPath)
{
    pulsar_authentication_t *auth = object_new();
    enum err err;

    if (!auth)
        return NULL;
    err = auth_params_certificate(&auth->params, certificatePath ? certificatePath : "",
                                  privateKeyPath ? privateKeyPath : "");
    return object_judged(auth, err, "a certificate and its key are two files");
}

pulsar_authentication_t *pulsar_authentication_athenz_create(const char *authParamsString)
{
    return pulsar_authentication_create("athenz", authParamsString);
}

pulsar_authentication_t *pulsar_authentication_oauth2_create(const char *authParamsString)
{
    return pulsar_authentication_create("oauth2token", authParamsString);
}

const char *geminga_authentication_refusal(const pulsar_authentication_t *authentication)
{
    return authentication->why;
}

void pulsar_authentication_free(pulsar_authentication_t *authentication)
{
    if (authentication)
        client_auth_deinit(authentication);
    free(authentication);
}

enum err client_auth_copy(struct _pulsar_authentication *to, const struct _pulsar_authentication *from)
{
    *to = (struct _pulsar_authentication){.supplier = from->supplier, .ctx = from->ctx, .refused = from->refused};
    if (auth_params_copy(&to->params, &from->params) != OK)
        return ERR_NOMEM;
    if (!from->why || (to->why = strdup(from->why)))
        return OK;
    auth_params_deinit(&to->params);
    return ERR_NOMEM;
}

void client_auth_deinit(struct _pulsar_authentication *auth)
{
    auth_params_deinit(&auth->params);
    free(auth->why);
    *auth = (struct _pulsar_authentication){0};
}

/* ---- proofs ---- */

/* How CONNECT and AUTH_RESPONSE say it: the method, and what proves it, if it is shown there. */
struct proof {
    const char *method; /* NULL: none */
    char *data;         /* NULL: none */
};

static enum err proof_get(const struct _pulsar_authentication *auth, struct proof *proof, const char **why)
{
    if (!auth->supplier) {
        proof->method = auth->params.method;
        return auth_params_proof(&auth->params, &proof->data, why);
    }
    *why = "the supplier has no token";
    *proof = (struct proof){.method = "token", .data = auth->supplier(auth->ctx)};
    return proof->data ? OK : ERR_NOT_FOUND;
}

static enum err command_frame(Wire__BaseCommand__Type type, void *body, struct slice *frame, const char **why)
{
    Wire__BaseCommand command;

    command_wrap(&command, type, body);
    *why = "no memory";
    return command_encode_slice(&command, NULL, frame);
}

static ProtobufCBinaryData data_of(const struct proof *proof)
{
    return wire_binary(bytes_of_text(proof->data ? proof->data : ""));
}

static char *version_text(void)
{
    return wire_text("Geminga-C-v" GEMINGA_VERSION);
}

enum err client_auth_connect(const struct _pulsar_authentication *auth, const char *proxy_to, struct slice *frame,
                             const char **why)
{
    Wire__CommandConnect connect = WIRE__COMMAND_CONNECT__INIT;
    Wire__FeatureFlags features = WIRE__FEATURE_FLAGS__INIT;
    struct proof proof = {0};
    enum err err = proof_get(auth, &proof, why);

    if (err != OK)
        return err;
    features.has_supports_auth_refresh = features.supports_auth_refresh = true;
    connect.client_version = version_text();
    connect.has_protocol_version = true;
    connect.protocol_version = WIRE_PROTOCOL_VERSION;
    connect.feature_flags = &features;
    connect.auth_method_name = proof.method ? wire_text(proof.method) : NULL;
    connect.has_auth_data = proof.data != NULL;
    connect.auth_data = data_of(&proof);
    connect.proxy_to_broker_url = proxy_to ? wire_text(proxy_to) : NULL;
    err = command_frame(WIRE__BASE_COMMAND__TYPE__CONNECT, &connect, frame, why);
    secret_free(proof.data);
    return err;
}

enum err client_auth_response(const struct _pulsar_authentication *auth, struct slice *frame, const char **why)
{
    Wire__CommandAuthResponse response = WIRE__COMMAND_AUTH_RESPONSE__INIT;
    Wire__AuthData data = WIRE__AUTH_DATA__INIT;
    struct proof proof = {0};
    enum err err = proof_get(auth, &proof, why);

    if (err != OK)
        return err;
    if (!proof.method) {
        *why = "none was set";
        return ERR_NOT_FOUND;
    }
    data.auth_method_name = wire_text(proof.method);
    data.has_auth_data = proof.data != NULL;
    data.auth_data = data_of(&proof);
    response.client_version = version_text();
    response.response = &data;
    response.has_protocol_version = true;
    response.protocol_version = WIRE_PROTOCOL_VERSION;
    err = command_frame(WIRE__BASE_COMMAND__TYPE__AUTH_RESPONSE, &response, frame, why);
    secret_free(proof.data);
    return err;
}
