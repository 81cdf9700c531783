/* SPDX-License-Identifier: Apache-2.0
 *
 * socket_gate.h - who may have a WebSocket: asked of the core before the upgrade, so that it is refused with 401 or
 * 403.
 *
 * libwebsockets wants its answer at once, and what a role may is known to the core.  So the server's thread waits, not
 * longer than GATE_WAIT_MS; all that it does else needs the core, too.  When there is no answer in that time, or a
 * password would have to be hashed, which takes long, the connection is taken, and the broker decides when the
 * connection becomes a producer or a consumer: then it is closed with 4001 or 4002.  After a wait that was in vain
 * nobody is waited for during GATE_PAUSE_MS, so that a core that is busy does not make the server slow as well.
 *
 * Certificates count for nothing here: a WebSocket's producer is a client of the broker with what was shown, and a
 * certificate cannot be passed on.
 *
 * gate_refuse on the server's thread, the rest on the core's.  May call: broker/authenticator.h, authorization.h.
 */
#ifndef ADMIN_SOCKET_GATE_H
#define ADMIN_SOCKET_GATE_H

#include "admin/core.h"
#include "sys/web_socket.h"

#define GATE_WAIT_MS  200u
#define GATE_PAUSE_MS 20000u

struct socket_gate {
    struct web_gate gate; /* for the server */
    struct admin_core *core;
    uint64_t pause_until_ms; /* the server's thread */
    struct list questions;   /* the core's: struct question */
};

void socket_gate_init(struct socket_gate *g, struct admin_core *core);
/* When the server's thread has ended and the authenticator has, if there is one. */
void socket_gate_deinit(struct socket_gate *g);

#endif
