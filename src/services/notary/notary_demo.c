/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_demo.c - `geminga notary demo`: the main job once, as any program would do it.
 *
 * An ordinary client: it sends the sample event under a fresh id, reads the results and errors topics until the
 * answer is there, and verifies the receipt from the two texts alone, as `geminga notary verify` does.
 */
#include "base/timestamp.h"
#include "services/notary/canonical.h"
#include "services/notary/files.h"
#include "services/notary/notary_verbs.h"
#include "services/notary/verify.h"
#include "services/runtime/bus.h"
#include "sys/uv_sys.h"
#include <errno.h>
#include <geminga/client.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define SAMPLE_MAX         (64u << 10)
#define TIMEOUT_S          "30"
#define CONNECT_TIMEOUT_MS 5000
#define READ_MS            200
#define TOPIC_MAX          2048

/* examples/pulsar/sample-event.json as a C string; made by the build. */
static const char sample[] =
#include "sample_event.inc"
    ;

enum demo_topic { DEMO_RESULTS, DEMO_ERRORS, DEMO_EVENTS, DEMO_TOPICS };

struct demo {
    struct notary_settings settings;
    struct uv_sys *sys;
    struct log log;
    struct text topics[DEMO_TOPICS];
    pulsar_client_t *client;
    pulsar_reader_t *readers[2]; /* results, errors */
    char event_id[64];
    struct text event, result;
    uint64_t sent_ns;
    const char *directory; /* where the event and its result are saved; NULL: nowhere */
};

static struct loop *clocks(const struct demo *d)
{
    return uv_sys_get(d->sys)->loop;
}

/* ---- the event ---- */

/* The sample with an id of its own, and sent now. */
static bool make_event(struct demo *d)
{
    json_t *event = json_loads(sample, 0, NULL);
    char timestamp[TIMESTAMP_SIZE];
    uint64_t random;
    bool made;

    clocks(d)->ops->entropy(clocks(d), &random, sizeof random);
    snprintf(d->event_id, sizeof d->event_id, "demo-%016lx", random);
    timestamp_format(loop_wall_ms(clocks(d)), timestamp);
    made = event && json_object_set_new(event, "event_id", json_string(d->event_id)) == 0 &&
           json_object_set_new(event, "timestamp", json_string(timestamp)) == 0 &&
           canonical_json(event, &d->event) == OK;
    json_decref(event);
    return made;
}

/* ---- the broker ---- */

static bool failed(const struct demo *d, enum demo_topic topic, pulsar_result result)
{
    struct runtime_options options = {.settings = &d->settings.pulsar};
    char message[1200];

    bus_explain(&options, d->topics[topic].data, result, message, sizeof message);
    notary_complain("%s", message);
    if (bus_is_retryable(result))
        notary_complain("is a broker running there? Start one, with its notary: geminga up");
    return false;
}

static bool open_client(struct demo *d)
{
    d->client = bus_client_new(&d->settings.pulsar, &d->log, CONNECT_TIMEOUT_MS);
    return d->client != NULL;
}

/* Both from now on, before anything is sent: no answer can be missed, and no subscription stays behind. */
static bool open_readers(struct demo *d)
{
    pulsar_reader_configuration_t *conf = pulsar_reader_configuration_create();
    pulsar_result result = pulsar_result_Ok;

    for (int i = 0; conf && i < 2; i++) {
        result =
            pulsar_client_create_reader(d->client, d->topics[i].data, pulsar_message_id_latest(), conf, &d->readers[i]);
        if (result != pulsar_result_Ok) {
            pulsar_reader_configuration_free(conf);
            return failed(d, (enum demo_topic)i, result);
        }
    }
    pulsar_reader_configuration_free(conf);
    return conf != NULL;
}

static bool send_event(struct demo *d)
{
    pulsar_producer_t *producer = NULL;
    pulsar_message_t *message = pulsar_message_create();
    pulsar_result result = pulsar_client_create_producer(d->client, d->topics[DEMO_EVENTS].data, NULL, &producer);

    if (result == pulsar_result_Ok) {
        pulsar_message_set_content(message, d->event.data, d->event.len);
        d->sent_ns = loop_now_ns(clocks(d));
        result = pulsar_producer_send(producer, message);
        pulsar_producer_close(producer);
        pulsar_producer_free(producer);
    }
    pulsar_message_free(message);
    return result == pulsar_result_Ok || failed(d, DEMO_EVENTS, result);
}

/* True when the message answers our event; its text is then in d->result. */
static bool is_answer(struct demo *d, pulsar_message_t *message)
{
    const char *data = pulsar_message_get_data(message);
    size_t len = pulsar_message_get_length(message);
    json_t *json = len ? json_loadb(data, len, 0, NULL) : NULL;
    const char *id = json_string_value(json_object_get(json, "event_id"));
    bool ours = id && strcmp(id, d->event_id) == 0;

    json_decref(json);
    if (ours)
        text_add_bytes(&d->result, bytes_of(data, len));
    return ours;
}

static bool read_answer(struct demo *d, pulsar_reader_t *reader)
{
    pulsar_message_t *message = NULL;
    bool ours = false;

    while (!ours && pulsar_reader_read_next_with_timeout(reader, &message, READ_MS) == pulsar_result_Ok) {
        ours = is_answer(d, message);
        pulsar_message_free(message);
    }
    return ours;
}

/* ---- the answer ---- */

static int show_error(const struct demo *d)
{
    printf("The notary refused it:\n  %s\n", d->result.data);
    return NOTARY_EXIT_FAILED;
}

static void show_receipt(const struct demo *d)
{
    json_t *result = json_loadb(d->result.data, d->result.len, 0, NULL);
    json_t *receipt = json_object_get(result, "receipt");
    char *text;

    json_object_del(receipt, "inclusion_proof"); /* long, and checked below */
    text = receipt ? json_dumps(receipt, JSON_INDENT(2)) : NULL;
    printf("The receipt, %.0f ms after the event was sent (without its inclusion proof):\n%s\n",
           (double)(loop_now_ns(clocks(d)) - d->sent_ns) / 1e6, text ? text : "");
    free(text);
    json_decref(result);
}

static bool directory_made(const struct demo *d)
{
    if (mkdir(d->directory, 0777) == 0 || errno == EEXIST)
        return true;
    notary_complain("cannot make %s: %s", d->directory, strerror(errno));
    return false;
}

/* The two texts as files, for `geminga notary verify` and for tampering with. */
static bool save(const struct demo *d, const char *name, const struct text *text)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", d->directory, name);
    if (file_write_whole(path, bytes_of(text->data, text->len)) == OK)
        return true;
    notary_complain("cannot write %s: %s", path, strerror(errno));
    return false;
}

static void show_next(const struct demo *d)
{
    if (!d->directory)
        printf(
            "\nTry next: geminga notary demo --save DIR, to keep the event and its result for geminga notary verify\n");
    else if (directory_made(d) && save(d, "event.json", &d->event) && save(d, "result.json", &d->result))
        printf("\nTry next, and again after changing a letter in either file:\n"
               "  geminga notary verify %s/result.json --event %s/event.json\n",
               d->directory, d->directory);
}

static int show_result(const struct demo *d)
{
    struct text report;
    bool verified = false;

    text_init(&report, SAMPLE_MAX);
    show_receipt(d);
    if (verify_receipt(bytes_of(d->result.data, d->result.len), bytes_of(d->event.data, d->event.len), NULL, &report,
                       NULL, &verified) == OK)
        printf("\nVerified offline, from the event and the receipt alone:\n%s%s\n", report.data,
               verified ? "verified" : "REFUSED");
    text_deinit(&report);
    if (verified)
        show_next(d);
    return verified ? NOTARY_EXIT_OK : NOTARY_EXIT_FAILED;
}

static int wait_for_answer(struct demo *d, long timeout_s)
{
    uint64_t deadline_ns = loop_now_ns(clocks(d)) + (uint64_t)timeout_s * 1000 * NS_PER_MS;

    while (loop_now_ns(clocks(d)) < deadline_ns) {
        if (read_answer(d, d->readers[DEMO_RESULTS]))
            return show_result(d);
        if (read_answer(d, d->readers[DEMO_ERRORS]))
            return show_error(d);
    }
    notary_complain(
        "no answer to event %s within %ld s: is a notary running? Start one: geminga notary --service-url %s",
        d->event_id, timeout_s, d->settings.pulsar.service_url);
    return NOTARY_EXIT_FAILED;
}

/* ---- all of it ---- */

static int64_t log_clock(void *ctx)
{
    return loop_wall_ms(ctx);
}

static bool prepare(struct demo *d)
{
    const struct pulsar_settings *p = &d->settings.pulsar;
    const char *names[DEMO_TOPICS] = {p->results_topic, p->errors_topic, p->events_topic};

    if (uv_sys_new(&d->sys, NULL) != OK)
        return false;
    d->log = (struct log){.level = LOG_ERROR, .wall_ms = log_clock, .ctx = clocks(d)};
    text_init(&d->event, SAMPLE_MAX);
    text_init(&d->result, VERIFY_DOCUMENT_MAX);
    for (int i = 0; i < DEMO_TOPICS; i++) {
        text_init(&d->topics[i], TOPIC_MAX);
        pulsar_topic_name(p, names[i], &d->topics[i]);
        if (text_failed(&d->topics[i]))
            return false;
    }
    return make_event(d);
}

static int play(struct demo *d, long timeout_s)
{
    char message[600];

    if (notary_settings_check(&d->settings, message, sizeof message) != OK) {
        notary_complain("%s", message);
        return NOTARY_EXIT_FAILED;
    }
    if (!prepare(d) || !open_client(d)) {
        notary_complain("out of memory");
        return NOTARY_EXIT_FAILED;
    }
    if (!open_readers(d))
        return NOTARY_EXIT_FAILED;
    printf("Sending a model deployment event, %s, to %s\n", d->event_id, d->topics[DEMO_EVENTS].data);
    fflush(stdout);
    return send_event(d) ? wait_for_answer(d, timeout_s) : NOTARY_EXIT_FAILED;
}

static void demo_deinit(struct demo *d)
{
    for (int i = 0; i < 2; i++)
        if (d->readers[i]) {
            pulsar_reader_close(d->readers[i]);
            pulsar_reader_free(d->readers[i]);
        }
    if (d->client) {
        pulsar_client_close(d->client);
        pulsar_client_free(d->client);
    }
    for (int i = 0; i < DEMO_TOPICS; i++)
        text_deinit(&d->topics[i]);
    text_deinit(&d->event);
    text_deinit(&d->result);
    if (d->sys)
        uv_sys_free(d->sys);
}

int notary_verb_demo(int argc, char **argv)
{
    struct demo d = {0};
    struct options sets[NOTARY_TABLES] = {0};
    const char *timeout, *directory;
    long timeout_s;
    int status;

    if (!notary_take_flag(&argc, argv, "--timeout", &timeout) || !notary_take_flag(&argc, argv, "--save", &directory))
        return NOTARY_EXIT_USAGE;
    d.directory = directory;
    timeout_s = strtol(timeout ? timeout : TIMEOUT_S, NULL, 10);
    status = notary_configure(&d.settings, sets, &argc, argv);
    if (status == NOTARY_EXIT_OK && (argc > 0 || timeout_s < 1 || timeout_s > 3600)) {
        notary_complain("usage: geminga notary demo [--service-url URL] [--timeout SECONDS] [--save DIR]; the timeout "
                        "is up to an hour");
        status = NOTARY_EXIT_USAGE;
    }
    if (status == NOTARY_EXIT_OK)
        status = play(&d, timeout_s);
    demo_deinit(&d);
    notary_settings_deinit(sets);
    return status;
}
