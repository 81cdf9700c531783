/* SPDX-License-Identifier: Apache-2.0
 *
 * main.c - the program: its verbs; and its other name.
 */
#include "cli/cli.h"

#include "services/notary/notary_service.h"
#include "sys/sandbox.h"
#include <signal.h>
#include <stdio.h>

static int version_run(struct invocation *inv)
{
    if (inv->argc > 0)
        return cli_usage_error(inv, "nothing can follow it: `%s`", inv->argv[0]);
    puts("geminga " GEMINGA_VERSION);
    return CLI_OK;
}

static const struct verb version_verb = {
    .name = "version",
    .arguments = "",
    .text = "Prints the version.",
    .example = "  geminga version\n",
    .run = version_run,
};

const struct verb *const cli_verbs[] = {
    &up_verb,          &standalone_verb, &init_verb,    &admin_verb,  &client_verb,
    &perf_verb,        &notary_verb,     &store_verb,   &config_verb, &tokens_verb,
    &completions_verb, &websocket_verb,  &version_verb, &help_verb,   NULL,
};

/* As afdp-notary-pulsar, a link to it, the program is the notary: that is how its document has it run. */
static bool is_notary(const char *path)
{
    const char *slash = strrchr(path, '/');

    return strcmp(slash ? slash + 1 : path, "afdp-notary-pulsar") == 0;
}

int main(int argc, char **argv)
{
    struct invocation inv = {.path = "geminga", .argc = argc > 0 ? argc - 1 : 0, .argv = argv + 1};

    sandbox_forbid_privileges();
    (void)signal(SIGPIPE, SIG_IGN); /* who stops reading what we print is told by the write */
    if (argc > 0 && is_notary(argv[0]))
        return notary_main(argc, argv);
    if (inv.argc == 1 && (strcmp(inv.argv[0], "--version") == 0 || strcmp(inv.argv[0], "-v") == 0)) {
        inv.argc = 0;
        return version_run(&inv);
    }
    return cli_dispatch(cli_verbs, &inv);
}
