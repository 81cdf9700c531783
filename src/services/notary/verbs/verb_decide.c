/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_decide.c - `geminga notary approve`, `reject`, `cancel`, `retry`: a decision, by the port or by the topic.
 *
 *     --token, --cert     the notary signs it in the name of who shows that            by the port
 *     --approver-key      we sign it ourselves                                         by the port
 *       and --service-url                                                              or by the topic, past the port
 *
 * Exit status: 0, it is in the workflow, or (without --wait, and by the topic) written; 1, refused or not possible;
 * 2, asked wrongly; 3, written, and the notary did not show it within --wait.
 */
#include "services/notary/approvals_writer.h"
#include "services/notary/documents/canonical.h"
#include "services/notary/documents/decision.h"
#include "services/notary/documents/event.h"
#include "services/notary/documents/evidence.h"
#include "services/notary/documents/receipt.h"
#include "services/notary/signers/signers.h"
#include "services/notary/verbs/notary_verbs.h"
#include "services/notary/verbs/port_client.h"
#include "services/notary/visible.h"
#include "sys/loop.h"
#include "sys/uv_sys.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ANSWER_MAX    (64u << 20)
#define PATH_TEXT_MAX 4096
#define COMPLAINT_MAX 1200
#define RANDOM_LEN    16
#define SHOWN_MAX     (32u << 20) /* of an event: indented, and all of it escaped */

struct decide_flags {
    char *comment, *approver_key, *approver, *event_file, *service_url;
    int64_t wait_s;
    bool yes;
};

#define AT(member) .offset = offsetof(struct decide_flags, member)
static const struct option rows[] = {
    {.key = "decide.comment",
     .flag = "--comment",
     .type = OPTION_TEXT,
     AT(comment),
     .text = "Why; it becomes evidence."},
    {.key = "decide.wait",
     .flag = "--wait",
     .type = OPTION_INTEGER,
     .fallback = "10",
     .min = 0,
     .max = 30,
     AT(wait_s),
     .text = "Seconds to wait until the notary shows it."},
    {.key = "decide.approver_key",
     .env = "GEMINGA_NOTARY_APPROVER_KEY",
     .flag = "--approver-key",
     .type = OPTION_TEXT,
     AT(approver_key),
     .text = "Our own private key (PEM): we sign the decision ourselves, as --as."},
    {.key = "decide.approver",
     .env = "GEMINGA_NOTARY_APPROVER",
     .flag = "--as",
     .type = OPTION_TEXT,
     AT(approver),
     .text = "With --approver-key: our name, as the event and the approvers file have it."},
    {.key = "decide.event",
     .flag = "--event",
     .type = OPTION_TEXT,
     AT(event_file),
     .text = "With --approver-key: the event that we decide about; without, the notary's is shown, hashed and signed."},
    {.key = "decide.yes",
     .flag = "--yes",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(yes),
     .text = "Signs the event that the notary shows without asking at the terminal."},
    {.key = "decide.service_url",
     .flag = "--service-url",
     .type = OPTION_TEXT,
     AT(service_url),
     .text = "With --approver-key and --event: sends it to the approvals topic of this Pulsar instead."},
};
static const struct option_table decide_options = OPTION_TABLE(rows);

struct deciding {
    struct port_flags port;
    struct decide_flags flags;
    enum decision_kind kind;
    const char *event_id;
    struct uv_sys *sys; /* clocks and randomness */
    struct text statement;
};

/* ---- a statement of our own ---- */

/* The hash of an event's package, by ourselves.  `where` it is from.  False, said. */
static bool hash_event(const struct deciding *d, const char *where, struct bytes bytes, char to[RECEIPT_HASH_SIZE])
{
    struct text evidence;
    struct faults faults;
    struct event event = {0};
    struct digest digest;
    bool done = false;

    if (faults_init(&faults) != OK)
        return false;
    text_init(&evidence, EVIDENCE_BYTES_MAX);
    if (event_parse(&event, bytes, &faults) != OK) {
        notary_complain("%s is no event of a pipeline: try geminga notary evidence", where);
    } else if (strcmp(event.event_id, d->event_id) != 0) {
        notary_complain("%s is another event: %s", where, event.event_id);
    } else if (evidence_build(&event, &evidence) == OK) {
        digest = digest_of(bytes_of(evidence.data, evidence.len));
        receipt_hash_text(&digest, to);
        done = true;
    }
    event_deinit(&event);
    text_deinit(&evidence);
    faults_deinit(&faults);
    return done;
}

/* Of the event that we have.  False, said. */
static bool hash_file(const struct deciding *d, char to[RECEIPT_HASH_SIZE])
{
    struct text bytes;
    bool done;

    text_init(&bytes, 2 * EVENT_BYTES_MAX);
    done = notary_read_named(d->flags.event_file, &bytes) &&
           hash_event(d, d->flags.event_file, bytes_of(bytes.data, bytes.len), to);
    text_deinit(&bytes);
    return done;
}

/* All of it, for all of it is signed; line by line, as the terminal may see it. */
static bool show_event(const struct deciding *d, const json_t *event, const char *hash)
{
    char *lines = json_dumps(event, JSON_INDENT(2)), *rest = lines, *line;
    struct text shown;
    bool done;

    if (!lines)
        return false;
    text_init(&shown, SHOWN_MAX);
    while ((line = strsep(&rest, "\n"))) {
        visible_add(&shown, bytes_of_text(line));
        text_add(&shown, "\n");
    }
    done =
        !text_failed(&shown) && fprintf(stderr, "the event, as the notary has it:\n%s", shown.data) >= 0 &&
        fprintf(stderr, "to be signed: %s of %s, as %s\n", decision_kind_name(d->kind), hash, d->flags.approver) >= 0;
    text_deinit(&shown);
    free(lines);
    return done;
}

/* At a terminal only: elsewhere nobody would answer. */
static bool agrees(const struct deciding *d)
{
    char answer[8];

    if (d->flags.yes || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return true;
    fputs("sign this? [y/N] ", stderr);
    if (fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
        return true;
    notary_complain("not signed");
    return false;
}

/* The port's word for what it is about is not enough: its event is hashed here, and shown.  False, said. */
static bool hash_shown(const struct deciding *d, const json_t *workflow, char to[RECEIPT_HASH_SIZE])
{
    json_t *event = json_object_get(workflow, "event");
    const char *named = json_string_value(json_object_get(workflow, "event_hash"));
    struct text bytes;
    bool done = false;

    text_init(&bytes, 2 * EVENT_BYTES_MAX);
    if (!json_is_object(event))
        notary_complain("the notary does not show the event of %s: give it by --event FILE", d->event_id);
    else if (canonical_json(event, &bytes) == OK)
        done = hash_event(d, "what the notary shows", bytes_of(bytes.data, bytes.len), to);
    else
        notary_complain("what the notary shows is no event");
    text_deinit(&bytes);
    if (done && (!named || strcmp(named, to) != 0)) {
        notary_complain("the notary shows one event and names another: %s is the hash of what it shows, %s is what it "
                        "wants signed; nothing was signed",
                        to, named ? named : "nothing");
        done = false;
    }
    return done && show_event(d, event, to) && agrees(d);
}

/* Of the event that the notary has.  False, said. */
static bool hash_known(const struct deciding *d, char to[RECEIPT_HASH_SIZE])
{
    struct text path;
    json_t *workflow;
    bool done;

    text_init(&path, PATH_TEXT_MAX);
    port_workflow_path(d->event_id, &path);
    workflow = text_failed(&path) ? NULL : port_get(&d->port, path.data);
    text_deinit(&path);
    done = workflow && hash_shown(d, workflow, to);
    json_decref(workflow);
    return done;
}

static bool sign(struct deciding *d)
{
    struct loop *clocks = uv_sys_get(d->sys)->loop;
    char hash[RECEIPT_HASH_SIZE], jti[2 * RANDOM_LEN + 1], why[COMPLAINT_MAX];
    uint8_t random[RANDOM_LEN];
    struct signer *signer = NULL;
    const struct decision_facts facts = {.event_id = d->event_id,
                                         .event_hash = hash,
                                         .approver = d->flags.approver,
                                         .method = "key",
                                         .comment = d->flags.comment,
                                         .jti = jti,
                                         .kind = d->kind,
                                         .at_ms = loop_wall_ms(clocks)};
    enum err err;

    if (!(d->flags.event_file ? hash_file(d, hash) : hash_known(d, hash)))
        return false;
    clocks->ops->entropy(clocks, random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        (void)snprintf(jti + 2 * i, 3, "%02x", random[i]);
    if ((err = file_signer_open(&signer, d->flags.approver_key, why, sizeof why)) != OK)
        notary_complain("%s", why);
    else if ((err = decision_make(&facts, signer, &d->statement)) != OK)
        notary_complain("cannot sign with %s: %s", d->flags.approver_key, err_text(err));
    signer_close(signer);
    return err == OK;
}

/* ---- by the topic ---- */

static int64_t log_clock(void *ctx)
{
    return loop_wall_ms(ctx);
}

static int write_to_topic(struct deciding *d)
{
    char *flags[] = {(char[]){"--service-url"}, d->flags.service_url, NULL};
    struct notary_settings settings;
    struct options sets[NOTARY_TABLES];
    struct log log = {.level = LOG_ERROR, .wall_ms = log_clock, .ctx = uv_sys_get(d->sys)->loop};
    struct approvals_writer *writer = NULL;
    char why[COMPLAINT_MAX] = "out of memory";
    int count = 2, status = notary_configure(&settings, sets, &count, flags);
    enum err err = ERR_NOMEM;

    if (status == NOTARY_EXIT_OK) {
        if (approvals_writer_new(&writer, &settings, &log) == OK)
            err = approvals_write(writer, d->event_id, bytes_of(d->statement.data, d->statement.len), why, sizeof why);
        approvals_writer_free(writer);
        if (err != OK)
            notary_complain("%s", why);
        else
            printf("written to the approvals topic\n");
        status = err == OK ? NOTARY_EXIT_OK : NOTARY_EXIT_FAILED;
    }
    notary_settings_deinit(sets);
    return status;
}

/* ---- by the port ---- */

/* {"statement": JWS}, {"comment": TEXT}, or {}.  To be freed. */
static char *body_of(const struct deciding *d)
{
    json_t *body = json_object();
    char *text;

    if (d->statement.len > 0)
        json_object_set_new(body, "statement", json_string(d->statement.data));
    else if (d->flags.comment)
        json_object_set_new(body, "comment", json_string(d->flags.comment));
    text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    return text;
}

static int tell(const struct deciding *d, long status, const struct text *answer)
{
    json_t *json = json_loadb(answer->data ? answer->data : "", answer->len, JSON_ALLOW_NUL, NULL);
    const char *now;

    if (!port_shows(&d->port, json)) {
        json_decref(json);
        return NOTARY_EXIT_FAILED;
    }
    now = json_string_value(json_object_get(json, "status"));
    if (port_wants_json(&d->port))
        printf("%s\n", answer->data ? answer->data : "");
    else if (status == 202)
        printf("%s: written; geminga notary show %s tells what became of it\n", decision_kind_name(d->kind),
               d->event_id);
    else
        printf("%s: %s is %s\n", decision_kind_name(d->kind), d->event_id, now ? now : "not known");
    json_decref(json);
    if (fflush(stdout) != 0)
        return NOTARY_EXIT_FAILED;
    return status == 202 && d->flags.wait_s > 0 ? NOTARY_EXIT_PENDING : NOTARY_EXIT_OK;
}

static int send_to_port(struct deciding *d)
{
    struct text path, answer;
    char *body = body_of(d);
    int exit_status = NOTARY_EXIT_FAILED;
    long status;

    text_init(&path, PATH_TEXT_MAX);
    text_init(&answer, ANSWER_MAX);
    port_workflow_path(d->event_id, &path);
    text_printf(&path, "/%s?wait=%" PRId64, decision_kind_name(d->kind), d->flags.wait_s);
    if (body && !text_failed(&path) && port_ask(&d->port, "POST", path.data, body, &status, &answer) == OK)
        exit_status = tell(d, status, &answer);
    text_deinit(&path);
    text_deinit(&answer);
    free(body);
    return exit_status;
}

/* ---- all of it ---- */

static int check_flags(const struct deciding *d)
{
    const char *name = decision_kind_name(d->kind);
    const struct decide_flags *f = &d->flags;

    if (f->approver_key && !f->approver)
        return notary_verb_misused(name, "--approver-key needs --as NAME");
    if (!f->approver_key && (f->approver || f->event_file || f->service_url || f->yes))
        return notary_verb_misused(name, "--as, --event, --yes and --service-url are for --approver-key");
    if (f->service_url && !f->event_file)
        return notary_verb_misused(name, "--service-url needs --event FILE: what is decided about");
    if (f->comment && !decision_comment_fits(f->comment))
        return notary_verb_misused(name, "a comment has at most %d bytes, and no control characters",
                                   DECISION_COMMENT_MAX);
    return NOTARY_EXIT_OK;
}

static int decide(struct deciding *d)
{
    if (d->flags.approver_key && !sign(d))
        return NOTARY_EXIT_FAILED;
    return d->flags.service_url ? write_to_topic(d) : send_to_port(d);
}

static int decide_as(enum decision_kind kind, int argc, char **argv)
{
    struct deciding d = {.kind = kind};
    const struct option_table *const tables[] = {&port_options, &decide_options};
    void *const values[] = {&d.port, &d.flags};
    struct options sets[2] = {0};
    int status = port_flags_read(decision_kind_name(kind), sets, tables, values, 2, 1, &argc, argv);

    if (status == NOTARY_EXIT_OK)
        status = check_flags(&d);
    if (status == NOTARY_EXIT_OK) {
        d.event_id = argv[0];
        text_init(&d.statement, DECISION_BYTES_MAX);
        status = uv_sys_new(&d.sys, NULL) == OK ? decide(&d) : NOTARY_EXIT_FAILED;
        text_deinit(&d.statement);
        if (d.sys)
            uv_sys_free(d.sys);
    }
    port_flags_deinit(sets, 2);
    return status;
}

int notary_verb_approve(int argc, char **argv)
{
    return decide_as(DECISION_APPROVE, argc, argv);
}

int notary_verb_reject(int argc, char **argv)
{
    return decide_as(DECISION_REJECT, argc, argv);
}

int notary_verb_cancel(int argc, char **argv)
{
    return decide_as(DECISION_CANCEL, argc, argv);
}

int notary_verb_retry(int argc, char **argv)
{
    return decide_as(DECISION_RETRY, argc, argv);
}

void notary_decide_help(struct text *out)
{
    const struct option_table *const tables[] = {&decide_options, &port_options};

    port_flags_help(tables, sizeof tables / sizeof *tables, out);
}
