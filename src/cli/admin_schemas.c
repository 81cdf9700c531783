/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_schemas.c - the commands of `geminga admin schemas`.
 */
#include "cli/admin_call.h"

#include "base/base64.h"
#include "base/text.h"
#include "cli/admin_policies.h"
#include "cli/admin_schema_files.h"
#include <stdlib.h>
#include <string.h>

#define BASE "/admin/v2/schemas/{~topic}"
#define OPTIONS(...)                                                                                                   \
    .options = (const struct admin_option[])                                                                           \
    {                                                                                                                  \
        __VA_ARGS__,                                                                                                   \
        {                                                                                                              \
            0                                                                                                          \
        }                                                                                                              \
    }

/* ---- what a schema is printed as ---- */

static json_t *base64_of(const char *text)
{
    struct text out;

    text_init(&out, 2u * 1024 * 1024);
    base64_encode(&out, bytes_of_text(text));
    json_t *json = json_string(text_failed(&out) || !out.data ? "" : out.data);
    text_deinit(&out);
    return json;
}

/* The last part of a topic's name: what Pulsar calls the schema. */
static const char *schema_name(const struct admin_call *call)
{
    const char *slash = strrchr(call->arguments[0], '/');

    return slash ? slash + 1 : call->arguments[0];
}

/* The key's or the value's schema of a KEY_VALUE: its definition is in the whole one's, the rest in properties. */
static json_t *half_info(const json_t *definition, const json_t *properties, const char *half)
{
    char name[40], type[40], inner[40];

    (void)snprintf(name, sizeof name, "%s.schema.name", half);
    (void)snprintf(type, sizeof type, "%s.schema.type", half);
    (void)snprintf(inner, sizeof inner, "%s.schema.properties", half);
    const char *text = json_string_value(json_object_get(properties, inner));
    json_t *own = json_loads(text ? text : "{}", 0, NULL);
    return json_pack("{s:O?,s:O?,s:O?,s:i,s:o?}", "name", json_object_get(properties, name), "schema",
                     json_object_get(definition, half), "type", json_object_get(properties, type), "timestamp", 0,
                     "properties", own);
}

/* As the tool prints one: the definition as an object, when it is one. */
static json_t *schema_info(const struct admin_call *call, const json_t *answer)
{
    const char *data = json_string_value(json_object_get(answer, "data"));
    json_t *definition = json_loads(data ? data : "", 0, NULL);

    if (!definition)
        definition = json_string(data ? data : "");
    const char *type = json_string_value(json_object_get(answer, "type"));
    if (type && strcmp(type, "KEY_VALUE") == 0 && json_is_object(definition)) {
        const json_t *properties = json_object_get(answer, "properties");
        json_t *both = json_pack("{s:o,s:o}", "key", half_info(definition, properties, "key"), "value",
                                 half_info(definition, properties, "value"));
        json_decref(definition);
        definition = both;
    }
    return json_pack("{s:s,s:o,s:O?,s:O?,s:O?}", "name", schema_name(call), "schema", definition, "type",
                     json_object_get(answer, "type"), "timestamp", json_object_get(answer, "timestamp"), "properties",
                     json_object_get(answer, "properties"));
}

/* As it prints all: the definition's bytes, and the definition as a text. */
static json_t *schema_of_all(const struct admin_call *call, const json_t *answer)
{
    const char *data = json_string_value(json_object_get(answer, "data"));

    return json_pack("{s:s,s:o,s:O?,s:O?,s:O?,s:s}", "name", schema_name(call), "schema", base64_of(data ? data : ""),
                     "type", json_object_get(answer, "type"), "timestamp", json_object_get(answer, "timestamp"),
                     "properties", json_object_get(answer, "properties"), "schemaDefinition", data ? data : "");
}

static void schema_print(struct admin_call *call, const json_t *shown)
{
    char *text = json_dumps(shown, JSON_COMPACT);

    if (call->output == ADMIN_AS_PULSAR)
        admin_print_wide(text ? text : "null", 2, call->out);
    else
        admin_print_value(call, shown, ADMIN_JSON);
    free(text);
}

/* ---- the commands ---- */

static int get_all(struct admin_call *call)
{
    json_t *answer, *each, *all = json_array();
    size_t i;
    const int status = admin_ask_json(call, "GET", BASE "/schemas", NULL, &answer);

    json_array_foreach(json_object_get(answer, "getSchemaResponses"), i, each)(void)
        json_array_append_new(all, schema_of_all(call, each));
    if (status == 0)
        admin_print_value(call, all, ADMIN_LINES);
    json_decref(answer);
    json_decref(all);
    return status;
}

static int get_run(struct admin_call *call)
{
    const bool one = admin_given(call, "version");
    json_t *answer;

    if (one && admin_given(call, "all-version"))
        return admin_refuse(call, "either --version or --all-version, please");
    if (admin_given(call, "all-version"))
        return get_all(call);
    const int status = admin_ask_json(call, "GET", BASE "/schema{/version}", NULL, &answer);
    if (status != 0)
        return status;
    json_t *info = schema_info(call, answer);
    json_t *shown = one ? json_incref(info)
                        : json_pack("{s:O?,s:O}", "version", json_object_get(answer, "version"), "schemaInfo", info);
    schema_print(call, shown);
    json_decref(info);
    json_decref(shown);
    json_decref(answer);
    return 0;
}

static int extract_run(struct admin_call *call)
{
    return admin_refuse(call, "a schema is made from a Java class by Java: use pulsar-admin, or write the file that "
                              "`schemas upload` takes");
}

/* ---- our own: may a schema in a file follow those in others; which topics have one ---- */

static int test_compatibility_run(struct admin_call *call)
{
    const char *existing[100];
    const json_t *files = admin_value(call, "existing");
    struct schema_files asked = {.strategy = admin_text(call, "strategy"),
                                 .type = admin_text(call, "type"),
                                 .new_file = call->arguments[0],
                                 .existing = existing};

    if (json_array_size(files) > sizeof existing / sizeof *existing)
        return admin_refuse(call, "100 files are the most");
    for (; asked.count < json_array_size(files); asked.count++)
        existing[asked.count] = json_string_value(json_array_get(files, asked.count));
    return schema_files_test(&asked, call->out, call->errors);
}

static json_t *listed_schema(const char *name, const json_t *answer)
{
    return json_pack("{s:s,s:O?,s:O?}", "topic", name, "type", json_object_get(answer, "type"), "version",
                     json_object_get(answer, "version"));
}

/* A partition has its topic's schema; what has none is left out. */
static int topic_look(struct admin_call *call, const char *name, json_t *found)
{
    struct admin_topic topic;
    char why[ADMIN_MESSAGE_MAX] = "";
    struct admin_request request = {.method = "GET"};
    struct http_answer answer = {0};

    if (admin_topic_read(&topic, name, why, sizeof why) != OK || topic.partition > 0)
        return 0;
    if (topic.partition == 0) {
        *strstr(topic.full, "-partition-") = '\0';
        *strstr(topic.path, "-partition-") = '\0';
    }
    (void)snprintf(request.path, sizeof request.path, "/admin/v2/schemas/%s/schema", strchr(topic.path, '/') + 1);
    if (admin_send(call, &request, &answer) != 0)
        return ADMIN_FAILED;
    json_t *json = answer.status == 200 && answer.body ? json_loads(answer.body, 0, NULL) : NULL;
    if (json)
        (void)json_array_append_new(found, listed_schema(topic.full, json));
    json_decref(json);
    http_answer_free(&answer);
    return 0;
}

static int list_run(struct admin_call *call)
{
    json_t *topics, *each, *found = json_array();
    size_t i;
    int status =
        admin_ask_json(call, "GET", "/admin/v2/namespaces/{namespace}/topics?includeSystemTopic=false", NULL, &topics);

    json_array_foreach(topics, i, each)
    {
        if (status == 0 && json_is_string(each))
            status = topic_look(call, json_string_value(each), found);
    }
    if (status == 0 && call->output != ADMIN_AS_PULSAR)
        admin_print_value(call, found, ADMIN_JSON);
    json_array_foreach(found, i, each)
    {
        const char *type = json_string_value(json_object_get(each, "type"));
        if (status == 0 && call->output == ADMIN_AS_PULSAR)
            (void)fprintf(call->out, "%s    %s    %" JSON_INTEGER_FORMAT "\n",
                          json_string_value(json_object_get(each, "topic")), type ? type : "?",
                          json_integer_value(json_object_get(each, "version")));
    }
    json_decref(topics);
    json_decref(found);
    return status;
}

#define SCHEMA_FILE                                                                                                    \
    {                                                                                                                  \
        "-f|--filename", ADMIN_FILE, ".", "A file {\"type\": ..., \"schema\": ..., \"properties\": {}}.",              \
            .required = true                                                                                           \
    }

static const struct admin_argument on_file[] = {{"file", ADMIN_NAME}, {0}};

static const struct admin_command commands[] = {
    {"list", .text = "Lists the topics of a namespace that have a schema, with its type and version.",
     .arguments = admin_on_namespace, .run = list_run},
    {"test-compatibility", .text = "Says whether a schema in a file may follow those in others; asks no broker.",
     .arguments = on_file, .run = test_compatibility_run,
     OPTIONS(
         {"-e|--existing", ADMIN_WORDS, NULL, "A file with an earlier schema; once for each, the oldest first.",
          .required = true},
         {"-s|--strategy", ADMIN_TEXT, NULL, "The strategy.", .fallback = "FULL", .choices = ADMIN_SCHEMA_STRATEGIES},
         {"-t|--type", ADMIN_TEXT, NULL, "Of files that do not say it.", .fallback = "AVRO"})},
    {"get", .text = "Shows a topic's schema.", .arguments = admin_on_topic, .run = get_run,
     OPTIONS({"-v|--version", ADMIN_NUMBER, NULL, "Of this version."},
             {"-a|--all-version", ADMIN_FLAG, NULL, "All versions."})},
    {"upload", .text = "Gives a topic a new schema.", .method = "POST", .path = BASE "/schema",
     .arguments = admin_on_topic, OPTIONS(SCHEMA_FILE)},
    {"compatibility", .text = "Shows whether a topic would take a schema.", .method = "POST",
     .path = BASE "/compatibility", .arguments = admin_on_topic, .print = ADMIN_JSON, OPTIONS(SCHEMA_FILE)},
    {"delete", .text = "Deletes a topic's schema with all its versions.", .method = "DELETE", .path = BASE "/schema",
     .arguments = admin_on_topic, OPTIONS({"-f|--force", ADMIN_FLAG, "?force", "Also what cannot be read any more."})},
    {"metadata", .text = "Shows where a schema is stored.", .method = "GET", .path = BASE "/metadata",
     .arguments = admin_on_topic, .print = ADMIN_JSON},
    {"extract", .text = "Refused: it needs Java.", .arguments = admin_on_topic, .run = extract_run, .hidden = true,
     OPTIONS({"-j|--jar", ADMIN_TEXT, NULL, "The jar."}, {"-t|--type", ADMIN_TEXT, NULL, "AVRO or JSON."},
             {"-c|--classname", ADMIN_TEXT, NULL, "The class."},
             {"-a|--always-allow-null", ADMIN_TEXT, NULL, "Fields may be null."},
             {"-n|--dry-run", ADMIN_FLAG, NULL, "Only show it."})},
    {0},
};

const struct admin_group admin_schemas = {.name = "schemas", .text = "Schemas of topics.", .commands = commands};
