/* SPDX-License-Identifier: Apache-2.0
 *
 * store_golden.c - see store_golden.h.
 */
#include "store/store_golden.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *const folders[] = {".", "journal", "segments"};

#define PATH_SIZE 1024

static const char *golden; /* the command line's */

static void join(char to[PATH_SIZE], const char *folder, const char *name)
{
    const int len = snprintf(to, PATH_SIZE, "%s%s%s", folder, folder[0] ? "/" : "", name);

    assert_true(len > 0 && len < PATH_SIZE);
}

static void load_file(struct disk *disk, const char *path)
{
    char from[PATH_SIZE];
    static uint8_t bytes[1 << 20];
    struct file *f;

    join(from, golden, path);
    FILE *in = fopen(from, "rb");
    assert_non_null(in);
    const struct bytes part = bytes_of(bytes, fread(bytes, 1, sizeof bytes, in));
    fclose(in);
    assert_int_equal(disk_open(disk, path, DISK_WRITE | DISK_CREATE, &f), OK);
    assert_int_equal(file_write(f, 0, &part, 1), OK);
    assert_int_equal(file_sync(f), OK);
    file_close(f);
}

void golden_load(struct disk *disk)
{
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[PATH_SIZE], name[PATH_SIZE];
        join(path, golden, folders[i]);
        assert_int_equal(disk->ops->mkdir(disk, folders[i]), OK);
        DIR *d = opendir(path);
        if (!d) { /* git keeps no empty folder */
            assert_int_equal(errno, ENOENT);
            continue;
        }
        for (struct dirent *e; (e = readdir(d));) {
            if (e->d_type != DT_REG)
                continue;
            join(name, i ? folders[i] : "", e->d_name);
            load_file(disk, name);
        }
        closedir(d);
    }
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        assert_int_equal(disk->ops->sync_dir(disk, folders[i]), OK);
}

struct dump {
    struct disk *disk;
    const char *folder;
};

static void dump_file(void *ctx, const char *name)
{
    const struct dump *d = ctx;
    char path[PATH_SIZE], to[PATH_SIZE];
    static uint8_t bytes[1 << 20];
    struct file *f;
    size_t got;

    join(path, d->folder, name);
    if (disk_open(d->disk, path, DISK_READ, &f) != OK)
        return; /* a directory */
    assert_int_equal(file_read(f, 0, bytes, sizeof bytes, &got), OK);
    file_close(f);
    join(to, golden, path);
    FILE *out = fopen(to, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, got, out), got);
    fclose(out);
}

void golden_dump(struct disk *disk)
{
    (void)mkdir(golden, 0755);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[PATH_SIZE];
        struct dump d = {.disk = disk, .folder = i ? folders[i] : ""};
        join(path, golden, folders[i]);
        (void)mkdir(path, 0755);
        assert_int_equal(disk->ops->list(disk, folders[i], dump_file, &d), OK);
    }
}

int golden_run(int argc, char **argv, const char *name, void (*write)(void **state), const struct CMUnitTest *tests,
               size_t count)
{
    const struct CMUnitTest writing = {.name = "it_is_written", .test_func = write};
    const bool writes = argc == 3 && strcmp(argv[1], "--write") == 0;

    if (argc != 2 && !writes)
        return 2;
    golden = argv[argc - 1];
    return _cmocka_run_group_tests(name, writes ? &writing : tests, writes ? 1 : count, NULL, NULL);
}
