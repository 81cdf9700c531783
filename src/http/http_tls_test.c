/* SPDX-License-Identifier: Apache-2.0
 *
 * http_tls_test.c - the HTTP server behind TLS, on a real socket, with OpenSSL as its client.
 */
#include "base/base_test.h"

#include "http/http.h"
#include "security/tls_fixture.h"
#include "sys/uv_sys.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 20, ANSWER_SIZE = 4096 };

struct fixture {
    struct tls_fixture files;
    struct http *http;
    struct uv_thread *thread;
    char answer[ANSWER_SIZE];
};

/* Says who asked, by the certificate. */
static void on_request(void *ctx, struct call *call)
{
    const char *name = call->request.credentials.certificate_name;

    (void)ctx;
    text_printf(&call->answer.body, "name=%s", name ? name : "-");
    call->answer.status = 200;
    call->answer.content_type = "text/plain";
    call_finish(call);
}

static void run(void *ctx)
{
    http_run(ctx);
}

static void start(struct fixture *f, enum tls_client_certificates wanted, bool tls_only)
{
    const struct tls_settings tls = {.side = TLS_SERVER,
                                     .certificate_file = f->files.server,
                                     .key_file = f->files.server_key,
                                     .trust_file = f->files.ca,
                                     .client_certificates = wanted};
    const struct http_options options = {.bind = "127.0.0.1",
                                         .tls_only = tls_only,
                                         .tls = &tls,
                                         .connections_max = CONNECTIONS,
                                         .on_request = on_request};
    char message[500];

    assert_int_equal(http_open(&f->http, &options, message, sizeof message), OK);
    assert_int_equal(uv_thread_run(&f->thread, "admin", run, f->http), OK);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    tls_fixture_make(&f->files);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    if (f->http) {
        http_stop(f->http);
        uv_thread_finish(f->thread);
        http_close(f->http);
    }
    tls_fixture_remove(&f->files);
    free(f);
    return 0;
}

static int dial(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* A client: a connection of which the handshake is through, or NULL. */
struct client {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
};

static bool client_open(struct client *c, const struct fixture *f, const char *certificate, const char *key,
                        int version_max)
{
    c->ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(c->ctx, 0); /* so that old protocols are tried at all */
    SSL_CTX_set_max_proto_version(c->ctx, version_max);
    SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
    assert_int_equal(SSL_CTX_load_verify_locations(c->ctx, f->files.ca, NULL), 1);
    if (certificate) {
        assert_int_equal(SSL_CTX_use_certificate_chain_file(c->ctx, certificate), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(c->ctx, key, SSL_FILETYPE_PEM), 1);
    }
    c->ssl = SSL_new(c->ctx);
    c->fd = dial(http_tls_port(f->http));
    SSL_set_fd(c->ssl, c->fd);
    SSL_set_tlsext_host_name(c->ssl, "localhost");
    return SSL_connect(c->ssl) == 1;
}

static void client_close(struct client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->ctx);
    close(c->fd);
}

/* The answer, up to "name=..."; NULL: the connection broke. */
static const char *client_ask(struct client *c, struct fixture *f)
{
    static const char get[] = "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n";
    size_t len = 0;

    if (SSL_write(c->ssl, get, sizeof get - 1) <= 0)
        return NULL;
    do {
        const int got = SSL_read(c->ssl, f->answer + len, (int)(sizeof f->answer - 1 - len));
        if (got <= 0)
            return NULL;
        len += (size_t)got;
        f->answer[len] = '\0';
    } while (!strstr(f->answer, "name="));
    return f->answer;
}

/* Who it takes us for, or NULL: it does not let us in.  TLS 1.3 says so only after the client's handshake. */
static const char *ask_as(struct fixture *f, const char *certificate, const char *key)
{
    struct client c;
    const char *answer = client_open(&c, f, certificate, key, TLS1_3_VERSION) ? client_ask(&c, f) : NULL;

    client_close(&c);
    return answer ? strstr(answer, "name=") : NULL;
}

static void a_request_is_answered_through_tls_and_beside_it_plainly(void **state)
{
    struct fixture *f = *state;

    start(f, TLS_CERTIFICATE_NONE, false);
    assert_string_equal(ask_as(f, NULL, NULL), "name=-");
    assert_non_null(strstr(f->answer, "HTTP/1.1 200 "));
    assert_int_not_equal(http_port(f->http), 0);
    close(dial(http_port(f->http)));
}

static void with_tls_only_nobody_listens_plainly(void **state)
{
    struct fixture *f = *state;

    start(f, TLS_CERTIFICATE_NONE, true);
    assert_int_equal(http_port(f->http), 0);
    assert_string_equal(ask_as(f, NULL, NULL), "name=-");
}

static void protocols_before_1_2_are_refused(void **state)
{
    struct fixture *f = *state;
    struct client c;

    start(f, TLS_CERTIFICATE_NONE, true);
    assert_false(client_open(&c, f, NULL, NULL, TLS1_1_VERSION));
    client_close(&c);
    assert_true(client_open(&c, f, NULL, NULL, TLS1_2_VERSION));
    assert_string_equal(SSL_get_version(c.ssl), "TLSv1.2");
    client_close(&c);
}

static void a_certificate_that_holds_gives_its_name(void **state)
{
    struct fixture *f = *state;

    start(f, TLS_CERTIFICATE_OPTIONAL, true);
    assert_string_equal(ask_as(f, f->files.client, f->files.client_key), "name=client-role");
    assert_string_equal(ask_as(f, NULL, NULL), "name=-");
    assert_null(ask_as(f, f->files.stranger, f->files.stranger_key));
    assert_null(ask_as(f, f->files.expired, f->files.expired_key));
}

static void where_certificates_are_required_nobody_gets_in_without(void **state)
{
    struct fixture *f = *state;

    start(f, TLS_CERTIFICATE_REQUIRED, true);
    assert_null(ask_as(f, NULL, NULL));
    assert_string_equal(ask_as(f, f->files.client, f->files.client_key), "name=client-role");
}

static void a_certificate_that_nobody_asked_for_gives_no_name(void **state)
{
    struct fixture *f = *state;

    start(f, TLS_CERTIFICATE_NONE, true);
    assert_string_equal(ask_as(f, f->files.client, f->files.client_key), "name=-");
}

static void who_speaks_plainly_to_it_is_told_so(void **state)
{
    struct fixture *f = *state;
    size_t len = 0;
    ssize_t got;

    start(f, TLS_CERTIFICATE_NONE, true);
    int fd = dial(http_tls_port(f->http));
    assert_true(send(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 27, 0) == 27);
    while ((got = recv(fd, f->answer + len, sizeof f->answer - 1 - len, 0)) > 0)
        len += (size_t)got;
    f->answer[len] = '\0';
    close(fd);
    assert_non_null(strstr(f->answer, "HTTP/1.1 400 "));
    assert_non_null(strstr(f->answer, "https"));
    assert_string_equal(ask_as(f, NULL, NULL), "name=-");
}

static void replaced_certificates_hold_from_the_next_handshake_on(void **state)
{
    struct fixture *f = *state;
    struct tls_settings newer = {.side = TLS_SERVER,
                                 .certificate_file = f->files.chained,
                                 .key_file = f->files.chained_key,
                                 .trust_file = f->files.stranger_ca,
                                 .client_certificates = TLS_CERTIFICATE_OPTIONAL};
    struct tls_context *context;
    struct client before;
    char message[500];

    start(f, TLS_CERTIFICATE_OPTIONAL, true);
    assert_true(client_open(&before, f, f->files.client, f->files.client_key, TLS1_3_VERSION));
    assert_non_null(client_ask(&before, f));
    assert_int_equal(tls_context_new(&context, &newer, message, sizeof message), OK);
    http_replace_tls(f->http, tls_context_ssl(context));
    tls_context_unref(context);

    assert_string_equal(ask_as(f, f->files.stranger, f->files.stranger_key), "name=client-role");
    assert_null(ask_as(f, f->files.client, f->files.client_key));
    struct client c;
    assert_true(client_open(&c, f, NULL, NULL, TLS1_3_VERSION));
    assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(c.ssl)), 2); /* the intermediate is new */
    client_close(&c);
    assert_non_null(strstr(client_ask(&before, f), "name=client-role")); /* who is in stays in */
    client_close(&before);
}

static void handshakes_that_do_not_go_on_keep_nobody_out(void **state)
{
    struct fixture *f = *state;
    int silent[10 * CONNECTIONS];

    start(f, TLS_CERTIFICATE_NONE, true);
    for (size_t i = 0; i < sizeof silent / sizeof silent[0]; i++) {
        silent[i] = dial(http_tls_port(f->http));
        if (i % 50 == 0)
            assert_string_equal(ask_as(f, NULL, NULL), "name=-");
    }
    assert_string_equal(ask_as(f, NULL, NULL), "name=-");
    for (size_t i = 0; i < sizeof silent / sizeof silent[0]; i++)
        close(silent[i]);
}

static void a_key_that_is_not_the_certificates_is_told(void **state)
{
    struct fixture *f = *state;
    const struct tls_settings tls = {
        .side = TLS_SERVER, .certificate_file = f->files.server, .key_file = f->files.client_key};
    const struct http_options options = {
        .bind = "127.0.0.1", .tls = &tls, .connections_max = CONNECTIONS, .on_request = on_request};
    char message[500] = "";
    struct http *unused;

    assert_int_equal(http_open(&unused, &options, message, sizeof message), ERR_INVALID);
    assert_non_null(strstr(message, f->files.client_key));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_answered_through_tls_and_beside_it_plainly),
        TEST(with_tls_only_nobody_listens_plainly),
        TEST(protocols_before_1_2_are_refused),
        TEST(a_certificate_that_holds_gives_its_name),
        TEST(where_certificates_are_required_nobody_gets_in_without),
        TEST(a_certificate_that_nobody_asked_for_gives_no_name),
        TEST(who_speaks_plainly_to_it_is_told_so),
        TEST(replaced_certificates_hold_from_the_next_handshake_on),
        TEST(handshakes_that_do_not_go_on_keep_nobody_out),
        TEST(a_key_that_is_not_the_certificates_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
