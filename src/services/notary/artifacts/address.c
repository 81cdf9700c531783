/* SPDX-License-Identifier: Apache-2.0
 *
 * address.c - the networks that are not public, as tables of prefixes.
 */
#include "services/notary/artifacts/address.h"

#include "base/bytes.h"
#include <netinet/in.h>

struct network {
    uint8_t prefix[16];
    unsigned bits;
};

static const struct network closed_4[] = {
    {{0}, 8},             /* this network */
    {{10}, 8},            /* private */
    {{100, 64}, 10},      /* shared by a provider's customers */
    {{127}, 8},           /* this machine */
    {{169, 254}, 16},     /* link-local: metadata services */
    {{172, 16}, 12},      /* private */
    {{192, 0, 0}, 24},    /* protocols */
    {{192, 0, 2}, 24},    /* documentation */
    {{192, 88, 99}, 24},  /* relays */
    {{192, 168}, 16},     /* private */
    {{198, 18}, 15},      /* benchmarks */
    {{198, 51, 100}, 24}, /* documentation */
    {{203, 0, 113}, 24},  /* documentation */
    {{224}, 3},           /* multicast, reserved, broadcast */
};

/* Of 2000::/3, outside of which nothing is public. */
static const struct network closed_6[] = {
    {{0x20, 0x01, 0x00}, 23},       /* protocols: Teredo and others that hold another address */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02}, 16},             /* 6to4: holds another address */
    {{0x3f, 0xff, 0x00}, 20},       /* documentation */
};
static const struct network global_6 = {{0x20}, 3};

static bool is_in(const struct network *n, const uint8_t *address)
{
    unsigned whole = n->bits / 8, rest = n->bits % 8;
    uint8_t mask = (uint8_t)(0xff00 >> rest);

    return memcmp(n->prefix, address, whole) == 0 && (rest == 0 || ((n->prefix[whole] ^ address[whole]) & mask) == 0);
}

static bool is_public(const uint8_t *address, const struct network *closed, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_in(&closed[i], address))
            return false;
    return true;
}

static bool is_public_4(const uint8_t *address)
{
    return is_public(address, closed_4, sizeof closed_4 / sizeof *closed_4);
}

static bool is_public_6(const uint8_t *address)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (memcmp(address, mapped, sizeof mapped) == 0)
        return is_public_4(address + sizeof mapped);
    return is_in(&global_6, address) && is_public(address, closed_6, sizeof closed_6 / sizeof *closed_6);
}

bool address_is_public(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return is_public_4((const uint8_t *)&((const struct sockaddr_in *)(const void *)address)->sin_addr);
    if (address->sa_family == AF_INET6)
        return is_public_6(((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr);
    return false;
}
