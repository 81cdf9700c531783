/* SPDX-License-Identifier: Apache-2.0
 *
 * http_peers.h - how much each address asks of the HTTP server: connections at a time, requests a second.
 *
 * Owns a record for each address that has a connection, and for those that had one lately, so that coming back does not
 * make one new; of the latter at most HTTP_PEERS_GONE_MAX, the oldest goes.  Knows no socket and no clock.  Pure; the
 * server's thread.  May call: base/.
 */
#ifndef HTTP_HTTP_PEERS_H
#define HTTP_HTTP_PEERS_H

#include "base/list.h"
#include "base/map.h"
#include <stdint.h>

#define HTTP_PEERS_GONE_MAX 1024

struct http_peer; /* an address */

struct http_peers {
    struct map by_address; /* private, as all the rest */
    struct list gone;      /* without a connection; the oldest first */
    size_t gone_count;
    uint32_t connections_max, requests_per_s;
};

/* 0: no bound. */
void http_peers_init(struct http_peers *p, uint32_t connections_max, uint32_t requests_per_s, uint64_t seed);
void http_peers_deinit(struct http_peers *p);

/* A connection has come; http_peers_leave is told when it goes.  NULL: no memory. */
struct http_peer *http_peers_enter(struct http_peers *p, const char *address);
void http_peers_leave(struct http_peers *p, struct http_peer *peer);

/* More connections than there may be. */
bool http_peers_crowded(const struct http_peers *p, const struct http_peer *peer);
/* Counts a request; false: it is one too many.  A second's worth may come at once. */
bool http_peers_request(struct http_peers *p, struct http_peer *peer, uint64_t now_us);

const char *http_peer_address(const struct http_peer *peer);

#endif
