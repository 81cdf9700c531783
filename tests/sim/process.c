/* SPDX-License-Identifier: Apache-2.0
 *
 * process.c - see process.h.
 */
#include "process.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>

#define PORT 6650

static void on_fatal(void *ctx, enum err err, const char *what)
{
    struct process *p = ctx;

    p->state = PROCESS_FATAL;
    snprintf(p->message, sizeof p->message, "%s: %s", what, err_text(err));
}

void process_init(struct process *p, struct sim *sim, struct sim_disk *disk, struct log *log)
{
    *p = (struct process){.sim = sim, .disk = disk, .log = log};
    broker_options_init(&p->broker_options);
    p->broker_options.log = log;
    p->store_options = (struct store_options){.holder = "the simulator", .log = log, .on_fatal = on_fatal, .ctx = p};
}

static enum err start_server(struct process *p)
{
    struct server_options options;

    server_options_init(&options);
    options.memory = &p->memory;
    options.bind = "broker";
    options.port = PORT;
    options.version = "sim";
    options.log = p->log;
    return server_start(&p->server, &options, sim_host_sys(p->host), p->broker, p->message, sizeof p->message);
}

/* Frees what the dead process had; its calls to the world do nothing any more. */
static void bury(struct process *p)
{
    server_free(p->server);
    broker_free(p->broker);
    store_free(p->store);
    server_memory_deinit(&p->memory);
    sim_host_free(p->host);
    p->server = NULL;
    p->broker = NULL;
    p->store = NULL;
    p->host = NULL;
    p->state = PROCESS_DOWN;
}

void process_kill(struct process *p)
{
    sim_host_crash(p->host);
    sim_disk_kill(p->disk);
    bury(p);
}

void process_power_cut(struct process *p)
{
    sim_host_crash(p->host);
    sim_disk_crash(p->disk); /* nothing, when that was what happened */
    bury(p);
}

/* SQLite's own randomness (the salts of its log) comes from one generator of the process, not from its VFS: so that the
 * bytes on the disk are the seed's too, it begins anew with each start, from what the world has come to. */
static void seed_sqlite(const struct process *p)
{
    const int seed = (int)(sim_trace(p->sim) & 0x3fffffff) + 1;

    sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, seed, NULL);
}

enum err process_start(struct process *p)
{
    enum err err;

    assert(p->state == PROCESS_DOWN);
    seed_sqlite(p);
    if (sim_disk_crashed(p->disk))
        sim_disk_restart(p->disk);
    p->host = sim_host_new(p->sim, "broker", p->disk);
    p->state = PROCESS_UP;
    p->stopped = false;
    p->message[0] = '\0';
    if ((err = store_open(&p->store, &p->store_options, sim_host_sys(p->host), p->message, sizeof p->message)) == OK &&
        (err = broker_new(&p->broker, &p->broker_options, sim_host_sys(p->host), p->store)) == OK)
        err = start_server(p);
    if (err != OK)
        process_kill(p);
    return err;
}

static void on_store_closed(void *ctx)
{
    struct process *p = ctx;

    p->stopped = true;
}

static void on_server_stopped(void *ctx)
{
    struct process *p = ctx;

    store_close(p->store, on_store_closed, p);
}

void process_stop(struct process *p)
{
    assert(p->state == PROCESS_UP);
    p->state = PROCESS_STOPPING;
    server_stop(p->server, on_server_stopped, p);
}
