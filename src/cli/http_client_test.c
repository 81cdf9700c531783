/* SPDX-License-Identifier: Apache-2.0
 *
 * http_client_test.c - answers taken apart, and a request over a socket of loopback.
 */
#include "cli/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static enum err parse(const char *text, struct http_answer *answer)
{
    return http_answer_parse(strdup(text), strlen(text), answer);
}

static void an_answer_is_status_head_and_body(void **state)
{
    struct http_answer a;

    assert_int_equal(parse("HTTP/1.1 409 Conflict\r\nX: y\r\nContent-Length: 4\r\n\r\nbody", &a), OK);
    assert_int_equal(a.status, 409);
    assert_string_equal(a.head, "X: y\r\nContent-Length: 4\r\n");
    assert_string_equal(a.body, "body");
    http_answer_free(&a);
}

static void chunks_are_put_together(void **state)
{
    static const char text[] = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
                               "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: z\r\n\r\n";
    struct http_answer a;

    assert_int_equal(parse(text, &a), OK);
    assert_string_equal(a.body, "abc0123456789");
    assert_int_equal(a.body_len, 13);
    http_answer_free(&a);
}

static void an_answer_cut_anywhere_has_not_ended_and_is_refused(void **state)
{
    static const char *const texts[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
    };
    struct http_answer a;

    for (size_t t = 0; t < 2; t++) {
        const size_t len = strlen(texts[t]);
        assert_true(http_answer_ended(texts[t], len));
        for (size_t cut = 0; cut < len; cut++) {
            char *some = strndup(texts[t], cut);
            assert_false(http_answer_ended(some, cut));
            assert_int_equal(http_answer_parse(some, cut, &a), ERR_PROTOCOL);
        }
    }
}

static void no_content_ends_with_its_head(void **state)
{
    static const char text[] = "HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n";
    struct http_answer a;

    assert_true(http_answer_ended(text, strlen(text)));
    assert_int_equal(parse(text, &a), OK);
    assert_int_equal(a.body_len, 0);
    http_answer_free(&a);
}

static void what_is_no_http_is_refused(void **state)
{
    struct http_answer a;

    assert_int_equal(parse("", &a), ERR_PROTOCOL);
    assert_int_equal(parse("SSH-2.0-x\r\n\r\n", &a), ERR_PROTOCOL);
    assert_int_equal(parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nx", &a),
                     ERR_PROTOCOL);
}

/* ---- over a socket ---- */

struct server {
    int fd;
    const char *answer;
    char request[4096];
};

static void *serve_one(void *ctx)
{
    struct server *s = ctx;
    const int fd = accept(s->fd, NULL, NULL);
    size_t len = 0;

    while (fd >= 0 && len + 1 < sizeof s->request) {
        const ssize_t got = recv(fd, s->request + len, sizeof s->request - 1 - len, 0);
        if (got <= 0)
            break;
        len += (size_t)got;
        s->request[len] = '\0';
        if (strstr(s->request, "\r\n\r\n"))
            break;
    }
    (void)send(fd, s->answer, strlen(s->answer), MSG_NOSIGNAL);
    char rest[16];
    while (recv(fd, rest, sizeof rest, 0) > 0) /* until the client has what it wants */
        continue;
    close(fd);
    return NULL;
}

static int listen_any(char *url, size_t size, const char *before)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(url, size, "http://%s127.0.0.1:%u", before, ntohs(address.sin_port));
    return fd;
}

static void a_request_has_what_it_was_given_and_does_not_wait_for_the_end_of_the_connection(void **state)
{
    struct server server = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"};
    char url[100], why[200];
    pthread_t thread;

    server.fd = listen_any(url, sizeof url, "127.0.0.1:1,"); /* the first place refuses, the second one answers */
    assert_int_equal(pthread_create(&thread, NULL, serve_one, &server), 0);
    const struct http_target target = {.url = url, .authorization = "Bearer t", .timeout_ms = 60000};
    const struct http_request request = {.method = "GET", .path = "/x?y=z"};
    struct http_answer answer;
    assert_int_equal(http_client_ask(&target, &request, &answer, why, sizeof why), OK);
    assert_string_equal(answer.body, "ok");
    http_answer_free(&answer);
    assert_int_equal(pthread_join(thread, NULL), 0);
    close(server.fd);
    assert_ptr_equal(strstr(server.request, "GET /x?y=z HTTP/1.1\r\n"), server.request);
    assert_non_null(strstr(server.request, "\r\nAuthorization: Bearer t\r\n"));
    assert_non_null(strstr(server.request, "\r\nConnection: close\r\n"));
}

/* The first server sends us to the second one; what both got. */
struct sent_on {
    struct server first, second;
    struct http_answer answer;
    enum err err;
    char why[300];
};

static void *serve_both(void *ctx)
{
    struct sent_on *s = ctx;

    (void)serve_one(&s->first);
    return serve_one(&s->second);
}

static unsigned port_of(const char *url)
{
    return (unsigned)strtoul(strrchr(url, ':') + 1, NULL, 10);
}

static void send_on(struct sent_on *s, const char *other_host, const char *answer)
{
    char first[100], second[100], redirect[200];
    pthread_t thread;

    s->first.fd = listen_any(first, sizeof first, "");
    s->second.fd = listen_any(second, sizeof second, "");
    (void)snprintf(redirect, sizeof redirect,
                   "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://%s:%u/y\r\nContent-Length: 0\r\n\r\n",
                   other_host, port_of(second));
    s->first.answer = redirect;
    s->second.answer = answer;
    assert_int_equal(pthread_create(&thread, NULL, serve_both, s), 0);
    const struct http_target target = {.url = first, .authorization = "Bearer t", .timeout_ms = 60000};
    const struct http_request request = {.method = "GET", .path = "/x"};
    s->err = http_client_ask(&target, &request, &s->answer, s->why, sizeof s->why);
    assert_int_equal(pthread_join(thread, NULL), 0);
    close(s->first.fd);
    close(s->second.fd);
    assert_non_null(strstr(s->first.request, "\r\nAuthorization: Bearer t\r\n"));
    assert_ptr_equal(strstr(s->second.request, "GET /y HTTP/1.1\r\n"), s->second.request);
}

static void another_port_of_the_host_gets_the_credentials(void **state)
{
    struct sent_on s = {0};

    send_on(&s, "127.0.0.1", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_int_equal(s.err, OK);
    assert_string_equal(s.answer.body, "ok");
    assert_non_null(strstr(s.second.request, "\r\nAuthorization: Bearer t\r\n"));
    http_answer_free(&s.answer);
}

static void another_host_is_asked_without_the_credentials(void **state)
{
    struct sent_on s = {0};

    send_on(&s, "localhost", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_int_equal(s.err, OK);
    assert_string_equal(s.answer.body, "ok");
    assert_null(strstr(s.second.request, "Authorization"));
    http_answer_free(&s.answer);
}

static void a_list_in_a_redirect_is_judged_place_by_place(void **state)
{
    struct sent_on s = {0};

    send_on(&s, "127.0.0.1:1,localhost", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_int_equal(s.err, OK);
    assert_null(strstr(s.second.request, "Authorization"));
    http_answer_free(&s.answer);
}

static void another_host_that_wants_credentials_is_named_to_the_user(void **state)
{
    struct sent_on s = {0};

    send_on(&s, "localhost", "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(s.err, ERR_DENIED);
    assert_non_null(strstr(s.why, "://localhost:"));
    assert_null(strstr(s.second.request, "Authorization"));
}

/* Of a server that nobody has to trust. */
static SSL_CTX *own_tls(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();

    assert_true(context && key && certificate);
    (void)X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    (void)X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    assert_int_equal(SSL_CTX_use_certificate(context, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return context;
}

static void *serve_one_with_tls(void *ctx)
{
    struct server *s = ctx;
    SSL_CTX *context = own_tls();
    SSL *tls = SSL_new(context);
    const int fd = accept(s->fd, NULL, NULL);

    (void)SSL_set_fd(tls, fd);
    if (SSL_accept(tls) == 1) {
        (void)SSL_read(tls, s->request, sizeof s->request - 1);
        (void)SSL_write(tls, s->answer, (int)strlen(s->answer));
        char rest[16];
        while (SSL_read(tls, rest, sizeof rest) > 0) /* until the client has what it wants */
            continue;
    }
    SSL_free(tls);
    close(fd);
    SSL_CTX_free(context);
    return NULL;
}

static void a_redirect_out_of_tls_is_not_followed(void **state)
{
    struct server server = {.answer = "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/y\r\n"
                                      "Content-Length: 0\r\n\r\n"};
    char url[100], plain[100], why[300];
    pthread_t thread;

    server.fd = listen_any(plain, sizeof plain, "");
    (void)snprintf(url, sizeof url, "https%.90s", plain + strlen("http"));
    assert_int_equal(pthread_create(&thread, NULL, serve_one_with_tls, &server), 0);
    const struct http_target target = {
        .url = url, .authorization = "Bearer t", .allow_insecure = true, .timeout_ms = 60000};
    const struct http_request request = {.method = "GET", .path = "/x"};
    struct http_answer answer;
    assert_int_equal(http_client_ask(&target, &request, &answer, why, sizeof why), ERR_DENIED);
    assert_int_equal(pthread_join(thread, NULL), 0);
    close(server.fd);
    assert_non_null(strstr(why, "without TLS"));
    assert_non_null(strstr(server.request, "\r\nAuthorization: Bearer t\r\n"));
}

static void nobody_there_and_no_place_at_all_are_told(void **state)
{
    static const char *const wrong[] = {"localhost:8080", "ftp://x", "http://", "http://[::1", "http://h:x"};
    struct http_target target = {.url = "http://127.0.0.1:1", .timeout_ms = 60000};
    const struct http_request request = {.method = "GET", .path = "/"};
    struct http_answer answer;
    char why[200];

    assert_int_equal(http_client_ask(&target, &request, &answer, why, sizeof why), ERR_IO);
    assert_non_null(strstr(why, "127.0.0.1:1"));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        target.url = wrong[i];
        assert_int_equal(http_client_ask(&target, &request, &answer, why, sizeof why), ERR_INVALID);
        assert_true(*why != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_status_head_and_body),
        cmocka_unit_test(chunks_are_put_together),
        cmocka_unit_test(an_answer_cut_anywhere_has_not_ended_and_is_refused),
        cmocka_unit_test(no_content_ends_with_its_head),
        cmocka_unit_test(what_is_no_http_is_refused),
        cmocka_unit_test(a_request_has_what_it_was_given_and_does_not_wait_for_the_end_of_the_connection),
        cmocka_unit_test(another_port_of_the_host_gets_the_credentials),
        cmocka_unit_test(another_host_is_asked_without_the_credentials),
        cmocka_unit_test(a_list_in_a_redirect_is_judged_place_by_place),
        cmocka_unit_test(another_host_that_wants_credentials_is_named_to_the_user),
        cmocka_unit_test(a_redirect_out_of_tls_is_not_followed),
        cmocka_unit_test(nobody_there_and_no_place_at_all_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
