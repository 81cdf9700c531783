/* SPDX-License-Identifier: Apache-2.0
 *
 * registry_damage_test.c - a hand in the registry's rows, or in the log's files: refused, and said where.
 */
#include "base/base_test.h"

#include "services/notary/registry/registry_fixture.h"
#include "services/notary/registry/registry_tiles.h"
#include <dirent.h>
#include <unistd.h>

#define ENTRIES 530

struct world {
    struct registry_fixture f;
    char directory[40], copy[40];
};

static void shell(const char *format, const char *a, const char *b)
{
    char command[1000];

    snprintf(command, sizeof command, format, a, b);
    assert_int_equal(system(command), 0);
}

/* Workflows of all kinds, anchors, two whole tiles and the beginning of a third.  What the last document says: where
 * the files are another log's, that may be found out before it, or after. */
static enum err fill(struct registry_fixture *f)
{
    json_t *records = json_array();

    json_array_append_new(records, fixture_opened("o-1"));
    json_array_append_new(records, fixture_opened("o-2"));
    json_array_append_new(records, fixture_status("o-1", "pending_approval"));
    json_array_append_new(records, fixture_decision("o-1", "ann", "approve"));
    assert_int_equal(fixture_apply(f, records), OK);
    for (int i = 0; i < 10; i++) {
        char prefix[8];
        snprintf(prefix, sizeof prefix, "e%d", i);
        assert_int_equal(fixture_close_many(f, prefix, ENTRIES / 10), OK);
    }
    records = json_array();
    json_array_append_new(records, fixture_record("anchored", "\"index\":3,\"anchor\":\"rekor-v2\",\"receipt\":{}"));
    json_array_append_new(records, fixture_record("anchored", "\"index\":5,\"anchor\":\"rekor-v2\",\"receipt\":{}"));
    json_array_append_new(records, fixture_record("published", "\"through\":300"));
    return fixture_apply(f, records);
}

/* The files follow by themselves, a second behind; of a log that was filled slowly they have partial tiles that it has
 * outgrown, and nobody writes again.  Written at once, they are the same each time. */
static enum err write_files_anew(struct registry_fixture *f)
{
    enum err err;

    registry_fixture_close(f);
    shell("rm -rf %s/log%s", f->directory, "");
    if ((err = registry_fixture_open(f)) == OK)
        registry_fixture_close(f);
    return err;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    strcpy(w->directory, "/tmp/geminga-damage-XXXXXX");
    strcpy(w->copy, "/tmp/geminga-damage-XXXXXX");
    fixture_signer_init(&w->f.signer, 7);
    w->f.directory = mkdtemp(w->directory);
    if (!mkdtemp(w->copy) || registry_fixture_open(&w->f) != OK || fill(&w->f) != OK || write_files_anew(&w->f) != OK)
        return -1;
    shell("cp -a %s/. %s", w->directory, w->copy);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    fixture_remove(w->directory);
    fixture_remove(w->copy);
    fixture_signer_deinit(&w->f.signer);
    free(w);
    return 0;
}

/* As it was written. */
static void undo(struct world *w)
{
    fixture_remove(w->directory);
    shell("cp -a %s %s", w->copy, w->directory);
}

static void sql(struct world *w, const char *text)
{
    char path[100], *error = NULL;
    sqlite3 *db;

    snprintf(path, sizeof path, "%s/registry.db", w->directory);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, &error) != SQLITE_OK)
        fail_msg("%s: %s", text, error);
    assert_true(sqlite3_total_changes(db) > 0);
    sqlite3_close(db);
}

/* What both who opens and who verifies say. */
static void assert_refused(struct world *w, const char *what, const char *message)
{
    char verified[600];
    struct digest root;
    uint64_t size;
    enum err err = registry_verify(w->directory, &size, &root, verified, sizeof verified);

    if (err != ERR_CORRUPT || !strstr(verified, message))
        fail_msg("%s: verified with %s: %s", what, err_text(err), verified);
    err = registry_fixture_open(&w->f);
    if (err != ERR_CORRUPT || strcmp(w->f.message, verified) != 0)
        fail_msg("%s: opened with %s: %s", what, err_text(err), w->f.message);
    undo(w);
}

static void assert_sql_refused(struct world *w, const char *text, const char *message)
{
    sql(w, text);
    assert_refused(w, text, message);
}

static void what_nobody_touched_is_accepted(void **state)
{
    struct world *w = *state;
    char message[600];
    struct digest root, again;
    uint64_t size;

    assert_int_equal(registry_verify(w->directory, &size, &root, message, sizeof message), OK);
    assert_int_equal(size, ENTRIES);
    assert_int_equal(registry_fixture_open(&w->f), OK);
    again = registry_log_root(w->f.registry);
    assert_true(digest_equal(&root, &again));
    assert_int_equal(registry_published(w->f.registry), 300);
    assert_int_equal(fixture_close_many(&w->f, "more", 3), OK);
    registry_fixture_close(&w->f);
}

static void a_changed_cell_of_any_table_is_refused(void **state)
{
    static const struct {
        const char *sql, *message;
    } edits[] = {
        {"UPDATE entry SET leaf = replace(leaf, 'e1-2', 'e1-3') WHERE id = 55", "entry 55 was changed"},
        {"UPDATE entry SET leaf = CAST(leaf AS BLOB) WHERE id = 529", "entry 529 was changed"},
        {"UPDATE entry SET first = 1 WHERE id = 7", "entry 7 was changed"},
        {"UPDATE entry SET crc = crc + 1 WHERE id = 7", "entry 7 was changed"},
        {"UPDATE entry SET id = 1000 WHERE id = 7", "entry 7 is missing"},
        {"UPDATE result SET rest = rest || ' ' WHERE id = 10", "result 10 was changed"},
        {"UPDATE result SET event_hash = zeroblob(32) WHERE id = 10", "result 10 was changed"},
        {"UPDATE result SET entry = 8 WHERE id = 10", "result 10 was changed"},
        {"UPDATE result SET workflow = 9 WHERE id = 10", "result 10 was changed"},
        {"UPDATE result SET path = '{}' WHERE id = 10", "result 10 was changed"},
        {"UPDATE workflow SET event_id = 'x' WHERE id = 9", "workflow 9 was changed"},
        {"UPDATE workflow SET status = 'approved' WHERE id = 1", "workflow 1 was changed"},
        {"UPDATE workflow SET key = 5 WHERE id = 9", "workflow 9 was changed"},
        {"UPDATE workflow SET deadline_ms = NULL WHERE id = 1", "workflow 1 was changed"},
        {"UPDATE workflow SET number = NULL WHERE id = 9", "workflow 9 was changed"},
        {"UPDATE step SET record = replace(record, 'approve', 'reject') WHERE id = 4", "step 4 was changed"},
        {"UPDATE step SET workflow = 2 WHERE id = 4", "step 4 was changed"},
        {"UPDATE anchor SET receipt = '{\"a\":1}' WHERE id = 1", "anchor 1 was changed"},
        {"UPDATE anchor SET entry = 4 WHERE id = 1", "anchor 1 was changed"},
        {"UPDATE checkpoint SET note = replace(note, char(10) || '53' || char(10), char(10) || '54' || char(10)) "
         "WHERE id = 53",
         "checkpoint 53 was changed"},
        {"UPDATE checkpoint SET id = 54 WHERE id = 53", "checkpoint 54 was changed"},
        {"UPDATE state SET sequence = 1", "state 0 was changed"},
        {"UPDATE state SET published = 0", "state 0 was changed"},
        {"UPDATE state SET place = 'x'", "state 0 was changed"},
        {"UPDATE tile SET hashes = zeroblob(8192) WHERE id = 1", "entry 256 was changed"},
        {"UPDATE tile SET hashes = zeroblob(64) WHERE id = 1 << 56", "tile 1/0 was changed"},
        {"UPDATE tile SET hashes = zeroblob(32) WHERE id = 1 << 56", "tile 1/0 was changed"},
    };

    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++)
        assert_sql_refused(*state, edits[i].sql, edits[i].message);
}

static void a_lost_row_of_any_table_is_refused(void **state)
{
    static const struct {
        const char *sql, *message;
    } edits[] = {
        {"DELETE FROM entry WHERE id = 100", "entry 100 is missing"},
        {"DELETE FROM entry WHERE id = 529", "entry 529 is missing"},
        {"DELETE FROM result WHERE id = 100", "the results of entry 99 are not where they were"},
        {"DELETE FROM workflow WHERE id = 100", "the workflow of entry 97 is missing"},
        {"DELETE FROM workflow WHERE id = 2", "workflow 2 is missing"},
        {"DELETE FROM step WHERE id = 2", "step 2 is missing"},
        {"DELETE FROM step WHERE id = 4", "3 rows of table step are there, and there were 4"},
        {"DELETE FROM anchor WHERE id = 2", "1 rows of table anchor are there, and there were 2"},
        {"DELETE FROM checkpoint WHERE id = 106", "9 rows of table checkpoint are there, and there were 10"},
        {"DELETE FROM checkpoint WHERE id = 530", "9 rows of table checkpoint are there, and there were 10"},
        {"DELETE FROM tile WHERE id = 0", "tile 0/0 is missing"},
        {"DELETE FROM tile WHERE id = 1 << 56", "tile 1/0 is missing"},
        {"DELETE FROM fresh_key WHERE id = 100", "the index of events by their ids was changed"},
    };

    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++)
        assert_sql_refused(*state, edits[i].sql, edits[i].message);
}

static void an_added_row_is_refused(void **state)
{
    static const struct {
        const char *sql, *message;
    } edits[] = {
        {"INSERT INTO entry SELECT 530, first, leaf, crc FROM entry WHERE id = 529", "entry 530 was changed"},
        {"INSERT INTO tile VALUES(5, zeroblob(8192))", "tile 1/0 is missing"},
        {"INSERT INTO tile VALUES(2 << 56, zeroblob(32))", "there is a tile that nobody wrote"},
        {"INSERT INTO fresh_key VALUES(1, 1)", "the index of events by their ids was changed"},
        {"INSERT INTO known_key VALUES(1, 1)", "the index of events by their ids was changed"},
    };

    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++)
        assert_sql_refused(*state, edits[i].sql, edits[i].message);
}

/* ---- edits that make every checksum right ---- */

struct forger {
    struct registry_db db;
    struct registry_owner owner;
    struct registry_state state;
    struct cell row[COLUMNS_MAX];
    uint32_t crc;
};

static void forge_begin(struct world *w, struct forger *g, enum registry_table table, uint64_t id)
{
    char path[100];
    sqlite3_stmt *s;

    snprintf(path, sizeof path, "%s/registry.db", w->directory);
    assert_int_equal(registry_db_open(&g->db, path, false), OK);
    assert_int_equal(registry_state_read(&g->db, &g->owner, &g->state), OK);
    s = registry_db_use(&g->db, (enum statement)(GET_FIRST + table));
    registry_db_bind(s, 1, cell_number(id));
    assert_int_equal(registry_db_step(&g->db, s), OK);
    assert_int_equal(registry_row_read(&g->db, s, table, g->row, &g->crc), OK);
}

/* Writes the row with its checksum, the sum over its table, and the state with its own. */
static void forge_end(struct forger *g, enum registry_table table)
{
    sqlite3_stmt *remove;
    char text[80];

    for (int i = 0; i < COLUMNS_MAX; i++) /* its own copies: the row it is of goes away */
        if (g->row[i].bytes.len)
            g->row[i].bytes.data = (const uint8_t *)strndup((const char *)g->row[i].bytes.data, g->row[i].bytes.len);
    registry_db_rest(&g->db);
    snprintf(text, sizeof text, "DELETE FROM %s WHERE id = %lld", registry_table_names[table],
             (long long)g->row[0].number);
    assert_int_equal(sqlite3_prepare_v2(g->db.db, text, -1, &remove, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(remove), SQLITE_DONE);
    sqlite3_finalize(remove);
    assert_int_equal(registry_row_replace(&g->db, &g->state, table, g->row, g->crc), OK);
    assert_int_equal(registry_state_write(&g->db, &g->owner, &g->state), OK);
    registry_db_close(&g->db);
    for (int i = 0; i < COLUMNS_MAX; i++)
        if (g->row[i].bytes.len)
            free((void *)(uintptr_t)g->row[i].bytes.data);
}

/* Replaces a text in a cell of a row, and makes every checksum right. */
static void forge(struct world *w, enum registry_table table, uint64_t id, int column, const char *from, const char *to)
{
    struct forger g = {0};
    char text[4096], *at;

    forge_begin(w, &g, table, id);
    assert_true(g.row[column].bytes.len < sizeof text);
    memcpy(text, g.row[column].bytes.data, g.row[column].bytes.len);
    text[g.row[column].bytes.len] = '\0';
    assert_int_equal(strlen(from), strlen(to));
    assert_non_null(at = strstr(text, from));
    memcpy(at, to, strlen(to));
    g.row[column].bytes.data = (const uint8_t *)text;
    forge_end(&g, table);
}

static void a_forged_entry_with_right_checksums_is_found_by_its_tile_or_the_signed_root(void **state)
{
    struct world *w = *state;

    forge(w, TABLE_ENTRY, 55, ENTRY_LEAF, "1700000000", "1700000001");
    assert_refused(w, "a leaf in a whole tile", "entry 105 or one before it, back to the last checkpoint, was changed");
    forge(w, TABLE_ENTRY, 529, ENTRY_LEAF, "1700000000", "1700000001");
    assert_refused(w, "a leaf in the open tile", "entry 529 or one before it");
}

static void a_forged_result_with_right_checksums_is_found_by_its_entry(void **state)
{
    struct world *w = *state;

    forge(w, TABLE_RESULT, 56, RESULT_REST, "\"success\":true", "\"success\":fals");
    assert_refused(w, "a rest", "entry 55 was changed: it is not about its result");
}

static void a_forged_checkpoint_with_right_checksums_is_found_by_its_signature(void **state)
{
    struct world *w = *state;
    struct forger g = {0};
    char note[CHECKPOINT_BYTES_MAX + 1], *at;

    forge_begin(w, &g, TABLE_CHECKPOINT, 106);
    memcpy(note, g.row[CHECKPOINT_NOTE].bytes.data, g.row[CHECKPOINT_NOTE].bytes.len);
    at = note + g.row[CHECKPOINT_NOTE].bytes.len - 30; /* in the signature */
    *at = *at == 'A' ? 'B' : 'A';
    g.row[CHECKPOINT_NOTE].bytes.data = (const uint8_t *)note;
    forge_end(&g, TABLE_CHECKPOINT);
    assert_refused(w, "a signature", "the checkpoint behind entry 105 is not signed by the log's key");
}

static void a_workflow_that_is_another_events_is_refused(void **state)
{
    struct world *w = *state;

    forge(w, TABLE_WORKFLOW, 9, WORKFLOW_EVENT_ID, "e0-6", "e0-x");
    assert_refused(w, "an event's id", "workflow 9 was changed: its key is not its event's");
}

/* ---- the files ---- */

static void for_each_file(struct world *w, const char *directory, void (*act)(struct world *w, const char *path))
{
    char path[300];
    struct dirent *e;
    DIR *d = opendir(directory);

    assert_non_null(d);
    while ((e = readdir(d))) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", directory, e->d_name);
        if (e->d_type == DT_DIR)
            for_each_file(w, path, act);
        else
            act(w, path);
    }
    closedir(d);
}

/* The same path in the world's directory, as the walk is in the copy. */
static const char *in_world(const struct world *w, const char *path)
{
    static char mine[300];

    snprintf(mine, sizeof mine, "%s%s", w->directory, path + strlen(w->copy));
    return mine;
}

static void flip_a_byte(struct world *w, const char *path)
{
    FILE *f = fopen(in_world(w, path), "r+b");
    int byte;

    assert_non_null(f);
    fseek(f, -1, SEEK_END);
    byte = fgetc(f);
    fseek(f, -1, SEEK_END);
    fputc(byte ^ 1, f);
    fclose(f);
    assert_refused(w, path, "was changed");
}

static void cut_a_byte(struct world *w, const char *path)
{
    struct stat s;

    assert_int_equal(stat(in_world(w, path), &s), 0);
    assert_int_equal(truncate(in_world(w, path), s.st_size - 1), 0);
    assert_refused(w, path, "was changed");
}

static void add_a_byte(struct world *w, const char *path)
{
    FILE *f = fopen(in_world(w, path), "ab");

    assert_non_null(f);
    fputc('x', f);
    fclose(f);
    assert_refused(w, path, "was changed");
}

static void a_changed_file_of_the_log_is_refused(void **state)
{
    struct world *w = *state;
    char log[60];

    snprintf(log, sizeof log, "%s/log", w->copy);
    for_each_file(w, log, flip_a_byte);
    for_each_file(w, log, cut_a_byte);
    for_each_file(w, log, add_a_byte);
}

static void the_changed_entry_of_a_file_is_named(void **state)
{
    struct world *w = *state;

    shell("sed -i s/e5-30/e5-31/ %s/log/tile/entries/001%s", w->directory, "");
    assert_refused(w, "entries/001", "log/tile/entries/001 was changed: entry 295 in it is not the one in the log");
}

static void remove_file(struct world *w, const char *path)
{
    assert_int_equal(unlink(in_world(w, path)), 0);
    assert_int_equal(registry_fixture_open(&w->f), OK);
    registry_fixture_close(&w->f);
    shell("cmp -s %s %s", path, in_world(w, path));
}

static void a_missing_file_is_written_again(void **state)
{
    struct world *w = *state;
    char log[60];

    snprintf(log, sizeof log, "%s/log", w->copy);
    for_each_file(w, log, remove_file);
    shell("rm -rf %s/log%s", w->directory, "");
    assert_int_equal(registry_fixture_open(&w->f), OK);
    registry_fixture_close(&w->f);
    shell("diff -r %s/log %s/log", w->copy, w->directory);
}

static void another_key_or_origin_is_refused(void **state)
{
    struct world *w = *state;
    struct registry_options options = {.directory = w->directory, .origin = "other", .key = &w->f.signer.public_key};
    struct fixture_signer other;

    assert_int_equal(registry_open(&w->f.registry, &options, w->f.message, sizeof w->f.message), ERR_INVALID);
    assert_string_equal(w->f.message, "the log was begun as " FIXTURE_ORIGIN ", and is now to be other");
    fixture_signer_init(&other, 9);
    options = (struct registry_options){.directory = w->directory, .origin = FIXTURE_ORIGIN, .key = &other.public_key};
    assert_int_equal(registry_open(&w->f.registry, &options, w->f.message, sizeof w->f.message), ERR_INVALID);
    assert_non_null(strstr(w->f.message, "the log belongs to another key, with the log id "));
    fixture_signer_deinit(&other);
    w->f.registry = NULL;
}

static void a_file_that_is_no_registry_is_refused(void **state)
{
    struct world *w = *state;

    shell("head -c 100000 /dev/zero | tr '\\0' x > %s/registry.db%s", w->directory, "");
    assert_refused(w, "not a database", "registry.db: ");
    shell("rm %s/registry.db%s", w->directory, "");
    sql(w, "CREATE TABLE a(b); INSERT INTO a VALUES(1)");
    assert_refused(w, "another database", "registry.db: this is not a registry of the notary");
}

static void a_registry_of_a_later_program_is_refused(void **state)
{
    struct world *w = *state;

    sql(w, "PRAGMA user_version = 2; UPDATE state SET id = 0");
    assert_int_equal(registry_fixture_open(&w->f), ERR_VERSION);
    assert_string_equal(w->f.message, "registry.db: its format 2 is newer than this program");
}

/* ---- a registry behind its files ---- */

static enum err apply_all_again(struct world *w)
{
    assert_int_equal(fill(&w->f), OK);
    registry_fixture_close(&w->f);
    return registry_fixture_open(&w->f);
}

static void a_lost_registry_is_made_again_and_its_files_stay(void **state)
{
    struct world *w = *state;

    shell("rm %s/registry.db%s", w->directory, "");
    assert_int_equal(registry_fixture_open(&w->f), OK);
    assert_int_equal(registry_log_size(w->f.registry), 0);
    assert_int_equal(apply_all_again(w), OK);
    registry_fixture_close(&w->f);
    shell("diff -r %s/log %s/log", w->copy, w->directory);
}

static void files_of_another_log_are_refused_when_the_registry_gets_there(void **state)
{
    struct world *w = *state;
    enum err err;

    shell("rm %s/registry.db && sed -i s/e5-30/e5-31/ %s/log/tile/entries/001", w->directory, w->directory);
    assert_int_equal(registry_fixture_open(&w->f), OK);
    err = fill(&w->f);
    assert_true(err == OK || err == ERR_CORRUPT);
    registry_fixture_close(&w->f);
    assert_int_equal(registry_fixture_open(&w->f), ERR_CORRUPT);
    assert_non_null(strstr(w->f.message, "log/tile/entries/001 was changed: entry 295"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_nobody_touched_is_accepted, setup, teardown),
        cmocka_unit_test_setup_teardown(a_changed_cell_of_any_table_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_row_of_any_table_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(an_added_row_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_forged_entry_with_right_checksums_is_found_by_its_tile_or_the_signed_root,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_forged_result_with_right_checksums_is_found_by_its_entry, setup, teardown),
        cmocka_unit_test_setup_teardown(a_forged_checkpoint_with_right_checksums_is_found_by_its_signature, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_workflow_that_is_another_events_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_changed_file_of_the_log_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(the_changed_entry_of_a_file_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(a_missing_file_is_written_again, setup, teardown),
        cmocka_unit_test_setup_teardown(another_key_or_origin_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_registry_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_registry_of_a_later_program_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_registry_is_made_again_and_its_files_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(files_of_another_log_are_refused_when_the_registry_gets_there, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
