/* SPDX-License-Identifier: Apache-2.0
 *
 * event_test.c - which events are valid, and that an invalid one is told all that is wrong with it.
 */
#include "base/base_test.h"

#include "base/timestamp.h"
#include "services/notary/documents/event.h"
#include "services/notary/documents/evidence.h"
#include "services/notary/fixture.h"
#include <string.h>

/* The sample of the interface's document, with a whole hash. */
static const char sample[] =
    "{\"event_id\":\"deploy-uuid-123\",\"event_type\":{\"model_deployment\":{\"model_id\":\"fraud-detection-v2\","
    "\"version\":\"2.1.0\",\"environment\":\"production\",\"strategy\":\"blue_green\",\"previous_version\":\"2.0.3\"}},"
    "\"timestamp\":\"2024-01-15T10:30:00Z\",\"source\":\"ci-cd-pipeline\",\"actor\":{\"actor_type\":\"ci_system\","
    "\"id\":\"jenkins-prod-001\",\"auth_provider\":\"github_oauth\"},\"artifacts\":[{\"name\":\"fraud_model.pkl\","
    "\"uri\":\"s3://ml-models/fraud_model.pkl\",\"hash_sha256\":\"" FIXTURE_HASH "\"}],\"metadata\":{"
    "\"deployment_id\":\"deploy-20240115-001\",\"pipeline_run_id\":\"run-456789\",\"model_accuracy\":0.94,"
    "\"compliance_checked\":true},\"trace_id\":\"trace-uuid-456\",\"span_id\":\"span-uuid-789\",\"priority\":\"high\","
    "\"workflow_config\":{\"workflow_type\":\"approval_sign\",\"approvers\":[\"security.lead@company.com\","
    "\"ml.architect@company.com\"],\"timeout\":3600,\"retry_config\":{\"max_retries\":3,\"initial_delay\":30,"
    "\"backoff_multiplier\":2.0,\"max_delay\":300},\"notifications\":{\"enabled\":true,\"channels\":["
    "{\"slack\":\"#ml-deployments\"},{\"email\":[\"devops@company.com\"]}],\"events\":[\"workflow_started\","
    "\"workflow_completed\",\"approval_required\"]}}}";

/* Parses, and compares the faults with this NULL-terminated list. */
static void assert_faults(const char *json, const char *const *expected)
{
    struct faults faults;
    struct event event;
    size_t count = 0;

    assert_int_equal(faults_init(&faults), OK);
    while (expected[count])
        count++;
    assert_int_equal(event_parse(&event, bytes_of_text(json), &faults), count ? ERR_INVALID : OK);
    for (size_t i = 0; i < count && i < json_array_size(faults.list); i++)
        assert_string_equal(json_string_value(json_array_get(faults.list, i)), expected[i]);
    assert_int_equal(faults.count, count);
    event_deinit(&event);
    faults_deinit(&faults);
}

#define ASSERT_FAULTS(json, ...) assert_faults(json, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

/* FIXTURE_MINIMAL with one part replaced. */
static const char *minimal_with(const char *part, const char *by)
{
    static char text[1 << 16];
    const char *at = strstr(FIXTURE_MINIMAL, part);

    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - FIXTURE_MINIMAL), FIXTURE_MINIMAL, by, at + strlen(part));
    return text;
}

static void the_sample_of_the_interface_is_valid(void **state)
{
    struct faults faults;
    struct event event;

    assert_int_equal(faults_init(&faults), OK);
    assert_int_equal(event_parse(&event, bytes_of_text(sample), &faults), OK);
    assert_string_equal(event.event_id, "deploy-uuid-123");
    assert_string_equal(event.trace_id, "trace-uuid-456");
    assert_string_equal(event.workflow_type, "approval_sign");
    assert_int_equal(event.artifacts, 1);
    assert_true(event.wants_notifications);
    event_deinit(&event);
    faults_deinit(&faults);
}

static void the_least_event_of_a_pipeline_step_is_valid(void **state)
{
    ASSERT_FAULTS(FIXTURE_MINIMAL);
}

static void optional_members_may_be_null(void **state)
{
    ASSERT_FAULTS(minimal_with("\"source\"", "\"timestamp\":null,\"metadata\":null,\"trace_id\":null,\"priority\":null,"
                                             "\"source\""));
    ASSERT_FAULTS(minimal_with("\"github-actions\",\"actor\"", "null,\"actor\""), "source is required");
}

static void an_empty_object_is_told_every_member_that_it_lacks(void **state)
{
    ASSERT_FAULTS("{}", "event_id is required", "event_type is required", "source is required", "actor is required",
                  "artifacts is required", "workflow_config is required");
}

static void all_faults_are_listed_at_once_by_path(void **state)
{
    ASSERT_FAULTS(
        "{\"event_id\":\"\",\"event_type\":{\"model_deployment\":{\"model_id\":7,\"environment\":\"x\"}},"
        "\"timestamp\":\"yesterday\",\"source\":\"s\",\"actor\":{\"id\":\"\\u0007\"},"
        "\"artifacts\":[{\"name\":\"a\"},{\"name\":\"b\",\"hash_sha256\":\"e3b0c442...\"},3],"
        "\"metadata\":{\"deployment_id\":5},\"priority\":\"urgent\",\"workflow_config\":{\"workflow_type\":\"simple_"
        "sign\","
        "\"approvers\":[\"a\",1],\"timeout\":-1,\"retry_config\":{\"max_retries\":1.5,\"backoff_multiplier\":0.5},"
        "\"notifications\":{\"enabled\":1,\"channels\":[{}],\"events\":{}}}}",
        "event_id is invalid: it is empty",
        "timestamp is invalid: it must be RFC 3339 with a time zone, as in 2024-01-15T10:30:00Z",
        "priority is invalid: \"urgent\" is not one of low, normal, medium, high, critical",
        "event_type.model_deployment.model_id is invalid: it must be text",
        "event_type.model_deployment.version is required", "actor.actor_type is required",
        "actor.id is invalid: it has a control character", "artifact[0].hash_sha256 is required",
        "artifact[1].hash_sha256 is invalid: it must be 64 hexadecimal digits",
        "artifact[2] is invalid: it must be an object", "metadata.deployment_id is invalid: it must be text",
        "workflow_config.approvers[1] is invalid: it must be text",
        "workflow_config.timeout is invalid: it must be a number, 0 or more",
        "workflow_config.retry_config.max_retries is invalid: it must be a whole number, 0 or more",
        "workflow_config.retry_config.backoff_multiplier is invalid: it must be a number, 1 or more",
        "workflow_config.notifications.enabled is invalid: it must be true or false",
        "workflow_config.notifications.events is invalid: it must be an array of texts",
        "workflow_config.notifications.channels[0] is invalid: it must be an object with one member, such as "
        "{\"slack\": \"#channel\"}");
}

static void an_event_type_is_one_tag_with_an_object(void **state)
{
    ASSERT_FAULTS(minimal_with("\"event_type\":{", "\"event_type\":{\"other\":{},"),
                  "event_type is invalid: it must have one member, such as model_deployment");
    ASSERT_FAULTS(
        minimal_with("\"model_deployment\":{\"model_id\":\"m\",\"version\":\"1\",\"environment\":\"production\"}",
                     "\"model_training\":1"),
        "event_type.model_training is invalid: it must be an object");
    ASSERT_FAULTS(
        minimal_with("\"model_deployment\":{\"model_id\":\"m\",\"version\":\"1\",\"environment\":\"production\"}",
                     "\"model_training\":{\"anything\":[1,2]}"));
}

static void bytes_that_are_not_json_are_one_fault_and_no_crash(void **state)
{
    static const char *const garbage[] = {"",
                                          " ",
                                          "{",
                                          "nonsense",
                                          "\xff\xfe",
                                          "{\"a\":1}x",
                                          "{\"a\":1,\"a\":2}",
                                          "[\"\\ud800\"]",
                                          "{\"a\":1e999}",
                                          "{\"a\":99999999999999999999}",
                                          "{\"\\u0000\":1}"};
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        struct faults faults;
        struct event event;
        assert_int_equal(faults_init(&faults), OK);
        assert_int_equal(event_parse(&event, bytes_of_text(garbage[i]), &faults), ERR_INVALID);
        assert_int_equal(faults.count, 1);
        assert_null(event.event_id);
        event_deinit(&event);
        faults_deinit(&faults);
    }
    ASSERT_FAULTS("[1]", "the event must be a JSON object");
}

static void every_truncation_of_an_event_is_survived(void **state)
{
    for (size_t len = 0; len < sizeof sample - 1; len++) {
        struct faults faults;
        struct event event;
        assert_int_equal(faults_init(&faults), OK);
        assert_int_equal(event_parse(&event, bytes_of(sample, len), &faults), ERR_INVALID);
        event_deinit(&event);
        faults_deinit(&faults);
    }
}

static void integers_that_implementations_disagree_about_are_refused_wherever_they_are(void **state)
{
    ASSERT_FAULTS(minimal_with("\"source\"", "\"metadata\":{\"run\":[{\"id\":9007199254740992}]},\"source\""),
                  "metadata.run[0].id is invalid: a whole number beyond 2^53 is not the same number everywhere; write "
                  "it as text");
    ASSERT_FAULTS(
        minimal_with("\"source\"", "\"metadata\":{\"run\":-9223372036854775808},\"source\""),
        "metadata.run is invalid: a whole number beyond 2^53 is not the same number everywhere; write it as text");
    ASSERT_FAULTS(
        minimal_with("\"source\"", "\"metadata\":{\"run\":-1e20},\"source\""),
        "metadata.run is invalid: a whole number beyond 2^53 is not the same number everywhere; write it as text");
    ASSERT_FAULTS(minimal_with("\"source\"", "\"metadata\":{\"run\":[9007199254740991,1e21,-1e300,0.1]},\"source\""));
}

static void what_is_nested_too_deep_is_refused(void **state)
{
    char deep[200] = "\"x\":";

    for (int i = 0; i < EVENT_DEPTH_MAX; i++)
        strcat(deep, "[");
    for (int i = 0; i < EVENT_DEPTH_MAX; i++)
        strcat(deep, "]");
    strcat(deep, ",\"source\"");
    ASSERT_FAULTS(
        minimal_with("\"source\"", deep),
        "x[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0] is invalid: it "
        "is nested deeper than 32");
}

static void an_event_beyond_the_size_limit_is_refused_unread(void **state)
{
    struct faults faults;
    struct event event;
    char *big = malloc(EVENT_BYTES_MAX + 1);

    memset(big, '[', EVENT_BYTES_MAX + 1);
    assert_int_equal(faults_init(&faults), OK);
    assert_int_equal(event_parse(&event, bytes_of(big, EVENT_BYTES_MAX + 1), &faults), ERR_INVALID);
    assert_int_equal(faults.count, 1);
    assert_int_equal(event_parse(&event, bytes_of(big, EVENT_BYTES_MAX), &faults), ERR_INVALID);
    event_deinit(&event);
    faults_deinit(&faults);
    free(big);
}

static void beyond_the_hundredth_faults_are_counted_only(void **state)
{
    struct faults faults;
    struct event event;
    char *many = calloc(1, 1 << 16);

    strcat(many, "{\"artifacts\":[");
    for (int i = 0; i < 999; i++)
        strcat(many, "1,");
    strcat(many, "1]}");
    assert_int_equal(faults_init(&faults), OK);
    assert_int_equal(event_parse(&event, bytes_of_text(many), &faults), ERR_INVALID);
    assert_int_equal(json_array_size(faults.list), FAULTS_MAX);
    assert_int_equal(faults.count, 1005);
    event_deinit(&event);
    faults_deinit(&faults);
    free(many);
}

static void an_invalid_event_is_still_known_by_its_id(void **state)
{
    struct faults faults;
    struct event event;

    assert_int_equal(faults_init(&faults), OK);
    assert_int_equal(event_parse(&event, bytes_of_text("{\"event_id\":\"e-9\",\"trace_id\":\"t\"}"), &faults),
                     ERR_INVALID);
    assert_string_equal(event.event_id, "e-9");
    assert_string_equal(event.trace_id, "t");
    event_deinit(&event);
    faults_deinit(&faults);
}

static void timestamps_are_checked_by_the_calendar(void **state)
{
    static const char *const valid[] = {"2024-01-15T10:30:00Z", "2024-02-29T00:00:00.5+02:00", "2000-02-29t23:59:60z",
                                        "0001-01-01T00:00:00.123456789-23:59"};
    static const char *const invalid[] = {"",
                                          "2024-01-15",
                                          "2024-01-15T10:30:00",
                                          "2023-02-29T00:00:00Z",
                                          "1900-02-29T00:00:00Z",
                                          "2024-13-01T00:00:00Z",
                                          "2024-00-01T00:00:00Z",
                                          "2024-01-00T00:00:00Z",
                                          "2024-01-15T24:00:00Z",
                                          "2024-01-15T10:60:00Z",
                                          "2024-01-15 10:30:00Z",
                                          "2024-01-15T10:30:00.Z",
                                          "2024-01-15T10:30:00+0200",
                                          "2024-01-15T10:30:00Zx",
                                          "2024-01-15T10:30:00+24:00",
                                          "20x4-01-15T10:30:00Z"};
    char text[TIMESTAMP_SIZE];

    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++)
        assert_true(timestamp_is_valid(valid[i]));
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++)
        assert_false(timestamp_is_valid(invalid[i]));
    timestamp_format(1705314600123, text);
    assert_string_equal(text, "2024-01-15T10:30:00.123Z");
    assert_true(timestamp_is_valid(text));
}

static void the_evidence_package_is_the_whole_event_in_canonical_form(void **state)
{
    struct faults faults;
    struct event event;
    struct text evidence;

    assert_int_equal(faults_init(&faults), OK);
    assert_int_equal(event_parse(&event, bytes_of_text(FIXTURE_MINIMAL), &faults), OK);
    text_init(&evidence, EVIDENCE_BYTES_MAX);
    assert_int_equal(evidence_build(&event, &evidence), OK);
    assert_string_equal(
        evidence.data,
        "{\"event\":{\"actor\":{\"actor_type\":\"ci_system\",\"id\":\"github-actions\"},\"artifacts\":[{\"hash_"
        "sha256\":\"" FIXTURE_HASH "\",\"name\":\"model.pkl\"}],\"event_id\":\"e-1\",\"event_type\":{\"model_"
        "deployment\":{\"environment\":\"production\","
        "\"model_id\":\"m\",\"version\":\"1\"}},\"source\":\"github-actions\",\"workflow_config\":{\"workflow_type\":"
        "\"simple_sign\"}},\"format\":\"geminga/notary/evidence/v1\"}");
    text_deinit(&evidence);
    event_deinit(&event);
    faults_deinit(&faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_of_the_interface_is_valid),
        cmocka_unit_test(the_least_event_of_a_pipeline_step_is_valid),
        cmocka_unit_test(optional_members_may_be_null),
        cmocka_unit_test(an_empty_object_is_told_every_member_that_it_lacks),
        cmocka_unit_test(all_faults_are_listed_at_once_by_path),
        cmocka_unit_test(an_event_type_is_one_tag_with_an_object),
        cmocka_unit_test(bytes_that_are_not_json_are_one_fault_and_no_crash),
        cmocka_unit_test(every_truncation_of_an_event_is_survived),
        cmocka_unit_test(integers_that_implementations_disagree_about_are_refused_wherever_they_are),
        cmocka_unit_test(what_is_nested_too_deep_is_refused),
        cmocka_unit_test(an_event_beyond_the_size_limit_is_refused_unread),
        cmocka_unit_test(beyond_the_hundredth_faults_are_counted_only),
        cmocka_unit_test(an_invalid_event_is_still_known_by_its_id),
        cmocka_unit_test(timestamps_are_checked_by_the_calendar),
        cmocka_unit_test(the_evidence_package_is_the_whole_event_in_canonical_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
