/* SPDX-License-Identifier: Apache-2.0
 *
 * tls.h - a client's network with TLS: made when the first connection wants it, of what the configuration names.
 *
 * The files (whom we trust, our certificate and its key) are looked at again for each connection, so that they may be
 * replaced while the client runs; new ones that cannot be used leave the old ones in force.  Owner: the loop.
 */
#ifndef CLIENT_TLS_H
#define CLIENT_TLS_H

#include "client/core.h"
#include "security/tls.h"

/* Embedded; all zero is: not wanted yet. */
struct client_tls {
    struct net *net;
    uint8_t digest[TLS_DIGEST_BYTES]; /* of the files in force */
    char why[400];
};

/* For client_core.tls_net.  NULL: *why, until the next call. */
struct net *client_tls_net(struct client_tls *t, struct client_core *core, const char **why);
/* When the loop has stopped. */
void client_tls_deinit(struct client_tls *t);

#endif
