/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_world.c - see admin_world.h.
 */
#include "admin/admin_world.h"
#include "wire/codec.h"
#include "wire/entry_view.h"

#include <stdlib.h>

static struct admin_world *now; /* the test's, for finished() */

static void finished(struct call *call)
{
    assert_false(now->finished);
    now->finished = true;
}

static void open_on_disk(struct admin_world *w)
{
    char message[300];

    w->host = sim_host_new(w->sim, "broker", w->disk);
    assert_int_equal(store_open(&w->store, &(struct store_options){.holder = "test", .journal_file_bytes = 1 << 20},
                                sim_host_sys(w->host), message, sizeof message),
                     OK);
    assert_int_equal(broker_new(&w->broker, &w->options, sim_host_sys(w->host), w->store), OK);
    w->core = (struct admin_core){.broker = w->broker,
                                  .loop = sim_host_sys(w->host)->loop,
                                  .version = "1.2.3",
                                  .cluster = "standalone",
                                  .http_host = "localhost",
                                  .http_port = 8080,
                                  .http_url = "http://localhost:8080",
                                  .https_url = "",
                                  .started_ms = 1000,
                                  .metrics = {.topics = true, .rows_max = METRICS_ROWS_MAX},
                                  .metrics_part_bytes = PART_BYTES,
                                  .part_bytes = PART_BYTES};
}

static void end_as_killed(struct admin_world *w)
{
    if (w->in_call)
        call_deinit(&w->call);
    w->in_call = false;
    sim_host_crash(w->host);
    sim_disk_kill(w->disk);
    authorization_free(w->core.authorization);
    broker_free(w->broker);
    store_free(w->store);
    sim_host_free(w->host);
    sim_disk_restart(w->disk);
    w->broker = NULL;
    w->store = NULL;
    w->host = NULL;
}

int admin_world_set_up(void **state)
{
    struct admin_world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    now = *state = w;
    w->sim = sim_new(1);
    w->disk = sim_disk_new(sim_random(w->sim));
    broker_options_init(&w->options);
    w->options.cluster = "standalone";
    open_on_disk(w);
    return 0;
}

void admin_world_restart(struct admin_world *w)
{
    end_as_killed(w);
    open_on_disk(w);
}

int admin_world_tear_down(void **state)
{
    struct admin_world *w = *state;

    end_as_killed(w);
    sim_disk_free(w->disk);
    sim_free(w->sim);
    free(w);
    return 0;
}

static void query_add(struct call *call, struct bytes name, struct bytes value)
{
    assert_true(call->request.query_count < QUERY_MAX);
    call->request.query[call->request.query_count++] = (struct web_parameter){.name = name, .value = value};
}

/* "a=1&b=2" */
static void query_add_all(struct call *call, const char *query)
{
    while (*query) {
        const size_t len = strcspn(query, "&"), name = strcspn(query, "=&");
        const size_t value = name < len ? name + 1 : len;

        query_add(call, bytes_of(query, name), bytes_of(query + value, len - value));
        query += len + (query[len] == '&');
    }
}

static void begin(struct admin_world *w, enum http_method method, const char *path, const char *body)
{
    if (w->in_call)
        call_deinit(&w->call);
    w->in_call = true;
    w->finished = false;
    call_init(&w->call);
    w->call.core = &w->core;
    w->call.finished = finished;
    w->call.request.credentials = w->credentials;
    w->call.who = w->who;
    w->call.request.method = method;
    w->call.request.path = bytes_of_text(path);
    w->call.request.body = bytes_of_text(body);
    w->match = routes_find(&w->call);
}

static int end(struct admin_world *w)
{
    assert_int_equal(w->match, ROUTE_FOUND);
    admin_handle(&w->call);
    while (!w->finished)
        assert_true(sim_step(w->sim));
    call_write(&w->call);
    return w->call.answer.status;
}

int ask_query(struct admin_world *w, enum http_method method, const char *path, const char *query, const char *body)
{
    begin(w, method, path, body);
    query_add_all(&w->call, query);
    return end(w);
}

int ask_with(struct admin_world *w, enum http_method method, const char *path, const char *const query[2],
             const char *body)
{
    begin(w, method, path, body);
    if (query)
        query_add(&w->call, bytes_of_text(query[0]), bytes_of_text(query[1]));
    return end(w);
}

int ask(struct admin_world *w, enum http_method method, const char *path)
{
    return ask_with(w, method, path, NULL, "");
}

bool no_route(struct admin_world *w, enum http_method method, const char *path)
{
    begin(w, method, path, "");
    return w->match != ROUTE_FOUND;
}

const char *answer(struct admin_world *w)
{
    return w->call.answer.body.data;
}

void assert_get(struct admin_world *w, const char *path, const char *wanted)
{
    assert_int_equal(ask(w, HTTP_GET, path), 200);
    assert_string_equal(answer(w), wanted);
}

int ask_body(struct admin_world *w, enum http_method method, const char *path, const char *body)
{
    return ask_with(w, method, path, NULL, body);
}

void take_part(struct admin_world *w)
{
    w->call.answer.body.len = 0;
    w->finished = false;
    admin_handle(&w->call);
    while (!w->finished)
        assert_true(sim_step(w->sim));
}

json_t *answer_json(struct admin_world *w)
{
    json_t *root = json_loads(answer(w), 0, NULL);

    assert_non_null(root);
    return root;
}

const char *answer_header(struct admin_world *w, const char *name)
{
    for (const struct http_header *h = w->call.answer.headers; h; h = h->next) {
        if (strcmp(h->name, name) == 0)
            return (const char *)h->value.data;
    }
    return NULL;
}

json_int_t number(const json_t *object, const char *member)
{
    const json_t *value = json_object_get(object, member);

    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

void assert_refused(struct admin_world *w, int status, int wanted, const char *reason)
{
    json_t *body;

    assert_int_equal(status, wanted);
    body = answer_json(w);
    assert_string_equal(json_string_value(json_object_get(body, "reason")), reason);
    json_decref(body);
}

/* ---- a client of the broker, in a few lines ---- */

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
    container_of(s, struct admin_client, sink)->published++;
}

static void on_close(struct sink *s, uint64_t id)
{
    container_of(s, struct admin_client, sink)->closed++;
}

static void on_end(struct sink *s, uint64_t id)
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
                                           .end_of_topic = on_end,
                                           .probe = on_probe};

void client_publish(struct admin_world *w, struct admin_client *c, const char *topic, unsigned count)
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

void client_publish_text(struct admin_world *w, struct admin_client *c, const char *text, bool compressed)
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
    if (compressed) {
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
