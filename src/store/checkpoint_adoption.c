/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint_adoption.c - which journal files a checkpoint adopts: their entries rest where they are.
 *
 * Decided anew at each attempt, by what each file holds of the entries to be moved.
 */
#include "store/checkpoint_parts.h"

#include "store/journal_file.h"
#include "store/store_private.h"

#include <stdlib.h>

#define ROOMY_FILES 4u /* free space for so many journal files */

static struct adoption *adoption_of(const struct checkpoint *c, uint32_t file)
{
    for (size_t i = c->adoption_count; i > 0; i--) { /* the latest is the likeliest */
        if (c->adoptions[i - 1].file == file)
            return &c->adoptions[i - 1];
    }
    return NULL;
}

static struct adoption *adoption_add(struct checkpoint *c, uint32_t file)
{
    if (c->adoption_count == c->adoption_capacity) {
        const size_t wanted = c->adoption_capacity ? c->adoption_capacity * 2 : 8;
        struct adoption *grown = realloc(c->adoptions, wanted * sizeof *grown);
        if (!grown)
            return NULL;
        c->adoptions = grown;
        c->adoption_capacity = wanted;
    }
    c->adoptions[c->adoption_count] = (struct adoption){.file = file};
    return &c->adoptions[c->adoption_count++];
}

static enum err count_places(struct checkpoint *c, const struct moved_ledger *m)
{
    struct adoption *a = NULL;

    for (uint32_t i = 0; i < m->count; i++) {
        const struct journal_place *p = &m->places[i];
        if (!a || a->file != p->file)
            a = adoption_of(c, p->file);
        if (!a && !(a = adoption_add(c, p->file)))
            return ERR_NOMEM;
        a->all += p->len;
        if (a->end < p->offset + p->len)
            a->end = p->offset + p->len;
        a->busy += m->busy ? p->len : 0;
    }
    return OK;
}

/* Not the last file that the journal has, when there may be no room for another one. */
static void leave_one(const struct store *s)
{
    const struct checkpoint *c = &s->checkpoint;
    const bool roomy = c->free_bytes != UINT64_MAX && c->free_bytes >= ROOMY_FILES * s->options.journal_file_bytes;
    size_t left = journal_unadopted_files(s->journal);

    for (size_t i = 0; i < c->adoption_count; i++) {
        struct adoption *a = &c->adoptions[i];
        if (!a->adopt || journal_is_adopted(s->journal, a->file))
            continue;
        a->adopt = roomy || left > 1;
        left -= left > 1 && a->adopt;
    }
}

/* Bytes of the file, as far as it is written, that would be nobody's: batch headers, what was copied.  What was adopted
 * and has died since is not counted: the topic is being trimmed, and what is written now will soon die, too. */
static uint64_t kept_for_nothing(const struct store *s, const struct adoption *a)
{
    const uint64_t file = a->file | FILE_IS_JOURNAL;
    const struct segment_use *use = segment_table_find(&s->ledgers.segments, file);
    const uint64_t living = use ? use->living : 0, ever = journal_adopted_bytes(s->journal, a->file);
    const uint64_t used = JOURNAL_HEADER_SIZE + a->busy + (living > ever ? living : ever);

    return a->end > used ? a->end - used : 0;
}

/* A file of which little else is kept: of what it brings now, and of all that there is room for in it, or compaction
 * would soon empty it. */
static bool is_worth_it(const struct store *s, const struct adoption *a)
{
    return a->busy > 0 && a->busy * 100 >= a->all * s->options.adopt_percent &&
           kept_for_nothing(s, a) <= s->options.journal_file_bytes / 3;
}

void checkpoint_choose_adoptions(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    enum err err = OK;

    c->adoption_count = 0;
    if (!s->journal)
        return; /* a recovery's: it trusts no bytes that it read back */
    for (size_t i = 0; i < c->count && err == OK; i++)
        err = count_places(c, &c->ledgers[i]);
    if (err != OK)
        c->adoption_count = 0;
    for (size_t i = 0; i < c->adoption_count; i++)
        c->adoptions[i].adopt = is_worth_it(s, &c->adoptions[i]);
    leave_one(s);
}

bool checkpoint_adopts(const struct checkpoint *c, uint32_t journal)
{
    const struct adoption *a = adoption_of(c, journal);

    return a && a->adopt;
}

uint32_t checkpoint_stays_in(const struct checkpoint *c, const struct moved_ledger *m, const struct journal_place *p)
{
    return m->busy && checkpoint_adopts(c, p->file) ? p->file : 0;
}
