/* SPDX-License-Identifier: Apache-2.0
 *
 * rekor_entry.c - the four shapes: two kinds of entry, two versions of Rekor's interface.
 *
 *   v1  hashedrekord 0.0.1 (the request is what is logged), dsse 0.0.1 (it logs hashes of envelope and payload)
 *   v2  hashedrekord 0.0.2, dsse 0.0.2
 */
#include "services/notary/anchors/rekor_entry.h"

#include "base/base64.h"
#include "services/notary/documents/canonical.h"
#include <stdlib.h>

static const char digest_prefix[] = "sha256:";

json_t *anchor_base64(struct bytes bytes)
{
    struct text t;
    json_t *value;

    text_init(&t, 2 * bytes.len + 8);
    text_add(&t, "");
    base64_encode(&t, bytes);
    value = text_failed(&t) ? NULL : json_stringn(t.data, t.len);
    text_deinit(&t);
    return value;
}

bool anchor_base64_decode(const json_t *text, uint8_t *to, size_t size, size_t *len)
{
    return json_is_string(text) &&
           base64_decode(bytes_of(json_string_value(text), json_string_length(text)), to, size, len) == OK;
}

static json_t *pem_base64(const struct public_key *key)
{
    struct text pem;
    json_t *value;

    text_init(&pem, 1024);
    public_key_to_pem(key, &pem);
    value = text_failed(&pem) ? NULL : anchor_base64(bytes_of(pem.data, pem.len));
    text_deinit(&pem);
    return value;
}

static json_t *hex_json(const struct digest *d)
{
    char hex[DIGEST_HEX_SIZE];

    digest_hex(d, hex);
    return json_string(hex);
}

/* ---- from an entry of ours ---- */

static bool read_evidence_hash(const json_t *receipt, struct digest *out)
{
    const json_t *text = json_object_get(receipt, "evidence_package_hash");
    size_t prefix = sizeof digest_prefix - 1;

    return json_is_string(text) && json_string_length(text) > prefix &&
           memcmp(json_string_value(text), digest_prefix, prefix) == 0 &&
           digest_from_hex(out, bytes_of(json_string_value(text) + prefix, json_string_length(text) - prefix));
}

static bool read_key(const json_t *receipt, struct public_key *out)
{
    uint8_t spki[PUBLIC_KEY_SPKI_MAX];
    size_t len;

    return anchor_base64_decode(json_object_get(receipt, "public_key_b64"), spki, sizeof spki, &len) &&
           public_key_from_spki(out, bytes_of(spki, len)) == OK;
}

static bool read_signature(const json_t *text, struct signature *out)
{
    uint8_t bytes[SIGNATURE_MAX];
    size_t len;

    return anchor_base64_decode(text, bytes, sizeof bytes, &len) && signature_from_bytes(out, bytes_of(bytes, len));
}

bool rekor_artifact_is_hashed(struct bytes leaf, struct rekor_artifact *out)
{
    json_t *json = json_loadb((const char *)leaf.data, leaf.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *receipt = json_object_get(json, "receipt");

    memset(out, 0, sizeof *out);
    out->hashed = read_evidence_hash(receipt, &out->digest) && read_key(receipt, &out->key) &&
                  out->key.kind == KEY_ECDSA_P256 &&
                  read_signature(json_object_get(receipt, "signature_b64"), &out->signature);
    json_decref(json);
    return out->hashed;
}

void rekor_artifact_envelope(struct bytes leaf, struct rekor_artifact *out)
{
    memset(out, 0, sizeof *out);
    out->payload = leaf;
    out->digest = digest_of(leaf);
}

void rekor_artifact_message(const struct rekor_artifact *a, struct text *out)
{
    text_printf(out, "DSSEv1 %zu %s %zu ", sizeof ANCHOR_PAYLOAD_TYPE - 1, ANCHOR_PAYLOAD_TYPE, a->payload.len);
    text_add_bytes(out, a->payload);
}

/* ---- version 1 ---- */

static json_t *v1_hashed(const struct rekor_artifact *a)
{
    return json_pack("{s:s, s:s, s:{s:{s:{s:s, s:o}}, s:{s:o, s:{s:o}}}}", "apiVersion", "0.0.1", "kind",
                     "hashedrekord", "spec", "data", "hash", "algorithm", "sha256", "value", hex_json(&a->digest),
                     "signature", "content", anchor_base64(signature_bytes(&a->signature)), "publicKey", "content",
                     pem_base64(&a->key));
}

/* The envelope as a text, canonical: its hash is logged. */
static enum err envelope(const struct rekor_artifact *a, struct text *out)
{
    json_t *json = json_pack("{s:o, s:s, s:[{s:o}]}", "payload", anchor_base64(a->payload), "payloadType",
                             ANCHOR_PAYLOAD_TYPE, "signatures", "sig", anchor_base64(signature_bytes(&a->signature)));
    enum err err = json ? canonical_json(json, out) : ERR_NOMEM;

    json_decref(json);
    return err;
}

static json_t *v1_dsse_request(const struct rekor_artifact *a)
{
    struct text e;
    json_t *json = NULL;

    text_init(&e, REKOR_REQUEST_MAX);
    if (envelope(a, &e) == OK)
        json = json_pack("{s:s, s:s, s:{s:{s:s%, s:[o]}}}", "apiVersion", "0.0.1", "kind", "dsse", "spec",
                         "proposedContent", "envelope", e.data, e.len, "verifiers", pem_base64(&a->key));
    text_deinit(&e);
    return json;
}

static json_t *v1_dsse_body(const struct rekor_artifact *a)
{
    struct text e;
    struct digest hash;
    json_t *json = NULL;

    text_init(&e, REKOR_REQUEST_MAX);
    if (envelope(a, &e) == OK) {
        hash = digest_of(bytes_of(e.data, e.len));
        json = json_pack("{s:s, s:s, s:{s:{s:s, s:o}, s:{s:s, s:o}, s:[{s:o, s:o}]}}", "apiVersion", "0.0.1", "kind",
                         "dsse", "spec", "envelopeHash", "algorithm", "sha256", "value", hex_json(&hash), "payloadHash",
                         "algorithm", "sha256", "value", hex_json(&a->digest), "signatures", "signature",
                         anchor_base64(signature_bytes(&a->signature)), "verifier", pem_base64(&a->key));
    }
    text_deinit(&e);
    return json;
}

/* ---- version 2 ---- */

static json_t *v2_verifier(const struct public_key *key)
{
    return json_pack("{s:s, s:{s:o}}", "keyDetails",
                     key->kind == KEY_ECDSA_P256 ? "PKIX_ECDSA_P256_SHA_256" : "PKIX_ED25519", "publicKey", "rawBytes",
                     anchor_base64(public_key_spki(key)));
}

static json_t *v2_signature(const struct rekor_artifact *a)
{
    return json_pack("{s:o, s:o}", "content", anchor_base64(signature_bytes(&a->signature)), "verifier",
                     v2_verifier(&a->key));
}

static json_t *digest_base64(const struct digest *d)
{
    return anchor_base64(bytes_of(d->bytes, DIGEST_LEN));
}

static json_t *v2_request(const struct rekor_artifact *a)
{
    if (a->hashed)
        return json_pack("{s:{s:o, s:o}}", "hashedRekordRequestV002", "digest", digest_base64(&a->digest), "signature",
                         v2_signature(a));
    return json_pack("{s:{s:{s:o, s:s, s:[{s:o}]}, s:[o]}}", "dsseRequestV002", "envelope", "payload",
                     anchor_base64(a->payload), "payloadType", ANCHOR_PAYLOAD_TYPE, "signatures", "sig",
                     anchor_base64(signature_bytes(&a->signature)), "verifiers", v2_verifier(&a->key));
}

static json_t *v2_body(const struct rekor_artifact *a)
{
    if (a->hashed)
        return json_pack("{s:s, s:s, s:{s:{s:{s:s, s:o}, s:o}}}", "apiVersion", "0.0.2", "kind", "hashedrekord", "spec",
                         "hashedRekordV002", "data", "algorithm", "SHA2_256", "digest", digest_base64(&a->digest),
                         "signature", v2_signature(a));
    return json_pack("{s:s, s:s, s:{s:{s:{s:s, s:o}, s:[o]}}}", "apiVersion", "0.0.2", "kind", "dsse", "spec",
                     "dsseV002", "payloadHash", "algorithm", "SHA2_256", "digest", digest_base64(&a->digest),
                     "signatures", v2_signature(a));
}

/* ---- either ---- */

static enum err write_json(json_t *json, struct text *out)
{
    enum err err = json ? canonical_json(json, out) : ERR_NOMEM;

    json_decref(json);
    return err;
}

enum err rekor_request(enum rekor_version version, const struct rekor_artifact *a, struct text *out)
{
    if (version == REKOR_V2)
        return write_json(v2_request(a), out);
    return write_json(a->hashed ? v1_hashed(a) : v1_dsse_request(a), out);
}

enum err rekor_body(enum rekor_version version, const struct rekor_artifact *a, struct text *out)
{
    if (version == REKOR_V2)
        return write_json(v2_body(a), out);
    return write_json(a->hashed ? v1_hashed(a) : v1_dsse_body(a), out);
}

bool rekor_body_signature(enum rekor_version version, struct bytes body, struct signature *out)
{
    json_t *json = json_loadb((const char *)body.data, body.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *spec = json_object_get(json, "spec"), *first;
    bool found;

    if (version == REKOR_V2)
        spec = json_object_get(spec, "dsseV002");
    first = json_array_get(json_object_get(spec, "signatures"), 0);
    found = read_signature(json_object_get(first, version == REKOR_V2 ? "content" : "signature"), out);
    json_decref(json);
    return found;
}
