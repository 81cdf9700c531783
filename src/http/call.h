/* SPDX-License-Identifier: Apache-2.0
 *
 * call.h - one request on its way through a handler, and its answer.
 *
 * Belongs to one thread at a time: the server's makes it and fills the request, and gives it away (http.h: on_request);
 * whoever has it then, the broker's core or a worker, fills the answer and finishes it; then it is the server's again.
 * A handler finishes exactly once, before or after it has returned.  What it needs until then it puts into the arena.
 */
#ifndef HTTP_CALL_H
#define HTTP_CALL_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/text.h"
#include "security/subject.h"
#include "sys/loop.h"
#include "sys/web_socket.h"

struct admin_core;
struct audit_call;
struct route;

/* Routes have the first four; HEAD is a GET. */
enum http_method { HTTP_GET, HTTP_PUT, HTTP_POST, HTTP_DELETE, HTTP_METHODS, HTTP_OPTIONS, HTTP_OTHER };

enum {
    QUERY_MAX = 16,                   /* parameters behind the question mark; more are ignored */
    PARAMETERS_MAX = 6,               /* in a route's pattern */
    HEADERS_MAX = 48 * 1024,          /* of an answer, all that are special together */
    BODY_MAX = 1024 * 1024,           /* of a request: beyond it 413 */
    ANSWER_MAX = 64 * 1024 * 1024,    /* of an answer: beyond it 500 */
    CALL_ARENA_MAX = 32 * 1024 * 1024 /* what a handler may use of each arena: beyond it 500 */
};

/* Everything decoded, and in the call's arena. */
struct http_request {
    enum http_method method;
    bool head;         /* a HEAD: a GET whose answer keeps its body to itself */
    struct bytes path; /* "/admin/v2/clusters" */
    struct web_parameter query[QUERY_MAX];
    size_t query_count;
    struct bytes body;
    struct bytes listener; /* the header X-Pulsar-ListenerName, or empty */
    struct web_credentials credentials;
};

/* One that is more than the others have; in the call's arena. */
struct http_header {
    const char *name;   /* static, with a colon behind it */
    struct bytes value; /* no control characters: the handler's duty */
    struct http_header *next;
};

struct http_answer {
    int status;
    const char *content_type; /* static; NULL: no body */
    struct http_header *headers;
    size_t headers_len; /* what they take, all together */
    struct text body;
    bool may_be_long; /* it is compressed, for peers that take gzip */
};

struct call {
    struct http_request request;
    const struct route *route;
    struct bytes parameters[PARAMETERS_MAX]; /* what the pattern's {names} stand for */

    struct subject who;       /* who asks; in the arena */
    const char *peer;         /* where from: "10.0.0.7:50122", in the arena; NULL: not known */
    struct audit_call *audit; /* in the arena; or NULL */

    struct admin_core *core;
    struct arena arena;
    struct arena scratch; /* the handler's, to reset as it likes */
    struct http_answer answer;
    /* When set: writes the answer's body, on the admin thread, from the snapshot that the handler left in the arena.
     * For long answers, which the core shall not spend its time on. */
    void (*write)(struct call *call);
    const void *snapshot;
    /* Set by `write`: that was a part, and it is called again when the peer has taken it, without the core. */
    bool unwritten;
    void (*more)(struct call *call); /* set: what is in the body is a part, and this makes the next; see call_part */
    void *work;                      /* the handler's, from part to part; in the arena */
    bool begun;                      /* a part is gone, and the status with it */
    bool broken;                     /* there will be no end: the connection is closed */
    struct task task;                /* brings it to the core; then the handler's, for work in turns */
    /* The handler is done with it, and must not touch it any more. */
    void (*finished)(struct call *call);
    /* Set: called when the call goes, answered or not, on the admin thread (or after it): for what is counted. */
    void (*released)(struct call *call);
};

void call_init(struct call *call);
void call_deinit(struct call *call);

/* The value of a parameter behind the question mark; false when it is not there. */
bool call_query(const struct call *call, const char *name, struct bytes *value);
/* True when it is there and "true". */
bool call_query_true(const struct call *call, const char *name);

/* ---- answers; each finishes the call ---- */

void call_finish(struct call *call);                 /* status and body are set */
void call_no_content(struct call *call);             /* 204 */
void call_text(struct call *call, const char *text); /* 200, text/plain */
/* 200 and what was written to answer.body, as JSON; 500 if that overflowed. */
void call_json(struct call *call);
void call_json_status(struct call *call, int status); /* the same with another status */
/* What is in the body is the next part of a long answer, JSON.  When the peer has taken it, `more` is called on the
 * core with an empty body: so a long answer takes no more memory than a part of it, and goes at the peer's pace. `more`
 * ends in another call_part, in call_json with the last part, or in call_reason. */
void call_part(struct call *call, void (*more)(struct call *call));
/* {"reason": "..."}; drops what was in the body.  After a part the status is gone: then the connection breaks off
 * before the answer's end, which tells the peer as well. */
void call_reason(struct call *call, int status, const char *format, ...) PRINTF_LIKE(3, 4);
/* 401 with what WWW-Authenticate says. */
void call_unauthorized(struct call *call, const char *challenge, const char *reason);
/* The same from call->write, where the call is finished already. */
void call_write_reason(struct call *call, int status, const char *reason);
/* "X-Name:" and its value, which is copied.  One with a control character in it, or too much for HEADERS_MAX, is left
 * out: what it tells is not worth failing for. */
void call_header(struct call *call, const char *name, struct bytes value);
/* 405 (or for an OPTIONS 204) and which methods are allowed: "GET, PUT". */
void call_not_allowed(struct call *call, const char *allowed);

/* Runs call->write, if it is set; 500 instead when the body outgrew its bound.  The admin thread's, before it sends,
 * and again for each further part while call->unwritten. */
void call_write(struct call *call);

#endif
