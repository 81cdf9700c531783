/* SPDX-License-Identifier: Apache-2.0
 *
 * messages.h - what goes over a WebSocket, as Apache Pulsar's: JSON in, JSON out.  Pure, but for the client library's
 * messages and ids.
 *
 *     to a producer     {"payload":"...","properties":{},"key":"k","context":"1","eventTime":"2016-...","deliverAt":ms}
 *     from it           {"result":"ok","messageId":"CAAQAw==","context":"1"}
 *                       {"result":"send-error:3","errorMsg":"...","context":"1"}
 *     from a consumer   {"messageId":"...","payload":"...","properties":{},"publishTime":"...","redeliveryCount":0}
 *     to it             {"messageId":"..."}  {"type":"negativeAcknowledge","messageId":"..."}
 *                       {"type":"permit","permitMessages":10}  {"type":"unsubscribe"}  {"type":"isEndOfTopic"}
 *
 * Payloads and message ids are in base64.
 */
#ifndef SERVICES_WEBSOCKET_MESSAGES_H
#define SERVICES_WEBSOCKET_MESSAGES_H

#include "base/text.h"
#include <pulsar/c/client.h>

/* Pulsar's numbers, behind "send-error:"; and behind 4000, when a connection is closed. */
enum ws_error {
    WS_NO_PRODUCER = 1,
    WS_NO_SUBSCRIPTION = 2,
    WS_NOT_JSON = 3,
    WS_WRONG_PAYLOAD = 7,
    WS_UNKNOWN_ERROR = 8
};
const char *ws_error_text(enum ws_error error);

/* ---- producers ---- */

struct ws_send {
    pulsar_message_t *message;
    char *context; /* comes back with the answer; NULL: there is none */
};

/* 0, or why it is not sent, with a sentence in `why`; `context` is set in either case, if there is one.
 * ws_send_free follows. */
int ws_send_read(struct ws_send *s, struct bytes json, char *why, size_t why_size);
void ws_send_free(struct ws_send *s);

void ws_receipt_write(struct text *out, const char *context, pulsar_message_id_t *id);
void ws_send_error_write(struct text *out, const char *context, enum ws_error error, const char *why);

/* ---- consumers, readers ---- */

void ws_message_write(struct text *out, pulsar_message_t *message);

enum ws_command_type { WS_ACK, WS_NACK, WS_PERMIT, WS_UNSUBSCRIBE, WS_IS_END };

struct ws_command {
    enum ws_command_type type;
    pulsar_message_id_t *id; /* of the first two; pulsar_message_id_free */
    unsigned permits;
};

/* ERR_INVALID: it is none. */
MUST_USE enum err ws_command_read(struct ws_command *c, struct bytes json);

void ws_end_write(struct text *out, bool is_end);

#endif
