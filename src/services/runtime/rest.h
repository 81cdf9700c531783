/* SPDX-License-Identifier: Apache-2.0
 *
 * rest.h - a service's HTTP port: a table of routes, who may ask for them, and workers for those that wait.
 *
 * The server is http/http.h, with its bounds, on a thread of its own; what is here finds the route, finds out who asks
 * (security/authentication.h: a token, or a certificate that was verified), and calls the handler, which finishes the
 * call (http/call.h).  A handler that reads a disk or waits for something runs on one of a few workers, so that it
 * holds up neither other requests nor the service; when they have too much to do the answer is 503.  The table is the
 * documentation, too: GET /openapi.json is made from it.
 *
 * May call: base/, security/, sys/, http/, lanes.h.
 */
#ifndef SERVICES_RUNTIME_REST_H
#define SERVICES_RUNTIME_REST_H

#include "base/log.h"
#include "http/call.h"
#include "security/authentication.h"
#include "security/tls.h"
#include "sys/loop.h"

#define REST_PARAMETERS_MAX 3

struct rest;

enum rest_access {
    REST_OPEN,  /* anybody, unseen */
    REST_KNOWN, /* where somebody can be known: only who is; elsewhere anybody */
    REST_NAMED, /* who shows something is known, or refused; who shows nothing is nobody */
};

enum rest_pace {
    REST_AT_ONCE, /* on the server's thread: it does not wait */
    REST_READS,   /* it reads a disk */
    REST_WAITS,   /* it waits for others, up to REST_WAIT_MAX_S */
};

#define REST_WAIT_MAX_S 30

/* One request that was let in.  The handler finishes `call`, once, before it returns. */
struct rest_call {
    struct call *call;
    const struct rest *rest;
    char *parameters[REST_PARAMETERS_MAX]; /* what the pattern's {names} stand for; in the call's arena */
    const char *who;                       /* the role; NULL: nobody */
    const char *method;                    /* how it was shown: "token", "tls"; NULL: not at all */
    int64_t expires_s;                     /* of a token, since 1970; 0: never */
};

/* For the document: parameters behind the question mark, and statuses that the route answers with.  Both lists end
 * with a row of zeros. */
struct rest_parameter {
    const char *name, *type; /* "string", "integer" */
    const char *text;
};
struct rest_answer {
    int status;
    const char *type; /* "application/json"; NULL: no body */
    const char *text;
};

struct rest_route {
    enum http_method method;
    /* "/v1/workflows/{event_id+}/approve"; {name+}, of which there is one, takes a part or more: paths come decoded, so
     * that a slash in a name looks like the path's own.  Of two that match, the earlier in the table wins. */
    const char *pattern;
    enum rest_access access;
    enum rest_pace pace;
    void (*handle)(void *ctx, struct rest_call *c);
    const char *name; /* operationId */
    const char *text; /* one sentence */
    const struct rest_parameter *query;
    const char *const *bodies; /* the content types that it takes; ends with NULL; or NULL */
    const struct rest_answer *answers;
};

struct rest_options {
    const char *bind;
    uint16_t port;
    const struct tls_settings *tls;        /* NULL: plain HTTP; borrowed during rest_start */
    struct authentication *authentication; /* NULL: nobody can be known; its own reference is taken */
    const struct rest_route *routes;       /* lives as long, as all that follows */
    size_t count;
    void *ctx; /* the handlers' */
    struct loop *clocks;
    struct log *log;
};

/* Listens and serves.  `message` is the sentence for the user: ERR_BUSY, the port is taken; ERR_INVALID, ERR_NOT_FOUND,
 * ERR_DENIED, TLS's files; ERR_IO, ERR_NOMEM. */
MUST_USE enum err rest_start(struct rest **out, const struct rest_options *options, char *message, size_t message_size);

uint16_t rest_port(const struct rest *r);

/* From any thread, where there is TLS: its certificate, its key and whom it believes, from the next handshake on. */
struct tls_context;
void rest_replace_tls(struct rest *r, struct tls_context *context);

/* Takes no more, waits for handlers that are at work (their owner ends what they wait for), frees.  NULL is fine. */
void rest_stop(struct rest *r);

/* From any thread. */
bool rest_authenticates(const struct rest *r);

/* A parameter behind the question mark, in the arena; NULL: it is not there, or memory is short. */
const char *rest_query(const struct rest_call *c, const char *name);
/* The same as a number; absent: `fallback`.  False: it is none, or out of bounds; the call is finished with 400. */
MUST_USE bool rest_query_number(const struct rest_call *c, const char *name, int64_t min, int64_t max, int64_t fallback,
                                int64_t *out);

/* ---- rest_routes.c: pure, for rest.c and tests ---- */

enum rest_match { REST_FOUND, REST_NO_PATH, REST_NO_METHOD };

/* The route and what its {names} are; REST_NO_METHOD: `allowed` says which methods there are. */
#define REST_ALLOWED_MAX 40
enum rest_match rest_find(const struct rest_route *routes, size_t count, enum http_method method, struct bytes path,
                          const struct rest_route **out, struct bytes parameters[REST_PARAMETERS_MAX],
                          char allowed[REST_ALLOWED_MAX]);

/* Appends the OpenAPI 3 document of a table. */
void rest_openapi(const struct rest_route *routes, size_t count, const char *title, bool authenticates,
                  struct text *out);

#endif
