/* SPDX-License-Identifier: Apache-2.0
 *
 * stream_load.c - one producer and one consumer of one topic, with as little work of their own as possible.
 *
 *     stream_load PORT TOPIC ENTRIES [MESSAGES [BYTES [WINDOW [both|publish|drain [SUBSCRIPTION]]]]]
 *
 * Publishes ENTRIES batches of MESSAGES (100) messages of BYTES (1024) bytes each, WINDOW (64) under way, and consumes
 * them on a second connection, acknowledging cumulatively.  Or only one of the two: `publish` leaves all as the backlog
 * of SUBSCRIPTION, `drain` takes so many entries from the topic's beginning.  It is a load for the broker, not a
 * client: the batch is encoded once, only its sequence id changes; what is delivered is counted by its frames' heads
 * and thrown away by the kernel. Prints one line of JSON.  Owns two sockets, and one thread.
 *
 * With LOAD_TLS_TRUST in the environment, the file of whom it trusts, both connections are with TLS.
 */
#include "commands.h"

#include "base/checksum.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SEQUENCE_BASE (UINT64_C(1) << 28) /* a varint of five bytes from the first to the last */
#define ACK_EVERY     64
#define PERMITS       1000000u
#define HEAD_MAX      256 /* of a delivery: sizes, command, the metadata's beginning */

struct peer {
    int fd;
    SSL *ssl; /* or NULL */
};

struct stream {
    struct peer producer, consumer;
    uint8_t *batch; /* a whole SEND frame */
    size_t batch_len, sequence_at;
    uint64_t entries, window;
    unsigned messages;
    uint64_t sent, receipts, delivered, acknowledged, permits_used;
    size_t written; /* of the frame under way */
    uint8_t receipt_bytes[64 * 1024];
    size_t receipt_len;
    uint8_t head[HEAD_MAX]; /* of the delivery under way */
    size_t head_len;
    uint64_t skip; /* bytes of it that are still to come */
};

static void die(const char *what)
{
    fprintf(stderr, "stream_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- bytes, with TLS or without; -1 and EAGAIN: not now ---- */

static ssize_t tls_result(const struct peer *p, int result)
{
    const int why = result > 0 ? SSL_ERROR_NONE : SSL_get_error(p->ssl, result);

    if (why == SSL_ERROR_NONE)
        return result;
    errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
    return -1;
}

static ssize_t peer_send(const struct peer *p, const uint8_t *bytes, size_t len)
{
    if (p->ssl)
        return tls_result(p, SSL_write(p->ssl, bytes, (int)(len < 1 << 20 ? len : 1 << 20)));
    return send(p->fd, bytes, len, 0);
}

static ssize_t peer_recv(const struct peer *p, uint8_t *to, size_t len)
{
    const ssize_t n = p->ssl ? tls_result(p, SSL_read(p->ssl, to, (int)len)) : recv(p->fd, to, len, 0);

    if (n == 0)
        errno = ECONNRESET;
    return n == 0 ? -1 : n;
}

/* Bytes that nobody looks at: those that come by TCP are not even copied. */
static ssize_t peer_skip(const struct peer *p, size_t len)
{
    static uint8_t waste[64 * 1024];

    if (p->ssl)
        return peer_recv(p, waste, len < sizeof waste ? len : sizeof waste);
    return recv(p->fd, NULL, len, MSG_TRUNC);
}

static void wait_for(const struct peer *p, short events)
{
    struct pollfd fd = {.fd = p->fd, .events = events};

    if (poll(&fd, 1, 60000) <= 0)
        die("nothing happened for a minute");
}

/* ---- writing commands ---- */

static void send_frame(const struct peer *p, struct text frame)
{
    for (size_t at = 0; at < frame.len;) {
        const ssize_t n = peer_send(p, frame.bytes + at, frame.len - at);
        if (n < 0 && errno != EAGAIN)
            die("write");
        if (n < 0)
            wait_for(p, POLLOUT);
        else
            at += (size_t)n;
    }
}

/* ---- reading them ---- */

static void read_all(const struct peer *p, uint8_t *to, size_t len)
{
    while (len > 0) {
        const ssize_t n = peer_recv(p, to, len);
        if (n < 0 && errno != EAGAIN)
            die("read");
        if (n < 0) {
            wait_for(p, POLLIN);
            continue;
        }
        to += n;
        len -= (size_t)n;
    }
}

/* The next frame is of this type, or the broker refused. */
static void expect(const struct peer *p, uint8_t type)
{
    uint8_t frame[4096];

    read_all(p, frame, 4);
    const size_t len = get_u32(frame);
    if (len > sizeof frame)
        die("a frame that is too long");
    read_all(p, frame, len);
    if (frame[5] != type) {
        fprintf(stderr, "stream_load: command %u instead of %u: %.*s\n", frame[5], type, (int)(len - 6), frame + 6);
        exit(1);
    }
}

/* ---- both connections ---- */

static void tls_begin(struct peer *p, const char *trust)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (!ctx || SSL_CTX_load_verify_locations(ctx, trust, NULL) != 1 || !(p->ssl = SSL_new(ctx)))
        die("TLS");
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_free(ctx);
    SSL_set_mode(p->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (SSL_set_fd(p->ssl, p->fd) != 1 || SSL_connect(p->ssl) != 1)
        die("the handshake");
}

static void connect_to(struct peer *p, const char *port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    const char *trust = getenv("LOAD_TLS_TRUST");
    const int on = 1;

    p->fd = socket(AF_INET, SOCK_STREAM, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connect");
    if (setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
        die("setsockopt");
    if (trust)
        tls_begin(p, trust);
    if (fcntl(p->fd, F_SETFL, O_NONBLOCK) != 0)
        die("fcntl");
    send_frame(p, connect_frame("stream_load"));
    expect(p, CONNECTED);
}

static void subscribe(struct stream *s, const char *topic, const char *subscription)
{
    send_frame(&s->consumer, subscribe_frame(topic, subscription, 0)); /* exclusive */
    expect(&s->consumer, SUCCESS);
}

static void flow(struct stream *s)
{
    send_frame(&s->consumer, flow_frame(PERMITS));
}

static void create_producer(struct stream *s, const char *topic)
{
    send_frame(&s->producer, producer_frame(topic, 1));
    expect(&s->producer, PRODUCER_SUCCESS);
}

/* ---- the batch ---- */

static struct text batch_metadata(const struct stream *s)
{
    struct text t = {0};

    put_text(&t, 1, "stream");
    put_number(&t, 2, SEQUENCE_BASE);
    put_number(&t, 3, (uint64_t)time(NULL) * 1000);
    put_number(&t, 11, s->messages);
    return t;
}

static void encode_batch(struct stream *s, size_t bytes)
{
    struct text single = {0}, send = {0};

    put_number(&single, 3, bytes); /* payload_size */
    put_number(&send, 1, 1);
    s->sequence_at = send.len + 1;
    put_number(&send, 2, SEQUENCE_BASE);
    put_number(&send, 3, s->messages);
    const struct text metadata = batch_metadata(s), base = command_of(SEND, &send);
    const size_t payload = s->messages * (4 + single.len + bytes);
    const size_t entry = 6 + 4 + metadata.len + payload;
    uint8_t *at;

    s->batch_len = 8 + base.len + entry;
    if (!(at = s->batch = malloc(s->batch_len)))
        die("malloc");
    put_u32(at, 4 + base.len + entry);
    put_u32(at + 4, base.len);
    memcpy(at + 8, base.bytes, base.len);
    s->sequence_at += 8 + base.len - send.len;
    at += 8 + base.len;
    at[0] = 0x0e;
    at[1] = 0x01;
    put_u32(at + 6, metadata.len);
    memcpy(at + 10, metadata.bytes, metadata.len);
    uint8_t *message = at + 10 + metadata.len;
    for (unsigned i = 0; i < s->messages; i++) {
        put_u32(message, single.len);
        memcpy(message + 4, single.bytes, single.len);
        for (size_t k = 0; k < bytes; k++)
            message[4 + single.len + k] = (uint8_t)(rand() & 255); /* nothing that a disk could compress */
        message += 4 + single.len + bytes;
    }
    put_u32(at + 2, crc32c(0, bytes_of(at + 6, entry - 6)));
}

static void set_sequence(struct stream *s, uint64_t n)
{
    uint64_t v = SEQUENCE_BASE + n;
    uint8_t *at = s->batch + s->sequence_at;

    for (int i = 0; i < 4; i++, v >>= 7)
        at[i] = (uint8_t)(v & 127) | 128;
    at[4] = (uint8_t)v;
}

/* ---- the flow ---- */

static bool may_send(const struct stream *s)
{
    return s->written > 0 || (s->sent < s->entries && s->sent - s->receipts < s->window);
}

static void send_some(struct stream *s)
{
    while (may_send(s)) {
        if (s->written == 0)
            set_sequence(s, s->sent);
        const ssize_t n = peer_send(&s->producer, s->batch + s->written, s->batch_len - s->written);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            die("send");
        s->written += (size_t)n;
        if (s->written == s->batch_len) {
            s->written = 0;
            s->sent++;
        }
    }
}

static void unexpected(const char *connection, const uint8_t *frame)
{
    fprintf(stderr, "stream_load: command %u on the %s's connection\n", frame[TYPE_AT], connection);
    exit(1);
}

static void pong(const struct peer *p)
{
    const struct text nothing = {0};

    send_frame(p, frame_of(PONG, &nothing));
}

static void take_receipts(struct stream *s)
{
    const ssize_t n =
        peer_recv(&s->producer, s->receipt_bytes + s->receipt_len, sizeof s->receipt_bytes - s->receipt_len);
    size_t at = 0;

    if (n < 0 && errno == EAGAIN)
        return;
    if (n < 0)
        die("the producer's connection");
    s->receipt_len += (size_t)n;
    while (s->receipt_len - at >= 4 && s->receipt_len - at >= 4 + get_u32(s->receipt_bytes + at)) {
        const uint8_t *frame = s->receipt_bytes + at;
        if (frame[TYPE_AT] == SEND_RECEIPT)
            s->receipts++;
        else if (frame[TYPE_AT] == PING)
            pong(&s->producer);
        else
            unexpected("producer", frame);
        at += 4 + get_u32(s->receipt_bytes + at);
    }
    s->receipt_len -= at;
    memmove(s->receipt_bytes, s->receipt_bytes + at, s->receipt_len);
}

/* The id of a delivery, copied as it came, in an acknowledgement of all up to it. */
static void acknowledge(struct stream *s, const uint8_t *command)
{
    struct text body = {0};

    command += 3;               /* the type, and the tag of the message */
    (void)get_varint(&command); /* its length */
    command++;                  /* the consumer's id */
    (void)get_varint(&command);
    command++; /* the message's id */
    const size_t len = (size_t)get_varint(&command);
    put_number(&body, 1, 1);
    put_number(&body, 2, 1); /* cumulative */
    put_bytes(&body, 3, command, len);
    send_frame(&s->consumer, frame_of(ACK, &body));
    s->acknowledged = s->delivered;
}

static void take_head(struct stream *s)
{
    const ssize_t n = peer_recv(&s->consumer, s->head + s->head_len, HEAD_MAX - s->head_len);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n < 0)
        die("the consumer's connection");
    s->head_len += (size_t)n;
    if (s->head_len > TYPE_AT && s->head[TYPE_AT] == PING && s->head_len >= 4 + get_u32(s->head)) {
        s->head_len -= 4 + get_u32(s->head);
        memmove(s->head, s->head + 4 + get_u32(s->head), s->head_len);
        pong(&s->consumer);
        return;
    }
    if (s->head_len < HEAD_MAX)
        return; /* a frame with a batch is longer than that */
    if (s->head[TYPE_AT] != MESSAGE)
        unexpected("consumer", s->head);
    s->delivered++;
    if (s->delivered - s->acknowledged >= ACK_EVERY || s->delivered == s->entries)
        acknowledge(s, s->head + 8);
    s->permits_used += s->messages;
    if (s->permits_used >= PERMITS / 2) {
        flow(s);
        s->permits_used = 0;
    }
    s->skip = 4 + get_u32(s->head) - HEAD_MAX;
    s->head_len = 0;
}

static void take_deliveries(struct stream *s)
{
    if (s->skip == 0) {
        take_head(s);
        return;
    }
    const ssize_t n = peer_skip(&s->consumer, s->skip);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        die("the consumer's connection");
    s->skip -= (uint64_t)n;
}

/* Plain bytes that wait in the peer's TLS, of which poll knows nothing. */
static bool holds_bytes(const struct peer *p)
{
    return p->ssl && SSL_pending(p->ssl) > 0;
}

static void run(struct stream *s)
{
    while (s->receipts < s->entries || s->delivered < s->entries || s->skip > 0) {
        struct pollfd fds[2] = {
            {.fd = s->producer.fd, .events = (short)(POLLIN | (may_send(s) ? POLLOUT : 0))},
            {.fd = s->consumer.fd, .events = POLLIN},
        };
        const bool held = holds_bytes(&s->producer) || holds_bytes(&s->consumer);
        if (poll(fds, 2, held ? 0 : 60000) <= 0 && !held)
            die("nothing happened for a minute");
        if ((fds[0].revents & POLLIN) || holds_bytes(&s->producer))
            take_receipts(s);
        if (fds[0].revents & POLLOUT)
            send_some(s);
        if ((fds[1].revents & POLLIN) || holds_bytes(&s->consumer))
            take_deliveries(s);
    }
}

static uint64_t argument(int argc, char **argv, int i, uint64_t otherwise)
{
    return argc > i ? strtoull(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    struct stream s = {0};

    if (argc < 4) {
        fprintf(stderr, "stream_load PORT TOPIC ENTRIES [MESSAGES [BYTES [WINDOW [both|publish|drain "
                        "[SUBSCRIPTION]]]]]\n");
        return 2;
    }
    s.entries = argument(argc, argv, 3, 0);
    s.messages = (unsigned)argument(argc, argv, 4, 100);
    const uint64_t bytes = argument(argc, argv, 5, 1024);
    s.window = argument(argc, argv, 6, 64);
    const char *which = argc > 7 ? argv[7] : "both";
    encode_batch(&s, bytes);
    connect_to(&s.consumer, argv[1]);
    connect_to(&s.producer, argv[1]);
    subscribe(&s, argv[2], argc > 8 ? argv[8] : "stream");
    create_producer(&s, argv[2]);
    if (strcmp(which, "drain") == 0)
        s.sent = s.receipts = s.entries;
    if (strcmp(which, "publish") == 0)
        s.delivered = s.entries;
    else
        flow(&s);
    const double began = now();
    run(&s);
    const double took = now() - began;
    const double published = (double)s.entries * s.messages * (double)bytes;
    printf("{\"seconds\": %.3f, \"bytes\": %.0f, \"mb_per_second\": %.1f}\n", took, published, published / took / 1e6);
    return 0;
}
