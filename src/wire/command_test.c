/* SPDX-License-Identifier: Apache-2.0
 *
 * command_test.c - commands from bytes and to bytes.
 */
#include "wire/wire_test.h"

#include "wire/command.h"

struct fixture {
    struct arena arena;
};

static int set_up(void **state)
{
    static struct fixture f;

    arena_init(&f.arena, 64 * 1024);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    arena_deinit(&f->arena);
    return 0;
}

static void a_connect_is_decoded(void **state)
{
    struct fixture *f = *state;
    Wire__BaseCommand *command;
    int type = 0;
    /* type CONNECT; body: client_version "x1", protocol_version 21, auth_method_name "none",
     * feature_flags { supports_broker_entry_metadata } */
    struct bytes bytes = HEX("0802 1210 0a027831 2015 2a046e6f6e65 52021001");

    assert_int_equal(command_type(bytes, &type), OK);
    assert_int_equal(type, WIRE__BASE_COMMAND__TYPE__CONNECT);
    assert_int_equal(command_decode(bytes, &f->arena, &command), OK);
    assert_string_equal(command->connect->client_version, "x1");
    assert_int_equal(command->connect->protocol_version, 21);
    assert_string_equal(command->connect->auth_method_name, "none");
    assert_true(command->connect->feature_flags->supports_broker_entry_metadata);
    assert_false(command->connect->feature_flags->supports_topic_watchers);
    assert_null(command->connect->proxy_version);
}

static void a_success_is_written_as_the_protocol_says(void **state)
{
    Wire__CommandSuccess success = WIRE__COMMAND_SUCCESS__INIT;
    Wire__BaseCommand command;
    uint8_t out[64];

    success.request_id = 300;
    command_wrap(&command, WIRE__BASE_COMMAND__TYPE__SUCCESS, &success);
    assert_ptr_equal(command.success, &success);
    assert_int_equal(command_frame_len(&command), 15);
    size_t len = command_encode(&command, out, sizeof out);
    assert_bytes_equal(bytes_of(out, len), HEX("0000000b 00000007 080d 6a03 08ac02"));
}

static void a_command_can_be_encoded_into_a_slice(void **state)
{
    struct budget budget = {.name = "test", .limit = 1000};
    Wire__CommandPong pong = WIRE__COMMAND_PONG__INIT;
    Wire__BaseCommand command;
    struct slice slice;

    command_wrap(&command, WIRE__BASE_COMMAND__TYPE__PONG, &pong);
    assert_int_equal(command_encode_slice(&command, &budget, &slice), OK);
    assert_bytes_equal(slice_bytes(slice), HEX("00000009 00000005 0813 9a0100"));
    slice_unref(&slice);
    assert_int_equal(budget.used, 0);
}

static void fields_that_we_do_not_know_are_survived(void **state)
{
    struct fixture *f = *state;
    Wire__BaseCommand *command;

    /* PING with field 90 in the envelope and field 9 in the body */
    assert_int_equal(command_decode(HEX("0812 d2050101 9201024807"), &f->arena, &command), OK);
    assert_int_equal(command->base.n_unknown_fields, 1);
    assert_int_equal(command->ping->base.n_unknown_fields, 1);
}

static void a_command_type_that_we_do_not_know_is_reported_not_refused(void **state)
{
    struct fixture *f = *state;
    Wire__BaseCommand *command;
    int type = 0;

    assert_int_equal(command_type(HEX("0863 9a0600"), &type), OK);
    assert_int_equal(type, 99);
    assert_false(command_known(type));
    assert_string_equal(command_name(type), "UNKNOWN");
    assert_int_equal(command_decode(HEX("0863 9a0600"), &f->arena, &command), OK);
    assert_int_equal((int)command->type, 99);
    assert_int_equal(command->base.n_unknown_fields, 1);
}

static void names_are_as_the_protocol_spells_them(void **state)
{
    assert_string_equal(command_name(WIRE__BASE_COMMAND__TYPE__SEND_RECEIPT), "SEND_RECEIPT");
    assert_string_equal(command_name(WIRE__BASE_COMMAND__TYPE__TOPIC_MIGRATED), "TOPIC_MIGRATED");
    assert_string_equal(command_name(0), "UNKNOWN");
    assert_string_equal(command_name(-1), "UNKNOWN");
}

static void a_known_type_without_its_body_is_refused(void **state)
{
    struct fixture *f = *state;
    Wire__BaseCommand *command;

    assert_int_equal(command_decode(HEX("0812"), &f->arena, &command), ERR_PROTOCOL);
    assert_int_equal(command_decode(HEX("0812 9a0100"), &f->arena, &command), ERR_PROTOCOL); /* a PONG's */
}

static void what_is_no_command_is_refused(void **state)
{
    struct fixture *f = *state;
    Wire__BaseCommand *command;
    int type;

    assert_int_equal(command_decode(bytes_of(NULL, 0), &f->arena, &command), ERR_PROTOCOL);
    assert_int_equal(command_type(bytes_of(NULL, 0), &type), ERR_PROTOCOL);
    assert_int_equal(command_type(HEX("920100"), &type), ERR_PROTOCOL);
    assert_int_equal(command_type(HEX("0a0112"), &type), ERR_PROTOCOL);
    assert_int_equal(command_decode(HEX("ff"), &f->arena, &command), ERR_PROTOCOL);
    assert_int_equal(command_decode(HEX("080d 6a00"), &f->arena, &command), ERR_PROTOCOL); /* no request id */
    assert_int_equal(command_decode(HEX("080d 6a050801"), &f->arena, &command), ERR_PROTOCOL);
}

static void a_nul_inside_a_string_is_refused(void **state)
{
    struct fixture *f = *state;
    Wire__BaseCommand *command;

    /* GET_SCHEMA, request 1, topic "a", NUL, "b" */
    assert_int_equal(command_decode(HEX("0822 920207 0801 1203610062"), &f->arena, &command), ERR_PROTOCOL);
}

static void a_bool_written_as_text_is_refused(void **state)
{
    struct fixture *f = *state;
    Wire__BaseCommand *command;

    /* UNSUBSCRIBE, consumer 1, request 2, force "v" */
    assert_int_equal(command_decode(HEX("080c 6207 0801 1002 1a0176"), &f->arena, &command), ERR_PROTOCOL);
}

static void nesting_beyond_reason_is_refused_before_it_costs_stack(void **state)
{
    struct fixture *f = *state;
    Wire__BaseCommand *command;
    uint8_t bytes[4096];
    uint8_t *p = bytes + sizeof bytes;

    /* A message id whose first_chunk_message_id has a first_chunk_message_id ..., written from the inside. */
    for (size_t len = 0; len < 3900; len = (size_t)(bytes + sizeof bytes - p)) {
        if (len > 0) {
            *--p = (uint8_t)(len >> 7);
            *--p = (uint8_t)(len | 0x80);
            *--p = 0x3a; /* field 7 */
        }
        memcpy(p -= 4, (const uint8_t[]){0x08, 0x01, 0x10, 0x01}, 4);
    }
    size_t len = (size_t)(bytes + sizeof bytes - p);
    uint8_t head[] = {0x1a, (uint8_t)(len | 0x80), (uint8_t)(len >> 7)}; /* field 3 of an ACK */
    memcpy(p -= sizeof head, head, sizeof head);
    memcpy(p -= 4, (const uint8_t[]){0x08, 0x01, 0x10, 0x00}, 4);
    len = (size_t)(bytes + sizeof bytes - p);
    uint8_t envelope[] = {0x08, 0x0a, 0x52, (uint8_t)(len | 0x80), (uint8_t)(len >> 7)};
    memcpy(p -= sizeof envelope, envelope, sizeof envelope);

    assert_int_equal(command_decode(bytes_of(p, (size_t)(bytes + sizeof bytes - p)), &f->arena, &command),
                     ERR_PROTOCOL);
}

static void a_command_that_outgrows_the_arena_is_refused(void **state)
{
    struct arena small;
    Wire__BaseCommand *command;

    arena_init(&small, 256);
    assert_int_equal(command_decode(HEX("0812 920100"), &small, &command), ERR_NOMEM);
    arena_deinit(&small);
}

/* Each body with nothing set but what is required, made from the descriptors. */
static void every_command_comes_back_as_it_was_written(void **state)
{
    struct fixture *f = *state;
    const ProtobufCEnumDescriptor *types = &wire__base_command__type__descriptor;
    uint8_t zeros[1024];

    for (unsigned i = 0; i < types->n_values; i++) {
        unsigned type = (unsigned)types->values[i].value;
        const ProtobufCMessageDescriptor *d =
            protobuf_c_message_descriptor_get_field(&wire__base_command__descriptor, type)->descriptor;
        Wire__BaseCommand command, *back;
        Wire__MessageIdData id = WIRE__MESSAGE_ID_DATA__INIT;
        Wire__Schema schema = WIRE__SCHEMA__INIT;
        ProtobufCMessage *inner;
        uint8_t out[256];

        assert_true(d->sizeof_message <= sizeof zeros);
        protobuf_c_message_init(d, zeros);
        for (unsigned n = 0; n < d->n_fields; n++) {
            const ProtobufCFieldDescriptor *field = &d->fields[n];
            if (field->label != PROTOBUF_C_LABEL_REQUIRED || field->type != PROTOBUF_C_TYPE_MESSAGE)
                continue;
            inner = field->descriptor == &wire__schema__descriptor ? &schema.base : &id.base;
            memcpy(zeros + field->offset, &inner, sizeof inner);
        }
        command_wrap(&command, (Wire__BaseCommand__Type)type, zeros);
        size_t len = command_encode(&command, out, sizeof out);
        assert_int_equal(command_decode(bytes_of(out + 8, len - 8), &f->arena, &back), OK);
        assert_int_equal(back->type, type);
        assert_int_equal(command_frame_len(back), len);
        arena_reset(&f->arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_connect_is_decoded, set_up, tear_down),
        cmocka_unit_test(a_success_is_written_as_the_protocol_says),
        cmocka_unit_test(a_command_can_be_encoded_into_a_slice),
        cmocka_unit_test_setup_teardown(fields_that_we_do_not_know_are_survived, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_command_type_that_we_do_not_know_is_reported_not_refused, set_up, tear_down),
        cmocka_unit_test(names_are_as_the_protocol_spells_them),
        cmocka_unit_test_setup_teardown(a_known_type_without_its_body_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_command_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_nul_inside_a_string_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bool_written_as_text_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nesting_beyond_reason_is_refused_before_it_costs_stack, set_up, tear_down),
        cmocka_unit_test(a_command_that_outgrows_the_arena_is_refused),
        cmocka_unit_test_setup_teardown(every_command_comes_back_as_it_was_written, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
