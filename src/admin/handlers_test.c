/* SPDX-License-Identifier: Apache-2.0
 *
 * handlers_test.c - every route's handler against a real broker in a simulated world; no HTTP.
 */
#include "admin/admin_world.h"
#include "admin/policy_table.h"
#include "broker/consumer.h"
#include "broker/properties.h"

#include <stdio.h>
#include <stdlib.h>

static void the_broker_tells_its_version_cluster_and_address(void **state)
{
    struct admin_world *w = *state;

    assert_get(w, "/admin/v2/brokers/version", "1.2.3");
    assert_get(w, "/admin/v2/brokers/ready", "ok");
    assert_get(w, "/admin/v2/brokers", "[\"localhost:8080\"]");
    assert_get(w, "/admin/v2/brokers/leaderBroker",
               "{\"brokerId\":\"localhost:8080\",\"serviceUrl\":\"http://localhost:8080\"}");
    assert_get(w, "/admin/v2/clusters", "[\"standalone\"]");
}

static void the_health_check_publishes_and_reads(void **state)
{
    struct admin_world *w = *state;

    assert_get(w, "/admin/v2/brokers/health", "ok");
    assert_string_equal(w->call.answer.content_type, "text/plain");
    assert_get(w, "/health/pulsar", "{\"pulsar_broker\":\"healthy\",\"admin_api\":\"healthy\",\"namespaces_count\":2}");
}

static void a_broker_whose_disk_fails_is_not_healthy(void **state)
{
    struct admin_world *w = *state;

    sim_disk_capacity(w->disk, 1); /* no write fits any more */
    sim_disk_fail(w->disk, SIM_DISK_WRITE, 1, ERR_IO);
    assert_int_equal(ask(w, HTTP_GET, "/health/pulsar"), 503);
    assert_non_null(strstr(answer(w), "\"pulsar_broker\":\"unhealthy\",\"error\":"));
}

static void topics_are_created_listed_and_deleted(void **state)
{
    struct admin_world *w = *state;

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
    struct admin_world *w = *state;

    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/x/compaction"), 404);
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/persistent/public/default/x/compaction"), 404);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/x"), 204);
    assert_get(w, "/admin/v2/persistent/public/default/x/compaction", "{\"status\":\"NOT_RUN\",\"lastError\":\"\"}");
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/x/compaction"), 204);
    assert_get(w, "/admin/v2/persistent/public/default/x/compaction", "{\"status\":\"SUCCESS\",\"lastError\":\"\"}");
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/non-persistent/public/default/x"), 204);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/non-persistent/public/default/x/compaction"), 405);
}

static void more_topics_than_one_turn_takes_are_listed_each_once_and_in_order(void **state)
{
    struct admin_world *w = *state;
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
static void make_topics(struct admin_world *w, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char path[100];
        snprintf(path, sizeof path, "/admin/v2/persistent/public/default/topic-%03u", i);
        assert_int_equal(ask(w, HTTP_PUT, path), 204);
    }
}

static void a_long_list_comes_in_parts_of_bounded_size(void **state)
{
    struct admin_world *w = *state;
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

static void partitions_of_a_topic_are_none_and_a_missing_topic_may_be_asked_for(void **state)
{
    static const char path[] = "/admin/v2/persistent/public/default/x/partitions";
    static const char *const check[2] = {"checkAllowAutoCreation", "true"};
    struct admin_world *w = *state;

    assert_int_equal(ask(w, HTTP_GET, path), 404);
    assert_int_equal(ask_with(w, HTTP_GET, path, check, ""), 200);
    assert_string_equal(answer(w), "{\"partitions\":0,\"deleted\":false}");
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/x"), 204);
    assert_int_equal(ask(w, HTTP_GET, path), 200);
}

#define KEPT   "/admin/v2/persistent/public/default/kept"
#define PARTED "/admin/v2/persistent/public/default/parted"

static void a_partitioned_topic_is_created_grown_listed_and_deleted(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "/partitions", "2"), 204);
    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "/partitions", "2"), 409);
    assert_int_equal(ask(w, HTTP_PUT, PARTED), 409);
    assert_get(w, PARTED "/partitions", "{\"partitions\":2,\"deleted\":false}");
    assert_get(w, PARTED "-partition-1/partitions", "{\"partitions\":0,\"deleted\":false}");
    assert_get(w, "/admin/v2/persistent/public/default/partitioned", "[\"persistent://public/default/parted\"]");
    assert_get(
        w, "/admin/v2/persistent/public/default",
        "[\"persistent://public/default/parted-partition-0\",\"persistent://public/default/parted-partition-1\"]");
    assert_int_equal(ask_body(w, HTTP_POST, PARTED "/partitions", "3"), 204);
    assert_int_equal(ask_body(w, HTTP_POST, PARTED "/partitions", "2"), 422);
    assert_int_equal(ask_body(w, HTTP_POST, PARTED "/partitions", "0"), 422);
    assert_get(w, PARTED "/partitions", "{\"partitions\":3,\"deleted\":false}");
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
    struct admin_world *w = *state;

    assert_int_equal(ask_body(w, HTTP_PUT, PARTED "/partitions", "\"2\""), 204);
    assert_int_equal(ask_body(w, HTTP_PUT, "/admin/v2/persistent/public/default/p/partitions",
                              "{\"partitions\":1,\"properties\":{\"b\":\"2\",\"a\":\"1\"}}"),
                     204);
    assert_get(w, "/admin/v2/persistent/public/default/p/partitions",
               "{\"partitions\":1,\"deleted\":false,\"properties\":{\"a\":\"1\",\"b\":\"2\"}}");
}

static void a_number_of_partitions_that_cannot_be_is_refused(void **state)
{
    struct admin_world *w = *state;

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
    struct admin_world *w = *state;

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

static void the_figures_of_a_partitioned_topic_are_those_of_its_partitions_together(void **state)
{
    static const char *const not_each[2] = {"perPartition", "false"};
    struct admin_world *w = *state;

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
    struct admin_world *w = *state;

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
    struct admin_world *w = *state;

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
    struct admin_world *w = *state;

    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/persistent/public/default/x/subscriptions"), 404);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/x"), 204);
    assert_get(w, "/admin/v2/persistent/public/default/x/subscriptions", "[]");
    assert_int_equal(ask_with(w, HTTP_PUT, "/admin/v2/persistent/public/default/x/subscription/s", NULL,
                              "{\"ledgerId\":-1,\"entryId\":-1,\"partitionIndex\":-1}"),
                     204);
    assert_get(w, "/admin/v2/persistent/public/default/x/subscriptions", "[\"s\"]");
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/x/subscription/s"), 409);
    assert_int_equal(ask_with(w, HTTP_PUT, "/admin/v2/persistent/public/default/x/subscription/t", NULL, "[]"), 412);
    assert_int_equal(
        ask_with(w, HTTP_PUT, "/admin/v2/persistent/public/default/x/subscription/t", NULL, "{\"ledgerId\":\"a\"}"),
        412);
    assert_int_equal(ask_with(w, HTTP_PUT, "/admin/v2/persistent/public/default/x/subscription/t", NULL, "{}"), 204);
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/persistent/public/default/x/subscription/t"), 204);
    assert_int_equal(ask(w, HTTP_POST, "/admin/v2/persistent/public/default/x/subscription/s/skip_all"), 204);
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/persistent/public/default/x/subscription/s"), 204);
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/persistent/public/default/x/subscription/s"), 404);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/x/subscription/s"), 204);
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/persistent/public/default/x"), 204); /* nobody is connected */
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/persistent/public/default/x"), 404);
}

static void stats_tell_what_was_published_and_what_waits(void **state)
{
    struct admin_world *w = *state;
    struct admin_client client = {0};
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
/* Of the last answer; NULL: there is none of this name. */
#define X "/admin/v2/persistent/public/default/x"

static void messages_are_looked_at_by_id_and_by_their_place_in_a_backlog(void **state)
{
    struct admin_world *w = *state;
    struct admin_client client = {0};
    char path[200], text[100];

    assert_int_equal(ask(w, HTTP_GET, X "/ledger/1/entry/0"), 404);
    assert_int_equal(ask(w, HTTP_PUT, X), 204);
    assert_int_equal(ask(w, HTTP_PUT, X "/subscription/s"), 204);
    client_publish(w, &client, "persistent://public/default/x", 0);
    client_publish_text(w, &client, "first", false);
    client_publish_text(w, &client, "second second second second second", true);

    assert_int_equal(ask(w, HTTP_GET, X "/subscription/s/position/1"), 200);
    assert_string_equal(answer(w), "first");
    snprintf(text, sizeof text, "%s", answer_header(w, "X-Pulsar-Message-ID:"));
    assert_string_equal(answer_header(w, "X-Pulsar-publish-time:"), "2023-11-14T22:13:20.000Z");
    assert_string_equal(answer_header(w, "X-Pulsar-PROPERTY:"), "{\"k\":\"v\\n\\\"w\\\"\"}");
    assert_string_equal(answer_header(w, "X-Pulsar-sequence-id:"), "7");
    assert_null(answer_header(w, "X-Pulsar-producer-name:"));
    assert_null(answer_header(w, "X-Pulsar-num-batch-message:"));

    const int64_t ledger = strtoll(text, NULL, 10);
    snprintf(path, sizeof path, X "/ledger/%d/entry/1", (int)ledger);
    assert_int_equal(ask(w, HTTP_GET, path), 200);
    assert_string_equal(answer(w), "second second second second second");
    assert_string_equal(answer_header(w, "X-Pulsar-num-batch-message:"), "1");
    assert_string_equal(answer_header(w, "X-Pulsar-compression:"), "LZ4");
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
    struct admin_world *w = *state;
    struct admin_client client = {0};
    char id[100], wanted[200];

    assert_int_equal(ask(w, HTTP_PUT, X), 204);
    assert_int_equal(ask(w, HTTP_PUT, X "/subscription/s"), 204);
    client_publish(w, &client, "persistent://public/default/x", 0);
    for (char text[] = "0"; text[0] < '5'; text[0]++)
        client_publish_text(w, &client, text, false); /* at ...000, ...001 and so on */

    assert_int_equal(ask(w, HTTP_POST, X "/subscription/s/skip/2"), 204);
    assert_get(w, X "/subscription/s/position/1", "2");
    assert_int_equal(ask(w, HTTP_POST, X "/subscription/s/skip/100"), 204);
    assert_int_equal(ask(w, HTTP_GET, X "/subscription/s/position/1"), 404);
    assert_int_equal(ask(w, HTTP_POST, X "/subscription/s/skip/1000000"), 412);
    assert_int_equal(ask(w, HTTP_POST, X "/subscription/none/skip/1"), 404);

    assert_int_equal(ask(w, HTTP_POST, X "/subscription/s/resetcursor/1700000000003"), 204);
    assert_get(w, X "/subscription/s/position/1", "3");
    snprintf(id, sizeof id, "%s", answer_header(w, "X-Pulsar-Message-ID:"));
    const int ledger = atoi(id);
    assert_int_equal(ask(w, HTTP_POST, X "/subscription/s/resetcursor/5"), 204);
    assert_get(w, X "/subscription/s/position/1", "0");
    snprintf(wanted, sizeof wanted, "{\"ledgerId\":%d,\"entryId\":4}", ledger);
    assert_int_equal(ask_with(w, HTTP_POST, X "/subscription/s/resetcursor", NULL, wanted), 204);
    assert_get(w, X "/subscription/s/position/1", "4");
    assert_int_equal(ask_with(w, HTTP_POST, X "/subscription/s/resetcursor", NULL, ""), 412);
    assert_int_equal(ask_with(w, HTTP_POST, X "/subscription/none/resetcursor", NULL, wanted), 404);

    snprintf(wanted, sizeof wanted,
             "{\"ledgerId\":%d,\"entryId\":2,\"partitionIndex\":-1,\"batchIndex\":-1,\"batchSize\":0}", ledger);
    assert_get(w, X "/messageid/1700000000002", wanted);
    snprintf(wanted, sizeof wanted,
             "{\"ledgerId\":%d,\"entryId\":5,\"partitionIndex\":-1,\"batchIndex\":-1,\"batchSize\":0}", ledger);
    assert_get(w, X "/messageid/1800000000000", wanted);
    producer_detach(client.open.producer);
}

static void policies_are_set_read_and_removed(void **state)
{
    struct admin_world *w = *state;
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
    struct admin_world *w = *state;
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
    struct admin_world *w = *state;
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
    struct admin_world *w = *state;
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

static void assert_unset(struct admin_world *w, const char *path, const char *unset)
{
    if (unset)
        assert_get(w, path, unset);
    else
        assert_int_equal(ask(w, HTTP_GET, path), 204);
}

/* What is set there comes back as it was, and is gone when it is removed; `unset` is told then, NULL: nothing. */
static void assert_round_trip(struct admin_world *w, const char *place, const char *policy, const char *json,
                              const char *unset)
{
    char path[200];

    snprintf(path, sizeof path, "%s/%s", place, policy);
    assert_unset(w, path, unset);
    assert_int_equal(ask_with(w, HTTP_POST, path, NULL, json), 204);
    assert_get(w, path, json);
    assert_int_equal(ask(w, HTTP_DELETE, path), 204);
    assert_unset(w, path, unset);
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
    {"schemaCompatibilityStrategy", "schemaCompatibilityStrategy", "\"FORWARD\""},
    {"schemaAutoUpdateCompatibilityStrategy", NULL, "\"Backward\""},
    {"isAllowAutoUpdateSchema", NULL, "false"},
    {"schemaValidationEnforced", "schemaValidationEnforced", "true"},
    {"persistence", "persistence",
     "{\"bookkeeperEnsemble\":3,\"bookkeeperWriteQuorum\":2,\"bookkeeperAckQuorum\":1,"
     "\"managedLedgerMaxMarkDeleteRate\":0.5}"},
};

/* NULL: 204. */
static const char *unset_answer(const char *policy, bool of_topic)
{
    static const struct {
        const char *policy, *answer;
    } answers[] = {
        {"schemaValidationEnforced", "false"}, {"isAllowAutoUpdateSchema", "true"}, {"maxTopicsPerNamespace", "0"},
        {"subscriptionTypesEnabled", "[]"},    {"encryptionRequired", "false"},
    };

    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (strcmp(policy, answers[i].policy) == 0)
            return answers[i].answer;
    }
    return strcmp(policy, "schemaCompatibilityStrategy") == 0 && !of_topic ? "\"UNDEFINED\"" : NULL;
}

static void every_policy_of_the_table_is_set_read_and_removed_where_it_can_be(void **state)
{
    struct admin_world *w = *state;
    const size_t wanted = sizeof every_policy / sizeof every_policy[0];
    size_t count;

    (void)policy_rows(&count);
    assert_int_equal(count, wanted);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/default/t"), 204);
    for (size_t i = 0; i < wanted; i++) {
        if (every_policy[i].of_namespace)
            assert_round_trip(w, "/admin/v2/namespaces/public/default", every_policy[i].of_namespace,
                              every_policy[i].json, unset_answer(every_policy[i].of_namespace, false));
        if (every_policy[i].of_topic)
            assert_round_trip(w, "/admin/v2/persistent/public/default/t", every_policy[i].of_topic,
                              every_policy[i].json, unset_answer(every_policy[i].of_topic, true));
    }
}

static void an_empty_list_of_types_of_subscriptions_says_that_none_is_set(void **state)
{
    static const char path[] = "/admin/v2/namespaces/public/made";
    struct admin_world *w = *state;

    assert_int_equal(ask_with(w, HTTP_PUT, path, NULL, "{\"subscription_types_enabled\":[]}"), 204);
    assert_get(w, "/admin/v2/namespaces/public/made/subscriptionTypesEnabled", "[]");
}

static void a_topics_creation_has_partitions_when_it_is_partitioned_only(void **state)
{
    struct admin_world *w = *state;
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
    struct admin_world *w = *state;
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
    struct admin_world *w = *state;
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

static void a_lookup_without_a_listener_is_refused(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask(w, HTTP_GET, "/lookup/v2/topic/persistent/public/default/x"), 404);
    assert_int_equal(ask(w, HTTP_GET, "/lookup/v2/topic/persistent/public/nowhere/x"), 404);
    assert_get(w, "/lookup/v2/topic/persistent/public/default/x/bundle", "0x80000000_0xc0000000");
}

static void a_backup_that_nobody_prepared_fails_and_says_so(void **state)
{
    struct admin_world *w = *state;

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
        ADMIN_TEST(the_broker_tells_its_version_cluster_and_address),
        ADMIN_TEST(the_health_check_publishes_and_reads),
        ADMIN_TEST(a_broker_whose_disk_fails_is_not_healthy),
        ADMIN_TEST(topics_are_created_listed_and_deleted),
        ADMIN_TEST(a_topic_is_compacted_when_asked_for),
        ADMIN_TEST(more_topics_than_one_turn_takes_are_listed_each_once_and_in_order),
        ADMIN_TEST(a_long_list_comes_in_parts_of_bounded_size),
        ADMIN_TEST(partitions_of_a_topic_are_none_and_a_missing_topic_may_be_asked_for),
        ADMIN_TEST(a_partitioned_topic_is_created_grown_listed_and_deleted),
        ADMIN_TEST(a_number_of_partitions_may_be_a_text_or_come_with_properties),
        ADMIN_TEST(a_number_of_partitions_that_cannot_be_is_refused),
        ADMIN_TEST(a_topic_has_the_properties_that_it_was_made_with_and_others_come_and_go),
        ADMIN_TEST(the_figures_of_a_partitioned_topic_are_those_of_its_partitions_together),
        ADMIN_TEST(what_is_asked_of_a_partitioned_topic_is_done_to_all_partitions),
        ADMIN_TEST(subscriptions_are_created_listed_and_deleted),
        ADMIN_TEST(the_properties_of_a_subscription_are_read_and_replaced),
        ADMIN_TEST(stats_tell_what_was_published_and_what_waits),
        ADMIN_TEST(messages_are_looked_at_by_id_and_by_their_place_in_a_backlog),
        ADMIN_TEST(a_subscription_is_moved_on_and_back),
        ADMIN_TEST(policies_are_set_read_and_removed),
        ADMIN_TEST(policies_that_make_no_sense_are_refused),
        ADMIN_TEST(backlog_quotas_are_a_map_and_their_old_shape_is_read),
        ADMIN_TEST(a_quota_that_is_more_than_retention_keeps_is_refused),
        ADMIN_TEST(every_policy_of_the_table_is_set_read_and_removed_where_it_can_be),
        ADMIN_TEST(an_empty_list_of_types_of_subscriptions_says_that_none_is_set),
        ADMIN_TEST(a_topics_creation_has_partitions_when_it_is_partitioned_only),
        ADMIN_TEST(policies_given_with_a_new_namespace_are_shown_with_it),
        ADMIN_TEST(a_topics_own_policies_go_over_its_namespaces),
        ADMIN_TEST(a_lookup_without_a_listener_is_refused),
        ADMIN_TEST(a_backup_that_nobody_prepared_fails_and_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
