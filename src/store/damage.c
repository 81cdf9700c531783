/* SPDX-License-Identifier: Apache-2.0
 *
 * damage.c - see damage.h.
 */
#include "store/damage.h"

#include "base/err.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct sentence {
    char *to;
    size_t len;
};

static void add(struct sentence *s, const char *format, ...) PRINTF_LIKE(2, 3);

/* What does not fit is cut off. */
static void add(struct sentence *s, const char *format, ...)
{
    const size_t room = DAMAGE_TEXT_SIZE - s->len;
    va_list args;

    va_start(args, format);
    const int len = vsnprintf(s->to + s->len, room, format, args);
    va_end(args);
    s->len += len < 0 ? 0 : (size_t)len < room ? (size_t)len : room - 1;
}

static void add_place(struct sentence *s, const struct damage *d)
{
    if (d->first >= 0 && d->first == d->last)
        add(s, "entry %" PRId64 " of ", d->first);
    else if (d->first >= 0)
        add(s, "entries %" PRId64 " to %" PRId64 " of ", d->first, d->last);
    add(s, "ledger %" PRIu64, d->ledger);
}

static void add_topic(struct sentence *s, const struct damage *d)
{
    if (d->name.len > 0)
        add(s, "%.*s", d->name.len < 300 ? (int)d->name.len : 300, (const char *)d->name.data);
    else
        add(s, "topic %" PRIu64, d->topic);
}

void damage_text(const struct damage *d, char to[DAMAGE_TEXT_SIZE])
{
    struct sentence s = {.to = to};

    add(&s, "%s", d->file);
    if (d->offset != DAMAGE_NOWHERE)
        add(&s, ", offset %" PRIu64, d->offset);
    add(&s, ": ");
    if (d->ledger > 0)
        add_place(&s, d);
    if (d->ledger > 0 && (d->topic > 0 || d->name.len > 0))
        add(&s, " of ");
    if (d->topic > 0 || d->name.len > 0)
        add_topic(&s, d);
    if (d->ledger > 0 || d->topic > 0 || d->name.len > 0)
        add(&s, ": ");
    add(&s, "%s", d->what);
}

void damage_tell(struct damage_sink *sink, const struct damage *d)
{
    sink->count++;
    if (sink->found)
        sink->found(sink, d);
}
