/* SPDX-License-Identifier: Apache-2.0
 *
 * store.c - `geminga store`: what lies in a data directory, looked at, checked, taken out, copied and put back.
 *
 * The verbs work on a directory that no broker has, and take its lock meanwhile.  Exit status of verify: 0 sound,
 * 1 damaged, 2 it could not look.
 */
#include "base/text.h"
#include "cli/store_verbs.h"
#include "store/inspect.h"
#include "store/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define JSON_MAX (16u * 1024)

static const struct option look_options[] = {
    STORE_DATA_OPTION,
    {.key = "json",
     .flag = "--json",
     .type = OPTION_BOOL,
     .fallback = "false",
     STORE_AT(json),
     .text = "One JSON object a line, for programs."},
};

static const struct option export_options[] = {
    STORE_DATA_OPTION,
    {.key = "topic",
     .flag = "--topic",
     .type = OPTION_TEXT,
     STORE_AT(topic),
     .text = "One topic's, by its whole name: persistent://tenant/namespace/topic; by default all."},
    {.key = "from", .flag = "--from", .type = OPTION_TEXT, STORE_AT(from), .text = "The first position: LEDGER:ENTRY."},
    {.key = "to", .flag = "--to", .type = OPTION_TEXT, STORE_AT(to), .text = "The last position: LEDGER:ENTRY."},
};

/* ---- a directory ---- */

int store_directory_open(const struct invocation *inv, const char *path, struct store_directory *d)
{
    struct stat st;
    enum err err;

    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        cli_error(inv, "there is no directory %s (--data DIR)", path);
        return STORE_CANNOT;
    }
    if ((err = uv_sys_new(&d->uv, path)) != OK) {
        cli_error(inv, "cannot use %s: %s", path, err_text(err));
        return STORE_CANNOT;
    }
    (void)snprintf(d->holder, sizeof d->holder, "%s, process %d", inv->path, (int)getpid());
    d->options = (struct store_options){.holder = d->holder};
    return CLI_OK;
}

int store_failed(const struct invocation *inv, const char *path, const char *message)
{
    cli_error(inv, "%s: %s", path, message);
    return STORE_CANNOT;
}

static int configure(struct invocation *inv, struct options *sets, struct store_config *config)
{
    void *const values[VERB_TABLES_MAX] = {config};
    int status = cli_configure(inv, sets, values);

    if (status == CLI_OK && inv->argc > 0)
        status = cli_usage_error(inv, "what is `%s`? A data directory is given as --data DIR", inv->argv[0]);
    return status;
}

/* ---- verify ---- */

struct printing {
    struct damage_sink sink;
    bool json;
};

static void damage_print_json(const struct damage *d, const char *whole)
{
    struct text out;

    text_init(&out, JSON_MAX);
    text_add(&out, "{\"damage\":");
    text_add_json(&out, bytes_of_text(whole));
    text_add(&out, ",\"file\":");
    text_add_json(&out, bytes_of_text(d->file));
    if (d->offset != DAMAGE_NOWHERE)
        text_printf(&out, ",\"offset\":%" PRIu64, d->offset);
    if (d->name.len > 0) {
        text_add(&out, ",\"topic\":");
        text_add_json(&out, d->name);
    }
    if (d->ledger > 0)
        text_printf(&out, ",\"ledger\":%" PRIu64, d->ledger);
    if (d->ledger > 0 && d->first >= 0)
        text_printf(&out, ",\"first\":%" PRId64 ",\"last\":%" PRId64, d->first, d->last);
    text_add(&out, ",\"what\":");
    text_add_json(&out, bytes_of_text(d->what));
    text_add(&out, "}\n");
    if (!text_failed(&out))
        (void)fputs(out.data, stdout);
    text_deinit(&out);
}

static void damage_print(struct damage_sink *sink, const struct damage *d)
{
    const struct printing *p = (const struct printing *)sink;
    char text[DAMAGE_TEXT_SIZE];

    damage_text(d, text);
    if (p->json)
        damage_print_json(d, text);
    else
        puts(text);
}

static void report_print(const struct verify_report *r, bool json)
{
    if (json) {
        printf("{\"sound\":%s,\"damages\":%" PRIu64 ",\"format\":%u,\"rows\":%" PRIu64 ",\"batches\":%" PRIu64
               ",\"records\":%" PRIu64 ",\"segment_files\":%" PRIu64 ",\"runs\":%" PRIu64 ",\"entries\":%" PRIu64
               ",\"entry_bytes\":%" PRIu64 ",\"unowned_files\":%" PRIu64 ",\"torn\":%s}\n",
               r->damages == 0 ? "true" : "false", r->damages, r->format, r->rows, r->batches, r->records,
               r->segment_files, r->runs, r->entries, r->entry_bytes, r->unowned_files, r->torn ? "true" : "false");
        return;
    }
    if (r->torn)
        puts("The journal ends with a write that a crash cut off; it was promised to nobody.");
    if (r->unowned_files > 0)
        printf("%" PRIu64 " segment files belong to nobody; the next start removes them.\n", r->unowned_files);
    printf("%s: format %u, %" PRIu64 " rows, %" PRIu64 " journal batches with %" PRIu64 " records, %" PRIu64
           " segment files with %" PRIu64 " entries (%" PRIu64 " bytes).\n",
           r->damages == 0 ? "Sound" : "Damaged", r->format, r->rows, r->batches, r->records, r->segment_files,
           r->entries, r->entry_bytes);
    if (r->damages > 0)
        printf("%" PRIu64 " damages were found.\n", r->damages);
}

int store_verify_print(const struct invocation *inv, const char *path, bool json)
{
    struct printing printing = {.sink = {.found = damage_print}, .json = json};
    struct verify_report report;
    char message[STORE_MESSAGE_SIZE];
    struct store_directory d;
    int status = store_directory_open(inv, path, &d);

    if (status != CLI_OK)
        return status;
    if (store_verify(&d.options, uv_sys_get(d.uv), &printing.sink, &report, message, sizeof message) != OK) {
        status = store_failed(inv, path, message);
    } else {
        report_print(&report, json);
        status = report.damages == 0 ? STORE_SOUND : STORE_DAMAGED;
    }
    uv_sys_free(d.uv);
    return status;
}

static int verify_run(struct invocation *inv)
{
    struct options sets[VERB_TABLES_MAX];
    struct store_config config = {0};
    int status = configure(inv, sets, &config);

    if (status == CLI_OK)
        status = store_verify_print(inv, config.data, config.json);
    cli_deconfigure(inv, sets);
    return status;
}

static const struct verb verify_verb = {
    .name = "verify",
    .arguments = "[--data DIR] [--json]",
    .text = "Reads every byte that matters of a stopped broker's data, and names what is damaged.",
    .example = "  geminga store verify --data /var/lib/geminga && echo sound\n",
    .tables = {VERB_TABLE(look_options)},
    .run = verify_run,
};

/* ---- inspect, export ---- */

static void out_line(struct inspect_out *out, const char *text)
{
    (void)out;
    puts(text);
}

/* Damage on standard error: standard output is for what was asked. */
static void damage_warn(struct damage_sink *sink, const struct damage *d)
{
    char text[DAMAGE_TEXT_SIZE];

    (void)sink;
    damage_text(d, text);
    (void)fprintf(stderr, "DAMAGED: %s\n", text);
}

static int inspect(const struct invocation *inv, const struct store_config *config, const char *file)
{
    struct inspect_out out = {.line = out_line, .json = config->json};
    struct damage_sink sink = {.found = damage_warn};
    char message[STORE_MESSAGE_SIZE];
    struct store_directory d;
    enum err err;
    int status = store_directory_open(inv, config->data, &d);

    if (status != CLI_OK)
        return status;
    if (file)
        err = store_inspect_file(uv_sys_get(d.uv), file, &out, message, sizeof message);
    else
        err = store_inspect(&d.options, uv_sys_get(d.uv), &out, &sink, message, sizeof message);
    if (err != OK)
        status = store_failed(inv, file ? file : config->data, message);
    else if (sink.count > 0)
        status = STORE_DAMAGED;
    uv_sys_free(d.uv);
    return status;
}

static int inspect_run(struct invocation *inv)
{
    struct options sets[VERB_TABLES_MAX];
    struct store_config config = {0};
    void *const values[VERB_TABLES_MAX] = {&config};
    int status = cli_configure(inv, sets, values);

    if (status == CLI_OK && inv->argc > 1)
        status = cli_usage_error(inv, "what is `%s`?", inv->argv[1]);
    if (status == CLI_OK)
        status = inspect(inv, &config, inv->argc == 1 ? inv->argv[0] : NULL);
    cli_deconfigure(inv, sets);
    return status;
}

static const struct verb inspect_verb = {
    .name = "inspect",
    .arguments = "[--data DIR] [--json] [FILE]",
    .text = "Tells what is in a stopped broker's data: formats, files, topics, ledgers, cursors; or in one file of it.",
    .example = "  geminga store inspect --data data\n"
               "  geminga store inspect --data data journal/00000001.journal\n",
    .tables = {VERB_TABLE(look_options)},
    .run = inspect_run,
};

/* "12:34"; `to` is unchanged when there is no text. */
static bool position_parse(const char *text, struct position *to)
{
    int64_t ledger, entry;
    int end = 0;

    if (!text || !*text)
        return true;
    if (sscanf(text, "%" SCNd64 ":%" SCNd64 "%n", &ledger, &entry, &end) != 2 || text[end] != '\0' || ledger < 0 ||
        entry < 0)
        return false;
    *to = (struct position){ledger, entry};
    return true;
}

static int export(const struct invocation *inv, const struct store_config *config, const struct export_request *request)
{
    struct inspect_out out = {.line = out_line, .json = true};
    struct damage_sink sink = {.found = damage_warn};
    struct export_report report;
    char message[STORE_MESSAGE_SIZE];
    struct store_directory d;
    int status = store_directory_open(inv, config->data, &d);

    if (status != CLI_OK)
        return status;
    if (store_export(&d.options, uv_sys_get(d.uv), request, &out, &sink, &report, message, sizeof message) != OK)
        status = store_failed(inv, config->data, message);
    else if (sink.count > 0)
        status = STORE_DAMAGED;
    uv_sys_free(d.uv);
    return status;
}

static int export_run(struct invocation *inv)
{
    struct options sets[VERB_TABLES_MAX];
    struct store_config config = {0};
    int status = configure(inv, sets, &config);
    struct export_request request = {.from = {0, 0}, .to = {INT64_MAX, INT64_MAX}};

    if (status == CLI_OK && (!position_parse(config.from, &request.from) || !position_parse(config.to, &request.to)))
        status = cli_usage_error(inv, "a position is LEDGER:ENTRY, as 12:0");
    request.topic = config.topic && *config.topic ? config.topic : NULL;
    if (status == CLI_OK)
        status = export(inv, &config, &request);
    cli_deconfigure(inv, sets);
    return status;
}

static const struct verb export_verb = {
    .name = "export",
    .arguments = "[--data DIR] [--topic NAME] [--from LEDGER:ENTRY] [--to LEDGER:ENTRY]",
    .text = "Writes a stopped broker's entries to standard output, one JSON object a line.",
    .example = "  geminga store export --data data --topic persistent://public/default/orders > orders.jsonl\n",
    .tables = {VERB_TABLE(export_options)},
    .run = export_run,
};

/* ---- all of them ---- */

static const struct verb *const store_verbs[] = {&inspect_verb,      &verify_verb,        &export_verb,
                                                 &store_backup_verb, &store_restore_verb, NULL};

const struct verb store_verb = {
    .name = "store",
    .text =
        "Looks into a broker's data directory, checks every byte of it, takes entries out, backs it up, restores it.",
    .example = "  geminga store inspect --data data\n  geminga store verify --data data\n",
    .verbs = store_verbs,
};
