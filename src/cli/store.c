/* SPDX-License-Identifier: Apache-2.0
 *
 * store.c - `geminga store`: what lies in a data directory, looked at, checked, taken out, copied and put back.
 *
 * The verbs work on a directory that no broker has, and take its lock meanwhile.  Exit status of verify: 0 sound,
 * 1 damaged, 2 it could not look.
 */
#include "base/text.h"
#include "cli/cli.h"
#include "store/verify.h"
#include "sys/uv_sys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MESSAGE_SIZE 600
#define JSON_MAX     (16u * 1024)

enum { STORE_SOUND = 0, STORE_DAMAGED = 1, STORE_CANNOT = 2 };

struct store_config {
    char *data;
    bool json;
};

#define AT(member) .offset = offsetof(struct store_config, member)

#define DATA_OPTION                                                                                                    \
    {                                                                                                                  \
        .key = "data", .env = "GEMINGA_DATA", .flag = "--data", .type = OPTION_TEXT, .fallback = "data", AT(data),     \
        .text = "The broker's data directory."                                                                         \
    }

static const struct option look_options[] = {
    DATA_OPTION,
    {.key = "json",
     .flag = "--json",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(json),
     .text = "One JSON object a line, for programs."},
};

/* ---- a directory ---- */

struct opened {
    struct uv_sys *uv;
    struct store_options options;
    char holder[96];
};

/* STORE_CANNOT, said: there is no such directory. */
static int directory_open(const struct invocation *inv, const char *path, struct opened *d)
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

static int failed(const struct invocation *inv, const char *path, const char *message)
{
    cli_error(inv, "%s: %s", path, message);
    return STORE_CANNOT;
}

static int configure(struct invocation *inv, struct options *sets, struct store_config *config)
{
    void *const values[VERB_TABLES_MAX] = {config};
    int status = cli_configure(inv, sets, values);

    if (status == CLI_OK && inv->argc > 0)
        status = cli_usage_error(inv, "what is `%s`?", inv->argv[0]);
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

static int verify(const struct invocation *inv, const struct store_config *config)
{
    struct printing printing = {.sink = {.found = damage_print}, .json = config->json};
    struct verify_report report;
    char message[MESSAGE_SIZE];
    struct opened d;
    int status = directory_open(inv, config->data, &d);

    if (status != CLI_OK)
        return status;
    if (store_verify(&d.options, uv_sys_get(d.uv), &printing.sink, &report, message, sizeof message) != OK) {
        status = failed(inv, config->data, message);
    } else {
        report_print(&report, config->json);
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
        status = verify(inv, &config);
    cli_deconfigure(inv, sets);
    return status;
}

static const struct verb verify_verb = {
    .name = "verify",
    .arguments = "[--data DIR] [--json]",
    .text = "Reads every byte that matters of a stopped broker's data, and names what is damaged.",
    .example = "  geminga store verify --data /var/lib/geminga && echo sound\n",
    .tables = {OPTION_TABLE(look_options)},
    .run = verify_run,
};

/* ---- all of them ---- */

static const struct verb *const store_verbs[] = {&verify_verb, NULL};

const struct verb store_verb = {
    .name = "store",
    .text = "Looks into a stopped broker's data directory: checks it, and tells what is in it.",
    .example = "  geminga store verify --data data\n",
    .verbs = store_verbs,
};
