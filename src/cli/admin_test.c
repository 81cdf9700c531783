/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_test.c - `geminga admin` without a broker: what is refused and how, names, what is printed, messages, who we
 * say we are.  What is asked for each command: admin_recorded_test.c.
 */
#include "cli/admin_auth.h"
#include "cli/admin_call.h"
#include "cli/admin_messages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a broker that answers with what it was given, in turn ---- */

struct told {
    int status;
    const char *head, *body;
    size_t body_len; /* 0: the body's text */
};

struct world {
    struct admin_asker asker; /* first */
    const struct told *told;
    size_t count, next;
    char asked[2000]; /* "METHOD path\n" each */
    enum admin_output output;
    const char *typed;
    char *out, *errors;
};

static enum err world_ask(struct admin_asker *asker, const struct admin_request *request, struct http_answer *answer,
                          char *why, size_t why_size)
{
    struct world *w = (struct world *)(void *)asker;
    const size_t len = strlen(w->asked);

    (void)snprintf(w->asked + len, sizeof w->asked - len, "%s %.900s\n", request->method, request->path);
    if (w->next == w->count) {
        (void)snprintf(why, why_size, "nobody is there");
        return ERR_IO;
    }
    const struct told *told = &w->told[w->next++];
    *answer = (struct http_answer){.status = told->status, .head = strdup(told->head ? told->head : "")};
    answer->body_len = told->body_len ? told->body_len : strlen(told->body ? told->body : "");
    answer->body = calloc(1, answer->body_len + 1);
    if (answer->body_len > 0)
        memcpy(answer->body, told->body, answer->body_len);
    return OK;
}

static int64_t a_moment(void)
{
    return 1000000;
}

static int run(struct world *w, const char *words)
{
    char copy[1000], *argv[40], *save = NULL;
    struct admin_entry entry;
    size_t out_size, errors_size;
    int argc = 0;

    (void)snprintf(copy, sizeof copy, "%s", words);
    for (char *p = strtok_r(copy, " ", &save); p; p = strtok_r(NULL, " ", &save))
        argv[argc++] = p;
    argv[argc] = NULL;
    const struct admin_group *group = admin_group_find(argv[0]);
    assert_non_null(group);
    assert_true(admin_command_find(group, argv[1], &entry));
    w->asker.ask = world_ask;
    w->asked[0] = '\0';
    w->next = 0;
    free(w->out);
    free(w->errors);
    struct admin_call call = {
        .group = group, .command = &entry.command, .output = w->output, .asker = &w->asker, .now_ms = a_moment};
    call.in = w->typed ? fmemopen((void *)(uintptr_t)w->typed, strlen(w->typed), "r") : NULL;
    call.out = open_memstream(&w->out, &out_size);
    call.errors = open_memstream(&w->errors, &errors_size);
    int status = admin_words_read(&call, argc - 2, argv + 2);
    if (status == 0)
        status = admin_call_run(&call);
    admin_call_free(&call);
    (void)fclose(call.out);
    (void)fclose(call.errors);
    if (call.in)
        (void)fclose(call.in);
    return status;
}

static void world_end(struct world *w)
{
    free(w->out);
    free(w->errors);
}

/* ---- words ---- */

static void what_makes_no_sense_is_refused_before_anybody_is_asked(void **state)
{
    static const char *const lines[][2] = {
        {"topics stats", "which topic?"},
        {"topics stats a b", "what is `b`?"},
        {"topics skip a -n 3", "--subscription is missing"},
        {"topics skip a -s x -n", "`-n` wants a number"},
        {"topics skip a -s x -n many", "--count wants a number, not `many`"},
        {"topics skip a -s x -n 3 --cound 4", "did you mean `--count`?"},
        {"topics stats a --get-precise-backlog=yes", "takes no value"},
        {"topics stats a/b", "`a/b` is no topic"},
        {"topics stats kafka://a/b/c", "is no topic"},
        {"topics stats persistent://a/cluster/b/c", "is no topic"},
        {"topics compact non-persistent://a/b/c", "is not persistent"},
        {"topics list a/b/c", "is no namespace"},
        {"namespaces policies public", "`public` is no namespace"},
        {"namespaces set-message-ttl a/b -ttl 5q", "--messageTTL wants a time"},
        {"namespaces set-retention a/b -t 1d -s 5X", "--size wants a size"},
        {"namespaces set-deduplication a/b", "either --enable or --disable"},
        {"namespaces set-deduplication a/b -e -d", "either --enable or --disable"},
        {"namespaces set-backlog-quota a/b -p nothing -l 1G", "producer_request_hold|producer_exception"},
        {"namespaces set-backlog-quota a/b -p producer_exception", "needs --limit"},
        {"namespaces set-offload-policies a/b -d aws-s3", "--region or --endpoint"},
        {"namespaces unload a/b -d broker", "--destinationBroker is for one --bundle"},
        {"topics reset-cursor a -s x", "either --time or --messageId"},
        {"topics reset-cursor a -s x -m first", "earliest, latest or LEDGER:ENTRY"},
        {"topics create a -m novalue", "KEY=VALUE"},
        {"topics get-message-id a -d yesterday", "is no date"},
        {"resource-quotas get -n a/b", "go together"},
        {"schemas upload a -f /nowhere/at/all", "a file of JSON"},
        {"schemas extract a", "made from a Java class by Java"},
    };
    struct world w = {0};

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_int_equal(run(&w, lines[i][0]), ADMIN_FAILED);
        assert_string_equal(w.asked, "");
        if (!strstr(w.errors, lines[i][1]))
            fail_msg("%s: %s", lines[i][0], w.errors);
    }
    world_end(&w);
}

static void words_may_be_in_any_order_and_spelling(void **state)
{
    static const char *const lines[] = {
        "topics unsubscribe a -s x -f",
        "topics unsubscribe -f -s x a",
        "topics unsubscribe -fs x a",
        "topics unsubscribe -fsx a",
        "topics unsubscribe --subscription=x --force a",
        "topics unsubscribe -s=x -f a",
        "topics unsubscribe -f -s x -- a",
    };
    const struct told told = {.status = 204};
    struct world w = {.told = &told, .count = 1};

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_int_equal(run(&w, lines[i]), 0);
        assert_string_equal(w.asked, "DELETE /admin/v2/persistent/public/default/a/subscription/x?force=true\n");
    }
    world_end(&w);
}

static void what_follows_an_option_is_its_value_also_with_a_dash(void **state)
{
    const struct told told = {.status = 204};
    struct world w = {.told = &told, .count = 1};

    assert_int_equal(run(&w, "topicPolicies set-message-ttl a -t -1"), 0);
    assert_non_null(strstr(w.asked, "messageTTL=-1"));
    assert_int_equal(run(&w, "topics reset-cursor a -s x -p earliest"), 0);
    assert_int_equal(run(&w, "topics clear-backlog a -s -x"), 0);
    assert_non_null(strstr(w.asked, "/subscription/-x/skip_all"));
    world_end(&w);
}

/* ---- answers ---- */

static void a_refusal_is_told_with_its_reason_and_fails(void **state)
{
    const struct told told[] = {{.status = 404, .body = "{\"reason\":\"Topic not found\"}"},
                                {.status = 503, .body = "<html>"}};
    struct world w = {.told = told, .count = 1};

    assert_int_equal(run(&w, "topics stats a"), ADMIN_FAILED);
    assert_string_equal(w.errors, "Topic not found\n\nReason: Topic not found\n");
    assert_string_equal(w.out, "");
    w.told = &told[1];
    assert_int_equal(run(&w, "topics stats a"), ADMIN_FAILED);
    assert_string_equal(w.errors, "HTTP 503\n\nReason: HTTP 503\n");
    w.count = 0;
    assert_int_equal(run(&w, "topics stats a"), ADMIN_FAILED);
    assert_string_equal(w.errors, "nobody is there\n\nError connecting to Pulsar\n");
    world_end(&w);
}

static void json_is_indented_without_being_changed(void **state)
{
    static const char given[] =
        "{\"a\":1.50,\"b\":[],\"c\":{},\"d\":[1, \"x,{y\",{\"z\":null}],\"e\":\"q\\\"\\u00e9\"}";
    static const char wanted[] =
        "{\n  \"a\" : 1.50,\n  \"b\" : [ ],\n  \"c\" : { },\n"
        "  \"d\" : [ 1, \"x,{y\", {\n    \"z\" : null\n  } ],\n  \"e\" : \"q\\\"\\u00e9\"\n}\n";
    const struct told told = {.status = 200, .body = given};
    struct world w = {.told = &told, .count = 1};

    assert_int_equal(run(&w, "topics stats a"), 0);
    assert_string_equal(w.out, wanted);
    world_end(&w);
}

static void a_policy_that_is_not_set_is_null(void **state)
{
    const struct told told = {.status = 204};
    struct world w = {.told = &told, .count = 1};

    assert_int_equal(run(&w, "namespaces get-retention a/b"), 0);
    assert_string_equal(w.out, "null\n");
    world_end(&w);
}

static void a_list_is_lines_or_json_or_a_table(void **state)
{
    const struct told told = {.status = 200, .body = "[\"a\",\"b\"]"};
    struct world w = {.told = &told, .count = 1};

    assert_int_equal(run(&w, "tenants list"), 0);
    assert_string_equal(w.out, "a\nb\n");
    w.output = ADMIN_AS_JSON;
    assert_int_equal(run(&w, "tenants list"), 0);
    assert_string_equal(w.out, "[ \"a\", \"b\" ]\n");
    w.output = ADMIN_AS_TABLE;
    assert_int_equal(run(&w, "tenants list"), 0);
    assert_string_equal(w.out, "a\nb\n");
    world_end(&w);
}

static void a_table_has_columns(void **state)
{
    const struct told told[] = {{.status = 200, .body = "[\"persistent://public/default/t\"]"},
                                {.status = 200, .body = "{\"version\":12,\"type\":\"AVRO\",\"data\":\"{}\"}"}};
    struct world w = {.told = told, .count = 2, .output = ADMIN_AS_TABLE};

    assert_int_equal(run(&w, "schemas list public/default"), 0);
    assert_string_equal(w.out, "topic                          type  version\n"
                               "persistent://public/default/t  AVRO  12\n");
    world_end(&w);
}

static void a_tenant_alone_lists_the_topics_of_its_namespaces(void **state)
{
    const struct told told[] = {{.status = 200, .body = "[\"t/a\",\"t/b\"]"},
                                {.status = 200, .body = "[\"persistent://t/a/x\"]"},
                                {.status = 200, .body = "[]"},
                                {.status = 200, .body = "[\"persistent://t/b/y\"]"},
                                {.status = 200, .body = "[\"non-persistent://t/b/z\"]"}};
    struct world w = {.told = told, .count = 5};

    assert_int_equal(run(&w, "topics list t"), 0);
    assert_string_equal(w.out, "persistent://t/a/x\npersistent://t/b/y\nnon-persistent://t/b/z\n");
    assert_ptr_equal(strstr(w.asked, "GET /admin/v2/namespaces/t\n"), w.asked);
    world_end(&w);
}

static void clearing_a_backlog_asks_first(void **state)
{
    const struct told told = {.status = 204};
    struct world w = {.told = &told, .count = 1, .typed = "n\n"};

    assert_int_equal(run(&w, "namespaces clear-backlog a/b"), 0);
    assert_string_equal(w.asked, "");
    w.typed = "y\n";
    assert_int_equal(run(&w, "namespaces clear-backlog a/b"), 0);
    assert_string_equal(w.asked, "POST /admin/v2/namespaces/a/b/clearBacklog\n");
    w.typed = NULL;
    assert_int_equal(run(&w, "namespaces clear-backlog a/b"), 0);
    assert_string_equal(w.asked, "");
    world_end(&w);
}

static void a_moment_ago_is_counted_from_now(void **state)
{
    const struct told told = {.status = 204};
    struct world w = {.told = &told, .count = 1};

    assert_int_equal(run(&w, "topics reset-cursor a -s x -t 5m"), 0);
    assert_non_null(strstr(w.asked, "/subscription/x/resetcursor/700000\n"));
    world_end(&w);
}

/* ---- messages ---- */

static void a_message_is_shown_with_its_bytes(void **state)
{
    const struct told told[] = {{.status = 200,
                                 .head =
                                     "X-Pulsar-Message-ID: 3:0\r\nX-Pulsar-publish-time: 2024-01-02T03:04:05.678Z\r\n"
                                     "X-Pulsar-PROPERTY: {\"b\":\"2\",\"a\":\"1\"}\r\n",
                                 .body = "0123456789abcdef\x01z",
                                 .body_len = 18},
                                {.status = 404, .body = "{\"reason\":\"Message not found\"}"}};
    struct world w = {.told = told, .count = 2};

    assert_int_equal(run(&w, "topics peek-messages a -s x -n 2"), 0);
    assert_string_equal(w.out,
                        "Message ID: 3:0\nPublish time: 1704164645678\nEvent time: 0\nProperties:\na    1\nb    2\n\n"
                        "         +-------------------------------------------------+\n"
                        "         |  0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f |\n"
                        "+--------+-------------------------------------------------+----------------+\n"
                        "|00000000| 30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66 |0123456789abcdef|\n"
                        "|00000010| 01 7a                                           |.z              |\n"
                        "+--------+-------------------------------------------------+----------------+\n");
    world_end(&w);
}

static void a_batch_is_shown_message_by_message_up_to_the_count(void **state)
{
    /* Two messages: the metadata's length, payload_size (field 3) and, of the first, a property; the payload. */
    static const char batch[] = "\0\0\0\x0a\x0a\x06\x0a\x01k\x12\x01v\x18\x01"
                                "A"
                                "\0\0\0\x02\x18\x01"
                                "B";
    const struct told told = {.status = 200,
                              .head = "X-Pulsar-Message-ID: 3:7\r\nX-Pulsar-num-batch-message: 2\r\n",
                              .body = batch,
                              .body_len = sizeof batch - 1};
    struct world w = {.told = &told, .count = 1};

    assert_int_equal(run(&w, "topics peek-messages a -s x -n 2"), 0);
    assert_non_null(strstr(w.out, "Batch Message ID: 3:7:0\n"));
    assert_non_null(strstr(w.out, "X-Pulsar-num-batch-message    2\nk    v\n"));
    assert_non_null(strstr(w.out, "| 41 "));
    assert_non_null(strstr(w.out, ADMIN_BETWEEN_MESSAGES "Batch Message ID: 3:7:1\n"));
    assert_int_equal(run(&w, "topics peek-messages a -s x"), 0);
    assert_null(strstr(w.out, "3:7:1"));
    world_end(&w);
}

static void a_batch_that_is_none_is_told(void **state)
{
    const struct told told = {.status = 200, .head = "X-Pulsar-num-batch-message: 9\r\n", .body = "xx"};
    struct world w = {.told = &told, .count = 1};

    assert_int_equal(run(&w, "topics peek-messages a -s x"), ADMIN_FAILED);
    assert_non_null(strstr(w.errors, "no batch of 9 messages"));
    world_end(&w);
}

/* ---- names ---- */

static void a_topics_name_becomes_its_path(void **state)
{
    static const char *const names[][3] = {
        {"a", "persistent://public/default/a", "persistent/public/default/a"},
        {"t/n/a", "persistent://t/n/a", "persistent/t/n/a"},
        {"non-persistent://t/n/a%2Fb c\xc3\xa9", "non-persistent://t/n/a%2Fb c\xc3\xa9",
         "non-persistent/t/n/a%252Fb%20c%C3%A9"},
    };
    struct admin_topic topic;
    char why[400];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(admin_topic_read(&topic, names[i][0], why, sizeof why), OK);
        assert_string_equal(topic.full, names[i][1]);
        assert_string_equal(topic.path, names[i][2]);
    }
    assert_int_equal(admin_topic_read(&topic, "a-partition-12", why, sizeof why), OK);
    assert_int_equal(topic.partition, 12);
    assert_int_equal(admin_topic_read(&topic, "a-partition-x", why, sizeof why), OK);
    assert_int_equal(topic.partition, -1);
    assert_int_not_equal(admin_topic_read(&topic, "", why, sizeof why), OK);
    assert_int_not_equal(admin_topic_read(&topic, "t/n o/a", why, sizeof why), OK);
}

static void dates_have_offsets_and_fractions(void **state)
{
    int64_t ms;

    assert_true(admin_date_read("2021-06-28T16:53:08Z", &ms));
    assert_int_equal(ms, 1624899188000);
    assert_true(admin_date_read("2021-06-28T16:53:08.123456789+08:00", &ms));
    assert_int_equal(ms, 1624870388123);
    assert_true(admin_date_read("2021-06-28T16:53:08.5-01:30", &ms));
    assert_int_equal(ms, 1624904588500);
    assert_false(admin_date_read("2021-06-28T16:53:08", &ms));
    assert_false(admin_date_read("2021-06-28", &ms));
    assert_false(admin_date_read("2021-06-28T16:53:08+8", &ms));
}

static void sizes_count_in_1024_and_do_not_overflow(void **state)
{
    int64_t bytes;

    assert_true(admin_size_read("10M", &bytes));
    assert_int_equal(bytes, 10485760);
    assert_true(admin_size_read("-1", &bytes));
    assert_int_equal(bytes, -1);
    assert_false(admin_size_read("10MB", &bytes));
    assert_false(admin_size_read("9999999T", &bytes));
    assert_false(admin_size_read("M", &bytes));
}

/* ---- who we say we are ---- */

static void a_token_and_a_password_become_a_header(void **state)
{
    static const char *const ways[][3] = {
        {"token", "token:abc", "Bearer abc"},
        {"org.apache.pulsar.client.impl.auth.AuthenticationToken", "abc", "Bearer abc"},
        {"token", "{\"token\":\"abc\"}", "Bearer abc"},
        {"basic", "{\"userId\":\"u\",\"password\":\"p:w\"}", "Basic dTpwOnc="},
        {"org.apache.pulsar.client.impl.auth.AuthenticationBasic", "userId:u,password:p:w", "Basic dTpwOnc="},
    };

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct admin_proof proof;
        char why[300];
        assert_int_equal(admin_proof_make(&proof, ways[i][0], ways[i][1], why, sizeof why), OK);
        assert_string_equal(proof.authorization, ways[i][2]);
        assert_null(proof.certificate);
        admin_proof_deinit(&proof);
    }
}

static void a_token_is_read_from_a_file_without_the_lines_end(void **state)
{
    char path[] = "/tmp/geminga-admin-test-XXXXXX", params[100], why[300];
    const int fd = mkstemp(path);
    struct admin_proof proof;

    assert_int_equal(write(fd, "secret\n", 7), 7);
    close(fd);
    (void)snprintf(params, sizeof params, "file://%s", path);
    assert_int_equal(admin_proof_make(&proof, "token", params, why, sizeof why), OK);
    assert_string_equal(proof.authorization, "Bearer secret");
    admin_proof_deinit(&proof);
    unlink(path);
}

static void a_certificate_is_no_header(void **state)
{
    struct admin_proof proof;
    char why[300];

    assert_int_equal(admin_proof_make(&proof, "tls", "tlsCertFile:/c,tlsKeyFile:/k", why, sizeof why), OK);
    assert_null(proof.authorization);
    assert_string_equal(proof.certificate, "/c");
    assert_string_equal(proof.key, "/k");
    admin_proof_deinit(&proof);
}

static void a_proof_that_is_none_is_refused_without_telling_it(void **state)
{
    static const struct {
        const char *plugin, *params;
        enum err err;
    } rows[] = {{"token", "", ERR_INVALID},
                {"token", "token:a\r\nX: y", ERR_INVALID},
                {"token", "file:///nowhere/secret", ERR_NOT_FOUND},
                {"basic", "p-secret", ERR_INVALID},
                {"tls", "tlsCertFile:x", ERR_INVALID},
                {"kerberos", "x", ERR_UNSUPPORTED}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct admin_proof proof;
        char why[300] = "";
        assert_int_equal(admin_proof_make(&proof, rows[i].plugin, rows[i].params, why, sizeof why), rows[i].err);
        assert_true(strlen(why) > 0);
        assert_null(strstr(why, "secret"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_makes_no_sense_is_refused_before_anybody_is_asked),
        cmocka_unit_test(words_may_be_in_any_order_and_spelling),
        cmocka_unit_test(what_follows_an_option_is_its_value_also_with_a_dash),
        cmocka_unit_test(a_refusal_is_told_with_its_reason_and_fails),
        cmocka_unit_test(json_is_indented_without_being_changed),
        cmocka_unit_test(a_policy_that_is_not_set_is_null),
        cmocka_unit_test(a_list_is_lines_or_json_or_a_table),
        cmocka_unit_test(a_table_has_columns),
        cmocka_unit_test(a_tenant_alone_lists_the_topics_of_its_namespaces),
        cmocka_unit_test(clearing_a_backlog_asks_first),
        cmocka_unit_test(a_moment_ago_is_counted_from_now),
        cmocka_unit_test(a_message_is_shown_with_its_bytes),
        cmocka_unit_test(a_batch_is_shown_message_by_message_up_to_the_count),
        cmocka_unit_test(a_batch_that_is_none_is_told),
        cmocka_unit_test(a_topics_name_becomes_its_path),
        cmocka_unit_test(dates_have_offsets_and_fractions),
        cmocka_unit_test(sizes_count_in_1024_and_do_not_overflow),
        cmocka_unit_test(a_token_and_a_password_become_a_header),
        cmocka_unit_test(a_token_is_read_from_a_file_without_the_lines_end),
        cmocka_unit_test(a_certificate_is_no_header),
        cmocka_unit_test(a_proof_that_is_none_is_refused_without_telling_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
