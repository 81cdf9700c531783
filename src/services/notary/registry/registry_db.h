/* SPDX-License-Identifier: Apache-2.0
 *
 * registry_db.h - the registry's SQLite file: its tables, their rows with checksums, and its statements.
 *
 *     state       the one row of what is true of the whole: struct registry_state
 *     entry       id (log index), first (number of its first result), leaf
 *     result      id (number, from 1), entry, workflow, event_hash, rest, path or NULL
 *     workflow    id (in the order of coming, from 1), key, event_id, workflow_id, type, status, priority or NULL,
 *                 received_ms or NULL, deadline_ms or NULL, number (of its result) or NULL
 *     step        id (from 1), workflow, record (JSON, as it is in the journal)
 *     anchor      id (from 1), entry, name, receipt (JSON)
 *     checkpoint  id (size of the log), note
 *     tile        id (level << 56 | number), hashes: nodes of the tree at each eighth level, 256 to a row; of level 0
 *                 whole tiles only.  Made of the entries
 *
 *     fresh_key, known_key    key, id: which workflow an event has
 *
 * `key` is the first 8 bytes of the SHA-256 of the event's id.  Keys lie anywhere, so that each new one would write a
 * page of its own; they are put into the small `fresh_key` and moved to `known_key` many at once, in order.  Each row
 * ends in a CRC32C over its table and all other cells, and the state has the number of rows and the sum of the CRCs of
 * each table (modulo 2^64), so that a changed, lost or added row is found; the state's own row ends in one as well.
 * `tile` and the keys have none: they are compared with what entries and workflows give.
 *
 * Belongs to one thread.  May call: base/, SQLite, the core.
 */
#ifndef SERVICES_NOTARY_REGISTRY_DB_H
#define SERVICES_NOTARY_REGISTRY_DB_H

#include "base/bytes.h"
#include "base/err.h"
#include "services/notary/documents/checkpoint.h"
#include "services/notary/journal/records.h"
#include <sqlite3.h>

#define REGISTRY_FILE      "registry.db"
#define REGISTRY_PLACE_MAX 4096u
#define REGISTRY_HASH_SIZE (sizeof "sha256:" + DIGEST_HEX_LEN)

enum registry_table {
    TABLE_STATE,
    TABLE_ENTRY,
    TABLE_RESULT,
    TABLE_WORKFLOW,
    TABLE_STEP,
    TABLE_ANCHOR,
    TABLE_CHECKPOINT,
    TABLES,
};

/* Columns, the id included and the CRC not. */
#define COLUMNS_MAX 32

enum entry_column { ENTRY_ID, ENTRY_FIRST, ENTRY_LEAF, ENTRY_COLUMNS };
enum result_column {
    RESULT_ID,
    RESULT_ENTRY,
    RESULT_WORKFLOW,
    RESULT_EVENT_HASH,
    RESULT_REST,
    RESULT_PATH,
    RESULT_COLUMNS
};
enum workflow_column {
    WORKFLOW_ID,
    WORKFLOW_KEY,
    WORKFLOW_EVENT_ID,
    WORKFLOW_WORKFLOW_ID,
    WORKFLOW_TYPE,
    WORKFLOW_STATUS,
    WORKFLOW_PRIORITY,
    WORKFLOW_RECEIVED,
    WORKFLOW_DEADLINE,
    WORKFLOW_NUMBER,
    WORKFLOW_COLUMNS
};
enum step_column { STEP_ID, STEP_WORKFLOW, STEP_RECORD, STEP_COLUMNS };
enum anchor_column { ANCHOR_ID, ANCHOR_ENTRY, ANCHOR_NAME, ANCHOR_RECEIPT, ANCHOR_COLUMNS };
enum checkpoint_column { CHECKPOINT_ID, CHECKPOINT_NOTE, CHECKPOINT_COLUMNS };

struct table_sum {
    uint64_t rows, sum;
};

/* What is true of the whole, behind a whole document. */
struct registry_state {
    uint64_t sequence, term, published;
    char previous[REGISTRY_HASH_SIZE];
    char place[REGISTRY_PLACE_MAX + 1];
    struct table_sum sums[TABLES]; /* [TABLE_STATE] is not used */
};

/* Whose log it is: written once. */
struct registry_owner {
    char origin[CHECKPOINT_ORIGIN_MAX + 1];
    struct public_key key;
};

/* A cell of a row; texts and blobs are borrowed. */
enum cell_kind { CELL_NULL, CELL_NUMBER, CELL_TEXT, CELL_BLOB };
struct cell {
    enum cell_kind kind;
    int64_t number;
    struct bytes bytes;
};

static inline struct cell cell_number(uint64_t n)
{
    return (struct cell){.kind = CELL_NUMBER, .number = (int64_t)n};
}

static inline struct cell cell_text(struct bytes b)
{
    return (struct cell){.kind = CELL_TEXT, .bytes = b};
}

static inline struct cell cell_blob(struct bytes b)
{
    return (struct cell){.kind = CELL_BLOB, .bytes = b};
}

enum statement {
    BEGIN_READ,
    BEGIN_WRITE,
    COMMIT,
    PUT_FIRST,                       /* one for each table, in their order: all cells and the CRC */
    GET_FIRST = PUT_FIRST + TABLES,  /* by id */
    SCAN_FIRST = GET_FIRST + TABLES, /* all, by id */
    KEY_PUT = SCAN_FIRST + TABLES,
    KEYS_MOVE,
    KEYS_MOVED,
    KEY_FIND,
    WORKFLOWS_OPEN,
    WORKFLOWS_NEWEST,    /* before ?1 (an id) */
    WORKFLOWS_OF_STATUS, /* before ?1, of status ?2, which is not "notarized" */
    WORKFLOWS_OPEN_NEWEST,
    WORKFLOWS_COUNTED, /* of each status but "notarized", open or not: how many */
    STEPS_OF,
    ANCHORS_OF,
    ANCHOR_OF, /* entry ?1, name ?2 */
    UNANCHORED,
    CHECKPOINT_ABOVE, /* the first of more entries than ?1 */
    CHECKPOINT_LAST,
    ENTRIES_FROM, /* id >= ?1, at most ?2 */
    TILE_PUT,
    TILE_GET,
    TILE_SCAN,
    INDEX_FRESH_KEY, /* what the indexes have, for the check */
    INDEX_KNOWN_KEY,
    INDEX_OPEN,
    INDEX_STATUS,
    INDEX_STEP,
    INDEX_ANCHOR,
    STATEMENTS,
};

struct registry_db {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS]; /* each prepared at its first use */
    char failure[400];                    /* what the last error was */
};

/* `path` NULL: in memory.  Makes the tables where there are none, unless it is only read.  ERR_NOT_FOUND (only read),
 * ERR_CORRUPT: this is no registry; ERR_VERSION: one of a later program. */
MUST_USE enum err registry_db_open(struct registry_db *d, const char *path, bool read_only);
void registry_db_close(struct registry_db *d);

/* Writes d->failure, and returns `err`. */
PRINTF_LIKE(3, 4) enum err registry_db_fail(struct registry_db *d, enum err err, const char *format, ...);

/* The statement, with nothing bound; NULL when it cannot be made (then registry_db_step says why). */
sqlite3_stmt *registry_db_use(struct registry_db *d, enum statement which);
void registry_db_bind(sqlite3_stmt *s, int at, struct cell cell); /* `at` from 1 */
/* OK: there is a row; ERR_NOT_FOUND: no more, and the statement is reset. */
MUST_USE enum err registry_db_step(struct registry_db *d, sqlite3_stmt *s);
/* To its end, without rows. */
MUST_USE enum err registry_db_run(struct registry_db *d, sqlite3_stmt *s);
MUST_USE enum err registry_db_do(struct registry_db *d, enum statement which);
/* No statement stands on a row any more: what a row lent is gone.  Each call from outside ends with it, since a
 * statement in the middle keeps SQLite from taking its log down. */
void registry_db_rest(struct registry_db *d);
/* Undoes what is under way, if anything is. */
void registry_db_rollback(struct registry_db *d);

/* ---- rows ---- */

extern const char *const registry_table_names[TABLES];

/* Adds a row, or replaces the one of its id when its CRC was `old_crc` (not 0). */
MUST_USE enum err registry_row_put(struct registry_db *d, struct registry_state *state, enum registry_table table,
                                   const struct cell *cells);
MUST_USE enum err registry_row_replace(struct registry_db *d, struct registry_state *state, enum registry_table table,
                                       const struct cell *cells, uint32_t old_crc);
/* The row that a statement stands on, borrowed until the next step; ERR_CORRUPT (d->failure names the row): it is not
 * what was written.  `crc` may be NULL. */
MUST_USE enum err registry_row_read(struct registry_db *d, sqlite3_stmt *s, enum registry_table table,
                                    struct cell cells[COLUMNS_MAX], uint32_t *crc);
/* By id; the statement stays on the row.  ERR_NOT_FOUND. */
MUST_USE enum err registry_row_get(struct registry_db *d, enum registry_table table, uint64_t id,
                                   struct cell cells[COLUMNS_MAX]);

/* ---- what it says of itself ---- */

MUST_USE enum err registry_state_read(struct registry_db *d, struct registry_owner *owner, struct registry_state *out);
MUST_USE enum err registry_state_write(struct registry_db *d, const struct registry_owner *owner,
                                       const struct registry_state *state);

uint64_t registry_key(struct bytes event_id);

/* A row of `workflow` with its texts. */
struct workflow_row {
    struct cell cells[COLUMNS_MAX];
    uint32_t crc;
    uint8_t texts[4][RECORD_NAME_MAX];
};

/* Adds a workflow, and its key. */
MUST_USE enum err registry_workflow_put(struct registry_db *d, struct registry_state *state, const struct cell *cells);
/* The workflow of an event.  ERR_NOT_FOUND. */
MUST_USE enum err registry_workflow_find(struct registry_db *d, struct bytes event_id, struct workflow_row *out);

#endif
