/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_call.c - a command that was read, carried out.
 */
#include "cli/admin_call.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Pulsar's {"reason": ...}, or at least the status. */
int admin_refusal_print(struct admin_call *call, const struct http_answer *answer)
{
    json_t *json = json_loads(answer->body ? answer->body : "", 0, NULL);
    const char *reason = json_string_value(json_object_get(json, "reason"));
    char status[40];

    (void)snprintf(status, sizeof status, "HTTP %d", answer->status);
    (void)fprintf(call->errors, "%s\n\nReason: %s\n", reason ? reason : status, reason ? reason : status);
    json_decref(json);
    return ADMIN_FAILED;
}

int admin_send(struct admin_call *call, const struct admin_request *request, struct http_answer *answer)
{
    char why[ADMIN_MESSAGE_MAX] = "";

    *answer = (struct http_answer){0};
    if (call->asker->ask(call->asker, request, answer, why, sizeof why) == OK)
        return 0;
    (void)fprintf(call->errors, "%s\n\nError connecting to Pulsar\n", why);
    return ADMIN_FAILED;
}

int admin_ask(struct admin_call *call, const struct admin_request *request, struct http_answer *answer)
{
    int status = admin_send(call, request, answer);

    if (status != 0 || (answer->status >= 200 && answer->status <= 299))
        return status;
    status = admin_refusal_print(call, answer);
    http_answer_free(answer);
    return status;
}

static int request_ask_json(struct admin_call *call, struct admin_request *request, json_t **json)
{
    struct http_answer answer;
    int status = admin_ask(call, request, &answer);

    admin_request_free(request);
    if (status != 0)
        return status;
    if (json && answer.body && *answer.body) {
        *json = json_loadb(answer.body, answer.body_len, JSON_DECODE_ANY, NULL);
        if (!*json)
            status = admin_fail(call, "the answer is no JSON: %.200s", answer.body);
    }
    http_answer_free(&answer);
    return status;
}

int admin_ask_json(struct admin_call *call, const char *method, const char *pattern, json_t *body, json_t **json)
{
    struct admin_request request;
    const int status = admin_request_plain(call, &request, method, pattern, body);

    if (json)
        *json = NULL;
    return status != 0 ? status : request_ask_json(call, &request, json);
}

int admin_ask_row(struct admin_call *call, json_t **json)
{
    struct admin_request request;
    const int status = admin_request_make(call, &request);

    if (json)
        *json = NULL;
    return status != 0 ? status : request_ask_json(call, &request, json);
}

int admin_call_run(struct admin_call *call)
{
    struct admin_request request;
    struct http_answer answer;

    if (call->command->run)
        return call->command->run(call);
    assert(call->command->method);
    int status = admin_request_make(call, &request);
    if (status != 0)
        return status;
    status = admin_ask(call, &request, &answer);
    admin_request_free(&request);
    if (status != 0)
        return status;
    status = admin_print_answer(call, &answer);
    http_answer_free(&answer);
    return status;
}
