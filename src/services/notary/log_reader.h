/* SPDX-License-Identifier: Apache-2.0
 *
 * log_reader.h - reads the records of a log's file through a window.
 *
 * Owns the window, not the file.  What a call gives is borrowed until the next one.  May call: base/, sys/disk.h.
 */
#ifndef SERVICES_NOTARY_LOG_READER_H
#define SERVICES_NOTARY_LOG_READER_H

#include "services/notary/log_format.h"
#include "sys/disk.h"

struct log_reader {
    struct file *file;
    uint8_t *window;
    uint64_t at; /* the file's offset of window[0] */
    size_t len;
    size_t ahead; /* bytes to read at once */
};

MUST_USE enum err log_reader_init(struct log_reader *r, struct file *file);
void log_reader_deinit(struct log_reader *r);

/* Scanning reads far ahead; looking single records up does not. */
void log_reader_scan(struct log_reader *r, bool scanning);

/* The file was written to: what is in the window may be old. */
void log_reader_forget(struct log_reader *r);

struct log_found {
    struct log_record_header header;
    struct bytes payload;
    uint64_t next; /* where the next record begins */
};

/* ERR_NOT_FOUND: `offset` is the end of the file; ERR_CORRUPT: no whole record begins there; ERR_IO. */
MUST_USE enum err log_reader_record(struct log_reader *r, uint64_t offset, struct log_found *out);

/* True when some whole record behind `offset` proves that `batch` was synced (log_format.h). */
MUST_USE enum err log_reader_find_proof(struct log_reader *r, uint64_t offset, uint64_t batch, bool *found);

#endif
