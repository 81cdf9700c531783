/* SPDX-License-Identifier: Apache-2.0
 *
 * handle_schema.c - GET_SCHEMA and GET_OR_CREATE_SCHEMA; and schemas as PRODUCER and SUBSCRIBE bring them.
 */
#include "broker/properties.h"
#include "broker/schemas.h"
#include "session/session_private.h"

#include <stdlib.h>

/* ---- a client's schema ---- */

static size_t bytes_most(const struct server *server)
{
    const size_t least = 2 * (SCHEMAS_BYTES_MAX + PROPERTIES_BYTES_MAX), share = server->receive->limit / 32;

    return share > least ? share : least;
}

static enum err take_type(const Wire__Schema *from, struct schema_record *to, struct refusal *why)
{
    enum schema_type type;

    if (!schema_type_of_wire(&type, (int)from->type))
        return refuse(why, ERR_INVALID, ABOUT_SCHEMA, "there is no type of schema with the number %d", (int)from->type);
    to->type = type;
    return OK;
}

/* Behind the data, where there is room for PROPERTIES_BYTES_MAX. */
static enum err take_properties(const Wire__Schema *from, struct schema_record *to, uint8_t *room, struct refusal *why)
{
    to->properties = bytes_of(room, 0);
    for (size_t i = 0; i < from->n_properties; i++) {
        const struct property p = {bytes_of_text(from->properties[i]->key), bytes_of_text(from->properties[i]->value)};
        const enum err err = properties_put(&to->properties, room, p);
        if (err != OK)
            return refuse(why, err, ABOUT_SCHEMA, "properties of the schema: %s (at most %d bytes)", err_text(err),
                          PROPERTIES_BYTES_MAX);
    }
    return OK;
}

enum err client_schema_take(struct session *s, const Wire__Schema *from, struct client_schema *out, struct refusal *why)
{
    const size_t len = from ? from->schema_data.len : 0,
                 room = len + (from && from->n_properties ? PROPERTIES_BYTES_MAX : 0);
    enum err err;

    *out = (struct client_schema){.server = s->server};
    if (!from)
        return OK;
    if ((err = take_type(from, &out->record, why)) != OK)
        return err;
    if (len > SCHEMAS_BYTES_MAX)
        return refuse(why, ERR_TOO_LARGE, ABOUT_SCHEMA, "a schema of %zu bytes: %d are the most", len,
                      SCHEMAS_BYTES_MAX);
    if (s->server->schema_bytes + room > bytes_most(s->server))
        return refuse(why, ERR_AGAIN, ABOUT_BROKER, "too many schemas are being looked at");
    if (!(out->bytes = malloc(room ? room : 1)))
        return refuse(why, ERR_NOMEM, ABOUT_BROKER, "%s", err_text(ERR_NOMEM));
    out->len = room;
    s->server->schema_bytes += room;
    if (len)
        memcpy(out->bytes, from->schema_data.data, len);
    out->record.data = bytes_of(out->bytes, len);
    if ((err = take_properties(from, &out->record, out->bytes + len, why)) != OK)
        client_schema_drop(out);
    return err;
}

const struct schema_record *client_schema_record(const struct client_schema *c)
{
    return c->bytes ? &c->record : NULL;
}

void client_schema_drop(struct client_schema *c)
{
    if (c->server)
        c->server->schema_bytes -= c->len;
    free(c->bytes);
    *c = (struct client_schema){.server = NULL};
}

/* ---- GET_SCHEMA ---- */

struct schema_request {
    struct schema_op op;
    struct request request;
};

static void send_no_schema(struct session *s, uint64_t request, const struct refusal *why)
{
    Wire__CommandGetSchemaResponse response = WIRE__COMMAND_GET_SCHEMA_RESPONSE__INIT;

    response.request_id = request;
    response.has_error_code = true;
    response.error_code = server_error(why->err, why->about);
    response.error_message = wire_text(why->text);
    session_send(s, WIRE__BASE_COMMAND__TYPE__GET_SCHEMA_RESPONSE, &response);
}

#define RESPONSE_ARENA_MAX (1024 * 1024) /* properties as the wire has them: some dozens of bytes for each more */

static bool fill_properties(struct arena *a, struct bytes encoded, Wire__Schema *to)
{
    const size_t count = encoded.len ? le16_get(encoded.data) : 0;
    struct property p;

    to->properties = arena_alloc(a, (count + 1) * sizeof *to->properties);
    for (size_t at = 0; to->properties && to->n_properties < count && properties_next(encoded, &at, &p);) {
        Wire__KeyValue *pair = arena_alloc(a, sizeof *pair);
        if (!pair)
            return false;
        wire__key_value__init(pair);
        pair->key = arena_text_of(a, p.key);
        pair->value = arena_text_of(a, p.value);
        if (!pair->key || !pair->value)
            return false;
        to->properties[to->n_properties++] = pair;
    }
    return to->properties != NULL;
}

/* "t/n/x", without the partition. */
static char *name_of(struct arena *a, const struct topic_name *topic)
{
    const struct bytes base = topic_name_base(topic);

    return arena_text_of(a, bytes_of(base.data + topic->tenant_at, base.len - topic->tenant_at));
}

static void send_schema(struct session *s, uint64_t request, const struct topic_name *topic,
                        const struct schema_row *row)
{
    Wire__CommandGetSchemaResponse response = WIRE__COMMAND_GET_SCHEMA_RESPONSE__INIT;
    const struct schema_choice choice = {row->id, row->version};
    Wire__Schema schema = WIRE__SCHEMA__INIT;
    uint8_t version[SCHEMA_VERSION_BYTES];
    struct arena arena;

    arena_init(&arena, RESPONSE_ARENA_MAX);
    response.request_id = request;
    response.schema = &schema;
    response.has_schema_version = true;
    response.schema_version = wire_binary(schema_choice_encode(&choice, version));
    schema.type = row->record.type > 0 ? (Wire__Schema__Type)row->record.type : WIRE__SCHEMA__TYPE__None;
    schema.schema_data = wire_binary(row->record.data);
    schema.name = name_of(&arena, topic);
    if (schema.name && fill_properties(&arena, row->record.properties, &schema))
        session_send(s, WIRE__BASE_COMMAND__TYPE__GET_SCHEMA_RESPONSE, &response);
    else
        session_close(s, "no memory for a schema");
    arena_deinit(&arena);
}

static void schema_got(struct broker_op *op)
{
    struct schema_request *r = container_of(op, struct schema_request, op.op);
    struct session *s = r->request.session;

    if (op->why.err == OK)
        send_schema(s, r->request.id, &r->op.topic, &r->op.row);
    else
        send_no_schema(s, r->request.id, &op->why);
    request_free(&r->request);
}

/* -1: the newest.  Longer ones end in zeros, from clients of long ago. */
static enum err version_asked(const Wire__CommandGetSchema *ask, int64_t *version, struct refusal *why)
{
    const ProtobufCBinaryData *bytes = &ask->schema_version;

    *version = -1;
    if (!ask->has_schema_version)
        return OK;
    if (bytes->len < SCHEMA_VERSION_BYTES)
        return refuse(why, ERR_INVALID, ABOUT_SCHEMA, "a schema version of %zu bytes: it has %d", bytes->len,
                      SCHEMA_VERSION_BYTES);
    const uint64_t number = be64_get(bytes->data);
    *version = number > INT64_MAX ? INT64_MAX : (int64_t)number;
    return OK;
}

void handle_get_schema(struct session *s, const struct incoming *in)
{
    const Wire__CommandGetSchema *ask = in->body->get_schema;
    struct schema_request *r;
    struct topic_name name;
    const struct target on = {.topic = &name};
    struct refusal why;
    int64_t version;

    if (topic_name_parse(&name, bytes_of_text(ask->topic)) != OK) {
        (void)refuse(&why, ERR_INVALID, ABOUT_TOPIC, "not a topic's name");
        send_no_schema(s, ask->request_id, &why);
        return;
    }
    if (session_may(s, in->type, &on, &why) != OK || version_asked(ask, &version, &why) != OK) {
        send_no_schema(s, ask->request_id, &why);
        return;
    }
    if (!(r = request_new(s, sizeof *r, offsetof(struct schema_request, request), ask->request_id, 0)))
        return;
    r->op.op.done = schema_got;
    r->op.topic = name;
    r->op.version = version;
    schema_get(s->broker, &r->op);
}

/* ---- GET_OR_CREATE_SCHEMA ---- */

static void send_obtained(struct session *s, uint64_t request, const struct schema_choice *choice,
                          const struct refusal *why)
{
    Wire__CommandGetOrCreateSchemaResponse response = WIRE__COMMAND_GET_OR_CREATE_SCHEMA_RESPONSE__INIT;
    uint8_t version[SCHEMA_VERSION_BYTES];

    response.request_id = request;
    if (why->err == OK) {
        response.has_schema_version = true; /* of no bytes, where there is no schema */
        response.schema_version = wire_binary(schema_choice_encode(choice, version));
    } else {
        response.has_error_code = true;
        response.error_code = server_error(why->err, why->about);
        response.error_message = wire_text(why->text);
    }
    session_send(s, WIRE__BASE_COMMAND__TYPE__GET_OR_CREATE_SCHEMA_RESPONSE, &response);
}

static void schema_obtained(struct broker_op *op)
{
    struct schema_request *r = container_of(op, struct schema_request, op.op);

    send_obtained(r->request.session, r->request.id, &r->op.choice, &op->why);
    request_free(&r->request);
}

void handle_get_or_create_schema(struct session *s, const struct incoming *in)
{
    const Wire__CommandGetOrCreateSchema *ask = in->body->get_or_create_schema;
    const bool none = ask->schema->type == WIRE__SCHEMA__TYPE__None;
    struct client_schema schema;
    struct schema_request *r;
    struct topic_name name;
    const struct target on = {.topic = &name};
    struct refusal why;

    if (topic_name_parse(&name, bytes_of_text(ask->topic)) != OK)
        (void)refuse(&why, ERR_INVALID, ABOUT_TOPIC, "not a topic's name");
    else if ((why.err = session_may(s, in->type, &on, &why)) == OK)
        why.err = client_schema_take(s, none ? NULL : ask->schema, &schema, &why);
    if (why.err != OK) {
        send_obtained(s, ask->request_id, NULL, &why);
        return;
    }
    if (!(r = request_new(s, sizeof *r, offsetof(struct schema_request, request), ask->request_id, 0))) {
        client_schema_drop(&schema);
        return;
    }
    r->request.schema = schema;
    r->op.op.done = schema_obtained;
    r->op.topic = name;
    r->op.given = client_schema_record(&r->request.schema);
    schema_obtain(s->broker, &r->op);
}
