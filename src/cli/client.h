/* SPDX-License-Identifier: Apache-2.0
 *
 * client.h - what `geminga client produce | consume | read` and `geminga perf` share: the connection's options, a
 * client, the topic, a pace, and the end by a signal.
 *
 * Programs like any other over the public client library: nothing here knows how it works, or whose broker it is.
 */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include "cli/access.h"
#include "cli/cli.h"
#include "pulsar/c/client.h"

struct client_config {
    char *url, *web_url, *listener_name;
    struct access_config access;
    int64_t memory_limit;
};

extern const struct option_table client_option_table;

/* The client, or NULL, everything said. */
pulsar_client_t *client_open(const struct invocation *inv, const struct client_config *config);
/* Closes and frees it.  NULL is fine. */
void client_shut(pulsar_client_t *client);

/* The one word that is left in argv; NULL, said: there is none, or more. */
const char *client_topic(const struct invocation *inv);

/* "earliest", "latest" or LEDGER:ENTRY as what a reader is made with; NULL: none of them.  A reader begins after the id
 * that it is given, so `inclusive` is the one before.  *owned is the caller's to free, or NULL. */
const pulsar_message_id_t *client_start(const char *text, bool inclusive, pulsar_message_id_t **owned);

/* Choices of options: how consumers share a subscription, and where a new one begins. */
extern const char *const client_subscription_types[], *const client_subscription_positions[];
/* Both are one of the choices. */
void client_subscription_set(pulsar_consumer_configuration_t *conf, const char *type, const char *position);

/* True once SIGINT or SIGTERM came, after client_signals. */
void client_signals(void);
bool client_interrupted(void);

/* How many a second; 0: as fast as possible. */
struct pace {
    double per_second;
    double next_ns; /* monotonic */
};
/* False: `text` is no rate. */
bool pace_init(struct pace *p, const char *text);
/* When the next one is due, which is counted by that.  Only with a rate. */
int64_t pace_next(struct pace *p);
/* Waits until the next one is due, or a signal comes. */
void pace_wait(struct pace *p);

/* A sentence about a failed call on standard error; returns CLI_FAILED. */
int client_failed(const struct invocation *inv, const char *what, pulsar_result result);
/* "what" on standard error, when that is a terminal. */
void client_progress(const char *format, ...) PRINTF_LIKE(1, 2);

extern const struct verb client_produce_verb; /* client_produce.c */
extern const struct verb client_consume_verb; /* client_receive.c */
extern const struct verb client_read_verb;    /* client_receive.c */

#endif
