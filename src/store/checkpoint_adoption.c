/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint_adoption.c - which journal files a checkpoint adopts: their entries rest where they are.
 *
 * Decided anew at each attempt, by what each file holds of the entries to be moved.
 */
#include "store/checkpoint_parts.h"

#include "store/store_private.h"

#include <stdlib.h>

static struct adoption *adoption_of(struct checkpoint *c, uint32_t file)
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
        a->busy += m->busy ? p->len : 0;
    }
    return OK;
}

/* Not the last file that the journal has. */
static void leave_one(const struct journal *j, struct checkpoint *c)
{
    size_t left = journal_unadopted_files(j);

    for (size_t i = 0; i < c->adoption_count; i++) {
        struct adoption *a = &c->adoptions[i];
        if (!a->adopt || journal_is_adopted(j, a->file))
            continue;
        a->adopt = left > 1;
        left -= a->adopt;
    }
}

/* A file of which little else would be kept for nothing. Short of memory, none is adopted. */
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
    for (size_t i = 0; i < c->adoption_count; i++) {
        struct adoption *a = &c->adoptions[i];
        a->adopt = a->busy > 0 && a->busy * 100 >= a->all * s->options.adopt_percent;
    }
    leave_one(s->journal, c);
}

/* The file that an entry to be moved stays in; 0: it is copied. */
uint32_t checkpoint_stays_in(struct checkpoint *c, const struct moved_ledger *m, const struct journal_place *p)
{
    const struct adoption *a = m->busy ? adoption_of(c, p->file) : NULL;

    return a && a->adopt ? p->file : 0;
}
