/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_main.c - `geminga notary`: the table of its verbs, help from it, and what the verbs share.
 */
#include "services/notary/files.h"
#include "services/notary/handlers/handler_host.h"
#include "services/notary/notary_service.h"
#include "services/notary/verbs/notary_verbs.h"
#include "services/notary/verbs/port_client.h"
#include "services/notary/visible.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CONFIG_DEFAULT "config/pulsar.toml"
#define CONFIG_MAX     (1u << 20)
#define COMPLAINT_MAX  4096

#define DECIDE_ARGUMENTS "EVENT [--comment TEXT] [--token T | --cert FILE --key FILE | --approver-key FILE --as NAME]"
#define DECIDE_FLAGS     PORT_FLAGS "|--comment|--wait|--approver-key|--as|--event|--yes|--service-url"

static const struct notary_verb verbs[] = {
    {.name = "verify",
     .arguments = "RECEIPT --event FILE [--public-key FILE]... [--approvers FILE] [--artifact FILE] [--extract DIR]",
     .text = "Checks a NotaryResult, a receipt out of one, or an exported workflow, without any network.",
     .help = "  --event FILE         the event that it is about\n"
             "  --public-key FILE    whom to believe (PEM, one or more): the notary's log, and its signer if that is "
             "another\n"
             "  --approvers FILE     the approvers' keys, as notary.approvals.approvers_file has them\n"
             "  --artifact FILE      also the path of one artifact of a batch (artifact-N.json of `export`)\n"
             "  --rekor-v1-key FILE, --rekor-v2-key FILE, --tsa-certs FILE\n"
             "                       whom to believe of other logs and time stamps in an exported workflow\n"
             "  --extract DIR        writes the pieces, for openssl and sha256sum (docs/notary.md)\n",
     .flags = "--event|--public-key|--approvers|--artifact|--rekor-v1-key|--rekor-v2-key|--tsa-certs|--extract",
     .run = notary_verb_verify},
    {.name = "verify-anchor",
     .arguments = "RECEIPT --leaf FILE --log-key FILE [--rekor-v1-key FILE] [--rekor-v2-key FILE] [--tsa-certs FILE]",
     .text = "Checks what another log or a time stamp says of an entry, without any network.",
     .help =
         "RECEIPT is a receipt, an array of them, or a document with \"anchors\".  The entry is the leaf.json that\n"
         "verify --extract writes; --log-key is the key of our own log.  Whose key is not given is believed as the\n"
         "receipt names it, and the report says so.\n",
     .flags = "--leaf|--log-key|--rekor-v1-key|--rekor-v2-key|--tsa-certs",
     .run = notary_verb_verify_anchor},
    {.name = "evidence",
     .arguments = "EVENT",
     .text = "Prints the evidence package of an event: the bytes that are hashed and signed.",
     .run = notary_verb_evidence},
    {.name = "key",
     .arguments = "[--log] [--config FILE] [--data DIR]",
     .text = "Prints the public key that evidence is signed with, after a trial of the signer; --log: the log's own.",
     .flags = "--log|--config|--data",
     .run = notary_verb_key},
    {.name = "demo",
     .arguments = "[--service-url URL] [--timeout SECONDS] [--save DIR]",
     .text = "Sends one sample event, waits for its receipt and verifies it.",
     .flags = "--service-url|--timeout|--save",
     .run = notary_verb_demo},
    {.name = "send",
     .arguments = "[--model ID] [--version V] [--environment ENV] [--artifact FILE]... [--wait] | --event FILE",
     .text = "Sends a deployment event from a pipeline; with --wait, its exit status is the answer's.",
     .describe = notary_send_help,
     .flags = "--model|--version|--environment|--strategy|--previous-version|--artifact|--source|--actor|--actor-type|"
              "--metadata|--workflow|--approver|--quorum|--expires|--priority|--id|--event|--wait|--wait-time|--save|"
              "--print|--service-url",
     .run = notary_verb_send},
    {.name = "list",
     .arguments = "[--status STATUS] [--type TYPE] [--after EVENT] [--limit N] [-o json]",
     .text = "Workflows, the newest first; --status open: what waits.",
     .describe = notary_list_help,
     .flags = PORT_FLAGS "|--status|--type|--after|--limit",
     .run = notary_verb_list},
    {.name = "show",
     .arguments = "EVENT [-o json]",
     .text = "One workflow: where it stands, who decided what, its log entry.",
     .describe = notary_show_help,
     .flags = PORT_FLAGS,
     .run = notary_verb_show},
    {.name = "approve",
     .arguments = DECIDE_ARGUMENTS,
     .text = "Approves a workflow, as an approver of its event.",
     .describe = notary_decide_help,
     .flags = DECIDE_FLAGS,
     .run = notary_verb_approve},
    {.name = "reject",
     .arguments = DECIDE_ARGUMENTS,
     .text = "Rejects a workflow, as an approver of its event.",
     .describe = notary_decide_help,
     .flags = DECIDE_FLAGS,
     .run = notary_verb_reject},
    {.name = "cancel",
     .arguments = DECIDE_ARGUMENTS,
     .text = "Ends a workflow without a receipt, as an approver of its event or an operator.",
     .describe = notary_decide_help,
     .flags = DECIDE_FLAGS,
     .run = notary_verb_cancel},
    {.name = "retry",
     .arguments = DECIDE_ARGUMENTS,
     .text = "Tries again what has failed, as an approver of its event or an operator.",
     .describe = notary_decide_help,
     .flags = DECIDE_FLAGS,
     .run = notary_verb_retry},
    {.name = "export",
     .arguments = "EVENT [--to DIR]",
     .text = "Writes what somebody needs to verify a result without the notary.",
     .describe = notary_export_help,
     .flags = PORT_FLAGS "|--to",
     .run = notary_verb_export},
    {.name = "approver-key",
     .arguments = "NAME [--out FILE] [--kind ed25519|p256] [--operator]",
     .text = "Makes a key pair for an approver, and prints the lines for the approvers file.",
     .describe = notary_approver_key_help,
     .flags = "--out|--kind|--operator",
     .run = notary_verb_approver_key},
    {.name = "log",
     .arguments = "[show|verify|consistency FROM [TO]|entry N] [--data DIR]",
     .text = "The transparency log of a data directory, looked at without the notary; it may be running.",
     .help =
         "  show         whose log it is, its size, root, key and last checkpoint (-o json)\n"
         "  verify       hashes every entry, checks every checkpoint, compares the files in log/; --public-key FILE:\n"
         "               and the log is that key's\n"
         "  consistency  the proof that the log of FROM entries is the beginning of that of TO; --checkpoint FILE: "
         "that\n               the log goes on from a checkpoint which somebody kept\n"
         "  entry        one entry, its events, receipts of other logs and proof; --leaf: its bytes alone\n",
     .flags = "--data|--public-key|--checkpoint|--leaf|-o|--config",
     .run = notary_verb_log},
    {.name = "config",
     .arguments = "[--effective] [-o json] [any option]",
     .text = "Shows what a notary with this file, environment and flags would go by, and who says so.",
     .help =
         "Without --effective: what is not the default.  Secrets are stars.  What a notary would refuse is said, with "
         "exit status 1.\n",
     .flags = "--effective|-o",
     .run = notary_verb_config},
};
#define VERBS (sizeof verbs / sizeof *verbs)

const struct notary_verb *notary_verbs(size_t *count)
{
    *count = VERBS;
    return verbs;
}

/* ---- what is said ---- */

/* A line, whatever servers and files have in it. */
static PRINTF_LIKE(1, 0) void complain(const char *format, va_list args)
{
    char line[COMPLAINT_MAX];
    struct text shown;

    vsnprintf(line, sizeof line, format, args);
    text_init(&shown, 10 * sizeof line);
    visible_add(&shown, bytes_of_text(line));
    fprintf(stderr, "%s\n", shown.data ? shown.data : "");
    text_deinit(&shown);
}

void notary_complain(const char *format, ...)
{
    va_list args;

    fputs("geminga notary: ", stderr);
    va_start(args, format);
    complain(format, args);
    va_end(args);
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

bool notary_take_word(int *argc, char **argv, const char *name)
{
    int kept = 0;

    for (int i = 0; i < *argc; i++)
        if (strcmp(argv[i], name) != 0)
            argv[kept++] = argv[i];
    bool taken = kept < *argc;
    *argc = kept;
    return taken;
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

bool notary_read_named(const char *path, struct text *to)
{
    enum err err = file_read_whole(path, to);

    if (err != OK)
        notary_complain("cannot read %s: %s", path, err == ERR_IO ? strerror(errno) : err_text(err));
    return err == OK;
}

/* ---- help ---- */

static int print_usage(void)
{
    struct notary_settings settings;
    struct options sets[NOTARY_TABLES];
    struct text help;

    printf("usage: geminga notary [--config FILE] [--data DIR] [--service-url URL] [--log-level LEVEL]\n");
    for (size_t i = 0; i < VERBS; i++)
        printf("       geminga notary %s %s\n", verbs[i].name, verbs[i].arguments);
    printf("\nWithout a verb: notarizes the events of a topic, until SIGTERM or Ctrl-C.\n");
    for (size_t i = 0; i < VERBS; i++)
        printf("  %-13s %s\n", verbs[i].name, verbs[i].text);
    text_init(&help, CONFIG_MAX);
    if (notary_settings_init(&settings, sets) == OK)
        options_help(sets, &help);
    printf("\nSettings come from --config FILE (" CONFIG_DEFAULT
           " when it is there), then the environment, then flags:\n%s",
           help.data ? help.data : "");
    printf("\nexample:\n  geminga notary --config config/pulsar.toml\n"
           "  geminga notary verify result.json --event event.json --public-key data/notary/notary.pub\n");
    text_deinit(&help);
    notary_settings_deinit(sets);
    return NOTARY_EXIT_OK;
}

static void print_description(const struct notary_verb *verb)
{
    struct text description;

    text_init(&description, CONFIG_MAX);
    verb->describe(&description);
    printf("\n%s", description.data ? description.data : "");
    text_deinit(&description);
}

static int print_verb(const struct notary_verb *verb)
{
    printf("usage: geminga notary %s %s\n\n%s\n", verb->name, verb->arguments, verb->text);
    if (verb->help)
        printf("\n%s", verb->help);
    if (verb->describe)
        print_description(verb);
    return NOTARY_EXIT_OK;
}

/* ---- which verb ---- */

static const struct notary_verb *verb_find(const char *name)
{
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(name, verbs[i].name) == 0)
            return &verbs[i];
    return NULL;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
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

int notary_verb_misused(const char *name, const char *format, ...)
{
    const struct notary_verb *verb = verb_find(name);
    va_list args;

    fprintf(stderr, "geminga notary %s: ", name);
    va_start(args, format);
    complain(format, args);
    va_end(args);
    fprintf(stderr, "usage: geminga notary %s %s\n", name, verb ? verb->arguments : "");
    return NOTARY_EXIT_USAGE;
}

int notary_main(int argc, char **argv)
{
    const struct notary_verb *verb;

    if (argc > 1 && strcmp(argv[1], "handler-host") == 0) /* not for people: handler_host.h */
        return handler_host_main(argc - 2, argv + 2);
    if (argc < 2 || argv[1][0] == '-')
        return asks_for_help(argc, argv) ? print_usage() : notary_verb_run(argc - 1, argv + 1);
    if (!(verb = verb_find(argv[1])))
        return asks_for_help(argc, argv) ? print_usage() : unknown_verb(argv[1]);
    return asks_for_help(argc, argv) ? print_verb(verb) : verb->run(argc - 2, argv + 2);
}
