/* SPDX-License-Identifier: Apache-2.0
 *
 * crowd.c - thousands of connections with a consumer each, all of one shared subscription.
 *
 *     crowd PORT TOPIC CLIENTS MESSAGES [BYTES]
 *
 * Connects and subscribes all of them; publishes MESSAGES of BYTES (100) bytes, each of which is acknowledged by
 * whoever gets it; then says "ready" and waits until the broker breaks all connections.  From then on each client comes
 * back as Pulsar's do: after 100 ms, then after twice as long each time, a fifth of it by chance.  A line of JSON ends
 * each of the three.  Owns its sockets and one thread; the broker is crowd.py's.
 */
#include "commands.h"

#include "base/checksum.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define IN_PROGRESS   256 /* connections that are being made at a time */
#define PERMITS       100
#define WINDOW        1000 /* publishes under way */
#define BUFFER        (8 * 1024)
#define BACKOFF_FIRST 0.1
#define BACKOFF_MOST  10.0
#define PATIENCE_S    120

enum state { AWAY, CONNECTING, GREETING, SUBSCRIBING, THERE };

struct client {
    int fd;
    enum state state;
    double again, backoff; /* AWAY: when it tries again, and how long it waited for that */
    uint32_t taken;        /* messages */
    uint32_t permits_used;
    size_t len;
    uint8_t bytes[BUFFER];
};

struct crowd {
    struct sockaddr_in broker;
    const char *topic;
    struct client *clients; /* the last one is the producer */
    size_t count, there, in_progress;
    int epoll;
    uint8_t *message; /* a SEND frame */
    size_t message_len, sequence_at;
    uint64_t messages, sent, receipts, acknowledged;
    double first_lost, first_back; /* 0: not yet */
};

static void die(const char *what)
{
    fprintf(stderr, "crowd: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- one client ---- */

static struct client *producer_of(struct crowd *c)
{
    return &c->clients[c->count];
}

static void leave(struct crowd *c, struct client *k)
{
    c->there -= k->state == THERE && k != producer_of(c);
    c->in_progress -= k->state == CONNECTING || k->state == GREETING || k->state == SUBSCRIBING;
    if (k->state == THERE && c->first_lost == 0)
        c->first_lost = now();
    close(k->fd);
    k->state = AWAY;
    k->len = 0;
    k->again = now() + k->backoff * (0.8 + 0.2 * rand() / RAND_MAX);
    k->backoff = k->backoff * 2 < BACKOFF_MOST ? k->backoff * 2 : BACKOFF_MOST;
}

static void send_to(struct crowd *c, struct client *k, struct text frame)
{
    if (send(k->fd, frame.bytes, frame.len, MSG_NOSIGNAL) != (ssize_t)frame.len)
        leave(c, k);
}

static void come(struct crowd *c, struct client *k)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = k};
    const int on = 1;

    k->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (k->fd < 0 || setsockopt(k->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
        die("socket");
    k->state = CONNECTING;
    c->in_progress++;
    if (connect(k->fd, (const struct sockaddr *)&c->broker, sizeof c->broker) != 0 && errno != EINPROGRESS)
        leave(c, k);
    else if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, k->fd, &event) != 0)
        die("epoll_ctl");
}

static void connected(struct crowd *c, struct client *k)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = k};
    int error = 0;
    socklen_t len = sizeof error;

    if (getsockopt(k->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
        leave(c, k);
        return;
    }
    if (c->first_lost > 0 && c->first_back == 0)
        c->first_back = now();
    (void)epoll_ctl(c->epoll, EPOLL_CTL_MOD, k->fd, &event);
    k->state = GREETING;
    send_to(c, k, connect_frame("crowd"));
}

static void arrived(struct crowd *c, struct client *k)
{
    c->in_progress--;
    k->state = THERE;
    k->backoff = BACKOFF_FIRST;
    if (k == producer_of(c))
        return;
    c->there++;
    k->permits_used = 0;
    send_to(c, k, flow_frame(PERMITS));
}

/* The frame's message id is field 2 of its command, a run of bytes with a length. */
static void acknowledge(struct crowd *c, struct client *k, const uint8_t *frame)
{
    const uint8_t *at = frame + TYPE_AT;
    struct text body = {.len = 0};

    at++;                  /* the type */
    at++;                  /* the field's tag */
    (void)get_varint(&at); /* its length */
    at++;                  /* consumer_id's tag */
    (void)get_varint(&at);
    at++; /* message_id's tag */
    const size_t len = get_varint(&at);
    put_number(&body, 1, 1);
    put_number(&body, 2, 0);
    put_bytes(&body, 3, at, len);
    send_to(c, k, frame_of(ACK, &body));
    c->acknowledged++;
    k->taken++;
    if (k->state == THERE && ++k->permits_used >= PERMITS / 2) {
        send_to(c, k, flow_frame(k->permits_used));
        k->permits_used = 0;
    }
}

static void take(struct crowd *c, struct client *k, const uint8_t *frame)
{
    const struct text nothing = {.len = 0};

    switch (frame[TYPE_AT]) {
    case CONNECTED:
        k->state = SUBSCRIBING;
        send_to(c, k, k == producer_of(c) ? producer_frame(c->topic, 1) : subscribe_frame(c->topic, "crowd", 1));
        break;
    case SUCCESS:
    case PRODUCER_SUCCESS:
        arrived(c, k);
        break;
    case SEND_RECEIPT:
        c->receipts++;
        break;
    case MESSAGE:
        acknowledge(c, k, frame);
        break;
    case PING:
        send_to(c, k, frame_of(PONG, &nothing));
        break;
    default: /* refused: it comes again */
        leave(c, k);
    }
}

static void receive(struct crowd *c, struct client *k)
{
    const ssize_t n = recv(k->fd, k->bytes + k->len, sizeof k->bytes - k->len, 0);
    size_t at = 0;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        leave(c, k);
        return;
    }
    k->len += (size_t)n;
    while (k->state != AWAY && k->len - at >= 4 && k->len - at >= 4 + get_u32(k->bytes + at)) {
        const size_t len = 4 + get_u32(k->bytes + at);
        take(c, k, k->bytes + at);
        at += len;
    }
    if (k->state == AWAY)
        return;
    if (at == 0 && k->len == sizeof k->bytes)
        die("a frame that is too long");
    memmove(k->bytes, k->bytes + at, k->len - at);
    k->len -= at;
}

/* ---- all of them ---- */

static void bring_back(struct crowd *c)
{
    const double t = now();

    for (size_t i = 0; i <= c->count && c->in_progress < IN_PROGRESS; i++) {
        if (c->clients[i].state == AWAY && c->clients[i].again <= t)
            come(c, &c->clients[i]);
    }
}

static void turn(struct crowd *c)
{
    struct epoll_event events[256];
    const int n = epoll_wait(c->epoll, events, 256, 10);

    for (int i = 0; i < n; i++) {
        struct client *k = events[i].data.ptr;
        if (k->state == CONNECTING)
            connected(c, k);
        else if (k->state != AWAY)
            receive(c, k);
    }
}

static void wait_for(struct crowd *c, bool (*done)(struct crowd *c), const char *what)
{
    const double until = now() + PATIENCE_S;

    while (!done(c)) {
        turn(c);
        if (now() > until)
            die(what);
    }
}

static bool all_there(struct crowd *c)
{
    bring_back(c);
    return c->there == c->count && producer_of(c)->state == THERE;
}

static bool all_lost(struct crowd *c)
{
    return c->there == 0;
}

/* ---- messages ---- */

static void encode_message(struct crowd *c, size_t bytes)
{
    struct text metadata = {.len = 0}, send = {.len = 0};

    put_text(&metadata, 1, "crowd");
    put_number(&metadata, 2, 0);
    put_number(&metadata, 3, (uint64_t)time(NULL) * 1000);
    put_number(&send, 1, 1);
    put_number(&send, 2, 0);
    const struct text base = command_of(SEND, &send);
    const size_t entry = 6 + 4 + metadata.len + bytes;
    c->message_len = 8 + base.len + entry;
    if (!(c->message = calloc(1, c->message_len)))
        die("memory");
    uint8_t *at = c->message;
    put_u32(at, 4 + base.len + entry);
    put_u32(at + 4, base.len);
    memcpy(at + 8, base.bytes, base.len);
    at += 8 + base.len;
    at[0] = 0x0e;
    at[1] = 0x01;
    put_u32(at + 6, metadata.len);
    memcpy(at + 10, metadata.bytes, metadata.len);
    put_u32(at + 2, crc32c(0, bytes_of(at + 6, entry - 6)));
}

static bool all_acknowledged(struct crowd *c)
{
    while (c->sent < c->messages && c->sent - c->receipts < WINDOW) {
        const ssize_t n = send(producer_of(c)->fd, c->message, c->message_len, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            break;
        if (n != (ssize_t)c->message_len)
            die("the producer's connection");
        c->sent++;
    }
    return c->receipts == c->messages && c->acknowledged >= c->messages;
}

/* ---- the three ---- */

static void gather(struct crowd *c)
{
    const double began = now();

    wait_for(c, all_there, "not all could subscribe");
    const double took = now() - began;
    printf("{\"clients\": %zu, \"subscribed_s\": %.3f, \"clients_per_s\": %.0f}\n", c->count, took,
           (double)c->count / took);
}

static void feed(struct crowd *c)
{
    uint32_t least = UINT32_MAX, most = 0;
    const double began = now();

    wait_for(c, all_acknowledged, "not all messages came");
    for (size_t i = 0; i < c->count; i++) {
        least = c->clients[i].taken < least ? c->clients[i].taken : least;
        most = c->clients[i].taken > most ? c->clients[i].taken : most;
    }
    printf("{\"messages\": %llu, \"per_s\": %.0f, \"least_of_a_client\": %u, \"most\": %u}\n",
           (unsigned long long)c->messages, (double)c->messages / (now() - began), least, most);
}

static void come_back(struct crowd *c)
{
    printf("ready\n");
    (void)fflush(stdout);
    c->first_lost = 0;
    wait_for(c, all_lost, "the broker is still there");
    wait_for(c, all_there, "not all came back");
    const double end = now();
    printf("{\"back_s\": %.3f, \"since_the_first_could_connect_s\": %.3f}\n", end - c->first_lost, end - c->first_back);
}

static void may_open(size_t files)
{
    struct rlimit limit = {files, files};

    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        die("so many files");
}

int main(int argc, char **argv)
{
    struct crowd c = {.epoll = epoll_create1(0)};

    if (argc < 5) {
        fprintf(stderr, "crowd PORT TOPIC CLIENTS MESSAGES [BYTES]\n");
        return 2;
    }
    c.broker = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
    c.broker.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c.topic = argv[2];
    c.count = strtoull(argv[3], NULL, 10);
    c.messages = strtoull(argv[4], NULL, 10);
    if (!(c.clients = calloc(c.count + 1, sizeof *c.clients)))
        die("memory");
    for (size_t i = 0; i <= c.count; i++)
        c.clients[i].backoff = BACKOFF_FIRST;
    may_open(c.count + 100);
    encode_message(&c, argc > 5 ? strtoull(argv[5], NULL, 10) : 100);
    gather(&c);
    feed(&c);
    come_back(&c);
    return 0;
}
