/* SPDX-License-Identifier: Apache-2.0
 *
 * text_map.c - sorted pairs, and a list.
 */
#include "client/text_map.h"

#include <assert.h>
#include <stdlib.h>

static char *text_of(struct bytes b)
{
    char *text = malloc(b.len + 1);

    if (!text)
        return NULL;
    if (b.len)
        memcpy(text, b.data, b.len);
    text[b.len] = '\0';
    return text;
}

bool client_text_set(char **to, const char *text)
{
    char *copy = NULL;

    if (text && !(copy = text_of(bytes_of_text(text))))
        return false;
    free(*to);
    *to = copy;
    return true;
}

/* Room for one more of `size` bytes each; doubles. */
static enum err grow(void **items, int count, int *capacity, size_t size)
{
    int more = *capacity ? *capacity * 2 : 4;
    void *bigger;

    if (count < *capacity)
        return OK;
    if (count >= CLIENT_STRINGS_MAX)
        return ERR_TOO_LARGE;
    if (!(bigger = realloc(*items, (size_t)more * size)))
        return ERR_NOMEM;
    *items = bigger;
    *capacity = more;
    return OK;
}

void client_map_deinit(struct _pulsar_string_map *map)
{
    for (int i = 0; i < map->count; i++) {
        free(map->pairs[i].key);
        free(map->pairs[i].value);
    }
    free(map->pairs);
    *map = (struct _pulsar_string_map){0};
}

/* The first pair whose key is not before `key`. */
static int lower_bound(const struct _pulsar_string_map *map, struct bytes key)
{
    int low = 0, high = map->count;

    while (low < high) {
        int middle = low + (high - low) / 2;
        if (bytes_compare(bytes_of_text(map->pairs[middle].key), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum err client_map_put(struct _pulsar_string_map *map, struct bytes key, struct bytes value)
{
    int at = lower_bound(map, key);
    struct client_pair pair = {0};
    void *pairs = map->pairs;
    enum err err = ERR_NOMEM;

    if (!(pair.value = text_of(value)))
        return ERR_NOMEM;
    if (at < map->count && bytes_equal(bytes_of_text(map->pairs[at].key), key)) {
        free(map->pairs[at].value);
        map->pairs[at].value = pair.value;
        return OK;
    }
    if (!(pair.key = text_of(key)) || (err = grow(&pairs, map->count, &map->capacity, sizeof pair)) != OK)
        goto fail;
    map->pairs = pairs;
    memmove(map->pairs + at + 1, map->pairs + at, (size_t)(map->count - at) * sizeof pair);
    map->pairs[at] = pair;
    map->count++;
    return OK;
fail:
    free(pair.key);
    free(pair.value);
    return err;
}

enum err client_map_copy(struct _pulsar_string_map *to, const struct _pulsar_string_map *from)
{
    struct _pulsar_string_map copy = {0};
    enum err err;

    for (int i = 0; i < from->count; i++) {
        err = client_map_put(&copy, bytes_of_text(from->pairs[i].key), bytes_of_text(from->pairs[i].value));
        if (err != OK) {
            client_map_deinit(&copy);
            return err;
        }
    }
    client_map_deinit(to);
    *to = copy;
    return OK;
}

const char *client_map_find(const struct _pulsar_string_map *map, const char *key)
{
    int at = lower_bound(map, bytes_of_text(key));

    return at < map->count && strcmp(map->pairs[at].key, key) == 0 ? map->pairs[at].value : NULL;
}

enum err client_map_wire(const struct _pulsar_string_map *map, Wire__KeyValue ***out)
{
    size_t count = (size_t)map->count;
    Wire__KeyValue **list, *items;

    *out = NULL;
    if (count == 0)
        return OK;
    if (!(list = malloc(count * (sizeof *list + sizeof *items))))
        return ERR_NOMEM;
    items = (Wire__KeyValue *)(void *)(list + count);
    for (size_t i = 0; i < count; i++) {
        wire__key_value__init(&items[i]);
        items[i].key = map->pairs[i].key;
        items[i].value = map->pairs[i].value;
        list[i] = &items[i];
    }
    *out = list;
    return OK;
}

pulsar_string_map_t *pulsar_string_map_create(void)
{
    return calloc(1, sizeof(struct _pulsar_string_map));
}

void pulsar_string_map_free(pulsar_string_map_t *map)
{
    if (map)
        client_map_deinit(map);
    free(map);
}

int pulsar_string_map_size(pulsar_string_map_t *map)
{
    return map->count;
}

void pulsar_string_map_put(pulsar_string_map_t *map, const char *key, const char *value)
{
    enum err err = client_map_put(map, bytes_of_text(key), bytes_of_text(value));

    (void)err; /* the API has no way to say that memory was short: the size tells */
}

const char *pulsar_string_map_get(pulsar_string_map_t *map, const char *key)
{
    return client_map_find(map, key);
}

const char *pulsar_string_map_get_key(pulsar_string_map_t *map, int idx)
{
    return idx >= 0 && idx < map->count ? map->pairs[idx].key : NULL;
}

const char *pulsar_string_map_get_value(pulsar_string_map_t *map, int idx)
{
    return idx >= 0 && idx < map->count ? map->pairs[idx].value : NULL;
}

pulsar_string_list_t *pulsar_string_list_create(void)
{
    return calloc(1, sizeof(struct _pulsar_string_list));
}

void pulsar_string_list_free(pulsar_string_list_t *list)
{
    if (!list)
        return;
    for (int i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    free(list);
}

int pulsar_string_list_size(pulsar_string_list_t *list)
{
    return list->count;
}

void pulsar_string_list_append(pulsar_string_list_t *list, const char *item)
{
    char *copy = text_of(bytes_of_text(item));
    void *items = list->items;

    if (!copy || grow(&items, list->count, &list->capacity, sizeof copy) != OK) {
        free(copy); /* as above: the size tells */
        return;
    }
    list->items = items;
    list->items[list->count++] = copy;
}

const char *pulsar_string_list_get(pulsar_string_list_t *list, int index)
{
    return index >= 0 && index < list->count ? list->items[index] : NULL;
}
