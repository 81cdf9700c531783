/* SPDX-License-Identifier: Apache-2.0
 *
 * vault_signer.c - signatures by Vault's transit engine.
 *
 * A key of the engine has versions; a signature names its version ("vault:v3:BASE64"), so rotating the key is all that
 * there is to do in Vault, and the receipt carries the version's public key.  Public keys are asked for once and again
 * when a version is not known, or when a signature does not fit the key that it names (it was deleted and made anew).
 *
 * Ed25519 needs the whole message; of ECDSA the SHA-256 is sent.
 */
#include "services/notary/signers/vault.h"

#include "base/base64.h"
#include "base/list.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define VERSIONS_MAX 256
#define INPUT_MAX    (32u << 20) /* what Vault takes by default */

struct version {
    uint64_t number;
    struct public_key key;
};

struct vault_signer {
    struct signer signer;
    struct vault *vault;
    const struct signer_settings *s;
    pthread_mutex_t lock; /* of what follows */
    struct version versions[VERSIONS_MAX];
    size_t count;
    enum key_kind kind; /* when there are versions */
};

/* ---- public keys ---- */

/* Raw in base64 (Ed25519), or PEM (ECDSA). */
static bool read_public_key(const char *text, enum key_kind kind, struct public_key *out)
{
    uint8_t raw[PUBLIC_KEY_RAW_LEN];
    size_t len;

    if (!text)
        return false;
    if (kind == KEY_ECDSA_P256)
        return public_key_from_pem(out, bytes_of_text(text)) == OK && out->kind == kind;
    if (base64_decode(bytes_of_text(text), raw, sizeof raw, &len) != OK || len != sizeof raw)
        return false;
    public_key_from_raw(out, raw);
    return true;
}

static bool kind_of(const json_t *data, enum key_kind *out)
{
    const char *type = json_string_value(json_object_get(data, "type"));

    if (!type || json_is_true(json_object_get(data, "derived")))
        return false;
    *out = strcmp(type, "ed25519") == 0 ? KEY_ED25519 : KEY_ECDSA_P256;
    return *out == KEY_ED25519 || strcmp(type, "ecdsa-p256") == 0;
}

/* The newest, if there are more than we keep. */
static void add_version(struct vault_signer *v, uint64_t number, const struct public_key *key)
{
    size_t at = v->count;

    if (v->count == VERSIONS_MAX) {
        at = 0;
        for (size_t i = 1; i < VERSIONS_MAX; i++)
            if (v->versions[i].number < v->versions[at].number)
                at = i;
        if (v->versions[at].number > number)
            return;
    } else {
        v->count++;
    }
    v->versions[at] = (struct version){.number = number, .key = *key};
}

/* Under the lock: all that the answer has. */
static enum err take_versions(struct vault_signer *v, const json_t *data, char *why, size_t size)
{
    json_t *keys = json_object_get(data, "keys"), *entry;
    struct public_key key;
    const char *number;

    if (!kind_of(data, &v->kind))
        return err_because(ERR_UNSUPPORTED, why, size, "Vault's key %s is of type %.40s; ed25519 and ecdsa-p256 sign evidence",
                    v->s->vault_key,
                    json_is_true(json_object_get(data, "derived"))
                        ? "derived"
                        : json_string_value(json_object_get(data, "type")) ?: "?");
    v->count = 0;
    json_object_foreach(keys, number, entry)
    {
        if (!read_public_key(json_string_value(json_object_get(entry, "public_key")), v->kind, &key))
            return err_because(ERR_CORRUPT, why, size,
                               "Vault's key %s, version %.20s, has no public key that can be read", v->s->vault_key,
                               number);
        add_version(v, strtoull(number, NULL, 10), &key);
    }
    return v->count ? OK : err_because(ERR_CORRUPT, why, size, "Vault's key %s has no versions", v->s->vault_key);
}

static enum err fetch_versions(struct vault_signer *v, const struct deadline *deadline, char *why, size_t size)
{
    char path[600];
    json_t *answer;
    enum err err;

    snprintf(path, sizeof path, "%s/keys/%s", v->s->vault_mount, v->s->vault_key);
    if ((err = vault_request(v->vault, path, NULL, deadline, &answer, why, size)) != OK)
        return err;
    pthread_mutex_lock(&v->lock);
    err = take_versions(v, json_object_get(answer, "data"), why, size);
    if (err != OK)
        v->count = 0;
    pthread_mutex_unlock(&v->lock);
    json_decref(answer);
    return err;
}

static bool find_version(struct vault_signer *v, uint64_t number, struct public_key *out)
{
    bool found = false;

    pthread_mutex_lock(&v->lock);
    for (size_t i = 0; i < v->count && !found; i++)
        if ((found = v->versions[i].number == number))
            *out = v->versions[i].key;
    pthread_mutex_unlock(&v->lock);
    return found;
}

/* The kind of the key: of the versions that we have, or asked for. */
static enum err kind_get(struct vault_signer *v, const struct deadline *deadline, enum key_kind *out, char *why,
                         size_t size)
{
    bool known;
    enum err err;

    for (unsigned i = 0; i < 2; i++) {
        pthread_mutex_lock(&v->lock);
        known = v->count > 0;
        *out = v->kind;
        pthread_mutex_unlock(&v->lock);
        if (known)
            return OK;
        if ((err = fetch_versions(v, deadline, why, size)) != OK)
            return err;
    }
    return err_because(ERR_AGAIN, why, size, "Vault's key %s changes too often", v->s->vault_key);
}

/* ---- signing ---- */

static json_t *base64_json(struct bytes bytes)
{
    struct text text;
    json_t *json = NULL;

    text_init(&text, 2 * INPUT_MAX);
    base64_encode(&text, bytes);
    if (!text_failed(&text))
        json = json_stringn(text.data ? text.data : "", text.len);
    text_deinit(&text);
    return json;
}

static json_t *sign_body(enum key_kind kind, struct bytes message)
{
    struct digest d;

    if (kind == KEY_ED25519)
        return json_pack("{s:o}", "input", base64_json(message));
    d = digest_of(message);
    return json_pack("{s:o, s:b, s:s, s:s}", "input", base64_json(bytes_of(d.bytes, DIGEST_LEN)), "prehashed", 1,
                     "hash_algorithm", "sha2-256", "marshaling_algorithm", "asn1");
}

/* "vault:v3:BASE64" */
static bool read_signature(const char *text, uint64_t *version, struct signature *out)
{
    char *end;

    memset(out, 0, sizeof *out);
    if (!text || strncmp(text, "vault:v", 7) != 0 || text[7] < '1' || text[7] > '9')
        return false;
    *version = strtoull(text + 7, &end, 10);
    return *end == ':' && base64_decode(bytes_of_text(end + 1), out->bytes, SIGNATURE_MAX, &out->len) == OK;
}

static enum err ask(struct vault_signer *v, struct bytes message, const struct deadline *deadline, uint64_t *version,
                    struct signature *out, char *why, size_t size)
{
    enum key_kind kind;
    char path[600];
    json_t *answer, *body;
    enum err err = kind_get(v, deadline, &kind, why, size);

    if (err != OK)
        return err;
    if (message.len > INPUT_MAX / 2)
        return err_because(ERR_INVALID, why, size, "the message is too long for Vault");
    if (!(body = sign_body(kind, message)))
        return err_because(ERR_NOMEM, why, size, "out of memory");
    snprintf(path, sizeof path, "%s/sign/%s", v->s->vault_mount, v->s->vault_key);
    if ((err = vault_request(v->vault, path, body, deadline, &answer, why, size)) != OK)
        return err;
    if (!read_signature(json_string_value(json_object_get(json_object_get(answer, "data"), "signature")), version, out))
        err = err_because(ERR_CORRUPT, why, size, "Vault answers with no signature");
    json_decref(answer);
    return err;
}

/* The key of this version that the signature fits; asked for again when what we know does not. */
static enum err match_key(struct vault_signer *v, uint64_t version, struct bytes message,
                          const struct deadline *deadline, struct signed_by *by, char *why, size_t size)
{
    enum err err;

    if (find_version(v, version, &by->key) && public_key_verifies(&by->key, message, &by->signature))
        return OK;
    if ((err = fetch_versions(v, deadline, why, size)) != OK)
        return err;
    if (!find_version(v, version, &by->key))
        return err_because(ERR_CORRUPT, why, size,
                           "Vault signed with version %" PRIu64 " of the key %s, which it says it has not", version,
                           v->s->vault_key);
    if (!public_key_verifies(&by->key, message, &by->signature))
        return err_because(ERR_CORRUPT, why, size,
                           "what Vault answered is no signature by version %" PRIu64 " of its key %s", version,
                           v->s->vault_key);
    return OK;
}

static enum err sign(struct signer *signer, struct bytes message, struct signed_by *out, int64_t timeout_ms, char *why,
                     size_t why_size)
{
    struct vault_signer *v = container_of(signer, struct vault_signer, signer);
    const struct deadline until = deadline_in(timeout_ms);
    struct signed_by by;
    uint64_t version = 0;
    enum err err = ask(v, message, &until, &version, &by.signature, why, why_size);

    if (err == OK)
        err = match_key(v, version, message, &until, &by, why, why_size);
    if (err == OK)
        *out = by;
    return err;
}

static enum err check(struct signer *signer, char *why, size_t why_size)
{
    struct vault_signer *v = container_of(signer, struct vault_signer, signer);
    char log_id[DIGEST_HEX_SIZE];
    size_t newest = 0;
    const struct deadline until = deadline_in(v->s->timeout_ms);
    enum err err = fetch_versions(v, &until, why, why_size);

    if (err != OK)
        return err;
    pthread_mutex_lock(&v->lock);
    for (size_t i = 1; i < v->count; i++)
        if (v->versions[i].number > v->versions[newest].number)
            newest = i;
    digest_hex(&v->versions[newest].key.log_id, log_id);
    snprintf(why, why_size, "signs with Vault's key %s, version %" PRIu64 ", %s, %.16s...", v->s->vault_key,
             v->versions[newest].number, public_key_kind_name(v->kind), log_id);
    pthread_mutex_unlock(&v->lock);
    return OK;
}

static void close_signer(struct signer *signer)
{
    struct vault_signer *v = container_of(signer, struct vault_signer, signer);

    pthread_mutex_destroy(&v->lock);
    vault_free(v->vault);
    free(v);
}

static const struct signer_ops ops = {.name = "vault", .sign = sign, .check = check, .close = close_signer};

enum err vault_signer_open(struct signer **out, const struct signer_settings *settings, char *why, size_t why_size)
{
    struct vault_signer *v = calloc(1, sizeof *v);
    enum err err;

    if (!v)
        return err_because(ERR_NOMEM, why, why_size, "out of memory");
    if ((err = vault_new(&v->vault, settings, why, why_size)) != OK) {
        free(v);
        return err;
    }
    v->signer.ops = &ops;
    v->s = settings;
    pthread_mutex_init(&v->lock, NULL);
    *out = &v->signer;
    return OK;
}
