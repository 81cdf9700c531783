/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_test.c - what a client is told about schemas: their versions, and why one is refused.
 */
#include "base/base_test.h"
#include "session/fixture.h"
#include "session/session_private.h"

#define TOPIC   "persistent://public/default/t"
#define TYPE(t) WIRE__BASE_COMMAND__TYPE__##t
#define KIND(k) WIRE__SCHEMA__TYPE__##k
#define CODE(c) WIRE__SERVER_ERROR__##c
#define RECORD  "{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}"

static int set_up(void **state)
{
    struct fixture *f = fixture_new(29);

    session_world_open(&f->world);
    client_connect(&f->a, &f->world);
    client_handshake(&f->a);
    *state = f;
    return 0;
}

static Wire__Schema schema_of(Wire__Schema__Type type, const char *data)
{
    Wire__Schema schema = WIRE__SCHEMA__INIT;

    schema.name = wire_text("whatever");
    schema.type = type;
    schema.schema_data = wire_binary(bytes_of_text(data));
    return schema;
}

/* -1: none. */
static int64_t version_of(ProtobufCBinaryData bytes)
{
    if (bytes.len == 0)
        return -1;
    assert_int_equal(bytes.len, SCHEMA_VERSION_BYTES);
    return (int64_t)be64_get(bytes.data);
}

/* Instead of a version. */
#define REFUSED(code) (-100 - (int64_t)(code))

static int64_t produce_on(struct fixture *f, const char *topic, Wire__Schema *schema)
{
    Wire__CommandProducer ask = WIRE__COMMAND_PRODUCER__INIT;

    ask.topic = wire_text(topic);
    ask.request_id = f->a.next_request++;
    ask.producer_id = ask.request_id;
    ask.schema = schema;
    client_send(&f->a, TYPE(PRODUCER), &ask);
    session_world_pass(&f->world, 100);
    if (client_count(&f->a, TYPE(PRODUCER_SUCCESS)) > 0)
        return version_of(client_expect(&f->a, TYPE(PRODUCER_SUCCESS))->producer_success->schema_version);
    return REFUSED(client_expect(&f->a, TYPE(ERROR))->error->error);
}

static int64_t produce(struct fixture *f, Wire__Schema *schema)
{
    return produce_on(f, TOPIC, schema);
}

static int subscribe(struct fixture *f, const char *name, Wire__Schema *schema)
{
    Wire__CommandSubscribe ask = WIRE__COMMAND_SUBSCRIBE__INIT;

    ask.topic = wire_text(TOPIC);
    ask.subscription = wire_text(name);
    ask.request_id = f->a.next_request++;
    ask.consumer_id = ask.request_id;
    ask.schema = schema;
    client_send(&f->a, TYPE(SUBSCRIBE), &ask);
    session_world_pass(&f->world, 100);
    if (client_count(&f->a, TYPE(SUCCESS)) > 0) {
        (void)client_expect(&f->a, TYPE(SUCCESS));
        return OK;
    }
    return (int)client_expect(&f->a, TYPE(ERROR))->error->error;
}

/* `version` NULL: the newest. */
static const Wire__CommandGetSchemaResponse *get(struct fixture *f, const char *topic, const struct bytes *version)
{
    Wire__CommandGetSchema ask = WIRE__COMMAND_GET_SCHEMA__INIT;

    ask.request_id = f->a.next_request++;
    ask.topic = wire_text(topic);
    ask.has_schema_version = version != NULL;
    if (version)
        ask.schema_version = wire_binary(*version);
    client_send(&f->a, TYPE(GET_SCHEMA), &ask);
    const Wire__BaseCommand *answer = client_expect(&f->a, TYPE(GET_SCHEMA_RESPONSE));
    assert_non_null(answer);
    assert_int_equal(answer->get_schema_response->request_id, ask.request_id);
    return answer->get_schema_response;
}

static int64_t obtain(struct fixture *f, const char *topic, Wire__Schema schema)
{
    Wire__CommandGetOrCreateSchema ask = WIRE__COMMAND_GET_OR_CREATE_SCHEMA__INIT;

    ask.request_id = f->a.next_request++;
    ask.topic = wire_text(topic);
    ask.schema = &schema;
    client_send(&f->a, TYPE(GET_OR_CREATE_SCHEMA), &ask);
    const Wire__BaseCommand *answer = client_expect(&f->a, TYPE(GET_OR_CREATE_SCHEMA_RESPONSE));
    assert_non_null(answer);
    const Wire__CommandGetOrCreateSchemaResponse *r = answer->get_or_create_schema_response;
    return r->has_error_code ? REFUSED(r->error_code) : version_of(r->schema_version);
}

static void a_producer_is_told_the_version_of_its_schema(void **state)
{
    Wire__Schema text = schema_of(KIND(String), ""), record = schema_of(KIND(Avro), RECORD);
    struct fixture *f = *state;

    assert_int_equal(produce(f, NULL), -1);
    assert_int_equal(produce(f, &text), 0);
    assert_int_equal(produce(f, &text), 0);
    assert_int_equal(produce(f, &record), REFUSED(CODE(IncompatibleSchema)));
    assert_int_equal(produce(f, NULL), -1);
}

static void a_version_is_asked_for_by_its_number_or_is_the_newest(void **state)
{
    Wire__Schema record = schema_of(KIND(Avro), RECORD);
    Wire__KeyValue pair = WIRE__KEY_VALUE__INIT, *pairs[] = {&pair};
    const uint8_t zeros[64] = {0}, five[8] = {0, 0, 0, 0, 0, 0, 0, 5};
    struct bytes version = bytes_of(zeros, 8);
    struct fixture *f = *state;

    pair.key = wire_text("k");
    pair.value = wire_text("v");
    record.n_properties = 1;
    record.properties = pairs;
    assert_int_equal(get(f, TOPIC, NULL)->error_code, CODE(TopicNotFound));
    assert_int_equal(produce(f, &record), 0);

    const Wire__CommandGetSchemaResponse *r = get(f, TOPIC "-partition-3", NULL);
    assert_false(r->has_error_code);
    assert_int_equal(version_of(r->schema_version), 0);
    assert_int_equal(r->schema->type, KIND(Avro));
    assert_string_equal(r->schema->name, "public/default/t");
    assert_true(bytes_equal(wire_bytes(r->schema->schema_data), bytes_of_text(RECORD)));
    assert_int_equal(r->schema->n_properties, 1);
    assert_string_equal(r->schema->properties[0]->key, "k");
    assert_string_equal(r->schema->properties[0]->value, "v");

    assert_false(get(f, TOPIC, &version)->has_error_code);
    version.len = 64; /* from before Pulsar 2.4 */
    assert_false(get(f, TOPIC, &version)->has_error_code);
    version = bytes_of(five, 8);
    assert_int_equal(get(f, TOPIC, &version)->error_code, CODE(TopicNotFound));
    version.len = 7;
    assert_int_equal(get(f, TOPIC, &version)->error_code, CODE(IncompatibleSchema));
    version.len = 0;
    assert_int_equal(get(f, TOPIC, &version)->error_code, CODE(IncompatibleSchema));
    assert_int_equal(get(f, "persistent://x", NULL)->error_code, CODE(InvalidTopicName));
}

static void a_schema_is_obtained_beside_a_producer(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(obtain(f, TOPIC, schema_of(KIND(String), "")), REFUSED(CODE(TopicNotFound)));
    assert_int_equal(produce(f, NULL), -1);
    assert_int_equal(obtain(f, TOPIC, schema_of(KIND(String), "")), 0);
    assert_int_equal(obtain(f, TOPIC, schema_of(KIND(String), "")), 0);
    assert_int_equal(obtain(f, TOPIC, schema_of(KIND(Int8), "")), REFUSED(CODE(IncompatibleSchema)));
    assert_int_equal(obtain(f, "persistent://x", schema_of(KIND(String), "")), REFUSED(CODE(InvalidTopicName)));
}

/* The Java client asks so before it sends what it took from elsewhere, as to a dead letter topic. */
static void bytes_need_no_schema_and_are_given_none(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(produce(f, NULL), -1);
    assert_int_equal(obtain(f, TOPIC, schema_of(KIND(None), "")), -1);
}

static void a_consumer_with_a_schema_that_does_not_fit_is_told_so(void **state)
{
    Wire__Schema text = schema_of(KIND(String), ""), number = schema_of(KIND(Int8), ""),
                 any = schema_of(KIND(AutoConsume), "");
    struct fixture *f = *state;

    assert_int_equal(subscribe(f, "a", &text), OK); /* nobody was there before: it is the topic's now */
    assert_int_equal(subscribe(f, "b", &any), OK);
    assert_int_equal(subscribe(f, "c", NULL), OK);
    assert_int_equal(subscribe(f, "d", &number), CODE(IncompatibleSchema));
    assert_int_equal(version_of(get(f, TOPIC, NULL)->schema_version), 0);
}

static void a_schema_of_no_known_type_or_of_any_size_is_refused_and_the_connection_goes_on(void **state)
{
    Wire__Schema odd = schema_of(KIND(None), ""), text = schema_of(KIND(String), "x");
    uint8_t *large = test_calloc(1, SCHEMAS_BYTES_MAX + 1);
    Wire__Schema too_large = schema_of(KIND(Avro), "");
    struct fixture *f = *state;

    odd.type = (Wire__Schema__Type)99;
    too_large.schema_data = wire_binary(bytes_of(large, SCHEMAS_BYTES_MAX + 1));
    assert_int_equal(produce(f, &odd), REFUSED(CODE(IncompatibleSchema)));
    assert_int_equal(produce(f, &text), REFUSED(CODE(IncompatibleSchema)));
    assert_int_equal(produce(f, &too_large), REFUSED(CODE(IncompatibleSchema)));
    assert_int_equal(produce(f, NULL), -1);
    test_free(large);
}

static void what_a_producer_was_told_is_there_after_a_power_cut(void **state)
{
    Wire__Schema text = schema_of(KIND(String), "");
    struct fixture *f = *state;

    assert_int_equal(produce(f, &text), 0);
    session_world_power_cut(&f->world);
    client_free(&f->a);
    client_connect(&f->a, &f->world);
    client_handshake(&f->a);
    assert_int_equal(version_of(get(f, TOPIC, NULL)->schema_version), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_producer_is_told_the_version_of_its_schema),
        TEST(a_version_is_asked_for_by_its_number_or_is_the_newest),
        TEST(a_schema_is_obtained_beside_a_producer),
        TEST(bytes_need_no_schema_and_are_given_none),
        TEST(a_consumer_with_a_schema_that_does_not_fit_is_told_so),
        TEST(a_schema_of_no_known_type_or_of_any_size_is_refused_and_the_connection_goes_on),
        TEST(what_a_producer_was_told_is_there_after_a_power_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
