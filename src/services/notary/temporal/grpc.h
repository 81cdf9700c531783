/* SPDX-License-Identifier: Apache-2.0
 *
 * grpc.h - one call of another system by gRPC: one message there, one message back.
 *
 *     POST /SERVICE/METHOD by HTTP/2   content-type: application/grpc, te: trailers, grpc-timeout: Nm
 *     body, both ways                  0 (not compressed) | length, 4 bytes, big-endian | the message
 *     trailers of the answer           grpc-status: 0 .. 16, grpc-message: percent-encoded
 *
 * Blocks; any thread, several at a time.  May call: base/, services/runtime/http.h.
 */
#ifndef SERVICES_NOTARY_TEMPORAL_GRPC_H
#define SERVICES_NOTARY_TEMPORAL_GRPC_H

#include "services/runtime/http.h"

struct grpc_peer {
    const char *origin; /* "http://host:port": HTTP/2 without TLS and without asking; "https://host:port" */
    const char *trust_certs, *certificate, *key; /* files, as http.h has them; NULL: none */
    struct http_connections *connections;
    bool (*cancelled)(void *ctx); /* as http.h has it */
    void *ctx;
};

struct grpc_call {
    const char *path;          /* "/SERVICE/METHOD" */
    const char *authorization; /* "Bearer ...", or NULL */
    struct bytes message;
    int64_t timeout_ms;
    size_t answer_max;
};

#define GRPC_HEAD_SIZE 5u

/* What the statuses of gRPC mean for us.
 *
 *     0  OK                     6  already exists       ERR_EXISTS
 *     1  cancelled              ERR_CANCELLED          7, 16  permission, identity  ERR_DENIED
 *     3, 9, 11  an argument     ERR_INVALID            8, 10, 14  exhausted, aborted, unavailable  ERR_AGAIN
 *     4  deadline exceeded      ERR_TIMEOUT            12  unimplemented  ERR_UNSUPPORTED
 *     5  not found              ERR_NOT_FOUND          others  ERR_IO */
enum err grpc_status_err(long status);

/* *answer is initialized; OK: it has the message.  Else `why` is the sentence that the peer gave, or http.h's.
 * ERR_PROTOCOL: what came is no gRPC. */
MUST_USE enum err grpc_perform(const struct grpc_peer *peer, const struct grpc_call *call, struct text *answer,
                               char *why, size_t why_size);

/* The one message of a body.  ERR_PROTOCOL: there is not exactly one, or it is compressed. */
MUST_USE enum err grpc_unframe(struct bytes body, struct bytes *message);
/* %XX of a grpc-message, in place. */
void grpc_unescape(char *text);

#endif
