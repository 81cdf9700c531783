/* SPDX-License-Identifier: Apache-2.0
 *
 * process.c - see process.h.
 */
#include "sys/process.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUP_UNLIMITED (UINT64_C(1) << 60) /* how the first version says "max": a little less than 2^63 */

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

/* ---- control groups ---- */

/* Of two limits; 0: none. */
static uint64_t lesser(uint64_t a, uint64_t b)
{
    return b > 0 && (a == 0 || b < a) ? b : a;
}

/* What one file says; 0: "max", or it is not there. */
static uint64_t group_limit(const char *path)
{
    FILE *file = fopen(path, "re");
    unsigned long long bytes = 0;

    if (!file)
        return 0;
    if (fscanf(file, "%llu", &bytes) != 1)
        bytes = 0;
    fclose(file);
    return bytes < GROUP_UNLIMITED ? bytes : 0;
}

/* Of the group and all above it.  In a container the group may have another name than its own view of the mount: then
 * what counts is in the mount's root. */
static uint64_t least_limit(const char *groups, const char *controller, char *group, const char *file)
{
    uint64_t least = 0;

    for (size_t len = strlen(group);; len--) {
        char path[PATH_MAX];
        if (len > 0 && group[len] != '/' && group[len] != '\0')
            continue;
        group[len] = '\0';
        if (snprintf(path, sizeof path, "%s%s%s/%s", groups, controller, len > 1 ? group : "", file) < PATH_MAX)
            least = lesser(least, group_limit(path));
        if (len == 0)
            return least;
    }
}

/* A line of /proc/self/cgroup: number, controllers, path, with colons between; the second version has "0" and none. */
static uint64_t limit_of_line(char *line, const char *groups)
{
    char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;

    if (!group)
        return 0;
    *group++ = '\0';
    group[strcspn(group, "\n")] = '\0';
    if (strcmp(controllers, ":") == 0)
        return least_limit(groups, "", group, "memory.max");
    if (strcmp(controllers, ":memory") == 0)
        return least_limit(groups, "/memory", group, "memory.limit_in_bytes");
    return 0;
}

uint64_t process_memory_limit(void)
{
    return process_memory_limit_at("/proc/self/cgroup", "/sys/fs/cgroup");
}

uint64_t process_memory_limit_at(const char *own, const char *groups)
{
    FILE *file = fopen(own, "re");
    char line[PATH_MAX];
    uint64_t least = 0;

    if (!file)
        return 0;
    while (fgets(line, sizeof line, file))
        least = lesser(least, limit_of_line(line, groups));
    fclose(file);
    return least;
}

bool process_file_exists(const char *path)
{
    struct stat it;

    return stat(path, &it) == 0 && S_ISREG(it.st_mode);
}
