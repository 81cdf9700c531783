/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_net_test.c - streams that arrive whole and in order, however late, split and blocked; closes, resets, crashes.
 */
#include "base/base_test.h"

#include "sys/sim/sim.h"
#include <stdlib.h>

#define SEEDS    100
#define TEXT_MAX 20000

/* One end, and all that it was told. */
struct party {
    struct conn_handler handler;
    struct connector connector;
    struct conn *conn;
    struct conn_write writes[8];
    uint8_t buffer[300];
    uint8_t got[TEXT_MAX];
    size_t got_len;
    int done[8], dones, closed;
    enum err connect_err, closed_why, write_err;
    bool read_at_once;
};

struct world {
    struct sim *sim;
    struct sim_host *server_host, *client_host;
    struct listener *listener;
    struct party server, client;
};

static void on_buffer(struct conn_handler *h, uint8_t **data, size_t *len)
{
    struct party *p = container_of(h, struct party, handler);

    *data = p->buffer;
    *len = sizeof p->buffer;
}

static void on_read(struct conn_handler *h, size_t len)
{
    struct party *p = container_of(h, struct party, handler);

    assert_int_equal(p->closed, 0);
    assert_in_range(len, 1, sizeof p->buffer);
    memcpy(p->got + p->got_len, p->buffer, len);
    p->got_len += len;
}

static void on_closed(struct conn_handler *h, enum err why)
{
    struct party *p = container_of(h, struct party, handler);

    p->closed++;
    p->closed_why = why;
}

static void on_written(struct conn_write *w, enum err err)
{
    struct party *p = (struct party *)w->parts[NET_WRITE_PARTS_MAX - 1].data; /* beyond count: ours */

    assert_int_equal(p->closed, 0);
    p->done[p->dones++] = (int)(w - p->writes);
    if (p->write_err == OK)
        p->write_err = err;
}

static struct conn_handler *on_accept(void *ctx, struct conn *conn)
{
    struct party *p = ctx;

    p->conn = conn;
    if (p->read_at_once)
        conn_read_start(conn);
    return &p->handler;
}

static struct conn_handler *refuse(void *ctx, struct conn *conn)
{
    return NULL;
}

static void on_connected(struct connector *c, enum err err, struct conn *conn)
{
    struct party *p = container_of(c, struct party, connector);

    p->connect_err = err;
    p->conn = err == OK ? conn : NULL;
    if (p->conn && p->read_at_once)
        conn_read_start(conn);
}

static void party_init(struct party *p)
{
    p->handler = (struct conn_handler){.on_buffer = on_buffer, .on_read = on_read, .on_closed = on_closed};
    p->connector = (struct connector){.done = on_connected, .handler = &p->handler};
    p->read_at_once = true;
    p->connect_err = ERR_AGAIN;
}

static void party_write(struct party *p, int i, const uint8_t *data, size_t len)
{
    p->writes[i] = (struct conn_write){
        .parts = {{data, len / 3}, {data + len / 3, len - len / 3}}, .count = 2, .done = on_written};
    p->writes[i].parts[NET_WRITE_PARTS_MAX - 1].data = (const uint8_t *)p;
    conn_write(p->conn, &p->writes[i]);
}

static struct world *world_new(uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);

    w->sim = sim_new(seed);
    w->server_host = sim_host_new(w->sim, "server", NULL);
    w->client_host = sim_host_new(w->sim, "client", NULL);
    party_init(&w->server);
    party_init(&w->client);
    return w;
}

static struct world *world_connected(uint64_t seed, bool read_at_once)
{
    struct world *w = world_new(seed);
    struct net *server = sim_host_sys(w->server_host)->net, *client = sim_host_sys(w->client_host)->net;

    w->server.read_at_once = w->client.read_at_once = read_at_once;
    assert_int_equal(server->ops->listen(server, "server", 0, on_accept, &w->server, &w->listener), OK);
    assert_int_equal(
        client->ops->connect(client, "server", server->ops->listener_port(w->listener), 1000000, &w->client.connector),
        OK);
    assert_null(w->client.conn);
    while (w->client.connect_err == ERR_AGAIN)
        assert_true(sim_step(w->sim));
    assert_int_equal(w->client.connect_err, OK);
    assert_non_null(w->server.conn);
    return w;
}

static void world_run(struct world *w)
{
    while (sim_step(w->sim))
        ;
}

static void world_free(struct world *w)
{
    sim_host_free(w->client_host);
    sim_host_free(w->server_host);
    sim_free(w->sim);
    free(w);
}

static const uint8_t *numbers(void)
{
    static uint8_t text[TEXT_MAX];

    for (size_t i = 0; i < TEXT_MAX; i++)
        text[i] = (uint8_t)(i * 7 + i / 256);
    return text;
}

static void bytes_arrive_whole_and_in_order_and_writes_end_in_order(void **state)
{
    const uint8_t *text = numbers();

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world *w = world_connected(seed, true);

        party_write(&w->client, 0, text, 5000);
        party_write(&w->client, 1, text + 5000, 1);
        party_write(&w->client, 2, text + 5001, 9000);
        party_write(&w->server, 0, text, 100);
        assert_int_equal(conn_write_queued(w->client.conn), 14001);
        world_run(w);
        assert_int_equal(w->server.got_len, 14001);
        assert_memory_equal(w->server.got, text, 14001);
        assert_int_equal(w->client.got_len, 100);
        assert_int_equal(w->client.dones, 3);
        for (int i = 0; i < 3; i++)
            assert_int_equal(w->client.done[i], i);
        assert_int_equal(w->client.write_err, OK);
        assert_int_equal(conn_write_queued(w->client.conn), 0);
        world_free(w);
    }
}

static void a_writer_waits_for_a_reader_that_does_not_read(void **state)
{
    const uint8_t *text = numbers();
    int waited = 0;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world *w = world_connected(seed, false);

        party_write(&w->client, 0, text, 20000);
        world_run(w);
        assert_int_equal(w->server.got_len, 0);
        waited += w->client.dones == 0;
        conn_read_start(w->server.conn);
        world_run(w);
        assert_int_equal(w->server.got_len, 20000);
        assert_int_equal(w->client.dones, 1);
        world_free(w);
    }
    assert_true(waited > 10);
}

static void a_close_after_writes_lets_the_peer_read_all_of_them(void **state)
{
    const uint8_t *text = numbers();

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world *w = world_connected(seed, true);

        party_write(&w->client, 0, text, 9000);
        conn_close_after_writes(w->client.conn);
        conn_close_after_writes(w->client.conn);
        world_run(w);
        assert_int_equal(w->server.got_len, 9000);
        assert_int_equal(w->client.closed, 1);
        assert_int_equal(w->client.closed_why, OK);
        assert_int_equal(w->server.closed, 1);
        assert_int_equal(w->server.closed_why, ERR_CLOSED);
        world_free(w);
    }
}

static void a_close_drops_what_is_queued_and_tells_each_write(void **state)
{
    const uint8_t *text = numbers();

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world *w = world_connected(seed, true);

        party_write(&w->client, 0, text, 9000);
        party_write(&w->client, 1, text, 9000);
        conn_close(w->client.conn);
        conn_close(w->client.conn);
        world_run(w);
        assert_int_equal(w->client.dones, 2);
        assert_int_equal(w->client.write_err, ERR_CLOSED);
        assert_int_equal(w->client.closed, 1);
        assert_int_equal(w->server.closed, 1);
        assert_true(w->server.got_len <= 18000);
        world_free(w);
    }
}

static void a_cut_breaks_both_ends_and_what_arrived_is_a_beginning(void **state)
{
    const uint8_t *text = numbers();

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world *w = world_connected(seed, true);

        party_write(&w->client, 0, text, 20000);
        sim_host_cut(seed % 2 ? w->server_host : w->client_host, 1);
        world_run(w);
        assert_int_equal(w->client.closed, 1);
        assert_int_equal(w->client.closed_why, ERR_IO);
        assert_int_equal(w->server.closed, 1);
        assert_int_equal(w->client.dones, 1);
        assert_memory_equal(w->server.got, text, w->server.got_len);
        world_free(w);
    }
}

static void the_peer_of_a_crashed_host_notices_and_the_host_is_told_nothing(void **state)
{
    const uint8_t *text = numbers();

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world *w = world_connected(seed, true);

        party_write(&w->server, 0, text, 20000);
        sim_host_crash(w->server_host);
        world_run(w);
        assert_int_equal(w->client.closed, 1);
        assert_int_equal(w->client.closed_why, ERR_IO);
        assert_int_equal(w->server.closed, 0);
        assert_int_equal(w->server.dones, 0);
        party_write(&w->server, 1, text, 10);
        conn_read_start(w->server.conn);
        conn_close(w->server.conn);
        w->listener->net->ops->listener_close(w->listener);
        world_run(w);
        assert_int_equal(w->server.closed, 0);
        world_free(w);
    }
}

static void connecting_to_nobody_fails(void **state)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world *w = world_new(seed);
        struct net *client = sim_host_sys(w->client_host)->net;
        const char *target = seed % 2 ? "server" : "elsewhere";

        assert_int_equal(client->ops->connect(client, target, 6650, 1000, &w->client.connector), OK);
        world_run(w);
        assert_true(w->client.connect_err == ERR_IO || (seed % 2 == 0 && w->client.connect_err == ERR_TIMEOUT));
        world_free(w);
    }
}

static void an_acceptor_may_hang_up_at_once(void **state)
{
    struct world *w = world_new(1);
    struct net *server = sim_host_sys(w->server_host)->net, *client = sim_host_sys(w->client_host)->net;

    assert_int_equal(server->ops->listen(server, "server", 6650, refuse, NULL, &w->listener), OK);
    assert_int_equal(server->ops->listen(server, "server", 6650, refuse, NULL, &w->listener), ERR_BUSY);
    assert_int_equal(client->ops->connect(client, "server", 6650, 1000, &w->client.connector), OK);
    world_run(w);
    assert_int_equal(w->client.connect_err, OK);
    assert_int_equal(w->client.closed, 1);
    assert_int_equal(w->client.closed_why, ERR_IO);
    world_free(w);
}

static void a_cancelled_attempt_is_told_nothing(void **state)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world *w = world_new(seed);
        struct net *server = sim_host_sys(w->server_host)->net, *client = sim_host_sys(w->client_host)->net;

        assert_int_equal(server->ops->listen(server, "server", 6650, on_accept, &w->server, &w->listener), OK);
        assert_int_equal(client->ops->connect(client, "server", 6650, 1000, &w->client.connector), OK);
        if (seed % 2)
            sim_step(w->sim); /* the server accepts */
        client->ops->connect_cancel(client, &w->client.connector);
        world_run(w);
        assert_int_equal(w->client.connect_err, ERR_AGAIN);
        assert_int_equal(w->server.closed, seed % 2);
        world_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_arrive_whole_and_in_order_and_writes_end_in_order),
        cmocka_unit_test(a_writer_waits_for_a_reader_that_does_not_read),
        cmocka_unit_test(a_close_after_writes_lets_the_peer_read_all_of_them),
        cmocka_unit_test(a_close_drops_what_is_queued_and_tells_each_write),
        cmocka_unit_test(a_cut_breaks_both_ends_and_what_arrived_is_a_beginning),
        cmocka_unit_test(the_peer_of_a_crashed_host_notices_and_the_host_is_told_nothing),
        cmocka_unit_test(connecting_to_nobody_fails),
        cmocka_unit_test(an_acceptor_may_hang_up_at_once),
        cmocka_unit_test(a_cancelled_attempt_is_told_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
