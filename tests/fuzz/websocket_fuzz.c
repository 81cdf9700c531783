/* SPDX-License-Identifier: Apache-2.0
 *
 * websocket_fuzz.c - by the first byte: what a WebSocket's producer sends (s), what its consumer or reader sends (c),
 * or the address that it asks for (r): a path, and parameters NAME=VALUE, each behind a newline.
 */
#include "fuzz.h"

#include "services/websocket/messages.h"
#include "services/websocket/request.h"

#include <string.h>

static void try_send(struct bytes json)
{
    char why[300] = "";
    struct ws_send s;
    const int refused = ws_send_read(&s, json, why, sizeof why);

    HOLDS(refused != 0 || s.message);
    HOLDS(refused == 0 || strlen(why) > 0);
    ws_send_free(&s);
}

static void try_command(struct bytes json)
{
    struct ws_command c;

    if (ws_command_read(&c, json) != OK)
        return;
    if (c.type == WS_ACK || c.type == WS_NACK) {
        HOLDS(c.id != NULL);
        pulsar_message_id_free(c.id);
    }
}

static void try_request(struct bytes text)
{
    const uint8_t *end = memchr(text.data, '\n', text.len);
    struct web_request from = {.path = bytes_of(text.data, end ? (size_t)(end - text.data) : text.len)};
    char reason[300] = "";
    struct ws_request r;

    for (const uint8_t *last = text.data + text.len; end && from.parameter_count < WEB_PARAMETERS_MAX;) {
        const uint8_t *name = end + 1;
        end = memchr(name, '\n', (size_t)(last - name));
        const size_t len = (size_t)((end ? end : last) - name);
        const uint8_t *equals = memchr(name, '=', len);
        if (equals)
            from.parameters[from.parameter_count++] = (struct web_parameter){
                bytes_of(name, (size_t)(equals - name)), bytes_of(equals + 1, len - (size_t)(equals - name) - 1)};
    }
    const unsigned status = ws_request_read(&r, &from, reason, sizeof reason);
    HOLDS(status == 0 || (status >= 400 && strlen(reason) > 0));
    HOLDS(status != 0 || (r.topic && r.queue >= 1 && r.queue <= WS_QUEUE_MAX));
    ws_request_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct bytes rest = bytes_of(data + 1, size - 1);
    if (data[0] == 's')
        try_send(rest);
    else if (data[0] == 'c')
        try_command(rest);
    else
        try_request(rest);
    return 0;
}
