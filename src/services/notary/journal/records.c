/* SPDX-License-Identifier: Apache-2.0
 *
 * records.c - a table of kinds and their members, and the one place that reads it.
 */
#include "services/notary/journal/records.h"

#include "services/notary/documents/digest.h"
#include <assert.h>

/* What a member may be. */
enum member_type {
    MEMBER_NAME,    /* text, 1 to RECORD_NAME_MAX bytes (event ids are names) */
    MEMBER_TEXT,    /* any text */
    MEMBER_HASH,    /* "sha256:" and 64 digits */
    MEMBER_NUMBER,  /* a whole number, not negative */
    MEMBER_OBJECT,  /* */
    MEMBER_VALUE,   /* anything */
    MEMBER_LEAF,    /* text, 1 to RECORD_LEAF_MAX bytes */
    MEMBER_VERDICT, /* one of the words */
    MEMBER_COMMAND,
    MEMBER_OUTCOME,
    MEMBER_RESULTS, /* an array of results, at least one */
};

#define OR_NULL true
#define MEMBERS 9

struct member {
    const char *name;
    enum member_type type;
    bool or_null;
};

struct kind {
    const char *name;
    struct member members[MEMBERS + 1]; /* up to one without a name */
};

static_assert(RECORD_EVENT_ID_MAX == RECORD_NAME_MAX, "event ids are checked as names");

static const struct kind kinds[RECORD_KINDS] = {
    [RECORD_OPENED] = {"opened",
                       {{"event_id", MEMBER_NAME},
                        {"workflow_id", MEMBER_NAME},
                        {"workflow_type", MEMBER_NAME},
                        {"event", MEMBER_OBJECT},
                        {"event_hash", MEMBER_HASH},
                        {"received_ms", MEMBER_NUMBER},
                        {"deadline_ms", MEMBER_NUMBER, OR_NULL},
                        {"priority", MEMBER_NUMBER},
                        {"message_id", MEMBER_TEXT}}},
    [RECORD_STATUS] = {"status",
                       {{"event_id", MEMBER_NAME},
                        {"status", MEMBER_NAME},
                        {"message", MEMBER_TEXT, OR_NULL},
                        {"step", MEMBER_TEXT, OR_NULL},
                        {"steps_done", MEMBER_NUMBER},
                        {"steps_total", MEMBER_NUMBER},
                        {"at_ms", MEMBER_NUMBER}}},
    [RECORD_FINDING] = {"finding", {{"event_id", MEMBER_NAME}, {"name", MEMBER_NAME}, {"value", MEMBER_VALUE}}},
    [RECORD_DECISION] = {"decision",
                         {{"event_id", MEMBER_NAME},
                          {"approver", MEMBER_NAME},
                          {"verdict", MEMBER_VERDICT},
                          {"comment", MEMBER_TEXT, OR_NULL},
                          {"at_ms", MEMBER_NUMBER},
                          {"method", MEMBER_NAME},
                          {"statement", MEMBER_TEXT}}},
    [RECORD_ATTEMPT] = {"attempt",
                        {{"event_id", MEMBER_NAME},
                         {"activity", MEMBER_NAME},
                         {"attempt", MEMBER_NUMBER},
                         {"why", MEMBER_TEXT},
                         {"next_ms", MEMBER_NUMBER, OR_NULL}}},
    [RECORD_COMMAND] = {"command",
                        {{"event_id", MEMBER_NAME},
                         {"command", MEMBER_COMMAND},
                         {"by", MEMBER_NAME},
                         {"comment", MEMBER_TEXT, OR_NULL},
                         {"at_ms", MEMBER_NUMBER},
                         {"method", MEMBER_NAME},
                         {"statement", MEMBER_TEXT, OR_NULL}}},
    [RECORD_CLOSED] = {"closed", {{"leaf", MEMBER_LEAF}, {"outcome", MEMBER_OUTCOME}, {"results", MEMBER_RESULTS}}},
    [RECORD_CHECKPOINT] = {"checkpoint", {{"size", MEMBER_NUMBER}, {"note", MEMBER_TEXT}}},
    [RECORD_PUBLISHED] = {"published", {{"through", MEMBER_NUMBER}}},
    [RECORD_ANCHORED] = {"anchored", {{"index", MEMBER_NUMBER}, {"anchor", MEMBER_NAME}, {"receipt", MEMBER_OBJECT}}},
    [RECORD_NOTIFIED] = {"notified",
                         {{"event_id", MEMBER_NAME},
                          {"notice", MEMBER_NAME},
                          {"channel", MEMBER_TEXT},
                          {"error", MEMBER_TEXT, OR_NULL}}},
};

static const struct member result_members[MEMBERS + 1] = {
    {"event_id", MEMBER_NAME},      {"event_hash", MEMBER_HASH}, {"workflow_id", MEMBER_NAME},
    {"workflow_type", MEMBER_NAME}, {"rest", MEMBER_TEXT},       {"path", MEMBER_VALUE, OR_NULL}};

static bool is_text(const json_t *value, size_t least, size_t most)
{
    size_t len = json_string_length(value); /* 0 when it is no text */

    return json_is_string(value) && len >= least && len <= most;
}

static bool is_one_of(const json_t *value, const char *const *words)
{
    if (!json_is_string(value))
        return false;
    for (; *words; words++)
        if (bytes_equal(bytes_of_text(*words), bytes_of(json_string_value(value), json_string_length(value))))
            return true;
    return false;
}

/* What is looked up as a C string has no NUL in it. */
static bool is_name(const json_t *value)
{
    return is_text(value, 1, RECORD_NAME_MAX) && strlen(json_string_value(value)) == json_string_length(value);
}

static bool is_hash(const json_t *value)
{
    struct digest d;

    return is_text(value, 7 + DIGEST_HEX_LEN, 7 + DIGEST_HEX_LEN) &&
           memcmp(json_string_value(value), "sha256:", 7) == 0 &&
           digest_from_hex(&d, bytes_of(json_string_value(value) + 7, DIGEST_HEX_LEN));
}

static bool has_members(const json_t *object, const struct member *members);

static bool are_results(const json_t *value)
{
    size_t count = json_array_size(value); /* 0 when it is no array */

    if (count == 0 || count > RECORD_RESULTS_MAX)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!has_members(json_array_get(value, i), result_members))
            return false;
    return true;
}

static bool is_of_type(const json_t *value, enum member_type type)
{
    static const char *const verdicts[] = {"approve", "reject", NULL};
    static const char *const commands[] = {"cancel", "retry", NULL};
    static const char *const outcomes[] = {"notarized", "rejected", "expired", "cancelled", NULL};

    switch (type) {
    case MEMBER_NAME:
        return is_name(value);
    case MEMBER_TEXT:
        return json_is_string(value);
    case MEMBER_HASH:
        return is_hash(value);
    case MEMBER_NUMBER:
        return json_is_integer(value) && json_integer_value(value) >= 0;
    case MEMBER_OBJECT:
        return json_is_object(value);
    case MEMBER_VALUE:
        return true;
    case MEMBER_LEAF:
        return is_text(value, 1, RECORD_LEAF_MAX);
    case MEMBER_VERDICT:
        return is_one_of(value, verdicts);
    case MEMBER_COMMAND:
        return is_one_of(value, commands);
    case MEMBER_OUTCOME:
        return is_one_of(value, outcomes);
    case MEMBER_RESULTS:
        return are_results(value);
    }
    return false;
}

static bool has_members(const json_t *object, const struct member *members)
{
    if (!json_is_object(object))
        return false;
    for (; members->name; members++) {
        const json_t *value = json_object_get(object, members->name);
        if (members->or_null ? value && !json_is_null(value) && !is_of_type(value, members->type)
                             : !value || !is_of_type(value, members->type))
            return false;
    }
    return true;
}

enum record_kind record_kind(const json_t *record)
{
    const char *name = json_string_value(json_object_get(record, "kind"));

    for (unsigned kind = 0; name && kind < RECORD_KINDS; kind++)
        if (strcmp(name, kinds[kind].name) == 0)
            return has_members(record, kinds[kind].members) ? (enum record_kind)kind : RECORD_KINDS;
    return RECORD_KINDS;
}

/* ---- sizes ---- */

static size_t text_size(const char *text, size_t len)
{
    size_t size = len + 2;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20)
            size += c == '"' || c == '\\';
        else
            size += c == '\b' || c == '\f' || c == '\n' || c == '\r' || c == '\t' ? 1 : 5;
    }
    return size;
}

static size_t object_size(const json_t *object)
{
    size_t size = 2 + (json_object_size(object) ? json_object_size(object) - 1 : 0);
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, key, value) size +=
        text_size(key, strlen(key)) + 1 + record_size(value);
    return size;
}

static size_t array_size(const json_t *array)
{
    size_t count = json_array_size(array), size = 2 + (count ? count - 1 : 0);

    for (size_t i = 0; i < count; i++)
        size += record_size(json_array_get(array, i));
    return size;
}

size_t record_size(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return object_size(value);
    case JSON_ARRAY:
        return array_size(value);
    case JSON_STRING:
        return text_size(json_string_value(value), json_string_length(value));
    case JSON_INTEGER:
        return (size_t)snprintf(NULL, 0, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_REAL: /* rare, and not ours to say how it is written */
        return json_dumpb(value, NULL, 0, JSON_ENCODE_ANY);
    case JSON_TRUE:
    case JSON_NULL:
        return 4;
    case JSON_FALSE:
        return 5;
    }
    return 0;
}

const char *record_kind_name(enum record_kind kind)
{
    assert(kind < RECORD_KINDS);
    return kinds[kind].name;
}
