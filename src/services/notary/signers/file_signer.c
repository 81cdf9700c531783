/* SPDX-License-Identifier: Apache-2.0
 *
 * file_signer.c - a private key in a file: PEM of PKCS #8, as `openssl genpkey` writes it.
 *
 * Read once, at the start; what was read is wiped.  libcrypto's keys may be used by several threads at once as long as
 * nobody changes them.
 */
#include "services/notary/signers/signers.h"

#include "base/list.h"
#include "base/secret.h"
#include "services/notary/documents/pem.h"
#include "services/notary/files.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#define KEY_FILE_MAX (64u << 10)

struct file_signer {
    struct signer signer;
    EVP_PKEY *private_key;
    struct public_key public_key;
};

static const struct public_key *key_of(struct signer *signer)
{
    return &container_of(signer, struct file_signer, signer)->public_key;
}

static enum err sign(struct signer *signer, struct bytes message, struct signed_by *out, int64_t timeout_ms, char *why,
                     size_t why_size)
{
    struct file_signer *s = container_of(signer, struct file_signer, signer);

    if (signature_make(&out->signature, s->private_key, &s->public_key, message) != OK)
        return err_because(ERR_NOMEM, why, why_size, "the key cannot sign: out of memory");
    out->key = s->public_key;
    return OK;
}

static enum err check(struct signer *signer, char *why, size_t why_size)
{
    const struct public_key *key = key_of(signer);
    char log_id[DIGEST_HEX_SIZE];

    digest_hex(&key->log_id, log_id);
    snprintf(why, why_size, "signs with a key file, %s, %.16s...", public_key_kind_name(key->kind), log_id);
    return OK;
}

static void close_signer(struct signer *signer)
{
    struct file_signer *s = container_of(signer, struct file_signer, signer);

    EVP_PKEY_free(s->private_key);
    free(s);
}

static const struct signer_ops ops = {
    .name = "file", .instant = true, .sign = sign, .check = check, .key = key_of, .close = close_signer};

/* NULL: not such a key. */
static EVP_PKEY *private_from_der(struct bytes der)
{
    const uint8_t *at = der.data;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.len);
    EVP_PKEY *key = info && at == der.data + der.len ? EVP_PKCS82PKEY(info) : NULL;

    PKCS8_PRIV_KEY_INFO_free(info);
    ERR_clear_error();
    return key;
}

static enum err public_of(EVP_PKEY *private_key, struct public_key *out)
{
    uint8_t *der = NULL;
    int len = i2d_PUBKEY(private_key, &der);
    enum err err = len > 0 ? public_key_from_spki(out, bytes_of(der, (size_t)len)) : ERR_UNSUPPORTED;

    OPENSSL_free(der);
    return err;
}

static enum err from_pem(struct file_signer *s, struct bytes pem)
{
    uint8_t der[4096];
    size_t len;
    enum err err = pem_decode("PRIVATE KEY", pem, der, sizeof der, &len);

    if (err == OK)
        s->private_key = private_from_der(bytes_of(der, len));
    secret_wipe(der, sizeof der);
    return s->private_key ? public_of(s->private_key, &s->public_key) : ERR_INVALID;
}

static bool has(const struct text *pem, const char *label)
{
    return pem->data && strstr(pem->data, label);
}

/* What a user can do about a file that is no key of ours. */
static const char *advice(const struct text *pem)
{
    if (has(pem, "BEGIN ENCRYPTED"))
        return "it is encrypted; decrypt it with `openssl pkcs8`, or keep the key in a PKCS #11 token";
    if (has(pem, "BEGIN EC PRIVATE KEY"))
        return "it has the old form of EC keys; convert it with `openssl pkcs8 -topk8 -nocrypt`";
    return "make one with `openssl genpkey -algorithm ed25519`, or `-algorithm EC -pkeyopt ec_paramgen_curve:P-256`";
}

enum err file_signer_open(struct signer **out, const char *path, char *why, size_t why_size)
{
    struct file_signer *s = calloc(1, sizeof *s);
    struct text pem;
    enum err err = ERR_NOMEM;

    text_init(&pem, KEY_FILE_MAX);
    snprintf(why, why_size, "out of memory");
    if (s && (err = file_read_whole(path, &pem)) != OK)
        snprintf(why, why_size, "cannot read the key file %s: %s", path,
                 err == ERR_IO ? strerror(errno) : err_text(err));
    else if (s && (err = from_pem(s, bytes_of(pem.data, pem.len))) != OK)
        snprintf(why, why_size, "%s is not an Ed25519 or P-256 private key (PEM, PKCS #8): %s", path, advice(&pem));
    if (pem.data)
        secret_wipe(pem.data, pem.len);
    text_deinit(&pem);
    if (err == OK) {
        s->signer.ops = &ops;
        *out = &s->signer;
    } else if (s) {
        close_signer(&s->signer);
    }
    return err;
}
