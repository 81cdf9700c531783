/* SPDX-License-Identifier: Apache-2.0
 *
 * masked.c - see masked.h.
 */
#include "admin/masked.h"

#include <string.h>

static const char *const secrets[] = {
    "authenticationParameters",           "brokerClientTlsTrustStorePassword",      "brokerClientTlsKeyStorePassword",
    "brokerClientSslFactoryPluginParams", "s3ManagedLedgerOffloadCredentialSecret",
};
#define SECRETS (sizeof secrets / sizeof secrets[0])

json_t *masked_copy(const json_t *tree)
{
    json_t *copy = json_deep_copy(tree);

    for (size_t i = 0; i < SECRETS; i++) {
        json_t *value = json_object_get(copy, secrets[i]);
        if (json_string_length(value) > 0 && json_string_set(value, MASK)) {
            json_decref(copy);
            return NULL;
        }
    }
    return copy;
}

bool masked_restore(json_t *tree, const json_t *old)
{
    bool done = true;

    for (size_t i = 0; i < SECRETS; i++) {
        const char *given = json_string_value(json_object_get(tree, secrets[i]));
        json_t *before = json_object_get(old, secrets[i]);
        if (given && strcmp(given, MASK) == 0)
            done = done && json_object_set_new(tree, secrets[i], before ? json_incref(before) : json_null()) == 0;
    }
    return done;
}
