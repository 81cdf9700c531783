/* SPDX-License-Identifier: Apache-2.0
 *
 * uv_net_test.c - listeners, connections and connecting, over the loopback and ports that the kernel chooses.
 */
#include "base/base_test.h"
#include "sys/net.h"
#include "sys/uv_sys.h"
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BULK (16u * 1024 * 1024) /* more than the sockets' buffers hold */

/* One end of a connection, and all that happened to it. */
struct end {
    struct conn_handler handler;
    struct conn *conn;
    struct world *world;
    uint8_t in[65536];
    size_t received;
    uint8_t last; /* byte received */
    bool closed;
    enum err why;
    struct conn_write write;
    int writes_done;
    enum err write_err;
};

struct world {
    struct uv_sys *uv;
    struct net *net;
    struct listener *listener;
    uint16_t port;
    struct end server, client;
    struct connector connector;
    int connects_done;
    enum err connect_err;
    void (*on_read)(struct end *e, const uint8_t *data, size_t len);
    void (*on_connected)(struct world *w);
    void (*on_accepted)(struct world *w);
};

/* ---- what every test uses ---- */

static void on_buffer(struct conn_handler *h, uint8_t **data, size_t *len)
{
    struct end *e = container_of(h, struct end, handler);

    *data = e->in;
    *len = sizeof e->in;
}

static void on_read(struct conn_handler *h, size_t len)
{
    struct end *e = container_of(h, struct end, handler);

    assert_true(len > 0);
    assert_false(e->closed);
    e->received += len;
    e->last = e->in[len - 1];
    if (e->world->on_read)
        e->world->on_read(e, e->in, len);
}

/* The world ends when both ends of its connection have. */
static void on_closed(struct conn_handler *h, enum err why)
{
    struct end *e = container_of(h, struct end, handler);
    struct world *w = e->world;

    assert_false(e->closed);
    e->closed = true;
    e->why = why;
    if (w->server.closed && w->client.closed)
        uv_sys_stop(w->uv);
}

static void on_written(struct conn_write *write, enum err err)
{
    struct end *e = container_of(write, struct end, write);

    assert_false(e->closed); /* on_closed is the last callback */
    e->writes_done++;
    e->write_err = err;
}

static void end_write(struct end *e, const void *data, size_t len)
{
    int before = e->writes_done;

    e->write = (struct conn_write){.parts = {bytes_of(data, len)}, .count = 1, .done = on_written};
    conn_write(e->conn, &e->write);
    assert_int_equal(e->writes_done, before); /* not before the call has returned */
}

static void on_connect(struct connector *c, enum err err, struct conn *conn)
{
    struct world *w = container_of(c, struct world, connector);

    w->connects_done++;
    w->connect_err = err;
    if (err != OK) {
        uv_sys_stop(w->uv);
        return;
    }
    w->client.conn = conn;
    conn_read_start(conn);
    if (w->on_connected)
        w->on_connected(w);
}

static struct conn_handler *on_accept(void *ctx, struct conn *conn)
{
    struct world *w = ctx;

    w->server.conn = conn;
    conn_read_start(conn);
    if (w->on_accepted)
        w->on_accepted(w);
    return &w->server.handler;
}

static void end_init(struct end *e, struct world *w)
{
    e->world = w;
    e->handler = (struct conn_handler){.on_buffer = on_buffer, .on_read = on_read, .on_closed = on_closed};
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_int_equal(uv_sys_new(&w->uv, NULL), OK);
    w->net = uv_sys_get(w->uv)->net;
    assert_int_equal(w->net->ops->listen(w->net, "127.0.0.1", 0, on_accept, w, &w->listener), OK);
    w->port = w->net->ops->listener_port(w->listener);
    assert_true(w->port > 0);
    end_init(&w->server, w);
    end_init(&w->client, w);
    w->connector.done = on_connect;
    w->connector.handler = &w->client.handler;
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    if (w->listener)
        w->net->ops->listener_close(w->listener);
    uv_sys_free(w->uv);
    free(w);
    return 0;
}

static void connect_to(struct world *w, const char *host)
{
    assert_int_equal(w->net->ops->connect(w->net, host, w->port, 10000, &w->connector), OK);
    assert_int_equal(w->connects_done, 0); /* not before the call has returned */
}

/* ---- bytes ---- */

static void echo_or_close(struct end *e, const uint8_t *data, size_t len)
{
    struct world *w = e->world;

    if (e == &w->server) {
        end_write(e, data, len);
    } else {
        assert_int_equal(len, 5);
        assert_memory_equal(data, "hello", 5);
        conn_close(e->conn);
    }
}

static void say_hello(struct world *w)
{
    end_write(&w->client, "hello", 5);
}

static void bytes_come_back_from_an_echo(void **state)
{
    struct world *w = *state;

    w->on_read = echo_or_close;
    w->on_connected = say_hello;
    connect_to(w, "127.0.0.1");
    uv_sys_run(w->uv);
    assert_int_equal(w->client.received, 5);
    assert_int_equal(w->client.writes_done, 1);
    assert_int_equal(w->client.write_err, OK);
    assert_int_equal(w->client.why, OK);
    assert_int_equal(w->server.why, ERR_CLOSED);
}

static void a_name_is_resolved(void **state)
{
    struct world *w = *state;

    w->on_read = echo_or_close;
    w->on_connected = say_hello;
    connect_to(w, "localhost");
    uv_sys_run(w->uv);
    assert_int_equal(w->client.received, 5);
}

static void note_peer(struct world *w)
{
    char peer[64];

    conn_peer(w->server.conn, peer, sizeof peer);
    assert_memory_equal(peer, "127.0.0.1:", 10);
    conn_close(w->server.conn);
}

static void a_peer_has_a_name_for_the_logs(void **state)
{
    struct world *w = *state;

    w->on_accepted = note_peer;
    connect_to(w, "127.0.0.1");
    uv_sys_run(w->uv);
    assert_int_equal(w->server.why, OK);
    assert_int_equal(w->client.why, ERR_CLOSED);
}

static uint8_t *bulk_new(void)
{
    uint8_t *bulk = malloc(BULK);

    memset(bulk, 'x', BULK);
    bulk[BULK - 1] = '!';
    return bulk;
}

static uint8_t *bulk; /* of the test that runs */

static void send_bulk_and_close_after(struct world *w)
{
    end_write(&w->client, bulk, BULK);
    assert_int_equal(conn_write_queued(w->client.conn), BULK);
    conn_close_after_writes(w->client.conn);
}

static void a_close_after_writes_delivers_all_of_them(void **state)
{
    struct world *w = *state;

    bulk = bulk_new();
    w->on_connected = send_bulk_and_close_after;
    connect_to(w, "127.0.0.1");
    uv_sys_run(w->uv);
    assert_int_equal(w->server.received, BULK);
    assert_int_equal(w->server.last, '!');
    assert_int_equal(w->server.why, ERR_CLOSED);
    assert_int_equal(w->client.writes_done, 1);
    assert_int_equal(w->client.write_err, OK);
    assert_int_equal(w->client.why, OK);
    free(bulk);
}

static void hear_not(struct world *w)
{
    conn_read_stop(w->server.conn);
    end_write(&w->server, "refused", 7);
    conn_close_after_writes(w->server.conn);
}

static void send_bulk(struct world *w)
{
    end_write(&w->client, bulk, BULK);
}

static void the_last_words_arrive_although_the_peer_still_talks(void **state)
{
    struct world *w = *state;

    bulk = bulk_new();
    w->on_accepted = hear_not;
    w->on_connected = send_bulk;
    connect_to(w, "127.0.0.1");
    uv_sys_run(w->uv);
    assert_int_equal(w->client.received, 7);
    assert_int_equal(w->client.why, ERR_CLOSED);
    free(bulk);
}

static void stop_reading(struct world *w)
{
    conn_read_stop(w->server.conn);
}

static struct task task_close;
static struct world *task_world;

static void close_now(struct task *task)
{
    (void)task;
    assert_true(conn_write_queued(task_world->client.conn) > 0);
    conn_close(task_world->client.conn);
    conn_close(task_world->client.conn); /* twice is fine */
    conn_read_start(task_world->server.conn);
}

static void send_bulk_and_close(struct world *w)
{
    end_write(&w->client, bulk, BULK);
    task_world = w;
    task_close = (struct task){.run = close_now};
    loop_defer(uv_sys_get(w->uv)->loop, &task_close); /* after the flush of the write */
}

static void a_close_drops_what_is_queued_and_tells_it_first(void **state)
{
    struct world *w = *state;

    bulk = bulk_new();
    w->on_accepted = stop_reading;
    w->on_connected = send_bulk_and_close;
    connect_to(w, "127.0.0.1");
    uv_sys_run(w->uv);
    assert_int_equal(w->client.writes_done, 1);
    assert_int_equal(w->client.write_err, ERR_CLOSED);
    assert_int_equal(w->client.why, OK);
    assert_true(w->server.received < BULK);
    free(bulk);
}

#define SMALL_WRITES 1000

static struct conn_write small_writes[SMALL_WRITES];
static uint8_t small_bytes[SMALL_WRITES];
static int small_done;

static void on_small(struct conn_write *write, enum err err)
{
    assert_int_equal(err, OK);
    assert_ptr_equal(write, &small_writes[small_done]); /* in order */
    small_done++;
}

static void send_many(struct world *w)
{
    for (int i = 0; i < SMALL_WRITES; i++) {
        small_bytes[i] = (uint8_t)i;
        small_writes[i] = (struct conn_write){.done = on_small, .count = 3};
        small_writes[i].parts[1] = bytes_of(&small_bytes[i], 1);
        conn_write(w->client.conn, &small_writes[i]);
    }
    conn_close_after_writes(w->client.conn);
}

static void expect_ascending(struct end *e, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        assert_int_equal(data[i], (uint8_t)(e->received - len + i));
}

static void many_small_writes_arrive_in_order(void **state)
{
    struct world *w = *state;

    w->on_connected = send_many;
    w->on_read = expect_ascending;
    connect_to(w, "127.0.0.1");
    uv_sys_run(w->uv);
    assert_int_equal(small_done, SMALL_WRITES);
    assert_int_equal(w->server.received, SMALL_WRITES);
}

static void stop_the_loop(struct world *w)
{
    end_write(&w->client, "x", 1);
    uv_sys_stop(w->uv);
}

static void a_stop_closes_what_is_open_and_tells_it(void **state)
{
    struct world *w = *state;

    w->on_connected = stop_the_loop;
    connect_to(w, "127.0.0.1");
    uv_sys_run(w->uv);
    assert_true(w->client.closed);
    assert_int_equal(w->client.why, OK);
    assert_int_equal(w->client.writes_done, 1);
}

/* ---- listening and connecting ---- */

static void a_port_that_is_taken_is_busy(void **state)
{
    struct world *w = *state;
    struct listener *second;

    assert_int_equal(w->net->ops->listen(w->net, "127.0.0.1", w->port, on_accept, w, &second), ERR_BUSY);
}

static void an_address_of_another_machine_cannot_be_listened_on(void **state)
{
    struct world *w = *state;
    struct listener *second;

    assert_int_equal(w->net->ops->listen(w->net, "192.0.2.1", 0, on_accept, w, &second), ERR_INVALID);
    assert_int_equal(w->net->ops->listen(w->net, "no such name", 0, on_accept, w, &second), ERR_NOT_FOUND);
}

static void a_connect_to_a_closed_port_is_refused(void **state)
{
    struct world *w = *state;

    w->net->ops->listener_close(w->listener);
    w->listener = NULL;
    connect_to(w, "localhost");
    uv_sys_run(w->uv);
    assert_int_equal(w->connects_done, 1);
    assert_int_equal(w->connect_err, ERR_IO);
}

static void a_name_that_nobody_has_is_not_found(void **state)
{
    struct world *w = *state;

    connect_to(w, "no such name");
    uv_sys_run(w->uv);
    assert_int_equal(w->connects_done, 1);
    assert_int_equal(w->connect_err, ERR_NOT_FOUND);
}

static void a_connect_whose_time_is_over_tells_so(void **state)
{
    struct world *w = *state;

    /* A name, so that a thread has to answer first; the deadline is there before it. */
    assert_int_equal(w->net->ops->connect(w->net, "localhost", w->port, 0, &w->connector), OK);
    uv_sys_run(w->uv);
    assert_int_equal(w->connects_done, 1);
    assert_int_equal(w->connect_err, ERR_TIMEOUT);
}

static void a_cancelled_connect_is_silent(void **state)
{
    struct world *w = *state;
    struct connector named = w->connector;

    assert_int_equal(w->net->ops->connect(w->net, "localhost", w->port, 1000, &named), OK);
    connect_to(w, "127.0.0.1");
    w->net->ops->connect_cancel(w->net, &named);
    w->net->ops->connect_cancel(w->net, &w->connector);
    memset(&named, 0xff, sizeof named); /* its memory is free */
    uv_sys_stop(w->uv);
    uv_sys_run(w->uv);
    assert_int_equal(w->connects_done, 0);
}

static void a_stop_ends_attempts_to_connect(void **state)
{
    struct world *w = *state;

    connect_to(w, "localhost");
    uv_sys_stop(w->uv);
    uv_sys_run(w->uv);
    assert_int_equal(w->connects_done, 1);
    assert_true(w->connect_err == ERR_CANCELLED || w->connect_err == OK);
}

static struct conn_handler *hang_up(void *ctx, struct conn *conn)
{
    (void)conn;
    *(int *)ctx += 1;
    return NULL;
}

static void a_refused_guest_sees_the_end(void **state)
{
    struct world *w = *state;
    struct listener *closed;
    int guests = 0;

    assert_int_equal(w->net->ops->listen(w->net, "127.0.0.1", 0, hang_up, &guests, &closed), OK);
    w->port = w->net->ops->listener_port(closed);
    w->server.closed = true; /* there is no such end */
    connect_to(w, "127.0.0.1");
    uv_sys_run(w->uv);
    assert_int_equal(guests, 1);
    assert_int_equal(w->client.why, ERR_CLOSED);
    w->net->ops->listener_close(closed);
}

/* Guests that come at once, and how long each is looked at. */
struct visits {
    struct world *world;
    uint64_t seen_ns[2];
    unsigned count;
};

static struct conn_handler *look_for_long(void *ctx, struct conn *conn)
{
    struct visits *v = ctx;
    struct loop *loop = uv_sys_get(v->world->uv)->loop;

    v->seen_ns[v->count++] = loop_event_ns(loop);
    while (loop_now_ns(loop) < loop_event_ns(loop) + 2 * NS_PER_MS)
        ;
    if (v->count == 2)
        uv_sys_stop(v->world->uv);
    return NULL;
}

static void a_guest_who_comes_with_another_has_a_time_of_its_own(void **state)
{
    struct world *w = *state;
    struct visits visits = {.world = w};
    struct listener *listener;
    int guests[2];

    assert_int_equal(w->net->ops->listen(w->net, "127.0.0.1", 0, look_for_long, &visits, &listener), OK);
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons(w->net->ops->listener_port(listener)),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (size_t i = 0; i < 2; i++) { /* both are there when the loop looks */
        guests[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(guests[i], (const struct sockaddr *)&to, sizeof to), 0);
    }
    uv_sys_run(w->uv);
    assert_true(visits.seen_ns[1] >= visits.seen_ns[0] + 2 * NS_PER_MS);
    for (size_t i = 0; i < 2; i++)
        close(guests[i]);
    w->net->ops->listener_close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bytes_come_back_from_an_echo, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_is_resolved, setup, teardown),
        cmocka_unit_test_setup_teardown(a_peer_has_a_name_for_the_logs, setup, teardown),
        cmocka_unit_test_setup_teardown(a_close_after_writes_delivers_all_of_them, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_words_arrive_although_the_peer_still_talks, setup, teardown),
        cmocka_unit_test_setup_teardown(a_close_drops_what_is_queued_and_tells_it_first, setup, teardown),
        cmocka_unit_test_setup_teardown(many_small_writes_arrive_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stop_closes_what_is_open_and_tells_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_port_that_is_taken_is_busy, setup, teardown),
        cmocka_unit_test_setup_teardown(an_address_of_another_machine_cannot_be_listened_on, setup, teardown),
        cmocka_unit_test_setup_teardown(a_connect_to_a_closed_port_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_that_nobody_has_is_not_found, setup, teardown),
        cmocka_unit_test_setup_teardown(a_connect_whose_time_is_over_tells_so, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cancelled_connect_is_silent, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stop_ends_attempts_to_connect, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refused_guest_sees_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(a_guest_who_comes_with_another_has_a_time_of_its_own, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
