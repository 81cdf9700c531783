/* SPDX-License-Identifier: Apache-2.0
 *
 * loopback_disk.c - what no broker here can be beyond: the loopback and the disk one behind the other, and nothing else.
 *
 *     loopback_disk stream FILE SECONDS [crc]   a thread sends pieces of 1 MiB over TCP; each is received, written past the
 *                                               page cache and synced, two at once while a third one comes
 *     loopback_disk echo FILE SECONDS           1,000 messages of 1 KB a second, one after the other: each is received,
 *                                               written, synced, and answered with a few bytes
 *
 * With `crc` both sides make the CRC32C of each piece, as Pulsar's protocol wants.  FILE is written with zeros first and
 * removed at the end, so that a sync has only data to write, as in the journal.  Prints one line of JSON.
 */
#include "base/bytes.h"
#include "base/checksum.h"

#include "bench.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECE         (1u << 20)
#define PIECES        64u /* of the file, which is written again and again */
#define SLOTS         3u  /* two are on their way to the disk, one is received */
#define MESSAGE       1100u
#define RECEIPT       48u
#define ALIGN         4096u
#define MESSAGES_MAX  100000u
#define BETWEEN_NS    1000000u

struct link {
    int from, to; /* both ends of a connection over the loopback */
};

struct stream {
    struct link link;
    int file;
    bool crc;
    atomic_bool stop;
    atomic_uint_fast32_t sums; /* so that no checksum is left out */
    pthread_mutex_t receiving; /* guards all below */
    uint64_t pieces;
    bool ended;
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int checked(int result, const char *what)
{
    if (result < 0)
        die(what);
    return result;
}

/* ---- both sides ---- */

static struct link link_new(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    struct link link;
    int yes = 1;

    const int listener = checked(socket(AF_INET, SOCK_STREAM, 0), "socket");
    checked(bind(listener, (struct sockaddr *)&address, len), "bind");
    checked(listen(listener, 1), "listen");
    checked(getsockname(listener, (struct sockaddr *)&address, &len), "getsockname");
    link.from = checked(socket(AF_INET, SOCK_STREAM, 0), "socket");
    checked(connect(link.from, (struct sockaddr *)&address, len), "connect");
    link.to = checked(accept(listener, NULL, NULL), "accept");
    checked(setsockopt(link.from, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes), "TCP_NODELAY");
    checked(setsockopt(link.to, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes), "TCP_NODELAY");
    close(listener);
    return link;
}

/* False: the other side has ended. */
static bool receive(int fd, void *to, size_t len)
{
    for (size_t done = 0; done < len;) {
        const ssize_t n = recv(fd, (uint8_t *)to + done, len - done, MSG_WAITALL);
        if (n == 0)
            return false;
        if (n < 0 && errno != EINTR)
            die("recv");
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static void send_all(int fd, const void *from, size_t len)
{
    for (size_t done = 0; done < len;) {
        const ssize_t n = send(fd, (const uint8_t *)from + done, len - done, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            die("send");
        done += n > 0 ? (size_t)n : 0;
    }
}

static void *memory_new(size_t len)
{
    void *memory = aligned_alloc(ALIGN, len);

    if (!memory)
        die("memory");
    memset(memory, 'y', len);
    return memory;
}

static void write_synced(int file, const void *from, size_t len, uint64_t at)
{
    if (pwrite(file, from, len, (off_t)at) != (ssize_t)len)
        die("pwrite");
    checked(fdatasync(file), "fdatasync");
}

static void thread_run(pthread_t *thread, void *(*run)(void *), void *ctx)
{
    if (pthread_create(thread, NULL, run, ctx) != 0)
        die("pthread_create");
}

static int file_new(const char *path)
{
    void *zeros = memory_new(PIECE);
    const int file = checked(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), path);

    memset(zeros, 0, PIECE);
    for (uint64_t i = 0; i < PIECES; i++)
        write_synced(file, zeros, PIECE, i * PIECE);
    free(zeros);
    return file;
}

/* ---- stream ---- */

static void sum(struct stream *s, const void *piece)
{
    if (s->crc)
        atomic_fetch_add(&s->sums, crc32c(0, bytes_of(piece, PIECE)));
}

static void *send_pieces(void *ctx)
{
    struct stream *s = ctx;
    void *piece = memory_new(PIECE);

    while (!atomic_load(&s->stop)) {
        sum(s, piece);
        send_all(s->link.from, piece, PIECE);
    }
    checked(shutdown(s->link.from, SHUT_WR), "shutdown");
    free(piece);
    return NULL;
}

/* Each of the threads that do so is a slot: one at a time receives, the others write. */
static void *store_pieces(void *ctx)
{
    struct stream *s = ctx;
    void *piece = memory_new(PIECE);

    for (;;) {
        pthread_mutex_lock(&s->receiving);
        s->ended = s->ended || !receive(s->link.to, piece, PIECE);
        const bool ended = s->ended;
        const uint64_t at = s->pieces % PIECES * PIECE;
        s->pieces += !ended;
        pthread_mutex_unlock(&s->receiving);
        if (ended)
            break;
        sum(s, piece);
        write_synced(s->file, piece, PIECE, at);
    }
    free(piece);
    return NULL;
}

static void stream(const char *path, unsigned seconds, bool crc)
{
    struct stream s = {.link = link_new(), .crc = crc, .receiving = PTHREAD_MUTEX_INITIALIZER};
    pthread_t sender, slots[SLOTS];

    close(file_new(path));
    s.file = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
    if (s.file < 0 && errno == EINVAL) /* a file system in memory */
        s.file = open(path, O_RDWR | O_CLOEXEC);
    checked(s.file, path);
    const uint64_t began = now_ns();
    thread_run(&sender, send_pieces, &s);
    for (size_t i = 0; i < SLOTS; i++)
        thread_run(&slots[i], store_pieces, &s);
    sleep(seconds);
    atomic_store(&s.stop, true);
    pthread_join(sender, NULL);
    for (size_t i = 0; i < SLOTS; i++)
        pthread_join(slots[i], NULL);
    printf("{\"bytes_each_second\": %.0f}\n", (double)(s.pieces * PIECE) / seconds_since(began));
}

/* ---- echo ---- */

struct echo {
    struct link link;
    int file;
};

static void *answer_messages(void *ctx)
{
    struct echo *e = ctx;
    uint8_t message[MESSAGE], receipt[RECEIPT] = {0};

    for (uint64_t at = 0; receive(e->link.to, message, sizeof message);
         at = (at + sizeof message) % ((PIECES - 1) * PIECE)) {
        write_synced(e->file, message, sizeof message, at);
        send_all(e->link.to, receipt, sizeof receipt);
    }
    return NULL;
}

static void sleep_until(uint64_t ns)
{
    const struct timespec until = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
    }
}

static double quantile(const double *sorted, size_t count, double part)
{
    return sorted[(size_t)(part * (double)(count - 1))];
}

static void echo(const char *path, unsigned seconds)
{
    struct echo e = {.link = link_new(), .file = file_new(path)};
    const size_t count = seconds * 1000u < MESSAGES_MAX ? seconds * 1000u : MESSAGES_MAX;
    uint8_t message[MESSAGE] = {1}, receipt[RECEIPT];
    double *took = calloc(count, sizeof *took);
    pthread_t server;

    if (!took)
        die("memory");
    thread_run(&server, answer_messages, &e);
    const uint64_t began = now_ns();
    for (size_t i = 0; i < count; i++) {
        const uint64_t due = began + i * BETWEEN_NS; /* a late one counts from when it was due */
        sleep_until(due);
        send_all(e.link.from, message, sizeof message);
        (void)receive(e.link.from, receipt, sizeof receipt);
        took[i] = (double)(now_ns() - due) / 1e6;
    }
    checked(shutdown(e.link.from, SHUT_WR), "shutdown");
    pthread_join(server, NULL);
    qsort(took, count, sizeof *took, by_size);
    printf("{\"p50\": %.3f, \"p99\": %.3f, \"p99.9\": %.3f}\n", quantile(took, count, 0.5), quantile(took, count, 0.99),
           quantile(took, count, 0.999));
    free(took);
}

int main(int argc, char **argv)
{
    const unsigned seconds = argc > 3 ? (unsigned)atoi(argv[3]) : 0;
    const bool is_stream = argc > 1 && strcmp(argv[1], "stream") == 0;

    if (seconds == 0 || !(is_stream || strcmp(argv[1], "echo") == 0)) {
        fprintf(stderr, "loopback_disk stream|echo FILE SECONDS [crc]\n");
        return 2;
    }
    if (is_stream)
        stream(argv[2], seconds, argc > 4 && strcmp(argv[4], "crc") == 0);
    else
        echo(argv[2], seconds);
    (void)unlink(argv[2]);
    return 0;
}
