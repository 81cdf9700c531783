/* SPDX-License-Identifier: Apache-2.0
 *
 * perf.h - what the verbs of `geminga perf` share: the options of every load, its topics and clients, and
 * the meter that prints what it does.
 *
 * The flags and the lines are those of Apache Pulsar's `pulsar-perf`, and the client library is the public one: the
 * same load runs against any Pulsar.
 */
#ifndef CLI_PERF_H
#define CLI_PERF_H

#include "base/cache_line.h"
#include "base/histogram.h"
#include "cli/client.h"
#include <stdatomic.h>

struct perf_config {
    int64_t topics, connections;
    int64_t duration_s; /* 0: without end */
    int64_t interval_s; /* between lines */
    char *histogram_file;
};
extern const struct option_table perf_table; /* of a struct perf_config */

#define PERF_TOPICS_MAX      100000
#define PERF_CONNECTIONS_MAX 1000

/* The words of the command line; or one word W and --num-topics: W-0, W-1, ...  Everything said, if it is not CLI_OK.
 * `names` is freed by perf_topics_free. */
struct perf_topics {
    char **names;
    size_t count;
};
int perf_topics_gather(struct perf_topics *t, const struct invocation *inv, const struct perf_config *config);
/* The same of names that an option has, with commas between or said again; without any, the fallback.  One with
 * `numbered` above 1 has numbers behind it; `flag` is what says that number. */
int perf_names_gather(struct perf_topics *t, const struct invocation *inv, char *const *words, const char *fallback,
                      int64_t numbered, const char *flag);
void perf_topics_free(struct perf_topics *t);

struct perf_meter;

/* As many clients as connections are wanted: each has one to a broker. */
struct perf_clients {
    pulsar_client_t **at;
    size_t count;
    /* Of perf_clients_signals. */
    struct uv_thread *guard; /* NULL: there is none */
    struct uv_event *closed; /* what the guard waits for */
    const struct perf_meter *meter;
};
int perf_clients_open(struct perf_clients *c, const struct invocation *inv, const struct perf_config *config,
                      const struct client_config *client);
/* From now on SIGINT and SIGTERM end the load (client_interrupted).  Answers are waited for as long as `meter` counts
 * messages; when it has counted none for a second, all who wait hear that their client was closed.  CLI_OK, or
 * everything said. */
int perf_clients_signals(struct perf_clients *c, const struct invocation *inv, const struct perf_meter *meter);
/* After all producers and consumers. */
void perf_clients_close(struct perf_clients *c);

/* ---- the meter ---- */

enum perf_kind { PERF_PRODUCE, PERF_CONSUME, PERF_READ, PERF_SOCKET, PERF_TRANSACTION };

struct perf_log; /* the histogram file */

/* Any thread counts; the main thread prints. */
struct perf_meter {
    enum perf_kind kind;
    double unit;                   /* so many of what is recorded are a millisecond */
    struct histogram *now, *whole; /* since the last line; from the beginning, without what is in `now` */
    atomic_bool stop;              /* nobody begins anything more: asked for each message by those who do not count */
    char apart[CACHE_LINE];        /* so that what is counted does not take it out of their processors' caches */
    atomic_uint_fast64_t messages, bytes, failures, acks, ack_failures;
    char apart_too[CACHE_LINE];
    int64_t started_ns, line_ns; /* the beginning, the last line */
    uint64_t line_messages, line_bytes, line_failures;
    int64_t ends_ns; /* 0: never */
    struct perf_log *log;
    /* Instead of our lines: those of the last `seconds`, or at the end of all; NULL: none. */
    void (*print)(struct perf_meter *m, double seconds, bool whole);
};

/* Monotonic. */
int64_t perf_now_ns(void);

/* CLI_OK, or everything said. */
int perf_meter_init(struct perf_meter *m, enum perf_kind kind, const struct invocation *inv,
                    const struct perf_config *config);
void perf_meter_deinit(struct perf_meter *m);
/* Time runs from now on. */
void perf_meter_begin(struct perf_meter *m, const struct perf_config *config);

/* Prints a line every interval, until `stop` is set, by others or for a signal's or the time's sake. */
void perf_meter_watch(struct perf_meter *m, const struct perf_config *config);
/* The last lines; everybody has ended. */
void perf_meter_finish(struct perf_meter *m);

/* How pulsar-perf writes percentiles: in an interval's line, each with its unit, or of the whole. */
enum perf_latency { PERF_LATENCY_LINE, PERF_LATENCY_UNITS, PERF_LATENCY_WHOLE };
void perf_latency_print(const struct histogram *h, double unit, enum perf_latency manner);

/* Waits until the next one is due, or the end comes, and returns when that was; without a pace: at once, now. */
int64_t perf_due_wait(struct perf_meter *m, struct pace *pace);

static inline void perf_stop(struct perf_meter *m)
{
    atomic_store(&m->stop, true);
}

static inline bool perf_stopped(struct perf_meter *m)
{
    return atomic_load(&m->stop);
}

extern const struct verb perf_produce_verb; /* perf_produce.c */
extern const struct verb perf_consume_verb; /* perf_receive.c */
extern const struct verb perf_read_verb;    /* perf_receive.c */
extern const struct verb perf_socket_verb;  /* perf_socket.c */
extern const struct verb perf_monitor_verb; /* perf_monitor.c */
extern const struct verb perf_monitor_short_verb;
extern const struct verb perf_transaction_verb; /* perf_transaction.c */

#endif
