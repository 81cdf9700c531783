/* SPDX-License-Identifier: Apache-2.0
 *
 * verify_test.c - results of every kind verify; with any bit flipped they do not; and what a notary that lies would
 * sign (too few approvals, those of strangers, an event that is not in the batch) is refused although it is signed.
 *
 * The evidence's key is P-256 here and the log's Ed25519, so both kinds are in every result.  (simple_sign with one
 * key: receipt_test.c.)
 */
#include "base/base_test.h"

#include "base/base64.h"
#include "base/test_share.h"
#include "services/notary/documents/batch.h"
#include "services/notary/documents/canonical.h"
#include "services/notary/documents/decision.h"
#include "services/notary/documents/evidence.h"
#include "services/notary/documents/verify.h"
#include "services/notary/files.h"
#include "services/notary/fixture.h"
#include <openssl/x509.h>
#include <unistd.h>

#define APPROVAL_EVENT                                                                                                 \
    "{\"event_id\":\"e-1\",\"event_type\":{\"model_deployment\":{\"model_id\":\"m\",\"version\":\"1\","                \
    "\"environment\":\"production\"}},\"source\":\"ci\",\"actor\":{\"actor_type\":\"ci_system\",\"id\":\"x\"},"        \
    "\"artifacts\":[{\"name\":\"model.pkl\",\"hash_sha256\":\"" FIXTURE_HASH "\"}],"                                   \
    "\"workflow_config\":{\"workflow_type\":\"approval_sign\",\"approvers\":[\"a@x\",\"b@x\",\"c@x\"],\"quorum\":2}}"

struct world {
    struct fixture_signer log;
    EVP_PKEY *p256;
    struct public_key key;         /* of it */
    struct fixture_signer a, b, d; /* approvers' keys; d is nobody who was asked */
    struct approvers *approvers;   /* of all three; b may show a token, too */
    struct trusted_keys trusted;   /* key and log key */
    char directory[64];
};

/* ---- a signer of P-256, a small log ---- */

static struct signature p256_sign(const struct world *w, struct bytes message)
{
    struct signature s = {.len = SIGNATURE_MAX};
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, w->p256, NULL), 1);
    assert_int_equal(EVP_DigestSign(ctx, s.bytes, &s.len, message.data, message.len), 1);
    EVP_MD_CTX_free(ctx);
    return s;
}

/* The entry at place 1 of a log of three: proof and checkpoint. */
static void log_it(struct world *w, struct bytes leaf, struct merkle_proof *proof, char **checkpoint)
{
    struct digest hashes[3] = {merkle_leaf(bytes_of_text("first")), merkle_leaf(leaf),
                               merkle_leaf(bytes_of_text("third"))};
    struct digest left = merkle_node(&hashes[0], &hashes[1]);
    struct checkpoint c = {.size = 3, .root = merkle_node(&left, &hashes[2])};

    proof->count = 2;
    proof->hashes[0] = hashes[0];
    proof->hashes[1] = hashes[2];
    *checkpoint = fixture_checkpoint(&w->log.signer, FIXTURE_URL, &c);
}

static struct bytes of(const struct text *t)
{
    return bytes_of(t->data, t->len);
}

static char *result_of(struct world *w, const struct text *leaf, const char *rest, const char *path,
                       const char *event_hash)
{
    struct merkle_proof proof;
    struct text out;
    char *checkpoint;

    log_it(w, of(leaf), &proof, &checkpoint);
    text_init(&out, RECEIPT_BYTES_MAX);
    assert_int_equal(receipt_result(&(struct receipt_entry){.leaf = of(leaf),
                                                            .rest = bytes_of_text(rest),
                                                            .path = bytes_of_text(path),
                                                            .event_hash = event_hash,
                                                            .log_index = 1,
                                                            .log_key = &w->log.public_key,
                                                            .proof = &proof,
                                                            .checkpoint = bytes_of_text(checkpoint)},
                                    &out),
                     OK);
    free(checkpoint);
    return text_take(&out);
}

static void event_read(struct event *out, const char *json)
{
    struct faults faults;

    assert_int_equal(faults_init(&faults), OK);
    assert_int_equal(event_parse(out, bytes_of_text(json), &faults), OK);
    faults_deinit(&faults);
}

static struct receipt_facts facts_of(const struct world *w)
{
    return (struct receipt_facts){.event_id = "e-1",
                                  .workflow_id = "wf-1",
                                  .workflow_type = "approval_sign",
                                  .artifacts = 1,
                                  .key = &w->key,
                                  .log_key = &w->log.public_key,
                                  .log_url = FIXTURE_URL,
                                  .sealed_ms = 1705318500000};
}

/* ---- approvals ---- */

/* One entry of the evidence's decisions; `by` NULL: the notary signs for a token. */
static json_t *decision_of(struct world *w, struct fixture_signer *by, const char *approver, enum decision_kind kind,
                           const char *event_hash)
{
    struct decision_facts facts = {.kind = kind,
                                   .event_id = "e-1",
                                   .event_hash = event_hash,
                                   .approver = approver,
                                   .method = by ? "key" : "token",
                                   .jti = "1",
                                   .at_ms = 1705318400000};
    struct text statement;
    json_t *json;

    text_init(&statement, DECISION_BYTES_MAX);
    assert_int_equal(decision_make(&facts, by ? &by->signer : &w->log.signer, &statement), OK);
    json = json_pack("{s:s, s:I, s:s, s:s, s:s}", "approver", approver, "at_ms", (json_int_t)facts.at_ms, "decision",
                     decision_kind_name(kind), "method", facts.method, "statement", statement.data);
    text_deinit(&statement);
    return json;
}

/* The NotaryResult of APPROVAL_EVENT with these decisions (stolen), as an honest log would have it. */
static char *approval_result(struct world *w, json_t *decisions, int quorum)
{
    struct receipt_facts facts = facts_of(w);
    struct event event;
    struct text package, leaf, rest;
    json_t *evidence = json_pack("{s:o, s:{}, s:s, s:i}", "decisions", decisions, "findings", "format",
                                 EVIDENCE_FORMAT_2, "quorum", quorum);
    json_t *rest_json, *leaf_json;
    char hash[RECEIPT_HASH_SIZE], *whole, *result;
    struct digest d;

    event_read(&event, APPROVAL_EVENT);
    text_init(&package, EVIDENCE_BYTES_MAX);
    assert_int_equal(evidence_build_with(&event, evidence, &package), OK);
    facts.evidence = digest_of(of(&package));
    facts.signature = p256_sign(w, of(&package));
    text_init(&leaf, RECEIPT_BYTES_MAX);
    text_init(&rest, RECEIPT_BYTES_MAX);
    assert_int_equal(receipt_compose(&facts, &leaf, &rest), OK);
    rest_json = json_loads(rest.data, 0, NULL);
    json_object_set_new(rest_json, "evidence", evidence);
    text_deinit(&rest);
    assert_int_equal(canonical_json(rest_json, &rest), OK);
    d = digest_of(of(&rest));
    receipt_hash_text(&d, hash);
    leaf_json = json_loads(leaf.data, 0, NULL);
    text_deinit(&leaf);
    assert_int_equal(receipt_leaf("e-1", json_object_get(leaf_json, "receipt"), hash, &leaf), OK);
    whole = text_take(&rest);
    result = result_of(w, &leaf, whole, "", NULL);
    free(whole);
    json_decref(rest_json);
    json_decref(leaf_json);
    text_deinit(&leaf);
    text_deinit(&package);
    event_deinit(&event);
    return result;
}

static void event_hash_of(const char *json, char to[RECEIPT_HASH_SIZE])
{
    struct event event;
    struct text package;
    struct digest d;

    event_read(&event, json);
    text_init(&package, EVIDENCE_BYTES_MAX);
    assert_int_equal(evidence_build(&event, &package), OK);
    d = digest_of(of(&package));
    receipt_hash_text(&d, to);
    text_deinit(&package);
    event_deinit(&event);
}

static char *approved_result(struct world *w)
{
    char hash[RECEIPT_HASH_SIZE];

    event_hash_of(APPROVAL_EVENT, hash);
    return approval_result(w,
                           json_pack("[o, o]", decision_of(w, &w->a, "a@x", DECISION_APPROVE, hash),
                                     decision_of(w, NULL, "b@x", DECISION_APPROVE, hash)),
                           2);
}

/* ---- batches ---- */

#define BATCH_COUNT 5

static void batch_event(unsigned i, char *to, size_t size)
{
    snprintf(to, size, "%s", FIXTURE_MINIMAL);
    memcpy(strstr(to, "e-1"), (char[]){'x', '-', (char)('0' + i)}, 3);
}

/* Event 3's result of a batch of five, and the path of its artifact. */
static char *batch_result(struct world *w, char *artifact, size_t artifact_size)
{
    struct receipt_facts facts = facts_of(w);
    struct batch *b;
    struct digest evidence[BATCH_COUNT];
    struct text statement, leaf, path;
    char json[2000], rest[100], hash[RECEIPT_HASH_SIZE], *result;

    assert_int_equal(notary_batch_new(&b), OK);
    for (unsigned i = 0; i < BATCH_COUNT; i++) {
        struct event event;
        batch_event(i, json, sizeof json);
        event_read(&event, json);
        assert_int_equal(batch_add(b, &event, &evidence[i]), OK);
        event_deinit(&event);
    }
    text_init(&statement, 1000);
    assert_int_equal(batch_statement(b, &statement), OK);
    for (unsigned i = 0; i < BATCH_COUNT; i++) {
        snprintf(rest, sizeof rest, "{\"event_id\":\"x-%u\",\"success\":true}", i);
        assert_int_equal(batch_set_result(b, i, bytes_of_text(rest)), OK);
    }
    facts.signature = p256_sign(w, of(&statement));
    text_init(&leaf, RECEIPT_BYTES_MAX);
    assert_int_equal(batch_leaf(b, &facts, &leaf), OK);
    text_init(&path, 10000);
    assert_int_equal(batch_artifact_path(b, 3, 0, &path), OK);
    snprintf(artifact, artifact_size, "%s", path.data);
    text_deinit(&path);
    assert_int_equal(batch_path(b, 3, &path), OK);
    receipt_hash_text(&evidence[3], hash);
    snprintf(rest, sizeof rest, "{\"event_id\":\"x-3\",\"success\":true}");
    result = result_of(w, &leaf, rest, path.data, hash);
    text_deinit(&path);
    text_deinit(&leaf);
    text_deinit(&statement);
    notary_batch_free(b);
    return result;
}

/* ---- the world ---- */

static void write_approvers(struct world *w)
{
    struct fixture_signer *const signers[] = {&w->a, &w->b, &w->d};
    static const char *const names[] = {"a@x", "b@x", "d@x"};
    char path[128], message[400];
    struct text toml;

    text_init(&toml, 10000);
    for (size_t i = 0; i < 3; i++) {
        text_printf(&toml, "[approver.\"%s\"]\n%spublic_key = \"\"\"\n", names[i],
                    i == 1 ? "methods = [\"key\", \"token\"]\n" : "");
        public_key_to_pem(&signers[i]->public_key, &toml);
        text_add(&toml, "\"\"\"\n");
    }
    strcpy(w->directory, "/tmp/geminga-verify-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    snprintf(path, sizeof path, "%s/approvers.toml", w->directory);
    assert_int_equal(file_write_whole(path, of(&toml)), OK);
    assert_int_equal(approvers_read(&w->approvers, path, message, sizeof message), OK);
    unlink(path);
    rmdir(w->directory);
    text_deinit(&toml);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    uint8_t *der = NULL;

    fixture_signer_init(&w->log, 1);
    fixture_signer_init(&w->a, 2);
    fixture_signer_init(&w->b, 3);
    fixture_signer_init(&w->d, 4);
    w->p256 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    int len = i2d_PUBKEY(w->p256, &der);
    assert_int_equal(public_key_from_spki(&w->key, bytes_of(der, (size_t)len)), OK);
    OPENSSL_free(der);
    w->trusted.list[w->trusted.count++] = w->key;
    w->trusted.list[w->trusted.count++] = w->log.public_key;
    write_approvers(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    approvers_free(w->approvers);
    EVP_PKEY_free(w->p256);
    fixture_signer_deinit(&w->log);
    fixture_signer_deinit(&w->a);
    fixture_signer_deinit(&w->b);
    fixture_signer_deinit(&w->d);
    free(w);
    return 0;
}

static bool verifies_at(struct world *w, struct bytes document, const char *event, const char *artifact,
                        struct text *report)
{
    struct verify_trust trust = {.keys = &w->trusted, .approvers = w->approvers};
    bool verified = true;

    assert_int_equal(
        verify_document(document, bytes_of_text(event), bytes_of_text(artifact), &trust, report, NULL, &verified), OK);
    assert_int_equal(verified, strstr(report->data, "refused") == NULL);
    return verified;
}

static bool verifies(struct world *w, struct bytes document, const char *event)
{
    struct text report;

    text_init(&report, 10000);
    bool verified = verifies_at(w, document, event, "", &report);
    text_deinit(&report);
    return verified;
}

static void every_flip_is_refused(struct world *w, char *text, const char *event)
{
    const size_t len = strlen(text);
    const uint64_t seed = test_seed();

    assert_true(verifies(w, bytes_of(text, len), event));
    for (size_t bit = 0; bit < len * 8; bit++) {
        if (!test_flips(seed, bit))
            continue;
        text[bit / 8] ^= (char)(1 << bit % 8);
        if (verifies(w, bytes_of(text, len), event))
            fail_msg("bit %zu of %s", bit, text);
        text[bit / 8] ^= (char)(1 << bit % 8);
    }
}

/* ---- tests ---- */

static void an_approval_with_any_bit_flipped_is_refused(void **state)
{
    struct world *w = *state;
    char *result = approved_result(w);

    every_flip_is_refused(w, result, APPROVAL_EVENT);
    free(result);
}

static void a_batchs_result_with_any_bit_flipped_is_refused(void **state)
{
    struct world *w = *state;
    char artifact[3000], event[2000], *result = batch_result(w, artifact, sizeof artifact);

    batch_event(3, event, sizeof event);
    every_flip_is_refused(w, result, event);
    batch_event(2, event, sizeof event);
    assert_false(verifies(w, bytes_of_text(result), event));
    free(result);
}

static void a_batchs_receipt_alone_with_any_bit_flipped_is_refused(void **state)
{
    struct world *w = *state;
    char artifact[3000], event[2000], *result = batch_result(w, artifact, sizeof artifact), *bare;
    json_t *json = json_loads(result, 0, NULL);

    bare = json_dumps(json_object_get(json, "receipt"), JSON_COMPACT);
    batch_event(3, event, sizeof event);
    every_flip_is_refused(w, bare, event);
    free(bare);
    json_decref(json);
    free(result);
}

static void an_artifact_of_a_batch_has_a_path_of_its_own_and_no_bit_of_it_may_be_flipped(void **state)
{
    struct world *w = *state;
    char artifact[3000], event[2000], *result = batch_result(w, artifact, sizeof artifact);
    const uint64_t seed = test_seed();
    struct text report;

    batch_event(3, event, sizeof event);
    text_init(&report, 10000);
    assert_true(verifies_at(w, bytes_of_text(result), event, artifact, &report));
    assert_non_null(strstr(report.data, "ok       artifact"));
    text_deinit(&report);
    for (size_t bit = 0; bit < strlen(artifact) * 8; bit++) {
        if (!test_flips(seed, bit))
            continue;
        char was = artifact[bit / 8];
        artifact[bit / 8] ^= (char)(1 << bit % 8);
        text_init(&report, 10000);
        if (artifact[bit / 8])
            assert_false(verifies_at(w, bytes_of_text(result), event, artifact, &report));
        text_deinit(&report);
        artifact[bit / 8] = was;
    }
    free(result);
}

static bool approvals_verify(struct world *w, json_t *decisions, int quorum, const char *why)
{
    char *result = approval_result(w, decisions, quorum);
    struct text report;
    bool verified;

    text_init(&report, 10000);
    verified = verifies_at(w, bytes_of_text(result), APPROVAL_EVENT, "", &report);
    if (why && !strstr(report.data, why))
        fail_msg("no \"%s\" in: %s", why, report.data);
    text_deinit(&report);
    free(result);
    return verified;
}

static void a_notary_that_lies_about_approvals_is_found_out(void **state)
{
    struct world *w = *state;
    char hash[RECEIPT_HASH_SIZE], other[RECEIPT_HASH_SIZE];

    event_hash_of(APPROVAL_EVENT, hash);
    event_hash_of(FIXTURE_MINIMAL, other);
#define A(kind) decision_of(w, &w->a, "a@x", kind, hash)
#define B(kind) decision_of(w, &w->b, "b@x", kind, hash)
    assert_true(approvals_verify(w, json_pack("[o, o]", A(DECISION_APPROVE), B(DECISION_APPROVE)), 2, NULL));
    assert_false(approvals_verify(w, json_pack("[o]", A(DECISION_APPROVE)), 2, "1 approved, 2 are needed"));
    assert_false(approvals_verify(w, json_pack("[o, o]", A(DECISION_APPROVE), A(DECISION_APPROVE)), 2, "1 approved"));
    assert_false(approvals_verify(w, json_pack("[o, o]", A(DECISION_APPROVE), B(DECISION_REJECT)), 2, "1 approved"));
    assert_false(approvals_verify(w, json_pack("[o]", A(DECISION_APPROVE)), 1, "the event asks for 2"));
    assert_false(approvals_verify(
        w, json_pack("[o, o]", A(DECISION_APPROVE), decision_of(w, &w->d, "d@x", DECISION_APPROVE, hash)), 2,
        "d@x was not asked"));
    assert_false(approvals_verify(
        w, json_pack("[o, o]", A(DECISION_APPROVE), decision_of(w, &w->d, "b@x", DECISION_APPROVE, hash)), 2,
        "not signed by b@x"));
    assert_false(approvals_verify(
        w, json_pack("[o, o]", B(DECISION_APPROVE), decision_of(w, NULL, "a@x", DECISION_APPROVE, hash)), 2,
        "decisions of a@x are not made by token"));
    assert_false(approvals_verify(
        w, json_pack("[o, o]", A(DECISION_APPROVE), decision_of(w, &w->b, "b@x", DECISION_APPROVE, other)), 2,
        "about another event"));
    assert_false(approvals_verify(w, json_array(), 2, "0 approved"));
    json_t *renamed = B(DECISION_REJECT);
    json_object_set_new(renamed, "decision", json_string("approve"));
    assert_false(approvals_verify(w, json_pack("[o, o]", A(DECISION_APPROVE), renamed), 2, "something else"));
    assert_false(approvals_verify(w, json_pack("[o, s]", A(DECISION_APPROVE), "x"), 2, "not a signed statement"));
}

static void without_the_approvers_keys_the_report_says_what_was_not_checked(void **state)
{
    struct world *w = *state;
    struct verify_trust trust = {.keys = &w->trusted};
    char *result = approved_result(w);
    struct text report;
    bool verified;

    text_init(&report, 10000);
    assert_int_equal(verify_document(bytes_of_text(result), bytes_of_text(APPROVAL_EVENT), bytes_of(NULL, 0), &trust,
                                     &report, NULL, &verified),
                     OK);
    assert_true(verified);
    assert_non_null(strstr(report.data, "a@x: approve; the signature is not checked: give --approvers FILE"));
    assert_non_null(strstr(report.data, "b@x: approve, signed by the notary"));
    text_deinit(&report);
    free(result);
}

static void an_event_that_asks_for_approval_is_not_proved_by_a_signature_alone(void **state)
{
    struct world *w = *state;
    struct receipt_facts facts = facts_of(w);
    struct event event;
    struct text package, leaf, rest;
    char *result;

    event_read(&event, APPROVAL_EVENT);
    text_init(&package, EVIDENCE_BYTES_MAX);
    text_init(&leaf, RECEIPT_BYTES_MAX);
    text_init(&rest, RECEIPT_BYTES_MAX);
    assert_int_equal(evidence_build(&event, &package), OK);
    facts.evidence = digest_of(of(&package));
    facts.signature = p256_sign(w, of(&package));
    assert_int_equal(receipt_compose(&facts, &leaf, &rest), OK);
    result = result_of(w, &leaf, rest.data, "", NULL);
    assert_false(verifies(w, bytes_of_text(result), APPROVAL_EVENT));
    free(result);
    text_deinit(&rest);
    text_deinit(&leaf);
    text_deinit(&package);
    event_deinit(&event);
}

static void both_keys_must_be_trusted_when_any_is_given(void **state)
{
    struct world *w = *state;
    char *result = approved_result(w);
    struct trusted_keys whole = w->trusted;

    w->trusted.count = 1; /* the evidence's */
    assert_false(verifies(w, bytes_of_text(result), APPROVAL_EVENT));
    w->trusted.list[0] = w->log.public_key;
    assert_false(verifies(w, bytes_of_text(result), APPROVAL_EVENT));
    w->trusted.count = 0;
    assert_true(verifies(w, bytes_of_text(result), APPROVAL_EVENT));
    w->trusted = whole;
    free(result);
}

static void a_result_without_a_receipt_proves_nothing_and_says_why(void **state)
{
    static const char rejected[] = "{\"event_id\":\"e-1\",\"success\":false,\"error\":\"rejected by b@x\\nok  all\","
                                   "\"receipt\":null}";
    struct world *w = *state;
    struct text report;

    text_init(&report, 10000);
    assert_false(verifies_at(w, bytes_of_text(rejected), APPROVAL_EVENT, "", &report));
    assert_non_null(strstr(report.data, "there is none: the event was not notarized: rejected by b@x\\x0aok  all"));
    text_deinit(&report);
}

static void an_exported_workflow_verifies_by_the_result_in_it(void **state)
{
    struct world *w = *state;
    char *result = approved_result(w), *text;
    json_t *json = json_pack("{s:s, s:o, s:[]}", "event_id", "e-1", "result", json_loads(result, 0, NULL), "anchors");

    text = json_dumps(json, JSON_INDENT(2));
    assert_true(verifies(w, bytes_of_text(text), APPROVAL_EVENT));
    free(text);
    json_array_append_new(json_object_get(json, "anchors"), json_pack("{s:s, s:{}}", "anchor", "rekor-v2", "receipt"));
    text = json_dumps(json, JSON_INDENT(2));
    assert_false(verifies(w, bytes_of_text(text), APPROVAL_EVENT));
    free(text);
    json_decref(json);
    free(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_approval_with_any_bit_flipped_is_refused),
        cmocka_unit_test(a_batchs_result_with_any_bit_flipped_is_refused),
        cmocka_unit_test(a_batchs_receipt_alone_with_any_bit_flipped_is_refused),
        cmocka_unit_test(an_artifact_of_a_batch_has_a_path_of_its_own_and_no_bit_of_it_may_be_flipped),
        cmocka_unit_test(a_notary_that_lies_about_approvals_is_found_out),
        cmocka_unit_test(without_the_approvers_keys_the_report_says_what_was_not_checked),
        cmocka_unit_test(an_event_that_asks_for_approval_is_not_proved_by_a_signature_alone),
        cmocka_unit_test(both_keys_must_be_trusted_when_any_is_given),
        cmocka_unit_test(a_result_without_a_receipt_proves_nothing_and_says_why),
        cmocka_unit_test(an_exported_workflow_verifies_by_the_result_in_it),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
