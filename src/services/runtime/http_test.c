/* SPDX-License-Identifier: Apache-2.0
 *
 * http_test.c - calls and mails over loopback, to a server that says what its script says, one line at a time.
 *
 * A script is a list of steps: wait for a text, then say the next one.  What came is kept.
 */
#include "base/base_test.h"
#include "security/tls.h"
#include "security/tls_fixture.h"
#include "services/runtime/curl.h"
#include "services/runtime/http.h"
#include "services/runtime/mail.h"
#include "sys/uv_sys.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FOREVER_MS 60000

struct step {
    const char *until; /* NULL: nothing is waited for */
    const char *say;   /* NULL: nothing is said, and the connection stays open until the other side closes it */
};

struct server {
    int fd;
    const struct step *steps; /* ends with zeros */
    struct uv_thread *thread;
    char url[64];
    char heard[8192];
    size_t len, looked;
};

static bool hear(struct server *s, int fd)
{
    ssize_t got = recv(fd, s->heard + s->len, sizeof s->heard - 1 - s->len, 0);

    if (got <= 0)
        return false;
    s->len += (size_t)got;
    s->heard[s->len] = '\0';
    return true;
}

/* True when the text came, after what came before. */
static bool hear_until(struct server *s, int fd, const char *text)
{
    const char *found;

    while (!(found = strstr(s->heard + s->looked, text)))
        if (!hear(s, fd))
            return false;
    s->looked = (size_t)(found - s->heard) + strlen(text);
    return true;
}

static void serve(void *ctx)
{
    struct server *s = ctx;
    int fd = accept(s->fd, NULL, NULL);

    for (const struct step *step = s->steps; step->until || step->say; step++) {
        if (step->until && !hear_until(s, fd, step->until))
            break;
        if (step->say)
            (void)send(fd, step->say, strlen(step->say), MSG_NOSIGNAL);
    }
    while (hear(s, fd))
        continue;
    close(fd);
}

static void server_listen(struct server *s, const char *scheme)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;

    *s = (struct server){.fd = socket(AF_INET, SOCK_STREAM, 0)};
    assert_int_equal(bind(s->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(s->fd, 1), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(s->url, sizeof s->url, "%s://127.0.0.1:%u", scheme, ntohs(address.sin_port));
}

static void server_start(struct server *s, const char *scheme, const struct step *steps)
{
    server_listen(s, scheme);
    s->steps = steps;
    assert_int_equal(uv_thread_run(&s->thread, "server", serve, s), OK);
}

static void server_finish(struct server *s)
{
    uv_thread_finish(s->thread);
    close(s->fd);
}

static const struct step ok_steps[] = {
    {"\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Thing:  a value \r\n\r\nok"}, {0}};

static struct http_call call_to(const char *url)
{
    return (struct http_call){.url = url, .timeout_ms = FOREVER_MS, .answer_max = 4096};
}

static void a_get_has_an_answer_with_status_body_and_headers(void **state)
{
    struct server s;
    struct http_reply reply;
    char why[200], value[64];

    server_start(&s, "http", ok_steps);
    struct http_call call = call_to(s.url);
    call.headers = (const char *const[]){"X-Key: secret", NULL};
    assert_int_equal(http_perform(&call, &reply, why, sizeof why), OK);
    server_finish(&s);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body.data, "ok");
    assert_true(http_reply_header(&reply, "x-thing", value, sizeof value));
    assert_string_equal(value, "a value");
    assert_false(http_reply_header(&reply, "x-thing", value, 7));
    assert_false(http_reply_header(&reply, "x-other", value, sizeof value));
    assert_ptr_equal(strstr(s.heard, "GET / HTTP/1.1\r\n"), s.heard);
    assert_non_null(strstr(s.heard, "\r\nX-Key: secret\r\n"));
    http_reply_deinit(&reply);
}

static void a_body_is_posted_as_it_is_and_called_what_the_caller_says(void **state)
{
    static const struct step steps[] = {{"a=b", "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"}, {0}};
    struct server s;
    struct http_reply reply;
    char why[200];

    server_start(&s, "http", steps);
    struct http_call call = call_to(s.url);
    call.body = bytes_of_text("a=b");
    assert_int_equal(http_perform(&call, &reply, why, sizeof why), OK);
    server_finish(&s);
    assert_int_equal(reply.status, 201);
    assert_int_equal(reply.body.len, 0);
    assert_ptr_equal(strstr(s.heard, "POST / HTTP/1.1\r\n"), s.heard);
    assert_null(strstr(s.heard, "Content-Type"));
    assert_null(strstr(s.heard, "Expect"));
    http_reply_deinit(&reply);
}

static void an_interim_answer_is_forgotten_and_trailers_are_headers(void **state)
{
    static const struct step steps[] = {
        {"\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nEarly: yes\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                     "Trailer: Grpc-Status\r\n\r\n2\r\nok\r\n0\r\nGrpc-Status: 7\r\n\r\n"},
        {0}};
    struct server s;
    struct http_reply reply;
    char why[200], value[16];

    server_start(&s, "http", steps);
    struct http_call call = call_to(s.url);
    assert_int_equal(http_perform(&call, &reply, why, sizeof why), OK);
    server_finish(&s);
    assert_int_equal(reply.status, 200);
    assert_false(http_reply_header(&reply, "early", value, sizeof value));
    assert_true(http_reply_header(&reply, "grpc-status", value, sizeof value));
    assert_string_equal(value, "7");
    http_reply_deinit(&reply);
}

static void expect_too_large(const char *answer)
{
    const struct step steps[] = {{"\r\n\r\n", answer}, {0}};
    struct server s;
    struct http_reply reply;
    char why[200];

    server_start(&s, "http", steps);
    struct http_call call = call_to(s.url);
    call.answer_max = 4;
    assert_int_equal(http_perform(&call, &reply, why, sizeof why), ERR_TOO_LARGE);
    server_finish(&s);
    http_reply_deinit(&reply);
}

static void an_answer_longer_than_the_bound_is_too_large_whether_it_says_so_before_or_not(void **state)
{
    expect_too_large("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345");
    expect_too_large("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
}

static void a_server_that_says_nothing_is_left_at_the_deadline(void **state)
{
    static const struct step steps[] = {{"\r\n\r\n", NULL}, {0}};
    struct server s;
    struct http_reply reply;
    char why[200];

    server_start(&s, "http", steps);
    struct http_call call = call_to(s.url);
    call.timeout_ms = 20;
    assert_int_equal(http_perform(&call, &reply, why, sizeof why), ERR_TIMEOUT);
    server_finish(&s);
    http_reply_deinit(&reply);
}

static bool is_cancelled(void *ctx)
{
    return true;
}

static void a_call_that_is_cancelled_ends_before_its_deadline(void **state)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof here;
    int silent = socket(AF_INET, SOCK_STREAM, 0); /* it listens, and accepts nobody */
    struct http_reply reply;
    char url[64], why[200];

    assert_int_equal(bind(silent, (struct sockaddr *)&here, size), 0);
    assert_int_equal(listen(silent, 1), 0);
    assert_int_equal(getsockname(silent, (struct sockaddr *)&here, &size), 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", ntohs(here.sin_port));
    struct http_call call = call_to(url);
    call.cancelled = is_cancelled;
    assert_int_equal(http_perform(&call, &reply, why, sizeof why), ERR_CANCELLED);
    http_reply_deinit(&reply);
    close(silent);
}

static void a_redirect_is_an_answer_like_any_other(void **state)
{
    static const struct step steps[] = {
        {"\r\n\r\n", "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"},
        {0}};
    struct server s;
    struct http_reply reply;
    char why[200];

    server_start(&s, "http", steps);
    struct http_call call = call_to(s.url);
    assert_int_equal(http_perform(&call, &reply, why, sizeof why), OK);
    server_finish(&s);
    assert_int_equal(reply.status, 307);
    http_reply_deinit(&reply);
}

static void nobody_there_is_an_error_that_names_the_host_and_neither_user_nor_path(void **state)
{
    struct http_call call = call_to("http://me:hidden@127.0.0.1:1/services/hidden");
    struct http_reply reply;
    char why[200];

    assert_int_equal(http_perform(&call, &reply, why, sizeof why), ERR_IO);
    assert_null(strstr(why, "hidden"));
    assert_non_null(strstr(why, "http://127.0.0.1:1: "));
    http_reply_deinit(&reply);
}

static void what_is_no_http_is_not_called(void **state)
{
    static const char *const urls[] = {"file:///etc/passwd", "ftp://127.0.0.1/", "smtp://127.0.0.1", "http://", ""};
    struct http_reply reply;
    char why[200];

    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct http_call call = call_to(urls[i]);

        assert_int_equal(http_perform(&call, &reply, why, sizeof why), ERR_INVALID);
        http_reply_deinit(&reply);
    }
}

static void a_header_with_a_line_end_is_refused(void **state)
{
    struct http_call call = call_to("http://127.0.0.1:1");
    struct http_reply reply;
    char why[200];

    call.headers = (const char *const[]){"X: a\r\nY: b", NULL};
    assert_int_equal(http_perform(&call, &reply, why, sizeof why), ERR_INVALID);
    http_reply_deinit(&reply);
}

static bool take(void *ctx, struct bytes piece)
{
    text_add_bytes(ctx, piece);
    return ((struct text *)ctx)->len < 3;
}

static void whoever_takes_the_answer_piece_by_piece_may_end_it(void **state)
{
    static const struct step steps[] = {{"\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n12345678"}, {0}};
    struct server s;
    struct http_reply reply;
    struct text got;
    char why[200];

    text_init(&got, 100);
    server_start(&s, "http", steps);
    struct http_call call = call_to(s.url);
    call.take = take;
    call.ctx = &got;
    assert_int_equal(http_perform(&call, &reply, why, sizeof why), ERR_CANCELLED);
    server_finish(&s);
    assert_int_equal(reply.body.len, 0);
    assert_ptr_equal(strstr("12345678", got.data), "12345678");
    text_deinit(&got);
    http_reply_deinit(&reply);
}

/* The server takes one connection and no other. */
static void calls_that_share_connections_use_the_one_that_is_open(void **state)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    static const struct step steps[] = {{"\r\n\r\n", answer}, {"\r\n\r\n", answer}, {"\r\n\r\n", answer}, {0}};
    struct http_connections *connections;
    struct server s;
    struct http_reply reply;
    char why[200];

    assert_int_equal(http_connections_new(&connections), OK);
    server_start(&s, "http", steps);
    struct http_call call = call_to(s.url);
    call.connections = connections;
    for (int i = 0; i < 3; i++) {
        call.headers = i == 0 ? (const char *const[]){"X-First: yes", NULL} : NULL;
        assert_int_equal(http_perform(&call, &reply, why, sizeof why), OK);
        assert_string_equal(reply.body.data, "ok");
        http_reply_deinit(&reply);
    }
    http_connections_free(connections);
    server_finish(&s);
    assert_null(strstr(strstr(s.heard, "X-First") + 1, "X-First")); /* nothing of a call is left for the next */
}

static void a_connection_that_was_closed_meanwhile_is_replaced(void **state)
{
    static const struct step once[] = {
        {"\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"}, {0}};
    struct http_connections *connections;
    struct http_reply reply;
    char why[200];

    assert_int_equal(http_connections_new(&connections), OK);
    for (int i = 0; i < 2; i++) {
        struct server s;

        server_start(&s, "http", once);
        struct http_call call = call_to(s.url);
        call.connections = connections;
        assert_int_equal(http_perform(&call, &reply, why, sizeof why), OK);
        http_reply_deinit(&reply);
        server_finish(&s);
    }
    http_connections_free(connections);
}

static void http2_is_spoken_without_asking(void **state)
{
    static const struct step steps[] = {{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "no HTTP/2 at all, not a frame of it"},
                                        {0}};
    struct server s;
    struct http_reply reply;
    char why[200];

    server_start(&s, "http", steps);
    struct http_call call = call_to(s.url);
    call.http2_prior_knowledge = true;
    assert_int_equal(http_perform(&call, &reply, why, sizeof why), ERR_IO);
    server_finish(&s);
    assert_ptr_equal(strstr(s.heard, "PRI * HTTP/2.0\r\n"), s.heard);
    http_reply_deinit(&reply);
}

static void a_request_is_signed_for_aws(void **state)
{
    struct server s;
    struct http_reply reply;
    char why[200];

    server_start(&s, "http", ok_steps);
    struct http_call call = call_to(s.url);
    call.sigv4 = "aws:amz:eu-west-1:s3";
    call.user = "ACCESS:hidden";
    assert_int_equal(http_perform(&call, &reply, why, sizeof why), OK);
    server_finish(&s);
    assert_non_null(strstr(s.heard, "Authorization: AWS4-HMAC-SHA256 Credential=ACCESS/"));
    assert_null(strstr(s.heard, "hidden"));
    http_reply_deinit(&reply);
}

/* ---- with TLS ---- */

struct tls_server {
    struct server server;
    SSL_CTX *ctx;
    bool client_was_known;
};

static void serve_tls(void *ctx)
{
    struct tls_server *s = ctx;
    int fd = accept(s->server.fd, NULL, NULL);
    SSL *ssl = SSL_new(s->ctx);
    const char *answer = ok_steps[0].say;
    char request[4096];

    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1 && SSL_read(ssl, request, sizeof request) > 0) {
        char *name = tls_peer_name(ssl);

        s->client_was_known = name && strcmp(name, "client-role") == 0;
        free(name);
        (void)SSL_write(ssl, answer, (int)strlen(answer));
        (void)SSL_shutdown(ssl);
    }
    SSL_free(ssl);
    close(fd);
}

static void tls_server_start(struct tls_server *s, const char *certificate, const char *key, const char *trust)
{
    struct tls_settings settings = {.side = TLS_SERVER,
                                    .certificate_file = certificate,
                                    .key_file = key,
                                    .trust_file = trust,
                                    .client_certificates = trust ? TLS_CERTIFICATE_REQUIRED : TLS_CERTIFICATE_NONE};
    char message[300];

    s->client_was_known = false;
    s->ctx = SSL_CTX_new(TLS_server_method());
    assert_int_equal(tls_configure(s->ctx, &settings, message, sizeof message), OK);
    server_listen(&s->server, "https");
    assert_int_equal(uv_thread_run(&s->server.thread, "server", serve_tls, s), OK);
}

static void tls_server_finish(struct tls_server *s)
{
    server_finish(&s->server);
    SSL_CTX_free(s->ctx);
}

/* What a call to a server with this certificate, by who trusts `trust`, ends with. */
static enum err call_tls(const char *certificate, const char *key, const char *trust, char *why, size_t why_size)
{
    struct tls_server s;
    struct http_reply reply;
    enum err err;

    tls_server_start(&s, certificate, key, NULL);
    struct http_call call = call_to(s.server.url);
    call.trust_certs = trust;
    err = http_perform(&call, &reply, why, why_size);
    tls_server_finish(&s);
    if (err == OK)
        assert_string_equal(reply.body.data, "ok");
    http_reply_deinit(&reply);
    return err;
}

static void a_server_is_believed_by_its_certificate_only(void **state)
{
    struct tls_fixture f;
    char why[400];

    tls_fixture_make(&f);
    assert_int_equal(call_tls(f.server, f.server_key, f.ca, why, sizeof why), OK);
    assert_int_equal(call_tls(f.chained, f.chained_key, f.ca, why, sizeof why), OK);
    assert_int_equal(call_tls(f.server, f.server_key, f.stranger_ca, why, sizeof why), ERR_DENIED);
    assert_ptr_equal(strstr(why, "https://127.0.0.1:"), why);
    assert_int_equal(call_tls(f.expired, f.expired_key, f.ca, why, sizeof why), ERR_DENIED);
    assert_int_equal(call_tls(f.elsewhere, f.elsewhere_key, f.ca, why, sizeof why), ERR_DENIED);
    assert_int_equal(call_tls(f.server, f.server_key, NULL, why, sizeof why), ERR_DENIED);
    assert_int_equal(call_tls(f.server, f.server_key, "/nowhere/at/all", why, sizeof why), ERR_NOT_FOUND);
    assert_non_null(strstr(why, "/nowhere"));
    tls_fixture_remove(&f);
}

static void our_own_certificate_is_shown(void **state)
{
    struct tls_fixture f;
    struct tls_server s;
    struct http_reply reply;
    char why[400];

    tls_fixture_make(&f);
    tls_server_start(&s, f.server, f.server_key, f.ca);
    struct http_call call = call_to(s.server.url);
    call.trust_certs = f.ca;
    call.certificate = f.client;
    call.key = f.client_key;
    assert_int_equal(http_perform(&call, &reply, why, sizeof why), OK);
    tls_server_finish(&s);
    assert_true(s.client_was_known);
    http_reply_deinit(&reply);
    tls_fixture_remove(&f);
}

/* ---- mail ---- */

static struct mail_call mail_to(const char *url)
{
    static const char *const recipients[] = {"a@example.org", "b@example.org", NULL};

    return (struct mail_call){
        .url = url,
        .without_tls = true,
        .from = "notary@example.org",
        .recipients = recipients,
        .message = bytes_of_text("Subject: x\r\n\r\nline\r\n.dot\r\n"),
        .timeout_ms = FOREVER_MS,
    };
}

static void a_mail_goes_to_all_recipients_with_its_dots_doubled(void **state)
{
    static const struct step steps[] = {
        {NULL, "220 here\r\n"},         {"\r\n", "250 here\r\n"},    {"\r\n", "250 sender\r\n"},
        {"\r\n", "250 first\r\n"},      {"\r\n", "250 second\r\n"},  {"\r\n", "354 go on\r\n"},
        {"\r\n.\r\n", "250 taken\r\n"}, {"QUIT\r\n", "221 bye\r\n"}, {0}};
    struct server s;
    char why[200];

    server_start(&s, "smtp", steps);
    struct mail_call call = mail_to(s.url);
    assert_int_equal(mail_send(&call, why, sizeof why), OK);
    server_finish(&s);
    assert_non_null(strstr(s.heard, "MAIL FROM:<notary@example.org>"));
    assert_non_null(strstr(s.heard, "RCPT TO:<a@example.org>\r\nRCPT TO:<b@example.org>\r\n"));
    assert_non_null(strstr(s.heard, "Subject: x\r\n\r\nline\r\n..dot\r\n.\r\n"));
}

static void expect_refused(const char *answer, enum err expected)
{
    const struct step steps[] = {{NULL, "220 here\r\n"}, {"\r\n", "250 here\r\n"}, {"\r\n", "250 sender\r\n"},
                                 {"\r\n", answer},       {"\r\n", "221 bye\r\n"},  {0}};
    struct server s;
    char why[200];

    server_start(&s, "smtp", steps);
    struct mail_call call = mail_to(s.url);
    assert_int_equal(mail_send(&call, why, sizeof why), expected);
    server_finish(&s);
}

static void a_recipient_refused_for_good_differs_from_one_refused_for_now(void **state)
{
    expect_refused("550 no such user\r\n", ERR_NOT_ALLOWED);
    expect_refused("451 come back later\r\n", ERR_AGAIN);
}

static void without_starttls_nothing_is_sent_unless_that_is_wished(void **state)
{
    static const struct step steps[] = {{NULL, "220 here\r\n"}, {"\r\n", "250 here\r\n"}, {"\r\n", "221 bye\r\n"}, {0}};
    struct server s;
    char why[200];

    server_start(&s, "smtp", steps);
    struct mail_call call = mail_to(s.url);
    call.without_tls = false;
    call.user = "me";
    call.password = "hidden";
    assert_int_equal(mail_send(&call, why, sizeof why), ERR_DENIED);
    server_finish(&s);
    assert_null(strstr(s.heard, "AUTH"));
    assert_null(strstr(s.heard, "MAIL FROM"));
}

static void an_address_cannot_smuggle_a_command(void **state)
{
    struct mail_call call = mail_to("smtp://127.0.0.1:1");
    char why[200];

    call.recipients = (const char *const[]){"a@example.org>\r\nDATA", NULL};
    assert_int_equal(mail_send(&call, why, sizeof why), ERR_INVALID);
    call.recipients = (const char *const[]){NULL};
    assert_int_equal(mail_send(&call, why, sizeof why), ERR_INVALID);
    call.from = "nobody";
    assert_int_equal(mail_send(&call, why, sizeof why), ERR_INVALID);
}

static void the_origin_of_a_url_has_no_secret(void **state)
{
    char to[64];

    curl_url_origin("https://u:p@x@host:1/path?q#f", to, sizeof to);
    assert_string_equal(to, "https://host:1");
    curl_url_origin("smtp://host", to, sizeof to);
    assert_string_equal(to, "smtp://host");
    curl_url_origin("nothing/of/that", to, sizeof to);
    assert_string_equal(to, "nothing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_get_has_an_answer_with_status_body_and_headers),
        cmocka_unit_test(a_body_is_posted_as_it_is_and_called_what_the_caller_says),
        cmocka_unit_test(an_interim_answer_is_forgotten_and_trailers_are_headers),
        cmocka_unit_test(an_answer_longer_than_the_bound_is_too_large_whether_it_says_so_before_or_not),
        cmocka_unit_test(a_server_that_says_nothing_is_left_at_the_deadline),
        cmocka_unit_test(a_call_that_is_cancelled_ends_before_its_deadline),
        cmocka_unit_test(a_redirect_is_an_answer_like_any_other),
        cmocka_unit_test(nobody_there_is_an_error_that_names_the_host_and_neither_user_nor_path),
        cmocka_unit_test(what_is_no_http_is_not_called),
        cmocka_unit_test(a_header_with_a_line_end_is_refused),
        cmocka_unit_test(whoever_takes_the_answer_piece_by_piece_may_end_it),
        cmocka_unit_test(calls_that_share_connections_use_the_one_that_is_open),
        cmocka_unit_test(a_connection_that_was_closed_meanwhile_is_replaced),
        cmocka_unit_test(http2_is_spoken_without_asking),
        cmocka_unit_test(a_request_is_signed_for_aws),
        cmocka_unit_test(a_server_is_believed_by_its_certificate_only),
        cmocka_unit_test(our_own_certificate_is_shown),
        cmocka_unit_test(a_mail_goes_to_all_recipients_with_its_dots_doubled),
        cmocka_unit_test(a_recipient_refused_for_good_differs_from_one_refused_for_now),
        cmocka_unit_test(without_starttls_nothing_is_sent_unless_that_is_wished),
        cmocka_unit_test(an_address_cannot_smuggle_a_command),
        cmocka_unit_test(the_origin_of_a_url_has_no_secret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
