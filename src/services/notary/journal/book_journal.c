/* SPDX-License-Identifier: Apache-2.0
 *
 * book_journal.c - each question to the one of the two that knows.
 */
#include "services/notary/journal/book_journal.h"

#include "base/list.h"
#include <stdio.h>
#include <string.h>

static struct book_journal *of(struct book *book)
{
    return container_of(book, struct book_journal, book);
}

static enum err append(struct book *book, json_t *records)
{
    return notary_journal_append(of(book)->journal, records);
}

static enum err find(struct book *book, const char *event_id, struct registry_result *out)
{
    return registry_find(of(book)->registry, event_id, out);
}

static enum err result_at(struct book *book, uint64_t number, struct registry_result *out)
{
    return registry_result_at(of(book)->registry, number, out);
}

static uint64_t result_count(struct book *book)
{
    return registry_result_count(of(book)->registry);
}

static uint64_t published(struct book *book)
{
    return registry_published(of(book)->registry);
}

static uint64_t log_size(struct book *book)
{
    return registry_log_size(of(book)->registry);
}

static enum err root_with(struct book *book, const struct bytes *leaves, size_t count, struct digest *out)
{
    *out = registry_root_with(of(book)->registry, leaves, count);
    return OK;
}

static enum err open_workflows(struct book *book, bool (*visit)(void *ctx, const char *event_id, const json_t *records),
                               void *ctx)
{
    return registry_open_workflows(of(book)->registry, visit, ctx);
}

static enum err unanchored(struct book *book, const char *anchor, uint64_t *indexes, size_t max, size_t *count)
{
    return registry_unanchored(of(book)->registry, anchor, indexes, max, count);
}

static enum err entry(struct book *book, uint64_t index, struct text *leaf, struct text *event_id)
{
    return registry_entry(of(book)->registry, index, leaf, event_id);
}

static const struct book_ops ops = {
    .append = append,
    .find = find,
    .result_at = result_at,
    .result_count = result_count,
    .published = published,
    .log_size = log_size,
    .root_with = root_with,
    .open_workflows = open_workflows,
    .unanchored = unanchored,
    .entry = entry,
};

void book_journal_init(struct book_journal *b, struct registry *registry)
{
    *b = (struct book_journal){.book.ops = &ops, .registry = registry};
}

/* Who has nothing yet and cannot take the first entries is a stranger. */
static void add_hint(struct book_journal *b, enum err err)
{
    size_t len = strlen(b->why);

    if (err == ERR_CORRUPT && registry_log_size(b->registry) == 0 && len < sizeof b->why)
        snprintf(b->why + len, sizeof b->why - len,
                 " (is it another log's journal? All replicas need the same key, notary.log.key_file, and "
                 "notary.log.url)");
}

enum err book_journal_apply(void *ctx, uint64_t sequence, const json_t *document, struct bytes body, const char *place)
{
    struct book_journal *b = ctx;

    enum err err;

    b->why[0] = '\0';
    err = registry_apply(b->registry, sequence, document, body, place, b->why, sizeof b->why);
    add_hint(b, err);
    return err;
}
