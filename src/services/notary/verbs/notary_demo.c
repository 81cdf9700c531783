/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_demo.c - `geminga notary demo`: the main job once, as any program would do it.
 *
 * An ordinary client: it sends the sample event under a fresh id, reads the results and errors topics until the
 * answer is there, and verifies the receipt from the two texts alone, as `geminga notary verify` does.
 */
#include "base/timestamp.h"
#include "services/notary/correspondence.h"
#include "services/notary/documents/canonical.h"
#include "services/notary/documents/verify.h"
#include "services/notary/files.h"
#include "services/notary/verbs/notary_verbs.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define SAMPLE_MAX (64u << 10)
#define TIMEOUT_S  "30"

/* examples/pulsar/sample-event.json as a C string; made by the build. */
static const char sample[] =
#include "sample_event.inc"
    ;

struct demo {
    struct notary_settings settings;
    struct correspondence correspondence;
    char event_id[64];
    struct text event, result;
    uint64_t sent_ns;
    const char *directory; /* where the event and its result are saved; NULL: nowhere */
};

static struct loop *clocks(const struct demo *d)
{
    return correspondence_clocks(&d->correspondence);
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
    uint64_t deadline_ns = d->sent_ns + (uint64_t)timeout_s * 1000 * NS_PER_MS;
    enum correspondence_topic kind;

    do
        kind = correspondence_next(&d->correspondence, d->event_id, deadline_ns, &d->result);
    while (kind == LETTER_STATUS);
    if (kind != LETTER_KINDS)
        return kind == LETTER_RESULT ? show_result(d) : show_error(d);
    notary_complain(
        "no answer to event %s within %ld s: is a notary running? Start one: geminga notary --service-url %s",
        d->event_id, timeout_s, d->settings.pulsar.service_url);
    return NOTARY_EXIT_FAILED;
}

/* ---- all of it ---- */

static int play(struct demo *d, long timeout_s)
{
    struct correspondence *c = &d->correspondence;
    char message[600];

    if (notary_settings_check(&d->settings, message, sizeof message) != OK) {
        notary_complain("%s", message);
        return NOTARY_EXIT_FAILED;
    }
    if (!correspondence_open(c, &d->settings.pulsar, true))
        return NOTARY_EXIT_FAILED;
    text_init(&d->event, SAMPLE_MAX);
    if (!make_event(d)) {
        notary_complain("out of memory");
        return NOTARY_EXIT_FAILED;
    }
    printf("Sending a model deployment event, %s, to %s\n", d->event_id, c->topics[LETTER_EVENT].data);
    fflush(stdout);
    d->sent_ns = loop_now_ns(clocks(d));
    return correspondence_send(c, bytes_of(d->event.data, d->event.len)) ? wait_for_answer(d, timeout_s)
                                                                         : NOTARY_EXIT_FAILED;
}

static void demo_deinit(struct demo *d)
{
    correspondence_close(&d->correspondence);
    text_deinit(&d->event);
    text_deinit(&d->result);
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
