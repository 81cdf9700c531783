/* SPDX-License-Identifier: Apache-2.0
 *
 * perf_produce.c - `geminga perf produce`: sends at a rate, and measures from when a message was due to its receipt.
 *
 *     main thread    makes the producers, prints, ends it
 *     N senders      each with producers of its own on every topic, and its share of the rate and of the messages
 *     clients        their threads bring the receipts
 *
 * A message that is sent late because earlier ones held up the sender counts from when it was due (no coordinated
 * omission); with a rate that is meant as "as fast as possible" (RATE_NONE) it counts from its sending.
 */
#include "cli/perf.h"
#include "cli/perf_pattern.h"
#include "cli/perf_payload.h"
#include "cli/perf_rest.h"
#include "cli/pulsar_keys.h"
#include "pulsar/c/producer.h"
#include "sys/uv_sys.h"

#include <inttypes.h>
#include <malloc.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NS_PER_S    INT64_C(1000000000)
#define MEMORY_KEPT (256 * 1024 * 1024)
#define RATE_NONE   1e7 /* messages a second: from here on there is no pace */
#define OPENING_MAX 64  /* producers that are being made at a time */

struct produce_config {
    char *rate, *key_mode, *delay_range, *producer_name, *separator, *access, *warmup, *compression, *batch_delay;
    int64_t messages, producers, threads, pending, pending_across, send_timeout_ms, delay_s, partitions;
    int64_t batch_messages, batch_bytes;
    bool no_batching, exit_on_failure, event_time;
};

#define AT(member) .offset = offsetof(struct produce_config, member)

static const char *const key_modes[] = {"autoIncrement", "random", NULL};
static const char *const accesses[] = {"Shared", "Exclusive", "ExclusiveWithFencing", "WaitForExclusive", NULL};
static const char *const compressions[] = {"NONE", "LZ4", "ZLIB", "ZSTD", "SNAPPY", NULL};

static const struct option produce_rows[] = {
    {.key = "produce.rate",
     .flag = "-r|--rate",
     .type = OPTION_TEXT,
     .fallback = "100",
     AT(rate),
     .text = "Messages a second, of all producers together; 0, or 10000000 and more: as fast as possible."},
    {.key = "produce.producers",
     .flag = "-n|--num-producers",
     .type = OPTION_INTEGER,
     .fallback = "1",
     .min = 1,
     .max = 100000,
     AT(producers),
     .text = "Producers on each topic, in each thread."},
    {.key = "produce.threads",
     .flag = "-threads|--num-test-threads",
     .type = OPTION_INTEGER,
     .fallback = "1",
     .min = 1,
     .max = 1000,
     AT(threads),
     .text = "Threads that send."},
    {.key = "produce.pending",
     .flag = "-o|--max-outstanding",
     .type = OPTION_INTEGER,
     .fallback = "0",
     .max = INT32_MAX,
     AT(pending),
     .text = "Messages of a producer that wait for their receipts; 0: only --memory-limit bounds them."},
    {.key = "produce.pending_across",
     .flag = "-p|--max-outstanding-across-partitions",
     .type = OPTION_INTEGER,
     .fallback = "0",
     .max = INT32_MAX,
     AT(pending_across),
     .text = "The same of all partitions of a topic together."},
    {.key = "produce.batch_delay",
     .flag = "-b|--batch-time-window",
     .type = OPTION_TEXT,
     .fallback = "1.0",
     AT(batch_delay),
     .text = "Milliseconds that a batch waits for more, whole ones."},
    {.key = "produce.batch_messages",
     .flag = "-bm|--batch-max-messages",
     .type = OPTION_INTEGER,
     .fallback = "1000",
     .min = 1,
     .max = 1000000,
     AT(batch_messages),
     .text = "Messages of a batch."},
    {.key = "produce.batch_bytes",
     .flag = "-bb|--batch-max-bytes",
     .type = OPTION_BYTES,
     .fallback = "4MiB",
     .min = 1,
     .max = PERF_PAYLOAD_MAX,
     AT(batch_bytes),
     .text = "Bytes of a batch."},
    {.key = "produce.no_batching",
     .flag = "-db|--disable-batching",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(no_batching),
     .text = "Sends each message by itself."},
    {.key = "produce.compression",
     .flag = "-z|--compression",
     .type = OPTION_CHOICE,
     .fallback = "NONE",
     .choices = compressions,
     AT(compression),
     .text = "How payloads are compressed."},
    {.key = "produce.keys",
     .flag = "-mk|--message-key-generation-mode",
     .type = OPTION_CHOICE,
     .choices = key_modes,
     AT(key_mode),
     .text = "Gives messages keys: their numbers, or chance; else they have none."},
    {.key = "produce.delay",
     .flag = "-d|--delay",
     .type = OPTION_INTEGER,
     .fallback = "0",
     .max = INT32_MAX,
     AT(delay_s),
     .text = "Seconds after which messages are delivered."},
    {.key = "produce.delay_range",
     .flag = "-dr|--delay-range",
     .type = OPTION_TEXT,
     AT(delay_range),
     .text = "The same by chance: FROM,TO."},
    {.key = "produce.event_time",
     .flag = "-set|--set-event-time",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(event_time),
     .text = "Gives each message the time as its event time."},
    {.key = "produce.send_timeout",
     .flag = "--send-timeout",
     .type = OPTION_INTEGER,
     .fallback = "0",
     .max = INT32_MAX,
     AT(send_timeout_ms),
     .text = "Milliseconds after which a message without receipt has failed; 0: never."},
    {.key = "produce.producer_name",
     .flag = "-pn|--producer-name",
     .type = OPTION_TEXT,
     AT(producer_name),
     .text = "What producers' names begin with; the separator and a number follow."},
    {.key = "produce.separator",
     .flag = "--separator",
     .type = OPTION_TEXT,
     .fallback = "-",
     AT(separator),
     .text = "What stands between the name and the number."},
    {.key = "produce.access_mode",
     .flag = "-am|--access-mode",
     .type = OPTION_CHOICE,
     .fallback = "Shared",
     .choices = accesses,
     AT(access),
     .text = "How producers share a topic."},
    {.key = "produce.warmup",
     .flag = "--warmup-time",
     .type = OPTION_TEXT,
     .fallback = "1.0",
     AT(warmup),
     .text = "Seconds at the beginning whose latencies do not count."},
    {.key = "produce.exit_on_failure",
     .flag = "-ef|--exit-on-failure",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(exit_on_failure),
     .text = "The first message that is refused ends it."},
    {.key = "produce.partitions",
     .flag = "-np|--partitions",
     .type = OPTION_INTEGER,
     .fallback = "0",
     .max = 100000,
     AT(partitions),
     .text = "Makes the topics first, by --admin-url, with so many partitions each; 0: takes them as they are."},
    {.key = "produce.messages",
     .flag = "-m|--num-messages",
     .type = OPTION_INTEGER,
     .fallback = "0",
     .max = INT64_MAX,
     AT(messages),
     .text = "Messages in all; 0: without end."},
};

/* ---- senders ---- */

struct producing;
struct sender;

/* One message under way. */
struct send {
    struct sender *sender;
    struct send *next; /* of those that are free */
    int64_t due_ns;
    size_t len;
};

/* What a message costs here is taken from what the broker can have on the same machine.  So messages that differ in
 * nothing are made once, and sent again and again; and places for what is under way go back to their sender. */
struct sender {
    struct producing *p;
    struct uv_thread *thread;
    pulsar_producer_t **producers; /* NULL: it was not made */
    size_t count;
    struct pace pace;
    uint64_t quota, sent; /* messages */
    struct random chance;
    pulsar_message_t **messages; /* one of each payload; NULL: each is made when it is sent */
    struct text text;            /* of the last pattern */
    struct send *spares;
    char apart[CACHE_LINE];          /* the sender's processor keeps what is above */
    _Atomic(struct send *) returned; /* by the clients' threads; taken all at once */
    char apart_too[CACHE_LINE];      /* from the next sender */
};

struct producing {
    const struct invocation *inv;
    const struct produce_config *config;
    const struct perf_payload_config *payload;
    struct perf_meter meter;
    struct perf_topics topics;
    struct perf_clients clients;
    struct perf_payloads payloads;
    struct sender *senders;
    size_t sender_count;
    uint64_t delay_from_ms, delay_to_ms;
    int64_t warm_ns; /* latencies count from then on */
    atomic_uint_fast64_t number;
    atomic_int failure;      /* the first refusal: a pulsar_result; 0: none */
    sem_t places;            /* for producers that are being made */
    atomic_int open_failure; /* the first of these that was not: a pulsar_result; 0: none */
    const char *open_failed; /* ... and its topic; written before its place is given back */
};

/* NULL: memory is short. */
static struct send *send_take(struct sender *s)
{
    if (!s->spares)
        s->spares = atomic_exchange(&s->returned, NULL);
    struct send *send = s->spares;
    if (!send)
        return malloc(sizeof *send);
    s->spares = send->next;
    return send;
}

static void send_return(struct send *send)
{
    struct sender *s = send->sender;

    send->next = atomic_load_explicit(&s->returned, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&s->returned, &send->next, send))
        ;
}

static void sends_free(struct send *send)
{
    while (send) {
        struct send *next = send->next;
        free(send);
        send = next;
    }
}

/* On a client's thread. */
static void on_receipt(pulsar_result result, pulsar_message_id_t *id, void *ctx)
{
    struct send *send = ctx;
    struct producing *p = send->sender->p;
    int none = 0;

    if (id)
        pulsar_message_id_free(id);
    if (result == pulsar_result_Ok) {
        const int64_t now_ns = perf_now_ns();
        atomic_fetch_add_explicit(&p->meter.messages, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&p->meter.bytes, send->len, memory_order_relaxed);
        if (now_ns >= p->warm_ns)
            histogram_record(p->meter.now, (uint64_t)(now_ns - send->due_ns) / 1000);
    } else {
        atomic_fetch_add(&p->meter.failures, 1);
        atomic_compare_exchange_strong(&p->failure, &none, (int)result);
        if (p->config->exit_on_failure)
            perf_stop(&p->meter);
    }
    send_return(send);
}

/* ---- a message ---- */

static void message_key(struct sender *s, pulsar_message_t *message, uint64_t number)
{
    const char *mode = s->p->config->key_mode;
    char key[24];

    if (!mode)
        return;
    if (mode[0] != 'a')
        number = random_below(&s->chance, (uint64_t)INT32_MAX);
    (void)snprintf(key, sizeof key, "%" PRIu64, number);
    pulsar_message_set_partition_key(message, key);
}

static void message_delay(struct sender *s, pulsar_message_t *message)
{
    const uint64_t from_ms = s->p->delay_from_ms, to_ms = s->p->delay_to_ms;

    if (to_ms > 0)
        pulsar_message_set_deliver_after(message, from_ms + random_below(&s->chance, to_ms - from_ms + 1));
}

/* False: memory is short. */
static bool message_content(struct sender *s, pulsar_message_t *message, size_t choice, const char *producer,
                            uint64_t number)
{
    const struct bytes payload = s->p->payloads.items[choice];

    if (!s->p->payload->patterns) {
        pulsar_message_set_allocated_content(message, (void *)(uintptr_t)payload.data, payload.len);
        return true;
    }
    s->text.len = 0;
    perf_pattern_format(&s->text, payload, producer, number, perf_now_ns(), &s->chance);
    pulsar_message_set_content(message, s->text.data, s->text.len);
    return !text_failed(&s->text);
}

/* True: messages with the same payload are the same in all. */
static bool messages_are_same(const struct producing *p)
{
    return !p->config->key_mode && !p->config->event_time && p->delay_to_ms == 0 && !p->payload->patterns;
}

/* NULL: memory is short. */
static pulsar_message_t *message_make(struct sender *s, size_t choice, pulsar_producer_t *producer)
{
    const uint64_t number = atomic_fetch_add_explicit(&s->p->number, 1, memory_order_relaxed);
    pulsar_message_t *message = pulsar_message_create();

    if (!message || !message_content(s, message, choice, pulsar_producer_get_producer_name(producer), number)) {
        pulsar_message_free(message);
        return NULL;
    }
    message_key(s, message, number);
    message_delay(s, message);
    return message;
}

static void event_time_set(pulsar_message_t *message)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    pulsar_message_set_event_timestamp(message, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
}

/* False: memory is short. */
static bool message_send(struct sender *s, pulsar_producer_t *producer)
{
    struct producing *p = s->p;
    const size_t choice = perf_payload_choose(&p->payloads, &s->chance);
    pulsar_message_t *message = s->messages ? s->messages[choice] : message_make(s, choice, producer);
    struct send *send = send_take(s);

    if (message && send) {
        *send = (struct send){.sender = s, .len = pulsar_message_get_length(message)};
        send->due_ns = perf_due_wait(&p->meter, &s->pace);
        if (p->config->event_time)
            event_time_set(message);
        if (perf_stopped(&p->meter))
            send_return(send);
        else
            pulsar_producer_send_async(producer, message, on_receipt, send);
    } else {
        free(send);
    }
    if (!s->messages)
        pulsar_message_free(message);
    return message && send;
}

static void sender_run(void *ctx)
{
    struct sender *s = ctx;

    s->pace.next_ns = (double)perf_now_ns();
    for (; !perf_stopped(&s->p->meter) && s->sent < s->quota; s->sent++) {
        if (!message_send(s, s->producers[s->sent % s->count])) {
            atomic_store(&s->p->failure, pulsar_result_MemoryBufferIsFull);
            perf_stop(&s->p->meter);
        }
    }
}

/* ---- producers ---- */

static pulsar_compression_type compression_of(const char *name)
{
    static const pulsar_compression_type types[] = {pulsar_CompressionNone, pulsar_CompressionLZ4,
                                                    pulsar_CompressionZLib, pulsar_CompressionZSTD,
                                                    pulsar_CompressionSNAPPY};
    size_t i = 0;

    while (strcmp(compressions[i], name) != 0)
        i++;
    return types[i];
}

static pulsar_producer_access_mode access_of(const char *name)
{
    static const pulsar_producer_access_mode modes[] = {
        pulsar_ProducerAccessModeShared, pulsar_ProducerAccessModeExclusive,
        pulsar_ProducerAccessModeExclusiveWithFencing, pulsar_ProducerAccessModeWaitForExclusive};
    size_t i = 0;

    while (strcmp(accesses[i], name) != 0)
        i++;
    return modes[i];
}

static void producer_configure(const struct produce_config *c, pulsar_producer_configuration_t *conf)
{
    pulsar_producer_configuration_set_block_if_queue_full(conf, 1);
    pulsar_producer_configuration_set_send_timeout(conf, (int)c->send_timeout_ms);
    pulsar_producer_configuration_set_max_pending_messages(conf, (int)c->pending);
    pulsar_producer_configuration_set_max_pending_messages_across_partitions(conf, (int)c->pending_across);
    pulsar_producer_configuration_set_partitions_routing_mode(conf, pulsar_RoundRobinDistribution);
    pulsar_producer_configuration_set_compression_type(conf, compression_of(c->compression));
    pulsar_producer_configuration_set_access_mode(conf, access_of(c->access));
    pulsar_producer_configuration_set_batching_enabled(conf, !c->no_batching);
    pulsar_producer_configuration_set_batching_max_messages(conf, (unsigned)c->batch_messages);
    pulsar_producer_configuration_set_batching_max_allowed_size_in_bytes(conf, (unsigned long)c->batch_bytes);
    const double delay_ms = strtod(c->batch_delay, NULL);
    pulsar_producer_configuration_set_batching_max_publish_delay_ms(conf, delay_ms < 1 ? 1 : (unsigned long)delay_ms);
}

static void place_take(struct producing *p)
{
    while (sem_wait(&p->places) != 0)
        ; /* a signal came */
}

/* One producer that is being made. */
struct opening {
    struct producing *p;
    pulsar_producer_t **slot;
    const char *topic;
};

/* On a client's thread. */
static void on_open(pulsar_result result, pulsar_producer_t *producer, void *ctx)
{
    struct opening *o = ctx;
    struct producing *p = o->p;
    int none = pulsar_result_Ok;

    if (result == pulsar_result_Ok)
        *o->slot = producer;
    else if (atomic_compare_exchange_strong(&p->open_failure, &none, (int)result))
        p->open_failed = o->topic;
    free(o);
    (void)sem_post(&p->places);
}

/* Begins it, as soon as there is a place. */
static int producer_open(struct producing *p, pulsar_producer_t **slot, const char *topic, size_t number)
{
    const struct produce_config *c = p->config;
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    struct opening *o = malloc(sizeof *o);
    char name[300];

    if (!conf || !o) {
        pulsar_producer_configuration_free(conf);
        free(o);
        return client_failed(p->inv, "cannot send", pulsar_result_MemoryBufferIsFull);
    }
    producer_configure(c, conf);
    if (c->producer_name && *c->producer_name) {
        (void)snprintf(name, sizeof name, "%s%s%zu", c->producer_name, c->separator, number);
        pulsar_producer_configuration_set_producer_name(conf, name);
    }
    place_take(p);
    *o = (struct opening){.p = p, .slot = slot, .topic = topic};
    pulsar_client_create_producer_async(p->clients.at[number % p->clients.count], topic, conf, on_open, o);
    pulsar_producer_configuration_free(conf);
    return CLI_OK;
}

static bool messages_make(struct sender *s)
{
    const size_t count = s->p->payloads.count;

    if (!(s->messages = calloc(count, sizeof *s->messages)))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!(s->messages[i] = pulsar_message_create()) || !message_content(s, s->messages[i], i, "", 0))
            return false;
    }
    return true;
}

/* Its share, the first having what cannot be divided. */
static int sender_open(struct producing *p, struct sender *s, size_t index, double rate)
{
    const struct produce_config *c = p->config;
    const size_t threads = (size_t)c->threads, each = (size_t)c->producers;
    const uint64_t messages = (uint64_t)c->messages;
    int status = CLI_OK;

    *s = (struct sender){.p = p, .pace.per_second = rate >= RATE_NONE ? 0 : rate / (double)threads};
    text_init(&s->text, PERF_PAYLOAD_MAX);
    atomic_init(&s->returned, NULL);
    s->quota = messages == 0 ? UINT64_MAX : messages / threads + (index < messages % threads);
    random_init(&s->chance, index + 1);
    if (!(s->producers = calloc(p->topics.count * each, sizeof(pulsar_producer_t *))))
        return client_failed(p->inv, "cannot send", pulsar_result_MemoryBufferIsFull);
    for (size_t t = 0; t < p->topics.count && status == CLI_OK; t++) {
        for (size_t i = 0; i < each && status == CLI_OK && atomic_load(&p->open_failure) == pulsar_result_Ok; i++)
            status = producer_open(p, &s->producers[s->count++], p->topics.names[t],
                                   (index * p->topics.count + t) * each + i);
    }
    if (status == CLI_OK && messages_are_same(p) && !messages_make(s))
        status = client_failed(p->inv, "cannot send", pulsar_result_MemoryBufferIsFull);
    return status;
}

static int senders_open(struct producing *p, double rate)
{
    const size_t threads = (size_t)p->config->threads;
    int status = CLI_OK;

    if (!(p->senders = calloc(threads, sizeof *p->senders)))
        return client_failed(p->inv, "cannot send", pulsar_result_MemoryBufferIsFull);
    if (sem_init(&p->places, 0, OPENING_MAX) != 0)
        return client_failed(p->inv, "cannot send", pulsar_result_UnknownError);
    while (p->sender_count < threads && status == CLI_OK) {
        status = sender_open(p, &p->senders[p->sender_count], p->sender_count, rate);
        p->sender_count++;
    }
    for (size_t i = 0; i < OPENING_MAX; i++) /* all are made, or will not be */
        place_take(p);
    (void)sem_destroy(&p->places);
    const int failure = atomic_load(&p->open_failure);
    if (status == CLI_OK && failure != pulsar_result_Ok)
        status = client_failed(p->inv, p->open_failed, (pulsar_result)failure);
    return status;
}

static void sender_close(struct sender *s)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->producers[i])
            (void)pulsar_producer_close(s->producers[i]);
        pulsar_producer_free(s->producers[i]);
    }
}

static void sender_free(struct sender *s)
{
    free(s->producers);
    for (size_t i = 0; s->messages && i < s->p->payloads.count; i++)
        pulsar_message_free(s->messages[i]);
    free(s->messages);
    sends_free(s->spares);
    sends_free(atomic_load(&s->returned));
    text_deinit(&s->text);
}

/* Waits for the receipts of all. */
static void senders_close(struct producing *p)
{
    for (size_t i = 0; i < p->sender_count; i++)
        sender_close(&p->senders[i]);
}

/* After the clients: the thread of one that its guard closed may call back later than its producers are closed. */
static void senders_free(struct producing *p)
{
    for (size_t i = 0; i < p->sender_count; i++)
        sender_free(&p->senders[i]);
    free(p->senders);
}

/* ---- the whole ---- */

/* Ends when all senders have sent what they were to send. */
static void all_sent_stop(void *ctx)
{
    struct producing *p = ctx;

    for (size_t i = 0; i < p->sender_count; i++) {
        if (p->senders[i].thread)
            uv_thread_finish(p->senders[i].thread);
    }
    perf_stop(&p->meter);
}

static int senders_start(struct producing *p)
{
    for (size_t i = 0; i < p->sender_count; i++) {
        if (uv_thread_run(&p->senders[i].thread, "sender", sender_run, &p->senders[i]) != OK) {
            perf_stop(&p->meter);
            return client_failed(p->inv, "cannot start a thread", pulsar_result_UnknownError);
        }
    }
    return CLI_OK;
}

static int load_run(struct producing *p, const struct perf_config *config)
{
    struct uv_thread *joiner = NULL;
    int status = senders_start(p);

    if (uv_thread_run(&joiner, "joiner", all_sent_stop, p) != OK) {
        perf_stop(&p->meter);
        all_sent_stop(p);
        return client_failed(p->inv, "cannot start a thread", pulsar_result_UnknownError);
    }
    perf_meter_watch(&p->meter, config);
    uv_thread_finish(joiner);
    return status;
}

/* "FROM,TO" in seconds, or the one delay. */
static int delays_parse(struct producing *p)
{
    const struct produce_config *c = p->config;
    uint64_t from, to;

    p->delay_from_ms = p->delay_to_ms = (uint64_t)c->delay_s * 1000;
    if (!c->delay_range || !*c->delay_range)
        return CLI_OK;
    if (sscanf(c->delay_range, "%" SCNu64 ",%" SCNu64, &from, &to) != 2 || from > to || to > INT32_MAX)
        return cli_usage_error(p->inv, "--delay-range expects FROM,TO in seconds, not `%s`", c->delay_range);
    p->delay_from_ms = from * 1000;
    p->delay_to_ms = to * 1000;
    return CLI_OK;
}

/* A number that is not negative. */
static int number_parse(const struct invocation *inv, const char *flag, const char *text, double *out)
{
    char *end;

    *out = strtod(text, &end);
    if (end == text || *end || !(*out >= 0 && *out <= 1e12))
        return cli_usage_error(inv, "%s expects a number, not `%s`", flag, text);
    return CLI_OK;
}

/* What is freed stays with us: giving it back to the kernel and having it cleared anew would cost as much as the rest.
 */
static void memory_keep(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, MEMORY_KEPT / 8);
    (void)mallopt(M_TRIM_THRESHOLD, MEMORY_KEPT);
}

static int produce(struct invocation *inv, const struct produce_config *c, const struct perf_payload_config *payload,
                   const struct perf_config *config, const struct client_config *client)
{
    struct producing p = {.inv = inv, .config = c, .payload = payload};
    double rate = 0, warmup_s = 0, unused;
    int status = perf_meter_init(&p.meter, PERF_PRODUCE, inv, config);

    memory_keep();

    if (status == CLI_OK)
        status = number_parse(inv, "--rate", c->rate, &rate);
    if (status == CLI_OK)
        status = number_parse(inv, "--warmup-time", c->warmup, &warmup_s);
    if (status == CLI_OK)
        status = number_parse(inv, "--batch-time-window", c->batch_delay, &unused);
    if (status == CLI_OK)
        status = delays_parse(&p);
    if (status == CLI_OK)
        status = perf_topics_gather(&p.topics, inv, config);
    if (status == CLI_OK)
        status = perf_payloads_gather(&p.payloads, inv, payload);
    if (status == CLI_OK)
        status = perf_partitions_make(inv, client, p.topics.names, p.topics.count, c->partitions);
    if (status == CLI_OK)
        status = perf_clients_open(&p.clients, inv, config, client);
    if (status == CLI_OK)
        status = senders_open(&p, rate > 0 ? rate : RATE_NONE);
    if (status == CLI_OK)
        status = perf_clients_signals(&p.clients, inv, &p.meter);
    if (status == CLI_OK) {
        perf_meter_begin(&p.meter, config);
        p.warm_ns = p.meter.started_ns + (int64_t)(warmup_s * NS_PER_S);
        status = load_run(&p, config);
    }
    const bool ran = p.meter.started_ns > 0;
    senders_close(&p);
    if (ran)
        perf_meter_finish(&p.meter);
    const int failure = atomic_load(&p.failure);
    if (status == CLI_OK && failure != 0)
        status = client_failed(inv, "messages were not taken", (pulsar_result)failure);
    perf_clients_close(&p.clients);
    senders_free(&p);
    perf_payloads_free(&p.payloads);
    perf_topics_free(&p.topics);
    perf_meter_deinit(&p.meter);
    return status;
}

static int produce_run(struct invocation *inv)
{
    struct options sets[VERB_TABLES_MAX];
    struct produce_config config = {0};
    struct perf_payload_config payload = {0};
    struct perf_config perf = {0};
    struct client_config client = {0};
    void *const values[VERB_TABLES_MAX] = {&config, &payload, &perf, &client};
    int status = cli_configure(inv, sets, values);

    if (status == CLI_OK)
        status = produce(inv, &config, &payload, &perf, &client);
    cli_deconfigure(inv, sets);
    return status;
}

const struct verb perf_produce_verb = {
    .name = "produce",
    .on_topic = true,
    .arguments = "TOPIC...",
    .text = "Sends messages at a rate, and tells how long their receipts took.",
    .example = "  geminga perf produce my-topic -r 10000 -s 1024 -time 30\n",
    .tables = {VERB_TABLE(produce_rows), &perf_payload_table, &perf_table, &client_option_table},
    .foreign = &pulsar_perf_produce_keys,
    .run = produce_run,
};
