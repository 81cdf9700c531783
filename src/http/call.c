/* SPDX-License-Identifier: Apache-2.0
 *
 * call.c - see call.h.
 */
#include "http/call.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define REASON_MAX 800 /* with the NUL: a schema that does not fit is told at length */

void call_init(struct call *call)
{
    *call = (struct call){0};
    arena_init(&call->arena, CALL_ARENA_MAX);
    arena_init(&call->scratch, CALL_ARENA_MAX);
    text_init(&call->answer.body, ANSWER_MAX);
}

void call_deinit(struct call *call)
{
    if (call->released)
        call->released(call);
    arena_deinit(&call->arena);
    arena_deinit(&call->scratch);
    text_deinit(&call->answer.body);
}

bool call_query(const struct call *call, const char *name, struct bytes *value)
{
    const struct http_request *r = &call->request;

    for (size_t i = 0; i < r->query_count; i++)
        if (bytes_equal(r->query[i].name, bytes_of_text(name))) {
            *value = r->query[i].value;
            return true;
        }
    return false;
}

bool call_query_true(const struct call *call, const char *name)
{
    struct bytes value;

    return call_query(call, name, &value) && bytes_equal(value, bytes_of_text("true"));
}

void call_finish(struct call *call)
{
    assert(call->answer.status >= 200);
    call->finished(call);
}

void call_no_content(struct call *call)
{
    text_deinit(&call->answer.body);
    call->answer.content_type = NULL;
    call->answer.status = 204;
    call_finish(call);
}

void call_text(struct call *call, const char *text)
{
    text_add(&call->answer.body, text);
    call->answer.content_type = "text/plain";
    call->answer.status = 200;
    call_finish(call);
}

void call_json(struct call *call)
{
    call_json_status(call, 200);
}

void call_json_status(struct call *call, int status)
{
    if (text_failed(&call->answer.body)) {
        call_reason(call, 500, "the answer is too large");
        return;
    }
    call->answer.content_type = "application/json";
    call->answer.status = status;
    call_finish(call);
}

void call_part(struct call *call, void (*more)(struct call *call))
{
    assert(!call->more);
    if (text_failed(&call->answer.body)) {
        call_reason(call, 500, "out of memory");
        return;
    }
    call->begun = true;
    call->more = more;
    call->answer.content_type = "application/json";
    call->answer.status = 200;
    call_finish(call);
}

static bool is_text(struct bytes value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < ' ' || value.data[i] == 0x7f)
            return false;
    }
    return true;
}

void call_header(struct call *call, const char *name, struct bytes value)
{
    struct http_answer *a = &call->answer;
    const size_t len = strlen(name) + value.len + 4;
    struct http_header *h;
    char *copy;

    if (!is_text(value) || a->headers_len + len > HEADERS_MAX || !(h = arena_zalloc(&call->arena, sizeof *h)) ||
        !(copy = arena_zalloc(&call->arena, value.len + 1)))
        return;
    if (value.len)
        memcpy(copy, value.data, value.len);
    *h = (struct http_header){.name = name, .value = bytes_of(copy, value.len), .next = a->headers};
    a->headers = h;
    a->headers_len += len;
}

static void reason_set(struct call *call, int status, const char *reason)
{
    struct http_answer *a = &call->answer;

    call->broken = call->begun;
    text_deinit(&a->body);
    text_add(&a->body, "{\"reason\":");
    text_add_json(&a->body, bytes_of_text(reason));
    text_add(&a->body, "}");
    a->content_type = "application/json";
    a->headers = NULL;
    a->headers_len = 0;
    a->status = status;
}

void call_not_allowed(struct call *call, const char *allowed)
{
    const struct bytes path = call->request.path;
    char reason[512];

    snprintf(reason, sizeof reason, "%.*s takes %s", (int)path.len, (const char *)path.data, allowed);
    reason_set(call, 405, reason);
    call_header(call, "Allow:", bytes_of_text(allowed));
    if (call->request.method == HTTP_OPTIONS)
        call_no_content(call);
    else
        call_finish(call);
}

void call_unauthorized(struct call *call, const char *challenge, const char *reason)
{
    reason_set(call, 401, reason);
    call_header(call, "WWW-Authenticate:", bytes_of_text(challenge));
    call_finish(call);
}

void call_write_reason(struct call *call, int status, const char *reason)
{
    reason_set(call, status, reason);
}

void call_reason(struct call *call, int status, const char *format, ...)
{
    char reason[REASON_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    reason_set(call, status, reason);
    call_finish(call);
}

void call_write(struct call *call)
{
    if (!call->write)
        return;
    call->unwritten = false;
    call->write(call);
    if (text_failed(&call->answer.body)) {
        call->unwritten = false;
        reason_set(call, 500, "the answer is too large");
    }
    call->begun = call->begun || call->unwritten;
}
