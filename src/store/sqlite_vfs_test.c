/* SPDX-License-Identifier: Apache-2.0
 *
 * sqlite_vfs_test.c - the VFS on the kernel's disk, and what SQLite needs of memory with it.
 */
#include "store/sqlite_vfs.h"

#include "base/base_test.h"
#include "store/catalog_index.h"
#include "sys/disk_posix.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fixture {
    char directory[64];
    struct disk *disk;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    snprintf(f->directory, sizeof f->directory, "/tmp/geminga-vfs-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    assert_int_equal(disk_posix_new(&f->disk, f->directory), OK);
    *state = f;
    return 0;
}

static void remove_name(void *ctx, const char *name)
{
    struct fixture *f = ctx;

    (void)f->disk->ops->unlink(f->disk, name);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    (void)f->disk->ops->list(f->disk, ".", remove_name, f);
    disk_posix_free(f->disk);
    rmdir(f->directory);
    free(f);
    return 0;
}

static int count(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    int n;

    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    n = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return n;
}

static void sqlite_works_on_the_kernels_disk(void **state)
{
    struct fixture *f = *state;
    struct sqlite_vfs *v;
    sqlite3 *db;

    assert_int_equal(sqlite_vfs_new(&v, f->disk), OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sqlite3_open_v2("a.db", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, sqlite_vfs_name(v)),
                         SQLITE_OK);
        assert_int_equal(sqlite3_exec(db,
                                      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
                                      "CREATE TABLE IF NOT EXISTS t (a); INSERT INTO t VALUES (randomblob(20000))",
                                      NULL, NULL, NULL),
                         SQLITE_OK);
        assert_int_equal(count(db, "SELECT count(*) FROM t"), i + 1);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
    }
    assert_false(sqlite_vfs_sync_failed(v));
    sqlite_vfs_free(v);
}

static void two_instances_have_names_of_their_own(void **state)
{
    struct fixture *f = *state;
    struct sqlite_vfs *a, *b;

    assert_int_equal(sqlite_vfs_new(&a, f->disk), OK);
    assert_int_equal(sqlite_vfs_new(&b, f->disk), OK);
    assert_string_not_equal(sqlite_vfs_name(a), sqlite_vfs_name(b));
    sqlite_vfs_free(a);
    sqlite_vfs_free(b);
}

static void a_database_that_cannot_be_opened_says_why(void **state)
{
    struct fixture *f = *state;
    struct sqlite_vfs *v;
    sqlite3 *db;

    assert_int_equal(sqlite_vfs_new(&v, f->disk), OK);
    assert_int_equal(sqlite3_open_v2("no/such.db", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, sqlite_vfs_name(v)),
                     SQLITE_CANTOPEN);
    assert_int_equal(sqlite_vfs_take_error(v), ERR_NOT_FOUND);
    assert_int_equal(sqlite_vfs_take_error(v), OK);
    sqlite3_close(db);
    sqlite_vfs_free(v);
}

static enum err count_row(void *ctx, unsigned table, const struct catalog_row *row)
{
    ++*(unsigned *)ctx;
    return OK;
}

static void ten_thousand_rows_leave_little_of_sqlite_in_memory(void **state)
{
    struct fixture *f = *state;
    struct catalog_index *x;
    struct index_batch b;
    struct index_mark mark = {.batch = 1};
    char message[256], name[64];
    unsigned rows = 0;

    index_batch_init(&b);
    for (uint64_t id = 1; id <= 10000; id++) {
        snprintf(name, sizeof name, "persistent://public/default/topic-%llu", (unsigned long long)id);
        struct catalog_row row = {id, 1, bytes_of_text(name), bytes_of_text("a value of some length")};
        assert_int_equal(index_batch_put(&b, CATALOG_TOPIC, &row), OK);
    }
    assert_int_equal(catalog_index_open(&x, f->disk, "catalog.db", message, sizeof message), OK);
    assert_int_equal(catalog_index_apply(x, &b, &mark), OK);
    index_batch_deinit(&b);
    assert_int_equal(catalog_index_load(x, count_row, &rows, message, sizeof message), OK);
    assert_int_equal(rows, 10000);
    printf("SQLite holds %lld bytes\n", (long long)sqlite3_memory_used());
    assert_true(sqlite3_memory_used() < 300 * 1024);
    catalog_index_close(x);
}

int main(void)
{
#define with_disk(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        with_disk(sqlite_works_on_the_kernels_disk),
        with_disk(two_instances_have_names_of_their_own),
        with_disk(a_database_that_cannot_be_opened_says_why),
        with_disk(ten_thousand_rows_leave_little_of_sqlite_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
