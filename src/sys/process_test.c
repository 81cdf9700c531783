/* SPDX-License-Identifier: Apache-2.0
 *
 * process_test.c - what the kernel says of this very process.
 */
#include "base/base_test.h"

#include "sys/process.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void a_process_has_memory_time_and_files(void **state)
{
    struct process_stats stats;

    process_stats_get(&stats);
    assert_true(stats.resident_bytes > 100 * 1024);
    assert_true(stats.virtual_bytes >= stats.resident_bytes);
    assert_true(stats.processor_seconds >= 0);
    assert_true(stats.open_files >= 1);
}

static void a_file_that_is_opened_is_counted(void **state)
{
    struct process_stats before, after;

    process_stats_get(&before);
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    process_stats_get(&after);
    close(fd);
    assert_true(fd >= 0);
    assert_int_equal(after.open_files, before.open_files + 1);
}

static void a_machine_has_processors_and_memory(void **state)
{
    struct machine_stats machine;
    struct process_stats process;

    machine_stats_get(&machine);
    process_stats_get(&process);
    assert_true(machine.processors >= 1);
    assert_true(machine.memory_bytes > process.resident_bytes);
}

/* ---- control groups ---- */

struct groups {
    char top[64], own[96];
};

static void file_write(const struct groups *g, const char *name, const char *text)
{
    char path[256];
    FILE *file;

    assert_true(snprintf(path, sizeof path, "%s/%s", g->top, name) < (int)sizeof path);
    for (char *at = path + strlen(g->top) + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        (void)mkdir(path, 0700); /* or it is there */
        *at = '/';
    }
    assert_non_null(file = fopen(path, "we"));
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void groups_begin(struct groups *g, const char *own)
{
    *g = (struct groups){.top = "/tmp/geminga-groups-XXXXXX"};
    assert_non_null(mkdtemp(g->top));
    (void)snprintf(g->own, sizeof g->own, "%s/own", g->top);
    file_write(g, "own", own);
}

static int remove_one(const char *path, const struct stat *it, int kind, struct FTW *walk)
{
    return remove(path);
}

static void groups_end(struct groups *g)
{
    assert_int_equal(nftw(g->top, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void the_least_limit_of_a_group_and_of_those_above_it_counts(void **state)
{
    struct groups g;

    groups_begin(&g, "0::/system/geminga\n");
    assert_int_equal(process_memory_limit_at(g.own, g.top), 0);
    file_write(&g, "system/geminga/memory.max", "max\n");
    assert_int_equal(process_memory_limit_at(g.own, g.top), 0);
    file_write(&g, "system/memory.max", "268435456\n");
    assert_int_equal(process_memory_limit_at(g.own, g.top), 256 << 20);
    file_write(&g, "system/geminga/memory.max", "536870912\n");
    assert_int_equal(process_memory_limit_at(g.own, g.top), 256 << 20);
    file_write(&g, "system/geminga/memory.max", "134217728\n");
    assert_int_equal(process_memory_limit_at(g.own, g.top), 128 << 20);
    groups_end(&g);
}

static void a_container_may_see_its_own_group_as_the_root_alone(void **state)
{
    struct groups g;

    groups_begin(&g, "0::/docker/0123\n");
    file_write(&g, "memory.max", "268435456\n");
    assert_int_equal(process_memory_limit_at(g.own, g.top), 256 << 20);
    groups_end(&g);
}

static void groups_of_the_first_version_have_a_limit_too(void **state)
{
    struct groups g;

    groups_begin(&g, "7:cpu,cpuacct:/a\n4:memory:/a/b\n0::/\n");
    file_write(&g, "memory/memory.limit_in_bytes", "9223372036854771712\n");
    assert_int_equal(process_memory_limit_at(g.own, g.top), 0);
    file_write(&g, "memory/a/b/memory.limit_in_bytes", "268435456\n");
    assert_int_equal(process_memory_limit_at(g.own, g.top), 256 << 20);
    groups_end(&g);
}

static void where_there_are_no_groups_there_is_no_limit(void **state)
{
    assert_int_equal(process_memory_limit_at("/nowhere/cgroup", "/nowhere"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_has_memory_time_and_files),
        cmocka_unit_test(a_file_that_is_opened_is_counted),
        cmocka_unit_test(a_machine_has_processors_and_memory),
        cmocka_unit_test(the_least_limit_of_a_group_and_of_those_above_it_counts),
        cmocka_unit_test(a_container_may_see_its_own_group_as_the_root_alone),
        cmocka_unit_test(groups_of_the_first_version_have_a_limit_too),
        cmocka_unit_test(where_there_are_no_groups_there_is_no_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
