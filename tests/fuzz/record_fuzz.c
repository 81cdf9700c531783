/* SPDX-License-Identifier: Apache-2.0
 *
 * record_fuzz.c - a run of journal records, their checksums made good so that what is behind them is reached.
 */
#include "fuzz.h"

#include "store/cursor_record.h"
#include "store/entry.h"
#include "store/journal_file.h"
#include "store/record.h"
#include <stdlib.h>

static void decode_body(const struct record *r)
{
    struct record_ledger_create create;
    struct record_ledger_close close;
    struct record_cursor cursor;
    struct cursor_changes_reader changes;
    struct cursor_mark mark;
    struct record_run run;
    struct stored_entry entry;
    uint64_t id;

    if (entry_decode(&entry, r) == OK)
        HOLDS(entry.bytes.len <= r->whole.len - ENTRY_HEADER_SIZE && entry.position.ledger > 0);
    if (record_ledger_create_decode(&create, r) == OK)
        HOLDS(r->kind == RECORD_LEDGER_CREATE);
    if (record_ledger_close_decode(&close, r) == OK)
        HOLDS(r->kind == RECORD_LEDGER_CLOSE);
    if (record_ledger_delete_decode(&id, r) == OK)
        HOLDS(r->kind == RECORD_LEDGER_DELETE);
    if (record_cursor_decode(&cursor, r) == OK) {
        while (record_run_decode(&run, &cursor.runs) == OK)
            HOLDS(run.first <= run.last);
    }
    if (cursor_changes_decode(&changes, r) == OK) {
        enum err err;
        while ((err = cursor_changes_run(&changes, &run)) == OK)
            HOLDS(run.first <= run.last);
        while (err == ERR_NOT_FOUND && cursor_changes_mark(&changes, &mark) == OK)
            HOLDS((mark.count > 0 || mark.left.len > 0) && mark.position.entry >= 0);
    }
}

static void decode_headers(struct bytes bytes)
{
    struct journal_file_header file;
    struct batch_header batch;

    if (journal_file_header_decode(&file, bytes) == OK)
        HOLDS(bytes.len >= 64);
    if (bytes.len >= JOURNAL_BATCH_HEADER_SIZE && batch_header_decode(&batch, bytes.data) == OK)
        HOLDS(batch.payload_len <= JOURNAL_PAYLOAD_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 1);
    struct record r;

    if (!copy)
        abort();
    memcpy(copy, data, size);
    decode_headers(bytes_of(copy, size));
    for (size_t at = 0; at + RECORD_HEADER_SIZE <= size;) {
        const size_t len = le32_get(copy + at);
        if (len < RECORD_HEADER_SIZE || len > size - at)
            break;
        record_seal(copy + at, len, bytes_of(NULL, 0));
        if (record_decode(&r, bytes_of(copy + at, size - at)) == OK) {
            HOLDS(r.whole.len == len);
            decode_body(&r);
        }
        at += len;
    }
    free(copy);
    return 0;
}
