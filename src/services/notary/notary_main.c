/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_main.c - `geminga notary` and its verbs, but for the demo.
 */
#include "services/notary/event.h"
#include "services/notary/evidence.h"
#include "services/notary/files.h"
#include "services/notary/notary_service.h"
#include "services/notary/notary_verbs.h"
#include "services/notary/verify.h"
#include "services/runtime/status_http.h"
#include "sys/loop.h"
#include "sys/uv_sys.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CONFIG_DEFAULT "config/pulsar.toml"
#define CONFIG_MAX     (1u << 20)
#define REPORT_MAX     (64u << 10)
#define PUBLIC_KEY_MAX (64u << 10)

static const char usage[] =
    "usage: geminga notary [--config FILE] [--data DIR] [--service-url URL] [--log-level LEVEL]\n"
    "       geminga notary verify RECEIPT --event FILE [--public-key FILE] [--extract DIR]\n"
    "       geminga notary evidence EVENT\n"
    "       geminga notary demo [--service-url URL] [--timeout SECONDS] [--save DIR]\n"
    "\n"
    "Without a verb: notarizes the events of a topic, until SIGTERM or Ctrl-C.\n"
    "  verify    checks a NotaryResult, or a receipt out of one, against its event, without any network\n"
    "  evidence  prints the evidence package of an event: the bytes that are hashed and signed\n"
    "  demo      sends one sample event, waits for its receipt and verifies it\n"
    "\n"
    "Settings come from --config FILE (" CONFIG_DEFAULT " when it is there), then the environment, then flags:\n";

void notary_complain(const char *format, ...)
{
    va_list args;

    fputs("geminga notary: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* ---- flags and settings ---- */

bool notary_take_flag(int *argc, char **argv, const char *name, const char **value)
{
    size_t len = strlen(name);
    int kept = 0;

    *value = NULL;
    for (int i = 0; i < *argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            if (i + 1 == *argc) {
                notary_complain("%s needs a value", name);
                return false;
            }
            *value = argv[++i];
        } else if (strncmp(argv[i], name, len) == 0 && argv[i][len] == '=') {
            *value = argv[i] + len + 1;
        } else {
            argv[kept++] = argv[i];
        }
    }
    *argc = kept;
    return true;
}

static const char *environment(const char *name, void *ctx)
{
    return getenv(name);
}

static enum err read_config(struct options *sets, const char *config, char *message, size_t size)
{
    struct text text;
    enum err err;

    if (!config && access(CONFIG_DEFAULT, R_OK) != 0)
        return OK;
    config = config ? config : CONFIG_DEFAULT;
    text_init(&text, CONFIG_MAX);
    if ((err = file_read_whole(config, &text)) != OK)
        snprintf(message, size, "cannot read %s: %s", config, err == ERR_IO ? strerror(errno) : err_text(err));
    else
        err = options_read(sets, config, bytes_of(text.data, text.len), message, size);
    text_deinit(&text);
    return err;
}

int notary_configure(struct notary_settings *settings, struct options sets[NOTARY_TABLES], int *argc, char **argv)
{
    char message[600] = "out of memory";
    const char *config;

    if (notary_settings_init(settings, sets) != OK) {
        notary_complain("%s", message);
        return NOTARY_EXIT_FAILED;
    }
    if (!notary_take_flag(argc, argv, "--config", &config))
        return NOTARY_EXIT_USAGE;
    if (read_config(sets, config, message, sizeof message) != OK ||
        options_env(sets, environment, NULL, message, sizeof message) != OK) {
        notary_complain("%s", message);
        return NOTARY_EXIT_FAILED;
    }
    if (options_flags(sets, argc, argv, message, sizeof message) != OK) {
        notary_complain("%s", message);
        return NOTARY_EXIT_USAGE;
    }
    return NOTARY_EXIT_OK;
}

/* ---- run ---- */

/* The foreground: the main thread waits for signals, and for the service to end. */
struct foreground {
    struct uv_sys *sys;
    struct notary_service *service;
    struct status_http *http; /* NULL unless it is asked for */
    enum err err;
    bool asked;
};

static void on_signal(void *ctx, int signal)
{
    struct foreground *f = ctx;

    if (f->asked)
        _exit(128 + signal); /* asked twice: now */
    f->asked = true;
    notary_stop(f->service);
}

static void on_ended(void *ctx, enum err err, const char *why)
{
    struct foreground *f = ctx;

    f->err = err;
    uv_sys_stop(f->sys);
}

static int64_t log_clock(void *ctx)
{
    return loop_wall_ms(ctx);
}

static bool health(void *ctx, struct text *body)
{
    notary_health(ctx, body);
    return notary_is_ready(ctx);
}

static void metrics(void *ctx, struct text *body)
{
    notary_metrics(ctx, body);
}

static enum err start_http(struct foreground *f, const struct notary_own_settings *own, struct log *log)
{
    struct status_source source = {.health = health, .metrics = metrics, .ctx = f->service};
    char message[400];
    enum err err;

    if (!own->http_enabled)
        return OK;
    err = status_http_start(&f->http, own->http_bind, (uint16_t)own->http_port, source, log, message, sizeof message);
    if (err != OK)
        notary_complain("%s", message);
    return err;
}

/* Serves until a signal, or the service's own end. */
static enum err serve(struct foreground *f, const struct notary_own_settings *own, struct log *log)
{
    enum err err;

    if ((err = start_http(f, own, log)) == OK && (err = uv_sys_on_signal(f->sys, on_signal, f)) == OK)
        uv_sys_run(f->sys);
    else
        notary_stop(f->service);
    status_http_stop(f->http);
    notary_finish(f->service);
    return err == OK ? f->err : err;
}

static int run_in_foreground(const struct notary_settings *settings)
{
    struct foreground f = {0};
    struct log log = {.level = notary_log_level(settings), .wall_ms = log_clock};
    char message[1200];
    enum err err;

    if ((err = uv_sys_new(&f.sys, NULL)) != OK) {
        notary_complain("cannot start: %s", err_text(err));
        return NOTARY_EXIT_FAILED;
    }
    log.ctx = uv_sys_get(f.sys)->loop;
    err = notary_start(&f.service, settings, &log, on_ended, &f, message, sizeof message);
    if (err == OK)
        err = serve(&f, &settings->own, &log);
    else
        notary_complain("%s", message);
    uv_sys_free(f.sys);
    return err == OK ? NOTARY_EXIT_OK : NOTARY_EXIT_FAILED;
}

int notary_verb_run(int argc, char **argv)
{
    struct notary_settings settings;
    struct options sets[NOTARY_TABLES];
    int status = notary_configure(&settings, sets, &argc, argv);

    if (status == NOTARY_EXIT_OK && argc > 0) {
        notary_complain("what is %s? Try geminga notary --help", argv[0]);
        status = NOTARY_EXIT_USAGE;
    }
    if (status == NOTARY_EXIT_OK)
        status = run_in_foreground(&settings);
    notary_settings_deinit(sets);
    return status;
}

/* ---- verify, evidence ---- */

static bool read_named(const char *path, struct text *to)
{
    enum err err = file_read_whole(path, to);

    if (err != OK)
        notary_complain("cannot read %s: %s", path, err == ERR_IO ? strerror(errno) : err_text(err));
    return err == OK;
}

static bool read_public_key(const char *path, struct public_key *key)
{
    struct text pem;
    bool done = false;
    enum err err;

    text_init(&pem, PUBLIC_KEY_MAX);
    if (read_named(path, &pem)) {
        err = public_key_from_pem(key, bytes_of(pem.data, pem.len));
        done = err == OK;
        if (!done)
            notary_complain("%s is not an Ed25519 public key in PEM", path);
    }
    text_deinit(&pem);
    return done;
}

static bool extract_one(const char *directory, const char *name, struct bytes bytes)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    if (file_write_whole(path, bytes) == OK)
        return true;
    notary_complain("cannot write %s: %s", path, strerror(errno));
    return false;
}

/* The pieces as files, for openssl, sha256sum and the like. */
static bool extract(const char *directory, const struct verify_pieces *p)
{
    struct text pem;
    bool done;

    text_init(&pem, PUBLIC_KEY_MAX);
    public_key_to_pem(&p->key, &pem);
    done = extract_one(directory, "evidence.json", bytes_of(p->evidence.data, p->evidence.len)) &&
           extract_one(directory, "signature.bin", signature_bytes(&p->signature)) &&
           extract_one(directory, "public_key.pem", bytes_of(pem.data, pem.len)) &&
           extract_one(directory, "leaf.json", bytes_of(p->leaf.data, p->leaf.len)) &&
           extract_one(directory, "checkpoint.txt", bytes_of(p->checkpoint.data, p->checkpoint.len)) &&
           extract_one(directory, "checkpoint.sig", signature_bytes(&p->checkpoint_signature));
    text_deinit(&pem);
    return done;
}

static int verify(const struct text *receipt, const struct text *event, const struct public_key *trusted,
                  const char *directory)
{
    struct verify_pieces pieces;
    struct text report;
    bool verified;
    int status = NOTARY_EXIT_FAILED;

    text_init(&report, REPORT_MAX);
    if (verify_receipt(bytes_of(receipt->data, receipt->len), bytes_of(event->data, event->len), trusted, &report,
                       &pieces, &verified) != OK) {
        notary_complain("out of memory");
        goto out;
    }
    printf("%s%s\n", report.data, verified ? "verified" : "REFUSED: this receipt does not prove this event");
    if (verified && (!directory || extract(directory, &pieces)))
        status = NOTARY_EXIT_OK;
    verify_pieces_deinit(&pieces);
out:
    text_deinit(&report);
    return status;
}

int notary_verb_verify(int argc, char **argv)
{
    const char *event_path, *key_path, *directory;
    struct text receipt, event;
    struct public_key key;
    int status = NOTARY_EXIT_FAILED;

    if (!notary_take_flag(&argc, argv, "--event", &event_path) ||
        !notary_take_flag(&argc, argv, "--public-key", &key_path) ||
        !notary_take_flag(&argc, argv, "--extract", &directory))
        return NOTARY_EXIT_USAGE;
    if (argc != 1 || !event_path || argv[0][0] == '-') {
        notary_complain("verify needs a receipt and its event: geminga notary verify RECEIPT --event FILE");
        return NOTARY_EXIT_USAGE;
    }
    text_init(&receipt, 2 * VERIFY_DOCUMENT_MAX);
    text_init(&event, 2 * EVENT_BYTES_MAX);
    if (read_named(argv[0], &receipt) && read_named(event_path, &event) &&
        (!key_path || read_public_key(key_path, &key)))
        status = verify(&receipt, &event, key_path ? &key : NULL, directory);
    text_deinit(&receipt);
    text_deinit(&event);
    return status;
}

static int print_evidence(const struct text *bytes)
{
    struct faults faults;
    struct event event;
    struct text evidence;
    int status = NOTARY_EXIT_FAILED;

    if (faults_init(&faults) != OK)
        return status;
    text_init(&evidence, EVIDENCE_BYTES_MAX);
    if (event_parse(&event, bytes_of(bytes->data, bytes->len), &faults) == OK &&
        evidence_build(&event, &evidence) == OK && fwrite(evidence.data, 1, evidence.len, stdout) == evidence.len &&
        fflush(stdout) == 0)
        status = NOTARY_EXIT_OK;
    for (size_t i = 0; i < json_array_size(faults.list); i++)
        notary_complain("%s", json_string_value(json_array_get(faults.list, i)));
    text_deinit(&evidence);
    event_deinit(&event);
    faults_deinit(&faults);
    return status;
}

int notary_verb_evidence(int argc, char **argv)
{
    struct text event;
    int status = NOTARY_EXIT_FAILED;

    if (argc != 1 || argv[0][0] == '-') {
        notary_complain("evidence needs an event: geminga notary evidence EVENT");
        return NOTARY_EXIT_USAGE;
    }
    text_init(&event, 2 * EVENT_BYTES_MAX);
    if (read_named(argv[0], &event))
        status = print_evidence(&event);
    text_deinit(&event);
    return status;
}

/* ---- which verb ---- */

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} verbs[] = {
    {"verify", notary_verb_verify},
    {"evidence", notary_verb_evidence},
    {"demo", notary_verb_demo},
};
#define VERBS (sizeof verbs / sizeof *verbs)

static int print_usage(void)
{
    struct notary_settings settings;
    struct options sets[NOTARY_TABLES];
    struct text help;

    text_init(&help, CONFIG_MAX);
    if (notary_settings_init(&settings, sets) == OK)
        options_help(sets, &help);
    printf("%s%s", usage, help.data ? help.data : "");
    printf("\nexample:\n  geminga notary --config config/pulsar.toml\n"
           "  geminga notary verify result.json --event event.json --public-key data/notary/notary.pub\n");
    text_deinit(&help);
    notary_settings_deinit(sets);
    return NOTARY_EXIT_OK;
}

static int unknown_verb(const char *word)
{
    const char *names[VERBS], *near;

    for (size_t i = 0; i < VERBS; i++)
        names[i] = verbs[i].name;
    near = nearest_word(word, names, VERBS);
    notary_complain("no verb %s%s%s%s; try geminga notary --help", word, near ? " (did you mean " : "",
                    near ? near : "", near ? "?)" : "");
    return NOTARY_EXIT_USAGE;
}

int notary_main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return print_usage();
    if (argc < 2 || argv[1][0] == '-')
        return notary_verb_run(argc - 1, argv + 1);
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(argv[1], verbs[i].name) == 0)
            return verbs[i].run(argc - 2, argv + 2);
    return unknown_verb(argv[1]);
}
