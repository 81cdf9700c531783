/* SPDX-License-Identifier: Apache-2.0
 *
 * why.c - see why.h.
 */
#include "schema/why.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

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

void why_set(struct schema_why *why, const char *rule, const char *format, ...)
{
    va_list args;

    why->path[0] = '\0';
    why->version = -1;
    snprintf(why->rule, sizeof why->rule, "%s", rule);
    va_start(args, format);
    vsnprintf(why->sentence, sizeof why->sentence, format, args);
    va_end(args);
    why_clean(why->sentence);
}
