/* SPDX-License-Identifier: Apache-2.0
 *
 * anchor_verify.c - the chain from our entry to the other log's signature, one check a link:
 *
 *     rekor     entry -> what Rekor logs of it -> leaf hash -> inclusion proof -> root -> checkpoint, signed by its key
 *                                              -> signed entry timestamp (version 1)
 *     rfc3161   entry -> SHA-256 -> time stamp, signed by an authority that leads to a trusted certificate
 */
#include "services/notary/anchors/anchor_verify.h"

#include "base/timestamp.h"
#include "services/notary/anchors/note.h"
#include "services/notary/anchors/rekor_entry.h"
#include "services/notary/anchors/time_stamp.h"
#include "services/notary/documents/canonical.h"
#include "services/notary/visible.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct check {
    struct text *report;
    const json_t *receipt;
    const struct anchor_entry *entry;
    const struct public_key *log_key;
    /* of Rekor */
    enum rekor_version version;
    const struct public_key *trusted;
    uint8_t body_bytes[REKOR_BODY_MAX];
    struct bytes body;
    struct public_key key;
    struct checkpoint checkpoint;
    bool short_of_memory;
};

static PRINTF_LIKE(3, 4) bool say(struct check *c, bool holds, const char *format, ...)
{
    char text[600];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    text_printf(c->report, "%-8s %-11s ", holds ? "ok" : "refused", "anchor");
    visible_add(c->report, bytes_of_text(text)); /* a server's name with a line feed makes no lines of its own */
    text_add(c->report, "\n");
    return holds;
}

/* Seconds since 1970, from outside, for people. */
static void format_time(int64_t time_s, char to[TIMESTAMP_SIZE])
{
    if (time_s >= 0 && time_s <= TIMESTAMP_MS_MAX / 1000)
        timestamp_format(time_s * 1000, to);
    else
        (void)snprintf(to, TIMESTAMP_SIZE, "no year that has four digits");
}

static const char *member(const struct check *c, const char *name)
{
    const char *text = json_string_value(json_object_get(c->receipt, name));

    return text ? text : "";
}

/* ---- Rekor ---- */

static bool read_body(struct check *c)
{
    size_t len;

    if (!anchor_base64_decode(json_object_get(c->receipt, "body_b64"), c->body_bytes, sizeof c->body_bytes, &len))
        return say(c, false, "body_b64 is not the base64 of a logged entry");
    c->body = bytes_of(c->body_bytes, len);
    return true;
}

/* The signature of the envelope is in the body only. */
static bool read_envelope(struct check *c, struct rekor_artifact *a)
{
    struct text message;
    bool holds;

    rekor_artifact_envelope(c->entry->leaf, a);
    a->key = *c->log_key;
    if (!rekor_body_signature(c->version, c->body, &a->signature))
        return say(c, false, "what was logged has no signature");
    text_init(&message, REKOR_REQUEST_MAX);
    rekor_artifact_message(a, &message);
    c->short_of_memory = text_failed(&message);
    holds = !c->short_of_memory && public_key_verifies(&a->key, bytes_of(message.data, message.len), &a->signature);
    text_deinit(&message);
    return holds || say(c, false, "the envelope that was logged is not signed by our log's key");
}

static bool check_entry(struct check *c)
{
    struct rekor_artifact a;
    struct text expected;
    bool same;

    if (!rekor_artifact_is_hashed(c->entry->leaf, &a) && !read_envelope(c, &a))
        return false;
    text_init(&expected, REKOR_BODY_MAX);
    c->short_of_memory = rekor_body(c->version, &a, &expected) != OK;
    same = !c->short_of_memory && bytes_equal(c->body, bytes_of(expected.data, expected.len));
    text_deinit(&expected);
    if (!same)
        return say(c, false, "what was logged is not this entry");
    return say(c, true, "%s logged %s", member(c, "url"),
               a.hashed ? "this entry's evidence hash with its signature (hashedrekord)"
                        : "this entry, signed by our log's key (dsse)");
}

static bool check_key(struct check *c)
{
    uint8_t spki[PUBLIC_KEY_SPKI_MAX];
    char id[DIGEST_HEX_SIZE];
    size_t len;

    if (!anchor_base64_decode(json_object_get(c->receipt, "log_key_b64"), spki, sizeof spki, &len) ||
        public_key_from_spki(&c->key, bytes_of(spki, len)) != OK)
        return say(c, false, "log_key_b64 is not an Ed25519 or P-256 public key");
    if (c->trusted && !public_key_equal(c->trusted, &c->key))
        return say(c, false, "that log's key is not the trusted one");
    if (c->trusted)
        return say(c, true, "that log's key is the trusted one");
    digest_hex(&c->key.log_id, id);
    return say(c, true, "key %.16s... is the receipt's own word; compare it with that log's", id);
}

static bool check_checkpoint(struct check *c)
{
    const json_t *note = json_object_get(c->receipt, "checkpoint");

    if (!json_is_string(note) ||
        !note_verify(bytes_of(json_string_value(note), json_string_length(note)), &c->key, &c->checkpoint))
        return say(c, false, "its checkpoint is not signed by that key");
    return say(c, true, "the key signed that log at size %" PRIu64, c->checkpoint.size);
}

static bool read_hashes(const struct check *c, struct merkle_proof *proof)
{
    const json_t *hashes = json_object_get(c->receipt, "hashes");

    proof->count = json_array_size(hashes);
    if (!json_is_array(hashes) || proof->count > MERKLE_PROOF_MAX)
        return false;
    for (size_t i = 0; i < proof->count; i++) {
        const json_t *hash = json_array_get(hashes, i);

        if (!json_is_string(hash) ||
            !digest_from_hex(&proof->hashes[i], bytes_of(json_string_value(hash), json_string_length(hash))))
            return false;
    }
    return true;
}

static bool check_inclusion(struct check *c)
{
    const json_t *index = json_object_get(c->receipt, "index");
    struct digest leaf = merkle_leaf(c->body);
    struct merkle_proof proof;

    if (!json_is_integer(index) || json_integer_value(index) < 0 || !read_hashes(c, &proof) ||
        !merkle_inclusion_holds(&leaf, (uint64_t)json_integer_value(index), c->checkpoint.size, &proof,
                                &c->checkpoint.root))
        return say(c, false, "the inclusion proof does not lead to the checkpoint's root");
    return say(c, true, "it is entry %" JSON_INTEGER_FORMAT " of %" PRIu64 " there (RFC 6962 proof, %zu hashes)",
               json_integer_value(index), c->checkpoint.size, proof.count);
}

/* What version 1 promises with a time: canonical JSON of the entry, signed. */
static bool timestamp_holds(struct check *c)
{
    json_t *promise =
        json_pack("{s:O, s:O, s:O, s:O}", "body", json_object_get(c->receipt, "body_b64"), "integratedTime",
                  json_object_get(c->receipt, "integrated_time"), "logID", json_object_get(c->receipt, "log_id"),
                  "logIndex", json_object_get(c->receipt, "log_index"));
    struct signature signature;
    struct text text;
    bool holds;
    size_t len;

    text_init(&text, 2 * REKOR_BODY_MAX);
    holds = promise && canonical_json(promise, &text) == OK &&
            anchor_base64_decode(json_object_get(c->receipt, "set_b64"), signature.bytes, SIGNATURE_MAX, &len);
    if (holds) {
        signature.len = len;
        holds = public_key_verifies(&c->key, bytes_of(text.data, text.len), &signature);
    }
    text_deinit(&text);
    json_decref(promise);
    return holds;
}

static bool check_timestamp(struct check *c)
{
    const json_t *time = json_object_get(c->receipt, "integrated_time");
    char id[DIGEST_HEX_SIZE], at[TIMESTAMP_SIZE];

    if (c->version == REKOR_V2)
        return true; /* it has none */
    digest_hex(&c->key.log_id, id);
    if (strcmp(member(c, "log_id"), id) != 0)
        return say(c, false, "log_id is not the SHA-256 of that log's key");
    if (!json_is_integer(time) || !timestamp_holds(c))
        return say(c, false, "the signed entry timestamp does not hold");
    format_time(json_integer_value(time), at);
    return say(c, true, "that log says that it got it at %s", at);
}

static bool check_rekor(struct check *c)
{
    return read_body(c) && check_entry(c) && check_key(c) && check_checkpoint(c) && check_inclusion(c) &&
           check_timestamp(c);
}

/* ---- time stamps ---- */

static bool check_time_stamp(struct check *c, struct bytes certs)
{
    struct digest digest = digest_of(c->entry->leaf);
    uint8_t *answer = malloc(TIME_STAMP_MAX);
    struct time_stamp stamp;
    char why[300], at[TIMESTAMP_SIZE];
    size_t len;
    enum err err = ERR_NOMEM;

    c->short_of_memory = !answer;
    if (!answer)
        return false;
    if (!anchor_base64_decode(json_object_get(c->receipt, "response_b64"), answer, TIME_STAMP_MAX, &len)) {
        free(answer);
        return say(c, false, "response_b64 is not the base64 of a time stamp");
    }
    err = time_stamp_check(bytes_of(answer, len), &digest, NULL, certs, &stamp, why, sizeof why);
    free(answer);
    c->short_of_memory = err == ERR_NOMEM;
    if (err != OK)
        return say(c, false, "%s", why);
    format_time(stamp.time_s, at);
    return say(c, true, "%s saw this entry at %s (time stamp %s)%s", stamp.authority, at, stamp.serial,
               certs.len > 0 ? "" : "; its certificate is the receipt's own, compare it");
}

enum err anchor_verify(const json_t *receipt, const struct anchor_entry *entry, const struct public_key *log_key,
                       const struct anchor_trust *trust, struct text *report, bool *verified)
{
    struct check *c = calloc(1, sizeof *c); /* larger than a stack should have to bear */
    const char *name;
    enum err err;

    if (!c)
        return ERR_NOMEM;
    c->report = report;
    c->receipt = receipt;
    c->entry = entry;
    c->log_key = log_key;
    name = member(c, "anchor");
    c->version = strcmp(name, "rekor-v2") == 0 ? REKOR_V2 : REKOR_V1;
    c->trusted = c->version == REKOR_V2 ? trust->rekor_v2 : trust->rekor_v1;
    if (strcmp(name, "rfc3161") == 0)
        *verified = check_time_stamp(c, trust->tsa_certs);
    else if (strcmp(name, "rekor-v1") == 0 || strcmp(name, "rekor-v2") == 0)
        *verified = check_rekor(c);
    else
        *verified = say(c, false, "a receipt of an unknown kind of log");
    err = c->short_of_memory || text_failed(report) ? ERR_NOMEM : OK;
    free(c);
    return err;
}
