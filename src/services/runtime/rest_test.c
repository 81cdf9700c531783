/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_test.c - routes, who is let in, and that nobody waits for others, on a real socket.
 */
#include "base/base_test.h"

#include "services/runtime/rest.h"
#include "sys/uv_sys.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
    struct uv_sys *sys;
    struct log log;
    struct rest *rest;
    struct jws_key *key;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned held;
    bool let_go;
};

/* ---- handlers ---- */

static void who(void *ctx, struct rest_call *c)
{
    text_printf(&c->call->answer.body, "{\"who\":\"%s\",\"method\":\"%s\",\"name\":\"%s\"}", c->who ? c->who : "",
                c->method ? c->method : "", c->parameters[0] ? c->parameters[0] : "");
    call_json(c->call);
}

static void hold(void *ctx, struct rest_call *c)
{
    struct fixture *f = ctx;

    pthread_mutex_lock(&f->lock);
    f->held++;
    pthread_cond_broadcast(&f->changed);
    while (!f->let_go)
        pthread_cond_wait(&f->changed, &f->lock);
    pthread_mutex_unlock(&f->lock);
    who(ctx, c);
}

static void number(void *ctx, struct rest_call *c)
{
    int64_t n;

    if (!rest_query_number(c, "n", 0, 9, 7, &n))
        return;
    text_printf(&c->call->answer.body, "%d", (int)n);
    call_json(c->call);
}

static const struct rest_answer answers[] = {
    {200, "application/json", "Who asks."}, {401, "application/json", "Nobody."}, {0}};
static const struct rest_parameter query[] = {{"n", "integer", "A number."}, {0}};
static const char *const bodies[] = {"application/json", NULL};
static const struct rest_route routes[] = {
    {HTTP_GET, "/open", REST_OPEN, REST_AT_ONCE, who, "open", "Anybody.", NULL, NULL, answers},
    {HTTP_GET, "/things/{name}", REST_KNOWN, REST_READS, who, "thing", "Who is known.", NULL, NULL, answers},
    {HTTP_POST, "/things/{name}", REST_NAMED, REST_READS, who, "makeThing", "Who is named.", NULL, bodies, answers},
    {HTTP_GET, "/files/{path+}", REST_OPEN, REST_READS, who, "file", "A file.", NULL, NULL, answers},
    {HTTP_GET, "/names/{name+}/end/{n}", REST_OPEN, REST_READS, who, "end", "An end.", NULL, NULL, answers},
    {HTTP_GET, "/held", REST_OPEN, REST_WAITS, hold, "held", "Waits.", NULL, NULL, answers},
    {HTTP_GET, "/number", REST_OPEN, REST_AT_ONCE, number, "number", "A number.", query, NULL, answers},
};
#define ROUTES (sizeof routes / sizeof *routes)

/* ---- the world ---- */

static void begin(struct fixture *f, bool tokens)
{
    struct authentication_settings settings = {.providers = {PROVIDER_TOKEN}, .provider_count = 1};
    struct authentication *authentication = NULL;
    char message[300];

    memset(f, 0, sizeof *f);
    f->log.level = LOG_ERROR;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    assert_int_equal(uv_sys_new(&f->sys, NULL), OK);
    if (tokens) {
        assert_int_equal(jws_key_from_secret(&settings.token_key, bytes_of_text("a secret of thirty-two bytes....")),
                         OK);
        f->key = settings.token_key;
        assert_int_equal(authentication_new(&authentication, &settings), OK);
    }
    const struct rest_options options = {.bind = "127.0.0.1",
                                         .authentication = authentication,
                                         .routes = routes,
                                         .count = ROUTES,
                                         .ctx = f,
                                         .clocks = uv_sys_get(f->sys)->loop,
                                         .log = &f->log};
    assert_int_equal(rest_start(&f->rest, &options, message, sizeof message), OK);
    authentication_unref(authentication);
}

static void end(struct fixture *f)
{
    rest_stop(f->rest);
    uv_sys_free(f->sys);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
}

static int connected(const struct fixture *f)
{
    const struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(rest_port(f->rest)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static int ask(const struct fixture *f, const char *line, const char *token)
{
    char request[2000];
    int len, fd = connected(f);

    len = snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s%s%s%s\r\n", line,
                   token ? "Authorization: Bearer " : "", token ? token : "", token ? "\r\n" : "",
                   strncmp(line, "POST", 4) == 0 ? "Content-Length: 0\r\n" : "");
    assert_int_equal(write(fd, request, (size_t)len), len);
    return fd;
}

/* The status; the answer is in `to`. */
static int answer(int fd, char *to, size_t size)
{
    size_t len = 0;
    ssize_t got;

    while ((got = read(fd, to + len, size - 1 - len)) > 0)
        len += (size_t)got;
    to[len] = '\0';
    close(fd);
    assert_true(len > 12);
    return atoi(to + 9);
}

static int get(const struct fixture *f, const char *line, const char *token, char *to, size_t size)
{
    return answer(ask(f, line, token), to, size);
}

static void token_of(const struct fixture *f, const char *name, int64_t expires_s, char *to, size_t size)
{
    struct text text;

    text_init(&text, size - 1);
    assert_int_equal(token_make(f->key, JWS_HS256, NULL, name, expires_s, &text), OK);
    (void)snprintf(to, size, "%s", text.data);
    text_deinit(&text);
}

/* ---- tests ---- */

static void a_path_finds_its_route_and_its_names(void **state)
{
    const struct rest_route *route;
    struct bytes p[REST_PARAMETERS_MAX] = {0};
    char allowed[REST_ALLOWED_MAX];

    assert_int_equal(rest_find(routes, ROUTES, HTTP_GET, bytes_of_text("/things/a b"), &route, p, allowed), REST_FOUND);
    assert_true(bytes_equal(p[0], bytes_of_text("a b")));
    assert_int_equal(rest_find(routes, ROUTES, HTTP_GET, bytes_of_text("/files/x/y/z"), &route, p, allowed),
                     REST_FOUND);
    assert_true(bytes_equal(p[0], bytes_of_text("x/y/z")));
    assert_int_equal(rest_find(routes, ROUTES, HTTP_GET, bytes_of_text("/names/a/b/end/7"), &route, p, allowed),
                     REST_FOUND);
    assert_true(bytes_equal(p[0], bytes_of_text("a/b")));
    assert_true(bytes_equal(p[1], bytes_of_text("7")));
    assert_int_equal(rest_find(routes, ROUTES, HTTP_DELETE, bytes_of_text("/things/a"), &route, p, allowed),
                     REST_NO_METHOD);
    assert_string_equal(allowed, "GET, HEAD, POST");
    const char *const none[] = {
        "",       "/",       "/open/",       "/open/more",       "/things", "/things/", "/things/a/b",
        "/files", "/files/", "/names/end/7", "/names/a/begin/7", "open"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(rest_find(routes, ROUTES, HTTP_GET, bytes_of_text(none[i]), &route, p, allowed), REST_NO_PATH);
}

static void the_document_has_every_route(void **state)
{
    struct text text;
    json_t *document;

    text_init(&text, 100000);
    rest_openapi(routes, ROUTES, "Test", true, &text);
    document = json_loads(text.data, 0, NULL);
    assert_non_null(document);
    json_t *paths = json_object_get(document, "paths");
    assert_int_equal(json_object_size(paths), ROUTES - 1); /* two methods of one path */
    assert_non_null(json_object_get(json_object_get(paths, "/things/{name}"), "post"));
    assert_non_null(json_object_get(json_object_get(paths, "/files/{path}"), "get"));
    json_decref(document);
    text_deinit(&text);
}

static void who_is_known_is_told_to_the_handler(void **state)
{
    struct fixture f;
    char to[2000], token[500];

    begin(&f, true);
    token_of(&f, "alice", 0, token, sizeof token);
    assert_int_equal(get(&f, "GET /things/x", token, to, sizeof to), 200);
    assert_non_null(strstr(to, "{\"who\":\"alice\",\"method\":\"token\",\"name\":\"x\"}"));
    assert_int_equal(get(&f, "GET /open", token, to, sizeof to), 200);
    assert_non_null(strstr(to, "\"who\":\"\""));
    assert_int_equal(get(&f, "POST /things/x", token, to, sizeof to), 200);
    assert_non_null(strstr(to, "\"who\":\"alice\""));
    end(&f);
}

static void a_stranger_gets_where_he_may_only(void **state)
{
    struct fixture f;
    char to[2000], token[500];

    begin(&f, true);
    assert_int_equal(get(&f, "GET /things/x", NULL, to, sizeof to), 401);
    assert_non_null(strstr(to, "Bearer"));
    assert_int_equal(get(&f, "GET /open", NULL, to, sizeof to), 200);
    assert_int_equal(get(&f, "POST /things/x", NULL, to, sizeof to), 200);
    assert_int_equal(get(&f, "POST /things/x", "a.b.c", to, sizeof to), 401);
    token_of(&f, "alice", 1, token, sizeof token);
    assert_int_equal(get(&f, "POST /things/x", token, to, sizeof to), 401);
    end(&f);
}

static void without_authentication_nobody_has_a_name(void **state)
{
    struct fixture f;
    char to[2000];

    begin(&f, false);
    assert_int_equal(get(&f, "GET /things/x", "a.b.c", to, sizeof to), 200);
    assert_non_null(strstr(to, "\"who\":\"\""));
    end(&f);
}

static void what_waits_holds_up_nobody(void **state)
{
    struct fixture f;
    char to[2000];
    int waiting[3];

    begin(&f, false);
    for (int i = 0; i < 3; i++)
        waiting[i] = ask(&f, "GET /held", NULL);
    pthread_mutex_lock(&f.lock);
    while (f.held < 3)
        pthread_cond_wait(&f.changed, &f.lock);
    pthread_mutex_unlock(&f.lock);
    assert_int_equal(get(&f, "GET /things/x", NULL, to, sizeof to), 200);
    assert_int_equal(get(&f, "GET /open", NULL, to, sizeof to), 200);
    pthread_mutex_lock(&f.lock);
    f.let_go = true;
    pthread_cond_broadcast(&f.changed);
    pthread_mutex_unlock(&f.lock);
    for (int i = 0; i < 3; i++)
        assert_int_equal(answer(waiting[i], to, sizeof to), 200);
    end(&f);
}

static void a_peer_that_goes_while_its_handler_waits_leaves_nothing(void **state)
{
    struct fixture f;

    begin(&f, false);
    int fd = ask(&f, "GET /held", NULL);
    pthread_mutex_lock(&f.lock);
    while (f.held < 1)
        pthread_cond_wait(&f.changed, &f.lock);
    close(fd);
    f.let_go = true;
    pthread_cond_broadcast(&f.changed);
    pthread_mutex_unlock(&f.lock);
    end(&f);
}

static void what_is_asked_wrongly_is_told(void **state)
{
    struct fixture f;
    char to[2000];

    begin(&f, false);
    assert_int_equal(get(&f, "GET /nothing", NULL, to, sizeof to), 404);
    assert_int_equal(get(&f, "DELETE /open", NULL, to, sizeof to), 405);
    assert_int_equal(get(&f, "GET /number", NULL, to, sizeof to), 200);
    assert_int_equal(get(&f, "GET /number?n=3", NULL, to, sizeof to), 200);
    const char *const bad[] = {"GET /number?n=10", "GET /number?n=-1", "GET /number?n=3x",
                               "GET /number?n=99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(get(&f, bad[i], NULL, to, sizeof to), 400);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_finds_its_route_and_its_names),
        cmocka_unit_test(the_document_has_every_route),
        cmocka_unit_test(who_is_known_is_told_to_the_handler),
        cmocka_unit_test(a_stranger_gets_where_he_may_only),
        cmocka_unit_test(without_authentication_nobody_has_a_name),
        cmocka_unit_test(what_waits_holds_up_nobody),
        cmocka_unit_test(a_peer_that_goes_while_its_handler_waits_leaves_nothing),
        cmocka_unit_test(what_is_asked_wrongly_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
