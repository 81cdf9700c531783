/* SPDX-License-Identifier: Apache-2.0
 *
 * audit_call.c - see audit_call.h.
 *
 * Stands between the handler's end and call->finished.
 */
#include "admin/audit_call.h"

#include "admin/core.h"
#include "broker/audit.h"

#include <jansson.h>

struct audit_call {
    struct audit_wait wait;
    struct call *call;
    void (*finished)(struct call *call);
};

/* "PUT /admin/v2/tenants/acme?force=true" */
static void write_action(const struct http_request *r, struct text *out)
{
    static const char *const names[HTTP_METHODS] = {
        [HTTP_GET] = "GET", [HTTP_PUT] = "PUT", [HTTP_POST] = "POST", [HTTP_DELETE] = "DELETE"};

    text_add(out, r->method < HTTP_METHODS ? names[r->method] : "OTHER");
    text_add(out, " ");
    text_add_bytes(out, r->path);
    for (size_t i = 0; i < r->query_count; i++) {
        text_add(out, i == 0 ? "?" : "&");
        text_add_bytes(out, r->query[i].name);
        text_add(out, "=");
        text_add_bytes(out, r->query[i].value);
    }
}

/* Of {"reason": "..."}; the caller's. */
static json_t *answer_tree(const struct call *call)
{
    const struct text *body = &call->answer.body;

    return call->answer.status >= 400 && body->len > 0 ? json_loadb(body->data, body->len, 0, NULL) : NULL;
}

static void note(const struct call *call)
{
    json_t *tree = answer_tree(call);
    const char *reason = json_string_value(json_object_get(tree, "reason"));
    struct text action;

    text_init(&action, 2 * HEADERS_MAX);
    write_action(&call->request, &action);
    audit_note(call->core->audit, &(struct audit_event){.who = call->who,
                                                        .peer = call->peer,
                                                        .via = "http",
                                                        .action = bytes_of(action.data, action.len),
                                                        .status = call->answer.status,
                                                        .refusal = call->answer.status < 400 ? NULL
                                                                   : reason                  ? reason
                                                                                             : "it failed"});
    text_deinit(&action);
    json_decref(tree);
}

static void on_written(struct audit_wait *wait)
{
    struct audit_call *a = container_of(wait, struct audit_call, wait);

    a->finished(a->call);
}

static void on_finished(struct call *call)
{
    struct audit_call *a = call->audit;
    const int status = call->answer.status;

    call->finished = a->finished; /* of a long answer only the first part comes by */
    if (call->request.method != HTTP_GET) {
        note(call);
        a->wait.done = on_written;
        audit_when_written(call->core->audit, &a->wait);
        return;
    }
    if (status == 401 || status == 403)
        note(call);
    a->finished(call);
}

void audit_call_begin(struct call *call)
{
    struct audit_call *a;

    if (!call->core->audit || !(a = arena_zalloc(&call->arena, sizeof *a)))
        return;
    *a = (struct audit_call){.call = call, .finished = call->finished};
    call->audit = a;
    call->finished = on_finished;
}
