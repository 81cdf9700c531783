/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_print.c - answers on the screen: as pulsar-admin prints them, as JSON, as a table.
 *
 * JSON is re-indented without being decoded, so that numbers and texts stay as the broker wrote them.
 */
#include "cli/admin_call.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX   200
#define COLUMNS_MAX 12

/* ---- indenting ---- */

/* How a library lays JSON out. */
struct layout {
    const char *colon;
    int indent;
    bool wide;   /* elements of arrays on lines of their own */
    bool spaced; /* "{ }" rather than "{}" */
};

struct indenter {
    const struct layout *layout;
    FILE *out;
    const char *p;
    char open[DEPTH_MAX]; /* the brackets we are in */
    int depth;
};

static const char *blanks_skip(const char *p)
{
    while (*p && isspace((unsigned char)*p))
        p++;
    return p;
}

/* Objects indent; arrays do not, unless the layout is wide. */
static int levels(const struct indenter *in)
{
    int count = 0;

    for (int i = 0; i < in->depth; i++)
        count += in->layout->wide || in->open[i] == '{';
    return count;
}

static void line_begin(const struct indenter *in)
{
    (void)fprintf(in->out, "\n%*s", levels(in) * in->layout->indent, "");
}

/* Where an element begins or the brackets close: on a new line, or after a blank. */
static void element_break(const struct indenter *in, char bracket)
{
    if (bracket == '{' || in->layout->wide)
        line_begin(in);
    else
        (void)fputc(' ', in->out);
}

static void string_copy(struct indenter *in)
{
    const char *begin = in->p++;

    while (*in->p && *in->p != '"')
        in->p += *in->p == '\\' && in->p[1] ? 2 : 1;
    in->p += *in->p == '"';
    (void)fwrite(begin, 1, (size_t)(in->p - begin), in->out);
}

static void brackets_open(struct indenter *in)
{
    const char bracket = *in->p;
    const char *next = blanks_skip(in->p + 1);

    (void)fputc(bracket, in->out);
    if (*next == '}' || *next == ']') {
        (void)fprintf(in->out, "%s%c", in->layout->spaced ? " " : "", *next);
        in->p = next + 1;
        return;
    }
    assert(in->depth < DEPTH_MAX);
    in->open[in->depth++] = bracket;
    element_break(in, bracket);
    in->p = next;
}

static void brackets_close(struct indenter *in)
{
    const char bracket = in->open[--in->depth];

    element_break(in, bracket);
    (void)fputc(*in->p++, in->out);
}

static void indent(const char *text, const struct layout *layout, FILE *out)
{
    struct indenter in = {.layout = layout, .out = out, .p = blanks_skip(text)};

    while (*in.p) {
        if (*in.p == '"') {
            string_copy(&in);
        } else if ((*in.p == '{' || *in.p == '[') && in.depth < DEPTH_MAX) {
            brackets_open(&in);
        } else if ((*in.p == '}' || *in.p == ']') && in.depth > 0) {
            brackets_close(&in);
        } else if (*in.p == ',') {
            (void)fputc(*in.p++, out);
            element_break(&in, in.depth > 0 ? in.open[in.depth - 1] : '[');
        } else if (*in.p == ':') {
            (void)fputs(layout->colon, out);
            in.p++;
        } else {
            (void)fputc(*in.p++, out);
        }
        in.p = blanks_skip(in.p);
    }
    (void)fputc('\n', out);
}

void admin_print_indented(const char *text, FILE *out)
{
    static const struct layout jackson = {.colon = " : ", .indent = 2, .spaced = true};

    indent(text, &jackson, out);
}

void admin_print_wide(const char *text, int width, FILE *out)
{
    const struct layout gson = {.colon = ": ", .indent = width, .wide = true};

    indent(text, &gson, out);
}

/* ---- values ---- */

static char *json_text(const json_t *json)
{
    return json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
}

void admin_print_json(const json_t *json, FILE *out)
{
    char *text = json ? json_text(json) : NULL;

    admin_print_indented(text ? text : "null", out);
    free(text);
}

void admin_print_lines(const json_t *list, FILE *out)
{
    size_t i;
    const json_t *each;

    if (!json_is_array(list)) {
        admin_print_json(list, out);
        return;
    }
    json_array_foreach(list, i, each)
    {
        if (json_is_string(each))
            (void)fprintf(out, "%s\n", json_string_value(each));
        else
            admin_print_json(each, out);
    }
}

/* As Java's toString: "[a, b]", "{k=v, l=w}", and for an object of a class, "Name(k=v, l=w)". */
static void java_print(const json_t *value, const char *class_name, FILE *out)
{
    const char *key;
    const json_t *each;
    size_t i;
    bool first = true;

    if (json_is_string(value)) {
        (void)fputs(json_string_value(value), out);
    } else if (json_is_array(value)) {
        (void)fputc('[', out);
        json_array_foreach(value, i, each)
        {
            (void)fputs(i > 0 ? ", " : "", out);
            java_print(each, NULL, out);
        }
        (void)fputc(']', out);
    } else if (json_is_object(value)) {
        (void)fprintf(out, "%s%c", class_name ? class_name : "", class_name ? '(' : '{');
        json_object_foreach((json_t *)(uintptr_t)value, key, each)
        {
            (void)fprintf(out, "%s%s=", first ? "" : ", ", key);
            java_print(each, NULL, out);
            first = false;
        }
        (void)fputc(class_name ? ')' : '}', out);
    } else {
        char *text = json_text(value);
        (void)fputs(text ? text : "null", out);
        free(text);
    }
}

void admin_print_map(const json_t *map, const char *what, FILE *out)
{
    const char *key;
    const json_t *value;

    if (!json_is_object(map)) {
        admin_print_json(map, out);
        return;
    }
    json_object_foreach((json_t *)(uintptr_t)map, key, value)
    {
        (void)fprintf(out, "%s    ", key);
        java_print(value, what, out);
        (void)fputc('\n', out);
    }
}

/* ---- tables ---- */

static void cell_print(const json_t *value, FILE *out)
{
    if (json_is_array(value) || json_is_object(value)) {
        char *text = json_text(value);
        (void)fputs(text ? text : "", out);
        free(text);
    } else if (!json_is_null(value)) {
        java_print(value, NULL, out);
    }
}

static char *cell_text(const json_t *value)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);

    if (!to)
        return NULL;
    if (value)
        cell_print(value, to);
    (void)fclose(to);
    return text;
}

static int cell_width(const json_t *value)
{
    char *text = cell_text(value);
    int width = 0;

    for (const char *p = text; p && *p; p++)
        width += ((unsigned char)*p & 0xc0) != 0x80; /* characters, not bytes */
    free(text);
    return width;
}

static void cell_put(const json_t *value, int width, bool last, FILE *out)
{
    const int pad = width - cell_width(value);
    char *text = cell_text(value);

    (void)fprintf(out, "%s%*s", text ? text : "", last ? 0 : pad + 2, "");
    free(text);
}

/* The columns are what the first row has. */
static void rows_print(const json_t *rows, FILE *out)
{
    const char *names[COLUMNS_MAX];
    int widths[COLUMNS_MAX];
    size_t columns = 0, i;
    const char *key;
    json_t *value;
    const json_t *row;

    json_object_foreach(json_array_get(rows, 0), key, value)
    {
        if (columns == COLUMNS_MAX)
            break;
        names[columns] = key;
        widths[columns++] = (int)strlen(key);
    }
    json_array_foreach(rows, i, row)
    {
        for (size_t c = 0; c < columns; c++) {
            const int width = cell_width(json_object_get(row, names[c]));
            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
    for (size_t c = 0; c < columns; c++)
        (void)fprintf(out, "%-*s", c + 1 < columns ? widths[c] + 2 : 0, names[c]);
    (void)fputc('\n', out);
    json_array_foreach(rows, i, row)
    {
        for (size_t c = 0; c < columns; c++)
            cell_put(json_object_get(row, names[c]), widths[c], c + 1 == columns, out);
        (void)fputc('\n', out);
    }
}

static void members_print(const json_t *object, FILE *out)
{
    const char *key;
    json_t *value;
    int width = 0;

    json_object_foreach((json_t *)(uintptr_t)object, key, value) width =
        (int)strlen(key) > width ? (int)strlen(key) : width;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        (void)fprintf(out, "%-*s  ", width, key);
        cell_print(value, out);
        (void)fputc('\n', out);
    }
}

void admin_print_table(const json_t *json, FILE *out)
{
    size_t i;
    const json_t *each;

    if (json_is_array(json) && json_is_object(json_array_get(json, 0))) {
        rows_print(json, out);
    } else if (json_is_array(json)) {
        json_array_foreach(json, i, each)
        {
            cell_print(each, out);
            (void)fputc('\n', out);
        }
    } else if (json_is_object(json)) {
        members_print(json, out);
    } else if (json) {
        cell_print(json, out);
        (void)fputc('\n', out);
    }
}

/* ---- answers ---- */

static void upper_print(const char *text, FILE *out)
{
    for (; *text; text++)
        (void)fputc(toupper((unsigned char)*text), out);
    (void)fputc('\n', out);
}

void admin_print_value(struct admin_call *call, const json_t *json, enum admin_print print)
{
    if (call->output == ADMIN_AS_TABLE)
        admin_print_table(json, call->out);
    else if (call->output == ADMIN_AS_JSON || print == ADMIN_JSON)
        admin_print_json(json, call->out);
    else if (print == ADMIN_LINES)
        admin_print_lines(json, call->out);
    else if (print == ADMIN_MAP)
        admin_print_map(json, call->command->what, call->out);
    else if (print == ADMIN_UPPER && json_is_string(json))
        upper_print(json_string_value(json), call->out);
    else if (print == ADMIN_STRING && json_is_string(json))
        (void)fprintf(call->out, "%s\n", json_string_value(json));
    else
        admin_print_json(json, call->out);
}

static void compact_print(const char *text, FILE *out)
{
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    char *compact = json ? json_text(json) : NULL;

    (void)fprintf(out, "%s\n", compact ? compact : text);
    free(compact);
    json_decref(json);
}

static int json_answer_print(struct admin_call *call, const char *text)
{
    const enum admin_print print = call->command->print;

    if (call->output != ADMIN_AS_TABLE && (print == ADMIN_JSON || call->output == ADMIN_AS_JSON)) {
        admin_print_indented(text, call->out);
        return 0;
    }
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    if (!json)
        return admin_fail(call, "the answer is no JSON: %.200s", text);
    if (print == ADMIN_MEMBER) {
        const json_t *member = json_object_get(json, call->command->what);
        (void)fprintf(call->out, "%s\n", json_is_string(member) ? json_string_value(member) : "null");
    } else {
        admin_print_value(call, json, print);
    }
    json_decref(json);
    return 0;
}

/* "%s" in it is the topic's full name. */
static void sentence_print(const struct admin_call *call)
{
    const char *what = call->command->what, *mark = strstr(what, "%s");
    struct admin_topic topic;
    char why[ADMIN_MESSAGE_MAX];

    if (mark && admin_topic_read(&topic, call->arguments[0], why, sizeof why) == OK)
        (void)fprintf(call->out, "%.*s%s%s\n", (int)(mark - what), what, topic.full, mark + 2);
    else
        (void)fprintf(call->out, "%s\n", what);
}

int admin_print_answer(struct admin_call *call, const struct http_answer *answer)
{
    const char *text = answer->body && *answer->body ? answer->body : NULL;

    switch (call->command->print) {
    case ADMIN_NOTHING:
        return 0;
    case ADMIN_SAY:
        sentence_print(call);
        return 0;
    case ADMIN_RAW:
        (void)fprintf(call->out, "%s\n", text ? text : call->command->what ? call->command->what : "");
        return 0;
    case ADMIN_COMPACT:
        if (call->output == ADMIN_AS_PULSAR) {
            compact_print(text ? text : "null", call->out);
            return 0;
        }
        break;
    default:
        break;
    }
    return json_answer_print(call, text ? text : "null");
}
