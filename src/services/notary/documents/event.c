/* SPDX-License-Identifier: Apache-2.0
 *
 * event.c - the schema of a PipelineEvent as tables, and one walk over them that stops at no fault.
 *
 * Two passes.  The first looks at every value of the event, named or not: its depth, and integers that JSON
 * implementations disagree about.  The second goes through the tables, object by object.
 */
#include "services/notary/documents/event.h"

#include "base/timestamp.h"
#include "services/notary/documents/canonical.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define PATH_MAX_BYTES 200

enum kind {
    KIND_ID,        /* text of at most EVENT_ID_MAX bytes */
    KIND_TEXT,      /* text of at most EVENT_TEXT_MAX bytes */
    KIND_TIMESTAMP, /* RFC 3339 */
    KIND_SHA256,    /* 64 hexadecimal digits */
    KIND_COUNT,     /* an integer >= 0 */
    KIND_SECONDS,   /* a number >= 0 */
    KIND_FACTOR,    /* a number >= 1 */
    KIND_NAMES,     /* an array of KIND_ID, no two alike */
    KIND_BOOL,
    KIND_OBJECT,
    KIND_ARRAY,
    KIND_TEXTS, /* an array of KIND_TEXT */
};

struct rule {
    const char *member;
    enum kind kind;
    bool required;
    const char *const *choices; /* of a text: NULL-terminated; NULL: any */
};

static const char *const priorities[] = {"low", "normal", "medium", "high", "critical", NULL};

static const struct rule event_rules[] = {
    {"event_id", KIND_ID, true},
    {"event_type", KIND_OBJECT, true},
    {"timestamp", KIND_TIMESTAMP, false},
    {"source", KIND_TEXT, true},
    {"actor", KIND_OBJECT, true},
    {"artifacts", KIND_ARRAY, true},
    {"metadata", KIND_OBJECT, false},
    {"trace_id", KIND_ID, false},
    {"span_id", KIND_ID, false},
    {"priority", KIND_TEXT, false, priorities},
    {"workflow_config", KIND_OBJECT, true},
    {0},
};
static const struct rule deployment_rules[] = {
    {"model_id", KIND_TEXT, true},  {"version", KIND_TEXT, true},           {"environment", KIND_TEXT, true},
    {"strategy", KIND_TEXT, false}, {"previous_version", KIND_TEXT, false}, {0},
};
static const struct rule actor_rules[] = {
    {"actor_type", KIND_TEXT, true}, {"id", KIND_TEXT, true}, {"auth_provider", KIND_TEXT, false}, {0}};
static const struct rule artifact_rules[] = {
    {"name", KIND_TEXT, true}, {"uri", KIND_TEXT, false}, {"hash_sha256", KIND_SHA256, true}, {0}};
static const struct rule metadata_rules[] = {
    {"deployment_id", KIND_TEXT, false}, {"pipeline_run_id", KIND_TEXT, false}, {0}};
static const struct rule workflow_rules[] = {
    {"workflow_type", KIND_ID, true},
    {"approvers", KIND_NAMES, false},
    {"quorum", KIND_COUNT, false},
    {"timeout", KIND_SECONDS, false},
    {"retry_config", KIND_OBJECT, false},
    {"notifications", KIND_OBJECT, false},
    {0},
};
static const struct rule retry_rules[] = {{"max_retries", KIND_COUNT, false},
                                          {"initial_delay", KIND_SECONDS, false},
                                          {"backoff_multiplier", KIND_FACTOR, false},
                                          {"max_delay", KIND_SECONDS, false},
                                          {0}};
static const struct rule notification_rules[] = {
    {"enabled", KIND_BOOL, false}, {"channels", KIND_ARRAY, false}, {"events", KIND_TEXTS, false}, {0}};

static bool sha256_is_valid(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdefABCDEF") == 64;
}

static bool has_control_character(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

static void check_choice(struct faults *f, const char *path, const struct rule *rule, const char *text)
{
    char all[PATH_MAX_BYTES] = "";
    size_t len = 0;

    for (size_t i = 0; rule->choices[i]; i++) {
        if (strcmp(rule->choices[i], text) == 0)
            return;
        len += (size_t)snprintf(all + len, sizeof all - len, "%s%s", i ? ", " : "", rule->choices[i]);
        assert(len < sizeof all);
    }
    faults_add(f, "%s is invalid: \"%.40s\" is not one of %s", path, text, all);
}

static void check_text(struct faults *f, const char *path, const struct rule *rule, const json_t *value)
{
    size_t max = rule->kind == KIND_ID ? EVENT_ID_MAX : EVENT_TEXT_MAX;
    const char *text = json_string_value(value);

    if (!text)
        faults_add(f, "%s is invalid: it must be text", path);
    else if (*text == '\0')
        faults_add(f, "%s is invalid: it is empty", path);
    else if (json_string_length(value) > max)
        faults_add(f, "%s is invalid: it is longer than %zu bytes", path, max);
    else if (has_control_character(text))
        faults_add(f, "%s is invalid: it has a control character", path);
    else if (rule->kind == KIND_TIMESTAMP && !timestamp_is_valid(text))
        faults_add(f, "%s is invalid: it must be RFC 3339 with a time zone, as in 2024-01-15T10:30:00Z", path);
    else if (rule->kind == KIND_SHA256 && !sha256_is_valid(text))
        faults_add(f, "%s is invalid: it must be 64 hexadecimal digits", path);
    else if (rule->choices)
        check_choice(f, path, rule, text);
}

static void check_twin(struct faults *f, const char *path, const json_t *array, size_t index)
{
    const json_t *value = json_array_get(array, index);

    for (size_t i = 0; json_is_string(value) && i < index; i++)
        if (json_equal(value, json_array_get(array, i))) {
            faults_add(f, "%s is invalid: it is there twice", path);
            return;
        }
}

static void check_texts(struct faults *f, const char *path, const struct rule *rule, const json_t *array)
{
    const struct rule item_rule = {"", rule->kind == KIND_NAMES ? KIND_ID : KIND_TEXT, true, NULL};
    char item_path[PATH_MAX_BYTES + 32];

    if (!json_is_array(array)) {
        faults_add(f, "%s is invalid: it must be an array of texts", path);
        return;
    }
    if (rule->kind == KIND_NAMES && json_array_size(array) > EVENT_APPROVERS_MAX) {
        faults_add(f, "%s is invalid: it has %zu items, and %d is the most", path, json_array_size(array),
                   EVENT_APPROVERS_MAX);
        return;
    }
    for (size_t i = 0; i < json_array_size(array); i++) {
        snprintf(item_path, sizeof item_path, "%s[%zu]", path, i);
        check_text(f, item_path, &item_rule, json_array_get(array, i));
        if (rule->kind == KIND_NAMES)
            check_twin(f, item_path, array, i);
    }
}

static void check_number(struct faults *f, const char *path, const struct rule *rule, const json_t *value)
{
    double least = rule->kind == KIND_FACTOR ? 1 : 0;

    if (rule->kind == KIND_COUNT && (!json_is_integer(value) || json_integer_value(value) < 0))
        faults_add(f, "%s is invalid: it must be a whole number, 0 or more", path);
    else if (!json_is_number(value) || json_number_value(value) < least)
        faults_add(f, "%s is invalid: it must be a number, %g or more", path, least);
    else if (json_number_value(value) > EVENT_NUMBER_MAX)
        faults_add(f, "%s is invalid: it is more than %d", path, EVENT_NUMBER_MAX);
}

static void check_value(struct faults *f, const char *path, const struct rule *rule, const json_t *value)
{
    switch (rule->kind) {
    case KIND_ID:
    case KIND_TEXT:
    case KIND_TIMESTAMP:
    case KIND_SHA256:
        check_text(f, path, rule, value);
        break;
    case KIND_COUNT:
    case KIND_SECONDS:
    case KIND_FACTOR:
        check_number(f, path, rule, value);
        break;
    case KIND_BOOL:
        if (!json_is_boolean(value))
            faults_add(f, "%s is invalid: it must be true or false", path);
        break;
    case KIND_OBJECT:
        if (!json_is_object(value))
            faults_add(f, "%s is invalid: it must be an object", path);
        break;
    case KIND_ARRAY:
        if (!json_is_array(value))
            faults_add(f, "%s is invalid: it must be an array", path);
        break;
    case KIND_TEXTS:
    case KIND_NAMES:
        check_texts(f, path, rule, value);
        break;
    }
}

/* `path` is that of the object, "" for the event itself. */
static void check_object(struct faults *f, const char *path, const json_t *object, const struct rule *rules)
{
    char member_path[PATH_MAX_BYTES];

    for (const struct rule *rule = rules; rule->member; rule++) {
        const json_t *value = json_object_get(object, rule->member);
        snprintf(member_path, sizeof member_path, "%s%s%s", path, *path ? "." : "", rule->member);
        if (value && !json_is_null(value))
            check_value(f, member_path, rule, value);
        else if (rule->required)
            faults_add(f, "%s is required", member_path);
    }
}

/* The event type is tagged: one member, whose name is the type and whose value has the particulars. */
static void check_event_type(struct faults *f, json_t *type)
{
    const char *tag;
    json_t *particulars;
    void *first = json_object_iter(type);
    char path[PATH_MAX_BYTES];

    if (json_object_size(type) != 1) {
        faults_add(f, "event_type is invalid: it must have one member, such as model_deployment");
        return;
    }
    tag = json_object_iter_key(first);
    particulars = json_object_iter_value(first);
    snprintf(path, sizeof path, "event_type.%.100s", tag);
    if (!json_is_object(particulars))
        faults_add(f, "%s is invalid: it must be an object", path);
    else if (strcmp(tag, "model_deployment") == 0)
        check_object(f, path, particulars, deployment_rules);
}

static void check_artifacts(struct faults *f, const json_t *artifacts)
{
    size_t count = json_array_size(artifacts);
    char path[PATH_MAX_BYTES];

    if (count == 0)
        faults_add(f, "artifacts is invalid: it is empty; there is nothing to notarize");
    if (count > EVENT_ARTIFACTS_MAX)
        faults_add(f, "artifacts is invalid: it has %zu items, and %d is the most", count, EVENT_ARTIFACTS_MAX);
    for (size_t i = 0; i < count && i < EVENT_ARTIFACTS_MAX; i++) {
        const json_t *artifact = json_array_get(artifacts, i);
        snprintf(path, sizeof path, "artifact[%zu]", i); /* singular, as the error message of the interface has it */
        if (json_is_object(artifact))
            check_object(f, path, artifact, artifact_rules);
        else
            faults_add(f, "%s is invalid: it must be an object", path);
    }
}

static const struct rule channel_rules[] = {{"slack", KIND_TEXT, true},
                                            {"email", KIND_TEXTS, true},
                                            {"webhook", KIND_TEXT, true},
                                            {"topic", KIND_TEXT, true},
                                            {0}};

static void check_channel(struct faults *f, const char *path, json_t *channel)
{
    void *member = json_object_iter(channel);
    char member_path[PATH_MAX_BYTES + 64];

    if (json_object_size(channel) != 1) {
        faults_add(f, "%s is invalid: it must be an object with one member, such as {\"slack\": \"#channel\"}", path);
        return;
    }
    snprintf(member_path, sizeof member_path, "%s.%.40s", path, json_object_iter_key(member));
    for (const struct rule *rule = channel_rules; rule->member; rule++)
        if (strcmp(rule->member, json_object_iter_key(member)) == 0) {
            check_value(f, member_path, rule, json_object_iter_value(member));
            return;
        }
    faults_add(f, "%s is invalid: there are slack, email, webhook and topic", member_path);
}

static void check_channels(struct faults *f, const json_t *channels)
{
    char path[PATH_MAX_BYTES];

    for (size_t i = 0; i < json_array_size(channels); i++) {
        snprintf(path, sizeof path, "workflow_config.notifications.channels[%zu]", i);
        check_channel(f, path, json_array_get(channels, i));
    }
}

/* What approval_sign needs besides: somebody who approves, and not more of them than there are. */
static void check_approval(struct faults *f, const json_t *config)
{
    const json_t *approvers = json_object_get(config, "approvers"), *quorum = json_object_get(config, "quorum");
    size_t count = json_array_size(approvers);

    if (!approvers || json_is_null(approvers))
        faults_add(f, "workflow_config.approvers is required");
    else if (json_is_array(approvers) && count == 0)
        faults_add(f, "workflow_config.approvers is invalid: it is empty; approval_sign needs somebody who approves");
    else if (json_is_integer(quorum) &&
             (json_integer_value(quorum) < 1 || json_integer_value(quorum) > (json_int_t)count))
        faults_add(f, "workflow_config.quorum is invalid: it must be 1 to the number of approvers, %zu", count);
}

static void check_workflow_config(struct faults *f, const json_t *config)
{
    const json_t *retry = json_object_get(config, "retry_config");
    const json_t *notifications = json_object_get(config, "notifications");

    const char *type = json_string_value(json_object_get(config, "workflow_type"));

    check_object(f, "workflow_config", config, workflow_rules);
    if (type && strcmp(type, "approval_sign") == 0)
        check_approval(f, config);
    if (json_is_object(retry))
        check_object(f, "workflow_config.retry_config", retry, retry_rules);
    if (json_is_object(notifications)) {
        check_object(f, "workflow_config.notifications", notifications, notification_rules);
        check_channels(f, json_object_get(notifications, "channels"));
    }
}

/* Everything that is an object and should be one; what is not was told of by check_object of its parent. */
static void check_schema(struct faults *f, json_t *event)
{
    json_t *type = json_object_get(event, "event_type"), *actor = json_object_get(event, "actor");
    json_t *artifacts = json_object_get(event, "artifacts"), *metadata = json_object_get(event, "metadata");
    json_t *config = json_object_get(event, "workflow_config");

    check_object(f, "", event, event_rules);
    if (json_is_object(type))
        check_event_type(f, type);
    if (json_is_object(actor))
        check_object(f, "actor", actor, actor_rules);
    if (json_is_array(artifacts))
        check_artifacts(f, artifacts);
    if (json_is_object(metadata))
        check_object(f, "metadata", metadata, metadata_rules);
    if (json_is_object(config))
        check_workflow_config(f, config);
}

/* A path that grows too long is cut: the value is then named by an ancestor. */
static void path_extend(char *path, size_t len, const char *name, size_t index)
{
    if (name)
        snprintf(path + len, PATH_MAX_BYTES - len, "%s%s", len ? "." : "", name);
    else
        snprintf(path + len, PATH_MAX_BYTES - len, "[%zu]", index);
}

/* A whole number beyond 2^53, however it is spelled: 1e20 is printed as an integer by whoever prints it again.  From
 * 1e21 on everybody prints an exponent. */
static bool is_doubtful_number(const json_t *value)
{
    double magnitude = fabs(json_real_value(value)); /* 0 of what is no real */

    return json_integer_value(value) > CANONICAL_INTEGER_MAX || json_integer_value(value) < -CANONICAL_INTEGER_MAX ||
           (magnitude > (double)CANONICAL_INTEGER_MAX && magnitude < 1e21);
}

static void check_any_value(struct faults *f, json_t *value, char *path, int depth)
{
    size_t len = strlen(path);
    const char *name;
    json_t *item;
    size_t i;

    if (is_doubtful_number(value))
        faults_add(f, "%s is invalid: a whole number beyond 2^53 is not the same number everywhere; write it as text",
                   path);
    if ((json_is_object(value) || json_is_array(value)) && depth > EVENT_DEPTH_MAX) {
        faults_add(f, "%s is invalid: it is nested deeper than %d", path, EVENT_DEPTH_MAX);
        return;
    }
    json_object_foreach(value, name, item)
    {
        path_extend(path, len, name, 0);
        check_any_value(f, item, path, depth + 1);
        path[len] = '\0';
    }
    json_array_foreach(value, i, item)
    {
        path_extend(path, len, NULL, i);
        check_any_value(f, item, path, depth + 1);
        path[len] = '\0';
    }
}

/* An id that may go into an answer although the event has faults. */
static const char *usable_id(const json_t *event, const char *member)
{
    const json_t *value = json_object_get(event, member);
    const char *text = json_string_value(value);

    if (!text || *text == '\0' || json_string_length(value) > EVENT_ID_MAX || has_control_character(text))
        return NULL;
    return text;
}

static void read_event(struct event *e)
{
    const json_t *config = json_object_get(e->json, "workflow_config");

    e->event_id = usable_id(e->json, "event_id");
    e->trace_id = usable_id(e->json, "trace_id");
    e->workflow_type = usable_id(config, "workflow_type");
    e->artifacts = json_array_size(json_object_get(e->json, "artifacts"));
    e->wants_notifications = json_is_true(json_object_get(json_object_get(config, "notifications"), "enabled"));
}

enum err event_parse(struct event *out, struct bytes payload, struct faults *faults)
{
    char path[PATH_MAX_BYTES] = "";
    json_error_t error;

    memset(out, 0, sizeof *out);
    if (payload.len > EVENT_BYTES_MAX) {
        faults_add(faults, "the event is too large: %zu bytes, and %u is the most", payload.len, EVENT_BYTES_MAX);
        return ERR_INVALID;
    }
    out->json = json_loadb(payload.len ? (const char *)payload.data : "", payload.len, JSON_REJECT_DUPLICATES, &error);
    if (!out->json && json_error_code(&error) == json_error_out_of_memory)
        return ERR_NOMEM;
    if (!out->json) {
        faults_add(faults, "the event is not valid JSON: line %d, column %d: %s", error.line, error.column, error.text);
        return ERR_INVALID;
    }
    if (!json_is_object(out->json)) {
        faults_add(faults, "the event must be a JSON object");
        return ERR_INVALID;
    }
    check_any_value(faults, out->json, path, 1);
    check_schema(faults, out->json);
    read_event(out);
    return faults->count ? ERR_INVALID : OK;
}

void event_deinit(struct event *e)
{
    json_decref(e->json);
    memset(e, 0, sizeof *e);
}
