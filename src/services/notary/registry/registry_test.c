/* SPDX-License-Identifier: Apache-2.0
 *
 * registry_test.c - documents applied, found again, refused; in memory.
 */
#include "base/base_test.h"

#include "services/notary/registry/registry_fixture.h"

static int setup(void **state)
{
    struct registry_fixture *f = calloc(1, sizeof *f);

    fixture_signer_init(&f->signer, 7);
    *state = f;
    return registry_fixture_open(f) == OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct registry_fixture *f = *state;

    registry_fixture_close(f);
    fixture_signer_deinit(&f->signer);
    free(f);
    return 0;
}

/* Applies the records given. */
static enum err apply(struct registry_fixture *f, size_t count, ...)
{
    json_t *records = json_array();
    va_list args;

    va_start(args, count);
    while (count-- > 0)
        json_array_append_new(records, va_arg(args, json_t *));
    va_end(args);
    return fixture_apply(f, records);
}

/* A document of one closed record with its checkpoint. */
static enum err apply_closed(struct registry_fixture *f, const char *event_id, const char *outcome)
{
    json_t *records = json_array();

    json_array_append_new(records, fixture_closed(event_id, outcome));
    json_array_append_new(records, fixture_checkpoint_of(f, records));
    return fixture_apply(f, records);
}

static void a_new_registry_is_empty(void **state)
{
    struct registry_fixture *f = *state;
    struct registry_place p = registry_place(f->registry);
    struct digest root = registry_log_root(f->registry), empty = merkle_empty();
    struct registry_result result;

    assert_int_equal(p.sequence, 0);
    assert_int_equal(p.term, 0);
    assert_string_equal(p.from, "");
    assert_string_equal(p.previous, "sha256:0000000000000000000000000000000000000000000000000000000000000000");
    assert_int_equal(registry_log_size(f->registry), 0);
    assert_true(digest_equal(&root, &empty));
    assert_int_equal(registry_find(f->registry, "e-1", &result), ERR_NOT_FOUND);
    assert_int_equal(registry_result_at(f->registry, 1, &result), ERR_NOT_FOUND);
}

/* That a result's proof leads to the root that its checkpoint signs. */
static void assert_proved(struct registry_fixture *f, const struct registry_result *r)
{
    struct digest leaf = merkle_leaf(bytes_of(r->leaf.data, r->leaf.len));
    struct checkpoint c;
    struct signature signature;

    assert_int_equal(checkpoint_read(&c, &signature, bytes_of(r->checkpoint.data, r->checkpoint.len), FIXTURE_ORIGIN,
                                     &f->signer.public_key),
                     OK);
    assert_true(checkpoint_is_signed(&c, FIXTURE_ORIGIN, &f->signer.public_key, &signature));
    assert_true(merkle_inclusion_holds(&leaf, r->index, c.size, &r->proof, &c.root));
}

static void every_result_is_found_with_a_proof_of_its_first_checkpoint(void **state)
{
    struct registry_fixture *f = *state;
    uint64_t number = 0;

    assert_int_equal(fixture_close_many(f, "a", 300), OK);
    assert_int_equal(fixture_close_many(f, "b", 1), OK);
    assert_int_equal(fixture_close_many(f, "c", 700), OK);
    assert_int_equal(registry_log_size(f->registry), 1001);
    for (size_t batch = 0; batch < 3; batch++) {
        static const size_t counts[] = {300, 1, 700};
        for (size_t i = 0; i < counts[batch]; i++) {
            struct registry_result by_name, by_number;
            char id[40];
            snprintf(id, sizeof id, "%c-%zu", (char)('a' + batch), i);
            assert_int_equal(registry_find(f->registry, id, &by_name), OK);
            assert_int_equal(by_name.number, ++number);
            assert_int_equal(by_name.index, number - 1);
            assert_proved(f, &by_name);
            assert_int_equal(registry_result_at(f->registry, number, &by_number), OK);
            assert_string_equal(by_number.leaf.data, by_name.leaf.data);
            assert_string_equal(by_name.event_hash.data, FIXTURE_EVENT);
            assert_int_equal(by_name.path.len, 0);
            registry_result_deinit(&by_name);
            registry_result_deinit(&by_number);
        }
    }
}

static void the_place_is_that_of_the_last_document(void **state)
{
    struct registry_fixture *f = *state;

    assert_int_equal(fixture_close_many(f, "a", 1), OK);
    assert_int_equal(registry_place(f->registry).sequence, 1);
    assert_int_equal(registry_place(f->registry).term, 1);
    assert_string_equal(registry_place(f->registry).from, "1:1");
}

static void a_beginning_changes_the_term_and_is_not_numbered(void **state)
{
    struct registry_fixture *f = *state;
    json_t *document = json_pack("{s:b, s:i}", "begins", 1, "term", 5);

    assert_int_equal(fixture_close_many(f, "a", 1), OK);
    assert_int_equal(registry_apply(f->registry, 1, document, bytes_of_text("x"), "1:7", f->message, sizeof f->message),
                     OK);
    assert_int_equal(registry_place(f->registry).sequence, 1);
    assert_int_equal(registry_place(f->registry).term, 5);
    assert_string_equal(registry_place(f->registry).from, "1:7");
    assert_int_equal(fixture_close_many(f, "b", 1), OK);
    json_decref(document);
}

static void the_same_event_cannot_be_closed_twice_and_nothing_of_the_document_stays(void **state)
{
    struct registry_fixture *f = *state;
    json_t *records = json_array();

    assert_int_equal(apply_closed(f, "e-1", "notarized"), OK);
    json_array_append_new(records, fixture_closed("e-2", "notarized"));
    json_array_append_new(records, fixture_closed("e-1", "notarized"));
    json_array_append_new(records, fixture_checkpoint_of(f, records));
    assert_int_equal(fixture_apply(f, records), ERR_CORRUPT);
    assert_string_equal(f->message, "record 2: event e-1 is in the log already");
    assert_int_equal(registry_log_size(f->registry), 1);
    assert_int_equal(registry_place(f->registry).sequence, 1);
    assert_int_equal(apply_closed(f, "e-2", "notarized"), OK);
}

static void a_workflow_is_opened_goes_on_and_closes(void **state)
{
    struct registry_fixture *f = *state;
    struct registry_result result;

    assert_int_equal(apply(f, 2, fixture_opened("e-1"), fixture_status("e-1", "pending_approval")), OK);
    assert_int_equal(registry_find(f->registry, "e-1", &result), ERR_NOT_FOUND);
    assert_int_equal(apply(f, 1, fixture_decision("e-1", "ann", "approve")), OK);
    assert_int_equal(apply_closed(f, "e-1", "rejected"), OK);
    assert_int_equal(registry_find(f->registry, "e-1", &result), OK);
    assert_proved(f, &result);
    registry_result_deinit(&result);
    assert_int_equal(apply(f, 1, fixture_decision("e-1", "bob", "approve")), ERR_CORRUPT);
    assert_string_equal(f->message, "record 1: the workflow of event e-1 is closed");
}

static void a_notice_may_come_after_the_end(void **state)
{
    struct registry_fixture *f = *state;
    const char *notice = "\"event_id\":\"e-1\",\"notice\":\"workflow_completed\",\"channel\":\"slack\",\"error\":null";

    assert_int_equal(apply_closed(f, "e-1", "notarized"), OK);
    assert_int_equal(apply(f, 1, fixture_record("notified", notice)), OK);
}

static void a_step_of_a_workflow_that_nobody_opened_is_refused(void **state)
{
    struct registry_fixture *f = *state;

    assert_int_equal(apply(f, 1, fixture_status("e-9", "in_progress")), ERR_CORRUPT);
    assert_string_equal(f->message, "record 1: event e-9 has no workflow");
}

struct visited {
    char ids[100];
    size_t records, limit;
};

static bool visit(void *ctx, const char *event_id, const json_t *records)
{
    struct visited *v = ctx;

    strcat(strcat(v->ids, event_id), " ");
    v->records += json_array_size(records);
    return --v->limit > 0;
}

static void open_workflows_are_visited_with_their_records_oldest_first(void **state)
{
    struct registry_fixture *f = *state;
    struct visited all = {.limit = 100}, first = {.limit = 1};

    assert_int_equal(apply(f, 3, fixture_opened("z"), fixture_opened("a"), fixture_opened("m")), OK);
    assert_int_equal(apply(f, 2, fixture_status("a", "pending_approval"), fixture_decision("a", "ann", "approve")), OK);
    assert_int_equal(apply_closed(f, "z", "expired"), OK);
    assert_int_equal(registry_open_workflows(f->registry, visit, &all), OK);
    assert_string_equal(all.ids, "a m ");
    assert_int_equal(all.records, 4);
    assert_int_equal(registry_open_workflows(f->registry, visit, &first), OK);
    assert_string_equal(first.ids, "a ");
}

static void a_log_that_grows_has_a_checkpoint_behind_it(void **state)
{
    struct registry_fixture *f = *state;

    assert_int_equal(apply(f, 1, fixture_closed("e-1", "notarized")), ERR_CORRUPT);
    assert_non_null(strstr(f->message, "no checkpoint follows"));
}

/* The checkpoint's note with one member of the record replaced. */
static enum err apply_with_checkpoint(struct registry_fixture *f, json_t *checkpoint)
{
    json_t *records = json_array();

    json_array_append_new(records, fixture_closed("e-1", "notarized"));
    json_array_append_new(records, checkpoint);
    return fixture_apply(f, records);
}

static json_t *checkpoint_of_other_leaf(struct registry_fixture *f)
{
    json_t *records = json_array(), *checkpoint;

    json_array_append_new(records, fixture_closed("e-2", "notarized"));
    checkpoint = fixture_checkpoint_of(f, records);
    json_decref(records);
    return checkpoint;
}

static void a_checkpoint_of_another_root_is_refused(void **state)
{
    struct registry_fixture *f = *state;

    assert_int_equal(apply_with_checkpoint(f, checkpoint_of_other_leaf(f)), ERR_CORRUPT);
    assert_string_equal(f->message, "record 2: the checkpoint of 1 entries has another root than they have");
}

static void a_checkpoint_that_another_key_signed_is_refused(void **state)
{
    struct registry_fixture *f = *state;
    json_t *records = json_array();
    EVP_PKEY *mine = f->signer.key;
    struct fixture_signer other;

    fixture_signer_init(&other, 9);
    f->signer.key = other.key; /* signs, and says it is ours */
    json_array_append_new(records, fixture_closed("e-1", "notarized"));
    json_array_append_new(records, fixture_checkpoint_of(f, records));
    f->signer.key = mine;
    fixture_signer_deinit(&other);
    assert_int_equal(fixture_apply(f, records), ERR_CORRUPT);
    assert_string_equal(f->message, "record 2: the checkpoint of 1 entries is not signed by the log's key");
}

static void a_document_that_does_not_follow_is_refused(void **state)
{
    struct registry_fixture *f = *state;
    json_t *gap = json_pack("{s:i, s:s, s:[]}", "term", 1, "previous", registry_place(f->registry).previous, "records");
    json_t *other = json_pack("{s:i, s:s, s:[]}", "term", 1, "previous", "sha256:x", "records");

    assert_int_equal(registry_apply(f->registry, 2, gap, bytes_of_text("x"), "p", f->message, sizeof f->message),
                     ERR_CORRUPT);
    assert_int_equal(registry_apply(f->registry, 1, other, bytes_of_text("x"), "p", f->message, sizeof f->message),
                     ERR_CORRUPT);
    json_decref(gap);
    json_decref(other);
}

static void published_goes_forward_and_not_beyond_the_results(void **state)
{
    struct registry_fixture *f = *state;

    assert_int_equal(fixture_close_many(f, "a", 3), OK);
    assert_int_equal(apply(f, 1, fixture_record("published", "\"through\":2")), OK);
    assert_int_equal(registry_published(f->registry), 2);
    assert_int_equal(registry_result_count(f->registry), 3);
    assert_int_equal(apply(f, 1, fixture_record("published", "\"through\":1")), ERR_CORRUPT);
    assert_int_equal(apply(f, 1, fixture_record("published", "\"through\":4")), ERR_CORRUPT);
}

static void entries_without_a_receipt_of_an_anchor_are_told(void **state)
{
    struct registry_fixture *f = *state;
    const char *anchored = "\"index\":1,\"anchor\":\"rekor-v2\",\"receipt\":{\"a\":1}";
    uint64_t indexes[3];
    size_t count;

    assert_int_equal(fixture_close_many(f, "a", 5), OK);
    assert_int_equal(apply(f, 1, fixture_record("anchored", anchored)), OK);
    assert_int_equal(apply(f, 1, fixture_record("anchored", anchored)), OK); /* by two leaders: the first stays */
    assert_int_equal(registry_unanchored(f->registry, "rekor-v2", indexes, 3, &count), OK);
    assert_int_equal(count, 3);
    assert_int_equal(indexes[0], 0);
    assert_int_equal(indexes[1], 2);
    assert_int_equal(indexes[2], 3);
    for (int i = 0; i < 5; i++) {
        char members[80];
        snprintf(members, sizeof members, "\"index\":%d,\"anchor\":\"rekor-v2\",\"receipt\":{}", i);
        assert_int_equal(apply(f, 1, fixture_record("anchored", members)), OK);
    }
    assert_int_equal(registry_unanchored(f->registry, "rekor-v2", indexes, 3, &count), OK);
    assert_int_equal(count, 0);
    assert_int_equal(fixture_close_many(f, "b", 1), OK);
    assert_int_equal(registry_unanchored(f->registry, "rekor-v2", indexes, 3, &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(indexes[0], 5);
    assert_int_equal(registry_unanchored(f->registry, "rfc3161", indexes, 3, &count), OK);
    assert_int_equal(count, 3);
    assert_int_equal(apply(f, 1, fixture_record("anchored", "\"index\":6,\"anchor\":\"r\",\"receipt\":{}")),
                     ERR_CORRUPT);
}

static void an_entry_is_read_with_the_event_of_its_first_result(void **state)
{
    struct registry_fixture *f = *state;
    struct text leaf, event_id;

    text_init(&leaf, 1 << 20);
    text_init(&event_id, 1 << 20);
    assert_int_equal(fixture_close_many(f, "a", 5), OK);
    assert_int_equal(registry_entry(f->registry, 3, &leaf, &event_id), OK);
    assert_string_equal(event_id.data, "a-3");
    assert_non_null(strstr(leaf.data, "{\"event_id\":\"a-3\""));
    assert_int_equal(registry_entry(f->registry, 5, &leaf, &event_id), ERR_NOT_FOUND);
    text_deinit(&leaf);
    text_deinit(&event_id);
}

static void one_entry_may_have_many_results(void **state)
{
    struct registry_fixture *f = *state;
    json_t *records = json_array(), *batch = fixture_closed("b-0", "notarized"), *other, *result;
    struct registry_result r;

    for (int i = 1; i < 4; i++) {
        char id[40];
        snprintf(id, sizeof id, "b-%d", i);
        other = fixture_closed(id, "notarized");
        result = json_array_get(json_object_get(other, "results"), 0);
        json_object_set_new(result, "path", json_pack("{s:i}", "index", i));
        json_array_append(json_object_get(batch, "results"), result);
        json_decref(other);
    }
    json_array_append_new(records, batch);
    json_array_append_new(records, fixture_checkpoint_of(f, records));
    assert_int_equal(fixture_apply(f, records), OK);
    assert_int_equal(registry_log_size(f->registry), 1);
    assert_int_equal(registry_find(f->registry, "b-2", &r), OK);
    assert_int_equal(r.index, 0);
    assert_int_equal(r.number, 3);
    assert_string_equal(r.path.data, "{\"index\":2}");
    assert_proved(f, &r);
    registry_result_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_registry_is_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(every_result_is_found_with_a_proof_of_its_first_checkpoint, setup, teardown),
        cmocka_unit_test_setup_teardown(the_place_is_that_of_the_last_document, setup, teardown),
        cmocka_unit_test_setup_teardown(a_beginning_changes_the_term_and_is_not_numbered, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_event_cannot_be_closed_twice_and_nothing_of_the_document_stays, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_workflow_is_opened_goes_on_and_closes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_notice_may_come_after_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(a_step_of_a_workflow_that_nobody_opened_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(open_workflows_are_visited_with_their_records_oldest_first, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_that_grows_has_a_checkpoint_behind_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_checkpoint_of_another_root_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_checkpoint_that_another_key_signed_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_document_that_does_not_follow_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(published_goes_forward_and_not_beyond_the_results, setup, teardown),
        cmocka_unit_test_setup_teardown(entries_without_a_receipt_of_an_anchor_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(an_entry_is_read_with_the_event_of_its_first_result, setup, teardown),
        cmocka_unit_test_setup_teardown(one_entry_may_have_many_results, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
