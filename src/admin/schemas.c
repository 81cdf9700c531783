/* SPDX-License-Identifier: Apache-2.0
 *
 * schemas.c - schemas of topics: read, added, judged, deleted.
 *
 * Here a schema is JSON, {"type":"AVRO","schema":"...","properties":{}}; that of keys and values is two in one
 * (schema/key_value.h).
 */
#include "broker/schemas.h"
#include "admin/core.h"
#include "admin/handlers.h"
#include "admin/properties_json.h"
#include "schema/key_value.h"

#include <jansson.h>
#include <stdlib.h>

#define KEY_VALUE_TEXT_MAX (4 * SCHEMA_BYTES_MAX) /* two schemas, written as JSON */

/* ---- keys and values ---- */

/* For free; NULL: the memory, or the bytes, are not fit for it. */
static char *key_value_text(struct bytes data)
{
    struct text out;

    text_init(&out, KEY_VALUE_TEXT_MAX);
    if (key_value_to_json(data, &out) == OK && !text_failed(&out))
        return text_take(&out);
    text_deinit(&out);
    return NULL;
}

/* What is stored, in the arena; false: the call is finished. */
static bool key_value_read(struct call *call, const char *text, struct bytes *out)
{
    struct schema_why why;
    uint8_t *data = NULL, *kept;
    size_t len = 0;

    if (key_value_from_json(bytes_of_text(text), &data, &len, &why) != OK) {
        call_reason(call, 422, "the schema of keys and values is not a JSON object with a \"key\" and a \"value\"");
        return false;
    }
    kept = call_alloc(call, len);
    if (kept) {
        memcpy(kept, data, len);
        *out = bytes_of(kept, len);
    }
    free(data);
    return kept != NULL;
}

/* ---- a request's schema ---- */

static bool wrong(struct call *call, const char *what)
{
    call_reason(call, 422, "%s", what);
    return false;
}

static bool read_data(struct call *call, const json_t *text, struct schema_record *out)
{
    if (!json_is_string(text))
        return wrong(call, "the member \"schema\" is missing: the schema as a text");
    if (out->type == SCHEMA_KEY_VALUE)
        return key_value_read(call, json_string_value(text), &out->data);
    const size_t len = json_string_length(text);
    uint8_t *copy = call_alloc(call, len + 1);
    if (!copy)
        return false;
    memcpy(copy, json_string_value(text), len);
    out->data = bytes_of(copy, len);
    return true;
}

static bool read_properties(struct call *call, const json_t *object, struct schema_record *out)
{
    uint8_t *to = call_alloc(call, PROPERTIES_BYTES_MAX);
    char reason[200];

    if (!to)
        return false;
    out->properties = bytes_of(to, 0);
    return properties_read(object, &out->properties, to, reason, sizeof reason) == OK || wrong(call, reason);
}

static bool read_type(struct call *call, const json_t *name, struct schema_record *out)
{
    enum schema_type type;

    if (!json_is_string(name))
        return wrong(call, "the member \"type\" is missing: AVRO, JSON, STRING...");
    if (!schema_type_of_name(&type, bytes_of_text(json_string_value(name)))) {
        call_reason(call, 422, "there is no type of schema called %.100s", json_string_value(name));
        return false;
    }
    out->type = type == SCHEMA_BYTES ? SCHEMA_NONE : type;
    return true;
}

/* In the arena; NULL: the call is finished. */
static const struct schema_record *schema_read(struct call *call)
{
    const struct bytes body = call->request.body;
    struct schema_record *record = call_alloc(call, sizeof *record);
    json_t *root = record ? json_loadb((const char *)body.data, body.len, 0, NULL) : NULL;
    bool good = false;

    if (record && !json_is_object(root))
        (void)wrong(call, "the body is not a JSON object");
    else if (record)
        good = read_type(call, json_object_get(root, "type"), record) &&
               read_data(call, json_object_get(root, "schema"), record) &&
               read_properties(call, json_object_get(root, "properties"), record);
    json_decref(root);
    return good ? record : NULL;
}

/* ---- reading ---- */

static bool write_schema(void *ctx, const struct schema_row *row)
{
    char *text = row->record.type == SCHEMA_KEY_VALUE ? key_value_text(row->record.data) : NULL;
    struct json *j = ctx;

    json_object_begin(j, NULL);
    json_int(j, "version", row->version);
    json_text(j, "type", schema_type_name((enum schema_type)row->record.type));
    json_int(j, "timestamp", row->record.created_ms);
    json_bytes(j, "data", text ? bytes_of_text(text) : row->record.data);
    properties_write(j, "properties", row->record.properties);
    json_object_end(j);
    free(text);
    return true;
}

struct schema_call {
    struct schema_op op;
    struct call *call;
};

/* NULL: the call is finished. */
static struct schema_call *schema_call_new(struct call *call, void (*done)(struct broker_op *op))
{
    struct schema_call *c = call_alloc(call, sizeof *c);

    if (!c || !call_persistent_topic(call, 0, &c->op.topic))
        return NULL;
    c->op.op.done = done;
    c->op.version = -1;
    c->call = call;
    return c;
}

static struct schema_call *call_of(struct broker_op *op)
{
    return container_of(op, struct schema_call, op.op);
}

static void got_one(struct broker_op *op)
{
    struct schema_call *c = call_of(op);
    struct json j = json_to(&c->call->answer.body);

    if (op->why.err == ERR_NOT_FOUND) {
        call_reason(c->call, 404, "Schema not found");
        return;
    }
    if (op->why.err != OK) {
        call_refused(c->call, &op->why);
        return;
    }
    (void)write_schema(&j, &c->op.row);
    call_json(c->call);
}

void schema_get_newest(struct call *call)
{
    struct schema_call *c = schema_call_new(call, got_one);

    if (c)
        schema_get(call->core->broker, &c->op);
}

void schema_get_version(struct call *call)
{
    struct schema_call *c = schema_call_new(call, got_one);
    uint64_t version;

    if (!c || !call_number(call, 3, &version))
        return;
    c->op.version = (int64_t)version;
    schema_get(call->core->broker, &c->op);
}

/* The newest is durable, and so are all before it; or there is none. */
static bool all_known(struct schema_call *c)
{
    const struct refusal *why = &c->op.op.why;

    if (why->err == OK || why->err == ERR_NOT_FOUND)
        return true;
    call_refused(c->call, why);
    return false;
}

static void got_all(struct broker_op *op)
{
    struct schema_call *c = call_of(op);
    struct json j = json_to(&c->call->answer.body);

    if (!all_known(c))
        return;
    json_object_begin(&j, NULL);
    json_array_begin(&j, "getSchemaResponses");
    schemas_each(op->broker, &c->op.topic, write_schema, &j);
    json_array_end(&j);
    json_object_end(&j);
    call_json(c->call);
}

void schema_get_all(struct call *call)
{
    struct schema_call *c = schema_call_new(call, got_all);

    if (c)
        schema_get(call->core->broker, &c->op);
}

/* Where Pulsar has a ledger for each version, here it is a row. */
static void write_place(struct json *j, const char *key, const struct schema_row *row)
{
    json_object_begin(j, key);
    json_uint(j, "ledgerId", row->id);
    json_uint(j, "entryId", 0);
    json_int(j, "version", row->version);
    json_object_end(j);
}

static bool write_index(void *ctx, const struct schema_row *row)
{
    write_place(ctx, NULL, row);
    return true;
}

static bool keep_last(void *ctx, const struct schema_row *row)
{
    *(struct schema_row *)ctx = *row;
    return true;
}

static void got_metadata(struct broker_op *op)
{
    struct schema_call *c = call_of(op);
    struct json j = json_to(&c->call->answer.body);
    struct schema_row last = {.id = 0};

    if (!all_known(c))
        return;
    schemas_each_row(op->broker, &c->op.topic, keep_last, &last);
    if (!last.id) {
        call_no_content(c->call);
        return;
    }
    json_object_begin(&j, NULL);
    write_place(&j, "info", &last);
    json_array_begin(&j, "index");
    schemas_each_row(op->broker, &c->op.topic, write_index, &j);
    json_array_end(&j);
    json_object_end(&j);
    call_json(c->call);
}

void schema_metadata_get(struct call *call)
{
    struct schema_call *c = schema_call_new(call, got_metadata);

    if (c)
        schema_get(call->core->broker, &c->op);
}

/* ---- adding ---- */

static void added(struct broker_op *op)
{
    struct schema_call *c = call_of(op);
    struct json j = json_to(&c->call->answer.body);

    if (op->why.err != OK) {
        call_refused(c->call, &op->why);
        return;
    }
    json_object_begin(&j, NULL);
    json_object_begin(&j, "version");
    json_int(&j, "version", c->op.choice.version);
    json_object_end(&j);
    json_object_end(&j);
    call_json(c->call);
}

void schema_post(struct call *call)
{
    struct schema_call *c = schema_call_new(call, added);

    if (c && (c->op.given = schema_read(call)))
        schema_add(call->core->broker, &c->op);
}

/* ---- judging ---- */

void schema_compatibility_post(struct call *call)
{
    struct topic_name *topic = call_alloc(call, sizeof *topic);
    struct json j = json_to(&call->answer.body);
    struct broker *b = call->core->broker;
    const struct schema_record *given;
    struct refusal why;

    if (!topic || !call_persistent_topic(call, 0, topic) || !(given = schema_read(call)))
        return;
    if (schemas_judge(b, topic, given, &why) != OK) {
        call_refused(call, &why);
        return;
    }
    json_object_begin(&j, NULL);
    json_text(&j, "schemaCompatibilityStrategy", schema_strategy_name(schemas_strategy(b, topic)));
    json_bool(&j, "compatibility", true);
    json_object_end(&j);
    call_json_status(call, 202);
}

static void found(struct broker_op *op)
{
    struct schema_call *c = container_of(op, struct schema_call, op.op);
    struct json j = json_to(&c->call->answer.body);

    if (op->why.err != OK) {
        call_refused(c->call, &op->why);
        return;
    }
    json_object_begin(&j, NULL);
    json_int(&j, "version", c->op.choice.version);
    json_object_end(&j);
    call_json(c->call);
}

void schema_version_post(struct call *call)
{
    struct schema_call *c = schema_call_new(call, found);

    if (c && (c->op.given = schema_read(call)))
        schema_exact(call->core->broker, &c->op);
}

/* ---- deleting ---- */

static void deleted(struct broker_op *op)
{
    struct schema_call *c = call_of(op);
    struct json j = json_to(&c->call->answer.body);

    if (op->why.err != OK) {
        call_refused(c->call, &op->why);
        return;
    }
    json_object_begin(&j, NULL);
    json_int(&j, "version", c->op.version);
    json_object_end(&j);
    call_json(c->call);
}

void schema_delete_all(struct call *call)
{
    struct schema_call *c = schema_call_new(call, deleted);

    if (!c)
        return;
    c->op.force = call_query_true(call, "force");
    schema_delete(call->core->broker, &c->op);
}
