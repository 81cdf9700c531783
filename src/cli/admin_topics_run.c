/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_topics_run.c - the commands of topics that are more than one request, or have rules of their own.
 */
#include "cli/admin_topics.h"

#include <assert.h>
#include <inttypes.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOPIC "/admin/v2/{topic}"

/* The topic that the first argument names; it was checked when it was read. */
static struct admin_topic topic_of(const struct admin_call *call)
{
    struct admin_topic topic;
    char why[ADMIN_MESSAGE_MAX];
    const enum err err = admin_topic_read(&topic, call->arguments[0], why, sizeof why);

    assert(err == OK);
    return topic;
}

/* ---- lists ---- */

static const char *const domains[] = {"persistent", "non-persistent"};

static bool domain_wanted(const struct admin_call *call, const char *domain)
{
    const struct admin_option *option = admin_option_named(call->command->options, "topic-domain");
    const char *wanted = option ? admin_text(call, "topic-domain") : NULL;

    return !wanted || strncmp(wanted, domain, strlen("non")) == 0;
}

/* "?bundle=...&includeSystemTopic=...", as the command has these options. */
static void list_query(const struct admin_call *call, char *to, size_t size)
{
    const struct admin_option *bundle = admin_option_named(call->command->options, "bundle");
    const struct admin_option *system = admin_option_named(call->command->options, "include-system-topic");
    char encoded[200] = "";

    if (bundle && admin_text(call, "bundle"))
        (void)admin_encode(admin_text(call, "bundle"), encoded, sizeof encoded);
    (void)snprintf(to, size, "?%s%s%sincludeSystemTopic=%s", *encoded ? "bundle=" : "", encoded, *encoded ? "&" : "",
                   system && admin_given(call, "include-system-topic") ? "true" : "false");
}

/* The topics of a namespace, of the wanted domains, added to `all`. */
static int namespace_list(struct admin_call *call, const char *namespace_, const char *tail, json_t *all)
{
    char query[300], pattern[1000];

    list_query(call, query, sizeof query);
    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++) {
        json_t *some;
        if (!domain_wanted(call, domains[i]))
            continue;
        (void)snprintf(pattern, sizeof pattern, "/admin/v2/%s/%s%s%s", domains[i], namespace_, tail, query);
        const int status = admin_ask_json(call, "GET", pattern, NULL, &some);
        if (status != 0)
            return status;
        (void)json_array_extend(all, some);
        json_decref(some);
    }
    return 0;
}

/* Of a namespace, or of all of a tenant's. */
static int list_run(struct admin_call *call, const char *tail)
{
    const char *of = call->arguments[0];
    json_t *all = json_array(), *namespaces = NULL, *each;
    int status = 0;
    size_t i;

    if (strchr(of, '/')) {
        status = admin_namespace_ok(of) ? namespace_list(call, of, tail, all)
                                        : admin_refuse(call, "`%s` is no namespace: one is TENANT/NAMESPACE", of);
    } else {
        status = admin_ask_json(call, "GET", "/admin/v2/namespaces/{namespace}", NULL, &namespaces);
        json_array_foreach(namespaces, i, each)
        {
            if (status == 0 && json_is_string(each))
                status = namespace_list(call, json_string_value(each), tail, all);
        }
    }
    if (status == 0)
        admin_print_value(call, all, ADMIN_LINES);
    json_decref(namespaces);
    json_decref(all);
    return status;
}

int admin_topics_list_run(struct admin_call *call)
{
    return list_run(call, "");
}

int admin_topics_list_partitioned_run(struct admin_call *call)
{
    return list_run(call, "/partitioned");
}

/* ---- deletion ---- */

static int delete_one(struct admin_call *call, const char *name)
{
    const struct admin_option *force = admin_option_named(call->command->options, "force");
    struct admin_topic topic;
    char pattern[3600], why[ADMIN_MESSAGE_MAX];

    if (admin_topic_read(&topic, name, why, sizeof why) != OK)
        return admin_refuse(call, "%s", why);
    (void)snprintf(pattern, sizeof pattern, "/admin/v2/%s?force=%s&deleteSchema=true", topic.path,
                   force && admin_given(call, "force") ? "true" : "false");
    struct admin_request request = {.method = "DELETE"};
    struct http_answer answer;
    (void)snprintf(request.path, sizeof request.path, "%s", pattern);
    const int status = admin_ask(call, &request, &answer);
    if (status == 0)
        http_answer_free(&answer);
    return status;
}

static int delete_from_file(struct admin_call *call)
{
    FILE *file = fopen(call->arguments[0], "r");
    char line[1200];
    int status = 0;

    if (!file)
        return admin_refuse(call, "`%s` cannot be read", call->arguments[0]);
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\r\n")] = '\0';
        if (*line && delete_one(call, line) != 0)
            status = ADMIN_FAILED;
    }
    (void)fclose(file);
    return status;
}

/* The namespace's topics whose whole name the expression matches. */
static int delete_matching(struct admin_call *call)
{
    const struct admin_topic topic = topic_of(call);
    char whole[sizeof topic.full + 8];
    json_t *all = json_array(), *each;
    regex_t regex;
    size_t i;

    (void)snprintf(whole, sizeof whole, "^(%s)$", topic.full);
    if (regcomp(&regex, whole, REG_EXTENDED | REG_NOSUB) != 0) {
        json_decref(all);
        return admin_refuse(call, "`%s` is no regular expression", call->arguments[0]);
    }
    int status = namespace_list(call, topic.namespace_, "", all);
    json_array_foreach(all, i, each)
    {
        const char *name = json_string_value(each);
        if (name && regexec(&regex, name, 0, NULL, 0) == 0 && delete_one(call, name) != 0)
            status = ADMIN_FAILED;
    }
    regfree(&regex);
    json_decref(all);
    return status;
}

int admin_topics_delete_run(struct admin_call *call)
{
    const bool regex = admin_given(call, "regex"), file = admin_given(call, "from-file");

    if (regex && file)
        return admin_refuse(call, "a file has no regular expression: either --regex or --from-file");
    if (file)
        return delete_from_file(call);
    return regex ? delete_matching(call) : delete_one(call, call->arguments[0]);
}

/* ---- creation ---- */

int admin_topics_create_partitioned_run(struct admin_call *call)
{
    const struct admin_option *metadata = admin_option_named(call->command->options, "metadata");
    json_t *properties = metadata ? admin_value(call, "metadata") : NULL;
    json_t *partitions = admin_value(call, "partitions");
    struct admin_request request;
    struct http_answer answer;
    json_t *body = properties
                       ? json_pack("{s:O,s:b,s:O}", "partitions", partitions, "deleted", 0, "properties", properties)
                       : json_incref(partitions);
    int status = admin_request_plain(call, &request, "PUT", TOPIC "/partitions?createLocalTopicOnly=false", body);

    if (status != 0)
        return status;
    request.type = properties ? "application/vnd.partitioned-topic-metadata+json" : NULL;
    status = admin_ask(call, &request, &answer);
    admin_request_free(&request);
    if (status == 0)
        http_answer_free(&answer);
    return status;
}

int admin_topics_create_subscription_run(struct admin_call *call)
{
    const struct admin_option *replicated = admin_option_named(call->command->options, "replicated");
    json_t *body = json_copy(admin_value(call, "messageId")), *properties = admin_value(call, "property");
    const bool yes = replicated && admin_given(call, "replicated");

    if (properties)
        (void)json_object_set(body, "properties", properties);
    return admin_ask_json(call, "PUT",
                          yes ? TOPIC "/subscription/{subscription}?replicated=true"
                              : TOPIC "/subscription/{subscription}?replicated=false",
                          body, NULL);
}

/* ---- positions ---- */

/* A position as a body: of the topic's partition, if it is one. */
static json_t *position_body(const struct admin_call *call, json_t *position, bool of_partition)
{
    const struct admin_option *exclude = admin_option_named(call->command->options, "exclude-reset-position");
    json_t *body = json_copy(position);

    if (of_partition)
        (void)json_object_set_new(body, "partitionIndex", json_integer(topic_of(call).partition));
    (void)json_object_set_new(body, "excluded", json_boolean(exclude && admin_given(call, "exclude-reset-position")));
    return body;
}

int admin_topics_expire_run(struct admin_call *call)
{
    const struct admin_option *option = admin_option_named(call->command->options, "position");
    const bool by_position = option && admin_given(call, "position"), by_time = admin_given(call, "expireTime");

    if (by_position == by_time)
        return admin_refuse(call, "either --expireTime or --position, please");
    if (by_time)
        return admin_ask_json(call, "POST", TOPIC "/subscription/{subscription}/expireMessages/{expireTime}", NULL,
                              NULL);
    return admin_ask_json(call, "POST", TOPIC "/subscription/{subscription}/expireMessages",
                          position_body(call, admin_value(call, "position"), true), NULL);
}

int admin_topics_analyze_run(struct admin_call *call)
{
    json_t *from = admin_value(call, "position"), *found;
    const int status = admin_ask_json(call, "POST", TOPIC "/subscription/{subscription}/analyzeBacklog",
                                      from ? position_body(call, from, true) : NULL, &found);

    if (status == 0)
        admin_print_value(call, found, ADMIN_JSON);
    json_decref(found);
    return status;
}

int admin_topics_reset_run(struct admin_call *call)
{
    json_t *id = admin_value(call, "messageId"), *back = admin_value(call, "time");
    const struct admin_option *option = admin_option_named(call->command->options, "position");
    char pattern[120];

    if (!id && option)
        id = admin_value(call, "position");
    if (id)
        return admin_ask_json(call, "POST", TOPIC "/subscription/{subscription}/resetcursor",
                              position_body(call, id, false), NULL);
    if (!back)
        return admin_refuse(call, "either --time or --messageId, please");
    (void)snprintf(pattern, sizeof pattern, TOPIC "/subscription/{subscription}/resetcursor/%" PRId64,
                   call->now_ms() - (int64_t)json_integer_value(back));
    return admin_ask_json(call, "POST", pattern, NULL, NULL);
}

/* ---- terminating ---- */

static void terminated_print(struct admin_call *call, const char *suffix, const json_t *id)
{
    (void)fprintf(call->out,
                  "Topic %s%ssuccessfully terminated at %" JSON_INTEGER_FORMAT ":%" JSON_INTEGER_FORMAT
                  ":%" JSON_INTEGER_FORMAT "\n",
                  suffix, *suffix ? " " : "", json_integer_value(json_object_get(id, "ledgerId")),
                  json_integer_value(json_object_get(id, "entryId")),
                  json_is_integer(json_object_get(id, "partitionIndex"))
                      ? json_integer_value(json_object_get(id, "partitionIndex"))
                      : -1);
}

/* One topic answers with a message id, a partitioned one with one each. */
int admin_topics_terminate_run(struct admin_call *call)
{
    const struct admin_topic topic = topic_of(call);
    const char *key;
    json_t *json, *id;
    const int status = admin_ask_row(call, &json);

    if (status != 0)
        return status;
    if (call->output != ADMIN_AS_PULSAR) {
        admin_print_value(call, json, ADMIN_JSON);
    } else if (json_object_get(json, "ledgerId")) {
        terminated_print(call, "", json);
    } else {
        json_object_foreach(json, key, id)
        {
            char name[sizeof topic.full + 40];
            (void)snprintf(name, sizeof name, "%s-partition-%.20s", topic.full, key);
            terminated_print(call, name, id);
        }
    }
    json_decref(json);
    return 0;
}

/* ---- what runs for long ---- */

/* The row's `what`: "Compaction compaction compacting", the words of the sentences. */
int admin_topics_status_run(struct admin_call *call)
{
    char subject[20], noun[20], verb[20];
    const struct timespec second = {.tv_sec = 1};
    json_t *json = NULL;
    int status;

    (void)sscanf(call->command->what, "%19s %19s %19s", subject, noun, verb);
    for (;;) {
        status = admin_ask_row(call, &json);
        if (status != 0)
            return status;
        const char *state = json_string_value(json_object_get(json, "status"));
        if (!admin_given(call, "wait-complete") || !state || strcmp(state, "RUNNING") != 0)
            break;
        json_decref(json);
        (void)nanosleep(&second, NULL); /* the broker tells nobody when it is done */
    }
    const char *state = json_string_value(json_object_get(json, "status"));
    const char *error = json_string_value(json_object_get(json, "lastError"));
    if (call->output != ADMIN_AS_PULSAR) {
        admin_print_value(call, json, ADMIN_JSON);
    } else if (state && strcmp(state, "NOT_RUN") == 0) {
        (void)fprintf(call->out, "%s has not been run for %s since broker startup\n", subject, topic_of(call).full);
    } else if (state && strcmp(state, "RUNNING") == 0) {
        (void)fprintf(call->out, "%s is currently running\n", subject);
    } else if (state && strcmp(state, "SUCCESS") == 0) {
        (void)fprintf(call->out, "%s was a success\n", subject);
    } else {
        (void)fprintf(call->out, "Error in %s\n", noun);
        status = admin_fail(call, "Error %s: %s", verb, error ? error : "");
    }
    json_decref(json);
    return status;
}
