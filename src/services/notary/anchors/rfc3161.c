/* SPDX-License-Identifier: Apache-2.0
 *
 * rfc3161.c - one request, one answer, checked before it is believed.
 *
 * A submission that is repeated gets another stamp with a later time; only one is kept.
 */
#include "services/notary/anchors/rfc3161.h"

#include "base/list.h"
#include "services/notary/anchors/rekor_entry.h"
#include "services/notary/anchors/time_stamp.h"
#include "services/notary/documents/canonical.h"
#include "services/runtime/http.h"
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

struct rfc3161 {
    struct anchor anchor;
    char *url, *trust_certs;
    struct text certs;
};

static enum err ask(const struct rfc3161 *r, const struct digest *digest, const uint8_t *nonce, int64_t timeout_ms,
                    struct http_reply *reply, char *why, size_t why_size)
{
    struct http_call call = {
        .method = "POST",
        .url = r->url,
        .headers = (const char *const[]){"Content-Type: application/timestamp-query", NULL},
        .timeout_ms = timeout_ms,
        .answer_max = TIME_STAMP_MAX,
        .trust_certs = r->trust_certs,
    };
    struct text request;
    enum err err;

    *reply = (struct http_reply){0};
    text_init(&request, TIME_STAMP_REQUEST_MAX);
    if ((err = time_stamp_request(digest, nonce, &request)) == OK) {
        call.body = bytes_of(request.data, request.len);
        err = http_perform(&call, reply, why, why_size);
    }
    text_deinit(&request);
    return err;
}

static enum err check_status(const struct http_reply *reply, char *why, size_t why_size)
{
    if (reply->status == 200)
        return OK;
    (void)snprintf(why, why_size, "rfc3161 answers %ld", reply->status);
    if (reply->status == 401 || reply->status == 403)
        return ERR_DENIED;
    return reply->status >= 400 && reply->status < 500 && reply->status != 408 && reply->status != 429 ? ERR_NOT_ALLOWED
                                                                                                       : ERR_AGAIN;
}

static enum err write_receipt(const struct rfc3161 *r, const struct http_reply *reply, const struct time_stamp *stamp,
                              struct text *out)
{
    json_t *json = json_pack("{s:s, s:s, s:o, s:s, s:I, s:s}", "anchor", "rfc3161", "authority", stamp->authority,
                             "response_b64", anchor_base64(bytes_of(reply->body.data, reply->body.len)), "serial",
                             stamp->serial, "time", (json_int_t)stamp->time_s, "url", r->url);
    enum err err = json ? canonical_json(json, out) : ERR_NOMEM;

    json_decref(json);
    return err;
}

static enum err submit(struct anchor *anchor, const struct anchor_entry *entry, int64_t timeout_ms,
                       struct text *receipt, char *why, size_t why_size)
{
    struct rfc3161 *r = container_of(anchor, struct rfc3161, anchor);
    struct digest digest = digest_of(entry->leaf);
    uint8_t nonce[TIME_STAMP_NONCE_LEN];
    struct time_stamp stamp;
    struct http_reply reply;
    enum err err;

    if (RAND_bytes(nonce, sizeof nonce) != 1)
        return ERR_IO;
    if ((err = ask(r, &digest, nonce, timeout_ms, &reply, why, why_size)) == OK &&
        (err = check_status(&reply, why, why_size)) == OK &&
        (err = time_stamp_check(bytes_of(reply.body.data, reply.body.len), &digest, nonce,
                                bytes_of(r->certs.data, r->certs.len), &stamp, why, why_size)) == OK)
        err = write_receipt(r, &reply, &stamp, receipt);
    http_reply_deinit(&reply);
    return err;
}

static void close_rfc3161(struct anchor *anchor)
{
    struct rfc3161 *r = container_of(anchor, struct rfc3161, anchor);

    text_deinit(&r->certs);
    free(r->url);
    free(r->trust_certs);
    free(r);
}

static const struct anchor_ops ops = {.name = "rfc3161", .submit = submit, .close = close_rfc3161};

enum err rfc3161_new(struct anchor **out, const char *url, const char *trust_certs, struct bytes certs)
{
    struct rfc3161 *r = calloc(1, sizeof *r);

    if (!r)
        return ERR_NOMEM;
    r->anchor.ops = &ops;
    r->url = strdup(url);
    r->trust_certs = trust_certs && *trust_certs ? strdup(trust_certs) : NULL;
    text_init(&r->certs, certs.len);
    text_add_bytes(&r->certs, certs);
    if (!r->url || (trust_certs && *trust_certs && !r->trust_certs) || text_failed(&r->certs)) {
        close_rfc3161(&r->anchor);
        return ERR_NOMEM;
    }
    *out = &r->anchor;
    return OK;
}
