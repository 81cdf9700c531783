/* SPDX-License-Identifier: Apache-2.0
 *
 * rekor_client.h - what both versions of Rekor have in common for whoever submits to them.
 *
 * One submission is some calls that share a deadline; its receipt is written down first and then checked, as a stranger
 * would check it.  May call: base/, the core, services/runtime/http.h.
 */
#ifndef SERVICES_NOTARY_ANCHORS_REKOR_CLIENT_H
#define SERVICES_NOTARY_ANCHORS_REKOR_CLIENT_H

#include "base/list.h"
#include "services/notary/anchors/rekor_entry.h"
#include "services/runtime/http.h"

#define REKOR_ANSWER_MAX (256u << 10)

/* What is set when an anchor is opened, and never changes. */
struct rekor {
    struct anchor anchor;
    char *url;         /* without a slash at its end */
    char *trust_certs; /* of https://; NULL: the system's */
    struct signer *log_key;
    struct http_connections *connections;
    bool has_key;
    struct public_key key; /* that log's */
};

/* A submission under way. */
struct rekor_call {
    const struct rekor *rekor;
    int64_t left_ms;
    char *why;
    size_t why_size;
};

/* GET, or POST when there is a body, of url + path.  An answer of any status is OK; http_reply_deinit after any result.
 * ERR_TIMEOUT also when nothing is left of the time. */
MUST_USE enum err rekor_ask(struct rekor_call *c, const char *url, const char *path, struct bytes body,
                            struct http_reply *reply);

/* What a status that is no success means: the sentence, and whether it is worth another try. */
enum err rekor_refused(struct rekor_call *c, const struct http_reply *reply);

/* Fills in what will be submitted, the signature of the envelope included. */
MUST_USE enum err rekor_prepare(struct rekor_call *c, const struct anchor_entry *entry, struct rekor_artifact *out);

/* Takes the receipt (owned), checks it, and appends its canonical text. */
MUST_USE enum err rekor_accept(struct rekor_call *c, const struct anchor_entry *entry, json_t *receipt,
                               const struct public_key *key, struct text *out);

/* The texts are copied, `key` may be NULL.  ERR_NOMEM: rekor_deinit all the same. */
MUST_USE enum err rekor_init(struct rekor *r, const struct anchor_ops *ops, const char *url, const char *trust_certs,
                             struct signer *log_key, const struct public_key *key);
void rekor_deinit(struct rekor *r);

/* The url, without slashes at its end, and the path behind it; the caller's to free. */
char *rekor_url(const char *url, const char *path);

MUST_USE enum err rekor_v1_new(struct anchor **out, const char *url, const char *trust_certs, struct signer *log_key,
                               const struct public_key *key);

#endif
