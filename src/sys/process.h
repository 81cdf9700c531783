/* SPDX-License-Identifier: Apache-2.0
 *
 * process.h - what the kernel says of this process: memory, processor time, file descriptors, what its control group
 * may have; and of the machine.
 *
 * Any thread.  Reads /proc: not for a thread that must not wait.
 */
#ifndef SYS_PROCESS_H
#define SYS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

struct process_stats {
    uint64_t resident_bytes, virtual_bytes;
    double processor_seconds; /* user and system */
    uint64_t open_files;
};

/* What cannot be read stays zero. */
void process_stats_get(struct process_stats *out);

struct machine_stats {
    uint32_t processors;
    uint64_t memory_bytes;
};

void machine_stats_get(struct machine_stats *out);

/* The least memory, in bytes, that the control group of this process and those above it may have; 0: as much as there
 * is. */
uint64_t process_memory_limit(void);
/* The same by other files than /proc/self/cgroup and those in /sys/fs/cgroup. */
uint64_t process_memory_limit_at(const char *own, const char *groups);

/* A plain file, or a link to one.  May take as long as the disk takes. */
bool process_file_exists(const char *path);

#endif
