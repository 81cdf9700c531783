/* SPDX-License-Identifier: Apache-2.0
 *
 * toml_decoder.c - standard input in TOML to standard output in the tagged JSON of the public toml-test suite.
 *
 * Exit status 1 and a message for what is not TOML.  Run by tests/toml-suite.sh.
 */
#include "base/text.h"
#include "base/toml.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_MAX (1024u * 1024 + 1)

static void node_write(struct text *out, const struct toml_node *n);

static void scalar_write(struct text *out, const char *type, struct bytes value)
{
    text_printf(out, "{\"type\":\"%s\",\"value\":", type);
    text_add_json(out, value);
    text_add(out, "}");
}

static void number_write(struct text *out, double number)
{
    char value[40];

    if (isnan(number))
        snprintf(value, sizeof value, "nan");
    else
        snprintf(value, sizeof value, "%.17g", number);
    scalar_write(out, "float", bytes_of_text(value));
}

static void integer_write(struct text *out, int64_t integer)
{
    char value[24];

    snprintf(value, sizeof value, "%" PRId64, integer);
    scalar_write(out, "integer", bytes_of_text(value));
}

/* A date with an offset: Z, or a sign after the time. */
static bool has_offset(struct bytes value)
{
    for (size_t i = 11; i < value.len; i++) {
        if (strchr("Zz+-", value.data[i]))
            return true;
    }
    return false;
}

static void datetime_write(struct text *out, struct bytes value)
{
    const char *type = has_offset(value) ? "datetime" : "datetime-local";

    if (value.data[2] == ':')
        type = "time-local";
    else if (value.len == 10)
        type = "date-local";
    scalar_write(out, type, value);
}

static void children_write(struct text *out, const struct toml_node *n, bool keys)
{
    for (const struct toml_node *child = n->children; child; child = child->next) {
        if (child != n->children)
            text_add(out, ",");
        if (keys) {
            text_add_json(out, child->key);
            text_add(out, ":");
        }
        node_write(out, child);
    }
}

static void node_write(struct text *out, const struct toml_node *n)
{
    switch (n->type) {
    case TOML_TABLE:
        text_add(out, "{");
        children_write(out, n, true);
        text_add(out, "}");
        return;
    case TOML_ARRAY:
        text_add(out, "[");
        children_write(out, n, false);
        text_add(out, "]");
        return;
    case TOML_STRING:
        scalar_write(out, "string", n->value.string);
        return;
    case TOML_INTEGER:
        integer_write(out, n->value.integer);
        return;
    case TOML_FLOAT:
        number_write(out, n->value.number);
        return;
    case TOML_BOOL:
        scalar_write(out, "bool", bytes_of_text(n->value.boolean ? "true" : "false"));
        return;
    case TOML_DATETIME:
        datetime_write(out, n->value.string);
        return;
    }
}

int main(void)
{
    char *input = malloc(INPUT_MAX);
    size_t len = input ? fread(input, 1, INPUT_MAX, stdin) : 0;
    char message[200] = "";
    unsigned line;
    struct toml *toml = NULL;
    struct text out;

    enum err err = toml_parse(&toml, bytes_of(input, len), message, sizeof message, &line);
    free(input);
    if (err != OK) {
        fprintf(stderr, "line %u: %s\n", line, err == ERR_INVALID ? message : err_text(err));
        return 1;
    }
    text_init(&out, 64u * 1024 * 1024);
    node_write(&out, toml_root(toml));
    puts(text_failed(&out) ? "" : out.data);
    text_deinit(&out);
    toml_free(toml);
    return 0;
}
