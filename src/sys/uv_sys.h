/* SPDX-License-Identifier: Apache-2.0
 *
 * uv_sys.h - the real world: libuv for the loop and the sockets, threads of our own for the disk.
 *
 * uv.h is included in this room only.  One uv_sys is one thread's; make as many as there are threads that own
 * state.  Not `uv_fs`: its pool also resolves names.
 */
#ifndef SYS_UV_SYS_H
#define SYS_UV_SYS_H

#include "base/err.h"
#include "sys/sys.h"
#include <stdbool.h>
#include <stdint.h>

struct uv_sys;

/* `data_dir` is made when absent; NULL: no disk.  ERR_IO, ERR_DENIED when it cannot be. */
MUST_USE enum err uv_sys_new(struct uv_sys **out, const char *data_dir);
struct sys *uv_sys_get(struct uv_sys *u);
/* Gives its struct sys a ring.  Before it is copied, and before a sandbox is entered.  ERR_UNSUPPORTED: there is none
 * here, and nothing has changed. */
MUST_USE enum err uv_sys_open_ring(struct uv_sys *u);

/* Runs until uv_sys_stop; then what is still open is closed and told, and the call returns. */
void uv_sys_run(struct uv_sys *u);
/* From any thread, and from callbacks. */
void uv_sys_stop(struct uv_sys *u);
void uv_sys_free(struct uv_sys *u);

/* `fire` on the loop for each SIGTERM, SIGINT and SIGHUP; at most one handler, for the process's main loop. */
MUST_USE enum err uv_sys_on_signal(struct uv_sys *u, void (*fire)(void *ctx, int signal), void *ctx);

/* The uv_loop_t, as void so that uv.h stays here; for libwebsockets' plug-in on the admin thread. */
void *uv_sys_loop_handle(struct uv_sys *u);

/* A thread that runs `run(ctx)`; joined by uv_thread_finish. */
struct uv_thread;
MUST_USE enum err uv_thread_run(struct uv_thread **out, const char *name, void (*run)(void *ctx), void *ctx);
void uv_thread_finish(struct uv_thread *t);

/* Something that one thread waits for and another brings about, once. */
struct uv_event;
MUST_USE enum err uv_event_new(struct uv_event **out);
void uv_event_set(struct uv_event *e);
/* False: it was not in this time. */
bool uv_event_wait(struct uv_event *e, uint32_t ms);
void uv_event_free(struct uv_event *e);

#endif
