/* SPDX-License-Identifier: Apache-2.0
 *
 * store_backup_test.c - a backup, and the life that goes on from it, against the model of the store.
 */
#include "base/base_test.h"
#include "base/checksum.h"
#include "store/backup.h"
#include "store/small_file.h"
#include "store/store_model_asserts.h"
#include "store/store_private.h"
#include "store/verify.h"
#include "sys/sim/sim_seeds.h"

#include <inttypes.h>
#include <stdio.h>

#define BACKUP_MS  INT64_C(1763740800000)
#define RESTORE_MS INT64_C(4102444800000) /* later than any clock of the simulator */
#define LIVES      12
#define STEPS_MAX  20000 /* of a backup */

/* Disks beside the model's own. */
struct places {
    struct random random;
    struct sim_disk *backup, *restored;
    struct backup_report report;
    char message[400];
};

static void places_init(struct places *p, uint64_t seed)
{
    *p = (struct places){0};
    random_init(&p->random, seed);
    p->backup = sim_disk_new(&p->random);
    p->restored = sim_disk_new(&p->random);
}

/* The directories that the store is asked to open. */
static struct places *asked;

static enum err directory_open(void *ctx, const char *path, struct disk **out)
{
    if (strcmp(path, "/backup") != 0)
        return ERR_DENIED;
    *out = sim_disk_get(asked->backup);
    return OK;
}

static void directory_close(struct disk *directory)
{
}

static void places_deinit(struct places *p)
{
    sim_disk_free(p->backup);
    sim_disk_free(p->restored);
}

static enum err copy(struct model *m, struct places *p)
{
    return backup_copy(sim_disk_get(m->disk), sim_disk_get(p->backup), BACKUP_MS, &p->report, p->message,
                       sizeof p->message);
}

static enum err restore_at(struct places *p, int64_t wall_ms)
{
    return backup_restore(sim_disk_get(p->backup), sim_disk_get(p->restored), wall_ms, &p->report, p->message,
                          sizeof p->message);
}

static enum err restore(struct places *p)
{
    return restore_at(p, RESTORE_MS);
}

/* The model lives on with what was restored: its host is dead, and so is no store. */
static void move_to_restored(struct model *m, struct places *p)
{
    struct sim_disk *old = m->disk;

    sim_host_free(m->host);
    m->disk = p->restored;
    p->restored = old;
    m->host = sim_host_new(m->sim, "broker", m->disk);
}

static void live(struct model *m, unsigned steps)
{
    assert_int_equal(model_open(m), OK);
    model_create_topics(m);
    for (unsigned i = 0; i < steps; i++)
        model_random_step(m);
    if (random_below(&m->random, 2))
        model_settle(m);
}

static void end(struct model *m)
{
    if (random_below(&m->random, 2))
        assert_true(model_close(m));
    model_crash(m, MODEL_KILL);
}

static void damage_found(struct damage_sink *sink, const struct damage *d)
{
    char text[DAMAGE_TEXT_SIZE];

    damage_text(d, text);
    print_message("%s\n", text);
}

static void expect_sound(struct sim_disk *disk)
{
    struct sim *sim = sim_new(1);
    struct sim_host *host = sim_host_new(sim, "verify", disk);
    struct store_options options = {.holder = "test"};
    struct damage_sink sink = {.found = damage_found};
    struct verify_report report;
    char message[400];

    assert_int_equal(store_verify(&options, sim_host_sys(host), &sink, &report, message, sizeof message), OK);
    assert_int_equal(report.damages, 0);
    sim_host_crash(host);
    sim_host_free(host);
    sim_free(sim);
    sim_disk_kill(disk); /* the lock */
    sim_disk_restart(disk);
}

static void a_restored_backup_holds_all_that_was_acknowledged_and_goes_on(void **state)
{
    for (uint64_t seed = 1; seed <= LIVES; seed++) {
        struct model m;
        struct places p;
        model_init(&m, seed);
        places_init(&p, seed);
        live(&m, 200);
        end(&m);
        assert_int_equal(copy(&m, &p), OK);
        sim_disk_crash(p.backup); /* all of it is synced */
        sim_disk_restart(p.backup);
        assert_int_equal(restore(&p), OK);
        sim_disk_crash(p.restored);
        sim_disk_restart(p.restored);
        expect_sound(p.restored);
        move_to_restored(&m, &p);
        assert_int_equal(model_open(&m), OK);
        model_verify(&m);
        model_create_topics(&m);
        for (unsigned i = 0; i < 100; i++)
            model_random_step(&m);
        model_settle(&m);
        model_check_files(&m);
        model_crash(&m, MODEL_POWER);
        assert_int_equal(model_open(&m), OK);
        model_verify(&m);
        places_deinit(&p);
        model_deinit(&m);
    }
}

static uint64_t id_of_next_life(struct model *m)
{
    assert_int_equal(model_open(m), OK);
    return store_id_new(m->store);
}

static void ids_of_the_original_and_of_a_restore_of_a_restore_never_meet(void **state)
{
    struct model m;
    struct places p;
    uint64_t id;

    model_init(&m, 1);
    places_init(&p, 1);
    live(&m, 100);
    end(&m);
    assert_int_equal(copy(&m, &p), OK);
    const uint64_t original = id_of_next_life(&m);
    model_crash(&m, MODEL_KILL);

    assert_int_equal(restore_at(&p, BACKUP_MS + 1000), OK);
    move_to_restored(&m, &p);
    const uint64_t first = id_of_next_life(&m);
    assert_true(first > original + 1000000);
    model_crash(&m, MODEL_KILL);
    assert_int_equal(backup_first_id(sim_disk_get(m.disk), &id), OK);
    assert_int_equal(id, first);

    sim_disk_free(p.restored);
    sim_disk_free(p.backup);
    p.backup = sim_disk_new(&p.random);
    p.restored = sim_disk_new(&p.random);
    assert_int_equal(copy(&m, &p), OK);
    assert_int_equal(restore_at(&p, BACKUP_MS + 3000), OK);
    move_to_restored(&m, &p);
    assert_true(id_of_next_life(&m) > first + 1000000);
    places_deinit(&p);
    model_deinit(&m);
}

/* ---- faults ---- */

/* A small stopped store, the same for each round. */
static void small_life(struct model *m)
{
    model_init(m, 7);
    assert_int_equal(model_open(m), OK);
    model_create_topics(m);
    for (unsigned i = 0; i < 12; i++)
        model_append(m, i % MODEL_TOPICS, 100 + 500 * i);
    model_ack(m, 0, 1);
    model_barrier(m);
    model_settle(m);
    assert_true(model_close(m));
    model_crash(m, MODEL_KILL);
}

static void expect_no_backup(struct places *p)
{
    assert_int_equal(restore(p), ERR_NOT_FOUND);
    assert_non_null(strstr(p->message, "holds no whole backup"));
}

static void a_backup_that_fails_at_any_step_is_none(void **state)
{
    for (unsigned source = 0; source < 2; source++) {
        for (uint64_t n = 1;; n++) {
            struct model m;
            struct places p;
            small_life(&m);
            places_init(&p, n);
            struct sim_disk *bad = source ? m.disk : p.backup;
            sim_disk_fail(bad, SIM_DISK_ALL, n, ERR_IO);
            const enum err err = copy(&m, &p);
            const bool struck = sim_disk_faults(bad) > 0;
            sim_disk_fail(bad, 0, 0, OK);
            /* The last sync of a name fails: the list is there to see, and may be gone after a power cut. */
            if (err != OK && restore(&p) != ERR_NOT_FOUND)
                assert_non_null(strstr(p.message, BACKUP_PATH));
            assert_true(err != OK || !struck);
            places_deinit(&p);
            model_deinit(&m);
            if (!struck)
                break;
        }
    }
}

static void a_power_cut_leaves_a_whole_backup_or_none(void **state)
{
    bool whole = false;

    for (uint64_t n = 1; !whole; n++) {
        struct model m;
        struct places p;
        small_life(&m);
        places_init(&p, n);
        sim_disk_crash_at(p.backup, SIM_DISK_ALL, n);
        whole = copy(&m, &p) == OK;
        if (whole)
            sim_disk_crash(p.backup);
        sim_disk_restart(p.backup);
        const enum err err = restore(&p);
        assert_true(err == OK || !whole);
        if (err == OK) {
            move_to_restored(&m, &p);
            assert_int_equal(model_open(&m), OK);
            model_verify(&m);
        } else {
            assert_true(err == ERR_NOT_FOUND || err == ERR_CORRUPT); /* half a list */
        }
        places_deinit(&p);
        model_deinit(&m);
    }
}

static void a_restore_that_fails_at_any_step_says_so(void **state)
{
    struct model m;

    small_life(&m);
    for (unsigned source = 0; source < 2; source++) {
        for (uint64_t n = 1;; n++) {
            struct places p;
            places_init(&p, n);
            assert_int_equal(copy(&m, &p), OK);
            struct sim_disk *bad = source ? p.backup : p.restored;
            sim_disk_fail(bad, SIM_DISK_ALL, n, ERR_IO);
            const enum err err = restore(&p);
            const bool struck = sim_disk_faults(bad) > 0;
            assert_int_equal(err, struck ? ERR_IO : OK);
            places_deinit(&p);
            if (!struck)
                break;
        }
    }
    model_deinit(&m);
}

/* ---- damage ---- */

static void list_name(void *ctx, const char *name)
{
    char(*names)[80] = ctx;

    while ((*names)[0])
        names++;
    snprintf(*names, sizeof *names, "%s", name);
}

static uint64_t size_of(struct disk *disk, const char *path)
{
    struct file *f;
    uint64_t size;

    assert_int_equal(disk_open(disk, path, DISK_READ, &f), OK);
    assert_int_equal(file_size(f, &size), OK);
    file_close(f);
    return size;
}

/* A backup of one file, whose list is right in all but its name. */
static void write_list(struct places *p, const char *path)
{
    char text[400];
    int len = snprintf(text, sizeof text, "geminga backup 1 %" PRId64 "\n%s 0 00000000\n", BACKUP_MS, path);

    len += snprintf(text + len, sizeof text - (size_t)len, "end 1 %08" PRIx32 "\n",
                    crc32c(0, bytes_of(text, (size_t)len)));
    assert_int_equal(small_file_write(sim_disk_get(p->backup), BACKUP_PATH, bytes_of(text, (size_t)len)), OK);
}

static void a_list_with_the_name_of_another_file_is_refused(void **state)
{
    static const char *const names[] = {
        "../x",        "/etc/x",  "journal/../../x", "journal/../x", "journal/..", "journal/",        "journal/a/b",
        "./journal/x", "journal", "journals/x",      "lock",         "backup-to",  "audit/audit.log", "segments//x",
        "..",          "backup",
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct places p;
        places_init(&p, i + 1);
        write_list(&p, names[i]);
        assert_int_equal(restore(&p), ERR_CORRUPT);
        assert_non_null(strstr(p.message, "names what cannot be a file of a backup"));
        places_deinit(&p);
    }
}

/* Bits whose flip means the same: white space, the case of a digit. */
static bool means_the_same(struct places *p)
{
    struct sim_disk *fresh = sim_disk_new(&p->random);
    const enum err err = backup_restore(sim_disk_get(p->backup), sim_disk_get(fresh), BACKUP_MS + 1000, &p->report,
                                        p->message, sizeof p->message);

    sim_disk_free(fresh);
    return err == OK;
}

static void flip_some(struct places *p, const char *path, unsigned rounds)
{
    const uint64_t bits = size_of(sim_disk_get(p->backup), path) * 8;

    for (unsigned i = 0; i < rounds && bits > 0; i++) {
        const uint64_t bit = random_below(&p->random, bits);
        assert_true(sim_disk_flip(p->backup, path, bit));
        if (!means_the_same(p)) {
            assert_non_null(strstr(p->message, path));
            assert_non_null(strstr(p->message, "does not match"));
        } else {
            assert_string_equal(path, BACKUP_PATH); /* and only in its last line */
            assert_true(bit / 8 > bits / 8 - 16);
        }
        assert_true(sim_disk_flip(p->backup, path, bit));
    }
}

static void a_flipped_bit_anywhere_in_a_backup_is_found_and_its_file_named(void **state)
{
    static const char *const folders[] = {"", "journal", "segments"};
    struct model m;
    struct places p;

    small_life(&m);
    places_init(&p, 3);
    assert_int_equal(copy(&m, &p), OK);
    for (unsigned f = 0; f < 3; f++) {
        char names[60][80] = {{0}}, path[200];
        struct disk *disk = sim_disk_get(p.backup);
        assert_int_equal(disk->ops->list(disk, folders[f], list_name, names), OK);
        for (unsigned i = 0; names[i][0]; i++) {
            snprintf(path, sizeof path, "%s%s%.79s", folders[f], *folders[f] ? "/" : "", names[i]);
            if (strcmp(path, "journal") != 0 && strcmp(path, "segments") != 0)
                flip_some(&p, path, strcmp(path, BACKUP_PATH) == 0 ? 200 : 10);
        }
    }
    places_deinit(&p);
    model_deinit(&m);
}

static void a_flipped_bit_in_the_first_id_refuses_the_start(void **state)
{
    struct model m;
    struct places p;

    small_life(&m);
    places_init(&p, 3);
    assert_int_equal(copy(&m, &p), OK);
    assert_int_equal(restore(&p), OK);
    move_to_restored(&m, &p);
    assert_true(sim_disk_flip(m.disk, RESTORED_PATH, 8 * 18));
    assert_int_equal(model_open(&m), ERR_CORRUPT);
    assert_non_null(strstr(m.message, RESTORED_PATH));
    places_deinit(&p);
    model_deinit(&m);
}

/* ---- of a store that goes on meanwhile ---- */

static void online_init(struct model *m, struct places *p, uint64_t seed)
{
    model_init(m, seed);
    places_init(p, seed);
    asked = p;
    m->options.directory_open = directory_open;
    m->options.directory_close = directory_close;
}

static void online_deinit(struct model *m, struct places *p)
{
    model_deinit(m);
    places_deinit(p);
}

static void ask(struct model *m, const char *where)
{
    struct file *f;
    const struct bytes text = bytes_of_text(where);

    assert_int_equal(disk_open(sim_disk_get(m->disk), "backup-to", DISK_WRITE | DISK_CREATE, &f), OK);
    assert_int_equal(file_write(f, 0, &text, 1), OK);
    assert_int_equal(file_sync(f), OK);
    file_close(f);
}

static const struct store_backup_status *status_of(struct model *m)
{
    return store_backup_status(m->store);
}

static void begin(struct model *m)
{
    ask(m, "/backup\n");
    assert_int_equal(store_backup_start(m->store), OK);
}

static void live_until_it_ends(struct model *m)
{
    for (unsigned i = 0; status_of(m)->running; i++) {
        assert_true(i < STEPS_MAX);
        model_random_step(m);
    }
}

static void quiet_until_it_ends(struct model *m)
{
    for (unsigned i = 0; status_of(m)->running && !model_dead(m); i++) {
        assert_true(i < STEPS_MAX);
        model_steps(m, 1);
    }
}

/* The original ends; what was restored goes on. */
static void go_on_from_backup(struct model *m, struct places *p)
{
    model_crash(m, MODEL_POWER);
    sim_disk_crash(p->backup);
    sim_disk_restart(p->backup);
    assert_int_equal(restore(p), OK);
    expect_sound(p->restored);
    move_to_restored(m, p);
    must_open(m);
    model_verify(m);
}

static void a_backup_of_a_busy_store_holds_all_that_was_acknowledged_before_it_began(void **state)
{
    uint64_t checkpoints = 0, compactions = 0;

    for (uint64_t seed = 1; seed <= sim_seeds_number("STORE_SEEDS", 40); seed++) {
        struct model m;
        struct places p;
        struct store_stats before, after;
        online_init(&m, &p, seed);
        live(&m, (unsigned)random_below(&m.random, 400));
        model_note_backup(&m);
        store_stats(m.store, &before);
        begin(&m);
        live_until_it_ends(&m);
        assert_string_equal(status_of(&m)->failure, "");
        store_stats(m.store, &after);
        checkpoints += after.checkpoints - before.checkpoints;
        compactions += after.compactions - before.compactions;
        for (unsigned i = 0; i < 20; i++)
            model_random_step(&m);
        go_on_from_backup(&m, &p);
        model_create_topics(&m);
        for (unsigned i = 0; i < 60; i++)
            model_random_step(&m);
        model_settle(&m);
        model_check_files(&m);
        online_deinit(&m, &p);
    }
    assert_true(checkpoints > 0);
    assert_true(compactions > 0);
}

static void a_power_cut_during_a_backup_leaves_the_store_whole_and_the_backup_whole_or_none(void **state)
{
    unsigned whole = 0, none = 0;

    for (uint64_t seed = 1; seed <= sim_seeds_number("STORE_SEEDS", 40); seed++) {
        struct model m;
        struct places p;
        online_init(&m, &p, seed);
        live(&m, 150);
        begin(&m);
        for (uint64_t n = random_below(&m.random, 80); n > 0; n--)
            model_random_step(&m);
        const bool running = status_of(&m)->running;
        model_crash(&m, MODEL_POWER);
        sim_disk_crash(p.backup);
        sim_disk_restart(p.backup);
        assert_int_equal(model_open(&m), OK);
        model_verify(&m);
        model_settle(&m);
        (void)sim_disk_get(m.disk)->ops->unlink(sim_disk_get(m.disk), "backup-to");
        model_check_files(&m);
        const enum err err = restore(&p);
        assert_true(err == OK || running);
        if (err == OK)
            expect_sound(p.restored);
        whole += err == OK;
        none += err != OK;
        online_deinit(&m, &p);
    }
    assert_true(whole > 0);
    assert_true(none > 0);
}

static void a_backup_whose_target_fails_at_any_step_says_so_and_the_store_goes_on(void **state)
{
    for (uint64_t n = 1;; n++) {
        struct model m;
        struct places p;
        online_init(&m, &p, n);
        live(&m, 40);
        sim_disk_fail(p.backup, SIM_DISK_ALL, n, n % 2 ? ERR_IO : ERR_NOSPACE);
        begin(&m);
        live_until_it_ends(&m);
        const bool struck = sim_disk_faults(p.backup) > 0;
        assert_int_equal(struck, status_of(&m)->failure[0] != '\0');
        assert_int_equal(status_of(&m)->failed_count, struck);
        sim_disk_fail(p.backup, 0, 0, OK);
        sim_disk_free(p.backup);
        p.backup = sim_disk_new(&p.random);
        model_note_backup(&m);
        begin(&m);
        live_until_it_ends(&m);
        assert_string_equal(status_of(&m)->failure, "");
        model_settle(&m);
        model_check_files(&m);
        go_on_from_backup(&m, &p);
        online_deinit(&m, &p);
        if (!struck)
            break;
    }
}

static void a_backup_that_cannot_read_says_so_and_the_store_goes_on(void **state)
{
    const unsigned reads = SIM_DISK_READ | SIM_DISK_OP_OPEN;

    for (uint64_t n = 1;; n++) {
        struct model m;
        struct places p;
        online_init(&m, &p, 5);
        live(&m, 100);
        model_settle(&m);
        ask(&m, "/backup");
        assert_int_equal(store_backup_start(m.store), OK);
        sim_disk_fail(m.disk, reads, n, ERR_IO);
        quiet_until_it_ends(&m);
        const bool struck = sim_disk_faults(m.disk) > 0;
        sim_disk_fail(m.disk, 0, 0, OK);
        (void)sim_disk_get(m.disk)->ops->unlink(sim_disk_get(m.disk), "backup-to");
        assert_int_equal(struck, status_of(&m)->failure[0] != '\0');
        for (unsigned i = 0; i < 40; i++)
            model_random_step(&m);
        model_settle(&m);
        model_check_files(&m);
        online_deinit(&m, &p);
        if (!struck)
            break;
    }
}

static void what_is_deleted_during_a_backup_is_unlinked_after_it(void **state)
{
    struct model m;
    struct places p;
    struct store_stats stats;

    online_init(&m, &p, 1);
    live(&m, 0);
    for (unsigned i = 0; i < 6; i++) {
        model_append(&m, 0, 9000); /* a file of its own */
        model_roll(&m, 0);
        model_steps(&m, 200);
    }
    checkpoint_want(m.store);
    model_settle(&m);
    model_note_backup(&m);
    begin(&m);
    while (m.store->backup.step != BACKUP_FILES)
        model_steps(&m, 1);
    store_stats(m.store, &stats);
    const uint64_t files = stats.segment_files;
    for (unsigned i = 0; i < 4; i++)
        model_trim(&m, 0);
    quiet_until_it_ends(&m);
    assert_string_equal(status_of(&m)->failure, "");
    model_settle(&m);
    store_stats(m.store, &stats);
    assert_true(stats.segment_files < files);
    model_check_files(&m);
    go_on_from_backup(&m, &p);
    online_deinit(&m, &p);
}

static void a_store_that_closes_ends_its_backup(void **state)
{
    for (unsigned n = 0; n < 60; n++) {
        struct model m;
        struct places p;
        online_init(&m, &p, n + 1);
        live(&m, 60);
        begin(&m);
        model_steps(&m, n);
        const bool ran = status_of(&m)->running;
        assert_true(model_close(&m));
        const enum err err = restore(&p);
        assert_true(err == OK || (ran && err == ERR_NOT_FOUND));
        model_crash(&m, MODEL_KILL);
        assert_int_equal(model_open(&m), OK);
        model_verify(&m);
        online_deinit(&m, &p);
    }
}

static void a_backup_ends_when_the_disk_is_nearly_full(void **state)
{
    struct model m;
    struct places p;

    online_init(&m, &p, 1);
    live(&m, 100);
    model_settle(&m);
    begin(&m);
    sim_disk_capacity(m.disk, sim_disk_used(m.disk) + 300 * 1024);
    quiet_until_it_ends(&m);
    assert_non_null(strstr(status_of(&m)->failure, "nearly full"));
    model_append(&m, 0, 100);
    model_barrier(&m);
    model_settle(&m);
    assert_int_equal(restore(&p), ERR_NOT_FOUND);
    online_deinit(&m, &p);
}

static void expect_refusal(struct model *m, const char *where, const char *why)
{
    if (where)
        ask(m, where);
    assert_int_equal(store_backup_start(m->store), OK);
    assert_int_equal(store_backup_start(m->store), ERR_BUSY);
    quiet_until_it_ends(m);
    assert_non_null(strstr(status_of(m)->failure, why));
    (void)sim_disk_get(m->disk)->ops->unlink(sim_disk_get(m->disk), "backup-to");
}

static void a_backup_that_was_not_asked_for_rightly_is_refused(void **state)
{
    struct model m;
    struct places p;

    online_init(&m, &p, 1);
    live(&m, 10);
    expect_refusal(&m, NULL, "no file \"backup-to\"");
    expect_refusal(&m, "backup", "absolute");
    expect_refusal(&m, "/elsewhere", "cannot be opened");
    begin(&m);
    quiet_until_it_ends(&m);
    assert_string_equal(status_of(&m)->failure, "");
    expect_refusal(&m, "/backup", "not empty");
    assert_int_equal(status_of(&m)->done_count, 1);
    assert_int_equal(status_of(&m)->failed_count, 4);
    online_deinit(&m, &p);
}

/* ---- refusals ---- */

static void what_is_not_empty_is_not_written_to(void **state)
{
    struct model m;
    struct places p;

    small_life(&m);
    places_init(&p, 1);
    assert_int_equal(copy(&m, &p), OK);
    assert_int_equal(copy(&m, &p), ERR_EXISTS);
    assert_int_equal(restore(&p), OK);
    assert_int_equal(restore(&p), ERR_EXISTS);
    places_deinit(&p);
    model_deinit(&m);
}

static void a_directory_without_the_list_is_no_backup(void **state)
{
    struct places p;

    places_init(&p, 1);
    expect_no_backup(&p);
    places_deinit(&p);
}

static void a_clock_before_the_backup_is_refused(void **state)
{
    struct model m;
    struct places p;

    small_life(&m);
    places_init(&p, 1);
    assert_int_equal(copy(&m, &p), OK);
    assert_int_equal(restore_at(&p, BACKUP_MS - 1), ERR_INVALID);
    assert_non_null(strstr(p.message, "clock"));
    places_deinit(&p);
    model_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restored_backup_holds_all_that_was_acknowledged_and_goes_on),
        cmocka_unit_test(ids_of_the_original_and_of_a_restore_of_a_restore_never_meet),
        cmocka_unit_test(a_backup_that_fails_at_any_step_is_none),
        cmocka_unit_test(a_power_cut_leaves_a_whole_backup_or_none),
        cmocka_unit_test(a_restore_that_fails_at_any_step_says_so),
        cmocka_unit_test(a_list_with_the_name_of_another_file_is_refused),
        cmocka_unit_test(a_flipped_bit_anywhere_in_a_backup_is_found_and_its_file_named),
        cmocka_unit_test(a_flipped_bit_in_the_first_id_refuses_the_start),
        cmocka_unit_test(a_backup_of_a_busy_store_holds_all_that_was_acknowledged_before_it_began),
        cmocka_unit_test(a_power_cut_during_a_backup_leaves_the_store_whole_and_the_backup_whole_or_none),
        cmocka_unit_test(a_backup_whose_target_fails_at_any_step_says_so_and_the_store_goes_on),
        cmocka_unit_test(a_backup_that_cannot_read_says_so_and_the_store_goes_on),
        cmocka_unit_test(what_is_deleted_during_a_backup_is_unlinked_after_it),
        cmocka_unit_test(a_store_that_closes_ends_its_backup),
        cmocka_unit_test(a_backup_ends_when_the_disk_is_nearly_full),
        cmocka_unit_test(a_backup_that_was_not_asked_for_rightly_is_refused),
        cmocka_unit_test(what_is_not_empty_is_not_written_to),
        cmocka_unit_test(a_directory_without_the_list_is_no_backup),
        cmocka_unit_test(a_clock_before_the_backup_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
