/* SPDX-License-Identifier: Apache-2.0
 *
 * store_file_fuzz.c - any bytes as one of the store's small files, by the first of them: a segment (its checksums made
 * right, so that what lies behind them is tried), the list of what was given up, the file of a restore; or as the text
 * of
 * --give-up.
 */
#include "fuzz.h"

#include "base/checksum.h"
#include "store/backup.h"
#include "store/give_up.h"
#include "store/lost.h"
#include "store/segment.h"
#include "sys/sim/sim.h"

#include <string.h>

#define RUNS_LOOKED_AT 16u
#define PIECES         8u

struct world {
    struct sim *sim;
    struct sim_disk *disk;
};

static void put_file(struct world *w, const char *path, const uint8_t *data, size_t size)
{
    const struct bytes part = bytes_of(data, size);
    struct file *f;

    HOLDS(disk_open(sim_disk_get(w->disk), path, DISK_WRITE | DISK_CREATE, &f) == OK);
    HOLDS(file_write(f, 0, &part, 1) == OK);
    file_close(f);
}

static void crc_put(uint8_t *from, size_t len, size_t at)
{
    le32_put(from + at, 0);
    le32_put(from + at, crc32c(0, bytes_of(from, len)));
}

static void make_right(uint8_t *bytes, size_t size)
{
    uint8_t *end = bytes + size - SEGMENT_TRAILER_SIZE;
    const uint64_t directory = le64_get(end + 16);

    memcpy(bytes, "GMGASEGM", 8);
    le64_put(bytes + 16, 1);
    crc_put(bytes, SEGMENT_HEADER_SIZE, 12);
    memcpy(end, "GMGASEND", 8);
    if (directory <= size - SEGMENT_TRAILER_SIZE)
        le32_put(end + 24, crc32c(0, bytes_of(bytes + directory, size - SEGMENT_TRAILER_SIZE - (size_t)directory)));
    crc_put(end, SEGMENT_TRAILER_SIZE, 28);
}

static void look_at_run(struct file *f, const struct extent *e)
{
    struct piece pieces[PIECES];
    size_t count;

    if (e->entries == 0 || segment_pieces(f, e, e->first, PIECES, 4096, pieces, &count) != OK)
        return;
    HOLDS(count >= 1 && count <= PIECES && count <= e->entries);
    for (size_t i = 0; i < count; i++)
        HOLDS(pieces[i].len > 0 && pieces[i].len <= RECORD_SIZE_MAX);
}

static void try_segment(struct world *w, const uint8_t *data, size_t size)
{
    struct segment_run *runs;
    char path[SEGMENT_PATH_SIZE];
    const char *what;
    uint64_t batch, offset;
    size_t count;
    struct file *f;

    segment_path(path, 1);
    HOLDS(sim_disk_get(w->disk)->ops->mkdir(sim_disk_get(w->disk), SEGMENT_DIR) == OK);
    put_file(w, path, data, size);
    HOLDS(disk_open(sim_disk_get(w->disk), path, DISK_READ, &f) == OK);
    (void)!segment_header_read(f, 1, &batch);
    if (segment_directory_read(f, 1, &runs, &count, &offset, &what) == OK) {
        for (size_t i = 0; i < count && i < RUNS_LOOKED_AT; i++)
            look_at_run(f, &runs[i].extent);
        free(runs);
    }
    file_close(f);
}

static void try_given_up(struct world *w, const uint8_t *data, size_t size)
{
    struct lost lost;
    unsigned bad_line;

    put_file(w, LOST_PATH, data, size);
    (void)!lost_read(&lost, sim_disk_get(w->disk), &bad_line);
    lost_deinit(&lost);
}

static void try_restored(struct world *w, const uint8_t *data, size_t size)
{
    uint64_t id;

    put_file(w, RESTORED_PATH, data, size);
    (void)!backup_first_id(sim_disk_get(w->disk), &id);
}

static void try_option(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size), message[256];
    struct give_ups list;

    HOLDS(text != NULL);
    if (give_ups_parse(&list, text, message, sizeof message) == OK) {
        HOLDS(list.count <= GIVE_UPS_MAX);
        for (size_t i = 0; i < list.count; i++)
            HOLDS(list.list[i].first <= list.list[i].last);
    }
    free(text);
}

static void try_file(const uint8_t *data, size_t size, void (*try)(struct world *, const uint8_t *, size_t))
{
    struct world w = {.sim = sim_new(1)};

    w.disk = sim_disk_new(sim_random(w.sim));
    try(&w, data, size);
    sim_disk_free(w.disk);
    sim_free(w.sim);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint8_t *copy = malloc(size);
    const size_t len = size - 1;
    HOLDS(copy != NULL);
    memcpy(copy, data + 1, len);
    if (data[0] == 's' && len >= SEGMENT_HEADER_SIZE + SEGMENT_TRAILER_SIZE)
        make_right(copy, len);
    if (data[0] == 's' || data[0] == 'S')
        try_file(copy, len, try_segment);
    else if (data[0] == 'l')
        try_file(copy, len, try_given_up);
    else if (data[0] == 'r')
        try_file(copy, len, try_restored);
    else
        try_option(copy, len);
    free(copy);
    return 0;
}
