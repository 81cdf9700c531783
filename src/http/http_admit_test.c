/* SPDX-License-Identifier: Apache-2.0
 *
 * http_admit_test.c - requests that are not taken at all: too many of an address, or from a page of another site.
 */
#include "base/base_test.h"

#include "http/http.h"
#include "sys/uv_sys.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
    struct http *http;
    struct uv_thread *thread;
    atomic_uint requests; /* that were taken */
    char answer[4096];
};

static void on_request(void *ctx, struct call *call)
{
    struct fixture *f = ctx;

    atomic_fetch_add(&f->requests, 1);
    call_text(call, "taken");
}

static void run(void *ctx)
{
    http_run(ctx);
}

static void start(struct fixture *f, struct http_options options)
{
    char message[300];

    options.bind = "127.0.0.1";
    options.connections_max = 20;
    options.on_request = on_request;
    options.ctx = f;
    assert_int_equal(http_open(&f->http, &options, message, sizeof message), OK);
    assert_int_equal(uv_thread_run(&f->thread, "admin", run, f->http), OK);
}

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct fixture));
    return *state ? 0 : -1;
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
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(http_port(f->http)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* Until the head and something of the body is there: the status. */
static int say(struct fixture *f, int fd, const char *request)
{
    size_t len = 0;

    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
    f->answer[0] = '\0';
    while (!strstr(f->answer, "taken") && !strstr(f->answer, "\"}")) {
        const ssize_t got = recv(fd, f->answer + len, sizeof f->answer - 1 - len, 0);
        if (got <= 0)
            break;
        len += (size_t)got;
        f->answer[len] = '\0';
    }
    return strncmp(f->answer, "HTTP/1.1 ", 9) == 0 ? atoi(f->answer + 9) : 0;
}

static int ask(struct fixture *f, const char *request)
{
    const int fd = dial(f), status = say(f, fd, request);

    close(fd);
    return status;
}

#define GET "GET /x HTTP/1.1\r\nHost: localhost\r\n"

static void an_address_that_asks_too_often_is_told_so(void **state)
{
    struct fixture *f = *state;
    int last = 200;

    start(f, (struct http_options){.requests_per_s = 3});
    for (int i = 0; i < 100 && last == 200; i++) /* as fast as it goes: 100 take less than 30 s */
        last = ask(f, GET "\r\n");
    assert_int_equal(last, 429);
    assert_true(atomic_load(&f->requests) >= 3);
}

static void an_address_with_too_many_connections_is_told_so(void **state)
{
    struct fixture *f = *state;
    int held[2];

    start(f, (struct http_options){.connections_per_address_max = 2});
    for (int i = 0; i < 2; i++)
        assert_int_equal(say(f, held[i] = dial(f), GET "\r\n"), 200);
    assert_int_equal(ask(f, GET "\r\n"), 503);
    assert_non_null(strstr(f->answer, "from this address"));
    assert_int_equal(say(f, held[0], GET "\r\n"), 200);
    for (int i = 0; i < 2; i++)
        close(held[i]);
}

static void a_page_of_another_site_changes_nothing(void **state)
{
    struct fixture *f = *state;

    start(f, (struct http_options){0});
    assert_int_equal(ask(f, "DELETE /x HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n"), 403);
    assert_int_equal(ask(f, "DELETE /x HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n"), 403);
    assert_int_equal(ask(f, "GET /x HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 403);
    assert_int_equal(atomic_load(&f->requests), 0);
    assert_int_equal(ask(f, "DELETE /x HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n\r\n"), 200);
    assert_int_equal(ask(f, GET "Origin: http://evil.example\r\n\r\n"), 200); /* it does not see the answer */
}

static void a_refusal_of_one_request_is_not_that_of_the_next(void **state)
{
    struct fixture *f = *state;

    start(f, (struct http_options){0});
    const int fd = dial(f);
    assert_int_equal(say(f, fd, GET "Connection: Upgrade\r\nUpgrade: websocket\r\nOrigin: http://localhost\r\n\r\n"),
                     200);
    assert_int_equal(say(f, fd, GET "\r\n"), 200);
    close(fd);
}

static void browsers_are_told_not_to_guess_and_not_to_keep(void **state)
{
    struct fixture *f = *state;

    start(f, (struct http_options){0});
    assert_int_equal(ask(f, GET "\r\n"), 200);
    assert_non_null(strcasestr(f->answer, "\r\nx-content-type-options: nosniff\r\n"));
    assert_non_null(strcasestr(f->answer, "\r\ncache-control: no-store\r\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_address_that_asks_too_often_is_told_so),      TEST(an_address_with_too_many_connections_is_told_so),
        TEST(a_page_of_another_site_changes_nothing),         TEST(a_refusal_of_one_request_is_not_that_of_the_next),
        TEST(browsers_are_told_not_to_guess_and_not_to_keep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
