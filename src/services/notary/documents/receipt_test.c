/* SPDX-License-Identifier: Apache-2.0
 *
 * receipt_test.c - a receipt proves its event; with any bit flipped, of itself or of the event, it proves nothing.
 */
#include "base/base_test.h"

#include "base/base64.h"
#include "base/test_share.h"
#include "services/notary/documents/evidence.h"
#include "services/notary/documents/verify.h"
#include "services/notary/draft.h"
#include "services/notary/fixture.h"

struct world {
    struct fixture_signer signer;
    struct fixture_book book;
    char *result; /* of FIXTURE_MINIMAL, entry 5 of a log of 8 */
};

static void enter(struct world *w, const char *event_id, const char *leaf, const char *rest)
{
    struct draft draft;

    assert_int_equal(draft_init(&draft, &w->book.book, &w->signer.signer, FIXTURE_URL, NULL), OK);
    assert_int_equal(
        draft_add(&draft, json_pack("{s:s, s:s, s:s, s:[{s:s, s:s, s:s, s:s, s:s, s:n}]}", "kind", "closed", "leaf",
                                    leaf, "outcome", "notarized", "results", "event_id", event_id, "event_hash", "",
                                    "workflow_id", "wf-1", "workflow_type", "simple_sign", "rest", rest, "path")),
        OK);
    assert_int_equal(draft_flush(&draft), OK);
    draft_deinit(&draft);
}

static void append(struct world *w, const char *event_json, const char *event_id)
{
    struct receipt_facts facts = {.event_id = event_id,
                                  .trace_id = "t-\u00e9",
                                  .workflow_id = "wf-1",
                                  .workflow_type = "simple_sign",
                                  .artifacts = 1,
                                  .key = &w->signer.public_key,
                                  .log_key = &w->signer.public_key,
                                  .log_url = FIXTURE_URL,
                                  .sealed_ms = 1705318500000,
                                  .duration_ms = 3};
    struct text evidence, leaf, rest;
    struct faults faults;
    struct event event;

    text_init(&evidence, EVIDENCE_BYTES_MAX);
    text_init(&leaf, RECEIPT_BYTES_MAX);
    text_init(&rest, RECEIPT_BYTES_MAX);
    assert_int_equal(faults_init(&faults), OK);
    assert_int_equal(event_parse(&event, bytes_of_text(event_json), &faults), OK);
    assert_int_equal(evidence_build(&event, &evidence), OK);
    facts.evidence = digest_of(bytes_of(evidence.data, evidence.len));
    assert_int_equal(signer_sign_now(&w->signer.signer, bytes_of(evidence.data, evidence.len), &facts.signature), OK);
    assert_int_equal(receipt_compose(&facts, &leaf, &rest), OK);
    enter(w, event_id, leaf.data, rest.data);
    text_deinit(&evidence);
    text_deinit(&leaf);
    text_deinit(&rest);
    event_deinit(&event);
    faults_deinit(&faults);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct registry_result entry;
    struct text result;
    char other[2000], id[] = "x-0";

    fixture_signer_init(&w->signer, 1);
    fixture_book_init(&w->book, &w->signer.signer);
    for (int i = 0; i < 8; i++) {
        id[2] = (char)('0' + i);
        strcpy(other, FIXTURE_MINIMAL);
        if (i != 5)
            memcpy(strstr(other, "e-1"), id, 3);
        append(w, other, i == 5 ? "e-1" : id);
    }
    /* As if all eight had been one batch: a proof with three hashes instead of two. */
    free(w->book.results[5].checkpoint);
    w->book.results[5].checkpoint = strdup(w->book.results[7].checkpoint);
    w->book.results[5].size = 8;
    assert_int_equal(w->book.book.ops->find(&w->book.book, "e-1", &entry), OK);
    text_init(&result, RECEIPT_BYTES_MAX);
    assert_int_equal(receipt_result(&(struct receipt_entry){.leaf = bytes_of_text(entry.leaf.data),
                                                            .rest = bytes_of_text(entry.rest.data),
                                                            .log_index = entry.index,
                                                            .log_key = &w->signer.public_key,
                                                            .proof = &entry.proof,
                                                            .checkpoint = bytes_of_text(entry.checkpoint.data)},
                                    &result),
                     OK);
    book_result_deinit(&entry);
    w->result = text_take(&result);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    fixture_book_deinit(&w->book);
    fixture_signer_deinit(&w->signer);
    free(w->result);
    free(w);
    return 0;
}

static bool verifies(struct bytes document, const char *event, const struct public_key *trusted)
{
    struct text report;
    bool verified = true;

    text_init(&report, 10000);
    assert_int_equal(verify_receipt(document, bytes_of_text(event), trusted, &report, NULL, &verified), OK);
    assert_true(report.len > 0);
    assert_int_equal(verified, strstr(report.data, "refused") == NULL);
    text_deinit(&report);
    return verified;
}

/* The receipt out of the result, as JSON of another layout. */
static char *bare_receipt(const struct world *w, size_t flags)
{
    json_t *result = json_loads(w->result, 0, NULL);
    char *text = json_dumps(json_object_get(result, "receipt"), flags);

    json_decref(result);
    return text;
}

static void a_result_and_a_receipt_alone_verify_in_any_layout(void **state)
{
    struct world *w = *state;
    json_t *result = json_loads(w->result, 0, NULL);
    char *pretty = json_dumps(result, JSON_INDENT(4) | JSON_ENSURE_ASCII), *bare = bare_receipt(w, JSON_INDENT(2));

    assert_true(verifies(bytes_of_text(w->result), FIXTURE_MINIMAL, NULL));
    assert_true(verifies(bytes_of_text(w->result), FIXTURE_MINIMAL, &w->signer.public_key));
    assert_true(verifies(bytes_of_text(pretty), FIXTURE_MINIMAL, NULL));
    assert_true(verifies(bytes_of_text(bare), FIXTURE_MINIMAL, &w->signer.public_key));
    free(pretty);
    free(bare);
    json_decref(result);
}

static void a_result_with_any_bit_flipped_is_refused(void **state)
{
    struct world *w = *state;
    const size_t len = strlen(w->result);
    const uint64_t seed = test_seed();

    for (size_t bit = 0; bit < len * 8; bit++) {
        if (!test_flips(seed, bit))
            continue;
        w->result[bit / 8] ^= (char)(1 << bit % 8);
        assert_false(verifies(bytes_of(w->result, len), FIXTURE_MINIMAL, NULL));
        w->result[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_true(verifies(bytes_of(w->result, len), FIXTURE_MINIMAL, NULL));
}

static void a_receipt_alone_with_any_bit_flipped_is_refused(void **state)
{
    char *bare = bare_receipt(*state, JSON_COMPACT);
    const size_t len = strlen(bare);
    const uint64_t seed = test_seed();

    for (size_t bit = 0; bit < len * 8; bit++) {
        if (!test_flips(seed, bit))
            continue;
        bare[bit / 8] ^= (char)(1 << bit % 8);
        assert_false(verifies(bytes_of(bare, len), FIXTURE_MINIMAL, NULL));
        bare[bit / 8] ^= (char)(1 << bit % 8);
    }
    free(bare);
}

static void an_event_with_any_bit_flipped_is_refused(void **state)
{
    struct world *w = *state;
    char event[] = FIXTURE_MINIMAL;

    for (size_t bit = 0; bit < (sizeof event - 1) * 8; bit++) {
        event[bit / 8] ^= (char)(1 << bit % 8);
        if (event[bit / 8] != '\0')
            assert_false(verifies(bytes_of_text(w->result), event, NULL));
        event[bit / 8] ^= (char)(1 << bit % 8);
    }
}

static void every_truncation_of_a_result_is_refused(void **state)
{
    struct world *w = *state;

    for (size_t len = 0; len < strlen(w->result); len++)
        assert_false(verifies(bytes_of(w->result, len), FIXTURE_MINIMAL, NULL));
}

/* Sets one member of the receipt, or removes it with NULL, and verifies. */
static bool verifies_with(const struct world *w, const char *object, const char *member, json_t *value)
{
    json_t *result = json_loads(w->result, 0, NULL), *at = json_object_get(result, "receipt");
    char *text;
    bool verified;

    if (strcmp(object, "inclusion_proof") == 0)
        at = json_object_get(at, object);
    if (strcmp(object, "result") == 0)
        at = result;
    if (value)
        json_object_set_new(at, member, value);
    else
        json_object_del(at, member);
    text = json_dumps(result, JSON_COMPACT);
    verified = verifies(bytes_of_text(text), FIXTURE_MINIMAL, NULL);
    free(text);
    json_decref(result);
    return verified;
}

static void a_member_more_or_less_or_of_another_type_is_refused(void **state)
{
    struct world *w = *state;
    static const char *const members[] = {
        "evidence_package_hash", "integrated_time", "public_key_b64", "rekor_log_id",
        "rekor_server_url",      "signature_b64",   "log_index",      "inclusion_proof"};

    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        assert_false(verifies_with(w, "receipt", members[i], NULL));
        assert_false(verifies_with(w, "receipt", members[i], json_null()));
        assert_false(verifies_with(w, "receipt", members[i], json_real(1.5)));
        assert_false(verifies_with(w, "receipt", members[i], json_array()));
    }
    assert_false(verifies_with(w, "receipt", "note", json_string("x")));
    assert_false(verifies_with(w, "inclusion_proof", "note", json_string("x")));
    assert_false(verifies_with(w, "inclusion_proof", "hashes", json_array()));
    assert_false(verifies_with(w, "receipt", "log_index", json_integer(-1)));
    assert_false(verifies_with(w, "receipt", "log_index", json_integer(INT64_MAX)));
    assert_false(verifies_with(w, "receipt", "integrated_time", json_integer(INT64_MAX)));
    assert_false(verifies_with(w, "result", "timestamp", json_string("2024-01-15T11:35:01.000Z")));
    assert_false(verifies_with(w, "result", "success", json_false()));
    assert_false(verifies_with(w, "result", "note", json_string("x")));
    assert_false(verifies_with(w, "result", "trace_id", NULL));
}

static void a_receipt_of_another_key_is_refused_when_the_key_is_given(void **state)
{
    struct world *w = *state;
    struct fixture_signer stranger;

    fixture_signer_init(&stranger, 99);
    assert_false(verifies(bytes_of_text(w->result), FIXTURE_MINIMAL, &stranger.public_key));
    fixture_signer_deinit(&stranger);
}

static void nonsense_in_place_of_a_receipt_is_refused(void **state)
{
    static const char *const nonsense[] = {
        "", "{}", "[]", "1", "null", "{\"receipt\":1}", "{\"receipt\":{}}", "\xff", "{\"evidence_package_hash\":1}"};

    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++)
        assert_false(verifies(bytes_of_text(nonsense[i]), FIXTURE_MINIMAL, NULL));
}

static void the_pieces_are_those_that_other_tools_need(void **state)
{
    struct world *w = *state;
    struct verify_pieces pieces;
    struct text report;
    struct digest d;
    bool verified;
    char hex[DIGEST_HEX_SIZE];

    text_init(&report, 10000);
    assert_int_equal(
        verify_receipt(bytes_of_text(w->result), bytes_of_text(FIXTURE_MINIMAL), NULL, &report, &pieces, &verified),
        OK);
    d = digest_of(bytes_of(pieces.evidence.data, pieces.evidence.len));
    digest_hex(&d, hex);
    assert_non_null(strstr(w->result, hex));
    assert_string_equal(pieces.leaf.data, w->book.results[5].leaf);
    assert_memory_equal(pieces.checkpoint.data, w->book.results[7].checkpoint, pieces.checkpoint.len);
    assert_true(public_key_verifies(&pieces.key, bytes_of(pieces.checkpoint.data, pieces.checkpoint.len),
                                    &pieces.checkpoint_signature));
    verify_pieces_deinit(&pieces);
    text_deinit(&report);
}

/* The example of C2SP's specification of signed notes: another text, the same construction of key id and signature. */
static void a_checkpoint_is_a_signed_note(void **state)
{
    struct world *w = *state;
    struct checkpoint c = {.size = 12345678, .root = merkle_empty()}, back;
    struct signature signature;
    char *note = fixture_checkpoint(&w->signer.signer, "example.com/log", &c), *line;
    struct text origin, expected;

    text_init(&origin, 1000);
    text_init(&expected, 1000);
    receipt_origin("example.com/log", &w->signer.public_key.log_id, &origin);
    text_printf(&expected, "%s\n12345678\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\u2014 %s ", origin.data,
                origin.data);
    assert_memory_equal(note, expected.data, expected.len);
    assert_int_equal(checkpoint_read(&back, &signature, bytes_of_text(note), origin.data, &w->signer.public_key), OK);
    assert_int_equal(back.size, 12345678);
    assert_true(checkpoint_is_signed(&back, origin.data, &w->signer.public_key, &signature));
    line = strstr(note, "12345678");
    memcpy(line, "012345678\n", 9);
    assert_int_equal(checkpoint_read(&back, &signature, bytes_of_text(note), origin.data, &w->signer.public_key),
                     ERR_INVALID);
    text_deinit(&origin);
    text_deinit(&expected);
    free(note);
}

static void a_public_key_goes_to_pem_and_back(void **state)
{
    struct world *w = *state;
    struct public_key back;
    struct text pem;

    text_init(&pem, 1000);
    text_add(&pem, "a remark before it\n");
    public_key_to_pem(&w->signer.public_key, &pem);
    assert_int_equal(public_key_from_pem(&back, bytes_of(pem.data, pem.len)), OK);
    assert_true(public_key_equal(&back, &w->signer.public_key));
    assert_int_equal(
        public_key_from_pem(&back, bytes_of_text("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----")),
        ERR_UNSUPPORTED);
    assert_int_equal(public_key_from_pem(&back, bytes_of_text("-----BEGIN PUBLIC KEY-----")), ERR_INVALID);
    assert_int_equal(public_key_from_pem(&back, bytes_of_text("")), ERR_INVALID);
    text_deinit(&pem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_and_a_receipt_alone_verify_in_any_layout),
        cmocka_unit_test(a_result_with_any_bit_flipped_is_refused),
        cmocka_unit_test(a_receipt_alone_with_any_bit_flipped_is_refused),
        cmocka_unit_test(an_event_with_any_bit_flipped_is_refused),
        cmocka_unit_test(every_truncation_of_a_result_is_refused),
        cmocka_unit_test(a_member_more_or_less_or_of_another_type_is_refused),
        cmocka_unit_test(a_receipt_of_another_key_is_refused_when_the_key_is_given),
        cmocka_unit_test(nonsense_in_place_of_a_receipt_is_refused),
        cmocka_unit_test(the_pieces_are_those_that_other_tools_need),
        cmocka_unit_test(a_checkpoint_is_a_signed_note),
        cmocka_unit_test(a_public_key_goes_to_pem_and_back),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
