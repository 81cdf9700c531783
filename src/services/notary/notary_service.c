/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_service.c - opening in order (directory, lock, key, log), running, closing in reverse.
 */
#include "services/notary/notary_service.h"

#include "services/notary/book_file.h"
#include "services/notary/files.h"
#include "services/notary/key_file.h"
#include "services/notary/log_file.h"
#include "services/notary/notary.h"
#include "services/notary/receipt.h"
#include "services/runtime/runtime.h"
#include "services/runtime/trace_export.h"
#include "sys/uv_sys.h"
#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TOPIC_MAX   2048
#define LOCK_PATH   "notary.lock"
#define LOG_KEY_MAX (64u << 10)
#define TOPICS      (NOTARY_OUTPUTS + 1)
#define INPUT_TOPIC NOTARY_OUTPUTS

struct notary_service {
    /* Set at the start. */
    const struct notary_settings *settings;
    struct log *log;
    notary_ended ended;
    void *ctx;
    struct uv_sys *sys; /* the disk and the clocks; its loop does not run */
    struct key_file *key;
    struct signer *signer; /* may be the key's own */
    struct log_file *log_file;
    struct text topics[TOPICS];
    struct book_file book;
    struct notary *notary; /* the thread's */
    struct counters counters;
    struct trace_export *traces; /* NULL: tracing is off */
    struct runtime *runtime;
    struct uv_thread *thread;
    uint64_t start_ns;
};

static struct sys *sys_of(const struct notary_service *s)
{
    return uv_sys_get(s->sys);
}

static int64_t wall_ms(void *ctx)
{
    return loop_wall_ms(ctx);
}

/* ---- opening ---- */

static enum err open_directory(struct notary_service *s, char *message, size_t size)
{
    const char *directory = s->settings->own.data_dir;
    char holder[64], other[64] = "";
    struct disk *disk;
    enum err err = uv_sys_new(&s->sys, directory);

    if (err != OK) {
        snprintf(message, size, "cannot use the data directory %s: %s", directory, err_text(err));
        return err;
    }
    disk = sys_of(s)->disk;
    snprintf(holder, sizeof holder, "geminga notary, process %d", (int)getpid());
    err = disk->ops->lock(disk, LOCK_PATH, holder, other, sizeof other);
    if (err == ERR_BUSY)
        snprintf(message, size, "the data directory %s is in use by %s", directory, other);
    else if (err != OK)
        snprintf(message, size, "cannot lock the data directory %s: %s", directory, err_text(err));
    return err;
}

/* A log without its key could only be gone on with under another name: that is for people to decide. */
static enum err make_key(struct notary_service *s, char *message, size_t size)
{
    uint8_t seed[KEY_FILE_SEED_LEN];
    struct sys *sys = sys_of(s);
    enum err err;

    if (log_file_exists(sys->disk)) {
        snprintf(message, size,
                 "%s has a transparency log and no " KEY_FILE_PRIVATE ": restore the key, or begin another "
                 "log in another directory",
                 s->settings->own.data_dir);
        return ERR_INVALID;
    }
    sys->loop->ops->entropy(sys->loop, seed, sizeof seed);
    err = key_file_create(&s->key, sys->disk, seed);
    OPENSSL_cleanse(seed, sizeof seed);
    if (err == OK)
        log_info(s->log, "notary", "made a new Ed25519 key in %s/" KEY_FILE_PRIVATE, s->settings->own.data_dir);
    return err;
}

/* The key that all replicas have. */
static enum err adopt_key(struct notary_service *s, const char *path, char *message, size_t size)
{
    struct text pem;
    enum err err;

    text_init(&pem, LOG_KEY_MAX);
    if ((err = file_read_whole(path, &pem)) != OK)
        snprintf(message, size, "cannot read notary.log.key_file %s: %s", path,
                 err == ERR_IO ? strerror(errno) : err_text(err));
    else if ((err = key_file_adopt(&s->key, sys_of(s)->disk, bytes_of(pem.data, pem.len))) == ERR_INVALID)
        snprintf(message, size, "notary.log.key_file %s is not an Ed25519 private key (PEM, PKCS #8)", path);
    if (pem.data)
        OPENSSL_cleanse(pem.data, pem.len);
    text_deinit(&pem);
    return err;
}

static enum err open_key(struct notary_service *s, char *message, size_t size)
{
    const char *path = s->settings->own.log_key_file;
    enum err err;

    message[0] = '\0';
    if (path && *path)
        return adopt_key(s, path, message, size);
    err = key_file_open(&s->key, sys_of(s)->disk);
    if (err == ERR_NOT_FOUND)
        err = make_key(s, message, size);
    if (err == ERR_INVALID && !message[0])
        snprintf(message, size, "%s/" KEY_FILE_PRIVATE " is not an Ed25519 private key (PEM, PKCS #8)",
                 s->settings->own.data_dir);
    else if (err != OK && !message[0])
        snprintf(message, size, "cannot use %s/" KEY_FILE_PRIVATE ": %s", s->settings->own.data_dir, err_text(err));
    return err;
}

static enum err open_signer(struct notary_service *s, char *message, size_t size)
{
    struct signer *log_key = key_file_signer(s->key);
    char why[400];
    enum err err = signer_open(&s->signer, &s->settings->signer, log_key, message, size);

    if (err != OK || s->signer == log_key)
        return err;
    err = signer_check(s->signer, why, sizeof why);
    if (err == OK)
        log_info(s->log, "signer", "%s", why);
    else if (err == ERR_INVALID || err == ERR_UNSUPPORTED || err == ERR_DENIED)
        snprintf(message, size, "cannot sign: %s", why);
    else
        log_warn(s->log, "signer", "cannot sign yet: %s; it is tried again for each event", why);
    return err == ERR_INVALID || err == ERR_UNSUPPORTED || err == ERR_DENIED ? err : OK;
}

static enum err open_log(struct notary_service *s, char *message, size_t size)
{
    struct sys *sys = sys_of(s);
    struct log_file_options options = {.disk = sys->disk,
                                       .signer = key_file_signer(s->key),
                                       .url = s->settings->own.log_url,
                                       .record_holds = receipt_record_holds,
                                       .log = s->log};
    char why[600], root[DIGEST_HEX_SIZE];
    struct digest d;
    uint64_t begin_ns = loop_now_ns(sys->loop);
    enum err err;

    sys->loop->ops->entropy(sys->loop, options.seed, sizeof options.seed);
    if ((err = log_file_open(&s->log_file, &options, why, sizeof why)) != OK) {
        snprintf(message, size, "%s/%s%s", s->settings->own.data_dir, why[0] ? why : LOG_FILE_PATH ": ",
                 why[0] ? "" : err_text(err));
        return err;
    }
    d = log_file_root(s->log_file);
    digest_hex(&d, root);
    log_info(s->log, "notary", "the transparency log has %" PRIu64 " entries, root %s, checked in %" PRIu64 " ms",
             log_file_size(s->log_file), root, (uint64_t)((loop_now_ns(sys->loop) - begin_ns) / NS_PER_MS));
    return OK;
}

static enum err make_notary(struct notary_service *s)
{
    struct notary_options options = {.book = &s->book.book,
                                     .log_key = key_file_signer(s->key),
                                     .signer = s->signer,
                                     .log_url = s->settings->own.log_url,
                                     .clock = {wall_ms, sys_of(s)->loop},
                                     .tracer = trace_export_tracer(s->traces)};
    struct loop *loop = sys_of(s)->loop;

    loop->ops->entropy(loop, (uint8_t *)&options.seed, sizeof options.seed);
    book_file_init(&s->book, log_file_port(s->log_file));
    return notary_new(&s->notary, &options);
}

static enum err make_runtime(struct notary_service *s)
{
    enum err err;
    const struct pulsar_settings *p = &s->settings->pulsar;
    const char *names[TOPICS] = {[NOTARY_RESULTS] = p->results_topic,
                                 [NOTARY_STATUS] = p->status_topic,
                                 [NOTARY_ERRORS] = p->errors_topic,
                                 [INPUT_TOPIC] = p->events_topic};
    struct runtime_options options = {.service = "notary",
                                      .settings = p,
                                      .output_count = NOTARY_OUTPUTS,
                                      .counters = &s->counters,
                                      .clocks = sys_of(s)->loop,
                                      .log = s->log};

    for (size_t i = 0; i < TOPICS; i++) {
        text_init(&s->topics[i], TOPIC_MAX);
        pulsar_topic_name(p, names[i], &s->topics[i]);
        if (text_failed(&s->topics[i]))
            return ERR_TOO_LARGE;
        if (i < NOTARY_OUTPUTS)
            options.outputs[i] = s->topics[i].data;
    }
    options.inputs[NOTARY_EVENTS] = s->topics[INPUT_TOPIC].data;
    options.input_count = 1;
    if ((err = make_notary(s)) != OK)
        return err;
    options.handler = notary_handler(s->notary);
    return runtime_new(&s->runtime, &options);
}

/* ---- running ---- */

static void run(void *ctx)
{
    struct notary_service *s = ctx;
    struct notary_counts counts;
    char message[1200] = "";
    enum err err = notary_lead(s->notary);

    if (err == OK)
        err = runtime_run(s->runtime, message, sizeof message);
    counts = notary_counts(s->notary);
    if (err == OK)
        log_info(s->log, "notary", "stopped: %" PRIu64 " notarized, %" PRIu64 " notarized before, %" PRIu64 " refused",
                 counts.notarized, counts.repeated, counts.refused);
    else
        log_error(s->log, "notary", "%s", message);
    if (s->ended)
        s->ended(s->ctx, err, message);
}

static enum err open_all(struct notary_service *s, char *message, size_t size)
{
    enum err err;

    if ((err = notary_settings_check(s->settings, message, size)) != OK ||
        (err = open_directory(s, message, size)) != OK || (err = open_key(s, message, size)) != OK ||
        (err = open_signer(s, message, size)) != OK || (err = open_log(s, message, size)) != OK)
        return err;
    s->start_ns = loop_now_ns(sys_of(s)->loop);
    if ((err = trace_export_start(&s->traces, &s->settings->pulsar, sys_of(s)->loop, s->log)) != OK ||
        (err = make_runtime(s)) != OK || (err = uv_thread_run(&s->thread, "notary", run, s)) != OK)
        snprintf(message, size, "cannot start the notary: %s", err_text(err));
    return err;
}

enum err notary_start(struct notary_service **out, const struct notary_settings *settings, struct log *log,
                      notary_ended ended, void *ctx, char *message, size_t message_size)
{
    struct notary_service *s = calloc(1, sizeof *s);
    enum err err;

    if (!s) {
        snprintf(message, message_size, "cannot start the notary: %s", err_text(ERR_NOMEM));
        return ERR_NOMEM;
    }
    s->settings = settings;
    s->log = log;
    s->ended = ended;
    s->ctx = ctx;
    counters_init(&s->counters, "notary");
    if ((err = open_all(s, message, message_size)) != OK) {
        notary_finish(s);
        return err;
    }
    *out = s;
    return OK;
}

void notary_stop(struct notary_service *s)
{
    runtime_stop(s->runtime);
}

void notary_finish(struct notary_service *s)
{
    if (!s)
        return;
    uv_thread_finish(s->thread);
    runtime_free(s->runtime);
    notary_free(s->notary);
    trace_export_stop(s->traces);
    log_file_close(s->log_file);
    signer_close(s->signer);
    key_file_close(s->key);
    for (size_t i = 0; i < TOPICS; i++)
        text_deinit(&s->topics[i]);
    counters_deinit(&s->counters);
    if (s->sys)
        uv_sys_free(s->sys);
    free(s);
}

/* ---- being asked ---- */

struct signer *notary_log_key(struct notary_service *s)
{
    return key_file_signer(s->key);
}

struct loop *notary_clocks(struct notary_service *s)
{
    return sys_of(s)->loop;
}

bool notary_is_ready(struct notary_service *s)
{
    return runtime_is_ready(s->runtime);
}

void notary_metrics(struct notary_service *s, struct text *out)
{
    counters_write(&s->counters, out);
    trace_metrics(trace_export_tracer(s->traces), out);
}

void notary_health(struct notary_service *s, struct text *out)
{
    bool ready = notary_is_ready(s);

    text_printf(out,
                "{\"status\":\"%s\",\"service\":\"notary\",\"pulsar_broker\":\"%s\",\"uptime_seconds\":%" PRIu64 "}",
                ready ? "healthy" : "unhealthy", ready ? "healthy" : "unhealthy",
                (loop_now_ns(sys_of(s)->loop) - s->start_ns) / 1000000000);
}
