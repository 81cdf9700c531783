/* SPDX-License-Identifier: Apache-2.0
 *
 * batch_test.c - every event and artifact of a batch has a path to the one root, and nothing else has.
 */
#include "base/base_test.h"

#include "services/notary/documents/batch.h"
#include "services/notary/documents/evidence.h"
#include "services/notary/fixture.h"

/* An event with so many artifacts. */
static void event_make(struct event *out, unsigned number, unsigned artifacts)
{
    struct faults faults;
    json_t *json = json_loads(FIXTURE_MINIMAL, 0, NULL), *list = json_array();
    char name[40], *text;

    snprintf(name, sizeof name, "e-%u", number);
    json_object_set_new(json, "event_id", json_string(name));
    for (unsigned i = 0; i < artifacts; i++) {
        snprintf(name, sizeof name, "artifact-%u-%u", number, i);
        json_array_append_new(list, json_pack("{s:s, s:s}", "name", name, "hash_sha256", FIXTURE_HASH));
    }
    json_object_set_new(json, "artifacts", list);
    text = json_dumps(json, JSON_COMPACT);
    assert_int_equal(faults_init(&faults), OK);
    assert_int_equal(event_parse(out, bytes_of_text(text), &faults), OK);
    faults_deinit(&faults);
    free(text);
    json_decref(json);
}

/* A batch of `count` events, of which event i has 1 + i % 3 artifacts, its statement made. */
static struct batch *batch_make(unsigned count, struct text *statement)
{
    struct digest evidence;
    struct event event;
    struct batch *b;

    assert_int_equal(notary_batch_new(&b), OK);
    for (unsigned i = 0; i < count; i++) {
        event_make(&event, i, 1 + i % 3);
        assert_int_equal(batch_add(b, &event, &evidence), OK);
        event_deinit(&event);
    }
    assert_int_equal(batch_statement(b, statement), OK);
    return b;
}

static void results_set(struct batch *b)
{
    char rest[40];

    for (size_t i = 0; i < batch_events(b); i++) {
        snprintf(rest, sizeof rest, "{\"result\":%zu}", i);
        assert_int_equal(batch_set_result(b, i, bytes_of_text(rest)), OK);
    }
}

static void place_of(struct batch *b, size_t index, struct batch_place *out)
{
    struct text path;
    const char *why;
    json_t *json;

    text_init(&path, 10000);
    assert_int_equal(batch_path(b, index, &path), OK);
    json = json_loads(path.data, 0, NULL);
    assert_int_equal(batch_place_read(out, json, &why), OK);
    json_decref(json);
    text_deinit(&path);
}

static bool event_holds(const struct batch_place *place, unsigned number)
{
    struct event event;
    struct text package;
    bool holds;

    event_make(&event, number, 1 + number % 3);
    text_init(&package, EVIDENCE_BYTES_MAX);
    assert_int_equal(evidence_build(&event, &package), OK);
    holds = batch_place_holds(place, bytes_of(package.data, package.len));
    text_deinit(&package);
    event_deinit(&event);
    return holds;
}

static void every_event_has_a_path_to_the_root_and_no_other_event_fits_it(void **state)
{
    for (unsigned count = 1; count <= 20; count++) {
        struct text statement;
        text_init(&statement, 1000);
        struct batch *b = batch_make(count, &statement);

        results_set(b);
        for (unsigned i = 0; i < count; i++) {
            struct batch_place place;
            place_of(b, i, &place);
            assert_int_equal(place.index, i);
            assert_int_equal(place.events, count);
            assert_true(event_holds(&place, i));
            assert_false(event_holds(&place, i + 1));
            place.index ^= 1; /* its neighbour's place */
            assert_false(event_holds(&place, i));
        }
        notary_batch_free(b);
        text_deinit(&statement);
    }
}

static void every_artifact_has_a_path_to_the_same_root(void **state)
{
    struct text statement, path, leaf;
    struct digest root;
    struct event event;
    char hash[RECEIPT_HASH_SIZE];

    text_init(&statement, 1000);
    struct batch *b = batch_make(7, &statement);
    for (unsigned i = 0; i < 7; i++) {
        event_make(&event, i, 1 + i % 3);
        for (unsigned j = 0; j < 1 + i % 3; j++) {
            text_init(&path, 10000);
            text_init(&leaf, 10000);
            assert_int_equal(batch_artifact_path(b, i, j, &path), OK);
            json_t *artifact = json_array_get(json_object_get(event.json, "artifacts"), j);
            assert_int_equal(batch_artifact_leaf(event.event_id, artifact, &leaf), OK);
            json_t *json = json_loads(path.data, 0, NULL);
            assert_true(batch_artifact_holds(json, bytes_of(leaf.data, leaf.len), &root));
            receipt_hash_text(&root, hash);
            assert_non_null(strstr(statement.data, hash));
            leaf.data[leaf.len - 3] ^= 1;
            assert_false(batch_artifact_holds(json, bytes_of(leaf.data, leaf.len), &root));
            json_decref(json);
            text_deinit(&path);
            text_deinit(&leaf);
        }
        text_init(&path, 10000);
        assert_int_equal(batch_artifact_path(b, i, 1 + i % 3, &path), ERR_NOT_FOUND);
        text_deinit(&path);
        event_deinit(&event);
    }
    notary_batch_free(b);
    text_deinit(&statement);
}

static void the_statement_says_how_many_leaves_there_are(void **state)
{
    struct text statement;

    text_init(&statement, 1000);
    struct batch *b = batch_make(4, &statement); /* 4 events, 1 + 2 + 3 + 1 artifacts */
    assert_memory_equal(statement.data, "{\"format\":\"geminga/notary/batch/v1\",\"root\":\"sha256:", 51);
    assert_non_null(strstr(statement.data, "\",\"size\":11}"));
    assert_int_equal(batch_size(b), 11);
    notary_batch_free(b);
    text_deinit(&statement);
}

static void every_result_leads_to_the_results_root_of_the_log_entry(void **state)
{
    struct fixture_signer signer;
    struct text statement, leaf, again;
    struct digest root, d;
    struct batch_place place;
    struct signed_by by = {0};
    char rest[40], hash[RECEIPT_HASH_SIZE], statement_hash[RECEIPT_HASH_SIZE];

    fixture_signer_init(&signer, 3);
    text_init(&statement, 1000);
    text_init(&leaf, 10000);
    struct batch *b = batch_make(5, &statement);
    results_set(b);
    assert_int_equal(signer_sign_now(&signer.signer, bytes_of_text(statement.data), &by.signature), OK);
    struct receipt_facts facts = {.signature = by.signature,
                                  .key = &signer.public_key,
                                  .log_key = &signer.public_key,
                                  .log_url = FIXTURE_URL,
                                  .sealed_ms = 1705318500000};
    assert_int_equal(batch_leaf(b, &facts, &leaf), OK);
    json_t *json = json_loads(leaf.data, 0, NULL);
    d = digest_of(bytes_of_text(statement.data));
    receipt_hash_text(&d, statement_hash);
    for (size_t i = 0; i < 5; i++) {
        snprintf(rest, sizeof rest, "{\"result\":%zu}", i);
        d = digest_of(bytes_of_text(rest));
        receipt_hash_text(&d, hash);
        place_of(b, i, &place);
        assert_true(batch_results_root(&place, hash, &root));
        text_init(&again, 10000);
        assert_int_equal(batch_leaf_of(json_object_get(json, "receipt"), statement_hash, 5, &root, &again), OK);
        assert_string_equal(again.data, leaf.data);
        text_deinit(&again);
    }
    json_decref(json);
    notary_batch_free(b);
    text_deinit(&leaf);
    text_deinit(&statement);
    fixture_signer_deinit(&signer);
}

static void a_full_batch_takes_no_more_and_stays_as_it_was(void **state)
{
    struct digest evidence;
    struct text statement;
    struct event event;
    struct batch *b;

    assert_int_equal(notary_batch_new(&b), OK);
    event_make(&event, 1, 1);
    for (unsigned i = 0; i < BATCH_EVENTS_MAX; i++)
        assert_int_equal(batch_add(b, &event, &evidence), OK);
    assert_int_equal(batch_add(b, &event, &evidence), ERR_TOO_LARGE);
    assert_int_equal(batch_size(b), 2 * BATCH_EVENTS_MAX);
    text_init(&statement, 1000);
    assert_int_equal(batch_statement(b, &statement), OK);
    text_deinit(&statement);
    event_deinit(&event);
    notary_batch_free(b);
}

static void nonsense_in_place_of_a_path_is_refused(void **state)
{
    static const char *const nonsense[] = {
        "{}",
        "[]",
        "1",
        "{\"events\":1,\"hashes\":[],\"index\":0,\"result_hashes\":[],\"root\":\"sha256:" FIXTURE_HASH
        "\",\"size\":1,\"x\":1}",
        "{\"events\":1,\"hashes\":[],\"index\":1,\"result_hashes\":[],\"root\":\"sha256:" FIXTURE_HASH "\",\"size\":1}",
        "{\"events\":2,\"hashes\":[],\"index\":0,\"result_hashes\":[],\"root\":\"sha256:" FIXTURE_HASH "\",\"size\":1}",
        "{\"events\":1,\"hashes\":[1],\"index\":0,\"result_hashes\":[],\"root\":\"sha256:" FIXTURE_HASH
        "\",\"size\":1}",
        "{\"events\":1,\"hashes\":[],\"index\":0,\"result_hashes\":{},\"root\":\"sha256:" FIXTURE_HASH "\",\"size\":1}",
        "{\"events\":1,\"hashes\":[],\"index\":-1,\"result_hashes\":[],\"root\":\"" FIXTURE_HASH "\",\"size\":1}",
    };
    struct batch_place place;
    const char *why;

    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        json_t *json = json_loads(nonsense[i], JSON_DECODE_ANY, NULL);
        assert_non_null(json);
        assert_int_equal(batch_place_read(&place, json, &why), ERR_INVALID);
        json_decref(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_has_a_path_to_the_root_and_no_other_event_fits_it),
        cmocka_unit_test(every_artifact_has_a_path_to_the_same_root),
        cmocka_unit_test(the_statement_says_how_many_leaves_there_are),
        cmocka_unit_test(every_result_leads_to_the_results_root_of_the_log_entry),
        cmocka_unit_test(a_full_batch_takes_no_more_and_stays_as_it_was),
        cmocka_unit_test(nonsense_in_place_of_a_path_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
