/* SPDX-License-Identifier: Apache-2.0
 *
 * verify.c - the chain from the event to the signed checkpoint, one check a link:
 *
 *     event -> evidence package -> its hash -> signature -> leaf -> inclusion proof -> root -> signed checkpoint
 *
 * A check that fails ends the chain; the rest would only repeat it; cheap ones come first.  Where other logs have the
 * entry too, each of their receipts is a chain of its own behind it.
 */
#include "services/notary/documents/verify_private.h"

#include "base/base64.h"
#include "services/notary/documents/canonical.h"
#include "services/notary/documents/evidence.h"
#include "services/notary/documents/receipt.h"
#include "services/notary/visible.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define PATH_LINES_MAX (MERKLE_PROOF_MAX * (sizeof "right \n" + DIGEST_HEX_LEN))

static PRINTF_LIKE(4, 0) bool line(struct verification *v, bool holds, const char *name, const char *format,
                                   va_list args)
{
    char text[600];

    vsnprintf(text, sizeof text, format, args);
    text_printf(v->report, "%-8s %-11s ", holds ? "ok" : "refused", name);
    visible_add(v->report, bytes_of_text(text)); /* a name with a line feed in it makes no lines of its own */
    text_add(v->report, "\n");
    return holds;
}

bool verify_holds(struct verification *v, const char *name, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    line(v, true, name, format, args);
    va_end(args);
    return true;
}

bool verify_refused(struct verification *v, const char *name, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    line(v, false, name, format, args);
    va_end(args);
    return false;
}

bool verify_no_memory(struct verification *v)
{
    v->short_of_memory = true;
    return false;
}

const char *verify_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

bool verify_has(struct verification *v, const json_t *object, const char *where, const char *name, json_type type)
{
    const json_t *value = json_object_get(object, name);

    if (!value)
        return verify_refused(v, "form", "%s has no %s", where, name);
    if (json_typeof(value) != type)
        return verify_refused(v, "form", "%s.%s has the wrong type", where, name);
    return true;
}

/* All members that must be there, and none else: what nothing covers could be changed unseen. */
static bool check_form(struct verification *v)
{
    for (size_t i = 0; i < RECEIPT_LEAF_MEMBERS; i++)
        if (!verify_has(v, v->receipt, "the receipt", receipt_leaf_members[i].name, receipt_leaf_members[i].type))
            return false;
    if (!verify_has(v, v->receipt, "the receipt", "log_index", JSON_INTEGER) ||
        !verify_has(v, v->receipt, "the receipt", "inclusion_proof", JSON_OBJECT))
        return false;
    v->proof = json_object_get(v->receipt, "inclusion_proof");
    if (!verify_has(v, v->proof, "the inclusion proof", "checkpoint", JSON_STRING) ||
        !verify_has(v, v->proof, "the inclusion proof", "hashes", JSON_ARRAY) ||
        !verify_has(v, v->proof, "the inclusion proof", "result_hash", JSON_STRING))
        return false;
    v->batch = json_object_get(v->receipt, "batch");
    if (json_object_size(v->receipt) != RECEIPT_LEAF_MEMBERS + (v->batch ? 3 : 2))
        return verify_refused(v, "form", "the receipt has a member that is none of a receipt");
    if (json_object_get(v->proof, "log_public_key_b64") &&
        !verify_has(v, v->proof, "the inclusion proof", "log_public_key_b64", JSON_STRING))
        return false;
    if (json_object_size(v->proof) != (json_object_get(v->proof, "log_public_key_b64") ? 4 : 3))
        return verify_refused(v, "form", "the inclusion proof has a member that is none of a proof");
    return true;
}

/* The same of what a result has that was refused. */
static bool check_refusal_form(struct verification *v)
{
    for (size_t i = 0; i < RECEIPT_REFUSAL_MEMBERS; i++)
        if (!verify_has(v, v->receipt, "the refusal", receipt_refusal_members[i].name, receipt_refusal_members[i].type))
            return false;
    if (!verify_has(v, v->receipt, "the refusal", "log_index", JSON_INTEGER) ||
        !verify_has(v, v->receipt, "the refusal", "inclusion_proof", JSON_OBJECT))
        return false;
    v->proof = json_object_get(v->receipt, "inclusion_proof");
    if (!verify_has(v, v->proof, "the inclusion proof", "checkpoint", JSON_STRING) ||
        !verify_has(v, v->proof, "the inclusion proof", "hashes", JSON_ARRAY) ||
        !verify_has(v, v->proof, "the inclusion proof", "log_public_key_b64", JSON_STRING) ||
        !verify_has(v, v->proof, "the inclusion proof", "result_hash", JSON_STRING))
        return false;
    if (json_object_size(v->receipt) != RECEIPT_REFUSAL_MEMBERS + 2 || json_object_size(v->proof) != 4)
        return verify_refused(v, "form", "the refusal has a member that is none of a refusal");
    return true;
}

/* Which of the three kinds it is. */
static void find_result(struct verification *v)
{
    json_t *result = json_object_get(v->document, "result");

    if (json_is_object(result) && json_object_get(result, "receipt"))
        v->result = result;
    else if (json_object_get(v->document, "receipt"))
        v->result = v->document;
    if (v->result)
        v->receipt = json_object_get(v->result, "receipt");
    else if (json_object_get(v->document, "evidence_package_hash"))
        v->receipt = v->document;
}

/* Whatever holds, an event that was refused is not notarized. */
static bool say_none(struct verification *v)
{
    const char *error = verify_text(v->result, "error");

    return verify_refused(v, "receipt", "there is none: the event was not notarized%s%.200s", *error ? ": " : "",
                          error);
}

static bool find_receipt(struct verification *v)
{
    json_t *refusal;

    find_result(v);
    if (json_is_object(v->receipt))
        return check_form(v);
    if (!json_is_null(v->receipt))
        return verify_refused(v, "form", "the file holds neither a NotaryResult with a receipt nor a receipt");
    refusal = json_object_get(v->result, "refusal");
    if (!json_is_object(refusal)) /* as notaries before this one wrote it */
        return say_none(v);
    v->receipt = refusal;
    v->refused = true;
    return check_refusal_form(v);
}

static bool read_document(struct verification *v, struct bytes document)
{
    json_error_t error;

    if (document.len > VERIFY_DOCUMENT_MAX)
        return verify_refused(v, "form", "the receipt's file is larger than %u bytes", VERIFY_DOCUMENT_MAX);
    v->document =
        json_loadb(document.len ? (const char *)document.data : "", document.len, JSON_REJECT_DUPLICATES, &error);
    if (!v->document && json_error_code(&error) == json_error_out_of_memory)
        return verify_no_memory(v);
    if (!v->document)
        return verify_refused(v, "form", "the receipt's file is not valid JSON: line %d: %s", error.line, error.text);
    return find_receipt(v);
}

static bool read_event(struct verification *v, struct bytes bytes)
{
    struct faults faults;
    bool valid = false;
    enum err err;

    if (faults_init(&faults) != OK)
        return verify_no_memory(v);
    if ((err = event_parse(&v->event, bytes, &faults)) == ERR_NOMEM)
        verify_no_memory(v);
    else if (err != OK)
        verify_refused(v, "event", "no valid event, so never notarized: %s (%zu faults in all)",
                       json_string_value(json_array_get(faults.list, 0)), faults.count);
    else
        valid = true;
    faults_deinit(&faults);
    return valid;
}

static bool read_key(struct verification *v, const json_t *object, const char *name, struct public_key *key)
{
    uint8_t der[256];
    size_t len;

    if (base64_decode(bytes_of_text(verify_text(object, name)), der, sizeof der, &len) == OK &&
        public_key_from_spki(key, bytes_of(der, len)) == OK)
        return true;
    return verify_refused(v, "key", "%s is not an Ed25519 or P-256 public key (base64 of its DER form)", name);
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
            return verify_refused(v, "form", "log_public_key_b64 is named although it is public_key_b64");
    }
    digest_hex(&log_key->log_id, log_id);
    if (strcmp(log_id, verify_text(v->receipt, "rekor_log_id")) != 0)
        return verify_refused(v, "key", "rekor_log_id is not the SHA-256 of the log's public key");
    return true;
}

static bool check_keys(struct verification *v)
{
    const struct trusted_keys *trusted = v->trust->keys;
    const struct public_key *key = &v->pieces->key, *log_key = &v->pieces->log_key;
    char log_id[DIGEST_HEX_SIZE];

    if (!read_key(v, v->receipt, "public_key_b64", &v->pieces->key) || !read_log_key(v))
        return false;
    digest_hex(&log_key->log_id, log_id);
    if (!trusted || trusted->count == 0)
        return verify_holds(
            v, "key", "log id %.16s... belongs to the receipt's own key; compare it with --public-key FILE", log_id);
    if (!trusted_keys_has(trusted, key))
        return verify_refused(v, "key", "the receipt's key is not one given with --public-key");
    if (!trusted_keys_has(trusted, log_key))
        return verify_refused(v, "key", "the log's key %.16s... is not one given with --public-key", log_id);
    if (public_key_equal(key, log_key))
        return verify_holds(v, "key", "the receipt's key is one given with --public-key");
    return verify_holds(v, "key", "the receipt's key and the log's are among those given with --public-key");
}

/* Nothing but the log's key has a part in a refusal. */
static bool check_refusal_key(struct verification *v)
{
    const struct trusted_keys *trusted = v->trust->keys;
    struct public_key *log_key = &v->pieces->log_key;
    char log_id[DIGEST_HEX_SIZE];

    if (!read_key(v, v->proof, "log_public_key_b64", log_key))
        return false;
    digest_hex(&log_key->log_id, log_id);
    if (strcmp(log_id, verify_text(v->receipt, "rekor_log_id")) != 0)
        return verify_refused(v, "key", "rekor_log_id is not the SHA-256 of the log's public key");
    if (!trusted || trusted->count == 0)
        return verify_holds(
            v, "key", "log id %.16s... belongs to the refusal's own key; compare it with --public-key FILE", log_id);
    if (!trusted_keys_has(trusted, log_key))
        return verify_refused(v, "key", "the log's key %.16s... is not one given with --public-key", log_id);
    return verify_holds(v, "key", "the log's key is one given with --public-key");
}

/* It is this event, every byte of it, that was refused. */
static bool check_refused_event(struct verification *v)
{
    struct text *evidence = &v->pieces->evidence;
    char hash[RECEIPT_HASH_SIZE];
    struct digest d;

    if (evidence_build(&v->event, evidence) != OK)
        return verify_no_memory(v);
    d = digest_of(bytes_of(evidence->data, evidence->len));
    receipt_hash_text(&d, hash);
    if (strcmp(hash, verify_text(v->receipt, "event_hash")) != 0)
        return verify_refused(v, "event", "the refusal is of another event: this one's hash is %s", hash);
    return verify_holds(v, "event", "%s is the hash of this event", hash);
}

static bool check_signature(struct verification *v)
{
    struct signature *signature = &v->pieces->signature;
    const char *kind = public_key_kind_name(v->pieces->key.kind),
               *what = v->batch ? "batch's statement" : "evidence package";

    if (base64_decode(bytes_of_text(verify_text(v->receipt, "signature_b64")), signature->bytes, SIGNATURE_MAX,
                      &signature->len) != OK)
        return verify_refused(v, "signature", "signature_b64 is not the base64 of a signature");
    if (!public_key_verifies(&v->pieces->key, verify_signed_bytes(v), signature))
        return verify_refused(v, "signature", "the signature is not this key's over the %s", what);
    return verify_holds(v, "signature", "the key signed the %s (%s)", what, kind);
}

/* The rest of a whole NotaryResult against the hash that the log entry names. */
static bool check_result(struct verification *v)
{
    char hash[RECEIPT_HASH_SIZE];
    struct digest d;
    struct text rest;
    enum err err;

    if (!v->result)
        return verify_holds(v, "result", "a receipt alone; the NotaryResult that it came in is not checked");
    text_init(&rest, VERIFY_DOCUMENT_MAX * 8);
    json_incref(v->receipt);
    if (v->refused)
        json_object_del(v->result, "refusal");
    json_object_del(v->result, "receipt");
    err = canonical_json(v->result, &rest);
    d = digest_of(bytes_of(rest.data, rest.len));
    text_deinit(&rest);
    if (json_object_set_new(v->result, v->refused ? "refusal" : "receipt", v->receipt) != 0 || err == ERR_NOMEM)
        return verify_no_memory(v);
    receipt_hash_text(&d, hash);
    if (err != OK || strcmp(hash, verify_text(v->proof, "result_hash")) != 0)
        return verify_refused(v, "result", "the NotaryResult is not the one that was logged (result_hash differs)");
    return verify_holds(v, "result", "the NotaryResult around the receipt is the one that was logged");
}

static bool check_checkpoint(struct verification *v)
{
    const char *note = verify_text(v->proof, "checkpoint");
    const char *url = verify_text(v->receipt, "rekor_server_url");
    enum err err;

    receipt_origin(url, &v->pieces->log_key.log_id, &v->origin);
    if (text_failed(&v->origin) || !checkpoint_origin_is_valid(bytes_of_text(v->origin.data)))
        return verify_refused(v, "checkpoint", "rekor_server_url cannot name a log");
    err = checkpoint_read(&v->checkpoint, &v->pieces->checkpoint_signature, bytes_of_text(note), v->origin.data,
                          &v->pieces->log_key);
    if (err == ERR_NOMEM)
        return verify_no_memory(v);
    if (err != OK)
        return verify_refused(v, "checkpoint", "the checkpoint is not one of the log %.60s...", v->origin.data);
    if (!checkpoint_is_signed(&v->checkpoint, v->origin.data, &v->pieces->log_key, &v->pieces->checkpoint_signature))
        return verify_refused(v, "checkpoint", "the checkpoint's signature is not the key's");
    checkpoint_body(&v->checkpoint, v->origin.data, &v->pieces->checkpoint);
    return verify_holds(v, "checkpoint", "the key signed the log at size %" PRIu64 ", origin %.60s...",
                        v->checkpoint.size, v->origin.data);
}

static bool check_inclusion(struct verification *v)
{
    json_int_t index = json_integer_value(json_object_get(v->receipt, "log_index"));
    struct text *leaf = &v->pieces->leaf;
    struct merkle_proof proof;
    struct digest leaf_hash;
    enum err err = verify_leaf(v, leaf);

    if (err == ERR_NOMEM)
        return verify_no_memory(v);
    if (err != OK)
        return verify_refused(v, "inclusion", "the receipt cannot be of any log entry");
    leaf_hash = merkle_leaf(bytes_of(leaf->data, leaf->len));
    if (!receipt_hashes_read(json_object_get(v->proof, "hashes"), &proof))
        return verify_refused(v, "inclusion",
                              "the inclusion proof's hashes are not at most %d texts of 64 lower-case digits",
                              MERKLE_PROOF_MAX);
    if (index < 0 ||
        !merkle_inclusion_holds(&leaf_hash, (uint64_t)index, v->checkpoint.size, &proof, &v->checkpoint.root))
        return verify_refused(v, "inclusion",
                              "the log entry is not at log_index in the tree that the checkpoint signs");
    merkle_path_lines((uint64_t)index, v->checkpoint.size, &proof, &v->pieces->path);
    return verify_holds(v, "inclusion",
                        "entry %" JSON_INTEGER_FORMAT " of %" PRIu64 " in the log (RFC 6962 proof, %zu hashes)", index,
                        v->checkpoint.size, proof.count);
}

/* ---- other logs ---- */

static bool check_anchor(struct verification *v, const json_t *anchor)
{
    const struct anchor_entry entry = {
        .index = (uint64_t)json_integer_value(json_object_get(v->receipt, "log_index")),
        .leaf = bytes_of(v->pieces->leaf.data, v->pieces->leaf.len),
    };
    const json_t *receipt = json_object_get(anchor, "receipt");
    bool good;

    if (!json_is_object(receipt))
        return verify_refused(v, "anchor", "one of the anchors has no receipt");
    if (anchor_verify(receipt, &entry, &v->pieces->log_key, &v->trust->anchors, v->report, &good) != OK)
        return verify_no_memory(v);
    return good;
}

/* Of an exported workflow: what other logs said of the entry. */
static bool check_anchors(struct verification *v)
{
    const json_t *anchors = v->result && v->result != v->document ? json_object_get(v->document, "anchors") : NULL;
    bool good = true;

    for (size_t i = 0; good && i < json_array_size(anchors); i++)
        good = check_anchor(v, json_array_get(anchors, i));
    return good;
}

/* That it was refused is in the log. */
static bool verify_refusal(struct verification *v)
{
    return check_result(v) && check_refused_event(v) && check_refusal_key(v) && check_checkpoint(v) &&
           check_inclusion(v) && check_anchors(v) && say_none(v);
}

static bool verify(struct verification *v, struct bytes document, struct bytes event)
{
    if (!read_document(v, document) || !read_event(v, event))
        return false;
    if (v->refused)
        return verify_refusal(v);
    return check_result(v) && verify_evidence(v) && check_keys(v) && check_signature(v) && verify_decisions(v) &&
           check_checkpoint(v) && check_inclusion(v) && verify_artifact(v) && check_anchors(v);
}

static void pieces_init(struct verify_pieces *p)
{
    memset(p, 0, sizeof *p);
    text_init(&p->evidence, EVIDENCE_BYTES_MAX);
    text_init(&p->statement, 1024);
    text_init(&p->leaf, 8 * VERIFY_DOCUMENT_MAX);
    text_init(&p->path, PATH_LINES_MAX);
    text_init(&p->batch_path, PATH_LINES_MAX);
    text_init(&p->result_path, PATH_LINES_MAX);
    text_init(&p->checkpoint, 2 * CHECKPOINT_BYTES_MAX);
}

void verify_pieces_deinit(struct verify_pieces *p)
{
    text_deinit(&p->evidence);
    text_deinit(&p->statement);
    text_deinit(&p->leaf);
    text_deinit(&p->path);
    text_deinit(&p->batch_path);
    text_deinit(&p->result_path);
    text_deinit(&p->checkpoint);
}

enum err verify_document(struct bytes document, struct bytes event, struct bytes artifact,
                         const struct verify_trust *trust, struct text *report, struct verify_pieces *pieces,
                         bool *verified)
{
    static const struct verify_trust nobody;
    struct verify_pieces own;
    struct verification v = {
        .report = report, .trust = trust ? trust : &nobody, .pieces = pieces ? pieces : &own, .artifact = artifact};
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

enum err verify_receipt(struct bytes document, struct bytes event, const struct public_key *trusted,
                        struct text *report, struct verify_pieces *pieces, bool *verified)
{
    struct trusted_keys keys = {.count = 0};

    if (trusted)
        keys.list[keys.count++] = *trusted;
    return verify_document(document, event, bytes_of(NULL, 0), &(struct verify_trust){.keys = &keys}, report, pieces,
                           verified);
}
