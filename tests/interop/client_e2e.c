/* SPDX-License-Identifier: Apache-2.0
 *
 * client_e2e.c - the client library, through its public headers only, against a running broker.
 *
 *     client_e2e pulsar://127.0.0.1:6650 [filter]        the tests whose names match, as by "*batch*"
 *     client_e2e pulsar://127.0.0.1:6650 --outage N      sends and receives N messages while somebody kills and
 * restarts the broker; says what was lost, doubled or out of order
 *
 * The broker may be Geminga or Apache Pulsar: nothing here knows which.  Topics have random names, so a broker may be
 * used again.  E2E_PARTITIONED names a partitioned topic that somebody has made; without it those tests are skipped.
 * E2E_WITHOUT is a filter of tests to leave out, for what a broker has not built.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <geminga/client.h>
#include <pthread.h>
#include <pulsar/c/authentication.h>
#include <pulsar/c/version.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *url;

#define assert_ok(call) assert_string_equal("Ok", pulsar_result_str(call))

/* ---- what every test needs ---- */

static char *topic_new(const char *what)
{
    static _Atomic unsigned count;
    char *topic;
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    assert_true(asprintf(&topic, "persistent://public/default/e2e-%s-%lx-%x-%x", what, (long)now.tv_sec,
                         (unsigned)getpid(), atomic_fetch_add(&count, 1)) > 0);
    return topic;
}

/* Who we say we are, and whom we trust, as the environment says. */
static pulsar_client_configuration_t *configuration_new(void)
{
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    const char *plugin = getenv("E2E_AUTH_PLUGIN"), *trust = getenv("E2E_TRUST");
    pulsar_authentication_t *auth;

    assert_non_null(conf);
    if (plugin) {
        auth = pulsar_authentication_create(plugin, getenv("E2E_AUTH_PARAMS"));
        pulsar_client_configuration_set_auth(conf, auth);
        pulsar_authentication_free(auth);
    }
    if (trust)
        pulsar_client_configuration_set_tls_trust_certs_file_path(conf, trust);
    return conf;
}

static pulsar_client_t *client_new(void)
{
    pulsar_client_configuration_t *conf = configuration_new();
    pulsar_client_t *client = pulsar_client_create(url, conf);

    assert_non_null(client);
    pulsar_client_configuration_free(conf);
    return client;
}

static pulsar_producer_t *producer_new(pulsar_client_t *client, const char *topic,
                                       pulsar_producer_configuration_t *conf)
{
    pulsar_producer_t *producer = NULL;

    assert_ok(pulsar_client_create_producer(client, topic, conf, &producer));
    pulsar_producer_configuration_free(conf);
    return producer;
}

static pulsar_consumer_t *consumer_new(pulsar_client_t *client, const char *topic, const char *subscription,
                                       pulsar_consumer_configuration_t *conf)
{
    pulsar_consumer_t *consumer = NULL;

    assert_ok(pulsar_client_subscribe(client, topic, subscription, conf, &consumer));
    pulsar_consumer_configuration_free(conf);
    return consumer;
}

static pulsar_consumer_configuration_t *from_the_start(pulsar_consumer_type type)
{
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();

    pulsar_consumer_configuration_set_consumer_type(conf, type);
    pulsar_consumer_set_subscription_initial_position(conf, initial_position_earliest);
    return conf;
}

static pulsar_producer_configuration_t *batching(int enabled)
{
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();

    pulsar_producer_configuration_set_batching_enabled(conf, enabled);
    pulsar_producer_configuration_set_block_if_queue_full(conf, 1);
    return conf;
}

static pulsar_message_t *numbered(int number)
{
    pulsar_message_t *m = pulsar_message_create();
    char text[32];

    snprintf(text, sizeof text, "message-%d", number);
    pulsar_message_set_content(m, text, strlen(text));
    return m;
}

static int number_of(pulsar_message_t *m)
{
    char text[32] = {0};
    int number = -1;

    memcpy(text, pulsar_message_get_data(m),
           pulsar_message_get_length(m) < sizeof text ? pulsar_message_get_length(m) : sizeof text - 1);
    sscanf(text, "message-%d", &number);
    return number;
}

/* Counts what completed, and with what. */
struct tally {
    _Atomic int ok, failed;
    _Atomic int last_result;
};

static void on_tally(pulsar_result result, pulsar_message_id_t *id, void *ctx)
{
    struct tally *t = ctx;

    pulsar_message_id_free(id);
    atomic_store(&t->last_result, (int)result);
    atomic_fetch_add(result == pulsar_result_Ok ? &t->ok : &t->failed, 1);
}

static void send_numbered(pulsar_producer_t *producer, int from, int count)
{
    struct tally t = {0};

    for (int i = 0; i < count; i++) {
        pulsar_message_t *m = numbered(from + i);
        pulsar_producer_send_async(producer, m, on_tally, &t);
        pulsar_message_free(m);
    }
    assert_ok(pulsar_producer_flush(producer));
    assert_int_equal(t.ok, count);
    assert_int_equal(t.failed, 0);
}

/* Receives and acknowledges the messages from..from+count-1, in this order. */
static void expect_numbered(pulsar_consumer_t *consumer, int from, int count)
{
    for (int i = 0; i < count; i++) {
        pulsar_message_t *m = NULL;
        assert_ok(pulsar_consumer_receive_with_timeout(consumer, &m, 10000));
        assert_int_equal(number_of(m), from + i);
        assert_ok(pulsar_consumer_acknowledge(consumer, m));
        pulsar_message_free(m);
    }
}

static void expect_nothing(pulsar_consumer_t *consumer, int wait_ms)
{
    pulsar_message_t *m = NULL;

    assert_string_equal("TimeOut", pulsar_result_str(pulsar_consumer_receive_with_timeout(consumer, &m, wait_ms)));
}

static void producer_end(pulsar_producer_t *producer)
{
    assert_ok(pulsar_producer_close(producer));
    pulsar_producer_free(producer);
}

static void consumer_end(pulsar_consumer_t *consumer)
{
    assert_ok(pulsar_consumer_close(consumer));
    pulsar_consumer_free(consumer);
}

static void client_end(pulsar_client_t *client)
{
    assert_ok(pulsar_client_close(client));
    pulsar_client_free(client);
}

/* ---- publishing and receiving ---- */

static void ten_thousand_batched_messages_arrive_once_and_in_order(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("batched");
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", NULL);
    pulsar_producer_t *producer = producer_new(client, topic, batching(1));

    send_numbered(producer, 0, 10000);
    expect_numbered(consumer, 0, 10000);
    expect_nothing(consumer, 100);

    producer_end(producer);
    consumer_end(consumer);
    client_end(client);
    free(topic);
}

static void ten_thousand_single_messages_arrive_once_and_in_order(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("single");
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", NULL);
    pulsar_producer_t *producer = producer_new(client, topic, batching(0));

    send_numbered(producer, 0, 10000);
    expect_numbered(consumer, 0, 10000);
    expect_nothing(consumer, 100);

    producer_end(producer);
    consumer_end(consumer);
    client_end(client);
    free(topic);
}

static void a_thousand_synchronous_sends_get_ascending_ids(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("sync");
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", NULL);
    pulsar_producer_configuration_t *conf = batching(1);
    pulsar_producer_t *producer;
    int64_t ledger = -1, entry = -1;

    pulsar_producer_configuration_set_batching_max_publish_delay_ms(conf, 0);
    producer = producer_new(client, topic, conf);
    for (int i = 0; i < 1000; i++) {
        pulsar_message_t *m = numbered(i);
        assert_ok(pulsar_producer_send(producer, m));
        pulsar_message_id_t *id = pulsar_message_get_message_id(m);
        assert_true(geminga_message_id_ledger(id) > ledger ||
                    (geminga_message_id_ledger(id) == ledger && geminga_message_id_entry(id) > entry));
        ledger = geminga_message_id_ledger(id);
        entry = geminga_message_id_entry(id);
        pulsar_message_id_free(id);
        pulsar_message_free(m);
    }
    expect_numbered(consumer, 0, 1000);
    assert_int_equal(pulsar_producer_get_last_sequence_id(producer), 999);

    producer_end(producer);
    consumer_end(consumer);
    client_end(client);
    free(topic);
}

static void fill(char *to, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++)
        to[i] = (char)(seed % 3 ? 'a' + (i * seed) % 17 : (i * 2654435761u * (seed + 1)) >> 13);
}

static void payloads_return(pulsar_producer_t *producer, pulsar_consumer_t *consumer)
{
    static const size_t sizes[] = {0, 1, 100, 5000, 300000, 0, 77};
    enum { COUNT = sizeof sizes / sizeof sizes[0] };
    static char sent[300000];
    struct tally t = {0};

    for (unsigned i = 0; i < COUNT; i++) {
        pulsar_message_t *m = pulsar_message_create();
        fill(sent, sizes[i], i);
        pulsar_message_set_content(m, sent, sizes[i]);
        pulsar_producer_send_async(producer, m, on_tally, &t);
        pulsar_message_free(m);
    }
    assert_ok(pulsar_producer_flush(producer));
    assert_int_equal(t.ok, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        pulsar_message_t *m = NULL;
        assert_ok(pulsar_consumer_receive_with_timeout(consumer, &m, 10000));
        fill(sent, sizes[i], i);
        assert_int_equal(pulsar_message_get_length(m), sizes[i]);
        if (sizes[i])
            assert_memory_equal(pulsar_message_get_data(m), sent, sizes[i]);
        assert_ok(pulsar_consumer_acknowledge(consumer, m));
        pulsar_message_free(m);
    }
}

static void every_compression_returns_every_payload(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("compression");
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", NULL);

    for (int type = pulsar_CompressionNone; type <= pulsar_CompressionSNAPPY; type++)
        for (int batched = 0; batched < 2; batched++) {
            pulsar_producer_configuration_t *conf = batching(batched);
            pulsar_producer_configuration_set_compression_type(conf, (pulsar_compression_type)type);
            pulsar_producer_t *producer = producer_new(client, topic, conf);
            payloads_return(producer, consumer);
            producer_end(producer);
        }

    consumer_end(consumer);
    client_end(client);
    free(topic);
}

static void check_adornments(pulsar_message_t *m, const char *topic)
{
    pulsar_string_map_t *map = pulsar_message_get_properties(m);

    assert_int_equal(pulsar_string_map_size(map), 2);
    assert_string_equal(pulsar_string_map_get(map, "b"), "zwei");
    assert_string_equal(pulsar_string_map_get_key(map, 0), "a");
    pulsar_string_map_free(map);
    assert_string_equal(pulsar_message_get_property(m, "a"), "eins");
    assert_true(pulsar_message_has_property(m, "a"));
    assert_false(pulsar_message_has_property(m, "c"));
    assert_true(pulsar_message_has_partition_key(m));
    assert_string_equal(pulsar_message_get_partitionKey(m), "the key");
    assert_true(pulsar_message_has_ordering_key(m));
    assert_string_equal(pulsar_message_get_orderingKey(m), "the order");
    assert_int_equal(pulsar_message_get_event_timestamp(m), 1234567890123);
    assert_true(pulsar_message_get_publish_timestamp(m) > 1500000000000);
    assert_string_equal(pulsar_message_get_topic_name(m), topic);
    assert_string_equal(pulsar_message_get_producer_name(m), "e2e producer");
    assert_int_equal(pulsar_message_get_redelivery_count(m), 0);
}

static void keys_properties_and_times_travel_with_a_message(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("adorned");
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", NULL);

    for (int batched = 0; batched < 2; batched++) {
        pulsar_producer_configuration_t *conf = batching(batched);
        pulsar_producer_configuration_set_producer_name(conf, "e2e producer");
        pulsar_producer_t *producer = producer_new(client, topic, conf);
        struct tally t = {0};

        assert_string_equal(pulsar_producer_get_producer_name(producer), "e2e producer");
        assert_string_equal(pulsar_producer_get_topic(producer), topic);
        for (int i = 0; i < 2; i++) {
            pulsar_message_t *m = numbered(i);
            pulsar_message_set_property(m, "b", "zwei");
            pulsar_message_set_property(m, "a", "eins");
            pulsar_message_set_partition_key(m, "the key");
            pulsar_message_set_ordering_key(m, "the order");
            pulsar_message_set_event_timestamp(m, 1234567890123);
            pulsar_producer_send_async(producer, m, on_tally, &t);
            pulsar_message_free(m);
        }
        assert_ok(pulsar_producer_flush(producer));
        for (int i = 0; i < 2; i++) {
            pulsar_message_t *m = NULL;
            assert_ok(pulsar_consumer_receive_with_timeout(consumer, &m, 10000));
            assert_int_equal(number_of(m), i);
            check_adornments(m, topic);
            assert_ok(pulsar_consumer_acknowledge(consumer, m));
            pulsar_message_free(m);
        }
        producer_end(producer);
    }

    consumer_end(consumer);
    client_end(client);
    free(topic);
}

static void a_message_may_be_changed_as_soon_as_it_was_sent(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("reused");
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", NULL);
    pulsar_producer_t *producer = producer_new(client, topic, batching(1));
    pulsar_message_t *m = pulsar_message_create();
    struct tally t = {0};

    for (int i = 0; i < 100; i++) {
        char text[32];
        snprintf(text, sizeof text, "message-%d", i);
        pulsar_message_set_content(m, text, strlen(text));
        pulsar_producer_send_async(producer, m, on_tally, &t);
    }
    pulsar_message_free(m);
    assert_ok(pulsar_producer_flush(producer));
    expect_numbered(consumer, 0, 100);

    producer_end(producer);
    consumer_end(consumer);
    client_end(client);
    free(topic);
}

static void sequence_ids_go_on_from_the_initial_one(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("sequence");
    pulsar_producer_configuration_t *conf = batching(0);
    pulsar_producer_t *producer;

    pulsar_producer_configuration_set_initial_sequence_id(conf, 41);
    producer = producer_new(client, topic, conf);
    pulsar_message_t *m = numbered(0);
    assert_ok(pulsar_producer_send(producer, m));
    assert_int_equal(pulsar_producer_get_last_sequence_id(producer), 42);
    pulsar_message_set_sequence_id(m, 100);
    assert_ok(pulsar_producer_send(producer, m));
    assert_int_equal(pulsar_producer_get_last_sequence_id(producer), 100);
    pulsar_message_free(m);

    producer_end(producer);
    client_end(client);
    free(topic);
}

static void a_message_beyond_the_limit_is_refused_and_the_next_one_is_not(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("big");
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", NULL);
    size_t size = 6 * 1024 * 1024;
    char *bytes = malloc(size);

    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)rand();
    for (int compression = 0; compression < 2; compression++) {
        pulsar_producer_configuration_t *conf = batching(1);
        pulsar_producer_configuration_set_compression_type(conf, (pulsar_compression_type)compression);
        pulsar_producer_t *producer = producer_new(client, topic, conf);
        pulsar_message_t *m = pulsar_message_create();
        pulsar_message_set_content(m, bytes, size);
        assert_string_equal("MessageTooBig", pulsar_result_str(pulsar_producer_send(producer, m)));
        pulsar_message_free(m);
        send_numbered(producer, 0, 1);
        expect_numbered(consumer, 0, 1);
        producer_end(producer);
    }

    free(bytes);
    consumer_end(consumer);
    client_end(client);
    free(topic);
}

/* ---- limits ---- */

static void a_full_producer_refuses_where_it_is_not_told_to_wait(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("full");
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    pulsar_producer_t *producer;
    struct tally t = {0};

    pulsar_producer_configuration_set_max_pending_messages(conf, 10);
    pulsar_producer_configuration_set_batching_max_publish_delay_ms(conf, 60000);
    producer = producer_new(client, topic, conf);
    for (int i = 0; i < 25; i++) {
        pulsar_message_t *m = numbered(i);
        pulsar_producer_send_async(producer, m, on_tally, &t);
        pulsar_message_free(m);
    }
    assert_int_equal(t.failed, 15);
    assert_string_equal("ProducerQueueIsFull", pulsar_result_str((pulsar_result)t.last_result));
    assert_ok(pulsar_producer_flush(producer));
    assert_int_equal(t.ok, 10);

    producer_end(producer);
    client_end(client);
    free(topic);
}

static void a_full_producer_waits_where_it_is_told_to(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("blocking");
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", NULL);
    pulsar_producer_configuration_t *conf = batching(1);

    pulsar_producer_configuration_set_max_pending_messages(conf, 7);
    pulsar_producer_t *producer = producer_new(client, topic, conf);
    send_numbered(producer, 0, 200);
    expect_numbered(consumer, 0, 200);

    producer_end(producer);
    consumer_end(consumer);
    client_end(client);
    free(topic);
}

struct locked_tally {
    struct tally tally;
    pthread_mutex_t lock;
};

/* Who waits for the lock in vain counts as failed, so that what waits for us goes on. */
static void on_locked_tally(pulsar_result result, pulsar_message_id_t *id, void *ctx)
{
    struct locked_tally *t = ctx;
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    if (pthread_mutex_timedlock(&t->lock, &until) == 0)
        pthread_mutex_unlock(&t->lock);
    else
        result = pulsar_result_Timeout;
    on_tally(result, id, &t->tally);
}

static void who_waits_for_a_full_producer_may_hold_a_lock_that_callbacks_take(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("locked");
    pulsar_producer_configuration_t *conf = batching(0);
    struct locked_tally t = {.lock = PTHREAD_MUTEX_INITIALIZER};
    pulsar_message_t *m = numbered(0);

    pulsar_producer_configuration_set_max_pending_messages(conf, 1);
    pulsar_producer_t *producer = producer_new(client, topic, conf);
    pthread_mutex_lock(&t.lock);
    pulsar_producer_send_async(producer, m, on_locked_tally, &t);
    pulsar_producer_send_async(producer, m, on_locked_tally, &t); /* waits for the other one */
    pthread_mutex_unlock(&t.lock);
    assert_ok(pulsar_producer_flush(producer));
    assert_int_equal(t.tally.ok, 2);

    pulsar_message_free(m);
    producer_end(producer);
    client_end(client);
    free(topic);
}

static void the_memory_limit_is_one_for_all_producers(void **state)
{
    pulsar_client_configuration_t *conf = configuration_new();
    pulsar_client_configuration_set_memory_limit(conf, 64 * 1024);
    pulsar_client_t *client = pulsar_client_create(url, conf);
    char *topic = topic_new("memory");
    pulsar_producer_t *producers[2];
    struct tally t = {0};
    static char bytes[10000];

    for (int i = 0; i < 2; i++) {
        pulsar_producer_configuration_t *pc = pulsar_producer_configuration_create();
        pulsar_producer_configuration_set_batching_max_publish_delay_ms(pc, 60000);
        pulsar_producer_configuration_set_batching_max_allowed_size_in_bytes(pc, 1024 * 1024);
        producers[i] = producer_new(client, topic, pc);
    }
    for (int i = 0; i < 10; i++) {
        pulsar_message_t *m = pulsar_message_create();
        pulsar_message_set_content(m, bytes, sizeof bytes);
        pulsar_producer_send_async(producers[i % 2], m, on_tally, &t);
        pulsar_message_free(m);
    }
    assert_int_equal(t.failed, 4); /* six of them fit */
    assert_string_equal("MemoryBufferIsFull", pulsar_result_str((pulsar_result)t.last_result));
    for (int i = 0; i < 2; i++) {
        assert_ok(pulsar_producer_flush(producers[i]));
        producer_end(producers[i]);
    }
    assert_int_equal(t.ok, 6);

    client_end(client);
    pulsar_client_configuration_free(conf);
    free(topic);
}

/* ---- batch receive ---- */

static void a_batch_receive_gives_as_many_as_the_policy_says(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("receive");
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_consumer_batch_receive_policy_t policy = {10, -1, -1};
    pulsar_messages_t *batch = NULL;

    assert_int_equal(pulsar_consumer_configuration_set_batch_receive_policy(conf, &policy), 0);
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", conf);
    pulsar_producer_t *producer = producer_new(client, topic, batching(1));
    send_numbered(producer, 0, 25);

    for (int round = 0; round < 2; round++) {
        assert_ok(pulsar_consumer_batch_receive(consumer, &batch));
        assert_int_equal(pulsar_messages_size(batch), 10);
        for (size_t i = 0; i < 10; i++) {
            assert_int_equal(number_of(pulsar_messages_get(batch, i)), round * 10 + (int)i);
            assert_ok(pulsar_consumer_acknowledge(consumer, pulsar_messages_get(batch, i)));
        }
        pulsar_messages_free(batch);
    }
    expect_numbered(consumer, 20, 5);

    producer_end(producer);
    consumer_end(consumer);
    client_end(client);
    free(topic);
}

static void a_batch_receive_ends_with_its_timeout(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("late");
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_consumer_batch_receive_policy_t policy = {1000, -1, 300};
    pulsar_messages_t *batch = NULL;
    size_t got = 0;

    pulsar_consumer_configuration_set_batch_receive_policy(conf, &policy);
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", conf);
    pulsar_producer_t *producer = producer_new(client, topic, batching(1));
    assert_ok(pulsar_consumer_batch_receive(consumer, &batch));
    assert_int_equal(pulsar_messages_size(batch), 0);
    pulsar_messages_free(batch);

    send_numbered(producer, 0, 3);
    while (got < 3) {
        assert_ok(pulsar_consumer_batch_receive(consumer, &batch));
        got += pulsar_messages_size(batch);
        pulsar_messages_free(batch);
    }
    assert_int_equal(got, 3);

    producer_end(producer);
    consumer_end(consumer);
    client_end(client);
    free(topic);
}

/* ---- acknowledging and redelivery ---- */

static void what_was_acknowledged_does_not_come_again(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("acked");
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", NULL);
    pulsar_producer_t *producer = producer_new(client, topic, batching(0));

    send_numbered(producer, 0, 20);
    expect_numbered(consumer, 0, 10);
    consumer_end(consumer);
    consumer = consumer_new(client, topic, "s", NULL);
    expect_numbered(consumer, 10, 10);
    consumer_end(consumer);
    consumer = consumer_new(client, topic, "s", NULL);
    expect_nothing(consumer, 300);

    producer_end(producer);
    consumer_end(consumer);
    client_end(client);
    free(topic);
}

static void a_batch_comes_again_until_all_of_it_was_acknowledged(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("partial");
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", NULL);
    pulsar_producer_configuration_t *conf = batching(1);

    pulsar_producer_configuration_set_batching_max_publish_delay_ms(conf, 60000);
    pulsar_producer_t *producer = producer_new(client, topic, conf);
    send_numbered(producer, 0, 10); /* one entry: flush sends the batch */
    expect_numbered(consumer, 0, 9);
    consumer_end(consumer);
    consumer = consumer_new(client, topic, "s", NULL);
    expect_numbered(consumer, 0, 10);
    consumer_end(consumer);
    consumer = consumer_new(client, topic, "s", NULL);
    expect_nothing(consumer, 300);

    producer_end(producer);
    consumer_end(consumer);
    client_end(client);
    free(topic);
}

static void a_cumulative_acknowledgement_covers_all_before_it(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("cumulative");
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", NULL);
    pulsar_producer_t *producer = producer_new(client, topic, batching(0));
    pulsar_message_t *m = NULL;

    send_numbered(producer, 0, 20);
    for (int i = 0; i < 15; i++) {
        pulsar_message_free(m);
        assert_ok(pulsar_consumer_receive_with_timeout(consumer, &m, 10000));
    }
    assert_ok(pulsar_consumer_acknowledge_cumulative(consumer, m));
    pulsar_message_free(m);
    consumer_end(consumer);
    consumer = consumer_new(client, topic, "s", NULL);
    expect_numbered(consumer, 15, 5);
    consumer_end(consumer);

    consumer = consumer_new(client, topic, "shared", from_the_start(pulsar_ConsumerShared));
    assert_ok(pulsar_consumer_receive_with_timeout(consumer, &m, 10000));
    assert_string_equal("CumulativeAcknowledgementNotAllowedError",
                        pulsar_result_str(pulsar_consumer_acknowledge_cumulative(consumer, m)));
    pulsar_message_free(m);

    producer_end(producer);
    consumer_end(consumer);
    client_end(client);
    free(topic);
}

static void a_list_of_ids_is_acknowledged(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("list");
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", NULL);
    pulsar_producer_t *producer = producer_new(client, topic, batching(1));
    pulsar_message_id_t *ids[50];

    send_numbered(producer, 0, 50);
    for (int i = 0; i < 50; i++) {
        pulsar_message_t *m = NULL;
        assert_ok(pulsar_consumer_receive_with_timeout(consumer, &m, 10000));
        ids[i] = pulsar_message_get_message_id(m);
        pulsar_message_free(m);
    }
    assert_ok(geminga_consumer_acknowledge_list(consumer, ids, 50));
    for (int i = 0; i < 50; i++)
        pulsar_message_id_free(ids[i]);
    consumer_end(consumer);
    consumer = consumer_new(client, topic, "s", NULL);
    expect_nothing(consumer, 300);

    producer_end(producer);
    consumer_end(consumer);
    client_end(client);
    free(topic);
}

static pulsar_consumer_configuration_t *quick_redelivery(void)
{
    pulsar_consumer_configuration_t *conf = from_the_start(pulsar_ConsumerShared);

    pulsar_configure_set_negative_ack_redelivery_delay_ms(conf, 100);
    return conf;
}

static void a_negative_acknowledgement_brings_the_message_again_with_a_higher_count(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("nack");
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", quick_redelivery());
    pulsar_producer_t *producer = producer_new(client, topic, batching(0));
    pulsar_message_t *m = NULL;

    send_numbered(producer, 0, 3);
    for (int i = 0; i < 3; i++) {
        assert_ok(pulsar_consumer_receive_with_timeout(consumer, &m, 10000));
        assert_int_equal(pulsar_message_get_redelivery_count(m), 0);
        if (number_of(m) == 1)
            pulsar_consumer_negative_acknowledge(consumer, m);
        else
            assert_ok(pulsar_consumer_acknowledge(consumer, m));
        pulsar_message_free(m);
    }
    for (int again = 1; again <= 3; again++) {
        assert_ok(pulsar_consumer_receive_with_timeout(consumer, &m, 10000));
        assert_int_equal(number_of(m), 1);
        assert_int_equal(pulsar_message_get_redelivery_count(m), again);
        if (again < 3)
            pulsar_consumer_negative_acknowledge(consumer, m);
        else
            assert_ok(pulsar_consumer_acknowledge(consumer, m));
        pulsar_message_free(m);
    }
    expect_nothing(consumer, 300);

    producer_end(producer);
    consumer_end(consumer);
    client_end(client);
    free(topic);
}

static void an_exclusive_consumer_gets_all_again_after_a_negative_acknowledgement(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("nackall");
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_message_t *m = NULL;

    pulsar_configure_set_negative_ack_redelivery_delay_ms(conf, 100);
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", conf);
    pulsar_producer_t *producer = producer_new(client, topic, batching(0));
    send_numbered(producer, 0, 10);
    expect_numbered(consumer, 0, 4);
    assert_ok(pulsar_consumer_receive_with_timeout(consumer, &m, 10000));
    assert_int_equal(number_of(m), 4);
    pulsar_consumer_negative_acknowledge(consumer, m);
    pulsar_message_free(m);
    usleep(400000); /* the redelivery delay: until then the rest of the queue would come first */
    expect_numbered(consumer, 4, 6);
    expect_nothing(consumer, 300);

    producer_end(producer);
    consumer_end(consumer);
    client_end(client);
    free(topic);
}

static void a_message_not_acknowledged_in_time_comes_again(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("acktimeout");
    pulsar_consumer_configuration_t *conf = from_the_start(pulsar_ConsumerShared);
    pulsar_message_t *m = NULL;

    pulsar_consumer_set_unacked_messages_timeout_ms(conf, 500);
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", conf);
    pulsar_producer_t *producer = producer_new(client, topic, batching(0));
    send_numbered(producer, 0, 1);
    assert_ok(pulsar_consumer_receive_with_timeout(consumer, &m, 10000));
    pulsar_message_free(m);
    assert_ok(pulsar_consumer_receive_with_timeout(consumer, &m, 10000));
    assert_int_equal(number_of(m), 0);
    assert_int_equal(pulsar_message_get_redelivery_count(m), 1);
    assert_ok(pulsar_consumer_acknowledge(consumer, m));
    pulsar_message_free(m);
    expect_nothing(consumer, 1000);

    producer_end(producer);
    consumer_end(consumer);
    client_end(client);
    free(topic);
}

static void redelivering_all_brings_what_is_not_acknowledged(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("redeliver");
    pulsar_message_t *m = NULL;

    for (int type = pulsar_ConsumerExclusive; type <= pulsar_ConsumerFailover; type++) {
        char subscription[16];
        snprintf(subscription, sizeof subscription, "s%d", type);
        pulsar_consumer_t *consumer =
            consumer_new(client, topic, subscription, from_the_start((pulsar_consumer_type)type));
        pulsar_producer_t *producer = producer_new(client, topic, batching(0));
        int before = type * 10;

        send_numbered(producer, before, 10);
        for (int i = 0; i < before + 10; i++) {
            assert_ok(pulsar_consumer_receive_with_timeout(consumer, &m, 10000));
            if (number_of(m) < before)
                assert_ok(pulsar_consumer_acknowledge(consumer, m));
            pulsar_message_free(m);
        }
        pulsar_consumer_redeliver_unacknowledged_messages(consumer);
        expect_numbered(consumer, before, 10);
        expect_nothing(consumer, 200);
        producer_end(producer);
        consumer_end(consumer);
    }

    client_end(client);
    free(topic);
}

static void check_dead_letter(pulsar_message_t *m, const char *topic)
{
    assert_int_equal(number_of(m), 0);
    assert_string_equal(pulsar_message_get_property(m, "REAL_TOPIC"), topic);
    assert_true(strchr(pulsar_message_get_property(m, "ORIGIN_MESSAGE_ID"), ':') != NULL);
    assert_string_equal(pulsar_message_get_property(m, "mine"), "kept");
    assert_string_equal(pulsar_message_get_partitionKey(m), "k");
}

static void a_message_delivered_too_often_goes_to_the_dead_letter_topic(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("dead"), *letters;
    pulsar_consumer_configuration_t *conf = quick_redelivery();
    pulsar_consumer_config_dead_letter_policy_t policy = {NULL, 2, "watch"};
    pulsar_message_t *m = numbered(0);

    assert_true(asprintf(&letters, "%s-s-DLQ", topic) > 0);
    pulsar_consumer_configuration_set_dlq_policy(conf, &policy);
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", conf);
    pulsar_producer_t *producer = producer_new(client, topic, batching(0));
    pulsar_message_set_property(m, "mine", "kept");
    pulsar_message_set_partition_key(m, "k");
    assert_ok(pulsar_producer_send(producer, m));
    pulsar_message_free(m);
    for (int delivery = 0; delivery <= 2; delivery++) {
        assert_ok(pulsar_consumer_receive_with_timeout(consumer, &m, 10000));
        assert_int_equal(pulsar_message_get_redelivery_count(m), delivery);
        pulsar_consumer_negative_acknowledge(consumer, m);
        pulsar_message_free(m);
    }
    expect_nothing(consumer, 500);
    pulsar_consumer_t *reader = consumer_new(client, letters, "watch", from_the_start(pulsar_ConsumerExclusive));
    assert_ok(pulsar_consumer_receive_with_timeout(reader, &m, 10000));
    check_dead_letter(m, topic);
    pulsar_message_free(m);
    consumer_end(consumer); /* the original was acknowledged */
    consumer = consumer_new(client, topic, "s", NULL);
    expect_nothing(consumer, 300);

    producer_end(producer);
    consumer_end(reader);
    consumer_end(consumer);
    client_end(client);
    free(letters);
    free(topic);
}

/* ---- subscriptions ---- */

static void three_consumers_share_each_message_once(void **state)
{
    enum { COUNT = 3000, CONSUMERS = 3 };
    pulsar_client_t *client = client_new();
    char *topic = topic_new("shared");
    pulsar_consumer_t *consumers[CONSUMERS];
    pulsar_producer_t *producer;
    static unsigned char seen[COUNT];
    int got = 0, by[CONSUMERS] = {0};

    memset(seen, 0, sizeof seen);
    for (int i = 0; i < CONSUMERS; i++) {
        pulsar_consumer_configuration_t *conf = from_the_start(pulsar_ConsumerShared);
        pulsar_consumer_configuration_set_receiver_queue_size(conf, 100);
        consumers[i] = consumer_new(client, topic, "s", conf);
    }
    producer = producer_new(client, topic, batching(0));
    send_numbered(producer, 0, COUNT);
    for (int idle = 0; got < COUNT && idle < 1000;)
        for (int i = 0; i < CONSUMERS; i++) {
            pulsar_message_t *m = NULL;
            if (pulsar_consumer_receive_with_timeout(consumers[i], &m, 10) != pulsar_result_Ok) {
                idle++;
                continue;
            }
            assert_int_equal(seen[number_of(m)]++, 0);
            assert_ok(pulsar_consumer_acknowledge(consumers[i], m));
            pulsar_message_free(m);
            by[i]++;
            got++;
        }
    assert_int_equal(got, COUNT);
    for (int i = 0; i < CONSUMERS; i++) {
        assert_true(by[i] > 0);
        consumer_end(consumers[i]);
    }

    producer_end(producer);
    client_end(client);
    free(topic);
}

static void a_second_exclusive_consumer_is_refused(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("exclusive");
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", NULL), *second = NULL;

    assert_string_equal("ConsumerBusy", pulsar_result_str(pulsar_client_subscribe(client, topic, "s", NULL, &second)));
    assert_null(second);
    assert_int_equal(pulsar_consumer_is_connected(consumer), 1);

    consumer_end(consumer);
    client_end(client);
    free(topic);
}

/* ---- schemas ---- */

#define ORDER(fields)                                                                                                  \
    "{\"type\":\"record\",\"name\":\"Order\",\"fields\":[{\"name\":\"id\",\"type\":\"string\"}" fields "]}"
#define PRICE ",{\"name\":\"price\",\"type\":\"int\"}"
#define NOTE  ",{\"name\":\"note\",\"type\":\"string\",\"default\":\"\"}"

static pulsar_result produce_with(pulsar_client_t *client, const char *topic, pulsar_schema_type type,
                                  const char *schema, pulsar_producer_t **producer)
{
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    pulsar_string_map_t *properties = pulsar_string_map_create();

    pulsar_string_map_put(properties, "owner", "e2e");
    pulsar_producer_configuration_set_schema_info(conf, type, "Order", schema, properties);
    const pulsar_result result = pulsar_client_create_producer(client, topic, conf, producer);
    pulsar_string_map_free(properties);
    pulsar_producer_configuration_free(conf);
    return result;
}

static pulsar_result consume_with(pulsar_client_t *client, const char *topic, const char *subscription,
                                  pulsar_schema_type type, const char *schema, pulsar_consumer_t **consumer)
{
    pulsar_consumer_configuration_t *conf = from_the_start(pulsar_ConsumerShared);

    pulsar_consumer_configuration_set_schema_info(conf, type, "Order", schema, NULL);
    const pulsar_result result = pulsar_client_subscribe(client, topic, subscription, conf, consumer);
    pulsar_consumer_configuration_free(conf);
    return result;
}

/* The versions that the next messages carry: 8 bytes, big endian. */
static void expect_version(pulsar_consumer_t *consumer, int number, char version)
{
    const char wanted[8] = {0, 0, 0, 0, 0, 0, 0, version};
    pulsar_message_t *m = NULL;

    assert_ok(pulsar_consumer_receive_with_timeout(consumer, &m, 20000));
    assert_int_equal(number_of(m), number);
    assert_int_equal(pulsar_message_has_schema_version(m), 1);
    assert_memory_equal(pulsar_message_get_schemaVersion(m), wanted, sizeof wanted);
    pulsar_message_free(m);
}

static void messages_carry_the_version_of_their_producers_schema(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("schema");
    pulsar_producer_t *first = NULL, *second = NULL;
    pulsar_consumer_t *consumer = NULL;

    assert_ok(produce_with(client, topic, pulsar_Avro, ORDER(""), &first));
    assert_ok(produce_with(client, topic, pulsar_Avro, ORDER(NOTE), &second));
    assert_ok(consume_with(client, topic, "s", pulsar_AutoConsume, "", &consumer));
    send_numbered(first, 0, 1);
    send_numbered(second, 1, 1);
    expect_version(consumer, 0, 0);
    expect_version(consumer, 1, 1);

    consumer_end(consumer);
    producer_end(first);
    producer_end(second);
    client_end(client);
    free(topic);
}

static void a_schema_that_does_not_fit_is_refused(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("schema-refused");
    pulsar_producer_t *producer = NULL, *refused = NULL;
    pulsar_consumer_t *consumer = NULL, *other = NULL;

    assert_ok(produce_with(client, topic, pulsar_Avro, ORDER(""), &producer));
    assert_string_equal("IncompatibleSchema",
                        pulsar_result_str(produce_with(client, topic, pulsar_Avro, ORDER(PRICE), &refused)));
    assert_string_equal("IncompatibleSchema",
                        pulsar_result_str(produce_with(client, topic, pulsar_String, "", &refused)));
    assert_null(refused);
    assert_string_equal("IncompatibleSchema",
                        pulsar_result_str(consume_with(client, topic, "s", pulsar_Avro, ORDER(PRICE), &other)));
    assert_null(other);
    assert_ok(consume_with(client, topic, "s", pulsar_Avro, ORDER(NOTE), &consumer));
    send_numbered(producer, 0, 3);
    expect_numbered(consumer, 0, 3);

    consumer_end(consumer);
    producer_end(producer);
    client_end(client);
    free(topic);
}

static void a_consumer_without_a_queue_gets_its_messages(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("zero");
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();

    pulsar_consumer_configuration_set_receiver_queue_size(conf, 0);
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", conf);
    pulsar_producer_t *producer = producer_new(client, topic, batching(0));
    send_numbered(producer, 0, 20);
    expect_numbered(consumer, 0, 20);

    producer_end(producer);
    consumer_end(consumer);
    client_end(client);
    free(topic);
}

static void unsubscribing_ends_the_subscription(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("unsubscribe");
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", NULL);
    pulsar_producer_t *producer = producer_new(client, topic, batching(0));

    send_numbered(producer, 0, 5);
    assert_ok(pulsar_consumer_unsubscribe(consumer));
    pulsar_consumer_free(consumer);
    consumer = consumer_new(client, topic, "s", NULL); /* a new one, from the latest on */
    expect_nothing(consumer, 300);
    send_numbered(producer, 5, 1);
    expect_numbered(consumer, 5, 1);

    producer_end(producer);
    consumer_end(consumer);
    client_end(client);
    free(topic);
}

static void several_topics_are_one_consumers(void **state)
{
    pulsar_client_t *client = client_new();
    char *topics[2] = {topic_new("multi-a"), topic_new("multi-b")};
    const char *names[2] = {topics[0], topics[1]};
    pulsar_consumer_t *consumer = NULL;
    int got[2] = {0};

    assert_ok(pulsar_client_subscribe_multi_topics(client, names, 2, "s", NULL, &consumer));
    for (int i = 0; i < 2; i++) {
        pulsar_producer_t *producer = producer_new(client, topics[i], batching(1));
        send_numbered(producer, 0, 50);
        producer_end(producer);
    }
    for (int i = 0; i < 100; i++) {
        pulsar_message_t *m = NULL;
        assert_ok(pulsar_consumer_receive_with_timeout(consumer, &m, 10000));
        int which = strcmp(pulsar_message_get_topic_name(m), topics[0]) != 0;
        assert_int_equal(number_of(m), got[which]++);
        assert_ok(pulsar_consumer_acknowledge(consumer, m));
        pulsar_message_free(m);
    }
    assert_int_equal(got[0], 50);
    consumer_end(consumer);
    assert_ok(pulsar_client_subscribe_multi_topics(client, names, 2, "s", NULL, &consumer));
    expect_nothing(consumer, 300);

    consumer_end(consumer);
    client_end(client);
    free(topics[0]);
    free(topics[1]);
}

static void a_delayed_message_comes_late_on_a_shared_subscription(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("delayed");
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", from_the_start(pulsar_ConsumerShared));
    pulsar_producer_t *producer = producer_new(client, topic, batching(1));
    pulsar_message_t *m = numbered(1);

    pulsar_message_set_deliver_after(m, 3000);
    assert_ok(pulsar_producer_send(producer, m));
    pulsar_message_free(m);
    send_numbered(producer, 2, 1);
    expect_numbered(consumer, 2, 1);
    expect_nothing(consumer, 1000);
    expect_numbered(consumer, 1, 1);

    producer_end(producer);
    consumer_end(consumer);
    client_end(client);
    free(topic);
}

/* ---- listeners and callbacks ---- */

struct relay {
    pulsar_producer_t *producer;
    _Atomic int count;
};

static void on_relay(pulsar_consumer_t *consumer, pulsar_message_t *m, void *ctx)
{
    struct relay *r = ctx;

    assert_ok(pulsar_producer_send(r->producer, m)); /* waiting is fine in a listener */
    assert_ok(pulsar_consumer_acknowledge(consumer, m));
    pulsar_message_free(m);
    atomic_fetch_add(&r->count, 1);
}

static void a_listener_may_wait_for_a_producer(void **state)
{
    pulsar_client_t *client = client_new();
    char *from = topic_new("from"), *to = topic_new("to");
    pulsar_consumer_t *end = consumer_new(client, to, "s", NULL);
    pulsar_producer_configuration_t *relay_conf = batching(0);
    struct relay relay = {.producer = producer_new(client, to, relay_conf)};
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_message_t *m = NULL;

    pulsar_consumer_configuration_set_message_listener(conf, on_relay, &relay);
    pulsar_consumer_t *consumer = consumer_new(client, from, "s", conf);
    pulsar_producer_t *producer = producer_new(client, from, batching(1));
    assert_string_equal("InvalidConfiguration",
                        pulsar_result_str(pulsar_consumer_receive_with_timeout(consumer, &m, 10)));
    send_numbered(producer, 0, 200);
    expect_numbered(end, 0, 200);
    consumer_end(consumer);
    assert_int_equal(relay.count, 200);

    producer_end(producer);
    producer_end(relay.producer);
    consumer_end(end);
    client_end(client);
    free(from);
    free(to);
}

static void on_count(pulsar_consumer_t *consumer, pulsar_message_t *m, void *ctx)
{
    assert_ok(pulsar_consumer_acknowledge(consumer, m));
    pulsar_message_free(m);
    atomic_fetch_add((_Atomic int *)ctx, 1);
}

static bool becomes(_Atomic int *value, int expected)
{
    for (int i = 0; i < 1000; i++) {
        if (atomic_load(value) == expected)
            return true;
        usleep(10000);
    }
    return false;
}

static void a_paused_listener_hears_nothing_until_it_is_resumed(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("paused");
    _Atomic int count = 0;
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();

    pulsar_consumer_configuration_set_message_listener(conf, on_count, &count);
    pulsar_consumer_configuration_set_start_paused(conf, 1);
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", conf);
    pulsar_producer_t *producer = producer_new(client, topic, batching(1));
    send_numbered(producer, 0, 10);
    usleep(200000);
    assert_int_equal(count, 0);
    assert_ok(resume_message_listener(consumer));
    assert_true(becomes(&count, 10));
    assert_ok(pulsar_consumer_pause_message_listener(consumer));
    send_numbered(producer, 10, 10);
    usleep(200000);
    assert_int_equal(count, 10);
    assert_ok(resume_message_listener(consumer));
    assert_true(becomes(&count, 20));

    producer_end(producer);
    consumer_end(consumer);
    client_end(client);
    free(topic);
}

struct self_closing {
    pulsar_client_t *client;
    _Atomic int count, closed;
    pulsar_result close, client_close, unsubscribe;
};

static void on_self_closed(pulsar_result result, void *ctx)
{
    atomic_store(&((struct self_closing *)ctx)->closed, 1);
}

static void on_close_self(pulsar_consumer_t *consumer, pulsar_message_t *m, void *ctx)
{
    struct self_closing *s = ctx;

    s->client_close = pulsar_client_close(s->client);
    s->unsubscribe = pulsar_consumer_unsubscribe(consumer);
    s->close = pulsar_consumer_close(consumer);
    pulsar_consumer_close_async(consumer, on_self_closed, s);
    assert_ok(pulsar_consumer_acknowledge(consumer, m)); /* it counts: the consumer closes when we return */
    pulsar_message_free(m);
    atomic_fetch_add(&s->count, 1);
}

static void a_listener_may_close_its_own_consumer_but_not_the_client(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("self");
    struct self_closing self = {.client = client};
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();

    pulsar_consumer_configuration_set_message_listener(conf, on_close_self, &self);
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", conf);
    pulsar_producer_t *producer = producer_new(client, topic, batching(0));
    send_numbered(producer, 0, 5);
    assert_true(becomes(&self.closed, 1));
    assert_int_equal(self.count, 1);
    assert_ok(self.close);
    assert_string_equal("InvalidConfiguration", pulsar_result_str(self.client_close));
    assert_string_equal("InvalidConfiguration", pulsar_result_str(self.unsubscribe));
    pulsar_consumer_free(consumer);
    consumer = consumer_new(client, topic, "s", NULL);
    expect_numbered(consumer, 1, 4);

    producer_end(producer);
    consumer_end(consumer);
    client_end(client);
    free(topic);
}

struct inner {
    pulsar_producer_t *producer;
    _Atomic int done;
    pulsar_result inner;
};

static void on_sent_send_again(pulsar_result result, pulsar_message_id_t *id, void *ctx)
{
    struct inner *i = ctx;
    pulsar_message_t *m = numbered(2);

    pulsar_message_id_free(id);
    i->inner = pulsar_producer_send(i->producer, m);
    pulsar_message_free(m);
    atomic_store(&i->done, 1);
}

static void a_call_that_would_wait_for_itself_is_refused(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("inner");
    struct inner inner = {.producer = producer_new(client, topic, batching(0))};
    pulsar_message_t *m = numbered(1);

    pulsar_producer_send_async(inner.producer, m, on_sent_send_again, &inner);
    pulsar_message_free(m);
    assert_true(becomes(&inner.done, 1));
    assert_string_equal("InvalidConfiguration", pulsar_result_str(inner.inner));

    producer_end(inner.producer);
    client_end(client);
    free(topic);
}

static void on_received(pulsar_result result, pulsar_message_t *m, void *ctx)
{
    if (result == pulsar_result_Ok)
        atomic_fetch_add((_Atomic int *)ctx, 1);
    else if (result == pulsar_result_AlreadyClosed)
        atomic_fetch_add((_Atomic int *)ctx, 100);
    pulsar_message_free(m);
}

static void asynchronous_receives_are_answered_or_told_of_the_close(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("async");
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", NULL);
    pulsar_producer_t *producer = producer_new(client, topic, batching(1));
    _Atomic int count = 0;

    for (int i = 0; i < 12; i++)
        pulsar_consumer_receive_async(consumer, on_received, &count);
    send_numbered(producer, 0, 10);
    assert_true(becomes(&count, 10));
    consumer_end(consumer);
    assert_int_equal(count, 210);

    producer_end(producer);
    client_end(client);
    free(topic);
}

static void closing_completes_every_send_and_calls_nothing_back_later(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("closing");
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    struct tally t = {0};

    pulsar_producer_configuration_set_max_pending_messages(conf, 10000);
    pulsar_producer_t *producer = producer_new(client, topic, conf);
    for (int i = 0; i < 5000; i++) {
        pulsar_message_t *m = numbered(i);
        pulsar_producer_send_async(producer, m, on_tally, &t);
        pulsar_message_free(m);
    }
    assert_ok(pulsar_producer_close(producer));
    assert_int_equal(t.ok, 5000);
    assert_int_equal(t.failed, 0);
    pulsar_message_t *m = numbered(1);
    assert_string_equal("AlreadyClosed", pulsar_result_str(pulsar_producer_send(producer, m)));
    pulsar_message_free(m);

    pulsar_producer_free(producer);
    client_end(client);
    free(topic);
}

static void a_client_closes_what_was_left_open(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("left");
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", NULL);
    pulsar_producer_t *producer = producer_new(client, topic, batching(1));
    pulsar_message_t *m = numbered(1);

    send_numbered(producer, 0, 10);
    client_end(client);
    assert_string_equal("AlreadyClosed", pulsar_result_str(pulsar_producer_send(producer, m)));
    pulsar_message_free(m);
    assert_string_equal("AlreadyClosed", pulsar_result_str(pulsar_consumer_receive(consumer, &m)));
    assert_string_equal("AlreadyClosed", pulsar_result_str(pulsar_consumer_close(consumer)));

    pulsar_producer_free(producer);
    pulsar_consumer_free(consumer);
    free(topic);
}

/* ---- readers, seeking, ids ---- */

static void expect_read(pulsar_reader_t *reader, int from, int count)
{
    for (int i = 0; i < count; i++) {
        pulsar_message_t *m = NULL;
        int available = 0;
        assert_ok(pulsar_reader_has_message_available(reader, &available));
        assert_int_equal(available, 1);
        assert_ok(pulsar_reader_read_next_with_timeout(reader, &m, 10000));
        assert_int_equal(number_of(m), from + i);
        pulsar_message_free(m);
    }
}

static void expect_end(pulsar_reader_t *reader)
{
    int available = 1;

    assert_ok(pulsar_reader_has_message_available(reader, &available));
    assert_int_equal(available, 0);
}

static pulsar_reader_t *reader_new(pulsar_client_t *client, const char *topic, const pulsar_message_id_t *start)
{
    pulsar_reader_configuration_t *conf = pulsar_reader_configuration_create();
    pulsar_reader_t *reader = NULL;

    pulsar_reader_configuration_set_reader_name(conf, "e2e reader");
    assert_ok(pulsar_client_create_reader(client, topic, start, conf, &reader));
    pulsar_reader_configuration_free(conf);
    return reader;
}

static void reader_end(pulsar_reader_t *reader)
{
    assert_ok(pulsar_reader_close(reader));
    pulsar_reader_free(reader);
}

static void a_reader_reads_from_where_it_is_told(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("reader");

    for (int batched = 0; batched < 2; batched++) {
        char *name;
        assert_true(asprintf(&name, "%s-%d", topic, batched) > 0);
        pulsar_producer_t *producer = producer_new(client, name, batching(batched));
        pulsar_reader_t *earliest, *latest, *middle;
        pulsar_message_t *m = NULL;

        send_numbered(producer, 0, 10);
        latest = reader_new(client, name, pulsar_message_id_latest());
        expect_end(latest);
        earliest = reader_new(client, name, pulsar_message_id_earliest());
        expect_read(earliest, 0, 4);
        assert_ok(pulsar_reader_read_next(earliest, &m));
        pulsar_message_id_t *id = pulsar_message_get_message_id(m);
        middle = reader_new(client, name, id); /* after number 4 */
        expect_read(middle, 5, 5);
        expect_end(middle);
        expect_read(earliest, 5, 5);
        expect_end(earliest);
        send_numbered(producer, 10, 3);
        expect_read(latest, 10, 3);
        expect_read(earliest, 10, 3);
        expect_end(latest);
        assert_ok(pulsar_reader_seek(earliest, id));
        expect_read(earliest, 5, 8);
        expect_end(earliest);
        pulsar_message_id_free(id);
        pulsar_message_free(m);
        reader_end(earliest);
        reader_end(latest);
        reader_end(middle);
        producer_end(producer);
        free(name);
    }

    client_end(client);
    free(topic);
}

static void an_empty_topic_has_nothing_to_read(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("empty");
    pulsar_reader_t *reader = reader_new(client, topic, pulsar_message_id_earliest());
    pulsar_message_t *m = NULL;

    expect_end(reader);
    assert_string_equal("TimeOut", pulsar_result_str(pulsar_reader_read_next_with_timeout(reader, &m, 100)));
    assert_int_equal(pulsar_reader_is_connected(reader), 1);

    reader_end(reader);
    client_end(client);
    free(topic);
}

static void a_reader_seeks_by_time(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("time");
    pulsar_producer_t *producer = producer_new(client, topic, batching(0));
    pulsar_reader_t *reader;
    pulsar_message_t *m = NULL;
    uint64_t when = 0;

    for (int i = 0; i < 10; i++) {
        usleep(5000); /* so that their times differ */
        send_numbered(producer, i, 1);
    }
    reader = reader_new(client, topic, pulsar_message_id_earliest());
    for (int i = 0; i < 10; i++) {
        assert_ok(pulsar_reader_read_next_with_timeout(reader, &m, 10000));
        when = i == 6 ? pulsar_message_get_publish_timestamp(m) : when;
        pulsar_message_free(m);
    }
    assert_ok(pulsar_reader_seek_by_timestamp(reader, when));
    expect_read(reader, 6, 4);
    expect_end(reader);
    assert_ok(pulsar_reader_seek_by_timestamp(reader, when + 86400000));
    expect_end(reader);

    reader_end(reader);
    producer_end(producer);
    client_end(client);
    free(topic);
}

static void a_subscription_is_moved_back_and_forth(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("seek");
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", NULL);
    pulsar_producer_t *producer = producer_new(client, topic, batching(0));
    pulsar_message_id_t *ids[10];

    for (int i = 0; i < 10; i++) {
        pulsar_message_t *m = numbered(i);
        assert_ok(pulsar_producer_send(producer, m));
        ids[i] = pulsar_message_get_message_id(m);
        pulsar_message_free(m);
    }
    expect_numbered(consumer, 0, 10);
    assert_ok(pulsar_consumer_seek(consumer, ids[3]));
    expect_numbered(consumer, 4, 6);
    assert_ok(pulsar_consumer_seek(consumer, (pulsar_message_id_t *)pulsar_message_id_earliest()));
    expect_numbered(consumer, 0, 2);
    assert_ok(pulsar_consumer_seek(consumer, (pulsar_message_id_t *)pulsar_message_id_latest()));
    expect_nothing(consumer, 300);
    send_numbered(producer, 10, 1);
    expect_numbered(consumer, 10, 1);
    assert_ok(pulsar_consumer_seek_by_timestamp(consumer, 0));
    expect_numbered(consumer, 0, 11);
    for (int i = 0; i < 10; i++)
        pulsar_message_id_free(ids[i]);

    producer_end(producer);
    consumer_end(consumer);
    client_end(client);
    free(topic);
}

static void the_last_message_id_is_that_of_the_last_message(void **state)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("lastid");
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", NULL);
    pulsar_producer_t *producer = producer_new(client, topic, batching(0));
    pulsar_message_t *m = numbered(0);
    pulsar_message_id_t *sent, *last;
    int len;
    void *bytes;

    assert_ok(pulsar_producer_send(producer, m));
    sent = pulsar_message_get_message_id(m);
    bytes = pulsar_message_id_serialize(sent, &len);
    last = pulsar_message_id_deserialize(bytes, (uint32_t)len);
    char *a = pulsar_message_id_str(sent), *b = pulsar_message_id_str(last);
    assert_string_equal(a, b);
    assert_ok(pulsar_consumer_get_last_message_id(consumer, last));
    assert_int_equal(geminga_message_id_ledger(last), geminga_message_id_ledger(sent));
    assert_int_equal(geminga_message_id_entry(last), geminga_message_id_entry(sent));
    assert_null(pulsar_message_id_deserialize("nonsense", 8));
    free(a);
    free(b);
    free(bytes);
    pulsar_message_id_free(sent);
    pulsar_message_id_free(last);
    pulsar_message_free(m);

    producer_end(producer);
    consumer_end(consumer);
    client_end(client);
    free(topic);
}

/* ---- refusals ---- */

static void what_cannot_be_is_refused_with_its_reason(void **state)
{
    pulsar_client_t *client = client_new();
    pulsar_producer_t *producer = NULL;
    pulsar_consumer_t *consumer = NULL;

    assert_string_equal("InvalidTopicName",
                        pulsar_result_str(pulsar_client_create_producer(client, "a/b", NULL, &producer)));
    assert_string_equal("InvalidConfiguration",
                        pulsar_result_str(pulsar_client_subscribe(client, "x", "", NULL, &consumer)));
    assert_string_equal("TopicNotFound", pulsar_result_str(pulsar_client_create_producer(
                                             client, "no-tenant/no-namespace/x", NULL, &producer)));
    assert_null(producer);
    client_end(client);
}

static void what_is_not_built_is_refused_by_name(void **state)
{
    pulsar_client_t *client = client_new();
    pulsar_producer_configuration_t *pc = pulsar_producer_configuration_create();
    pulsar_consumer_configuration_t *cc = pulsar_consumer_configuration_create();
    pulsar_client_configuration_t *conf = configuration_new();
    pulsar_producer_t *producer = NULL;
    pulsar_consumer_t *consumer = NULL;

    pulsar_producer_configuration_set_chunking_enabled(pc, 1);
    assert_string_equal("OperationNotSupported",
                        pulsar_result_str(pulsar_client_create_producer(client, "x", pc, &producer)));
    pulsar_consumer_configuration_set_batch_index_ack_enabled(cc, 1);
    assert_string_equal("OperationNotSupported",
                        pulsar_result_str(pulsar_client_subscribe(client, "x", "s", cc, &consumer)));
    client_end(client);

    pulsar_authentication_t *auth = pulsar_authentication_athenz_create("{}");
    pulsar_client_configuration_set_auth(conf, auth);
    pulsar_authentication_free(auth);
    client = pulsar_client_create(url, conf);
    assert_string_equal("OperationNotSupported",
                        pulsar_result_str(pulsar_client_create_producer(client, "x", NULL, &producer)));
    client_end(client);
    pulsar_client_configuration_free(conf);
    pulsar_producer_configuration_free(pc);
    pulsar_consumer_configuration_free(cc);
}

static void an_address_where_nobody_listens_is_a_connect_error(void **state)
{
    pulsar_client_configuration_t *conf = configuration_new();
    pulsar_client_t *client;
    pulsar_producer_t *producer = NULL;

    pulsar_client_configuration_set_operation_timeout_seconds(conf, 1);
    client = pulsar_client_create("pulsar://127.0.0.1:1", conf);
    assert_string_equal("ConnectError", pulsar_result_str(pulsar_client_create_producer(client, "x", NULL, &producer)));
    client_end(client);
    client = pulsar_client_create("http://nonsense", conf);
    assert_string_equal("InvalidUrl", pulsar_result_str(pulsar_client_create_producer(client, "x", NULL, &producer)));
    client_end(client);
    pulsar_client_configuration_free(conf);
}

/* ---- partitions ---- */

static void a_partitioned_topic_keeps_keys_together_and_loses_nothing(void **state)
{
    enum { COUNT = 1000, KEYS = 20 };
    const char *topic = getenv("E2E_PARTITIONED");
    pulsar_client_t *client;
    pulsar_producer_configuration_t *conf;
    int last[KEYS], partition[KEYS];
    pulsar_string_list_t *names = NULL;
    struct tally t = {0};

    if (!topic)
        skip();
    client = client_new();
    conf = batching(1);
    assert_ok(pulsar_client_get_topic_partitions(client, topic, &names));
    assert_true(pulsar_string_list_size(names) > 1);
    assert_non_null(strstr(pulsar_string_list_get(names, 1), "-partition-1"));
    pulsar_string_list_free(names);
    memset(last, -1, sizeof last);
    memset(partition, -1, sizeof partition);
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", NULL);
    pulsar_producer_configuration_set_partitions_routing_mode(conf, pulsar_RoundRobinDistribution);
    pulsar_producer_t *producer = producer_new(client, topic, conf);
    for (int i = 0; i < COUNT; i++) {
        pulsar_message_t *m = numbered(i);
        char key[16];
        snprintf(key, sizeof key, "key-%d", i % KEYS);
        pulsar_message_set_partition_key(m, key);
        pulsar_producer_send_async(producer, m, on_tally, &t);
        pulsar_message_free(m);
    }
    assert_ok(pulsar_producer_flush(producer));
    assert_int_equal(t.ok, COUNT);
    for (int i = 0; i < COUNT; i++) {
        pulsar_message_t *m = NULL;
        assert_ok(pulsar_consumer_receive_with_timeout(consumer, &m, 10000));
        int number = number_of(m), key = number % KEYS;
        pulsar_message_id_t *id = pulsar_message_get_message_id(m);
        assert_true(number > last[key]);
        last[key] = number;
        assert_true(partition[key] < 0 || partition[key] == geminga_message_id_partition(id));
        partition[key] = geminga_message_id_partition(id);
        assert_ok(pulsar_consumer_acknowledge_id(consumer, id));
        pulsar_message_id_free(id);
        pulsar_message_free(m);
    }
    consumer_end(consumer);
    consumer = consumer_new(client, topic, "s", NULL);
    expect_nothing(consumer, 300);

    producer_end(producer);
    assert_ok(pulsar_consumer_unsubscribe(consumer));
    pulsar_consumer_free(consumer);
    client_end(client);
}

/* ---- through an outage ---- */

struct outage {
    pulsar_producer_t *producer;
    int count;
    _Atomic int acked, failed;
    unsigned char *receipted;
};

struct outage_send {
    struct outage *outage;
    int number;
};

static void on_outage_sent(pulsar_result result, pulsar_message_id_t *id, void *ctx)
{
    struct outage_send *s = ctx;

    pulsar_message_id_free(id);
    if (result == pulsar_result_Ok) {
        s->outage->receipted[s->number] = 1;
        atomic_fetch_add(&s->outage->acked, 1);
    } else {
        atomic_fetch_add(&s->outage->failed, 1);
        fprintf(stderr, "message %d: %s\n", s->number, pulsar_result_str(result));
    }
    free(s);
}

static void *outage_send_all(void *ctx)
{
    struct outage *o = ctx;

    for (int i = 0; i < o->count; i++) {
        pulsar_message_t *m = numbered(i);
        struct outage_send *s = malloc(sizeof *s);
        *s = (struct outage_send){o, i};
        pulsar_producer_send_async(o->producer, m, on_outage_sent, s);
        pulsar_message_free(m);
        if (i % 100 == 99)
            usleep(10000);
    }
    pulsar_producer_flush(o->producer);
    return NULL;
}

/* A broker that dies may deliver again what it had delivered; it may lose nothing that had a receipt, and a new message
 * never comes before an older new one. */
static int outage(int count)
{
    pulsar_client_t *client = client_new();
    char *topic = topic_new("outage");
    pulsar_consumer_t *consumer = consumer_new(client, topic, "s", NULL);
    pulsar_producer_configuration_t *conf = batching(1);
    pulsar_producer_configuration_set_send_timeout(conf, 0);
    struct outage o = {.producer = producer_new(client, topic, conf), .count = count};
    unsigned char *seen = calloc((size_t)count, 1);
    int newest = -1, fresh = 0, doubled = 0, disorder = 0, lost = 0;
    pthread_t thread;

    o.receipted = calloc((size_t)count, 1);
    printf("%s: sending %d messages\n", topic, count);
    fflush(stdout);
    pthread_create(&thread, NULL, outage_send_all, &o);
    for (int idle = 0; idle < 60 && fresh < count;) {
        pulsar_message_t *m = NULL;
        if (pulsar_consumer_receive_with_timeout(consumer, &m, 1000) != pulsar_result_Ok) {
            idle++;
            continue;
        }
        idle = 0;
        int number = number_of(m);
        if (seen[number]++)
            doubled++;
        else
            fresh++, disorder += number<newest, newest = number> newest ? number : newest;
        pulsar_consumer_acknowledge(consumer, m);
        pulsar_message_free(m);
    }
    pthread_join(thread, NULL);
    for (int i = 0; i < count; i++)
        lost += o.receipted[i] && !seen[i];
    printf("receipts %d, failed %d, received %d, again %d, lost %d, out of order %d\n", o.acked, o.failed, fresh,
           doubled, lost, disorder);
    producer_end(o.producer);
    consumer_end(consumer);
    client_end(client);
    free(o.receipted);
    free(seen);
    free(topic);
    return lost || disorder || o.acked != count;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_batched_messages_arrive_once_and_in_order),
        cmocka_unit_test(ten_thousand_single_messages_arrive_once_and_in_order),
        cmocka_unit_test(a_thousand_synchronous_sends_get_ascending_ids),
        cmocka_unit_test(every_compression_returns_every_payload),
        cmocka_unit_test(keys_properties_and_times_travel_with_a_message),
        cmocka_unit_test(a_message_may_be_changed_as_soon_as_it_was_sent),
        cmocka_unit_test(sequence_ids_go_on_from_the_initial_one),
        cmocka_unit_test(a_message_beyond_the_limit_is_refused_and_the_next_one_is_not),
        cmocka_unit_test(a_full_producer_refuses_where_it_is_not_told_to_wait),
        cmocka_unit_test(a_full_producer_waits_where_it_is_told_to),
        cmocka_unit_test(who_waits_for_a_full_producer_may_hold_a_lock_that_callbacks_take),
        cmocka_unit_test(the_memory_limit_is_one_for_all_producers),
        cmocka_unit_test(a_batch_receive_gives_as_many_as_the_policy_says),
        cmocka_unit_test(a_batch_receive_ends_with_its_timeout),
        cmocka_unit_test(what_was_acknowledged_does_not_come_again),
        cmocka_unit_test(a_batch_comes_again_until_all_of_it_was_acknowledged),
        cmocka_unit_test(a_cumulative_acknowledgement_covers_all_before_it),
        cmocka_unit_test(a_list_of_ids_is_acknowledged),
        cmocka_unit_test(a_negative_acknowledgement_brings_the_message_again_with_a_higher_count),
        cmocka_unit_test(an_exclusive_consumer_gets_all_again_after_a_negative_acknowledgement),
        cmocka_unit_test(a_message_not_acknowledged_in_time_comes_again),
        cmocka_unit_test(redelivering_all_brings_what_is_not_acknowledged),
        cmocka_unit_test(a_message_delivered_too_often_goes_to_the_dead_letter_topic),
        cmocka_unit_test(three_consumers_share_each_message_once),
        cmocka_unit_test(a_second_exclusive_consumer_is_refused),
        cmocka_unit_test(messages_carry_the_version_of_their_producers_schema),
        cmocka_unit_test(a_schema_that_does_not_fit_is_refused),
        cmocka_unit_test(a_consumer_without_a_queue_gets_its_messages),
        cmocka_unit_test(unsubscribing_ends_the_subscription),
        cmocka_unit_test(several_topics_are_one_consumers),
        cmocka_unit_test(a_delayed_message_comes_late_on_a_shared_subscription),
        cmocka_unit_test(a_listener_may_wait_for_a_producer),
        cmocka_unit_test(a_paused_listener_hears_nothing_until_it_is_resumed),
        cmocka_unit_test(a_listener_may_close_its_own_consumer_but_not_the_client),
        cmocka_unit_test(a_call_that_would_wait_for_itself_is_refused),
        cmocka_unit_test(asynchronous_receives_are_answered_or_told_of_the_close),
        cmocka_unit_test(closing_completes_every_send_and_calls_nothing_back_later),
        cmocka_unit_test(a_client_closes_what_was_left_open),
        cmocka_unit_test(a_reader_reads_from_where_it_is_told),
        cmocka_unit_test(an_empty_topic_has_nothing_to_read),
        cmocka_unit_test(a_reader_seeks_by_time),
        cmocka_unit_test(a_subscription_is_moved_back_and_forth),
        cmocka_unit_test(the_last_message_id_is_that_of_the_last_message),
        cmocka_unit_test(what_cannot_be_is_refused_with_its_reason),
        cmocka_unit_test(what_is_not_built_is_refused_by_name),
        cmocka_unit_test(an_address_where_nobody_listens_is_a_connect_error),
        cmocka_unit_test(a_partitioned_topic_keeps_keys_together_and_loses_nothing),
    };

    if (argc < 2) {
        fprintf(stderr, "usage: client_e2e pulsar://host:port [filter | --outage N]\n");
        return 2;
    }
    url = argv[1];
    if (argc == 4 && strcmp(argv[2], "--outage") == 0)
        return outage(atoi(argv[3]));
    if (argc == 3)
        cmocka_set_test_filter(argv[2]);
    if (getenv("E2E_WITHOUT"))
        cmocka_set_skip_filter(getenv("E2E_WITHOUT"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
