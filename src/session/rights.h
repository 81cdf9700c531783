/* SPDX-License-Identifier: Apache-2.0
 *
 * rights.h - what whoever is at the other end of a connection may: asked before a command is done, and again, of what
 * is open, when somebody may have lost a right.
 *
 *     a command    its operation (commands.c) is checked before anything is looked up or made
 *     an opening   is checked again when it has ended: it may have taken long
 *     a change     of permissions, of a tenant's admins, of super users: every open producer, consumer and watch is
 *                  checked again, RIGHTS_PER_TURN in a turn of the loop.  A producer or consumer that lost its right
 *                  is closed by the broker, so that its client comes again and is refused; a watch tells nothing more.
 *
 * With authorization off none of it happens.  Core thread.
 */
#ifndef SESSION_RIGHTS_H
#define SESSION_RIGHTS_H

#include "broker/authorization.h"
#include "sys/loop.h"

struct server;
struct session;

#define RIGHTS_PER_TURN 1000

struct rights { /* of a server; private to rights.c */
    struct authorization_observer observer;
    struct timer timer;
    uint64_t change; /* the number of the last; sessions and handles have that for which they were checked */
};

void rights_init(struct server *s);
/* The server stops: nothing more is checked. */
void rights_stop(struct server *s);
void rights_deinit(struct server *s);

/* May it do what this command is?  ERR_DENIED, and what its client is told; it is in the audit log then. */
MUST_USE enum err session_may(struct session *s, int command, const struct target *on, struct refusal *why);
/* The same of another operation that the command brings with it. */
MUST_USE enum err session_may_also(struct session *s, int command, enum operation op, const struct target *on,
                                   struct refusal *why);

#endif
