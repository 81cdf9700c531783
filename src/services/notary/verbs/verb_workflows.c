/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_workflows.c - `geminga notary list`, `show` and `export`: what a notary knows, asked at its HTTP port.
 *
 * For people tables, with -o json what the port says.  `export` writes what somebody needs to verify a result without
 * the notary: event, result, the log's key, and the paths of a batch's artifacts.
 */
#include "base/timestamp.h"
#include "services/notary/documents/canonical.h"
#include "services/notary/files.h"
#include "services/notary/verbs/notary_verbs.h"
#include "services/notary/verbs/port_client.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define PATH_TEXT_MAX 4096
#define ARTIFACTS_MAX 1000
#define CANONICAL_MAX (64u << 20)
#define KEY_FILE_MAX  (64u << 10)
#define STATUS_COLUMN 18
#define TYPE_COLUMN   14
#define TIME_COLUMN   24
#define COUNTS_COLUMN 10

static const char *member(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));

    return text ? text : "-";
}

static int print_json(const json_t *json)
{
    const int failed = json_dumpf(json, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);

    return failed == 0 && putchar('\n') != EOF && fflush(stdout) == 0 ? NOTARY_EXIT_OK : NOTARY_EXIT_FAILED;
}

/* ---- list ---- */

struct list_flags {
    char *status, *type, *after;
    int64_t limit;
};

#define LIST(member) .offset = offsetof(struct list_flags, member)
static const struct option list_rows[] = {
    {.key = "list.status",
     .flag = "--status",
     .type = OPTION_TEXT,
     LIST(status),
     .text = "open, or one status: pending_approval, failed, notarized, rejected, expired, cancelled."},
    {.key = "list.type", .flag = "--type", .type = OPTION_TEXT, LIST(type), .text = "Of this workflow type only."},
    {.key = "list.after", .flag = "--after", .type = OPTION_TEXT, LIST(after), .text = "Goes on behind this event."},
    {.key = "list.limit",
     .flag = "--limit",
     .type = OPTION_INTEGER,
     .fallback = "100",
     .min = 1,
     .max = 1000,
     LIST(limit),
     .text = "At most so many."},
};
static const struct option_table list_options = OPTION_TABLE(list_rows);

static void add_query(struct text *path, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    text_printf(path, "&%s=", name);
    port_escape(value, path);
}

/* "1/2", or nothing to approve. */
static void counts(const json_t *w, char to[COUNTS_COLUMN + 1])
{
    const size_t approvers = json_array_size(json_object_get(w, "approvers"));
    json_t *quorum = json_object_get(w, "quorum");

    if (approvers == 0)
        (void)snprintf(to, COUNTS_COLUMN + 1, "-");
    else
        (void)snprintf(to, COUNTS_COLUMN + 1, "%d/%d", (int)json_integer_value(json_object_get(w, "approvals")),
                       json_is_integer(quorum) ? (int)json_integer_value(quorum) : (int)approvers);
}

/* A time as the port has it: milliseconds, or a text already. */
static void moment(const json_t *value, char to[TIMESTAMP_SIZE])
{
    if (json_is_integer(value))
        timestamp_format(json_integer_value(value), to);
    else
        (void)snprintf(to, TIMESTAMP_SIZE, "%s", json_string_value(value) ? json_string_value(value) : "-");
}

static void print_row(const json_t *w)
{
    char approvals[COUNTS_COLUMN + 1], received[TIMESTAMP_SIZE], deadline[TIMESTAMP_SIZE];

    counts(w, approvals);
    moment(json_object_get(w, "received_at"), received);
    moment(json_object_get(w, "deadline"), deadline);
    printf("%-*s %-*s %-*s %-*s %-*s %s\n", STATUS_COLUMN, member(w, "status"), TYPE_COLUMN, member(w, "workflow_type"),
           COUNTS_COLUMN, approvals, TIME_COLUMN, received, TIME_COLUMN, deadline, member(w, "event_id"));
}

static int print_list(const json_t *list)
{
    json_t *workflows = json_object_get(list, "workflows"), *w;
    const char *next = json_string_value(json_object_get(list, "next"));
    size_t i;

    printf("%-*s %-*s %-*s %-*s %-*s %s\n", STATUS_COLUMN, "STATUS", TYPE_COLUMN, "TYPE", COUNTS_COLUMN, "APPROVALS",
           TIME_COLUMN, "RECEIVED", TIME_COLUMN, "DEADLINE", "EVENT");
    json_array_foreach(workflows, i, w) print_row(w);
    if (next)
        printf("there are more: --after %s\n", next);
    return fflush(stdout) == 0 ? NOTARY_EXIT_OK : NOTARY_EXIT_FAILED;
}

static int list(const struct port_flags *port, const struct list_flags *flags)
{
    struct text path;
    json_t *answer = NULL;
    int status = NOTARY_EXIT_FAILED;

    text_init(&path, PATH_TEXT_MAX);
    text_printf(&path, "/v1/workflows?limit=%" PRId64, flags->limit);
    add_query(&path, "status", flags->status);
    add_query(&path, "type", flags->type);
    add_query(&path, "after", flags->after);
    if (!text_failed(&path) && (answer = port_get(port, path.data)) && port_shows(port, answer))
        status = port_wants_json(port) ? print_json(answer) : print_list(answer);
    json_decref(answer);
    text_deinit(&path);
    return status;
}

int notary_verb_list(int argc, char **argv)
{
    struct port_flags port = {0};
    struct list_flags flags = {0};
    const struct option_table *const tables[] = {&port_options, &list_options};
    void *const values[] = {&port, &flags};
    struct options sets[2] = {0};
    int status = port_flags_read("list", sets, tables, values, 2, 0, &argc, argv);

    if (status == NOTARY_EXIT_OK)
        status = list(&port, &flags);
    port_flags_deinit(sets, 2);
    return status;
}

/* ---- show ---- */

static json_t *get_workflow(const struct port_flags *port, const char *event_id)
{
    struct text path;
    json_t *answer;

    text_init(&path, PATH_TEXT_MAX);
    port_workflow_path(event_id, &path);
    answer = text_failed(&path) ? NULL : port_get(port, path.data);
    text_deinit(&path);
    return answer;
}

/* What a step says, beside its kind and when. */
static void print_step(const json_t *step)
{
    static const char *const members[] = {"status", "message",  "approver", "verdict", "method",  "comment",
                                          "name",   "activity", "attempt",  "why",     "command", "by",
                                          "notice", "channel",  "error",    "outcome"};
    char at[TIMESTAMP_SIZE];
    const json_t *value = json_object_get(step, "at_ms");

    moment(value ? value : json_object_get(step, "received_ms"), at);
    printf("  %-*s %-10s", TIME_COLUMN, at, member(step, "kind"));
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        value = json_object_get(step, members[i]);
        if (json_is_string(value))
            printf(" %s=%s", members[i], json_string_value(value));
        else if (json_is_integer(value))
            printf(" %s=%" JSON_INTEGER_FORMAT, members[i], json_integer_value(value));
    }
    putchar('\n');
}

static void print_approvers(const json_t *w)
{
    json_t *approvers = json_object_get(w, "approvers"), *name;
    char approvals[COUNTS_COLUMN + 1];
    size_t i;

    if (json_array_size(approvers) == 0)
        return;
    counts(w, approvals);
    printf("approvals     %s of", approvals);
    json_array_foreach(approvers, i, name)
        printf("%s %s", i > 0 ? "," : "", json_string_value(name) ? json_string_value(name) : "");
    putchar('\n');
}

static int print_workflow(const json_t *w)
{
    char received[TIMESTAMP_SIZE], deadline[TIMESTAMP_SIZE];
    json_t *receipt = json_object_get(json_object_get(w, "result"), "receipt"), *anchor, *step;
    size_t i;

    moment(json_object_get(w, "received_at"), received);
    moment(json_object_get(w, "deadline"), deadline);
    printf("event         %s\nevent hash    %s\nworkflow      %s, %s\nstatus        %s\nreceived      %s\n"
           "deadline      %s\n",
           member(w, "event_id"), member(w, "event_hash"), member(w, "workflow_id"), member(w, "workflow_type"),
           member(w, "status"), received, deadline);
    print_approvers(w);
    if (json_is_object(receipt))
        printf("log entry     %" JSON_INTEGER_FORMAT " of %s\n",
               json_integer_value(json_object_get(receipt, "log_index")), member(receipt, "rekor_server_url"));
    json_array_foreach(json_object_get(w, "anchors"), i, anchor) printf("also in       %s\n", member(anchor, "anchor"));
    if (json_array_size(json_object_get(w, "steps")) > 0)
        printf("steps\n");
    json_array_foreach(json_object_get(w, "steps"), i, step) print_step(step);
    return fflush(stdout) == 0 ? NOTARY_EXIT_OK : NOTARY_EXIT_FAILED;
}

int notary_verb_show(int argc, char **argv)
{
    struct port_flags port = {0};
    const struct option_table *const tables[] = {&port_options};
    void *const values[] = {&port};
    struct options sets[1] = {0};
    json_t *workflow = NULL;
    int status = port_flags_read("show", sets, tables, values, 1, 1, &argc, argv);

    if (status == NOTARY_EXIT_OK) {
        workflow = get_workflow(&port, argv[0]);
        status = !workflow || !port_shows(&port, workflow) ? NOTARY_EXIT_FAILED
                 : port_wants_json(&port)                  ? print_json(workflow)
                                                           : print_workflow(workflow);
    }
    json_decref(workflow);
    port_flags_deinit(sets, 1);
    return status;
}

/* ---- export ---- */

struct export_flags {
    char *directory;
};

static const struct option export_rows[] = {
    {.key = "export.to",
     .flag = "--to",
     .type = OPTION_TEXT,
     .fallback = ".",
     .offset = offsetof(struct export_flags, directory),
     .text = "The directory of the files; made where it is not there."},
};
static const struct option_table export_options = OPTION_TABLE(export_rows);

static bool write_file(const char *directory, const char *name, struct bytes bytes)
{
    char path[PATH_TEXT_MAX];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    if (file_write_whole(path, bytes) == OK)
        return true;
    notary_complain("cannot write %s: %s", path, strerror(errno));
    return false;
}

/* Canonical, so that what was published comes out byte for byte. */
static bool write_json(const char *directory, const char *name, json_t *json)
{
    struct text text;
    bool done;

    text_init(&text, CANONICAL_MAX);
    done = canonical_json(json, &text) == OK && write_file(directory, name, bytes_of(text.data, text.len));
    text_deinit(&text);
    return done;
}

static bool export_key(const struct port_flags *port, const char *directory)
{
    struct text pem;
    long status;
    bool done;

    text_init(&pem, KEY_FILE_MAX);
    done = port_ask(port, "GET", "/v1/log/key", NULL, &status, &pem) == OK &&
           write_file(directory, "notary.pub", bytes_of(pem.data, pem.len));
    text_deinit(&pem);
    return done;
}

/* artifact-0.json, ...: of a batch only. */
static bool export_artifacts(const struct port_flags *port, const char *directory, const json_t *workflow)
{
    const char *event_id = member(workflow, "event_id");
    size_t count = json_array_size(json_object_get(json_object_get(workflow, "event"), "artifacts"));
    bool done = true;

    if (!json_object_get(json_object_get(json_object_get(workflow, "result"), "receipt"), "batch"))
        return true;
    for (size_t i = 0; i < count && i < ARTIFACTS_MAX && done; i++) {
        struct text path;
        char name[40];
        json_t *proof;

        text_init(&path, PATH_TEXT_MAX);
        port_workflow_path(event_id, &path);
        text_printf(&path, "/artifacts/%zu", i);
        snprintf(name, sizeof name, "artifact-%zu.json", i);
        proof = text_failed(&path) ? NULL : port_get(port, path.data);
        done = proof && write_json(directory, name, proof);
        json_decref(proof);
        text_deinit(&path);
    }
    return done;
}

static int export_all(const struct port_flags *port, const char *directory, json_t *workflow)
{
    json_t *event = json_object_get(workflow, "event"), *result = json_object_get(workflow, "result");

    if (!json_is_object(result)) {
        notary_complain("%s has no result yet: it is %s", member(workflow, "event_id"), member(workflow, "status"));
        return NOTARY_EXIT_FAILED;
    }
    if (mkdir(directory, 0777) != 0 && errno != EEXIST) {
        notary_complain("cannot make %s: %s", directory, strerror(errno));
        return NOTARY_EXIT_FAILED;
    }
    if (!write_json(directory, "result.json", result) || !write_json(directory, "workflow.json", workflow) ||
        (json_is_object(event) && !write_json(directory, "event.json", event)) || !export_key(port, directory) ||
        !export_artifacts(port, directory, workflow))
        return NOTARY_EXIT_FAILED;
    if (!json_is_object(event))
        printf("The notary does not keep events that it notarized at once: verify with your own copy.\n");
    printf("geminga notary verify %s/result.json --event %s/event.json --public-key %s/notary.pub\n", directory,
           directory, directory);
    return NOTARY_EXIT_OK;
}

int notary_verb_export(int argc, char **argv)
{
    struct port_flags port = {0};
    struct export_flags flags = {0};
    const struct option_table *const tables[] = {&port_options, &export_options};
    void *const values[] = {&port, &flags};
    struct options sets[2] = {0};
    json_t *workflow = NULL;
    int status = port_flags_read("export", sets, tables, values, 2, 1, &argc, argv);

    if (status == NOTARY_EXIT_OK)
        status = (workflow = get_workflow(&port, argv[0])) ? export_all(&port, flags.directory, workflow)
                                                           : NOTARY_EXIT_FAILED;
    json_decref(workflow);
    port_flags_deinit(sets, 2);
    return status;
}

/* ---- help ---- */

void notary_list_help(struct text *out)
{
    const struct option_table *const tables[] = {&list_options, &port_options};

    port_flags_help(tables, sizeof tables / sizeof *tables, out);
}

void notary_show_help(struct text *out)
{
    const struct option_table *const tables[] = {&port_options};

    port_flags_help(tables, sizeof tables / sizeof *tables, out);
}

void notary_export_help(struct text *out)
{
    const struct option_table *const tables[] = {&export_options, &port_options};

    port_flags_help(tables, sizeof tables / sizeof *tables, out);
}
