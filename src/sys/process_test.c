/* SPDX-License-Identifier: Apache-2.0
 *
 * process_test.c - what the kernel says of this very process.
 */
#include "base/base_test.h"

#include "sys/process.h"

#include <fcntl.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_has_memory_time_and_files),
        cmocka_unit_test(a_file_that_is_opened_is_counted),
        cmocka_unit_test(a_machine_has_processors_and_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
