/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_fuzz.c - batches in the journal behind those of a new store, which is then opened: recovery, from the file's
 * header to what the records say.  The input is pieces of
 *
 *     kind  length (2 bytes)  bytes
 *
 * the payload of a batch, whose records' checksums are made right (kind 0 to 127) or left (128 to 191), or bytes in
 * place of a batch (192 and more).  The batches themselves are valid: whoever cannot make such ones gets no further.
 */
#include "fuzz.h"

#include "base/checksum.h"
#include "store/journal_file.h"
#include "store/record.h"
#include "store/store.h"
#include "sys/sim/sim.h"

#include <string.h>

#define FILE_BYTES (256u * 1024)
#define PIECES_MAX 16u

struct world {
    struct sim *sim;
    struct sim_disk *disk;
    struct sim_host *host;
    struct store *store;
};

static void on_fatal(void *ctx, enum err err, const char *what)
{
    abort();
}

static enum err open_store(struct world *w)
{
    const struct store_options options = {
        .holder = "test", .on_fatal = on_fatal, .journal_file_bytes = FILE_BYTES, .tail_cache_bytes = 1 << 20};
    char message[400] = "";

    w->host = sim_host_new(w->sim, "broker", w->disk);
    const enum err err = store_open(&w->store, &options, sim_host_sys(w->host), message, sizeof message);
    HOLDS(err == OK || strlen(message) > 0);
    return err;
}

static void on_durable(struct store_op *op, enum err err)
{
    HOLDS(err == OK);
    op->done = NULL;
}

/* So that there is a journal. */
static void write_row(struct world *w)
{
    const struct catalog_row row = {
        .id = store_id_new(w->store), .name = bytes_of_text("t"), .value = bytes_of_text("v")};
    struct store_op op = {.done = on_durable};

    HOLDS(catalog_put(w->store, CATALOG_TENANT, &row) == OK);
    store_barrier(w->store, &op);
    while (op.done)
        HOLDS(sim_step(w->sim));
}

static void kill_store(struct world *w)
{
    sim_host_crash(w->host);
    sim_disk_kill(w->disk);
    store_free(w->store);
    sim_host_free(w->host);
    sim_disk_restart(w->disk);
    w->store = NULL;
}

/* ---- the journal's end ---- */

struct tail {
    struct file *file;
    uint64_t offset, number, generation, salt;
    uint32_t crc;
};

/* Where the last batch of this file ends; false: there is no such file, or it was never in use. */
static bool find_tail(struct tail *t, struct disk *disk, uint64_t number)
{
    uint8_t bytes[JOURNAL_HEADER_SIZE], head[JOURNAL_BATCH_HEADER_SIZE];
    struct journal_file_header header;
    struct batch_header batch;
    char path[JOURNAL_PATH_SIZE];
    size_t got;

    journal_path(path, number);
    if (disk_open(disk, path, DISK_READ | DISK_WRITE, &t->file) != OK)
        return false;
    if (file_read(t->file, 0, bytes, sizeof bytes, &got) != OK || got != sizeof bytes ||
        journal_file_header_decode(&header, bytes_of(bytes, sizeof bytes)) != OK) {
        file_close(t->file);
        return false;
    }
    *t = (struct tail){.file = t->file,
                       .offset = sizeof bytes,
                       .number = header.first_batch,
                       .generation = header.generation,
                       .salt = header.salt,
                       .crc = header.previous_crc};
    while (file_read(t->file, t->offset, head, sizeof head, &got) == OK && got == sizeof head &&
           batch_header_decode(&batch, head) == OK && batch.number == t->number && batch.previous_crc == t->crc) {
        t->offset += batch_whole(&batch);
        t->number++;
        t->crc = batch.crc;
    }
    return true;
}

/* In the newest of the files. */
static void find_journal(struct tail *newest, struct disk *disk)
{
    bool found = false;

    for (uint64_t number = 0; number < 8; number++) {
        struct tail t;
        if (!find_tail(&t, disk, number))
            continue;
        if (found && t.generation < newest->generation) {
            file_close(t.file);
            continue;
        }
        if (found)
            file_close(newest->file);
        *newest = t;
        found = true;
    }
    HOLDS(found);
}

static uint32_t seal_records(uint8_t *payload, size_t size)
{
    uint32_t records = 0;

    for (size_t at = 0; at + RECORD_HEADER_SIZE <= size; records++) {
        const size_t len = le32_get(payload + at);
        if (len < RECORD_HEADER_SIZE || len > size - at)
            break;
        record_seal(payload + at, len, bytes_of(NULL, 0));
        at += len;
    }
    return records;
}

static void put(struct tail *t, const uint8_t *data, size_t len)
{
    const struct bytes part = bytes_of(data, len);

    if (t->offset + len <= FILE_BYTES)
        HOLDS(file_write(t->file, t->offset, &part, 1) == OK);
}

static void put_batch(struct tail *t, bool seal, const uint8_t *payload, size_t len)
{
    struct batch_header h = {.number = t->number,
                             .generation = t->generation,
                             .payload_len = (uint32_t)len,
                             .previous_crc = t->crc,
                             .kind = BATCH_RECORDS};
    const size_t span = batch_span(len);
    uint8_t *bytes = calloc(1, span);

    HOLDS(bytes != NULL);
    memcpy(bytes + JOURNAL_BATCH_HEADER_SIZE, payload, len);
    h.records = seal ? seal_records(bytes + JOURNAL_BATCH_HEADER_SIZE, len) : 1;
    const uint32_t begun = batch_header_begin(bytes, &h, t->salt);
    batch_header_end(bytes, &h, crc32c(begun, bytes_of(bytes + JOURNAL_BATCH_HEADER_SIZE, len)));
    put(t, bytes, span);
    t->offset += span;
    t->number++;
    t->crc = h.crc;
    free(bytes);
}

static void put_pieces(struct tail *t, const uint8_t *data, size_t size)
{
    for (unsigned pieces = 0; size > 3 && pieces < PIECES_MAX; pieces++) {
        const size_t wanted = (size_t)data[1] << 8 | data[2], left = size - 3, len = wanted < left ? wanted : left;
        if (data[0] < 192)
            put_batch(t, data[0] < 128, data + 3, len);
        else
            put(t, data + 3, len);
        data += 3 + len;
        size = left - len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.sim = sim_new(1)};
    struct tail tail = {0};

    w.disk = sim_disk_new(sim_random(w.sim));
    HOLDS(open_store(&w) == OK);
    write_row(&w);
    kill_store(&w);
    find_journal(&tail, sim_disk_get(w.disk));
    put_pieces(&tail, data, size);
    file_close(tail.file);
    (void)open_store(&w);
    kill_store(&w);
    sim_disk_free(w.disk);
    sim_free(w.sim);
    return 0;
}
