/* SPDX-License-Identifier: Apache-2.0
 *
 * receipt.c - JSON put together and taken apart; every text that leaves is canonical.
 */
#include "services/notary/documents/receipt.h"

#include "base/base64.h"
#include "base/timestamp.h"
#include "services/notary/documents/canonical.h"
#include <assert.h>
#include <stdio.h>

const struct receipt_member receipt_leaf_members[RECEIPT_LEAF_MEMBERS] = {
    {"evidence_package_hash", JSON_STRING}, {"integrated_time", JSON_INTEGER}, {"public_key_b64", JSON_STRING},
    {"rekor_log_id", JSON_STRING},          {"rekor_server_url", JSON_STRING}, {"signature_b64", JSON_STRING},
};

const struct receipt_member receipt_refusal_members[RECEIPT_REFUSAL_MEMBERS] = {
    {"event_hash", JSON_STRING},   {"integrated_time", JSON_INTEGER}, {"outcome", JSON_STRING},
    {"rekor_log_id", JSON_STRING}, {"rekor_server_url", JSON_STRING},
};

void receipt_hash_text(const struct digest *d, char to[RECEIPT_HASH_SIZE])
{
    memcpy(to, "sha256:", 7);
    digest_hex(d, to + 7);
}

bool receipt_hash_read(const char *text, struct digest *out)
{
    return text && strncmp(text, "sha256:", 7) == 0 && digest_from_hex(out, bytes_of_text(text + 7));
}

bool receipt_hashes_read(const json_t *hashes, struct merkle_proof *out)
{
    out->count = json_array_size(hashes);
    if (!json_is_array(hashes) || out->count > MERKLE_PROOF_MAX)
        return false;
    for (size_t i = 0; i < out->count; i++) {
        const char *hex = json_string_value(json_array_get(hashes, i));
        if (!hex || !digest_from_hex(&out->hashes[i], bytes_of_text(hex)))
            return false;
    }
    return true;
}

/* A JSON string of base64; NULL when memory is short. */
static json_t *json_base64(struct bytes bytes)
{
    struct text text;
    json_t *json = NULL;

    text_init(&text, 1024);
    base64_encode(&text, bytes);
    if (!text_failed(&text))
        json = json_stringn(text.data, text.len);
    text_deinit(&text);
    return json;
}

static json_t *compose_metadata(const struct receipt_facts *facts)
{
    json_t *metadata = json_pack("{s:I}", "artifacts_count", (json_int_t)facts->artifacts);

    if (metadata && facts->notifications)
        json_object_set_new(metadata, "notifications", json_string(facts->notifications));
    if (metadata && facts->metadata)
        json_object_update(metadata, (json_t *)(uintptr_t)facts->metadata);
    return metadata;
}

static json_t *compose_rest(const struct receipt_facts *facts)
{
    char timestamp[TIMESTAMP_SIZE];
    json_t *rest;

    timestamp_format(facts->sealed_ms, timestamp);
    rest = json_pack("{s:s, s:s, s:s, s:s, s:b, s:s?, s:I, s:s?, s:o}", "event_id", facts->event_id, "workflow_id",
                     facts->workflow_id, "workflow_type", facts->workflow_type, "timestamp", timestamp, "success",
                     facts->error == NULL, "error", facts->error, "processing_duration_ms",
                     (json_int_t)facts->duration_ms, "trace_id", facts->trace_id, "metadata", compose_metadata(facts));
    if (!rest || !facts->package || json_object_set(rest, "evidence", (json_t *)(uintptr_t)facts->package) == 0)
        return rest;
    json_decref(rest);
    return NULL;
}

enum err receipt_rest(const struct receipt_facts *facts, struct text *rest)
{
    json_t *json = compose_rest(facts);
    enum err err = json ? canonical_json(json, rest) : ERR_NOMEM;

    json_decref(json);
    return err;
}

enum err receipt_refuse(const struct receipt_facts *facts, const char *outcome, const char *event_hash,
                        struct text *leaf, struct text *rest)
{
    char hash[RECEIPT_HASH_SIZE], log_id[DIGEST_HEX_SIZE];
    struct digest d;
    json_t *json;
    enum err err;

    assert(facts->error);
    if ((err = receipt_rest(facts, rest)) != OK)
        return err;
    d = digest_of(bytes_of(rest->data, rest->len));
    receipt_hash_text(&d, hash);
    digest_hex(&facts->log_key->log_id, log_id);
    json = json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:s}", "event_hash", event_hash, "event_id", facts->event_id,
                     "integrated_time", (json_int_t)(facts->sealed_ms / 1000), "outcome", outcome, "rekor_log_id",
                     log_id, "rekor_server_url", facts->log_url, "result_hash", hash);
    err = json ? canonical_json(json, leaf) : ERR_NOMEM;
    json_decref(json);
    return err;
}

json_t *receipt_covered(const struct receipt_facts *facts)
{
    char hash[RECEIPT_HASH_SIZE], log_id[DIGEST_HEX_SIZE];

    receipt_hash_text(&facts->evidence, hash);
    digest_hex(&facts->log_key->log_id, log_id);
    return json_pack("{s:s, s:I, s:o, s:s, s:s, s:o}", "evidence_package_hash", hash, "integrated_time",
                     (json_int_t)(facts->sealed_ms / 1000), "public_key_b64", json_base64(public_key_spki(facts->key)),
                     "rekor_log_id", log_id, "rekor_server_url", facts->log_url, "signature_b64",
                     json_base64(signature_bytes(&facts->signature)));
}

enum err receipt_leaf(const char *event_id, const json_t *receipt, const char *result_hash, struct text *out)
{
    json_t *covered = json_object(), *leaf = NULL;
    enum err err = ERR_NOMEM;

    for (size_t i = 0; covered && i < RECEIPT_LEAF_MEMBERS; i++)
        if (json_object_set(covered, receipt_leaf_members[i].name,
                            json_object_get(receipt, receipt_leaf_members[i].name)) != 0)
            goto out;
    leaf = json_pack("{s:s, s:O, s:s}", "event_id", event_id, "receipt", covered, "result_hash", result_hash);
    if (leaf)
        err = canonical_json(leaf, out);
out:
    json_decref(leaf);
    json_decref(covered);
    return err;
}

enum err receipt_compose(const struct receipt_facts *facts, struct text *leaf, struct text *rest)
{
    json_t *receipt = receipt_covered(facts);
    char hash[RECEIPT_HASH_SIZE];
    struct digest rest_digest;
    size_t before = rest->len;
    enum err err = receipt ? receipt_rest(facts, rest) : ERR_NOMEM;

    if (err == OK) {
        rest_digest = digest_of(bytes_of(rest->data + before, rest->len - before));
        receipt_hash_text(&rest_digest, hash);
        err = receipt_leaf(facts->event_id, receipt, hash, leaf);
    }
    json_decref(receipt);
    return err;
}

static json_t *load(struct bytes text)
{
    return text.len ? json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
}

json_t *receipt_hashes(const struct merkle_proof *proof)
{
    json_t *hashes = json_array();
    char hex[DIGEST_HEX_SIZE];

    for (size_t i = 0; hashes && i < proof->count; i++) {
        digest_hex(&proof->hashes[i], hex);
        if (json_array_append_new(hashes, json_string(hex)) != 0) {
            json_decref(hashes);
            return NULL;
        }
    }
    return hashes;
}

/* The log's key where it is not the one that signed the evidence; NULL, and *failed when memory is short. */
static json_t *other_key(const json_t *receipt, const struct public_key *log_key, bool *failed)
{
    json_t *key = json_base64(public_key_spki(log_key));

    *failed = key == NULL;
    if (!json_equal(key, json_object_get(receipt, "public_key_b64")))
        return key;
    json_decref(key);
    return NULL;
}

/* The inclusion proof as a receipt shows it; NULL when memory is short. */
static json_t *compose_proof(const json_t *receipt, const struct receipt_entry *entry, const char *result_hash)
{
    bool failed;
    json_t *key = other_key(receipt, entry->log_key, &failed);
    json_t *json =
        json_pack("{s:s%, s:o, s:o*, s:s}", "checkpoint", (const char *)entry->checkpoint.data, entry->checkpoint.len,
                  "hashes", receipt_hashes(entry->proof), "log_public_key_b64", key, "result_hash", result_hash);

    if (!failed)
        return json;
    json_decref(json);
    return NULL;
}

/* What a receipt of a batch has of its own; the rest of it is the leaf's. */
static enum err add_batch(json_t *receipt, const struct receipt_entry *entry)
{
    json_t *path = load(entry->path);

    if (!json_is_object(path) || !entry->event_hash) {
        json_decref(path);
        return ERR_CORRUPT;
    }
    if (json_object_set_new(receipt, "evidence_package_hash", json_string(entry->event_hash)) != 0 ||
        json_object_set(receipt, "batch", path) != 0) {
        json_decref(path);
        return ERR_NOMEM;
    }
    json_decref(path);
    return OK;
}

/* Adds what only the log knows to the members that the leaf covers. */
static enum err complete(json_t *receipt, const struct receipt_entry *entry)
{
    struct digest d = digest_of(entry->rest);
    char hash[RECEIPT_HASH_SIZE];
    json_t *inclusion;
    enum err err = entry->path.len > 0 ? add_batch(receipt, entry) : OK;

    if (err != OK)
        return err;
    receipt_hash_text(&d, hash);
    if (!(inclusion = compose_proof(receipt, entry, hash)))
        return ERR_NOMEM;
    if (json_object_set_new(receipt, "inclusion_proof", inclusion) != 0 ||
        json_object_set_new(receipt, "log_index", json_integer((json_int_t)entry->log_index)) != 0)
        return ERR_NOMEM;
    return OK;
}

enum err receipt_refusal_leaf(const char *event_id, const json_t *refusal, const char *result_hash, struct text *out)
{
    json_t *leaf = json_pack("{s:s, s:s}", "event_id", event_id, "result_hash", result_hash);
    enum err err = leaf ? OK : ERR_NOMEM;

    for (size_t i = 0; err == OK && i < RECEIPT_REFUSAL_MEMBERS; i++) {
        const char *name = receipt_refusal_members[i].name;
        if (json_object_set(leaf, name, json_object_get(refusal, name)) != 0)
            err = ERR_NOMEM;
    }
    if (err == OK)
        err = canonical_json(leaf, out);
    json_decref(leaf);
    return err;
}

/* Of a result without receipt: what the log has instead, and where.  The leaf becomes it. */
static enum err refuse(json_t *result, json_t *leaf, const struct receipt_entry *entry)
{
    enum err err = complete(leaf, entry);

    if (err != OK)
        return err;
    json_object_del(leaf, "event_id");
    json_object_del(leaf, "result_hash");
    return json_object_set_new(result, "receipt", json_null()) == 0 && json_object_set(result, "refusal", leaf) == 0
               ? OK
               : ERR_NOMEM;
}

enum err receipt_result(const struct receipt_entry *entry, struct text *out)
{
    json_t *leaf = load(entry->leaf), *result = load(entry->rest);
    json_t *receipt = json_object_get(leaf, "receipt");
    enum err err = ERR_CORRUPT;

    assert(entry->log_index <= CANONICAL_INTEGER_MAX);
    if (!json_is_object(leaf) || !json_is_object(result))
        goto out;
    if (json_object_get(leaf, "outcome"))
        err = refuse(result, leaf, entry);
    else if (json_is_object(receipt) && (err = complete(receipt, entry)) == OK)
        err = json_object_set(result, "receipt", receipt) == 0 ? OK : ERR_NOMEM;
    if (err == OK)
        err = canonical_json(result, out);
out:
    json_decref(result);
    json_decref(leaf);
    return err;
}

enum err receipt_leaf_evidence(struct bytes leaf, char to[RECEIPT_HASH_SIZE])
{
    json_t *json = load(leaf);
    const char *hash = json_string_value(json_object_get(json_object_get(json, "receipt"), "evidence_package_hash"));
    enum err err = ERR_CORRUPT;

    if (hash && strlen(hash) == RECEIPT_HASH_SIZE - 1) {
        memcpy(to, hash, RECEIPT_HASH_SIZE);
        err = OK;
    }
    json_decref(json);
    return err;
}

void receipt_origin(const char *log_url, const struct digest *log_id, struct text *out)
{
    char hex[DIGEST_HEX_SIZE];

    digest_hex(log_id, hex);
    text_printf(out, "%s/%s", log_url, hex);
}
