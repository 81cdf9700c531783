/* SPDX-License-Identifier: Apache-2.0
 *
 * uv_sys.c - the real world of one thread: loop, net, disk and signals put together.
 */
#include "sys/uv_sys.h"

#include "sys/disk_posix.h"
#include "sys/uv_net.h"
#include "sys/uv_ring.h"
#include <assert.h>
#include <signal.h>
#include <stdlib.h>

static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
#define SIGNALS (sizeof signals / sizeof signals[0])

struct uv_sys {
    struct sys sys;
    struct uv_loop loop;
    struct uv_net net;
    struct uv_ring *ring; /* NULL: none */
    uv_signal_t signal[SIGNALS];
    void (*on_signal)(void *ctx, int signal); /* NULL: not listening */
    void *on_signal_ctx;
};

static void on_stop(void *ctx)
{
    struct uv_sys *u = ctx;

    uv_net_close_all(&u->net);
}

enum err uv_sys_new(struct uv_sys **out, const char *data_dir)
{
    struct uv_sys *u = calloc(1, sizeof *u);
    enum err err;

    if (!u)
        return ERR_NOMEM;
    if (data_dir && (err = disk_posix_new(&u->sys.disk, data_dir)) != OK)
        goto fail;
    if ((err = uv_loop_open(&u->loop)) != OK)
        goto fail;
    uv_net_init(&u->net, &u->loop);
    u->loop.on_stop = on_stop;
    u->loop.on_stop_ctx = u;
    u->sys.loop = &u->loop.loop;
    u->sys.net = &u->net.net;
    *out = u;
    return OK;
fail:
    disk_posix_free(u->sys.disk);
    free(u);
    return err;
}

struct sys *uv_sys_get(struct uv_sys *u)
{
    return &u->sys;
}

enum err uv_sys_open_ring(struct uv_sys *u)
{
    enum err err;

    assert(!u->ring);
    if ((err = uv_ring_open(&u->ring, &u->loop)) == OK)
        u->sys.ring = uv_ring_get(u->ring);
    return err;
}

void *uv_sys_loop_handle(struct uv_sys *u)
{
    return &u->loop.uv;
}

void uv_sys_run(struct uv_sys *u)
{
    uv_loop_turn(&u->loop);
}

void uv_sys_stop(struct uv_sys *u)
{
    uv_loop_halt(&u->loop);
}

/* ---- signals ---- */

static void on_uv_signal(uv_signal_t *handle, int number)
{
    struct uv_sys *u = handle->data;

    loop_event_begin(&u->loop.loop);
    u->on_signal(u->on_signal_ctx, number);
}

enum err uv_sys_on_signal(struct uv_sys *u, void (*fire)(void *ctx, int signal), void *ctx)
{
    assert(!u->on_signal);
    for (size_t i = 0; i < SIGNALS; i++) {
        if (uv_signal_init(&u->loop.uv, &u->signal[i]) != 0)
            return ERR_IO; /* none is open: the first asks for all that may fail */
        u->signal[i].data = u;
    }
    u->on_signal = fire;
    u->on_signal_ctx = ctx;
    for (size_t i = 0; i < SIGNALS; i++) {
        if (uv_signal_start(&u->signal[i], on_uv_signal, signals[i]) != 0)
            return ERR_IO;
    }
    return OK;
}

void uv_sys_free(struct uv_sys *u)
{
    if (!u)
        return;
    for (size_t i = 0; u->on_signal && i < SIGNALS; i++)
        uv_close((uv_handle_t *)&u->signal[i], NULL);
    if (u->ring)
        uv_ring_close(u->ring);
    uv_loop_shut(&u->loop);
    uv_ring_free(u->ring);
    uv_net_deinit(&u->net);
    disk_posix_free(u->sys.disk);
    free(u);
}
