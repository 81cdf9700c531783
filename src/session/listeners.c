/* SPDX-License-Identifier: Apache-2.0
 *
 * listeners.c - see listeners.h.
 */
#include "session/listeners.h"

#include <stdio.h>
#include <string.h>

static bool starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

static enum err refuse(char *message, size_t message_size, const char *item, const char *why)
{
    (void)snprintf(message, message_size, "advertisedListeners: `%s` %s", item, why);
    return ERR_INVALID;
}

/* The one of this name, made if need be; NULL: there are too many. */
static struct listener_addresses *place_of(struct listeners *l, const char *name, size_t len)
{
    for (size_t i = 0; i < l->count; i++) {
        if (strncmp(l->at[i].name, name, len) == 0 && l->at[i].name[len] == '\0')
            return &l->at[i];
    }
    if (l->count == LISTENERS_MAX)
        return NULL;
    struct listener_addresses *place = &l->at[l->count++];
    (void)snprintf(place->name, sizeof place->name, "%.*s", (int)len, name);
    place->url[0] = place->tls_url[0] = '\0';
    return place;
}

/* "name:pulsar://host:port", "name:pulsar+ssl://host:port" */
static enum err parse_one(struct listeners *l, const char *item, char *message, size_t message_size)
{
    const char *colon = strchr(item, ':');
    const size_t name_len = colon ? (size_t)(colon - item) : 0;

    if (!colon || name_len == 0 || name_len >= sizeof l->at[0].name)
        return refuse(message, message_size, item, "is not name:pulsar://host:port");
    const char *url = colon + 1;
    const bool tls = starts_with(url, "pulsar+ssl://");
    if ((!tls && !starts_with(url, "pulsar://")) || !strchr(strstr(url, "://") + 3, ':') ||
        strlen(url) >= sizeof l->at[0].url)
        return refuse(message, message_size, url, "is not pulsar://host:port or pulsar+ssl://host:port");
    struct listener_addresses *place = place_of(l, item, name_len);
    if (!place)
        return refuse(message, message_size, item, "is one too many");
    char *to = tls ? place->tls_url : place->url;
    if (to[0])
        return refuse(message, message_size, item, "is the second address of its kind for this name");
    (void)snprintf(to, sizeof place->url, "%s", url);
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

static const struct listener_addresses *find(const struct listeners *l, const char *name)
{
    for (size_t i = 0; i < l->count; i++) {
        if (strcmp(l->at[i].name, name) == 0)
            return &l->at[i];
    }
    return NULL;
}

bool listeners_known(const struct listeners *l, const char *name)
{
    return find(l, name) != NULL;
}

const char *listeners_find(const struct listeners *l, const char *name, bool tls)
{
    const struct listener_addresses *it = find(l, name);

    if (!it)
        return NULL;
    const char *url = tls ? it->tls_url : it->url;
    return url[0] ? url : NULL;
}
