/* SPDX-License-Identifier: Apache-2.0
 *
 * address.h - whether an address is one of the public internet.  Pure.
 *
 * Everything that IANA's registries of special addresses do not call globally reachable is not: this machine, private
 * and link-local networks (a cloud's metadata among them), documentation, multicast; nor is an IPv4 address of that
 * kind inside an IPv6 one.
 */
#ifndef SERVICES_NOTARY_ARTIFACTS_ADDRESS_H
#define SERVICES_NOTARY_ARTIFACTS_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

bool address_is_public(const struct sockaddr *address);

#endif
