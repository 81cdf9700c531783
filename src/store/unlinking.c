/* SPDX-License-Identifier: Apache-2.0
 *
 * unlinking.c - see unlinking.h.
 */
#include "store/unlinking.h"

#include "store/store_private.h"
#include "sys/disk.h"

#include <stdlib.h>

struct release { /* waits for what was changed before it to be synced */
    struct store_op durable;
    struct list node;
    struct store *store;
    struct file_numbers files;
};

static void release_free(struct release *r)
{
    list_remove(&r->node);
    free(r->files.list);
    free(r);
}

/* ---- the job ---- */

static void unlink_run(struct work *work)
{
    struct unlinking *u = container_of(work, struct unlinking, work);
    char path[SEGMENT_PATH_SIZE];

    segment_path(path, u->now.list[u->gone]);
    (void)u->disk->ops->unlink(u->disk, path); /* what stays is an orphan */
    u->err = u->hurry ? u->disk->ops->sync_dir(u->disk, SEGMENT_DIR) : OK;
}

static void unlink_start(struct store *s)
{
    struct unlinking *u = &s->unlinking;

    if (u->running)
        return;
    if (u->gone == u->now.count) {
        free(u->now.list);
        u->now = u->next;
        u->next = (struct file_numbers){0};
        u->gone = 0;
    }
    if (u->now.count == 0)
        return;
    u->hurry = u->gone + 1 == u->now.count && store_nearly_full(s);
    u->running = executor_submit(s->background, &u->work) == OK; /* a full queue: asked again with the next release */
}

static void unlink_done(struct work *work)
{
    struct unlinking *u = container_of(work, struct unlinking, work);
    struct store *s = container_of(u, struct store, unlinking);

    u->running = false;
    if (u->err != OK) {
        store_die(s, u->err, "the directory of segments could not be synced");
        return;
    }
    if (++u->gone == u->now.count)
        reader_close_files(&s->reader);
    unlink_start(s);
}

/* ---- releases ---- */

static void release_durable(struct store_op *op, enum err err)
{
    struct release *r = container_of(op, struct release, durable);
    struct store *s = r->store;
    struct unlinking *u = &s->unlinking;

    for (size_t i = 0; err == OK && i < r->files.count; i++) {
        const uint64_t number = r->files.list[i];
        if (number & FILE_IS_JOURNAL)
            journal_release(s->journal, (uint32_t)(number & ~FILE_IS_JOURNAL));
        else
            file_numbers_add(online_backup_keeps(&s->backup, number) ? &u->kept : &u->next, number);
    }
    release_free(r);
    unlink_start(s);
}

void unlinking_release(struct store *s, struct file_numbers *files)
{
    struct release *r = s->journal && files->count > 0 ? calloc(1, sizeof *r) : NULL;

    if (!r) {
        free(files->list);
    } else {
        *r = (struct release){.durable = {.done = release_durable}, .store = s, .files = *files};
        list_push_back(&s->unlinking.releases, &r->node);
        journal_sync_barrier(s->journal, &r->durable); /* a file must not be gone before the record of it is there */
    }
    *files = (struct file_numbers){0};
}

void unlinking_backup_ended(struct store *s)
{
    struct unlinking *u = &s->unlinking;

    for (size_t i = 0; i < u->kept.count; i++)
        file_numbers_add(&u->next, u->kept.list[i]);
    u->kept.count = 0;
    unlink_start(s);
}

/* ---- life ---- */

void unlinking_init(struct store *s)
{
    list_init(&s->unlinking.releases);
    s->unlinking.disk = s->sys.disk;
    s->unlinking.work = (struct work){.run = unlink_run, .done = unlink_done};
}

void unlinking_deinit(struct store *s)
{
    struct unlinking *u = &s->unlinking;

    while (!list_empty(&u->releases))
        release_free(container_of(u->releases.next, struct release, node));
    free(u->now.list);
    free(u->next.list);
    free(u->kept.list);
}
