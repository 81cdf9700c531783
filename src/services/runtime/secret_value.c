/* SPDX-License-Identifier: Apache-2.0
 *
 * secret_value.c - the ways in which a token is given (security/auth_params.h), for every secret.
 */
#include "services/runtime/secret_value.h"

#include "security/auth_params.h"

enum err secret_value(const char *setting, char **out, const char **why)
{
    struct auth_params params = {0};
    char *value = NULL;
    enum err err = auth_params_token(&params, setting);

    *why = err_text(err);
    if (err == OK)
        err = auth_params_proof(&params, &value, why);
    auth_params_deinit(&params);
    if (err == OK)
        *out = value;
    return err;
}
