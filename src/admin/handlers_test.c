/* SPDX-License-Identifier: Apache-2.0
 *
 * handlers_test.c - every route's handler against a real broker in a simulated world; no HTTP.
 */
#include "base/base_test.h"

#include "admin/core.h"
#include "admin/policy_table.h"
#include "admin/routes.h"
#include "broker/consumer.h"
#include "broker/producer.h"
#include "broker/properties.h"
#include "sys/sim/sim.h"
#include "wire/codec.h"
#include "wire/entry_view.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* json_object and the like are jansson's here; json_out.h's have other names. */

struct world {
    struct sim *sim;
    struct sim_disk *disk;
    struct sim_host *host;
    struct store *store;
    struct broker *broker;
    struct admin_core core;

    struct admin_call call; /* the last one */
    bool in_call, finished;
    bool old_peer; /* which speaks HTTP/1.0 */
    enum route_match match;
};

static struct world *now; /* the test's, for finished() */

static void finished(struct admin_call *call)
{
    assert_false(now->finished);
    now->finished = true;
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct broker_options options;
    char message[300];

    assert_non_null(w);
    now = *state = w;
    w->sim = sim_new(1);
    w->disk = sim_disk_new(sim_random(w->sim));
    w->host = sim_host_new(w->sim, "broker", w->disk);
    assert_int_equal(store_open(&w->store, &(struct store_options){.holder = "test", .journal_file_bytes = 1 << 20},
                                sim_host_sys(w->host), message, sizeof message),
                     OK);
    broker_options_init(&options);
    options.cluster = "standalone";
    assert_int_equal(broker_new(&w->broker, &options, sim_host_sys(w->host), w->store), OK);
    w->core = (struct admin_core){.broker = w->broker,
                                  .loop = sim_host_sys(w->host)->loop,
                                  .version = "1.2.3",
                                  .cluster = "standalone",
                                  .http_host = "localhost",
                                  .http_port = 8080,
                                  .started_ms = 1000,
                                  .metrics_rows_max = METRICS_ROWS_MAX,
                                  .part_bytes = PART_BYTES};
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    if (w->in_call)
        call_deinit(&w->call);
    broker_free(w->broker);
    store_free(w->store);
    sim_host_crash(w->host);
    sim_host_free(w->host);
    sim_disk_free(w->disk);
    sim_free(w->sim);
    free(w);
    return 0;
}

static void query_add(struct admin_call *call, const char *name, const char *value)
{
    call->request.query[call->request.query_count++] =
        (struct http_parameter){.name = bytes_of_text(name), .value = bytes_of_text(value)};
}

/* Asks, and steps the world until there is an answer; *query is a name and a value, or NULL. */
static int ask_with(struct world *w, enum http_method method, const char *path, const char *const query[2],
                    const char *body)
{
    if (w->in_call)
        call_deinit(&w->call);
    w->in_call = true;
    w->finished = false;
    call_init(&w->call);
    w->call.core = &w->core;
    w->call.finished = finished;
    w->call.request.method = method;
    w->call.request.whole = w->old_peer;
    w->call.request.path = bytes_of_text(path);
    w->call.request.body = bytes_of_text(body);
    if (query)
        query_add(&w->call, query[0], query[1]);
    w->match = routes_find(&w->call);
    assert_int_equal(w->match, ROUTE_FOUND);
    admin_handle(&w->call);
    while (!w->finished)
        assert_true(sim_step(w->sim));
    call_write(&w->call);
    return w->call.answer.status;
}

static int ask(struct world *w, enum http_method method, const char *path)
{
    return ask_with(w, method, path, NULL, "");
}

static const char *answer(struct world *w)
{
    return w->call.answer.body.data;
}

static void assert_get(struct world *w, const char *path, const char *wanted)
{
    assert_int_equal(ask(w, HTTP_GET, path), 200);
    assert_string_equal(answer(w), wanted);
}

/* ---- a client of the broker, in a few lines ---- */

struct client {
    struct sink sink;
    struct producer_open open;
    struct bytes metadata; /* of the producer, if any */
    unsigned published;
};

static bool writable(struct sink *s)
{
    return true;
}

static void on_message(struct sink *s, const struct delivery *d)
{
}

static void on_published(struct sink *s, const struct published *p)
{
    assert_int_equal(p->err, OK);
    container_of(s, struct client, sink)->published++;
}

static void on_close(struct sink *s, uint64_t id)
{
}

static void on_active(struct sink *s, uint64_t id, bool active)
{
}

static void on_probe(struct sink *s, struct probe *p)
{
}

static void opened(struct broker_op *op)
{
    assert_int_equal(op->why.err, OK);
}

static const struct sink_ops client_ops = {.writable = writable,
                                           .message = on_message,
                                           .published = on_published,
                                           .close_producer = on_close,
                                           .close_consumer = on_close,
                                           .active_changed = on_active,
                                           .end_of_topic = on_close,
                                           .probe = on_probe};

static void client_publish(struct world *w, struct client *c, const char *topic, unsigned count)
{
    c->sink = (struct sink){.ops = &client_ops, .peer = "10.0.0.1:5", .client_version = "test 1"};
    c->open = (struct producer_open){.op.done = opened,
                                     .sink = &c->sink,
                                     .producer_id = 1,
                                     .name = "p",
                                     .name_given = true,
                                     .metadata = c->metadata};
    assert_int_equal(topic_name_parse(&c->open.topic, bytes_of_text(topic)), OK);
    producer_open(w->broker, &c->open);
    while (!c->open.producer)
        assert_true(sim_step(w->sim));
    for (unsigned i = 0; i < count; i++) {
        struct slice bytes;
        assert_int_equal(slice_copy(&bytes, bytes_of_text("0123456789"), NULL), OK);
        producer_publish(c->open.producer, &(struct publish){.sequence_id = i, .messages = 1, .bytes = bytes});
        slice_unref(&bytes);
    }
    while (c->published < count)
        assert_true(sim_step(w->sim));
}

/* ---- the tests ---- */

static void the_broker_tells_its_version_cluster_and_address(void **state)
{
    struct world *w = *state;

    assert_get(w, "/admin/v2/brokers/version", "1.2.3");
    assert_get(w, "/admin/v2/brokers/ready", "ok");
    assert_get(w, "/admin/v2/brokers", "[\"localhost:8080\"]");
    assert_get(w, "/admin/v2/brokers/leaderBroker",
               "{\"brokerId\":\"localhost:8080\",\"serviceUrl\":\"http://localhost:8080\"}");
    assert_get(w, "/admin/v2/clusters", "[\"standalone\"]");
}

static void the_health_check_publishes_and_reads(void **state)
{
    struct world *w = *state;

    assert_get(w, "/admin/v2/brokers/health", "ok");
    assert_string_equal(w->call.answer.content_type, "text/plain");
    assert_get(w, "/health/pulsar", "{\"pulsar_broker\":\"healthy\",\"admin_api\":\"healthy\",\"namespaces_count\":2}");
}

static void a_broker_whose_disk_fails_is_not_healthy(void **state)
{
    struct world *w = *state;

    sim_disk_capacity(w->disk, 1); /* no write fits any more */
    sim_disk_fail(w->disk, SIM_DISK_WRITE, 1, ERR_IO);
    assert_int_equal(ask(w, HTTP_GET, "/health/pulsar"), 503);
    assert_non_null(strstr(answer(w), "\"pulsar_broker\":\"unhealthy\",\"error\":"));
}

static void tenants_are_created_listed_read_and_deleted(void **state)
{
    struct world *w = *state;

    assert_get(w, "/admin/v2/tenants", "[\"public\",\"pulsar\"]");
    assert_int_equal(ask_with(w, HTTP_PUT, "/admin/v2/tenants/acme", NULL,
                              "{\"adminRoles\":[\"boss\"],\"allowedClusters\":[\"standalone\"]}"),
                     204);
    assert_null(w->call.answer.content_type);
    assert_get(w, "/admin/v2/tenants", "[\"acme\",\"public\",\"pulsar\"]");
    assert_get(w, "/admin/v2/tenants/acme", "{\"adminRoles\":[\"boss\"],\"allowedClusters\":[\"standalone\"]}");
    assert_get(w, "/admin/v2/tenants/public", "{\"adminRoles\":[],\"allowedClusters\":[\"standalone\"]}");
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/tenants/acme"), 204);
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/tenants/acme"), 404);
    assert_string_equal(answer(w), "{\"reason\":\"Tenant does not exist\"}");
}

static void a_tenant_that_cannot_be_is_refused(void **state)
{
    struct world *w = *state;

    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/tenants/public"), 409);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/tenants/a b"), 412);
    assert_int_equal(ask_with(w, HTTP_PUT, "/admin/v2/tenants/x", NULL, "{\"allowedClusters\":[\"moon\"]}"), 412);
    assert_int_equal(ask_with(w, HTTP_PUT, "/admin/v2/tenants/x", NULL, "{"), 412);
    assert_get(w, "/admin/v2/tenants", "[\"public\",\"pulsar\"]");
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/tenants/public"), 409);
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/tenants/nobody"), 404);
}

static void namespaces_are_created_listed_read_and_deleted(void **state)
{
    struct world *w = *state;

    assert_get(w, "/admin/v2/namespaces/public", "[\"public/default\"]");
    assert_int_equal(ask_with(w, HTTP_PUT, "/admin/v2/namespaces/public/two", NULL,
                              "{\"auth_policies\":{\"namespace_auth\":{\"r\":[\"produce\"]}},"
                              "\"replication_clusters\":[\"standalone\"]}"),
                     204);
    assert_get(w, "/admin/v2/namespaces/public", "[\"public/default\",\"public/two\"]");
    assert_get(
        w, "/admin/v2/namespaces/public/two",
        "{\"auth_policies\":{\"namespace_auth\":{\"r\":[\"produce\"]}},\"replication_clusters\":[\"standalone\"],"
        "\"bundles\":{\"boundaries\":[\"0x00000000\",\"0xffffffff\"],\"numBundles\":1},\"backlog_quota_map\":{},"
        "\"deleted\":false}");
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/namespaces/public/two"), 409);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/namespaces/nobody/two"), 404);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/namespaces/public/a b"), 412);
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/namespaces/nobody"), 404);
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/namespaces/public/two"), 204);
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/namespaces/public/two"), 404);
    assert_get(w, "/admin/v2/namespaces/public/default/bundles",
               "{\"boundaries\":[\"0x00000000\",\"0xffffffff\"],\"numBundles\":1}");
}

static void topics_are_created_listed_and_deleted(void **state)
{
    struct world *w = *state;

    assert_get(w, "/admin/v2/persistent/public/default", "[]");
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/x"), 204);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/x"), 409);
    assert_get(w, "/admin/v2/persistent/public/default", "[\"persistent://public/default/x\"]");
    assert_get(w, "/admin/v2/non-persistent/public/default", "[]");
    assert_get(w, "/admin/v2/namespaces/public/default/topics", "[\"persistent://public/default/x\"]");
    assert_int_equal(ask_with(w, HTTP_GET, "/admin/v2/namespaces/public/default/topics",
                              (const char *[2]){"mode", "NON_PERSISTENT"}, ""),
                     200);
    assert_string_equal(answer(w), "[]");
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/namespaces/public/default"), 409);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/x/unload"), 204);
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/persistent/public/default/x"), 204);
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/persistent/public/default/x"), 404);
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/persistent/public/nowhere"), 404);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/x-partition-3"), 412);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/non-persistent/public/default/x"), 204);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/non-persistent/public/default/x"), 409);
    assert_get(w, "/admin/v2/non-persistent/public/default", "[\"non-persistent://public/default/x\"]");
    assert_get(w, "/admin/v2/persistent/public/default", "[]");
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/namespaces/public/default"), 409);
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/non-persistent/public/default/x"), 204);
}

static void a_topic_is_compacted_when_asked_for(void **state)
{
    struct world *w = *state;

    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/x/compaction"), 404);
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/persistent/public/default/x/compaction"), 404);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/x"), 204);
    assert_get(w, "/admin/v2/persistent/public/default/x/compaction", "{\"status\":\"NOT_RUN\",\"lastError\":\"\"}");
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/x/compaction"), 204);
    assert_get(w, "/admin/v2/persistent/public/default/x/compaction", "{\"status\":\"SUCCESS\",\"lastError\":\"\"}");
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/non-persistent/public/default/x"), 204);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/non-persistent/public/default/x/compaction"), 501);
}

static void more_topics_than_one_turn_takes_are_listed_each_once_and_in_order(void **state)
{
    struct world *w = *state;
    char path[100], name[100];
    const char *at;

    for (unsigned i = 0; i < 1003; i++) {
        snprintf(path, sizeof path, "/admin/v2/persistent/public/default/topic-%04u", i);
        assert_int_equal(ask(w, HTTP_PUT, path), 204);
    }
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/persistent/public/default"), 200);
    at = answer(w);
    for (unsigned i = 0; i < 1003; i++) {
        snprintf(name, sizeof name, "%c\"persistent://public/default/topic-%04u\"", i == 0 ? '[' : ',', i);
        assert_memory_equal(at, name, strlen(name));
        at += strlen(name);
    }
    assert_string_equal(at, "]");
}

/* Steps until the call is finished again, whose part the peer has taken. */
static void take_part(struct world *w)
{
    w->call.answer.body.len = 0;
    w->finished = false;
    admin_handle(&w->call);
    while (!w->finished)
        assert_true(sim_step(w->sim));
}

static void make_topics(struct world *w, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char path[100];
        snprintf(path, sizeof path, "/admin/v2/persistent/public/default/topic-%03u", i);
        assert_int_equal(ask(w, HTTP_PUT, path), 204);
    }
}

static void a_long_list_comes_in_parts_of_bounded_size(void **state)
{
    struct world *w = *state;
    struct text whole;
    unsigned parts = 1;

    make_topics(w, 350);
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/persistent/public/default"), 200);
    assert_null(w->call.more);
    char *wanted = strdup(answer(w));

    w->core.part_bytes = 1000; /* less than one turn writes */
    text_init(&whole, 1 << 20);
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/persistent/public/default"), 200);
    for (; w->call.more; parts++) {
        assert_true(w->call.answer.body.len > 1000 && w->call.answer.body.len < 6000);
        text_add_bytes(&whole, bytes_of(w->call.answer.body.data, w->call.answer.body.len));
        take_part(w);
    }
    text_add_bytes(&whole, bytes_of(w->call.answer.body.data, w->call.answer.body.len));
    assert_int_equal(parts, 4);
    assert_false(w->call.broken);
    assert_string_equal(whole.data, wanted);
    text_deinit(&whole);
    free(wanted);
}

static void a_long_list_for_a_peer_of_http_1_0_is_refused(void **state)
{
    struct world *w = *state;

    make_topics(w, 150);
    w->core.part_bytes = 1000;
    w->old_peer = true;
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/persistent/public/default"), 505);
    assert_non_null(strstr(answer(w), "ask for it with HTTP/1.1"));
}

static void partitions_of_a_topic_are_none_and_a_missing_topic_may_be_asked_for(void **state)
{
    static const char path[] = "/admin/v2/persistent/public/default/x/partitions";
    static const char *const check[2] = {"checkAllowAutoCreation", "true"};
    struct world *w = *state;

    assert_int_equal(ask(w, HTTP_GET, path), 404);
    assert_int_equal(ask_with(w, HTTP_GET, path, check, ""), 200);
    assert_string_equal(answer(w), "{\"partitions\":0,\"deleted\":false,\"properties\":{}}");
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/x"), 204);
    assert_int_equal(ask(w, HTTP_GET, path), 200);
}

#define KEPT   "/admin/v2/persistent/public/default/kept"
#define PARTED "/admin/v2/persistent/public/default/parted"

static int ask_body(struct world *w, enum http_method method, const char *path, const char *body)
{
    return ask_with(w, method, path, NULL, body);
}

static void a_partitioned_topic_is_created_grown_listed_and_deleted(void **state)
{
    struct world *w = *state;

    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "/partitions", "2"), 204);
    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "/partitions", "2"), 409);
    assert_int_equal(ask(w, HTTP_PUT, PARTED), 409);
    assert_get(w, PARTED "/partitions", "{\"partitions\":2,\"deleted\":false,\"properties\":{}}");
    assert_get(w, PARTED "-partition-1/partitions", "{\"partitions\":0,\"deleted\":false,\"properties\":{}}");
    assert_get(w, "/admin/v2/persistent/public/default/partitioned", "[\"persistent://public/default/parted\"]");
    assert_get(
        w, "/admin/v2/persistent/public/default",
        "[\"persistent://public/default/parted-partition-0\",\"persistent://public/default/parted-partition-1\"]");
    assert_int_equal(ask_body(w, HTTP_POST, PARTED "/partitions", "3"), 204);
    assert_int_equal(ask_body(w, HTTP_POST, PARTED "/partitions", "2"), 422);
    assert_int_equal(ask_body(w, HTTP_POST, PARTED "/partitions", "0"), 422);
    assert_get(w, PARTED "/partitions", "{\"partitions\":3,\"deleted\":false,\"properties\":{}}");
    assert_int_equal(ask(w, HTTP_POST, PARTED "/createMissedPartitions"), 204);
    assert_int_equal(ask(w, HTTP_DELETE, PARTED), 409); /* not by the name of a single one */
    assert_int_equal(ask(w, HTTP_DELETE, PARTED "/partitions"), 204);
    assert_int_equal(ask(w, HTTP_DELETE, PARTED "/partitions"), 404);
    assert_int_equal(ask(w, HTTP_POST, PARTED "/createMissedPartitions"), 404);
    assert_get(w, "/admin/v2/persistent/public/default", "[]");
    assert_get(w, "/admin/v2/persistent/public/default/partitioned", "[]");
}

static void a_number_of_partitions_may_be_a_text_or_come_with_properties(void **state)
{
    struct world *w = *state;

    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "/partitions", "\"2\""), 204);
    assert_int_equal(ask_body(w, HTTP_PUT, "/admin/v2/persistent/public/default/p/partitions",
                              "{\"partitions\":1,\"properties\":{\"b\":\"2\",\"a\":\"1\"}}"),
                     204);
    assert_get(w, "/admin/v2/persistent/public/default/p/partitions",
               "{\"partitions\":1,\"deleted\":false,\"properties\":{\"a\":\"1\",\"b\":\"2\"}}");
}

static void a_number_of_partitions_that_cannot_be_is_refused(void **state)
{
    struct world *w = *state;

    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "/partitions", "0"), 406);
    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "/partitions", "-1"), 406);
    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "/partitions", "1000000"), 406);
    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "/partitions", "99999999999999999999"), 412);
    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "/partitions", ""), 412);
    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "/partitions", "\"2x\""), 412);
    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "/partitions", "{\"partitions\":2,\"properties\":{\"a\":1}}"), 412);
    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "-partition-0/partitions", "2"), 412);
    assert_int_equal(ask_body(w, HTTP_PUT, "/admin/v2/persistent/public/nowhere/x/partitions", "2"), 404);
    assert_int_equal(ask_body(w, HTTP_POST, PARTED "/partitions", "2"), 409);
    assert_int_equal(ask(w, HTTP_PUT, PARTED), 204);
    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "/partitions", "2"), 409);
    assert_int_equal(ask_body(w, HTTP_POST, PARTED "/partitions", "2"), 409);
    assert_int_equal(ask(w, HTTP_DELETE, PARTED "/partitions"), 409);
}

static void a_topic_has_the_properties_that_it_was_made_with_and_others_come_and_go(void **state)
{
    static const char *const a[2] = {"key", "a"};
    struct world *w = *state;

    assert_int_equal(ask_body(w, HTTP_PUT, "/admin/v2/persistent/public/default/x", "{\"a\":\"1\"}"), 204);
    assert_get(w, "/admin/v2/persistent/public/default/x/properties", "{\"a\":\"1\"}");
    assert_int_equal(ask_body(w, HTTP_PUT, "/admin/v2/persistent/public/default/x/properties", "{\"b\":\"2\"}"), 204);
    assert_get(w, "/admin/v2/persistent/public/default/x/properties", "{\"a\":\"1\",\"b\":\"2\"}");
    assert_int_equal(ask_with(w, HTTP_DELETE, "/admin/v2/persistent/public/default/x/properties", a, ""), 204);
    assert_get(w, "/admin/v2/persistent/public/default/x/properties", "{\"b\":\"2\"}");
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/persistent/public/default/x/properties"), 412);
    assert_int_equal(ask_body(w, HTTP_PUT, "/admin/v2/persistent/public/default/x/properties", "[]"), 412);
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/persistent/public/default/y/properties"), 404);
    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "/partitions", "1"), 204);
    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "/properties", "{\"c\":\"3\"}"), 204);
    assert_get(w, PARTED "/partitions", "{\"partitions\":1,\"deleted\":false,\"properties\":{\"c\":\"3\"}}");
}

static json_t *answer_json(struct world *w)
{
    json_t *root = json_loads(answer(w), 0, NULL);

    assert_non_null(root);
    return root;
}

static void the_figures_of_a_partitioned_topic_are_those_of_its_partitions_together(void **state)
{
    static const char *const not_each[2] = {"perPartition", "false"};
    struct world *w = *state;

    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "/partitions", "3"), 204);
    assert_int_equal(ask(w, HTTP_PUT, PARTED "/subscription/s"), 204);
    assert_int_equal(ask(w, HTTP_PUT, PARTED "-partition-1/subscription/t"), 204);
    assert_int_equal(ask(w, HTTP_GET, PARTED "/partitioned-stats"), 200);
    json_t *root = answer_json(w);
    assert_int_equal(json_object_size(json_object_get(root, "subscriptions")), 2);
    assert_int_equal(json_object_size(json_object_get(root, "partitions")), 3);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(root, "metadata"), "partitions")), 3);
    json_decref(root);
    assert_int_equal(ask_with(w, HTTP_GET, PARTED "/partitioned-stats", not_each, ""), 200);
    root = answer_json(w);
    assert_int_equal(json_object_size(json_object_get(root, "partitions")), 0);
    json_decref(root);
    assert_int_equal(ask(w, HTTP_GET, PARTED "/partitioned-internalStats"), 200);
    root = answer_json(w);
    assert_int_equal(json_object_size(json_object_get(root, "partitions")), 3);
    json_decref(root);
    assert_int_equal(ask(w, HTTP_GET, PARTED "-partition-0/partitioned-stats"), 404);
    assert_int_equal(ask(w, HTTP_GET, PARTED "/stats"), 404);
}

static void what_is_asked_of_a_partitioned_topic_is_done_to_all_partitions(void **state)
{
    static const char *const applied[2] = {"applied", "true"};
    struct world *w = *state;

    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "/partitions", "3"), 204);
    assert_int_equal(ask(w, HTTP_PUT, PARTED "-partition-1/subscription/s"), 204);
    assert_int_equal(ask(w, HTTP_PUT, PARTED "/subscription/s"), 204); /* where it was not there yet */
    assert_int_equal(ask(w, HTTP_PUT, PARTED "/subscription/s"), 409);
    assert_get(w, PARTED "/subscriptions", "[\"s\"]");
    assert_get(w, PARTED "-partition-2/subscriptions", "[\"s\"]");
    assert_int_equal(ask(w, HTTP_POST, PARTED "/subscription/s/skip_all"), 204);
    assert_int_equal(ask(w, HTTP_POST, PARTED "/subscription/t/skip_all"), 404);
    assert_int_equal(ask(w, HTTP_POST, PARTED "/trim"), 204);
    assert_int_equal(ask(w, HTTP_POST, PARTED "s/trim"), 404);
    assert_int_equal(
        ask_body(w, HTTP_POST, PARTED "/retention", "{\"retentionTimeInMinutes\":5,\"retentionSizeInMB\":7}"), 204);
    assert_int_equal(ask_with(w, HTTP_GET, PARTED "/retention", applied, ""), 200);
    assert_string_equal(answer(w), "{\"retentionTimeInMinutes\":5,\"retentionSizeInMB\":7}");
    assert_int_equal(ask(w, HTTP_PUT, PARTED "/unload"), 204);
    assert_int_equal(ask_body(w, HTTP_POST, PARTED "/partitions", "4"), 204);
    assert_get(w, PARTED "-partition-3/subscriptions", "[\"s\"]"); /* the new one has it too */
    assert_int_equal(ask(w, HTTP_DELETE, PARTED "/subscription/s"), 204);
    assert_int_equal(ask(w, HTTP_DELETE, PARTED "/subscription/s"), 404);
    assert_get(w, PARTED "/subscriptions", "[]");
}

static void the_properties_of_a_subscription_are_read_and_replaced(void **state)
{
    struct world *w = *state;

    assert_int_equal(ask(w, HTTP_GET, KEPT "/subscription/s/properties"), 404);
    assert_int_equal(ask(w, HTTP_PUT, KEPT), 204);
    assert_int_equal(ask(w, HTTP_GET, KEPT "/subscription/s/properties"), 404);
    assert_int_equal(ask_with(w, HTTP_PUT, KEPT "/subscription/s", NULL,
                              "{\"ledgerId\":-1,\"entryId\":-1,\"properties\":{\"team\":\"blue\",\"a\":\"1\"}}"),
                     204);
    assert_get(w, KEPT "/subscription/s/properties", "{\"a\":\"1\",\"team\":\"blue\"}");
    assert_int_equal(ask_with(w, HTTP_PUT, KEPT "/subscription/s/properties", NULL, "{\"team\":1}"), 412);
    assert_int_equal(ask_with(w, HTTP_PUT, KEPT "/subscription/s/properties", NULL, "[]"), 412);
    assert_int_equal(ask_with(w, HTTP_PUT, KEPT "/subscription/s/properties", NULL, "{\"team\":\"red\"}"), 204);
    assert_get(w, KEPT "/subscription/s/properties", "{\"team\":\"red\"}");
    assert_int_equal(ask_with(w, HTTP_PUT, KEPT "/subscription/s/properties", NULL, "{}"), 204);
    assert_get(w, KEPT "/subscription/s/properties", "{}");
}

static void subscriptions_are_created_listed_and_deleted(void **state)
{
    struct world *w = *state;

    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/persistent/public/default/x/subscriptions"), 404);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/x"), 204);
    assert_get(w, "/admin/v2/persistent/public/default/x/subscriptions", "[]");
    assert_int_equal(ask_with(w, HTTP_PUT, "/admin/v2/persistent/public/default/x/subscription/s", NULL,
                              "{\"ledgerId\":-1,\"entryId\":-1,\"partitionIndex\":-1}"),
                     204);
    assert_get(w, "/admin/v2/persistent/public/default/x/subscriptions", "[\"s\"]");
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/x/subscription/s"), 409);
    assert_int_equal(ask_with(w, HTTP_PUT, "/admin/v2/persistent/public/default/x/subscription/t", NULL, "{}"), 412);
    assert_int_equal(ask(w, HTTP_POST, "/admin/v2/persistent/public/default/x/subscription/s/skip_all"), 204);
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/persistent/public/default/x/subscription/s"), 204);
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/persistent/public/default/x/subscription/s"), 404);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/x/subscription/s"), 204);
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/persistent/public/default/x"), 204); /* nobody is connected */
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/persistent/public/default/x"), 404);
}

static json_int_t number(const json_t *object, const char *member)
{
    const json_t *value = json_object_get(object, member);

    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static void stats_tell_what_was_published_and_what_waits(void **state)
{
    struct world *w = *state;
    struct client client = {0};
    uint8_t metadata[PROPERTIES_BYTES_MAX];
    json_error_t error;

    assert_int_equal(
        properties_put(&client.metadata, metadata, (struct property){bytes_of_text("zone"), bytes_of_text("a \"1\"")}),
        OK);
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/persistent/public/default/x/stats"), 404);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/x"), 204);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/x/subscription/s"), 204);
    client_publish(w, &client, "persistent://public/default/x", 3);
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/persistent/public/default/x/stats"), 200);

    json_t *root = json_loads(answer(w), JSON_REJECT_DUPLICATES, &error);
    assert_non_null(root);
    assert_int_equal(number(root, "msgInCounter"), 3);
    assert_int_equal(number(root, "bytesInCounter"), 30);
    json_t *publisher = json_array_get(json_object_get(root, "publishers"), 0);
    assert_string_equal(json_string_value(json_object_get(publisher, "producerName")), "p");
    assert_string_equal(json_string_value(json_object_get(publisher, "clientVersion")), "test 1");
    const json_t *shown = json_object_get(publisher, "metadata");
    assert_string_equal(json_string_value(json_object_get(shown, "zone")), "a \"1\"");
    json_t *subscription = json_object_get(json_object_get(root, "subscriptions"), "s");
    assert_int_equal(number(subscription, "msgBacklog"), 3);
    assert_int_equal(number(subscription, "msgBacklogMessages"), 3);
    assert_true(json_is_true(json_object_get(subscription, "durable")));
    assert_true(json_is_true(json_object_get(subscription, "isDurable")));
    json_decref(root);
    assert_int_equal(ask_with(w, HTTP_GET, "/admin/v2/persistent/public/default/x/stats",
                              (const char *const[]){"excludePublishers", "true"}, ""),
                     200);
    assert_non_null(strstr(answer(w), "\"publishers\":[]"));
    producer_detach(client.open.producer);
}

/* A message of `text` with a property, in a batch of one and compressed when `packed`. */
static void publish_text(struct world *w, struct client *c, const char *text, bool packed)
{
    static Wire__KeyValue property = WIRE__KEY_VALUE__INIT;
    Wire__KeyValue *properties[] = {&property};
    Wire__MessageMetadata m = WIRE__MESSAGE_METADATA__INIT;
    uint8_t metadata[300], payload[300], entry[ENTRY_HEAD_SIZE + 600];
    size_t len = strlen(text), before = c->published;
    struct slice bytes;

    property.key = (char *)(uintptr_t) "k";
    property.value = (char *)(uintptr_t) "v\n\"w\"";
    m.producer_name = (char *)(uintptr_t) "p\r\nSet-Cookie: x"; /* not for a header */
    m.sequence_id = 7;
    m.publish_time = 1700000000000 + before;
    m.properties = properties;
    m.n_properties = 1;
    memcpy(payload, text, len);
    if (packed) {
        m.has_compression = m.has_uncompressed_size = m.has_num_messages_in_batch = true;
        m.compression = WIRE__COMPRESSION_TYPE__LZ4;
        m.uncompressed_size = (uint32_t)strlen(text);
        m.num_messages_in_batch = 1;
        assert_int_equal(codec_compress(CODEC_LZ4, bytes_of_text(text), payload, sizeof payload, &len), OK);
    }
    const size_t metadata_len = wire__message_metadata__pack(&m, metadata);
    entry_head_encode(entry, bytes_of(metadata, metadata_len), bytes_of(payload, len));
    memcpy(entry + ENTRY_HEAD_SIZE, metadata, metadata_len);
    memcpy(entry + ENTRY_HEAD_SIZE + metadata_len, payload, len);
    assert_int_equal(slice_copy(&bytes, bytes_of(entry, ENTRY_HEAD_SIZE + metadata_len + len), NULL), OK);
    producer_publish(c->open.producer,
                     &(struct publish){.messages = 1, .publish_ms = (int64_t)m.publish_time, .bytes = bytes});
    slice_unref(&bytes);
    while (c->published == before)
        assert_true(sim_step(w->sim));
}

/* Of the last answer; NULL: there is none of this name. */
static const char *header(struct world *w, const char *name)
{
    for (const struct http_header *h = w->call.answer.headers; h; h = h->next) {
        if (strcmp(h->name, name) == 0)
            return (const char *)h->value.data;
    }
    return NULL;
}

#define X "/admin/v2/persistent/public/default/x"

static void messages_are_looked_at_by_id_and_by_their_place_in_a_backlog(void **state)
{
    struct world *w = *state;
    struct client client = {0};
    char path[200], text[100];

    assert_int_equal(ask(w, HTTP_GET, X "/ledger/1/entry/0"), 404);
    assert_int_equal(ask(w, HTTP_PUT, X), 204);
    assert_int_equal(ask(w, HTTP_PUT, X "/subscription/s"), 204);
    client_publish(w, &client, "persistent://public/default/x", 0);
    publish_text(w, &client, "first", false);
    publish_text(w, &client, "second second second second second", true);

    assert_int_equal(ask(w, HTTP_GET, X "/subscription/s/position/1"), 200);
    assert_string_equal(answer(w), "first");
    snprintf(text, sizeof text, "%s", header(w, "X-Pulsar-Message-ID:"));
    assert_string_equal(header(w, "X-Pulsar-publish-time:"), "2023-11-14T22:13:20.000Z");
    assert_string_equal(header(w, "X-Pulsar-PROPERTY:"), "{\"k\":\"v\\n\\\"w\\\"\"}");
    assert_string_equal(header(w, "X-Pulsar-sequence-id:"), "7");
    assert_null(header(w, "X-Pulsar-producer-name:"));
    assert_null(header(w, "X-Pulsar-num-batch-message:"));

    const int64_t ledger = strtoll(text, NULL, 10);
    snprintf(path, sizeof path, X "/ledger/%d/entry/1", (int)ledger);
    assert_int_equal(ask(w, HTTP_GET, path), 200);
    assert_string_equal(answer(w), "second second second second second");
    assert_string_equal(header(w, "X-Pulsar-num-batch-message:"), "1");
    assert_string_equal(header(w, "X-Pulsar-compression:"), "LZ4");
    snprintf(path, sizeof path, X "/ledger/%d/entry/2", (int)ledger);
    assert_int_equal(ask(w, HTTP_GET, path), 404);
    assert_null(w->call.answer.headers);
    assert_int_equal(ask(w, HTTP_GET, X "/ledger/x/entry/2"), 412);

    assert_int_equal(ask(w, HTTP_GET, X "/subscription/s/position/2"), 200);
    assert_int_equal(ask(w, HTTP_GET, X "/subscription/s/position/3"), 404);
    assert_int_equal(ask(w, HTTP_GET, X "/subscription/s/position/0"), 404);
    assert_int_equal(ask(w, HTTP_GET, X "/subscription/not-there/position/2"), 200);
    producer_detach(client.open.producer);
}

static void a_subscription_is_moved_on_and_back(void **state)
{
    struct world *w = *state;
    struct client client = {0};
    char id[100], wanted[200];

    assert_int_equal(ask(w, HTTP_PUT, X), 204);
    assert_int_equal(ask(w, HTTP_PUT, X "/subscription/s"), 204);
    client_publish(w, &client, "persistent://public/default/x", 0);
    for (char text[] = "0"; text[0] < '5'; text[0]++)
        publish_text(w, &client, text, false); /* at ...000, ...001 and so on */

    assert_int_equal(ask(w, HTTP_POST, X "/subscription/s/skip/2"), 204);
    assert_get(w, X "/subscription/s/position/1", "2");
    assert_int_equal(ask(w, HTTP_POST, X "/subscription/s/skip/100"), 204);
    assert_int_equal(ask(w, HTTP_GET, X "/subscription/s/position/1"), 404);
    assert_int_equal(ask(w, HTTP_POST, X "/subscription/s/skip/1000000"), 412);
    assert_int_equal(ask(w, HTTP_POST, X "/subscription/none/skip/1"), 404);

    assert_int_equal(ask(w, HTTP_POST, X "/subscription/s/resetcursor/1700000000003"), 204);
    assert_get(w, X "/subscription/s/position/1", "3");
    snprintf(id, sizeof id, "%s", header(w, "X-Pulsar-Message-ID:"));
    const int ledger = atoi(id);
    assert_int_equal(ask(w, HTTP_POST, X "/subscription/s/resetcursor/5"), 204);
    assert_get(w, X "/subscription/s/position/1", "0");
    snprintf(wanted, sizeof wanted, "{\"ledgerId\":%d,\"entryId\":4}", ledger);
    assert_int_equal(ask_with(w, HTTP_POST, X "/subscription/s/resetcursor", NULL, wanted), 204);
    assert_get(w, X "/subscription/s/position/1", "4");
    assert_int_equal(ask_with(w, HTTP_POST, X "/subscription/s/resetcursor", NULL, ""), 412);
    assert_int_equal(ask_with(w, HTTP_POST, X "/subscription/none/resetcursor", NULL, wanted), 404);

    snprintf(wanted, sizeof wanted, "{\"ledgerId\":%d,\"entryId\":2,\"partitionIndex\":-1}", ledger);
    assert_get(w, X "/messageid/1700000000002", wanted);
    snprintf(wanted, sizeof wanted, "{\"ledgerId\":%d,\"entryId\":5,\"partitionIndex\":-1}", ledger);
    assert_get(w, X "/messageid/1800000000000", wanted);
    producer_detach(client.open.producer);
}

static void policies_are_set_read_and_removed(void **state)
{
    struct world *w = *state;
    static const char retention[] = "/admin/v2/namespaces/public/default/retention";
    static const char ttl[] = "/admin/v2/namespaces/public/default/messageTTL";

    assert_int_equal(ask(w, HTTP_GET, retention), 204);
    assert_int_equal(
        ask_with(w, HTTP_POST, retention, NULL, "{\"retentionTimeInMinutes\":10,\"retentionSizeInMB\":-1}"), 204);
    assert_get(w, retention, "{\"retentionTimeInMinutes\":10,\"retentionSizeInMB\":-1}");
    assert_int_equal(ask_with(w, HTTP_POST, ttl, NULL, "3600"), 204);
    assert_get(w, ttl, "3600");
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/namespaces/public/default"), 200);
    assert_non_null(strstr(answer(w), "\"retention_policies\":{\"retentionTimeInMinutes\":10,"));
    assert_non_null(strstr(answer(w), "\"message_ttl_in_seconds\":3600"));
    assert_int_equal(ask(w, HTTP_DELETE, retention), 204);
    assert_int_equal(ask(w, HTTP_GET, retention), 204);
    assert_get(w, ttl, "3600");
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/namespaces/public/nowhere/retention"), 404);
}

static void policies_that_make_no_sense_are_refused(void **state)
{
    struct world *w = *state;
    static const char retention[] = "/admin/v2/namespaces/public/default/retention";
    static const char ttl[] = "/admin/v2/namespaces/public/default/messageTTL";
    static const char *const wrong[] = {"",
                                        "7",
                                        "{}",
                                        "{\"retentionTimeInMinutes\":-2,\"retentionSizeInMB\":0}",
                                        "{\"retentionTimeInMinutes\":\"1\",\"retentionSizeInMB\":0}",
                                        "{\"retentionTimeInMinutes\":1}"};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(ask_with(w, HTTP_POST, retention, NULL, wrong[i]), 412);
    assert_int_equal(ask_with(w, HTTP_POST, ttl, NULL, "-1"), 412);
    assert_int_equal(ask_with(w, HTTP_POST, ttl, NULL, "soon"), 412);
    assert_int_equal(ask(w, HTTP_GET, retention), 204);
}

static const char *const by_age[] = {"backlogQuotaType", "message_age"};
static const char *const by_size[] = {"backlogQuotaType", "destination_storage"};
static const char *const by_mistake[] = {"backlogQuotaType", "x"};
static const char *const applied[] = {"applied", "true"};

static void backlog_quotas_are_a_map_and_their_old_shape_is_read(void **state)
{
    struct world *w = *state;
    static const char map[] = "/admin/v2/namespaces/public/default/backlogQuotaMap";
    static const char quota[] = "/admin/v2/namespaces/public/default/backlogQuota";
    static const char of_topic[] = "/admin/v2/persistent/public/default/t/backlogQuota";

    assert_get(w, map, "{}");
    assert_int_equal(ask_with(w, HTTP_POST, quota, NULL, "{\"limit\":\"10240\",\"policy\":\"producer_request_hold\"}"),
                     204);
    assert_get(w, map,
               "{\"destination_storage\":{\"limit\":10240,\"limitSize\":10240,\"limitTime\":-1,"
               "\"policy\":\"producer_request_hold\"}}");
    assert_int_equal(ask_with(w, HTTP_POST, quota, by_age,
                              "{\"limitSize\":-1,\"limitTime\":60,\"policy\":\"consumer_backlog_eviction\"}"),
                     204);
    assert_int_equal(ask(w, HTTP_GET, map), 200);
    assert_non_null(strstr(answer(w), "\"limitTime\":60,\"policy\":\"consumer_backlog_eviction\""));
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/namespaces/public/default"), 200);
    assert_non_null(strstr(answer(w), "\"backlog_quota_map\":{\"destination_storage\":{"));
    assert_int_equal(ask_with(w, HTTP_DELETE, quota, by_age, ""), 204);
    assert_int_equal(ask(w, HTTP_DELETE, quota), 204);
    assert_get(w, map, "{}");

    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/t"), 204);
    assert_int_equal(ask_with(w, HTTP_POST, of_topic, by_size,
                              "{\"limitSize\":7,\"limitTime\":-1,\"policy\":\"producer_exception\"}"),
                     204);
    assert_int_equal(ask_with(w, HTTP_GET, "/admin/v2/persistent/public/default/t/backlogQuotaMap", applied, ""), 200);
    assert_non_null(strstr(answer(w), "\"limitSize\":7"));
    assert_int_equal(ask_with(w, HTTP_POST, quota, NULL, "{\"limitSize\":7,\"policy\":\"hope\"}"), 412);
    assert_int_equal(ask_with(w, HTTP_POST, quota, NULL, "{\"policy\":\"producer_exception\"}"), 412);
    assert_int_equal(ask_with(w, HTTP_POST, quota, by_mistake, "{}"), 412);
}

static void a_quota_that_is_more_than_retention_keeps_is_refused(void **state)
{
    struct world *w = *state;
    static const char quota[] = "/admin/v2/namespaces/public/default/backlogQuota";

    assert_int_equal(ask_with(w, HTTP_POST, "/admin/v2/namespaces/public/default/retention", NULL,
                              "{\"retentionTimeInMinutes\":10,\"retentionSizeInMB\":1}"),
                     204);
    assert_int_equal(ask_with(w, HTTP_POST, quota, NULL, "{\"limitSize\":1048576,\"policy\":\"producer_exception\"}"),
                     412);
    assert_int_equal(ask_with(w, HTTP_POST, quota, NULL, "{\"limitSize\":1048575,\"policy\":\"producer_exception\"}"),
                     204);
    assert_int_equal(ask_with(w, HTTP_POST, "/admin/v2/namespaces/public/default/retention", NULL,
                              "{\"retentionTimeInMinutes\":10,\"retentionSizeInMB\":0}"),
                     204); /* it keeps nothing: no limit */
    assert_int_equal(ask_with(w, HTTP_POST, quota, NULL, "{\"limitSize\":9999999,\"policy\":\"producer_exception\"}"),
                     204);
    assert_int_equal(ask_with(w, HTTP_POST, "/admin/v2/namespaces/public/default/retention", NULL,
                              "{\"retentionTimeInMinutes\":10,\"retentionSizeInMB\":9}"),
                     412);
    assert_int_equal(ask_with(w, HTTP_POST, "/admin/v2/namespaces/public/default/retention", NULL,
                              "{\"retentionTimeInMinutes\":10,\"retentionSizeInMB\":10}"),
                     204);
    assert_int_equal(ask_with(w, HTTP_POST, quota, by_age, "{\"limitTime\":600,\"policy\":\"producer_exception\"}"),
                     412);
}

/* What is set there comes back as it was, and is gone when it is removed. */
static void assert_round_trip(struct world *w, const char *place, const char *policy, const char *json)
{
    char path[200];

    snprintf(path, sizeof path, "%s/%s", place, policy);
    assert_int_equal(ask(w, HTTP_GET, path), 204);
    assert_int_equal(ask_with(w, HTTP_POST, path, NULL, json), 204);
    assert_get(w, path, json);
    assert_int_equal(ask(w, HTTP_DELETE, path), 204);
    assert_int_equal(ask(w, HTTP_GET, path), 204);
}

static const struct {
    const char *of_namespace, *of_topic, *json;
} every_policy[] = {
    {"retention", "retention", "{\"retentionTimeInMinutes\":1,\"retentionSizeInMB\":2}"},
    {"messageTTL", "messageTTL", "3"},
    {"maxProducersPerTopic", "maxProducers", "4"},
    {"maxConsumersPerTopic", "maxConsumers", "5"},
    {"maxConsumersPerSubscription", "maxConsumersPerSubscription", "6"},
    {"maxSubscriptionsPerTopic", "maxSubscriptionsPerTopic", "7"},
    {"maxTopicsPerNamespace", NULL, "8"},
    {"maxUnackedMessagesPerConsumer", "maxUnackedMessagesOnConsumer", "9"},
    {"maxUnackedMessagesPerSubscription", "maxUnackedMessagesOnSubscription", "10"},
    {"publishRate", "publishRate", "{\"publishThrottlingRateInMsg\":11,\"publishThrottlingRateInByte\":12}"},
    {"dispatchRate", "dispatchRate",
     "{\"dispatchThrottlingRateInMsg\":13,\"dispatchThrottlingRateInByte\":14,\"relativeToPublishRate\":true,"
     "\"ratePeriodInSecond\":15}"},
    {"subscriptionDispatchRate", "subscriptionDispatchRate",
     "{\"dispatchThrottlingRateInMsg\":-1,\"dispatchThrottlingRateInByte\":16,\"relativeToPublishRate\":false,"
     "\"ratePeriodInSecond\":1}"},
    {"subscribeRate", "subscribeRate", "{\"subscribeThrottlingRatePerConsumer\":17,\"ratePeriodInSecond\":18}"},
    {"deduplication", "deduplicationEnabled", "true"},
    {"deduplicationSnapshotInterval", "deduplicationSnapshotInterval", "19"},
    {"deduplicationWindow", "deduplicationWindow", "{\"windowSeconds\":27,\"maxIds\":28}"},
    {"delayedDelivery", "delayedDelivery", "{\"tickTime\":20,\"active\":false,\"maxDeliveryDelayInMillis\":21}"},
    {"encryptionRequired", NULL, "true"},
    {"autoTopicCreation", NULL,
     "{\"allowAutoTopicCreation\":true,\"topicType\":\"partitioned\",\"defaultNumPartitions\":22}"},
    {"autoSubscriptionCreation", "autoSubscriptionCreation", "{\"allowAutoSubscriptionCreation\":false}"},
    {"subscriptionExpirationTime", NULL, "23"},
    {"inactiveTopicPolicies", "inactiveTopicPolicies",
     "{\"inactiveTopicDeleteMode\":\"delete_when_subscriptions_caught_up\",\"maxInactiveDurationSeconds\":24,"
     "\"deleteWhileInactive\":true}"},
    {"compactionThreshold", "compactionThreshold", "25"},
    {"subscriptionTypesEnabled", "subscriptionTypesEnabled", "[\"Exclusive\",\"Key_Shared\"]"},
    {NULL, "maxMessageSize", "26"},
    {"persistence", "persistence",
     "{\"bookkeeperEnsemble\":3,\"bookkeeperWriteQuorum\":2,\"bookkeeperAckQuorum\":1,"
     "\"managedLedgerMaxMarkDeleteRate\":0.5}"},
};

static void every_policy_of_the_table_is_set_read_and_removed_where_it_can_be(void **state)
{
    struct world *w = *state;
    const size_t wanted = sizeof every_policy / sizeof every_policy[0];
    size_t count;

    (void)policy_rows(&count);
    assert_int_equal(count, wanted);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/t"), 204);
    for (size_t i = 0; i < wanted; i++) {
        if (every_policy[i].of_namespace)
            assert_round_trip(w, "/admin/v2/namespaces/public/default", every_policy[i].of_namespace,
                              every_policy[i].json);
        if (every_policy[i].of_topic)
            assert_round_trip(w, "/admin/v2/persistent/public/default/t", every_policy[i].of_topic,
                              every_policy[i].json);
    }
}

static void a_topics_creation_has_partitions_when_it_is_partitioned_only(void **state)
{
    struct world *w = *state;
    static const char path[] = "/admin/v2/namespaces/public/default/autoTopicCreation";
    static const struct {
        const char *json, *wrong; /* NULL: it comes back as `json` */
    } cases[] = {
        {"{\"allowAutoTopicCreation\":true,\"topicType\":\"partitioned\"}", "cannot be null"},
        {"{\"allowAutoTopicCreation\":true,\"topicType\":\"partitioned\",\"defaultNumPartitions\":-1}",
         "cannot be less than 1"},
        {"{\"allowAutoTopicCreation\":true,\"topicType\":\"non-partitioned\",\"defaultNumPartitions\":3}",
         "is not allowed to be set"},
        {"{\"allowAutoTopicCreation\":true,\"topicType\":\"partitioned\",\"defaultNumPartitions\":3}", NULL},
        {"{\"allowAutoTopicCreation\":true,\"topicType\":\"non-partitioned\"}", NULL},
        {"{\"allowAutoTopicCreation\":false}", NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(ask_with(w, HTTP_POST, path, NULL, cases[i].json), cases[i].wrong ? 412 : 204);
        if (cases[i].wrong)
            assert_non_null(strstr(answer(w), cases[i].wrong));
        else
            assert_get(w, path, cases[i].json);
    }
    assert_int_equal(ask_with(w, HTTP_POST, path, NULL,
                              "{\"allowAutoTopicCreation\":false,\"topicType\":\"\",\"defaultNumPartitions\":null}"),
                     204);
    assert_get(w, path, "{\"allowAutoTopicCreation\":false}");
}

static void policies_given_with_a_new_namespace_are_shown_with_it(void **state)
{
    struct world *w = *state;
    static const char path[] = "/admin/v2/namespaces/public/n";

    assert_int_equal(ask_with(w, HTTP_PUT, path, NULL,
                              "{\"max_producers_per_topic\":-1,\"publishMaxMessageRate\":{\"elsewhere\":{}}}"),
                     412);
    assert_int_equal(ask(w, HTTP_GET, path), 404);
    assert_int_equal(ask_with(w, HTTP_PUT, path, NULL,
                              "{\"max_producers_per_topic\":3,\"compaction_threshold\":null,\"publishMaxMessageRate\":"
                              "{\"standalone\":{\"publishThrottlingRateInMsg\":5}}}"),
                     204);
    assert_int_equal(ask(w, HTTP_GET, path), 200);
    assert_non_null(strstr(answer(w), "\"max_producers_per_topic\":3,"));
    assert_non_null(strstr(answer(w), "\"publishMaxMessageRate\":{\"standalone\":{\"publishThrottlingRateInMsg\":5,"
                                      "\"publishThrottlingRateInByte\":-1}}"));
    assert_null(strstr(answer(w), "compaction_threshold"));
    assert_get(w, "/admin/v2/namespaces/public/n/maxProducersPerTopic", "3");
}

static void a_topics_own_policies_go_over_its_namespaces(void **state)
{
    struct world *w = *state;
    static const char ttl[] = "/admin/v2/persistent/public/default/t/messageTTL";
    static const char retention[] = "/admin/v2/persistent/public/default/t/retention";

    assert_int_equal(ask(w, HTTP_GET, ttl), 404);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/t"), 204);
    assert_int_equal(ask_with(w, HTTP_POST, "/admin/v2/namespaces/public/default/messageTTL", NULL, "60"), 204);
    assert_int_equal(ask(w, HTTP_GET, ttl), 204);
    assert_int_equal(ask_with(w, HTTP_GET, ttl, (const char *const[]){"applied", "true"}, ""), 200);
    assert_string_equal(answer(w), "60");
    assert_int_equal(ask_with(w, HTTP_POST, ttl, (const char *const[]){"messageTTL", "7"}, ""), 204);
    assert_get(w, ttl, "7");
    assert_int_equal(ask(w, HTTP_DELETE, ttl), 204);
    assert_int_equal(ask_with(w, HTTP_GET, retention, (const char *const[]){"applied", "true"}, ""), 200);
    assert_string_equal(answer(w), "{\"retentionTimeInMinutes\":0,\"retentionSizeInMB\":0}");
    assert_int_equal(ask(w, HTTP_POST, "/admin/v2/persistent/public/default/t/trim"), 204);
    assert_int_equal(ask(w, HTTP_POST, "/admin/v2/persistent/public/default/none/trim"), 404);
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/persistent/public/default/t/internalStats"), 200);
    assert_non_null(strstr(answer(w), "\"ledgers\":[]"));
}

static void metrics_name_every_topic_and_group_every_metric(void **state)
{
    struct world *w = *state;
    struct client clients[100] = {0};
    struct budget budget = {.name = "receive", .limit = 10, .used = 5};
    const struct budget *budgets[] = {&budget};
    unsigned lines = 0;

    w->core.budgets = budgets;
    w->core.budget_count = 1;
    for (unsigned i = 0; i < 100; i++) { /* more than one turn takes */
        char topic[100];
        snprintf(topic, sizeof topic, "persistent://public/default/topic-%u", i);
        client_publish(w, &clients[i], topic, 1);
    }
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/topic-7/subscription/s"), 204);
    assert_int_equal(ask(w, HTTP_GET, "/metrics"), 200);
    assert_non_null(strstr(answer(w), "pulsar_version_info{cluster=\"standalone\",version=\"1.2.3\",commit=\"\"} 1\n"));
    assert_non_null(
        strstr(answer(w), "pulsar_topics_count{cluster=\"standalone\",namespace=\"public/default\"} 100\n"));
    assert_non_null(strstr(answer(w), "pulsar_producers_count{cluster=\"standalone\",namespace=\"public/default\","
                                      "topic=\"persistent://public/default/topic-42\"} 1\n"));
    assert_non_null(strstr(answer(w),
                           "pulsar_subscription_back_log{cluster=\"standalone\",namespace=\"public/default\","
                           "topic=\"persistent://public/default/topic-7\",subscription=\"s\"} 0\n"));
    assert_non_null(strstr(answer(w), "geminga_budget_used_bytes{cluster=\"standalone\",budget=\"receive\"} 5\n"));
    assert_non_null(strstr(answer(w), "geminga_store_appended_entries_total{cluster=\"standalone\"} 100\n"));
    for (const char *at = answer(w); (at = strstr(at, "# TYPE pulsar_producers_count ")); at++)
        lines++;
    assert_int_equal(lines, 1);
    for (unsigned i = 0; i < 100; i++)
        producer_detach(clients[i].open.producer);
}

/* The figure without labels but the cluster's, as it is written. */
static double figure(struct world *w, const char *name)
{
    char start[100];
    const char *at;

    snprintf(start, sizeof start, "\n%s{cluster=\"standalone\"} ", name);
    assert_non_null(at = strstr(answer(w), start));
    return strtod(at + strlen(start), NULL);
}

static void too_many_topics_for_series_of_their_own_are_all_in_the_sums(void **state)
{
    enum { TOPICS = 150 }; /* more than several turns take, in two namespaces, and an empty one after them */
    static const char subscription[] = "/admin/v2/persistent/public/default/topic-8/subscription/s";
    struct world *w = *state;
    struct client clients[TOPICS] = {0};

    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/namespaces/public/empty"), 204);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/namespaces/public/more"), 204);
    for (unsigned i = 0; i < TOPICS; i++) {
        char topic[100];
        snprintf(topic, sizeof topic, "persistent://public/%s/topic-%u", i % 2 == 0 ? "default" : "more", i);
        client_publish(w, &clients[i], topic, 2);
    }
    assert_int_equal(ask_with(w, HTTP_PUT, subscription, NULL, "{\"ledgerId\":-1,\"entryId\":-1}"), 204);
    assert_int_equal(ask(w, HTTP_GET, "/metrics"), 200);
    const double storage = figure(w, "pulsar_broker_storage_size");
    assert_true(storage > 0);
    assert_true(figure(w, "pulsar_broker_msg_backlog") == 2);
    assert_true(figure(w, "geminga_metrics_topics_left_out") == 0);

    w->core.metrics_rows_max = 3;
    assert_int_equal(ask(w, HTTP_GET, "/metrics"), 200);
    assert_true(figure(w, "geminga_metrics_topics_left_out") == TOPICS);
    assert_true(figure(w, "pulsar_broker_storage_size") == storage);
    assert_true(figure(w, "pulsar_broker_msg_backlog") == 2);
    assert_null(strstr(answer(w), "topic=\"persistent://"));

    w->core.metrics_rows_max = TOPICS; /* the subscription is one too many */
    assert_int_equal(ask(w, HTTP_GET, "/metrics"), 200);
    assert_true(figure(w, "geminga_metrics_topics_left_out") == TOPICS);
    assert_true(figure(w, "pulsar_broker_storage_size") == storage);
    assert_null(strstr(answer(w), "topic=\"persistent://"));
    for (unsigned i = 0; i < TOPICS; i++)
        producer_detach(clients[i].open.producer);
}

static void a_lookup_without_a_listener_is_refused(void **state)
{
    struct world *w = *state;

    assert_int_equal(ask(w, HTTP_GET, "/lookup/v2/topic/persistent/public/default/x"), 404);
    assert_int_equal(ask(w, HTTP_GET, "/lookup/v2/topic/persistent/public/nowhere/x"), 404);
    assert_get(w, "/lookup/v2/topic/persistent/public/default/x/bundle", "0x00000000_0xffffffff");
}

#define HANDLER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void a_backup_that_nobody_prepared_fails_and_says_so(void **state)
{
    struct world *w = *state;

    assert_get(w, "/admin/v2/brokers/backup",
               "{\"state\":\"none\",\"files\":0,\"filesTotal\":0,\"bytes\":0,\"startedMs\":0,\"endedMs\":0}");
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/brokers/backup"), 204);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/brokers/backup"), 409);
    for (unsigned i = 0; i < 100; i++)
        (void)sim_step(w->sim);
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/brokers/backup"), 200);
    assert_non_null(strstr(answer(w), "\"state\":\"failed\""));
    assert_non_null(strstr(answer(w), "no file \\\"backup-to\\\" that says where to"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HANDLER_TEST(the_broker_tells_its_version_cluster_and_address),
        HANDLER_TEST(the_health_check_publishes_and_reads),
        HANDLER_TEST(a_broker_whose_disk_fails_is_not_healthy),
        HANDLER_TEST(tenants_are_created_listed_read_and_deleted),
        HANDLER_TEST(a_tenant_that_cannot_be_is_refused),
        HANDLER_TEST(namespaces_are_created_listed_read_and_deleted),
        HANDLER_TEST(topics_are_created_listed_and_deleted),
        HANDLER_TEST(a_topic_is_compacted_when_asked_for),
        HANDLER_TEST(more_topics_than_one_turn_takes_are_listed_each_once_and_in_order),
        HANDLER_TEST(a_long_list_comes_in_parts_of_bounded_size),
        HANDLER_TEST(a_long_list_for_a_peer_of_http_1_0_is_refused),
        HANDLER_TEST(partitions_of_a_topic_are_none_and_a_missing_topic_may_be_asked_for),
        HANDLER_TEST(a_partitioned_topic_is_created_grown_listed_and_deleted),
        HANDLER_TEST(a_number_of_partitions_may_be_a_text_or_come_with_properties),
        HANDLER_TEST(a_number_of_partitions_that_cannot_be_is_refused),
        HANDLER_TEST(a_topic_has_the_properties_that_it_was_made_with_and_others_come_and_go),
        HANDLER_TEST(the_figures_of_a_partitioned_topic_are_those_of_its_partitions_together),
        HANDLER_TEST(what_is_asked_of_a_partitioned_topic_is_done_to_all_partitions),
        HANDLER_TEST(subscriptions_are_created_listed_and_deleted),
        HANDLER_TEST(the_properties_of_a_subscription_are_read_and_replaced),
        HANDLER_TEST(stats_tell_what_was_published_and_what_waits),
        HANDLER_TEST(messages_are_looked_at_by_id_and_by_their_place_in_a_backlog),
        HANDLER_TEST(a_subscription_is_moved_on_and_back),
        HANDLER_TEST(policies_are_set_read_and_removed),
        HANDLER_TEST(policies_that_make_no_sense_are_refused),
        HANDLER_TEST(backlog_quotas_are_a_map_and_their_old_shape_is_read),
        HANDLER_TEST(a_quota_that_is_more_than_retention_keeps_is_refused),
        HANDLER_TEST(every_policy_of_the_table_is_set_read_and_removed_where_it_can_be),
        HANDLER_TEST(a_topics_creation_has_partitions_when_it_is_partitioned_only),
        HANDLER_TEST(policies_given_with_a_new_namespace_are_shown_with_it),
        HANDLER_TEST(a_topics_own_policies_go_over_its_namespaces),
        HANDLER_TEST(metrics_name_every_topic_and_group_every_metric),
        HANDLER_TEST(too_many_topics_for_series_of_their_own_are_all_in_the_sums),
        HANDLER_TEST(a_lookup_without_a_listener_is_refused),
        HANDLER_TEST(a_backup_that_nobody_prepared_fails_and_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
