/* SPDX-License-Identifier: Apache-2.0
 *
 * differential_test.c - what is coded by hand equals what protobuf-c makes of the same, for random commands.
 *
 * The seed is fixed unless GEMINGA_SEED gives one; it is printed with a failure's output.
 */
#include "wire/wire_test.h"

#include "base/random.h"
#include "wire/same_test.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 3000, WORDS_MAX = 4, IDS_MAX = 5 };

struct fixture {
    struct arena arena;
    struct random random;
    uint8_t bytes[4096];
};

static int set_up(void **state)
{
    static struct fixture f;
    const char *text = getenv("GEMINGA_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 10) : 20240607;

    print_message("seed %llu\n", (unsigned long long)seed);
    random_init(&f.random, seed);
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

static bool coin(struct fixture *f)
{
    return random_below(&f->random, 2) == 0;
}

/* Integers of every length, the ends of their ranges among them. */
static uint64_t number(struct fixture *f)
{
    uint64_t v = random_next(&f->random);

    switch (random_below(&f->random, 6)) {
    case 0:
        return UINT64_MAX;
    case 1:
        return 0;
    default:
        return v >> random_below(&f->random, 64);
    }
}

static char *word(struct fixture *f)
{
    static const char *const words[] = {"", "a", "key", "persistent://public/default/a topic of some length"};

    return wire_text(words[random_below(&f->random, 4)]);
}

static size_t word_set(struct fixture *f, int64_t *words)
{
    size_t count = coin(f) ? 0 : random_below(&f->random, WORDS_MAX);

    for (size_t i = 0; i < count; i++)
        words[i] = (int64_t)number(f);
    return count;
}

/* Encodes with protobuf-c; gives the command's bytes without the frame's head. */
static struct bytes theirs_encoded(struct fixture *f, Wire__BaseCommand__Type type, void *body)
{
    Wire__BaseCommand command;

    command_wrap(&command, type, body);
    size_t len = command_encode(&command, f->bytes, sizeof f->bytes);
    return bytes_of(f->bytes + FRAME_HEAD_SIZE, len - FRAME_HEAD_SIZE);
}

static Wire__BaseCommand *theirs_decoded(struct fixture *f, struct bytes frame_bytes)
{
    struct frame frame;
    Wire__BaseCommand *command;

    assert_int_equal(frame_decode(frame_bytes, &frame), OK);
    assert_int_equal(command_decode(frame.command, &f->arena, &command), OK);
    return command;
}

static void every_send_is_decoded_alike(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < ROUNDS; i++) {
        Wire__CommandSend theirs = WIRE__COMMAND_SEND__INIT;
        struct send ours;
        theirs.producer_id = number(f);
        theirs.sequence_id = number(f);
        if ((theirs.has_num_messages = coin(f)))
            theirs.num_messages = (int32_t)number(f);
        if ((theirs.has_txnid_least_bits = coin(f)))
            theirs.txnid_least_bits = number(f);
        if ((theirs.has_txnid_most_bits = coin(f)))
            theirs.txnid_most_bits = number(f);
        if ((theirs.has_highest_sequence_id = coin(f)))
            theirs.highest_sequence_id = number(f);
        theirs.has_is_chunk = theirs.is_chunk = coin(f);
        theirs.has_marker = coin(f);
        theirs.marker = theirs.has_marker && coin(f);
        assert_int_equal(send_decode(theirs_encoded(f, WIRE__BASE_COMMAND__TYPE__SEND, &theirs), &ours), OK);
        assert_true(same_send(&ours, &theirs));
    }
}

static void every_send_is_encoded_alike(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < ROUNDS; i++) {
        struct send ours = {.producer_id = number(f),
                            .sequence_id = number(f),
                            .highest_sequence_id = number(f),
                            .messages = (int32_t)number(f),
                            .is_chunk = coin(f),
                            .is_marker = coin(f),
                            .in_transaction = coin(f)};
        uint8_t out[SEND_HEAD_MAX];
        if (ours.in_transaction) {
            ours.transaction_least = number(f);
            ours.transaction_most = number(f);
        }
        size_t len = send_head_encode(out, &ours, bytes_of(NULL, 0), bytes_of(NULL, 0));
        assert_true(same_send(&ours, theirs_decoded(f, bytes_of(out, len))->send));
        arena_reset(&f->arena);
    }
}

static void every_receipt_is_coded_alike(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < ROUNDS; i++) {
        struct send_receipt ours = {.producer_id = number(f),
                                    .sequence_id = number(f),
                                    .highest_sequence_id = number(f),
                                    .id = MESSAGE_ID_OF((int64_t)number(f), (int64_t)number(f))};
        struct send_receipt back;
        uint8_t out[SEND_RECEIPT_MAX];
        if (coin(f))
            ours.id.partition = (int32_t)number(f);
        size_t len = send_receipt_encode(out, &ours);
        Wire__CommandSendReceipt *theirs = theirs_decoded(f, bytes_of(out, len))->send_receipt;
        assert_true(same_receipt(&ours, theirs));
        struct bytes again = theirs_encoded(f, WIRE__BASE_COMMAND__TYPE__SEND_RECEIPT, theirs);
        assert_bytes_equal(again, bytes_of(out + FRAME_HEAD_SIZE, len - FRAME_HEAD_SIZE));
        assert_int_equal(send_receipt_decode(again, &back), OK);
        assert_true(same_receipt(&back, theirs));
        arena_reset(&f->arena);
    }
}

static void every_message_is_coded_alike(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < ROUNDS; i++) {
        int64_t words[WORDS_MAX];
        struct message_command ours = {.consumer_id = number(f),
                                       .id = MESSAGE_ID_OF((int64_t)number(f), (int64_t)number(f)),
                                       .redelivery_count = (uint32_t)number(f),
                                       .has_consumer_epoch = coin(f)};
        struct message_command back;
        uint8_t out[MESSAGE_HEAD_MAX(WORDS_MAX)];
        ours.consumer_epoch = ours.has_consumer_epoch ? number(f) : 0;
        ours.id.ack_set_words = (uint32_t)word_set(f, words);
        ours.id.ack_set = (const uint64_t *)words;
        if (coin(f))
            ours.id.partition = (int32_t)number(f);
        size_t len = message_head_encode(out, sizeof out, &ours, NULL, 0);
        Wire__CommandMessage *theirs = theirs_decoded(f, bytes_of(out, len))->message;
        assert_true(same_message(&ours, theirs));
        struct bytes again = theirs_encoded(f, WIRE__BASE_COMMAND__TYPE__MESSAGE, theirs);
        assert_bytes_equal(again, bytes_of(out + FRAME_HEAD_SIZE, len - FRAME_HEAD_SIZE));
        assert_int_equal(message_decode(again, &f->arena, &back), OK);
        assert_true(same_message(&back, theirs));
        arena_reset(&f->arena);
    }
}

static void every_ack_is_decoded_alike(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < ROUNDS; i++) {
        Wire__CommandAck theirs = WIRE__COMMAND_ACK__INIT;
        Wire__MessageIdData ids[IDS_MAX], *pointers[IDS_MAX];
        int64_t words[IDS_MAX][WORDS_MAX];
        struct ack ours;
        theirs.consumer_id = number(f);
        theirs.ack_type = coin(f) ? WIRE__COMMAND_ACK__ACK_TYPE__Cumulative : WIRE__COMMAND_ACK__ACK_TYPE__Individual;
        theirs.n_message_id = random_below(&f->random, IDS_MAX);
        theirs.message_id = pointers;
        for (size_t n = 0; n < theirs.n_message_id; n++) {
            struct message_id id = MESSAGE_ID_OF((int64_t)number(f), (int64_t)number(f));
            id.batch_index = coin(f) ? -1 : (int32_t)number(f);
            id.batch_size = (int32_t)number(f);
            id.ack_set_words = (uint32_t)word_set(f, words[n]);
            id.ack_set = (const uint64_t *)words[n];
            message_id_to(&id, &ids[n]);
            pointers[n] = &ids[n];
        }
        if ((theirs.has_request_id = coin(f)))
            theirs.request_id = number(f);
        if ((theirs.has_txnid_least_bits = theirs.has_txnid_most_bits = coin(f)))
            theirs.txnid_least_bits = number(f);
        assert_int_equal(ack_decode(theirs_encoded(f, WIRE__BASE_COMMAND__TYPE__ACK, &theirs), &f->arena, &ours), OK);
        assert_true(same_ack(&ours, &theirs));
        arena_reset(&f->arena);
    }
}

static void every_flow_is_decoded_alike(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < ROUNDS; i++) {
        Wire__CommandFlow theirs = WIRE__COMMAND_FLOW__INIT;
        struct flow ours;
        theirs.consumer_id = number(f);
        theirs.message_permits = (uint32_t)number(f);
        assert_int_equal(flow_decode(theirs_encoded(f, WIRE__BASE_COMMAND__TYPE__FLOW, &theirs), &ours), OK);
        assert_true(same_flow(&ours, &theirs));
    }
}

static void fill_optional(struct fixture *f, Wire__MessageMetadata *m)
{
    if ((m->has_num_messages_in_batch = coin(f)))
        m->num_messages_in_batch = (int32_t)(1 + random_below(&f->random, BATCH_MESSAGES_MAX));
    if ((m->has_compression = coin(f)))
        m->compression = (Wire__CompressionType)random_below(&f->random, 7);
    if ((m->has_uncompressed_size = coin(f)))
        m->uncompressed_size = (uint32_t)number(f);
    if ((m->has_event_time = coin(f)))
        m->event_time = number(f);
    if ((m->has_deliver_at_time = coin(f)))
        m->deliver_at_time = (int64_t)number(f);
    if ((m->has_marker_type = coin(f)))
        m->marker_type = (int32_t)number(f);
    if ((m->has_highest_sequence_id = coin(f)))
        m->highest_sequence_id = number(f);
    if ((m->has_num_chunks_from_msg = coin(f)))
        m->num_chunks_from_msg = (int32_t)number(f);
    if ((m->has_chunk_id = coin(f)))
        m->chunk_id = (int32_t)number(f);
    if ((m->has_ordering_key = coin(f)))
        m->ordering_key = wire_binary(bytes_of_text(word(f)));
    if ((m->has_schema_version = coin(f)))
        m->schema_version = wire_binary(bytes_of_text(word(f)));
    m->has_null_value = m->null_value = coin(f);
    m->has_partition_key_b64_encoded = m->partition_key_b64_encoded = coin(f);
    m->partition_key = coin(f) ? word(f) : NULL;
    m->uuid = coin(f) ? word(f) : NULL;
    m->replicated_from = coin(f) ? word(f) : NULL;
}

static void every_metadata_is_scanned_alike(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < ROUNDS; i++) {
        Wire__MessageMetadata theirs = WIRE__MESSAGE_METADATA__INIT;
        Wire__KeyValue property = WIRE__KEY_VALUE__INIT, *properties[] = {&property, &property};
        struct metadata ours;
        theirs.producer_name = word(f);
        theirs.sequence_id = number(f);
        theirs.publish_time = number(f);
        property.key = property.value = word(f);
        theirs.n_properties = random_below(&f->random, 3);
        theirs.properties = properties;
        fill_optional(f, &theirs);
        size_t len = wire__message_metadata__pack(&theirs, f->bytes);
        assert_int_equal(metadata_scan(bytes_of(f->bytes, len), &ours), OK);
        assert_true(same_metadata(&ours, &theirs));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_send_is_decoded_alike, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_send_is_encoded_alike, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_receipt_is_coded_alike, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_message_is_coded_alike, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_ack_is_decoded_alike, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_flow_is_decoded_alike, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_metadata_is_scanned_alike, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
