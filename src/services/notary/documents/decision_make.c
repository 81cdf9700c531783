/* SPDX-License-Identifier: Apache-2.0
 *
 * decision_make.c - a decision as a signed statement: two JSON objects in base64 for URLs, and a signature over both.
 *
 * JWS has a P-256 signature as two numbers of 32 bytes (RFC 7518, 3.4), signers have DER.
 */
#include "services/notary/documents/decision.h"

#include "base/base64.h"
#include "services/notary/ports.h"
#include <assert.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <stdlib.h>

#define NUMBER_LEN 32 /* of P-256 */

static const char *const names[DECISION_KINDS] = {"approve", "reject", "cancel", "retry"};

const char *decision_kind_name(enum decision_kind kind)
{
    assert(kind < DECISION_KINDS);
    return names[kind];
}

bool decision_kind_find(const char *name, enum decision_kind *out)
{
    for (unsigned i = 0; name && i < DECISION_KINDS; i++)
        if (strcmp(names[i], name) == 0) {
            *out = (enum decision_kind)i;
            return true;
        }
    return false;
}

static bool add_json(json_t *json, struct text *out)
{
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

    if (text)
        base64url_encode(out, bytes_of_text(text));
    free(text);
    return text != NULL;
}

static bool add_claims(const struct decision_facts *f, struct text *out)
{
    json_t *claims = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:I}", "event_id", f->event_id, "event_hash", f->event_hash,
                               "decision", names[f->kind], "approver", f->approver, "method", f->method, "jti", f->jti,
                               "iat", (json_int_t)(f->at_ms / 1000));
    bool done = claims && (!f->comment || json_object_set_new(claims, "comment", json_string(f->comment)) == 0) &&
                (!f->subject || json_object_set_new(claims, "subject", json_string(f->subject)) == 0) &&
                add_json(claims, out);

    json_decref(claims);
    return done;
}

static bool add_header(const struct public_key *key, struct text *out)
{
    char kid[DIGEST_HEX_SIZE];
    json_t *header;
    bool done;

    digest_hex(&key->log_id, kid);
    header = json_pack("{s:s,s:s,s:s}", "alg", key->kind == KEY_ED25519 ? "EdDSA" : "ES256", "kid", kid, "typ",
                       "geminga-decision+jwt");
    done = add_json(header, out);
    json_decref(header);
    return done;
}

/* From DER to the two numbers. */
static bool numbers_of(const struct signature *s, uint8_t to[2 * NUMBER_LEN])
{
    const uint8_t *der = s->bytes;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)s->len);
    bool done = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), to, NUMBER_LEN) == NUMBER_LEN &&
                BN_bn2binpad(ECDSA_SIG_get0_s(sig), to + NUMBER_LEN, NUMBER_LEN) == NUMBER_LEN;

    ECDSA_SIG_free(sig);
    return done;
}

static bool add_signature(const struct signed_by *by, struct text *out)
{
    uint8_t numbers[2 * NUMBER_LEN];

    text_add(out, ".");
    if (by->key.kind == KEY_ED25519) {
        base64url_encode(out, signature_bytes(&by->signature));
        return true;
    }
    if (!numbers_of(&by->signature, numbers))
        return false;
    base64url_encode(out, bytes_of(numbers, sizeof numbers));
    return true;
}

enum err decision_make(const struct decision_facts *facts, struct signer *signer, struct text *out)
{
    const size_t begin = out->len;
    struct signed_by by;
    char why[200];
    enum err err;

    assert(signer->ops->instant);
    if (!add_header(signer_key(signer), out))
        return ERR_NOMEM;
    text_add(out, ".");
    if (!add_claims(facts, out) || text_failed(out))
        return ERR_NOMEM;
    err = signer_sign(signer, bytes_of(out->data + begin, out->len - begin), &by, 0, why, sizeof why);
    if (err == OK && (!add_signature(&by, out) || text_failed(out)))
        err = ERR_NOMEM;
    return err;
}
