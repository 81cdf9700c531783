/* SPDX-License-Identifier: Apache-2.0
 *
 * registry_view_test.c - what another thread sees of a registry on the disk, while it grows.
 */
#include "base/base_test.h"

#include "services/notary/registry/registry_fixture.h"
#include <unistd.h>

struct world {
    struct registry_fixture f;
    struct registry_view *view;
    struct text answer;
    json_t *json; /* the last answer */
    char directory[40];
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    strcpy(w->directory, "/tmp/geminga-registry-XXXXXX");
    fixture_signer_init(&w->f.signer, 7);
    text_init(&w->answer, 64 << 20);
    w->f.directory = mkdtemp(w->directory);
    *state = w;
    return registry_fixture_open(&w->f) == OK && registry_view_open(&w->view, w->directory) == OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct world *w = *state;

    registry_view_close(w->view);
    registry_fixture_close(&w->f);
    fixture_remove(w->directory);
    fixture_signer_deinit(&w->f.signer);
    text_deinit(&w->answer);
    json_decref(w->json);
    free(w);
    return 0;
}

/* The answer just given, as a value. */
static json_t *answer(struct world *w)
{
    json_decref(w->json);
    w->json = json_loads(w->answer.data, 0, NULL);
    assert_non_null(w->json);
    w->answer.len = 0;
    return w->json;
}

static json_t *list(struct world *w, const char *status, const char *type, const char *after, size_t limit)
{
    struct registry_filter filter = {.status = status, .workflow_type = type, .after = after, .limit = limit};

    assert_int_equal(registry_view_list(w->view, &filter, &w->answer), OK);
    return answer(w);
}

/* The event ids of a list, each with a space behind it. */
static const char *ids(const json_t *list)
{
    static char text[1000];
    const json_t *item;
    size_t i;

    text[0] = '\0';
    json_array_foreach(json_object_get(list, "workflows"), i, item)
    {
        strcat(text, json_string_value(json_object_get(item, "event_id")));
        strcat(text, " ");
    }
    return text;
}

static void some_workflows(struct world *w)
{
    json_t *records = json_array();

    json_array_append_new(records, fixture_opened("o-1"));
    json_array_append_new(records, fixture_status("o-1", "pending_approval"));
    json_array_append_new(records, fixture_opened("o-2"));
    json_array_append_new(records, fixture_decision("o-1", "ann", "approve"));
    assert_int_equal(fixture_apply(&w->f, records), OK);
    assert_int_equal(fixture_close_many(&w->f, "a", 2), OK);
    records = json_array();
    json_array_append_new(records, fixture_closed("o-2", "rejected"));
    json_array_append_new(records, fixture_checkpoint_of(&w->f, records));
    assert_int_equal(fixture_apply(&w->f, records), OK);
}

static void workflows_are_listed_newest_first_and_by_status_and_type(void **state)
{
    struct world *w = *state;

    some_workflows(w);
    assert_string_equal(ids(list(w, NULL, NULL, NULL, 100)), "a-1 a-0 o-2 o-1 ");
    assert_string_equal(ids(list(w, "open", NULL, NULL, 100)), "o-1 ");
    assert_string_equal(ids(list(w, "pending_approval", NULL, NULL, 100)), "o-1 ");
    assert_string_equal(ids(list(w, "notarized", NULL, NULL, 100)), "a-1 a-0 ");
    assert_string_equal(ids(list(w, "rejected", NULL, NULL, 100)), "o-2 ");
    assert_string_equal(ids(list(w, "expired", NULL, NULL, 100)), "");
    assert_string_equal(ids(list(w, NULL, "approval_sign", NULL, 100)), "o-2 o-1 ");
}

static void a_long_list_comes_in_pages(void **state)
{
    struct world *w = *state;
    json_t *page;

    some_workflows(w);
    page = list(w, NULL, NULL, NULL, 3);
    assert_string_equal(ids(page), "a-1 a-0 o-2 ");
    assert_string_equal(json_string_value(json_object_get(page, "next")), "o-2");
    page = list(w, NULL, NULL, "o-2", 3);
    assert_string_equal(ids(page), "o-1 ");
    assert_true(json_is_null(json_object_get(page, "next")));
}

static void a_page_after_what_is_not_there_or_without_an_end_is_refused(void **state)
{
    struct world *w = *state;
    struct registry_filter after = {.after = "e-9", .limit = 1}, none = {.limit = 0}, many = {.limit = 1001};

    assert_int_equal(registry_view_list(w->view, &after, &w->answer), ERR_NOT_FOUND);
    assert_int_equal(registry_view_list(w->view, &none, &w->answer), ERR_INVALID);
    assert_int_equal(registry_view_list(w->view, &many, &w->answer), ERR_INVALID);
}

static void an_open_workflow_is_shown_with_its_event_and_its_steps(void **state)
{
    struct world *w = *state;
    json_t *shown;

    some_workflows(w);
    assert_int_equal(registry_view_show(w->view, "o-1", &w->answer), OK);
    shown = answer(w);
    assert_true(json_is_true(json_object_get(shown, "open")));
    assert_string_equal(json_string_value(json_object_get(shown, "status")), "pending_approval");
    assert_string_equal(json_string_value(json_object_get(shown, "priority")), "medium");
    assert_string_equal(json_string_value(json_object_get(shown, "received_at")), "1970-01-01T00:00:01.000Z");
    assert_string_equal(json_string_value(json_object_get(shown, "deadline")), "1970-01-01T00:01:01.000Z");
    assert_string_equal(json_string_value(json_object_get(shown, "event_hash")), FIXTURE_EVENT);
    assert_int_equal(json_integer_value(json_object_get(shown, "quorum")), 2);
    assert_int_equal(json_integer_value(json_object_get(shown, "approvals")), 1);
    assert_int_equal(json_array_size(json_object_get(shown, "approvers")), 2);
    assert_int_equal(json_array_size(json_object_get(shown, "steps")), 3);
    assert_true(json_is_object(json_object_get(shown, "event")));
    assert_true(json_is_null(json_object_get(shown, "result")));
    assert_int_equal(json_array_size(json_object_get(shown, "anchors")), 0);
}

static void a_closed_workflow_is_shown_with_its_result_and_anchors(void **state)
{
    struct world *w = *state;
    json_t *shown, *records = json_array();

    some_workflows(w);
    json_array_append_new(
        records, fixture_record("anchored", "\"index\":1,\"anchor\":\"rekor-v2\",\"receipt\":{\"log_index\":7}"));
    assert_int_equal(fixture_apply(&w->f, records), OK);
    assert_int_equal(registry_view_show(w->view, "a-1", &w->answer), OK);
    shown = answer(w);
    assert_true(json_is_false(json_object_get(shown, "open")));
    assert_string_equal(json_string_value(json_object_get(shown, "status")), "notarized");
    assert_true(json_is_null(json_object_get(shown, "event")));
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(json_object_get(shown, "result"), "receipt"), "log_index")),
        1);
    assert_int_equal(json_array_size(json_object_get(shown, "anchors")), 1);
    assert_int_equal(registry_view_show(w->view, "e-9", &w->answer), ERR_NOT_FOUND);
}

static struct digest digest_member(const json_t *json, const char *name)
{
    struct digest d;

    assert_true(digest_from_hex(&d, bytes_of_text(json_string_value(json_object_get(json, name)))));
    return d;
}

static void the_log_is_told_as_the_registry_has_it(void **state)
{
    struct world *w = *state;
    struct digest root, told;

    assert_int_equal(registry_view_log(w->view, &w->answer), OK);
    assert_true(json_is_null(json_object_get(answer(w), "checkpoint")));
    for (int i = 0; i < 3; i++) {
        char prefix[8];
        snprintf(prefix, sizeof prefix, "p%d", i);
        assert_int_equal(fixture_close_many(&w->f, prefix, 350), OK);
        assert_int_equal(registry_view_log(w->view, &w->answer), OK);
        root = registry_log_root(w->f.registry);
        told = digest_member(answer(w), "root");
        assert_true(digest_equal(&root, &told));
        assert_int_equal(json_integer_value(json_object_get(w->json, "size")), 350 * (i + 1));
        assert_string_equal(json_string_value(json_object_get(w->json, "origin")), FIXTURE_ORIGIN);
    }
}

static void consistency_is_proved_between_any_two_sizes(void **state)
{
    static const uint64_t sizes[] = {1, 2, 255, 256, 257, 511, 512, 600, 601};
    struct world *w = *state;

    assert_int_equal(fixture_close_many(&w->f, "a", 601), OK);
    for (size_t a = 0; a < 9; a++)
        for (size_t b = a; b < 9; b++) {
            struct digest from, to;
            struct merkle_proof proof;
            assert_int_equal(registry_view_consistency(w->view, sizes[a], sizes[b], &w->answer), OK);
            from = digest_member(answer(w), "from_root");
            to = digest_member(w->json, "to_root");
            assert_true(receipt_hashes_read(json_object_get(w->json, "hashes"), &proof));
            assert_true(merkle_consistency_holds(sizes[a], &from, sizes[b], &to, &proof));
        }
    assert_int_equal(registry_view_consistency(w->view, 0, 5, &w->answer), ERR_INVALID);
    assert_int_equal(registry_view_consistency(w->view, 6, 5, &w->answer), ERR_INVALID);
    assert_int_equal(registry_view_consistency(w->view, 5, 602, &w->answer), ERR_INVALID);
}

static void every_entry_is_told_with_its_proof(void **state)
{
    struct world *w = *state;

    assert_int_equal(fixture_close_many(&w->f, "a", 300), OK);
    assert_int_equal(fixture_close_many(&w->f, "b", 300), OK);
    for (uint64_t i = 0; i < 600; i++) {
        struct checkpoint c;
        struct signature signature;
        struct merkle_proof proof;
        struct digest leaf;
        const char *note;
        assert_int_equal(registry_view_entry(w->view, i, &w->answer), OK);
        leaf = digest_member(answer(w), "leaf_hash");
        note = json_string_value(json_object_get(json_object_get(w->json, "inclusion"), "checkpoint"));
        assert_int_equal(checkpoint_read(&c, &signature, bytes_of_text(note), FIXTURE_ORIGIN, &w->f.signer.public_key),
                         OK);
        assert_int_equal(c.size, i < 300 ? 300 : 600);
        assert_true(receipt_hashes_read(json_object_get(json_object_get(w->json, "inclusion"), "hashes"), &proof));
        assert_true(merkle_inclusion_holds(&leaf, i, c.size, &proof, &c.root));
        assert_int_equal(json_array_size(json_object_get(w->json, "event_ids")), 1);
    }
    assert_int_equal(registry_view_entry(w->view, 600, &w->answer), ERR_NOT_FOUND);
}

static void metrics_count_workflows_by_status_and_what_the_log_has(void **state)
{
    static const char *const expected[] = {
        "geminga_notary_workflows{status=\"pending_approval\",open=\"true\"} 1\n",
        "geminga_notary_workflows{status=\"rejected\",open=\"false\"} 1\n",
        "geminga_notary_workflows{status=\"notarized\",open=\"false\"} 2\n",
        "geminga_notary_open_workflows 1\n",
        "geminga_notary_open_approvals 1\n",
        "geminga_notary_log_entries 3\n",
        "geminga_notary_results 3\n",
        "geminga_notary_anchor_receipts 0\n",
    };
    struct world *w = *state;

    assert_int_equal(registry_view_metrics(w->view, &w->answer), OK);
    assert_non_null(strstr(w->answer.data, "geminga_notary_log_entries 0\n"));
    w->answer.len = 0;
    some_workflows(w);
    assert_int_equal(registry_view_metrics(w->view, &w->answer), OK);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        if (!strstr(w->answer.data, expected[i]))
            fail_msg("no %s in %s", expected[i], w->answer.data);
}

static void there_is_no_view_of_a_directory_without_a_registry(void **state)
{
    struct registry_view *view;

    assert_int_equal(registry_view_open(&view, "/tmp/geminga-there-is-no-such-directory"), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(workflows_are_listed_newest_first_and_by_status_and_type, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_list_comes_in_pages, setup, teardown),
        cmocka_unit_test_setup_teardown(a_page_after_what_is_not_there_or_without_an_end_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(an_open_workflow_is_shown_with_its_event_and_its_steps, setup, teardown),
        cmocka_unit_test_setup_teardown(a_closed_workflow_is_shown_with_its_result_and_anchors, setup, teardown),
        cmocka_unit_test_setup_teardown(the_log_is_told_as_the_registry_has_it, setup, teardown),
        cmocka_unit_test_setup_teardown(consistency_is_proved_between_any_two_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(every_entry_is_told_with_its_proof, setup, teardown),
        cmocka_unit_test_setup_teardown(metrics_count_workflows_by_status_and_what_the_log_has, setup, teardown),
        cmocka_unit_test(there_is_no_view_of_a_directory_without_a_registry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
