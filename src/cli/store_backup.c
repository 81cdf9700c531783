/* SPDX-License-Identifier: Apache-2.0
 *
 * store_backup.c - `geminga store backup` and `geminga store restore`.
 *
 * Of a stopped broker's data the backup is made here, under the directory's lock.  A running broker is asked over HTTP
 * to make it: where to is left in the data directory for it to find (store/online_backup.h), so that whoever asks must
 * be able to write there.  A restore is made beside the directory, verified, and then given its name.
 */
#include "cli/http_client.h"
#include "cli/store_verbs.h"
#include "store/backup.h"
#include "store/online_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BACKUP_ROUTE "/admin/v2/brokers/backup"
#define POLL_MS      200
#define WAIT_MS      60000

static const struct option backup_options[] = {
    STORE_DATA_OPTION,
    {.key = "http_url",
     .env = "GEMINGA_HTTP_URL",
     .flag = "--http-url",
     .type = OPTION_TEXT,
     .fallback = "http://localhost:8080",
     STORE_AT(http_url),
     .text = "Where the broker that has the directory answers HTTP."},
};

static const struct option restore_options[] = {STORE_DATA_OPTION};

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
static int sync_name(const struct invocation *inv, const char *path)
{
    char parent[PATH_MAX];

    (void)snprintf(parent, sizeof parent, "%s/..", path);
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = fd >= 0 && fsync(fd) == 0;
    if (!synced)
        cli_error(inv, "%s: its name may not survive a power cut yet: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return synced ? CLI_OK : STORE_CANNOT;
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
    char message[STORE_MESSAGE_SIZE];
    struct uv_sys *to;
    int status = target_open(inv, target, &to);

    if (status != CLI_OK)
        return status;
    if (backup_copy(disk, uv_sys_get(to)->disk, wall_ms(), &report, message, sizeof message) != OK) {
        status = store_failed(inv, target, message);
    } else if ((status = sync_name(inv, target)) == CLI_OK) {
        printf("%s: %" PRIu64 " files, %" PRIu64 " bytes, synced.\n", target, report.files, report.bytes);
    }
    uv_sys_free(to);
    return status;
}

/* ---- of a running broker ---- */

/* Where to, for the broker to read. */
static int leave_request(const struct invocation *inv, const char *data, const char *target, char path[PATH_MAX])
{
    char whole[PATH_MAX];

    if (mkdir(target, 0750) != 0 && errno != EEXIST)
        return store_failed(inv, target, strerror(errno));
    if (!realpath(target, whole) || strlen(whole) >= BACKUP_TEXT_MAX - 1)
        return store_failed(inv, target, "the name is too long");
    if (snprintf(path, PATH_MAX, "%s/" BACKUP_REQUEST_PATH, data) >= PATH_MAX)
        return store_failed(inv, data, "the name is too long");
    FILE *file = fopen(path, "w");
    if (!file)
        return store_failed(inv, path, strerror(errno));
    const bool written = fprintf(file, "%s\n", whole) > 0;
    if (fclose(file) == 0 && written)
        return CLI_OK;
    (void)unlink(path);
    return store_failed(inv, path, "it cannot be written");
}

/* Asks for the route; CLI_OK with `wanted` as the answer's status, or said.  The answer is to be freed. */
static int ask(const struct invocation *inv, const char *url, const char *method, int wanted, struct http_answer *told)
{
    const struct http_target target = {.url = url, .timeout_ms = WAIT_MS};
    const struct http_request request = {.method = method, .path = BACKUP_ROUTE};
    char why[400];

    if (http_client_ask(&target, &request, told, why, sizeof why) != OK) {
        cli_error(inv, "no broker answers at %s (--http-url): %s", url, why);
        return STORE_CANNOT;
    }
    if (told->status == wanted)
        return CLI_OK;
    cli_error(inv, "the broker at %s answered %d: %s", url, told->status, told->body);
    http_answer_free(told);
    return STORE_CANNOT;
}

static uint64_t number_of(const json_t *answer, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(answer, key));
}

/* *running, or the outcome. */
static int outcome_of(const struct invocation *inv, const char *target, const struct http_answer *told, bool *running)
{
    json_t *answer = json_loads(told->body, 0, NULL);
    const char *state = json_string_value(json_object_get(answer, "state"));
    const char *failure = json_string_value(json_object_get(answer, "failure"));
    int status = CLI_OK;

    *running = state && strcmp(state, "running") == 0;
    if (*running) {
    } else if (state && strcmp(state, "done") == 0) {
        printf("%s: %" PRIu64 " files, %" PRIu64 " bytes, synced.\n", target, number_of(answer, "files"),
               number_of(answer, "bytes"));
    } else {
        status = store_failed(inv, target, failure ? failure : "the broker does not say how the backup ended");
    }
    json_decref(answer);
    return status;
}

static int wait_for_broker(const struct invocation *inv, const char *url, const char *target)
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    struct http_answer told;
    bool running = true;
    int status = CLI_OK;

    while (running && status == CLI_OK) {
        if (ask(inv, url, "GET", 200, &told) != CLI_OK)
            return STORE_CANNOT;
        status = outcome_of(inv, target, &told, &running);
        http_answer_free(&told);
        if (running)
            (void)nanosleep(&pause, NULL);
    }
    return status;
}

static int ask_broker(const struct invocation *inv, const struct store_config *config, const char *target)
{
    char request[PATH_MAX];
    struct http_answer told;
    int status = leave_request(inv, config->data, target, request);

    if (status != CLI_OK)
        return status;
    status = ask(inv, config->http_url, "PUT", 204, &told);
    if (status == CLI_OK) {
        http_answer_free(&told);
        status = wait_for_broker(inv, config->http_url, target);
    }
    (void)unlink(request); /* where it was not taken */
    return status == CLI_OK ? sync_name(inv, target) : status;
}

/* ---- backup ---- */

static int backup_to(const struct invocation *inv, const struct store_config *config,
                     const struct store_directory *from, const char *target)
{
    struct disk *disk = uv_sys_get(from->uv)->disk;
    char other[128] = "";
    enum err err = disk->ops->lock(disk, STORE_LOCK_PATH, from->holder, other, sizeof other);

    if (err == ERR_BUSY)
        return ask_broker(inv, config, target);
    return err == OK ? copy_to(inv, disk, target) : store_failed(inv, config->data, err_text(err));
}

static bool holds_data(const char *path)
{
    char format[PATH_MAX];
    struct stat st;

    return snprintf(format, sizeof format, "%s/format", path) < (int)sizeof format && stat(format, &st) == 0;
}

static int backup(const struct invocation *inv, const struct store_config *config, const char *target)
{
    struct store_directory d;
    int status = store_directory_open(inv, config->data, &d);

    if (status != CLI_OK)
        return status;
    if (holds_data(config->data))
        status = backup_to(inv, config, &d, target);
    else
        status = store_failed(inv, config->data, "the directory holds no data of a broker");
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

const struct verb store_backup_verb = {
    .name = "backup",
    .arguments = "TO [--data DIR] [--http-url URL]",
    .text =
        "Copies a broker's data into an empty directory, with a checksum of each file, all synced; a running broker "
        "makes the copy itself, and goes on.",
    .example = "  geminga store backup /backup/2026-11-21 --data data\n",
    .tables = {VERB_TABLE(backup_options)},
    .run = backup_run,
};

/* ---- restore ---- */

static int put_in_place(const struct invocation *inv, const char *partial, const char *data)
{
    if ((rmdir(data) != 0 && errno != ENOENT) || rename(partial, data) != 0) {
        cli_error(inv, "%s cannot be named %s: %s", partial, data, strerror(errno));
        return STORE_CANNOT;
    }
    return sync_name(inv, data);
}

/* What was copied is looked at as a whole before it gets its name. */
static int restored_is_sound(const struct invocation *inv, const char *path)
{
    const int status = store_verify_print(inv, path, false);

    if (status == STORE_DAMAGED)
        cli_error(inv, "the backup is damaged, and was when it was made; %s is not put in place", path);
    return status;
}

static int restore_into(const struct invocation *inv, struct uv_sys *from, const char *partial)
{
    struct backup_report report;
    char message[STORE_MESSAGE_SIZE];
    struct uv_sys *to;
    int status = target_open(inv, partial, &to);

    if (status != CLI_OK)
        return status;
    if (backup_restore(uv_sys_get(from)->disk, uv_sys_get(to)->disk, wall_ms(), &report, message, sizeof message) != OK)
        status = store_failed(inv, partial, message);
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
        return store_failed(inv, data, "the name is too long");
    if (stat(partial, &st) == 0)
        return store_failed(inv, partial, "is left of a restore that did not come to its end; remove it first");
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
    struct store_directory d;
    int status;

    if ((status = partial_name(inv, data, partial)) != CLI_OK ||
        (status = store_directory_open(inv, backup, &d)) != CLI_OK)
        return status;
    if (!is_free(data))
        status = store_failed(inv, data, "there is something already; a restore goes into an empty or new directory");
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

const struct verb store_restore_verb = {
    .name = "restore",
    .arguments = "BACKUP [--data DIR]",
    .text = "Checks a backup, every byte, and puts it in place as a new data directory.",
    .example = "  geminga store restore /backup/2026-11-21 --data data\n",
    .tables = {VERB_TABLE(restore_options)},
    .run = restore_run,
};
