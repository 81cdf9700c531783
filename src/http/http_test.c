/* SPDX-License-Identifier: Apache-2.0
 *
 * http_test.c - the HTTP server on a real socket, with a handler of the test's.
 *
 * The client is a blocking socket; what is sent and what comes back is written out.
 */
#include "base/base_test.h"

#include "http/http.h"
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
#include <zlib.h>

struct fixture {
    struct http *http;
    struct uv_thread *thread;
    _Atomic(struct call *) held; /* by the handler of /hold, to be finished by the test */
    atomic_uint requests;
    atomic_bool released;
};

static bool is(struct bytes b, const char *text)
{
    return bytes_equal(b, bytes_of_text(text));
}

/* "METHOD path name=value... [listener] body" */
static void echo(struct call *call)
{
    static const char *const methods[] = {"GET", "PUT", "POST", "DELETE", "", "OPTIONS", "OTHER"};
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

static void large(struct call *call)
{
    for (int i = 0; i < 300000; i++)
        text_printf(&call->answer.body, "%07d,", i);
    call->answer.status = 200;
    call->answer.content_type = "text/plain";
    call_finish(call);
}

enum { PART_NAMES = 5000, PARTS = 20 };

/* PARTS parts, numbers in order; "/parts/broken" fails in the middle. */
static void parts(struct call *call)
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

/* The same from a writer, on the server's thread; what it counts lies in the arena. */
static void write_part(struct call *call)
{
    unsigned *part = call->work;

    for (unsigned i = 0; i < PART_NAMES; i++)
        text_printf(&call->answer.body, "%07u,", *part * PART_NAMES + i);
    call->unwritten = ++*part < PARTS;
}

static void write_endless(struct call *call)
{
    write_part(call);
    call->unwritten = true;
}

static void released(struct call *call)
{
    struct fixture *f = *(struct fixture **)((unsigned *)call->work + 2);

    atomic_store(&f->released, true);
}

static void written_in_parts(struct fixture *f, struct call *call)
{
    unsigned *part = arena_zalloc(&call->arena, 2 * sizeof *part + sizeof f);

    assert_non_null(part);
    memcpy(part + 2, &f, sizeof f);
    call->work = part;
    call->released = released;
    call->write = is(call->request.path, "/endless") ? write_endless : write_part;
    call->answer.may_be_long = true;
    call->answer.status = 200;
    call->answer.content_type = "text/plain";
    call_finish(call);
}

static void more(struct call *call)
{
    void (*run)(struct call * call) = call->more;

    call->more = NULL;
    run(call);
}

static void write_late(struct call *call)
{
    text_add(&call->answer.body, call->snapshot);
}

static void on_request(void *ctx, struct call *call)
{
    struct fixture *f = ctx;

    atomic_fetch_add(&f->requests, 1);
    if (call->more) {
        more(call);
    } else if (is(call->request.path, "/parts") || is(call->request.path, "/parts/broken")) {
        parts(call);
    } else if (is(call->request.path, "/written-in-parts") || is(call->request.path, "/endless")) {
        written_in_parts(f, call);
    } else if (is(call->request.path, "/not-allowed")) {
        call_not_allowed(call, "PUT, POST");
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
    assert_null(strcasestr(answer, "\r\ncontent-type:"));
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

static void a_body_beyond_the_bound_is_refused_before_it_comes(void **state)
{
    struct fixture *f = *state;

    assert_answer(f, "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n", "HTTP/1.1 413 ",
                  "{\"reason\":\"the body is larger than 1 MiB\"}");
    assert_answer(f, "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n", "HTTP/1.1 413 ",
                  "{\"reason\":\"the body is larger than 1 MiB\"}");
    assert_int_equal(atomic_load(&f->requests), 0);
}

/* So that who sends first and reads then finds the refusal, and not a connection that is broken. */
static void what_follows_a_refusal_is_taken_and_thrown_away(void **state)
{
    struct fixture *f = *state;
    static char zeros[1 << 16];
    int fd = dial(f);

    say(fd, "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 20000000\r\n\r\n");
    for (size_t sent = 0; sent < 20000000;) {
        const size_t left = 20000000 - sent, len = left < sizeof zeros ? left : sizeof zeros;
        const ssize_t went = send(fd, zeros, len, MSG_NOSIGNAL);
        assert_true(went > 0);
        sent += (size_t)went;
    }
    char *answer = hear_until(fd, "?"); /* to the end of the connection */
    assert_memory_equal(answer, "HTTP/1.1 413 ", 13);
    assert_non_null(strcasestr(answer, "connection: close"));
    free(answer);
    close(fd);
    assert_int_equal(atomic_load(&f->requests), 0);
}

static void a_body_may_come_in_chunks(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f);

    say(fd, "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na");
    say(fd, "bc\r\n2;x=y\r\nde\r\n0\r\n\r\n");
    char *answer = hear_until(fd, "?");
    assert_non_null(strstr(answer, "POST /x [] abcde"));
    assert_non_null(strcasestr(answer, "\r\nconnection: close\r\n"));
    free(answer);
    close(fd);
    assert_answer(f, "PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 200 ",
                  "PUT /x [] ");
}

static void chunks_that_are_none_or_too_many_or_have_a_length_are_refused(void **state)
{
#define CHUNKED "HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
    struct fixture *f = *state;
    int fd = dial(f);
    static char chunk[65536 + 1];

    assert_answer(f, "PUT /x " CHUNKED "\r\nxyz\r\n", "HTTP/1.1 400 ",
                  "{\"reason\":\"the body's chunks are not well-formed\"}");
    assert_answer(f, "PUT /x " CHUNKED "Content-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "HTTP/1.1 400 ",
                  "{\"reason\":\"a body has a Content-Length, or comes in chunks\"}");
    assert_answer(f, "GET /x " CHUNKED "\r\n0\r\n\r\n", "HTTP/1.1 411 ",
                  "{\"reason\":\"give the body's length: chunks are taken with PUT and POST only\"}");
    assert_answer(f, "PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 501 ",
                  "{\"reason\":\"the only transfer encoding that is taken is chunked\"}");
    say(fd, "PUT /x " CHUNKED "\r\n");
    memset(chunk, 'x', sizeof chunk - 1);
    for (int i = 0; i < 17; i++) {
        say(fd, "10000\r\n");
        say(fd, chunk);
        say(fd, "\r\n");
    }
    char *answer = hear(fd);
    assert_memory_equal(answer, "HTTP/1.1 413 ", 13);
    free(answer);
    close(fd);
    assert_int_equal(atomic_load(&f->requests), 0);
}

static void who_asks_whether_a_body_is_welcome_is_told(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f);

    say(fd, "PUT /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    char *answer = hear_until(fd, "\r\n\r\n");
    assert_string_equal(answer, "HTTP/1.1 100 Continue\r\n\r\n");
    free(answer);
    say(fd, "body");
    answer = hear(fd);
    assert_non_null(strstr(answer, "PUT /x [] body"));
    free(answer);
    close(fd);
    assert_answer(f, "PUT /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 9999999\r\n\r\n",
                  "HTTP/1.1 413 ", "{\"reason\":\"the body is larger than 1 MiB\"}");
}

static void a_method_without_routes_is_given_as_such(void **state)
{
    assert_answer(*state, "PATCH /x HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 ", "OTHER /x [] ");
    assert_answer(*state, "OPTIONS /x HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 ", "OPTIONS /x [] ");
}

static void an_answer_that_says_what_is_allowed_says_it_in_its_head(void **state)
{
    char *heard = ask(*state, "GET /not-allowed HTTP/1.1\r\nHost: h\r\n\r\n");

    assert_memory_equal(heard, "HTTP/1.1 405 ", 13);
    assert_non_null(strcasestr(heard, "\r\nallow: PUT, POST\r\n"));
    assert_non_null(strstr(heard, "{\"reason\":\"/not-allowed takes PUT, POST\"}"));
    free(heard);
    heard = ask(*state, "OPTIONS /not-allowed HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_memory_equal(heard, "HTTP/1.1 204 ", 13);
    assert_non_null(strcasestr(heard, "\r\nallow: PUT, POST\r\n"));
    free(heard);
}

static void requests_may_be_sent_before_the_answers_to_those_before(void **state)
{
    static const char *const wanted[] = {"PUT /1 [] ab", "GET /2 [] ", "DELETE /3 [] ", "GET /4 [] "};
    int fd = dial(*state);

    say(fd, "PUT /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nabGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"
            "DELETE /3 HTTP/1.1\r\nHost: h\r\n\r\nGET /4 HTTP/1.1\r\nHost: h\r\n\r\n");
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        char *answer = hear(fd);
        assert_non_null(strstr(answer, wanted[i]));
        free(answer);
    }
    close(fd);
}

/* libwebsockets would give another body, or spin for ever. */
static void a_body_behind_a_request_without_its_answer_is_not_taken(void **state)
{
    static const char *const behind[] = {"", "GET /3 HTTP/1.1\r\nHost: h\r\n\r\n"};
    struct fixture *f = *state;

    for (int i = 0; i < 2; i++) {
        int fd = dial(f);
        char text[300];
        snprintf(text, sizeof text,
                 "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
                 "PUT /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab%s",
                 behind[i]);
        say(fd, text);
        char *heard = hear_until(fd, "?");
        assert_non_null(strstr(heard, "GET /1 [] "));
        assert_null(strstr(heard, "PUT /2 "));
        assert_null(strstr(heard, "GET /3 "));
        free(heard);
        close(fd);
    }
    assert_int_equal(atomic_load(&f->requests), 2);
}

/* libwebsockets takes all that follows for the body of the first. */
static void a_put_without_a_length_is_the_last_of_its_connection(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f);

    say(fd, "PUT /x HTTP/1.1\r\nHost: h\r\n\r\nGET /y HTTP/1.1\r\nHost: h\r\n\r\n");
    char *heard = hear_until(fd, "?");
    assert_non_null(strstr(heard, "PUT /x [] "));
    assert_non_null(strcasestr(heard, "\r\nconnection: close\r\n"));
    assert_null(strstr(heard, "GET /y [] "));
    free(heard);
    close(fd);
}

static void a_peer_of_http_1_0_gets_a_long_answer_up_to_the_connections_end(void **state)
{
    int fd = dial(*state);

    say(fd, "GET /parts HTTP/1.0\r\n\r\n");
    char *answer = hear_until(fd, "?"), *body = strstr(answer, "\r\n\r\n") + 4;
    assert_memory_equal(answer, "HTTP/1.0 200 ", 13);
    assert_null(strcasestr(answer, "transfer-encoding"));
    assert_int_equal(strlen(body), 8 * PARTS * PART_NAMES);
    for (int i = 0; i < PARTS * PART_NAMES; i++)
        assert_int_equal(strtol(body + 8 * i, NULL, 10), i);
    free(answer);
    close(fd);
    assert_answer(*state, "GET /x HTTP/1.0\r\n\r\n", "HTTP/1.0 200 ", "GET /x [] ");
}

/* The length of one answer whose head says gzip, from a connection that ends with it. */
static char *hear_unpacked(int fd, size_t *len)
{
    static uint8_t packed[1 << 20];
    size_t got = 0;
    ssize_t one;

    while ((one = recv(fd, packed + got, sizeof packed - got, 0)) > 0)
        got += (size_t)one;
    uint8_t *body = memmem(packed, got, "\r\n\r\n", 4);
    assert_non_null(body);
    body += 4;
    z_stream reader = {.next_in = body, .avail_in = (uInt)(packed + got - body)};
    char *text = calloc(1, *len);
    reader.next_out = (uint8_t *)text;
    reader.avail_out = (uInt)*len;
    assert_non_null(memmem(packed, got, "content-encoding: gzip\r\n", 24));
    assert_int_equal(inflateInit2(&reader, 15 + 16), Z_OK);
    assert_int_equal(inflate(&reader, Z_FINISH), Z_STREAM_END);
    *len = reader.total_out;
    inflateEnd(&reader);
    return text;
}

static void a_long_answer_is_compressed_for_who_takes_that(void **state)
{
    struct fixture *f = *state;
    size_t len = 10 << 20;
    int fd = dial(f);

    say(fd, "GET /written-in-parts HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n"); /* 1.0: without chunks */
    char *text = hear_unpacked(fd, &len);
    assert_int_equal(len, 8 * PARTS * PART_NAMES);
    for (int i = 0; i < PARTS * PART_NAMES; i++)
        assert_int_equal(strtol(text + 8 * i, NULL, 10), i);
    free(text);
    close(fd);

    fd = dial(f);
    say(fd, "GET /written-in-parts HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n");
    char *heard = hear_until(fd, "\r\n\r\n");
    assert_non_null(strcasestr(heard, "content-encoding: gzip"));
    assert_non_null(strcasestr(heard, "vary: accept-encoding"));
    assert_non_null(strcasestr(heard, "transfer-encoding: chunked"));
    free(heard);
    close(fd);
    assert_answer(f, "GET /x HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n", "HTTP/1.1 200 ", "GET /x [] ");
}

static void a_writer_makes_its_parts_without_the_handler(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f);

    say(fd, "GET /written-in-parts HTTP/1.1\r\nHost: h\r\n\r\n");
    char *answer = hear_until(fd, "\r\n0\r\n\r\n"), *body = strstr(answer, "\r\n\r\n") + 4;
    assert_true(unchunk(body));
    assert_int_equal(strlen(body), 8 * PARTS * PART_NAMES);
    assert_int_equal(atomic_load(&f->requests), 1);
    free(answer);
    close(fd);
}

static struct call *wait_held(struct fixture *f)
{
    struct call *call;

    while (!(call = atomic_exchange(&f->held, NULL)))
        sched_yield();
    return call;
}

/* ---- slow peers ---- */

static int set_up_impatient(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const struct http_options options = {.bind = "127.0.0.1",
                                         .connections_max = 20,
                                         .on_request = on_request,
                                         .ctx = f,
                                         .head_ms = 100,
                                         .body_ms = 100,
                                         .handler_ms = 100,
                                         .answer_ms = 100,
                                         .idle_ms = 100,
                                         .linger_ms = 100};
    char message[200];

    assert_non_null(f);
    assert_int_equal(http_open(&f->http, &options, message, sizeof message), OK);
    assert_int_equal(uv_thread_run(&f->thread, "admin", run, f->http), OK);
    *state = f;
    return 0;
}

static void assert_told(int fd, const char *status, const char *reason)
{
    char *answer = hear_until(fd, "?");

    assert_memory_equal(answer, status, strlen(status));
    assert_non_null(strstr(answer, reason));
    free(answer);
    close(fd);
}

static void who_is_too_slow_with_a_request_is_told_so(void **state)
{
    struct fixture *f = *state;
    const int silent = dial(f), head = dial(f), body = dial(f), chunks = dial(f);

    say(head, "GET /x HTTP/1.1\r\nHo");
    say(body, "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc");
    say(chunks, "PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc");
    assert_told(silent, "HTTP/1.1 408 ", "{\"reason\":\"the request did not come in time\"}");
    assert_told(head, "HTTP/1.1 408 ", "{\"reason\":\"the request did not come in time\"}");
    assert_told(body, "HTTP/1.1 408 ", "{\"reason\":\"the body did not come in time\"}");
    assert_told(chunks, "HTTP/1.1 408 ", "{\"reason\":\"the body did not come in time\"}");
    assert_int_equal(atomic_load(&f->requests), 0);
}

static void who_waits_too_long_for_a_handler_is_told_so(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f);

    say(fd, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
    struct call *call = wait_held(f);
    assert_told(fd, "HTTP/1.1 503 ", "{\"reason\":\"the broker did not answer in time\"}");
    call_text(call, "too late");
}

static void a_connection_that_nobody_uses_any_more_is_closed_without_a_word(void **state)
{
    int fd = dial(*state);

    say(fd, "GET /none HTTP/1.1\r\nHost: h\r\n\r\n");
    char *heard = hear_until(fd, "?");
    assert_memory_equal(heard, "HTTP/1.1 204 ", 13);
    assert_null(strstr(heard, "408"));
    free(heard);
    close(fd);
}

static void who_does_not_read_a_long_answer_loses_it(void **state)
{
    struct fixture *f = *state;
    const int small = 4096;
    int fd = dial(f);

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    say(fd, "GET /endless HTTP/1.1\r\nHost: h\r\n\r\n");
    while (!atomic_load(&f->released))
        sched_yield();
    close(fd);
}

static void connections_beyond_the_bound_are_told_and_others_served(void **state)
{
    struct fixture *f = *state;
    int idle[20];

    for (int i = 0; i < 20; i++)
        idle[i] = dial(f);
    assert_answer(f, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 503 ",
                  "{\"reason\":\"too many connections at a time\"}");
    say(idle[7], "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    char *answer = hear(idle[7]);
    assert_non_null(strstr(answer, "GET /x [] "));
    free(answer);
    for (int i = 0; i < 20; i++)
        close(idle[i]);
    char *again;
    while (!strstr(again = ask(f, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n"), "GET /x [] ")) /* they are gone soon */
        free(again);
    free(again);
}

static void what_is_no_request_is_told_so(void **state)
{
    static const char *const garbage[] = {"FOO /x HTTP/1.1\r\nHost: h\r\n\r\n", "hello?\r\n\r\n"};

    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++)
        assert_answer(*state, garbage[i], "HTTP/1.1 400 ",
                      "{\"reason\":\"this is no HTTP request, or one of an unknown method\"}");
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
    struct call *call = wait_held(f);
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

#define HTTP_TEST(name)      cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define IMPATIENT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_impatient, tear_down)

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
        HTTP_TEST(a_body_beyond_the_bound_is_refused_before_it_comes),
        HTTP_TEST(what_follows_a_refusal_is_taken_and_thrown_away),
        HTTP_TEST(a_body_may_come_in_chunks),
        HTTP_TEST(chunks_that_are_none_or_too_many_or_have_a_length_are_refused),
        HTTP_TEST(who_asks_whether_a_body_is_welcome_is_told),
        HTTP_TEST(a_method_without_routes_is_given_as_such),
        HTTP_TEST(an_answer_that_says_what_is_allowed_says_it_in_its_head),
        HTTP_TEST(requests_may_be_sent_before_the_answers_to_those_before),
        HTTP_TEST(a_body_behind_a_request_without_its_answer_is_not_taken),
        HTTP_TEST(a_put_without_a_length_is_the_last_of_its_connection),
        HTTP_TEST(a_peer_of_http_1_0_gets_a_long_answer_up_to_the_connections_end),
        HTTP_TEST(a_long_answer_is_compressed_for_who_takes_that),
        HTTP_TEST(a_writer_makes_its_parts_without_the_handler),
        IMPATIENT_TEST(who_is_too_slow_with_a_request_is_told_so),
        IMPATIENT_TEST(who_waits_too_long_for_a_handler_is_told_so),
        IMPATIENT_TEST(a_connection_that_nobody_uses_any_more_is_closed_without_a_word),
        IMPATIENT_TEST(who_does_not_read_a_long_answer_loses_it),
        HTTP_TEST(connections_beyond_the_bound_are_told_and_others_served),
        HTTP_TEST(what_is_no_request_is_told_so),
        HTTP_TEST(a_taken_port_is_told),
        HTTP_TEST(an_answer_may_come_from_another_thread_later),
        HTTP_TEST(a_connection_that_goes_leaves_its_handler_in_peace),
        HTTP_TEST(a_handler_that_never_ends_does_not_hinder_the_close),
        HTTP_TEST(garbage_hurts_nobody_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
