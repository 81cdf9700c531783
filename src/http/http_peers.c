/* SPDX-License-Identifier: Apache-2.0
 *
 * http_peers.c - see http_peers.h.
 *
 * Of requests a peer has one number: when its next one would be due if they came evenly.  Each moves it on by what one
 * takes; who is more than a second ahead of the clock has to wait (the "generic cell rate algorithm").
 */
#include "http/http_peers.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { ADDRESS_MAX = 46 };

#define SECOND_US 1000000ull

struct http_peer {
    struct list node; /* of `gone`, while connections is 0 */
    char address[ADDRESS_MAX];
    uint32_t connections;
    uint64_t due_us;
};

void http_peers_init(struct http_peers *p, uint32_t connections_max, uint32_t requests_per_s, uint64_t seed)
{
    *p = (struct http_peers){.connections_max = connections_max, .requests_per_s = requests_per_s};
    map_init(&p->by_address, seed);
    list_init(&p->gone);
}

void http_peers_deinit(struct http_peers *p)
{
    struct http_peer *peer;
    size_t at = 0;

    while ((peer = map_next(&p->by_address, &at)))
        free(peer);
    map_deinit(&p->by_address);
}

static struct http_peer *peer_new(struct http_peers *p, const char *address)
{
    struct http_peer *peer = calloc(1, sizeof *peer);

    if (!peer)
        return NULL;
    (void)snprintf(peer->address, sizeof peer->address, "%s", address);
    if (map_put(&p->by_address, bytes_of_text(peer->address), peer) == OK)
        return peer;
    free(peer);
    return NULL;
}

struct http_peer *http_peers_enter(struct http_peers *p, const char *address)
{
    struct http_peer *peer = map_find(&p->by_address, bytes_of_text(address));

    if (peer && peer->connections == 0) {
        list_remove(&peer->node);
        p->gone_count--;
    }
    if (!peer && !(peer = peer_new(p, address)))
        return NULL;
    peer->connections++;
    return peer;
}

static void forget_oldest(struct http_peers *p)
{
    struct http_peer *oldest = container_of(list_pop_front(&p->gone), struct http_peer, node);

    p->gone_count--;
    (void)map_remove(&p->by_address, bytes_of_text(oldest->address));
    free(oldest);
}

void http_peers_leave(struct http_peers *p, struct http_peer *peer)
{
    assert(peer->connections > 0);
    if (--peer->connections > 0)
        return;
    list_init(&peer->node);
    list_push_back(&p->gone, &peer->node);
    if (++p->gone_count > HTTP_PEERS_GONE_MAX)
        forget_oldest(p);
}

bool http_peers_crowded(const struct http_peers *p, const struct http_peer *peer)
{
    return p->connections_max > 0 && peer->connections > p->connections_max;
}

bool http_peers_request(struct http_peers *p, struct http_peer *peer, uint64_t now_us)
{
    if (p->requests_per_s == 0)
        return true;
    const uint64_t one_us = SECOND_US / p->requests_per_s, due = peer->due_us > now_us ? peer->due_us : now_us;
    if (due + one_us > now_us + SECOND_US)
        return false;
    peer->due_us = due + one_us;
    return true;
}

const char *http_peer_address(const struct http_peer *peer)
{
    return peer->address;
}
