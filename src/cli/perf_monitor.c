/* SPDX-License-Identifier: Apache-2.0
 *
 * perf_monitor.c - `geminga perf monitor-brokers`: how busy brokers are, in the tables of pulsar-perf.
 *
 * pulsar-perf reads what brokers write about themselves into ZooKeeper.  Here their HTTP is asked, so that it works
 * with any broker, one without ZooKeeper, too: the list of brokers, the report of each one's load and, where that has
 * no rates, its metrics.  The averages are pulsar-perf's, of the last 10 and the last 1,000 reports.
 */
#include "cli/admin_call.h"
#include "cli/perf.h"
#include "cli/perf_rest.h"
#include "cli/perf_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BROKERS_MAX 1000
#define SHORT       10
#define LONG        1000
#define TABLE_MAX   (4u * 1024 * 1024)
#define NS_PER_S    INT64_C(1000000000)

struct monitor_config {
    char *url;
    int64_t interval_s, reports;
    bool extensions;
    struct access_config access;
};

#define AT(member) .offset = offsetof(struct monitor_config, member)

static const struct option monitor_rows[] = {
    {.key = "monitor.url",
     .alias = "webServiceUrl",
     .flag = "--connect-string|-au|--admin-url",
     .type = OPTION_TEXT,
     .fallback = "http://localhost:8080",
     AT(url),
     .text = "A broker's HTTP; it tells of the others."},
    {.key = "monitor.interval",
     .flag = "-i|--interval",
     .type = OPTION_INTEGER,
     .fallback = "60",
     .min = 1,
     .max = 86400,
     AT(interval_s),
     .text = "Seconds from report to report."},
    {.key = "monitor.reports",
     .flag = "-n|--num-reports",
     .type = OPTION_INTEGER,
     .fallback = "0",
     .max = INT32_MAX,
     AT(reports),
     .text = "How many; 0: until Ctrl-C."},
    {.key = "monitor.extensions",
     .flag = "--extensions",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(extensions),
     .text = "Without averages, as pulsar-perf shows what its extensible load manager writes."},
    ACCESS_ROWS(struct monitor_config, access),
};

/* Messages and bytes a second. */
struct rates {
    double messages_in, messages_out, bytes_in, bytes_out;
};

struct report {
    double cpu, memory, direct, in, out; /* percent */
    int64_t topics, bundles, producers, consumers, gains, losses;
    struct rates rates;
};

struct watched {
    char name[300]; /* HOST:PORT */
    bool there;     /* in the last list */
    bool reported;
    struct report report;
    struct rates brief, lasting; /* averages */
    int64_t samples;
    struct rates totals; /* counters, of a broker whose report has no rates; */
    int64_t totals_ns;   /* read then; 0: never */
};

struct monitor {
    const struct invocation *inv;
    const struct monitor_config *config;
    struct watched *brokers;
    size_t count;
};

/* ---- asking ---- */

/* False: it failed, and that was said.  *out is NULL where the answer is none. */
static bool json_ask(const struct monitor *m, const char *url, const char *path, json_t **out)
{
    struct perf_rest rest;
    struct http_answer answer;
    bool good = false;

    *out = NULL;
    if (perf_rest_open(&rest, m->inv, url, &m->config->access) == CLI_OK &&
        perf_rest_ask(&rest, "GET", path, NULL, &answer) == CLI_OK) {
        if ((good = answer.status < 300))
            *out = json_loadb(answer.body, answer.body_len, 0, NULL);
        else
            cli_error(m->inv, "%s%s: HTTP %d %.300s", url, path, answer.status, answer.body ? answer.body : "");
        http_answer_free(&answer);
    }
    perf_rest_close(&rest);
    return good;
}

static double number_of(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

static double percent_of(const json_t *report, const char *name)
{
    const json_t *usage = json_object_get(report, name);
    const double limit = number_of(usage, "limit");

    return limit > 0 ? number_of(usage, "usage") / limit * 100 : 0;
}

static void rates_add(struct rates *to, const json_t *row, const char *const names[4])
{
    to->messages_in += number_of(row, names[0]);
    to->messages_out += number_of(row, names[1]);
    to->bytes_in += number_of(row, names[2]);
    to->bytes_out += number_of(row, names[3]);
}

/* Since the counters were read last. */
static struct rates rates_since(struct watched *w, const struct rates *totals)
{
    const int64_t now_ns = perf_now_ns();
    const double seconds = w->totals_ns > 0 ? (double)(now_ns - w->totals_ns) / NS_PER_S : 0;
    struct rates rates = {0};

    if (seconds > 0) {
        rates.messages_in = (totals->messages_in - w->totals.messages_in) / seconds;
        rates.messages_out = (totals->messages_out - w->totals.messages_out) / seconds;
        rates.bytes_in = (totals->bytes_in - w->totals.bytes_in) / seconds;
        rates.bytes_out = (totals->bytes_out - w->totals.bytes_out) / seconds;
    }
    w->totals = *totals;
    w->totals_ns = now_ns;
    return rates;
}

/* Apache Pulsar's rows are of namespaces and have rates; Geminga's is of the whole broker and has counters.  With a
 * load manager that reports nothing (a standalone's) the counts are there, too. */
static void metrics_read(struct watched *w, const json_t *metrics, bool counts)
{
    static const char *const rates[] = {"brk_in_rate", "brk_out_rate", "brk_in_tp_rate", "brk_out_tp_rate"};
    static const char *const counters[] = {"brk_in_messages_total", "brk_out_messages_total", "brk_in_bytes_total",
                                           "brk_out_bytes_total"};
    struct rates totals = {0};
    bool counted = false;
    const json_t *each;
    size_t i;

    w->report.rates = (struct rates){0};
    json_array_foreach(metrics, i, each)
    {
        const json_t *row = json_object_get(each, "metrics");
        rates_add(&w->report.rates, row, rates);
        rates_add(&totals, row, counters);
        counted = counted || json_object_get(row, counters[0]);
        if (counts) {
            w->report.topics += (int64_t)number_of(row, "brk_ml_count");
            w->report.producers += (int64_t)number_of(row, "brk_no_of_producers");
            w->report.consumers += (int64_t)number_of(row, "brk_no_of_consumers");
        }
    }
    if (counted)
        w->report.rates = rates_since(w, &totals);
}

static void report_read(struct report *r, const json_t *json)
{
    static const char *const names[] = {"msgRateIn", "msgRateOut", "msgThroughputIn", "msgThroughputOut"};

    *r = (struct report){
        .cpu = percent_of(json, "cpu"),
        .memory = percent_of(json, "memory"),
        .direct = percent_of(json, "directMemory"),
        .in = percent_of(json, "bandwidthIn"),
        .out = percent_of(json, "bandwidthOut"),
        .topics = (int64_t)number_of(json, "numTopics"),
        .bundles = (int64_t)number_of(json, "numBundles"),
        .producers = (int64_t)number_of(json, "numProducers"),
        .consumers = (int64_t)number_of(json, "numConsumers"),
        .gains = (int64_t)json_array_size(json_object_get(json, "lastBundleGains")),
        .losses = (int64_t)json_array_size(json_object_get(json, "lastBundleLosses")),
    };
    rates_add(&r->rates, json, names);
}

/* As Pulsar's load manager averages: of the first `most` samples all weigh the same. */
static void average(struct rates *to, const struct rates *sample, int64_t samples, int64_t most)
{
    const double n = (double)(samples < most ? samples : most);

    to->messages_in += (sample->messages_in - to->messages_in) / n;
    to->messages_out += (sample->messages_out - to->messages_out) / n;
    to->bytes_in += (sample->bytes_in - to->bytes_in) / n;
    to->bytes_out += (sample->bytes_out - to->bytes_out) / n;
}

static bool broker_ask(const struct monitor *m, struct watched *w, const char *url)
{
    json_t *report = NULL, *metrics = NULL;
    bool good = json_ask(m, url, "/admin/v2/broker-stats/load-report", &report);

    report_read(&w->report, report);
    if (good && !json_object_get(report, "msgRateIn") &&
        (good = json_ask(m, url, "/admin/v2/broker-stats/metrics", &metrics)))
        metrics_read(w, metrics, !report);
    json_decref(metrics);
    json_decref(report);
    if (!good)
        return false;
    w->samples++;
    average(&w->brief, &w->report.rates, w->samples, SHORT);
    average(&w->lasting, &w->report.rates, w->samples, LONG);
    w->reported = true;
    return true;
}

/* ---- printing ---- */

static double largest_of(const struct report *r)
{
    double largest = r->cpu;

    largest = r->direct > largest ? r->direct : largest;
    largest = r->in > largest ? r->in : largest;
    return r->out > largest ? r->out : largest;
}

static void heads_row(struct perf_table_draft *t, const char *const *heads)
{
    for (; *heads; heads++)
        perf_table_text(t, *heads);
    perf_table_row_end(t);
    perf_table_text(t, NULL);
}

static void system_rows(struct perf_table_draft *t, const struct report *r)
{
    static const char *const heads[] = {"SYSTEM",  "CPU %",    "MEMORY %", "DIRECT %",
                                        "BW IN %", "BW OUT %", "MAX %",    NULL};
    const double numbers[] = {r->cpu, r->memory, r->direct, r->in, r->out, largest_of(r)};

    heads_row(t, heads);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        perf_table_number(t, numbers[i]);
    perf_table_row_end(t);
}

static void count_rows(struct perf_table_draft *t, const struct report *r)
{
    static const char *const heads[] = {"COUNT",    "TOPIC",    "BUNDLE",   "PRODUCER",
                                        "CONSUMER", "BUNDLE +", "BUNDLE -", NULL};
    const int64_t counts[] = {r->topics, r->bundles, r->producers, r->consumers, r->gains, r->losses};

    heads_row(t, heads);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        perf_table_count(t, counts[i]);
    perf_table_row_end(t);
}

static void rate_rows(struct perf_table_draft *t, const char *name, const struct rates *r)
{
    const char *const heads[] = {name, "MSG/S IN", "MSG/S OUT", "TOTAL", "KB/S IN", "KB/S OUT", "TOTAL", NULL};

    heads_row(t, heads);
    perf_table_number(t, r->messages_in);
    perf_table_number(t, r->messages_out);
    perf_table_number(t, r->messages_in + r->messages_out);
    perf_table_number(t, r->bytes_in / 1024);
    perf_table_number(t, r->bytes_out / 1024);
    perf_table_number(t, (r->bytes_in + r->bytes_out) / 1024);
    perf_table_row_end(t);
}

static void text_out(struct text *text)
{
    if (!text_failed(text))
        (void)fputs(text->data, stdout);
    (void)fflush(stdout);
    text_deinit(text);
}

static void broker_print(const struct monitor *m, const struct watched *w)
{
    static const struct perf_table_shape shape = {'=', 7, 14, 14};
    struct perf_table_draft table;
    struct text text;

    text_init(&text, TABLE_MAX);
    text_printf(&text, "\nBroker Data for %s:\n", w->name);
    perf_table_begin(&table, &shape, &text);
    system_rows(&table, &w->report);
    count_rows(&table, &w->report);
    rate_rows(&table, "LATEST", &w->report.rates);
    if (!m->config->extensions) {
        rate_rows(&table, "SHORT", &w->brief);
        rate_rows(&table, "LONG", &w->lasting);
    }
    perf_table_end(&table);
    text_add(&text, "\n");
    text_out(&text);
}

struct overall {
    int64_t bundles;
    double rate, lasting, kilobytes, largest;
};

static void overall_row(struct perf_table_draft *t, const char *name, const struct overall *o)
{
    perf_table_text(t, name);
    perf_table_count(t, o->bundles);
    perf_table_number(t, o->rate);
    perf_table_number(t, o->lasting);
    perf_table_number(t, o->kilobytes);
    perf_table_number(t, o->largest);
    perf_table_row_end(t);
}

static struct overall overall_of(const struct watched *w)
{
    return (struct overall){
        .bundles = w->report.bundles,
        .rate = w->report.rates.messages_in + w->report.rates.messages_out,
        .lasting = w->lasting.messages_in + w->lasting.messages_out,
        .kilobytes = (w->report.rates.bytes_in + w->report.rates.bytes_out) / 1024,
        .largest = largest_of(&w->report),
    };
}

static void overall_print(const struct monitor *m)
{
    static const struct perf_table_shape shape = {'*', 6, 60, 12};
    static const char *const heads[] = {"BROKER", "BUNDLE", "MSG/S", "LONG/S", "KB/S", "MAX %"};
    struct overall total = {0};
    struct perf_table_draft table;
    struct text text;

    text_init(&text, TABLE_MAX);
    text_add(&text, "Overall Broker Data:\n");
    perf_table_begin(&table, &shape, &text);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        perf_table_text(&table, heads[i]);
    perf_table_row_end(&table);
    for (size_t i = 0; i < m->count; i++) {
        const struct overall each = overall_of(&m->brokers[i]);
        if (!m->brokers[i].there || !m->brokers[i].reported)
            continue;
        overall_row(&table, m->brokers[i].name, &each);
        total.bundles += each.bundles;
        total.rate += each.rate;
        total.lasting += each.lasting;
        total.kilobytes += each.kilobytes;
        total.largest = each.largest > total.largest ? each.largest : total.largest;
    }
    overall_row(&table, "TOTAL", &total);
    perf_table_end(&table);
    text_out(&text);
}

/* ---- who there is ---- */

static struct watched *broker_find(struct monitor *m, const char *name)
{
    for (size_t i = 0; i < m->count; i++) {
        if (strcmp(m->brokers[i].name, name) == 0)
            return &m->brokers[i];
    }
    return NULL;
}

static struct watched *broker_add(struct monitor *m, const char *name)
{
    struct watched *w = m->count < BROKERS_MAX ? &m->brokers[m->count++] : NULL;

    if (w) {
        *w = (struct watched){0};
        (void)snprintf(w->name, sizeof w->name, "%s", name);
        printf("Gained broker: %s\n", name);
    }
    return w;
}

static void losses_tell(struct monitor *m, const json_t *names)
{
    for (size_t i = 0; i < m->count; i++) {
        const json_t *each;
        bool there = false;
        size_t k;
        json_array_foreach(names, k, each) there = there || strcmp(m->brokers[i].name, json_string_value(each)) == 0;
        if (m->brokers[i].there && !there)
            printf("Lost broker: %s\n", m->brokers[i].name);
        m->brokers[i].there = there;
    }
}

/* The one that was asked for the list is asked where it was reached: the name in the list may be for others. */
static void broker_report(struct monitor *m, const char *name, bool alone)
{
    struct watched *w = broker_find(m, name);
    char url[320];

    if (!w && !(w = broker_add(m, name)))
        return;
    w->there = true;
    (void)snprintf(url, sizeof url, "%s://%.290s", strncmp(m->config->url, "https", 5) == 0 ? "https" : "http", name);
    if (broker_ask(m, w, alone ? m->config->url : url))
        broker_print(m, w);
}

static bool report_all(struct monitor *m)
{
    json_t *names;
    const bool good = json_ask(m, m->config->url, "/admin/v2/brokers", &names);
    const json_t *each;
    size_t i;

    losses_tell(m, names);
    json_array_foreach(names, i, each)
    {
        if (json_is_string(each))
            broker_report(m, json_string_value(each), json_array_size(names) == 1);
    }
    if (good)
        overall_print(m);
    json_decref(names);
    return good;
}

/* ---- the whole ---- */

static void interval_wait(int64_t seconds)
{
    const int64_t until_ns = perf_now_ns() + seconds * NS_PER_S;

    while (!client_interrupted() && perf_now_ns() < until_ns)
        (void)nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
}

static int monitor(struct invocation *inv, const struct monitor_config *config)
{
    struct monitor m = {.inv = inv, .config = config, .brokers = calloc(BROKERS_MAX, sizeof *m.brokers)};
    bool good = m.brokers != NULL;

    if (inv->argc > 0) {
        free(m.brokers);
        return cli_usage_error(inv, "what is `%s`?", inv->argv[0]);
    }
    client_signals();
    for (int64_t i = 0; m.brokers && !client_interrupted() && (config->reports == 0 || i < config->reports); i++) {
        if (i > 0)
            interval_wait(config->interval_s);
        good = client_interrupted() ? good : report_all(&m);
    }
    free(m.brokers);
    return good ? CLI_OK : CLI_FAILED;
}

static int monitor_run(struct invocation *inv)
{
    struct options sets[VERB_TABLES_MAX];
    struct monitor_config config = {0};
    void *const values[VERB_TABLES_MAX] = {&config};
    int status = cli_configure(inv, sets, values);

    if (status == CLI_OK)
        status = monitor(inv, &config);
    cli_deconfigure(inv, sets);
    return status;
}

const struct verb perf_monitor_verb = {
    .name = "monitor-brokers",
    .text = "Shows how busy brokers are: their processors, topics and rates.",
    .example = "  geminga perf monitor-brokers --connect-string http://localhost:8080\n",
    .tables = {VERB_TABLE(monitor_rows)},
    .run = monitor_run,
};

const struct verb perf_monitor_short_verb = {
    .name = "monitor",
    .text = "The same as monitor-brokers.",
    .example = "  geminga perf monitor\n",
    .tables = {VERB_TABLE(monitor_rows)},
    .run = monitor_run,
};
