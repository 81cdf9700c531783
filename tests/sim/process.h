/* SPDX-License-Identifier: Apache-2.0
 *
 * process.h - the broker as a process that starts, dies and starts again over one simulated disk.
 *
 * Store, broker and server, wired as the program wires them.  Dying is between steps only.
 */
#ifndef TESTS_SIM_PROCESS_H
#define TESTS_SIM_PROCESS_H

#include "base/log.h"
#include "broker/broker.h"
#include "session/server.h"
#include "store/store.h"
#include "sys/sim/sim.h"

enum process_state {
    PROCESS_DOWN,
    PROCESS_UP,
    PROCESS_STOPPING, /* process_stop was called, and it has not ended yet */
    PROCESS_FATAL,    /* the store gave up: to be killed */
};

struct process {
    struct sim *sim;
    struct sim_disk *disk;
    struct store_options store_options; /* set by the owner before each start */
    struct broker_options broker_options;
    struct log *log;

    enum process_state state;
    struct sim_host *host;
    struct store *store;
    struct broker *broker;
    struct server *server;
    struct server_memory memory; /* the server's */
    bool stopped;                /* the orderly end was reached */
    char message[512];           /* why a start failed, or what was fatal */
};

void process_init(struct process *p, struct sim *sim, struct sim_disk *disk, struct log *log);

/* While DOWN.  An error leaves it DOWN, with `message`. */
MUST_USE enum err process_start(struct process *p);
/* Begins the orderly end: server, broker, store. When it is reached, `stopped` is true, and the process may be killed.
 */
void process_stop(struct process *p);
/* Ends it at once, the machine living on, or by a power cut. */
void process_kill(struct process *p);
void process_power_cut(struct process *p);

#endif
