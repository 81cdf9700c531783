/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_probe.c - asking the broker where "no" is an answer, too.
 */
#include "cli/admin_apply.h"

#include <stdlib.h>

static void reason_of(const struct http_answer *answer, const json_t *json, char *reason, size_t reason_size)
{
    const char *said = json_string_value(json_object_get(json, "reason"));

    (void)snprintf(reason, reason_size, "%s", said ? said : answer->body ? answer->body : "");
}

int admin_probe(struct admin_call *call, const char *method, const char *path, const json_t *body, int *status,
                json_t **json, char *reason, size_t reason_size)
{
    struct admin_request request = {.method = method};
    struct http_answer answer = {0};
    char why[ADMIN_MESSAGE_MAX];
    json_t *said = NULL;

    if ((size_t)snprintf(request.path, sizeof request.path, "%s", path) >= sizeof request.path)
        return admin_fail(call, "a name is too long");
    if (body && !(request.body = json_dumps(body, JSON_ENCODE_ANY | JSON_COMPACT)))
        return admin_fail(call, "no memory");
    const enum err err = call->asker->ask(call->asker, &request, &answer, why, sizeof why);
    admin_request_free(&request);
    if (err != OK)
        return admin_fail(call, "%s", why);
    *status = answer.status;
    if (answer.body_len > 0)
        said = json_loadb(answer.body, answer.body_len, JSON_DECODE_ANY, NULL);
    if (answer.status >= 300)
        reason_of(&answer, said, reason, reason_size);
    if (json && answer.status < 300)
        *json = json_incref(said);
    else if (json)
        *json = NULL;
    json_decref(said);
    http_answer_free(&answer);
    return 0;
}
