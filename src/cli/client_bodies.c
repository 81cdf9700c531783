/* SPDX-License-Identifier: Apache-2.0
 *
 * client_bodies.c - what `geminga client produce` sends.
 */
#include "cli/client_bodies.h"

#include "cli/avro_encode.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define BODY_MAX   (64u * 1024 * 1024)
#define BODIES_MAX 100000

/* Takes the body. */
static int body_add(struct bodies *b, const struct invocation *inv, struct bytes body)
{
    struct bytes *grown = b->items;

    if (b->count < BODIES_MAX && (b->count & (b->count - 1)) == 0) /* a power of two: full */
        grown = realloc(b->items, (b->count ? 2 * b->count : 1) * sizeof *grown);
    if (!grown || b->count >= BODIES_MAX) {
        free((void *)(uintptr_t)body.data);
        cli_error(inv, "too many messages at once");
        return CLI_FAILED;
    }
    b->items = grown;
    b->items[b->count++] = body;
    return CLI_OK;
}

static int messages_split(struct bodies *b, const struct invocation *inv, const char *at, const char *separator)
{
    const size_t step = strlen(separator);

    for (;;) {
        const char *end = step > 0 ? strstr(at, separator) : NULL;
        const size_t len = end ? (size_t)(end - at) : strlen(at);
        char *copy = strndup(at, len);
        int status = copy ? body_add(b, inv, bytes_of(copy, len)) : CLI_FAILED;
        if (status != CLI_OK || !end)
            return status;
        at = end + step;
    }
}

static int file_add(struct bodies *b, const struct invocation *inv, const char *path)
{
    struct bytes body;
    enum err err = cli_file_read(path, BODY_MAX, &body);

    if (err == OK)
        return body_add(b, inv, body);
    cli_error(inv, "cannot read %s: %s", path, err_text(err));
    return CLI_FAILED;
}

static int files_add(struct bodies *b, const struct invocation *inv, const char *list)
{
    char *names = strdup(list), *rest = names, *path;
    int status = names ? CLI_OK : CLI_FAILED;

    while (status == CLI_OK && (path = strsep(&rest, ",")))
        status = file_add(b, inv, path);
    free(names);
    return status;
}

/* ---- schemas ---- */

/* True: it is "json:" or "avro:" and a definition. */
static bool has_definition(const struct bodies_config *c, const char *kind, const char **definition)
{
    const size_t len = strlen(kind);

    if (strncmp(c->schema, kind, len) != 0 || c->schema[len] != ':')
        return false;
    *definition = c->schema + len + 1;
    return true;
}

static int schema_choose(struct bodies *b, const struct invocation *inv, const struct bodies_config *c)
{
    if (strcmp(c->schema, "bytes") == 0)
        return CLI_OK;
    if (strcmp(c->schema, "string") == 0) {
        b->schema_type = pulsar_String;
        b->definition = "";
        return CLI_OK;
    }
    b->schema_type = strncmp(c->schema, "avro", 4) == 0 ? pulsar_Avro : pulsar_Json;
    if (has_definition(c, "json", &b->definition) || has_definition(c, "avro", &b->definition))
        return CLI_OK;
    return cli_usage_error(inv, "--value-schema expects bytes, string, json:DEFINITION or avro:DEFINITION, not `%s`",
                           c->schema);
}

/* The n-th message, counted from 1, as JSON; NULL, said. */
static json_t *body_parse(const struct bodies *b, const struct invocation *inv, size_t i)
{
    json_error_t error;
    json_t *value = json_loadb((const char *)b->items[i].data, b->items[i].len,
                               JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

    if (!value)
        cli_error(inv, "message %zu is not JSON: %s", i + 1, error.text);
    return value;
}

static int body_encode(struct bodies *b, const struct invocation *inv, const struct avro_node *type, size_t i)
{
    json_t *value = body_parse(b, inv, i);
    char why[300] = "no memory";
    struct text out;

    if (!value)
        return CLI_FAILED;
    text_init(&out, BODY_MAX);
    enum err err = avro_encode(type, value, &out, why, sizeof why);
    json_decref(value);
    if (err != OK) {
        text_deinit(&out);
        cli_error(inv, "message %zu is not of its schema: %s", i + 1, why);
        return CLI_FAILED;
    }
    free((void *)(uintptr_t)b->items[i].data);
    const size_t len = out.len;
    b->items[i] = bytes_of(out.data ? text_take(&out) : calloc(1, 1), len); /* a record without fields is nothing */
    return CLI_OK;
}

static int bodies_encode(struct bodies *b, const struct invocation *inv)
{
    struct avro_schema *schema;
    struct schema_why why = {.sentence = "no memory"};
    int status = CLI_OK;

    if (avro_parse(&schema, bytes_of_text(b->definition), &why) != OK)
        return cli_usage_error(inv, "--value-schema: %s", why.sentence);
    for (size_t i = 0; i < b->count && status == CLI_OK; i++)
        status = body_encode(b, inv, avro_root(schema), i);
    avro_free(schema);
    return status;
}

static int bodies_check_json(const struct bodies *b, const struct invocation *inv)
{
    for (size_t i = 0; i < b->count; i++) {
        json_t *value = body_parse(b, inv, i);
        if (!value)
            return CLI_FAILED;
        json_decref(value);
    }
    return CLI_OK;
}

void bodies_schema_set(const struct bodies *b, pulsar_producer_configuration_t *conf)
{
    pulsar_string_map_t *none = b->definition ? pulsar_string_map_create() : NULL;

    if (!none)
        return;
    pulsar_producer_configuration_set_schema_info(conf, b->schema_type, "client", b->definition, none);
    pulsar_string_map_free(none);
}

/* ---- all of them ---- */

int bodies_gather(struct bodies *b, const struct invocation *inv, const struct bodies_config *c)
{
    int status = schema_choose(b, inv, c);

    if (status == CLI_OK && !c->messages && !c->files)
        status = cli_usage_error(inv, "what to send? Give --messages or --files");
    for (char **message = c->messages; status == CLI_OK && message && *message; message++)
        status = messages_split(b, inv, *message, c->separator);
    for (char **file = c->files; status == CLI_OK && file && *file; file++)
        status = files_add(b, inv, *file);
    if (status == CLI_OK && b->definition && b->schema_type == pulsar_Avro)
        status = bodies_encode(b, inv);
    if (status == CLI_OK && b->definition && b->schema_type == pulsar_Json)
        status = bodies_check_json(b, inv);
    return status;
}

void bodies_free(struct bodies *b)
{
    for (size_t i = 0; i < b->count; i++)
        free((void *)(uintptr_t)b->items[i].data);
    free(b->items);
    *b = (struct bodies){0};
}
