/* SPDX-License-Identifier: Apache-2.0
 *
 * rekor_v1.c - Sigstore's Rekor, version 1.
 *
 *   POST /api/v1/log/entries          201: {UUID: entry}; 409: it has it already
 *   GET  /api/v1/log/entries/HASH     {UUID: entry}; HASH is the leaf hash of what it logged, which we know
 *   GET  /api/v1/log/publicKey        PEM; asked where no key is configured, so that the receipt says at least whose it
 *                                     is: somebody who has another key will refuse it
 */
#include "services/notary/anchors/rekor_client.h"

#include <stdio.h>
#include <stdlib.h>

static const char entries_path[] = "/api/v1/log/entries";

static enum err that_logs_key(struct rekor_call *c, struct public_key *out)
{
    struct http_reply reply;
    enum err err;

    if (c->rekor->has_key) {
        *out = c->rekor->key;
        return OK;
    }
    err = rekor_ask(c, c->rekor->url, "/api/v1/log/publicKey", bytes_of(NULL, 0), &reply);
    if (err == OK && reply.status != 200)
        err = rekor_refused(c, &reply);
    else if (err == OK && public_key_from_pem(out, bytes_of(reply.body.data, reply.body.len)) != OK) {
        (void)snprintf(c->why, c->why_size, "rekor-v1: its key is not of Ed25519 or P-256");
        err = ERR_CORRUPT;
    }
    http_reply_deinit(&reply);
    return err;
}

/* The receipt out of an answer, unchecked; NULL: it is not one. */
static json_t *receipt_of(const struct rekor_call *c, const struct http_reply *reply, const struct public_key *key)
{
    json_t *answer = json_loadb(reply->body.data, reply->body.len, JSON_REJECT_DUPLICATES, NULL), *receipt;
    json_t *entry = json_object_iter_value(json_object_iter(answer));
    const json_t *verification = json_object_get(entry, "verification");
    const json_t *proof = json_object_get(verification, "inclusionProof");

    receipt =
        json_pack("{s:s, s:O, s:O, s:O, s:O, s:O, s:O, s:o, s:O, s:O, s:s}", "anchor", "rekor-v1", "body_b64",
                  json_object_get(entry, "body"), "checkpoint", json_object_get(proof, "checkpoint"), "hashes",
                  json_object_get(proof, "hashes"), "index", json_object_get(proof, "logIndex"), "integrated_time",
                  json_object_get(entry, "integratedTime"), "log_id", json_object_get(entry, "logID"), "log_key_b64",
                  anchor_base64(public_key_spki(key)), "log_index", json_object_get(entry, "logIndex"), "set_b64",
                  json_object_get(verification, "signedEntryTimestamp"), "url", c->rekor->url);
    json_decref(answer);
    return receipt;
}

/* The entry that it has already, by the hash of what it logged. */
static enum err fetch(struct rekor_call *c, const struct rekor_artifact *a, struct http_reply *reply)
{
    char path[sizeof entries_path + 1 + DIGEST_HEX_SIZE], hex[DIGEST_HEX_SIZE];
    struct digest leaf;
    struct text body;
    enum err err;

    text_init(&body, REKOR_BODY_MAX);
    err = rekor_body(REKOR_V1, a, &body);
    leaf = merkle_leaf(bytes_of(body.data, body.len));
    text_deinit(&body);
    if (err != OK)
        return err;
    digest_hex(&leaf, hex);
    (void)snprintf(path, sizeof path, "%s/%s", entries_path, hex);
    err = rekor_ask(c, c->rekor->url, path, bytes_of(NULL, 0), reply);
    return err == OK && reply->status != 200 ? rekor_refused(c, reply) : err;
}

static enum err post(struct rekor_call *c, const struct rekor_artifact *a, struct http_reply *reply)
{
    struct text request;
    enum err err;

    *reply = (struct http_reply){0};
    text_init(&request, REKOR_REQUEST_MAX);
    if ((err = rekor_request(REKOR_V1, a, &request)) == OK)
        err = rekor_ask(c, c->rekor->url, entries_path, bytes_of(request.data, request.len), reply);
    text_deinit(&request);
    if (err != OK || reply->status == 201)
        return err;
    if (reply->status != 409)
        return rekor_refused(c, reply);
    http_reply_deinit(reply);
    return fetch(c, a, reply);
}

static enum err submit(struct anchor *anchor, const struct anchor_entry *entry, int64_t timeout_ms,
                       struct text *receipt, char *why, size_t why_size)
{
    struct rekor_call c = {container_of(anchor, struct rekor, anchor), timeout_ms, why, why_size};
    struct rekor_artifact a;
    struct http_reply reply;
    struct public_key key;
    enum err err;

    if ((err = rekor_prepare(&c, entry, &a)) != OK || (err = that_logs_key(&c, &key)) != OK)
        return err;
    if ((err = post(&c, &a, &reply)) == OK)
        err = rekor_accept(&c, entry, receipt_of(&c, &reply, &key), &key, receipt);
    http_reply_deinit(&reply);
    return err;
}

static void close_v1(struct anchor *anchor)
{
    struct rekor *r = container_of(anchor, struct rekor, anchor);

    rekor_deinit(r);
    free(r);
}

static const struct anchor_ops ops = {.name = "rekor-v1", .submit = submit, .close = close_v1};

enum err rekor_v1_new(struct anchor **out, const char *url, const char *trust_certs, struct signer *log_key,
                      const struct public_key *key)
{
    struct rekor *r = calloc(1, sizeof *r);

    if (!r)
        return ERR_NOMEM;
    if (rekor_init(r, &ops, url, trust_certs, log_key, key) != OK) {
        close_v1(&r->anchor);
        return ERR_NOMEM;
    }
    *out = &r->anchor;
    return OK;
}
