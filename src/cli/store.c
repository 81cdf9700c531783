/* SPDX-License-Identifier: Apache-2.0
 *
 * store.c - `geminga store`: what lies in a data directory, looked at, checked, taken out, copied and put back.
 *
 * The verbs work on a directory that no broker has, and take its lock meanwhile.  Exit status of verify: 0 sound,
 * 1 damaged, 2 it could not look.
 */
#include "base/text.h"
#include "cli/cli.h"
#include "store/backup.h"
#include "store/inspect.h"
#include "store/verify.h"
#include "sys/uv_sys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_SIZE 600
#define JSON_MAX     (16u * 1024)

enum { STORE_SOUND = 0, STORE_DAMAGED = 1, STORE_CANNOT = 2 };

struct store_config {
    char *data;
    bool json;
    char *topic, *from, *to; /* export */
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

static const struct option export_options[] = {
    DATA_OPTION,
    {.key = "topic",
     .flag = "--topic",
     .type = OPTION_TEXT,
     AT(topic),
     .text = "One topic's, by its whole name: persistent://tenant/namespace/topic; by default all."},
    {.key = "from", .flag = "--from", .type = OPTION_TEXT, AT(from), .text = "The first position: LEDGER:ENTRY."},
    {.key = "to", .flag = "--to", .type = OPTION_TEXT, AT(to), .text = "The last position: LEDGER:ENTRY."},
};

static const struct option copy_options[] = {DATA_OPTION};

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
    char message[MESSAGE_SIZE];
    struct opened d;
    enum err err;
    int status = directory_open(inv, config->data, &d);

    if (status != CLI_OK)
        return status;
    if (file)
        err = store_inspect_file(uv_sys_get(d.uv), file, &out, message, sizeof message);
    else
        err = store_inspect(&d.options, uv_sys_get(d.uv), &out, &sink, message, sizeof message);
    if (err != OK)
        status = failed(inv, file ? file : config->data, message);
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
    .tables = {OPTION_TABLE(look_options)},
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
    char message[MESSAGE_SIZE];
    struct opened d;
    int status = directory_open(inv, config->data, &d);

    if (status != CLI_OK)
        return status;
    if (store_export(&d.options, uv_sys_get(d.uv), request, &out, &sink, &report, message, sizeof message) != OK)
        status = failed(inv, config->data, message);
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
    .tables = {OPTION_TABLE(export_options)},
    .run = export_run,
};

/* ---- backup, restore ---- */

/* The directory, made if absent, as a disk. */
static int target_open(const struct invocation *inv, const char *path, struct uv_sys **out)
{
    const enum err err = uv_sys_new(out, path);

    if (err == OK)
        return CLI_OK;
    cli_error(inv, "cannot use %s: %s", path, err_text(err));
    return STORE_CANNOT;
}

/* The directory's own name, durable. */
static void sync_name(const struct invocation *inv, const char *path)
{
    char parent[PATH_MAX];

    (void)snprintf(parent, sizeof parent, "%s/..", path);
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        cli_error(inv, "%s: its name may not survive a power cut yet: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
}

static int64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int copy_to(const struct invocation *inv, struct disk *disk, const char *target)
{
    struct backup_report report;
    char message[MESSAGE_SIZE];
    struct uv_sys *to;
    int status = target_open(inv, target, &to);

    if (status != CLI_OK)
        return status;
    if (backup_copy(disk, uv_sys_get(to)->disk, wall_ms(), &report, message, sizeof message) != OK) {
        status = failed(inv, target, message);
    } else {
        sync_name(inv, target);
        printf("%s: %" PRIu64 " files, %" PRIu64 " bytes, synced.\n", target, report.files, report.bytes);
    }
    uv_sys_free(to);
    return status;
}

static int backup_to(const struct invocation *inv, const char *data, struct uv_sys *from, const char *holder,
                     const char *target)
{
    struct disk *disk = uv_sys_get(from)->disk;
    char other[128] = "";
    enum err err = disk->ops->lock(disk, "lock", holder, other, sizeof other);

    if (err == ERR_BUSY) {
        cli_error(inv, "%s is in use by %s; stop it for the time of the backup", data, other);
        return STORE_CANNOT;
    }
    return err == OK ? copy_to(inv, disk, target) : failed(inv, data, err_text(err));
}

static bool holds_data(const char *path)
{
    char format[PATH_MAX];
    struct stat st;

    return snprintf(format, sizeof format, "%s/format", path) < (int)sizeof format && stat(format, &st) == 0;
}

static int backup(const struct invocation *inv, const struct store_config *config, const char *target)
{
    struct opened d;
    int status = directory_open(inv, config->data, &d);

    if (status != CLI_OK)
        return status;
    if (holds_data(config->data))
        status = backup_to(inv, config->data, d.uv, d.holder, target);
    else
        status = failed(inv, config->data, "the directory holds no data of a broker");
    uv_sys_free(d.uv);
    return status;
}

static int backup_run(struct invocation *inv)
{
    struct options sets[VERB_TABLES_MAX];
    struct store_config config = {0};
    void *const values[VERB_TABLES_MAX] = {&config};
    int status = cli_configure(inv, sets, values);

    if (status == CLI_OK && inv->argc != 1)
        status = cli_usage_error(inv, "which directory shall the backup be written to?");
    if (status == CLI_OK)
        status = backup(inv, &config, inv->argv[0]);
    cli_deconfigure(inv, sets);
    return status;
}

static const struct verb backup_verb = {
    .name = "backup",
    .arguments = "[--data DIR] TO",
    .text = "Copies a stopped broker's data into an empty directory, with a checksum of each file, all synced.",
    .example = "  geminga store backup --data data /backup/2026-11-21\n",
    .tables = {OPTION_TABLE(copy_options)},
    .run = backup_run,
};

/* What was copied is looked at as a whole before it gets its name. */
static int restored_is_sound(const struct invocation *inv, const char *path)
{
    struct printing printing = {.sink = {.found = damage_print}};
    struct verify_report report;
    char message[MESSAGE_SIZE];
    struct opened d;
    int status = directory_open(inv, path, &d);

    if (status != CLI_OK)
        return status;
    if (store_verify(&d.options, uv_sys_get(d.uv), &printing.sink, &report, message, sizeof message) != OK)
        status = failed(inv, path, message);
    else if (report.damages > 0) {
        cli_error(inv, "the backup is damaged, and was when it was made; %s is not put in place", path);
        status = STORE_DAMAGED;
    } else {
        report_print(&report, false);
    }
    uv_sys_free(d.uv);
    return status;
}

static int put_in_place(const struct invocation *inv, const char *partial, const char *data)
{
    if ((rmdir(data) != 0 && errno != ENOENT) || rename(partial, data) != 0) {
        cli_error(inv, "%s cannot be named %s: %s", partial, data, strerror(errno));
        return STORE_CANNOT;
    }
    sync_name(inv, data);
    return CLI_OK;
}

static int restore_into(const struct invocation *inv, struct uv_sys *from, const char *partial)
{
    struct backup_report report;
    char message[MESSAGE_SIZE];
    struct uv_sys *to;
    int status = target_open(inv, partial, &to);

    if (status != CLI_OK)
        return status;
    if (backup_restore(uv_sys_get(from)->disk, uv_sys_get(to)->disk, wall_ms(), &report, message, sizeof message) != OK)
        status = failed(inv, partial, message);
    uv_sys_free(to);
    return status == CLI_OK ? restored_is_sound(inv, partial) : status;
}

/* The name under which it is made, until it is whole. */
static int partial_name(const struct invocation *inv, const char *data, char partial[PATH_MAX])
{
    size_t len = strlen(data);
    struct stat st;

    while (len > 1 && data[len - 1] == '/')
        len--;
    if (snprintf(partial, PATH_MAX, "%.*s.restoring", (int)len, data) >= PATH_MAX)
        return failed(inv, data, "the name is too long");
    if (stat(partial, &st) == 0)
        return failed(inv, partial, "is left of a restore that did not come to its end; remove it first");
    return CLI_OK;
}

static bool is_free(const char *data)
{
    struct stat st;

    return stat(data, &st) != 0 || (S_ISDIR(st.st_mode) && rmdir(data) == 0);
}

static int restore(const struct invocation *inv, const char *backup, const char *data)
{
    char partial[PATH_MAX];
    struct opened d;
    int status;

    if ((status = partial_name(inv, data, partial)) != CLI_OK || (status = directory_open(inv, backup, &d)) != CLI_OK)
        return status;
    if (!is_free(data))
        status = failed(inv, data, "there is something already; a restore goes into an empty or new directory");
    else if ((status = restore_into(inv, d.uv, partial)) == CLI_OK)
        status = put_in_place(inv, partial, data);
    if (status == CLI_OK)
        printf("Restored to %s; a broker may be started on it.\n", data);
    uv_sys_free(d.uv);
    return status;
}

static int restore_run(struct invocation *inv)
{
    struct options sets[VERB_TABLES_MAX];
    struct store_config config = {0};
    void *const values[VERB_TABLES_MAX] = {&config};
    int status = cli_configure(inv, sets, values);

    if (status == CLI_OK && inv->argc != 1)
        status = cli_usage_error(inv, "which backup shall be restored?");
    if (status == CLI_OK)
        status = restore(inv, inv->argv[0], config.data);
    cli_deconfigure(inv, sets);
    return status;
}

static const struct verb restore_verb = {
    .name = "restore",
    .arguments = "BACKUP [--data DIR]",
    .text = "Checks a backup, every byte, and puts it in place as a new data directory.",
    .example = "  geminga store restore /backup/2026-11-21 --data data\n",
    .tables = {OPTION_TABLE(copy_options)},
    .run = restore_run,
};

/* ---- all of them ---- */

static const struct verb *const store_verbs[] = {&inspect_verb, &verify_verb,  &export_verb,
                                                 &backup_verb,  &restore_verb, NULL};

const struct verb store_verb = {
    .name = "store",
    .text = "Looks into a stopped broker's data directory: checks it, and tells what is in it.",
    .example = "  geminga store inspect --data data\n  geminga store verify --data data\n",
    .verbs = store_verbs,
};
