/* SPDX-License-Identifier: Apache-2.0
 *
 * session_random_test.c - clients that send anything, whole, damaged or out of place: the broker stays sound, and a
 * well behaved connection beside them is served.
 *
 * SESSION_SEEDS=n runs n lives (default 20), SESSION_SEED=s begins at seed s.
 */
#include "base/base_test.h"
#include "broker/topic.h"
#include "session/session_world.h"
#include "sys/sim/sim_seeds.h"
#include "wire/delivery.h"
#include "wire/publish.h"

#define CLIENTS 3
#define STEPS   300
#define TYPE(t) WIRE__BASE_COMMAND__TYPE__##t

static const char *const topics[] = {"t",
                                     "persistent://public/default/u",
                                     "public/default/v-partition-3",
                                     "non-persistent://public/default/n",
                                     "bad/name",
                                     "public/nowhere/x"};

struct life {
    struct session_world world;
    struct random *random;
    struct client clients[CLIENTS];
    bool alive[CLIENTS];
    struct client witness;
};

static uint64_t below(struct life *l, uint64_t bound)
{
    return random_below(l->random, bound);
}

static char *any_topic(struct life *l)
{
    return wire_text(topics[below(l, below(l, 4) ? 2 : sizeof topics / sizeof topics[0])]);
}

/* Ids from a small range meet one another; now and then one from anywhere. */
static uint64_t any_id(struct life *l)
{
    if (below(l, 4))
        return 0;
    return below(l, 100) ? below(l, 3) : random_next(l->random);
}

static Wire__MessageIdData any_message_id(struct life *l)
{
    Wire__MessageIdData id = WIRE__MESSAGE_ID_DATA__INIT;

    id.ledger_id = below(l, 8) ? below(l, 40) : random_next(l->random);
    id.entry_id = below(l, 8) ? below(l, 20) : random_next(l->random);
    return id;
}

/* ---- one command of each kind, filled at random ---- */

static size_t encode(Wire__BaseCommand__Type type, void *body, uint8_t *to, size_t size)
{
    Wire__BaseCommand command;

    command_wrap(&command, type, body);
    return command_encode(&command, to, size);
}

static size_t make_producer(struct life *l, uint8_t *to, size_t size)
{
    Wire__CommandProducer producer = WIRE__COMMAND_PRODUCER__INIT;

    producer.topic = any_topic(l);
    producer.producer_id = any_id(l);
    producer.request_id = any_id(l);
    producer.producer_name = below(l, 2) ? wire_text("p") : NULL;
    producer.has_epoch = true;
    producer.epoch = below(l, 3);
    producer.has_producer_access_mode = below(l, 8) == 0;
    producer.producer_access_mode = (Wire__ProducerAccessMode)below(l, 4);
    producer.initial_subscription_name = below(l, 4) ? NULL : wire_text("first");
    return encode(TYPE(PRODUCER), &producer, to, size);
}

static size_t make_subscribe(struct life *l, uint8_t *to, size_t size)
{
    Wire__CommandSubscribe subscribe = WIRE__COMMAND_SUBSCRIBE__INIT;
    Wire__MessageIdData start = any_message_id(l);

    subscribe.topic = any_topic(l);
    subscribe.subscription = wire_text(below(l, 2) ? "s" : "r");
    subscribe.sub_type = (Wire__CommandSubscribe__SubType)below(l, 4);
    subscribe.consumer_id = any_id(l);
    subscribe.request_id = any_id(l);
    subscribe.has_durable = true;
    subscribe.durable = below(l, 3) != 0;
    subscribe.start_message_id = below(l, 2) ? &start : NULL;
    subscribe.has_start_message_rollback_duration_sec = below(l, 4) == 0;
    subscribe.start_message_rollback_duration_sec = below(l, 2) ? below(l, 100) : random_next(l->random);
    subscribe.has_priority_level = true;
    subscribe.priority_level = (int32_t)below(l, 3) - 1;
    return encode(TYPE(SUBSCRIBE), &subscribe, to, size);
}

static size_t make_send(struct life *l, uint8_t *to, size_t size)
{
    const struct send send = {
        .producer_id = below(l, 100) ? 0 : any_id(l), .sequence_id = below(l, 1000), .messages = 1};
    Wire__MessageMetadata metadata = WIRE__MESSAGE_METADATA__INIT;
    uint8_t packed[100];
    struct bytes payload = bytes_of_text("payload");

    metadata.producer_name = wire_text("p");
    metadata.publish_time = below(l, 1000);
    metadata.has_num_messages_in_batch = below(l, 2);
    metadata.num_messages_in_batch = (int32_t)below(l, 100);
    size_t packed_len = wire__message_metadata__pack(&metadata, packed);
    size_t len = send_head_encode(to, &send, bytes_of(packed, packed_len), payload);
    memcpy(to + len, packed, packed_len);
    memcpy(to + len + packed_len, payload.data, payload.len);
    return len + packed_len + payload.len;
}

static size_t make_flow(struct life *l, uint8_t *to, size_t size)
{
    Wire__CommandFlow flow = WIRE__COMMAND_FLOW__INIT;

    flow.consumer_id = any_id(l);
    flow.message_permits = below(l, 8) ? (uint32_t)below(l, 50) : UINT32_MAX;
    return encode(TYPE(FLOW), &flow, to, size);
}

static size_t make_ack(struct life *l, uint8_t *to, size_t size)
{
    Wire__CommandAck ack = WIRE__COMMAND_ACK__INIT;
    Wire__MessageIdData ids[2] = {any_message_id(l), any_message_id(l)}, *pointers[2] = {&ids[0], &ids[1]};

    ack.consumer_id = any_id(l);
    ack.ack_type = (Wire__CommandAck__AckType)below(l, 2);
    ack.n_message_id = below(l, 3);
    ack.message_id = pointers;
    ack.has_request_id = below(l, 2);
    ack.request_id = any_id(l);
    return encode(TYPE(ACK), &ack, to, size);
}

static size_t make_redeliver(struct life *l, uint8_t *to, size_t size)
{
    Wire__CommandRedeliverUnacknowledgedMessages redeliver = WIRE__COMMAND_REDELIVER_UNACKNOWLEDGED_MESSAGES__INIT;
    Wire__MessageIdData id = any_message_id(l), *pointer = &id;

    redeliver.consumer_id = any_id(l);
    redeliver.n_message_ids = below(l, 2);
    redeliver.message_ids = &pointer;
    return encode(TYPE(REDELIVER_UNACKNOWLEDGED_MESSAGES), &redeliver, to, size);
}

static size_t make_seek(struct life *l, uint8_t *to, size_t size)
{
    Wire__CommandSeek seek = WIRE__COMMAND_SEEK__INIT;
    Wire__MessageIdData id = any_message_id(l);

    seek.consumer_id = any_id(l);
    seek.request_id = any_id(l);
    seek.message_id = below(l, 2) ? &id : NULL;
    seek.has_message_publish_time = below(l, 2);
    seek.message_publish_time = below(l, 4) ? below(l, 1000) : random_next(l->random);
    return encode(TYPE(SEEK), &seek, to, size);
}

static size_t make_unsubscribe(struct life *l, uint8_t *to, size_t size)
{
    Wire__CommandUnsubscribe unsubscribe = WIRE__COMMAND_UNSUBSCRIBE__INIT;

    unsubscribe.consumer_id = any_id(l);
    unsubscribe.request_id = any_id(l);
    unsubscribe.has_force = true;
    unsubscribe.force = below(l, 2);
    return encode(TYPE(UNSUBSCRIBE), &unsubscribe, to, size);
}

static size_t make_close(struct life *l, uint8_t *to, size_t size)
{
    Wire__CommandCloseProducer producer = WIRE__COMMAND_CLOSE_PRODUCER__INIT;
    Wire__CommandCloseConsumer consumer = WIRE__COMMAND_CLOSE_CONSUMER__INIT;

    producer.producer_id = consumer.consumer_id = any_id(l);
    producer.request_id = consumer.request_id = any_id(l);
    return below(l, 2) ? encode(TYPE(CLOSE_PRODUCER), &producer, to, size)
                       : encode(TYPE(CLOSE_CONSUMER), &consumer, to, size);
}

static size_t make_question(struct life *l, uint8_t *to, size_t size)
{
    Wire__CommandLookupTopic lookup = WIRE__COMMAND_LOOKUP_TOPIC__INIT;
    Wire__CommandPartitionedTopicMetadata partitions = WIRE__COMMAND_PARTITIONED_TOPIC_METADATA__INIT;
    Wire__CommandGetLastMessageId last = WIRE__COMMAND_GET_LAST_MESSAGE_ID__INIT;
    Wire__CommandConsumerStats stats = WIRE__COMMAND_CONSUMER_STATS__INIT;

    lookup.topic = partitions.topic = any_topic(l);
    last.consumer_id = stats.consumer_id = any_id(l);
    switch (below(l, 4)) {
    case 0:
        return encode(TYPE(LOOKUP), &lookup, to, size);
    case 1:
        return encode(TYPE(PARTITIONED_METADATA), &partitions, to, size);
    case 2:
        return encode(TYPE(GET_LAST_MESSAGE_ID), &last, to, size);
    default:
        return encode(TYPE(CONSUMER_STATS), &stats, to, size);
    }
}

static size_t (*const makers[])(struct life *l, uint8_t *to, size_t size) = {
    make_producer,  make_producer,  make_subscribe, make_subscribe,   make_send, make_send,     make_send,
    make_flow,      make_flow,      make_ack,       make_ack,         make_seek, make_question, make_close,
    make_redeliver, make_redeliver, make_ack,       make_unsubscribe, make_flow,
};

/* ---- a life ---- */

static void send_any(struct life *l, struct client *c)
{
    uint8_t bytes[2048];
    size_t len = makers[below(l, sizeof makers / sizeof makers[0])](l, bytes, sizeof bytes);

    if (below(l, 30) == 0) { /* damaged */
        for (uint64_t n = 1 + below(l, 3); n > 0; n--)
            bytes[below(l, len)] ^= (uint8_t)(1u << below(l, 8));
    } else if (below(l, 60) == 0) { /* cut short */
        len = below(l, len);
    }
    client_send_bytes(c, bytes, len);
}

static bool check_topic(void *ctx, struct bytes text)
{
    struct life *l = ctx;
    struct topic_name name;

    assert_int_equal(topic_name_parse(&name, text), OK);
    topic_check(topic_find(l->world.broker, &name));
    return true;
}

static void random_step(struct life *l)
{
    unsigned i = (unsigned)below(l, CLIENTS);
    struct client *c = &l->clients[i];

    if (l->alive[i] && (c->closed || below(l, 60) == 0 || c->received > CLIENT_BYTES / 2)) {
        client_free(c);
        l->alive[i] = false;
    }
    if (!l->alive[i]) {
        client_connect(c, &l->world);
        client_handshake(c);
        l->alive[i] = true;
        (void)client_produce(c, 0, topics[0], NULL); /* so that there is something to disturb */
        (void)client_subscribe(c, 0, topics[0], "s", WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Shared);
    }
    for (uint64_t n = below(l, 5); n > 0; n--)
        send_any(l, c);
    uint64_t soon_ns = sim_now_ns(l->world.sim) + 50 * NS_PER_MS; /* and not where the clock would jump */
    for (uint64_t n = below(l, 60); n > 0 && sim_next_ns(l->world.sim) < soon_ns; n--)
        (void)sim_step(l->world.sim);
    broker_topics_loaded(l->world.broker, check_topic, l);
}

static void live(uint64_t seed)
{
    Wire__CommandPing ping = WIRE__COMMAND_PING__INIT;
    struct life *l = test_calloc(1, sizeof *l);

    session_world_start(&l->world, seed);
    l->random = sim_random(l->world.sim);
    l->world.broker_options.ledger_entries_max = 1 + below(l, 20);
    l->world.broker_options.ledger_age_min_ms = 0;
    l->world.options.keep_alive_ms = 24 * 3600 * 1000; /* nobody here answers pings in time */
    session_world_open(&l->world);
    client_connect(&l->witness, &l->world);
    client_handshake(&l->witness);
    for (unsigned i = 0; i < STEPS; i++) {
        random_step(l);
        client_send(&l->witness, TYPE(PING), &ping);
        assert_non_null(client_expect(&l->witness, TYPE(PONG)));
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (l->alive[i])
            client_free(&l->clients[i]);
    }
    client_free(&l->witness);
    session_world_pass(&l->world, 10000);
    struct server_stats stats;
    server_stats_get(l->world.server, &stats);
    assert_int_equal(stats.connections, 0);
    assert_int_equal(stats.receive_bytes, 0);
    session_world_stop(&l->world);
    session_world_end(&l->world);
    test_free(l);
}

static void whatever_clients_send_the_broker_stays_sound(void **state)
{
    sim_seeds_run("SESSION", 20, live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_clients_send_the_broker_stays_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
