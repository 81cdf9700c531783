/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_names.c - see topic_names.h.
 */
#include "session/topic_names.h"

#include "base/checksum.h"
#include "pulsar.pb-c.h"

#include <stdio.h>
#include <stdlib.h>

void topic_hash_add(struct topic_hash *h, struct bytes name)
{
    if (h->any)
        h->crc = crc32c(h->crc, bytes_of(",", 1));
    h->crc = crc32c(h->crc, name);
    h->any = true;
}

/* As Pulsar writes it: the four bytes of the sum, the least first. */
void topic_hash_text(const struct topic_hash *h, char to[9])
{
    (void)snprintf(to, 9, "%08x", __builtin_bswap32(h->crc));
}

static bool of_mode(int mode, enum topic_domain domain)
{
    if (mode == WIRE__COMMAND_GET_TOPICS_OF_NAMESPACE__MODE__PERSISTENT)
        return domain == DOMAIN_PERSISTENT;
    return mode != WIRE__COMMAND_GET_TOPICS_OF_NAMESPACE__MODE__NON_PERSISTENT || domain == DOMAIN_NON_PERSISTENT;
}

bool topic_wanted(const struct topic_name *name, int mode, struct topic_pattern *pattern)
{
    if (topic_name_is_system(name) || !of_mode(mode, name->domain))
        return false;
    const struct bytes base = bytes_of(name->text + name->tenant_at, (size_t)(name->base_len - name->tenant_at));
    return !pattern || topic_pattern_matches(pattern, base);
}

void topic_names_init(struct topic_names *l)
{
    *l = (struct topic_names){0};
    arena_init(&l->arena, TOPICS_BYTES_MAX);
}

void topic_names_deinit(struct topic_names *l)
{
    free(l->at);
    arena_deinit(&l->arena);
}

static bool grow(struct topic_names *l)
{
    size_t capacity = l->capacity ? l->capacity * 2 : 64;
    char **at = l->count < TOPICS_MAX ? realloc(l->at, capacity * sizeof *at) : NULL;

    if (!at)
        return false;
    l->at = at;
    l->capacity = capacity;
    return true;
}

bool topic_names_add(struct topic_names *l, struct bytes name)
{
    if ((l->count == l->capacity && !grow(l)) || !(l->at[l->count] = arena_text_of(&l->arena, name))) {
        l->failed = true;
        return false;
    }
    l->count++;
    return true;
}
