/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_net_test.c - net.h's contract, kept with TLS between: on the simulated net, where bytes come late, split and
 * blocked, and over the loopback.
 */
#include "base/base_test.h"
#include "security/tls_channel.h"
#include "security/tls_fixture.h"
#include "sys/sim/sim.h"
#include "sys/tls_net.h"
#include "sys/uv_sys.h"

#include <stdlib.h>
#include <string.h>

#define SEEDS     40
#define WRITES    12
#define BYTES_MAX (1024 * 1024)

static struct tls_fixture fixture;

static int make(void **state)
{
    tls_fixture_make(&fixture);
    return 0;
}

static int clean(void **state)
{
    tls_fixture_remove(&fixture);
    return 0;
}

/* ---- one end, and all that it was told ---- */

struct party {
    struct conn_handler handler;
    struct connector connector;
    struct conn *conn;
    struct random *fickle; /* now and then it wants no more; or NULL */
    struct conn_write writes[WRITES];
    uint8_t *got;
    size_t got_len;
    size_t buffer; /* how much it takes at a time */
    bool ignores;  /* does not begin to read */
    bool lends;    /* a buffer, in which nothing has come yet */
    int accepted, connects, dones, closed;
    enum err connect_err, closed_why, write_err;
    void (*on_end)(struct party *p);
};

static void on_buffer(struct conn_handler *h, uint8_t **data, size_t *len)
{
    struct party *p = container_of(h, struct party, handler);

    assert_int_equal(p->closed, 0);
    assert_true(p->got_len + p->buffer <= BYTES_MAX);
    *data = p->got + p->got_len;
    *len = p->buffer;
    p->lends = true;
}

static void on_read(struct conn_handler *h, size_t len)
{
    struct party *p = container_of(h, struct party, handler);

    assert_int_equal(p->closed, 0);
    assert_in_range(len, 1, p->buffer);
    p->got_len += len;
    p->lends = false;
    if (p->fickle && random_below(p->fickle, 3) == 0)
        conn_read_stop(p->conn);
}

static void on_closed(struct conn_handler *h, enum err why)
{
    struct party *p = container_of(h, struct party, handler);

    p->closed++;
    p->closed_why = why;
    if (p->on_end)
        p->on_end(p);
}

static void on_written(struct conn_write *w, enum err err)
{
    struct party *p = (struct party *)w->parts[NET_WRITE_PARTS_MAX - 1].data; /* beyond count: ours */

    assert_int_equal(p->closed, 0);
    assert_int_equal(p->dones, w - p->writes); /* in order */
    p->dones++;
    if (p->write_err == OK)
        p->write_err = err;
}

static struct conn_handler *on_accept(void *ctx, struct conn *conn)
{
    struct party *p = ctx;

    p->accepted++;
    p->conn = conn;
    if (!p->ignores)
        conn_read_start(conn);
    return &p->handler;
}

static void on_connected(struct connector *c, enum err err, struct conn *conn)
{
    struct party *p = container_of(c, struct party, connector);

    p->connects++;
    p->connect_err = err;
    p->conn = err == OK ? conn : NULL;
    if (p->conn && !p->ignores)
        conn_read_start(conn);
}

static void party_init(struct party *p)
{
    *p = (struct party){.handler = {.on_buffer = on_buffer, .on_read = on_read, .on_closed = on_closed},
                        .connector = {.done = on_connected},
                        .got = malloc(BYTES_MAX),
                        .buffer = 8192};
    p->connector.handler = &p->handler;
}

static void party_write(struct party *p, int i, const uint8_t *data, size_t len)
{
    p->writes[i] = (struct conn_write){
        .parts = {{data, len / 3}, {data, 0}, {data + len / 3, len - len / 3}}, .count = 3, .done = on_written};
    p->writes[i].parts[NET_WRITE_PARTS_MAX - 1].data = (const uint8_t *)p;
    conn_write(p->conn, &p->writes[i]);
}

/* ---- a world ---- */

struct world {
    struct sim *sim;
    struct sim_host *server_host, *client_host;
    struct tls_settings server_settings, client_settings;
    struct tls_net_options server_options;
    struct net *server_net, *client_net, *plain_net;
    struct listener *listener;
    uint16_t port;
    struct party server, client, plain[4];
};

static struct tls_context *context_new(const struct tls_settings *s)
{
    struct tls_context *context;
    char message[600];

    if (tls_context_new(&context, s, message, sizeof message) != OK)
        fail_msg("%s", message);
    return context;
}

static struct world *world_new(uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);

    w->sim = sim_new(seed);
    w->server_host = sim_host_new(w->sim, "server", NULL);
    w->client_host = sim_host_new(w->sim, "client", NULL);
    party_init(&w->server);
    party_init(&w->client);
    for (int i = 0; i < 4; i++)
        party_init(&w->plain[i]);
    w->server_settings =
        (struct tls_settings){.side = TLS_SERVER, .certificate_file = fixture.server, .key_file = fixture.server_key};
    w->client_settings = (struct tls_settings){.side = TLS_CLIENT, .trust_file = fixture.ca, .verify_host = true};
    tls_net_options_init(&w->server_options);
    return w;
}

static void world_open(struct world *w)
{
    const struct sys *server = sim_host_sys(w->server_host), *client = sim_host_sys(w->client_host);
    struct tls_net_options o;

    w->plain_net = client->net;
    w->server_options.under = server->net;
    w->server_options.loop = server->loop;
    w->server_options.threads = 2;
    w->server_options.server = context_new(&w->server_settings);
    assert_int_equal(tls_net_new(&w->server_net, &w->server_options), OK);
    tls_context_unref(w->server_options.server);
    tls_net_options_init(&o);
    o.under = client->net;
    o.loop = client->loop;
    o.client = context_new(&w->client_settings);
    assert_int_equal(tls_net_new(&w->client_net, &o), OK);
    tls_context_unref(o.client);
    assert_int_equal(w->server_net->ops->listen(w->server_net, "server", 0, on_accept, &w->server, &w->listener), OK);
    w->port = w->server_net->ops->listener_port(w->listener);
}

static void connect_with(struct world *w, struct net *net, struct party *p)
{
    assert_int_equal(net->ops->connect(net, "server", w->port, 1000000, &p->connector), OK);
    assert_int_equal(p->connects, 0); /* not before the call has returned */
}

static void run(struct world *w)
{
    while (sim_step(w->sim))
        ;
}

static void step(struct world *w)
{
    assert_true(sim_step(w->sim));
}

static void world_free(struct world *w)
{
    if (w->listener)
        w->server_net->ops->listener_close(w->listener);
    tls_net_free(w->server_net);
    tls_net_free(w->client_net);
    sim_host_free(w->server_host);
    sim_host_free(w->client_host);
    sim_free(w->sim);
    free(w->server.got);
    free(w->client.got);
    for (int i = 0; i < 4; i++)
        free(w->plain[i].got);
    free(w);
}

static struct tls_net_stats stats(struct world *w)
{
    struct tls_net_stats s;

    tls_net_stats_get(w->server_net, &s);
    return s;
}

static struct world *world_connected(uint64_t seed)
{
    struct world *w = world_new(seed);

    world_open(w);
    connect_with(w, w->client_net, &w->client);
    while (!w->client.conn || !w->server.conn)
        step(w);
    assert_int_equal(w->client.connect_err, OK);
    return w;
}

static uint8_t *noise(struct world *w, size_t len)
{
    uint8_t *bytes = malloc(len);

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)random_below(sim_random(w->sim), 256);
    return bytes;
}

/* ---- bytes ---- */

/* Writes of all sizes, some empty, over some turns; `total` bytes in all. */
static void write_all(struct world *w, struct party *p, const uint8_t *bytes, size_t total)
{
    size_t at = 0;

    for (int i = 0; i < WRITES; i++) {
        size_t len = i == WRITES - 1 ? total - at : (size_t)random_below(sim_random(w->sim), (total - at) / 3 + 1);
        if (i % 5 == 4 && i < WRITES - 1)
            len = 0;
        party_write(p, i, bytes + at, len);
        at += len;
        if (random_below(sim_random(w->sim), 2) == 0)
            step(w);
    }
}

static void read_again(struct party *p, struct random *random)
{
    if (p->fickle && !p->closed && random_below(random, 2) == 0)
        conn_read_start(p->conn);
}

static void bytes_arrive_whole_and_in_order(void **state)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world *w = world_connected(seed);
        const size_t there = random_below(sim_random(w->sim), 300000), back = random_below(sim_random(w->sim), 300000);
        uint8_t *up = noise(w, there), *down = noise(w, back);
        struct random moods;
        random_init(&moods, seed);
        w->server.fickle = w->client.fickle = &moods;
        w->server.buffer = 1 + random_below(sim_random(w->sim), 30000);
        write_all(w, &w->client, up, there);
        write_all(w, &w->server, down, back);
        while (w->server.got_len < there || w->client.got_len < back || w->client.dones < WRITES ||
               w->server.dones < WRITES) {
            read_again(&w->server, &moods);
            read_again(&w->client, &moods);
            sim_step(w->sim);
        }
        assert_int_equal(w->server.got_len, there);
        assert_int_equal(w->client.got_len, back);
        assert_memory_equal(w->server.got, up, there);
        assert_memory_equal(w->client.got, down, back);
        assert_int_equal(w->client.write_err, OK);
        assert_int_equal(conn_write_queued(w->client.conn), 0);
        world_free(w);
        free(up);
        free(down);
    }
}

static void who_has_read_all_lends_no_buffer(void **state)
{
    struct world *w = world_connected(3);
    uint8_t *bytes = noise(w, 20000);

    run(w);
    assert_false(w->server.lends);
    for (int i = 0; i < WRITES; i++) {
        party_write(&w->client, i, bytes, (size_t)random_below(sim_random(w->sim), 20000));
        run(w);
        assert_int_equal(w->client.dones, i + 1);
        assert_false(w->server.lends);
    }
    world_free(w);
    free(bytes);
}

static void a_peer_that_does_not_read_holds_the_writer(void **state)
{
    struct world *w = world_new(1);
    const size_t len = 900000;

    w->server.ignores = true;
    world_open(w);
    connect_with(w, w->client_net, &w->client);
    while (!w->client.conn || !w->server.conn)
        step(w);
    uint8_t *bytes = noise(w, len);
    party_write(&w->client, 0, bytes, len);
    assert_int_equal(conn_write_queued(w->client.conn), len);
    run(w);
    assert_int_equal(w->client.dones, 0);
    assert_int_equal(w->server.got_len, 0);
    assert_true(conn_write_queued(w->client.conn) > len / 2);
    conn_read_start(w->server.conn);
    run(w);
    assert_int_equal(w->client.dones, 1);
    assert_int_equal(w->server.got_len, len);
    assert_memory_equal(w->server.got, bytes, len);
    world_free(w);
    free(bytes);
}

/* ---- ends ---- */

static void close_after_writes_lets_the_peer_read_all(void **state)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world *w = world_connected(seed);
        const size_t len = 1 + random_below(sim_random(w->sim), 400000);
        uint8_t *bytes = noise(w, len);
        party_write(&w->server, 0, bytes, len);
        conn_close_after_writes(w->server.conn);
        while (!w->client.closed || !w->server.closed)
            step(w);
        assert_int_equal(w->client.got_len, len);
        assert_memory_equal(w->client.got, bytes, len);
        assert_int_equal(w->client.closed_why, ERR_CLOSED);
        assert_int_equal(w->server.closed_why, OK);
        assert_int_equal(w->server.write_err, OK);
        run(w);
        assert_int_equal(w->client.closed, 1);
        assert_int_equal(w->server.closed, 1);
        world_free(w);
        free(bytes);
    }
}

static void close_drops_what_is_queued(void **state)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        static const uint8_t bytes[900000];
        struct world *w = world_connected(seed);
        conn_read_stop(w->client.conn);
        party_write(&w->server, 0, bytes, sizeof bytes);
        conn_close(w->server.conn);
        conn_close(w->server.conn);
        assert_int_equal(w->server.closed, 0); /* not before the call has returned */
        run(w);
        assert_int_equal(w->server.closed, 1);
        assert_int_equal(w->server.closed_why, OK);
        assert_int_equal(w->server.dones, 1);
        assert_int_equal(w->server.write_err, ERR_CLOSED);
        world_free(w);
    }
}

static void an_end_that_nobody_announced_is_no_good_end(void **state)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world *w = world_connected(seed);
        conn_close(w->server.conn);
        run(w);
        assert_int_equal(w->client.closed, 1);
        assert_int_equal(w->client.closed_why, ERR_IO);
        world_free(w);
    }
}

static void broken_connections_are_told_once(void **state)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        static const uint8_t bytes[200000];
        struct world *w = world_new(seed);
        world_open(w);
        connect_with(w, w->client_net, &w->client);
        const uint64_t until = random_below(sim_random(w->sim), 120);
        for (uint64_t i = 0; i < until; i++) {
            sim_step(w->sim);
            if (w->client.conn && w->client.dones == 0 && w->client.writes[0].count == 0)
                party_write(&w->client, 0, bytes, sizeof bytes);
        }
        sim_host_cut(w->client_host, 1);
        run(w);
        assert_int_equal(w->client.connects, 1);
        assert_int_equal(w->client.closed, w->client.connect_err == OK);
        assert_int_equal(w->server.closed, w->server.accepted);
        assert_int_equal(stats(w).in_progress, 0);
        world_free(w);
    }
}

static void a_host_may_die_at_any_time(void **state)
{
    for (uint64_t seed = 1; seed <= 2 * SEEDS; seed++) {
        static const uint8_t bytes[200000];
        struct world *w = world_new(seed);
        world_open(w);
        connect_with(w, w->client_net, &w->client);
        const uint64_t until = random_below(sim_random(w->sim), 100);
        for (uint64_t i = 0; i < until; i++) {
            sim_step(w->sim);
            if (w->server.conn && w->server.writes[0].count == 0)
                party_write(&w->server, 0, bytes, sizeof bytes);
        }
        sim_host_crash(w->server_host);
        run(w);
        assert_int_equal(w->client.connects, 1);
        world_free(w);
    }
}

/* ---- handshakes ---- */

static void the_name_in_the_certificate_is_known(void **state)
{
    struct world *w = world_new(1);

    w->server_settings.client_certificates = TLS_CERTIFICATE_REQUIRED;
    w->server_settings.trust_file = fixture.ca;
    w->client_settings.certificate_file = fixture.client;
    w->client_settings.key_file = fixture.client_key;
    world_open(w);
    connect_with(w, w->client_net, &w->client);
    while (!w->server.conn)
        step(w);
    assert_string_equal(conn_certificate_name(w->server.conn), "client-role");
    world_free(w);
}

static void a_plain_connection_has_no_certificate(void **state)
{
    struct world *w = world_new(1);

    world_open(w);
    connect_with(w, w->plain_net, &w->plain[0]);
    while (!w->plain[0].conn)
        step(w);
    assert_null(conn_certificate_name(w->plain[0].conn));
    world_free(w);
}

static void a_server_that_is_not_trusted_is_not_connected_to(void **state)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world *w = world_new(seed);
        w->client_settings.trust_file = fixture.stranger_ca;
        world_open(w);
        connect_with(w, w->client_net, &w->client);
        run(w);
        assert_int_equal(w->client.connects, 1);
        assert_int_equal(w->client.connect_err, ERR_DENIED);
        assert_int_equal(w->server.accepted, 0);
        assert_int_equal(stats(w).failed, 1);
        assert_int_equal(stats(w).in_progress, 0);
        world_free(w);
    }
}

static void a_client_without_the_certificate_is_not_accepted(void **state)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world *w = world_new(seed);
        w->server_settings.client_certificates = TLS_CERTIFICATE_REQUIRED;
        w->server_settings.trust_file = fixture.ca;
        world_open(w);
        connect_with(w, w->client_net, &w->client);
        run(w);
        assert_int_equal(w->server.accepted, 0);
        assert_int_equal(stats(w).failed, 1);
        assert_int_equal(w->client.closed, 1); /* with TLS 1.3 it was connected for a moment */
        assert_true(w->client.closed_why == ERR_DENIED || w->client.closed_why == ERR_IO);
        world_free(w);
    }
}

static void who_says_nothing_is_hung_up_on(void **state)
{
    struct world *w = world_new(1);

    world_open(w);
    connect_with(w, w->plain_net, &w->plain[0]);
    while (!w->plain[0].conn)
        step(w);
    const uint64_t began = sim_now_ns(w->sim);
    run(w);
    assert_int_equal(w->plain[0].closed, 1);
    assert_true(sim_now_ns(w->sim) - began >= 9 * 1000 * NS_PER_MS);
    assert_true(sim_now_ns(w->sim) - began < 14 * 1000 * NS_PER_MS);
    assert_int_equal(stats(w).timed_out, 1);
    assert_int_equal(stats(w).in_progress, 0);
    assert_int_equal(w->server.accepted, 0);
    world_free(w);
}

static void who_speaks_no_tls_is_hung_up_on(void **state)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        static const uint8_t text[] = "GET / HTTP/1.1\r\n\r\n";
        struct world *w = world_new(seed);
        world_open(w);
        connect_with(w, w->plain_net, &w->plain[0]);
        while (!w->plain[0].conn)
            step(w);
        const uint64_t began = sim_now_ns(w->sim);
        party_write(&w->plain[0], 0, text, sizeof text - 1);
        run(w);
        assert_true(sim_now_ns(w->sim) - began < 9 * 1000 * NS_PER_MS);
        assert_int_equal(w->plain[0].closed, 1);
        assert_int_equal(stats(w).failed, 1);
        assert_int_equal(w->server.accepted, 0);
        world_free(w);
    }
}

static void with_too_many_half_open_ones_the_oldest_goes(void **state)
{
    struct world *w = world_new(1);

    w->server_options.handshakes_max = 3;
    world_open(w);
    for (int i = 0; i < 3; i++) {
        connect_with(w, w->plain_net, &w->plain[i]);
        while (!w->plain[i].conn)
            step(w);
    }
    assert_int_equal(stats(w).in_progress, 3);
    connect_with(w, w->client_net, &w->client);
    while (!w->client.conn || !w->server.conn || !w->plain[0].closed)
        step(w);
    assert_int_equal(w->client.connect_err, OK);
    assert_int_equal(stats(w).dropped, 1);
    assert_int_equal(stats(w).in_progress, 2);
    assert_int_equal(w->plain[1].closed, 0);
    world_free(w);
}

/* A client's first words, and nothing more. */
static void greet(struct world *w, struct party *p, uint8_t **hello)
{
    struct tls_context *context = context_new(&w->client_settings);
    struct tls_channel *channel;
    size_t len;

    assert_int_equal(tls_channel_new(&channel, context, "server"), OK);
    assert_int_equal(tls_channel_handshake(channel), ERR_AGAIN);
    *hello = tls_channel_take(channel, &len);
    tls_channel_free(channel);
    tls_context_unref(context);
    connect_with(w, w->plain_net, p);
    while (!p->conn)
        step(w);
    party_write(p, 0, *hello, len);
}

/* The worker has the channel for longer than the handshake may take, and meanwhile the peer breaks off. */
static void a_worker_may_outlive_the_connection(void **state)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world *w = world_new(seed);
        uint8_t *hello;
        world_open(w);
        sim_slow(w->sim, 30000);
        greet(w, &w->plain[0], &hello);
        while (w->plain[0].dones == 0)
            step(w);
        for (uint64_t i = random_below(sim_random(w->sim), 5); i > 0; i--)
            sim_step(w->sim);
        sim_host_cut(w->client_host, 1);
        run(w);
        assert_int_equal(w->server.accepted, 0);
        assert_int_equal(stats(w).in_progress, 0);
        world_free(w);
        free(hello);
    }
}

static void those_that_were_answered_are_fewer(void **state)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world *w = world_new(seed);
        uint8_t *hellos[3];
        w->server_options.greeted_max = 2;
        world_open(w);
        for (int i = 0; i < 3; i++) {
            greet(w, &w->plain[i], &hellos[i]);
            while (w->plain[i].got_len == 0)
                step(w);
        }
        while (!w->plain[0].closed)
            step(w);
        assert_int_equal(stats(w).dropped, 1);
        assert_int_equal(w->plain[1].closed, 0);
        connect_with(w, w->client_net, &w->client);
        while (!w->client.conn || !w->server.conn)
            step(w);
        assert_int_equal(w->client.connect_err, OK);
        world_free(w);
        for (int i = 0; i < 3; i++)
            free(hellos[i]);
    }
}

static void a_new_certificate_is_for_new_connections(void **state)
{
    struct world *w = world_new(1);
    const struct tls_settings good = w->server_settings;

    w->server_settings.certificate_file = fixture.expired;
    w->server_settings.key_file = fixture.expired_key;
    world_open(w);
    connect_with(w, w->client_net, &w->client);
    run(w);
    assert_int_equal(w->client.connect_err, ERR_DENIED);
    struct tls_context *context = context_new(&good);
    tls_net_replace(w->server_net, context, NULL);
    tls_context_unref(context);
    w->client.connects = 0;
    connect_with(w, w->client_net, &w->client);
    while (!w->server.conn)
        step(w);
    assert_int_equal(w->client.connect_err, OK);
    world_free(w);
}

static void an_attempt_may_be_cancelled_at_any_time(void **state)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world *w = world_new(seed);
        world_open(w);
        connect_with(w, w->client_net, &w->client);
        const uint64_t until = random_below(sim_random(w->sim), 15);
        for (uint64_t i = 0; i < until && w->client.connects == 0; i++)
            step(w);
        const bool late = w->client.connects > 0;
        if (!late)
            w->client_net->ops->connect_cancel(w->client_net, &w->client.connector);
        else if (w->client.conn)
            conn_close(w->client.conn);
        run(w);
        assert_int_equal(w->client.connects, late);
        assert_int_equal(w->server.closed, w->server.accepted);
        world_free(w);
    }
}

static void a_closed_listener_accepts_nobody(void **state)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world *w = world_new(seed);
        world_open(w);
        connect_with(w, w->client_net, &w->client);
        const uint64_t until = random_below(sim_random(w->sim), 15);
        for (uint64_t i = 0; i < until && w->server.accepted == 0; i++)
            step(w);
        const int before = w->server.accepted;
        w->server_net->ops->listener_close(w->listener);
        w->listener = NULL;
        run(w);
        assert_int_equal(w->server.accepted, before);
        world_free(w);
    }
}

/* ---- over the loopback ---- */

struct real {
    struct uv_sys *uv;
    struct net *server_net, *client_net;
    struct listener *listener;
    struct party server, client;
    struct timer look;
    uint8_t *bytes;
    void (*then)(struct real *r);
};

#define REAL_BYTES 1000000

static void real_open(struct real *r)
{
    const struct tls_settings server = {.side = TLS_SERVER,
                                        .certificate_file = fixture.server,
                                        .key_file = fixture.server_key},
                              client = {.side = TLS_CLIENT, .trust_file = fixture.ca, .verify_host = true};
    struct tls_net_options o;

    *r = (struct real){.bytes = calloc(1, REAL_BYTES)};
    party_init(&r->server);
    party_init(&r->client);
    assert_int_equal(uv_sys_new(&r->uv, NULL), OK);
    tls_net_options_init(&o);
    o.under = uv_sys_get(r->uv)->net;
    o.loop = uv_sys_get(r->uv)->loop;
    o.server = context_new(&server);
    o.client = context_new(&client);
    assert_int_equal(tls_net_new(&r->server_net, &o), OK);
    assert_int_equal(tls_net_new(&r->client_net, &o), OK);
    tls_context_unref(o.server);
    tls_context_unref(o.client);
    struct net *n = r->server_net;
    assert_int_equal(n->ops->listen(n, "127.0.0.1", 0, on_accept, &r->server, &r->listener), OK);
    assert_int_equal(r->client_net->ops->connect(r->client_net, "127.0.0.1", n->ops->listener_port(r->listener), 10000,
                                                 &r->client.connector),
                     OK);
}

static void real_run(struct real *r)
{
    uv_sys_run(r->uv);
    r->server_net->ops->listener_close(r->listener);
    tls_net_free(r->server_net);
    tls_net_free(r->client_net);
    uv_sys_free(r->uv);
    free(r->server.got);
    free(r->client.got);
    free(r->bytes);
}

static struct real *real_of(struct party *p)
{
    return container_of(p, struct real, client);
}

static void stop_at_end(struct party *p)
{
    uv_sys_stop(real_of(p)->uv);
}

static void write_and_leave(struct connector *c, enum err err, struct conn *conn)
{
    struct party *p = container_of(c, struct party, connector);

    on_connected(c, err, conn);
    assert_int_equal(err, OK);
    party_write(p, 0, real_of(p)->bytes, REAL_BYTES);
    conn_close_after_writes(conn);
}

static void a_million_bytes_go_over_the_loopback(void **state)
{
    struct real r;

    real_open(&r);
    r.client.connector.done = write_and_leave;
    r.client.on_end = stop_at_end;
    real_run(&r);
    assert_int_equal(r.client.connects, 1);
    assert_int_equal(r.client.closed_why, OK);
    assert_int_equal(r.client.dones, 1);
    assert_int_equal(r.server.got_len, REAL_BYTES);
    assert_int_equal(r.server.closed_why, ERR_CLOSED);
}

static void stop_on_connect(struct connector *c, enum err err, struct conn *conn)
{
    struct party *p = container_of(c, struct party, connector);

    on_connected(c, err, conn);
    if (err == OK)
        party_write(p, 0, real_of(p)->bytes, REAL_BYTES);
    uv_sys_stop(real_of(p)->uv);
}

static void a_stopped_loop_closes_what_is_open(void **state)
{
    struct real r;

    real_open(&r);
    r.client.connector.done = stop_on_connect;
    real_run(&r);
    assert_int_equal(r.client.connects, 1);
    assert_int_equal(r.client.closed, 1);
    assert_int_equal(r.client.dones, 1);
    assert_int_equal(r.server.closed, r.server.accepted);
}

static void a_stopped_loop_ends_attempts(void **state)
{
    struct real r;

    real_open(&r);
    uv_sys_stop(r.uv);
    real_run(&r);
    assert_int_equal(r.client.connects, 1);
    assert_int_equal(r.client.connect_err, ERR_CANCELLED);
    assert_int_equal(r.server.accepted, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_arrive_whole_and_in_order),
        cmocka_unit_test(who_has_read_all_lends_no_buffer),
        cmocka_unit_test(a_peer_that_does_not_read_holds_the_writer),
        cmocka_unit_test(close_after_writes_lets_the_peer_read_all),
        cmocka_unit_test(close_drops_what_is_queued),
        cmocka_unit_test(an_end_that_nobody_announced_is_no_good_end),
        cmocka_unit_test(broken_connections_are_told_once),
        cmocka_unit_test(a_host_may_die_at_any_time),
        cmocka_unit_test(the_name_in_the_certificate_is_known),
        cmocka_unit_test(a_plain_connection_has_no_certificate),
        cmocka_unit_test(a_server_that_is_not_trusted_is_not_connected_to),
        cmocka_unit_test(a_client_without_the_certificate_is_not_accepted),
        cmocka_unit_test(who_says_nothing_is_hung_up_on),
        cmocka_unit_test(who_speaks_no_tls_is_hung_up_on),
        cmocka_unit_test(with_too_many_half_open_ones_the_oldest_goes),
        cmocka_unit_test(a_worker_may_outlive_the_connection),
        cmocka_unit_test(those_that_were_answered_are_fewer),
        cmocka_unit_test(a_new_certificate_is_for_new_connections),
        cmocka_unit_test(an_attempt_may_be_cancelled_at_any_time),
        cmocka_unit_test(a_closed_listener_accepts_nobody),
        cmocka_unit_test(a_million_bytes_go_over_the_loopback),
        cmocka_unit_test(a_stopped_loop_closes_what_is_open),
        cmocka_unit_test(a_stopped_loop_ends_attempts),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
