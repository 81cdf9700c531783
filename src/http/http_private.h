/* SPDX-License-Identifier: Apache-2.0
 *
 * http_private.h - what the files of the HTTP server share: exchanges and connections.  Not for others.
 *
 * http.c has the server, the life of an exchange and the deadlines; http_admit.c decides whether a request is taken,
 * http_request.c reads it, http_answer.c writes the answer.  All on the server's thread but `finished`.
 */
#ifndef HTTP_HTTP_PRIVATE_H
#define HTTP_HTTP_PRIVATE_H

#include "base/list.h"
#include "http/http.h"
#include "http/http_chunks.h"
#include "http/http_gzip.h"
#include "http/http_peers.h"
#include "http/http_socket.h"
#include "http/http_tls.h"

#include <libwebsockets.h>
#include <stdatomic.h>

enum {
    HTTP_BODIES_MAX = 16 * 1024 * 1024 /* bytes of request bodies held at a time */
};

enum exchange_state { READING, LENT, ANSWER };

struct exchange {
    struct call call; /* first: finished() is given this */
    struct http *http;
    struct list node; /* http->exchanges */
    struct lws *wsi;  /* NULL: the connection is gone */
    enum exchange_state state;

    struct text body; /* of the request, as far as it is here */
    size_t body_size; /* as its head says; 0: none, or it comes in chunks: */
    bool chunked_body;
    uint64_t end_turn;    /* http->turns when its end was told, */
    unsigned end_repeats; /* and how often it was */
    struct chunks chunks;

    size_t charged; /* of http->body_bytes */

    bool linger; /* refused: more of the body may come */
    bool close;  /* the connection cannot be used again: there may be more of the body, or the peer speaks HTTP/1.0 */
    bool old;    /* HTTP/1.0: a long answer ends with the connection */
    bool takes_gzip;
    struct gzip *gzip;  /* the answer is compressed, */
    struct text packed; /* and this is sent in its body's place */
    bool parts;         /* the answer's length is not known when it begins */
    bool head_sent, packed_last, last_sent;
    size_t sent;                    /* of what is to be sent: the body, or packed */
    struct exchange *next_finished; /* the stack's */
};

/* Whether a request is taken, which is asked once for each: by a request to talk over a WebSocket before others. */
struct admission {
    bool asked;
    int status; /* 0: it is */
    char reason[300];
};

/* From the first event of a connection to the last.  (What libwebsockets itself keeps for us is only for one request.)
 */
struct connection {
    struct exchange *exchange;
    struct http_socket *socket; /* NULL: it is plain HTTP */
    struct http_handshake handshake;
    struct http_peer *peer;     /* its address */
    const char *one_more;       /* than there may be: why its request is refused; NULL: it is not */
    char peer_text[64];         /* with the port */
    struct admission admission; /* of the request that is being read */
    struct admission upgrade;   /* of its wish for a WebSocket */
    bool served;                /* it had an answer */
    bool lingering;             /* a refusal is sent; what still comes is thrown away, so that the peer can read it */
};

struct http {
    struct http_options options;
    struct lws_context *context;
    struct lws_vhost *vhost; /* NULL: TLS only */
    struct http_tls tls;
    struct http_peers peers;
    struct lws_protocols protocols[2];

    struct http_sockets sockets;
    struct list exchanges; /* the server's thread */
    size_t exchange_count, body_bytes, connections;

    _Atomic(struct exchange *) finished; /* any thread pushes, the server's takes all */
    atomic_bool stopping;
    uint64_t turns; /* of its loop */
};

/* ---- http.c ---- */

/* The handler's, now. */
void exchange_lend(struct exchange *e);
void exchange_refuse(struct exchange *e, int status, const char *reason);
/* From now on. */
void exchange_deadline(struct exchange *e, uint32_t ms);

/* ---- http_admit.c ---- */

/* Fills the admission of the request whose head is there, if nobody has asked yet. */
void admission_ask(struct http *h, struct connection *c, struct lws *wsi, bool socket);

/* ---- http_request.c: each -1 when the connection is to be closed ---- */

/* Fills the call from the head that libwebsockets has read; lends it, or refuses it, or waits for the body. */
int request_head(struct exchange *e, struct connection *c, const char *path, size_t len);
int request_body(struct exchange *e, const uint8_t *data, size_t len);
int request_body_end(struct exchange *e);

/* ---- http_answer.c ---- */

/* Writes what comes next; false: the connection is to be closed. */
bool answer_write(struct exchange *e);
/* True: all that there is was written; then either it is complete, or the handler (or its writer) makes more. */
bool answer_taken(const struct exchange *e);
bool answer_complete(const struct exchange *e);
/* Beside libwebsockets, where it has no answer to give: a whole one of ours. */
void answer_at_once(struct lws *wsi, int status, const char *text, const char *reason);

#endif
