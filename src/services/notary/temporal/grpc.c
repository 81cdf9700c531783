/* SPDX-License-Identifier: Apache-2.0
 *
 * grpc.c - framing and statuses over http.h.
 */
#include "services/notary/temporal/grpc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GRACE_MS 2000 /* the peer answers that its deadline passed before we stop listening */

enum err grpc_status_err(long status)
{
    static const enum err errs[] = {
        OK,         ERR_CANCELLED, ERR_IO,      ERR_INVALID, ERR_TIMEOUT, ERR_NOT_FOUND,   ERR_EXISTS,
        ERR_DENIED, ERR_AGAIN,     ERR_INVALID, ERR_AGAIN,   ERR_INVALID, ERR_UNSUPPORTED, ERR_IO,
        ERR_AGAIN,  ERR_IO,        ERR_DENIED};

    return status >= 0 && (size_t)status < sizeof errs / sizeof *errs ? errs[status] : ERR_IO;
}

static uint32_t length_of(const uint8_t *head)
{
    return (uint32_t)head[1] << 24 | (uint32_t)head[2] << 16 | (uint32_t)head[3] << 8 | head[4];
}

enum err grpc_unframe(struct bytes body, struct bytes *message)
{
    if (body.len < GRPC_HEAD_SIZE || body.data[0] != 0 || length_of(body.data) != body.len - GRPC_HEAD_SIZE)
        return ERR_PROTOCOL;
    *message = bytes_of(body.data + GRPC_HEAD_SIZE, body.len - GRPC_HEAD_SIZE);
    return OK;
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

    return at ? (int)(at - digits) : -1;
}

void grpc_unescape(char *text)
{
    char *to = text;

    for (const char *from = text; *from; from++) {
        int high = *from == '%' ? hex_digit(from[1]) : -1, low = high >= 0 ? hex_digit(from[2]) : -1;
        if (low >= 0) {
            *to++ = (char)(high * 16 + low);
            from += 2;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
}

/* ---- the request ---- */

static void frame(struct text *body, struct bytes message)
{
    const uint8_t head[GRPC_HEAD_SIZE] = {0, (uint8_t)(message.len >> 24), (uint8_t)(message.len >> 16),
                                          (uint8_t)(message.len >> 8), (uint8_t)message.len};

    text_init(body, GRPC_HEAD_SIZE + message.len + 1);
    text_add_bytes(body, bytes_of(head, sizeof head));
    text_add_bytes(body, message);
}

/* ---- the answer ---- */

static enum err read_status(const struct http_reply *reply, char *why, size_t why_size)
{
    char status[16], message[512];
    enum err err;

    if (!http_reply_header(reply, "grpc-status", status, sizeof status)) {
        snprintf(why, why_size, "the answer is not gRPC's (HTTP status %ld)", reply->status);
        return reply->status == 200 ? ERR_PROTOCOL : ERR_AGAIN;
    }
    err = grpc_status_err(strtol(status, NULL, 10));
    if (err == OK)
        return OK;
    if (!http_reply_header(reply, "grpc-message", message, sizeof message))
        snprintf(message, sizeof message, "status %.15s", status);
    grpc_unescape(message);
    snprintf(why, why_size, "%s", message);
    return err;
}

static enum err read_answer(const struct http_reply *reply, struct text *answer, char *why, size_t why_size)
{
    struct bytes message;
    enum err err = read_status(reply, why, why_size);

    if (err != OK)
        return err;
    if ((err = grpc_unframe(bytes_of(reply->body.data, reply->body.len), &message)) != OK) {
        snprintf(why, why_size, "the answer is no single message");
        return err;
    }
    text_add_bytes(answer, message);
    return text_failed(answer) ? ERR_NOMEM : OK;
}

static enum err exchange(const struct grpc_peer *peer, const struct grpc_call *call, const char *url, struct bytes body,
                         struct http_reply *reply, char *why, size_t why_size)
{
    char timeout[40], authorization[4200];
    const char *headers[] = {"content-type: application/grpc", "te: trailers", timeout, NULL, NULL};
    const struct http_call http = {.method = "POST",
                                   .url = url,
                                   .headers = headers,
                                   .body = body,
                                   .timeout_ms = call->timeout_ms + GRACE_MS,
                                   .answer_max = call->answer_max,
                                   .trust_certs = peer->trust_certs,
                                   .certificate = peer->certificate,
                                   .key = peer->key,
                                   .http2_prior_knowledge = strncmp(url, "http:", 5) == 0,
                                   .connections = peer->connections,
                                   .cancelled = peer->cancelled,
                                   .ctx = peer->ctx};

    snprintf(timeout, sizeof timeout, "grpc-timeout: %" PRId64 "m", call->timeout_ms);
    if (call->authorization) {
        if ((size_t)snprintf(authorization, sizeof authorization, "authorization: %s", call->authorization) >=
            sizeof authorization) {
            snprintf(why, why_size, "the key is too long");
            return ERR_INVALID;
        }
        headers[3] = authorization;
    }
    return http_perform(&http, reply, why, why_size);
}

enum err grpc_perform(const struct grpc_peer *peer, const struct grpc_call *call, struct text *answer, char *why,
                      size_t why_size)
{
    struct http_reply reply = {0};
    struct text url, body;
    enum err err = ERR_NOMEM;

    text_init(&url, 2048);
    text_printf(&url, "%s%s", peer->origin, call->path);
    frame(&body, call->message);
    if (!text_failed(&url) && !text_failed(&body)) {
        err = exchange(peer, call, url.data, bytes_of(body.data, body.len), &reply, why, why_size);
        if (err == OK)
            err = read_answer(&reply, answer, why, why_size);
        http_reply_deinit(&reply);
    }
    text_deinit(&url);
    text_deinit(&body);
    return err;
}
