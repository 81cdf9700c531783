/* SPDX-License-Identifier: Apache-2.0
 *
 * http_test.c - the HTTP server on a real socket, with a handler of the test's.
 *
 * The client is a blocking socket; what is sent and what comes back is written out.
 */
#include "base/base_test.h"

#include "admin/http.h"
#include "sys/uv_sys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct fixture {
    struct http *http;
    struct uv_thread *thread;
    _Atomic(struct admin_call *) held; /* by the handler of /hold, to be finished by the test */
    atomic_uint requests;
};

static bool is(struct bytes b, const char *text)
{
    return bytes_equal(b, bytes_of_text(text));
}

/* "METHOD path name=value... [listener] body" */
static void echo(struct admin_call *call)
{
    static const char *const methods[] = {"GET", "PUT", "POST", "DELETE"};
    const struct http_request *r = &call->request;
    struct text *out = &call->answer.body;

    text_printf(out, "%s ", methods[r->method]);
    text_add_bytes(out, r->path);
    for (size_t i = 0; i < r->query_count; i++) {
        text_add(out, " ");
        text_add_bytes(out, r->query[i].name);
        text_add(out, "=");
        text_add_bytes(out, r->query[i].value);
    }
    text_add(out, " [");
    text_add_bytes(out, r->listener);
    text_add(out, "] ");
    text_add_bytes(out, r->body);
    call->answer.status = 200;
    call->answer.content_type = "text/plain";
    call_finish(call);
}

static void large(struct admin_call *call)
{
    for (int i = 0; i < 300000; i++)
        text_printf(&call->answer.body, "%07d,", i);
    call->answer.status = 200;
    call->answer.content_type = "text/plain";
    call_finish(call);
}

enum { PART_NAMES = 5000, PARTS = 20 };

/* PARTS parts, numbers in order; "/parts/broken" fails in the middle. */
static void parts(struct admin_call *call)
{
    uintptr_t part = (uintptr_t)call->work;

    call->work = (void *)(part + 1);
    if (part == PARTS / 2 && is(call->request.path, "/parts/broken")) {
        call_reason(call, 500, "it cannot go on");
        return;
    }
    for (uintptr_t i = 0; i < PART_NAMES; i++)
        text_printf(&call->answer.body, "%07d,", (int)(part * PART_NAMES + i));
    if (part == PARTS - 1)
        call_json(call);
    else
        call_part(call, parts);
}

static void more(struct admin_call *call)
{
    void (*run)(struct admin_call * call) = call->more;

    call->more = NULL;
    run(call);
}

static void write_late(struct admin_call *call)
{
    text_add(&call->answer.body, call->snapshot);
}

static void on_request(void *ctx, struct admin_call *call)
{
    struct fixture *f = ctx;

    atomic_fetch_add(&f->requests, 1);
    if (call->more) {
        more(call);
    } else if (is(call->request.path, "/parts") || is(call->request.path, "/parts/broken")) {
        parts(call);
    } else if (is(call->request.path, "/none")) {
        call_no_content(call);
    } else if (is(call->request.path, "/headers")) {
        call_header(call, "X-One:", bytes_of_text("1, \"one\""));
        call_header(call, "X-Bad:", bytes_of_text("a\r\nX-Worse: b"));
        call_header(call, "X-Two:", bytes_of_text(""));
        call_text(call, "with headers");
    } else if (is(call->request.path, "/refused")) {
        call_reason(call, 409, "a \"reason\"");
    } else if (is(call->request.path, "/large")) {
        large(call);
    } else if (is(call->request.path, "/late")) {
        call->write = write_late;
        call->snapshot = "written by the server";
        call->answer.status = 200;
        call->answer.content_type = "text/plain";
        call_finish(call);
    } else if (is(call->request.path, "/hold")) {
        atomic_store(&f->held, call);
    } else {
        echo(call);
    }
}

static void run(void *ctx)
{
    http_run(ctx);
}

static enum err open_on(struct fixture *f, uint16_t port, struct http **out, char message[200])
{
    const struct http_options options = {
        .bind = "127.0.0.1", .port = port, .connections_max = 20, .on_request = on_request, .ctx = f};

    return http_open(out, &options, message, 200);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char message[200];

    assert_non_null(f);
    assert_int_equal(open_on(f, 0, &f->http, message), OK);
    assert_int_equal(uv_thread_run(&f->thread, "admin", run, f->http), OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    http_stop(f->http);
    uv_thread_finish(f->thread);
    http_close(f->http);
    free(f);
    return 0;
}

static int dial(struct fixture *f)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(http_port(f->http)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    size_t len = strlen(text);

    assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* One answer: its head, then as many bytes as Content-Length says; a string, to be freed. */
static char *hear(int fd)
{
    size_t size = 4 << 20, len = 0, wanted = SIZE_MAX;
    char *text = calloc(1, size);

    assert_non_null(text);
    while (len < wanted) {
        ssize_t got = recv(fd, text + len, wanted == SIZE_MAX ? 1 : wanted - len, 0);
        if (got <= 0)
            break;
        len += (size_t)got;
        char *end = wanted == SIZE_MAX ? strstr(text, "\r\n\r\n") : NULL;
        if (end) {
            const char *length = strcasestr(text, "content-length: ");
            wanted = (size_t)(end + 4 - text) + (length ? strtoul(length + 16, NULL, 10) : 0);
            assert_true(wanted < size);
        }
    }
    return text;
}

static char *ask(struct fixture *f, const char *request)
{
    int fd = dial(f);

    say(fd, request);
    char *answer = hear(fd);
    close(fd);
    return answer;
}

static void assert_answer(struct fixture *f, const char *request, const char *status, const char *body)
{
    char *answer = ask(f, request);
    const char *got = strstr(answer, "\r\n\r\n");

    assert_non_null(got);
    assert_memory_equal(answer, status, strlen(status));
    assert_string_equal(got + 4, body);
    free(answer);
}

static void a_request_is_given_decoded_and_answered(void **state)
{
    assert_answer(*state, "GET /a%20b/c%2Bd?x=1&y=p%26q&z HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 ",
                  "GET /a b/c+d x=1 y=p&q z= [] ");
    assert_answer(*state, "DELETE /x HTTP/1.1\r\nHost: h\r\nX-Pulsar-ListenerName: inside\r\n\r\n", "HTTP/1.1 200 ",
                  "DELETE /x [inside] ");
}

static void a_body_is_read_whole(void **state)
{
    assert_answer(*state, "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 200 ",
                  "PUT /x [] hello");
    assert_answer(*state, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 ", "POST /x [] ");
    assert_answer(*state, "PUT /x HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 ", "PUT /x [] ");
    assert_answer(*state, "DELETE /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab", "HTTP/1.1 200 ",
                  "DELETE /x [] ab");
}

static void an_offer_of_http_2_is_not_taken_and_nothing_is_lost(void **state)
{
#define OFFER "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"
    assert_answer(*state, "PUT /x HTTP/1.1\r\nHost: h\r\n" OFFER "Content-Length: 4\r\n\r\nbody", "HTTP/1.1 200 ",
                  "PUT /x [] body");
    assert_answer(*state, "GET /x HTTP/1.1\r\nHost: h\r\n" OFFER "\r\n", "HTTP/1.1 200 ", "GET /x [] ");
}

static void a_body_that_comes_in_pieces_is_put_together(void **state)
{
    int fd = dial(*state);

    say(fd, "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n");
    say(fd, "abc");
    say(fd, "def");
    char *answer = hear(fd);
    assert_non_null(strstr(answer, "PUT /x [] abcdef"));
    free(answer);
    close(fd);
}

static void an_answer_without_content_has_no_body(void **state)
{
    struct fixture *f = *state;
    char *answer = ask(f, "PUT /none HTTP/1.1\r\nHost: h\r\n\r\n");

    assert_memory_equal(answer, "HTTP/1.1 204 ", 13);
    assert_null(strcasestr(answer, "content-type"));
    free(answer);
}

static void an_answer_may_have_headers_of_its_own_but_none_that_makes_two(void **state)
{
    struct fixture *f = *state;
    char *heard = ask(f, "GET /headers HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

    assert_non_null(strcasestr(heard, "\r\nX-One: 1, \"one\"\r\n"));
    assert_non_null(strcasestr(heard, "\r\nX-Two:"));
    assert_null(strcasestr(heard, "X-Bad"));
    assert_null(strcasestr(heard, "X-Worse"));
    assert_non_null(strstr(heard, "\r\n\r\nwith headers"));
    free(heard);
}

static void a_refusal_carries_its_reason(void **state)
{
    assert_answer(*state, "GET /refused HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 409 ",
                  "{\"reason\":\"a \\\"reason\\\"\"}");
}

static void a_head_request_gets_the_head_only(void **state)
{
    int fd = dial(*state);

    say(fd, "HEAD /x HTTP/1.1\r\nHost: h\r\n\r\nGET /y HTTP/1.1\r\nHost: h\r\n\r\n");
    char text[4096] = "";
    size_t len = 0;
    while (!strstr(text, "GET /y [] ")) {
        ssize_t got = recv(fd, text + len, sizeof text - 1 - len, 0);
        assert_true(got > 0);
        len += (size_t)got;
    }
    assert_null(strstr(text, "GET /x"));
    close(fd);
}

static void a_connection_is_used_again(void **state)
{
    int fd = dial(*state);

    for (int i = 0; i < 5; i++) {
        say(fd, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
        char *answer = hear(fd);
        assert_non_null(strstr(answer, "GET /x [] "));
        free(answer);
        say(fd, "GET /none HTTP/1.1\r\nHost: h\r\n\r\n");
        answer = hear(fd);
        assert_memory_equal(answer, "HTTP/1.1 204 ", 13);
        free(answer);
    }
    close(fd);
}

static void a_large_answer_comes_whole(void **state)
{
    struct fixture *f = *state;
    char *answer = ask(f, "GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
    const char *body = strstr(answer, "\r\n\r\n") + 4;

    assert_int_equal(strlen(body), 2400000);
    for (int i = 0; i < 300000; i++)
        assert_int_equal(strtol(body + 8 * i, NULL, 10), i);
    free(answer);
}

/* Everything up to `end`, or to the end of the connection; a string, to be freed. */
static char *hear_until(int fd, const char *end)
{
    size_t size = 4 << 20, len = 0, tail = strlen(end);
    char *text = calloc(1, size);
    ssize_t got;

    assert_non_null(text);
    while ((len < tail || strcmp(text + len - tail, end) != 0) && (got = recv(fd, text + len, size - 1 - len, 0)) > 0)
        len += (size_t)got;
    return text;
}

/* Takes the chunks' heads out, in place; false: there is no last chunk. */
static bool unchunk(char *body)
{
    char *to = body, *from = body, *end;

    for (;;) {
        size_t len = strtoul(from, &end, 16);
        if (end == from)
            break;
        assert_memory_equal(end, "\r\n", 2);
        memmove(to, end + 2, len);
        to += len;
        from = end + 2 + len + 2;
        if (len == 0)
            break;
    }
    *to = 0;
    return end != from;
}

static void an_answer_in_parts_comes_whole_and_the_connection_goes_on(void **state)
{
    int fd = dial(*state);

    for (int round = 0; round < 2; round++) {
        say(fd, "GET /parts HTTP/1.1\r\nHost: h\r\n\r\n");
        char *answer = hear_until(fd, "\r\n0\r\n\r\n"), *body = strstr(answer, "\r\n\r\n") + 4;
        assert_memory_equal(answer, "HTTP/1.1 200 ", 13);
        assert_non_null(strcasestr(answer, "transfer-encoding: chunked\r\n"));
        assert_null(strcasestr(answer, "content-length"));
        assert_true(unchunk(body));
        assert_int_equal(strlen(body), 8 * PARTS * PART_NAMES);
        for (int i = 0; i < PARTS * PART_NAMES; i++)
            assert_int_equal(strtol(body + 8 * i, NULL, 10), i);
        free(answer);
    }
    say(fd, "HEAD /parts HTTP/1.1\r\nHost: h\r\n\r\n");
    free(hear_until(fd, "\r\n\r\n"));
    say(fd, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    char *answer = hear(fd);
    assert_non_null(strstr(answer, "GET /x [] "));
    free(answer);
    close(fd);
}

static void an_answer_in_parts_that_cannot_go_on_has_no_end(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f);

    say(fd, "GET /parts/broken HTTP/1.1\r\nHost: h\r\n\r\n");
    char *answer = hear_until(fd, "\r\n0\r\n\r\n"), *body = strstr(answer, "\r\n\r\n") + 4;
    assert_false(strstr(answer, "\r\n0\r\n\r\n") != NULL);
    assert_int_equal(strlen(body) > 0, 1);
    free(answer);
    close(fd);
    assert_answer(f, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 ", "GET /x [] ");
}

static void a_peer_that_goes_between_parts_is_forgotten(void **state)
{
    struct fixture *f = *state;
    char start[100];
    int fd = dial(f);

    say(fd, "GET /parts HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(recv(fd, start, sizeof start, 0) > 0);
    close(fd);
    assert_answer(f, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 ", "GET /x [] ");
}

static void what_a_snapshot_says_is_written_on_the_servers_thread(void **state)
{
    assert_answer(*state, "GET /late HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 ", "written by the server");
}

static void bodies_beyond_the_bound_or_of_unknown_length_are_refused(void **state)
{
    struct fixture *f = *state;

    assert_answer(f, "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n", "HTTP/1.1 413 ",
                  "{\"reason\":\"the body is larger than 1 MiB\"}");
    assert_answer(f, "PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                  "HTTP/1.1 411 ", "{\"reason\":\"give the body's length: chunked bodies are not taken\"}");
    assert_int_equal(atomic_load(&f->requests), 0);
}

static void other_methods_are_refused(void **state)
{
    assert_answer(*state, "PATCH /x HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 405 ",
                  "{\"reason\":\"only GET, HEAD, PUT, POST and DELETE\"}");
}

static void a_taken_port_is_told(void **state)
{
    struct fixture *f = *state;
    struct http *second;
    char message[200], wanted[200];

    assert_int_equal(open_on(f, http_port(f->http), &second, message), ERR_BUSY);
    snprintf(wanted, sizeof wanted, "port %u of 127.0.0.1, for HTTP, is taken: stop who has it, or choose another",
             http_port(f->http));
    assert_string_equal(message, wanted);
}

static struct admin_call *wait_held(struct fixture *f)
{
    struct admin_call *call;

    while (!(call = atomic_exchange(&f->held, NULL)))
        sched_yield();
    return call;
}

static void an_answer_may_come_from_another_thread_later(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f);

    say(fd, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
    call_text(wait_held(f), "at last");
    char *answer = hear(fd);
    assert_non_null(strstr(answer, "\r\n\r\nat last"));
    free(answer);
    close(fd);
}

static void a_connection_that_goes_leaves_its_handler_in_peace(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f);

    say(fd, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
    struct admin_call *call = wait_held(f);
    close(fd);
    assert_answer(f, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 ", "GET /x [] ");
    call_text(call, "to nobody");
    assert_answer(f, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 ", "GET /x [] ");
}

static void a_handler_that_never_ends_does_not_hinder_the_close(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f);

    say(fd, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
    (void)wait_held(f);
    close(fd); /* and the fixture is torn down; a leak would be found by the sanitizer */
}

static void garbage_hurts_nobody_else(void **state)
{
    struct fixture *f = *state;
    static const char *const garbage[] = {"\r\n\r\n",
                                          "\x00\x01\x02\x03",
                                          "GET\r\n\r\n",
                                          "GET /%zz HTTP/1.1\r\n\r\n",
                                          "PUT /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                                          "PUT /x HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n"};

    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        int fd = dial(f);
        say(fd, garbage[i]);
        shutdown(fd, SHUT_WR);
        free(hear(fd));
        close(fd);
    }
    assert_answer(f, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 ", "GET /x [] ");
}

#define HTTP_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HTTP_TEST(a_request_is_given_decoded_and_answered),
        HTTP_TEST(a_body_is_read_whole),
        HTTP_TEST(an_offer_of_http_2_is_not_taken_and_nothing_is_lost),
        HTTP_TEST(a_body_that_comes_in_pieces_is_put_together),
        HTTP_TEST(an_answer_without_content_has_no_body),
        HTTP_TEST(an_answer_may_have_headers_of_its_own_but_none_that_makes_two),
        HTTP_TEST(a_refusal_carries_its_reason),
        HTTP_TEST(a_head_request_gets_the_head_only),
        HTTP_TEST(a_connection_is_used_again),
        HTTP_TEST(a_large_answer_comes_whole),
        HTTP_TEST(an_answer_in_parts_comes_whole_and_the_connection_goes_on),
        HTTP_TEST(an_answer_in_parts_that_cannot_go_on_has_no_end),
        HTTP_TEST(a_peer_that_goes_between_parts_is_forgotten),
        HTTP_TEST(what_a_snapshot_says_is_written_on_the_servers_thread),
        HTTP_TEST(bodies_beyond_the_bound_or_of_unknown_length_are_refused),
        HTTP_TEST(other_methods_are_refused),
        HTTP_TEST(a_taken_port_is_told),
        HTTP_TEST(an_answer_may_come_from_another_thread_later),
        HTTP_TEST(a_connection_that_goes_leaves_its_handler_in_peace),
        HTTP_TEST(a_handler_that_never_ends_does_not_hinder_the_close),
        HTTP_TEST(garbage_hurts_nobody_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
