/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_recorded_test.c - what the official pulsar-admin 4.0.8 asked and printed, for each of its commands and options,
 * and what `geminga admin` does with the same words and the same answers.
 *
 * tests/cli/pulsar-admin-4.0.8.jsonl was recorded: the tool was run against a server that answers with little.  Each
 * line is one run: its words, the requests with the answers that they got, what was printed, whether it failed.
 * Where we differ on purpose, `differences` says why.
 */
#include "cli/admin_call.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define REQUESTS_MAX 64

static const char *directory; /* tests/cli, the program's first argument */

/* ---- what may differ ---- */

/* "group command", or a prefix of it, or a part of the words; what differs; why. */
static const struct difference {
    const char *words;
    enum { REQUEST, PRINTED, STATUS, ALL } what;
    const char *why;
} differences[] = {
    {"topicPolicies set-replication-clusters", ALL, "4.0.8 ends before its request is sent"},
    {"topicPolicies remove-replication-clusters", ALL, "the same"},
    {"topicPolicies set-dispatcher-pause-on-ack-state-persistent", ALL, "the same"},
    {"topicPolicies remove-dispatcher-pause-on-ack-state-persistent", ALL, "the same"},
    {"topicPolicies get-dispatcher-pause-on-ack-state-persistent", ALL, "the same; it prints a Java object"},
    {"brokers backlog-quota-check", ALL, "the same"},
    {"namespaces list-cluster", ALL, "namespaces with a cluster in their names: not built"},
    {"namespaces get-anti-affinity-namespaces", ALL, "4.0.8 asks a path of old, which brokers may not have"},
    {"clusters list", REQUEST, "the broker's settings are asked for with -c only"},
    {"clusters delete standalone -a", ALL, "the order of the deletions"},
    {"tenants update acme", REQUEST, "4.0.8 asks for the tenant once for each that is not given"},
    {"topics delete missing", ALL, "4.0.8 prints the failure and exits 0"},
    {"topics delete --force --deleteSchema regex", ALL, "\"regex\" without dashes is a topic's name here"},
    {"topics stats public/default/a%2Fb c", ALL, "a blank is %20, and not +"},
    {"topics unsubscribe t1 -s a/b c", ALL, "the same"},
    {"namespaces grant-permission public/default --role r/1 x", ALL, "the same"},
    {"topics peek-messages", REQUEST, "4.0.8 gives up on an empty answer"},
    {"persistent peek-messages", REQUEST, "the same"},
    {"persistent grant-permission", ALL, "4.0.8 takes one action each time; ours also a list"},
    {"schemas extract", ALL, "needs Java"},
    {"schemas compatibility", PRINTED, "4.0.8 throws the verdict away"},
    {"transactions position-stats-in-pending-ack", PRINTED, "4.0.8 prints nothing"},
    {"topics list", PRINTED, "names are in the broker's order"},
    {"persistent list", PRINTED, "the same"},
    {"topics permissions", PRINTED, "the same"},
    {"persistent permissions", PRINTED, "the same"},
    {"namespaces permissions", PRINTED, "the same"},
    {"topics get-subscription-types-enabled", PRINTED, "the same"},
    {"topicPolicies get-subscription-types-enabled", PRINTED, "the same"},
    {"namespaces get-subscription-types-enabled", PRINTED, "the same"},
    {"broker-stats load-report", PRINTED, "4.0.8 prints fields that were not in the answer"},
    {"broker-stats monitoring-metrics", PRINTED, "the end of the last line"},
    {"broker-stats mbeans", PRINTED, "the same"},
    {"broker-stats topics", PRINTED, "the same"},
    {"clusters get-cluster-migration", PRINTED, "fields that were not in the answer"},
    {"clusters get standalone", PRINTED, "the same"},
    {"namespaces policies", PRINTED, "the same"},
    {"schemas metadata", PRINTED, "the same"},
    {"topics last-message-id", PRINTED, "the same"},
    {"persistent last-message-id", PRINTED, "the same"},
    {"topics get-message-id", PRINTED, "the same"},
    {"topics stats ", PRINTED, "the same"},
    {"transactions pending-ack", PRINTED, "the same"},
    {"transactions buffer-snapshot", PRINTED, "the same"},
    {"transactions transaction-buffer-stats", PRINTED, "the same"},
    {"ns-isolation-policy broker", PRINTED, "the same"},
    {"ns-isolation-policy get", PRINTED, "the same, and their order"},
    {"ns-isolation-policy list", PRINTED, "the names of Java's members"},
    {"transactions coordinator-stats", PRINTED, "the same"},
    {"transactions slow-transactions", PRINTED, "the same"},
    {"transactions transaction-metadata", PRINTED, "the order of members"},
    {"namespaces get-schema-autoupdate-strategy", PRINTED, "Java's spelling of the answer"},
    {"persistent info-internal", PRINTED, "4.0.8 prints JSON inside of a JSON text"},
    {"functions-worker", PRINTED, "fields that were not in the answer"},
    {"brokers namespaces", PRINTED, "Java's own form of the bundle's state"},
};

/* Parameters and members that a broker knows without being told: what they are when they are not there. */
static const char *const left_out[] = {
    "excludePublishers",
    "getPreciseBacklog",
    "excludeConsumers",
    "batchSize",
    "excluded",
    "isExcluded",
    "limit",
    "empty",
    "applied",
    "includeSystemTopic",
    "s3Driver",
    "gcsDriver",
    "fileSystemDriver",
    "managedLedgerOffloadMaxThreads",
    "managedLedgerOffloadReadThreads",
    "managedLedgerOffloadPrefetchRounds",
    "managedLedgerExtraConfigurations",
    "gcsManagedLedgerOffloadMaxBlockSizeInBytes",
    "gcsManagedLedgerOffloadReadBufferSizeInBytes",
    "s3ManagedLedgerOffloadRoleSessionName",
    "brokerClientTlsEnabled",
    "tlsAllowInsecureConnection",
    "brokerClientTlsEnabledWithKeyStore",
    "brokerClientTlsTrustStoreType",
    "brokerClientTlsKeyStoreType",
    "brokerClientSslFactoryPlugin",
    "replication_clusters",
    "auth_policies",
    "allowed_clusters",
};

static bool may_be_left_out(const char *name, bool whole_policies)
{
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++) {
        if (strcmp(left_out[i], name) == 0)
            return true;
    }
    return whole_policies; /* `namespaces create` sends all of Java's defaults */
}

static bool differs(const char *words, int what)
{
    for (size_t i = 0; i < sizeof differences / sizeof *differences; i++) {
        const struct difference *d = &differences[i];
        if (strncmp(words, d->words, strlen(d->words)) == 0 && ((int)d->what == what || d->what == ALL))
            return true;
    }
    return false;
}

/* ---- the broker ---- */

struct recorded_asker {
    struct admin_asker asker;
    const json_t *requests;
    bool asked[REQUESTS_MAX];
    char wrong[2000]; /* the first request that was not recorded */
};

static bool json_same(const json_t *ours, const json_t *theirs, bool whole_policies);

static bool member_of(const json_t *value, const json_t *list)
{
    size_t i;
    const json_t *each;

    json_array_foreach(list, i, each)
    {
        if (json_same(value, each, false))
            return true;
    }
    return false;
}

/* Lists in any order; objects but for what may be left out. */
static bool json_same(const json_t *ours, const json_t *theirs, bool whole_policies)
{
    size_t i;
    const char *key;
    json_t *each;

    if (json_is_number(ours) && json_is_number(theirs))
        return json_number_value(ours) == json_number_value(theirs);
    if (json_is_array(ours) && json_is_array(theirs)) {
        json_array_foreach(ours, i, each)
        {
            if (!member_of(each, theirs))
                return false;
        }
        return json_array_size(ours) == json_array_size(theirs);
    }
    if (!json_is_object(ours) || !json_is_object(theirs))
        return json_equal(ours, theirs);
    json_object_foreach((json_t *)(uintptr_t)ours, key, each)
    {
        const json_t *other = json_object_get(theirs, key);
        if (other ? !json_same(each, other, false) : !may_be_left_out(key, false))
            return false;
    }
    json_object_foreach((json_t *)(uintptr_t)theirs, key, each)
    {
        if (!json_object_get(ours, key) && !may_be_left_out(key, whole_policies))
            return false;
    }
    return true;
}

/* Every parameter of `query` is in `other`, or may be left out when it is false. */
static bool query_within(const char *query, const char *other)
{
    char copy[1000], name[100], *save = NULL;

    (void)snprintf(copy, sizeof copy, "%s", query);
    for (char *p = strtok_r(copy, "&", &save); p; p = strtok_r(NULL, "&", &save)) {
        const char *found = strstr(other, p);
        const size_t len = strlen(p);
        if (found && (found == other || found[-1] == '&') && (found[len] == '\0' || found[len] == '&'))
            continue;
        (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(p, "="), p);
        if (!may_be_left_out(name, false) || !strstr(p, "=false"))
            return false;
    }
    return true;
}

static bool path_same(const char *ours, const char *theirs)
{
    const size_t len = strcspn(ours, "?"), their_len = strcspn(theirs, "?");
    const char *query = ours[len] ? ours + len + 1 : "", *their_query = theirs[their_len] ? theirs + their_len + 1 : "";
    const char *moment = strstr(theirs, "resetcursor/"); /* a moment, which was another one */
    const size_t compared = moment ? (size_t)(moment - theirs) + strlen("resetcursor/") : len;

    if (!moment && len != their_len)
        return false;
    return strncmp(ours, theirs, compared) == 0 && query_within(query, their_query) && query_within(their_query, query);
}

static bool body_same(const char *ours, const json_t *theirs, bool whole_policies)
{
    const char *text = json_string_value(theirs);

    if (!ours || !text)
        return !ours && !text;
    json_t *a = json_loads(ours, JSON_DECODE_ANY, NULL), *b = json_loads(text, JSON_DECODE_ANY, NULL);
    const bool same = a && b ? json_same(a, b, whole_policies) : strcmp(ours, text) == 0;
    json_decref(a);
    json_decref(b);
    return same;
}

static bool request_same(const struct admin_request *ours, const json_t *theirs)
{
    const char *ask = json_string_value(json_object_get(theirs, "ask"));
    const char *type = json_string_value(json_object_get(theirs, "type"));
    const size_t method_len = strlen(ours->method);
    const bool whole = strncmp(ask, "PUT /admin/v2/namespaces/", 25) == 0;

    return strncmp(ask, ours->method, method_len) == 0 && ask[method_len] == ' ' &&
           path_same(ours->path, ask + method_len + 1) && (!type || (ours->type && strcmp(type, ours->type) == 0)) &&
           body_same(ours->body, json_object_get(theirs, "body"), whole);
}

static void answer_fill(const json_t *recorded, struct http_answer *answer)
{
    const char *text = json_string_value(json_object_get(recorded, "answer"));

    answer->status = (int)json_integer_value(json_object_get(recorded, "status"));
    answer->head = strdup("");
    answer->body = strdup(text ? text : "");
    answer->body_len = strlen(answer->body);
}

static enum err recorded_ask(struct admin_asker *asker, const struct admin_request *request, struct http_answer *answer,
                             char *why, size_t why_size)
{
    struct recorded_asker *r = (struct recorded_asker *)(void *)asker;
    size_t i;
    const json_t *each;

    json_array_foreach(r->requests, i, each)
    {
        if (!r->asked[i] && request_same(request, each)) {
            r->asked[i] = true;
            answer_fill(each, answer);
            return OK;
        }
    }
    if (!*r->wrong)
        (void)snprintf(r->wrong, sizeof r->wrong, "%s %.900s %.900s", request->method, request->path,
                       request->body ? request->body : "");
    (void)snprintf(why, why_size, "not recorded");
    return ERR_IO;
}

/* ---- a run ---- */

struct run {
    char words[3000]; /* joined by blanks */
    char *argv[80];
    int argc;
    int status;
    char *out, *errors;
    struct recorded_asker asker;
};

static int64_t any_moment(void)
{
    return 1700000000000;
}

static void words_take(struct run *run, const json_t *args)
{
    size_t i, len = 0;
    const json_t *each;

    json_array_foreach(args, i, each)
    {
        const char *word = json_string_value(each);
        char path[500];
        if (word[0] == '@') {
            (void)snprintf(path, sizeof path, "%s/%s", directory, word + 1);
            word = path;
        }
        run->argv[run->argc++] = strdup(word);
        len += (size_t)snprintf(run->words + len, sizeof run->words - len, "%s%s", i > 0 ? " " : "", word);
        assert_true(len < sizeof run->words && run->argc < 80);
    }
}

static int command_run(struct run *run)
{
    size_t out_size, errors_size;
    const struct admin_group *group = admin_group_find(run->argv[0]);
    struct admin_entry entry;
    struct admin_call call = {
        .group = group, .command = &entry.command, .asker = &run->asker.asker, .now_ms = any_moment};
    int status = ADMIN_FAILED;

    call.out = open_memstream(&run->out, &out_size);
    call.errors = open_memstream(&run->errors, &errors_size);
    if (group && run->argc > 1 && admin_command_find(group, run->argv[1], &entry)) {
        status = admin_words_read(&call, run->argc - 2, run->argv + 2);
        if (status == 0)
            status = admin_call_run(&call);
        admin_call_free(&call);
    }
    (void)fclose(call.out);
    (void)fclose(call.errors);
    return status;
}

static int complain(const struct run *run, const char *what, const char *ours, const char *theirs)
{
    print_error("%s\n  %s\n    ours:   %s\n    theirs: %s\n", run->words, what, ours, theirs ? theirs : "");
    return 1;
}

static int requests_check(const struct run *run)
{
    size_t i;
    const json_t *each;

    if (differs(run->words, REQUEST))
        return 0;
    if (*run->asker.wrong)
        return complain(run, "asked what was not recorded", run->asker.wrong,
                        json_string_value(json_object_get(json_array_get(run->asker.requests, 0), "ask")));
    json_array_foreach(run->asker.requests, i, each)
    {
        if (!run->asker.asked[i])
            return complain(run, "did not ask", run->errors, json_string_value(json_object_get(each, "ask")));
    }
    return 0;
}

static int run_check(struct run *run, const json_t *line)
{
    const char *printed = json_string_value(json_object_get(line, "out"));
    const bool failed = json_is_true(json_object_get(line, "fails"));
    int wrong = requests_check(run);

    if (json_is_true(json_object_get(line, "broken")))
        return wrong; /* it fell over an empty answer */
    if (wrong == 0 && failed != (run->status != 0) && !differs(run->words, STATUS))
        wrong = complain(run, "exit status", run->status == 0 ? "0" : run->errors, failed ? "1" : "0");
    if (wrong == 0 && printed && strcmp(printed, run->out) != 0 && !differs(run->words, PRINTED))
        wrong = complain(run, "printed", run->out, printed);
    return wrong;
}

static int line_check(const char *text)
{
    json_t *line = json_loads(text, 0, NULL);
    struct run run = {.asker = {.asker = {.ask = recorded_ask}}};
    int wrong = 0;

    assert_non_null(line);
    run.asker.requests = json_object_get(line, "requests");
    words_take(&run, json_object_get(line, "args"));
    assert_true(json_array_size(run.asker.requests) <= REQUESTS_MAX);
    if (!differs(run.words, ALL)) {
        run.status = command_run(&run);
        wrong = run_check(&run, line);
    }
    while (run.argc > 0)
        free(run.argv[--run.argc]);
    free(run.out);
    free(run.errors);
    json_decref(line);
    return wrong;
}

static void every_recorded_command_asks_and_prints_as_the_official_tool(void **state)
{
    char path[500];
    char *text = NULL;
    size_t size = 0;
    int lines = 0, wrong = 0;

    (void)snprintf(path, sizeof path, "%s/pulsar-admin-4.0.8.jsonl", directory);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (getline(&text, &size, file) > 0) {
        wrong += line_check(text);
        lines++;
    }
    free(text);
    (void)fclose(file);
    print_message("%d of %d differ\n", wrong, lines);
    assert_true(lines > 1000);
    assert_int_equal(wrong, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_recorded_command_asks_and_prints_as_the_official_tool),
    };

    if (argc < 2) {
        (void)fputs("usage: admin_recorded_test DIRECTORY\n", stderr);
        return 2;
    }
    directory = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
