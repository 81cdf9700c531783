/* SPDX-License-Identifier: Apache-2.0
 *
 * harm.c - see harm.h.
 */
#include "harm.h"

#include "store/backup.h"
#include "store/damage.h"
#include "store/inspect.h"
#include "store/store_private.h"
#include "store/verify.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char give_up[64]; /* the option's text; each operation of the sweep has one at most */

static struct model_append *first_of(struct model *m, unsigned topic)
{
    struct model_append *a = m->appends;

    while (a->topic != topic)
        a = a->next;
    return a;
}

static void flip(struct model *m, const char *path, uint64_t offset)
{
    const bool flipped = sim_disk_flip(m->disk, path, offset * 8 + 5);
    assert(flipped);
}

static void opens(struct model *m)
{
    const enum err err = model_open(m);
    assert(err == OK);
}

static void closes(struct model *m)
{
    const bool closed = model_close(m);
    assert(closed);
}

/* The extent of the entry, in a segment. */
static struct extent extent_of(struct model *m, const struct model_append *a)
{
    const struct ledger *l = ledgers_find(&m->store->ledgers, (uint64_t)a->position.ledger);
    const struct extent *e = ledger_find_extent(l, (uint32_t)a->position.entry);

    assert(e && !e->journal && e->first == a->position.entry);
    return *e;
}

void harm_segment(struct model *m)
{
    struct model_append *a = first_of(m, 1);
    char path[SEGMENT_PATH_SIZE];

    opens(m);
    const struct extent e = extent_of(m, a);
    closes(m);
    segment_path(path, e.file);
    flip(m, path, e.offset + ENTRY_HEADER_SIZE + 9);
    a->given_up = true;
    snprintf(give_up, sizeof give_up, "ledger:%" PRId64, a->position.ledger);
    m->options.give_up = give_up;
}

static bool lies_in(struct model *m, const struct model_append *a, uint64_t file)
{
    const struct ledger *l = ledgers_find(&m->store->ledgers, (uint64_t)a->position.ledger);
    const struct extent *e = l ? ledger_find_extent(l, (uint32_t)a->position.entry) : NULL;

    return e && e->file == file;
}

void harm_by_loss_of_a_segment(struct model *m)
{
    struct disk *disk = sim_disk_get(m->disk);
    char path[SEGMENT_PATH_SIZE];

    opens(m);
    const struct extent e = extent_of(m, first_of(m, 1));
    for (struct model_append *a = m->appends; a; a = a->next)
        a->given_up = lies_in(m, a, e.file);
    closes(m);
    segment_path(path, e.file);
    enum err err = disk->ops->unlink(disk, path);
    assert(err == OK);
    err = disk->ops->sync_dir(disk, SEGMENT_DIR);
    assert(err == OK);
    snprintf(give_up, sizeof give_up, "segment:%" PRIu64, e.file);
    m->options.give_up = give_up;
}

/* "... or start with --give-up batch:17, to go on ..." */
static void take_advice(struct model *m)
{
    const char *advice = strstr(m->message, "--give-up ");

    assert(advice);
    advice += strlen("--give-up ");
    snprintf(give_up, sizeof give_up, "%.*s", (int)strcspn(advice, ", "), advice);
    m->options.give_up = give_up;
}

void harm_journal(struct model *m)
{
    struct model_append *a = m->appends;
    char path[JOURNAL_PATH_SIZE];

    while (a && (a->topic != 0 || a->position.entry == 0 || a->life != m->life))
        a = a->next;
    assert(a);
    const struct ledger *l = ledgers_find(&m->store->ledgers, (uint64_t)a->position.ledger);
    assert(l->moved == 0 && a->position.entry + 1 < (int64_t)l->synced);
    const struct journal_place place = l->places[a->position.entry];
    model_crash(m, MODEL_KILL);
    journal_path(path, place.file);
    flip(m, path, place.offset + ENTRY_HEADER_SIZE + 9);
    a->given_up = true;
    const enum err err = model_open(m);
    assert(err == ERR_CORRUPT);
    take_advice(m);
    model_crash(m, MODEL_KILL);
}

void harm_index(struct model *m)
{
    struct disk *disk = sim_disk_get(m->disk);
    char what[INDEX_COPY_TEXT];
    uint64_t offset = 4096;

    for (flip(m, CATALOG_PATH, offset); index_check(disk, CATALOG_PATH, what, sizeof what) == OK; offset += 8) {
        flip(m, CATALOG_PATH, offset);
        flip(m, CATALOG_PATH, offset + 8);
    }
    const enum err err = model_open(m);
    assert(err == ERR_CORRUPT);
    take_advice(m);
    model_crash(m, MODEL_KILL);
}

bool harm_index_kept(const struct model *m)
{
    struct file *f = NULL;
    const enum err err = disk_open(sim_disk_get(m->disk), CATALOG_KEPT_PATH, DISK_READ, &f);

    file_close(f);
    return err == OK;
}

/* ---- a backup ---- */

static struct { /* beside the model, and without faults; it lives until the next one */
    struct random random;
    struct sim_disk *disk;
} target;

static enum err target_open(void *ctx, const char *path, struct disk **out)
{
    (void)ctx;
    (void)path;
    *out = sim_disk_get(target.disk);
    return OK;
}

static void target_close(struct disk *disk)
{
    (void)disk;
}

void harm_ask_for_backup(struct model *m)
{
    const struct bytes text = bytes_of_text("/backup");
    struct sys sys = *sim_host_sys(m->host);
    struct file *f = NULL;

    if (target.disk)
        sim_disk_free(target.disk);
    random_init(&target.random, 1);
    target.disk = sim_disk_new(&target.random);
    sys.disk = sim_disk_get(target.disk);
    m->hooks->host(&sys);
    m->options.directory_open = target_open;
    m->options.directory_close = target_close;

    enum err err = disk_open(sim_disk_get(m->disk), "backup-to", DISK_WRITE | DISK_CREATE, &f);
    assert(err == OK);
    err = file_write(f, 0, &text, 1);
    assert(err == OK);
    err = file_sync(f);
    assert(err == OK);
    file_close(f);
}

void harm_start_backup(struct model *m)
{
    m->hooks->cross(true);
    const enum err err = store_backup_start(m->store);
    m->hooks->cross(false);
    assert(err == OK || m->memory_may_fail);
}

bool harm_backup_done(const struct model *m)
{
    const struct store_backup_status *status = store_backup_status(m->store);

    if (getenv("STORE_LOG"))
        fprintf(stderr, "backup: %s\n", status->failure);
    return !status->running && status->failure[0] == '\0';
}

void harm_check_backup(void)
{
    struct sim_disk *fresh = sim_disk_new(&target.random);
    struct backup_report report;
    char message[BACKUP_TEXT_MAX];

    sim_disk_crash(target.disk);
    sim_disk_restart(target.disk);
    const enum err err = backup_restore(sim_disk_get(target.disk), sim_disk_get(fresh), INT64_C(4102444800000), &report,
                                        message, sizeof message);
    if (err != OK)
        fprintf(stderr, "the backup: %s\n", message);
    assert(err == OK && report.files > 0);
    sim_disk_free(fresh);
}

/* ---- the tools ---- */

static void found(struct damage_sink *sink, const struct damage *d)
{
    char text[DAMAGE_TEXT_SIZE];

    (void)sink;
    damage_text(d, text);
    if (getenv("STORE_LOG"))
        fprintf(stderr, "found: %s\n", text);
}

static void line(struct inspect_out *out, const char *text)
{
    (void)out;
    (void)text;
}

/* What cannot be looked at for want of memory is not damaged. */
static void judge(const struct model *m, enum err err, const struct damage_sink *sink)
{
    if (m->reads_may_fail || sim_disk_crashed(m->disk))
        return;
    assert(sink->count == 0);
    assert(err == OK || m->writes_may_fail || m->memory_may_fail);
}

void harm_verify(struct model *m)
{
    struct damage_sink sink = {.found = found};
    struct verify_report report;

    m->hooks->cross(true);
    const enum err err =
        store_verify(&m->options, sim_host_sys(m->host), &sink, &report, m->message, sizeof m->message);
    m->hooks->cross(false);
    judge(m, err, &sink);
    assert(err != OK || m->reads_may_fail || sim_disk_crashed(m->disk) || report.entries > 0);
}

void harm_inspect(struct model *m)
{
    struct damage_sink sink = {.found = found};
    struct inspect_out out = {.line = line};

    m->hooks->cross(true);
    const enum err err = store_inspect(&m->options, sim_host_sys(m->host), &out, &sink, m->message, sizeof m->message);
    m->hooks->cross(false);
    judge(m, err, &sink);
}

void harm_export(struct model *m)
{
    struct damage_sink sink = {.found = found};
    struct inspect_out out = {.line = line};
    const struct export_request request = {.to = {INT64_MAX, INT64_MAX}};
    struct export_report report;

    m->hooks->cross(true);
    const enum err err =
        store_export(&m->options, sim_host_sys(m->host), &request, &out, &sink, &report, m->message, sizeof m->message);
    m->hooks->cross(false);
    judge(m, err, &sink);
    assert(err != OK || m->reads_may_fail || sim_disk_crashed(m->disk) || report.entries > 0);
}
