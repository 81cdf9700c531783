/* SPDX-License-Identifier: Apache-2.0
 *
 * registry_db.c - opening the file, its statements, and rows as arrays of cells.
 */
#include "services/notary/registry/registry_db.h"

#include "base/checksum.h"
#include "sys/sqlite_err.h"
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define APPLICATION_ID 0x476e6f74 /* "Gnot" */
#define FORMAT_VERSION 1
#define FRESH_KEYS     32768 /* after so many workflows their keys are moved: they and their pages fit in the cache */

const char *const registry_table_names[TABLES] = {
    [TABLE_STATE] = "state", [TABLE_ENTRY] = "entry",   [TABLE_RESULT] = "result",        [TABLE_WORKFLOW] = "workflow",
    [TABLE_STEP] = "step",   [TABLE_ANCHOR] = "anchor", [TABLE_CHECKPOINT] = "checkpoint"};

enum {
    STATE_ID,
    STATE_ORIGIN,
    STATE_KEY,
    STATE_SEQUENCE,
    STATE_TERM,
    STATE_PUBLISHED,
    STATE_PREVIOUS,
    STATE_PLACE,
    STATE_SUMS,
    STATE_COLUMNS
};

static const int columns[TABLES] = {
    [TABLE_STATE] = STATE_COLUMNS,          [TABLE_ENTRY] = ENTRY_COLUMNS, [TABLE_RESULT] = RESULT_COLUMNS,
    [TABLE_WORKFLOW] = WORKFLOW_COLUMNS,    [TABLE_STEP] = STEP_COLUMNS,   [TABLE_ANCHOR] = ANCHOR_COLUMNS,
    [TABLE_CHECKPOINT] = CHECKPOINT_COLUMNS};

static const char schema[] =
    "CREATE TABLE state(id INTEGER PRIMARY KEY, origin TEXT, key BLOB, sequence INTEGER, term INTEGER,"
    " published INTEGER, previous TEXT, place TEXT, sums BLOB, crc INTEGER);"
    "CREATE TABLE entry(id INTEGER PRIMARY KEY, first INTEGER, leaf TEXT, crc INTEGER);"
    "CREATE TABLE result(id INTEGER PRIMARY KEY, entry INTEGER, workflow INTEGER, event_hash BLOB, rest TEXT,"
    " path TEXT, crc INTEGER);"
    "CREATE TABLE workflow(id INTEGER PRIMARY KEY, key INTEGER, event_id TEXT, workflow_id TEXT, type TEXT,"
    " status TEXT, priority INTEGER, received_ms INTEGER, deadline_ms INTEGER, number INTEGER, crc INTEGER);"
    "CREATE TABLE fresh_key(key INTEGER, id INTEGER, PRIMARY KEY(key, id)) WITHOUT ROWID;"
    "CREATE TABLE known_key(key INTEGER, id INTEGER, PRIMARY KEY(key, id)) WITHOUT ROWID;"
    "CREATE INDEX workflow_open ON workflow(id) WHERE number IS NULL;"
    "CREATE INDEX workflow_status ON workflow(status, id) WHERE status <> 'notarized';"
    "CREATE TABLE step(id INTEGER PRIMARY KEY, workflow INTEGER, record TEXT, crc INTEGER);"
    "CREATE INDEX step_workflow ON step(workflow);"
    "CREATE TABLE anchor(id INTEGER PRIMARY KEY, entry INTEGER, name TEXT, receipt TEXT, crc INTEGER);"
    "CREATE INDEX anchor_entry ON anchor(entry, name);"
    "CREATE TABLE checkpoint(id INTEGER PRIMARY KEY, note TEXT, crc INTEGER);"
    "CREATE TABLE tile(id INTEGER PRIMARY KEY, hashes BLOB);";

static const char *const texts[STATEMENTS] = {
    [BEGIN_READ] = "BEGIN",
    [BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [PUT_FIRST + TABLE_STATE] = "INSERT OR REPLACE INTO state VALUES(?,?,?,?,?,?,?,?,?,?)",
    [PUT_FIRST + TABLE_ENTRY] = "INSERT INTO entry VALUES(?,?,?,?)",
    [PUT_FIRST + TABLE_RESULT] = "INSERT INTO result VALUES(?,?,?,?,?,?,?)",
    [PUT_FIRST + TABLE_WORKFLOW] = "INSERT OR REPLACE INTO workflow VALUES(?,?,?,?,?,?,?,?,?,?,?)",
    [PUT_FIRST + TABLE_STEP] = "INSERT INTO step VALUES(?,?,?,?)",
    [PUT_FIRST + TABLE_ANCHOR] = "INSERT INTO anchor VALUES(?,?,?,?,?)",
    [PUT_FIRST + TABLE_CHECKPOINT] = "INSERT INTO checkpoint VALUES(?,?,?)",
    [GET_FIRST + TABLE_STATE] = "SELECT * FROM state WHERE id = ?",
    [GET_FIRST + TABLE_ENTRY] = "SELECT * FROM entry WHERE id = ?",
    [GET_FIRST + TABLE_RESULT] = "SELECT * FROM result WHERE id = ?",
    [GET_FIRST + TABLE_WORKFLOW] = "SELECT * FROM workflow WHERE id = ?",
    [GET_FIRST + TABLE_STEP] = "SELECT * FROM step WHERE id = ?",
    [GET_FIRST + TABLE_ANCHOR] = "SELECT * FROM anchor WHERE id = ?",
    [GET_FIRST + TABLE_CHECKPOINT] = "SELECT * FROM checkpoint WHERE id = ?",
    [SCAN_FIRST + TABLE_STATE] = "SELECT * FROM state ORDER BY id",
    [SCAN_FIRST + TABLE_ENTRY] = "SELECT * FROM entry ORDER BY id",
    [SCAN_FIRST + TABLE_RESULT] = "SELECT * FROM result ORDER BY id",
    [SCAN_FIRST + TABLE_WORKFLOW] = "SELECT * FROM workflow ORDER BY id",
    [SCAN_FIRST + TABLE_STEP] = "SELECT * FROM step ORDER BY id",
    [SCAN_FIRST + TABLE_ANCHOR] = "SELECT * FROM anchor ORDER BY id",
    [SCAN_FIRST + TABLE_CHECKPOINT] = "SELECT * FROM checkpoint ORDER BY id",
    [KEY_PUT] = "INSERT INTO fresh_key VALUES(?,?)",
    /* Or fail: all is rolled back then by us; else SQLite would keep every page that it touches, in memory, for that.
     */
    [KEYS_MOVE] = "INSERT OR FAIL INTO known_key SELECT key, id FROM fresh_key ORDER BY key, id",
    [KEYS_MOVED] = "DELETE FROM fresh_key",
    [KEY_FIND] = "SELECT id FROM fresh_key WHERE key = ?1 UNION ALL SELECT id FROM known_key WHERE key = ?1",
    [WORKFLOWS_OPEN] = "SELECT * FROM workflow WHERE number IS NULL ORDER BY id",
    [WORKFLOWS_NEWEST] = "SELECT * FROM workflow WHERE id < ? ORDER BY id DESC",
    [WORKFLOWS_OF_STATUS] = "SELECT * FROM workflow INDEXED BY workflow_status WHERE id < ? AND status = ?"
                            " AND status <> 'notarized' ORDER BY id DESC",
    [WORKFLOWS_OPEN_NEWEST] = "SELECT * FROM workflow WHERE id < ? AND number IS NULL ORDER BY id DESC",
    [WORKFLOWS_COUNTED] = "SELECT status, number IS NULL, count(*) FROM workflow INDEXED BY workflow_status"
                          " WHERE status <> 'notarized' GROUP BY 1, 2",
    [STEPS_OF] = "SELECT * FROM step INDEXED BY step_workflow WHERE workflow = ? ORDER BY id",
    [ANCHORS_OF] = "SELECT * FROM anchor INDEXED BY anchor_entry WHERE entry = ? ORDER BY name",
    [ANCHOR_OF] = "SELECT * FROM anchor INDEXED BY anchor_entry WHERE entry = ? AND name = ?",
    [UNANCHORED] = "SELECT id FROM entry e WHERE id >= ?1 AND NOT EXISTS"
                   " (SELECT 1 FROM anchor a WHERE a.entry = e.id AND a.name = ?2) ORDER BY id LIMIT ?3",
    [CHECKPOINT_ABOVE] = "SELECT * FROM checkpoint WHERE id > ? ORDER BY id LIMIT 1",
    [CHECKPOINT_LAST] = "SELECT * FROM checkpoint ORDER BY id DESC LIMIT 1",
    [ENTRIES_FROM] = "SELECT * FROM entry WHERE id >= ? ORDER BY id LIMIT ?",
    [TILE_PUT] = "INSERT OR REPLACE INTO tile VALUES(?,?)",
    [TILE_GET] = "SELECT hashes FROM tile WHERE id = ?",
    [TILE_SCAN] = "SELECT id, hashes FROM tile ORDER BY id",
    [INDEX_FRESH_KEY] = "SELECT key, id FROM fresh_key ORDER BY key, id",
    [INDEX_KNOWN_KEY] = "SELECT key, id FROM known_key ORDER BY key, id",
    [INDEX_OPEN] = "SELECT 0, id FROM workflow INDEXED BY workflow_open WHERE number IS NULL ORDER BY id",
    [INDEX_STATUS] = "SELECT status, id FROM workflow INDEXED BY workflow_status WHERE status <> 'notarized'"
                     " ORDER BY status, id",
    [INDEX_STEP] = "SELECT workflow, id FROM step INDEXED BY step_workflow ORDER BY workflow",
    [INDEX_ANCHOR] = "SELECT entry, name, id FROM anchor INDEXED BY anchor_entry ORDER BY entry, name",
};

/* ---- failures ---- */

enum err registry_db_fail(struct registry_db *d, enum err err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(d->failure, sizeof d->failure, format, args);
    va_end(args);
    return err;
}

static enum err fail_sqlite(struct registry_db *d, int code)
{
    enum err err = sqlite_err(code);

    return registry_db_fail(d, err, "%s", d->db ? sqlite3_errmsg(d->db) : err_text(err));
}

/* ---- statements ---- */

sqlite3_stmt *registry_db_use(struct registry_db *d, enum statement which)
{
    sqlite3_stmt **s = &d->statements[which];

    if (*s) {
        sqlite3_reset(*s);
        sqlite3_clear_bindings(*s);
    } else if (sqlite3_prepare_v3(d->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, s, NULL) != SQLITE_OK) {
        return NULL;
    }
    return *s;
}

void registry_db_bind(sqlite3_stmt *s, int at, struct cell cell)
{
    const char *data = cell.bytes.len ? (const char *)cell.bytes.data : "";

    if (!s)
        return; /* the step says so */
    assert(cell.bytes.len < INT32_MAX);
    switch (cell.kind) {
    case CELL_NULL:
        sqlite3_bind_null(s, at);
        break;
    case CELL_NUMBER:
        sqlite3_bind_int64(s, at, cell.number);
        break;
    case CELL_TEXT:
        sqlite3_bind_text(s, at, data, (int)cell.bytes.len, SQLITE_STATIC);
        break;
    case CELL_BLOB:
        sqlite3_bind_blob(s, at, data, (int)cell.bytes.len, SQLITE_STATIC);
        break;
    }
}

enum err registry_db_step(struct registry_db *d, sqlite3_stmt *s)
{
    int code = s ? sqlite3_step(s) : sqlite3_extended_errcode(d->db);
    enum err err;

    if (code == SQLITE_ROW)
        return OK;
    err = code == SQLITE_DONE ? ERR_NOT_FOUND : fail_sqlite(d, code);
    sqlite3_reset(s);
    return err;
}

enum err registry_db_run(struct registry_db *d, sqlite3_stmt *s)
{
    enum err err = registry_db_step(d, s);

    assert(err != OK); /* it gives no rows */
    return err == ERR_NOT_FOUND ? OK : err;
}

enum err registry_db_do(struct registry_db *d, enum statement which)
{
    return registry_db_run(d, registry_db_use(d, which));
}

void registry_db_rest(struct registry_db *d)
{
    for (size_t i = 0; i < STATEMENTS; i++)
        if (d->statements[i])
            sqlite3_reset(d->statements[i]);
}

void registry_db_rollback(struct registry_db *d)
{
    registry_db_rest(d);
    if (!sqlite3_get_autocommit(d->db))
        sqlite3_exec(d->db, "ROLLBACK", NULL, NULL, NULL); /* SQLite did it itself where this fails */
}

/* ---- opening ---- */

static enum err run_text(struct registry_db *d, const char *sql)
{
    int code = sqlite3_exec(d->db, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? OK : fail_sqlite(d, code);
}

/* The first column of the only row. */
static enum err ask(struct registry_db *d, const char *sql, int64_t *out)
{
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(d->db, sql, -1, &s, NULL);
    enum err err;

    if (code == SQLITE_OK)
        code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        *out = sqlite3_column_int64(s, 0);
    err = code == SQLITE_ROW ? OK : fail_sqlite(d, code);
    sqlite3_finalize(s);
    return err;
}

static enum err make_tables(struct registry_db *d)
{
    char mark[80];
    enum err err;

    snprintf(mark, sizeof mark, "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT", APPLICATION_ID,
             FORMAT_VERSION);
    if ((err = run_text(d, "PRAGMA journal_mode=WAL; BEGIN IMMEDIATE")) != OK || (err = run_text(d, schema)) != OK)
        return err;
    return run_text(d, mark);
}

static enum err check_format(struct registry_db *d, bool read_only)
{
    int64_t objects, application, version;
    enum err err;

    if ((err = ask(d, "SELECT count(*) FROM sqlite_schema", &objects)) != OK)
        return err;
    if (objects == 0 && !read_only)
        return make_tables(d);
    if ((err = ask(d, "PRAGMA application_id", &application)) != OK ||
        (err = ask(d, "PRAGMA user_version", &version)) != OK)
        return err;
    if (application != APPLICATION_ID)
        return registry_db_fail(d, ERR_CORRUPT, "this is not a registry of the notary");
    if (version > FORMAT_VERSION)
        return registry_db_fail(d, ERR_VERSION, "its format %" PRId64 " is newer than this program", version);
    return OK;
}

/* The page cache is bounded; the write-ahead log is moved into the file each 32 MiB, so that pages of the index by
 * key, which lie anywhere, are written once for many entries. */
static enum err set_up(struct registry_db *d, bool read_only)
{
    enum err err = run_text(d, "PRAGMA cache_size=-2048; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF");

    if (err != OK || read_only)
        return err;
    return run_text(d, "PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=8192; PRAGMA journal_size_limit=67108864");
}

enum err registry_db_open(struct registry_db *d, const char *path, bool read_only)
{
    int flags = SQLITE_OPEN_NOMUTEX | (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    int code;
    enum err err;

    memset(d, 0, sizeof *d);
    code = sqlite3_open_v2(path ? path : ":memory:", &d->db, flags, NULL);
    if (code != SQLITE_OK) {
        err = fail_sqlite(d, code);
        if (read_only && (code & 0xff) == SQLITE_CANTOPEN)
            err = ERR_NOT_FOUND;
        goto out;
    }
    sqlite3_extended_result_codes(d->db, 1);
    sqlite3_busy_timeout(d->db, 10000); /* for who reads while the log is taken down or made again */
    if ((err = set_up(d, read_only)) == OK)
        err = check_format(d, read_only);
out:
    if (err != OK)
        registry_db_close(d); /* the failure stays */
    return err;
}

void registry_db_close(struct registry_db *d)
{
    for (size_t i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(d->statements[i]);
    memset(d->statements, 0, sizeof d->statements);
    sqlite3_close(d->db);
    d->db = NULL;
}

/* ---- rows ---- */

static uint32_t row_crc(enum registry_table table, const struct cell *cells)
{
    uint32_t crc = crc32c(0, bytes_of(&(uint8_t){(uint8_t)table}, 1));

    for (int i = 0; i < columns[table]; i++) {
        const struct cell *c = &cells[i];
        uint8_t head[9] = {(uint8_t)c->kind};
        le64_put(head + 1, c->kind == CELL_NUMBER ? (uint64_t)c->number : c->bytes.len);
        crc = crc32c(crc32c(crc, bytes_of(head, sizeof head)), c->bytes);
    }
    return crc ? crc : 1; /* 0 is no row's */
}

static enum err put(struct registry_db *d, enum registry_table table, const struct cell *cells, uint32_t crc)
{
    sqlite3_stmt *s = registry_db_use(d, (enum statement)(PUT_FIRST + table));

    for (int i = 0; i < columns[table]; i++)
        registry_db_bind(s, i + 1, cells[i]);
    registry_db_bind(s, columns[table] + 1, cell_number(crc));
    return registry_db_run(d, s);
}

enum err registry_row_put(struct registry_db *d, struct registry_state *state, enum registry_table table,
                          const struct cell *cells)
{
    uint32_t crc = row_crc(table, cells);
    enum err err = put(d, table, cells, crc);

    if (err == OK) {
        state->sums[table].rows++;
        state->sums[table].sum += crc;
    }
    return err;
}

enum err registry_row_replace(struct registry_db *d, struct registry_state *state, enum registry_table table,
                              const struct cell *cells, uint32_t old_crc)
{
    uint32_t crc = row_crc(table, cells);
    enum err err = put(d, table, cells, crc);

    if (err == OK)
        state->sums[table].sum += (uint64_t)crc - old_crc;
    return err;
}

static struct cell column(sqlite3_stmt *s, int at)
{
    struct cell c = {.kind = CELL_NULL};

    switch (sqlite3_column_type(s, at)) {
    case SQLITE_INTEGER:
        return cell_number((uint64_t)sqlite3_column_int64(s, at));
    case SQLITE_TEXT:
        c.kind = CELL_TEXT;
        c.bytes.data = sqlite3_column_text(s, at);
        break;
    case SQLITE_BLOB:
        c.kind = CELL_BLOB;
        c.bytes.data = sqlite3_column_blob(s, at);
        break;
    default: /* we write no floating point numbers: its CRC will not match */
        return c;
    }
    c.bytes.len = c.bytes.data ? (size_t)sqlite3_column_bytes(s, at) : 0;
    return c;
}

/* Whether each cell is of the kind that its column has, NULL where that may be: what reads a row relies on it. */
static bool kinds_fit(enum registry_table table, const struct cell *cells)
{
    static const char kinds[TABLES][COLUMNS_MAX] = {
        /* n number, t text, b blob; capitals: or NULL */
        [TABLE_STATE] = "ntbnnnttb",     [TABLE_ENTRY] = "nnt", [TABLE_RESULT] = "nnnbtT",
        [TABLE_WORKFLOW] = "nnttttNNNN", [TABLE_STEP] = "nnt",  [TABLE_ANCHOR] = "nntt",
        [TABLE_CHECKPOINT] = "nt"};
    static const char letters[] = {[CELL_NUMBER] = 'n', [CELL_TEXT] = 't', [CELL_BLOB] = 'b'};

    for (int i = 0; i < columns[table]; i++) {
        char kind = kinds[table][i];
        bool or_null = kind < 'a';
        if (cells[i].kind == CELL_NULL ? !or_null : letters[cells[i].kind] != (kind | 0x20))
            return false;
    }
    return true;
}

enum err registry_row_read(struct registry_db *d, sqlite3_stmt *s, enum registry_table table,
                           struct cell cells[COLUMNS_MAX], uint32_t *crc)
{
    uint32_t have;

    for (int i = 0; i < columns[table]; i++)
        cells[i] = column(s, i);
    have = row_crc(table, cells);
    if (sqlite3_column_int64(s, columns[table]) != have || !kinds_fit(table, cells))
        return registry_db_fail(d, ERR_CORRUPT, "%s %" PRId64 " was changed: its checksum does not match",
                                registry_table_names[table], cells[0].number);
    if (crc)
        *crc = have;
    return OK;
}

enum err registry_row_get(struct registry_db *d, enum registry_table table, uint64_t id, struct cell cells[COLUMNS_MAX])
{
    sqlite3_stmt *s = registry_db_use(d, (enum statement)(GET_FIRST + table));
    enum err err;

    registry_db_bind(s, 1, cell_number(id));
    err = registry_db_step(d, s);
    return err == OK ? registry_row_read(d, s, table, cells, NULL) : err;
}

/* ---- what it says of itself ---- */

static bool copy_text(char *to, size_t size, struct bytes from)
{
    if (from.len >= size)
        return false;
    memcpy(to, from.data, from.len);
    to[from.len] = '\0';
    return true;
}

enum err registry_state_read(struct registry_db *d, struct registry_owner *owner, struct registry_state *out)
{
    struct cell c[COLUMNS_MAX];
    enum err err = registry_row_get(d, TABLE_STATE, 0, c);

    if (err != OK)
        return err;
    memset(out, 0, sizeof *out);
    if (!copy_text(owner->origin, sizeof owner->origin, c[STATE_ORIGIN].bytes) ||
        public_key_from_spki(&owner->key, c[STATE_KEY].bytes) != OK ||
        !copy_text(out->previous, sizeof out->previous, c[STATE_PREVIOUS].bytes) ||
        !copy_text(out->place, sizeof out->place, c[STATE_PLACE].bytes) ||
        c[STATE_SUMS].bytes.len != sizeof(uint64_t) * 2 * TABLES)
        return registry_db_fail(d, ERR_CORRUPT, "the state makes no sense");
    out->sequence = (uint64_t)c[STATE_SEQUENCE].number;
    out->term = (uint64_t)c[STATE_TERM].number;
    out->published = (uint64_t)c[STATE_PUBLISHED].number;
    for (size_t i = 0; i < TABLES; i++) {
        out->sums[i].rows = le64_get(c[STATE_SUMS].bytes.data + 16 * i);
        out->sums[i].sum = le64_get(c[STATE_SUMS].bytes.data + 16 * i + 8);
    }
    return OK;
}

enum err registry_state_write(struct registry_db *d, const struct registry_owner *owner,
                              const struct registry_state *state)
{
    uint8_t sums[16 * TABLES];
    struct cell c[STATE_COLUMNS] = {[STATE_ID] = cell_number(0),
                                    [STATE_ORIGIN] = cell_text(bytes_of_text(owner->origin)),
                                    [STATE_KEY] = cell_blob(public_key_spki(&owner->key)),
                                    [STATE_SEQUENCE] = cell_number(state->sequence),
                                    [STATE_TERM] = cell_number(state->term),
                                    [STATE_PUBLISHED] = cell_number(state->published),
                                    [STATE_PREVIOUS] = cell_text(bytes_of_text(state->previous)),
                                    [STATE_PLACE] = cell_text(bytes_of_text(state->place)),
                                    [STATE_SUMS] = cell_blob(bytes_of(sums, sizeof sums))};

    for (size_t i = 0; i < TABLES; i++) {
        le64_put(sums + 16 * i, state->sums[i].rows);
        le64_put(sums + 16 * i + 8, state->sums[i].sum);
    }
    return put(d, TABLE_STATE, c, row_crc(TABLE_STATE, c));
}

uint64_t registry_key(struct bytes event_id)
{
    struct digest d = digest_of(event_id);

    return le64_get(d.bytes);
}

/* Writing the row again moves what the statement lends. */
static bool keep_texts(struct workflow_row *row)
{
    static const int at[] = {WORKFLOW_EVENT_ID, WORKFLOW_WORKFLOW_ID, WORKFLOW_TYPE, WORKFLOW_STATUS};

    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        struct bytes *b = &row->cells[at[i]].bytes;
        if (b->len > RECORD_NAME_MAX)
            return false;
        memcpy(row->texts[i], b->data, b->len);
        b->data = row->texts[i];
    }
    return true;
}

/* A workflow that may be the event's: another one can have the same key. */
static enum err read_workflow(struct registry_db *d, uint64_t id, struct bytes event_id, struct workflow_row *out)
{
    sqlite3_stmt *s = registry_db_use(d, (enum statement)(GET_FIRST + TABLE_WORKFLOW));
    enum err err;

    registry_db_bind(s, 1, cell_number(id));
    err = registry_db_step(d, s);
    if (err == ERR_NOT_FOUND)
        err = registry_db_fail(d, ERR_CORRUPT, "workflow %" PRIu64 " is missing", id);
    else if (err == OK)
        err = registry_row_read(d, s, TABLE_WORKFLOW, out->cells, &out->crc);
    if (err == OK && !bytes_equal(out->cells[WORKFLOW_EVENT_ID].bytes, event_id))
        err = ERR_NOT_FOUND;
    else if (err == OK && !keep_texts(out))
        err = registry_db_fail(d, ERR_CORRUPT, "workflow %" PRIu64 " was changed: its names are too long", id);
    sqlite3_reset(s);
    return err;
}

enum err registry_workflow_find(struct registry_db *d, struct bytes event_id, struct workflow_row *out)
{
    sqlite3_stmt *s = registry_db_use(d, KEY_FIND);
    enum err err;

    registry_db_bind(s, 1, cell_number(registry_key(event_id)));
    while ((err = registry_db_step(d, s)) == OK)
        if ((err = read_workflow(d, (uint64_t)sqlite3_column_int64(s, 0), event_id, out)) != ERR_NOT_FOUND)
            break;
    sqlite3_reset(s);
    return err;
}

enum err registry_workflow_put(struct registry_db *d, struct registry_state *state, const struct cell *cells)
{
    sqlite3_stmt *s = registry_db_use(d, KEY_PUT);
    enum err err;

    registry_db_bind(s, 1, cells[WORKFLOW_KEY]);
    registry_db_bind(s, 2, cells[WORKFLOW_ID]);
    if ((err = registry_db_run(d, s)) != OK || (err = registry_row_put(d, state, TABLE_WORKFLOW, cells)) != OK ||
        state->sums[TABLE_WORKFLOW].rows % FRESH_KEYS != 0)
        return err;
    if ((err = registry_db_do(d, KEYS_MOVE)) != OK)
        return err;
    return registry_db_do(d, KEYS_MOVED);
}
