/* SPDX-License-Identifier: Apache-2.0
 *
 * signers.c - the signer that the settings name, with a guard before it that believes no answer unchecked.
 */
#include "services/notary/signers/signers.h"

#include "base/list.h"
#include "base/text.h"
#include "services/notary/documents/trusted_keys.h"
#include "services/notary/files.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define TRUSTED_FILE_MAX (256u << 10)

/* ---- the guard ---- */

struct guard {
    struct signer signer;
    struct signer_ops ops; /* with the name and speed of what is guarded */
    struct signer *inner;
    struct trusted_keys trusted;
};

static enum err judge(const struct guard *g, struct bytes message, const struct signed_by *by, char *why,
                      size_t why_size)
{
    char log_id[DIGEST_HEX_SIZE];

    digest_hex(&by->key.log_id, log_id);
    if (g->trusted.count > 0 && !trusted_keys_has(&g->trusted, &by->key)) {
        snprintf(why, why_size, "%s signed with the key %.16s..., which is not one of notary.signer.trusted_keys",
                 g->inner->ops->name, log_id);
        return ERR_DENIED;
    }
    if (public_key_verifies(&by->key, message, &by->signature))
        return OK;
    snprintf(why, why_size, "what %s answered is no signature by its key %.16s...", g->inner->ops->name, log_id);
    return ERR_CORRUPT;
}

static enum err guarded_sign(struct signer *signer, struct bytes message, struct signed_by *out, int64_t timeout_ms,
                             char *why, size_t why_size)
{
    struct guard *g = container_of(signer, struct guard, signer);
    struct signed_by by;
    enum err err = signer_sign(g->inner, message, &by, timeout_ms, why, why_size);

    if (err == OK && (err = judge(g, message, &by, why, why_size)) == OK)
        *out = by;
    return err;
}

/* Signs something that is no evidence, so that all of the way is tried. */
static enum err guarded_check(struct signer *signer, char *why, size_t why_size)
{
    struct guard *g = container_of(signer, struct guard, signer);
    struct signed_by by;
    enum err err = signer_check(g->inner, why, why_size);
    char ignored[400];

    if (err != OK)
        return err;
    err = guarded_sign(signer, bytes_of_text("{\"format\":\"geminga/notary/check/v1\"}"), &by, 10000, ignored,
                       sizeof ignored);
    if (err != OK)
        snprintf(why, why_size, "%s", ignored);
    return err;
}

static const struct public_key *guarded_key(struct signer *signer)
{
    return signer_key(container_of(signer, struct guard, signer)->inner);
}

static void guarded_close(struct signer *signer)
{
    struct guard *g = container_of(signer, struct guard, signer);

    signer_close(g->inner);
    free(g);
}

/* ---- opening ---- */

static enum err read_trusted(struct trusted_keys *t, const char *path, char *why, size_t why_size)
{
    struct text pem;
    enum err err;

    text_init(&pem, TRUSTED_FILE_MAX);
    if ((err = file_read_whole(path, &pem)) != OK)
        snprintf(why, why_size, "notary.signer.trusted_keys: cannot read %s: %s", path,
                 err == ERR_IO ? strerror(errno) : err_text(err));
    else if ((err = trusted_keys_add(t, bytes_of(pem.data, pem.len))) != OK)
        snprintf(why, why_size,
                 "notary.signer.trusted_keys: %s does not hold 1 to %d public keys in PEM, Ed25519 or P-256", path,
                 TRUSTED_KEYS_MAX);
    text_deinit(&pem);
    return err;
}

static enum err open_inner(struct signer **out, const struct signer_settings *s, char *why, size_t why_size)
{
    if (strcmp(s->kind, "pkcs11") == 0)
        return pkcs11_signer_open(out, s, why, why_size);
    if (strcmp(s->kind, "vault") == 0)
        return vault_signer_open(out, s, why, why_size);
    if (text_given(s->key_file))
        return file_signer_open(out, s->key_file, why, why_size);
    snprintf(why, why_size, "notary.signer.kind is file, and notary.signer.key_file names none");
    return ERR_INVALID;
}

/* Takes the inner one on success. */
static enum err guard_new(struct signer **out, struct signer *inner, const struct signer_settings *s, char *why,
                          size_t why_size)
{
    struct guard *g = calloc(1, sizeof *g);
    enum err err = OK;

    snprintf(why, why_size, "out of memory");
    if (!g)
        return ERR_NOMEM;
    if (text_given(s->trusted_keys) && (err = read_trusted(&g->trusted, s->trusted_keys, why, why_size)) != OK) {
        free(g);
        return err;
    }
    g->inner = inner;
    g->ops = (struct signer_ops){.name = inner->ops->name,
                                 .instant = inner->ops->instant,
                                 .sign = guarded_sign,
                                 .check = guarded_check,
                                 .key = inner->ops->key ? guarded_key : NULL,
                                 .close = guarded_close};
    g->signer.ops = &g->ops;
    *out = &g->signer;
    return OK;
}

enum err signer_open(struct signer **out, const struct signer_settings *settings, struct signer *log_key, char *why,
                     size_t why_size)
{
    struct signer *inner;
    enum err err;

    if (strcmp(settings->kind, "log") == 0) {
        *out = log_key;
        return OK;
    }
    if ((err = open_inner(&inner, settings, why, why_size)) != OK)
        return err;
    if (strcmp(settings->kind, "file") == 0 &&
        !text_given(settings->trusted_keys)) { /* we are not to be guarded from us */
        *out = inner;
        return OK;
    }
    if ((err = guard_new(out, inner, settings, why, why_size)) != OK)
        signer_close(inner);
    return err;
}
