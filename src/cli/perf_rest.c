/* SPDX-License-Identifier: Apache-2.0
 *
 * perf_rest.c - see perf_rest.h.
 */
#include "cli/perf_rest.h"

#include "cli/admin_call.h"

#include <inttypes.h>

#define TIMEOUT_MS 30000

int perf_rest_open(struct perf_rest *r, const struct invocation *inv, const char *url,
                   const struct access_config *access)
{
    char why[ADMIN_MESSAGE_MAX];

    *r = (struct perf_rest){.inv = inv};
    if (http_access_read(url, access, TIMEOUT_MS, &r->target, &r->proof, why, sizeof why))
        return CLI_OK;
    cli_error(inv, "%s", why);
    return CLI_FAILED;
}

void perf_rest_close(struct perf_rest *r)
{
    admin_proof_deinit(&r->proof);
}

int perf_rest_ask(struct perf_rest *r, const char *method, const char *path, const char *body,
                  struct http_answer *answer)
{
    const struct http_request request = {
        .method = method, .path = path, .body = body, .body_len = body ? strlen(body) : 0};
    char why[ADMIN_MESSAGE_MAX] = "";

    *answer = (struct http_answer){0};
    if (http_client_ask(&r->target, &request, answer, why, sizeof why) == OK)
        return CLI_OK;
    cli_error(r->inv, "%s", why);
    return CLI_FAILED;
}

/* What there is already must be as wanted. */
static int partitions_compare(struct perf_rest *r, const char *topic, const char *path, int64_t wanted)
{
    struct http_answer answer;

    if (perf_rest_ask(r, "GET", path, NULL, &answer) != CLI_OK)
        return CLI_FAILED;
    json_t *json = json_loads(answer.body ? answer.body : "", 0, NULL);
    const int64_t there = json_integer_value(json_object_get(json, "partitions"));
    json_decref(json);
    http_answer_free(&answer);
    if (there == wanted)
        return CLI_OK;
    cli_error(r->inv, "%s is there already, with %" PRId64 " partitions instead of %" PRId64, topic, there, wanted);
    return CLI_FAILED;
}

int perf_rest_partition(struct perf_rest *r, const char *topic, int64_t partitions)
{
    char path[ADMIN_PATH_MAX], body[24], why[ADMIN_MESSAGE_MAX];
    struct http_answer answer;
    struct admin_topic name;

    if (admin_topic_read(&name, topic, why, sizeof why) != OK)
        return cli_usage_error(r->inv, "%s", why);
    (void)snprintf(path, sizeof path, "/admin/v2/%s/partitions", name.path);
    (void)snprintf(body, sizeof body, "%" PRId64, partitions);
    if (perf_rest_ask(r, "PUT", path, body, &answer) != CLI_OK)
        return CLI_FAILED;
    const int status = answer.status;
    if (status >= 300 && status != 409)
        cli_error(r->inv, "%s could not get its partitions: HTTP %d %.300s", topic, status,
                  answer.body ? answer.body : "");
    http_answer_free(&answer);
    if (status == 409)
        return partitions_compare(r, topic, path, partitions);
    return status < 300 ? CLI_OK : CLI_FAILED;
}

int perf_partitions_make(const struct invocation *inv, const struct client_config *client, char *const *names,
                         size_t count, int64_t partitions)
{
    struct perf_rest rest;

    if (partitions == 0)
        return CLI_OK;
    int status = perf_rest_open(&rest, inv, client->web_url, &client->access);
    for (size_t i = 0; i < count && status == CLI_OK; i++)
        status = perf_rest_partition(&rest, names[i], partitions);
    perf_rest_close(&rest);
    return status;
}
