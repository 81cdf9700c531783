/* SPDX-License-Identifier: Apache-2.0
 *
 * rekor_client.c - calls within a deadline, and receipts believed after they were checked.
 */
#include "services/notary/anchors/rekor_client.h"

#include "services/notary/anchors/anchor_verify.h"
#include "services/notary/documents/canonical.h"
#include <stdio.h>
#include <stdlib.h>

#define REPORT_MAX 4096

enum err rekor_ask(struct rekor_call *c, const char *url, const char *path, struct bytes body, struct http_reply *reply)
{
    char whole[1024];
    struct http_call call = {
        .url = whole,
        .headers = (const char *const[]){"Content-Type: application/json", NULL},
        .body = body,
        .timeout_ms = c->left_ms,
        .answer_max = REKOR_ANSWER_MAX,
        .trust_certs = c->rekor->trust_certs,
        .connections = c->rekor->connections,
    };
    enum err err;

    *reply = (struct http_reply){0};
    if (c->left_ms <= 0) {
        (void)snprintf(c->why, c->why_size, "%s: there was no time left", c->rekor->anchor.ops->name);
        return ERR_TIMEOUT;
    }
    if (snprintf(whole, sizeof whole, "%s%s", url, path) >= (int)sizeof whole)
        return ERR_INVALID;
    err = http_perform(&call, reply, c->why, c->why_size);
    c->left_ms -= reply->elapsed_ms;
    return err;
}

/* What the server says, for people: its first bytes, as one line. */
static void excerpt(const struct http_reply *reply, char *to, size_t size)
{
    (void)snprintf(to, size, "%s", reply->body.data ? reply->body.data : "");
    for (char *c = to; *c; c++)
        if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
            *c = ' ';
}

enum err rekor_refused(struct rekor_call *c, const struct http_reply *reply)
{
    char said[200];

    excerpt(reply, said, sizeof said);
    (void)snprintf(c->why, c->why_size, "%s answers %ld: %s", c->rekor->anchor.ops->name, reply->status, said);
    if (reply->status == 401 || reply->status == 403)
        return ERR_DENIED;
    if (reply->status == 404 || reply->status == 408 || reply->status == 429 || reply->status >= 500)
        return ERR_AGAIN; /* 404: it will be there once that log has taken it in */
    return reply->status >= 400 ? ERR_NOT_ALLOWED : ERR_CORRUPT;
}

enum err rekor_prepare(struct rekor_call *c, const struct anchor_entry *entry, struct rekor_artifact *out)
{
    struct signed_by by;
    struct text message;
    enum err err;

    if (rekor_artifact_is_hashed(entry->leaf, out))
        return OK;
    rekor_artifact_envelope(entry->leaf, out);
    text_init(&message, REKOR_REQUEST_MAX);
    rekor_artifact_message(out, &message);
    err = text_failed(&message) ? ERR_NOMEM
                                : signer_sign(c->rekor->log_key, bytes_of(message.data, message.len), &by, c->left_ms,
                                              c->why, c->why_size);
    text_deinit(&message);
    if (err != OK)
        return err;
    out->key = by.key;
    out->signature = by.signature;
    return OK;
}

/* The line of the report that says no. */
static void explain(struct rekor_call *c, struct text *report)
{
    char *bad = report->data ? strstr(report->data, "refused ") : NULL;

    if (bad)
        bad[strcspn(bad, "\n")] = '\0';
    (void)snprintf(c->why, c->why_size, "%s proves nothing: %s", c->rekor->anchor.ops->name,
                   bad ? bad + strlen("refused  anchor      ") : "its answer makes no sense");
}

static enum err check(struct rekor_call *c, const struct anchor_entry *entry, const json_t *receipt,
                      const struct public_key *key)
{
    struct anchor_trust trust = {.rekor_v1 = key, .rekor_v2 = key};
    const struct public_key *log_key = signer_key(c->rekor->log_key);
    struct text report;
    bool verified;
    enum err err;

    text_init(&report, REPORT_MAX);
    err = anchor_verify(receipt, entry, log_key, &trust, &report, &verified);
    if (err == OK && !verified) {
        explain(c, &report);
        err = ERR_CORRUPT;
    }
    text_deinit(&report);
    return err;
}

enum err rekor_accept(struct rekor_call *c, const struct anchor_entry *entry, json_t *receipt,
                      const struct public_key *key, struct text *out)
{
    enum err err = ERR_CORRUPT;

    if (!receipt)
        (void)snprintf(c->why, c->why_size, "%s: its answer is not what an entry looks like",
                       c->rekor->anchor.ops->name);
    else if ((err = check(c, entry, receipt, key)) == OK)
        err = canonical_json(receipt, out);
    json_decref(receipt);
    return err;
}

char *rekor_url(const char *url, const char *path)
{
    size_t len = strlen(url);
    char *whole;

    while (len > 0 && url[len - 1] == '/')
        len--;
    return asprintf(&whole, "%.*s%s", (int)len, url, path) < 0 ? NULL : whole;
}

enum err rekor_init(struct rekor *r, const struct anchor_ops *ops, const char *url, const char *trust_certs,
                    struct signer *log_key, const struct public_key *key)
{
    *r = (struct rekor){.anchor.ops = ops, .log_key = log_key, .has_key = key != NULL, .url = rekor_url(url, "")};
    if (key)
        r->key = *key;
    if (trust_certs && *trust_certs && !(r->trust_certs = strdup(trust_certs)))
        return ERR_NOMEM;
    return r->url ? http_connections_new(&r->connections) : ERR_NOMEM;
}

void rekor_deinit(struct rekor *r)
{
    http_connections_free(r->connections);
    free(r->url);
    free(r->trust_certs);
}
