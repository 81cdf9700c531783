/* SPDX-License-Identifier: Apache-2.0
 *
 * disk_posix_test.c - the kernel's disk, in a directory of its own.
 */
#include "base/base_test.h"
#include "sys/disk_posix.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fixture {
    char directory[64];
    struct disk *disk;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->directory, sizeof f->directory, "/tmp/geminga-disk-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    assert_int_equal(disk_posix_new(&f->disk, f->directory), OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[96];

    disk_posix_free(f->disk);
    snprintf(command, sizeof command, "rm -r %s", f->directory);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static struct file *file_new(struct disk *disk, const char *path, unsigned flags)
{
    struct file *file;
    assert_int_equal(disk_open(disk, path, DISK_READ | DISK_WRITE | DISK_CREATE | flags, &file), OK);
    return file;
}

static void the_directory_and_its_parents_are_made(void **state)
{
    struct fixture *f = *state;
    struct disk *deep;
    char path[96];

    snprintf(path, sizeof path, "%s/a/b/c", f->directory);
    assert_int_equal(disk_posix_new(&deep, path), OK);
    disk_posix_free(deep);
    assert_int_equal(access(path, R_OK | W_OK | X_OK), 0);
}

static void a_directory_that_is_a_file_is_refused(void **state)
{
    struct fixture *f = *state;
    struct disk *disk;
    char path[96];

    file_close(file_new(f->disk, "plain", 0));
    snprintf(path, sizeof path, "%s/plain", f->directory);
    assert_int_equal(disk_posix_new(&disk, path), ERR_IO);
}

static void what_is_written_is_read_back(void **state)
{
    struct fixture *f = *state;
    struct file *file = file_new(f->disk, "x", 0);
    struct bytes parts[] = {bytes_of_text("one,"), bytes_of_text(""), bytes_of_text("two")};
    char text[16] = "";
    size_t got;

    assert_int_equal(file_write(file, 5, parts, 3), OK);
    assert_int_equal(file_sync(file), OK);
    assert_int_equal(file_read(file, 5, text, 7, &got), OK);
    assert_int_equal(got, 7);
    assert_string_equal(text, "one,two");
    file_close(file);
}

static void a_read_beyond_the_end_is_short(void **state)
{
    struct fixture *f = *state;
    struct file *file = file_new(f->disk, "x", DISK_DIRECT);
    struct bytes part = bytes_of_text("abc");
    char text[8];
    size_t got;

    assert_int_equal(file_write(file, 0, &part, 1), OK);
    assert_int_equal(file_sync(file), OK);
    assert_int_equal(file_read(file, 1, text, sizeof text, &got), OK);
    assert_int_equal(got, 2);
    assert_int_equal(file_read(file, 9, text, sizeof text, &got), OK);
    assert_int_equal(got, 0);
    file_close(file);
}

/* Reads [offset, offset + len) of `file` into aligned memory, and holds it against `expected`. */
static void assert_reads(struct file *file, uint8_t *memory, const uint8_t *expected, size_t size, size_t offset,
                         size_t len)
{
    const size_t there = offset >= size ? 0 : size - offset < len ? size - offset : len;
    size_t got;

    memset(memory, 0xee, len);
    assert_int_equal(file_read(file, offset, memory, len, &got), OK);
    assert_int_equal(got, there);
    assert_memory_equal(memory, expected + (there ? offset : 0), there);
}

static void what_is_read_past_the_page_cache_is_what_was_written(void **state)
{
    enum { SIZE = 300 * 1024 + 123, SPACE = 1 << 20 };
    struct fixture *f = *state;
    struct file *file = file_new(f->disk, "x", DISK_DIRECT);
    uint8_t *written = malloc(SIZE), *memory = aligned_alloc(DISK_ALIGN, SPACE + DISK_ALIGN);
    struct bytes part = bytes_of(written, SIZE);

    for (size_t i = 0; i < SIZE; i++)
        written[i] = (uint8_t)(i * 7919 >> 8);
    assert_int_equal(file_write(file, 0, &part, 1), OK);
    for (int cached = 1; cached >= 0; cached--) {
        if (!cached) {
            assert_int_equal(file_sync(file), OK);
            file_advise(file, 0, SIZE, FILE_PASSED);
        }
        assert_reads(file, memory, written, SIZE, 0, 128 * 1024);
        assert_reads(file, memory, written, SIZE, 200 * 1024, SPACE); /* to the end, and beyond it */
        assert_reads(file, memory, written, SIZE, 300 * 1024, SPACE); /* only the last piece */
        assert_reads(file, memory, written, SIZE, 2 * SPACE, SPACE);  /* nothing */
        assert_reads(file, memory, written, SIZE, 1000, 128 * 1024);  /* not aligned: the place, */
        assert_reads(file, memory, written, SIZE, 4096, 10001);       /* the length, */
        assert_reads(file, memory + 8, written, SIZE, 0, 128 * 1024); /* the memory */
    }
    file_close(file);
    free(memory);
    free(written);
}

/* Writes written[offset, offset + len) in pieces of odd lengths, in one call. */
static void write_in_pieces(struct file *file, const uint8_t *written, size_t offset, size_t len)
{
    enum { PIECES = 400 };
    struct bytes parts[PIECES];
    size_t count = 0, at = 0;

    for (size_t piece = 1; at < len; at += parts[count++].len, piece = piece * 3 + 1) {
        const size_t n = count == PIECES - 1 || piece % 70001 > len - at ? len - at : piece % 70001;
        parts[count] = bytes_of(written + offset + at, n);
    }
    assert_int_equal(file_write(file, offset, parts, count), OK);
}

static void write_at_once(struct file *file, const uint8_t *written, size_t offset, size_t len)
{
    const struct bytes part = bytes_of(written + offset, len);

    assert_int_equal(file_write(file, offset, &part, 1), OK);
}

static void what_is_written_past_the_page_cache_is_read_back_as_what_is_not(void **state)
{
    enum { PAGE = DISK_ALIGN, SIZE = 5 << 20 };
    struct fixture *f = *state;
    struct file *file = file_new(f->disk, "x", DISK_DIRECT);
    uint8_t *written = aligned_alloc(DISK_ALIGN, SIZE), *memory = malloc(SIZE);
    size_t got;

    for (size_t i = 0; i < SIZE; i++)
        written[i] = (uint8_t)(i * 7919 >> 8);
    write_in_pieces(file, written, 0, 100);               /* small, */
    write_at_once(file, written, 0, PAGE);                /* a page, over it, */
    write_at_once(file, written, PAGE, 2 << 20);          /* many, beyond the end, */
    write_at_once(file, written, (2 << 20) + PAGE, 5000); /* of a length that is none of pages, */
    write_in_pieces(file, written, (2 << 20) + PAGE, (1 << 20) - PAGE);
    write_at_once(file, written, 3 << 20, 100 * PAGE);
    write_at_once(file, written, (3 << 20) + 512, 100 * PAGE); /* begun within a page */
    write_in_pieces(file, written, (3 << 20) + 99 * PAGE, 100 * PAGE + 1);
    for (size_t at = (3 << 20) + 199 * PAGE; at < SIZE; at += PAGE)
        write_at_once(file, written, at, PAGE);
    assert_int_equal(file_sync(file), OK);
    assert_int_equal(file_read(file, 0, memory, SIZE, &got), OK);
    assert_int_equal(got, SIZE);
    assert_memory_equal(memory, written, SIZE);
    file_close(file);
    free(memory);
    free(written);
}

static void advice_changes_nothing_that_is_read(void **state)
{
    struct fixture *f = *state;
    struct file *file = file_new(f->disk, "x", 0);
    struct bytes part = bytes_of_text("abcdef");
    char text[8] = "";
    size_t got;

    assert_int_equal(file_write(file, 0, &part, 1), OK);
    file_advise(file, 0, 1 << 20, FILE_PASSED);
    assert_int_equal(file_read(file, 0, text, 6, &got), OK);
    assert_string_equal(text, "abcdef");
    file_close(file);
}

static void more_parts_than_one_call_takes_are_all_written(void **state)
{
    struct fixture *f = *state;
    struct file *file = file_new(f->disk, "x", 0);
    struct bytes parts[1000];
    char digits[1000], text[1000];
    size_t got;

    for (int i = 0; i < 1000; i++) {
        digits[i] = (char)('0' + i % 10);
        parts[i] = bytes_of(&digits[i], 1);
    }
    assert_int_equal(file_write(file, 0, parts, 1000), OK);
    assert_int_equal(file_read(file, 0, text, sizeof text, &got), OK);
    assert_int_equal(got, 1000);
    assert_memory_equal(text, digits, sizeof text);
    file_close(file);
}

static void a_file_is_cut_to_a_size(void **state)
{
    struct fixture *f = *state;
    struct file *file = file_new(f->disk, "x", 0);
    struct bytes part = bytes_of_text("abcdef");
    uint64_t size;

    assert_int_equal(file_write(file, 0, &part, 1), OK);
    assert_int_equal(file_truncate(file, 2), OK);
    assert_int_equal(file_size(file, &size), OK);
    assert_int_equal(size, 2);
    file_close(file);
}

static void space_taken_ahead_keeps_what_is_there_and_reads_as_zeros(void **state)
{
    struct fixture *f = *state;
    struct file *file = file_new(f->disk, "x", DISK_READ);
    const struct bytes part = bytes_of_text("ab");
    uint8_t got[5] = "xxxxx";
    uint64_t size;
    size_t len;

    assert_int_equal(file_write(file, 0, &part, 1), OK);
    const enum err err = file_allocate(file, 4);
    if (err == ERR_UNSUPPORTED)
        skip();
    assert_int_equal(err, OK);
    assert_int_equal(file_allocate(file, 3), OK);
    assert_int_equal(file_size(file, &size), OK);
    assert_int_equal(size, 4);
    assert_int_equal(file_read(file, 0, got, sizeof got, &len), OK);
    assert_int_equal(len, 4);
    assert_memory_equal(got, "ab\0\0x", 5);
    file_close(file);
}

static void exclusive_creation_refuses_a_file_that_is_there(void **state)
{
    struct fixture *f = *state;
    struct file *file = file_new(f->disk, "x", 0), *second;

    assert_int_equal(disk_open(f->disk, "x", DISK_WRITE | DISK_CREATE | DISK_EXCLUSIVE, &second), ERR_EXISTS);
    file_close(file);
}

static void an_absent_file_is_not_found(void **state)
{
    struct fixture *f = *state;
    struct file *file;

    assert_int_equal(disk_open(f->disk, "absent", DISK_READ, &file), ERR_NOT_FOUND);
    assert_int_equal(f->disk->ops->unlink(f->disk, "absent"), ERR_NOT_FOUND);
}

static void a_full_disk_says_so(void **state)
{
    struct disk *dev;
    struct file *full;
    struct bytes part = bytes_of_text("x");

    (void)state;
    assert_int_equal(disk_posix_new(&dev, "/dev"), OK);
    assert_int_equal(disk_open(dev, "full", DISK_WRITE, &full), OK);
    assert_int_equal(file_write(full, 0, &part, 1), ERR_NOSPACE);
    file_close(full);
    disk_posix_free(dev);
}

static void count_name(void *ctx, const char *name)
{
    int *seen = ctx;

    assert_true(strcmp(name, "one") == 0 || strcmp(name, "three") == 0);
    *seen += 1;
}

static void names_are_made_renamed_removed_and_listed(void **state)
{
    struct fixture *f = *state;
    struct disk *d = f->disk;
    int seen = 0;

    assert_int_equal(d->ops->mkdir(d, "sub"), OK);
    assert_int_equal(d->ops->mkdir(d, "sub"), OK);
    file_close(file_new(d, "sub/one", 0));
    file_close(file_new(d, "sub/two", 0));
    file_close(file_new(d, "sub/gone", 0));
    assert_int_equal(d->ops->rename(d, "sub/two", "sub/three"), OK);
    assert_int_equal(d->ops->unlink(d, "sub/gone"), OK);
    assert_int_equal(d->ops->sync_dir(d, "sub"), OK);
    assert_int_equal(d->ops->sync_dir(d, "."), OK);
    assert_int_equal(d->ops->list(d, "sub", count_name, &seen), OK);
    assert_int_equal(seen, 2);
}

static void a_large_file_that_is_unlinked_gives_its_space_back_piece_by_piece(void **state)
{
    struct fixture *f = *state;
    struct file *file = file_new(f->disk, "large", 0);
    uint64_t left;

    assert_int_equal(file_truncate(file, 5 << 20), OK);
    assert_int_equal(f->disk->ops->unlink(f->disk, "large"), OK);
    assert_int_equal(file_size(file, &left), OK); /* the last piece goes with whoever has it open */
    assert_int_equal(left, 1 << 20);
    file_close(file);
}

static void a_file_that_has_another_name_keeps_its_bytes(void **state)
{
    struct fixture *f = *state;
    struct file *file = file_new(f->disk, "one", 0);
    char one[PATH_MAX], other[PATH_MAX];
    uint64_t left;

    snprintf(one, sizeof one, "%s/one", f->directory);
    snprintf(other, sizeof other, "%s/other", f->directory);
    assert_int_equal(file_truncate(file, 5 << 20), OK);
    assert_int_equal(link(one, other), 0);
    assert_int_equal(f->disk->ops->unlink(f->disk, "one"), OK);
    assert_int_equal(file_size(file, &left), OK);
    assert_int_equal(left, 5 << 20);
    file_close(file);
    assert_int_equal(f->disk->ops->unlink(f->disk, "other"), OK);
}

static void free_space_is_told(void **state)
{
    struct fixture *f = *state;
    uint64_t bytes = 0;

    assert_int_equal(f->disk->ops->free_bytes(f->disk, &bytes), OK);
    assert_true(bytes > 0);
}

static void a_second_lock_is_told_who_holds_the_first(void **state)
{
    struct fixture *f = *state;
    struct disk *second;
    char other[64] = "";

    assert_int_equal(f->disk->ops->lock(f->disk, "lock", "geminga pid 7", other, sizeof other), OK);
    assert_int_equal(disk_posix_new(&second, f->directory), OK);
    assert_int_equal(second->ops->lock(second, "lock", "geminga pid 8", other, sizeof other), ERR_BUSY);
    assert_string_equal(other, "geminga pid 7");
    disk_posix_free(second);
}

static void a_lock_goes_with_its_disk(void **state)
{
    struct fixture *f = *state;
    struct disk *second;
    char other[64] = "";

    assert_int_equal(disk_posix_new(&second, f->directory), OK);
    assert_int_equal(second->ops->lock(second, "lock", "a rather long name of a holder", other, sizeof other), OK);
    disk_posix_free(second);
    assert_int_equal(f->disk->ops->lock(f->disk, "lock", "short", other, sizeof other), OK);
    assert_int_equal(disk_posix_new(&second, f->directory), OK);
    assert_int_equal(second->ops->lock(second, "lock", "x", other, sizeof other), ERR_BUSY);
    assert_string_equal(other, "short");
    disk_posix_free(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_directory_and_its_parents_are_made, setup, teardown),
        cmocka_unit_test_setup_teardown(a_directory_that_is_a_file_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_written_is_read_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_read_beyond_the_end_is_short, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_read_past_the_page_cache_is_what_was_written, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_written_past_the_page_cache_is_read_back_as_what_is_not, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(advice_changes_nothing_that_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(more_parts_than_one_call_takes_are_all_written, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_is_cut_to_a_size, setup, teardown),
        cmocka_unit_test_setup_teardown(space_taken_ahead_keeps_what_is_there_and_reads_as_zeros, setup, teardown),
        cmocka_unit_test_setup_teardown(exclusive_creation_refuses_a_file_that_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(an_absent_file_is_not_found, setup, teardown),
        cmocka_unit_test(a_full_disk_says_so),
        cmocka_unit_test_setup_teardown(names_are_made_renamed_removed_and_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_large_file_that_is_unlinked_gives_its_space_back_piece_by_piece, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_file_that_has_another_name_keeps_its_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(free_space_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_lock_is_told_who_holds_the_first, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lock_goes_with_its_disk, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
