/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_doctor.c - `geminga admin doctor`: looks a broker over as its users and its operator would, and says what is
 * not as it should be, and what to do.
 *
 * Each look is a line: ok, warn, FAIL.  What only Geminga tells is passed over with another broker.
 */
#include "cli/admin_doctor.h"
#include "cli/admin_apply.h"

#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_MS 2000

void doctor_say(struct doctor *d, enum finding finding, const char *format, ...)
{
    static const char *const words[] = {"ok", "warn", "FAIL"};
    char text[ADMIN_MESSAGE_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    d->warnings += finding == WARNING;
    d->failures += finding == FAILURE;
    (void)json_array_append_new(d->findings, json_pack("{s:s,s:s}", "finding", words[finding], "text", text));
    if (d->call->output != ADMIN_AS_JSON)
        (void)fprintf(d->call->out, "%-5s %s\n", words[finding], text);
}

/* ---- what it answers ---- */

char *doctor_ask(struct doctor *d, const char *path, const char *what)
{
    struct admin_request request = {.method = "GET"};
    struct http_answer answer = {0};
    char why[ADMIN_MESSAGE_MAX];
    char *text = NULL;

    (void)snprintf(request.path, sizeof request.path, "%s", path);
    if (d->call->asker->ask(d->call->asker, &request, &answer, why, sizeof why) != OK) {
        doctor_say(d, FAILURE, "%s: %s", what, why);
        return NULL;
    }
    if (answer.status == 200 && answer.body) {
        text = answer.body;
        answer.body = NULL;
    } else if (what && (answer.status == 401 || answer.status == 403) && d->call->authorization) {
        doctor_say(d, WARNING, "%s: not for us to look at, a super user may: HTTP %d %.300s", what, answer.status,
                   answer.body ? answer.body : "");
    } else if (what) {
        doctor_say(d, FAILURE, "%s: HTTP %d %.200s", what, answer.status, answer.body ? answer.body : "");
    }
    http_answer_free(&answer);
    return text;
}

static bool look_at_http(struct doctor *d)
{
    const int64_t began = d->call->now_ms();
    char *version = doctor_ask(d, "/admin/v2/brokers/version", "HTTP");

    if (!version)
        return false;
    doctor_say(d, FINE, "HTTP answers, in %lld ms: version %.60s", (long long)(d->call->now_ms() - began), version);
    free(version);
    return true;
}

static void look_at_health(struct doctor *d)
{
    char *said = doctor_ask(d, "/admin/v2/brokers/health", "a message through the broker and back");

    if (said)
        doctor_say(d, FINE, "a message went through the broker and back");
    free(said);
}

/* ---- where clients are sent ---- */

static bool connect_one(const struct addrinfo *a)
{
    const int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    struct pollfd waits = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t len = sizeof error;

    if (fd < 0)
        return false;
    (void)connect(fd, a->ai_addr, a->ai_addrlen); /* what becomes of it poll tells */
    const bool connected =
        poll(&waits, 1, CONNECT_MS) == 1 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0;
    (void)close(fd);
    return connected;
}

static bool can_connect(const char *host, const char *port)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *all = NULL;
    bool connected = false;

    if (getaddrinfo(host, port, &hints, &all) != 0)
        return false;
    for (const struct addrinfo *a = all; a && !connected; a = a->ai_next)
        connected = connect_one(a);
    freeaddrinfo(all);
    return connected;
}

/* "pulsar://host:port", "pulsar+ssl://[::1]:port" */
static void look_at_address(struct doctor *d, const char *url)
{
    const char *host = strstr(url, "://"), *colon = strrchr(url, ':');
    char name[300];

    if (!host || colon <= host + 2) {
        doctor_say(d, FAILURE, "lookups send clients to %s, which is no address", url);
        return;
    }
    const bool bracket = host[3] == '[' && colon[-1] == ']';
    (void)snprintf(name, sizeof name, "%.*s", (int)(colon - host - 3 - 2 * bracket), host + 3 + bracket);
    if (can_connect(name, colon + 1))
        doctor_say(d, FINE, "lookups send clients to %s, which can be reached from here", url);
    else
        doctor_say(d, FAILURE,
                   "lookups send clients to %s, which cannot be reached from here: set advertisedAddress, or a "
                   "listener for this network in advertisedListeners",
                   url);
}

static void look_at_lookup(struct doctor *d)
{
    char *said = doctor_ask(d, "/lookup/v2/topic/persistent/public/default/doctor", "a lookup in public/default");
    json_t *answer = said ? json_loads(said, 0, NULL) : NULL;
    const char *url = json_string_value(json_object_get(answer, "brokerUrl")),
               *url_tls = json_string_value(json_object_get(answer, "brokerUrlTls"));

    if (url && *url)
        look_at_address(d, url);
    if (url_tls && *url_tls)
        look_at_address(d, url_tls);
    if (answer && !(url && *url) && !(url_tls && *url_tls))
        doctor_say(d, FAILURE, "lookups send clients nowhere: set brokerServicePort or brokerServicePortTls");
    json_decref(answer);
    free(said);
}

/* ---- what its metrics tell ---- */

/* The value in the line that begins so, perhaps with labels; false: there is none. */
static bool metric(const char *metrics, const char *name, const char *label, double *value)
{
    const size_t len = strlen(name);

    for (const char *line = metrics; line && *line; line = strchr(line, '\n'), line += line != NULL) {
        const char *end = line + strcspn(line, "\n"), *brace, *space;
        if (strncmp(line, name, len) != 0 || (line[len] != '{' && line[len] != ' '))
            continue;
        brace = memchr(line, '}', (size_t)(end - line));
        if (label && (!brace || !memmem(line, (size_t)(brace - line), label, strlen(label))))
            continue;
        space = brace ? brace + 1 : line + len;
        *value = strtod(space, NULL);
        return true;
    }
    return false;
}

static const struct {
    const char *name, *label;
    enum finding finding;
    const char *text;
} bad_if_not_0[] = {
    {"geminga_store_disk_full", NULL, FAILURE,
     "the disk is full: producers wait; make room, or let retention and TTL do it"},
    {"geminga_store_disk_nearly_full", NULL, WARNING, "the disk is nearly full"},
    {"geminga_store_quarantined_ledgers", NULL, FAILURE,
     "ledgers are quarantined for damage: geminga store verify names them; restore a backup"},
    {"geminga_store_corrupt_reads_total", NULL, FAILURE,
     "entries could not be read for damage: stop the broker and run geminga store verify"},
    {"geminga_store_durability", "mode=\"os\"", WARNING,
     "receipts do not wait for the disk (durability os): a power cut may take back the last seconds"},
    {"geminga_store_backups_failed_total", NULL, WARNING, "a backup has failed: geminga store backup says why"},
    {"geminga_broker_publish_failures_total", NULL, WARNING,
     "messages could not be stored since the start: see the log for the disk's errors"},
    {"geminga_broker_compaction_failures_total", NULL, WARNING, "compactions of topics have failed: see the log"},
    {"geminga_audit_failing", NULL, FAILURE,
     "the audit log cannot be written: make room for auditFile, or let the broker write there; the log says why"},
    {"geminga_audit_dropped_total", NULL, WARNING,
     "events are missing in the audit log since the start: a line of it says how many"},
    {"geminga_server_connections_refused_total", NULL, WARNING,
     "connections were refused since the start: raise brokerMaxConnections, or the limit of open files"},
};

static void look_at_budgets(struct doctor *d, const char *metrics)
{
    static const char *const names[] = {"journal", "tail_cache", "cold_reads", "receive", "output"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char label[40];
        double used, limit;
        (void)snprintf(label, sizeof label, "budget=\"%s\"", names[i]);
        if (strcmp(names[i], "tail_cache") != 0 && metric(metrics, "geminga_budget_used_bytes", label, &used) &&
            metric(metrics, "geminga_budget_limit_bytes", label, &limit) && used > limit * 0.9)
            doctor_say(d, WARNING, "the memory for %s is used up: raise memory_limit, or find who does not read",
                       names[i]);
    }
}

static void look_at_metrics(struct doctor *d)
{
    const unsigned before = d->warnings + d->failures;
    char *metrics = doctor_ask(d, "/metrics", "metrics");
    double value;

    if (!metrics)
        return;
    for (size_t i = 0; i < sizeof bad_if_not_0 / sizeof bad_if_not_0[0]; i++) {
        if (metric(metrics, bad_if_not_0[i].name, bad_if_not_0[i].label, &value) && value > 0)
            doctor_say(d, bad_if_not_0[i].finding, "%s", bad_if_not_0[i].text);
    }
    look_at_budgets(d, metrics);
    if (metric(metrics, "geminga_store_disk_bytes", NULL, &value) && d->warnings + d->failures == before)
        doctor_say(d, FINE, "disk, journal and memory are as they should be; %.1f MiB on the disk", value / 1048576);
    free(metrics);
}

int admin_doctor_run(struct admin_call *call)
{
    struct doctor d = {.call = call, .findings = json_array()};

    if (admin_given(call, "json"))
        call->output = ADMIN_AS_JSON;
    if (look_at_http(&d)) {
        look_at_health(&d);
        look_at_lookup(&d);
        look_at_metrics(&d);
        doctor_look_at_security(&d);
    }
    if (d.call->output == ADMIN_AS_JSON)
        admin_print_json(d.findings, call->out);
    else
        (void)fprintf(call->out, "\n%u failures, %u warnings.\n", d.failures, d.warnings);
    json_decref(d.findings);
    return d.failures > 0 || (d.warnings > 0 && admin_given(call, "strict")) ? ADMIN_FAILED : 0;
}
