/* SPDX-License-Identifier: Apache-2.0
 *
 * give_up.c - see give_up.h.
 */
#include "store/give_up.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const words[] = {
    [GIVE_UP_BATCH] = "batch",
    [GIVE_UP_JOURNAL] = "journal",
    [GIVE_UP_LEDGER] = "ledger",
    [GIVE_UP_SEGMENT] = "segment",
};

static const char index_word[] = "index"; /* there is one: it has no number */

static bool is_end(char c)
{
    return c == '\0' || c == ',';
}

/* One choice, up to the comma or the end; the length taken, 0: it is none. */
static size_t parse_one(struct give_up *to, const char *text)
{
    uint64_t first, last;

    if (strncmp(text, index_word, strlen(index_word)) == 0 && is_end(text[strlen(index_word)])) {
        *to = (struct give_up){.kind = GIVE_UP_INDEX};
        return strlen(index_word);
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        const size_t len = strlen(words[i]);
        int end = 0;
        if (strncmp(text, words[i], len) != 0 || text[len] != ':' || text[len + 1] < '0' || text[len + 1] > '9' ||
            sscanf(text + len + 1, "%" SCNu64 "%n", &first, &end) != 1)
            continue;
        size_t taken = len + 1 + (size_t)end;
        last = first;
        if (i == GIVE_UP_BATCH && text[taken] == '-' && text[taken + 1] >= '0' && text[taken + 1] <= '9' &&
            sscanf(text + taken + 1, "%" SCNu64 "%n", &last, &end) == 1)
            taken += 1 + (size_t)end;
        if (last < first || !is_end(text[taken]))
            return 0;
        *to = (struct give_up){.kind = (enum give_up_kind)i, .first = first, .last = last};
        return taken;
    }
    return 0;
}

enum err give_ups_parse(struct give_ups *to, const char *text, char *message, size_t message_size)
{
    *to = (struct give_ups){0};
    while (text && *text) {
        if (to->count == GIVE_UPS_MAX) {
            snprintf(message, message_size, "at most %u things can be given up at once", GIVE_UPS_MAX);
            return ERR_INVALID;
        }
        const size_t taken = parse_one(&to->list[to->count], text);
        if (taken == 0) {
            snprintf(
                message, message_size,
                "`%.60s` is nothing that can be given up: batch:N, batch:N-M, journal:N, ledger:N, segment:N or index",
                text);
            return ERR_INVALID;
        }
        to->count++;
        text += taken;
        text += *text == ',';
    }
    return OK;
}

bool give_ups_cover(const struct give_ups *g, enum give_up_kind kind, uint64_t first, uint64_t last)
{
    for (size_t i = 0; i < g->count; i++) {
        if (g->list[i].kind == kind && g->list[i].first <= first && g->list[i].last >= last)
            return true;
    }
    return false;
}
