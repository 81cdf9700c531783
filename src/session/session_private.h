/* SPDX-License-Identifier: Apache-2.0
 *
 * session_private.h - struct session as the files of this room see it.
 *
 * session.c has its life and the struct sink; commands.c the table of commands; handle_*.c the handlers, by subject.
 *
 * What a client names on its connection is a struct handle: a producer or a consumer by its id, from the command that
 * asks for it until it is closed.  What takes time is a struct request around one of the broker's operations: while one
 * is under way the session's memory stays, even if the connection has gone.
 */
#ifndef SESSION_SESSION_PRIVATE_H
#define SESSION_SESSION_PRIVATE_H

#include "base/arena.h"
#include "base/map.h"
#include "broker/consumer.h"
#include "broker/producer.h"
#include "broker/schemas.h"
#include "security/subject.h"
#include "session/errors.h"
#include "session/output.h"
#include "session/receive.h"
#include "session/rights.h"
#include "session/server_private.h"
#include "session/session.h"
#include "wire/command.h"
#include "wire/frame.h"

#define HANDLES_MAX  100000 /* producers, and consumers, of one connection */
#define WAKE_AT_ONCE 64     /* consumers told that there is room, before it is looked how much they used */
#define REQUESTS_MAX 1000   /* under way for one connection; beyond it reading pauses */

enum session_state { SESSION_HANDSHAKE, SESSION_READY, SESSION_CLOSING };

enum handle_state {
    HANDLE_OPENING, /* the broker was asked */
    HANDLE_OPEN,
    HANDLE_ABANDONED, /* closed by the client while it was OPENING */
    HANDLE_CLOSED,    /* a producer's: sends that were under way are ignored, for a while */
};

struct handle {
    struct list node; /* a consumer's: session->waking */
    uint64_t id;
    enum handle_state state;
    struct producer *producer; /* when OPEN: one of the two */
    struct consumer *consumer;
    struct producer_open *queued; /* while OPENING: it waits to be exclusive, and its client knows */
    uint64_t rights;              /* the change after which it was checked, see rights.h */
    uint64_t closed_ns;           /* when it became CLOSED */
};

struct session {
    /* Set at creation. */
    struct sink sink;
    struct conn_handler handler;
    struct server *server;
    struct broker *broker;
    struct conn *conn;
    struct list node; /* server->sessions */
    uint64_t rights;  /* the change after which what is open was checked, see rights.h */
    struct arrival arrival;
    char peer[64];
    char client_version[64];
    struct subject who; /* whom its credentials show it to be, texts from malloc; nobody: authentication is off */

    enum session_state state;
    bool gone;           /* on_closed was called */
    bool polite;         /* what is queued goes out before the connection is closed */
    bool torn_down;      /* producers and consumers are detached, probes answered */
    bool turned_away;    /* only told why it may not come in; server->farewells counts it */
    int protocol;        /* the version both speak */
    bool authenticating; /* nothing is read until it is known who that is */
    struct login *login; /* NULL: authentication is off, or there was no CONNECT yet */

    struct receive receive;
    uint64_t frame_began_ns;  /* when a place was made for the large frame at hand; 0: for none */
    bool paused;              /* reading is stopped: too much is under way */
    struct list starved_node; /* server->starved: the receive budget is spent */
    uint8_t discard[64];      /* where bytes go that nobody wants any more */
    struct output output;
    struct task flush, resume, end;
    struct task wake; /* runs while the output is writable, and `to_wake` are to be told of it */

    struct map producers, consumers; /* struct handle by id */
    struct handle *sending;          /* the producer of the last SEND: the next is its, mostly.  NULL: not known */
    struct list waking; /* the consumers: who has waited longest to be told that there is room comes first */
    size_t to_wake;
    size_t pending_sends; /* publishes under way */
    size_t pending_bytes; /* of their entries */
    /* Receipts, and other answers to SENDs, of this turn of the loop; and of earlier ones, not yet taken by the peer.
     */
    size_t receipts_now, receipts_waiting;
    struct list watches;  /* struct topic_watch */
    struct list requests; /* struct request */
    size_t request_count;
    struct list probes; /* struct probe */
    struct timer probe_timer, keep_alive;
    struct timer throttle; /* runs while publish rates want nothing more to be read */
    bool pong_due;
    struct log_rate faults, refusals; /* of this peer, for the log */
};

/* What a command says of its messages, copied; all such copies together are at most a 32nd of the receive budget, and
 * no less than two of the largest. */
struct client_schema {
    struct server *server;
    uint8_t *bytes; /* NULL: it says nothing */
    size_t len;
    struct schema_record record;
};

/* `from` may be NULL.  ERR_AGAIN: there are too many. */
MUST_USE enum err client_schema_take(struct session *s, const Wire__Schema *from, struct client_schema *out,
                                     struct refusal *why);
void client_schema_drop(struct client_schema *c);
/* NULL: it says nothing. */
const struct schema_record *client_schema_record(const struct client_schema *c);

/* A command that is answered later. */
struct request {
    struct list node;
    struct session *session;     /* stays, while it is in the session's list */
    uint64_t id;                 /* of the request */
    uint64_t handle;             /* the producer's or consumer's id */
    void *memory;                /* all of it, in one piece: for free() */
    bool aside;                  /* not counted: it may wait for as long as others please */
    struct client_schema schema; /* dropped with it */
};

/* Zeroed memory of `size` bytes, with the request at `offset`; NULL when memory is short: the session is then closed.
 */
void *request_new(struct session *s, size_t size, size_t offset, uint64_t id, uint64_t handle);
void request_free(struct request *r);
/* From now on it does not count among REQUESTS_MAX. */
void request_set_aside(struct request *r);

/* ---- what handlers use ---- */

/* A frame that came in, and what it was decoded to. */
struct incoming {
    int type;
    struct frame frame;
    struct buffer *buffer;         /* that the frame lies in */
    struct crc32c_tail known;      /* of the frame */
    const Wire__BaseCommand *body; /* NULL for the busy commands, which their handlers decode */
};

struct command {
    int type;
    enum session_state required;
    bool busy; /* decodes by itself */
    enum operation operation;
    const char *refusal; /* what those are told who may not, in Pulsar's words; NULL: the operation is anybody's */
    void (*handle)(struct session *s, const struct incoming *in);
};

/* NULL: not one that a client sends. */
const struct command *command_find(int type);
/* All of them; *count of them. */
const struct command *commands_all(size_t *count);

/* Ends the connection, soon: nothing more is read or said.  `why` is for the log; NULL: nothing to log.  May be called
 * from anywhere, inside the broker too. */
void session_close(struct session *s, const char *why, ...) PRINTF_LIKE(2, 3);

/* The client has said who it is, and may be who it says: from now on commands are heard. */
void session_ready(struct session *s);

/* Something ended that a closing session waits for. */
void session_end_later(struct session *s);

/* session_sink.c */
extern const struct sink_ops session_sink_ops;
void session_answer_probes(struct session *s, bool alive);
void session_relieved(struct output *output); /* the peer reads again */
void session_wake_run(struct task *task);
void session_send_ping(struct session *s);

/* Queues an answer. */
void session_send(struct session *s, Wire__BaseCommand__Type type, void *body);
void session_send_success(struct session *s, uint64_t request);
void session_send_refusal(struct session *s, uint64_t request, const struct refusal *why);
void session_send_error(struct session *s, uint64_t request, Wire__ServerError code, const char *text);
/* The end of a request: SUCCESS, or what the refusal says. */
void session_send_outcome(struct session *s, uint64_t request, const struct refusal *why);
void session_send_send_error(struct session *s, uint64_t producer, uint64_t sequence, enum err err);
void session_flush_later(struct session *s);

/* It is known who that is, as far as anybody asks: session_ready, and CONNECTED is sent. */
void session_connected(struct session *s);

/* A topic's name from a command; false: the client was told. */
bool session_topic(struct session *s, uint64_t request, const char *text, struct topic_name *out);

/* Names and values of a command as broker/properties.h keeps them, in the server's arena: until the next frame.  Of
 * those without a name nothing, and of very many the first ones. */
struct bytes session_properties(struct session *s, Wire__KeyValue *const *pairs, size_t count);

/* NULL: there are too many, and the client was told; or memory is short, and the session is being closed. */
struct handle *handle_new(struct session *s, struct map *map, uint64_t id, uint64_t request);
void handle_free(struct session *s, struct map *map, struct handle *h);
struct consumer *session_consumer(struct session *s, uint64_t id); /* an open one, or NULL */

/* ---- handlers ---- */

void handle_connect(struct session *s, const struct incoming *in);
void handle_auth_response(struct session *s, const struct incoming *in);
void handle_ping(struct session *s, const struct incoming *in);
void handle_ignored(struct session *s, const struct incoming *in);
void handle_transaction(struct session *s, const struct incoming *in);
void handle_get_schema(struct session *s, const struct incoming *in);
void handle_get_or_create_schema(struct session *s, const struct incoming *in);

void handle_lookup(struct session *s, const struct incoming *in);
void handle_partitioned_metadata(struct session *s, const struct incoming *in);
void handle_get_topics(struct session *s, const struct incoming *in);
void handle_watch_topics(struct session *s, const struct incoming *in);
void handle_watch_topics_close(struct session *s, const struct incoming *in);

void handle_producer(struct session *s, const struct incoming *in);
void handle_send(struct session *s, const struct incoming *in);
void handle_close_producer(struct session *s, const struct incoming *in);

void handle_subscribe(struct session *s, const struct incoming *in);
void handle_flow(struct session *s, const struct incoming *in);
void handle_ack(struct session *s, const struct incoming *in);
void handle_redeliver(struct session *s, const struct incoming *in);
void handle_unsubscribe(struct session *s, const struct incoming *in);
void handle_seek(struct session *s, const struct incoming *in);
void handle_close_consumer(struct session *s, const struct incoming *in);
void handle_last_message_id(struct session *s, const struct incoming *in);
void handle_consumer_stats(struct session *s, const struct incoming *in);

#endif
