/* SPDX-License-Identifier: Apache-2.0
 *
 * access.c - see access.h.
 */
#include "services/runtime/access.h"
#include "base/text.h"

#include <geminga/client.h>
#include <pulsar/c/authentication.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void pulsar_access_method(struct pulsar_access *access, const char *method, const char *token)
{
    const bool by_token = strcasecmp(method, "jwt") == 0 || strcasecmp(method, "token") == 0;

    access->auth_plugin = by_token ? "token" : method;
    if (by_token && text_given(token))
        access->auth_params = token;
}

char *pulsar_access_url(const char *url, bool tls)
{
    static const char plain[] = "pulsar://";
    const bool changed = tls && strncmp(url, plain, strlen(plain)) == 0;
    char *out;

    if (!changed)
        return strdup(url);
    return asprintf(&out, "pulsar+ssl://%s", url + strlen(plain)) < 0 ? NULL : out;
}

/* What it is; NULL: no memory. */
static pulsar_authentication_t *authentication_of(const struct pulsar_access *a)
{
    if (strcasecmp(a->auth_plugin, "tls") == 0 && !text_given(a->auth_params))
        return pulsar_authentication_tls_create(a->certificate, a->key);
    return pulsar_authentication_create(a->auth_plugin, a->auth_params);
}

static enum err authentication_set(const struct pulsar_access *a, pulsar_client_configuration_t *conf, char *message,
                                   size_t message_size)
{
    pulsar_authentication_t *auth;
    const char *refusal;
    enum err err = OK;

    if (!text_given(a->auth_plugin))
        return OK;
    if (!(auth = authentication_of(a)))
        return ERR_NOMEM;
    if ((refusal = geminga_authentication_refusal(auth))) {
        (void)snprintf(message, message_size, "%s", refusal);
        err = ERR_INVALID;
    } else {
        pulsar_client_configuration_set_auth(conf, auth);
    }
    pulsar_authentication_free(auth);
    return err;
}

static void tls_set(const struct pulsar_access *a, pulsar_client_configuration_t *conf)
{
    if (text_given(a->trust_certs))
        pulsar_client_configuration_set_tls_trust_certs_file_path(conf, a->trust_certs);
    if (text_given(a->certificate))
        pulsar_client_configuration_set_tls_certificate_file_path(conf, a->certificate);
    if (text_given(a->key))
        pulsar_client_configuration_set_tls_private_key_file_path(conf, a->key);
    pulsar_client_configuration_set_tls_allow_insecure_connection(conf, a->any_certificate);
    pulsar_client_configuration_set_validate_hostname(conf, !a->any_host);
}

enum err pulsar_access_configuration(const struct pulsar_access *access, pulsar_client_configuration_t **out,
                                     char *message, size_t message_size)
{
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    enum err err = ERR_NOMEM;

    (void)snprintf(message, message_size, "no memory");
    if (conf && (err = authentication_set(access, conf, message, message_size)) == OK) {
        tls_set(access, conf);
        *out = conf;
        return OK;
    }
    if (conf)
        pulsar_client_configuration_free(conf);
    return err;
}
