/* SPDX-License-Identifier: Apache-2.0
 *
 * catalog_index.c - one SQLite database: a table of rows for each enum index_table, and one row of state.
 *
 *     tenant, namespace, topic, ...  (id INTEGER PRIMARY KEY, parent INTEGER, name BLOB, value BLOB, crc INTEGER)
 *     state                          (id INTEGER PRIMARY KEY, value BLOB), its only row:
 *
 *    0  u32 version, 1
 *    4  u32 number of tables n
 *    8  u64 batch           16  u64 journal_file        the mark
 *   24  u64 next_id         32  u64 next_segment
 *   40  n times: u64 rows, u64 sum of their CRCs (modulo 2^64); table 1 first
 *  end  u32 CRC32C of all before
 *
 * A row's CRC32C is over: u32 table, u32 length of the name, u64 id, u64 parent (little endian), name, value.
 *
 * After each apply the log is moved into the database and emptied.  Applies are as rare as checkpoints, and so no
 * stale frame of the log can ever stand before newer pages of the database.
 */
#include "store/catalog_index.h"

#include "base/checksum.h"
#include "store/sqlite_vfs.h"
#include "sys/sqlite_err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define APPLICATION_ID 0x47656d69 /* "Gemi" */
#define FORMAT_VERSION 1
#define STATE_VERSION  1u
#define STATE_BYTES    (40u + (INDEX_TABLES - 1) * 16u + 4u)

static const char *const table_names[INDEX_TABLES] = {
    [CATALOG_BROKER] = "broker",
    [CATALOG_TENANT] = "tenant",
    [CATALOG_NAMESPACE] = "namespace",
    [CATALOG_TOPIC] = "topic",
    [CATALOG_SUBSCRIPTION] = "subscription",
    [CATALOG_SCHEMA] = "schema",
    [CATALOG_PARTITIONED] = "partitioned",
    [INDEX_LEDGER] = "ledger",
    [INDEX_SEGMENT] = "segment",
    [INDEX_CURSOR] = "cursor",
};

struct table_sum {
    uint64_t rows, sum;
};

struct state {
    struct index_mark mark;
    struct table_sum sums[INDEX_TABLES]; /* [0] is not used */
};

/* Statements of one table while a batch is applied; NULL until needed. */
struct statements {
    sqlite3_stmt *find, *put, *remove;
};

struct catalog_index {
    struct sqlite_vfs *vfs;
    sqlite3 *db;
    char path[64];
    struct state state; /* as committed */
    struct statements statements[INDEX_TABLES];
    char failure[256];
};

/* ---- failures ---- */

PRINTF_LIKE(3, 4) static enum err fail(struct catalog_index *x, enum err err, const char *format, ...)
{
    va_list args;
    int len = snprintf(x->failure, sizeof x->failure, "%s: ", x->path);

    va_start(args, format);
    vsnprintf(x->failure + len, sizeof x->failure - (size_t)len, format, args);
    va_end(args);
    return err;
}

/* `code` is SQLite's extended result, `what` was being done. */
static enum err fail_sqlite(struct catalog_index *x, int code, const char *what)
{
    enum err err = sqlite_err(code);
    enum err disk = sqlite_vfs_take_error(x->vfs);

    if (sqlite_vfs_sync_failed(x->vfs))
        return fail(x, ERR_IO, "%s: a sync failed", what);
    if (err == ERR_IO && disk == ERR_DENIED)
        err = ERR_DENIED;
    return fail(x, err, "%s: %s (%s)", what, sqlite3_errmsg(x->db), disk != OK ? err_text(disk) : err_text(err));
}

static enum err run(struct catalog_index *x, const char *sql, const char *what)
{
    int code = sqlite3_exec(x->db, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? OK : fail_sqlite(x, code, what);
}

/* The first column of the only row, as an integer. */
static enum err ask(struct catalog_index *x, const char *sql, int64_t *out)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(x->db, sql, -1, &statement, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        *out = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return code == SQLITE_ROW ? OK : fail_sqlite(x, code, sql);
}

static struct bytes column_bytes(sqlite3_stmt *statement, int column)
{
    const void *data = sqlite3_column_blob(statement, column);

    return bytes_of(data, (size_t)sqlite3_column_bytes(statement, column));
}

static void bind_bytes(sqlite3_stmt *statement, int at, struct bytes b)
{
    int code = sqlite3_bind_blob64(statement, at, b.len > 0 ? (const void *)b.data : "", b.len, SQLITE_STATIC);

    assert(code == SQLITE_OK);
}

/* ---- rows and their checksums ---- */

static uint32_t row_crc(unsigned table, const struct catalog_row *r)
{
    uint8_t head[24];
    uint32_t crc;

    le32_put(head, table);
    le32_put(head + 4, (uint32_t)r->name.len);
    le64_put(head + 8, r->id);
    le64_put(head + 16, r->parent);
    crc = crc32c(0, bytes_of(head, sizeof head));
    crc = crc32c(crc, r->name);
    return crc32c(crc, r->value);
}

static void state_encode(const struct state *s, uint8_t to[STATE_BYTES])
{
    uint8_t *at = to + 40;

    le32_put(to, STATE_VERSION);
    le32_put(to + 4, INDEX_TABLES - 1);
    le64_put(to + 8, s->mark.batch);
    le64_put(to + 16, s->mark.journal_file);
    le64_put(to + 24, s->mark.next_id);
    le64_put(to + 32, s->mark.next_segment);
    for (unsigned table = 1; table < INDEX_TABLES; table++, at += 16) {
        le64_put(at, s->sums[table].rows);
        le64_put(at + 8, s->sums[table].sum);
    }
    le32_put(at, crc32c(0, bytes_of(to, STATE_BYTES - 4)));
}

static enum err state_decode(struct state *s, struct bytes from)
{
    const uint8_t *at = from.data + 40;

    if (from.len != STATE_BYTES ||
        le32_get(from.data + STATE_BYTES - 4) != crc32c(0, bytes_of(from.data, from.len - 4)))
        return ERR_CORRUPT;
    if (le32_get(from.data) != STATE_VERSION || le32_get(from.data + 4) != INDEX_TABLES - 1)
        return ERR_CORRUPT;
    s->mark = (struct index_mark){le64_get(from.data + 8), le64_get(from.data + 16), le64_get(from.data + 24),
                                  le64_get(from.data + 32)};
    for (unsigned table = 1; table < INDEX_TABLES; table++, at += 16)
        s->sums[table] = (struct table_sum){le64_get(at), le64_get(at + 8)};
    return OK;
}

static enum err state_write(struct catalog_index *x, const struct state *s)
{
    uint8_t bytes[STATE_BYTES];
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(x->db, "INSERT OR REPLACE INTO state VALUES (1, ?)", -1, &statement, NULL);

    if (code != SQLITE_OK)
        return fail_sqlite(x, code, "preparing");
    state_encode(s, bytes);
    bind_bytes(statement, 1, bytes_of(bytes, sizeof bytes));
    code = sqlite3_step(statement);
    sqlite3_finalize(statement);
    return code == SQLITE_DONE ? OK : fail_sqlite(x, code, "writing the state");
}

static enum err state_read(struct catalog_index *x)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(x->db, "SELECT value FROM state WHERE id = 1", -1, &statement, NULL);
    enum err err = OK;

    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        err = state_decode(&x->state, column_bytes(statement, 0));
    sqlite3_finalize(statement);
    if (code == SQLITE_DONE || err != OK)
        return fail(x, ERR_CORRUPT, "the state's row is damaged");
    return code == SQLITE_ROW ? OK : fail_sqlite(x, code, "reading the state");
}

/* ---- opening ---- */

/* Writes again, and syncs, all that the log holds: what was read of it may be in memory only. */
static enum err empty_log(struct catalog_index *x)
{
    int code = sqlite3_wal_checkpoint_v2(x->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

    return code == SQLITE_OK ? OK : fail_sqlite(x, code, "moving the log into the database");
}

static enum err create(struct catalog_index *x)
{
    char sql[160];
    enum err err = run(x, "BEGIN IMMEDIATE", "beginning");

    for (unsigned table = 1; err == OK && table < INDEX_TABLES; table++) {
        snprintf(sql, sizeof sql,
                 "CREATE TABLE %s (id INTEGER PRIMARY KEY, parent INTEGER, name BLOB, value BLOB, crc INTEGER)",
                 table_names[table]);
        err = run(x, sql, "making a table");
    }
    snprintf(sql, sizeof sql,
             "CREATE TABLE state (id INTEGER PRIMARY KEY, value BLOB);"
             "PRAGMA application_id = %d; PRAGMA user_version = %d",
             APPLICATION_ID, FORMAT_VERSION);
    if (err == OK)
        err = run(x, sql, "making the state's table");
    if (err == OK)
        err = state_write(x, &x->state);
    return err == OK ? run(x, "COMMIT", "committing") : err;
}

/* Whose file it is, before anything is written to it. */
static enum err identify(struct catalog_index *x, bool *fresh)
{
    int64_t application, version, tables;
    enum err err;

    if ((err = ask(x, "PRAGMA application_id", &application)) != OK ||
        (err = ask(x, "PRAGMA user_version", &version)) != OK ||
        (err = ask(x, "SELECT count(*) FROM sqlite_master", &tables)) != OK)
        return err;
    *fresh = application == 0 && version == 0 && tables == 0;
    if (*fresh)
        return OK;
    if (application != APPLICATION_ID)
        return fail(x, ERR_CORRUPT, "is not a catalog of this program");
    if (version > FORMAT_VERSION)
        return fail(x, ERR_VERSION, "has format %lld; this program knows up to %d", (long long)version, FORMAT_VERSION);
    return version == FORMAT_VERSION ? OK : fail(x, ERR_CORRUPT, "has no format version");
}

static enum err set_up(struct catalog_index *x)
{
    bool fresh = false;
    enum err err;

    sqlite3_db_config(x->db, SQLITE_DBCONFIG_LOOKASIDE, NULL, 0, 0);
    sqlite3_db_config(x->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL); /* a newer program's file stays untouched */
    sqlite3_extended_result_codes(x->db, 1);
    err = run(x,
              "PRAGMA locking_mode = EXCLUSIVE; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;"
              "PRAGMA cache_size = -256; PRAGMA page_size = 4096; PRAGMA cell_size_check = ON",
              "opening");
    if (err != OK || (err = identify(x, &fresh)) != OK)
        return err;
    err = run(x, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0", "opening");
    if (err == OK && fresh)
        err = create(x);
    if (err == OK && (err = empty_log(x)) == ERR_NOSPACE)
        err = OK; /* it was made sure that its bytes are on the disk (log_secure): it goes on holding them */
    return err == OK ? state_read(x) : err;
}

/* The log as it is read may be in memory only (its sync failed, and the machine did not): moving it into the database
 * would leave half of that, and no log, after a power cut.  So its bytes are first written once more where they are. */
static enum err log_copy(struct file *log)
{
    uint8_t bytes[16 * 1024];
    size_t got = sizeof bytes;
    enum err err = OK;

    for (uint64_t at = 0; err == OK && got == sizeof bytes; at += got) {
        if ((err = file_read(log, at, bytes, sizeof bytes, &got)) == OK && got > 0) {
            struct bytes part = bytes_of(bytes, got);
            err = file_write(log, at, &part, 1);
        }
    }
    return err == OK ? file_sync(log) : err;
}

static enum err log_secure(struct catalog_index *x, struct disk *disk)
{
    char path[sizeof x->path + 8];
    struct file *log;
    enum err err;

    snprintf(path, sizeof path, "%s-wal", x->path);
    if ((err = disk_open(disk, path, DISK_READ | DISK_WRITE, &log)) != OK)
        return err == ERR_NOT_FOUND ? OK : fail(x, err, "opening its log: %s", err_text(err));
    if ((err = log_copy(log)) != OK)
        (void)fail(x, err, "writing its log again: %s", err_text(err));
    file_close(log);
    return err;
}

enum err catalog_index_open(struct catalog_index **out, struct disk *disk, const char *path, char *message,
                            size_t message_size)
{
    struct catalog_index *x = calloc(1, sizeof *x);
    enum err err;
    int code;

    snprintf(message, message_size, "%s: %s", path, err_text(ERR_NOMEM));
    if (!x)
        return ERR_NOMEM;
    snprintf(x->path, sizeof x->path, "%s", path);
    if ((err = log_secure(x, disk)) != OK) {
        snprintf(message, message_size, "%s", x->failure);
        goto failed;
    }
    if ((err = sqlite_vfs_new(&x->vfs, disk)) != OK)
        goto failed;
    code = sqlite3_open_v2(path, &x->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                           sqlite_vfs_name(x->vfs));
    err = code == SQLITE_OK ? set_up(x) : fail_sqlite(x, code, "opening");
    if (err != OK) {
        snprintf(message, message_size, "%s", x->failure);
        goto failed;
    }
    sqlite3_db_release_memory(x->db);
    *out = x;
    return OK;
failed:
    catalog_index_close(x);
    return err;
}

void catalog_index_close(struct catalog_index *x)
{
    int code;

    if (!x)
        return;
    code = sqlite3_close(x->db);
    assert(code == SQLITE_OK); /* every statement was finalized */
    sqlite_vfs_free(x->vfs);
    free(x);
}

static enum err look_up(struct catalog_index *x)
{
    bool fresh = false;
    enum err err;

    sqlite3_db_config(x->db, SQLITE_DBCONFIG_LOOKASIDE, NULL, 0, 0);
    sqlite3_db_config(x->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_extended_result_codes(x->db, 1);
    err = run(x,
              "PRAGMA locking_mode = EXCLUSIVE; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;"
              "PRAGMA cache_size = -256; PRAGMA cell_size_check = ON",
              "opening");
    if (err != OK || (err = identify(x, &fresh)) != OK)
        return err;
    return fresh ? fail(x, ERR_CORRUPT, "holds no tables") : state_read(x);
}

static enum err is_there(struct disk *disk, const char *path)
{
    struct file *f = NULL;
    enum err err = disk_open(disk, path, DISK_READ, &f);

    file_close(f);
    return err;
}

enum err catalog_index_look(struct catalog_index **out, struct disk *disk, const char *path, char *message,
                            size_t message_size)
{
    struct catalog_index *x = calloc(1, sizeof *x);
    enum err err = x ? is_there(disk, path) : ERR_NOMEM;
    int code;

    snprintf(message, message_size, "%s: %s", path, err_text(err));
    if (err != OK)
        goto failed;
    snprintf(x->path, sizeof x->path, "%s", path);
    if ((err = sqlite_vfs_new(&x->vfs, disk)) != OK)
        goto failed;
    sqlite_vfs_read_only(x->vfs);
    code = sqlite3_open_v2(path, &x->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, sqlite_vfs_name(x->vfs));
    err = code == SQLITE_OK ? look_up(x) : fail_sqlite(x, code, "opening");
    if (err != OK) {
        snprintf(message, message_size, "%s", x->failure);
        goto failed;
    }
    message[0] = '\0';
    *out = x;
    return OK;
failed:
    catalog_index_close(x);
    return err;
}

struct index_mark catalog_index_mark(const struct catalog_index *x)
{
    return x->state.mark;
}

bool catalog_index_equal(const struct catalog_index *x, const struct catalog_index *other)
{
    return memcmp(&x->state, &other->state, sizeof x->state) == 0;
}

bool catalog_index_sync_failed(const struct catalog_index *x)
{
    return sqlite_vfs_sync_failed(x->vfs);
}

uint64_t catalog_index_written(const struct catalog_index *x)
{
    return sqlite_vfs_written(x->vfs);
}

const char *catalog_index_failure(const struct catalog_index *x)
{
    return x->failure;
}

/* ---- loading ---- */

typedef enum err each_row(void *ctx, unsigned table, const struct catalog_row *row);

/* One row as stored, checked; `sum` is what the table adds up to so far, `*id_before` the row before. */
static enum err load_row(struct catalog_index *x, unsigned table, sqlite3_stmt *statement, struct table_sum *sum,
                         int64_t *id_before, struct catalog_row *row)
{
    int64_t id = sqlite3_column_int64(statement, 0);

    *row = (struct catalog_row){.id = (uint64_t)id,
                                .parent = (uint64_t)sqlite3_column_int64(statement, 1),
                                .name = column_bytes(statement, 2),
                                .value = column_bytes(statement, 3)};
    if (id <= *id_before || sqlite3_column_int64(statement, 4) != row_crc(table, row))
        return fail(x, ERR_CORRUPT, "row %lld of table %s is damaged", (long long)id, table_names[table]);
    *id_before = id;
    sum->rows++;
    sum->sum += row_crc(table, row);
    return OK;
}

static enum err load_table(struct catalog_index *x, unsigned table, each_row *each, void *ctx)
{
    struct table_sum sum = {0}, expected = x->state.sums[table];
    sqlite3_stmt *statement = NULL;
    struct catalog_row row;
    char sql[96];
    int64_t id = 0;
    enum err err = OK;
    int code;

    snprintf(sql, sizeof sql, "SELECT id, parent, name, value, crc FROM %s ORDER BY id", table_names[table]);
    code = sqlite3_prepare_v2(x->db, sql, -1, &statement, NULL);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        if ((code = sqlite3_step(statement)) != SQLITE_ROW)
            break;
        if ((err = load_row(x, table, statement, &sum, &id, &row)) != OK)
            break;
        if ((err = each(ctx, table, &row)) != OK) {
            (void)fail(x, err, "row %lld of table %s: %s", (long long)id, table_names[table], err_text(err));
            break;
        }
    }
    sqlite3_finalize(statement);
    if (err != OK)
        return err;
    if (code != SQLITE_DONE)
        return fail_sqlite(x, code, sql);
    if (sum.rows != expected.rows || sum.sum != expected.sum)
        return fail(x, ERR_CORRUPT, "table %s has %llu rows of %llu written, or other ones", table_names[table],
                    (unsigned long long)sum.rows, (unsigned long long)expected.rows);
    return OK;
}

/* Rows are proved by their sums; that no page is in use twice, or lost, only by SQLite's own check. */
static enum err check_pages(struct catalog_index *x)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(x->db, "PRAGMA quick_check(1)", -1, &statement, NULL);
    enum err err = OK;

    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code != SQLITE_ROW)
        err = fail_sqlite(x, code, "checking pages");
    else if (!bytes_equal(column_bytes(statement, 0), bytes_of_text("ok")))
        err = fail(x, ERR_CORRUPT, "%s", (const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    return err;
}

enum err catalog_index_load(struct catalog_index *x, each_row *each, void *ctx, char *message, size_t message_size)
{
    enum err err = check_pages(x);

    for (unsigned table = 1; err == OK && table < INDEX_TABLES; table++)
        err = load_table(x, table, each, ctx);
    sqlite3_db_release_memory(x->db);
    if (err != OK)
        snprintf(message, message_size, "%s", x->failure);
    return err;
}

/* ---- surveying ---- */

struct survey {
    struct catalog_index *x;
    each_row *each;
    void (*damaged)(void *ctx, const char *what);
    void *ctx;
};

/* What `fail` wrote last, without the path. */
static void tell(const struct survey *s)
{
    s->damaged(s->ctx, s->x->failure + strlen(s->x->path) + strlen(": "));
}

/* Short of memory nothing was found; whatever else SQLite says is told as damage, and OK. */
static enum err survey_failed(const struct survey *s, int code, const char *what)
{
    const enum err err = fail_sqlite(s->x, code, what);

    if (err == ERR_NOMEM)
        return err;
    tell(s);
    return OK;
}

static enum err survey_pages(const struct survey *s)
{
    struct catalog_index *x = s->x;
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(x->db, "PRAGMA quick_check", -1, &statement, NULL);

    while (code == SQLITE_OK || code == SQLITE_ROW) {
        if ((code = sqlite3_step(statement)) != SQLITE_ROW)
            break;
        if (bytes_equal(column_bytes(statement, 0), bytes_of_text("ok")))
            continue;
        (void)fail(x, ERR_CORRUPT, "%s", (const char *)sqlite3_column_text(statement, 0));
        tell(s);
    }
    const enum err err = code == SQLITE_DONE ? OK : survey_failed(s, code, "checking pages");
    sqlite3_finalize(statement);
    return err;
}

static enum err survey_rows(const struct survey *s, unsigned table, sqlite3_stmt *statement, struct table_sum *sum)
{
    struct catalog_row row;
    int64_t id = 0;
    enum err err = OK;
    int code;

    while (err == OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        if (load_row(s->x, table, statement, sum, &id, &row) != OK)
            tell(s);
        else
            err = s->each(s->ctx, table, &row);
    }
    return err == OK && code != SQLITE_DONE ? survey_failed(s, code, table_names[table]) : err;
}

static enum err survey_table(const struct survey *s, unsigned table)
{
    struct table_sum sum = {0}, expected = s->x->state.sums[table];
    sqlite3_stmt *statement = NULL;
    char sql[96];
    enum err err;

    snprintf(sql, sizeof sql, "SELECT id, parent, name, value, crc FROM %s ORDER BY id", table_names[table]);
    int code = sqlite3_prepare_v2(s->x->db, sql, -1, &statement, NULL);
    if (code != SQLITE_OK)
        return survey_failed(s, code, table_names[table]);
    err = survey_rows(s, table, statement, &sum);
    sqlite3_finalize(statement);
    if (err == OK && (sum.rows != expected.rows || sum.sum != expected.sum)) {
        (void)fail(s->x, ERR_CORRUPT, "table %s has %llu good rows of %llu written, or other ones", table_names[table],
                   (unsigned long long)sum.rows, (unsigned long long)expected.rows);
        tell(s);
    }
    return err;
}

enum err catalog_index_survey(struct catalog_index *x, each_row *each, void (*damaged)(void *ctx, const char *what),
                              void *ctx)
{
    const struct survey s = {.x = x, .each = each, .damaged = damaged, .ctx = ctx};
    enum err err = survey_pages(&s);

    for (unsigned table = 1; err == OK && table < INDEX_TABLES; table++)
        err = survey_table(&s, table);
    return err;
}

const char *catalog_index_table_name(unsigned table)
{
    return table > 0 && table < INDEX_TABLES ? table_names[table] : "unknown";
}

/* ---- applying ---- */

static enum err prepare(struct catalog_index *x, sqlite3_stmt **statement, const char *format, unsigned table)
{
    char sql[96];
    int code;

    if (*statement)
        return OK;
    sqlite3_snprintf(sizeof sql, sql, format, table_names[table]);
    code = sqlite3_prepare_v2(x->db, sql, -1, statement, NULL);
    return code == SQLITE_OK ? OK : fail_sqlite(x, code, "preparing");
}

static void finalize_all(struct catalog_index *x)
{
    for (unsigned table = 1; table < INDEX_TABLES; table++) {
        struct statements *s = &x->statements[table];
        sqlite3_finalize(s->find);
        sqlite3_finalize(s->put);
        sqlite3_finalize(s->remove);
        *s = (struct statements){0};
    }
}

/* Takes the row that is there, if any, out of the table's sum. */
static enum err forget_old(struct catalog_index *x, const struct index_change *c, struct table_sum *sum)
{
    struct statements *s = &x->statements[c->table];
    enum err err = prepare(x, &s->find, "SELECT crc FROM %s WHERE id = ?", c->table);
    int code;

    if (err != OK)
        return err;
    sqlite3_bind_int64(s->find, 1, (sqlite3_int64)c->row.id);
    code = sqlite3_step(s->find);
    if (code == SQLITE_ROW) {
        sum->rows--;
        sum->sum -= (uint64_t)sqlite3_column_int64(s->find, 0);
    }
    sqlite3_reset(s->find);
    return code == SQLITE_ROW || code == SQLITE_DONE ? OK : fail_sqlite(x, code, "looking for a row");
}

static enum err put_row(struct catalog_index *x, const struct index_change *c, struct table_sum *sum)
{
    struct statements *s = &x->statements[c->table];
    uint32_t crc = row_crc(c->table, &c->row);
    enum err err = prepare(x, &s->put, "INSERT OR REPLACE INTO %s VALUES (?, ?, ?, ?, ?)", c->table);
    int code;

    if (err != OK)
        return err;
    sqlite3_bind_int64(s->put, 1, (sqlite3_int64)c->row.id);
    sqlite3_bind_int64(s->put, 2, (sqlite3_int64)c->row.parent);
    bind_bytes(s->put, 3, c->row.name);
    bind_bytes(s->put, 4, c->row.value);
    sqlite3_bind_int64(s->put, 5, crc);
    code = sqlite3_step(s->put);
    sqlite3_reset(s->put);
    if (code != SQLITE_DONE)
        return fail_sqlite(x, code, "writing a row");
    sum->rows++;
    sum->sum += crc;
    return OK;
}

static enum err remove_row(struct catalog_index *x, const struct index_change *c)
{
    struct statements *s = &x->statements[c->table];
    enum err err = prepare(x, &s->remove, "DELETE FROM %s WHERE id = ?", c->table);
    int code;

    if (err != OK)
        return err;
    sqlite3_bind_int64(s->remove, 1, (sqlite3_int64)c->row.id);
    code = sqlite3_step(s->remove);
    sqlite3_reset(s->remove);
    return code == SQLITE_DONE ? OK : fail_sqlite(x, code, "deleting a row");
}

static enum err apply_rows(struct catalog_index *x, const struct index_batch *batch, struct state *next)
{
    enum err err = OK;

    for (const struct index_change *c = batch->first; err == OK && c; c = c->next) {
        struct table_sum *sum = &next->sums[c->table];
        err = forget_old(x, c, sum);
        if (err == OK)
            err = c->removed ? remove_row(x, c) : put_row(x, c, sum);
    }
    finalize_all(x);
    return err;
}

enum err catalog_index_apply(struct catalog_index *x, const struct index_batch *batch, const struct index_mark *mark)
{
    struct state next = x->state;
    enum err err = run(x, "BEGIN IMMEDIATE", "beginning");

    next.mark = *mark;
    if (err == OK)
        err = apply_rows(x, batch, &next);
    if (err == OK)
        err = state_write(x, &next);
    if (err == OK)
        err = run(x, "COMMIT", "committing");
    if (err == OK) {
        x->state = next;
        err = empty_log(x);
        if (err == ERR_NOSPACE || err == ERR_NOMEM) /* it is committed; the log is emptied another time */
            err = OK;
    } else if (!sqlite3_get_autocommit(x->db) && sqlite3_exec(x->db, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK) {
        err = ERR_IO;
    }
    sqlite3_db_release_memory(x->db);
    return sqlite_vfs_sync_failed(x->vfs) ? ERR_IO : err;
}
