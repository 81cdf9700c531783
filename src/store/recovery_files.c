/* SPDX-License-Identifier: Apache-2.0
 *
 * recovery_files.c - steps 4 and 6: which segments and journal files the ledgers need, and what becomes of all others.
 */
#include "store/recovery_private.h"

#include "store/damage.h"
#include "sys/disk.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

/* ---- 4: what is missing ---- */

static void segment_found(void *ctx, const char *name)
{
    struct segment_names *names = ctx;
    uint64_t number;

    if (!segment_path_parse(name, &number))
        return;
    if (names->err == OK)
        names->err = file_numbers_add(&names->found, number);
    if (number >= names->next)
        names->next = number + 1;
}

static const struct ledger *owner_of(const struct store *s, uint64_t file)
{
    const struct ledger *l;
    size_t at = 0;

    while ((l = map_next(&s->ledgers.by_id, &at))) {
        for (size_t i = 0; i < l->extent_count; i++) {
            if (l->extents[i].file == file || extent_journal_file(&l->extents[i]) == file)
                return l;
        }
    }
    return NULL;
}

static const struct journal_spare *find_journal(const struct recovery *r, uint64_t number)
{
    for (size_t i = 0; i < r->replay.file_count; i++) {
        if (r->replay.files[i].number == (number & ~FILE_IS_JOURNAL))
            return &r->replay.files[i];
    }
    return NULL;
}

static bool is_there(const struct recovery *r, const struct file_numbers *segments, uint64_t number)
{
    if (number & FILE_IS_JOURNAL)
        return find_journal(r, number) != NULL;
    return file_numbers_has(segments, number);
}

/* OK: it may be lost. */
static enum err refuse_missing(struct recovery *r, const char *path, uint64_t number, const struct ledger *l)
{
    const struct segment_use *use = segment_table_find(&r->s->ledgers.segments, number);
    const uint64_t topic = l && l->chain ? l->chain->topic : 0;
    const struct bytes name = store_topic_name(r->s, topic);
    const bool journal = number & FILE_IS_JOURNAL;

    number &= ~FILE_IS_JOURNAL;
    if (give_ups_cover(&r->give_ups, journal ? GIVE_UP_JOURNAL : GIVE_UP_SEGMENT, number, number))
        return OK;
    return recovery_refuse(r, ERR_CORRUPT,
                           "%s is missing: it holds entries of ledger %" PRIu64 " of topic %" PRIu64 " (%.*s), %" PRIu64
                           " runs of entries in all. Restore a backup; or start with --give-up %s:%" PRIu64
                           ", to go on without these entries (`geminga store inspect` lists all ledgers)",
                           path, l ? l->id : 0, topic, name.len < 200 ? (int)name.len : 200, (const char *)name.data,
                           use ? use->runs : 0, journal ? "journal" : "segment", number);
}

static enum err missing(struct recovery *r, uint64_t number)
{
    char path[SEGMENT_PATH_SIZE];
    const struct ledger *l = owner_of(r->s, number);

    entry_file_path(path, number);
    if (r->look) {
        recovery_tell_found(
            r, &(struct damage){.file = path,
                                .offset = DAMAGE_NOWHERE,
                                .ledger = l ? l->id : 0,
                                .first = -1,
                                .what = "is missing, and holds entries of this ledger and perhaps of others"});
        return OK;
    }
    return refuse_missing(r, path, number, l);
}

/* And the adopted files of the journal. */
enum err recovery_find_segments(struct recovery *r, struct segment_names *names)
{
    struct store *s = r->s;
    uint64_t number;
    size_t at = 0;
    enum err err;

    if ((err = s->sys.disk->ops->list(s->sys.disk, SEGMENT_DIR, segment_found, names)) != OK)
        return recovery_refuse(r, err, "the directory \"%s\" cannot be read: %s", SEGMENT_DIR, err_text(err));
    if (names->err != OK)
        return names->err;
    file_numbers_sort(&names->found);
    if (names->next > s->next_segment)
        s->next_segment = names->next; /* a file that is only cut off keeps its number */
    while (segment_table_next(&s->ledgers.segments, &at, &number)) {
        if (!is_there(r, &names->found, number) && (err = missing(r, number)) != OK)
            return err;
    }
    return OK;
}

/* ---- 6: what nobody owns, and where the journal goes on ---- */

void recovery_remove_orphans(struct store *s, const struct segment_names *names)
{
    char path[SEGMENT_PATH_SIZE];

    for (size_t i = 0; i < names->found.count; i++) {
        if (segment_table_has(&s->ledgers.segments, names->found.list[i]))
            continue;
        segment_path(path, names->found.list[i]);
        (void)s->sys.disk->ops->unlink(s->sys.disk, path); /* or at the next start */
    }
}

static bool is_kept(const struct journal_replay *replay, uint64_t number)
{
    for (size_t i = 0; i < replay->kept_count; i++) {
        if (replay->kept[i].number == number)
            return true;
    }
    return false;
}

/* The journal files that runs of living ledgers rest in. */
static enum err list_adopted(struct recovery *r, struct journal_start *start)
{
    struct segment_table *t = &r->s->ledgers.segments;
    uint64_t number;
    size_t at = 0;

    start->adopted = malloc((r->replay.file_count + 1) * sizeof *start->adopted);
    if (!start->adopted)
        return ERR_NOMEM;
    while (segment_table_next(t, &at, &number)) {
        if (!(number & FILE_IS_JOURNAL))
            continue;
        const struct journal_spare *file = find_journal(r, number);
        assert(file); /* find_segments saw it */
        start->adopted[start->adopted_count++] = (struct journal_adopted){
            .number = file->number, .size = file->size, .runs = (unsigned)segment_table_find(t, number)->runs};
        segment_table_reach(t, number, file->size);
    }
    return OK;
}

static bool is_spare(const struct recovery *r, uint64_t number)
{
    return !segment_table_has(&r->s->ledgers.segments, number | FILE_IS_JOURNAL) &&
           !(r->kept && is_kept(&r->replay, number));
}

enum err recovery_fill_start(struct recovery *r, struct journal_start *start)
{
    struct journal_replay *replay = &r->replay;
    enum err err;

    *start = (struct journal_start){
        .next_batch = replay->last_batch + 1,
        .next_generation = replay->next_generation,
        .next_number = replay->next_number,
        .trimmed = replay->last_batch,
    };
    if ((err = list_adopted(r, start)) != OK)
        return err;
    start->spares = replay->files;
    replay->files = NULL;
    for (size_t i = 0; i < replay->file_count; i++) {
        if (is_spare(r, start->spares[i].number))
            start->spares[start->spare_count++] = start->spares[i];
    }
    if (!r->kept)
        return OK; /* the chain begins anew behind the index */
    start->trimmed = replay->applied;
    start->previous_crc = replay->last_crc;
    start->kept = replay->kept;
    start->kept_count = replay->kept_count;
    replay->kept = NULL;
    return OK;
}

void recovery_start_deinit(struct journal_start *start)
{
    free(start->spares);
    free(start->kept);
    free(start->adopted);
    *start = (struct journal_start){0};
}
