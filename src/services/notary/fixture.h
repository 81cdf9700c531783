/* SPDX-License-Identifier: Apache-2.0
 *
 * fixture.h - for the core's tests: a signer with a fixed key, a log in memory, a clock moved by hand, sample events.
 */
#ifndef SERVICES_NOTARY_FIXTURE_H
#define SERVICES_NOTARY_FIXTURE_H

#include "base/list.h"
#include "services/notary/book.h"
#include "services/notary/documents/checkpoint.h"
#include "services/notary/documents/receipt.h"
#include "services/notary/ports.h"
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

    out->key = s->public_key;
    s->signatures++;
    return signature_make(&out->signature, s->key, &s->public_key, message);
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

/* ---- a checkpoint ---- */

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

/* ---- a book ---- */

#define FIXTURE_RESULTS_MAX 4096

/* What a notary leaves behind: its documents, and what follows from them.  It outlives a kill; the notary does not. */
struct fixture_book {
    struct book book;
    struct signer *signer; /* of the checkpoints */
    json_t *documents;     /* arrays of records, in order */
    struct {
        char *event_id, *event_hash, *leaf, *rest, *path, *checkpoint;
        uint64_t index, size; /* of its entry, of the checkpoint */
    } results[FIXTURE_RESULTS_MAX];
    size_t count;
    struct digest leaves[FIXTURE_RESULTS_MAX];
    size_t size;
    uint64_t published;
    json_t *open;              /* event id -> array of records; jansson keeps the order of insertion */
    enum err next;             /* what the next append fails with... */
    bool written;              /* ...although it has been written */
    size_t limit, limit_bytes; /* the most records that a document may have, and bytes; 0: any number */
    unsigned unreadable;       /* so many results more are read otherwise than they are */
    struct merkle_source source;
};

static enum err fixture_book_node(struct merkle_source *source, unsigned level, uint64_t index, struct digest *out)
{
    struct fixture_book *b = container_of(source, struct fixture_book, source);
    struct merkle_edge edge = {0};

    for (uint64_t i = index << level; i < (index + 1) << level; i++)
        merkle_edge_append(&edge, &b->leaves[i], NULL, NULL);
    *out = merkle_edge_root(&edge);
    return OK;
}

static const char *fixture_member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    assert(text);
    return text;
}

static void fixture_book_close(struct fixture_book *b, const json_t *record)
{
    const json_t *leaf = json_object_get(record, "leaf"), *results = json_object_get(record, "results");

    assert(b->size < FIXTURE_RESULTS_MAX);
    b->leaves[b->size++] = merkle_leaf(bytes_of(json_string_value(leaf), json_string_length(leaf)));
    for (size_t i = 0; i < json_array_size(results); i++) {
        const json_t *result = json_array_get(results, i), *path = json_object_get(result, "path");
        assert(b->count < FIXTURE_RESULTS_MAX);
        for (size_t k = 0; k < b->count; k++)
            assert(strcmp(b->results[k].event_id, fixture_member(result, "event_id")) != 0); /* never twice */
        b->results[b->count].event_id = strdup(fixture_member(result, "event_id"));
        b->results[b->count].event_hash = strdup(fixture_member(result, "event_hash"));
        b->results[b->count].leaf = strdup(json_string_value(leaf));
        b->results[b->count].rest = strdup(fixture_member(result, "rest"));
        b->results[b->count].path = json_is_null(path) ? strdup("") : json_dumps(path, JSON_COMPACT);
        b->results[b->count].index = b->size - 1;
        b->count++;
        json_object_del(b->open, fixture_member(result, "event_id"));
    }
}

/* Checks it as the registry does: size and root are ours, the key signed it. */
static void fixture_book_check(struct fixture_book *b, const json_t *record)
{
    const char *note = fixture_member(record, "note");
    struct checkpoint c;
    struct signature signature;
    struct digest root;
    struct text origin;

    text_init(&origin, 1000);
    receipt_origin(FIXTURE_URL, &signer_key(b->signer)->log_id, &origin);
    if (checkpoint_read(&c, &signature, bytes_of_text(note), origin.data, signer_key(b->signer)) != OK ||
        !checkpoint_is_signed(&c, origin.data, signer_key(b->signer), &signature) ||
        merkle_root(&b->source, b->size, &root) != OK || !digest_equal(&root, &c.root) || c.size != b->size)
        abort();
    text_deinit(&origin);
    for (size_t i = b->count; i-- > 0 && !b->results[i].checkpoint;) {
        b->results[i].checkpoint = strdup(note);
        b->results[i].size = b->size;
    }
}

static void fixture_book_note(struct fixture_book *b, const json_t *record)
{
    const char *event_id = fixture_member(record, "event_id");
    json_t *records = json_object_get(b->open, event_id);

    if (!records)
        json_object_set_new(b->open, event_id, records = json_array());
    json_array_append(records, (json_t *)record);
}

static void fixture_book_apply(struct fixture_book *b, const json_t *records)
{
    for (size_t i = 0; i < json_array_size(records); i++) {
        const json_t *record = json_array_get(records, i);
        const char *kind = fixture_member(record, "kind");
        if (strcmp(kind, "closed") == 0)
            fixture_book_close(b, record);
        else if (strcmp(kind, "checkpoint") == 0)
            fixture_book_check(b, record);
        else if (strcmp(kind, "published") == 0)
            b->published = (uint64_t)json_integer_value(json_object_get(record, "through"));
        else if (json_object_get(record, "event_id"))
            fixture_book_note(b, record);
    }
}

static enum err fixture_book_append(struct book *book, json_t *records)
{
    struct fixture_book *b = container_of(book, struct fixture_book, book);
    enum err err = b->next;

    b->next = OK;
    if ((b->limit && json_array_size(records) > b->limit) ||
        (b->limit_bytes && json_dumpb(records, NULL, 0, JSON_COMPACT) > b->limit_bytes))
        err = ERR_TOO_LARGE;
    if (err == OK || (b->written && err != ERR_TOO_LARGE)) {
        fixture_book_apply(b, records);
        json_array_append(b->documents, records);
    }
    json_decref(records);
    return err;
}

static enum err fixture_book_result_at(struct book *book, uint64_t number, struct registry_result *out)
{
    struct fixture_book *b = container_of(book, struct fixture_book, book);
    size_t i = (size_t)number - 1;

    assert(number > 0);
    if (number > b->count)
        return ERR_NOT_FOUND;
    memset(out, 0, sizeof *out);
    out->number = number;
    out->index = b->results[i].index;
    text_init(&out->leaf, 1 << 20);
    text_init(&out->rest, 1 << 20);
    text_init(&out->path, 1 << 20);
    text_init(&out->event_hash, 1 << 20);
    text_init(&out->checkpoint, 1 << 20);
    text_add(&out->leaf, b->unreadable ? "" : b->results[i].leaf);
    b->unreadable -= b->unreadable > 0;
    text_add(&out->rest, b->results[i].rest);
    text_add(&out->path, b->results[i].path);
    text_add(&out->event_hash, b->results[i].event_hash);
    text_add(&out->checkpoint, b->results[i].checkpoint);
    return merkle_inclusion(&b->source, b->results[i].index, b->results[i].size, &out->proof);
}

static enum err fixture_book_find(struct book *book, const char *event_id, struct registry_result *out)
{
    struct fixture_book *b = container_of(book, struct fixture_book, book);

    for (size_t i = 0; i < b->count; i++)
        if (strcmp(b->results[i].event_id, event_id) == 0)
            return fixture_book_result_at(book, i + 1, out);
    return ERR_NOT_FOUND;
}

static uint64_t fixture_book_result_count(struct book *book)
{
    return container_of(book, struct fixture_book, book)->count;
}

static uint64_t fixture_book_published(struct book *book)
{
    return container_of(book, struct fixture_book, book)->published;
}

static uint64_t fixture_book_log_size(struct book *book)
{
    return container_of(book, struct fixture_book, book)->size;
}

static enum err fixture_book_root_with(struct book *book, const struct bytes *leaves, size_t count, struct digest *out)
{
    struct fixture_book *b = container_of(book, struct fixture_book, book);
    struct merkle_edge edge = {0};

    for (size_t i = 0; i < b->size; i++)
        merkle_edge_append(&edge, &b->leaves[i], NULL, NULL);
    for (size_t i = 0; i < count; i++) {
        struct digest leaf = merkle_leaf(leaves[i]);
        merkle_edge_append(&edge, &leaf, NULL, NULL);
    }
    *out = merkle_edge_root(&edge);
    return OK;
}

static enum err fixture_book_open_workflows(struct book *book,
                                            bool (*visit)(void *ctx, const char *event_id, const json_t *records),
                                            void *ctx)
{
    struct fixture_book *b = container_of(book, struct fixture_book, book);
    const char *event_id;
    json_t *records;

    json_object_foreach(b->open, event_id, records)
    {
        if (!visit(ctx, event_id, records))
            break;
    }
    return OK;
}

static enum err fixture_book_unanchored(struct book *book, const char *anchor, uint64_t *indexes, size_t max,
                                        size_t *count)
{
    *count = 0;
    return OK;
}

static const struct book_ops fixture_book_ops = {
    .append = fixture_book_append,
    .find = fixture_book_find,
    .result_at = fixture_book_result_at,
    .result_count = fixture_book_result_count,
    .published = fixture_book_published,
    .log_size = fixture_book_log_size,
    .root_with = fixture_book_root_with,
    .open_workflows = fixture_book_open_workflows,
    .unanchored = fixture_book_unanchored,
};

static inline void fixture_book_init(struct fixture_book *b, struct signer *signer)
{
    memset(b, 0, sizeof *b);
    b->book.ops = &fixture_book_ops;
    b->source.node = fixture_book_node;
    b->signer = signer;
    b->documents = json_array();
    b->open = json_object();
}

static inline void fixture_book_deinit(struct fixture_book *b)
{
    for (size_t i = 0; i < b->count; i++) {
        free(b->results[i].event_id);
        free(b->results[i].event_hash);
        free(b->results[i].leaf);
        free(b->results[i].rest);
        free(b->results[i].path);
        free(b->results[i].checkpoint);
    }
    json_decref(b->documents);
    json_decref(b->open);
}

#endif
