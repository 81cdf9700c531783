/* SPDX-License-Identifier: Apache-2.0
 *
 * log_reader.c - one window over one file.
 */
#include "services/notary/log_reader.h"

#include <assert.h>
#include <stdlib.h>

#define WINDOW_BYTES (1u << 20)
#define LOOKUP_AHEAD 4096
static_assert(WINDOW_BYTES >= LOG_PAYLOAD_MAX + LOG_RECORD_HEADER_LEN, "a record fits into the window");

enum err log_reader_init(struct log_reader *r, struct file *file)
{
    *r = (struct log_reader){.file = file, .window = malloc(WINDOW_BYTES), .ahead = WINDOW_BYTES};
    return r->window ? OK : ERR_NOMEM;
}

void log_reader_deinit(struct log_reader *r)
{
    free(r->window);
    r->window = NULL;
}

void log_reader_scan(struct log_reader *r, bool scanning)
{
    r->ahead = scanning ? WINDOW_BYTES : LOOKUP_AHEAD;
}

void log_reader_forget(struct log_reader *r)
{
    r->len = 0;
}

/* Up to `len` bytes at `offset`; fewer at the end of the file only. */
static enum err peek(struct log_reader *r, uint64_t offset, size_t len, struct bytes *out)
{
    bool inside = offset >= r->at && offset + len <= r->at + r->len;
    size_t wanted = len > r->ahead ? len : r->ahead, have;
    enum err err;

    if (!inside) {
        r->at = offset;
        r->len = 0;
        if ((err = file_read(r->file, offset, r->window, wanted, &r->len)) != OK)
            return err;
    }
    have = (size_t)(r->at + r->len - offset);
    *out = bytes_of(r->window + (offset - r->at), len < have ? len : have);
    return OK;
}

enum err log_reader_record(struct log_reader *r, uint64_t offset, struct log_found *out)
{
    uint8_t header[LOG_RECORD_HEADER_LEN];
    struct bytes b;
    enum err err;

    if ((err = peek(r, offset, sizeof header, &b)) != OK)
        return err;
    if (b.len == 0)
        return ERR_NOT_FOUND;
    if (b.len < sizeof header || !log_record_header_decode(&out->header, b.data))
        return ERR_CORRUPT;
    memcpy(header, b.data, sizeof header);
    if ((err = peek(r, offset + sizeof header, out->header.payload_len, &out->payload)) != OK)
        return err;
    if (!log_record_is_whole(&out->header, header, out->payload))
        return ERR_CORRUPT;
    out->next = offset + sizeof header + out->header.payload_len;
    return OK;
}

enum err log_reader_find_proof(struct log_reader *r, uint64_t offset, uint64_t batch, bool *found)
{
    struct log_record_header header;
    struct log_found record;
    struct bytes b;
    enum err err;

    *found = false;
    for (;; offset++) {
        if ((err = peek(r, offset, LOG_RECORD_HEADER_LEN, &b)) != OK)
            return err;
        if (b.len < LOG_RECORD_HEADER_LEN)
            return OK;
        if (!log_record_header_decode(&header, b.data))
            continue;
        if (header.batch < batch || (header.batch == batch && header.kind != LOG_SEAL))
            continue;
        err = log_reader_record(r, offset, &record);
        if (err == OK)
            *found = true;
        if (err != ERR_CORRUPT)
            return err;
    }
}
