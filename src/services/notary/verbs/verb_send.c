/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_send.c - `geminga notary send`: one deployment event, in one line of a pipeline.
 *
 * The event is composed of flags (and, within a GitHub workflow, of its variables) or read from a file; it is examined
 * as the notary will, so that what is wrong is said here, all of it; then sent.  With --wait the answer decides the
 * exit status, and goes to standard output byte for byte: it can be verified from there.
 */
#include "base/timestamp.h"
#include "services/notary/correspondence.h"
#include "services/notary/documents/canonical.h"
#include "services/notary/documents/event.h"
#include "services/notary/files.h"
#include "services/notary/verbs/notary_verbs.h"
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define HASH_HEX_LEN 64
#define URI_MARK     ",uri="
#define HASH_MARK    "=sha256:"
#define UUID_SIZE    37

struct send_flags {
    char *model, *version, *environment, *strategy, *previous_version;
    char *source, *actor, *actor_type;
    char **artifacts, **metadata, **approvers;
    char *workflow, *priority, *id, *file, *save;
    int64_t timeout_ms, quorum, wait_ms;
    bool wait, print;
};

struct sending {
    struct send_flags flags;
    struct options options; /* of the flags */
    struct notary_settings settings;
    struct options sets[NOTARY_TABLES];
    struct correspondence correspondence;
    struct text event, letter;
    char event_id[EVENT_ID_MAX + 1];
};

/* ---- flags ---- */

#define AT(member)  .offset = offsetof(struct send_flags, member)
#define DAY_MS      INT64_C(86400000)
#define WORKFLOWS   "simple_sign", "approval_sign", "batch"
#define PRIORITIES  "low", "normal", "medium", "high", "critical"
#define TEXT_FLAG   .type = OPTION_TEXT
#define REPEAT_FLAG .type = OPTION_TEXTS

static const char *const workflows[] = {WORKFLOWS, NULL};
static const char *const priorities[] = {PRIORITIES, NULL};

static const struct option rows[] = {
    {.key = "send.model", .flag = "--model", TEXT_FLAG, AT(model), .text = "The model; in GitHub: the repository."},
    {.key = "send.version", .flag = "--version", TEXT_FLAG, AT(version), .text = "Its version; in GitHub: the commit."},
    {.key = "send.environment",
     .flag = "--environment",
     TEXT_FLAG,
     .fallback = "production",
     AT(environment),
     .text = "Where it goes."},
    {.key = "send.strategy", .flag = "--strategy", TEXT_FLAG, AT(strategy), .text = "How: blue_green, canary, ..."},
    {.key = "send.previous",
     .flag = "--previous-version",
     TEXT_FLAG,
     AT(previous_version),
     .text = "What it replaces."},
    {.key = "send.artifact",
     .flag = "--artifact",
     REPEAT_FLAG,
     AT(artifacts),
     .text = "A file, which is hashed, or NAME=sha256:HEX; either may end in ,uri=WHERE.  Again for each."},
    {.key = "send.source",
     .flag = "--source",
     TEXT_FLAG,
     AT(source),
     .text = "Which pipeline says so; github-actions there, else geminga-cli."},
    {.key = "send.actor", .flag = "--actor", TEXT_FLAG, AT(actor), .text = "Who; in GitHub: its actor; else the user."},
    {.key = "send.actor_type",
     .flag = "--actor-type",
     TEXT_FLAG,
     .fallback = "ci_system",
     AT(actor_type),
     .text = "What kind of actor."},
    {.key = "send.metadata",
     .flag = "--metadata",
     REPEAT_FLAG,
     AT(metadata),
     .text = "NAME=TEXT, notarized with the rest.  Again for each."},
    {.key = "send.workflow",
     .flag = "--workflow",
     .type = OPTION_CHOICE,
     .fallback = "simple_sign",
     .choices = workflows,
     AT(workflow),
     .text = "What is done with it."},
    {.key = "send.approver",
     .flag = "--approver",
     REPEAT_FLAG,
     AT(approvers),
     .text = "Who must approve (approval_sign).  Again for each."},
    {.key = "send.quorum",
     .flag = "--quorum",
     .type = OPTION_INTEGER,
     .fallback = "0",
     .max = 1000,
     AT(quorum),
     .text = "How many of them suffice; 0: all."},
    {.key = "send.timeout",
     .flag = "--expires",
     .type = OPTION_DURATION,
     .fallback = "0",
     .max = 366 * DAY_MS,
     AT(timeout_ms),
     .text = "How long they have, in whole seconds; 0: for ever."},
    {.key = "send.priority",
     .flag = "--priority",
     .type = OPTION_CHOICE,
     .choices = priorities,
     AT(priority),
     .text = "Higher first, when the notary is behind."},
    {.key = "send.id",
     .flag = "--id",
     TEXT_FLAG,
     AT(id),
     .text = "The event's id: the same one sent twice is notarized once; without: a new one."},
    {.key = "send.event",
     .flag = "--event",
     TEXT_FLAG,
     AT(file),
     .text = "A file with the whole event, instead of all of the above."},
    {.key = "send.wait",
     .flag = "--wait",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(wait),
     .text = "Wait for the result, and end with 0 only if it is a success."},
    {.key = "send.wait_time",
     .flag = "--wait-time",
     .type = OPTION_DURATION,
     .fallback = "5m",
     .min = 1,
     .max = DAY_MS,
     AT(wait_ms),
     .text = "For how long."},
    {.key = "send.save",
     .flag = "--save",
     TEXT_FLAG,
     AT(save),
     .text = "A directory for event.json and, with --wait, result.json: for geminga notary verify."},
    {.key = "send.print",
     .flag = "--print",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(print),
     .text = "Print the event instead of sending it."},
};

void notary_send_help(struct text *out)
{
    const struct options o = {.table = rows, .count = sizeof rows / sizeof *rows};

    options_help(&o, out);
}

/* ---- artifacts ---- */

static bool hash_file(const char *path, char hex[HASH_HEX_LEN + 1])
{
    static uint8_t chunk[64u << 10];
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    FILE *f = fopen(path, "rb");
    bool done = ctx && f && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
    size_t n;

    while (done && (n = fread(chunk, 1, sizeof chunk, f)) > 0)
        done = EVP_DigestUpdate(ctx, chunk, n) == 1;
    done = done && !ferror(f) && EVP_DigestFinal_ex(ctx, hash, &len) == 1;
    for (unsigned i = 0; done && i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    if (!done)
        notary_complain("cannot read %s: %s", path, strerror(errno));
    if (f)
        fclose(f);
    EVP_MD_CTX_free(ctx);
    return done;
}

/* "FILE" or "NAME=sha256:HEX", and perhaps ",uri=WHERE" behind it; NULL, said. */
static json_t *artifact_of(const char *word)
{
    char name[4096], hex[HASH_HEX_LEN + 1];
    const char *uri = strstr(word, URI_MARK), *given, *base;
    json_t *artifact = json_object();

    snprintf(name, sizeof name, "%.*s", uri ? (int)(uri - word) : (int)strlen(word), word);
    if ((given = strstr(name, HASH_MARK)))
        snprintf(hex, sizeof hex, "%s", given + strlen(HASH_MARK)); /* checked with the event */
    else if (!hash_file(name, hex)) {
        json_decref(artifact);
        return NULL;
    }
    base = strrchr(name, '/');
    base = base && !given ? base + 1 : name;
    json_object_set_new(artifact, "name", json_stringn(base, given ? (size_t)(given - name) : strlen(base)));
    if (uri)
        json_object_set_new(artifact, "uri", json_string(uri + strlen(URI_MARK)));
    json_object_set_new(artifact, "hash_sha256", json_string(hex));
    return artifact;
}

static json_t *artifacts_of(char *const *words)
{
    json_t *list = json_array();

    for (size_t i = 0; words && words[i]; i++) {
        json_t *artifact = artifact_of(words[i]);
        if (!artifact) {
            json_decref(list);
            return NULL;
        }
        json_array_append_new(list, artifact);
    }
    return list;
}

/* ---- the event ---- */

static void set_text(json_t *object, const char *name, const char *value)
{
    if (value && *value)
        json_object_set_new(object, name, json_string(value));
}

static bool is_github(void)
{
    const char *set = getenv("GITHUB_ACTIONS");

    return set && strcmp(set, "true") == 0;
}

/* What a flag says; or a variable, within a GitHub workflow; or the default, which may be NULL. */
static const char *said(const char *flag, const char *variable, const char *otherwise)
{
    const char *value = flag && *flag ? flag : is_github() ? getenv(variable) : NULL;

    return value && *value ? value : otherwise;
}

static void make_id(struct loop *clocks, char to[UUID_SIZE])
{
    uint8_t b[16];

    clocks->ops->entropy(clocks, b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    snprintf(to, UUID_SIZE, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
             b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static json_t *deployment_of(const struct send_flags *f)
{
    json_t *deployment = json_object();

    set_text(deployment, "model_id", said(f->model, "GITHUB_REPOSITORY", NULL));
    set_text(deployment, "version", said(f->version, "GITHUB_SHA", NULL));
    set_text(deployment, "environment", f->environment);
    set_text(deployment, "strategy", f->strategy);
    set_text(deployment, "previous_version", f->previous_version);
    return json_pack("{s:o}", "model_deployment", deployment);
}

static json_t *workflow_of(const struct send_flags *f)
{
    json_t *workflow = json_pack("{s:s}", "workflow_type", f->workflow), *approvers = json_array();

    for (size_t i = 0; f->approvers && f->approvers[i]; i++)
        json_array_append_new(approvers, json_string(f->approvers[i]));
    if (json_array_size(approvers) > 0)
        json_object_set(workflow, "approvers", approvers);
    json_decref(approvers);
    if (f->quorum > 0)
        json_object_set_new(workflow, "quorum", json_integer(f->quorum));
    if (f->timeout_ms > 0)
        json_object_set_new(workflow, "timeout", json_integer((f->timeout_ms + 999) / 1000));
    return workflow;
}

static json_t *metadata_of(const struct send_flags *f)
{
    json_t *metadata = json_object();

    if (is_github())
        set_text(metadata, "pipeline_run_id", getenv("GITHUB_RUN_ID"));
    for (size_t i = 0; f->metadata && f->metadata[i]; i++) {
        const char *equals = strchr(f->metadata[i], '=');
        size_t len = equals ? (size_t)(equals - f->metadata[i]) : strlen(f->metadata[i]);
        json_object_setn_new(metadata, f->metadata[i], len, json_string(equals ? equals + 1 : ""));
    }
    return metadata;
}

/* The trace that the pipeline is in, as W3C's variable has it: "00-TRACE-SPAN-01". */
static void set_trace(json_t *event)
{
    const char *parent = getenv("TRACEPARENT");

    if (!parent || strlen(parent) != 55 || parent[2] != '-' || parent[35] != '-' || parent[52] != '-')
        return;
    json_object_set_new(event, "trace_id", json_stringn(parent + 3, 32));
    json_object_set_new(event, "span_id", json_stringn(parent + 36, 16));
}

static json_t *compose(const struct send_flags *f, struct loop *clocks)
{
    json_t *event, *artifacts = artifacts_of(f->artifacts);
    char id[UUID_SIZE], timestamp[TIMESTAMP_SIZE];
    const char *user = getenv("USER");

    if (!artifacts)
        return NULL;
    make_id(clocks, id);
    timestamp_format(loop_wall_ms(clocks), timestamp);
    event = json_pack("{s:s, s:o, s:s, s:s, s:{s:s, s:s}, s:o, s:o, s:o}", "event_id", f->id && *f->id ? f->id : id,
                      "event_type", deployment_of(f), "timestamp", timestamp, "source",
                      f->source && *f->source ? f->source
                      : is_github()           ? "github-actions"
                                              : "geminga-cli",
                      "actor", "actor_type", f->actor_type, "id",
                      said(f->actor, "GITHUB_ACTOR", user && *user ? user : "unknown"), "artifacts", artifacts,
                      "metadata", metadata_of(f), "workflow_config", workflow_of(f));
    if (!event)
        return NULL;
    set_text(event, "priority", f->priority);
    set_trace(event);
    return event;
}

/* The event's bytes: as they are in the file, or composed.  False, said. */
static bool make_event(struct sending *s)
{
    json_t *event;
    bool made;

    text_init(&s->event, 2 * EVENT_BYTES_MAX);
    if (s->flags.file)
        return notary_read_named(s->flags.file, &s->event);
    event = compose(&s->flags, correspondence_clocks(&s->correspondence));
    made = event && canonical_json(event, &s->event) == OK;
    json_decref(event);
    return made;
}

/* As the notary will examine it.  False: every fault is said. */
static bool examine(struct sending *s)
{
    struct faults faults;
    struct event event;
    bool valid;

    if (faults_init(&faults) != OK)
        return false;
    valid = event_parse(&event, bytes_of(s->event.data, s->event.len), &faults) == OK;
    if (valid)
        snprintf(s->event_id, sizeof s->event_id, "%s", event.event_id);
    for (size_t i = 0; i < json_array_size(faults.list); i++)
        notary_complain("%s", json_string_value(json_array_get(faults.list, i)));
    event_deinit(&event);
    faults_deinit(&faults);
    return valid;
}

/* ---- the answer ---- */

static bool save(const struct sending *s, const char *name, const struct text *text)
{
    char path[4096];

    if (!s->flags.save)
        return true;
    snprintf(path, sizeof path, "%s/%s", s->flags.save, name);
    if ((mkdir(s->flags.save, 0777) == 0 || errno == EEXIST) &&
        file_write_whole(path, bytes_of(text->data, text->len)) == OK)
        return true;
    notary_complain("cannot write %s: %s", path, strerror(errno));
    return false;
}

static bool print(const struct text *text)
{
    return fwrite(text->data, 1, text->len, stdout) == text->len && putchar('\n') != EOF && fflush(stdout) == 0;
}

static void tell_status(const struct text *letter)
{
    json_t *json = json_loadb(letter->data, letter->len, 0, NULL);
    const char *status = json_string_value(json_object_get(json, "status"));
    const char *message = json_string_value(json_object_get(json, "message"));

    notary_complain("%s: %s", status ? status : "", message ? message : "");
    json_decref(json);
}

/* The answer in a sentence: its statuses come on another topic, before it or after it.  True for a receipt. */
static bool tell_answer(const struct text *letter)
{
    json_t *json = json_loadb(letter->data, letter->len, 0, NULL);
    bool success = json_is_true(json_object_get(json, "success"));
    const char *why = json_string_value(json_object_get(json, "error"));

    if (!why)
        why = json_string_value(json_object_get(json, "message")); /* a NotaryError has that */
    if (success)
        notary_complain("notarized: log entry %" JSON_INTEGER_FORMAT,
                        json_integer_value(json_object_get(json_object_get(json, "receipt"), "log_index")));
    else
        notary_complain("not notarized: %s", why ? why : "");
    json_decref(json);
    return success;
}

static int await(struct sending *s)
{
    uint64_t now_ns = loop_now_ns(correspondence_clocks(&s->correspondence));
    uint64_t deadline_ns = now_ns + (uint64_t)s->flags.wait_ms * NS_PER_MS;
    enum correspondence_topic kind;

    while ((kind = correspondence_next(&s->correspondence, s->event_id, deadline_ns, &s->letter)) == LETTER_STATUS)
        tell_status(&s->letter);
    if (kind == LETTER_KINDS) {
        notary_complain("no answer to event %s in this time; it stays with the notary: geminga notary show %s",
                        s->event_id, s->event_id);
        return NOTARY_EXIT_FAILED;
    }
    if (!print(&s->letter) || (kind == LETTER_RESULT && !save(s, "result.json", &s->letter)))
        return NOTARY_EXIT_FAILED;
    return tell_answer(&s->letter) && kind == LETTER_RESULT ? NOTARY_EXIT_OK : NOTARY_EXIT_FAILED;
}

/* ---- all of it ---- */

static int send_it(struct sending *s)
{
    char message[600];

    if (notary_settings_check(&s->settings, message, sizeof message) != OK) {
        notary_complain("%s", message);
        return NOTARY_EXIT_FAILED;
    }
    if (!correspondence_open(&s->correspondence, &s->settings.pulsar, s->flags.wait && !s->flags.print) ||
        !make_event(s))
        return NOTARY_EXIT_FAILED;
    if (s->flags.print)
        return print(&s->event) && examine(s) ? NOTARY_EXIT_OK : NOTARY_EXIT_FAILED;
    if (!examine(s) || !save(s, "event.json", &s->event) ||
        !correspondence_send(&s->correspondence, bytes_of(s->event.data, s->event.len)))
        return NOTARY_EXIT_FAILED;
    if (s->flags.wait)
        return await(s);
    printf("%s\n", s->event_id);
    return NOTARY_EXIT_OK;
}

int notary_verb_send(int argc, char **argv)
{
    struct sending s = {0};
    char message[600] = "out of memory";
    int status = NOTARY_EXIT_OK;

    if (options_init(&s.options, rows, sizeof rows / sizeof *rows, &s.flags) != OK ||
        options_flags(&s.options, &argc, argv, message, sizeof message) != OK)
        status = notary_verb_misused("send", "%s", message);
    if (status == NOTARY_EXIT_OK)
        status = notary_configure(&s.settings, s.sets, &argc, argv);
    if (status == NOTARY_EXIT_OK && argc > 0)
        status = notary_verb_misused("send", "what is %s?", argv[0]);
    if (status == NOTARY_EXIT_OK)
        status = send_it(&s);
    correspondence_close(&s.correspondence);
    text_deinit(&s.event);
    text_deinit(&s.letter);
    notary_settings_deinit(s.sets);
    options_deinit(&s.options);
    return status;
}
