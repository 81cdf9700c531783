/* SPDX-License-Identifier: Apache-2.0
 *
 * store_failing_memory.c - see store_failing_memory.h.
 */
#include "store/store_failing_memory.h"

#include "sys/disk.h"
#include "sys/loop.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *at, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *at, size_t size);

static struct {
    uint64_t fails_at, count; /* fails_at 0: nothing fails */
    bool inside;
} memory;

static bool strikes(void)
{
    return memory.inside && ++memory.count == memory.fails_at;
}

void *__wrap_malloc(size_t size)
{
    return strikes() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return strikes() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *at, size_t size)
{
    return strikes() ? NULL : __real_realloc(at, size);
}

void memory_cross(bool inside)
{
    memory.inside = inside;
}

void memory_fail(uint64_t n)
{
    memory.fails_at = n;
    memory.count = 0;
}

bool memory_struck(void)
{
    return memory.fails_at > 0 && memory.count >= memory.fails_at;
}

uint64_t memory_count(void)
{
    return memory.count;
}

/* ---- SQLite's, by the functions that it lets one give it ---- */

static struct {
    uint64_t fails_at, count;
    sqlite3_mem_methods before;
} sqlite;

static bool strikes_sqlite(void)
{
    return ++sqlite.count == sqlite.fails_at;
}

static void *sqlite_malloc(int size)
{
    return strikes_sqlite() ? NULL : sqlite.before.xMalloc(size);
}

static void *sqlite_realloc(void *at, int size)
{
    return strikes_sqlite() ? NULL : sqlite.before.xRealloc(at, size);
}

void memory_of_sqlite(void)
{
    sqlite3_mem_methods methods;
    int code = sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite.before);

    assert(code == SQLITE_OK);
    methods = sqlite.before;
    methods.xMalloc = sqlite_malloc;
    methods.xRealloc = sqlite_realloc;
    code = sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
    assert(code == SQLITE_OK);
}

void memory_fail_sqlite(uint64_t n)
{
    sqlite.fails_at = n;
    sqlite.count = 0;
}

bool memory_struck_sqlite(void)
{
    return sqlite.fails_at > 0 && sqlite.count >= sqlite.fails_at;
}

uint64_t memory_count_sqlite(void)
{
    return sqlite.count;
}

/* ---- the simulator's own allocations do not fail ---- */

static struct disk_ops real_disk_ops, patient_disk_ops;
static struct loop_ops real_loop_ops, patient_loop_ops;

#define PATIENTLY(call)                                                                                                \
    const bool before = memory.inside;                                                                                 \
    memory.inside = false;                                                                                             \
    enum err err = call;                                                                                               \
    memory.inside = before;                                                                                            \
    return err

static enum err patient_open(struct disk *disk, const char *path, unsigned flags, struct file **out)
{
    PATIENTLY(real_disk_ops.open(disk, path, flags, out));
}

static enum err patient_mkdir(struct disk *disk, const char *path)
{
    PATIENTLY(real_disk_ops.mkdir(disk, path));
}

static enum err patient_rename(struct disk *disk, const char *from, const char *to)
{
    PATIENTLY(real_disk_ops.rename(disk, from, to));
}

static enum err patient_unlink(struct disk *disk, const char *path)
{
    PATIENTLY(real_disk_ops.unlink(disk, path));
}

static enum err patient_lock(struct disk *disk, const char *path, const char *holder, char *other, size_t other_size)
{
    PATIENTLY(real_disk_ops.lock(disk, path, holder, other, other_size));
}

static enum err patient_write(struct file *file, uint64_t offset, const struct bytes *parts, size_t count)
{
    PATIENTLY(real_disk_ops.write(file, offset, parts, count));
}

static enum err patient_sync(struct file *file)
{
    PATIENTLY(real_disk_ops.sync(file));
}

static enum err patient_truncate(struct file *file, uint64_t len)
{
    PATIENTLY(real_disk_ops.truncate(file, len));
}

static enum err patient_allocate(struct file *file, uint64_t len)
{
    PATIENTLY(real_disk_ops.allocate(file, len));
}

static enum err patient_sync_dir(struct disk *disk, const char *path)
{
    PATIENTLY(real_disk_ops.sync_dir(disk, path));
}

static enum err patient_executor_new(struct loop *loop, const char *name, size_t bound, struct executor **out)
{
    PATIENTLY(real_loop_ops.executor_new(loop, name, bound, out));
}

static void patient_timer_start(struct loop *loop, struct timer *timer, uint64_t deadline_ns)
{
    const bool before = memory.inside;

    memory.inside = false;
    real_loop_ops.timer_start(loop, timer, deadline_ns);
    memory.inside = before;
}

static void be_patient(struct sys *sys)
{
    if (sys->disk->ops != &patient_disk_ops) {
        real_disk_ops = patient_disk_ops = *sys->disk->ops;
        patient_disk_ops.open = patient_open;
        patient_disk_ops.mkdir = patient_mkdir;
        patient_disk_ops.rename = patient_rename;
        patient_disk_ops.unlink = patient_unlink;
        patient_disk_ops.lock = patient_lock;
        patient_disk_ops.write = patient_write;
        patient_disk_ops.sync = patient_sync;
        patient_disk_ops.truncate = patient_truncate;
        patient_disk_ops.allocate = patient_allocate;
        patient_disk_ops.sync_dir = patient_sync_dir;
        sys->disk->ops = &patient_disk_ops;
    }
    if (sys->loop->ops != &patient_loop_ops) {
        real_loop_ops = patient_loop_ops = *sys->loop->ops;
        patient_loop_ops.executor_new = patient_executor_new;
        patient_loop_ops.timer_start = patient_timer_start;
        sys->loop->ops = &patient_loop_ops;
    }
}

const struct model_hooks memory_hooks = {.cross = memory_cross, .host = be_patient};
