/* SPDX-License-Identifier: Apache-2.0
 *
 * log_file_test.c - the embedded log on a simulated disk: what it returned survives every crash, byte for byte, and
 * what was changed behind its back is refused by name.
 */
#include "base/base_test.h"

#include "services/notary/fixture.h"
#include "services/notary/key_file.h"
#include "services/notary/log_file.h"
#include "services/notary/log_format.h"
#include "sys/sim/sim.h"

#define SYNCING (SIM_DISK_WRITE | SIM_DISK_SYNC | SIM_DISK_META)

struct world {
    struct random random;
    struct sim_disk *disk;
    struct fixture_signer signer;
    struct log_file *log;
    char message[1000];
};

static void world_init(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    random_init(&w->random, seed);
    w->disk = sim_disk_new(&w->random);
    fixture_signer_init(&w->signer, 3);
}

static enum err world_open_as(struct world *w, struct signer *signer, const char *url)
{
    struct log_file_options options = {.disk = sim_disk_get(w->disk),
                                       .signer = signer,
                                       .url = url,
                                       .seed = {1, 2, 3},
                                       .record_holds = receipt_record_holds};

    return log_file_open(&w->log, &options, w->message, sizeof w->message);
}

static enum err world_open(struct world *w)
{
    return world_open_as(w, &w->signer.signer, FIXTURE_URL);
}

static void world_close(struct world *w)
{
    log_file_close(w->log);
    w->log = NULL;
}

static void world_deinit(struct world *w)
{
    world_close(w);
    sim_disk_free(w->disk);
    fixture_signer_deinit(&w->signer);
}

/* A record that receipt_record_holds accepts; the texts live in `to`. */
struct made_record {
    char key[32], leaf[256], rest[64];
};

static struct log_record make_record(struct made_record *to, unsigned number)
{
    struct digest d;
    char hash[RECEIPT_HASH_SIZE];

    snprintf(to->key, sizeof to->key, "event-%u", number);
    snprintf(to->rest, sizeof to->rest, "{\"rest\":%u}", number);
    d = digest_of(bytes_of_text(to->rest));
    receipt_hash_text(&d, hash);
    snprintf(to->leaf, sizeof to->leaf, "{\"event_id\":\"%s\",\"receipt\":{\"a\":1},\"result_hash\":\"%s\"}", to->key,
             hash);
    return (struct log_record){bytes_of_text(to->key), bytes_of_text(to->leaf), bytes_of_text(to->rest)};
}

/* Appends the records `first` to `first + count - 1` as one batch. */
static enum err world_append(struct world *w, unsigned first, unsigned count)
{
    struct made_record *made = calloc(count, sizeof *made);
    struct log_record *records = calloc(count, sizeof *records);
    enum err err;

    for (unsigned i = 0; i < count; i++)
        records[i] = make_record(&made[i], first + i);
    err = log_append(log_file_port(w->log), records, count);
    free(records);
    free(made);
    return err;
}

static void world_append_ok(struct world *w, unsigned first, unsigned count)
{
    assert_int_equal(world_append(w, first, count), OK);
}

/* Everything about an entry, as text, after checking its proof. */
static char *entry_text(struct world *w, unsigned number)
{
    struct made_record made;
    struct log_record record = make_record(&made, number);
    struct log_entry e;
    struct checkpoint c;
    struct signature signature;
    struct digest leaf;
    struct text origin, all;

    assert_int_equal(log_find(log_file_port(w->log), record.key, &e), OK);
    text_init(&origin, 1000);
    text_init(&all, 100000);
    receipt_origin(FIXTURE_URL, &w->signer.public_key.log_id, &origin);
    assert_int_equal(checkpoint_read(&c, &signature, bytes_of(e.checkpoint.data, e.checkpoint.len), origin.data,
                                     &w->signer.public_key),
                     OK);
    assert_true(checkpoint_is_signed(&c, origin.data, &w->signer.public_key, &signature));
    leaf = merkle_leaf(bytes_of(e.leaf.data, e.leaf.len));
    assert_true(merkle_inclusion_holds(&leaf, e.index, c.size, &e.proof, &c.root));
    assert_string_equal(e.leaf.data, made.leaf);
    assert_string_equal(e.rest.data, made.rest);
    text_printf(&all, "%lu\n%s\n%s\n%s", e.index, e.leaf.data, e.rest.data, e.checkpoint.data);
    for (size_t i = 0; i < e.proof.count; i++) {
        char hex[DIGEST_HEX_SIZE];
        digest_hex(&e.proof.hashes[i], hex);
        text_printf(&all, "%s\n", hex);
    }
    log_entry_deinit(&e);
    text_deinit(&origin);
    return text_take(&all);
}

static void assert_has(struct world *w, unsigned number, const char *expected)
{
    char *text = entry_text(w, number);

    if (expected)
        assert_string_equal(text, expected);
    free(text);
}

static enum err world_find(struct world *w, const char *key)
{
    struct log_entry e;
    enum err err = log_find(log_file_port(w->log), bytes_of_text(key), &e);

    if (err == OK)
        log_entry_deinit(&e);
    return err;
}

static uint64_t file_len(struct world *w)
{
    struct file *f;
    uint64_t size;

    assert_int_equal(disk_open(sim_disk_get(w->disk), LOG_FILE_PATH, DISK_READ, &f), OK);
    assert_int_equal(file_size(f, &size), OK);
    file_close(f);
    return size;
}

static void an_empty_log_is_begun_and_opened_again(void **state)
{
    struct world w;

    world_init(&w, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(world_open(&w), OK);
        assert_int_equal(log_file_size(w.log), 0);
        assert_int_equal(world_find(&w, "event-0"), ERR_NOT_FOUND);
        world_close(&w);
    }
    world_deinit(&w);
}

static void entries_are_found_with_the_same_proof_for_ever(void **state)
{
    struct world w;
    char *first[20];

    world_init(&w, 2);
    assert_int_equal(world_open(&w), OK);
    for (unsigned i = 0; i < 20; i++) {
        world_append_ok(&w, i, 1);
        first[i] = entry_text(&w, i);
    }
    for (unsigned i = 0; i < 20; i++)
        assert_has(&w, i, first[i]);
    world_close(&w);
    assert_int_equal(world_open(&w), OK);
    assert_int_equal(log_file_size(w.log), 20);
    for (unsigned i = 0; i < 20; i++) {
        assert_has(&w, i, first[i]);
        free(first[i]);
    }
    assert_int_equal(world_find(&w, "event-20"), ERR_NOT_FOUND);
    world_deinit(&w);
}

/* Full tiles are read back from the file, the open one is in memory. */
static void proofs_hold_across_tiles_and_batches_of_every_size(void **state)
{
    struct world w;
    unsigned next = 0;

    world_init(&w, 3);
    assert_int_equal(world_open(&w), OK);
    for (unsigned batch = 1; next < 900; batch += 7) {
        world_append_ok(&w, next, batch);
        next += batch;
    }
    for (int reopened = 0; reopened < 2; reopened++) {
        for (unsigned i = 0; i < next; i += 13)
            assert_has(&w, i, NULL);
        world_close(&w);
        assert_int_equal(world_open(&w), OK);
        assert_int_equal(log_file_size(w.log), next);
    }
    world_append_ok(&w, next, 300);
    for (unsigned i = 0; i < next + 300; i += 29)
        assert_has(&w, i, NULL);
    world_deinit(&w);
}

static void the_log_of_today_contains_that_of_yesterday(void **state)
{
    struct world w;
    struct digest roots[301];

    world_init(&w, 4);
    assert_int_equal(world_open(&w), OK);
    for (unsigned i = 1; i <= 300; i++) {
        world_append_ok(&w, i, 1);
        roots[i] = log_file_root(w.log);
    }
    for (unsigned old = 1; old <= 300; old++) {
        struct merkle_proof proof;
        assert_int_equal(log_file_consistency(w.log, old, &proof), OK);
        assert_true(merkle_consistency_holds(old, &roots[old], 300, &roots[300], &proof));
    }
    world_deinit(&w);
}

/* Power is cut at the n-th operation, for every n of a run of batches; the directory entry of the log included. */
static void whatever_was_returned_survives_a_loss_of_power_at_every_operation(void **state)
{
    for (uint64_t at = 1;; at++) {
        struct world w;
        char *told[12] = {0};
        unsigned next = 0;
        bool done;

        world_init(&w, 1000 + at);
        sim_disk_crash_at(w.disk, SYNCING, at);
        if (world_open(&w) == OK)
            for (; next < 12; next += 3) {
                if (world_append(&w, next, 3) != OK)
                    break;
                for (unsigned i = next; i < next + 3; i++)
                    told[i] = sim_disk_crashed(w.disk) ? NULL : entry_text(&w, i);
            }
        done = !sim_disk_crashed(w.disk);
        world_close(&w);
        if (!sim_disk_crashed(w.disk))
            sim_disk_crash(w.disk);
        sim_disk_restart(w.disk);
        assert_int_equal(world_open(&w), OK);
        for (unsigned i = 0; i < next; i++)
            assert_has(&w, i, told[i]);
        assert_true(log_file_size(w.log) == next || log_file_size(w.log) == next + 3);
        world_append_ok(&w, 100, 2); /* and the log goes on */
        assert_has(&w, 101, NULL);
        world_deinit(&w);
        for (unsigned i = 0; i < 12; i++)
            free(told[i]);
        if (done)
            break;
    }
}

static void power_lost_again_and_again_loses_nothing(void **state)
{
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct world w;
        unsigned next = 0;

        world_init(&w, seed);
        for (int life = 0; life < 6; life++) {
            unsigned kept = next;
            sim_disk_crash_at(w.disk, SYNCING, 1 + random_below(&w.random, 12));
            if (world_open(&w) == OK) {
                if (log_file_size(w.log) > next) /* a batch whose return was cut off */
                    kept = next = (unsigned)log_file_size(w.log);
                assert_int_equal(log_file_size(w.log), next);
                for (unsigned i = 0; i < kept && !sim_disk_crashed(w.disk); i++)
                    assert_has(&w, i, NULL);
                while (next < 1000) {
                    unsigned count = 1 + (unsigned)random_below(&w.random, 4);
                    if (world_append(&w, next, count) != OK)
                        break;
                    next += count;
                }
            }
            world_close(&w);
            if (sim_disk_crashed(w.disk))
                sim_disk_restart(w.disk);
        }
        sim_disk_crash_at(w.disk, 0, 0);
        assert_int_equal(world_open(&w), OK);
        assert_true(log_file_size(w.log) >= next);
        for (unsigned i = 0; i < next; i++)
            assert_has(&w, i, NULL);
        world_deinit(&w);
    }
}

static void a_killed_process_loses_nothing_that_it_returned(void **state)
{
    struct world w;

    world_init(&w, 5);
    assert_int_equal(world_open(&w), OK);
    world_append_ok(&w, 0, 5);
    sim_disk_kill(w.disk);
    world_close(&w);
    sim_disk_restart(w.disk);
    assert_int_equal(world_open(&w), OK);
    assert_int_equal(log_file_size(w.log), 5);
    assert_has(&w, 4, NULL);
    world_deinit(&w);
}

/* The batch was written and its sync never made: what the next start answers for, it has to sync first. */
static void what_a_start_finds_is_synced_before_it_is_told(void **state)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct world w;

        world_init(&w, seed);
        assert_int_equal(world_open(&w), OK);
        world_append_ok(&w, 0, 2);
        sim_disk_fail(w.disk, SIM_DISK_SYNC, 1, ERR_IO);
        assert_int_equal(world_append(&w, 2, 2), ERR_IO);
        sim_disk_kill(w.disk);
        world_close(&w);
        sim_disk_restart(w.disk);
        assert_int_equal(world_open(&w), OK);
        assert_int_equal(log_file_size(w.log), 4);
        sim_disk_crash(w.disk);
        world_close(&w);
        sim_disk_restart(w.disk);
        assert_int_equal(world_open(&w), OK);
        assert_int_equal(log_file_size(w.log), 4);
        assert_has(&w, 3, NULL);
        world_deinit(&w);
    }
}

static void an_unfinished_batch_is_cut_off(void **state)
{
    struct world w;
    uint64_t len;
    struct file *f;
    struct bytes junk = bytes_of_text("GNR1 and then nothing that makes sense");

    world_init(&w, 6);
    assert_int_equal(world_open(&w), OK);
    world_append_ok(&w, 0, 5);
    world_close(&w);
    len = file_len(&w);
    assert_int_equal(disk_open(sim_disk_get(w.disk), LOG_FILE_PATH, DISK_WRITE, &f), OK);
    assert_int_equal(file_write(f, len, &junk, 1), OK);
    file_close(f);
    assert_int_equal(world_open(&w), OK);
    assert_int_equal(log_file_size(w.log), 5);
    world_close(&w);
    assert_int_equal(file_len(&w), len);
    world_deinit(&w);
}

/* Each bit of a log of 12 entries in 4 batches: refused with the right entry named, or (the last seal) of no account.
 */
static void every_flipped_bit_is_refused_and_its_entry_named(void **state)
{
    struct world w;
    uint64_t len, refused = 0;

    world_init(&w, 7);
    assert_int_equal(world_open(&w), OK);
    for (unsigned i = 0; i < 12; i += 3)
        world_append_ok(&w, i, 3);
    world_close(&w);
    len = file_len(&w);
    for (uint64_t bit = 0; bit < len * 8; bit += 3) {
        enum err err;
        assert_true(sim_disk_flip(w.disk, LOG_FILE_PATH, bit));
        err = world_open(&w);
        if (err == OK) {
            assert_true(bit / 8 >= len - LOG_RECORD_HEADER_LEN); /* the last seal: cut, and written again */
            assert_int_equal(log_file_size(w.log), 12);
            world_close(&w);
            continue;
        }
        refused++;
        assert_true(err == ERR_CORRUPT || err == ERR_VERSION);
        assert_true(strstr(w.message, "entry ") || strstr(w.message, "header"));
        assert_true(sim_disk_flip(w.disk, LOG_FILE_PATH, bit));
    }
    assert_true(refused >= (len - LOG_RECORD_HEADER_LEN) * 8 / 3);
    assert_int_equal(world_open(&w), OK);
    world_deinit(&w);
}

static void the_message_names_the_entry_and_its_place(void **state)
{
    struct world w;

    world_init(&w, 8);
    assert_int_equal(world_open(&w), OK);
    world_append_ok(&w, 0, 3);
    world_append_ok(&w, 3, 3);
    world_close(&w);
    assert_true(sim_disk_flip(w.disk, LOG_FILE_PATH, (LOG_FILE_HEADER_LEN + LOG_RECORD_HEADER_LEN + 20) * 8));
    assert_int_equal(world_open(&w), ERR_CORRUPT);
    assert_string_equal(w.message,
                        "transparency.log: entry 0 at byte 64 is damaged: its checksum does not match, and what "
                        "follows proves that it was complete once");
    world_deinit(&w);
}

/* Replaces text in the log and makes the checksum of its record right again. */
static void forge(struct world *w, const char *from, const char *to)
{
    static uint8_t bytes[1 << 16];
    struct file *f;
    size_t len, at = LOG_FILE_HEADER_LEN;
    struct log_record_header h;

    assert_int_equal(disk_open(sim_disk_get(w->disk), LOG_FILE_PATH, DISK_READ | DISK_WRITE, &f), OK);
    assert_int_equal(file_read(f, 0, bytes, sizeof bytes, &len), OK);
    while (at < len && log_record_header_decode(&h, bytes + at)) {
        uint8_t *payload = bytes + at + LOG_RECORD_HEADER_LEN, *hit;
        struct text record;
        struct log_record parts;
        struct bytes whole;
        if (h.kind == LOG_ENTRY && (hit = memmem(payload, h.payload_len, from, strlen(from)))) {
            memcpy(hit, to, strlen(to));
            assert_true(log_entry_decode(&parts, bytes_of(payload, h.payload_len)));
            text_init(&record, 1 << 16);
            log_entry_encode(&record, h.batch, h.position, &parts);
            whole = bytes_of(record.data, record.len);
            assert_int_equal(file_write(f, at, &whole, 1), OK);
            text_deinit(&record);
        }
        at += LOG_RECORD_HEADER_LEN + h.payload_len;
    }
    file_close(f);
}

static void an_edit_with_its_checksum_made_right_is_refused_by_the_tree(void **state)
{
    struct world w;

    world_init(&w, 9);
    assert_int_equal(world_open(&w), OK);
    world_append_ok(&w, 0, 3);
    world_append_ok(&w, 3, 3);
    world_close(&w);
    forge(&w, "event-4", "event-9"); /* the key, so it no longer is the leaf's */
    assert_int_equal(world_open(&w), ERR_CORRUPT);
    assert_non_null(strstr(w.message, "entry 4 at byte "));
    forge(&w, "event-9", "event-4");
    forge(&w, "{\"a\":1}", "{\"a\":2}"); /* in the leaves */
    assert_int_equal(world_open(&w), ERR_CORRUPT);
    assert_non_null(strstr(w.message, "entries 0 to 2"));
    assert_non_null(strstr(w.message, "their root is not the one that the checkpoint signs"));
    world_deinit(&w);
}

static void another_key_or_url_is_refused(void **state)
{
    struct world w;
    struct fixture_signer stranger;

    world_init(&w, 10);
    fixture_signer_init(&stranger, 4);
    assert_int_equal(world_open(&w), OK);
    world_append_ok(&w, 0, 1);
    world_close(&w);
    assert_int_equal(world_open_as(&w, &stranger.signer, FIXTURE_URL), ERR_INVALID);
    assert_non_null(strstr(w.message, "belongs to another key"));
    assert_int_equal(world_open_as(&w, &w.signer.signer, "geminga:other"), ERR_INVALID);
    assert_non_null(strstr(w.message, "begun as geminga:test/"));
    assert_int_equal(world_open(&w), OK);
    fixture_signer_deinit(&stranger);
    world_deinit(&w);
}

static void a_full_disk_refuses_a_batch_and_takes_it_later(void **state)
{
    struct world w;

    world_init(&w, 11);
    assert_int_equal(world_open(&w), OK);
    world_append_ok(&w, 0, 3);
    sim_disk_fail(w.disk, SIM_DISK_WRITE, 1, ERR_NOSPACE);
    assert_int_equal(world_append(&w, 3, 3), ERR_NOSPACE);
    assert_int_equal(world_find(&w, "event-3"), ERR_NOT_FOUND);
    assert_int_equal(log_file_size(w.log), 3);
    world_append_ok(&w, 3, 3);
    assert_has(&w, 3, NULL);
    world_close(&w);
    assert_int_equal(world_open(&w), OK);
    assert_int_equal(log_file_size(w.log), 6);
    world_deinit(&w);
}

static void after_a_failed_sync_nothing_is_appended_any_more(void **state)
{
    struct world w;

    world_init(&w, 12);
    assert_int_equal(world_open(&w), OK);
    world_append_ok(&w, 0, 1);
    sim_disk_fail(w.disk, SIM_DISK_SYNC, 1, ERR_IO);
    assert_int_equal(world_append(&w, 1, 1), ERR_IO);
    assert_int_equal(world_append(&w, 2, 1), ERR_IO);
    assert_int_equal(world_find(&w, "event-1"), ERR_NOT_FOUND);
    assert_has(&w, 0, NULL);
    world_deinit(&w);
}

static void a_key_is_made_once_and_signs_the_same_ever_after(void **state)
{
    struct world w;
    struct key_file *key;
    struct disk *disk;
    struct signature first, again;
    struct public_key made;
    uint8_t seed[KEY_FILE_SEED_LEN] = {42};

    world_init(&w, 13);
    disk = sim_disk_get(w.disk);
    assert_int_equal(key_file_open(&key, disk), ERR_NOT_FOUND);
    assert_int_equal(key_file_create(&key, disk, seed), OK);
    assert_int_equal(signer_sign_now(key_file_signer(key), bytes_of_text("x"), &first), OK);
    made = *signer_key(key_file_signer(key));
    key_file_close(key);
    sim_disk_crash(w.disk);
    sim_disk_restart(w.disk);
    assert_int_equal(key_file_create(&key, disk, seed), ERR_EXISTS);
    assert_int_equal(key_file_open(&key, disk), OK);
    assert_int_equal(signer_sign_now(key_file_signer(key), bytes_of_text("x"), &again), OK);
    assert_memory_equal(first.bytes, again.bytes, ED25519_LEN);
    assert_true(public_key_verifies(&made, bytes_of_text("x"), &again));
    key_file_close(key);
    world_deinit(&w);
}

static void a_loss_of_power_leaves_a_whole_key_or_none(void **state)
{
    for (uint64_t at = 1; at < 14; at++) {
        struct world w;
        struct key_file *key = NULL;
        uint8_t seed[KEY_FILE_SEED_LEN] = {1};
        enum err err;

        world_init(&w, at);
        sim_disk_crash_at(w.disk, SYNCING, at);
        err = key_file_create(&key, sim_disk_get(w.disk), seed);
        if (err == OK)
            key_file_close(key);
        if (!sim_disk_crashed(w.disk))
            sim_disk_crash(w.disk);
        sim_disk_restart(w.disk);
        err = err == OK ? key_file_open(&key, sim_disk_get(w.disk)) : key_file_create(&key, sim_disk_get(w.disk), seed);
        assert_true(err == OK || err == ERR_EXISTS);
        if (err == ERR_EXISTS)
            assert_int_equal(key_file_open(&key, sim_disk_get(w.disk)), OK);
        key_file_close(key);
        world_deinit(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_log_is_begun_and_opened_again),
        cmocka_unit_test(entries_are_found_with_the_same_proof_for_ever),
        cmocka_unit_test(proofs_hold_across_tiles_and_batches_of_every_size),
        cmocka_unit_test(the_log_of_today_contains_that_of_yesterday),
        cmocka_unit_test(whatever_was_returned_survives_a_loss_of_power_at_every_operation),
        cmocka_unit_test(power_lost_again_and_again_loses_nothing),
        cmocka_unit_test(a_killed_process_loses_nothing_that_it_returned),
        cmocka_unit_test(what_a_start_finds_is_synced_before_it_is_told),
        cmocka_unit_test(an_unfinished_batch_is_cut_off),
        cmocka_unit_test(every_flipped_bit_is_refused_and_its_entry_named),
        cmocka_unit_test(the_message_names_the_entry_and_its_place),
        cmocka_unit_test(an_edit_with_its_checksum_made_right_is_refused_by_the_tree),
        cmocka_unit_test(another_key_or_url_is_refused),
        cmocka_unit_test(a_full_disk_refuses_a_batch_and_takes_it_later),
        cmocka_unit_test(after_a_failed_sync_nothing_is_appended_any_more),
        cmocka_unit_test(a_key_is_made_once_and_signs_the_same_ever_after),
        cmocka_unit_test(a_loss_of_power_leaves_a_whole_key_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
