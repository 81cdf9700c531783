/* SPDX-License-Identifier: Apache-2.0
 *
 * process.c - see process.h.
 */
#include "sys/process.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void memory_read(struct process_stats *out)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long pages, resident;

    if (!file)
        return;
    if (fscanf(file, "%lu %lu", &pages, &resident) == 2) {
        uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
        out->virtual_bytes = pages * page;
        out->resident_bytes = resident * page;
    }
    fclose(file);
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void files_count(struct process_stats *out)
{
    DIR *dir = opendir("/proc/self/fd");

    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir));)
        out->open_files += entry->d_name[0] != '.';
    closedir(dir);
    if (out->open_files > 0)
        out->open_files--; /* the directory's own */
}

void process_stats_get(struct process_stats *out)
{
    struct rusage usage;

    *out = (struct process_stats){0};
    memory_read(out);
    files_count(out);
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        out->processor_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void machine_stats_get(struct machine_stats *out)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN), pages = sysconf(_SC_PHYS_PAGES);

    *out = (struct machine_stats){
        .processors = processors > 0 ? (uint32_t)processors : 0,
        .memory_bytes = pages > 0 ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0,
    };
}

bool process_file_exists(const char *path)
{
    struct stat it;

    return stat(path, &it) == 0 && S_ISREG(it.st_mode);
}
