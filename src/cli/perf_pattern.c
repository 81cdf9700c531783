/* SPDX-License-Identifier: Apache-2.0
 *
 * perf_pattern.c - see perf_pattern.h.
 */
#include "cli/perf_pattern.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

/* What stands between % and its letter: "12", "-5.2". */
struct width {
    bool negative;
    unsigned whole, fraction;
};

#define WIDTH_MAX 1000u

static unsigned digits_read(const uint8_t **at, const uint8_t *end)
{
    unsigned n = 0;

    for (; *at < end && **at >= '0' && **at <= '9'; ++*at)
        n = n < WIDTH_MAX ? n * 10 + (unsigned)(**at - '0') : n;
    return n < WIDTH_MAX ? n : WIDTH_MAX;
}

static struct width width_read(const uint8_t **at, const uint8_t *end)
{
    struct width w = {0};

    w.negative = *at < end && **at == '-' && ++*at;
    w.whole = digits_read(at, end);
    if (*at < end && **at == '.') {
        ++*at;
        w.fraction = digits_read(at, end);
    }
    return w;
}

/* Below ten to the power of the width, of at most `max`; with a negative one every other is. */
static double number_of(const struct width *w, unsigned max, struct random *chance)
{
    double number = (double)(random_next(chance) >> 11) / (double)(UINT64_C(1) << 53);

    for (unsigned i = 0; i < w->whole && i < max; i++)
        number *= 10;
    return w->negative && random_below(chance, 2) == 1 ? -number : number;
}

/* False: it is no letter of a pattern. */
static bool random_add(struct text *out, char letter, const struct width *w, struct random *chance)
{
    switch (letter) {
    case 's':
        for (unsigned i = 0; i < w->whole; i++)
            text_add_bytes(out, bytes_of((uint8_t[]){(uint8_t)('a' + random_below(chance, 26))}, 1));
        return true;
    case 'd':
        text_printf(out, "%" PRId32, w->whole ? (int32_t)number_of(w, 9, chance) : (int32_t)random_next(chance));
        return true;
    case 'l':
        text_printf(out, "%" PRId64, w->whole ? (int64_t)number_of(w, 18, chance) : (int64_t)random_next(chance));
        return true;
    case 'f':
        text_printf(out, "%.*f", w->fraction ? (int)w->fraction : 6, number_of(w, 18, chance));
        return true;
    default:
        return false;
    }
}

void perf_pattern_format(struct text *out, struct bytes pattern, const char *producer, uint64_t number, int64_t now_ns,
                         struct random *chance)
{
    const uint8_t *at = pattern.data, *end = at + pattern.len;

    while (at < end) {
        const uint8_t *sign = memchr(at, '%', (size_t)(end - at));
        text_add_bytes(out, bytes_of(at, (size_t)((sign ? sign : end) - at)));
        if (!sign)
            return;
        at = sign + 1;
        const struct width width = width_read(&at, end);
        const char letter = at < end ? (char)*at : '\0';
        if (letter == 'p')
            text_add(out, producer);
        else if (letter == 'i')
            text_printf(out, "%" PRIu64, number);
        else if (letter == 't')
            text_printf(out, "%" PRId64, now_ns);
        else if (!random_add(out, letter, &width, chance)) {
            text_add_bytes(out, bytes_of(sign, (size_t)(at - sign)));
            continue;
        }
        at++;
    }
}
