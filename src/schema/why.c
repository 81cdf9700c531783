/* SPDX-License-Identifier: Apache-2.0
 *
 * why.c - see why.h.
 */
#include "schema/why.h"
#include "base/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define LEFT_OUT "..."

void why_clean(char *text)
{
    size_t len = strlen(text);

    for (size_t at = 0; at < len;) {
        size_t sequence = utf8_sequence(bytes_of(text + at, len - at));
        bool control = (unsigned char)text[at] < 0x20 || text[at] == 0x7f;

        if (sequence == 0 && len - at < 4 && (unsigned char)text[at] >= 0xc0) {
            text[at] = '\0'; /* the bound cut it */
            return;
        }
        if (sequence == 0 || control)
            text[at] = '?';
        at += sequence ? sequence : 1;
    }
}

static bool is_bracket(const char *name)
{
    return name[0] == '[' || name[0] == '{';
}

/* Written from its end, for the chain leads upwards. */
char *place_text(const struct place *at, char *to, size_t size)
{
    size_t from = size - 1, after = sizeof LEFT_OUT - 1;

    assert(size > 2 * sizeof LEFT_OUT);
    to[from] = '\0';
    for (const struct place *p = at; p; p = p->up) {
        size_t len = strlen(p->name);
        bool dot = p->up && !is_bracket(p->name);

        if (len + dot + after > from) {
            from -= after;
            memcpy(to + from, LEFT_OUT, after);
            break;
        }
        from -= len;
        memcpy(to + from, p->name, len);
        if (dot)
            to[--from] = '.';
    }
    memmove(to, to + from, size - from);
    why_clean(to);
    return to;
}

void why_set(struct schema_why *why, const struct place *at, const char *rule, const char *format, ...)
{
    va_list args;

    why->version = -1;
    place_text(at, why->path, sizeof why->path);
    snprintf(why->rule, sizeof why->rule, "%s", rule);
    va_start(args, format);
    vsnprintf(why->sentence, sizeof why->sentence, format, args);
    va_end(args);
    why_clean(why->sentence);
}
