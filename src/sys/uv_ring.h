/* SPDX-License-Identifier: Apache-2.0
 *
 * uv_ring.h - struct ring over io_uring, polled by libuv; for files of sys/disk_posix.h.
 *
 * Internal to sys/: uv_sys.h is what the other rooms see.  What is under way counts among the loop's users, so a
 * stopped loop returns when it is done.
 */
#ifndef SYS_UV_RING_H
#define SYS_UV_RING_H

#include "sys/ring.h"
#include "sys/uv_loop.h"

/* From 1.45 on libuv makes rings of its own, which nothing restricts: a sandbox that lets calls of ours through would
 * let theirs through as well, and with them whatever they can be asked.  So with those there is no ring, and no such
 * call. */
#define UV_RING_ALONE (UV_VERSION_HEX < 0x012d00)

struct uv_ring;

/* Before a sandbox is entered: there it could not be made any more.  ERR_UNSUPPORTED: this kernel, or whoever limits
 * what it is asked, has none.  ERR_NOMEM. */
MUST_USE enum err uv_ring_open(struct uv_ring **out, struct uv_loop *loop);
struct ring *uv_ring_get(struct uv_ring *r);
/* Nothing is under way.  Closes its handle; the memory goes with uv_ring_free, after uv_loop_shut. */
void uv_ring_close(struct uv_ring *r);
void uv_ring_free(struct uv_ring *r); /* NULL is fine */

#endif
