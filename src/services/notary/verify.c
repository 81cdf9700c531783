/* SPDX-License-Identifier: Apache-2.0
 *
 * verify.c - the chain from the event to the signed checkpoint, one check a link:
 *
 *     event -> evidence package -> its hash -> signature -> leaf -> inclusion proof -> root -> signed checkpoint
 *
 * A check that fails ends the chain; the rest would only repeat it.
 */
#include "services/notary/verify.h"

#include "base/base64.h"
#include "services/notary/canonical.h"
#include "services/notary/event.h"
#include "services/notary/evidence.h"
#include "services/notary/receipt.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct verification {
    struct text *report;
    const struct public_key *trusted;
    struct verify_pieces *pieces;
    json_t *document;   /* owned */
    json_t *receipt;    /* in it */
    json_t *proof;      /* in the receipt */
    struct event event; /* owned */
    struct text origin;
    struct checkpoint checkpoint;
    bool short_of_memory; /* then nothing else counts */
};

static PRINTF_LIKE(4, 0) bool line(struct verification *v, bool holds, const char *name, const char *format,
                                   va_list args)
{
    char text[600];

    vsnprintf(text, sizeof text, format, args);
    text_printf(v->report, "%-8s %-11s %s\n", holds ? "ok" : "refused", name, text);
    return holds;
}

static PRINTF_LIKE(3, 4) bool holds(struct verification *v, const char *name, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    line(v, true, name, format, args);
    va_end(args);
    return true;
}

static PRINTF_LIKE(3, 4) bool refused(struct verification *v, const char *name, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    line(v, false, name, format, args);
    va_end(args);
    return false;
}

static bool no_memory(struct verification *v)
{
    v->short_of_memory = true;
    return false;
}

static const char *member_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

static bool has_member(struct verification *v, const json_t *object, const char *where, const char *name,
                       json_type type)
{
    const json_t *value = json_object_get(object, name);

    if (!value)
        return refused(v, "form", "%s has no %s", where, name);
    if (json_typeof(value) != type)
        return refused(v, "form", "%s.%s has the wrong type", where, name);
    return true;
}

static bool hashes_are_texts(struct verification *v, const json_t *hashes)
{
    if (json_array_size(hashes) > MERKLE_PROOF_MAX)
        return refused(v, "form", "the inclusion proof has more than %d hashes", MERKLE_PROOF_MAX);
    for (size_t i = 0; i < json_array_size(hashes); i++)
        if (!json_is_string(json_array_get(hashes, i)))
            return refused(v, "form", "the inclusion proof's hash %zu is not text", i);
    return true;
}

/* All members that must be there, and none else: what nothing covers could be changed unseen. */
static bool check_form(struct verification *v)
{
    for (size_t i = 0; i < RECEIPT_LEAF_MEMBERS; i++)
        if (!has_member(v, v->receipt, "the receipt", receipt_leaf_members[i].name, receipt_leaf_members[i].type))
            return false;
    if (!has_member(v, v->receipt, "the receipt", "log_index", JSON_INTEGER) ||
        !has_member(v, v->receipt, "the receipt", "inclusion_proof", JSON_OBJECT))
        return false;
    v->proof = json_object_get(v->receipt, "inclusion_proof");
    if (!has_member(v, v->proof, "the inclusion proof", "checkpoint", JSON_STRING) ||
        !has_member(v, v->proof, "the inclusion proof", "hashes", JSON_ARRAY) ||
        !has_member(v, v->proof, "the inclusion proof", "result_hash", JSON_STRING) ||
        !hashes_are_texts(v, json_object_get(v->proof, "hashes")))
        return false;
    if (json_object_size(v->receipt) != RECEIPT_LEAF_MEMBERS + 2)
        return refused(v, "form", "the receipt has a member that is none of a receipt");
    if (json_object_get(v->proof, "log_public_key_b64") &&
        !has_member(v, v->proof, "the inclusion proof", "log_public_key_b64", JSON_STRING))
        return false;
    if (json_object_size(v->proof) != (json_object_get(v->proof, "log_public_key_b64") ? 4 : 3))
        return refused(v, "form", "the inclusion proof has a member that is none of a proof");
    return true;
}

static bool read_document(struct verification *v, struct bytes document)
{
    json_error_t error;

    if (document.len > VERIFY_DOCUMENT_MAX)
        return refused(v, "form", "the receipt's file is larger than %u bytes", VERIFY_DOCUMENT_MAX);
    v->document =
        json_loadb(document.len ? (const char *)document.data : "", document.len, JSON_REJECT_DUPLICATES, &error);
    if (!v->document && json_error_code(&error) == json_error_out_of_memory)
        return no_memory(v);
    if (!v->document)
        return refused(v, "form", "the receipt's file is not valid JSON: line %d: %s", error.line, error.text);
    v->receipt = json_object_get(v->document, "receipt");
    if (!v->receipt && json_object_get(v->document, "evidence_package_hash"))
        v->receipt = v->document;
    if (!json_is_object(v->receipt))
        return refused(v, "form", "the file holds neither a NotaryResult with a receipt nor a receipt");
    return check_form(v);
}

static bool read_event(struct verification *v, struct bytes bytes)
{
    struct faults faults;
    bool valid = false;
    enum err err;

    if (faults_init(&faults) != OK)
        return no_memory(v);
    if ((err = event_parse(&v->event, bytes, &faults)) == ERR_NOMEM)
        no_memory(v);
    else if (err != OK)
        refused(v, "event", "no valid event, so never notarized: %s (%zu faults in all)",
                json_string_value(json_array_get(faults.list, 0)), faults.count);
    else
        valid = true;
    faults_deinit(&faults);
    return valid;
}

static bool check_evidence(struct verification *v)
{
    char hash[RECEIPT_HASH_SIZE];
    struct digest d;

    if (evidence_build(&v->event, &v->pieces->evidence) != OK)
        return no_memory(v);
    d = digest_of(bytes_of(v->pieces->evidence.data, v->pieces->evidence.len));
    receipt_hash_text(&d, hash);
    if (strcmp(hash, member_text(v->receipt, "evidence_package_hash")) != 0)
        return refused(v, "evidence", "the event's evidence package has the hash %s; the receipt is about another",
                       hash);
    return holds(v, "evidence", "%s is the hash of this event's evidence package", hash);
}

static bool read_key(struct verification *v, const json_t *object, const char *name, struct public_key *key)
{
    uint8_t der[256];
    size_t len;

    if (base64_decode(bytes_of_text(member_text(object, name)), der, sizeof der, &len) == OK &&
        public_key_from_spki(key, bytes_of(der, len)) == OK)
        return true;
    return refused(v, "key", "%s is not an Ed25519 or P-256 public key (base64 of its DER form)", name);
}

/* The log's key: named where it is another than that of the evidence. */
static bool read_log_key(struct verification *v)
{
    struct public_key *log_key = &v->pieces->log_key;
    char log_id[DIGEST_HEX_SIZE];

    *log_key = v->pieces->key;
    if (json_object_get(v->proof, "log_public_key_b64")) {
        if (!read_key(v, v->proof, "log_public_key_b64", log_key))
            return false;
        if (public_key_equal(log_key, &v->pieces->key))
            return refused(v, "form", "log_public_key_b64 is named although it is public_key_b64");
    }
    digest_hex(&log_key->log_id, log_id);
    if (strcmp(log_id, member_text(v->receipt, "rekor_log_id")) != 0)
        return refused(v, "key", "rekor_log_id is not the SHA-256 of the log's public key");
    return true;
}

static bool check_key(struct verification *v)
{
    struct public_key *key = &v->pieces->key;
    char log_id[DIGEST_HEX_SIZE];

    if (!read_key(v, v->receipt, "public_key_b64", key) || !read_log_key(v))
        return false;
    digest_hex(&key->log_id, log_id);
    if (v->trusted && !public_key_equal(v->trusted, key))
        return refused(v, "key", "the receipt's key is not the one given with --public-key");
    if (v->trusted)
        return holds(v, "key", "the receipt's key is the one given with --public-key");
    return holds(v, "key", "log id %.16s... belongs to the receipt's own key; compare it with --public-key FILE",
                 log_id);
}

static bool check_signature(struct verification *v)
{
    struct signature *signature = &v->pieces->signature;
    struct bytes evidence = bytes_of(v->pieces->evidence.data, v->pieces->evidence.len);
    const char *kind = public_key_kind_name(v->pieces->key.kind);

    if (base64_decode(bytes_of_text(member_text(v->receipt, "signature_b64")), signature->bytes, SIGNATURE_MAX,
                      &signature->len) != OK)
        return refused(v, "signature", "signature_b64 is not the base64 of a signature");
    if (!public_key_verifies(&v->pieces->key, evidence, signature))
        return refused(v, "signature", "the signature is not this key's over the evidence package");
    return holds(v, "signature", "the key signed the evidence package (%s)", kind);
}

/* The rest of a whole NotaryResult against the hash that the log entry names. */
static bool check_result(struct verification *v)
{
    char hash[RECEIPT_HASH_SIZE];
    struct digest d;
    struct text rest;
    enum err err;

    if (v->receipt == v->document)
        return holds(v, "result", "a receipt alone; the NotaryResult that it came in is not checked");
    text_init(&rest, VERIFY_DOCUMENT_MAX * 8);
    json_incref(v->receipt);
    json_object_del(v->document, "receipt");
    err = canonical_json(v->document, &rest);
    d = digest_of(bytes_of(rest.data, rest.len));
    text_deinit(&rest);
    if (json_object_set_new(v->document, "receipt", v->receipt) != 0 || err == ERR_NOMEM)
        return no_memory(v);
    receipt_hash_text(&d, hash);
    if (err != OK || strcmp(hash, member_text(v->proof, "result_hash")) != 0)
        return refused(v, "result", "the NotaryResult is not the one that was logged (result_hash differs)");
    return holds(v, "result", "the NotaryResult around the receipt is the one that was logged");
}

static bool check_checkpoint(struct verification *v)
{
    const char *note = member_text(v->proof, "checkpoint");
    const char *url = member_text(v->receipt, "rekor_server_url");
    enum err err;

    receipt_origin(url, &v->pieces->log_key.log_id, &v->origin);
    if (text_failed(&v->origin) || !checkpoint_origin_is_valid(bytes_of_text(v->origin.data)))
        return refused(v, "checkpoint", "rekor_server_url cannot name a log");
    err = checkpoint_read(&v->checkpoint, &v->pieces->checkpoint_signature, bytes_of_text(note), v->origin.data,
                          &v->pieces->log_key);
    if (err == ERR_NOMEM)
        return no_memory(v);
    if (err != OK)
        return refused(v, "checkpoint", "the checkpoint is not one of the log %.60s...", v->origin.data);
    if (!checkpoint_is_signed(&v->checkpoint, v->origin.data, &v->pieces->log_key, &v->pieces->checkpoint_signature))
        return refused(v, "checkpoint", "the checkpoint's signature is not the key's");
    checkpoint_body(&v->checkpoint, v->origin.data, &v->pieces->checkpoint);
    return holds(v, "checkpoint", "the key signed the log at size %" PRIu64 ", origin %.60s...", v->checkpoint.size,
                 v->origin.data);
}

static bool read_proof(const json_t *hashes, struct merkle_proof *proof)
{
    proof->count = json_array_size(hashes);
    for (size_t i = 0; i < proof->count; i++) {
        const char *hex = json_string_value(json_array_get(hashes, i));
        if (!digest_from_hex(&proof->hashes[i], bytes_of_text(hex)))
            return false;
    }
    return true;
}

static bool check_inclusion(struct verification *v)
{
    json_int_t index = json_integer_value(json_object_get(v->receipt, "log_index"));
    struct text *leaf = &v->pieces->leaf;
    struct merkle_proof proof;
    struct digest leaf_hash;
    enum err err = receipt_leaf(v->event.event_id, v->receipt, member_text(v->proof, "result_hash"), leaf);

    if (err == ERR_NOMEM)
        return no_memory(v);
    if (err != OK)
        return refused(v, "inclusion", "the receipt's integrated_time is beyond all reason");
    leaf_hash = merkle_leaf(bytes_of(leaf->data, leaf->len));
    if (!read_proof(json_object_get(v->proof, "hashes"), &proof))
        return refused(v, "inclusion", "a hash of the inclusion proof is not 64 lower-case hexadecimal digits");
    if (index < 0 ||
        !merkle_inclusion_holds(&leaf_hash, (uint64_t)index, v->checkpoint.size, &proof, &v->checkpoint.root))
        return refused(v, "inclusion", "the log entry is not at log_index in the tree that the checkpoint signs");
    return holds(v, "inclusion",
                 "entry %" JSON_INTEGER_FORMAT " of %" PRIu64 " in the log (RFC 6962 proof, %zu hashes)", index,
                 v->checkpoint.size, proof.count);
}

static bool verify(struct verification *v, struct bytes document, struct bytes event)
{
    return read_document(v, document) && read_event(v, event) && check_evidence(v) && check_key(v) &&
           check_signature(v) && check_result(v) && check_checkpoint(v) && check_inclusion(v);
}

static void pieces_init(struct verify_pieces *p)
{
    memset(p, 0, sizeof *p);
    text_init(&p->evidence, EVIDENCE_BYTES_MAX);
    text_init(&p->leaf, 8 * VERIFY_DOCUMENT_MAX);
    text_init(&p->checkpoint, 2 * CHECKPOINT_BYTES_MAX);
}

void verify_pieces_deinit(struct verify_pieces *p)
{
    text_deinit(&p->evidence);
    text_deinit(&p->leaf);
    text_deinit(&p->checkpoint);
}

enum err verify_receipt(struct bytes document, struct bytes event, const struct public_key *trusted,
                        struct text *report, struct verify_pieces *pieces, bool *verified)
{
    struct verify_pieces own;
    struct verification v = {.report = report, .trusted = trusted, .pieces = pieces ? pieces : &own};
    bool good;

    pieces_init(v.pieces);
    text_init(&v.origin, 8 * VERIFY_DOCUMENT_MAX);
    good = verify(&v, document, event);
    text_deinit(&v.origin);
    event_deinit(&v.event);
    json_decref(v.document);
    if (!pieces || v.short_of_memory)
        verify_pieces_deinit(v.pieces);
    if (v.short_of_memory || text_failed(report))
        return ERR_NOMEM;
    *verified = good;
    return OK;
}
