/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_auth.c - see admin_auth.h.
 */
#include "cli/admin_auth.h"

#include "base/base64.h"
#include "base/secret.h"
#include "security/auth_params.h"
#include <stdio.h>
#include <strings.h>

#define HEADER_MAX (2 * AUTH_PROOF_MAX)

static char *bearer(const char *token)
{
    static const char scheme[] = "Bearer ";
    const size_t size = sizeof scheme + strlen(token);
    char *header = malloc(size);

    if (header)
        (void)snprintf(header, size, "%s%s", scheme, token);
    return header;
}

/* NULL: no memory. */
static char *basic(const char *pair)
{
    struct text header;

    text_init(&header, HEADER_MAX);
    text_add(&header, "Basic ");
    base64_encode(&header, bytes_of_text(pair));
    return text_failed(&header) ? (text_deinit(&header), NULL) : text_take(&header);
}

static enum err header_make(const struct auth_params *params, char **header, char *why, size_t why_size)
{
    const char *reason;
    char *proof;
    enum err err = auth_params_proof(params, &proof, &reason);

    if (err != OK) {
        (void)snprintf(why, why_size, "--auth-params: %s", reason);
        return err;
    }
    if (!proof)
        return OK;
    *header = params->kind == AUTH_BASIC ? basic(proof) : bearer(proof);
    secret_free(proof);
    return *header ? OK : ERR_NOMEM;
}

enum err admin_proof_make(struct admin_proof *proof, const char *plugin, const char *text, char *why, size_t why_size)
{
    struct auth_params params;
    enum err err;

    *proof = (struct admin_proof){0};
    if (plugin && strcasecmp(plugin, "tls") == 0 && (!text || !*text))
        return OK; /* the certificate is named elsewhere */
    if ((err = auth_params_read(&params, plugin, text, why, why_size)) != OK)
        return err;
    err = header_make(&params, &proof->authorization, why, why_size);
    if (err == OK && params.kind == AUTH_CERTIFICATE) {
        proof->certificate = params.certificate;
        proof->key = params.key;
        params.certificate = params.key = NULL; /* they are the proof's now */
    }
    auth_params_deinit(&params);
    return err;
}

void admin_proof_deinit(struct admin_proof *proof)
{
    secret_free(proof->authorization);
    free(proof->certificate);
    free(proof->key);
    *proof = (struct admin_proof){0};
}
