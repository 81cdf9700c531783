/* SPDX-License-Identifier: Apache-2.0
 *
 * client_print.c - a received message as pulsar-client prints it.
 */
#include "cli/client_print.h"

#include <inttypes.h>
#include <stdlib.h>

#define BYTES_A_LINE 16

void hex_print(struct text *out, struct bytes bytes)
{
    for (size_t at = 0; at < bytes.len; at += BYTES_A_LINE) {
        text_printf(out, "%08zX ", at);
        for (size_t i = at; i < at + BYTES_A_LINE; i++) {
            if (i < bytes.len)
                text_printf(out, "%02X ", bytes.data[i]);
            else
                text_add(out, "   ");
        }
        for (size_t i = at; i < at + BYTES_A_LINE && i < bytes.len; i++) {
            uint8_t c = bytes.data[i];
            text_printf(out, "%c", c >= 0x20 && c < 0x7f ? c : '.');
        }
        text_add(out, "\n");
    }
}

static void properties_print(struct text *out, pulsar_message_t *message)
{
    pulsar_string_map_t *properties = pulsar_message_get_properties(message);
    int count = properties ? pulsar_string_map_size(properties) : 0;

    text_add(out, "properties:[");
    for (int i = 0; i < count; i++)
        text_printf(out, "%s%s=%s", i > 0 ? ", " : "", pulsar_string_map_get_key(properties, i),
                    pulsar_string_map_get_value(properties, i));
    text_add(out, "], ");
    if (properties)
        pulsar_string_map_free(properties);
}

static void content_print(struct text *out, pulsar_message_t *message, bool hex)
{
    struct bytes content = bytes_of(pulsar_message_get_data(message), pulsar_message_get_length(message));

    text_add(out, "content:");
    if (pulsar_message_has_null_value(message))
        text_add(out, "null");
    else if (hex)
        hex_print(out, content);
    else
        text_add_bytes(out, content);
}

static void metadata_print(struct text *out, pulsar_message_t *message)
{
    pulsar_message_id_t *id = pulsar_message_get_message_id(message);
    char *id_text = id ? pulsar_message_id_str(id) : NULL;
    const char *producer = pulsar_message_get_producer_name(message);

    text_printf(out, ", message-id:%s, producer-name:%s, redelivery-count:%d", id_text ? id_text : "null",
                producer ? producer : "null", pulsar_message_get_redelivery_count(message));
    free(id_text);
    if (id)
        pulsar_message_id_free(id);
}

void message_print(struct text *out, pulsar_message_t *message, const struct print_options *options)
{
    bool has_key = pulsar_message_has_partition_key(message) != 0;

    text_printf(out, "----- got message -----\npublishTime:[%" PRIu64 "], eventTime:[%" PRIu64 "], key:[%s], ",
                pulsar_message_get_publish_timestamp(message), pulsar_message_get_event_timestamp(message),
                has_key ? pulsar_message_get_partitionKey(message) : "null");
    properties_print(out, message);
    content_print(out, message, options->hex);
    if (options->metadata)
        metadata_print(out, message);
    text_add(out, "\n");
}
