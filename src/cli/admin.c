/* SPDX-License-Identifier: Apache-2.0
 *
 * admin.c - `geminga admin`: the options before the group, who is asked, and which command it is.
 *
 * Works with any Pulsar broker: nothing here knows Geminga's.  The files of settings are Pulsar's client.conf.
 */
#include "cli/access.h"
#include "cli/admin_auth.h"
#include "cli/admin_call.h"
#include "cli/cli.h"
#include "cli/completion.h"
#include "cli/http_access.h"
#include "cli/pulsar_keys.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WORDS_MAX  512
#define GROUPS_MAX 32

struct admin_config {
    char *url, *tls_provider;
    struct access_config access;
    bool version;
    int64_t timeout_seconds;
};

#define AT(member) .offset = offsetof(struct admin_config, member)

static const struct option rows[] = {
    {.key = "client.web_url",
     .alias = "webServiceUrl",
     .env = "PULSAR_ADMIN_URL",
     .flag = "--admin-url",
     .type = OPTION_TEXT,
     .fallback = "http://localhost:8080",
     AT(url),
     .text = "Where the broker's HTTP is."},
    ACCESS_ROWS(struct admin_config, access),
    {.key = "client.request_timeout",
     .flag = "--request-timeout",
     .type = OPTION_INTEGER,
     .fallback = "300",
     .min = 1,
     .max = 86400,
     AT(timeout_seconds),
     .text = "Seconds to wait for an answer."},
    {.key = "client.tls_provider",
     .alias = "webserviceTlsProvider",
     .flag = "--tls-provider",
     .type = OPTION_TEXT,
     AT(tls_provider),
     .text = "A Java client's; it is always OpenSSL here."},
    {.key = "client.version",
     .flag = "-v|--version",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(version),
     .text = "Prints the version."},
};

static const struct option_table admin_options = OPTION_TABLE(rows);

/* ---- asking ---- */

struct http_asker {
    struct admin_asker asker;
    struct http_target target;
};

static enum err http_ask_broker(struct admin_asker *asker, const struct admin_request *request,
                                struct http_answer *answer, char *why, size_t why_size)
{
    const struct http_asker *http = (const struct http_asker *)(const void *)asker; /* its first member */
    const struct http_request sent = {.method = request->method,
                                      .path = request->path,
                                      .type = request->type,
                                      .body = request->body,
                                      .body_len = request->body ? strlen(request->body) : 0};

    return http_client_ask(&http->target, &sent, answer, why, why_size);
}

static int64_t wall_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- words ---- */

static int group_unknown(const struct invocation *inv, const char *word)
{
    const char *names[GROUPS_MAX];
    size_t count = 0;

    for (size_t i = 0; admin_groups[i] && count < GROUPS_MAX; i++)
        names[count++] = admin_groups[i]->name;
    const char *nearest = nearest_word(word, names, count);
    if (nearest)
        (void)cli_usage_error(inv, "there is no group `%s`; did you mean `%s`?", word, nearest);
    else
        (void)cli_usage_error(inv, "there is no group `%s`", word);
    return ADMIN_FAILED;
}

static int command_unknown(const struct invocation *inv, const struct admin_group *group, const char *word)
{
    static char names[WORDS_MAX][72]; /* of one group; too large for the stack */
    const char *list[WORDS_MAX];
    struct admin_entry entry;
    const size_t count = admin_command_count(group) < WORDS_MAX ? admin_command_count(group) : WORDS_MAX;

    for (size_t i = 0; i < count; i++) {
        admin_command_get(group, i, &entry);
        (void)snprintf(names[i], sizeof names[i], "%s", entry.command.name);
        list[i] = names[i];
    }
    const char *nearest = nearest_word(word, list, count);
    (void)fprintf(stderr, "%s: `%s` has no command `%s`%s%s%s\nTry `geminga admin %s`.\n", inv->path, group->name, word,
                  nearest ? "; did you mean `" : "", nearest ? nearest : "", nearest ? "`?" : "", group->name);
    return ADMIN_FAILED;
}

static bool is_help(const char *word)
{
    return strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0;
}

/* "-o table" is for every command and stands anywhere; takes it out.  False: said. */
static bool output_take(const struct invocation *inv, int *argc, char **argv, enum admin_output *output)
{
    int kept = 0;

    for (int i = 0; i < *argc; i++) {
        const bool with = strncmp(argv[i], "--output=", 9) == 0;
        if (!with && strcmp(argv[i], "-o") != 0 && strcmp(argv[i], "--output") != 0) {
            argv[kept++] = argv[i];
            continue;
        }
        const char *form = with ? argv[i] + 9 : i + 1 < *argc ? argv[++i] : "";
        if (strcmp(form, "json") != 0 && strcmp(form, "table") != 0) {
            (void)cli_usage_error(inv, "-o is json or table, not `%s`", form);
            return false;
        }
        *output = strcmp(form, "json") == 0 ? ADMIN_AS_JSON : ADMIN_AS_TABLE;
    }
    *argc = kept;
    argv[kept] = NULL;
    return true;
}

/* ---- running ---- */

static int command_carry_out(const struct admin_config *config, const struct admin_group *group,
                             const struct admin_command *command, enum admin_output output, int argc, char **argv)
{
    struct http_asker http = {.asker = {.ask = http_ask_broker}};
    struct admin_proof proof = {0};
    char why[ADMIN_MESSAGE_MAX];
    struct admin_call call = {.group = group,
                              .command = command,
                              .output = output,
                              .asker = &http.asker,
                              .now_ms = wall_ms,
                              .out = stdout,
                              .errors = stderr,
                              .in = stdin};
    int status = admin_words_read(&call, argc, argv);

    if (status == 0 && !http_access_read(config->url, &config->access, (int)config->timeout_seconds * 1000,
                                         &http.target, &proof, why, sizeof why))
        status = admin_refuse(&call, "%s", why);
    call.authorization = proof.authorization;
    if (status == 0)
        status = admin_call_run(&call);
    admin_call_free(&call);
    admin_proof_deinit(&proof);
    if (fflush(stdout) != 0)
        status = ADMIN_FAILED;
    return status;
}

/* "--help" and "--version" go for every command that has no such option of its own. */
static bool shown_instead(const struct admin_group *group, const struct admin_command *command, int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const bool version = strcmp(argv[i], "-v") == 0 || strcmp(argv[i], "--version") == 0;
        if (admin_option_find(command->options, argv[i], strlen(argv[i])))
            continue;
        if (is_help(argv[i])) {
            admin_help_command(group, command, stdout);
            return true;
        }
        if (version) {
            puts("geminga " GEMINGA_VERSION);
            return true;
        }
    }
    return false;
}

static int group_run(const struct invocation *inv, const struct admin_config *config, const struct admin_group *group,
                     int argc, char **argv)
{
    enum admin_output output = ADMIN_AS_PULSAR;
    struct admin_entry entry;

    if (!output_take(inv, &argc, argv, &output))
        return ADMIN_FAILED;
    if (group->refusal && (argc == 0 || !is_help(argv[0]))) {
        cli_error(inv, "%s", group->refusal);
        return ADMIN_FAILED;
    }
    if (group->alone) {
        admin_command_get(group, 0, &entry);
        return shown_instead(group, &entry.command, argc, argv)
                   ? 0
                   : command_carry_out(config, group, &entry.command, output, argc, argv);
    }
    if (argc == 0 || is_help(argv[0])) {
        admin_help_group(group, argc == 0 ? stderr : stdout);
        return argc == 0 ? ADMIN_FAILED : 0;
    }
    if (!admin_command_find(group, argv[0], &entry))
        return command_unknown(inv, group, argv[0]);
    if (shown_instead(group, &entry.command, argc - 1, argv + 1))
        return 0;
    return command_carry_out(config, group, &entry.command, output, argc - 1, argv + 1);
}

/* ---- before the group ---- */

/* Where the group's name is in the words; `argc` when it is not there. */
static int group_index(int argc, char **argv)
{
    int i = 0;

    while (i < argc && !admin_group_find(argv[i]))
        i++;
    return i;
}

/* Pulsar's launcher hands its tool a file as the first word; so may people. */
static bool is_conf_file(const char *word)
{
    const size_t len = strlen(word);

    return len > 5 && strcmp(word + len - 5, ".conf") == 0;
}

/* The words before the group, with the file that the environment or the first word names in front. */
static int words_before(char **to, int count, char **argv)
{
    static char config_flag[] = "--config";
    char *conf = getenv("PULSAR_CLIENT_CONF");
    int n = 0;

    if (count > 0 && is_conf_file(argv[0])) {
        conf = argv[0];
        argv++;
        count--;
    }
    if (conf && *conf) {
        to[n++] = config_flag;
        to[n++] = conf;
    }
    for (int i = 0; i < count && n < WORDS_MAX; i++)
        to[n++] = argv[i];
    to[n] = NULL;
    return n;
}

static int overview(FILE *out)
{
    struct options set = {.table = admin_options.rows, .count = admin_options.count};
    struct text text;

    admin_help(out);
    text_init(&text, 64u * 1024);
    text_add(&text, "\nOptions before the group:\n");
    options_help(&set, &text);
    text_printf(&text, "\nExample:\n%s", admin_verb.example);
    if (!text_failed(&text))
        (void)fputs(text.data, out);
    text_deinit(&text);
    return out == stdout ? 0 : ADMIN_FAILED;
}

static int admin_main(int argc, char **argv)
{
    char *words[WORDS_MAX + 4];
    struct options sets[VERB_TABLES_MAX];
    struct admin_config config = {0};
    void *const values[VERB_TABLES_MAX] = {&config};
    struct invocation inv = {.verb = &admin_verb, .path = "geminga admin", .argv = words};
    const int at = group_index(argc - 1, argv + 1);
    char **rest = argv + 1 + at;
    int status;

    if (argc == 1)
        return overview(stderr);
    for (int i = 1; i <= at && i < argc; i++) {
        if (is_help(argv[i]))
            return overview(stdout);
    }
    inv.argc = words_before(words, at, argv + 1);
    status = cli_configure(&inv, sets, values);
    if (status == CLI_OK && config.version)
        puts("geminga " GEMINGA_VERSION);
    else if (status == CLI_OK && inv.argc > 0)
        status = group_unknown(&inv, inv.argv[0]);
    else if (status == CLI_OK && at == argc - 1)
        status = overview(stderr);
    else if (status == CLI_OK)
        status = group_run(&inv, &config, admin_group_find(rest[0]), argc - 2 - at, rest + 1);
    cli_deconfigure(&inv, sets);
    return status == 0 ? 0 : ADMIN_FAILED;
}

const struct verb admin_verb = {
    .name = "admin",
    .text = "Administers a broker, Geminga's or Apache Pulsar's.",
    .example = "  geminga admin topics list public/default\n",
    .tables = {&admin_options},
    .complete = admin_complete,
    .foreign = &pulsar_admin_keys,
    .main = admin_main,
};
