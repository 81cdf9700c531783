/* SPDX-License-Identifier: Apache-2.0
 *
 * nearest.c - the known word that a mistyped one was probably meant to be.
 *
 * The distance counts letters added, left out, changed, or swapped with their neighbour.
 */
#include "base/options.h"

#include <ctype.h>

#define WORD_MAX 63 /* longer words are not compared */

static size_t min_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool same_letter(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][WORD_MAX + 1]; /* of the table of distances between prefixes: this one and the two before */

    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t changed = above[j - 1] + (same_letter(a[i - 1], b[j - 1]) ? 0 : 1);
            row[j] = min_of(changed, min_of(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]))
                row[j] = min_of(row[j], above2[j - 2] + 1);
        }
    }
    return rows[a_len % 3][b_len];
}

const char *nearest_word(const char *word, const char *const *words, size_t count)
{
    size_t len = strlen(word), best = len / 3 + 1; /* a third of the letters may be wrong, and one in short words */
    const char *nearest = NULL;

    if (len == 0 || len > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t other = strlen(words[i]);
        if (other > WORD_MAX)
            continue;
        size_t d = distance(word, len, words[i], other);
        if (d < best || (d == best && !nearest && d < len)) {
            best = d;
            nearest = words[i];
        }
    }
    return nearest;
}
