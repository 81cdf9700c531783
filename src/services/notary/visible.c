/* SPDX-License-Identifier: Apache-2.0
 *
 * visible.c - see visible.h.
 */
#include "services/notary/visible.h"

#define GROWTH 6 /* a character's bytes become at most so many times as many: \u202e of three, \x1b of one */

/* Of a well-formed sequence of up to three bytes; longer ones are none that is looked for. */
static uint32_t code_point(struct bytes c)
{
    switch (c.len) {
    case 1:
        return c.data[0];
    case 2:
        return (uint32_t)(c.data[0] & 0x1f) << 6 | (c.data[1] & 0x3f);
    case 3:
        return (uint32_t)(c.data[0] & 0x0f) << 12 | (uint32_t)(c.data[1] & 0x3f) << 6 | (c.data[2] & 0x3f);
    default:
        return UINT32_MAX;
    }
}

/* Acts instead of being seen: C0, DEL, C1, marks and overrides of direction, ends of lines and paragraphs. */
static bool acts(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || (c >= 0x200e && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* Bytes at the start that are shown as they are. */
static size_t plain_run(struct bytes text)
{
    size_t len = 0, step;

    while (len < text.len && (step = utf8_sequence(bytes_of(text.data + len, text.len - len))) > 0 &&
           !acts(code_point(bytes_of(text.data + len, step))))
        len += step;
    return len;
}

static size_t add_named(struct text *out, struct bytes text)
{
    const size_t len = utf8_sequence(text);

    if (len > 1)
        text_printf(out, "\\u%04x", (unsigned)code_point(bytes_of(text.data, len)));
    else
        text_printf(out, "\\x%02x", (unsigned)*text.data);
    return len ? len : 1;
}

void visible_add(struct text *out, struct bytes text)
{
    while (text.len > 0) {
        size_t len = plain_run(text);
        if (len > 0)
            text_add_bytes(out, bytes_of(text.data, len));
        else
            len = add_named(out, text);
        text = bytes_of(text.data + len, text.len - len);
    }
}

static bool visible_string(json_t *json)
{
    const struct bytes from = bytes_of(json_string_value(json), json_string_length(json));
    struct text to;
    bool done;

    text_init(&to, GROWTH * from.len + 1);
    visible_add(&to, from);
    done = !text_failed(&to) && json_string_setn(json, to.data ? to.data : "", to.len) == 0;
    text_deinit(&to);
    return done;
}

bool visible_json(json_t *json)
{
    const char *name;
    json_t *part;
    size_t i;
    bool done = true;

    if (json_is_string(json))
        return visible_string(json);
    if (json_is_array(json)) {
        json_array_foreach(json, i, part) done = done && visible_json(part);
    } else if (json_is_object(json)) {
        json_object_foreach(json, name, part) done = done && visible_json(part);
    }
    return done;
}
