/* SPDX-License-Identifier: Apache-2.0
 *
 * correspondence.c - one client, a producer for a moment, a reader for each topic that answers come on.
 *
 * The readers are asked in turn, each for a short while: an order between topics there is not.
 */
#include "services/notary/correspondence.h"

#include "services/notary/verbs/notary_verbs.h"
#include "services/runtime/bus.h"
#include "sys/uv_sys.h"
#include <jansson.h>

#define CONNECT_TIMEOUT_MS 5000
#define READ_MS            50
#define TOPIC_MAX          2048
#define LETTER_MAX         (8u << 20)

struct loop *correspondence_clocks(const struct correspondence *c)
{
    return uv_sys_get(c->sys)->loop;
}

static int64_t log_clock(void *ctx)
{
    return loop_wall_ms(ctx);
}

/* ---- opening ---- */

static bool failed(const struct correspondence *c, enum correspondence_topic topic, pulsar_result result)
{
    struct runtime_options options = {.settings = c->settings};
    char message[1200];

    bus_explain(&options, c->topics[topic].data, result, message, sizeof message);
    notary_complain("%s", message);
    if (bus_is_retryable(result))
        notary_complain("is a broker running there? Start one, with its notary: geminga up");
    return false;
}

static bool name_topics(struct correspondence *c)
{
    const char *names[LETTER_KINDS] = {c->settings->results_topic, c->settings->errors_topic, c->settings->status_topic,
                                       c->settings->events_topic};
    bool done = true;

    for (int i = 0; i < LETTER_KINDS; i++) {
        text_init(&c->topics[i], TOPIC_MAX);
        pulsar_topic_name(c->settings, names[i], &c->topics[i]);
        done = done && !text_failed(&c->topics[i]);
    }
    return done;
}

static bool open_readers(struct correspondence *c)
{
    pulsar_reader_configuration_t *conf = pulsar_reader_configuration_create();
    pulsar_result result = pulsar_result_Ok;
    int i = 0;

    for (; conf && i < LETTER_ANSWERS && result == pulsar_result_Ok; i++)
        result =
            pulsar_client_create_reader(c->client, c->topics[i].data, pulsar_message_id_latest(), conf, &c->readers[i]);
    if (conf)
        pulsar_reader_configuration_free(conf);
    return result == pulsar_result_Ok ? conf != NULL : failed(c, (enum correspondence_topic)(i - 1), result);
}

bool correspondence_open(struct correspondence *c, const struct pulsar_settings *settings, bool wants_answers)
{
    memset(c, 0, sizeof *c);
    c->settings = settings;
    if (!name_topics(c) || uv_sys_new(&c->sys, NULL) != OK) {
        notary_complain("out of memory");
        return false;
    }
    c->log = (struct log){.level = LOG_ERROR, .wall_ms = log_clock, .ctx = correspondence_clocks(c)};
    if (!(c->client = bus_client_new(settings, &c->log, CONNECT_TIMEOUT_MS)))
        return false; /* said in the log */
    return !wants_answers || open_readers(c);
}

void correspondence_close(struct correspondence *c)
{
    for (int i = 0; i < LETTER_ANSWERS; i++)
        if (c->readers[i]) {
            pulsar_reader_close(c->readers[i]);
            pulsar_reader_free(c->readers[i]);
        }
    if (c->client) {
        pulsar_client_close(c->client);
        pulsar_client_free(c->client);
    }
    for (int i = 0; i < LETTER_KINDS; i++)
        text_deinit(&c->topics[i]);
    if (c->sys)
        uv_sys_free(c->sys);
}

/* ---- there and back ---- */

bool correspondence_send(struct correspondence *c, struct bytes event)
{
    pulsar_producer_t *producer = NULL;
    pulsar_message_t *message = pulsar_message_create();
    pulsar_result result = pulsar_client_create_producer(c->client, c->topics[LETTER_EVENT].data, NULL, &producer);

    if (result == pulsar_result_Ok) {
        pulsar_message_set_content(message, event.data, event.len);
        result = pulsar_producer_send(producer, message);
        pulsar_producer_close(producer);
        pulsar_producer_free(producer);
    }
    pulsar_message_free(message);
    return result == pulsar_result_Ok || failed(c, LETTER_EVENT, result);
}

static bool is_about(struct bytes letter, const char *event_id)
{
    json_t *json = letter.len ? json_loadb((const char *)letter.data, letter.len, 0, NULL) : NULL;
    const char *id = json_string_value(json_object_get(json, "event_id"));
    bool is = id && strcmp(id, event_id) == 0;

    json_decref(json);
    return is;
}

/* The next about the event on one topic, if one is there or comes at once. */
static bool read_one(pulsar_reader_t *reader, const char *event_id, struct text *letter)
{
    pulsar_message_t *message = NULL;
    bool found = false;

    while (!found && pulsar_reader_read_next_with_timeout(reader, &message, READ_MS) == pulsar_result_Ok) {
        struct bytes payload = bytes_of(pulsar_message_get_data(message), pulsar_message_get_length(message));
        if ((found = is_about(payload, event_id)))
            text_add_bytes(letter, payload);
        pulsar_message_free(message);
    }
    return found;
}

enum correspondence_topic correspondence_next(struct correspondence *c, const char *event_id, uint64_t deadline_ns,
                                              struct text *letter)
{
    text_deinit(letter);
    text_init(letter, LETTER_MAX);
    while (loop_now_ns(correspondence_clocks(c)) < deadline_ns) {
        for (int i = LETTER_ANSWERS; i-- > 0;) /* statuses first: what they say comes before the result */
            if (read_one(c->readers[i], event_id, letter))
                return (enum correspondence_topic)i;
    }
    return LETTER_KINDS;
}
