/* SPDX-License-Identifier: Apache-2.0
 *
 * arrivals.c - see arrivals.h.
 */
#include "session/arrivals.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct address {
    uint32_t arrivals;
    size_t len;
    char text[];
};

void arrivals_init(struct arrivals *a, uint32_t max, uint32_t per_address_max, uint64_t seed)
{
    *a = (struct arrivals){.max = max, .per_address_max = per_address_max};
    map_init(&a->addresses, seed);
    list_init(&a->threshold);
}

void arrivals_deinit(struct arrivals *a)
{
    struct address *address;
    size_t at = 0;

    while ((address = map_next(&a->addresses, &at)))
        free(address);
    map_deinit(&a->addresses);
}

static struct bytes address_of(const char *peer)
{
    const char *port = strrchr(peer, ':');
    return bytes_of(peer, port ? (size_t)(port - peer) : strlen(peer));
}

/* With a place for one more; NULL: memory is short. */
static struct address *address_get(struct arrivals *a, struct bytes text)
{
    struct address *address = map_find(&a->addresses, text);

    if (address)
        return address;
    if (!(address = calloc(1, sizeof *address + text.len)))
        return NULL;
    address->len = text.len;
    memcpy(address->text, text.data, text.len);
    if (map_put(&a->addresses, bytes_of(address->text, text.len), address) == OK)
        return address;
    free(address);
    return NULL;
}

static void address_drop_unused(struct arrivals *a, struct address *address)
{
    if (!address || address->arrivals > 0)
        return;
    (void)map_remove(&a->addresses, bytes_of(address->text, address->len));
    free(address);
}

struct arrival *arrivals_take_oldest(struct arrivals *a, const struct arrival *x)
{
    list_each (node, &a->threshold) {
        struct arrival *oldest = container_of(node, struct arrival, node);
        if (oldest == x)
            continue;
        list_remove(node);
        return oldest;
    }
    return NULL;
}

enum err arrivals_admit(struct arrivals *a, struct arrival *x, const char *peer, struct arrival **leaves)
{
    struct address *address = NULL;

    assert(!x->counted);
    *leaves = NULL;
    if (a->per_address_max > 0) {
        if (!(address = address_get(a, address_of(peer))))
            return ERR_NOMEM;
        if (address->arrivals >= a->per_address_max)
            return ERR_AGAIN;
    }
    if (a->count >= a->max && !(*leaves = arrivals_take_oldest(a, x))) {
        address_drop_unused(a, address);
        return ERR_FULL;
    }
    if (address)
        address->arrivals++;
    a->count++;
    *x = (struct arrival){.counted = true, .address = address};
    list_push_back(&a->threshold, &x->node);
    return OK;
}

void arrival_passed(struct arrival *x)
{
    if (x->counted)
        list_remove(&x->node);
}

void arrivals_leave(struct arrivals *a, struct arrival *x)
{
    if (!x->counted)
        return;
    list_remove(&x->node);
    a->count--;
    if (x->address) {
        x->address->arrivals--;
        address_drop_unused(a, x->address);
    }
    *x = (struct arrival){0};
}
