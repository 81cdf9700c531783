/* SPDX-License-Identifier: Apache-2.0
 *
 * admin.h - HTTP: the admin interface, lookup, metrics and health, on a thread of its own.
 *
 * The admin thread speaks HTTP (http.h) and finds the route (routes.h); the handler runs on the core thread, as a task
 * posted to its loop, and its answer goes back the same way.  So handlers call the broker like anybody on the core, and
 * never touch a socket.  May call: base/, sys/, store/ (figures), broker/, session/ (figures and URLs).
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "base/buffer.h"
#include "broker/broker.h"
#include "session/server.h"
#include "sys/sys.h"
#include "sys/web_socket.h"

struct admin;
struct audit;
struct authorization;
struct authenticator;
struct option;
struct options;
struct tls_settings;

/* The options of the process, for those who look at them and change them while it runs.  On the core thread. */
struct admin_configuration {
    const struct options *options; /* and what they are now */
    bool (*is_dynamic)(const struct option *option);
    /* From now on it is `value`; NULL: as it was at the start.  ERR_INVALID and a sentence: it cannot be that, and
     * nothing was changed. */
    enum err (*change)(void *ctx, struct broker *broker, const struct option *option, const char *value, char *message,
                       size_t message_size);
    void *ctx;
};

/* What /metrics has series of its own for; Pulsar's names of these are in broker_config.c. */
struct metrics_options {
    bool topics; /* else only namespaces */
    bool consumers, producers;
    bool split_partitions; /* topic="...",partition="3" and not topic="...-partition-3" */
    size_t rows_max;       /* topics, subscriptions, consumers and producers together; with more, as if !topics */
};

struct admin_options {
    const char *bind; /* "0.0.0.0", an address, or the name of an interface */
    uint16_t port;    /* 0: the kernel chooses */
    bool tls_only;    /* nobody listens on `port` */
    /* NULL: no TLS, and nothing of OpenSSL's is touched. */
    const struct tls_settings *tls;
    uint16_t tls_port;
    uint32_t tls_check_ms;          /* how often the files are looked at that `tls` names: 300,000 */
    const char *advertised_address; /* the host in what lookups give as httpUrl; NULL: as server_options says */
    const char *version;            /* ours: "0.1.0" */
    uint32_t connections_max;       /* beyond it new ones are told so */
    uint32_t connections_per_address_max, requests_per_s, head_bytes_max; /* as http_options has these */
    const char *trusted_sites;           /* whose pages may ask for what, see http_origin.h; or NULL */
    struct authenticator *authenticator; /* NULL: nobody asks who somebody is.  Outlives the admin. */
    bool authenticate_metrics;           /* /metrics wants credentials, too */
    const struct budget *const *budgets; /* shown in /metrics; they live as long as the admin */
    size_t budget_count;
    struct metrics_options metrics;
    const char *status_file;     /* while it is there, /status.html says OK; NULL: it never does.  As Pulsar's */
    struct web_service *sockets; /* at /ws/; NULL: none.  Outlives the admin. */
    const struct admin_configuration *configuration; /* it lives as long as the admin; NULL: there are no options */
    /* Ends the process as SIGTERM does, but not before the answer to who asked for it; NULL: nobody can. */
    void (*shutdown)(void *ctx);
    void *shutdown_ctx;
    struct audit *audit;                 /* NULL: there is none.  Outlives the admin. */
    struct authorization *authorization; /* NULL: everybody may everything; outlives the admin */
    struct log *log;
};

#define METRICS_ROWS_MAX 1000000

/* bind "0.0.0.0", port 8080, 100 connections; topics' metrics, METRICS_ROWS_MAX. */
void admin_options_init(struct admin_options *o);

/* Listens and starts the thread.  The texts of `options`, the broker and the server outlive it; `server` may be NULL:
 * then lookups are refused.  ERR_BUSY: the port is taken; `message` is the whole sentence for the user. */
MUST_USE enum err admin_start(struct admin **out, const struct admin_options *options, const struct sys *core,
                              struct broker *broker, const struct server *server, char *message, size_t message_size);

/* 0: nobody listens there. */
uint16_t admin_port(const struct admin *a);
uint16_t admin_tls_port(const struct admin *a);

/* Looks at the files of TLS now; false: there are none.  Core thread. */
bool admin_renew(struct admin *a);

/* On the core thread.  Takes no more requests and ends the thread; what handlers still do ends unheard. */
void admin_stop(struct admin *a);

/* After admin_stop, and after broker_free: what the broker was still doing for a handler is in our memory.  NULL is
 * fine. */
void admin_free(struct admin *a);

#endif
