/* SPDX-License-Identifier: Apache-2.0
 *
 * address.h - what an address to listen on means for others.
 */
#ifndef CLI_ADDRESS_H
#define CLI_ADDRESS_H

#include <stdbool.h>
#include <string.h>

/* Others than this machine reach who listens there. */
static inline bool address_is_reachable(const char *address)
{
    return strncmp(address, "127.", 4) != 0 && strcmp(address, "::1") != 0 && strcmp(address, "localhost") != 0 &&
           strcmp(address, "lo") != 0;
}

#endif
