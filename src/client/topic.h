/* SPDX-License-Identifier: Apache-2.0
 *
 * topic.h - names of topics and addresses of services, as users write them.
 *
 * Pure; may call: base/.
 */
#ifndef CLIENT_TOPIC_H
#define CLIENT_TOPIC_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLIENT_TOPIC_MAX 1000 /* bytes of a full name */
#define CLIENT_HOST_MAX  255
#define CLIENT_HOSTS_MAX 32

/* "x" -> "persistent://public/default/x", "t/n/x" -> "persistent://t/n/x"; full names as they are.  *out is the
 * caller's to free().  ERR_INVALID: not a topic's name. */
MUST_USE enum err client_topic_complete(const char *name, char **out);

/* "<topic>-partition-<n>", the caller's to free().  ERR_NOMEM. */
MUST_USE enum err client_topic_partition(const char *topic, uint32_t partition, char **out);

/* N of -partition-N at the end, or -1. */
int32_t client_topic_partition_of(const char *topic);

struct client_address {
    char host[CLIENT_HOST_MAX + 1];
    uint16_t port;
};

/* "pulsar://h1:6650,h2,[::1]:6651", at most CLIENT_HOSTS_MAX (a path after it is ignored); *tls: the scheme is
 * pulsar+ssl, and the port 6651 where none is said.  ERR_INVALID. */
MUST_USE enum err client_address_parse(const char *url, struct client_address *out, size_t *count, bool *tls);
/* One host's url: "pulsar://host:port". */
void client_address_url(const struct client_address *a, bool tls, char *to, size_t size);
#define CLIENT_URL_MAX (CLIENT_HOST_MAX + 32)
/* "host:port" of such a url. */
const char *client_url_host(const char *url);

#endif
