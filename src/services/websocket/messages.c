/* SPDX-License-Identifier: Apache-2.0
 *
 * messages.c - see messages.h.
 */
#include "services/websocket/messages.h"

#include "base/base64.h"
#include "base/timestamp.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ID_BYTES_MAX 200

const char *ws_error_text(enum ws_error error)
{
    switch (error) {
    case WS_NO_PRODUCER:
        return "Failed to create producer";
    case WS_NO_SUBSCRIPTION:
        return "Failed to subscribe";
    case WS_NOT_JSON:
        return "Failed to de-serialize from JSON";
    case WS_WRONG_PAYLOAD:
        return "Invalid payload encoding";
    case WS_UNKNOWN_ERROR:
        break;
    }
    return "Unknown error";
}

/* ---- what comes in ---- */

static int wrong(char *why, size_t why_size, enum ws_error error, const char *format, ...) PRINTF_LIKE(4, 5);

static int wrong(char *why, size_t why_size, enum ws_error error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(why, why_size, format, args);
    va_end(args);
    return (int)error;
}

/* NULL when it is not there, or not a text. */
static const char *member(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static int64_t number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static int payload_read(pulsar_message_t *m, const json_t *object, char *why, size_t why_size)
{
    const char *text = member(object, "payload");
    size_t size = text ? strlen(text) / 4 * 3 : 0, len = 0;
    uint8_t *bytes = malloc(size + 1);
    int status = 0;

    if (!bytes)
        return wrong(why, why_size, WS_UNKNOWN_ERROR, "no memory");
    if (!text)
        status = wrong(why, why_size, WS_WRONG_PAYLOAD, "there is no payload");
    else if (base64_decode(bytes_of_text(text), bytes, size, &len) != OK)
        status = wrong(why, why_size, WS_WRONG_PAYLOAD, "Invalid Base64 message-payload");
    else
        pulsar_message_set_content(m, bytes, len);
    free(bytes);
    return status;
}

static void properties_read(pulsar_message_t *m, json_t *object)
{
    const char *name;
    json_t *value;

    json_object_foreach(json_object_get(object, "properties"), name, value)
    {
        if (json_is_string(value))
            pulsar_message_set_property(m, name, json_string_value(value));
    }
}

static void replication_read(pulsar_message_t *m, const json_t *object)
{
    const json_t *list = json_object_get(object, "replicationClusters");
    const char *clusters[64];
    size_t count = 0;

    for (size_t i = 0; i < json_array_size(list) && count < sizeof clusters / sizeof clusters[0]; i++)
        if ((clusters[count] = json_string_value(json_array_get(list, i))))
            count++;
    if (count > 0)
        pulsar_message_set_replication_clusters(m, clusters, count);
    if (json_is_true(json_object_get(object, "disableReplication")))
        pulsar_message_disable_replication(m, 1);
}

static int times_read(pulsar_message_t *m, const json_t *object, char *why, size_t why_size)
{
    const char *event = member(object, "eventTime");
    const int64_t at = number(object, "deliverAt"), after = number(object, "deliverAfterMs");
    int64_t ms;

    if (event && !timestamp_parse(event, &ms))
        return wrong(why, why_size, WS_WRONG_PAYLOAD, "eventTime is not a time as 2016-08-30T16:45:57.785Z");
    if (event)
        pulsar_message_set_event_timestamp(m, (uint64_t)ms);
    if (at > 0)
        pulsar_message_set_deliver_at(m, (uint64_t)at);
    else if (after > 0)
        pulsar_message_set_deliver_after(m, (uint64_t)after);
    return 0;
}

static int message_read(pulsar_message_t *m, json_t *object, char *why, size_t why_size)
{
    const char *key = member(object, "key");

    if (member(object, "encryptionParam") || json_is_string(json_object_get(object, "compressionType")))
        return wrong(why, why_size, WS_WRONG_PAYLOAD, "payloads that the sender has encrypted are not built");
    if (key)
        pulsar_message_set_partition_key(m, key);
    if (number(object, "sequenceId") > 0)
        pulsar_message_set_sequence_id(m, number(object, "sequenceId"));
    properties_read(m, object);
    replication_read(m, object);
    const int status = times_read(m, object, why, why_size);
    return status ? status : payload_read(m, object, why, why_size);
}

/* A text, or any other value as it is written. */
static char *context_read(const json_t *object)
{
    const json_t *context = json_object_get(object, "context");

    if (!context || json_is_null(context))
        return NULL;
    return json_is_string(context) ? strdup(json_string_value(context)) : json_dumps(context, JSON_ENCODE_ANY);
}

static json_t *object_read(struct bytes json, char *why, size_t why_size)
{
    json_error_t error;
    json_t *object = json_loadb((const char *)json.data, json.len, JSON_REJECT_DUPLICATES, &error);

    if (!object)
        (void)wrong(why, why_size, WS_NOT_JSON, "%s", error.text);
    else if (json_is_object(object))
        return object;
    else
        (void)wrong(why, why_size, WS_NOT_JSON, "an object is expected");
    json_decref(object);
    return NULL;
}

int ws_send_read(struct ws_send *s, struct bytes json, char *why, size_t why_size)
{
    json_t *object = object_read(json, why, why_size);

    *s = (struct ws_send){0};
    if (!object)
        return WS_NOT_JSON;
    s->context = context_read(object);
    s->message = pulsar_message_create();
    const int status = s->message ? message_read(s->message, object, why, why_size)
                                  : wrong(why, why_size, WS_UNKNOWN_ERROR, "no memory");
    json_decref(object);
    return status;
}

void ws_send_free(struct ws_send *s)
{
    if (s->message)
        pulsar_message_free(s->message);
    free(s->context);
}

static pulsar_message_id_t *id_read(const char *text)
{
    uint8_t bytes[ID_BYTES_MAX];
    size_t len;

    if (!text || base64_decode(bytes_of_text(text), bytes, sizeof bytes, &len) != OK)
        return NULL;
    return pulsar_message_id_deserialize(bytes, (uint32_t)len);
}

static enum err command_of(struct ws_command *c, const json_t *object)
{
    const char *type = member(object, "type");
    const int64_t permits = number(object, "permitMessages");

    if (type && strcmp(type, "permit") == 0) {
        c->type = WS_PERMIT;
        c->permits = permits > 0 && permits <= INT32_MAX ? (unsigned)permits : 0;
        return c->permits > 0 ? OK : ERR_INVALID;
    }
    if (type && strcmp(type, "unsubscribe") == 0)
        c->type = WS_UNSUBSCRIBE;
    else if (type && strcmp(type, "isEndOfTopic") == 0)
        c->type = WS_IS_END;
    else
        c->type = type && strcmp(type, "negativeAcknowledge") == 0 ? WS_NACK : WS_ACK;
    if (c->type == WS_UNSUBSCRIBE || c->type == WS_IS_END)
        return OK;
    c->id = id_read(member(object, "messageId"));
    return c->id ? OK : ERR_INVALID;
}

enum err ws_command_read(struct ws_command *c, struct bytes json)
{
    char unused[100];
    json_t *object = object_read(json, unused, sizeof unused);

    *c = (struct ws_command){0};
    if (!object)
        return ERR_INVALID;
    const enum err err = command_of(c, object);
    json_decref(object);
    return err;
}

/* ---- what goes out ---- */

static void base64_member(struct text *out, const char *name, struct bytes bytes)
{
    text_printf(out, "\"%s\":\"", name);
    base64_encode(out, bytes);
    text_add(out, "\"");
}

static void id_member(struct text *out, pulsar_message_id_t *id)
{
    int len = 0;
    void *bytes = id ? pulsar_message_id_serialize(id, &len) : NULL;

    base64_member(out, "messageId", bytes_of(bytes, bytes ? (size_t)len : 0));
    free(bytes);
}

static void text_member(struct text *out, const char *name, const char *value)
{
    if (!value)
        return;
    text_printf(out, ",\"%s\":", name);
    text_add_json(out, bytes_of_text(value));
}

static void time_member(struct text *out, const char *name, uint64_t ms)
{
    char time[TIMESTAMP_SIZE];

    timestamp_format(ms <= TIMESTAMP_MS_MAX ? (int64_t)ms : TIMESTAMP_MS_MAX, time);
    text_printf(out, ",\"%s\":\"%s\"", name, time);
}

void ws_receipt_write(struct text *out, const char *context, pulsar_message_id_t *id)
{
    text_add(out, "{\"result\":\"ok\",");
    id_member(out, id);
    text_member(out, "context", context);
    text_add(out, ",\"errorCode\":0,\"schemaVersion\":0}");
}

void ws_send_error_write(struct text *out, const char *context, enum ws_error error, const char *why)
{
    text_printf(out, "{\"result\":\"send-error:%d\",\"errorMsg\":", error);
    text_add_json(out, bytes_of_text(why));
    text_member(out, "context", context);
    text_printf(out, ",\"errorCode\":%d,\"schemaVersion\":0}", error);
}

static void properties_write(struct text *out, pulsar_message_t *m)
{
    pulsar_string_map_t *map = pulsar_message_get_properties(m);

    text_add(out, ",\"properties\":{");
    for (int i = 0; map && i < pulsar_string_map_size(map); i++) {
        text_add(out, i > 0 ? "," : "");
        text_add_json(out, bytes_of_text(pulsar_string_map_get_key(map, i)));
        text_add(out, ":");
        text_add_json(out, bytes_of_text(pulsar_string_map_get_value(map, i)));
    }
    text_add(out, "}");
    if (map)
        pulsar_string_map_free(map);
}

void ws_message_write(struct text *out, pulsar_message_t *m)
{
    pulsar_message_id_t *id = pulsar_message_get_message_id(m);

    text_add(out, "{");
    id_member(out, id);
    text_add(out, ",");
    base64_member(out, "payload", bytes_of(pulsar_message_get_data(m), pulsar_message_get_length(m)));
    properties_write(out, m);
    time_member(out, "publishTime", pulsar_message_get_publish_timestamp(m));
    text_printf(out, ",\"redeliveryCount\":%d", pulsar_message_get_redelivery_count(m));
    if (pulsar_message_get_event_timestamp(m) > 0)
        time_member(out, "eventTime", pulsar_message_get_event_timestamp(m));
    if (pulsar_message_has_partition_key(m))
        text_member(out, "key", pulsar_message_get_partitionKey(m));
    text_add(out, "}");
    pulsar_message_id_free(id);
}

void ws_end_write(struct text *out, bool is_end)
{
    text_printf(out, "{\"endOfTopic\":%s}", is_end ? "true" : "false");
}
