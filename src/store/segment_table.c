/* SPDX-License-Identifier: Apache-2.0
 *
 * segment_table.c - see segment_table.h.
 */
#include "store/segment_table.h"

#include "store/journal_file.h"

#include <assert.h>
#include <stdlib.h>

void segment_table_init(struct segment_table *t, uint64_t seed)
{
    *t = (struct segment_table){0};
    map_init(&t->files, seed);
    list_init(&t->sparse);
}

static void use_free(struct segment_use *use)
{
    free(use->ledgers);
    free(use);
}

void segment_table_deinit(struct segment_table *t)
{
    struct segment_use *use;
    size_t at = 0;

    while ((use = map_next(&t->files, &at)))
        use_free(use);
    map_deinit(&t->files);
}

/* ---- what a file holds ---- */

/* What a run takes of one of its files: bytes, and up to where. */
struct share {
    uint64_t file;
    uint64_t bytes, reach;
};

static uint64_t behind(uint64_t header, uint64_t end)
{
    return end > header ? end - header : 0;
}

/* Of the segment: from the first record to the end of the run's table. */
static struct share segment_share(const struct extent *e)
{
    const uint64_t table = extent_table_size(e);

    return (struct share){.file = e->file,
                          .bytes = table + (e->journal ? 0 : e->len),
                          .reach = behind(SEGMENT_HEADER_SIZE, e->index_offset + table)};
}

/* Of the journal file: the records alone are known. */
static struct share journal_share(const struct extent *e)
{
    return (struct share){
        .file = extent_journal_file(e), .bytes = e->len, .reach = behind(JOURNAL_HEADER_SIZE, e->offset + e->len)};
}

static bool is_sparse(const struct segment_use *use)
{
    return !use->barred && segment_use_dead(use) > use->living;
}

/* Around each change of a file: the sums lose what it had, and get what it has. */
static void uncount(struct segment_table *t, struct segment_use *use)
{
    t->dead -= segment_use_dead(use);
    if (!is_sparse(use))
        return;
    t->reclaimable -= segment_use_dead(use);
    t->sparse_count--;
    list_remove(&use->sparse_node);
}

static void count(struct segment_table *t, struct segment_use *use)
{
    t->dead += segment_use_dead(use);
    if (!is_sparse(use))
        return;
    t->reclaimable += segment_use_dead(use);
    t->sparse_count++;
    list_push_back(&t->sparse, &use->sparse_node);
}

static enum err add_ledger(struct segment_use *use, uint64_t ledger)
{
    if (use->ledger_count == use->ledger_capacity) {
        const size_t wanted = use->ledger_capacity ? use->ledger_capacity * 2 : 1;
        void *grown = realloc(use->ledgers, wanted * sizeof *use->ledgers);
        if (!grown)
            return ERR_NOMEM;
        use->ledgers = grown;
        use->ledger_capacity = wanted;
    }
    use->ledgers[use->ledger_count++] = ledger;
    return OK;
}

static struct segment_use *use_new(struct segment_table *t, uint64_t file)
{
    struct segment_use *use = calloc(1, sizeof *use);

    if (!use)
        return NULL;
    use->number = file;
    list_init(&use->sparse_node);
    if (map_put_id(&t->files, file, use) == OK) {
        t->journals += (file & FILE_IS_JOURNAL) != 0;
        return use;
    }
    use_free(use);
    return NULL;
}

static void use_remove(struct segment_table *t, struct segment_use *use)
{
    map_remove_id(&t->files, use->number);
    t->journals -= (use->number & FILE_IS_JOURNAL) != 0;
    use_free(use);
}

static enum err hold(struct segment_table *t, uint64_t ledger, const struct share *share)
{
    struct segment_use *use = map_find_id(&t->files, share->file);

    if (!use && !(use = use_new(t, share->file)))
        return ERR_NOMEM;
    if (add_ledger(use, ledger) != OK) {
        if (use->runs == 0)
            use_remove(t, use);
        return ERR_NOMEM;
    }
    uncount(t, use);
    use->runs++;
    use->living += share->bytes;
    if (use->taken < share->reach)
        use->taken = share->reach;
    count(t, use);
    return OK;
}

/* True when it was the last run of the file. */
static bool release(struct segment_table *t, const struct share *share, uint64_t now_ns)
{
    struct segment_use *use = map_find_id(&t->files, share->file);

    assert(use && use->runs > 0);
    assert(use->living >= share->bytes);
    uncount(t, use);
    use->living -= share->bytes;
    use->stirred_ns = now_ns;
    if (--use->runs > 0) {
        count(t, use);
        return false;
    }
    use_remove(t, use);
    return true;
}

enum err segment_table_hold(struct segment_table *t, uint64_t ledger, const struct extent *e)
{
    const struct share segment = segment_share(e), journal = journal_share(e);
    enum err err;

    if ((err = hold(t, ledger, &segment)) != OK)
        return err;
    if (e->journal && (err = hold(t, ledger, &journal)) != OK) {
        (void)release(t, &segment, 0);
        return err;
    }
    t->bytes += e->len;
    return OK;
}

size_t segment_table_release(struct segment_table *t, const struct extent *e, uint64_t now_ns,
                             uint64_t left[EXTENT_FILES_MAX])
{
    const struct share segment = segment_share(e), journal = journal_share(e);
    size_t n = 0;

    assert(t->bytes >= e->len);
    t->bytes -= e->len;
    if (release(t, &segment, now_ns))
        left[n++] = segment.file;
    if (e->journal) {
        (void)release(t, &journal, now_ns);
        left[n++] = journal.file;
    }
    return n;
}

void segment_table_reach(struct segment_table *t, uint64_t file, uint64_t size)
{
    struct segment_use *use = map_find_id(&t->files, file);
    const uint64_t reach = behind(file & FILE_IS_JOURNAL ? JOURNAL_HEADER_SIZE : SEGMENT_HEADER_SIZE, size);

    if (!use || use->taken >= reach)
        return;
    uncount(t, use);
    use->taken = reach;
    count(t, use);
}

void segment_table_bar(struct segment_table *t, uint64_t file)
{
    struct segment_use *use = map_find_id(&t->files, file);

    if (!use)
        return;
    uncount(t, use);
    use->barred = true;
    count(t, use);
}

/* ---- asking ---- */

bool segment_table_has(const struct segment_table *t, uint64_t file)
{
    return map_find_id(&t->files, file) != NULL;
}

const struct segment_use *segment_table_find(const struct segment_table *t, uint64_t file)
{
    return map_find_id(&t->files, file);
}

bool segment_table_next(const struct segment_table *t, size_t *at, uint64_t *file)
{
    const struct segment_use *use = map_next(&t->files, at);

    if (!use)
        return false;
    *file = use->number;
    return true;
}

const struct segment_use *segment_table_sparse_next(const struct segment_table *t, const struct segment_use *after)
{
    const struct list *node = after ? after->sparse_node.next : t->sparse.next;

    return node == &t->sparse ? NULL : container_of_const(node, struct segment_use, sparse_node);
}

/* ---- check ---- */

static size_t count_sparse(const struct segment_table *t)
{
    size_t n = 0;

    list_each (node, &t->sparse) {
        assert(is_sparse(container_of(node, struct segment_use, sparse_node)));
        n++;
    }
    return n;
}

void segment_table_check(const struct segment_table *t)
{
    const struct segment_use *use;
    uint64_t dead = 0, reclaimable = 0;
    size_t at = 0, sparse = 0, journals = 0;

    while ((use = map_next(&t->files, &at))) {
        assert(use->runs > 0 && use->ledger_count >= use->runs);
        dead += segment_use_dead(use);
        journals += (use->number & FILE_IS_JOURNAL) != 0;
        if (!is_sparse(use))
            continue;
        reclaimable += segment_use_dead(use);
        sparse++;
    }
    assert(dead == t->dead);
    assert(journals == t->journals);
    assert(reclaimable == t->reclaimable);
    assert(sparse == t->sparse_count && sparse == count_sparse(t));
}

static bool names_all(const struct segment_use *use, const struct segment_use *expected)
{
    for (size_t i = 0; i < expected->ledger_count; i++) {
        bool found = false;
        for (size_t k = 0; k < use->ledger_count && !found; k++)
            found = use->ledgers[k] == expected->ledgers[i];
        if (!found)
            return false;
    }
    return true;
}

void segment_table_compare(const struct segment_table *t, const struct segment_table *expected)
{
    const struct segment_use *other;
    size_t at = 0;

    segment_table_check(t);
    assert(map_count(&t->files) == map_count(&expected->files));
    assert(t->bytes == expected->bytes);
    while ((other = map_next(&expected->files, &at))) {
        const struct segment_use *use = segment_table_find(t, other->number);
        assert(use && use->runs == other->runs && use->living == other->living);
        assert(use->taken >= other->taken);
        assert(names_all(use, other));
    }
}
