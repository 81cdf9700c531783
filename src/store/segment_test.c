/* SPDX-License-Identifier: Apache-2.0
 *
 * segment_test.c - a segment file byte by byte, as docs/storage.md draws it, and what its readers make of wrong bytes.
 */
#include "base/base_test.h"
#include "base/checksum.h"
#include "store/segment.h"
#include "sys/sim/sim.h"

#include <stdlib.h>

#define NUMBER  4u
#define JOURNAL 5u

struct fixture {
    struct sim *sim;
    struct sim_disk *disk;
    struct extent extents[2];
    uint8_t bytes[512]; /* the file */
    size_t len;
};

static struct disk *disk_of(struct fixture *f)
{
    return sim_disk_get(f->disk);
}

static struct file *open_segment(struct fixture *f, unsigned how)
{
    char path[SEGMENT_PATH_SIZE];
    struct file *file;

    segment_path(path, NUMBER);
    assert_int_equal(disk_open(disk_of(f), path, how, &file), OK);
    return file;
}

/* Two records of ledger 7 in the file, three of ledger 9 that stay in a journal file. */
static void write_segment(struct fixture *f)
{
    struct segment_writer *w;
    bool sync_failed;
    size_t count;

    assert_int_equal(segment_writer_new(&w, disk_of(f), NUMBER, 812), OK);
    assert_int_equal(segment_run_begin(w, 7, 100), OK);
    assert_int_equal(segment_add(w, bytes_of_text("first record")), OK);
    assert_int_equal(segment_add(w, bytes_of_text("2nd")), OK);
    assert_int_equal(segment_run_adopt(w, 9, 30, JOURNAL), OK);
    assert_int_equal(segment_adopt(w, 4096, 60), OK);
    assert_int_equal(segment_adopt(w, 4156, 70), OK);
    assert_int_equal(segment_adopt(w, 5000, 80), OK);
    assert_int_equal(segment_finish(w, &sync_failed), OK);
    const struct extent *extents = segment_writer_extents(w, &count);
    assert_int_equal(count, 2);
    memcpy(f->extents, extents, sizeof f->extents);
    segment_writer_free(w);
}

static int set_up(void **state)
{
    struct fixture *f = test_malloc(sizeof *f);

    f->sim = sim_new(1);
    f->disk = sim_disk_new(sim_random(f->sim));
    assert_int_equal(disk_of(f)->ops->mkdir(disk_of(f), SEGMENT_DIR), OK);
    write_segment(f);
    struct file *file = open_segment(f, DISK_READ);
    assert_int_equal(file_read(file, 0, f->bytes, sizeof f->bytes, &f->len), OK);
    file_close(file);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    sim_disk_free(f->disk);
    sim_free(f->sim);
    test_free(f);
    return 0;
}

/* The file with f->bytes in it. */
static struct file *rewritten(struct fixture *f)
{
    const struct bytes part = bytes_of(f->bytes, f->len);
    struct file *file = open_segment(f, DISK_READ | DISK_WRITE);

    assert_int_equal(file_write(file, 0, &part, 1), OK);
    return file;
}

static uint32_t crc_with_0_at(const uint8_t *from, size_t len, size_t at)
{
    uint8_t copy[64];

    memcpy(copy, from, len);
    le32_put(copy + at, 0);
    return crc32c(0, bytes_of(copy, len));
}

static void its_header_is_drawn_right(void **state)
{
    struct fixture *f = *state;
    const uint8_t *h = f->bytes;

    assert_memory_equal(h, "GMGASEGM", 8);
    assert_int_equal(le32_get(h + 8), 2);
    assert_int_equal(le32_get(h + 12), crc_with_0_at(h, 64, 12));
    assert_int_equal(le64_get(h + 16), NUMBER);
    assert_int_equal(le64_get(h + 24), 812);
    for (size_t i = 32; i < 64; i++)
        assert_int_equal(h[i], 0);
}

static void records_and_tables_are_drawn_right(void **state)
{
    struct fixture *f = *state;
    const uint8_t *table = f->bytes + f->extents[0].index_offset, *adopted = f->bytes + f->extents[1].index_offset;

    assert_memory_equal(f->bytes + 64, "first record2nd", 15);
    assert_int_equal(f->extents[0].offset, 64);
    assert_int_equal(f->extents[0].len, 15);
    assert_int_equal(f->extents[0].index_offset, 64 + 15);
    assert_int_equal(le32_get(table), 0);
    assert_int_equal(le32_get(table + 4), 12);
    assert_ptr_equal(adopted, table + 8);
    assert_int_equal(f->extents[1].offset, 4096);
    assert_int_equal(f->extents[1].len, 60 + 70 + 80);
    const uint32_t rows[6] = {0, 60, 60, 70, 904, 80};
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(le32_get(adopted + 4 * i), rows[i]);
    assert_int_equal(le32_get(adopted + 24), crc32c(0, bytes_of(adopted, 24)));
    assert_int_equal(le32_get(adopted + 28), 0);
}

static void its_directory_and_trailer_are_drawn_right(void **state)
{
    struct fixture *f = *state;
    const uint8_t *end = f->bytes + f->len - 32, *row = end - 2 * 48;
    const uint64_t ledgers[2] = {7, 9}, journals[2] = {0, JOURNAL};

    for (size_t i = 0; i < 2; i++, row += 48) {
        assert_int_equal(le64_get(row), ledgers[i]);
        assert_int_equal(le32_get(row + 8), f->extents[i].first);
        assert_int_equal(le32_get(row + 12), f->extents[i].entries);
        assert_int_equal(le64_get(row + 16), f->extents[i].offset);
        assert_int_equal(le64_get(row + 24), f->extents[i].len);
        assert_int_equal(le64_get(row + 32), f->extents[i].index_offset);
        assert_int_equal(le64_get(row + 40), journals[i]);
    }
    assert_memory_equal(end, "GMGASEND", 8);
    assert_int_equal(le64_get(end + 8), 2);
    assert_int_equal(le64_get(end + 16), f->len - 32 - 2 * 48);
    assert_int_equal(le32_get(end + 24), crc32c(0, bytes_of(end - 2 * 48, 2 * 48)));
    assert_int_equal(le32_get(end + 28), crc_with_0_at(end, 32, 28));
    assert_int_equal(f->len, 64 + 15 + 8 + 32 + 2 * 48 + 32);
}

static void pieces_say_where_records_are(void **state)
{
    struct fixture *f = *state;
    struct file *file = open_segment(f, DISK_READ);
    struct piece pieces[8];
    size_t count;

    assert_int_equal(segment_pieces(file, &f->extents[0], 100, 8, 1000, pieces, &count), OK);
    assert_int_equal(count, 2);
    assert_int_equal(pieces[1].offset, 64 + 12);
    assert_int_equal(pieces[1].len, 3);
    assert_int_equal(segment_pieces(file, &f->extents[1], 31, 8, 1000, pieces, &count), OK);
    assert_int_equal(count, 2);
    assert_int_equal(pieces[0].offset, 4156);
    assert_int_equal(pieces[0].len, 70);
    assert_int_equal(pieces[1].offset, 5000);
    assert_int_equal(pieces[1].len, 80);
    file_close(file);
}

static void fill(uint8_t *record, size_t len, size_t seed)
{
    for (size_t i = 0; i < len; i++)
        record[i] = (uint8_t)(i * 31 + (i >> 8) + seed);
}

/* The writer's buffer is a megabyte: none of these ends where one does, and one is longer. */
static void records_that_lie_across_what_is_written_at_once_read_back_whole(void **state)
{
    static const size_t lens[] = {700001, 700002, 13, 2500003, 5, 700004};
    const size_t longest = 2500003;
    struct fixture *f = *state;
    uint8_t *record = test_malloc(longest), *read = test_malloc(longest);
    struct segment_writer *w;
    bool sync_failed;
    size_t count, got;

    assert_int_equal(segment_writer_new(&w, disk_of(f), NUMBER, 812), OK);
    assert_int_equal(segment_run_begin(w, 7, 0), OK);
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        fill(record, lens[i], i);
        assert_int_equal(segment_add(w, bytes_of(record, lens[i])), OK);
    }
    assert_int_equal(segment_finish(w, &sync_failed), OK);
    uint64_t at = segment_writer_extents(w, &count)[0].offset;
    struct file *file = open_segment(f, DISK_READ);
    for (size_t i = 0; i < sizeof lens / sizeof *lens; at += lens[i++]) {
        assert_int_equal(file_read(file, at, read, lens[i], &got), OK);
        assert_int_equal(got, lens[i]);
        fill(record, lens[i], i);
        assert_memory_equal(read, record, lens[i]);
    }
    file_close(file);
    segment_writer_free(w);
    test_free(record);
    test_free(read);
}

/* Whatever bit is wrong: the tools say so, or it is in a record or a table, and those are not theirs to check. */
static void a_flipped_bit_of_header_directory_or_trailer_is_named(void **state)
{
    struct fixture *f = *state;
    const size_t directory = f->len - 32 - 2 * 48;

    for (size_t bit = 0; bit < 8 * f->len; bit++) {
        const size_t at = bit / 8;
        struct segment_run *runs = NULL;
        const char *what = NULL;
        uint64_t batch, offset;
        size_t count;
        f->bytes[at] ^= (uint8_t)(1u << bit % 8);
        struct file *file = rewritten(f);
        assert_int_equal(segment_header_read(file, NUMBER, &batch), at < 64 ? ERR_CORRUPT : OK);
        const enum err err = segment_directory_read(file, NUMBER, &runs, &count, &offset, &what);
        assert_int_equal(err, at >= directory ? ERR_CORRUPT : OK);
        if (err != OK) {
            assert_non_null(what);
            assert_int_equal(offset, at < f->len - 32 ? directory : f->len - 32);
        }
        free(runs);
        file_close(file);
        f->bytes[at] ^= (uint8_t)(1u << bit % 8);
    }
}

static void a_newer_version_is_told_from_damage(void **state)
{
    struct fixture *f = *state;
    uint64_t batch;

    le32_put(f->bytes + 8, SEGMENT_VERSION + 1);
    le32_put(f->bytes + 12, crc_with_0_at(f->bytes, 64, 12));
    struct file *file = rewritten(f);
    assert_int_equal(segment_header_read(file, NUMBER, &batch), ERR_VERSION);
    file_close(file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(its_header_is_drawn_right),
        TEST(records_and_tables_are_drawn_right),
        TEST(its_directory_and_trailer_are_drawn_right),
        TEST(pieces_say_where_records_are),
        TEST(a_flipped_bit_of_header_directory_or_trailer_is_named),
        TEST(records_that_lie_across_what_is_written_at_once_read_back_whole),
        TEST(a_newer_version_is_told_from_damage),
    };

    return cmocka_run_group_tests_name("store: segments", tests, NULL, NULL);
}
