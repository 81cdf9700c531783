/* SPDX-License-Identifier: Apache-2.0
 *
 * rekor_v2.c - Rekor on tiles, version 2 of its interface.
 *
 *   POST /api/v2/log/entries    201: the entry with proof and checkpoint, after a second or two; 409: it has it
 * already, as number x-log-index
 *
 * There is no call for its key, so it is configured; and none for an entry, so its tiles are read (rekor_v2.h).
 */
#include "services/notary/anchors/rekor_v2.h"

#include "services/notary/documents/receipt.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct rekor_v2 {
    struct rekor rekor;
    char *tiles_url;
};

static json_t *receipt_new(const struct rekor_call *c, json_t *body, json_t *checkpoint, json_t *hashes, uint64_t index)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:I, s:o, s:s}", "anchor", "rekor-v2", "body_b64", body, "checkpoint",
                     checkpoint, "hashes", hashes, "index", (json_int_t)index, "log_key_b64",
                     anchor_base64(public_key_spki(&c->rekor->key)), "url", c->rekor->url);
}

/* Its hashes are in base64, ours in hexadecimal. */
static json_t *hashes_of(const json_t *hashes)
{
    struct merkle_proof proof = {.count = json_array_size(hashes)};
    size_t len;

    if (!json_is_array(hashes) || proof.count > MERKLE_PROOF_MAX)
        return NULL;
    for (size_t i = 0; i < proof.count; i++)
        if (!anchor_base64_decode(json_array_get(hashes, i), proof.hashes[i].bytes, DIGEST_LEN, &len) ||
            len != DIGEST_LEN)
            return NULL;
    return receipt_hashes(&proof);
}

/* A number that is written as text, as protobuf's JSON has it. */
static bool number_of(const char *text, uint64_t *out)
{
    char *end;

    if (!text || *text < '0' || *text > '9')
        return false;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' && *out <= INT64_MAX;
}

/* The receipt out of an answer, unchecked; NULL: it is not one. */
static json_t *receipt_of(const struct rekor_call *c, const struct http_reply *reply)
{
    json_t *answer = json_loadb(reply->body.data, reply->body.len, JSON_REJECT_DUPLICATES, NULL), *receipt = NULL;
    const json_t *proof = json_object_get(answer, "inclusionProof");
    uint64_t index;

    if (number_of(json_string_value(json_object_get(proof, "logIndex")), &index))
        receipt = receipt_new(c, json_incref(json_object_get(answer, "canonicalizedBody")),
                              json_incref(json_object_get(json_object_get(proof, "checkpoint"), "envelope")),
                              hashes_of(json_object_get(proof, "hashes")), index);
    json_decref(answer);
    return receipt;
}

/* What it has already: what it logged is known, and the tiles prove the rest. */
static enum err prove(struct rekor_call *c, const struct rekor_artifact *a, const char *index_text, json_t **out)
{
    const struct rekor_v2 *r = container_of_const(c->rekor, struct rekor_v2, rekor);
    struct text body, note;
    struct merkle_proof proof;
    uint64_t index;
    enum err err;

    text_init(&body, REKOR_BODY_MAX);
    text_init(&note, REKOR_ANSWER_MAX);
    *out = NULL;
    if (!number_of(index_text, &index))
        err = OK; /* no receipt */
    else if ((err = rekor_body(REKOR_V2, a, &body)) == OK &&
             (err = rekor_tiles_prove(c, r->tiles_url, &c->rekor->key, index, &note, &proof)) == OK)
        *out = receipt_new(c, anchor_base64(bytes_of(body.data, body.len)), json_stringn(note.data, note.len),
                           receipt_hashes(&proof), index);
    text_deinit(&note);
    text_deinit(&body);
    return err;
}

static enum err post(struct rekor_call *c, const struct rekor_artifact *a, struct http_reply *reply)
{
    struct text request;
    enum err err;

    *reply = (struct http_reply){0};
    text_init(&request, REKOR_REQUEST_MAX);
    if ((err = rekor_request(REKOR_V2, a, &request)) == OK)
        err = rekor_ask(c, c->rekor->url, "/api/v2/log/entries", bytes_of(request.data, request.len), reply);
    text_deinit(&request);
    return err;
}

static enum err receive(struct rekor_call *c, const struct rekor_artifact *a, const struct http_reply *reply,
                        json_t **receipt)
{
    char index[32] = "";

    if (reply->status == 409) {
        (void)http_reply_header(reply, "x-log-index", index, sizeof index);
        return prove(c, a, index, receipt);
    }
    if (reply->status != 201 && reply->status != 200)
        return rekor_refused(c, reply);
    *receipt = receipt_of(c, reply);
    return OK;
}

static enum err submit(struct anchor *anchor, const struct anchor_entry *entry, int64_t timeout_ms,
                       struct text *receipt, char *why, size_t why_size)
{
    struct rekor_call c = {container_of(anchor, struct rekor, anchor), timeout_ms, why, why_size};
    struct rekor_artifact a;
    struct http_reply reply;
    json_t *unchecked = NULL;
    enum err err;

    if ((err = rekor_prepare(&c, entry, &a)) != OK)
        return err;
    if ((err = post(&c, &a, &reply)) == OK && (err = receive(&c, &a, &reply, &unchecked)) == OK)
        err = rekor_accept(&c, entry, unchecked, &c.rekor->key, receipt);
    http_reply_deinit(&reply);
    return err;
}

static void close_v2(struct anchor *anchor)
{
    struct rekor_v2 *r = container_of(anchor, struct rekor_v2, rekor.anchor);

    free(r->tiles_url);
    rekor_deinit(&r->rekor);
    free(r);
}

static const struct anchor_ops ops = {.name = "rekor-v2", .submit = submit, .close = close_v2};

enum err rekor_v2_new(struct anchor **out, const char *url, const char *tiles_url, const char *trust_certs,
                      struct signer *log_key, const struct public_key *key)
{
    struct rekor_v2 *r = calloc(1, sizeof *r);

    if (!r)
        return ERR_NOMEM;
    if (rekor_init(&r->rekor, &ops, url, trust_certs, log_key, key) != OK ||
        !(r->tiles_url = rekor_url(tiles_url && *tiles_url ? tiles_url : r->rekor.url,
                                   tiles_url && *tiles_url ? "" : "/api/v2"))) {
        close_v2(&r->rekor.anchor);
        return ERR_NOMEM;
    }
    *out = &r->rekor.anchor;
    return OK;
}
