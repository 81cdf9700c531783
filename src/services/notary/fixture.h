/* SPDX-License-Identifier: Apache-2.0
 *
 * fixture.h - for the core's tests: a signer with a fixed key, a log in memory, a clock moved by hand, sample events.
 */
#ifndef SERVICES_NOTARY_FIXTURE_H
#define SERVICES_NOTARY_FIXTURE_H

#include "base/list.h"
#include "services/notary/checkpoint.h"
#include "services/notary/ports.h"
#include "services/notary/receipt.h"
#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define FIXTURE_URL  "geminga:test"
#define FIXTURE_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* The least event that is valid: no timestamp, uri, trace or priority. */
#define FIXTURE_MINIMAL                                                                                                \
    "{\"event_id\":\"e-1\",\"event_type\":{\"model_deployment\":{\"model_id\":\"m\",\"version\":\"1\","                \
    "\"environment\":\"production\"}},\"source\":\"github-actions\",\"actor\":{\"actor_type\":\"ci_system\","          \
    "\"id\":\"github-actions\"},\"artifacts\":[{\"name\":\"model.pkl\",\"hash_sha256\":\"" FIXTURE_HASH "\"}],"        \
    "\"workflow_config\":{\"workflow_type\":\"simple_sign\"}}"

/* ---- a signer ---- */

struct fixture_signer {
    struct signer signer;
    EVP_PKEY *key;
    struct public_key public_key;
    unsigned signatures; /* made so far */
};

static const struct public_key *fixture_signer_key(struct signer *signer)
{
    return &container_of(signer, struct fixture_signer, signer)->public_key;
}

static enum err fixture_signer_sign(struct signer *signer, struct bytes message, struct signed_by *out,
                                    int64_t timeout_ms, char *why, size_t why_size)
{
    struct fixture_signer *s = container_of(signer, struct fixture_signer, signer);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t len = SIGNATURE_MAX;
    int ok = EVP_DigestSignInit(ctx, NULL, NULL, NULL, s->key) == 1 &&
             EVP_DigestSign(ctx, out->signature.bytes, &len, message.data, message.len) == 1;

    EVP_MD_CTX_free(ctx);
    out->signature.len = len;
    out->key = s->public_key;
    s->signatures++;
    return ok ? OK : ERR_NOMEM;
}

static const struct signer_ops fixture_signer_ops = {
    .name = "fixture", .instant = true, .key = fixture_signer_key, .sign = fixture_signer_sign};

static inline void fixture_signer_init(struct fixture_signer *s, uint8_t seed)
{
    uint8_t private_key[32], raw[PUBLIC_KEY_RAW_LEN];
    size_t len = sizeof raw;

    memset(private_key, seed, sizeof private_key);
    s->signer.ops = &fixture_signer_ops;
    s->key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, private_key, sizeof private_key);
    EVP_PKEY_get_raw_public_key(s->key, raw, &len);
    public_key_from_raw(&s->public_key, raw);
    s->signatures = 0;
}

static inline void fixture_signer_deinit(struct fixture_signer *s)
{
    EVP_PKEY_free(s->key);
}

/* ---- a log ---- */

#define FIXTURE_LOG_MAX 64

struct fixture_log {
    struct transparency_log log;
    struct signer *signer;
    struct {
        char *key, *leaf, *rest, *checkpoint;
        uint64_t size; /* of the checkpoint */
        struct digest hash;
    } entries[FIXTURE_LOG_MAX];
    size_t count;
    unsigned appends;
    enum err next; /* what the next append fails with */
    struct merkle_source source;
};

static enum err fixture_log_node(struct merkle_source *source, unsigned level, uint64_t index, struct digest *out)
{
    struct fixture_log *l = container_of(source, struct fixture_log, source);
    struct merkle_edge edge = {0};

    for (uint64_t i = index << level; i < (index + 1) << level; i++)
        merkle_edge_append(&edge, &l->entries[i].hash, NULL, NULL);
    *out = merkle_edge_root(&edge);
    return OK;
}

static char *fixture_copy(struct bytes b)
{
    return strndup((const char *)b.data, b.len);
}

static inline char *fixture_checkpoint(struct signer *signer, const char *url, const struct checkpoint *c)
{
    struct text origin, note;
    struct signature signature;

    text_init(&origin, 1000);
    text_init(&note, 4000);
    receipt_origin(url, &signer_key(signer)->log_id, &origin);
    checkpoint_body(c, origin.data, &note);
    if (signer_sign_now(signer, bytes_of(note.data, note.len), &signature) != OK)
        abort();
    text_deinit(&note);
    checkpoint_seal(c, origin.data, signer_key(signer), &signature, &note);
    text_deinit(&origin);
    return text_take(&note);
}

static enum err fixture_log_append(struct transparency_log *log, const struct log_record *records, size_t count)
{
    struct fixture_log *l = container_of(log, struct fixture_log, log);
    struct checkpoint c;
    enum err err = l->next;

    l->next = OK;
    if (err != OK)
        return err;
    l->appends++;
    c.size = l->count + count;
    for (size_t i = 0; i < count; i++) {
        assert(l->count < FIXTURE_LOG_MAX);
        l->entries[l->count].key = fixture_copy(records[i].key);
        l->entries[l->count].leaf = fixture_copy(records[i].leaf);
        l->entries[l->count].rest = fixture_copy(records[i].rest);
        l->entries[l->count].hash = merkle_leaf(records[i].leaf);
        l->entries[l->count].size = c.size;
        l->count++;
    }
    if (merkle_root(&l->source, c.size, &c.root) != OK)
        abort();
    for (size_t i = l->count - count; i < l->count; i++)
        l->entries[i].checkpoint = fixture_checkpoint(l->signer, FIXTURE_URL, &c);
    return OK;
}

static enum err fixture_log_find(struct transparency_log *log, struct bytes key, struct log_entry *out)
{
    struct fixture_log *l = container_of(log, struct fixture_log, log);

    for (size_t i = 0; i < l->count; i++) {
        if (!bytes_equal(bytes_of_text(l->entries[i].key), key))
            continue;
        memset(out, 0, sizeof *out);
        out->index = i;
        text_init(&out->leaf, 1 << 20);
        text_init(&out->rest, 1 << 20);
        text_init(&out->checkpoint, 1 << 20);
        text_add(&out->leaf, l->entries[i].leaf);
        text_add(&out->rest, l->entries[i].rest);
        text_add(&out->checkpoint, l->entries[i].checkpoint);
        return merkle_inclusion(&l->source, i, l->entries[i].size, &out->proof);
    }
    return ERR_NOT_FOUND;
}

static const char *fixture_log_url(struct transparency_log *log)
{
    return FIXTURE_URL;
}

static const struct transparency_log_ops fixture_log_ops = {
    .url = fixture_log_url, .find = fixture_log_find, .append = fixture_log_append};

static inline void fixture_log_init(struct fixture_log *l, struct signer *signer)
{
    memset(l, 0, sizeof *l);
    l->log.ops = &fixture_log_ops;
    l->source.node = fixture_log_node;
    l->signer = signer;
}

static inline void fixture_log_deinit(struct fixture_log *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->entries[i].key);
        free(l->entries[i].leaf);
        free(l->entries[i].rest);
        free(l->entries[i].checkpoint);
    }
}

#endif
