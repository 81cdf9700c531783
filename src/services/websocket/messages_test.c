/* SPDX-License-Identifier: Apache-2.0
 *
 * messages_test.c - JSON of WebSockets, in and out.
 */
#include "base/base_test.h"
#include "services/websocket/messages.h"

#include <geminga/client.h>

static int send_of(struct ws_send *s, const char *json)
{
    char why[300];

    return ws_send_read(s, bytes_of_text(json), why, sizeof why);
}

static void a_message_has_what_was_said_of_it(void **state)
{
    struct ws_send s;

    assert_int_equal(send_of(&s,
                             "{\"payload\":\"aGVsbG8=\",\"key\":\"k\",\"properties\":{\"a\":\"b\"},\"context\":\"7\","
                             "\"eventTime\":\"1970-01-01T00:00:01.5Z\"}"),
                     0);
    assert_int_equal(pulsar_message_get_length(s.message), 5);
    assert_memory_equal(pulsar_message_get_data(s.message), "hello", 5);
    assert_string_equal(pulsar_message_get_partitionKey(s.message), "k");
    assert_string_equal(pulsar_message_get_property(s.message, "a"), "b");
    assert_int_equal(pulsar_message_get_event_timestamp(s.message), 1500);
    assert_string_equal(s.context, "7");
    ws_send_free(&s);
}

static void an_empty_payload_is_one_and_none_is_not(void **state)
{
    struct ws_send s;

    assert_int_equal(send_of(&s, "{\"payload\":\"\",\"context\":3}"), 0);
    assert_int_equal(pulsar_message_get_length(s.message), 0);
    assert_string_equal(s.context, "3");
    ws_send_free(&s);
    assert_int_equal(send_of(&s, "{\"payload\":null,\"context\":\"c\"}"), WS_WRONG_PAYLOAD);
    assert_string_equal(s.context, "c"); /* so that it can be answered */
    ws_send_free(&s);
}

static void what_is_not_a_message_is_told(void **state)
{
    static const struct {
        const char *json;
        int error;
    } rows[] = {
        {"", WS_NOT_JSON},
        {"\"a\"", WS_NOT_JSON},
        {"{\"payload\":\"a\"}", WS_WRONG_PAYLOAD},
        {"{\"payload\":\"YQ==\",\"eventTime\":\"now\"}", WS_WRONG_PAYLOAD},
        {"{\"payload\":\"YQ==\",\"encryptionParam\":\"x\"}", WS_WRONG_PAYLOAD},
    };
    struct ws_send s;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(send_of(&s, rows[i].json), rows[i].error);
        ws_send_free(&s);
    }
}

static void answers_carry_the_context_as_it_came(void **state)
{
    uint8_t bytes[] = {8, 0, 16, 3};
    pulsar_message_id_t *id = pulsar_message_id_deserialize(bytes, sizeof bytes);
    struct text text;

    text_init(&text, 1000);
    ws_receipt_write(&text, "a\"b", id);
    assert_non_null(strstr(text.data, "\"messageId\":\"CAAQA"));
    assert_non_null(strstr(text.data, "\"context\":\"a\\\"b\""));
    text_deinit(&text);
    text_init(&text, 1000);
    ws_send_error_write(&text, NULL, WS_NOT_JSON, "no");
    assert_string_equal(text.data,
                        "{\"result\":\"send-error:3\",\"errorMsg\":\"no\",\"errorCode\":3,\"schemaVersion\":0}");
    text_deinit(&text);
    pulsar_message_id_free(id);
}

static void commands_are_told_by_their_type(void **state)
{
    static const struct {
        const char *json;
        enum err err;
        enum ws_command_type type;
    } rows[] = {
        {"{\"messageId\":\"CAAQAw==\"}", OK, WS_ACK},
        {"{\"messageId\":\"CAAQAw==\",\"type\":\"other\"}", OK, WS_ACK},
        {"{\"messageId\":\"CAAQAw==\",\"type\":\"negativeAcknowledge\"}", OK, WS_NACK},
        {"{\"type\":\"permit\",\"permitMessages\":4}", OK, WS_PERMIT},
        {"{\"type\":\"permit\"}", ERR_INVALID, WS_PERMIT},
        {"{\"type\":\"permit\",\"permitMessages\":-4}", ERR_INVALID, WS_PERMIT},
        {"{\"type\":\"unsubscribe\"}", OK, WS_UNSUBSCRIBE},
        {"{\"type\":\"isEndOfTopic\"}", OK, WS_IS_END},
        {"{\"type\":\"negativeAcknowledge\"}", ERR_INVALID, WS_NACK},
        {"{}", ERR_INVALID, WS_ACK},
        {"{\"messageId\":\"////\"}", ERR_INVALID, WS_ACK},
        {"[1]", ERR_INVALID, WS_ACK},
    };
    struct ws_command c;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(ws_command_read(&c, bytes_of_text(rows[i].json)), rows[i].err);
        assert_int_equal(c.type, rows[i].type);
        pulsar_message_id_free(c.id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_has_what_was_said_of_it), cmocka_unit_test(an_empty_payload_is_one_and_none_is_not),
        cmocka_unit_test(what_is_not_a_message_is_told),     cmocka_unit_test(answers_carry_the_context_as_it_came),
        cmocka_unit_test(commands_are_told_by_their_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
