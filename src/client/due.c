/* SPDX-License-Identifier: Apache-2.0
 *
 * due.c - a tree by entry and a list by time.
 *
 * Invariant: an item is in both; the list is in the order of at_ns.
 */
#include "client/due.h"

#include <assert.h>
#include <stdlib.h>

struct due_item {
    struct tree_node by_id;
    struct list by_time;
    struct _pulsar_message_id id; /* of the entry; no batch index */
    uint64_t at_ns;
};

static int compare(const void *key, const struct tree_node *node)
{
    return client_message_id_compare(key, &container_of_const(node, struct due_item, by_id)->id);
}

static struct _pulsar_message_id entry_of(const struct _pulsar_message_id *id)
{
    struct _pulsar_message_id entry = CLIENT_MESSAGE_ID_NONE;

    entry.ledger = id->ledger;
    entry.entry = id->entry;
    return entry;
}

static void item_free(struct client_due *d, struct due_item *item)
{
    tree_remove(&d->by_id, &item->by_id);
    list_remove(&item->by_time);
    free(item);
}

void client_due_init(struct client_due *d)
{
    tree_init(&d->by_id, compare);
    list_init(&d->by_time);
}

void client_due_clear(struct client_due *d)
{
    while (!list_empty(&d->by_time))
        item_free(d, container_of(d->by_time.next, struct due_item, by_time));
}

enum err client_due_add(struct client_due *d, const struct _pulsar_message_id *id, uint64_t at_ns)
{
    struct _pulsar_message_id entry = entry_of(id);
    struct due_item *item;

    if (tree_find(&d->by_id, &entry))
        return OK;
    if (tree_count(&d->by_id) >= CLIENT_DUE_MAX)
        return ERR_FULL;
    if (!(item = malloc(sizeof *item)))
        return ERR_NOMEM;
    item->id = entry;
    item->at_ns = at_ns;
    assert(list_empty(&d->by_time) || container_of(d->by_time.prev, struct due_item, by_time)->at_ns <= at_ns);
    tree_insert(&d->by_id, &item->id, &item->by_id);
    list_push_back(&d->by_time, &item->by_time);
    return OK;
}

void client_due_remove(struct client_due *d, const struct _pulsar_message_id *id)
{
    struct _pulsar_message_id entry = entry_of(id);
    struct tree_node *node = tree_find(&d->by_id, &entry);

    if (node)
        item_free(d, container_of(node, struct due_item, by_id));
}

void client_due_remove_until(struct client_due *d, const struct _pulsar_message_id *id)
{
    struct _pulsar_message_id entry = entry_of(id);
    struct tree_node *node;

    while ((node = tree_first(&d->by_id)) && compare(&entry, node) >= 0)
        item_free(d, container_of(node, struct due_item, by_id));
}

uint64_t client_due_next(const struct client_due *d)
{
    return list_empty(&d->by_time) ? UINT64_MAX : container_of(d->by_time.next, struct due_item, by_time)->at_ns;
}

bool client_due_take(struct client_due *d, uint64_t now_ns, struct _pulsar_message_id *out)
{
    struct due_item *item;

    if (client_due_next(d) > now_ns)
        return false;
    item = container_of(d->by_time.next, struct due_item, by_time);
    *out = item->id;
    item_free(d, item);
    return true;
}
