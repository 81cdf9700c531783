/* SPDX-License-Identifier: Apache-2.0
 *
 * parcel_test.c - messages to entries, and back by unpack.h.
 */
#include "base/base_test.h"
#include "client/parcel.h"
#include "client/unpack.h"

#include "base/random.h"
#include "base/sanitized.h"
#include "wire/frame.h"
#include "wire/publish.h"
#include <stdio.h>
#include <stdlib.h>

#define MESSAGES 10

struct sends {
    struct client_send sends[MESSAGES];
    int completed;
    pulsar_result result;
    struct _pulsar_message_id ids[MESSAGES];
};

static struct sends *current;

static void on_done(struct client_send *s, pulsar_result result, const struct _pulsar_message_id *id)
{
    assert_ptr_equal(s, &current->sends[current->completed]); /* in order */
    current->result = result;
    if (id)
        current->ids[current->completed] = *id;
    current->completed++;
    client_body_unref(s->body);
}

static void send_init(struct client_send *s, int number, size_t len)
{
    struct client_body *b = client_body_new();
    char text[32];

    snprintf(text, sizeof text, "%d", number);
    b->content = client_content_new(len);
    for (size_t i = 0; i < len; i++)
        b->content->data[i] = (uint8_t)('a' + (i + (size_t)number) % 26);
    b->data = b->content->data;
    b->len = len;
    assert_true(client_text_set(&b->key, text));
    assert_int_equal(client_map_put(&b->properties, bytes_of_text("n"), bytes_of_text(text)), OK);
    b->event_time = 1000 + (uint64_t)number;
    *s = (struct client_send){.body = b, .sequence_id = 50 + (uint64_t)number, .deadline_ns = 9, .done = on_done};
    list_init(&s->node);
}

static struct client_parcel_pool pool;

static struct client_parcel_common common_of(enum codec codec)
{
    return (struct client_parcel_common){.pool = &pool,
                                         .producer_id = 3,
                                         .producer_name = "p",
                                         .schema_version = bytes_of("\0\1", 2),
                                         .codec = codec,
                                         .payload_max = 1000000,
                                         .publish_time_ms = 77};
}

static struct client_parcel *parcel_of(struct sends *sends, int count, enum codec codec, size_t len)
{
    struct client_parcel_common common = common_of(codec);
    struct client_parcel *parcel;
    struct client_batch batch;

    *sends = (struct sends){0};
    current = sends;
    client_batch_init(&batch);
    for (int i = 0; i < count; i++) {
        send_init(&sends->sends[i], i, len);
        client_batch_add(&batch, &sends->sends[i]);
    }
    assert_int_equal(client_parcel_new(&parcel, &batch, &common), OK);
    assert_true(client_batch_empty(&batch));
    return parcel;
}

static void check_body(const struct client_body *b, int number, size_t len, int count)
{
    char text[32];

    snprintf(text, sizeof text, "%d", number);
    assert_string_equal(b->key, text);
    assert_string_equal(client_map_find(&b->properties, "n"), text);
    assert_int_equal(b->event_time, 1000 + number);
    assert_int_equal(b->len, len);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(b->data[i], 'a' + (i + (size_t)number) % 26);
    assert_string_equal(b->content->producer_name, "p");
    assert_string_equal(b->content->topic, "topic");
    assert_int_equal(b->content->publish_time, 77);
    assert_int_equal(b->content->redelivery_count, 5);
    assert_int_equal(b->content->schema_version_len, 2);
    assert_memory_equal(b->content->schema_version, "\0\1", 2);
    assert_int_equal(b->id.batch_index, count > 1 ? number : -1);
    assert_int_equal(b->sequence_id, 50 + number);
}

/* What unpacking the parcel's entry gives. */
static enum err unpack(const struct client_parcel *parcel, const struct client_unpack *how, struct client_unpacked *out)
{
    struct message_command message = {.id = MESSAGE_ID_OF(1, 2), .redelivery_count = 5};
    struct arena arena;
    struct frame frame;
    enum err err;

    assert_int_equal(frame_decode(slice_bytes(parcel->frame), &frame), OK);
    arena_init(&arena, 1024 * 1024);
    err = client_unpack(how, &message, frame.entry, &arena, out);
    arena_deinit(&arena);
    return err;
}

static void round_trip(int count, enum codec codec, size_t len)
{
    const struct client_unpack how = {.topic = "topic", .partition = -1};
    struct sends sends;
    struct client_parcel *parcel = parcel_of(&sends, count, codec, len);
    struct client_unpacked u;
    int number = 0;

    assert_int_equal(parcel->sequence_id, 50);
    assert_true(client_parcel_intact(parcel));
    assert_int_equal(unpack(parcel, &how, &u), OK);
    assert_int_equal(u.count, count);
    assert_int_equal(u.messages, count);
    list_each (node, &u.bodies)
        check_body(container_of(node, struct client_body, node), number++, len, count);
    client_bodies_unref(&u.bodies);
    client_parcel_finish(parcel, pulsar_result_Ok, &MESSAGE_ID_OF(1, 2));
    assert_int_equal(sends.completed, count);
    assert_int_equal(sends.ids[count - 1].batch_index, count > 1 ? count - 1 : -1);
}

static void what_is_packed_is_unpacked(void **state)
{
    static const size_t sizes[] = {0, 1, 1000, 20000};

    for (int codec = 0; codec < CODECS; codec++)
        for (int count = 1; count <= MESSAGES; count += 3)
            for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
                round_trip(count, (enum codec)codec, sizes[i]);
}

static size_t bodies_at_home(const struct client_unpacked *u)
{
    size_t count = 0;

    list_each (node, &u->bodies)
        count += container_of(node, struct client_body, node)->home != NULL;
    return count;
}

/* One message that is kept keeps all of that memory. */
static void the_bodies_in_an_entrys_memory_are_not_larger_than_its_payload(void **state)
{
    static const size_t sizes[] = {0, 1, 100, 1000};
    const struct client_unpack how = {.topic = "topic", .partition = -1};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct sends sends;
        struct client_parcel *parcel = parcel_of(&sends, MESSAGES, CODEC_NONE, sizes[i]);
        struct client_unpacked u;

        assert_int_equal(unpack(parcel, &how, &u), OK);
        assert_true(bodies_at_home(&u) * sizeof(struct client_body) <= parcel->frame.len);
        assert_true(sizes[i] < 1000 || bodies_at_home(&u) == MESSAGES);
        client_bodies_unref(&u.bodies);
        client_parcel_finish(parcel, pulsar_result_Ok, &MESSAGE_ID_OF(1, 2));
    }
}

static void a_received_message_with_other_content_leaves_its_entrys_memory(void **state)
{
    const struct client_unpack how = {.topic = "topic", .partition = -1};
    struct sends sends;
    struct client_parcel *parcel = parcel_of(&sends, 2, CODEC_NONE, 1000);
    struct client_unpacked u;

    assert_int_equal(unpack(parcel, &how, &u), OK);
    struct client_body *first = container_of(list_pop_front(&u.bodies), struct client_body, node);
    struct client_content *entry = client_content_ref(first->home);
    pulsar_message_t *m = client_message_of(first);
    pulsar_message_set_content(m, "other", 5);
    assert_memory_equal(pulsar_message_get_data(m), "other", 5);
    assert_string_equal(pulsar_message_get_partitionKey(m), "0");
    assert_int_equal(pulsar_message_get_length(m), 5);
    client_bodies_unref(&u.bodies);
    assert_int_equal(entry->refs, 1); /* ours */
    client_content_unref(entry);
    pulsar_message_free(m);
    client_parcel_finish(parcel, pulsar_result_Ok, &MESSAGE_ID_OF(1, 2));
}

/* Nothing but a payload and a number: what is written without protobuf-c. */
static void send_plain_init(struct client_send *s, int number, size_t len)
{
    send_init(s, number, len);
    free(s->body->key);
    s->body->key = NULL;
    client_map_deinit(&s->body->properties);
    s->body->properties = (struct _pulsar_string_map){0};
    s->body->event_time = 0;
}

static void plain_round_trip(int count, enum codec codec, size_t len)
{
    const struct client_unpack how = {.topic = "topic", .partition = -1};
    struct client_parcel_common common = common_of(codec);
    struct client_parcel *parcel;
    struct client_batch batch;
    struct client_unpacked u;
    struct sends sends = {0};
    int number = 0;

    current = &sends;
    common.schema_version = bytes_of(NULL, 0);
    client_batch_init(&batch);
    for (int i = 0; i < count; i++) {
        send_plain_init(&sends.sends[i], i, len);
        client_batch_add(&batch, &sends.sends[i]);
    }
    assert_int_equal(client_parcel_new(&parcel, &batch, &common), OK);
    assert_true(client_parcel_intact(parcel));
    assert_int_equal(unpack(parcel, &how, &u), OK);
    assert_int_equal(u.count, count);
    list_each (node, &u.bodies) {
        const struct client_body *b = container_of(node, struct client_body, node);
        assert_int_equal(b->len, len);
        assert_true(len == 0 || b->data[0] == 'a' + number % 26);
        assert_int_equal(b->sequence_id, 50 + number++);
        assert_true(!b->key && b->properties.count == 0 && b->event_time == 0);
        assert_string_equal(b->content->producer_name, "p");
        assert_int_equal(b->content->publish_time, 77);
    }
    client_bodies_unref(&u.bodies);
    client_parcel_finish(parcel, pulsar_result_Ok, &MESSAGE_ID_OF(1, 2));
    assert_int_equal(sends.completed, count);
}

static void what_is_plain_is_packed_and_unpacked(void **state)
{
    static const size_t sizes[] = {0, 1, 127, 128, 20000};

    for (int codec = 0; codec < CODECS; codec++)
        for (int count = 1; count <= MESSAGES; count += 3)
            for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
                plain_round_trip(count, (enum codec)codec, sizes[i]);
}

static void a_message_in_a_transaction_says_so_and_shares_no_entry(void **state)
{
    struct client_parcel_common common = common_of(CODEC_NONE);
    struct client_parcel *parcel;
    struct client_batch batch;
    struct sends sends = {0};
    struct entry_view view;
    struct frame frame;
    struct send send;

    current = &sends;
    client_batch_init(&batch);
    send_plain_init(&sends.sends[0], 0, 10);
    assert_true(client_send_shares(&sends.sends[0]));
    sends.sends[0].body->in_transaction = true;
    sends.sends[0].body->transaction_most = 1;
    sends.sends[0].body->transaction_least = 7;
    assert_false(client_send_shares(&sends.sends[0]));
    client_batch_add(&batch, &sends.sends[0]);
    assert_int_equal(client_parcel_new(&parcel, &batch, &common), OK);
    assert_int_equal(frame_decode(slice_bytes(parcel->frame), &frame), OK);
    assert_int_equal(send_decode(frame.command, &send), OK);
    assert_true(send.in_transaction && send.transaction_most == 1 && send.transaction_least == 7);
    assert_int_equal(entry_view_decode(frame.entry, &view), OK);
    assert_true(view.metadata.in_transaction);
    assert_true(view.metadata.transaction_most == 1 && view.metadata.transaction_least == 7);
    client_parcel_finish(parcel, pulsar_result_Ok, &MESSAGE_ID_OF(1, 2));
}

/* Whoever writes the frame may do so for longer than the parcel lives. */
static void a_finished_parcel_makes_the_next_one_unless_its_frame_is_still_needed(void **state)
{
    struct sends sends, others;
    struct client_parcel *parcel = parcel_of(&sends, 1, CODEC_NONE, 1000);
    struct slice kept = slice_ref(parcel->frame);
    const uint8_t first = kept.data[kept.len - 1];

    current = &sends;
    client_parcel_finish(parcel, pulsar_result_Ok, &MESSAGE_ID_OF(1, 2));
    parcel = parcel_of(&others, 1, CODEC_NONE, 1001);
    assert_ptr_not_equal(parcel->frame.buffer, kept.buffer);
    assert_int_not_equal(slice_bytes(parcel->frame).data[parcel->frame.len - 1], first);
    assert_int_equal(kept.data[kept.len - 1], first);
    client_parcel_finish(parcel, pulsar_result_Ok, &MESSAGE_ID_OF(1, 3));
    slice_unref(&kept);
    if (!SANITIZED) {
        const struct client_parcel *free = container_of(pool.free.next, struct client_parcel, node);

        assert_true(pool.bytes > 0);
        parcel = parcel_of(&sends, 1, CODEC_NONE, 1000);
        assert_ptr_equal(parcel, free);
        client_parcel_finish(parcel, pulsar_result_Ok, &MESSAGE_ID_OF(1, 2));
    }
    for (size_t len = 10; len < 40000; len += 777) {
        parcel = parcel_of(&sends, 1, CODEC_NONE, len);
        assert_true(client_parcel_intact(parcel));
        client_parcel_finish(parcel, pulsar_result_Ok, &MESSAGE_ID_OF(1, 2));
        assert_true(pool.bytes <= 16 * 1024); /* one at a time is one that is kept, and no large one */
    }
}

static void the_frame_says_what_the_batch_is(void **state)
{
    struct sends sends;
    struct client_parcel *parcel = parcel_of(&sends, 4, CODEC_LZ4, 100);
    struct frame frame;
    struct entry_view view;
    struct send send;

    assert_int_equal(frame_decode(slice_bytes(parcel->frame), &frame), OK);
    assert_int_equal(send_decode(frame.command, &send), OK);
    assert_int_equal(send.producer_id, 3);
    assert_int_equal(send.sequence_id, 50);
    assert_int_equal(send.highest_sequence_id, 53);
    assert_int_equal(send.messages, 4);
    assert_int_equal(entry_view_decode(frame.entry, &view), OK);
    assert_int_equal(view.metadata.messages, 4);
    assert_int_equal(view.metadata.highest_sequence_id, 53);
    assert_true(bytes_equal(view.metadata.partition_key, bytes_of_text("0")));
    client_parcel_finish(parcel, pulsar_result_Timeout, NULL);
    assert_int_equal(sends.completed, 4);
    assert_int_equal(sends.result, pulsar_result_Timeout);
}

static void a_payload_beyond_the_limit_leaves_the_batch_as_it_was(void **state)
{
    struct client_parcel_common common = common_of(CODEC_NONE);
    struct sends sends = {0};
    struct client_parcel *parcel;
    struct client_batch batch;

    common.payload_max = 99;
    client_batch_init(&batch);
    send_init(&sends.sends[0], 0, 100);
    client_batch_add(&batch, &sends.sends[0]);
    assert_int_equal(client_parcel_new(&parcel, &batch, &common), ERR_TOO_LARGE);
    assert_int_equal(batch.count, 1);

    common.codec = CODEC_ZSTD; /* smaller than the limit now */
    assert_int_equal(client_parcel_new(&parcel, &batch, &common), OK);
    current = &sends;
    client_parcel_finish(parcel, pulsar_result_Ok, &MESSAGE_ID_OF(1, 2));
}

static void a_flipped_bit_is_seen_on_both_sides(void **state)
{
    const struct client_unpack how = {.topic = "topic", .partition = -1};
    struct sends sends;
    struct client_parcel *parcel = parcel_of(&sends, 3, CODEC_NONE, 100);
    struct client_unpacked u;
    size_t last = parcel->frame.len - 1;
    uint8_t *bytes = parcel->frame.buffer->data + (parcel->frame.data - parcel->frame.buffer->data);

    bytes[last] ^= 1;
    assert_false(client_parcel_intact(parcel));
    assert_int_equal(unpack(parcel, &how, &u), ERR_CHECKSUM);
    assert_int_equal(u.messages, 3); /* what it costs is known all the same */
    assert_true(list_empty(&u.bodies));
    client_parcel_finish(parcel, pulsar_result_ChecksumError, NULL);
}

static void messages_before_the_start_are_not_given_out(void **state)
{
    struct _pulsar_message_id start = {.ledger = 1, .entry = 2, .partition = -1, .batch_index = 1};
    struct client_unpack how = {.topic = "topic", .partition = -1, .start = &start};
    struct sends sends;
    struct client_parcel *parcel = parcel_of(&sends, 4, CODEC_NONE, 10);
    struct client_unpacked u;

    assert_int_equal(unpack(parcel, &how, &u), OK);
    assert_int_equal(u.count, 2);
    assert_int_equal(container_of(u.bodies.next, struct client_body, node)->id.batch_index, 2);
    client_bodies_unref(&u.bodies);
    how.start_inclusive = true;
    assert_int_equal(unpack(parcel, &how, &u), OK);
    assert_int_equal(u.count, 3);
    client_bodies_unref(&u.bodies);
    how.start_inclusive = false;
    start.batch_index = -1; /* the entry as a whole is behind us */
    assert_int_equal(unpack(parcel, &how, &u), OK);
    assert_int_equal(u.count, 0);
    assert_true(u.all_acked);
    start.entry = 1; /* another entry */
    assert_int_equal(unpack(parcel, &how, &u), OK);
    assert_int_equal(u.count, 4);
    client_bodies_unref(&u.bodies);
    client_parcel_finish(parcel, pulsar_result_Ok, &MESSAGE_ID_OF(1, 2));
}

static void messages_acknowledged_before_cost_nothing_and_do_not_come(void **state)
{
    const struct client_unpack how = {.topic = "topic", .partition = -1};
    const uint64_t left = 0x9; /* the first and the last of four */
    struct message_command message = {.id = MESSAGE_ID_OF(1, 2)};
    struct sends sends;
    struct client_parcel *parcel = parcel_of(&sends, 4, CODEC_NONE, 10);
    struct client_unpacked u;
    struct arena arena;
    struct frame frame;
    struct client_body *b;

    message.id.ack_set = &left;
    message.id.ack_set_words = 1;
    arena_init(&arena, 1024 * 1024);
    assert_int_equal(frame_decode(slice_bytes(parcel->frame), &frame), OK);
    assert_int_equal(client_unpack(&how, &message, frame.entry, &arena, &u), OK);
    assert_int_equal(u.count, 2);
    assert_int_equal(u.messages, 2);
    b = container_of(u.bodies.prev, struct client_body, node);
    assert_int_equal(b->id.batch_index, 3);
    assert_int_equal(b->id.batch->left, 2);
    client_bodies_unref(&u.bodies);
    arena_deinit(&arena);
    client_parcel_finish(parcel, pulsar_result_Ok, &MESSAGE_ID_OF(1, 2));
}

static void any_bytes_at_all_are_survived(void **state)
{
    const struct client_unpack how = {.topic = "topic", .partition = -1};
    struct message_command message = {.id = MESSAGE_ID_OF(1, 2)};
    struct sends sends;
    struct client_parcel *parcel = parcel_of(&sends, 3, CODEC_NONE, 30);
    struct random random;
    struct frame frame;
    struct arena arena;
    uint8_t *bytes;

    assert_int_equal(frame_decode(slice_bytes(parcel->frame), &frame), OK);
    bytes = malloc(frame.entry.len);
    random_init(&random, 11);
    arena_init(&arena, 1024 * 1024);
    for (int i = 0; i < 20000; i++) {
        size_t len = i % 2 ? frame.entry.len : random_below(&random, frame.entry.len);
        struct client_unpacked u;
        memcpy(bytes, frame.entry.data + 6, frame.entry.len - 6); /* without its checksum, which would stop it */
        for (int flips = 0; flips < 3 && len; flips++)
            bytes[random_below(&random, len)] ^= (uint8_t)random_next(&random);
        (void)!client_unpack(&how, &message, bytes_of(bytes, len < 6 ? len : len - 6), &arena, &u);
        client_bodies_unref(&u.bodies);
        arena_reset(&arena);
    }
    arena_deinit(&arena);
    free(bytes);
    client_parcel_finish(parcel, pulsar_result_Ok, &MESSAGE_ID_OF(1, 2));
}

static int pool_open(void **state)
{
    client_parcel_pool_init(&pool);
    return 0;
}

static int pool_close(void **state)
{
    client_parcel_pool_deinit(&pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_packed_is_unpacked),
        cmocka_unit_test(the_bodies_in_an_entrys_memory_are_not_larger_than_its_payload),
        cmocka_unit_test(a_received_message_with_other_content_leaves_its_entrys_memory),
        cmocka_unit_test(what_is_plain_is_packed_and_unpacked),
        cmocka_unit_test(a_message_in_a_transaction_says_so_and_shares_no_entry),
        cmocka_unit_test(a_finished_parcel_makes_the_next_one_unless_its_frame_is_still_needed),
        cmocka_unit_test(the_frame_says_what_the_batch_is),
        cmocka_unit_test(a_payload_beyond_the_limit_leaves_the_batch_as_it_was),
        cmocka_unit_test(a_flipped_bit_is_seen_on_both_sides),
        cmocka_unit_test(messages_before_the_start_are_not_given_out),
        cmocka_unit_test(messages_acknowledged_before_cost_nothing_and_do_not_come),
        cmocka_unit_test(any_bytes_at_all_are_survived),
    };
    return cmocka_run_group_tests(tests, pool_open, pool_close);
}
