/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_names.h - the names that a client gets which asks for topics, and their hash.
 *
 * The hash is Pulsar's: CRC32C over the names in their order, joined by commas; the client gives it back when it asks
 * again, and gets no list when nothing has changed.  Bounded in number and bytes.  May call: base/, broker/names.h,
 * wire/.
 */
#ifndef SESSION_TOPIC_NAMES_H
#define SESSION_TOPIC_NAMES_H

#include "base/arena.h"
#include "broker/names.h"
#include "wire/topic_pattern.h"

#define TOPICS_MAX       100000            /* in one answer */
#define TOPICS_BYTES_MAX (4 * 1024 * 1024) /* of their names: clients take frames a little over 5 MiB */

struct topic_hash {
    uint32_t crc;
    bool any;
};
void topic_hash_add(struct topic_hash *h, struct bytes name); /* in the order of the names */
void topic_hash_text(const struct topic_hash *h, char to[9]);

/* Those that the client asked for: no system topics, of this mode (as on the wire), and matched by this pattern (NULL:
 * all are). */
bool topic_wanted(const struct topic_name *name, int mode, struct topic_pattern *pattern);

struct topic_names {
    struct arena arena;
    char **at; /* into the arena */
    size_t count, capacity;
    bool failed; /* there are more than the bound, or memory is short */
};
void topic_names_init(struct topic_names *l);
void topic_names_deinit(struct topic_names *l);
/* False: failed. */
bool topic_names_add(struct topic_names *l, struct bytes name);

#endif
