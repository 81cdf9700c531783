/* SPDX-License-Identifier: Apache-2.0
 *
 * http_access.c - see http_access.h.
 */
#include "cli/http_access.h"

#include <stdio.h>
#include <string.h>

static bool is_with_tls(const char *url)
{
    return strncmp(url, "https://", 8) == 0 || strncmp(url, "wss://", 6) == 0;
}

bool http_access_read(const char *url, const struct access_config *config, int timeout_ms, struct http_target *target,
                      struct admin_proof *proof, char *why, size_t why_size)
{
    struct pulsar_access access;

    if (!access_read(config, &access, why, why_size))
        return false;
    if (config->tls_enabled && !is_with_tls(url)) {
        (void)snprintf(why, why_size, "PULSAR_TLS_ENABLED is set, and %.200s is without TLS: https://HOST:PORT", url);
        return false;
    }
    if (admin_proof_make(proof, access.auth_plugin, access.auth_params, why, why_size) != OK)
        return false;
    *target = (struct http_target){
        .url = url,
        .authorization = proof->authorization,
        .trust_certs = access.trust_certs,
        .certificate = proof->certificate ? proof->certificate : access.certificate,
        .key = proof->key ? proof->key : access.key,
        .allow_insecure = access.any_certificate,
        .verify_hostname = !access.any_host,
        .timeout_ms = timeout_ms,
    };
    return true;
}
