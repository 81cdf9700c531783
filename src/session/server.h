/* SPDX-License-Identifier: Apache-2.0
 *
 * server.h - the listener of Pulsar's binary protocol, and its sessions.
 *
 * What both the program and the simulator start: store_open, broker_new, server_start.  Core thread.  May call: base/,
 * sys/, wire/, broker/.
 */
#ifndef SESSION_SERVER_H
#define SESSION_SERVER_H

#include "base/buffer.h"
#include "broker/broker.h"
#include "sys/sys.h"

struct audit;
struct authenticator;
struct authorization;
struct log;
struct server;
struct tls_settings;

/* Where what is received lies: the store holds some of it when the server is gone. */
struct server_memory {
    struct budget receive;
    struct buffer_pool pool;
};
void server_memory_deinit(struct server_memory *m); /* after the store; fine for one of zeros */

struct server_options {
    const char *bind; /* "0.0.0.0", "127.0.0.1", a host of the simulation */
    bool plain;       /* listens without TLS */
    uint16_t port;    /* of that; 0: the kernel chooses */
    /* Listens with TLS, too, or only; NULL: does not, and nothing of OpenSSL's is touched. */
    const struct tls_settings *tls;
    uint16_t tls_port;
    uint32_t tls_check_ms; /* how often the files are looked at that `tls` names: 300,000 */
    uint32_t tls_threads;  /* that work on handshakes: 1 */
    /* What clients are told to connect to: host or address; NULL: `bind`, or "localhost" when that is 0.0.0.0.  The
     * port is the one listened on. */
    const char *advertised_address;
    /* "internal:pulsar://10.0.0.1:6650,external:pulsar://bus.example.org:16650", or NULL; pulsar+ssl:// likewise.  A
     * lookup that names a listener is answered with its addresses; one that does not, with the internal one's, or the
     * first one's, if there is any, and with our own where that one has none. */
    const char *advertised_listeners;
    const char *internal_listener; /* the name of that one, when it is not to be the first; or NULL */
    const char *version;           /* server_version in CONNECTED: "Pulsar Server geminga/0.1.0" is made of "0.1.0" */
    uint32_t message_bytes_max;    /* max_message_size: 5 MiB */
    uint32_t connections_max;      /* beyond it that one goes that was silent longest, else the new one */
    uint32_t connections_per_address_max; /* 0: no limit; beyond it new ones are turned away */
    uint32_t keep_alive_ms;               /* 30,000 */
    uint32_t probe_ms;                    /* 5,000: a rival's connection is alive if it answers in this time */
    uint32_t pending_sends_max;           /* per connection: 1,000 */
    /* Messages whose receipts a connection has not taken, 1,000: beyond it those that are not kept are dropped. */
    uint32_t non_persistent_pending_max;
    /* Budget of all receive buffers, at least twice message_bytes_max; a 16th of it, of what is more than that, for
     * free ones. */
    size_t receive_bytes_max;
    struct server_memory *memory; /* its place, which outlives the store */
    size_t outputs_bytes_max;     /* budget of what is queued for all peers together */
    size_t output_bytes_max;      /* queued for one peer that does not read: beyond it the connection is closed */
    struct audit *audit;          /* NULL: there is none.  Outlives the server, as the next two. */
    struct authenticator *authenticator; /* NULL: nobody is asked who they are */
    struct authorization *authorization; /* NULL: everybody may everything */
    struct log *log;
};

/* The defaults; bind "0.0.0.0", port 6650. */
void server_options_init(struct server_options *o);

/* ERR_BUSY: the port is taken; ERR_INVALID: advertised_listeners, internal_listener; `message` is the whole sentence
 * for the user.  The texts of `options` live as long as the server. */
MUST_USE enum err server_start(struct server **out, const struct server_options *options, const struct sys *sys,
                               struct broker *broker, char *message, size_t message_size);

/* 0: it does not listen there. */
uint16_t server_port(const struct server *s);
uint16_t server_tls_port(const struct server *s);
/* "pulsar://host:port" for a lookup over this listener, and "pulsar+ssl://host:port"; NULL: no such listener, or it has
 * no such address.  `listener` may be NULL or empty. */
const char *server_url(const struct server *s, const char *listener);
const char *server_tls_url(const struct server *s, const char *listener);

/* Looks at the files of TLS now; false: there are none. */
bool server_renew(struct server *s);

/* Stops accepting, has the broker unload every topic (so that clients are told to come back), closes every connection
 * once what was queued is out, then done, from the loop.  The broker is stopped then, and not freed. */
void server_stop(struct server *s, void (*done)(void *ctx), void *ctx);
/* After stop; or without it, as a crash: nobody is told anything, nothing is called back.  NULL is fine.  Before
 * broker_free. */
void server_free(struct server *s);

struct server_stats {
    uint64_t connections, connections_total, connections_refused;
    uint64_t connections_evicted; /* that said nothing, or nearly, while others wanted their place */
    uint64_t bytes_in, bytes_out, frames_in, frames_out;
    uint64_t protocol_errors, checksum_errors;
    size_t receive_bytes; /* in receive buffers now */
    struct server_tls_stats {
        bool on;
        uint64_t handshakes, failed, timed_out, dropped, in_progress;
        uint64_t renewed, renewals_failed; /* files of certificates */
        int64_t expires_s;                 /* the certificate, in seconds since 1970 */
    } tls;
};
/* The server's parts of the process's memory_limit; they live as long as the server. */
#define SERVER_BUDGETS 3
void server_budgets(const struct server *s, const struct budget *out[SERVER_BUDGETS]);
void server_stats_get(const struct server *s, struct server_stats *out);

#endif
