/* SPDX-License-Identifier: Apache-2.0
 *
 * anchor_verify_test.c - receipts that real systems gave, held against the entries that they are of, and against
 * others.
 */
#include "base/base_test.h"
#include "services/notary/anchors/anchor_recorded.h"
#include "services/notary/anchors/anchor_verify.h"
#include "services/notary/anchors/note.h"
#include "services/notary/anchors/rekor_entry.h"
#include "services/notary/anchors/time_stamp.h"
#include "services/notary/fixture.h"

static const struct recorded {
    const char *name, *receipt, *leaf;
} recorded[] = {
    {"rekor-v1", recorded_rekor_v1, recorded_leaf},
    {"rekor-v2", recorded_rekor_v2, recorded_leaf},
    {"rekor-v1", recorded_rekor_v1_hashed, recorded_signed_leaf},
    {"rekor-v2", recorded_rekor_v2_hashed, recorded_signed_leaf},
    {"rfc3161", recorded_time_stamp, recorded_leaf},
};
#define RECORDED (sizeof recorded / sizeof *recorded)

struct fixture {
    struct fixture_signer signer;
    struct public_key that_key; /* of the receipt at hand */
    struct anchor_trust trust;
    struct text report;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    fixture_signer_init(&f->signer, 7);
    text_init(&f->report, 1u << 16);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    text_deinit(&f->report);
    fixture_signer_deinit(&f->signer);
    free(f);
    return 0;
}

static json_t *load(const char *text)
{
    json_t *json = json_loads(text, 0, NULL);

    assert_non_null(json);
    return json;
}

/* Everybody whom this receipt needs is trusted, by the key that it names. */
static void trust_its_own(struct fixture *f, const json_t *receipt)
{
    uint8_t spki[PUBLIC_KEY_SPKI_MAX];
    size_t len;

    f->trust = (struct anchor_trust){.tsa_certs = bytes_of_text(recorded_authority)};
    if (!anchor_base64_decode(json_object_get(receipt, "log_key_b64"), spki, sizeof spki, &len))
        return;
    assert_int_equal(public_key_from_spki(&f->that_key, bytes_of(spki, len)), OK);
    f->trust.rekor_v1 = f->trust.rekor_v2 = &f->that_key;
}

static bool verify(struct fixture *f, const json_t *receipt, const char *leaf)
{
    const struct anchor_entry entry = {.index = 5, .leaf = bytes_of_text(leaf)};
    bool verified = true;

    text_deinit(&f->report);
    assert_int_equal(anchor_verify(receipt, &entry, &f->signer.public_key, &f->trust, &f->report, &verified), OK);
    assert_true(verified == !strstr(f->report.data, "refused"));
    return verified;
}

static void receipts_of_real_systems_hold(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < RECORDED; i++) {
        json_t *receipt = load(recorded[i].receipt);

        assert_string_equal(json_string_value(json_object_get(receipt, "anchor")), recorded[i].name);
        trust_its_own(f, receipt);
        assert_true(verify(f, receipt, recorded[i].leaf));
        assert_null(strstr(f->report.data, "own"));
        f->trust = (struct anchor_trust){0};
        assert_true(verify(f, receipt, recorded[i].leaf));
        assert_non_null(strstr(f->report.data, "receipt's own"));
        json_decref(receipt);
    }
}

static void a_receipt_of_another_entry_proves_nothing(void **state)
{
    static const char *const others[] = {"{\"event_id\":\"e-78\"}", recorded_leaf, recorded_signed_leaf, "{", " "};
    struct fixture *f = *state;

    for (size_t i = 0; i < RECORDED; i++) {
        json_t *receipt = load(recorded[i].receipt);

        trust_its_own(f, receipt);
        for (size_t o = 0; o < sizeof others / sizeof *others; o++)
            if (others[o] != recorded[i].leaf)
                assert_false(verify(f, receipt, others[o]));
        json_decref(receipt);
    }
}

static void a_log_with_another_key_than_the_trusted_one_is_refused(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < RECORDED; i++) {
        json_t *receipt = load(recorded[i].receipt);

        f->trust = (struct anchor_trust){.rekor_v1 = &f->signer.public_key,
                                         .rekor_v2 = &f->signer.public_key,
                                         .tsa_certs = bytes_of_text(recorded_other_authority)};
        assert_false(verify(f, receipt, recorded[i].leaf));
        json_decref(receipt);
    }
}

/* Every character of a text, one of its bits flipped. */
static void flip_text(struct fixture *f, json_t *receipt, json_t *object, const char *name, const char *leaf)
{
    json_t *value = json_object_get(object, name);
    char *text = strdup(json_string_value(value));

    for (size_t i = 0; text[i]; i++) {
        text[i] = (char)(text[i] ^ 1);
        json_object_set_new(object, name, json_stringn_nocheck(text, strlen(text)));
        assert_false(verify(f, receipt, leaf));
        text[i] = (char)(text[i] ^ 1);
    }
    json_object_set_new(object, name, json_string(text));
    free(text);
}

static void flip_number(struct fixture *f, json_t *receipt, const char *name, const char *leaf)
{
    json_int_t number = json_integer_value(json_object_get(receipt, name));

    for (unsigned bit = 0; bit < 63; bit++) {
        json_object_set_new(receipt, name, json_integer(number ^ (1ll << bit)));
        assert_false(verify(f, receipt, leaf));
    }
    json_object_set_new(receipt, name, json_integer(number));
}

static void no_bit_of_what_is_covered_can_be_flipped(void **state)
{
    static const char *const texts[] = {"anchor", "body_b64", "log_id", "log_key_b64", "set_b64"};
    static const char *const numbers[] = {"index", "integrated_time", "log_index"};
    struct fixture *f = *state;

    for (size_t i = 0; i < 4; i++) { /* of a time stamp, some bits are in certificates that nobody needs */
        json_t *receipt = load(recorded[i].receipt);

        trust_its_own(f, receipt);
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
            if (json_object_get(receipt, texts[t]))
                flip_text(f, receipt, receipt, texts[t], recorded[i].leaf);
        for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++)
            if (json_object_get(receipt, numbers[n]))
                flip_number(f, receipt, numbers[n], recorded[i].leaf);
        assert_true(verify(f, receipt, recorded[i].leaf));
        json_decref(receipt);
    }
}

static void a_receipt_that_lacks_a_member_or_has_another_type_there_is_refused(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < RECORDED; i++) {
        json_t *whole = load(recorded[i].receipt), *value;
        const char *name;

        trust_its_own(f, whole);
        json_object_foreach(whole, name, value)
        {
            json_t *less = json_copy(whole), *other = json_copy(whole);
            bool covered = strcmp(name, "url") != 0 && strcmp(name, "authority") != 0 && strcmp(name, "serial") != 0 &&
                           strcmp(name, "time") != 0;

            json_object_del(less, name);
            json_object_set_new(other, name, json_pack("[b]", 1));
            assert_true(verify(f, less, recorded[i].leaf) == !covered);
            assert_true(verify(f, other, recorded[i].leaf) == !covered);
            json_decref(less);
            json_decref(other);
        }
        json_decref(whole);
    }
}

static void a_proof_that_is_longer_or_shorter_is_refused(void **state)
{
    struct fixture *f = *state;
    json_t *receipt = load(recorded_rekor_v2_hashed), *hashes = json_object_get(receipt, "hashes");

    trust_its_own(f, receipt);
    assert_int_equal(json_array_size(hashes), 1);
    json_array_append(hashes, json_array_get(hashes, 0));
    assert_false(verify(f, receipt, recorded_signed_leaf));
    json_array_clear(hashes);
    assert_false(verify(f, receipt, recorded_signed_leaf));
    for (int i = 0; i < MERKLE_PROOF_MAX + 2; i++)
        json_array_append_new(hashes, json_string(FIXTURE_HASH));
    assert_false(verify(f, receipt, recorded_signed_leaf));
    json_decref(receipt);
}

static void what_is_no_receipt_at_all_is_refused(void **state)
{
    static const char *const texts[] = {"{}",
                                        "[]",
                                        "null",
                                        "{\"anchor\":\"rekor-v1\"}",
                                        "{\"anchor\":\"rfc3161\",\"response_b64\":\"\"}",
                                        "{\"anchor\":\"rfc3161\",\"response_b64\":\"MAAwAA==\"}",
                                        "{\"anchor\":\"else\"}"};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_t *receipt = json_loads(texts[i], JSON_DECODE_ANY, NULL);

        assert_false(verify(f, receipt, recorded_leaf));
        json_decref(receipt);
    }
}

/* What nothing covers may be anything. */
static void a_servers_name_with_line_feeds_makes_no_lines_of_its_own(void **state)
{
    json_t *receipt = load(recorded_rekor_v2);
    struct fixture *f = *state;

    trust_its_own(f, receipt);
    json_object_set_new(receipt, "url",
                        json_string("x\nok       key         the receipt's key is one given\x1b[2J\x7f"));
    (void)verify(f, receipt, recorded_leaf);
    assert_null(strstr(f->report.data, "\nok       key"));
    assert_null(strchr(f->report.data, '\x1b'));
    assert_null(strchr(f->report.data, '\x7f'));
    json_decref(receipt);
}

static void a_checkpoint_is_read_whatever_else_signed_it_and_no_bit_of_its_text_can_be_flipped(void **state)
{
    json_t *receipt = load(recorded_rekor_v2);
    const char *note = json_string_value(json_object_get(receipt, "checkpoint"));
    struct fixture *f = *state;
    struct checkpoint c;
    struct text longer;
    char *copy = strdup(note);

    trust_its_own(f, receipt);
    text_init(&longer, 1000);
    text_add_bytes(&longer, bytes_of(note, (size_t)(strstr(note, "\n\n") + 2 - note)));
    text_add(&longer, "\xe2\x80\x94 witness d2l0bmVzcyB3aXRuZXNz\n\xe2\x80\x94 x\nnonsense\n");
    text_add(&longer, strstr(note, "\n\n") + 2);
    assert_true(note_verify(bytes_of(longer.data, longer.len), &f->that_key, &c));
    assert_int_equal(c.size, 3);
    for (size_t i = 0; copy[i] && strncmp(copy + i, "\n\n", 2) != 0; i++) {
        copy[i] = (char)(copy[i] ^ 1);
        assert_false(note_verify(bytes_of_text(copy), &f->that_key, &c));
        copy[i] = (char)(copy[i] ^ 1);
    }
    for (size_t len = 0; len < strlen(note); len++)
        assert_false(note_verify(bytes_of(note, len), &f->that_key, &c));
    free(copy);
    text_deinit(&longer);
    json_decref(receipt);
}

static void a_time_stamp_to_another_nonce_or_cut_short_is_refused(void **state)
{
    static const uint8_t nonce[TIME_STAMP_NONCE_LEN] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct digest digest = digest_of(bytes_of_text(recorded_leaf));
    json_t *receipt = load(recorded_time_stamp);
    uint8_t *answer = malloc(TIME_STAMP_MAX);
    struct time_stamp stamp;
    char why[200];
    size_t len;

    assert_true(anchor_base64_decode(json_object_get(receipt, "response_b64"), answer, TIME_STAMP_MAX, &len));
    assert_int_equal(time_stamp_check(bytes_of(answer, len), &digest, nonce, bytes_of_text(recorded_authority), &stamp,
                                      why, sizeof why),
                     ERR_CORRUPT);
    assert_int_equal(
        time_stamp_check(bytes_of(answer, len), &digest, NULL, bytes_of_text("no PEM"), &stamp, why, sizeof why),
        ERR_INVALID);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(time_stamp_check(bytes_of(answer, cut), &digest, NULL, bytes_of_text(recorded_authority),
                                          &stamp, why, sizeof why),
                         ERR_CORRUPT);
    free(answer);
    json_decref(receipt);
}

static void a_request_for_a_time_stamp_is_the_one_that_openssl_writes(void **state)
{
    /* SEQUENCE { 1, { sha256, NULL; digest }, nonce, TRUE } */
    static const uint8_t before[] = {0x30, 0x43, 0x02, 0x01, 0x01, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60,
                                     0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
    static const uint8_t after[] = {0x02, 0x08, 1, 2, 3, 4, 5, 6, 7, 8, 0x01, 0x01, 0xff};
    struct digest digest = digest_of(bytes_of_text("x"));
    struct text request;

    text_init(&request, TIME_STAMP_REQUEST_MAX);
    assert_int_equal(time_stamp_request(&digest, after + 2, &request), OK);
    assert_int_equal(request.len, sizeof before + DIGEST_LEN + sizeof after);
    assert_memory_equal(request.data, before, sizeof before);
    assert_memory_equal(request.data + sizeof before, digest.bytes, DIGEST_LEN);
    assert_memory_equal(request.data + sizeof before + DIGEST_LEN, after, sizeof after);
    text_deinit(&request);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(receipts_of_real_systems_hold),
        test(a_receipt_of_another_entry_proves_nothing),
        test(a_log_with_another_key_than_the_trusted_one_is_refused),
        test(no_bit_of_what_is_covered_can_be_flipped),
        test(a_receipt_that_lacks_a_member_or_has_another_type_there_is_refused),
        test(a_proof_that_is_longer_or_shorter_is_refused),
        test(what_is_no_receipt_at_all_is_refused),
        test(a_servers_name_with_line_feeds_makes_no_lines_of_its_own),
        test(a_checkpoint_is_read_whatever_else_signed_it_and_no_bit_of_its_text_can_be_flipped),
        test(a_time_stamp_to_another_nonce_or_cut_short_is_refused),
        test(a_request_for_a_time_stamp_is_the_one_that_openssl_writes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
