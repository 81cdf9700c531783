/* SPDX-License-Identifier: Apache-2.0
 *
 * clients.c - see clients.h.
 */
#include "services/websocket/clients.h"

#include "base/base64.h"
#include "base/secret.h"
#include "services/runtime/bus.h"

#include <assert.h>
#include <geminga/client.h>
#include <pulsar/c/authentication.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of messages that are under way to the broker: of the client of those who show nothing, and of each other. */
#define OWN_CLIENT_MEMORY (64ull << 20)
#define CLIENT_MEMORY     (16ull << 20)
#define SHOWN_MAX         (64u * 1024)

struct ws_client {
    struct list node;
    struct ws_clients *all;
    pulsar_client_t *client; /* NULL: it is gone already */
    size_t connections;
    struct bytes shown; /* "Bearer ...", "Basic ...", or empty; ours */
    bool proven;
    char peer[64]; /* who came first */
};

void ws_clients_init(struct ws_clients *all, struct log *log)
{
    *all = (struct ws_clients){.log = log};
    list_init(&all->all);
}

/* ---- what is shown ---- */

/* In a time that says nothing of where they differ. */
static bool same(struct bytes a, struct bytes b)
{
    volatile uint8_t difference = 0;

    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        difference = (uint8_t)(difference | (a.data[i] ^ b.data[i]));
    return difference == 0;
}

/* A text of its own, the caller's to secret_free(); NULL: there is a NUL in it, or no memory. */
static char *text_of(struct bytes b)
{
    char *text = b.len > 0 && memchr(b.data, '\0', b.len) ? NULL : malloc(b.len + 1);

    if (!text)
        return NULL;
    if (b.len > 0)
        memcpy(text, b.data, b.len);
    text[b.len] = '\0';
    return text;
}

static bool begins(struct bytes b, const char *word, struct bytes *rest)
{
    const size_t len = strlen(word);

    if (b.len < len || memcmp(b.data, word, len) != 0)
        return false;
    *rest = bytes_of(b.data + len, b.len - len);
    return true;
}

static pulsar_authentication_t *token_authentication(struct bytes token)
{
    char *text = text_of(token);
    pulsar_authentication_t *auth = text ? pulsar_authentication_token_create(text) : NULL;

    secret_free(text);
    return auth;
}

/* NAME:PASSWORD, in base64. */
static pulsar_authentication_t *basic_authentication(struct bytes digits)
{
    uint8_t *plain = malloc(digits.len + 1);
    pulsar_authentication_t *auth = NULL;
    size_t len = 0;

    if (plain && base64_decode(digits, plain, digits.len, &len) == OK && !memchr(plain, '\0', len)) {
        plain[len] = '\0';
        char *colon = strchr((char *)plain, ':');
        if (colon) {
            *colon = '\0';
            auth = pulsar_authentication_basic_create((char *)plain, colon + 1);
        }
    }
    if (plain)
        secret_wipe(plain, digits.len + 1);
    free(plain);
    return auth;
}

/* NULL: nothing that can be passed on, or no memory. */
static pulsar_authentication_t *authentication_of(struct bytes shown)
{
    struct bytes rest;

    if (begins(shown, "Bearer ", &rest))
        return token_authentication(rest);
    if (begins(shown, "Basic ", &rest))
        return basic_authentication(rest);
    return NULL;
}

/* ---- clients ---- */

static struct bytes what_counts(const struct ws_clients *all, const struct web_credentials *shown)
{
    return all->pass_on ? shown->authorization : bytes_of("", 0);
}

static struct ws_client *client_find(const struct ws_clients *all, struct bytes shown)
{
    list_each (node, &all->all) {
        struct ws_client *c = container_of(node, struct ws_client, node);
        if (same(c->shown, shown))
            return c;
    }
    return NULL;
}

static bool has_room(const struct ws_clients *all, struct bytes shown, const char *peer)
{
    size_t unproven = 0, of_peer = 0;

    list_each (node, &all->all) {
        const struct ws_client *c = container_of(node, struct ws_client, node);
        unproven += !c->proven;
        of_peer += !c->proven && strcmp(c->peer, peer) == 0;
    }
    return all->count < WS_CLIENTS_MAX &&
           (shown.len == 0 || (unproven < WS_UNPROVEN_MAX && of_peer < WS_UNPROVEN_OF_PEER));
}

unsigned ws_clients_refuse(const struct ws_clients *all, const struct web_credentials *shown, const char *peer,
                           char *reason, size_t reason_size)
{
    const struct bytes counts = what_counts(all, shown);
    struct bytes unused;

    if (counts.len > SHOWN_MAX ||
        (counts.len > 0 && !begins(counts, "Bearer ", &unused) && !begins(counts, "Basic ", &unused))) {
        (void)snprintf(reason, reason_size, "Authentication required");
        return 401;
    }
    if (client_find(all, counts) || has_room(all, counts, peer))
        return 0;
    (void)snprintf(reason, reason_size, "too many different credentials at a time");
    return 503;
}

/* With our own settings, but for who we are, when somebody shows that. */
static enum err configure(const struct ws_clients *all, struct bytes shown, pulsar_client_configuration_t **out,
                          char *message, size_t message_size)
{
    struct pulsar_access access = *all->access;
    pulsar_authentication_t *auth = NULL;

    if (shown.len > 0 && !(auth = authentication_of(shown))) {
        (void)snprintf(message, message_size, "what a connection shows of who it is cannot be passed on");
        return ERR_INVALID;
    }
    if (auth)
        access.auth_plugin = access.auth_params = NULL;
    enum err err = pulsar_access_configuration(&access, out, message, message_size);
    if (err == OK && auth)
        pulsar_client_configuration_set_auth(*out, auth);
    if (auth)
        pulsar_authentication_free(auth);
    return err;
}

static pulsar_client_t *library_client(const struct ws_clients *all, struct bytes shown)
{
    pulsar_client_configuration_t *conf;
    char message[300];

    if (configure(all, shown, &conf, message, sizeof message) != OK) {
        log_warn(all->log, "websocket", "%s", message);
        return NULL;
    }
    bus_set_logger(conf, all->log);
    pulsar_client_configuration_set_memory_limit(conf, shown.len > 0 ? CLIENT_MEMORY : OWN_CLIENT_MEMORY);
    pulsar_client_t *client = pulsar_client_create(all->access->service_url, conf);
    pulsar_client_configuration_free(conf);
    return client;
}

static void client_free(struct ws_client *c)
{
    if (c->client)
        pulsar_client_free(c->client);
    list_remove(&c->node);
    c->all->count--;
    secret_free((char *)(uintptr_t)c->shown.data);
    free(c);
}

static struct ws_client *client_new(struct ws_clients *all, struct bytes shown, const char *peer)
{
    struct ws_client *c = has_room(all, shown, peer) ? calloc(1, sizeof *c) : NULL;
    char *copy = c ? text_of(shown) : NULL;

    if (!copy) {
        free(c);
        return NULL;
    }
    *c = (struct ws_client){.all = all, .shown = bytes_of(copy, shown.len)};
    (void)snprintf(c->peer, sizeof c->peer, "%s", peer);
    list_push_back(&all->all, &c->node);
    all->count++;
    if ((c->client = library_client(all, shown)))
        return c;
    client_free(c);
    return NULL;
}

struct ws_client *ws_client_enter(struct ws_clients *all, const struct web_credentials *shown, const char *peer)
{
    const struct bytes counts = what_counts(all, shown);
    struct ws_client *c = client_find(all, counts);

    if (!c && !(c = client_new(all, counts, peer)))
        return NULL;
    c->connections++;
    return c;
}

/* The one of those who show nothing stays: it has no secret, and the next will come. */
void ws_client_leave(struct ws_client *c)
{
    assert(c->connections > 0);
    if (--c->connections == 0 && (c->shown.len > 0 || !c->client))
        client_free(c);
}

void ws_client_proven(struct ws_client *c)
{
    c->proven = true;
}

pulsar_client_t *ws_client_get(struct ws_client *c)
{
    return c->client;
}

void ws_clients_close(struct ws_clients *all)
{
    list_each_safe (node, &all->all) {
        struct ws_client *c = container_of(node, struct ws_client, node);
        if (c->client)
            pulsar_client_free(c->client);
        c->client = NULL;
        if (c->connections == 0)
            client_free(c);
    }
}
