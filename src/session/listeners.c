/* SPDX-License-Identifier: Apache-2.0
 *
 * listeners.c - see listeners.h.
 */
#include "session/listeners.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* "name:pulsar://host:port" */
static enum err parse_one(struct listeners *l, const char *item, char *message, size_t message_size)
{
    const char *colon = strchr(item, ':');
    size_t name_len = colon ? (size_t)(colon - item) : 0;

    if (!colon || name_len == 0 || name_len >= sizeof l->at[0].name) {
        (void)snprintf(message, message_size, "advertisedListeners: `%s` is not name:pulsar://host:port", item);
        return ERR_INVALID;
    }
    if (starts_with(colon + 1, "pulsar+ssl://"))
        return OK;
    if (!starts_with(colon + 1, "pulsar://") || !strchr(colon + 1 + strlen("pulsar://"), ':') ||
        strlen(colon + 1) >= sizeof l->at[0].url) {
        (void)snprintf(message, message_size, "advertisedListeners: `%s` is not pulsar://host:port", colon + 1);
        return ERR_INVALID;
    }
    if (l->count == LISTENERS_MAX) {
        (void)snprintf(message, message_size, "advertisedListeners: more than %d", LISTENERS_MAX);
        return ERR_INVALID;
    }
    (void)snprintf(l->at[l->count].name, sizeof l->at[0].name, "%.*s", (int)name_len, item);
    (void)snprintf(l->at[l->count].url, sizeof l->at[0].url, "%s", colon + 1);
    l->count++;
    return OK;
}

enum err listeners_parse(struct listeners *l, const char *text, char *message, size_t message_size)
{
    char item[400];
    enum err err;

    l->count = 0;
    while (text && *text) {
        while (*text == ' ' || *text == ',')
            text++;
        size_t len = strcspn(text, ", ");
        if (len == 0)
            break;
        if (len >= sizeof item) {
            (void)snprintf(message, message_size, "advertisedListeners: an item of more than %zu bytes", sizeof item);
            return ERR_INVALID;
        }
        memcpy(item, text, len);
        item[len] = '\0';
        if ((err = parse_one(l, item, message, message_size)) != OK)
            return err;
        text += len;
    }
    return OK;
}

const char *listeners_find(const struct listeners *l, const char *name)
{
    for (size_t i = 0; i < l->count; i++) {
        if (strcmp(l->at[i].name, name) == 0)
            return l->at[i].url;
    }
    return NULL;
}
