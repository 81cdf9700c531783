/* SPDX-License-Identifier: Apache-2.0
 *
 * access.c - see access.h.
 */
#include "cli/access.h"

#include "base/text.h"
#include <stdio.h>
#include <string.h>

const char *const access_methods[] = {"none", "jwt", "token", "basic", "tls", NULL};

bool access_read(const struct access_config *config, struct pulsar_access *to, char *message, size_t message_size)
{
    *to = (struct pulsar_access){
        .auth_plugin = config->auth_plugin,
        .auth_params = config->auth_params,
        .trust_certs = config->trust_certs,
        .certificate = config->certificate,
        .key = config->key,
        .any_certificate = config->allow_insecure,
        .any_host = !config->verify_hostname,
    };
    if (!text_given(config->auth_plugin))
        pulsar_access_method(to, config->auth_method, config->auth_token);
    if (text_given(config->certificate) == text_given(config->key))
        return true;
    (void)snprintf(
        message, message_size,
        "our certificate and its key go together (PULSAR_TLS_CERT_PATH, PULSAR_TLS_KEY_PATH); certificates to "
        "trust are PULSAR_TLS_TRUST_CERTS_PATH");
    return false;
}
