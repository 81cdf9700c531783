/* SPDX-License-Identifier: Apache-2.0
 *
 * uv_ring.c - see uv_ring.h.
 *
 * Two rings of memory are shared with the kernel.  Into one we put entries (what to write) and call; it takes them
 * during the call, and what would have to wait it does later, on threads of its own: nearly always (ext4 may begin a
 * transaction for the file's time, and its log be full), so one write at a time, and a rest after a call that took
 * long.  Into the other it puts completions, and then the ring's descriptor is readable.  Of each the reader moves the
 * head, the writer the tail.
 *
 *     submit:    entry at tail, tail + 1 --enter--> head + 1 (taken; else the tail is put back)
 *     readable:  completions from head to tail --> done
 *
 * Written by hand: of all that such a ring can do this asks for one operation, and liburing has no way back for an
 * entry that the kernel would not take.  The ring itself is restricted to that operation before it is enabled, so
 * whoever got hold of it could do no more than with pwrite.
 */
#include "sys/uv_ring.h"

#include "sys/disk_posix.h"

#include <assert.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* The next one waits for nothing that only the loop's thread can end: the completion of a write that was submitted
 * before is what a file system that is being frozen waits for. */
#define PLACES 1u

#define SLOW_NS (5 * NS_PER_MS) /* of a call that did not wait, unless the processor was taken away */
#define REST_NS (1000 * NS_PER_MS)

/* The kernel's side has threads of the process's own for what waits (Linux 5.12), both rings lie in one mapping, and no
 * completion is ever dropped. */
#define WANTED (IORING_FEAT_NATIVE_WORKERS | IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP)

struct uv_ring {
    struct ring ring;
    struct uv_loop *loop;
    uv_poll_t poll;
    int fd;
    unsigned under_way;
    bool refused;     /* it cannot do what it is for: not asked again */
    uint64_t rest_ns; /* not asked until then */

    uint8_t *shared; /* both rings; NULL: not mapped */
    size_t shared_len;
    struct io_uring_sqe *entries;
    size_t entries_len;
    struct io_uring_params params;
};

/* ---- the shared memory ---- */

static unsigned *shared_at(const struct uv_ring *r, uint32_t offset)
{
    return (unsigned *)(void *)(r->shared + offset);
}

static unsigned peek(const struct uv_ring *r, uint32_t offset)
{
    return __atomic_load_n(shared_at(r, offset), __ATOMIC_ACQUIRE);
}

static void poke(struct uv_ring *r, uint32_t offset, unsigned value)
{
    __atomic_store_n(shared_at(r, offset), value, __ATOMIC_RELEASE);
}

static void *map(const struct uv_ring *r, size_t len, uint64_t what)
{
    void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd, (off_t)what);

    return at == MAP_FAILED ? NULL : at;
}

static enum err map_all(struct uv_ring *r)
{
    const struct io_uring_params *p = &r->params;
    const size_t submissions = p->sq_off.array + p->sq_entries * sizeof(unsigned);
    const size_t completions = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);

    r->shared_len = submissions > completions ? submissions : completions;
    r->entries_len = p->sq_entries * sizeof *r->entries;
    r->shared = map(r, r->shared_len, IORING_OFF_SQ_RING);
    r->entries = map(r, r->entries_len, IORING_OFF_SQES);
    if (!r->shared || !r->entries)
        return ERR_UNSUPPORTED;
    for (unsigned i = 0; i < p->sq_entries; i++)
        shared_at(r, p->sq_off.array)[i] = i;
    return OK;
}

/* ---- submitting ---- */

static void call_timed(struct uv_ring *r, uint64_t began_ns)
{
    const uint64_t now_ns = loop_now_ns(&r->loop->loop);

    if (now_ns - began_ns > SLOW_NS)
        r->rest_ns = now_ns + REST_NS;
}

/* The kernel reads nothing of the ring but during this call. */
static bool entry_taken(struct uv_ring *r, unsigned tail)
{
    const struct io_sqring_offsets *at = &r->params.sq_off;
    long result;

    poke(r, at->tail, tail + 1);
    do
        result = syscall(__NR_io_uring_enter, r->fd, 1, 0, 0, NULL, 0);
    while (result < 0 && errno == EINTR && peek(r, at->head) == tail);
    if (peek(r, at->head) == tail + 1)
        return true;
    r->refused = result < 0 && (errno == EPERM || errno == ENOSYS); /* a filter around this process */
    poke(r, at->tail, tail);
    return false;
}

static enum err uv_ring_submit(struct ring *ring, struct ring_write *w)
{
    struct uv_ring *r = container_of(ring, struct uv_ring, ring);
    const int fd = disk_posix_direct(w->file);
    const unsigned tail = peek(r, r->params.sq_off.tail);
    const uint64_t began_ns = loop_now_ns(&r->loop->loop);

    assert(w->len <= INT32_MAX);
    if (fd < 0 || r->refused)
        return ERR_UNSUPPORTED;
    if (r->under_way == PLACES || began_ns < r->rest_ns)
        return ERR_BUSY;
    r->entries[tail % r->params.sq_entries] = (struct io_uring_sqe){
        .opcode = IORING_OP_WRITE,
        .fd = fd,
        .off = w->offset,
        .addr = (uintptr_t)w->data,
        .len = (uint32_t)w->len,
        .rw_flags = RWF_DSYNC,
        .user_data = (uintptr_t)w,
    };
    const bool taken = entry_taken(r, tail);
    call_timed(r, began_ns);
    if (!taken)
        return r->refused ? ERR_UNSUPPORTED : ERR_BUSY; /* or the kernel is short of memory */
    r->under_way++;
    r->loop->users++;
    return OK;
}

/* ---- completions ---- */

/* A write cut short is written whole in another way; a kernel that does not know how, or was disturbed, has done
 * nothing that needs to be believed. */
static enum err outcome(struct uv_ring *r, const struct ring_write *w, int32_t result)
{
    switch (result) {
    case -EINVAL:
    case -EOPNOTSUPP:
    case -EACCES: /* the restriction, were it wrong */
        r->refused = true;
        return ERR_UNSUPPORTED;
    case -EAGAIN:
    case -EINTR:
    case -ECANCELED: /* it was for a thread of the kernel, and none could be made: not begun */
        return ERR_UNSUPPORTED;
    case -ENOSPC:
    case -EDQUOT:
        return ERR_NOSPACE;
    default:
        if (result < 0)
            return ERR_IO;
        return (size_t)result == w->len ? OK : ERR_UNSUPPORTED;
    }
}

/* Its place is free before it is told, so that it may be followed at once. */
static void finish(struct uv_ring *r, const struct io_uring_cqe *c)
{
    struct ring_write *w = (struct ring_write *)(uintptr_t)c->user_data;
    const enum err err = outcome(r, w, c->res);

    assert(r->under_way > 0);
    r->under_way--;
    r->loop->users--;
    w->done(w, err);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct uv_ring *r = container_of(poll, struct uv_ring, poll);
    const struct io_cqring_offsets *at = &r->params.cq_off;
    const struct io_uring_cqe *all = (const void *)(r->shared + at->cqes);

    assert(status == 0); /* a ring's descriptor has no errors; deaf, its writes would never end */
    (void)status;
    (void)events;
    for (unsigned head = peek(r, at->head); head != peek(r, at->tail); head++) {
        const struct io_uring_cqe c = all[head % r->params.cq_entries];
        poke(r, at->head, head + 1);
        loop_event_begin(&r->loop->loop);
        finish(r, &c);
    }
    loop_event_begin(&r->loop->loop);
}

/* ---- opening and closing ---- */

static long ask(const struct uv_ring *r, unsigned what, const void *argument, unsigned count)
{
    return syscall(__NR_io_uring_register, r->fd, what, argument, count);
}

/* Only this operation, without flags; and nothing about the ring is changed any more. */
static enum err restrict_and_enable(struct uv_ring *r)
{
    const struct io_uring_restriction only = {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_WRITE};

    if (ask(r, IORING_REGISTER_RESTRICTIONS, &only, 1) != 0 || ask(r, IORING_REGISTER_ENABLE_RINGS, NULL, 0) != 0)
        return ERR_UNSUPPORTED;
    return OK;
}

static const struct ring_ops uv_ring_ops = {.submit = uv_ring_submit};

static enum err ring_make(struct uv_ring *r)
{
    enum err err;

    if (!UV_RING_ALONE)
        return ERR_UNSUPPORTED;
    r->params.flags = IORING_SETUP_R_DISABLED;
    if ((r->fd = (int)syscall(__NR_io_uring_setup, PLACES, &r->params)) < 0)
        return ERR_UNSUPPORTED;
    if ((r->params.features & WANTED) != WANTED)
        return ERR_UNSUPPORTED;
    if ((err = map_all(r)) != OK || (err = restrict_and_enable(r)) != OK)
        return err;
    return uv_poll_init(&r->loop->uv, &r->poll, r->fd) == 0 ? OK : ERR_UNSUPPORTED;
}

enum err uv_ring_open(struct uv_ring **out, struct uv_loop *loop)
{
    struct uv_ring *r = calloc(1, sizeof *r);
    enum err err;

    if (!r)
        return ERR_NOMEM;
    r->ring.ops = &uv_ring_ops;
    r->loop = loop;
    if ((err = ring_make(r)) != OK) {
        uv_ring_free(r);
        return err;
    }
    const int result = uv_poll_start(&r->poll, UV_READABLE, on_readable);
    assert(result == 0); /* it has a descriptor that can be polled */
    (void)result;
    *out = r;
    return OK;
}

struct ring *uv_ring_get(struct uv_ring *r)
{
    return &r->ring;
}

void uv_ring_close(struct uv_ring *r)
{
    assert(r->under_way == 0);
    uv_close((uv_handle_t *)&r->poll, NULL);
}

void uv_ring_free(struct uv_ring *r)
{
    if (!r)
        return;
    if (r->entries)
        munmap(r->entries, r->entries_len);
    if (r->shared)
        munmap(r->shared, r->shared_len);
    if (r->fd >= 0)
        close(r->fd);
    free(r);
}
